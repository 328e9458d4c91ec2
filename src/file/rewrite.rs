//! A file with other BTF in it: what has to change along with `.BTF`.

use std::path::Path;
use std::sync::Arc;

use super::btf_ids::Policy;
use super::elf::{Elf, Patches};
use super::save::Prepared;
use super::{Content, File, btf_ids, ext};
use crate::btf::{Btf, Parse, Removal, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::renumber::Shift;

/// How a file's BTF changed.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// As it was.
    pub old: &'a Arc<Btf>,
    /// As it is to be.
    pub new: &'a Arc<Btf>,
    /// How references to it move.
    pub shift: Shift,
    /// How to read BTF in the same file that is split on it: the kinds that the caller knows.
    pub parse: &'a Parse,
    /// By how much type ids in the file are above those of `old`: `old` may be the standalone form
    /// of a renumbered blob.
    pub(super) lowered: u32,
    /// The same for string offsets.
    pub(super) lowered_strs: u32,
    pub(super) ids: Policy,
    pub(super) own_base: OwnBase,
    /// Types went elsewhere one by one: what refers to them in other sections can't be moved.
    pub(super) rebuilt: bool,
    /// What is taken out; nothing else in the file refers to it.
    pub(super) removed: Removal,
}

/// What becomes of the section `.BTF.base`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum OwnBase {
    /// It stays as it is.
    #[default]
    Keep,
    /// The base of the new BTF is put there.
    Add,
    /// It is taken out.
    Remove,
}

impl<'a> Change<'a> {
    /// A change of BTF that is numbered as the file says, in which references move by `shift`.
    pub fn new(old: &'a Arc<Btf>, new: &'a Arc<Btf>, shift: Shift, parse: &'a Parse) -> Self {
        Change {
            old,
            new,
            shift,
            parse,
            lowered: 0,
            lowered_strs: 0,
            ids: Policy::Move,
            own_base: OwnBase::Keep,
            rebuilt: false,
            removed: Removal::default(),
        }
    }

    /// The same change for BTF that is split on this: `old` becomes `new` with it.
    pub fn along(&self, old: &'a Arc<Btf>, new: &'a Arc<Btf>) -> Self {
        Change { old, new, ..self.clone() }
    }

    /// BTF that is split on this, moved along.
    ///
    /// # Errors
    /// As [`Btf::follow_base`], and if it refers to what was taken out.
    pub fn follow(&self, split: Btf) -> Result<Btf> {
        match self.removed.is_empty() {
            true => split.follow_base(&self.shift, Arc::clone(self.new)),
            false => split.follow_removal(&self.removed, Arc::clone(self.new)),
        }
    }

    /// Whether BTF that is split on this stays as it is.
    pub fn is_still(&self) -> bool {
        (self.shift.ids_by, self.shift.strs_by) == (0, 0) && self.removed.is_empty()
    }

    /// Where a type id in the file goes.
    pub(super) fn id(&self, id: u32) -> u32 {
        // What is taken out is nothing that the file refers to: see `File::strip`.
        self.removed.id(self.shift.id(id.saturating_sub(self.lowered))).unwrap_or(0)
    }

    /// Where a string offset in the file goes.
    pub(super) fn string(&self, offset: u32) -> u32 {
        let shifted = self.shift.string(offset.saturating_sub(self.lowered_strs));
        self.removed.string(shifted).unwrap_or(0)
    }

    /// Whether ids of existing types change.
    fn moves_ids(&self) -> bool {
        let count = self.old.type_count();
        self.lowered != 0
            || (self.shift.ids_by != 0 && self.shift.ids_from < count)
            || self.removed.moves_ids(count)
    }

    /// Whether string offsets that taking strings out changes are used.
    fn moves_strings(&self) -> bool {
        self.removed.moves_strings(self.old.str_end())
    }
}

