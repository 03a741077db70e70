//! The first evening with the program: every daily verb, on a small registry and its metadata.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{DtrTables, Storage, Vault, gzip, plain_layer, shapes};

struct Evening {
    vault: Vault,
    storage: Storage,
    tars: [Vec<u8>; 2],
    ids: [String; 2],
}

/// Two evenings: another tag and another tar on the second.
fn two_evenings() -> Evening {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    let base = gzip(&plain_layer(1, 0), 6);
    let mut tars = [Vec::new(), Vec::new()];
    let ids = [0, 1].map(|evening| {
        let own = gzip(&plain_layer(2, evening as u64), 6);
        let layers = [base.clone(), own];
        storage.image("acme/app", &format!("v{evening}"), &layers);
        storage.upload("acme/app", b"under way");
        tars[evening] = DtrTables::of(&storage).tar(1200, evening as u64 + 1);
        fs::write(vault.at("backup.tar"), &tars[evening]).unwrap();
        let done = vault.run([
            "snapshot",
            "--registry",
            "registry",
            "--metadata",
            "backup.tar",
            "--tag",
            ["first", "second"][evening],
            "--host",
            "node-1",
            "--json",
        ]);
        shapes::snapshot_id(&done.ok().json())
    });
    Evening { vault, storage, tars, ids }
}

/// What a snapshot of the storage root holds: uploads under way are left out.
fn kept(root: &Path) -> std::collections::BTreeMap<String, dtrvault_tests::listing::Item> {
    let mut found = listing(root);
    found.retain(|path, _| !path.contains("_uploads"));
    found
}

#[test]
fn what_is_stored_is_listed_exported_restored_and_checked() {
    let Evening { vault, storage, tars, ids } = two_evenings();

    assert_eq!(vault.ids(), ids);
    vault.run(["snapshots"]).ok().tells("node-1").tells("first");
    for (filter, value, found) in [
        ("--tag", "second", 1),
        ("--tag", "third", 0),
        ("--host", "node-1", 2),
        ("--host", "node-2", 0),
        ("--latest", "1", 1),
    ] {
        let listed = vault.run(["snapshots", "--json", filter, value]).ok().json();
        let listed = shapes::snapshots(&listed);
        assert_eq!(listed.len(), found, "{filter} {value}");
    }

    // Either tar, byte for byte; ids may be shortened.
    assert!(vault.run(["export", "--tar"]).ok().stdout == tars[1]);
    let short = &ids[0][..10];
    let export = vault.run(["export", "--tar", "--snapshot", short]).ok();
    assert!(export.stdout == tars[0]);
    vault.run(["export", "--tar", "--output", "out.tar"]).ok();
    assert!(fs::read(vault.at("out.tar")).unwrap() == tars[1]);

    let restored = vault.at("restored");
    vault.run(["restore", "--snapshot", "latest", "--target", "restored"]).ok();
    assert!(fs::read(restored.join("metadata.tar")).unwrap() == tars[1]);
    fs::remove_file(restored.join("metadata.tar")).unwrap();
    assert_same(&kept(storage.root()), &listing(&restored));

    vault.run(["check"]).ok();
    vault.run(["check", "--read-data"]).ok();
    vault.run(["check", "--read-data=50%"]).ok();
    vault.run(["check", "--read-data=1/3"]).ok();
    vault.run(["stats"]).ok();
}

#[test]
fn the_image_tar_extracts_without_a_word() {
    let Evening { vault, storage, .. } = two_evenings();
    for (prefix, below) in
        [(None, ""), (Some("dtr-registry-0123456789ab/_data"), "dtr-registry-0123456789ab/_data")]
    {
        let mut args = vec!["export", "--tar", "--part", "images", "--output", "images.tar"];
        if let Some(prefix) = prefix {
            args.extend(["--prefix", prefix]);
        }
        let _ = fs::remove_file(vault.at("images.tar"));
        vault.run(args).ok();
        let out = vault.at("extracted");
        let _ = fs::remove_dir_all(&out);
        fs::create_dir(&out).unwrap();
        let tar = Command::new("tar")
            .args(["--extract", "--preserve-permissions", "--file"])
            .arg(vault.at("images.tar"))
            .arg("-C")
            .arg(&out)
            .output()
            .unwrap();
        assert!(tar.status.success());
        assert_eq!(String::from_utf8_lossy(&tar.stderr), "");
        assert_same(&kept(storage.root()), &listing(&out.join(below)));
    }
}

