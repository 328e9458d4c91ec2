//! Moving type ids and string offsets, in every place that the word classes name.

use std::sync::Arc;

use crate::btf::{Btf, NewType, Parse, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::Kind;
use crate::origin::Origin;
use crate::rebase::check_kinds;
pub use crate::shift::Shift;

/// Renumbers standalone BTF for a base, so that a kernel takes it as split BTF on that base.
///
/// Types stay what they are: copies of core types do not become the base's own. The result says in
/// its [`Origin`] record what it was made from; [`restore`] is the way back.
///
/// # Errors
/// If `standalone` is split, if it has a kind of which only sizes are known, or that the base knows with
/// other words, if that has the other byte order, or if a limit of the format would be passed.
///
/// ```
/// use std::sync::Arc;
/// use btfkinds::{Btf, Kind, NewType, Parse, renumber, restore};
///
/// let int = NewType { kind: Kind::INT, name: "int", kind_flag: false, vlen: 0, size_or_type: 4, words: &[1 << 24 | 32] };
/// let (mut base, mut module) = (Btf::new(), Btf::new());
/// base.add(int)?;
/// module.add(NewType { name: "long", ..int })?;
/// let moved = renumber(&module, &Arc::new(base))?;
/// assert_eq!(moved.types().next().unwrap().id().0, 2);
/// let (back, _) = restore(&moved.to_bytes(), &Parse::new())?;
/// assert_eq!(back.to_bytes(), module.to_bytes());
/// # Ok::<(), btfkinds::Error>(())
/// ```
pub fn renumber(standalone: &Btf, base: &Arc<Btf>) -> Result<Btf> {
    if standalone.base().is_some() {
        return Err(Error::new(
            ErrorKind::Edit,
            "this is split BTF: only standalone BTF can be renumbered for a base",
        ));
    }
    check_fits(standalone, base)?;
    let mut btf = standalone.clone();
    // One of what was split on a base with nothing in it stays, as the types do.
    let origin = match btf.origin().filter(Origin::was_standalone) {
        Some(origin) => {
            // What is to be removed on the way back must be nobody else's.
            if origin.standalone & Origin::RENUMBERED != 0 {
                btf.take_origin()?;
                btf.put_origin(origin)?;
            }
            origin
        }
        None => {
            let origin = Origin { standalone: Origin::RENUMBERED, ..Origin::default() };
            btf.put_origin(origin)?;
            origin
        }
    };
    btf.shift(&Shift::onto(base))?;
    btf.set_origin(origin.numbered_for(base));
    btf.rebase_onto(Arc::clone(base));
    Ok(btf)
}

/// Refuses BTF whose references reach nothing, and a base that it could not be read on: of the other byte
/// order, or with other words for one of its kinds.
fn check_fits(btf: &Btf, base: &Btf) -> Result<()> {
    if btf.endian() != base.endian() {
        let what = "the BTF and its base have different byte orders";
        return Err(Error::new(ErrorKind::Base, what));
    }
    btf.check_references()?;
    check_kinds(btf, base)
}

/// Gives renumbered BTF its standalone form back, byte for byte, and the origin record that it had.
/// The base is not needed.
///
/// # Errors
/// If the blob has no origin record or was never standalone, if it refers to the base (then it is
/// truly split), or as [`Parse::read`].
pub fn restore(blob: &[u8], parse: &Parse) -> Result<(Btf, Origin)> {
    let origin = Origin::find(blob).unwrap_or_default();
    if !origin.was_standalone() {
        let what = "there is no origin record of a standalone blob that was renumbered";
        return Err(Error::new(ErrorKind::Edit, what));
    }
    if origin.base_types == 0 {
        return Err(Error::new(ErrorKind::Edit, "this BTF is standalone already"));
    }
    Ok((restored(lowered(blob, origin, parse)?)?, origin))
}

/// Renumbered BTF with its numbers as they were when it was standalone, the origin record still
/// there.
pub(crate) fn lowered(blob: &[u8], origin: Origin, parse: &Parse) -> Result<Btf> {
    let mut btf = parse.clone().numbered_from(origin.base_types, origin.base_strs).read(blob)?;
    btf.lower()?;
    btf.set_origin(Origin { standalone: origin.standalone, ..Origin::default() });
    Ok(btf)
}

/// The standalone form with the origin record as it was then, or without.
pub(crate) fn restored(mut standalone: Btf) -> Result<Btf> {
    match standalone.origin() {
        Some(origin) if origin.standalone & Origin::RENUMBERED != 0 => {
            standalone.take_origin()?;
        }
        Some(_) => {
            standalone.set_origin(Origin { standalone: Origin::ENCODED, ..Origin::default() })
        }
        None => {}
    }
    Ok(standalone)
}

/// The base of portable modules: one INT, which every kernel has.
///
/// # Errors
/// None in practice: an INT always fits.
pub fn portable_base(like: &Btf) -> Result<Btf> {
    let mut base = Btf::new_in(like.endian());
    let signed_32_bits = &[1 << 24 | 32];
    base.add(NewType {
        kind: Kind::INT,
        name: "int",
        kind_flag: false,
        vlen: 0,
        size_or_type: 4,
        words: signed_32_bits,
    })?;
    Ok(base)
}

/// How BTF that is split on `old` moves when `new` takes its place, if `new` is `old` with types
/// added behind it or in front, as `encode` does it.
pub fn growth(old: &Btf, new: &Btf) -> Option<Shift> {
    let shift = Shift::between(old, new)?;
    if !new.own_strings().starts_with(old.own_strings()) {
        return None;
    }
    let unreleased = old.types().find(|ty| !ty.kind().is_released());
    let front = unreleased.map_or(old.first_id(), |ty| ty.id()).0;
    let is_grown = |ids_from: u32| {
        // The strings stay where they are: it is the same blob that grew.
        let ids = Shift { ids_from, strs_by: 0, ..shift };
        let mut moved = old.clone();
        // Behind all types nothing moves, so that kinds of which only sizes are known don't matter.
        (ids_from == old.type_count() || moved.shift(&ids).is_ok())
            && moved.types().all(|ty| {
                let grown = new.get(TypeId(ids.id(ty.id().0)));
                grown.is_some_and(|grown| grown.words() == ty.words())
            })
    };
    let ids_from = [old.type_count(), front].into_iter().find(|ids_from| is_grown(*ids_from))?;
    Some(Shift { ids_from, ..shift })
}

impl Btf {
    /// Moves this split blob along with its base: the base's types and strings have changed by
    /// `shift`, and `base` is what they are now.
    ///
    /// # Errors
    /// If a kind's word classes are not known, or `base` knows others, if a limit of the format would be
    /// passed, or if a reference would reach nothing in `base`.
    pub fn follow_base(mut self, shift: &Shift, base: Arc<Btf>) -> Result<Btf> {
        check_fits(&self, &base)?;
        // The origin record names the base: it is taken off before names move, and put on anew.
        let origin = self.take_origin()?;
        self.shift(shift)?;
        self.rebase_onto(base);
        if let (Some(origin), Some(base)) = (origin, self.base().map(Arc::clone)) {
            self.put_origin(origin.numbered_for(&base))?;
        }
        // Both come from the caller and could be about different bases.
        self.check_references()?;
        Ok(self)
    }
}
