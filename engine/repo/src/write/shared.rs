//! What the threads and jobs of a session share: which chunks are new, and the way of a
//! frame into a pack and of a pack into the store.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dtrvault_codec::{Chunk, Compressor, PlainFrame};
use dtrvault_format::names::Named;
use dtrvault_format::{BlobRecord, ChunkEntry, ChunkId, Digest, PackId};
use rayon::prelude::*;

use super::Class;
use super::frames::{Frame, FrameBuffer};
use super::jobs::Jobs;
use super::memory::Memory;
use super::pack::{FullPack, OpenPack, Place};
use super::unnamed::Unnamed;
use crate::error::{RepoError, Result};
use crate::repository::Repository;

/// Plain bytes of frames that may be compressed at once or wait for it.
const FRAMES_IN_FLIGHT_BYTES: usize = 16 << 20;

/// A frame buffer, borrowed by one stream at a time and known to the session all the while.
pub(super) type SharedBuffer = Arc<Mutex<FrameBuffer>>;

/// A frame with what stands in it.
type CompressedFrame = (Vec<u8>, Vec<ChunkEntry>);

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
    /// Packs in memory, from the first place given out to their end in the store.
    packs: Jobs,
    /// Those of them that are being sent: to be waited for, not to be counted.
    pub(super) uploads: Jobs,
    memory: Memory,
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
    pub(super) all: Vec<(Class, SharedBuffer)>,
    free_fine: Vec<SharedBuffer>,
    free_layer: Vec<SharedBuffer>,
    free_coarse: Vec<SharedBuffer>,
}

