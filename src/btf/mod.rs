//! [`Btf`]: one BTF blob, parsed.

mod body;
mod build;
mod header;
mod index;
mod per_word;
mod reach;
mod record;
mod remove;
mod room;
mod step;
mod strings;
mod types;
mod walk;

use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

pub(crate) use body::Blob;
pub(crate) use build::Checkpoint;
pub use build::NewType;
pub use header::Endian;
pub use record::{Elements, Record};
pub use remove::Removal;

pub(crate) use per_word::{PerWord, pieces};
pub(crate) use room::Room;
pub(crate) use strings::{Interner, hash};
pub(crate) use types::Types;
pub(crate) use walk::MAX_TYPE_ID;

use crate::error::{Error, ErrorKind, Result};
use crate::kind::{Kind, KindEntry, KindMap, KindSpec, Layout, Limits, Names};
use crate::scan;
use body::Body;
pub(crate) use header::Header;
use index::ByName;
pub(crate) use walk::{Begun, Walk, Walked, walk};

/// A type id: 0 is void, 1 the first type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

impl TypeId {
    /// `void`, which has no record.
    pub const VOID: TypeId = TypeId(0);
}

impl fmt::Display for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A string offset: 0 is the empty string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StrOff(pub u32);

/// The highest string offset (`BTF_MAX_NAME_OFFSET`).
pub(crate) const MAX_NAME_OFFSET: u32 = 0xff_ffff;

/// One BTF blob: standalone, or split on a base.
///
/// Every reference in a parsed blob was checked: type ids and string offsets reach something. An
/// unedited blob is written back byte for byte.
///
/// ```no_run
/// use std::sync::Arc;
/// use btfkinds::Btf;
///
/// let vmlinux = Arc::new(Btf::parse(&std::fs::read("/sys/kernel/btf/vmlinux")?)?);
/// let module = Btf::parse_split(&std::fs::read("/sys/kernel/btf/kvm")?, vmlinux)?;
/// for ty in module.types() {
///     println!("[{}] {} '{}'", ty.id(), ty.kind_name(), ty.name());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Btf {
    header: Header,
    body: Body,
    /// Where in the type words each record starts.
    starts: Vec<u32>,
    layout: Layout,
    base: Option<Arc<Btf>>,
    start_id: u32,
    start_str: u32,
    kinds: KindMap,
    /// The blob as it was read, if [`Header::write`] would not arrange it the same way.
    as_read: Option<Arc<Blob>>,
    interner: OnceLock<Interner>,
    found: Found,
}

/// What was found out about a blob when it was first needed, until the blob changes.
#[derive(Debug, Clone, Default)]
struct Found {
    names: OnceLock<Names>,
    by_name: ByName,
    crc32: OnceLock<u32>,
    /// That all references reach something: what was read is not looked at again.
    checked: OnceLock<()>,
}

/// The last `count` words of a blob's type section, fewer if it has fewer, and its strings; None if
/// its header cannot be read.
pub(crate) fn header_words(blob: &[u8], count: usize) -> Option<(Vec<u32>, &[u8])> {
    let header = Header::parse(blob).ok()?;
    let types = blob.get(header.types)?;
    let tail = types.get(types.len().saturating_sub(count.saturating_mul(4))..)?;
    Some((header.endian.words(tail), blob.get(header.strings)?))
}

/// How to read a blob: what it is split on, and which kinds the caller knows.
///
/// ```
/// use btfkinds::{Btf, KindSpec, Parse};
///
/// let blob = Btf::new().to_bytes();
/// let gadget = KindSpec::parse("kind 42 GADGET\nthird size\n")?;
/// let btf = Parse::new().kind(gadget).read(&blob)?;
/// assert_eq!(btf.types().count(), 0);
/// # Ok::<(), btfkinds::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Parse {
    base: Option<Arc<Btf>>,
    /// Without a base: the first type id and string offset, where they are not 1 and 0.
    numbered_from: Option<(u32, u32)>,
    /// What the caller says: standalone (true) or split, whatever the blob looks like.
    told: Option<bool>,
    given: Vec<Arc<KindSpec>>,
    /// Of what is read nothing but its numbers and names are asked for.
    counts_only: bool,
}

impl Parse {
    /// Standalone, with no kinds given.
    pub fn new() -> Self {
        Self::default()
    }

