//! A restore is identical file by file, whatever the volume holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::process::Command;
use std::time::Duration;

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{Vault, odd_files, shapes};

#[test]
fn every_kind_of_file_comes_back_as_it_was() {
    let vault = Vault::init();
    let source = vault.at("volume");
    fs::create_dir_all(source.join("docker/registry/v2/blobs")).unwrap();
    odd_files::fill(&source);
    let before = listing(&source);
    vault.run(["snapshot", "--registry", "volume"]).ok();
    assert_same(&before, &listing(&source));

    vault.run(["restore", "--snapshot", "latest", "--target", "restored"]).ok();
    assert_same(&before, &listing(&vault.at("restored")));
    vault.run(["check", "--read-data"]).ok();

    // The second time finds nothing to read.
    let again = vault.run(["snapshot", "--registry", "volume", "--json"]);
    let again = again.ok().json();
    assert_eq!(shapes::number(&again, "stats.new_bytes"), 0, "{again:#}");
    assert_eq!(shapes::number(&again, "stats.read_bytes"), 0, "{again:#}");
    vault.run(["restore", "--snapshot", "latest", "--target", "again"]).ok();
    assert_same(&before, &listing(&vault.at("again")));

    // Sorted listings give every name once.
    let names = vault.run(["ls", "latest", "--json"]).ok();
    assert!(!names.stdout.is_empty());
}

#[test]
fn gnu_tar_extracts_every_kind_of_file() {
    let vault = Vault::init();
    let source = vault.at("volume");
    fs::create_dir_all(source.join("docker/registry/v2/blobs")).unwrap();
    odd_files::fill(&source);
    vault.run(["snapshot", "--registry", "volume"]).ok();
    vault.run(["export", "--tar", "--part", "images", "--output", "images.tar"]).ok();
    fs::create_dir(vault.at("out")).unwrap();
    let tar = Command::new("tar")
        .args([
            "--extract",
            "--xattrs",
            "--xattrs-include=*",
            "--acls",
            "-p",
            "--numeric-owner",
            "--warning=no-timestamp",
        ])
        .arg("--file")
        .arg(vault.at("images.tar"))
        .arg("-C")
        .arg(vault.at("out"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&tar.stderr), "");
    assert!(tar.status.success());
    let (mut before, mut after) = (listing(&source), listing(&vault.at("out")));
    // A tar cannot hold a socket; holes come back where the reader finds them.
    before.retain(|_, item| item.kind != "socket");
    for item in before.values_mut().chain(after.values_mut()) {
        item.sparse = false;
        // GNU tar takes lists of access rights as text only, in records of their own.
        item.xattrs.retain(|xattr| !xattr.starts_with("system.posix_acl"));
    }
    // A folder that lost its socket keeps its time all the same.
    assert_same(&before, &after);
}

#[test]
fn a_restore_goes_on_with_what_is_there() {
    let vault = Vault::init();
    let source = vault.at("volume");
    fs::create_dir_all(source.join("docker/registry/v2/blobs")).unwrap();
    odd_files::fill(&source);
    let before = listing(&source);
    vault.run(["snapshot", "--registry", "volume"]).ok();
    let args = ["restore", "--snapshot", "latest", "--target", "restored"];
    // Killed ever later, until one run gets through.
    let mut killed_with_files = 0;
    for moment in 1.. {
        let mut run = vault.start(args);
        std::thread::sleep(Duration::from_millis(40 * moment));
        run.kill().unwrap();
        let done = Vault::wait(run);
        if done.code == Some(1) && done.stderr.contains("not empty") {
            // The run before had done all, but for the last times of folders.
            vault.run(args.iter().chain(&["--allow-existing"])).ok();
            break;
        }
        if done.code.is_some() {
            assert_eq!(done.code, Some(0), "{}", done.stderr);
            break;
        }
        killed_with_files += u32::from(vault.at("restored/contents").exists());
    }
    assert!(killed_with_files > 0);
    assert_same(&before, &listing(&vault.at("restored")));
}
