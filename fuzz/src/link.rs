//! Putting records of one blob behind those of another.

use btfkinds::WordClass;

use crate::Raw;
use crate::random::Random;

/// Adds some of `more`'s records, and all of its strings, to a standalone blob; references of released kinds
/// follow.
pub(crate) fn link(raw: &mut Raw, more: &Raw, random: &mut Random) {
    let (ids, strings) = (raw.records.len() as u32, raw.strings.len() as u32);
    let from = if random.one_in(2) { 0 } else { random.below(more.records.len()) };
    let most = if random.one_in(2) { usize::MAX } else { random.below(8) + 1 };
    for record in more.records.iter().skip(from).take(most) {
        let moved = record.iter().enumerate().map(|(at, word)| {
            let word = *word;
            match Raw::class(record, at) {
                Some(WordClass::Str) if word != 0 => word.wrapping_add(strings),
                Some(WordClass::Id) if word != 0 => {
                    word.wrapping_add(ids).wrapping_sub(from as u32)
                }
                _ => word,
            }
        });
        raw.records.push(moved.collect());
    }
    raw.strings.extend(&more.strings);
}
