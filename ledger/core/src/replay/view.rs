//! What of the views the gate reads.

use crate::view::{MemoryView, ReadView, Table, View, ViewError, Visit};

/// A view in memory without the two indexes that only queries read: they would grow with every entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct GateView(MemoryView);

const fn is_read_by_the_gate(table: Table) -> bool {
    !matches!(table, Table::Correlation | Table::Subject)
}

impl ReadView for GateView {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        self.0.get(table, key)
    }

    fn scan(&self, table: Table, from: &[u8], visit: Visit<'_>) -> Result<(), ViewError> {
        self.0.scan(table, from, visit)
    }
}

impl View for GateView {
    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        if is_read_by_the_gate(table) {
            self.0.put(table, key, value);
        }
    }

    fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.0.delete(table, key);
    }
}
