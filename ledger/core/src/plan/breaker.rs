//! Circuit breakers: what reports open, what time closes, what people reset.

use super::{Refusal, precondition};
use crate::entry::{Breaker, BreakerEvent};
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

/// A person resets a breaker, or the ledger closes one whose time is over.
pub(super) fn end<V: View>(
    state: &State<V>,
    breaker: Breaker,
    now: Timestamp,
) -> Result<Breaker, Refusal> {
    let open = state.breakers().find_map(|record| {
        let (seq, until) = record.opened?;
        (Some(seq) == breaker.opened).then_some((record, until))
    });
    let Some((record, until)) = open else {
        return Err(Refusal::Invalid {
            field: "opened",
            value: breaker
                .opened
                .map_or_else(String::new, |seq| seq.to_string()),
            expected: "expected the seq of the `breaker` entry that opened one: see `Status`"
                .to_owned(),
        });
    };
    if breaker.event == BreakerEvent::Closed && until.is_none_or(|until| now < until) {
        return Err(precondition("the breaker's time is not over"));
    }
    Ok(Breaker {
        rule: record.rule.clone(),
        scope: record.scope.clone(),
        measure: record.measure,
        threshold: None,
        count: None,
        sample: None,
        window_s: None,
        until: None,
        cites: Vec::new(),
        cites_total: None,
        ..breaker
    })
}
