//! [`Record`]: a view of one type record.

use std::sync::Arc;

use bstr::BStr;

use super::{Btf, StrOff, TypeId};
use crate::kind::{Kind, KindEntry, KindSpec, Third};

/// One type record: its words, taken apart as its kind says.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    btf: &'a Btf,
    id: TypeId,
    words: &'a [u32],
}

/// The elements of a record, each a slice of its words.
pub type Elements<'a> = std::slice::ChunksExact<'a, u32>;

impl<'a> Record<'a> {
    pub(crate) fn new(btf: &'a Btf, id: TypeId, words: &'a [u32]) -> Self {
        Record { btf, id, words }
    }

    fn word(&self, at: usize) -> u32 {
        self.words.get(at).copied().unwrap_or(0)
    }

    /// The type's id.
    pub fn id(&self) -> TypeId {
        self.id
    }

    /// The blob that the record is read from.
    pub(crate) fn btf(&self) -> &'a Btf {
        self.btf
    }

    /// All words of the record, the three of its header first.
    pub fn words(&self) -> &'a [u32] {
        self.words
    }

    /// The kind's number.
    pub fn kind(&self) -> Kind {
        Kind::of_info(self.word(1))
    }

    /// What is known of the kind.
    pub fn spec(&self) -> &'a Arc<KindSpec> {
        static NONE: std::sync::LazyLock<Arc<KindSpec>> = std::sync::LazyLock::new(|| {
            Arc::new(KindSpec {
                kind: Kind(0),
                name: "UNKNOWN".to_owned(),
                since: None,
                third: Third::Unused,
                fixed: Vec::new(),
                elements: Vec::new(),
                each: String::new(),
                classes: false,
            })
        });
        // Every kind of a parsed blob is in its map.
        self.btf.kinds.get(self.kind()).map_or(&*NONE, |entry| &entry.spec)
    }

    /// The kind as it is in force in the blob.
    pub(crate) fn entry(&self) -> Option<&'a KindEntry> {
        self.btf.kinds.get(self.kind())
    }

    /// The kind's name, such as `STRUCT`.
    pub fn kind_name(&self) -> &'a str {
        &self.spec().name
    }

    /// The offset of the type's name.
    pub fn name_off(&self) -> StrOff {
        StrOff(self.word(0))
    }

    /// The type's name; empty if it has none.
    pub fn name(&self) -> &'a BStr {
        self.string(self.name_off())
    }

    /// The string at an offset that is in this record.
    pub fn string(&self, offset: StrOff) -> &'a BStr {
        BStr::new(self.btf.string(offset).unwrap_or_default())
    }

    /// The fixed words and the elements.
    #[inline]
    pub(crate) fn behind_header(&self) -> &'a [u32] {
        self.words.get(3..).unwrap_or_default()
    }

    /// The second word: kind, `vlen` and `kind_flag`.
    pub(crate) fn info(&self) -> u32 {
        self.word(1)
    }

    /// Bits 0-23 of `info`: the number of elements (FUNC: the linkage).
    pub fn vlen(&self) -> u32 {
        self.word(1) & 0x00ff_ffff
    }

    /// Bit 31 of `info`.
    pub fn kind_flag(&self) -> bool {
        self.word(1) >> 31 == 1
    }

    /// The third word: a size or a type id, or unused.
    pub fn size_or_type(&self) -> u32 {
        self.word(2)
    }

    /// The fixed words.
    pub fn fixed(&self) -> &'a [u32] {
        self.behind_header().get(..self.spec().fixed.len()).unwrap_or_default()
    }

    /// The elements, `vlen` of them if the kind has any.
    pub fn elements(&self) -> Elements<'a> {
        let spec = self.spec();
        let at = spec.fixed.len().saturating_add(3);
        let words = self.words.get(at..).unwrap_or_default();
        words.chunks_exact(spec.elements.len().max(1))
    }

    /// The type that an id in this record refers to.
    pub fn referred(&self, id: u32) -> Option<Record<'a>> {
        self.btf.get(TypeId(id))
    }

    /// Calls `f(position, word, is_str)` for every type id and string offset of the record.
    pub(crate) fn for_each_ref(&self, f: impl FnMut(usize, u32, bool)) {
        if let Some(entry) = self.btf.kinds.get(self.kind()) {
            entry.refs.for_each(self.words, f);
        }
    }

    /// What the word at this position is called in messages.
    pub(crate) fn field_name(&self, at: usize) -> String {
        let spec = self.spec();
        let Some(rest) = at.checked_sub(3) else {
            return if at == 0 { "name".to_owned() } else { "type".to_owned() };
        };
        let Some(within) = rest.checked_sub(spec.fixed.len()) else {
            return spec.fixed.get(rest).map_or(String::new(), |field| field.name.clone());
        };
        let len = spec.elements.len().max(1);
        let field = spec.elements.get(within.checked_rem(len).unwrap_or(0));
        let number = within.checked_div(len).unwrap_or(0);
        format!("{} {number} {}", spec.each, field.map_or("", |field| &field.name))
    }
}
