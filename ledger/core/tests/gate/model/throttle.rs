//! How often: every allow of the log, for every rule, for every key.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::action::Class;
use ledger_core::entry::{Code, Decision, Key, Outcome, Recipient};
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};

use super::policy::RuleM;
use super::{Decided, Model, ReasonM, What};

/// What one rule says of a request: every key that binds most, of which the gate names one.
#[derive(Debug, Clone)]
pub(crate) struct CountM {
    pub(crate) rule: String,
    pub(crate) count: u64,
    pub(crate) limit: u64,
    pub(crate) window_s: i64,
    pub(crate) passes_at: Option<Timestamp>,
    /// Recipient, kind of key, and what the request needs there.
    pub(crate) binding: BTreeSet<(Option<u64>, Option<Kind>, u64)>,
}

/// What a rule counts by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    Everything,
    Name(String),
    Key(Kind, Token),
}

/// How tight a key is: it passes, passes at some time, or never; and how full it is.
type Tightness = (u8, Option<Timestamp>, u64);

impl Model {
    pub(super) fn throttles(
        &self,
        request: &Decision,
        class: Class,
        now: Timestamp,
        reasons: &mut Vec<ReasonM>,
    ) -> Vec<CountM> {
        let Some((_, policy)) = self.policy() else {
            return Vec::new();
        };
        let mut counts = Vec::new();
        for rule in policy
            .rules
            .iter()
            .filter(|rule| concerns(rule, &request.action, class))
        {
            let Some(needs) = needs(rule, request) else {
                reasons.push(ReasonM {
                    rule: Some(rule.id.clone()),
                    ..ReasonM::of(Code::ThrottleUnkeyed)
                });
                continue;
            };
            let mut tightest: Option<(Tightness, CountM)> = None;
            for (by, (recipient, units)) in needs {
                let allows = self.allows(rule, &by);
                let (count, passes_at) = self::passes(rule, &allows, units, now);
                let fits = count + units <= rule.limit;
                let tightness = match (fits, passes_at) {
                    (true, _) => (0, None, count),
                    (false, Some(_)) => (1, passes_at, count),
                    (false, None) => (2, None, count),
                };
                let kind = match &by {
                    By::Key(kind, _) if recipient.is_some() => Some(kind.clone()),
                    _ => None,
                };
                let this = CountM {
                    rule: rule.id.clone(),
                    count,
                    limit: rule.limit,
                    window_s: rule.window_s,
                    passes_at,
                    binding: [(recipient, kind, units)].into(),
                };
                tightest = match tightest {
                    Some((other, mut counted)) if other == tightness => {
                        counted.binding.extend(this.binding);
                        Some((other, counted))
                    }
                    Some((other, counted)) if other > tightness => Some((other, counted)),
                    _ => Some((tightness, this)),
                };
            }
            let Some(((fits, ..), count)) = tightest else {
                continue;
            };
            if fits > 0 {
                reasons.push(ReasonM {
                    rule: Some(rule.id.clone()),
                    ..ReasonM::of(Code::ThrottleExceeded)
                });
            }
            counts.push(count);
        }
        counts
    }

    /// When and how much every allow of the log counted under `by`.
    fn allows(&self, rule: &RuleM, by: &By) -> Vec<(Timestamp, u64)> {
        let mut found = Vec::new();
        for event in &self.events {
            let What::Decided(decided) = &event.what else {
                continue;
            };
            if let Some(units) = counted(rule, by, decided) {
                found.push((event.time, units));
            }
        }
        found
    }

    /// The fullest that any trailing window of `rule` was at the time of the last allow, against what
    /// it may hold: for a check after each allow.
    pub(crate) fn overfull(&self, rule: &RuleM, by: &By, now: Timestamp) -> bool {
        within(&self.allows(rule, by), rule.window_s, now) > rule.limit
    }
}

/// What an allow counts under `by`, if it does.
fn counted(rule: &RuleM, by: &By, decided: &Decided) -> Option<u64> {
    if !decided.by_gate
        || decided.outcome != Outcome::Allow
        || !concerns(rule, &decided.request.action, decided.class)
    {
        return None;
    }
    needs(rule, &decided.request)?
        .get(by)
        .map(|(_, units)| *units)
}

pub(crate) fn concerns(rule: &RuleM, action: &str, class: Class) -> bool {
    rule.actions.contains(&action) || rule.classes.contains(&class)
}

