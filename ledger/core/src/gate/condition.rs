//! Conditions: what the policy's `.cedar` files say of the request, one more check that must pass.

use super::Nature;
use crate::entry::{Code, Decision, Environment, Reason};
use crate::policy::condition::Facts;
use crate::state::InForce;
use crate::time::Timestamp;

/// What conditions may know besides the request.
pub(crate) struct Around<'a> {
    pub(crate) nature: &'a Nature,
    pub(crate) tier: u8,
    /// Whether an approval was granted for it.
    pub(crate) approved: bool,
    pub(crate) environment: Environment,
    pub(crate) origin: &'a str,
    pub(crate) now: Timestamp,
}

/// The reasons of the conditions, in the order of their ids. A policy without any says nothing, and of
/// an action that nobody declared nothing was checked that they could say.
pub(crate) fn check(
    policy: Option<&InForce>,
    request: &Decision,
    around: &Around<'_>,
    reasons: &mut Vec<Reason>,
) {
    let conditions = policy.and_then(|policy| policy.text.conditions());
    let Some(conditions) = conditions.filter(|_| around.nature.known) else {
        return;
    };
    let verdict = conditions.evaluate(&Facts {
        agent: &request.cause.actor.id,
        version: request.cause.actor.version.as_deref(),
        action: &request.action,
        origin: around.origin,
        tier: around.tier,
        class: around.nature.class,
        channels: around.nature.channels,
        environment: around.environment,
        tool: request.tool.as_deref(),
        seller: request.seller.as_deref(),
        campaign: request.campaign.as_deref(),
        targets: &request.targets,
        recipients: request.recipients.len(),
        cost_micros: request.cost_micros,
        approved: around.approved,
        undoes: request.undoes.is_some(),
        foreign: request.foreign.as_ref().map(|foreign| foreign.outcome),
        time: around.now,
    });
    let of = |code: Code, rule: Option<String>| Reason {
        rule,
        ..code.reason()
    };
    let sound = verdict.errors.is_empty() && !verdict.failed;
    if verdict.failed {
        reasons.push(of(Code::ConditionError, None));
    }
    for id in verdict.errors {
        reasons.push(of(Code::ConditionError, Some(id)));
    }
    let forbidden = !verdict.forbids.is_empty();
    for id in verdict.forbids {
        reasons.push(of(Code::ConditionForbid, Some(id)));
    }
    if !sound || forbidden {
        return;
    }
    reasons.push(match verdict.permit {
        Some(id) => of(Code::ConditionPermit, Some(id)),
        None => Code::ConditionNone.reason(),
    });
}
