//! Goldens of reports, stops, reads and clocks, and the words of closed lists.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

#[test]
fn outcome() {
    let report = OutcomeReport {
        cause: caused(Call::Record, Role::Recorder, "mail-gateway"),
        execution: Some(13),
        event: Event::BounceHard,
        recipient: Some(1),
        keys: vec![key(Kind::Email, 0x5b)],
        tokens_v: Some(1),
        provider: text("ses"),
        provider_id: Some(token(0x9d)),
        occurred_at: Some(at("2026-11-22T11:31:04.000000Z")),
        matched: Some(Matched {
            execution: 13,
            recipient: Some(1),
            correlation_id: "run-7f3a".to_owned(),
        }),
        decision: Some(12),
        policy: Some(PolicyRef {
            seq: 3,
            sha256: hash(0x77),
        }),
        findings: vec![Finding::UnknownExecution],
        details: details(&[(DetailName::Response, 0x4e, 5, None)]),
    };
    let caused = caused_text("Record", "recorder", "mail-gateway");
    holds(
        Body::Outcome(Box::new(report)),
        &format!(
            r##"{caused},"execution":13,"event":"bounce_hard","recipient":1,
            "keys":[{{"kind":"email","token":"#5b"}}],"tokens_v":1,"provider":"ses","provider_id":"#9d",
            "occurred_at":"2026-11-22T11:31:04.000000Z",
            "matched":{{"execution":13,"recipient":1,"correlation_id":"run-7f3a"}},"decision":12,"policy":{{"seq":3,"sha256":"#77"}},
            "findings":["unknown_execution"],"details":{{"response":{{"commitment":"#4e","bytes":5}}}}"##
        ),
    );
}

#[test]
fn unresolved() {
    let unresolved = Unresolved {
        correlation_id: "run-7f3a".to_owned(),
        actor: Actor::ledger(),
        decision: 12,
    };
    holds(
        Body::Unresolved(unresolved),
        r#""correlation_id":"run-7f3a","actor":{"type":"ledger","id":"ledger"},"decision":12"#,
    );
}

