//! A decorator that bounds the requests in flight.
//!
//! A permit is held while a request runs, never between two items of a stream or two writes of an
//! upload: a task that reads one object while it lists or writes another cannot lock itself out.

use crate::{ObjectInfo, Result, Store, StoreError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A store with at most so many requests, and as many streams, at work at once.
#[derive(Debug)]
pub struct Limited {
    inner: Arc<dyn Store>,
    requests: Semaphore,
    streams: Arc<Semaphore>,
}

impl Limited {
    /// Bounds `inner` to `parallel` (at least 1) requests.
    pub fn new(inner: Arc<dyn Store>, parallel: usize) -> Self {
        let permits = parallel.clamp(1, Semaphore::MAX_PERMITS);
        Self { inner, requests: Semaphore::new(permits), streams: Arc::new(Semaphore::new(permits)) }
    }

    /// Lets every item of a stream wait for its turn. The permit goes back with the item.
    fn turns<'a, T: Send + 'a>(
        &'a self,
        key: &str,
        items: BoxStream<'a, Result<T>>,
    ) -> BoxStream<'a, Result<T>> {
        let key = key.to_owned();
        stream::unfold(Some((items, key)), move |state| async move {
            let (mut items, key) = state?;
            let permit = match take(&self.streams, &key).await {
                Ok(permit) => permit,
                Err(error) => return Some((Err(error), None)),
            };
            let item = items.next().await;
            drop(permit);
            item.map(|item| (item, Some((items, key))))
        })
        .boxed()
    }
}

/// The semaphores are never closed; should one be, it is an error and no panic.
async fn take<'a>(semaphore: &'a Semaphore, key: &str) -> Result<SemaphorePermit<'a>> {
    semaphore
        .acquire()
        .await
        .map_err(|source| StoreError::Backend { key: key.to_owned(), source: Box::new(source) })
}

#[async_trait]
impl Store for Limited {
    fn url(&self) -> &str {
        self.inner.url()
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        let _permit = take(&self.requests, key).await?;
        self.inner.put(key, body).await
    }

    async fn put_parts(&self, key: &str, parts: Vec<Bytes>) -> Result<()> {
        let _permit = take(&self.requests, key).await?;
        self.inner.put_parts(key, parts).await
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<()> {
        let _permit = take(&self.requests, key).await?;
        self.inner.put_new(key, body).await
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Bytes> {
        let _permit = take(&self.requests, key).await?;
        self.inner.get(key, limit).await
    }

    async fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Bytes> {
        let _permit = take(&self.requests, key).await?;
        self.inner.get_range(key, offset, len).await
    }

    async fn size(&self, key: &str) -> Result<u64> {
        let _permit = take(&self.requests, key).await?;
        self.inner.size(key).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<ObjectInfo>> {
        self.turns(prefix, self.inner.list(prefix))
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let _permit = take(&self.requests, key).await?;
        self.inner.delete(key).await
    }

    fn get_stream(&self, key: &str) -> BoxStream<'_, Result<Bytes>> {
        self.turns(key, self.inner.get_stream(key))
    }

    async fn put_stream(&self, key: &str) -> Result<Box<dyn Upload>> {
        let permit = take(&self.streams, key).await?;
        let inner = self.inner.put_stream(key).await?;
        drop(permit);
        Ok(Box::new(LimitedUpload { inner, key: key.to_owned(), streams: Arc::clone(&self.streams) }))
    }
}

#[derive(Debug)]
struct LimitedUpload {
    inner: Box<dyn Upload>,
    key: String,
    streams: Arc<Semaphore>,
}

#[async_trait]
impl Upload for LimitedUpload {
    async fn write(&mut self, data: Bytes) -> Result<()> {
        let _permit = take(&self.streams, &self.key).await?;
        self.inner.write(data).await
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let _permit = take(&self.streams, &self.key).await?;
        self.inner.finish().await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        // Giving up must not wait in line behind others' work.
        self.inner.abort().await
    }
}
