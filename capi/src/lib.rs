//! The C API of btfkinds: `include/btfkinds.h` is made from this and says what it does; its beginning
//! has the rules that all functions follow.
//!
//! * `ffi`: what crosses the boundary, in both directions; nearly all of the `unsafe`.
//! * `error`: errors as C sees them.
//! * `blob`: the handle of one BTF blob, parsing, its bytes and strings.
//! * `view`: types and kinds, read.
//! * `describe`, `build`, `numbering`, `rebase`: as in the Rust library.
//!
//! Handles come and go as `Option<&T>`, `Option<&mut T>` and `Option<Box<T>>`, which are C's pointers
//! that may be NULL; out-parameters are `MaybeUninit`, since C need not have set them.

#![allow(unsafe_code)]
// What a caller in C must see to is in the header, once for all functions.
#![allow(clippy::missing_safety_doc)]

// In the order of the header, which rustfmt leaves with empty lines between them.
pub mod error;

pub mod blob;

pub mod view;

pub mod build;

pub mod describe;

pub mod numbering;

pub mod rebase;

pub mod ffi;

use std::ffi::c_char;

/// The version of this header: first number.
pub const BTFKINDS_VERSION_MAJOR: u32 = 0;
/// The version of this header: second number.
pub const BTFKINDS_VERSION_MINOR: u32 = 1;
/// The version of this header: third number.
pub const BTFKINDS_VERSION_PATCH: u32 = 0;

/// The version of the library that is linked, such as "0.1.0". Static.
#[unsafe(no_mangle)]
pub extern "C" fn btfkinds_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Handles may go from thread to thread, and several threads may use one that none of them changes.
const _: () = {
    const fn any_thread<T: Send + Sync>() {}
    any_thread::<blob::Blob>();
    any_thread::<error::Error>();
    any_thread::<rebase::Index>();
    any_thread::<rebase::Moved>();
    any_thread::<rebase::NearMisses>();
};
