//! Whole gzip streams of real encoders: analysed, and made again.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Noise, Oracle, assert_same, content, deflate_by, wrapped};
use gzip_replay::pigz::{self, History};
use gzip_replay::{Analyser, Deflate, Encoder, Error, Refusal, Replay, Replayer};

/// Analyses a stream in pieces, and gives its content.
fn analysed(stream: &[u8], without: &[Encoder]) -> Result<(Replay, Vec<u8>), Error> {
    let mut plain = Vec::new();
    let mut analyser = Analyser::without(without);
    for piece in stream.chunks(10_007) {
        analyser.write(piece, &mut |bytes: &[u8]| {
            plain.extend_from_slice(bytes);
            Ok(())
        })?;
    }
    Ok((analyser.finish()?, plain))
}

/// Analyses a stream, without an encoder that made its beginning alone; makes it again, in pieces; and tells
/// its replay and its content.
fn there_and_back(stream: &[u8], what: &str) -> (Replay, Vec<u8>) {
    let mut without = Vec::new();
    let (replay, plain) = loop {
        match analysed(stream, &without) {
            Ok(found) => break found,
            Err(Error::Refused(Refusal::Diverged { encoder, .. })) if without.len() < 3 => {
                without.push(encoder)
            }
            Err(error) => panic!("{what}: {error}"),
        }
    };
    let replay = Replay::from_bytes(&replay.to_bytes()).unwrap();
    let mut replayer = Replayer::new(replay.clone()).unwrap();
    let mut again = Vec::new();
    plain.chunks(33_331).for_each(|piece| replayer.write(piece, &mut again).unwrap());
    replayer.finish(&mut again).unwrap();
    assert_same(&again, stream, what);
    (replay, plain)
}

