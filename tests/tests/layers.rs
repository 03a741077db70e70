//! Layers are stored as what they hold, and come back as they were.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{Storage, Vault, archive_layer, gzip, plain_layer, shapes};
use serde_json::Value;

/// Two builds of one image: all of their layers differ, and hardly anything within them.
fn two_builds(storage: &Storage) {
    for fresh in [1, 2] {
        let layers: Vec<_> = [(1, 6), (2, 9), (3, 1)]
            .into_iter()
            .map(|(common, level)| gzip(&plain_layer(common, fresh), level))
            .collect();
        storage.image("acme/app", &format!("v{fresh}"), &layers);
    }
}

fn recipes(vault: &Vault) -> Value {
    shapes::field(&vault.run(["stats", "--json"]).ok().json(), "recipes").clone()
}

fn written(summary: &Value) -> u64 {
    shapes::number(summary, "stats.written_bytes")
}

#[test]
fn what_two_builds_share_is_stored_once_and_every_bit_comes_back() {
    let mut sizes = Vec::new();
    for layers in ["deep", "raw"] {
        let vault = Vault::init();
        let storage = Storage::create(vault.at("registry"));
        two_builds(&storage);
        let taken =
            vault.run(["snapshot", "--registry", "registry", "--layers", layers, "--json"]).ok().json();
        sizes.push(written(&taken));
        assert_eq!(recipes(&vault).get("gzip").is_some(), layers == "deep");
        vault.run(["check", "--read-data"]).ok();
        vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
        assert_same(&listing(storage.root()), &listing(&vault.at("out")));
    }
    assert!(sizes[0] * 10 < sizes[1] * 6, "{sizes:?}");
}

#[test]
fn tars_that_nobody_compressed_are_split_as_well() {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    storage.image("acme/app", "v1", &[plain_layer(1, 1), plain_layer(1, 2)]);
    vault.run(["snapshot", "--registry", "registry", "--layers", "raw"]).ok();
    assert!(recipes(&vault).get("tar").is_none());
    vault.run(["optimize"]).ok();
    assert_eq!(shapes::number(&recipes(&vault), "tar.blobs"), 2);
    let deep = ["snapshot", "--registry", "registry", "--host", "other", "--json"];
    assert!(written(&vault.run(deep).ok().json()) < 20_000);
    vault.run(["check", "--read-data"]).ok();
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));

    let other = Vault::init();
    let copy = Storage::create(other.at("registry"));
    copy.image("acme/app", "v1", &[plain_layer(1, 1), plain_layer(1, 2)]);
    let taken = other.run(["snapshot", "--registry", "registry", "--json"]).ok().json();
    assert_eq!(shapes::number(&recipes(&other), "tar.blobs"), 2);
    // It is no gzip stream that was taken apart.
    assert_eq!(*shapes::field(&taken, "layers.deep"), serde_json::json!({}));
}

#[test]
fn an_archive_that_was_packed_anew_costs_little() {
    let mut sizes = Vec::new();
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    for fresh in [1, 2] {
        storage.image("acme/app", &format!("v{fresh}"), &[gzip(&archive_layer(1, fresh), 6)]);
        sizes.push(written(&vault.run(["snapshot", "--registry", "registry", "--json"]).ok().json()));
    }
    assert!(sizes[1] * 4 < sizes[0], "{sizes:?}");
    vault.run(["check", "--read-data"]).ok();
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));
}

#[test]
fn a_raw_snapshot_becomes_a_deep_one_and_stays_the_same() {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    two_builds(&storage);
    vault.run(["snapshot", "--registry", "registry", "--layers", "raw"]).ok();
    let ids = vault.ids();
    let first = vault.run(["optimize", "--snapshot", "latest", "--json"]).ok().json();
    assert_eq!(shapes::number(&first, "layers.deep.GNU gzip 6.blobs"), 2);
    let again = vault.run(["optimize", "--json"]).ok().json();
    assert_eq!(shapes::number(&again, "written_bytes"), 0);
    assert_eq!(vault.ids(), ids);
    // What is known is not read again, and stays what it is.
    let other =
        vault.run(["snapshot", "--registry", "registry", "--layers", "raw", "--host", "other", "--json"]);
    assert!(written(&other.ok().json()) < 20_000);
    assert!(recipes(&vault).get("gzip").is_some());
    vault.run(["check", "--read-data"]).ok();
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));
}

