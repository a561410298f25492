//! What every write carries: its request id, and where its receipt goes.

use std::path::PathBuf;

use clap::Args;
use ledger_core::time::Timestamp;
use ledger_proto::v1;

use crate::failure::{Failure, Problem};
use crate::files::Outfile;
use crate::proof::Verified;
use crate::values::when;

/// Options of every write that people do.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WriteArgs {
    /// The idempotency key. Repeat a call whose answer was lost with the same one [default: a new one]
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
    /// Ties this entry to others
    #[arg(long, value_name = "ID")]
    pub(crate) correlation_id: Option<String>,
    /// Where to write the receipt, a `.tlog-proof` file
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt_out: Option<PathBuf>,
}

/// A write on its way.
#[derive(Debug)]
pub(crate) struct Write {
    /// The idempotency key.
    pub(crate) request_id: String,
    /// Ties entries together.
    pub(crate) correlation_id: Option<String>,
    receipt: Option<Outfile>,
    /// Whether it is one of several that are repeated together.
    part: bool,
}

impl WriteArgs {
    /// Makes sure that everything is in place before anything is sent.
    pub(crate) fn begin(&self) -> Result<Write, Failure> {
        Ok(Write {
            request_id: id_or_new(self.request_id.as_deref())?,
            correlation_id: self.correlation_id.clone(),
            receipt: self
                .receipt_out
                .as_deref()
                .map(Outfile::create)
                .transpose()?,
            part: false,
        })
    }
}

impl Write {
    /// A write with these ids, its receipt going to `receipt_out`.
    pub(crate) fn new(
        request_id: Option<&str>,
        correlation_id: &str,
        receipt_out: Option<&std::path::Path>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            request_id: id_or_new(request_id)?,
            correlation_id: Some(correlation_id.to_owned()),
            receipt: receipt_out.map(Outfile::create).transpose()?,
            part: false,
        })
    }

    /// One of several writes that the same command repeats together: what to do after a failure is
    /// said there.
    pub(crate) fn into_part(mut self) -> Self {
        self.part = true;
        self
    }

    /// For the wire.
    pub(crate) fn header(&self) -> v1::WriteHeader {
        v1::WriteHeader {
            request_id: self.request_id.clone(),
            correlation_id: self.correlation_id.clone().unwrap_or_default(),
        }
    }

    /// Adds to a failure what to do where the write may have been done all the same.
    pub(crate) fn explain(&self, failure: impl Into<Failure>) -> Failure {
        let failure = failure.into();
        if !self.part && failure.outcome_is_unknown() {
            let note = format!(
                "it may be recorded or not: repeat exactly the same with `--request-id {}`, which records it once at most",
                self.request_id
            );
            return failure.note(note);
        }
        failure
    }

    /// Keeps the receipt where it was asked for.
    pub(crate) fn keep(&mut self, verified: &Verified) -> Result<(), Failure> {
        let Some(file) = self.receipt.take() else {
            return Ok(());
        };
        let seq = verified.entry.seq;
        file.finish(&verified.receipt.to_bytes())
            .map_err(|failure| {
                failure.note(format!(
                    "entry {seq} is recorded: fetch its receipt with `ledgerctl receipt {seq}`"
                ))
            })
    }
}

fn id_or_new(given: Option<&str>) -> Result<String, Failure> {
    given.map_or_else(
        || Ok(request_id(when::now(), random()?)),
        |id| Ok(id.to_owned()),
    )
}

/// A new request id: `ctl-<microseconds>-<random>` in hex, so that ids sort by time.
fn request_id(now: Timestamp, random: [u8; 4]) -> String {
    format!("ctl-{:014x}-{}", now.micros(), hex::encode(random))
}

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Problem::Random(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_request_ids_sort_by_time_and_are_valid() {
        let early = request_id("2026-11-22T11:31:05.123456Z".parse().unwrap(), [0xff; 4]);
        let late = request_id("2026-11-22T11:31:05.123457Z".parse().unwrap(), [0; 4]);
        assert_eq!(early, "ctl-0660dbd010b280-ffffffff".to_owned());
        assert!(early < late);
        let last = request_id(Timestamp::MAX, [1, 2, 3, 4]);
        assert!(late < last);
        for id in [&early, &late, &last] {
            ledger_core::name::check("request_id", id, ledger_core::name::REQUEST_ID_MAX).unwrap();
        }
        assert_ne!(random::<8>().unwrap(), random::<8>().unwrap());
    }

    #[test]
    fn a_lost_answer_says_how_to_repeat() {
        let write = Write::new(Some("r-1"), "run-1", None).unwrap();
        let lost = write.explain(tonic::Status::unavailable("gone"));
        assert!(lost.to_string().contains("--request-id r-1"), "{lost}");
        let refused = write.explain(tonic::Status::invalid_argument("no"));
        assert!(!refused.to_string().contains("--request-id"), "{refused}");
        let part = write
            .into_part()
            .explain(tonic::Status::unavailable("gone"));
        assert!(!part.to_string().contains("--request-id"), "{part}");
    }
}
