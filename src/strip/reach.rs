//! Descriptions that stand anywhere, whoever wrote them: what only they need.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use memchr::{memchr, memrchr};

use super::Blob;
use super::block::Block;
use crate::btf::{Btf, TypeId, Types};
use crate::error::Result;
use crate::kind::discover::{NAME_OFF, TYPE_ID, description_typedefs, struct_of};
use crate::kind::{Kind, TypedefName};

/// What goes, and what might have.
#[derive(Default)]
pub(super) struct Reached {
    /// In ascending order.
    pub(super) ids: Vec<u32>,
    pub(super) strings: Vec<Range<u32>>,
    pub(super) kept: Vec<TypeId>,
    pub(super) left: Vec<TypeId>,
}

/// What becomes of an own type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Something other than descriptions needs it, or is it.
    Stays,
    /// Descriptions lead to it.
    Goes,
    /// It is part of the block.
    Gone,
}

/// The fates of own types by id.
struct Fates {
    first: u32,
    of: Vec<Fate>,
}

impl Fates {
    fn get(&self, id: u32) -> Fate {
        let own = id.checked_sub(self.first);
        own.and_then(|own| self.of.get(own as usize)).copied().unwrap_or(Fate::Stays)
    }

    fn set(&mut self, id: u32, fate: Fate) {
        let own = id.checked_sub(self.first);
        if let Some(place) = own.and_then(|own| self.of.get_mut(own as usize)) {
            *place = fate;
        }
    }
}

/// Finds what goes beside the block.
///
/// # Errors
/// If there is something, and a kind whose records may refer to it for all that is known.
pub(super) fn find(blob: &Blob<'_>, block: Option<&Block>) -> Result<Reached> {
    let btf = blob.btf;
    let types = btf.view();
    let mut fates = Fates { first: types.start_id, of: vec![Fate::Stays; types.starts.len()] };
    for id in block.into_iter().flat_map(|block| block.ids.clone()) {
        fates.set(id, Fate::Gone);
    }
    let typedefs: Vec<(u32, TypedefName)> = description_typedefs(types, 0)
        .filter(|(id, _)| *id < blob.types_end && fates.get(*id) == Fate::Stays)
        .collect();
    if typedefs.is_empty() {
        return Ok(Reached::default());
    }
    let mut roots = descriptions(btf, &typedefs);
    if !roots.is_empty() {
        // An encoder may have added a header that none of its descriptions then needed.
        let is_named = |id: &u32| {
            is_of_the_scheme(types, *id)
                && btf.get(TypeId(*id)).is_some_and(|ty| ty.name_off().0 != 0)
        };
        roots.extend(own_ids(btf).filter(|id| fates.get(*id) == Fate::Stays).filter(is_named));
    }
    lead_to(btf, &roots, &mut fates);
    keep_what_is_needed(blob, &mut fates);
    let ids: Vec<u32> = own_ids(btf).filter(|id| fates.get(*id) == Fate::Goes).collect();
    let kept = typedefs.iter().map(|(id, _)| *id).filter(|id| fates.get(*id) == Fate::Stays);
    let kept = kept.map(TypeId).collect();
    if ids.is_empty() {
        return Ok(Reached { kept, ..Reached::default() });
    }
    btf.check_classes()?;
    let strings = strings(blob, block, &fates, &ids);
    let left = left(btf, &fates, &ids);
    Ok(Reached { ids, strings, kept, left })
}

fn own_ids(btf: &Btf) -> Range<u32> {
    btf.first_id().0..btf.type_count()
}

/// The typedefs that are part of a description that can be read: of a name alone nobody knows what it is.
fn descriptions(btf: &Btf, typedefs: &[(u32, TypedefName)]) -> Vec<u32> {
    let types = btf.view();
    let mut structs: HashMap<Kind, BTreeSet<u32>> = HashMap::new();
    let mut readable = BTreeSet::new();
    for (spec, id) in btf.descriptions() {
        readable.insert(id.0);
        structs.entry(spec.kind).or_default().extend(struct_of(types, id.0));
    }
    let is_description = |(id, name): &(u32, TypedefName)| match name {
        TypedefName::Kind(_) => readable.contains(id),
        TypedefName::Sizes(kind, ..) => struct_of(types, *id)
            .is_some_and(|id| structs.get(kind).is_some_and(|structs| structs.contains(&id))),
    };
    typedefs.iter().filter(|typedef| is_description(typedef)).map(|(id, _)| *id).collect()
}

/// Whether an own type is one that only descriptions have: by its name, or as a part without a name.
fn is_of_the_scheme(types: Types<'_>, id: u32) -> bool {
    let Some([name_off, info, ..]) = types.get(id) else { return false };
    let name = types.short_string(*name_off).unwrap_or(b"?");
    match Kind::of_info(*info) {
        Kind::STRUCT => {
            name.is_empty()
                || name == b"__btf_type"
                || name.starts_with(b"__btf_type___")
                || name.starts_with(b"__BTF_KIND_")
        }
        Kind::TYPEDEF => name == TYPE_ID || name == NAME_OFF,
        Kind::ARRAY | Kind::UNION => name.is_empty(),
        _ => false,
    }
}

