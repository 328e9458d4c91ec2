//! What is not the kernel's business: references that nobody follows when a module is loaded, names
//! that give a wrong base away, and what other readers of BTF choke on.

use std::sync::Arc;

use super::rule::{self, Rule};
use super::{Check, Role, describe, strings};
use crate::btf::{Begun, Btf, Header, Parse, TypeId, Types, Walk, Walked, walk};
use crate::error::{Error, ErrorKind};
use crate::kind::{Kind, KindMap, KindSpec, Layout};
use crate::origin::{Numbering, Origin};

/// A blob that could be walked; its references may lead anywhere.
pub(super) struct Own<'a> {
    blob: &'a [u8],
    pub(super) kinds: KindMap,
    pub(super) walk: WalkOf<'a>,
    pub(super) starts: Vec<u32>,
}

/// What a walk goes over.
pub(super) struct WalkOf<'a> {
    words: Vec<u32>,
    strings: &'a [u8],
    pub(super) layout: Layout,
    base: Option<&'a Arc<Btf>>,
    offset: usize,
}

impl WalkOf<'_> {
    pub(super) fn get(&self) -> Walk<'_> {
        Walk {
            words: &self.words,
            strings: self.strings,
            start_id: self.base.map_or(1, |base| base.type_count()),
            start_str: self.base.map_or(0, |base| base.str_end()),
            base: self.base.map(|base| &**base),
            layout: &self.layout,
            given: &[],
            offset: self.offset,
        }
    }
}

impl<'a> Own<'a> {
    /// Walks a blob; an error says why that is not possible.
    pub(super) fn read(blob: &'a [u8], base: Option<&'a Arc<Btf>>) -> Result<Own<'a>, Error> {
        let header = Header::parse(blob)?;
        let section = |range: &std::ops::Range<usize>| blob.get(range.clone()).unwrap_or_default();
        let of = WalkOf {
            words: header.endian.words(section(&header.types)),
            strings: section(&header.strings),
            layout: Layout {
                bytes: header.layout.as_ref().map(section).unwrap_or_default().to_vec(),
            },
            base,
            offset: header.types.start,
        };
        let Walked { starts, kinds } = walk(of.get(), Begun::new(of.words.len()))?;
        Ok(Own { blob, kinds, walk: of, starts })
    }

    pub(super) fn types(&self) -> Types<'_> {
        self.walk.get().types(&self.starts)
    }

    /// Calls `f` with the id of every record, what its kind is, the position and value of each type id and
    /// string offset in it, and whether it is a string offset.
    pub(super) fn for_each_reference(&self, mut f: impl FnMut(u32, &KindSpec, usize, u32, bool)) {
        for (id, words) in self.types().own_from(0) {
            let kind = Kind::of_info(words.get(1).copied().unwrap_or(0));
            let Some(entry) = self.kinds.get(kind) else { continue };
            entry.refs.for_each(words, |at, word, is_str| f(id, &entry.spec, at, word, is_str));
        }
    }
}

/// Finds all that the kernel does not look at.
pub(super) fn check(check: &mut Check<'_, '_>, own: Result<Own<'_>, Error>) {
    let own = match own {
        Ok(own) => own,
        Err(err) => {
            // What is wrong with the header or a record is the kernel's to say.
            match err.kind() {
                ErrorKind::UnknownKind(_) => unreadable(check, &rule::KIND_UNKNOWN, &err),
                ErrorKind::Description => unreadable(check, &rule::DESCRIPTION, &err),
                // The kernel gives up at the kind, and what is said of its sizes cannot be.
                ErrorKind::Record if check.unknown_kind => {
                    unreadable(check, &rule::DESCRIPTION, &err);
                }
                _ => {}
            }
            return;
        }
    };
    references(check, &own);
    names(check, &own);
    numbering(check, &own);
    strings::check(check, &own);
    describe::check(check, &own);
}

/// A finding that an error of ours says.
pub(super) fn unreadable(check: &mut Check<'_, '_>, rule: &Rule, err: &Error) {
    let place = check.place_of(err.type_id(), err.offset(), None);
    check.findings.own(rule, place, err.message());
}

/// What the word at a position of a record is called.
fn field(spec: &KindSpec, at: usize) -> Option<String> {
    let Some(rest) = at.checked_sub(3) else {
        return (at == 0).then(|| "name".to_owned());
    };
    let Some(within) = rest.checked_sub(spec.fixed.len()) else {
        return spec.fixed.get(rest).map(|field| field.name.clone());
    };
    let len = spec.elements.len().max(1);
    let name = spec.elements.get(within.checked_rem(len)?).map_or("", |field| &field.name);
    let number = within.checked_div(len)?;
    Some(if name.is_empty() {
        format!("{} {number}", spec.each)
    } else {
        format!("{} {number}: {name}", spec.each)
    })
}

/// Ids that lead nowhere. Where a user loads BTF, the kernel finds them, but not in kinds that it does not know.
fn references(check: &mut Check<'_, '_>, own: &Own<'_>) {
    let resolved = matches!(check.options.role, Role::User | Role::Object);
    let end = check.blob.first_id.saturating_add(u32::try_from(own.starts.len()).unwrap_or(0));
    let strings = check.blob.first_string as usize;
    let string_end = strings.saturating_add(own.walk.strings.len());
    own.for_each_reference(|id, spec, at, word, is_str| {
        if resolved && spec.kind.is_released() {
            return;
        }
        let (fine, what) = match is_str {
            // The kernel has seen to the names of the kinds that it knows.
            true => ((word as usize) < string_end || spec.kind.is_released(), "string offset"),
            false => (word < end, "type id"),
        };
        if !fine {
            let place = check.place_of(Some(TypeId(id)), None, field(spec, at));
            let place = place.within(at.saturating_mul(4));
            check.findings.own(&rule::REFERENCE, place, format_args!("{what} {word}"));
        }
    });
}

/// Names that begin within others: nobody who makes BTF does so, but the wrong base looks like it.
fn names(check: &mut Check<'_, '_>, own: &Own<'_>) {
    let types = own.types();
    let mut count = 0_usize;
    let mut first = None;
    own.for_each_reference(|id, spec, at, word, is_str| {
        if is_str && word != 0 && types.tail(word).is_some() && !types.starts_string(word) {
            count = count.saturating_add(1);
            first.get_or_insert_with(|| (id, at, field(spec, at)));
        }
    });
    if let Some((id, at, field)) = first {
        let place = check.place_of(Some(TypeId(id)), None, field).within(at.saturating_mul(4));
        let names = if count == 1 { "name" } else { "names" };
        check.findings.own(&rule::NAME_WITHIN, place, format_args!("{count} {names}"));
    }
}

/// Whether it is numbered for the base that it is read on.
fn numbering(check: &mut Check<'_, '_>, own: &Own<'_>) {
    if check.options.role != Role::Module {
        return;
    }
    let base = own.walk.base;
    let origin = Origin::of(&own.walk.words, own.walk.strings);
    let standalone = match base {
        None => true,
        Some(_) => Numbering::of(own.blob, &Parse::new()).is_ok_and(|it| it.is_standalone()),
    };
    if standalone {
        let place = check.place_of(None, None, None);
        check.findings.own(&rule::MODULE_STANDALONE, place, "");
    } else if let (Some(origin), Some(base)) = (origin, base)
        && !origin.names(base)
    {
        let last = check.blob.ids().last().map(TypeId);
        let place = check.place_of(last, None, None);
        let given = Origin::default().numbered_for(base);
        let values = format_args!("it names one of {origin}; this one has {given}");
        check.findings.own(&rule::ORIGIN_BASE, place, values);
    }
}
