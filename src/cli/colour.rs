//! Colour on standard output: only on a terminal, and never where NO_COLOR is set.

use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock};

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
