//! The main job with the repository in S3, over lines that are slow, that break off, and that
//! fall silent.

use dtrvault_store::testing::{Ending, Weather};
use dtrvault_tests::{Cloud, MainJob};

#[test]
fn over_a_slow_line() {
    let cloud = Cloud::s3();
    let weather = Weather { bytes_per_second: Some(2 << 20), ..Weather::default() };
    let (mut vault, _line) = cloud.operator(weather);
    MainJob::run(&mut vault, 700_000);
}

#[test]
fn over_connections_that_break_off() {
    let cloud = Cloud::s3();
    let weather = Weather {
        seed: 3,
        cut_percent: 35,
        cut_within_bytes: 4 << 20,
        endings: Ending::NOTICED,
        ..Weather::default()
    };
    let (mut vault, line) = cloud.operator(weather);
    MainJob::run(&mut vault, 3 << 20);
    assert!(line.cut() >= 10, "{} of {} connections were cut", line.cut(), line.connections());
}

#[test]
fn over_connections_that_fall_silent() {
    let cloud = Cloud::s3();
    let weather = Weather {
        seed: 4,
        cut_percent: 8,
        cut_within_bytes: 4 << 20,
        endings: &[Ending::HalfOpen, Ending::Stalled],
        ..Weather::default()
    };
    let (mut vault, line) = cloud.operator(weather);
    vault.set("DTRVAULT_TIMEOUT", "1s");
    MainJob::run(&mut vault, 3 << 20);
    assert!(line.cut() >= 3, "{} of {} connections were cut", line.cut(), line.connections());
}
