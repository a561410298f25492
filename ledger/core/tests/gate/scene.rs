//! A ledger with one agent who may do everything, for tests that are about one thing.

use ledger_core::action::Channels;
use ledger_core::entry::{
    Basis, Body, Cause, Cite, Code, Commitment, Decision, DetailName, Dnc, DncOp, Execution, Key,
    Listing, ListingReason, Outcome, Recipient, RecipientRole, Status, Target,
};
use ledger_core::hash::Hash;
use ledger_core::plan::{Plan, Refusal};
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};

use super::ledger::{AGENTS, COMPLIANCE, Ledger, caused, dnc, seconds};

/// The agent who may do everything.
pub(crate) const AGENT: &str = AGENTS[0];

pub(crate) const POLICY: &str = r#"
version = 1
[[action]]
name = "crm.update"
class = "write"
[[grant]]
id = "everything"
agent = "agent.one"
actions = ["email.send", "sms.send", "call.queue", "meeting.book", "sequence.enroll", "crm.update"]
sellers = ["*"]
mailboxes = ["*"]
objects = ["*"]
reads = ["*"]
writes = ["*"]
approval = "waived"
"#;

pub(crate) struct Scene {
    pub(crate) ledger: Ledger,
    requests: u64,
}

impl Scene {
    /// With the policy above, and what is added to it, from the first second on.
    pub(crate) fn new(more: &str) -> Self {
        let mut ledger = Ledger::new();
        ledger.publish(&format!("{POLICY}{more}"), seconds(0));
        Self {
            ledger,
            requests: 0,
        }
    }

    pub(crate) fn request_id(&mut self) -> String {
        self.requests += 1;
        format!("r-{}", self.requests)
    }

    /// A request for `action` on behalf of `acme`. What changes something names what it changes.
    pub(crate) fn request(&mut self, action: &str, recipients: Vec<Recipient>) -> Decision {
        let cause = caused(Call::Decide, Role::Agent, AGENT, &self.request_id());
        let changed = (action == "crm.update").then(|| target("note", 1));
        Decision {
            seller: Some("acme".to_owned()),
            recipients,
            targets: changed.into_iter().collect(),
            tokens_v: Some(1),
            ..Decision::request(Basis::Gate, cause, action.to_owned())
        }
    }

    pub(crate) fn decide(&mut self, request: Decision, now: Timestamp) -> (u64, Decision) {
        let (seq, body) = self.ledger.append(Body::Decision(Box::new(request)), now);
        match body {
            Body::Decision(decision) => (seq, *decision),
            other => panic!("{other:?}"),
        }
    }

    /// What becomes of an action to one person.
    pub(crate) fn ask(&mut self, action: &str, who: Recipient, now: Timestamp) -> Decision {
        let request = self.request(action, vec![who]);
        self.decide(request, now).1
    }

    pub(crate) fn list(&mut self, listing: Listing, now: Timestamp) -> u64 {
        let id = self.request_id();
        self.ledger
            .append(dnc(DncOp::List, vec![listing], &id), now)
            .0
    }

    pub(crate) fn exempt(&mut self, exemption: Listing, now: Timestamp) -> u64 {
        let id = self.request_id();
        self.ledger
            .append(dnc(DncOp::Exempt, vec![exemption], &id), now)
            .0
    }

    /// Ends listings.
    pub(crate) fn unlist(&mut self, ends: &[(u64, u64)], now: Timestamp) -> Result<Plan, Refusal> {
        let command = unlisting(ends, &self.request_id());
        self.ledger.submit(command, now)
    }

