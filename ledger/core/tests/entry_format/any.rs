//! Any entry at all: every kind, every field there or not. Not every one of them could be planned;
//! each must survive its encoding. Strategies are boxed: their types would outgrow a thread's stack.

mod control;
mod coverage;
mod gate;

use control::control;
use coverage::coverage;
use gate::gate;

use ledger_core::action::{Channel, Channels, Class};
use ledger_core::entry::{
    Access, Actor, ActorType, Approval, Basis, Body, Boot, BreakGlass, BreakGlassEvent, Breaker,
    BreakerEvent, BreakerScope, Cause, Change, Cite, Clock, ClockEvent, Code, Commitment, Decision,
    DetailName, Details, Dnc, DncOp, Entry, Environment, Event, Execution, Finding, Foreign,
    Genesis, Heartbeat, Import, Key, KeyEntry, KeyEvent, Listing, ListingReason, Matched, Measure,
    Outcome, OutcomeReport, PolicyEntry, PolicyFile, PolicyRef, PrincipalChange, Promotion, Reason,
    Recipient, RecipientResult, RecipientRole, Resume, Scope, Shutdown, Status, Stop, Target,
    ThrottleCount, Unresolved, Verdict,
};
use ledger_core::hash::Hash;
use ledger_core::limits::INTEGER_MAX;
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};
use ledger_core::utc_offset::UtcOffset;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

/// Ids, and now and then text of any kind: quotes, controls, characters beyond the first plane.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "[a-z][a-z0-9._:-]{0,20}",
        1 => any::<Vec<char>>().prop_map(|chars| chars.into_iter().take(12).collect()),
    ]
    .boxed()
}

fn number() -> BoxedStrategy<u64> {
    prop_oneof![0..100u64, 0..INTEGER_MAX, Just(INTEGER_MAX - 1)].boxed()
}

fn time() -> BoxedStrategy<Timestamp> {
    let any = (0..=Timestamp::MAX.micros()).prop_map(|at| Timestamp::from_micros(at).unwrap());
    prop_oneof![3 => any, 1 => Just(Timestamp::EPOCH), 1 => Just(Timestamp::MAX)].boxed()
}

fn hash() -> BoxedStrategy<Hash> {
    any::<[u8; 32]>().prop_map(Hash).boxed()
}

fn token() -> BoxedStrategy<Token> {
    any::<[u8; 32]>().prop_map(Token).boxed()
}

fn kind() -> BoxedStrategy<Kind> {
    let target = "[a-z0-9][a-z0-9._-]{0,12}".prop_map(|word| Kind::target(&word).unwrap());
    prop_oneof![4 => select(Kind::PLAIN.to_vec()), 1 => target].boxed()
}

fn class() -> BoxedStrategy<Class> {
    select(Class::ALL.to_vec()).boxed()
}

fn channels() -> BoxedStrategy<Channels> {
    vec(select(Channel::ALL.to_vec()), 0..4)
        .prop_map(|channels| channels.into_iter().collect())
        .boxed()
}

fn role() -> BoxedStrategy<Role> {
    select(Role::ALL.to_vec()).boxed()
}

fn call() -> BoxedStrategy<Call> {
    select(Call::ALL.to_vec()).boxed()
}

fn environment() -> BoxedStrategy<Environment> {
    select(vec![Environment::Prod, Environment::Sandbox]).boxed()
}

fn outcome() -> BoxedStrategy<Outcome> {
    select(vec![
        Outcome::Allow,
        Outcome::RequireApproval,
        Outcome::Deny,
    ])
    .boxed()
}

fn actor() -> BoxedStrategy<Actor> {
    let kind = prop_oneof![
        Just(ActorType::Ledger),
        role().prop_map(ActorType::Principal)
    ];
    (kind, text(), of(text()))
        .prop_map(|(kind, id, version)| Actor { kind, id, version })
        .boxed()
}

fn cause() -> BoxedStrategy<Cause> {
    (
        of(text()),
        of(call()),
        of(text()),
        of(text()),
        of(hash()),
        actor(),
    )
        .prop_map(
            |(request_id, call, action_id, correlation_id, content, actor)| Cause {
                request_id,
                call,
                action_id,
                correlation_id,
                content,
                actor,
            },
        )
        .boxed()
}

fn details() -> BoxedStrategy<Details> {
    let commitment =
        (hash(), number(), of(number())).prop_map(|(commitment, bytes, redacted)| Commitment {
            commitment,
            bytes,
            redacted,
        });
    btree_map(select(DetailName::ALL.to_vec()), commitment, 0..4).boxed()
}

fn key() -> BoxedStrategy<Key> {
    (kind(), token(), of(any::<u32>()))
        .prop_map(|(kind, token, v)| Key { kind, token, v })
        .boxed()
}