    /// The blob is split BTF on `base`, which may be split itself.
    pub fn base(mut self, base: Arc<Btf>) -> Self {
        self.base = Some(base);
        self
    }

    /// Takes a blob for standalone, or for split, in place of what [`Numbering::of`] would find.
    ///
    /// [`Numbering::of`]: crate::Numbering::of
    pub fn told(mut self, standalone: bool) -> Self {
        self.told = Some(standalone);
        self
    }

    pub(crate) fn is_told(&self) -> Option<bool> {
        self.told
    }

    /// The blob refers to nothing but its own types and strings, which are numbered from here on.
    pub(crate) fn numbered_from(mut self, first_id: u32, first_string: u32) -> Self {
        self.base = None;
        self.numbered_from = Some((first_id, first_string));
        self
    }

    /// For bases that others are only numbered for: whether all their references reach something is not looked at.
    #[cfg(feature = "cli")]
    pub(crate) fn counts_only(mut self) -> Self {
        self.counts_only = true;
        self
    }

    /// The base that was given.
    pub fn given_base(&self) -> Option<&Arc<Btf>> {
        self.base.as_ref()
    }

    /// Without a base again.
    pub(crate) fn standalone(mut self) -> Self {
        self.base = None;
        self
    }

    /// Knows a kind that is not released, for blobs that do not describe it themselves.
    pub fn kind(mut self, spec: KindSpec) -> Self {
        self.given.push(Arc::new(spec));
        self
    }

    /// Reads a blob.
    ///
    /// # Errors
    /// A header or record that cannot be right, a reference that reaches nothing, a record of a
    /// kind whose sizes no source gives, a malformed description of a kind that has records, two
    /// sources that disagree on such a kind. A given kind that is released cannot be right either.
    pub fn read(&self, blob: &[u8]) -> Result<Btf> {
        let header = self.header(blob)?;
        let Range { start, end } = header.word_range();
        let mut begun = Begun::new(end.saturating_sub(start));
        let blob = Blob::copied(blob, |words| {
            if header.endian == Endian::NATIVE {
                let types = words.get(start..end.min(words.len()));
                begun.go_on(types.unwrap_or_default());
            }
        });
        self.read_begun(&Arc::new(blob), header, begun)
    }

    /// [`Parse::read`] of a blob that needs no copy.
    pub(crate) fn read_blob(&self, blob: &Arc<Blob>) -> Result<Btf> {
        let header = self.header(blob.bytes())?;
        let begun = Begun::new(header.word_range().len());
        self.read_begun(blob, header, begun)
    }

    /// The header of a blob, if what the caller says of kinds can be right.
    fn header(&self, blob: &[u8]) -> Result<Header> {
        for spec in &self.given {
            spec.check().map_err(|what| Error::new(ErrorKind::KindFile, what))?;
        }
        Header::parse(blob)
    }

    fn read_begun(&self, blob: &Arc<Blob>, header: Header, begun: Begun) -> Result<Btf> {
        let bytes = blob.bytes();
        let body = Body::read(blob, &header);
        let (words, strings) = (body.words(), body.strings());
        let layout = header.layout.as_ref().and_then(|range| bytes.get(range.clone()));
        let layout = Layout { bytes: layout.unwrap_or_default().to_vec() };
        let (start_id, start_str) = match &self.base {
            None if strings.is_empty() && words.is_empty() => (1, 0),
            None if strings.first() != Some(&0) => {
                let what = "the string section does not start with NUL: this is split BTF, which continues a base";
                return Err(Error::new(ErrorKind::Base, what).at(header.strings.start).with_help(
                    "give its base with -B, for a kernel module the vmlinux it was built for",
                ));
            }
            None => self.numbered_from.unwrap_or((1, 0)),
            Some(base) if base.header.endian != header.endian => {
                let what = "split BTF and its base have different byte orders";
                return Err(Error::new(ErrorKind::Base, what).at(0));
            }
            Some(base) => (base.type_count(), base.str_end()),
        };
        let walk = Walk {
            words,
            strings,
            start_id,
            start_str,
            base: self.base.as_deref(),
            layout: &layout,
            given: &self.given,
            offset: header.types.start,
        };
        let Walked { starts, kinds } = walk::walk(walk, begun)?;
        let as_read = (!header.is_canonical(bytes.len())).then(|| Arc::clone(blob));
        let btf = Btf {
            header,
            body,
            starts,
            layout,
            base: self.base.clone(),
            start_id,
            start_str,
            kinds,
            as_read,
            interner: OnceLock::new(),
            found: Found::default(),
        };
        if !self.counts_only {
            btf.check_references()?;
        }
        Ok(btf)
    }
}

