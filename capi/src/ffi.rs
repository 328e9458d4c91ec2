//! The boundary: no panic crosses it, and what C gives is checked as far as that can be done.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

use crate::error::{Error, ErrorOut, Result, Status};

/// Runs what a function does. A panic becomes an error; the error goes where the caller wants it.
fn run<T>(slot: ErrorOut<'_>, f: impl FnOnce() -> Result<T>) -> std::result::Result<T, c_int> {
    let done = catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|payload| Err(Error::panic(payload.as_ref())));
    let (result, error) = match done {
        Ok(value) => (Ok(value), None),
        Err(err) => (Err(err.status()), Some(Box::new(err))),
    };
    if let Some(slot) = slot {
        slot.write(error);
    }
    result
}

/// For functions that return 0 or an error.
pub(crate) fn status(slot: ErrorOut<'_>, f: impl FnOnce() -> Result<()>) -> c_int {
    run(slot, f).map_or_else(|status| status, |()| Status::Ok as c_int)
}

/// For functions that return a number or an error. Ids and string offsets have 24 bits at most.
pub(crate) fn number(slot: ErrorOut<'_>, f: impl FnOnce() -> Result<u32>) -> c_int {
    let number = || {
        let number = f()?;
        c_int::try_from(number)
            .map_err(|_| Error::new(Status::Internal, format!("{number} does not fit an int")))
    };
    run(slot, number).unwrap_or_else(|status| status)
}

/// For functions that return something to be freed, or NULL.
pub(crate) fn handle<T>(slot: ErrorOut<'_>, f: impl FnOnce() -> Result<T>) -> Option<Box<T>> {
    run(slot, f).ok().map(Box::new)
}

/// For functions that cannot fail, but for bugs.
pub(crate) fn quiet<T>(otherwise: T, f: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or(otherwise)
}

/// An argument that must not be NULL.
pub(crate) fn need<T>(argument: Option<T>, name: &str) -> Result<T> {
    argument.ok_or_else(|| Error::argument(format!("{name} is NULL")))
}

/// An array of the caller's; NULL if it is empty.
///
/// # Safety
/// `from` is NULL or points to `len` values, which are not changed while the result is in use.
pub(crate) unsafe fn array<'a, T>(from: *const T, len: usize, name: &str) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    if from.is_null() {
        return Err(Error::argument(format!("{name} is NULL, with a length of {len}")));
    }
    if !from.is_aligned() {
        return Err(Error::argument(format!("{name} is not aligned")));
    }
    if len.checked_mul(size_of::<T>()).is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        return Err(Error::argument(format!("{name} cannot have a length of {len}")));
    }
    // SAFETY: not NULL, aligned and of a possible size, as just checked; that so many values are
    // there and stay as they are is the caller's promise.
    Ok(unsafe { slice::from_raw_parts(from, len) })
}

/// Bytes of the caller's.
///
/// # Safety
/// As [`array`].
pub(crate) unsafe fn bytes<'a>(from: *const c_void, len: usize) -> Result<&'a [u8]> {
    // SAFETY: the caller's promise is the same.
    unsafe { array(from.cast(), len, "the data") }
}

/// A text of the caller's; None for NULL.
///
/// # Safety
/// `from` is NULL or points to bytes that end with NUL and are not changed while the result is in
/// use.
pub(crate) unsafe fn optional_text<'a>(from: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if from.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL; that a NUL follows is the caller's promise.
    let text = unsafe { CStr::from_ptr(from) };
    let text = text.to_str().map_err(|_| Error::argument(format!("{name} is not UTF-8")))?;
    Ok(Some(text))
}

/// A text of the caller's that must be there.
///
/// # Safety
/// As [`optional_text`].
pub(crate) unsafe fn text<'a>(from: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: the caller's promise is the same.
    need(unsafe { optional_text(from, name) }?, name)
}

