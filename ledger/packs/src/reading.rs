//! What the entries of a pack say, once everything about them that can be checked was.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::entry::{Access, ActorType, Body, DecodeError, Entry};
use ledger_core::evidence::ProvenEntry;
use ledger_core::hash::leaf_hash;
use ledger_core::judge::{Policies, judge_with, required};
use ledger_core::normalise::{Identifiers, Identity};
use ledger_core::opening::Opening;
use ledger_core::role::Call;
use ledger_core::token::{Kind, Token};
use ledger_core::tree::verify_inclusion;
use ledger_core::trust::VerifiedCheckpoint;

use crate::check::{Refused, Step, pass};
use crate::concern::{About, Concern, Person, Why};
use crate::coverage::{self, Coverage};
use crate::files::DetailLine;
use crate::manifest::{Manifest, Named};
use crate::marks::is_mark;
use crate::select::commitment;
use crate::{DETAILS_FILE, ENTRIES_FILE, MANIFEST_FILE, OPENING_FILE, PROOFS_FILE};

/// The content of a pack, not yet looked at.
#[derive(Debug, Clone)]
pub struct Material {
    /// The checkpoint, which the trust accepts.
    pub checkpoint: VerifiedCheckpoint,
    /// The entries, ascending.
    pub entries: Vec<ProvenEntry>,
    /// The opening's bytes.
    pub opening: Option<Vec<u8>>,
    /// What is kept outside the log, ascending.
    pub details: Vec<DetailLine>,
}

/// What the entries of a pack say.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The checkpoint that they are proven under.
    pub checkpoint: VerifiedCheckpoint,
    /// All entries, by seq.
    pub entries: BTreeMap<u64, Entry>,
    /// Those that are concerned, and why.
    pub concerned: BTreeMap<u64, Why>,
    /// Those that the ones concerned cite.
    pub cited: BTreeSet<u64>,
    /// The entry about this pack.
    pub access: u64,
    /// How many entries of the log were searched for it, from the first.
    pub searched: u64,
    /// Whom it is about.
    pub person: Option<(Person, Opening)>,
    /// What is kept outside the log, by entry.
    pub details: BTreeMap<u64, Vec<DetailLine>>,
    /// When the ledger was recording.
    pub coverage: Coverage,
}

impl Reading {
    /// Checks the content of a pack against its manifest and against itself, and takes down what was
    /// found.
    ///
    /// # Errors
    /// The first thing that is not as it must be.
    pub fn of(
        manifest: &Manifest,
        material: Material,
        steps: &mut Vec<Step>,
    ) -> Result<Self, Refused> {
        let Material {
            checkpoint,
            entries: proven,
            opening,
            details,
        } = material;
        ledger(manifest, &checkpoint)?;
        let entries = decoded(manifest, &checkpoint, proven)?;
        pass(
            steps,
            "inclusion",
            format!(
                "each of the {} entries in `{ENTRIES_FILE}` is in the log at its place, under this one checkpoint",
                entries.len()
            ),
        );
        genesis(&entries, &checkpoint)?;
        pass(
            steps,
            "genesis",
            "entry 0 created a ledger of this name with this key",
        );
        let (about, person) = about(manifest, opening)?;
        let mut concern = Concern::new(about);
        let concerned: BTreeMap<u64, Why> = entries
            .iter()
            .filter_map(|(seq, entry)| Some((*seq, concern.see(entry)?)))
            .collect();
        let searched = handed_out(manifest, &entries, person.as_ref())?;
        pass(
            steps,
            "handed out",
            format!(
                "entry {} records that the ledger searched its first {searched} entries and handed out exactly these: \
                 none is missing, none was added",
                manifest.access
            ),
        );
        if let Some((_, opening)) = &person {
            pass(
                steps,
                "opening",
                format!(
                    "the {} tokens that entry {} names are those of the identifiers in `{OPENING_FILE}`",
                    opening.keys().len(),
                    manifest.access
                ),
            );
        }
        let cited = cited(&entries, &concerned)?;
        let registered = registered(&entries, &concerned, manifest.access)?;
        surplus(&entries, manifest.access, |seq| {
            concerned.contains_key(&seq) || cited.contains(&seq) || registered.contains(&seq)
        })?;
        pass(
            steps,
            "entries",
            format!(
                "{} of them are concerned; every entry that these cite is here, and none that has no business here",
                concerned.len()
            ),
        );
        let policies = Policies::default();
        for seq in concerned.keys() {
            judged(*seq, &entries, &policies)?;
        }
        pass(
            steps,
            "judged",
            "each entry concerned agrees with what it cites, and decisions follow from that as far as it goes",
        );
        let details = kept_outside(manifest, details, &entries, &concerned, steps)?;
        let coverage = coverage::read(entries.values());
        Ok(Self {
            checkpoint,
            concerned,
            cited,
            access: manifest.access,
            searched,
            person,
            details,
            coverage,
            entries,
        })
    }

