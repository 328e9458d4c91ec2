//! The header: byte order, sections, and what of it we do not understand.

use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};

const MAGIC: u16 = 0xeb9f;
/// The header that all kernels and tools know.
const BASIC_LEN: u32 = 24;
/// The header with `layout_off` and `layout_len` (Linux 7.1).
const LAYOUT_LEN: u32 = 32;

/// The byte order of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Endian {
    /// The order of the machine this runs on.
    pub const NATIVE: Endian =
        if cfg!(target_endian = "big") { Endian::Big } else { Endian::Little };

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(crate) fn bytes(self, word: u32) -> [u8; 4] {
        match self {
            Endian::Little => word.to_le_bytes(),
            Endian::Big => word.to_be_bytes(),
        }
    }

    /// Words of this order; bytes after the last whole word are left out.
    pub(crate) fn words(self, bytes: &[u8]) -> Vec<u32> {
        let (words, _) = bytes.as_chunks::<4>();
        words.iter().map(|word| self.u32(*word)).collect()
    }
}

/// A header, read and checked: the sections lie within the blob and do not overlap.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) endian: Endian,
    pub(crate) flags: u8,
    pub(crate) types: Range<usize>,
    pub(crate) strings: Range<usize>,
    pub(crate) layout: Option<Range<usize>>,
    /// Header bytes behind the fields that we know.
    pub(crate) tail: Vec<u8>,
}

fn bad(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Header, what)
}

impl Header {
    /// Where in the blob the type section is, in words: it is aligned and made of whole words.
    pub(crate) fn word_range(&self) -> Range<usize> {
        self.types.start / 4..self.types.end / 4
    }

    /// Reads the header of `blob`.
    pub(crate) fn parse(blob: &[u8]) -> Result<Header> {
        let [m0, m1, version, flags, ..] = *blob else {
            return Err(bad(format!("{} bytes are too short for BTF", blob.len())));
        };
        let endian = match (u16::from_le_bytes([m0, m1]), u16::from_be_bytes([m0, m1])) {
            (MAGIC, _) => Endian::Little,
            (_, MAGIC) => Endian::Big,
            _ => {
                return Err(bad(format!(
                    "not BTF: the magic is {m0:02x} {m1:02x}, not 9f eb or eb 9f"
                ))
                .at(0));
            }
        };
        if version != 1 {
            return Err(bad(format!("BTF version {version} is not known, only 1 is")).at(2));
        }
        let field = |at: usize| -> Result<u32> {
            let bytes = blob.get(at..).and_then(|rest| rest.first_chunk::<4>());
            bytes.map(|b| endian.u32(*b)).ok_or_else(|| bad("the header is cut off").at(at))
        };
        let len = field(4)?;
        if len < BASIC_LEN {
            return Err(bad(format!("header length {len} is less than {BASIC_LEN}")).at(4));
        }
        if blob.len() < len as usize {
            return Err(bad(format!(
                "header length {len} is more than the blob's {} bytes",
                blob.len()
            ))
            .at(4));
        }
        let section = |name: &str, at: usize| -> Result<Range<usize>> {
            let (offset, size) = (field(at)? as usize, field(at.saturating_add(4))? as usize);
            let start = (len as usize).saturating_add(offset);
            let end = start.saturating_add(size);
            if end > blob.len() {
                let what = format!(
                    "the {name} section (offset {offset}, length {size}) ends past the blob's {} bytes",
                    blob.len()
                );
                return Err(bad(what).at(at));
            }
            Ok(start..end)
        };
        let types = section("type", 8)?;
        let strings = section("string", 16)?;
        let layout = if len >= LAYOUT_LEN { Some(section("layout", 24)?) } else { None };
        let known = if layout.is_some() { LAYOUT_LEN } else { BASIC_LEN };
        let header = Header {
            endian,
            flags,
            types,
            strings,
            layout,
            tail: blob.get(known as usize..len as usize).unwrap_or_default().to_vec(),
        };
        header.check(blob)?;
        Ok(header)
    }