/// A name of the caller's; NULL is none.
///
/// # Safety
/// As [`optional_text`].
pub(crate) unsafe fn name<'a>(from: *const c_char) -> Result<&'a str> {
    // SAFETY: the caller's promise is the same.
    Ok(unsafe { optional_text(from, "the name") }?.unwrap_or_default())
}

/// Texts of the caller's.
///
/// # Safety
/// As [`array`], and [`optional_text`] for each.
pub(crate) unsafe fn texts<'a>(
    from: *const *const c_char,
    len: usize,
    name: &str,
) -> Result<Vec<&'a str>> {
    // SAFETY: the caller's promise is the same.
    let all = unsafe { array(from, len, name) }?;
    // SAFETY: the caller's promise holds for each.
    all.iter().map(|one| unsafe { text(*one, name) }).collect()
}

/// A struct whose first member says how large it is where it comes from.
///
/// # Safety
/// It is `repr(C)`, begins with `size: usize`, ends without padding, and may be all zeros.
pub(crate) unsafe trait Versioned: Copy {
    /// How large its first version was; stays that when members are added at the end.
    const FIRST: usize;
}

/// How much of a caller's struct is there.
///
/// # Safety
/// `from` points to a usize.
unsafe fn size_of_given<T: Versioned>(from: *const T, name: &str) -> Result<usize> {
    if !from.is_aligned() {
        return Err(Error::argument(format!("{name} is not aligned")));
    }
    // SAFETY: aligned, as just checked; the caller has promised a usize.
    let size = unsafe { from.cast::<usize>().read() };
    if size < T::FIRST {
        let what = format!("the size of {name} is {size}, which is less than {}", T::FIRST);
        return Err(Error::argument(what));
    }
    Ok(size)
}

/// A struct of the caller's, as far as it is known here; all zeros for NULL.
///
/// # Safety
/// `from` is NULL or points to so many bytes as the usize says that it begins with.
pub(crate) unsafe fn read<T: Versioned>(from: *const T, name: &str) -> Result<T> {
    let mut own = MaybeUninit::<T>::zeroed();
    if !from.is_null() {
        // SAFETY: not NULL, so it begins with its size.
        let size = unsafe { size_of_given(from, name) }?;
        let known = size.min(size_of::<T>());
        // SAFETY: `known` is within both; they are two different things.
        unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), own.as_mut_ptr().cast(), known) };
        let rest = from.cast::<u8>().wrapping_add(known);
        // SAFETY: the caller has promised `size` bytes, of which `known` are before `rest`.
        let rest = unsafe { array(rest, size.saturating_sub(known), name) }?;
        if rest.iter().any(|byte| *byte != 0) {
            let what = format!("{name} asks for something that only a newer btfkinds knows");
            return Err(Error::argument(what));
        }
    }
    // SAFETY: all zeros are fine for `T`, and what was copied is a `T` of the caller's.
    Ok(unsafe { own.assume_init() })
}

/// Fills a struct of the caller's, as much of it as there is; its `size` stays. What of it is not
/// known here becomes 0. NULL is an error.
///
/// # Safety
/// `to` is NULL or points to so many bytes as the usize says that it begins with.
pub(crate) unsafe fn fill<T: Versioned>(to: *mut T, value: T, name: &str) -> Result<()> {
    if to.is_null() {
        return Err(Error::argument(format!("{name} is NULL")));
    }
    // SAFETY: not NULL, so it begins with its size.
    let size = unsafe { size_of_given(to.cast_const(), name) }?;
    let known = size.min(size_of::<T>());
    let from = (&raw const value).cast::<u8>();
    let head = size_of::<usize>();
    let tail = known.saturating_sub(head);
    // SAFETY: `known` bytes are within both, the size among them is left out.
    unsafe {
        ptr::copy_nonoverlapping(from.add(head), to.cast::<u8>().add(head), tail);
        ptr::write_bytes(to.cast::<u8>().add(known), 0, size.saturating_sub(known));
    }
    Ok(())
}

