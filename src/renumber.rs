//! Moving type ids and string offsets, in every place that the word classes name.

use crate::btf::{Btf, MAX_NAME_OFFSET, MAX_TYPE_ID};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::Kind;

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
        self.for_each_ref(|word, is_str| {
            *word = if is_str { shift.string(*word) } else { shift.id(*word) }
        });
        Ok(())
    }

    /// Moves this split blob along with its base: the base's types and strings have changed by
    /// `shift`, and `base` is what they are now.
    ///
    /// # Errors
    /// If a kind's word classes are not known, or a limit of the format would be passed.
    pub fn follow_base(mut self, shift: &Shift, base: std::sync::Arc<Btf>) -> Result<Btf> {
        self.shift(shift)?;
        self.rebase_onto(base);
        Ok(self)
    }

    /// Refuses kinds of which only the sizes are known.
    fn check_classes(&self) -> Result<()> {
        let Some(entry) = self.kinds().iter().find(|entry| !entry.spec.classes) else {
            return Ok(());
        };
        let kind = entry.spec.kind;
        let what = format!(
            "type ids in records of kind {kind} can't be moved: its sizes are known ({}), the classes of its words are not",
            entry.source
        );
        let err = Error::new(ErrorKind::Edit, what)
            .with_help("give the kind's words with --kind-file, or leave the types where they are ('--place back')");
        Err(match self.types().find(|ty| ty.kind() == kind) {
            Some(ty) => err.in_type(ty.id(), ty.kind_name(), ty.name()),
            None => err,
        })
    }

    /// Every reference of the own types, as a word that can be changed; true for string offsets.
    fn for_each_ref(&mut self, mut f: impl FnMut(&mut u32, bool)) {
        let (words, starts, kinds) = self.words_mut();
        let mut rest = words;
        let mut at = 0;
        let ends = starts.iter().skip(1).map(|end| *end as usize).chain([rest.len()]);
        for end in ends {
            let (record, tail) = rest.split_at_mut(end.saturating_sub(at).min(rest.len()));
            (rest, at) = (tail, end);
            let [name, info, third, words @ ..] = record else {
                continue;
            };
            f(name, true);
            let Some(entry) = kinds.get(Kind::of_info(*info)) else {
                continue;
            };
            let refs = &*entry.refs;
            if refs.third {
                f(third, false);
            }
            let (fixed, elements) = words.split_at_mut(refs.fixed_words.min(words.len()));
            for (at, is_str) in &refs.fixed {
                if let Some(word) = fixed.get_mut(*at) {
                    f(word, *is_str);
                }
            }
            if refs.elements.is_empty() {
                continue;
            }
            for element in elements.chunks_exact_mut(refs.element_words) {
                for (at, is_str) in &refs.elements {
                    if let Some(word) = element.get_mut(*at) {
                        f(word, *is_str);
                    }
                }
            }
        }
    }
}
