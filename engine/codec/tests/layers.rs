//! Layers are taken apart and made again, bit for bit; what cannot be is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::HashMap;
use std::io::{self, Cursor, Read, Write};

use common::zip::{How, archive, text};
use dtrvault_codec::layer::{Layer, LayerError, LayerSplitter, Refusal};
use dtrvault_codec::rows::RowSource;
use dtrvault_codec::{CodecError, StreamOpener, TarStreams, open_recipe};
use dtrvault_format::{ChunkId, Recipe, Replay, StreamRef};
use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, Crc};

/// A tar of some files, the same again and again but for the times.
fn tar(files: usize, time: u64) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for file in 0..files {
        let content: Vec<u8> = (0..file * 977 % 60_000).map(|at| (at * at / 50 + file) as u8).collect();
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mtime(time);
        builder.append_data(&mut header, format!("usr/lib/{file}"), &content[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(plain: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

type Split = Result<(Layer, TarStreams), LayerError<std::convert::Infallible>>;

fn split(stream: &[u8]) -> Split {
    let (mut splitter, mut streams) = (LayerSplitter::new(), TarStreams::default());
    for piece in stream.chunks(7919) {
        splitter.push(piece, &mut streams)?;
    }
    Ok((splitter.finish(&mut streams)?, streams))
}

/// Streams by the first byte of their root.
struct Streams(HashMap<u8, Vec<u8>>);

impl StreamOpener for Streams {
    fn open(&self, stream: &StreamRef) -> io::Result<Box<dyn Read + Send>> {
        let name = stream.root.map_or(0, |root| root.as_bytes()[0]);
        Ok(Box::new(Cursor::new(self.0.get(&name).cloned().unwrap_or_default())))
    }

    fn open_table(&self, _: &StreamRef, _: u32) -> io::Result<Box<dyn RowSource + Send>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn stream(name: u8) -> StreamRef {
    StreamRef { len: 1, depth: 0, root: Some(ChunkId::new([name; ChunkId::LEN])) }
}

/// Makes a stream again, with its replay in the recipe or in a stream of its own.
fn made(layer: &Layer, streams: &TarStreams, long: bool) -> Result<Vec<u8>, CodecError> {
    let content = match layer.tar {
        Some(_) => Recipe::Tar { skeleton: stream(1), payload: stream(2) },
        None => Recipe::Plain(stream(2)),
    };
    let replay = if long { Replay::Long(stream(3)) } else { Replay::Short(layer.replay.clone()) };
    let recipe = Recipe::Gzip { replay, content: Box::new(content) };
    let all = [(1, streams.skeleton.clone()), (2, streams.payload.clone()), (3, layer.replay.clone())];
    let mut out = Vec::new();
    open_recipe(&recipe, &Streams(all.into()))?.read_to_end(&mut out)?;
    Ok(out)
}

#[test]
fn layers_come_back() {
    for level in [1, 6, 9] {
        for plain in
            [tar(60, 1), tar(0, 0), tar(3, 5)[..5000].to_vec(), b"{\"no\": \"tar\"}".to_vec(), Vec::new()]
        {
            let blob = gzip(&plain, level);
            let (layer, streams) = split(&blob).unwrap();
            assert_eq!(layer.content_len, plain.len() as u64);
            for long in [false, true] {
                assert!(
                    made(&layer, &streams, long).unwrap() == blob,
                    "level {level}, {} bytes",
                    plain.len()
                );
            }
        }
    }
}

#[test]
fn archives_in_a_layer_are_what_they_hold() {
    let texts: Vec<_> = (0..200).map(|seed| text(seed, 3000)).collect();
    let jar = |time| {
        let entries: Vec<_> = texts.iter().map(|text| ("a.class", &text[..], How::Deflated(6))).collect();
        archive(&entries, time)
    };
    let [one, other] = [1, 2].map(|time| gzip(&common::tar_of("a.jar", &jar(time)), 6));
    let [(layer, streams), (_, other)] = [&one, &other].map(|blob| split(blob).unwrap());
    assert!(streams.payload == texts.concat() && streams.payload == other.payload);
    assert!(made(&layer, &streams, false).unwrap() == one);
}

#[test]
fn what_two_layers_share_is_the_same_although_their_times_differ() {
    let [one, other] = [1, 999_999].map(|time| split(&gzip(&tar(60, time), 6)).unwrap());
    assert!(one.1.payload == other.1.payload && one.1.skeleton != other.1.skeleton);
    assert_eq!(one.0.tar.unwrap().members, 60);
}

#[test]
fn a_bomb_is_refused_before_it_is_taken() {
    let blob = gzip(&vec![0; 200 << 20], 9);
    assert!(blob.len() < 300_000);
    assert!(matches!(split(&blob), Err(LayerError::Bomb)));
}

#[test]
fn what_no_encoder_makes_is_refused_with_its_reason() {
    let plain = tar(60, 1);
    // Two halves, each of another level, in one deflate stream.
    let (first, second) = plain.split_at(plain.len() / 2);
    let mut body = Vec::new();
    let mut half = DeflateEncoder::new(&mut body, Compression::new(1));
    half.write_all(first).unwrap();
    half.flush().unwrap();
    std::mem::forget(half);
    let mut half = DeflateEncoder::new(Vec::new(), Compression::new(9));
    half.write_all(second).unwrap();
    body.extend(half.finish().unwrap());
    let mut crc = Crc::new();
    crc.update(&plain);
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blob = [&header[..], &body, &crc.sum().to_le_bytes(), &(plain.len() as u32).to_le_bytes()].concat();
    assert!(matches!(split(&blob), Err(LayerError::Refused(Refusal::UnknownEncoder))));
    let cut = gzip(&plain, 6);
    let cut = split(&cut[..cut.len() / 2]);
    assert!(matches!(cut, Err(LayerError::Refused(Refusal::Damaged(_)))));
    assert!(matches!(split(b"none"), Err(LayerError::Refused(Refusal::NotGzip))));
}

#[test]
fn a_replay_of_something_else_is_an_error_and_no_other_bytes() {
    let blob = gzip(&tar(20, 1), 6);
    let (layer, streams) = split(&blob).unwrap();
    let shorter = TarStreams { payload: streams.payload[1..].to_vec(), ..streams.clone() };
    assert!(made(&layer, &shorter, false).is_err());
    let (other, _) = split(&gzip(&tar(21, 1), 6)).unwrap();
    assert!(matches!(made(&other, &streams, false), Err(CodecError::Io(_))));
    for at in 0..layer.replay.len() {
        let mut replay = layer.replay.clone();
        replay[at] ^= 1;
        let wrong = made(&Layer { replay, ..layer.clone() }, &streams, false);
        assert!(wrong.is_err() || wrong.unwrap() != blob, "byte {at}");
    }
}
