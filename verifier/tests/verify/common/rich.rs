//! A log in which every kind of entry, every answer key and every reason code of a decision occurs.

use std::fmt::Write as _;

use ledger_core::action::{Channel, Channels, Class};
use ledger_core::entry::{
    Basis, Cause, Cite, Decision, DncOp, Event, Foreign, Listing, ListingReason, Outcome,
    RecipientRole, Scope, Status,
};
use ledger_core::hash::Hash;
use ledger_core::normalise::{Identifiers, Subject};
use ledger_core::role::{Call, Role};

use super::{Ledger, gate, person};

pub const POLICY: &str = r#"version = 1

[[action]]
name = "crm.contact.update"
class = "write"

[[action]]
name = "gift.send"
channels = ["email", "call"]
requires = ["phone"]

[[action]]
name = "crm.deal.stage"
class = "write"

[[action]]
name = "crm.record.merge"
class = "write"

[[action]]
name = "call.queue"
hours = "08:00-21:00"
registry = "31d"

[[grant]]
id = "outbound-sends"
agent = "agent.sender"
actions = ["email.send", "gift.send"]
sellers = ["acme"]
mailboxes = ["outreach-1"]
approval = "waived"

[[grant]]
id = "crm-updates"
agent = "agent.sender"
actions = ["crm.contact.update"]
objects = ["contact"]
reads = ["*"]
writes = ["phone", "lifecycle_stage"]

[[grant]]
id = "calls"
agent = "agent.sender"
actions = ["call.queue"]
sellers = ["*"]
approval = "waived"

[[grant]]
id = "deals"
agent = "agent.sender"
actions = ["crm.deal.stage", "crm.record.merge"]
objects = ["deal"]
writes = ["stage"]

[[grant]]
id = "meetings"
agent = "agent.sender"
actions = ["meeting.book"]
sellers = ["acme"]
approvers = "field-sales"

[[grant]]
id = "texts"
agent = "agent.sender"
actions = ["sms.send"]
sellers = ["acme"]
decided = "elsewhere"

[[grant]]
id = "pinned"
agent = "agent.drafter"
actions = ["crm.deal.stage"]
objects = ["deal"]
agent_versions = ["sha256:aa"]

[[grant]]
id = "tried"
agent = "agent.drafter"
actions = ["crm.contact.update"]
objects = ["contact"]
environments = ["sandbox"]

[[throttle]]
id = "mailbox-hour"
actions = ["email.send"]
per = "mailbox"
limit = 3
window = "1h"

[[throttle]]
id = "recipient-week"
classes = ["contact"]
per = "recipient"
limit = 1
window = "7d"

[[throttle]]
id = "domain-day"
actions = ["email.send"]
per = "domain"
unit = "recipients"
limit = 2
window = "1d"

[numbers]
valid_for_s = 120
report_within_s = 900
"#;

/// A policy too large for one entry; otherwise as [`POLICY`] with another limit.
pub fn large_policy() -> String {
    let mut text = POLICY.replace("limit = 3", "limit = 30");
    for row in 0..60 {
        let sellers: Vec<String> = (0..8)
            .map(|n| format!("\"seller-{row}-{n}-of-a-long-name-indeed\""))
            .collect();
        let sellers = sellers.join(", ");
        write!(
            text,
            "\n[[grant]]\nid = \"row-{row}\"\nagent = \"agent.{row}\"\nactions = [\"email.send\"]\nsellers = [{sellers}]\n"
        )
        .unwrap();
    }
    text
}

/// Seqs of entries that tests point at.
#[derive(Debug, Default)]
pub struct Rich {
    pub policy: u64,
    pub large: u64,
    pub listing: u64,
    pub allow: u64,
    pub denied_domain: u64,
    pub denied_email: u64,
    pub denied_grant: u64,
    pub exempted: u64,
    pub throttled: u64,
    pub executed: u64,
    pub asserted: u64,
    pub stop: u64,
    pub stopped: u64,
    pub resume: u64,
    pub outcome: u64,
    pub unresolved: u64,
    pub acknowledged: u64,
    pub blocked: u64,
    pub unlisted: u64,
    pub no_policy: u64,
}

pub(super) fn action(ledger: &mut Ledger, name: &str) -> Decision {
    let mut request = ledger.email(&[]);
    request.action = name.to_owned();
    request.tool = None;
    request.campaign = None;
    request.mailbox = None;
    request.seller = None;
    request
}

