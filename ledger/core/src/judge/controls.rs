//! Tiers, approvals and conditions: what evidence shows of them.

use super::material::Material;
use super::{JudgeError, Judgement, same};
use crate::codebook::sentence;
use crate::entry::{Body, Check, Code, Decision, Entry, Outcome, Reason, Verdict};
use crate::gate::grant::Granted;
use crate::gate::{Nature, condition, tier};
use crate::policy::EVALUATOR;
use crate::state::InForce;

/// The tier, and what follows from it: worked out again from policy and request, given the approval and
/// the break-glass that the decision cites.
pub(super) fn tiers(
    seq: u64,
    decision: &Decision,
    policy: Option<&InForce>,
    nature: &Nature,
    granted: Option<&Granted<'_>>,
    judgement: &mut Judgement,
) -> Result<Vec<Reason>, JudgeError> {
    let text = policy.map(|policy| &policy.text);
    let tier = tier::of(text, decision, nature, granted);
    same(seq, "tier", &Some(tier), &decision.tier)?;
    let approved = decision
        .reasons
        .iter()
        .any(|reason| reason.code == Code::ApprovalGranted);
    let glass = decision
        .reasons
        .iter()
        .filter(|reason| reason.code == Code::TierBreakGlass)
        .find_map(|reason| reason.cites.first());
    judgement.shows(
        "tier",
        format!("tier {tier}, by the action, its fields and the rows of the policy"),
    );
    if tier >= 3 && glass.is_none() {
        judgement.does_not_show("That no break-glass was open for it then.");
    }
    Ok(tier::check(
        tier,
        decision,
        nature,
        granted,
        approved,
        glass.map(|cite| cite.seq),
    ))
}

/// What the policy's conditions say: what they are told of the state stands in the entry, as tier and
/// approver, and is checked on its own.
pub(super) fn conditions(
    entry: &Entry,
    decision: &Decision,
    policy: Option<&InForce>,
    nature: &Nature,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Vec<Reason> {
    let around = condition::Around {
        nature,
        tier: decision.tier.unwrap_or(0),
        approved: decision.approver.is_some(),
        environment: material.genesis.environment,
        origin: &material.genesis.origin,
        now: entry.time,
    };
    let mut said = Vec::new();
    condition::check(policy, decision, &around, &mut said);
    for reason in &said {
        judgement.shows("condition", sentence(reason));
    }
    if let Some(evaluator) = EVALUATOR.filter(|_| !said.is_empty()) {
        judgement.does_not_show(format!(
            "That the ledger evaluated its conditions by {evaluator}, as was done here: the last boot before says by what."
        ));
    }
    said
}

/// Who may approve, and until when.
pub(super) fn approvers(
    entry: &Entry,
    decision: &Decision,
    policy: Option<&InForce>,
    nature: &Nature,
    granted: Option<&Granted<'_>>,
) -> Result<(), JudgeError> {
    let asks = decision.outcome == Outcome::RequireApproval;
    let numbers = Material::numbers(policy);
    let group = tier::approvers(nature, granted).filter(|_| asks);
    same(entry.seq, "approvers", &group, &decision.approvers)?;
    let by = asks.then(|| entry.time.saturating_add_s(numbers.approve_within_s));
    same(entry.seq, "approve_by", &by, &decision.approve_by)
}

/// The approval that the request names: the entry cited grants it, and the approver is who gave it.
pub(super) fn approval(
    entry: &Entry,
    decision: &Decision,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    let seq = entry.seq;
    let wrong = |what: String| Err(JudgeError::contradicts(seq, what));
    let reasons: Vec<&Reason> = decision
        .reasons
        .iter()
        .filter(|reason| reason.check == Check::Approval)
        .collect();
    let (reason, named) = match (reasons.as_slice(), decision.approval) {
        ([], None) => return same(seq, "approver", &None, &decision.approver),
        ([reason], Some(named)) => (reason, named),
        _ => {
            return wrong(
                "`reasons`: expected one about the approval that is named, if one is".to_owned(),
            );
        }
    };
    let mut approver = None;
    if reason.code != Code::ApprovalUnknown {
        let Body::Approval(approval) = &material.entry(named)?.body else {
            return wrong(format!("entry {named}, which it names, is no approval"));
        };
        let (Some(until), Verdict::Granted, Some(_)) =
            (approval.expires_at, approval.verdict, approval.decision)
        else {
            return wrong(format!("entry {named}, which it names, grants no request"));
        };
        if reason.code == Code::ApprovalGranted {
            if until <= entry.time {
                return wrong(format!(
                    "the approval of entry {named} had expired at {until}"
                ));
            }
            approver = Some(approval.cause.actor.id.clone());
            judgement.shows(
                "approval",
                format!("`{}` approved in entry {named}", approval.cause.actor.id),
            );
            judgement.does_not_show(
                "That exactly this was approved, and that nothing had used the approval up: that takes replay.",
            );
        } else if reason.code == Code::ApprovalExpired && until > entry.time {
            return wrong(format!("the approval of entry {named} holds until {until}"));
        }
    }
    same(seq, "approver", &approver, &decision.approver)
}
