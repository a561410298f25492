//! One run of the gate and its model side by side.

use std::collections::BTreeMap;

use ledger_core::action::Class;
use ledger_core::entry::{
    Actor, ActorType, Basis, Body, Cause, Change, Cite, Clock, ClockEvent, Code, Commitment,
    Decision, DetailName, Dnc, DncOp, Entry, Event, Execution, Finding, Foreign, Listing, Outcome,
    OutcomeReport, PrincipalChange, Reason, Resume, Scope, Status, Stop, Unresolved,
};
use ledger_core::gate;
use ledger_core::hash::Hash;
use ledger_core::limits::CITES_MAX;
use ledger_core::plan::{Plan, Refusal};
use ledger_core::replay::replay;
use ledger_core::role::{Call, Role};
use ledger_core::state::State;
use ledger_core::time::Timestamp;
use ledger_core::token::Kind;
use ledger_core::view::{MemoryView, Table};

use super::ledger::{AGENTS, COMPLIANCE, Ledger, OPERATOR, RECORDER, at, caused, dnc, policy};
use super::model::{Decided, Expected, Model, ReasonM, What};
use super::step::{
    ACTIONS, ASKERS, Act, Ask, CAMPAIGNS, Report, SELLERS, Step, Terms, When, Who, mailbox,
};

/// How often what was under test really happened, over all runs.
#[derive(Debug, Default)]
pub(crate) struct Seen(pub(crate) BTreeMap<String, u64>);

impl Seen {
    fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }
}

pub(crate) struct Run<'a> {
    pub(crate) ledger: Ledger,
    model: Model,
    now: Timestamp,
    /// Every command so far, and the entry that it led to.
    sent: Vec<(Body, Option<u64>)>,
    seen: &'a mut Seen,
}

impl<'a> Run<'a> {
    pub(crate) fn new(seen: &'a mut Seen) -> Self {
        let ledger = Ledger::new();
        let mut model = Model::default();
        let roles = [
            (OPERATOR, Role::Operator),
            (COMPLIANCE, Role::Compliance),
            (RECORDER, Role::Recorder),
            (AGENTS[0], Role::Agent),
            (AGENTS[1], Role::Agent),
            (AGENTS[2], Role::Agent),
        ];
        for (id, role) in roles {
            let what = What::Principal {
                id: id.to_owned(),
                role,
                in_force: true,
            };
            model.note(0, at(0), what);
        }
        Self {
            ledger,
            model,
            now: at(0),
            sent: Vec::new(),
            seen,
        }
    }

    pub(crate) fn step(&mut self, step: Step) {
        self.now = self.when(step.when, self.now).max(self.now);
        let overdue: Vec<u64> = self.ledger.state.overdue(self.now).collect();
        assert_eq!(
            overdue,
            self.model.overdue(self.now),
            "overdue at {}",
            self.now
        );
        if step.announce {
            for decision in overdue {
                self.unresolved(decision);
            }
        }
        match step.act {
            Act::Decide(ask) => {
                let request = self.request(ask);
                self.decide(request);
            }
            Act::AskAgain => {
                if let Some(mut request) = self.last_asked().cloned() {
                    request.cause = self.asking(&request.cause.actor.id);
                    self.decide(request);
                }
            }
            Act::List(who, terms) => self.list(who, terms),
            Act::Exempt(who, terms, last) => self.exempt(who, terms, last),
            Act::Unlist { pick, exemption } => self.unlist(pick, exemption),
            Act::Publish(text) => {
                let command = policy(&text.text(), &self.request_id());
                let seq = self.append(command).0;
                self.note(seq, What::Policy(text));
            }
            Act::Stop(pick) => self.stop(pick),
            Act::Resume(pick) => self.resume(pick),
            Act::Execute(report) => self.execute(report),
            Act::Outcome(pick) => self.outcome(pick),
            Act::Assert {
                action,
                agent,
                outcome,
            } => self.assert_decided(action, agent, outcome),
            Act::Principal { agent, in_force } => self.principal(agent, in_force),
            Act::Clock(after) => self.clock(after),
            Act::Again { pick, changed } => self.again(pick, changed),
            Act::Reload => {
                let view = self.ledger.state.view().clone();
                self.ledger.state = State::load(view).unwrap();
            }
        }
    }

