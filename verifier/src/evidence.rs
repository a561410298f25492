//! `ledger-verify evidence`: that a decision was recorded, on what it cites.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::entry::{Basis, Body, Decision, Entry, Key, Outcome};
use ledger_core::evidence::{EVIDENCE_BYTES_MAX, Evidence};
use ledger_core::judge::{Judgement, judge};
use ledger_core::opening::Opening;
use ledger_core::token::{Kind, Token};
use ledger_core::trust::Trust;
use serde::Serialize;
use serde_json::Value;

use crate::export::genesis;
use crate::person::token;
use crate::receipt::decode;
use crate::transcript::{Failure, Transcript};
use crate::words::count;
use crate::{anchor, input, words};

/// Verifies the evidence named.
pub fn run(name: &str, opening: Option<&Opening>, trust: &Trust) -> Transcript {
    let mut transcript = Transcript::new("evidence");
    anchor::say(trust, &mut transcript);
    if let Err(failure) = check(name, opening, trust, &mut transcript) {
        transcript.failed(failure);
    }
    transcript
}

fn check(
    name: &str,
    opening: Option<&Opening>,
    trust: &Trust,
    transcript: &mut Transcript,
) -> Result<(), Failure> {
    let bytes = input::read(name, EVIDENCE_BYTES_MAX)?;
    let evidence =
        Evidence::parse(&bytes).map_err(|error| Failure::new(error.fault(), "evidence", error))?;
    let checkpoint = anchor::checkpoint(trust, evidence.checkpoint(), "checkpoint", transcript)?;
    evidence
        .verify(trust)
        .map_err(|error| Failure::new(error.fault(), "inclusion", error))?;
    let seqs: Vec<String> = evidence
        .entries()
        .map(|entry| entry.seq.to_string())
        .collect();
    transcript.passed(
        "inclusion",
        format!(
            "each of the entries {} is in the log at its place, under this one checkpoint",
            seqs.join(", ")
        ),
    );
    let primary = decode(evidence.primary().seq, &evidence.primary().entry)?;
    let mut others = BTreeMap::new();
    for other in evidence.others() {
        others.insert(other.seq, decode(other.seq, &other.entry)?);
    }
    transcript.passed(
        "entry",
        format!(
            "{}, {}: {}",
            primary.seq,
            primary.body.kind(),
            words::entry(&primary)
        ),
    );
    let judgement =
        judge(&primary, &others).map_err(|error| Failure::new(error.fault(), "cites", error))?;
    transcript.passed(
        "cites",
        format!(
            "every entry that {} cites is here, and none that it does not cite",
            primary.seq
        ),
    );
    genesis(&others.get(&0).unwrap_or(&primary).body, &checkpoint)?;
    transcript.passed(
        "genesis",
        "entry 0 created a ledger of this name with this key",
    );
    for shown in &judgement.shown {
        transcript.passed(shown.check, &shown.words);
    }
    transcript.fact("seq", primary.seq);
    transcript.fact("checkpoint", anchor::fact(&checkpoint));
    transcript.fact(
        "entry",
        serde_json::from_slice::<Value>(&evidence.primary().entry).unwrap_or_default(),
    );
    transcript.fact("judgement", &judgement);
    let persons = match opening {
        Some(opening) => Some(open(opening, &primary, &others, transcript)?),
        None => None,
    };
    say(&primary, &judgement, persons.as_deref(), transcript);
    Ok(())
}

/// What was proven, and what not.
fn say(
    primary: &Entry,
    judgement: &Judgement,
    opened: Option<&[Match]>,
    transcript: &mut Transcript,
) {
    transcript.proves(format!(
        "The ledger has recorded entry {} and everything that it cites, in this order, and cannot deny it.",
        primary.seq
    ));
    if let Body::Decision(decision) = &primary.body {
        transcript.proves(decided(primary, decision, judgement));
        if let Some(opened) = opened {
            transcript.proves(who(decision, opened));
        }
    } else if opened.is_some() {
        transcript
            .proves("The identifiers of the opening belong to the tokens that it names above.");
    }
    match opened {
        Some(_) => transcript.does_not_prove(
            "That this person has no other tokens: one token for one identifier only holds if the daemon used \
             its subject key throughout.",
        ),
        None => transcript.does_not_prove(
            "Who the people concerned are: no person is identified without an opening (--opening).",
        ),
    }
    for words in &judgement.not_shown {
        transcript.does_not_prove(words);
    }
    transcript.does_not_prove(
        "That the request was made as recorded: requests are attested by the daemon, not signed by agents.",
    );
    transcript.does_not_prove(
        "That nothing was sent: sends that bypass the ledger are not covered, and other requests may have been \
         allowed. A whole log shows the latter (`log --opening`, `replay`).",
    );
}

fn decided(primary: &Entry, decision: &Decision, judgement: &Judgement) -> String {
    let outcome = match decision.outcome {
        Outcome::Allow => "allowed",
        Outcome::RequireApproval => "sent for approval",
        Outcome::Deny => "denied",
    };
    // One listing can name a person by several keys.
    let cites: BTreeSet<_> = judgement
        .listings
        .iter()
        .map(|relied| relied.cite)
        .collect();
    let on = if cites.is_empty() {
        String::new()
    } else {
        format!(" on {}", count(cites.len() as u64, "cited listing"))
    };
    let by = match (decision.basis, decision.policy) {
        (Basis::Asserted, _) => " by another engine, and recorded".to_owned(),
        (Basis::Gate, Some(policy)) => format!(" under the policy of entry {}", policy.seq),
        (Basis::Gate, None) => " without any policy".to_owned(),
    };
    format!(
        "At {}, `{}` by `{}` was {outcome}{on}{by}.",
        primary.time, decision.action, decision.cause.actor.id
    )
}

