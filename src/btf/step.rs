//! The loop that finds where each record starts.
//!
//! The length of a record tells where the next one is, and a processor can do little else while it waits for
//! it. So there are several walks side by side: the first from a place where a record is known to start, the
//! others from where one seems to. What they find counts if the walk before ends where they began.

use crate::kind::Sizes;

/// So many walks are on the way at a time.
const LANES: usize = 6;

/// So many words further on the next of them begins. What a fuzzer makes is short.
const LANE: usize = if cfg!(fuzzing) { 64 } else { 2048 };

/// That far all of them go together, in words.
pub(super) const ALL: usize = LANE * LANES;

/// A start is looked for among so many words.
const LOOK: usize = 32;

/// What looks like a start leads to so many records.
const LIKELY: usize = 4;

/// Steps between two looks at whether all have come to their ends.
const ROUND: usize = 8;

/// No lane takes more steps: a record has three words at least.
const MOST: usize = (LANE + LOOK).div_ceil(3).next_multiple_of(ROUND);

/// How to step over records of a kind, in words.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// The header and the fixed words; more than any blob has as long as the kind was not met.
    once: u32,
    element: u32,
}

impl Row {
    const UNKNOWN: Row = Row { once: u32::MAX, element: 0 };

    pub(super) fn new(sizes: Sizes) -> Self {
        let words = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Row { once: words(sizes.fixed).saturating_add(3), element: words(sizes.element) }
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

/// How to step over records, by kind. Places are in words.
pub(super) struct Steps {
    rows: [Row; 128],
}

impl Steps {
    /// With no kind known.
    pub(super) fn new() -> Steps {
        Steps { rows: [Row::UNKNOWN; 128] }
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

    /// Where the record behind the one at `at` starts; past all words if that is not whole, or of a kind that is
    /// not known.
    #[inline(always)]
    fn next(&self, words: &[u32], at: usize) -> usize {
        let info = words.get(at.saturating_add(1)).copied().unwrap_or_default();
        let row = self.rows.get((info >> 24 & 0x7f) as usize).unwrap_or(&Row::UNKNOWN);
        at.saturating_add(row.length(info))
    }

    /// Steps over records from `at` on, as far as their kinds are known and they are whole; gives where the
    /// rest starts.
    pub(super) fn over(&self, words: &[u32], at: usize, starts: &mut Vec<u32>) -> usize {
        let at = self.over_most(words, at, starts);
        self.one_by_one(words, at, words.len(), starts)
    }

    /// The same, as far as there are words for all walks.
    pub(super) fn over_most(&self, words: &[u32], mut at: usize, starts: &mut Vec<u32>) -> usize {
        loop {
            let end = at.saturating_add(ALL);
            if end >= words.len() {
                return at;
            }
            let next = match self.lanes(words, at) {
                Some(lanes) => self.side_by_side(words, lanes, starts),
                None => self.one_by_one(words, at, end, starts),
            };
            if next == at {
                return at;
            }
            at = next;
        }
    }

    /// One walk, as far as `end`.
    fn one_by_one(&self, words: &[u32], mut at: usize, end: usize, starts: &mut Vec<u32>) -> usize {
        while at < end {
            let next = self.next(words, at);
            if next > words.len() {
                break;
            }
            starts.push(index(at));
            at = next;
        }
        at
    }

    /// Where to begin, if it can be guessed: where some records seem to follow each other.
    fn lanes(&self, words: &[u32], at: usize) -> Option<[usize; LANES]> {
        let mut lanes = [at; LANES];
        let mut from = at;
        for lane in lanes.iter_mut().skip(1) {
            from = from.saturating_add(LANE);
            *lane = (from..from.saturating_add(LOOK)).find(|start| {
                let end = (0..LIKELY).fold(*start, |at, _| self.next(words, at));
                end <= words.len()
            })?;
        }
        Some(lanes)
    }

    /// All walks together. By itself, so that all that it needs stays in registers.
    #[inline(never)]
    fn side_by_side(&self, words: &[u32], lanes: [usize; LANES], starts: &mut Vec<u32>) -> usize {
        let [first, others @ ..] = lanes;
        let mut ends = [first.saturating_add(ALL); LANES];
        ends.iter_mut().zip(others).for_each(|(end, next)| *end = next);
        let mut at = lanes;
        let mut steps = [[0; LANES]; MOST];
        let mut taken = 0_usize;
        for round in steps.as_chunks_mut::<ROUND>().0 {
            for step in round {
                *step = at.map(index);
                at = at.map(|at| self.next(words, at));
            }
            taken = taken.saturating_add(ROUND);
            if at.iter().zip(ends).all(|(at, end)| *at >= end) {
                break;
            }
        }
        // Each has gone on past its end; what is behind that is another's.
        let steps = steps.get(..taken).unwrap_or_default();
        let mut here = first;
        for (lane, (end, last)) in ends.iter().zip(at).enumerate() {
            let start = |step: &[u32; LANES]| step.get(lane).copied().unwrap_or(u32::MAX);
            let count = steps.partition_point(|step| (start(step) as usize) < *end);
            let (own, behind) = steps.split_at_checked(count).unwrap_or_default();
            starts.extend(own.iter().map(start));
            here = behind.first().map_or(last, |step| start(step) as usize);
            if here > words.len() {
                // It stands before a record that cannot be stepped over.
                return starts.pop().map_or(first, |start| start as usize);
            }
            if here != *end {
                break;
            }
        }
        here
    }
}

/// A place as it is kept: the type section's length is a u32 of bytes, so that it fits, and what is past all words
/// stays there.
#[inline(always)]
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::KindSpec;

    /// Whatever the words are, and wherever walks begin, they find what one walk finds that looks at nothing but
    /// lengths.
    #[test]
    fn like_one_walk() {
        let mut steps = Steps::new();
        for spec in KindSpec::released() {
            steps.set(spec.kind.index(), Row::new(Sizes::of(spec)));
        }
        let mut seed = 1_u32;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        let (mut stuck, mut joined) = (0, 0);
        for round in 0..600 {
            let mut words: Vec<u32> = Vec::new();
            let most = [2, 9, 40, 3000, 60_000][random(5)];
            // Words behind headers: plain ones, ones that look like the header of a record, both.
            let misleading = [0, 100, 50, 1][random(4)];
            let len = random(8 * ALL);
            while words.len() < len {
                let kind = match random(40_000) {
                    0 => 21,
                    _ => 1 + random(19),
                };
                let vlen = if random(8) == 0 { random(most) } else { random(3) };
                let start = words.len();
                words.extend([5, (kind as u32) << 24 | vlen as u32, 6]);
                let end = start + steps.row(kind).map_or(3, |row| row.length(words[start + 1]));
                while words.len() < end {
                    let looks_so = random(100) < misleading;
                    words.push(if looks_so { (1 + random(19) as u32) << 24 } else { 7 });
                }
            }
            // The last record may not be whole.
            words.truncate(words.len().saturating_sub(random(2) * random(30)));
            let (mut expected, mut at) = (Vec::new(), 0);
            while let Some(info) = words.get(at + 1) {
                let length =
                    steps.row((info >> 24) as usize).map_or(usize::MAX, |r| r.length(*info));
                if length > words.len() - at {
                    break;
                }
                expected.push(at as u32);
                at += length;
            }
            let mut starts = Vec::new();
            // All at once, or as the words come.
            let mut here = 0;
            for end in (0..words.len()).step_by([usize::MAX, 1024, 3 * ALL / 2][round % 3]) {
                here = steps.over_most(&words[..end], here, &mut starts);
            }
            here = steps.over(&words, here, &mut starts);
            assert!(here == at && starts == expected, "round {round}: {here}, not {at}");
            stuck += usize::from(here < words.len());
            joined += usize::from(here > ALL);
        }
        assert!(stuck > 100 && joined > 200, "{stuck} {joined}");
    }
}