    /// What must hold of the whole log at the end.
    pub(crate) fn finish(self) {
        let mut fresh = State::load(MemoryView::default()).unwrap();
        for line in &self.ledger.lines {
            fresh.apply(&Entry::decode(line).unwrap(), None).unwrap();
        }
        for table in Table::ALL {
            let kept: Vec<_> = self.ledger.state.view().table(table).collect();
            let folded: Vec<_> = fresh.view().table(table).collect();
            assert_eq!(kept, folded, "{}", table.name());
        }
        let report = replay(&self.ledger.lines);
        assert_eq!(report.mismatches, []);
        assert_eq!(report.unverifiable, None);
    }

    fn note(&mut self, seq: u64, what: What) {
        self.model.note(seq, self.now, what);
    }

    fn request_id(&self) -> String {
        format!("r-{}", self.sent.len())
    }

    fn append(&mut self, command: Body) -> (u64, Body) {
        let appended = self.ledger.append(command.clone(), self.now);
        self.sent.push((command, Some(appended.0)));
        appended
    }

    /// The time that a choice means, seen from `from`.
    fn when(&self, when: When, from: Timestamp) -> Timestamp {
        match when {
            When::Later(micros) => Timestamp::from_micros(from.micros() + micros).unwrap(),
            When::Boundary { pick, off } => {
                let instants = self.instants(from);
                let instant = match instants.len() {
                    0 => from.micros(),
                    count => instants[pick % count],
                };
                Timestamp::from_micros(instant + off).unwrap()
            }
        }
    }

    /// The instants from `from` on at which something changes.
    fn instants(&self, from: Timestamp) -> Vec<i64> {
        let second = 1_000_000;
        let mut instants = Vec::new();
        let windows: Vec<i64> = self
            .model
            .policy()
            .map(|(_, policy)| {
                policy
                    .rules
                    .iter()
                    .map(|rule| rule.window_s * second)
                    .collect()
            })
            .unwrap_or_default();
        let tolerance = self
            .model
            .policy()
            .map_or(5, |(_, policy)| policy.tolerance_s)
            * second;
        for event in &self.model.events {
            match &event.what {
                What::Decided(decided) => {
                    instants.push(event.time.micros());
                    if decided.outcome == Outcome::Allow {
                        instants.extend(windows.iter().map(|window| event.time.micros() + window));
                    }
                    let valid = decided.valid_until.map(Timestamp::micros);
                    instants.extend(valid);
                    instants.extend(valid.map(|valid| valid + tolerance));
                    instants.extend(decided.report_by.map(Timestamp::micros));
                }
                What::Listed { listing, .. }
                | What::Exempted {
                    exemption: listing, ..
                } => {
                    instants.extend(listing.effective_from.map(Timestamp::micros));
                    instants.extend(listing.expires_at.map(Timestamp::micros));
                }
                What::Stopped(_) => instants.push(event.time.micros()),
                What::ClockAcknowledged { before, .. } => instants.push(before.micros()),
                _ => {}
            }
        }
        instants.retain(|instant| *instant >= from.micros());
        instants.sort_unstable();
        instants.dedup();
        // Rather the near ones: far ones let everything expire.
        instants.truncate(40);
        instants
    }

