//! The loop over all records of a blob, which is most of what reading one takes.

use crate::kind::{Highest, KindEntry, Sizes};

/// So many words behind a header are looked at together: elements of any length that released kinds have go
/// into it without a rest.
const BLOCK: usize = 12;
type Block = [u32; BLOCK];

/// So many records are passed before it is looked at what is behind their headers.
const PASSED: usize = 256;

/// What there is of a block of which so many words are left.
static MASKS: [Block; BLOCK + 1] = {
    let mut masks = [[0; BLOCK]; BLOCK + 1];
    let mut rest: &mut [Block] = &mut masks;
    let mut left = 0;
    while let Some((mask, more)) = rest.split_first_mut() {
        let mut words = mask.split_at_mut(left).0;
        while let Some((word, others)) = words.split_first_mut() {
            *word = u32::MAX;
            words = others;
        }
        left = left.saturating_add(1);
        rest = more;
    }
    masks
};

/// How to step over records of a kind, in words.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// The header and the fixed words; more than any blob has as long as the kind was not met.
    once: u32,
    element: u32,
    /// All bits if the third word is a type id.
    third: u32,
}

impl Row {
    const UNKNOWN: Row = Row { once: u32::MAX, element: 0, third: 0 };

    /// Of a kind of which nothing but the sizes is known yet.
    pub(super) fn sized(sizes: Sizes) -> Self {
        let words = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let once = words(sizes.fixed).saturating_add(3);
        Row { once, element: words(sizes.element), third: 0 }
    }

    /// The length of a record with this `info`.
    #[inline(always)]
    pub(super) fn length(&self, info: u32) -> usize {
        let vlen = u64::from(info & 0x00ff_ffff);
        // No more than 32 and 24 bits: it fits.
        let length = u64::from(self.element).wrapping_mul(vlen).wrapping_add(self.once.into());
        usize::try_from(length).unwrap_or(usize::MAX)
    }
}

/// What is known of kinds on the way through a blob, and the highest words that were met.
pub(super) struct Steps {
    rows: [Row; 128],
    /// By kind the highest word in each place of a block behind a header.
    behind: [Block; 128],
    /// The highest name and third word.
    header: Highest,
}

impl Steps {
    /// At the start: these kinds are known.
    pub(super) fn new<'a>(released: impl Iterator<Item = &'a KindEntry>) -> Steps {
        let mut steps = Steps {
            rows: [Row::UNKNOWN; 128],
            behind: [[0; BLOCK]; 128],
            header: Highest::default(),
        };
        for entry in released {
            let third = if entry.refs.third { u32::MAX } else { 0 };
            let row = Row { third, ..Row::sized(Sizes::of(&entry.spec)) };
            steps.set(entry.spec.kind.index(), row);
        }
        steps
    }

    /// How to step over a kind, if that is known.
    pub(super) fn row(&self, kind: usize) -> Option<Row> {
        self.rows.get(kind).filter(|row| row.once != Row::UNKNOWN.once).copied()
    }

    pub(super) fn set(&mut self, kind: usize, row: Row) {
        if let Some(slot) = self.rows.get_mut(kind) {
            *slot = row;
        }
    }

    /// The highest references of the records of these kinds; None if there is a kind among them whose words
    /// are not the same again after a block.
    pub(super) fn highest<'a>(
        &self,
        released: impl Iterator<Item = &'a KindEntry>,
    ) -> Option<Highest> {
        let mut highest = self.header;
        for entry in released {
            let behind = self.behind.get(entry.spec.kind.index())?;
            for (word, class) in behind.iter().zip(entry.refs.pattern::<BLOCK>()?) {
                match class {
                    Some(true) => highest.string = highest.string.max(*word),
                    Some(false) => highest.id = highest.id.max(*word),
                    None => {}
                }
            }
        }
        Some(highest)
    }

    /// Steps over records from word `at` on, as far as their kinds are known and they are whole; gives
    /// the rest.
    ///
    /// The length of one record tells where the next one is: nothing else must hold that up. So what is behind
    /// the headers is looked at for some records together, when they have been passed.
    #[inline(never)]
    pub(super) fn over<'a>(
        &mut self,
        words: &'a [u32],
        at: usize,
        starts: &mut Vec<u32>,
    ) -> &'a [u32] {
        let Steps { rows, behind: highest, header } = self;
        let mut so_far = *header;
        let mut rest = words.get(at..).unwrap_or_default();
        let mut at = at as u64;
        let mut passed: [(&[u32], usize); PASSED] = [(&[], 0); PASSED];
        loop {
            let mut count = 0_usize;
            while let ([name, info, third, ..], Some(slot)) = (rest, passed.get_mut(count)) {
                let Some(row) = rows.get((*info >> 24 & 0x7f) as usize) else { break };
                let length = row.length(*info);
                let Some(next) = rest.get(length..) else { break };
                // A branch here would be one that nobody can foresee.
                *slot = (rest, length);
                count = count.wrapping_add(usize::from(length > 3));
                // The type section's length is a u32 of bytes, so that word indices fit in the lower half.
                let [a, b, c, d, ..] = at.to_le_bytes();
                starts.push(u32::from_le_bytes([a, b, c, d]));
                at = at.wrapping_add(length as u64);
                so_far.string = so_far.string.max(*name);
                so_far.id = so_far.id.max(third & row.third);
                rest = next;
            }
            for (record, length) in passed.get(..count).unwrap_or_default() {
                let [_, info, _, behind @ ..] = record else { continue };
                if let Some(highest) = highest.get_mut((*info >> 24 & 0x7f) as usize) {
                    raise(highest, behind, length.saturating_sub(3));
                }
            }
            if count < PASSED {
                *header = so_far;
                return rest;
            }
        }
    }
}

