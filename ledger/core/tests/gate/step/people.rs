//! What people do about the gate: approvals, break-glass, imports, keys, breakers.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

/// The acts of people, each with its weight.
pub(super) fn people(focus: Focus) -> Vec<(u32, BoxedStrategy<Act>)> {
    // Mostly who can answer; now and then anybody.
    let who = || prop_oneof![4 => 2..4usize, 1 => 0..PEOPLE.len()];
    let answer = (0..22usize, who(), prop::bool::weighted(0.15))
        .prop_map(|(pick, by, deny)| People::Answer { pick, by, deny });
    let again = (0..22usize, 0..20usize).prop_map(|(pick, how)| People::AskApproved { pick, how });
    let policy =
        (who(), prop::bool::weighted(0.2)).prop_map(|(by, deny)| People::AnswerPolicy { by, deny });
    let glass = (
        0..4usize,
        prop_oneof![4 => Just(0usize), 1 => 0..4usize],
        weighted(0.4, prop_oneof![Just(9usize), 0..ACTIONS.len()]),
        prop_oneof![6 => select(vec![60, 61, 90]), 1 => select(vec![59, 3_600, 3_601])],
    )
        .prop_map(|(by, agent, action, duration_s)| People::RequestGlass {
            by,
            agent,
            action,
            duration_s,
        });
    let confirm = (0..10usize, 0..4usize).prop_map(|(pick, by)| People::ConfirmGlass { pick, by });
    let close = (0..10usize, 0..4usize).prop_map(|(pick, by)| People::CloseGlass { pick, by });
    let under = (0..10usize).prop_map(|pick| People::AskUnderGlass { pick });
    let begin = prop_oneof![
        3 => Just(ListingReason::NationalRegistry),
        1 => select(vec![ListingReason::StateRegistry, ListingReason::Manual]),
    ]
    .prop_map(People::BeginImport);
    let import = (0..10usize, person(), prop::bool::weighted(0.1))
        .prop_map(|(pick, who, other)| People::Import { pick, who, other });
    let end = (0..10usize).prop_map(|pick| People::EndImport { pick });
    let key = (0..4usize, any::<bool>()).prop_map(|(pick, trust)| People::Key { pick, trust });
    let groups =
        (2..PEOPLE.len(), 0..GROUPS.len()).prop_map(|(who, groups)| People::Groups { who, groups });
    let (approve, glasses, imports) = (focus.approve, focus.glass, focus.import);
    let acts: Vec<(u32, BoxedStrategy<People>)> = vec![
        (approve, answer.boxed()),
        (approve, again.boxed()),
        (approve / 8, policy.boxed()),
        (approve / 8, groups.boxed()),
        (glasses, glass.boxed()),
        (glasses, confirm.boxed()),
        (glasses / 4, close.boxed()),
        (glasses, under.boxed()),
        (imports, begin.boxed()),
        (imports, import.boxed()),
        (imports, end.boxed()),
        (imports.min(1), key.boxed()),
        (focus.report / 4, Just(People::Reset).boxed()),
    ];
    acts.into_iter()
        .map(|(weight, act)| (weight, act.prop_map(Act::People).boxed()))
        .collect()
}
