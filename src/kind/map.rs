//! [`KindMap`]: the kinds in force in one BTF blob, and where each came from.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::{Field, Kind, KindSpec, WordClass};
use crate::btf::TypeId;

/// Where the knowledge of a kind came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Our own table of released kinds.
    Released,
    /// A description among the blob's own types: the typedef `__BTF_KIND_n`.
    Description(TypeId),
    /// The header's layout section.
    Layout,
    /// The base of a split blob, which has it from somewhere itself.
    Base(Box<Source>),
    /// A kind file, or a [`KindSpec`] that the caller gave.
    Given,
}

impl Source {
    /// The source behind all bases.
    pub(crate) fn innermost(&self) -> &Source {
        let mut source = self;
        while let Source::Base(inner) = source {
            source = inner;
        }
        source
    }

    /// Whether it is a description among the types of the blob or of a base.
    pub(crate) fn is_description(&self) -> bool {
        matches!(self.innermost(), Source::Description(_))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Released => f.write_str("released"),
            Source::Description(id) => write!(f, "description [{id}]"),
            Source::Layout => f.write_str("layout section"),
            Source::Base(source) => write!(f, "base, {source}"),
            Source::Given => f.write_str("kind file"),
        }
    }
}

/// A kind in force: its words and where they are known from.
#[derive(Debug, Clone)]
pub struct KindEntry {
    /// The kind's words.
    pub spec: Arc<KindSpec>,
    /// Where they are known from.
    pub source: Source,
    pub(crate) refs: Arc<Refs>,
}

impl KindEntry {
    pub(crate) fn new(spec: Arc<KindSpec>, source: Source) -> Self {
        let refs = Arc::new(Refs::new(&spec));
        KindEntry { spec, source, refs }
    }
}

/// Where a kind's records hold type ids and string offsets: all that checking references and
/// renumbering need to know of it.
#[derive(Debug)]
pub(crate) struct Refs {
    pub(crate) fixed_words: usize,
    pub(crate) element_words: usize,
    /// Positions of the words that are there once, the header's among them, and whether a string
    /// offset (true) or a type id is there.
    once: Vec<(usize, bool)>,
    /// The same within one element.
    element: Vec<(usize, bool)>,
}

impl Refs {
    fn new(spec: &KindSpec) -> Self {
        let is_ref = |(at, class): (usize, WordClass)| {
            (!class.is_plain()).then_some((at, class == WordClass::Str))
        };
        let classes = |fields: &[Field]| fields.iter().map(|f| f.class).collect::<Vec<_>>();
        let header = [WordClass::Str, WordClass::U32, spec.third.class()];
        let once = header.into_iter().chain(classes(&spec.fixed));
        Refs {
            fixed_words: spec.fixed.len(),
            element_words: spec.elements.len(),
            once: once.enumerate().filter_map(is_ref).collect(),
            element: classes(&spec.elements).into_iter().enumerate().filter_map(is_ref).collect(),
        }
    }

    /// Whether every type id of a record is below `ids` and every string offset below `strs`: what
    /// [`Refs::for_each`] could tell as well, but for nearly all records there is nothing more to tell.
    #[inline]
    pub(crate) fn are_below(&self, record: &[u32], ids: u32, strs: u32) -> bool {
        let limit = |is_str: bool| if is_str { strs } else { ids };
        let below = |words: &[u32], (at, is_str): (usize, bool)| {
            words.get(at).is_some_and(|word| *word < limit(is_str))
        };
        let mut fine = self.once.iter().all(|place| below(record, *place));
        let elements = record.get(self.fixed_words.saturating_add(3)..).unwrap_or_default();
        match (self.element_words, self.element.as_slice()) {
            (_, []) => {}
            // Members of structs and unions: most of all words that there are.
            (3, [(0, true), (1, false)]) => {
                let (members, _) = elements.as_chunks::<3>();
                fine &= members
                    .iter()
                    .fold(true, |fine, [name, id, _]| fine & (*name < strs) & (*id < ids));
            }
            (2, [(0, true), (1, false)]) => {
                let (parameters, _) = elements.as_chunks::<2>();
                fine &= parameters
                    .iter()
                    .fold(true, |fine, [name, id]| fine & (*name < strs) & (*id < ids));
            }
            (len, places) => {
                fine &= elements
                    .chunks_exact(len.max(1))
                    .all(|element| places.iter().all(|place| below(element, *place)));
            }
        }
        fine
    }

    /// Calls `f` with the position of every type id and string offset of a record of `len` words,
    /// the name's first, and whether it is a string offset. The one place that knows where they are.
    #[inline]
    pub(crate) fn for_each(&self, len: usize, mut f: impl FnMut(usize, bool)) {
        self.once.iter().for_each(|(at, is_str)| f(*at, *is_str));
        if self.element.is_empty() {
            return;
        }
        let first = self.fixed_words.saturating_add(3);
        for start in (first..len).step_by(self.element_words.max(1)) {
            for (at, is_str) in &self.element {
                f(start.saturating_add(*at), *is_str);
            }
        }
    }
}

/// The kinds in force, by number.
#[derive(Debug, Clone)]
pub struct KindMap {
    slots: Vec<Option<KindEntry>>,
}

static RELEASED: LazyLock<KindMap> = LazyLock::new(|| {
    let mut map = KindMap { slots: vec![None; 128] };
    for spec in KindSpec::released() {
        map.set(KindEntry::new(Arc::clone(spec), Source::Released));
    }
    map
});

impl KindMap {
    /// The released kinds alone.
    pub fn released() -> KindMap {
        RELEASED.clone()
    }

    /// What is known of `kind`.
    pub fn get(&self, kind: Kind) -> Option<&KindEntry> {
        self.slots.get(kind.index())?.as_ref()
    }

    /// The kinds that are known, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &KindEntry> {
        self.slots.iter().flatten()
    }

    pub(crate) fn set(&mut self, entry: KindEntry) {
        if let Some(slot) = self.slots.get_mut(entry.spec.kind.index()) {
            *slot = Some(entry);
        }
    }
}
