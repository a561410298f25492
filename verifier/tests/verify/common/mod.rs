//! A ledger without a daemon: the core's planner and fold over a list of lines, signed by a test key.

pub mod gate;
mod material;
pub mod rich;
pub mod run;

use std::path::Path;

use ledger_core::action::Channels;
use ledger_core::checkpoint::Checkpoint;
use ledger_core::entry::{
    Access, Actor, Basis, Body, Boot, Cause, Change, Clock, ClockEvent, Commitment, Decision,
    DetailName, Dnc, DncOp, Entry, Environment, Execution, Genesis, Heartbeat, Key, Listing,
    ListingReason, OutcomeReport, PolicyEntry, PolicyFile, PrincipalChange, Recipient,
    RecipientRole, Resume, Scope, Shutdown, Status, Stop, Unresolved,
};
use ledger_core::evidence::{Evidence, ProvenEntry};
use ledger_core::gate::GATE_VERSION;
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::judge::required;
use ledger_core::normalise::{self, Identifiers, Identity, Subject};
use ledger_core::note::SigningKey;
use ledger_core::opening::{OpenedKey, Opening};
use ledger_core::plan::{Plan, plan};
use ledger_core::receipt::Receipt;
use ledger_core::role::{Call, Role};
use ledger_core::state::State;
use ledger_core::time::Timestamp;
use ledger_core::token::{SubjectKey, Token};
use ledger_core::tree::{BatchTree, CompactRange, root_of};
use ledger_core::view::MemoryView;

/// The name of the ledger under test.
pub const ORIGIN: &str = "ledger.example/verify";
/// 2026-11-22T09:00:00Z.
pub const START_US: i64 = 1_795_338_000_000_000;

/// A ledger: its log, its state, its keys.
pub struct Ledger {
    pub state: State<MemoryView>,
    pub lines: Vec<Vec<u8>>,
    pub key: SigningKey,
    pub subject: SubjectKey,
    pub now: Timestamp,
    requests: u64,
}

/// The recipient of a test: what a runtime would know of a person.
pub fn person<'a>(email: &'a str, contact: &'a str) -> Identifiers<'a> {
    Identifiers {
        email: Some(email),
        contact: Some(contact),
        ..Identifiers::default()
    }
}

impl Ledger {
    /// A ledger with nothing in it.
    pub fn empty() -> Self {
        Self {
            state: State::load(MemoryView::default()).unwrap(),
            lines: Vec::new(),
            key: SigningKey::from_seed(&[7; 32], ORIGIN).unwrap(),
            subject: SubjectKey::new([9; 32]),
            now: Timestamp::from_micros(START_US).unwrap(),
            requests: 0,
        }
    }

    /// A ledger that was created, has its first operator, and was started.
    pub fn started() -> Self {
        let mut ledger = Self::empty();
        ledger.genesis();
        ledger.boot();
        ledger
    }

    pub fn vkey(&self) -> String {
        self.key.verification_key().to_string()
    }

    pub fn size(&self) -> u64 {
        self.lines.len() as u64
    }

    pub fn entry(&self, seq: u64) -> Entry {
        Entry::decode(&self.lines[usize::try_from(seq).unwrap()]).unwrap()
    }

    pub fn entries(&self) -> Vec<Entry> {
        (0..self.size()).map(|seq| self.entry(seq)).collect()
    }

    pub fn advance_s(&mut self, seconds: u64) {
        self.now = self.now.saturating_add_s(seconds);
    }

    pub fn after_s(&self, seconds: u64) -> Timestamp {
        self.now.saturating_add_s(seconds)
    }

    /// Plans a command, and appends what it causes. Gives back the first entry's seq.
    pub fn submit(&mut self, command: Body) -> u64 {
        let first = self.size();
        match plan(&self.state, command, self.now) {
            Ok(Plan::Append(bodies)) => {
                for body in bodies {
                    self.append(body);
                }
                first
            }
            Ok(Plan::Repeat(seq)) => panic!("repeats {seq}"),
            Err(refusal) => panic!("refused: {refusal}"),
        }
    }

    /// Appends an entry whatever it says, as an attacker with the key would. Nothing can follow on it.
    pub fn forge(&mut self, body: Body) -> u64 {
        let (seq, time) = (self.size(), self.now);
        let entry = Entry {
            seq,
            time,
            sandbox: false,
            body,
        };
        self.lines.push(entry.encode().unwrap());
        seq
    }

