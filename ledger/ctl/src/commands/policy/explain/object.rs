//! The explanation as one JSON object.

use ledger_core::action::Class;
use ledger_core::codebook;
use ledger_core::entry::{Code, Reason};
use ledger_core::gate::TierCause;
use ledger_core::policy::Grant;
use serde_json::{Value, json};

use super::super::table;
use super::{Answer, Source};

/// The same as the text, with the rows and rules in full.
pub(super) fn object(answer: &Answer<'_>, source: &Source<'_>) -> Value {
    let (said, request, text) = (&answer.said, answer.request, &answer.policy.text);
    let rows = said.rows.iter().map(
        |says| json!({ "row": table::grant(text, says.row), "refuses": says.refuses.map(word) }),
    );
    let targets = request.targets.iter().zip(&said.targets);
    let targets = targets.enumerate().map(|(index, (target, says))| {
        let missed = says
            .missed
            .iter()
            .map(|miss| json!({ "row": miss.row.id, "code": word(miss.code), "what": miss.what }));
        json!({
            "index": index, "type": target.kind, "reads": target.reads, "writes": target.writes,
            "row": says.row.map(id), "missed": missed.collect::<Vec<_>>(),
        })
    });
    let throttles = said
        .throttles
        .iter()
        .map(|(rule, keyed)| json!({ "rule": table::throttle(rule), "keyed": keyed }));
    let breakers = said
        .breakers
        .iter()
        .map(|(rule, keyed)| json!({ "rule": table::breaker(rule), "keyed": keyed }));
    let conditions = text.conditions().map_or(&[][..], |all| all.all());
    let conditions = conditions
        .iter()
        .map(|one| json!({ "id": one.id, "forbids": one.forbids, "path": one.path }));
    let breach =
        (said.class == Class::Contact).then(|| json!({ "scope": text.dnc_breach.as_str() }));
    json!({
        "seq": source.seq,
        "sha256": answer.policy.sha256,
        "folder": source.folder.map(|path| path.display().to_string()),
        "request": {
            "agent": request.cause.actor.id, "agent_version": request.cause.actor.version,
            "action": request.action, "seller": request.seller, "campaign": request.campaign,
            "mailbox": answer.mailbox, "environment": answer.environment,
            "foreign": request.foreign.as_ref().map(|foreign| foreign.outcome),
        },
        "outcome": answer.outcome,
        "reasons": answer.reasons.iter().map(reason).collect::<Vec<_>>(),
        "action": said.action.map(|rule| table::action(&request.action, rule)),
        "class": said.class,
        "rows": rows.collect::<Vec<_>>(),
        "targets": targets.collect::<Vec<_>>(),
        "used": said.used.iter().copied().map(id).collect::<Vec<_>>(),
        "tier": said.tier,
        "causes": said.causes.iter().map(cause).collect::<Vec<_>>(),
        "approvers": answer.approvers,
        "throttles": throttles.collect::<Vec<_>>(),
        "breakers": breakers.collect::<Vec<_>>(),
        "dnc_breach": breach,
        "conditions_not_evaluated": conditions.collect::<Vec<_>>(),
        "notes": answer.notes(),
    })
}

fn id(row: &Grant) -> &str {
    &row.id
}

fn word(code: Code) -> &'static str {
    codebook::code(code).word
}

fn reason(reason: &Reason) -> Value {
    let explained = codebook::code(reason.code);
    json!({
        "code": explained.word, "demands": reason.code.demands(), "rule": reason.rule, "target": reason.target,
        "field": reason.field, "sentence": codebook::sentence(reason), "remedy": explained.remedy,
    })
}

fn cause((tier, cause): &(u8, TierCause<'_>)) -> Value {
    match cause {
        TierCause::Action => json!({ "tier": tier, "cause": "action" }),
        TierCause::OwnFields => json!({ "tier": tier, "cause": "own_fields" }),
        TierCause::Writes(target, field) => {
            json!({ "tier": tier, "cause": "writes", "target": target, "field": field })
        }
        TierCause::Reads(target, field) => {
            json!({ "tier": tier, "cause": "reads", "target": target, "field": field })
        }
        TierCause::Row(row) => json!({ "tier": tier, "cause": "row", "row": row }),
    }
}
