//! The fold: what is loaded goes on as what wrote it, and what no ledger writes is refused.

use ledger_core::entry::{Body, Cite, Decision, DncOp, Entry, PolicyEntry};
use ledger_core::gate;
use ledger_core::hash::Hash;
use ledger_core::plan::{Plan, plan};
use ledger_core::policy::Policy;
use ledger_core::state::{FoldError, Prefilled, State, prefilled};
use ledger_core::time::Timestamp;
use ledger_core::token::Kind;
use ledger_core::view::MemoryView;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::ledger::{Ledger, at, dnc, policy, seconds};
use super::random::EVERYTHING;
use super::run::{Run, Seen};
use super::scene::{POLICY, Scene, allowed, key, listed, person, unlisting};
use super::step::steps;

/// Everything that a state answers from memory.
pub(crate) fn same(one: &State<MemoryView>, other: &State<MemoryView>, requests: &[Decision]) {
    assert_eq!(one.head(), other.head());
    assert_eq!(one.genesis(), other.genesis());
    assert_eq!(one.clock(), other.clock());
    assert_eq!(one.policy_ref(), other.policy_ref());
    assert_eq!(one.next_due(), other.next_due());
    assert!(one.principals().eq(other.principals()));
    assert!(one.stops().eq(other.stops()));
    assert!(one.open().eq(other.open()));
    assert_eq!(one.open_count(), other.open_count());
    assert_eq!(one.tally(), other.tally());
    assert!(one.pending().eq(other.pending()));
    assert_eq!(one.next_expiry(), other.next_expiry());
    assert!(one.glass().eq(other.glass()));
    assert!(one.breakers().eq(other.breakers()));
    assert_eq!(one.windows(), other.windows());
    assert_eq!(one.view(), other.view());
    let now = one.head().time;
    for later in [0, 1, 5_000_000, 19_999_999, 60_000_000] {
        let now = Timestamp::from_micros(now.micros() + later).unwrap();
        assert!(one.overdue(now).eq(other.overdue(now)));
        assert!(one.expired(now).eq(other.expired(now)));
        for request in requests {
            let [one, other] =
                [one, other].map(|state| gate::decide(state, request.clone(), now).unwrap());
            assert_eq!(one, other);
        }
    }
}

fn requests(lines: &[Vec<u8>]) -> Vec<Decision> {
    let entries = lines.iter().map(|line| Entry::decode(line).unwrap());
    let decisions = entries.filter_map(|entry| match entry.body {
        Body::Decision(decision) => Some(decision.request_part()),
        _ => None,
    });
    decisions.collect()
}

#[test]
fn a_loaded_state_is_the_state_that_went_on() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..10 {
        let history = steps(EVERYTHING, 30..60)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut seen = Seen::default();
        let mut run = Run::new(&mut seen);
        for (number, step) in history.into_iter().enumerate() {
            run.step(step);
            if number % 10 == 9 {
                let state = &run.ledger.state;
                let loaded = State::load(state.view().clone()).unwrap();
                same(state, &loaded, &requests(&run.ledger.lines));
            }
        }
    }
}

/// A text that takes several entries.
fn long_policy() -> String {
    let mut text = format!("{POLICY}# ");
    text.push_str(&"x".repeat(120 * 1024));
    text
}

#[test]
fn a_publication_in_parts_is_in_force_from_its_last() {
    let mut ledger = Ledger::new();
    ledger.publish(POLICY, seconds(1));
    let before = ledger.state.policy_ref().unwrap();
    let Plan::Append(parts) =
        plan(&ledger.state, policy(&long_policy(), "long"), seconds(2)).unwrap()
    else {
        panic!("a repetition")
    };
    assert_eq!(parts.len(), 7);
    let first = ledger.state.head().next;
    let mut straight = ledger.state.clone();
    let mut interrupted = ledger.state.clone();
    let last = parts.len() - 1;
    for (number, body) in parts.into_iter().enumerate() {
        assert_eq!(interrupted.policy_ref(), Some(before), "part {number}");
        let entry = Entry {
            seq: first + number as u64,
            time: seconds(2),
            sandbox: false,
            body,
        };
        straight.apply(&entry, None).unwrap();
        interrupted.apply(&entry, None).unwrap();
        interrupted = State::load(interrupted.view().clone()).unwrap();
        if number == last {
            assert_eq!(interrupted.policy_ref().unwrap().seq, first);
        }
    }
    same(&straight, &interrupted, &[]);
    let files = [("policy.toml", long_policy())];
    assert_eq!(
        straight.policy().unwrap().sha256,
        ledger_core::policy::policy_hash(&files)
    );
}

