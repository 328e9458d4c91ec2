//! Taking types and strings out of a blob, and moving what refers to the others.

use std::ops::Range;
use std::sync::Arc;

use super::{Btf, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::Kind;

/// Types and strings that a blob loses, and where that moves the others. The other way round than a
/// [`Shift`](crate::Shift): ids and offsets become smaller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// The type ids, in ascending order.
    ids: Vec<u32>,
    /// The ranges of string offsets, in ascending order and apart from each other, and how many bytes
    /// all up to this one have.
    strings: Vec<(Range<u32>, u32)>,
}

impl Removal {
    /// Of these ids and ranges, both in ascending order.
    pub(crate) fn new(ids: Vec<u32>, ranges: impl IntoIterator<Item = Range<u32>>) -> Removal {
        let mut strings: Vec<(Range<u32>, u32)> = Vec::new();
        for range in ranges {
            let len = range.end.saturating_sub(range.start);
            match strings.last_mut() {
                Some((last, total)) if last.end == range.start => {
                    (last.end, *total) = (range.end, total.saturating_add(len));
                }
                last => {
                    let before = last.map_or(0, |(_, total)| *total);
                    strings.push((range, before.saturating_add(len)));
                }
            }
        }
        strings.retain(|(range, _)| !range.is_empty());
        Removal { ids, strings }
    }

    /// Where a type id goes; None if its type is taken out.
    pub fn id(&self, id: u32) -> Option<u32> {
        match self.ids.binary_search(&id) {
            Ok(_) => None,
            Err(below) => Some(id.saturating_sub(u32::try_from(below).unwrap_or(u32::MAX))),
        }
    }

    /// Where a string offset goes; None if its string is taken out.
    pub fn string(&self, offset: u32) -> Option<u32> {
        let below = self.strings.partition_point(|(range, _)| range.start <= offset);
        match below.checked_sub(1).and_then(|at| self.strings.get(at)) {
            None => Some(offset),
            Some((range, _)) if range.contains(&offset) => None,
            Some((_, total)) => Some(offset.saturating_sub(*total)),
        }
    }

    /// Whether nothing is taken out.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.strings.is_empty()
    }

    /// The types that are taken out.
    pub fn ids(&self) -> impl Iterator<Item = TypeId> {
        self.ids.iter().copied().map(TypeId)
    }

    /// The bytes of strings that are taken out.
    pub(crate) fn string_bytes(&self) -> u32 {
        self.strings.last().map_or(0, |(_, total)| *total)
    }

    /// Whether types of a blob with ids below `count` move: not if the last ones go.
    pub(crate) fn moves_ids(&self, count: u32) -> bool {
        let left = count.saturating_sub(u32::try_from(self.ids.len()).unwrap_or(u32::MAX));
        self.ids.first().is_some_and(|first| *first < left)
    }

    /// Whether strings with offsets below `end` move.
    pub(crate) fn moves_strings(&self, end: u32) -> bool {
        let left = end.saturating_sub(self.string_bytes());
        self.strings.first().is_some_and(|(first, _)| first.start < left)
    }
}

impl Btf {
    /// The blob without these of its own types and strings. The header, the layout section and what is
    /// known of kinds stay.
    ///
    /// # Errors
    /// If what stays refers to what goes, if references would have to move in a kind whose word classes
    /// are not known, or if the blob cannot be edited (see [`Btf::add`]).
    pub(crate) fn without(&self, removal: &Removal) -> Result<Btf> {
        let mut new = self.emptied(self.base().map(Arc::clone))?;
        if removal.moves_ids(self.type_count()) || removal.moves_strings(self.str_end()) {
            self.check_classes()?;
        }
        let mut words: Vec<u32> = Vec::with_capacity(self.words().len());
        let mut starts = Vec::with_capacity(self.starts.len());
        for (id, record) in self.view().own_from(0) {
            if removal.id(id).is_none() {
                continue;
            }
            let start = words.len();
            starts.push(u32::try_from(start).unwrap_or(u32::MAX));
            words.extend_from_slice(record);
            let info = record.get(1).copied().unwrap_or_default();
            let (Some(entry), Some(copy)) =
                (self.kinds.get(Kind::of_info(info)), words.get_mut(start..))
            else {
                continue;
            };
            let mut lost = None;
            entry.refs.for_each_mut(copy, |word, is_str| {
                lost = lost.or(moved(removal, word, is_str));
            });
            if let Some(lost) = lost {
                return Err(match self.get(TypeId(id)) {
                    Some(ty) => lost.error().in_type(ty.id(), ty.kind_name(), ty.name()),
                    None => lost.error(),
                });
            }
        }
        let old = self.own_strings();
        let mut strings = Vec::with_capacity(old.len());
        let mut at = 0;
        for (range, _) in &removal.strings {
            let own = |offset: u32| offset.saturating_sub(self.start_str) as usize;
            strings.extend_from_slice(old.get(at..own(range.start)).unwrap_or_default());
            at = own(range.end);
        }
        strings.extend_from_slice(old.get(at..).unwrap_or_default());
        new.set_types(words, starts)?;
        new.body.set_strings(&strings);
        Ok(new)
    }

    /// The blob without a layout section.
    pub(crate) fn without_layout(mut self) -> Result<Btf> {
        self.begin_edit()?;
        self.header.layout = None;
        self.header.types.start = self.header.len();
        self.layout.bytes.clear();
        Ok(self)
    }

    /// Moves this split blob along with its base, which has lost types and strings; `base` is what is
    /// left of it.
    ///
    /// # Errors
    /// If this refers to what is gone, or has a kind whose word classes are not known.
    pub fn follow_removal(mut self, removal: &Removal, base: Arc<Btf>) -> Result<Btf> {
        // The origin record names the base: see `follow_base`.
        let origin = self.take_origin()?;
        self.check_classes()?;
        self.begin_edit()?;
        let mut lost = None;
        self.for_each_ref(|word, is_str| lost = lost.or(moved(removal, word, is_str)));
        if let Some(lost) = lost {
            let help =
                "if this has descriptions of its own, take these off first ('btfkinds strip -B')";
            return Err(lost.error().with_help(help));
        }
        self.rebase_onto(Arc::clone(&base));
        if let Some(origin) = origin {
            self.put_origin(origin.numbered_for(&base))?;
        }
        Ok(self)
    }
}

/// A word that refers to what is taken out.
#[derive(Clone, Copy)]
struct Lost {
    word: u32,
    is_str: bool,
}

impl Lost {
    fn error(self) -> Error {
        let what = if self.is_str { "string offset" } else { "type id" };
        let word = self.word;
        Error::new(ErrorKind::Edit, format!("{what} {word} is of what is to be taken out"))
    }
}

/// Moves a reference, or tells that there is nothing any more where it leads.
fn moved(removal: &Removal, word: &mut u32, is_str: bool) -> Option<Lost> {
    let to = if is_str { removal.string(*word) } else { removal.id(*word) };
    match to {
        Some(to) => {
            *word = to;
            None
        }
        None => Some(Lost { word: *word, is_str }),
    }
}
