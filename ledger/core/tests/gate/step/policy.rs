//! Policies: actions, grants, throttle rules and breakers of every sort.
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
const PATTERNS: [&str; 8] = [
    "job_title",
    "job_level",
    "job_*",
    "amount",
    "lifecycle_stage",
    "deal_*",
    "agent_score",
    "l*",
];

fn rule() -> BoxedStrategy<RuleM> {
    (
        vec(0..KNOWN, 0..3),
        vec(select(CLASSES.to_vec()), 0..2),
        select(PER.to_vec()),
        any::<bool>(),
        prop_oneof![4 => 1..4u64, 1 => 4..7u64],
        select(vec![1, 10, 20, 60]),
    )
        .prop_map(|(actions, classes, per, in_recipients, limit, window_s)| {
            let mut actions: Vec<&str> = actions
                .into_iter()
                .map(|pick| ACTIONS[pick])
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

fn breaker() -> BoxedStrategy<BreakerM> {
    (
        select(CLASSES.to_vec()),
        select(vec!["agent", "mailbox", "seller", "workspace"]),
        select(vec![300_000, 600_000, 1_000_000]),
        1..4u64,
        select(vec![5, 20]),
    )
        .prop_map(|(class, per, open_ppm, minimum, window_s)| BreakerM {
            id: String::new(),
            class,
            per,
            open_ppm,
            minimum,
            window_s,
        })
        .boxed()
}

/// Objects, fields, tier and people of a row.
type Scope = (
    Option<Vec<&'static str>>,
    Vec<&'static str>,
    Vec<&'static str>,
    Option<Environment>,
    Option<u8>,
    (Option<bool>, bool, Option<&'static str>, Vec<&'static str>),
);

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "weights of a thousand, from parts of one"
)]
fn scope(strict: f64) -> BoxedStrategy<Scope> {
    let fields = move || {
        (
            prop::bool::weighted(strict),
            vec(select(PATTERNS.to_vec()), 0..4),
        )
            .prop_map(|(few, patterns)| {
                if few {
                    patterns.into_iter().collect::<BTreeSet<_>>()
                } else {
                    ["*"].into()
                }
                .into_iter()
                .collect()
            })
    };
    let people = (
        // Waived, or required in so many words.
        prop_oneof![
            1 + (1e3 * (1.0 - strict * 0.8)) as u32 => Just(Some(true)),
            1 + (1e3 * strict * 0.7) as u32 => Just(None),
            1 + (1e3 * strict * 0.1) as u32 => Just(Some(false)),
        ],
        prop::bool::weighted(strict * 0.6),
        weighted(strict * 0.3, Just("desk")),
        (
            prop::bool::weighted(strict * 0.2),
            vec(select(VERSIONS.to_vec()), 1..3),
        )
            .prop_map(|(pinned, versions)| {
                let versions: BTreeSet<_> = versions.into_iter().collect();
                if pinned {
                    versions.into_iter().collect()
                } else {
                    Vec::new()
                }
            }),
    );
    (
        weighted(strict * 0.6, vec(select(OBJECTS.to_vec()), 1..3)),
        fields(),
        fields(),
        weighted(strict * 0.2, select(ENVIRONMENTS.to_vec())),
        weighted(strict * 0.3, 1..4u8),
        people,
    )
        .boxed()
}

fn scoped(row: GrantM, scope: Scope) -> GrantM {
    let (objects, reads, writes, environment, tier, (approval, elsewhere, approvers, versions)) =
        scope;
    let distinct = |words: Vec<&'static str>| words.into_iter().collect::<BTreeSet<_>>();
    GrantM {
        objects: objects.map(|words| distinct(words).into_iter().collect()),
        reads,
        writes,
        environment,
        tier,
        required: approval == Some(false),
        waived: approval == Some(true),
        elsewhere,
        approvers,
        versions,
        ..row
    }
}

fn grant(strict: f64) -> BoxedStrategy<GrantM> {
    (
        prop_oneof![3 => Just(0usize), 1 => 0..3usize],
        vec(0..KNOWN, 1..5),
        of(vec(0..2usize, 1..3)),
        of(vec(0..2usize, 0..2)),
        scope(strict),
    )
        .prop_map(|(agent, actions, sellers, mailboxes, scope)| {
            let distinct = |picks: Vec<usize>| picks.into_iter().collect::<BTreeSet<_>>();
            let row = GrantM {
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
                ..wide()
            };
            scoped(row, scope)
        })
        .boxed()
}

/// A row that grants the first agent nearly everything, so that there are allows.
fn wide() -> GrantM {
    GrantM {
        id: String::new(),
        agent: AGENTS[0],
        actions: ACTIONS[..KNOWN].to_vec(),
        sellers: None,
        mailboxes: None,
        objects: None,
        reads: vec!["*"],
        writes: vec!["*"],
        environment: None,
        tier: None,
        required: false,
        waived: true,
        elsewhere: false,
        approvers: None,
        versions: Vec::new(),
    }
}

fn declared(calls: f64, strict: f64) -> BoxedStrategy<Vec<ActionM>> {
    let requires = weighted(0.1, select(vec![Kind::Email, Kind::Contact]));
    let hours = || weighted(calls, select(vec![(480, 1_260), (721, 1_260), (0, 1_440)]));
    let registry = || weighted(calls, select(vec![3_600, 3_601, 86_400]));
    let tier = |least: u8| weighted(strict * 0.2, least..4);
    (
        // The classes of what is not built in may change from policy to policy.
        prop_oneof![4 => Just(Class::Write), 1 => Just(Class::Contact)],
        prop_oneof![4 => Just(Class::Read), 1 => Just(Class::Admin)],
        of(channels()),
        requires,
        (hours(), registry(), tier(2)),
        (hours(), registry(), tier(2)),
        (tier(2), tier(0), tier(0)),
        (weighted(0.2, any::<bool>()), weighted(0.2, any::<bool>())),
    )
        .prop_map(
            |(update, read, letter, requires, call, email, tiers, creates)| {
                let all: BTreeSet<Channel> = Channel::ALL.into();
                let action = |name, class, channels: BTreeSet<Channel>| ActionM {
                    name,
                    class,
                    channels,
                    requires: Vec::new(),
                    tier: None,
                    creates: None,
                    hours: None,
                    registry_s: None,
                    registry_from: None,
                };
                let of_class = |class: Class| match class {
                    Class::Contact => all.clone(),
                    _ => BTreeSet::new(),
                };
                let not_contact =
                    |tier: Option<u8>, class| tier.filter(|_| class != Class::Contact);
                let mut actions = vec![
                    ActionM {
                        tier: not_contact(tiers.1, update),
                        creates: creates.0.filter(|_| update != Class::Contact),
                        ..action("crm.update", update, of_class(update))
                    },
                    ActionM {
                        tier: tiers.2,
                        ..action("crm.read", read, of_class(read))
                    },
                    action("crm.deal.stage", Class::Write, BTreeSet::new()),
                    ActionM {
                        creates: creates.1,
                        ..action("crm.note.create", Class::Write, BTreeSet::new())
                    },
                    action("system.change", Class::Admin, BTreeSet::new()),
                    ActionM {
                        hours: call.0,
                        registry_s: call.1,
                        registry_from: call.1.and_then(|age| (age != 3_600).then_some("registry")),
                        tier: call.2,
                        ..action("call.queue", Class::Contact, [Channel::Call].into())
                    },
                ];
                if let Some(channels) = letter.filter(|channels| !channels.is_empty()) {
                    actions.push(ActionM {
                        tier: tiers.0,
                        ..action("post.letter", Class::Contact, channels.iter().collect())
                    });
                }
                if requires.is_some() || email.0.is_some() || email.2.is_some() {
                    actions.push(ActionM {
                        requires: requires.into_iter().collect(),
                        hours: email.0,
                        tier: email.2,
                        ..action("email.send", Class::Contact, [Channel::Email].into())
                    });
                }
                actions
            },
        )
        .boxed()
}

/// Fields: the agents' own, sensitive ones; domains that are fake.
type Fields = (
    Option<Vec<&'static str>>,
    Vec<(&'static str, &'static str)>,
    bool,
);

fn fields(strict: f64) -> BoxedStrategy<Fields> {
    (
        weighted(
            strict * 0.3,
            select(vec![
                Vec::new(),
                vec!["agent_note"],
                vec!["job_*", "agent_score"],
            ]),
        ),
        vec(
            select(vec![
                ("deal", "amount"),
                ("*", "agent_score"),
                ("contact", "job_title"),
            ]),
            0..if strict > 0.0 { 3 } else { 1 },
        ),
        any::<bool>(),
    )
        .boxed()
}

/// Makes of a row what a policy may say: a tier is not below that of every action, only what can be tier
/// 2 has an approval to require, to waive or to leave to others, and what only reads writes nothing.
fn valid(mut row: GrantM, policy: &PolicyM) -> GrantM {
    let class = |name: &str| {
        let declared = policy.actions.iter().find(|action| action.name == name);
        declared.map_or(Class::Contact, |action| action.class)
    };
    if row.actions.iter().all(|name| class(name) == Class::Read) {
        row.writes.clear();
    }
    let tiers: Vec<u8> = row
        .actions
        .iter()
        .map(|name| {
            let declared = policy.actions.iter().find(|action| action.name == *name);
            let class = class(name);
            tier_of_action(declared.and_then(|action| action.tier), name, class)
        })
        .collect();
    let least = *tiers.iter().min().unwrap();
    row.tier = row.tier.map(|tier| tier.max(least));
    let sensitive = OBJECTS.iter().any(|object| {
        let granted = row
            .objects
            .as_ref()
            .is_none_or(|objects| objects.contains(object));
        let writes = FIELDS.iter().any(|field| {
            policy.sensitive(object, field) && (names(&row.writes, field) || policy.owned(field))
        });
        granted && writes
    });
    let reaches = |tier: &u8| match (*tier).max(row.tier.unwrap_or(0)) {
        2 => true,
        tier => tier < 2 && sensitive,
    };
    row.waived &= tiers.iter().any(reaches);
    row.required &= tiers
        .iter()
        .any(|tier| (*tier).max(row.tier.unwrap_or(0)) < 3);
    row.elsewhere &= row.required || tiers.iter().any(reaches);
    row
}

pub(super) fn policy(focus: Focus) -> BoxedStrategy<PolicyM> {
    let strict = focus.strict;
    (
        declared(focus.calls, strict),
        vec(grant(strict), 0..4),
        vec(rule(), 0..=focus.rules),
        vec(breaker(), 0..=usize::from(focus.report > 0)),
        (
            select(vec![10, 60]),
            select(vec![0, 30]),
            select(vec![0, 5]),
            select(vec![60, 90]),
            select(vec![60, 70]),
            select(vec![60, 90, 3_600]),
        ),
        fields(strict),
        scope(strict * 0.5),
        (
            weighted(
                strict * 0.2,
                (0..2usize).prop_map(|pick| vec![SELLERS[pick]]),
            ),
            weighted(
                strict * 0.2,
                (0..2usize).prop_map(|pick| vec![mailbox(pick)]),
            ),
        ),
        0..1_000u32,
        super::condition::conditions(focus.conditions),
    )
        .prop_map(
            |(
                actions,
                grants,
                rules,
                breakers,
                numbers,
                fields,
                of_wide,
                from,
                name,
                conditions,
            )| {
                let (valid_for_s, more_s, tolerance_s, approve_within_s, confirm_s, glass_max_s) =
                    numbers;
                let (agent_owned, sensitive, fake) = fields;
                let mut policy = PolicyM {
                    actions,
                    agent_owned,
                    sensitive: sensitive
                        .into_iter()
                        .collect::<BTreeSet<_>>()
                        .into_iter()
                        .collect(),
                    fake_domains: if fake {
                        vec![("fake.example.dev", domain(2))]
                    } else {
                        Vec::new()
                    },
                    fake_phones: if fake {
                        vec![
                            key(Kind::Phone, 1, None).token,
                            key(Kind::Phone, 2, None).token,
                        ]
                    } else {
                        Vec::new()
                    },
                    valid_for_s,
                    report_within_s: valid_for_s + more_s,
                    tolerance_s,
                    approve_within_s,
                    confirm_s,
                    glass_max_s,
                    conditions,
                    ..PolicyM::default()
                };
                // Rows and rules have other names in every policy: nothing may hang on a name.
                let grants = grants.into_iter().chain([GrantM {
                    sellers: from.0,
                    mailboxes: from.1,
                    ..scoped(wide(), of_wide)
                }]);
                policy.grants = grants
                    .enumerate()
                    .map(|(at, row)| GrantM {
                        id: format!("g{at}-{name}"),
                        ..valid(row, &policy)
                    })
                    .collect();
                policy.rules = rules
                    .into_iter()
                    .enumerate()
                    .map(|(at, rule)| RuleM {
                        id: format!("t{at}-{name}"),
                        ..rule
                    })
                    .collect();
                policy.breakers = breakers
                    .into_iter()
                    .enumerate()
                    .map(|(at, rule)| BreakerM {
                        id: format!("b{at}-{name}"),
                        ..rule
                    })
                    .collect();
                policy
            },
        )
        .boxed()
}