    fn unresolved(&mut self, decision: u64) {
        let command = Body::Unresolved(Unresolved {
            correlation_id: String::new(),
            actor: Actor::ledger(),
            decision,
        });
        let (seq, body) = self.ledger.append(command, self.now);
        let Body::Unresolved(unresolved) = body else {
            panic!("{body:?}")
        };
        let (_, decided) = self.model.decided(decision).unwrap();
        assert_eq!(
            Some(&unresolved.correlation_id),
            decided.request.cause.correlation_id.as_ref()
        );
        self.note(seq, What::Unresolved { decision });
        self.seen.count("unresolved");
    }

    // --- Decisions -------------------------------------------------------------------------------

    fn last_asked(&self) -> Option<&Decision> {
        self.model
            .events
            .iter()
            .rev()
            .find_map(|event| match &event.what {
                What::Decided(decided) if decided.by_gate => Some(&decided.request),
                _ => None,
            })
    }

    /// The cause of a new request.
    fn asking(&self, agent: &str) -> Cause {
        let request_id = self.request_id();
        Cause {
            correlation_id: Some(format!("run-{request_id}")),
            ..caused(Call::Decide, Role::Agent, agent, &request_id)
        }
    }

    fn request(&self, ask: Ask) -> Decision {
        Decision {
            agent: ask.named.map(|named| ASKERS[named].to_owned()),
            seller: ask.seller.map(|pick| SELLERS[pick].to_owned()),
            campaign: ask.campaign.map(|pick| CAMPAIGNS[pick].to_owned()),
            mailbox: ask.mailbox.map(|pick| mailbox(pick).1),
            recipients: ask.recipients,
            tokens_v: Some(1),
            foreign: ask.foreign.map(|outcome| Foreign {
                engine: "opa".to_owned(),
                policy: None,
                outcome,
            }),
            ..Decision::request(
                Basis::Gate,
                self.asking(ASKERS[ask.agent]),
                ACTIONS[ask.action].to_owned(),
            )
        }
    }

    fn decide(&mut self, request: Decision) {
        let expected = self.model.decide(&request, self.now);
        let (seq, body) = self.append(Body::Decision(Box::new(request.clone())));
        let Body::Decision(decision) = body else {
            panic!("{body:?}")
        };
        assert_eq!(decision.request_part(), request);
        self.compare(&decision, &expected);
        let decided = Decided {
            request: request.clone(),
            by_gate: true,
            outcome: expected.outcome,
            class: expected.class,
            valid_until: expected.valid_until,
            report_by: expected.report_by,
        };
        self.note(seq, What::Decided(Box::new(decided)));
        if decision.outcome == Outcome::Allow {
            self.no_window_is_overfull(&request);
        }
        self.passes_exactly_then(&decision, &request);
    }

