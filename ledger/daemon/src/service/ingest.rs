//! What providers deliver, recorded event by event.

use std::collections::VecDeque;

use ledger_core::entry::Finding;
use ledger_core::plan::Refusal;
use ledger_feeds::event::{Item, Provider, Refused};

use super::Ledger;
use super::procedure::{answered, turn};
use super::recorder::Record;
use crate::auth::Caller;
use crate::status::CallError;
use crate::submission::{Answer, Pending, SubmitError};

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

    /// Waits for what became of an event, and counts it.
    async fn add(&mut self, index: usize, asked: Asked) -> Result<(), CallError> {
        let asked = match asked {
            Asked::Report(asked) => asked,
            Asked::Nothing => {
                self.passed += 1;
                return Ok(());
            }
            Asked::Unreadable(refused) => {
                self.refuse(index, refused);
                return Ok(());
            }
        };
        match answered(asked).await {
            Ok(answer) => self.record(&answer),
            Err(error) => self.refuse(index, refusal(&error).ok_or(error)?),
        }
        Ok(())
    }

    fn record(&mut self, answer: &Answer) {
        if answer.repeated {
            self.repeated += 1;
        } else {
            self.recorded += 1;
        }
        let findings = answer.entry.body.findings();
        self.unmatched += u64::from(findings.contains(&Finding::UnknownExecution));
        self.unlisted += u64::from(findings.contains(&Finding::Unlisted));
    }
}

impl Ledger {
    /// Records the events of one body, in their order, and waits until all are on stable storage.
    ///
    /// A malformed event spoils no other. What is no event's fault (a full queue, writes that have stopped)
    /// ends it, with what was recorded until then: a redelivery goes on from there, because what is recorded
    /// is a repetition.
    pub(crate) async fn ingest(
        &self,
        caller: &Caller,
        provider: Provider,
        items: Vec<Item>,
    ) -> (Ingested, Result<(), CallError>) {
        let mut ingested = Ingested::default();
        let ended = self.each(caller, provider, items, &mut ingested).await;
        (ingested, ended)
    }

    async fn each(
        &self,
        caller: &Caller,
        provider: Provider,
        items: Vec<Item>,
        ingested: &mut Ingested,
    ) -> Result<(), CallError> {
        // However small the quota is, one delivery does not stand in its own way.
        let window = (self.queue.reports_per_principal() / 2).clamp(1, UNDER_WAY);
        let mut under_way = VecDeque::with_capacity(window);
        for (at, Item { index, read, .. }) in items.into_iter().enumerate() {
            turn(at).await;
            if under_way.len() == window
                && let Some((index, asked)) = under_way.pop_front()
            {
                ingested.add(index, asked).await?;
            }
            let asked = match read {
                Ok(Some(outcome)) => {
                    Asked::Report(self.ask::<Record>(caller, outcome.request(provider)))
                }
                Ok(None) => Asked::Nothing,
                Err(refused) => Asked::Unreadable(refused),
            };
            under_way.push_back((index, asked));
        }
        for (index, asked) in under_way {
            ingested.add(index, asked).await?;
        }
        Ok(())
    }
}

/// What is asked of the ledger for one event.
enum Asked {
    Report(Result<Pending, CallError>),
    Nothing,
    Unreadable(Refused),
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
