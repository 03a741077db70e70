//! Clocks that are a year wrong, or become so in the middle of a run: the program runs under
//! `faketime`, which tells it another time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dtrvault_tests::{MainJob, Run, Vault, Words, shapes};

/// The library that `faketime` preloads; it says itself where it is.
fn library() -> PathBuf {
    let asked = Command::new("faketime").args(["-f", "+0", "env"]).output();
    let asked = asked.expect("faketime; `make packages` installs it").stdout;
    let text = String::from_utf8(asked).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("LD_PRELOAD=")).expect("LD_PRELOAD");
    line.split(':').find(|path| path.contains("faketime")).unwrap().into()
}

/// The command line under a clock that is off by what stands in the file `clock`, at any time.
fn under_a_clock(vault: &Vault, args: &[&str]) -> Command {
    let mut command = vault.command(args);
    command
        .env("LD_PRELOAD", library())
        .env("FAKETIME_TIMESTAMP_FILE", vault.at("clock"))
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command
}

fn set_clock(vault: &Vault, offset: &str) {
    // Whole at any moment: a running process reads it.
    fs::write(vault.at("clock-new"), format!("{offset}\n")).unwrap();
    fs::rename(vault.at("clock-new"), vault.at("clock")).unwrap();
}

fn run(vault: &Vault, args: &[&str]) -> Run {
    Vault::wait(under_a_clock(vault, args).spawn().unwrap())
}

/// When the newest snapshot was taken, as it says itself.
fn years(vault: &Vault) -> Vec<String> {
    let listed = vault.run(["snapshots", "--json"]).ok().json();
    shapes::snapshots(&listed).iter().map(|s| shapes::text(s, "time")[..4].to_owned()).collect()
}

#[test]
fn a_clock_that_is_a_year_wrong_costs_nothing() {
    let mut vault = Vault::new();
    let mut job = MainJob::begun(&vault, 300_000);
    let tar = job.change(&vault);
    set_clock(&vault, "+365d");
    job.taken(&run(&vault, &MainJob::SNAPSHOT).ok().json(), tar);
    let now = years(&vault);
    assert_ne!(now[0], now[1], "faketime does not reach the program");
    run(&vault, &["check", "--read-data"]).ok();
    job.hold(&mut vault);

    // Set right again, the clock stands before the last snapshot, which stays `latest`.
    set_clock(&vault, "+0");
    let tar = job.change(&vault);
    let right =
        run(&vault, &MainJob::SNAPSHOT).ok().tells("the clock stands").tells("name this snapshot by its id");
    let id = shapes::snapshot_id(&right.json());
    assert_eq!(vault.ids()[1], id);
    vault.run(["check", "--read-data"]).ok();
    assert!(vault.run(["export", "--tar", "--part", "metadata", "--snapshot", &id]).ok().stdout == tar);
    set_clock(&vault, "-365d");
    run(&vault, &MainJob::SNAPSHOT).ok().tells("the clock stands");
    run(&vault, &["check", "--read-data"]).ok();
    assert_eq!(vault.ids().len(), 4);
}

/// Runs a snapshot whose clock jumps once it has written packs, and `meanwhile` after that.
fn jump(vault: &Vault, offset: &str, meanwhile: impl FnOnce()) -> (Run, Vec<u8>) {
    set_clock(vault, "+0");
    let before = vault.objects("packs").len();
    let mut command = under_a_clock(vault, &["snapshot", "--metadata", "-", "--json"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = Words::new(offset.len() as u64).bytes(8 << 20);
    stdin.write_all(&bytes).unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while vault.objects("packs").len() < before + 3 {
        assert!(Instant::now() < end, "no packs are written");
        std::thread::sleep(Duration::from_millis(5));
    }
    set_clock(vault, offset);
    meanwhile();
    drop(stdin);
    (Vault::wait(child), bytes)
}

#[test]
fn a_clock_that_jumps_while_a_snapshot_runs() {
    let mut vault = Vault::new();
    vault.set("DTRVAULT_PACK_SIZE", "1MiB");
    let job = MainJob::begun(&vault, 300_000);

    // A year on, the lease seems to have run out: it does not risk it.
    let (run, bytes) = jump(&vault, "+365d", || {});
    run.exits(11).tells("nothing was committed");
    job.hold(&mut vault);
    let again = vault.feed(["snapshot", "--metadata", "-", "--json"], &bytes).ok().json();
    let new = shapes::number(&again, "stats.new_bytes");
    assert!(new < bytes.len() as u64 / 2, "{new} of {} bytes were stored again", bytes.len());

    // A year back, it has not.
    let (run, bytes) = jump(&vault, "-365d1s", || {});
    run.ok();
    assert!(vault.run(["export", "--tar"]).ok().stdout == bytes);

    // Another host, a year ahead, takes this one's lease for that of a dead one.
    let (run, bytes) = jump(&vault, "+0", || {
        set_clock(&vault, "+365d");
        let mut other = under_a_clock(&vault, &MainJob::SNAPSHOT);
        other.env("DTRVAULT_HOST", "ahead").env("DTRVAULT_CACHE_DIR", vault.at("cache-ahead"));
        Vault::wait(other.spawn().unwrap()).ok();
        set_clock(&vault, "+0");
    });
    run.exits(11).tells("nothing was committed");
    vault.run(["check", "--read-data"]).ok();
    vault.feed(["snapshot", "--metadata", "-"], &bytes).ok();
    vault.run(["check", "--read-data"]).ok();
}
