//! Evidence: an entry with every entry that it cites, all proven under one checkpoint.

use std::collections::BTreeSet;

use ledger_core::entry::{Body, Entry, PolicyRef};
use ledger_core::evidence::{Evidence, ProvenEntry};

use super::{Ledger, unreadable};
use crate::status::CallError;
use crate::store::Committed;

impl Ledger {
    /// The evidence file about entry `seq`: the entry, its direct cites, its policy with all parts, and
    /// genesis.
    pub(super) fn evidence(&self, seq: u64) -> Result<Vec<u8>, CallError> {
        let at = self.store.committed();
        let primary = self.proven(seq, &at)?;
        let mut wanted = BTreeSet::from([0]);
        let mut policies = BTreeSet::new();
        cites(&decoded(&primary)?.body, seq, &mut wanted, &mut policies);
        // What a report is about may have its own policy, and an outcome is about a decision too.
        for policy in policies {
            wanted.extend(self.parts(policy)?);
        }
        wanted.remove(&seq);
        let others = wanted
            .into_iter()
            .map(|cited| self.proven(cited, &at))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Evidence::new(primary, others, at.checkpoint.to_vec()).to_bytes())
    }

    fn proven(&self, seq: u64, at: &Committed) -> Result<ProvenEntry, CallError> {
        let receipt = self
            .store
            .receipt_at(seq, at)
            .map_err(|error| unreadable(&error))?;
        Ok(ProvenEntry {
            seq,
            entry: receipt.entry,
            proof: receipt.proof,
        })
    }

    /// The seqs of a publication: its first entry and those that continue it.
    fn parts(&self, first: u64) -> Result<std::ops::RangeInclusive<u64>, CallError> {
        match self.entry(first)?.body {
            Body::Policy(policy) => Ok(first..=first + policy.parts.unwrap_or(0)),
            _ => Err(CallError::store(&format!(
                "entry {first} is cited as a policy and is none"
            ))),
        }
    }
}

fn decoded(proven: &ProvenEntry) -> Result<Entry, CallError> {
    Entry::decode(&proven.entry)
        .map_err(|error| CallError::store(&format!("entry {}: {error}", proven.seq)))
}

/// What an entry relies on: other entries, and policies by their first entry.
fn cites(body: &Body, seq: u64, entries: &mut BTreeSet<u64>, policies: &mut BTreeSet<u64>) {
    let in_force = |policy: &Option<PolicyRef>| policy.map(|policy| policy.seq);
    match body {
        Body::Decision(decision) => {
            entries.extend(
                decision
                    .reasons
                    .iter()
                    .flat_map(|reason| &reason.cites)
                    .map(|cite| cite.seq),
            );
            entries.extend(decision.approval);
            entries.extend(decision.undoes);
            policies.extend(in_force(&decision.policy));
        }
        Body::Execution(execution) => {
            // A report may name a decision that the log does not have.
            entries.extend(Some(execution.decision).filter(|decision| *decision < seq));
            policies.extend(in_force(&execution.policy));
        }
        Body::Outcome(outcome) => {
            entries.extend(outcome.execution.filter(|execution| *execution < seq));
            entries.extend(outcome.decision);
            policies.extend(in_force(&outcome.policy));
        }
        Body::Policy(policy) => {
            policies.insert(policy.continues.unwrap_or(seq));
            policies.extend(in_force(&policy.replaces));
        }
        Body::Dnc(dnc) => entries.extend(dnc.ends.iter().map(|cite| cite.seq)),
        Body::Resume(resume) => entries.extend(&resume.stops),
        Body::Unresolved(unresolved) => {
            entries.insert(unresolved.decision);
        }
        Body::Clock(clock) => entries.extend(clock.acknowledges),
        Body::Genesis(_)
        | Body::Boot(_)
        | Body::Heartbeat(_)
        | Body::Shutdown(_)
        | Body::Principal(_)
        | Body::Stop(_)
        | Body::Access(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use ledger_core::entry::{
        Basis, Cause, Cite, Code, Decision, Execution, Reason, Resume, Scope, Status,
    };
    use ledger_core::hash::Hash;

    use super::*;

    fn found(body: &Body, seq: u64) -> (Vec<u64>, Vec<u64>) {
        let (mut entries, mut policies) = (BTreeSet::new(), BTreeSet::new());
        cites(body, seq, &mut entries, &mut policies);
        (
            entries.into_iter().collect(),
            policies.into_iter().collect(),
        )
    }

    fn policy(seq: u64) -> PolicyRef {
        PolicyRef {
            seq,
            sha256: Hash([0; 32]),
        }
    }

    #[test]
    fn a_decision_cites_listings_stops_approval_and_policy() {
        let mut decision = Decision::request(Basis::Gate, Cause::ledger(), "email.send".to_owned());
        let cite = |seq, index| Cite { seq, index };
        decision.reasons = vec![
            Reason {
                cites: vec![cite(17, Some(0)), cite(17, Some(1)), cite(9, Some(3))],
                ..Code::DncListed.reason()
            },
            Reason {
                cites: vec![cite(21, None)],
                ..Code::StopActive.reason()
            },
        ];
        decision.approval = Some(30);
        decision.policy = Some(policy(3));
        assert_eq!(
            found(&Body::Decision(Box::new(decision)), 40),
            (vec![9, 17, 21, 30], vec![3])
        );
    }

    #[test]
    fn a_report_of_what_the_log_does_not_have_cites_nothing() {
        let execution = |decision| {
            Body::Execution(Box::new(Execution {
                cause: Cause::ledger(),
                decision,
                status: Status::Success,
                error_code: None,
                provider: None,
                provider_id: None,
                started_at: None,
                occurred_at: None,
                cost_micros: None,
                results: Vec::new(),
                policy: Some(policy(3)),
                findings: Vec::new(),
                details: std::collections::BTreeMap::default(),
            }))
        };
        assert_eq!(found(&execution(12), 40), (vec![12], vec![3]));
        assert_eq!(found(&execution(40), 40), (vec![], vec![3]));
        assert_eq!(found(&execution(99), 40), (vec![], vec![3]));
    }

    #[test]
    fn a_resume_cites_the_stops_that_it_ends() {
        let resume = Resume {
            cause: Cause::ledger(),
            scope: Scope::All,
            stops: vec![5, 8],
            details: std::collections::BTreeMap::default(),
        };
        assert_eq!(found(&Body::Resume(resume), 40), (vec![5, 8], vec![]));
    }
}
