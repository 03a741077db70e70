//! A whole DTR in one command: found, backed up, checked; and whatever goes wrong with it, nothing that is not
//! whole is recorded, nothing is left behind, and no secret shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use dtrvault_tests::dtr::{Blobs, Dtr, Fault, Layout};
use dtrvault_tests::{Run, Vault, Words, with_engine};

/// `snapshot` of one DTR; the engine may have those of other tests.
fn snapshot(vault: &Vault, dtr: &Dtr, more: &[&str]) -> Run {
    vault.run([&["snapshot", "--json", "--replica-id", dtr.replica()], more].concat())
}

#[test]
fn a_dtr_is_taken_whole_and_a_second_time_for_next_to_nothing() {
    with_engine("a_dtr_is_taken_whole_and_a_second_time_for_next_to_nothing", |engine| {
        for (number, version) in [(1, "2.4.0"), (2, "2.7.0"), (3, "2.9.29"), (4, "2.10.0")] {
            let dtr = Dtr::start(&engine, version, Layout::new(number));
            let vault = dtr.vault();
            let first = snapshot(&vault, &dtr, &[]).ok().json();
            assert_eq!(first["complete"], true, "{version}");
            assert_eq!(first["dtr"]["version"], version);
            assert_eq!(first["dtr"]["replica"], dtr.replica());
            assert_eq!(first["dtr"]["image"], dtr.image());
            assert_eq!(first["dtr"]["storage"], "volume");
            assert!(first["images"]["size_bytes"].as_u64().unwrap() > 0);
            let second = snapshot(&vault, &dtr, &["--debug"]).ok().tells("dtr: ").json();
            let written = |json: &serde_json::Value| json["stats"]["written_bytes"].as_u64().unwrap();
            assert!(written(&second) < written(&first) / 2, "{version}");
            // Of the images nothing was read again: all that was read is metadata.
            assert_eq!(second["stats"]["read_bytes"], second["metadata"]["size_bytes"], "{version}");
            vault.run(["check", "--read-data"]).ok();
            let tar = vault.run(["export", "--tar"]).ok().stdout;
            let listed = tar::Archive::new(tar.as_slice()).entries().unwrap().count();
            assert_eq!(listed as u64, second["metadata"]["members"].as_u64().unwrap());
        }
    });
}

#[test]
fn both_ways_of_naming_blobs_are_taken_and_given_back() {
    with_engine("both_ways_of_naming_blobs_are_taken_and_given_back", |engine| {
        for (number, blobs) in [(11, Blobs::ByDigest), (12, Blobs::ById)] {
            let dtr = Dtr::start(&engine, "2.9.29", Layout { blobs: Some(blobs), ..Layout::new(number) });
            let vault = dtr.vault();
            snapshot(&vault, &dtr, &["--with-uploads"]).ok();
            vault.run(["restore", "--snapshot", "latest", "--target", "back", "--part", "images"]).ok();
            let folder = dtr.registry_folder();
            let same =
                std::process::Command::new("diff").arg("-r").arg(folder).arg(vault.at("back")).status();
            assert!(same.unwrap().success());
        }
    });
}

#[test]
fn what_fails_records_nothing_and_says_why() {
    with_engine("what_fails_records_nothing_and_says_why", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(21));
        let vault = dtr.vault();
        for (fault, word) in [
            (Fault::Exit { after: 0, code: 7 }, "exit code 7"),
            (Fault::Exit { after: 20_000, code: 1 }, "exit code 1"),
            (Fault::Cut { after: 20_000 }, "cut"),
            (Fault::NoEndBlocks, "end-of-archive"),
            (Fault::Garbage(b"Downloading image...\n".to_vec()), "no tar"),
            (Fault::Killed { after: 10_000 }, "exit code 137"),
        ] {
            let shown = format!("{fault:?}");
            dtr.fails(fault);
            let run = snapshot(&vault, &dtr, &[]).exits(1).tells(word);
            assert!(run.stdout.is_empty() || run.json().get("error").is_some(), "{shown}");
            assert!(dtr.is_left_alone(), "{shown}");
        }
        dtr.fails(Fault::Stall { after: 5_000 });
        let begun = Instant::now();
        snapshot(&vault, &dtr, &["--stall-timeout", "2s"]).exits(1).tells("said nothing for 2 seconds");
        assert!(begun.elapsed() < Duration::from_secs(60));
        dtr.fails(Fault::Chatter { bytes: 8 << 20 });
        snapshot(&vault, &dtr, &[]).ok();
        dtr.fails(None);
        let listed = vault.run(["snapshots", "--json"]).ok().json();
        assert_eq!(listed["snapshots"].as_array().unwrap().len(), 1, "only what was whole");
        assert!(dtr.is_left_alone());
    });
}

