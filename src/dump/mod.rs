//! Printing types.

mod text;

pub use text::Text;
