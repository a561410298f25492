//! Throttle windows: exact counts over the times of the allow entries.
//!
//! A rule holds at `now` if what it counted in `(now - window, now]` leaves room. The windows are
//! derived from the allows of the last 31 days, never from a rule's name: a rule that is new, renamed
//! or widened counts the allows that are already in the log.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use crate::entry::{Key, Recipient};
use crate::policy::{Per, ThrottleRule, Unit};
use crate::record::{AllowRecord, PersonKeys};
use crate::time::Timestamp;
use crate::token::{Kind, Token};

/// What a rule counts per: an agent's id, a token, or nothing for the whole workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WindowKey {
    /// The whole ledger.
    Workspace,
    /// An agent, a campaign or a seller.
    Name(String),
    /// A mailbox, a person's key or a domain.
    Token(Option<Kind>, [u8; 32]),
}

/// A token is a keyed hash already, which nobody can choose: its first bytes tell it from the others.
impl Hash for WindowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Workspace => {}
            Self::Name(name) => name.hash(state),
            Self::Token(_, bytes) => {
                let first = bytes.first_chunk().copied().unwrap_or_default();
                state.write_u64(u64::from_le_bytes(first));
            }
        }
    }
}

/// What one request adds to one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The window.
    pub key: WindowKey,
    /// The recipient that it stems from, where the rule counts per recipient or domain.
    pub recipient: Option<u64>,
    /// How much.
    pub units: u64,
}

/// What `rule` counts of an allow, or of a request that is about to become one.
///
/// # Errors
/// [`Unkeyed`] where the rule counts per something that the request does not name.
pub fn charges(rule: &ThrottleRule, allow: &AllowRecord) -> Result<Vec<Charge>, Unkeyed> {
    let units = match rule.unit {
        Unit::Actions => 1,
        Unit::Recipients => allow.people.len() as u64,
    };
    let whole = |key: Option<WindowKey>| {
        key.map(|key| {
            vec![Charge {
                key,
                recipient: None,
                units,
            }]
        })
        .ok_or(Unkeyed)
    };
    let name = |name: &Option<String>| name.clone().map(WindowKey::Name);
    match rule.per {
        Per::Workspace => whole(Some(WindowKey::Workspace)),
        Per::Agent => whole(Some(WindowKey::Name(allow.agent.clone()))),
        Per::Seller => whole(name(&allow.seller)),
        Per::Campaign => whole(name(&allow.campaign)),
        Per::Mailbox => whole(allow.mailbox.map(|token| WindowKey::Token(None, token.0))),
        Per::Recipient => Ok(per_person(allow, |person| {
            person
                .person
                .iter()
                .map(|(kind, token)| WindowKey::Token(Some(kind.clone()), token.0))
                .collect()
        })
        .map(|charge| Charge { units: 1, ..charge })
        .collect()),
        Per::Domain => Ok(per_person(allow, |person| {
            person
                .domains
                .iter()
                .map(|token| WindowKey::Token(None, token.0))
                .collect()
        })
        .map(|charge| match rule.unit {
            Unit::Actions => Charge { units: 1, ..charge },
            Unit::Recipients => charge,
        })
        .collect()),
    }
}

/// What rules count of one allow. It depends on what a rule counts per and in, which many rules share, so
/// that each is worked out once.
#[derive(Debug)]
pub struct Charges<'a> {
    allow: &'a AllowRecord,
    worked_out: Vec<((Per, Unit), WorkedOut)>,
}

type WorkedOut = Result<Vec<Charge>, Unkeyed>;

impl<'a> Charges<'a> {
    /// Of `allow`, for any number of rules.
    pub const fn new(allow: &'a AllowRecord) -> Self {
        Self {
            allow,
            worked_out: Vec::new(),
        }
    }

