//! Two snapshots at once, on one repository and one cache.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{Storage, Vault, Words, gzip, plain_layer, shapes};

#[test]
fn two_snapshots_at_once_both_hold() {
    let vault = Vault::init();
    let storages: Vec<Storage> = (0..2)
        .map(|n| {
            let storage = Storage::create(vault.at(format!("registry-{n}")));
            let shared = gzip(&plain_layer(1, 1), 6);
            for tag in 0..4 {
                let own = Words::new(n * 10 + tag).bytes(2 << 20);
                storage.image("acme/app", &format!("v{tag}"), &[shared.clone(), own]);
            }
            storage
        })
        .collect();
    for round in 0..3 {
        let runs: Vec<_> = storages
            .iter()
            .map(|storage| {
                storage.blob(&Words::new(1000 + round).bytes(500_000));
                let root = storage.root().to_str().unwrap();
                vault.start(["snapshot", "--json", "--registry", root])
            })
            .collect();
        let ids: Vec<String> =
            runs.into_iter().map(|run| shapes::snapshot_id(&Vault::wait(run).ok().json())).collect();
        for (id, storage) in ids.iter().zip(&storages) {
            let _ = fs::remove_dir_all(vault.at("out"));
            vault.run(["restore", "--snapshot", id, "--target", "out"]).ok();
            assert_same(&listing(storage.root()), &listing(&vault.at("out")));
        }
    }
    vault.run(["check", "--read-data"]).ok();
    assert_eq!(vault.ids().len(), 6);
}

#[test]
fn readers_run_beside_a_writer() {
    let vault = Vault::init();
    fs::write(vault.at("m"), Words::new(1).text(100_000)).unwrap();
    vault.run(["snapshot", "--metadata", "m"]).ok();
    fs::write(vault.at("big"), Words::new(2).bytes(48 << 20)).unwrap();
    let writer = vault.start(["snapshot", "--metadata", "big"]);
    for _ in 0..3 {
        vault.run(["snapshots"]).ok();
        vault.run(["check"]).ok();
    }
    Vault::wait(writer).ok();
    vault.run(["check", "--read-data"]).ok();
}

#[test]
fn one_repository_is_created_once() {
    let vault = Vault::new();
    let runs: Vec<_> = (0..4).map(|_| vault.start(["init"])).collect();
    let mut codes: Vec<_> = runs.into_iter().map(|run| Vault::wait(run).code).collect();
    codes.sort();
    assert_eq!(codes, [Some(0), Some(1), Some(1), Some(1)]);
    vault.run(["snapshots"]).ok();
    vault.run(["check"]).ok();
}
