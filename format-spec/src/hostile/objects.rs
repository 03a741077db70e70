//! Objects of the format: what decodes has one encoding, the one that was read.

use dtrvault_format::cbor::{self, Object};
use dtrvault_format::pack::HEADER_BYTES;
use dtrvault_format::{
    Config, Directory, Entry, FormatError, KeySlot, Lease, PackHeader, Recipe, Segment, Snapshot,
    TreeDecoder, TreeEncoder,
};

fn object<T: Object>(bytes: &[u8]) {
    if let Ok(value) = T::from_bytes(bytes) {
        assert!(value.to_bytes() == bytes, "{} has a second encoding", T::WHAT);
    }
}

pub(super) fn config(bytes: &[u8]) {
    object::<Config>(bytes);
}

pub(super) fn slot(bytes: &[u8]) {
    object::<KeySlot>(bytes);
}

pub(super) fn pack_directory(bytes: &[u8]) {
    object::<Directory>(bytes);
}

pub(super) fn segment(bytes: &[u8]) {
    object::<Segment>(bytes);
}

pub(super) fn snapshot(bytes: &[u8]) {
    object::<Snapshot>(bytes);
}

pub(super) fn lease(bytes: &[u8]) {
    object::<Lease>(bytes);
}

pub(super) fn pack_header(bytes: &[u8]) {
    match PackHeader::from_bytes(bytes) {
        Ok(header) => assert!(bytes.starts_with(&header.to_bytes())),
        Err(_) => assert!(bytes.len() < HEADER_BYTES || !bytes.starts_with(&dtrvault_format::pack::MAGIC)),
    }
}

pub(super) fn recipe(bytes: &[u8]) {
    if let Ok(recipe) = cbor::decode::<Recipe>(bytes, "recipe") {
        assert!(cbor::encode(&recipe) == bytes);
        assert!(recipe.validate().is_err() || recipe.streams().all(|stream| stream.validate().is_ok()));
    }
}

/// Pieces of any size give the same entries, and what was read can be written and read again.
pub(super) fn tree(bytes: &[u8]) {
    let (piece, bytes) = super::number(bytes);
    let whole = read_tree(bytes, bytes.len());
    let pieces = read_tree(bytes, piece);
    assert!(whole.is_ok() == pieces.is_ok(), "pieces decide whether a tree is sound");
    let Ok(entries) = whole else { return };
    assert!(pieces.is_ok_and(|pieces| pieces == entries), "pieces change entries");
    let mut encoder = TreeEncoder::default();
    let written: Result<Vec<Vec<u8>>, FormatError> =
        entries.iter().map(|entry| encoder.encode(entry)).collect();
    let again = written.and_then(|written| read_tree(&written.concat(), usize::MAX));
    assert!(again.is_ok_and(|again| again == entries), "a tree that was read cannot be written");
}

fn read_tree(bytes: &[u8], piece: usize) -> Result<Vec<Entry>, FormatError> {
    let mut decoder = TreeDecoder::default();
    let mut entries = Vec::new();
    for part in bytes.chunks(piece.max(1)) {
        decoder.push(part);
        while let Some(entry) = decoder.next_entry()? {
            entries.push(entry);
        }
    }
    decoder.finish().map(|()| entries)
}
