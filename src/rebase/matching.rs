//! Matching: which types of a module are types of the base.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use bstr::BStr;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::declared::Declared;
use super::refine::{self, Edge};
use super::signature::{self, Signatures, Tag, can_merge, declares, defines, same_words};
use crate::btf::{Btf, Record, TypeId};
use crate::kind::Kind;
use crate::relocate::all_types;

/// A base, prepared once so that many modules can be rebased on it.
///
/// ```
/// use std::sync::Arc;
/// use btfkinds::{BaseIndex, Btf, Kind, NewType};
///
/// let int = NewType { kind: Kind::INT, name: "int", kind_flag: false, vlen: 0, size_or_type: 4, words: &[1 << 24 | 32] };
/// let (mut base, mut module) = (Btf::new(), Btf::new());
/// base.add(int)?;
/// module.add(int)?;
/// module.add(NewType { name: "mine", ..int })?;
/// let rebased = BaseIndex::new(Arc::new(base)).rebase(&module, &[])?;
/// // The module's `int` is the base's; what is left are its own type and the origin record.
/// assert_eq!((rebased.of_base(), rebased.own()), (1, 1));
/// # Ok::<(), btfkinds::Error>(())
/// ```
#[derive(Debug)]
pub struct BaseIndex {
    base: Arc<Btf>,
    hasher: DefaultHashBuilder,
    signatures: Signatures,
    /// Types that can be matched, by their signatures, lowest id first.
    by_signature: Vec<(u64, u32)>,
    /// The classes of the base's types by themselves, once they were needed.
    classes: OnceLock<Vec<u32>>,
    /// Definitions of tags, and functions, by what stands for them elsewhere, lowest id first.
    by_tag: Vec<(u64, u32)>,
}

/// The ids that a sorted list has for a signature.
fn found(list: &[(u64, u32)], signature: u64) -> impl Iterator<Item = u32> {
    let from = list.partition_point(|(other, _)| *other < signature);
    let rest = list.get(from..).unwrap_or_default().iter();
    rest.take_while(move |(other, _)| *other == signature).map(|(_, id)| *id)
}

impl BaseIndex {
    /// Prepares a base.
    pub fn new(base: Arc<Btf>) -> BaseIndex {
        let hasher = DefaultHashBuilder::default();
        let signatures = Signatures::new(&base, &hasher);
        let (mut by_signature, mut by_tag) = (Vec::new(), Vec::new());
        for ty in all_types(&base).filter(can_merge) {
            let id = ty.id().0;
            by_signature.push((signatures.of(id), id));
            if defines(&ty).is_some() || ty.kind() == Kind::FUNC {
                by_tag.push((signatures.tag(id), id));
            }
        }
        by_signature.sort_unstable();
        by_tag.sort_unstable();
        BaseIndex { base, hasher, signatures, by_signature, by_tag, classes: OnceLock::new() }
    }

    /// The base itself.
    pub fn base(&self) -> &Arc<Btf> {
        &self.base
    }

    /// A number for each type of the base, by its id: equal for types that are the same.
    pub(super) fn classes(&self) -> &[u32] {
        self.classes.get_or_init(|| {
            let graph = Graph::of_base(self);
            let mut classes = refine::classes(&graph.keys, &graph.edges);
            // The first nodes are void and what is outside, of which there is nothing.
            classes.splice(..FIRST as usize, [u32::MAX]);
            classes
        })
    }