impl Default for Btf {
    fn default() -> Self {
        Self::new()
    }
}

impl Btf {
    /// Empty standalone BTF in the machine's byte order.
    pub fn new() -> Btf {
        Btf {
            header: Header {
                endian: Endian::NATIVE,
                flags: 0,
                types: 0..0,
                strings: 0..0,
                layout: None,
                tail: Vec::new(),
            },
            body: Body::new(Vec::new(), &[0]),
            starts: Vec::new(),
            layout: Layout::default(),
            base: None,
            start_id: 1,
            start_str: 0,
            kinds: KindMap::released(),
            as_read: None,
            interner: OnceLock::new(),
            found: Found::default(),
        }
    }

    /// Empty BTF that is split on `base`, in its byte order.
    pub fn new_split(base: Arc<Btf>) -> Btf {
        let mut btf = Btf::new();
        btf.header.endian = base.header.endian;
        btf.body = Body::new(Vec::new(), &[]);
        btf.start_id = base.type_count();
        btf.start_str = base.str_end();
        btf.base = Some(base);
        btf
    }

    /// Empty standalone BTF in a byte order.
    pub fn new_in(endian: Endian) -> Btf {
        let mut btf = Btf::new();
        btf.header.endian = endian;
        btf
    }

    /// Reads standalone BTF: see [`Parse::read`].
    ///
    /// # Errors
    /// As [`Parse::read`]; [`ErrorKind::Base`] if it is split BTF.
    pub fn parse(blob: &[u8]) -> Result<Btf> {
        Parse::new().read(blob)
    }

    /// Reads BTF that is split on `base`: see [`Parse::read`].
    ///
    /// # Errors
    /// As [`Parse::read`].
    pub fn parse_split(blob: &[u8], base: Arc<Btf>) -> Result<Btf> {
        Parse::new().base(base).read(blob)
    }

