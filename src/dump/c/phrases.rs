//! Declarations that were printed before: most members are of a type that others are of, too.

use super::chain::{self, Base, Part};
use super::layout::Sized;
use super::print::{Header, Label, Printer};
use crate::btf::{Btf, TypeId};

/// Chains of so many links are not kept: what is printed of them is counted.
const LONG: usize = 8;

/// What is longer is not kept, nor more than so much in all.
const MOST_KEPT: usize = 1 << 24;

/// In place of a phrase's number: there is none.
const NONE: u32 = u32::MAX;

/// What stands before and behind the name in the declarations of a type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Phrase {
    start: u32,
    before: u8,
    behind: u8,
    /// Whether what stands before a name ends in a space, which is not there without a name.
    is_spaced: bool,
    /// See [`Sized::packed`]; 0 where that does not take it.
    sized: u32,
}

impl Phrase {
    /// Size and alignment of the type.
    #[inline]
    pub(super) fn sized(self) -> Option<Sized> {
        Sized::unpacked(self.sized)
    }
}

/// The phrases of a header, for types that are neither spelled out where they are used nor have
/// to do with functions.
pub(super) struct Phrases {
    /// By type id: 0 where nobody has asked, else the number of the phrase, from 1 on.
    known: Vec<u32>,
    all: Vec<Phrase>,
    text: Vec<u8>,
}

impl Phrases {
    pub(super) fn new(btf: &Btf) -> Phrases {
        let known = vec![0; btf.type_count() as usize];
        Phrases { known, all: Vec::new(), text: Vec::new() }
    }

    /// The phrase of a type, if it is known.
    #[inline]
    pub(super) fn get(&self, id: TypeId) -> Option<Phrase> {
        let number = self.known.get(id.0 as usize)?;
        self.all.get(number.checked_sub(1)? as usize).copied()
    }

    /// Appends what stands before a name, or where there is none.
    #[inline]
    pub(super) fn put_before(&self, out: &mut Vec<u8>, phrase: Phrase, is_named: bool) {
        let text = self.text.get(phrase.start as usize..).unwrap_or_default();
        let has_space = phrase.is_spaced && !is_named;
        let len = usize::from(phrase.before).saturating_sub(has_space.into());
        match (text.first_chunk::<32>(), 32_usize.checked_sub(len)) {
            (Some(block), Some(too_many)) => {
                out.extend_from_slice(block);
                out.truncate(out.len().wrapping_sub(too_many));
            }
            _ => out.extend_from_slice(text.get(..len).unwrap_or_default()),
        }
    }

    /// Appends what stands behind the name.
    #[inline]
    pub(super) fn put_behind(&self, out: &mut Vec<u8>, phrase: Phrase) {
        if phrase.behind == 0 {
            return;
        }
        let start = (phrase.start as usize).saturating_add(phrase.before.into());
        let text = self.text.get(start..).unwrap_or_default();
        out.extend_from_slice(text.get(..phrase.behind.into()).unwrap_or_default());
    }

    fn keep(
        &mut self,
        before: &[u8],
        behind: &[u8],
        is_spaced: bool,
        sized: u32,
    ) -> Option<Phrase> {
        let start = u32::try_from(self.text.len()).ok().filter(|_| self.text.len() < MOST_KEPT)?;
        let len = u8::try_from(before.len()).ok()?.checked_add(is_spaced.into())?;
        let phrase = Phrase {
            start,
            before: len,
            behind: u8::try_from(behind.len()).ok()?,
            is_spaced,
            sized,
        };
        self.text.extend_from_slice(before);
        self.text.extend_from_slice(if is_spaced { b" " } else { b"" });
        self.text.extend_from_slice(behind);
        Some(phrase)
    }
}

impl<'a> Printer<'a> {
    /// What stands around the name in a declaration in a header, if it is always the same.
    #[inline]
    pub(super) fn phrase(&mut self, id: TypeId) -> Option<Phrase> {
        let Phrases { known, all, .. } = &self.header.as_ref()?.phrases;
        match known.get(id.0 as usize)?.checked_sub(1) {
            Some(at) => all.get(at as usize).copied(),
            None => self.compose(id),
        }
    }

    #[inline(never)]
    fn compose(&mut self, id: TypeId) -> Option<Phrase> {
        let phrase = self.try_compose(id);
        let Phrases { known, all, .. } = &mut self.header.as_mut()?.phrases;
        all.extend(phrase);
        let place = if phrase.is_some() { u32::try_from(all.len()).ok()? } else { NONE };
        *known.get_mut(id.0 as usize)? = place;
        phrase
    }

    fn try_compose(&mut self, id: TypeId) -> Option<Phrase> {
        let base = self.links_of(id);
        if self.links.len() >= LONG || self.links.iter().any(|ty| Part::of(*ty) == Part::Function) {
            return None;
        }
        let (start, bottom) = (self.out.len(), self.tasks.len());
        match base {
            Base::Type(ty) if chain::is_inline(ty) || !chain::is_c(ty) => return None,
            Base::TooLong => return None,
            Base::Type(ty) => {
                self.qualifiers_of_base();
                self.base(ty);
            }
            Base::Void => {
                self.qualifiers_of_base();
                self.put("void");
            }
        }
        self.declarator(Label::default());
        let is_spaced = !matches!(self.out.last(), Some(b'*' | b'('));
        let middle = self.out.len();
        // Without functions only ends of brackets are waiting.
        self.run_from(bottom);
        let Header { phrases, layouts, .. } = &mut **self.header.as_mut()?;
        let (before, behind) = (self.out.get(start..middle)?, self.out.get(middle..)?);
        let sized = layouts.sized(&self.btf, id).packed().unwrap_or(0);
        let phrase = phrases.keep(before, behind, is_spaced, sized);
        self.out.truncate(start);
        phrase
    }

    /// Prints a declaration.
    pub(super) fn put_phrase(&mut self, phrase: Phrase, label: Label<'_>) {
        let Some(Header { phrases, .. }) = self.header.as_deref() else { return };
        phrases.put_before(&mut self.out, phrase, !label.is_empty());
        if !label.is_empty() {
            label.put(&mut self.out);
        }
        phrases.put_behind(&mut self.out, phrase);
    }
}
