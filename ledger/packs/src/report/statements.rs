//! What a pack proves, and what it does not: the same sentences in the report and in the verifier.

use std::collections::BTreeMap;

use ledger_core::entry::{Basis, Body, Outcome};

use super::words;
use crate::concern::Why;
use crate::reading::Reading;

/// How often each thing happened, among the entries concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decisions of the gate that allowed.
    pub allowed: u64,
    /// That denied.
    pub denied: u64,
    /// That asked for an approval.
    pub approval: u64,
    /// Decisions made elsewhere, and recorded here.
    pub asserted: u64,
    /// Reports that something was carried out, or tried.
    pub executions: u64,
    /// Of these, about a decision that was no allow.
    pub unallowed: u64,
    /// Later reports of providers, by event.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Allows that nobody reported on in time.
    pub unresolved: u64,
    /// Listings on the do-not-contact list.
    pub listings: u64,
    /// Of these, ended.
    pub ended: u64,
}

impl Counts {
    /// Counts the entries concerned.
    pub fn of(reading: &Reading) -> Self {
        let mut counts = Self::default();
        for (entry, why) in reading.told() {
            match (&entry.body, why) {
                (Body::Decision(decision), _) => {
                    let number = match (decision.basis, decision.outcome) {
                        (Basis::Asserted, _) => &mut counts.asserted,
                        (Basis::Gate, Outcome::Allow) => &mut counts.allowed,
                        (Basis::Gate, Outcome::Deny) => &mut counts.denied,
                        (Basis::Gate, Outcome::RequireApproval) => &mut counts.approval,
                    };
                    *number += 1;
                }
                (Body::Execution(execution), _) => {
                    counts.executions += 1;
                    let decision = reading.entries.get(&execution.decision);
                    let allowed = matches!(
                        decision.map(|entry| &entry.body),
                        Some(Body::Decision(decision)) if decision.outcome == Outcome::Allow
                    );
                    counts.unallowed += u64::from(!allowed);
                }
                (Body::Outcome(outcome), _) => {
                    *counts
                        .outcomes
                        .entry(words::event(outcome.event))
                        .or_default() += 1;
                }
                (Body::Unresolved(_), _) => counts.unresolved += 1,
                (_, Why::Listed { listings }) => counts.listings += listings.len() as u64,
                (_, Why::Ended { listings }) => counts.ended += listings.len() as u64,
                _ => {}
            }
        }
        counts
    }
}

/// What the pack is about, in a sentence.
pub fn subject(reading: &Reading) -> &'static str {
    match &reading.person {
        Some((person, _)) if person.is_company() => "this company",
        Some(_) => "this person",
        None => "this matter",
    }
}

/// What is proven to whoever trusts the ledger's key.
pub fn proves(reading: &Reading) -> Vec<String> {
    let (counts, who) = (Counts::of(reading), subject(reading));
    let access = reading.entries.get(&reading.access);
    let at = access.map_or_else(String::new, |entry| {
        format!(", on {}", words::time(entry.time))
    });
    let mut proven = vec![
        format!(
            "The ledger `{}` has recorded each of the {} entries in this pack at its place and with exactly this \
             content, and cannot deny it: whoever holds its key has signed a tree of hashes that contains them.",
            reading.checkpoint.checkpoint.origin,
            reading.entries.len()
        ),
        format!(
            "The ledger has recorded (entry {}{at}) that it searched its first {} entries and handed out exactly \
             the entries in this pack. None of them was taken out since, and none was put in.",
            reading.access, reading.searched
        ),
    ];
    if reading.person.is_some() {
        proven.push(format!(
            "The identifiers named in this pack belong to the pseudonyms in its entries, and every entry that is told \
             in the timeline names {who}, or is about an entry that does."
        ));
    }
    proven.push(format!(
        "Among these entries, {} allowed and {} refused by the ledger, and {} sent to a person for approval. Each \
         agrees with the entries that it cites: the do-not-contact listings, the policy, the approval.",
        were(counts.allowed, "request was", "requests were"),
        were(counts.denied, "was", "were"),
        were(counts.approval, "was", "were"),
    ));
    if counts.unallowed > 0 {
        proven.push(format!(
            "{} of something that the ledger had not allowed.",
            words::count(counts.unallowed, "report")
        ));
    }
    proven
}

fn were(number: u64, one: &str, many: &str) -> String {
    match number {
        0 => format!("no {one}").replace("no was", "none was"),
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    }
}

/// What is not.
pub fn does_not_prove(reading: &Reading) -> Vec<String> {
    let who = subject(reading);
    let contacted = if reading.person.is_some() {
        format!(
            "That {who} was not contacted. This pack shows what passed through the ledger. Whatever was sent past it, by \
             other programs or by hand, is not covered, so what can be said is that the ledger recorded no such thing. \
             It takes two things more: the whole log, for completeness, and the sending providers' own records."
        )
    } else {
        "That nothing else was done in this matter. Whatever was done past the ledger, or under another correlation id, \
         is not covered."
            .to_owned()
    };
    let mut not = vec![
        contacted,
        format!(
            "That there is no further entry about {who}. The ledger states that it has searched its log and found these; \
             that it has left none out shows in the whole log alone (`ledgerctl export`, then `ledger-verify log`, with \
             `person.opening` where there is one)."
        ),
        "That a listing which a decision cites was still in force, that nobody else was listed, and that the counts of \
         throttles are right. Each decision is checked against the entries that it cites directly; for the rest the whole \
         log has to be replayed (`ledger-verify replay`)."
            .to_owned(),
        "That requests, approvals and reports were made as they are recorded. The ledger attests them; the agents and \
         people did not sign them. Whoever holds the ledger and its keys could invent them. Witnesses who cosign its \
         checkpoints, and the providers' own records, bound what that could gain."
            .to_owned(),
        "What became of a message in truth. A provider's report is the provider's word; where there is none, that says \
         nothing either way."
            .to_owned(),
    ];
    if reading.person.is_some() {
        not.push(format!(
            "That {who} has no other addresses, numbers or ids than those named here, and that the ledger has used its \
             secret key for pseudonyms throughout."
        ));
    }
    not
}
