//! Conditions: each a text that Cedar reads, and beside it what it means, worked out here. Nothing of
//! Cedar is asked.

use std::collections::BTreeSet;

use ledger_core::action::{Channel, Class};
use ledger_core::entry::{Code, Decision, Environment, Outcome, Target};
use ledger_core::time::Timestamp;

use super::{PolicyM, ReasonM};

/// What a condition may know.
pub(super) struct Asked<'a> {
    pub(super) request: &'a Decision,
    pub(super) tier: u8,
    pub(super) class: Class,
    pub(super) channels: &'a BTreeSet<Channel>,
    pub(super) environment: Environment,
    pub(super) approved: bool,
    pub(super) now: Timestamp,
}

/// Something that a condition says of a request. What cannot be evaluated is neither true nor false.
pub(crate) struct Atom {
    text: &'static str,
    holds: fn(&Asked<'_>) -> Option<bool>,
}

/// Atoms, joined.
#[derive(Debug, Clone)]
pub(crate) enum ExprM {
    Atom(usize),
    Not(usize),
    And(usize, usize),
    Or(usize, usize),
    If(usize, usize, usize),
}

/// One condition.
#[derive(Debug, Clone)]
pub(crate) struct ConditionM {
    pub(crate) id: String,
    /// In the second of two files.
    pub(crate) second: bool,
    pub(crate) forbids: bool,
    /// Whom it is about, if not everybody.
    pub(crate) agent: Option<&'static str>,
    /// What it is about, if not everything.
    pub(crate) actions: Vec<&'static str>,
    /// Which ledger: this one, where it names one and says `true`.
    pub(crate) here: Option<bool>,
    /// `when`, or `unless`, in the order in which they are evaluated.
    pub(crate) clauses: Vec<(bool, ExprM)>,
}

const HERE: &str = "test.example/ledger";

impl ConditionM {
    pub(super) fn text(&self) -> String {
        let effect = if self.forbids { "forbid" } else { "permit" };
        let principal = match self.agent {
            Some(agent) => format!("principal == Agent::\"{agent}\""),
            None => "principal".to_owned(),
        };
        let uids: Vec<String> = self
            .actions
            .iter()
            .map(|action| format!("Action::\"{action}\""))
            .collect();
        let action = match uids.as_slice() {
            [] => "action".to_owned(),
            [one] => format!("action == {one}"),
            several => format!("action in [{}]", several.join(", ")),
        };
        let resource = match self.here {
            Some(true) => format!("resource == Ledger::\"{HERE}\""),
            Some(false) => "resource == Ledger::\"elsewhere.example/ledger\"".to_owned(),
            None => "resource".to_owned(),
        };
        let mut text = format!(
            "@id(\"{}\")\n{effect} ({principal}, {action}, {resource})",
            self.id
        );
        for (when, expr) in &self.clauses {
            let word = if *when { "when" } else { "unless" };
            text += &["\n", word, " { ", &expr.text(), " }"].concat();
        }
        text + ";\n"
    }

    /// Whether it applies; nothing where that cannot be told. What comes after something false is not
    /// looked at.
    fn applies(&self, asked: &Asked<'_>) -> Option<bool> {
        let request = asked.request;
        let about = self
            .agent
            .is_none_or(|agent| agent == request.cause.actor.id)
            && (self.actions.is_empty() || self.actions.contains(&request.action.as_str()))
            && self.here != Some(false);
        if !about {
            return Some(false);
        }
        for (when, expr) in &self.clauses {
            if expr.holds(asked)? != *when {
                return Some(false);
            }
        }
        Some(true)
    }
}

impl ExprM {
    fn text(&self) -> String {
        let atom = |at: &usize| format!("({})", ATOMS[*at].text);
        match self {
            Self::Atom(one) => ATOMS[*one].text.to_owned(),
            Self::Not(one) => format!("!{}", atom(one)),
            Self::And(one, other) => format!("{} && {}", atom(one), atom(other)),
            Self::Or(one, other) => format!("{} || {}", atom(one), atom(other)),
            Self::If(one, then, other) => {
                format!("if {} then {} else {}", atom(one), atom(then), atom(other))
            }
        }
    }

