//! A writing session: finds duplicates, fills packs, names them in segments, commits.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dtrvault_codec::Compressor;
use dtrvault_crypto::{PrivateKind, SharedKind};
use dtrvault_format::cbor::Object;
use dtrvault_format::names::{DOOMED, Named};
use dtrvault_format::{
    BlobRecord, ChunkId, Digest, PackId, Recipe, Segment, SegmentId, SegmentPack, Snapshot, SnapshotId,
};

use super::Class;
use super::frames::{FrameBuffer, PlainFrame};
use super::jobs::{Job, Jobs};
use super::pack::{FinishedPack, OpenPack};
use super::stream::StreamWriter;
use crate::error::{RepoError, Result};
use crate::lease::HeldLease;
use crate::repository::Repository;

/// Plain bytes of frames that may be compressed at once or wait for it.
const FRAMES_IN_FLIGHT_BYTES: usize = 32 << 20;
/// A checkpoint is due when so many chunks wait for a segment.
const CHECKPOINT_CHUNKS: usize = 100_000;
/// A checkpoint is due when so many blobs do.
const CHECKPOINT_BLOBS: usize = 10_000;
/// Chunks in one segment at most, which keeps it far below its limit.
const SEGMENT_CHUNKS: usize = 400_000;

/// What a session has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Plain bytes of all chunks.
    pub chunked_bytes: u64,
    /// Plain bytes of the chunks that were new.
    pub new_bytes: u64,
    /// Chunks that were new.
    pub new_chunks: u64,
    /// Bytes of packs and segments written.
    pub written_bytes: u64,
}

/// A session that adds to a repository. Holds a lease as long as it lives. May be used from
/// several threads at once.
pub struct Session {
    shared: Arc<Shared>,
    lease: HeldLease,
    checkpoint: Mutex<()>,
}

/// A frame buffer, borrowed by one stream at a time and known to the session all the while.
pub(super) type SharedBuffer = Arc<Mutex<FrameBuffer>>;

/// What the session's threads and jobs share.
pub(super) struct Shared {
    pub(super) repo: Repository,
    /// Chunks that no segment in the index names yet.
    pending: Mutex<HashSet<ChunkId>>,
    /// Blobs that no segment in the index names yet.
    blobs: Mutex<HashMap<Digest, BlobRecord>>,
    /// Packs that a prune has marked: what stands in them is stored again.
    doomed: HashSet<PackId>,
    buffers: Mutex<Buffers>,
    pack: Mutex<Option<OpenPack>>,
    frame_jobs: Jobs,
    uploads: Jobs,
    /// Packs that are durable, and that no segment names yet.
    durable: Mutex<Vec<SegmentPack>>,
    failure: Mutex<Option<RepoError>>,
    chunked_bytes: AtomicU64,
    new_bytes: AtomicU64,
    new_chunks: AtomicU64,
    written_bytes: AtomicU64,
}

#[derive(Default)]
struct Buffers {
    all: Vec<SharedBuffer>,
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Repository {
    /// Begins a session. When other leases are there, packs that no segment names may have
    /// been left by a writer that died: they are looked for, and used again.
    ///
    /// # Errors
    /// Those of the store.
    pub fn session(&self, operation: &str) -> Result<Session> {
        let (lease, others) = HeldLease::take(self, operation)?;
        if others {
            self.adopt_packs()?;
            lease.clear_dead()?;
        }
        let shared = Shared {
            repo: self.clone(),
            pending: Mutex::default(),
            blobs: Mutex::default(),
            doomed: self.doomed_packs()?,
            buffers: Mutex::default(),
            pack: Mutex::default(),
            frame_jobs: Jobs::default(),
            uploads: Jobs::default(),
            durable: Mutex::default(),
            failure: Mutex::default(),
            chunked_bytes: AtomicU64::default(),
            new_bytes: AtomicU64::default(),
            new_chunks: AtomicU64::default(),
            written_bytes: AtomicU64::default(),
        };
        Ok(Session { shared: Arc::new(shared), lease, checkpoint: Mutex::default() })
    }

    /// Packs that a prune has marked.
    fn doomed_packs(&self) -> Result<HashSet<PackId>> {
        let mut keys = Vec::new();
        self.backend().each(DOOMED, |object| {
            keys.push(object.key);
            Ok(())
        })?;
        let mut packs = HashSet::new();
        for key in keys {
            let bytes = self.backend().get(&key, dtrvault_format::limits::MAX_DOOMED_BYTES)?;
            let plain = self.ring().open_shared(SharedKind::Doomed, &bytes);
            let plain = plain.map_err(|source| RepoError::Unsealed { key: key.clone(), source })?;
            let doomed = dtrvault_format::Doomed::from_bytes(&plain)
                .map_err(|source| RepoError::Malformed { key, source })?;
            packs.extend(doomed.packs);
        }
        Ok(packs)
    }
}

impl Session {
    /// Begins a stream.
    #[must_use]
    pub fn stream(&self, class: Class) -> StreamWriter {
        StreamWriter::new(Arc::clone(&self.shared), class)
    }

