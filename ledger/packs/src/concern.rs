//! Which entries concern a person, or belong to a correlation id: one fold, for the ledger that searches
//! its log, and for whoever checks what was found.
//!
//! It reads an entry and what it has seen before, nothing else; and what it remembers comes from entries
//! that are concerned themselves. So the fold over a pack finds what the fold over the whole log found.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::action::Class;
use ledger_core::entry::{
    Access, Basis, Body, Cite, Decision, Dnc, Entry, Execution, Key, Outcome, OutcomeReport, Stop,
};
use ledger_core::opening::Opening;
use ledger_core::plan::closes;
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, KindError, Token, token_from_opening};

/// What a pack is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// One person, or one company.
    Person(Person),
    /// What goes by one correlation id.
    Correlation(String),
}

/// The tokens of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    kinds: BTreeMap<Token, Kind>,
    /// The tokens by which a decision is about this person, not only about somebody at their domain.
    own: BTreeSet<Token>,
    company: bool,
}

impl Person {
    /// The person with these tokens. Where none is of an address, a number or a contact id, it is the
    /// company that is meant.
    pub fn new(keys: impl IntoIterator<Item = (Kind, Token)>) -> Self {
        let kinds: BTreeMap<Token, Kind> = keys
            .into_iter()
            .map(|(kind, token)| (token, kind))
            .collect();
        let shared = |kind: &Kind| matches!(kind, Kind::Domain | Kind::Account);
        let own: BTreeSet<Token> = kinds
            .iter()
            .filter(|(_, kind)| !shared(kind))
            .map(|(token, _)| *token)
            .collect();
        let company = own.is_empty();
        Self {
            own: if company {
                kinds.keys().copied().collect()
            } else {
                own
            },
            kinds,
            company,
        }
    }

    /// The person whom an opening opens.
    ///
    /// # Errors
    /// [`KindError`] where a kind is not one of this version.
    pub fn opened(opening: &Opening) -> Result<Self, KindError> {
        let keys = opening.keys().iter().map(|key| {
            let kind: Kind = key.kind.parse()?;
            let token = token_from_opening(&key.s, &kind, &key.identifier);
            Ok((kind, token))
        });
        Ok(Self::new(keys.collect::<Result<Vec<_>, _>>()?))
    }

    /// The tokens, each with its kind.
    pub const fn tokens(&self) -> &BTreeMap<Token, Kind> {
        &self.kinds
    }

    /// Whether it is a company: nothing but its account or domain is known.
    pub const fn is_company(&self) -> bool {
        self.company
    }

    /// Whether one of these keys is the person's own.
    pub fn is_own(&self, keys: &[Key]) -> bool {
        keys.iter().any(|key| self.own.contains(&key.token))
    }
}

/// Why an entry is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A decision; of a person, which recipients are the person, and whether a target is.
    Decision {
        /// The indexes of the recipients.
        recipients: Vec<u64>,
        /// Whether a target of the action is the person.
        target: bool,
    },
    /// The execution of such a decision.
    Execution {
        /// The decision.
        decision: u64,
    },
    /// A provider's report about such an execution, or about the person by name.
    Outcome {
        /// The decision, where it is one of these.
        decision: Option<u64>,
    },
    /// Such an allow was overdue.
    Unresolved {
        /// The decision.
        decision: u64,
    },
    /// Somebody's answer to such a request for approval.
    Approval {
        /// The decision.
        decision: u64,
    },
    /// A stop that voided such allows.
    Stop {
        /// The decisions.
        voided: Vec<u64>,
    },
    /// Listings or exemptions of the person, or of their domain or company.
    Listed {
        /// Their indexes, each with the kinds of key that are the person's.
        listings: Vec<(u64, Vec<Kind>)>,
    },
    /// The end of such listings or exemptions.
    Ended {
        /// The listings.
        listings: Vec<Cite>,
    },
    /// The person's tokens were opened, or looked up, for somebody.
    Disclosed,
    /// It has the correlation id.
    Correlated,
}

