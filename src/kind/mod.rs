//! BTF kinds: what the words of their records are, and where that knowledge comes from.

mod describe;
pub(crate) mod discover;
mod layout;
mod map;
mod parse;
pub(crate) mod sources;
mod spec;

use std::fmt;

pub use describe::{Describe, Described, Place, Select, describe};
pub use map::{KindEntry, KindMap, Source};
pub use spec::{Field, KindSpec, Third, Version, WordClass};

pub(crate) use describe::{describe_only, part_of_description};
pub(crate) use discover::{Sizes, TypedefName};
pub(crate) use layout::Layout;
pub(crate) use map::{Limits, Refs};
pub(crate) use sources::{Names, sizes_only};

/// The number of a BTF kind, 0 to 127 (bits 24-30 of a record's `info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub u8);

macro_rules! kinds {
    ($($name:ident $n:literal)*) => {
        impl Kind {
            $(#[doc = concat!("`BTF_KIND_", stringify!($name), "`.")]
            pub const $name: Kind = Kind($n);)*
        }
    };
}

kinds! {
    INT 1 PTR 2 ARRAY 3 STRUCT 4 UNION 5 ENUM 6 FWD 7 TYPEDEF 8 VOLATILE 9 CONST 10 RESTRICT 11
    FUNC 12 FUNC_PROTO 13 VAR 14 DATASEC 15 FLOAT 16 DECL_TAG 17 TYPE_TAG 18 ENUM64 19
}

impl Kind {
    /// The highest number that fits a record's `info`.
    pub const MAX: Kind = Kind(127);
    /// The last kind that is fixed by our own table: see [`KindSpec::released`].
    pub const LAST_RELEASED: Kind = Kind(19);

    /// The kind in a record's `info` word.
    pub fn of_info(info: u32) -> Kind {
        let [top, ..] = info.to_be_bytes();
        Kind(top & 0x7f)
    }

    /// Whether our table fixes this kind, so that nothing in a file can override it.
    pub fn is_released(self) -> bool {
        (1..=Self::LAST_RELEASED.0).contains(&self.0)
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
