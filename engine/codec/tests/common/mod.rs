//! What the tests of the tar room share.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

pub mod zip;

use std::io::Read;

use dtrvault_codec::{TarJoin, TarReport, TarSplitter, TarStreams};

/// Splits `bytes`, pushed in pieces whose lengths go round in `pieces`.
pub fn split_in(bytes: &[u8], pieces: &[usize]) -> (TarReport, TarStreams) {
    let mut streams = TarStreams::default();
    let mut splitter = TarSplitter::new();
    let mut rest = bytes;
    for &piece in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (next, later) = rest.split_at(piece.min(rest.len()));
        splitter.push(next, &mut streams).unwrap();
        rest = later;
    }
    let report = splitter.finish(&mut streams).unwrap();
    (report, streams)
}

pub fn join(streams: &TarStreams) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    TarJoin::new(&streams.skeleton[..], &streams.payload[..]).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Splits, and proves that joining gives the same bytes.
pub fn split(bytes: &[u8]) -> (TarReport, TarStreams) {
    let (report, streams) = split_in(bytes, &[bytes.len().max(1)]);
    assert!(join(&streams).unwrap() == bytes, "joining gave other bytes");
    (report, streams)
}

/// A header block with its checksum right.
pub fn header(name: &str, flag: u8, size: u64) -> [u8; 512] {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_entry_type(tar::EntryType::new(flag));
    header.set_size(size);
    header.set_cksum();
    *header.as_bytes()
}

/// A header block that was changed after the fact, its checksum made right again.
pub fn changed(mut block: [u8; 512], change: impl FnOnce(&mut [u8; 512])) -> [u8; 512] {
    change(&mut block);
    let mut header = tar::Header::from_byte_slice(&block).clone();
    header.set_cksum();
    *header.as_bytes()
}

/// A tar of one member.
pub fn tar_of(name: &str, content: &[u8]) -> Vec<u8> {
    [&header(name, b'0', content.len() as u64)[..], &padded(content), &[0; 1024]].concat()
}

/// Contents, padded to whole blocks.
pub fn padded(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    bytes.resize(content.len().next_multiple_of(512), 0);
    bytes
}
