//! The exact bytes of every kind, written by hand from the format's description.
//!
//! Line breaks with the spaces behind them are for reading and are no part of the bytes; `#5b` stands
//! for 32 bytes `5b` in hex. A change of any of these is a change of the format.

mod control;
mod gate;

use std::collections::BTreeMap;

use ledger_core::action::{Channel, Channels, Class};
use ledger_core::entry::{
    Access, Actor, Approval, Basis, Body, Boot, BreakGlass, BreakGlassEvent, Breaker, BreakerEvent,
    BreakerScope, Cause, Change, Cite, Clock, ClockEvent, Code, Commitment, Decision, DetailName,
    Details, Dnc, DncOp, Entry, Environment, Event, Execution, Finding, Foreign, Genesis,
    Heartbeat, Import, Key, KeyEntry, KeyEvent, Listing, ListingReason, Matched, Measure, Outcome,
    OutcomeReport, PolicyEntry, PolicyFile, PolicyRef, PrincipalChange, Promotion, Reason,
    Recipient, RecipientResult, RecipientRole, Resume, Scope, Shutdown, Status, Stop, Target,
    ThrottleCount, Unresolved, Verdict,
};
use ledger_core::hash::Hash;
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};

const TIME: &str = "2026-11-22T11:31:05.123456Z";

