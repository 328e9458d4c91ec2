//! What follows from the class of each word, for all words of some records.
//!
//! It is written down record by record. What is done with it afterwards knows no records, and is done with
//! several words at once.

use std::ops::Range;

use crate::kind::{KindMap, Refs};

/// Elements of any length that released kinds have go into so many words without a rest.
const BLOCK: usize = 12;

/// So many records are a piece, so that what was written for them is still at hand when it is used.
const RECORDS: usize = 256;

/// So many words the records of a piece seldom have.
const ROOM: usize = 32 * RECORDS;

/// A kind's records.
#[derive(Clone, Copy)]
struct Row<'a, T> {
    first: [T; BLOCK],
    /// All blocks behind that.
    again: [T; BLOCK],
    /// If it is not so simple.
    other: Option<&'a Refs>,
}

/// A value for each word, by its class: true for string offsets, false for type ids, None for all others.
pub(crate) struct PerWord<'a, T, V> {
    rows: [Row<'a, T>; 128],
    value: V,
    values: Vec<T>,
}

impl<'a, T: Copy, V: Fn(Option<bool>) -> T> PerWord<'a, T, V> {
    /// For records of these kinds, which have so many words in all.
    pub(crate) fn new(kinds: &'a KindMap, words: usize, value: V) -> Self {
        let plain = [value(None); BLOCK];
        let mut rows = [Row { first: plain, again: plain, other: None }; 128];
        for entry in kinds.iter() {
            let Some(row) = rows.get_mut(entry.spec.kind.index()) else { continue };
            match entry.refs.classes().as_ref().map(|classes| classes.as_chunks()) {
                Some(([first, again], _)) => {
                    (row.first, row.again) = (first.map(&value), again.map(&value));
                }
                _ => row.other = Some(&entry.refs),
            }
        }
        let room = words.min(ROOM).saturating_add(BLOCK);
        PerWord { rows, values: vec![value(None); room], value }
    }

    /// The values for these words, which are those of the records that start at `starts`: the first of them with
    /// the first word. By itself, so that all that it needs stays in registers.
    #[inline(never)]
    pub(crate) fn of(&mut self, words: &[u32], starts: &[u32]) -> &[T] {
        let needed = words.len().saturating_add(BLOCK);
        if self.values.len() < needed {
            self.values.resize(needed.saturating_mul(2), (self.value)(None));
        }
        if let [first, others @ ..] = starts {
            let mut at = 0;
            for end in others {
                let end = end.wrapping_sub(*first) as usize;
                self.put_record(words, at, end);
                at = end;
            }
            self.put_record(words, at, words.len());
        }
        self.values.get(..words.len()).unwrap_or_default()
    }

    #[inline(always)]
    fn put_record(&mut self, words: &[u32], start: usize, end: usize) {
        let PerWord { rows, value, values } = self;
        let Some(info) = words.get(start.wrapping_add(1)) else { return };
        let Some(row) = rows.get((info >> 24 & 0x7f) as usize) else { return };
        if let Some(refs) = row.other {
            return put_other(refs, &*value, words.get(start..end), values.get_mut(start..end));
        }
        put(values, start, &row.first);
        let mut at = start.wrapping_add(BLOCK);
        while at < end {
            put(values, at, &row.again);
            at = at.wrapping_add(BLOCK);
        }
    }
}

/// What is past the end of a record is put again for the next one.
#[inline(always)]
fn put<T: Copy>(values: &mut [T], at: usize, block: &[T; BLOCK]) {
    if let Some(to) = values.get_mut(at..at.wrapping_add(BLOCK)) {
        to.copy_from_slice(block);
    }
}

#[cold]
fn put_other<T: Copy>(
    refs: &Refs,
    value: impl Fn(Option<bool>) -> T,
    record: Option<&[u32]>,
    values: Option<&mut [T]>,
) {
    let (Some(record), Some(values)) = (record, values) else { return };
    values.fill(value(None));
    refs.for_each(record, |at, _, is_str| {
        if let Some(to) = values.get_mut(at) {
            *to = value(Some(is_str));
        }
    });
}

/// Records in pieces: where the words of each piece are, and where its records start.
pub(crate) fn pieces(words: usize, starts: &[u32]) -> impl Iterator<Item = (Range<usize>, &[u32])> {
    let mut pieces = starts.chunks(RECORDS).peekable();
    std::iter::from_fn(move || {
        let piece = pieces.next()?;
        let end = pieces.peek().and_then(|next| next.first());
        let end = end.map_or(words, |end| *end as usize);
        Some((*piece.first()? as usize..end, piece))
    })
}
