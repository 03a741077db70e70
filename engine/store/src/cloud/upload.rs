//! An object written in pieces: one request while it is small, a multipart upload beyond.

use super::error;
use crate::{Result, StoreError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};

/// Bytes of every part but the last: some stores want them equal, S3 at least 5 MiB and at most
/// 10,000 parts, which gives 156 GiB an object.
const PART_BYTES: usize = 16 << 20;

/// Parts on their way at once; with the one being filled, three are in memory.
const PARTS_IN_FLIGHT: usize = 2;

/// Most parts S3 and GCS take.
const MAX_PARTS: usize = 10_000;

#[derive(Debug)]
pub(super) struct CloudUpload {
    store: Arc<dyn ObjectStore>,
    url: String,
    key: String,
    path: Path,
    /// The part being filled; never [`PART_BYTES`] long between two writes.
    pending: Vec<Bytes>,
    pending_bytes: usize,
    session: Option<Box<dyn MultipartUpload>>,
    in_flight: JoinSet<object_store::Result<()>>,
    parts: usize,
    /// Set while a write runs, and left so by one that failed or was cut off.
    broken: bool,
}

impl CloudUpload {
    pub(super) fn new(store: Arc<dyn ObjectStore>, url: String, key: String, path: Path) -> Self {
        Self {
            store,
            url,
            key,
            path,
            pending: Vec::new(),
            pending_bytes: 0,
            session: None,
            in_flight: JoinSet::new(),
            parts: 0,
            broken: false,
        }
    }

    fn error(&self, error: object_store::Error) -> StoreError {
        error::sort(&self.url, &self.key, error)
    }

    fn backend(&self, words: &'static str) -> StoreError {
        StoreError::Backend { key: self.key.clone(), source: words.into() }
    }

    fn take_pending(&mut self) -> PutPayload {
        self.pending_bytes = 0;
        PutPayload::from_iter(std::mem::take(&mut self.pending))
    }

    async fn send_part(&mut self) -> Result<()> {
        while self.in_flight.len() >= PARTS_IN_FLIGHT {
            self.wait_for_part().await?;
        }
        if self.parts >= MAX_PARTS {
            return Err(self.backend("the object has more parts than the store takes"));
        }
        self.parts += 1;
        let payload = self.take_pending();
        let part = match &mut self.session {
            Some(session) => session.put_part(payload),
            None => {
                let begun = self.store.put_multipart(&self.path).await;
                let mut session = begun.map_err(|e| self.error(e))?;
                let part = session.put_part(payload);
                self.session = Some(session);
                part
            }
        };
        self.in_flight.spawn(part);
        Ok(())
    }

    async fn wait_for_part(&mut self) -> Result<()> {
        match self.in_flight.join_next().await {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(e))) => Err(self.error(e)),
            Some(Err(join)) => Err(self.lost(join)),
        }
    }

    fn lost(&self, join: JoinError) -> StoreError {
        StoreError::Backend { key: self.key.clone(), source: Box::new(join) }
    }

    async fn complete(&mut self) -> Result<()> {
        if self.broken {
            return Err(self.backend("an earlier write of this upload failed"));
        }
        if self.session.is_none() {
            let payload = self.take_pending();
            let sent = self.store.put(&self.path, payload).await;
            return sent.map(|_| ()).map_err(|e| self.error(e));
        }
        if self.pending_bytes > 0 {
            self.send_part().await?;
        }
        while !self.in_flight.is_empty() {
            self.wait_for_part().await?;
        }
        let Some(session) = &mut self.session else {
            return Err(self.backend("the upload was never begun"));
        };
        match session.complete().await {
            Ok(_) => {
                self.session = None;
                Ok(())
            }
            Err(e) => Err(self.error(e)),
        }
    }
}

#[async_trait]
impl Upload for CloudUpload {
    async fn write(&mut self, mut data: Bytes) -> Result<()> {
        if self.broken {
            return Err(self.backend("an earlier write of this upload failed"));
        }
        self.broken = true;
        while !data.is_empty() {
            let room = PART_BYTES.saturating_sub(self.pending_bytes);
            let piece = data.split_to(room.min(data.len()));
            self.pending_bytes += piece.len();
            self.pending.push(piece);
            if self.pending_bytes >= PART_BYTES {
                self.send_part().await?;
            }
        }
        self.broken = false;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        // On failure the drop below gives up the parts.
        self.complete().await
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.in_flight.shutdown().await;
        match self.session.take() {
            None => Ok(()),
            Some(mut session) => session.abort().await.map_err(|e| self.error(e)),
        }
    }
}

/// Parts of an unfinished upload cost money until they are given up.
impl Drop for CloudUpload {
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else {
            return;
        };
        self.in_flight.abort_all();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Best effort: the bucket's own rule for unfinished uploads catches the rest.
            runtime.spawn(async move {
                let _ = session.abort().await;
            });
        }
    }
}
