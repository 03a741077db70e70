//! Reading a stream: windows of chunks, the next one fetched while one is consumed.

use std::collections::VecDeque;
use std::io::{self, Read};

use bytes::Bytes;
use dtrvault_codec::{CodecError, ListEntry, ListReader};
use dtrvault_format::{ChunkId, StreamRef};
use tokio::task::JoinHandle;

use super::chunks::{Proof, Reader};
use crate::error::{RepoError, Result};

/// Plain bytes that are fetched at once. A reader holds two windows at most.
pub(super) const WINDOW_BYTES: u64 = 8 << 20;

/// Chunks of one window at most: lists are written by whoever holds a key, and may be made of
/// chunks of one byte.
const WINDOW_CHUNKS: usize = 16 << 10;

/// A stream's bytes. Fails with the [`RepoError`] inside the `io::Error`.
pub struct StreamReader {
    reader: Reader,
    chunks: Chunks,
    proof: Proof,
    /// What is yet to come, when the length is known: only the topmost stream's is.
    left: Option<u64>,
    current: Bytes,
    window: VecDeque<Bytes>,
    ahead: Option<JoinHandle<Result<Vec<Bytes>>>>,
}

/// Where the ids of a stream's chunks come from.
enum Chunks {
    One(Option<ChunkId>),
    Listed(Box<ListReader<StreamReader>>),
}

impl Reader {
    /// Opens a stream.
    ///
    /// # Errors
    /// [`RepoError::Format`] for a reference that breaks the format's limits.
    pub fn stream(&self, stream: &StreamRef) -> Result<StreamReader> {
        stream.validate()?;
        Ok(self.stream_of(stream.root, stream.depth, Some(stream.len)))
    }

    /// The chunks of a stream, in order. Lists are read, content is not.
    ///
    /// # Errors
    /// As [`Reader::stream`].
    pub fn entries(&self, stream: &StreamRef) -> Result<impl Iterator<Item = Result<ListEntry>> + use<>> {
        stream.validate()?;
        let only = match (stream.depth, stream.root) {
            (0, Some(id)) => {
                let length = u32::try_from(stream.len).map_err(|_| broken("a chunk of over 4 GiB"))?;
                Some(ListEntry { id, length })
            }
            _ => None,
        };
        let below = stream.depth.checked_sub(1);
        let listed = below.map(|depth| ListReader::new(self.stream_of(stream.root, depth, None)));
        let listed = listed.into_iter().flatten().map(|entry| entry.map_err(list_error));
        Ok(only.map(Ok).into_iter().chain(listed))
    }

    /// Calls `visit` with the ids of a stream's chunks, window after window. Lists are read, content is
    /// not. Ends with [`RepoError::Aborted`] once it `is_cancelled`.
    pub(super) fn each_window(
        &self,
        stream: &StreamRef,
        is_cancelled: &dyn Fn() -> bool,
        mut visit: impl FnMut(&[ChunkId]) -> Result<()>,
    ) -> Result<()> {
        let mut chunks = self.stream(stream)?;
        let mut named = 0_u64;
        loop {
            let ids = chunks.next_ids(WINDOW_BYTES)?;
            if ids.is_empty() {
                return Ok(());
            }
            if is_cancelled() {
                return Err(RepoError::Aborted);
            }
            // No chunk is empty.
            named = named.saturating_add(ids.len() as u64);
            if named > stream.len {
                return Err(broken("it has more chunks than bytes"));
            }
            visit(&ids)?;
        }
    }

    fn stream_of(&self, root: Option<ChunkId>, depth: u8, len: Option<u64>) -> StreamReader {
        let chunks = match depth.checked_sub(1) {
            None => Chunks::One(root),
            Some(below) => Chunks::Listed(Box::new(ListReader::new(self.stream_of(root, below, None)))),
        };
        StreamReader {
            reader: self.clone(),
            chunks,
            proof: Proof::Chunks,
            left: len,
            current: Bytes::new(),
            window: VecDeque::new(),
            ahead: None,
        }
    }
}

impl StreamReader {
    /// With another proof than [`Proof::Chunks`] of what is read from now on. Lists of chunks keep theirs.
    #[must_use]
    pub fn with_proof(self, proof: Proof) -> Self {
        Self { proof, ..self }
    }

    /// Ids of the stream's next chunks, up to a window full; none at its end.
    pub(super) fn next_ids(&mut self, window_bytes: u64) -> Result<Vec<ChunkId>> {
        match &mut self.chunks {
            Chunks::One(root) => Ok(root.take().into_iter().collect()),
            Chunks::Listed(list) => {
                let mut ids = Vec::new();
                let mut bytes = 0;
                while bytes < window_bytes && ids.len() < WINDOW_CHUNKS {
                    let Some(ListEntry { id, length }) = list.next().transpose().map_err(list_error)? else {
                        break;
                    };
                    bytes += u64::from(length);
                    ids.push(id);
                }
                Ok(ids)
            }
        }
    }

    fn start_next_window(&mut self) -> Result<()> {
        let ids = self.next_ids(WINDOW_BYTES)?;
        if !ids.is_empty() {
            let (reader, proof) = (self.reader.clone(), self.proof);
            let runtime = self.reader.repo().backend().runtime();
            self.ahead = Some(runtime.spawn_blocking(move || reader.fetch(&ids, proof)));
        }
        Ok(())
    }

    /// The next chunk, or what is left of one that was read in part; empty at the end.
    ///
    /// # Errors
    /// As [`Reader::fetch`], and [`RepoError::DamagedStream`].
    pub fn next_chunk(&mut self) -> Result<Bytes> {
        if !self.current.is_empty() {
            return Ok(std::mem::take(&mut self.current));
        }
        if self.window.is_empty() {
            match self.ahead.take() {
                Some(ahead) => {
                    self.start_next_window()?;
                    let joined = self.reader.repo().backend().runtime().block_on(ahead);
                    self.window = joined.map_err(|_| broken("a read was cancelled"))??.into();
                }
                // The first window, or the end.
                None => {
                    let ids = self.next_ids(WINDOW_BYTES)?;
                    self.start_next_window()?;
                    self.window = self.reader.fetch(&ids, self.proof)?.into();
                }
            }
        }
        let chunk = self.window.pop_front().unwrap_or_default();
        if let Some(left) = &mut self.left {
            *left = left
                .checked_sub(chunk.len() as u64)
                .ok_or_else(|| broken("it is longer than its reference says"))?;
            if chunk.is_empty() && *left > 0 {
                return Err(broken("it is shorter than its reference says"));
            }
        }
        Ok(chunk)
    }
}

impl Read for StreamReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.current.is_empty() {
            self.current = self.next_chunk().map_err(io::Error::other)?;
        }
        let count = out.len().min(self.current.len());
        let taken = self.current.split_to(count);
        for (to, from) in out.iter_mut().zip(&taken) {
            *to = *from;
        }
        Ok(count)
    }
}

fn broken(detail: &'static str) -> RepoError {
    RepoError::DamagedStream { detail }
}

/// The error of this crate that reading a list ran into, or one that says what it is.
fn list_error(error: CodecError) -> RepoError {
    match error {
        CodecError::Io(error) => {
            error.downcast().unwrap_or_else(|_| broken("its list of chunks cannot be read"))
        }
        _ => broken("its list of chunks is malformed"),
    }
}
