//! One run of the gate and its model side by side.

mod compare;
mod control;
mod people;
mod promotion;
mod report;

use std::collections::BTreeMap;

use ledger_core::entry::{
    Actor, Basis, Body, BreakerEvent, Cause, Decision, Entry, Environment, Foreign, Outcome,
    PolicyFile, Unresolved,
};
use ledger_core::plan::{Plan, Refusal};
use ledger_core::replay::Replay;
use ledger_core::role::{Call, Role};
use ledger_core::state::{State, listed};
use ledger_core::time::Timestamp;
use ledger_core::view::{MemoryView, Table};

use super::ledger::{
    AGENTS, APPROVERS, COMPLIANCE, Ledger, OPERATOR, RECORDER, at, caused, grouped, policy,
};
use super::model::{Decided, Expected, Model, No, PolicyM, What};
use super::state::same;
use super::step::{
    ACTIONS, ASKERS, Act, Ask, CAMPAIGNS, GROUPS, SELLERS, Step, TOOLS, VERSIONS, When, domain,
    mailbox,
};
use promotion::Sandboxes;

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
    sandboxes: Sandboxes,
    seen: &'a mut Seen,
}

impl<'a> Run<'a> {
    pub(crate) fn new(seen: &'a mut Seen) -> Self {
        Self::within(seen, Environment::Prod)
    }

