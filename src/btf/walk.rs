//! Walking the type section: where each record starts, and which kinds are in force.
//!
//! Released kinds are stepped over by our table alone. The first record of any other kind asks, in
//! this order: a description that lies wholly before it, a `__BTF_SIZES_` name, the layout section,
//! the base, the caller. When all records are known, every source for a kind in use must agree.

use std::sync::Arc;

use super::{Btf, Types};
use crate::btf::TypeId;
use crate::error::{Error, ErrorKind, Result};
use crate::kind::discover::{self, TypedefName};
use crate::kind::{Kind, KindEntry, KindMap, KindSpec, Layout, Sizes, Source};

/// The last type id that the kernel can use (`BTF_MAX_TYPE` is 0xfffff and it counts void).
pub(crate) const MAX_TYPE_ID: u32 = 0xf_fffe;
/// More different descriptions of one kind than this are taken for an attack.
const MAX_DESCRIPTIONS: usize = 16;

/// What there is to walk.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a> {
    pub(crate) words: &'a [u32],
    pub(crate) strings: &'a [u8],
    pub(crate) start_id: u32,
    pub(crate) start_str: u32,
    pub(crate) base: Option<&'a Btf>,
    pub(crate) layout: &'a Layout,
    /// Kinds that the caller knows.
    pub(crate) given: &'a [Arc<KindSpec>],
    /// Where the type section starts in the blob, for messages.
    pub(crate) offset: usize,
}

/// The words of the fixed part and of one element per kind, `NONE` where not known (yet).
type SizeTable = [(u32, u32); 128];
const NONE: (u32, u32) = (u32::MAX, u32::MAX);

/// Step by step knowledge of kinds above the released ones.
struct Finder<'a> {
    walk: Walk<'a>,
    /// Typedefs of descriptions found so far, and how many records have been searched for them.
    typedefs: Vec<(u32, TypedefName)>,
    searched: usize,
    /// The `__BTF_SIZES_` names, once they were needed.
    strings: Option<Vec<(Kind, u32, u32)>>,
    /// The kinds met, each with the first record that has it.
    used: Vec<(Kind, u32)>,
}

/// Where each record starts, in words, and the kinds in force.
pub(crate) fn walk(walk: Walk<'_>) -> Result<(Vec<u32>, KindMap)> {
    let mut sizes: SizeTable = [NONE; 128];
    for (slot, spec) in sizes.iter_mut().skip(1).zip(KindSpec::released()) {
        *slot = table_entry(Sizes::of(spec));
    }
    let mut starts: Vec<u32> = Vec::with_capacity(walk.words.len() / 8);
    let mut finder = Finder {
        walk,
        typedefs: Vec::new(),
        searched: 0,
        strings: None,
        used: Vec::new(),
    };
    let mut at = 0_usize;
    let mut rest = walk.words;
    while let [_, info, tail @ ..] = rest {
        let kind = Kind::of_info(*info);
        let mut size = sizes.get(kind.index()).copied().unwrap_or(NONE);
        if size == NONE {
            size = table_entry(finder.sizes(kind, at, &starts)?);
            if let Some(slot) = sizes.get_mut(kind.index()) {
                *slot = size;
            }
        }
        let vlen = *info & 0x00ff_ffff;
        let length = (vlen as usize)
            .saturating_mul(size.1 as usize)
            .saturating_add(size.0 as usize)
            .saturating_add(1);
        let Some(next) = tail.get(length..) else {
            let left = rest.len().saturating_mul(4);
            let needs = length.saturating_add(2).saturating_mul(4);
            let what =
                format!("it needs {needs} bytes (vlen {vlen}), the type section has {left} left");
            return Err(finder.error(ErrorKind::Record, what, kind, at, &starts));
        };
        // The type section's length is a u32 of bytes, so that word indices fit.
        starts.push(u32::try_from(at).unwrap_or(u32::MAX));
        at = at.saturating_add(length).saturating_add(2);
        rest = next;
    }
    if !rest.is_empty() {
        let what = "the type section ends with half a record header";
        return Err(Error::new(ErrorKind::Record, what).at(finder.offset_of(at)));
    }
    let last = (walk.start_id as usize)
        .saturating_add(starts.len())
        .saturating_sub(1);
    if last > MAX_TYPE_ID as usize {
        let what = format!("{last} type ids are more than BTF can have ({MAX_TYPE_ID})");
        return Err(Error::new(ErrorKind::Record, what));
    }
    let kinds = finder.finish(&starts)?;
    Ok((starts, kinds))
}

