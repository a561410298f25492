//! The gate's answers, field by field against what the model expects.

use ledger_core::entry::{Code, Decision, Outcome, Reason};
use ledger_core::gate;
use ledger_core::limits::CITES_MAX;
use ledger_core::time::Timestamp;

use super::super::model::{Expected, ReasonM, concerns, needs};
use super::super::run::Run;

impl Run<'_> {
    pub(super) fn compare(&mut self, decision: &Decision, expected: &Expected) {
        let mut reasons: Vec<ReasonM> = decision.reasons.iter().map(reason_of).collect();
        let mut expected_reasons: Vec<ReasonM> = expected.reasons.iter().map(as_listed).collect();
        // Which of several keys that bind alike a throttle names is compared below.
        for reason in reasons
            .iter_mut()
            .filter(|reason| reason.code == Code::ThrottleExceeded)
        {
            reason.recipient = None;
            reason.key = None;
        }
        reasons.sort();
        expected_reasons.sort();
        assert_eq!(reasons, expected_reasons);
        assert_eq!(decision.outcome, expected.outcome);
        for (reason, expected) in decision.reasons.iter().zip(totals(decision, expected)) {
            assert_eq!(reason.cites_total, expected, "{reason:?}");
        }
        let order: Vec<_> = decision
            .reasons
            .iter()
            .map(|reason| (std::cmp::Reverse(reason.code.demands()), reason.check))
            .collect();
        assert!(order.is_sorted(), "{:?}", decision.reasons);
        assert_eq!(decision.reasons_total, None);

        assert_eq!(decision.class, expected.class);
        assert_eq!(decision.tier, Some(expected.tier));
        assert_eq!(decision.environment, self.model.environment);
        assert_eq!(decision.approver, expected.approver);
        assert_eq!(decision.approvers, expected.approvers);
        assert_eq!(decision.approve_by, expected.approve_by);
        assert!(
            decision
                .channels
                .iter()
                .eq(expected.channels.iter().copied())
        );
        assert_eq!(
            decision.policy.map(|policy| policy.seq),
            self.model.policy().map(|(seq, _)| seq)
        );
        assert_eq!(decision.valid_until, expected.valid_until);
        assert_eq!(decision.report_by, expected.report_by);

        assert_eq!(decision.throttles.len(), expected.counts.len());
        for (found, expected) in decision.throttles.iter().zip(&expected.counts) {
            let window_s = u64::try_from(expected.window_s).unwrap();
            assert_eq!(
                (
                    &found.rule,
                    found.count,
                    found.limit,
                    found.window_s,
                    found.passes_at
                ),
                (
                    &expected.rule,
                    expected.count,
                    expected.limit,
                    window_s,
                    expected.passes_at
                )
            );
            let bound = (found.recipient, found.key.clone(), found.needs);
            assert!(
                expected.binding.contains(&bound),
                "{bound:?} not in {expected:?}"
            );
            let exceeded = decision.reasons.iter().find(|reason| {
                reason.code == Code::ThrottleExceeded && reason.rule.as_ref() == Some(&found.rule)
            });
            if let Some(reason) = exceeded {
                assert_eq!(
                    (reason.recipient, &reason.key),
                    (found.recipient, &found.key)
                );
            }
            if expected.binding.len() > 1 {
                self.seen.count("throttle: several keys bind");
            }
            if found.needs > 1 {
                self.seen.count("throttle: needs more than one");
            }
        }

        self.seen.count(format!("outcome: {:?}", decision.outcome));
        self.seen.count(format!("tier: {}", expected.tier));
        if decision.outcome == Outcome::Allow {
            self.seen.count(format!("allow of tier {}", expected.tier));
        }
        for reason in &decision.reasons {
            self.seen.count(format!("reason: {:?}", reason.code));
        }
        if decision.outcome == Outcome::Allow && !decision.throttles.is_empty() {
            self.seen.count("allow with throttles");
        }
        let mut codes = decision.reasons.iter().map(|reason| reason.code);
        let strict: Vec<Code> = codes
            .clone()
            .filter(|code| code.demands() > Outcome::Allow)
            .collect();
        if codes.any(|code| code == Code::ConditionPermit) && strict.is_empty() {
            self.seen.count("allowed under conditions");
        }
        let of_condition = [
            Code::ConditionPermit,
            Code::ConditionForbid,
            Code::ConditionNone,
        ];
        if decision.approver.is_some()
            && decision
                .reasons
                .iter()
                .any(|reason| of_condition.contains(&reason.code))
        {
            self.seen.count("a condition hears of an approval");
        }
        for (code, what) in [
            (Code::ConditionError, "denied by an error alone"),
            (Code::ConditionForbid, "denied by a condition alone"),
        ] {
            if !strict.is_empty() && strict.iter().all(|other| *other == code) {
                self.seen.count(what);
            }
        }
    }

    /// The model counts what this allow has filled: under every rule and key, the window that ends now.
    pub(super) fn no_window_is_overfull(&self, request: &Decision) {
        let (_, policy) = self.model.policy().unwrap();
        let (_, class, ..) = self.model.nature(&request.action);
        for rule in policy
            .rules
            .iter()
            .filter(|rule| concerns(rule, &request.action, class))
        {
            for by in needs(rule, request).unwrap().into_keys() {
                assert!(!self.model.overfull(rule, &by, self.now), "{rule:?} {by:?}");
            }
        }
    }

    /// Where throttles alone deny: at the time that the answer gives it passes, and a microsecond before
    /// it does not.
    pub(super) fn passes_exactly_then(&mut self, decision: &Decision, request: &Decision) {
        let exceeded = |decision: &Decision| {
            decision
                .reasons
                .iter()
                .filter(|reason| reason.code == Code::ThrottleExceeded)
                .count()
        };
        let denied = exceeded(decision);
        if denied == 0 {
            return;
        }
        let decide = |at: Timestamp| gate::decide(&self.ledger.state, request.clone(), at).unwrap();
        let times: Vec<Timestamp> = decision
            .throttles
            .iter()
            .filter_map(|count| count.passes_at)
            .collect();
        let Some(last) = times.iter().max().filter(|_| times.len() == denied) else {
            // Some rule has no room even in an empty window: never.
            let in_a_year =
                Timestamp::from_micros(self.now.micros() + 365 * 86_400_000_000).unwrap();
            assert!(exceeded(&decide(in_a_year)) > 0);
            self.seen.count("throttle: never passes");
            return;
        };
        assert_eq!(exceeded(&decide(*last)), 0, "at {last}");
        let before = Timestamp::from_micros(last.micros() - 1).unwrap();
        assert!(exceeded(&decide(before)) > 0, "at {before}");
        self.seen.count("throttle: passes then");
    }
}

fn reason_of(reason: &Reason) -> ReasonM {
    ReasonM {
        code: reason.code,
        rule: reason.rule.clone(),
        recipient: reason.recipient,
        key: reason.key.clone(),
        target: reason.target,
        field: reason.field.clone(),
        cites: reason.cites.clone(),
    }
}

/// With the cites that an entry lists: the first ones.
fn as_listed(reason: &ReasonM) -> ReasonM {
    let mut reason = reason.clone();
    reason.cites.truncate(CITES_MAX);
    reason
}

/// For each reason of a decision, how many cites it must say that there were.
fn totals(decision: &Decision, expected: &Expected) -> Vec<Option<u64>> {
    decision
        .reasons
        .iter()
        .map(|reason| {
            let mut same = reason_of(reason);
            if same.code == Code::ThrottleExceeded {
                same.recipient = None;
                same.key = None;
            }
            let whole = expected
                .reasons
                .iter()
                .find(|other| as_listed(other) == same)
                .unwrap();
            (whole.cites.len() > CITES_MAX).then_some(whole.cites.len() as u64)
        })
        .collect()
}
