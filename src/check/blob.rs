//! A blob's records and strings as the kernel reads them: raw, in the machine's byte order, with
//! nothing taken for granted.

use super::format::Format;
use crate::btf::Btf;
use crate::kind::{Kind, KindSpec};

/// The type and string sections.
#[derive(Clone)]
pub(super) struct Blob<'a> {
    pub(super) format: Format,
    pub(super) types: &'a [u8],
    /// Where the type section starts in the blob.
    pub(super) types_at: usize,
    pub(super) strings: &'a [u8],
    /// Where the string section starts in the blob.
    pub(super) strings_at: usize,
    /// Where in the type section each own record starts.
    pub(super) starts: Vec<u32>,
    /// What it is split on.
    pub(super) base: Option<&'a Btf>,
    /// The first own type id: 1, or the base's type count.
    pub(super) first_id: u32,
    /// The first own string offset: 0, or where the base's strings end.
    pub(super) first_string: u32,
}

/// One record. All words that are not there are 0.
#[derive(Clone, Copy)]
pub(super) struct Type<'a> {
    pub(super) id: u32,
    bytes: &'a [u8],
    format: Format,
}

/// One element of a record: its number, its words, and where it starts in the record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) number: u32,
    pub(super) words: [u32; 3],
    pub(super) at: usize,
}

/// A member of a struct or union.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) number: u32,
    pub(super) name: u32,
    pub(super) ty: u32,
    /// The word as it stands; with `kind_flag` a bitfield's size is in it.
    pub(super) offset: u32,
    pub(super) at: usize,
}

impl From<Element> for Member {
    fn from(element: Element) -> Self {
        let [name, ty, offset] = element.words;
        Member { number: element.number, name, ty, offset, at: element.at }
    }
}

impl<'a> Blob<'a> {
    /// Nothing yet, of what is split on `base`.
    pub(super) fn new(format: Format, base: Option<&'a Btf>) -> Blob<'a> {
        Blob {
            format,
            types: &[],
            types_at: 0,
            strings: &[],
            strings_at: 0,
            starts: Vec::new(),
            base,
            first_id: base.map_or(1, Btf::type_count),
            first_string: base.map_or(0, Btf::str_end),
        }
    }

    fn void(&self) -> Type<'a> {
        Type { id: 0, bytes: &[], format: self.format }
    }

    /// The type of an id that the kernel would find.
    pub(super) fn get(&self, id: u32) -> Option<Type<'a>> {
        if id == 0 {
            return Some(self.void());
        }
        if id > self.format.last_type() {
            return None;
        }
        let Some(index) = id.checked_sub(self.first_id) else {
            let words = self.base?.view().get(id)?;
            return Some(Type { id, bytes: bytemuck::cast_slice(words), format: self.format });
        };
        let start = *self.starts.get(index as usize)?;
        Some(self.at(id, start))
    }

    /// The record that starts at an offset.
    pub(super) fn at(&self, id: u32, start: u32) -> Type<'a> {
        let bytes = self.types.get(start as usize..).unwrap_or_default();
        Type { id, bytes, format: self.format }
    }

    /// The same where the id is known to be there, or void.
    pub(super) fn ty(&self, id: u32) -> Type<'a> {
        self.get(id).unwrap_or(self.void())
    }

    /// The own ids that the kernel keeps.
    pub(super) fn ids(&self) -> std::ops::RangeInclusive<u32> {
        let count = u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        let last = self.first_id.saturating_add(count).saturating_sub(1);
        self.first_id..=last.min(self.format.last_type())
    }

    /// Whether an id is one that may stand in a record, and not void.
    pub(super) fn is_some_id(&self, id: u32) -> bool {
        (1..=self.format.max_type).contains(&id)
    }

    /// Whether there is a string at an offset.
    pub(super) fn has_name(&self, offset: u32) -> bool {
        let own = offset.checked_sub(self.first_string);
        offset <= self.format.max_name && own.is_none_or(|own| (own as usize) < self.strings.len())
    }

    /// The string at an offset, but no more of it than matters: one byte past the longest
    /// identifier, or what fits the kernel's log.
    pub(super) fn short_name(&self, offset: u32, longest: usize) -> &'a [u8] {
        let tail = match (offset.checked_sub(self.first_string), self.base) {
            (None, Some(base)) => base.view().tail(offset),
            (own, _) => own.and_then(|own| self.strings.get(own as usize..)),
        };
        let tail = tail.unwrap_or_default();
        let tail = tail.get(..longest).unwrap_or(tail);
        memchr::memchr(0, tail).and_then(|end| tail.get(..end)).unwrap_or(tail)
    }

    /// Whether a name is an identifier to the kernel.
    pub(super) fn is_identifier(&self, offset: u32) -> bool {
        self.is_name(offset, self.format.dots)
    }

    fn is_name(&self, offset: u32, dots: bool) -> bool {
        let longest = self.format.longest;
        let name = self.short_name(offset, longest.saturating_add(1));
        let ok = |c: &u8| is_name_byte(*c) || (dots && *c == b'.');
        let first = name.first().is_some_and(|c| ok(c) && !c.is_ascii_digit());
        first && name.len() <= longest && name.iter().all(ok)
    }

    /// Whether a name can be a variable's, which could have dots before others could.
    pub(super) fn is_variable_name(&self, offset: u32) -> bool {
        self.is_name(offset, true)
    }

    /// Whether a name can be a section's.
    pub(super) fn is_section_name(&self, offset: u32) -> bool {
        if !self.format.free_sections {
            return self.is_name(offset, true);
        }
        let longest = self.format.longest;
        let name = self.short_name(offset, longest.saturating_add(1));
        let printable = |c: &u8| (0x20..0x7f).contains(c) || *c >= 0xa0;
        !name.is_empty() && name.len() <= longest && name.iter().all(printable)
    }
}

