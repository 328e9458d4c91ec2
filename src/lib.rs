//! BTF that describes its own kinds: write the descriptions, read through them, move what needs
//! moving.
//!
//! BTF (BPF Type Format) is the type information inside Linux kernels, kernel modules and BPF
//! objects. Every 4-byte word of a BTF record is a string offset, a type id, or plain. A *kind* is
//! no more than the classes of its words, [`KindSpec`]; all in this crate that treats kinds alike
//! is driven by that table.
//!
//! * [`Btf`] is one blob, parsed and checked; [`Parse`] says how to read it, [`Record`] is one type.
//! * [`describe`] writes descriptions of kinds into a blob, as ordinary typedefs and structs.
//!   Reading needs no call: [`Parse::read`] finds and uses them by itself.
//! * [`renumber`] makes standalone BTF split on a base as it is; [`BaseIndex::rebase`] gives it the base's
//!   own types, [`flatten`] is the way back, [`distill`] and [`relocate`] are for bases that a module carries.
//!
//! ```
//! use btfkinds::{Btf, Describe, Kind, KindSpec, NewType, describe};
//!
//! // An encoder with a kind that no reader knows describes it ...
//! let mut btf = Btf::new();
//! btf.add_kind(KindSpec::parse("kind 42 GADGET\nthird id\nelements name_off:str type:id\n")?)?;
//! btf.add(NewType { kind: Kind(42), name: "lamp", kind_flag: false, vlen: 1, size_or_type: 0, words: &[0, 1] })?;
//! describe(&mut btf, &Describe::default())?;
//!
//! // ... and a reader that has never heard of it reads on.
//! let btf = Btf::parse(&btf.to_bytes())?;
//! let lamp = btf.types().next().unwrap();
//! assert_eq!((lamp.kind_name(), lamp.name().to_string()), ("GADGET", "lamp".to_owned()));
//! assert!(btf.types().count() > 60);
//! # Ok::<(), btfkinds::Error>(())
//! ```

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

mod btf;
mod build;
pub mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod degrade;
pub mod diff;
mod dump;
mod error;
mod file;
pub mod graph;
pub mod kernel;
mod kind;
mod origin;
mod rebase;
mod relocate;
mod renumber;
mod scan;
mod shift;
mod strip;

pub use btf::{Btf, Elements, Endian, NewType, Parse, Record, Removal, StrOff, TypeId};
pub use build::{Encoding, Linkage, Member, SectionVar};
pub use dump::{C, Json, Text};
pub use error::{Error, ErrorKind, Result};
pub use file::{Change, Edited, File, Prepared, Rebase, Renumber, Split, Target, commit_all};
pub use kind::{
    Describe, Described, Field, Kind, KindEntry, KindMap, KindSpec, Place, Select, Source, Third,
    Version, WordClass, describe,
};
pub use origin::{Numbering, Origin};
pub use rebase::{BaseIndex, Moved, NearMiss, Rebased, distill, flatten};
pub use relocate::relocate;
pub use renumber::{Shift, growth, portable_base, renumber, restore};
pub use strip::{Strip, Stripped, strip};
