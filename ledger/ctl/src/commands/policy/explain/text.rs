//! The explanation, told to people.

use std::collections::BTreeSet;

use ledger_core::action::Class;
use ledger_core::entry::{Code, Decision, Environment, Target};
use ledger_core::gate::{Miss, RowSays, TargetSays, TierCause};
use ledger_core::policy::{
    BreachScope, BreakerPer, BreakerRule, DNC_BREACH, Grant, Per, ThrottleRule,
};

use super::super::table::{above, hours, joined, limit, mailboxes, names};
use super::{Answer, Source, environment_word};
use crate::narrate;
use crate::output::Style;
use crate::text::{Table, duration_s, put, wrapped};

const NOT_ASKED: &str = "Not looked at: who the recipients are, the do-not-contact list, counts, stops, open breakers, \
                         approvals, break-glass and the time.";

/// How a reason names every field, where a target names none.
const EVERY_FIELD: &str = "*";
/// Of a rule per workspace.
const EVERYBODYS: &str = "together with everybody's";

/// The outcome so far, and everything that it comes from.
pub(super) fn text(answer: &Answer<'_>, source: &Source<'_>, style: Style) -> String {
    let said = &answer.said;
    let mut out = format!(
        "{}  {} ({}) for {} in {}, as far as the policy alone goes\n{}\n",
        narrate::outcome(answer.outcome, style),
        answer.request.action,
        said.class,
        answer.request.cause.actor.id,
        environment_word(answer.environment),
        source.heading,
    );
    let reasons = Decision {
        reasons: answer.reasons.clone(),
        ..answer.request.clone()
    };
    out.push_str(&narrate::reason_lines(&reasons, style));
    let tier = format!("Tier {}", said.tier);
    let sections = [
        ("Rows for this agent and action", rows(answer)),
        ("Targets", targets(answer)),
        (tier.as_str(), causes(answer)),
        ("Approval", approval(answer)),
        ("Recipients", recipients(answer)),
        ("Throttles that count it", throttles(answer)),
        (
            "Breakers that measure it, and refuse it while open",
            breakers(answer),
        ),
        ("Conditions", conditions(answer)),
    ];
    for (heading, body) in sections.into_iter().filter(|(_, body)| !body.is_empty()) {
        put!(out, "\n{}\n{body}", style.strong(heading));
    }
    out.push('\n');
    for note in answer.notes() {
        out.push_str(&wrapped(&format!("{} ", style.warning("note:")), &note));
    }
    out.push_str(&wrapped("", NOT_ASKED));
    out
}

/// `a` and `b`, in back quotes.
fn quoted<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    joined(names.into_iter().map(|name| format!("`{}`", name.as_ref())))
}

fn rows(answer: &Answer<'_>) -> String {
    let mut out = String::new();
    for says in &answer.said.rows {
        let text = match says.refuses {
            None => "covers the request, its targets apart".to_owned(),
            Some(code) => refusal(answer, says, code),
        };
        out.push_str(&wrapped(&format!("  {}  ", says.row.id), &text));
    }
    if out.is_empty() {
        return wrapped("  ", &none(answer));
    }
    out
}

/// What there is instead, where no row is for this agent and action.
fn none(answer: &Answer<'_>) -> String {
    let (agent, action) = (&answer.request.cause.actor.id, &answer.request.action);
    let all = answer.policy.text.all_grants().iter();
    let mut text = "none.".to_owned();
    if answer.said.action.is_none() {
        put!(text, " The policy does not know `{action}`.");
    } else {
        let others = all.clone().filter(|row| row.actions.contains(action));
        let agents: BTreeSet<&str> = others.map(|row| row.agent.as_str()).collect();
        if agents.is_empty() {
            put!(text, " `{action}` is granted to nobody.");
        } else {
            put!(text, " `{action}` is granted to {}.", quoted(agents));
        }
    }
    let own = all.filter(|row| row.agent == *agent);
    let actions: BTreeSet<&String> = own.flat_map(|row| &row.actions).collect();
    if actions.is_empty() {
        put!(text, " `{agent}` has no row at all.");
    } else {
        put!(text, " `{agent}` is granted {}.", quoted(actions));
    }
    text
}

