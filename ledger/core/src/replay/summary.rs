//! What a log says, counted.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Coverage;
use crate::entry::{Basis, Body, Code, Entry, Finding, Outcome};

/// What the entries of a log say, as they say it. Feed it every entry, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Entries by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Gate decisions by outcome.
    pub decided: BTreeMap<Outcome, u64>,
    /// Asserted decisions by outcome.
    pub asserted: BTreeMap<Outcome, u64>,
    /// Decisions that give a reason of this code.
    pub reasons: BTreeMap<Code, u64>,
    /// Entries that record this finding.
    pub findings: BTreeMap<Finding, u64>,
    /// When the ledger was recording.
    pub coverage: Coverage,
}

impl Summary {
    /// Counts the next entry.
    pub fn add(&mut self, entry: &Entry) {
        self.coverage.add(entry);
        *self.kinds.entry(entry.body.kind()).or_default() += 1;
        if let Body::Decision(decision) = &entry.body {
            let outcomes = match decision.basis {
                Basis::Gate => &mut self.decided,
                Basis::Asserted => &mut self.asserted,
            };
            *outcomes.entry(decision.outcome).or_default() += 1;
            let mut codes: Vec<_> = decision.reasons.iter().map(|reason| reason.code).collect();
            codes.sort_unstable();
            codes.dedup();
            for code in codes {
                *self.reasons.entry(code).or_default() += 1;
            }
        }
        for finding in entry.body.findings() {
            *self.findings.entry(*finding).or_default() += 1;
        }
    }
}
