//! The counts of a decision, as far as its policy and its request fix them.

use super::{JudgeError, Judgement, same};
use crate::entry::{Code, Decision, Entry, Reason};
use crate::gate::{self, Nature};
use crate::record::AllowRecord;
use crate::state::InForce;
use crate::window::charges;

/// Checks every count but how much was in the window, and gives back the reasons that must follow.
pub(super) fn judge(
    entry: &Entry,
    decision: &Decision,
    policy: Option<&InForce>,
    nature: &Nature,
    judgement: &mut Judgement,
) -> Result<Vec<Reason>, JudgeError> {
    let seq = entry.seq;
    let request = AllowRecord {
        class: nature.class,
        ..gate::allowed(decision, entry.time)
    };
    let mut reasons = Vec::new();
    let mut counts = decision.throttles.iter();
    let rules = policy.map_or(&[][..], |policy| policy.text.throttles());
    for rule in rules
        .iter()
        .filter(|rule| rule.matches(&request.action, request.class))
    {
        let Ok(charges) = charges(rule, &request) else {
            reasons.push(Reason {
                rule: Some(rule.id.clone()),
                ..Code::ThrottleUnkeyed.reason()
            });
            continue;
        };
        if charges.is_empty() {
            continue;
        }
        let Some(count) = counts.next().filter(|count| count.rule == rule.id) else {
            let what = format!("`throttles`: expected the count of rule `{}`", rule.id);
            return Err(JudgeError::contradicts(seq, what));
        };
        same(seq, "throttles.limit", &rule.limit, &count.limit)?;
        same(seq, "throttles.window_s", &rule.window_s, &count.window_s)?;
        let asked = charges.iter().any(|charge| {
            (charge.recipient, gate::throttle::kind(charge), charge.units)
                == (count.recipient, count.key.clone(), count.needs)
        });
        if !asked {
            let what = format!(
                "`throttles`: rule `{}` counts {} for recipient {:?} by {:?}, which the request does not ask for",
                rule.id,
                count.needs,
                count.recipient,
                count.key.as_ref().map(ToString::to_string)
            );
            return Err(JudgeError::contradicts(seq, what));
        }
        let fits = count
            .count
            .checked_add(count.needs)
            .is_some_and(|sum| sum <= count.limit);
        let passes = !fits && count.needs <= count.limit;
        let in_window = count
            .passes_at
            .is_some_and(|at| entry.time < at && at <= entry.time.saturating_add_s(rule.window_s));
        if (passes && !in_window) || (!passes && count.passes_at.is_some()) {
            let what = format!(
                "`throttles.passes_at` of rule `{}` does not fit its count",
                rule.id
            );
            return Err(JudgeError::contradicts(seq, what));
        }
        if !fits {
            reasons.push(Reason {
                rule: Some(rule.id.clone()),
                recipient: count.recipient,
                key: count.key.clone(),
                ..Code::ThrottleExceeded.reason()
            });
        }
        judgement.shows(
            "throttle",
            format!(
                "rule `{}` is the policy's: {} in {} s; {} more needed, and it says that {} were counted: {}",
                rule.id,
                count.limit,
                count.window_s,
                count.needs,
                count.count,
                match (fits, count.passes_at) {
                    (true, _) => "there was room".to_owned(),
                    (false, Some(at)) => format!("no room before {at}"),
                    (false, None) => "never room for so many".to_owned(),
                }
            ),
        );
    }
    if let Some(count) = counts.next() {
        let what = format!(
            "`throttles`: no rule `{}` counts this request here",
            count.rule
        );
        return Err(JudgeError::contradicts(seq, what));
    }
    if !decision.throttles.is_empty() {
        judgement.does_not_show("What was in the throttle windows: the counts take replay.");
    }
    Ok(reasons)
}
