//! Entries other than decisions against what they cite.

use super::material::Material;
use super::{JudgeError, Judgement, same};
use crate::entry::{
    Basis, Body, BreakGlassEvent, BreakerEvent, ClockEvent, Decision, Entry, Event, Execution,
    Finding, KeyEvent, Matched, Measure, Outcome, OutcomeReport, PolicyEntry, PolicyRef, Promotion,
    Status, Verdict,
};
use crate::hash::Hash;
use crate::plan::{above, findings, listing_reason, lists_nobody, meant, outcome_findings};
use crate::promotion::Stripped;
use crate::record::{Counted, DecisionRecord, PersonKeys};

pub(super) fn judge(
    entry: &Entry,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    let seq = entry.seq;
    let wrong = |what: String| Err(JudgeError::contradicts(seq, what));
    match &entry.body {
        Body::Execution(execution) => self::execution(entry, execution, material, judgement)?,
        Body::Outcome(outcome) => {
            policy(seq, outcome.policy, material, judgement)?;
            let reported = match outcome.about() {
                Some(cited) if !outcome.findings.contains(&Finding::UnknownExecution) => {
                    match &material.entry(cited)?.body {
                        Body::Execution(execution) => Some(execution),
                        body => {
                            return wrong(format!(
                                "it reports on entry {cited}, a `{}`",
                                body.kind()
                            ));
                        }
                    }
                }
                _ => None,
            };
            let known = reported
                .filter(|execution| !execution.findings.contains(&Finding::UnknownDecision));
            same(
                seq,
                "decision",
                &known.map(|execution| execution.decision),
                &outcome.decision,
            )?;
            if let Some(matched) = &outcome.matched {
                self::matched(seq, outcome, matched, reported.map(AsRef::as_ref), material)?;
                judgement.does_not_show(
                    "That no earlier execution has the provider's id: that takes replay.",
                );
            }
            let mut people = Vec::new();
            let mut found = match (reported, known) {
                (None, _) => vec![Finding::UnknownExecution],
                (Some(_), None) => Vec::new(),
                (Some(_), Some(execution)) => {
                    let decision = decision(seq, execution.decision, material)?;
                    people = people_of(decision);
                    let agent = &decision.cause.actor.id;
                    outcome_findings(outcome, agent, decision.recipients.len() as u64)
                }
            };
            if !found.contains(&Finding::OtherPrincipal) && lists_nobody(outcome, &people) {
                found.push(Finding::Unlisted);
            }
            same(seq, "findings", &found, &outcome.findings)?;
            match outcome.about().filter(|_| reported.is_some()) {
                Some(cited) => judgement.shows(
                    "outcome",
                    format!("it reports on the execution of entry {cited}"),
                ),
                None => judgement
                    .does_not_show("Which execution it is about: the ledger did not know it."),
            }
        }
        Body::Unresolved(unresolved) => {
            let decision = decision(seq, unresolved.decision, material)?;
            if decision.basis != Basis::Gate || decision.outcome != Outcome::Allow {
                return wrong(format!(
                    "decision {} is no allow of the gate",
                    unresolved.decision
                ));
            }
            let correlation = decision.cause.correlation_id.clone().unwrap_or_default();
            same(
                seq,
                "correlation_id",
                &correlation,
                &unresolved.correlation_id,
            )?;
            let due = decision.report_by.filter(|due| *due <= entry.time);
            let Some(due) = due else {
                return wrong(format!(
                    "the report on decision {} was not yet due",
                    unresolved.decision
                ));
            };
            judgement.shows(
                "unresolved",
                format!(
                    "the report on decision {} was due at {due}",
                    unresolved.decision
                ),
            );
            judgement.does_not_show("That nobody had reported on it by then.");
        }
        Body::Resume(resume) => {
            for cited in &resume.stops {
                match &material.entry(*cited)?.body {
                    Body::Stop(stop) if stop.scope == resume.scope => {
                        judgement.shows(
                            "resume",
                            format!("the stop of entry {cited} has the same scope"),
                        );
                    }
                    _ => {
                        return wrong(format!(
                            "entry {cited}, which it ends, is no stop of the same scope"
                        ));
                    }
                }
            }
            judgement
                .does_not_show("That these stops, and no others of the scope, were active then.");
        }
        Body::Dnc(dnc) => {
            for cite in &dnc.ends {
                material.listing(seq, *cite)?;
                judgement.shows(
                    "dnc",
                    format!(
                        "it ends listing {} of entry {}",
                        cite.index.unwrap_or(0),
                        cite.seq
                    ),
                );
            }
            if let Some(cited) = dnc.outcome {
                let Body::Outcome(outcome) = &material.entry(cited)?.body else {
                    return wrong(format!(
                        "entry {cited}, from which it follows, is no outcome"
                    ));
                };
                let reason = listing_reason(outcome.event);
                if reason.is_none() || dnc.listings.iter().any(|one| one.reason != reason) {
                    return wrong(format!(
                        "it lists for another reason than the outcome of entry {cited} gives"
                    ));
                }
                judgement.shows(
                    "dnc",
                    format!("it follows from the outcome of entry {cited}"),
                );
                judgement.does_not_show("That these are the keys of the person concerned.");
            }
            if !dnc.ends.is_empty() {
                judgement.does_not_show("That the listings that it ends were still in force.");
            }
        }
        Body::Approval(approval) => {
            if let Some(cited) = approval.decision {
                let decision = decision(seq, cited, material)?;
                if decision.outcome != Outcome::RequireApproval {
                    return wrong(format!("decision {cited} asked for no approval"));
                }
                same(
                    seq,
                    "group",
                    decision.approvers.as_ref().unwrap_or(&String::new()),
                    &approval.group,
                )?;
                let by = decision.approve_by.unwrap_or(entry.time);
                if (approval.verdict == Verdict::Expired) != (by <= entry.time) {
                    return wrong(format!("decision {cited} could be approved until {by}"));
                }
                judgement.shows(
                    "approval",
                    format!("decision {cited} asked the group `{}`", approval.group),
                );
            }
            judgement.does_not_show("That the approver was in that group then.");
        }
        Body::BreakGlass(glass) => {
            if let Some(cited) = glass.request {
                let Body::BreakGlass(asked) = &material.entry(cited)?.body else {
                    return wrong(format!("entry {cited} is no request for break-glass"));
                };
                same(seq, "agent", &asked.agent, &glass.agent)?;
                same(seq, "action", &asked.action, &glass.action)?;
                same(seq, "duration_s", &asked.duration_s, &glass.duration_s)?;
                if glass.event == BreakGlassEvent::Opened {
                    let by = Some(asked.cause.actor.id.clone());
                    same(seq, "requested_by", &by, &glass.requested_by)?;
                    if asked.cause.actor.id == glass.cause.actor.id {
                        return wrong("one person both requested and confirmed it".to_owned());
                    }
                    let until = Some(entry.time.saturating_add_s(asked.duration_s));
                    same(seq, "until", &until, &glass.until)?;
                }
                judgement.shows("break_glass", format!("entry {cited} requested it"));
            }
        }
        Body::Breaker(breaker) => {
            if let Some(cited) = breaker.opened {
                match &material.entry(cited)?.body {
                    Body::Breaker(opened) if opened.event == BreakerEvent::Opened => {
                        same(seq, "rule", &opened.rule, &breaker.rule)?;
                        same(seq, "scope", &opened.scope, &breaker.scope)?;
                        judgement.shows("breaker", format!("entry {cited} opened it"));
                    }
                    _ => return wrong(format!("entry {cited} opened no breaker")),
                }
            }
            if matches!(breaker.event, BreakerEvent::Warned | BreakerEvent::Opened) {
                if !above(breaker) {
                    return wrong("what it counted is not above its threshold".to_owned());
                }
                for cite in &breaker.cites {
                    let body = &material.entry(cite.seq)?.body;
                    if !is_counted(breaker.measure, body) {
                        let kind = body.kind();
                        return wrong(format!(
                            "it counts entry {}, a `{kind}`, which its measure does not count",
                            cite.seq
                        ));
                    }
                }
                judgement.shows(
                    "breaker",
                    "what it says it counted is above its threshold, and each entry that it cites counts"
                        .to_owned(),
                );
            }
            judgement.does_not_show("What the breaker counted: that takes replay.");
        }
        Body::Key(_) => {
            judgement.does_not_show("That the key is that ledger's: that is the operator's word.");
        }
        Body::Clock(clock) => {
            if let Some(cited) = clock.acknowledges {
                match &material.entry(cited)?.body {
                    Body::Clock(seen) if seen.event == ClockEvent::Seen => {
                        judgement.shows(
                            "clock",
                            format!("it acknowledges the jump of entry {cited}"),
                        );
                    }
                    _ => {
                        return wrong(format!(
                            "entry {cited}, which it acknowledges, is no jump of the clock"
                        ));
                    }
                }
            }
        }
        Body::Policy(part) => {
            let first = part.continues.unwrap_or(seq);
            let Body::Policy(head) = &material.entry(first)?.body else {
                return wrong(format!("entry {first}, which it continues, is no policy"));
            };
            let Some(sha256) = head.sha256 else {
                return wrong(format!("entry {first} publishes a policy without its hash"));
            };
            let published = PolicyRef { seq: first, sha256 };
            let end = first
                .saturating_add(head.parts.unwrap_or(0))
                .saturating_add(1);
            policy(end, Some(published), material, judgement)?;
            if let Some(promotion) = &part.promotion {
                promoted(entry, part, promotion, material, judgement)?;
            }
            if let Some(replaced) = part.replaces {
                material.policy(seq, replaced)?;
                judgement.shows(
                    "policy",
                    format!("it replaces that of entry {}", replaced.seq),
                );
            }
        }
        Body::Decision(_)
        | Body::Genesis(_)
        | Body::Boot(_)
        | Body::Heartbeat(_)
        | Body::Shutdown(_)
        | Body::Principal(_)
        | Body::Stop(_)
        | Body::Access(_) => {
            judgement.does_not_show("More than that it was recorded: it cites nothing.");
        }
    }
    Ok(())
}

