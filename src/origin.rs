//! Standalone or split: what a blob is, whatever base is at hand; and the origin record, by which a
//! module says so itself.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use memchr::memchr_iter;

use crate::btf::{Blob, Btf, Parse, header_words};
use crate::error::{Error, ErrorKind, Result};

/// ENUM, four values.
const INFO: u32 = 6 << 24 | 4;

/// What a module says of its own numbering: an ordinary enum `__BTF_ORIGIN`, always the last type,
/// that everyone else ignores.
///
/// ```
/// use std::sync::Arc;
/// use btfkinds::{Btf, Origin, renumber};
///
/// let base = Arc::new(Btf::new());
/// let module = renumber(&Btf::new(), &base)?;
/// assert_eq!(Origin::find(&module.to_bytes()).unwrap().base_types, 1);
/// # Ok::<(), btfkinds::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    /// How the blob came to have this record: see the constants. 0: it is truly split.
    pub standalone: u32,
    /// The type count of the base it is numbered for, void included; 0: for none.
    pub base_types: u32,
    /// The end of that base's strings.
    pub base_strs: u32,
    /// CRC-32 (IEEE) of that base's bytes.
    pub base_crc32: u32,
}

impl Origin {
    /// The names of the record's enum and of its values, as they stand at the end of the strings.
    pub(crate) const NAMES: &[u8] =
        b"__BTF_ORIGIN\0__BTF_ORIGIN_STANDALONE\0__BTF_ORIGIN_BASE_TYPES\0\
__BTF_ORIGIN_BASE_STRS\0__BTF_ORIGIN_BASE_CRC32\0";
    /// The record's words: a header, and four values with their names.
    pub(crate) const WORDS: usize = 11;

    /// In `standalone`: the blob was standalone, and `encode` wrote the record.
    pub const ENCODED: u32 = 1;
    /// In `standalone`: the blob was standalone, and renumbering added the record.
    pub const RENUMBERED: u32 = 2;
    /// Added to these: `.BTF_ids` was filled when the blob was renumbered.
    pub const IDS_RESOLVED: u32 = 4;

    /// The record of a blob, if its last type is one. It is found without reading anything else.
    pub fn find(blob: &[u8]) -> Option<Origin> {
        let (words, strings) = header_words(blob, Origin::WORDS)?;
        Self::of(&words, strings)
    }

    /// The record in the last words of a type section.
    pub(crate) fn of(words: &[u32], strings: &[u8]) -> Option<Origin> {
        let record = words.get(words.len().checked_sub(Origin::WORDS)?..)?;
        let [name, info, size, n1, standalone, n2, base_types, n3, base_strs, n4, base_crc32] =
            *record
        else {
            return None;
        };
        let before = strings.strip_suffix(Origin::NAMES)?;
        // Names that another string runs into are not the record's alone.
        if (info, size) != (INFO, 4) || before.last().is_some_and(|last| *last != 0) {
            return None;
        }
        let start = u32::try_from(before.len()).ok()?.checked_add(base_strs)?;
        let names = [name, n1, n2, n3, n4];
        let expected = Self::offsets(start);
        (names == expected).then_some(Origin { standalone, base_types, base_strs, base_crc32 })
    }

    /// The offsets of the five names, the first of which is at `start`.
    fn offsets(start: u32) -> [u32; 5] {
        let mut offsets = [start; 5];
        for (offset, end) in offsets.iter_mut().skip(1).zip(memchr_iter(0, Origin::NAMES)) {
            *offset =
                start.saturating_add(u32::try_from(end).unwrap_or(u32::MAX)).saturating_add(1);
        }
        offsets
    }

    fn record(self, start: u32) -> Vec<u32> {
        let [name, n1, n2, n3, n4] = Self::offsets(start);
        vec![
            name,
            INFO,
            4,
            n1,
            self.standalone,
            n2,
            self.base_types,
            n3,
            self.base_strs,
            n4,
            self.base_crc32,
        ]
    }

    /// The record of a blob that was standalone and is now numbered for `base`.
    pub(crate) fn numbered_for(self, base: &Btf) -> Origin {
        Origin {
            base_types: base.type_count(),
            base_strs: base.str_end(),
            base_crc32: base.crc32(),
            ..self
        }
    }

