//! A build that evaluates no conditions: it publishes none, and judges nothing that rests on them.

use std::collections::BTreeMap;

use ledger_core::entry::{Basis, Body, Decision, Entry, PolicyRef};
use ledger_core::judge::{JudgeError, judge};
use ledger_core::plan::Refusal;
use ledger_core::policy::{EVALUATOR, policy_hash};
use ledger_core::replay::replay;
use ledger_core::role::{Call, Role};

use super::ledger::{AGENTS, Ledger, caused, seconds};
use super::scene::{POLICY, publication};

const FILES: [(&str, &str); 1] = [(
    "rules.cedar",
    "@id(\"granted\") permit (principal, action, resource);",
)];

#[test]
fn it_refuses_to_publish_them() {
    assert_eq!(EVALUATOR, None);
    let mut ledger = Ledger::new();
    match ledger.submit(publication(POLICY, &FILES, "p"), seconds(0)) {
        Err(Refusal::Policy(errors)) => assert_eq!(
            errors.to_string(),
            "rules.cedar: holds conditions, which this build does not evaluate; use a build with the cargo \
             feature `cedar`, or take the file out"
        ),
        other => panic!("{other:?}"),
    }
}

/// A log as a build with conditions writes it: the policy, and a decision under it.
fn recorded() -> Vec<Entry> {
    let mut ledger = Ledger::new();
    let seq = ledger.publish(POLICY, seconds(0));
    let cause = caused(Call::Decide, Role::Agent, AGENTS[0], "r-1");
    let request = Decision::request(Basis::Gate, cause, "crm.read".to_owned());
    ledger.append(Body::Decision(Box::new(request)), seconds(1));
    let mut log: Vec<Entry> = ledger
        .lines
        .iter()
        .map(|line| Entry::decode(line).unwrap())
        .collect();
    let sha256 = policy_hash(&[("policy.toml", POLICY), FILES[0]]);
    for entry in &mut log {
        match &mut entry.body {
            Body::Boot(boot) => boot.evaluator = Some("cedar-policy 4.14.1".to_owned()),
            Body::Policy(policy) => {
                let Body::Policy(published) = publication(POLICY, &FILES, "p") else {
                    panic!("a policy")
                };
                policy.files = published.files;
                policy.sha256 = Some(sha256);
            }
            Body::Decision(decision) => decision.policy = Some(PolicyRef { seq, sha256 }),
            _ => {}
        }
    }
    log
}

#[test]
fn replay_says_what_it_takes_and_calls_nothing_wrong() {
    let log = recorded();
    let policy = log
        .iter()
        .position(|entry| matches!(entry.body, Body::Policy(_)))
        .unwrap();
    let report = replay(log.iter().map(|entry| entry.encode().unwrap()));
    assert_eq!(report.mismatches, []);
    let unverifiable = report.unverifiable.unwrap();
    assert_eq!(unverifiable.seq, policy as u64);
    assert!(
        unverifiable
            .what
            .contains("use a build with `--features cedar`"),
        "{}",
        unverifiable.what
    );
}

#[test]
fn evidence_under_them_cannot_be_judged() {
    let log = recorded();
    let (primary, others) = log.split_last().unwrap();
    let others: BTreeMap<u64, Entry> = others
        .iter()
        .filter(|entry| matches!(entry.body, Body::Genesis(_) | Body::Policy(_)))
        .map(|entry| (entry.seq, entry.clone()))
        .collect();
    match judge(primary, &others) {
        Err(error @ JudgeError::Unevaluated { .. }) => {
            assert_eq!(error.fault(), ledger_core::fault::Fault::Unjudged);
            assert!(error.to_string().contains("`--features cedar`"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}
