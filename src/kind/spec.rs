//! [`KindSpec`]: the word classes of one kind, and the table of released kinds.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use super::Kind;
use super::parse::{Parsed, is_kind_name, is_lower_name, parse, parse_released, version};
use crate::error::{Error, ErrorKind, Result};

/// What one 4-byte word of a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WordClass {
    /// A plain number.
    U32,
    /// A plain number with a sign.
    S32,
    /// A type id.
    Id,
    /// A string offset.
    Str,
}

impl WordClass {
    /// Whether the word is a number that no renumbering touches.
    pub fn is_plain(self) -> bool {
        matches!(self, WordClass::U32 | WordClass::S32)
    }

    /// The class as kind files write it: `u32`, `s32`, `id` or `str`.
    pub fn as_str(self) -> &'static str {
        match self {
            WordClass::U32 => "u32",
            WordClass::S32 => "s32",
            WordClass::Id => "id",
            WordClass::Str => "str",
        }
    }
}

/// What the third word of a record is (`size_or_type` in `struct btf_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Third {
    /// Not used by this kind.
    Unused,
    /// The size of the type, in bytes.
    Size,
    /// A type id.
    Id,
}

impl Third {
    /// The word's class.
    pub fn class(self) -> WordClass {
        match self {
            Third::Id => WordClass::Id,
            Third::Size | Third::Unused => WordClass::U32,
        }
    }

    /// The word as kind files write it: `unused`, `size` or `id`.
    pub fn as_str(self) -> &'static str {
        match self {
            Third::Unused => "unused",
            Third::Size => "size",
            Third::Id => "id",
        }
    }
}

/// One word of a kind's fixed part or of its elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The field's name; empty where only sizes are known (a layout section).
    pub name: String,
    /// What the word is.
    pub class: WordClass,
}

/// A kernel version, major and minor.
///
/// ```
/// let v: btfkinds::Version = "v5.15.3-amd64".parse()?;
/// assert_eq!(v.to_string(), "5.15");
/// # Ok::<(), btfkinds::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second number.
    pub minor: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        version(s).ok_or_else(|| {
            Error::new(ErrorKind::Version, format!("'{s}' is not a kernel version, like 5.13"))
        })
    }
}

/// A kind: its number and name, and the class of every word of its records.
///
/// All that treats kinds alike is driven by this: sizes and walking, reference checks, renumbering,
/// describing, dumping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindSpec {
    /// The kind's number.
    pub kind: Kind,
    /// The kind's name, without `BTF_KIND_`.
    pub name: String,
    /// The first kernel that knows it, for released kinds.
    pub since: Option<Version>,
    /// What the third word is. Not known (and `Unused`) where `classes` is false.
    pub third: Third,
    /// The words after the header, there once.
    pub fixed: Vec<Field>,
    /// The words of one element, there `vlen` times.
    pub elements: Vec<Field>,
    /// What one element is called in messages, `element` if nothing is said.
    pub each: String,
    /// Whether the word classes are known. If not, all that is known is sizes: a description as
    /// posted in 2022, or the layout section. Enough to walk, not to rewrite.
    pub classes: bool,
}