    /// In an environment. One domain is reserved.
    pub(crate) fn within(seen: &'a mut Seen, environment: Environment) -> Self {
        let reserved = vec![domain(3)];
        let mut ledger = Ledger::within(environment, reserved.clone());
        let mut model = Model {
            environment,
            reserved,
            events: Vec::new(),
        };
        for (id, groups) in APPROVERS.into_iter().zip(GROUPS) {
            let cause = caused(Call::PutPrincipal, Role::Operator, OPERATOR, id);
            ledger.append(grouped(cause, id, Role::Approver, groups), at(0));
        }
        let roles = [
            (OPERATOR, Role::Operator, GROUPS[2]),
            (COMPLIANCE, Role::Compliance, GROUPS[2]),
            (RECORDER, Role::Recorder, GROUPS[2]),
            (AGENTS[0], Role::Agent, GROUPS[2]),
            (AGENTS[1], Role::Agent, GROUPS[2]),
            (AGENTS[2], Role::Agent, GROUPS[2]),
            (APPROVERS[0], Role::Approver, GROUPS[0]),
            (APPROVERS[1], Role::Approver, GROUPS[1]),
            (APPROVERS[2], Role::Approver, GROUPS[2]),
        ];
        for (id, role, groups) in roles {
            let what = What::Principal {
                id: id.to_owned(),
                role,
                groups: groups.iter().map(|group| (*group).to_owned()).collect(),
                in_force: true,
            };
            model.note(0, at(0), what);
        }
        Self {
            ledger,
            model,
            now: at(0),
            sent: Vec::new(),
            sandboxes: Sandboxes::default(),
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
        let expired: Vec<u64> = self.ledger.state.expired(self.now).collect();
        assert_eq!(
            expired,
            self.model.expired(self.now),
            "expired at {}",
            self.now
        );
        if step.announce {
            for decision in overdue {
                self.unresolved(decision);
            }
            for request in expired {
                self.expire(request);
            }
        }
        self.breakers_are_those_of_the_log(step.announce);
        match step.act {
            Act::Decide(ask) => {
                let request = self.request(ask);
                self.decide(request);
            }
            Act::AskAgain => self.ask_again(),
            Act::AskThrough(ask) => {
                let request = self.request(ask);
                self.ask_through(request);
            }
            Act::List(who, terms) => self.list(who, terms),
            Act::Exempt(who, terms, last) => {
                self.exempt(who, terms, last);
                if last {
                    // What it lifts shows where the same is asked once more.
                    self.ask_again();
                }
            }
            Act::Unlist { pick, exemption } => self.unlist(pick, exemption),
            Act::Publish(text) => {
                let command = self.publication(&text, promotion::files(&text));
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
            Act::People(act) => self.people(act),
            Act::Promotion(act) => self.promotion(act),
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
        let loaded = State::load(self.ledger.state.view().clone()).unwrap();
        same(&self.ledger.state, &loaded, &[]);
        for line in &self.ledger.lines {
            let marked = Entry::decode(line).unwrap().sandbox;
            assert_eq!(marked, self.model.environment == Environment::Sandbox);
        }
        self.allows_are_listed_once();
        // The people and the times are made up: no service let them in, and no timer kept to them.
        let mut replay = Replay::of_answers();
        for line in &self.ledger.lines {
            replay.push(line);
        }
        let report = replay.finish();
        assert_eq!(report.mismatches, []);
        assert_eq!(report.unverifiable, None);
    }

    /// Every allow that is not settled stands in one list, and is counted there.
    fn allows_are_listed_once(&self) {
        let (lists, voided_unresolved) = self.model.unsettled();
        let view = self.ledger.state.view();
        for (table, expected) in [Table::Open, Table::Unresolved, Table::Voided]
            .into_iter()
            .zip(&lists)
        {
            let found = listed(view, table, 0, usize::MAX).unwrap();
            assert_eq!(found, *expected, "{}", table.name());
            if let [_, second, ..] = expected[..] {
                assert_eq!(listed(view, table, second, 1).unwrap(), [second], "a page");
            }
        }
        let tally = self.ledger.state.tally();
        let counts = lists.map(|list| list.len() as u64);
        assert_eq!(
            (
                [
                    self.ledger.state.open_count() as u64,
                    tally.unresolved,
                    tally.voided
                ],
                tally.voided_unresolved
            ),
            (counts, voided_unresolved)
        );
    }

    fn note(&mut self, seq: u64, what: What) {
        self.model.note(seq, self.now, what);
    }

    /// A publication of a policy in these files.
    fn publication(&self, text: &PolicyM, files: Vec<PolicyFile>) -> Body {
        let Body::Policy(mut entry) = policy("", &self.request_id()) else {
            panic!("no policy")
        };
        let domains = text.fake_domains.iter();
        entry.fake_domains = domains
            .map(|(name, token)| ((*name).to_owned(), *token))
            .collect();
        entry.files = files;
        Body::Policy(entry)
    }

    fn request_id(&self) -> String {
        format!("r-{}", self.sent.len())
    }

    fn append(&mut self, command: Body) -> (u64, Body) {
        let first = self.ledger.state.head().next;
        let Plan::Append(bodies) = self.ledger.submit(command.clone(), self.now).unwrap() else {
            panic!("a repetition")
        };
        self.sent.push((command, Some(first)));
        let mut bodies = bodies.into_iter();
        let body = bodies.next().unwrap();
        for (seq, follows) in (first + 1..).zip(bodies) {
            self.follows(seq, follows);
        }
        (first, body)
    }

    /// What followed from a report: that it does is for other tests, what it does then for these.
    fn follows(&mut self, seq: u64, body: Body) {
        match body {
            Body::Breaker(breaker) if breaker.event == BreakerEvent::Opened => {
                let what = What::BreakerOpened {
                    rule: breaker.rule,
                    scope: breaker.scope,
                    until: breaker.until,
                };
                self.note(seq, what);
                self.seen.count("breaker opened");
            }
            Body::Dnc(dnc) => {
                for (index, listing) in (0u64..).zip(dnc.listings) {
                    self.note(seq, What::Listed { index, listing });
                }
                self.seen.count("listed by an outcome");
            }
            Body::Breaker(_) | Body::Policy(_) => {}
            other => panic!("{other:?}"),
        }
    }

    /// Submits a command of which the model knows whether it is refused, and why.
    fn submit(&mut self, command: Body, expected: Result<(), No>) -> Option<(u64, Body)> {
        let why = match expected {
            Ok(()) => return Some(self.append(command)),
            Err(why) => why,
        };
        let kind = command.kind();
        let lines = self.ledger.lines.len();
        let refusal = self.ledger.submit(command, self.now).unwrap_err();
        let found = match &refusal {
            Refusal::Invalid { field, .. } => No::Field(field),
            Refusal::Precondition { .. } => No::State,
            Refusal::NotInGroup { .. } => No::Group,
            Refusal::Promotion(error) => No::Receipt(promotion::word(error)),
            other => panic!("{other:?}, expected {why:?}"),
        };
        assert_eq!(found, why, "{refusal:?}");
        assert_eq!(self.ledger.lines.len(), lines);
        self.seen.count(format!("refused: {kind} {why:?}"));
        None
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
        let ages: Vec<i64> = self
            .model
            .policy()
            .into_iter()
            .flat_map(|(_, policy)| &policy.actions)
            .filter_map(|action| action.registry_s)
            .collect();
        // The hours of calls begin and end at full minutes.
        let minute = 60 * second;
        instants.push((from.micros().div_euclid(minute) + 1) * minute);
        for glass in self.model.glass() {
            instants.push(glass.until().micros());
        }
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
                    instants.extend(decided.approve_by.map(Timestamp::micros));
                }
                What::ImportEnded { .. } => {
                    instants.extend(ages.iter().map(|age| event.time.micros() + age * second));
                }
                What::BreakerOpened { until, .. } => {
                    instants.extend(until.map(Timestamp::micros));
                }
                What::PolicyApproved { until, .. } => instants.push(until.micros()),
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
        if self
            .model
            .policy()
            .is_some_and(|(_, policy)| policy.conditions.is_some())
        {
            // What conditions call the hour begins.
            let hour = 60 * minute;
            instants.truncate(34);
            instants.extend([(from.micros().div_euclid(hour) + 1) * hour; 6]);
        }
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

    fn ask_again(&mut self) {
        if let Some(mut request) = self.last_asked().cloned() {
            request.cause = Cause {
                actor: request.cause.actor.clone(),
                ..self.asking(&request.cause.actor.id)
            };
            self.decide(request);
        }
    }

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
        let mut cause = self.asking(ASKERS[ask.agent]);
        cause.actor.version = ask.version.map(|pick| VERSIONS[pick].to_owned());
        let executed = self.executed();
        let undoes = ask.undoes.map(|pick| match executed.len() {
            count if count > 0 && pick < 14 => executed[pick % count],
            _ => [1, 7, 77_777][pick % 3],
        });
        let mut request = Decision {
            undoes,
            agent: ask.named.map(|named| ASKERS[named].to_owned()),
            seller: ask.seller.map(|pick| SELLERS[pick].to_owned()),
            campaign: ask.campaign.map(|pick| CAMPAIGNS[pick].to_owned()),
            mailbox: ask.mailbox.map(|pick| mailbox(pick).1),
            recipients: ask.recipients,
            targets: ask.targets,
            tool: ask.tool.map(|pick| TOOLS[pick].to_owned()),
            cost_micros: ask.cost_micros,
            tokens_v: Some(1),
            foreign: ask.foreign.map(|outcome| Foreign {
                engine: "opa".to_owned(),
                policy: None,
                outcome,
            }),
            ..Decision::request(Basis::Gate, cause, ACTIONS[ask.action].to_owned())
        };
        self.as_done(&mut request, ask.undoes);
        request
    }

    /// Makes of most requests that undo something what undoes it: the same action on the same objects, or on
    /// the first of them, and now and then in the same run.
    fn as_done(&self, request: &mut Decision, pick: Option<usize>) {
        let done = request.undoes.and_then(|seq| self.model.done(seq));
        let (Some(done), Some(pick)) = (done, pick) else {
            return;
        };
        if pick % 7 < 5 {
            request.action.clone_from(&done.action);
            request.targets.clone_from(&done.targets);
        }
        if pick % 3 == 0 {
            request.targets.truncate(1);
        }
        if pick % 5 == 0 {
            let run = done.cause.correlation_id.clone();
            request.cause.correlation_id = run;
        }
    }

    /// The entries that report executions.
    fn executed(&self) -> Vec<u64> {
        let of = self.model.events.iter();
        of.filter(|event| matches!(event.what, What::Executed { .. }))
            .map(|event| event.seq)
            .collect()
    }

    fn decide(&mut self, request: Decision) {
        let expected = self.model.decide(&request, self.now);
        let (seq, body) = self.append(Body::Decision(Box::new(request.clone())));
        let Body::Decision(decision) = body else {
            panic!("{body:?}")
        };
        assert_eq!(decision.request_part(), request);
        let undone = |reason: &ledger_core::entry::Reason| {
            reason.code == ledger_core::entry::Code::UndoUnknown
        };
        if request.undoes.is_some() && !decision.reasons.iter().any(undone) {
            self.seen.count("an undo that stands");
        }
        self.compare(&decision, &expected);
        self.decided(seq, request.clone(), expected);
        if decision.outcome == Outcome::Allow {
            self.no_window_is_overfull(&request);
        }
        self.passes_exactly_then(&decision, &request);
    }

    fn decided(&mut self, seq: u64, request: Decision, expected: Expected) {
        let decided = Decided {
            request,
            by_gate: true,
            outcome: expected.outcome,
            class: expected.class,
            valid_until: expected.valid_until,
            report_by: expected.report_by,
            approver: expected.approver,
            approvers: expected.approvers,
            approve_by: expected.approve_by,
        };
        self.note(seq, What::Decided(Box::new(decided)));
    }
}
