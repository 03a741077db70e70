//! Metadata streams of every kind come back byte for byte; a cut one is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use dtrvault_tests::dtr_days::dtr_tar;
use dtrvault_tests::odd_tars::{Form, cut_tar, odd_tars};
use dtrvault_tests::{Vault, shapes};

#[test]
fn every_stream_comes_back_byte_for_byte() {
    let vault = Vault::init();
    for (name, form, bytes) in odd_tars() {
        fs::write(vault.at("in"), &bytes).unwrap();
        let done = vault.run(["snapshot", "--metadata", "in", "--json"]);
        assert_eq!(done.code, Some(0), "{name}: {}", done.stderr);
        let id = shapes::snapshot_id(&done.json());
        let exported = vault.run(["export", "--tar", "--snapshot", &id]).ok();
        assert!(exported.stdout == bytes, "{name}");
        let said = vault.run(["snapshots", "--json", "--latest", "1"]).ok().json();
        let said = &shapes::snapshots(&said)[0];
        assert_eq!(shapes::text(said, "metadata.form"), form.word(), "{name}");
        if form == Form::Other {
            assert!(done.stderr.contains("tar"), "{name} without a warning: {}", done.stderr);
        }
    }
    vault.run(["check", "--read-data"]).ok();
}

#[test]
fn standard_input_is_a_source_like_a_file() {
    let vault = Vault::init();
    let tar = dtr_tar(600, 1);
    vault.feed(["snapshot", "--metadata", "-"], &tar).ok();
    assert!(vault.run(["export", "--tar"]).ok().stdout == tar);
}

#[test]
fn a_stream_longer_than_memory_buffers_comes_back() {
    let vault = Vault::init();
    let tar = dtr_tar(60_000, 1);
    assert!(vault.round_trip(&tar) == tar);
    // Rows in another order, timed anew, one in a hundred changed.
    let next = dtr_tar(60_000, 2);
    assert!(vault.round_trip(&next) == next);
}

#[test]
fn a_cut_tar_is_refused_and_nothing_recorded() {
    let vault = Vault::init();
    let cut = cut_tar();
    fs::write(vault.at("cut.tar"), &cut).unwrap();
    vault.run(["snapshot", "--metadata", "cut.tar"]).exits(1).tells("--allow-truncated");
    vault.feed(["snapshot", "--metadata", "-"], &cut).exits(1);
    assert!(vault.objects("snapshots").is_empty());
    assert!(vault.ids().is_empty());

    let done = vault.run(["snapshot", "--metadata", "cut.tar", "--allow-truncated", "--json"]);
    let kinds = shapes::problems(&done.exits(3).json());
    assert!(kinds.iter().any(|(kind, _)| kind == "truncated"), "{kinds:?}");
    assert!(vault.run(["export", "--tar"]).ok().stdout == cut);
}

#[test]
fn a_tar_cut_anywhere_is_refused_or_given_back() {
    let vault = Vault::init();
    let whole = dtr_tar(12, 1);
    // In a header, behind a header, in contents, in padding.
    for at in [100, 512 * 4, 512 * 8 + 20, 512 * 7 + 620, whole.len() - 1024 - 5] {
        let cut = &whole[..at];
        let done = vault.feed(["snapshot", "--metadata", "-"], cut);
        match done.code {
            Some(0) => assert!(vault.run(["export", "--tar"]).ok().stdout == cut, "at {at}"),
            code => assert_eq!(code, Some(1), "at {at}: {}", done.stderr),
        }
    }
}

#[test]
fn an_empty_stream_is_no_backup() {
    let vault = Vault::init();
    vault.feed(["snapshot", "--metadata", "-"], b"").exits(1);
    assert!(vault.objects("snapshots").is_empty());
}
