//! Trees that were made to write where they should not, or to fill the memory: everything that
//! reads one refuses it or stays within its bounds, and says which snapshot it is.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink as link};

use common::bounded::bounded;
use common::forge::{Forge, blob_file, digest, entry, hardlink, inline, meta, raw_entry, symlink};
use common::victim::Victim;
use dtrvault_format::tree::Xattr;
use dtrvault_format::{Kind, Meta};

/// A tree of these entries is refused by every verb.
#[track_caller]
fn refused(what: &str, entries: &[Vec<u8>]) {
    let mut forge = Forge::new();
    let id = forge.commit(entries).to_string();
    let victim = Victim::new(&forge);
    let outcome = victim.run(&id);
    outcome.assert_tree_refused(what, &id);
    assert!(
        outcome.files.is_empty() && outcome.objects.keys().all(|key| key.starts_with(".dtrvault-restore"))
    );
}

#[test]
fn paths_that_climb_out() {
    bounded("paths_that_climb_out", || {
        let long_name = vec![b'x'; 1025];
        let long_path = vec![&b"abcdefg"[..]; 10_000].join(&b'/');
        let paths: [&[u8]; 17] = [
            b"../file",
            b"/etc/passwd",
            b"a/../../file",
            b"a/..",
            b"..",
            b".",
            b"a/./b",
            b"./a",
            b"a//b",
            b"a/",
            b"/",
            b"//",
            b"a\0b",
            b"\0",
            b"a/b/../../../outside/file",
            &long_name,
            &long_path,
        ];
        for path in paths {
            let what = String::from_utf8_lossy(path.get(..40).unwrap_or(path)).into_owned();
            refused(&what, &[entry(path, &inline(b"evil"))]);
            refused(&what, &[entry(path, &Kind::Dir)]);
            refused(&what, &[entry(path, &symlink("/"))]);
        }
        // Put together of two that are harmless alone.
        let halves = [entry(b"..x", &Kind::Dir), raw_entry(2, b"", &meta(), &Kind::Dir)];
        refused("shared ..", &halves);
        let halves = [entry(b"a/.x", &Kind::Dir), raw_entry(3, b"./b", &meta(), &inline(b"evil"))];
        refused("shared a/..", &halves);
        refused(
            "shares what is not there",
            &[entry(b"a", &Kind::Dir), raw_entry(9, b"b", &meta(), &Kind::Dir)],
        );
        refused("shares all there is", &[raw_entry(u32::MAX, b"b", &meta(), &Kind::Dir)]);
        refused("hard link that climbs", &[entry(b"a", &hardlink("../file"))]);
        refused("hard link to the root", &[entry(b"a", &hardlink("/etc/passwd"))]);
    });
}

#[test]
fn entries_below_what_is_no_folder_and_orders_that_are_none() {
    bounded("entries_below_what_is_no_folder_and_orders_that_are_none", || {
        let evil = || inline(b"evil");
        let outside = || symlink("../outside");
        refused("file, then below", &[entry(b"a", &evil()), entry(b"a/b", &evil())]);
        refused("link, then below", &[entry(b"a", &outside()), entry(b"a/file", &evil())]);
        refused(
            "hard link, then below",
            &[entry(b"a", &evil()), entry(b"b", &hardlink("a")), entry(b"b/c", &evil())],
        );
        refused("deep below a link", &[entry(b"a", &outside()), entry(b"a/folder/x", &evil())]);
        refused("below a device", &[entry(b"a", &Kind::Fifo), entry(b"a/b", &evil())]);
        refused("twice", &[entry(b"a", &Kind::Dir), entry(b"a", &outside())]);
        refused("out of order", &[entry(b"b", &Kind::Dir), entry(b"a", &Kind::Dir)]);
        refused(
            "a link in the place of a folder, later",
            &[entry(b"a", &Kind::Dir), entry(b"a/b", &evil()), entry(b"a", &outside())],
        );
        refused("the root is a link", &[entry(b"", &outside())]);
        refused("a hard link to what comes after", &[entry(b"a", &hardlink("b")), entry(b"b", &evil())]);
        refused("a hard link to itself", &[entry(b"a", &hardlink("a"))]);
    });
}

