//! Bounds on everything that is read. A reader compares first and allocates after.

/// Version of the format that this crate reads and writes.
pub const FORMAT_VERSION: u32 = 1;

/// Longest `config` object, bytes.
pub const MAX_CONFIG_BYTES: u64 = 4 * 1024;
/// Longest key slot, bytes.
pub const MAX_SLOT_BYTES: u64 = 4 * 1024;
/// Most key slots that are tried.
pub const MAX_SLOTS: usize = 128;
/// Longest label of a key slot, bytes of UTF-8.
pub const MAX_LABEL_BYTES: usize = 256;
/// Longest snapshot object, bytes as stored.
pub const MAX_SNAPSHOT_BYTES: u64 = 4 * 1024 * 1024;
/// Longest lease, bytes as stored.
pub const MAX_LEASE_BYTES: u64 = 16 * 1024;
/// Longest list of doomed packs, bytes as stored.
pub const MAX_DOOMED_BYTES: u64 = 64 * 1024 * 1024;
/// Longest index segment, bytes as stored.
pub const MAX_SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Longest chunk, bytes of plain content.
pub const MAX_CHUNK_BYTES: u32 = 8 * 1024 * 1024;
/// Smallest legal minimum of a chunker, bytes.
pub const MIN_CHUNK_BYTES: u32 = 64;
/// Largest legal minimum of a chunker, bytes (FastCDC).
pub const MAX_MIN_CHUNK_BYTES: u32 = 1024 * 1024;
/// Smallest legal average of a chunker, bytes (FastCDC).
pub const MIN_AVG_CHUNK_BYTES: u32 = 256;
/// Largest legal average of a chunker, bytes (FastCDC).
pub const MAX_AVG_CHUNK_BYTES: u32 = 4 * 1024 * 1024;
/// Longest frame, bytes of plain content: one longest chunk, or many that stay below it.
pub const MAX_FRAME_BYTES: u32 = 8 * 1024 * 1024;
/// What compression and sealing may add to a frame at most, bytes.
pub const MAX_FRAME_OVERHEAD_BYTES: u32 = 64 * 1024;
/// Longest pack, bytes as stored.
pub const MAX_PACK_BYTES: u64 = 512 * 1024 * 1024;
/// Longest sealed directory of a pack, bytes.
pub const MAX_DIRECTORY_BYTES: u32 = 32 * 1024 * 1024;
/// Most chunks in one pack.
pub const MAX_CHUNKS_PER_PACK: usize = 1 << 18;
/// Most frames in one pack.
pub const MAX_FRAMES_PER_PACK: usize = 1 << 16;

/// Deepest Merkle list of a stream. With 455 entries a list chunk, 8 levels are 10^21 chunks.
pub const MAX_STREAM_DEPTH: u8 = 8;

/// Longest encoded recipe of an unknown kind, bytes.
pub const MAX_RECIPE_BYTES: usize = 64 * 1024;
/// Longest replay of a gzip stream that stands in its recipe, bytes; a longer one has a stream.
pub const MAX_REPLAY_BYTES: usize = 1024;
/// Longest replay of a gzip stream at all, bytes.
pub const MAX_LONG_REPLAY_BYTES: u64 = 16 << 20;

/// Longest content of a deflated run of a tar skeleton, bytes.
pub const MAX_DEFLATED_BYTES: u64 = 16 << 20;

/// Most rows of a table that a recipe of kind *Rows* reads.
pub const MAX_TABLE_ROWS: u32 = 1 << 28;
/// Longest row of such a table, bytes.
pub const MAX_ROW_BYTES: u32 = 64 * 1024;
/// Longest block of its columns, bytes.
pub const MAX_COLUMNS_BYTES: usize = 8 * 1024 * 1024;
/// Most rows that one block of columns names.
pub const MAX_COLUMNS_ROWS: usize = 1 << 16;
/// Most header templates of one block of columns.
pub const MAX_TEMPLATES: usize = 1024;

/// Longest path of an entry, bytes. Linux's own bound on one call is 4,096; a walk can go deeper.
pub const MAX_PATH_BYTES: usize = 64 * 1024;
/// Longest name within a path, bytes. Object stores allow keys of 1,024.
pub const MAX_NAME_BYTES: usize = 1024;
/// Longest content that an entry of a tree holds itself, bytes.
pub const MAX_INLINE_BYTES: usize = 4096;
/// Most extended attributes of one entry.
pub const MAX_XATTRS: usize = 1024;
/// Longest extended attribute value, bytes (Linux: XATTR_SIZE_MAX).
pub const MAX_XATTR_BYTES: usize = 64 * 1024;
/// Longest encoded entry of a tree, bytes.
pub const MAX_ENTRY_BYTES: usize = 1024 * 1024;

/// Most tags of a snapshot.
pub const MAX_TAGS: usize = 256;
/// Longest free text in a snapshot (host, tag, location), bytes.
pub const MAX_TEXT_BYTES: usize = 4096;
/// Most problems that a snapshot lists one by one; the rest is counted.
pub const MAX_PROBLEMS: usize = 1000;
/// Longest paths and details of all listed problems together, bytes.
pub const MAX_PROBLEMS_BYTES: usize = 2 * 1024 * 1024;
/// Most encoders, and most reasons, by which a snapshot tells layers apart.
pub const MAX_LAYER_KINDS: usize = 256;
/// Longest name of one of them, bytes.
pub const MAX_LAYER_KIND_BYTES: usize = 256;
