//! Entries in one line each.

use ledger_core::codebook;
use ledger_core::entry::{Body, Entry, Outcome};

use super::listed;
use crate::chain;
use crate::output::Style;
use crate::text::put;
use crate::values::scope;

/// The most reasons of a decision on its line.
const REASONS: usize = 3;

/// One entry on one line: its place, its time to the second, what happened, who did it, and the run.
pub(crate) fn line(entry: &Entry, style: Style) -> String {
    let time = entry.time.to_string();
    let time = time.split('.').next().unwrap_or_default();
    let kind = entry.body.kind();
    let mut out = format!(
        "{}  {}  {kind:<10}  {}",
        style.strong(&format!("#{:<7}", entry.seq)),
        style.faint(&format!("{time}Z")),
        chain::word(entry, style)
    );
    let about = about(&entry.body);
    if !about.is_empty() {
        put!(out, "  {about}");
    }
    put!(out, "  {}", style.faint(&entry.body.actor().id));
    if let Some(run) = entry.body.correlation_id() {
        put!(out, "  {}", style.faint(&format!("[{run}]")));
    }
    out
}

/// What it is about, as far as a line has room.
fn about(body: &Body) -> String {
    match body {
        Body::Decision(decision) => {
            let mut text = decision.action.clone();
            if let Some(seller) = &decision.seller {
                put!(text, " for {seller}");
            }
            if decision.outcome != Outcome::Allow {
                let mut codes: Vec<&str> = Vec::new();
                for reason in &decision.reasons {
                    let word = codebook::code(reason.code).word;
                    if reason.code.demands() != Outcome::Allow && !codes.contains(&word) {
                        codes.push(word);
                    }
                }
                let more = codes.len() > REASONS;
                codes.truncate(REASONS);
                put!(
                    text,
                    ": {}{}",
                    codes.join(", "),
                    if more { ", …" } else { "" }
                );
            }
            text
        }
        Body::Execution(execution) => format!("of #{}", execution.decision),
        Body::Outcome(outcome) => outcome
            .execution
            .map(|execution| format!("of #{execution}"))
            .unwrap_or_default(),
        Body::Unresolved(unresolved) => format!("#{}", unresolved.decision),
        Body::Approval(approval) => match (approval.decision, approval.policy) {
            (Some(decision), _) => format!("of #{decision}"),
            (None, Some(policy)) => format!("of policy {}", super::short(policy)),
            (None, None) => String::new(),
        },
        Body::Principal(change) => format!("{} ({})", change.id, change.role),
        Body::Stop(stop) => scope::words(&stop.scope),
        Body::Resume(resume) => scope::words(&resume.scope),
        Body::Access(access) => access.call.to_string(),
        Body::BreakGlass(glass) => glass.agent.clone(),
        Body::Breaker(breaker) => super::breaker_scope(&breaker.scope),
        Body::Dnc(dnc) => {
            let mut reasons: Vec<String> = Vec::new();
            for listing in &dnc.listings {
                let word = listing.reason.map(super::control::reason_word);
                reasons.extend(word.filter(|word| !reasons.contains(word)));
            }
            listed(&reasons)
        }
        _ => String::new(),
    }
}
