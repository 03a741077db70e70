//! Writes `tests/golden.txt` with the real encoders.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/golden.rs"]
mod golden;

use std::collections::HashMap;
use std::fmt::Write;

use common::{Oracle, deflate_by};
use golden::{Case, cases, contents, sum};

fn main() {
    let contents = contents();
    let mut oracles: HashMap<&str, Oracle> = HashMap::new();
    let mut file = String::new();
    for case in cases() {
        let (name, Case { program, form, level, .. }) = (case.name(), case);
        let dash = format!("-{level}");
        let sums = sum(contents.iter().map(|content| match (program, form) {
            ("gzip", _) => deflate_by(program, &[&dash], content),
            ("pigz", "stream") => deflate_by(program, &[&dash, "-p", "1"], content),
            ("pigz", "nothing") => deflate_by(program, &[&dash, "-p", "4", "-i"], content),
            ("pigz", _) => deflate_by(program, &[&dash, "-p", "4"], content),
            _ => {
                let oracle = oracles.entry(program).or_insert_with(|| Oracle::start(program));
                let stream = oracle.encode(form, level, if form == "pgzip" { 1 << 20 } else { 0 }, content);
                if form == "pgzip" { stream[10..stream.len() - 8].to_vec() } else { stream }
            }
        }));
        writeln!(file, "{name} {sums}").unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden.txt");
    std::fs::write(path, file).unwrap();
    println!("{path}");
}
