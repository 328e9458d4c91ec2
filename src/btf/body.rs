//! A blob's type words and strings, in the bytes that were read.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use super::header::{Endian, Header};
use super::room::Room;

/// So many words are copied before they are looked at.
const PIECE: usize = 16 << 10;

/// Room for at least so many words is left behind what may grow: a few types and their names.
const ADDED: usize = 1024;

/// Bytes as words; the last may not be full.
fn words_of(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let (whole, rest) = bytes.as_chunks::<4>();
    let mut last = [0; 4];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let last = (!rest.is_empty()).then_some(last);
    whole.iter().copied().chain(last).map(u32::from_ne_bytes)
}

/// Bytes that start on a word, so that the words among them can be used where they are: what was
/// read from a file is not copied again.
#[derive(Debug, Default)]
pub(crate) struct Blob {
    words: Room<u32>,
    /// In bytes; the last word may not be full.
    len: usize,
}

impl Blob {
    /// A copy of these bytes.
    pub(crate) fn copy_of(bytes: &[u8]) -> Blob {
        Blob::copied(bytes, |_| ())
    }

    /// The same; `so_far` is called with the words that are there, again and again: then they are still in a
    /// processor's nearest memory.
    pub(super) fn copied(bytes: &[u8], mut so_far: impl FnMut(&[u32])) -> Blob {
        let (whole, rest) = bytes.as_chunks::<4>();
        let more = (whole.len() / 64).max(ADDED.saturating_mul(2));
        let mut words = Vec::with_capacity(whole.len().saturating_add(more));
        for piece in whole.chunks(PIECE) {
            words.extend(piece.iter().map(|word| u32::from_ne_bytes(*word)));
            so_far(&words);
        }
        words.extend(words_of(rest));
        Blob { words: words.into(), len: bytes.len() }
    }

    /// All that a reader gives. `expected` bytes are made room for at once; there may be more or less.
    pub(crate) fn read(reader: &mut impl Read, expected: usize) -> io::Result<Blob> {
        // Zeros that were never looked at cost nothing.
        let mut words: Room<u32> = Room::zeroed((expected / 4).saturating_add(1));
        let mut len = 0_usize;
        loop {
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
            match bytes.get_mut(len..) {
                None | Some([]) => words.grow(words.len().saturating_mul(2)),
                Some(room) => match reader.read(room) {
                    Ok(0) => break,
                    Ok(read) => len = len.saturating_add(read),
                    Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                    Err(err) => return Err(err),
                },
            }
        }
        Ok(Blob { words, len })
    }

    /// `len` bytes that `fill` puts there.
    pub(crate) fn filled(
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<Blob> {
        let mut words = Room::zeroed(len.div_ceil(4));
        fill(bytemuck::cast_slice_mut(&mut words).get_mut(..len).unwrap_or_default())?;
        Ok(Blob { words, len })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice::<u32, u8>(&self.words).get(..self.len).unwrap_or_default()
    }
}

/// The type words, in the machine's byte order, and the strings: where they were read to as long as nobody else has
/// them, and in a copy once they are edited while somebody has.
#[derive(Debug, Clone)]
pub(super) struct Body {
    blob: Arc<Blob>,
    /// Where the type words are, in words.
    words: Range<usize>,
    /// Where the strings are, in bytes.
    strings: Range<usize>,
}

/// For how many more words there should be room behind so many.
fn more_words(words: usize) -> usize {
    (words / 16).max(ADDED)
}

impl Body {
    /// The sections of a blob that was read.
    pub(super) fn read(blob: &Arc<Blob>, header: &Header) -> Body {
        let words = header.word_range();
        let mut body = Body { blob: Arc::clone(blob), words, strings: header.strings.clone() };
        if header.endian != Endian::NATIVE {
            body.words_mut().iter_mut().for_each(|word| *word = word.swap_bytes());
        }
        body
    }

    pub(super) fn new(words: Vec<u32>, strings: &[u8]) -> Body {
        let end = words.len();
        let blob = Arc::new(Blob { words: words.into(), len: 0 });
        let mut body = Body { blob, words: 0..end, strings: 0..0 };
        body.append_strings(strings);
        body
    }

    pub(super) fn words(&self) -> &[u32] {
        self.blob.words.get(self.words.clone()).unwrap_or_default()
    }

    pub(super) fn strings(&self) -> &[u8] {
        bytemuck::cast_slice(&self.blob.words).get(self.strings.clone()).unwrap_or_default()
    }

    /// The words, to be changed.
    pub(super) fn words_mut(&mut self) -> &mut [u32] {
        let (room, words, _) = self.room(0, 0);
        room.get_mut(words).unwrap_or_default()
    }

    /// Puts words before word `at`.
    pub(super) fn insert_words(&mut self, at: usize, more: &[u32]) {
        let (room, words, _) = self.room(more.len(), 0);
        let at = words.start.saturating_add(at).min(words.end);
        let end = words.end.saturating_add(more.len());
        let behind = room.get_mut(at..end).unwrap_or_default();
        behind.copy_within(..behind.len().saturating_sub(more.len()), more.len());
        behind.iter_mut().zip(more).for_each(|(to, from)| *to = *from);
        self.words.end = end;
    }

    /// Appends a string, and the NUL that ends it.
    pub(super) fn append_string(&mut self, string: &[u8]) {
        self.append(string, 1);
    }

    /// Appends whole strings.
    pub(super) fn append_strings(&mut self, strings: &[u8]) {
        self.append(strings, 0);
    }