impl KindSpec {
    /// The table of released kinds, INT to ENUM64, in the order of their numbers.
    ///
    /// ```
    /// let released = btfkinds::KindSpec::released();
    /// assert_eq!(released.len(), 19);
    /// assert_eq!(released[2].name, "ARRAY");
    /// assert_eq!(released[2].fixed_size(), 12);
    /// ```
    pub fn released() -> &'static [Arc<KindSpec>] {
        &RELEASED
    }

    /// Parses a kind file: see CONTRIBUTING.md for its grammar.
    ///
    /// # Errors
    /// What is wrong with the text, and in which line.
    ///
    /// ```
    /// let spec = btfkinds::KindSpec::parse("kind 42 GADGET\nthird size\nfixed flags\nelements name_off:str type:id\n")?;
    /// assert_eq!((spec.fixed_size(), spec.element_size()), (4, 8));
    /// # Ok::<(), btfkinds::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<KindSpec> {
        match parse(text) {
            Ok(parsed) => Ok(KindSpec::from(&parsed)),
            Err(err) => {
                Err(Error::new(ErrorKind::KindFile, format!("line {}: {}", err.line, err.what)))
            }
        }
    }

    /// Whether this can be a kind that is not released; what is wrong if not.
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        let Kind(n) = self.kind;
        let valid = |field: &Field| field.name.is_empty() || is_lower_name(&field.name);
        if self.kind.is_released() {
            Err(format!("kind {n} is released: its words are fixed"))
        } else if !(1..=Kind::MAX.0).contains(&n) {
            Err(format!("a kind's number must be 1 to 127, not {n}"))
        } else if !is_kind_name(&self.name) {
            Err(format!("'{}' cannot be the name of a kind", self.name.escape_debug()))
        } else if !self.fixed.iter().chain(&self.elements).all(valid) {
            Err(format!("kind {n} has a field whose name is not of a-z, 0-9 and _"))
        } else {
            Ok(())
        }
    }

    /// The bytes of the fixed words after the 12-byte header.
    pub fn fixed_size(&self) -> usize {
        self.fixed.len().saturating_mul(4)
    }

    /// The bytes of one element.
    pub fn element_size(&self) -> usize {
        self.elements.len().saturating_mul(4)
    }

    /// Whether both kinds have the same words, of the same classes; names do not count, nor does
    /// the sign of a plain word, nor whether a third word that is no id is used.
    pub fn same_layout(&self, other: &KindSpec) -> bool {
        fn same(a: &[Field], b: &[Field]) -> bool {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| a.class == b.class || (a.class.is_plain() && b.class.is_plain()))
        }
        self.kind == other.kind
            && self.classes == other.classes
            && self.third.class() == other.third.class()
            && same(&self.fixed, &other.fixed)
            && same(&self.elements, &other.elements)
    }
}

impl From<&Parsed<'_>> for KindSpec {
    fn from(parsed: &Parsed<'_>) -> Self {
        let owned = |(name, class): (&str, WordClass)| Field { name: name.to_owned(), class };
        KindSpec {
            kind: Kind(parsed.number),
            name: parsed.name.to_owned(),
            since: parsed.since,
            third: parsed.third,
            fixed: parsed.fixed.iter().map(owned).collect(),
            elements: parsed.elements.iter().map(owned).collect(),
            each: parsed.each.unwrap_or("element").to_owned(),
            classes: true,
        }
    }
}

macro_rules! released {
    ($($file:literal)*) => {
        [$(parse_released(include_str!(concat!("../../kinds/", $file, ".kind")))),*]
    };
}

/// One line for each released kind: its file is parsed by the compiler.
static PARSED: [Parsed<'static>; 19] = released! {
    "01-int" "02-ptr" "03-array" "04-struct" "05-union" "06-enum" "07-fwd" "08-typedef"
    "09-volatile" "10-const" "11-restrict" "12-func" "13-func_proto" "14-var" "15-datasec"
    "16-float" "17-decl_tag" "18-type_tag" "19-enum64"
};

/// The table is looked up by number: its lines are in order, and none is missing.
const _: () = {
    assert!(PARSED.len() == Kind::LAST_RELEASED.0 as usize);
    let mut rest: &[Parsed<'static>] = &PARSED;
    let mut number = 1;
    while let Some((first, others)) = rest.split_first() {
        assert!(first.number == number);
        (rest, number) = (others, number.wrapping_add(1));
    }
};

static RELEASED: LazyLock<Vec<Arc<KindSpec>>> =
    LazyLock::new(|| PARSED.iter().map(|parsed| Arc::new(KindSpec::from(parsed))).collect());
