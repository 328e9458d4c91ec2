//! Memory for arrays as long as a kernel's BTF.
//!
//! A page that is touched for the first time costs more than reading or copying what goes into it; of pages of
//! 2 MiB there are few. Kernels give such pages to memory that asks for them, in most configurations to no
//! other.

use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use memmap2::MmapMut;

/// The length of a huge page in bytes, where there are any.
const HUGE: usize = 1 << 21;

/// An array that can grow, in huge pages if it is large.
#[derive(Debug)]
pub(crate) enum Room<T> {
    Small(Vec<T>),
    Large {
        map: MmapMut,
        /// Where the first element is, and how many there are, in elements.
        start: usize,
        len: usize,
    },
}

impl<T: Pod> Room<T> {
    /// Room for so many elements, none of them there yet.
    pub(crate) fn with_capacity(capacity: usize) -> Room<T> {
        let bytes = capacity.saturating_mul(size_of::<T>());
        // No more than half a page is left over; what does not fill half a page is in small ones.
        let huge = bytes.saturating_add(HUGE / 2) / HUGE;
        let all = bytes.checked_next_multiple_of(HUGE).filter(|_| huge > 0);
        let Some(map) = all.and_then(|all| MmapMut::map_anon(all).ok()) else {
            return Room::Small(Vec::with_capacity(capacity));
        };
        // Where there are none, memory is what it always is.
        #[cfg(target_os = "linux")]
        let _ = map.advise_range(memmap2::Advice::HugePage, 0, huge.saturating_mul(HUGE));
        Room::Large { map, start: 0, len: 0 }
    }

    /// So many elements of value 0.
    pub(crate) fn zeroed(len: usize) -> Room<T> {
        match Room::<T>::with_capacity(len) {
            // What is never looked at is no memory yet.
            Room::Small(_) => Room::Small(bytemuck::zeroed_vec(len)),
            // Fresh memory is 0.
            Room::Large { map, .. } => Room::Large { map, start: 0, len },
        }
    }

    /// A copy, with room for `more` elements behind it. A program that makes one copy after the other has the
    /// memory of the last one at hand: then fresh pages, of whatever length, are not worth it.
    pub(crate) fn copy_of(all: &[T], more: usize, in_fresh_memory: bool) -> Room<T> {
        let capacity = all.len().saturating_add(more);
        let mut room = match in_fresh_memory {
            true => Room::with_capacity(capacity),
            false => Room::Small(Vec::with_capacity(capacity)),
        };
        room.extend_from_slice(all);
        room
    }

    pub(crate) fn is_large(&self) -> bool {
        matches!(self, Room::Large { .. })
    }

    pub(crate) fn truncate(&mut self, new: usize) {
        match self {
            Room::Small(all) => all.truncate(new),
            Room::Large { len, .. } => *len = new.min(*len),
        }
    }

    /// Leaves out the first elements, so many of them.
    pub(crate) fn drop_front(&mut self, count: usize) {
        match self {
            Room::Small(all) => drop(all.drain(..count.min(all.len()))),
            Room::Large { start, len, .. } => {
                let count = count.min(*len);
                (*start, *len) = (start.saturating_add(count), len.saturating_sub(count));
            }
        }
    }

    pub(crate) fn extend_from_slice(&mut self, more: &[T]) {
        self.insert(self.len(), more);
    }

    /// Puts elements before element `at`.
    pub(crate) fn insert(&mut self, at: usize, more: &[T]) {
        let old = self.len();
        let at = at.min(old);
        let new = old.saturating_add(more.len());
        if let Room::Large { map, start, .. } = self
            && elements::<T>(map).len().saturating_sub(*start) < new
        {
            let mut larger = Room::with_capacity(new.saturating_mul(2));
            larger.extend_from_slice(self);
            *self = larger;
        }
        match self {
            Room::Small(all) if at == old => all.extend_from_slice(more),
            Room::Small(all) => drop(all.splice(at..at, more.iter().copied())),
            Room::Large { map, start, len } => {
                let behind = start.saturating_add(at)..start.saturating_add(new);
                let all = elements_mut(map).get_mut(behind).unwrap_or_default();
                all.copy_within(..old.saturating_sub(at), more.len());
                all.iter_mut().zip(more).for_each(|(to, from)| *to = *from);
                *len = new;
            }
        }
    }
}

/// What there is room for in a mapping: it starts on a page and is whole pages.
fn elements<T: Pod>(map: &MmapMut) -> &[T] {
    const { assert!(HUGE.is_multiple_of(size_of::<T>()), "elements that fill pages") };
    bytemuck::try_cast_slice(map).unwrap_or_default()
}

fn elements_mut<T: Pod>(map: &mut MmapMut) -> &mut [T] {
    bytemuck::try_cast_slice_mut(map).unwrap_or_default()
}

impl<T: Pod> Deref for Room<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Room::Small(all) => all,
            Room::Large { map, start, len } => {
                elements(map).get(*start..start.saturating_add(*len)).unwrap_or_default()
            }
        }
    }
}

impl<T: Pod> DerefMut for Room<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Room::Small(all) => all,
            Room::Large { map, start, len } => {
                let all = elements_mut(map).get_mut(*start..start.saturating_add(*len));
                all.unwrap_or_default()
            }
        }
    }
}

impl<T: Pod> Clone for Room<T> {
    fn clone(&self) -> Self {
        Room::copy_of(self, 0, self.is_large())
    }
}

impl<T> Default for Room<T> {
    fn default() -> Self {
        Room::Small(Vec::new())
    }
}

impl<T> From<Vec<T>> for Room<T> {
    fn from(all: Vec<T>) -> Self {
        Room::Small(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a Vec does, at lengths around those where pages begin.
    #[test]
    fn like_a_vec() {
        for len in [0, 1, 1000, HUGE / 8, HUGE / 8 + 1, HUGE / 4, HUGE / 4 + 1, 3 * HUGE / 8, HUGE]
        {
            let all: Vec<u32> = (0..).take(len).collect();
            let mut room = Room::copy_of(&all, 5, true);
            let mut expected = all.clone();
            assert_eq!(*room, *expected);
            for (at, more) in [(0, 3), (len / 2, 7), (len, 1), (1, 1 << 18), (len, 1 << 19)] {
                let more = vec![7; more];
                room.insert(at.min(room.len()), &more);
                expected.splice(at.min(expected.len())..at.min(expected.len()), more);
                assert!(*room == *expected, "{len} at {at}");
            }
            room.truncate(len);
            expected.truncate(len);
            let front = len / 3;
            room.drop_front(front);
            expected.drain(..front);
            room.extend_from_slice(&all);
            expected.extend_from_slice(&all);
            assert!(*room == *expected && *room.clone() == *expected, "{len}");
            for (at, more) in [(1, 3), (len, 1 << 19)] {
                let more = vec![9; more];
                room.insert(at.min(room.len()), &more);
                expected.splice(at.min(expected.len())..at.min(expected.len()), more);
                assert!(*room == *expected, "{len} at {at}");
            }
            if let Some(last) = room.last_mut() {
                *last = 1;
                assert_eq!(room.last(), Some(&1));
            }
            assert!(Room::<u32>::zeroed(len).iter().eq(&vec![0; len]), "{len}");
            assert!(Room::<u32>::zeroed(len).is_large() == (len >= HUGE / 8));
        }
    }
}
