//! What a whole log says about one person, found by the tokens of an opening.

mod say;

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::entry::{Basis, Body, Decision, Dnc, DncOp, Entry, Execution, Key, Outcome};
use ledger_core::opening::{OpenedKey, Opening};
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token, token_from_opening};
use serde::Serialize;

use crate::transcript::Failure;
use crate::words::word;

/// The most entries that are listed of each sort; the totals count all.
pub const LISTED_MAX: usize = 1_000;

/// One person in a log. Feed it every entry, in order.
#[derive(Debug, Serialize)]
pub struct Person {
    /// The opened keys, and how often each occurs.
    pub keys: Vec<Occurrence>,
    /// Gate decisions that allowed an action to reach the person.
    pub allows: List<Ask>,
    /// Gate decisions that did not.
    pub refusals: List<Ask>,
    /// Decisions made elsewhere about the person as a target. (None of them can name recipients.)
    pub asserted: List<Ask>,
    /// Reports of executions of any of these decisions.
    pub executions: List<Report>,
    /// Of these, the ones of an action that the gate had not allowed.
    pub executed_unallowed: u64,
    /// Listings and exemptions of the person, or of their domain or account.
    pub listings: List<Listed>,
    /// Entries by which the ledger recorded that it disclosed the person's keys.
    pub disclosures: List<u64>,
    #[serde(skip)]
    tokens: BTreeMap<Token, usize>,
    /// The tokens by which a decision is about this person, not only about somebody at their domain.
    #[serde(skip)]
    own: BTreeSet<Token>,
    /// Whether it is a company that was opened: nothing but its domain or account.
    #[serde(skip)]
    company: bool,
    /// Decisions about the person, and whether the gate allowed the action.
    #[serde(skip)]
    decided: BTreeMap<u64, bool>,
}

/// One opened key.
#[derive(Debug, Serialize)]
pub struct Occurrence {
    /// What it is.
    pub kind: String,
    /// The identifier, in clear: whoever has the opening has it too.
    pub identifier: String,
    /// The token that follows from the opening.
    pub token: Token,
    /// Entries in which it stands, disclosures not counted.
    pub entries: u64,
    /// Whether the ledger recorded that it disclosed it.
    pub disclosed: bool,
}

/// The first [`LISTED_MAX`] of something, and how many there are.
#[derive(Debug, Serialize)]
pub struct List<T> {
    /// How many.
    pub total: u64,
    /// The first of them.
    pub listed: Vec<T>,
}

/// A decision about the person.
#[derive(Debug, Serialize)]
pub struct Ask {
    /// The entry.
    pub seq: u64,
    /// When.
    pub time: Timestamp,
    /// What was decided.
    pub outcome: Outcome,
    /// Who asked.
    pub agent: String,
    /// For what.
    pub action: String,
    /// On whose behalf.
    pub seller: Option<String>,
    /// The indexes of the recipients that are the person.
    pub recipients: Vec<u64>,
    /// The reasons that concern the person, or the request as a whole.
    pub reasons: Vec<String>,
}

/// A report about a decision.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The entry.
    pub seq: u64,
    /// The decision.
    pub decision: u64,
    /// What became of it.
    pub status: String,
    /// Rules that it breaks.
    pub findings: Vec<String>,
}

/// A change of the list that concerns the person.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The entry.
    pub seq: u64,
    /// The listing within it; of one that ends, the one ended.
    pub index: u64,
    /// When it was recorded, and so bound.
    pub time: Timestamp,
    /// What was done.
    pub op: String,
    /// The kinds of key by which it concerns the person.
    pub by: Vec<String>,
    /// Why.
    pub reason: Option<String>,
    /// On whose behalf; on anybody's where absent.
    pub seller: Option<String>,
    /// By which channels; by any where empty.
    pub channels: Vec<String>,
    /// When the person asked.
    pub requested_at: Option<Timestamp>,
    /// A later start.
    pub effective_from: Option<Timestamp>,
    /// Its end, where it has one.
    pub expires_at: Option<Timestamp>,
    /// The entry that ended it.
    pub ended_by: Option<u64>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self {
            total: 0,
            listed: Vec::new(),
        }
    }
}

impl<T> List<T> {
    fn push(&mut self, item: T) {
        self.total += 1;
        if self.listed.len() < LISTED_MAX {
            self.listed.push(item);
        }
    }
}

/// An opened key with the token that follows from it.
pub(crate) fn token(key: &OpenedKey) -> Result<(Kind, Token), Failure> {
    let kind: Kind = key
        .kind
        .parse()
        .map_err(|error| Failure::unjudged("opening", format!("{error}")))?;
    let token = token_from_opening(&key.s, &kind, &key.identifier);
    Ok((kind, token))
}

/// Whether a key of this kind is one person's alone.
const fn is_own(kind: &Kind) -> bool {
    !matches!(kind, Kind::Domain | Kind::Account)
}

