//! Whether references are below their limits.

use super::per_word::{PerWord, pieces};
use crate::kind::{KindMap, Limits};

/// Numbers in the order of u32, as i32: these can be compared several at once.
#[inline(always)]
fn ordered(word: u32) -> i32 {
    (word ^ 1 << 31).cast_signed()
}

/// Whether all references of the records that start at `starts` are below `limits`.
pub(super) fn all_below(words: &[u32], starts: &[u32], kinds: &KindMap, limits: Limits) -> bool {
    let most = |class| match class {
        Some(true) => ordered(limits.string.saturating_sub(1)),
        Some(false) => ordered(limits.id.saturating_sub(1)),
        None => ordered(u32::MAX),
    };
    let mut most = PerWord::new(kinds, words.len(), most);
    pieces(words.len(), starts).all(|(range, starts)| {
        let words = words.get(range).unwrap_or_default();
        let above = |(word, most): (&u32, &i32)| ordered(*word) > *most;
        // Without a branch, so that several are compared at once.
        !words.iter().zip(most.of(words, starts)).fold(false, |any, word| any | above(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::{KindEntry, KindSpec, Source};

    /// One word after the other is too high, by little or by much, in records of all kinds and lengths.
    #[test]
    fn as_one_by_one() {
        let mut kinds = KindMap::released();
        for text in [
            "kind 42 GADGET\nthird id\nfixed a:id b c:str d:id\n",
            "kind 43 WIDGET\nthird size\nelements a:id b c:str d:id\n",
            "kind 44 THING\nthird id\nelements a b:str c:id d e f:str\n",
            "kind 45 THIN\nthird id\nelements a b c:id d e:str\n",
            "kind 46 OBJECT\nthird size\nfixed a:id\nelements b c:str\n",
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
}
