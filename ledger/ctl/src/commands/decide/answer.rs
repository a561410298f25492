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
    let again = again(std::env::args());
    let text = text(verified, decision, reply, &again, context.output.style());
    context
        .output
        .show(&text, &object(verified, decision, reply, request_id)?)
}

/// The answer, line by line: the outcome, why, the counts, until when, and what proves it.
pub(super) fn text(
    verified: &Verified,
    decision: &Decision,
    reply: &v1::DecideReply,
    again: &str,
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
    if let Some(tier) = decision.tier {
        put!(out, "Tier {tier}\n");
    }
    if let (Some(group), Some(by)) = (&decision.approvers, decision.approve_by) {
        put!(
            out,
            "The group `{group}` was asked; to be approved, and the approval used, before {by}\n"
        );
        // Whoever asked may watch: with the same options before the command.
        let program = again.split(" decide").next().unwrap_or("ledgerctl");
        put!(
            out,
            "Wait with       {program} approvals watch {}\n",
            verified.entry.seq
        );
        put!(out, "Then ask again  {again} --approval SEQ\n");
        out.push_str("  SEQ is that of the granting entry, as `approvals watch` prints it.\n");
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

/// A command line of this process for asking once more, as a shell reads it: without the request id, which
/// has to be a new one, and without the approval that was named before.
fn again(words: impl IntoIterator<Item = String>) -> String {
    const LEFT_OUT: [&str; 2] = ["--request-id", "--approval"];
    let mut kept = vec!["ledgerctl".to_owned()];
    let mut words = words.into_iter().skip(1);
    while let Some(word) = words.next() {
        if LEFT_OUT.contains(&word.as_str()) {
            words.next();
        } else if !LEFT_OUT.iter().any(|name| {
            word.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('='))
        }) {
            kept.push(quoted(&word));
        }
    }
    kept.join(" ")
}

/// A word as a POSIX shell takes it for itself.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=+:,./@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
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
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approvers: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approve_by: Option<Timestamp>,
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
        tier: decision.tier,
        approvers: decision.approvers.clone(),
        approve_by: decision.approve_by,
        reasons: decision.reasons.iter().map(reason).collect(),
        valid_until: decision.valid_until,
        report_by: decision.report_by,
        passes_at: passes_at(reply),
        retry_after_ms: Some(reply.retry_after_ms).filter(|ms| *ms > 0),
        entry: verified.entry_json()?,
        checkpoint: verified.tree_json(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger_core::checkpoint::Checkpoint;
    use ledger_core::entry::{Body, Entry};
    use ledger_core::hash::Hash;
    use ledger_core::receipt::Receipt;

    const HEAD: &str = concat!(
        r#"{"v":1,"seq":41,"time":"2026-11-22T11:31:05.123456Z","kind":"decision","basis":"gate","request_id":"r-1","#,
        r#""call":"Decide","correlation_id":"run-1","actor":{"type":"agent","id":"agent.sender"},"environment":"prod","#,
        r#""action":"email.send","class":"contact","channels":["email"],"#,
    );

    fn verified(answer: &str) -> Verified {
        let line = format!("{HEAD}{answer}}}").into_bytes();
        let entry = Entry::decode(&line).unwrap();
        Verified {
            receipt: Receipt {
                entry: line,
                seq: 41,
                proof: Vec::new(),
                checkpoint: Vec::new(),
            },
            entry,
            tree: Checkpoint::new("acme.example/ledger", 1_042, Hash([0x11; 32])),
        }
    }

    fn told(answer: &str, reply: &v1::DecideReply) -> (String, serde_json::Value) {
        let verified = verified(answer);
        let Body::Decision(decision) = &verified.entry.body else {
            panic!("not a decision");
        };
        let object = object(&verified, decision, reply, "r-1").unwrap();
        (
            text(&verified, decision, reply, "ledgerctl decide", Style::PLAIN),
            serde_json::to_value(object).unwrap(),
        )
    }

    const DENIAL: &str = concat!(
        r#""outcome":"deny","reasons":[{"check":"throttle","code":"throttle.exceeded","rule":"mailbox-day"},"#,
        r#"{"check":"grant","code":"grant.row","rule":"sends"}],"#,
        r#""throttles":[{"rule":"mailbox-day","count":25,"needs":1,"limit":25,"window_s":86400,"passes_at":"2026-11-22T18:00:00.000000Z"}]"#,
    );

    #[test]
    fn a_denial_says_why_what_to_do_and_when_it_would_pass() {
        let reply = v1::DecideReply {
            passes_at: Some(when::to_wire(
                "2026-11-22T18:00:00.000000Z".parse().unwrap(),
            )),
            retry_after_ms: 23_335_000,
            ..v1::DecideReply::default()
        };
        let (text, object) = told(DENIAL, &reply);
        let expected = "\
DENY  email.send for agent.sender, entry 41
  throttle.exceeded: the throttle `mailbox-day` has no room left.
    Ask again under a new request id once `passes_at` is over; where there is none, the request is
    too large for the limit.
  grant.row: granted by the policy's row `sends`.
  throttle `mailbox-day`: 25 of 25 in 24h, needs 1, would pass at 2026-11-22T18:00:00.000000Z
Would pass at 2026-11-22T18:00:00.000000Z, if nothing else were allowed in between.
Ask again in 6h 28m 55s at the earliest.
Proven: entry 41 of `acme.example/ledger`, under its signed checkpoint of 1,042 entries.
";
        assert_eq!(text, expected);
        assert_eq!(object["outcome"], "deny");
        assert_eq!(object["usable"], false);
        assert_eq!(object["seq"], 41);
        assert_eq!(object["reasons"][0]["code"], "throttle.exceeded");
        assert_eq!(object["passes_at"], "2026-11-22T18:00:00.000000Z");
        assert_eq!(object["retry_after_ms"], 23_335_000);
        assert_eq!(object["entry"]["throttles"][0]["count"], 25);
        assert_eq!(object["checkpoint"]["size"], 1_042);
    }

    const ALLOW: &str = concat!(
        r#""outcome":"allow","reasons":[{"check":"grant","code":"grant.row","rule":"sends"},{"check":"dnc","code":"dnc.clear"}],"#,
        r#""valid_until":"2026-11-22T11:32:05.123456Z","report_by":"2026-11-22T11:46:05.123456Z""#,
    );

    #[test]
    fn an_allow_says_until_when() {
        let reply = v1::DecideReply {
            usable: true,
            ..v1::DecideReply::default()
        };
        let (text, object) = told(ALLOW, &reply);
        let expected = "\
ALLOW  email.send for agent.sender, entry 41
  grant.row: granted by the policy's row `sends`.
  dnc.clear: no recipient is on the do-not-contact list.
Start before  2026-11-22T11:32:05.123456Z
Report before 2026-11-22T11:46:05.123456Z
Proven: entry 41 of `acme.example/ledger`, under its signed checkpoint of 1,042 entries.
";
        assert_eq!(text, expected);
        assert_eq!(object["usable"], true);
        assert_eq!(object["valid_until"], "2026-11-22T11:32:05.123456Z");
        assert!(object.get("passes_at").is_none());
    }

    const WAITS: &str = concat!(
        r#""tier":2,"outcome":"require_approval","reasons":[{"check":"tier","code":"tier.approval","rule":"sends"}],"#,
        r#""approvers":"sales-ops","approve_by":"2026-11-22T15:31:05.123456Z""#,
    );

    #[test]
    fn an_approval_that_is_required_says_whose_until_when_and_how_to_go_on() {
        let (text, object) = told(WAITS, &v1::DecideReply::default());
        let expected = "\
Tier 2
The group `sales-ops` was asked; to be approved, and the approval used, before 2026-11-22T15:31:05.123456Z
Wait with       ledgerctl approvals watch 41
Then ask again  ledgerctl decide --approval SEQ
";
        assert!(text.contains(expected), "{text}");
        assert_eq!(object["tier"], 2);
        assert_eq!(object["approvers"], "sales-ops");
        assert_eq!(object["approve_by"], "2026-11-22T15:31:05.123456Z");
    }

    #[test]
    fn asking_again_is_the_same_command_under_a_new_request_id() {
        let words = [
            "/opt/ledgerctl",
            "decide",
            "--action",
            "email.send",
            "--request-id",
            "r-1",
            "--approval=57",
            "--params",
            "{\"it's\":1}",
            "--rationale",
            "",
        ];
        assert_eq!(
            again(words.map(str::to_owned)),
            r#"ledgerctl decide --action email.send --params '{"it'\''s":1}' --rationale ''"#
        );
    }

    #[test]
    fn an_allow_of_the_past_says_that_it_is_none() {
        for (voided, why) in [
            (true, "a stop has voided this allow"),
            (false, "this allow has expired or was used"),
        ] {
            let reply = v1::DecideReply {
                repeated: true,
                voided,
                ..v1::DecideReply::default()
            };
            let (text, object) = told(ALLOW, &reply);
            assert!(
                text.contains("entry 41 (repeated: this is the first decision)\n"),
                "{text}"
            );
            assert!(text.contains(&format!("Do not start: {why}.")), "{text}");
            assert_eq!(object["usable"], false);
            assert_eq!(object["repeated"], true);
        }
    }
}
