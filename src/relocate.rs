//! Relocation: a module that carries a distilled base (`.BTF.base`) gets the types of a real one.
//!
//! A distilled base holds what is needed to find the types again that the module refers to: named
//! INTs, FLOATs and ENUMs with their sizes, structs and unions without members, and FWDs. The rules
//! are those of the kernel (`btf_relocate()`, from 6.11), so that the result is what it makes of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bstr::BStr;

use crate::btf::{Btf, Record, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::Kind;
use crate::origin::Origin;
use crate::rebase::check_kinds;
use crate::renumber::Shift;

fn bad(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Base, what)
}

/// A type of the real base: its id, and the offset of its name there.
#[derive(Clone, Copy)]
struct Found {
    id: u32,
    name_off: u32,
}

/// More types of one name than this are not told apart.
pub(crate) const MOST_OF_ONE_NAME: usize = 256;

/// Moves BTF that is split on a distilled base to a real base, and records which.
///
/// # Errors
/// If `split` has no base, or one that is not distilled; if a type of it is not in `base`, by name,
/// kind and size, or is there more than once; if `base` knows a kind with other words; if a reference
/// reaches nothing; if a limit of the format would be passed.
pub fn relocate(split: &Btf, base: &Arc<Btf>) -> Result<Btf> {
    let Some(distilled) = split.base() else {
        return Err(bad("this BTF is not split on a distilled base"));
    };
    if split.endian() != base.endian() {
        return Err(bad("the module and the base have different byte orders"));
    }
    split.check_references()?;
    check_kinds(split, base)?;
    let mut names = HashMap::new();
    for ty in distilled.types() {
        let count: &mut usize = names.entry(ty.name()).or_default();
        *count = count.saturating_add(1);
        if *count > MOST_OF_ONE_NAME {
            let what =
                format!("the distilled base has more than {MOST_OF_ONE_NAME} types of this name");
            return Err(bad(what).in_type(ty.id(), ty.kind_name(), ty.name()));
        }
        if !is_distilled(&ty) {
            let what =
                "a distilled base has named INT, FLOAT, ENUM, STRUCT, UNION and FWD types only";
            return Err(bad(what).in_type(ty.id(), ty.kind_name(), ty.name()));
        }
    }
    let found = find(split, distilled, base)?;
    let mut names: HashMap<u32, u32> = HashMap::new();
    for ty in distilled.types() {
        let Some(real) = found.get(&ty.id().0) else {
            let what = format!(
                "the base has no {} of this name{}",
                ty.kind_name(),
                if ty.kind() == Kind::FWD {
                    String::new()
                } else {
                    format!(" and of size {}", ty.size_or_type())
                }
            );
            return Err(bad(what).in_type(ty.id(), ty.kind_name(), ty.name()).with_help(
                "the module was built against other headers than those of this kernel",
            ));
        };
        names.insert(ty.name_off().0, real.name_off);
    }
    let own = Shift::between(distilled, base).ok_or_else(|| {
        bad("the base is smaller than the distilled base: it can't be the one that this was made of")
    })?;
    let mut moved = split.clone();
    // What it was numbered for is over.
    moved.take_origin()?;
    // Own ids and strings first: they are above all of the distilled base's, and stay so.
    moved.shift(&own)?;
    let mut lost = None;
    moved.for_each_ref(|word, is_str| {
        let (from_base, real) = if is_str {
            (*word < own.strs_from, names.get(word).copied())
        } else {
            (*word < own.ids_from, found.get(word).map(|found| found.id))
        };
        match real {
            _ if *word == 0 || !from_base => {}
            Some(real) => *word = real,
            None => lost = lost.or(Some(*word)),
        }
    });
    if let Some(offset) = lost {
        let what = format!(
            "the string at {offset} of the distilled base is not the name of one of its types"
        );
        return Err(bad(what));
    }
    moved.rebase_onto(Arc::clone(base));
    moved.put_origin(Origin::default().numbered_for(base))?;
    Ok(moved)
}

fn is_distilled(ty: &Record<'_>) -> bool {
    let kinds = [Kind::INT, Kind::FLOAT, Kind::ENUM, Kind::STRUCT, Kind::UNION, Kind::FWD];
    kinds.contains(&ty.kind()) && ty.name_off().0 != 0
}

/// Whether it is a kind with members.
pub(crate) fn is_composite(kind: Kind) -> bool {
    matches!(kind, Kind::STRUCT | Kind::UNION)
}

