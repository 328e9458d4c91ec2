//! A module rebased, or flattened: its BTF, its `.BTF_ids`, its `.BTF.base`.

use std::sync::Arc;

use super::File;
use super::btf_ids::{self, Policy};
use super::edited::Edited;
use super::rewrite::OwnBase;
use crate::btf::{Btf, Parse, Removal, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::origin::Numbering;
use crate::rebase::{BaseIndex, Rebased, distill, flatten};
use crate::relocate::relocate;
use crate::renumber::{Shift, lowered, restored};

/// What a module's types are to become.
#[derive(Debug, Clone)]
pub enum Split {
    /// Split on this base: what is the base's becomes the base's.
    On(Arc<BaseIndex>),
    /// The same, on a distilled base that the module carries in `.BTF.base`: kernels from 6.11 find
    /// the types in their own BTF.
    Portable(Arc<BaseIndex>),
    /// Standalone; the base that it is split on now, if the module needs one to be read.
    Flat(Option<Arc<Btf>>),
}

/// How to rebase or flatten.
#[derive(Debug, Clone)]
pub struct Rebase {
    /// What the types are to become.
    pub to: Split,
    /// The base that a split module is on now.
    pub from: Option<Arc<Btf>>,
    /// Where `.BTF_ids` was filled for other BTF and its flags differ, go by the order of the functions.
    pub resolve_ids: bool,
    /// Take an appended signature off.
    pub strip_signature: bool,
    /// The kinds that the caller knows.
    pub parse: Parse,
}

/// What a file has: its standalone form, and what its ids are in the file.
struct Flat {
    btf: Btf,
    old: Arc<Btf>,
    lowered: u32,
}

impl File {
    /// Rebases or flattens the file's BTF in memory; None if it is as asked for already. `.BTF_ids` is
    /// filled by kind and name.
    ///
    /// Standalone, renumbered and portable BTF is taken as it is. Truly split BTF, rebased BTF among
    /// it, is flattened first, for which the base that it is on is needed ([`Rebase::from`]). BTF that
    /// carries a distilled base is relocated to the new base first.
    ///
    /// # Errors
    /// As reading; if a base is missing or is the wrong one; if something in the file refers to types
    /// that become others (`.BTF.ext`, relocations, other BTF split on it); if `.BTF_ids` asks for
    /// what is not there.
    pub fn rebase<'a>(&'a self, how: &'a Rebase) -> Result<Option<(Edited<'a>, Option<Rebased>)>> {
        let blob = self.bytes()?;
        let before = Numbering::of(&blob, &how.parse)?;
        let Some(flat) = self.flat(how, &blob, before)? else {
            return Ok(None);
        };
        let functions = self.asked_for(&flat.btf)?.0;
        let (new, rebased) = match &how.to {
            Split::Flat(_) => (flat.btf, None),
            Split::On(index) => {
                let rebased = index.rebase(&flat.btf, &functions)?;
                (rebased.btf().clone(), Some(rebased))
            }
            Split::Portable(_) if self.is_raw() => {
                let what = "raw BTF has no place for .BTF.base: rebase the module (ELF)";
                return Err(Error::new(ErrorKind::Edit, what));
            }
            Split::Portable(index) => {
                let rebased = index.rebase(&flat.btf, &functions)?;
                let (_, roots) = self.asked_for(rebased.btf())?;
                (distill(rebased.btf(), &roots)?.into_btf(), Some(rebased))
            }
        };
        let portable = matches!(how.to, Split::Portable(_));
        let own_base = match (portable, self.has_own_base()) {
            (true, _) => OwnBase::Add,
            (false, true) => OwnBase::Remove,
            (false, false) => OwnBase::Keep,
        };
        if new.to_bytes() == blob && self.own_base_is(new.base().filter(|_| portable))? {
            return Ok(None);
        }
        let mut edited = Edited {
            file: self,
            parse: &how.parse,
            strip_signature: how.strip_signature,
            old: flat.old,
            new: Arc::new(new),
            shift: Shift::default(),
            lowered: flat.lowered,
            lowered_strs: 0,
            ids: Policy::Move,
            own_base,
            before,
            rebuilt: true,
            removed: Removal::default(),
        };
        // Flattening leaves what was never filled as it is; a kernel needs it filled.
        let flat = matches!(how.to, Split::Flat(_));
        if self
            .elf()
            .is_some_and(|elf| !elf.id_symbols.is_empty() && elf.find(".BTF_ids").is_some())
            && !(flat && self.ids_are_empty()?)
        {
            edited.ids = Policy::Resolve;
        }
        if let (false, [set, ..]) = (how.resolve_ids, edited.sets_by_order()?.as_slice()) {
            let what = format!(
                "symbol {set}: it was filled for other BTF, so that only the order of its functions tells whose its flags are"
            );
            return Err(Error::new(ErrorKind::Elf, what)
                .in_section(".BTF_ids")
                .with_help("--resolve-ids goes by that order"));
        }
        Ok(Some((edited, rebased)))
    }

    /// The standalone form of what is in the file.
    fn flat(&self, how: &Rebase, blob: &[u8], before: Numbering) -> Result<Option<Flat>> {
        let standalone = |btf: Btf, lowered| Flat { old: Arc::new(btf.clone()), btf, lowered };
        let flattened = |split: Btf, own_ids: &Arc<Btf>| -> Result<Option<Flat>> {
            let (_, roots) = self.asked_for(&split)?;
            let btf = flatten(&split, &roots)?.into_btf();
            Ok(Some(Flat { btf, old: Arc::clone(own_ids), lowered: 0 }))
        };
        match (before, &how.to) {
            (Numbering::SplitByOrigin(origin), _) if origin.was_standalone() => {
                let btf = restored(lowered(blob, origin, &how.parse)?)?;
                return Ok(Some(standalone(btf, origin.base_types.saturating_sub(1))));
            }
            _ if self.has_own_base() => {
                let base = match &how.to {
                    Split::On(index) | Split::Portable(index) => Some(index.base()),
                    Split::Flat(base) => base.as_ref(),
                };
                let Some(base) = base else {
                    let what = "this is split on a distilled base, its own .BTF.base: the types themselves are in the kernel's BTF";
                    return Err(Error::new(ErrorKind::Base, what).with_help("give that with -B"));
                };
                let old = Arc::new(self.btf(&how.parse)?);
                return flattened(relocate(&old, base)?, &old);
            }
            _ if before.is_standalone() => {
                if matches!(how.to, Split::Flat(_)) {
                    return Ok(None);
                }
                let btf = how.parse.clone().standalone().read(blob)?;
                return Ok(Some(standalone(btf, 0)));
            }
            _ => {}
        }
        let from = match (before, &how.to) {
            (_, Split::Flat(base)) => base.as_ref(),
            (Numbering::SplitByOrigin(origin), Split::On(index)) if origin.names(index.base()) => {
                return Ok(None);
            }
            // It can be what is asked for already, but for the form.
            (Numbering::SplitByOrigin(origin), Split::Portable(index))
                if origin.names(index.base()) =>
            {
                Some(index.base())
            }
            _ => how.from.as_ref(),
        };
        let Some(from) = from else {
            let flat = matches!(how.to, Split::Flat(_));
            return Err(Error::new(ErrorKind::Base, format!("this BTF is {before}")).with_help(if flat {
                "give that base with -B"
            } else {
                "the types that it shares with that base are only there: name that base with --from"
            }));
        };
        let split = how.parse.clone().base(Arc::clone(from)).read_as_it_is(blob)?;
        split.check_base()?;
        let split = Arc::new(split);
        flattened(Btf::clone(&split), &split)
    }

    /// What `.BTF_ids` asks for: the functions, and all types of this BTF.
    fn asked_for(&self, btf: &Btf) -> Result<(Vec<&str>, Vec<TypeId>)> {
        match self.elf().and_then(|elf| Some((elf, elf.find(".BTF_ids")?))) {
            Some((elf, section)) => btf_ids::asked_for(elf, section, btf),
            None => Ok((Vec::new(), Vec::new())),
        }
    }

    fn ids_are_empty(&self) -> Result<bool> {
        match self.elf().and_then(|elf| Some((elf, elf.find(".BTF_ids")?))) {
            Some((elf, section)) => Ok(elf.section_data(section)?.iter().all(|byte| *byte == 0)),
            None => Ok(true),
        }
    }
}
