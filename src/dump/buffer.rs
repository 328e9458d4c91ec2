//! Where text waits to be written: what printing millions of small pieces needs to be quick.
//!
//! Numbers and names are copied in blocks of one fixed length, which takes no call and no loop over bytes;
//! what was too much is cut off again.

use std::io::{self, Write};

use crate::scan::{self, Block};

/// So much text waits at most.
const ENOUGH: usize = 1 << 16;

/// Text on its way to a writer. An error is kept until the end; nothing is written after it.
pub(super) struct Buffer<W> {
    out: W,
    text: Vec<u8>,
    /// When so much text is waiting it is written out.
    enough: usize,
    failed: Option<io::Error>,
}

/// A piece of text.
pub(super) trait Piece {
    fn put<W: Write>(self, buffer: &mut Buffer<W>);
}

/// Appends pieces of text: strings as they are, numbers in decimal.
macro_rules! put {
    ($buffer:expr, $($piece:expr),+) => {{ $($crate::dump::buffer::Piece::put($piece, &mut $buffer);)+ }};
}
pub(super) use put;

impl Piece for &str {
    #[inline(always)]
    fn put<W: Write>(self, buffer: &mut Buffer<W>) {
        buffer.text.extend_from_slice(self.as_bytes());
    }
}

/// A short text that is known beforehand, with room behind it: all of it is copied, without asking how much it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Short<const ROOM: usize> {
    room: [u8; ROOM],
    too_many: usize,
}

impl<const ROOM: usize> Short<ROOM> {
    /// None if it is too long.
    pub(super) const fn of(text: &str) -> Option<Self> {
        let mut room = [0; ROOM];
        let Some(too_many) = ROOM.checked_sub(text.len()) else { return None };
        let Some((place, _)) = room.split_at_mut_checked(text.len()) else { return None };
        place.copy_from_slice(text.as_bytes());
        Some(Short { room, too_many })
    }
}

impl<const ROOM: usize> Piece for Short<ROOM> {
    #[inline]
    fn put<W: Write>(self, buffer: &mut Buffer<W>) {
        let Short { room, too_many } = self;
        buffer.text.extend_from_slice(&room);
        buffer.text.truncate(buffer.text.len().wrapping_sub(too_many));
    }
}

impl Piece for u32 {
    #[inline(always)]
    fn put<W: Write>(self, buffer: &mut Buffer<W>) {
        decimal(&mut buffer.text, self);
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {
        $(impl Piece for $integer {
            fn put<W: Write>(self, buffer: &mut Buffer<W>) {
                let mut digits = itoa::Buffer::new();
                buffer.text.extend_from_slice(digits.format(self).as_bytes());
            }
        })*
    };
}

integers! { i32 i64 u64 }

/// A string that ends where the next NUL is.
pub(super) struct UpToNul<'a>(pub(super) &'a [u8]);

impl Piece for UpToNul<'_> {
    #[inline]
    fn put<W: Write>(self, buffer: &mut Buffer<W>) {
        up_to(&mut buffer.text, self.0, scan::nul);
    }
}

impl<W: Write> Buffer<W> {
    pub(super) fn new(out: W) -> Self {
        let text = Vec::with_capacity(ENOUGH.saturating_mul(2));
        Buffer { out, text, enough: ENOUGH, failed: None }
    }

    /// Takes `text` to write into, and lets `enough` wait before it is written out.
    #[cfg(feature = "cli")]
    pub(super) fn with(out: W, text: Vec<u8>, enough: usize) -> Self {
        Buffer { out, text, enough, failed: None }
    }

    /// The text that waits, and whether that is all of it that should.
    #[cfg(feature = "cli")]
    pub(super) fn into_text(self) -> (Vec<u8>, bool) {
        (self.text, self.failed.is_none())
    }

    /// The text that waits, to add to it in other ways.
    pub(super) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// A place where text may be written out: to be called often enough that what is between two calls
    /// does not become large. False if there is no sense in going on.
    #[inline]
    #[must_use]
    pub(super) fn relieve(&mut self) -> bool {
        self.text.len() < self.enough || self.write_out()
    }

    fn write_out(&mut self) -> bool {
        if self.failed.is_none() {
            self.failed = self.out.write_all(&self.text).err();
        }
        self.text.clear();
        self.failed.is_none()
    }

    /// Writes out what is left; gives the error if there was one.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.write_out();
        match self.failed.take() {
            Some(err) => Err(err),
            None => self.out.flush(),
        }
    }

    /// Appends a string up to its NUL if JSON has it as it is; if not, appends nothing and gives false.
    #[inline]
    pub(super) fn plain(&mut self, string: &[u8]) -> bool {
        let before = self.text.len();
        let is_plain = up_to(&mut self.text, string, scan::not_plain) == Some(0);
        if !is_plain {
            self.text.truncate(before);
        }
        is_plain
    }

    /// Takes back the comma at the end, if there is one.
    #[inline]
    pub(super) fn drop_comma(&mut self) {
        if self.text.last() == Some(&b',') {
            self.text.pop();
        }
    }
}