    /// The definitions of `struct NAME` and the like, lowest id first.
    pub(super) fn definitions<'a>(
        &'a self,
        tag: Tag,
        name: &'a BStr,
    ) -> impl Iterator<Item = Record<'a>> {
        found(&self.by_tag, signature::tag(&self.hasher, tag, name))
            .filter_map(|id| self.base.get(TypeId(id)))
            .filter(move |ty| defines(ty) == Some(tag) && ty.name() == name)
    }

    /// The functions of a name, lowest id first.
    pub(super) fn functions<'a>(&'a self, name: &'a BStr) -> impl Iterator<Item = Record<'a>> {
        found(&self.by_tag, signature::function(&self.hasher, name))
            .filter_map(|id| self.base.get(TypeId(id)))
            .filter(move |ty| ty.kind() == Kind::FUNC && ty.name() == name)
    }

    /// For each type of standalone BTF, by its id, the type of the base that it is; 0 for none.
    /// Functions of these names are the module's own.
    pub(super) fn matches(&self, module: &Btf, own_functions: &[&str]) -> Vec<u32> {
        let graph = Graph::new(self, module, own_functions);
        let exact = refine::classes(&graph.keys, &graph.edges);
        let mut result = vec![0; module.type_count() as usize];
        let lowest = graph.lowest_of_base(&exact);
        for (node, id) in graph.module_nodes() {
            if let (Some(place), Some(found)) = (result.get_mut(id), graph.class_of(&exact, node)) {
                *place = lowest.get(found).copied().unwrap_or(0);
            }
        }
        if !graph.declarations.is_empty() {
            Declared::new(&graph, &exact, self.classes()).settle(&mut result);
        }
        result
    }
}

/// Void, and whatever of the base can't be a type of the module.
const VOID: u32 = 0;
const OUTSIDE: u32 = 1;
pub(super) const FIRST: u32 = 2;

/// The types of a module and those of the base that they may be, with what they refer to. The
/// module never is referred to by the base, so that what is left out changes nothing.
pub(super) struct Graph<'a> {
    /// The records of the nodes from `FIRST` on: the module's, then the base's.
    records: Vec<Record<'a>>,
    /// How many of the records are the module's.
    module: usize,
    /// What nodes have to have in common, as numbers from 0 up.
    pub(super) keys: Vec<u32>,
    pub(super) edges: Vec<Edge>,
    /// The module's forward declarations that the base has definitions of.
    pub(super) declarations: HashMap<(Tag, &'a BStr), u32>,
}

fn as_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Whether two types of one kind's number are of the same kind.
fn same_kind(a: &Record<'_>, b: &Record<'_>) -> bool {
    a.kind().is_released() || a.spec().same_layout(b.spec())
}

