//! Rebasing: standalone BTF becomes truly split, with the base's own types; and back.
//!
//! * `signature` and `refine`: what makes types the same, and finding all that are.
//! * `matching` and `declared`: which types of a module are the base's.
//! * `copy`: new BTF out of types of other BTF.
//! * `near`: what should have matched.
//! * `flatten`, `distill`: standalone again; for any kernel that relocates.

mod copy;
mod declared;
mod distill;
mod flatten;
mod matching;
mod near;
pub(crate) mod refine;
pub(crate) mod signature;

use std::sync::Arc;

pub use copy::Moved;
pub use distill::distill;
pub use flatten::flatten;
pub use matching::BaseIndex;
pub use near::NearMiss;
pub(crate) use near::alike;

use crate::btf::{Btf, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::KindSpec;
use crate::origin::Origin;

/// Standalone BTF that has become split on a base: see [`BaseIndex::rebase`].
#[derive(Debug, Clone)]
pub struct Rebased {
    /// What it was, without its origin record.
    standalone: Btf,
    base: Arc<Btf>,
    moved: Moved,
}

impl BaseIndex {
    /// Makes standalone BTF split on this base: each of its types that is a type of the base becomes
    /// that, the others follow behind the base. An origin record at the end names the base.
    ///
    /// Two types are the same if kind, `info`, names and plain words are the same and their
    /// references lead, pairwise, to the same types. A forward declaration is also the same as what
    /// it declares. Where several types of the base are the same as one of the module, it becomes
    /// the one of the lowest id; only where a forward declaration, or a type without a name, could be
    /// different types of the base it stays the module's own. So do variables and their sections, and
    /// functions that are named in `own_functions`: those that `.BTF_ids` names, which the kernel
    /// looks for in the module.
    ///
    /// # Errors
    /// If `standalone` is split or of the other byte order, if it has types of a kind of which only
    /// sizes are known, if a reference of it reaches nothing, or if a limit of the format would be passed.
    pub fn rebase(&self, standalone: &Btf, own_functions: &[&str]) -> Result<Rebased> {
        let base = self.base();
        if standalone.base().is_some() {
            let what = "this is split BTF: only standalone BTF can be rebased";
            return Err(Error::new(ErrorKind::Edit, what));
        }
        if standalone.endian() != base.endian() {
            let what = "the BTF and its base have different byte orders";
            return Err(Error::new(ErrorKind::Base, what));
        }
        standalone.check_references()?;
        let mut standalone = standalone.clone();
        standalone.take_origin()?;
        check_kinds(&standalone, base)?;
        let mut ids = self.matches(&standalone, own_functions);
        let mut next = base.type_count();
        let mut kept = Vec::new();
        for (old, new) in ids.iter_mut().enumerate().skip(1).filter(|(_, new)| **new == 0) {
            *new = next;
            next = next.saturating_add(1);
            kept.push(TypeId(u32::try_from(old).unwrap_or(u32::MAX)));
        }
        let to = standalone.emptied(Some(Arc::clone(base)))?;
        let mut moved = copy::copy(kept.iter().filter_map(|id| standalone.get(*id)), ids, to)?;
        moved.btf.put_origin(Origin::default().numbered_for(base))?;
        moved.btf.refresh_kinds()?;
        Ok(Rebased { standalone, base: Arc::clone(base), moved })
    }
}

/// Refuses a kind that is not released and that the base knows with other words.
pub(crate) fn check_kinds(split: &Btf, base: &Btf) -> Result<()> {
    for entry in split.kinds().iter().filter(|entry| !entry.spec.kind.is_released()) {
        let Some(known) = base.known(entry.spec.kind).transpose()? else { continue };
        let sizes = |spec: &KindSpec| (spec.fixed_size(), spec.element_size());
        let same = sizes(&entry.spec) == sizes(&known.spec)
            && (!entry.spec.classes || !known.spec.classes || entry.spec.same_layout(&known.spec));
        if !same {
            let what = format!(
                "kind {} has other words here ({}) than in the base ({})",
                entry.spec.kind, entry.source, known.source
            );
            return Err(Error::new(ErrorKind::Description, what));
        }
    }
    Ok(())
}

impl Rebased {
    /// The split BTF.
    pub fn btf(&self) -> &Btf {
        &self.moved.btf
    }

    /// Where each type of the standalone BTF went.
    pub fn moved(&self) -> &Moved {
        &self.moved
    }

    /// How many types are the base's.
    pub fn of_base(&self) -> usize {
        (self.standalone.types().count()).saturating_sub(self.own())
    }

    /// How many types are the module's own, the origin record not among them.
    pub fn own(&self) -> usize {
        self.moved.btf.types().count().saturating_sub(1)
    }

    /// The base.
    pub fn base(&self) -> &Arc<Btf> {
        &self.base
    }
}
