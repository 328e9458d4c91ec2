//! Where a kind's words are known from, and whether all that know them agree.

use std::sync::Arc;

use super::discover::{self, Flaw, Sizes, TypedefName};
use super::{Field, Kind, KindEntry, KindSpec, Source, Third, WordClass};
use crate::btf::{TypeId, Types, Walk};
use crate::error::{Error, ErrorKind, Result};

/// More different descriptions of one kind than this are taken for an attack.
const MAX_DESCRIPTIONS: usize = 16;

/// The sizes that `__BTF_SIZES_` names give for a kind, as bytes and as sizes.
pub(crate) fn named_sizes(
    named: &[(Kind, u32, u32)],
    kind: Kind,
) -> Result<Option<(u32, u32, Sizes)>> {
    let mut found: Option<(u32, u32)> = None;
    for (_, fixed, element) in named.iter().filter(|(n, ..)| *n == kind) {
        let name = format!("__BTF_SIZES_{kind}_{fixed}_{element}");
        if let Some((f, e)) = found.replace((*fixed, *element))
            && (f, e) != (*fixed, *element)
        {
            let what = format!("__BTF_SIZES_{kind}_{f}_{e} and {name} contradict each other");
            return Err(Error::new(ErrorKind::Description, what));
        }
    }
    let Some((fixed, element)) = found else { return Ok(None) };
    let sizes = Sizes::from_bytes(fixed, element).ok_or_else(|| {
        let what =
            format!("string __BTF_SIZES_{kind}_{fixed}_{element}: the sizes are not whole words");
        Error::new(ErrorKind::Description, what)
    })?;
    Ok(Some((fixed, element, sizes)))
}

/// One source's word on a kind.
struct Claim {
    spec: KindSpec,
    source: Source,
}

/// What all sources together say of a kind; an error if two of them disagree.
pub(crate) fn reconcile(
    types: Types<'_>,
    kind: Kind,
    names: &Names,
    base: Option<KindEntry>,
    walk: &Walk<'_>,
) -> Result<KindEntry> {
    let Names { typedefs, sizes: named } = names;
    let mut claims: Vec<Claim> = own_descriptions(types, kind, typedefs)
        .map(|(id, claim)| claim.map_err(|flaw| flaw.into_error(types, id)))
        .collect::<Result<_>>()?;
    if claims.len() > MAX_DESCRIPTIONS {
        let what = format!("kind {kind} is described more than {MAX_DESCRIPTIONS} times");
        return Err(Error::new(ErrorKind::Description, what));
    }
    if let Some(sizes) = walk.layout.sizes(kind) {
        claims.push(Claim { spec: sizes_only(kind, sizes?), source: Source::Layout });
    }
    if let Some(entry) = base {
        let source = Source::Base(Box::new(entry.source));
        claims.push(Claim { spec: KindSpec::clone(&entry.spec), source });
    }
    for spec in walk.given.iter().filter(|spec| spec.kind == kind) {
        claims.push(Claim { spec: KindSpec::clone(spec), source: Source::Given });
    }
    // A name here may go with a description in the base.
    let described = claims.iter().filter_map(|claim| match claim.source.innermost() {
        Source::Description(id) => discover::struct_of(types, id.0),
        _ => None,
    });
    let structs: Vec<u32> = described.collect();
    if let Some((fixed, element, sizes)) = named_sizes(named, kind)? {
        let name = format!("__BTF_SIZES_{kind}_{fixed}_{element}");
        let mut typedef = false;
        let carriers =
            typedefs.iter().filter(|(_, n)| *n == TypedefName::Sizes(kind, fixed, element));
        for (id, _) in carriers {
            typedef = true;
            if !discover::struct_of(types, *id).is_some_and(|id| structs.contains(&id)) {
                let what = format!("it does not lead to the struct of a typedef __BTF_KIND_{kind}");
                let err = Error::new(ErrorKind::Description, what);
                return Err(err.in_type(TypeId(*id), "TYPEDEF", name.as_bytes()));
            }
        }
        if !typedef {
            let what = format!("the string section has {name}, but no typedef has this name");
            return Err(Error::new(ErrorKind::Description, what));
        }
        // The typedef leads to a description: comparing with the first compares with all.
        if let Some(claim) = claims.first()
            && Sizes::of(&claim.spec) != sizes
        {
            let what = format!("{name} and {} disagree on the sizes of kind {kind}", claim.text());
            return Err(Error::new(ErrorKind::Description, what));
        }
    }
    agree(&claims)?;
    // The file's own word first, as long as it tells classes.
    let best = claims.iter().position(|claim| claim.spec.classes).unwrap_or(0);
    match claims.into_iter().nth(best) {
        Some(claim) => Ok(KindEntry::new(Arc::new(claim.spec), claim.source)),
        // The walk found sizes, so a source was there.
        None => Err(Error::new(ErrorKind::UnknownKind(kind), format!("kind {kind} is unknown"))),
    }
}

