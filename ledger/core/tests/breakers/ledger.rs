//! A ledger in memory: plan, encode, fold, and keep every entry; with calls in short.

use ledger_core::action::Channels;
use ledger_core::entry::{
    Actor, Basis, Body, Breaker, BreakerEvent, BreakerScope, Cause, Change, Decision, Dnc, DncOp,
    Entry, Environment, Event, Execution, Genesis, Key, Listing, ListingReason, Measure,
    OutcomeReport, PolicyEntry, PolicyFile, PrincipalChange, Recipient, RecipientResult,
    RecipientRole, Status,
};
use ledger_core::hash::Hash;
use ledger_core::plan::{Plan, Refusal, plan};
use ledger_core::replay::{Replay, Report};
use ledger_core::role::{Call, Role};
use ledger_core::state::State;
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};
use ledger_core::view::MemoryView;

use super::rule::Rule;

pub(crate) const OPERATOR: &str = "ops";
pub(crate) const COMPLIANCE: &str = "compliance-1";
pub(crate) const RECORDER: &str = "mail-gateway";
pub(crate) const INGEST: &str = "ingest.mail";
pub(crate) const AGENTS: [&str; 2] = ["agent.one", "agent.two"];
/// Whom nobody may contact, from the first second on.
pub(crate) const LISTED: u8 = 200;

const POLICY: &str = r#"
version = 1
[[action]]
name = "crm.update"
class = "write"
[[grant]]
id = "one"
agent = "agent.one"
actions = ["email.send", "crm.update"]
sellers = ["*"]
mailboxes = ["*"]
objects = ["*"]
writes = ["*"]
approval = "waived"
[[grant]]
id = "two"
agent = "agent.two"
actions = ["email.send", "crm.update"]
sellers = ["*"]
mailboxes = ["*"]
objects = ["*"]
writes = ["*"]
approval = "waived"
"#;

/// So many seconds after noon.
pub(crate) fn at(seconds: u64) -> Timestamp {
    let noon: Timestamp = "2026-11-22T12:00:00.000000Z".parse().unwrap();
    noon.saturating_add_s(seconds)
}

#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) state: State<MemoryView>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) now: Timestamp,
    requests: u64,
}

/// A report of an execution, with what the tests vary.
pub(crate) struct Done<'a> {
    pub(crate) by: &'a str,
    pub(crate) decision: u64,
    pub(crate) status: Status,
    pub(crate) cost: Option<u64>,
    pub(crate) missed: Vec<u64>,
}

impl Done<'_> {
    pub(crate) const fn success(decision: u64) -> Self {
        Self {
            by: AGENTS[0],
            decision,
            status: Status::Success,
            cost: None,
            missed: Vec::new(),
        }
    }

    pub(crate) fn failure(decision: u64) -> Self {
        Self {
            status: Status::Failure,
            ..Self::success(decision)
        }
    }
}

/// What replay finds of the answers of such a log. Its people and its times are made up: no service let them
/// in, and no timer kept to them.
pub(crate) fn replay(lines: impl IntoIterator<Item = Vec<u8>>) -> Report {
    let mut replay = Replay::of_answers();
    for line in lines {
        replay.push(&line);
    }
    replay.finish()
}

