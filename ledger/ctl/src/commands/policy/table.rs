//! A policy as tables: who may do what, what an action is, how often.

use std::collections::BTreeSet;

use ledger_core::hash::Hash;
use ledger_core::policy::{Grant, Mailboxes, NUMBER_RANGES, Names, Numbers, Policy, ThrottleRule};
use serde_json::{Value, json};

use crate::narrate::short;
use crate::output::Style;
use crate::text::{Table, duration_s, grouped, put};

/// The tables for people.
pub(super) fn text(policy: &Policy, style: Style) -> String {
    let mut out = format!("{}\n{}", style.strong("Who may do what"), grants(policy));
    put!(out, "\n{}\n{}", style.strong("Actions"), actions(policy));
    put!(
        out,
        "\n{}\n{}",
        style.strong("How often, in trailing windows"),
        throttles(policy)
    );
    put!(
        out,
        "\n{}\n{}",
        style.strong("Numbers"),
        numbers(policy.numbers)
    );
    out
}

fn grants(policy: &Policy) -> String {
    let mut rows: Vec<&Grant> = policy.all_grants().iter().collect();
    rows.sort_by(|one, other| one.agent.cmp(&other.agent));
    if rows.is_empty() {
        return "  nobody may do anything\n".to_owned();
    }
    let mut table = Table::new(&["agent", "row", "sellers", "mailboxes", "actions"]);
    let mut last = None;
    for grant in rows {
        // An agent's name stands once, before all of its rows.
        let agent = if last == Some(&grant.agent) {
            "\"".to_owned()
        } else {
            grant.agent.clone()
        };
        last = Some(&grant.agent);
        table.row([
            agent,
            grant.id.clone(),
            names(&grant.sellers),
            mailboxes(&grant.mailboxes),
            joined(&grant.actions),
        ]);
    }
    table.render("  ")
}

fn actions(policy: &Policy) -> String {
    let mut table = Table::new(&["action", "class", "channels", "requires", "granted to"]);
    for (name, rule) in policy.actions() {
        let requires: Vec<String> = rule.requires.iter().map(ToString::to_string).collect();
        let agents: BTreeSet<&str> = policy
            .all_grants()
            .iter()
            .filter(|grant| grant.actions.contains(name))
            .map(|grant| grant.agent.as_str())
            .collect();
        let agents: Vec<&str> = agents.into_iter().collect();
        let agents = if agents.is_empty() {
            "nobody".to_owned()
        } else {
            agents.join(", ")
        };
        table.row([
            name.to_owned(),
            rule.class.to_string(),
            rule.channels.to_string(),
            requires.join(", "),
            agents,
        ]);
    }
    table.render("  ")
}

fn throttles(policy: &Policy) -> String {
    if policy.throttles().is_empty() {
        return "  no limits\n".to_owned();
    }
    let mut table = Table::new(&["rule", "limit", "window", "per", "counts"]);
    for rule in policy.throttles() {
        table.row([
            rule.id.clone(),
            format!("{} {}", grouped(rule.limit), rule.unit.as_str()),
            duration_s(rule.window_s),
            rule.per.as_str().to_owned(),
            counts(rule),
        ]);
    }
    table.render("  ")
}

fn counts(rule: &ThrottleRule) -> String {
    let classes = rule.classes.iter().map(|class| format!("class {class}"));
    let all: Vec<String> = classes.chain(rule.actions.iter().cloned()).collect();
    all.join(", ")
}

fn numbers(numbers: Numbers) -> String {
    let mut table = Table::new(&["number", "value"]);
    for (name, value) in number_list(numbers) {
        table.row([name.to_owned(), value.to_string()]);
    }
    table.render("  ")
}

