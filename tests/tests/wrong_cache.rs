//! A cache that is not what it says: another repository's, of other times, or rotten. It costs
//! time and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dtrvault_tests::{MainJob, Vault, flip_byte, shapes};

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// The only repository's folder in a cache.
fn folder(vault: &Vault) -> PathBuf {
    let mut found = fs::read_dir(vault.cache()).unwrap().map(|entry| entry.unwrap().path());
    found.next().expect("a folder in the cache")
}

#[test]
fn the_cache_of_another_repository_under_this_ones_name() {
    let mut vault = Vault::new();
    let mut job = MainJob::begun(&vault, 300_000);
    let own = folder(&vault);

    // Another repository with the same registry, a step ahead.
    let mut other = Vault::new();
    other.set("DTRVAULT_REPO", other.repo().to_str().unwrap());
    other.run(["init"]).ok();
    let registry = job.storage().root().to_str().unwrap().to_owned();
    other.run(["snapshot", "--registry", &registry]).ok();
    job.storage().blob(b"one that only the other repository has");
    other.run(["snapshot", "--registry", &registry]).ok();
    copy(&folder(&other), &own);

    job.evening(&vault);
    job.hold(&mut vault);
    // And with the trees of the one and the index of the other.
    copy(&folder(&other).join("trees"), &own.join("trees"));
    job.evening(&vault);
    job.hold(&mut vault);
}

#[test]
fn another_repository_in_the_old_ones_place() {
    let mut vault = Vault::new();
    MainJob::begun(&vault, 300_000);
    fs::remove_dir_all(vault.repo()).unwrap();
    vault.run(["snapshots"]).exits(10);
    fs::remove_dir_all(vault.at("registry")).unwrap();
    let mut job = MainJob::begun(&vault, 300_000);
    job.evening(&vault);
    job.hold(&mut vault);
}

#[test]
fn a_repository_that_was_put_back_from_an_older_copy() {
    let mut vault = Vault::new();
    let mut job = MainJob::begun(&vault, 300_000);
    copy(&vault.repo(), &vault.at("copy"));
    let before = vault.ids();
    let tar = job.change(&vault);
    MainJob::snapshot(&vault).ok();
    copy(&vault.at("copy"), &vault.repo());
    // The cache knows chunks, blobs and a tree that no longer stand anywhere.
    assert_eq!(vault.ids(), before);
    job.taken(&MainJob::snapshot(&vault).ok().json(), tar);
    job.hold(&mut vault);
}

#[test]
fn a_tree_that_has_rotted_in_the_cache_is_not_believed() {
    let vault = Vault::new();
    let mut job = MainJob::begun(&vault, 300_000);
    job.evening(&vault);
    let trees = folder(&vault).join("trees");
    let tree = fs::read_dir(&trees).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&tree).unwrap();
    // The bytes of link files stand in it. Unchanged files are taken from it unread.
    let mut places: Vec<usize> =
        whole.windows(7).enumerate().filter(|(_, w)| w == b"sha256:").map(|(at, _)| at + 20).collect();
    assert!(places.len() > 4);
    places.extend([0, 33, 50, whole.len() - 1]);
    for place in places.into_iter().step_by(3) {
        fs::write(&tree, &whole).unwrap();
        flip_byte(&tree, place as u64);
        vault.run(["snapshot", "--registry", "registry"]).ok();
    }
    // As they were taken from the files and not from the cache.
    let ids = vault.ids();
    for id in &ids[2..] {
        let diff = vault.run(["diff", &ids[1], id, "--json"]).ok().json();
        assert_eq!(shapes::array(&diff, "changes").len(), 0, "{diff:#}");
    }
}
