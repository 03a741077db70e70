//! Frames, and lists of chunks.

use bytes::Bytes;
use dtrvault_codec::{ListReader, decompress};
use dtrvault_format::limits::MAX_CHUNK_BYTES;
use dtrvault_format::stream::LIST_ENTRY_BYTES;

/// The first two bytes are the length that the directory states.
pub(super) fn frame(bytes: &[u8]) {
    let (len, frame) = super::number(bytes);
    if let Ok(plain) = decompress(&Bytes::copy_from_slice(frame), len) {
        assert!(plain.len() == len, "a frame of another length than stated");
    }
}

pub(super) fn stream_list(bytes: &[u8]) {
    let mut again = Vec::new();
    let mut sound = true;
    for entry in ListReader::new(bytes) {
        match entry.and_then(|entry| entry.encode()) {
            Ok(entry) => again.extend_from_slice(&entry),
            Err(_) => sound = false,
        }
    }
    assert!(bytes.starts_with(&again));
    assert!(!sound || again.len() == bytes.len(), "a list that ends early");
    let lengths = bytes.chunks_exact(LIST_ENTRY_BYTES).filter_map(<[u8]>::last_chunk::<4>);
    let bounded = lengths.map(|len| u32::from_le_bytes(*len)).all(|len| (1..=MAX_CHUNK_BYTES).contains(&len));
    assert!(sound == (bounded && bytes.len().is_multiple_of(LIST_ENTRY_BYTES)));
}
