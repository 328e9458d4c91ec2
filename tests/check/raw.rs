//! Raw records that tests put together and take apart, as the kernel would see them.

use btfkinds::KindSpec;

/// A blob in the making: its records' words, and its strings.
#[derive(Clone)]
pub struct Raw {
    pub types: Vec<Vec<u32>>,
    pub strings: Vec<u8>,
}

impl Default for Raw {
    fn default() -> Self {
        Raw { types: Vec::new(), strings: vec![0] }
    }
}

/// The kind of a record, by its words.
pub fn kind(words: &[u32]) -> u32 {
    words.get(1).map_or(0, |info| info >> 24 & 0x1f)
}

/// Which words of a record are type ids.
pub fn id_words(words: &[u32]) -> Vec<usize> {
    let Some(spec) = KindSpec::released().get((kind(words) as usize).wrapping_sub(1)) else {
        return Vec::new();
    };
    let is_id = |class: btfkinds::WordClass| class == btfkinds::WordClass::Id;
    let mut found = Vec::new();
    found.extend(is_id(spec.third.class()).then_some(2));
    found.extend((3..).zip(&spec.fixed).filter(|(_, f)| is_id(f.class)).map(|(at, _)| at));
    let len = spec.elements.len();
    for first in (3 + spec.fixed.len()..words.len()).step_by(len.max(1)) {
        if first + len <= words.len() {
            let ids = (first..).zip(&spec.elements).filter(|(_, f)| is_id(f.class));
            found.extend(ids.map(|(at, _)| at));
        }
    }
    found.retain(|at| *at < words.len());
    found
}

impl Raw {
    /// The offset of a string, added if it is new.
    pub fn name(&mut self, name: &str) -> u32 {
        self.bytes_name(name.as_bytes())
    }

    pub fn bytes_name(&mut self, name: &[u8]) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let at = self.strings.len() as u32;
        self.strings.extend(name);
        self.strings.push(0);
        at
    }

    /// Adds a record; gives its id.
    pub fn add(&mut self, name: u32, info: (u32, u32, bool), third: u32, rest: &[u32]) -> u32 {
        let (kind, vlen, flag) = info;
        let mut words = vec![name, (u32::from(flag) << 31) | (kind << 24) | vlen, third];
        words.extend(rest);
        self.types.push(words);
        self.types.len() as u32
    }

    pub fn int(&mut self, size: u32) -> u32 {
        let name = self.name("int");
        self.add(name, (1, 0, false), size, &[size * 8])
    }

    pub fn reference(&mut self, kind: u32, name: &str, to: u32) -> u32 {
        let name = self.name(name);
        self.add(name, (kind, 0, false), to, &[])
    }

    /// A struct of members: name, type, offset in bits.
    pub fn structure(&mut self, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        let name = self.name(name);
        let mut words = Vec::new();
        for (name, ty, bits) in members {
            words.extend([self.name(name), *ty, *bits]);
        }
        self.add(name, (4, members.len() as u32, false), size, &words)
    }

    /// Gives the types other ids: `order[i]` is the index of what becomes the `i`-th.
    pub fn reorder(&mut self, order: &[usize]) {
        let mut ids = vec![0; self.types.len() + 1];
        for (at, index) in order.iter().enumerate() {
            ids[index + 1] = at as u32 + 1;
        }
        let mut types: Vec<Vec<u32>> = order.iter().map(|i| self.types[*i].clone()).collect();
        for words in &mut types {
            for at in id_words(words) {
                if let Some(id) = ids.get(words[at] as usize) {
                    words[at] = *id;
                }
            }
        }
        self.types = types;
    }

    pub fn header(types: u32, strings: u32) -> Vec<u8> {
        let mut out = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, types, types, strings] {
            out.extend(word.to_le_bytes());
        }
        out
    }

    pub fn bytes(&self) -> Vec<u8> {
        let types: Vec<u8> = self.types.iter().flatten().flat_map(|w| w.to_le_bytes()).collect();
        let mut out = Raw::header(types.len() as u32, self.strings.len() as u32);
        out.extend(types);
        out.extend(&self.strings);
        out
    }
}
