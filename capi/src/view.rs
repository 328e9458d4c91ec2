//! Types and kinds, read: all that is needed to go through types of kinds that the program has never
//! heard of.

use std::ffi::{CString, c_char, c_int};
use std::mem::offset_of;
use std::ptr;

use btfkinds::{KindEntry, Source, TypeId};

use crate::blob::{Blob, string_of};
use crate::error::{Error, ErrorOut, Status, text};
use crate::ffi::{Versioned, array, fill, need, quiet, status};

/// What one 4-byte word of a record is.
#[repr(C)]
pub enum WordClass {
    /// A plain number.
    U32 = 0,
    /// A plain number with a sign.
    S32 = 1,
    /// A type id.
    Id = 2,
    /// A string offset.
    Str = 3,
    /// Not known: only the sizes of this kind's records are.
    Unknown = 4,
}

/// What the third word of a record is.
#[repr(C)]
pub enum Third {
    /// Not used, or not known.
    Unused = 0,
    /// The size of the type, in bytes.
    Size = 1,
    /// A type id.
    Id = 2,
}

/// Where the knowledge of a kind came from.
#[repr(C)]
pub enum SourceKind {
    /// The table of released kinds.
    Released = 0,
    /// A description among the types.
    Description = 1,
    /// The header's layout section: sizes only.
    Layout = 2,
    /// The base.
    Base = 3,
    /// The caller.
    Given = 4,
    /// Another place, that this version of the C API has no name for.
    Other = 5,
}

/// One word of a kind's fixed part or of its elements. This struct does not grow.
#[repr(C)]
pub struct Field {
    /// Its name; "" where only sizes are known.
    pub name: *const c_char,
    /// A btfkinds_word_class.
    pub word_class: u32,
    /// 0.
    pub reserved: u32,
}

/// A kind: its number and name, and what the words of its records are. Later versions may have more at
/// the end.
#[repr(C)]
pub struct Kind {
    /// Its number.
    pub number: u32,
    /// What the third word is: a btfkinds_third.
    pub third: u32,
    /// Whether the classes of the words are known: 1 or 0. If not, only sizes are.
    pub classes_known: u32,
    /// Where this is known from: a btfkinds_source.
    pub source: u32,
    /// Its name, without BTF_KIND_.
    pub name: *const c_char,
    /// The first kernel that knows it, such as "5.13"; NULL if it is not released.
    pub since: *const c_char,
    /// Where this is known from, in words.
    pub source_text: *const c_char,
    /// The words after the header, there once.
    pub fixed: *const Field,
    /// How many of them.
    pub fixed_len: usize,
    /// The words of one element, there vlen times.
    pub elements: *const Field,
    /// How many of them.
    pub elements_len: usize,
}

/// A kind with all that it points to.
struct Owned {
    kind: Kind,
    _texts: Vec<CString>,
    _fields: [Vec<Field>; 2],
}

// SAFETY: what it points to is its own and does not change, so that any thread may look at it and drop it.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

/// The kinds in force, by number.
pub struct Kinds(Vec<Option<Box<Owned>>>);

impl Owned {
    fn new(entry: &KindEntry) -> Owned {
        let spec = &entry.spec;
        // The bytes of a CString stay where they are when it is moved.
        let mut texts = Vec::new();
        let mut keep = |from: String| {
            let text = text(from);
            let at = text.as_ptr();
            texts.push(text);
            at
        };
        let mut fields = |from: &[btfkinds::Field]| -> Vec<Field> {
            let field = |field: &btfkinds::Field| Field {
                name: keep(field.name.clone()),
                word_class: class_of(field.class, spec.classes),
                reserved: 0,
            };
            from.iter().map(field).collect()
        };
        let (fixed, elements) = (fields(&spec.fixed), fields(&spec.elements));
        let third = match spec.third {
            btfkinds::Third::Unused => Third::Unused,
            btfkinds::Third::Size => Third::Size,
            btfkinds::Third::Id => Third::Id,
        };
        let source = match &entry.source {
            Source::Released => SourceKind::Released,
            Source::Description(_) => SourceKind::Description,
            Source::Layout => SourceKind::Layout,
            Source::Base(_) => SourceKind::Base,
            Source::Given => SourceKind::Given,
            _ => SourceKind::Other,
        };
        let kind = Kind {
            number: u32::from(spec.kind.0),
            third: third as u32,
            classes_known: u32::from(spec.classes),
            source: source as u32,
            name: keep(spec.name.clone()),
            since: spec.since.map_or(ptr::null(), |since| keep(since.to_string())),
            source_text: keep(entry.source.to_string()),
            fixed: fixed.as_ptr(),
            fixed_len: fixed.len(),
            elements: elements.as_ptr(),
            elements_len: elements.len(),
        };
        Owned { kind, _texts: texts, _fields: [fixed, elements] }
    }
}

fn class_of(class: btfkinds::WordClass, known: bool) -> u32 {
    let class = match class {
        _ if !known => WordClass::Unknown,
        btfkinds::WordClass::U32 => WordClass::U32,
        btfkinds::WordClass::S32 => WordClass::S32,
        btfkinds::WordClass::Id => WordClass::Id,
        btfkinds::WordClass::Str => WordClass::Str,
    };
    class as u32
}