/// The units in `(now - window, now]`.
fn within(allows: &[(Timestamp, u64)], window_s: i64, now: Timestamp) -> u64 {
    let from = now.micros() - window_s * 1_000_000;
    allows
        .iter()
        .filter(|(time, _)| time.micros() > from && *time <= now)
        .map(|(_, units)| units)
        .sum()
}

/// The count now, and the first time at which `units` would fit if they do not now.
fn passes(
    rule: &RuleM,
    allows: &[(Timestamp, u64)],
    units: u64,
    now: Timestamp,
) -> (u64, Option<Timestamp>) {
    let count = within(allows, rule.window_s, now);
    if count + units <= rule.limit {
        return (count, None);
    }
    // It can only change when an allow leaves: the instant that is a window after it.
    let mut changes: Vec<Timestamp> = allows
        .iter()
        .map(|(time, _)| time.micros() + rule.window_s * 1_000_000)
        .filter(|change| *change > now.micros())
        .map(|change| Timestamp::from_micros(change).unwrap())
        .collect();
    changes.sort_unstable();
    let passes = changes
        .into_iter()
        .find(|change| within(allows, rule.window_s, *change) + units <= rule.limit);
    (count, passes)
}

/// What a request needs under every key that a rule counts by, and the first recipient with that key;
/// nothing where the request does not name what the rule counts by.
pub(crate) fn needs(rule: &RuleM, request: &Decision) -> Option<BTreeMap<By, (Option<u64>, u64)>> {
    let people = people(&request.recipients);
    let units = if rule.in_recipients {
        people.len() as u64
    } else {
        1
    };
    let whole = |by: By| BTreeMap::from([(by, (None, units))]);
    Some(match rule.per {
        "workspace" => whole(By::Everything),
        "agent" => whole(By::Name(request.cause.actor.id.clone())),
        "seller" => whole(By::Name(request.seller.clone()?)),
        "campaign" => whole(By::Name(request.campaign.clone()?)),
        "mailbox" => whole(By::Key(Kind::Mailbox, request.mailbox?)),
        per => {
            let mut needs: BTreeMap<By, (Option<u64>, u64)> = BTreeMap::new();
            for person in people {
                let first = person.iter().min().map(|index| *index as u64);
                let keys: BTreeSet<(Kind, Token)> = person
                    .iter()
                    .flat_map(|index| {
                        let keys = &request.recipients[*index].keys;
                        if per == "domain" {
                            registrable(keys)
                        } else {
                            personal(keys)
                        }
                    })
                    .collect();
                for (kind, token) in keys {
                    let need = needs.entry(By::Key(kind, token)).or_insert((first, 0));
                    need.0 = need.0.min(first);
                    need.1 += 1;
                }
            }
            if !rule.in_recipients || per == "recipient" {
                for need in needs.values_mut() {
                    need.1 = 1;
                }
            }
            needs
        }
    })
}

/// The tokens by which one person is known to throttles.
fn personal(keys: &[Key]) -> Vec<(Kind, Token)> {
    keys.iter()
        .filter(|key| [Kind::EmailCanonical, Kind::Phone, Kind::Contact].contains(&key.kind))
        .map(|key| (key.kind.clone(), key.token))
        .collect()
}

/// Under each version of tokens, the last domain.
fn registrable(keys: &[Key]) -> Vec<(Kind, Token)> {
    let versions: BTreeSet<Option<u32>> = keys.iter().map(|key| key.v).collect();
    versions
        .into_iter()
        .filter_map(|version| {
            keys.iter()
                .rfind(|key| key.kind == Kind::Domain && key.v == version)
                .map(|key| (Kind::Domain, key.token))
        })
        .collect()
}

/// The recipients who are one person, together: each joins the first before it with whom it shares a
/// personal token and differs in none.
fn people(recipients: &[Recipient]) -> Vec<BTreeSet<usize>> {
    let mut people: Vec<BTreeSet<usize>> = Vec::new();
    'next: for (index, recipient) in recipients.iter().enumerate() {
        let own = personal(&recipient.keys);
        for person in &mut people {
            let theirs: Vec<(Kind, Token)> = person
                .iter()
                .flat_map(|other| personal(&recipients[*other].keys))
                .collect();
            let shares = own.iter().any(|key| theirs.contains(key));
            let differs = own.iter().any(|(kind, _)| {
                theirs.iter().any(|(other, _)| other == kind)
                    && !own.iter().any(|key| key.0 == *kind && theirs.contains(key))
            });
            if shares && !differs {
                person.insert(index);
                continue 'next;
            }
        }
        people.push(BTreeSet::from([index]));
    }
    people
}
