//! What people let pass by hand and what stops by itself.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

fn approval() -> BoxedStrategy<Body> {
    let verdict = select(vec![Verdict::Granted, Verdict::Denied, Verdict::Expired]);
    (
        (cause(), of(number()), of(hash()), verdict),
        (text(), of(time()), of(number()), details()),
    )
        .prop_map(
            |((cause, decision, policy, verdict), (group, expires_at, granted, details))| {
                Body::Approval(Approval {
                    cause,
                    decision,
                    policy,
                    verdict,
                    group,
                    expires_at,
                    granted,
                    details,
                })
            },
        )
        .boxed()
}

fn break_glass() -> BoxedStrategy<Body> {
    use BreakGlassEvent::{Closed, Opened, Requested};
    (
        (
            cause(),
            select(vec![Requested, Opened, Closed]),
            of(number()),
            of(text()),
        ),
        (text(), of(text()), number(), of(time()), details()),
    )
        .prop_map(
            |(
                (cause, event, request, requested_by),
                (agent, action, duration_s, until, details),
            )| {
                Body::BreakGlass(BreakGlass {
                    cause,
                    event,
                    request,
                    requested_by,
                    agent,
                    action,
                    duration_s,
                    until,
                    details,
                })
            },
        )
        .boxed()
}

fn scope() -> BoxedStrategy<BreakerScope> {
    (
        of(text()),
        of(text()),
        of(token()),
        vec(text(), 0..3),
        vec(class(), 0..3),
    )
        .prop_map(|(agent, seller, mailbox, actions, classes)| BreakerScope {
            agent,
            seller,
            mailbox,
            actions,
            classes,
        })
        .boxed()
}

fn breaker() -> BoxedStrategy<Body> {
    use BreakerEvent::{Closed, Opened, Reset, Warned};
    let measure = select(vec![
        Measure::HardBounceRate,
        Measure::ComplaintRate,
        Measure::ErrorRate,
        Measure::Cost,
        Measure::DncBreach,
    ]);
    (
        (
            cause(),
            select(vec![Warned, Opened, Closed, Reset]),
            text(),
            scope(),
            measure,
            of(number()),
        ),
        (of(number()), of(number()), of(number()), of(number())),
        (of(time()), vec(cite(), 0..3), of(number()), details()),
    )
        .prop_map(
            |(
                (cause, event, rule, scope, measure, opened),
                (threshold, count, sample, window_s),
                (until, cites, cites_total, details),
            )| {
                Body::Breaker(Box::new(Breaker {
                    cause,
                    event,
                    rule,
                    scope,
                    measure,
                    opened,
                    threshold,
                    count,
                    sample,
                    window_s,
                    until,
                    cites,
                    cites_total,
                    details,
                }))
            },
        )
        .boxed()
}

fn key_entry() -> BoxedStrategy<Body> {
    let event = select(vec![KeyEvent::Trusted, KeyEvent::Distrusted]);
    (cause(), event, text())
        .prop_map(|(cause, event, key)| Body::Key(KeyEntry { cause, event, key }))
        .boxed()
}

pub(super) fn gate() -> BoxedStrategy<Body> {
    prop_oneof![approval(), break_glass(), breaker(), key_entry()].boxed()
}
