//! Entries, sums and times in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ledger_core::entry::{
    Body, BreakGlassEvent, BreakerEvent, ClockEvent, Decision, DncOp, Entry, KeyEvent, Outcome,
    Reason, Scope, Verdict,
};
use ledger_core::replay::{Coverage, GAPS_MAX, Gap, Summary};
use ledger_core::time::Timestamp;
use serde::Serialize;

use crate::transcript::Transcript;

/// How many gaps are shown to people; programs get all that are listed.
const GAPS_SHOWN: usize = 10;

/// How many reasons of a decision are shown to people.
const REASONS_SHOWN: usize = 8;

/// What an entry records, in one sentence without its end.
pub fn entry(entry: &Entry) -> String {
    let actor = &entry.body.actor().id;
    let what = match &entry.body {
        Body::Genesis(genesis) => format!("the ledger `{}` was created", genesis.origin),
        Body::Boot(boot) => format!("the daemon started (software {})", boot.software),
        Body::Heartbeat(_) => "the daemon was there".to_owned(),
        Body::Shutdown(_) => "the daemon stopped in good order".to_owned(),
        Body::Principal(change) => format!(
            "`{actor}` {} the principal `{}` with the role {}",
            word(&change.change),
            change.id,
            change.role
        ),
        Body::Policy(policy) => match policy.sha256 {
            Some(sha256) => format!("`{actor}` published the policy with the hash {sha256}"),
            None => "a further part of a policy".to_owned(),
        },
        Body::Dnc(dnc) => match dnc.op {
            DncOp::List => format!(
                "`{actor}` listed {}",
                count(dnc.listings.len() as u64, "subject")
            ),
            DncOp::Exempt => format!(
                "`{actor}` exempted {}",
                count(dnc.listings.len() as u64, "person")
            ),
            DncOp::Unlist => format!(
                "`{actor}` ended {}",
                count(dnc.ends.len() as u64, "listing")
            ),
            DncOp::ImportBegin => format!("`{actor}` began to import a list"),
            DncOp::ImportEnd => format!(
                "`{actor}` completed the import of entry {}",
                dnc.import.unwrap_or_default()
            ),
        },
        Body::Decision(decision) => {
            return format!("at {}, {}", entry.time, self::decision(decision));
        }
        Body::Execution(execution) => format!(
            "`{actor}` reported {} for decision {}{}",
            word(&execution.status),
            execution.decision,
            findings(&execution.findings)
        ),
        Body::Outcome(outcome) => format!(
            "`{actor}` reported {}{}{}",
            word(&outcome.event),
            outcome
                .execution
                .map(|seq| format!(" for execution {seq}"))
                .unwrap_or_default(),
            findings(&outcome.findings)
        ),
        Body::Unresolved(unresolved) => {
            format!(
                "nobody reported on decision {} in time",
                unresolved.decision
            )
        }
        Body::Stop(stop) => format!(
            "`{actor}` stopped {}, which voided {}",
            scope(&stop.scope),
            count(stop.voided, "outstanding allow")
        ),
        Body::Resume(resume) => format!("`{actor}` resumed {}", scope(&resume.scope)),
        Body::Access(access) => format!("`{actor}` was handed what `{}` gives", access.call),
        Body::Clock(clock) => match clock.event {
            ClockEvent::Seen => format!(
                "the clock was seen to jump from {} to {}",
                clock.before, clock.after
            ),
            ClockEvent::Acknowledged => format!("`{actor}` acknowledged a jump of the clock"),
        },
        Body::Approval(approval) => {
            let what = match (approval.decision, approval.policy) {
                (Some(decision), _) => format!("the request of decision {decision}"),
                (None, Some(policy)) => format!("the policy with the hash {policy}"),
                (None, None) => "nothing".to_owned(),
            };
            match approval.verdict {
                Verdict::Granted => format!("`{actor}` approved {what}"),
                Verdict::Denied => format!("`{actor}` denied {what}"),
                Verdict::Expired => format!("{what} expired"),
            }
        }
        Body::BreakGlass(glass) => match glass.event {
            BreakGlassEvent::Requested => {
                format!("`{actor}` asked for break-glass for `{}`", glass.agent)
            }
            BreakGlassEvent::Opened => format!(
                "`{actor}` opened break-glass for `{}`, which `{}` had asked for",
                glass.agent,
                glass.requested_by.as_deref().unwrap_or("?")
            ),
            BreakGlassEvent::Closed => {
                format!("`{actor}` closed break-glass for `{}`", glass.agent)
            }
        },
        Body::Breaker(breaker) => match breaker.event {
            BreakerEvent::Warned => format!("the breaker `{}` warned", breaker.rule),
            BreakerEvent::Opened => format!("the breaker `{}` opened", breaker.rule),
            BreakerEvent::Closed => format!("the breaker `{}` closed", breaker.rule),
            BreakerEvent::Reset => format!("`{actor}` reset the breaker `{}`", breaker.rule),
        },
        Body::Key(key) => match key.event {
            KeyEvent::Trusted => format!("`{actor}` trusted the key {}", key.key),
            KeyEvent::Distrusted => format!("`{actor}` no longer trusted the key {}", key.key),
        },
    };
    format!("at {}, {what}", entry.time)
}

