//! The header, its sections, and the strings.

use super::Check;
use super::blob::MAX_NAME;
use super::rule;

/// The header that this kernel knows.
const HEADER: usize = 24;
/// The largest blob (`BTF_MAX_SIZE`).
const MAX_SIZE: usize = 16 << 20;

/// A section as the header gives it, and where in the header that is.
#[derive(Clone, Copy)]
struct Section {
    offset: u32,
    len: u32,
    at: usize,
}

/// Checks all but the types, and puts the sections where the other steps find them. False if there
/// is no going on.
pub(super) fn check<'a>(check: &mut Check<'a, '_>, blob: &'a [u8]) -> bool {
    if blob.len() > MAX_SIZE {
        check.at(&rule::SIZE, 0, format_args!("{} bytes", blob.len()));
    }
    let Some(length) = blob.get(4..8).and_then(|word| word.first_chunk::<4>()) else {
        check.at(&rule::HEADER_CUT, 0, "");
        return false;
    };
    let length = u32::from_ne_bytes(*length) as usize;
    let Some(header) = blob.get(..length) else {
        check.at(&rule::HEADER_LENGTH, 4, format_args!("{length} bytes"));
        return false;
    };
    let tail = header.iter().skip(HEADER).position(|byte| *byte != 0);
    if let Some(at) = tail {
        check.at(&rule::HEADER_TAIL, at.saturating_add(HEADER), "");
    }
    // What a shorter header does not have is 0, even its own length.
    let mut known = [0; HEADER];
    for (to, from) in known.iter_mut().zip(header) {
        *to = *from;
    }
    let word = |at: usize| {
        let bytes = known.get(at..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
    };
    let [m0, m1, version, flags, ..] = known;
    if u16::from_ne_bytes([m0, m1]) != 0xeb9f {
        check.at(&rule::MAGIC, 0, format_args!("{m0:02x} {m1:02x}"));
        return false;
    }
    if version != 1 {
        check.at(&rule::VERSION, 2, version);
    }
    if flags != 0 {
        check.at(&rule::FLAGS, 3, format_args!("{flags:#x}"));
    }
    let start = word(4) as usize;
    let rest = blob.get(start..).unwrap_or_default();
    if rest.is_empty() {
        check.at(&rule::NO_DATA, start, "");
        return false;
    }
    let types = Section { offset: word(8), len: word(12), at: 8 };
    let strings = Section { offset: word(16), len: word(20), at: 16 };
    if !sections(check, types, strings, rest.len()) {
        return false;
    }
    let of = |section: Section| {
        let from = section.offset as usize;
        rest.get(from..from.saturating_add(section.len as usize)).unwrap_or_default()
    };
    check.blob.types = of(types);
    check.blob.types_at = start.saturating_add(types.offset as usize);
    check.blob.strings = of(strings);
    let end = (strings.offset as usize).saturating_add(strings.len as usize);
    if end != rest.len() {
        check.at(&rule::STRINGS_LAST, 16, "");
    }
    self::strings(check, start.saturating_add(strings.offset as usize));
    if types.offset & 3 != 0 {
        check.at(&rule::TYPES_ALIGN, 8, types.offset);
    }
    if types.len == 0 {
        check.at(&rule::NO_TYPES, 12, "");
    }
    true
}

/// Sections must fill what is behind the header, without gaps.
fn sections(check: &mut Check<'_, '_>, types: Section, strings: Section, rest: usize) -> bool {
    // Compared as the kernel does, by the sign of the distance.
    let by = |a: u32, b: u32| a.wrapping_sub(b).cast_signed();
    let swap = match by(types.offset, strings.offset) {
        0 => by(types.len, strings.len) > 0,
        distance => distance > 0,
    };
    let mut total = 0_usize;
    for section in if swap { [strings, types] } else { [types, strings] } {
        let (offset, len) = (section.offset as usize, section.len as usize);
        let broken = if rest < offset {
            &rule::SECTION_OFFSET
        } else if total < offset {
            &rule::SECTION_GAP
        } else if total > offset {
            &rule::SECTION_OVERLAP
        } else if rest.saturating_sub(total) < len {
            &rule::SECTION_LENGTH
        } else {
            total = total.saturating_add(len);
            continue;
        };
        check.at(broken, section.at, format_args!("offset {offset}, length {len}"));
        return false;
    }
    if total != rest {
        let values = format_args!("{} bytes", rest.saturating_sub(total));
        check.at(&rule::SECTION_REST, strings.at, values);
        return false;
    }
    true
}

fn strings(check: &mut Check<'_, '_>, start: usize) {
    let strings = check.blob.strings;
    let len = strings.len();
    let last = start.saturating_add(len).saturating_sub(1);
    if strings.is_empty() {
        check.at(&rule::STRINGS_EMPTY, 20, "");
        return;
    }
    if len.saturating_sub(1) > MAX_NAME as usize {
        check.at(&rule::STRINGS_LENGTH, 20, len);
    }
    if strings.last().is_some_and(|byte| *byte != 0) {
        check.at(&rule::STRINGS_END, last, "");
    }
    if strings.first().is_some_and(|byte| *byte != 0) {
        check.at(&rule::STRINGS_START, start, "");
    }
}
