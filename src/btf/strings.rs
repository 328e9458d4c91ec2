//! Which strings a string section has.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use memchr::memchr_iter;

use super::body::Body;
use crate::scan;

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
    scan::string(tail).unwrap_or(tail)
}

/// The hash of a string that is known to be whole.
#[inline]
pub(crate) fn hash(hasher: &DefaultHashBuilder, string: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(string);
    hasher.finish()
}

/// Calls `f(string, start)` for all strings of a section.
#[inline]
fn for_each<'a>(arena: &'a [u8], mut f: impl FnMut(&'a [u8], usize)) {
    let mut start = 0_usize;
    let mut ends_at = |end: usize| {
        if let Some(string) = arena.get(start..end) {
            f(string, start);
        }
        start = end.wrapping_add(1);
    };
    let (chunks, rest) = arena.as_chunks::<64>();
    let mut at = 0_usize;
    for chunk in chunks {
        let mut nuls = scan::nuls(chunk);
        while nuls != 0 {
            ends_at(at.wrapping_add(nuls.trailing_zeros() as usize));
            nuls &= nuls.wrapping_sub(1);
        }
        at = at.wrapping_add(64);
    }
    for end in memchr_iter(0, rest) {
        ends_at(at.wrapping_add(end));
    }
}

/// Where a string starts, in a section whose length is a u32.
fn offset(start: usize) -> u32 {
    u32::try_from(start).unwrap_or(u32::MAX)
}

impl Interner {
    /// Indexes a whole string section.
    pub(crate) fn of(arena: &[u8]) -> Interner {
        let mut interner = Interner::default();
        let count = memchr_iter(0, arena).count();
        let Interner { offsets, hasher } = &mut interner;
        let rehash = |offset: &u32| hash(hasher, string_at(arena, *offset));
        offsets.reserve(count, rehash);
        for_each(arena, |string, start| {
            let is_same = |other: &u32| string_at(arena, *other) == string;
            if let Entry::Vacant(free) = offsets.entry(hash(hasher, string), is_same, rehash) {
                free.insert(offset(start));
            }
        });
        interner
    }

    /// Where `string` starts in `arena`, if it does anywhere.
    pub(crate) fn find(&self, arena: &[u8], string: &[u8]) -> Option<u32> {
        let hash = hash(&self.hasher, string);
        self.offsets.find(hash, |other| string_at(arena, *other) == string).copied()
    }

    /// Appends a string that is not there yet.
    pub(super) fn add(&mut self, body: &mut Body, string: &[u8]) -> u32 {
        let offset = offset(body.strings().len());
        body.append_string(string);
        let arena = body.strings();
        let Interner { offsets, hasher } = self;
        let rehash = |offset: &u32| hash(hasher, string_at(arena, *offset));
        offsets.insert_unique(hash(hasher, string), offset, rehash);
        offset
    }
}

/// Tells most strings that are not looked for by their first bytes and their length.
struct Sieve {
    holes: [u64; 64],
}

impl Sieve {
    fn of<'a>(wanted: impl Iterator<Item = &'a [u8]>) -> Sieve {
        let mut sieve = Sieve { holes: [0; 64] };
        for (row, bit) in wanted.filter_map(Self::hole) {
            if let Some(holes) = sieve.holes.get_mut(row) {
                *holes |= 1 << bit;
            }
        }
        sieve
    }

    /// Where a string falls; None if it is too short to be told from others.
    #[inline]
    fn hole(string: &[u8]) -> Option<(usize, u32)> {
        let head = u32::from_le_bytes(*string.first_chunk()?);
        let key = u64::from(head) << 32 | string.len() as u64;
        let [.., row, bit] = key.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        Some((usize::from(row >> 2), u32::from(bit >> 2)))
    }

    /// Whether it may be one of those that are looked for.
    #[inline]
    fn passes(&self, string: &[u8]) -> bool {
        Self::hole(string)
            .is_none_or(|(row, bit)| self.holes.get(row).is_some_and(|holes| holes >> bit & 1 == 1))
    }
}

/// Those strings that start somewhere in a section, and where they do first: for a few strings this is
/// much less than an [`Interner`].
pub(super) fn find_all<'a>(
    arena: &[u8],
    wanted: &'a [String],
) -> impl Iterator<Item = (&'a [u8], u32)> + use<'a> {
    let sieve = Sieve::of(wanted.iter().map(String::as_bytes));
    let mut found: HashMap<&[u8], Option<u32>> =
        wanted.iter().map(|string| (string.as_bytes(), None)).collect();
    for_each(arena, |string, start| {
        if sieve.passes(string)
            && let Some(first) = found.get_mut(string)
        {
            first.get_or_insert(offset(start));
        }
    });
    found.into_iter().filter_map(|(string, first)| Some((string, first?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_where_it_starts_first() {
        let mut seed = 1_u32;
        let mut random = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % below
        };
        for _ in 0..500 {
            let mut strings: Vec<String> = vec![String::new()];
            for _ in 0..random(60) {
                let long = random(8) == 0;
                let len = random(if long { 150 } else { 6 });
                strings.push((0..len).map(|_| char::from(b'a' + random(3) as u8)).collect());
            }
            let mut arena: Vec<u8> = Vec::new();
            let mut starts: HashMap<&[u8], u32> = HashMap::new();
            for string in strings.iter().filter(|string| string.len() % 5 != 4) {
                starts.entry(string.as_bytes()).or_insert(arena.len() as u32);
                arena.extend(string.bytes().chain([0]));
            }
            // What has no end is no string.
            arena.extend(
                strings.iter().filter(|string| string.len() % 5 == 4).flat_map(|s| s.bytes()),
            );
            let found: HashMap<&[u8], u32> = find_all(&arena, &strings).collect();
            assert_eq!(found, starts);
            let interner = Interner::of(&arena);
            for string in strings.iter().map(String::as_bytes) {
                assert_eq!(interner.find(&arena, string), starts.get(string).copied());
            }
        }
    }
}