fn refusal(stream: &[u8]) -> Refusal {
    match gzip_replay::analyse(&mut &*stream, &mut |_: &[u8]| Ok(())) {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn streams_of_every_encoder_come_back() {
    let mut noise = Noise(1);
    for (name, form, levels) in [
        ("go-1.19", "gzip", &[-2, -1, 0, 1, 6, 9][..]),
        ("go-1.26", "gzip", &[-1, 2]),
        ("go-1.27", "gzip", &[-1, 1, 5, 9]),
        ("klauspost-1.15.12", "gzip", &[-1, 1, 6]),
        ("klauspost-1.15.12", "pgzip", &[-1, 1, 6]),
        ("klauspost-1.18.0", "gzip", &[-1, 3]),
        ("klauspost-1.18.0", "pgzip", &[-1]),
        ("klauspost-1.20.3", "gzip", &[-1, 1]),
        ("klauspost-1.20.3", "pgzip", &[-1]),
    ] {
        let mut oracle = Oracle::start(name);
        for level in levels {
            for round in 0..6 {
                let plain = content(&mut noise, 4 << 20);
                let what = format!("{name} {form} {level}, {} bytes, round {round}", plain.len());
                let stream = oracle.encode(form, *level, 0, &plain);
                let (replay, found) = there_and_back(&stream, &what);
                assert_same(&found, &plain, &what);
                assert!(replay.to_bytes().len() < 40, "{what}: {replay:?}");
            }
        }
    }
}

#[test]
fn streams_of_programs_come_back() {
    let mut noise = Noise(4);
    let mut zlib = Oracle::start("zlib");
    for (name, options) in [
        ("gzip", &["-1"][..]),
        ("gzip", &["-6"]),
        ("pigz", &["-6", "-p", "4"]),
        ("pigz", &["-9", "-p", "4", "-i"]),
        ("pigz", &["-6", "-p", "1"]),
        ("pigz", &["-6", "-p", "4", "-b", "512"]),
        ("zlib", &["6"]),
        ("zlib", &["9"]),
    ] {
        for round in 0..6 {
            let plain = content(&mut noise, 4 << 20);
            let what = format!("{name} {options:?}, {} bytes, round {round}", plain.len());
            let deflate = match name {
                "zlib" => zlib.encode("deflate", options[0].parse().unwrap(), 0, &plain),
                _ => deflate_by(name, options, &plain),
            };
            assert_same(&there_and_back(&wrapped(&deflate, &plain), &what).1, &plain, &what);
        }
    }
}

/// Every other joint between blocks of pigz shows, as an empty stored block. The analyser looks for them in the
/// first 1.25 MiB, and has to guess where it sees none.
#[test]
fn streams_of_pigz_come_back_where_no_joint_shows() {
    const SEEN_BYTES: usize = 1_310_720;
    let mut noise = Noise(5);
    for (kib, options) in [
        (512, &["-6", "-p", "4", "-b", "512"][..]),
        (512, &["-9", "-p", "1", "-b", "512"]),
        (1024, &["-6", "-p", "4", "-b", "1024"]),
        (1024, &["-1", "-p", "4", "-b", "1024"]),
    ] {
        let (level, history) = (options[0][1..].parse().unwrap(), [History::Window, History::Stream]);
        let history = history[usize::from(options[2] == "1")];
        let mut hidden = 0;
        for round in 0..8 {
            let pieces = std::iter::repeat_with(|| content(&mut noise, 200_000)).take(400).flatten();
            let plain: Vec<u8> = pieces.take(3 << 20).collect();
            let mut made = Vec::new();
            let mut encoder = pigz::Encoder::new(level, kib << 10, history).unwrap();
            encoder.write(&plain[..SEEN_BYTES], &mut made);
            if made.windows(4).any(|four| *four == [0, 0, 0xff, 0xff]) {
                continue;
            }
            hidden += 1;
            let what = format!("pigz {options:?}, round {round}");
            let stream = wrapped(&deflate_by("pigz", options, &plain), &plain);
            let (replay, found) = there_and_back(&stream, &what);
            assert_same(&found, &plain, &what);
            // What it knew of the block before need not show either.
            let Some(Encoder::Pigz { block_bytes, .. }) = replay.encoder() else {
                panic!("{what}: {replay:?}")
            };
            assert_eq!(block_bytes as usize, kib << 10, "{what}");
        }
        assert!(hidden > 0, "{options:?}: every joint shows");
    }
}

/// Level 0: whose blocks end where its program's buffers do.
#[test]
fn streams_that_only_store_come_back() {
    let mut noise = Noise(6);
    let mut zlib = Oracle::start("zlib");
    for round in 0..12 {
        let mut plain = content(&mut noise, 4 << 20);
        if round % 2 == 0 {
            // Others store this, too.
            plain.extend(std::iter::repeat_with(|| noise.next() as u8).take(2_000_000));
        }
        let mut all = Vec::new();
        for block in [0, 10_240, 65_536, 1 + noise.below(100_000)] {
            all.push(wrapped(&zlib.encode("deflate", 0, block, &plain), &plain));
        }
        all.extend(
            ["4", "1"]
                .map(|processes| wrapped(&deflate_by("pigz", &["-0", "-p", processes], &plain), &plain)),
        );
        for (which, stream) in all.iter().enumerate() {
            let what = format!("stored {which}, {} bytes, round {round}", plain.len());
            assert_same(&there_and_back(stream, &what).1, &plain, &what);
        }
        let members = all.concat();
        assert_eq!(there_and_back(&members, "members").0.members(), all.len());
    }
}

#[test]
fn members_and_what_is_behind_them_come_back() {
    let mut noise = Noise(2);
    let mut oracle = Oracle::start("go-1.26");
    let mut stream = Vec::new();
    for _ in 0..50 {
        stream.extend(oracle.encode("gzip", 9, 0, &content(&mut noise, 60_000)));
    }
    stream.extend(b"and something else");
    let (replay, _) = there_and_back(&stream, "members");
    assert_eq!(replay.members(), 50);
    assert!(replay.to_bytes().len() < 50 * 4 + 50, "{}", replay.to_bytes().len());
}

#[test]
fn what_cannot_be_made_again_is_refused() {
    let mut oracle = Oracle::start("go-1.26");
    let plain: Vec<u8> =
        content(&mut Noise(3), 100).into_iter().chain((0..3_000_000).map(|n| (n / 100) as u8)).collect();
    let stream = oracle.encode("gzip", -1, 0, &plain);
    assert_eq!(refusal(b""), Refusal::NotGzip);
    assert_eq!(refusal(b"no gzip at all"), Refusal::NotGzip);
    assert_eq!(refusal(&stream[..stream.len() - 1]), Refusal::Damaged("it breaks off"));
    let mut wrong = stream.clone();
    *wrong.last_mut().unwrap() ^= 1;
    assert!(matches!(refusal(&wrong), Refusal::Damaged(_)));
    assert_eq!(there_and_back(&stream, "whole").0.encoder(), Some(Encoder::Go { level: 6 }));
}