    fn check(&self, blob: &[u8]) -> Result<()> {
        let mut sections = vec![("type", &self.types, 8), ("string", &self.strings, 16)];
        sections.extend(self.layout.as_ref().map(|layout| ("layout", layout, 24)));
        sections.retain(|(_, range, _)| !range.is_empty());
        sections.sort_by_key(|(_, range, _)| range.start);
        for pair in sections.windows(2) {
            if let [(first, a, _), (second, b, at)] = pair
                && b.start < a.end
            {
                return Err(bad(format!("the {first} and {second} sections overlap")).at(*at));
            }
        }
        if !self.types.len().is_multiple_of(4) {
            return Err(bad(format!(
                "the type section's length {} is not whole words",
                self.types.len()
            ))
            .at(12));
        }
        if !self.types.is_empty() && !self.types.start.is_multiple_of(4) {
            return Err(bad("the type section is not aligned to 4 bytes").at(8));
        }
        if let Some(layout) = &self.layout
            && !(layout.len().is_multiple_of(4)
                && (layout.is_empty() || layout.start.is_multiple_of(4)))
        {
            return Err(bad("the layout section is not aligned to 4 bytes").at(24));
        }
        let strings = blob.get(self.strings.clone()).unwrap_or_default();
        if strings.last().is_some_and(|last| *last != 0) {
            return Err(bad("the string section does not end in NUL")
                .at(self.strings.end.saturating_sub(1)));
        }
        Ok(())
    }

    /// The header's own length in bytes.
    pub(crate) fn len(&self) -> usize {
        let known = if self.layout.is_some() { LAYOUT_LEN } else { BASIC_LEN };
        (known as usize).saturating_add(self.tail.len())
    }

    /// Whether `blob` is what [`Header::write`] makes: types, layout, strings, no gaps.
    pub(crate) fn is_canonical(&self, blob_len: usize) -> bool {
        let layout = self.layout.clone().filter(|layout| !layout.is_empty());
        // An empty layout section is written with offset 0: old kernels take a longer header only
        // if all of it is zero.
        let empty_at_zero =
            self.layout.as_ref().is_none_or(|l| !l.is_empty() || l.start == self.len());
        let (start, end) = layout.map_or((self.types.end, self.types.end), |l| (l.start, l.end));
        self.types.start == self.len()
            && empty_at_zero
            && start == self.types.end
            && self.strings.start == end
            && self.strings.end == blob_len
    }

    /// Whether every byte of `blob` outside header and sections is zero.
    pub(crate) fn gaps_are_zero(&self, blob: &[u8]) -> bool {
        let mut covered = vec![0..self.len(), self.types.clone(), self.strings.clone()];
        covered.extend(self.layout.clone());
        covered.push(blob.len()..blob.len());
        covered.sort_by_key(|range| range.start);
        let mut at = 0;
        for range in covered {
            if range.start > at
                && blob.get(at..range.start).is_some_and(|gap| gap.iter().any(|b| *b != 0))
            {
                return false;
            }
            at = at.max(range.end);
        }
        true
    }

    /// The header of a blob with sections of these lengths, in canonical order.
    pub(crate) fn write(&self, types: u32, layout: u32, strings: u32) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        let magic = match self.endian {
            Endian::Little => MAGIC.to_le_bytes(),
            Endian::Big => MAGIC.to_be_bytes(),
        };
        out.extend(magic);
        out.extend([1, self.flags]);
        let mut word = |value: u32| out.extend(self.endian.bytes(value));
        // The tail was read from a header whose length was a u32.
        word(u32::try_from(self.len()).unwrap_or(u32::MAX));
        word(0);
        word(types);
        word(types.saturating_add(layout));
        word(strings);
        if self.layout.is_some() {
            word(if layout == 0 { 0 } else { types });
            word(layout);
        }
        out.extend(&self.tail);
        out
    }
}