/// What is known of a decision that is concerned.
#[derive(Debug, Clone)]
struct Asked {
    /// The recipients that are the person.
    recipients: Vec<u64>,
    /// Of an allow that nobody has reported on, and no stop has voided: agent, class and `valid_until`.
    standing: Option<(String, Class, Timestamp)>,
}

/// The fold. Feed it the entries in the order of the log.
#[derive(Debug, Clone)]
pub struct Concern {
    about: About,
    /// The person's tokens, as entries spell them.
    spelled: BTreeSet<String>,
    decisions: BTreeMap<u64, Asked>,
    executions: BTreeMap<u64, u64>,
    listings: BTreeSet<Cite>,
}

impl Concern {
    /// Nothing seen yet.
    pub fn new(about: About) -> Self {
        let spelled = match &about {
            About::Person(person) => person.kinds.keys().map(ToString::to_string).collect(),
            About::Correlation(_) => BTreeSet::new(),
        };
        Self {
            about,
            spelled,
            decisions: BTreeMap::new(),
            executions: BTreeMap::new(),
            listings: BTreeSet::new(),
        }
    }

    /// What it is about.
    pub const fn about(&self) -> &About {
        &self.about
    }

    /// Whether the entry with this line could be concerned, so that it has to be decoded. Says yes too
    /// often, never too seldom.
    pub fn may(&self, kind: &str, line: &str) -> bool {
        let linked = || match kind {
            "execution" | "outcome" | "unresolved" | "approval" => {
                let decision = |seq: &u64| self.decisions.contains_key(seq);
                let execution = |seq: &u64| self.executions.contains_key(seq);
                numbers(line, "\"decision\":").any(|seq| decision(&seq))
                    || numbers(line, "\"execution\":").any(|seq| execution(&seq))
            }
            "stop" => self
                .decisions
                .values()
                .any(|asked| asked.standing.is_some()),
            "dnc" => !self.listings.is_empty() && line.contains("\"ends\":["),
            _ => false,
        };
        self.names(line) || linked()
    }

    fn names(&self, line: &str) -> bool {
        match &self.about {
            // A token stands in an entry as a string of its own.
            About::Person(_) => line
                .split('"')
                .any(|part| part.len() == 64 && self.spelled.contains(part)),
            About::Correlation(id) => line.contains(id.as_str()),
        }
    }

    /// Takes the next entry, and says why it is concerned, where it is.
    pub fn see(&mut self, entry: &Entry) -> Option<Why> {
        let linked = match &entry.body {
            Body::Decision(decision) => return self.decision(entry, decision),
            Body::Execution(execution) => self.execution(entry.seq, execution),
            Body::Outcome(outcome) => self.outcome(outcome),
            Body::Unresolved(unresolved) => {
                let decision = unresolved.decision;
                self.asked(decision).map(|asked| {
                    asked.standing = None;
                    Why::Unresolved { decision }
                })
            }
            Body::Approval(approval) => approval
                .decision
                .filter(|decision| self.decisions.contains_key(decision))
                .map(|decision| Why::Approval { decision }),
            Body::Stop(stop) => self.stop(entry.time, stop),
            Body::Dnc(dnc) => self.dnc(entry.seq, dnc),
            Body::Access(access) => self.access(access),
            _ => None,
        };
        linked.or_else(|| self.is_correlated(entry).then_some(Why::Correlated))
    }

    fn is_correlated(&self, entry: &Entry) -> bool {
        match &self.about {
            About::Correlation(id) => entry.body.correlation_id() == Some(id),
            About::Person(_) => false,
        }
    }

    fn asked(&mut self, decision: u64) -> Option<&mut Asked> {
        self.decisions.get_mut(&decision)
    }