fn bytes(readable: &str) -> String {
    let mut text: String = readable.lines().map(str::trim_start).collect();
    while let Some(at) = text.find('#') {
        let byte = text[at + 1..at + 3].to_owned();
        text.replace_range(at..at + 3, &byte.repeat(32));
    }
    text
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hash(byte: u8) -> Hash {
    Hash([byte; 32])
}

fn token(byte: u8) -> Token {
    Token([byte; 32])
}

fn key(kind: Kind, byte: u8) -> Key {
    Key {
        kind,
        token: token(byte),
        v: None,
    }
}

fn text<T: From<String>>(word: &str) -> T {
    T::from(word.to_owned())
}

/// A call by an operator, with every id.
fn caused(call: Call, role: Role, id: &str) -> Cause {
    Cause {
        request_id: text("r-1"),
        call: Some(call),
        action_id: text("a-1"),
        correlation_id: text("run-7f3a"),
        content: Some(hash(0xc4)),
        actor: Actor::principal(role, id),
    }
}

const CAUSED: &str = r##""request_id":"r-1","call":"CALL","action_id":"a-1","correlation_id":"run-7f3a","content":"#c4",
    "actor":{"type":"ROLE","id":"WHO"}"##;

fn caused_text(call: &str, role: &str, id: &str) -> String {
    CAUSED
        .replace("CALL", call)
        .replace("ROLE", role)
        .replace("WHO", id)
}

fn details(names: &[(DetailName, u8, u64, Option<u64>)]) -> Details {
    names
        .iter()
        .map(|(name, byte, bytes, redacted)| {
            let commitment = Commitment {
                commitment: hash(*byte),
                bytes: *bytes,
                redacted: *redacted,
            };
            (*name, commitment)
        })
        .collect()
}

fn holds(body: Body, kind_and_body: &str) {
    let kind = body.kind();
    let entry = Entry {
        seq: 41,
        time: at(TIME),
        sandbox: false,
        body,
    };
    let expected = bytes(&format!(
        r#"{{"v":1,"seq":41,"time":"{TIME}","kind":"{kind}",{kind_and_body}}}"#
    ));
    let found = entry.encode().unwrap();
    assert_eq!(String::from_utf8(found).unwrap(), expected);
    assert_eq!(Entry::decode(expected.as_bytes()).unwrap(), entry);
}

#[test]
fn genesis() {
    let genesis = Genesis {
        actor: Actor::ledger(),
        origin: "ledger.example/acme".to_owned(),
        environment: Environment::Prod,
        gate: 1,
        key: "ledger.example/acme+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".to_owned(),
        subject_key: hash(0x5a),
        content_key: hash(0xc7),
        normaliser: "1+psl-2.1.247".to_owned(),
        tokens_v: 1,
        reserved: vec![token(0x01), token(0x02)],
    };
    holds(
        Body::Genesis(genesis),
        r##""actor":{"type":"ledger","id":"ledger"},"origin":"ledger.example/acme","environment":"prod","gate":1,
            "key":"ledger.example/acme+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "subject_key":"#5a","content_key":"#c7","normaliser":"1+psl-2.1.247","tokens_v":1,
            "reserved":["#01","#02"]"##,
    );
}

#[test]
fn boot_heartbeat_shutdown() {
    let boot = Boot {
        actor: Actor::ledger(),
        software: "0.1.0".to_owned(),
        gate: 1,
        evaluator: text("cedar-policy 4.14.1"),
        config: hash(0xcf),
        since: at("1970-01-01T00:00:00.000000Z"),
        clean: false,
    };
    holds(
        Body::Boot(boot),
        r##""actor":{"type":"ledger","id":"ledger"},"software":"0.1.0","gate":1,
            "evaluator":"cedar-policy 4.14.1","config":"#cf",
            "since":"1970-01-01T00:00:00.000000Z","clean":false"##,
    );
    let ledger = r#""actor":{"type":"ledger","id":"ledger"}"#;
    let heartbeat = Heartbeat {
        actor: Actor::ledger(),
    };
    holds(Body::Heartbeat(heartbeat), ledger);
    let shutdown = Shutdown {
        actor: Actor::ledger(),
    };
    holds(Body::Shutdown(shutdown), ledger);
}

#[test]
fn principal() {
    let added = PrincipalChange {
        cause: caused(Call::PutPrincipal, Role::Operator, "ops"),
        id: "approver.legal".to_owned(),
        role: Role::Approver,
        groups: vec!["legal".to_owned(), "vp".to_owned()],
        credential: Some(hash(0x5e)),
        change: Change::Added,
    };
    let caused = caused_text("PutPrincipal", "operator", "ops");
    holds(
        Body::Principal(added),
        &format!(
            r##"{caused},"id":"approver.legal","role":"approver","groups":["legal","vp"],"credential":"#5e","change":"added""##
        ),
    );
    let first = PrincipalChange {
        cause: Cause::ledger(),
        id: "agent.outbound.sender".to_owned(),
        role: Role::Agent,
        groups: Vec::new(),
        credential: None,
        change: Change::Revoked,
    };
    holds(
        Body::Principal(first),
        r#""actor":{"type":"ledger","id":"ledger"},"id":"agent.outbound.sender","role":"agent","change":"revoked""#,
    );
}

#[test]
fn policy() {
    let file = |text: &str| PolicyFile {
        path: "policy.toml".to_owned(),
        text: text.to_owned(),
    };
    let first = PolicyEntry {
        cause: caused(Call::PublishPolicy, Role::Operator, "ops"),
        continues: None,
        sha256: Some(hash(0x77)),
        replaces: Some(PolicyRef {
            seq: 3,
            sha256: hash(0x76),
        }),
        parts: Some(1),
        mailboxes: BTreeMap::from([
            ("outreach-1".to_owned(), token(0x51)),
            ("outreach-2".to_owned(), token(0x52)),
        ]),
        fake_domains: BTreeMap::from([("fake.example".to_owned(), token(0xfd))]),
        promotion: Some(Box::new(Promotion {
            approval: 7,
            receipt: "c2sp.org/tlog-proof@v1\n".to_owned(),
            origin: "sandbox.example".to_owned(),
            key: 6,
            approver: "approver.revops".to_owned(),
        })),
        files: vec![file("version = 1 \u{2014} \"\\\t\n\u{1}\u{7f}é\u{1f4e7}")],
    };
    let caused = caused_text("PublishPolicy", "operator", "ops");
    holds(
        Body::Policy(first),
        &format!(
            r##"{caused},"sha256":"#77","replaces":{{"seq":3,"sha256":"#76"}},"parts":1,
            "mailboxes":{{"outreach-1":"#51","outreach-2":"#52"}},"fake_domains":{{"fake.example":"#fd"}},
            "promotion":{{"approval":7,"receipt":"c2sp.org/tlog-proof@v1\n","origin":"sandbox.example","key":6,
            "approver":"approver.revops"}},
            "files":[{{"path":"policy.toml","text":"version = 1 — \"\\\t\n\u0001{del}é📧"}}]"##,
            del = '\u{7f}'
        ),
    );
    let continuation = PolicyEntry {
        cause: Cause {
            call: Some(Call::PublishPolicy),
            actor: Actor::principal(Role::Operator, "ops"),
            ..Cause::ledger()
        },
        continues: Some(40),
        sha256: None,
        replaces: None,
        parts: None,
        mailboxes: BTreeMap::new(),
        fake_domains: BTreeMap::new(),
        promotion: None,
        files: vec![file("x")],
    };
    holds(
        Body::Policy(continuation),
        r#""call":"PublishPolicy","actor":{"type":"operator","id":"ops"},"continues":40,
            "files":[{"path":"policy.toml","text":"x"}]"#,
    );
}

#[test]
fn dnc() {
    let listing = Listing {
        keys: vec![key(Kind::Email, 0x5b), key(Kind::EmailCanonical, 0xc7)],
        seller: text("acme"),
        channels: Channels::of(&[Channel::Email, Channel::Sms]),
        reason: Some(ListingReason::NationalRegistry),
        source: text("hubspot"),
        requested_at: Some(at("2026-11-01T00:00:00.000000Z")),
        effective_from: Some(at("2026-12-01T00:00:00.000000Z")),
        expires_at: Some(at("2027-12-01T00:00:00.000000Z")),
        evidence: Some(hash(0xe1)),
    };
    let bare = Listing {
        keys: vec![key(Kind::Domain, 0xa0)],
        seller: None,
        channels: Channels::none(),
        reason: Some(ListingReason::Manual),
        source: None,
        requested_at: None,
        effective_from: None,
        expires_at: None,
        evidence: None,
    };
    let list = Dnc {
        cause: caused(Call::AddDnc, Role::Compliance, "compliance-1"),
        op: DncOp::List,
        tokens_v: Some(1),
        listings: vec![listing, bare],
        ends: Vec::new(),
        import: None,
        imports: None,
        imported: None,
        outcome: None,
        evidence: None,
        details: Details::new(),
    };
    let caused_list = caused_text("AddDnc", "compliance", "compliance-1");
    holds(
        Body::Dnc(list),
        &format!(
            r##"{caused_list},"op":"list","tokens_v":1,
            "listings":[{{"keys":[{{"kind":"email","token":"#5b"}},{{"kind":"email.canonical","token":"#c7"}}],
            "seller":"acme","channels":["email","sms"],"reason":"national_registry","source":"hubspot",
            "requested_at":"2026-11-01T00:00:00.000000Z","effective_from":"2026-12-01T00:00:00.000000Z",
            "expires_at":"2027-12-01T00:00:00.000000Z","evidence":"#e1"}},
            {{"keys":[{{"kind":"domain","token":"#a0"}}],"reason":"manual"}}]"##
        ),
    );
    let unlist = Dnc {
        cause: caused(Call::RemoveDnc, Role::Compliance, "compliance-1"),
        op: DncOp::Unlist,
        tokens_v: None,
        listings: Vec::new(),
        ends: vec![Cite {
            seq: 17,
            index: Some(0),
        }],
        import: None,
        imports: None,
        imported: None,
        outcome: None,
        evidence: Some(hash(0xe2)),
        details: details(&[(DetailName::Reason, 0x0d, 12, None)]),
    };
    let caused_unlist = caused_text("RemoveDnc", "compliance", "compliance-1");
    holds(
        Body::Dnc(unlist),
        &format!(
            r##"{caused_unlist},"op":"unlist","ends":[{{"seq":17,"index":0}}],"evidence":"#e2",
            "details":{{"reason":{{"commitment":"#0d","bytes":12}}}}"##
        ),
    );
}

fn full_decision() -> Decision {
    Decision {
        cause: Cause {
            actor: Actor {
                version: text("sha256:9c1e"),
                ..Actor::principal(Role::Agent, "agent.outbound.sender")
            },
            ..caused(Call::Decide, Role::Agent, "")
        },
        agent: text("agent.other"),
        channels: Channels::of(&[Channel::Email]),
        tier: Some(2),
        tool: text("gmail.messages.send"),
        seller: text("acme"),
        campaign: text("q4-renewals"),
        mailbox: Some(token(0x51)),
        targets: vec![
            Target {
                kind: "contact".to_owned(),
                id: Some(token(0x8e)),
                reads: vec!["email".to_owned()],
                writes: vec!["last_contacted".to_owned(), "stage".to_owned()],
            },
            Target {
                kind: "deal".to_owned(),
                id: None,
                reads: Vec::new(),
                writes: Vec::new(),
            },
        ],
        recipients: vec![
            Recipient {
                role: RecipientRole::To,
                keys: vec![
                    key(Kind::Email, 0x5b),
                    key(Kind::EmailCanonical, 0xc7),
                    key(Kind::Domain, 0xa0),
                    Key {
                        v: Some(2),
                        ..key(Kind::Contact, 0x8e)
                    },
                ],
                utc_offset: Some("-03:30".parse().unwrap()),
                dnc: false,
                unusable: Vec::new(),
            },
            Recipient {
                role: RecipientRole::Callee,
                keys: Vec::new(),
                utc_offset: None,
                dnc: true,
                unusable: vec![Kind::Phone],
            },
        ],
        tokens_v: Some(1),
        cost_micros: Some(1_500_000),
        approval: Some(30),
        undoes: Some(31),
        foreign: Some(Foreign {
            engine: "opa".to_owned(),
            policy: Some(hash(0xf0)),
            outcome: Outcome::RequireApproval,
        }),
        policy: Some(PolicyRef {
            seq: 3,
            sha256: hash(0x77),
        }),
        outcome: Outcome::Deny,
        reasons: vec![
            Reason {
                rule: text("outbound-sends"),
                ..Code::GrantRow.reason()
            },
            Reason {
                recipient: Some(0),
                key: Some(Kind::Domain),
                cites: vec![
                    Cite {
                        seq: 17,
                        index: Some(0),
                    },
                    Cite {
                        seq: 18,
                        index: None,
                    },
                ],
                cites_total: Some(9),
                ..Code::DncListed.reason()
            },
            Reason {
                target: Some(0),
                field: text("stage"),
                ..Code::GrantField.reason()
            },
        ],
        reasons_total: Some(44),
        throttles: vec![ThrottleCount {
            rule: "contact-week".to_owned(),
            recipient: Some(0),
            key: Some(Kind::EmailCanonical),
            count: 3,
            needs: 1,
            limit: 3,
            window_s: 604_800,
            passes_at: Some(at("2026-11-23T00:00:00.000000Z")),
        }],
        valid_until: Some(at("2026-11-22T11:32:05.123456Z")),
        report_by: Some(at("2026-11-22T11:46:05.123456Z")),
        approver: text("approver.legal"),
        approvers: text("sales-ops"),
        approve_by: Some(at("2026-11-22T15:31:05.123456Z")),
        findings: vec![Finding::UnderStop],
        details: details(&[
            (DetailName::Recipients, 0x5a, 61, None),
            (DetailName::Params, 0xe3, 812, Some(2)),
            (DetailName::Rationale, 0x0d, 144, None),
        ]),
        ..Decision::request(
            Basis::Gate,
            caused(Call::Decide, Role::Agent, ""),
            "email.send".to_owned(),
        )
    }
}

#[test]
fn decision_with_everything() {
    let caused = caused_text("Decide", "agent", "agent.outbound.sender").replace(
        r#""agent.outbound.sender""#,
        r#""agent.outbound.sender","version":"sha256:9c1e""#,
    );
    holds(
        Body::Decision(Box::new(full_decision())),
        &format!(
            r##""basis":"gate",{caused},"agent":"agent.other","environment":"prod","action":"email.send","class":"contact",
            "channels":["email"],"tier":2,"tool":"gmail.messages.send","seller":"acme","campaign":"q4-renewals","mailbox":"#51",
            "targets":[{{"type":"contact","id":"#8e","reads":["email"],"writes":["last_contacted","stage"]}},
            {{"type":"deal"}}],
            "recipients":[{{"role":"to","keys":[{{"kind":"email","token":"#5b"}},{{"kind":"email.canonical","token":"#c7"}},
            {{"kind":"domain","token":"#a0"}},{{"kind":"contact","token":"#8e","v":2}}],
            "utc_offset":"-03:30"}},
            {{"role":"callee","dnc":true,"unusable":["phone"]}}],"tokens_v":1,
            "cost_micros":1500000,"approval":30,"undoes":31,
            "foreign":{{"engine":"opa","policy":"#f0","outcome":"require_approval"}},
            "policy":{{"seq":3,"sha256":"#77"}},"outcome":"deny",
            "reasons":[{{"check":"grant","code":"grant.row","rule":"outbound-sends"}},
            {{"check":"dnc","code":"dnc.listed","recipient":0,"key":"domain",
            "cites":[{{"seq":17,"index":0}},{{"seq":18}}],"cites_total":9}},
            {{"check":"grant","code":"grant.field","target":0,"field":"stage"}}],"reasons_total":44,
            "throttles":[{{"rule":"contact-week","recipient":0,"key":"email.canonical","count":3,"needs":1,"limit":3,
            "window_s":604800,"passes_at":"2026-11-23T00:00:00.000000Z"}}],
            "valid_until":"2026-11-22T11:32:05.123456Z","report_by":"2026-11-22T11:46:05.123456Z",
            "approver":"approver.legal","approvers":"sales-ops","approve_by":"2026-11-22T15:31:05.123456Z","findings":["under_stop"],
            "details":{{"params":{{"commitment":"#e3","bytes":812,"redacted":2}},
            "rationale":{{"commitment":"#0d","bytes":144}},"recipients":{{"commitment":"#5a","bytes":61}}}}"##
        ),
    );
}

#[test]
fn decision_with_nothing_optional() {
    let cause = Cause {
        actor: Actor::principal(Role::Agent, "a"),
        ..Cause::ledger()
    };
    let decision = Decision {
        class: Class::Write,
        environment: Environment::Sandbox,
        ..Decision::request(Basis::Asserted, cause, "crm.contact.update".to_owned())
    };
    holds(
        Body::Decision(Box::new(decision)),
        r#""basis":"asserted","actor":{"type":"agent","id":"a"},"environment":"sandbox",
            "action":"crm.contact.update","class":"write","outcome":"deny""#,
    );
}

#[test]
fn execution() {
    let execution = Execution {
        cause: caused(Call::Record, Role::Recorder, "mail-gateway"),
        decision: 12,
        status: Status::Partial,
        error_code: text("smtp.452"),
        provider: text("gmail"),
        provider_id: Some(token(0x9d)),
        started_at: Some(at("2026-11-22T11:31:00.000001Z")),
        occurred_at: Some(at("2026-11-22T11:31:04.000000Z")),
        cost_micros: Some(0),
        results: vec![
            RecipientResult {
                recipient: 0,
                status: Status::Success,
                error_code: None,
            },
            RecipientResult {
                recipient: 1,
                status: Status::Failure,
                error_code: text("smtp.550"),
            },
        ],
        policy: Some(PolicyRef {
            seq: 3,
            sha256: hash(0x77),
        }),
        findings: vec![Finding::OtherCorrelation, Finding::ReportLate],
        details: details(&[
            (DetailName::After, 0xaf, 9, None),
            (DetailName::Before, 0xbe, 8, None),
        ]),
    };
    let caused_text = caused_text("Record", "recorder", "mail-gateway");
    holds(
        Body::Execution(Box::new(execution)),
        &format!(
            r##"{caused_text},"decision":12,"status":"partial","error_code":"smtp.452","provider":"gmail","provider_id":"#9d",
            "started_at":"2026-11-22T11:31:00.000001Z","occurred_at":"2026-11-22T11:31:04.000000Z","cost_micros":0,
            "results":[{{"recipient":0,"status":"success"}},{{"recipient":1,"status":"failure","error_code":"smtp.550"}}],
            "policy":{{"seq":3,"sha256":"#77"}},"findings":["other_correlation","report_late"],
            "details":{{"before":{{"commitment":"#be","bytes":8}},"after":{{"commitment":"#af","bytes":9}}}}"##
        ),
    );
    let bare = Execution {
        cause: Cause {
            actor: Actor::principal(Role::Agent, "a"),
            ..Cause::ledger()
        },
        decision: 12,
        status: Status::NotStarted,
        error_code: None,
        provider: None,
        provider_id: None,
        started_at: None,
        occurred_at: None,
        cost_micros: None,
        results: Vec::new(),
        policy: None,
        findings: Vec::new(),
        details: Details::new(),
    };
    holds(
        Body::Execution(Box::new(bare)),
        r#""actor":{"type":"agent","id":"a"},"decision":12,"status":"not_started""#,
    );
}
