//! The seven questions of the requirements, and what the log says to each.

use ledger_core::checkpoint::Checkpoint;
use ledger_core::codebook;
use ledger_core::entry::{
    Basis, Body, Check, Code, Commitment, Decision, DetailName, Entry, Environment, Foreign,
    Outcome, Reason, Stop,
};
use ledger_core::time::Timestamp;
use ledger_proto::v1::{self, scope::Of};
use serde::Serialize;
use serde_json::{Value, json};

use super::rows::Published;
use crate::narrate::outcome_word;
use crate::text::counted;
use crate::values::scope;

/// What is said of everything that nobody recorded.
pub(super) const NOT_IN_THE_LOG: &str = "not in the log";

/// What the questions are answered from: proven entries, and how the kill switch stands.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) decision: &'a Entry,
    pub(super) decided: &'a Decision,
    pub(super) execution: Option<&'a Entry>,
    pub(super) approval: Option<&'a Entry>,
    pub(super) policy: Option<&'a Published>,
    pub(super) switch: &'a Switch,
    pub(super) tree: &'a Checkpoint,
}

/// The kill switch.
#[derive(Debug)]
pub(super) enum Switch {
    /// The caller's role may not ask.
    Withheld,
    /// As the ledger says; the last stop as its entry says, where the caller may read it.
    Known {
        active: Vec<(u64, v1::Scope)>,
        last: Option<v1::LastStop>,
        proven: Option<Box<(Timestamp, Stop)>>,
    },
}

/// One question, its answer, and the entries that prove it.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) number: u8,
    pub(super) question: &'static str,
    #[serde(rename = "answer")]
    pub(super) lines: Vec<String>,
    /// Text out of the log, as it stands there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) text: String,
    pub(super) proof: Vec<u64>,
    pub(super) facts: Value,
}

/// The seven answers, in the order of the questions.
pub(super) fn answers(facts: &Facts<'_>) -> Vec<Answer> {
    let answers = [
        ("Which agent executed the action?", agent(facts)),
        ("What permission scope did it have?", scope_of(facts)),
        ("What policy version approved it?", policy(facts)),
        (
            "Where is the immutable log with before/after diffs?",
            diffs(facts),
        ),
        ("Can you replay the chain end-to-end?", replay(facts)),
        ("Can you stop it in one click?", stop(facts)),
        ("Can you prove DNC was enforced?", dnc(facts)),
    ];
    (1..)
        .zip(answers)
        .map(|(number, (question, said))| Answer {
            number,
            question,
            lines: said.lines,
            text: said.text,
            proof: said.proof,
            facts: said.facts,
        })
        .collect()
}

/// An answer without its question.
#[derive(Debug, Default)]
struct Said {
    lines: Vec<String>,
    text: String,
    proof: Vec<u64>,
    facts: Value,
}

fn agent(facts: &Facts<'_>) -> Said {
    let actor = &facts.decided.cause.actor;
    let version = actor.version.as_deref().unwrap_or(NOT_IN_THE_LOG);
    let mut proof = vec![facts.decision.seq];
    let mut lines = vec![format!("`{}`, version: {version}.", actor.id)];
    let mut reporter = None;
    if let Some(entry) = facts.execution {
        proof.push(entry.seq);
        let by = entry.body.actor();
        reporter = Some(&by.id);
        if by.id != actor.id {
            lines.push(format!("Reported by the {} `{}`.", role(entry), by.id));
        }
        if let Body::Execution(execution) = &entry.body
            && !execution.findings.is_empty()
        {
            let words: Vec<&str> = execution
                .findings
                .iter()
                .map(|finding| codebook::finding(*finding).word)
                .collect();
            lines.push(format!(
                "The report contradicts the log: {}.",
                words.join(", ")
            ));
        }
    } else {
        lines.push(format!(
            "An execution is {NOT_IN_THE_LOG}: nobody reported one."
        ));
    }
    if let Some(named) = &facts.decided.agent {
        lines.push(format!("The request named another agent: `{named}`."));
    }
    Said {
        lines,
        proof,
        facts: json!({
            "agent": actor.id, "version": actor.version, "executed": facts.execution.is_some(), "reporter": reporter,
        }),
        ..Said::default()
    }
}

