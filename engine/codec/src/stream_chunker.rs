//! Chunking of a stream that is pushed piece by piece.

use crate::chunker::{Chunker, Search};
use crate::frame::PlainFrame;

/// A chunk that was found.
#[derive(Debug)]
pub enum Chunk<'a> {
    /// It lies whole in the pushed piece.
    Borrowed(&'a [u8]),
    /// It was gathered from several pieces. May be taken; what is left here is cleared.
    Gathered(&'a mut PlainFrame),
}

impl Chunk<'_> {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Gathered(frame) => frame.plain(),
        }
    }
}

/// Cuts a stream that arrives in pieces. How it was pieced does not change the chunks.
///
/// Holds less than a chunk; every byte is copied at most once. After the sink failed
/// the stream is lost: drop the chunker.
#[derive(Debug)]
pub struct StreamChunker {
    chunker: Chunker,
    search: Search,
    /// The chunk's bytes out of earlier pieces.
    gathered: PlainFrame,
}

impl StreamChunker {
    /// A chunker at the start of a stream.
    pub fn new(chunker: Chunker) -> Self {
        Self { chunker, search: Search::default(), gathered: PlainFrame::default() }
    }

    /// Takes the next bytes of the stream and gives every chunk now known to `sink`.
    pub fn push<E>(
        &mut self,
        mut data: &[u8],
        sink: &mut dyn FnMut(Chunk<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(length) = self.chunker.search(&mut self.search, data) {
            self.search = Search::default();
            let held = self.gathered.len();
            if held == 0 {
                let (chunk, rest) = data.split_at(length);
                sink(Chunk::Borrowed(chunk))?;
                data = rest;
                continue;
            }
            match length.checked_sub(held) {
                Some(more) => {
                    let (end, rest) = data.split_at(more);
                    self.gathered.extend(end);
                    sink(Chunk::Gathered(&mut self.gathered))?;
                    self.gathered.clear();
                    data = rest;
                }
                None => {
                    // The boundary was found with the first byte of this piece, and lies before
                    // the last byte of the piece before it.
                    let last = self.gathered.pop();
                    sink(Chunk::Gathered(&mut self.gathered))?;
                    self.gathered.clear();
                    self.gathered.extend(last.as_slice());
                    // Shorter than the shortest chunk, so this only counts it.
                    self.chunker.search(&mut self.search, last.as_slice());
                }
            }
        }
        self.gathered.extend(data);
        Ok(())
    }

    /// Ends the stream: gives the last chunk to `sink`. The chunker is then at the start
    /// of a next stream.
    pub fn finish<E>(&mut self, sink: &mut dyn FnMut(Chunk<'_>) -> Result<(), E>) -> Result<(), E> {
        self.search = Search::default();
        if !self.gathered.is_empty() {
            sink(Chunk::Gathered(&mut self.gathered))?;
        }
        self.gathered.clear();
        Ok(())
    }
}
