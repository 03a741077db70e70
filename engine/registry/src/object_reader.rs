//! An object of a store as `std::io::Read`: a task of the runtime fetches ahead, within a bound.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use dtrvault_store::{Result, Store};
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

/// Most bytes fetched and not yet read. One piece may exceed it when it comes alone.
const READ_AHEAD_BYTES: u32 = 4 * 1024 * 1024;

/// Reads one object from its beginning. Must be read outside of the runtime's own threads,
/// since it waits.
pub(crate) struct ObjectReader {
    pieces: mpsc::UnboundedReceiver<Result<Option<Bytes>>>,
    current: Bytes,
    budget: Arc<Semaphore>,
    task: JoinHandle<()>,
    read: u64,
    ended: bool,
}

impl ObjectReader {
    pub(crate) fn new(handle: &Handle, store: Arc<dyn Store>, key: String) -> Self {
        let budget = Arc::new(Semaphore::new(READ_AHEAD_BYTES as usize));
        let (sender, pieces) = mpsc::unbounded_channel();
        let permits = Arc::clone(&budget);
        let task = handle.spawn(async move {
            let mut stream = store.get_stream(&key);
            while let Some(piece) = stream.next().await {
                let weight = piece.as_ref().map_or(0, weight);
                // The reader gives back what it has read.
                match permits.acquire_many(weight).await {
                    Ok(permit) => permit.forget(),
                    Err(_) => return,
                }
                let failed = piece.is_err();
                if sender.send(piece.map(Some)).is_err() || failed {
                    return;
                }
            }
            let _ = sender.send(Ok(None));
        });
        Self { pieces, current: Bytes::new(), budget, task, read: 0, ended: false }
    }

    /// Waits for the first piece, so that absence is told before anything is read.
    pub(crate) fn begin(mut self) -> Result<Self> {
        match self.pieces.blocking_recv() {
            Some(Err(error)) => return Err(error),
            Some(Ok(piece)) => self.accept(piece),
            // Reading will tell.
            None => {}
        }
        Ok(self)
    }

    fn accept(&mut self, piece: Option<Bytes>) {
        match piece {
            Some(bytes) => {
                self.budget.add_permits(weight(&bytes) as usize);
                self.current = bytes;
            }
            None => self.ended = true,
        }
    }

    /// Bytes read until now.
    pub(crate) fn position(&self) -> u64 {
        self.read
    }
}

fn weight(bytes: &Bytes) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(READ_AHEAD_BYTES).min(READ_AHEAD_BYTES)
}

impl Read for ObjectReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !out.is_empty() {
            match self.pieces.blocking_recv() {
                // The task ended before the object did; an end must never be taken for granted.
                None if !self.ended => return Err(io::ErrorKind::ConnectionAborted.into()),
                None => return Ok(0),
                Some(Err(error)) => return Err(io::Error::other(error)),
                Some(Ok(piece)) => self.accept(piece),
            }
        }
        let len = out.len().min(self.current.len());
        self.current.split_to(len).copy_to_slice(out.get_mut(..len).unwrap_or_default());
        self.read += len as u64;
        Ok(len)
    }
}

impl Drop for ObjectReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}
