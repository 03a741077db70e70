//! Creating and opening a repository.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use dtrvault_codec::Chunker;
use dtrvault_crypto::{KeyRing, SlotRequest};
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::MAX_CONFIG_BYTES;
use dtrvault_format::names::Named;
use dtrvault_format::{Argon2Params, ChunkerParams, Config, RepoId, Role, Segment, SegmentId, SlotId, names};
use dtrvault_store::StoreError;

use crate::backend::Backend;
use crate::clock::{Clock, SystemClock};
use crate::error::{RepoError, Result};
use crate::index::{self, IndexCache};
use crate::keys;
use crate::lease::LeaseTimes;

/// How to create a repository.
#[derive(Debug, Clone)]
pub struct CreateOptions {
    /// How streams are cut, for as long as the repository lives.
    pub chunker: ChunkerParams,
    /// Cost of a password; measured on this machine when none is given.
    pub argon2: Option<Argon2Params>,
    /// Whose the first key is.
    pub label: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self {
            chunker: ChunkerParams::default(),
            argon2: None,
            label: String::new(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// A repository that was just created.
#[derive(Debug, Clone, Copy)]
pub struct Created {
    /// Its id.
    pub id: RepoId,
    /// Its first key slot.
    pub slot: SlotId,
}

/// How to open a repository.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Folder for caches; each repository has a folder of its own in it.
    pub cache_dir: PathBuf,
    /// Most memory that the index may take, bytes.
    pub index_memory_bytes: usize,
    /// Packs are closed when they would grow over this, bytes.
    pub pack_bytes: usize,
    /// Packs that may be uploaded at once, beside the one that is filled; each takes its length in memory.
    pub uploads: usize,
    /// zstd's level, but for what layers hold.
    pub compression_level: i32,
    /// zstd's level for what layers hold.
    pub layer_compression_level: i32,
    /// Decoded frames that are kept for reading, bytes.
    pub frame_cache_bytes: usize,
    /// Rows of a metadata tar, or where they are known from, that are kept in memory, bytes.
    pub rows_memory_bytes: usize,
    /// How long leases last.
    pub lease: LeaseTimes,
    /// Name of this host, for leases.
    pub host: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl OpenOptions {
    /// Starting values, with caches in `cache_dir`.
    #[must_use]
    pub fn new(cache_dir: PathBuf, host: String) -> Self {
        Self {
            cache_dir,
            index_memory_bytes: 64 << 20,
            pack_bytes: 64 << 20,
            uploads: 1,
            compression_level: 3,
            layer_compression_level: 6,
            frame_cache_bytes: 64 << 20,
            rows_memory_bytes: 64 << 20,
            lease: LeaseTimes::default(),
            host,
            clock: Arc::new(SystemClock),
        }
    }
}

/// An open repository. Cheap to clone.
#[derive(Clone)]
pub struct Repository {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    config: Config,
    config_hash: [u8; 32],
    ring: KeyRing,
    slot: SlotId,
    index: IndexCache,
    /// What the last look at `index/` met.
    damaged_segments: RwLock<Arc<[RepoError]>>,
    fine: Chunker,
    coarse: Chunker,
    options: OpenOptions,
}

impl Repository {
    /// Creates a repository with one full key.
    ///
    /// # Errors
    /// [`RepoError::Exists`] when the store holds one, or parts of one.
    pub fn create(backend: &Backend, password: &[u8], options: &CreateOptions) -> Result<Created> {
        for folder in [names::SNAPSHOTS, names::INDEX, names::PACKS] {
            backend.each(folder, |object| Err(exists(backend, object.key)))?;
        }
        match backend.get(names::CONFIG, MAX_CONFIG_BYTES) {
            Err(RepoError::Store { source: StoreError::NotFound { .. }, .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(exists(backend, names::CONFIG.to_owned())),
        }
        let ring = KeyRing::generate()?;
        let mut id = [0; RepoId::LEN];
        getrandom::fill(&mut id).map_err(RepoError::Randomness)?;
        let config = Config::new(RepoId::new(id), options.chunker);
        config.validate()?;
        let bytes = config.to_bytes();
        let argon2 = match options.argon2 {
            Some(params) => params,
            None => crate::keys::tuned_argon2()?,
        };
        let request = SlotRequest {
            role: Role::Full,
            argon2,
            repo: config.id,
            config_hash: blake3::hash(&bytes).into(),
            label: &options.label,
            created: options.clock.now(),
        };
        let slot = dtrvault_crypto::seal_slot(&ring, password, &request)?;
        // The config makes the repository: without it a slot is nothing, and nobody's.
        let slot: SlotId = backend.create_named(slot.to_bytes())?;
        match backend.create(names::CONFIG, bytes.into()) {
            Err(RepoError::Store { source: StoreError::AlreadyExists { key }, .. }) => {
                backend.delete(&slot.key())?;
                Err(exists(backend, key))
            }
            created => created.map(|()| Created { id: config.id, slot }),
        }
    }

    /// Opens a repository with a password, and brings the cached index up to date.
    ///
    /// # Errors
    /// [`RepoError::NoRepository`], [`RepoError::WrongPassword`],
    /// [`RepoError::DamagedSlots`], [`RepoError::ConfigChanged`],
    /// and those of the store and the cache.
    pub fn open(backend: Backend, password: &[u8], options: OpenOptions) -> Result<Self> {
        let repo = Self::open_unread(backend, password, options)?;
        repo.sync_index()?;
        Ok(repo)
    }

    /// Opens a repository with a password, and leaves the cached index as it is: a session reads
    /// what is new under its lease, and key slots need no index.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn open_unread(backend: Backend, password: &[u8], options: OpenOptions) -> Result<Self> {
        let bytes = match backend.get(names::CONFIG, MAX_CONFIG_BYTES) {
            Err(RepoError::Store {
                source: StoreError::NotFound { .. } | StoreError::NoRoot { .. }, ..
            }) => return Err(RepoError::NoRepository { url: backend.url().to_owned() }),
            bytes => bytes?,
        };
        let config = Config::from_bytes(&bytes)
            .map_err(|source| RepoError::Malformed { key: names::CONFIG.to_owned(), source })?;
        let config_hash = blake3::hash(&bytes).into();
        let (slot, ring) = keys::unlock(&backend, password, config.id, config_hash)?;
        let cache_dir = options.cache_dir.join(config.id.to_string());
        let index = IndexCache::open(&cache_dir.join("index"), config.id, options.index_memory_bytes)?;
        let seed = ring.gear_seed();
        let ChunkerParams { fine, coarse, normalization } = config.chunker;
        let inner = Inner {
            fine: Chunker::new(fine, normalization, seed)?,
            coarse: Chunker::new(coarse, normalization, seed)?,
            backend,
            config,
            config_hash,
            ring,
            slot,
            index,
            damaged_segments: RwLock::default(),
            options,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The repository's id.
    #[must_use]
    pub fn id(&self) -> RepoId {
        self.inner.config.id
    }

    /// The repository's config.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Hash of the config, as key slots hold it.
    pub(crate) fn config_hash(&self) -> [u8; 32] {
        self.inner.config_hash
    }

    /// The slot whose password opened the repository.
    #[must_use]
    pub fn slot(&self) -> SlotId {
        self.inner.slot
    }

    /// What the key at hand may do.
    #[must_use]
    pub fn role(&self) -> Role {
        self.inner.ring.role()
    }

    /// Refuses a write-only key.
    ///
    /// # Errors
    /// [`RepoError::NeedsFullKey`].
    pub fn need_full_key(&self) -> Result<()> {
        match self.role() {
            Role::Full => Ok(()),
            Role::Write => Err(RepoError::NeedsFullKey),
        }
    }

    /// The store and its runtime.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.inner.backend
    }

    /// The cached index.
    #[must_use]
    pub fn index(&self) -> &IndexCache {
        &self.inner.index
    }

    /// Takes in what others have added to the index since.
    pub(crate) fn sync_index(&self) -> Result<()> {
        let Inner { backend, ring, index, damaged_segments, .. } = &*self.inner;
        let damaged = index::sync(backend, ring, index)?;
        *damaged_segments.write().unwrap_or_else(PoisonError::into_inner) = damaged.into();
        Ok(())
    }

    /// What was wrong with index segments when the index was last read: when the repository was
    /// opened, or a session began. What only they name is hidden until `rebuild-index`.
    #[must_use]
    pub fn damaged_segments(&self) -> Arc<[RepoError]> {
        Arc::clone(&self.inner.damaged_segments.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads one index segment, as it stands in the store.
    ///
    /// # Errors
    /// Those of damage, and those of the store.
    pub fn segment(&self, id: &SegmentId) -> Result<Segment> {
        index::read_segment(&self.inner.backend, &self.inner.ring, id)
    }

    /// Ids of all index segments of the store.
    ///
    /// # Errors
    /// Those of the store.
    pub fn segment_ids(&self) -> Result<Vec<SegmentId>> {
        self.inner.backend.list(names::INDEX)
    }

    /// Folder of this machine for what may be lost at any time.
    #[must_use]
    pub fn cache_dir(&self) -> PathBuf {
        self.inner.options.cache_dir.join(self.id().to_string())
    }

    /// The options it was opened with.
    #[must_use]
    pub fn options(&self) -> &OpenOptions {
        &self.inner.options
    }

    pub(crate) fn ring(&self) -> &KeyRing {
        &self.inner.ring
    }

    pub(crate) fn chunker(&self, class: crate::write::Class) -> Chunker {
        match class {
            crate::write::Class::Fine | crate::write::Class::Layer => self.inner.fine.clone(),
            crate::write::Class::Coarse => self.inner.coarse.clone(),
        }
    }
}

fn exists(backend: &Backend, key: String) -> RepoError {
    RepoError::Exists { url: backend.url().to_owned(), key }
}
