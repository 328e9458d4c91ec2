//! [`KindMap`]: the kinds in force in one BTF blob, and where each came from.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::{Field, Kind, KindSpec, Third, WordClass};
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
    /// Whether the third word is a type id.
    pub(crate) third: bool,
    /// Positions among the fixed words, and whether a string offset (true) or a type id is there.
    fixed: Vec<(usize, bool)>,
    /// The same within one element.
    element: Vec<(usize, bool)>,
    form: Form,
}

/// What elements look like, where nearly all words of a blob are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Fixed words and elements have no references.
    Plain,
    /// A name, a type and a number: members of structs and unions.
    NameIdPlain,
    /// A name and a type: parameters.
    NameId,
    /// A name and a number: values of enums.
    NamePlain,
    Other,
}

/// The lowest references that are too high.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) id: u32,
    pub(crate) string: u32,
}

/// Calls `f(word, position, is_str)` for every reference behind the header of a record. The one place
/// that knows where they are, for words that can be changed and for those that can't.
macro_rules! visit {
    ($refs:ident, $rest:ident, $f:ident, $as_chunks:ident $split:ident $chunks:ident $get:ident) => {{
        let mut at = 3_usize;
        let mut next = |words: usize| {
            let now = at;
            at = now.saturating_add(words);
            now
        };
        match $refs.form {
            Form::Plain => {}
            Form::NameIdPlain => {
                for [name, id, _] in $rest.$as_chunks::<3>().0 {
                    let at = next(3);
                    $f(name, at, true);
                    $f(id, at.saturating_add(1), false);
                }
            }
            Form::NameId => {
                for [name, id] in $rest.$as_chunks::<2>().0 {
                    let at = next(2);
                    $f(name, at, true);
                    $f(id, at.saturating_add(1), false);
                }
            }
            Form::NamePlain => {
                for [name, _] in $rest.$as_chunks::<2>().0 {
                    $f(name, next(2), true);
                }
            }
            Form::Other => {
                let (fixed, elements) = $rest.$split($refs.fixed_words.min($rest.len()));
                let first = next($refs.fixed_words);
                for (within, is_str) in &$refs.fixed {
                    if let Some(word) = fixed.$get(*within) {
                        $f(word, first.saturating_add(*within), *is_str);
                    }
                }
                for element in elements.$chunks($refs.element_words.max(1)) {
                    let first = next($refs.element_words);
                    for (within, is_str) in &$refs.element {
                        if let Some(word) = element.$get(*within) {
                            $f(word, first.saturating_add(*within), *is_str);
                        }
                    }
                }
            }
        }
    }};
}

impl Refs {
    fn new(spec: &KindSpec) -> Self {
        let refs = |fields: &[Field]| -> Vec<(usize, bool)> {
            let classes = fields.iter().map(|field| field.class).enumerate();
            let refs = classes.filter(|(_, class)| !class.is_plain());
            refs.map(|(at, class)| (at, class == WordClass::Str)).collect()
        };
        let (fixed, element) = (refs(&spec.fixed), refs(&spec.elements));
        let form = match (spec.fixed.len(), spec.elements.len(), element.as_slice()) {
            (_, _, []) if fixed.is_empty() => Form::Plain,
            (0, 3, [(0, true), (1, false)]) => Form::NameIdPlain,
            (0, 2, [(0, true), (1, false)]) => Form::NameId,
            (0, 2, [(0, true)]) => Form::NamePlain,
            _ => Form::Other,
        };
        Refs {
            fixed_words: spec.fixed.len(),
            element_words: spec.elements.len(),
            third: spec.third == Third::Id,
            fixed,
            element,
            form,
        }
    }

    /// Calls `f(position, word, is_str)` for every type id and string offset of a record, the
    /// name's first.
    #[inline]
    pub(crate) fn for_each(&self, record: &[u32], mut f: impl FnMut(usize, u32, bool)) {
        let [name, _, third, rest @ ..] = record else { return };
        f(0, *name, true);
        if self.third {
            f(2, *third, false);
        }
        let mut f = |word: &u32, at: usize, is_str: bool| f(at, *word, is_str);
        visit!(self, rest, f, as_chunks split_at chunks_exact get);
    }

    /// Calls `f(word, is_str)` for every type id and string offset of a record, as words that can be
    /// changed.
    #[inline]
    pub(crate) fn for_each_mut(&self, record: &mut [u32], mut f: impl FnMut(&mut u32, bool)) {
        let [name, _, third, rest @ ..] = record else { return };
        f(name, true);
        if self.third {
            f(third, false);
        }
        let mut f = |word: &mut u32, _: usize, is_str: bool| f(word, is_str);
        visit!(self, rest, f, as_chunks_mut split_at_mut chunks_exact_mut get_mut);
    }

    /// What the first 24 words of a record are, if the last twelve of these come again and again in a longer
    /// one: whether each is a string offset (true), a type id (false) or no reference.
    pub(crate) fn classes(&self) -> Option<[Option<bool>; 24]> {
        const AGAIN: usize = 12;
        let (period, refs) = match (self.fixed_words, self.element_words) {
            (0, element @ 1..) if AGAIN.is_multiple_of(element) => (element, &self.element),
            (fixed, 0) if fixed <= AGAIN => (AGAIN, &self.fixed),
            _ => return None,
        };
        let mut classes = [None; 24];
        let (header, behind) = classes.split_at_mut(3);
        header.copy_from_slice(&[Some(true), None, self.third.then_some(false)]);
        for element in behind.chunks_mut(period) {
            for (within, is_str) in refs {
                if let Some(class) = element.get_mut(*within) {
                    *class = Some(*is_str);
                }
            }
        }
        Some(classes)
    }
}

/// The kinds in force, by number.
#[derive(Debug, Clone)]
pub struct KindMap {
    /// Mostly those of the released kinds, which all blobs share.
    slots: Arc<[Option<KindEntry>]>,
}

static RELEASED: LazyLock<KindMap> = LazyLock::new(|| {
    let mut map = KindMap { slots: vec![None; 128].into() };
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
        let slots = Arc::make_mut(&mut self.slots);
        if let Some(slot) = slots.get_mut(entry.spec.kind.index()) {
            *slot = Some(entry);
        }
    }
}
