//! The handle of one BTF blob.

use std::ffi::{c_char, c_int, c_void};
use std::mem::offset_of;
use std::sync::{Arc, OnceLock};

use btfkinds::{Btf, Kind, KindSpec, Parse, StrOff, TypeId};

use crate::error::{Error, ErrorOut, Result, Status};
use crate::ffi::{Versioned, bytes, handle, name, need, number, quiet, read, status, text, texts};
use crate::view::Kinds;

/// One BTF blob: standalone, or split on a base.
#[derive(Default)]
pub struct Blob {
    pub(crate) btf: Arc<Btf>,
    /// The bytes, once somebody asked for them.
    bytes: OnceLock<Vec<u8>>,
    /// The kinds as C sees them, once somebody asked for them.
    pub(crate) kinds: OnceLock<Kinds>,
}

impl Blob {
    pub(crate) fn new(btf: impl Into<Arc<Btf>>) -> Blob {
        Blob { btf: btf.into(), ..Blob::default() }
    }

    /// Changes the blob. If something is split on it, that keeps it as it was.
    pub(crate) fn edit<T, E: Into<Error>>(
        &mut self,
        edit: impl FnOnce(&mut Btf) -> std::result::Result<T, E>,
    ) -> Result<T> {
        (self.bytes, self.kinds) = (OnceLock::new(), OnceLock::new());
        edit(Arc::make_mut(&mut self.btf)).map_err(Into::into)
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get_or_init(|| self.btf.to_bytes())
    }
}

/// What the caller says of a blob's numbering.
#[repr(C)]
pub enum Told {
    /// Nothing: it is found out.
    Nothing = 0,
    /// It is standalone.
    Standalone = 1,
    /// It is split.
    Split = 2,
}

/// How to read a blob. NULL in place of it: standalone, with released kinds and what the blob says of
/// others.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ParseOptions {
    /// sizeof of this struct.
    pub size: usize,
    /// What the blob is split on; NULL: nothing.
    pub base: *const Blob,
    /// Kinds that the caller knows, each as the text of a kind file: `kind 42 GADGET`, ...
    pub kinds: *const *const c_char,
    /// How many of them.
    pub kinds_len: usize,
    /// A btfkinds_told, for btfkinds_parse_as_it_is(), btfkinds_numbering_of() and
    /// btfkinds_renumber_blob().
    pub told: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: repr(C), `size` first, no padding at the end (two u32 behind usizes), zeros are fine.
unsafe impl Versioned for ParseOptions {
    const FIRST: usize = offset_of!(ParseOptions, reserved) + size_of::<u32>();
}

impl ParseOptions {
    /// # Safety
    /// `from` and what it points to are NULL or as the header says.
    pub(crate) unsafe fn parse(from: *const ParseOptions) -> Result<Parse> {
        // SAFETY: the caller's promise.
        let options = unsafe { read(from, "the options for reading") }?;
        let mut parse = Parse::new();
        // SAFETY: NULL or a handle of ours, which nobody changes meanwhile.
        if let Some(base) = unsafe { options.base.as_ref() } {
            parse = parse.base(Arc::clone(&base.btf));
        }
        // SAFETY: by the header these are texts.
        for text in unsafe { texts(options.kinds, options.kinds_len, "kinds") }? {
            parse = parse.kind(KindSpec::parse(text)?);
        }
        match (options.told, options.reserved) {
            (0, 0) => Ok(parse),
            (1, 0) => Ok(parse.told(true)),
            (2, 0) => Ok(parse.told(false)),
            (told, 0) => Err(Error::argument(format!("{told} is no btfkinds_told"))),
            _ => Err(Error::argument("reserved is not 0")),
        }
    }
}

/// Empty standalone BTF in the machine's byte order. The caller frees it with btfkinds_free().
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_new(err: ErrorOut<'_>) -> Option<Box<Blob>> {
    handle(err, || Ok(Blob::new(Btf::new())))
}

/// Empty BTF that is split on a base. The caller frees it with btfkinds_free().
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_new_split(base: Option<&Blob>, err: ErrorOut<'_>) -> Option<Box<Blob>> {
    handle(err, || Ok(Blob::new(Btf::new_split(Arc::clone(&need(base, "base")?.btf)))))
}

