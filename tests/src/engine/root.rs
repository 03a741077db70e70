//! Engines need root, and so do tests that look into volumes.

use std::process::Command;
use std::sync::Arc;

use super::DockerEngine;

/// Runs a test with the engine of this test program: by itself as root, else this test once more
/// through `sudo`.
///
/// # Panics
///
/// When the test fails, and when it cannot be root: then it would test nothing.
pub fn with_engine(test: &str, run: impl FnOnce(Arc<DockerEngine>)) {
    as_root(test, || run(DockerEngine::shared()));
}

/// The same with an engine that no other test sees, for what depends on all that is on it.
///
/// # Panics
///
/// As [`with_engine`].
pub fn with_own_engine(test: &str, run: impl FnOnce(Arc<DockerEngine>)) {
    as_root(test, || run(Arc::new(DockerEngine::start())));
}

fn as_root(test: &str, run: impl FnOnce()) {
    if rustix::process::geteuid().is_root() {
        return run();
    }
    let again = Command::new("sudo")
        .args(["--non-interactive", "--preserve-env", "env"])
        .arg(format!("PATH={}:/usr/sbin:/sbin", std::env::var("PATH").unwrap()))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .output()
        .expect("root, or sudo that asks for no password");
    let words = String::from_utf8_lossy(&again.stderr);
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success(), "{test}, run as root: {said}{words}");
    assert!(said.contains("1 passed"), "there is no test {test}: {said}");
}