    /// The blob's bytes: those that were read if nothing was edited, else header, types, layout
    /// section and strings without gaps.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.byte_len());
        // Writing to a Vec cannot fail.
        let _ = self.write_to(&mut out);
        out
    }

    /// Writes what [`Btf::to_bytes`] gives.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(blob) = &self.as_read {
            return out.write_all(blob.bytes());
        }
        // Each section's length came from a u32 or was held below the format's limits by `build`.
        let len = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (types, layout) = (len(self.type_len()), len(self.layout.bytes.len()));
        out.write_all(&self.header.write(types, layout, len(self.str_len())))?;
        if self.header.endian == Endian::NATIVE {
            out.write_all(bytemuck::cast_slice(self.words()))?;
        } else {
            let swapped: Vec<u32> = self.words().iter().map(|word| word.swap_bytes()).collect();
            out.write_all(bytemuck::cast_slice(&swapped))?;
        }
        out.write_all(&self.layout.bytes)?;
        out.write_all(self.own_strings())
    }

    /// The length of [`Btf::to_bytes`].
    pub fn byte_len(&self) -> usize {
        match &self.as_read {
            Some(blob) => blob.bytes().len(),
            None => [self.header.len(), self.type_len(), self.layout.bytes.len(), self.str_len()]
                .into_iter()
                .fold(0, usize::saturating_add),
        }
    }

    /// The byte order of the blob.
    pub fn endian(&self) -> Endian {
        self.header.endian
    }

    /// What this blob is split on.
    pub fn base(&self) -> Option<&Arc<Btf>> {
        self.base.as_ref()
    }

    /// How many type ids there are, void and the base's included: the first id of BTF that is
    /// split on this.
    pub fn type_count(&self) -> u32 {
        // The walk held the sum below MAX_TYPE_ID.
        self.start_id.saturating_add(u32::try_from(self.starts.len()).unwrap_or(u32::MAX))
    }

    /// The id of the first own type: 1, or the base's type count.
    pub fn first_id(&self) -> TypeId {
        TypeId(self.start_id)
    }

    /// The length of the own string section in bytes.
    pub fn str_len(&self) -> usize {
        self.own_strings().len()
    }

    /// The length of the own type section in bytes.
    pub fn type_len(&self) -> usize {
        self.words().len().saturating_mul(4)
    }

    /// Where the strings end, the base's included: the first offset of BTF split on this.
    pub(crate) fn str_end(&self) -> u32 {
        self.start_str.saturating_add(u32::try_from(self.str_len()).unwrap_or(u32::MAX))
    }

    /// The own types, in the order of their ids.
    pub fn types(&self) -> impl Iterator<Item = Record<'_>> {
        self.types_from(0)
    }

    /// The same from the `from`-th on, counted from 0.
    pub(crate) fn types_from(&self, from: usize) -> impl Iterator<Item = Record<'_>> {
        self.view().own_from(from).map(|(id, words)| Record::new(self, TypeId(id), words))
    }

    /// A type by id, from this blob or its bases; None for void and ids past the end.
    pub fn get(&self, id: TypeId) -> Option<Record<'_>> {
        let mut btf = self;
        while id.0 < btf.start_id {
            btf = btf.base.as_deref()?;
        }
        // What `view` gives is more than is needed here, and this is what most of rebasing asks for.
        let own = id.0.wrapping_sub(btf.start_id) as usize;
        Some(Record::new(btf, id, types::record(btf.words(), &btf.starts, own)?))
    }

    /// The types of a name, those of the bases first, in the order of their ids. The first two calls go
    /// through all types, later ones do not until the blob changes.
    ///
    /// ```
    /// use btfkinds::{Btf, Encoding};
    ///
    /// let mut btf = Btf::new();
    /// let int = btf.add_int("int", 4, Encoding::Signed)?;
    /// btf.add_typedef("pid_t", int)?;
    /// let found: Vec<_> = btf.named("pid_t").map(|ty| ty.id().0).collect();
    /// assert_eq!(found, [2]);
    /// # Ok::<(), btfkinds::Error>(())
    /// ```
    pub fn named(&self, name: impl AsRef<[u8]>) -> impl Iterator<Item = Record<'_>> {
        let mut found = Vec::new();
        let mut level = Some(self);
        while let Some(btf) = level {
            let own = btf.found.by_name.find(btf.view(), name.as_ref());
            found.extend(own.into_iter().filter_map(|id| btf.get(TypeId(id))));
            level = btf.base.as_deref();
        }
        found.into_iter().rev()
    }

    /// A string by offset, from this blob or its bases, without its NUL.
    pub fn string(&self, offset: StrOff) -> Option<&[u8]> {
        // A view has more than is needed for one of the most frequent questions.
        match offset.0 {
            0 => Some(b""),
            offset => scan::string(self.tail(offset)?),
        }
    }

    /// Whether the header says more than the 24 bytes that every kernel knows: more bytes are fine for
    /// old kernels as long as they are 0.
    pub(crate) fn has_more_header(&self) -> bool {
        !self.layout.bytes.is_empty() || self.header.tail.iter().any(|byte| *byte != 0)
    }

    /// The header's layout section; empty if there is none.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The kinds in force: the released ones, and all others that records of this blob have.
    pub fn kinds(&self) -> &KindMap {
        &self.kinds
    }

    /// The descriptions among the own types that can be read, with the typedefs `__BTF_KIND_n`
    /// that they start from, whether any record needs them or not, in the order of kinds.
    pub fn descriptions(&self) -> Vec<(KindSpec, TypeId)> {
        self.names().readable(self.view())
    }

    /// The typedefs that describe a kind, or name its sizes, in this blob and its bases.
    pub(crate) fn description_typedefs(&self, kind: Kind) -> Vec<TypeId> {
        let mut found = Vec::new();
        let mut level = Some(self);
        while let Some(btf) = level {
            found.extend(btf.names().typedefs_of(kind).map(TypeId));
            level = btf.base.as_deref();
        }
        found
    }

    /// Whether a `__BTF_SIZES_` name goes with a description.
    pub(crate) fn has_sizes_name(&self, spec: &KindSpec, typedef: TypeId) -> bool {
        self.names().has_sizes(self.view(), spec, typedef)
    }

    /// The name of a kind, as far as this blob knows it.
    #[cfg(feature = "cli")]
    pub(crate) fn known_name(&self, kind: Kind) -> String {
        let known = self.known(kind).and_then(Result::ok);
        known.map_or_else(|| format!("kind {kind}"), |entry| entry.spec.name.clone())
    }

    /// What this blob knows of a kind that is not released, with or without records of it.
    pub(crate) fn known(&self, kind: Kind) -> Option<Result<KindEntry>> {
        match self.kinds.get(kind) {
            Some(entry) => Some(Ok(entry.clone())),
            None => self.names().known(kind, &self.as_walk(), &self.starts),
        }
    }

    /// The type words, where records start in them, and the kinds to take them apart.
    pub(crate) fn words_mut(&mut self) -> (&mut [u32], &[u32], &KindMap) {
        self.found = Found::default();
        (self.body.words_mut(), &self.starts, &self.kinds)
    }

    /// The offset of the first own string.
    pub(crate) fn first_string(&self) -> u32 {
        self.start_str
    }

    /// Standalone from now on: references have been moved to fit it.
    pub(crate) fn number_from_one(&mut self) {
        (self.start_id, self.start_str) = (1, 0);
        self.as_read = None;
        self.found = Found::default();
    }

    /// Continues `base` from now on: references have been moved to fit it.
    pub(crate) fn rebase_onto(&mut self, base: Arc<Btf>) {
        self.start_id = base.type_count();
        self.start_str = base.str_end();
        self.base = Some(base);
        self.as_read = None;
        self.found = Found::default();
    }

    fn names(&self) -> &Names {
        self.found.names.get_or_init(|| Names::of(self.view()))
    }

    /// What `sum` gives, asked no more often than the blob changes.
    pub(crate) fn once_summed(&self, sum: impl FnOnce() -> u32) -> u32 {
        *self.found.crc32.get_or_init(sum)
    }

    fn as_walk(&self) -> Walk<'_> {
        Walk {
            words: self.words(),
            strings: self.own_strings(),
            start_id: self.start_id,
            start_str: self.start_str,
            base: self.base.as_deref(),
            layout: &self.layout,
            given: &[],
            offset: self.header.types.start,
        }
    }

    /// The strings from an offset on, which may be one of this blob's bases.
    fn tail(&self, offset: u32) -> Option<&[u8]> {
        let mut btf = self;
        while offset < btf.start_str {
            btf = btf.base.as_deref()?;
        }
        btf.own_strings().get(offset.saturating_sub(btf.start_str) as usize..)
    }

    #[inline]
    pub(crate) fn view(&self) -> Types<'_> {
        Types {
            words: self.words(),
            starts: &self.starts,
            strings: self.own_strings(),
            start_id: self.start_id,
            start_str: self.start_str,
            base: self.base.as_deref(),
        }
    }

    /// Where a record stands in the blob, in bytes.
    pub(crate) fn offset_of(&self, id: TypeId) -> Option<usize> {
        let own = id.0.checked_sub(self.start_id)? as usize;
        let start = *self.starts.get(own)? as usize;
        Some(start.saturating_mul(4).saturating_add(self.header.types.start))
    }

    /// Whether the own types are sorted by name as newer kernel builds do it, those without a name
    /// first, so that libbpf finds types by binary search.
    pub fn is_sorted_by_name(&self) -> bool {
        // Names that are too long to be names do not count as sorted.
        let name = |ty: &Record<'_>| self.view().short_string(ty.name_off().0);
        let sorted =
            |a: &Record<'_>, b: &Record<'_>| name(a).zip(name(b)).is_some_and(|(a, b)| a <= b);
        self.starts.len() > 1 && self.types().is_sorted_by(sorted)
    }

    /// Looks for signs that this split BTF was made for another base: a name that does not start
    /// where a string starts.
    ///
    /// Finding none is no proof that the base is the right one.
    ///
    /// # Errors
    /// The first such name.
    pub fn check_base(&self) -> Result<()> {
        let Some(base) = &self.base else {
            return Ok(());
        };
        let view = self.view();
        for ty in self.types() {
            let mut wrong = None;
            ty.for_each_ref(|at, word, is_str| {
                if is_str && word != 0 && !view.starts_string(word) && wrong.is_none() {
                    wrong = Some((at, word));
                }
            });
            if let Some((at, offset)) = wrong {
                let what = format!(
                    "string offset {offset} is inside a string: this BTF was made for another base than the one given ({} types, {} bytes of strings)",
                    base.type_count(),
                    base.str_end()
                );
                let err = Error::new(ErrorKind::Base, what).in_field(ty.field_name(at));
                return Err(err.in_type(ty.id(), ty.kind_name(), ty.name()));
            }
        }
        Ok(())
    }

    /// The own type words.
    pub(crate) fn words(&self) -> &[u32] {
        self.body.words()
    }

    /// The own string section.
    pub(crate) fn own_strings(&self) -> &[u8] {
        self.body.strings()
    }

    /// The own record that byte `offset` of the blob is in, and how far in.
    pub(crate) fn place_of(&self, offset: usize) -> Option<(TypeId, usize)> {
        let word = u32::try_from(offset.checked_sub(self.header.types.start)? / 4).ok()?;
        let own = self.starts.partition_point(|start| *start <= word).checked_sub(1)?;
        let id = TypeId(self.start_id.saturating_add(u32::try_from(own).ok()?));
        let within = offset.checked_sub(self.offset_of(id)?)?;
        let inside = (word as usize) < self.words().len();
        inside.then_some((id, within))
    }

    /// Checks that every type id and string offset of the own types reaches something. What was read
    /// was checked; what is being built may not be complete yet.
    ///
    /// # Errors
    /// The first that reaches nothing.
    pub fn check_references(&self) -> Result<()> {
        if self.found.checked.get().is_some() {
            return Ok(());
        }
        let limits = self.limits();
        let starts: &[u32] = if self.reach_all(limits) { &[] } else { &self.starts };
        let closely = Types { starts, ..self.view() };
        for (id, words) in closely.own_from(0) {
            let info = words.get(1).copied().unwrap_or_default();
            let Some(entry) = self.kinds.get(Kind::of_info(info)) else { continue };
            let mut wrong = None;
            entry.refs.for_each(words, |at, word, is_str| {
                if !self.reaches_one(word, is_str, limits) && wrong.is_none() {
                    wrong = Some((at, word, is_str));
                }
            });
            if let Some(wrong) = wrong {
                return Err(self.bad_reference(TypeId(id), wrong));
            }
        }
        self.found.checked.get_or_init(|| ());
        Ok(())
    }

    /// Whether an id or offset reaches something.
    fn reaches_one(&self, word: u32, is_str: bool, limits: Limits) -> bool {
        let (end, start) = match is_str {
            true => (limits.string, self.start_str),
            false => (limits.id, self.start_id),
        };
        // Below the own numbers is the base; without one there is nothing but void and no name.
        word < end && (self.base.is_some() || word == 0 || word >= start)
    }

    /// Whether it can be told from the limits alone that all references reach something.
    fn reach_all(&self, limits: Limits) -> bool {
        let nothing_below = self.base.is_some() || (self.start_id, self.start_str) == (1, 0);
        nothing_below && reach::all_below(self.words(), &self.starts, &self.kinds, limits)
    }

    /// The lowest id and string offset that are past the end.
    fn limits(&self) -> Limits {
        let string = self.str_end().min(MAX_NAME_OFFSET.saturating_add(1)).max(1);
        Limits { id: self.type_count(), string }
    }

    /// The error for a bad word of a record, at this position.
    fn bad_reference(&self, id: TypeId, (at, word, is_str): (usize, u32, bool)) -> Error {
        let what = if is_str && word > MAX_NAME_OFFSET {
            format!("string offset {word} is past the limit {MAX_NAME_OFFSET:#x}")
        } else if is_str && word >= self.str_end() {
            format!("string offset {word} is past the end of the strings at {}", self.str_end())
        } else if is_str {
            format!(
                "string offset {word} is before the own strings, which start at {}",
                self.start_str
            )
        } else if word >= self.type_count() {
            format!("type id {word} is past the last type {}", self.type_count().saturating_sub(1))
        } else {
            format!("type id {word} is before the own types, which start at {}", self.start_id)
        };
        let mut err = Error::new(ErrorKind::Reference, what).with_help(match &self.base {
            Some(base) => format!(
                "the base may not be the one that this BTF was made for: it has {} types and {} bytes of strings",
                base.type_count(),
                base.str_end()
            ),
            None => "if this is split BTF (a renumbered module), give its base with -B".to_owned(),
        });
        if let Some(offset) = self.offset_of(id) {
            err = err.at(offset);
        }
        match self.get(id) {
            Some(ty) => {
                err.in_type(id, ty.kind_name().to_owned(), ty.name()).in_field(ty.field_name(at))
            }
            None => err,
        }
    }
}
