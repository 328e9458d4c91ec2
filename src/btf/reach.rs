//! Whether references are below their limits, many words at a time.

use crate::kind::{KindMap, Limits};

/// Elements of any length that released kinds have go into so many words without a rest.
const BLOCK: usize = 12;

/// What each word of a block may be at most.
type Most = [i32; BLOCK];

/// So many records at a time, so that what was written for them is still at hand when it is compared.
const RECORDS: usize = 256;

/// So many words they seldom have together.
const ROOM: usize = 32 * RECORDS;

/// Numbers in the order of u32, as i32: these can be compared several at once.
#[inline(always)]
fn ordered(word: u32) -> i32 {
    (word ^ 1 << 31).cast_signed()
}

/// By kind the words of its first block, and of all others.
fn rows(kinds: &KindMap, limits: Limits) -> Option<[[Most; 2]; 128]> {
    let most = |class: Option<bool>| {
        ordered(match class {
            Some(true) => limits.string.saturating_sub(1),
            Some(false) => limits.id.saturating_sub(1),
            None => u32::MAX,
        })
    };
    let mut rows = [[[0; BLOCK]; 2]; 128];
    for entry in kinds.iter() {
        let classes = entry.refs.classes()?;
        let ([first, again], _) = classes.as_chunks() else { return None };
        if let Some(row) = rows.get_mut(entry.spec.kind.index()) {
            *row = [first.map(most), again.map(most)];
        }
    }
    Some(rows)
}

/// Whether all references of the records that start at `starts` are below `limits`. False does not mean that
/// one is not: there are kinds for which this is not the way.
///
/// What the words may be at most is written down record by record; the comparison knows no records.
#[inline(never)]
pub(super) fn all_below(words: &[u32], starts: &[u32], kinds: &KindMap, limits: Limits) -> bool {
    let Some(rows) = rows(kinds, limits) else { return false };
    let mut most = vec![0; words.len().min(ROOM).saturating_add(BLOCK)];
    let mut blocks = starts.chunks(RECORDS).peekable();
    while let Some([first, others @ ..]) = blocks.next() {
        let end =
            blocks.peek().and_then(|next| next.first()).map_or(words.len(), |end| *end as usize);
        let Some(words) = words.get(*first as usize..end) else { return false };
        let needed = words.len().saturating_add(BLOCK);
        if most.len() < needed {
            most.resize(needed.saturating_mul(2), 0);
        }
        let ends = others.iter().map(|end| end.wrapping_sub(*first) as usize).chain([words.len()]);
        let mut at = 0_usize;
        for end in ends {
            let Some(info) = words.get(at.wrapping_add(1)) else { return false };
            let Some([row, again]) = rows.get((info >> 24 & 0x7f) as usize) else { return false };
            put(&mut most, at, row);
            at = at.wrapping_add(BLOCK);
            while at < end {
                put(&mut most, at, again);
                at = at.wrapping_add(BLOCK);
            }
            at = end;
        }
        let above = words
            .iter()
            .zip(&most)
            .fold(false, |above, (word, most)| above | (ordered(*word) > *most));
        if above {
            return false;
        }
    }
    true
}

#[inline(always)]
fn put(most: &mut [i32], at: usize, block: &Most) {
    if let Some(to) = most.get_mut(at..at.wrapping_add(BLOCK)) {
        to.copy_from_slice(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::{Kind, KindEntry, KindSpec, Source};

    /// One word after the other is too high, by little or by much, in records of all kinds and lengths.
    #[test]
    fn as_one_by_one() {
        let mut kinds = KindMap::released();
        for text in [
            "kind 42 GADGET\nthird id\nfixed a:id b c:str d:id\n",
            "kind 43 WIDGET\nthird size\nelements a:id b c:str d:id\n",
            "kind 44 THING\nthird id\nelements a b:str c:id d e f:str\n",
        ] {
            kinds.set(KindEntry::new(KindSpec::parse(text).unwrap().into(), Source::Given));
        }
        let entries: Vec<&KindEntry> = kinds.iter().collect();
        let limits = Limits { id: 900, string: 1000 };
        let mut seed = 1_u32;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        for entry in &entries {
            for vlen in 0..30 {
                let words = 3 + entry.refs.fixed_words + entry.refs.element_words * vlen;
                for at in [0].into_iter().chain(2..words) {
                    let mut record: Vec<u32> = (0..words).map(|_| random(900) as u32).collect();
                    let high = [899, 900, 999, 1000, 1 << 31, u32::MAX - random(2000) as u32];
                    record[at] = high[random(6)];
                    record[1] =
                        (random(2) as u32) << 31 | u32::from(entry.spec.kind.0) << 24 | vlen as u32;
                    let (mut blob, mut starts) = (Vec::new(), Vec::new());
                    let many = [0, 1, 255, 256, 257, 600][random(6)];
                    let place = random(many + 1);
                    for nth in 0..=many {
                        starts.push(blob.len() as u32);
                        let other = entries[random(entries.len())];
                        match nth == place {
                            true => blob.extend(&record),
                            false => {
                                blob.extend([7, u32::from(other.spec.kind.0) << 24, 9]);
                                blob.extend(vec![5; other.refs.fixed_words]);
                            }
                        }
                    }
                    let mut expected = true;
                    entry.refs.for_each(&record, |_, word, is_str| {
                        expected &= word < if is_str { limits.string } else { limits.id };
                    });
                    let found = all_below(&blob, &starts, &kinds, limits);
                    assert_eq!(found, expected, "{at} of {record:?}");
                }
            }
        }
    }

    /// Elements that do not come again and again are not for this.
    #[test]
    fn unless_it_cannot_be_told() {
        let mut kinds = KindMap::released();
        let limits = Limits { id: 10, string: 10 };
        let words = [0, u32::from(Kind::PTR.0) << 24, 9];
        assert!(all_below(&words, &[0], &kinds, limits));
        let spec = KindSpec::parse("kind 42 GADGET\nthird id\nelements a b c d e:str\n").unwrap();
        kinds.set(KindEntry::new(spec.into(), Source::Given));
        assert!(!all_below(&words, &[0], &kinds, limits));
    }
}
