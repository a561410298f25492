//! What providers deliver, recorded event by event.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use ledger_core::entry::{Body, Finding};
use ledger_core::plan::Refusal;
use ledger_feeds::event::{Event, Item, Outcome, Provider, Refused};

use super::Ledger;
use crate::auth::Caller;
use crate::intake::Redact;
use crate::status::CallError;
use crate::submission::{Answer, SubmitError};

/// Events of one body that are on their way to the log at a time. They share a sync; several bodies of one
/// principal leave room in its quota of reports.
const UNDER_WAY: usize = 256;
/// Refused events that are named.
const REFUSED_NAMED_MAX: usize = 20;

/// What became of the events of one body.
#[derive(Debug, Default)]
pub(crate) struct Ingested {
    /// Recorded now.
    pub(crate) recorded: u64,
    /// Recorded before: the same event under the same id.
    pub(crate) repeated: u64,
    /// Of those recorded, now or before, the ones that no execution was found for.
    pub(crate) unmatched: u64,
    /// Of those recorded, now or before, the complaints and unsubscribes that could list nobody.
    pub(crate) unlisted: u64,
    /// Nothing that the ledger records.
    pub(crate) passed: u64,
    /// Not recorded, because they cannot be read or contradict what their id stands for.
    pub(crate) refused: u64,
    /// The first of these, by index.
    pub(crate) named: Vec<(usize, Refused)>,
}

impl Ingested {
    fn refuse(&mut self, index: usize, refused: Refused) {
        self.refused += 1;
        if self.named.len() < REFUSED_NAMED_MAX {
            self.named.push((index, refused));
        }
    }

    fn record(&mut self, answer: &Answer) {
        if answer.repeated {
            self.repeated += 1;
        } else {
            self.recorded += 1;
        }
        if let Body::Outcome(outcome) = &answer.entry.body {
            let unknown = outcome.findings.contains(&Finding::UnknownExecution);
            self.unmatched += u64::from(unknown);
            self.unlisted += u64::from(outcome.findings.contains(&Finding::Unlisted));
        }
    }
}

impl Ledger {
    /// Records the events of one body, in their order, and waits until all are on stable storage.
    ///
    /// A malformed event spoils no other. What is no event's fault (a full queue, writes that have stopped)
    /// ends it, with what was recorded until then: a redelivery goes on from there, because what is recorded
    /// is a repetition.
    pub(crate) async fn ingest(
        self: &Arc<Self>,
        caller: &Caller,
        provider: Provider,
        items: Vec<Item>,
    ) -> (Ingested, Result<(), CallError>) {
        let redact = Redact::of(&self.latest.get());
        let redact = &redact;
        // However small the quota is, one delivery does not stand in its own way.
        let under_way = (self.queue.reports_per_principal() / 2).clamp(1, UNDER_WAY);
        let mut ingested = Ingested::default();
        let mut ended = Ok(());
        let mut answers = stream::iter(items)
            .map(|item| async move {
                let Item { index, read, .. } = item;
                let done = match read {
                    Ok(Event::Outcome(outcome)) => {
                        self.report(caller, redact, provider, &outcome).await
                    }
                    Ok(Event::Passed) => Ok(Done::Passed),
                    Err(refused) => Ok(Done::Refused(refused)),
                };
                (index, done)
            })
            .buffered(under_way);
        while let Some((index, done)) = answers.next().await {
            match done {
                Ok(Done::Recorded(answer)) => ingested.record(&answer),
                Ok(Done::Passed) => ingested.passed += 1,
                Ok(Done::Refused(refused)) => ingested.refuse(index, refused),
                Err(error) => {
                    ended = Err(error);
                    break;
                }
            }
        }
        (ingested, ended)
    }

    async fn report(
        self: &Arc<Self>,
        caller: &Caller,
        redact: &Redact,
        provider: Provider,
        outcome: &Outcome,
    ) -> Result<Done, CallError> {
        let request = outcome.request(provider);
        let answer = match self.intake.record(caller, redact, request) {
            Ok(command) => self.submit(caller, command).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => Ok(Done::Recorded(Box::new(answer))),
            Err(error) => refusal(&error).map(Done::Refused).ok_or(error),
        }
    }
}

/// What one event came to.
enum Done {
    Recorded(Box<Answer>),
    Passed,
    Refused(Refused),
}

/// What is wrong with the event itself, where that is what is wrong.
fn refusal(error: &CallError) -> Option<Refused> {
    let refused = |field: &str| Refused {
        field: field.to_owned(),
        why: error.to_string(),
    };
    match error {
        CallError::Field(error) => Some(refused(&error.field)),
        CallError::Submit(SubmitError::TooLarge(_)) => Some(refused("body")),
        CallError::Submit(SubmitError::Refused(refusal)) => match refusal {
            Refusal::RequestReused { .. } => Some(refused("id")),
            Refusal::Invalid { field, .. } => Some(refused(field)),
            Refusal::Precondition { .. } => Some(refused("body")),
            _ => None,
        },
        _ => None,
    }
}