    fn compare(&mut self, decision: &Decision, expected: &Expected) {
        let mut reasons: Vec<ReasonM> = decision.reasons.iter().map(reason_of).collect();
        let mut expected_reasons: Vec<ReasonM> = expected.reasons.iter().map(as_listed).collect();
        // Which of several keys that bind alike a throttle names is compared below.
        for reason in reasons
            .iter_mut()
            .filter(|reason| reason.code == Code::ThrottleExceeded)
        {
            reason.recipient = None;
            reason.key = None;
        }
        reasons.sort();
        expected_reasons.sort();
        assert_eq!(reasons, expected_reasons);
        assert_eq!(decision.outcome, expected.outcome);
        for (reason, expected) in decision.reasons.iter().zip(totals(decision, expected)) {
            assert_eq!(reason.cites_total, expected, "{reason:?}");
        }
        let order: Vec<_> = decision
            .reasons
            .iter()
            .map(|reason| (std::cmp::Reverse(reason.code.demands()), reason.check))
            .collect();
        assert!(order.is_sorted(), "{:?}", decision.reasons);
        assert_eq!(decision.reasons_total, None);

        assert_eq!(decision.class, expected.class);
        assert!(
            decision
                .channels
                .iter()
                .eq(expected.channels.iter().copied())
        );
        assert_eq!(
            decision.policy.map(|policy| policy.seq),
            self.model.policy().map(|(seq, _)| seq)
        );
        assert_eq!(decision.valid_until, expected.valid_until);
        assert_eq!(decision.report_by, expected.report_by);

        assert_eq!(decision.throttles.len(), expected.counts.len());
        for (found, expected) in decision.throttles.iter().zip(&expected.counts) {
            let window_s = u64::try_from(expected.window_s).unwrap();
            assert_eq!(
                (
                    &found.rule,
                    found.count,
                    found.limit,
                    found.window_s,
                    found.passes_at
                ),
                (
                    &expected.rule,
                    expected.count,
                    expected.limit,
                    window_s,
                    expected.passes_at
                )
            );
            let bound = (found.recipient, found.key.clone(), found.needs);
            assert!(
                expected.binding.contains(&bound),
                "{bound:?} not in {expected:?}"
            );
            let exceeded = decision.reasons.iter().find(|reason| {
                reason.code == Code::ThrottleExceeded && reason.rule.as_ref() == Some(&found.rule)
            });
            if let Some(reason) = exceeded {
                assert_eq!(
                    (reason.recipient, &reason.key),
                    (found.recipient, &found.key)
                );
            }
            if expected.binding.len() > 1 {
                self.seen.count("throttle: several keys bind");
            }
            if found.needs > 1 {
                self.seen.count("throttle: needs more than one");
            }
        }

        self.seen.count(format!("outcome: {:?}", decision.outcome));
        for reason in &decision.reasons {
            self.seen.count(format!("reason: {:?}", reason.code));
        }
        if decision.outcome == Outcome::Allow && !decision.throttles.is_empty() {
            self.seen.count("allow with throttles");
        }
    }

    /// The model counts what this allow has filled: under every rule and key, the window that ends now.
    fn no_window_is_overfull(&self, request: &Decision) {
        use super::model::{concerns, needs};
        let (_, policy) = self.model.policy().unwrap();
        let (_, class, ..) = self.model.nature(&request.action);
        for rule in policy
            .rules
            .iter()
            .filter(|rule| concerns(rule, &request.action, class))
        {
            for by in needs(rule, request).unwrap().into_keys() {
                assert!(!self.model.overfull(rule, &by, self.now), "{rule:?} {by:?}");
            }
        }
    }

    /// Where throttles alone deny: at the time that the answer gives it passes, and a microsecond before
    /// it does not.
    fn passes_exactly_then(&mut self, decision: &Decision, request: &Decision) {
        let exceeded = |decision: &Decision| {
            decision
                .reasons
                .iter()
                .filter(|reason| reason.code == Code::ThrottleExceeded)
                .count()
        };
        let denied = exceeded(decision);
        if denied == 0 {
            return;
        }
        let decide = |at: Timestamp| gate::decide(&self.ledger.state, request.clone(), at).unwrap();
        let times: Vec<Timestamp> = decision
            .throttles
            .iter()
            .filter_map(|count| count.passes_at)
            .collect();
        let Some(last) = times.iter().max().filter(|_| times.len() == denied) else {
            // Some rule has no room even in an empty window: never.
            let in_a_year =
                Timestamp::from_micros(self.now.micros() + 365 * 86_400_000_000).unwrap();
            assert!(exceeded(&decide(in_a_year)) > 0);
            self.seen.count("throttle: never passes");
            return;
        };
        assert_eq!(exceeded(&decide(*last)), 0, "at {last}");
        let before = Timestamp::from_micros(last.micros() - 1).unwrap();
        assert!(exceeded(&decide(before)) > 0, "at {before}");
        self.seen.count("throttle: passes then");
    }