#[test]
fn fields_that_break_their_limits() {
    bounded("fields_that_break_their_limits", || {
        let with = |meta: Meta| raw_entry(0, b"a", &meta, &Kind::Dir);
        refused("mode", &[with(Meta { mode: 0o10_0000, ..meta() })]);
        let nanos = dtrvault_format::Time { secs: 0, nanos: u32::MAX };
        refused("time", &[with(Meta { mtime: nanos, ..meta() })]);
        let xattr = |name: &[u8]| Xattr { name: name.to_vec(), value: Vec::new() };
        refused(
            "attributes out of order",
            &[with(Meta { xattrs: vec![xattr(b"b"), xattr(b"a")], ..meta() })],
        );
        refused("one attribute twice", &[with(Meta { xattrs: vec![xattr(b"a"), xattr(b"a")], ..meta() })]);
        let many = (0..200_000_u32).map(|n| xattr(format!("user.{n:07}").as_bytes())).collect();
        refused("many attributes", &[with(Meta { xattrs: many, ..meta() })]);
        let long = vec![Xattr { name: b"user.a".to_vec(), value: vec![0; 70_000] }];
        refused("a long attribute", &[with(Meta { xattrs: long, ..meta() })]);
        refused("inline content over the limit", &[entry(b"a", &inline(&[0; 5000]))]);
        refused("a long link", &[entry(b"a", &symlink(&"x".repeat(70_000)))]);
        let Kind::File(mut file) = inline(b"1234") else { panic!("a file") };
        file.size = u64::MAX;
        refused("another size", &[entry(b"a", &Kind::File(file))]);
        // 2^32 attributes, 2^63 bytes of path, an endless array: said in a few bytes.
        let head = |bytes: &[u8]| [&[0x84, 0x00], bytes].concat();
        refused("a path of 2^63 bytes", &[head(&[0x5b, 0x80, 0, 0, 0, 0, 0, 0, 0])]);
        refused("a path of 2^32 bytes", &[head(&[0x5a, 0xff, 0xff, 0xff, 0xff])]);
        let attributes = [&[0x41, b'a', 0x85, 0, 0, 0, 0x82, 0, 0][..], &[0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0]];
        refused("2^63 attributes", &[head(&attributes.concat())]);
        refused("an endless array", &[[0x9f].repeat(100_000)]);
        refused("arrays within arrays", &[vec![0x81; 2 << 20]]);
        refused("no tree at all", &[vec![0xff; 100]]);
        refused("ends within an entry", &[entry(b"a", &Kind::Dir)[..10].to_vec()]);
    });
}

#[test]
fn lengths_that_no_sum_holds() {
    bounded("lengths_that_no_sum_holds", || {
        let mut forge = Forge::new();
        let real = forge.blob(b"real");
        let claims = |path: &[u8]| entry(path, &blob_file(digest(path), u64::MAX));
        let entries = [claims(b"a"), claims(b"b"), claims(b"c"), entry(b"d", &blob_file(real, 4))];
        let id = forge.commit(&entries).to_string();
        let victim = Victim::new(&forge);
        let outcome = victim.run(&id);
        // No disk has so much room; a bucket does not say, and gets what there is.
        assert!(outcome.folder.is_err() && outcome.files.is_empty());
        let report = outcome.bucket.as_ref().unwrap();
        assert_eq!((report.files, report.failed.count(), report.failed.damaged()), (1, 3, 3));
        assert_eq!(outcome.objects.values().collect::<Vec<_>>(), [b"real"]);
        outcome.stats.as_ref().unwrap();
        outcome.diff.as_ref().unwrap();
        outcome.assert_check_names(&digest(b"a").to_string());
    });
}

#[test]
fn a_link_that_is_there_already_is_not_followed() {
    bounded("a_link_that_is_there_already_is_not_followed", || {
        let mut forge = Forge::new();
        let entries = [
            entry(b"folder", &Kind::Dir),
            entry(b"folder/file", &inline(b"evil")),
            entry(b"other", &inline(b"evil")),
        ];
        let id = forge.commit(&entries).to_string();
        // In the place of a folder: refused. In the place of a file: it is replaced, not followed.
        for (name, fails) in [("folder", true), ("other", false)] {
            let victim = Victim::new(&forge);
            let to = if fails { "../outside" } else { "../outside/file" };
            link(to, victim.target().join(name)).unwrap();
            let outcome = victim.run(&id);
            assert_eq!(outcome.folder.is_err(), fails, "{:?}", outcome.folder);
            assert!(outcome.bucket.unwrap().failed.is_empty());
        }
        // Our own folder in the root is no way out either.
        let victim = Victim::new(&forge);
        link("../outside", victim.target().join(".dtrvault-restore")).unwrap();
        victim.run(&id).folder.unwrap_err();
        // What has a second name outside is replaced, and not written into.
        let victim = Victim::new(&forge);
        fs::hard_link(victim.outside().join("file"), victim.target().join("other")).unwrap();
        victim.restore_folder(&id).unwrap();
        assert_eq!(fs::read(victim.outside().join("file")).unwrap(), b"untouched");
        assert_eq!(fs::read(victim.target().join("other")).unwrap(), b"evil");
    });
}

#[test]
fn links_of_a_tree_lead_out_and_nothing_goes_through_them() {
    bounded("links_of_a_tree_lead_out_and_nothing_goes_through_them", || {
        let mut forge = Forge::new();
        let entries = [
            entry(b"a", &symlink("../outside")),
            entry(b"b", &symlink("/")),
            // Names the file behind the link, which is no file of the tree.
            entry(b"c", &hardlink("a/file")),
        ];
        let id = forge.commit(&entries).to_string();
        let victim = Victim::new(&forge);
        let outcome = victim.run(&id);
        assert!(outcome.folder.is_err(), "{:?}", outcome.folder);
        assert_eq!(fs::metadata(victim.outside().join("file")).unwrap().nlink(), 1);

        let mut forge = Forge::new();
        let entries = [entry(b"a", &symlink("../outside")), entry(b"b", &hardlink("a"))];
        let id = forge.commit(&entries).to_string();
        // One more name of a link is not one of a file.
        Victim::new(&forge).run(&id).folder.unwrap_err();
    });
}

