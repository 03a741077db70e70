//! The stage itself: that it would notice what the stories are about.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use dtrvault_tests::listing::listing;
use dtrvault_tests::odd_tars::{cut_tar, odd_tars};
use dtrvault_tests::{OciLayout, RegistryServer, Storage, odd_files, plain_layer};

fn copied(from: &Path, to: &Path) {
    let done = Command::new("cp").args(["-a", "--sparse=always"]).args([from, to]).status().unwrap();
    assert!(done.success());
}

#[test]
fn a_listing_tells_one_folder_from_another() {
    let place = tempfile::tempdir().unwrap();
    let (one, two) = (place.path().join("one"), place.path().join("two"));
    odd_files::fill(&one);
    copied(&one, &two);
    let before = listing(&one);
    assert!(before.len() > 60);
    let mut kinds: Vec<_> = before.values().map(|item| item.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.len() >= 5, "{kinds:?}");
    assert!(before.values().any(|item| item.sparse));
    assert!(before.values().any(|item| item.linked_to.is_some()));
    assert!(before["metadata/attributes"].xattrs.len() >= 4);
    let mut after = listing(&two);
    // A copier makes holes of zeros, too.
    after.get_mut("contents/zeros").unwrap().sparse = false;
    assert_eq!(before, after);

    let changes: [fn(&Path); 5] = [
        |at| fs::write(at.join("contents/text"), "else").unwrap(),
        |at| fs::remove_file(at.join("links/relative")).unwrap(),
        |at| fs::set_permissions(at.join("metadata/the epoch"), fs::Permissions::from_mode(0o640)).unwrap(),
        |at| xattr::remove(at.join("metadata/attributes"), "user.empty").unwrap(),
        |at| {
            let other = at.join("links/other/third");
            fs::remove_file(&other).unwrap();
            copied(&at.join("links/aa second"), &other);
        },
    ];
    let mut last = listing(&two);
    for change in changes {
        change(&two);
        let next = listing(&two);
        assert_ne!(last, next);
        last = next;
    }
}

#[test]
fn odd_tars_are_tars_and_a_cut_one_is_cut() {
    let place = tempfile::tempdir().unwrap();
    let reads = |bytes: &[u8]| {
        let file = place.path().join("t");
        fs::write(&file, bytes).unwrap();
        let done = Command::new("tar").arg("-tf").arg(&file).output().unwrap();
        done.status.success()
    };
    let all = odd_tars();
    for (name, _, bytes) in &all {
        let plain = [
            "gnu",
            "pax",
            "ustar",
            "v7",
            "gnu sparse",
            "pax sparse",
            "base-256 numbers",
            "dtr",
            "gzip",
            "signed checksum",
        ];
        if plain.contains(name) {
            assert!(reads(bytes), "{name}");
        }
    }
    assert!(!reads(&cut_tar()));
    let mut names: Vec<_> = all.iter().map(|(name, ..)| name).collect();
    names.dedup();
    assert_eq!(names.len(), all.len());
}

#[test]
fn a_registry_takes_what_is_pushed_and_serves_what_is_written() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    fs::create_dir(&root).unwrap();
    let mut layout = OciLayout::create(place.path().join("layout"));
    layout.index("1", &[("amd64", vec![plain_layer(1, 1)]), ("arm64", vec![plain_layer(2, 1)])]);
    let server = RegistryServer::start(&root, false);
    server.push(&layout, "1", "acme/app:1");
    assert!(!server.manifest("acme/app:1").is_empty());
    drop(server);

    let storage = Storage::create(place.path().join("written"));
    let digest = storage.image("acme/app", "v1", &[dtrvault_tests::gzip(&plain_layer(1, 1), 6)]);
    let server = RegistryServer::start(storage.root(), true);
    assert_eq!(dtrvault_tests::digest_of(&server.manifest("acme/app:v1")), digest);
}
