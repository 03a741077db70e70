//! The main job with the repository in S3, over lines that are slow, that break off, and that
//! fall silent.

use dtrvault_tests::{Cloud, bad_line};

#[test]
fn over_a_slow_line() {
    bad_line::slow(&Cloud::s3());
}

#[test]
fn over_connections_that_break_off() {
    bad_line::breaking(&Cloud::s3(), 35, 10);
}

#[test]
fn over_connections_that_fall_silent() {
    bad_line::silent(&Cloud::s3(), 8);
}
