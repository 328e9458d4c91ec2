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

/// At least so much is left behind what is in huge pages, in bytes.
const SPARE: usize = 1 << 16;

/// An array that can grow, in huge pages if it is large.
#[derive(Debug)]
pub(crate) enum Room<T> {
    Small(Vec<T>),
    Large {
        map: MmapMut,
        /// In elements.
        len: usize,
    },
}

impl<T: Pod> Room<T> {
    /// Room for so many elements, none of them there yet.
    fn with_capacity(capacity: usize) -> Room<T> {
        let bytes = capacity.saturating_mul(size_of::<T>()).saturating_add(SPARE);
        // No more than half a page is left over; what does not fill half a page is in small ones.
        let huge = bytes.saturating_add(HUGE / 2) / HUGE;
        let all = bytes.checked_next_multiple_of(HUGE).filter(|_| huge > 0);
        let Some(map) = all.and_then(|all| MmapMut::map_anon(all).ok()) else {
            return Room::Small(Vec::with_capacity(capacity));
        };
        // Where there are none, memory is what it always is.
        #[cfg(target_os = "linux")]
        let _ = map.advise_range(memmap2::Advice::HugePage, 0, huge.saturating_mul(HUGE));
        Room::Large { map, len: 0 }
    }

    /// So many elements of value 0.
    pub(crate) fn zeroed(len: usize) -> Room<T> {
        match Room::<T>::with_capacity(len) {
            // What is never looked at is no memory yet.
            Room::Small(_) => Room::Small(bytemuck::zeroed_vec(len)),
            // Fresh memory is 0.
            Room::Large { map, .. } => Room::Large { map, len },
        }
    }

    /// Room for so many elements in such memory as this is in, none of them there yet: what was read from a file is
    /// seldom one of many that are as long, while a program that makes one copy after the other has the memory of the
    /// last one at hand.
    pub(super) fn alike(&self, capacity: usize) -> Room<T> {
        match self {
            Room::Small(_) => Room::Small(Vec::with_capacity(capacity)),
            Room::Large { .. } => Room::with_capacity(capacity),
        }
    }

    /// How many elements there is room for.
    pub(crate) fn capacity(&self) -> usize {
        match self {
            Room::Small(all) => all.capacity(),
            Room::Large { map, .. } => elements::<T>(map).len(),
        }
    }

    /// Appends elements, as far as there is room for them.
    pub(super) fn extend(&mut self, more: impl Iterator<Item = T>) {
        match self {
            Room::Small(all) => all.extend(more.take(all.capacity().saturating_sub(all.len()))),
            Room::Large { map, len } => {
                let room = elements_mut(map).get_mut(*len..).unwrap_or_default();
                let put = room.iter_mut().zip(more).map(|(to, from)| *to = from).count();
                *len = len.saturating_add(put);
            }
        }
    }

    /// So many elements at least; those that are new have any value.
    pub(crate) fn grow(&mut self, new: usize) {
        if let Room::Large { map, len } = self
            && elements::<T>(map).len() < new
        {
            let mut larger = Room::with_capacity(new.saturating_mul(2));
            larger.grow(*len);
            larger.copy_from_slice(self);
            *self = larger;
        }
        match self {
            Room::Small(all) if all.len() < new => all.resize(new, T::zeroed()),
            Room::Small(_) => {}
            Room::Large { len, .. } => *len = new.max(*len),
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
            Room::Large { map, len } => elements(map).get(..*len).unwrap_or_default(),
        }
    }
}

impl<T: Pod> DerefMut for Room<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Room::Small(all) => all,
            Room::Large { map, len } => elements_mut(map).get_mut(..*len).unwrap_or_default(),
        }
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

    #[test]
    fn like_a_vec() {
        for len in [0, 1, 1000, HUGE / 8, HUGE / 4, HUGE / 4 + 1, 3 * HUGE / 8, HUGE] {
            let mut room = Room::<u32>::zeroed(len);
            assert!(room.iter().eq(&vec![0; len]), "{len}");
            assert_eq!(matches!(room, Room::Large { .. }), len * 4 + SPARE >= HUGE / 2, "{len}");
            let mut expected: Vec<u32> = (0..).take(len).collect();
            room.copy_from_slice(&expected);
            for more in [0, 1, 3, 1 << 18, 1 << 19] {
                let new = expected.len() + more;
                room.grow(new);
                expected.resize(new, 7);
                assert!(room.capacity() >= new && room.len() == new, "{len}");
                let old = new - more;
                room[old..].fill(7);
                assert!(*room == *expected, "{len} and {more}");
                let mut alike = room.alike(new);
                assert!(alike.is_empty() && alike.capacity() >= new);
                alike.extend(expected.iter().copied());
                assert!(*alike == *expected, "{len} and {more}");
                room.grow(old);
                assert_eq!(room.len(), new);
            }
        }
    }
}