    fn append(&mut self, more: &[u8], nuls: usize) {
        let len = more.len().saturating_add(nuls);
        let (room, _, old) = self.room(0, len);
        let behind = bytemuck::cast_slice_mut(room).get_mut(old..).unwrap_or_default();
        let (text, rest) = behind.split_at_mut_checked(more.len()).unwrap_or_default();
        text.iter_mut().zip(more).for_each(|(to, from)| *to = *from);
        rest.iter_mut().take(nuls).for_each(|to| *to = 0);
        self.strings.end = old.saturating_add(len);
    }

    pub(super) fn set_strings(&mut self, all: &[u8]) {
        self.strings.end = self.strings.start;
        self.append_strings(all);
    }

    /// Takes off the last words and strings; so many stay.
    pub(super) fn truncate(&mut self, words: usize, strings: usize) {
        let shorten = |range: &mut Range<usize>, len: usize| {
            range.end = range.end.min(range.start.saturating_add(len));
        };
        shorten(&mut self.words, words);
        shorten(&mut self.strings, strings);
    }

    /// Where both are, with room for so many more words behind the words, and so many more bytes behind the strings;
    /// and where in it the words are, and the strings end.
    fn room(&mut self, words: usize, bytes: usize) -> (&mut [u32], Range<usize>, usize) {
        if Arc::strong_count(&self.blob) > 1 {
            self.copy(words, bytes);
        }
        // Nobody else has it by now.
        let Some(Blob { words: room, .. }) = Arc::get_mut(&mut self.blob) else {
            return (&mut [], 0..0, 0);
        };
        let first = self.words.end.saturating_add(words);
        let len = self.strings.len().saturating_add(bytes);
        let mut start = self.strings.start;
        if start < first.saturating_mul(4) {
            // Some more room than that, so that strings need not move with every record.
            let left = room.capacity().saturating_sub(first).saturating_sub(len.div_ceil(4));
            let some = more_words(self.words.len());
            let some = if left < ADDED { some } else { some.min(left) };
            start = first.saturating_add(some).saturating_mul(4);
        }
        room.grow(start.saturating_add(len).div_ceil(4));
        if start != self.strings.start {
            bytemuck::cast_slice_mut::<_, u8>(room).copy_within(self.strings.clone(), start);
            self.strings = start..start.saturating_add(self.strings.len());
        }
        (room, self.words.clone(), self.strings.end)
    }

    /// Both in memory of their own, with room for more.
    fn copy(&mut self, words: usize, bytes: usize) {
        let (old_words, old_strings) = (self.words(), self.strings());
        let words_end = old_words.len();
        let start =
            words_end.saturating_add(words).saturating_add(more_words(words_end)).saturating_mul(4);
        let end = start.saturating_add(old_strings.len());
        let capacity = end.saturating_add(bytes).div_ceil(4).saturating_add(ADDED);
        let mut room = self.blob.words.alike(capacity);
        room.extend(old_words.iter().copied());
        room.grow(start / 4);
        room.extend(words_of(old_strings));
        let blob = Arc::new(Blob { words: room, len: 0 });
        *self = Body { blob, words: 0..words_end, strings: start..end };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What two Vecs would be, wherever they were read to, and whether others have them or not.
    #[test]
    fn like_two_vecs() {
        let mut seed = 1_u32;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        for round in 0..300 {
            let most = [10, 1000, 700_000][round % 3];
            let mut words: Vec<u32> = (0..).take(random(most)).collect();
            let mut strings: Vec<u8> = (0..random(most)).map(|n| n as u8).collect();
            // Types and strings in either order, with something else around them.
            let mut bytes = vec![9; 4 * random(9)];
            let strings_first = random(2) == 0;
            let mut strings_at = bytes.len() + random(9);
            if strings_first {
                bytes.resize(strings_at, 9);
                bytes.extend(&strings);
                bytes.resize(bytes.len().next_multiple_of(4), 9);
            }
            let words_at = bytes.len();
            bytes.extend_from_slice(bytemuck::cast_slice(&words));
            if !strings_first {
                strings_at = bytes.len() + random(9);
                bytes.resize(strings_at, 9);
                bytes.extend(&strings);
            }
            let blob = match random(2) {
                0 => Blob::copy_of(&bytes),
                _ => Blob::read(&mut bytes.as_slice(), bytes.len() - random(4)).unwrap(),
            };
            assert_eq!(blob.bytes(), bytes);
            let (blob, end) = (Arc::new(blob), words_at / 4 + words.len());
            let strings_are = strings_at..strings_at + strings.len();
            let mut body = Body { blob, words: words_at / 4..end, strings: strings_are };
            let mut others = Vec::new();
            for step in 0..12_u8 {
                assert!(body.words() == words && body.strings() == strings, "{round}, {step}");
                if random(4) == 0 {
                    others.push((body.clone(), words.clone(), strings.clone()));
                }
                let most = [3, 100, 100_000][random(3)];
                let more = random(most);
                match random(5) {
                    0 | 1 => {
                        let at = random(words.len() + 1);
                        let more = vec![u32::from(step); more];
                        body.insert_words(at, &more);
                        words.splice(at..at, more);
                    }
                    2 => {
                        let more = vec![step; more];
                        body.append_strings(&more);
                        strings.extend(more);
                    }
                    3 => {
                        words.truncate(random(words.len() + 1));
                        strings.truncate(random(strings.len() + 1));
                        body.truncate(words.len(), strings.len());
                    }
                    _ => {
                        body.words_mut().iter_mut().for_each(|word| *word ^= 1);
                        words.iter_mut().for_each(|word| *word ^= 1);
                    }
                }
            }
            for (body, words, strings) in others {
                assert!(body.words() == words && body.strings() == strings, "{round}");
            }
        }
    }
}
