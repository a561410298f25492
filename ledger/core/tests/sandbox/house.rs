//! A ledger in memory, of either environment, with its keys: plan, encode, fold, prove.

use ledger_core::checkpoint::Checkpoint;
use ledger_core::entry::{
    Actor, Approval, Basis, Body, Cause, Change, Decision, Entry, Environment, Genesis, Key,
    KeyEntry, KeyEvent, PolicyEntry, PolicyFile, PrincipalChange, Promotion, Recipient,
    RecipientRole, Verdict,
};
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::normalise::{self, Identifiers, Identity, RESERVED_DOMAINS};
use ledger_core::note::SigningKey;
use ledger_core::plan::{Plan, Refusal, plan};
use ledger_core::receipt::Receipt;
use ledger_core::role::{Call, Role};
use ledger_core::state::State;
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, SubjectKey};
use ledger_core::tree::{BatchTree, CompactRange};
use ledger_core::view::MemoryView;

pub(crate) const OPERATOR: &str = "ops";
/// An operator who also belongs to the group that approves policies.
pub(crate) const APPROVER: &str = "revops.one";
pub(crate) const AGENT: &str = "agent.one";

/// So many seconds after 2026-11-22T12:00:00Z.
pub(crate) fn at(seconds: i64) -> Timestamp {
    micros(seconds * 1_000_000)
}

pub(crate) fn micros(micros: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-22T12:00:00.000000Z".parse().unwrap();
    Timestamp::from_micros(noon.micros() + micros).unwrap()
}

pub(crate) struct House {
    pub(crate) origin: String,
    pub(crate) key: SigningKey,
    pub(crate) subject: SubjectKey,
    pub(crate) state: State<MemoryView>,
    pub(crate) lines: Vec<Vec<u8>>,
    requests: u64,
}

impl House {
    /// A ledger with an operator, an approver of policies and an agent. Its keys come from `seed`.
    pub(crate) fn new(origin: &str, environment: Environment, seed: u8) -> Self {
        let key = SigningKey::from_seed(&[seed; 32], origin).unwrap();
        let mut house = Self {
            origin: origin.to_owned(),
            key,
            subject: SubjectKey::new([seed; 32]),
            state: State::load(MemoryView::default()).unwrap(),
            lines: Vec::new(),
            requests: 0,
        };
        let reserved = RESERVED_DOMAINS.map(|name| house.subject.token(&Kind::Domain, name));
        let genesis = Genesis {
            actor: Actor::ledger(),
            origin: origin.to_owned(),
            environment,
            gate: 1,
            key: house.vkey(),
            subject_key: Hash(house.subject.commitment()),
            content_key: Hash([2; 32]),
            normaliser: normalise::VERSION.to_owned(),
            tokens_v: 1,
            reserved: reserved.to_vec(),
        };
        house.append(Body::Genesis(genesis), at(0));
        let first = principal(Cause::ledger(), OPERATOR, Role::Operator, &[]);
        house.append(first, at(0));
        for (id, role, groups) in [
            (APPROVER, Role::Approver, &["revops", "sales-ops"][..]),
            (AGENT, Role::Agent, &[]),
        ] {
            let cause = house.cause(Call::PutPrincipal, Role::Operator, OPERATOR);
            house.append(principal(cause, id, role, groups), at(0));
        }
        house
    }

    pub(crate) fn sandbox() -> Self {
        Self::new("sandbox.example/ledger", Environment::Sandbox, 7)
    }

    pub(crate) fn prod() -> Self {
        Self::new("prod.example/ledger", Environment::Prod, 8)
    }

    pub(crate) fn vkey(&self) -> String {
        self.key.verification_key().to_string()
    }

    pub(crate) fn size(&self) -> u64 {
        self.lines.len() as u64
    }

    pub(crate) fn cause(&mut self, call: Call, role: Role, id: &str) -> Cause {
        self.requests += 1;
        let request_id = format!("r-{}", self.requests);
        Cause {
            content: Some(Hash::of(request_id.as_bytes())),
            request_id: Some(request_id),
            call: Some(call),
            action_id: None,
            correlation_id: Some("run-1".to_owned()),
            actor: Actor::principal(role, id),
        }
    }

    pub(crate) fn submit(&mut self, command: Body, now: Timestamp) -> Result<Vec<Entry>, Refusal> {
        match plan(&self.state, command, now)? {
            Plan::Append(bodies) => Ok(bodies
                .into_iter()
                .map(|body| {
                    let entry = self.state.entry(now, body);
                    self.write(&entry);
                    entry
                })
                .collect()),
            Plan::Repeat(first) => panic!("a repetition of {first}"),
        }
    }

    fn write(&mut self, entry: &Entry) {
        let line = entry.encode().unwrap();
        assert_eq!(Entry::decode(&line).unwrap(), *entry);
        self.state.apply(entry, None).unwrap();
        self.lines.push(line);
    }

    /// The first entry of what a command that is not refused leads to.
    pub(crate) fn append(&mut self, command: Body, now: Timestamp) -> Entry {
        let mut entries = self.submit(command, now).unwrap().into_iter();
        entries.next().unwrap()
    }

    pub(crate) fn entry(&self, seq: u64) -> Entry {
        Entry::decode(&self.lines[usize::try_from(seq).unwrap()]).unwrap()
    }