/// Reads a blob: standalone without options or without a base in them, else split on that base. All
/// that is in it was checked then: sizes, type ids, string offsets. The data is copied. The caller
/// frees the result with btfkinds_free().
///
/// Errors: HEADER, RECORD, UNKNOWN_KIND, REFERENCE, BASE, DESCRIPTION, KIND_FILE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_parse(
    data: *const c_void,
    len: usize,
    options: *const ParseOptions,
    err: ErrorOut<'_>,
) -> Option<Box<Blob>> {
    handle(err, || {
        // SAFETY: by the header, `len` bytes and options.
        let (data, parse) = unsafe { (bytes(data, len)?, ParseOptions::parse(options)?) };
        Ok(Blob::new(parse.read(data)?))
    })
}

/// Reads a blob as what it is, as btfkinds_numbering_of() finds it: standalone BTF stays so even if a
/// base is given, and BTF whose origin record names another base than the one given is not read on
/// that. Else as btfkinds_parse().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_parse_as_it_is(
    data: *const c_void,
    len: usize,
    options: *const ParseOptions,
    err: ErrorOut<'_>,
) -> Option<Box<Blob>> {
    handle(err, || {
        // SAFETY: by the header, `len` bytes and options.
        let (data, parse) = unsafe { (bytes(data, len)?, ParseOptions::parse(options)?) };
        Ok(Blob::new(parse.read_as_it_is(data)?))
    })
}

/// Frees a blob. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_free(btf: Option<Box<Blob>>) {
    quiet((), || drop(btf));
}

/// What a blob is split on, as a handle of its own that the caller frees with btfkinds_free(); NULL if
/// it is standalone (*err is NULL then). Of portable BTF, its bytes are what belongs into `.BTF.base`.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_base(btf: Option<&Blob>, err: ErrorOut<'_>) -> Option<Box<Blob>> {
    let base = handle(err, || Ok(need(btf, "btf")?.btf.base().map(Arc::clone)));
    quiet(None, || base.and_then(|base| *base).map(|base| Box::new(Blob::new(base))))
}

/// The blob's bytes, in its own byte order; their length goes into *len. They belong to the handle, and
/// are the bytes that were read if nothing was changed. NULL if it failed.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_raw_data(
    btf: Option<&Blob>,
    len: Option<&mut std::mem::MaybeUninit<usize>>,
    err: ErrorOut<'_>,
) -> *const c_void {
    let mut found = std::ptr::null();
    let found_at = &mut found;
    status(err, || {
        let (btf, len) = (need(btf, "btf")?, need(len, "len")?);
        len.write(btf.bytes().len());
        *found_at = btf.bytes().as_ptr().cast();
        Ok(())
    });
    found
}

/// The length of what btfkinds_raw_data() gives; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_raw_size(btf: Option<&Blob>) -> usize {
    quiet(0, || btf.map_or(0, |btf| btf.btf.byte_len()))
}

/// Copies the blob's bytes to a buffer of `len` bytes. If that is less than btfkinds_raw_size(),
/// nothing is written, and it is BTFKINDS_STATUS_BUFFER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_raw_copy(
    btf: Option<&Blob>,
    buffer: *mut c_void,
    len: usize,
    err: ErrorOut<'_>,
) -> c_int {
    status(err, || {
        let bytes = need(btf, "btf")?.bytes();
        if bytes.len() > len {
            let what = format!("the buffer has {len} bytes, and {} are needed", bytes.len());
            return Err(Error::new(Status::Buffer, what));
        }
        if buffer.is_null() {
            return Err(Error::argument("the buffer is NULL"));
        }
        // SAFETY: not NULL, and as large as the caller says, which is enough; it is not ours.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast(), bytes.len()) };
        Ok(())
    })
}

/// How many type ids there are, void (0) and the base's included: own types have the ids from
/// btfkinds_first_id() to this less 1. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_type_count(btf: Option<&Blob>) -> u32 {
    quiet(0, || btf.map_or(0, |btf| btf.btf.type_count()))
}

