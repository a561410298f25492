//! A ledger in memory: plan, encode, fold, and keep every line.

use ledger_core::entry::{
    Actor, Body, Boot, Cause, Change, Dnc, DncOp, Entry, Environment, Genesis, Listing,
    PolicyEntry, PolicyFile, PrincipalChange,
};
use ledger_core::hash::Hash;
use ledger_core::normalise::RESERVED_DOMAINS;
use ledger_core::plan::{Plan, Refusal, plan};
use ledger_core::role::{Call, Role};
use ledger_core::state::State;
use ledger_core::time::Timestamp;
use ledger_core::token::Token;
use ledger_core::view::MemoryView;

/// Who calls in these tests.
pub(crate) const OPERATOR: &str = "ops";
pub(crate) const COMPLIANCE: &str = "compliance-1";
pub(crate) const RECORDER: &str = "mail-gateway";
/// In the groups for everything that agents ask by default, in that for one kind of thing, in none.
pub(crate) const APPROVERS: [&str; 3] = ["approver-1", "approver-2", "approver-3"];
pub(crate) const AGENTS: [&str; 3] = ["agent.one", "agent.two", "agent.three"];

/// 2026-11-22T12:00:00Z and so many microseconds.
pub(crate) fn at(micros: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-22T12:00:00.000000Z".parse().unwrap();
    Timestamp::from_micros(noon.micros() + micros).unwrap()
}

pub(crate) fn seconds(seconds: i64) -> Timestamp {
    at(seconds * 1_000_000)
}

#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) state: State<MemoryView>,
    pub(crate) lines: Vec<Vec<u8>>,
}

impl Ledger {
    /// An empty log.
    pub(crate) fn empty() -> Self {
        Self {
            state: State::load(MemoryView::default()).unwrap(),
            lines: Vec::new(),
        }
    }

    /// A log with genesis, an operator, a compliance officer, a recorder and three agents.
    pub(crate) fn new() -> Self {
        Self::within(Environment::Prod, Vec::new())
    }

    /// The same in an environment, with the tokens of reserved domains.
    pub(crate) fn within(environment: Environment, reserved: Vec<Token>) -> Self {
        let mut ledger = Self::empty();
        // As many as there are; nobody has the others.
        let mut every = reserved;
        let others = (0xe0..).map(|byte| Token([byte; 32]));
        every.extend(others.take(RESERVED_DOMAINS.len() - every.len()));
        let genesis = Genesis {
            actor: Actor::ledger(),
            origin: "test.example/ledger".to_owned(),
            environment,
            gate: 1,
            key: "test.example/ledger+00000000+AA==".to_owned(),
            subject_key: Hash([1; 32]),
            content_key: Hash([2; 32]),
            normaliser: ledger_core::normalise::VERSION.to_owned(),
            tokens_v: 1,
            reserved: every,
        };
        let boot = Boot {
            actor: Actor::ledger(),
            software: "test".to_owned(),
            gate: 1,
            evaluator: ledger_core::policy::EVALUATOR.map(str::to_owned),
            config: Hash([3; 32]),
            since: Timestamp::EPOCH,
            clean: false,
        };
        ledger.append(Body::Genesis(genesis), at(0));
        let first = principal(Cause::ledger(), OPERATOR, Role::Operator);
        ledger.append(first, at(0));
        ledger.append(Body::Boot(boot), at(0));
        let others = [
            (COMPLIANCE, Role::Compliance),
            (RECORDER, Role::Recorder),
            (AGENTS[0], Role::Agent),
            (AGENTS[1], Role::Agent),
            (AGENTS[2], Role::Agent),
        ];
        for (id, role) in others {
            let request = format!("put-{id}");
            let cause = caused(Call::PutPrincipal, Role::Operator, OPERATOR, &request);
            ledger.append(principal(cause, id, role), at(0));
        }
        ledger
    }

