//! Describing kinds: in a handle, in bytes in one call, and before there is anything to describe.

use std::ffi::{c_char, c_int, c_void};
use std::mem::{MaybeUninit, offset_of};

use btfkinds::{Btf, Describe, KindSpec, NewType, StrOff, WordClass};

use crate::blob::{Blob, ParseOptions};
use crate::error::{Error, ErrorOut, Result};
use crate::ffi::{self, Out, Versioned, bytes, need, optional_text, read, status, texts};

/// Which released kinds to describe in a base or in standalone BTF. Kinds that are not released are
/// described wherever records have them.
#[repr(C)]
pub enum Select {
    /// All of them.
    All = 0,
    /// Those that records have, and those that the descriptions themselves are made of.
    Used = 1,
    /// None.
    None = 2,
}

/// Where descriptions are put.
#[repr(C)]
pub enum Place {
    /// Behind all types: no id changes.
    Back = 0,
    /// Before the first record of a kind above the released ones, else before all types, for readers
    /// that go through the types once. What follows is renumbered.
    Front = 1,
}

/// What to describe, and where. NULL in place of it is the same as zeros: all released kinds, at the
/// back.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DescribeOptions {
    /// sizeof of this struct.
    pub size: usize,
    /// Of the released kinds, only those that a kernel of this version does not know: "5.2". NULL: all.
    pub newer_than: *const c_char,
    /// A btfkinds_select.
    pub select: u32,
    /// A btfkinds_place.
    pub place: u32,
    /// 1: add a record that says that the blob is standalone, as modules need it. 0: don't. It is the
    /// last type, so this comes after all others. Not for split BTF.
    pub origin: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: repr(C), `size` first, no padding at the end (four u32 behind usizes), zeros are fine.
unsafe impl Versioned for DescribeOptions {
    const FIRST: usize = offset_of!(DescribeOptions, reserved) + size_of::<u32>();
}

impl DescribeOptions {
    /// # Safety
    /// `from` and what it points to are NULL or as the header says.
    unsafe fn describe(from: *const DescribeOptions) -> Result<Describe> {
        // SAFETY: the caller's promise.
        let options = unsafe { read(from, "the options for describing") }?;
        // SAFETY: by the header, NULL or a text.
        let newer_than = unsafe { optional_text(options.newer_than, "newer_than") }?;
        let select = match options.select {
            0 => btfkinds::Select::All,
            1 => btfkinds::Select::Used,
            2 => btfkinds::Select::None,
            other => return Err(Error::argument(format!("{other} is no btfkinds_select"))),
        };
        let place = match options.place {
            0 => btfkinds::Place::Back,
            1 => btfkinds::Place::Front,
            other => return Err(Error::argument(format!("{other} is no btfkinds_place"))),
        };
        if options.origin > 1 || options.reserved != 0 {
            return Err(Error::argument("origin is not 0 or 1, or reserved is not 0"));
        }
        let newer_than = newer_than.map(str::parse).transpose()?;
        Ok(Describe { select, newer_than, place, origin: options.origin == 1 })
    }
}

/// How references into a blob that has grown have to move: type ids from ids_from on by ids_by, string
/// offsets from strs_from on by strs_by; 0 stays 0. This struct does not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Shift {
    /// The first type id that moves.
    pub ids_from: u32,
    /// By how much type ids move.
    pub ids_by: u32,
    /// The first string offset that moves.
    pub strs_from: u32,
    /// By how much string offsets move.
    pub strs_by: u32,
}

/// What describing did.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Described {
    /// sizeof of this struct, set by the caller.
    pub size: usize,
    /// By how many bytes types and strings grew together.
    pub bytes: usize,
    /// How many kinds have a description now and had none.
    pub kinds: u32,
    /// How many kinds in use can't be described, since nothing says what their words are.
    pub without_classes: u32,
    /// How many types were added, an origin record not counted.
    pub types: u32,
    /// The first of them.
    pub first_id: u32,
    /// Whether an origin record was added: 1 or 0.
    pub origin: u32,
    /// 0.
    pub reserved: u32,
    /// How BTF that is split on this blob has to move, and what else holds ids of it (`.BTF_ids`).
    pub shift: Shift,
}

// SAFETY: repr(C), `size` first, no padding at the end (ten u32 behind usizes), zeros are fine.
unsafe impl Versioned for Described {
    const FIRST: usize = offset_of!(Described, shift) + size_of::<Shift>();
}

impl From<btfkinds::Described> for Described {
    fn from(done: btfkinds::Described) -> Described {
        // There are 128 kinds at most.
        let count = |list: &[btfkinds::Kind]| u32::try_from(list.len()).unwrap_or(u32::MAX);
        let btfkinds::Shift { ids_from, ids_by, strs_from, strs_by } = done.shift;
        Described {
            size: 0,
            bytes: done.bytes,
            kinds: count(&done.kinds),
            without_classes: count(&done.without_classes),
            types: done.types,
            first_id: done.first.0,
            origin: u32::from(done.origin),
            reserved: 0,
            shift: Shift { ids_from, ids_by, strs_from, strs_by },
        }
    }
}

