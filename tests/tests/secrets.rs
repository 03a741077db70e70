//! Passwords, keys and content show in no output, in no file of the cache, and in no file that
//! others may read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dtrvault_tests::{Run, Storage, Vault, Words, flip_byte};

const PASSWORD: &str = "correct horse battery staple";
const NEW: &str = "a new and better passphrase";
const CONTENT: &str = "the private key of the registry";
/// Credentials of a bucket, which stand in the environment of every run.
const CLOUD: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";

fn stored() -> Vault {
    let mut vault = Vault::init();
    vault.set("AWS_SECRET_ACCESS_KEY", CLOUD);
    vault.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    let storage = Storage::create(vault.at("registry"));
    storage.blob(CONTENT.repeat(1000).as_bytes());
    storage.blob(&Words::new(1).bytes(400_000));
    fs::write(vault.at("m"), CONTENT.repeat(500)).unwrap();
    vault.run(["snapshot", "--registry", "registry", "--metadata", "m"]).ok();
    fs::write(vault.at("new"), NEW).unwrap();
    vault
}

#[track_caller]
fn assert_silent(run: &Run) {
    for secret in [PASSWORD, NEW, CONTENT, CLOUD] {
        let out = String::from_utf8_lossy(&run.stdout);
        assert!(!out.contains(secret) && !run.stderr.contains(secret), "{}: {secret}", run.line);
    }
}

fn files_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_output_shows_a_secret_whatever_goes_wrong() {
    let mut vault = stored();
    let verbs: [&[&str]; 14] = [
        &["snapshots"],
        &["snapshot", "--registry", "registry", "--metadata", "m"],
        &["snapshot", "--registry", "nowhere"],
        &["ls", "latest", "--long"],
        &["stats"],
        &["stats", "latest"],
        &["check", "--read-data"],
        &["cat", "config"],
        &["cat", "snapshot", "latest"],
        &["key", "list"],
        &["key", "add", "--new-password-file", "new"],
        &["key", "remove", "ffff"],
        &["restore", "--snapshot", "latest", "--target", "registry"],
        &["rebuild-index"],
    ];
    let run_all = |vault: &Vault| {
        for verb in verbs {
            assert_silent(&vault.run(verb));
            assert_silent(&vault.run([verb, &["--json"]].concat()));
        }
    };
    run_all(&vault);
    // Damage is told without what was hit.
    for object in vault.objects("packs") {
        flip_byte(&object, fs::metadata(&object).unwrap().len() / 2);
    }
    fs::remove_dir_all(vault.cache()).unwrap();
    run_all(&vault);
    // A wrong password is not repeated, nor is one in a URL or of a command that fails.
    vault.set("DTRVAULT_PASSWORD", NEW);
    run_all(&vault);
    vault.set("DTRVAULT_PASSWORD", None);
    vault.set("DTRVAULT_PASSWORD_COMMAND", format!("echo {NEW} >/dev/null; exit 3").as_str());
    let failed = vault.run(["snapshots"]);
    assert_ne!(failed.code, Some(0));
    assert_silent(&failed);
    vault.set("DTRVAULT_PASSWORD_COMMAND", None);
    vault.set("DTRVAULT_PASSWORD", PASSWORD);
    vault.set("DTRVAULT_REPO", format!("s3://user:{CLOUD}@bucket/prefix").as_str());
    assert_silent(&vault.run(["snapshots"]));
    vault.set("DTRVAULT_REPO", format!("https://user:{CLOUD}@127.0.0.1:1/prefix").as_str());
    assert_silent(&vault.run(["snapshots"]));
}

#[test]
fn what_others_may_read_holds_no_secret() {
    let vault = stored();
    vault.run(["key", "add", "--new-password-file", "new"]).ok();
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    for file in files_below(&vault.cache()).iter().chain(&files_below(&vault.repo())) {
        let bytes = fs::read(file).unwrap();
        for secret in [PASSWORD, NEW, CONTENT, CLOUD] {
            let shows = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!shows, "{} holds {secret}", file.display());
        }
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for of_repo in fs::read_dir(vault.cache()).unwrap() {
        let path = of_repo.unwrap().path();
        assert_eq!(mode(&path), 0o700, "{}", path.display());
    }
    // It holds private keys of the registry.
    assert_eq!(mode(&vault.at("out/metadata.tar")), 0o600);
    // Nothing is left in the folder for temporary files.
    assert_eq!(files_below(&vault.at("tmp")), Vec::<PathBuf>::new());
}
