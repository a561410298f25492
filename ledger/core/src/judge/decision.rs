//! A decision against its policy and the entries that it cites.

use super::material::Material;
use super::{JudgeError, Judgement, reasons, same, throttles};
use crate::action::Class;
use crate::entry::{Basis, Decision, Entry, Finding, Outcome};
use crate::gate::Nature;
use crate::state::InForce;

pub(super) fn judge(
    entry: &Entry,
    decision: &Decision,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    let seq = entry.seq;
    same(
        seq,
        "environment",
        &material.genesis.environment,
        &decision.environment,
    )?;
    let policy = match decision.policy {
        None => {
            judgement.does_not_show("That no policy had been published by then.");
            None
        }
        Some(cited) => {
            let (policy, first, entries) = material.policy(seq, cited)?;
            judgement.shows(
                "policy",
                format!(
                    "entry {} published it at {}, in {}; its text has the hash {}",
                    first.seq,
                    first.time,
                    if entries == 1 {
                        "one entry".to_owned()
                    } else {
                        format!("{entries} entries")
                    },
                    policy.sha256
                ),
            );
            judgement.does_not_show("That no other policy had replaced this one by then.");
            Some(policy)
        }
    };
    let policy = policy.as_deref();
    let nature = Nature::of(policy, &decision.action);
    same(seq, "class", &nature.class, &decision.class)?;
    same(seq, "channels", &nature.channels, &decision.channels)?;
    let by = if nature.channels.is_empty() {
        "reaches nobody by any channel".to_owned()
    } else {
        format!("reaches people by {}", nature.channels)
    };
    let whose = match (nature.known, policy) {
        (false, _) => "an action that nobody declared is treated so",
        (true, Some(_)) => "by this policy and the gate's own rules",
        (true, None) => "by the gate's own rules",
    };
    judgement.shows(
        "action",
        format!(
            "`{}` is of the class {} and {by}: {whose}",
            decision.action, nature.class
        ),
    );
    match decision.basis {
        Basis::Gate => gate(entry, decision, policy, &nature, material, judgement),
        Basis::Asserted => asserted(seq, decision, &nature, judgement),
    }
}

fn gate(
    entry: &Entry,
    decision: &Decision,
    policy: Option<&InForce>,
    nature: &Nature,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    let seq = entry.seq;
    same(seq, "findings", &Vec::new(), &decision.findings)?;
    let exceeded = throttles::judge(entry, decision, policy, nature, judgement)?;
    reasons::judge(
        entry, decision, policy, nature, &exceeded, material, judgement,
    )?;
    let strictest = decision
        .reasons
        .iter()
        .map(|reason| reason.code.demands())
        .max();
    same(
        seq,
        "outcome",
        &strictest.unwrap_or(Outcome::Deny),
        &decision.outcome,
    )?;
    let allowed = decision.outcome == Outcome::Allow;
    let numbers = Material::numbers(policy);
    for (key, seconds, found) in [
        ("valid_until", numbers.valid_for_s, decision.valid_until),
        ("report_by", numbers.report_within_s, decision.report_by),
    ] {
        let expected = allowed.then(|| entry.time.saturating_add_s(seconds));
        same(seq, key, &expected, &found)?;
    }
    if decision.outcome != Outcome::Deny {
        judgement.does_not_show(
            "That no stop was active then, and that no jump of the clock awaited an operator.",
        );
    }
    judgement.shows(
        "outcome",
        match decision.outcome {
            Outcome::Allow => "allow: no reason demands more, and it expires when the policy says",
            Outcome::RequireApproval => "require_approval: the strictest that a reason demands",
            Outcome::Deny => "deny: the strictest that a reason demands",
        },
    );
    Ok(())
}

fn asserted(
    seq: u64,
    decision: &Decision,
    nature: &Nature,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    let Some(foreign) = &decision.foreign else {
        let what = "it was made elsewhere but does not say by which engine";
        return Err(JudgeError::contradicts(seq, what));
    };
    same(seq, "outcome", &foreign.outcome, &decision.outcome)?;
    if !nature.known || nature.class == Class::Contact || !decision.recipients.is_empty() {
        let what = "only a decision about a declared action that is no contact and names nobody can be asserted";
        return Err(JudgeError::contradicts(seq, what));
    }
    same(seq, "tier", &None, &decision.tier)?;
    same(seq, "approver", &None, &decision.approver)?;
    same(seq, "approvers", &None, &decision.approvers)?;
    same(seq, "approve_by", &None, &decision.approve_by)?;
    same(seq, "reasons", &Vec::new(), &decision.reasons)?;
    same(seq, "reasons_total", &None, &decision.reasons_total)?;
    same(seq, "throttles", &Vec::new(), &decision.throttles)?;
    same(seq, "valid_until", &None, &decision.valid_until)?;
    same(seq, "report_by", &None, &decision.report_by)?;
    if !matches!(decision.findings.as_slice(), [] | [Finding::UnderStop]) {
        let what = "`findings`: expected none, or `under_stop` alone";
        return Err(JudgeError::contradicts(seq, what));
    }
    judgement.shows(
        "asserted",
        format!("`{}` had decided it; the gate did not", foreign.engine),
    );
    judgement.does_not_show("That the other engine decided so: that is its reporter's word.");
    judgement.does_not_show("Whether a stop was active then.");
    Ok(())
}
