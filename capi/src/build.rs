//! Types, added: by their words for any kind, and a function for each released kind.

use std::ffi::{c_char, c_int};
use std::mem::offset_of;

use btfkinds::{Btf, Encoding, Linkage, TypeId};

use crate::blob::Blob;
use crate::error::{Error, ErrorOut, Result};
use crate::ffi::{self, Versioned, array, need, number, read};

/// A type to be added, by its words.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct NewType {
    /// sizeof of this struct.
    pub size: usize,
    /// Its name; NULL for none.
    pub name: *const c_char,
    /// The fixed words and the elements; string offsets in them come from btfkinds_intern().
    pub words: *const u32,
    /// How many words.
    pub words_len: usize,
    /// The number of its kind; one that is not released must be known: see btfkinds_add_kind().
    pub kind: u32,
    /// Bit 31 of its info: 1 or 0.
    pub kind_flag: u32,
    /// The number of elements (FUNC: the linkage).
    pub vlen: u32,
    /// The third word: a size or a type id, or unused.
    pub size_or_type: u32,
}

// SAFETY: repr(C), `size` first, no padding at the end (four u32 behind usizes), zeros are fine.
unsafe impl Versioned for NewType {
    const FIRST: usize = offset_of!(NewType, size_or_type) + size_of::<u32>();
}

/// Adds a type of any kind behind all others, and returns its id. Type ids in it may be of types that
/// are added later.
///
/// Errors: EDIT if the kind is not known, if there are not as many words as it and vlen say, if a limit
/// of the format would be passed, or if the blob can be read, not edited.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_type(
    btf: Option<&mut Blob>,
    record: *const NewType,
    err: ErrorOut<'_>,
) -> c_int {
    number(err, || {
        let btf = need(btf, "btf")?;
        if record.is_null() {
            return Err(Error::argument("the record is NULL"));
        }
        // SAFETY: by the header, a struct that begins with its size, with a text and words.
        let (new, name, words) = unsafe {
            let new = read(record, "the record")?;
            (new, ffi::name(new.name)?, array(new.words, new.words_len, "words")?)
        };
        let kind = match u8::try_from(new.kind) {
            Ok(kind @ 1..=127) => btfkinds::Kind(kind),
            _ => return Err(Error::argument(format!("there can be no kind {}", new.kind))),
        };
        let new = btfkinds::NewType {
            kind,
            name,
            kind_flag: flag(new.kind_flag, "kind_flag")?,
            vlen: new.vlen,
            size_or_type: new.size_or_type,
            words,
        };
        Ok(btf.edit(|btf| btf.add(new))?.0)
    })
}

fn flag(value: impl Into<i64>, name: &str) -> Result<bool> {
    match value.into() {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Error::argument(format!("{name} is {other}, not 0 or 1"))),
    }
}

/// Adds a type to a blob.
fn add(
    btf: Option<&mut Blob>,
    err: ErrorOut<'_>,
    add: impl FnOnce(&mut Btf) -> Result<TypeId>,
) -> c_int {
    number(err, || Ok(need(btf, "btf")?.edit(add)?.0))
}

/// What an INT's bytes mean.
#[repr(C)]
pub enum EncodingKind {
    /// An unsigned number.
    Unsigned = 0,
    /// A signed number.
    Signed = 1,
    /// A character.
    Char = 2,
    /// A truth value.
    Bool = 3,
}

/// How a function or variable is linked.
#[repr(C)]
pub enum LinkageKind {
    /// Known to its own file alone.
    Static = 0,
    /// Defined here for all.
    Global = 1,
    /// Defined elsewhere.
    Extern = 2,
}

fn linkage(number: u32) -> Result<Linkage> {
    match number {
        0 => Ok(Linkage::Static),
        1 => Ok(Linkage::Global),
        2 => Ok(Linkage::Extern),
        other => Err(Error::argument(format!("{other} is no btfkinds_linkage"))),
    }
}

/// A member of a struct or union. This struct does not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Member {
    /// Its name; NULL for an anonymous struct or union.
    pub name: *const c_char,
    /// The id of its type.
    pub type_id: u32,
    /// Where it starts, in bits from the start of the struct.
    pub bits_offset: u32,
    /// How many bits a bitfield has; 0 for what is none.
    pub bitfield_size: u32,
    /// 0.
    pub reserved: u32,
}

/// A value of an enum. This struct does not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct EnumValue {
    /// Its name.
    pub name: *const c_char,
    /// Its value; in an unsigned enum it is taken for a uint64_t.
    pub value: i64,
}

/// A parameter of a function. This struct does not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Param {
    /// Its name; NULL for none.
    pub name: *const c_char,
    /// The id of its type.
    pub type_id: u32,
    /// 0.
    pub reserved: u32,
}

/// A variable in a section. This struct does not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SectionVar {
    /// The id of the VAR, or of the FUNC for an extern function.
    pub type_id: u32,
    /// Where it is, in bytes from the start of the section.
    pub offset: u32,
    /// Its size in bytes.
    pub size: u32,
}

