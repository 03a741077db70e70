//! The main job with the repository in a cloud, over lines that are slow, that break off, and
//! that fall silent.

use dtrvault_store::testing::{Ending, Weather};

use crate::{Cloud, MainJob};

/// Over a line of 2 MiB a second.
pub fn slow(cloud: &Cloud) {
    let weather = Weather { bytes_per_second: Some(2 << 20), ..Weather::default() };
    let (mut vault, _line) = cloud.operator(weather);
    MainJob::run(&mut vault, 700_000);
}

/// Over connections of which `cut_percent` of a hundred break off.
///
/// # Panics
///
/// When less than `least` of them did.
pub fn breaking(cloud: &Cloud, cut_percent: u64, least: u64) {
    let weather = Weather { seed: 3, endings: Ending::NOTICED, ..cutting(cut_percent) };
    run(cloud, weather, None, least);
}

/// Over connections of which `cut_percent` of a hundred fall silent.
///
/// # Panics
///
/// When less than three of them did.
pub fn silent(cloud: &Cloud, cut_percent: u64) {
    let endings = &[Ending::HalfOpen, Ending::Stalled];
    run(cloud, Weather { seed: 4, endings, ..cutting(cut_percent) }, Some("1s"), 3);
}

fn cutting(cut_percent: u64) -> Weather {
    Weather { cut_percent, cut_within_bytes: 4 << 20, ..Weather::default() }
}

fn run(cloud: &Cloud, weather: Weather, timeout: Option<&str>, least: u64) {
    let (mut vault, line) = cloud.operator(weather);
    vault.set("DTRVAULT_TIMEOUT", timeout);
    MainJob::run(&mut vault, 3 << 20);
    assert!(line.cut() >= least, "{} of {} connections were cut", line.cut(), line.connections());
}