    // Policies.

    pub(crate) fn publication(&mut self, files: &[PolicyFile], by: &str) -> PolicyEntry {
        let text = &files
            .iter()
            .find(|file| file.path == "policy.toml")
            .unwrap()
            .text;
        let names = |key: &str| -> Vec<String> {
            let lists = text
                .lines()
                .filter_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
            lists
                .flat_map(|list| list.split('"').skip(1).step_by(2).map(str::to_owned))
                .filter(|name| name != "*")
                .collect()
        };
        let (mailboxes, domains) = (names("mailboxes"), names("fake_domains"));
        PolicyEntry {
            cause: self.cause(Call::PublishPolicy, Role::Operator, by),
            continues: None,
            sha256: None,
            replaces: None,
            parts: None,
            mailboxes: mailboxes
                .iter()
                .map(|name| {
                    (
                        name.clone(),
                        normalise::mailbox(name).unwrap().token(&self.subject),
                    )
                })
                .collect(),
            fake_domains: domains
                .iter()
                .map(|name| (name.clone(), self.subject.token(&Kind::Domain, name)))
                .collect(),
            promotion: None,
            files: files.to_vec(),
        }
    }

    pub(crate) fn publish(&mut self, text: &str, now: Timestamp) -> u64 {
        let policy = self.publication(&file(text), OPERATOR);
        self.append(Body::Policy(policy), now).seq
    }

    pub(crate) fn promote(
        &mut self,
        files: &[PolicyFile],
        by: &str,
        (approval, receipt): (u64, &str),
        now: Timestamp,
    ) -> Result<Vec<Entry>, Refusal> {
        let mut policy = self.publication(files, by);
        policy.promotion = Some(Box::new(Promotion {
            approval,
            receipt: receipt.to_owned(),
            origin: String::new(),
            key: 0,
            approver: String::new(),
        }));
        self.submit(Body::Policy(policy), now)
    }

    pub(crate) fn trust(&mut self, event: KeyEvent, key: &str, now: Timestamp) -> u64 {
        let call = match event {
            KeyEvent::Trusted => Call::TrustKey,
            KeyEvent::Distrusted => Call::DistrustKey,
        };
        let cause = self.cause(call, Role::Operator, OPERATOR);
        let key = key.to_owned();
        self.append(Body::Key(KeyEntry { cause, event, key }), now)
            .seq
    }

    pub(crate) fn approve(&mut self, what: Result<Hash, u64>, now: Timestamp) -> u64 {
        let cause = self.cause(Call::AnswerApproval, Role::Approver, APPROVER);
        let approval = Approval {
            cause,
            decision: what.err(),
            policy: what.ok(),
            verdict: Verdict::Granted,
            group: String::new(),
            expires_at: None,
            granted: None,
            details: std::collections::BTreeMap::new(),
        };
        self.append(Body::Approval(approval), now).seq
    }

    // Requests.

    pub(crate) fn mailbox(&self, name: &str) -> ledger_core::token::Token {
        normalise::mailbox(name).unwrap().token(&self.subject)
    }

    /// A recipient, as the service makes one.
    pub(crate) fn recipient(&self, given: Identifiers<'_>) -> Recipient {
        let identity = Identity::of(given);
        Recipient {
            role: RecipientRole::To,
            keys: identity
                .keys
                .iter()
                .map(|key| Key {
                    kind: key.kind.clone(),
                    token: key.token(&self.subject),
                    v: None,
                })
                .collect(),
            dnc: false,
            utc_offset: None,
            unusable: identity
                .unusable
                .iter()
                .map(|error| error.kind.clone())
                .collect(),
        }
    }

    pub(crate) fn request(&mut self, action: &str) -> Decision {
        let cause = self.cause(Call::Decide, Role::Agent, AGENT);
        Decision::request(Basis::Gate, cause, action.to_owned())
    }

    pub(crate) fn decide(&mut self, request: Decision, now: Timestamp) -> (u64, Decision) {
        let entry = self.append(Body::Decision(Box::new(request)), now);
        match entry.body {
            Body::Decision(decision) => (entry.seq, *decision),
            other => panic!("{other:?}"),
        }
    }

    // Proofs.

    pub(crate) fn receipt(&self, seq: u64) -> Receipt {
        let leaves: Vec<Hash> = self.lines.iter().map(|line| leaf_hash(line)).collect();
        let tree = BatchTree::new(&CompactRange::new(), &leaves);
        let checkpoint = Checkpoint::new(self.origin.as_str(), tree.size(), tree.root());
        Receipt {
            entry: self.lines[usize::try_from(seq).unwrap()].clone(),
            seq,
            proof: tree.inclusion_proof(seq).unwrap(),
            checkpoint: checkpoint.sign(&self.key).unwrap().to_bytes(),
        }
    }
}

fn principal(cause: Cause, id: &str, role: Role, groups: &[&str]) -> Body {
    Body::Principal(PrincipalChange {
        cause,
        id: id.to_owned(),
        role,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        credential: Some(Hash::of(id.as_bytes())),
        change: Change::Added,
    })
}

pub(crate) fn file(text: &str) -> Vec<PolicyFile> {
    vec![PolicyFile {
        path: "policy.toml".to_owned(),
        text: text.to_owned(),
    }]
}