    fn assert_decided(&mut self, action: usize, agent: usize, outcome: usize) {
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
        {
            assert!(self.ledger.submit(command, self.now).is_err());
            self.seen.count("asserted: refused");
            return;
        }
        let stopped = self
            .model
            .stops()
            .iter()
            .any(|(_, scope)| super::model::in_scope(scope, AGENTS[agent], class));
        let (seq, body) = self.append(command);
        let Body::Decision(decision) = body else {
            panic!("{body:?}")
        };
        assert_eq!((decision.outcome, decision.class), (outcome, class));
        assert_eq!((decision.reasons.len(), decision.throttles.len()), (0, 0));
        assert_eq!((decision.valid_until, decision.report_by), (None, None));
        let expected: &[Finding] = if stopped { &[Finding::UnderStop] } else { &[] };
        assert_eq!(decision.findings, expected);
        let decided = Decided {
            request,
            by_gate: false,
            outcome,
            class,
            valid_until: None,
            report_by: None,
        };
        self.note(seq, What::Decided(Box::new(decided)));
        self.seen.count("asserted");
    }

    // --- The list --------------------------------------------------------------------------------

    fn list(&mut self, who: Who, terms: Terms) {
        let own = matches!(terms.reason as u8, 0..=4);
        let listing = Listing {
            reason: Some(terms.reason),
            effective_from: terms.effective_from.filter(|_| !own).map(|s| self.in_s(s)),
            expires_at: terms.expires.filter(|_| !own).map(|s| self.in_s(s)),
            ..listing(who, &terms)
        };
        let command = dnc(DncOp::List, vec![listing.clone()], &self.request_id());
        let seq = self.append(command).0;
        self.note(seq, What::Listed { index: 0, listing });
    }

    fn exempt(&mut self, who: Who, terms: Terms, last: bool) {
        let mut exemption = Listing {
            effective_from: terms.effective_from.map(|s| self.in_s(s)),
            expires_at: Some(self.in_s(terms.expires.unwrap_or(60))),
            evidence: Some(Hash([9; 32])),
            ..listing(who, &terms)
        };
        if exemption.channels.is_empty() {
            exemption.channels = ledger_core::action::Channels::all();
        }
        if let Some(asked) = self.last_asked().filter(|_| last) {
            let recipient = asked
                .recipients
                .iter()
                .rev()
                .find(|recipient| !recipient.keys.is_empty());
            let mut keys = recipient.map_or(Vec::new(), |recipient| recipient.keys.clone());
            keys.retain(|key| ![Kind::Domain, Kind::Account].contains(&key.kind));
            if !keys.is_empty() {
                exemption.keys = keys;
                exemption.seller.clone_from(&asked.seller);
            }
        }
        exemption
            .seller
            .get_or_insert_with(|| SELLERS[0].to_owned());
        // Two of one kind in one entry, so that an index is not always 0.
        let command = dnc(
            DncOp::Exempt,
            vec![exemption.clone(); 2],
            &self.request_id(),
        );
        let seq = self.append(command).0;
        for index in 0..2 {
            let exemption = exemption.clone();
            self.note(seq, What::Exempted { index, exemption });
        }
    }

    fn in_s(&self, seconds: i64) -> Timestamp {
        Timestamp::from_micros(self.now.micros() + seconds * 1_000_000).unwrap()
    }

    fn unlist(&mut self, pick: usize, exemption: bool) {
        let live: Vec<Cite> = self
            .model
            .listed(exemption)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let reason = Commitment {
            commitment: Hash([8; 32]),
            bytes: 3,
            redacted: None,
        };
        let (name, there) = match live.len() {
            0 => (
                Cite {
                    seq: 3,
                    index: Some(0),
                },
                false,
            ),
            count => (live[pick % count], true),
        };
        let command = Body::Dnc(Dnc {
            cause: caused(
                Call::RemoveDnc,
                Role::Compliance,
                COMPLIANCE,
                &self.request_id(),
            ),
            op: DncOp::Unlist,
            tokens_v: None,
            listings: Vec::new(),
            ends: vec![name],
            evidence: Some(Hash([7; 32])),
            details: [(DetailName::Reason, reason)].into(),
        });
        if !there {
            assert!(self.ledger.submit(command, self.now).is_err());
            return;
        }
        let seq = self.append(command).0;
        let what = What::Ended {
            seq: name.seq,
            index: name.index.unwrap(),
        };
        self.note(seq, what);
    }

