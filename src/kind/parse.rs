//! The grammar of `.kind` files. One `const fn` serves both the released table, which it checks at
//! compile time, and `--kind-file`.
//!
//! A file is lines of words; `#` starts a comment. `kind NUMBER NAME` and `third size|id|unused`
//! must be there; `since MAJOR.MINOR`, `fixed FIELD...`, `elements FIELD...` and `each NOUN` (what
//! one element is called in messages) may be. A FIELD is `name` or `name:class`, the class being
//! `u32` (also without one), `s32`, `id` or `str`. Each field is one word of four bytes; a line has at
//! most 32.

use super::spec::{Third, Version, WordClass};

/// The most fields that one `fixed` or `elements` line may have.
const MAX_FIELDS: usize = 32;

/// A parsed kind file, borrowing from its text.
#[derive(Clone, Copy)]
pub(super) struct Parsed<'a> {
    pub(super) number: u8,
    pub(super) name: &'a str,
    pub(super) since: Option<Version>,
    pub(super) third: Third,
    pub(super) fixed: FieldList<'a>,
    pub(super) elements: FieldList<'a>,
    pub(super) each: Option<&'a str>,
}

/// The fields of one `fixed` or `elements` line.
#[derive(Clone, Copy)]
pub(super) struct FieldList<'a> {
    fields: [(&'a str, WordClass); MAX_FIELDS],
    pub(super) len: usize,
}

impl<'a> FieldList<'a> {
    const EMPTY: Self = FieldList { fields: [("", WordClass::U32); MAX_FIELDS], len: 0 };

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, WordClass)> {
        self.fields.iter().take(self.len).copied()
    }
}

/// What is wrong with a kind file, and in which line (from 1).
#[derive(Clone, Copy)]
pub(super) struct ParseError {
    pub(super) line: usize,
    pub(super) what: &'static str,
}

/// The text as words, one after the other; an empty word marks the end of a line.
struct Words<'a> {
    rest: &'a str,
    line: usize,
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "const fns have no iterators; every index is compared with the length just before"
)]
impl<'a> Words<'a> {
    const fn skip(&mut self, n: usize) -> &'a str {
        let (head, tail) = self.rest.split_at(n);
        self.rest = tail;
        head
    }

    /// The next word of this line, empty at its end.
    const fn next(&mut self) -> &'a str {
        let bytes = self.rest.as_bytes();
        let mut at = 0;
        while at < bytes.len() && matches!(bytes[at], b' ' | b'\t' | b'\r') {
            at += 1;
        }
        if at < bytes.len() && bytes[at] == b'#' {
            while at < bytes.len() && bytes[at] != b'\n' {
                at += 1;
            }
        }
        self.skip(at);
        let bytes = self.rest.as_bytes();
        let mut end = 0;
        while end < bytes.len() && !matches!(bytes[end], b' ' | b'\t' | b'\r' | b'\n' | b'#') {
            end += 1;
        }
        self.skip(end)
    }

    /// Goes to the next line; false at the end of the text. The line must have been read whole.
    const fn next_line(&mut self) -> bool {
        if self.rest.is_empty() {
            return false;
        }
        self.skip(1);
        self.line += 1;
        true
    }
}

const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.split_first(), b.split_first()) {
            (None, None) => return true,
            (Some((x, rest_a)), Some((y, rest_b))) if *x == *y => (a, b) = (rest_a, rest_b),
            _ => return false,
        }
    }
}

const fn starts_with(word: &str, prefix: &str) -> bool {
    word.len() >= prefix.len() && {
        let (head, _) = word.as_bytes().split_at(prefix.len());
        match std::str::from_utf8(head) {
            Ok(head) => same(head, prefix),
            Err(_) => false,
        }
    }
}

/// A decimal number without leading zeros, or None.
const fn number(word: &str) -> Option<u16> {
    let mut bytes = word.as_bytes();
    if bytes.is_empty() || (bytes.len() > 1 && matches!(bytes.first(), Some(b'0'))) {
        return None;
    }
    let mut value: u16 = 0;
    while let Some((digit, rest)) = bytes.split_first() {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = match value.checked_mul(10) {
            Some(v) => match v.checked_add(digit.wrapping_sub(b'0') as u16) {
                Some(v) => v,
                None => return None,
            },
            None => return None,
        };
        bytes = rest;
    }
    Some(value)
}

/// The two halves of `word` around its first `mark`; the second is None without one.
const fn halves(word: &str, mark: u8) -> (&str, Option<&str>) {
    let mut at = 0;
    let mut bytes = word.as_bytes();
    while let Some((byte, rest)) = bytes.split_first() {
        if *byte == mark {
            let (head, tail) = word.split_at(at);
            return (head, Some(tail.split_at(1).1));
        }
        bytes = rest;
        at = at.saturating_add(1);
    }
    (word, None)
}

/// `MAJOR.MINOR`, with an optional `v` before it; what follows a second dot or a `-` is ignored.
pub(super) const fn version(word: &str) -> Option<Version> {
    let word = if starts_with(word, "v") { word.split_at(1).1 } else { word };
    let (major, rest) = halves(halves(word, b'-').0, b'.');
    let minor = match rest {
        Some(rest) => number(halves(rest, b'.').0),
        None => Some(0),
    };
    match (number(major), minor) {
        (Some(major), Some(minor)) => Some(Version { major, minor }),
        _ => None,
    }
}