    /// Reports that an allow was not used after all.
    pub(crate) fn give_up(&mut self, decision: u64, now: Timestamp) -> Execution {
        let cause = caused(Call::Record, Role::Agent, AGENT, &self.request_id());
        let report = execution(cause, decision, Status::NotStarted);
        match self.ledger.append(Body::Execution(Box::new(report)), now).1 {
            Body::Execution(execution) => *execution,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn unlisting(ends: &[(u64, u64)], request_id: &str) -> Body {
    let reason = Commitment {
        commitment: Hash([8; 32]),
        bytes: 3,
        redacted: None,
    };
    let ends = ends.iter().map(|(seq, index)| Cite {
        seq: *seq,
        index: Some(*index),
    });
    Body::Dnc(Dnc {
        cause: caused(Call::RemoveDnc, Role::Compliance, COMPLIANCE, request_id),
        op: DncOp::Unlist,
        tokens_v: None,
        listings: Vec::new(),
        ends: ends.collect(),
        import: None,
        imports: None,
        imported: None,
        outcome: None,
        evidence: Some(Hash([7; 32])),
        details: [(DetailName::Reason, reason)].into(),
    })
}

pub(crate) fn execution(cause: Cause, decision: u64, status: Status) -> Execution {
    Execution {
        cause,
        decision,
        status,
        error_code: None,
        provider: None,
        provider_id: None,
        started_at: None,
        occurred_at: None,
        cost_micros: None,
        results: Vec::new(),
        policy: None,
        findings: Vec::new(),
        details: std::collections::BTreeMap::new(),
    }
}

pub(crate) fn key(kind: Kind, number: u8) -> Key {
    let token = Hash::of(&[kind.as_str().as_bytes(), &[number]].concat());
    Key {
        kind,
        token: Token(*token.as_bytes()),
        v: None,
    }
}

/// An object that is acted on, without fields.
pub(crate) fn target(kind: &str, number: u8) -> Target {
    Target {
        kind: kind.to_owned(),
        id: Some(key(Kind::target(kind).unwrap(), number).token),
        reads: Vec::new(),
        writes: Vec::new(),
    }
}

pub(crate) fn to(keys: Vec<Key>) -> Recipient {
    Recipient {
        role: RecipientRole::To,
        keys,
        utc_offset: None,
        dnc: false,
        unusable: Vec::new(),
    }
}

/// A person with every kind of key, all of their own; the address lies below a subdomain.
pub(crate) fn person(number: u8) -> Recipient {
    let mut keys = vec![
        key(Kind::Email, number),
        key(Kind::EmailCanonical, number),
        key(Kind::Domain, number),
    ];
    keys.push(registrable(number));
    keys.extend([Kind::Phone, Kind::Contact, Kind::Account].map(|kind| key(kind, number)));
    to(keys)
}

/// Every key by which an exemption has to name a person.
pub(crate) fn whole(number: u8) -> Vec<Key> {
    [Kind::EmailCanonical, Kind::Phone, Kind::Contact]
        .map(|kind| key(kind, number))
        .to_vec()
}

/// The parent domain of a person's address.
pub(crate) fn registrable(number: u8) -> Key {
    key(Kind::Domain, 100 + number)
}

/// A listing for every seller and channel, by a listing reason that an exemption may lift.
pub(crate) fn listed(keys: &[Key]) -> Listing {
    Listing {
        keys: keys.to_vec(),
        seller: None,
        channels: Channels::none(),
        reason: Some(ListingReason::Manual),
        source: None,
        requested_at: None,
        effective_from: None,
        expires_at: None,
        evidence: None,
    }
}

/// An exemption for `acme` by every channel, until the end of the day.
pub(crate) fn exempted(keys: &[Key]) -> Listing {
    Listing {
        seller: Some("acme".to_owned()),
        channels: Channels::all(),
        reason: None,
        expires_at: Some(seconds(43_200)),
        evidence: Some(Hash([9; 32])),
        ..listed(keys)
    }
}

/// The kinds of key by which recipient 0 was found listed, with what is cited.
pub(crate) fn hits(decision: &Decision, code: Code) -> Vec<(Kind, Vec<Cite>)> {
    let reasons = decision.reasons.iter().filter(|reason| reason.code == code);
    reasons
        .map(|reason| {
            assert_eq!(reason.recipient, Some(0));
            (reason.key.clone().unwrap(), reason.cites.clone())
        })
        .collect()
}

pub(crate) fn allowed(decision: &Decision) -> bool {
    decision.outcome == Outcome::Allow
}

pub(crate) fn has(decision: &Decision, code: Code) -> bool {
    decision.reasons.iter().any(|reason| reason.code == code)
}
