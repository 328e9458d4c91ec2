//! BTF taken apart word by word.

use std::collections::HashMap;

use btfkinds::{KindSpec, WordClass};

/// The records and sections of a blob, whatever they hold.
#[derive(Clone, Default)]
pub struct Raw {
    pub big_endian: bool,
    pub flags: u8,
    pub records: Vec<Vec<u32>>,
    /// What follows the last record whose length is known.
    pub rest: Vec<u32>,
    pub strings: Vec<u8>,
    pub layout: Option<Vec<u8>>,
    /// How many words the fixed part and an element of each kind have.
    pub sizes: HashMap<u32, (usize, usize)>,
}

pub(crate) fn kind(words: &[u32]) -> u32 {
    words[1] >> 24 & 0x7f
}

pub(crate) fn vlen(words: &[u32]) -> usize {
    (words[1] & 0xff_ffff) as usize
}

impl Raw {
    /// Takes a blob apart; None if it has no header.
    pub fn read(blob: &[u8]) -> Option<Raw> {
        let big_endian = match blob {
            [0x9f, 0xeb, ..] => false,
            [0xeb, 0x9f, ..] => true,
            _ => return None,
        };
        let word = |bytes: &[u8]| {
            let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
            if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        let header: Vec<u32> = blob.get(4..24)?.chunks(4).map(word).collect();
        let section = |at: u32, len: u32| {
            let start = (header[0] as usize).saturating_add(at as usize).min(blob.len());
            &blob[start..start.saturating_add(len as usize).min(blob.len())]
        };
        let strings = section(header[3], header[4]).to_vec();
        let words: Vec<u32> = section(header[1], header[2]).chunks_exact(4).map(word).collect();
        let layout = blob.get(24..32).filter(|_| header[0] >= 32);
        let layout = layout.map(|at| section(word(&at[..4]), word(&at[4..])).to_vec());
        let sizes = sizes(&strings, layout.as_deref().unwrap_or_default());
        let mut raw = Raw { big_endian, flags: blob[3], strings, layout, sizes, ..Raw::default() };
        let mut at = 0;
        while let Some(end) = raw.end(&words[at..]) {
            raw.records.push(words[at..at + end].to_vec());
            at += end;
        }
        raw.rest = words[at..].to_vec();
        Some(raw)
    }

    /// The length of the record that `words` begin with, if it is known and there.
    fn end(&self, words: &[u32]) -> Option<usize> {
        let head = words.get(..3)?;
        let (fixed, element) = self.sizes.get(&kind(head))?;
        let end = 3 + fixed + element * vlen(head);
        (end <= words.len()).then_some(end)
    }

    /// Puts a blob together, without gaps.
    pub fn bytes(&self) -> Vec<u8> {
        let word = |word: &u32| {
            if self.big_endian { word.to_be_bytes() } else { word.to_le_bytes() }
        };
        let types: Vec<u8> =
            self.records.iter().flatten().chain(&self.rest).flat_map(word).collect();
        let layout = self.layout.as_deref().unwrap_or_default();
        let header_len = if self.layout.is_some() { 32 } else { 24 };
        let strings_at = types.len() + layout.len();
        let mut header = vec![header_len, 0, types.len(), strings_at, self.strings.len()];
        if self.layout.is_some() {
            // Old kernels take a longer header only if it is all zeros.
            let at = if layout.is_empty() { 0 } else { types.len() };
            header.extend([at, layout.len()]);
        }
        let magic: [u8; 2] = if self.big_endian { [0xeb, 0x9f] } else { [0x9f, 0xeb] };
        let mut out = [magic, [1, self.flags]].concat();
        out.extend(header.iter().flat_map(|value| word(&(*value as u32))));
        [&out, types.as_slice(), layout, &self.strings].concat()
    }

    /// What the word at `at` of a record is; None for kinds that are not released.
    pub fn class(words: &[u32], at: usize) -> Option<WordClass> {
        let spec = KindSpec::released().get((kind(words) as usize).wrapping_sub(1))?;
        let field = match at {
            0 => return Some(WordClass::Str),
            1 => return Some(WordClass::U32),
            2 => return Some(spec.third.class()),
            at => match spec.fixed.get(at - 3) {
                Some(field) => field,
                None => {
                    let at = at - 3 - spec.fixed.len();
                    spec.elements.get(at.checked_rem(spec.elements.len())?)?
                }
            },
        };
        Some(field.class)
    }

    /// Where strings start.
    pub fn string_starts(&self) -> Vec<usize> {
        let ends = self.strings.iter().enumerate().filter(|(_, byte)| **byte == 0);
        let mut starts: Vec<usize> = ends.map(|(at, _)| at + 1).collect();
        starts.insert(0, 0);
        starts.retain(|at| *at < self.strings.len());
        starts
    }
}

/// The sizes of kinds in words: of the released ones, of those that a layout section has, and of those that
/// a name like `__BTF_SIZES_20_4_8` tells.
fn sizes(strings: &[u8], layout: &[u8]) -> HashMap<u32, (usize, usize)> {
    let mut sizes = HashMap::new();
    for string in strings.split(|byte| *byte == 0) {
        let Some(numbers) = string.strip_prefix(b"__BTF_SIZES_") else { continue };
        let text = String::from_utf8_lossy(numbers);
        let numbers: Vec<u8> = text.split('_').filter_map(|number| number.parse().ok()).collect();
        if let [kind, fixed, element] = *numbers {
            sizes.entry(kind.into()).or_insert((usize::from(fixed) / 4, usize::from(element) / 4));
        }
    }
    for (kind, entry) in layout.chunks_exact(4).enumerate().take(128) {
        sizes.entry(kind as u32).or_insert((entry[0] as usize / 4, entry[1] as usize / 4));
    }
    for spec in KindSpec::released() {
        let words = (spec.fixed.len(), spec.elements.len());
        sizes.insert(spec.kind.0.into(), words);
    }
    sizes.remove(&0);
    sizes
}
