//! A file whose BTF was changed in memory: its BTF, its `.BTF_ids`, its `.BTF.base`.

use std::path::Path;
use std::sync::Arc;

use super::btf_ids::{self, Policy};
use super::rewrite::{Change, OwnBase};
use super::{File, Prepared};
use crate::btf::{Btf, Parse, Removal};
use crate::error::Result;
use crate::origin::Numbering;
use crate::renumber::Shift;

/// A module about to be changed: nothing has been written yet.
#[derive(Debug)]
pub struct Edited<'a> {
    pub(super) file: &'a File,
    pub(super) parse: &'a Parse,
    pub(super) strip_signature: bool,
    /// Its standalone form if it has one, else what it is.
    pub(super) old: Arc<Btf>,
    pub(super) new: Arc<Btf>,
    pub(super) shift: Shift,
    pub(super) lowered: u32,
    pub(super) lowered_strs: u32,
    pub(super) ids: Policy,
    pub(super) own_base: OwnBase,
    /// Types became others one by one.
    pub(super) rebuilt: bool,
    /// What was taken out.
    pub(super) removed: Removal,
    /// What it was.
    pub before: Numbering,
}

impl Edited<'_> {
    /// How the BTF changes, for what is split on it.
    pub fn change(&self) -> Change<'_> {
        Change {
            lowered: self.lowered,
            lowered_strs: self.lowered_strs,
            ids: self.ids,
            own_base: self.own_base,
            rebuilt: self.rebuilt,
            removed: self.removed.clone(),
            ..Change::new(&self.old, &self.new, self.shift, self.parse)
        }
    }

    /// The BTF as it will be.
    pub fn btf(&self) -> &Btf {
        &self.new
    }

    /// The sets in `.BTF_ids` that are filled anew and whose flags could not be told by their
    /// symbols: they are kept in the order of the functions.
    ///
    /// # Errors
    /// If the section cannot be read.
    pub fn sets_by_order(&self) -> Result<Vec<String>> {
        match self.file.elf().and_then(|elf| Some((elf, elf.find(".BTF_ids")?))) {
            Some((elf, section)) if self.resolves_ids() => {
                btf_ids::sets_by_order(elf, section, &self.change())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Whether `.BTF_ids` is filled by name.
    pub fn resolves_ids(&self) -> bool {
        self.ids == Policy::Resolve
    }

    /// Prepares `dest` to become the changed file: see [`File::prepare`].
    ///
    /// # Errors
    /// As [`File::prepare`], and if `.BTF_ids` cannot be moved for certain.
    pub fn prepare(&self, dest: &Path) -> Result<Prepared> {
        self.file.prepare(&self.change(), self.strip_signature, dest)
    }

    /// The bytes of the changed file: see [`File::prepare`].
    ///
    /// # Errors
    /// As [`Edited::prepare`].
    pub fn bytes(&self) -> Result<Vec<u8>> {
        self.file.changed(&self.change(), self.strip_signature)
    }
}
