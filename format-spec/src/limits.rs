//! The bounds of the format by name, for holding `limits.md` against them.

use dtrvault_format::{limits, slot};

/// Turns constants of any integer type into names and values.
macro_rules! rows {
    ($($module:ident: $($name:ident),+;)+) => {
        &[$($((stringify!($name), $module::$name as u64)),+),+]
    };
}

/// Every bound of the format: its name, and its value in the unit that the name ends in.
pub const LIMITS: &[(&str, u64)] = rows! {
    limits:
        FORMAT_VERSION, MAX_CONFIG_BYTES, MAX_SLOT_BYTES, MAX_LABEL_BYTES, MAX_SNAPSHOT_BYTES,
        MAX_LEASE_BYTES, MAX_DOOMED_BYTES, MAX_SEGMENT_BYTES, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES,
        MAX_FRAME_BYTES, MAX_FRAME_OVERHEAD_BYTES, MAX_PACK_BYTES, MAX_DIRECTORY_BYTES,
        MAX_CHUNKS_PER_PACK, MAX_FRAMES_PER_PACK, MAX_STREAM_DEPTH,
        MAX_PATH_BYTES, MAX_NAME_BYTES, MAX_INLINE_BYTES, MAX_XATTRS,
        MAX_XATTR_BYTES, MAX_ENTRY_BYTES, MAX_TAGS, MAX_TEXT_BYTES, MAX_PROBLEMS, MAX_PROBLEMS_BYTES,
        MAX_LAYER_KINDS, MAX_LAYER_KIND_BYTES, MAX_SLOTS, MAX_RECIPE_BYTES,
        MAX_REPLAY_BYTES, MAX_LONG_REPLAY_BYTES, MAX_DEFLATED_BYTES,
        MAX_TABLE_ROWS, MAX_ROW_BYTES, MAX_COLUMNS_BYTES, MAX_COLUMNS_ROWS, MAX_TEMPLATES,
        MAX_MIN_CHUNK_BYTES, MIN_AVG_CHUNK_BYTES, MAX_AVG_CHUNK_BYTES;
    slot:
        MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_PASSES, MAX_ARGON2_LANES, MIN_ARGON2_MEMORY_KIB,
        MIN_ARGON2_PASSES, MAX_WRAPPED_BYTES;
};

/// The first two columns of a table in Markdown whose second column is a number: names
/// without back ticks, numbers without their separators.
#[must_use]
pub fn documented(markdown: &str) -> Vec<(String, u64)> {
    markdown
        .lines()
        .filter_map(|line| {
            let mut cells = line.trim().strip_prefix('|')?.split('|').map(str::trim);
            let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
            let value = cells.next()?.replace(',', "").parse().ok()?;
            Some((name.to_owned(), value))
        })
        .collect()
}