/// What of the request a row does not cover, and what it covers instead.
fn refusal(answer: &Answer<'_>, says: &RowSays<'_>, code: Code) -> String {
    let (row, request) = (says.row, answer.request);
    let only = |list: String| match list.as_str() {
        "" => "for none: the request may name none".to_owned(),
        _ => format!("for {list}"),
    };
    match code {
        Code::GrantSeller => {
            let sellers = only(joined(names(&row.sellers)));
            match &request.seller {
                Some(seller) => format!("not for the seller `{seller}`; it is {sellers}"),
                None => format!("not without a seller; it is {sellers}"),
            }
        }
        Code::GrantMailbox => {
            let from = only(mailboxes(&row.mailboxes));
            match answer.mailbox {
                Some(mailbox) => format!("not from the mailbox `{mailbox}`; it is {from}"),
                None => format!("not without a mailbox; it is {from}"),
            }
        }
        Code::GrantEnvironment => {
            let words = row.environments.iter().copied().map(environment_word);
            format!(
                "not in {}; it is for {}",
                environment_word(answer.environment),
                joined(words)
            )
        }
        Code::GrantVersion => {
            let versions = quoted(&row.agent_versions);
            match &request.cause.actor.version {
                Some(version) => format!("not for the version `{version}`; it is for {versions}"),
                None => format!("not for an agent without a version; it is for {versions}"),
            }
        }
        other => ledger_core::codebook::code(other).meaning.to_owned(),
    }
}

fn targets(answer: &Answer<'_>) -> String {
    let said = &answer.said;
    if answer.request.targets.is_empty() {
        return match said.used.first() {
            Some(row) => wrapped("  ", &format!("none named; the row `{}` decides", row.id)),
            None => "  none named\n".to_owned(),
        };
    }
    let open = said.rows.iter().any(|says| says.refuses.is_none());
    let mut out = String::new();
    let both = answer.request.targets.iter().zip(&said.targets);
    for (index, (target, says)) in both.enumerate() {
        let text = format!("{}: {}", object(target), decided(says, open));
        out.push_str(&wrapped(&format!("  {index}  "), &text));
        for miss in &says.missed {
            out.push_str(&wrapped("     - ", &missed(miss, target, said.class)));
        }
    }
    out
}

/// `contact, reads a, writes b`.
fn object(target: &Target) -> String {
    let mut text = target.kind.clone();
    for (verb, names) in [("reads", &target.reads), ("writes", &target.writes)] {
        if !names.is_empty() {
            put!(text, ", {verb} {}", joined(names));
        }
    }
    text
}

fn decided(says: &TargetSays<'_>, open: bool) -> String {
    match (says.row, open) {
        (Some(row), _) => format!("the row `{}` covers it", row.id),
        (None, true) => "no row covers it".to_owned(),
        (None, false) => "no row is left to cover it".to_owned(),
    }
}

fn missed(miss: &Miss<'_>, target: &Target, class: Class) -> String {
    let (row, what) = (&miss.row.id, miss.what);
    if miss.code == Code::GrantObject {
        return format!(
            "`{row}` is not about the type `{what}`: {}",
            about(miss.row)
        );
    }
    let every = what == EVERY_FIELD;
    let named = target.reads.iter().any(|name| name == what) && !miss.row.reads.contains(what);
    let (verb, list) = if named || (every && class == Class::Read) {
        ("read", miss.row.reads.patterns())
    } else {
        ("written", miss.row.writes.patterns())
    };
    let only = match joined(list).as_str() {
        "" => "none may".to_owned(),
        list => format!("only {list}"),
    };
    if every {
        return format!("by `{row}` not every field may be {verb}, and none is named: {only}");
    }
    format!("in `{row}` the field `{what}` may not be {verb}: {only}")
}

fn about(row: &Grant) -> String {
    match joined(names(&row.objects)).as_str() {
        "" => "it is about no object".to_owned(),
        list => format!("only {list}"),
    }
}

fn causes(answer: &Answer<'_>) -> String {
    let mut out = String::new();
    for (tier, cause) in &answer.said.causes {
        let text = match cause {
            TierCause::Action if answer.said.action.is_none() => {
                "an action that nobody declared is held to be contact".to_owned()
            }
            TierCause::Action => "the action's own tier".to_owned(),
            TierCause::OwnFields => "it updates nothing but the agents' own fields".to_owned(),
            TierCause::Writes(index, field) => {
                format!("it writes `{field}` of target {index}, a sensitive field")
            }
            TierCause::Reads(index, field) => {
                format!("it reads `{field}` of target {index}, a sensitive field")
            }
            TierCause::Row(id) => format!("the row `{id}` says so"),
        };
        out.push_str(&wrapped(&format!("  {tier}  "), &text));
    }
    out
}

