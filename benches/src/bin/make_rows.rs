//! `make-rows ROWS DAY > backup.tar`: a metadata tar in the form of DTR's `backup`, on one of many days.
#![allow(clippy::print_stderr)]

use std::io::{self, BufWriter};
use std::process::ExitCode;

use dtrvault_tests::dtr_days::write_day;

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let &[rows, day] = &*numbers else {
        eprintln!("usage: make-rows ROWS DAY > backup.tar");
        return ExitCode::from(2);
    };
    match write_day(&mut BufWriter::with_capacity(1 << 20, io::stdout().lock()), rows, day) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("make-rows: standard output: {error}");
            ExitCode::FAILURE
        }
    }
}
