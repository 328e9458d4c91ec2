//! A file stripped of descriptions: its BTF, and what refers to it.

use std::sync::Arc;

use super::btf_ids::{self, Policy};
use super::edited::Edited;
use super::rewrite::OwnBase;
use super::{File, ext};
use crate::btf::Btf;
use crate::error::Result;
use crate::origin::{Numbering, Origin};
use crate::renumber::Shift;
use crate::strip::{Strip, Stripped, Used, renumbered, stripped};

impl File {
    /// Takes descriptions of kinds off the file's BTF in memory, as [`strip`](crate::strip) does; `.BTF_ids`, `.BTF.ext`,
    /// relocations of `.BTF` and BTF split on it in the same file move along, and what they refer to stays.
    /// An appended signature is taken off if asked for.
    ///
    /// # Errors
    /// As reading, and as [`strip`](crate::strip); if something refers to `.BTF` that cannot be understood.
    pub fn strip<'a>(
        &'a self,
        how: &'a Strip,
        strip_signature: bool,
    ) -> Result<(Edited<'a>, Stripped)> {
        let blob = self.bytes()?;
        if let Some(origin) = Origin::find(&blob)
            && origin.was_standalone()
            && origin.base_types != 0
        {
            return Err(renumbered(origin));
        }
        let before = Numbering::of(&blob, &how.parse)?;
        let old = Arc::new(self.btf(&how.parse)?);
        old.check_base()?;
        let used = self.used_elsewhere(&old, how)?;
        let (new, done) = stripped(&old, how, &used)?;
        let edited = Edited {
            file: self,
            parse: &how.parse,
            strip_signature,
            old,
            new: Arc::new(new),
            shift: Shift::default(),
            lowered: 0,
            lowered_strs: 0,
            ids: Policy::Move,
            own_base: OwnBase::Keep,
            before,
            rebuilt: false,
            removed: done.removal.clone(),
        };
        Ok((edited, done))
    }

    /// The types and strings of `.BTF` that other sections refer to.
    fn used_elsewhere(&self, btf: &Arc<Btf>, how: &Strip) -> Result<Used> {
        let Some(elf) = self.elf() else { return Ok(Used::default()) };
        let mut used = match elf.find(".BTF.ext") {
            // An unknown form does not matter as long as nothing moves: see `patches`.
            Some(section) => ext::used(&elf.section_data(section)?, elf.endian).unwrap_or_default(),
            None => Used::default(),
        };
        if let Some(section) = elf.find(".BTF_ids") {
            used.ids.extend(btf_ids::used(elf, section)?);
        }
        for (_, offset) in elf.relocations_of(elf.btf_section()?)? {
            let place = usize::try_from(offset).ok().and_then(|offset| btf.place_of(offset));
            used.ids.extend(place.map(|(id, _)| id.0));
        }
        for section in elf.dependents()? {
            let parse = how.parse.clone().base(Arc::clone(btf));
            let split = parse.read(&elf.section_data(section)?);
            for ty in split.map_err(|err| err.in_section(&section.name))?.types() {
                ty.for_each_ref(|_, word, is_str| match is_str {
                    true if word < btf.str_end() => drop(used.strings.insert(word)),
                    false if word < btf.type_count() => drop(used.ids.insert(word)),
                    _ => {}
                });
            }
        }
        Ok(used)
    }
}
