//! A metadata tar costs what has changed since yesterday, whatever key takes it and whatever befalls
//! the cache; and every day comes back byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use dtrvault_tests::dtr_days::dtr_tar;
use dtrvault_tests::{Vault, flip_byte, shapes};

const ROWS: u64 = 20_000;
const FULL: &str = "correct horse battery staple";
const WRITER: &str = "the registry node's own";

fn day(day: u64) -> Vec<u8> {
    dtr_tar(ROWS, day)
}

fn stored_bytes(vault: &Vault) -> u64 {
    let folders = ["packs", "index", "snapshots"];
    let objects = folders.into_iter().flat_map(|folder| vault.objects(folder));
    objects.map(|object| fs::metadata(object).unwrap().len()).sum()
}

/// Takes a tar, and gives back by how much the repository grew.
fn take(vault: &Vault, name: &str, tar: &[u8]) -> u64 {
    let before = stored_bytes(vault);
    if name == "-" {
        vault.feed(["snapshot", "--metadata", "-"], tar).ok();
    } else {
        fs::write(vault.at(name), tar).unwrap();
        vault.run(["snapshot", "--metadata", name]).ok();
        fs::remove_file(vault.at(name)).unwrap();
    }
    stored_bytes(vault) - before
}

/// Holds every snapshot against the tar that it is of.
fn hold(vault: &Vault, tars: &[&[u8]]) {
    let ids = vault.ids();
    assert_eq!(ids.len(), tars.len());
    for (id, tar) in ids.iter().zip(tars) {
        let out = fs::File::create(vault.at("out.tar")).unwrap();
        let mut command = vault.command(["export", "--tar", "--snapshot", id]);
        Vault::wait(command.stdout(out).spawn().unwrap()).ok();
        assert!(fs::read(vault.at("out.tar")).unwrap() == *tar, "{id}");
    }
}

fn with_writer() -> Vault {
    let vault = Vault::init();
    fs::write(vault.at("writer"), WRITER).unwrap();
    vault.run(["key", "add", "--role", "write", "--new-password-file", "writer"]).ok();
    vault
}

fn maps(vault: &Vault) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![vault.cache()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.components().any(|part| part.as_os_str() == "rows") {
                found.push(path);
            }
        }
    }
    found
}

/// Whether `grown` is at most six hundredths of `first`.
fn assert_small(grown: u64, first: u64) {
    assert!(grown * 100 <= first * 6, "{grown} of {first} bytes: {} %", grown * 100 / first);
}

#[test]
fn a_day_costs_what_has_changed() {
    let vault = Vault::init();
    let tars = [day(1), day(2), day(3), day(4)];
    // Named for their days, as cron jobs do.
    let first = take(&vault, "backup-01.tar", &tars[0]);
    assert_small(take(&vault, "backup-02.tar", &tars[1]), first);
    // A lost cache is made up for by the table itself.
    fs::remove_dir_all(vault.cache()).unwrap();
    assert_small(take(&vault, "backup-03.tar", &tars[2]), first);
    // So is one that is damaged.
    for map in maps(&vault) {
        flip_byte(&map, 2000);
    }
    fs::write(vault.at("backup-04.tar"), &tars[3]).unwrap();
    let before = stored_bytes(&vault);
    let told = vault.run(["snapshot", "--metadata", "backup-04.tar"]).ok();
    told.tells("the local map of known rows was damaged");
    assert_small(stored_bytes(&vault) - before, first);
    let stats = vault.run(["stats", "--json"]).ok().json();
    assert_eq!(shapes::number(&stats, "recipes.rows.blobs"), 4, "{stats:#}");
    hold(&vault, &tars.each_ref().map(|tar| &tar[..]));
    vault.run(["check", "--read-data"]).ok();
    // The packs say all that the index says.
    fs::remove_dir_all(vault.repo().join("index")).unwrap();
    vault.run(["rebuild-index"]).ok();
    hold(&vault, &tars.each_ref().map(|tar| &tar[..]));
}

#[test]
fn a_key_that_reads_nothing_finds_yesterdays_rows() {
    let mut vault = with_writer();
    vault.set("DTRVAULT_PASSWORD", WRITER);
    let tars = [day(1), day(2), day(3), day(4)];
    let first = take(&vault, "backup.tar", &tars[0]);
    assert_small(take(&vault, "backup.tar", &tars[1]), first);
    // Without its cache it begins anew, and goes on from there.
    fs::remove_dir_all(vault.cache()).unwrap();
    let anew = take(&vault, "backup.tar", &tars[2]);
    assert!(anew > first / 2, "{anew} of {first}");
    assert_small(take(&vault, "backup.tar", &tars[3]), first);
    vault.set("DTRVAULT_PASSWORD", FULL);
    hold(&vault, &tars.each_ref().map(|tar| &tar[..]));
    vault.run(["check", "--read-data"]).ok();
}