fn table_entry(sizes: Sizes) -> (u32, u32) {
    // Sizes come from u32 bytes or from short lists.
    let word = |n: usize| u32::try_from(n).unwrap_or(u32::MAX >> 1);
    (word(sizes.fixed), word(sizes.element))
}

impl<'a> Finder<'a> {
    /// The records before word `at`.
    fn view<'b>(&self, at: usize, starts: &'b [u32]) -> Types<'b>
    where
        'a: 'b,
    {
        let words = self.walk.words.get(..at).unwrap_or_default();
        Types {
            words,
            ..types_of(&self.walk, starts)
        }
    }

    fn offset_of(&self, at: usize) -> usize {
        at.saturating_mul(4).saturating_add(self.walk.offset)
    }

    /// An error about the record at word `at`.
    fn error(
        &self,
        class: ErrorKind,
        what: String,
        kind: Kind,
        at: usize,
        starts: &[u32],
    ) -> Error {
        let id = self
            .walk
            .start_id
            .saturating_add(u32::try_from(starts.len()).unwrap_or(u32::MAX));
        let name = self
            .walk
            .words
            .get(at)
            .and_then(|off| self.view(at, starts).string(*off));
        let released = KindSpec::released().get(kind.index().wrapping_sub(1));
        let kind_name = match released {
            Some(spec) => spec.name.clone(),
            None => format!("kind {kind}"),
        };
        Error::new(class, what).at(self.offset_of(at)).in_type(
            TypeId(id),
            kind_name,
            name.unwrap_or_default(),
        )
    }

    /// The sizes of a kind that is not in our table, at its first record.
    fn sizes(&mut self, kind: Kind, at: usize, starts: &[u32]) -> Result<Sizes> {
        if kind == Kind(0) {
            let what = "kind 0 is not a type".to_owned();
            return Err(self.error(ErrorKind::Record, what, kind, at, starts));
        }
        let id = self
            .walk
            .start_id
            .saturating_add(u32::try_from(starts.len()).unwrap_or(u32::MAX));
        self.used.push((kind, id));
        let before = self.view(at, starts);
        self.typedefs
            .extend(discover::description_typedefs(before, self.searched));
        self.searched = starts.len();
        let mut malformed = None;
        for (id, name) in &self.typedefs {
            if *name == TypedefName::Kind(kind) {
                match discover::read_description(before, kind, *id) {
                    Ok(spec) => return Ok(Sizes::of(&spec)),
                    Err(discover::Flaw::Ahead(_)) => {}
                    Err(flaw) => malformed = malformed.or(Some(flaw.into_error(before, *id))),
                }
            }
        }
        let strings = self.walk.strings;
        let named = self
            .strings
            .get_or_insert_with(|| discover::sizes_strings(strings));
        if let Some((_, fixed, element)) = named.iter().find(|(n, ..)| *n == kind) {
            return named_sizes(kind, *fixed, *element);
        }
        if let Some(sizes) = self.walk.layout.sizes(kind) {
            return sizes;
        }
        if let Some(entry) = self.walk.base.and_then(|base| base.known(kind)) {
            return Ok(Sizes::of(&entry?.spec));
        }
        if let Some(spec) = self.walk.given.iter().find(|spec| spec.kind == kind) {
            return Ok(Sizes::of(spec));
        }
        if let Some(err) = malformed {
            return Err(err);
        }
        let what = format!(
            "kind {kind} is unknown: it is not released, and nothing in this BTF says how long its records are"
        );
        let help = if discover::has_kind_string(strings, kind) {
            format!(
                "the name __BTF_KIND_{kind} is in the string section: a description without sizes in its name may stand behind this record; give the kind's words with --kind-file"
            )
        } else {
            "give the kind's words with --kind-file, or have the encoder describe it ('btfkinds encode --kind-file')".to_owned()
        };
        Err(self
            .error(ErrorKind::UnknownKind(kind), what, kind, at, starts)
            .with_help(help))
    }

    /// With all records known: reads and compares every source for the kinds in use.
    fn finish(mut self, starts: &[u32]) -> Result<KindMap> {
        let mut kinds = KindMap::released();
        if self.used.is_empty() {
            return Ok(kinds);
        }
        let types = self.view(self.walk.words.len(), starts);
        self.typedefs
            .extend(discover::description_typedefs(types, self.searched));
        let strings = self.walk.strings;
        let named = self
            .strings
            .take()
            .unwrap_or_else(|| discover::sizes_strings(strings));
        for (kind, _) in &self.used {
            kinds.set(reconcile(types, *kind, &self.typedefs, &named, &self.walk)?);
        }
        Ok(kinds)
    }
}

