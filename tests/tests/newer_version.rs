//! A repository of a later version of the format: told so by every verb, and left as it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{MainJob, Vault, shapes};

#[test]
fn every_verb_says_so_and_changes_nothing() {
    let vault = Vault::new();
    MainJob::begun(&vault, 100_000);
    let config = vault.repo().join("config");
    let mut bytes = fs::read(&config).unwrap();
    // Behind the magic, CBOR: key 1, version 1.
    let magic = b"dtrvault repository";
    let version = bytes.windows(magic.len()).position(|w| w == magic).unwrap() + magic.len() + 1;
    assert_eq!(bytes[version - 1..=version], [1, 1]);
    bytes[version] = 9;
    fs::write(&config, &bytes).unwrap();
    fs::write(vault.at("password"), "x").unwrap();

    let before = listing(&vault.repo());
    for verb in [
        &["snapshots", "--json"][..],
        &MainJob::SNAPSHOT,
        &["check", "--json"],
        &["export", "--tar", "--output", "out.tar", "--json"],
        &["restore", "--snapshot", "latest", "--target", "out", "--json"],
        &["key", "add", "--new-password-file", "password", "--json"],
        &["rebuild-index", "--json"],
    ] {
        let run = vault.run(verb).exits(1).tells("version 9").tells("later");
        assert_eq!(shapes::text(&run.json(), "error.kind"), "newer-version", "{}", run.stderr);
    }
    vault.run(["init"]).exits(1).tells("already");
    assert_same(&before, &listing(&vault.repo()));
    assert!(!vault.at("out").exists() && !vault.at("out.tar").exists());
}