const RULES: &str = r#"
[[throttle]]
id = "agent"
actions = ["email.send"]
per = "agent"
limit = 4
window = "60s"
[[throttle]]
id = "person"
classes = ["contact"]
per = "recipient"
limit = 2
window = "10s"
"#;

/// The windows of a policy may have been counted up to any seq before it is published.
#[test]
fn windows_that_were_filled_before_are_those_that_are_filled_now() {
    let text = format!("{POLICY}{RULES}");
    let parsed = Policy::parse(&[("policy.toml", text.as_str())]).unwrap();
    for allows_before in 0..5 {
        for allows_after in 0..4 {
            let mut scene = Scene::new("");
            for number in 0..allows_before {
                scene.ask("email.send", person(number % 2), seconds(i64::from(number)));
            }
            let before = prefilled(scene.ledger.state.view(), &parsed).unwrap();
            for number in 0..allows_after {
                scene.ask(
                    "email.send",
                    person(number % 2),
                    seconds(5 + i64::from(number)),
                );
            }
            let Plan::Append(bodies) =
                plan(&scene.ledger.state, policy(&text, "p"), seconds(9)).unwrap()
            else {
                panic!("a repetition")
            };
            let entry = Entry {
                seq: scene.ledger.state.head().next,
                time: seconds(9),
                sandbox: false,
                body: bodies.into_iter().next().unwrap(),
            };
            let request = scene.request("email.send", vec![person(0)]);
            let publish = |windows: Option<Prefilled>| {
                let mut state = scene.ledger.state.clone();
                state.apply(&entry, windows).unwrap();
                state
            };
            let plain = publish(None);
            let with = publish(Some(before));
            assert_eq!(plain.windows(), with.windows());
            same(&plain, &with, std::slice::from_ref(&request));
            // Windows of other rules are not taken.
            let first = RULES.split("[[throttle]]").nth(1).unwrap();
            let fewer = format!("{POLICY}[[throttle]]{first}");
            let fewer = Policy::parse(&[("policy.toml", fewer)]).unwrap();
            let others = prefilled(scene.ledger.state.view(), &fewer).unwrap();
            same(&plain, &publish(Some(others)), &[request]);
        }
    }
}

#[test]
fn what_no_ledger_writes_cannot_be_folded() {
    let mut scene = Scene::new("");
    let listing = scene.list(listed(&[key(Kind::Phone, 1)]), seconds(1));
    let decided = scene.ask("email.send", person(2), seconds(2));
    assert!(allowed(&decided));
    let Body::Policy(published) = policy(POLICY, "p") else {
        panic!("not a policy")
    };
    let continuing = |continues: Option<u64>, sha256: Option<Hash>| {
        Body::Policy(PolicyEntry {
            continues,
            sha256,
            ..published.clone()
        })
    };
    let ended = |ends: &[(u64, u64)]| unlisting(ends, "u");
    let bare = Decision {
        valid_until: None,
        ..decided.clone()
    };
    let unresolved = ledger_core::entry::Unresolved {
        correlation_id: String::new(),
        actor: ledger_core::entry::Actor::ledger(),
        decision: listing,
    };
    let genesis = scene.ledger.state.genesis().unwrap().clone();
    let table = [
        ("a second genesis", Body::Genesis(genesis)),
        ("neither first nor continuation", continuing(None, None)),
        ("both", continuing(Some(8), Some(Hash([1; 32])))),
        ("a continuation of nothing", continuing(Some(8), None)),
        (
            "another hash than the text's",
            continuing(None, Some(Hash([1; 32]))),
        ),
        ("the end of what is not live", ended(&[(listing, 1)])),
        ("the end of one twice", ended(&[(listing, 0), (listing, 0)])),
        (
            "an allow that never expires",
            Body::Decision(Box::new(bare)),
        ),
        (
            "unresolved, of what is no decision",
            Body::Unresolved(unresolved),
        ),
    ];
    let next = scene.ledger.state.head().next;
    let apply = |seq: u64, time: Timestamp, body: Body| {
        let mut state = scene.ledger.state.clone();
        state.apply(
            &Entry {
                seq,
                time,
                sandbox: false,
                body,
            },
            None,
        )
    };
    for (name, body) in table {
        let found = apply(next, seconds(2), body);
        assert!(
            matches!(found, Err(FoldError::Impossible { seq, .. }) if seq == next),
            "{name}: {found:?}"
        );
    }
    let heartbeat = || {
        Body::Heartbeat(ledger_core::entry::Heartbeat {
            actor: ledger_core::entry::Actor::ledger(),
        })
    };
    assert!(apply(next, seconds(2), heartbeat()).is_ok());
    for (name, seq, time) in [
        ("the seq before", next - 1, seconds(2)),
        ("the seq after", next + 1, seconds(2)),
        ("a microsecond before the last", next, at(1_999_999)),
    ] {
        assert!(apply(seq, time, heartbeat()).is_err(), "{name}");
    }
}

