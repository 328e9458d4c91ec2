//! Changing BTF so that it stays near to being valid.

use btfkinds::{KindSpec, WordClass};

use crate::Raw;
use crate::random::Random;
use crate::raw::{kind, vlen};

/// Names that mean something to somebody.
pub(crate) const STRINGS: [&str; 42] = [
    "a",
    "int",
    "unsigned int",
    "__u32",
    "__s32",
    "__btf_type_id",
    "__btf_name_off",
    "__btf_type",
    "__btf_type___size",
    "__btf_type___ref",
    "__btf_type___sizes",
    "__BTF_KIND_20",
    "__BTF_KIND_42",
    "__BTF_KIND_4",
    "__BTF_KIND_STRUCT",
    "__BTF_KIND_META_STRUCT",
    "__BTF_KIND_GADGET",
    "__BTF_KIND_INFO_GADGET",
    "__BTF_KIND_META_GADGET",
    "__BTF_SIZES_42_8_12",
    "__BTF_SIZES_20_0_4",
    "__BTF_ORIGIN",
    "__BTF_ORIGIN_STANDALONE",
    "meta",
    "info",
    "type",
    "size",
    "bpf_spin_lock",
    "bpf_timer",
    "bpf_list_head",
    "bpf_list_node",
    "bpf_rb_root",
    "bpf_rb_node",
    "bpf_refcount",
    "contains:a:b",
    "kptr",
    "percpu_kptr",
    ".data",
    "struct",
    "x y\n\u{e4}",
    "x */ {",
    "\"q\\",
];

/// Numbers at which something changes.
const NUMBERS: [u32; 24] = [
    0,
    1,
    2,
    3,
    4,
    8,
    12,
    16,
    31,
    32,
    33,
    64,
    127,
    128,
    255,
    0xffff,
    0x0100_0020,
    0x0108_0001,
    0x00ff_ffff,
    0x0100_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffc,
    u32::MAX,
];

/// A blob that is being changed.
pub(crate) struct Edit<'a, 'r> {
    raw: &'a mut Raw,
    random: &'r mut Random,
    first_id: u32,
    first_string: u32,
}

impl<'a, 'r> Edit<'a, 'r> {
    pub(crate) fn new(raw: &'a mut Raw, below: Option<&Raw>, random: &'r mut Random) -> Self {
        let first_id = below.map_or(1, |below| below.records.len() as u32 + 1);
        let first_string = below.map_or(0, |below| below.strings.len() as u32);
        Edit { raw, random, first_id, first_string }
    }

    /// Makes one change or a few.
    pub(crate) fn some(&mut self) {
        self.one();
        while !self.random.one_in(3) {
            self.one();
        }
    }

    fn one(&mut self) {
        let count = self.raw.records.len();
        let at = self.random.below(count);
        match self.random.below(28) {
            0..3 => self.add(),
            _ if count == 0 => self.add(),
            3 => {
                self.raw.records.remove(at);
            }
            4 => {
                // Ids below stay what they are.
                let last = self.raw.records.len() - 1;
                self.raw.records.swap(at, last);
                self.raw.records.pop();
            }
            5 => {
                let record = self.raw.records[at].clone();
                self.raw.records.push(record);
            }
            6 => {
                let other = self.random.below(count);
                self.raw.records.swap(at, other);
            }
            7 => {
                let from = self.random.below(count);
                self.raw.records[at] = self.raw.records[from].clone();
            }
            8 => self.kind(at),
            9 | 10 => self.elements(at),
            11 => self.raw.records[at][1] ^= 1 << 31,
            12 => {
                let by = *self.random.of(&[1_u32, u32::MAX, 2, 1 << 16]);
                self.raw.records[at][1] = self.raw.records[at][1].wrapping_add(by);
            }
            13 => self.string(),
            14 => {
                let name = *self.random.of(&STRINGS);
                self.raw.records[at][0] = self.name(name);
            }
            15 if self.random.one_in(4) => self.raw.big_endian ^= true,
            16 if self.random.one_in(2) => self.layout(),
            17 if self.random.one_in(4) => {
                self.raw.rest.truncate(self.random.below(4));
                self.raw.rest.push(*self.random.of(&NUMBERS));
            }
            18..22 => {
                let word = self.random.below(self.raw.records[at].len());
                self.raw.records[at][word] = self.word(at, word);
            }
            _ => self.reference(at),
        }
    }