impl Claim {
    fn text(&self) -> String {
        let Sizes { fixed, element } = Sizes::of(&self.spec);
        let (fixed, element) = (fixed.saturating_mul(4), element.saturating_mul(4));
        format!("{} ({fixed} fixed bytes, {element} per element)", self.source)
    }
}

/// The descriptions of `kind` among the own types, in the order of their ids, each struct once and
/// no more than one too many: what a hostile blob can make us do has an end.
fn own_descriptions<'a>(
    types: Types<'a>,
    kind: Kind,
    typedefs: &'a [(u32, TypedefName)],
) -> impl Iterator<Item = (u32, std::result::Result<Claim, Flaw>)> + 'a {
    let mut seen = Vec::new();
    typedefs
        .iter()
        .filter(move |(_, name)| *name == TypedefName::Kind(kind))
        .filter(move |(id, _)| {
            let target = discover::struct_of(types, *id);
            let new = target.is_none() || !seen.contains(&target);
            if new {
                seen.push(target);
            }
            new
        })
        .take(MAX_DESCRIPTIONS.saturating_add(1))
        .map(move |(id, _)| {
            let source = Source::Description(TypeId(*id));
            let spec = discover::read_description(types, kind, *id);
            (*id, spec.map(|spec| Claim { spec, source }))
        })
}

/// The sizes that a description gives which lies wholly within `types`, the records before the
/// first of `kind`; an error if there are only malformed ones.
pub(crate) fn sizes_before(
    types: Types<'_>,
    kind: Kind,
    typedefs: &[(u32, TypedefName)],
) -> Result<Option<Sizes>> {
    let mut malformed = None;
    for (id, claim) in own_descriptions(types, kind, typedefs) {
        match claim {
            Ok(claim) => return Ok(Some(Sizes::of(&claim.spec))),
            // It may be read when all records are known.
            Err(Flaw::Ahead(_)) => {}
            Err(flaw) => malformed = malformed.or(Some(flaw.into_error(types, id))),
        }
    }
    malformed.map_or(Ok(None), Err)
}

/// Whether all claims have the same sizes, and those that tell classes the same classes.
fn agree(claims: &[Claim]) -> Result<()> {
    let Some(first) = claims.first() else {
        return Ok(());
    };
    let with_classes = claims.iter().find(|claim| claim.spec.classes);
    for claim in claims {
        let kind = claim.spec.kind;
        let (other, on) = if Sizes::of(&claim.spec) != Sizes::of(&first.spec) {
            (first, "sizes")
        } else {
            match with_classes {
                Some(other) if claim.spec.classes && !claim.spec.same_layout(&other.spec) => {
                    (other, "word classes")
                }
                _ => continue,
            }
        };
        let what =
            format!("{} and {} disagree on the {on} of kind {kind}", other.text(), claim.text());
        let err = Error::new(ErrorKind::Description, what);
        let from_file = [claim, other].iter().any(|claim| claim.source == Source::Given);
        return Err(match from_file {
            true => err.with_help("leave the kind file out, or give the one that fits this BTF"),
            false => err,
        });
    }
    Ok(())
}

/// What a source that gives sizes alone says of a kind.
pub(crate) fn sizes_only(kind: Kind, sizes: Sizes) -> KindSpec {
    let unnamed = |n| vec![Field { name: String::new(), class: WordClass::U32 }; n];
    KindSpec {
        kind,
        name: format!("KIND_{kind}"),
        since: None,
        third: Third::Unused,
        fixed: unnamed(sizes.fixed),
        elements: unnamed(sizes.element),
        each: "element".to_owned(),
        classes: false,
    }
}

