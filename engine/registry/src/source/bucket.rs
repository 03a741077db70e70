//! A prefix of an object store as a source.
//!
//! Objects have no folders, no modes and no owners: every key is a file of mode 0644. Listings
//! come in no order, or in one that is not a tree's (`a.b` before `a/b`), so all keys are
//! collected and sorted first. That is the bound on memory: some 250 bytes an object, 250 MB a
//! million of them.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

use dtrvault_format::tree::{is_below, path_order, validate_path};
use dtrvault_format::{Identity, Meta, Problem, ProblemKind, Time};
use dtrvault_store::{Store, StoreError};
use futures::StreamExt;
use tokio::runtime::Handle;

use super::{FileStat, Found, Item, ItemKind, Source, SourceError, SourceFile, WalkOptions};
use crate::object_reader::ObjectReader;

/// Mode of what has none.
const MODE: u32 = 0o644;

/// A store, whose root is the storage root of a registry.
///
/// Its methods, and the files it opens, wait for the runtime: they must not be called on the
/// runtime's own threads, but on others or through `spawn_blocking`, and the runtime must be
/// one that runs by itself, with threads.
#[derive(Debug)]
pub struct Bucket {
    store: Arc<dyn Store>,
    handle: Handle,
}

impl Bucket {
    /// Reads `store` by means of the runtime behind `handle`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, handle: Handle) -> Self {
        Self { store, handle }
    }

    fn error(&self, path: &[u8], error: StoreError) -> SourceError {
        match error {
            StoreError::NoRoot { url } => SourceError::NoRoot { location: url },
            StoreError::NotFound { .. } => SourceError::Vanished { path: path.to_vec() },
            source @ StoreError::Unreachable { .. } => SourceError::Unreachable { source },
            error => SourceError::Unreadable { path: path.to_vec(), source: Box::new(error) },
        }
    }

    /// Every object as an item, in tree order.
    async fn items(&self) -> Result<Vec<Item>, SourceError> {
        let mut items = Vec::new();
        let mut listing = self.store.list("");
        while let Some(object) = listing.next().await {
            let object = object.map_err(|error| self.error(b"", error))?;
            items.push(Item {
                path: object.key.into_bytes(),
                meta: Meta { mode: MODE, mtime: Time::from(object.modified), ..Meta::default() },
                kind: ItemKind::File(FileStat {
                    size: object.size,
                    identity: object.etag.map_or(Identity::Unknown, Identity::Etag),
                    sparse: false,
                }),
                content: None,
            });
        }
        items.sort_unstable_by(|a, b| path_order(&a.path, &b.path));
        Ok(items)
    }
}

impl Source for Bucket {
    fn location(&self) -> &str {
        self.store.url()
    }

    fn is_registry(&self) -> Result<bool, SourceError> {
        let root = String::from_utf8_lossy(crate::layout::REGISTRY_ROOT);
        let mut listing = self.store.list(&root);
        match self.handle.block_on(listing.next()) {
            None => Ok(false),
            Some(Ok(_)) => Ok(true),
            Some(Err(error)) => Err(self.error(crate::layout::REGISTRY_ROOT, error)),
        }
    }

    fn walk(
        &self,
        options: &WalkOptions,
        sink: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let mut last = Vec::new();
        for item in self.handle.block_on(self.items())? {
            if options.skips_path(&item.path) {
                continue;
            }
            let fault = if item.path.is_empty() || validate_path(&item.path).is_err() {
                Some("the key is no path")
            } else if item.path == last {
                Some("the key was listed twice")
            } else if !last.is_empty() && is_below(&item.path, &last) {
                // A store may hold `a` and `a/b`; a tree cannot.
                Some("the key stands below another object")
            } else {
                None
            };
            let found = match fault {
                None => {
                    last.clone_from(&item.path);
                    Found::Item(item)
                }
                Some(detail) => Found::Problem(Problem {
                    path: item.path,
                    kind: ProblemKind::BadName,
                    detail: detail.to_owned(),
                }),
            };
            if sink(found).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn open(&self, item: &Item) -> Result<Box<dyn SourceFile>, SourceError> {
        let vanished = || SourceError::Vanished { path: item.path.clone() };
        let ItemKind::File(stat) = &item.kind else {
            return Err(vanished());
        };
        let key = String::from_utf8(item.path.clone()).map_err(|_| vanished())?;
        let reader = ObjectReader::new(&self.handle, Arc::clone(&self.store), key.clone());
        let reader = reader.begin().map_err(|error| self.error(&item.path, error))?;
        Ok(Box::new(BucketFile {
            reader,
            store: Arc::clone(&self.store),
            handle: self.handle.clone(),
            key,
            mtime: item.meta.mtime,
            stat: stat.clone(),
        }))
    }
}

struct BucketFile {
    reader: ObjectReader,
    store: Arc<dyn Store>,
    handle: Handle,
    key: String,
    mtime: Time,
    stat: FileStat,
}

impl Read for BucketFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.reader.read(out).map_err(|error| match error.downcast::<StoreError>() {
            Ok(source @ StoreError::Unreachable { .. }) => {
                io::Error::other(SourceError::Unreachable { source })
            }
            Ok(source) => io::Error::other(source),
            Err(error) => error,
        })
    }
}

impl SourceFile for BucketFile {
    /// A store gives an object's tag in a listing only, so this is what the walk saw, with the
    /// length of today.
    fn stat(&mut self) -> io::Result<(Time, FileStat)> {
        let size = self.handle.block_on(self.store.size(&self.key));
        let size = size.map_err(io::Error::other)?;
        let identity = if size == self.stat.size { self.stat.identity.clone() } else { Identity::Unknown };
        let stat = FileStat { size, identity, sparse: false };
        Ok((self.mtime, stat))
    }

    /// Objects are replaced whole, so only another length than the listed one tells of a
    /// change: when as much was read as was listed, the rest is for the digest to tell.
    fn still(&mut self, wanted: &FileStat) -> io::Result<bool> {
        Ok(self.reader.position() == wanted.size)
    }
}
