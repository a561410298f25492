//! What an entry cites, and what evidence about it has to hold.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use crate::entry::{Body, Code, Entry, Finding};

/// More continuations than any policy has; so a forged number of them cannot ask for the whole log.
const PARTS_MAX: u64 = 96;

/// The entries that an entry names, except those that it says are not there.
pub fn cites(entry: &Entry) -> BTreeSet<u64> {
    let mut cited = BTreeSet::new();
    match &entry.body {
        Body::Decision(decision) => {
            let reasons = decision.reasons.iter().flat_map(|reason| &reason.cites);
            cited.extend(reasons.map(|cite| cite.seq));
            cited.extend(decision.policy.map(|policy| policy.seq));
            let says = |code: Code| decision.reasons.iter().any(|reason| reason.code == code);
            cited.extend(decision.approval.filter(|_| !says(Code::ApprovalUnknown)));
            cited.extend(decision.undoes.filter(|_| !says(Code::UndoUnknown)));
        }
        Body::Execution(execution) => {
            if !execution.findings.contains(&Finding::UnknownDecision) {
                cited.insert(execution.decision);
            }
            cited.extend(execution.policy.map(|policy| policy.seq));
        }
        Body::Outcome(outcome) => {
            if !outcome.findings.contains(&Finding::UnknownExecution) {
                cited.extend(outcome.about());
            }
            cited.extend(outcome.decision);
            cited.extend(outcome.policy.map(|policy| policy.seq));
        }
        Body::Unresolved(unresolved) => {
            cited.insert(unresolved.decision);
        }
        Body::Resume(resume) => cited.extend(&resume.stops),
        Body::Dnc(dnc) => {
            cited.extend(dnc.ends.iter().map(|cite| cite.seq));
            cited.extend(dnc.import);
            cited.extend(dnc.outcome);
        }
        Body::Approval(approval) => {
            cited.extend(approval.decision);
            cited.extend(approval.granted);
        }
        Body::BreakGlass(glass) => cited.extend(glass.request),
        Body::Breaker(breaker) => {
            cited.extend(breaker.cites.iter().map(|cite| cite.seq));
            cited.extend(breaker.opened);
        }
        Body::Clock(clock) => cited.extend(clock.acknowledges),
        Body::Policy(policy) => {
            cited.extend(policy.continues);
            cited.extend(policy.replaces.map(|policy| policy.seq));
            if let Some(promotion) = &policy.promotion {
                cited.extend([promotion.approval, promotion.key]);
            }
        }
        Body::Genesis(_)
        | Body::Boot(_)
        | Body::Heartbeat(_)
        | Body::Shutdown(_)
        | Body::Principal(_)
        | Body::Stop(_)
        | Body::Key(_)
        | Body::Access(_) => {}
    }
    cited
}

/// The other entries that evidence about `primary` holds, no more and no fewer: what it cites directly,
/// genesis, and of every policy among these, and of `primary` where it is one, every part.
///
/// `read` gives an entry of the log, or nothing where it is not to be had.
///
/// # Errors
/// Those of `read`.
pub fn required<E, B: Borrow<Entry>>(
    primary: &Entry,
    mut read: impl FnMut(u64) -> Result<Option<B>, E>,
) -> Result<BTreeSet<u64>, E> {
    /// Of an entry of a policy: what it continues, and how many continue it.
    fn place(entry: &Entry) -> Option<(Option<u64>, Option<u64>)> {
        match &entry.body {
            Body::Policy(policy) => Some((policy.continues, policy.parts)),
            _ => None,
        }
    }
    let direct = cites(primary);
    let mut all = direct.clone();
    all.insert(0);
    for seq in direct.into_iter().chain([primary.seq]) {
        let found = if seq == primary.seq {
            place(primary)
        } else {
            read(seq)?.and_then(|entry| place(entry.borrow()))
        };
        let Some((continues, parts)) = found else {
            continue;
        };
        let (first, parts) = match continues {
            None => (seq, parts),
            Some(first) => {
                let head = read(first)?.and_then(|entry| place(entry.borrow()));
                (first, head.and_then(|(_, parts)| parts))
            }
        };
        let parts = parts.unwrap_or(0).min(PARTS_MAX);
        all.extend(first..=first.saturating_add(parts));
    }
    all.remove(&primary.seq);
    Ok(all)
}
