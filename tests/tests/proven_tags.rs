//! `check` follows the tags of a plain registry to every blob that they need.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use dtrvault_tests::{Storage, Vault, digest_of, gzip, plain_layer, shapes};
use serde_json::json;

fn registry() -> (Vault, Storage) {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    let [amd64, arm64] =
        [1, 2].map(|n| storage.image("acme/app", &format!("v{n}"), &[gzip(&plain_layer(n, n), 6)]));
    let index = json!({"schemaVersion": 2, "manifests": [{"digest": amd64}, {"digest": arm64}]});
    let index = storage.blob(index.to_string().as_bytes());
    storage.tag("acme/app", "all", &index);
    (vault, storage)
}

#[test]
fn tags_lead_to_blobs_through_indexes() {
    let (vault, storage) = registry();
    vault.run(["snapshot", "--registry", "registry"]).ok();
    let checked = vault.run(["check", "--json"]).ok().json();
    assert_eq!(shapes::number(&checked, "tags"), 3);
    assert_eq!(shapes::number(&checked, "proven_tags"), 3);

    // A layer that the registry has lost: one tag has it, and the index that names it.
    let layer = digest_of(&gzip(&plain_layer(2, 2), 6));
    fs::remove_file(storage.blob_path(&layer)).unwrap();
    vault.run(["snapshot", "--registry", "registry"]).exits(3);
    let checked = vault.run(["check", "--json"]).ok().json();
    assert_eq!(shapes::number(&checked, "proven_tags"), 1);
    let lost = &checked["unresolved"][0];
    assert_eq!(shapes::text(lost, "needed_by"), "acme/app:all");
    assert_eq!(shapes::number(lost, "other_tags"), 1);
    assert_eq!(shapes::number(&checked, "unresolved_count"), 1);
    vault.run(["check", "--quiet"]).ok().tells("acme/app:all and 1 other tag");
}

#[test]
fn a_snapshot_that_is_complete_and_lacks_something_is_told() {
    let (vault, storage) = registry();
    let layer = digest_of(&gzip(&plain_layer(2, 2), 6));
    fs::write(storage.blob_path(&layer), "wrong").unwrap();
    // The registry has the same bytes, so the snapshot lacks nothing; but nobody can pull them.
    vault.run(["snapshot", "--registry", "registry"]).ok();
    let checked = vault.run(["check", "--json"]).exits(3).json();
    assert_eq!(shapes::number(&checked, "unproven_snapshots"), 1);
    vault.run(["check"]).exits(3).tells("acme/app:all").tells("1 of 3 tags");
}

#[test]
fn damage_is_told_by_tag_as_well() {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    let layer = gzip(&plain_layer(7, 7), 6);
    let digest = storage.blob(&layer);
    vault.run(["snapshot", "--registry", "registry"]).ok();
    let packs = vault.objects("packs");
    storage.image("acme/new", "v1", &[layer]);
    vault.run(["snapshot", "--registry", "registry"]).ok();
    packs.iter().for_each(|pack| fs::remove_file(pack).unwrap());
    let checked = vault.run(["check", "--json"]).exits(13).json();
    let lost = &checked["unresolved"][0];
    assert_eq!(shapes::text(lost, "needed_by"), "acme/new:v1");
    assert_eq!(shapes::text(lost, "digest"), digest.trim_start_matches("sha256:"));
}