    /// Plans a command, and writes what it leads to.
    pub(crate) fn submit(&mut self, command: Body, now: Timestamp) -> Result<Plan, Refusal> {
        let plan = plan(&self.state, command, now)?;
        if let Plan::Append(bodies) = &plan {
            for body in bodies {
                let entry = self.state.entry(now, body.clone());
                let line = entry.encode().unwrap();
                assert_eq!(Entry::decode(&line).unwrap(), entry);
                self.state.apply(&entry, None).unwrap();
                self.lines.push(line);
            }
        }
        Ok(plan)
    }

    /// The same for a command that must lead to an entry: its seq and its body. Of several, the first.
    pub(crate) fn append(&mut self, command: Body, now: Timestamp) -> (u64, Body) {
        let seq = self.state.head().next;
        match self.submit(command, now).unwrap() {
            Plan::Append(bodies) => (seq, bodies.into_iter().next().unwrap()),
            Plan::Repeat(first) => panic!("a repetition of {first}"),
        }
    }

    /// Publishes a policy by the operator.
    pub(crate) fn publish(&mut self, text: &str, now: Timestamp) -> u64 {
        let request = format!("publish-{}", self.state.head().next);
        self.append(policy(text, &request), now).0
    }
}

/// The cause of a call. Its content stands for its request id, so that a command that is sent twice
/// has the same.
pub(crate) fn caused(call: Call, role: Role, id: &str, request_id: &str) -> Cause {
    Cause {
        request_id: Some(request_id.to_owned()),
        call: Some(call),
        action_id: None,
        correlation_id: Some("run-1".to_owned()),
        content: Some(Hash::of(request_id.as_bytes())),
        actor: Actor::principal(role, id),
    }
}

pub(crate) fn principal(cause: Cause, id: &str, role: Role) -> Body {
    Body::Principal(PrincipalChange {
        cause,
        id: id.to_owned(),
        role,
        groups: Vec::new(),
        credential: Some(Hash::of(id.as_bytes())),
        change: Change::Added,
    })
}

pub(crate) fn policy(text: &str, request_id: &str) -> Body {
    Body::Policy(PolicyEntry {
        cause: caused(Call::PublishPolicy, Role::Operator, OPERATOR, request_id),
        continues: None,
        sha256: None,
        replaces: None,
        parts: None,
        fake_domains: std::collections::BTreeMap::new(),
        promotion: None,
        mailboxes: [("m1", 0xa1), ("m2", 0xa2)]
            .map(|(name, byte)| (name.to_owned(), Token([byte; 32])))
            .into(),
        files: vec![PolicyFile {
            path: "policy.toml".to_owned(),
            text: text.to_owned(),
        }],
    })
}

/// An approver, or another principal that is in groups.
pub(crate) fn grouped(cause: Cause, id: &str, role: Role, groups: &[&str]) -> Body {
    match principal(cause, id, role) {
        Body::Principal(change) => Body::Principal(PrincipalChange {
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..change
        }),
        other => panic!("{other:?}"),
    }
}

/// A `dnc` entry that lists or exempts, by compliance.
pub(crate) fn dnc(op: DncOp, listings: Vec<Listing>, request_id: &str) -> Body {
    let call = match op {
        DncOp::List => Call::AddDnc,
        DncOp::Unlist => Call::RemoveDnc,
        DncOp::Exempt => Call::ExemptDnc,
        DncOp::ImportBegin => Call::BeginImport,
        DncOp::ImportEnd => Call::EndImport,
    };
    Body::Dnc(Dnc {
        cause: caused(call, Role::Compliance, COMPLIANCE, request_id),
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
    })
}

/// The cause of a command that a call makes.
pub(crate) fn cause_mut(body: &mut Body) -> &mut Cause {
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
        Body::Approval(body) => &mut body.cause,
        Body::BreakGlass(body) => &mut body.cause,
        Body::Breaker(body) => &mut body.cause,
        Body::Key(body) => &mut body.cause,
        other => panic!("{other:?}"),
    }
}
