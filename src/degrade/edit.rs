//! What replacements are made of: records, names and INTs.

use std::collections::{BTreeMap, HashMap};

use memchr::memchr;

use crate::btf::{Btf, MAX_NAME_OFFSET, TypeId};
use crate::kind::{Kind, KindMap, Version};

/// The kind of a record.
pub(super) fn kind(words: &[u32]) -> Kind {
    Kind::of_info(info(words))
}

/// The second word.
pub(super) fn info(words: &[u32]) -> u32 {
    words.get(1).copied().unwrap_or(0)
}

/// The number of elements, for FUNC the linkage.
pub(super) fn vlen(words: &[u32]) -> u32 {
    info(words) & 0x00ff_ffff
}

/// Bit 31 of the second word.
pub(super) fn flag(words: &[u32]) -> bool {
    info(words) >> 31 == 1
}

/// The third word.
pub(super) fn third(words: &[u32]) -> u32 {
    words.get(2).copied().unwrap_or(0)
}

/// The word behind the header.
pub(super) fn fixed(words: &[u32]) -> u32 {
    words.get(3).copied().unwrap_or(0)
}

/// The elements behind the header, of `N` words each.
pub(super) fn elements<const N: usize>(words: &[u32]) -> &[[u32; N]] {
    words.get(3..).unwrap_or_default().as_chunks().0
}

/// A record of this header.
pub(super) fn record(name: u32, kind: Kind, vlen: usize, third: u32) -> Vec<u32> {
    let vlen = u32::try_from(vlen).unwrap_or(u32::MAX) & 0x00ff_ffff;
    vec![name, u32::from(kind.0) << 24 | vlen, third]
}

/// A kernel before this one takes no dot in a name (but for sections and variables).
pub(super) const DOTS: Version = Version { major: 6, minor: 4 };
/// A kernel before this one takes names of 128 bytes, later ones of 512.
pub(super) const LONG_NAMES: Version = Version { major: 6, minor: 1 };
/// A kernel before this one takes only letters, digits, `_` and `.` in the name of a section.
pub(super) const SECTION_NAMES: Version = Version { major: 6, minor: 9 };

/// The longest name that any kernel takes, in bytes.
const LONGEST: usize = 512;

/// What a kernel takes as a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// Anything: it does not look.
    Free,
    /// A C identifier, from some version on with dots.
    Identifier,
    /// A C identifier with dots.
    Variable,
    /// The name of a section.
    Section,
}

impl Name {
    /// What the names in a record of this kind must be: its own and those of its elements.
    pub(super) fn of(kind: Kind) -> Name {
        match kind {
            Kind::INT | Kind::FLOAT | Kind::DECL_TAG | Kind::TYPE_TAG => Name::Free,
            Kind::VAR => Name::Variable,
            Kind::DATASEC => Name::Section,
            _ => Name::Identifier,
        }
    }

    fn takes(self, at: usize, byte: u8, version: Version) -> bool {
        let in_identifier =
            byte == b'_' || byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit());
        match self {
            Name::Free => true,
            Name::Identifier => in_identifier || (byte == b'.' && version >= DOTS),
            Name::Section if version >= SECTION_NAMES => (b' '..0x7f).contains(&byte),
            Name::Variable | Name::Section => in_identifier || byte == b'.',
        }
    }

    fn limit(version: Version) -> usize {
        if version >= LONG_NAMES { LONGEST } else { 128 }
    }

    /// Whether a kernel takes this name; that there is none is another thing.
    pub(super) fn is_taken(self, name: &[u8], version: Version) -> bool {
        self == Name::Free
            || (name.len() <= Self::limit(version)
                && name.iter().enumerate().all(|(at, byte)| self.takes(at, *byte, version)))
    }

    /// The name with `_` for all that the kernel does not take, cut where it becomes too long.
    fn made_valid(self, name: &[u8], version: Version) -> Vec<u8> {
        let valid = |(at, byte): (usize, &u8)| {
            if self.takes(at, *byte, version) { *byte } else { b'_' }
        };
        name.iter().enumerate().map(valid).take(Self::limit(version)).collect()
    }
}

/// A blob, and what is to be changed in it and added to it.
pub(super) struct Edit<'a> {
    pub(super) btf: &'a Btf,
    pub(super) version: Version,
    kinds: KindMap,
    /// The new records, by id.
    pub(super) changed: BTreeMap<u32, Vec<u32>>,
    /// Types behind all others.
    pub(super) added: Vec<Vec<u32>>,
    /// Strings behind all others.
    pub(super) strings: Vec<u8>,
    names: HashMap<Vec<u8>, u32>,
    /// INTs by size and encoding: the lowest id. Filled when it is first needed.
    ints: Option<HashMap<(u32, u32), u32>>,
}

impl<'a> Edit<'a> {
    pub(super) fn new(btf: &'a Btf, version: Version) -> Self {
        Edit {
            btf,
            version,
            kinds: KindMap::released(),
            changed: BTreeMap::new(),
            added: Vec::new(),
            strings: Vec::new(),
            names: HashMap::new(),
            ints: None,
        }
    }

