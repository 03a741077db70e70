//! What a splitter saw of a tar: how many members, and how the archive ends.

/// Result of splitting one tar. Splitting never fails on bytes; this tells what they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarReport {
    /// Members, extended headers and volume labels not counted.
    pub members: u64,
    /// How the archive ends.
    pub ending: Ending,
    /// First component of the first member's name, `/` and `.` at its front left out.
    pub root: Option<Vec<u8>>,
}

/// How an archive ends. Offsets count bytes from the start of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// One zero block at least stands after the last member, and nothing but zeros follows.
    Complete,
    /// The input ends where a header or zero block would begin. Empty input ends so, too.
    NoEndBlocks,
    /// After the end-of-archive blocks come bytes that are neither zero nor a header.
    TrailingBytes {
        /// Start of the first block that is neither.
        offset: u64,
    },
    /// Where a header should be there is none, and no end was marked before.
    NotTarFrom {
        /// Start of the block that is no header; 0 when the input is no tar at all.
        offset: u64,
    },
    /// The input ends within the contents of a member.
    CutInMember {
        /// Start of the member's first header; up to there the archive is whole.
        offset: u64,
        /// Name of the member, at most 64 KiB of it.
        name: Vec<u8>,
        /// Bytes of content that are not there; 0 when only padding is missing.
        missing_bytes: u64,
    },
    /// The input ends within a header, or a member's extended headers stand without it.
    CutInHeader {
        /// Start of the first header concerned; up to there the archive is whole.
        offset: u64,
    },
}
