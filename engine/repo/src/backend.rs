//! The store, as the rest of this room uses it: blocking calls, and names that are held
//! against the bytes.
//!
//! Every call blocks its thread, so none may be made from within an asynchronous task.

use std::sync::Arc;

use bytes::Bytes;
use dtrvault_format::names::Named;
use dtrvault_store::{ObjectInfo, Store, StoreError};
use futures::StreamExt;
use tokio::runtime::Handle;

use crate::error::{RepoError, Result};

/// An id that is the BLAKE3 of its object.
pub(crate) trait HashNamed: Named + Copy + PartialEq {
    /// The id of an object with this hash.
    fn from_hash(hash: blake3::Hash) -> Self;
}

macro_rules! hash_named {
    ($($id:ident),*) => {$(
        impl HashNamed for dtrvault_format::$id {
            fn from_hash(hash: blake3::Hash) -> Self {
                Self::new(hash.into())
            }
        }
    )*};
}

hash_named!(SlotId, PackId, SegmentId, SnapshotId, LeaseId, DoomedId);

/// A store and the runtime that talks to it.
#[derive(Debug, Clone)]
pub struct Backend {
    store: Arc<dyn Store>,
    runtime: Handle,
}

impl Backend {
    /// A store, reached through `runtime`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, runtime: Handle) -> Self {
        Self { store, runtime }
    }

    /// Where the store is, without secrets.
    #[must_use]
    pub fn url(&self) -> &str {
        self.store.url()
    }

    /// The runtime that talks to the store.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) fn error(&self, source: StoreError) -> RepoError {
        RepoError::Store { url: self.url().to_owned(), source }
    }

    pub(crate) fn wait<T>(&self, call: impl Future<Output = dtrvault_store::Result<T>>) -> Result<T> {
        self.runtime.block_on(call).map_err(|source| self.error(source))
    }

    pub(crate) fn get(&self, key: &str, limit: u64) -> Result<Bytes> {
        self.wait(self.store.get(key, limit))
    }

    /// Reads an object and holds its bytes against its name.
    pub(crate) fn get_named<I: HashNamed>(&self, id: &I, limit: u64) -> Result<Bytes> {
        let bytes = self.get(&id.key(), limit)?;
        check_name(id, &bytes)?;
        Ok(bytes)
    }

    /// Reads many objects at once; what is wrong with one is told of that one.
    pub(crate) fn get_many<I: HashNamed>(&self, ids: &[I], limit: u64) -> Vec<(I, Result<Bytes>)> {
        let calls = ids.iter().map(|id| async move {
            let got = self.store.get(&id.key(), limit).await.map_err(|source| self.error(source));
            (*id, got.and_then(|bytes| check_name(id, &bytes).map(|()| bytes)))
        });
        self.runtime.block_on(futures::stream::iter(calls).buffered(16).collect())
    }

    /// Writes an object that nobody else may write: put-if-absent.
    pub(crate) fn create(&self, key: &str, body: Bytes) -> Result<()> {
        self.wait(self.store.put_new(key, body))
    }

    /// Writes an object under the hash of its bytes, put-if-absent.
    pub(crate) fn create_named<I: HashNamed>(&self, body: Vec<u8>) -> Result<I> {
        let id = I::from_hash(blake3::hash(&body));
        self.create(&id.key(), body.into())?;
        Ok(id)
    }

    pub(crate) fn delete(&self, key: &str) -> Result<()> {
        self.wait(self.store.delete(key))
    }

    /// Ids of the objects in a folder; foreign objects are passed over.
    pub(crate) fn list<I: Named>(&self, folder: &str) -> Result<Vec<I>> {
        let mut ids = Vec::new();
        self.each(folder, |object| {
            ids.extend(I::from_key(&object.key));
            Ok(())
        })?;
        Ok(ids)
    }

    /// The same, each with the length of its object, as the listing says it.
    pub(crate) fn list_sized<I: Named>(&self, folder: &str) -> Result<Vec<(I, u64)>> {
        let mut ids = Vec::new();
        self.each(folder, |object| {
            ids.extend(I::from_key(&object.key).map(|id| (id, object.size)));
            Ok(())
        })?;
        Ok(ids)
    }

    /// Calls `visit` for every object in a folder.
    pub(crate) fn each(&self, folder: &str, mut visit: impl FnMut(ObjectInfo) -> Result<()>) -> Result<()> {
        let mut listing = self.store.list(folder);
        while let Some(object) = self.runtime.block_on(listing.next()) {
            visit(object.map_err(|source| self.error(source))?)?;
        }
        Ok(())
    }
}

/// Holds an object's bytes against its name.
pub(crate) fn check_name<I: HashNamed>(id: &I, bytes: &[u8]) -> Result<()> {
    if I::from_hash(blake3::hash(bytes)) == *id {
        return Ok(());
    }
    Err(RepoError::WrongName { key: id.key() })
}
