//! Writes every file of `format-spec/vectors/`, or of the folder given.

use std::path::PathBuf;

use dtrvault_format_spec::{SpecError, vectors};

fn main() -> Result<(), SpecError> {
    let dir = std::env::args_os().nth(1).map_or_else(vectors::dir, PathBuf::from);
    vectors::write_all(&dir)
}