/// The kernel's letters and digits are those of Latin-1.
fn is_name_byte(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || (c >= 0xc0 && c != 0xd7 && c != 0xf7)
}

impl<'a> Type<'a> {
    /// A word of the record.
    pub(super) fn word(self, at: usize) -> u32 {
        let bytes = self.bytes.get(at.wrapping_mul(4)..);
        bytes.and_then(|rest| rest.first_chunk::<4>()).map_or(0, |word| u32::from_ne_bytes(*word))
    }

    pub(super) fn name_off(self) -> u32 {
        self.word(0)
    }

    pub(super) fn info(self) -> u32 {
        self.word(1)
    }

    /// The kind as this kernel reads it.
    pub(super) fn kind(self) -> Kind {
        let Kind(n) = Kind::of_info(self.info());
        Kind(n & self.format.kind_mask)
    }

    /// What is known of the kind; None for void and for kinds that this kernel does not have.
    pub(super) fn spec(self) -> Option<&'static KindSpec> {
        let kind = self.kind();
        let index = kind.index().checked_sub(1).filter(|_| kind.0 <= self.format.kinds)?;
        KindSpec::released().get(index).map(|spec| &**spec)
    }

    /// The number of elements as this kernel reads it.
    pub(super) fn vlen(self) -> u32 {
        self.info() & self.format.vlen_mask
    }

    /// Whether a newer kernel reads another kind or more elements.
    pub(super) fn is_misread(self) -> bool {
        Kind::of_info(self.info()) != self.kind() || self.info() & 0x00ff_ffff != self.vlen()
    }

    pub(super) fn kind_flag(self) -> bool {
        self.info() >> 31 == 1
    }

    /// The third word, as a size.
    pub(super) fn size(self) -> u32 {
        self.word(2)
    }

    /// The third word, as a type id.
    pub(super) fn target(self) -> u32 {
        self.word(2)
    }

    /// The first of the fixed words.
    pub(super) fn fixed(self) -> u32 {
        self.word(3)
    }

    /// The bytes behind the three words that every record has.
    pub(super) fn meta_size(self) -> u32 {
        let Some(spec) = self.spec() else { return 0 };
        let element = u32::try_from(spec.element_size()).unwrap_or(u32::MAX);
        let fixed = u32::try_from(spec.fixed_size()).unwrap_or(u32::MAX);
        self.vlen().saturating_mul(element).saturating_add(fixed)
    }

    /// An element; its words are 0 where the record has none.
    pub(super) fn element(self, number: u32) -> Element {
        let (fixed, len) = self.spec().map_or((0, 0), |s| (s.fixed.len(), s.elements.len()));
        let first = len.saturating_mul(number as usize).saturating_add(fixed).saturating_add(3);
        let word = |at: usize| if at < len { self.word(first.saturating_add(at)) } else { 0 };
        Element { number, words: [word(0), word(1), word(2)], at: first.saturating_mul(4) }
    }

    /// The elements from a number on.
    pub(super) fn elements(self, from: u32) -> impl Iterator<Item = Element> {
        let count = if self.meta_size() == 0 { 0 } else { self.vlen() };
        (from..count).map(move |number| self.element(number))
    }

    pub(super) fn is(self, kind: Kind) -> bool {
        self.kind() == kind
    }

    pub(super) fn is_void(self) -> bool {
        self.id == 0
    }

    /// Whether it only says something of the type that it refers to.
    pub(super) fn is_modifier(self) -> bool {
        matches!(
            self.kind(),
            Kind::TYPEDEF | Kind::VOLATILE | Kind::CONST | Kind::RESTRICT | Kind::TYPE_TAG
        )
    }

    pub(super) fn is_struct(self) -> bool {
        matches!(self.kind(), Kind::STRUCT | Kind::UNION)
    }

    /// Whether nothing may refer to it but what is made for it.
    pub(super) fn is_source_only(self) -> bool {
        matches!(self.kind(), Kind::VAR | Kind::DECL_TAG | Kind::DATASEC)
    }

    pub(super) fn has_no_size(self) -> bool {
        self.is_void()
            || matches!(self.kind(), Kind::FWD | Kind::FUNC | Kind::FUNC_PROTO | Kind::DECL_TAG)
    }

    /// Whether the third word is its size.
    pub(super) fn has_own_size(self) -> bool {
        self.spec().is_some_and(|spec| spec.third == crate::kind::Third::Size)
    }

    /// Whether it must be resolved before it can be used.
    pub(super) fn needs_resolve(self) -> bool {
        self.is_modifier()
            || self.is_struct()
            || self.is_source_only()
            || matches!(self.kind(), Kind::PTR | Kind::ARRAY)
            || (self.is(Kind::FUNC) && self.format.resolves_functions)
    }

    /// Whether this kernel has no integers of more than 64 bits.
    pub(super) fn has_short_ints(self) -> bool {
        self.format.short_ints
    }

    /// An INT's number of bits.
    pub(super) fn int_bits(self) -> u32 {
        self.fixed() & 0xff
    }

    /// An INT's offset in bits.
    pub(super) fn int_offset(self) -> u32 {
        self.fixed() >> 16 & 0xff
    }

    /// Whether an INT is no bitfield, and of a usual size.
    pub(super) fn is_regular_int(self) -> bool {
        self.int_offset() == 0 && matches!(self.int_bits(), 8 | 16 | 32 | 64 | 128)
    }

    /// A member's offset in bits.
    pub(super) fn bit_offset(self, member: Member) -> u32 {
        if self.kind_flag() { member.offset & 0x00ff_ffff } else { member.offset }
    }
}
