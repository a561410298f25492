//! The gate: one pure function from the log so far, a request and a time to a decision.
//!
//! Every check runs and every reason is reported; the outcome is the strictest that any reason
//! demands. Nothing here reads a clock, a file or a random number, so that replay decides again
//! exactly what the daemon decided.

mod approval;
mod breaker;
pub(crate) mod call;
pub(crate) mod condition;
pub(crate) mod dnc;
mod explain;
pub(crate) mod grant;
pub(crate) mod sandbox;
pub(crate) mod throttle;
pub(crate) mod tier;

use std::collections::BTreeSet;

pub use explain::{Explained, Miss, RowSays, TargetSays, explain};
pub use tier::{TierCause, group as approver_group};

use crate::action::{ActionRule, Channels, Class};
use crate::entry::{Cite, Code, Decision, Outcome, PolicyRef, Reason};
use crate::limits::{CITES_MAX, CITES_TOTAL_MAX, REASONS_MAX};
use crate::policy::Numbers;
use crate::record::{AllowRecord, DecisionRecord};
use crate::role::{Call, Grant};
use crate::state::{InForce, State};
use crate::time::Timestamp;
use crate::view::{View, ViewError};
use crate::window::{self, Windows};

/// The version of the rules in this module. Until the first release it stays 1, and ledgers of an
/// older form are refused; afterwards replay keeps every version that was released.
pub const GATE_VERSION: u32 = 1;

/// What an action is, under the policy in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nature {
    pub(crate) known: bool,
    pub(crate) class: Class,
    pub(crate) channels: Channels,
    pub(crate) tier: u8,
    pub(crate) hours: Option<(u16, u16)>,
    pub(crate) registry_max_age_s: Option<u64>,
    pub(crate) registry_sources: BTreeSet<String>,
    pub(crate) requires: Vec<crate::token::Kind>,
    pub(crate) creates: bool,
}

/// Decides a request.
///
/// `request` is a request part ([`Decision::request_part`]); the result is the same with every answer
/// filled in. `now` is the time that the entry will carry.
///
/// # Errors
/// [`ViewError`] where a view cannot be read: then nothing is decided, and the daemon stops.
pub fn decide<V: View>(
    state: &State<V>,
    request: Decision,
    now: Timestamp,
) -> Result<Decision, ViewError> {
    let rules = Rules {
        policy: state.policy(),
        numbers: state.numbers(),
        windows: state.windows(),
    };
    decide_under(state, &rules, request, now)
}

/// What a decision is made by, besides the state: the policy in force; of a dry run, another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) policy: Option<&'a InForce>,
    pub(crate) numbers: &'a Numbers,
    /// Windows of that policy's throttles.
    pub(crate) windows: &'a Windows,
}

/// The same as [`decide`], by these rules.
pub(crate) fn decide_under<V: View>(
    state: &State<V>,
    rules: &Rules<'_>,
    mut request: Decision,
    now: Timestamp,
) -> Result<Decision, ViewError> {
    let policy = rules.policy;
    let nature = Nature::of(policy, &request.action);
    let agent = request.cause.actor.id.clone();
    let mut reasons = Vec::new();

    clock(state, now, &mut reasons);
    stops(state, &agent, nature.class, &mut reasons);
    breaker::check(state, &request, nature.class, now, &mut reasons);
    identity(state, &request, &mut reasons);
    if policy.is_none() {
        reasons.push(Code::PolicyNone.reason());
    } else if !nature.known {
        reasons.push(Code::ActionUnknown.reason());
    }
    let mut granted =
        policy.map(|policy| grant::check(policy, &request, &nature, state.environment()));
    if let Some(granted) = &mut granted {
        reasons.append(&mut granted.reasons);
    }
    let approval = approval::check(state, &request, &nature, granted.as_ref(), now)?;
    let approver = approval.as_ref().and_then(|(_, by)| by.clone());
    let text = policy.map(|policy| &policy.text);
    let tier = tier::of(text, &request, &nature, granted.as_ref());
    let around = condition::Around {
        nature: &nature,
        tier,
        approved: approver.is_some(),
        environment: state.environment(),
        origin: state
            .genesis()
            .map_or("", |genesis| genesis.origin.as_str()),
        now,
    };
    condition::check(policy, &request, &around, &mut reasons);
    let break_glass = state.break_glass(&agent, &request.action, now);
    reasons.extend(tier::check(
        tier,
        &request,
        &nature,
        granted.as_ref(),
        approver.is_some(),
        break_glass,
    ));
    reasons.extend(approval.map(|(reason, _)| reason));
    sandbox::check(state.genesis(), policy, &request, &nature, &mut reasons);
    recipients(&request, &nature, &mut reasons);
    dnc::check(state, &request, &nature, now, &mut reasons)?;
    call::hours(&request, &nature, now, &mut reasons);
    call::registry(state, &nature, now, &mut reasons)?;

    let allow = AllowRecord {
        class: nature.class,
        ..allowed(&request, now)
    };
    let counts = throttle::check(rules.windows, &allow, now, &mut reasons);
    undo(state, &request, &mut reasons)?;
    foreign(&request, approver.is_some(), &mut reasons);

    let outcome = reasons
        .iter()
        .map(|reason| reason.code.demands())
        .max()
        .unwrap_or(Outcome::Deny);
    let numbers = rules.numbers;
    request.environment = state.environment();
    request.class = nature.class;
    request.channels = nature.channels;
    request.policy = policy.map(|policy| PolicyRef {
        seq: policy.seq,
        sha256: policy.sha256,
    });
    request.outcome = outcome;
    request.throttles = counts;
    let after = |seconds: u64| (outcome == Outcome::Allow).then(|| now.saturating_add_s(seconds));
    request.valid_until = after(numbers.valid_for_s);
    request.report_by = after(numbers.report_within_s);
    request.tier = Some(tier);
    request.approver = approver;
    let asks = outcome == Outcome::RequireApproval;
    request.approvers = if asks {
        tier::approvers(&nature, granted.as_ref())
    } else {
        None
    };
    request.approve_by = asks.then(|| now.saturating_add_s(numbers.approve_within_s));
    // What a caller may have put there is no answer.
    request.findings = Vec::new();
    request.reasons_total = None;
    cap(&mut reasons, &mut request);
    request.reasons = reasons;
    Ok(request)
}

