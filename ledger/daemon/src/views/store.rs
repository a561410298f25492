use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use ledger_core::gate::GATE_VERSION;
use ledger_core::hash::{HASH_BYTES, Hash};
use ledger_core::view::{Table, ViewError, Visit};
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB,
    FlushOptions, IteratorMode, Options, ReadOptions, WriteBatch, WriteOptions,
};

use super::layer::{Layer, Stretch};
use crate::store::{base_options, close_to};

/// The version of this layout and of the records in it. Views of another version are folded anew.
const FORMAT: u32 = 5;
const FORMAT_KEY: &[u8] = b"format";
const MARK_KEY: &[u8] = b"mark";

/// Memory of the views' block cache. Index and filter blocks live in it as well, so that it is all that
/// tables take, however large they grow.
const BLOCK_CACHE_BYTES: usize = 64 << 20;
/// Memory of the views' memtables, all tables together. Full, they are flushed together.
const MEMTABLES_BYTES: usize = 64 << 20;
/// Bits a key in the filters: one lookup of an absent key in a hundred reads a block for nothing.
const FILTER_BITS: f64 = 10.0;

/// Which log the views hold: its size, and its root at that size.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    /// The number of entries folded.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// A key and its value.
pub(super) type StoredRow = (Box<[u8]>, Box<[u8]>);

/// The views' RocksDB: one column family a table, and the mark beside them.
pub struct ViewStore {
    pub(super) db: DB,
}

impl fmt::Debug for ViewStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewStore")
            .field("dir", &self.db.path())
            .finish_non_exhaustive()
    }
}

impl ViewStore {
    /// Opens the views in `dir`, making them where there are none.
    pub(super) fn open(dir: &Path) -> Result<Self, rocksdb::Error> {
        let mut options = base_options();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        // A flush takes all tables to the same batch, so that the mark is true of each of them.
        options.set_atomic_flush(true);
        options.set_db_write_buffer_size(MEMTABLES_BYTES);
        Ok(Self {
            db: DB::open_cf_descriptors(&options, dir, families())?,
        })
    }

    /// Opens the views in `dir` to be read, and changes nothing there.
    pub(super) fn open_read_only(dir: &Path) -> Result<Self, rocksdb::Error> {
        Ok(Self {
            db: DB::open_cf_descriptors_read_only(&base_options(), dir, families(), false)?,
        })
    }

