//! Keys: who may do what, and how the last way in is kept open.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{Run, Storage, Vault, gzip, plain_layer, shapes};

const WRITER: &str = "the registry node's own";

/// A repository with one snapshot.
fn stored() -> (Vault, Storage) {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    storage.image("acme/app", "v1", &[gzip(&plain_layer(1, 1), 6)]);
    vault.run(["snapshot", "--registry", "registry"]).ok();
    (vault, storage)
}

/// Adds a key; the new password comes by a file.
fn add_key(vault: &Vault, role: &str, password: &str) -> Run {
    fs::write(vault.at("new-password"), password).unwrap();
    vault.run(["key", "add", "--role", role, "--label", role, "--new-password-file", "new-password"])
}

fn keys(vault: &Vault) -> Vec<(String, String)> {
    let listed = vault.run(["key", "list", "--json"]).ok().json();
    shapes::array(&listed, "keys")
        .iter()
        .map(|key| (shapes::text(key, "role"), shapes::text(key, "id")))
        .collect()
}

#[test]
fn a_wrong_password_opens_nothing() {
    let (mut vault, _) = stored();
    vault.set("DTRVAULT_PASSWORD", "wrong");
    for verb in [
        &["snapshots"][..],
        &["snapshot", "--registry", "registry"],
        &["check"],
        &["export", "--tar"],
        &["restore", "--snapshot", "latest", "--target", "out"],
        &["key", "list"],
    ] {
        vault.run(verb).exits(12).tells("password");
    }
    assert!(!vault.at("out").exists());
}

#[test]
fn a_password_comes_from_a_variable_a_file_or_a_command() {
    let (mut vault, _) = stored();
    fs::write(vault.at("password"), "correct horse battery staple\n").unwrap();
    vault.set("DTRVAULT_PASSWORD", None);
    // Nobody to ask: no terminal.
    let asked = vault.run(["snapshots"]);
    assert!(matches!(asked.code, Some(2 | 12)), "{}", asked.stderr);
    asked.tells("DTRVAULT_PASSWORD");
    vault.set("DTRVAULT_PASSWORD_FILE", "password");
    vault.run(["snapshots"]).ok();
    vault.set("DTRVAULT_PASSWORD_FILE", None);
    vault.set("DTRVAULT_PASSWORD_COMMAND", "cat password");
    vault.run(["snapshots"]).ok();
    vault.set("DTRVAULT_PASSWORD_COMMAND", "false");
    let failed = vault.run(["snapshots"]);
    assert!(matches!(failed.code, Some(1 | 2 | 12)), "{}", failed.stderr);
}

#[test]
fn a_write_key_adds_snapshots_and_reads_none() {
    let (mut vault, storage) = stored();
    add_key(&vault, "write", WRITER).ok();
    let full = "correct horse battery staple";

    vault.set("DTRVAULT_PASSWORD", WRITER);
    let again = vault.run(["snapshot", "--registry", "registry", "--json"]);
    // It finds what is there already, without being able to read it.
    let again = again.ok().json();
    assert_eq!(shapes::number(&again, "stats.new_chunks"), 0, "{again:#}");

    // A lost cache is made anew from what a writer may read.
    fs::remove_dir_all(vault.cache()).unwrap();
    storage.image("acme/app", "v2", &[gzip(&plain_layer(2, 2), 6)]);
    fs::write(vault.at("m"), "metadata, though no tar").unwrap();
    let both = ["snapshot", "--registry", "registry", "--metadata", "m", "--json"];
    let new = vault.run(both).ok().json();
    assert!(shapes::number(&new, "stats.new_chunks") > 0);
    let known = shapes::number(&new, "stats.seen_bytes") - shapes::number(&new, "stats.read_bytes");
    assert!(known > 0, "a writer knows what is there: {new:#}");

    for verb in [
        &["export", "--tar"][..],
        &["restore", "--snapshot", "latest", "--target", "out"],
        &["ls", "latest"],
        &["check", "--read-data"],
        &["diff", "latest", "latest"],
    ] {
        vault.run(verb).exits(12).tells("write");
    }
    assert!(!vault.at("out").exists());

    vault.set("DTRVAULT_PASSWORD", full);
    vault.run(["check", "--read-data"]).ok();
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    fs::remove_file(vault.at("out/metadata.tar")).unwrap();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));
}

#[test]
fn the_last_full_key_stays() {
    let (mut vault, _) = stored();
    let first = keys(&vault)[0].1.clone();
    vault.run(["key", "remove", &first]).exits(1).tells("last");
    add_key(&vault, "write", WRITER).ok();
    vault.run(["key", "remove", &first]).exits(1).tells("last");

    add_key(&vault, "full", "a second way in").ok();
    assert_eq!(keys(&vault).len(), 3);
    vault.set("DTRVAULT_PASSWORD", "a second way in");
    vault.run(["key", "remove", &first]).ok();
    vault.run(["check", "--read-data"]).ok();
    vault.set("DTRVAULT_PASSWORD", "correct horse battery staple");
    vault.run(["snapshots"]).exits(12);
}

#[test]
fn a_removed_writer_writes_no_more() {
    let (mut vault, _) = stored();
    add_key(&vault, "write", WRITER).ok();
    let writer = keys(&vault).into_iter().find(|(role, _)| role == "write").unwrap();
    vault.run(["key", "remove", &writer.1]).ok();
    vault.set("DTRVAULT_PASSWORD", WRITER);
    vault.run(["snapshot", "--registry", "registry"]).exits(12);
}

#[test]
fn a_password_may_be_changed() {
    let (mut vault, _) = stored();
    fs::write(vault.at("new-password"), "a better one").unwrap();
    vault.run(["key", "change-password", "--new-password-file", "new-password"]).ok();
    vault.run(["snapshots"]).exits(12);
    vault.set("DTRVAULT_PASSWORD", "a better one");
    vault.run(["check", "--read-data"]).ok();
    assert_eq!(keys(&vault).len(), 1);
}

#[test]
fn a_writer_makes_no_keys() {
    let (mut vault, _) = stored();
    add_key(&vault, "write", WRITER).ok();
    vault.set("DTRVAULT_PASSWORD", WRITER);
    add_key(&vault, "full", "a way up").exits(12);
    let full = "correct horse battery staple";
    vault.set("DTRVAULT_PASSWORD", full);
    assert_eq!(keys(&vault).len(), 2);
}

#[test]
fn nothing_of_the_content_shows_in_the_repository() {
    let vault = Vault::init();
    let needle = "PRIVATE-KEY-OF-THE-REGISTRY";
    fs::write(vault.at("m"), needle.repeat(10)).unwrap();
    vault.run(["snapshot", "--metadata", "m", "--tag", needle]).ok();
    let mut objects = 0;
    for folder in ["", "packs", "index", "snapshots", "keys"] {
        for object in vault.objects(folder) {
            let bytes = fs::read(&object).unwrap();
            let shown = bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
            assert!(!shown, "{}", object.display());
            objects += 1;
        }
    }
    assert!(objects >= 5);
}