    /// Whether `base` is the base that the record names.
    pub fn names(&self, base: &Btf) -> bool {
        *self == self.numbered_for(base)
    }

    /// Whether the blob was standalone once, so that renumbering can be undone.
    pub fn was_standalone(&self) -> bool {
        self.standalone & (Self::ENCODED | Self::RENUMBERED) != 0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { base_types, base_strs, base_crc32, .. } = self;
        write!(f, "{base_types} types, {base_strs} bytes of strings, CRC-32 {base_crc32:08x}")
    }
}

/// Whether a blob is standalone or split, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Numbering {
    /// Standalone: its origin record says so.
    StandaloneByOrigin(Origin),
    /// Standalone: its strings start with NUL, and all its references are its own.
    StandaloneByReferences,
    /// Standalone, since the caller says so: see [`Parse::told`].
    StandaloneTold,
    /// Split, since the caller says so.
    SplitTold,
    /// Split: its origin record names a base.
    SplitByOrigin(Origin),
    /// Split: it has no strings, or they do not start with NUL.
    SplitByStrings,
    /// Split, by renumbering: its strings start with NUL, but references reach past its own types
    /// or strings.
    SplitByReferences,
}

impl Numbering {
    /// How a blob is numbered. Where the file has a `.BTF.base` section this does not matter: then
    /// it is split on that.
    ///
    /// # Errors
    /// As [`Parse::read`], if the blob cannot be read.
    pub fn of(blob: &[u8], parse: &Parse) -> Result<Numbering> {
        Self::of_blob(&Arc::new(Blob::copy_of(blob)), parse)
    }

    /// [`Numbering::of`] a blob that needs no copy.
    pub(crate) fn of_blob(blob: &Arc<Blob>, parse: &Parse) -> Result<Numbering> {
        match parse.is_told() {
            Some(true) => return Ok(Numbering::StandaloneTold),
            Some(false) => return Ok(Numbering::SplitTold),
            None => {}
        }
        if let Some(origin) = Origin::find(blob.bytes()) {
            return Ok(match origin.base_types {
                0 => Numbering::StandaloneByOrigin(origin),
                _ => Numbering::SplitByOrigin(origin),
            });
        }
        match header_words(blob.bytes(), 0) {
            Some((_, [0, ..])) => {}
            Some(_) => return Ok(Numbering::SplitByStrings),
            // The error comes from reading it.
            None => {}
        }
        match parse.clone().standalone().read_blob(blob) {
            Ok(_) => Ok(Numbering::StandaloneByReferences),
            Err(err) if err.kind() == ErrorKind::Reference => Ok(Numbering::SplitByReferences),
            // On the base it may be fine: a description leads there, or is there.
            Err(_) if parse.given_base().is_some() => Ok(Numbering::SplitByReferences),
            Err(err) => Err(err),
        }
    }

    /// Whether it is standalone.
    pub fn is_standalone(&self) -> bool {
        matches!(
            self,
            Numbering::StandaloneByOrigin(_)
                | Numbering::StandaloneByReferences
                | Numbering::StandaloneTold
        )
    }
}

impl fmt::Display for Numbering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Numbering::StandaloneByOrigin(_) => {
                f.write_str("standalone: its origin record says so")
            }
            Numbering::StandaloneByReferences => f.write_str(
                "standalone: its strings start with NUL and all its references are its own",
            ),
            Numbering::SplitByOrigin(origin) if origin.was_standalone() => {
                write!(f, "renumbered: its origin record names a base of {origin}")
            }
            Numbering::SplitByOrigin(origin) => {
                write!(f, "split: its origin record names a base of {origin}")
            }
            Numbering::StandaloneTold => f.write_str("standalone, as told"),
            Numbering::SplitTold => f.write_str("split, as told"),
            Numbering::SplitByStrings => f.write_str("split: its strings do not start with NUL"),
            Numbering::SplitByReferences => f.write_str(
                "renumbered: its strings start with NUL, but it refers to more than its own",
            ),
        }
    }
}

