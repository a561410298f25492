//! The sending of events: batch after batch, each event answered by itself.

use std::fmt;
use std::path::PathBuf;

use ledger_core::entry::Finding;
use ledger_proto::batch;
use ledger_proto::v1::{self, record_answer::Answer};

use crate::client::Session;
use crate::commands::record::{Sent, proven};
use crate::failure::Failure;
use crate::patience::{Patience, Room as _, patient};
use crate::progress::Progress;
use crate::request::WriteArgs;

/// Codes of refusals that are about the one event: what it says, or what its id stands for already.
const OF_THE_EVENT: [&str; 3] = ["INVALID_ARGUMENT", "ALREADY_EXISTS", "FAILED_PRECONDITION"];

/// Where an event stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` line {}", self.file.display(), self.line)
    }
}

/// An event, and the report that records it.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) place: Place,
    pub(super) request: v1::RecordRequest,
}

/// What the sending came to.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Recorded now.
    pub(super) recorded: u64,
    /// Recorded before.
    pub(super) repeated: u64,
    /// Of both, those that no execution was found for.
    pub(super) unmatched: u64,
    /// Of both, the complaints and unsubscribes that could list nobody.
    pub(super) unlisted: u64,
    /// Of those recorded now, the ones that were followed by entries: a listing, a breaker.
    pub(super) followed: u64,
    /// The first and the last entry of those recorded now.
    pub(super) entries: Option<(u64, u64)>,
    /// What the ledger refused, event by event.
    pub(super) refused: Vec<(Place, Failure)>,
}

impl Done {
    fn add(&mut self, sent: &Sent) {
        let entry = &sent.verified.entry;
        let findings = entry.body.findings();
        self.unmatched += u64::from(findings.contains(&Finding::UnknownExecution));
        self.unlisted += u64::from(findings.contains(&Finding::Unlisted));
        if sent.repeated {
            self.repeated += 1;
            return;
        }
        self.recorded += 1;
        self.followed += u64::from(sent.followers > 0);
        self.entries = Some(match self.entries {
            Some((first, last)) => (first.min(entry.seq), last.max(entry.seq)),
            None => (entry.seq, entry.seq),
        });
    }
}

/// Sends every event. What the ledger has no room for is sent again, and what it refuses for what the event
/// says keeps no other back.
pub(super) async fn send(
    session: &Session,
    reports: &[Report],
    progress: &mut Progress,
) -> Result<Done, Failure> {
    let total = reports.len();
    let mut done = Done::default();
    let mut rest = reports;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(batch::takes(rest.iter().map(|report| &report.request)));
        rest = later;
        let sent = one(session, now, &mut done, progress).await;
        sent.map_err(|(place, failure)| {
            failure.note(format!(
                "the event of {place} is not known to be recorded, nor all of those after it; {} of {total} are: repeat \
                 the command as it was to go on",
                done.recorded + done.repeated
            ))
        })?;
    }
    Ok(done)
}

/// Sends one batch until every event of it is answered; else the first that is not, and why.
async fn one<'a>(
    session: &Session,
    reports: &'a [Report],
    done: &mut Done,
    progress: &mut Progress,
) -> Result<(), (&'a Place, Failure)> {
    let mut waiting: Vec<&Report> = reports.iter().collect();
    let mut patience = Patience::default();
    while let Some(first) = waiting.first() {
        let requests = waiting.iter().map(|report| report.request.clone());
        let request = v1::RecordBatchRequest {
            requests: requests.collect(),
        };
        let call = async || session.recorder().record_batch(request.clone()).await;
        let reply = patient(call).await;
        let reply = reply.map_err(|status| (&first.place, status.into()))?;
        let answers = reply.into_inner().answers;
        if answers.len() != waiting.len() {
            let why = format!("it has {} for {} events", answers.len(), waiting.len());
            let failure = Failure::unverified("the answer to a batch", why);
            return Err((&first.place, failure));
        }
        let (mut left, mut full, mut failed) = (Vec::new(), None, None);
        for (report, answer) in waiting.iter().zip(answers) {
            match read(session, report, answer) {
                Ok(sent) => {
                    done.add(&sent);
                    progress.add(1);
                }
                Err(failure) if failure.room_after().is_some() => {
                    left.push(*report);
                    full.get_or_insert((&report.place, failure));
                }
                Err(failure) if is_of_the_event(&failure) => {
                    done.refused.push((report.place.clone(), failure));
                    progress.add(1);
                }
                // The answers behind it count all the same.
                Err(failure) => {
                    failed.get_or_insert((&report.place, failure));
                }
            }
        }
        if let Some(failed) = failed {
            return Err(failed);
        }
        if let Some((place, failure)) = full {
            // Where some got through, the others will: patience is for a ledger that stands still.
            if left.len() < waiting.len() {
                patience = Patience::default();
            }
            if !patience.again(&failure).await {
                return Err((place, failure));
            }
        }
        waiting = left;
    }
    Ok(())
}

/// What one event is answered.
fn read(session: &Session, report: &Report, answer: v1::RecordAnswer) -> Result<Sent, Failure> {
    let write = WriteArgs {
        request_id: Some(report.request.request_id.clone()),
        correlation_id: None,
        receipt_out: None,
    };
    match answer.answer {
        Some(Answer::Reply(reply)) => {
            proven(session, &report.request, &write.begin()?.into_part(), reply)
        }
        Some(Answer::Error(status)) => Err(status.into()),
        None => Err(Failure::unverified("the answer", "it is empty")),
    }
}

fn is_of_the_event(failure: &Failure) -> bool {
    let refused = failure.refused();
    refused.is_some_and(|refused| OF_THE_EVENT.contains(&refused.code))
}