/// Appends bytes up to the first at which `stop` stops, and gives that byte; appends nothing and gives None where it
/// stops at none.
#[inline(always)]
fn up_to(text: &mut Vec<u8>, bytes: &[u8], stop: impl Fn(&Block) -> usize) -> Option<u8> {
    if let Some(block) = bytes.first_chunk()
        && let Some((_, [end, others @ ..])) = block.split_at_checked(stop(block))
    {
        // A whole block, so that no length is asked for.
        text.extend_from_slice(block);
        text.truncate(text.len().wrapping_sub(others.len()).wrapping_sub(1));
        return Some(*end);
    }
    far_up_to(text, bytes, stop)
}

#[inline(never)]
fn far_up_to(text: &mut Vec<u8>, bytes: &[u8], stop: impl Fn(&Block) -> usize) -> Option<u8> {
    let end = scan::end(bytes, stop)?;
    text.extend_from_slice(bytes.get(..end)?);
    bytes.get(end).copied()
}

/// The numbers below 1000 in three digits, zeros in front.
static DIGITS: [[u8; 4]; 1000] = {
    let mut table = [[0; 4]; 1000];
    let mut rest: &mut [[u8; 4]] = &mut table;
    let (mut a, mut b, mut c) = (b'0', b'0', b'0');
    while let Some((first, others)) = rest.split_first_mut() {
        *first = [a, b, c, 0];
        (a, b, c) = match (b, c) {
            (b'9', b'9') => (a.wrapping_add(1), b'0', b'0'),
            (_, b'9') => (a, b.wrapping_add(1), b'0'),
            _ => (a, b, c.wrapping_add(1)),
        };
        rest = others;
    }
    table
};

/// The same without zeros in front, and how many digits there are.
static SHORT: [[u8; 4]; 1000] = {
    let mut table = DIGITS;
    let mut rest: &mut [[u8; 4]] = &mut table;
    while let Some((first, others)) = rest.split_first_mut() {
        *first = match *first {
            [b'0', b'0', c, _] => [c, 0, 0, 1],
            [b'0', b, c, _] => [b, c, 0, 2],
            [a, b, c, _] => [a, b, c, 3],
        };
        rest = others;
    }
    table
};

/// Appends a number in decimal. Nearly all have no more than six digits.
#[inline(always)]
pub(super) fn decimal(text: &mut Vec<u8>, number: u32) {
    let (shown, digits) = if let Some([a, b, c, digits]) = SHORT.get(number as usize) {
        (u64::from(u32::from_le_bytes([*a, *b, *c, 0])), *digits)
    } else if let (Some([a, b, c, digits]), Some(rest)) =
        (SHORT.get(number as usize / 1000), DIGITS.get(number as usize % 1000))
    {
        let first = u64::from(u32::from_le_bytes([*a, *b, *c, 0]));
        let rest = u64::from(u32::from_le_bytes(*rest)).wrapping_shl(u32::from(*digits) << 3);
        (first | rest, digits.wrapping_add(3))
    } else {
        return long_decimal(text, number);
    };
    text.extend_from_slice(&shown.to_le_bytes());
    text.truncate(text.len().wrapping_sub(8_usize.wrapping_sub(digits.into())));
}

#[cold]
#[inline(never)]
fn long_decimal(text: &mut Vec<u8>, number: u32) {
    let mut digits = itoa::Buffer::new();
    text.extend_from_slice(digits.format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_the_standard_library_prints_them() {
        let edges = (0..32).flat_map(|bits| [1_u32 << bits, u32::MAX >> bits, (1 << bits) - 1]);
        let tens = (0..10).flat_map(|n| [10_u32.pow(n), 10_u32.pow(n) - 1]);
        for number in edges.chain(tens).chain(0..200_000).chain((0..u32::MAX).step_by(9_973)) {
            let mut text = b"=".to_vec();
            decimal(&mut text, number);
            assert_eq!(String::from_utf8(text).unwrap(), format!("={number}"));
        }
    }

    #[test]
    fn strings_end_at_the_first_nul_wherever_it_is() {
        for len in 0..70 {
            for behind in 0..40 {
                let string: Vec<u8> = (0..len).map(|at| b'a' + at % 26).collect();
                let mut section = string.clone();
                section.push(0);
                section.extend((0..behind).map(|at: u8| at % 3));
                let mut buffer = Buffer::new(Vec::new());
                put!(buffer, "<", UpToNul(&section), ">");
                assert!(buffer.plain(&section));
                buffer.finish().unwrap();
                let text = String::from_utf8(string).unwrap();
                assert_eq!(String::from_utf8(buffer.out).unwrap(), format!("<{text}>{text}"));
            }
        }
    }

    #[test]
    fn what_json_must_escape_is_not_quoted() {
        for byte in 1..=255_u8 {
            for at in 0..40 {
                let mut string = vec![b'x'; 40];
                string[at] = byte;
                string.push(0);
                let plain = serde_json::to_string(&String::from_utf8_lossy(&string[..40])).unwrap();
                let plain = plain.len() == 42 && byte.is_ascii() && byte != 0x7f;
                let mut buffer = Buffer::new(Vec::new());
                assert_eq!(buffer.plain(&string), plain, "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn an_error_is_given_once_and_stops_writing() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut buffer = Buffer::new(Full(0));
        for _ in 0..10 {
            buffer.text.resize(ENOUGH, b' ');
            assert!(!buffer.relieve());
        }
        assert_eq!(buffer.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(buffer.out.0, 1);
    }
}
