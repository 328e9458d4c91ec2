//! A module renumbered: its BTF, its `.BTF_ids`, its `.BTF.base`.

use std::sync::Arc;

use super::File;
use super::btf_ids::{self, Policy};
use super::edited::Edited;
use super::rewrite::OwnBase;
use crate::btf::{Btf, Parse, Removal};
use crate::error::{Error, ErrorKind, Result};
use crate::origin::{Numbering, Origin};
use crate::relocate::relocate;
use crate::renumber::{Shift, growth, lowered, portable_base, renumber, restored};

/// What a module is to be numbered for.
#[derive(Debug, Clone)]
pub enum Target {
    /// This base: classic split BTF, for any kernel.
    Base(Arc<Btf>),
    /// A tiny base of its own that it carries in `.BTF.base`: kernels from 6.11 relocate it.
    Portable,
    /// Nothing: the standalone form that it had.
    Standalone,
}

/// How to renumber.
#[derive(Debug, Clone)]
pub struct Renumber {
    /// What for.
    pub target: Target,
    /// The base that a split module is numbered for now, if the module does not say so itself.
    pub from: Option<Arc<Btf>>,
    /// Fill `.BTF_ids` by kind and name where it is not filled, or for other BTF.
    pub resolve_ids: bool,
    /// Take an appended signature off.
    pub strip_signature: bool,
    /// The kinds that the caller knows.
    pub parse: Parse,
}

impl File {
    /// Renumbers the file's BTF in memory; None if it is numbered as asked for already.
    ///
    /// Standalone BTF moves to the target; BTF that says by its origin record that it was
    /// standalone moves there from wherever it is now. Truly split BTF moves only with its base,
    /// from [`Renumber::from`] to a base that is that one grown.
    ///
    /// # Errors
    /// As reading; if the BTF is split and no record tells from what; if the base that it is
    /// split on is another one; if `.BTF_ids` cannot be moved for certain; if a limit is passed.
    pub fn renumber<'a>(&'a self, how: &'a Renumber) -> Result<Option<Edited<'a>>> {
        let blob = self.bytes()?;
        let before = Numbering::of(&blob, &how.parse)?;
        if let (Numbering::StandaloneTold, Some(origin)) = (before, Origin::find(&blob))
            && origin.base_types != 0
        {
            let what = format!("it is not standalone: it was numbered for a base of {origin}");
            return Err(Error::new(ErrorKind::Base, what));
        }
        match before {
            Numbering::SplitByOrigin(origin) if origin.was_standalone() => {
                let old = lowered(&blob, origin, &how.parse)?;
                self.renumber_standalone(how, old, Some(origin), before)
            }
            _ if self.has_own_base() => self.relocate(how, before),
            _ if before.is_standalone() => {
                let old = how.parse.clone().standalone().read(&blob)?;
                self.renumber_standalone(how, old, None, before)
            }
            Numbering::SplitByOrigin(origin) if matches!(&how.target, Target::Base(base) if origin.names(base)) => {
                Ok(None)
            }
            _ => self.follow_base(how, &blob, before),
        }
    }

