//! A policy as tables: who may do what to what, what an action is, how often, what closes off.

mod object;

use std::collections::BTreeSet;

use ledger_core::action::ActionRule;
use ledger_core::entry::{Environment, Measure};
use ledger_core::policy::{
    BreakerRule, Condition, DNC_BREACH, Grant, Mailboxes, NUMBER_RANGES, Names, Numbers, Policy,
    SENSITIVE, ThrottleRule,
};

use super::groups;
use crate::narrate::short;
use crate::output::Style;
use crate::text::{Table, duration_s, grouped, put, wrapped};

pub(super) use object::{action, breaker, grant, object, throttle};

/// How wide a cell of names gets before the rest goes into the next line.
const CELL: usize = 18;

/// The tables for people.
pub(super) fn text(policy: &Policy, style: Style) -> String {
    let sections = [
        ("Who may do what", grants(policy)),
        ("Where from, for whom, and which version", senders(policy)),
        ("Actions", actions(policy)),
        ("How often, in trailing windows", throttles(policy)),
        (
            "Circuit breakers, over the reports of trailing windows",
            breakers(policy),
        ),
        ("Conditions, which must permit besides", conditions(policy)),
        ("Fields", fields(policy)),
        ("Sandbox", sandbox(policy)),
        ("Numbers", numbers(policy.numbers)),
    ];
    let mut out = String::new();
    for (heading, body) in sections.into_iter().filter(|(_, body)| !body.is_empty()) {
        let gap = if out.is_empty() { "" } else { "\n" };
        put!(out, "{gap}{}\n{body}", style.strong(heading));
    }
    out
}

/// The rows, those of one agent together, in the order of the file.
fn sorted(policy: &Policy) -> Vec<&Grant> {
    let mut rows: Vec<&Grant> = policy.all_grants().iter().collect();
    rows.sort_by(|one, other| one.agent.cmp(&other.agent));
    rows
}

fn grants(policy: &Policy) -> String {
    let rows = sorted(policy);
    if rows.is_empty() {
        return "  nobody may do anything\n".to_owned();
    }
    let mut table = Table::new(&[
        "agent, row",
        "actions",
        "objects",
        "reads",
        "writes",
        "in",
        "tier",
        "approval",
    ]);
    let mut last = None;
    for row in &rows {
        // An agent's name stands once, before all of its rows.
        if last != Some(&row.agent) {
            let blank = std::iter::repeat_n(" ".to_owned(), 7);
            table.row(std::iter::once(row.agent.clone()).chain(blank));
        }
        last = Some(&row.agent);
        lines(
            &mut table,
            [
                vec![format!("  {}", row.id)],
                cell(&row.actions),
                cell(names(&row.objects)),
                cell(row.reads.patterns()),
                cell(row.writes.patterns()),
                cell(environments(row)),
                vec![tier(policy, row)],
                approval(policy, row),
            ],
        );
    }
    let mut out = table.render("  ");
    if rows.iter().any(|row| row.waived) {
        let note = "waived: what is tier 2 in this row is done without anybody's approval. The do-not-contact \
                    list, throttles, breakers and stops hold all the same.";
        put!(out, "\n{}", wrapped("  ", note));
    }
    out
}

/// Adds a row of cells that may have several lines each.
fn lines<const N: usize>(table: &mut Table, cells: [Vec<String>; N]) {
    let height = cells.iter().map(Vec::len).max().unwrap_or(1);
    for at in 0..height.max(1) {
        let line = |cell: &Vec<String>| match (cell.get(at), at) {
            (Some(line), _) => line.clone(),
            (None, 0) => String::new(),
            // An empty cell is shown as one: here it is the end of a longer one.
            (None, _) => " ".to_owned(),
        };
        table.row(cells.each_ref().map(line));
    }
}

/// Names with commas between them, in lines of about [`CELL`] characters.
fn cell<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        let name = name.as_ref();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + name.chars().count() <= CELL => {
                put!(line, ", {name}");
            }
            Some(line) => {
                line.push(',');
                lines.push(name.to_owned());
            }
            None => lines.push(name.to_owned()),
        }
    }
    lines
}

fn environments(row: &Grant) -> Vec<&'static str> {
    let word = |environment: &Environment| match environment {
        Environment::Prod => "prod",
        Environment::Sandbox => "sandbox",
    };
    row.environments.iter().map(word).collect()
}