fn cite() -> BoxedStrategy<Cite> {
    (number(), of(number()))
        .prop_map(|(seq, index)| Cite { seq, index })
        .boxed()
}

fn policy_ref() -> BoxedStrategy<PolicyRef> {
    (number(), hash())
        .prop_map(|(seq, sha256)| PolicyRef { seq, sha256 })
        .boxed()
}

fn finding() -> BoxedStrategy<Finding> {
    select(vec![
        Finding::UnknownDecision,
        Finding::DecisionDenied,
        Finding::ApprovalMissing,
        Finding::OtherPrincipal,
        Finding::OtherCorrelation,
        Finding::AlreadyExecuted,
        Finding::StartedBeforeDecision,
        Finding::Expired,
        Finding::AfterStop,
        Finding::InFlightAtStop,
        Finding::StartUnknown,
        Finding::ReportLate,
        Finding::UnknownExecution,
        Finding::UnderStop,
    ])
    .boxed()
}

fn target() -> BoxedStrategy<Target> {
    (text(), of(token()), vec(text(), 0..3), vec(text(), 0..3))
        .prop_map(|(kind, id, reads, writes)| Target {
            kind,
            id,
            reads,
            writes,
        })
        .boxed()
}

fn recipient() -> BoxedStrategy<Recipient> {
    let role = select(vec![
        RecipientRole::To,
        RecipientRole::Cc,
        RecipientRole::Bcc,
        RecipientRole::Callee,
        RecipientRole::Attendee,
        RecipientRole::Enrollee,
    ]);
    let offset = (-840..=840i32).prop_map(|minutes| UtcOffset::from_minutes(minutes).unwrap());
    (
        role,
        vec(key(), 0..4),
        of(offset),
        any::<bool>(),
        vec(kind(), 0..3),
    )
        .prop_map(|(role, keys, utc_offset, dnc, unusable)| Recipient {
            role,
            keys,
            utc_offset,
            dnc,
            unusable,
        })
        .boxed()
}

fn foreign() -> BoxedStrategy<Foreign> {
    (text(), of(hash()), outcome())
        .prop_map(|(engine, policy, outcome)| Foreign {
            engine,
            policy,
            outcome,
        })
        .boxed()
}

fn reason() -> BoxedStrategy<Reason> {
    (
        select(Code::ALL.to_vec()),
        of(text()),
        of(number()),
        of(kind()),
        (of(number()), of(text())),
        vec(cite(), 0..3),
        of(number()),
    )
        .prop_map(
            |(code, rule, recipient, key, (target, field), cites, cites_total)| Reason {
                rule,
                recipient,
                key,
                target,
                field,
                cites,
                cites_total,
                ..code.reason()
            },
        )
        .boxed()
}

fn throttle() -> BoxedStrategy<ThrottleCount> {
    (
        text(),
        of(number()),
        of(kind()),
        [number(), number(), number(), number()],
        of(time()),
    )
        .prop_map(
            |(rule, recipient, key, [count, needs, limit, window_s], passes_at)| ThrottleCount {
                rule,
                recipient,
                key,
                count,
                needs,
                limit,
                window_s,
                passes_at,
            },
        )
        .boxed()
}

fn decision() -> BoxedStrategy<Body> {
    let request = (
        select(vec![Basis::Gate, Basis::Asserted]),
        cause(),
        of(text()),
        text(),
        of(text()),
        of(text()),
        of(text()),
        of(token()),
        vec(target(), 0..3),
        vec(recipient(), 0..3),
    );
    let numbers = (
        of(any::<u32>()),
        of(number()),
        of(number()),
        of(number()),
        of(foreign()),
        details(),
    );
    let answer = (
        environment(),
        class(),
        channels(),
        of(any::<u8>()),
        of(policy_ref()),
        outcome(),
        vec(reason(), 0..4),
        of(number()),
        vec(throttle(), 0..3),
    );
    let rest = (
        of(time()),
        of(time()),
        of(text()),
        of(text()),
        of(time()),
        vec(finding(), 0..3),
    );
    (request, numbers, answer, rest)
        .prop_map(
            |(
                (basis, cause, agent, action, tool, seller, campaign, mailbox, targets, recipients),
                (tokens_v, cost_micros, approval, undoes, foreign, details),
                (
                    environment,
                    class,
                    channels,
                    tier,
                    policy,
                    outcome,
                    reasons,
                    reasons_total,
                    throttles,
                ),
                (valid_until, report_by, approver, approvers, approve_by, findings),
            )| {
                Body::Decision(Box::new(Decision {
                    basis,
                    cause,
                    agent,
                    environment,
                    action,
                    class,
                    channels,
                    tier,
                    tool,
                    seller,
                    campaign,
                    mailbox,
                    targets,
                    recipients,
                    tokens_v,
                    cost_micros,
                    approval,
                    undoes,
                    foreign,
                    policy,
                    outcome,
                    reasons,
                    reasons_total,
                    throttles,
                    valid_until,
                    report_by,
                    approver,
                    approvers,
                    approve_by,
                    findings,
                    details,
                }))
            },
        )
        .boxed()
}

