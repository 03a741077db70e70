//! Opaque blobs, all of them new; the same again, unchanged; and back.

use std::io;

use dtrvault_benches::add_blobs;

use crate::bench::{Bench, remove};
use crate::peers::Source;
use crate::results::Key;

pub(super) fn run(bench: &mut Bench) -> io::Result<()> {
    let data = bench.fresh("blobs")?;
    let count = add_blobs(&data, bench.scale.ingest_bytes, 1)?;
    bench.say(&format!("ingest: {count} blobs, {} MB", bench.scale.ingest_bytes / 1_000_000));
    let (ingest, restore) = (bench.wants("ingest"), bench.wants("restore"));
    bench.each_program("ingest", bench.scale.runs, |bench, program, site| {
        let key = |step| Key::new("ingest", step, program.name());
        let source = Source::Registry(&data);
        bench.backup(&key("first"), program, site, source, 1)?;
        if ingest {
            bench.backup(&key("unchanged"), program, site, source, 2)?;
        }
        if restore {
            bench.restore(&key("restore"), program, site, source, 1)?;
        }
        Ok(())
    })?;
    remove(&data)
}
