//! [`Shift`]: moving type ids and string offsets, in every place that the word classes name.

use crate::btf::{Btf, MAX_NAME_OFFSET, MAX_TYPE_ID, PerWord, pieces};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::{Kind, KindMap};

/// How references move: type ids from `ids_from` on grow by `ids_by`, string offsets from
/// `strs_from` on by `strs_by`. 0 (void, no name) stays 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shift {
    /// The first type id that moves.
    pub ids_from: u32,
    /// By how much type ids move.
    pub ids_by: u32,
    /// The first string offset that moves.
    pub strs_from: u32,
    /// By how much string offsets move.
    pub strs_by: u32,
}

impl Shift {
    /// From standalone to split on `base`.
    pub fn onto(base: &Btf) -> Shift {
        Shift {
            ids_from: 1,
            ids_by: base.type_count().saturating_sub(1),
            strs_from: 1,
            strs_by: base.str_end(),
        }
    }

    /// From split on `old` to split on `new`, own types and strings only; None if `new` is smaller.
    pub fn between(old: &Btf, new: &Btf) -> Option<Shift> {
        Some(Shift {
            ids_from: old.type_count(),
            ids_by: new.type_count().checked_sub(old.type_count())?,
            strs_from: old.str_end(),
            strs_by: new.str_end().checked_sub(old.str_end())?,
        })
    }

    /// Where a type id goes.
    pub fn id(&self, id: u32) -> u32 {
        if id != 0 && id >= self.ids_from { id.saturating_add(self.ids_by) } else { id }
    }

    /// Where a string offset goes.
    pub fn string(&self, offset: u32) -> u32 {
        if offset != 0 && offset >= self.strs_from {
            offset.saturating_add(self.strs_by)
        } else {
            offset
        }
    }
}

/// What is added to references that are not below `from`. 0 stays 0.
#[derive(Debug, Clone, Copy)]
struct Moves {
    from: u32,
    strings: u32,
    ids: u32,
}

impl Moves {
    /// What a shift does, one after the other.
    fn of(shift: &Shift) -> Vec<Moves> {
        let strings = Moves { from: shift.strs_from.max(1), strings: shift.strs_by, ids: 0 };
        let ids = Moves { from: shift.ids_from.max(1), strings: 0, ids: shift.ids_by };
        if strings.from == ids.from {
            return vec![Moves { ids: ids.ids, ..strings }];
        }
        vec![strings, ids]
    }

    /// What is added to a word of this class: true for string offsets, false for type ids.
    fn by(&self, class: Option<bool>) -> u32 {
        match class {
            Some(true) => self.strings,
            Some(false) => self.ids,
            None => 0,
        }
    }
}

/// Moves the references of records that start at `starts`.
fn move_words(words: &mut [u32], starts: &[u32], kinds: &KindMap, moves: &Moves) {
    let mut by = PerWord::new(kinds, words.len(), |class| moves.by(class));
    for (range, starts) in pieces(words.len(), starts) {
        let words = words.get_mut(range).unwrap_or_default();
        let by = by.of(words, starts);
        for (word, by) in words.iter_mut().zip(by) {
            // Without a branch, so that several are done at once.
            let mask = u32::from(*word >= moves.from).wrapping_neg();
            *word = word.wrapping_add(mask & by);
        }
    }
}

impl Btf {
    /// Moves every reference in the own types; the types themselves stay where they are.
    ///
    /// Nothing is changed if it fails: a kind whose word classes are not known, or an id or offset
    /// that would pass its limit.
    pub(crate) fn shift(&mut self, shift: &Shift) -> Result<()> {
        self.check_classes()?;
        let last_id = shift.id(self.type_count().saturating_sub(1));
        if last_id > MAX_TYPE_ID {
            let what = format!(
                "type id {last_id} would be past the last that BTF can have ({MAX_TYPE_ID})"
            );
            return Err(Error::new(ErrorKind::Edit, what));
        }
        // Only where the strings end past the limit can an offset pass it.
        if shift.string(self.str_end()) > MAX_NAME_OFFSET {
            let mut highest = 0;
            self.for_each_ref(|word, is_str| {
                highest = if is_str { highest.max(shift.string(*word)) } else { highest }
            });
            if highest > MAX_NAME_OFFSET {
                let what =
                    format!("string offset {highest} would be past the limit {MAX_NAME_OFFSET:#x}");
                return Err(Error::new(ErrorKind::Edit, what));
            }
        }
        self.begin_edit()?;
        self.move_refs(shift);
        Ok(())
    }

