//! The layers over the store against one plain map, at every step that a change takes on its way down.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use ledger_core::hash::Hash;
use ledger_core::view::{ReadView, Table, View};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::views::layer::Layer;
use crate::views::shared::Work;
use crate::views::{Changes, Mark, SequencerView, SharedViews, ViewStore};

type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

const TABLES: [Table; 2] = [Table::Listing, Table::Subject];
const KEYS: u16 = 120;

/// Keys of different lengths, many of them the beginning of others; the empty one among them.
fn key(number: u16) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        _ => format!("{number:b}").into_bytes(),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(usize, u16, u16),
    Delete(usize, u16),
    /// Puts a run of keys, so that a scan needs more than one stretch.
    PutMany(usize, u16, u16),
    Take,
    Publish,
    /// The writer's steps: the layer is closed, stored, forgotten.
    Close,
    Store,
    Forget,
    Flush,
    Scan(usize, u16, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let table = 0..TABLES.len();
    prop_oneof![
        8 => (table.clone(), 0..KEYS, any::<u16>()).prop_map(|(t, k, v)| Step::Put(t, k, v)),
        6 => (table.clone(), 0..KEYS).prop_map(|(t, k)| Step::Delete(t, k)),
        2 => (table.clone(), 0..KEYS, any::<u16>()).prop_map(|(t, k, v)| Step::PutMany(t, k, v)),
        4 => Just(Step::Take),
        4 => Just(Step::Publish),
        3 => Just(Step::Close),
        3 => Just(Step::Store),
        3 => Just(Step::Forget),
        1 => Just(Step::Flush),
        8 => (table, 0..KEYS, 0..50_usize).prop_map(|(t, k, n)| Step::Scan(t, k, n)),
    ]
}

struct Harness {
    _dir: TempDir,
    shared: Arc<SharedViews>,
    sequencer: SequencerView,
    planned: Model,
    committed: Model,
    taken: VecDeque<(Changes, Model)>,
    closed: Option<(Arc<Layer>, Mark)>,
    stored: bool,
}

impl Harness {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let shared = Arc::new(SharedViews::new(ViewStore::open(dir.path()).unwrap()));
        // The writer's work is then there at once, and this test does it.
        shared.stop();
        Self {
            _dir: dir,
            sequencer: SequencerView::new(Arc::clone(&shared)),
            shared,
            planned: Model::new(),
            committed: Model::new(),
            taken: VecDeque::new(),
            closed: None,
            stored: false,
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Put(table, number, value) => self.put(TABLES[table], number, value),
            Step::PutMany(table, first, value) => {
                for number in first..KEYS {
                    self.put(TABLES[table], number, value);
                }
            }
            Step::Delete(table, number) => {
                self.sequencer.delete(TABLES[table], key(number));
                self.planned.remove(&(TABLES[table], key(number)));
            }
            Step::Take => {
                let changes = self.sequencer.take_planned();
                self.taken.push_back((changes, self.planned.clone()));
            }
            Step::Publish => {
                if let Some((changes, model)) = self.taken.pop_front() {
                    self.shared.publish(changes, 1, Hash::of(b""));
                    self.committed = model;
                }
            }
            Step::Close if self.closed.is_none() => {
                if let Work::Write(layer, mark) = self.shared.take_work() {
                    self.closed = Some((layer, mark));
                }
            }
            Step::Store => {
                if let Some((layer, mark)) = &self.closed {
                    self.shared.stored().write(layer, *mark).unwrap();
                    self.stored = true;
                }
            }
            Step::Forget if self.stored => {
                self.shared.written();
                self.closed = None;
                self.stored = false;
            }
            Step::Flush => self.shared.stored().flush().unwrap(),
            Step::Scan(table, from, most) => {
                for (view, model) in self.views() {
                    assert_eq!(
                        scan(view, TABLES[table], &key(from), most),
                        expected(model, TABLES[table], &key(from), most)
                    );
                }
            }
            Step::Close | Step::Forget => {}
        }
    }

    fn put(&mut self, table: Table, number: u16, value: u16) {
        let value = value.to_be_bytes().to_vec();
        self.sequencer.put(table, key(number), value.clone());
        self.planned.insert((table, key(number)), value);
    }

    fn views(&self) -> [(&dyn ReadView, &Model); 2] {
        [
            (&self.sequencer, &self.planned),
            (&*self.shared, &self.committed),
        ]
    }

    fn check(&self) {
        for (view, model) in self.views() {
            for table in TABLES {
                for number in 0..KEYS {
                    let expected = model.get(&(table, key(number))).cloned();
                    assert_eq!(
                        view.get(table, &key(number)).unwrap(),
                        expected,
                        "key {number}"
                    );
                }
                let all = usize::MAX;
                assert_eq!(
                    scan(view, table, b"", all),
                    expected(model, table, b"", all)
                );
            }
            assert_eq!(view.get(Table::Open, b"1").unwrap(), None);
        }
    }
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn scan(view: &dyn ReadView, table: Table, from: &[u8], most: usize) -> Rows {
    let mut rows = Rows::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        if rows.len() == most {
            return ControlFlow::Break(());
        }
        rows.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    view.scan(table, from, visit).unwrap();
    rows
}

fn expected(model: &Model, table: Table, from: &[u8], most: usize) -> Rows {
    let rows = model
        .iter()
        .filter(|((t, key), _)| *t == table && key.as_slice() >= from);
    rows.take(most)
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn layers_read_as_one_map(steps in prop::collection::vec(step(), 1..120)) {
        let mut harness = Harness::new();
        for (number, step) in steps.iter().enumerate() {
            harness.take(step);
            if number % 8 == 0 {
                harness.check();
            }
        }
        harness.check();
    }
}
