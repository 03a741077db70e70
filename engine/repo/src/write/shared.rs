//! What the threads and jobs of a session share: which chunks are new, and the way of a
//! frame into a pack and of a pack into the store.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dtrvault_codec::Compressor;
use dtrvault_format::names::Named;
use dtrvault_format::{BlobRecord, ChunkId, Digest, PackId};

use super::Class;
use super::frames::{FrameBuffer, PlainFrame};
use super::jobs::{Job, Jobs};
use super::pack::{FinishedPack, OpenPack};
use super::unnamed::Unnamed;
use crate::error::{RepoError, Result};
use crate::repository::Repository;

/// Plain bytes of frames that may be compressed at once or wait for it.
const FRAMES_IN_FLIGHT_BYTES: usize = 32 << 20;

/// A frame buffer, borrowed by one stream at a time and known to the session all the while.
pub(super) type SharedBuffer = Arc<Mutex<FrameBuffer>>;

/// What the session's threads and jobs share.
pub(super) struct Shared {
    pub(super) repo: Repository,
    /// Chunks that no segment in the index names yet.
    pub(super) pending: Mutex<HashSet<ChunkId>>,
    /// Blobs that no segment in the index names yet.
    pub(super) blobs: Mutex<HashMap<Digest, BlobRecord>>,
    /// Packs that a prune has marked: what stands in them is stored again.
    pub(super) doomed: HashSet<PackId>,
    pub(super) buffers: Mutex<Buffers>,
    pub(super) pack: Mutex<Option<OpenPack>>,
    pub(super) frame_jobs: Jobs,
    pub(super) uploads: Jobs,
    pub(super) unnamed: Unnamed,
    failure: Mutex<Option<RepoError>>,
    failed: AtomicBool,
    pub(super) new_bytes: AtomicU64,
    pub(super) new_chunks: AtomicU64,
    pub(super) written_bytes: AtomicU64,
}

/// Every frame buffer of the session, and those that no stream uses.
#[derive(Default)]
pub(super) struct Buffers {
    pub(super) all: Vec<SharedBuffer>,
    free_fine: Vec<SharedBuffer>,
    free_coarse: Vec<SharedBuffer>,
}

