//! An attacker with a key of his own changes one answer of the gate, and makes every hash and the
//! signature anew: replay still names the entry.

use std::collections::BTreeMap;
use std::path::Path;

use ledger_core::action::{Channel, Channels, Class};
use ledger_core::checkpoint::Checkpoint;
use ledger_core::entry::{Basis, Body, Decision, Entry, Outcome};
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::note::SigningKey;
use ledger_core::replay::Replay;
use ledger_core::tree::root_of;
use ledger_tests::bin;
use ledger_tests::{Ledger, Log};

/// What is flipped, and how many ways there are to flip it.
const KEYS: [&str; 7] = [
    "outcome",
    "class",
    "channels",
    "tier",
    "throttles",
    "reasons",
    "approval",
];

/// Every outcome, class, channel, tier, count, reason and approval of every gate decision is flipped.
pub(crate) fn every_answer_of_the_gate(log: &Log, folder: &Path) {
    let mut flipped: BTreeMap<&str, usize> = BTreeMap::new();
    let mut before = Replay::new();
    for (at, line) in log.entries.iter().enumerate() {
        let entry = Entry::decode(line).expect("an entry");
        if let Body::Decision(decision) = &entry.body
            && decision.basis == Basis::Gate
        {
            for (key, mutant) in mutants(decision) {
                let body = Body::Decision(Box::new(mutant));
                let forged = Entry {
                    body,
                    ..entry.clone()
                };
                let Ok(forged) = forged.encode() else {
                    continue;
                };
                let mut replay = before.clone();
                replay.push(&forged);
                let report = replay.finish();
                let named = report.mismatches.iter().any(|found| found.seq == entry.seq);
                assert!(
                    named,
                    "entry {}, `{key}`: {:?}",
                    entry.seq, report.mismatches
                );
                let count = flipped.entry(key).or_default();
                *count += 1;
                // The verifier itself says so of the first of each, whoever signed it.
                if *count == 1 {
                    refuted(log, at, &forged, &folder.join(format!("forged-{key}")));
                }
            }
        }
        before.push(line);
    }
    let missing: Vec<&str> = KEYS
        .into_iter()
        .filter(|key| !flipped.contains_key(key))
        .collect();
    assert!(missing.is_empty(), "never flipped: {missing:?}");
}

fn mutants(decision: &Decision) -> Vec<(&'static str, Decision)> {
    let mut all = Vec::new();
    let mut with = |key: &'static str, change: &dyn Fn(&mut Decision)| {
        let mut mutant = decision.clone();
        change(&mut mutant);
        if mutant != *decision {
            all.push((key, mutant));
        }
    };
    for outcome in [Outcome::Allow, Outcome::RequireApproval, Outcome::Deny] {
        with("outcome", &|mutant| mutant.outcome = outcome);
    }
    for class in Class::ALL {
        with("class", &|mutant| mutant.class = class);
    }
    for channels in [
        Channels::none(),
        Channels::all(),
        Channels::of(&[Channel::Sms]),
    ] {
        with("channels", &|mutant| mutant.channels = channels);
    }
    for tier in 0..=3 {
        with("tier", &|mutant| mutant.tier = Some(tier));
    }
    for at in 0..decision.throttles.len() {
        with("throttles", &|mutant| mutant.throttles[at].count += 1);
        with("throttles", &|mutant| drop(mutant.throttles.remove(at)));
    }
    for at in 0..decision.reasons.len() {
        with("reasons", &|mutant| drop(mutant.reasons.remove(at)));
    }
    // An approval that was not relied on is another request; so is one that was.
    with("approval", &|mutant| {
        mutant.approver = Some("approver.sales".to_owned());
    });
    if decision.approval.is_some() {
        with("approval", &|mutant| mutant.approval = None);
        with("approval", &|mutant| mutant.approver = None);
    }
    all
}

/// The verifier is told to trust the attacker's key, and refutes the log all the same.
pub(crate) fn refuted(log: &Log, at: usize, forged: &[u8], folder: &Path) {
    let key = SigningKey::from_seed(&[66; 32], Ledger::ORIGIN).expect("a name");
    let mut copy = log.clone();
    copy.entries[at] = forged.to_vec();
    // Genesis names the ledger's key: the attacker's stands there, too.
    let genesis = Entry::decode(&copy.entries[0]).expect("an entry");
    let Body::Genesis(mut body) = genesis.body.clone() else {
        panic!("a log begins with genesis");
    };
    body.key = key.verification_key().to_string();
    let genesis = Entry {
        body: Body::Genesis(body),
        ..genesis
    };
    copy.entries[0] = genesis.encode().expect("an entry");
    let leaves: Vec<Hash> = copy.entries.iter().map(|line| leaf_hash(line)).collect();
    let size = u64::try_from(leaves.len()).expect("in range");
    let checkpoint = Checkpoint::new(Ledger::ORIGIN, size, root_of(leaves));
    copy.checkpoint = checkpoint.sign(&key).expect("a checkpoint").to_bytes();
    copy.write(folder);
    let mut verify = bin::command("ledger-verify");
    verify
        .args(["replay", "--vkey", &key.verification_key().to_string()])
        .arg(folder);
    bin::run_within(&mut verify, std::time::Duration::from_mins(2))
        .expect(1)
        .says(&[&format!("entry {at}")]);
}
