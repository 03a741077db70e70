//! Tars: splitting loses nothing, joining never gives more than it was given, and listing shows the same
//! whether contents are read or passed over.

use std::io::{self, Read};

use dtrvault_codec::{
    MemberSink, ReadThrough, TarEntry, TarJoin, TarReport, TarSplitter, TarStreams, list_tar,
};

/// The members of a tar.
struct Members {
    entries: Vec<TarEntry>,
    reads: bool,
    passed: blake3::Hasher,
}

impl MemberSink for Members {
    type Error = io::Error;

    fn member(&mut self, entry: TarEntry) -> io::Result<bool> {
        self.entries.push(entry);
        Ok(self.reads)
    }

    fn content(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn passed(&mut self) -> &mut blake3::Hasher {
        &mut self.passed
    }
}

fn list(tar: &[u8], reads: bool) -> (io::Result<TarReport>, Vec<TarEntry>) {
    let mut members = Members { entries: Vec::new(), reads, passed: blake3::Hasher::new() };
    let report = list_tar(&mut ReadThrough::new(tar), &mut members);
    (report, members.entries)
}

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
    let ((read, members), (passed, same)) = (list(tar, true), list(tar, false));
    assert!(read.is_ok_and(|read| passed.is_ok_and(|passed| read == passed)), "a listing that fails");
    assert!(members == same, "passing over contents changes the listing");
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
