//! Forward declarations: where the module has only declared a tag (FWD, or an ENUM without values),
//! the base's definition fits as well.
//!
//! So a type of the module can fit several types of the base that are not the same. First both sides
//! are compared with everything of such a tag taken for one; that settles all but the types in which
//! the module itself defines the tag as well as declaring it. Those are compared pair by pair.

use std::collections::{HashMap, HashSet};

use super::matching::Graph;
use super::refine;
use super::signature::{declares, defines, has_name};

/// How many pairs are compared for each type at most. Only BTF made for it has more; then types
/// that might have fitted stay the module's own.
const PAIRS_PER_TYPE: usize = 64;

/// What is known with declarations taken for definitions.
pub(super) struct Declared<'g, 'a> {
    graph: &'g Graph<'a>,
    /// The classes without that.
    exact: &'g [u32],
    /// The classes of the base's types by themselves, by id. What of the base is not in the graph tells
    /// its types apart as well.
    of_base: &'g [u32],
    /// The classes when all of a declared tag is one.
    loose: Vec<u32>,
    /// Of nodes of a declared tag, which one; else 0.
    tags: Vec<u32>,
    /// For each node, where its references are in `graph.edges`.
    first_edge: Vec<usize>,
}

/// One node of the module, one of the base.
type Pair = (u32, u32);

impl<'g, 'a> Declared<'g, 'a> {
    pub(super) fn new(graph: &'g Graph<'a>, exact: &'g [u32], of_base: &'g [u32]) -> Self {
        let tags: Vec<u32> = graph
            .nodes()
            .map(|node| {
                let tag = graph.record(node).and_then(|ty| {
                    let key = (defines(ty).or(declares(ty))?, ty.name());
                    graph.declarations.get(&key)
                });
                tag.map_or(0, |number| number.saturating_add(1))
            })
            .collect();
        let tag = |node: u32| tags.get(node as usize).copied().unwrap_or(0);
        // Keys of tags are above all others.
        let above = graph.keys.iter().max().map_or(0, |max| max.saturating_add(1));
        let keys: Vec<u32> = (graph.keys.iter().zip(&tags))
            .map(|(key, tag)| if *tag == 0 { *key } else { above.saturating_add(*tag) })
            .collect();
        let edges: Vec<refine::Edge> =
            graph.edges.iter().filter(|edge| tag(edge.from) == 0).copied().collect();
        let loose = refine::classes(&keys, &edges);
        let mut first_edge = vec![0; tags.len().saturating_add(1)];
        for edge in &graph.edges {
            if let Some(next) = first_edge.get_mut((edge.from as usize).saturating_add(1)) {
                *next = usize::saturating_add(*next, 1);
            }
        }
        let mut sum = 0_usize;
        for first in &mut first_edge {
            sum = sum.saturating_add(*first);
            *first = sum;
        }
        Declared { graph, exact, of_base, loose, tags, first_edge }
    }

    /// Fills in what has no type of the base so far.
    pub(super) fn settle(&self, result: &mut [u32]) {
        let wanted: Vec<(u32, usize)> =
            self.graph.module_nodes().filter(|(_, id)| result.get(*id) == Some(&0)).collect();
        // Of each class, one node of the base of those that are the same, lowest id first.
        let mut of_class: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut of_key: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut seen = HashSet::new();
        let mut base: Vec<u32> =
            self.graph.nodes().filter(|node| self.graph.is_of_base(*node)).collect();
        base.sort_unstable_by_key(|node| self.id(*node));
        for node in base {
            if seen.insert(at(self.of_base, self.id(node))) {
                of_class.entry(at(&self.loose, node)).or_default().push(node);
                if at(&self.tags, node) != 0 {
                    of_key.entry(at(&self.graph.keys, node)).or_default().push(node);
                }
            }
        }
        let candidates = |node: u32| -> &[u32] {
            let list = if self.is_definition(node) {
                of_key.get(&at(&self.graph.keys, node))
            } else {
                of_class.get(&at(&self.loose, node))
            };
            list.map_or(&[], Vec::as_slice)
        };
        let fitting = if self.all_fit() {
            Fitting::All
        } else {
            let pairs = wanted
                .iter()
                .flat_map(|(node, _)| candidates(*node).iter().map(|base| (*node, *base)));
            Fitting::These(self.compare(pairs))
        };
        for (node, id) in wanted {
            let declared = self.graph.record(node).is_some_and(|ty| declares(ty).is_some());
            let mut fits = candidates(node)
                .iter()
                .filter(|base| !declared || self.is_definition(**base))
                .filter(|base| declared || fitting.has(&(node, **base)));
            // What has no name to go by must not be a choice between different types.
            let choice = self.is_vague(node);
            let found = fits.next().filter(|_| !choice || fits.next().is_none());
            if let (Some(place), Some(found)) = (result.get_mut(id), found) {
                *place = self.id(*found);
            }
        }
    }

