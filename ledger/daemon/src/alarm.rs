//! What is said aloud: a line in the daemon's own log, once the entry behind it is on stable storage.

use ledger_core::entry::{Body, BreakGlassEvent, BreakerEvent, Entry, Event, Finding};

use crate::intake::entry_word;

/// An entry that somebody should hear of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alarm {
    /// Break-glass is open: tier 3 is lifted for this agent.
    BreakGlass {
        /// The entry that opened it.
        seq: u64,
        /// The agent.
        agent: String,
        /// Who requested it.
        requested_by: String,
        /// Who confirmed it.
        confirmed_by: String,
    },
    /// A circuit breaker is open.
    Breaker {
        /// The entry that opened it.
        seq: u64,
        /// Its rule.
        rule: String,
        /// What it measured.
        measure: &'static str,
    },
    /// A circuit breaker's first threshold is passed.
    Warned {
        /// The entry that says so.
        seq: u64,
        /// Its rule.
        rule: String,
        /// What it measured.
        measure: &'static str,
    },
    /// Somebody complained or unsubscribed, and nobody was listed.
    Unlisted {
        /// The outcome.
        seq: u64,
        /// What it reports.
        event: Event,
    },
}

impl Alarm {
    /// The alarm of an entry, if it is one.
    pub fn of(entry: &Entry) -> Option<Self> {
        match &entry.body {
            Body::BreakGlass(glass) if glass.event == BreakGlassEvent::Opened => {
                Some(Self::BreakGlass {
                    seq: entry.seq,
                    agent: glass.agent.clone(),
                    requested_by: glass.requested_by.clone().unwrap_or_default(),
                    confirmed_by: glass.cause.actor.id.clone(),
                })
            }
            Body::Breaker(breaker) if breaker.event == BreakerEvent::Opened => {
                Some(Self::Breaker {
                    seq: entry.seq,
                    rule: breaker.rule.clone(),
                    measure: breaker.measure.as_str(),
                })
            }
            Body::Breaker(breaker) if breaker.event == BreakerEvent::Warned => Some(Self::Warned {
                seq: entry.seq,
                rule: breaker.rule.clone(),
                measure: breaker.measure.as_str(),
            }),
            Body::Outcome(outcome) if outcome.findings.contains(&Finding::Unlisted) => {
                Some(Self::Unlisted {
                    seq: entry.seq,
                    event: outcome.event,
                })
            }
            _ => None,
        }
    }

    /// Says it.
    pub fn raise(&self) {
        match self {
            Self::BreakGlass {
                seq,
                agent,
                requested_by,
                confirmed_by,
            } => tracing::warn!(
                seq,
                agent,
                requested_by,
                confirmed_by,
                "break-glass is open: tier 3 is lifted for this agent"
            ),
            Self::Breaker { seq, rule, measure } => tracing::warn!(
                seq,
                rule,
                measure,
                "a circuit breaker is open: what is in its scope is denied"
            ),
            Self::Warned { seq, rule, measure } => tracing::warn!(
                seq,
                rule,
                measure,
                "a circuit breaker warns: one threshold is passed, and nothing is denied yet"
            ),
            Self::Unlisted { seq, event } => tracing::warn!(
                seq,
                event = entry_word(event),
                "nobody was listed: the outcome does not say who in a form that can be"
            ),
        }
    }
}
