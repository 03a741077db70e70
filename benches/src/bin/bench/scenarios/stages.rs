//! The stages of a backup, each alone on one thread: what the machine allows.

use std::io;

use dtrvault_benches::{Table, measure_stages};

use crate::bench::Bench;

pub(super) fn run(bench: &mut Bench) -> io::Result<()> {
    let thorough = bench.scale.name == "full";
    let mut table = Table::begin(thorough);
    measure_stages(&mut table, thorough);
    bench.results.stages = table.speeds();
    Ok(())
}