/// What was found by the provider's id has that id, and is what it says of the decision.
fn matched(
    seq: u64,
    outcome: &OutcomeReport,
    matched: &Matched,
    reported: Option<&Execution>,
    material: &Material<'_>,
) -> Result<(), JudgeError> {
    let wrong = |what: String| Err(JudgeError::contradicts(seq, what));
    let Some(execution) = reported.filter(|_| outcome.execution.is_none()) else {
        return wrong("it found an execution and names one, or none".to_owned());
    };
    let has_it = execution.provider_id.is_some() && execution.provider_id == outcome.provider_id;
    let is_theirs = execution.provider.is_none() || execution.provider == outcome.provider;
    if !has_it || !is_theirs {
        return wrong(format!(
            "the execution of entry {} does not have the provider's id that it was found by",
            matched.execution
        ));
    }
    let decision = decision(seq, execution.decision, material)?;
    same(
        seq,
        "matched.recipient",
        &meant(outcome.recipient, &outcome.keys, &people_of(decision)),
        &matched.recipient,
    )?;
    let correlation = decision.cause.correlation_id.clone().unwrap_or_default();
    same(
        seq,
        "matched.correlation_id",
        &correlation,
        &matched.correlation_id,
    )
}

/// The people whom a decision names, as reports on it know them.
fn people_of(decision: &Decision) -> Vec<PersonKeys> {
    match decision.basis {
        Basis::Gate => crate::window::people(&decision.recipients),
        Basis::Asserted => Vec::new(),
    }
}