    /// Why an entry is concerned, where it is.
    pub fn why(&self, seq: u64) -> Option<&Why> {
        self.concerned.get(&seq)
    }

    /// The entries concerned, in the order of the log.
    pub fn told(&self) -> impl Iterator<Item = (&Entry, &Why)> {
        self.concerned
            .iter()
            .filter_map(|(seq, why)| Some((self.entries.get(seq)?, why)))
    }
}

/// The manifest names the ledger that has signed.
fn ledger(manifest: &Manifest, checkpoint: &VerifiedCheckpoint) -> Result<(), Refused> {
    let (tree, named) = (&checkpoint.checkpoint, &manifest.ledger);
    let pairs = [
        ("origin", named.origin.clone(), tree.origin.clone()),
        ("key", named.key.clone(), checkpoint.key.to_string()),
        ("size", named.size.to_string(), tree.size.to_string()),
        ("root", named.root.to_string(), tree.root.to_string()),
    ];
    for (what, found, expected) in pairs {
        if found != expected {
            let words = format!(
                "`{MANIFEST_FILE}` says the {what} `{}`, expected that of the checkpoint, `{expected}`",
                found.escape_debug()
            );
            return Err(Refused::refuted("checkpoint", words));
        }
    }
    Ok(())
}

fn decoded(
    manifest: &Manifest,
    checkpoint: &VerifiedCheckpoint,
    proven: Vec<ProvenEntry>,
) -> Result<BTreeMap<u64, Entry>, Refused> {
    let tree = &checkpoint.checkpoint;
    if proven.len() as u64 != manifest.entries {
        let words = format!(
            "`{ENTRIES_FILE}` has {} entries, and `{MANIFEST_FILE}` says {}",
            proven.len(),
            manifest.entries
        );
        return Err(Refused::refuted("files", words));
    }
    let mut entries = BTreeMap::new();
    let mut last = None;
    for ProvenEntry { seq, entry, proof } in proven {
        verify_inclusion(&leaf_hash(&entry), seq, tree.size, &proof, &tree.root).map_err(
            |error| {
                let words = format!(
                    "`{ENTRIES_FILE}`, entry {seq}, by its proof in `{PROOFS_FILE}`: {error}"
                );
                Refused::refuted("inclusion", words)
            },
        )?;
        let entry = Entry::decode(&entry).map_err(|error| match error {
            DecodeError::Unknown { what } => Refused::unjudged(
                "entries",
                format!("entry {seq}: {what} is not known to this version"),
            ),
            DecodeError::Malformed { why } => Refused::refuted(
                "entries",
                format!("entry {seq} was signed, but is not an entry: {why}"),
            ),
        })?;
        if entry.seq != seq {
            let words = format!(
                "the entry at {seq} says seq `{}`, expected its place",
                entry.seq
            );
            return Err(Refused::refuted("entries", words));
        }
        if last.is_some_and(|last| entry.time < last) {
            let words = format!("the time of entry {seq} is before that of the one before it");
            return Err(Refused::refuted("entries", words));
        }
        last = Some(entry.time);
        entries.insert(seq, entry);
    }
    Ok(entries)
}

fn genesis(entries: &BTreeMap<u64, Entry>, checkpoint: &VerifiedCheckpoint) -> Result<(), Refused> {
    let Some(Body::Genesis(genesis)) = entries.get(&0).map(|entry| &entry.body) else {
        return Err(Refused::unjudged(
            "genesis",
            "entry 0, which created the ledger, is missing",
        ));
    };
    let key = checkpoint.key.to_string();
    if genesis.origin != checkpoint.checkpoint.origin || genesis.key != key {
        let words = format!(
            "genesis names `{}` with the key `{}`, expected those of the checkpoint",
            genesis.origin, genesis.key
        );
        return Err(Refused::refuted("genesis", words));
    }
    Ok(())
}

