//! Holds the streams of pigz against its own.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Noise, assert_same, content, deflate_by, encode, inputs};
use gzip_replay::Deflate;
use gzip_replay::pigz::{Encoder, History};

fn check(level: u32, kib: usize, history: History, plain: &[u8], noise: &mut Noise) {
    let mut encoder = Encoder::new(level, kib << 10, history).unwrap();
    let made = encode(&mut encoder, plain, 1 << noise.below(20), noise);
    let (level, kib) = (format!("-{level}"), kib.to_string());
    let mut options = vec![level.as_str(), "-b", &kib];
    options.extend(match history {
        History::Window => ["-p", "4"].as_slice(),
        History::Stream => &["-p", "1"],
        History::Nothing => [["-i", "-p", "4"], ["-i", "-p", "1"]][noise.below(2)].as_slice(),
    });
    let expected = deflate_by("pigz", &options, plain);
    let what = format!("pigz {options:?} of {} bytes", plain.len());
    assert_same(&made, &expected, &what);

    encoder.reset(b"of no use");
    assert_same(&encode(&mut encoder, plain, usize::MAX, noise), &expected, &format!("{what} again"));
}

#[test]
fn same_bytes_for_mixed_content() {
    let mut noise = Noise(1);
    for _ in 0..inputs(12) {
        let plain = content(&mut noise, 8 << 20);
        for level in 1..=9 {
            for history in [History::Window, History::Stream, History::Nothing] {
                let kib = [128, 128, 32, 64, 1000, 32 + noise.below(300)][noise.below(6)];
                check(level, kib, history, &plain, &mut noise);
            }
        }
    }
}

#[test]
fn same_bytes_for_lengths_at_limits() {
    let mut noise = Noise(2);
    let text = std::iter::repeat_with(|| content(&mut Noise(noise.next()), 1 << 16)).take(400).flatten();
    let text = text.take(300_000).collect::<Vec<_>>();
    for limit in [0_usize, 1, 32_768, 65_536, 131_072, 262_144] {
        for length in limit.saturating_sub(2)..=limit + 2 {
            for history in [History::Window, History::Stream, History::Nothing] {
                let kib = [128, 32][noise.below(2)];
                check(1 + noise.below(9) as u32, kib, history, &text[..length], &mut noise);
            }
        }
    }
}

/// Joints stand at any bit of a byte.
#[test]
fn same_bytes_for_many_joints() {
    let mut noise = Noise(3);
    for _ in 0..inputs(12) {
        let plain = content(&mut Noise(noise.next()), 8 << 20);
        check(1, 32, History::Window, &plain, &mut noise);
        check(1, 32, History::Stream, &plain, &mut noise);
    }
}

#[test]
fn options_that_are_left_out_are_refused() {
    assert!(Encoder::new(0, 1 << 17, History::Window).is_none());
    assert!(Encoder::new(11, 1 << 17, History::Window).is_none());
    assert!(Encoder::new(6, 1000, History::Window).is_none());
}
