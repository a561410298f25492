//! Searching a log for what belongs in a pack: one pass over its lines, in memory that grows with what is
//! found and not with the log.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ledger_core::entry::{ActorType, Body, DecodeError, Entry};
use ledger_core::hash::Hash;
use ledger_core::time::Timestamp;

use crate::concern::{About, Concern};
use crate::marks::Marks;

/// The search. Feed it every line of the log, in order.
#[derive(Debug)]
pub struct Selection {
    concern: Concern,
    marks: Marks,
    /// The entry that registered, or last changed, each principal.
    registered: BTreeMap<String, u64>,
    concerned: BTreeSet<u64>,
    context: BTreeSet<u64>,
}

impl Selection {
    /// Nothing searched yet.
    pub fn new(about: About) -> Self {
        Self {
            concern: Concern::new(about),
            marks: Marks::default(),
            registered: BTreeMap::new(),
            concerned: BTreeSet::new(),
            context: BTreeSet::new(),
        }
    }

    /// Takes the next line. Most are looked at and not decoded.
    ///
    /// # Errors
    /// [`DecodeError`] where it is no entry.
    pub fn see(&mut self, seq: u64, line: &[u8]) -> Result<(), DecodeError> {
        let malformed = || DecodeError::Malformed {
            why: "its head is not that of an entry".to_owned(),
        };
        let text = std::str::from_utf8(line).map_err(|_| malformed())?;
        let (time, kind) = head(text).ok_or_else(malformed)?;
        self.marks.see(seq, time, kind);
        let principal = kind == "principal";
        if !principal && !self.concern.may(kind, text) {
            return Ok(());
        }
        let entry = Entry::decode(line)?;
        if self.concern.see(&entry).is_some() {
            self.concerned.insert(seq);
            self.acts(&entry);
        }
        if let Body::Principal(change) = entry.body {
            self.registered.insert(change.id, seq);
        }
        Ok(())
    }

    /// Whoever acts in this entry belongs in the pack too.
    pub fn acts(&mut self, entry: &Entry) {
        let actor = entry.body.actor();
        if let (ActorType::Principal(_), Some(seq)) = (actor.kind, self.registered.get(&actor.id)) {
            self.context.insert(*seq);
        }
    }

    /// The entry that registered, or last changed, a principal.
    pub fn registration(&self, id: &str) -> Option<u64> {
        self.registered.get(id).copied()
    }

    /// The entries concerned.
    pub const fn concerned(&self) -> &BTreeSet<u64> {
        &self.concerned
    }

    /// What else belongs in the pack, but for what the entries concerned cite: registrations and marks.
    pub fn context(&self) -> BTreeSet<u64> {
        let mut seqs = self.marks.seqs();
        seqs.extend(&self.context);
        seqs
    }
}

/// Time and kind, which stand in the same place in every entry.
fn head(line: &str) -> Option<(Timestamp, &str)> {
    let (_, rest) = line.split_once(",\"time\":\"")?;
    let (time, rest) = rest.split_once("\",\"kind\":\"")?;
    let (kind, _) = rest.split_once('"')?;
    Some((time.parse().ok()?, kind))
}

/// What the `access` entry says of a pack: SHA-256 over the lines
///
/// ```text
/// ledger-pack/v1
/// <the correlation id; empty of a person, whose tokens the entry names>
/// <details|plain>
/// <seq>
/// ...
/// ```
///
/// with the seqs of every entry of it but that one, ascending, and a line feed behind each line.
pub fn commitment(
    correlation_id: Option<&str>,
    details: bool,
    seqs: impl IntoIterator<Item = u64>,
) -> Hash {
    let mut text = format!(
        "ledger-pack/v1\n{}\n{}\n",
        correlation_id.unwrap_or_default(),
        if details { "details" } else { "plain" }
    );
    for seq in seqs {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{seq}");
    }
    Hash::of(text.as_bytes())
}
