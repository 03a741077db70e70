//! Where the documents are.

use std::path::PathBuf;

/// The folder of this package. Asked for at run time: a target folder that several checkouts share may hold a
/// program that was compiled in another.
#[must_use]
pub fn folder() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}
