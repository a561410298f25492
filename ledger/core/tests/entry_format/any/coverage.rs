//! When the ledger was recording, and by what clock.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

pub(super) fn coverage() -> BoxedStrategy<Body> {
    let genesis = (
        (actor(), text(), environment(), any::<u32>(), text()),
        (
            hash(),
            hash(),
            text(),
            any::<u32>(),
            vec(token(), 0..3).prop_map(|mut tokens| {
                tokens.sort_unstable();
                tokens
            }),
        ),
    )
        .prop_map(
            |(
                (actor, origin, environment, gate, key),
                (subject_key, content_key, normaliser, tokens_v, reserved),
            )| {
                Body::Genesis(Genesis {
                    actor,
                    origin,
                    environment,
                    gate,
                    key,
                    subject_key,
                    content_key,
                    normaliser,
                    tokens_v,
                    reserved,
                })
            },
        );
    let boot = (
        actor(),
        text(),
        any::<u32>(),
        of(text()),
        hash(),
        time(),
        any::<bool>(),
    )
        .prop_map(|(actor, software, gate, evaluator, config, since, clean)| {
            Body::Boot(Boot {
                actor,
                software,
                gate,
                evaluator,
                config,
                since,
                clean,
            })
        });
    let event = select(vec![ClockEvent::Seen, ClockEvent::Acknowledged]);
    let clock = (cause(), event, time(), time(), of(number()), of(number())).prop_map(
        |(cause, event, before, after, bound_ms, acknowledges)| {
            Body::Clock(Clock {
                cause,
                event,
                before,
                after,
                bound_ms,
                acknowledges,
            })
        },
    );
    let unresolved = (text(), actor(), number()).prop_map(|(correlation_id, actor, decision)| {
        Body::Unresolved(Unresolved {
            correlation_id,
            actor,
            decision,
        })
    });
    prop_oneof![
        genesis,
        boot,
        actor().prop_map(|actor| Body::Heartbeat(Heartbeat { actor })),
        actor().prop_map(|actor| Body::Shutdown(Shutdown { actor })),
        clock,
        unresolved,
    ]
    .boxed()
}