/// What a blob's own types and strings say about kinds, looked up once.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) typedefs: Vec<(u32, TypedefName)>,
    /// The strings `__BTF_SIZES_n_i_e`.
    pub(crate) sizes: Vec<(Kind, u32, u32)>,
}

impl Names {
    pub(crate) fn of(types: Types<'_>) -> Names {
        // Most blobs have no descriptions, which one look at the strings tells, if all are their own.
        if types.base.is_none() && !discover::has_names(types.strings) {
            return Names { typedefs: Vec::new(), sizes: Vec::new() };
        }
        Names {
            typedefs: discover::description_typedefs(types, 0).collect(),
            sizes: discover::sizes_strings(types.strings),
        }
    }

    /// The typedefs that describe a kind or name its sizes.
    pub(crate) fn typedefs_of(&self, kind: Kind) -> impl Iterator<Item = u32> {
        let of = move |name: &TypedefName| match name {
            TypedefName::Kind(n) | TypedefName::Sizes(n, ..) => *n == kind,
        };
        self.typedefs.iter().filter(move |(_, name)| of(name)).map(|(id, _)| *id)
    }

    /// What a finished blob knows of a kind that none of its records has.
    pub(crate) fn known(
        &self,
        kind: Kind,
        walk: &Walk<'_>,
        starts: &[u32],
    ) -> Option<Result<KindEntry>> {
        let named = self.typedefs_of(kind).next().is_some()
            || self.sizes.iter().any(|(n, ..)| *n == kind)
            || walk.layout.sizes(kind).is_some();
        // Asked once: a chain of bases asks all the way down.
        let base = match walk.base.and_then(|base| base.known(kind)).transpose() {
            Ok(base) => base,
            Err(err) => return Some(Err(err)),
        };
        (named || base.is_some()).then(|| reconcile(walk.types(starts), kind, self, base, walk))
    }

    /// The kinds that have a typedef `__BTF_KIND_n`.
    fn described(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self
            .typedefs
            .iter()
            .filter_map(|(_, name)| match name {
                TypedefName::Kind(kind) => Some(*kind),
                TypedefName::Sizes(..) => None,
            })
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Every description among the own types that can be read, in the order of kinds and ids.
    pub(crate) fn readable(&self, types: Types<'_>) -> Vec<(KindSpec, TypeId)> {
        let mut found = Vec::new();
        for kind in self.described() {
            let claims = own_descriptions(types, kind, &self.typedefs);
            found.extend(claims.filter_map(|(id, claim)| Some((claim.ok()?.spec, TypeId(id)))));
        }
        found
    }

    /// What is wrong with descriptions among the own types that cannot be read, or with what else describes a kind that
    /// they describe, but for kinds of which this is known already.
    pub(crate) fn unreadable(
        &self,
        own: &Walk<'_>,
        starts: &[u32],
        is_known: impl Fn(Kind) -> bool,
    ) -> Vec<Error> {
        let types = own.types(starts);
        let mut found = Vec::new();
        for kind in self.described().into_iter().filter(|kind| !is_known(*kind)) {
            let before = found.len();
            let claims = own_descriptions(types, kind, &self.typedefs);
            found.extend(claims.filter_map(|(id, claim)| Some(claim.err()?.into_error(types, id))));
            if before == found.len() && !kind.is_released() {
                found.extend(self.known(kind, own, starts).and_then(Result::err));
            }
        }
        found
    }

    /// Whether a typedef `__BTF_SIZES_n_i_e` leads to the description `typedef`.
    pub(crate) fn has_sizes(&self, types: Types<'_>, spec: &KindSpec, typedef: TypeId) -> bool {
        let target = discover::struct_of(types, typedef.0);
        self.typedefs.iter().any(|(id, name)| match name {
            TypedefName::Sizes(kind, fixed, element) => {
                *kind == spec.kind
                    && Sizes::from_bytes(*fixed, *element) == Some(Sizes::of(spec))
                    && discover::struct_of(types, *id) == target
            }
            TypedefName::Kind(_) => false,
        })
    }
}
