//! A metadata tar, and that of the next day: a hundredth of the rows changed, all of them were
//! numbered anew, shuffled and given other times. Then day after day, by dtrvault alone.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

use dtrvault_tests::dtr_days::write_day;

use crate::bench::{Bench, remove};
use crate::peers::{Site, Source};
use crate::results::Key;

pub(super) fn run(bench: &mut Bench) -> io::Result<()> {
    two_days(bench)?;
    many_days(bench)
}

fn make(path: &Path, rows: u64, day: u32) -> io::Result<()> {
    write_day(&mut BufWriter::with_capacity(1 << 20, File::create(path)?), rows, day.into())
}

fn two_days(bench: &mut Bench) -> io::Result<()> {
    let folder = bench.fresh("rows")?;
    let tars = [1, 2].map(|day| (day, folder.join(format!("{day}.tar"))));
    tars.iter().try_for_each(|(day, path)| make(path, bench.scale.rows, *day))?;
    bench.each_program("rows", 1, |bench, program, site| {
        for (day, path) in &tars {
            let key = Key::new("rows", &format!("day {day}"), program.name());
            bench.backup(&key, program, site, Source::Stream(path), *day)?;
        }
        for (day, path) in &tars {
            let key = Key::new("rows", &format!("restore day {day}"), program.name());
            bench.restore(&key, program, site, Source::Stream(path), *day)?;
        }
        Ok(())
    })?;
    remove(&folder)
}

fn many_days(bench: &mut Bench) -> io::Result<()> {
    let Some(program) = bench.dtrvault() else { return Ok(()) };
    let folder = bench.fresh("rows")?;
    let site = Site::local(&bench.fresh("site")?)?;
    let (rows, days) = (bench.scale.days_rows, bench.scale.days);
    let (name, path) = ("rows, day by day", folder.join("day.tar"));
    bench.init(program.as_ref(), &site)?;
    for day in 1..=days {
        make(&path, rows, day)?;
        let key = Key::new(name, "backup", program.name()).with("day", day.into());
        bench.backup(&key, program.as_ref(), &site, Source::Stream(&path), day)?;
    }
    for day in [1, 10.min(days), days] {
        make(&path, rows, day)?;
        let key = Key::new(name, "restore", program.name()).with("day", day.into());
        bench.restore(&key, program.as_ref(), &site, Source::Stream(&path), day)?;
    }
    fs::remove_file(path)?;
    remove(&bench.work.join("site"))
}
