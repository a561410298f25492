//! What happens next, drawn at random. Choices are small numbers that the run resolves against what
//! is there, so that a failing run still means something when it is shortened.

mod ask;
mod condition;
mod listing;
mod people;
mod policy;
mod promotion;
mod words;

use std::collections::BTreeSet;

use ledger_core::action::{Channel, Channels, Class};
use ledger_core::entry::{
    Environment, Key, ListingReason, Outcome, Recipient, RecipientRole, Target,
};
use ledger_core::token::{Kind, Token};
use ledger_core::utc_offset::UtcOffset;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

use super::ledger::AGENTS;
use super::model::{
    ActionM, BreakerM, ENVIRONMENTS, GrantM, PolicyM, RuleM, names, tier_of_action,
};
pub(crate) use ask::Ask;
use ask::ask;
pub(crate) use condition::TOOLS;
use condition::{approved, extras, hours};
use listing::{exemption, terms};
use people::people;
use policy::policy;
use promotion::promotion;
pub(crate) use promotion::{How, Promotion};
pub(crate) use words::{
    ACTIONS, ASKERS, CAMPAIGNS, FIELDS, GROUPS, KNOWN, OBJECTS, PEOPLE, SELLERS, VERSIONS, domain,
    mailbox,
};

/// What a run is mostly about: how often which act is drawn, of 100 or so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Focus {
    pub(crate) list: u32,
    pub(crate) publish: u32,
    pub(crate) stop: u32,
    pub(crate) report: u32,
    pub(crate) clock: u32,
    /// How often time leaps to where something changes, rather than standing nearly still.
    pub(crate) leap: u32,
    /// The most throttle rules of a policy.
    pub(crate) rules: usize,
    /// How often a request lacks something or asks for too much.
    pub(crate) odd: f64,
    /// How often a row grants less than everything, and without waiving an approval.
    pub(crate) strict: f64,
    /// How often people answer what was asked of them.
    pub(crate) approve: u32,
    /// How often they request, confirm and close break-glass.
    pub(crate) glass: u32,
    /// How often lists are imported.
    pub(crate) import: u32,
    /// How often actions have hours and need a fresh registry.
    pub(crate) calls: f64,
    /// How often a policy has conditions.
    pub(crate) conditions: f64,
    /// How often policies come from sandboxes.
    pub(crate) promote: u32,
}

impl Focus {
    /// Time stands still but for throttles' sake, nobody reports and nobody is asked.
    pub(crate) const QUIET: Self = Self {
        list: 0,
        publish: 2,
        stop: 0,
        report: 0,
        clock: 0,
        leap: 3,
        rules: 0,
        odd: 0.02,
        strict: 0.0,
        approve: 0,
        glass: 0,
        import: 0,
        calls: 0.0,
        conditions: 0.0,
        promote: 0,
    };
}

/// When, seen from the step before.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    /// So many microseconds later, often none.
    Later(i64),
    /// At one of the instants at which something changes, or a microsecond to either side.
    Boundary { pick: usize, off: i64 },
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) when: When,
    /// Whether what is overdue is announced first, as a daemon would.
    pub(crate) announce: bool,
    pub(crate) act: Act,
}

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Decide(Ask),
    /// What was asked last, under a new request id.
    AskAgain,
    /// Asked; where that asks for an approval, somebody gives it, and it is asked again.
    AskThrough(Ask),
    List(Who, Terms),
    /// Of this person; or, where there is one, of the one who was last asked for, for that seller.
    Exempt(Who, Terms, bool),
    Unlist {
        pick: usize,
        exemption: bool,
    },
    Publish(PolicyM),
    Stop(usize),
    Resume(usize),
    Execute(Report),
    Outcome(usize),
    Assert {
        action: usize,
        agent: usize,
        outcome: usize,
    },
    Principal {
        agent: usize,
        in_force: bool,
    },
    People(People),
    Promotion(Promotion),
    /// A jump is seen; or, where one waits for it, acknowledged with the wall clock so many seconds off.
    Clock(i64),
    /// A command that was already sent: again, or changed in the way of the second number.
    Again {
        pick: usize,
        changed: usize,
    },
    /// The state is loaded anew from its view.
    Reload,
}