#[test]
fn no_secret_shows_anywhere() {
    with_engine("no_secret_shows_anywhere", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(31));
        let vault = dtr.vault();
        let environment = dtr.environment();
        let (_, password) = environment.iter().find(|(name, _)| name == "UCP_PASSWORD").unwrap();
        dtr.tells_secrets();
        dtr.fails(Fault::Slow(Duration::from_millis(20)));
        let running = vault.command(["snapshot", "--json", "--debug", "--replica-id", dtr.replica()]);
        let (seen, run) = watch(running, &dtr);
        let run = run.ok().tells("***");
        assert!(!seen.is_empty(), "its container was never seen");
        let json = run.text();
        for (place, text) in [("docker inspect's arguments", &seen), ("log", &run.stderr), ("JSON", &json)] {
            assert!(!text.contains(password.as_str()), "the password is in {place}");
        }
        let id = run.json()["id"].as_str().unwrap().to_owned();
        let log = vault.run(["cat", "log", &id]).ok().tells("***");
        assert!(!log.text().contains(password.as_str()));
        let wrong = vault.command(["snapshot", "--replica-id", dtr.replica()]);
        let mut wrong = wrong;
        wrong.env("UCP_PASSWORD", "wrong-password");
        let (_, run) = watch(wrong, &dtr);
        let run = run.exits(1).tells("authenticate");
        assert!(!run.stderr.contains("wrong-password"));
    });
}

/// Runs a command, and gathers the command lines of its containers and of the machine's processes meanwhile.
fn watch(mut command: std::process::Command, dtr: &Dtr) -> (String, Run) {
    let mut child = command.spawn().unwrap();
    let mut seen = String::new();
    while child.try_wait().unwrap().is_none() {
        for name in dtr.strangers() {
            let format = "{{json .Path}} {{json .Args}} {{json .Config.Cmd}} {{json .Config.Labels}}";
            seen += &dtr.engine().try_docker(&["inspect", "--format", format, &name]).text();
        }
        let processes = std::process::Command::new("ps").args(["-eww", "-o", "args"]).output().unwrap();
        seen += &String::from_utf8_lossy(&processes.stdout);
        std::thread::sleep(Duration::from_millis(30));
    }
    (seen, Vault::wait(child))
}

#[test]
fn a_killed_run_leaves_nothing_that_the_next_does_not_set_right() {
    with_engine("a_killed_run_leaves_nothing_that_the_next_does_not_set_right", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(41));
        let vault = dtr.vault();
        snapshot(&vault, &dtr, &[]).ok();
        let url = dtr.url();
        let freeze = ["snapshot", "--freeze", "--dtr-url", url.as_str(), "--replica-id", dtr.replica()];
        dtr.fails(Fault::Slow(Duration::from_millis(50)));
        let mut pauses = Words::new(41);
        for _ in 0..20 {
            let mut child = vault.command(freeze).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(40 + 7 * u64::from(pauses.bytes(1)[0])));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        // One that is killed while it is frozen, which monitoring sees.
        let mut child = vault.command(freeze).spawn().unwrap();
        while !dtr.is_read_only() {
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        vault.run(["dtr", "status"]).exits(3).tells("left read-only");
        dtr.fails(None);
        vault.run(freeze).ok();
        assert!(!dtr.is_read_only());
        assert!(dtr.is_left_alone());
        vault.run(["check", "--read-data"]).ok();
    });
}