impl Blob {
    /// A kind of this blob as C sees it.
    fn kind(&self, number: u32) -> Option<&Kind> {
        let kinds = self.kinds.get_or_init(|| {
            let mut kinds: Vec<Option<Box<Owned>>> = Vec::new();
            kinds.resize_with(usize::from(btfkinds::Kind::MAX.0).saturating_add(1), || None);
            // Of kinds that only the base has records of, what the base knows.
            let mut level = Some(&self.btf);
            while let Some(btf) = level {
                for entry in btf.kinds().iter() {
                    let slot = kinds.get_mut(usize::from(entry.spec.kind.0));
                    if let Some(slot @ None) = slot {
                        *slot = Some(Box::new(Owned::new(entry)));
                    }
                }
                level = btf.base();
            }
            Kinds(kinds)
        });
        let owned = kinds.0.get(usize::try_from(number).ok()?)?.as_ref()?;
        Some(&owned.kind)
    }
}

/// A kind by its number, if it is released, or the blob or its base has records of it; it belongs to
/// the handle. NULL if it is not known.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_kind_by_number(btf: Option<&Blob>, number: u32) -> Option<&Kind> {
    quiet(None, || btf.and_then(|btf| btf.kind(number)))
}

/// What the word at this position of a record is, from 0, the three of the header first: a
/// btfkinds_word_class. A record with n elements has 3 + fixed_len + n * elements_len words.
///
/// Errors: ARGUMENT if records of this kind can't have that many words.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_word_class_at(kind: Option<&Kind>, at: usize) -> c_int {
    let found = || {
        let kind = kind?;
        // SAFETY: by the header the kind comes from this library, which has set both.
        let (fixed, elements) = unsafe {
            let fixed = array(kind.fixed, kind.fixed_len, "fixed").ok()?;
            (fixed, array(kind.elements, kind.elements_len, "elements").ok()?)
        };
        let class = match at {
            0 => WordClass::Str as u32,
            1 => WordClass::U32 as u32,
            2 if kind.third == Third::Id as u32 => WordClass::Id as u32,
            2 if kind.classes_known == 0 => WordClass::Unknown as u32,
            2 => WordClass::U32 as u32,
            _ => {
                let at = at.checked_sub(3)?;
                let field = match at.checked_sub(fixed.len()) {
                    None => fixed.get(at)?,
                    Some(at) => elements.get(at.checked_rem(elements.len())?)?,
                };
                field.word_class
            }
        };
        c_int::try_from(class).ok()
    };
    quiet(None, found).unwrap_or(Status::Argument as c_int)
}

/// One type. Filled by btfkinds_type_by_id(); all that it points to belongs to the handle.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Type {
    /// sizeof of this struct, set by the caller.
    pub size: usize,
    /// The type's id.
    pub id: u32,
    /// The number of its kind.
    pub kind: u32,
    /// Bit 31 of its info: 1 or 0.
    pub kind_flag: u32,
    /// Bits 0 to 23 of its info: the number of elements (FUNC: the linkage).
    pub vlen: u32,
    /// The third word: a size or a type id, or unused.
    pub size_or_type: u32,
    /// The offset of its name.
    pub name_off: u32,
    /// Its name; "" if it has none.
    pub name: *const c_char,
    /// The name of its kind, such as "STRUCT", whoever it is known from.
    pub kind_name: *const c_char,
    /// What is known of its kind.
    pub kind_info: *const Kind,
    /// All words of the record, the three of the header first.
    pub words: *const u32,
    /// How many of them.
    pub words_len: usize,
}

// SAFETY: repr(C), `size` first, a usize at the end, zeros are fine.
unsafe impl Versioned for Type {
    const FIRST: usize = offset_of!(Type, words_len) + size_of::<usize>();
}

/// Fills *out with a type, of the blob or its base, whether its kind is released or not. out->size must
/// be set. To go through a blob's own types, count from btfkinds_first_id() up to
/// btfkinds_type_count().
///
/// Errors: ARGUMENT for void (0) and ids past the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_type_by_id(
    btf: Option<&Blob>,
    id: u32,
    out: *mut Type,
    err: ErrorOut<'_>,
) -> c_int {
    status(err, || {
        let blob = need(btf, "btf")?;
        let Some(ty) = blob.btf.get(TypeId(id)) else {
            let last = blob.btf.type_count().saturating_sub(1);
            return Err(Error::argument(format!("there is no type {id}: the last is {last}")));
        };
        let number = u32::from(ty.kind().0);
        let own = Type {
            size: 0,
            id,
            kind: number,
            kind_flag: u32::from(ty.kind_flag()),
            vlen: ty.vlen(),
            size_or_type: ty.size_or_type(),
            name_off: ty.name_off().0,
            name: string_of(&blob.btf, ty.name_off().0).unwrap_or(c"".as_ptr()),
            kind_name: c"".as_ptr(),
            kind_info: ptr::null(),
            words: ty.words().as_ptr(),
            words_len: ty.words().len(),
        };
        let own = match blob.kind(number) {
            Some(kind) => Type { kind_name: kind.name, kind_info: kind, ..own },
            None => own,
        };
        // SAFETY: by the header, a struct that begins with its size.
        unsafe { fill(out, own, "out") }
    })
}
