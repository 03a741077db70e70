//! A DTR that is lost, and back after one command; gates that keep an operator from what would go wrong; and a
//! restore that was cut off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use dtrvault_tests::dtr::{Blobs, Dtr, Fault, Layout};
use dtrvault_tests::{Run, Vault, listing, with_engine};

/// An operator's environment on the engine of a DTR, with a snapshot of it.
fn vault(dtr: &Dtr) -> Vault {
    let vault = dtr.vault();
    vault.run(["snapshot", "--with-uploads", "--replica-id", dtr.replica()]).ok();
    vault
}

fn restore(vault: &Vault, more: &[&str]) -> Run {
    vault.run([&["restore", "--snapshot", "latest", "--yes"], more].concat())
}

#[test]
fn what_was_lost_is_back_after_one_command() {
    with_engine("what_was_lost_is_back_after_one_command", |engine| {
        for (number, version, blobs) in [
            (1, "2.4.0", Blobs::ByDigest),
            (2, "2.7.0", Blobs::ById),
            (3, "2.9.29", Blobs::ById),
            (4, "2.10.0", Blobs::ByDigest),
        ] {
            let dtr = Dtr::start(&engine, version, Layout { blobs: Some(blobs), ..Layout::new(number) });
            let vault = vault(&dtr);
            let (rows, volumes) = (dtr.rows(), dtr.volumes());
            let images = listing::listing(&dtr.registry_folder());
            dtr.destroy_all();
            let report = restore(&vault, &["--json"]).ok().json();
            assert!(dtr.rows() == rows, "{version}");
            assert_eq!(dtr.volumes(), volumes, "{version}");
            assert_eq!(listing::listing(&dtr.registry_folder()), images, "{version}");
            assert_eq!(dtr.running().len(), 9, "{version}");
            assert_eq!(report["proof"]["failed_count"], 0, "{version}");
            assert_eq!(
                (report["tags"]["tags"].as_u64(), report["tags"]["proven_tags"].as_u64()),
                (Some(3), Some(3))
            );
            assert!(!report["still_to_do"].as_array().unwrap().is_empty());
            // And it can be backed up again.
            vault.run(["snapshot", "--replica-id", dtr.replica()]).ok();
        }
    });
}

#[test]
fn what_is_left_is_destroyed_only_when_that_is_said() {
    with_engine("what_is_left_is_destroyed_only_when_that_is_said", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(11));
        let vault = vault(&dtr);
        let (rows, images) = (dtr.rows(), listing::listing(&dtr.registry_folder()));
        let stands = (dtr.containers(), dtr.volumes());
        restore(&vault, &[]).exits(1).tells("--destroy").tells("9 containers and 5 volumes");
        restore(&vault, &["--destroy", "--dry-run"])
            .ok()
            .tells("DESTROY volume")
            .tells("destroy --replica-id");
        let run = vault.run(["restore", "--snapshot", "latest", "--destroy"]);
        run.exits(2).tells("no terminal to ask at");
        assert_eq!((dtr.containers(), dtr.volumes()), stands, "nothing was touched");
        restore(&vault, &["--destroy"]).ok();
        assert!(dtr.rows() == rows);
        assert_eq!(listing::listing(&dtr.registry_folder()), images);
    });
}

#[test]
fn what_dtr_remembers_is_given_up_only_when_that_is_said() {
    with_engine("what_dtr_remembers_is_given_up_only_when_that_is_said", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(91));
        let vault = vault(&dtr);
        let (rows, images) = (dtr.rows(), listing::listing(&dtr.registry_folder()));
        dtr.lose_all();
        // It may run on another node: however often this is tried, nothing is destroyed.
        for _ in 0..2 {
            restore(&vault, &[]).exits(1).tells("destroy it first").tells("none runs on another node");
        }
        assert!(dtr.asked().iter().all(|ask| ask.command != "destroy"));
        let plan = restore(&vault, &["--destroy", "--dry-run"]).ok().tells("gone on with");
        assert!(!plan.text().contains("DESTROY"), "the images are kept: {}", plan.text());
        restore(&vault, &["--destroy"]).ok();
        assert!(dtr.rows() == rows);
        assert_eq!(listing::listing(&dtr.registry_folder()), images);
        // Said at once, it comes before the images are written.
        dtr.lose_all();
        let report = restore(&vault, &["--destroy", "--json"]).ok().json();
        assert!(report["images"]["files"].as_u64().unwrap() > 0);
        assert!(dtr.rows() == rows);
    });
}

