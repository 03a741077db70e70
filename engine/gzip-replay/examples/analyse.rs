//! Says of gzip files which encoder made them, whether they come back, and how fast:
//! `cargo run --release -p gzip-replay --example analyse -- FILE…`
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs::{self, File};
use std::time::Instant;

use gzip_replay::{Replayer, analyse};

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        let mut content = Vec::new();
        let began = Instant::now();
        let found = analyse(&mut File::open(&path)?, &mut |bytes: &[u8]| {
            content.extend_from_slice(bytes);
            Ok(())
        });
        let analysed = began.elapsed();
        let replay = match found {
            Ok(replay) => replay,
            Err(error) => {
                println!("{path}: {error}");
                continue;
            }
        };
        let (encoder, bytes) = (replay.encoder(), replay.to_bytes().len());
        let mut again = Vec::new();
        let began = Instant::now();
        let mut replayer = Replayer::new(replay)?;
        for piece in content.chunks(1 << 20) {
            replayer.write(piece, &mut again)?;
        }
        replayer.finish(&mut again)?;
        let replayed = began.elapsed();
        let speed = |took: std::time::Duration| content.len() as f64 / took.as_secs_f64() / 1e6;
        let encoder = encoder.map_or_else(String::new, |encoder| encoder.to_string());
        let verdict = if again == fs::read(&path)? { "exact" } else { "NOT EXACT" };
        println!(
            "{path}: {encoder}, {verdict}; {} bytes of content and {bytes} make {}; analysed at {:.0} MB/s, made at {:.0} MB/s",
            content.len(),
            again.len(),
            speed(analysed),
            speed(replayed),
        );
    }
    Ok(())
}
