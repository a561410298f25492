//! What a report breaks, what is outstanding, and what a stop voids.

use ledger_core::entry::{Decision, Event, Execution, Finding, Outcome, OutcomeReport, Scope};
use ledger_core::role::Role;
use ledger_core::time::Timestamp;
use ledger_core::token::Kind;

use super::{Decided, Model, What, in_scope};

impl Model {
    pub(crate) fn decided(&self, seq: u64) -> Option<(Timestamp, &Decided)> {
        self.events.iter().find_map(|event| match &event.what {
            What::Decided(decided) if event.seq == seq => Some((event.time, decided.as_ref())),
            _ => None,
        })
    }

    /// What was asked for and then carried out, by the entry that reports it.
    pub(crate) fn done(&self, seq: u64) -> Option<&Decision> {
        let reported = self.events.iter().find(|event| event.seq == seq)?;
        match reported.what {
            What::Executed { decision, .. } => Some(&self.decided(decision)?.1.request),
            _ => None,
        }
    }

    fn used_up(&self, seq: u64) -> bool {
        self.events.iter().any(|event| {
            matches!(event.what, What::Executed { decision, uses_up: true } if decision == seq)
        })
    }

    fn announced(&self, seq: u64) -> bool {
        self.events
            .iter()
            .any(|event| matches!(event.what, What::Unresolved { decision } if decision == seq))
    }

    /// The allows of the gate on which nobody has reported and which nobody has given up, ascending.
    pub(crate) fn outstanding(&self) -> Vec<(u64, &Decided)> {
        self.events
            .iter()
            .filter_map(|event| match &event.what {
                What::Decided(decided) => Some((event.seq, decided.as_ref())),
                _ => None,
            })
            .filter(|(seq, decided)| {
                decided.by_gate
                    && decided.outcome == Outcome::Allow
                    && !self.used_up(*seq)
                    && !self.announced(*seq)
            })
            .collect()
    }

    /// Those whose report is overdue, the longest overdue first.
    pub(crate) fn overdue(&self, now: Timestamp) -> Vec<u64> {
        let mut overdue: Vec<(Timestamp, u64)> = self
            .outstanding()
            .into_iter()
            .map(|(seq, decided)| (decided.report_by.unwrap(), seq))
            .filter(|(by, _)| now >= *by)
            .collect();
        overdue.sort_unstable();
        overdue.into_iter().map(|(_, seq)| seq).collect()
    }

    /// How many outstanding allows a stop voids now: what an earlier stop voided is void already.
    pub(crate) fn voids(&self, scope: &Scope, now: Timestamp) -> u64 {
        let voided = self.outstanding().into_iter().filter(|(seq, decided)| {
            let agent = &decided.request.cause.actor.id;
            in_scope(scope, agent, decided.class)
                && now < decided.valid_until.unwrap()
                && self.voided_at(*seq, decided).is_none()
        });
        voided.count() as u64
    }

    /// The allows on which nobody has reported, by what is to be said of them: open, unresolved, voided (also
    /// of those reported on), and how many of the voided ones are unresolved.
    pub(crate) fn unsettled(&self) -> ([Vec<u64>; 3], u64) {
        let outstanding: Vec<u64> = self.outstanding().into_iter().map(|(seq, _)| seq).collect();
        let mut lists = [Vec::new(), Vec::new(), Vec::new()];
        let mut voided_unresolved = 0;
        for event in &self.events {
            let What::Decided(decided) = &event.what else {
                continue;
            };
            if !decided.by_gate || decided.outcome != Outcome::Allow {
                continue;
            }
            let silent = self.announced(event.seq) && !self.used_up(event.seq);
            if self.voided_at(event.seq, decided).is_some() {
                lists[2].push(event.seq);
                voided_unresolved += u64::from(silent);
            } else if silent {
                lists[1].push(event.seq);
            } else if outstanding.contains(&event.seq) {
                lists[0].push(event.seq);
            }
        }
        (lists, voided_unresolved)
    }

