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
use crate::kind::sources;
use crate::kind::{Highest, Kind, KindEntry, KindMap, KindSpec, Layout, Names, Refs, Sizes};

/// The last type id that the kernel can use (`BTF_MAX_TYPE` is 0xfffff and it counts void).
pub(crate) const MAX_TYPE_ID: u32 = 0xf_fffe;

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

impl<'a> Walk<'a> {
    /// The records that start at `starts`.
    pub(crate) fn types(&self, starts: &'a [u32]) -> Types<'a> {
        let Walk { words, strings, start_id, start_str, base, .. } = *self;
        Types { words, starts, strings, start_id, start_str, base }
    }
}

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

/// What a walk finds out.
pub(crate) struct Walked {
    /// Where each record starts, in words.
    pub(crate) starts: Vec<u32>,
    /// The kinds in force.
    pub(crate) kinds: KindMap,
    /// The highest references, if all records are of kinds whose words were known on the way.
    pub(crate) highest: Option<Highest>,
}

/// How to step over records of a kind, in words.
#[derive(Clone, Copy)]
struct Row<'a> {
    /// The header and the fixed words; more than any blob has as long as the kind was not met.
    once: u32,
    element: u32,
    /// All bits if the third word is a type id.
    third: u32,
    /// If there are references behind the header.
    behind: Option<&'a Refs>,
}

impl<'a> Row<'a> {
    const UNKNOWN: Row<'static> = Row { once: u32::MAX, element: 0, third: 0, behind: None };

    /// Of a kind of which nothing but the sizes is known yet.
    fn sized(sizes: Sizes) -> Self {
        let words = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let once = words(sizes.fixed).saturating_add(3);
        Row { once, element: words(sizes.element), ..Row::UNKNOWN }
    }

    fn released(entry: &'a KindEntry) -> Self {
        let third = if entry.refs.third { u32::MAX } else { 0 };
        let behind = entry.refs.are_behind().then_some(&*entry.refs);
        Row { third, behind, ..Row::sized(Sizes::of(&entry.spec)) }
    }

    /// Whether records of the kind have nothing behind their header.
    #[inline(always)]
    fn is_header(&self) -> bool {
        (self.once, self.element) == (3, 0)
    }

    /// The length of a record with this `info`.
    #[inline(always)]
    fn length(&self, info: u32) -> usize {
        let vlen = u64::from(info & 0x00ff_ffff);
        // No more than 32 and 24 bits: it fits.
        let length = u64::from(self.element).wrapping_mul(vlen).wrapping_add(self.once.into());
        usize::try_from(length).unwrap_or(usize::MAX)
    }
}

/// Steps over records from word `at` on, as far as their kinds are known and they are whole; gives
/// the rest. By itself, so that all that it needs stays in registers.
#[inline(never)]
fn step<'a>(
    words: &'a [u32],
    at: usize,
    table: &[Row<'_>; 128],
    starts: &mut Vec<u32>,
    highest: &mut Highest,
) -> &'a [u32] {
    let mut so_far = *highest;
    let mut rest = words.get(at..).unwrap_or_default();
    let mut at = at as u64;
    while let [name, info, third, behind @ ..] = rest {
        let Some(row) = table.get((*info >> 24 & 0x7f) as usize) else { break };
        // Most records are no more than a header. With a branch for them the processor goes on before it
        // has looked the length up.
        let (length, next) = if row.is_header() {
            (3, behind)
        } else {
            let length = row.length(*info);
            let behind_len = length.saturating_sub(3);
            let Some((behind, next)) = behind.split_at_checked(behind_len) else { break };
            if let Some(refs) = row.behind {
                so_far = refs.highest_behind(behind, so_far);
            }
            (length, next)
        };
        // The type section's length is a u32 of bytes, so that word indices fit in the lower half.
        let [a, b, c, d, ..] = at.to_le_bytes();
        starts.push(u32::from_le_bytes([a, b, c, d]));
        at = at.wrapping_add(length as u64);
        so_far.string = so_far.string.max(*name);
        so_far.id = so_far.id.max(third & row.third);
        rest = next;
    }
    *highest = so_far;
    rest
}

