//! Goldens of approvals, break-glass, breakers, keys and imports, and of the mark of a sandbox.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

const UNTIL: &str = "2026-11-22T15:31:05.123456Z";

#[test]
fn approvals() {
    let granted = Approval {
        cause: caused(Call::AnswerApproval, Role::Approver, "approver.one"),
        decision: Some(30),
        policy: None,
        verdict: Verdict::Granted,
        group: "sales-ops".to_owned(),
        expires_at: Some(at(UNTIL)),
        granted: None,
        details: details(&[(DetailName::Reason, 0x0d, 12, None)]),
    };
    let by = caused_text("AnswerApproval", "approver", "approver.one");
    holds(
        Body::Approval(granted.clone()),
        &format!(
            r##"{by},"decision":30,"verdict":"granted","group":"sales-ops","expires_at":"{UNTIL}",
            "details":{{"reason":{{"commitment":"#0d","bytes":12}}}}"##
        ),
    );
    let of_policy = Approval {
        decision: None,
        policy: Some(hash(0x77)),
        details: Details::new(),
        ..granted
    };
    holds(
        Body::Approval(of_policy),
        &format!(
            r##"{by},"policy":"#77","verdict":"granted","group":"sales-ops","expires_at":"{UNTIL}""##
        ),
    );
    let expired = Approval {
        cause: Cause::ledger(),
        decision: Some(30),
        policy: None,
        verdict: Verdict::Expired,
        group: "revops".to_owned(),
        expires_at: None,
        granted: Some(31),
        details: Details::new(),
    };
    holds(
        Body::Approval(expired),
        r#""actor":{"type":"ledger","id":"ledger"},"decision":30,"verdict":"expired","group":"revops","granted":31"#,
    );
}

#[test]
fn break_glass() {
    let opened = BreakGlass {
        cause: caused(Call::ConfirmBreakGlass, Role::Operator, "ops-2"),
        event: BreakGlassEvent::Opened,
        request: Some(12),
        requested_by: text("ops"),
        agent: "agent.cleanup".to_owned(),
        action: text("crm.record.merge"),
        duration_s: 900,
        until: Some(at(UNTIL)),
        details: Details::new(),
    };
    let by = caused_text("ConfirmBreakGlass", "operator", "ops-2");
    holds(
        Body::BreakGlass(opened),
        &format!(
            r#"{by},"event":"opened","request":12,"requested_by":"ops","agent":"agent.cleanup",
            "action":"crm.record.merge","duration_s":900,"until":"{UNTIL}""#
        ),
    );
}

#[test]
fn breakers() {
    let opened = Breaker {
        cause: Cause {
            call: Some(Call::Record),
            correlation_id: text("run-7f3a"),
            actor: Actor::principal(Role::Recorder, "mail-gateway"),
            ..Cause::ledger()
        },
        event: BreakerEvent::Opened,
        rule: "bounces".to_owned(),
        scope: BreakerScope {
            agent: text("agent.outbound.sender"),
            seller: text("acme"),
            mailbox: Some(token(0x51)),
            actions: vec!["email.send".to_owned()],
            classes: vec![Class::Contact],
        },
        measure: Measure::HardBounceRate,
        opened: None,
        threshold: Some(50_000),
        count: Some(11),
        sample: Some(200),
        window_s: Some(86_400),
        until: Some(at(UNTIL)),
        cites: vec![Cite {
            seq: 17,
            index: None,
        }],
        cites_total: Some(11),
        details: Details::new(),
    };
    holds(
        Body::Breaker(Box::new(opened)),
        &format!(
            r##""call":"Record","correlation_id":"run-7f3a","actor":{{"type":"recorder","id":"mail-gateway"}},
            "event":"opened","rule":"bounces","scope":{{"agent":"agent.outbound.sender","seller":"acme","mailbox":"#51",
            "actions":["email.send"],"classes":["contact"]}},"measure":"hard_bounce_rate","threshold":50000,"count":11,
            "sample":200,"window_s":86400,"until":"{UNTIL}","cites":[{{"seq":17}}],"cites_total":11"##
        ),
    );
}

#[test]
fn keys_and_imports() {
    let trusted = KeyEntry {
        cause: caused(Call::TrustKey, Role::Operator, "ops"),
        event: KeyEvent::Trusted,
        key: "sandbox.example+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".to_owned(),
    };
    let by = caused_text("TrustKey", "operator", "ops");
    holds(
        Body::Key(trusted),
        &format!(
            r#"{by},"event":"trusted","key":"sandbox.example+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k""#
        ),
    );
    let begins = Dnc {
        cause: caused(Call::BeginImport, Role::Compliance, "compliance-1"),
        op: DncOp::ImportBegin,
        tokens_v: None,
        listings: Vec::new(),
        ends: Vec::new(),
        import: None,
        imports: Some(Import {
            source: "ftc".to_owned(),
            reason: ListingReason::NationalRegistry,
            sha256: hash(0xf1),
            rows: Some(50),
            rejected: Some(2),
            changes: true,
        }),
        imported: None,
        outcome: None,
        evidence: None,
        details: Details::new(),
    };
    let by = caused_text("BeginImport", "compliance", "compliance-1");
    holds(
        Body::Dnc(begins.clone()),
        &format!(
            r##"{by},"op":"import_begin","imports":{{"source":"ftc","reason":"national_registry","sha256":"#f1","rows":50,"rejected":2,"changes":true}}"##
        ),
    );
    let ends = Dnc {
        cause: caused(Call::EndImport, Role::Compliance, "compliance-1"),
        op: DncOp::ImportEnd,
        import: Some(40),
        imported: Some(50),
        ..begins
    };
    let by = caused_text("EndImport", "compliance", "compliance-1");
    holds(
        Body::Dnc(ends),
        &format!(
            r##"{by},"op":"import_end","import":40,"imports":{{"source":"ftc","reason":"national_registry","sha256":"#f1","rows":50,"rejected":2,"changes":true}},"imported":50"##
        ),
    );
}

#[test]
fn every_entry_of_a_sandbox_says_so() {
    let entry = Entry {
        seq: 41,
        time: at(TIME),
        sandbox: true,
        body: Body::Heartbeat(Heartbeat {
            actor: Actor::ledger(),
        }),
    };
    let line = format!(
        r#"{{"v":1,"seq":41,"time":"{TIME}","kind":"heartbeat","sandbox":true,"actor":{{"type":"ledger","id":"ledger"}}}}"#
    );
    assert_eq!(entry.encode().unwrap(), line.as_bytes());
    assert_eq!(Entry::decode(line.as_bytes()).unwrap(), entry);
    for other in [
        line.replace(r#""sandbox":true,"#, r#""sandbox":false,"#),
        line.replace(r#","sandbox":true"#, "")
            .replace("}}", r#"},"sandbox":true}"#),
    ] {
        assert!(Entry::decode(other.as_bytes()).is_err(), "{other}");
    }
}
