//! A run on a DTR that is killed at any of its steps: what comes after it sets everything right.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use dtrvault_tests::dtr::{Dtr, Layout};
use dtrvault_tests::steps::{Moment, Steps};
use dtrvault_tests::{listing, with_own_engine};

/// Kills a command before and behind every step that changes something, and once among those in between; then what is
/// to follow follows. Gives the steps.
fn at_every_step(dtr: &Dtr, command: impl Fn() -> Command, follows: impl Fn(&str)) -> Vec<String> {
    let steps = Steps::before(dtr);
    let asked = steps.of(command());
    let changes = |step: usize| asked.get(step).is_some_and(|what| !what.starts_with("GET "));
    for (step, what) in asked.iter().enumerate() {
        for moment in [Moment::Before, Moment::After] {
            // To die while one looks is the same as to die while one goes on to look.
            if !changes(step) && (moment == Moment::After || (step > 0 && !changes(step - 1))) {
                continue;
            }
            assert!(steps.kill(command(), step, moment), "{moment:?} step {step}, {what}, was never reached");
            follows(&format!("killed {moment:?} step {step}, {what}"));
        }
    }
    asked
}

#[test]
fn a_snapshot_that_is_killed_at_any_step_leaves_what_the_next_sets_right() {
    with_own_engine("a_snapshot_that_is_killed_at_any_step_leaves_what_the_next_sets_right", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(1));
        let vault = dtr.vault();
        let freeze = ["snapshot", "--freeze", "--json", "--replica-id", dtr.replica()];
        let follows = |when: &str| {
            let before = vault.ids();
            // Without --dtr-url: the port of its web server on this machine.
            assert_eq!(vault.run(freeze).ok().json()["complete"], true, "{when}");
            assert!(!dtr.is_read_only(), "{when}");
            assert!(dtr.is_left_alone(), "{when}");
            let after = vault.ids();
            assert!(after.len() == before.len() + 1 && after.starts_with(&before), "{when}");
        };
        let asked = at_every_step(&dtr, || vault.command(freeze), follows);
        // Its authority; is it read-only, be so, is it now; be so no more.
        assert_eq!(asked.iter().filter(|what| *what == "the API").count(), 5, "{asked:?}");
        vault.run(["check", "--read-data"]).ok();
    });
}

#[test]
fn a_restore_that_is_killed_at_any_step_is_gone_on_with() {
    with_own_engine("a_restore_that_is_killed_at_any_step_is_gone_on_with", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(2));
        let vault = dtr.vault();
        vault.run(["snapshot", "--freeze", "--with-uploads", "--replica-id", dtr.replica()]).ok();
        let (rows, images) = (dtr.rows(), listing::listing(&dtr.registry_folder()));
        let restore = ["restore", "--snapshot", "latest", "--yes", "--destroy"];
        let follows = |when: &str| {
            vault.run(restore).ok();
            assert!(!dtr.is_read_only(), "{when}");
            assert!(dtr.rows() == rows, "{when}");
            assert_eq!(listing::listing(&dtr.registry_folder()), images, "{when}");
            assert!(dtr.is_left_alone(), "{when}");
        };
        at_every_step(&dtr, || vault.command(restore), follows);
    });
}