/// The tiers that requests under a row can have.
fn tier(policy: &Policy, row: &Grant) -> String {
    let tiers: Vec<String> = policy.tiers(row).iter().map(ToString::to_string).collect();
    tiers.join(", ")
}

/// Whose approval the row's tiers need.
fn approval(policy: &Policy, row: &Grant) -> Vec<String> {
    let tiers = policy.tiers(row);
    let mut out = Vec::new();
    if tiers.contains(&2) {
        out.push(match (row.waived, row.elsewhere) {
            (true, _) => "waived (tier 2)".to_owned(),
            (false, true) => format!("elsewhere, or {}", approvers(policy, row)),
            (false, false) => approvers(policy, row),
        });
    }
    if tiers.contains(&3) {
        out.push("break-glass (tier 3)".to_owned());
    }
    out
}

/// The groups that approve tier 2 under a row.
fn approvers(policy: &Policy, row: &Grant) -> String {
    joined(groups::of_row(policy, row))
}

fn senders(policy: &Policy) -> String {
    let mut table = Table::new(&["row", "sellers", "mailboxes", "agent versions"]);
    let mut any = false;
    for row in sorted(policy) {
        let versions = row.agent_versions.iter();
        let cells = [
            joined(names(&row.sellers)),
            mailboxes(&row.mailboxes),
            joined(versions),
        ];
        if cells.iter().any(|cell| !cell.is_empty()) {
            let [sellers, mailboxes, versions] = cells;
            let versions = if versions.is_empty() {
                "any".to_owned()
            } else {
                versions
            };
            table.row([row.id.clone(), sellers, mailboxes, versions]);
            any = true;
        }
    }
    if any {
        table.render("  ")
    } else {
        String::new()
    }
}

fn actions(policy: &Policy) -> String {
    let mut table = Table::new(&[
        "action",
        "tier",
        "class",
        "channels",
        "requires",
        "hours",
        "registry",
        "granted to",
    ]);
    for (name, rule) in policy.actions() {
        let requires = rule.requires.iter().map(ToString::to_string);
        let of = policy.all_grants().iter();
        let agents: BTreeSet<&str> = of
            .filter(|grant| grant.actions.contains(name))
            .map(|grant| grant.agent.as_str())
            .collect();
        let agents = if agents.is_empty() {
            "nobody".to_owned()
        } else {
            joined(agents)
        };
        table.row([
            name.to_owned(),
            rule.tier.to_string(),
            rule.class.to_string(),
            rule.channels.to_string(),
            joined(requires),
            hours(rule),
            rule.registry_max_age_s.map_or_else(String::new, duration_s),
            agents,
        ]);
    }
    table.render("  ")
}

/// `08:00-21:00`, as a policy writes it.
pub(super) fn hours(rule: &ActionRule) -> String {
    let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    rule.hours.map_or_else(String::new, |(from, to)| {
        format!("{}-{}", clock(from), clock(to))
    })
}

fn throttles(policy: &Policy) -> String {
    if policy.throttles().is_empty() {
        return "  no limits\n".to_owned();
    }
    let mut table = Table::new(&["rule", "limit", "window", "per", "counts"]);
    for rule in policy.throttles() {
        table.row([
            rule.id.clone(),
            limit(rule),
            duration_s(rule.window_s),
            rule.per.as_str().to_owned(),
            subject(&rule.classes, &rule.actions),
        ]);
    }
    table.render("  ")
}

/// `25 actions`.
pub(super) fn limit(rule: &ThrottleRule) -> String {
    format!("{} {}", grouped(rule.limit), rule.unit.as_str())
}

/// The classes and actions that a rule is about.
fn subject(classes: &BTreeSet<ledger_core::action::Class>, actions: &BTreeSet<String>) -> String {
    let classes = classes.iter().map(|class| format!("class {class}"));
    joined(classes.chain(actions.iter().cloned()))
}

fn breakers(policy: &Policy) -> String {
    let mut table = Table::new(&[
        "rule", "measure", "warns", "opens", "from", "window", "per", "closes", "measures",
    ]);
    for rule in policy.breakers() {
        table.row([
            rule.id.clone(),
            rule.measure.as_str().to_owned(),
            rule.warn.map_or_else(String::new, |warn| above(rule, warn)),
            above(rule, rule.open),
            if rule.measure == Measure::Cost {
                String::new()
            } else {
                grouped(rule.minimum)
            },
            duration_s(rule.window_s),
            rule.per.as_str().to_owned(),
            closes(rule).to_owned(),
            subject(&rule.classes, &rule.actions),
        ]);
    }
    table.row([
        DNC_BREACH.to_owned(),
        Measure::DncBreach.as_str().to_owned(),
        String::new(),
        "at the first".to_owned(),
        String::new(),
        String::new(),
        policy.dnc_breach.as_str().to_owned(),
        "by a reset".to_owned(),
        "class contact".to_owned(),
    ]);
    table.render("  ")
}