/// What people do about the gate. Who does it is a number among [`PEOPLE`].
#[derive(Debug, Clone)]
pub(crate) enum People {
    /// Answers a request for an approval: one of the last, or what is none.
    Answer {
        pick: usize,
        by: usize,
        deny: bool,
    },
    /// Asks for the second time, relying on an answer, in the way of the second number.
    AskApproved {
        pick: usize,
        how: usize,
    },
    /// Approves a policy by its hash.
    AnswerPolicy {
        by: usize,
        deny: bool,
    },
    RequestGlass {
        by: usize,
        agent: usize,
        action: Option<usize>,
        duration_s: i64,
    },
    ConfirmGlass {
        pick: usize,
        by: usize,
    },
    CloseGlass {
        pick: usize,
        by: usize,
    },
    /// What was asked last is asked again by an agent for whom break-glass was requested.
    AskUnderGlass {
        pick: usize,
    },
    BeginImport(ListingReason),
    /// Lists somebody in an import: in one of the last, or in what is none.
    Import {
        pick: usize,
        who: Who,
        other: bool,
    },
    EndImport {
        pick: usize,
    },
    Key {
        pick: usize,
        trust: bool,
    },
    /// Puts an approver into other groups.
    Groups {
        who: usize,
        groups: usize,
    },
    /// Resets the breaker that opened first, or none.
    Reset,
}

/// Whom a listing names.
#[derive(Debug, Clone)]
pub(crate) struct Who(pub(crate) Vec<Key>);

#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) seller: Option<usize>,
    pub(crate) channels: Channels,
    pub(crate) reason: ListingReason,
    /// Seconds from now.
    pub(crate) effective_from: Option<i64>,
    pub(crate) expires: Option<i64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) pick: usize,
    pub(crate) by: usize,
    pub(crate) other_correlation: bool,
    pub(crate) started: Option<When>,
    pub(crate) occurred: Option<When>,
    pub(crate) failed: bool,
}

fn key(kind: Kind, number: u8, v: Option<u32>) -> Key {
    let first = match kind {
        Kind::Email => 1,
        Kind::EmailCanonical => 2,
        Kind::Domain => 3,
        Kind::Phone => 4,
        Kind::Contact => 5,
        _ => 6,
    };
    let mut token = [number; 32];
    token[0] = first;
    Key {
        kind,
        token: Token(token),
        v,
    }
}

/// The keys of the addresses of a small world: two spellings of one mailbox below a subdomain, two
/// people at its parent domain, one elsewhere; the last is known under two versions of tokens.
fn email(pick: usize) -> Vec<Key> {
    let (exact, canonical, domains): (u8, u8, &[u8]) = match pick % 5 {
        0 => (0, 0, &[1, 0]),
        1 => (1, 0, &[1, 0]),
        2 => (2, 1, &[0]),
        3 => (3, 2, &[2]),
        _ => (4, 3, &[3]),
    };
    let mut keys = vec![
        key(Kind::Email, exact, None),
        key(Kind::EmailCanonical, canonical, None),
    ];
    keys.extend(
        domains
            .iter()
            .map(|domain| key(Kind::Domain, *domain, None)),
    );
    if pick % 5 == 4 {
        // Under the newer version this mailbox and that of the third address are one.
        keys.push(key(Kind::EmailCanonical, 1, Some(2)));
        keys.push(key(Kind::Domain, 9, Some(2)));
    }
    keys
}

/// Something in that part of all cases, which may be none.
fn weighted<S: Strategy + 'static>(part: f64, of: S) -> BoxedStrategy<Option<S::Value>>
where
    S::Value: Clone,
{
    if part > 0.0 {
        proptest::option::weighted(part, of).boxed()
    } else {
        Just(None).boxed()
    }
}

/// One of the first `usual`, or now and then any below `all`.
fn pick(odd: f64, usual: usize, all: usize) -> BoxedStrategy<usize> {
    prop::bool::weighted(odd)
        .prop_flat_map(move |odd| if odd { 0..all } else { 0..usual })
        .boxed()
}

fn channels() -> BoxedStrategy<Channels> {
    vec(select(Channel::ALL.to_vec()), 0..3)
        .prop_map(|channels| channels.into_iter().collect())
        .boxed()
}

fn person() -> BoxedStrategy<Who> {
    prop_oneof![
        (0..5usize).prop_map(|address| {
            let mut keys = email(address);
            keys.retain(|key| key.kind != Kind::Domain);
            Who(keys)
        }),
        (0..3u8).prop_map(|number| Who(vec![key(Kind::Phone, number, None)])),
        (0..3u8, 0..3u8).prop_map(|(contact, phone)| Who(vec![
            key(Kind::Phone, phone, None),
            key(Kind::Contact, contact, None),
        ])),
    ]
    .boxed()
}

