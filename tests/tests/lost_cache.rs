//! The cache may be lost, damaged or old: nothing is lost with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{Storage, Vault, Words, flip_byte, gzip, plain_layer, shapes};

fn stored() -> (Vault, Storage) {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    for n in 0..3 {
        let layers = [gzip(&plain_layer(n, n), 6), Words::new(n).bytes(300_000)];
        storage.image("acme/app", &format!("v{n}"), &layers);
    }
    vault.run(["snapshot", "--registry", "registry"]).ok();
    (vault, storage)
}

/// Nothing new is found, and all comes back.
fn assert_whole(vault: &Vault, storage: &Storage) {
    let again = vault.run(["snapshot", "--registry", "registry", "--json"]);
    let again = again.ok().json();
    assert_eq!(shapes::number(&again, "stats.new_chunks"), 0, "{again:#}");
    let _ = fs::remove_dir_all(vault.at("out"));
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));
    vault.run(["check", "--read-data"]).ok();
}

#[test]
fn a_lost_cache_is_made_anew() {
    let (vault, storage) = stored();
    fs::remove_dir_all(vault.cache()).unwrap();
    assert_whole(&vault, &storage);
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let (vault, storage) = stored();
    let files: Vec<_> = walk(&vault.cache());
    assert!(!files.is_empty());
    let mut words = Words::new(5);
    for round in 0..4 {
        for file in walk(&vault.cache()) {
            let len = fs::metadata(&file).unwrap().len();
            match (round, len) {
                (0, 1..) => flip_byte(&file, words.below(len)),
                (1, _) => fs::write(&file, "").unwrap(),
                (2, _) => fs::write(&file, words.bytes(1000)).unwrap(),
                (3, 2..) => fs::File::options().write(true).open(&file).unwrap().set_len(len / 2).unwrap(),
                _ => {}
            }
        }
        assert_whole(&vault, &storage);
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_cache_of_another_machine_learns_what_others_wrote() {
    let (mut vault, storage) = stored();
    let (here, there) = (vault.at("cache"), vault.at("cache-2"));
    storage.image("acme/app", "v9", &[gzip(&plain_layer(9, 9), 6)]);
    vault.set("DTRVAULT_CACHE_DIR", there.to_str().unwrap());
    vault.run(["snapshot", "--registry", "registry"]).ok();
    vault.set("DTRVAULT_CACHE_DIR", here.to_str().unwrap());
    assert_whole(&vault, &storage);
}

#[test]
fn a_lost_index_is_rebuilt_from_the_packs() {
    let (vault, storage) = stored();
    fs::remove_dir_all(vault.repo().join("index")).unwrap();
    fs::remove_dir_all(vault.cache()).unwrap();
    vault.run(["rebuild-index"]).ok();
    assert!(!vault.objects("index").is_empty());
    assert_whole(&vault, &storage);
    // And once more from what was rebuilt.
    fs::remove_dir_all(vault.cache()).unwrap();
    assert_whole(&vault, &storage);
}

#[test]
fn a_repository_may_move() {
    let (mut vault, storage) = stored();
    let moved = vault.at("moved");
    fs::rename(vault.repo(), &moved).unwrap();
    vault.set("DTRVAULT_REPO", format!("file://{}", moved.display()).as_str());
    let again = vault.run(["snapshot", "--registry", "registry", "--json"]);
    assert_eq!(shapes::number(&again.ok().json(), "stats.new_chunks"), 0);
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));
}