fn role(entry: &Entry) -> String {
    let kind: &str = entry.body.actor().kind.into();
    kind.to_owned()
}

fn scope_of(facts: &Facts<'_>) -> Said {
    let decided = facts.decided;
    let mut said = Said {
        proof: vec![facts.decision.seq],
        ..Said::default()
    };
    let rows: Vec<&str> = decided
        .reasons
        .iter()
        .filter(|reason| reason.code == Code::GrantRow)
        .filter_map(|reason| reason.rule.as_deref())
        .collect();
    if rows.is_empty() {
        let why = decided
            .reasons
            .iter()
            .filter(|reason| reason.check == Check::Grant)
            .map(codebook::sentence);
        let why: Vec<String> = why.collect();
        said.lines.push(if why.is_empty() {
            format!("A row that grants it: {NOT_IN_THE_LOG}.")
        } else {
            format!("None: {}.", why.join("; "))
        });
    } else {
        let named: Vec<String> = rows.iter().map(|row| format!("`{row}`")).collect();
        said.lines.push(format!(
            "Row {} of the policy, in the environment {}.",
            named.join(", "),
            environment(decided.environment)
        ));
    }
    let mut texts = Vec::new();
    for row in &rows {
        match facts.policy.and_then(|policy| policy.row(row)) {
            Some(text) => texts.push(text),
            None if facts.policy.is_none() => {
                said.lines.push("The policy's text is not yours to read: ask with the role operator, compliance or auditor.".to_owned());
                break;
            }
            None => said
                .lines
                .push(format!("The text of `{row}` is written otherwise: `ledgerctl receipt` of the policy shows it.")),
        }
    }
    if !rows.is_empty()
        && let Some(policy) = facts.policy
    {
        said.proof.extend(&policy.seqs);
    }
    let tier = decided
        .tier
        .map_or_else(|| NOT_IN_THE_LOG.to_owned(), |tier| tier.to_string());
    said.lines
        .push(format!("Class {}, risk tier: {tier}.", decided.class));
    said.text = texts.join("\n");
    said.facts = json!({
        "rows": rows, "texts": texts, "environment": environment(decided.environment), "class": decided.class,
        "tier": decided.tier,
    });
    said
}

const fn environment(environment: Environment) -> &'static str {
    match environment {
        Environment::Prod => "prod",
        Environment::Sandbox => "sandbox",
    }
}

fn policy(facts: &Facts<'_>) -> Said {
    match &facts.decided.foreign {
        Some(foreign) if facts.decided.basis == Basis::Asserted => asserted(facts, foreign),
        _ => approved(facts),
    }
}

/// Of a decision made elsewhere this ledger has only what it was told.
fn asserted(facts: &Facts<'_>, foreign: &Foreign) -> Said {
    let mut said = Said {
        proof: vec![facts.decision.seq],
        ..Said::default()
    };
    let policy = foreign.policy.map_or_else(
        || format!("its policy: {NOT_IN_THE_LOG}"),
        |policy| format!("by a policy of SHA-256 {policy}"),
    );
    said.lines.push(format!(
        "None of this ledger: `{}` reported that the engine `{}` decided it, and said {}; {policy}.",
        facts.decided.cause.actor.id,
        foreign.engine,
        outcome_word(foreign.outcome),
    ));
    if let Some(policy) = facts.decided.policy {
        said.proof.push(policy.seq);
        said.lines.push(format!(
            "Policy #{} was in force here, and was not asked.",
            policy.seq
        ));
    }
    said.lines.push(format!("An approval: {NOT_IN_THE_LOG}."));
    said.facts = json!({
        "policy": null, "engine": foreign.engine, "engine_policy": foreign.policy, "outcome": facts.decided.outcome,
        "approver": null, "approval": null,
    });
    said
}