fn named_sizes(kind: Kind, fixed: u32, element: u32) -> Result<Sizes> {
    Sizes::from_bytes(fixed, element).ok_or_else(|| {
        let what =
            format!("string __BTF_SIZES_{kind}_{fixed}_{element}: the sizes are not whole words");
        Error::new(ErrorKind::Description, what)
    })
}

/// One source's word on a kind.
struct Claim {
    spec: KindSpec,
    source: Source,
}

/// What all sources together say of a kind; an error if two of them disagree.
fn reconcile(
    types: Types<'_>,
    kind: Kind,
    typedefs: &[(u32, TypedefName)],
    named: &[(Kind, u32, u32)],
    walk: &Walk<'_>,
) -> Result<KindEntry> {
    let mut claims: Vec<Claim> = own_descriptions(types, kind, typedefs)?
        .into_iter()
        .collect::<Result<_>>()?;
    let structs: Vec<u32> = typedefs
        .iter()
        .filter(|(_, name)| *name == TypedefName::Kind(kind))
        .filter_map(|(id, _)| discover::struct_of(types, *id))
        .collect();
    let mut sizes_name: Option<(u32, u32)> = None;
    for (_, fixed, element) in named.iter().filter(|(n, ..)| *n == kind) {
        let sizes = named_sizes(kind, *fixed, *element)?;
        let name = format!("__BTF_SIZES_{kind}_{fixed}_{element}");
        if let Some((f, e)) = sizes_name.replace((*fixed, *element))
            && (f, e) != (*fixed, *element)
        {
            let what = format!("__BTF_SIZES_{kind}_{f}_{e} and {name} contradict each other");
            return Err(Error::new(ErrorKind::Description, what));
        }
        let mut typedef = false;
        for (id, _) in typedefs
            .iter()
            .filter(|(_, n)| *n == TypedefName::Sizes(kind, *fixed, *element))
        {
            typedef = true;
            if !discover::struct_of(types, *id).is_some_and(|id| structs.contains(&id)) {
                let what = format!("it does not lead to the struct of a typedef __BTF_KIND_{kind}");
                return Err(Error::new(ErrorKind::Description, what).in_type(
                    TypeId(*id),
                    "TYPEDEF",
                    name.as_bytes(),
                ));
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
            let what = format!(
                "{name} and {} disagree on the sizes of kind {kind}",
                claim.text()
            );
            return Err(Error::new(ErrorKind::Description, what));
        }
    }
    if let Some(sizes) = walk.layout.sizes(kind) {
        claims.push(Claim {
            spec: sizes_only(kind, sizes?),
            source: Source::Layout,
        });
    }
    if let Some(entry) = walk.base.and_then(|base| base.known(kind)) {
        let entry = entry?;
        let source = Source::Base(Box::new(entry.source));
        claims.push(Claim {
            spec: KindSpec::clone(&entry.spec),
            source,
        });
    }
    for spec in walk.given.iter().filter(|spec| spec.kind == kind) {
        claims.push(Claim {
            spec: KindSpec::clone(spec),
            source: Source::Given,
        });
    }
    agree(&claims)?;
    // The file's own word first, as long as it tells classes.
    let best = claims
        .iter()
        .position(|claim| claim.spec.classes)
        .unwrap_or(0);
    match claims.into_iter().nth(best) {
        Some(claim) => Ok(KindEntry::new(Arc::new(claim.spec), claim.source)),
        // The walk found sizes, so a source was there.
        None => Err(Error::new(
            ErrorKind::UnknownKind(kind),
            format!("kind {kind} is unknown"),
        )),
    }
}

impl Claim {
    fn text(&self) -> String {
        let Sizes { fixed, element } = Sizes::of(&self.spec);
        let (fixed, element) = (fixed.saturating_mul(4), element.saturating_mul(4));
        format!(
            "{} ({fixed} fixed bytes, {element} per element)",
            self.source
        )
    }
}

/// The descriptions of `kind` among the own types, in the order of their ids; each struct once.
fn own_descriptions(
    types: Types<'_>,
    kind: Kind,
    typedefs: &[(u32, TypedefName)],
) -> Result<Vec<Result<Claim>>> {
    let mut seen = Vec::new();
    let mut claims = Vec::new();
    for (id, _) in typedefs
        .iter()
        .filter(|(_, name)| *name == TypedefName::Kind(kind))
    {
        let target = discover::struct_of(types, *id);
        if target.is_some() && seen.contains(&target) {
            continue;
        }
        seen.push(target);
        if seen.len() > MAX_DESCRIPTIONS {
            let what = format!("kind {kind} is described more than {MAX_DESCRIPTIONS} times");
            return Err(Error::new(ErrorKind::Description, what));
        }
        claims.push(match discover::read_description(types, kind, *id) {
            Ok(spec) => Ok(Claim {
                spec,
                source: Source::Description(TypeId(*id)),
            }),
            Err(flaw) => Err(flaw.into_error(types, *id)),
        });
    }
    Ok(claims)
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
        let what = format!(
            "{} and {} disagree on the {on} of kind {kind}",
            other.text(),
            claim.text()
        );
        return Err(Error::new(ErrorKind::Description, what)
            .with_help("a kind's records can only be read one way: leave out the kind file, or use the one that fits this BTF"));
    }
    Ok(())
}