#[test]
fn what_was_restored_by_hand_after_an_attempt_is_not_its_remains() {
    with_engine("what_was_restored_by_hand_after_an_attempt_is_not_its_remains", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(101));
        let vault = vault(&dtr);
        let tar = vault.run(["export", "--tar"]).ok().stdout;
        dtr.destroy_all();
        dtr.fails(Fault::RestoreBreaks);
        restore(&vault, &[]).exits(1);
        dtr.fails(None);
        dtr.lose_all();
        let command = ["restore", "--dtr-use-default-storage", "--replica-id", dtr.replica()];
        dtr.run(&command, &tar).ok();
        let stands = (dtr.containers(), dtr.volumes());
        restore(&vault, &[]).exits(1).tells("--destroy");
        assert_eq!((dtr.containers(), dtr.volumes()), stands, "nothing was touched");
        // Images alone destroy nothing, and say nothing of it.
        let plan = restore(&vault, &["--part", "images", "--dry-run"]).ok();
        assert!(!plan.text().contains("DESTROY"), "{}", plan.text());
        restore(&vault, &["--part", "images"]).ok();
        assert_eq!((dtr.containers(), dtr.volumes()), stands);
    });
}

#[test]
fn gates_are_closed_until_they_are_opened_by_name() {
    with_engine("gates_are_closed_until_they_are_opened_by_name", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(21));
        let vault = vault(&dtr);
        let near = Dtr::start(&engine, "2.9.4", Layout::new(22));
        let far = Dtr::start(&engine, "2.7.0", Layout::new(23));
        dtr.destroy_all();
        let plan = |more: &[&str]| restore(&vault, &[&["--dry-run"], more].concat());
        plan(&["--image", near.image()]).exits(1).tells("--allow-patch-difference");
        plan(&["--image", near.image(), "--allow-patch-difference"]).ok();
        let run = plan(&["--image", far.image(), "--allow-patch-difference"]).exits(1);
        run.tells("no other minor version");
        plan(&["--nfs-storage-url", "nfs://10.0.0.9/dtr"]).exits(1).tells("--allow-other-storage");
        restore(&vault, &["--image", far.image()]).exits(1);
        assert!(dtr.containers().is_empty() && dtr.volumes().is_empty(), "a closed gate changes nothing");
        restore(&vault, &["--image", "docker/dtr:9.9.9"]).exits(1).tells("docker pull");
        plan(&[]).ok();
    });
}

#[test]
fn a_restore_that_was_cut_off_goes_on() {
    with_engine("a_restore_that_was_cut_off_goes_on", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(31));
        let vault = vault(&dtr);
        let (rows, images) = (dtr.rows(), listing::listing(&dtr.registry_folder()));
        dtr.fails(Fault::DestroyBreaks);
        restore(&vault, &["--destroy"]).exits(1);
        dtr.fails(Fault::RestoreBreaks);
        restore(&vault, &["--destroy"]).exits(1);
        dtr.fails(None);
        // Its own remains are no obstacle, and its images are not written twice.
        let report = restore(&vault, &["--json"]).ok().json();
        assert_eq!(report["images"]["files"], 0);
        assert!(report["images"]["kept_files"].as_u64().unwrap() > 0);
        assert!(dtr.rows() == rows);
        assert_eq!(listing::listing(&dtr.registry_folder()), images);
    });
}

#[test]
fn a_restore_that_is_killed_goes_on() {
    with_engine("a_restore_that_is_killed_goes_on", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(41));
        let vault = vault(&dtr);
        let (rows, images) = (dtr.rows(), listing::listing(&dtr.registry_folder()));
        for pause in [200, 500, 900, 1400] {
            let args = ["restore", "--snapshot", "latest", "--yes", "--destroy"];
            let mut child = vault.command(args).spawn().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(pause));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        restore(&vault, &["--destroy"]).ok();
        assert!(dtr.rows() == rows);
        assert_eq!(listing::listing(&dtr.registry_folder()), images);
        assert!(dtr.is_left_alone());
    });
}

#[test]
fn ctrl_c_ends_a_restore_cleanly_and_the_next_goes_on() {
    with_engine("ctrl_c_ends_a_restore_cleanly_and_the_next_goes_on", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(81));
        let vault = vault(&dtr);
        let (rows, images) = (dtr.rows(), listing::listing(&dtr.registry_folder()));
        for command in ["dtrvault-destroy-", "dtrvault-restore-"] {
            let child = vault.start(["restore", "--snapshot", "latest", "--yes", "--destroy"]);
            let begun = Instant::now();
            while !dtr.strangers().iter().any(|name| name.starts_with(command)) {
                assert!(begun.elapsed() < Duration::from_secs(120), "no {command} was seen");
                std::thread::sleep(Duration::from_millis(20));
            }
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
            Vault::wait(child).exits(130);
            assert!(dtr.is_left_alone(), "{command}");
        }
        // It may have been installed by then, and is a replica like any other.
        restore(&vault, &["--destroy"]).ok();
        assert!(dtr.rows() == rows);
        assert_eq!(listing::listing(&dtr.registry_folder()), images);
    });
}

