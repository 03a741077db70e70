//! A repository in a temporary folder, or in a store of the test's own, with a clock that stands
//! still until it is moved.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "shared by several test files")]

pub mod crash;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use dtrvault_format::limits::FORMAT_VERSION;
use dtrvault_format::{ImagesPart, Snapshot, SnapshotId, Stats, StreamRef, Time};
use dtrvault_repo::read::Reader;
use dtrvault_repo::write::{Class, Session};
use dtrvault_repo::{Backend, Clock, CreateOptions, Created, OpenOptions, RepoError, Repository, Result};
use dtrvault_store::{Store, StoreOptions};
use futures::TryStreamExt;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub const PASSWORD: &[u8] = b"correct horse";
pub const WRITE_PASSWORD: &[u8] = b"battery staple";

#[derive(Debug, Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, secs: i64) {
        self.0.fetch_add(secs, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_secs(1_700_000_000 + self.0.load(Ordering::Relaxed))
    }
}

pub struct Vault {
    pub dir: TempDir,
    pub runtime: Runtime,
    pub clock: Arc<TestClock>,
    /// In place of the folder.
    store: Option<Arc<dyn Store>>,
}

impl Vault {
    /// A new repository with a full key.
    pub fn new() -> Self {
        let vault = Self::bare(None);
        vault.create().unwrap();
        vault
    }

    /// Whatever `store` holds, with caches of its own.
    pub fn on(store: Arc<dyn Store>) -> Self {
        Self::bare(Some(store))
    }

    /// The same folder, with another store: nothing that ran before goes on.
    pub fn after_its_end(self, store: Arc<dyn Store>) -> Self {
        let Self { dir, runtime, .. } = self;
        drop(runtime);
        Self { dir, ..Self::on(store) }
    }

    fn bare(store: Option<Arc<dyn Store>>) -> Self {
        // Beside a store in memory, the cache need not wait for a disk either.
        let memory = Some("/dev/shm").filter(|dir| store.is_some() && std::path::Path::new(dir).is_dir());
        let dir = memory.map_or_else(TempDir::new, TempDir::new_in).unwrap();
        Self { dir, runtime: Runtime::new().unwrap(), clock: Arc::default(), store }
    }

    pub fn create(&self) -> Result<Created> {
        let options = CreateOptions {
            argon2: Some(dtrvault_crypto::floor()),
            clock: self.clock.clone(),
            ..CreateOptions::default()
        };
        Repository::create(&self.backend(), PASSWORD, &options)
    }

    pub fn store_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("store")
    }

    pub fn backend(&self) -> Backend {
        if let Some(store) = &self.store {
            return Backend::new(Arc::clone(store), self.runtime.handle().clone());
        }
        let options = StoreOptions { create_dir: true, ..StoreOptions::default() };
        let store = dtrvault_store::open(self.store_dir().to_str().unwrap(), &options).unwrap();
        Backend::new(store, self.runtime.handle().clone())
    }

    pub fn options(&self, cache: &str) -> OpenOptions {
        OpenOptions {
            pack_bytes: 1 << 20,
            index_memory_bytes: 8 << 20,
            clock: self.clock.clone(),
            ..OpenOptions::new(self.dir.path().join(cache), "host".to_owned())
        }
    }

    pub fn open(&self) -> Repository {
        self.open_with(PASSWORD, "cache").unwrap()
    }

    pub fn open_with(&self, password: &[u8], cache: &str) -> Result<Repository> {
        Repository::open(self.backend(), password, self.options(cache))
    }

    /// Opens as the verbs do that read the index in a session, or not at all.
    pub fn open_unread(&self, password: &[u8], cache: &str) -> Result<Repository> {
        Repository::open_unread(self.backend(), password, self.options(cache))
    }

    /// The given store.
    pub fn backend_store(&self) -> &dyn Store {
        &**self.store.as_ref().unwrap()
    }

    /// Keys and bytes of all objects of the given store, sorted.
    pub fn contents(&self) -> Vec<(String, Bytes)> {
        self.runtime.block_on(contents(self.backend_store()))
    }

    /// Keys of all objects in a folder of the store, sorted.
    pub fn objects(&self, folder: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.store_dir().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let key = path.strip_prefix(self.store_dir()).unwrap();
                    found.push(key.to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }
}

pub fn memory() -> Arc<dyn Store> {
    dtrvault_store::open("memory://", &StoreOptions::default()).unwrap()
}

/// Keys and bytes of all objects of a store, sorted.
pub async fn contents(store: &dyn Store) -> Vec<(String, Bytes)> {
    let listed: Vec<_> = store.list("").try_collect().await.unwrap();
    let mut objects = Vec::new();
    for object in listed {
        objects.push((object.key.clone(), store.get(&object.key, u64::MAX).await.unwrap()));
    }
    objects.sort();
    objects
}

/// A store in memory with these objects.
pub async fn store_of(objects: &[(String, Bytes)]) -> Arc<dyn Store> {
    let store = memory();
    for (key, bytes) in objects {
        store.put(key, bytes.clone()).await.unwrap();
    }
    store
}

/// What a stream gives: all of it, or what came before the failure.
pub fn read_out(repo: &Repository, stream: &StreamRef) -> (Vec<u8>, Option<RepoError>) {
    let mut out = Vec::new();
    let done = Reader::new(repo).unwrap().stream(stream).unwrap().read_to_end(&mut out);
    (out, done.err().map(|error| error.downcast::<RepoError>().unwrap()))
}

/// Bytes that do not compress and do not repeat.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(len)
    .collect()
}

pub fn write(session: &Session, class: Class, bytes: &[u8]) -> StreamRef {
    let mut stream = session.stream(class);
    for piece in bytes.chunks(100_000) {
        stream.write(piece).unwrap();
    }
    stream.finish().unwrap()
}

pub fn snapshot_of(tree: StreamRef) -> Snapshot {
    Snapshot {
        version: FORMAT_VERSION,
        time: Time::from_secs(1_700_000_000),
        host: "host".to_owned(),
        tags: Vec::new(),
        metadata: None,
        images: Some(ImagesPart { tree, location: "/registry".to_owned(), entries: 0, bytes: tree.len }),
        dtr: None,
        complete: true,
        problems: Vec::new(),
        problem_count: 0,
        stats: Stats::default(),
        parent: None,
        program: "test".to_owned(),
        layers: None,
    }
}

/// Takes a snapshot whose "tree" is just these bytes.
pub fn store(repo: &Repository, class: Class, bytes: &[u8]) -> (SnapshotId, StreamRef) {
    let session = repo.session("test").unwrap();
    let tree = write(&session, class, bytes);
    (session.commit(|_| snapshot_of(tree)).unwrap(), tree)
}