impl Person {
    /// The person of this opening.
    ///
    /// # Errors
    /// A kind of key that is not known.
    pub fn new(opening: &Opening) -> Result<Self, Failure> {
        let mut person = Self {
            keys: Vec::new(),
            allows: List::default(),
            refusals: List::default(),
            asserted: List::default(),
            executions: List::default(),
            executed_unallowed: 0,
            listings: List::default(),
            disclosures: List::default(),
            tokens: BTreeMap::new(),
            own: BTreeSet::new(),
            company: false,
            decided: BTreeMap::new(),
        };
        let mut all = BTreeSet::new();
        for (at, key) in opening.keys().iter().enumerate() {
            let (kind, token) = token(key)?;
            all.insert(token);
            if is_own(&kind) {
                person.own.insert(token);
            }
            person.tokens.insert(token, at);
            person.keys.push(Occurrence {
                kind: key.kind.clone(),
                identifier: key.identifier.clone(),
                token,
                entries: 0,
                disclosed: false,
            });
        }
        if person.own.is_empty() {
            person.company = true;
            person.own = all;
        }
        Ok(person)
    }

    /// Takes the next entry.
    pub fn see(&mut self, entry: &Entry) {
        match &entry.body {
            Body::Decision(decision) => self.see_decision(entry, decision),
            Body::Execution(execution) => self.see_execution(entry, execution),
            Body::Dnc(dnc) => self.see_dnc(entry, dnc),
            Body::Access(access) => {
                let tokens: Vec<Token> = access.tokens.iter().map(|key| key.token).collect();
                let mut concerned = false;
                for at in tokens.iter().filter_map(|token| self.tokens.get(token)) {
                    self.keys[*at].disclosed = true;
                    concerned = true;
                }
                if concerned {
                    self.disclosures.push(entry.seq);
                }
            }
            _ => {}
        }
    }

    /// Counts the opened keys among `tokens`, each once.
    fn occur(&mut self, tokens: impl Iterator<Item = Token>) -> BTreeSet<usize> {
        let found: BTreeSet<usize> = tokens
            .filter_map(|token| self.tokens.get(&token).copied())
            .collect();
        for at in &found {
            self.keys[*at].entries += 1;
        }
        found
    }

    fn is_own(&self, keys: &[Key]) -> bool {
        keys.iter().any(|key| self.own.contains(&key.token))
    }

    fn see_decision(&mut self, entry: &Entry, decision: &Decision) {
        let keys = decision
            .recipients
            .iter()
            .flat_map(|recipient| &recipient.keys);
        let targets = decision.targets.iter().filter_map(|target| target.id);
        self.occur(keys.map(|key| key.token).chain(targets));
        let recipients: Vec<u64> = (0u64..)
            .zip(&decision.recipients)
            .filter(|(_, recipient)| self.is_own(&recipient.keys))
            .map(|(index, _)| index)
            .collect();
        let target = decision
            .targets
            .iter()
            .any(|target| target.id.is_some_and(|id| self.own.contains(&id)));
        if recipients.is_empty() && !target {
            return;
        }
        let reasons = decision
            .reasons
            .iter()
            .filter(|reason| {
                reason
                    .recipient
                    .is_none_or(|index| recipients.contains(&index))
            })
            .map(|reason| match &reason.key {
                Some(key) => format!("{} by its {key}", word(&reason.code)),
                None => word(&reason.code),
            })
            .collect();
        let ask = Ask {
            seq: entry.seq,
            time: entry.time,
            outcome: decision.outcome,
            agent: decision.cause.actor.id.clone(),
            action: decision.action.clone(),
            seller: decision.seller.clone(),
            recipients,
            reasons,
        };
        let allowed = decision.outcome == Outcome::Allow;
        self.decided.insert(entry.seq, allowed);
        match (decision.basis, decision.outcome) {
            (Basis::Asserted, _) => self.asserted.push(ask),
            (Basis::Gate, Outcome::Allow) => self.allows.push(ask),
            (Basis::Gate, _) => self.refusals.push(ask),
        }
    }

    fn see_execution(&mut self, entry: &Entry, execution: &Execution) {
        if let Some(allowed) = self.decided.get(&execution.decision) {
            self.executed_unallowed += u64::from(!allowed);
            self.executions.push(Report {
                seq: entry.seq,
                decision: execution.decision,
                status: word(&execution.status),
                findings: execution.findings.iter().map(word).collect(),
            });
        }
    }

    fn see_dnc(&mut self, entry: &Entry, dnc: &Dnc) {
        let keys = dnc.listings.iter().flat_map(|listing| &listing.keys);
        self.occur(keys.map(|key| key.token));
        for (index, listing) in (0u64..).zip(&dnc.listings) {
            let by: Vec<String> = listing
                .keys
                .iter()
                .filter(|key| self.tokens.contains_key(&key.token))
                .map(|key| key.kind.to_string())
                .collect();
            if by.is_empty() {
                continue;
            }
            self.listings.push(Listed {
                seq: entry.seq,
                index,
                time: entry.time,
                op: match dnc.op {
                    DncOp::Exempt => "exempted".to_owned(),
                    DncOp::List | DncOp::Unlist | DncOp::ImportBegin | DncOp::ImportEnd => {
                        "listed".to_owned()
                    }
                },
                by,
                reason: listing.reason.as_ref().map(word),
                seller: listing.seller.clone(),
                channels: listing
                    .channels
                    .iter()
                    .map(|channel| channel.to_string())
                    .collect(),
                requested_at: listing.requested_at,
                effective_from: listing.effective_from,
                expires_at: listing.expires_at,
                ended_by: None,
            });
        }
        for end in &dnc.ends {
            let ended = self
                .listings
                .listed
                .iter_mut()
                .find(|listed| (listed.seq, Some(listed.index)) == (end.seq, end.index));
            if let Some(ended) = ended {
                ended.ended_by = Some(entry.seq);
            }
        }
    }
}
