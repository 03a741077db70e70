//! What keeps the documents of this folder true: the vectors of the format, and the entry
//! points that take bytes from outside.
//!
//! [`vectors`] makes every file of `vectors/`; a test makes them again and compares.
//! [`limits`] holds the table of `limits.md` against the constants. [`hostile`] has one
//! function for each parser that meets bytes of others, with what must hold whatever the
//! bytes are: the targets of `fuzz/` call them, and a test gives them every seed.

mod bytes;
mod error;
mod folder;
pub mod hostile;
pub mod limits;
mod rows;
pub mod vectors;

pub use bytes::{hex, noise, unhex};
pub use error::{Result, SpecError};
pub use folder::folder;