/// The id of the first own type: 1, or the base's type count. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_first_id(btf: Option<&Blob>) -> u32 {
    quiet(0, || btf.map_or(0, |btf| btf.btf.first_id().0))
}

/// The length of the own string section in bytes. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_string_len(btf: Option<&Blob>) -> usize {
    quiet(0, || btf.map_or(0, |btf| btf.btf.str_len()))
}

/// Whether the blob has the other byte order than this machine: 1 or 0. Words and numbers that this
/// library gives and takes have the machine's order in any case.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_is_foreign_endian(btf: Option<&Blob>) -> c_int {
    quiet(0, || btf.map_or(0, |btf| c_int::from(btf.btf.endian() != btfkinds::Endian::NATIVE)))
}

/// A string as C wants it.
pub(crate) fn string_of(btf: &Btf, offset: u32) -> Option<*const c_char> {
    let string = btf.string(StrOff(offset))?;
    // A string section ends with NUL, so that one follows each string; but offset 0 has no section.
    Some(if string.is_empty() { c"".as_ptr() } else { string.as_ptr().cast() })
}

/// The string at an offset, of the blob or its base; it belongs to the handle. NULL if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_string(btf: Option<&Blob>, offset: u32) -> *const c_char {
    let found = || btf.and_then(|btf| string_of(&btf.btf, offset));
    quiet(None, found).unwrap_or(std::ptr::null())
}

/// The lowest id of a type of this kind (a BTF_KIND_ of linux/btf.h, or 0 for any) and name, of the
/// blob or its base. 0 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_find(
    btf: Option<&Blob>,
    kind: u32,
    name: *const c_char,
    err: ErrorOut<'_>,
) -> c_int {
    number(err, || {
        // SAFETY: by the header, a text.
        let (btf, name) = (need(btf, "btf")?, unsafe { text(name, "the name") }?);
        let is_it = |id: &u32| {
            btf.btf.get(TypeId(*id)).is_some_and(|ty| {
                (kind == 0 || u32::from(ty.kind().0) == kind) && ty.name() == name
            })
        };
        Ok((1..btf.btf.type_count()).find(is_it).unwrap_or(0))
    })
}

/// The offset of a string, which is added if neither the blob nor its base has it. NULL is the empty
/// string, whose offset is 0.
///
/// Errors: EDIT if the offset would pass the format's limit, or if the blob can be read, not edited.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_intern(
    btf: Option<&mut Blob>,
    string: *const c_char,
    err: ErrorOut<'_>,
) -> c_int {
    number(err, || {
        // SAFETY: by the header, NULL or a text.
        let (btf, string) = (need(btf, "btf")?, unsafe { name(string) }?);
        Ok(btf.edit(|btf| btf.intern(string))?.0)
    })
}

/// Makes a kind known that is not released, from the text of a kind file, so that types of it can be
/// added and described. Its number is returned.
///
/// Errors: KIND_FILE; EDIT if it is known with other words.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_add_kind(
    btf: Option<&mut Blob>,
    kind: *const c_char,
    err: ErrorOut<'_>,
) -> c_int {
    number(err, || {
        // SAFETY: by the header, a text.
        let (btf, kind) = (need(btf, "btf")?, unsafe { text(kind, "kind") }?);
        let spec = KindSpec::parse(kind)?;
        let Kind(kind) = spec.kind;
        btf.edit(|btf| btf.add_kind(spec))?;
        Ok(u32::from(kind))
    })
}

/// Checks that every type id in the blob's own types is there: types may be added before those that
/// they refer to. Do this when all are added.
///
/// Errors: REFERENCE.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_check_references(btf: Option<&Blob>, err: ErrorOut<'_>) -> c_int {
    status(err, || Ok(need(btf, "btf")?.btf.check_references()?))
}

/// Looks for signs that split BTF was made for another base: a name that does not start where a string
/// starts. Finding none is no proof that the base is the right one.
///
/// Errors: BASE.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_check_base(btf: Option<&Blob>, err: ErrorOut<'_>) -> c_int {
    status(err, || Ok(need(btf, "btf")?.btf.check_base()?))
}