    /// A type as it is planned now.
    pub(super) fn words(&self, id: u32) -> &[u32] {
        match self.changed.get(&id) {
            Some(words) => words,
            None => self.btf.get(TypeId(id)).map_or(&[], |ty| ty.words()),
        }
    }

    /// The type behind modifiers and typedefs, as it is planned now; 0 for void and cycles.
    pub(super) fn resolved(&self, id: u32) -> u32 {
        let mut id = id;
        for _ in 0..64 {
            let words = self.words(id);
            match kind(words) {
                Kind::TYPEDEF | Kind::VOLATILE | Kind::CONST | Kind::RESTRICT | Kind::TYPE_TAG => {
                    id = third(words);
                }
                _ => return id,
            }
        }
        0
    }

    /// A name, cut where it is longer than any kernel takes: what has to be done for one name has
    /// an end.
    fn name(&self, offset: u32) -> &[u8] {
        let mut level = Some(self.btf);
        let mut strings: &[u8] = &self.strings;
        let mut own = offset.checked_sub(self.btf.str_end());
        while let (None, Some(btf)) = (own, level) {
            strings = btf.own_strings();
            own = offset.checked_sub(btf.first_string());
            level = btf.base().map(|base| &**base);
        }
        let tail = strings.get(own.unwrap_or(u32::MAX) as usize..).unwrap_or_default();
        let tail = tail.get(..=LONGEST).unwrap_or(tail);
        tail.get(..memchr(0, tail).unwrap_or(tail.len())).unwrap_or_default()
    }

    /// Calls `f` with the position of each name in a record of a released kind.
    fn for_each_name(&self, words: &[u32], mut f: impl FnMut(usize)) {
        if let Some(entry) = self.kinds.get(kind(words)) {
            entry.refs.for_each(words, |at, _, is_str| {
                if is_str {
                    f(at);
                }
            });
        }
    }

    /// Whether a name of the record is not as the kernel of this version wants it.
    pub(super) fn has_bad_name(&self, words: &[u32], version: Version) -> bool {
        let name = Name::of(kind(words));
        let mut bad = false;
        if name != Name::Free {
            self.for_each_name(words, |at| {
                let offset = words.get(at).copied().unwrap_or(0);
                bad |= offset != 0 && !name.is_taken(self.name(offset), version);
            });
        }
        bad
    }

    /// The record with names as the kernel of this version wants them.
    pub(super) fn with_valid_names(&mut self, words: &[u32]) -> Vec<u32> {
        let rule = Name::of(kind(words));
        let mut places = Vec::new();
        self.for_each_name(words, |at| places.push(at));
        let mut words = words.to_vec();
        for at in places {
            let Some(word) = words.get_mut(at).filter(|word| **word != 0) else { continue };
            let name = self.name(*word);
            if !rule.is_taken(name, self.version) {
                let name = rule.made_valid(name, self.version);
                *word = self.add_name(name);
            }
        }
        words
    }

    /// A new string behind all others.
    pub(super) fn add_name(&mut self, name: Vec<u8>) -> u32 {
        let len = u32::try_from(self.strings.len()).unwrap_or(u32::MAX);
        if len > MAX_NAME_OFFSET {
            // They can't be written, and that will be said; here they only need an end.
            return 0;
        }
        let next = self.btf.str_end().saturating_add(len);
        let strings = &mut self.strings;
        *self.names.entry(name).or_insert_with_key(|name| {
            strings.extend_from_slice(name);
            strings.push(0);
            next
        })
    }

    /// An INT of this size and encoding: one that is there, or a new one of this name.
    pub(super) fn int(&mut self, name: u32, size: u32, encoding: u32) -> u32 {
        if let Some(id) = self.int_there(size, encoding) {
            return id;
        }
        let added = u32::try_from(self.added.len()).unwrap_or(u32::MAX);
        let id = self.btf.type_count().saturating_add(added);
        let mut words = record(name, Kind::INT, 0, size);
        words.push(encoding);
        self.added.push(words);
        self.ints.get_or_insert_default().insert((size, encoding), id);
        id
    }

    /// The first INT of this size and encoding.
    pub(super) fn int_there(&mut self, size: u32, encoding: u32) -> Option<u32> {
        let btf = self.btf;
        let ints = self.ints.get_or_insert_with(|| {
            let mut ints = HashMap::new();
            let mut level = Some(btf);
            while let Some(btf) = level {
                for ty in btf.types().filter(|ty| ty.kind() == Kind::INT) {
                    let words = ty.words();
                    let id = ints.entry((third(words), fixed(words))).or_insert(ty.id().0);
                    *id = ty.id().0.min(*id);
                }
                level = btf.base().map(|base| &**base);
            }
            ints
        });
        ints.get(&(size, encoding)).copied()
    }
}