#[test]
fn one_part_comes_back_alone_and_the_engine_may_be_far_away() {
    with_engine("one_part_comes_back_alone_and_the_engine_may_be_far_away", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(51));
        let mut vault = vault(&dtr);
        let (rows, images) = (dtr.rows(), listing::listing(&dtr.registry_folder()));
        dtr.destroy_all();
        vault.set("DOCKER_HOST", engine.tcp_host().as_str());
        vault.set("DOCKER_CERT_PATH", engine.certificates().to_str().unwrap());
        restore(&vault, &["--part", "metadata"]).ok();
        assert!(dtr.rows() == rows);
        assert!(listing::listing(&dtr.registry_folder()) != images);
        restore(&vault, &["--part", "images"]).ok();
        assert_eq!(listing::listing(&dtr.registry_folder()), images);
    });
}

#[test]
fn a_registry_that_was_frozen_for_its_snapshot_is_let_go_by_its_restore() {
    with_engine("a_registry_that_was_frozen_for_its_snapshot_is_let_go_by_its_restore", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(71));
        let vault = dtr.vault();
        let taken = vault.run(["snapshot", "--freeze", "--json", "--replica-id", dtr.replica()]).ok().json();
        assert_eq!(taken["dtr"]["frozen"], true);
        dtr.destroy_all();
        let report = restore(&vault, &["--json"]).ok().json();
        assert_eq!(report["thawed"], true);
        assert!(!dtr.is_read_only());
        // Somebody else seems to answer: nothing is sent to them, and it is left to the operator.
        let pins = vault.at("home/.local/state/dtrvault/authorities");
        for pin in std::fs::read_dir(pins).unwrap() {
            std::fs::write(pin.unwrap().path(), "-----BEGIN CERTIFICATE-----\nanother\n").unwrap();
        }
        let run = restore(&vault, &["--json", "--destroy", "--dtr-url", &dtr.url()]).ok();
        let run = run.tells("could not be made writable again");
        let report = run.json();
        assert_eq!(report["thawed"], false);
        assert!(report["still_to_do"][0].as_str().unwrap().contains("read-only"));
        assert!(dtr.is_read_only());
    });
}

#[test]
fn images_on_nfs_go_where_the_operator_says() {
    with_engine("images_on_nfs_go_where_the_operator_says", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout { nfs: true, ..Layout::new(111) });
        let vault = vault(&dtr);
        let (rows, images) = (dtr.rows(), listing::listing(&dtr.registry_folder()));
        dtr.destroy_all();
        restore(&vault, &["--dry-run"]).exits(1).tells("--allow-other-storage");
        let nfs = ["--nfs-storage-url", "nfs://files.example.org/dtr", "--json"];
        let share = vault.at("share").display().to_string();
        let report = restore(&vault, &[&nfs[..], &["--images-to", &share]].concat()).ok().json();
        assert!(dtr.rows() == rows);
        assert_eq!(listing::listing(&vault.at("share")), images);
        assert!(dtr.volumes().iter().any(|name| name.starts_with("dtr-nfs-registry-")));
        assert_eq!(report["tags"]["proven_tags"], 3);
        let told = |report: &serde_json::Value| report["still_to_do"].to_string().contains("images");
        let report = restore(&vault, &[&nfs[..], &["--destroy"]].concat()).ok().json();
        assert!(report["images"]["files"] == 0 && told(&report), "{report}");
    });
}

#[test]
fn what_is_exported_is_taken_by_dtr_as_it_is() {
    with_engine("what_is_exported_is_taken_by_dtr_as_it_is", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(61));
        let vault = vault(&dtr);
        let rows = dtr.rows();
        let tar = vault.run(["export", "--tar"]).ok().stdout;
        dtr.run(&["destroy", "--replica-id", dtr.replica()], b"").ok();
        let command = ["restore", "--dtr-use-default-storage", "--replica-id", dtr.replica()];
        dtr.run(&command, &tar).ok();
        assert!(dtr.rows() == rows);
    });
}
