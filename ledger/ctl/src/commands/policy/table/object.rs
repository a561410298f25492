//! A policy as one JSON object: everything that its text says.

use ledger_core::action::ActionRule;
use ledger_core::hash::Hash;
use ledger_core::policy::{BreakerRule, Condition, Grant, Mailboxes, Names, Policy, ThrottleRule};
use serde_json::{Value, json};

use super::{effect, environments, hours, number_list};

/// The same as the tables, and complete.
pub(in crate::commands::policy) fn object(
    policy: &Policy,
    sha256: Hash,
    seq: Option<u64>,
) -> Value {
    let grants = policy.all_grants().iter();
    let grants: Vec<Value> = grants.map(|row| grant(policy, row)).collect();
    let throttles: Vec<Value> = policy.throttles().iter().map(throttle).collect();
    let actions = policy.actions().map(|(name, rule)| action(name, rule));
    let actions: Vec<Value> = actions.collect();
    let breakers: Vec<Value> = policy.breakers().iter().map(breaker).collect();
    let sensitive = policy.fields.sensitive.iter();
    let sensitive = sensitive.map(|(object, field)| json!({ "object": object, "field": field }));
    let texts = |pointers: &[ledger_core::redact::Pointer]| -> Vec<String> {
        pointers.iter().map(ToString::to_string).collect()
    };
    let numbers: serde_json::Map<String, Value> = number_list(policy.numbers)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({
        "seq": seq,
        "sha256": sha256,
        "grants": grants,
        "actions": actions,
        "throttles": throttles,
        "breakers": breakers,
        "conditions": conditions(policy),
        "dnc_breach": { "scope": policy.dnc_breach.as_str() },
        "fields": {
            "agent_owned": policy.fields.agent_owned.patterns(),
            "sensitive": sensitive.collect::<Vec<_>>(),
        },
        "sandbox": {
            "fake_domains": policy.fake_domains,
            "fake_phones": policy.fake_phones.iter().map(|token| format!("token:{token}")).collect::<Vec<_>>(),
            "clear": texts(&policy.sandbox_clear),
        },
        "redact": {
            "keys": policy.redact.names().collect::<Vec<_>>(),
            "pointers": texts(policy.redact.pointers()),
        },
        "numbers": numbers,
    })
}

/// An action.
pub(in crate::commands::policy) fn action(name: &str, rule: &ActionRule) -> Value {
    let requires: Vec<String> = rule.requires.iter().map(ToString::to_string).collect();
    let hours = rule.hours.map(|_| hours(rule));
    json!({
        "name": name, "class": rule.class, "tier": rule.tier, "channels": rule.channels, "requires": requires,
        "hours": hours, "registry_max_age_s": rule.registry_max_age_s,
        "registry_sources": rule.registry_sources, "creates": rule.creates,
    })
}

/// By id; `null` where the policy has no file for any, which is not the same as a file without any.
fn conditions(policy: &Policy) -> Option<Vec<Value>> {
    let conditions = policy.conditions()?.all().iter();
    let condition = |condition: &Condition| json!({ "id": condition.id, "effect": effect(condition), "file": condition.path });
    Some(conditions.map(condition).collect())
}

/// A throttle.
pub(in crate::commands::policy) fn throttle(rule: &ThrottleRule) -> Value {
    json!({
        "id": rule.id, "actions": rule.actions, "classes": rule.classes, "per": rule.per.as_str(),
        "unit": rule.unit.as_str(), "limit": rule.limit, "window_s": rule.window_s,
    })
}

/// A circuit breaker.
pub(in crate::commands::policy) fn breaker(rule: &BreakerRule) -> Value {
    json!({
        "id": rule.id, "measure": rule.measure, "actions": rule.actions, "classes": rule.classes,
        "per": rule.per.as_str(), "warn": rule.warn, "open": rule.open, "minimum": rule.minimum,
        "window_s": rule.window_s,
    })
}

/// A row.
pub(in crate::commands::policy) fn grant(policy: &Policy, row: &Grant) -> Value {
    let names = |names: &Names| match names {
        Names::Any => json!(["*"]),
        Names::Only(names) => json!(names),
    };
    let mailboxes = match &row.mailboxes {
        Mailboxes::Any => json!(["*"]),
        Mailboxes::Only { names, tokens } => {
            let tokens = tokens.iter().map(|token| format!("token:{token}"));
            json!(names.iter().cloned().chain(tokens).collect::<Vec<String>>())
        }
    };
    // What is so, whether the row says it or its tier: nobody is asked below tier 2.
    let approval = if row.waived {
        Some("waived")
    } else {
        policy.tiers(row).contains(&2).then_some("required")
    };
    json!({
        "id": row.id, "agent": row.agent, "actions": row.actions, "sellers": names(&row.sellers),
        "mailboxes": mailboxes, "objects": names(&row.objects), "reads": row.reads.patterns(),
        "writes": row.writes.patterns(), "environments": environments(row), "tier": row.tier,
        "tiers": policy.tiers(row), "approval": approval,
        "decided": row.elsewhere.then_some("elsewhere"), "approvers": row.approvers,
        "agent_versions": row.agent_versions,
    })
}
