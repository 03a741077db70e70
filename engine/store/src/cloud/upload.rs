//! An object written in pieces: one request while it is small, a multipart upload beyond.

use super::again::Patience;
use super::error;
use crate::{Result, StoreError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
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
    total_bytes: u64,
    patience: Patience,
    /// Set while a write runs, and left so by one that failed or was cut off.
    broken: bool,
}

impl CloudUpload {
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        url: String,
        key: String,
        path: Path,
        patience: Patience,
    ) -> Self {
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
            total_bytes: 0,
            patience,
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
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.begin().await?,
        };
        let part = session.put_part(payload);
        self.session = Some(session);
        self.in_flight.spawn(part);
        Ok(())
    }

    /// One that was begun unheard costs what any unfinished upload does.
    async fn begin(&mut self) -> Result<Box<dyn MultipartUpload>> {
        let mut tries = self.patience.begin();
        loop {
            match self.store.put_multipart(&self.path).await {
                Ok(session) => return Ok(session),
                Err(e) => tries.read_again(self.error(e)).await?,
            }
        }
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
            let mut tries = self.patience.begin();
            while let Err(e) = self.store.put(&self.path, payload.clone()).await {
                tries.write_again(self.error(e)).await?;
            }
            return Ok(());
        }
        if self.pending_bytes > 0 {
            self.send_part().await?;
        }
        while !self.in_flight.is_empty() {
            self.wait_for_part().await?;
        }
        let before = self.version().await?;
        let Some(session) = &mut self.session else {
            return Err(self.backend("the upload was never begun"));
        };
        if let Err(e) = session.complete().await {
            let error = self.error(e);
            // When the answer was lost, a repeated request finds no such upload any more.
            let unheard = error::broke_off(&error) || error.is_not_found();
            let done = unheard && self.version().await.is_ok_and(|now| self.is_new(before.as_ref(), now));
            if !done {
                return Err(if error.is_not_found() { self.backend("the upload is gone") } else { error });
            }
        }
        self.session = None;
        Ok(())
    }

    /// What stands under the name now.
    async fn version(&mut self) -> Result<Option<ObjectMeta>> {
        match self.store.head(&self.path).await.map_err(|e| self.error(e)) {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether an object has come in the place of what was there, with the length of this one.
    fn is_new(&self, before: Option<&ObjectMeta>, now: Option<ObjectMeta>) -> bool {
        let Some(now) = now else { return false };
        let tag = |meta: &ObjectMeta| (meta.e_tag.clone(), meta.last_modified);
        now.size == self.total_bytes && before.is_none_or(|before| tag(before) != tag(&now))
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
            self.total_bytes += piece.len() as u64;
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
        let Some(mut session) = self.session.take() else { return Ok(()) };
        let mut tries = self.patience.begin();
        while let Err(e) = session.abort().await {
            match self.error(e) {
                // It was given up by a try whose answer was lost.
                StoreError::NotFound { .. } => break,
                error => tries.read_again(error).await?,
            }
        }
        Ok(())
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
