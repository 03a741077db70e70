//! Finds the binary under test, and builds it when it is not there or not of these sources.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The binary: what `DTRVAULT_TEST_BINARY` names, else `dtrvault` of the release profile in the
/// target folder this test runs from, brought up to date once per test program.
///
/// # Panics
///
/// When it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("DTRVAULT_TEST_BINARY") {
        Some(path) => path.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    // <target>/release/deps/<test>
    let test = std::env::current_exe().expect("path of this test");
    let release = test.ancestors().nth(2).expect("folder of the profile");
    let target = release.parent().expect("target folder");
    let done = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "-p", "dtrvault"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo");
    assert!(done.success(), "dtrvault does not build");
    release.join("dtrvault")
}