    fn append(&mut self, body: Body) -> u64 {
        let seq = self.size();
        let entry = self.state.entry(self.now, body);
        self.lines.push(entry.encode().unwrap());
        self.state.apply(&entry, None).unwrap();
        seq
    }

    // What the ledger itself does.

    pub fn genesis(&mut self) -> u64 {
        let reserved = normalise::RESERVED_DOMAINS
            .iter()
            .map(|domain| {
                self.subject
                    .token(&ledger_core::token::Kind::Domain, domain)
            })
            .collect();
        let genesis = Genesis {
            actor: Actor::ledger(),
            origin: ORIGIN.to_owned(),
            environment: Environment::Prod,
            gate: GATE_VERSION,
            key: self.vkey(),
            subject_key: Hash(self.subject.commitment()),
            content_key: Hash::of(b"content key"),
            normaliser: normalise::VERSION.to_owned(),
            tokens_v: 1,
            reserved,
        };
        let seq = self.submit(Body::Genesis(genesis));
        self.submit(Body::Principal(PrincipalChange {
            cause: Cause::ledger(),
            id: "op.first".to_owned(),
            role: Role::Operator,
            groups: Vec::new(),
            credential: Some(Hash::of(b"op.first")),
            change: Change::Added,
        }));
        seq
    }

    pub fn boot(&mut self) -> u64 {
        self.submit(Body::Boot(Boot {
            evaluator: None,
            actor: Actor::ledger(),
            software: "0.1.0".to_owned(),
            gate: GATE_VERSION,
            config: Hash::of(b"config"),
            since: Timestamp::EPOCH,
            clean: false,
        }))
    }

    pub fn heartbeat(&mut self) -> u64 {
        self.submit(Body::Heartbeat(Heartbeat {
            actor: Actor::ledger(),
        }))
    }

    /// What a daemon writes by itself before anything else at this time.
    pub fn timers(&mut self) {
        let due: Vec<u64> = self.state.overdue(self.now).collect();
        let expired: Vec<u64> = self.state.expired(self.now).collect();
        let over: Vec<u64> = self.state.breakers_due(self.now).collect();
        let nothing = due.is_empty() && expired.is_empty() && over.is_empty();
        for decision in due {
            self.unresolved(decision);
        }
        for decision in expired {
            self.expire(decision);
        }
        for opened in over {
            self.close(opened);
        }
        let head = self.state.head().time;
        let beat = head.saturating_add_s(self.state.numbers().heartbeat_s);
        if nothing && beat <= self.now {
            self.heartbeat();
        }
    }

    pub fn shutdown(&mut self) -> u64 {
        self.submit(Body::Shutdown(Shutdown {
            actor: Actor::ledger(),
        }))
    }

    pub fn unresolved(&mut self, decision: u64) -> u64 {
        self.submit(Body::Unresolved(Unresolved {
            correlation_id: String::new(),
            actor: Actor::ledger(),
            decision,
        }))
    }

    pub fn clock_seen(&mut self, jump_s: u64) -> u64 {
        self.submit(Body::Clock(Clock {
            cause: Cause::ledger(),
            event: ClockEvent::Seen,
            before: self.after_s(jump_s),
            after: self.now,
            bound_ms: Some(5_000),
            acknowledges: None,
        }))
    }

    // What people do.

    /// The cause of the next call.
    pub fn cause(&mut self, role: Role, id: &str, call: Call) -> Cause {
        self.requests += 1;
        let request_id = format!("request-{}", self.requests);
        Cause {
            content: Some(Hash::of(request_id.as_bytes())),
            request_id: Some(request_id),
            call: Some(call),
            action_id: None,
            correlation_id: None,
            actor: Actor::principal(role, id),
        }
    }

    pub fn put(&mut self, role: Role, id: &str) -> u64 {
        let cause = self.cause(Role::Operator, "op.first", Call::PutPrincipal);
        self.submit(Body::Principal(PrincipalChange {
            cause,
            id: id.to_owned(),
            role,
            groups: Vec::new(),
            credential: Some(Hash::of(format!("{id} {}", self.requests).as_bytes())),
            change: Change::Added,
        }))
    }

