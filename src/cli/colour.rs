//! Colour on standard output: only on a terminal, and never where NO_COLOR is set.

use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

/// What is gone.
pub(super) const REMOVED: Style = AnsiColor::Red.on_default();
/// What is new.
pub(super) const ADDED: Style = AnsiColor::Green.on_default();
/// What is only there to find one's way.
pub(super) const QUIET: Style = AnsiColor::Cyan.on_default();
/// What a paragraph is about.
pub(super) const HEAD: Style = Style::new().bold();

/// Standard output, from which styles are taken out where nobody sees them.
pub(super) fn stdout() -> BufWriter<AutoStream<StdoutLock<'static>>> {
    BufWriter::new(AutoStream::auto(io::stdout().lock()))
}

/// A text in a style.
pub(super) fn paint(style: Style, text: impl Display) -> impl Display {
    format!("{style}{text}{style:#}")
}

/// Output of `dump` on its way to a terminal: ids, kinds and names stand out. What the printers write is text of
/// lines, in pieces of any length.
pub(super) struct Types<W: Write> {
    out: W,
    /// The line that has not ended yet.
    line: Vec<u8>,
}

impl<W: Write> Types<W> {
    pub(super) fn new(out: W) -> Types<W> {
        Types { out, line: Vec::new() }
    }

    /// Writes a line: `[1] INT 'int' size=4`, `\t'member' type_id=1`, or anything else.
    fn end_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let (head, rest) = match (line.first(), memchr::memchr(b']', &line)) {
            (Some(b'['), Some(end)) => line.split_at(end.saturating_add(1)),
            _ => (&b""[..], line.as_slice()),
        };
        // Names are quoted; a line without quotes has none.
        let quote = memchr::memchr(b'\'', rest);
        let (kind, rest) = rest.split_at(quote.unwrap_or(0));
        let end = memchr::memchr(b'\'', rest.get(1..).unwrap_or_default());
        let (name, rest) = rest.split_at(end.map_or(0, |end| end.saturating_add(2)));
        let kind_style = if head.is_empty() { Style::new() } else { HEAD };
        for (style, text) in [(QUIET, head), (kind_style, kind), (ADDED, name)] {
            if !text.is_empty() {
                write!(self.out, "{style}")?;
                self.out.write_all(text)?;
                write!(self.out, "{style:#}")?;
            }
        }
        self.out.write_all(rest)
    }
}

impl<W: Write> Write for Types<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.end_line()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.end_line()?;
        self.out.flush()
    }
}