/// Every number with its key in the text. Held against the core's own list by a test.
fn number_list(numbers: Numbers) -> [(&'static str, u64); NUMBER_RANGES.len()] {
    [
        ("valid_for_s", numbers.valid_for_s),
        ("report_within_s", numbers.report_within_s),
        ("start_tolerance_s", numbers.start_tolerance_s),
        ("heartbeat_s", numbers.heartbeat_s),
        ("max_gap_s", numbers.max_gap_s),
        ("clock_bound_ms", numbers.clock_bound_ms),
        ("approve_within_s", numbers.approve_within_s),
        ("break_glass_confirm_s", numbers.break_glass_confirm_s),
        ("break_glass_max_s", numbers.break_glass_max_s),
    ]
}

fn names(names: &Names) -> String {
    match names {
        Names::Any => "any".to_owned(),
        Names::Only(names) => joined(names),
    }
}

fn mailboxes(mailboxes: &Mailboxes) -> String {
    match mailboxes {
        Mailboxes::Any => "any".to_owned(),
        Mailboxes::Only { names, tokens } => {
            let tokens = tokens.iter().map(|token| format!("token {}", short(token)));
            let all: Vec<String> = names.iter().cloned().chain(tokens).collect();
            all.join(", ")
        }
    }
}

fn joined(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(", ")
}

/// The same as an object.
pub(super) fn object(policy: &Policy, sha256: Hash, seq: Option<u64>) -> Value {
    let grants: Vec<Value> = policy.all_grants().iter().map(grant_object).collect();
    let actions: Vec<Value> = policy
        .actions()
        .map(|(name, rule)| {
            let requires: Vec<String> = rule.requires.iter().map(ToString::to_string).collect();
            json!({ "name": name, "class": rule.class, "channels": rule.channels, "requires": requires })
        })
        .collect();
    let throttles: Vec<Value> = policy
        .throttles()
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id, "actions": rule.actions, "classes": rule.classes, "per": rule.per.as_str(),
                "unit": rule.unit.as_str(), "limit": rule.limit, "window_s": rule.window_s,
            })
        })
        .collect();
    let numbers: serde_json::Map<String, Value> = number_list(policy.numbers)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({ "seq": seq, "sha256": sha256, "grants": grants, "actions": actions, "throttles": throttles, "numbers": numbers })
}

fn grant_object(grant: &Grant) -> Value {
    let sellers = match &grant.sellers {
        Names::Any => json!(["*"]),
        Names::Only(names) => json!(names),
    };
    let mailboxes = match &grant.mailboxes {
        Mailboxes::Any => json!(["*"]),
        Mailboxes::Only { names, tokens } => {
            let tokens = tokens.iter().map(|token| format!("token:{token}"));
            json!(names.iter().cloned().chain(tokens).collect::<Vec<String>>())
        }
    };
    json!({ "id": grant.id, "agent": grant.agent, "actions": grant.actions, "sellers": sellers, "mailboxes": mailboxes })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
version = 1

[[action]]
name = "crm.read"
class = "read"

[[action]]
name = "email.send"
requires = ["email", "contact"]

[[grant]]
id = "sends"
agent = "agent.sender"
actions = ["email.send"]
sellers = ["acme"]
mailboxes = ["outreach-1", "outreach-2"]

[[grant]]
id = "reads"
agent = "agent.enrichment"
actions = ["crm.read"]

[[grant]]
id = "sender-reads"
agent = "agent.sender"
actions = ["crm.read"]

[[throttle]]
id = "mailbox-day"
actions = ["email.send"]
per = "mailbox"
limit = 2500
window = "24h"

[[throttle]]
id = "contact-week"
classes = ["contact"]
per = "recipient"
unit = "recipients"
limit = 1
window = "7d"
"#;

    fn policy() -> Policy {
        Policy::parse(&[("policy.toml", TEXT)]).unwrap()
    }

    #[test]
    fn a_policy_is_shown_as_tables() {
        let expected = "\
Who may do what
  agent             row           sellers  mailboxes               actions
  agent.enrichment  reads         -        -                       crm.read
  agent.sender      sends         acme     outreach-1, outreach-2  email.send
  \"                 sender-reads  -        -                       crm.read

Actions
  action           class    channels                   requires        granted to
  call.queue       contact  call                       -               nobody
  crm.read         read     -                          -               agent.enrichment, agent.sender
  email.send       contact  email                      email, contact  agent.sender
  meeting.book     contact  email, meeting             -               nobody
  sequence.enroll  contact  email, call, sms, meeting  -               nobody
  sms.send         contact  sms                        -               nobody

How often, in trailing windows
  rule          limit          window  per        counts
  mailbox-day   2,500 actions  24h     mailbox    email.send
  contact-week  1 recipients   7d      recipient  class contact

Numbers
  number             value
  valid_for_s        60
  report_within_s    900
  start_tolerance_s  5
  heartbeat_s        300
  max_gap_s          604800
  clock_bound_ms     5000
";
        assert_eq!(text(&policy(), Style::PLAIN), expected);
    }

    #[test]
    fn the_numbers_are_those_of_the_policy_text() {
        let listed = number_list(Numbers::default()).map(|(name, _)| name);
        assert_eq!(listed, NUMBER_RANGES.map(|(name, _)| name));
    }

    #[test]
    fn the_object_says_the_same() {
        let object = object(&policy(), Hash([0x11; 32]), Some(3));
        assert_eq!(object["seq"], 3);
        assert_eq!(
            object["grants"][0]["mailboxes"],
            json!(["outreach-1", "outreach-2"])
        );
        assert_eq!(object["grants"][1]["sellers"], json!([]));
        assert_eq!(object["throttles"][1]["window_s"], 604_800);
        assert_eq!(object["numbers"]["valid_for_s"], 60);
        assert_eq!(
            object["actions"][2]["requires"],
            json!(["email", "contact"])
        );
    }
}
