//! A registry of very many tags: hundreds of thousands of tiny files and folders.

use std::io;

use dtrvault_benches::{Images, make_tags};

use crate::bench::{Bench, remove};
use crate::peers::Source;
use crate::results::Key;

pub(super) fn run(bench: &mut Bench) -> io::Result<()> {
    for (name, images) in [("tags", Images::Shared), ("tags, each its own digest", Images::Distinct)] {
        let data = bench.fresh("tags")?;
        make_tags(&data, bench.scale.tags, images)?;
        bench.each_program(name, 1, |bench, program, site| {
            let key = |step| Key::new(name, step, program.name());
            let source = Source::Registry(&data);
            bench.backup(&key("first"), program, site, source, 1)?;
            bench.backup(&key("unchanged"), program, site, source, 2)?;
            if images == Images::Shared {
                bench.restore(&key("restore"), program, site, source, 1)?;
            }
            Ok(())
        })?;
        remove(&data)?;
    }
    Ok(())
}
