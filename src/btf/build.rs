//! Editing: new strings, new types, and types put in front of others.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::body::Body;
use super::strings;
use super::{Blob, Btf, Found, Interner, MAX_NAME_OFFSET, MAX_TYPE_ID, StrOff, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::{Kind, KindEntry, KindMap, KindSpec, Layout, Sizes, Source};
use crate::origin::Origin;
use crate::renumber::Shift;

/// A type to be added: its record, but for the name's offset.
#[derive(Debug, Clone, Copy)]
pub struct NewType<'a> {
    /// The kind; one that is not released must have been made known with [`Btf::add_kind`] or be
    /// in the blob.
    pub kind: Kind,
    /// The name, empty for none.
    pub name: &'a str,
    /// Bit 31 of `info`.
    pub kind_flag: bool,
    /// The number of elements (FUNC: the linkage).
    pub vlen: u32,
    /// The third word: a size or a type id, or unused.
    pub size_or_type: u32,
    /// The fixed words and the elements.
    pub words: &'a [u32],
}

/// What a blob was before an edit that may fail.
pub(crate) struct Checkpoint {
    as_read: Option<Arc<Blob>>,
    types_at: usize,
    words: usize,
    starts: usize,
    strings: usize,
    origin: Option<Origin>,
    kinds: KindMap,
}

fn refuse(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Edit, what)
}

fn check_string(string: &[u8]) -> Result<()> {
    match string.contains(&0) {
        true => Err(refuse(format!("a name cannot have a NUL in it: '{}'", string.escape_ascii()))),
        false => Ok(()),
    }
}

impl Btf {
    /// Makes a kind known that is not released, so that types of it can be added.
    ///
    /// # Errors
    /// If the kind is released or past 127, if a name in it cannot be one, or if it is known
    /// already with other words.
    pub fn add_kind(&mut self, spec: KindSpec) -> Result<()> {
        spec.check().map_err(refuse)?;
        if let Some(known) = self.known(spec.kind) {
            let known = known?;
            // Of a kind that is known by its sizes, the classes can be added.
            let same = if known.spec.classes {
                known.spec.same_layout(&spec)
            } else {
                Sizes::of(&known.spec) == Sizes::of(&spec)
            };
            if !same {
                let what =
                    format!("kind {} is known with other words ({})", spec.kind, known.source);
                return Err(refuse(what));
            }
        }
        self.kinds.set(KindEntry::new(spec.into(), Source::Given));
        // Words may be references now that were none.
        self.found = Found::default();
        Ok(())
    }

    /// The offset of a string, which is added if neither the blob nor its bases have it.
    ///
    /// # Errors
    /// If the string has a NUL in it, if it would start past the highest offset that a name can
    /// have, or if the blob cannot be edited (see [`Btf::add`]).
    pub fn intern(&mut self, string: &str) -> Result<StrOff> {
        self.intern_bytes(string.as_bytes())
    }

    /// The same for names as they are in files, which need not be UTF-8.
    pub(crate) fn intern_bytes(&mut self, string: &[u8]) -> Result<StrOff> {
        if string.is_empty() {
            return Ok(StrOff(0));
        }
        if let Some(found) = self.find_string(string)
            && found.0 <= MAX_NAME_OFFSET
        {
            return Ok(found);
        }
        check_string(string)?;
        self.begin_edit()?;
        if let Some(origin) = self.take_origin()? {
            // Its names stay the last strings.
            let added = self.intern_bytes(string);
            self.put_origin(origin)?;
            return added;
        }
        self.check_string_room()?;
        let mut interner = self.interner.take().unwrap_or_else(|| Interner::of(self.own_strings()));
        let own = interner.add(&mut self.body, string);
        self.interner = interner.into();
        Ok(StrOff(own.saturating_add(self.start_str)))
    }

