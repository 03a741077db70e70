//! Finds the binaries that tests run, and builds them when they are not there or not of these sources.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The binary under test: what `DTRVAULT_TEST_BINARY` names, else `dtrvault` of the release
/// profile in the target folder this test runs from, brought up to date once per test program.
///
/// # Panics
///
/// When it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| find("DTRVAULT_TEST_BINARY", "dtrvault"))
}

/// The stand-in for DTR's image: what `DTRVAULT_TEST_STAND_IN` names, else `dtr`, found as
/// [`binary`] is.
///
/// # Panics
///
/// When it cannot be built.
pub fn stand_in() -> &'static Path {
    static STAND_IN: OnceLock<PathBuf> = OnceLock::new();
    STAND_IN.get_or_init(|| find("DTRVAULT_TEST_STAND_IN", "dtr"))
}

fn find(variable: &str, name: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => release().join(name),
    }
}

/// The folder of the release profile, with both binaries built: together, so that what they share is
/// compiled once.
fn release() -> &'static Path {
    static RELEASE: OnceLock<PathBuf> = OnceLock::new();
    RELEASE.get_or_init(|| {
        // <target>/release/deps/<test>
        let test = std::env::current_exe().expect("path of this test");
        let release = test.ancestors().nth(2).expect("folder of the profile");
        let target = release.parent().expect("target folder");
        let done = Command::new(env!("CARGO"))
            .args(["build", "--release", "--quiet", "-p", "dtrvault", "-p", "dtrvault-dtr-stand-in"])
            .arg("--target-dir")
            .arg(target)
            .current_dir(crate::folder())
            .status()
            .expect("cargo");
        assert!(done.success(), "the binaries do not build");
        release.to_path_buf()
    })
}
