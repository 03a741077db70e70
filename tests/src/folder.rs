//! Where this package is.

use std::path::PathBuf;

/// The folder of this package. Asked for when a test runs: a target folder that several checkouts share may hold
/// a program that was compiled in another.
pub fn folder() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}