    /// The way back from a base that is not there: own references, which are all there are, become
    /// those of a standalone blob.
    pub(crate) fn lower(&mut self) -> Result<()> {
        self.check_classes()?;
        self.begin_edit()?;
        let (id, string) = (self.first_id().0.saturating_sub(1), self.first_string());
        // Reading has seen to it that what is not 0 is not below: sums that pass u32's end come out right.
        self.move_refs(&Shift {
            ids_from: 1,
            ids_by: id.wrapping_neg(),
            strs_from: 1,
            strs_by: string.wrapping_neg(),
        });
        self.number_from_one();
        Ok(())
    }

    /// Moves every reference in the own types, without a look at limits.
    fn move_refs(&mut self, shift: &Shift) {
        let (words, starts, kinds) = self.words_mut();
        for moves in Moves::of(shift) {
            move_words(words, starts, kinds, &moves);
        }
    }

    /// Refuses kinds of which only the sizes are known.
    pub(crate) fn check_classes(&self) -> Result<()> {
        let Some(entry) = self.kinds().iter().find(|entry| !entry.spec.classes) else {
            return Ok(());
        };
        let kind = entry.spec.kind;
        let what = format!(
            "type ids in records of kind {kind} can't be moved: its sizes are known ({}), the classes of its words are not",
            entry.source
        );
        let err = Error::new(ErrorKind::Edit, what)
            .with_help("give the kind's words with --kind-file (encode: '--place back' leaves every type where it is)");
        Err(match self.types().find(|ty| ty.kind() == kind) {
            Some(ty) => err.in_type(ty.id(), ty.kind_name(), ty.name()),
            None => err,
        })
    }

    /// Every reference of the own types, as a word that can be changed; true for string offsets.
    pub(crate) fn for_each_ref(&mut self, mut f: impl FnMut(&mut u32, bool)) {
        let (mut rest, starts, kinds) = self.words_mut();
        let mut at = 0;
        let ends = starts.get(1..).unwrap_or_default().iter().map(|end| *end as usize);
        for end in ends.chain([starts.first().map_or(0, |_| rest.len())]) {
            let len = end.saturating_sub(at);
            let Some((record, tail)) = rest.split_at_mut_checked(len) else { return };
            (rest, at) = (tail, end);
            let info = record.get(1).copied().unwrap_or_default();
            let Some(entry) = kinds.get(Kind::of_info(info)) else { continue };
            entry.refs.for_each_mut(record, &mut f);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::{KindEntry, KindSpec, Source};

    #[test]
    fn records_of_all_lengths_move_as_their_words_do_one_by_one() {
        let mut kinds = KindMap::released();
        for text in [
            "kind 42 GADGET\nthird id\nfixed a:id b c:str\nelements name_off:str type:id x y z\n",
            "kind 43 WIDGET\nthird size\nfixed a:id b c:str\n",
            "kind 44 THING\nthird id\nelements a:id b:str c:id d e:str\n",
            "kind 46 THIN\nthird size\nfixed a:id\nelements b:str\n",
            "kind 45 OBJECT\nthird id\nelements a:id b:str c d\n",
        ] {
            kinds.set(KindEntry::new(KindSpec::parse(text).unwrap().into(), Source::Given));
        }
        let entries: Vec<_> = kinds.iter().collect();
        let mut seed = 7_u32;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        for round in 0..400 {
            let shift = Shift {
                ids_from: random(6) as u32,
                ids_by: random(9) as u32,
                strs_from: random(6) as u32,
                strs_by: [3, 5_u32.wrapping_neg()][round % 2],
            };
            let (mut words, mut starts) = (Vec::new(), Vec::new());
            let mut expected: Vec<u32> = Vec::new();
            for _ in 0..random(700) {
                let entry = entries[random(entries.len())];
                let most = [1, 3, 9, 40][random(4)];
                let vlen = random(most);
                let behind = entry.refs.fixed_words + entry.refs.element_words * vlen;
                let mut record: Vec<u32> = (0..3 + behind).map(|_| random(12) as u32).collect();
                record[1] = u32::from(entry.spec.kind.0) << 24 | vlen as u32;
                starts.push(words.len() as u32);
                words.extend(&record);
                entry.refs.for_each_mut(&mut record, |word, is_str| {
                    let (from, by) = match is_str {
                        true => (shift.strs_from, shift.strs_by),
                        false => (shift.ids_from, shift.ids_by),
                    };
                    if *word != 0 && *word >= from {
                        *word = word.wrapping_add(by);
                    }
                });
                expected.extend(&record);
            }
            for moves in Moves::of(&shift) {
                move_words(&mut words, &starts, &kinds, &moves);
            }
            assert_eq!(words, expected, "{shift:?}");
        }
    }
}