/// Notes the highest of the first `len` words. Blocks of one length take no loop over a record's few elements,
/// of which the processor could not foresee where it ends.
#[inline(always)]
fn raise(highest: &mut Block, words: &[u32], len: usize) {
    let (mut words, mut left) = (words, len);
    while let Some((block, more)) = words.split_first_chunk::<BLOCK>() {
        let Some(mask) = MASKS.get(left.min(BLOCK)) else { return };
        for ((highest, word), mask) in highest.iter_mut().zip(block).zip(mask) {
            *highest = (*highest).max(*word & *mask);
        }
        if left <= BLOCK {
            return;
        }
        (words, left) = (more, left.saturating_sub(BLOCK));
    }
    // The end of the type section.
    for (highest, word) in highest.iter_mut().zip(words).take(left) {
        *highest = (*highest).max(*word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::{Kind, KindMap};

    /// Every word of every kind is the highest once, behind any number of records and with any number of words
    /// behind it.
    #[test]
    fn the_highest_is_that_of_all_references_one_by_one() {
        let kinds = KindMap::released();
        let mut seed = 1_u32;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        let entries: Vec<&KindEntry> = kinds.iter().collect();
        let mut high = 1000;
        for entry in &entries {
            for vlen in 0..30 {
                let words = 3 + entry.refs.fixed_words + entry.refs.element_words * vlen;
                for at in [0].into_iter().chain(2..words) {
                    let mut record: Vec<u32> = (0..words).map(|_| random(900) as u32).collect();
                    high += 1;
                    record[at] = high;
                    record[1] = u32::from(entry.spec.kind.0) << 24 | vlen as u32;
                    let (mut blob, mut starts) = (Vec::new(), Vec::new());
                    let many = [0, 1, 255, 256, 257, 600][random(6)];
                    let place = random(many + 1);
                    for nth in 0..=many {
                        starts.push(blob.len() as u32);
                        let other = entries[random(entries.len())];
                        match nth == place {
                            true => blob.extend(&record),
                            false => {
                                let len = 3 + other.refs.fixed_words;
                                blob.extend([7, u32::from(other.spec.kind.0) << 24, 9]);
                                blob.extend(vec![5; len - 3]);
                            }
                        }
                    }
                    let mut slow = Highest::default();
                    for (nth, start) in starts.iter().enumerate() {
                        let end = starts.get(nth + 1).map_or(blob.len(), |end| *end as usize);
                        let record = &blob[*start as usize..end];
                        let entry = kinds.get(Kind::of_info(record[1])).unwrap();
                        entry.refs.for_each(record, |_, word, is_str| {
                            let highest = if is_str { &mut slow.string } else { &mut slow.id };
                            *highest = (*highest).max(word);
                        });
                    }
                    let mut steps = Steps::new(kinds.iter());
                    let mut found = Vec::new();
                    let rest = steps.over(&blob, 0, &mut found);
                    assert!(rest.is_empty() && found == starts, "{} {vlen}", entry.spec.name);
                    let fast = steps.highest(kinds.iter()).unwrap();
                    assert_eq!(
                        (fast.id, fast.string),
                        (slow.id, slow.string),
                        "{at} of {record:?}"
                    );
                }
            }
        }
    }
}
