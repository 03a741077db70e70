//! A growing registry on one core and on more: does time follow the data, and memory not?

use std::io;

use dtrvault_benches::add_blobs;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::bench::{Bench, remove};
use crate::peers::{Site, Source};
use crate::results::Key;

pub(super) fn run(bench: &mut Bench) -> io::Result<()> {
    let Some(program) = bench.dtrvault() else { return Ok(()) };
    let data = bench.fresh("scaling")?;
    let all = sched_getaffinity(None)?;
    let mut bytes = 0;
    for size in bench.scale.scaling_bytes {
        add_blobs(&data, size - bytes, *size)?;
        bytes = *size;
        for cores in [1, 2].into_iter().filter(|cores| *cores <= all.count()) {
            bench.say(&format!("scaling: {} MB on {cores} cores", bytes / 1_000_000));
            let site = Site::local(&bench.fresh("site")?)?;
            bench.init(program.as_ref(), &site)?;
            let key = |step| {
                let key = Key::new("scaling", step, program.name());
                key.with("cores", cores.into()).with("gigabytes", bytes as f64 / 1e9)
            };
            // Programs inherit the cores of the thread that starts them.
            sched_setaffinity(None, &first(&all, cores))?;
            let source = Source::Registry(&data);
            let measured = bench.backup(&key("first"), program.as_ref(), &site, source, 1).map(drop);
            let measured = measured
                .and_then(|()| bench.restore(&key("restore"), program.as_ref(), &site, source, 1).map(drop));
            sched_setaffinity(None, &all)?;
            measured?;
        }
    }
    remove(&bench.work.join("site"))?;
    remove(&data)
}

/// The first `count` of `all` processors.
fn first(all: &CpuSet, count: u32) -> CpuSet {
    let mut some = CpuSet::new();
    let there = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu));
    there.take(count as usize).for_each(|cpu| some.set(cpu));
    some
}