    /// Size and recipe of a blob that is stored already, by this session or an earlier one.
    ///
    /// # Errors
    /// Those of the cache.
    pub fn known_blob(&self, digest: &Digest) -> Result<Option<(u64, Recipe)>> {
        if let Some(blob) = lock(&self.shared.blobs).get(digest) {
            return Ok(Some((blob.size, blob.recipe.clone())));
        }
        let Some((size, recipe)) = self.shared.repo.index().blob(digest)? else { return Ok(None) };
        // Where a prune is under way, only a blob that certainly stands elsewhere is known.
        let sound = self.shared.doomed.is_empty() || {
            let mut sound = true;
            for stream in recipe.streams() {
                sound &= match stream.root {
                    None => true,
                    Some(root) => stream.depth == 0 && self.shared.is_indexed(&root)?,
                };
            }
            sound
        };
        Ok(sound.then_some((size, recipe)))
    }

    /// Writes down how a blob is made, once its streams are finished.
    pub fn record_blob(&self, blob: BlobRecord) {
        lock(&self.shared.blobs).insert(blob.digest, blob);
    }

    /// What the session has done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let shared = &self.shared;
        Counters {
            chunked_bytes: shared.chunked_bytes.load(Ordering::Relaxed),
            new_bytes: shared.new_bytes.load(Ordering::Relaxed),
            new_chunks: shared.new_chunks.load(Ordering::Relaxed),
            written_bytes: shared.written_bytes.load(Ordering::Relaxed),
        }
    }

    /// Makes a checkpoint when enough has gathered, so that neither memory nor what a crash
    /// costs grows with the work. Other threads may go on meanwhile.
    ///
    /// # Errors
    /// Those of the store, or what went wrong with the session before.
    pub fn checkpoint_if_due(&self) -> Result<()> {
        let due = lock(&self.shared.pending).len() >= CHECKPOINT_CHUNKS
            || lock(&self.shared.blobs).len() >= CHECKPOINT_BLOBS;
        if due { self.checkpoint() } else { Ok(()) }
    }

    /// Makes durable, and names in the index, every blob recorded and every chunk added so far.
    ///
    /// # Errors
    /// As [`Session::checkpoint_if_due`].
    pub fn checkpoint(&self) -> Result<()> {
        let _one_at_a_time = lock(&self.checkpoint);
        let shared = &self.shared;
        let mut blobs: Vec<BlobRecord> = lock(&shared.blobs).values().cloned().collect();
        blobs.sort_unstable_by_key(|blob| blob.digest);
        // A chunk enters `pending` and its buffer under the buffer's lock. So once every buffer
        // was emptied, every chunk that these blobs need is in a job, a pack, or the index.
        let buffers = lock(&shared.buffers).all.clone();
        for buffer in buffers {
            let frame = lock(&buffer).take();
            if let Some(frame) = frame {
                shared.submit(frame);
            }
        }
        shared.frame_jobs.wait();
        shared.check_failure()?;
        let mut pack = lock(&shared.pack).take();
        if pack.is_none() && !blobs.is_empty() {
            pack = Some(OpenPack::begin(shared.repo.ring(), shared.repo.options().pack_bytes)?);
        }
        if let Some(mut pack) = pack {
            pack.record(&blobs);
            let finished = pack.finish(shared.repo.ring())?;
            shared.upload(finished);
        }
        shared.uploads.wait();
        shared.check_failure()?;
        let packs = std::mem::take(&mut *lock(&shared.durable));
        if packs.is_empty() && blobs.is_empty() {
            return Ok(());
        }
        let chunks: Vec<ChunkId> =
            packs.iter().flat_map(|pack| &pack.frames).flat_map(|f| &f.chunks).map(|c| c.id).collect();
        let written = shared.repo.write_segments(packs, &blobs)?;
        shared.written_bytes.fetch_add(written, Ordering::Relaxed);
        // Only now: a look-up asks here first and the index after.
        let mut pending = lock(&shared.pending);
        for id in &chunks {
            pending.remove(id);
        }
        drop(pending);
        let mut recorded = lock(&shared.blobs);
        for blob in &blobs {
            if recorded.get(&blob.digest) == Some(blob) {
                recorded.remove(&blob.digest);
            }
        }
        Ok(())
    }

