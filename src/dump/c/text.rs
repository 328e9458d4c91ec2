//! Pieces of C text.

use super::source::TOO_LONG;
use crate::scan::{self, Block};

/// Whether a name can stand in C as it is.
#[inline]
fn is_identifier(name: &[u8]) -> bool {
    let (blocks, rest) = name.as_chunks();
    let mut last = [b'_'; 32];
    if let Some(place) = last.get_mut(..rest.len()) {
        place.copy_from_slice(rest);
    }
    name.first().is_some_and(|first| !first.is_ascii_digit())
        && blocks.iter().chain([&last]).all(|block| scan::not_in_names(block) == block.len())
}

/// Names that C gives another meaning, so that other languages alone have them.
#[rustfmt::skip]
const KEYWORDS: [&str; 36] = [
    "do", "if", "asm", "for", "int", "auto", "case", "char", "else", "enum", "goto", "long", "void", "break", "const",
    "float", "short", "union", "while", "double", "extern", "inline", "return", "signed", "sizeof", "static", "struct",
    "switch", "typeof", "default", "typedef", "continue", "register", "restrict", "unsigned", "volatile",
];

/// By length, the [`mix`]es of the letters that keywords start and end with: one bit each.
#[rustfmt::skip]
const MIXES: [u128; 10] = [
    mixes(0), mixes(1), mixes(2), mixes(3), mixes(4), mixes(5), mixes(6), mixes(7), mixes(8), mixes(9),
];

const fn mixes(len: usize) -> u128 {
    let mut bits = 0;
    let mut words: &[&str] = &KEYWORDS;
    while let [word, rest @ ..] = words {
        if let [first, .., last] = word.as_bytes()
            && word.len() == len
        {
            bits |= 1_u128.wrapping_shl(mix(*first, *last));
        }
        words = rest;
    }
    bits
}

/// A number below 128.
const fn mix(first: u8, last: u8) -> u32 {
    (first.wrapping_mul(5).wrapping_add(last) & 127) as u32
}

/// Whether C means something else by a name. Nearly always says no, and asks no more than that of the processor's
/// guesses at branches.
#[inline]
fn is_keyword(name: &[u8]) -> bool {
    let mixes = MIXES.get(name.len().min(9)).copied().unwrap_or(0);
    let (first, last) = (name.first().copied().unwrap_or(0), name.last().copied().unwrap_or(0));
    mixes.wrapping_shr(mix(first, last)) & 1 != 0 && is_among_keywords(name)
}

#[inline(never)]
fn is_among_keywords(name: &[u8]) -> bool {
    KEYWORDS.iter().any(|word| word.as_bytes() == name)
}

/// Appends a name with every byte replaced that C does not take.
fn identifier(out: &mut Vec<u8>, name: &[u8]) {
    if is_identifier(name) {
        out.extend_from_slice(name);
        if is_keyword(name) {
            out.push(b'_');
        }
        return;
    }
    if name.first().is_none_or(u8::is_ascii_digit) {
        out.push(b'_');
    }
    out.extend(name.iter().map(|byte| if byte.is_ascii_alphanumeric() { *byte } else { b'_' }));
}

/// How long the name at the start of a block is, if it is all there and C takes it as it is, as nearly all are.
#[inline(always)]
pub(super) fn usual_name(block: &Block) -> Option<usize> {
    let len = scan::not_in_names(block);
    let name @ [first, ..] = block.get(..len)? else { return None };
    (block.get(len) == Some(&0) && !first.is_ascii_digit() && !is_keyword(name)).then_some(len)
}

/// Appends the first bytes of a block, so many of them: all of it is copied, without asking how many they are.
#[inline(always)]
pub(super) fn put_start(out: &mut Vec<u8>, block: &Block, len: usize) {
    let end = out.len().wrapping_add(len);
    out.extend_from_slice(block);
    out.truncate(end);
}

