//! Pieces of C text.

use crate::scan;

/// Whether a name can stand in C as it is.
#[inline]
fn is_identifier(name: &[u8]) -> bool {
    let (blocks, rest) = name.as_chunks::<16>();
    let mut last = [b'_'; 16];
    if let Some(place) = last.get_mut(..rest.len()) {
        place.copy_from_slice(rest);
    }
    name.first().is_some_and(|first| !first.is_ascii_digit())
        && blocks.iter().chain([&last]).all(|block| scan::not_in_names(block) == block.len())
}

/// Whether C means something else by a name, so that other languages alone have it.
fn is_keyword(name: &[u8]) -> bool {
    match name.len() {
        2 => matches!(name, b"do" | b"if"),
        3 => matches!(name, b"asm" | b"for" | b"int"),
        4 => matches!(
            name,
            b"auto" | b"case" | b"char" | b"else" | b"enum" | b"goto" | b"long" | b"void"
        ),
        5 => matches!(name, b"break" | b"const" | b"float" | b"short" | b"union" | b"while"),
        6 => matches!(
            name,
            b"double"
                | b"extern"
                | b"inline"
                | b"return"
                | b"signed"
                | b"sizeof"
                | b"static"
                | b"struct"
                | b"switch"
                | b"typeof"
        ),
        7 => matches!(name, b"default" | b"typedef"),
        8 => matches!(name, b"continue" | b"register" | b"restrict" | b"unsigned" | b"volatile"),
        _ => false,
    }
}

/// Appends a name with every byte replaced that C does not take.
pub(super) fn identifier(out: &mut Vec<u8>, name: &[u8]) {
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

pub(super) fn indent(out: &mut Vec<u8>, levels: usize) {
    out.resize(out.len().saturating_add(levels), b'\t');
}
