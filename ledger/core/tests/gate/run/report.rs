//! What agents and recorders report, and what is sent twice.

use std::collections::BTreeMap;

use ledger_core::action::Class;
use ledger_core::entry::{
    Actor, ActorType, Basis, Body, Cause, Decision, Event, Execution, Finding, Foreign, Outcome,
    OutcomeReport, Status,
};
use ledger_core::hash::Hash;
use ledger_core::plan::{Plan, Refusal};
use ledger_core::role::{Call, Role};

use super::super::ledger::{AGENTS, RECORDER, cause_mut, caused};
use super::super::model::{Decided, What};
use super::super::run::Run;
use super::super::step::{ACTIONS, Report};

impl Run<'_> {
    pub(super) fn assert_decided(&mut self, action: usize, agent: usize, outcome: usize) {
        let outcome = [Outcome::Allow, Outcome::RequireApproval, Outcome::Deny][outcome];
        let request_id = self.request_id();
        let cause = Cause {
            correlation_id: Some(format!("run-{request_id}")),
            ..caused(Call::Record, Role::Agent, AGENTS[agent], &request_id)
        };
        let request = Decision {
            foreign: Some(Foreign {
                engine: "opa".to_owned(),
                policy: None,
                outcome,
            }),
            ..Decision::request(Basis::Asserted, cause, ACTIONS[action].to_owned())
        };
        let (known, class, ..) = self.model.nature(ACTIONS[action]);
        let command = Body::Decision(Box::new(request.clone()));
        if !self.speaks(AGENTS[agent])
            || !known
            || class == Class::Contact
            || self.model.policy().is_none()
            || (outcome == Outcome::Allow && self.model.tier_of(ACTIONS[action]) == 3)
        {
            assert!(self.ledger.submit(command, self.now).is_err());
            self.seen.count("asserted: refused");
            return;
        }
        let stopped = self
            .model
            .stops()
            .iter()
            .any(|(_, scope)| super::super::model::in_scope(scope, AGENTS[agent], class));
        let (seq, body) = self.append(command);
        let Body::Decision(decision) = body else {
            panic!("{body:?}")
        };
        assert_eq!((decision.outcome, decision.class), (outcome, class));
        assert_eq!((decision.reasons.len(), decision.throttles.len()), (0, 0));
        assert_eq!((decision.valid_until, decision.report_by), (None, None));
        assert_eq!((decision.tier, decision.approve_by), (None, None));
        let expected: &[Finding] = if stopped { &[Finding::UnderStop] } else { &[] };
        assert_eq!(decision.findings, expected);
        let decided = Decided {
            request,
            by_gate: false,
            outcome,
            class,
            valid_until: None,
            report_by: None,
            approver: None,
            approvers: None,
            approve_by: None,
        };
        self.note(seq, What::Decided(Box::new(decided)));
        self.seen.count("asserted");
    }

    pub(super) fn execute(&mut self, report: Report) {
        let decided: Vec<u64> = self
            .model
            .events
            .iter()
            .filter(|event| matches!(event.what, What::Decided(_)))
            .map(|event| event.seq)
            .collect();
        // The last ones more often; now and then one that is not there, or is no decision.
        let outstanding = self.model.outstanding();
        let decision = match (outstanding.last(), decided.len()) {
            (Some((seq, _)), _) if report.pick < 20 => *seq,
            (_, count) if count > 0 && report.pick < 57 => decided[count - 1 - report.pick % count],
            _ => [0, 3, 99_999][report.pick % 3],
        };
        let known = self
            .model
            .decided(decision)
            .map(|(time, decided)| (time, decided.request.cause.clone()));
        let asker = known
            .as_ref()
            .map_or(AGENTS[0], |(_, cause)| cause.actor.id.as_str());
        let (role, who) = match report.by {
            0 => (Role::Agent, asker.to_owned()),
            1 => (Role::Agent, AGENTS[1].to_owned()),
            _ => (Role::Recorder, RECORDER.to_owned()),
        };
        let correlation_id = match &known {
            Some((_, cause)) if !report.other_correlation => cause.correlation_id.clone(),
            _ => Some("another".to_owned()),
        };
        let from = known.as_ref().map_or(self.now, |(time, _)| *time);
        let execution = Execution {
            cause: Cause {
                correlation_id,
                ..caused(Call::Record, role, &who, &self.request_id())
            },
            decision,
            status: if report.failed {
                Status::Failure
            } else {
                Status::Success
            },
            error_code: None,
            provider: None,
            provider_id: None,
            started_at: report.started.map(|when| self.when(when, from)),
            occurred_at: report.occurred.map(|when| self.when(when, from)),
            cost_micros: None,
            results: Vec::new(),
            policy: None,
            findings: Vec::new(),
            details: BTreeMap::new(),
        };
        let command = Body::Execution(Box::new(execution.clone()));
        if !self.speaks(&who) {
            let refused = self.ledger.submit(command, self.now);
            assert!(
                matches!(refused, Err(Refusal::Unauthenticated { .. })),
                "{refused:?}"
            );
            return;
        }
        let (expected, uses_up) = self.model.findings(&execution, role, self.now);
        let (seq, body) = self.append(command);
        let Body::Execution(execution) = body else {
            panic!("{body:?}")
        };
        assert_eq!(execution.findings, expected);
        self.note(seq, What::Executed { decision, uses_up });
        for finding in expected {
            self.seen.count(format!("finding: {finding:?}"));
        }
    }

    /// Whether calls of this principal are let in: it is registered and not revoked.
    pub(super) fn speaks(&self, id: &str) -> bool {
        let last = self
            .model
            .events
            .iter()
            .rev()
            .find_map(|event| match &event.what {
                What::Principal {
                    id: other,
                    in_force,
                    ..
                } if other == id => Some(*in_force),
                _ => None,
            });
        last == Some(true)
    }

    pub(super) fn outcome(&mut self, pick: usize) {
        let executed = self.executed();
        let execution = match executed.len() {
            count if count > 0 && pick < 50 => Some(executed[pick % count]),
            _ => [None, Some(1), Some(88_888)][pick % 3],
        };
        let report = OutcomeReport {
            cause: caused(Call::Record, Role::Recorder, RECORDER, &self.request_id()),
            execution,
            event: [
                Event::BounceSoft,
                Event::Reply,
                Event::BounceHard,
                Event::Complaint,
                Event::Unsubscribe,
            ][pick % 5],
            recipient: None,
            keys: Vec::new(),
            tokens_v: None,
            provider: None,
            provider_id: None,
            occurred_at: None,
            matched: None,
            decision: None,
            policy: None,
            findings: Vec::new(),
            details: BTreeMap::new(),
        };
        let (findings, decision) = self.model.outcome_findings(&report);
        let (_, body) = self.append(Body::Outcome(Box::new(report)));
        let Body::Outcome(report) = body else {
            panic!("{body:?}")
        };
        assert_eq!((report.findings, report.decision), (findings, decision));
    }

    pub(super) fn again(&mut self, pick: usize, changed: usize) {
        if self.sent.is_empty() {
            return;
        }
        let (command, first) = self.sent[pick % self.sent.len()].clone();
        let Some(first) = first else {
            return;
        };
        let actor = command.actor().clone();
        let answered = command.cause().and_then(|cause| cause.call) == Some(Call::Decide);
        if !answered && !self.speaks(&actor.id) {
            return;
        }
        let lines = self.ledger.lines.len();
        let mut again = command.clone();
        let cause = cause_mut(&mut again);
        let expected = match changed {
            0 | 1 => Ok(Plan::Repeat(first)),
            2 => {
                cause.content = Some(Hash([0xee; 32]));
                Err(())
            }
            3 => {
                cause.correlation_id = Some("not the same".to_owned());
                Err(())
            }
            _ => {
                cause.action_id = Some("not the same".to_owned());
                Err(())
            }
        };
        let found = self.ledger.submit(again, self.now);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(Refusal::RequestReused { first: named, .. }), Err(())) => assert_eq!(named, first),
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
        assert_eq!(self.ledger.lines.len(), lines, "nothing was written");
        self.seen
            .count(if changed < 2 { "repeated" } else { "reused" });
        // Another principal's request of the same id is another request.
        if changed == 1
            && let Body::Decision(decision) = &command
            && decision.basis == Basis::Gate
        {
            let mut other = decision.as_ref().clone();
            let agent = if actor.id == AGENTS[0] {
                AGENTS[1]
            } else {
                AGENTS[0]
            };
            other.cause.actor = Actor {
                kind: ActorType::Principal(Role::Agent),
                id: agent.to_owned(),
                version: None,
            };
            let earlier = self
                .ledger
                .state
                .request(
                    agent,
                    Call::Decide,
                    other.cause.request_id.as_deref().unwrap(),
                )
                .unwrap();
            if earlier.is_none() {
                let expected = self.model.decide(&other, self.now);
                let (seq, body) = self
                    .ledger
                    .append(Body::Decision(Box::new(other.clone())), self.now);
                let Body::Decision(found) = body else {
                    panic!("{body:?}")
                };
                self.compare(&found, &expected);
                self.decided(seq, other, expected);
            }
        }
    }
}
