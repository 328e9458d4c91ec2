//! The types around a type, as a graph.
//!
//! A node is a type, an edge is a word of its record that is a type id: a member, a parameter, what a typedef
//! stands for. Which words these are follows from their classes, so that kinds which are known by their
//! descriptions alone have edges as all others do.
//!
//! By default what C spells out around a name belongs to the edge: pointers, arrays, qualifiers and typedefs, the
//! prototypes of functions, structs without a name. With [`Options::all`] every record is a node.
//!
//! ```
//! use btfkinds::graph::{Graph, Options};
//! use btfkinds::{Btf, Member, TypeId};
//!
//! // struct list_head { struct list_head *next, *prev; };
//! let mut btf = Btf::new();
//! let pointer = btf.add_ptr(TypeId(2))?;
//! let next = Member { name: "next", ty: pointer, bits_offset: 0, bitfield_size: 0 };
//! let list = btf.add_struct("list_head", 16, &[next, Member { name: "prev", bits_offset: 64, ..next }])?;
//! let graph = Graph::around(&btf, &[list], &Options::default());
//! let edges: Vec<String> = graph.edges().map(|(_, edge, _)| edge.to_string()).collect();
//! assert_eq!(edges, ["struct list_head *next at offset 0, 8 bytes", "struct list_head *prev at offset 8, 8 bytes"]);
//! assert!(graph.to_string().starts_with("digraph"));
//! # Ok::<(), btfkinds::Error>(())
//! ```

mod dot;
mod fold;
mod users;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::btf::{Btf, TypeId};
use crate::kind::Kind;
use fold::Fold;
use users::Users;

/// How much of the graph to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many edges away from the types asked for.
    pub depth: u32,
    /// Against the edges: who uses these types.
    pub reverse: bool,
    /// No more nodes than this; nearer ones come first.
    pub limit: usize,
    /// Every record is a node.
    pub all: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { depth: 1, reverse: false, limit: 100, all: false }
    }
}

/// A type in the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: TypeId,
    /// Its kind.
    pub kind: Kind,
    /// What it is called: `struct list_head`, `vfs_read()`, `LOCSEC .text`.
    pub title: String,
    /// Its size in bytes, where it has one.
    pub size: Option<u64>,
    /// How many edges it is away from the nearest of the types asked for.
    pub distance: u32,
    /// What is shown of what it refers to, in the order of its record; empty for a node at the rim, whose
    /// edges are not followed.
    pub rows: Vec<Row>,
}

/// A part of a type that refers to others: a member, a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The declaration in C, such as `struct list_head *next`; for kinds that C doesn't know the field's name.
    pub text: String,
    /// Where it is, in bits from the start of the type, where it has a place.
    pub bits_offset: Option<u64>,
    /// Its size in bits, where it has one.
    pub bits: Option<u64>,
    /// Whether it is a bitfield.
    pub bitfield: bool,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.bits_offset {
            Some(bits) if bits % 8 == 0 => write!(f, " at offset {}", bits / 8)?,
            Some(bits) => write!(f, " at offset {}, bit {}", bits / 8, bits % 8)?,
            None => return Ok(()),
        }
        match self.bits {
            Some(1) if self.bitfield => write!(f, ", 1 bit"),
            Some(bits) if self.bitfield => write!(f, ", {bits} bits"),
            Some(bits) => write!(f, ", {} bytes", bits / 8),
            None => Ok(()),
        }
    }
}

/// A reference from one type to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Which row of the type it starts from.
    pub row: usize,
    /// What the row is.
    pub what: Row,
    /// Whether a pointer, or a function, is between: else the one contains the other, or stands for it.
    pub pointer: bool,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.what, f)
    }
}

/// Types and what they refer to.
///
/// Displayed, it is the picture in the language of Graphviz (DOT), with a legend of the kinds that the BTF
/// describes.
#[derive(Debug)]
pub struct Graph<'a> {
    btf: &'a Btf,
    options: Options,
    graph: DiGraph<Node, Edge>,
    left_out: usize,
}

impl<'a> Graph<'a> {
    /// The graph around types of `btf`, or of its bases. Ids that reach nothing are left out.
    pub fn around(btf: &'a Btf, roots: &[TypeId], options: &Options) -> Graph<'a> {
        let graph = DiGraph::new();
        let mut graph = Graph { btf, options: *options, graph, left_out: 0 };
        if options.reverse {
            graph.grow_up(roots);
        } else {
            graph.grow(roots);
        }
        graph
    }

    /// The graph itself, for the algorithms of petgraph.
    pub fn as_petgraph(&self) -> &DiGraph<Node, Edge> {
        &self.graph
    }

    /// The nodes, nearest first.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.graph.node_weights()
    }