/// An opened key where it was found.
#[derive(Debug, Serialize)]
struct Match {
    kind: Kind,
    identifier: String,
    token: Token,
    /// The recipients of the decision that carry it.
    recipients: Vec<u64>,
    /// Whether a target of the decision carries it.
    target: bool,
    /// The listings of a `dnc` entry that name it.
    listings: Vec<u64>,
}

impl Match {
    const fn is_found(&self) -> bool {
        self.target || !self.recipients.is_empty() || !self.listings.is_empty()
    }

    /// Whether it is one person's alone: somebody else can have the same domain or account.
    const fn is_own(&self) -> bool {
        !matches!(self.kind, Kind::Domain | Kind::Account)
    }
}

/// Finds the opened keys in the entry that names people.
fn open(
    opening: &Opening,
    primary: &Entry,
    others: &BTreeMap<u64, Entry>,
    transcript: &mut Transcript,
) -> Result<Vec<Match>, Failure> {
    let about = subject(primary, others);
    let mut found = Vec::new();
    for key in opening.keys() {
        let (kind, token) = token(key)?;
        found.push(locate(about, kind, key.identifier.clone(), token));
    }
    transcript.fact("opening", &found);
    for one in &found {
        let name = format!("{} `{}`", one.kind, one.identifier);
        if one.is_found() {
            let words = format!("{name} is {}", places(one));
            transcript.passed("opening", words);
        } else {
            let words = format!("{name} (token {}) is not in entry {}", one.token, about.seq);
            transcript.noted("opening", words);
        }
    }
    // With an address or id of the person's own it is not enough that somebody shares their domain.
    let own = found.iter().any(Match::is_own);
    if !found
        .iter()
        .any(|one| one.is_found() && (one.is_own() || !own))
    {
        let words = format!(
            "no token of this opening is that of somebody whom entry {} names: it is another person's, or its \
             secrets are not the ledger's",
            about.seq
        );
        return Err(Failure::refuted("opening", words));
    }
    Ok(found)
}

/// The entry that names people: the primary one, or the decision that it is about.
fn subject<'a>(primary: &'a Entry, others: &'a BTreeMap<u64, Entry>) -> &'a Entry {
    let decision = match &primary.body {
        Body::Execution(execution) => Some(execution.decision),
        Body::Outcome(outcome) => outcome.decision,
        Body::Unresolved(unresolved) => Some(unresolved.decision),
        _ => None,
    };
    decision.and_then(|seq| others.get(&seq)).unwrap_or(primary)
}

fn locate(about: &Entry, kind: Kind, identifier: String, token: Token) -> Match {
    let has = |keys: &[Key]| {
        keys.iter()
            .any(|key| key.kind == kind && key.token == token)
    };
    let (mut recipients, mut target, mut listings) = (Vec::new(), false, Vec::new());
    match &about.body {
        Body::Decision(decision) => {
            recipients = indexes(
                decision
                    .recipients
                    .iter()
                    .map(|recipient| has(&recipient.keys)),
            );
            target = decision
                .targets
                .iter()
                .any(|target| target.id == Some(token));
        }
        Body::Dnc(dnc) => listings = indexes(dnc.listings.iter().map(|listing| has(&listing.keys))),
        _ => {}
    }
    Match {
        kind,
        identifier,
        token,
        recipients,
        target,
        listings,
    }
}

fn indexes(found: impl Iterator<Item = bool>) -> Vec<u64> {
    (0u64..)
        .zip(found)
        .filter_map(|(index, found)| found.then_some(index))
        .collect()
}

fn places(one: &Match) -> String {
    let list = |what: &str, indexes: &[u64]| {
        let indexes: Vec<String> = indexes.iter().map(u64::to_string).collect();
        (!indexes.is_empty()).then(|| format!("{what} {}", indexes.join(", ")))
    };
    let places = [
        list("recipient", &one.recipients),
        one.target.then(|| "a target".to_owned()),
        list("listing", &one.listings),
    ];
    places
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" and ")
}

/// Who was concerned, in one sentence.
fn who(decision: &Decision, opened: &[Match]) -> String {
    let own = opened.iter().any(Match::is_own);
    let found: Vec<&Match> = opened
        .iter()
        .filter(|one| one.is_found() && (one.is_own() || !own))
        .collect();
    let mut recipients: Vec<u64> = found
        .iter()
        .flat_map(|one| one.recipients.clone())
        .collect();
    recipients.sort_unstable();
    recipients.dedup();
    let mut names: Vec<String> = Vec::new();
    for one in &found {
        // Most addresses are their own canonical form.
        let name = format!("`{}`", one.identifier);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let names = names.join(", ");
    let Some(first) = recipients.first() else {
        return format!("{names} is a target of this action, not a recipient.");
    };
    let about: Vec<String> = decision
        .reasons
        .iter()
        .filter(|reason| {
            reason
                .recipient
                .is_some_and(|index| recipients.contains(&index))
        })
        .map(|reason| match &reason.key {
            Some(key) => format!("{} by its {key}", words::word(&reason.code)),
            None => words::word(&reason.code),
        })
        .collect();
    let because = if about.is_empty() {
        "no reason concerns this recipient alone".to_owned()
    } else {
        about.join(", ")
    };
    let what = match decision.outcome {
        Outcome::Allow => "allowed",
        Outcome::RequireApproval => "sent for approval",
        Outcome::Deny => "refused",
    };
    format!(
        "{names} is recipient {first}: the action that would reach this person was {what} ({because})."
    )
}
