//! `ledger-verify log`: every byte of an export; with an opening, what it says about one person.

use std::path::Path;

use ledger_core::opening::Opening;
use ledger_core::trust::Trust;

use crate::export::{Walked, walk};
use crate::person::Person;
use crate::transcript::{Failure, Transcript};
use crate::{anchor, words};

/// Verifies the export in `folder`.
pub fn run(folder: &Path, opening: Option<&Opening>, trust: &Trust) -> Transcript {
    let mut transcript = Transcript::new("log");
    anchor::say(trust, &mut transcript);
    if let Err(failure) = check(folder, opening, trust, &mut transcript) {
        transcript.failed(failure);
    }
    transcript
}

fn check(
    folder: &Path,
    opening: Option<&Opening>,
    trust: &Trust,
    transcript: &mut Transcript,
) -> Result<(), Failure> {
    let mut person = opening.map(Person::new).transpose()?;
    let walked = walk(folder, trust, transcript, |decoded| {
        if let (Some(person), Ok(entry)) = (&mut person, &decoded) {
            person.see(entry);
        }
    })?;
    walked.say(transcript);
    say(&walked, transcript);
    words::contents(&walked.summary, transcript);
    words::summary(&walked.summary, transcript);
    let judged = match &person {
        Some(person) => person.say(&walked, transcript),
        None => Ok(()),
    };
    walked.judged()?;
    judged?;
    transcript.does_not_prove(
        "That the gate decided as it had to: `ledger-verify replay` makes every decision again.",
    );
    Ok(())
}

/// What every whole log shows.
pub(crate) fn say(walked: &Walked, transcript: &mut Transcript) {
    let size = walked.checkpoint.checkpoint.size;
    transcript.fact("checkpoint", anchor::fact(&walked.checkpoint));
    transcript.fact("summary", &walked.summary);
    transcript.proves(format!(
        "This is the whole log up to entry {}: {size} entries, none missing, none added, none changed since \
         they were signed.",
        size.saturating_sub(1)
    ));
    transcript.does_not_prove(
        "What happened after the last entry, in the gaps of the coverage, or past the ledger: sends that \
         bypass the ledger are not covered.",
    );
    transcript.does_not_prove(
        "That requests were made as recorded, and that everybody was shown this log: whoever holds the daemon \
         and its keys can invent entries; witnesses and reconciliation with providers bound that.",
    );
}