#[test]
fn a_second_evening_costs_what_is_new() {
    let Evening { vault, .. } = two_evenings();
    let again = vault.run(["snapshot", "--registry", "registry", "--json"]);
    let again = again.ok().json();
    assert_eq!(shapes::number(&again, "stats.new_chunks"), 0, "{again:#}");
    // Link files are read each time, blobs never.
    let read = shapes::number(&again, "stats.read_bytes");
    assert!(read < 4096, "{read} bytes read of an unchanged registry");
    let written = shapes::number(&again, "stats.written_bytes");
    assert!(written < 64 << 10, "{written} bytes written for nothing new");
}

#[test]
fn listings_and_differences_tell_paths() {
    let Evening { vault, ids, .. } = two_evenings();
    let tag = |n| format!("docker/registry/v2/repositories/acme/app/_manifests/tags/v{n}/current/link");
    let all = vault.run(["ls", &ids[0]]).ok().text();
    assert!(all.contains(&tag(0)), "{all}");
    assert!(!all.contains(&tag(1)), "{all}");
    assert!(!all.contains("_uploads"), "{all}");
    let below = vault.run(["ls", "latest", "docker/registry/v2/repositories"]).ok().text();
    assert!(below.contains(&tag(1)) && !below.contains("blobs/sha256"), "{below}");
    let diff = vault.run(["diff", &ids[0], &ids[1]]).ok().text();
    assert!(diff.contains(&tag(1)), "{diff}");
    assert!(!diff.contains(&tag(0)), "{diff}");
}

#[test]
fn a_part_may_be_taken_and_given_back_alone() {
    let Evening { vault, storage, tars, .. } = two_evenings();
    vault.run(["restore", "--snapshot", "latest", "--target", "a", "--part", "metadata"]).ok();
    assert!(fs::read(vault.at("a/metadata.tar")).unwrap() == tars[1]);
    assert!(!vault.at("a/docker").exists());
    vault.run(["restore", "--snapshot", "latest", "--target", "b", "--part", "images"]).ok();
    assert_same(&kept(storage.root()), &listing(&vault.at("b")));
    let only = "docker/registry/v2/repositories/**";
    vault.run(["restore", "--snapshot", "latest", "--target", "c", "--include", only]).ok();
    assert!(vault.at("c/docker/registry/v2/repositories/acme/app/_layers").exists());
    assert!(!vault.at("c/docker/registry/v2/blobs").exists());

    // A snapshot with one part exports that part.
    vault.run(["snapshot", "--registry", "registry"]).ok();
    let images = vault.run(["export", "--tar"]).ok().stdout;
    let names: Vec<_> = tar::Archive::new(&images[..])
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().into_owned())
        .collect();
    assert!(names.iter().any(|name| name.ends_with("data")), "{names:?}");
}

#[test]
fn a_restore_refuses_what_is_not_its_own_and_goes_on_where_it_was() {
    let Evening { vault, storage, .. } = two_evenings();
    fs::create_dir(vault.at("full")).unwrap();
    fs::write(vault.at("full/other"), "of somebody else").unwrap();
    let to_full = ["restore", "--snapshot", "latest", "--target", "full"];
    vault.run(to_full).exits(1);
    assert_eq!(listing(&vault.at("full")).len(), 1);

    let to_new = ["restore", "--snapshot", "latest", "--target", "new", "--part", "images"];
    vault.run(to_new.iter().chain(&["--dry-run"])).ok();
    assert!(!vault.at("new").exists());
    vault.run(to_new).ok();
    assert_same(&kept(storage.root()), &listing(&vault.at("new")));
}

#[test]
fn a_dry_run_changes_nothing() {
    let Evening { vault, storage, .. } = two_evenings();
    storage.blob(b"one more");
    let before = listing(&vault.repo());
    vault.run(["snapshot", "--registry", "registry", "--dry-run"]).ok();
    // Leases come and go.
    let without_leases = |mut all: std::collections::BTreeMap<_, _>| {
        all.retain(|path: &String, _| !path.starts_with("leases"));
        all
    };
    assert_same(&without_leases(before), &without_leases(listing(&vault.repo())));
}

#[test]
fn init_creates_once_and_refuses_the_second_time() {
    let vault = Vault::init();
    let before = listing(&vault.repo());
    vault.run(["init"]).exits(1).tells("already");
    assert_same(&before, &listing(&vault.repo()));
}

#[test]
fn excluded_paths_stay_out() {
    let Evening { vault, .. } = two_evenings();
    vault.run(["snapshot", "--registry", "registry", "--exclude", "**/_layers/**"]).ok();
    let all = vault.run(["ls", "latest"]).ok().text();
    assert!(!all.contains("_layers/sha256/") && all.contains("_manifests"), "{all}");
}
