//! What a policy alone says of one request, with every row that was looked at: for whoever writes it.
//!
//! The log says the rest (listings, counts, stops, approvals), so that this is no decision. It asks the
//! same functions that decide.

use super::grant::{self, Granted};
use super::tier::{self, TierCause};
use super::{Nature, allowed, foreign};
use crate::action::{ActionRule, Class};
use crate::entry::{Code, Decision, Environment, Outcome, Reason};
use crate::meter::{Act, key};
use crate::policy::{BreakerRule, Grant, Per, ThrottleRule};
use crate::state::InForce;
use crate::time::Timestamp;
use crate::window::charges;

/// What a policy says of a request.
#[derive(Debug)]
pub struct Explained<'a> {
    /// What the action is; absent where the policy does not know it.
    pub action: Option<&'a ActionRule>,
    /// The action's class; of an unknown action, contact.
    pub class: Class,
    /// Every row for this agent and action, in the order of the file.
    pub rows: Vec<RowSays<'a>>,
    /// Every target, in the order of the request.
    pub targets: Vec<TargetSays<'a>>,
    /// The rows used.
    pub used: Vec<&'a Grant>,
    /// The tier.
    pub tier: u8,
    /// What says a tier, each with the tier that it says. The highest counts.
    pub causes: Vec<(u8, TierCause<'a>)>,
    /// What the policy answers, in the gate's own words: action, grants, tier, and the decision handed in.
    pub reasons: Vec<Reason>,
    /// The strictest that any reason demands. An allow is one as far as the policy goes.
    pub outcome: Outcome,
    /// The group that approves, where an approval is needed.
    pub approvers: Option<String>,
    /// The throttles that count the request. False where it does not name what the rule counts per, so
    /// that it would be denied; people are not looked at.
    pub throttles: Vec<(&'a ThrottleRule, bool)>,
    /// The breakers that measure reports on it, and refuse it while they are open. False where it does
    /// not name what the rule measures per, so that it is neither.
    pub breakers: Vec<(&'a BreakerRule, bool)>,
}

/// What a row says of everything but the targets.
#[derive(Debug)]
pub struct RowSays<'a> {
    /// The row.
    pub row: &'a Grant,
    /// What of the request it does not cover; absent where it covers all.
    pub refuses: Option<Code>,
}

/// What the rows say of a target.
#[derive(Debug)]
pub struct TargetSays<'a> {
    /// The row that covers it: the first.
    pub row: Option<&'a Grant>,
    /// The rows before it that cover the rest of the request, and what of the target they lack. Of a
    /// target that no row covers, all of them.
    pub missed: Vec<Miss<'a>>,
}

/// What of a target a row lacks.
#[derive(Debug)]
pub struct Miss<'a> {
    /// The row.
    pub row: &'a Grant,
    /// Whether it is the object or a field.
    pub code: Code,
    /// The type of the object, or the name of the field.
    pub what: &'a str,
}

/// Explains what `policy` says of the request part of a decision in an environment.
pub fn explain<'a>(
    policy: &'a InForce,
    request: &'a Decision,
    environment: Environment,
) -> Explained<'a> {
    let text = &policy.text;
    let nature = Nature::of(Some(policy), &request.action);
    let rows: Vec<RowSays<'_>> = text
        .grants(&request.cause.actor.id, &request.action)
        .map(|row| RowSays {
            row,
            refuses: grant::covers(policy, row, request, &nature, environment).err(),
        })
        .collect();
    let open: Vec<&Grant> = rows
        .iter()
        .filter(|says| says.refuses.is_none())
        .map(|says| says.row)
        .collect();
    let target = |target| {
        let row = grant::deciding(&open, target, &nature, &text.fields);
        let before = open
            .iter()
            .take_while(|open| row.is_none_or(|row| row.id != open.id));
        let missed = before.filter_map(|row| {
            let (code, what) = grant::lacks(row, target, &nature, &text.fields)?;
            Some(Miss { row, code, what })
        });
        TargetSays {
            row,
            missed: missed.collect(),
        }
    };
    let targets = request.targets.iter().map(target).collect();

    let granted = grant::check(policy, request, &nature, environment);
    let tier = tier::of(Some(text), request, &nature, Some(&granted));
    let mut reasons = Vec::new();
    if !nature.known {
        reasons.push(Code::ActionUnknown.reason());
    }
    reasons.extend(granted.reasons.iter().cloned());
    reasons.extend(tier::check(
        tier,
        request,
        &nature,
        Some(&granted),
        false,
        None,
    ));
    foreign(request, false, &mut reasons);
    reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.code.demands()), reason.check));
    let demands = reasons.iter().map(|reason| reason.code.demands());
    let outcome = demands.max().unwrap_or(Outcome::Deny);
    let asks = outcome == Outcome::RequireApproval;
    let approvers = tier::approvers(&nature, Some(&granted)).filter(|_| asks);
    Explained {
        action: text.action(&request.action),
        class: nature.class,
        rows,
        targets,
        tier,
        causes: causes(policy, request, &nature, &granted),
        reasons,
        outcome,
        approvers,
        throttles: throttles(policy, request, nature.class),
        breakers: breakers(policy, request, nature.class),
        used: granted.rows,
    }
}

/// What says a tier, in terms of the policy and the request alone.
fn causes<'a>(
    policy: &'a InForce,
    request: &'a Decision,
    nature: &Nature,
    granted: &Granted<'a>,
) -> Vec<(u8, TierCause<'a>)> {
    let fields = &policy.text.fields;
    tier::causes(fields, request, nature, Some(granted)).collect()
}

fn throttles<'a>(
    policy: &'a InForce,
    request: &Decision,
    class: Class,
) -> Vec<(&'a ThrottleRule, bool)> {
    // What is counted does not depend on the time.
    let mut allow = allowed(request, Timestamp::EPOCH);
    allow.class = class;
    let rules = policy.text.throttles().iter();
    let rules = rules.filter(|rule| rule.matches(&request.action, class));
    rules
        .map(|rule| {
            let people = matches!(rule.per, Per::Recipient | Per::Domain);
            (rule, people || charges(rule, &allow).is_ok())
        })
        .collect()
}

fn breakers<'a>(
    policy: &'a InForce,
    request: &Decision,
    class: Class,
) -> Vec<(&'a BreakerRule, bool)> {
    let act = Act {
        agent: &request.cause.actor.id,
        action: &request.action,
        class,
        seller: request.seller.as_deref(),
        mailbox: request.mailbox,
    };
    let rules = policy.text.breakers().iter();
    let rules = rules.filter(|rule| rule.matches(&request.action, class));
    rules.map(|rule| (rule, key(rule, act).is_some())).collect()
}