    // --- Stop and resume -------------------------------------------------------------------------

    fn stop(&mut self, pick: usize) {
        let scope = scope(pick);
        let expected = self.model.voids(&scope, self.now);
        let command = Body::Stop(Stop {
            cause: caused(Call::Stop, Role::Operator, OPERATOR, &self.request_id()),
            scope: scope.clone(),
            voided: 0,
            details: BTreeMap::new(),
        });
        let (seq, body) = self.append(command);
        let Body::Stop(stop) = body else {
            panic!("{body:?}")
        };
        assert_eq!(stop.voided, expected);
        self.note(seq, What::Stopped(scope));
        if expected > 0 {
            self.seen.count("stop: voids");
        }
    }

    fn resume(&mut self, pick: usize) {
        let active = self.model.stops();
        let there = !active.is_empty();
        let scope = if there {
            active[pick % active.len()].1.clone()
        } else {
            Scope::All
        };
        let command = Body::Resume(Resume {
            cause: caused(Call::Resume, Role::Operator, OPERATOR, &self.request_id()),
            scope: scope.clone(),
            stops: Vec::new(),
            details: BTreeMap::new(),
        });
        if !there {
            assert!(self.ledger.submit(command, self.now).is_err());
            return;
        }
        let (seq, body) = self.append(command);
        let Body::Resume(resume) = body else {
            panic!("{body:?}")
        };
        let of_scope = active.into_iter().filter(|(_, other)| *other == scope);
        assert_eq!(
            resume.stops,
            of_scope.map(|(seq, _)| seq).collect::<Vec<_>>()
        );
        self.note(seq, What::Resumed(scope));
    }

    // --- Reports ---------------------------------------------------------------------------------

