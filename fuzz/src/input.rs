//! What the bytes of an input are.

use std::sync::Arc;

use btfkinds::{Btf, KindSpec, Parse};

/// An input of most targets: six bytes of header, then base, blob and text.
///
/// | bytes | what |
/// |---|---|
/// | 0, 1 | options: bit 0: the blob is split on the base; bit 1: the text is kind files; others: each target's own |
/// | 2, 3 | the length of the base |
/// | 4, 5 | the length of the blob |
///
/// Numbers are little-endian. What is missing at the end counts as empty.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub options: u16,
    pub base: &'a [u8],
    pub blob: &'a [u8],
    pub text: &'a [u8],
}

/// The bit that says that the blob is split on the base.
pub(crate) const SPLIT: u16 = 1;

fn cut(data: &[u8], len: usize) -> (&[u8], &[u8]) {
    data.split_at(len.min(data.len()))
}

fn u16_at(data: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([data[at], data[at + 1]])
}

impl<'a> Input<'a> {
    pub fn read(data: &'a [u8]) -> Option<Input<'a>> {
        let (head, data) = data.split_at_checked(6)?;
        let (base, data) = cut(data, u16_at(head, 2).into());
        let (blob, text) = cut(data, u16_at(head, 4).into());
        Some(Input { options: u16_at(head, 0), base, blob, text })
    }

    /// The bytes of this input; None if a part is too long.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let len = |part: &[u8]| u16::try_from(part.len()).ok();
        let mut out = Vec::new();
        for word in [self.options, len(self.base)?, len(self.blob)?] {
            out.extend(word.to_le_bytes());
        }
        Some([&out, self.base, self.blob, self.text].concat())
    }

    pub fn flag(&self, bit: u32) -> bool {
        self.options >> bit & 1 == 1
    }

    /// A number of `bits` bits.
    pub fn number(&self, bit: u32, bits: u32) -> u16 {
        self.options >> bit & ((1 << bits) - 1)
    }

    /// The base, where there is one that can be read.
    pub fn base(&self) -> Option<Arc<Btf>> {
        Btf::parse(self.base).ok().map(Arc::new)
    }

    /// How to read the blob.
    pub fn parse(&self) -> Parse {
        let mut parse = Parse::new();
        if self.options & SPLIT != 0
            && let Some(base) = self.base()
        {
            parse = parse.base(base);
        }
        self.kinds().into_iter().fold(parse, Parse::kind)
    }

    /// The kinds that the text gives.
    pub fn kinds(&self) -> Vec<KindSpec> {
        match std::str::from_utf8(self.text) {
            Ok(text) if self.flag(1) => {
                text.split("\n\n").filter_map(|text| KindSpec::parse(text).ok()).take(4).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// An input of the target `file`: four bytes of header, then a base and a file.
///
/// | bytes | what |
/// |---|---|
/// | 0, 1 | options |
/// | 2, 3 | the length of the base |
#[derive(Clone, Copy)]
pub struct FileInput<'a> {
    pub options: u16,
    pub base: &'a [u8],
    pub file: &'a [u8],
}

impl<'a> FileInput<'a> {
    pub fn read(data: &'a [u8]) -> Option<FileInput<'a>> {
        let (head, data) = data.split_at_checked(4)?;
        let (base, file) = cut(data, u16_at(head, 2).into());
        Some(FileInput { options: u16_at(head, 0), base, file })
    }

    /// The bytes of this input; None if the base is too long.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let len = u16::try_from(self.base.len()).ok()?;
        let head = [self.options.to_le_bytes(), len.to_le_bytes()].concat();
        Some([&head, self.base, self.file].concat())
    }

    pub fn flag(&self, bit: u32) -> bool {
        self.options >> bit & 1 == 1
    }
}

/// A kind as a caller could give it: files may have other names than kind files can.
pub fn as_told(spec: &KindSpec) -> KindSpec {
    let mut spec = KindSpec { name: "TOLD".to_owned(), ..spec.clone() };
    for (at, field) in spec.fixed.iter_mut().chain(&mut spec.elements).enumerate() {
        field.name = format!("w{at}");
    }
    spec
}

/// Whether this is what an error's text is to be: one line, and no control characters in it.
pub fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}