/// What was decided, about what and why.
pub fn decision(decision: &Decision) -> String {
    let outcome = match decision.outcome {
        Outcome::Allow => "allowed",
        Outcome::RequireApproval => "asked for an approval of",
        Outcome::Deny => "denied",
    };
    let listed = decision.reasons.len();
    let mut reasons: Vec<String> = decision
        .reasons
        .iter()
        .take(REASONS_SHOWN)
        .map(reason)
        .collect();
    if listed > REASONS_SHOWN {
        let total = decision.reasons_total.unwrap_or(listed as u64);
        reasons.push(format!(
            "and {} more",
            total.saturating_sub(REASONS_SHOWN as u64)
        ));
    }
    let because = if reasons.is_empty() {
        String::new()
    } else {
        format!(": {}", reasons.join("; "))
    };
    match &decision.foreign {
        Some(foreign) if decision.basis == ledger_core::entry::Basis::Asserted => format!(
            "`{}` recorded that `{}` had {outcome} `{}`",
            decision.cause.actor.id, foreign.engine, decision.action
        ),
        _ => format!(
            "the gate {outcome} `{}` by `{}` to {}{because}",
            decision.action,
            decision.cause.actor.id,
            count(decision.recipients.len() as u64, "recipient")
        ),
    }
}

fn reason(reason: &Reason) -> String {
    let mut words = word(&reason.code);
    if let Some(rule) = &reason.rule {
        let _ = write!(words, " `{rule}`");
    }
    if let Some(recipient) = reason.recipient {
        let _ = write!(words, ", recipient {recipient}");
    }
    if let Some(key) = &reason.key {
        let _ = write!(words, ", by its {key}");
    }
    words
}

fn findings(findings: &[ledger_core::entry::Finding]) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let words: Vec<String> = findings.iter().map(word).collect();
    format!(" (findings: {})", words.join(", "))
}

/// What a stop or a resume is about.
pub fn scope(scope: &Scope) -> String {
    match scope {
        Scope::All => "everything".to_owned(),
        Scope::Agent { id } => format!("the agent `{id}`"),
        Scope::Class { class } => format!("the class `{class}`"),
    }
}

/// A word as entries spell it.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// `1 entry`, `2 entries`.
pub fn count(number: u64, noun: &str) -> String {
    match (number, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "person") => format!("{number} people"),
        _ => match noun.strip_suffix('y') {
            Some(stem) => format!("{number} {stem}ies"),
            None => format!("{number} {noun}s"),
        },
    }
}