#[test]
fn registries_of_one_host_do_not_disturb_each_other() {
    let mut vault = with_writer();
    // Days that lie far apart have few rows in common: two registries.
    let tars = [day(1), day(400), day(2), day(401), day(3), day(402)];
    let firsts: Vec<u64> =
        ["dtr1.tar", "dtr2.tar"].iter().zip(&tars).map(|(name, tar)| take(&vault, name, tar)).collect();
    for (key, tars) in [(FULL, &tars[2..4]), (WRITER, &tars[4..])] {
        vault.set("DTRVAULT_PASSWORD", key);
        for ((name, tar), first) in ["dtr1.tar", "dtr2.tar"].iter().zip(tars).zip(&firsts) {
            assert_small(take(&vault, name, tar), *first);
        }
    }
    vault.set("DTRVAULT_PASSWORD", FULL);
    hold(&vault, &tars.each_ref().map(|tar| &tar[..]));
}

#[test]
fn a_snapshot_that_died_leaves_right_numbers() {
    let vault = Vault::init();
    let tars = [day(1), day(2), day(3)];
    let first = take(&vault, "-", &tars[0]);
    for signal in [rustix::process::Signal::KILL, rustix::process::Signal::INT] {
        let mut command = vault.command(["snapshot", "--metadata", "-"]);
        let mut run = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut input = run.stdin.take().unwrap();
        // It has taken most of the tar, and waits for the rest.
        input.write_all(&tars[1][..tars[1].len() * 3 / 4]).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        rustix::process::kill_process(rustix::process::Pid::from_child(&run), signal).unwrap();
        // As on a terminal, where whoever writes the tar is told to stop as well.
        std::thread::sleep(Duration::from_millis(300));
        drop(input);
        let done = run.wait().unwrap();
        assert_eq!(done.code(), (signal == rustix::process::Signal::INT).then_some(130));
    }
    assert_small(take(&vault, "-", &tars[1]), first);
    assert_small(take(&vault, "-", &tars[2]), first);
    hold(&vault, &tars.each_ref().map(|tar| &tar[..]));
    vault.run(["check", "--read-data"]).ok();
}

#[test]
fn two_at_once_each_go_on_from_yesterday() {
    let vault = Vault::init();
    let tars = [day(1), day(2), day(3), day(4)];
    let first = take(&vault, "-", &tars[0]);
    let before = stored_bytes(&vault);
    let runs = [1, 2].map(|at| {
        let name = vault.at(format!("day-{at}"));
        fs::write(&name, &tars[at]).unwrap();
        let input = fs::File::open(name).unwrap();
        vault.command(["snapshot", "--metadata", "-", "--json"]).stdin(input).spawn().unwrap()
    });
    let ids = runs.map(|run| shapes::snapshot_id(&Vault::wait(run).ok().json()));
    assert_small((stored_bytes(&vault) - before) / 2, first);
    assert_small(take(&vault, "-", &tars[3]), first);
    for (id, tar) in ids.iter().zip(&tars[1..]) {
        let out = fs::File::create(vault.at("out.tar")).unwrap();
        let mut command = vault.command(["export", "--tar", "--snapshot", id]);
        Vault::wait(command.stdout(out).spawn().unwrap()).ok();
        assert!(fs::read(vault.at("out.tar")).unwrap() == *tar, "{id}");
    }
    vault.run(["check", "--read-data"]).ok();
}

#[test]
fn rows_without_memory_are_read_from_the_cache_folder() {
    let mut vault = Vault::init();
    let tars = [day(1), day(2)];
    vault.set("DTRVAULT_ROWS_MEMORY", "0");
    let first = take(&vault, "backup.tar", &tars[0]);
    assert_small(take(&vault, "backup.tar", &tars[1]), first);
    hold(&vault, &tars.each_ref().map(|tar| &tar[..]));
    let left =
        fs::read_dir(vault.cache()).unwrap().flat_map(|dir| fs::read_dir(dir.unwrap().path()).unwrap());
    let left: Vec<_> = left.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    assert!(left.is_empty(), "{left:?}");
}
