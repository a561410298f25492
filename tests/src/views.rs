//! The views that a stopped daemon left on disk, read without its code.

use std::collections::BTreeMap;

use ledger_core::entry::Entry;
use ledger_core::state::State;
use ledger_core::view::{MemoryView, Table};
use rocksdb::{DB, IteratorMode, Options};

use crate::{Ledger, Log};

/// Demands that every table in the views' database holds what a fold of the log gives, and nothing else.
/// Says how many rows that are.
pub fn same_views(log: &Log, ledger: &Ledger) -> usize {
    let mut state = State::load(MemoryView::default()).expect("an empty view");
    for entry in &log.entries {
        state
            .apply(&Entry::decode(entry).expect("an entry"), None)
            .expect("the log folds");
    }
    let families = std::iter::once("default").chain(Table::ALL.map(Table::name));
    let db = DB::open_cf_for_read_only(
        &Options::default(),
        ledger.data().join("views"),
        families,
        false,
    )
    .expect("views on disk");
    let mut total = 0;
    for table in Table::ALL {
        let family = db
            .cf_handle(table.name())
            .expect("a column family for every table");
        let stored: BTreeMap<Box<[u8]>, Box<[u8]>> = db
            .iterator_cf(family, IteratorMode::Start)
            .map(|row| row.expect("a row can be read"))
            .collect();
        let folded: BTreeMap<Box<[u8]>, Box<[u8]>> = state
            .view()
            .table(table)
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        for (key, value) in &folded {
            assert_eq!(
                stored.get(key),
                Some(value),
                "`{}`, key `{}`",
                table.name(),
                key.escape_ascii()
            );
        }
        assert_eq!(
            stored.len(),
            folded.len(),
            "`{}` has rows that no entry makes",
            table.name()
        );
        total += stored.len();
    }
    total
}
