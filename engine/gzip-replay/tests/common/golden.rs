//! Which streams of real encoders are kept as sums, in `tests/golden.txt`.
#![allow(dead_code, unreachable_pub)]

use gzip_replay::klauspost::{self, Generation, pgzip};
use gzip_replay::pigz::{self, History};
use gzip_replay::{Deflate, gnu, go, zlib};
use sha2::{Digest, Sha256};

use crate::common::{Noise, content_with, made_up_code};

/// Contents of each encoder and level.
const CONTENTS: u64 = 8;

/// An encoder at a level: the real program, how it is asked, and ours.
pub struct Case {
    /// Its name in the file, and how the program is asked.
    pub program: &'static str,
    pub form: &'static str,
    pub level: i32,
    pub ours: Box<dyn Deflate>,
}

impl Case {
    pub fn name(&self) -> String {
        format!("{} {} {}", self.program, self.form, self.level)
    }
}

pub fn cases() -> Vec<Case> {
    fn case<E: Deflate + 'static>(
        program: &'static str,
        form: &'static str,
        level: i32,
        ours: Option<E>,
    ) -> Case {
        Case { program, form, level, ours: Box::new(ours.unwrap()) }
    }
    let mut cases = Vec::new();
    for program in ["go-1.19", "go-1.24", "go-1.26"] {
        cases.extend((-2..=9).map(|level| case(program, "deflate", level, go::Encoder::new(level))));
    }
    let newest = |level| klauspost::Encoder::new(Generation::V1_20, level);
    cases.push(case("go-1.27", "deflate", -1, newest(6)));
    cases.extend((0..=8).map(|level| case("go-1.27", "deflate", level, newest(level))));
    let last = klauspost::Encoder::new(Generation::Go1_27, 9);
    cases.push(case("go-1.27", "deflate", 9, last));
    for (program, generation) in [
        ("klauspost-1.15.12", Generation::V1_15),
        ("klauspost-1.17.9", Generation::V1_17),
        ("klauspost-1.18.0", Generation::V1_18),
        ("klauspost-1.20.3", Generation::V1_20),
    ] {
        for level in -2..=9 {
            cases.push(case(program, "deflate", level, klauspost::Encoder::new(generation, level)));
            let ours = pgzip::Encoder::new(generation, level, pgzip::BLOCK_BYTES);
            cases.push(case(program, "pgzip", level, ours));
        }
    }
    for level in 1..=9 {
        cases.push(case("zlib", "deflate", level, zlib::Encoder::new(level as u32)));
        cases.push(case("gzip", "deflate", level, gnu::Encoder::new(level as u32)));
        for (form, history) in
            [("window", History::Window), ("stream", History::Stream), ("nothing", History::Nothing)]
        {
            cases.push(case("pigz", form, level, pigz::Encoder::new(level as u32, 128 << 10, history)));
        }
    }
    cases
}

/// The contents, the longest behind several blocks of pgzip.
pub fn contents() -> Vec<Vec<u8>> {
    let code = made_up_code();
    let mixed = (0..CONTENTS).map(|seed| content_with(&code, &mut Noise(seed), 300_000));
    let mut noise = Noise(99);
    let long = std::iter::repeat_with(|| content_with(&code, &mut noise, 200_000)).take(40).flatten();
    mixed.chain([Vec::new(), long.take(2_400_000).collect()]).collect()
}

/// The sum of several streams.
pub fn sum(streams: impl Iterator<Item = Vec<u8>>) -> String {
    let mut hasher = Sha256::new();
    for stream in streams {
        hasher.update((stream.len() as u64).to_le_bytes());
        hasher.update(stream);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
