//! Distilling: split BTF gets a small base of its own, from which kernels from 6.11 find the types
//! again in whatever base they have.
//!
//! The base holds what a kernel looks up by kind, name and size (`btf_relocate()`): named INTs,
//! FLOATs and FWDs, named structs and unions without their members, named enums without their
//! values. All else that the module refers to comes along into the module. libbpf's
//! `btf__distill_base()` does the same; beyond it, what a kernel could not tell apart by name and
//! size comes along too, where libbpf writes BTF that every kernel refuses.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bstr::BStr;

use super::copy::{Moved, copy};
use super::flatten::reached;
use crate::btf::{Btf, Record, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::Kind;
use crate::origin::Origin;
use crate::relocate::{MOST_OF_ONE_NAME, all_types, is_composite};

/// Puts split BTF on a distilled base: the result's [`Btf::base`] is what belongs into `.BTF.base`.
/// `roots` of the base come along
/// as well. An origin record at the end names it. [`relocate`](crate::relocate) is the way back.
///
/// # Errors
/// If the BTF has no base, if a type is of a kind of which only sizes are known, if a reference reaches
/// nothing, or if the BTF can't be written anew without losing what is not understood.
pub fn distill(split: &Btf, roots: &[TypeId]) -> Result<Moved> {
    let Some(base) = split.base().map(Arc::clone) else {
        return Err(Error::new(ErrorKind::Base, "standalone BTF has no base to be distilled"));
    };
    split.check_references()?;
    let mut split = split.clone();
    split.take_origin()?;
    let lookup = Lookup::new(&base);
    let whole = described(&split);
    let goes = |ty: &Record<'_>| !whole.contains(&ty.id().0) && lookup.finds(ty);
    let wanted = reached(&split, roots, |ty| !(is_sized(ty) && goes(ty)));
    let mut ids = vec![0; split.type_count() as usize];
    let mut distilled = Btf::new_in(split.endian());
    let mut along = Vec::new();
    for id in wanted {
        let Some(ty) = split.get(TypeId(id)) else { continue };
        if goes(&ty) {
            let new = add_distilled(&mut distilled, &ty)?;
            if let Some(place) = ids.get_mut(id as usize) {
                *place = new.0;
            }
        } else {
            along.push(TypeId(id));
        }
    }
    along.extend(split.types().map(|ty| ty.id()));
    for (id, new) in along.iter().zip(distilled.type_count()..) {
        if let Some(place) = ids.get_mut(id.0 as usize) {
            *place = new;
        }
    }
    let distilled = Arc::new(distilled);
    let to = split.emptied(Some(Arc::clone(&distilled)))?;
    let mut moved = copy(along.iter().filter_map(|id| split.get(*id)), ids, to)?;
    moved.btf.put_origin(Origin::default().numbered_for(&distilled))?;
    moved.btf.refresh_kinds()?;
    Ok(moved)
}

/// What descriptions of kinds that are not released are made of: a reader needs all of it.
fn described(split: &Btf) -> HashSet<u32> {
    let mut levels: Vec<&Btf> = vec![split];
    while let Some(base) = levels.last().and_then(|level| level.base()) {
        levels.push(base);
    }
    let kinds = levels.into_iter().flat_map(|level| level.kinds().iter());
    let unreleased = kinds.map(|entry| entry.spec.kind).filter(|kind| !kind.is_released());
    let mut open: Vec<u32> =
        unreleased.flat_map(|kind| split.description_typedefs(kind)).map(|id| id.0).collect();
    let mut found = HashSet::new();
    while let Some(id) = open.pop() {
        if let Some(ty) = split.get(TypeId(id)).filter(|_| found.insert(id)) {
            ty.for_each_ref(|_, to, is_str| {
                if !is_str {
                    open.push(to);
                }
            });
        }
    }
    found
}

/// Whether a type stands in the distilled base without what it is made of.
fn is_sized(ty: &Record<'_>) -> bool {
    matches!(ty.kind(), Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64)
}

/// Adds a type to a distilled base: a name and a size.
fn add_distilled(to: &mut Btf, ty: &Record<'_>) -> Result<TypeId> {
    let name = to.intern_bytes(ty.name())?.0;
    let without_elements = |kind: Kind| u32::from(kind.0) << 24;
    let (info, words) = match ty.kind() {
        // An ENUM64 is distilled as an ENUM of its size.
        Kind::ENUM | Kind::ENUM64 => (without_elements(Kind::ENUM), [].as_slice()),
        Kind::STRUCT | Kind::UNION => (without_elements(ty.kind()), [].as_slice()),
        _ => (ty.info(), ty.words().get(3..).unwrap_or_default()),
    };
    let id = TypeId(to.type_count());
    to.insert(id, &[[&[name, info, ty.size_or_type()], words].concat()])?;
    Ok(id)
}

/// What a kernel would find in a base by name.
struct Lookup<'a> {
    by_name: HashMap<&'a BStr, Vec<Record<'a>>>,
}

impl<'a> Lookup<'a> {
    fn new(base: &'a Btf) -> Self {
        let mut by_name: HashMap<&BStr, Vec<Record<'_>>> = HashMap::new();
        for ty in all_types(base).filter(|ty| is_looked_up(ty.kind()) && !ty.name().is_empty()) {
            by_name.entry(ty.name()).or_default().push(ty);
        }
        Lookup { by_name }
    }

    /// Whether a type of the base, once distilled, leads to itself and to nothing else. The rules are
    /// those of Linux 6.12, which for a distilled struct takes any kind: what it could confuse is not
    /// distilled.
    fn finds(&self, ty: &Record<'_>) -> bool {
        if !is_looked_up(ty.kind()) {
            return false;
        }
        let named = self.by_name.get(ty.name());
        let Some(named) = named.filter(|named| named.len() <= MOST_OF_ONE_NAME) else {
            return false;
        };
        let composites = named.iter().filter(|other| is_composite(other.kind())).count();
        let could_be = named.iter().filter(|other| {
            let sized = match other.kind() {
                Kind::FWD => false,
                kind => !is_composite(kind) || composites > 1,
            };
            (!sized || other.size_or_type() == ty.size_or_type())
                && match ty.kind() {
                    Kind::INT => other.kind() == Kind::INT,
                    Kind::FLOAT => other.kind() == Kind::FLOAT,
                    Kind::ENUM | Kind::ENUM64 => matches!(other.kind(), Kind::ENUM | Kind::ENUM64),
                    Kind::FWD => other.kind() == Kind::FWD || is_composite(other.kind()),
                    _ => true,
                }
        });
        could_be.count() == 1
    }
}

/// The kinds that a distilled base has.
fn is_looked_up(kind: Kind) -> bool {
    let kinds = [Kind::INT, Kind::FLOAT, Kind::FWD, Kind::ENUM, Kind::ENUM64];
    is_composite(kind) || kinds.contains(&kind)
}