/// The type of `base` that each type of `distilled` stands for, by its id.
fn find(split: &Btf, distilled: &Btf, base: &Btf) -> Result<HashMap<u32, Found>> {
    let mut by_name: HashMap<&BStr, Vec<Record<'_>>> = HashMap::new();
    for ty in distilled.types() {
        by_name.entry(ty.name()).or_default().push(ty);
    }
    let embedded = embedded(split, distilled);
    // Structs and unions of one name are told apart by size only where there are several.
    let mut composites: HashMap<&BStr, usize> = HashMap::new();
    for ty in all_types(base).filter(|ty| is_composite(ty.kind()) && ty.name_off().0 != 0) {
        let count = composites.entry(ty.name()).or_default();
        *count = count.saturating_add(1);
    }
    let mut found: HashMap<u32, Found> = HashMap::new();
    for real in all_types(base).filter(|ty| ty.name_off().0 != 0) {
        let Some(wanted) = by_name.get(real.name()) else { continue };
        let several = composites.get(real.name()).is_some_and(|count| *count > 1);
        for ty in wanted {
            if !matches(ty, &real, several, embedded.contains(&ty.id().0)) {
                continue;
            }
            let this = Found { id: real.id().0, name_off: real.name_off().0 };
            if let Some(other) = found.insert(ty.id().0, this) {
                let what = format!(
                    "the base has this type more than once, at [{}] and [{}], and nothing tells which is meant",
                    other.id, this.id
                );
                return Err(bad(what).in_type(ty.id(), ty.kind_name(), ty.name()));
            }
        }
    }
    Ok(found)
}

/// The types of a base, from the lowest of a chain up.
pub(crate) fn all_types(base: &Btf) -> impl Iterator<Item = Record<'_>> {
    (1..base.type_count()).filter_map(|id| base.get(TypeId(id)))
}

/// Whether a type of the real base can be the one that a distilled type of the same name stands
/// for.
fn matches(distilled: &Record<'_>, real: &Record<'_>, several: bool, embedded: bool) -> bool {
    let same_size = distilled.size_or_type() == real.size_or_type();
    let same_kind = distilled.kind() == real.kind();
    let sized = matches!(real.kind(), Kind::INT | Kind::FLOAT | Kind::ENUM | Kind::ENUM64);
    if (sized || (is_composite(real.kind()) && several)) && !same_size {
        return false;
    }
    let encoding = |ty: &Record<'_>| ty.fixed().first().map(|word| word >> 24 & 0xf);
    match distilled.kind() {
        // Linux 6.12 looks at the flag of the real struct or union here, which says that it has
        // bitfields: it misses structs with bitfields and unions without. What is meant is found.
        Kind::FWD => match real.kind() {
            Kind::FWD => distilled.kind_flag() == real.kind_flag(),
            Kind::STRUCT => !distilled.kind_flag(),
            Kind::UNION => distilled.kind_flag(),
            _ => false,
        },
        Kind::INT => same_kind && encoding(distilled) == encoding(real),
        Kind::FLOAT => same_kind,
        // An ENUM64 is distilled as an ENUM of its size.
        Kind::ENUM => same_kind || real.kind() == Kind::ENUM64,
        // The kernel does not compare the kinds of structs and unions; we do, since a module that
        // takes the one for the other is wrong.
        Kind::STRUCT | Kind::UNION => same_kind && (same_size || !embedded),
        _ => false,
    }
}

/// The structs and unions of the distilled base that a struct or union of the module contains, not
/// only points to: their sizes matter.
fn embedded(split: &Btf, distilled: &Btf) -> HashSet<u32> {
    let mut found = HashSet::new();
    let mut seen = HashSet::new();
    for ty in split.types().filter(|ty| is_composite(ty.kind())) {
        for member in ty.elements() {
            let mut id = member.get(1).copied().unwrap_or(0);
            // Each type is looked at once, and chains of typedefs may be loops.
            while id != 0 && seen.insert(id) {
                let Some(at) = split.get(TypeId(id)) else { break };
                id = match at.kind() {
                    Kind::CONST
                    | Kind::RESTRICT
                    | Kind::VOLATILE
                    | Kind::TYPEDEF
                    | Kind::TYPE_TAG => at.size_or_type(),
                    Kind::ARRAY => at.fixed().first().copied().unwrap_or(0),
                    Kind::STRUCT | Kind::UNION if id < distilled.type_count() => {
                        found.insert(id);
                        0
                    }
                    _ => 0,
                };
            }
        }
    }
    found
}