    /// A type id: of a type near by, of any type, of void, or of none.
    fn id(&mut self, near: usize) -> u32 {
        let count = self.raw.records.len();
        let own = match self.random.below(8) {
            0 => return 0,
            1 => return self.random.below(self.first_id as usize) as u32,
            2 if self.random.one_in(6) => count + self.random.below(2),
            3 | 4 => near.saturating_sub(1) + self.random.below(3),
            _ => self.random.below(count),
        };
        self.first_id.wrapping_add(own as u32)
    }

    /// A string offset, mostly of the start of a string.
    fn offset(&mut self) -> u32 {
        let starts = self.raw.string_starts();
        let own = match (self.random.below(10), starts.as_slice()) {
            (0, _) | (_, []) => return 0,
            (1, _) => self.random.below(self.raw.strings.len()),
            (2, _) if self.random.one_in(4) => self.raw.strings.len(),
            (3, _) => return self.random.below(self.first_string as usize) as u32,
            (_, starts) => *self.random.of(starts),
        };
        self.first_string.wrapping_add(own as u32)
    }

    /// A plain number, or a step from the one that is there.
    fn number(&mut self, old: u32) -> u32 {
        match self.random.below(6) {
            0 => old.wrapping_add(1),
            1 => old.wrapping_sub(1),
            2 => old ^ 1 << self.random.below(32),
            3 => self.random.below(256) as u32,
            4 => (self.random.below(64) * 8) as u32,
            _ => *self.random.of(&NUMBERS),
        }
    }

    /// Another word for a place in a record.
    fn word(&mut self, at: usize, word: usize) -> u32 {
        let record = &self.raw.records[at];
        let old = record[word];
        let class = match Raw::class(record, word) {
            Some(class) if !self.random.one_in(12) => class,
            _ => *self.random.of(&[WordClass::U32, WordClass::Id, WordClass::Str]),
        };
        match class {
            WordClass::Id => self.id(at),
            WordClass::Str => self.offset(),
            WordClass::U32 | WordClass::S32 => self.number(old),
        }
    }

    /// Lets a record refer to something else.
    fn reference(&mut self, at: usize) {
        let record = &self.raw.records[at];
        let ids: Vec<usize> = (2..record.len())
            .filter(|word| Raw::class(record, *word).is_none_or(|class| class == WordClass::Id))
            .collect();
        if !ids.is_empty() {
            let word = *self.random.of(&ids);
            self.raw.records[at][word] = self.id(at);
        }
    }

    /// The words that a record of this kind has, for an `info` that is given.
    fn fill(&mut self, at: usize, info: u32) {
        let (fixed, element) = self.raw.sizes.get(&(info >> 24 & 0x7f)).copied().unwrap_or((0, 0));
        let words = 3 + fixed + element * (info & 0xff_ffff) as usize;
        let old = self.raw.records[at].len();
        self.raw.records[at][1] = info;
        self.raw.records[at].resize(words, 0);
        for word in old..words {
            self.raw.records[at][word] = self.word(at, word);
        }
    }

    fn any_kind(&mut self) -> u32 {
        let mut kinds: Vec<u32> = self.raw.sizes.keys().copied().collect();
        kinds.sort_unstable();
        let released = KindSpec::released().len() as u32;
        match (self.random.below(8), kinds.as_slice()) {
            (0, _) | (_, []) => self.random.below(32) as u32,
            (1 | 2, kinds) => *self.random.of(kinds),
            _ => 1 + self.random.below(released as usize) as u32,
        }
    }