fn approved(facts: &Facts<'_>) -> Said {
    let decided = facts.decided;
    let mut said = Said {
        proof: vec![facts.decision.seq],
        ..Said::default()
    };
    match decided.policy {
        Some(policy) => {
            said.proof.push(policy.seq);
            let verb = match decided.outcome {
                Outcome::Allow => "allowed",
                Outcome::RequireApproval => "did not allow it yet: it asked for an approval",
                Outcome::Deny => "denied",
            };
            let by = facts.policy.map(|published| {
                let entry = &published.first.entry;
                format!(
                    ", published by `{}` at {}",
                    entry.body.actor().id,
                    entry.time
                )
            });
            said.lines.push(format!(
                "Policy #{} (SHA-256 {}){}; it {verb}.",
                policy.seq,
                policy.sha256,
                by.unwrap_or_default()
            ));
        }
        None => said.lines.push(format!(
            "A policy is {NOT_IN_THE_LOG}: none was published by then, so everything was denied."
        )),
    }
    let find = |code: Code| decided.reasons.iter().find(|reason| reason.code == code);
    let approved = match (&decided.approver, decided.approval) {
        (Some(approver), Some(seq)) => {
            said.proof.push(seq);
            let time = facts.approval.map(|entry| format!(" at {}", entry.time));
            format!(
                "Approved by `{approver}` in #{seq}{}.",
                time.unwrap_or_default()
            )
        }
        _ if let Some(row) = find(Code::TierWaived) => format!(
            "No person approved it: the row `{}` waives that.",
            row.rule.as_deref().unwrap_or_default()
        ),
        _ if let Some(row) = find(Code::TierElsewhere) => format!(
            "No person approved it here: the row `{}` leaves that to the engine `{}`.",
            row.rule.as_deref().unwrap_or_default(),
            decided
                .foreign
                .as_ref()
                .map_or("?", |foreign| foreign.engine.as_str())
        ),
        _ if find(Code::TierBreakGlass).is_some() => {
            "Two people lifted tier 3 for it by break-glass.".to_owned()
        }
        _ if decided.outcome == Outcome::Allow => "It needed no approval.".to_owned(),
        _ => format!("An approval: {NOT_IN_THE_LOG}."),
    };
    said.lines.push(approved);
    said.facts = json!({
        "policy": decided.policy, "outcome": decided.outcome, "approver": decided.approver,
        "approval": decided.approval.filter(|_| decided.approver.is_some()),
    });
    said
}

fn detail(entry: Option<&Entry>, name: DetailName) -> Option<(u64, Commitment)> {
    let entry = entry?;
    let detail = entry.body.details()?.get(&name)?;
    Some((entry.seq, *detail))
}

fn diffs(facts: &Facts<'_>) -> Said {
    let mut said = Said::default();
    let tree = facts.tree;
    said.lines.push(format!(
        "The log `{}`: {}, root {}.",
        tree.origin,
        counted(tree.size, "entry", "entries"),
        tree.root
    ));
    let mut kept = serde_json::Map::new();
    for name in [DetailName::Before, DetailName::After, DetailName::Diff] {
        // A runtime may say with its request already what is to change.
        let found = detail(facts.execution, name).or_else(|| {
            let asked = name == DetailName::Diff;
            detail(Some(facts.decision).filter(|_| asked), name)
        });
        let word = name.as_str();
        said.lines.push(match found {
            Some((seq, detail)) => {
                if !said.proof.contains(&seq) {
                    said.proof.push(seq);
                }
                kept.insert(word.to_owned(), json!({ "seq": seq, "commitment": detail.commitment, "bytes": detail.bytes }));
                format!(
                    "{word}: kept by #{seq} ({}, commitment {}); `ledgerctl detail {seq} {word}` shows it.",
                    counted(detail.bytes, "byte", "bytes"),
                    crate::narrate::short(detail.commitment)
                )
            }
            None => format!("{word}: {NOT_IN_THE_LOG}."),
        });
    }
    said.facts = json!({
        "execution": facts.execution.map(|entry| entry.seq), "details": kept,
        "log": { "origin": tree.origin, "size": tree.size, "root": tree.root },
    });
    said
}

