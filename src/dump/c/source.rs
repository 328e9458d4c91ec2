//! Where the printer finds types and names.

use crate::btf::{Btf, Record, TypeId, Types};
use crate::scan::{self, Block};

/// In place of a name that is not printed.
pub(super) const TOO_LONG: &[u8] = b"name_too_long";

/// A blob, with what is asked for most often at hand.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) btf: &'a Btf,
    own: Types<'a>,
}

impl<'a> Source<'a> {
    pub(super) fn of(btf: &'a Btf) -> Source<'a> {
        Source { btf, own: btf.view() }
    }

    /// A type by id, from this blob or its bases.
    #[inline]
    pub(super) fn get(&self, id: TypeId) -> Option<Record<'a>> {
        if id.0 < self.own.start_id {
            return self.btf.get(id);
        }
        Some(Record::new(self.btf, id, self.own.get(id.0)?))
    }

    /// The name of a type.
    pub(super) fn name(&self, ty: Record<'_>) -> &'a [u8] {
        self.string(ty.name_off().0)
    }

    /// The name of a type by its id; empty where there is none.
    pub(super) fn name_at(&self, id: TypeId) -> &'a [u8] {
        self.get(id).map_or(b"", |ty| self.name(ty))
    }

    /// A name by its offset. One that is longer than the kernel lets it be is not printed: it could be
    /// as long as the file, and used as often.
    #[inline]
    pub(super) fn string(&self, offset: u32) -> &'a [u8] {
        scan::string(self.strings(offset)).unwrap_or(TOO_LONG)
    }

    /// The first bytes of a name, and what is behind it; None where the blob's own strings have not so many there.
    #[inline(always)]
    pub(super) fn block(&self, offset: u32) -> Option<&'a Block> {
        let own = offset.checked_sub(self.own.start_str)?;
        self.own.strings.get(own as usize..)?.first_chunk()
    }

    /// The strings from a name on, which ends where they have a NUL. Where they have none it is not
    /// printed.
    #[inline]
    pub(super) fn strings(&self, offset: u32) -> &'a [u8] {
        self.own.short_tail(offset).filter(|tail| !tail.is_empty()).unwrap_or(TOO_LONG)
    }
}
