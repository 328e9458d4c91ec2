//! The header, its sections, and the strings.

use super::format::v;
use super::rule;
use super::{Check, Role};

/// The header with a layout section (Linux 7.1), and the one before.
const HEADER: usize = 32;
const SHORT_HEADER: usize = 24;
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
    let known_length = if check.options.version >= v(7, 1) { HEADER } else { SHORT_HEADER };
    // Other BTF does not come through the system call.
    let loaded = matches!(check.options.role, Role::User | Role::Object);
    let is_split = check.blob.base.is_some();
    if loaded && blob.len() > MAX_SIZE {
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
    let tail = header.iter().skip(known_length).position(|byte| *byte != 0);
    if let Some(at) = tail {
        check.at(&rule::HEADER_TAIL, at.saturating_add(known_length), "");
    }
    // What a shorter header does not have is 0, even its own length.
    let mut known = [0; HEADER];
    for (to, from) in known.iter_mut().zip(header).take(known_length) {
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
    if rest.is_empty() && !is_split {
        check.at(&rule::NO_DATA, start, "");
        return false;
    }
    let types = Section { offset: word(8), len: word(12), at: 8 };
    let strings = Section { offset: word(16), len: word(20), at: 16 };
    let layout = Section { offset: word(24), len: word(28), at: 24 };
    let has_layout = length >= HEADER && layout.len != 0;
    let all = [types, strings, layout];
    if !sections(check, all.get(..if has_layout { 3 } else { 2 }).unwrap_or(&all), rest.len()) {
        return false;
    }
    let of = |section: Section| {
        let from = section.offset as usize;
        rest.get(from..from.saturating_add(section.len as usize)).unwrap_or_default()
    };
    check.blob.types = of(types);
    check.blob.types_at = start.saturating_add(types.offset as usize);
    check.blob.strings = of(strings);
    check.blob.strings_at = start.saturating_add(strings.offset as usize);
    let end = (strings.offset as usize).saturating_add(strings.len as usize);
    if end != rest.len() && (length < HEADER || known_length < HEADER) {
        check.at(&rule::STRINGS_LAST, 16, "");
    }
    self::strings(check);
    if loaded {
        if has_layout {
            self::layout(check, layout);
        }
        if types.offset & 3 != 0 {
            check.at(&rule::TYPES_ALIGN, 8, types.offset);
        }
        if types.len == 0 {
            check.at(&rule::NO_TYPES, 12, "");
        }
    }
    true
}

/// Sections must fill what is behind the header, without gaps.
fn sections(check: &mut Check<'_, '_>, all: &[Section], rest: usize) -> bool {
    // Compared as the kernel does, by the sign of the distance.
    let by = |a: u32, b: u32| a.wrapping_sub(b).cast_signed();
    let is_behind = |a: &Section, b: &Section| match by(a.offset, b.offset) {
        0 => by(a.len, b.len) > 0,
        distance => distance > 0,
    };
    // That is no order where sections are far apart, and sorting may count on one.
    let mut ordered: Vec<Section> = Vec::with_capacity(all.len());
    for section in all {
        let place = ordered.iter().position(|other| is_behind(other, section));
        ordered.insert(place.unwrap_or(ordered.len()), *section);
    }
    let mut total = 0_usize;
    for section in ordered {
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
        check.at(&rule::SECTION_REST, 16, values);
        return false;
    }
    true
}

fn layout(check: &mut Check<'_, '_>, layout: Section) {
    if layout.offset & 3 != 0 {
        check.at(&rule::LAYOUT_ALIGN, layout.at, layout.offset);
    }
    if layout.len < 4 {
        check.at(&rule::LAYOUT_SMALL, 28, layout.len);
    } else if !layout.len.is_multiple_of(4) {
        check.at(&rule::LAYOUT_WHOLE, 28, layout.len);
    }
}

fn strings(check: &mut Check<'_, '_>) {
    let (strings, start) = (check.blob.strings, check.blob.strings_at);
    let len = strings.len();
    let last = start.saturating_add(len).saturating_sub(1);
    let is_split = check.blob.base.is_some();
    if strings.is_empty() {
        if !is_split {
            check.at(&rule::STRINGS_EMPTY, 20, "");
        }
        return;
    }
    if len.saturating_sub(1) > check.blob.format.max_name as usize {
        check.at(&rule::STRINGS_LENGTH, 20, len);
    }
    if strings.last().is_some_and(|byte| *byte != 0) {
        check.at(&rule::STRINGS_END, last, "");
    }
    if !is_split && strings.first().is_some_and(|byte| *byte != 0) {
        check.at(&rule::STRINGS_START, start, "");
    }
}