/// Appends the name at the start of these strings as [`identifier`] does, and gives it.
#[inline(always)]
pub(super) fn name<'a>(out: &mut Vec<u8>, strings: &'a [u8]) -> &'a [u8] {
    if let Some(block) = strings.first_chunk()
        && let Some(len) = usual_name(block)
        && let Some(name) = block.get(..len)
    {
        put_start(out, block, len);
        return name;
    }
    any_name(out, strings)
}

#[inline(never)]
fn any_name<'a>(out: &mut Vec<u8>, strings: &'a [u8]) -> &'a [u8] {
    let name = scan::string(strings).unwrap_or(TOO_LONG);
    identifier(out, name);
    name
}

/// Appends a name of one word or several, such as `long double`.
pub(super) fn words(out: &mut Vec<u8>, name: &[u8]) {
    for (nth, word) in name.split(|byte| *byte == b' ').enumerate() {
        if nth > 0 {
            out.push(b' ');
        }
        match is_identifier(word) {
            true => out.extend_from_slice(word),
            false => identifier(out, word),
        }
    }
}

/// Appends a name for people: as it is, but for control characters and ends of comments.
pub(super) fn plain(out: &mut Vec<u8>, name: &[u8]) {
    let mut before = 0;
    for byte in name {
        let ends = before == b'*' && *byte == b'/';
        out.push(if byte.is_ascii_control() || ends { b'?' } else { *byte });
        before = *byte;
    }
}

/// Appends a string literal.
pub(super) fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for piece in text.split_inclusive(|byte| matches!(byte, b'"' | b'\\')) {
        match piece.split_last() {
            Some((last @ (b'"' | b'\\'), rest)) => {
                plain(out, rest);
                out.extend([b'\\', *last]);
            }
            _ => plain(out, piece),
        }
    }
    out.push(b'"');
}

#[inline]
pub(super) fn indent(out: &mut Vec<u8>, levels: usize) {
    const TABS: [u8; 8] = [b'\t'; 8];
    match TABS.len().checked_sub(levels) {
        Some(too_many) => {
            out.extend_from_slice(&TABS);
            out.truncate(out.len().wrapping_sub(too_many));
        }
        None => out.resize(out.len().saturating_add(levels), b'\t'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that is copied in blocks is the same as one that is looked at byte by byte.
    #[test]
    fn names_are_taken_from_strings_as_they_are_by_themselves() {
        let mut names: Vec<Vec<u8>> = Vec::new();
        for len in 0..70 {
            let name: Vec<u8> = (0..len).map(|at| b"ab_Z9"[at % 5]).collect();
            for (at, byte) in
                (0..len).flat_map(|at| [b' ', 0xe9, b'7', b'*'].map(|byte| (at, byte)))
            {
                let mut odd = name.clone();
                odd[at] = byte;
                names.push(odd);
            }
            names.push(name);
        }
        for word in KEYWORDS {
            let others = [format!("{word}d"), word.to_uppercase(), word[1..].to_owned()];
            assert!(is_keyword(word.as_bytes()), "{word}");
            assert!(!others.iter().any(|word| is_keyword(word.as_bytes())), "{others:?}");
            names.extend(others.map(String::into_bytes));
            names.push(word.into());
        }
        for (name, behind) in names.iter().flat_map(|name| [0, 1, 15, 31, 70].map(|n| (name, n))) {
            let strings = [name.as_slice(), &[0], &vec![b'x'; behind]].concat();
            let (mut expected, mut out) = (b"=".to_vec(), b"=".to_vec());
            identifier(&mut expected, name);
            assert_eq!(super::name(&mut out, &strings), name);
            assert_eq!(out, expected, "{name:?}");
        }
    }

    #[test]
    fn a_name_without_an_end_is_not_printed() {
        let mut out = Vec::new();
        assert_eq!(name(&mut out, &[b'x'; 512]), TOO_LONG);
        assert_eq!(out, TOO_LONG);
    }
}