/// What a decision that became an allow adds to the throttle windows.
pub fn allowed(decision: &Decision, time: Timestamp) -> AllowRecord {
    AllowRecord {
        time,
        agent: decision.cause.actor.id.clone(),
        action: decision.action.clone(),
        class: decision.class,
        seller: decision.seller.clone(),
        campaign: decision.campaign.clone(),
        mailbox: decision.mailbox,
        people: window::people(&decision.recipients),
    }
}

impl Nature {
    /// The action's class and channels: never the request's choice. What nobody declared is treated as
    /// contact by every channel.
    pub(crate) fn of(policy: Option<&InForce>, action: &str) -> Self {
        let declared = match policy {
            Some(policy) => policy.text.action(action).cloned(),
            None => ActionRule::builtin(action),
        };
        match declared {
            Some(rule) => Self {
                known: true,
                class: rule.class,
                channels: rule.channels,
                tier: rule.tier,
                hours: rule.hours,
                registry_max_age_s: rule.registry_max_age_s,
                registry_sources: rule.registry_sources,
                requires: rule.requires,
                creates: rule.creates,
            },
            None => Self {
                known: false,
                class: Class::Contact,
                channels: Channels::all(),
                tier: ActionRule::default_tier(action, Class::Contact),
                hours: None,
                registry_max_age_s: None,
                registry_sources: BTreeSet::new(),
                requires: Vec::new(),
                creates: false,
            },
        }
    }
}

fn clock<V: View>(state: &State<V>, now: Timestamp, reasons: &mut Vec<Reason>) {
    if let Some(seen) = state.clock_blocks(now) {
        reasons.push(Reason {
            cites: vec![Cite {
                seq: seen,
                index: None,
            }],
            ..Code::ClockBlocked.reason()
        });
    }
}

fn stops<V: View>(state: &State<V>, agent: &str, class: Class, reasons: &mut Vec<Reason>) {
    let stops: Vec<u64> = state
        .stops()
        .filter(|(_, scope)| scope.covers(agent, class))
        .map(|(seq, _)| seq)
        .collect();
    if !stops.is_empty() {
        reasons.push(citing(
            Code::StopActive.reason(),
            stops.into_iter().map(|seq| Cite { seq, index: None }),
        ));
    }
}

fn identity<V: View>(state: &State<V>, request: &Decision, reasons: &mut Vec<Reason>) {
    let caller = &request.cause.actor.id;
    let known = state.principal(caller).is_some_and(|principal| {
        principal.credential.is_some() && Call::Decide.granted(principal.role) == Grant::Yes
    });
    if !known {
        reasons.push(Code::IdentityUnknown.reason());
    }
    if request.agent.as_ref().is_some_and(|named| named != caller) {
        reasons.push(Code::IdentityImpersonation.reason());
    }
}