fn status() -> BoxedStrategy<Status> {
    select(vec![
        Status::Success,
        Status::Failure,
        Status::Partial,
        Status::NotStarted,
    ])
    .boxed()
}

fn execution() -> BoxedStrategy<Body> {
    let result = (number(), status(), of(text())).prop_map(|(recipient, status, error_code)| {
        RecipientResult {
            recipient,
            status,
            error_code,
        }
    });
    (
        (cause(), number(), status(), of(text()), of(text())),
        (of(token()), of(time()), of(time()), of(number())),
        (
            vec(result, 0..3),
            of(policy_ref()),
            vec(finding(), 0..3),
            details(),
        ),
    )
        .prop_map(
            |(
                (cause, decision, status, error_code, provider),
                (provider_id, started_at, occurred_at, cost_micros),
                (results, policy, findings, details),
            )| {
                Body::Execution(Box::new(Execution {
                    cause,
                    decision,
                    status,
                    error_code,
                    provider,
                    provider_id,
                    started_at,
                    occurred_at,
                    cost_micros,
                    results,
                    policy,
                    findings,
                    details,
                }))
            },
        )
        .boxed()
}

fn outcome_report() -> BoxedStrategy<Body> {
    let event = select(vec![
        Event::BounceHard,
        Event::BounceSoft,
        Event::Complaint,
        Event::Reply,
        Event::Unsubscribe,
    ]);
    let matched =
        (number(), of(number()), text()).prop_map(|(execution, recipient, correlation_id)| {
            Matched {
                execution,
                recipient,
                correlation_id,
            }
        });
    (
        (cause(), of(number()), event, of(number()), of(text())),
        (
            of(token()),
            of(time()),
            of(matched),
            of(number()),
            of(policy_ref()),
        ),
        (
            vec(key(), 0..3),
            of(any::<u32>()),
            vec(finding(), 0..3),
            details(),
        ),
    )
        .prop_map(
            |(
                (cause, execution, event, recipient, provider),
                (provider_id, occurred_at, matched, decision, policy),
                (keys, tokens_v, findings, details),
            )| {
                Body::Outcome(Box::new(OutcomeReport {
                    cause,
                    execution,
                    event,
                    recipient,
                    keys,
                    tokens_v,
                    provider,
                    provider_id,
                    occurred_at,
                    matched,
                    decision,
                    policy,
                    findings,
                    details,
                }))
            },
        )
        .boxed()
}

fn dnc() -> BoxedStrategy<Body> {
    let op = select(vec![
        DncOp::List,
        DncOp::Unlist,
        DncOp::Exempt,
        DncOp::ImportBegin,
        DncOp::ImportEnd,
    ]);
    let counts = (of(number()), of(number()), any::<bool>());
    let import = (text(), select(ListingReason::ALL.to_vec()), hash(), counts).prop_map(
        |(source, reason, sha256, (rows, rejected, changes))| Import {
            source,
            reason,
            sha256,
            rows,
            rejected,
            changes,
        },
    );
    let listing = (
        (
            vec(key(), 0..3),
            of(text()),
            channels(),
            of(select(ListingReason::ALL.to_vec())),
            of(text()),
        ),
        (of(time()), of(time()), of(time()), of(hash())),
    )
        .prop_map(
            |(
                (keys, seller, channels, reason, source),
                (requested_at, effective_from, expires_at, evidence),
            )| Listing {
                keys,
                seller,
                channels,
                reason,
                source,
                requested_at,
                effective_from,
                expires_at,
                evidence,
            },
        );
    (
        (cause(), op, of(any::<u32>()), vec(listing, 0..3)),
        (vec(cite(), 0..3), of(hash()), details()),
        (of(number()), of(import), of(number()), of(number())),
    )
        .prop_map(
            |(
                (cause, op, tokens_v, listings),
                (ends, evidence, details),
                (import, imports, imported, outcome),
            )| {
                Body::Dnc(Dnc {
                    cause,
                    op,
                    tokens_v,
                    listings,
                    ends,
                    import,
                    imports,
                    imported,
                    outcome,
                    evidence,
                    details,
                })
            },
        )
        .boxed()
}

/// Any entry.
pub(super) fn entry() -> BoxedStrategy<Entry> {
    let body = prop_oneof![
        5 => decision(),
        2 => execution(),
        2 => outcome_report(),
        3 => dnc(),
        4 => control(),
        4 => coverage(),
        4 => gate(),
    ];
    (number(), time(), any::<bool>(), body)
        .prop_map(|(seq, time, sandbox, body)| Entry {
            seq,
            time,
            sandbox,
            body,
        })
        .boxed()
}
