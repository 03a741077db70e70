//! An operator looks into layers: what is in one, and what changed from one build to the next.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use dtrvault_tests::{Storage, Vault, digest_of, gzip, plain_layer, shapes};
use serde_json::Value;

/// A file of a layer: path, content, mode, time.
type File<'a> = (&'a str, &'a [u8], u32, u64);

fn tar_of(files: &[File<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content, mode, mtime) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(*mtime);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(plain, 3).unwrap()
}

/// A registry with one image of these layers, in a snapshot.
fn taken(layers: &[Vec<u8>], how: &str) -> Vault {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    storage.image("acme/app", "v1", layers);
    vault.run(["snapshot", "--registry", "registry", "--layers", how]).ok();
    vault
}

fn lines(vault: &Vault, args: &[&str]) -> Vec<String> {
    vault.run(args.iter().copied()).ok().text().lines().map(str::to_owned).collect()
}

fn blob(layer: &[u8]) -> String {
    format!("blob:{}", digest_of(layer))
}

/// Changes of a diff, by path.
fn changes(vault: &Vault, before: &str, after: &str) -> BTreeMap<String, String> {
    let diff = vault.run(["diff", "latest", before, after, "--json"]).ok().json();
    let text = |change: &Value, name: &str| shapes::field(change, name).as_str().unwrap().to_owned();
    let changes = shapes::field(&diff, "changes").as_array().unwrap().clone();
    changes.iter().map(|change| (text(change, "path"), text(change, "change"))).collect()
}

#[test]
fn a_layer_is_listed_however_it_is_stored() {
    let plain = plain_layer(1, 1);
    let layers = [gzip(&plain, 6), zstd(&plain), plain.clone()];
    for how in ["deep", "raw"] {
        let vault = taken(&layers, how);
        let mut listings: Vec<_> =
            layers.iter().map(|layer| lines(&vault, &["ls", "latest", "--long", &blob(layer)])).collect();
        let first = listings.pop().unwrap();
        assert_eq!(first.len(), 41);
        assert!(first[40].starts_with("-rw-r--r--") && first[40].ends_with(" app/build"), "{}", first[40]);
        assert!(listings.iter().all(|listing| *listing == first), "{how}");
    }
}

#[test]
fn a_path_in_it_and_the_beginning_of_its_digest_are_enough() {
    let layer = gzip(&plain_layer(1, 1), 6);
    let vault = taken(std::slice::from_ref(&layer), "deep");
    let name = blob(&layer);
    assert_eq!(lines(&vault, &["ls", "latest", &format!("{name}:usr/lib")]).len(), 40);
    assert_eq!(lines(&vault, &["ls", "latest", "--flat", &format!("{name}:usr/lib")]).len(), 0);
    assert_eq!(lines(&vault, &["ls", "latest", &format!("{}:/app/", &name[..30])]), ["app/build"]);
    assert_eq!(lines(&vault, &["ls", "latest", &format!("{}:app", &digest_of(&layer)[..25])]), ["app/build"]);
    let missing = vault.run(["ls", "latest", &format!("{name}:etc"), "--json"]).exits(1).json();
    assert_eq!(shapes::field(&missing, "error.kind"), "no-such-path");
    let other = vault.run(["ls", "latest", "blob:sha256:0000000000000000", "--json"]).exits(1).json();
    assert_eq!(shapes::field(&other, "error.kind"), "no-such-id");
    vault.run(["ls", "latest", "blob:sha256:"]).exits(2);
    vault.run(["ls", "latest", "blob:tag"]).exits(2);
}

#[test]
fn a_blob_of_another_snapshot_is_not_this_ones() {
    let (one, other) = (gzip(&plain_layer(1, 1), 6), gzip(&plain_layer(1, 2), 6));
    let vault = taken(std::slice::from_ref(&one), "deep");
    let elsewhere = Storage::create(vault.at("elsewhere"));
    elsewhere.image("acme/app", "v2", std::slice::from_ref(&other));
    vault.run(["snapshot", "--registry", "elsewhere"]).ok();
    vault.run(["ls", "latest", &blob(&other)]).ok();
    vault.run(["ls", "latest", &blob(&one)]).exits(1).tells("no blob");
}

#[test]
fn headers_alone_are_read_of_what_is_stored_by_its_content() {
    let big: Vec<u8> = (0..6_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let layer = gzip(&tar_of(&[("big", &big, 0o644, 1), ("small", b"x", 0o600, 2)]), 1);
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    storage.image("acme/app", "v1", std::slice::from_ref(&layer));
    vault.run(["snapshot", "--registry", "registry", "--pack-size", "8MiB"]).ok();
    // Of packs that hold nothing but contents no byte is needed.
    let packs = vault.objects("packs");
    let spared = packs.iter().filter(|pack| {
        let kept = std::fs::read(pack).unwrap();
        std::fs::remove_file(pack).unwrap();
        let listed = vault.run(["ls", "latest", &blob(&layer)]);
        std::fs::write(pack, kept).unwrap();
        listed.code == Some(0) && listed.text() == "big\nsmall\n"
    });
    assert!(spared.count() > 0, "{packs:?}");
}

#[test]
fn hostile_names_are_shown_and_whiteouts_are_what_they_are() {
    let mut tar = tar_of(&[("usr/.wh.gone", b"", 0o644, 1), ("x\u{1b}[2J", b"1", 0o644, 1)]);
    let name = b"../../etc/passwd";
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    tar.splice(..0, header.as_bytes().iter().copied());
    let layer = gzip(&tar, 6);
    let vault = taken(std::slice::from_ref(&layer), "deep");
    assert_eq!(
        lines(&vault, &["ls", "latest", &blob(&layer)]),
        ["../../etc/passwd", "usr/.wh.gone", "x\\x1b[2J"]
    );
    let json = vault.run(["ls", "latest", "--json", &blob(&layer)]).ok();
    let last: Value = serde_json::from_str(json.text().lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["path"], &last["kind"], &last["size_bytes"]),
        (&"x\\x1b[2J".into(), &"file".into(), &1.into())
    );
}

