//! What the benches have in common: bytes to work on, and a table of speeds.
//!
//! A stage of a backup is measured alone and on one thread, so that a figure tells what the
//! stage costs and not how well threads were used.

mod data;
mod table;

pub use data::{noise, tar, text, tree};
pub use table::Table;