/// The parts of an execution bundle, and what each is.
const BUNDLE: [(DetailName, &str); 8] = [
    (DetailName::Prompt, "prompt template and version"),
    (DetailName::Context, "fields that the agent saw"),
    (DetailName::Plan, "final plan"),
    (DetailName::Params, "parameters"),
    (DetailName::Rationale, "rationale"),
    (DetailName::Response, "tool responses"),
    (DetailName::Before, "state before"),
    (DetailName::After, "state after"),
];

fn replay(facts: &Facts<'_>) -> Said {
    let mut said = Said {
        proof: vec![facts.decision.seq],
        ..Said::default()
    };
    let (mut kept, mut missing) = (Vec::new(), Vec::new());
    let (mut kept_json, mut missing_json) = (Vec::new(), Vec::new());
    for (name, what) in BUNDLE {
        let found = detail(Some(facts.decision), name).or_else(|| detail(facts.execution, name));
        if let Some((seq, _)) = found {
            kept.push(format!("{what} (`{}` of #{seq})", name.as_str()));
            kept_json.push(json!({ "name": name.as_str(), "seq": seq }));
            if !said.proof.contains(&seq) {
                said.proof.push(seq);
            }
        } else {
            missing.push(format!("{what} (`{}`)", name.as_str()));
            missing_json.push(name.as_str());
        }
    }
    if !kept.is_empty() {
        said.lines
            .push(format!("Its bundle has: {}.", kept.join(", ")));
    }
    if !missing.is_empty() {
        said.lines.push(format!(
            "{}: {}.",
            capital(NOT_IN_THE_LOG),
            missing.join(", ")
        ));
    }
    if facts.decision.sandbox {
        said.lines
            .push("This is a sandbox: every text in these details is masked.".to_owned());
    }
    let commands = [
        "ledgerctl export --out export",
        "ledger-verify replay export --vkey ledger.vkey",
    ];
    said.lines.push(if facts.decided.basis == Basis::Asserted {
        format!(
            "The decision was made elsewhere and is taken as it was said; every one made here is made again from the log \
             alone: `{}` && `{}`.",
            commands[0], commands[1]
        )
    } else {
        format!(
            "The decision, and every other, is made again from the log alone: `{}` && `{}`.",
            commands[0], commands[1]
        )
    });
    let run = facts.decided.cause.correlation_id.as_deref();
    if let Some(run) = run {
        said.lines.push(format!(
            "The chain as a narrative: `ledgerctl trace {run} --details`."
        ));
    }
    said.facts = json!({ "kept": kept_json, "missing": missing_json, "commands": commands });
    said
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

fn stop(facts: &Facts<'_>) -> Said {
    let mut said = Said::default();
    let agent = &facts.decided.cause.actor.id;
    let command = format!("ledgerctl stop --agent {agent}");
    said.lines.push(format!("Yes: `{command}`."));
    let Switch::Known {
        active,
        last,
        proven,
    } = facts.switch
    else {
        said.lines.push(
            "How the switch stands is not yours to read: ask with the role operator, compliance or auditor."
                .to_owned(),
        );
        said.facts = json!({ "command": command, "known": false });
        return said;
    };
    let covering: Vec<&(u64, v1::Scope)> = active
        .iter()
        .filter(|(_, scope)| covers(scope, facts.decided))
        .collect();
    if covering.is_empty() {
        said.lines.push("No active stop covers it now.".to_owned());
    }
    for (seq, scope) in &covering {
        said.proof.push(*seq);
        said.lines.push(format!(
            "It is stopped now: {} (#{seq}).",
            scope::wire_words(Some(scope))
        ));
    }
    let last_json = match last {
        None => {
            said.lines
                .push("The switch was never exercised.".to_owned());
            json!("never exercised")
        }
        Some(last) => {
            if proven.is_some() && !said.proof.contains(&last.seq) {
                said.proof.push(last.seq);
            }
            let time = proven
                .as_ref()
                .map(|proven| proven.0)
                .or_else(|| last.time.as_ref().and_then(crate::values::when::from_wire));
            let time_words = time.map_or_else(|| "?".to_owned(), |time| time.to_string());
            said.lines.push(format!(
                "Last stop: #{}, of {}, at {time_words}; it voided {}.",
                last.seq,
                scope::wire_words(last.scope.as_ref()),
                counted(last.voided, "outstanding allow", "outstanding allows")
            ));
            json!({
                "seq": last.seq, "scope": scope::wire_words(last.scope.as_ref()), "time": time,
                "voided": last.voided, "proven": proven.is_some(),
            })
        }
    };
    let active: Vec<u64> = covering.iter().map(|(seq, _)| *seq).collect();
    said.facts =
        json!({ "command": command, "known": true, "active": active, "last_stop": last_json });
    said
}

/// Whether a stop of this scope covers the decision.
fn covers(scope: &v1::Scope, decided: &Decision) -> bool {
    match &scope.of {
        Some(Of::All(all)) => *all,
        Some(Of::AgentId(id)) => *id == decided.cause.actor.id,
        Some(Of::Class(number)) => {
            let class = v1::ActionClass::try_from(*number).unwrap_or_default();
            crate::values::words::class::word(class) == decided.class.to_string()
        }
        None => false,
    }
}

fn dnc(facts: &Facts<'_>) -> Said {
    let decided = facts.decided;
    let seq = facts.decision.seq;
    let mut said = Said {
        proof: vec![seq],
        ..Said::default()
    };
    let reasons: Vec<&Reason> = decided
        .reasons
        .iter()
        .filter(|reason| reason.check == Check::Dnc)
        .collect();
    if decided.basis == Basis::Asserted {
        said.lines.push(format!(
            "A check of the list: {NOT_IN_THE_LOG}. The decision was made elsewhere; only actions that contact nobody can be."
        ));
    } else if reasons.is_empty() {
        said.lines.push(if decided.recipients.is_empty() {
            format!(
                "The request names no recipient, so there was nobody to look up; the class {} is the gate's own word.",
                decided.class
            )
        } else {
            format!("A clear answer of the list: {NOT_IN_THE_LOG}; the request was not allowed for other reasons.")
        });
    }
    for reason in &reasons {
        said.lines.push(format!(
            "{}: {} (#{seq}).",
            codebook::code(reason.code).word,
            codebook::sentence(reason)
        ));
        for cite in &reason.cites {
            if !said.proof.contains(&cite.seq) {
                said.proof.push(cite.seq);
            }
        }
    }
    if let Some(total) = decided.reasons_total {
        said.lines.push(format!(
            "#{seq} lists {} of {total} reasons.",
            decided.reasons.len()
        ));
    }
    let commands = [
        format!("ledgerctl evidence {seq} --out {seq}.evidence"),
        format!("ledger-verify evidence {seq}.evidence --vkey ledger.vkey"),
    ];
    said.lines.push(format!(
        "To prove it offline: `{}` && `{}`; that nobody else was listed then, replay shows.",
        commands[0], commands[1]
    ));
    let words: Vec<Value> = reasons
        .iter()
        .map(|reason| json!({ "code": codebook::code(reason.code).word, "seq": seq, "cites": reason.cites }))
        .collect();
    said.facts =
        json!({ "reasons": words, "recipients": decided.recipients.len(), "commands": commands });
    said
}
