//! The header's layout section (Linux 7.1): sizes per kind, no word classes.

use super::{Kind, Sizes};
use crate::error::{Error, ErrorKind, Result};

/// The raw section: one entry `{ u8 info_sz; u8 elem_sz; u16 flags }` for each kind from 0 up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    pub(crate) bytes: Vec<u8>,
}

impl Layout {
    /// The sizes it gives for `kind`, if it has an entry for it.
    pub(crate) fn sizes(&self, kind: Kind) -> Option<Result<Sizes>> {
        let (entries, _) = self.bytes.as_chunks::<4>();
        let [info, element, ..] = *entries.get(kind.index())?;
        Some(Sizes::from_bytes(info.into(), element.into()).ok_or_else(|| {
            Error::new(
                ErrorKind::Description,
                format!(
                    "layout section: sizes of kind {kind} are {info} and {element}, not whole words"
                ),
            )
        }))
    }
}
