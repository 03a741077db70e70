//! Chunking of a stream that is pushed piece by piece.

use crate::chunker::Chunker;

/// Cuts a stream that arrives in pieces. How it was pieced does not change the chunks.
///
/// Holds at most two chunks' worth of bytes; chunks that lie whole in a pushed piece are
/// handed on without a copy. After the sink failed the stream is lost: drop the chunker.
#[derive(Debug)]
pub struct StreamChunker {
    chunker: Chunker,
    /// `held[start..]` are the bytes not yet cut, fewer than a longest chunk between calls.
    held: Vec<u8>,
    start: usize,
}

impl StreamChunker {
    /// A chunker at the start of a stream.
    pub fn new(chunker: Chunker) -> Self {
        Self { chunker, held: Vec::new(), start: 0 }
    }

    /// Takes the next bytes of the stream and gives every chunk now known to `sink`.
    pub fn push<E>(
        &mut self,
        mut data: &[u8],
        sink: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let max = self.chunker.max_size();
        loop {
            let held = self.held.len() - self.start;
            if held == 0 {
                self.held.clear();
                self.start = 0;
                while data.len() >= max {
                    let (chunk, rest) = data.split_at(self.chunker.cut(data));
                    sink(chunk)?;
                    data = rest;
                }
                self.held.extend_from_slice(data);
                return Ok(());
            }
            let next = data.get(..max - held).unwrap_or(data);
            if self.held.len() + next.len() > 2 * max {
                // Fewer than `max` bytes move, once for every `max` bytes taken in.
                self.held.drain(..self.start);
                self.start = 0;
            }
            self.held.extend_from_slice(next);
            let window = self.held.get(self.start..).unwrap_or_default();
            if window.len() < max {
                return Ok(());
            }
            let length = self.chunker.cut(window);
            let (chunk, _) = window.split_at(length);
            sink(chunk)?;
            if length < held {
                // Give the borrowed bytes back, so that the held ones run out and
                // cutting goes on in the caller's own bytes.
                self.held.truncate(self.held.len() - next.len());
                self.start += length;
            } else {
                self.start = self.held.len();
                data = data.split_at(length - held).1;
            }
        }
    }

    /// Ends the stream: gives the last chunks to `sink`. The chunker is then at the start
    /// of a next stream.
    pub fn finish<E>(&mut self, sink: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut rest = self.held.get(self.start..).unwrap_or_default();
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(self.chunker.cut(rest));
            sink(chunk)?;
            rest = later;
        }
        self.held.clear();
        self.start = 0;
        Ok(())
    }
}
