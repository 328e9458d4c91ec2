//! The interner: which strings a string section already has.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use memchr::{memchr, memchr_iter};

use super::room::Room;

/// Offsets into a string section, by the strings that start there. It holds no string itself: the
/// section is the arena. Of equal strings the first one counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interner {
    offsets: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// The string that starts at `offset`.
fn string_at(arena: &[u8], offset: u32) -> &[u8] {
    let tail = arena.get(offset as usize..).unwrap_or_default();
    memchr(0, tail).and_then(|end| tail.get(..end)).unwrap_or(tail)
}

impl Interner {
    /// Indexes a whole string section.
    pub(crate) fn of(arena: &[u8]) -> Interner {
        let mut interner = Interner::default();
        let count = memchr_iter(0, arena).count();
        let Interner { offsets, hasher } = &mut interner;
        let rehash = |offset: &u32| hasher.hash_one(string_at(arena, *offset));
        offsets.reserve(count, rehash);
        let mut start = 0;
        for end in memchr_iter(0, arena) {
            let string = arena.get(start..end).unwrap_or_default();
            // A string section's length is a u32.
            let offset = u32::try_from(start).unwrap_or(u32::MAX);
            let hash = hasher.hash_one(string);
            if offsets.find(hash, |other| string_at(arena, *other) == string).is_none() {
                offsets.insert_unique(hash, offset, rehash);
            }
            start = end.saturating_add(1);
        }
        interner
    }

    /// Where `string` starts in `arena`, if it does anywhere.
    pub(crate) fn find(&self, arena: &[u8], string: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(string);
        self.offsets.find(hash, |other| string_at(arena, *other) == string).copied()
    }

    /// Appends a string that is not there yet.
    pub(crate) fn add(&mut self, arena: &mut Room<u8>, string: &[u8]) -> u32 {
        let offset = u32::try_from(arena.len()).unwrap_or(u32::MAX);
        arena.extend_from_slice(string);
        arena.extend_from_slice(&[0]);
        let Interner { offsets, hasher } = self;
        let rehash = |offset: &u32| hasher.hash_one(string_at(arena, *offset));
        offsets.insert_unique(hasher.hash_one(string), offset, rehash);
        offset
    }
}
