//! A pack while it is filled.
//!
//! Places in it are given out one after the other; frames are sealed side by side, and whoever
//! brings the last one of a closed pack finishes it. The parts are never joined: they go to
//! the store as they are.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use dtrvault_crypto::{FrameSealer, KeyRing, PackSealer};
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::{MAX_CHUNKS_PER_PACK, MAX_FRAMES_PER_PACK};
use dtrvault_format::pack::TAG_BYTES;
use dtrvault_format::{BlobRecord, ChunkEntry, Directory, FrameEntry, PackHeader, PackId, SegmentPack};

use super::jobs::Job;
use crate::error::{RepoError, Result};
use crate::packs;

/// A pack that takes frames.
pub(super) struct OpenPack {
    plan: Plan,
    frames: Arc<Frames>,
    chunks: usize,
    target_bytes: usize,
    room: Job,
}

/// All of a pack but its frames.
struct Plan {
    header: PackHeader,
    sealer: PackSealer,
    directory: Directory,
    /// Length of header and frames, bytes.
    stored_bytes: usize,
}

/// Sealed frames of a pack, each in its place.
#[derive(Default)]
struct Frames {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sealed: Vec<Option<Bytes>>,
    missing: usize,
    /// Set when no more places are given out.
    closed: Option<(Plan, Job)>,
}

/// A compressed frame with its place in a pack.
pub(super) struct Place {
    frame: Vec<u8>,
    sealer: FrameSealer,
    number: usize,
    frames: Arc<Frames>,
}

/// A pack that takes no more frames and has all of them.
pub(super) struct FullPack {
    plan: Plan,
    frames: Vec<Bytes>,
    room: Job,
}

/// A pack that is whole.
pub(super) struct FinishedPack {
    pub(super) parts: Vec<Bytes>,
    pub(super) segment: SegmentPack,
    /// In memory, to be given back when the pack is sent.
    pub(super) room: Job,
}

impl OpenPack {
    /// Begins a pack that is closed when it would grow over `target_bytes`, for which there is `room` in memory.
    pub(super) fn begin(ring: &KeyRing, target_bytes: usize, room: Job) -> Result<Self> {
        let (header, sealer) = ring.new_pack()?;
        let stored_bytes = header.to_bytes().len();
        let plan = Plan { header, sealer, directory: Directory::default(), stored_bytes };
        Ok(Self { plan, frames: Arc::default(), chunks: 0, target_bytes, room })
    }

    /// Whether a frame of `frame_bytes` with `chunks` chunks still fits. The first always does.
    pub(super) fn has_room(&self, frame_bytes: usize, chunks: usize) -> bool {
        let directory_bytes = (self.chunks + chunks) * 48 + 4096;
        self.plan.directory.frames.is_empty()
            || (self.plan.stored_bytes + frame_bytes + directory_bytes <= self.target_bytes
                && self.chunks + chunks <= MAX_CHUNKS_PER_PACK
                && self.plan.directory.frames.len() < MAX_FRAMES_PER_PACK)
    }

    /// Gives the next place to a compressed frame.
    pub(super) fn place(&mut self, frame: Vec<u8>, chunks: Vec<ChunkEntry>) -> Result<Place> {
        let sealer = self.plan.sealer.next_frame()?;
        let stored_len = frame.len() + TAG_BYTES;
        self.plan.stored_bytes += stored_len;
        self.chunks += chunks.len();
        // Bounded by the format's limit on frames.
        let stored_len = u32::try_from(stored_len).unwrap_or(u32::MAX);
        self.plan.directory.frames.push(FrameEntry { stored_len, chunks });
        let mut state = self.frames.lock();
        let number = state.sealed.len();
        state.sealed.push(None);
        state.missing += 1;
        Ok(Place { frame, sealer, number, frames: Arc::clone(&self.frames) })
    }

    /// Writes down how blobs are made.
    pub(super) fn record(&mut self, blobs: &[BlobRecord]) {
        self.plan.directory.blobs.extend_from_slice(blobs);
    }

    /// Gives out no more places. The full pack, when every frame is there; else whoever fills
    /// the last place gets it.
    pub(super) fn close(self) -> Option<FullPack> {
        let mut state = self.frames.lock();
        state.closed = Some((self.plan, self.room));
        state.full()
    }
}

impl Frames {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn full(&mut self) -> Option<FullPack> {
        if self.missing > 0 {
            return None;
        }
        let (plan, room) = self.closed.take()?;
        let frames = self.sealed.drain(..).flatten().collect();
        Some(FullPack { plan, frames, room })
    }
}

impl Place {
    /// Seals the frame. `lend` makes its memory shareable. The pack, when it is closed and this was
    /// its last.
    pub(super) fn fill(mut self, lend: impl FnOnce(Vec<u8>) -> Bytes) -> Result<Option<FullPack>> {
        self.sealer.seal(&mut self.frame)?;
        let sealed = lend(self.frame);
        let mut state = self.frames.lock();
        if let Some(place) = state.sealed.get_mut(self.number) {
            *place = Some(sealed);
        }
        state.missing -= 1;
        Ok(state.full())
    }
}

impl FullPack {
    /// Closes the pack, and reads its directory back as a stranger would.
    pub(super) fn finish(self, ring: &KeyRing) -> Result<FinishedPack> {
        let Plan { header, sealer, directory, stored_bytes } = self.plan;
        directory.validate()?;
        let tail = sealer.finish(&directory.to_bytes(), stored_bytes as u64)?;
        if packs::parse_tail(ring, &header, &tail)? != directory {
            return Err(RepoError::SelfCheck { detail: "its directory reads back differently" });
        }
        let mut parts = Vec::with_capacity(self.frames.len() + 2);
        parts.push(Bytes::copy_from_slice(&header.to_bytes()));
        parts.extend(self.frames);
        if parts.iter().map(Bytes::len).sum::<usize>() != stored_bytes {
            return Err(RepoError::SelfCheck { detail: "its frames are not as long as it says" });
        }
        parts.push(tail.into());
        let mut hasher = blake3::Hasher::new();
        for part in &parts {
            hasher.update(part);
        }
        let segment = SegmentPack {
            id: PackId::new(hasher.finalize().into()),
            size: parts.iter().map(|part| part.len() as u64).sum(),
            header,
            frames: directory.frames,
        };
        Ok(FinishedPack { parts, segment, room: self.room })
    }
}
