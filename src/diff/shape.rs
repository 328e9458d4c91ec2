//! Shapes: what a type is by itself, and what it is with all that it leads to.

use std::collections::HashMap;

use hashbrown::{DefaultHashBuilder, HashMap as FastMap};

use super::name::{identity, referenced, string, tag};
use crate::btf::{Btf, Record, TypeId};
use crate::kind::Kind;
use crate::rebase::refine::{Edge, classes};
use crate::rebase::signature::Signatures;
use crate::relocate::all_types;

/// The shapes of the types of both sides, the old one's first.
#[derive(Debug)]
pub(super) struct Shapes {
    hasher: DefaultHashBuilder,
    referenced: [Vec<bool>; 2],
    /// A type by itself: its words, names, tags, and what it refers to, down to the next name.
    pub(super) own: [Signatures; 2],
    /// With all that it leads to: a number, equal for types that are the same however far one looks.
    whole: [Vec<u32>; 2],
}

/// The origin record of a blob: it says how ids are numbered and is no type of anybody's.
pub(super) fn origin_of(btf: &Btf) -> Option<TypeId> {
    btf.origin().map(|_| TypeId(btf.type_count().saturating_sub(1)))
}

impl Shapes {
    pub(super) fn new(sides: [&Btf; 2]) -> Shapes {
        let hasher = DefaultHashBuilder::default();
        let referenced = sides.map(referenced);
        let [old, new] = sides;
        let [of_old, of_new] = &referenced;
        let sign = |btf, referenced: &Vec<bool>| {
            let named = |ty: &Record<'_>| Some(tag(&hasher, identity(ty, referenced)?));
            Signatures::by(btf, &hasher, decl_tags(btf, &hasher), named)
        };
        let mut own = [sign(old, of_old), sign(new, of_new)];
        settle(sides, &mut own, &hasher);
        let whole = whole(sides, &own);
        Shapes { hasher, referenced, own, whole }
    }

    /// What a type is with all that it leads to.
    pub(super) fn whole(&self, side: usize, id: TypeId) -> u32 {
        let of = self.whole.get(side).and_then(|list| list.get(id.0 as usize));
        of.copied().unwrap_or(u32::MAX)
    }

    /// What a type is by itself.
    pub(super) fn own(&self, side: usize, id: TypeId) -> u64 {
        self.own.get(side).map_or(0, |own| own.of(id.0))
    }

    /// What a type is where others refer to it.
    pub(super) fn reference(&self, side: usize, id: u32) -> u64 {
        self.own.get(side).map_or(0, |own| own.reference(id))
    }

    pub(super) fn referenced(&self, side: usize) -> &[bool] {
        self.referenced.get(side).map_or(&[], Vec::as_slice)
    }

    /// Tells types of one name apart, now that it is known which of them are meant to be the same: a
    /// reference to another one of them is another reference.
    pub(super) fn tell_apart(&mut self, sides: [&Btf; 2], tags: [HashMap<u32, u64>; 2]) {
        if tags.iter().all(HashMap::is_empty) {
            return;
        }
        let (hasher, [of_old, of_new], [tags_of_old, tags_of_new]) =
            (&self.hasher, &self.referenced, &tags);
        let [old, new] = sides;
        let sign = |btf, referenced: &Vec<bool>, tags: &HashMap<u32, u64>| {
            let named = |ty: &Record<'_>| {
                let by_name = identity(ty, referenced)?;
                Some(tags.get(&ty.id().0).copied().unwrap_or_else(|| tag(hasher, by_name)))
            };
            Signatures::by(btf, hasher, decl_tags(btf, hasher), named)
        };
        self.own = [sign(old, of_old, tags_of_old), sign(new, of_new, tags_of_new)];
        settle(sides, &mut self.own, hasher);
    }

    /// What may stand for types that are told apart by a number.
    pub(super) fn number(&self, what: (&str, u32)) -> u64 {
        use std::hash::BuildHasher;
        self.hasher.hash_one(what)
    }
}

