//! The controls that people and time have a part in: scopes, tiers, approvals, break-glass, imports and
//! keys, in a log of their own under the policy of [`rich`](super::rich).

use ledger_core::entry::{
    Approval, Body, BreakGlass, BreakGlassEvent, Breaker, BreakerEvent, BreakerScope, Cause,
    Commitment, Decision, DetailName, Dnc, DncOp, Event, Foreign, Import, Key, KeyEntry, KeyEvent,
    ListingReason, Measure, Outcome, OutcomeReport, PrincipalChange, Status, Target, Verdict,
};
use ledger_core::hash::Hash;
use ledger_core::normalise::{Identifiers, Subject};
use ledger_core::note::SigningKey;
use ledger_core::role::{Call, Role};
use ledger_core::token::Kind;

use super::rich::action;
use super::{Ledger, person};

/// An object acted on.
pub fn target(kind: &str, id: Option<&str>, reads: &[&str], writes: &[&str]) -> Target {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Target {
        kind: kind.to_owned(),
        id: id.map(|id| {
            ledger_core::token::SubjectKey::new([9; 32]).token(&Kind::target(kind).unwrap(), id)
        }),
        reads: names(reads),
        writes: names(writes),
    }
}

/// What the policy of this log says besides: a row that asks another group, and what opens on the first
/// bounce, on the third failure, and on what enrichment costs.
const MORE: &str = r#"
[[grant]]
id = "companies"
agent = "agent.sender"
actions = ["crm.deal.stage"]
objects = ["company"]
writes = ["stage"]
approvers = "field-sales"

[[breaker]]
id = "bounces"
measure = "hard_bounce_rate"
actions = ["email.send"]
per = "mailbox"
warn_ppm = 20000
open_ppm = 400000
window = "7d"

[[breaker]]
id = "errors"
measure = "error_rate"
classes = ["write"]
per = "agent"
open_ppm = 500000
minimum = 2
window = "10m"

[[breaker]]
id = "spending"
measure = "cost"
actions = ["gift.send"]
per = "workspace"
warn_micros = 1000
open_micros = 5000
window = "1d"
"#;

pub fn reason() -> std::collections::BTreeMap<DetailName, Commitment> {
    [(
        DetailName::Reason,
        Commitment::new(&[4; 32], b"it is needed", 0),
    )]
    .into()
}

impl Ledger {
    pub fn approver(&mut self, id: &str, groups: &[&str]) -> u64 {
        let cause = self.cause(Role::Operator, "op.first", Call::PutPrincipal);
        self.submit(Body::Principal(PrincipalChange {
            cause,
            id: id.to_owned(),
            role: Role::Approver,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            credential: Some(Hash::of(id.as_bytes())),
            change: ledger_core::entry::Change::Added,
        }))
    }

    pub fn answer(&mut self, by: &str, decision: u64, verdict: Verdict) -> u64 {
        let cause = self.cause(Role::Approver, by, Call::AnswerApproval);
        self.submit(Body::Approval(Approval {
            cause,
            decision: Some(decision),
            policy: None,
            verdict,
            group: String::new(),
            expires_at: None,
            granted: None,
            details: reason(),
        }))
    }

    pub fn expire(&mut self, decision: u64) -> u64 {
        self.submit(Body::Approval(Approval {
            cause: Cause::ledger(),
            decision: Some(decision),
            policy: None,
            verdict: Verdict::Expired,
            group: String::new(),
            expires_at: None,
            granted: None,
            details: std::collections::BTreeMap::new(),
        }))
    }

    /// Break-glass for one action of `agent.sender`; of anything but a request, naming it.
    pub fn glass(&mut self, by: (Role, &str), event: BreakGlassEvent, request: Option<u64>) -> u64 {
        let call = match event {
            BreakGlassEvent::Requested => Call::RequestBreakGlass,
            BreakGlassEvent::Opened => Call::ConfirmBreakGlass,
            BreakGlassEvent::Closed => Call::CloseBreakGlass,
        };
        let asks = event == BreakGlassEvent::Requested;
        let cause = self.cause(by.0, by.1, call);
        self.submit(Body::BreakGlass(BreakGlass {
            cause,
            event,
            request,
            requested_by: None,
            agent: if asks { "agent.sender" } else { "" }.to_owned(),
            action: asks.then(|| "crm.record.merge".to_owned()),
            duration_s: if asks { 600 } else { 0 },
            until: None,
            details: if asks {
                reason()
            } else {
                std::collections::BTreeMap::new()
            },
        }))
    }