pub(super) const fn is_lower_name(word: &str) -> bool {
    let mut bytes = word.as_bytes();
    if !matches!(bytes.first(), Some(b'a'..=b'z' | b'_')) {
        return false;
    }
    while let Some((byte, rest)) = bytes.split_first() {
        if !matches!(*byte, b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return false;
        }
        bytes = rest;
    }
    true
}

/// Whether `name` can name a kind: `[A-Z][A-Z0-9_]*`, and not what a description's own parts are
/// called (`META_...`, `INFO_...`).
pub(super) const fn is_kind_name(name: &str) -> bool {
    let mut bytes = name.as_bytes();
    if !matches!(bytes.first(), Some(b'A'..=b'Z')) {
        return false;
    }
    while let Some((byte, rest)) = bytes.split_first() {
        if !matches!(*byte, b'A'..=b'Z' | b'0'..=b'9' | b'_') {
            return false;
        }
        bytes = rest;
    }
    !starts_with(name, "META_") && !starts_with(name, "INFO_")
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "const fns have no iterators; len is compared with MAX_FIELDS before each use"
)]
const fn fields<'a>(words: &mut Words<'a>) -> Result<FieldList<'a>, &'static str> {
    let mut list = FieldList::EMPTY;
    loop {
        let word = words.next();
        if word.is_empty() {
            return if list.len == 0 { Err("a field is missing") } else { Ok(list) };
        }
        let (name, class) = halves(word, b':');
        let class = match class {
            None => WordClass::U32,
            Some(c) if same(c, "u32") => WordClass::U32,
            Some(c) if same(c, "s32") => WordClass::S32,
            Some(c) if same(c, "id") => WordClass::Id,
            Some(c) if same(c, "str") => WordClass::Str,
            Some(_) => return Err("a field's class must be u32, s32, id or str"),
        };
        if !is_lower_name(name) {
            return Err("a field's name must be of a-z, 0-9 and _");
        }
        if list.len == MAX_FIELDS {
            return Err("too many fields in one line");
        }
        let mut i = 0;
        while i < list.len {
            if same(list.fields[i].0, name) {
                return Err("two fields have the same name");
            }
            i += 1;
        }
        list.fields[list.len] = (name, class);
        list.len += 1;
    }
}

/// Parses one kind file.
pub(super) const fn parse(text: &str) -> Result<Parsed<'_>, ParseError> {
    let mut words = Words { rest: text, line: 1 };
    let mut kind = None;
    let mut since = None;
    let mut third = None;
    let mut fixed = None;
    let mut elements = None;
    let mut each = None;
    loop {
        let line = words.line;
        let keyword = words.next();
        let what: Result<(), &'static str> = if keyword.is_empty() {
            Ok(())
        } else if same(keyword, "kind") && kind.is_none() {
            let (n, name) = (number(words.next()), words.next());
            match n {
                Some(n @ 1..=127) if is_kind_name(name) => {
                    // 1..=127 fits a byte.
                    kind = Some(((n & 0x7f) as u8, name));
                    Ok(())
                }
                Some(1..=127) => {
                    Err("a kind's name must be of A-Z, 0-9 and _, and not META_ or INFO_")
                }
                _ => Err("a kind's number must be 1 to 127"),
            }
        } else if same(keyword, "since") && since.is_none() {
            since = version(words.next());
            if since.is_some() { Ok(()) } else { Err("since needs a kernel version, like 5.13") }
        } else if same(keyword, "third") && third.is_none() {
            let word = words.next();
            third = match () {
                () if same(word, "size") => Some(Third::Size),
                () if same(word, "id") => Some(Third::Id),
                () if same(word, "unused") => Some(Third::Unused),
                () => None,
            };
            if third.is_some() { Ok(()) } else { Err("third must be size, id or unused") }
        } else if same(keyword, "fixed") && fixed.is_none() {
            match fields(&mut words) {
                Ok(list) => {
                    fixed = Some(list);
                    Ok(())
                }
                Err(what) => Err(what),
            }
        } else if same(keyword, "elements") && elements.is_none() {
            match fields(&mut words) {
                Ok(list) => {
                    elements = Some(list);
                    Ok(())
                }
                Err(what) => Err(what),
            }
        } else if same(keyword, "each") && each.is_none() {
            let word = words.next();
            each = Some(word);
            if is_lower_name(word) { Ok(()) } else { Err("each needs a noun of a-z, 0-9 and _") }
        } else {
            Err("a line must start with kind, since, third, fixed, elements or each, each but once")
        };
        if let Err(what) = what {
            return Err(ParseError { line, what });
        }
        if !words.next().is_empty() {
            return Err(ParseError { line, what: "more words than this line can have" });
        }
        if !words.next_line() {
            break;
        }
    }
    let line = words.line;
    match (kind, third) {
        (Some((number, name)), Some(third)) => Ok(Parsed {
            number,
            name,
            since,
            third,
            fixed: match fixed {
                Some(list) => list,
                None => FieldList::EMPTY,
            },
            elements: match elements {
                Some(list) => list,
                None => FieldList::EMPTY,
            },
            each,
        }),
        (None, _) => Err(ParseError { line, what: "there is no kind line" }),
        (_, None) => Err(ParseError { line, what: "there is no third line" }),
    }
}

/// Parses a file of the released table; what is wrong with it stops the compiler.
#[expect(clippy::panic, reason = "evaluated at compile time only")]
pub(super) const fn parse_released(text: &str) -> Parsed<'_> {
    match parse(text) {
        Ok(parsed) => {
            assert!(parsed.since.is_some(), "a released kind has a since line");
            parsed
        }
        Err(err) => panic!("{}", err.what),
    }
}
