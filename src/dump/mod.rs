//! Printing types.

pub(crate) mod c;
mod text;

pub use c::C;
pub use text::Text;
