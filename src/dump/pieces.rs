//! One large blob printed on all processors: text that several printers make side by side, put together in
//! the order of the types.

use std::io::{self, Write};

use super::buffer::Buffer;
use super::{Json, Text, json, turns};
use crate::btf::{Btf, Record};

/// So many types are a piece. Shorter ones cost more to hand around, longer ones more memory: each is some 40 KiB
/// long, as a rule.
const PIECE: usize = 256;

/// Fewer types are printed before other threads have started.
const ENOUGH: usize = 32 * PIECE;

/// Pieces that are longer are not held.
const MOST: usize = 1 << 22;

/// What is printed of each type by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    Text,
    Json,
}

impl Form {
    /// Prints all own types of a blob: the bytes that [`Text::types`] and [`Json::types`] print.
    pub(crate) fn print(self, btf: &Btf, out: &mut impl Write) -> io::Result<()> {
        self.print_with(btf, turns::threads(), out)
    }

    fn print_with(self, btf: &Btf, threads: usize, out: &mut impl Write) -> io::Result<()> {
        let (start, end) = match self {
            Form::Text => ("", ""),
            Form::Json => (json::START, json::END),
        };
        out.write_all(start.as_bytes())?;
        self.pieces(btf, threads, out)?;
        out.write_all(end.as_bytes())?;
        out.flush()
    }

    fn pieces(self, btf: &Btf, threads: usize, out: &mut impl Write) -> io::Result<()> {
        let count = btf.types().size_hint().0;
        if count < ENOUGH || threads < 2 {
            return self.each(Buffer::new(out), btf.types(), true).finish();
        }
        let first = |piece: usize| piece.saturating_mul(PIECE);
        let types = |piece: usize| btf.types_from(first(piece)).take(PIECE);
        // Each text, and whether it is all there.
        let make = |piece: usize, text: Vec<u8>| {
            let buffer = Buffer::with(Nowhere, text, MOST);
            (piece, self.each(buffer, types(piece), piece == 0).into_text())
        };
        turns::in_order(count.div_ceil(PIECE), threads, make, |(piece, (mut text, is_whole))| {
            if is_whole {
                out.write_all(&text)?;
            } else {
                self.each(Buffer::new(&mut *out), types(piece), piece == 0).finish()?;
            }
            text.clear();
            Ok(text)
        })
    }

    fn each<'a, W: Write>(
        self,
        buffer: Buffer<W>,
        types: impl Iterator<Item = Record<'a>>,
        is_first: bool,
    ) -> Buffer<W> {
        match self {
            Form::Text => {
                let mut text = Text { out: buffer };
                text.each(types);
                text.out
            }
            Form::Json => {
                let mut json = Json { out: buffer };
                json.each(types, is_first);
                json.out
            }
        }
    }
}

/// Where nothing can be written to.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::FileTooLarge.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::btf::NewType;
    use crate::kind::Kind;

    /// What one printer makes, at any number of threads, and where a piece is too long to be held.
    #[test]
    fn pieces_are_the_whole() {
        let mut btf = Btf::new();
        let long = btf.intern(&"x".repeat(100)).unwrap().0;
        let values = [long, 1].repeat(50_000);
        for (vlen, words) in [(0, &[][..]), (50_000, &values), (0, &[])] {
            for _ in 0..if vlen == 0 { 2 * PIECE } else { 1 } {
                btf.add(NewType {
                    kind: Kind::ENUM,
                    name: "e",
                    kind_flag: false,
                    vlen,
                    size_or_type: 4,
                    words,
                })
                .unwrap();
            }
        }
        for form in [Form::Text, Form::Json] {
            let mut expected = Vec::new();
            match form {
                Form::Text => Text::new(&mut expected).types(btf.types()).unwrap(),
                Form::Json => Json::new(&mut expected).types(btf.types()).unwrap(),
            }
            for threads in [1, 2, 3, 7] {
                let mut out = Vec::new();
                form.print_with(&btf, threads, &mut out).unwrap();
                assert!(out == expected, "{form:?} with {threads} threads");
            }
        }
    }
}