/// What the pack is about, and the opening that belongs to it.
fn about(
    manifest: &Manifest,
    opening: Option<Vec<u8>>,
) -> Result<(About, Option<(Person, Opening)>), Refused> {
    match (
        &manifest.query.person,
        &manifest.query.correlation_id,
        opening,
    ) {
        (None, Some(id), None) => Ok((About::Correlation(id.clone()), None)),
        (Some(named), None, Some(bytes)) => {
            let opening = Opening::parse(&bytes).map_err(|error| {
                Refused::new(
                    error.fault(),
                    "opening",
                    format!("`{OPENING_FILE}`: {error}"),
                )
            })?;
            opens(named, &opening)?;
            let person = Person::opened(&opening).map_err(|error| {
                Refused::unjudged("opening", format!("`{OPENING_FILE}`: {error}"))
            })?;
            Ok((About::Person(person.clone()), Some((person, opening))))
        }
        _ => Err(Refused::refuted(
            "query",
            format!(
                "`{MANIFEST_FILE}` must ask about a person, with `{OPENING_FILE}`, or about a correlation id, without"
            ),
        )),
    }
}

/// The opening opens exactly the keys of the person who was named.
fn opens(named: &Named, opening: &Opening) -> Result<(), Refused> {
    let identity = Identity::of(Identifiers {
        email: named.email.as_deref(),
        phone: named.phone.as_deref(),
        contact: named.contact_id.as_deref(),
        account: named.account_id.as_deref(),
    });
    let asked: BTreeSet<(String, &str)> = identity
        .keys
        .iter()
        .map(|key| (key.kind.to_string(), key.identifier.as_str()))
        .collect();
    let opened: BTreeSet<(String, &str)> = opening
        .keys()
        .iter()
        .map(|key| (key.kind.clone(), key.identifier.as_str()))
        .collect();
    if asked == opened && identity.unusable.is_empty() {
        return Ok(());
    }
    let words = format!(
        "`{OPENING_FILE}` opens other keys than those of the person that `{MANIFEST_FILE}` names"
    );
    Err(Refused::refuted("opening", words))
}

/// Checks the entry about this pack. Says how much of the log was searched.
fn handed_out(
    manifest: &Manifest,
    entries: &BTreeMap<u64, Entry>,
    person: Option<&(Person, Opening)>,
) -> Result<u64, Refused> {
    let refuted = |what: String| {
        let words = format!("entry {}, about this pack, {what}", manifest.access);
        Err(Refused::refuted("handed out", words))
    };
    let access: &Access = match entries.get(&manifest.access).map(|entry| &entry.body) {
        Some(Body::Access(access)) if access.call == Call::GetPack => access,
        Some(body) => {
            return refuted(format!(
                "is a `{}`, expected the access by `GetPack`",
                body.kind()
            ));
        }
        None => {
            let words = format!("entry {}, about this pack, is missing", manifest.access);
            return Err(Refused::unjudged("handed out", words));
        }
    };
    if access.actor.id != manifest.principal {
        return refuted(format!(
            "names `{}`, and `{MANIFEST_FILE}` says `{}`",
            access.actor.id,
            manifest.principal.escape_debug()
        ));
    }
    let named: BTreeMap<Token, Kind> = access
        .tokens
        .iter()
        .map(|key| (key.token, key.kind.clone()))
        .collect();
    let opened = person.map(|(person, _)| person.tokens().clone());
    if named != opened.unwrap_or_default() {
        return refuted(format!(
            "names other tokens than those that `{OPENING_FILE}` leads to"
        ));
    }
    let (Some(0), Some(searched)) = (access.from, access.to) else {
        return refuted("does not say that the log was searched from its first entry".to_owned());
    };
    let seqs = entries
        .keys()
        .copied()
        .filter(|seq| *seq != manifest.access);
    let query = &manifest.query;
    let expected = commitment(query.correlation_id.as_deref(), query.details, seqs);
    if access.pack != Some(expected) {
        return refuted(format!(
            "records that other entries were handed out, or to another query, than `{ENTRIES_FILE}` holds and \
             `{MANIFEST_FILE}` says:\n  expected {}\n  found    {expected}",
            access
                .pack
                .map_or_else(|| "no such hash".to_owned(), |hash| hash.to_string())
        ));
    }
    if let Some(later) = entries
        .keys()
        .find(|seq| **seq >= searched && **seq != manifest.access)
    {
        return refuted(format!(
            "says that {searched} entries were searched, and {later} is here"
        ));
    }
    Ok(searched)
}