/// For each type, by id, the declaration tags on it and its members, in no order.
fn decl_tags(btf: &Btf, hasher: &DefaultHashBuilder) -> Vec<u64> {
    use std::hash::BuildHasher;
    let mut found = Vec::new();
    for ty in all_types(btf).filter(|ty| ty.kind() == Kind::DECL_TAG) {
        found.resize(btf.type_count() as usize, 0_u64);
        let text = string(btf, ty.name_off().0);
        let value = hasher.hash_one((text, ty.info(), ty.fixed()));
        if let Some(place) = found.get_mut(ty.size_or_type() as usize) {
            *place = place.wrapping_add(value);
        }
    }
    found
}

/// The edges of a graph of types of both sides; `node` numbers those that are in it.
fn edges(sides: [&Btf; 2], node: &dyn Fn(usize, u32) -> Option<u32>) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (side, btf) in sides.into_iter().enumerate() {
        for ty in all_types(btf) {
            let Some(from) = node(side, ty.id().0) else { continue };
            let mut label = 0_u32;
            ty.for_each_ref(|_, id, is_str| {
                if is_str {
                    return;
                }
                if let Some(to) = node(side, id) {
                    edges.push(Edge { from, label, to });
                }
                label = label.saturating_add(1);
            });
        }
    }
    edges
}

/// Equal numbers from 0 up for equal values.
#[derive(Default)]
struct Keys(FastMap<u64, u32>);

impl Keys {
    fn of(&mut self, value: u64) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(value).or_insert(next)
    }
}

/// Tells apart types without names that lead in circles without ever reaching a name. No compiler
/// makes such types.
fn settle(sides: [&Btf; 2], own: &mut [Signatures; 2], hasher: &DefaultHashBuilder) {
    let mut nodes: [HashMap<u32, u32>; 2] = Default::default();
    let mut keys = Vec::new();
    let mut numbers = Keys::default();
    for ((btf, own), nodes) in sides.into_iter().zip(own.iter()).zip(&mut nodes) {
        for id in own.endless() {
            let Some(ty) = btf.get(TypeId(id)) else { continue };
            nodes.insert(id, u32::try_from(keys.len()).unwrap_or(u32::MAX));
            keys.push(numbers.of(own.sign(&ty, hasher)));
        }
    }
    if keys.is_empty() {
        return;
    }
    let edges = edges(sides, &|side, id| nodes.get(side)?.get(&id).copied());
    let found = classes(&keys, &edges);
    for ((btf, own), nodes) in sides.into_iter().zip(own).zip(&nodes) {
        let class = |node: &u32| found.get(*node as usize).copied().unwrap_or(0);
        let value = |node| {
            use std::hash::BuildHasher;
            hasher.hash_one(("endless", class(node)))
        };
        own.settle(btf, hasher, nodes.iter().map(|(id, node)| (*id, value(node))));
    }
}

/// Types are wholly the same if they are the same by themselves and what they refer to is.
fn whole(sides: [&Btf; 2], own: &[Signatures; 2]) -> [Vec<u32>; 2] {
    let [old, new] = sides;
    let [own_of_old, own_of_new] = own;
    let mut numbers = Keys::default();
    let ids = |btf: &Btf| 0..btf.type_count();
    // Void has no record, and what stands for it is the same on both sides.
    let keys: Vec<u32> = ids(old)
        .map(|id| own_of_old.of(id))
        .chain(ids(new).map(|id| own_of_new.of(id)))
        .map(|shape| numbers.of(shape))
        .collect();
    let edges = edges(sides, &|side, id| match side {
        0 => Some(id),
        _ => Some(id.saturating_add(old.type_count())),
    });
    let mut of_old = classes(&keys, &edges);
    let of_new = of_old.split_off(old.type_count() as usize);
    [of_old, of_new]
}