    fn decision(&mut self, entry: &Entry, decision: &Decision) -> Option<Why> {
        let (recipients, target) = match &self.about {
            About::Correlation(_) => (Vec::new(), false),
            About::Person(person) => (
                (0u64..)
                    .zip(&decision.recipients)
                    .filter(|(_, recipient)| person.is_own(&recipient.keys))
                    .map(|(index, _)| index)
                    .collect(),
                decision
                    .targets
                    .iter()
                    .any(|target| target.id.is_some_and(|id| person.own.contains(&id))),
            ),
        };
        if recipients.is_empty() && !target && !self.is_correlated(entry) {
            return None;
        }
        let allowed = decision.basis == Basis::Gate && decision.outcome == Outcome::Allow;
        let standing = decision
            .valid_until
            .filter(|_| allowed)
            .map(|until| (decision.cause.actor.id.clone(), decision.class, until));
        let asked = Asked {
            recipients: recipients.clone(),
            standing,
        };
        self.decisions.insert(entry.seq, asked);
        Some(Why::Decision { recipients, target })
    }

    fn execution(&mut self, seq: u64, execution: &Execution) -> Option<Why> {
        let decision = execution.decision;
        let asked = self.asked(decision)?;
        if closes(&execution.findings) {
            asked.standing = None;
        }
        self.executions.insert(seq, decision);
        Some(Why::Execution { decision })
    }

    fn outcome(&self, outcome: &OutcomeReport) -> Option<Why> {
        let executed = outcome
            .about()
            .and_then(|execution| self.executions.get(&execution).copied());
        let decision = outcome
            .decision
            .filter(|decision| self.decisions.contains_key(decision))
            .or(executed);
        let About::Person(person) = &self.about else {
            return decision.map(|_| Why::Outcome { decision });
        };
        let named = person.is_own(&outcome.keys);
        // Of a request to several people, what became of another one is not this person's.
        let meant = match (
            outcome.concerned(),
            decision.and_then(|seq| self.decisions.get(&seq)),
        ) {
            (Some(index), Some(asked)) => {
                asked.recipients.is_empty() || asked.recipients.contains(&index)
            }
            (None, Some(_)) => outcome.keys.is_empty(),
            (_, None) => false,
        };
        (named || meant).then_some(Why::Outcome { decision })
    }

    fn stop(&mut self, time: Timestamp, stop: &Stop) -> Option<Why> {
        let mut voided = Vec::new();
        for (seq, asked) in &mut self.decisions {
            let falls = asked
                .standing
                .as_ref()
                .is_some_and(|(agent, class, until)| {
                    time < *until && stop.scope.covers(agent, *class)
                });
            if falls {
                asked.standing = None;
                voided.push(*seq);
            }
        }
        (!voided.is_empty()).then_some(Why::Stop { voided })
    }

    fn dnc(&mut self, seq: u64, dnc: &Dnc) -> Option<Why> {
        if let About::Person(person) = &self.about {
            let named: Vec<(u64, Vec<Kind>)> = (0u64..)
                .zip(&dnc.listings)
                .map(|(index, listing)| {
                    let kinds = listing
                        .keys
                        .iter()
                        .filter_map(|key| person.kinds.get(&key.token).cloned());
                    (index, kinds.collect::<Vec<_>>())
                })
                .filter(|(_, kinds)| !kinds.is_empty())
                .collect();
            if !named.is_empty() {
                self.listings.extend(named.iter().map(|(index, _)| Cite {
                    seq,
                    index: Some(*index),
                }));
                return Some(Why::Listed { listings: named });
            }
        }
        let ended: Vec<Cite> = dnc
            .ends
            .iter()
            .filter(|cite| self.listings.contains(cite))
            .copied()
            .collect();
        (!ended.is_empty()).then_some(Why::Ended { listings: ended })
    }

    fn access(&self, access: &Access) -> Option<Why> {
        match &self.about {
            About::Person(person) if person.is_own(&access.tokens) => Some(Why::Disclosed),
            _ => None,
        }
    }
}

/// The integers that stand behind a key in a line of JSON.
fn numbers<'a>(line: &'a str, key: &'static str) -> impl Iterator<Item = u64> + 'a {
    line.match_indices(key).filter_map(move |(at, _)| {
        let rest = &line[at + key.len()..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}
