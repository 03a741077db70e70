//! Full disks: under the store, under the cache, under what is restored. Told which, and where;
//! nothing is lost; with room again the same command goes through.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{MainJob, SmallDisk, Vault, Words, shapes, with_disks};

/// An operator with small packs.
fn operator() -> Vault {
    let mut vault = Vault::new();
    vault.set("DTRVAULT_PACK_SIZE", "1MiB");
    vault
}

/// Kind of the failure that a run tells in JSON.
fn kind(run: &dtrvault_tests::Run) -> String {
    shapes::text(&run.json(), "error.kind")
}

#[test]
fn the_disk_of_the_store() {
    with_disks("the_disk_of_the_store", || {
        let mut vault = operator();
        let disk = SmallDisk::mount(vault.repo(), 12 << 20, None);
        let mut job = MainJob::begun(&vault, 1 << 20);

        // In the middle of the packs.
        let tar = job.change(&vault);
        job.storage().blob(&Words::new(7).bytes(24 << 20));
        let full = MainJob::snapshot(&vault).exits(1).tells("no space").tells(vault.repo().to_str().unwrap());
        assert_eq!(kind(&full), "no-space");
        job.hold(&mut vault);
        disk.resize(80 << 20);
        job.taken(&MainJob::snapshot(&vault).ok().json(), tar);
        job.hold(&mut vault);
    });
}

#[test]
fn a_store_without_room_for_a_byte_can_be_read() {
    with_disks("a_store_without_room_for_a_byte_can_be_read", || {
        let mut vault = operator();
        let disk = SmallDisk::mount(vault.repo(), 32 << 20, None);
        let mut job = MainJob::begun(&vault, 1 << 20);
        let tar = job.change(&vault);
        let filler = disk.fill(0);
        job.hold(&mut vault);
        for verb in [&MainJob::SNAPSHOT[..], &["key", "add", "--new-password-file", "password", "--json"]] {
            fs::write(vault.at("password"), "another").unwrap();
            let full = vault.run(verb).exits(1).tells("no space").tells(vault.repo().to_str().unwrap());
            assert_eq!(kind(&full), "no-space");
        }
        // Room for the lease and little more: it fails later, in segments or packs.
        for spare in [4 << 10, 64 << 10] {
            fs::remove_file(&filler).unwrap();
            disk.fill(spare);
            MainJob::snapshot(&vault).exits(1).tells("no space");
            vault.run(["check", "--read-data"]).ok();
        }
        fs::remove_file(&filler).unwrap();
        job.taken(&MainJob::snapshot(&vault).ok().json(), tar);
        vault.run(["check", "--read-data"]).ok();
    });
}

#[test]
fn the_disk_of_the_cache() {
    with_disks("the_disk_of_the_cache", || {
        let mut vault = operator();
        let disk = SmallDisk::mount(vault.cache(), 32 << 20, None);
        let mut job = MainJob::begun(&vault, 1 << 20);
        let tar = job.change(&vault);
        let cache = vault.cache();
        let told = |run: dtrvault_tests::Run| {
            let run = run.exits(1).tells("no space left").tells(cache.to_str().unwrap());
            assert_eq!(kind(&run), "no-space", "{}", run.stderr);
        };
        let filler = disk.fill(0);
        told(MainJob::snapshot(&vault));
        fs::remove_file(filler).unwrap();
        // A new cache, and not even room for its first files.
        fs::remove_dir_all(cache.join(vault_folder(&vault))).unwrap();
        let filler = disk.fill(0);
        told(vault.run(["snapshots", "--json"]));
        job.hold(&mut vault);
        fs::remove_file(filler).unwrap();

        job.taken(&MainJob::snapshot(&vault).ok().json(), tar);
        vault.run(["check", "--read-data"]).ok();
    });
}

/// Name of the only repository's folder in the cache.
fn vault_folder(vault: &Vault) -> std::ffi::OsString {
    let mut found = fs::read_dir(vault.cache()).unwrap().map(|entry| entry.unwrap().file_name());
    found.next().unwrap()
}

#[test]
fn the_disk_of_what_is_restored() {
    with_disks("the_disk_of_what_is_restored", || {
        let vault = operator();
        let job = MainJob::begun(&vault, 2 << 20);
        let out = vault.at("small");
        let restore = ["restore", "--snapshot", "latest", "--target", "small", "--json"];
        let only_images = [&restore[..], &["--part", "images"]].concat();
        let told = |run: dtrvault_tests::Run| {
            let run = run.exits(1).tells(out.to_str().unwrap());
            assert_eq!(kind(&run), "no-space", "{}", run.stderr);
        };

        // Known before the first byte.
        let disk = SmallDisk::mount(out.clone(), 1 << 20, None);
        told(vault.run(restore));
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
        disk.resize(64 << 20);
        vault.run(&only_images).ok();
        assert_same(&listing(job.storage().root()), &listing(&out));
        drop(disk);

        // Not known before: there is room for the bytes and not for so many files.
        let disk = SmallDisk::mount(out.clone(), 64 << 20, Some(20));
        told(vault.run(&only_images));
        disk.allow_files(10_000);
        vault.run(&only_images).ok();
        assert_same(&listing(job.storage().root()), &listing(&out));
        // What is there already needs no room.
        let filler = disk.fill(200 << 10);
        vault.run(only_images.iter().chain(&["--allow-existing"])).ok();
        fs::remove_file(filler).unwrap();
        assert_same(&listing(job.storage().root()), &listing(&out));

        // A tar that does not fit.
        let small = SmallDisk::mount(vault.at("tars"), 100 << 10, None);
        let export = ["export", "--tar", "--part", "images", "--output", "tars/out.tar"];
        let full = vault.run(export).exits(1).tells("tars/out.tar").tells("no space");
        assert!(!full.stderr.contains("panicked"));
        small.resize(64 << 20);
        let _ = fs::remove_file(vault.at("tars/out.tar"));
        vault.run(export).ok();
    });
}
