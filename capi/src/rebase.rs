//! Rebasing, and its ways back: which types are the base's.

use std::ffi::{CString, c_char, c_int};
use std::mem::offset_of;

use btfkinds::{BaseIndex, Rebased, TypeId};

use crate::blob::Blob;
use crate::error::{Error, ErrorOut, Result, text};
use crate::ffi::{Versioned, array, fill, handle, need, quiet, status, texts};

/// A base, prepared for any number of btfkinds_rebase().
pub struct Index(BaseIndex);

/// Prepares a base, which may be freed then. The caller frees the result with
/// btfkinds_base_index_free().
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_base_index_new(
    base: Option<&Blob>,
    err: ErrorOut<'_>,
) -> Option<Box<Index>> {
    handle(err, || Ok(Index(BaseIndex::new(need(base, "base")?.btf.clone()))))
}

/// Frees a prepared base. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_base_index_free(index: Option<Box<Index>>) {
    quiet((), || drop(index));
}

/// BTF made of types of other BTF, and where each of them went.
pub struct Moved(How);

enum How {
    Rebased(Box<Rebased>),
    Copied(Box<btfkinds::Moved>),
}

impl Moved {
    fn moved(&self) -> &btfkinds::Moved {
        match &self.0 {
            How::Rebased(rebased) => rebased.moved(),
            How::Copied(moved) => moved,
        }
    }
}

/// Makes standalone BTF split on a base: each of its types that is a type of the base becomes that, the
/// others follow behind the base. Functions that are named in `own_functions` stay (those that
/// `.BTF_ids` names, which the kernel looks for in the module); it may be NULL if `own_functions_len`
/// is 0. An origin record at the end names the base. The caller frees the result with
/// btfkinds_moved_free().
///
/// Errors: EDIT if it is split, has records of a kind of which only sizes are known, or if a limit of
/// the format would be passed; BASE if the base has the other byte order.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_rebase(
    index: Option<&Index>,
    standalone: Option<&Blob>,
    own_functions: *const *const c_char,
    own_functions_len: usize,
    err: ErrorOut<'_>,
) -> Option<Box<Moved>> {
    handle(err, || {
        let (index, standalone) = (need(index, "index")?, need(standalone, "standalone")?);
        // SAFETY: by the header, so many texts.
        let own = unsafe { texts(own_functions, own_functions_len, "own_functions") }?;
        let rebased = index.0.rebase(&standalone.btf, &own)?;
        Ok(Moved(How::Rebased(Box::new(rebased))))
    })
}

/// Type ids of the caller's.
///
/// # Safety
/// By the header: `len` ids.
unsafe fn ids(from: *const u32, len: usize) -> Result<Vec<TypeId>> {
    // SAFETY: the caller's promise.
    Ok(unsafe { array(from, len, "roots") }?.iter().map(|id| TypeId(*id)).collect())
}

/// Makes split BTF standalone: its own types and every type of the base that they, or `roots`, reach.
/// `roots` may be NULL if `roots_len` is 0. The caller frees the result with btfkinds_moved_free().
///
/// Errors: EDIT, as btfkinds_rebase().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_flatten(
    split: Option<&Blob>,
    roots: *const u32,
    roots_len: usize,
    err: ErrorOut<'_>,
) -> Option<Box<Moved>> {
    handle(err, || {
        // SAFETY: by the header, so many ids.
        let (split, roots) = (need(split, "split")?, unsafe { ids(roots, roots_len) }?);
        Ok(Moved(How::Copied(Box::new(btfkinds::flatten(&split.btf, &roots)?))))
    })
}

/// Puts split BTF on a distilled base, from which kernels from 6.11 find the types again in whatever
/// base they have: the bytes of btfkinds_base() of the result's BTF belong into `.BTF.base`. `roots`
/// are types of the base that come along; it may be NULL if `roots_len` is 0. The caller frees the
/// result with btfkinds_moved_free().
///
/// Errors: BASE if it has no base; EDIT, as btfkinds_rebase().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_distill(
    split: Option<&Blob>,
    roots: *const u32,
    roots_len: usize,
    err: ErrorOut<'_>,
) -> Option<Box<Moved>> {
    handle(err, || {
        // SAFETY: by the header, so many ids.
        let (split, roots) = (need(split, "split")?, unsafe { ids(roots, roots_len) }?);
        Ok(Moved(How::Copied(Box::new(btfkinds::distill(&split.btf, &roots)?))))
    })
}

/// Moves BTF that is split on a distilled base (`.BTF.base`) to a real one, as kernels from 6.11 do it.
/// The caller frees the result with btfkinds_free().
///
/// Errors: BASE if the BTF has no distilled base, or if what that stands for is not in `base`.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_relocate(
    split: Option<&Blob>,
    base: Option<&Blob>,
    err: ErrorOut<'_>,
) -> Option<Box<Blob>> {
    handle(err, || {
        let (split, base) = (need(split, "split")?, need(base, "base")?);
        Ok(Blob::new(btfkinds::relocate(&split.btf, &base.btf)?))
    })
}

/// The new BTF, as a handle of its own that the caller frees with btfkinds_free().
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_moved_btf(
    moved: Option<&Moved>,
    err: ErrorOut<'_>,
) -> Option<Box<Blob>> {
    handle(err, || Ok(Blob::new(need(moved, "moved")?.moved().btf().clone())))
}