    fn renumber_standalone<'a>(
        &'a self,
        how: &'a Renumber,
        old: Btf,
        now: Option<Origin>,
        before: Numbering,
    ) -> Result<Option<Edited<'a>>> {
        let portable = matches!(how.target, Target::Portable);
        if portable && self.is_raw() {
            return Err(Error::new(
                ErrorKind::Edit,
                "raw BTF has no place for .BTF.base: renumber the module (ELF)",
            ));
        }
        let base = match &how.target {
            Target::Base(base) => Some(Arc::clone(base)),
            Target::Portable => Some(Arc::new(portable_base(&old)?)),
            Target::Standalone => None,
        };
        let there = match (&base, now) {
            (Some(base), Some(origin)) => {
                origin.names(base) && self.own_base_is(portable.then_some(base))?
            }
            (None, None) => true,
            _ => false,
        };
        if there {
            return Ok(None);
        }
        let old = Arc::new(old);
        let new = match &base {
            Some(base) => renumber(&old, base)?,
            None => restored(Btf::clone(&old))?,
        };
        let own_base = match (portable, self.has_own_base()) {
            (true, _) => OwnBase::Add,
            (false, true) => OwnBase::Remove,
            (false, false) => OwnBase::Keep,
        };
        let shift = base.as_deref().map(Shift::onto).unwrap_or_default();
        let lowered = now.map_or(0, |origin| origin.base_types.saturating_sub(1));
        let mut done = Edited {
            file: self,
            parse: &how.parse,
            strip_signature: how.strip_signature,
            old,
            new: Arc::new(new),
            shift,
            lowered,
            lowered_strs: now.map_or(0, |origin| origin.base_strs),
            ids: Policy::Need,
            own_base,
            before,
            rebuilt: false,
            removed: Removal::default(),
        };
        done.settle_ids(how, now)?;
        Ok(Some(done))
    }

    /// Whether the file's `.BTF.base` is this one, or whether it has none.
    pub(super) fn own_base_is(&self, base: Option<&Arc<Btf>>) -> Result<bool> {
        let section = self.elf().and_then(|elf| Some((elf, elf.find(".BTF.base")?)));
        Ok(match (section, base) {
            (None, None) => true,
            (Some((elf, section)), Some(base)) => elf.section_data(section)? == base.to_bytes(),
            _ => false,
        })
    }

    /// From a distilled base to the real one.
    fn relocate<'a>(&'a self, how: &'a Renumber, before: Numbering) -> Result<Option<Edited<'a>>> {
        let Target::Base(base) = &how.target else {
            let what =
                "this is split on its own .BTF.base: it is portable, and has no standalone form";
            return Err(Error::new(ErrorKind::Base, what));
        };
        let old = Arc::new(self.btf(&how.parse)?);
        let new = Arc::new(relocate(&old, base)?);
        let shift = old.base().and_then(|own| Shift::between(own, base)).unwrap_or_default();
        let mut done = Edited {
            file: self,
            parse: &how.parse,
            strip_signature: how.strip_signature,
            old,
            new,
            shift,
            lowered: 0,
            lowered_strs: 0,
            ids: Policy::Move,
            own_base: OwnBase::Remove,
            before,
            rebuilt: false,
            removed: Removal::default(),
        };
        // Ids of the base go wherever its types are: they are looked up anew.
        if let Some(elf) = self.elf()
            && let Some(section) = elf.find(".BTF_ids")
            && elf.section_data(section)?.iter().any(|byte| *byte != 0)
        {
            done.ids = Policy::Resolve;
        }
        Ok(Some(done))
    }

    fn follow_base<'a>(
        &'a self,
        how: &'a Renumber,
        blob: &[u8],
        before: Numbering,
    ) -> Result<Option<Edited<'a>>> {
        let Target::Base(base) = &how.target else {
            let what = format!("this BTF is {before}; it has no standalone form");
            return Err(Error::new(ErrorKind::Base, what));
        };
        let Some(from) = &how.from else {
            let what = match before {
                Numbering::SplitByOrigin(_) => format!("this BTF is {before}"),
                _ => format!("this BTF is {before}; what base it was built for is not recorded"),
            };
            return Err(Error::new(ErrorKind::Base, what).with_help(
                "if that base has grown ('btfkinds encode'), name what it was with --from",
            ));
        };
        let on = |base: &Arc<Btf>| -> Result<Btf> {
            let btf = how.parse.clone().base(Arc::clone(base)).read_as_it_is(blob)?;
            btf.check_base().map(|()| btf)
        };
        let old = match on(from) {
            Ok(old) => old,
            // It has been moved before.
            Err(_) if on(base).is_ok() => return Ok(None),
            Err(err) => return Err(err),
        };
        let Some(shift) = growth(from, base) else {
            let what = format!(
                "the base given with --from ({} types, {} bytes of strings) did not grow into this one ({} types, {} bytes of strings)",
                from.type_count(),
                from.str_end(),
                base.type_count(),
                base.str_end()
            );
            return Err(Error::new(ErrorKind::Base, what)
                .with_help("split BTF can only follow its base; for another kernel, build the module for that kernel"));
        };
        if shift.ids_by == 0 && shift.strs_by == 0 {
            return Ok(None);
        }
        let new = old.clone().follow_base(&shift, Arc::clone(base))?;
        Ok(Some(Edited {
            file: self,
            parse: &how.parse,
            strip_signature: how.strip_signature,
            old: Arc::new(old),
            new: Arc::new(new),
            shift,
            lowered: 0,
            lowered_strs: 0,
            ids: Policy::Move,
            own_base: OwnBase::Keep,
            before,
            rebuilt: false,
            removed: Removal::default(),
        }))
    }
}

impl Edited<'_> {
    /// Whether ids are moved, filled or taken out, and the record of that.
    fn settle_ids(&mut self, how: &Renumber, now: Option<Origin>) -> Result<()> {
        let Some((elf, section)) =
            self.file.elf().and_then(|elf| Some((elf, elf.find(".BTF_ids")?)))
        else {
            return Ok(());
        };
        let filled_by_us = now.is_some_and(|origin| origin.standalone & Origin::IDS_RESOLVED != 0);
        let undo = matches!(how.target, Target::Standalone);
        self.ids = match (undo, filled_by_us) {
            (true, true) => Policy::Clear,
            (true, false) => Policy::Move,
            (false, true) => Policy::Resolve,
            (false, false)
                if how.resolve_ids && btf_ids::needs_resolving(elf, section, &self.change())? =>
            {
                Policy::Resolve
            }
            (false, false) => Policy::Need,
        };
        if self.ids == Policy::Resolve
            && let Some(origin) = self.new.origin()
        {
            let standalone = origin.standalone | Origin::IDS_RESOLVED;
            Arc::make_mut(&mut self.new).set_origin(Origin { standalone, ..origin });
        }
        Ok(())
    }
}