/// What a source that gives sizes alone says of a kind.
fn sizes_only(kind: Kind, sizes: Sizes) -> KindSpec {
    let unnamed = |n| {
        vec![
            crate::kind::Field {
                name: String::new(),
                class: crate::kind::WordClass::U32
            };
            n
        ]
    };
    KindSpec {
        kind,
        name: format!("KIND_{kind}"),
        since: None,
        third: crate::kind::Third::Unused,
        fixed: unnamed(sizes.fixed),
        elements: unnamed(sizes.element),
        each: "element".to_owned(),
        classes: false,
    }
}

/// What a blob's own types and strings say about kinds, looked up once.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    typedefs: Vec<(u32, TypedefName)>,
    sizes: Vec<(Kind, u32, u32)>,
}

impl Names {
    pub(crate) fn of(types: Types<'_>) -> Names {
        Names {
            typedefs: discover::description_typedefs(types, 0).collect(),
            sizes: discover::sizes_strings(types.strings),
        }
    }

    /// What a finished blob knows of a kind that none of its records has.
    pub(crate) fn known(
        &self,
        kind: Kind,
        walk: &Walk<'_>,
        starts: &[u32],
    ) -> Option<Result<KindEntry>> {
        let has = |name: &TypedefName| match name {
            TypedefName::Kind(n) | TypedefName::Sizes(n, ..) => *n == kind,
        };
        let named = self.typedefs.iter().any(|(_, name)| has(name))
            || self.sizes.iter().any(|(n, ..)| *n == kind);
        let elsewhere = || {
            walk.layout.sizes(kind).is_some()
                || walk.base.is_some_and(|base| base.known(kind).is_some())
        };
        let types = types_of(walk, starts);
        (named || elsewhere()).then(|| reconcile(types, kind, &self.typedefs, &self.sizes, walk))
    }

    /// Every description among the own types that can be read, in the order of kinds and ids.
    pub(crate) fn readable(&self, types: Types<'_>) -> Result<Vec<(KindSpec, TypeId)>> {
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
        let mut found = Vec::new();
        for kind in kinds {
            for claim in own_descriptions(types, kind, &self.typedefs)?
                .into_iter()
                .flatten()
            {
                if let Source::Description(id) = claim.source {
                    found.push((claim.spec, id));
                }
            }
        }
        Ok(found)
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

fn types_of<'a>(walk: &Walk<'a>, starts: &'a [u32]) -> Types<'a> {
    let Walk {
        words,
        strings,
        start_id,
        start_str,
        base,
        ..
    } = *walk;
    Types {
        words,
        starts,
        strings,
        start_id,
        start_str,
        base,
    }
}
