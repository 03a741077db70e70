//! What cannot be taken as it should is listed, the rest is taken, and the exit code says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{Storage, Vault, gzip, odd_files, plain_layer, shapes};

/// A registry with one image; gives the digest of its manifest.
fn registry(vault: &Vault) -> (Storage, String) {
    let storage = Storage::create(vault.at("registry"));
    let digest = storage.image("acme/app", "v1", &[gzip(&plain_layer(1, 1), 6)]);
    (storage, digest)
}

fn kinds(vault: &Vault, code: i32) -> Vec<(String, String)> {
    let done = vault.run(["snapshot", "--registry", "registry", "--json"]);
    shapes::problems(&done.exits(code).json())
}

#[test]
fn links_that_stay_torn_are_kept_and_told() {
    let vault = Vault::init();
    let (storage, digest) = registry(&vault);
    for (tag, content) in [("empty", ""), ("torn", &digest[..30])] {
        storage.tag("acme/app", tag, &digest);
        fs::write(storage.tag_path("acme/app", tag), content).unwrap();
    }
    let found = kinds(&vault, 3);
    let torn: Vec<_> = found.iter().filter(|(kind, _)| kind == "torn-link").collect();
    assert_eq!(torn.len(), 2, "{found:?}");
    assert!(torn.iter().all(|(_, path)| path.ends_with("current/link")), "{found:?}");

    let listed = vault.run(["snapshots", "--json"]).ok().json();
    assert_eq!(shapes::snapshots(&listed)[0]["complete"], false);
    vault.run(["snapshots"]).ok().tells("incomplete");
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));
}

#[test]
fn a_link_that_heals_is_read_again() {
    let vault = Vault::init();
    let (storage, digest) = registry(&vault);
    let link = storage.tag_path("acme/app", "v1");
    // As a registry does: truncated, then written, over and over while the snapshot runs.
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                fs::write(&link, "").unwrap();
                std::thread::sleep(Duration::from_micros(300));
                fs::write(&link, &digest).unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        for _ in 0..5 {
            let found = kinds_of_either(&vault);
            assert!(!found.iter().any(|(kind, _)| kind == "torn-link"), "{found:?}");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

fn kinds_of_either(vault: &Vault) -> Vec<(String, String)> {
    let done = vault.run(["snapshot", "--registry", "registry", "--json"]);
    assert!(matches!(done.code, Some(0 | 3)), "{}", done.stderr);
    shapes::problems(&done.json())
}

#[test]
fn a_missing_blob_is_named() {
    let vault = Vault::init();
    let (storage, _) = registry(&vault);
    let layer = gzip(&plain_layer(9, 9), 6);
    storage.image("acme/other", "v1", std::slice::from_ref(&layer));
    let digest = dtrvault_tests::digest_of(&layer);
    fs::remove_file(storage.blob_path(&digest)).unwrap();
    let done = vault.run(["snapshot", "--registry", "registry", "--json"]);
    let done = done.exits(3);
    let found = shapes::problems(&done.json());
    assert!(found.iter().any(|(kind, _)| kind == "missing-blob"), "{found:?}");
    let hex = digest.trim_start_matches("sha256:");
    assert!(done.text().contains(hex), "{}", done.text());
}

#[test]
fn a_blob_with_a_wrong_name_is_told_and_kept() {
    let vault = Vault::init();
    let (storage, digest) = registry(&vault);
    let wrong = storage.blob(b"right");
    fs::write(storage.blob_path(&wrong), "wrong").unwrap();
    let found = kinds(&vault, 0);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "digest-mismatch");
    assert!(found[0].1.contains(wrong.trim_start_matches("sha256:")));
    assert!(!found[0].1.contains(digest.trim_start_matches("sha256:")));
    // Told every evening, not only when it is read.
    assert_eq!(kinds(&vault, 0).len(), 1);
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));
    // When the registry has mended it, the right bytes are taken.
    storage.blob(b"right");
    assert!(kinds(&vault, 0).is_empty());
    vault.run(["restore", "--snapshot", "latest", "--target", "mended"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("mended")));
}

#[test]
fn what_cannot_be_read_is_listed_and_the_rest_taken() {
    let vault = Vault::init();
    let (storage, _) = registry(&vault);
    let secret = storage.root().join("docker/secret");
    fs::write(&secret, "nobody reads this").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let folder = storage.root().join("docker/closed");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    let args = ["snapshot", "--registry", "registry", "--json"];
    let mut command = vault.command(args);
    if odd_files::is_root() {
        // Nobody may not enter the folder that the binary was built in, either.
        let copy = vault.at("dtrvault");
        fs::copy(dtrvault_tests::binary(), &copy).unwrap();
        command = vault.command_of(&copy, args);
        // Root reads everything; nobody does not. The rest of the operator's files become his.
        for (place, nobody) in [(vault.at("."), 65_534), (vault.repo(), 65_534), (vault.at("tmp"), 65_534)] {
            own(&place, nobody);
        }
        fs::create_dir_all(vault.cache()).unwrap();
        own(&vault.cache(), 65_534);
        command.uid(65_534).gid(65_534);
        for file in [&secret, &folder] {
            std::os::unix::fs::chown(file, Some(0), Some(0)).unwrap();
        }
    }
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    let summary = serde_json::from_slice(&output.stdout).unwrap();
    let mut found = shapes::problems(&summary);
    found.sort();
    let expected = ["docker/closed", "docker/secret"].map(|p| ("unreadable".to_owned(), p.to_owned()));
    assert_eq!(found, expected);
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert!(vault.at("out/docker/registry/v2/repositories/acme/app").exists());
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
}

/// Gives a folder and all below it away.
fn own(path: &std::path::Path, to: u32) {
    std::os::unix::fs::lchown(path, Some(to), Some(to)).unwrap();
    if path.symlink_metadata().unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            own(&entry.unwrap().path(), to);
        }
    }
}

#[test]
fn a_source_that_is_not_there_is_a_failure() {
    let vault = Vault::init();
    vault.run(["snapshot", "--registry", "nowhere"]).exits(1);
    vault.run(["snapshot", "--metadata", "nowhere"]).exits(1);
    fs::write(vault.at("file"), "a file").unwrap();
    vault.run(["snapshot", "--registry", "file"]).exits(1);
    assert!(vault.objects("snapshots").is_empty());
}