#[test]
fn stop_and_resume() {
    let caused_stop = caused_text("Stop", "operator", "ops");
    for (scope, text) in [
        (Scope::All, r#"{"type":"all"}"#),
        (
            Scope::Agent { id: "a".to_owned() },
            r#"{"type":"agent","id":"a"}"#,
        ),
        (
            Scope::Class {
                class: Class::Contact,
            },
            r#"{"type":"class","class":"contact"}"#,
        ),
    ] {
        let stop = Stop {
            cause: caused(Call::Stop, Role::Operator, "ops"),
            scope,
            voided: 2,
            details: details(&[(DetailName::Reason, 0x0d, 12, None)]),
        };
        holds(
            Body::Stop(stop),
            &format!(
                r##"{caused_stop},"scope":{text},"voided":2,"details":{{"reason":{{"commitment":"#0d","bytes":12}}}}"##
            ),
        );
    }
    let caused_resume = caused_text("Resume", "operator", "ops");
    let resume = Resume {
        cause: caused(Call::Resume, Role::Operator, "ops"),
        scope: Scope::All,
        stops: vec![38, 40],
        details: Details::new(),
    };
    holds(
        Body::Resume(resume),
        &format!(r#"{caused_resume},"scope":{{"type":"all"}},"stops":[38,40]"#),
    );
}

#[test]
fn access() {
    let detail = Access {
        call: Call::GetDetail,
        actor: Actor::principal(Role::Auditor, "auditor-1"),
        from: Some(12),
        to: Some(13),
        detail: Some(DetailName::Params),
        tokens: Vec::new(),
        pack: None,
    };
    holds(
        Body::Access(detail),
        r#""call":"GetDetail","actor":{"type":"auditor","id":"auditor-1"},"from":12,"to":13,"detail":"params""#,
    );
    let opening = Access {
        call: Call::Disclose,
        actor: Actor::principal(Role::Compliance, "compliance-1"),
        from: None,
        to: None,
        detail: None,
        tokens: vec![
            key(Kind::Phone, 0x70),
            key(Kind::target("deal").unwrap(), 0xde),
        ],
        pack: None,
    };
    holds(
        Body::Access(opening),
        r##""call":"Disclose","actor":{"type":"compliance","id":"compliance-1"},
            "tokens":[{"kind":"phone","token":"#70"},{"kind":"target.deal","token":"#de"}]"##,
    );
    let pack = Access {
        call: Call::GetPack,
        actor: Actor::principal(Role::Compliance, "compliance-1"),
        from: Some(0),
        to: Some(40),
        detail: None,
        tokens: vec![key(Kind::Phone, 0x70)],
        pack: Some(hash(0xb0)),
    };
    holds(
        Body::Access(pack),
        r##""call":"GetPack","actor":{"type":"compliance","id":"compliance-1"},"from":0,"to":40,
            "tokens":[{"kind":"phone","token":"#70"}],"pack":"#b0""##,
    );
}

#[test]
fn clock() {
    let seen = Clock {
        cause: Cause::ledger(),
        event: ClockEvent::Seen,
        before: at("2026-11-22T11:31:05.000000Z"),
        after: at("2026-11-22T10:31:05.000000Z"),
        bound_ms: Some(5_000),
        acknowledges: None,
    };
    holds(
        Body::Clock(seen),
        r#""actor":{"type":"ledger","id":"ledger"},"event":"seen","before":"2026-11-22T11:31:05.000000Z",
            "after":"2026-11-22T10:31:05.000000Z","bound_ms":5000"#,
    );
    let acknowledged = Clock {
        cause: caused(Call::AcknowledgeClock, Role::Operator, "ops"),
        event: ClockEvent::Acknowledged,
        before: at("2026-11-22T11:31:05.000000Z"),
        after: at("2026-11-22T10:32:05.000000Z"),
        bound_ms: None,
        acknowledges: Some(40),
    };
    let caused = caused_text("AcknowledgeClock", "operator", "ops");
    holds(
        Body::Clock(acknowledged),
        &format!(
            r#"{caused},"event":"acknowledged","before":"2026-11-22T11:31:05.000000Z",
            "after":"2026-11-22T10:32:05.000000Z","acknowledges":40"#
        ),
    );
}

/// The words of every closed list, as entries spell them.
#[test]
fn words() {
    let json = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    let words =
        |values: Vec<serde_json::Value>| -> Vec<String> { values.into_iter().map(json).collect() };
    let of = |list: &[Finding]| {
        words(
            list.iter()
                .map(|f| serde_json::to_value(f).unwrap())
                .collect(),
        )
    };
    assert_eq!(
        of(&[
            Finding::UnknownDecision,
            Finding::DecisionDenied,
            Finding::ApprovalMissing,
            Finding::OtherPrincipal,
            Finding::OtherCorrelation,
            Finding::AlreadyExecuted,
            Finding::StartedBeforeDecision,
            Finding::Expired,
            Finding::AfterStop,
            Finding::InFlightAtStop,
            Finding::StartUnknown,
            Finding::ReportLate,
            Finding::UnknownExecution,
            Finding::UnderStop,
        ]),
        [
            "unknown_decision",
            "decision_denied",
            "approval_missing",
            "other_principal",
            "other_correlation",
            "already_executed",
            "started_before_decision",
            "expired",
            "after_stop",
            "in_flight_at_stop",
            "start_unknown",
            "report_late",
            "unknown_execution",
            "under_stop",
        ]
    );
    assert_eq!(
        words(
            ListingReason::ALL
                .iter()
                .map(|reason| serde_json::to_value(reason).unwrap())
                .collect()
        ),
        [
            "entity_request",
            "unsubscribe",
            "gdpr_objection",
            "consent_revoked",
            "complaint",
            "hard_bounce",
            "national_registry",
            "state_registry",
            "litigator",
            "legal_hold",
            "manual",
        ]
    );
    assert_eq!(
        words(
            Code::ALL
                .iter()
                .map(|code| serde_json::to_value(code).unwrap())
                .collect()
        ),
        [
            "clock.blocked",
            "stop.active",
            "breaker.open",
            "identity.unknown",
            "identity.impersonation",
            "policy.none",
            "action.unknown",
            "grant.row",
            "grant.none",
            "grant.seller",
            "grant.mailbox",
            "grant.environment",
            "grant.version",
            "grant.object",
            "grant.field",
            "grant.target_missing",
            "condition.permit",
            "condition.forbid",
            "condition.none",
            "condition.error",
            "tier.approval",
            "tier.approvers",
            "tier.waived",
            "tier.elsewhere",
            "tier.blocked",
            "tier.break_glass",
            "approval.granted",
            "approval.unknown",
            "approval.mismatch",
            "approval.spent",
            "approval.expired",
            "approval.approver",
            "sandbox.recipient",
            "recipient.missing",
            "recipient.unusable",
            "recipient.unidentified",
            "recipient.key_required",
            "dnc.listed",
            "dnc.crm_flag",
            "dnc.exempt",
            "dnc.clear",
            "call.hours",
            "call.offset_missing",
            "call.registry_stale",
            "throttle.exceeded",
            "throttle.unkeyed",
            "undo.unknown",
            "foreign.deny",
            "foreign.require_approval",
        ]
    );
    // A code's check is the word before its dot.
    for code in Code::ALL {
        let word = json(serde_json::to_value(code).unwrap());
        let check = json(serde_json::to_value(code.check()).unwrap());
        assert_eq!(word.split('.').next(), Some(check.as_str()));
    }
    for name in DetailName::ALL {
        assert_eq!(json(serde_json::to_value(name).unwrap()), name.as_str());
    }
    for call in Call::ALL {
        assert_eq!(json(serde_json::to_value(call).unwrap()), call.as_str());
    }
    for role in Role::ALL {
        assert_eq!(json(serde_json::to_value(role).unwrap()), role.as_str());
    }
}

/// `SHA-256(salt || bytes)`, against the well-known hash of `abc`.
#[test]
fn commitment() {
    let empty_salt_abc = Hash::of(&[[7u8; 32].as_slice(), b"abc"].concat());
    let made = Commitment::new(&[7; 32], b"abc", 0);
    assert_eq!(made.commitment, empty_salt_abc);
    assert_eq!((made.bytes, made.redacted), (3, None));
    assert_eq!(Commitment::new(&[7; 32], b"abc", 2).redacted, Some(2));
    assert_ne!(
        Commitment::new(&[8; 32], b"abc", 0).commitment,
        made.commitment
    );
}
