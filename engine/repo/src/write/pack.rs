//! A pack while it is filled.

use bytes::Bytes;
use dtrvault_crypto::{KeyRing, PackSealer};
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::{MAX_CHUNKS_PER_PACK, MAX_FRAMES_PER_PACK};
use dtrvault_format::{BlobRecord, ChunkEntry, Directory, FrameEntry, PackHeader, PackId, SegmentPack};

use crate::error::{RepoError, Result};
use crate::packs;

/// A pack that takes frames.
pub(super) struct OpenPack {
    header: PackHeader,
    sealer: PackSealer,
    bytes: Vec<u8>,
    hasher: blake3::Hasher,
    directory: Directory,
    chunks: usize,
    target_bytes: usize,
}

/// A pack that is whole.
pub(super) struct FinishedPack {
    pub(super) bytes: Bytes,
    pub(super) segment: SegmentPack,
}

impl OpenPack {
    /// Begins a pack that is closed when it would grow over `target_bytes`.
    pub(super) fn begin(ring: &KeyRing, target_bytes: usize) -> Result<Self> {
        let (header, sealer) = ring.new_pack()?;
        let bytes = header.to_bytes().to_vec();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes);
        Ok(Self { header, sealer, bytes, hasher, directory: Directory::default(), chunks: 0, target_bytes })
    }

    /// Whether a frame of `frame_bytes` with `chunks` chunks still fits. The first always does.
    pub(super) fn has_room(&self, frame_bytes: usize, chunks: usize) -> bool {
        let directory_bytes = (self.chunks + chunks) * 48 + 4096;
        self.directory.frames.is_empty()
            || (self.bytes.len() + frame_bytes + directory_bytes <= self.target_bytes
                && self.chunks + chunks <= MAX_CHUNKS_PER_PACK
                && self.directory.frames.len() < MAX_FRAMES_PER_PACK)
    }

    /// Seals a compressed frame and appends it.
    pub(super) fn append(&mut self, mut frame: Vec<u8>, chunks: Vec<ChunkEntry>) -> Result<()> {
        self.sealer.next_frame()?.seal(&mut frame)?;
        // Bounded by the format's limit on frames.
        let stored_len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        self.hasher.update(&frame);
        self.bytes.extend_from_slice(&frame);
        self.chunks += chunks.len();
        self.directory.frames.push(FrameEntry { stored_len, chunks });
        Ok(())
    }

    /// Writes down how blobs are made.
    pub(super) fn record(&mut self, blobs: &[BlobRecord]) {
        self.directory.blobs.extend_from_slice(blobs);
    }

    /// Closes the pack, and reads its directory back as a stranger would.
    pub(super) fn finish(mut self, ring: &KeyRing) -> Result<FinishedPack> {
        self.directory.validate()?;
        let tail = self.sealer.finish(&self.directory.to_bytes(), self.bytes.len() as u64)?;
        self.hasher.update(&tail);
        self.bytes.extend_from_slice(&tail);
        if packs::parse_tail(ring, &self.header, &tail)? != self.directory {
            return Err(RepoError::SelfCheck { detail: "its directory reads back differently" });
        }
        let segment = SegmentPack {
            id: PackId::new(self.hasher.finalize().into()),
            size: self.bytes.len() as u64,
            header: self.header,
            frames: self.directory.frames,
        };
        Ok(FinishedPack { bytes: self.bytes.into(), segment })
    }
}
