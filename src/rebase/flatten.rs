//! Flattening: split BTF becomes standalone, with all types of the base that it reaches.

use std::collections::BTreeSet;

use super::copy::{Moved, copy};
use crate::btf::{Btf, Record, TypeId};
use crate::error::Result;
use crate::kind::Kind;
use crate::origin::Origin;

/// Makes split BTF standalone: its own types and every type of the base that they, or `roots`,
/// reach, in the order of their ids; ids and strings its own. An origin record at the end says that
/// it is standalone.
///
/// Descriptions that the base has of kinds that are not released come along where such kinds do.
///
/// # Errors
/// If a type is of a kind of which only sizes are known, if a reference reaches nothing, or if the BTF can't
/// be written anew without losing what is not understood.
///
/// ```
/// use std::sync::Arc;
/// use btfkinds::{Btf, Kind, NewType, flatten};
///
/// let int = NewType { kind: Kind::INT, name: "int", kind_flag: false, vlen: 0, size_or_type: 4, words: &[1 << 24 | 32] };
/// let mut base = Btf::new();
/// base.add(NewType { name: "long", ..int })?;
/// let id = base.add(int)?;
/// let mut split = Btf::new_split(Arc::new(base));
/// split.add(NewType { kind: Kind::PTR, name: "", kind_flag: false, vlen: 0, size_or_type: id.0, words: &[] })?;
/// let flat = flatten(&split, &[])?;
/// // The int, the pointer, the origin record.
/// assert_eq!(flat.btf().types().map(|ty| ty.kind().0).collect::<Vec<_>>(), [1, 2, 6]);
/// # Ok::<(), btfkinds::Error>(())
/// ```
pub fn flatten(split: &Btf, roots: &[TypeId]) -> Result<Moved> {
    split.check_references()?;
    let mut split = split.clone();
    split.take_origin()?;
    let wanted = reached(&split, roots, |_| true);
    let mut ids = vec![0; split.type_count() as usize];
    let mut next = 1_u32;
    let wanted = wanted.into_iter().chain(split.first_id().0..split.type_count());
    let mut kept = Vec::new();
    for old in wanted {
        if let Some(new) = ids.get_mut(old as usize) {
            *new = next;
            next = next.saturating_add(1);
            kept.push(TypeId(old));
        }
    }
    let to = split.emptied(None)?;
    let mut moved = copy(kept.iter().filter_map(|id| split.get(*id)), ids, to)?;
    moved.btf.put_origin(Origin { standalone: Origin::ENCODED, ..Origin::default() })?;
    moved.btf.refresh_kinds()?;
    Ok(moved)
}

/// The types of the base that the own types or `roots` reach, in order; those that `opens` says no to
/// lead no further.
pub(super) fn reached(
    split: &Btf,
    roots: &[TypeId],
    opens: impl Fn(&Record<'_>) -> bool,
) -> BTreeSet<u32> {
    let first_own = split.first_id().0;
    let mut found = BTreeSet::new();
    let mut open: Vec<u32> = Vec::new();
    let mut kinds: BTreeSet<Kind> = BTreeSet::new();
    let mut reach = |id: u32, open: &mut Vec<u32>| {
        if id != 0 && id < first_own && found.insert(id) {
            open.push(id);
        }
    };
    roots.iter().for_each(|root| reach(root.0, &mut open));
    let mut look = |ty: Record<'_>, open: &mut Vec<u32>| {
        ty.for_each_ref(|_, id, is_str| {
            if !is_str {
                reach(id, open);
            }
        });
        if !ty.kind().is_released() && kinds.insert(ty.kind()) {
            // A kind that is not released is nothing without its description.
            split.description_typedefs(ty.kind()).into_iter().for_each(|id| reach(id.0, open));
        }
    };
    split.types().for_each(|ty| look(ty, &mut open));
    while let Some(id) = open.pop() {
        if let Some(ty) = split.get(TypeId(id)).filter(&opens) {
            look(ty, &mut open);
        }
    }
    found
}
