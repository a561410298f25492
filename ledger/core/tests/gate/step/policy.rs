//! Policies: actions, grants and throttle rules of every sort.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

const CLASSES: [Class; 4] = [Class::Read, Class::Write, Class::Contact, Class::Admin];
const PER: [&str; 7] = [
    "agent",
    "workspace",
    "mailbox",
    "recipient",
    "domain",
    "campaign",
    "seller",
];

fn rule() -> BoxedStrategy<RuleM> {
    (
        vec(0..8usize, 0..3),
        vec(select(CLASSES.to_vec()), 0..2),
        select(PER.to_vec()),
        any::<bool>(),
        prop_oneof![4 => 1..4u64, 1 => 4..7u64],
        select(vec![1, 10, 20, 60]),
    )
        .prop_map(|(actions, classes, per, in_recipients, limit, window_s)| {
            let mut actions: Vec<&str> = actions
                .into_iter()
                // `post.letter` is not in every policy, and the last is in none.
                .map(|pick| ACTIONS[pick % 7])
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            let classes: Vec<Class> = classes
                .into_iter()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            if actions.is_empty() && classes.is_empty() {
                actions.push("email.send");
            }
            RuleM {
                id: String::new(),
                actions,
                classes,
                per,
                in_recipients,
                limit,
                window_s,
            }
        })
        .boxed()
}

fn grant() -> BoxedStrategy<GrantM> {
    (
        prop_oneof![3 => Just(0usize), 1 => 0..3usize],
        vec(0..7usize, 1..5),
        of(vec(0..2usize, 1..3)),
        of(vec(0..2usize, 0..2)),
    )
        .prop_map(|(agent, actions, sellers, mailboxes)| {
            let distinct = |picks: Vec<usize>| picks.into_iter().collect::<BTreeSet<_>>();
            GrantM {
                id: String::new(),
                agent: AGENTS[agent],
                actions: distinct(actions)
                    .into_iter()
                    .map(|pick| ACTIONS[pick])
                    .collect(),
                sellers: sellers.map(|picks| {
                    distinct(picks)
                        .into_iter()
                        .map(|pick| SELLERS[pick])
                        .collect()
                }),
                mailboxes: mailboxes
                    .map(|picks| distinct(picks).into_iter().map(mailbox).collect()),
            }
        })
        .boxed()
}

fn declared() -> BoxedStrategy<Vec<ActionM>> {
    let requires = weighted(0.1, select(vec![Kind::Email, Kind::Contact]));
    (
        // The classes of what is not built in may change from policy to policy.
        prop_oneof![4 => Just(Class::Write), 1 => Just(Class::Contact)],
        prop_oneof![4 => Just(Class::Read), 1 => Just(Class::Admin)],
        of(channels()),
        requires,
    )
        .prop_map(|(update, read, letter, requires)| {
            let all: BTreeSet<Channel> = Channel::ALL.into();
            let action = |name, class, channels: BTreeSet<Channel>| ActionM {
                name,
                class,
                channels,
                requires: Vec::new(),
            };
            let of_class = |class: Class| match class {
                Class::Contact => all.clone(),
                _ => BTreeSet::new(),
            };
            let mut actions = vec![
                action("crm.update", update, of_class(update)),
                action("crm.read", read, of_class(read)),
            ];
            if let Some(channels) = letter.filter(|channels| !channels.is_empty()) {
                actions.push(action(
                    "post.letter",
                    Class::Contact,
                    channels.iter().collect(),
                ));
            }
            if let Some(kind) = requires {
                actions.push(ActionM {
                    requires: vec![kind],
                    ..action("email.send", Class::Contact, [Channel::Email].into())
                });
            }
            actions
        })
        .boxed()
}

pub(super) fn policy(rules: usize) -> BoxedStrategy<PolicyM> {
    (
        declared(),
        vec(grant(), 0..4),
        vec(rule(), 0..=rules),
        select(vec![10, 60]),
        select(vec![0, 30]),
        select(vec![0, 5]),
        0..1_000u32,
    )
        .prop_map(
            |(actions, grants, rules, valid_for_s, more_s, tolerance_s, name)| {
                // One row grants the first agent nearly everything, so that there are allows.
                let wide = GrantM {
                    id: String::new(),
                    agent: AGENTS[0],
                    actions: ACTIONS[..7].to_vec(),
                    sellers: None,
                    mailboxes: None,
                };
                let grants = grants.into_iter().chain([wide]).enumerate();
                let rules = rules.into_iter().enumerate();
                PolicyM {
                    actions,
                    // Rows and rules have other names in every policy: nothing may hang on a name.
                    grants: grants
                        .map(|(at, row)| GrantM {
                            id: format!("g{at}-{name}"),
                            ..row
                        })
                        .collect(),
                    rules: rules
                        .map(|(at, rule)| RuleM {
                            id: format!("t{at}-{name}"),
                            ..rule
                        })
                        .collect(),
                    valid_for_s,
                    report_within_s: valid_for_s + more_s,
                    tolerance_s,
                }
            },
        )
        .boxed()
}
