//! How fast each stage of a backup is on this machine, on one thread.
#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::io::Read;

use bytes::Bytes;
use dtrvault_codec::{
    Chunk, Chunker, Compressor, StreamChunker, TarJoin, TarSplitter, TarStreams, decompress,
};
use dtrvault_crypto::KeyRing;
use dtrvault_format::{ChunkSizes, ChunkerParams, TreeDecoder, TreeEncoder};
use sha2::{Digest as _, Sha256};

use crate::{Table, noise, tar, text, tree};

const MIB: usize = 1 << 20;
/// Length of a frame, bytes.
const FRAME_BYTES: usize = MIB;
/// As a session compresses.
const LEVEL: i32 = 3;

/// Measures every stage, and shows each in `table` as soon as it is known. A run that is not
/// `thorough` has little data, to see that all works.
pub fn measure_stages(table: &mut Table, thorough: bool) {
    let bytes = if thorough { 64 * MIB } else { 8 * MIB };
    let (noise, text) = (noise(bytes), text(bytes));
    let ring = KeyRing::generate().unwrap();
    hashing(table, &ring, &noise);
    chunking(table, &ring, &noise);
    frames(table, "gzip-like bytes", &noise);
    frames(table, "text", &text);
    sealing(table, &ring, &noise);
    tars(table, &tar(bytes));
    trees(table, if thorough { 200_000 } else { 2_000 });
}

fn hashing(table: &mut Table, ring: &KeyRing, data: &[u8]) {
    table.stage("SHA-256", data.len(), || format!("{:x?}", &Sha256::digest(data)[..2]));
    table.stage("BLAKE3, plain", data.len(), || {
        let hasher = data.chunks(FRAME_BYTES).fold(blake3::Hasher::new(), |mut hasher, piece| {
            hasher.update(piece);
            hasher
        });
        hasher.finalize().to_hex()[..4].to_owned()
    });
    for len in [16 << 10, MIB] {
        table.stage(&format!("chunk ids (BLAKE3, keyed), {} KiB each", len >> 10), data.len(), || {
            let ids = data.chunks(len).map(|chunk| ring.chunk_id(chunk)).filter(|id| id.as_bytes()[0] < 128);
            format!("{} ids below the middle", ids.count())
        });
    }
}

fn chunking(table: &mut Table, ring: &KeyRing, data: &[u8]) {
    let ChunkerParams { fine, coarse, normalization } = ChunkerParams::default();
    for (name, sizes) in [("fine", fine), ("coarse", coarse)] {
        let ChunkSizes { avg, .. } = sizes;
        let chunker = Chunker::new(sizes, normalization, ring.gear_seed()).unwrap();
        table.stage(&format!("FastCDC, {name}, {} KiB on average", avg >> 10), data.len(), || {
            let mut chunks = 0;
            let mut stream = StreamChunker::new(chunker.clone());
            let mut count = |_: Chunk<'_>| {
                chunks += 1;
                Ok::<(), Infallible>(())
            };
            data.chunks(MIB).for_each(|piece| stream.push(piece, &mut count).unwrap());
            stream.finish(&mut count).unwrap();
            format!("{chunks} chunks")
        });
    }
}

fn frames(table: &mut Table, what: &str, data: &[u8]) {
    let mut compressor = Compressor::new(LEVEL).unwrap();
    let mut frames = Vec::new();
    table.stage(&format!("zstd level {LEVEL} in 1 MiB frames, {what}"), data.len(), || {
        frames = data
            .chunks(FRAME_BYTES)
            .map(|plain| Bytes::from(compressor.compress(plain.into()).unwrap()))
            .collect();
        let stored: usize = frames.iter().map(Bytes::len).sum();
        format!("{:.1} % of its length", stored as f64 * 100.0 / data.len() as f64)
    });
    table.stage(&format!("the same, back, {what}"), data.len(), || {
        let lengths = data.chunks(FRAME_BYTES).map(<[u8]>::len);
        let plain = frames.iter().zip(lengths).map(|(frame, len)| decompress(frame, len).unwrap().len());
        format!("{} bytes", plain.sum::<usize>())
    });
}

fn sealing(table: &mut Table, ring: &KeyRing, data: &[u8]) {
    // In place, as a session does.
    let mut frames: Vec<Vec<u8>> = data.chunks(FRAME_BYTES).map(<[u8]>::to_vec).collect();
    let mut header = None;
    table.stage("frame sealing (ChaCha20-Poly1305), 1 MiB each", data.len(), || {
        let (head, sealer) = ring.new_pack().unwrap();
        header = Some(head);
        for (frame, plain) in frames.iter_mut().zip(data.chunks(FRAME_BYTES)) {
            frame.truncate(plain.len());
            sealer.next_frame().unwrap().seal(frame).unwrap();
        }
        format!("{} frames", frames.len())
    });
    let opener = ring.open_pack(&header.unwrap()).unwrap();
    let mut opened = Vec::new();
    table.stage("frame opening", data.len(), || {
        for (number, frame) in (0..).zip(&frames) {
            opened.clone_from(frame);
            opener.open_frame(number, &mut opened).unwrap();
        }
        String::new()
    });
}

fn tars(table: &mut Table, tar: &[u8]) {
    let mut streams = TarStreams::default();
    table.stage("tar split", tar.len(), || {
        streams = TarStreams::default();
        let mut splitter = TarSplitter::new();
        tar.chunks(4 * MIB).for_each(|piece| splitter.push(piece, &mut streams).unwrap());
        format!("{} members", splitter.finish(&mut streams).unwrap().members)
    });
    let mut buffer = vec![0; 256 << 10];
    table.stage("tar join", tar.len(), || {
        let mut joiner = TarJoin::new(&*streams.skeleton, &*streams.payload);
        let mut total = 0;
        loop {
            match joiner.read(&mut buffer).unwrap() {
                0 => return format!("{total} bytes"),
                count => total += count,
            }
        }
    });
}

fn trees(table: &mut Table, count: usize) {
    let entries = tree(count);
    let encode = || {
        let mut encoder = TreeEncoder::default();
        entries.iter().flat_map(|entry| encoder.encode(entry).unwrap()).collect::<Vec<u8>>()
    };
    let stream = encode();
    table.stage("tree encode", stream.len(), || {
        format!("{count} entries, {} bytes each", encode().len() / count)
    });
    table.stage("tree decode", stream.len(), || {
        let mut decoder = TreeDecoder::default();
        let mut read = 0;
        for piece in stream.chunks(256 << 10) {
            decoder.push(piece);
            while decoder.next_entry().unwrap().is_some() {
                read += 1;
            }
        }
        format!("{read} entries")
    });
}
