//! Standalone or split, renumbering, and the way back.

use std::ffi::{c_int, c_void};
use std::mem::{MaybeUninit, offset_of};
use std::sync::Arc;

use btfkinds::Numbering;

use crate::blob::{Blob, ParseOptions};
use crate::describe::Shift;
use crate::error::{Error, ErrorOut};
use crate::ffi::{Out, Versioned, bytes, fill, handle, need, number, quiet, status};

/// Whether a blob is standalone or split, and how that is known.
#[repr(C)]
pub enum NumberingKind {
    /// Standalone: its origin record says so.
    StandaloneByOrigin = 1,
    /// Standalone: its strings start with NUL, and all its references are its own.
    StandaloneByReferences = 2,
    /// Standalone, since the caller says so.
    StandaloneTold = 3,
    /// Split: its origin record names a base.
    SplitByOrigin = 16,
    /// Split: it has no strings, or they do not start with NUL.
    SplitByStrings = 17,
    /// Split, by renumbering: its strings start with NUL, but references reach past its own.
    SplitByReferences = 18,
    /// Split, since the caller says so.
    SplitTold = 19,
}

/// Whether a blob is standalone or split, whatever base is at hand: a btfkinds_numbering. `options` may
/// be NULL. Where the file has a `.BTF.base` section this does not matter: then its `.BTF` is split on
/// that.
///
/// Errors: those of btfkinds_parse(), if the blob cannot be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_numbering_of(
    data: *const c_void,
    len: usize,
    options: *const ParseOptions,
    err: ErrorOut<'_>,
) -> c_int {
    number(err, || {
        // SAFETY: by the header, `len` bytes and options.
        let (data, parse) = unsafe { (bytes(data, len)?, ParseOptions::parse(options)?) };
        let numbering = Numbering::of(data, &parse)?;
        let found = match numbering {
            Numbering::StandaloneByOrigin(_) => NumberingKind::StandaloneByOrigin,
            Numbering::StandaloneByReferences => NumberingKind::StandaloneByReferences,
            Numbering::StandaloneTold => NumberingKind::StandaloneTold,
            Numbering::SplitByOrigin(_) => NumberingKind::SplitByOrigin,
            Numbering::SplitByStrings => NumberingKind::SplitByStrings,
            Numbering::SplitByReferences => NumberingKind::SplitByReferences,
            Numbering::SplitTold => NumberingKind::SplitTold,
            // For what this has no name for yet, at least which of the two it is.
            other if other.is_standalone() => NumberingKind::StandaloneByReferences,
            _ => NumberingKind::SplitByReferences,
        };
        Ok(found as u32)
    })
}

/// Whether a btfkinds_numbering is one of standalone BTF: 1 or 0.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_numbering_is_standalone(numbering: c_int) -> c_int {
    c_int::from((1..NumberingKind::SplitByOrigin as c_int).contains(&numbering))
}

/// What a blob says of its own numbering, by the enum `__BTF_ORIGIN` at its end.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Origin {
    /// sizeof of this struct, set by the caller.
    pub size: usize,
    /// How it came to have the record. 0: it is truly split; 1: it was encoded with it; 2: renumbering
    /// added it; 4 more: `.BTF_ids` was filled by renumbering.
    pub standalone: u32,
    /// The type count of the base it is numbered for, void included; 0: for none.
    pub base_types: u32,
    /// The end of that base's strings.
    pub base_strs: u32,
    /// CRC-32 (IEEE) of that base's bytes.
    pub base_crc32: u32,
}

// SAFETY: repr(C), `size` first, no padding at the end (four u32 behind a usize), zeros are fine.
unsafe impl Versioned for Origin {
    const FIRST: usize = offset_of!(Origin, base_crc32) + size_of::<u32>();
}

/// Fills *out with the origin record of a blob's bytes and returns 1, or returns 0 if there is none.
/// The record is found without reading anything else. out->size must be set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_origin_of(
    data: *const c_void,
    len: usize,
    out: *mut Origin,
    err: ErrorOut<'_>,
) -> c_int {
    number(err, || {
        // SAFETY: by the header, `len` bytes.
        let data = unsafe { bytes(data, len) }?;
        let Some(origin) = btfkinds::Origin::find(data) else {
            return Ok(0);
        };
        let btfkinds::Origin { standalone, base_types, base_strs, base_crc32 } = origin;
        let own = Origin { size: 0, standalone, base_types, base_strs, base_crc32 };
        // SAFETY: by the header, a struct that begins with its size.
        unsafe { fill(out, own, "out") }?;
        Ok(1)
    })
}

/// Whether the origin record of a blob names this base: 1 or 0. 0 also if it has none.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_is_numbered_for(btf: Option<&Blob>, base: Option<&Blob>) -> c_int {
    let names = || Some(btf?.btf.origin()?.names(&base?.btf));
    c_int::from(quiet(None, names).unwrap_or(false))
}