/// The members of a struct or union.
///
/// # Safety
/// By the header: `len` members with texts.
unsafe fn members<'a>(from: *const Member, len: usize) -> Result<Vec<btfkinds::Member<'a>>> {
    // SAFETY: the caller's promise.
    let all = unsafe { array(from, len, "members") }?;
    let member = |member: &Member| {
        let Ok(bitfield_size) = u8::try_from(member.bitfield_size) else {
            let what = format!("a bitfield can't have {} bits", member.bitfield_size);
            return Err(Error::argument(what));
        };
        if member.reserved != 0 {
            return Err(Error::argument("reserved is not 0"));
        }
        // SAFETY: the caller's promise.
        let name = unsafe { ffi::name(member.name) }?;
        let ty = TypeId(member.type_id);
        Ok(btfkinds::Member { name, ty, bits_offset: member.bits_offset, bitfield_size })
    };
    all.iter().map(member).collect()
}

/// The values of an enum.
///
/// # Safety
/// By the header: `len` values with texts.
unsafe fn values<'a>(
    from: *const EnumValue,
    len: usize,
    signed: bool,
) -> Result<Vec<(&'a str, i128)>> {
    // SAFETY: the caller's promise.
    let all = unsafe { array(from, len, "values") }?;
    let value = |value: &EnumValue| {
        let number =
            if signed { i128::from(value.value) } else { i128::from(value.value.cast_unsigned()) };
        // SAFETY: the caller's promise.
        Ok((unsafe { ffi::text(value.name, "the name of a value") }?, number))
    };
    all.iter().map(value).collect()
}

/// INT of `size` bytes: 1, 2, 4, 8 or 16. `encoding` is a btfkinds_encoding.
///
/// This and all functions btfkinds_add_...() return the id of the new type. Ids that they are given may
/// be of types that are added later: see btfkinds_check_references(). Arrays may be NULL if they are
/// empty.
///
/// Errors: EDIT for what a record of the kind cannot say, else as btfkinds_add_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_int(
    btf: Option<&mut Blob>,
    name: *const c_char,
    size: u32,
    encoding: u32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, NULL or a text.
        let name = unsafe { ffi::name(name) }?;
        let encoding = match encoding {
            0 => Encoding::Unsigned,
            1 => Encoding::Signed,
            2 => Encoding::Char,
            3 => Encoding::Bool,
            other => return Err(Error::argument(format!("{other} is no btfkinds_encoding"))),
        };
        Ok(btf.add_int(name, size, encoding)?)
    })
}

/// FLOAT of `size` bytes: 2, 4, 8, 12 or 16.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_float(
    btf: Option<&mut Blob>,
    name: *const c_char,
    size: u32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, NULL or a text.
        let name = unsafe { ffi::name(name) }?;
        Ok(btf.add_float(name, size)?)
    })
}

/// PTR to a type; 0 for void.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_add_ptr(
    btf: Option<&mut Blob>,
    type_id: u32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| Ok(btf.add_ptr(TypeId(type_id))?))
}

/// CONST.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_add_const(
    btf: Option<&mut Blob>,
    type_id: u32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| Ok(btf.add_const(TypeId(type_id))?))
}

/// VOLATILE.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_add_volatile(
    btf: Option<&mut Blob>,
    type_id: u32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| Ok(btf.add_volatile(TypeId(type_id))?))
}

/// RESTRICT.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_add_restrict(
    btf: Option<&mut Blob>,
    type_id: u32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| Ok(btf.add_restrict(TypeId(type_id))?))
}

/// TYPEDEF.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_typedef(
    btf: Option<&mut Blob>,
    name: *const c_char,
    type_id: u32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, NULL or a text.
        let name = unsafe { ffi::name(name) }?;
        Ok(btf.add_typedef(name, TypeId(type_id))?)
    })
}

/// TYPE_TAG: a tag on the type that a pointer leads to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_type_tag(
    btf: Option<&mut Blob>,
    name: *const c_char,
    type_id: u32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, NULL or a text.
        let name = unsafe { ffi::name(name) }?;
        Ok(btf.add_type_tag(name, TypeId(type_id))?)
    })
}

/// DECL_TAG: a tag on a struct, union, function, variable or typedef, or on one of its members or
/// parameters: `component` counts from 0; -1 is the declaration itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_decl_tag(
    btf: Option<&mut Blob>,
    name: *const c_char,
    type_id: u32,
    component: i32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, NULL or a text.
        let name = unsafe { ffi::name(name) }?;
        let component = match component {
            -1 => None,
            other => Some(
                u32::try_from(other)
                    .map_err(|_| Error::argument(format!("there can be no component {other}")))?,
            ),
        };
        Ok(btf.add_decl_tag(name, TypeId(type_id), component)?)
    })
}

