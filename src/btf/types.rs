//! A view of type records and strings: what both a finished [`Btf`] and one that is still being
//! walked can offer.

use super::Btf;
use crate::scan;

/// Records by id and strings by offset, through the chain of bases.
#[derive(Clone, Copy)]
pub(crate) struct Types<'a> {
    /// The own type words, up to the end of the last record.
    pub(crate) words: &'a [u32],
    /// Where in `words` each own record starts.
    pub(crate) starts: &'a [u32],
    pub(crate) strings: &'a [u8],
    /// The first own type id: 1, or the base's type count.
    pub(crate) start_id: u32,
    /// The first own string offset: 0, or where the base's strings end.
    pub(crate) start_str: u32,
    pub(crate) base: Option<&'a Btf>,
}

/// The words of the `own`-th of the records that start at `starts`.
#[inline]
pub(super) fn record<'a>(words: &'a [u32], starts: &[u32], own: usize) -> Option<&'a [u32]> {
    let start = *starts.get(own)? as usize;
    let end = starts.get(own.saturating_add(1)).map_or(words.len(), |end| *end as usize);
    words.get(start..end)
}

impl<'a> Types<'a> {
    /// The words of a record; None for void and for ids past the end.
    pub(crate) fn get(mut self, id: u32) -> Option<&'a [u32]> {
        loop {
            let Some(own) = id.checked_sub(self.start_id) else {
                self = self.base?.view();
                continue;
            };
            return record(self.words, self.starts, own as usize);
        }
    }

    /// The string at an offset, without its NUL.
    pub(crate) fn string(self, offset: u32) -> Option<&'a [u8]> {
        if offset == 0 {
            return Some(b"");
        }
        scan::string(self.tail(offset)?)
    }

    /// The string at an offset if it is no longer than the kernel lets a name be
    /// (`KSYM_NAME_LEN`): what a reader has to do for one name has an end.
    pub(crate) fn short_string(self, offset: u32) -> Option<&'a [u8]> {
        scan::string(self.short_tail(offset)?)
    }

    /// The strings from an offset on, as far as [`Types::short_string`] goes.
    #[inline]
    pub(crate) fn short_tail(self, offset: u32) -> Option<&'a [u8]> {
        if offset == 0 {
            return Some(b"\0");
        }
        let tail = self.tail(offset)?;
        Some(tail.get(..512).unwrap_or(tail))
    }

    /// Whether the string at an offset starts with `prefix`.
    pub(crate) fn starts_with(self, offset: u32, prefix: &[u8]) -> bool {
        self.tail(offset).is_some_and(|tail| tail.starts_with(prefix))
    }

    /// The strings from an offset on.
    #[inline]
    pub(crate) fn tail(self, offset: u32) -> Option<&'a [u8]> {
        match offset.checked_sub(self.start_str) {
            Some(own) => self.strings.get(own as usize..),
            None => self.base?.tail(offset),
        }
    }

    /// Whether a string starts at an offset: it is the first, or a NUL stands before it.
    pub(crate) fn starts_string(mut self, offset: u32) -> bool {
        while offset < self.start_str {
            let Some(base) = self.base else { return false };
            self = base.view();
        }
        let own = offset.saturating_sub(self.start_str) as usize;
        own.checked_sub(1).is_none_or(|before| self.strings.get(before) == Some(&0))
    }

    /// The ids of all own records, each with its `info`: most records need no further look.
    pub(crate) fn own_infos(self) -> impl Iterator<Item = (u32, u32)> {
        (self.start_id..).zip(self.starts).map(move |(id, start)| {
            let info = self.words.get((*start as usize).saturating_add(1));
            (id, info.copied().unwrap_or_default())
        })
    }

    /// The own records with their ids, from the `from`-th on.
    pub(crate) fn own_from(self, from: usize) -> Own<'a> {
        let starts = self.starts.get(from..).unwrap_or_default();
        let at = starts.first().copied().unwrap_or(0) as usize;
        // A record's id was checked against the limit, far below u32's, when it was walked.
        let id = self.start_id.saturating_add(u32::try_from(from).unwrap_or(u32::MAX));
        Own { starts: starts.iter(), at, rest: self.words.get(at..).unwrap_or_default(), id }
    }
}

/// Records one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Own<'a> {
    starts: std::slice::Iter<'a, u32>,
    /// Where `rest` starts.
    at: usize,
    rest: &'a [u32],
    id: u32,
}

impl<'a> Iterator for Own<'a> {
    type Item = (u32, &'a [u32]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.starts.next()?;
        let end = self.starts.as_slice().first().map(|end| *end as usize);
        let len = end.map_or(self.rest.len(), |end| end.saturating_sub(self.at));
        let (record, rest) = self.rest.split_at_checked(len)?;
        (self.rest, self.at) = (rest, self.at.saturating_add(len));
        let id = self.id;
        self.id = id.saturating_add(1);
        Some((id, record))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.starts.size_hint()
    }
}