fn execution(
    entry: &Entry,
    execution: &Execution,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    /// What takes the whole log to know.
    const OF_STATE: [Finding; 3] = [
        Finding::AlreadyExecuted,
        Finding::AfterStop,
        Finding::InFlightAtStop,
    ];
    let seq = entry.seq;
    let in_force = policy(seq, execution.policy, material, judgement)?;
    if execution.findings == [Finding::UnknownDecision] {
        judgement.does_not_show(format!(
            "That the log has no decision at {}.",
            execution.decision
        ));
        return Ok(());
    }
    let made = material.entry(execution.decision)?;
    let decision = decision(seq, execution.decision, material)?;
    let record = DecisionRecord {
        time: made.time,
        basis: decision.basis,
        outcome: decision.outcome,
        agent: decision.cause.actor.id.clone(),
        action: decision.action.clone(),
        class: decision.class,
        seller: decision.seller.clone(),
        mailbox: decision.mailbox,
        dnc: false,
        recipients: decision.recipients.len() as u64,
        people: Vec::new(),
        cost_micros: decision.cost_micros,
        targets: Vec::new(),
        correlation_id: decision.cause.correlation_id.clone().unwrap_or_default(),
        valid_until: decision.valid_until,
        report_by: decision.report_by,
        voided: None,
        executed: None,
        unresolved: None,
        counted: Counted::default(),
    };
    let tolerance_s = Material::numbers(in_force.as_deref()).start_tolerance_s;
    let expected = findings(execution, &record, entry.time, tolerance_s);
    let mut found = execution.findings.clone();
    found.retain(|finding| !OF_STATE.contains(finding));
    same(seq, "findings", &expected, &found)?;
    judgement.shows(
        "execution",
        format!(
            "it reports on decision {}, and its findings are those that follow from the two entries",
            execution.decision
        ),
    );
    judgement.does_not_show(
        "Whether the decision had been used before, or voided by a stop: that takes replay.",
    );
    Ok(())
}

