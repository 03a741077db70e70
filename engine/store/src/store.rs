//! The contract that every backend and every decorator keeps.

use crate::Result;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::fmt::Debug;
use std::time::SystemTime;

/// One object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Name relative to the store's root; every method takes it as it is.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// Last change by the store's own clock.
    pub modified: SystemTime,
    /// The cloud's tag of this version, where it gives one.
    pub etag: Option<String>,
}

/// Named byte strings, each written whole.
///
/// A key is a relative path of at most [`crate::MAX_KEY_BYTES`]; anything else is
/// [`crate::StoreError::BadKey`]. Methods need a tokio runtime. Dropping a future or a stream
/// stops the work; a write that was dropped may or may not take place, but never in part.
#[async_trait]
pub trait Store: Send + Sync + Debug {
    /// Where this is, for messages. Holds no secrets.
    fn url(&self) -> &str;

    /// Stores `body`, replacing what was there. On return it is durable; until then readers see
    /// the old object or the new one, whole.
    async fn put(&self, key: &str, body: Bytes) -> Result<()>;

    /// As [`Store::put`], of parts that need not stand in one piece of memory.
    async fn put_parts(&self, key: &str, parts: Vec<Bytes>) -> Result<()> {
        self.put(key, parts.concat().into()).await
    }

    /// Creates the object, exclusively among all writers. `AlreadyExists` when another body is
    /// there; `Ok` when the very same bytes are there, so that a lost acknowledgement can be retried.
    async fn put_new(&self, key: &str, body: Bytes) -> Result<()>;

    /// The whole object; `TooLarge` before anything is allocated if it exceeds `limit` bytes.
    async fn get(&self, key: &str, limit: u64) -> Result<Bytes>;

    /// Exactly `len` bytes from `offset`, else `ShortRead`. The caller bounds `len`.
    async fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Bytes>;

    /// Length in bytes.
    async fn size(&self, key: &str) -> Result<u64>;

    /// Every object below the folder `prefix` (`""` for all), at any depth, in no order. A missing
    /// folder is empty; a missing root is `NoRoot`. Unfinished uploads and names that are no keys do not show.
    /// The stream may go on after an error, but is then not complete.
    fn list(&self, prefix: &str) -> BoxStream<'_, Result<ObjectInfo>>;

    /// Removes the object; `Ok` if it is not there. Durable on return.
    async fn delete(&self, key: &str) -> Result<()>;

    /// The object in pieces of the store's choice, for what does not fit into memory. Ends after the first error.
    fn get_stream(&self, key: &str) -> BoxStream<'_, Result<Bytes>>;

    /// Begins an object of unknown length. Replaces what was there when it is finished.
    async fn put_stream(&self, key: &str) -> Result<Box<dyn Upload>>;
}

/// An object being written. Invisible until [`Upload::finish`]; dropping it gives it up.
#[async_trait]
pub trait Upload: Send + Debug {
    /// Appends. After an error only [`Upload::abort`] makes sense; finishing fails.
    async fn write(&mut self, data: Bytes) -> Result<()>;

    /// Makes the object visible as a whole, and durable.
    async fn finish(self: Box<Self>) -> Result<()>;

    /// Gives up and removes what was sent.
    async fn abort(self: Box<Self>) -> Result<()>;
}