    /// Ends the session with a snapshot, which `finish` completes from what was written.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`], and as [`Session::checkpoint`]. Nothing is committed then.
    pub fn commit(self, finish: impl FnOnce(Counters) -> Snapshot) -> Result<SnapshotId> {
        self.checkpoint()?;
        self.lease.check()?;
        let snapshot = finish(self.counters());
        snapshot.validate()?;
        let repo = &self.shared.repo;
        let sealed = repo.ring().seal_private(PrivateKind::Snapshot, &snapshot.to_bytes())?;
        repo.backend().create_named(sealed)
    }
}

impl Repository {
    /// Writes packs and blobs into as few segments as the limits allow, blobs with the last,
    /// and takes them into the cache. Gives the bytes written.
    pub(crate) fn write_segments(&self, packs: Vec<SegmentPack>, blobs: &[BlobRecord]) -> Result<u64> {
        let mut groups = vec![Segment::default()];
        let mut chunks = 0;
        for pack in packs {
            let more: usize = pack.frames.iter().map(|frame| frame.chunks.len()).sum();
            if chunks > 0 && chunks + more > SEGMENT_CHUNKS {
                groups.push(Segment::default());
                chunks = 0;
            }
            chunks += more;
            if let Some(last) = groups.last_mut() {
                last.packs.push(pack);
            }
        }
        // A limit of its own: recipes are larger than chunks.
        for (number, part) in blobs.chunks(SEGMENT_CHUNKS / 4).enumerate() {
            match groups.last_mut() {
                Some(last) if number == 0 => last.blobs.extend_from_slice(part),
                _ => groups.push(Segment { packs: Vec::new(), blobs: part.to_vec() }),
            }
        }
        let mut written = 0;
        let mut segments: Vec<(SegmentId, Segment)> = Vec::new();
        for segment in groups {
            segment.validate()?;
            let sealed = self.ring().seal_shared(SharedKind::Segment, &segment.to_bytes())?;
            written += sealed.len() as u64;
            segments.push((self.backend().create_named(sealed)?, segment));
        }
        segments.reverse();
        self.index().add(|| Ok(segments.pop()))?;
        Ok(written)
    }
}

impl Shared {
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
    fn is_indexed(&self, id: &ChunkId) -> Result<bool> {
        let Some(location) = self.repo.index().locate(id)? else { return Ok(false) };
        if self.doomed.is_empty() {
            return Ok(true);
        }
        let pack = self.repo.index().pack(location.pack)?;
        Ok(pack.is_some_and(|pack| !self.doomed.contains(&pack.id)))
    }

    /// Stores a chunk unless it is stored already.
    pub(super) fn add_chunk(self: &Arc<Self>, buffer: &SharedBuffer, chunk: &[u8]) -> Result<ChunkId> {
        self.chunked_bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
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
    fn submit(self: &Arc<Self>, frame: PlainFrame) {
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
        if let Some(full) = finished {
            self.upload(full.finish(self.repo.ring())?);
        }
        Ok(())
    }

    /// Sends a pack, after waiting until there is room for one more in flight.
    fn upload(self: &Arc<Self>, pack: FinishedPack) {
        let options = self.repo.options();
        let job: Job = self.uploads.begin(pack.bytes.len(), options.pack_bytes * options.uploads);
        let shared = Arc::clone(self);
        self.repo.backend().runtime().spawn(async move {
            let size = pack.bytes.len() as u64;
            let sent = shared.repo.backend().store().put(&pack.segment.id.key(), pack.bytes).await;
            shared.note_failure(sent.map_err(|source| shared.repo.backend().error(source)).map(|()| {
                shared.written_bytes.fetch_add(size, Ordering::Relaxed);
                lock(&shared.durable).push(pack.segment);
            }));
            drop(job);
        });
    }

    fn note_failure(&self, done: Result<()>) {
        if let Err(error) = done {
            lock(&self.failure).get_or_insert(error);
        }
    }

    /// Gives the first failure of a job; after that the session only says that it failed.
    fn check_failure(&self) -> Result<()> {
        let mut failure = lock(&self.failure);
        match failure.take() {
            None => Ok(()),
            Some(error) => {
                *failure = Some(RepoError::SelfCheck { detail: "an earlier write failed" });
                Err(error)
            }
        }
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
