//! The header's layout section (Linux 7.1): sizes per kind, no word classes.

use super::{Kind, KindSpec, Sizes};
use crate::btf::Btf;
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

impl Btf {
    /// Writes a layout section (Linux 7.1) with the sizes of all kinds that are known here: the released
    /// ones, those of records and those that are described. Gives the kinds of which word classes are known
    /// that it does not say, those that are not released; None if the section was as it should be already.
    ///
    /// Older kernels refuse BTF whose header has a layout section.
    ///
    /// # Errors
    /// If a kind's words are more than the section can say (255 bytes), if sources of a kind disagree, or if
    /// the blob cannot be edited (see [`Btf::add`]).
    ///
    /// ```
    /// use btfkinds::{Btf, Encoding};
    ///
    /// let mut btf = Btf::new();
    /// btf.add_int("int", 4, Encoding::Signed)?;
    /// assert!(btf.add_layout()?.is_some());
    /// assert!(btf.add_layout()?.is_none());
    /// # Ok::<(), btfkinds::Error>(())
    /// ```
    pub fn add_layout(&mut self) -> Result<Option<Vec<Kind>>> {
        let mut bytes = Vec::new();
        let mut lost = Vec::new();
        let old = self.layout().bytes.clone();
        let (old_entries, _) = old.as_chunks::<4>();
        for kind in (0..=Kind::MAX.0).map(Kind) {
            let entry = match kind.is_released() {
                true => self.kinds().get(kind).cloned(),
                false => self.known(kind).transpose()?,
            };
            let mut words = old_entries.get(kind.index()).copied();
            if let Some(entry) = entry {
                // What the flags mean is not known.
                let [.., f0, f1] = words.unwrap_or_default();
                let [info, element] = sizes(&entry.spec)?;
                words = Some([info, element, f0, f1]);
                if entry.spec.classes && !kind.is_released() {
                    lost.push(kind);
                }
            }
            // A kind between others that nobody knows has nothing; behind them it has no entry.
            if let Some(words) = words {
                bytes.resize(kind.index().saturating_mul(4), 0);
                bytes.extend(words);
            }
        }
        // There can be no more kinds; whatever is there stays.
        bytes.extend_from_slice(old.get(bytes.len()..).unwrap_or_default());
        if bytes == old {
            return Ok(None);
        }
        self.set_layout(bytes)?;
        Ok(Some(lost))
    }
}

/// A kind's sizes, as an entry says them.
fn sizes(spec: &KindSpec) -> Result<[u8; 2]> {
    let byte = |size: usize| {
        u8::try_from(size).map_err(|_| {
            let what = format!(
                "kind {} ({}) has parts of {size} bytes: a layout section can say no more than 255",
                spec.kind, spec.name
            );
            Error::new(ErrorKind::Edit, what)
        })
    };
    Ok([byte(spec.fixed_size())?, byte(spec.element_size())?])
}
