//! Random histories, against the model.

use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::{TestRng, TestRunner};

use super::run::{Run, Seen};
use super::step::{Focus, environment, steps};

/// The same histories every time; with `PROPTEST_CASES`, as many others.
fn runner(cases: u32) -> TestRunner {
    let asked = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return TestRunner::new(asked);
    }
    let rng = TestRng::deterministic_rng(asked.rng_algorithm);
    TestRunner::new_with_rng(ProptestConfig { cases, ..asked }, rng)
}

/// Runs random histories; each of `must` has to have happened in them that often.
fn check(focus: Focus, cases: u32, length: std::ops::Range<usize>, must: &[(&str, u64)]) {
    let seen = Mutex::new(Seen::default());
    let history = (environment(), steps(focus, length));
    let result = runner(cases).run(&history, |(environment, steps)| {
        let mut counted = Seen::default();
        let mut run = Run::within(&mut counted, environment);
        for step in steps {
            run.step(step);
        }
        run.finish();
        let mut all = seen.lock().unwrap();
        for (what, times) in counted.0 {
            *all.0.entry(what).or_default() += times;
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let seen = seen.into_inner().unwrap().0;
    for (what, times) in &seen {
        println!("{times:6} {what}");
    }
    // Fewer cases than usual may be asked for, to look into something.
    if std::env::var_os("PROPTEST_CASES").is_none() {
        for (what, least) in must {
            let times = seen.get(*what).copied().unwrap_or_default();
            assert!(times >= *least, "`{what}` happened {times} times");
        }
    }
}

#[test]
fn throttles_are_exact() {
    let focus = Focus {
        list: 1,
        publish: 6,
        report: 1,
        leap: 12,
        rules: 5,
        ..Focus::QUIET
    };
    let must = [
        ("allow with throttles", 500),
        ("throttle: passes then", 150),
        ("throttle: never passes", 50),
        ("throttle: needs more than one", 200),
        ("throttle: several keys bind", 150),
        ("repeated", 40),
        ("reused", 60),
    ];
    check(focus, 85, 40..90, &must);
}

#[test]
fn the_list_is_a_wall() {
    let focus = Focus {
        list: 15,
        odd: 0.05,
        ..Focus::QUIET
    };
    let must = [
        ("reason: DncListed", 400),
        ("reason: DncExempt", 25),
        ("reason: DncClear", 800),
        ("reason: DncCrmFlag", 5),
    ];
    check(focus, 110, 40..80, &must);
}

#[test]
fn reports_and_stops_are_judged() {
    let focus = Focus {
        stop: 8,
        report: 60,
        odd: 0.05,
        ..Focus::QUIET
    };
    let must = [
        ("finding: DecisionDenied", 200),
        ("finding: UnknownDecision", 50),
        ("finding: OtherPrincipal", 30),
        ("finding: OtherCorrelation", 30),
        ("finding: AlreadyExecuted", 150),
        ("finding: StartedBeforeDecision", 4),
        ("finding: Expired", 50),
        ("finding: AfterStop", 30),
        ("finding: InFlightAtStop", 8),
        ("finding: StartUnknown", 100),
        ("finding: ReportLate", 200),
        ("stop: voids", 25),
        ("unresolved", 200),
        ("asserted", 30),
        ("asserted: refused", 100),
        ("breaker opened", 20),
        ("breaker closed", 2),
        ("breaker reset", 10),
        ("reason: BreakerOpen", 20),
        ("listed by an outcome", 40),
    ];
    check(focus, 210, 40..80, &must);
}

#[test]
fn the_table_grants_what_it_says() {
    let focus = Focus {
        publish: 8,
        strict: 0.8,
        odd: 0.15,
        ..Focus::QUIET
    };
    let must = [
        ("reason: GrantRow", 800),
        ("reason: GrantObject", 200),
        ("reason: GrantField", 400),
        ("reason: GrantTargetMissing", 80),
        ("reason: GrantSeller", 80),
        ("reason: GrantMailbox", 80),
        ("reason: GrantEnvironment", 50),
        ("reason: GrantVersion", 70),
        ("reason: SandboxRecipient", 200),
        ("reason: TierApproval", 900),
        ("reason: TierWaived", 300),
        ("reason: TierElsewhere", 3),
        ("reason: TierBlocked", 200),
        ("reason: UndoUnknown", 70),
        ("allow of tier 0", 60),
        ("allow of tier 1", 25),
        ("allow of tier 2", 200),
    ];
    check(focus, 110, 40..80, &must);
}

#[test]
fn people_approve_what_was_asked() {
    let focus = Focus {
        approve: 40,
        strict: 0.9,
        leap: 2,
        ..Focus::QUIET
    };
    let must = [
        ("answered: Granted", 30),
        ("answered: Denied", 7),
        ("reason: ApprovalGranted", 18),
        ("reason: ApprovalUnknown", 200),
        ("reason: ApprovalMismatch", 50),
        ("reason: ApprovalSpent", 60),
        ("reason: ApprovalExpired", 40),
        ("reason: ApprovalApprover", 2),
        ("expired", 60),
        ("expired unused", 15),
        ("a policy was approved", 30),
        ("refused: approval Field(\"decision\")", 150),
        ("refused: approval Field(\"verdict\")", 12),
        ("refused: approval Group", 80),
        ("refused: approval State", 150),
    ];
    check(focus, 80, 60..110, &must);
}

#[test]
fn break_glass_lifts_tier_3_and_nothing_else() {
    let focus = Focus {
        glass: 30,
        list: 2,
        stop: 1,
        leap: 2,
        strict: 0.4,
        ..Focus::QUIET
    };
    let must = [
        ("break-glass opened", 80),
        ("break-glass closed", 30),
        ("reason: TierBreakGlass", 80),
        ("reason: TierBlocked", 400),
        ("allow of tier 3", 50),
        ("refused: break_glass Field(\"agent\")", 30),
        ("refused: break_glass Field(\"action\")", 5),
        ("refused: break_glass Field(\"duration_s\")", 150),
        ("refused: break_glass Field(\"request\")", 400),
        ("refused: break_glass State", 50),
    ];
    check(focus, 80, 60..110, &must);
}

#[test]
fn calls_have_hours_and_a_fresh_registry() {
    let focus = Focus {
        import: 15,
        leap: 14,
        calls: 0.7,
        ..Focus::QUIET
    };
    let must = [
        ("import ended", 150),
        ("imported", 150),
        ("key", 8),
        ("reason: CallHours", 400),
        ("reason: CallOffsetMissing", 80),
        ("reason: CallRegistryStale", 40),
        ("refused: dnc Field(\"import\")", 400),
        ("refused: dnc Field(\"listing.reason\")", 15),
        ("refused: key Field(\"key\")", 7),
        ("refused: key State", 12),
    ];
    check(focus, 80, 60..110, &must);
}

#[cfg(feature = "cedar")]
#[test]
fn conditions_say_what_they_say() {
    let focus = Focus {
        publish: 8,
        leap: 8,
        strict: 0.5,
        odd: 0.1,
        conditions: 0.95,
        ..Focus::QUIET
    };
    let must = [
        ("reason: ConditionPermit", 600),
        ("reason: ConditionForbid", 250),
        ("reason: ConditionNone", 50),
        ("reason: ConditionError", 50),
        ("denied by an error alone", 12),
        ("denied by a condition alone", 50),
        ("allowed under conditions", 150),
    ];
    check(focus, 40, 40..80, &must);
}

#[cfg(feature = "cedar")]
#[test]
fn conditions_know_what_was_approved() {
    let focus = Focus {
        approve: 40,
        strict: 0.5,
        leap: 1,
        conditions: 0.95,
        ..Focus::QUIET
    };
    let must = [
        ("answered: Granted", 15),
        ("reason: ApprovalGranted", 15),
        ("a condition hears of an approval", 15),
    ];
    check(focus, 40, 60..110, &must);
}

#[test]
fn a_policy_is_promoted_as_it_was_tried_and_approved() {
    let focus = Focus {
        promote: 90,
        leap: 2,
        conditions: 0.2,
        ..Focus::QUIET
    };
    let must = [
        ("tried", 100),
        ("a tried policy was approved", 350),
        ("promoted", 40),
        ("promoted in several entries", 3),
        ("not promoted: no key, or a sandbox", 150),
        ("not promoted: Whole, form", 15),
        ("not promoted: Changed, text", 12),
        ("not promoted: OtherFiles, text", 10),
        ("not promoted: OtherReceipt, text", 10),
        ("not promoted: StatedHash, inclusion", 7),
        ("not promoted: Signature, signature", 10),
        ("not promoted: AsTried, signature", 20),
        ("not promoted: the approval is unknown", 20),
        ("not promoted: the approval is of another text", 35),
        ("not promoted: the approval is spent", 8),
        ("not promoted: the approval is expired", 50),
        ("not promoted: the approval is of nobody who may", 8),
        ("refused: principal Field(\"role\")", 30),
    ];
    check(focus, 60, 60..110, &must);
}

/// A little of everything that can happen.
pub(crate) const EVERYTHING: Focus = Focus {
    list: 4,
    publish: 3,
    stop: 2,
    report: 6,
    clock: 2,
    leap: 6,
    rules: 3,
    odd: 0.4,
    strict: 0.4,
    approve: 8,
    glass: 4,
    import: 2,
    calls: 0.2,
    conditions: 0.2,
    promote: 3,
};

#[test]
fn everything_at_once() {
    let must = [
        ("reason: ActionUnknown", 50),
        ("reason: ClockBlocked", 300),
        ("reason: GrantMailbox", 4),
        ("reason: GrantNone", 300),
        ("reason: GrantSeller", 2),
        ("reason: IdentityImpersonation", 40),
        ("reason: IdentityUnknown", 100),
        ("reason: PolicyNone", 15),
        ("reason: RecipientKeyRequired", 50),
        ("reason: RecipientMissing", 50),
        ("reason: RecipientUnidentified", 150),
        ("reason: RecipientUnusable", 50),
        ("reason: StopActive", 200),
        ("reason: ThrottleExceeded", 50),
        ("reason: ThrottleUnkeyed", 20),
        ("reason: ForeignDeny", 25),
        ("outcome: RequireApproval", 5),
        ("reason: UndoUnknown", 50),
        ("an undo that stands", 5),
    ];
    check(EVERYTHING, 110, 30..80, &must);
}