fn when(leap: u32) -> BoxedStrategy<When> {
    prop_oneof![
        6 => Just(When::Later(0)),
        2 => Just(When::Later(1)),
        2 => (1..5i64).prop_map(|seconds| When::Later(seconds * 1_000_000)),
        1 + leap / 6 => (0..30_000_000i64).prop_map(When::Later),
        leap => (0..40usize, -1..=1i64).prop_map(|(pick, off)| When::Boundary { pick, off }),
    ]
    .boxed()
}

fn act(focus: Focus) -> BoxedStrategy<Act> {
    let report = (
        0..60usize,
        prop_oneof![5 => Just(0usize), 1 => 1..4usize],
        prop::bool::weighted(0.05),
        of(when(12)),
        of(when(12)),
        any::<bool>(),
    )
        .prop_map(
            |(pick, by, other_correlation, started, occurred, failed)| Report {
                pick,
                by,
                other_correlation,
                started,
                occurred,
                failed,
            },
        );
    let who = prop_oneof![
        2 => person(),
        2 => (0..4u8).prop_map(|number| Who(vec![key(Kind::Domain, number, None)])),
        1 => (0..2u8).prop_map(|number| Who(vec![key(Kind::Account, number, None)])),
    ];
    let acts: Vec<(u32, BoxedStrategy<Act>)> = vec![
        (50, ask(focus).prop_map(Act::Decide).boxed()),
        (15, Just(Act::AskAgain).boxed()),
        (
            focus.list,
            (who, terms())
                .prop_map(|(who, terms)| Act::List(who, terms))
                .boxed(),
        ),
        (
            focus.list,
            (person(), exemption(), proptest::bool::weighted(0.85))
                .prop_map(|(who, terms, last)| Act::Exempt(who, terms, last))
                .boxed(),
        ),
        (
            focus.list,
            (0..20usize, prop::bool::weighted(0.25))
                .prop_map(|(pick, exemption)| Act::Unlist { pick, exemption })
                .boxed(),
        ),
        (focus.publish, policy(focus).prop_map(Act::Publish).boxed()),
        (focus.stop, (0..6usize).prop_map(Act::Stop).boxed()),
        (focus.stop, (0..4usize).prop_map(Act::Resume).boxed()),
        (focus.report, report.prop_map(Act::Execute).boxed()),
        (
            1 + focus.report / 4,
            (0..60usize).prop_map(Act::Outcome).boxed(),
        ),
        (
            1 + focus.report / 4,
            (0..ACTIONS.len(), 0..3usize, 0..3usize)
                .prop_map(|(action, agent, outcome)| Act::Assert {
                    action,
                    agent,
                    outcome,
                })
                .boxed(),
        ),
        (
            1,
            (1..3usize, prop::bool::weighted(0.7))
                .prop_map(|(agent, in_force)| Act::Principal { agent, in_force })
                .boxed(),
        ),
        (focus.clock, (-20..20i64).prop_map(Act::Clock).boxed()),
        (
            5,
            (0..80usize, 0..5usize)
                .prop_map(|(pick, changed)| Act::Again { pick, changed })
                .boxed(),
        ),
        (1, Just(Act::Reload).boxed()),
    ];
    let acts = acts
        .into_iter()
        .chain(people(focus))
        .chain(promotion(focus))
        .chain(approved(focus));
    Union::new_weighted(acts.filter(|(weight, _)| *weight > 0).collect()).boxed()
}

/// The environment of a run: for one in five a sandbox.
pub(crate) fn environment() -> BoxedStrategy<Environment> {
    let [prod, sandbox] = ENVIRONMENTS;
    prop_oneof![4 => Just(prod), 1 => Just(sandbox)].boxed()
}

/// Steps of one run. A policy comes early, but not always first.
pub(crate) fn steps(focus: Focus, count: std::ops::Range<usize>) -> BoxedStrategy<Vec<Step>> {
    let step = |act: BoxedStrategy<Act>| {
        let when = hours(when(focus.leap), focus.conditions);
        (when, prop::bool::weighted(0.8), act)
            .prop_map(|(when, announce, act)| Step {
                when,
                announce,
                act,
            })
            .boxed()
    };
    let first = step(policy(focus).prop_map(Act::Publish).boxed());
    (
        vec(step(act(focus)), 0..3),
        first,
        vec(step(act(focus)), count),
    )
        .prop_map(|(mut steps, first, more)| {
            steps.push(first);
            steps.extend(more);
            steps
        })
        .boxed()
}