/// Whether breakers of this measure count an entry like this.
const fn is_counted(measure: Measure, body: &Body) -> bool {
    match (measure, body) {
        (Measure::HardBounceRate, Body::Outcome(outcome)) => {
            matches!(outcome.event, Event::BounceHard)
        }
        (Measure::ComplaintRate, Body::Outcome(outcome)) => {
            matches!(outcome.event, Event::Complaint)
        }
        (Measure::ErrorRate, Body::Execution(execution)) => {
            matches!(execution.status, Status::Failure)
        }
        (Measure::Cost, Body::Execution(execution)) => execution.cost_micros.is_some(),
        (Measure::DncBreach, Body::Execution(_) | Body::Decision(_)) => true,
        _ => false,
    }
}

/// The sandbox's receipt holds for this text under the key that was trusted, and somebody else than the
/// publisher approved it.
fn promoted(
    entry: &Entry,
    policy: &PolicyEntry,
    promotion: &Promotion,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<(), JudgeError> {
    let seq = entry.seq;
    let wrong = |what: String| Err(JudgeError::contradicts(seq, what));
    let Body::Key(trusted) = &material.entry(promotion.key)?.body else {
        return wrong(format!("entry {} trusts no key", promotion.key));
    };
    if trusted.event != KeyEvent::Trusted {
        return wrong(format!("entry {} takes trust in a key back", promotion.key));
    }
    let receipt = match Stripped::parse(&promotion.receipt) {
        Ok(receipt) => receipt,
        Err(error) => return wrong(format!("`promotion.receipt`: {error}")),
    };
    same(
        seq,
        "promotion.origin",
        &receipt.origin(),
        &promotion.origin.as_str(),
    )?;
    let sha256 = policy.sha256.unwrap_or(Hash([0; 32]));
    if let Err(error) = receipt.verify(&policy.files, sha256, &trusted.key) {
        return wrong(format!("`promotion.receipt`: {error}"));
    }
    judgement.shows(
        "promotion",
        format!(
            "the sandbox `{}` published the same policy: its receipt holds under the key of entry {}",
            promotion.origin, promotion.key
        ),
    );
    judgement.does_not_show("That the key was still trusted then: that takes replay.");
    let Body::Approval(approval) = &material.entry(promotion.approval)?.body else {
        return wrong(format!("entry {} is no approval", promotion.approval));
    };
    same(
        seq,
        "promotion.approver",
        &approval.cause.actor.id,
        &promotion.approver,
    )?;
    if approval.verdict != Verdict::Granted || approval.policy != Some(sha256) {
        return wrong(format!(
            "entry {} does not approve the policy {sha256}",
            promotion.approval
        ));
    }
    if approval.expires_at.is_none_or(|until| until <= entry.time) {
        return wrong(format!(
            "the approval of entry {} had expired",
            promotion.approval
        ));
    }
    if promotion.approver == policy.cause.actor.id {
        return wrong(format!(
            "`{}` both approved and published it",
            promotion.approver
        ));
    }
    judgement.shows(
        "promotion",
        format!(
            "`{}` approved it in entry {}",
            promotion.approver, promotion.approval
        ),
    );
    judgement.does_not_show("That nothing had used the approval up: that takes replay.");
    Ok(())
}

fn decision<'a>(by: u64, seq: u64, material: &Material<'a>) -> Result<&'a Decision, JudgeError> {
    match &material.entry(seq)?.body {
        Body::Decision(decision) => Ok(decision),
        body => {
            let what = format!(
                "it names entry {seq} as a decision, which is a `{}`",
                body.kind()
            );
            Err(JudgeError::contradicts(by, what))
        }
    }
}

fn policy(
    by: u64,
    cited: Option<PolicyRef>,
    material: &Material<'_>,
    judgement: &mut Judgement,
) -> Result<Option<std::rc::Rc<crate::state::InForce>>, JudgeError> {
    let Some(cited) = cited else {
        return Ok(None);
    };
    let (policy, first, entries) = material.policy(by, cited)?;
    judgement.shows(
        "policy",
        format!(
            "entry {} published it at {}, in {entries} {}; its text has the hash {}",
            first.seq,
            first.time,
            if entries == 1 { "entry" } else { "entries" },
            policy.sha256
        ),
    );
    Ok(Some(policy))
}