    /// Every row of `table` that the store has, in the order of their keys.
    pub(super) fn rows(&self, table: Table) -> impl Iterator<Item = Result<StoredRow, ViewError>> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        let rows = self
            .db
            .iterator_cf_opt(self.cf(table), options, IteratorMode::Start);
        rows.map(move |row| row.map_err(|error| failed(table, &error)))
    }

    /// About how many rows all tables have.
    pub(super) fn rows_about(&self) -> u64 {
        let of = |table| {
            let count = self
                .db
                .property_int_value_cf(self.cf(table), "rocksdb.estimate-num-keys");
            count.ok().flatten().unwrap_or(0)
        };
        Table::ALL.into_iter().map(of).sum()
    }

    /// Removes the views in `dir`: everything in them can be had from the log again.
    pub(super) fn destroy(dir: &Path) -> Result<(), rocksdb::Error> {
        if !fs::exists(dir).unwrap_or(true) {
            return Ok(());
        }
        DB::destroy(&Options::default(), dir)
    }

    /// Which log the views hold. `None` where they are empty, or of another version.
    pub(super) fn mark(&self) -> Result<Option<Mark>, rocksdb::Error> {
        if self.db.get(FORMAT_KEY)?.as_deref() != Some(format_version().as_bytes()) {
            return Ok(None);
        }
        let value = self.db.get(MARK_KEY)?;
        Ok(value.as_deref().and_then(|value| {
            let (size, root) = value.split_first_chunk()?;
            let root: [u8; HASH_BYTES] = root.try_into().ok()?;
            Some(Mark {
                size: u64::from_be_bytes(*size),
                root: Hash(root),
            })
        }))
    }

    /// Writes changes, and the mark of the log that has them, as one.
    pub(super) fn write(&self, layer: &Layer, mark: Mark) -> Result<(), rocksdb::Error> {
        let mut batch = WriteBatch::default();
        for (table, key, row) in layer.rows() {
            match row {
                Some(value) => batch.put_cf(self.cf(table), key, value),
                None => batch.delete_cf(self.cf(table), key),
            }
        }
        batch.put(FORMAT_KEY, format_version());
        batch.put(
            MARK_KEY,
            [mark.size.to_be_bytes().as_slice(), mark.root.as_bytes()].concat(),
        );
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.db.write_opt(batch, &options)
    }

    /// Puts everything written so far on stable storage.
    pub(super) fn flush(&self) -> Result<(), rocksdb::Error> {
        let default = self.db.cf_handle("default").into_iter();
        let families: Vec<&ColumnFamily> = default
            .chain(Table::ALL.map(|table| self.cf(table)))
            .collect();
        self.db.flush_cfs_opt(&families, &FlushOptions::default())
    }

    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        self.db
            .get_cf(self.cf(table), key)
            .map_err(|error| failed(table, &error))
    }

    /// Visits every row of `table` that the store has, without what is still in memory above it.
    ///
    /// # Errors
    /// [`ViewError`] where the store fails.
    pub fn dump(&self, table: Table, visit: Visit<'_>) -> Result<(), ViewError> {
        self.scan(
            table,
            b"",
            &Stretch {
                rows: std::collections::BTreeMap::new(),
                end: None,
            },
            visit,
        )
        .map(|_| ())
    }

    /// Visits rows from `from` to the end of `over`, each as `over` has it, or else as the store has it.
    pub(super) fn scan(
        &self,
        table: Table,
        from: &[u8],
        over: &Stretch,
        visit: Visit<'_>,
    ) -> Result<ControlFlow<()>, ViewError> {
        let mut stored = self.db.raw_iterator_cf(self.cf(table));
        stored.seek(from);
        let mut above = over.rows.iter().peekable();
        loop {
            let below = stored
                .item()
                .filter(|(key, _)| over.end.as_deref().is_none_or(|end| *key <= end));
            let flow = match (above.peek(), below) {
                (None, None) => break,
                (Some((key, row)), below) if below.is_none_or(|(stored, _)| &***key <= stored) => {
                    let shadows = below.is_some_and(|(stored, _)| stored == &***key);
                    let flow = row
                        .as_ref()
                        .map_or(ControlFlow::Continue(()), |value| visit(key, value));
                    above.next();
                    if shadows {
                        stored.next();
                    }
                    flow
                }
                (_, Some((key, value))) => {
                    let flow = visit(key, value);
                    stored.next();
                    flow
                }
                (Some(_), None) => unreachable!("a row above nothing is taken by the second arm"),
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        // An iterator that fails looks like one that has ended.
        stored.status().map_err(|error| failed(table, &error))?;
        Ok(ControlFlow::Continue(()))
    }

    fn cf(&self, table: Table) -> &ColumnFamily {
        match self.db.cf_handle(table.name()) {
            Some(cf) => cf,
            None => unreachable!("column family `{}` was opened with the views", table.name()),
        }
    }
}

/// The gate's version is part of it: another gate folds the same log into other records.
fn format_version() -> String {
    format!("{FORMAT}/{GATE_VERSION}")
}

fn failed(table: Table, error: &rocksdb::Error) -> ViewError {
    ViewError {
        table,
        why: error.to_string(),
    }
}

fn families() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    let names = std::iter::once("default").chain(Table::ALL.map(Table::name));
    names
        .map(|name| ColumnFamilyDescriptor::new(name, table_options(&cache)))
        .collect()
}

fn table_options(cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_bloom_filter(FILTER_BITS, false);
    table.set_whole_key_filtering(true);
    // Filters and indexes in pieces: of a table larger than memory only those in use are held.
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_pin_top_level_index_and_filter(true);
    table.set_block_size(4 << 10);
    let mut options = close_to(cache, &mut table);
    options.set_write_buffer_size(16 << 20);
    // The memtable has a filter of its own: most lookups are of people who are not listed.
    options.set_memtable_prefix_bloom_ratio(0.02);
    options.set_memtable_whole_key_filtering(true);
    options
}
