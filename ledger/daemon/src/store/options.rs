use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode,
    Options,
};

use super::{DETAILS, ENTRIES, META, TILES};

/// Memory of the log's block cache, its index and filter blocks included.
const BLOCK_CACHE_BYTES: usize = 32 << 20;
/// Memory of the log's memtables, all column families together.
const MEMTABLES_BYTES: usize = 32 << 20;
/// Past this, memtables are flushed and the write-ahead log begins anew. It bounds what opening replays.
const WAL_BYTES_MAX: u64 = 64 << 20;
/// Open table files, each with its index in the block cache.
const OPEN_FILES_MAX: i32 = 256;

/// Options that both stores share: what the log and the views want of RocksDB in general.
pub(crate) fn base_options() -> Options {
    let mut options = Options::default();
    // Every kind of damage that RocksDB can notice is an error, and after a failed write it takes no more.
    options.set_paranoid_checks(true);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_max_background_jobs(2);
    // RocksDB's own text log, not the ledger's: a few files of bounded size.
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 << 20);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}

/// The options of a column family that shares `cache`. The comparator is RocksDB's own, by bytes.
pub(crate) fn close_to(cache: &Cache, table: &mut BlockBasedOptions) -> Options {
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_format_version(6);
    let mut options = Options::default();
    options.set_block_based_table_factory(table);
    options.set_compression_type(DBCompressionType::None);
    options
}

/// Opens the log's RocksDB. `recovery` is chosen by who has looked at the write-ahead log.
///
/// Deliberately absent: `wal_bytes_per_sync`, `manual_wal_flush`, `avoid_flush_during_recovery` and
/// `recycle_log_file_num`. The first two weaken what a synced write means, the others what a recovery
/// can tell.
pub(super) fn open(
    dir: &std::path::Path,
    recovery: DBRecoveryMode,
    create: bool,
) -> Result<DB, rocksdb::Error> {
    let mut options = base_options();
    options.create_if_missing(create);
    options.create_missing_column_families(create);
    options.set_error_if_exists(create);
    options.set_wal_recovery_mode(recovery);
    // A synced write-ahead log that is closed is noted in the manifest, and its absence is an error.
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_db_write_buffer_size(MEMTABLES_BYTES);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    DB::open_cf_descriptors(&options, dir, families())
}

/// Opens the log's RocksDB to be read: its write-ahead log is replayed into memory, and nothing on the disk
/// changes.
pub(super) fn open_read_only(
    dir: &std::path::Path,
    recovery: DBRecoveryMode,
) -> Result<DB, rocksdb::Error> {
    let mut options = base_options();
    options.set_wal_recovery_mode(recovery);
    options.set_track_and_verify_wals_in_manifest(true);
    DB::open_cf_descriptors_read_only(&options, dir, families(), false)
}

fn families() -> [ColumnFamilyDescriptor; 5] {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    ["default", ENTRIES, TILES, DETAILS, META].map(|name| {
        let mut table = BlockBasedOptions::default();
        // Tiles are 8 KiB, entries mostly under one: a block holds a tile or a run of entries.
        table.set_block_size(16 << 10);
        let mut options = close_to(&cache, &mut table);
        options.set_write_buffer_size(16 << 20);
        ColumnFamilyDescriptor::new(name, options)
    })
}