impl Buffers {
    fn free(&mut self, class: Class) -> &mut Vec<SharedBuffer> {
        match class {
            Class::Fine => &mut self.free_fine,
            Class::Layer => &mut self.free_layer,
            Class::Coarse => &mut self.free_coarse,
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(repo: Repository, doomed: HashSet<PackId>) -> Self {
        // A pack that was sent, and frames on their way into the next one.
        let frame_bytes = repo.chunker(Class::Coarse).max_size() / 4 * 3;
        let memory = Memory::new(repo.options().pack_bytes + FRAMES_IN_FLIGHT_BYTES, frame_bytes);
        Self {
            repo,
            memory,
            pending: Mutex::default(),
            blobs: Mutex::default(),
            doomed,
            buffers: Mutex::default(),
            pack: Mutex::default(),
            frame_jobs: Jobs::default(),
            packs: Jobs::default(),
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
            let buffer = FrameBuffer::new(self.repo.options().pack_bytes, class.frame_bytes());
            let buffer: SharedBuffer = Arc::new(Mutex::new(buffer));
            buffers.all.push((class, Arc::clone(&buffer)));
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
    pub(super) fn add_chunk(
        self: &Arc<Self>,
        class: Class,
        buffer: &SharedBuffer,
        chunk: Chunk<'_>,
    ) -> Result<ChunkId> {
        let bytes = chunk.bytes();
        let id = self.repo.ring().chunk_id(bytes);
        if lock(&self.pending).contains(&id) || self.is_indexed(&id)? {
            return Ok(id);
        }
        let len = bytes.len();
        {
            // From `pending` to a job under one lock: a checkpoint that has seen the buffer has
            // seen every chunk that anybody may rely on.
            let mut buffer = lock(buffer);
            if !lock(&self.pending).insert(id) {
                return Ok(id);
            }
            let full = match chunk {
                Chunk::Gathered(gathered) if len >= class.frame_bytes() / 2 => {
                    let next = PlainFrame::reuse(self.memory.take());
                    buffer.push_frame(Frame::of(id, std::mem::replace(gathered, next)))
                }
                chunk => buffer.push(id, chunk.bytes()),
            };
            if let Some(run) = full {
                self.submit(class, run);
            }
        }
        self.new_chunks.fetch_add(1, Ordering::Relaxed);
        self.new_bytes.fetch_add(len as u64, Ordering::Relaxed);
        self.check_failure()?;
        Ok(id)
    }

    /// Hands a run of frames to the pool that compresses and packs them.
    pub(super) fn submit(self: &Arc<Self>, class: Class, run: Vec<Frame>) {
        if run.is_empty() {
            return;
        }
        let bytes = run.iter().map(|frame| frame.plain.len()).sum();
        let job = self.frame_jobs.begin(bytes, FRAMES_IN_FLIGHT_BYTES);
        let shared = Arc::clone(self);
        rayon::spawn(move || {
            let packed = shared.pack_run(class, run);
            shared.note_failure(packed);
            drop(job);
        });
    }

    fn pack_run(self: &Arc<Self>, class: Class, run: Vec<Frame>) -> Result<()> {
        let options = self.repo.options();
        let level = match class {
            Class::Fine | Class::Coarse => options.compression_level,
            Class::Layer => options.layer_compression_level,
        };
        let compressed =
            run.into_par_iter().map(|Frame { plain, chunks }| Ok((compress(class, plain, level)?, chunks)));
        let mut compressed: VecDeque<CompressedFrame> = compressed.collect::<Result<_>>()?;
        while !compressed.is_empty() {
            let (places, closed) = self.places(&mut compressed)?;
            if let Some(full) = closed.and_then(OpenPack::close) {
                self.upload(full)?;
            }
            // By this thread alone: whoever waits for others in the pool is given other runs to pack.
            for place in places {
                if let Some(full) = place.fill(|bytes| self.memory.lend(bytes))? {
                    self.upload(full)?;
                }
            }
        }
        Ok(())
    }

    /// Places for compressed frames, one behind the other, until the pack is full, which is given back as well.
    /// Nobody may wait for a new pack while it owes a frame to a full one.
    fn places(&self, run: &mut VecDeque<CompressedFrame>) -> Result<(Vec<Place>, Option<OpenPack>)> {
        let mut places = Vec::with_capacity(run.len());
        let mut open = lock(&self.pack);
        while let Some((frame, chunks)) = run.pop_front() {
            let pack = match &mut *open {
                Some(pack) => pack,
                none => none.insert(self.open_pack()?),
            };
            if !pack.has_room(frame.len(), chunks.len()) {
                run.push_front((frame, chunks));
                return Ok((places, open.take()));
            }
            places.push(pack.place(frame, chunks)?);
        }
        Ok((places, None))
    }

    /// Begins a pack, after waiting until memory holds no more of them than may be in flight.
    pub(super) fn open_pack(&self) -> Result<OpenPack> {
        let options = self.repo.options();
        let room = self.packs.begin(options.pack_bytes, options.pack_bytes * (options.uploads + 1));
        OpenPack::begin(self.repo.ring(), options.pack_bytes, room)
    }

    /// Finishes a pack and sends it. None is sent after the session has ended: it would stay without
    /// a name.
    pub(super) fn upload(self: &Arc<Self>, pack: FullPack) -> Result<()> {
        let pack = pack.finish(self.repo.ring())?;
        let size = pack.segment.size;
        let job = self.uploads.begin(0, usize::MAX);
        if !self.unnamed.send() {
            return Err(RepoError::Aborted);
        }
        let shared = Arc::clone(self);
        self.repo.backend().runtime().spawn(async move {
            let sent = shared.repo.backend().store().put_parts(&pack.segment.id.key(), pack.parts).await;
            shared.note_failure(sent.map_err(|source| shared.repo.backend().error(source)).map(|()| {
                shared.written_bytes.fetch_add(size, Ordering::Relaxed);
                shared.unnamed.arrived(pack.segment);
            }));
            drop((job, pack.room));
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
fn compress(class: Class, plain: PlainFrame, level: i32) -> Result<Vec<u8>> {
    thread_local! {
        static COMPRESSOR: RefCell<Option<Compressor>> = const { RefCell::new(None) };
    }
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            none => none.insert(Compressor::new(level)?),
        };
        compressor.set_level(level)?;
        Ok(match class {
            Class::Fine | Class::Layer => compressor.compress(plain)?,
            Class::Coarse => compressor.compress_opaque(plain)?,
        })
    })
}
