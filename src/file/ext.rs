//! `.BTF.ext`: what a BPF object says about its functions, lines and relocations, with type ids
//! and string offsets of `.BTF`.

use super::rewrite::Change;
use crate::btf::Endian;
use crate::error::{Error, ErrorKind, Result};
use crate::strip::Used;

fn bad(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Elf, what).in_section(".BTF.ext")
}

/// The word classes of a record, by position.
#[derive(Clone, Copy)]
enum Word {
    Plain,
    Id,
    Str,
}

/// The parts in the order of the header: `func_info` (instruction, type), `line_info`
/// (instruction, file, line text, line and column), `core_relo` (instruction, type, access string,
/// relocation kind). Records may be longer: what follows is not known.
const PARTS: [(&str, &[Word]); 3] = [
    ("func_info", &[Word::Plain, Word::Id]),
    ("line_info", &[Word::Plain, Word::Str, Word::Str, Word::Plain]),
    ("core_relo", &[Word::Plain, Word::Id, Word::Str, Word::Plain]),
];

/// The section with its ids and string offsets moved.
pub(super) fn shifted(data: &[u8], endian: Endian, change: &Change<'_>) -> Result<Vec<u8>> {
    let (mut words, places) = places(data, endian)?;
    for (at, class) in places {
        if let Some(word) = words.get_mut(at) {
            *word = match class {
                Word::Plain => *word,
                Word::Id => change.id(*word),
                Word::Str => change.string(*word),
            };
        }
    }
    Ok(words.into_iter().flat_map(|word| endian.bytes(word)).collect())
}

/// The ids and string offsets in the section.
pub(super) fn used(data: &[u8], endian: Endian) -> Result<Used> {
    let (words, places) = places(data, endian)?;
    let mut used = Used::default();
    for (at, class) in places {
        match (words.get(at), class) {
            (Some(id), Word::Id) => drop(used.ids.insert(*id)),
            (Some(offset), Word::Str) => drop(used.strings.insert(*offset)),
            _ => {}
        }
    }
    Ok(used)
}

/// The section's words, and which of them are what.
type Taken = (Vec<u32>, Vec<(usize, Word)>);

/// Takes the section apart.
fn places(data: &[u8], endian: Endian) -> Result<Taken> {
    let expected = match endian {
        Endian::Little => [0x9f, 0xeb, 1],
        Endian::Big => [0xeb, 0x9f, 1],
    };
    if !data.starts_with(&expected) {
        return Err(bad("its header is not known"));
    }
    if !data.len().is_multiple_of(4) {
        return Err(bad(format!("its {} bytes are not whole words", data.len())));
    }
    let words = endian.words(data);
    let word = |words: &[u32], at: usize| -> Result<usize> {
        let cut_off = || bad(format!("it is cut off at {:#x}", at.saturating_mul(4)));
        words.get(at).map(|word| *word as usize).ok_or_else(cut_off)
    };
    // All places below count words.
    let whole = |bytes: usize| -> Result<usize> {
        if bytes.is_multiple_of(4) {
            Ok(bytes / 4)
        } else {
            Err(bad("its parts are not whole words"))
        }
    };
    let header = whole(word(&words, 1)?)?;
    let known = PARTS.len().saturating_mul(2).saturating_add(2);
    if words.get(known..header).is_some_and(|tail| tail.iter().any(|word| *word != 0)) {
        return Err(bad("its header has more parts than are known"));
    }
    let mut moves: Vec<(usize, Word)> = Vec::new();
    for ((name, classes), at) in PARTS.into_iter().zip((2..header).step_by(2)) {
        let start = header.saturating_add(whole(word(&words, at)?)?);
        let len = whole(word(&words, at.saturating_add(1))?)?;
        let end = start.saturating_add(len);
        if len == 0 {
            continue;
        }
        // The size of a record; then for each ELF section its name, a count, and records.
        let size = whole(word(&words, start)?)?;
        if size < classes.len() || end > words.len() {
            return Err(bad(format!("{name} is broken")));
        }
        let mut at = start.saturating_add(1);
        while at < end {
            moves.push((at, Word::Str));
            let count = word(&words, at.saturating_add(1))?;
            let first = at.saturating_add(2);
            at = count.saturating_mul(size).saturating_add(first);
            if at > end {
                return Err(bad(format!("{name} has more records than fit")));
            }
            let records = (first..at).step_by(size);
            moves.extend(records.flat_map(|record| (record..).zip(classes.iter().copied())));
        }
    }
    Ok((words, moves))
}