impl<'a> Graph<'a> {
    fn new(index: &'a BaseIndex, module: &'a Btf, own_functions: &[&str]) -> Graph<'a> {
        let signatures = Signatures::new(module, &index.hasher);
        let kept = |ty: &Record<'_>| {
            let own = ty.kind() == Kind::FUNC
                && own_functions.iter().any(|name| ty.name() == name.as_bytes());
            own || !can_merge(ty)
        };
        let mut records: Vec<Record<'a>> = module.types().collect();
        let count = records.len();
        // The nodes of the base's types.
        let mut nodes = vec![OUTSIDE; index.base.type_count() as usize];
        if let Some(void) = nodes.first_mut() {
            *void = VOID;
        }
        let mut add = |id: u32, like: Option<&Record<'_>>, records: &mut Vec<Record<'a>>| {
            let (Some(node), Some(ty)) = (nodes.get_mut(id as usize), index.base.get(TypeId(id)))
            else {
                return;
            };
            // Kinds of one number can be different kinds.
            let same = like.is_none_or(|like| like.kind() == ty.kind() && same_kind(like, &ty));
            if *node == OUTSIDE && same {
                *node = as_u32(records.len()).saturating_add(FIRST);
                records.push(ty);
            }
        };
        let mut declarations = HashMap::new();
        let (mut looked_up, mut looked_up_tags) = (HashSet::new(), HashSet::new());
        for ty in module.types().filter(|ty| !kept(ty)) {
            let signature = signatures.of(ty.id().0);
            if looked_up.insert((signature, ty.kind())) {
                for id in found(&index.by_signature, signature) {
                    add(id, Some(&ty), &mut records);
                }
            }
            if let Some(tag) = declares(&ty).filter(|tag| looked_up_tags.insert((*tag, ty.name())))
            {
                for definition in index.definitions(tag, ty.name()) {
                    add(definition.id().0, None, &mut records);
                    let number = as_u32(declarations.len());
                    declarations.entry((tag, ty.name())).or_insert(number);
                }
            }
        }
        let mut graph = Graph {
            keys: Vec::with_capacity(records.len().saturating_add(FIRST as usize)),
            records,
            module: count,
            edges: Vec::new(),
            declarations,
        };
        graph.connect(&nodes);
        graph.set_keys(&signatures, &index.signatures, &kept);
        graph
    }

    /// The base alone: its nodes are its types in the order of their ids.
    fn of_base(index: &'a BaseIndex) -> Graph<'a> {
        let records: Vec<Record<'a>> = all_types(&index.base).collect();
        let nodes: Vec<u32> = [VOID].into_iter().chain((FIRST..).take(records.len())).collect();
        let mut graph = Graph {
            keys: Vec::with_capacity(records.len().saturating_add(FIRST as usize)),
            records,
            module: 0,
            edges: Vec::new(),
            declarations: HashMap::new(),
        };
        graph.connect(&nodes);
        graph.set_keys(&index.signatures, &index.signatures, &|_| false);
        graph
    }

    /// The module's nodes with the ids of their types.
    pub(super) fn module_nodes(&self) -> impl Iterator<Item = (u32, usize)> {
        (FIRST..).zip(1..=self.module)
    }

    pub(super) fn record(&self, node: u32) -> Option<&Record<'a>> {
        self.records.get(node.checked_sub(FIRST)? as usize)
    }

    pub(super) fn nodes(&self) -> std::ops::Range<u32> {
        0..as_u32(self.keys.len())
    }

    pub(super) fn is_of_base(&self, node: u32) -> bool {
        node.saturating_sub(FIRST) as usize >= self.module && node >= FIRST
    }

    fn class_of(&self, classes: &[u32], node: u32) -> Option<usize> {
        classes.get(node as usize).map(|class| *class as usize)
    }

    fn connect(&mut self, nodes: &[u32]) {
        for (place, ty) in self.records.iter().enumerate() {
            let from = as_u32(place).saturating_add(FIRST);
            let of_base = place >= self.module;
            let mut label = 0_u32;
            let edges = &mut self.edges;
            ty.for_each_ref(|_, id, is_str| {
                if is_str {
                    return;
                }
                let to = match (of_base, id) {
                    (_, 0) => VOID,
                    (true, id) => nodes.get(id as usize).copied().unwrap_or(OUTSIDE),
                    (false, id) => id.saturating_add(FIRST.saturating_sub(1)),
                };
                edges.push(Edge { from, label, to });
                label = label.saturating_add(1);
            });
        }
    }

    /// Types of equal words have equal keys; a type that is never matched has its own.
    fn set_keys(
        &mut self,
        of_module: &Signatures,
        of_base: &Signatures,
        kept: &dyn Fn(&Record<'_>) -> bool,
    ) {
        let mut known: HashTable<(u64, u32, usize)> = HashTable::new();
        self.keys.extend([VOID, OUTSIDE]);
        let mut next = FIRST;
        for (place, ty) in self.records.iter().enumerate() {
            let signatures = if place < self.module { of_module } else { of_base };
            let signature = signatures.of(ty.id().0);
            let same = |other: &(u64, u32, usize)| {
                let same = |other| same_words(ty, other);
                other.0 == signature && self.records.get(other.2).is_some_and(same)
            };
            let known_key = match place < self.module && kept(ty) {
                true => None,
                false => Some(known.find(signature, same).map(|(_, key, _)| *key)),
            };
            let key = known_key.flatten().unwrap_or(next);
            if key == next {
                next = next.saturating_add(1);
                if known_key.is_some() {
                    known.insert_unique(signature, (signature, key, place), |entry| entry.0);
                }
            }
            self.keys.push(key);
        }
    }

    /// For each class, the lowest id of the base in it; 0 for none.
    fn lowest_of_base(&self, classes: &[u32]) -> Vec<u32> {
        let mut lowest =
            vec![0; classes.iter().max().map_or(0, |max| *max as usize).saturating_add(1)];
        for (ty, class) in
            self.records.iter().zip(classes.iter().skip(FIRST as usize)).skip(self.module)
        {
            if let Some(place) = lowest.get_mut(*class as usize) {
                let id = ty.id().0;
                *place = if *place == 0 { id } else { id.min(*place) };
            }
        }
        lowest
    }
}
