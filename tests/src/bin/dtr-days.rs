//! `dtr-days ROWS DAY > backup.tar`: a metadata tar of day DAY, counted from 1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let numbers: Option<Vec<u64>> = std::env::args().skip(1).map(|text| text.parse().ok()).collect();
    let Some([rows, day]) = numbers.as_deref() else {
        eprintln!("usage: dtr-days ROWS DAY > backup.tar");
        return ExitCode::from(2);
    };
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    dtrvault_tests::dtr_days::write_day(*rows, *day, &mut out).and_then(|()| out.flush()).unwrap();
    ExitCode::SUCCESS
}
