//! How RocksDB is set up: a fixed budget of memory whatever the size of the index.

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompactionStyle, Options, UniversalCompactOptions,
};

/// Share of the memory budget that gathers rows to be written; the rest caches blocks, filters
/// included.
const RUN_SHARE: usize = 4;
/// Tables that may lie over one another before some are merged. A look-up asks the filter of
/// each.
const MOST_RUNS: i32 = 8;
/// A merge reads so far ahead in each table, bytes: after a large fill there are hundreds.
const READ_AHEAD_BYTES: usize = 64 << 10;
/// Longest table, bytes. While one is written, the filter of all of its rows is in memory.
const TABLE_BYTES: u64 = 32 << 20;

/// Rows of one run may take so much of a budget of `memory_bytes`.
pub(super) fn run_bytes(memory_bytes: usize) -> usize {
    memory_bytes / RUN_SHARE
}

/// Options that keep memory within `memory_bytes` whatever the size of the database: blocks,
/// filters and indexes all live in one cache, and filters are read by partitions.
pub(super) fn options(memory_bytes: usize) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(memory_bytes - run_bytes(memory_bytes)));
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_top_level_index_and_filter(true);
    table.set_bloom_filter(10.0, false);
    table.set_format_version(6);
    table.set_block_size(4 << 10);

    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&table);
    // Rows come as whole tables; the buffer holds the mark of the database and nothing else.
    options.set_write_buffer_size(1 << 20);
    options.set_max_background_jobs(2);
    options.set_max_subcompactions(2);
    options.set_target_file_size_base(TABLE_BYTES);
    // Tables of like size are merged, so each row is written a few times whatever their number.
    let mut merges = UniversalCompactOptions::default();
    merges.set_max_size_amplification_percent(100);
    options.set_compaction_style(DBCompactionStyle::Universal);
    options.set_universal_compaction_options(&merges);
    options.set_level_zero_file_num_compaction_trigger(MOST_RUNS);
    options.set_compaction_readahead_size(READ_AHEAD_BYTES);
    // Until a session ends: see `apply.rs`.
    options.set_disable_auto_compactions(true);
    // A reading handle opens every file at once: another process may remove one meanwhile.
    options.set_max_open_files(-1);
    options.set_keep_log_file_num(1);
    options.set_log_level(rocksdb::LogLevel::Error);
    options
}