#[test]
fn what_cannot_be_made_again_is_kept_as_it_is_and_told() {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    let sound = gzip(&plain_layer(1, 1), 6);
    let damaged = [&sound[..sound.len() / 2], b"something else"].concat();
    storage.image("acme/app", "v1", &[sound, damaged]);
    let told = vault.run(["snapshot", "--registry", "registry"]).ok();
    for line in
        ["taken apart  1 layer, ", "which hold", "kept as is   1 layer, ", ": it is damaged", "in all "]
    {
        assert!(told.text().contains(line), "{line}: {}", told.text());
    }
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));
    // Whoever asks later is told as well, of all snapshots that met one.
    vault.run(["stats"]).ok().tells("kept as is     1 layer, ").tells(": it is damaged");
    let other = gzip(&plain_layer(2, 2), 6);
    storage.image("acme/app", "v2", &[other[..other.len() / 3].to_vec()]);
    vault.run(["snapshot", "--registry", "registry"]).ok();
    let stats = vault.run(["stats", "--json"]).ok().json();
    assert_eq!(shapes::number(&stats, "opaque.it is damaged.blobs"), 2);
    assert_eq!(shapes::number(&stats, "silent_snapshots"), 0);
}

/// Layers of two encoders have most of their content in common: each byte of it is counted for one of them.
#[test]
fn what_encoders_take_is_told_apart() {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    storage.image("acme/app", "v1", &[gzip(&plain_layer(1, 1), 6)]);
    vault.run(["snapshot", "--registry", "registry"]).ok();
    let taken = |stats: &serde_json::Value, encoder: &str| {
        shapes::number(stats, &format!("encoders.{encoder}.stored_bytes"))
    };
    let alone = vault.run(["stats", "--layers", "--json"]).ok().json();
    let first = taken(&alone, "GNU gzip 6");
    assert!(first > 0 && first < shapes::number(&alone, "pack_bytes"), "{alone:#}");

    // The same again, made by another: it has nothing of its own.
    storage.image("acme/app", "v2", &[gzip(&plain_layer(1, 1), 9)]);
    vault.run(["snapshot", "--registry", "registry"]).ok();
    let same = vault.run(["stats", "--layers", "--json"]).ok().json();
    assert_eq!((taken(&same, "GNU gzip 6"), taken(&same, "GNU gzip 9")), (first, 0), "{same:#}");

    // By name, not by time, is one the first.
    storage.image("acme/app", "v3", &[gzip(&plain_layer(1, 1), 1), gzip(&plain_layer(2, 2), 9)]);
    vault.run(["snapshot", "--registry", "registry"]).ok();
    let all = vault.run(["stats", "--layers", "--json"]).ok().json();
    let [one, six, nine] = ["GNU gzip 1", "GNU gzip 6", "GNU gzip 9"].map(|name| taken(&all, name));
    assert_eq!((one, six), (first, 0), "{all:#}");
    assert!(nine > 0 && one + nine < shapes::number(&all, "pack_bytes"), "{all:#}");
    vault.run(["stats", "--layers"]).ok().tells("GNU gzip 6: 1 layer").tells(" and take 0 B");
}