    /// When a stop voided this allow: it was in scope, lower in the log, unexpired and unreported.
    fn voided_at(&self, allow: u64, decided: &Decided) -> Option<Timestamp> {
        for (position, event) in self.events.iter().enumerate() {
            let What::Stopped(scope) = &event.what else {
                continue;
            };
            let before = Self {
                events: self.events[..position].to_vec(),
                environment: self.environment,
                reserved: Vec::new(),
            };
            if event.seq > allow
                && in_scope(scope, &decided.request.cause.actor.id, decided.class)
                && before.outstanding().iter().any(|(seq, _)| *seq == allow)
                && event.time < decided.valid_until.unwrap()
            {
                return Some(event.time);
            }
        }
        None
    }

    /// What a report of an execution breaks, and whether it uses its decision up.
    pub(crate) fn findings(
        &self,
        report: &Execution,
        role: Role,
        now: Timestamp,
    ) -> (Vec<Finding>, bool) {
        let Some((decided_at, decided)) = self.decided(report.decision) else {
            return (vec![Finding::UnknownDecision], false);
        };
        let asked: &Decision = &decided.request;
        if report.cause.actor.id != asked.cause.actor.id && role != Role::Recorder {
            return (vec![Finding::OtherPrincipal], false);
        }
        let mut findings = Vec::new();
        match decided.outcome {
            Outcome::Deny => findings.push(Finding::DecisionDenied),
            Outcome::RequireApproval => findings.push(Finding::ApprovalMissing),
            Outcome::Allow => {}
        }
        if report.cause.correlation_id != asked.cause.correlation_id {
            findings.push(Finding::OtherCorrelation);
        }
        if self.used_up(report.decision) {
            findings.push(Finding::AlreadyExecuted);
        }
        let uses_up = findings
            .iter()
            .all(|finding| *finding == Finding::OtherCorrelation);
        if decided.outcome == Outcome::Allow && decided.by_gate {
            let (_, policy) = self.policy().unwrap();
            let tolerance = policy.tolerance_s * 1_000_000;
            match report.started_at.or(report.occurred_at) {
                None => findings.push(Finding::StartUnknown),
                Some(started) => {
                    if started.micros() < decided_at.micros() - tolerance {
                        findings.push(Finding::StartedBeforeDecision);
                    }
                    if started.micros() > decided.valid_until.unwrap().micros() + tolerance {
                        findings.push(Finding::Expired);
                    }
                }
            }
            if let Some(stopped) = self.voided_at(report.decision, decided) {
                let started = report.started_at.or(report.occurred_at);
                let in_flight = started.is_some_and(|started| started < stopped);
                findings.push(if in_flight {
                    Finding::InFlightAtStop
                } else {
                    Finding::AfterStop
                });
            }
            if now >= decided.report_by.unwrap() {
                findings.push(Finding::ReportLate);
            }
        }
        findings.sort_unstable();
        (findings, uses_up)
    }

    /// What a later report of a provider breaks, and which decision it is about.
    pub(crate) fn outcome_findings(&self, report: &OutcomeReport) -> (Vec<Finding>, Option<u64>) {
        let execution = self.events.iter().find_map(|event| match event.what {
            What::Executed { decision, .. } if Some(event.seq) == report.execution => {
                Some(decision)
            }
            _ => None,
        });
        let asks = matches!(report.event, Event::Complaint | Event::Unsubscribe);
        let told = asks.then_some(Finding::Unlisted);
        let Some(decision) = execution else {
            let findings = [Finding::UnknownExecution].into_iter().chain(told);
            return (findings.collect(), None);
        };
        let decided = self.decided(decision);
        // Reports here name nobody: whom the decision tells apart is listed, or nobody is.
        let known = [Kind::EmailCanonical, Kind::Phone, Kind::Contact];
        let names = decided.is_some_and(|(_, decided)| {
            let mut keys = decided.request.recipients.iter().flat_map(|one| &one.keys);
            keys.any(|key| known.contains(&key.kind))
        });
        let findings = told.filter(|_| !names).into_iter().collect();
        (findings, decided.map(|_| decision))
    }
}
