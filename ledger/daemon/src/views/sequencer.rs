use std::collections::VecDeque;
use std::sync::Arc;

use ledger_core::view::{ReadView, Table, View, ViewError, Visit};

use super::SharedViews;
use super::layer::{Changes, Layer};
use super::shared::value_of;

/// The views as the sequencer sees them: every planned entry included, committed or not. Owned by the
/// sequencer thread.
#[derive(Debug)]
pub struct SequencerView {
    shared: Arc<SharedViews>,
    /// The changes of the batch that is being planned.
    planned: Layer,
    /// Those of batches handed to the committer, the oldest first, until they are published.
    in_flight: VecDeque<Changes>,
    batches: u64,
}

impl SequencerView {
    pub(super) const fn new(shared: Arc<SharedViews>) -> Self {
        Self {
            shared,
            planned: Layer::new(),
            in_flight: VecDeque::new(),
            batches: 0,
        }
    }

    /// Closes the batch: hands out its changes, for the committer to publish. Reads here see them until
    /// they are, and then through the shared views.
    pub fn take_planned(&mut self) -> Changes {
        let published = self.shared.published();
        while self
            .in_flight
            .front()
            .is_some_and(|changes| changes.batch <= published)
        {
            self.in_flight.pop_front();
        }
        self.batches += 1;
        let changes = Changes {
            batch: self.batches,
            layer: Arc::new(std::mem::take(&mut self.planned)),
        };
        self.in_flight.push_back(changes.clone());
        changes
    }

    /// Roughly the memory that the changes of the current batch take, in bytes.
    pub const fn planned_bytes(&self) -> usize {
        self.planned.bytes()
    }

    /// The shared views below.
    pub const fn shared(&self) -> &Arc<SharedViews> {
        &self.shared
    }
}

impl ReadView for SequencerView {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        let in_flight = || {
            self.in_flight
                .iter()
                .rev()
                .find_map(|changes| changes.layer.get(table, key))
        };
        match self.planned.get(table, key).or_else(in_flight) {
            Some(row) => Ok(value_of(row)),
            None => self.shared.get(table, key),
        }
    }

    fn scan(&self, table: Table, from: &[u8], visit: Visit<'_>) -> Result<(), ViewError> {
        let layers: Vec<&Layer> = self
            .in_flight
            .iter()
            .map(|changes| &*changes.layer)
            .chain([&self.planned])
            .collect();
        self.shared.scan_under(&layers, table, from, visit)
    }
}

impl View for SequencerView {
    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.planned.set(table, key.into(), Some(value.into()));
    }

    fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.planned.set(table, key.into(), None);
    }
}
