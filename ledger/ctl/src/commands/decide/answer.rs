//! What the gate answered, told to people or as an object.

use ledger_core::codebook;
use ledger_core::entry::{Decision, Outcome};
use ledger_core::time::Timestamp;
use ledger_proto::v1;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::context::Context;
use crate::failure::Failure;
use crate::narrate::{self, throttle_line};
use crate::output::Style;
use crate::proof::{TreeJson, Verified};
use crate::text::{put, wait_ms, wrapped};
use crate::values::when;

pub(super) fn show(
    context: &Context,
    verified: &Verified,
    decision: &Decision,
    reply: &v1::DecideReply,
    request_id: &str,
) -> Result<(), Failure> {
    let text = text(verified, decision, reply, context.output.style());
    context
        .output
        .show(&text, &object(verified, decision, reply, request_id)?)
}

/// The answer, line by line: the outcome, why, the counts, until when, and what proves it.
pub(super) fn text(
    verified: &Verified,
    decision: &Decision,
    reply: &v1::DecideReply,
    style: Style,
) -> String {
    let mut out = format!(
        "{}  {} for {}, entry {}{}\n",
        narrate::outcome(decision.outcome, style),
        decision.action,
        decision.cause.actor.id,
        verified.entry.seq,
        if reply.repeated {
            " (repeated: this is the first decision)"
        } else {
            ""
        }
    );
    out.push_str(&narrate::reason_lines(decision, style));
    for count in &decision.throttles {
        out.push_str(&wrapped("  ", &throttle_line(count)));
    }
    if let (Some(valid), Some(report)) = (decision.valid_until, decision.report_by) {
        put!(out, "Start before  {valid}\nReport before {report}\n");
    }
    if decision.outcome == Outcome::Allow && (reply.voided || !reply.usable) {
        let why = if reply.voided {
            "a stop has voided this allow"
        } else {
            "this allow has expired or was used"
        };
        put!(
            out,
            "{}: {why}. Ask again under a new request id.\n",
            style.bad("Do not start")
        );
    }
    if let Some(time) = passes_at(reply) {
        put!(
            out,
            "Would pass at {time}, if nothing else were allowed in between.\n"
        );
    }
    if reply.retry_after_ms > 0 {
        put!(
            out,
            "Ask again in {} at the earliest.\n",
            wait_ms(reply.retry_after_ms)
        );
    }
    out.push_str(&verified.line());
    out
}

fn passes_at(reply: &v1::DecideReply) -> Option<Timestamp> {
    reply.passes_at.as_ref().and_then(when::from_wire)
}

#[derive(Serialize)]
struct DecideJson {
    outcome: Outcome,
    usable: bool,
    voided: bool,
    repeated: bool,
    request_id: String,
    reasons: Vec<ReasonJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_by: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passes_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    entry: Box<RawValue>,
    checkpoint: TreeJson,
    seq: u64,
}

#[derive(Serialize)]
struct ReasonJson {
    code: &'static str,
    sentence: String,
    remedy: &'static str,
}

fn object(
    verified: &Verified,
    decision: &Decision,
    reply: &v1::DecideReply,
    request_id: &str,
) -> Result<impl Serialize + use<>, Failure> {
    let reason = |reason: &ledger_core::entry::Reason| {
        let explained = codebook::code(reason.code);
        ReasonJson {
            code: explained.word,
            sentence: codebook::sentence(reason),
            remedy: explained.remedy,
        }
    };
    Ok(DecideJson {
        outcome: decision.outcome,
        usable: decision.outcome == Outcome::Allow && reply.usable && !reply.voided,
        voided: reply.voided,
        repeated: reply.repeated,
        seq: verified.entry.seq,
        request_id: request_id.to_owned(),
        reasons: decision.reasons.iter().map(reason).collect(),
        valid_until: decision.valid_until,
        report_by: decision.report_by,
        passes_at: passes_at(reply),
        retry_after_ms: Some(reply.retry_after_ms).filter(|ms| *ms > 0),
        entry: verified.entry_json()?,
        checkpoint: verified.tree_json(),
    })
}