#[test]
fn what_cannot_be_here_keeps_nothing_else_from_coming_back() {
    bounded("what_cannot_be_here_keeps_nothing_else_from_coming_back", || {
        let mut forge = Forge::new();
        let long = "x".repeat(1000);
        let entries = [
            entry(b".dtrvault-restore", &Kind::Dir),
            entry(b".dtrvault-restore/0", &inline(b"evil")),
            entry(b"a", &inline(b"fine")),
            entry(long.as_bytes(), &Kind::Dir),
            entry(format!("{long}/f").as_bytes(), &inline(b"long")),
            entry(format!("y{long}").as_bytes(), &symlink("a")),
            entry(b"z", &inline(b"fine")),
        ];
        let id = forge.commit(&entries).to_string();
        let outcome = Victim::new(&forge).run(&id);
        for (report, files) in [(&outcome.folder, &outcome.files), (&outcome.bucket, &outcome.objects)] {
            let report = report.as_ref().unwrap();
            assert_eq!(report.failed.damaged(), 0);
            assert!(report.failed.count() >= 2, "{:?}", report.failed);
            let names: Vec<_> = files.keys().map(|path| path.to_str().unwrap()).collect();
            assert_eq!(names, ["a", "z"]);
        }
        assert!(outcome.check.is_sound());
    });
}

#[test]
fn devices_and_set_ids_stay_in_the_target() {
    bounded("devices_and_set_ids_stay_in_the_target", || {
        let mut forge = Forge::new();
        let root = Meta { mode: 0o6755, uid: 0, gid: 0, ..meta() };
        let entries = [
            raw_entry(0, b"block", &root, &Kind::BlockDevice { major: 8, minor: 0 }),
            raw_entry(0, b"char", &root, &Kind::CharDevice { major: 1, minor: 3 }),
            raw_entry(0, b"fifo", &root, &Kind::Fifo),
            raw_entry(0, b"huge", &root, &Kind::CharDevice { major: u32::MAX, minor: u32::MAX }),
            raw_entry(0, b"shell", &root, &inline(b"#!/bin/sh")),
            raw_entry(0, b"socket", &root, &Kind::Socket),
        ];
        let id = forge.commit(&entries).to_string();
        let victim = Victim::new(&forge);
        let outcome = victim.run(&id);
        outcome.folder.as_ref().unwrap();
        // Set-uid is for the owner it was given for: without him the bit goes.
        let shell = fs::metadata(victim.target().join("shell")).unwrap();
        assert_eq!(shell.mode() & 0o6000 != 0, shell.uid() == 0 && shell.gid() == 0, "{:o}", shell.mode());
        assert_eq!(outcome.bucket.as_ref().unwrap().left_out, 5);
    });
}

#[test]
fn millions_of_entries_in_little_space() {
    bounded("millions_of_entries_in_little_space", || {
        let mut forge = Forge::new();
        let gone = digest(b"gone");
        let count = 400_000_u32;
        // Some bytes of each are its own; zstd has the rest.
        let entries: Vec<Vec<u8>> = (0..count)
            .map(|n| raw_entry(0, format!("{n:08}").as_bytes(), &Meta::default(), &blob_file(gone, 1)))
            .collect();
        let id = forge.commit(&entries).to_string();
        drop(entries);
        let victim = Victim::new(&forge);
        let report = victim.restore_bucket(&id).unwrap();
        assert_eq!(report.failed.count(), u64::from(count));
        assert!(report.failed.listed().len() < count as usize);
        let checked = victim.check();
        assert_eq!(checked.damage_count, u64::from(count));
        assert!(checked.damage.len() < count as usize);
    });
}

#[test]
fn long_paths_said_in_few_bytes() {
    bounded("long_paths_said_in_few_bytes", || {
        let mut forge = Forge::new();
        let name = vec![b'x'; 1000];
        let mut long = vec![name.as_slice(); 60].join(&b'/');
        long.push(b'/');
        let shared = u32::try_from(long.len()).unwrap();
        let gone = blob_file(digest(b"gone"), 1);
        let mut entries = vec![raw_entry(0, &[&long[..], b"00000"].concat(), &Meta::default(), &gone)];
        entries.extend(
            (1..20_000).map(|n| raw_entry(shared, format!("{n:05}").as_bytes(), &Meta::default(), &gone)),
        );
        let id = forge.commit(&entries).to_string();
        let victim = Victim::new(&forge);
        let report = victim.restore_bucket(&id).unwrap();
        assert_eq!(report.failed.count(), 20_000);
        assert_eq!(victim.check().damage_count, 20_000);
    });
}