/// The entries that those concerned cite, all of which must be there.
fn cited(
    entries: &BTreeMap<u64, Entry>,
    concerned: &BTreeMap<u64, Why>,
) -> Result<BTreeSet<u64>, Refused> {
    let mut all = BTreeSet::new();
    for seq in concerned.keys() {
        for cited in needed(*seq, entries) {
            if !entries.contains_key(&cited) {
                let words = format!("entry {cited} is missing, which entry {seq} cites");
                return Err(Refused::unjudged("entries", words));
            }
            all.insert(cited);
        }
    }
    Ok(all)
}

fn needed(seq: u64, entries: &BTreeMap<u64, Entry>) -> BTreeSet<u64> {
    let Some(entry) = entries.get(&seq) else {
        return BTreeSet::new();
    };
    required(entry, |seq| {
        Ok::<_, std::convert::Infallible>(entries.get(&seq))
    })
    .unwrap_or_else(|never| match never {})
}

/// The entries that registered whoever acts: for each, the last before the act.
fn registered(
    entries: &BTreeMap<u64, Entry>,
    concerned: &BTreeMap<u64, Why>,
    access: u64,
) -> Result<BTreeSet<u64>, Refused> {
    let mut latest = BTreeMap::new();
    let mut used = BTreeSet::new();
    for (seq, entry) in entries {
        let actor = entry.body.actor();
        if let ActorType::Principal(role) = actor.kind
            && (concerned.contains_key(seq) || *seq == access)
        {
            let Some((registration, registered)) = latest.get(actor.id.as_str()) else {
                let words = format!(
                    "the entry that registered `{}`, who acts in entry {seq}, is missing",
                    actor.id
                );
                return Err(Refused::unjudged("entries", words));
            };
            if role != *registered {
                let words = format!(
                    "`{}` acts in entry {seq} as {role}, and entry {registration} registered {registered}",
                    actor.id
                );
                return Err(Refused::refuted("entries", words));
            }
            used.insert(*registration);
        }
        if let Body::Principal(change) = &entry.body {
            latest.insert(change.id.as_str(), (*seq, change.role));
        }
    }
    Ok(used)
}

fn surplus(
    entries: &BTreeMap<u64, Entry>,
    access: u64,
    belongs: impl Fn(u64) -> bool,
) -> Result<(), Refused> {
    let stranger = entries
        .iter()
        .find(|(seq, entry)| **seq != access && !is_mark(&entry.body) && !belongs(**seq));
    match stranger {
        None => Ok(()),
        Some((seq, entry)) => Err(Refused::refuted(
            "entries",
            format!(
                "entry {seq}, a `{}`, has no business here: it does not concern what was asked about, and nothing that \
                 does cites it",
                entry.body.kind()
            ),
        )),
    }
}

fn judged(seq: u64, entries: &BTreeMap<u64, Entry>, policies: &Policies) -> Result<(), Refused> {
    let Some(entry) = entries.get(&seq) else {
        return Ok(());
    };
    let others: BTreeMap<u64, &Entry> = needed(seq, entries)
        .into_iter()
        .filter_map(|cited| Some((cited, entries.get(&cited)?)))
        .collect();
    judge_with(entry, &others, policies)
        .map(drop)
        .map_err(|error| Refused::new(error.fault(), "judged", error))
}

/// Checks what is kept outside the log against what the entries commit to.
fn kept_outside(
    manifest: &Manifest,
    details: Vec<DetailLine>,
    entries: &BTreeMap<u64, Entry>,
    concerned: &BTreeMap<u64, Why>,
    steps: &mut Vec<Step>,
) -> Result<BTreeMap<u64, Vec<DetailLine>>, Refused> {
    let number = details.len();
    let mut by_entry: BTreeMap<u64, Vec<DetailLine>> = BTreeMap::new();
    for line in details {
        let expected = entries
            .get(&line.seq)
            .filter(|_| concerned.contains_key(&line.seq))
            .and_then(|entry| entry.body.details())
            .and_then(|details| details.get(&line.name));
        if !expected.is_some_and(|expected| line.is_committed(expected)) {
            let words = format!(
                "`{DETAILS_FILE}`: `{}` of entry {} is not what that entry commits to",
                line.name.as_str(),
                line.seq
            );
            return Err(Refused::refuted("details", words));
        }
        by_entry.entry(line.seq).or_default().push(line);
    }
    if manifest.query.details {
        pass(
            steps,
            "details",
            format!(
                "each of the {number} details in `{DETAILS_FILE}` is what its entry commits to"
            ),
        );
    }
    Ok(by_entry)
}
