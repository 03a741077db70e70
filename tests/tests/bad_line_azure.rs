//! The main job with the repository in Azure, over lines that are slow, that break off, and that
//! fall silent.

use dtrvault_tests::{Cloud, bad_line};

#[test]
fn over_a_slow_line() {
    bad_line::slow(&Cloud::azure());
}

#[test]
fn over_connections_that_break_off() {
    // Its connections live long, so that there are few.
    bad_line::breaking(&Cloud::azure(), 60, 5);
}

#[test]
fn over_connections_that_fall_silent() {
    bad_line::silent(&Cloud::azure(), 30);
}
