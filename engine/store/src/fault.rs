//! A decorator that fails on purpose, for tests of what is built on a store.
//!
//! Faults are those that the contract of [`Store`] allows: a call that fails and did nothing, a
//! write that took place although the call failed, a slow answer, and the end of the process in
//! the middle of its work. Beyond the contract go the listing that lacks the newest object, which
//! some servers have been known to give, and the torn write, which a disk gives that has said a
//! thing is durable and then lost its power.
//!
//! What happens to the n-th call depends on the seed and on n alone, so a caller that makes its
//! calls in a fixed order meets the same faults each time.

mod call;
mod faults;
mod upload;

use crate::{ObjectInfo, Result, Store, StoreError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use call::{Call, Verb};
use faults::{Fate, Reason};
pub use faults::{Faults, Reach};
use upload::FaultyUpload;

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
            Fate::Fails | Fate::Tears => Err(self.error),
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

    /// How many of the calls may have met faults.
    fn concerned(&self, calls: &[Call]) -> u64 {
        calls.iter().filter(|call| self.faults.concern(call)).count() as u64
    }

    /// Counts a call and rolls its dice.
    fn begin(&self, verb: Verb, key: &str) -> Begun {
        let folder = key.split('/').next().unwrap_or_default().to_owned();
        let call = Call { verb, folder };
        let number = {
            let mut calls = self.calls();
            calls.push(call.clone());
            self.concerned(&calls)
        };
        let (fate, reason) = self.faults.fate(&call, number);
        let because = |what: &str| format!("call {number} {what}").into();
        let error = match reason {
            Reason::Crash => {
                StoreError::Unreachable { url: self.url.clone(), source: because("comes after the crash") }
            }
            Reason::NoSpace => StoreError::NoSpace { key: key.to_owned() },
            Reason::Chance => {
                StoreError::Backend { key: key.to_owned(), source: because("fails on purpose") }
            }
        };
        Begun { fate, stall: self.faults.stall_of(&call, number), error }
    }
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
        let calls = self.state.concerned(&self.state.calls());
        self.state.faults.crash_at.is_some_and(|crash| calls >= crash)
    }
}

#[async_trait]
impl Store for Faulty {
    fn url(&self) -> &str {
        self.inner.url()
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        let begun = self.state.begin(Verb::Put, key);
        if begun.fate == Fate::Tears {
            self.inner.put(key, half(&body)).await?;
        }
        begun.run(self.inner.put(key, body)).await
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<()> {
        let begun = self.state.begin(Verb::PutNew, key);
        if begun.fate == Fate::Tears {
            self.inner.put_new(key, half(&body)).await?;
        }
        begun.run(self.inner.put_new(key, body)).await
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
                Fate::Fails | Fate::TakesPlaceAndFails | Fate::Tears => failure(begun.error),
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

fn half(body: &Bytes) -> Bytes {
    body.slice(..body.len() / 2)
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
