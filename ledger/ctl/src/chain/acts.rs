//! Which entries of a run belong together: what was asked, answered, done, and what came of it.

use std::collections::BTreeMap;

use ledger_core::codebook;
use ledger_core::entry::{Basis, Body, BreakerEvent, DncOp, Entry, Event, Status};

use crate::output::Style;
use ledger_core::replay::follows;

/// One intended act: its entries in the order of the log.
#[derive(Debug, Clone)]
pub(crate) struct Act<'a> {
    /// At least one.
    pub(crate) entries: Vec<&'a Entry>,
}

/// The acts of a run, in the order in which they begin. The entries must come in the order of the log.
pub(crate) fn acts<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Act<'a>> {
    let mut acts: Vec<Act<'a>> = Vec::new();
    let mut of: BTreeMap<u64, usize> = BTreeMap::new();
    let mut by_action_id: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut last = None;
    for entry in entries {
        let act_of = |seq: Option<u64>| seq.and_then(|seq| of.get(&seq)).copied();
        let act = match &entry.body {
            Body::Decision(decision) => act_of(decision.approval).or_else(|| {
                let id = decision.cause.action_id.as_deref()?;
                by_action_id
                    .get(&(decision.cause.actor.id.as_str(), id))
                    .copied()
            }),
            Body::Approval(approval) => act_of(approval.decision),
            Body::Execution(execution) => act_of(Some(execution.decision)),
            Body::Outcome(outcome) => act_of(outcome.about()).or_else(|| act_of(outcome.decision)),
            Body::Unresolved(unresolved) => act_of(Some(unresolved.decision)),
            Body::Dnc(dnc) => act_of(dnc.outcome),
            // What a report caused stands directly behind it.
            Body::Breaker(_) if follows(&entry.body) => act_of(
                entry
                    .seq
                    .checked_sub(1)
                    .filter(|before| Some(*before) == last),
            ),
            Body::Breaker(breaker) => act_of(breaker.opened),
            _ => None,
        };
        let act = act.unwrap_or_else(|| {
            acts.push(Act {
                entries: Vec::new(),
            });
            acts.len() - 1
        });
        of.insert(entry.seq, act);
        if let Body::Decision(decision) = &entry.body
            && let Some(id) = decision.cause.action_id.as_deref()
        {
            by_action_id.insert((decision.cause.actor.id.as_str(), id), act);
        }
        if let Some(act) = acts.get_mut(act) {
            act.entries.push(entry);
        }
        last = Some(entry.seq);
    }
    acts
}

impl Act<'_> {
    /// What it is about: the action and who asked, or the kind of its first entry.
    pub(crate) fn title(&self) -> String {
        let decision = self.entries.iter().find_map(|entry| match &entry.body {
            Body::Decision(decision) => Some(decision),
            _ => None,
        });
        match (decision, self.entries.first()) {
            (Some(decision), _) => {
                format!("`{}` by `{}`", decision.action, decision.cause.actor.id)
            }
            (None, Some(first)) => first.body.kind().to_owned(),
            (None, None) => String::new(),
        }
    }

    /// Its steps in one line: `#41 APPROVAL REQUIRED -> #43 granted -> #44 ALLOW -> #45 done`.
    pub(crate) fn line(&self, style: Style) -> String {
        let steps: Vec<String> = self
            .entries
            .iter()
            .map(|entry| format!("#{} {}", entry.seq, word(entry, style)))
            .collect();
        steps.join(" -> ")
    }
}

/// What an entry says of its act, in a word or two.
pub(crate) fn word(entry: &Entry, style: Style) -> String {
    let mut text = match &entry.body {
        Body::Decision(decision) => {
            let outcome = crate::narrate::outcome(decision.outcome, style);
            match decision.basis {
                Basis::Gate => outcome,
                Basis::Asserted => format!("{outcome} (asserted)"),
            }
        }
        Body::Approval(approval) => approval.verdict.as_str().to_owned(),
        Body::Execution(execution) => match execution.status {
            Status::Success => "done".to_owned(),
            Status::Failure => style.warning("failed"),
            Status::Partial => style.warning("done in part"),
            Status::NotStarted => "not started".to_owned(),
        },
        Body::Outcome(outcome) => match outcome.event {
            Event::BounceHard => style.warning("hard bounce"),
            Event::BounceSoft => "soft bounce".to_owned(),
            Event::Complaint => style.warning("complaint"),
            Event::Reply => "reply".to_owned(),
            Event::Unsubscribe => style.warning("unsubscribe"),
        },
        Body::Unresolved(_) => style.warning("not reported in time"),
        Body::Dnc(dnc) => match dnc.op {
            DncOp::List => "listed".to_owned(),
            DncOp::Unlist => "unlisted".to_owned(),
            DncOp::Exempt => "exempted".to_owned(),
            DncOp::ImportBegin | DncOp::ImportEnd => "import".to_owned(),
        },
        Body::Breaker(breaker) => {
            let event = match breaker.event {
                BreakerEvent::Warned => style.warning("warns"),
                BreakerEvent::Opened => style.bad("opened"),
                BreakerEvent::Closed => "closed".to_owned(),
                BreakerEvent::Reset => "reset".to_owned(),
            };
            format!("breaker `{}` {event}", breaker.rule)
        }
        Body::BreakGlass(glass) => style.bad(&format!("break-glass {}", glass.event.as_str())),
        Body::Stop(_) => style.bad("stop"),
        other => other.kind().to_owned(),
    };
    for finding in entry.body.findings() {
        text.push(' ');
        text.push_str(&style.bad(&format!("!{}", codebook::finding(*finding).word)));
    }
    text
}
