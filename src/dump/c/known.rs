//! What a header finds out about each type.

use bytemuck::{Pod, Zeroable};

use super::layout::pointer_size;
use crate::btf::{Btf, Room, TypeId};

/// What is known of a type: at first nothing, which is 0.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Known {
    /// Its size and alignment: see [`super::layout::Brief`].
    pub(super) sized: u32,
    /// As the how-manieth type it has its name in the header; 0 for those that have none of their own there, INTs that
    /// C knows among them.
    pub(super) ordinal: u32,
    /// What its declarations are made of: see [`super::phrases::Phrase`].
    pub(super) phrase: u32,
    pub(super) before: u8,
    pub(super) behind: u8,
    /// What [`super::order`] marks.
    pub(super) marks: u8,
    /// Of a struct or union, how it is laid out: see [`super::layout`].
    pub(super) layout: u8,
}

/// Room for what is known of all types of a blob.
pub(super) fn room(btf: &Btf) -> Room<Known> {
    let count = btf.type_count() as usize;
    match btf.base() {
        None => Room::zeroed(count),
        // Few types of a base are asked for, and what is never looked at is no memory.
        Some(_) => bytemuck::zeroed_vec(count).into(),
    }
}

/// What is known of all types, by id. What is asked of one type is in one place, and all of it in few pages.
pub(super) struct Table<'a> {
    all: &'a mut [Known],
    /// The size of a pointer, in bytes.
    pub(super) pointer: u64,
}

impl<'a> Table<'a> {
    pub(super) fn new(room: &'a mut [Known], btf: &Btf) -> Table<'a> {
        Table { all: room, pointer: pointer_size(btf) }
    }

    #[inline]
    pub(super) fn get(&self, id: TypeId) -> Known {
        self.all.get(id.0 as usize).copied().unwrap_or(Known::zeroed())
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: TypeId) -> Option<&mut Known> {
        self.all.get_mut(id.0 as usize)
    }

    /// Of all types, void among them, in the order of their ids.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (TypeId, &mut Known)> {
        (0..).map(TypeId).zip(self.all.iter_mut())
    }
}