    /// The same as [`charges`].
    ///
    /// # Errors
    /// [`Unkeyed`] where the rule counts per something that the request does not name.
    pub fn of(&mut self, rule: &ThrottleRule) -> Result<&[Charge], Unkeyed> {
        let by = (rule.per, rule.unit);
        let at = self.worked_out.iter().position(|(known, _)| *known == by);
        let at = at.unwrap_or_else(|| {
            self.worked_out.push((by, charges(rule, self.allow)));
            self.worked_out.len() - 1
        });
        match self.worked_out.get(at) {
            Some((_, Ok(charges))) => Ok(charges),
            Some((_, Err(Unkeyed))) | None => Err(Unkeyed),
        }
    }
}

/// The request does not name what a rule counts per, so that it cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unkeyed;

/// One charge a key, in units of people, with the first recipient that has it.
fn per_person(
    allow: &AllowRecord,
    keys: impl Fn(&PersonKeys) -> Vec<WindowKey>,
) -> impl Iterator<Item = Charge> {
    let mut charges: BTreeMap<WindowKey, (u64, u64)> = BTreeMap::new();
    for person in &allow.people {
        for key in keys(person) {
            charges.entry(key).or_insert((person.recipient, 0)).1 += 1;
        }
    }
    charges.into_iter().map(|(key, (recipient, units))| Charge {
        key,
        recipient: Some(recipient),
        units,
    })
}

/// The different people among `recipients`: two are one where they share a canonical e-mail, a phone or
/// a contact token and no kind of key tells them apart. One id that is named with many addresses makes
/// them no fewer.
pub fn people(recipients: &[Recipient]) -> Vec<PersonKeys> {
    let mut people: Vec<PersonKeys> = Vec::new();
    for (index, recipient) in (0u64..).zip(recipients) {
        let mut one = PersonKeys {
            recipient: index,
            person: recipient
                .keys
                .iter()
                .filter(|key| {
                    matches!(key.kind, Kind::EmailCanonical | Kind::Phone | Kind::Contact)
                })
                .map(|key| (key.kind.clone(), key.token))
                .collect(),
            domains: registrable(&recipient.keys).collect(),
            others: BTreeSet::new(),
        };
        match people.iter_mut().find(|other| one.is_same_as(other)) {
            Some(other) => {
                other.person.append(&mut one.person);
                other.domains.append(&mut one.domains);
                other.others.insert(index);
            }
            None => people.push(one),
        }
    }
    people
}

impl PersonKeys {
    fn is_same_as(&self, other: &Self) -> bool {
        let of = |keys: &BTreeSet<(Kind, Token)>, kind: &Kind| -> BTreeSet<Token> {
            keys.iter()
                .filter(|(other, _)| other == kind)
                .map(|(_, token)| *token)
                .collect()
        };
        !self.person.is_disjoint(&other.person)
            && self.person.iter().all(|(kind, _)| {
                let theirs = of(&other.person, kind);
                theirs.is_empty() || !theirs.is_disjoint(&of(&self.person, kind))
            })
    }
}

/// The registrable domain under each token version: of the domain keys, the last. Under a reserved
/// top-level name (`test`, `example`) that is the name itself, so that all below it count as one.
fn registrable(keys: &[Key]) -> impl Iterator<Item = Token> {
    let mut last = BTreeMap::new();
    for key in keys.iter().filter(|key| key.kind == Kind::Domain) {
        last.insert(key.v, key.token);
    }
    last.into_values()
}

/// The windows of every rule of a policy. Owned by the state that folds the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows {
    rules: Vec<RuleWindows>,
    /// Every allow below this seq is counted.
    pub through: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct RuleWindows {
    rule: ThrottleRule,
    /// What was counted, in the order of time, so that what has left can be taken out.
    order: VecDeque<(Timestamp, Arc<WindowKey>)>,
    windows: WindowsByKey,
}

/// Looked up and never walked, so that no order comes of it. A key is held once, however much it counts.
type WindowsByKey = HashMap<Arc<WindowKey>, Window, BuildHasherDefault<DefaultHasher>>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Window {
    allows: VecDeque<(Timestamp, u64)>,
    sum: u64,
}