    pub fn revoke(&mut self, role: Role, id: &str) -> u64 {
        let cause = self.cause(Role::Operator, "op.first", Call::RevokePrincipal);
        self.submit(Body::Principal(PrincipalChange {
            cause,
            id: id.to_owned(),
            role,
            groups: Vec::new(),
            credential: None,
            change: Change::Added,
        }))
    }

    pub fn publish(&mut self, text: &str) -> u64 {
        let cause = self.cause(Role::Operator, "op.first", Call::PublishPolicy);
        let mailboxes = ledger_core::policy::Policy::parse(&[("policy.toml", text)])
            .unwrap()
            .mailbox_names()
            .into_iter()
            .map(|name| (name.to_owned(), self.mailbox(name)))
            .collect();
        self.submit(Body::Policy(PolicyEntry {
            cause,
            continues: None,
            sha256: None,
            replaces: None,
            parts: None,
            mailboxes,
            fake_domains: std::collections::BTreeMap::new(),
            promotion: None,
            files: vec![PolicyFile {
                path: "policy.toml".to_owned(),
                text: text.to_owned(),
            }],
        }))
    }

    pub fn mailbox(&self, name: &str) -> Token {
        normalise::mailbox(name).unwrap().token(&self.subject)
    }

    fn keys(&self, keys: &[normalise::MatchKey]) -> Vec<Key> {
        keys.iter()
            .map(|key| Key {
                kind: key.kind.clone(),
                token: key.token(&self.subject),
                v: None,
            })
            .collect()
    }

    pub fn recipient(&self, identifiers: Identifiers<'_>) -> Recipient {
        let identity = Identity::of(identifiers);
        Recipient {
            role: RecipientRole::To,
            keys: self.keys(&identity.keys),
            utc_offset: None,
            dnc: false,
            unusable: identity
                .unusable
                .iter()
                .map(|error| error.kind.clone())
                .collect(),
        }
    }