impl Parse {
    /// Reads a blob as what it is: standalone BTF stays so even if a base was given, and BTF whose
    /// origin record names another base is not read on the one that was given.
    ///
    /// # Errors
    /// As [`Parse::read`]; [`ErrorKind::Base`] for the wrong base.
    pub fn read_as_it_is(&self, blob: &[u8]) -> Result<Btf> {
        self.read_blob_as_it_is(&Arc::new(Blob::copy_of(blob)))
    }

    /// [`Parse::read_as_it_is`] of a blob that needs no copy.
    pub(crate) fn read_blob_as_it_is(&self, blob: &Arc<Blob>) -> Result<Btf> {
        let Some(base) = self.given_base() else {
            return match Origin::find(blob.bytes()) {
                // Small numbers could pass for those of standalone BTF.
                Some(origin) if origin.base_types != 0 && self.is_told() != Some(true) => {
                    let what = format!("this was numbered for a base of {origin}");
                    Err(Error::new(ErrorKind::Base, what).with_help("give that base with -B"))
                }
                _ => self.read_blob(blob),
            };
        };
        match Numbering::of_blob(blob, self)? {
            numbering if numbering.is_standalone() => self.clone().standalone().read_blob(blob),
            // Where the base is recorded, another one is not even tried.
            Numbering::SplitByOrigin(origin) if !origin.names(base) => {
                let given = Origin::default().numbered_for(base);
                let what =
                    format!("this was numbered for a base of {origin}; the one given has {given}");
                Err(Error::new(ErrorKind::Base, what)
                    .with_help("give the base that it was numbered for, or move it to this one ('btfkinds renumber -B')"))
            }
            _ => self.read_blob(blob),
        }
    }
}

impl Btf {
    /// The blob's origin record. One of BTF that is numbered otherwise than this is here is none: it is an
    /// enum whose names are elsewhere.
    pub fn origin(&self) -> Option<Origin> {
        let origin = Origin::of(self.words(), self.own_strings())?;
        (origin.base_strs == self.first_string()).then_some(origin)
    }

    /// Takes the origin record off, with its names.
    ///
    /// # Errors
    /// If something refers to it or its names, so that it is not ours alone.
    pub(crate) fn take_origin(&mut self) -> Result<Option<Origin>> {
        let Some(origin) = self.origin() else { return Ok(None) };
        let id = self.type_count().saturating_sub(1);
        let names = self.own_strings().len().saturating_sub(Origin::NAMES.len());
        let first_name =
            self.str_end().saturating_sub(u32::try_from(Origin::NAMES.len()).unwrap_or(0));
        let mut shared = false;
        for ty in self.types().filter(|ty| ty.id().0 != id) {
            ty.for_each_ref(|_, word, is_str| {
                shared |= word >= if is_str { first_name } else { id };
            });
        }
        if shared {
            let what = "something refers to the origin record, which is to be the last type, or to its names";
            return Err(Error::new(ErrorKind::Edit, what));
        }
        self.truncate(Origin::WORDS, names)?;
        Ok(Some(origin))
    }

    /// Changes the values of the origin record that is there.
    pub(crate) fn set_origin(&mut self, origin: Origin) {
        let values = [origin.standalone, origin.base_types, origin.base_strs, origin.base_crc32];
        let (words, ..) = self.words_mut();
        // The values are the last word and every second one before it.
        for (word, value) in words.iter_mut().rev().step_by(2).zip(values.into_iter().rev()) {
            *word = value;
        }
    }

    /// Puts an origin record behind all types, and its names behind all strings.
    pub(crate) fn put_origin(&mut self, origin: Origin) -> Result<()> {
        let start = self.append_strings(Origin::NAMES)?;
        self.put_origin_record(origin, start)
    }

    /// Puts an origin record behind all types; its names are at `start`.
    pub(crate) fn put_origin_record(&mut self, origin: Origin, start: u32) -> Result<()> {
        let id = crate::btf::TypeId(self.type_count());
        self.insert(id, &[origin.record(start)])
    }

    /// CRC-32 (IEEE) of the blob's bytes. It is summed up once, until the blob changes.
    pub fn crc32(&self) -> u32 {
        struct Sum(crc32fast::Hasher);
        impl Write for Sum {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.update(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        self.once_summed(|| {
            let mut sum = Sum(crc32fast::Hasher::new());
            // Summing up cannot fail.
            let _ = self.write_to(&mut sum);
            sum.0.finalize()
        })
    }
}
