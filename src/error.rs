//! The one error type: what is wrong, and where.

use std::fmt;

use crate::btf::TypeId;
use crate::kind::Kind;

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What sort of thing went wrong, for programs that want to tell cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Not BTF at all, or a header or section that cannot be right.
    Header,
    /// A type record that cannot be right (kind 0, cut off, past a limit).
    Record,
    /// A record of a kind whose size no source gives.
    UnknownKind(Kind),
    /// A type id or string offset that points nowhere.
    Reference,
    /// Split BTF read without its base, or with one that it was not made for.
    Base,
    /// A kind description that is malformed, or two sources of sizes that disagree.
    Description,
    /// An edit that would pass a limit of the format, or lose or guess something.
    Edit,
    /// A kind file that does not follow its grammar.
    KindFile,
    /// What should be a kernel version is none.
    Version,
    /// The operating system said no.
    Io,
    /// An ELF file that cannot be read or changed as asked.
    Elf,
}

/// Where it went wrong: as much as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Bytes from the start of the BTF blob.
    pub(crate) offset: Option<usize>,
    /// The record: its id, its kind's name, its own name.
    pub(crate) ty: Option<(TypeId, String, String)>,
    /// The word or element inside the record.
    pub(crate) field: Option<String>,
}

/// An error of this crate: one lower-case line that names the place, and often a hint.
///
/// ```
/// let err = btfkinds::Btf::parse(b"\x7fELF").unwrap_err();
/// assert_eq!(err.kind(), btfkinds::ErrorKind::Header);
/// assert!(err.to_string().contains("magic"));
/// ```
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    section: Option<String>,
    place: Place,
    help: Option<String>,
}

/// A text as one line: names out of a file may have any characters in them.
fn line(text: impl Into<String>) -> String {
    let text = text.into();
    if !text.contains(char::is_control) {
        return text;
    }
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => line.extend(c.escape_debug()),
            false => line.push(c),
        }
    }
    line
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            message: line(message),
            section: None,
            place: Place::default(),
            help: None,
        }))
    }

    /// A message that goes on in further lines.
    #[cfg(feature = "cli")]
    pub(crate) fn with_lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        for more in lines {
            self.0.message.push_str("\n  ");
            self.0.message.push_str(&line(more));
        }
        self
    }

    pub(crate) fn io(what: &str, err: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("{what}: {err}"))
    }

    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.0.place.offset = Some(offset);
        self
    }

    pub(crate) fn in_type(mut self, id: TypeId, kind: impl Into<String>, name: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name).into_owned();
        self.0.place.ty = Some((id, kind.into(), name));
        self
    }

    pub(crate) fn in_field(mut self, field: impl Into<String>) -> Self {
        self.0.place.field = Some(line(field));
        self
    }

    pub(crate) fn in_section(mut self, section: &str) -> Self {
        self.0.section = Some(line(section));
        self
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(line(help));
        self
    }

    /// What sort of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The record that the error is about, if it is about one.
    pub fn type_id(&self) -> Option<TypeId> {
        self.0.place.ty.as_ref().map(|t| t.0)
    }

    /// Where it is, in bytes from the start of the BTF blob, if that is known.
    pub fn offset(&self) -> Option<usize> {
        self.0.place.offset
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it, if there is something to do.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, section, place, .. } = &*self.0;
        let section = section.as_deref();
        match (section, place.offset) {
            (s, Some(offset)) => write!(f, "{}+{offset:#x}: ", s.unwrap_or(".BTF"))?,
            (Some(s), None) => write!(f, "{s}: ")?,
            (None, None) => {}
        }
        if let Some((id, kind, name)) = &place.ty {
            write!(f, "type [{id}] {kind}")?;
            if !name.is_empty() {
                write!(f, " '{}'", name.escape_debug())?;
            }
            f.write_str(": ")?;
        }
        if let Some(field) = &place.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorKind};

    #[test]
    fn one_line_whatever_is_in_it() {
        let err = Error::new(ErrorKind::Elf, "symbol a\nb\u{1b}[1m \u{e4}").in_section(".x\r");
        let err = err.in_field("f\t").with_help("h\0");
        assert_eq!(err.to_string(), ".x\\r: f\\t: symbol a\\nb\\u{1b}[1m \u{e4}");
        assert_eq!(err.help(), Some("h\\0"));
    }
}