/// What one window says to one charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Units in the trailing window.
    pub count: u64,
    /// Whether the charge fits.
    pub fits: bool,
    /// The first time at which it would; absent where it fits now, and where it never would.
    pub passes_at: Option<Timestamp>,
}

impl Windows {
    /// Empty windows for `rules`; feed them every allow of the last 31 days with [`Self::count`].
    pub fn new(rules: &[ThrottleRule]) -> Self {
        Self {
            rules: rules
                .iter()
                .map(|rule| RuleWindows {
                    rule: rule.clone(),
                    order: VecDeque::new(),
                    windows: WindowsByKey::default(),
                })
                .collect(),
            through: 0,
        }
    }

    /// The rules counted, in the policy's order.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &ThrottleRule> {
        self.rules.iter().map(|windows| &windows.rule)
    }

    /// Counts the allow at `seq`. Allows must come in the order of the log.
    pub fn count(&mut self, seq: u64, allow: &AllowRecord) {
        self.through = seq + 1;
        let mut charges = Charges::new(allow);
        for windows in &mut self.rules {
            windows.expire(allow.time);
            if !windows.rule.matches(&allow.action, allow.class) {
                continue;
            }
            // An allow that a rule of today cannot key was decided before the rule was published.
            for charge in charges.of(&windows.rule).unwrap_or_default() {
                windows.add(allow.time, charge);
            }
        }
    }

    /// What the window of `key` under the `rule`-th rule says, at `now`, to `units` more.
    pub fn room(&self, rule: usize, key: &WindowKey, units: u64, now: Timestamp) -> Room {
        let Some(counted) = self.rules.get(rule) else {
            return Room {
                count: 0,
                fits: true,
                passes_at: None,
            };
        };
        let (limit, window_s) = (counted.rule.limit, counted.rule.window_s);
        let Some(window) = counted.windows.get(key) else {
            return Room {
                count: 0,
                fits: units <= limit,
                passes_at: None,
            };
        };
        let mut allows = window.allows.iter().peekable();
        let mut gone = 0;
        while let Some((_, units)) = allows.next_if(|(time, _)| has_left(*time, window_s, now)) {
            gone += units;
        }
        let count = window.sum - gone;
        if count + units <= limit {
            return Room {
                count,
                fits: true,
                passes_at: None,
            };
        }
        // It passes when enough of the oldest have left; if even an empty window is too small, never.
        let mut left = count;
        let passes_at = (units <= limit)
            .then(|| {
                allows.find_map(|(time, units_then)| {
                    left -= units_then;
                    (left + units <= limit).then(|| time.saturating_add_s(window_s))
                })
            })
            .flatten();
        Room {
            count,
            fits: false,
            passes_at,
        }
    }
}

/// Whether what was counted at `time` is outside `(now - window, now]`.
pub(crate) fn has_left(time: Timestamp, window_s: u64, now: Timestamp) -> bool {
    time.saturating_add_s(window_s) <= now
}

impl RuleWindows {
    fn add(&mut self, time: Timestamp, charge: &Charge) {
        let known = self.windows.get_key_value(&charge.key);
        let key = known.map_or_else(|| Arc::new(charge.key.clone()), |(key, _)| Arc::clone(key));
        let window = self.windows.entry(Arc::clone(&key)).or_default();
        window.allows.push_back((time, charge.units));
        window.sum += charge.units;
        self.order.push_back((time, key));
    }

    /// Takes out what has left the window at `now`, so that memory holds no more than one window.
    fn expire(&mut self, now: Timestamp) {
        while self
            .order
            .front()
            .is_some_and(|(time, _)| has_left(*time, self.rule.window_s, now))
        {
            let Some((_, key)) = self.order.pop_front() else {
                return;
            };
            let Some(window) = self.windows.get_mut(&key) else {
                continue;
            };
            if let Some((_, units)) = window.allows.pop_front() {
                window.sum -= units;
            }
            if window.allows.is_empty() {
                self.windows.remove(&key);
            }
        }
    }
}
