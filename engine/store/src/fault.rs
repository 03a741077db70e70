//! A decorator that fails on purpose, for tests of what is built on a store.
//!
//! Faults are those that the contract of [`Store`] allows: a call that fails and did nothing, a
//! write that took place although the call failed, a slow answer, and the end of the process in
//! the middle of its work. Never a part of an object: that no store may show. Beyond the contract
//! goes the listing that lacks the newest object, which some servers have been known to give.
//!
//! What happens to the n-th call depends on the seed and on n alone, so a caller that makes its
//! calls in a fixed order meets the same faults each time.

use crate::{ObjectInfo, Result, Store, StoreError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Which faults there are, and how often. None by default.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// What the dice begin with.
    pub seed: u64,
    /// How likely a call fails and does nothing, 0 to 1.
    pub error_probability: f64,
    /// How likely a write takes place and fails nonetheless, 0 to 1.
    pub lost_acknowledgement_probability: f64,
    /// How likely a listing lacks the newest object of those it should show, 0 to 1.
    pub stale_listing_probability: f64,
    /// How likely a call waits for [`Faults::stall`] first, 0 to 1.
    pub stall_probability: f64,
    /// How long it waits then.
    pub stall: Duration,
    /// From the call of this number on, counted from 1, every call fails.
    pub crash_at: Option<u64>,
    /// Whether the call of that very number still takes place, if it is a write.
    pub crash_takes_place: bool,
}

/// What was called. Each step of an upload is a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named for the methods of Store and Upload")]
pub enum Verb {
    Put,
    PutNew,
    Get,
    GetRange,
    Size,
    List,
    Delete,
    GetStream,
    PutStream,
    Write,
    Finish,
    Abort,
}

impl Verb {
    /// Whether it changes what is stored.
    pub fn is_write(self) -> bool {
        matches!(self, Self::Put | Self::PutNew | Self::Delete | Self::Finish)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::PutNew => "put_new",
            Self::Get => "get",
            Self::GetRange => "get_range",
            Self::Size => "size",
            Self::List => "list",
            Self::Delete => "delete",
            Self::GetStream => "get_stream",
            Self::PutStream => "put_stream",
            Self::Write => "write",
            Self::Finish => "finish",
            Self::Abort => "abort",
        }
    }
}

/// One call. Displayed as `put_new snapshots`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was called.
    pub verb: Verb,
    /// First part of the key: its folder, or an object at the root.
    pub folder: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb.name(), self.folder)
    }
}

/// A store with [`Faults`].
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Store>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    url: String,
    calls: Mutex<Vec<Call>>,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Passes,
    Fails,
    TakesPlaceAndFails,
    Stale,
}

/// A call that was counted.
struct Begun {
    fate: Fate,
    stall: Option<Duration>,
    error: StoreError,
}

impl Begun {
    async fn stalls(&self) {
        if let Some(stall) = self.stall {
            tokio::time::sleep(stall).await;
        }
    }

    async fn run<T>(self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        self.stalls().await;
        match self.fate {
            Fate::Passes | Fate::Stale => call.await,
            Fate::Fails => Err(self.error),
            Fate::TakesPlaceAndFails => {
                // Nobody learns how it went.
                let _ = call.await;
                Err(self.error)
            }
        }
    }
}

impl State {
    fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and rolls its dice.
    fn begin(&self, verb: Verb, key: &str) -> Begun {
        let folder = key.split('/').next().unwrap_or_default().to_owned();
        let number = {
            let mut calls = self.calls();
            calls.push(Call { verb, folder });
            calls.len() as u64
        };
        let faults = &self.faults;
        let rolled = |lane, probability| dice(faults.seed, number, lane) < probability;
        let stall = rolled(0, faults.stall_probability).then_some(faults.stall);
        if let Some(crash) = faults.crash_at.filter(|crash| number >= *crash) {
            let done = number == crash && faults.crash_takes_place && verb.is_write();
            let fate = if done { Fate::TakesPlaceAndFails } else { Fate::Fails };
            let source = format!("call {number} comes after the crash").into();
            return Begun { fate, stall, error: StoreError::Unreachable { url: self.url.clone(), source } };
        }
        let fate = if rolled(1, faults.error_probability) {
            Fate::Fails
        } else if verb.is_write() && rolled(2, faults.lost_acknowledgement_probability) {
            Fate::TakesPlaceAndFails
        } else if verb == Verb::List && rolled(3, faults.stale_listing_probability) {
            Fate::Stale
        } else {
            Fate::Passes
        };
        let source = format!("call {number} fails on purpose").into();
        Begun { fate, stall, error: StoreError::Backend { key: key.to_owned(), source } }
    }
}

