//! `pack.json`: one whole pack, and the bytes of each of its parts before they are sealed.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use dtrvault_codec::Compressor;
use dtrvault_crypto::padded_len;
use dtrvault_format::cbor::Object;
use dtrvault_format::pack::{HEADER_BYTES, TRAILER_BYTES};
use dtrvault_format::{
    BlobRecord, ChunkEntry, Digest, Directory, FrameEntry, PackHeader, Recipe, SegmentPack,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::repository::{Draws, derived, draw_seed, one_chunk, ring};
use super::{changed, frame, refused};
use crate::error::holds;
use crate::{Result, SpecError, hex};

/// A pack of two frames, and what it is made of.
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) segment: SegmentPack,
    pub(super) directory: Directory,
    frames: Vec<Vec<u8>>,
}

pub(super) fn whole() -> Result<Made> {
    let ring = ring("pack")?;
    let (header, sealer) = ring.new_pack()?;
    let mut bytes = header.to_bytes().to_vec();
    let stored = Compressor::new(3)?.compress(b"onetwo"[..].into())?;
    let contents: [(&[&[u8]], Vec<u8>); 2] =
        [(&[b"one", b"two"], stored), (&[&frame::zstd_plain()], frame::zstd_frame()?)];
    let mut directory = Directory::default();
    let mut frames = Vec::new();
    for (chunks, mut frame) in contents {
        frames.push(frame.clone());
        sealer.next_frame()?.seal(&mut frame)?;
        let entry = |chunk: &&[u8]| ChunkEntry {
            id: ring.chunk_id(chunk),
            len: u32::try_from(chunk.len()).unwrap_or(u32::MAX),
        };
        directory.frames.push(FrameEntry {
            stored_len: u32::try_from(frame.len()).unwrap_or(u32::MAX),
            chunks: chunks.iter().map(entry).collect(),
        });
        bytes.extend(frame);
    }
    directory.blobs.push(BlobRecord {
        digest: Digest::new(Sha256::digest(b"one").into()),
        size: 3,
        recipe: Recipe::Plain(one_chunk(&ring, b"one")),
    });
    directory.validate()?;
    let tail = sealer.finish(&directory.to_bytes(), bytes.len() as u64)?;
    bytes.extend(tail);
    let segment = SegmentPack {
        id: dtrvault_format::PackId::new(blake3::hash(&bytes).into()),
        size: bytes.len() as u64,
        header,
        frames: directory.frames.clone(),
    };
    Ok(Made { bytes, segment, directory, frames })
}

/// Opens one part as `pack.md` says.
fn opened(key: &[u8; 32], number: u8, name: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; 12];
    nonce[11] = number;
    ChaCha20Poly1305::new(key.into())
        .decrypt(&nonce.into(), Payload { msg: sealed, aad: name })
        .map_err(|_| SpecError::Departs { detail: "how a part of a pack is sealed" })
}

pub(super) fn make() -> Result<Value> {
    let made = whole()?;
    let PackHeader { salt, enc, wrapped } = made.segment.header;
    let mut draws = Draws::of(&draw_seed("pack"));
    holds(draws.next() == *salt, "the salt of a pack")?;
    let (pack_key, ikm) = (draws.next(), draws.next());
    let directory_key = *blake3::keyed_hash(&derived("dtrvault v1 2026 pack directory"), &*salt).as_bytes();

    let size = made.bytes.len();
    holds(padded_len(size as u64) == size as u64, "lengths of packs")?;
    let trailer = opened(&directory_key, 1, b"dtrvault/1/trailer", &made.bytes[size - TRAILER_BYTES..])?;
    let len = trailer.first_chunk().map_or(0, |len| u32::from_be_bytes(*len)) as usize;
    let at = size - TRAILER_BYTES - len;
    let sealed = &made.bytes[at..size - TRAILER_BYTES];
    let padded = opened(&directory_key, 0, b"dtrvault/1/directory", sealed)?;
    let plain = made.directory.to_bytes();
    let rest = padded.strip_prefix(&*plain).and_then(|rest| rest.split_first());
    let zeros = rest.is_some_and(|(mark, rest)| *mark == 0x80 && rest.iter().all(|byte| *byte == 0));
    holds(zeros, "the directory of a pack")?;
    let mut offset = HEADER_BYTES;
    let mut frames = Vec::new();
    for (number, (frame, entry)) in (0..).zip(made.frames.iter().zip(&made.directory.frames)) {
        let end = offset + entry.stored_len as usize;
        let plain = opened(&pack_key, number, b"dtrvault/1/frame", &made.bytes[offset..end])?;
        holds(plain == *frame, "the frames of a pack")?;
        frames.push(json!({ "offset": offset, "stored_len": entry.stored_len, "opened": hex(frame) }));
        offset = end;
    }
    holds(offset == at, "where a pack's directory begins")?;
    let header = &made.bytes[..HEADER_BYTES];
    Ok(json!({
        "hex": hex(&made.bytes),
        "id": made.segment.id,
        "header": { "salt": hex(&*salt), "enc": hex(&*enc), "wrapped": hex(&*wrapped) },
        "hpke_ephemeral_ikm": hex(&ikm),
        "pack_key": hex(&pack_key),
        "frames": frames,
        "directory": { "offset": at, "sealed_len": len, "plain": hex(&plain), "value": made.directory },
        "directory_key": hex(&directory_key),
        "refused_headers": [
            refused("another magic", &changed(header, 7, b'2')),
            refused("cut short", &header[..HEADER_BYTES - 1]),
        ],
        "refused_directories": refused_directories(&made.directory),
    }))
}

/// Plain directories that break a bound.
fn refused_directories(sound: &Directory) -> Vec<Value> {
    let with = |why: &str, change: fn(&mut FrameEntry)| {
        let mut directory = sound.clone();
        directory.frames.iter_mut().take(1).for_each(change);
        refused(why, &directory.to_bytes())
    };
    vec![
        with("a frame without chunks", |frame| frame.chunks.clear()),
        with("a chunk without bytes", |frame| frame.chunks.iter_mut().for_each(|chunk| chunk.len = 0)),
        with("a chunk over the limit", |frame| {
            frame.chunks.iter_mut().for_each(|chunk| chunk.len = (8 << 20) + 1);
        }),
        with("a frame over the limit", |frame| {
            frame.chunks.iter_mut().for_each(|chunk| chunk.len = 5 << 20);
        }),
        with("a stored frame over the limit", |frame| frame.stored_len = u32::MAX),
    ]
}
