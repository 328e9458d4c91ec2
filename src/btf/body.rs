//! A blob's type words and strings: in the bytes that were read as long as nothing is edited, then
//! in vectors of their own.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use super::header::{Endian, Header};
use super::room::Room;

/// So many words are copied before they are looked at.
const PIECE: usize = 16 << 10;

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
        let mut words = Vec::with_capacity(whole.len().saturating_add(1));
        for piece in whole.chunks(PIECE) {
            words.extend(piece.iter().map(|word| u32::from_ne_bytes(*word)));
            so_far(&words);
        }
        if !rest.is_empty() {
            let mut last = [0; 4];
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            words.push(u32::from_ne_bytes(last));
        }
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
                None | Some([]) => {
                    let mut larger = Room::zeroed(words.len().saturating_mul(2));
                    larger.iter_mut().zip(&*words).for_each(|(to, from)| *to = *from);
                    words = larger;
                }
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

/// The type words, in the machine's byte order, and the strings.
#[derive(Debug, Clone)]
pub(super) struct Body {
    /// Where they were read to, if they are still the same.
    read: Option<Place>,
    words: Room<u32>,
    strings: Room<u8>,
}

/// Room for so much is made behind a copy: a few types and their names.
const ADDED: usize = 4096;

/// Where in a blob the type words are, in words, and the strings, in bytes.
#[derive(Debug, Clone)]
struct Place {
    blob: Arc<Blob>,
    words: Range<usize>,
    strings: Range<usize>,
}

impl Place {
    fn words(&self) -> &[u32] {
        self.blob.words.get(self.words.clone()).unwrap_or_default()
    }

    fn strings(&self) -> &[u8] {
        bytemuck::cast_slice(&self.blob.words).get(self.strings.clone()).unwrap_or_default()
    }

    /// The words where they are, and a copy of the strings; a copy of both if others have the blob as well.
    fn take(self) -> (Room<u32>, Room<u8>) {
        let Place { blob, words: Range { start, end }, strings } = self;
        match Arc::try_unwrap(blob) {
            Err(blob) => Place { blob, words: start..end, strings }.copy(ADDED),
            Ok(blob) => {
                let strings = blob.bytes().get(strings).unwrap_or_default();
                let strings = Room::copy_of(strings, ADDED, blob.words.is_large());
                let mut words = blob.words;
                words.truncate(end);
                words.drop_front(start);
                (words, strings)
            }
        }
    }

    /// Copies in memory as it is here: what was read from a file is seldom one of many that are as long.
    fn copy(&self, more: usize) -> (Room<u32>, Room<u8>) {
        let fresh = self.blob.words.is_large();
        let words = Room::copy_of(self.words(), more, fresh);
        (words, Room::copy_of(self.strings(), more, fresh))
    }
}

impl Body {
    /// The sections of a blob that was read, given in bytes.
    pub(super) fn read(blob: &Arc<Blob>, header: &Header) -> Body {
        let Header { endian, strings, .. } = header;
        let words = header.word_range();
        let place = Place { blob: Arc::clone(blob), words, strings: strings.clone() };
        if *endian == Endian::NATIVE {
            return Body { read: Some(place), words: Room::default(), strings: Room::default() };
        }
        let (mut words, strings) = place.copy(0);
        words.iter_mut().for_each(|word| *word = word.swap_bytes());
        Body::new(words, strings)
    }

    pub(super) fn new(words: impl Into<Room<u32>>, strings: impl Into<Room<u8>>) -> Body {
        Body { read: None, words: words.into(), strings: strings.into() }
    }

    pub(super) fn words(&self) -> &[u32] {
        self.read.as_ref().map_or(&self.words, Place::words)
    }

    pub(super) fn strings(&self) -> &[u8] {
        self.read.as_ref().map_or(&self.strings, Place::strings)
    }

    /// To be changed: taken out of the blob that was read, if they are still there; copied, if others have it too.
    pub(super) fn own(&mut self) -> (&mut Room<u32>, &mut Room<u8>) {
        if let Some(place) = self.read.take() {
            (self.words, self.strings) = place.take();
        }
        (&mut self.words, &mut self.strings)
    }
}
