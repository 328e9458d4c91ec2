//! Printing types.

mod buffer;
pub(crate) mod c;
mod json;
#[cfg(feature = "cli")]
pub(crate) mod pieces;
mod text;
#[cfg(feature = "cli")]
mod turns;

pub use c::C;
pub use json::Json;
pub use text::Text;

pub(crate) use text::{encoding, linkage};
