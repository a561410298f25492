//! Conditions of random policies, and when and with what they are asked.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;
use crate::model::{ATOMS, ConditionM, ExprM, SOUND};

pub(crate) const TOOLS: [&str; 3] = ["crm.importer", "crm.console", "mail.sender"];

fn expr() -> BoxedStrategy<ExprM> {
    let atom = || prop_oneof![9 => 0..SOUND, 2 => SOUND..ATOMS.len(), 2 => Just(0usize)];
    prop_oneof![
        3 => atom().prop_map(ExprM::Atom),
        1 => atom().prop_map(ExprM::Not),
        1 => (atom(), atom()).prop_map(|(one, other)| ExprM::And(one, other)),
        1 => (atom(), atom()).prop_map(|(one, other)| ExprM::Or(one, other)),
        1 => (atom(), atom(), atom()).prop_map(|(one, then, other)| ExprM::If(one, then, other)),
    ]
    .boxed()
}

fn condition() -> BoxedStrategy<ConditionM> {
    (
        select(vec!["a", "b", "c", "d"]),
        any::<bool>(),
        prop::bool::weighted(0.7),
        weighted(0.2, select(AGENTS.to_vec())),
        vec(select(ACTIONS[..KNOWN].to_vec()), 0..4),
        weighted(0.2, prop::bool::weighted(0.8)),
        vec((prop::bool::weighted(0.7), expr()), 0..3),
    )
        .prop_map(|(id, second, forbids, agent, actions, here, clauses)| {
            // One that forbids everything leaves nothing to look at.
            let clauses = if forbids && clauses.is_empty() {
                vec![(true, ExprM::And(SOUND - 2, SOUND - 1))]
            } else {
                clauses
            };
            // Half of them are about all actions.
            let actions = if actions.len() > 2 {
                actions.into_iter().collect::<BTreeSet<_>>()
            } else {
                BTreeSet::new()
            };
            ConditionM {
                id: id.to_owned(),
                second,
                forbids,
                agent,
                actions: actions.into_iter().collect(),
                here,
                clauses,
            }
        })
        .boxed()
}

/// The conditions of that part of all policies, mostly with one that permits everything. A build without
/// the evaluator publishes none.
pub(super) fn conditions(part: f64) -> BoxedStrategy<Option<Vec<ConditionM>>> {
    if !cfg!(feature = "cedar") {
        return Just(None).boxed();
    }
    let all = (
        prop::bool::weighted(0.85),
        vec(condition(), 0..5),
        0..1_000u32,
    );
    let all = all.prop_map(|(everything, mut conditions, name)| {
        if everything {
            conditions.push(ConditionM {
                id: "c".to_owned(),
                second: false,
                forbids: false,
                agent: None,
                actions: Vec::new(),
                here: None,
                clauses: Vec::new(),
            });
        }
        for (at, condition) in conditions.iter_mut().enumerate() {
            condition.id = format!("{}{at}-{name}", condition.id);
        }
        conditions
    });
    weighted(part, all)
}

/// The tool and the cost of a request, where conditions may ask for them.
pub(super) fn extras(part: f64) -> BoxedStrategy<(Option<usize>, Option<u64>)> {
    let given = if part > 0.0 { 0.6 } else { 0.0 };
    let costs = vec![0, 1, 2, 5_000_000, 5_000_001, 1 << 40];
    (
        weighted(given, 0..TOOLS.len()),
        weighted(given, select(costs)),
    )
        .boxed()
}

/// What is asked until it is approved, where conditions may ask whether it is.
pub(super) fn approved(focus: Focus) -> Vec<(u32, BoxedStrategy<Act>)> {
    if focus.conditions > 0.0 && focus.approve > 0 {
        let act = ask(focus).prop_map(Act::AskThrough).boxed();
        vec![(focus.approve.div_ceil(2), act)]
    } else {
        Vec::new()
    }
}

/// Where hours and weekdays matter, now and then hours go by.
pub(super) fn hours(when: BoxedStrategy<When>, part: f64) -> BoxedStrategy<When> {
    if part > 0.0 {
        let hours = (1..30i64).prop_map(|hours| When::Later(hours * 3_600_000_000));
        prop_oneof![24 => when, 1 => hours].boxed()
    } else {
        when
    }
}