impl Buffers {
    fn free(&mut self, class: Class) -> &mut Vec<SharedBuffer> {
        match class {
            Class::Fine => &mut self.free_fine,
            Class::Coarse => &mut self.free_coarse,
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(repo: Repository, doomed: HashSet<PackId>) -> Self {
        Self {
            repo,
            pending: Mutex::default(),
            blobs: Mutex::default(),
            doomed,
            buffers: Mutex::default(),
            pack: Mutex::default(),
            frame_jobs: Jobs::default(),
            uploads: Jobs::default(),
            unnamed: Unnamed::default(),
            failure: Mutex::default(),
            failed: AtomicBool::new(false),
            new_bytes: AtomicU64::default(),
            new_chunks: AtomicU64::default(),
            written_bytes: AtomicU64::default(),
        }
    }

    /// Takes a frame buffer that no other stream uses.
    pub(super) fn borrow_buffer(&self, class: Class) -> SharedBuffer {
        let mut buffers = lock(&self.buffers);
        buffers.free(class).pop().unwrap_or_else(|| {
            let buffer = SharedBuffer::default();
            buffers.all.push(Arc::clone(&buffer));
            buffer
        })
    }

    pub(super) fn return_buffer(&self, class: Class, buffer: &SharedBuffer) {
        lock(&self.buffers).free(class).push(Arc::clone(buffer));
    }

    /// Whether the index knows a chunk that no prune has marked.
    pub(super) fn is_indexed(&self, id: &ChunkId) -> Result<bool> {
        let Some(location) = self.repo.index().locate(id)? else { return Ok(false) };
        if self.doomed.is_empty() {
            return Ok(true);
        }
        let pack = self.repo.index().pack(location.pack)?;
        Ok(pack.is_some_and(|pack| !self.doomed.contains(&pack.id)))
    }

    /// Stores a chunk unless it is stored already.
    pub(super) fn add_chunk(self: &Arc<Self>, buffer: &SharedBuffer, chunk: &[u8]) -> Result<ChunkId> {
        let id = self.repo.ring().chunk_id(chunk);
        if lock(&self.pending).contains(&id) || self.is_indexed(&id)? {
            return Ok(id);
        }
        let full = {
            let mut buffer = lock(buffer);
            if !lock(&self.pending).insert(id) {
                return Ok(id);
            }
            buffer.push(id, chunk)
        };
        self.new_chunks.fetch_add(1, Ordering::Relaxed);
        self.new_bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        if let Some(frame) = full {
            self.submit(frame);
            self.check_failure()?;
        }
        Ok(id)
    }

    /// Hands a frame to the pool that compresses and packs it.
    pub(super) fn submit(self: &Arc<Self>, frame: PlainFrame) {
        let job = self.frame_jobs.begin(frame.plain.len(), FRAMES_IN_FLIGHT_BYTES);
        let shared = Arc::clone(self);
        rayon::spawn(move || {
            let packed = shared.pack_frame(frame);
            shared.note_failure(packed);
            drop(job);
        });
    }

    fn pack_frame(self: &Arc<Self>, frame: PlainFrame) -> Result<()> {
        let compressed = compress(&frame.plain, self.repo.options().compression_level)?;
        drop(frame.plain);
        let mut finished = None;
        {
            let mut open = lock(&self.pack);
            if let Some(full) = open.take_if(|pack| !pack.has_room(compressed.len(), frame.chunks.len())) {
                finished = Some(full);
            }
            let pack = match &mut *open {
                Some(pack) => pack,
                none => none.insert(OpenPack::begin(self.repo.ring(), self.repo.options().pack_bytes)?),
            };
            pack.append(compressed, frame.chunks)?;
        }
        match finished {
            Some(full) => self.upload(full.finish(self.repo.ring())?),
            None => Ok(()),
        }
    }

    /// Sends a pack, after waiting until there is room for one more in flight. None is sent
    /// after the session has ended: it would stay without a name.
    pub(super) fn upload(self: &Arc<Self>, pack: FinishedPack) -> Result<()> {
        let options = self.repo.options();
        let job: Job = self.uploads.begin(pack.bytes.len(), options.pack_bytes * options.uploads);
        if !self.unnamed.send() {
            return Err(RepoError::Aborted);
        }
        let shared = Arc::clone(self);
        self.repo.backend().runtime().spawn(async move {
            let size = pack.bytes.len() as u64;
            let sent = shared.repo.backend().store().put(&pack.segment.id.key(), pack.bytes).await;
            shared.note_failure(sent.map_err(|source| shared.repo.backend().error(source)).map(|()| {
                shared.written_bytes.fetch_add(size, Ordering::Relaxed);
                shared.unnamed.arrived(pack.segment);
            }));
            drop(job);
        });
        Ok(())
    }

    fn note_failure(&self, done: Result<()>) {
        if let Err(error) = done {
            lock(&self.failure).get_or_insert(error);
            self.failed.store(true, Ordering::Release);
        }
    }

    /// Refuses to go on after a job has failed.
    pub(super) fn check_failure(&self) -> Result<()> {
        if self.failed.load(Ordering::Acquire) { Err(RepoError::Aborted) } else { Ok(()) }
    }

    /// The first failure of a job.
    pub(super) fn take_failure(&self) -> Option<RepoError> {
        lock(&self.failure).take()
    }
}

/// Compresses with a context that each thread keeps.
fn compress(plain: &[u8], level: i32) -> Result<Vec<u8>> {
    thread_local! {
        static COMPRESSOR: RefCell<Option<(i32, Compressor)>> = const { RefCell::new(None) };
    }
    COMPRESSOR.with_borrow_mut(|kept| {
        let (_, compressor) = match kept {
            Some(kept) if kept.0 == level => kept,
            kept => kept.insert((level, Compressor::new(level)?)),
        };
        Ok(compressor.compress(plain)?)
    })
}