    /// [`Btf::intern`] for many strings, in this order. They are looked for all at once, for which no
    /// interner is made.
    pub(crate) fn intern_all(&mut self, strings: &[String]) -> Result<Vec<u32>> {
        // The names of an origin record stay the last strings.
        if self.interner.get().is_some() || self.origin().is_some() {
            return strings.iter().map(|string| Ok(self.intern(string)?.0)).collect();
        }
        let mut found = self.find_strings(strings);
        let mut offsets = Vec::with_capacity(strings.len());
        for string in strings {
            let there = found.get(string.as_bytes()).copied().filter(|at| *at <= MAX_NAME_OFFSET);
            let offset = match there {
                _ if string.is_empty() => 0,
                Some(offset) => offset,
                None => {
                    check_string(string.as_bytes())?;
                    self.begin_edit()?;
                    self.check_string_room()?;
                    let offset = self.str_end();
                    self.body.append_string(string.as_bytes());
                    found.insert(string.as_bytes(), offset);
                    offset
                }
            };
            offsets.push(offset);
        }
        Ok(offsets)
    }

    /// The lowest offsets of those strings that are there: the bases come first.
    fn find_strings<'a>(&self, strings: &'a [String]) -> HashMap<&'a [u8], u32> {
        let mut found = HashMap::new();
        let mut level = Some(self);
        while let Some(btf) = level {
            let own = strings::find_all(btf.own_strings(), strings);
            found.extend(own.map(|(string, own)| (string, own.saturating_add(btf.start_str))));
            level = btf.base.as_deref();
        }
        found
    }

    /// Refuses a string behind the highest offset that a name can have.
    fn check_string_room(&self) -> Result<()> {
        let end = self.str_end();
        if end > MAX_NAME_OFFSET {
            return Err(refuse(format!(
                "a name at offset {end} is past the limit {MAX_NAME_OFFSET:#x}"
            )));
        }
        Ok(())
    }

    /// The lowest offset of a string, if it is there: the bases come first.
    fn find_string(&self, string: &[u8]) -> Option<StrOff> {
        let mut found = None;
        let mut btf = Some(self);
        while let Some(level) = btf {
            let strings = level.own_strings();
            let interner = level.interner.get_or_init(|| Interner::of(strings));
            if let Some(own) = interner.find(strings, string) {
                found = Some(StrOff(own.saturating_add(level.start_str)));
            }
            btf = level.base.as_deref();
        }
        found
    }

    /// Adds a type behind all others.
    ///
    /// Type ids in it may be of types that are added later; string offsets come from
    /// [`Btf::intern`].
    ///
    /// # Errors
    /// If the kind is not known, if the words are not as many as the kind and `vlen` say, if a
    /// limit of the format would be passed, or if the blob was read with header bytes or gaps that
    /// are not zero and not understood.
    ///
    /// ```
    /// use btfkinds::{Btf, Kind, NewType};
    ///
    /// let mut btf = Btf::new();
    /// let int = NewType { kind: Kind::INT, name: "int", kind_flag: false, vlen: 0, size_or_type: 4, words: &[1 << 24 | 32] };
    /// let id = btf.add(int)?;
    /// let ptr = NewType { kind: Kind::PTR, name: "", kind_flag: false, vlen: 0, size_or_type: id.0, words: &[] };
    /// assert_eq!(btf.add(ptr)?.0, 2);
    /// # Ok::<(), btfkinds::Error>(())
    /// ```
    pub fn add(&mut self, new: NewType<'_>) -> Result<TypeId> {
        let Some(entry) = self.kinds.get(new.kind) else {
            return Err(refuse(format!("kind {} is not known", new.kind)));
        };
        if new.vlen > 0x00ff_ffff {
            return Err(refuse(format!("vlen {} does not fit 24 bits", new.vlen)));
        }
        let refs = &entry.refs;
        let needs =
            refs.element_words.saturating_mul(new.vlen as usize).saturating_add(refs.fixed_words);
        if new.words.len() != needs {
            let what = format!(
                "a {} of vlen {} has {needs} words, not {}",
                entry.spec.name,
                new.vlen,
                new.words.len()
            );
            return Err(refuse(what));
        }
        let before = self.checkpoint()?;
        // The origin record stays the last type.
        let origin = self.take_origin()?;
        let added = self.add_record(&new);
        let added = match origin {
            Some(origin) => added.and_then(|id| self.put_origin(origin).map(|()| id)),
            None => added,
        };
        if added.is_err() {
            self.go_back(before);
        }
        added
    }

    fn add_record(&mut self, new: &NewType<'_>) -> Result<TypeId> {
        let name = self.intern(new.name)?;
        let info = u32::from(new.kind_flag) << 31 | u32::from(new.kind.0) << 24 | new.vlen;
        let mut record = vec![name.0, info, new.size_or_type];
        record.extend_from_slice(new.words);
        let id = self.type_count();
        self.insert(TypeId(id), &[record])?;
        Ok(TypeId(id))
    }

    /// Refuses more types than there are ids for.
    pub(crate) fn check_room(&self, types: usize) -> Result<u32> {
        let last = (self.type_count() as usize).saturating_add(types).saturating_sub(1);
        match u32::try_from(types) {
            Ok(types) if last <= MAX_TYPE_ID as usize => Ok(types),
            _ => Err(refuse(format!(
                "there would be more type ids than BTF can have ({MAX_TYPE_ID})"
            ))),
        }
    }

    /// Puts whole records before type `at`, which may be the one past the end. The types from `at`
    /// on move up, and with them every reference to them; the new records' references count as
    /// moved already.
    pub(crate) fn insert(&mut self, at: TypeId, records: &[Vec<u32>]) -> Result<()> {
        let added = self.check_room(records.len())?;
        let new_words = records.iter().map(Vec::len).fold(0, usize::saturating_add);
        let bytes = self.words().len().saturating_add(new_words).saturating_mul(4);
        // All three sections must stay within what u32 offsets can say.
        let all = bytes.saturating_add(self.str_len()).saturating_add(self.layout.bytes.len());
        if u32::try_from(all).is_err() {
            return Err(refuse("the blob would be larger than 4 GiB"));
        }
        self.begin_edit()?;
        let own = at.0.saturating_sub(self.start_id) as usize;
        if own < self.starts.len() {
            self.shift(&Shift { ids_from: at.0, ids_by: added, ..Shift::default() })?;
        }
        let word_at = self.starts.get(own).map_or(self.words().len(), |start| *start as usize);
        let moved = u32::try_from(new_words).unwrap_or(u32::MAX);
        for start in self.starts.iter_mut().skip(own) {
            *start = start.saturating_add(moved);
        }
        let mut next = u32::try_from(word_at).unwrap_or(u32::MAX);
        let starts = records.iter().map(|record| {
            let start = next;
            next = next.saturating_add(u32::try_from(record.len()).unwrap_or(u32::MAX));
            start
        });
        let own = own.min(self.starts.len());
        self.starts.splice(own..own, starts.collect::<Vec<_>>());
        self.body.insert_words(word_at, &records.concat());
        Ok(())
    }

    /// Cuts the last record off, of `words` words, and all strings from own offset `strings` on.
    pub(crate) fn truncate(&mut self, words: usize, strings: usize) -> Result<()> {
        self.begin_edit()?;
        self.body.truncate(self.words().len().saturating_sub(words), strings);
        self.starts.pop();
        self.interner = OnceLock::new();
        Ok(())
    }

    /// Appends whole strings without looking for them; gives the offset of the first.
    pub(crate) fn append_strings(&mut self, strings: &[u8]) -> Result<u32> {
        self.begin_edit()?;
        let start = self.str_end();
        let end = (start as usize).saturating_add(strings.len());
        if end > MAX_NAME_OFFSET as usize {
            return Err(refuse(format!(
                "a name at offset {end} is past the limit {MAX_NAME_OFFSET:#x}"
            )));
        }
        self.body.append_strings(strings);
        self.interner = OnceLock::new();
        Ok(start)
    }

    /// Makes sure that the blob can be edited, and remembers how it is now.
    pub(crate) fn checkpoint(&mut self) -> Result<Checkpoint> {
        let (as_read, types_at) = (self.as_read.clone(), self.header.types.start);
        self.begin_edit()?;
        Ok(Checkpoint {
            as_read,
            types_at,
            words: self.words().len(),
            starts: self.starts.len(),
            strings: self.str_len(),
            origin: self.origin(),
            kinds: self.kinds.clone(),
        })
    }

    /// Takes off again what was added since a checkpoint.
    pub(crate) fn go_back(&mut self, to: Checkpoint) {
        let mut to = to;
        if to.origin.is_some() {
            // It may have been taken off, and is put on again in any case.
            to.words = to.words.saturating_sub(Origin::WORDS);
            to.starts = to.starts.saturating_sub(1);
            to.strings = to.strings.saturating_sub(Origin::NAMES.len());
        }
        self.body.truncate(to.words, to.strings);
        self.starts.truncate(to.starts);
        self.interner = OnceLock::new();
        if let Some(origin) = to.origin {
            // It was there before, so that it fits.
            let _ = self.put_origin(origin);
        }
        self.header.types.start = to.types_at;
        self.as_read = to.as_read;
        self.kinds = to.kinds;
        self.found = Found::default();
    }

    /// Where the kinds in use come from changes when descriptions are added or moved.
    pub(crate) fn refresh_kinds(&mut self) -> Result<()> {
        self.found = Found::default();
        let used: Vec<Kind> = self
            .kinds
            .iter()
            .map(|entry| entry.spec.kind)
            .filter(|kind| !kind.is_released())
            .collect();
        for kind in used {
            if let Some(entry) = self.names().known(kind, &self.as_walk(), &self.starts) {
                let entry = entry?;
                self.kinds.set(entry);
            }
        }
        Ok(())
    }

    /// A blob like this one, without types and strings, on a base or standalone; the kinds and the
    /// layout section stay.
    pub(crate) fn emptied(&self, base: Option<Arc<Btf>>) -> Result<Btf> {
        self.check_editable()?;
        let mut btf = base.map_or_else(Btf::new, Btf::new_split);
        btf.header = self.header.clone();
        btf.layout = self.layout.clone();
        btf.kinds = self.kinds.clone();
        btf.header.types.start = btf.header.len();
        Ok(btf)
    }

    /// Gives a blob without types all its types at once: their words, and where each one starts.
    pub(crate) fn set_types(&mut self, words: Vec<u32>, starts: Vec<u32>) -> Result<()> {
        self.check_room(starts.len())?;
        let bytes = words.len().saturating_mul(4).saturating_add(self.str_len());
        if u32::try_from(bytes.saturating_add(self.layout.bytes.len())).is_err() {
            return Err(refuse("the blob would be larger than 4 GiB"));
        }
        self.found = Found::default();
        self.body = Body::new(words, self.own_strings());
        self.starts = starts;
        Ok(())
    }

    /// Gives the blob a layout section.
    pub(crate) fn set_layout(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.begin_edit()?;
        self.header.layout = Some(0..0);
        self.header.types.start = self.header.len();
        self.layout = Layout { bytes };
        self.refresh_kinds()
    }

    /// Takes a kind over from where a record of it came from.
    pub(crate) fn take_kind(&mut self, entry: &KindEntry) {
        self.kinds.set(entry.clone());
        self.found = Found::default();
    }

    /// Makes sure that nothing is lost when this blob is written anew.
    pub(crate) fn begin_edit(&mut self) -> Result<()> {
        self.check_editable()?;
        self.as_read = None;
        // From now on the blob is arranged as `Header::write` does.
        self.header.types.start = self.header.len();
        self.found = Found::default();
        Ok(())
    }

    fn check_editable(&self) -> Result<()> {
        if self.own_strings().is_empty() && self.base.is_none() {
            let what = "without types and strings this may be standalone or split BTF: nothing can be added to it";
            return Err(refuse(what).with_help("if it is split BTF, give its base with -B"));
        }
        if self.header.tail.iter().any(|byte| *byte != 0) {
            let what = format!(
                "the header has {} bytes that are not known and not zero: such BTF can be read, not edited",
                self.header.tail.len()
            );
            return Err(refuse(what).at(24));
        }
        if let Some(blob) = &self.as_read
            && !self.header.gaps_are_zero(blob.bytes())
        {
            return Err(refuse(
                "between or behind the sections are bytes that are not zero: such BTF can be read, not edited",
            ));
        }
        Ok(())
    }
}
