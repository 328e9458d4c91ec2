//! Errors: what Rust's are in C.

use std::any::Any;
use std::ffi::{CString, c_char, c_int};
use std::mem::MaybeUninit;
use std::ptr;

use btfkinds::ErrorKind;

use crate::ffi::quiet;

/// What functions return that return an int: 0 or more, or what sort of thing went wrong.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All went well.
    Ok = 0,
    /// An argument that cannot be: NULL, no UTF-8, a number that is not in its enum.
    Argument = -1,
    /// The caller's buffer is too small.
    Buffer = -2,
    /// There is no memory for the result.
    Memory = -3,
    /// A bug in this library.
    Internal = -4,
    /// Not BTF at all, or a header or section that cannot be right.
    Header = -10,
    /// A type record that cannot be right.
    Record = -11,
    /// A record of a kind whose size no source gives: see btfkinds_error_kind().
    UnknownKind = -12,
    /// A type id or string offset that points nowhere.
    Reference = -13,
    /// Split BTF read without its base, or with one that it was not made for.
    Base = -14,
    /// A kind description that is malformed, or two that disagree.
    Description = -15,
    /// An edit that would pass a limit of the format, or lose or guess something.
    Edit = -16,
    /// A kind file that does not follow its grammar.
    KindFile = -17,
    /// What should be a kernel version is none.
    Version = -18,
    /// The operating system said no.
    Io = -19,
    /// An ELF file that cannot be read.
    Elf = -20,
    /// What this version of the C API has no name for.
    Other = -99,
}

/// What went wrong, and where.
pub struct Error {
    status: Status,
    message: CString,
    help: Option<CString>,
    kind: c_int,
    type_id: u32,
    offset: i64,
}

/// Where a call that failed leaves its error; in C `btfkinds_error **`, which may be NULL.
pub type ErrorOut<'a> = Option<&'a mut MaybeUninit<Option<Box<Error>>>>;

/// A result inside of a call.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A text for C: a NUL would end it early.
pub(crate) fn text(from: impl Into<Vec<u8>>) -> CString {
    let mut bytes = from.into();
    bytes.retain(|byte| *byte != 0);
    // Without a NUL it cannot fail.
    CString::new(bytes).unwrap_or_default()
}

impl Error {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Error {
        let message = text(message.into());
        Error { status, message, help: None, kind: -1, type_id: 0, offset: -1 }
    }

    pub(crate) fn argument(message: impl Into<String>) -> Error {
        Error::new(Status::Argument, message)
    }

    /// What a panic leaves behind.
    pub(crate) fn panic(payload: &(dyn Any + Send)) -> Error {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or(payload.downcast_ref::<String>().map(String::as_str));
        let what = format!("a bug in btfkinds: {}", text.unwrap_or("panic"));
        Error::new(Status::Internal, what)
    }

    pub(crate) fn status(&self) -> c_int {
        self.status as c_int
    }
}

impl From<btfkinds::Error> for Error {
    fn from(err: btfkinds::Error) -> Error {
        let mut kind = -1;
        let status = match err.kind() {
            ErrorKind::Header => Status::Header,
            ErrorKind::Record => Status::Record,
            ErrorKind::UnknownKind(number) => {
                kind = c_int::from(number.0);
                Status::UnknownKind
            }
            ErrorKind::Reference => Status::Reference,
            ErrorKind::Base => Status::Base,
            ErrorKind::Description => Status::Description,
            ErrorKind::Edit => Status::Edit,
            ErrorKind::KindFile => Status::KindFile,
            ErrorKind::Version => Status::Version,
            ErrorKind::Io => Status::Io,
            ErrorKind::Elf => Status::Elf,
            _ => Status::Other,
        };
        Error {
            status,
            message: text(err.to_string()),
            help: err.help().map(text),
            kind,
            type_id: err.type_id().map_or(0, |id| id.0),
            offset: err.offset().and_then(|offset| i64::try_from(offset).ok()).unwrap_or(-1),
        }
    }
}

/// What sort of error it is: what the function returned, or would have if it returned an int. 0 for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_error_status(err: Option<&Error>) -> c_int {
    err.map_or(0, Error::status)
}

/// The message: one line that names the place. Valid until the error is freed; "" for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_error_message(err: Option<&Error>) -> *const c_char {
    err.map_or(c"".as_ptr(), |err| err.message.as_ptr())
}

/// What to do about it, or NULL. Valid until the error is freed.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_error_help(err: Option<&Error>) -> *const c_char {
    err.and_then(|err| err.help.as_deref()).map_or(ptr::null(), |help| help.as_ptr())
}

/// The number of the kind that is not known, for BTFKINDS_STATUS_UNKNOWN_KIND; else -1.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_error_kind(err: Option<&Error>) -> c_int {
    err.map_or(-1, |err| err.kind)
}

/// The id of the type that the error is about, or 0.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_error_type_id(err: Option<&Error>) -> u32 {
    err.map_or(0, |err| err.type_id)
}

/// Where it is, in bytes from the start of the BTF blob, or -1.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_error_offset(err: Option<&Error>) -> i64 {
    err.map_or(-1, |err| err.offset)
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_error_free(err: Option<Box<Error>>) {
    quiet((), || drop(err));
}