/// Where a type went: its new id; -1 if it is not there any more, or never was.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_moved_id(moved: Option<&Moved>, old: u32) -> c_int {
    let found = || c_int::try_from(moved?.moved().id(TypeId(old))?.0).ok();
    quiet(None, found).unwrap_or(-1)
}

/// Of btfkinds_rebase(): how many types have become the base's. 0 for others.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_moved_of_base(moved: Option<&Moved>) -> usize {
    quiet(0, || match moved {
        Some(Moved(How::Rebased(rebased))) => rebased.of_base(),
        _ => 0,
    })
}

/// How many types of its own the new BTF has, the origin record not among them.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_moved_own(moved: Option<&Moved>) -> usize {
    quiet(0, || match moved {
        Some(Moved(How::Rebased(rebased))) => rebased.own(),
        Some(Moved(How::Copied(moved))) => {
            let btf = moved.btf();
            btf.types().count().saturating_sub(usize::from(btf.origin().is_some()))
        }
        None => 0,
    })
}

/// Frees it. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_moved_free(moved: Option<Box<Moved>>) {
    quiet((), || drop(moved));
}

/// A type that was kept though the base has one of the same name and nearly the same shape, as if it
/// came from other headers. Filled by btfkinds_near_misses_get(); all that it points to belongs to the
/// list.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct NearMiss {
    /// sizeof of this struct, set by the caller.
    pub size: usize,
    /// The number of its kind.
    pub kind: u32,
    /// Its id in the standalone BTF.
    pub own_id: u32,
    /// The id of the base's type of that name that is most like it.
    pub base_id: u32,
    /// Its size in bytes; 0 for functions.
    pub own_size: u32,
    /// The size of the base's.
    pub base_size: u32,
    /// 0.
    pub reserved: u32,
    /// Its name.
    pub name: *const c_char,
    /// It as C.
    pub own_text: *const c_char,
    /// The base's as C.
    pub base_text: *const c_char,
    /// The names on the way from a function of the module to it, in lines; "" if no function reaches
    /// it.
    pub reached: *const c_char,
}

// SAFETY: repr(C), `size` first, a pointer at the end, zeros are fine.
unsafe impl Versioned for NearMiss {
    const FIRST: usize = offset_of!(NearMiss, reached) + size_of::<*const c_char>();
}

/// A near miss with all that it points to.
struct Owned {
    miss: NearMiss,
    _texts: [CString; 4],
}

// SAFETY: what it points to is its own and does not change, so that any thread may look at it and drop it.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

/// Near misses of one btfkinds_rebase().
pub struct NearMisses(Vec<Owned>);

/// Finds near misses of what btfkinds_rebase() gave, with the same index. The caller frees the list
/// with btfkinds_near_misses_free().
///
/// Errors: ARGUMENT if `moved` is not of btfkinds_rebase().
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_near_misses_new(
    index: Option<&Index>,
    moved: Option<&Moved>,
    err: ErrorOut<'_>,
) -> Option<Box<NearMisses>> {
    handle(err, || {
        let index = need(index, "index")?;
        let How::Rebased(rebased) = &need(moved, "moved")?.0 else {
            return Err(Error::argument("only what btfkinds_rebase() gave has near misses"));
        };
        if !std::sync::Arc::ptr_eq(index.0.base(), rebased.base()) {
            return Err(Error::argument("this is not the index that it was rebased with"));
        }
        let owned = |miss: btfkinds::NearMiss| {
            let [own, base] = miss.text;
            let [own_size, base_size] = miss.size;
            let reached: Vec<String> = miss.reached.into_iter().map(|(_, name)| name).collect();
            let texts = [text(miss.name), text(own), text(base), text(reached.join("\n"))];
            // The bytes of a CString stay where they are when it is moved.
            let [name, own_text, base_text, reached] = texts.each_ref().map(|text| text.as_ptr());
            let miss = NearMiss {
                size: 0,
                kind: u32::from(miss.kind.0),
                own_id: miss.own.0,
                base_id: miss.base.0,
                own_size,
                base_size,
                reserved: 0,
                name,
                own_text,
                base_text,
                reached,
            };
            Owned { miss, _texts: texts }
        };
        Ok(NearMisses(index.0.near_misses(rebased).into_iter().map(owned).collect()))
    })
}

/// How many there are. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_near_misses_len(misses: Option<&NearMisses>) -> usize {
    misses.map_or(0, |misses| misses.0.len())
}

/// Fills *out with one of them, counted from 0. out->size must be set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_near_misses_get(
    misses: Option<&NearMisses>,
    at: usize,
    out: *mut NearMiss,
    err: ErrorOut<'_>,
) -> c_int {
    status(err, || {
        let found = need(misses, "misses")?.0.get(at);
        let Some(found) = found else {
            return Err(Error::argument(format!("there is no near miss {at}")));
        };
        // SAFETY: by the header, a struct that begins with its size.
        unsafe { fill(out, found.miss, "out") }
    })
}

/// Frees the list. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_near_misses_free(misses: Option<Box<NearMisses>>) {
    quiet((), || drop(misses));
}
