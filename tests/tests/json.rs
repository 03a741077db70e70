//! Every verb speaks JSON when told to, and every exit code means what the manual says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use dtrvault_tests::{DtrTables, Storage, Vault, shapes};

fn stored() -> Vault {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    storage.image("acme/app", "v1", &[b"layer".to_vec()]);
    fs::write(vault.at("m.tar"), DtrTables::of(&storage).tar(60, 1)).unwrap();
    for _ in 0..2 {
        vault.run(["snapshot", "--registry", "registry", "--metadata", "m.tar"]).ok();
    }
    vault
}

#[test]
fn every_verb_speaks_json() {
    let vault = Vault::new();
    let init = vault.run(["init", "--json"]).ok().json();
    assert!(init.is_object(), "{init}");
    let vault = stored();
    fs::write(vault.at("new"), "another password").unwrap();
    let id = vault.ids().remove(0);
    let pack = vault.objects("packs")[0].file_name().unwrap().to_str().unwrap().to_owned();
    for verb in [
        &["snapshot", "--registry", "registry"][..],
        &["snapshot", "--registry", "registry", "--dry-run"],
        &["snapshots"],
        &["stats"],
        &["diff", &id, "latest"],
        &["export", "--tar", "--output", "out.tar"],
        &["restore", "--snapshot", "latest", "--target", "out", "--dry-run"],
        &["restore", "--snapshot", "latest", "--target", "out"],
        &["check"],
        &["check", "--read-data"],
        &["key", "list"],
        &["key", "add", "--role", "write", "--new-password-file", "new"],
        &["rebuild-index"],
        &["cat", "config"],
        &["cat", "snapshot", &id],
        &["cat", "pack", &pack],
    ] {
        let done = vault.run(verb.iter().chain(&["--json"])).ok();
        assert!(done.json().is_object(), "{verb:?}: {}", done.text());
    }
    // One entry a line.
    for line in vault.run(["ls", "latest", "--json"]).ok().text().lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(entry.is_object(), "{line}");
    }
}

#[test]
fn progress_and_words_go_to_standard_error_only() {
    let vault = stored();
    let done = vault.run(["snapshot", "--registry", "registry", "--json"]).ok();
    assert!(done.text().trim_start().starts_with('{'));
    // Piped, nothing redraws itself.
    for stream in [&done.stderr, &vault.run(["check"]).ok().stderr] {
        assert!(!stream.contains('\r') && !stream.contains('\u{1b}'), "{stream:?}");
    }
}

#[test]
fn a_summary_tells_what_people_want_to_know() {
    let vault = stored();
    let done = vault.run(["snapshot", "--registry", "registry", "--json"]);
    let summary = done.ok().json();
    for name in
        ["files", "seen_bytes", "read_bytes", "new_bytes", "new_chunks", "written_bytes", "duration_ms"]
    {
        shapes::number(&summary, &format!("stats.{name}"));
    }
    assert_eq!(shapes::snapshot_id(&summary).len(), 64);
}

#[test]
fn exit_codes_mean_what_the_manual_says() {
    let vault = Vault::new();
    vault.run(["snapshots"]).exits(10).tells("init");
    vault.run(["check", "--read-data"]).exits(10);
    assert!(!vault.repo().exists());
    vault.run(["frobnicate"]).exits(2);
    vault.run(["snapshots", "--frobnicate"]).exits(2);
    vault.run::<&str>([]).exits(2);
    vault.run(["--version"]).ok().tells("dtrvault");
    vault.run(["--help"]).ok().tells("snapshot");

    let vault = stored();
    vault.run(["export", "--tar", "--snapshot", "0000000000"]).exits(1);
    vault.run(["restore", "--snapshot", "not an id", "--target", "out"]).tells("snapshot");
    vault.run(["ls", "latest", "no/such/path"]).exits(1);
    let none = Vault::init();
    none.run(["export", "--tar"]).exits(1).tells("no snapshot");
    none.run(["check"]).ok();
    assert!(none.ids().is_empty());
}

#[test]
fn errors_are_json_too() {
    let vault = Vault::new();
    let done = vault.run(["snapshots", "--json"]).exits(10);
    let error: serde_json::Value = match done.stdout.is_empty() {
        true => serde_json::from_str(done.stderr.lines().last().unwrap()).unwrap(),
        false => done.json(),
    };
    assert!(error.is_object(), "{error}");
}

#[test]
fn no_repository_at_all_is_wrong_usage() {
    let mut vault = Vault::new();
    vault.set("DTRVAULT_REPO", None);
    vault.run(["snapshots"]).exits(2).tells("DTRVAULT_REPO");
}

#[test]
fn man_pages_and_completions_are_written() {
    let vault = Vault::new();
    vault.run(["man", "man"]).ok();
    let page = fs::read_to_string(vault.at("man/dtrvault.1")).unwrap();
    assert!(page.contains(".TH"), "{page}");
    assert!(vault.at("man/dtrvault-snapshot.1").exists());
    for shell in ["bash", "zsh", "fish"] {
        vault.run(["completions", shell]).ok().tells("snapshot");
    }
}
