//! A writing session: finds duplicates, fills packs, names them in segments, commits.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use dtrvault_crypto::{PrivateKind, SharedKind};
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::{MAX_DOOMED_BYTES, MAX_SNAPSHOT_BYTES};
use dtrvault_format::names::{DOOMED, Named};
use dtrvault_format::{
    BlobRecord, ChunkId, Digest, Doomed, DoomedId, PackId, Recipe, SegmentPack, Snapshot, SnapshotId,
};

use super::Class;
use super::segments::segments_of;
use super::shared::{Shared, lock};
use super::stream::StreamWriter;
use crate::error::{RepoError, Result};
use crate::lease::HeldLease;
use crate::repository::Repository;

/// A checkpoint is due when so many chunks wait for a segment.
const CHECKPOINT_CHUNKS: usize = 100_000;
/// A checkpoint is due when so many blobs do.
const CHECKPOINT_BLOBS: usize = 10_000;

/// What a session has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
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

impl Repository {
    /// Begins a session. When other leases are there, packs that no segment names may have
    /// been left by a writer that died: they are looked for, and used again.
    ///
    /// # Errors
    /// Those of the store.
    pub fn session(&self, operation: &str) -> Result<Session> {
        let (lease, others) = HeldLease::take(self, operation)?;
        // Only what is read under the lease is certain to stay.
        self.sync_index()?;
        let doomed = self.doomed_packs()?;
        if !others.is_empty() {
            // Who is dead is asked first: all that a dead writer left is to be found then. Its
            // lease goes last: until then the next writer looks again.
            let dead = lease.dead(&others)?;
            self.adopt_packs(&doomed)?;
            for id in dead {
                self.backend().delete(&id.key())?;
            }
        }
        let shared = Shared::new(self.clone(), doomed);
        Ok(Session { shared: Arc::new(shared), lease, checkpoint: Mutex::default() })
    }

    /// Packs that a prune has marked.
    pub(crate) fn doomed_packs(&self) -> Result<HashSet<PackId>> {
        let mut packs = HashSet::new();
        for id in self.backend().list::<DoomedId>(DOOMED)? {
            let bytes = self.backend().get_named(&id, MAX_DOOMED_BYTES)?;
            let plain = self.ring().open_shared(SharedKind::Doomed, &bytes);
            let plain = plain.map_err(|source| RepoError::Unsealed { key: id.key(), source })?;
            let doomed = Doomed::from_bytes(&plain)
                .map_err(|source| RepoError::Malformed { key: id.key(), source })?;
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

    /// Whether a chunk is in the index, and no prune has marked where it stands.
    ///
    /// # Errors
    /// Those of the cache.
    pub fn holds(&self, id: &ChunkId) -> Result<bool> {
        self.shared.is_indexed(id)
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
        for (class, buffer) in buffers {
            let mut buffer = lock(&buffer);
            shared.submit(class, buffer.take());
        }
        shared.frame_jobs.wait();
        shared.check_failure()?;
        let mut pack = lock(&shared.pack).take();
        if pack.is_none() && !blobs.is_empty() {
            pack = Some(shared.open_pack()?);
        }
        if let Some(mut pack) = pack {
            pack.record(&blobs);
            match pack.close() {
                Some(full) => shared.upload(full)?,
                // A frame that came meanwhile is on its way into it, and sends it.
                None => shared.frame_jobs.wait(),
            }
            shared.check_failure()?;
        }
        shared.uploads.wait();
        shared.check_failure()?;
        let packs = shared.unnamed.take();
        if packs.is_empty() && blobs.is_empty() {
            return Ok(());
        }
        let chunks: Vec<ChunkId> =
            packs.iter().flat_map(|pack| &pack.frames).flat_map(|f| &f.chunks).map(|c| c.id).collect();
        self.name(packs, &blobs)?;
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

    /// Names durable packs, and blobs, in segments. Packs that could not be named are given back.
    fn name(&self, packs: Vec<SegmentPack>, blobs: &[BlobRecord]) -> Result<()> {
        let shared = &self.shared;
        // Without a lease a prune may have removed packs that had no name.
        let mut done = self.lease.check();
        let mut written = Vec::new();
        for segment in segments_of(packs, blobs) {
            match done.and_then(|()| shared.repo.put_segment(&segment)) {
                Ok((id, size)) => {
                    shared.written_bytes.fetch_add(size, Ordering::Relaxed);
                    shared.unnamed.named(segment.packs.len());
                    written.push((id, segment));
                    done = Ok(());
                }
                Err(error) => {
                    shared.unnamed.give_back(segment.packs);
                    done = Err(error);
                }
            }
        }
        let cached = shared.repo.cache_segments(written);
        done.and(cached)
    }

    /// Ends the session with a snapshot, which `finish` completes from what was written.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`], and as [`Session::checkpoint`]. Nothing is committed then.
    pub fn commit(self, finish: impl FnOnce(Counters) -> Snapshot) -> Result<SnapshotId> {
        self.checkpoint().map_err(|error| self.explain(error))?;
        self.lease.check()?;
        let snapshot = finish(self.counters());
        snapshot.validate()?;
        let repo = &self.shared.repo;
        let sealed = repo.ring().seal_private(PrivateKind::Snapshot, &snapshot.to_bytes())?;
        if sealed.len() as u64 > MAX_SNAPSHOT_BYTES {
            return Err(RepoError::SelfCheck { detail: "the snapshot is longer than any reader accepts" });
        }
        repo.backend().create_named(sealed)
    }

    /// The failure behind [`RepoError::Aborted`], the first time it is asked for; any other
    /// error is its own explanation.
    #[must_use]
    pub fn explain(&self, error: RepoError) -> RepoError {
        match error {
            RepoError::Aborted => self.shared.take_failure().unwrap_or(RepoError::Aborted),
            error => error,
        }
    }
}

impl Drop for Session {
    /// Names the packs of a session that failed or was stopped. When one may be left without a
    /// name, in flight for instance, the lease stays, so that the next writer looks for it.
    fn drop(&mut self) {
        let unnamed = &self.shared.unnamed;
        unnamed.close();
        let packs = unnamed.take();
        if !packs.is_empty() {
            // Best effort: what fails here leaves the lease.
            let _ = self.name(packs, &[]);
        }
        if !unnamed.is_empty() {
            self.lease.leave();
        }
    }
}
