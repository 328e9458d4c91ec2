//! Which strings a string section has.

use std::hash::{BuildHasher, Hasher};

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
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

/// Calls `f` with the place of each NUL.
#[inline]
fn for_each_nul(arena: &[u8], mut f: impl FnMut(usize)) {
    let (chunks, rest) = arena.as_chunks::<64>();
    let mut at = 0_usize;
    for chunk in chunks {
        let mut nuls = scan::nuls(chunk);
        while nuls != 0 {
            f(at.wrapping_add(nuls.trailing_zeros() as usize));
            nuls &= nuls.wrapping_sub(1);
        }
        at = at.wrapping_add(64);
    }
    for nul in memchr_iter(0, rest) {
        f(at.wrapping_add(nul));
    }
}

/// Calls `f(string, start)` for all strings of a section.
#[inline]
fn for_each<'a>(arena: &'a [u8], mut f: impl FnMut(&'a [u8], usize)) {
    let mut start = 0_usize;
    for_each_nul(arena, |end| {
        if let Some(string) = arena.get(start..end) {
            f(string, start);
        }
        start = end.wrapping_add(1);
    });
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

/// Tells most strings that are not looked for by their first bytes.
struct Sieve {
    holes: [u64; 64],
    /// The first bytes of each, as many as the shortest has with its NUL, four at most.
    mask: u32,
}

impl Sieve {
    fn of<'a>(wanted: impl Iterator<Item = &'a [u8]> + Clone) -> Sieve {
        let shortest = wanted.clone().map(<[u8]>::len).min().unwrap_or(0);
        let mask =
            u32::MAX.unbounded_shr(24_u32.saturating_sub(offset(shortest).saturating_mul(8)));
        let mut sieve = Sieve { holes: [0; 64], mask };
        for string in wanted {
            let mut head = [0; 4];
            head.iter_mut().zip(string).for_each(|(to, from)| *to = *from);
            let (row, bit) = sieve.hole(head);
            if let Some(holes) = sieve.holes.get_mut(row) {
                *holes |= 1 << bit;
            }
        }
        sieve
    }

    /// Where a string with these first bytes falls.
    #[inline]
    fn hole(&self, head: [u8; 4]) -> (usize, u32) {
        let key = u32::from_le_bytes(head) & self.mask;
        let hash = key.wrapping_mul(0x9e37_79b1);
        ((hash >> 26) as usize, hash >> 20 & 63)
    }

    /// Whether one that is looked for may be at the start of these bytes.
    #[inline]
    fn passes(&self, tail: &[u8]) -> bool {
        // At the end of a section all are looked at.
        let Some(head) = tail.first_chunk() else { return true };
        let (row, bit) = self.hole(*head);
        self.holes.get(row).is_some_and(|holes| holes >> bit & 1 == 1)
    }
}

/// Those strings, of those that are not empty, that start somewhere in a section, and where they do first: for a
/// few strings this is much less than an [`Interner`].
pub(super) fn find_all<'a>(
    arena: &[u8],
    wanted: &'a [String],
) -> impl Iterator<Item = (&'a [u8], u32)> + use<'a> {
    let all = wanted.iter().map(String::as_bytes).filter(|string| !string.is_empty());
    let sieve = Sieve::of(all.clone());
    let mut found: HashMap<&[u8], Option<u32>> = all.map(|string| (string, None)).collect();
    let mut look_at = |start: usize| {
        let tail = arena.get(start..).unwrap_or_default();
        if sieve.passes(tail)
            && let Some(first) = scan::string(tail).and_then(|string| found.get_mut(string))
        {
            first.get_or_insert(offset(start));
        }
    };
    look_at(0);
    for_each_nul(arena, |end| look_at(end.wrapping_add(1)));
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
            let mut expected = starts.clone();
            expected.remove(b"".as_slice());
            assert_eq!(found, expected);
            let interner = Interner::of(&arena);
            for string in strings.iter().map(String::as_bytes) {
                assert_eq!(interner.find(&arena, string), starts.get(string).copied());
            }
        }
    }
}
