//! Risk tiers: autonomous, gated by policy, approval, blocked but for break-glass.

use super::Nature;
use super::grant::{self, Granted};
use crate::action::Class;
use crate::entry::{Cite, Code, Decision, Outcome, Reason};
use crate::policy::{FieldRules, Grant, Policy};

/// What raises a request to the tier that it has, or lowers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TierCause<'a> {
    /// The action's own tier.
    Action,
    /// An update of nothing but the agents' own fields.
    OwnFields,
    /// Writing a sensitive field of the target with this index.
    Writes(u64, &'a str),
    /// Reading a sensitive field of the target with this index.
    Reads(u64, &'a str),
    /// The row with this id, which grants it.
    Row(&'a str),
}

/// The tier of a request: that of its action, raised by the fields that it touches and by the rows that
/// grant it. An update (tier 1) of nothing but the agents' own fields is tier 0.
pub(crate) fn of(
    policy: Option<&Policy>,
    request: &Decision,
    nature: &Nature,
    granted: Option<&Granted<'_>>,
) -> u8 {
    let highest = |fields: &FieldRules| {
        let tiers = causes(fields, request, nature, granted).map(|(tier, _)| tier);
        tiers.max().unwrap_or(nature.tier)
    };
    match policy {
        Some(policy) => highest(&policy.fields),
        None => highest(&FieldRules::default()),
    }
}

/// Everything that says a tier, each with the tier that it says; the highest counts.
pub(super) fn causes<'a>(
    fields: &'a FieldRules,
    request: &'a Decision,
    nature: &Nature,
    granted: Option<&Granted<'a>>,
) -> impl Iterator<Item = (u8, TierCause<'a>)> {
    let (rows, of_targets): (&[&'a Grant], &[&'a Grant]) = match granted {
        Some(granted) => (&granted.rows, &granted.of_targets),
        None => (&[], &[]),
    };
    let own = |name: &String| fields.agent_owned.contains(name);
    let only_own = nature.class == Class::Write
        && !request.targets.is_empty()
        && request
            .targets
            .iter()
            .all(|target| !target.writes.is_empty() && target.writes.iter().all(own));
    let action = match nature.tier {
        1 if only_own => (0, TierCause::OwnFields),
        tier => (tier, TierCause::Action),
    };
    let touched = request
        .targets
        .iter()
        .enumerate()
        .flat_map(move |(at, target)| {
            let sensitive = |names: &'a [String]| {
                let mut names = names.iter().map(String::as_str);
                names.find(|name| fields.is_sensitive(&target.kind, name))
            };
            let by_fields = of_targets
                .get(at)
                .is_some_and(|row| grant::is_about_fields(row));
            let touched = |all: bool, names: &'a [String]| {
                if all && by_fields {
                    fields.sensitive_of(&target.kind)
                } else {
                    sensitive(names)
                }
            };
            let written = touched(grant::writes_all(target, nature), &target.writes);
            let read = touched(grant::reads_all(target, nature), &target.reads);
            let index = at as u64;
            let writes = written.map(|name| (2, TierCause::Writes(index, name)));
            let reads = read.map(|name| (1, TierCause::Reads(index, name)));
            [writes, reads].into_iter().flatten()
        });
    let rows = rows
        .iter()
        .filter_map(|row| Some((row.least_tier()?, TierCause::Row(row.id.as_str()))));
    std::iter::once(action).chain(touched).chain(rows)
}

/// What the tier demands, where no approval was given: of tier 2 an approval, of tier 3 break-glass.
/// Where an approval is demanded, by the tier or by the decision handed in, one group has to be able to
/// give it.
pub(crate) fn check(
    tier: u8,
    request: &Decision,
    nature: &Nature,
    granted: Option<&Granted<'_>>,
    approved: bool,
    break_glass: Option<u64>,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let handed_in = request.foreign.as_ref().map(|foreign| foreign.outcome);
    let demands = demands(tier, handed_in, granted, approved, break_glass);
    let asks = handed_in == Some(Outcome::RequireApproval)
        || demands
            .as_ref()
            .is_some_and(|reason| reason.code == Code::TierApproval);
    reasons.extend(demands);
    if asks && !approved && approvers(nature, granted).is_none() {
        reasons.push(Code::TierApprovers.reason());
    }
    reasons
}

fn demands(
    tier: u8,
    handed_in: Option<Outcome>,
    granted: Option<&Granted<'_>>,
    approved: bool,
    break_glass: Option<u64>,
) -> Option<Reason> {
    if tier >= 3 {
        return Some(match break_glass {
            Some(seq) => Reason {
                cites: vec![Cite { seq, index: None }],
                ..Code::TierBreakGlass.reason()
            },
            None => Code::TierBlocked.reason(),
        });
    }
    if tier < 2 || approved {
        return None;
    }
    let rows = granted.map_or(&[][..], |granted| &granted.rows);
    let by = |code: Code| Reason {
        rule: rows.first().map(|row| row.id.clone()),
        ..code.reason()
    };
    let allowed = handed_in == Some(Outcome::Allow);
    // Of several rows each has to agree: one that waives nothing is not waived by another.
    Some(if rows.is_empty() {
        Code::TierApproval.reason()
    } else if rows.iter().all(|row| row.waived) {
        by(Code::TierWaived)
    } else if allowed && rows.iter().all(|row| row.elsewhere || row.waived) {
        by(Code::TierElsewhere)
    } else {
        Code::TierApproval.reason()
    })
}

/// The group that approves: the one that the rows name, or that of the action's class for a row that
/// names none. None where the rows differ: what one group may approve, another has not.
pub(crate) fn approvers(nature: &Nature, granted: Option<&Granted<'_>>) -> Option<String> {
    let of_class = group(nature.class);
    let rows = granted.into_iter().flat_map(|granted| &granted.rows);
    let mut groups = rows.map(|row| row.approvers.as_deref().unwrap_or(of_class));
    let first = groups.next().unwrap_or(of_class);
    groups.all(|other| other == first).then(|| first.to_owned())
}

/// The group that approves actions of a class where no row names one.
pub const fn group(class: Class) -> &'static str {
    match class {
        Class::Read | Class::Write => "revops",
        Class::Contact => "sales-ops",
        Class::Admin => "compliance",
    }
}
