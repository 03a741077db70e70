//! Every encoder and level against the real one, over inputs of mixed kinds up to 8 MiB: a few, or as many as
//! `GZIP_REPLAY_INPUTS` says.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use common::{Noise, Oracle, assert_same, content, deflate_by, encode, inputs};
use gzip_replay::klauspost::{self, Generation};
use gzip_replay::{Deflate, gnu, go, zlib};

const LONGEST: usize = 8 << 20;
/// There is input that the real level 9 of klauspost's takes minutes for.
const LONGEST_AT_LAST_LEVEL: usize = 1 << 18;

/// An encoder at a level: ours, and what the real one makes of as much as it takes.
struct Pair {
    level: i32,
    longest: usize,
    ours: Box<dyn Deflate>,
}

impl Pair {
    fn new<E: Deflate + 'static>(level: i32, ours: Option<E>) -> Self {
        Self { level, longest: LONGEST, ours: Box::new(ours.unwrap()) }
    }
}

/// Holds all pairs against `real`, and says how much was the same.
fn hold(name: &str, mut pairs: Vec<Pair>, mut real: impl FnMut(i32, &[u8]) -> Vec<u8>) {
    let (count, mut total_bytes) = (inputs(20), 0);
    for seed in 1..=count {
        let mut noise = Noise(seed as u64);
        let plain = content(&mut noise, LONGEST);
        total_bytes += plain.len();
        for Pair { level, longest, ours } in &mut pairs {
            let plain = &plain[..plain.len().min(*longest)];
            ours.reset(&[]);
            let made = encode(&mut **ours, plain, 1 << noise.below(21), &mut noise);
            let what = format!("{name} {level}, input {seed}, {} bytes", plain.len());
            assert_same(&made, &real(*level, plain), &what);
        }
        if seed.is_power_of_two() || seed % 100 == 0 || seed == count {
            let (levels, mb) = (pairs.len(), total_bytes / 1_000_000);
            eprintln!("{name}: {seed} inputs of {mb} MB together are the same at {levels} levels");
        }
    }
}

fn hold_klauspost(name: &str, generation: Generation, levels: impl IntoIterator<Item = i32>) {
    let pair = |level| {
        let pair = Pair::new(level, klauspost::Encoder::new(generation, level));
        if level == 9 { Pair { longest: LONGEST_AT_LAST_LEVEL, ..pair } } else { pair }
    };
    let mut oracle = Oracle::start(name);
    let pairs = levels.into_iter().map(pair).collect();
    hold(name, pairs, |level, plain| oracle.encode("deflate", level, 0, plain));
}

#[test]
fn klauspost_1_15() {
    hold_klauspost("klauspost-1.15.12", Generation::V1_15, -2..=9);
}

#[test]
fn klauspost_1_17() {
    hold_klauspost("klauspost-1.17.9", Generation::V1_17, -2..=9);
}

#[test]
fn klauspost_1_18() {
    hold_klauspost("klauspost-1.18.0", Generation::V1_18, -2..=9);
}

#[test]
fn klauspost_1_20() {
    hold_klauspost("klauspost-1.20.3", Generation::V1_20, -2..=9);
}

#[test]
fn go_1_27() {
    hold_klauspost("go-1.27", Generation::Go1_27, [-2].into_iter().chain(0..=9));
}

#[test]
fn go_1_26() {
    let mut oracle = Oracle::start("go-1.26");
    let pairs = (-2..=9).map(|level| Pair::new(level, go::Encoder::new(level))).collect();
    hold("go-1.26", pairs, |level, plain| oracle.encode("deflate", level, 0, plain));
}

#[test]
fn zlib() {
    let mut oracle = Oracle::start("zlib");
    let pairs = (1..=9).map(|level| Pair::new(level, zlib::Encoder::new(level as u32))).collect();
    hold("zlib", pairs, |level, plain| oracle.encode("deflate", level, 0, plain));
}

#[test]
fn gnu_gzip() {
    let pairs = (1..=9).map(|level| Pair::new(level, gnu::Encoder::new(level as u32))).collect();
    hold("gzip", pairs, |level, plain| deflate_by("gzip", &[&format!("-{level}")], plain));
}