/// Describes kinds, as ordinary types of the blob. A base or standalone blob gets the released kinds
/// that the options select and all others that its records have; split BTF only the latter, where its
/// base does not describe them. What is there already is used: describing twice changes nothing.
/// `options` may be NULL, and so may `done`, in which done->size must be set.
///
/// Errors: EDIT if a limit of the format would be passed, or if the blob can be read, not edited;
/// VERSION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_describe(
    btf: Option<&mut Blob>,
    options: *const DescribeOptions,
    done: *mut Described,
    err: ErrorOut<'_>,
) -> c_int {
    status(err, || {
        // SAFETY: by the header, NULL or structs that begin with their sizes.
        let (btf, options) = unsafe {
            ffi::check(done, "done")?;
            (need(btf, "btf")?, DescribeOptions::describe(options)?)
        };
        let described = btf.edit(|btf| btfkinds::describe(btf, &options))?;
        // SAFETY: as above.
        unsafe { give(done, described) }
    })
}

/// # Safety
/// `done` is NULL or as the header says.
unsafe fn give(done: *mut Described, described: btfkinds::Described) -> Result<()> {
    match done.is_null() {
        true => Ok(()),
        // SAFETY: the caller's promise.
        false => unsafe { ffi::fill(done, described.into(), "done") },
    }
}

/// Describes kinds in BTF bytes, such as btf__raw_data() of libbpf gives: reads them as
/// btfkinds_parse() does with `parse`, describes as btfkinds_describe() does, and leaves the new bytes
/// in *out and their length in *out_len. The caller frees them with btfkinds_free_bytes(). `parse`,
/// `options` and `done` may be NULL.
///
/// Errors: those of these two functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_describe_blob(
    data: *const c_void,
    len: usize,
    parse: *const ParseOptions,
    options: *const DescribeOptions,
    out: Option<&mut MaybeUninit<*mut c_void>>,
    out_len: Option<&mut MaybeUninit<usize>>,
    done: *mut Described,
    err: ErrorOut<'_>,
) -> c_int {
    status(err, || {
        let out = Out::new(out, out_len)?;
        // SAFETY: by the header, `len` bytes, and NULL or structs that begin with their sizes.
        let (data, parse, options) = unsafe {
            ffi::check(done, "done")?;
            (bytes(data, len)?, ParseOptions::parse(parse)?, DescribeOptions::describe(options)?)
        };
        let mut btf = parse.read(data)?;
        let described = btfkinds::describe(&mut btf, &options)?;
        out.give(&btf.to_bytes())?;
        // SAFETY: as above.
        unsafe { give(done, described) }
    })
}

/// Descriptions alone, as the bytes of standalone BTF to begin an encoding with: an encoder reads them
/// (with btfkinds_parse(), or btf__new() of libbpf) and adds its types behind them, so that readers
/// that go through the types once know each kind before its first record. The kinds are those that
/// `options` select, which may be NULL, and those of `kinds`, texts of kind files, which may be NULL if
/// `kinds_len` is 0. The caller frees *out with btfkinds_free_bytes().
///
/// Errors: KIND_FILE; VERSION; ARGUMENT if an origin record is asked for, which must be the last type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_descriptions(
    options: *const DescribeOptions,
    kinds: *const *const c_char,
    kinds_len: usize,
    out: Option<&mut MaybeUninit<*mut c_void>>,
    out_len: Option<&mut MaybeUninit<usize>>,
    err: ErrorOut<'_>,
) -> c_int {
    status(err, || {
        let out = Out::new(out, out_len)?;
        // SAFETY: by the header, NULL or a struct that begins with its size, and texts.
        let (options, kinds) =
            unsafe { (DescribeOptions::describe(options)?, texts(kinds, kinds_len, "kinds")?) };
        if options.origin {
            return Err(Error::argument("an origin record must be the last type: add it later"));
        }
        let kinds: btfkinds::Result<Vec<KindSpec>> =
            kinds.into_iter().map(KindSpec::parse).collect();
        out.give(&descriptions(&options, kinds?)?.to_bytes())
    })
}

/// Descriptions without anything else. What describes a kind is a record of it, so that each kind
/// gets one, behind the descriptions; all but these are then taken over.
fn descriptions(options: &Describe, kinds: Vec<KindSpec>) -> Result<Btf> {
    let mut with_records = Btf::new();
    let records = kinds.len();
    for spec in kinds {
        let (kind, words) = (spec.kind, vec![0; spec.fixed.len()]);
        with_records.add_kind(spec)?;
        let (vlen, size_or_type) = (0, 0);
        with_records.add(NewType {
            kind,
            name: "",
            kind_flag: false,
            vlen,
            size_or_type,
            words: &words,
        })?;
    }
    let options = Describe { place: btfkinds::Place::Front, ..options.clone() };
    btfkinds::describe(&mut with_records, &options)?;
    let mut alone = Btf::new();
    let count = with_records.types().count().saturating_sub(records);
    for ty in with_records.types().take(count) {
        // Ids stay, since what is left out is behind all of this; names get new offsets.
        let (fixed, elements) = (&ty.spec().fixed, &ty.spec().elements);
        let fields = fixed.iter().chain(elements.iter().cycle());
        let mut words = Vec::new();
        for (word, field) in ty.words().iter().skip(3).zip(fields) {
            words.push(match field.class {
                WordClass::Str => alone.intern(&ty.string(StrOff(*word)).to_string())?.0,
                _ => *word,
            });
        }
        alone.add(NewType {
            kind: ty.kind(),
            name: &ty.name().to_string(),
            kind_flag: ty.kind_flag(),
            vlen: ty.vlen(),
            size_or_type: ty.size_or_type(),
            words: &words,
        })?;
    }
    Ok(alone)
}