fn approval(answer: &Answer<'_>) -> String {
    let has = |code: Code| answer.reasons.iter().any(|reason| reason.code == code);
    let rows = || quoted(answer.said.used.iter().map(|row| &row.id));
    let text = if let Some(group) = &answer.approvers {
        let by = answer.said.used.iter().find(|row| row.approvers.is_some());
        match by {
            Some(row) => format!(
                "the group `{group}` approves it, as the row `{}` says",
                row.id
            ),
            None => format!(
                "the group `{group}` approves it, as it does for the class {} where no row says otherwise",
                answer.said.class
            ),
        }
    } else if has(Code::TierBlocked) {
        "none helps: tier 3 is blocked, and two people lift that with `ledgerctl break-glass`"
            .to_owned()
    } else if has(Code::TierApproval) && answer.said.used.is_empty() {
        "nobody is asked, because it is denied; tier 2 needs an approval, unless the row that grants it says otherwise"
            .to_owned()
    } else if has(Code::TierApproval) || has(Code::ForeignRequireApproval) {
        "nobody is asked, because it is denied; without that a person would have to approve it"
            .to_owned()
    } else if has(Code::TierWaived) {
        format!("waived by {}", rows())
    } else if has(Code::TierElsewhere) {
        format!("left to the engine that decided before, by {}", rows())
    } else {
        format!("tier {} needs none", answer.said.tier)
    };
    wrapped("  ", &text)
}

/// What is asked of every recipient, which is not looked at here.
fn recipients(answer: &Answer<'_>) -> String {
    if answer.said.class != Class::Contact {
        return String::new();
    }
    let mut text =
        "at least one, each with an e-mail address, a phone number or a contact id".to_owned();
    if let Some(rule) = answer.said.action {
        if !rule.requires.is_empty() {
            let kinds = rule.requires.iter().map(ledger_core::codebook::key_name);
            put!(text, "; required of each: {}", joined(kinds));
        }
        if rule.hours.is_some() {
            put!(text, "; {} where they are", hours(rule));
        }
        if let Some(age) = rule.registry_max_age_s {
            put!(
                text,
                "; the national registry imported no longer than {} ago",
                duration_s(age)
            );
        }
    }
    if answer.environment == Environment::Sandbox {
        text.push_str("; in a sandbox with an address in a reserved or fake domain");
    }
    wrapped("  ", &text)
}

fn throttles(answer: &Answer<'_>) -> String {
    if answer.said.throttles.is_empty() {
        return "  none\n".to_owned();
    }
    let mut table = Table::new(&["rule", "limit", "window", "per", "counts"]);
    for (rule, keyed) in &answer.said.throttles {
        table.row([
            rule.id.clone(),
            limit(rule),
            duration_s(rule.window_s),
            rule.per.as_str().to_owned(),
            counts(rule, *keyed),
        ]);
    }
    table.render("  ")
}

fn counts(rule: &ThrottleRule, keyed: bool) -> String {
    let per = rule.per.as_str();
    match (keyed, rule.per) {
        (false, _) => format!("denied: no {per} is named to count per"),
        (true, Per::Recipient | Per::Domain) => format!("each {per} of the request"),
        (true, Per::Workspace) => EVERYBODYS.to_owned(),
        (true, _) => "it".to_owned(),
    }
}

fn breakers(answer: &Answer<'_>) -> String {
    let mut table = Table::new(&["rule", "measure", "opens", "window", "per", "measures"]);
    for (rule, keyed) in &answer.said.breakers {
        table.row([
            rule.id.clone(),
            rule.measure.as_str().to_owned(),
            above(rule, rule.open),
            duration_s(rule.window_s),
            rule.per.as_str().to_owned(),
            measures(rule, *keyed),
        ]);
    }
    let scope = answer.policy.text.dnc_breach;
    if answer.said.class == Class::Contact {
        table.row([
            DNC_BREACH.to_owned(),
            ledger_core::entry::Measure::DncBreach.as_str().to_owned(),
            "at the first".to_owned(),
            String::new(),
            scope.as_str().to_owned(),
            match scope {
                BreachScope::Agent => "it".to_owned(),
                BreachScope::Workspace => EVERYBODYS.to_owned(),
            },
        ]);
    } else if answer.said.breakers.is_empty() {
        return "  none\n".to_owned();
    }
    table.render("  ")
}

fn measures(rule: &BreakerRule, keyed: bool) -> String {
    match (keyed, rule.per) {
        (false, per) => format!("nothing: no {} is named", per.as_str()),
        (true, BreakerPer::Workspace) => EVERYBODYS.to_owned(),
        (true, _) => "it".to_owned(),
    }
}

fn conditions(answer: &Answer<'_>) -> String {
    let conditions = answer.policy.text.conditions();
    let all = conditions.map_or(&[][..], |conditions| conditions.all());
    let mut out = String::new();
    for condition in all {
        let verb = if condition.forbids {
            "forbids"
        } else {
            "permits"
        };
        let text = format!("{verb}, in {}; not evaluated", condition.path);
        out.push_str(&wrapped(&format!("  {}  ", condition.id), &text));
    }
    out
}
