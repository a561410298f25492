use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use ledger_core::view::Table;

/// What a row's entry in a layer takes beside its key and value: map nodes and reference counts, rounded up.
const ROW_OVERHEAD_BYTES: usize = 128;

pub(super) type Key = Arc<[u8]>;
/// A value, or a tombstone.
pub(super) type Row = Option<Arc<[u8]>>;

/// Changes to tables, the last one of each key.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    tables: [BTreeMap<Key, Row>; Table::ALL.len()],
    bytes: usize,
}

impl Layer {
    pub(super) const fn new() -> Self {
        Self {
            tables: [const { BTreeMap::new() }; Table::ALL.len()],
            bytes: 0,
        }
    }

    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<&Row> {
        self.tables[table as usize].get(key)
    }

    pub(super) fn set(&mut self, table: Table, key: Key, row: Row) {
        let size = |row: &Row| row.as_ref().map_or(0, |value| value.len());
        let (key_bytes, row_bytes) = (key.len(), size(&row));
        match self.tables[table as usize].insert(key, row) {
            Some(old) => self.bytes -= size(&old),
            None => self.bytes += key_bytes + ROW_OVERHEAD_BYTES,
        }
        self.bytes += row_bytes;
    }

    /// Roughly the memory that it takes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Every change, table by table, keys ascending.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Table, &Key, &Row)> {
        let tables = Table::ALL.into_iter().zip(&self.tables);
        tables.flat_map(|(table, rows)| rows.iter().map(move |(key, row)| (table, key, row)))
    }

    /// At most `most` changes of one table from `from` on. If there are more, the last of them.
    fn some(&self, table: Table, from: &[u8], most: usize) -> impl Iterator<Item = (&Key, &Row)> {
        self.tables[table as usize]
            .range::<[u8], _>((Bound::Included(from), Bound::Unbounded))
            .take(most)
    }
}

/// The changes that one batch of entries makes to the views, to be [published] when the batch is down.
///
/// [published]: super::SharedViews::publish
#[derive(Clone, Debug)]
pub struct Changes {
    /// Counted by the sequencer's view, from 1.
    pub(super) batch: u64,
    pub(super) layer: Arc<Layer>,
}

/// A stretch of one table as several layers have it together.
pub(super) struct Stretch {
    pub(super) rows: BTreeMap<Key, Row>,
    /// The last key that the stretch speaks of; none where it reaches the table's end.
    pub(super) end: Option<Key>,
}

/// Merges the first rows from `from` on of `layers`, the oldest first, about `most` of each.
pub(super) fn stretch<'a>(
    layers: impl Iterator<Item = &'a Layer>,
    table: Table,
    from: &[u8],
    most: usize,
) -> Stretch {
    let mut rows = BTreeMap::new();
    let mut end: Option<Key> = None;
    for layer in layers {
        let (mut count, mut last) = (0, None);
        for (key, row) in layer.some(table, from, most) {
            rows.insert(Arc::clone(key), row.clone());
            (count, last) = (count + 1, Some(key));
        }
        if count == most
            && let Some(last) = last
            && end.as_ref().is_none_or(|end| last < end)
        {
            end = Some(Arc::clone(last));
        }
    }
    if let Some(end) = &end {
        // Beyond it, some layer has rows that were not looked at.
        let mut after = rows.split_off(end);
        if let Some((key, row)) = after.pop_first() {
            rows.insert(key, row);
        }
    }
    Stretch { rows, end }
}