    fn import(&mut self, op: DncOp, import: Option<u64>, phone: Option<&str>) -> u64 {
        let call = match op {
            DncOp::ImportBegin => Call::BeginImport,
            DncOp::ImportEnd => Call::EndImport,
            _ => Call::AddDnc,
        };
        let registry = ListingReason::NationalRegistry;
        let listings: Vec<_> = phone
            .into_iter()
            .map(|phone| self.listing(Subject::Phone(phone), registry))
            .collect();
        let cause = self.cause(Role::Compliance, "compliance.one", call);
        self.submit(Body::Dnc(Dnc {
            cause,
            op,
            tokens_v: (!listings.is_empty()).then_some(1),
            listings,
            ends: Vec::new(),
            import,
            imports: (op == DncOp::ImportBegin).then(|| Import {
                source: "ftc".to_owned(),
                reason: registry,
                sha256: Hash::of(b"the file"),
                rows: None,
                rejected: None,
                changes: false,
            }),
            imported: None,
            outcome: None,
            evidence: None,
            details: std::collections::BTreeMap::new(),
        }))
    }

    fn ended(&mut self, cause: Cause, event: BreakerEvent, opened: u64) -> u64 {
        self.submit(Body::Breaker(Box::new(Breaker {
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
            details: if event == BreakerEvent::Reset {
                reason()
            } else {
                std::collections::BTreeMap::new()
            },
        })))
    }

    /// A person resets the breaker that entry `opened` opened.
    pub fn reset(&mut self, opened: u64) -> u64 {
        let cause = self.cause(Role::Operator, "op.first", Call::ResetBreaker);
        self.ended(cause, BreakerEvent::Reset, opened)
    }

    pub fn close(&mut self, opened: u64) -> u64 {
        self.ended(Cause::ledger(), BreakerEvent::Closed, opened)
    }

