//! How RocksDB is set up: a fixed budget of memory whatever the size of the index.

use rocksdb::{BlockBasedIndexType, BlockBasedOptions, Cache, Options};

/// Share of the memory budget that buffers writes; the rest caches blocks, filters included.
const WRITE_SHARE: usize = 4;

/// Options that keep memory within `memory_bytes` whatever the size of the database: blocks,
/// filters and indexes all live in one cache, and filters are read by partitions.
pub(super) fn options(memory_bytes: usize) -> Options {
    let write_bytes = memory_bytes / WRITE_SHARE;
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(memory_bytes - write_bytes));
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_top_level_index_and_filter(true);
    table.set_bloom_filter(10.0, false);
    table.set_block_size(4 << 10);

    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size((write_bytes / 2).max(1 << 20));
    options.set_max_write_buffer_number(2);
    options.set_max_background_jobs(2);
    options.set_target_file_size_base(64 << 20);
    // A reading handle opens every file at once: another process may remove one meanwhile.
    options.set_max_open_files(-1);
    options.set_keep_log_file_num(1);
    options.set_log_level(rocksdb::LogLevel::Error);
    options
}