/// Content that an archive within a layer holds is counted as it is kept, on both sides.
#[test]
fn archives_are_as_long_on_both_sides() {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    let (plain, tar) = (archive_layer(1, 1), archive_layer(1, 2));
    storage.image("acme/app", "v1", &[gzip(&plain, 6), tar]);
    let taken = vault.run(["snapshot", "--registry", "registry", "--json"]).ok().json();
    assert!(shapes::number(&taken, "content_bytes") > shapes::number(&taken, "stats.new_bytes"), "{taken:#}");
    assert!(shapes::number(&taken, "content_bytes") > 2 * plain.len() as u64, "{taken:#}");
    assert!(shapes::field(&taken, "dedup_ratio").as_f64().unwrap() > 1.0, "{taken:#}");
    // Of all snapshots, too: of the plain tar as well.
    let stats = vault.run(["stats", "--json"]).ok().json();
    assert_eq!(shapes::number(&stats, "restore_content_bytes"), shapes::number(&taken, "content_bytes"));
}

#[test]
fn numbers_of_one_kind_are_told_against_each_other() {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    let plain = plain_layer(1, 1);
    let layer = gzip(&plain, 6);
    storage.image("acme/app", "v1", std::slice::from_ref(&layer));
    let taken = vault.run(["snapshot", "--registry", "registry", "--json"]).ok().json();
    let number = |way: &str| shapes::number(&taken, way);
    let (gzip_bytes, plain_bytes) = (layer.len() as u64, plain.len() as u64);
    assert_eq!(number("layers.deep.GNU gzip 6.blob_bytes"), gzip_bytes);
    assert_eq!(number("layers.deep.GNU gzip 6.content_bytes"), plain_bytes);
    // As it is kept: a tar's contents, and its headers beside them, are as long as the tar and a little longer.
    let kept_bytes = number("content_bytes") + gzip_bytes - number("stats.read_bytes");
    assert!(kept_bytes >= plain_bytes && kept_bytes < plain_bytes + 2000, "{taken:#}");
    assert!(number("stats.new_bytes") > number("stats.seen_bytes"), "{taken:#}");
    let total = shapes::field(&taken, "stats.total_ratio").as_f64().unwrap();
    let expected = number("stats.seen_bytes") as f64 / number("stats.written_bytes") as f64;
    assert!((total - expected).abs() < 0.001, "{taken:#}");
    // The snapshot keeps what was told of its layers.
    let kept = vault.run(["stats", "latest", "--json"]).ok().json();
    assert_eq!(shapes::field(&kept, "layers"), shapes::field(&taken, "layers"));
    let stats = vault.run(["stats", "--json"]).ok().json();
    assert!(shapes::field(&stats, "encoders.GNU gzip 6.stored_bytes").is_null(), "{stats:#}");
    assert_eq!(shapes::number(&stats, "encoders.GNU gzip 6.blobs"), 1);
    assert_eq!(shapes::number(&stats, "encoders.GNU gzip 6.blob_bytes"), gzip_bytes);
    assert_eq!(shapes::number(&stats, "encoders.GNU gzip 6.content_bytes"), plain_bytes);
    let longer = shapes::number(&stats, "restore_content_bytes") - shapes::number(&stats, "restore_bytes");
    assert!(longer >= plain_bytes - gzip_bytes && longer < plain_bytes - gzip_bytes + 2000, "{stats:#}");
    vault.run(["stats"]).ok().tells("made by        GNU gzip 6: 1 layer").tells("in all");
}

#[test]
fn layers_of_very_many_members_are_counted_too() {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    let member = gzip(&plain_layer(1, 1)[..2048], 6);
    let layer: Vec<u8> =
        (0..1000).flat_map(|n| [member.clone(), gzip(&vec![n as u8; 1 + n % 7], 6)].concat()).collect();
    storage.image("acme/app", "v1", std::slice::from_ref(&layer));
    vault.run(["snapshot", "--registry", "registry"]).ok();
    let stats = vault.run(["stats", "--json"]).ok().json();
    let encoders = shapes::field(&stats, "encoders").as_object().unwrap().clone();
    let content: u64 = encoders.values().map(|made| made["content_bytes"].as_u64().unwrap()).sum();
    assert_eq!(content, 1000 * 2048 + (0..1000).map(|n| 1 + n % 7).sum::<u64>(), "{encoders:?}");
}