    /// An e-mail for `acme` from `outreach-1`, as [`rich::POLICY`] grants it to `agent.sender`.
    pub fn email(&mut self, to: &[Identifiers<'_>]) -> Decision {
        let cause = Cause {
            correlation_id: Some(format!("run-{}", self.requests)),
            action_id: Some(format!("act-{}", self.requests)),
            ..self.cause(Role::Agent, "agent.sender", Call::Decide)
        };
        let mut request = Decision::request(Basis::Gate, cause, "email.send".to_owned());
        request.tool = Some("gmail.messages.send".to_owned());
        request.seller = Some("acme".to_owned());
        request.campaign = Some("q4-renewals".to_owned());
        request.mailbox = Some(self.mailbox("outreach-1"));
        request.recipients = to.iter().map(|to| self.recipient(*to)).collect();
        request.tokens_v = Some(1);
        request.details.insert(
            DetailName::Params,
            Commitment::new(&[1; 32], b"{\"subject\":\"hello\"}", 0),
        );
        Self::served(request)
    }

    /// A request as the service makes a command of it: with what it puts in where there are people and
    /// tokens.
    pub fn served(mut request: Decision) -> Decision {
        let has_tokens = request.mailbox.is_some()
            || request.targets.iter().any(|target| target.id.is_some())
            || !request.recipients.is_empty();
        request.tokens_v = has_tokens.then_some(1);
        if !request.recipients.is_empty() {
            let received = Commitment::new(&[3; 32], b"[]", 0);
            request.details.insert(DetailName::Recipients, received);
        }
        request
    }

    pub fn decide(&mut self, request: Decision) -> u64 {
        let request = Self::served(request);
        self.submit(Body::Decision(Box::new(request)))
    }

    /// The report that a decision was carried out by the agent that asked, started now.
    pub fn execution(&mut self, decision: u64) -> Execution {
        let correlation_id = self
            .lines
            .get(usize::try_from(decision).unwrap())
            .and_then(|line| {
                Entry::decode(line)
                    .unwrap()
                    .body
                    .correlation_id()
                    .map(str::to_owned)
            });
        Execution {
            cause: Cause {
                correlation_id: correlation_id.or(Some("run-x".to_owned())),
                ..self.cause(Role::Agent, "agent.sender", Call::Record)
            },
            decision,
            status: Status::Success,
            error_code: None,
            provider: Some("gmail".to_owned()),
            provider_id: None,
            started_at: Some(self.now),
            occurred_at: None,
            cost_micros: None,
            results: Vec::new(),
            policy: None,
            findings: Vec::new(),
            details: std::collections::BTreeMap::new(),
        }
    }

    pub fn report(&mut self, execution: Execution) -> u64 {
        self.submit(Body::Execution(Box::new(execution)))
    }

    pub fn outcome(&mut self, execution: Option<u64>, event: ledger_core::entry::Event) -> u64 {
        let run =
            execution.and_then(|seq| self.entry(seq).body.correlation_id().map(str::to_owned));
        let cause = Cause {
            correlation_id: run,
            ..self.cause(Role::Recorder, "recorder.mail", Call::Record)
        };
        self.submit(Body::Outcome(Box::new(OutcomeReport {
            cause,
            execution,
            event,
            recipient: Some(0),
            keys: Vec::new(),
            tokens_v: None,
            provider: Some("gmail".to_owned()),
            provider_id: None,
            occurred_at: Some(self.now),
            matched: None,
            decision: None,
            policy: None,
            findings: Vec::new(),
            details: std::collections::BTreeMap::new(),
        })))
    }

    pub fn listing(&self, subject: Subject<'_>, reason: ListingReason) -> Listing {
        Listing {
            keys: self.keys(&normalise::list_keys(subject).unwrap()),
            seller: None,
            channels: Channels::none(),
            reason: Some(reason),
            source: Some("crm".to_owned()),
            requested_at: Some(self.now),
            effective_from: None,
            expires_at: None,
            evidence: None,
        }
    }

    pub fn dnc(&mut self, op: DncOp, listings: Vec<Listing>) -> u64 {
        let call = match op {
            DncOp::List => Call::AddDnc,
            DncOp::Unlist => Call::RemoveDnc,
            DncOp::Exempt => Call::ExemptDnc,
            DncOp::ImportBegin => Call::BeginImport,
            DncOp::ImportEnd => Call::EndImport,
        };
        let cause = self.cause(Role::Compliance, "compliance.one", call);
        self.submit(Body::Dnc(Dnc {
            cause,
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
        }))
    }

    pub fn unlist(&mut self, ends: Vec<ledger_core::entry::Cite>) -> u64 {
        let cause = self.cause(Role::Compliance, "compliance.one", Call::RemoveDnc);
        self.submit(Body::Dnc(Dnc {
            cause,
            op: DncOp::Unlist,
            tokens_v: None,
            listings: Vec::new(),
            ends,
            import: None,
            imports: None,
            imported: None,
            outcome: None,
            evidence: Some(Hash::of(b"consent form")),
            details: [(
                DetailName::Reason,
                Commitment::new(&[2; 32], b"asked to be contacted again", 0),
            )]
            .into(),
        }))
    }

    pub fn stop(&mut self, scope: Scope) -> u64 {
        let cause = self.cause(Role::Operator, "op.first", Call::Stop);
        self.submit(Body::Stop(Stop {
            cause,
            scope,
            voided: 0,
            details: std::collections::BTreeMap::new(),
        }))
    }

    pub fn resume(&mut self, scope: Scope) -> u64 {
        let cause = self.cause(Role::Operator, "op.first", Call::Resume);
        self.submit(Body::Resume(Resume {
            cause,
            scope,
            stops: Vec::new(),
            details: gate::reason(),
        }))
    }

    pub fn acknowledge_clock(&mut self) -> u64 {
        let cause = self.cause(Role::Operator, "op.first", Call::AcknowledgeClock);
        self.submit(Body::Clock(Clock {
            cause,
            event: ClockEvent::Acknowledged,
            before: Timestamp::EPOCH,
            after: self.now,
            bound_ms: None,
            acknowledges: None,
        }))
    }

    pub fn access(&mut self, call: Call) -> u64 {
        self.submit(Body::Access(Access {
            call,
            actor: Actor::principal(Role::Compliance, "compliance.one"),
            from: Some(0),
            to: Some(self.size()),
            detail: None,
            tokens: Vec::new(),
            pack: None,
        }))
    }

    // What is handed out.
}
