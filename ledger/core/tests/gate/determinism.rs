//! Two ledgers fed the same commands, salts and times write the same bytes.

use std::collections::BTreeMap;

use ledger_core::checkpoint::Checkpoint;
use ledger_core::entry::{Body, Commitment, DetailName};
use ledger_core::hash::leaf_hash;
use ledger_core::note::SigningKey;
use ledger_core::tree::{BatchTree, CompactRange};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::ledger::seconds;
use super::random::EVERYTHING;
use super::run::{Run, Seen};
use super::scene::{Scene, key, listed, person};
use super::step::{Step, steps};
use ledger_core::token::Kind;

/// The signed checkpoint over a log, its leaves appended in batches of these sizes in turn.
fn checkpoint(lines: &[Vec<u8>], batches: &[usize]) -> Vec<u8> {
    let mut range = CompactRange::new();
    let mut rest: Vec<_> = lines.iter().map(|line| leaf_hash(line)).collect();
    for size in batches.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let more = rest.split_off((*size).min(rest.len()));
        range = BatchTree::new(&range, &rest).into_range();
        rest = more;
    }
    let key = SigningKey::from_seed(&[7; 32], "test.example/ledger").unwrap();
    let checkpoint = Checkpoint::new("test.example/ledger", range.size(), range.root());
    checkpoint.sign(&key).unwrap().to_bytes()
}

fn lines(history: &[Step]) -> Vec<Vec<u8>> {
    let mut seen = Seen::default();
    let mut run = Run::new(&mut seen);
    for step in history {
        run.step(step.clone());
    }
    run.ledger.lines
}

#[test]
fn two_ledgers_write_the_same_bytes() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..10 {
        let history = steps(EVERYTHING, 30..60)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let one = lines(&history);
        // The other is made by a thread of its own, with what is random there.
        let other = std::thread::scope(|scope| scope.spawn(|| lines(&history)).join().unwrap());
        assert_eq!(one, other);
        // How entries were batched leaves no trace.
        assert_eq!(checkpoint(&one, &[1]), checkpoint(&other, &[3, 1, 20]));
    }
}

/// A short log with details: the same salts give the same bytes, others give others.
fn salted(salt: u8) -> Vec<Vec<u8>> {
    let mut scene = Scene::new("");
    scene.list(listed(&[key(Kind::Phone, 1)]), seconds(1));
    for number in 0..3 {
        let mut request = scene.request("email.send", vec![person(number)]);
        request.details = BTreeMap::from([
            (
                DetailName::Params,
                Commitment::new(&[salt; 32], b"{\"subject\":\"hello\"}", 0),
            ),
            (
                DetailName::Recipients,
                Commitment::new(&[salt + 1; 32], b"[]", 1),
            ),
        ]);
        scene
            .ledger
            .append(Body::Decision(Box::new(request)), seconds(2));
    }
    scene.ledger.lines
}

#[test]
fn salts_are_all_that_is_random() {
    assert_eq!(salted(1), salted(1));
    let (one, other) = (salted(1), salted(2));
    let differ = one
        .iter()
        .zip(&other)
        .filter(|(one, other)| one != other)
        .count();
    assert_eq!((one.len(), differ), (other.len(), 3));
    assert_ne!(checkpoint(&one, &[1]), checkpoint(&other, &[1]));
}