/// Steps over all records.
pub(crate) fn walk(walk: Walk<'_>) -> Result<Walked> {
    let released = KindMap::released();
    let mut table = [Row::UNKNOWN; 128];
    for entry in released.iter() {
        if let Some(row) = table.get_mut(entry.spec.kind.index()) {
            *row = Row::released(entry);
        }
    }
    // No record is shorter than its header. What is not needed in the end was never touched.
    let mut starts: Vec<u32> = Vec::with_capacity(walk.words.len() / 3);
    let mut finder =
        Finder { walk, typedefs: Vec::new(), searched: 0, strings: None, used: Vec::new() };
    let mut highest = Highest::default();
    let mut rest = step(walk.words, 0, &table, &mut starts, &mut highest);
    while let [_, info, ..] = rest {
        let kind = Kind::of_info(*info);
        let at = walk.words.len().saturating_sub(rest.len());
        let row = table.get(kind.index()).filter(|row| row.once != Row::UNKNOWN.once);
        let row = match row {
            Some(row) => *row,
            None => Row::sized(finder.sizes(kind, at, &starts)?),
        };
        let length = row.length(*info);
        if length > rest.len() {
            let left = rest.len().saturating_mul(4);
            let needs = length.saturating_mul(4);
            let vlen = info & 0x00ff_ffff;
            let what =
                format!("it needs {needs} bytes (vlen {vlen}), the type section has {left} left");
            return Err(finder.error(ErrorKind::Record, what, kind, at, &starts));
        }
        if let Some(slot) = table.get_mut(kind.index()) {
            *slot = row;
        }
        rest = step(walk.words, at, &table, &mut starts, &mut highest);
    }
    if !rest.is_empty() {
        let what = "the type section ends with half a record header";
        let at = walk.words.len().saturating_sub(rest.len());
        return Err(Error::new(ErrorKind::Record, what).at(finder.offset_of(at)));
    }
    let last = (walk.start_id as usize).saturating_add(starts.len()).saturating_sub(1);
    if last > MAX_TYPE_ID as usize {
        let what = format!("{last} type ids are more than BTF can have ({MAX_TYPE_ID})");
        return Err(Error::new(ErrorKind::Record, what));
    }
    starts.shrink_to_fit();
    let highest = finder.used.is_empty().then_some(highest);
    let kinds = finder.finish(&starts)?;
    Ok(Walked { starts, kinds, highest })
}

impl<'a> Finder<'a> {
    /// The records before word `at`.
    fn view<'b>(&self, at: usize, starts: &'b [u32]) -> Types<'b>
    where
        'a: 'b,
    {
        let words = self.walk.words.get(..at).unwrap_or_default();
        Types { words, ..self.walk.types(starts) }
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
        let id = self.walk.start_id.saturating_add(u32::try_from(starts.len()).unwrap_or(u32::MAX));
        let name = self.walk.words.get(at).and_then(|off| self.view(at, starts).string(*off));
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
        let id = self.walk.start_id.saturating_add(u32::try_from(starts.len()).unwrap_or(u32::MAX));
        self.used.push((kind, id));
        let before = self.view(at, starts);
        self.typedefs.extend(discover::description_typedefs(before, self.searched));
        self.searched = starts.len();
        let malformed = match sources::sizes_before(before, kind, &self.typedefs) {
            Ok(Some(sizes)) => return Ok(sizes),
            Ok(None) => None,
            Err(err) => Some(err),
        };
        let strings = self.walk.strings;
        let named = self.strings.get_or_insert_with(|| discover::sizes_strings(strings));
        if let Some((.., sizes)) = sources::named_sizes(named, kind)? {
            return Ok(sizes);
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
        let what = "unknown: this kind is not released, and nothing in this BTF says how long its records are".to_owned();
        let help = if discover::has_kind_string(strings, kind) {
            format!(
                "the name __BTF_KIND_{kind} is in the string section: a description without sizes in its name may stand behind this record; give the kind's words with --kind-file"
            )
        } else {
            "give the kind's words with --kind-file, or have the encoder describe it ('btfkinds encode --kind-file')".to_owned()
        };
        Err(self.error(ErrorKind::UnknownKind(kind), what, kind, at, starts).with_help(help))
    }

    /// With all records known: reads and compares every source for the kinds in use.
    fn finish(mut self, starts: &[u32]) -> Result<KindMap> {
        let mut kinds = KindMap::released();
        if self.used.is_empty() {
            return Ok(kinds);
        }
        let types = self.view(self.walk.words.len(), starts);
        self.typedefs.extend(discover::description_typedefs(types, self.searched));
        let strings = self.walk.strings;
        let sizes = self.strings.take().unwrap_or_else(|| discover::sizes_strings(strings));
        let names = Names { typedefs: self.typedefs, sizes };
        for (kind, _) in &self.used {
            let base = self.walk.base.and_then(|base| base.known(*kind)).transpose()?;
            kinds.set(sources::reconcile(types, *kind, &names, base, &self.walk)?);
        }
        Ok(kinds)
    }
}
