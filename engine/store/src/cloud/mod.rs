//! S3, Google Cloud Storage, Azure and memory, through the `object_store` crate.
//!
//! Requests are retried by the crate below. What it will not repeat, because the outcome is
//! unknown (a conditional create that timed out), is repeated here: names stand for content, so a
//! create that finds its own bytes has succeeded.

mod again;
mod build;
mod error;
mod list;
mod upload;

pub(crate) use build::open;

use again::Patience;

use crate::key::{check_key, check_prefix, is_key};
use crate::{ObjectInfo, Result, Store, StoreError, Upload};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload,
};
use std::fmt;
use std::sync::Arc;

/// A bucket or container, below a prefix.
pub(crate) struct Cloud {
    url: String,
    prefix: String,
    inner: Arc<dyn ObjectStore>,
    patience: Patience,
}

/// Shows the URL alone: the client below holds credentials.
impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("url", &self.url).finish()
    }
}

impl Cloud {
    fn path(&self, key: &str) -> Result<Path> {
        check_key(key)?;
        if key.contains('\\') && self.url.starts_with("az:") {
            let reason = "a backslash, in whose place Azure puts a slash";
            return Err(StoreError::BadKey { key: key.to_owned(), reason });
        }
        self.path_below_prefix(key)
    }

    fn path_below_prefix(&self, key: &str) -> Result<Path> {
        let full = match (self.prefix.as_str(), key) {
            ("", key) => key.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, key) => format!("{prefix}/{key}"),
        };
        Path::parse(full)
            .map_err(|_| StoreError::BadKey { key: key.to_owned(), reason: "refused by the cloud's client" })
    }

    fn error(&self, key: &str, error: object_store::Error) -> StoreError {
        error::sort(&self.url, key, error)
    }

    async fn fetch(&self, key: &str, range: Option<GetRange>) -> Result<GetResult> {
        let options = GetOptions { range, ..GetOptions::default() };
        let path = self.path(key)?;
        let fetched = self.inner.get_opts(&path, options).await;
        fetched.map_err(|e| self.error(key, e))
    }

    /// The body of an answer that announced `expected` bytes: all of them, and no more.
    async fn collect(&self, key: &str, answer: GetResult, expected: u64) -> Result<Bytes> {
        let wrong = |got: u64| StoreError::Backend {
            key: key.to_owned(),
            source: format!("the answer has {got} bytes instead of {expected}").into(),
        };
        let mut pieces = answer.into_stream();
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        let mut got = 0_u64;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|e| self.error(key, e))?;
            got = got.saturating_add(piece.len() as u64);
            if got > expected {
                return Err(wrong(got));
            }
            if first.is_empty() {
                first = piece;
                continue;
            }
            if rest.is_empty() {
                rest.reserve(usize::try_from(expected).map_err(|_| wrong(got))?);
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&piece);
        }
        if got != expected {
            return Err(wrong(got));
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    }

    async fn get_once(&self, key: &str, limit: u64) -> Result<Bytes> {
        let answer = self.fetch(key, None).await?;
        let size = answer.meta.size;
        if size > limit {
            return Err(StoreError::TooLarge { key: key.to_owned(), size, limit });
        }
        self.collect(key, answer, size).await
    }

    async fn get_range_once(&self, key: &str, offset: u64, len: u64) -> Result<Bytes> {
        let short = |size| StoreError::ShortRead { key: key.to_owned(), offset, len, size };
        let end = offset.checked_add(len);
        let (Some(end), 1..) = (end, len) else {
            // HTTP knows no empty range, and none that ends beyond 2^64.
            let size = self.size(key).await?;
            return match end {
                Some(end) if end <= size => Ok(Bytes::new()),
                _ => Err(short(size)),
            };
        };
        let range = GetRange::Bounded(offset..end);
        let answer = match self.fetch(key, Some(range)).await {
            Ok(answer) => answer,
            // A range behind the end is refused, in words that differ from cloud to cloud.
            Err(error @ StoreError::Backend { .. }) => {
                return match self.size(key).await {
                    Ok(size) if size < end => Err(short(size)),
                    _ => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        if answer.range != (offset..end) {
            return Err(short(answer.meta.size));
        }
        self.collect(key, answer, len).await
    }

    async fn put_mode(&self, key: &str, payload: PutPayload, mode: PutMode) -> Result<()> {
        let path = self.path(key)?;
        let sent = self.inner.put_opts(&path, payload, mode.into()).await;
        sent.map(|_| ()).map_err(|e| self.error(key, e))
    }

    /// Whether the object is there with these very bytes.
    async fn holds(&self, key: &str, body: &Bytes) -> Result<bool> {
        match self.get(key, body.len() as u64).await {
            Ok(there) => Ok(there == *body),
            Err(StoreError::TooLarge { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn info(&self, meta: ObjectMeta) -> Option<ObjectInfo> {
        let full = meta.location.as_ref();
        let key =
            if self.prefix.is_empty() { full } else { full.strip_prefix(&self.prefix)?.strip_prefix('/')? };
        is_key(key).then(|| ObjectInfo {
            key: key.to_owned(),
            size: meta.size,
            modified: meta.last_modified.into(),
            etag: meta.e_tag.clone(),
        })
    }
}

#[async_trait]
impl Store for Cloud {
    fn url(&self) -> &str {
        &self.url
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.put_parts(key, vec![body]).await
    }

    async fn put_parts(&self, key: &str, parts: Vec<Bytes>) -> Result<()> {
        let payload = PutPayload::from_iter(parts);
        let mut tries = self.patience.begin();
        while let Err(error) = self.put_mode(key, payload.clone(), PutMode::Overwrite).await {
            tries.write_again(error).await?;
        }
        Ok(())
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<()> {
        let mut tries = self.patience.begin();
        while let Err(error) = self.put_mode(key, body.clone().into(), PutMode::Create).await {
            let StoreError::AlreadyExists { .. } = error else {
                tries.write_again(error).await?;
                continue;
            };
            match self.holds(key, &body).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(error),
                // Deleted since, or S3's 409 for two creates at once of which neither is through.
                Err(StoreError::NotFound { .. }) => tries.again(error).await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Bytes> {
        let mut tries = self.patience.begin();
        loop {
            match self.get_once(key, limit).await {
                Err(error) => tries.read_again(error).await?,
                got => return got,
            }
        }
    }

    async fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Bytes> {
        let mut tries = self.patience.begin();
        loop {
            match self.get_range_once(key, offset, len).await {
                Err(error) => tries.read_again(error).await?,
                got => return got,
            }
        }
    }

    async fn size(&self, key: &str) -> Result<u64> {
        let path = self.path(key)?;
        match self.inner.head(&path).await {
            Ok(meta) => Ok(meta.size),
            Err(e) => Err(self.error(key, e)),
        }
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<ObjectInfo>> {
        let path = check_prefix(prefix).and_then(|()| self.path_below_prefix(prefix));
        let path = match path {
            Ok(path) => path,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let root = (!path.is_root()).then_some(path);
        let listing = list::Listing::begin(self, prefix, root);
        stream::unfold(Some(listing), |listing| async {
            let mut listing = listing?;
            let item = listing.next().await?;
            // What comes after a failure would look complete.
            let rest = item.is_ok().then_some(listing);
            Some((item, rest))
        })
        .boxed()
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let path = self.path(key)?;
        let mut tries = self.patience.begin();
        while let Err(error) = self.inner.delete(&path).await {
            match self.error(key, error) {
                StoreError::NotFound { .. } => break,
                error => tries.write_again(error).await?,
            }
        }
        Ok(())
    }

    fn get_stream(&self, key: &str) -> BoxStream<'_, Result<Bytes>> {
        let key = key.to_owned();
        stream::once(async move {
            match self.fetch(&key, None).await {
                Ok(answer) => {
                    answer.into_stream().map(move |piece| piece.map_err(|e| self.error(&key, e))).boxed()
                }
                Err(error) => stream::once(async { Err(error) }).boxed(),
            }
        })
        .flatten()
        .boxed()
    }

    async fn put_stream(&self, key: &str) -> Result<Box<dyn Upload>> {
        let path = self.path(key)?;
        Ok(Box::new(upload::CloudUpload::new(
            Arc::clone(&self.inner),
            self.url.clone(),
            key.to_owned(),
            path,
            self.patience,
        )))
    }
}