/// Renumbers standalone BTF for a base, so that a kernel takes it as split BTF on that base. Types stay
/// what they are: copies of the base's types do not become the base's own (for that see
/// btfkinds_rebase()). An origin record at the end names the base. The caller frees the result with
/// btfkinds_free().
///
/// Errors: EDIT if it is split, if there are records of a kind of which only sizes are known, or if a
/// limit of the format would be passed.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_renumber(
    standalone: Option<&Blob>,
    base: Option<&Blob>,
    err: ErrorOut<'_>,
) -> Option<Box<Blob>> {
    handle(err, || {
        let (standalone, base) = (need(standalone, "standalone")?, need(base, "base")?);
        Ok(Blob::new(btfkinds::renumber(&standalone.btf, &base.btf)?))
    })
}

/// Renumbers standalone BTF for a tiny base of its own, which kernels from 6.11 relocate to whatever
/// they are: the bytes of btfkinds_base() of the result belong into `.BTF.base`. Else as
/// btfkinds_renumber().
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_renumber_portable(
    standalone: Option<&Blob>,
    err: ErrorOut<'_>,
) -> Option<Box<Blob>> {
    handle(err, || {
        let standalone = &need(standalone, "standalone")?.btf;
        let base = Arc::new(btfkinds::portable_base(standalone)?);
        Ok(Blob::new(btfkinds::renumber(standalone, &base)?))
    })
}

/// The same for bytes: renumbers them for `base`, or, if that is NULL, for a tiny base of its own whose
/// bytes go into *base_out, for `.BTF.base`. `parse` may be NULL. `base_out` and `base_out_len` may be
/// NULL if there is a base; else they are set to NULL and 0 then. The caller frees both results with
/// btfkinds_free_bytes().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_renumber_blob(
    data: *const c_void,
    len: usize,
    parse: *const ParseOptions,
    base: Option<&Blob>,
    out: Option<&mut MaybeUninit<*mut c_void>>,
    out_len: Option<&mut MaybeUninit<usize>>,
    base_out: Option<&mut MaybeUninit<*mut c_void>>,
    base_out_len: Option<&mut MaybeUninit<usize>>,
    err: ErrorOut<'_>,
) -> c_int {
    status(err, || {
        let out = Out::new(out, out_len)?;
        // SAFETY: by the header, `len` bytes and options.
        let (data, parse) = unsafe { (bytes(data, len)?, ParseOptions::parse(parse)?) };
        if parse.given_base().is_some() {
            return Err(Error::argument("standalone BTF is not read on a base"));
        }
        let standalone = parse.read_as_it_is(data)?;
        let Some(base) = base else {
            let base_out = Out::new(base_out, base_out_len)?;
            let base = Arc::new(btfkinds::portable_base(&standalone)?);
            let moved = btfkinds::renumber(&standalone, &base)?;
            return out.give_both(&moved.to_bytes(), base_out, &base.to_bytes());
        };
        let moved = btfkinds::renumber(&standalone, &base.btf)?;
        out.give(&moved.to_bytes())?;
        if let Some(base_out) = base_out {
            base_out.write(std::ptr::null_mut());
        }
        if let Some(base_out_len) = base_out_len {
            base_out_len.write(0);
        }
        Ok(())
    })
}

/// Gives renumbered BTF its standalone form back, byte for byte; the base is not needed. `options` may
/// be NULL. The caller frees the result with btfkinds_free().
///
/// Errors: EDIT if it has no origin record or was never standalone, else as btfkinds_parse().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_restore(
    data: *const c_void,
    len: usize,
    options: *const ParseOptions,
    err: ErrorOut<'_>,
) -> Option<Box<Blob>> {
    handle(err, || {
        // SAFETY: by the header, `len` bytes and options.
        let (data, parse) = unsafe { (bytes(data, len)?, ParseOptions::parse(options)?) };
        Ok(Blob::new(btfkinds::restore(data, &parse)?.0))
    })
}

/// Moves split BTF along with its base, which has become `base`: types and strings were added to it as
/// `shift` says (see btfkinds_described). The caller frees the result with btfkinds_free().
///
/// Errors: EDIT, as btfkinds_renumber().
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_follow_base(
    split: Option<&Blob>,
    shift: Option<&Shift>,
    base: Option<&Blob>,
    err: ErrorOut<'_>,
) -> Option<Box<Blob>> {
    handle(err, || {
        let (split, base) = (need(split, "split")?, need(base, "base")?);
        let Shift { ids_from, ids_by, strs_from, strs_by } = *need(shift, "shift")?;
        let shift = btfkinds::Shift { ids_from, ids_by, strs_from, strs_by };
        let moved = split.btf.as_ref().clone().follow_base(&shift, Arc::clone(&base.btf))?;
        Ok(Blob::new(moved))
    })
}