    /// Somebody unsubscribes by a message that cannot be matched.
    fn unsubscribed(&mut self, keys: Vec<Key>) -> u64 {
        let cause = self.cause(Role::Recorder, "recorder.mail", Call::Record);
        self.submit(Body::Outcome(Box::new(OutcomeReport {
            cause,
            execution: None,
            event: Event::Unsubscribe,
            recipient: None,
            keys,
            tokens_v: Some(1),
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

    fn key(&mut self, event: KeyEvent) -> u64 {
        let call = match event {
            KeyEvent::Trusted => Call::TrustKey,
            KeyEvent::Distrusted => Call::DistrustKey,
        };
        let cause = self.cause(Role::Operator, "op.first", call);
        let key = SigningKey::from_seed(&[8; 32], "sandbox.example").unwrap();
        let key = key.verification_key().to_string();
        self.submit(Body::Key(KeyEntry { cause, event, key }))
    }

    /// The same request again, as a new one that names an approval.
    fn ask_again(&mut self, request: &Decision, approval: Option<u64>) -> u64 {
        let content = request.cause.content;
        let cause = self.cause(Role::Agent, "agent.sender", Call::Decide);
        let mut again = request.clone();
        again.cause = Cause {
            content,
            correlation_id: request.cause.correlation_id.clone(),
            ..cause
        };
        again.approval = approval;
        self.decide(again)
    }
}

fn foreign(outcome: Outcome) -> Foreign {
    Foreign {
        engine: "opa".to_owned(),
        policy: None,
        outcome,
    }
}

/// A log of everything that takes a person's answer, or the lack of one.
pub fn log() -> Ledger {
    let mut ledger = Ledger::started();
    let l = &mut ledger;
    l.put(Role::Agent, "agent.sender");
    l.put(Role::Agent, "agent.drafter");
    l.put(Role::Compliance, "compliance.one");
    l.put(Role::Recorder, "recorder.mail");
    l.approver("approver.ops", &["revops", "sales-ops"]);
    l.approver("approver.field", &["field-sales"]);
    l.publish(&format!("{}{MORE}", super::rich::POLICY));
    scopes(l);
    approvals(l);
    break_glass(l);
    calls(l);
    breakers(l);
    l.key(KeyEvent::Trusted);
    l.key(KeyEvent::Distrusted);
    ledger
}

fn scopes(l: &mut Ledger) {
    let mut request = action(l, "crm.contact.update");
    l.decide(request.clone());
    request = action(l, "crm.contact.update");
    request.targets = vec![target("deal", Some("d-1"), &[], &["stage"])];
    l.decide(request);
    let mut request = action(l, "crm.contact.update");
    request.targets = vec![
        target("contact", Some("c-1"), &["email"], &["phone", "owner"]),
        target("contact", Some("c-2"), &[], &["agent_reason"]),
    ];
    l.decide(request);
    // Agents' own fields alone; then a sensitive one.
    let mut request = action(l, "crm.contact.update");
    request.targets = vec![target("contact", Some("c-2"), &[], &["agent_reason"])];
    l.decide(request);
    let mut request = action(l, "crm.contact.update");
    request.targets = vec![target("contact", Some("c-2"), &[], &["lifecycle_stage"])];
    l.decide(request);
    for name in ["crm.deal.stage", "crm.contact.update"] {
        let mut request = action(l, name);
        request.cause.actor.id = "agent.drafter".to_owned();
        request.cause.actor.version = Some("sha256:bb".to_owned());
        let kind = if name == "crm.deal.stage" {
            "deal"
        } else {
            "contact"
        };
        request.targets = vec![target(kind, None, &[], &["agent_reason"])];
        l.decide(request);
    }
    let mut request = action(l, "crm.contact.update");
    request.targets = vec![target("contact", Some("c-1"), &[], &["phone"])];
    request.undoes = Some(9_999);
    l.decide(request);
}

fn approvals(l: &mut Ledger) {
    // Asked, granted, asked again, used; then once too often.
    let mut stage = action(l, "crm.deal.stage");
    stage.targets = vec![target("deal", Some("d-1"), &[], &["stage"])];
    let asked = l.decide(stage.clone());
    l.advance_s(5);
    let granted = l.answer("approver.ops", asked, Verdict::Granted);
    let mut changed = action(l, "crm.deal.stage");
    changed.targets.clone_from(&stage.targets);
    changed.approval = Some(granted);
    l.decide(changed);
    let allow = l.ask_again(&stage, Some(granted));
    let execution = l.execution(allow);
    let executed = l.report(execution);
    l.ask_again(&stage, Some(granted));
    l.ask_again(&stage, Some(allow));
    let mut undo = action(l, "crm.deal.stage");
    undo.targets.clone_from(&stage.targets);
    undo.undoes = Some(executed);
    let undo = l.decide(undo);

    // Denied; granted and never used; never answered.
    l.answer("approver.ops", undo, Verdict::Denied);
    let mut meeting = l.email(&[person("vip@else.io", "c-30")]);
    meeting.action = "meeting.book".to_owned();
    meeting.mailbox = None;
    let unused = l.decide(meeting.clone());
    let late = l.answer("approver.field", unused, Verdict::Granted);
    let again = Identifiers {
        phone: Some("+44 20 7946 0009"),
        ..person("vip2@else.io", "c-31")
    };
    let mut request = l.email(&[again]);
    request.action = "meeting.book".to_owned();
    request.mailbox = None;
    let unanswered = l.decide(request);

    // By two groups, so by none; and by somebody who has left the group since.
    let mut both = action(l, "crm.deal.stage");
    both.targets = vec![
        target("deal", Some("d-2"), &[], &["stage"]),
        target("company", Some("a-2"), &[], &["stage"]),
    ];
    l.decide(both);
    let mut moved = action(l, "crm.deal.stage");
    moved.targets = vec![target("deal", Some("d-3"), &[], &["stage"])];
    let asked = l.decide(moved.clone());
    let granted = l.answer("approver.ops", asked, Verdict::Granted);
    l.approver("approver.ops", &["sales-ops"]);
    l.ask_again(&moved, Some(granted));
    l.approver("approver.ops", &["revops", "sales-ops"]);

    // What another engine allowed stands for the approval, where the row says so.
    for (outcome, contact) in [(Outcome::Allow, "c-32"), (Outcome::RequireApproval, "c-33")] {
        let mut request = l.email(&[person(&format!("{contact}@else.io"), contact)]);
        request.action = "sms.send".to_owned();
        request.mailbox = None;
        request.foreign = Some(foreign(outcome));
        l.decide(request);
    }
    l.advance_s(14_500);
    let over: Vec<u64> = l.state.expired(l.now).collect();
    assert!(over.contains(&unused) && over.contains(&unanswered));
    l.timers();
    l.ask_again(&meeting, Some(late));
}

fn break_glass(l: &mut Ledger) {
    let merge = |l: &mut Ledger| {
        let mut request = action(l, "crm.record.merge");
        request.targets = vec![target("deal", Some("d-1"), &[], &[])];
        l.decide(request)
    };
    merge(l);
    let ops = (Role::Operator, "op.first");
    let desk = (Role::Compliance, "compliance.one");
    let request = l.glass(ops, BreakGlassEvent::Requested, None);
    l.glass(desk, BreakGlassEvent::Opened, Some(request));
    let lifted = merge(l);
    let execution = l.execution(lifted);
    l.report(execution);
    l.glass(desk, BreakGlassEvent::Closed, Some(request));
    merge(l);
}

fn breakers(l: &mut Ledger) {
    // Two of three recipients bounce: the first warns, the second opens.
    let mut sent = Vec::new();
    for n in 0..3 {
        let address = format!("b{n}@b{n}.io");
        let request = l.email(&[person(&address, &format!("c-b{n}"))]);
        let decision = l.decide(request);
        let execution = l.execution(decision);
        sent.push(l.report(execution));
    }
    for seq in &sent[..2] {
        l.outcome(Some(*seq), Event::BounceHard);
    }
    let request = l.email(&[person("bull@pen.io", "c-b9")]);
    l.decide(request);
    let opened = l.state.breakers_open(l.now).next().unwrap().0;
    l.reset(opened);

    // Somebody complains, and is listed; so is somebody of whom only the address is known.
    l.outcome(Some(sent[2]), Event::Complaint);
    let request = l.email(&[person("b2@b2.io", "c-b2")]);
    l.decide(request);
    let mut keys = l.recipient(person("gone@away.io", "c-b10")).keys;
    keys.retain(|key| key.kind != Kind::Domain);
    l.unsubscribed(keys);

    // Failures open for their window.
    for _ in 0..2 {
        let mut request = action(l, "crm.contact.update");
        request.targets = vec![target("contact", Some("c-2"), &[], &["phone"])];
        let decision = l.decide(request);
        let mut execution = l.execution(decision);
        execution.status = Status::Failure;
        l.report(execution);
    }
    let mut request = action(l, "crm.contact.update");
    request.targets = vec![target("contact", Some("c-2"), &[], &["phone"])];
    l.decide(request);
    l.advance_s(601);
    let over: Vec<u64> = l.state.breakers_due(l.now).collect();
    assert_eq!(over.len(), 1);
    l.timers();

    // A gift that costs too much.
    let identifiers = Identifiers {
        phone: Some("+44 20 7946 0777"),
        ..person("gift@b7.io", "c-b7")
    };
    let mut request = l.email(&[identifiers]);
    request.action = "gift.send".to_owned();
    let decision = l.decide(request);
    let mut execution = l.execution(decision);
    execution.cost_micros = Some(6_000);
    l.report(execution);

    // A listed person is written to all the same: the agent's contact is closed off.
    let blocked = l.listing(Subject::Domain("never.io"), ListingReason::LegalHold);
    l.dnc(DncOp::List, vec![blocked]);
    let request = l.email(&[person("any@never.io", "c-b8")]);
    let denied = l.decide(request);
    let execution = l.execution(denied);
    l.report(execution);
    let request = l.email(&[person("bear@pit.io", "c-b11")]);
    l.decide(request);
}

fn calls(l: &mut Ledger) {
    let call = |l: &mut Ledger, offset: Option<&str>| {
        let identifiers = Identifiers {
            phone: Some("+44 20 7946 0500"),
            ..Identifiers::default()
        };
        let mut request = l.email(&[identifiers]);
        request.action = "call.queue".to_owned();
        request.mailbox = None;
        request.recipients[0].utc_offset = offset.map(|offset| offset.parse().unwrap());
        l.decide(request)
    };
    call(l, None);
    let import = l.import(DncOp::ImportBegin, None, None);
    l.import(DncOp::List, Some(import), Some("+1 202 555 0100"));
    l.import(DncOp::ImportEnd, Some(import), None);
    call(l, Some("-12:00"));
    call(l, Some("+00:00"));
    l.advance_s(32 * 86_400);
    l.timers();
    call(l, Some("+00:00"));
}