    fn holds(&self, asked: &Asked<'_>) -> Option<bool> {
        let atom = |at: &usize| (ATOMS[*at].holds)(asked);
        match self {
            Self::Atom(one) => atom(one),
            Self::Not(one) => atom(one).map(|holds| !holds),
            Self::And(one, other) => match atom(one) {
                Some(true) => atom(other),
                settled => settled,
            },
            Self::Or(one, other) => match atom(one) {
                Some(false) => atom(other),
                settled => settled,
            },
            Self::If(one, then, other) => atom(if atom(one)? { then } else { other }),
        }
    }
}

/// What the conditions of a policy say of a request for an action that somebody declared.
pub(super) fn check(policy: &PolicyM, asked: &Asked<'_>, reasons: &mut Vec<ReasonM>) {
    let Some(conditions) = &policy.conditions else {
        return;
    };
    let of = |code, condition: &ConditionM| ReasonM {
        rule: Some(condition.id.clone()),
        ..ReasonM::of(code)
    };
    let mut strict = Vec::new();
    let mut permits = Vec::new();
    for condition in conditions {
        match (condition.applies(asked), condition.forbids) {
            (None, _) => strict.push(of(Code::ConditionError, condition)),
            (Some(true), true) => strict.push(of(Code::ConditionForbid, condition)),
            (Some(true), false) => permits.push(of(Code::ConditionPermit, condition)),
            (Some(false), _) => {}
        }
    }
    permits.sort();
    if !strict.is_empty() {
        reasons.extend(strict);
    } else if permits.is_empty() {
        reasons.push(ReasonM::of(Code::ConditionNone));
    } else {
        reasons.push(permits.swap_remove(0));
    }
}

/// A number of Cedar's: what does not fit 64 bits cannot be worked out.
fn long(number: i128) -> Option<i128> {
    i64::try_from(number).ok().map(i128::from)
}

const MOST: i128 = i64::MAX as i128;

fn fields(asked: &Asked<'_>, of: fn(&Target) -> &Vec<String>) -> BTreeSet<String> {
    let targets = asked.request.targets.iter();
    targets
        .flat_map(|target| {
            of(target)
                .iter()
                .map(|field| target.kind.clone() + "." + field)
        })
        .collect()
}

fn object(asked: &Asked<'_>, kind: &str) -> bool {
    asked
        .request
        .targets
        .iter()
        .any(|target| target.kind == kind)
}

/// The digits at these places of the time as it is written: `2026-11-22T12:00:00.000000Z`.
fn digits(asked: &Asked<'_>, from: usize, to: usize) -> i128 {
    asked.now.to_string()[from..to].parse().unwrap()
}

fn hour(asked: &Asked<'_>) -> i128 {
    digits(asked, 11, 13)
}

/// The day of the week by Sakamoto's rule: 0 is a Sunday.
fn weekday(asked: &Asked<'_>) -> i128 {
    let (mut year, month, day) = (
        digits(asked, 0, 4),
        digits(asked, 5, 7),
        digits(asked, 8, 10),
    );
    let shift = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    if month < 3 {
        year -= 1;
    }
    (year + year / 4 - year / 100 + year / 400 + shift[usize::try_from(month - 1).unwrap()] + day)
        % 7
}

fn count(asked: &Asked<'_>) -> i128 {
    asked.request.recipients.len() as i128
}

fn cost(asked: &Asked<'_>) -> Option<i128> {
    asked.request.cost_micros.map(i128::from)
}

fn foreign(asked: &Asked<'_>) -> Option<Outcome> {
    asked
        .request
        .foreign
        .as_ref()
        .map(|foreign| foreign.outcome)
}

/// How many of [`ATOMS`], its first ones, can always be evaluated.
pub(crate) const SOUND: usize = 29;

/// What conditions are made of, first whether somebody has approved it. None says of an attribute that it
/// is absent and nothing else: joined with one that reads it, that would be impossible, and publication
/// refuses what is.
pub(crate) const ATOMS: [Atom; SOUND + 6] = [
    Atom {
        text: "context.approved",
        holds: |asked| Some(asked.approved),
    },
    Atom {
        text: "context.tier == 2",
        holds: |asked| Some(asked.tier == 2),
    },
    Atom {
        text: "context.tier <= 1",
        holds: |asked| Some(asked.tier < 2),
    },
    Atom {
        text: "context.class == Class::\"contact\"",
        holds: |asked| Some(asked.class == Class::Contact),
    },
    Atom {
        text: "[Class::\"read\", Class::\"admin\"].contains(context.class)",
        holds: |asked| Some(asked.class == Class::Read || asked.class == Class::Admin),
    },
    Atom {
        text: "context.class != Class::\"write\"",
        holds: |asked| Some(asked.class != Class::Write),
    },
    Atom {
        text: "context.channels.contains(Channel::\"email\")",
        holds: |asked| Some(asked.channels.contains(&Channel::Email)),
    },
    Atom {
        text: "context.channels.containsAll([Channel::\"call\", Channel::\"sms\"])",
        holds: |asked| {
            let both = [Channel::Call, Channel::Sms];
            Some(both.iter().all(|one| asked.channels.contains(one)))
        },
    },
    Atom {
        text: "context.channels.isEmpty()",
        holds: |asked| Some(asked.channels.is_empty()),
    },
    Atom {
        text: "context.environment == Environment::\"sandbox\"",
        holds: |asked| Some(asked.environment == Environment::Sandbox),
    },
    Atom {
        text: "context has tool && context.tool == \"crm.importer\"",
        holds: |asked| Some(asked.request.tool.as_deref() == Some("crm.importer")),
    },
    Atom {
        text: "context has tool && context.tool like \"crm.*\"",
        holds: |asked| {
            let tool = asked.request.tool.as_deref();
            Some(tool.is_some_and(|tool| tool.starts_with("crm.")))
        },
    },
    Atom {
        text: "context has seller && context.seller == \"acme\"",
        holds: |asked| Some(asked.request.seller.as_deref() == Some("acme")),
    },
    Atom {
        text: "context has campaign && [\"c2\", \"c3\"].contains(context.campaign)",
        holds: |asked| Some(asked.request.campaign.as_deref() == Some("c2")),
    },
    Atom {
        text: "(context has campaign) == context.undoes",
        holds: |asked| Some(asked.request.campaign.is_some() == asked.request.undoes.is_some()),
    },
    Atom {
        text: "context.objects.contains(\"deal\")",
        holds: |asked| Some(object(asked, "deal")),
    },
    Atom {
        text: "context.objects.containsAny([\"company\", \"contact\"])",
        holds: |asked| Some(object(asked, "company") || object(asked, "contact")),
    },
    Atom {
        text: "context.reads.containsAny([\"contact.job_title\", \"deal.amount\"])",
        holds: |asked| {
            let reads = fields(asked, |target| &target.reads);
            Some(reads.contains("contact.job_title") || reads.contains("deal.amount"))
        },
    },
    Atom {
        text: "context.writes.contains(\"deal.agent_score\")",
        holds: |asked| Some(fields(asked, |target| &target.writes).contains("deal.agent_score")),
    },
    Atom {
        text: "[\"contact.agent_note\", \"deal.agent_note\"].containsAll(context.writes)",
        holds: |asked| {
            let writes = fields(asked, |target| &target.writes);
            let only = |field: &String| field == "contact.agent_note" || field == "deal.agent_note";
            Some(writes.iter().all(only))
        },
    },
    Atom {
        text: "context.recipients > 1",
        holds: |asked| Some(count(asked) > 1),
    },
    Atom {
        text: "context has cost_micros && context.cost_micros > 5000000",
        holds: |asked| Some(cost(asked).is_some_and(|cost| cost > 5_000_000)),
    },
    Atom {
        text: "context.undoes",
        holds: |asked| Some(asked.request.undoes.is_some()),
    },
    Atom {
        text: "context has foreign && context.foreign == Outcome::\"require_approval\"",
        holds: |asked| Some(foreign(asked) == Some(Outcome::RequireApproval)),
    },
    Atom {
        text: "context.hour >= 8 && context.hour < 17",
        holds: |asked| Some((8..17).contains(&hour(asked))),
    },
    Atom {
        text: "[1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23].contains(context.hour)",
        holds: |asked| Some(hour(asked) % 2 == 1),
    },
    Atom {
        text: "[Weekday::\"saturday\", Weekday::\"sunday\"].contains(context.weekday)",
        holds: |asked| Some([6, 0].contains(&weekday(asked))),
    },
    Atom {
        text: "principal has version && principal.version == \"sha256:aa\"",
        holds: |asked| Some(asked.request.cause.actor.version.as_deref() == Some("sha256:aa")),
    },
    Atom {
        text: "principal == Agent::\"agent.one\"",
        holds: |asked| Some(asked.request.cause.actor.id == "agent.one"),
    },
    // From here on sums may overflow.
    Atom {
        text: "context.recipients * 9223372036854775807 > 10",
        holds: |asked| long(count(asked) * MOST).map(|product| product > 10),
    },
    Atom {
        text: "context has cost_micros && context.cost_micros + 9223372036854775807 > 5",
        holds: |asked| match cost(asked) {
            None => Some(false),
            Some(cost) => long(cost + MOST).map(|sum| sum > 5),
        },
    },
    Atom {
        text: "context.tier - 9223372036854775807 - 2 < 0",
        holds: |asked| {
            let first = long(i128::from(asked.tier) - MOST)?;
            long(first - 2).map(|rest| rest < 0)
        },
    },
    Atom {
        text: "context.hour * 768614336404564651 > 0",
        holds: |asked| long(hour(asked) * 768_614_336_404_564_651).map(|product| product > 0),
    },
    Atom {
        text: "context has cost_micros && context.cost_micros * context.recipients * 4611686018427387904 != 1",
        holds: |asked| match cost(asked) {
            None => Some(false),
            Some(cost) => {
                let first = long(cost * count(asked))?;
                long(first * 4_611_686_018_427_387_904).map(|product| product != 1)
            }
        },
    },
    Atom {
        text: "context.weekday != Weekday::\"sunday\" && context.tier * 9223372036854775807 > 1",
        holds: |asked| {
            if weekday(asked) == 0 {
                Some(false)
            } else {
                long(i128::from(asked.tier) * MOST).map(|product| product > 1)
            }
        },
    },
];
