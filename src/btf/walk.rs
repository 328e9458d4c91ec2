//! Walking the type section: where each record starts, and which kinds are in force.
//!
//! Released kinds are stepped over by our table alone. The first record of any other kind asks, in
//! this order: a description that lies wholly before it, a `__BTF_SIZES_` name, the layout section,
//! the base, the caller. When all records are known, every source for a kind in use must agree.

use std::sync::Arc;

use super::step::{self, Row, Steps};
use super::{Btf, Types};
use crate::btf::TypeId;
use crate::error::{Error, ErrorKind, Result};
use crate::kind::discover::{self, TypedefName};
use crate::kind::sources;
use crate::kind::{Kind, KindMap, KindSpec, Layout, Names, Sizes};

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
}

/// A walk that may have begun while the words were still on their way.
pub(crate) struct Begun {
    steps: Steps,
    /// Where it is, in words.
    at: usize,
    starts: Vec<u32>,
    /// That it stands before a record that it cannot step over by itself.
    is_stuck: bool,
}

impl Begun {
    /// Not yet, through so many words.
    pub(crate) fn new(words: usize) -> Begun {
        let mut steps = Steps::new();
        for spec in KindSpec::released() {
            steps.set(spec.kind.index(), Row::new(Sizes::of(spec)));
        }
        // No record is shorter than its header. What is not needed in the end was never touched.
        Begun { steps, at: 0, starts: Vec::with_capacity(words / 3), is_stuck: false }
    }

    /// Goes as far as it can with the first of the words, where all is as usual.
    pub(super) fn go_on(&mut self, words: &[u32]) {
        if !self.is_stuck {
            self.at = self.steps.over_most(words, self.at, &mut self.starts);
            self.is_stuck = words.len().saturating_sub(self.at) > step::ALL;
        }
    }
}

/// Steps over all records.
pub(crate) fn walk(walk: Walk<'_>, begun: Begun) -> Result<Walked> {
    let Begun { mut steps, at, mut starts, .. } = begun;
    let mut finder =
        Finder { walk, typedefs: Vec::new(), searched: 0, strings: None, used: Vec::new() };
    let mut at = steps.over(walk.words, at, &mut starts);
    while let Some(rest @ [_, info, ..]) = walk.words.get(at..) {
        let kind = Kind::of_info(*info);
        let row = match steps.row(kind.index()) {
            Some(row) => row,
            None => Row::new(finder.sizes(kind, at, &starts)?),
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
        steps.set(kind.index(), row);
        at = steps.over(walk.words, at, &mut starts);
    }
    if at < walk.words.len() {
        let what = "the type section ends with half a record header";
        return Err(Error::new(ErrorKind::Record, what).at(finder.offset_of(at)));
    }
    let last = (walk.start_id as usize).saturating_add(starts.len()).saturating_sub(1);
    if last > MAX_TYPE_ID as usize {
        let what = format!("{last} type ids are more than BTF can have ({MAX_TYPE_ID})");
        return Err(Error::new(ErrorKind::Record, what));
    }
    starts.shrink_to_fit();
    let kinds = finder.finish(&starts)?;
    Ok(Walked { starts, kinds })
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
