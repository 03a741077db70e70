//! States of a registry, one after the other: what a new day adds, and the last one back.

use std::io;
use std::path::PathBuf;

use dtrvault_tests::{Storage, gzip, plain_layer};

use crate::bench::{Bench, remove};
use crate::peers::Source;
use crate::results::Key;

/// Days that are made when no registry was named.
const MADE_DAYS: u32 = 6;
/// gzip's level for their layers.
const LEVEL: u8 = 6;

pub(super) fn run(bench: &mut Bench) -> io::Result<()> {
    let made = bench.work.join("days");
    let days = if bench.registries.is_empty() { make(bench)? } else { bench.registries.clone() };
    bench.each_program("layers", 1, |bench, program, site| {
        let key = |step: &str| Key::new("layers", step, program.name());
        let Some(last) = days.last() else { return Ok(()) };
        for (day, registry) in (1..).zip(&days) {
            bench.backup(&key(&format!("day {day}")), program, site, Source::Registry(registry), day)?;
        }
        let (source, day) = (Source::Registry(last), days.len() as u32 + 1);
        bench.backup(&key("unchanged"), program, site, source, day)?;
        bench.restore(&key("restore"), program, site, source, day)?;
        Ok(())
    })?;
    remove(&made)
}

/// Builds of an image, day by day: no layer is that of another day, and hardly anything within differs.
fn make(bench: &Bench) -> io::Result<Vec<PathBuf>> {
    let folder = bench.fresh("days")?;
    let days: Vec<PathBuf> = (1..=MADE_DAYS).map(|day| folder.join(day.to_string())).collect();
    for (day, path) in (1..).zip(&days) {
        let storage = Storage::create(path.clone());
        let layers: Vec<_> =
            (0..bench.scale.layers).map(|layer| gzip(&plain_layer(layer, day), LEVEL)).collect();
        storage.image("acme/app", &format!("day{day}"), &layers);
    }
    Ok(days)
}