impl File {
    /// Prepares `dest` to become this file with its BTF changed: a raw blob, or an ELF file in
    /// which nothing moves but `.BTF` and what refers to it (`.BTF_ids`, `.BTF.ext`, relocations
    /// of `.BTF`, other BTF split on it). Nothing is visible before [`Prepared::commit`].
    ///
    /// # Errors
    /// If a loaded section would have to grow, if something refers to `.BTF` that cannot be moved
    /// for certain, if an appended signature would become invalid and is not to be stripped, or if
    /// writing fails.
    pub fn prepare(
        &self,
        change: &Change<'_>,
        strip_signature: bool,
        dest: &Path,
    ) -> Result<Prepared> {
        match &self.content {
            Content::Raw(_) => self.prepare_raw(change.new, dest),
            Content::Elf(elf) if self.packing.is_none() => {
                let patches = patches(elf, change, strip_signature)?;
                Prepared::elf(dest, &self.path, elf, &patches)
            }
            Content::Elf(_) => {
                let bytes = self.changed(change, strip_signature)?;
                Prepared::bytes(dest, Some(&self.path), &bytes)
            }
        }
    }

    /// Prepares `dest` to become this file without its appended signature.
    ///
    /// # Errors
    /// If writing fails.
    pub fn prepare_unsigned(&self, dest: &Path) -> Result<Prepared> {
        match (&self.content, self.packing) {
            (Content::Elf(elf), None) => {
                Prepared::elf(dest, &self.path, elf, &elf.without_signature())
            }
            (Content::Elf(elf), Some(_)) => {
                let bytes = elf.patched(&elf.without_signature());
                let bytes = bytes.map_err(|err| Error::io("cannot read", &err))?;
                Prepared::bytes(dest, Some(&self.path), &self.packed(bytes)?)
            }
            (Content::Raw(_), _) => Prepared::copy(&self.path, dest),
        }
    }

    /// The file's bytes as they are, or without an appended signature.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn contents(&self, strip_signature: bool) -> Result<Vec<u8>> {
        let bytes = match &self.content {
            Content::Raw(blob) => super::raw(blob)?.bytes().to_vec(),
            Content::Elf(elf) => {
                let patches = match strip_signature {
                    true => elf.without_signature(),
                    false => Patches::default(),
                };
                elf.patched(&patches).map_err(|err| Error::io("cannot read", &err))?
            }
        };
        self.packed(bytes)
    }

    /// Prepares `dest` to hold the file's bytes as they are.
    ///
    /// # Errors
    /// If they can't be read, or if writing fails.
    pub fn prepare_contents(&self, dest: &Path) -> Result<Prepared> {
        Prepared::bytes(dest, None, &self.contents(false)?)
    }

    /// Prepares `dest` to hold raw BTF, compressed if this file is: see [`File::prepare`].
    ///
    /// # Errors
    /// If writing fails.
    pub fn prepare_raw(&self, btf: &Btf, dest: &Path) -> Result<Prepared> {
        match self.packing {
            None => Prepared::raw(dest, Some(&self.path), btf),
            Some(_) => Prepared::bytes(dest, Some(&self.path), &self.packed(btf.to_bytes())?),
        }
    }

    /// The bytes of this file with its BTF changed: see [`File::prepare`].
    ///
    /// # Errors
    /// As [`File::prepare`].
    pub fn changed(&self, change: &Change<'_>, strip_signature: bool) -> Result<Vec<u8>> {
        let bytes = match &self.content {
            Content::Raw(_) => change.new.to_bytes(),
            Content::Elf(elf) => {
                let patches = patches(elf, change, strip_signature)?;
                elf.patched(&patches).map_err(|err| Error::io("cannot read", &err))?
            }
        };
        self.packed(bytes)
    }
}