#[test]
fn a_frozen_registry_is_let_go_whatever_happens() {
    with_engine("a_frozen_registry_is_let_go_whatever_happens", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(51));
        let vault = dtr.vault();
        let url = dtr.url();
        let freeze = ["--freeze", "--dtr-url", url.as_str()];
        snapshot(&vault, &dtr, &freeze).ok();
        assert!(!dtr.is_read_only());
        dtr.fails(Fault::Cut { after: 10_000 });
        snapshot(&vault, &dtr, &freeze).exits(1);
        assert!(!dtr.is_read_only());
        // Ctrl-C in the middle of the metadata.
        dtr.fails(Fault::Stall { after: 10_000 });
        let mut command = vault.command([&["snapshot", "--replica-id", dtr.replica()], &freeze[..]].concat());
        let child = command.spawn().unwrap();
        let begun = Instant::now();
        while !dtr.is_read_only() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it was never frozen");
            std::thread::sleep(Duration::from_millis(20));
        }
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        Vault::wait(child).exits(130);
        assert!(!dtr.is_read_only());
        assert!(dtr.is_left_alone());
    });
}

#[test]
fn the_engine_is_reached_by_tcp_with_certificates_too() {
    with_engine("the_engine_is_reached_by_tcp_with_certificates_too", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(61));
        let mut vault = dtr.vault();
        vault.set("DOCKER_HOST", engine.tcp_host().as_str());
        vault.set("DOCKER_CERT_PATH", engine.certificates().to_str().unwrap());
        // Its folders are not known to be ours then: images come through the engine.
        let first = snapshot(&vault, &dtr, &["--with-uploads"]).ok().json();
        assert_eq!(first["complete"], true);
        assert!(first["images"]["location"].as_str().unwrap().starts_with("volume "));
        let second = snapshot(&vault, &dtr, &["--with-uploads"]).ok().json();
        assert_eq!(second["stats"]["read_bytes"], second["metadata"]["size_bytes"]);
        vault.run(["restore", "--snapshot", "latest", "--target", "back", "--part", "images"]).ok();
        let mut diff = std::process::Command::new("diff");
        let same = diff.arg("-r").arg(dtr.registry_folder()).arg(vault.at("back")).status();
        assert!(same.unwrap().success());
        vault.set("DOCKER_CERT_PATH", None);
        snapshot(&vault, &dtr, &[]).exits(1).tells("does not answer");
        assert!(dtr.is_left_alone());
    });
}

#[test]
fn the_authority_of_ucp_is_pinned_when_it_is_seen_first() {
    with_engine("the_authority_of_ucp_is_pinned_when_it_is_seen_first", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(71));
        let mut vault = dtr.vault();
        vault.set("UCP_CA", None);
        snapshot(&vault, &dtr, &[]).ok();
        let pins = vault.at("home/.local/state/dtrvault/authorities");
        let pin = std::fs::read_dir(&pins).unwrap().next().unwrap().unwrap().path();
        snapshot(&vault, &dtr, &[]).ok();
        std::fs::write(&pin, "-----BEGIN CERTIFICATE-----\nanother\n").unwrap();
        snapshot(&vault, &dtr, &[]).exits(1).tells("another than the one pinned");
        vault.set("UCP_INSECURE_TLS", "1");
        snapshot(&vault, &dtr, &[]).ok();
    });
}

#[test]
fn status_says_what_wants_attention() {
    with_engine("status_says_what_wants_attention", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(81));
        let vault = dtr.vault();
        vault.run(["dtr", "status"]).exits(3).tells("there is no snapshot").tells(dtr.replica());
        snapshot(&vault, &dtr, &[]).ok();
        let seen = vault.run(["dtr", "status", "--json", "--max-age", "1h"]).json();
        assert_eq!(seen["last_snapshot"]["replica"], dtr.replica());
        let ours = |json: &serde_json::Value| {
            let all = json["replicas"].as_array().unwrap();
            all.iter().find(|replica| replica["id"] == dtr.replica()).unwrap().clone()
        };
        let replica = ours(&seen);
        assert_eq!((replica["healthy"].as_bool(), replica["version"].as_str()), (Some(true), Some("2.9.29")));
        assert_eq!(replica["storage"]["kind"], "volume");
        engine.docker(&["stop", "--time", "0", &format!("dtr-garant-{}", dtr.replica())]);
        let run = vault.run(["dtr", "status", "--no-snapshots", "--json"]).exits(3).tells("garant");
        assert_eq!(ours(&run.json())["healthy"], false);
    });
}