/// Evenly spread over 0 to 1: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of all three.
fn dice(seed: u64, number: u64, lane: u64) -> f64 {
    let mut x = seed;
    for input in [number, lane] {
        x = (x ^ input).wrapping_add(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
    }
    // The upper 53 bits fit a double exactly.
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

impl Faulty {
    /// `inner` with faults.
    pub fn new(inner: Arc<dyn Store>, faults: Faults) -> Self {
        let url = inner.url().to_owned();
        Self { inner, state: Arc::new(State { faults, url, calls: Mutex::default() }) }
    }

    /// All calls so far, those that failed too, in the order in which they began.
    pub fn calls(&self) -> Vec<Call> {
        self.state.calls().clone()
    }

    /// Whether a call has met the crash.
    pub fn has_crashed(&self) -> bool {
        let calls = self.state.calls().len() as u64;
        self.state.faults.crash_at.is_some_and(|crash| calls >= crash)
    }
}

#[async_trait]
impl Store for Faulty {
    fn url(&self) -> &str {
        self.inner.url()
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.state.begin(Verb::Put, key).run(self.inner.put(key, body)).await
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<()> {
        self.state.begin(Verb::PutNew, key).run(self.inner.put_new(key, body)).await
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Bytes> {
        self.state.begin(Verb::Get, key).run(self.inner.get(key, limit)).await
    }

    async fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Bytes> {
        self.state.begin(Verb::GetRange, key).run(self.inner.get_range(key, offset, len)).await
    }

    async fn size(&self, key: &str) -> Result<u64> {
        self.state.begin(Verb::Size, key).run(self.inner.size(key)).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<ObjectInfo>> {
        let begun = self.state.begin(Verb::List, prefix);
        let listing = self.inner.list(prefix);
        stream::once(async move {
            begun.stalls().await;
            match begun.fate {
                Fate::Passes => listing,
                Fate::Stale => without_newest(listing).await,
                Fate::Fails | Fate::TakesPlaceAndFails => failure(begun.error),
            }
        })
        .flatten()
        .boxed()
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.state.begin(Verb::Delete, key).run(self.inner.delete(key)).await
    }

    fn get_stream(&self, key: &str) -> BoxStream<'_, Result<Bytes>> {
        let begun = self.state.begin(Verb::GetStream, key);
        let pieces = self.inner.get_stream(key);
        stream::once(async move {
            begun.stalls().await;
            if begun.fate == Fate::Passes { pieces } else { failure(begun.error) }
        })
        .flatten()
        .boxed()
    }

    async fn put_stream(&self, key: &str) -> Result<Box<dyn Upload>> {
        let inner = self.state.begin(Verb::PutStream, key).run(self.inner.put_stream(key)).await?;
        let state = Arc::clone(&self.state);
        Ok(Box::new(FaultyUpload { inner, key: key.to_owned(), state, broken: false }))
    }
}

fn failure<'a, T: Send + 'a>(error: StoreError) -> BoxStream<'a, Result<T>> {
    stream::once(async { Err(error) }).boxed()
}

async fn without_newest<'a>(listing: BoxStream<'_, Result<ObjectInfo>>) -> BoxStream<'a, Result<ObjectInfo>> {
    let mut objects: Vec<ObjectInfo> = match listing.try_collect().await {
        Ok(objects) => objects,
        Err(error) => return failure(error),
    };
    let newest = objects.iter().enumerate().max_by_key(|(_, object)| object.modified);
    if let Some(at) = newest.map(|(at, _)| at) {
        objects.remove(at);
    }
    stream::iter(objects.into_iter().map(Ok)).boxed()
}

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn Upload>,
    key: String,
    state: Arc<State>,
    /// Set by a write that failed: the upload cannot be finished any more.
    broken: bool,
}

#[async_trait]
impl Upload for FaultyUpload {
    async fn write(&mut self, data: Bytes) -> Result<()> {
        let written = self.state.begin(Verb::Write, &self.key).run(self.inner.write(data)).await;
        self.broken |= written.is_err();
        written
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let begun = self.state.begin(Verb::Finish, &self.key);
        if self.broken {
            let source = "a write of this upload has failed".into();
            return Err(StoreError::Backend { key: self.key, source });
        }
        begun.run(self.inner.finish()).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.state.begin(Verb::Abort, &self.key).run(self.inner.abort()).await
    }
}
