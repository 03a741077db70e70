//! How fast an engine is: `speed klauspost|pgzip LEVEL FILE [VERSION]`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use gzip_replay::Deflate;
use gzip_replay::klauspost::{Encoder, Generation, pgzip};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let level = arguments[2].parse().unwrap();
    let plain = std::fs::read(&arguments[3]).unwrap();
    let generation = match arguments.get(4).map(String::as_str) {
        Some("1.15") => Generation::V1_15,
        Some("1.17") => Generation::V1_17,
        Some("1.20") => Generation::V1_20,
        _ => Generation::V1_18,
    };
    let mut encoder: Box<dyn Deflate> = match arguments[1].as_str() {
        "pgzip" => Box::new(pgzip::Encoder::new(generation, level, pgzip::BLOCK_BYTES).unwrap()),
        _ => Box::new(Encoder::new(generation, level).unwrap()),
    };
    let mut best = f64::MAX;
    let mut out = Vec::new();
    let mut bytes = 0;
    for _ in 0..5 {
        let start = Instant::now();
        encoder.reset(&[]);
        bytes = 0;
        for part in plain.chunks(1 << 20) {
            out.clear();
            encoder.write(part, &mut out);
            bytes += out.len();
        }
        out.clear();
        encoder.finish(&mut out);
        bytes += out.len();
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{:.1} MB/s, {} of {} bytes", plain.len() as f64 / best / 1e6, bytes, plain.len());
}
