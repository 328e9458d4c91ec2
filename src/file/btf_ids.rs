//! `.BTF_ids`: type ids that a kernel or module looks up by symbol.
//!
//! Only symbols say which words are ids. `__BTF_ID__<kind>__<name>__<n>` of size 4 covers one;
//! `__BTF_ID__set__<name>` covers a count and that many ids, `__BTF_ID__set8__<name>` a count, a
//! word of flags, and pairs of an id and flags. `resolve_btfids` sorts sets by id, so that within
//! one the symbols no longer stand at the words they are for.

use std::collections::BTreeSet;

use super::elf::{Elf, IdSymbol, Section};
use crate::btf::{Btf, Endian, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::Kind;
use crate::renumber::Shift;

const PREFIX: &str = "__BTF_ID__";
/// What a symbol can stand for, as it is written in the symbol.
const KINDS: [(&str, Kind); 4] = [
    ("struct", Kind::STRUCT),
    ("union", Kind::UNION),
    ("typedef", Kind::TYPEDEF),
    ("func", Kind::FUNC),
];

fn bad(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Elf, what).in_section(".BTF_ids")
}

/// The kind and name that a symbol of one id asks for; None for other symbols.
fn wanted(symbol: &IdSymbol) -> Option<(Kind, &str)> {
    let (word, rest) = symbol.name.strip_prefix(PREFIX)?.split_once("__")?;
    let (_, kind) = KINDS.iter().find(|(name, _)| *name == word)?;
    // The number behind the last `__` makes the symbol unique.
    let (name, _) = rest.rsplit_once("__")?;
    (symbol.size == 4).then_some((*kind, name))
}

/// The byte distance between a set's ids and the bytes before the first, for symbols of sets.
fn set_form(symbol: &IdSymbol) -> Option<(usize, usize)> {
    let rest = symbol.name.strip_prefix(PREFIX)?;
    if rest.starts_with("set__") {
        Some((4, 4))
    } else if rest.starts_with("set8__") {
        Some((8, 8))
    } else {
        None
    }
}

/// The section, with `shift` applied to every id in it; None if nothing changes.
///
/// Before anything moves, the ids must be those of types that the symbols name.
pub(super) fn shifted(
    elf: &Elf,
    section: &Section,
    btf: &Btf,
    shift: &Shift,
) -> Result<Option<Vec<u8>>> {
    let data = elf.section_data(section)?;
    let endian = elf.endian;
    if data.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    if elf.id_symbols.is_empty() {
        return Err(bad(
            "it holds ids, but the symbols that say which words are ids were stripped",
        ));
    }
    let places = id_places(elf, &data, endian, btf)?;
    let mut moved = data.clone();
    for at in places {
        let Some(word) = moved.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>()) else {
            continue;
        };
        *word = endian.bytes(shift.id(endian.u32(*word)));
    }
    Ok((moved != data).then_some(moved))
}

fn word_at(data: &[u8], endian: Endian, at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().map(|bytes| endian.u32(*bytes))
}

/// Where ids are, in bytes from the section's start.
fn id_places(elf: &Elf, data: &[u8], endian: Endian, btf: &Btf) -> Result<BTreeSet<usize>> {
    let mut places = BTreeSet::new();
    let mut in_sets = BTreeSet::new();
    let singles: Vec<(usize, (Kind, &str), &IdSymbol)> = elf
        .id_symbols
        .iter()
        .filter_map(|symbol| Some((usize::try_from(symbol.offset).ok()?, wanted(symbol)?, symbol)))
        .collect();
    for symbol in &elf.id_symbols {
        let Some((step, head)) = set_form(symbol) else {
            continue;
        };
        let fail = |what: &str| bad(format!("symbol {}: {what}", symbol.name));
        let start =
            usize::try_from(symbol.offset).map_err(|_| fail("it lies outside the section"))?;
        let count = word_at(data, endian, start)
            .ok_or_else(|| fail("it lies outside the section"))? as usize;
        let first = start.saturating_add(head);
        let end = count.checked_mul(step).and_then(|size| size.checked_add(first));
        if end.is_none_or(|end| end > data.len()) {
            return Err(fail("its count reaches past the section"));
        }
        let ids: Vec<usize> =
            (0..count).map(|i| first.saturating_add(i.saturating_mul(step))).collect();
        // The same types, in whatever order.
        let mut found: Vec<(Kind, Vec<u8>)> = Vec::new();
        for at in &ids {
            let id = word_at(data, endian, *at).unwrap_or(0);
            if id != 0 {
                let ty = btf
                    .get(TypeId(id))
                    .ok_or_else(|| fail(&format!("its id {id} is no type of this BTF")))?;
                found.push((ty.kind(), ty.name().to_vec()));
            }
        }
        let size = usize::try_from(symbol.size).unwrap_or(usize::MAX);
        let range = start..start.saturating_add(size).max(end.unwrap_or(start));
        let mut asked: Vec<(Kind, Vec<u8>)> = singles
            .iter()
            .filter(|(at, ..)| range.contains(at))
            .map(|(_, (kind, name), _)| (*kind, name.as_bytes().to_vec()))
            .collect();
        found.sort_unstable();
        asked.sort_unstable();
        // An id of 0 was not resolved; all others must be asked for.
        if !is_part_of(&found, &asked) {
            return Err(fail(
                "its ids are not those of the types that its symbols name: they belong to other BTF",
            ));
        }
        in_sets.extend(range.step_by(4));
        places.extend(ids);
    }
    for (at, (kind, name), symbol) in singles {
        if in_sets.contains(&at) {
            continue;
        }
        let fail = |what: &str| bad(format!("symbol {}: {what}", symbol.name));
        let id = word_at(data, endian, at).ok_or_else(|| fail("it lies outside the section"))?;
        if id == 0 {
            continue;
        }
        let fits =
            btf.get(TypeId(id)).is_some_and(|ty| ty.kind() == kind && ty.name() == name.as_bytes());
        if !fits {
            return Err(fail(&format!(
                "id {id} is not a type of that kind and name: it belongs to other BTF"
            )));
        }
        places.insert(at);
    }
    Ok(places)
}

/// Whether the sorted list `part` is contained in the sorted list `all`, each entry once.
fn is_part_of<T: Ord>(part: &[T], all: &[T]) -> bool {
    let mut all = all.iter();
    part.iter().all(|entry| all.any(|other| other == entry))
}
