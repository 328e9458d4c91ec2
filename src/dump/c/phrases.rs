//! Declarations that were printed before: most members are of a type that others are of, too.

use super::chain::{self, Base, Part};
use super::known::Known;
use super::print::{Header, Label, Printer};
use crate::btf::TypeId;

/// Chains of so many links are not kept: what is printed of them is counted.
const LONG: usize = 8;

/// What is longer is not kept, nor more than so much in all.
const MOST_KEPT: usize = 1 << 24;

/// In place of where a phrase is: nobody has asked; there is none.
const NOT_YET: u32 = 0;
const NONE: u32 = 1;
const FIRST: u32 = 2;

/// What stands before and behind the name in the declarations of a type, for types that are neither spelled out where
/// they are used nor have to do with functions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Phrase {
    start: u32,
    before: u8,
    behind: u8,
}

impl Phrase {
    /// The phrase of a type, if it is known.
    #[inline]
    pub(super) fn of(known: Known) -> Option<Phrase> {
        let Known { phrase, before, behind, .. } = known;
        phrase.checked_sub(FIRST).map(|start| Phrase { start, before, behind })
    }
}

/// The text of a header's phrases, one behind the other.
#[derive(Default)]
pub(super) struct Phrases {
    text: Vec<u8>,
}

impl Phrases {
    /// Appends what stands before a name, or where there is none.
    #[inline]
    pub(super) fn put_before(&self, out: &mut Vec<u8>, phrase: Phrase, is_named: bool) {
        let text = self.text.get(phrase.start as usize..).unwrap_or_default();
        let mut len = usize::from(phrase.before);
        // A space is there for the name.
        if !is_named && text.get(..len).is_some_and(|before| before.ends_with(b" ")) {
            len = len.saturating_sub(1);
        }
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

    fn keep(&mut self, before: &[u8], behind: &[u8]) -> Option<Phrase> {
        let start = u32::try_from(self.text.len()).ok().filter(|_| self.text.len() < MOST_KEPT)?;
        let space: &[u8] = if matches!(before.last(), Some(b'*' | b'(')) { b"" } else { b" " };
        let len = before.len().saturating_add(space.len());
        let phrase = Phrase {
            start,
            before: u8::try_from(len).ok()?,
            behind: u8::try_from(behind.len()).ok()?,
        };
        self.text.extend_from_slice(before);
        self.text.extend_from_slice(space);
        self.text.extend_from_slice(behind);
        Some(phrase)
    }
}

impl<'a> Printer<'a> {
    /// What stands around the name in a declaration in a header, if it is always the same.
    #[inline]
    pub(super) fn phrase(&mut self, id: TypeId) -> Option<Phrase> {
        let known = self.header.as_ref()?.known.get(id);
        match known.phrase {
            NOT_YET => self.compose(id),
            _ => Phrase::of(known),
        }
    }

    #[inline(never)]
    fn compose(&mut self, id: TypeId) -> Option<Phrase> {
        let phrase = self.try_compose(id);
        let known = self.header.as_mut()?.known.get_mut(id)?;
        known.phrase = NONE;
        if let Some(Phrase { start, before, behind }) = phrase {
            known.phrase = start.saturating_add(FIRST);
            (known.before, known.behind) = (before, behind);
        }
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
        let middle = self.out.len();
        // Without functions only ends of brackets are waiting.
        self.run_from(bottom);
        let Header { phrases, known, .. } = &mut **self.header.as_mut()?;
        let (before, behind) = (self.out.get(start..middle)?, self.out.get(middle..)?);
        let phrase = phrases.keep(before, behind);
        // Who prints the phrase asks for the size, too.
        known.sized(&self.btf, id);
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