/// Sums by word: `3 allow, 20 deny`.
pub fn sums<K: Serialize>(sums: &BTreeMap<K, u64>) -> String {
    let sums: Vec<String> = sums
        .iter()
        .map(|(key, sum)| format!("{sum} {}", word(key)))
        .collect();
    sums.join(", ")
}

/// Says of what kinds a log's entries are, and which reasons its decisions give.
pub fn contents(summary: &Summary, transcript: &mut Transcript) {
    transcript.noted("contents", sums(&summary.kinds));
    if !summary.reasons.is_empty() {
        transcript.noted("reasons", sums(&summary.reasons));
    }
}

/// Says what was decided, which rules were broken, and when the ledger was recording.
pub fn summary(summary: &Summary, transcript: &mut Transcript) {
    if !summary.decided.is_empty() {
        transcript.noted(
            "decisions",
            format!("by the gate: {}", sums(&summary.decided)),
        );
    }
    if !summary.asserted.is_empty() {
        let words = format!("made elsewhere and recorded: {}", sums(&summary.asserted));
        transcript.noted("decisions", words);
    }
    if !summary.findings.is_empty() {
        transcript.noted("findings", sums(&summary.findings));
    }
    coverage(&summary.coverage, transcript);
}

fn coverage(coverage: &Coverage, transcript: &mut Transcript) {
    let (Some(from), Some(to)) = (coverage.from, coverage.to) else {
        return transcript.noted("coverage", "the log is empty");
    };
    let mut words = format!("from {from} to {to}, {}", count(coverage.starts, "start"));
    if coverage.gaps_total == 0 {
        words.push_str(", no gap");
    } else {
        let (gaps, time) = (
            count(coverage.gaps_total, "gap"),
            duration(coverage.gaps_us),
        );
        let _ = write!(words, ", {gaps} of together {time}:");
        for gap in coverage.gaps.iter().take(GAPS_SHOWN) {
            let _ = write!(words, "\n{}", self::gap(gap));
        }
        let shown = coverage.gaps.len().min(GAPS_SHOWN) as u64;
        if coverage.gaps_total > shown {
            let more = coverage.gaps_total - shown;
            let _ = write!(
                words,
                "\nand {more} more (--json lists the first {GAPS_MAX})"
            );
        }
    }
    transcript.noted("coverage", words);
    if coverage.clock_jumps > 0 {
        let words = format!(
            "{} of the clock: times near the `clock` entries are in doubt",
            count(coverage.clock_jumps, "jump")
        );
        transcript.noted("coverage", words);
    }
    if coverage.outside > 0 {
        let words = format!(
            "{} stand where, by the log, no daemon was running",
            count(coverage.outside, "entry")
        );
        transcript.noted("coverage", words);
    }
}

fn gap(gap: &Gap) -> String {
    let us = (gap.to.micros() - gap.from.micros()).unsigned_abs();
    format!(
        "{} to {} ({}): {}",
        gap.from,
        gap.to,
        duration(us),
        gap.cause.words()
    )
}

/// A span of time, to three places of its largest unit.
pub fn duration(us: u64) -> String {
    const SECOND: u64 = 1_000_000;
    let in_units = |unit: u64, name: &str| {
        let (whole, rest) = (us / unit, us % unit * 1000 / unit);
        let number = format!("{whole}.{rest:03}");
        format!(
            "{} {name}",
            number.trim_end_matches('0').trim_end_matches('.')
        )
    };
    match us {
        0..SECOND => in_units(1_000, "ms"),
        _ if us < 60 * SECOND => in_units(SECOND, "s"),
        _ if us < 3_600 * SECOND => in_units(60 * SECOND, "min"),
        _ if us < 86_400 * SECOND => in_units(3_600 * SECOND, "h"),
        _ => in_units(86_400 * SECOND, "days"),
    }
}

/// From when to when, in words.
pub fn span(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!("from {from} to {to}"),
        _ => "of no time at all".to_owned(),
    }
}
