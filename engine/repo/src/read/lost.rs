//! What of the packs cannot be had. It grows with the damage, not with the repository.

use std::collections::HashSet;

use crate::index::{Location, PackNo};

/// A part of one pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostPart {
    /// All of it.
    Whole,
    /// One frame, by number.
    Frame(u32),
    /// One chunk.
    Chunk {
        /// Number of its frame.
        frame: u32,
        /// Where it begins in the frame's plain bytes.
        offset: u32,
    },
}

/// Parts of packs that cannot be had.
#[derive(Debug, Default)]
pub struct Lost {
    packs: HashSet<PackNo>,
    frames: HashSet<(PackNo, u32)>,
    chunks: HashSet<(PackNo, u32, u32)>,
}

impl Lost {
    /// Adds a part of a pack.
    pub fn add(&mut self, pack: PackNo, part: LostPart) {
        match part {
            LostPart::Whole => self.packs.insert(pack),
            LostPart::Frame(frame) => self.frames.insert((pack, frame)),
            LostPart::Chunk { frame, offset } => self.chunks.insert((pack, frame, offset)),
        };
    }

    /// Whether a whole pack is lost.
    #[must_use]
    pub fn has_pack(&self, pack: PackNo) -> bool {
        self.packs.contains(&pack)
    }

    /// Whether what stands there is lost.
    #[must_use]
    pub fn has(&self, at: Location) -> bool {
        let Location { pack, frame, offset, .. } = at;
        self.packs.contains(&pack)
            || self.frames.contains(&(pack, frame))
            || self.chunks.contains(&(pack, frame, offset))
    }
}
