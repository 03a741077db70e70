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
    if rustix::process::geteuid().is_root() {
        return run(DockerEngine::shared());
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
