//! Types as C: one by one for people, or as a header that a compiler takes.
//!
//! A declaration is printed from the links between its type and the type at the end (`chain`), by
//! a printer that keeps what is still to come on a stack (`print`, `body`, `decl`): nothing here
//! recurses, whatever a file says. A header (`header`) also needs an order in which everything
//! stands before what needs it (`order`), names that differ (`names`), and to know what a compiler
//! makes of it (`layout`).

mod body;
mod chain;
mod decl;
mod header;
mod known;
mod layout;
mod names;
mod order;
mod phrases;
mod print;
mod source;
mod survey;
mod text;
mod usual;

pub use header::C;

pub(crate) use decl::{declaration, definition, definition_with_places};
pub(crate) use layout::{place, pointer_size, sizes};
