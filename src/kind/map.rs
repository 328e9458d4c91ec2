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
    /// Whether the third word is a type id.
    pub(crate) third: bool,
    pub(crate) fixed_words: usize,
    pub(crate) element_words: usize,
    /// Positions within the fixed words, and whether a string offset (true) or a type id is there.
    pub(crate) fixed: Vec<(usize, bool)>,
    /// The same within one element.
    pub(crate) elements: Vec<(usize, bool)>,
}

impl Refs {
    fn new(spec: &KindSpec) -> Self {
        fn positions(fields: &[Field]) -> Vec<(usize, bool)> {
            fields
                .iter()
                .enumerate()
                .filter(|(_, field)| !field.class.is_plain())
                .map(|(at, field)| (at, field.class == WordClass::Str))
                .collect()
        }
        Refs {
            third: spec.third.class() == WordClass::Id,
            fixed_words: spec.fixed.len(),
            element_words: spec.elements.len(),
            fixed: positions(&spec.fixed),
            elements: positions(&spec.elements),
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
