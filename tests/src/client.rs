//! A real registry client.

use std::process::Command;

/// Runs skopeo and gives what it printed.
///
/// # Panics
///
/// When skopeo is not there or fails.
#[track_caller]
pub fn skopeo(args: &[&str]) -> Vec<u8> {
    let output = Command::new("skopeo")
        .arg("--insecure-policy")
        .args(args)
        .output()
        .expect("skopeo; `make packages` installs it");
    assert!(output.status.success(), "skopeo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