fn asserted(ledger: &mut Ledger, outcome: Outcome) -> u64 {
    let cause = Cause {
        correlation_id: Some("run-asserted".to_owned()),
        ..ledger.cause(Role::Agent, "agent.sender", Call::Record)
    };
    let mut request = Decision::request(Basis::Asserted, cause, "crm.contact.update".to_owned());
    request.foreign = Some(Foreign {
        engine: "opa".to_owned(),
        policy: Some(Hash::of(b"rego")),
        outcome,
    });
    ledger.decide(request)
}

/// The log, and where things are in it.
pub fn log() -> (Ledger, Rich) {
    let mut at = Rich::default();
    let mut ledger = Ledger::started();
    let l = &mut ledger;
    l.put(Role::Agent, "agent.sender");
    l.put(Role::Agent, "agent.drafter");
    l.put(Role::Compliance, "compliance.one");
    l.put(Role::Recorder, "recorder.mail");
    l.put(Role::Auditor, "auditor.one");
    l.put(Role::Agent, "agent.drafter");
    l.revoke(Role::Auditor, "auditor.one");

    // Before a policy.
    let request = l.email(&[person("ann@wonder.land.io", "c-1")]);
    at.no_policy = l.decide(request);
    l.advance_s(10);
    at.policy = l.publish(POLICY);

    // People are listed, for various reasons.
    let domain = l.listing(Subject::Domain("blocked.io"), ListingReason::Manual);
    let mut email = l.listing(
        Subject::Email("No.Body+x@gmail.com"),
        ListingReason::Unsubscribe,
    );
    email.seller = Some("acme".to_owned());
    email.channels = Channels::of(&[Channel::Email]);
    at.listing = l.dnc(DncOp::List, vec![domain, email]);
    let registry = l.listing(
        Subject::Phone("+44 20 7946 0001"),
        ListingReason::NationalRegistry,
    );
    l.dnc(DncOp::List, vec![registry]);
    let mut exemption = Listing {
        seller: Some("acme".to_owned()),
        channels: Channels::of(&[Channel::Email]),
        reason: None,
        requested_at: None,
        expires_at: Some(l.after_s(86_400)),
        evidence: Some(Hash::of(b"consent")),
        ..l.listing(Subject::Email("friend@blocked.io"), ListingReason::Manual)
    };
    // By everything that the runtime knows of this person.
    let contact = l.listing(Subject::Contact("c-5"), ListingReason::Manual);
    exemption.keys.extend(contact.keys);
    l.dnc(DncOp::Exempt, vec![exemption]);
    for n in 0..9 {
        let mut again = l.listing(Subject::Email("often@many.io"), ListingReason::Manual);
        again.source = Some(format!("list-{n}"));
        l.dnc(DncOp::List, vec![again]);
    }

    // Allows, denials, throttles.
    l.advance_s(60);
    let request = l.email(&[person("ann@wonder.land.io", "c-1")]);
    at.allow = l.decide(request);
    l.advance_s(1);
    let request = l.email(&[person("ann@wonder.land.io", "c-1")]);
    at.throttled = l.decide(request);
    let request = l.email(&[person("someone@sub.blocked.io", "c-2")]);
    at.denied_domain = l.decide(request);
    let request = l.email(&[
        person("nobody@googlemail.com", "c-3"),
        person("bob@other.io", "c-4"),
    ]);
    at.denied_email = l.decide(request);
    let request = l.email(&[person("friend@blocked.io", "c-5")]);
    at.exempted = l.decide(request);
    let request = l.email(&[person("often@many.io", "c-6")]);
    l.decide(request);
    let mut request = l.email(&[person("crm@flag.io", "c-7")]);
    request.recipients[0].dnc = true;
    request.recipients[0].role = RecipientRole::Cc;
    l.decide(request);
    let request = l.email(&[person("not an address", "c-8")]);
    l.decide(request);
    let mut request = l.email(&[]);
    request.foreign = Some(Foreign {
        engine: "opa".to_owned(),
        policy: None,
        outcome: Outcome::Deny,
    });
    l.decide(request);
    let request = l.email(&[Identifiers {
        account: Some("a-1"),
        ..Identifiers::default()
    }]);
    l.decide(request);
    let mut request = l.email(&[person("gift@home.io", "c-9")]);
    request.action = "gift.send".to_owned();
    l.decide(request);
    let mut request = l.email(&[person("cat@home.io", "c-10")]);
    request.agent = Some("agent.other".to_owned());
    l.decide(request);
    let mut request = l.email(&[person("dog@home.io", "c-11")]);
    request.seller = Some("umbrella".to_owned());
    l.decide(request);
    let mut request = l.email(&[person("eel@home.io", "c-12")]);
    request.mailbox = Some(l.mailbox("outreach-9"));
    l.decide(request);
    let mut request = l.email(&[person("fox@home.io", "c-13")]);
    request.cause.actor.id = "agent.drafter".to_owned();
    at.denied_grant = l.decide(request);
    let mut request = l.email(&[person("gnu@home.io", "c-14")]);
    request.cause.actor.id = "agent.unheard-of".to_owned();
    l.decide(request);
    let mut request = l.email(&[person("hen@home.io", "c-15")]);
    request.action = "rocket.launch".to_owned();
    l.decide(request);
    let mut request = l.email(&[person("ibis@home.io", "c-16")]);
    request.foreign = Some(Foreign {
        engine: "opa".to_owned(),
        policy: None,
        outcome: Outcome::RequireApproval,
    });
    let waiting = l.decide(request);
    // More reasons and cites than an entry lists.
    let crowd: Vec<_> = (0..50).map(|_| person("often@many.io", "c-6")).collect();
    let request = l.email(&crowd);
    l.decide(request);
    // A rule that counts per mailbox has nothing to count by.
    let mut request = l.email(&[person("jay@home.io", "c-17")]);
    request.mailbox = None;
    l.decide(request);
    let mut request = action(l, "crm.contact.update");
    request.targets = vec![gate::target("contact", Some("c-77"), &[], &["phone"])];
    let unreported = l.decide(request);

    // Reports.
    l.advance_s(5);
    let execution = l.execution(at.allow);
    at.executed = l.report(execution);
    let mut again = l.execution(at.allow);
    again.started_at = None;
    again.occurred_at = None;
    again.cause.correlation_id = Some("run-else".to_owned());
    l.report(again);
    let mut other = l.execution(at.exempted);
    other.cause.actor.id = "agent.drafter".to_owned();
    other.status = Status::Failure;
    l.report(other);
    let execution = l.execution(at.throttled);
    l.report(execution);
    let execution = l.execution(waiting);
    l.report(execution);
    let execution = l.execution(9_999);
    l.report(execution);
    at.outcome = l.outcome(Some(at.executed), Event::BounceHard);
    l.outcome(None, Event::Complaint);
    at.asserted = asserted(l, Outcome::Allow);
    asserted(l, Outcome::Deny);

    // The kill switch, over one outstanding allow.
    let request = l.email(&[person("kit@else.io", "c-18")]);
    let voided = l.decide(request);
    let agent = Scope::Agent {
        id: "agent.sender".to_owned(),
    };
    at.stop = l.stop(agent.clone());
    let class = Scope::Class {
        class: Class::Write,
    };
    l.stop(class.clone());
    let request = l.email(&[person("lynx@else.io", "c-19")]);
    at.stopped = l.decide(request);
    asserted(l, Outcome::Allow);
    l.advance_s(5);
    let mut early = l.execution(voided);
    early.started_at = l.now.checked_sub_s(60);
    l.report(early);
    let mut other = l.execution(at.exempted);
    other.cause.actor.id = "agent.drafter".to_owned();
    l.report(other);
    at.resume = l.resume(agent);
    l.resume(class);

    // Time passes.
    l.advance_s(200);
    l.heartbeat();
    l.advance_s(800);
    at.unresolved = l.unresolved(unreported);
    l.unresolved(at.exempted);
    l.advance_s(1);
    let mut late = l.execution(unreported);
    late.started_at = Some(l.after_s(0));
    l.report(late);
    l.clock_seen(3_600);
    let request = l.email(&[person("mole@else.io", "c-20")]);
    at.blocked = l.decide(request);
    at.acknowledged = l.acknowledge_clock();
    at.unlisted = l.unlist(vec![Cite {
        seq: at.listing,
        index: Some(0),
    }]);
    l.access(Call::Export);
    at.large = l.publish(&large_policy());
    let request = l.email(&[person("newt@else.io", "c-21")]);
    let last = l.decide(request);
    l.advance_s(10);
    l.shutdown();
    l.advance_s(3_600);
    l.boot();
    l.unresolved(last);
    // Another person at a domain whose window is full, and then one elsewhere, left open.
    let request = l.email(&[
        person("owl@else.io", "c-22"),
        person("owl+x@else.io", "c-22"),
    ]);
    l.decide(request);
    let request = l.email(&[person("pig@farm.io", "c-23")]);
    l.decide(request);
    (ledger, at)
}
