//! Tars: splitting loses nothing, and joining never gives more than it was given.

use std::io::Read;

use dtrvault_codec::{TarJoin, TarReport, TarSplitter, TarStreams};

fn split(bytes: &[u8], piece: usize) -> (TarReport, TarStreams) {
    let mut streams = TarStreams::default();
    let mut splitter = TarSplitter::new();
    let pushed = bytes.chunks(piece.max(1)).try_for_each(|part| splitter.push(part, &mut streams));
    match pushed.and_then(|()| splitter.finish(&mut streams)) {
        Ok(report) => (report, streams),
        Err(never) => match never {},
    }
}

/// The first two bytes are the length of the pieces.
pub(super) fn tar_split(bytes: &[u8]) {
    let (piece, tar) = super::number(bytes);
    let (report, streams) = split(tar, piece);
    let mut joined = Vec::new();
    let read = TarJoin::new(&*streams.skeleton, &*streams.payload).read_to_end(&mut joined);
    assert!(read.is_ok() && joined == tar, "a tar that does not come back");
    assert!(split(tar, usize::MAX) == (report, streams), "pieces change the result");
}

/// The first two bytes are the length of the skeleton; the rest is payload.
pub(super) fn tar_join(bytes: &[u8]) {
    let (len, rest) = super::number(bytes);
    let (skeleton, payload) = rest.split_at(len.min(rest.len()));
    let mut joiner = TarJoin::new(skeleton, payload);
    let mut out = Vec::new();
    if (&mut joiner).take(1 << 20).read_to_end(&mut out).is_err() {
        assert!(joiner.read(&mut [0; 16]).is_err(), "reading goes on after an error");
    }
    assert!(out.len() <= rest.len(), "more bytes than there were");
}
