//! The engines of klauspost's packages against the real ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Noise, Oracle, assert_same, content};
use gzip_replay::Deflate;
use gzip_replay::klauspost::{Encoder, Generation, pgzip};

/// The real encoders, and their generations.
const VERSIONS: [(&str, Generation); 4] = [
    ("klauspost-1.15.12", Generation::V1_15),
    ("klauspost-1.17.9", Generation::V1_17),
    ("klauspost-1.18.0", Generation::V1_18),
    ("klauspost-1.20.3", Generation::V1_20),
];

/// The levels that pgzip knows, too.
const LEVELS: [i32; 12] = [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/// Writes content in pieces of odd lengths.
fn encode(encoder: &mut impl Deflate, plain: &[u8], noise: &mut Noise) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), plain);
    while !rest.is_empty() {
        let bits = 4 + noise.below(18);
        let length = (1 + noise.below(1 << bits)).min(rest.len());
        encoder.write(&rest[..length], &mut out);
        rest = &rest[length..];
    }
    encoder.finish(&mut out);
    out
}

/// Lengths around the limits of blocks and windows, made of noise, of one byte, and of both.
fn edges(noise: &mut Noise) -> Vec<Vec<u8>> {
    let lengths = [
        0, 1, 2, 3, 12, 13, 14, 31, 32, 33, 127, 128, 129, 249, 250, 1024, 1025, 16384, 32767, 32768, 32769,
        65273, 65274, 65534, 65535, 65536, 65537, 98303, 131_070, 131_071, 327_675, 327_676, 360_443,
        600_000,
    ];
    let kinds = |length: usize| {
        let random: Vec<u8> = (0..length).map(|_| noise.next() as u8).collect();
        let half = random[..length / 2].iter().copied().chain(vec![7; length - length / 2]).collect();
        let few = random.iter().map(|byte| byte & 3).collect();
        [random, vec![0; length], half, few]
    };
    lengths.into_iter().flat_map(kinds).collect()
}

fn check(level: i32, rounds: usize) {
    for (name, generation) in VERSIONS {
        let mut oracle = Oracle::start(name);
        let mut noise = Noise((level + 100) as u64);
        let mut encoder = Encoder::new(generation, level).unwrap();
        let mut edges = edges(&mut noise);
        // The real level 9 takes very long for some.
        let longest = if level == 9 { 1 << 17 } else { 8 << 20 };
        edges.retain(|plain| plain.len() < longest);
        let contents = (0..rounds).map(|_| 0);
        for (round, plain) in edges.into_iter().map(Some).chain(contents.map(|_| None)).enumerate() {
            let plain = plain.unwrap_or_else(|| content(&mut noise, longest));
            let expected = oracle.encode("deflate", level, 0, &plain);
            // An encoder that was used before is as good as a new one.
            encoder.reset(&[]);
            let made = encode(&mut encoder, &plain, &mut noise);
            assert_same(&made, &expected, &format!("{name} {level}, round {round}, {} bytes", plain.len()));
        }
    }
}

#[test]
fn level_default() {
    check(-1, 150);
}

#[test]
fn level_1() {
    check(1, 150);
}

#[test]
fn level_2() {
    check(2, 100);
}

#[test]
fn level_3() {
    check(3, 150);
}

#[test]
fn level_4() {
    check(4, 100);
}

#[test]
fn level_6() {
    check(6, 150);
}

#[test]
fn level_7() {
    check(7, 80);
}

#[test]
fn level_8() {
    check(8, 80);
}

#[test]
fn level_9() {
    check(9, 40);
}

#[test]
fn levels_without_matches() {
    check(0, 50);
    check(-2, 100);
}

#[test]
fn pgzip_streams() {
    for (name, generation) in VERSIONS {
        let mut oracle = Oracle::start(name);
        let mut noise = Noise(7);
        let mut check = |level: i32, block: usize, plain: &[u8]| {
            let mut encoder = pgzip::Encoder::new(generation, level, block).unwrap();
            let expected = oracle.encode("pgzip", level, block, plain);
            let what = format!("{name} {level}, blocks of {block}, {} bytes", plain.len());
            // Without the header and the trailer of gzip.
            let expected = &expected[10..expected.len() - 8];
            assert_same(&encode(&mut encoder, plain, &mut noise), expected, &what);
            // Pieces of other lengths, by an encoder that was used before.
            encoder.reset(&[]);
            assert_same(&encode(&mut encoder, plain, &mut noise), expected, &what);
        };
        let mut contents = Noise(8);
        for level in LEVELS {
            let longest = if level == 9 { 1 << 18 } else { 1 << 20 };
            let random = content(&mut contents, longest);
            for length in [0, 1, 100, 16384, 16385, 65535, 1 << 20, (1 << 20) + 1, 3 << 20] {
                let mut plain = random.repeat(1 + length / random.len().max(1));
                plain.resize(length, 1);
                check(level, pgzip::BLOCK_BYTES, &plain);
            }
            for block in [16385, 20_000, 32_768, 65_535, 100_000, 1 << 18] {
                for _ in 0..2 {
                    check(level, block, &content(&mut contents, longest));
                }
            }
        }
        for _ in 0..20 {
            check(-1, pgzip::BLOCK_BYTES, &content(&mut contents, 8 << 20));
        }
    }
}

#[test]
fn short_blocks_and_strange_levels_are_refused() {
    assert!(pgzip::Encoder::new(Generation::V1_18, 5, 16384).is_none());
    for level in [-3, 10, 100] {
        assert!(Encoder::new(Generation::V1_18, level).is_none());
        assert!(pgzip::Encoder::new(Generation::V1_18, level, pgzip::BLOCK_BYTES).is_none());
    }
}

#[test]
fn positions_begin_again() {
    let (name, generation) = VERSIONS[2];
    let mut oracle = Oracle::start(name);
    let mut noise = Noise(9);
    for level in [1, 2, 3, 4, 5, 6, 7, 8] {
        // Each reset moves positions on; so many bring them close to where they begin again.
        let resets = if level < 7 { 32_766 } else { 4095 };
        let mut encoder = Encoder::new(generation, level).unwrap();
        (0..resets).for_each(|_| encoder.reset(&[]));
        let plain: Vec<u8> =
            std::iter::repeat_with(|| content(&mut noise, 1 << 17)).take(40).flatten().collect();
        let made = encode(&mut encoder, &plain, &mut noise);
        assert_same(&made, &oracle.encode("deflate", level, 0, &plain), &format!("level {level}"));
    }
}