/// What has to happen before a breaker lets through again.
pub(super) fn closes(rule: &BreakerRule) -> &'static str {
    match rule.measure {
        Measure::ErrorRate => "by itself",
        _ => "by a reset",
    }
}

/// `> 0.08 %`, or of a cost `> 12.5`.
pub(super) fn above(rule: &BreakerRule, threshold: u64) -> String {
    // Percent have four decimals in parts per million, and the currency unit six in millionths.
    let (unit, decimals, percent) = match rule.measure {
        Measure::Cost => (1_000_000, 6, ""),
        _ => (10_000, 4, " %"),
    };
    let fraction = format!("{:0decimals$}", threshold % unit);
    let number = format!("{}.{fraction}", grouped(threshold / unit));
    let number = number.trim_end_matches('0').trim_end_matches('.');
    format!("> {number}{percent}")
}

/// What the policy's `.cedar` files hold, by id; empty where it has none.
fn conditions(policy: &Policy) -> String {
    let Some(conditions) = policy.conditions() else {
        return String::new();
    };
    if conditions.all().is_empty() {
        return "  none in its files, so that nothing is permitted\n".to_owned();
    }
    let mut table = Table::new(&["condition", "effect", "file"]);
    for condition in conditions.all() {
        table.row([
            condition.id.clone(),
            effect(condition).to_owned(),
            condition.path.clone(),
        ]);
    }
    table.render("  ")
}

/// The word that a condition begins with.
pub(super) fn effect(condition: &Condition) -> &'static str {
    if condition.forbids {
        "forbid"
    } else {
        "permit"
    }
}

fn fields(policy: &Policy) -> String {
    let own = policy.fields.agent_owned.patterns();
    let own = if own.is_empty() {
        "none".to_owned()
    } else {
        format!("{}; writable wherever a row grants the object", joined(own))
    };
    let always = SENSITIVE.iter().map(|name| (*name).to_owned());
    let sensitive = always.chain(sensitive(policy));
    let note = format!("{}; tier 2 to write, tier 1 to read", joined(sensitive));
    format!(
        "{}{}",
        wrapped("  the agents' own  ", &own),
        wrapped("  sensitive        ", &note)
    )
}

/// The sensitive fields that the policy adds.
fn sensitive(policy: &Policy) -> impl Iterator<Item = String> {
    let all = policy.fields.sensitive.iter();
    let all: BTreeSet<String> = all
        .map(|(object, field)| format!("{object}.{field}"))
        .collect();
    all.into_iter()
        .filter(|name| !SENSITIVE.contains(&name.as_str()))
}

fn sandbox(policy: &Policy) -> String {
    let mut out = String::new();
    if !policy.fake_domains.is_empty() {
        let note = format!(
            "{}, besides the reserved ones",
            joined(&policy.fake_domains)
        );
        out.push_str(&wrapped("  fake domains   ", &note));
    }
    if !policy.fake_phones.is_empty() {
        let tokens = policy
            .fake_phones
            .iter()
            .map(|token| format!("token:{token}"));
        out.push_str(&wrapped("  fake phones    ", &joined(tokens)));
    }
    if !policy.sandbox_clear.is_empty() {
        let clear = joined(policy.sandbox_clear.iter().map(ToString::to_string));
        out.push_str(&wrapped("  kept in clear  ", &clear));
    }
    out
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

pub(super) fn names(names: &Names) -> Vec<&str> {
    match names {
        Names::Any => vec!["any"],
        Names::Only(names) => names.iter().map(String::as_str).collect(),
    }
}

pub(super) fn mailboxes(mailboxes: &Mailboxes) -> String {
    match mailboxes {
        Mailboxes::Any => "any".to_owned(),
        Mailboxes::Only { names, tokens } => {
            let tokens = tokens.iter().map(|token| format!("token {}", short(token)));
            joined(names.iter().cloned().chain(tokens))
        }
    }
}

pub(super) fn joined<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let mut out = String::new();
    for name in names {
        let comma = if out.is_empty() { "" } else { ", " };
        put!(out, "{comma}{}", name.as_ref());
    }
    out
}

#[cfg(test)]
mod tests;