/// Checks what [`fill`] will be given, before anything is done; NULL is fine.
///
/// # Safety
/// As [`fill`].
pub(crate) unsafe fn check<T: Versioned>(to: *mut T, name: &str) -> Result<()> {
    if !to.is_null() {
        // SAFETY: the caller's promise is the same.
        unsafe { size_of_given(to.cast_const(), name) }?;
    }
    Ok(())
}

/// Where a function leaves bytes that the caller frees.
pub(crate) struct Out<'a> {
    bytes: &'a mut MaybeUninit<*mut c_void>,
    len: &'a mut MaybeUninit<usize>,
}

impl<'a> Out<'a> {
    pub(crate) fn new(
        bytes: Option<&'a mut MaybeUninit<*mut c_void>>,
        len: Option<&'a mut MaybeUninit<usize>>,
    ) -> Result<Out<'a>> {
        Ok(Out { bytes: need(bytes, "out")?, len: need(len, "out_len")? })
    }

    /// Gives bytes away, in memory of malloc's, which is freed without knowing its size.
    pub(crate) fn give(self, bytes: &[u8]) -> Result<()> {
        let memory = copied(bytes)?;
        self.write(memory, bytes.len());
        Ok(())
    }

    /// The same for two results: both are given or none.
    pub(crate) fn give_both(self, bytes: &[u8], other: Out<'_>, others: &[u8]) -> Result<()> {
        let memory = copied(bytes)?;
        match copied(others) {
            Ok(more) => {
                self.write(memory, bytes.len());
                other.write(more, others.len());
                Ok(())
            }
            Err(err) => {
                // SAFETY: it has just come from malloc, and nobody has it.
                unsafe { libc::free(memory) };
                Err(err)
            }
        }
    }

    fn write(self, memory: *mut c_void, len: usize) {
        self.bytes.write(memory);
        self.len.write(len);
    }
}

/// A copy in memory of malloc's.
fn copied(bytes: &[u8]) -> Result<*mut c_void> {
    // SAFETY: malloc takes any size; 0 could give NULL, which would look like an error.
    let memory = unsafe { libc::malloc(bytes.len().max(1)) };
    if memory.is_null() {
        return Err(Error::new(Status::Memory, format!("no memory for {} bytes", bytes.len())));
    }
    // SAFETY: the memory is new and of this size.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), memory.cast(), bytes.len()) };
    Ok(memory)
}

/// Frees bytes that a function left in `*out`. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn btfkinds_free_bytes(bytes: *mut c_void) {
    // SAFETY: by the header it is NULL or comes from `Out::give`, thus from malloc, and is freed once.
    unsafe { libc::free(bytes) };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used)]

    use std::mem::MaybeUninit;

    use super::*;
    use crate::error::btfkinds_error_message;

    #[test]
    fn panics_become_errors() {
        let mut err = MaybeUninit::uninit();
        assert_eq!(status(Some(&mut err), || panic!("at disco {}", 1)), Status::Internal as c_int);
        // SAFETY: the call has written it.
        let err = unsafe { err.assume_init() };
        // SAFETY: the message is a C string of the error, which lives on.
        let message = unsafe { CStr::from_ptr(btfkinds_error_message(err.as_deref())) };
        assert_eq!(message, c"a bug in btfkinds: at disco 1");
        assert!(handle::<u32>(None, || panic!("again")).is_none());
        assert_eq!(quiet(7, || panic!("and again")), 7);
    }

    #[test]
    fn success_clears_the_error() {
        let mut err = MaybeUninit::uninit();
        assert_eq!(number(Some(&mut err), || Ok(5)), 5);
        // SAFETY: the call has written it.
        assert!(unsafe { err.assume_init() }.is_none());
        assert_eq!(number(None, || Ok(u32::MAX)), Status::Internal as c_int);
    }
}