    /// The edges, each with the types at its ends.
    pub fn edges(&self) -> impl Iterator<Item = (&Node, &Edge, &Node)> {
        self.graph.edge_references().filter_map(|edge| {
            let from = self.graph.node_weight(edge.source())?;
            Some((from, edge.weight(), self.graph.node_weight(edge.target())?))
        })
    }

    /// How many types there were no more room for.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Along the edges.
    fn grow(&mut self, roots: &[TypeId]) {
        let fold = Fold::new(self.btf, self.options.all, BTreeSet::new());
        let mut seen: HashMap<u32, Option<NodeIndex>> = HashMap::new();
        let mut todo = VecDeque::new();
        for id in roots {
            let (id, title) = fold.root(id.0);
            self.meet(&fold, &mut seen, &mut todo, id, title, 0);
        }
        while let Some((id, at, distance)) = todo.pop_front() {
            if distance >= self.options.depth {
                continue;
            }
            for (row, uses) in fold.uses(id).into_iter().enumerate() {
                for target in uses.targets {
                    let next = distance.saturating_add(1);
                    let to = self.meet(&fold, &mut seen, &mut todo, target.id, target.title, next);
                    if let Some(to) = to {
                        let edge = Edge { row, what: uses.row.clone(), pointer: target.pointer };
                        self.graph.add_edge(at, to, edge);
                    }
                }
                if let Some(node) = self.graph.node_weight_mut(at) {
                    node.rows.push(uses.row);
                }
            }
        }
    }

    /// Against the edges. Of a type are shown only the rows that lead to where it was found from.
    fn grow_up(&mut self, roots: &[TypeId]) {
        let fold = Fold::new(self.btf, self.options.all, roots.iter().map(|id| id.0).collect());
        let users = Users::new(self.btf);
        let mut seen: HashMap<u32, Option<NodeIndex>> = HashMap::new();
        let mut todo = VecDeque::new();
        for id in roots {
            self.meet(&fold, &mut seen, &mut todo, id.0, None, 0);
        }
        while let Some((id, at, distance)) = todo.pop_front() {
            if distance >= self.options.depth {
                continue;
            }
            for user in users.of(&fold, id) {
                let next = distance.saturating_add(1);
                let title = users.typedef(self.btf, user);
                let Some(from) = self.meet(&fold, &mut seen, &mut todo, user, title, next) else {
                    continue;
                };
                let uses = fold.uses(user);
                for uses in uses {
                    let to_this = uses.targets.iter().find(|target| target.id == id);
                    let (Some(target), Some(node)) = (to_this, self.graph.node_weight_mut(from))
                    else {
                        continue;
                    };
                    let known = node.rows.iter().position(|row| *row == uses.row);
                    let row = known.unwrap_or(node.rows.len());
                    if known.is_none() {
                        node.rows.push(uses.row.clone());
                    }
                    let edge = Edge { row, what: uses.row, pointer: target.pointer };
                    self.graph.add_edge(from, at, edge);
                }
            }
        }
    }

    /// The node of a type, a new one if there is room; new ones are also put behind the others to do.
    fn meet(
        &mut self,
        fold: &Fold<'a>,
        seen: &mut HashMap<u32, Option<NodeIndex>>,
        todo: &mut VecDeque<(u32, NodeIndex, u32)>,
        id: u32,
        title: Option<String>,
        distance: u32,
    ) -> Option<NodeIndex> {
        if let Some(known) = seen.get(&id) {
            return *known;
        }
        let ty = self.btf.get(TypeId(id))?;
        if self.graph.node_count() >= self.options.limit.max(1) {
            self.left_out = self.left_out.saturating_add(1);
            seen.insert(id, None);
            return None;
        }
        let node = Node {
            id: ty.id(),
            kind: ty.kind(),
            title: title.unwrap_or_else(|| fold.title(ty)),
            size: fold.size(id),
            distance,
            rows: Vec::new(),
        };
        let at = self.graph.add_node(node);
        seen.insert(id, Some(at));
        todo.push_back((id, at, distance));
        Some(at)
    }
}
