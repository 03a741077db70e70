//! Holds the streams of `gzip` against GNU's own.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Noise, assert_same, content, deflate_by, encode, inputs};
use gzip_replay::{Deflate, gnu};

fn check(level: u32, plain: &[u8], noise: &mut Noise, what: &str) {
    let mut encoder = gnu::Encoder::new(level).unwrap();
    let piece_bytes = 1 << noise.below(20);
    let made = encode(&mut encoder, plain, piece_bytes, noise);
    let expected = deflate_by("gzip", &[&format!("-{level}")], plain);
    assert_same(&made, &expected, &format!("gzip -{level} of {what}, {} bytes", plain.len()));

    // Nothing is left of it after a reset.
    encoder.reset(b"of no use");
    let again = encode(&mut encoder, plain, usize::MAX, noise);
    assert_same(&again, &expected, &format!("gzip -{level} of {what} again"));
}

#[test]
fn same_bytes_for_mixed_content() {
    let mut noise = Noise(1);
    for round in 0..inputs(12) {
        let plain = content(&mut noise, 8 << 20);
        for level in 1..=9 {
            check(level, &plain, &mut noise, &format!("round {round}"));
        }
    }
}

/// Where windows and blocks end, and with little left over behind the last window.
#[test]
fn same_bytes_for_lengths_at_limits() {
    let mut noise = Noise(2);
    let text = std::iter::repeat_with(|| content(&mut Noise(noise.next()), 1 << 16)).take(400).flatten();
    let text = text.take(200_000).collect::<Vec<_>>();
    let random = std::iter::repeat_with(|| noise.next() as u8).take(200_000).collect::<Vec<_>>();
    let few = random.iter().map(|byte| byte & 3).collect::<Vec<_>>();
    let zeros = vec![0; 200_000];
    let limits =
        [0_usize, 258, 4096, 32506, 32767, 65274, 65536 - 262, 65535, 98042, 98304, 131_072, 163_578];
    for limit in limits {
        for length in limit.saturating_sub(3)..=limit + 3 {
            for (name, plain) in [("text", &text), ("random", &random), ("few", &few), ("zeros", &zeros)] {
                check(1 + noise.below(9) as u32, &plain[..length], &mut noise, name);
            }
        }
    }
}

#[test]
fn levels_that_gzip_does_not_have_are_refused() {
    assert!(gnu::Encoder::new(0).is_none());
    assert!(gnu::Encoder::new(10).is_none());
}