#[test]
fn what_stands_of_a_broken_layer_is_listed_and_the_fault_is_told() {
    let plain = plain_layer(1, 1);
    let sound = gzip(&plain, 6);
    let cut_tar = gzip(&plain[..plain.len() / 2], 6);
    let cut_gzip = sound[..sound.len() / 2].to_vec();
    let whole_zstd = zstd(&plain);
    let cut_zstd = whole_zstd[..whole_zstd.len() * 3 / 4].to_vec();
    let bomb = gzip(&vec![0; 80 << 20], 9);
    let layers = [cut_tar, cut_gzip, cut_zstd];
    let vault = taken(&[&layers[..], std::slice::from_ref(&bomb)].concat(), "deep");
    for layer in &layers {
        let listed = vault.run(["ls", "latest", &blob(layer)]).exits(1);
        assert!(listed.text().lines().count() > 1, "{}", listed.text());
        assert!(listed.stderr.contains("no whole tar"), "{}", listed.stderr);
    }
    let listed = vault.run(["ls", "latest", &blob(&bomb)]).exits(1);
    assert!(listed.stderr.contains("far too long"), "{}", listed.stderr);
    let storage = Storage::create(vault.at("registry"));
    let text = storage.image("acme/text", "v1", &[b"no tar at all".to_vec(), gzip(b"nor this", 6)]);
    vault.run(["snapshot", "--registry", "registry"]).ok();
    for blob in [format!("blob:{text}"), blob(b"no tar at all"), blob(&gzip(b"nor this", 6))] {
        let error = vault.run(["ls", "latest", &blob, "--json"]).exits(1).json();
        assert_eq!(shapes::field(&error, "error.kind"), "no-tar");
    }
}

#[test]
fn two_layers_are_compared_by_path() {
    let same = vec![7_u8; 300_000];
    let mut other = same.clone();
    other[200_000] = 8;
    let before = tar_of(&[
        ("kept", &same, 0o644, 1),
        ("touched", b"same", 0o644, 1),
        ("changed", &same, 0o644, 1),
        ("longer", b"short", 0o644, 1),
        ("gone", b"1", 0o644, 1),
        ("twice", b"first", 0o644, 1),
    ]);
    let after = tar_of(&[
        ("new", b"12", 0o644, 1),
        ("twice", b"other", 0o644, 1),
        ("./longer", b"longer than short", 0o644, 1),
        ("changed", &other, 0o644, 1),
        ("touched", b"same", 0o755, 1),
        ("kept", &same, 0o644, 1),
        ("twice", b"first", 0o644, 1),
    ]);
    let expected: BTreeMap<String, String> = [
        ("changed", "modified"),
        ("gone", "removed"),
        ("longer", "modified"),
        ("new", "added"),
        ("touched", "metadata"),
    ]
    .map(|(path, change)| (path.to_owned(), change.to_owned()))
    .into();
    let packed = |plain: &[u8]| [gzip(plain, 6), zstd(plain), plain.to_vec()];
    for how in ["deep", "raw"] {
        let vault = taken(&[packed(&before), packed(&after)].concat(), how);
        for one in packed(&before) {
            for two in packed(&after) {
                assert_eq!(changes(&vault, &blob(&one), &blob(&two)), expected, "{how}");
            }
        }
        let [one, two, _] = packed(&before);
        assert!(changes(&vault, &blob(&one), &blob(&two)).is_empty());
        let told = vault.run(["diff", "latest", "latest", &blob(&one), &blob(&packed(&after)[0])]).ok();
        assert!(
            told.text().starts_with("M  changed\n-  gone\nM  longer\n+  new\nm  touched\n"),
            "{}",
            told.text()
        );
        assert!(
            told.text().contains("1 added, 1 removed, 2 modified, 1 with other metadata"),
            "{}",
            told.text()
        );
        vault.run(["diff", "latest", &blob(&one)]).exits(2);
        vault.run(["diff", "latest", "latest", &blob(&one)]).exits(2);
        vault.run(["diff", "latest", &blob(&one), "nothing"]).exits(2);
    }
}

#[test]
fn what_changed_between_two_builds_is_told_by_the_next_snapshot() {
    let vault = taken(&[gzip(&plain_layer(1, 1), 6)], "deep");
    let first = vault.ids().remove(0);
    let storage = Storage::create(vault.at("registry"));
    let next = gzip(&plain_layer(1, 2), 9);
    storage.image("acme/app", "v1", std::slice::from_ref(&next));
    vault.run(["snapshot", "--registry", "registry"]).ok();
    let diff =
        vault.run(["diff", &first, "latest", &blob(&gzip(&plain_layer(1, 1), 6)), &blob(&next), "--json"]);
    let diff = diff.ok().json();
    assert_eq!(shapes::number(&diff, "modified"), 1);
    assert_eq!(shapes::number(&diff, "metadata"), 40);
    assert_eq!(shapes::field(&diff, "after_blob"), &Value::from(digest_of(&next)));
}