    fn execute(&mut self, report: Report) {
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
            status: Status::Success,
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
    fn speaks(&self, id: &str) -> bool {
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

    fn outcome(&mut self, pick: usize) {
        let executed: Vec<u64> = self
            .model
            .events
            .iter()
            .filter(|event| matches!(event.what, What::Executed { .. }))
            .map(|event| event.seq)
            .collect();
        let execution = match executed.len() {
            count if count > 0 && pick < 50 => Some(executed[pick % count]),
            _ => [None, Some(1), Some(88_888)][pick % 3],
        };
        let report = OutcomeReport {
            cause: caused(Call::Record, Role::Recorder, RECORDER, &self.request_id()),
            execution,
            event: Event::BounceSoft,
            recipient: None,
            provider: None,
            provider_id: None,
            occurred_at: None,
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

    // --- Principals and the clock ----------------------------------------------------------------

    fn principal(&mut self, agent: usize, in_force: bool) {
        let id = AGENTS[agent];
        let call = if in_force {
            Call::PutPrincipal
        } else {
            Call::RevokePrincipal
        };
        let command = Body::Principal(PrincipalChange {
            cause: caused(call, Role::Operator, OPERATOR, &self.request_id()),
            id: id.to_owned(),
            role: Role::Agent,
            groups: Vec::new(),
            credential: in_force.then(|| Hash::of(id.as_bytes())),
            change: Change::Added,
        });
        let (seq, body) = self.append(command);
        let Body::Principal(change) = body else {
            panic!("{body:?}")
        };
        let expected = if in_force {
            Change::Changed
        } else {
            Change::Revoked
        };
        assert_eq!(change.change, expected);
        let what = What::Principal {
            id: id.to_owned(),
            role: Role::Agent,
            in_force,
        };
        self.note(seq, what);
    }

    fn clock(&mut self, after_s: i64) {
        let waits = self
            .model
            .events
            .iter()
            .rev()
            .find_map(|event| match event.what {
                What::ClockSeen => Some(true),
                What::ClockAcknowledged { .. } => Some(false),
                _ => None,
            });
        if waits != Some(true) {
            let command = Body::Clock(Clock {
                cause: Cause::ledger(),
                event: ClockEvent::Seen,
                before: self.now,
                after: self.in_s(7),
                bound_ms: Some(5_000),
                acknowledges: None,
            });
            let seq = self.ledger.append(command, self.now).0;
            self.note(seq, What::ClockSeen);
            return;
        }
        let before = self.ledger.state.head().time;
        let after = self.in_s(after_s);
        let command = Body::Clock(Clock {
            cause: caused(
                Call::AcknowledgeClock,
                Role::Operator,
                OPERATOR,
                &self.request_id(),
            ),
            event: ClockEvent::Acknowledged,
            before: Timestamp::EPOCH,
            after,
            bound_ms: None,
            acknowledges: None,
        });
        let (seq, body) = self.append(command);
        let Body::Clock(clock) = body else {
            panic!("{body:?}")
        };
        assert_eq!(clock.before, before);
        self.note(seq, What::ClockAcknowledged { before, after });
    }

    // --- The same again --------------------------------------------------------------------------

    fn again(&mut self, pick: usize, changed: usize) {
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
                let decided = Decided {
                    request: other,
                    by_gate: true,
                    outcome: expected.outcome,
                    class: expected.class,
                    valid_until: expected.valid_until,
                    report_by: expected.report_by,
                };
                self.note(seq, What::Decided(Box::new(decided)));
            }
        }
    }
}

fn cause_mut(body: &mut Body) -> &mut Cause {
    match body {
        Body::Principal(body) => &mut body.cause,
        Body::Policy(body) => &mut body.cause,
        Body::Dnc(body) => &mut body.cause,
        Body::Decision(body) => &mut body.cause,
        Body::Execution(body) => &mut body.cause,
        Body::Outcome(body) => &mut body.cause,
        Body::Stop(body) => &mut body.cause,
        Body::Resume(body) => &mut body.cause,
        Body::Clock(body) => &mut body.cause,
        other => panic!("{other:?}"),
    }
}

fn scope(pick: usize) -> Scope {
    match pick {
        0 => Scope::All,
        1 | 2 => Scope::Agent {
            id: AGENTS[pick - 1].to_owned(),
        },
        3 => Scope::Class {
            class: Class::Write,
        },
        _ => Scope::Class {
            class: Class::Contact,
        },
    }
}

fn listing(who: Who, terms: &Terms) -> Listing {
    Listing {
        keys: who.0,
        seller: terms.seller.map(|pick| SELLERS[pick].to_owned()),
        channels: terms.channels,
        reason: None,
        source: None,
        requested_at: None,
        effective_from: None,
        expires_at: None,
        evidence: None,
    }
}

fn reason_of(reason: &Reason) -> ReasonM {
    ReasonM {
        code: reason.code,
        rule: reason.rule.clone(),
        recipient: reason.recipient,
        key: reason.key.clone(),
        cites: reason.cites.clone(),
    }
}

/// With the cites that an entry lists: the first ones.
fn as_listed(reason: &ReasonM) -> ReasonM {
    let mut reason = reason.clone();
    reason.cites.truncate(CITES_MAX);
    reason
}

/// For each reason of a decision, how many cites it must say that there were.
fn totals(decision: &Decision, expected: &Expected) -> Vec<Option<u64>> {
    decision
        .reasons
        .iter()
        .map(|reason| {
            let mut same = reason_of(reason);
            if same.code == Code::ThrottleExceeded {
                same.recipient = None;
                same.key = None;
            }
            let whole = expected
                .reasons
                .iter()
                .find(|other| as_listed(other) == same)
                .unwrap();
            (whole.cites.len() > CITES_MAX).then_some(whole.cites.len() as u64)
        })
        .collect()
}