/// What queries look up: every entry that names a token, and every entry of a correlation id.
#[test]
fn entries_are_found_by_token_and_by_correlation() {
    use ledger_core::state::{concerning, correlated};
    let mut scene = Scene::new("");
    let seq = scene.list(listed(&[key(Kind::Phone, 1)]), seconds(1));
    let request = scene.request("email.send", vec![person(1), person(2)]);
    let (denied, _) = scene.decide(request, seconds(1));
    scene.unlist(&[(seq, 0)], seconds(1)).unwrap();
    let request = scene.request("email.send", vec![person(1)]);
    let (allow, _) = scene.decide(request, seconds(1));
    let view = scene.ledger.state.view();
    let by = |kind, number| concerning(view, &key(kind, number).token, 0, 100).unwrap();
    assert_eq!(by(Kind::Phone, 1), [seq, denied, denied + 1, allow]);
    assert_eq!(by(Kind::Email, 2), [denied]);
    assert!(by(Kind::Email, 3).is_empty());
    assert_eq!(
        concerning(view, &key(Kind::Phone, 1).token, denied, 2).unwrap(),
        [denied, denied + 1]
    );
    // Every command of these tests has the same one; that of the policy and the principals too.
    let all = correlated(view, "run-1", 0, 1_000).unwrap();
    assert!(all.is_sorted() && all.contains(&denied) && all.contains(&allow));
    assert_eq!(
        correlated(view, "run-1", denied, 2).unwrap(),
        [denied, denied + 1]
    );
    // A prefix of an id is another id.
    assert!(correlated(view, "run-", 0, 10).unwrap().is_empty());
}

/// Two listings of one token, in one entry, are two.
#[test]
fn listings_of_one_entry_are_told_apart_by_index() {
    let mut scene = Scene::new("");
    let both = vec![
        listed(&[key(Kind::Phone, 1)]),
        listed(&[key(Kind::Phone, 1)]),
    ];
    let (seq, _) = scene
        .ledger
        .append(dnc(DncOp::List, both, "both"), seconds(1));
    let cites = |scene: &mut Scene| {
        let found = scene.ask("call.queue", person(1), seconds(1));
        let hits = super::scene::hits(&found, ledger_core::entry::Code::DncListed);
        hits.into_iter()
            .flat_map(|(_, cites)| cites)
            .collect::<Vec<Cite>>()
    };
    let named = |index| Cite {
        seq,
        index: Some(index),
    };
    assert_eq!(cites(&mut scene), [named(0), named(1)]);
    scene.unlist(&[(seq, 0)], seconds(1)).unwrap();
    assert_eq!(cites(&mut scene), [named(1)]);
    scene.unlist(&[(seq, 1)], seconds(1)).unwrap();
    assert_eq!(cites(&mut scene), []);
}