/// ARRAY of `length` elements, counted by an INT.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_add_array(
    btf: Option<&mut Blob>,
    element_id: u32,
    index_id: u32,
    length: u32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| Ok(btf.add_array(TypeId(element_id), TypeId(index_id), length)?))
}

/// STRUCT of `size` bytes; anonymous if the name is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_struct(
    btf: Option<&mut Blob>,
    name: *const c_char,
    size: u32,
    members: *const Member,
    members_len: usize,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, NULL or a text, and members.
        let (name, members) = unsafe { (ffi::name(name)?, self::members(members, members_len)?) };
        Ok(btf.add_struct(name, size, &members)?)
    })
}

/// UNION of `size` bytes; anonymous if the name is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_union(
    btf: Option<&mut Blob>,
    name: *const c_char,
    size: u32,
    members: *const Member,
    members_len: usize,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, NULL or a text, and members.
        let (name, members) = unsafe { (ffi::name(name)?, self::members(members, members_len)?) };
        Ok(btf.add_union(name, size, &members)?)
    })
}

/// ENUM of `size` bytes, whose values have 32 bits; anonymous if the name is NULL. `is_signed` is 1 or
/// 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_enum(
    btf: Option<&mut Blob>,
    name: *const c_char,
    size: u32,
    is_signed: c_int,
    values: *const EnumValue,
    values_len: usize,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        let signed = flag(is_signed, "is_signed")?;
        // SAFETY: by the header, NULL or a text, and values.
        let (name, values) =
            unsafe { (ffi::name(name)?, self::values(values, values_len, signed)?) };
        Ok(btf.add_enum(name, size, signed, &values)?)
    })
}

/// ENUM64 of `size` bytes, whose values have 64 bits; else as ENUM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_enum64(
    btf: Option<&mut Blob>,
    name: *const c_char,
    size: u32,
    is_signed: c_int,
    values: *const EnumValue,
    values_len: usize,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        let signed = flag(is_signed, "is_signed")?;
        // SAFETY: by the header, NULL or a text, and values.
        let (name, values) =
            unsafe { (ffi::name(name)?, self::values(values, values_len, signed)?) };
        Ok(btf.add_enum64(name, size, signed, &values)?)
    })
}

/// FWD: a struct, or a union if `is_union` is 1, that is defined elsewhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_fwd(
    btf: Option<&mut Blob>,
    name: *const c_char,
    is_union: c_int,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, NULL or a text.
        let name = unsafe { ffi::name(name) }?;
        Ok(btf.add_fwd(name, flag(is_union, "is_union")?)?)
    })
}

/// FUNC_PROTO: what a function returns (0 for void) and takes; `is_variadic` is 1 for `...` at the end,
/// else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_func_proto(
    btf: Option<&mut Blob>,
    return_id: u32,
    params: *const Param,
    params_len: usize,
    is_variadic: c_int,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, parameters.
        let given = unsafe { array(params, params_len, "params") }?;
        let mut params = Vec::with_capacity(given.len());
        for param in given {
            if param.reserved != 0 {
                return Err(Error::argument("reserved is not 0"));
            }
            // SAFETY: by the header, NULL or a text.
            params.push((unsafe { ffi::name(param.name) }?, TypeId(param.type_id)));
        }
        let variadic = flag(is_variadic, "is_variadic")?;
        Ok(btf.add_func_proto(TypeId(return_id), &params, variadic)?)
    })
}

/// FUNC, of a FUNC_PROTO. `linkage` is a btfkinds_linkage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_func(
    btf: Option<&mut Blob>,
    name: *const c_char,
    proto_id: u32,
    linkage: u32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, NULL or a text.
        let name = unsafe { ffi::name(name) }?;
        Ok(btf.add_func(name, TypeId(proto_id), self::linkage(linkage)?)?)
    })
}

/// VAR. `linkage` is a btfkinds_linkage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_var(
    btf: Option<&mut Blob>,
    name: *const c_char,
    type_id: u32,
    linkage: u32,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, NULL or a text.
        let name = unsafe { ffi::name(name) }?;
        Ok(btf.add_var(name, TypeId(type_id), self::linkage(linkage)?)?)
    })
}

/// DATASEC: a section of `size` bytes and the variables in it, in the order of their offsets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_datasec(
    btf: Option<&mut Blob>,
    name: *const c_char,
    size: u32,
    vars: *const SectionVar,
    vars_len: usize,
    err: ErrorOut<'_>,
) -> c_int {
    add(btf, err, |btf| {
        // SAFETY: by the header, NULL or a text, and variables.
        let (name, vars) = unsafe { (ffi::name(name)?, array(vars, vars_len, "vars")?) };
        let var = |var: &SectionVar| btfkinds::SectionVar {
            ty: TypeId(var.type_id),
            offset: var.offset,
            size: var.size,
        };
        let vars: Vec<_> = vars.iter().map(var).collect();
        Ok(btf.add_datasec(name, size, &vars)?)
    })
}