pub(crate) fn recipients(request: &Decision, nature: &Nature, reasons: &mut Vec<Reason>) {
    use crate::token::Kind;
    let contact = nature.class == Class::Contact;
    if contact && request.recipients.is_empty() {
        reasons.push(Code::RecipientMissing.reason());
    }
    for (index, recipient) in (0u64..).zip(&request.recipients) {
        for kind in &recipient.unusable {
            reasons.push(Reason {
                recipient: Some(index),
                key: Some(kind.clone()),
                ..Code::RecipientUnusable.reason()
            });
        }
        let has = |kind: &Kind| recipient.keys.iter().any(|key| key.kind == *kind);
        if contact && ![Kind::Email, Kind::Phone, Kind::Contact].iter().any(has) {
            reasons.push(Reason {
                recipient: Some(index),
                ..Code::RecipientUnidentified.reason()
            });
        }
        for kind in nature.requires.iter().filter(|kind| !has(kind)) {
            reasons.push(Reason {
                recipient: Some(index),
                key: Some(kind.clone()),
                ..Code::RecipientKeyRequired.reason()
            });
        }
    }
}

/// What the decision that was handed in adds: it only makes the answer stricter. What it wants
/// approved is approved by an approval here.
pub(crate) fn foreign(request: &Decision, approved: bool, reasons: &mut Vec<Reason>) {
    match request.foreign.as_ref().map(|foreign| foreign.outcome) {
        Some(Outcome::Deny) => reasons.push(Code::ForeignDeny.reason()),
        Some(Outcome::RequireApproval) if !approved => {
            reasons.push(Code::ForeignRequireApproval.reason());
        }
        Some(Outcome::RequireApproval | Outcome::Allow) | None => {}
    }
}

/// What is undone is an execution that the log has, of a decision of the same agent or run, by the same
/// action and on the same objects, or some of them. Whatever else is named gets one answer: else any agent
/// could ask which entries are executions, and have another's count as undone.
fn undo<V: View>(
    state: &State<V>,
    request: &Decision,
    reasons: &mut Vec<Reason>,
) -> Result<(), ViewError> {
    let Some(seq) = request.undoes else {
        return Ok(());
    };
    let undone = match state.execution(seq)? {
        Some(execution) if execution.known => state.decision(execution.decision)?,
        _ => None,
    };
    if undone.is_none_or(|undone| !is_undone_by(&undone, request)) {
        reasons.push(Code::UndoUnknown.reason());
    }
    Ok(())
}

fn is_undone_by(undone: &DecisionRecord, request: &Decision) -> bool {
    let cause = &request.cause;
    let theirs = undone.agent == cause.actor.id
        || cause.correlation_id.as_ref() == Some(&undone.correlation_id);
    let mut ids = request.targets.iter().map(|target| target.id);
    theirs
        && undone.action == request.action
        && undone.targets.is_empty() == request.targets.is_empty()
        && ids.all(|id| id.is_some_and(|id| undone.targets.contains(&id)))
}

/// `reason` with the first cites, and their total where there are more.
fn citing(reason: Reason, cites: impl IntoIterator<Item = Cite>) -> Reason {
    let mut cites: Vec<Cite> = cites.into_iter().collect();
    cites.sort_unstable();
    cites.dedup();
    let total = cites.len();
    cites.truncate(CITES_MAX);
    Reason {
        cites,
        cites_total: (total > CITES_MAX).then_some(total as u64),
        ..reason
    }
}

/// Keeps the reasons and cites that fit an entry, and says how many there were.
fn cap(reasons: &mut Vec<Reason>, decision: &mut Decision) {
    // What decides comes first: a long list of exempted or granted things must not crowd out a denial.
    reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.code.demands()), reason.check));
    if reasons.len() > REASONS_MAX {
        decision.reasons_total = Some(reasons.len() as u64);
        // Every code that speaks is heard: the first reason of each stays, and of the rest what fits.
        let mut heard = BTreeSet::new();
        let (firsts, rest): (Vec<Reason>, Vec<Reason>) = reasons
            .drain(..)
            .partition(|reason| heard.insert(reason.code));
        reasons.extend(firsts);
        reasons.extend(rest.into_iter().take(REASONS_MAX - heard.len()));
        reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.code.demands()), reason.check));
    }
    let mut left = CITES_TOTAL_MAX;
    for reason in reasons {
        let keep = reason.cites.len().min(left.max(1));
        if keep < reason.cites.len() {
            reason.cites_total = reason.cites_total.or(Some(reason.cites.len() as u64));
            reason.cites.truncate(keep);
        }
        left = left.saturating_sub(keep);
    }
}