impl Ledger {
    /// With people, a policy of these breakers, and one person listed.
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let mut ledger = Self {
            state: State::load(MemoryView::default()).unwrap(),
            entries: Vec::new(),
            now: at(0),
            requests: 0,
        };
        let genesis = Genesis {
            actor: Actor::ledger(),
            origin: "test.example/ledger".to_owned(),
            environment: Environment::Prod,
            gate: 1,
            key: "test.example/ledger+00000000+AA==".to_owned(),
            subject_key: Hash([1; 32]),
            content_key: Hash([2; 32]),
            normaliser: ledger_core::normalise::VERSION.to_owned(),
            tokens_v: 1,
            reserved: Vec::new(),
        };
        ledger.append(Body::Genesis(genesis));
        ledger.append(principal(Cause::ledger(), OPERATOR, Role::Operator));
        let others = [
            (COMPLIANCE, Role::Compliance),
            (RECORDER, Role::Recorder),
            (INGEST, Role::Ingest),
            (AGENTS[0], Role::Agent),
            (AGENTS[1], Role::Agent),
        ];
        for (id, role) in others {
            let cause = ledger.cause(Call::PutPrincipal, Role::Operator, OPERATOR);
            ledger.append(principal(cause, id, role));
        }
        ledger.publish(rules, "");
        let listing = Listing {
            keys: vec![key(Kind::EmailCanonical, LISTED)],
            seller: None,
            channels: Channels::none(),
            reason: Some(ListingReason::Manual),
            source: None,
            requested_at: None,
            effective_from: None,
            expires_at: None,
            evidence: None,
        };
        let listing = ledger.dnc(Call::AddDnc, DncOp::List, vec![listing]);
        ledger.append(Body::Dnc(listing));
        ledger
    }

    pub(crate) fn cause(&mut self, call: Call, role: Role, id: &str) -> Cause {
        self.requests += 1;
        let request = format!("r-{}", self.requests);
        Cause {
            content: Some(Hash::of(request.as_bytes())),
            request_id: Some(request),
            call: Some(call),
            action_id: None,
            correlation_id: Some("run-1".to_owned()),
            actor: Actor::principal(role, id),
        }
    }

    pub(crate) fn dnc(&mut self, call: Call, op: DncOp, listings: Vec<Listing>) -> Dnc {
        Dnc {
            cause: self.cause(call, Role::Compliance, COMPLIANCE),
            op,
            tokens_v: Some(1),
            listings,
            ends: Vec::new(),
            import: None,
            imports: None,
            imported: None,
            outcome: None,
            evidence: None,
            details: std::collections::BTreeMap::new(),
        }
    }

    /// Plans a command and writes what it leads to: the seq of the first entry and all bodies.
    pub(crate) fn submit(&mut self, command: Body) -> Result<(u64, Vec<Body>), Refusal> {
        let seq = self.state.head().next;
        let Plan::Append(bodies) = plan(&self.state, command, self.now)? else {
            panic!("a repetition");
        };
        for body in &bodies {
            let entry = self.state.entry(self.now, body.clone());
            let line = entry.encode().unwrap();
            assert_eq!(Entry::decode(&line).unwrap(), entry);
            self.state.apply(&entry, None).unwrap();
            self.entries.push(entry);
        }
        Ok((seq, bodies))
    }

    /// Writes one entry as it is, and nothing that should follow it.
    pub(crate) fn append_alone(&mut self, body: Body) {
        let entry = self.state.entry(self.now, body);
        self.state.apply(&entry, None).unwrap();
        self.entries.push(entry);
    }

    pub(crate) fn append(&mut self, command: Body) -> (u64, Vec<Body>) {
        self.submit(command).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<Vec<u8>> {
        self.entries
            .iter()
            .map(|entry| entry.encode().unwrap())
            .collect()
    }

    pub(crate) fn command(&mut self, rules: &[Rule], more: &str) -> Body {
        let rules: String = rules.iter().map(Rule::text).collect();
        Body::Policy(PolicyEntry {
            cause: self.cause(Call::PublishPolicy, Role::Operator, OPERATOR),
            continues: None,
            sha256: None,
            replaces: None,
            parts: None,
            mailboxes: std::collections::BTreeMap::new(),
            fake_domains: std::collections::BTreeMap::new(),
            promotion: None,
            files: vec![PolicyFile {
                path: "policy.toml".to_owned(),
                text: format!("{POLICY}{more}{rules}"),
            }],
        })
    }

    pub(crate) fn publish(&mut self, rules: &[Rule], more: &str) -> u64 {
        let command = self.command(rules, more);
        self.append(command).0
    }

    /// A request for e-mail to these people by the first agent, for `acme` from mailbox 1.
    pub(crate) fn email(&mut self, people: &[u8]) -> Decision {
        let cause = self.cause(Call::Decide, Role::Agent, AGENTS[0]);
        Decision {
            seller: Some("acme".to_owned()),
            mailbox: Some(Token([1; 32])),
            recipients: people.iter().copied().map(person).collect(),
            tokens_v: Some(1),
            ..Decision::request(Basis::Gate, cause, "email.send".to_owned())
        }
    }

    pub(crate) fn decide(&mut self, request: Decision) -> (u64, Decision) {
        let (seq, bodies) = self.append(Body::Decision(Box::new(request)));
        match bodies.into_iter().next() {
            Some(Body::Decision(decision)) => (seq, *decision),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ask(&mut self, people: &[u8]) -> (u64, Decision) {
        let request = self.email(people);
        self.decide(request)
    }

    /// An allowed e-mail to these people, reported as done. What follows, and the execution's seq.
    pub(crate) fn sent(&mut self, people: &[u8]) -> (u64, Vec<Body>) {
        let (decision, answer) = self.ask(people);
        assert_eq!(
            answer.outcome,
            ledger_core::entry::Outcome::Allow,
            "{answer:?}"
        );
        self.done(&Done::success(decision))
    }

    pub(crate) fn execution(&mut self, done: &Done<'_>) -> Body {
        Body::Execution(Box::new(Execution {
            cause: self.cause(Call::Record, role_of(done.by), done.by),
            decision: done.decision,
            status: done.status,
            error_code: None,
            provider: None,
            provider_id: None,
            started_at: None,
            occurred_at: None,
            cost_micros: done.cost,
            results: done
                .missed
                .iter()
                .map(|recipient| RecipientResult {
                    recipient: *recipient,
                    status: Status::Failure,
                    error_code: None,
                })
                .collect(),
            policy: None,
            findings: Vec::new(),
            details: std::collections::BTreeMap::new(),
        }))
    }

    pub(crate) fn done(&mut self, done: &Done<'_>) -> (u64, Vec<Body>) {
        let command = self.execution(done);
        self.append(command)
    }

    pub(crate) fn outcome(
        &mut self,
        by: &str,
        event: Event,
        execution: Option<u64>,
        recipient: Option<u64>,
    ) -> OutcomeReport {
        OutcomeReport {
            cause: self.cause(Call::Record, role_of(by), by),
            execution,
            event,
            recipient,
            keys: Vec::new(),
            tokens_v: None,
            provider: Some("mailer".to_owned()),
            provider_id: None,
            occurred_at: Some(at(1)),
            matched: None,
            decision: None,
            policy: None,
            findings: Vec::new(),
            details: std::collections::BTreeMap::new(),
        }
    }

    /// An outcome by the recorder: what follows from it.
    pub(crate) fn told(
        &mut self,
        event: Event,
        execution: u64,
        recipient: Option<u64>,
    ) -> Vec<Body> {
        let report = self.outcome(RECORDER, event, Some(execution), recipient);
        self.append(Body::Outcome(Box::new(report))).1
    }

    pub(crate) fn ending(&mut self, event: BreakerEvent, opened: u64) -> Body {
        let cause = match event {
            BreakerEvent::Closed => Cause::ledger(),
            _ => self.cause(Call::ResetBreaker, Role::Operator, OPERATOR),
        };
        Body::Breaker(Box::new(Breaker {
            cause,
            event,
            rule: String::new(),
            scope: BreakerScope::default(),
            measure: Measure::DncBreach,
            opened: Some(opened),
            threshold: None,
            count: None,
            sample: None,
            window_s: None,
            until: None,
            cites: Vec::new(),
            cites_total: None,
            details: std::collections::BTreeMap::new(),
        }))
    }

    pub(crate) fn reset(&mut self, opened: u64) -> u64 {
        let command = self.ending(BreakerEvent::Reset, opened);
        self.append(command).0
    }

    /// What the daemon's timer does.
    pub(crate) fn close_due(&mut self) {
        let due: Vec<u64> = self.state.breakers_due(self.now).collect();
        for opened in due {
            let command = self.ending(BreakerEvent::Closed, opened);
            self.append(command);
        }
    }

    /// The provider's id of the execution at `seq`.
    pub(crate) fn provided(&self, seq: u64) -> Option<Token> {
        match &self.entries.get(usize::try_from(seq).ok()?)?.body {
            Body::Execution(execution) => execution.provider_id,
            _ => None,
        }
    }

    pub(crate) fn last(&self) -> u64 {
        self.entries.last().unwrap().seq
    }
}

fn role_of(id: &str) -> Role {
    match id {
        RECORDER => Role::Recorder,
        INGEST => Role::Ingest,
        _ => Role::Agent,
    }
}

fn principal(cause: Cause, id: &str, role: Role) -> Body {
    Body::Principal(PrincipalChange {
        cause,
        id: id.to_owned(),
        role,
        groups: Vec::new(),
        credential: Some(Hash::of(id.as_bytes())),
        change: Change::Added,
    })
}

pub(crate) fn key(kind: Kind, number: u8) -> Key {
    let token = Hash::of(&[kind.as_str().as_bytes(), &[number]].concat());
    Key {
        kind,
        token: Token(*token.as_bytes()),
        v: None,
    }
}

pub(crate) fn person(number: u8) -> Recipient {
    let kinds = [
        Kind::Email,
        Kind::EmailCanonical,
        Kind::Domain,
        Kind::Contact,
    ];
    Recipient {
        role: RecipientRole::To,
        keys: kinds.map(|kind| key(kind, number)).to_vec(),
        dnc: false,
        utc_offset: None,
        unusable: Vec::new(),
    }
}

/// The breakers among these entries.
pub(crate) fn breakers(bodies: &[Body]) -> Vec<Breaker> {
    let of = |body: &Body| match body {
        Body::Breaker(breaker) => Some((**breaker).clone()),
        _ => None,
    };
    bodies.iter().filter_map(of).collect()
}

/// Event, count and sample of each.
pub(crate) fn told(bodies: &[Body]) -> Vec<(BreakerEvent, u64, u64)> {
    breakers(bodies)
        .iter()
        .map(|breaker| {
            (
                breaker.event,
                breaker.count.unwrap(),
                breaker.sample.unwrap(),
            )
        })
        .collect()
}

/// The `dnc` entries among these.
pub(crate) fn listings(bodies: &[Body]) -> Vec<Dnc> {
    let of = |body: &Body| match body {
        Body::Dnc(dnc) => Some(dnc.clone()),
        _ => None,
    };
    bodies.iter().filter_map(of).collect()
}
