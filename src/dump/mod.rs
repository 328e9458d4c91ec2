//! Printing types.

mod buffer;
pub(crate) mod c;
mod json;
mod text;

pub use c::C;
pub use json::Json;
pub use text::Text;

pub(crate) use text::{encoding, linkage};