fn patches(elf: &Elf, change: &Change<'_>, strip_signature: bool) -> Result<Patches> {
    let section = elf.btf_section()?;
    let new = change.new.to_bytes();
    let same = change.is_still()
        && change.lowered == 0
        && change.own_base == OwnBase::Keep
        && new == elf.section_data(section)?;
    if same && !strip_signature {
        return Ok(Patches::default());
    }
    if elf.signature.is_some() && !strip_signature {
        return Err(Error::new(ErrorKind::Elf, "a module signature is appended, which the change would make invalid")
            .with_help("--strip-signature takes it off; sign the module again afterwards (scripts/sign-file in the kernel's tree)"));
    }
    let mut patches = elf.without_signature();
    if change.removed.is_empty() || !elf.give_back(section, &new, &mut patches)? {
        elf.replace(section, &new, &mut patches)?;
    }
    if change.rebuilt {
        check_rebuilt(elf)?;
    }
    move_relocations(elf, change, &mut patches)?;
    if let Some(ids) = elf.find(".BTF_ids")
        && (change.moves_ids() || change.ids != Policy::Move || change.rebuilt)
        && let Some(data) = btf_ids::changed(elf, ids, change)?
    {
        elf.replace(ids, &data, &mut patches)?;
    }
    if let Some(section) = elf.find(".BTF.ext") {
        let data = elf.section_data(section)?;
        let moved = ext::shifted(&data, elf.endian, change);
        // Without ids to move, an unknown form does not matter.
        match moved {
            Ok(moved) if moved != data => elf.replace(section, &moved, &mut patches)?,
            Ok(_) => {}
            Err(_) if !change.moves_ids() && !change.moves_strings() => {}
            Err(err) => return Err(err),
        }
    }
    for section in elf.dependents()? {
        // To follow a base is one thing; renumbering along could not be undone.
        if change.lowered != 0 || change.ids != Policy::Move {
            let what =
                "this section is split on .BTF: it can't be moved together with renumbered BTF";
            return Err(Error::new(ErrorKind::Elf, what).in_section(&section.name));
        }
        let data = elf.section_data(section)?;
        let parse = change.parse.clone().base(Arc::clone(change.old));
        let moved = parse.read(&data).and_then(|split| change.follow(split));
        let moved = moved.map_err(|err| err.in_section(&section.name))?.to_bytes();
        if moved != data {
            elf.replace(section, &moved, &mut patches)?;
        }
    }
    match (change.own_base, change.new.base(), elf.find(".BTF.base")) {
        (OwnBase::Add, Some(base), None) => {
            elf.add_section(".BTF.base", &base.to_bytes(), &mut patches)?
        }
        (OwnBase::Add, Some(base), Some(section)) => {
            elf.replace(section, &base.to_bytes(), &mut patches)?
        }
        (OwnBase::Remove, _, Some(section)) => elf.remove_section(section, &mut patches),
        _ => {}
    }
    Ok(patches)
}

/// Refuses what no kernel module has: references to single types and strings of `.BTF`.
fn check_rebuilt(elf: &Elf) -> Result<()> {
    if !elf.relocatable {
        let what = "this is a linked program or a vmlinux, no kernel module";
        return Err(Error::new(ErrorKind::Elf, what));
    }
    let referring = elf.find(".BTF.ext").map(|_| ".BTF.ext");
    let relocated = !elf.relocations_of(elf.btf_section()?)?.is_empty();
    match referring.or(relocated.then_some("relocations of .BTF")) {
        Some(what) => {
            let what = format!(
                "the file has {what}: this is no kernel module, its types can't become others"
            );
            Err(Error::new(ErrorKind::Elf, what))
        }
        None => Ok(()),
    }
}

/// Relocations of `.BTF` are for places in its type section, which move as types are put before
/// them.
fn move_relocations(elf: &Elf, change: &Change<'_>, patches: &mut Patches) -> Result<()> {
    for (at, offset) in elf.relocations_of(elf.btf_section()?)? {
        let place = usize::try_from(offset).ok().and_then(|offset| change.old.place_of(offset));
        let moved = place.and_then(|(id, within)| {
            let id = change.removed.id(change.shift.id(id.0))?;
            change.new.offset_of(TypeId(id))?.checked_add(within)
        });
        let Some(moved) = moved else {
            let what = format!("a relocation of .BTF is for {offset:#x}, where no type is");
            return Err(Error::new(ErrorKind::Elf, what));
        };
        if moved as u64 != offset {
            elf.move_relocation(at, moved as u64, patches);
        }
    }
    Ok(())
}
