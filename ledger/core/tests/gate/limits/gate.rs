//! The longest entries about what people allow, what was done, and what closes off.

use ledger_core::action::Class;
use ledger_core::entry::{
    Approval, BreakGlass, BreakGlassEvent, Breaker, BreakerEvent, BreakerScope, Event, Import,
    KeyEntry, KeyEvent, Measure, OutcomeReport, Verdict,
};
use ledger_core::limits::WINDOW_S_MAX;

use super::*;

const LAST: u64 = INTEGER_MAX - 1;

fn approver() -> String {
    long("approver.", name::PRINCIPAL_MAX)
}

#[test]
fn the_largest_answers_of_people_fit() {
    let cause = |call| longest_cause(call, Role::Compliance, &approver(), 1);
    let approval = Approval {
        cause: cause(Call::AnswerApproval),
        decision: Some(LAST),
        policy: Some(Hash([0x99; 32])),
        verdict: Verdict::Granted,
        group: long("group", name::PRINCIPAL_MAX),
        expires_at: Some(Timestamp::MAX),
        granted: Some(LAST),
        details: every_detail(),
    };
    println!("approval: {} bytes", bytes(Body::Approval(approval)));
    let glass = BreakGlass {
        cause: cause(Call::ConfirmBreakGlass),
        event: BreakGlassEvent::Requested,
        request: Some(LAST),
        requested_by: Some(approver()),
        agent: agent(),
        action: Some(action()),
        duration_s: LAST,
        until: Some(Timestamp::MAX),
        details: every_detail(),
    };
    println!("break-glass: {} bytes", bytes(Body::BreakGlass(glass)));
    let key = KeyEntry {
        cause: cause(Call::DistrustKey),
        event: KeyEvent::Distrusted,
        // As long as a line of a C2SP note may be.
        key: long("key", 1_000),
    };
    println!("key: {} bytes", bytes(Body::Key(key)));
}

/// A breaker has the actions and classes of its rule, which lists at most so many.
#[test]
fn the_largest_breaker_fits() {
    let actions = (0..ledger_core::policy::LIST_MAX)
        .map(|number| long(&format!("act{number:03}."), name::ACTION_MAX));
    let cite = Cite {
        seq: LAST,
        index: Some(LISTINGS_MAX as u64 - 1),
    };
    let breaker = Breaker {
        cause: longest_cause(Call::Record, Role::Compliance, &approver(), 1),
        event: BreakerEvent::Warned,
        rule: long("rule", name::RULE_MAX),
        scope: BreakerScope {
            agent: Some(agent()),
            seller: Some(seller()),
            mailbox: Some(token(1)),
            actions: actions.collect(),
            classes: Class::ALL.to_vec(),
        },
        measure: Measure::HardBounceRate,
        opened: Some(LAST),
        threshold: Some(LAST),
        count: Some(LAST),
        sample: Some(LAST),
        window_s: Some(WINDOW_S_MAX),
        until: Some(Timestamp::MAX),
        cites: vec![cite; CITES_MAX],
        cites_total: Some(LAST),
        details: every_detail(),
    };
    println!("breaker: {} bytes", bytes(Body::Breaker(Box::new(breaker))));
}

#[test]
fn the_largest_outcome_and_import_fit() {
    let outcome = OutcomeReport {
        cause: longest_cause(Call::Record, Role::Recorder, RECORDER, 1),
        execution: Some(LAST),
        event: Event::Unsubscribe,
        recipient: Some(RECIPIENTS_MAX as u64 - 1),
        keys: vec![
            Key {
                kind: Kind::EmailCanonical,
                token: token(1),
                v: Some(u32::MAX),
            };
            KEYS_MAX
        ],
        tokens_v: Some(u32::MAX),
        provider: Some(long("provider", name::PROVIDER_MAX)),
        provider_id: Some(token(1)),
        occurred_at: Some(Timestamp::MAX),
        matched: None,
        decision: Some(LAST),
        policy: Some(policy_ref()),
        findings: vec![Finding::UnknownExecution],
        details: every_detail(),
    };
    println!("outcome: {} bytes", bytes(Body::Outcome(Box::new(outcome))));
    let Body::Dnc(mut begin) = dnc(DncOp::ImportBegin, Vec::new(), "begin") else {
        panic!("not a dnc entry")
    };
    begin.cause = longest_cause(Call::BeginImport, Role::Compliance, COMPLIANCE, 1);
    begin.imports = Some(Import {
        source: long("source", name::PROVIDER_MAX),
        reason: ListingReason::NationalRegistry,
        sha256: Hash([0x11; 32]),
        rows: None,
        rejected: None,
        changes: false,
    });
    begin.details = every_detail();
    println!("import: {} bytes", bytes(Body::Dnc(begin)));
}

#[test]
fn the_largest_report_fits() {
    let mut ledger = old_ledger();
    let result = |recipient| RecipientResult {
        recipient,
        status: Status::NotStarted,
        error_code: Some(long("error", name::ERROR_CODE_MAX)),
    };
    let execution = Execution {
        cause: longest_cause(Call::Record, Role::Recorder, RECORDER, 1),
        decision: INTEGER_MAX - 1,
        status: Status::NotStarted,
        error_code: Some(long("error", name::ERROR_CODE_MAX)),
        provider: Some(long("provider", name::PROVIDER_MAX)),
        provider_id: Some(token(1)),
        started_at: Some(Timestamp::MAX),
        occurred_at: Some(Timestamp::MAX),
        cost_micros: Some(INTEGER_MAX - 1),
        results: (0..RESULTS_MAX as u64).map(result).collect(),
        policy: None,
        findings: Vec::new(),
        details: every_detail(),
    };
    let (_, body) = ledger.append(Body::Execution(Box::new(execution)), seconds(1));
    let Body::Execution(mut execution) = body else {
        panic!("not an execution")
    };
    // More than any report can break at once.
    execution.findings = vec![Finding::StartedBeforeDecision; 14];
    execution.policy = Some(policy_ref());
    println!("execution: {} bytes", bytes(Body::Execution(execution)));
}