    /// Whether all that is in a class fits: where the module defines none of the tags, and declares each
    /// in one way.
    fn all_fit(&self) -> bool {
        let mut ways: HashMap<u32, u32> = HashMap::new();
        let tagged = self.graph.nodes().filter(|node| at(&self.tags, *node) != 0);
        let mut tagged = tagged.filter(|node| self.graph.record(*node).is_some());
        tagged.all(|node| match self.is_definition(node) {
            true => self.graph.is_of_base(node),
            false => {
                let key = at(&self.graph.keys, node);
                *ways.entry(at(&self.tags, node)).or_insert(key) == key
            }
        })
    }

    fn id(&self, node: u32) -> u32 {
        self.graph.record(node).map_or(0, |ty| ty.id().0)
    }

    /// Whether a node defines a tag that the module declares.
    fn is_definition(&self, node: u32) -> bool {
        at(&self.tags, node) != 0 && self.graph.record(node).is_some_and(|ty| defines(ty).is_some())
    }

    fn is_vague(&self, node: u32) -> bool {
        self.graph.record(node).is_none_or(|ty| !has_name(ty) || declares(ty).is_some())
    }

    /// What a node refers to, in order.
    fn refers(&self, node: u32) -> impl Iterator<Item = u32> {
        let bound = |at: u32| self.first_edge.get(at as usize).copied().unwrap_or(0);
        let edges = self.graph.edges.get(bound(node)..bound(node.saturating_add(1)));
        edges.unwrap_or_default().iter().map(|edge| edge.to)
    }

    /// Those of the pairs that are the same: the largest set in which every pair's references are
    /// pairs of the set again.
    fn compare(&self, pairs: impl Iterator<Item = Pair>) -> HashMap<Pair, bool> {
        let limit = PAIRS_PER_TYPE.saturating_mul(self.tags.len());
        let mut fits: HashMap<Pair, bool> = HashMap::new();
        let mut needed_by: HashMap<Pair, Vec<Pair>> = HashMap::new();
        let mut open = Vec::new();
        let mut wrong = Vec::new();
        for pair in pairs {
            if fits.len() < limit && fits.insert(pair, true).is_none() {
                open.push(pair);
            }
        }
        while let Some(pair) = open.pop() {
            for next in self.refers(pair.0).zip(self.refers(pair.1)) {
                let verdict = match self.at_once(next) {
                    None if fits.len() >= limit && !fits.contains_key(&next) => Some(false),
                    verdict => verdict,
                };
                match verdict {
                    Some(true) => {}
                    Some(false) => wrong.push(pair),
                    None => {
                        needed_by.entry(next).or_default().push(pair);
                        if fits.insert(next, true).is_none() {
                            open.push(next);
                        }
                    }
                }
            }
        }
        while let Some(pair) = wrong.pop() {
            if fits.insert(pair, false) == Some(true) {
                wrong.extend(needed_by.remove(&pair).unwrap_or_default());
            }
        }
        fits
    }

    /// Whether two nodes are the same, where that can be told without looking further.
    fn at_once(&self, (module, base): Pair) -> Option<bool> {
        if at(self.exact, module) == at(self.exact, base) {
            Some(true)
        } else if at(&self.loose, module) != at(&self.loose, base) {
            Some(false)
        } else if at(&self.tags, module) == 0 {
            None
        } else if !self.is_definition(module) {
            // Another declaration is no definition.
            Some(self.is_definition(base))
        } else if at(&self.graph.keys, module) != at(&self.graph.keys, base) {
            Some(false)
        } else {
            None
        }
    }
}

fn at(list: &[u32], node: u32) -> u32 {
    list.get(node as usize).copied().unwrap_or(u32::MAX)
}

/// Which pairs fit.
enum Fitting {
    All,
    These(HashMap<Pair, bool>),
}

impl Fitting {
    fn has(&self, pair: &Pair) -> bool {
        match self {
            Fitting::All => true,
            Fitting::These(pairs) => pairs.get(pair) == Some(&true),
        }
    }
}
