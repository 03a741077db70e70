//! A deflated entry of a zip archive, gathered and inflated while it comes.

use dtrvault_format::limits::MAX_DEFLATED_BYTES;
use flate2::{Decompress, FlushDecompress, Status};

/// Longest deflate stream that is gathered, bytes.
pub(crate) const MAX_PACKED_BYTES: usize = 4 << 20;
/// Room that is made for content at once, bytes.
const PIECE_BYTES: usize = 64 << 10;

/// An entry, up to where its stream ends.
#[derive(Debug)]
pub(crate) struct Entry {
    inflate: Decompress,
    packed: Vec<u8>,
    plain: Vec<u8>,
}

/// How far a push came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Everything was taken, and the stream goes on.
    All,
    /// The stream has ended after so many of the bytes, within the bounds.
    Ended(usize),
    /// So many of the bytes were taken, and the stream is damaged or too long.
    Broken(usize),
}

impl Default for Entry {
    fn default() -> Self {
        Self { inflate: Decompress::new(false), packed: Vec::new(), plain: Vec::new() }
    }
}

impl Entry {
    /// Begins another one.
    pub(crate) fn begin(&mut self) {
        self.inflate.reset(false);
        self.packed.clear();
        self.plain.clear();
    }

    /// The stream, as far as it came.
    pub(crate) fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// Its content.
    pub(crate) fn plain(&self) -> &[u8] {
        &self.plain
    }

    /// Takes the next bytes of the stream.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Pushed {
        let mut rest = bytes;
        loop {
            self.plain.reserve(PIECE_BYTES);
            let (before_in, before_out) = (self.inflate.total_in(), self.plain.len());
            let status = self.inflate.decompress_vec(rest, &mut self.plain, FlushDecompress::None);
            let Ok(status) = status else { return Pushed::Broken(bytes.len() - rest.len()) };
            let taken = usize::try_from(self.inflate.total_in() - before_in).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(taken.min(rest.len()));
            self.packed.extend_from_slice(now);
            rest = later;
            let taken = bytes.len() - rest.len();
            if self.packed.len() > MAX_PACKED_BYTES || self.plain.len() as u64 > MAX_DEFLATED_BYTES {
                return Pushed::Broken(taken);
            }
            if status == Status::StreamEnd {
                return Pushed::Ended(taken);
            }
            let is_full = self.plain.len() == self.plain.capacity();
            match (rest.is_empty(), now.is_empty() && self.plain.len() == before_out) {
                (true, _) if !is_full => return Pushed::All,
                (false, true) => return Pushed::Broken(taken),
                _ => {}
            }
        }
    }
}