    fn add(&mut self) {
        let kind = self.any_kind();
        let flag = u32::from(self.random.one_in(4)) << 31;
        let vlen = self.random.below(4) as u32;
        let name = if self.random.one_in(3) { 0 } else { self.offset() };
        let third = [1, 4, 8, 16][self.random.below(4)];
        let place = match self.random.one_in(3) {
            true => self.random.below(self.raw.records.len() + 1),
            false => self.raw.records.len(),
        };
        self.raw.records.insert(place, vec![name, kind << 24, third]);
        if Raw::class(&self.raw.records[place], 2) == Some(WordClass::Id) {
            self.raw.records[place][2] = self.id(place);
        }
        self.fill(place, flag | kind << 24 | vlen);
        // An INT that nobody would take says nothing about what refers to it.
        if kind == 1 && !self.random.one_in(4) {
            let size = self.raw.records[place][2];
            self.raw.records[place][3] = size * 8;
            self.raw.records[place][1] = 1 << 24;
        }
    }

    /// Gives a record another kind, and the words of that.
    fn kind(&mut self, at: usize) {
        let kind = self.any_kind();
        let info = self.raw.records[at][1] & 0x80ff_ffff | kind << 24;
        if self.random.one_in(4) {
            self.raw.records[at][1] = info;
        } else {
            let small = info & 0xff00_0000 | (info & 0xff_ffff).min(16);
            self.fill(at, small);
        }
    }

    /// Takes elements off a record, or adds some.
    fn elements(&mut self, at: usize) {
        let record = &mut self.raw.records[at];
        let (fixed, element) = self.raw.sizes.get(&kind(record)).copied().unwrap_or((0, 0));
        let count = vlen(record);
        let info = record[1];
        if element == 0 || count > 64 || self.random.one_in(2) {
            return self.fill(at, info & 0xff00_0000 | ((count + 1) & 31) as u32);
        }
        let first = 3 + fixed + element * self.random.below(count);
        if count > 0 && first + element <= record.len() {
            record.drain(first..first + element);
            record[1] = info & 0xff00_0000 | (count - 1) as u32;
        }
    }

    /// The offset of a name, added behind all strings.
    fn name(&mut self, name: &str) -> u32 {
        let at = self.raw.strings.len() as u32;
        self.raw.strings.extend(name.as_bytes());
        self.raw.strings.push(0);
        self.first_string.wrapping_add(at)
    }

    /// Changes a string.
    fn string(&mut self) {
        let starts = self.raw.string_starts();
        let strings = &mut self.raw.strings;
        match self.random.below(4) {
            0 => {
                let at = self.random.below(strings.len());
                if let Some(byte) = strings.get_mut(at) {
                    *byte = *self.random.of(b"\0\0a_1.:\xff\n\"");
                }
            }
            1 => {
                strings.pop();
            }
            _ if !starts.is_empty() => {
                let start = *self.random.of(&starts);
                let end = start + strings[start..].iter().position(|byte| *byte == 0).unwrap_or(0);
                let name = self.random.of(&STRINGS).as_bytes().to_vec();
                // In place it keeps the offsets of those behind it.
                match name.len() == end - start || self.random.one_in(4) {
                    true => drop(strings.splice(start..end, name)),
                    false => {
                        let len = name.len().min(end - start);
                        strings[start..start + len].copy_from_slice(&name[..len]);
                    }
                }
            }
            _ => strings.push(0),
        }
    }

    /// Adds a layout section, takes it off, or changes it.
    fn layout(&mut self) {
        match (&mut self.raw.layout, self.random.below(4)) {
            (layout @ Some(_), 0) => *layout = None,
            (Some(layout), _) if !layout.is_empty() => {
                let at = self.random.below(layout.len());
                layout[at] = *self.random.of(&[0, 1, 4, 8, 12, 16, 255]);
            }
            (layout, _) => {
                let mut bytes = vec![0; 4];
                for spec in KindSpec::released() {
                    bytes.extend([spec.fixed.len() as u8 * 4, spec.elements.len() as u8 * 4, 0, 0]);
                }
                bytes.extend([4, 8, 0, 0, 0, 12, 0, 0]);
                *layout = Some(bytes);
            }
        }
    }
}