/// Marks what descriptions lead to.
fn lead_to(btf: &Btf, roots: &[u32], fates: &mut Fates) {
    let types = btf.view();
    let mut todo = roots.to_vec();
    for id in roots {
        fates.set(*id, Fate::Goes);
    }
    while let Some(id) = todo.pop() {
        for_each_id(btf, id, |to| {
            let own = to >= types.start_id;
            if own && fates.get(to) == Fate::Stays && is_of_the_scheme(types, to) {
                fates.set(to, Fate::Goes);
                todo.push(to);
            }
        });
    }
}

/// Unmarks what is needed by what stays.
fn keep_what_is_needed(blob: &Blob<'_>, fates: &mut Fates) {
    let btf = blob.btf;
    let mut todo: Vec<u32> = Vec::new();
    for id in &blob.used.ids {
        if fates.get(*id) == Fate::Goes {
            fates.set(*id, Fate::Stays);
            todo.push(*id);
        }
    }
    todo.extend(own_ids(btf).filter(|id| fates.get(*id) == Fate::Stays));
    while let Some(id) = todo.pop() {
        for_each_id(btf, id, |to| {
            if fates.get(to) == Fate::Goes {
                fates.set(to, Fate::Stays);
                todo.push(to);
            }
        });
    }
}

fn for_each_id(btf: &Btf, id: u32, mut f: impl FnMut(u32)) {
    if let Some(ty) = btf.get(TypeId(id)) {
        ty.for_each_ref(|_, word, is_str| {
            if !is_str {
                f(word);
            }
        });
    }
}

/// The own strings that only these types use.
fn strings(blob: &Blob<'_>, block: Option<&Block>, fates: &Fates, ids: &[u32]) -> Vec<Range<u32>> {
    let btf = blob.btf;
    let (own, first) = (btf.own_strings(), btf.first_string());
    // Where a string starts, and where it ends with its NUL. The first is the empty one of standalone BTF.
    let whole = |offset: u32| -> Option<Range<u32>> {
        let at = offset.checked_sub(first)? as usize;
        let start = memrchr(0, own.get(..at)?).map_or(0, |nul| nul.saturating_add(1));
        let end = memchr(0, own.get(at..)?)?.saturating_add(at).saturating_add(1);
        let place = |own: usize| u32::try_from(own).ok()?.checked_add(first);
        (offset != 0).then_some(place(start)?..place(end)?)
    };
    let mut found: Vec<Range<u32>> = Vec::new();
    for ty in ids.iter().filter_map(|id| btf.get(TypeId(*id))) {
        ty.for_each_ref(|_, word, is_str| {
            let in_block = block.is_some_and(|block| block.strings.contains(&word));
            if is_str && !in_block {
                found.extend(whole(word));
            }
        });
    }
    found.sort_unstable_by_key(|range| range.start);
    found.dedup();
    let mut used = vec![false; found.len()];
    let mut mark = |offset: u32| {
        let at = found.partition_point(|range| range.start <= offset).checked_sub(1);
        let at = at.filter(|at| found.get(*at).is_some_and(|range| range.contains(&offset)));
        if let Some(used) = at.and_then(|at| used.get_mut(at)) {
            *used = true;
        }
    };
    blob.used.strings.iter().copied().for_each(&mut mark);
    for ty in btf.types().filter(|ty| fates.get(ty.id().0) == Fate::Stays) {
        ty.for_each_ref(|_, word, is_str| {
            if is_str {
                mark(word);
            }
        });
    }
    found.into_iter().zip(used).filter_map(|(range, used)| (!used).then_some(range)).collect()
}

/// The types that these lead to, that stay, and that nothing else leads to.
fn left(btf: &Btf, fates: &Fates, ids: &[u32]) -> Vec<TypeId> {
    let mut left = BTreeSet::new();
    for id in ids {
        for_each_id(btf, *id, |to| {
            if to >= btf.first_id().0 && fates.get(to) == Fate::Stays {
                left.insert(to);
            }
        });
    }
    // What one of them leads to is left with it: `__u32` and its INT.
    let mut todo: Vec<u32> = left.iter().copied().collect();
    while let Some(id) = todo.pop() {
        for_each_id(btf, id, |to| {
            if to >= btf.first_id().0 && left.insert(to) {
                todo.push(to);
            }
        });
    }
    // But not what something else needs.
    let others = own_ids(btf).filter(|id| fates.get(*id) == Fate::Stays && !left.contains(id));
    let mut todo: Vec<u32> = others.collect();
    while let Some(id) = todo.pop() {
        for_each_id(btf, id, |to| {
            if left.remove(&to) {
                todo.push(to);
            }
        });
    }
    left.into_iter().map(TypeId).collect()
}
