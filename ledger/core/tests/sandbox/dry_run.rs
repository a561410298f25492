//! Dry runs, against outcomes worked out by hand and against a naive count.

use ledger_core::action::Channels;
use ledger_core::dry_run::{DryRun, DryRunError, Report, Tokens};
use ledger_core::entry::{
    Body, Code, Decision, Dnc, DncOp, Entry, Listing, ListingReason, Outcome, Scope, Stop,
};
use ledger_core::normalise::Identifiers;
use ledger_core::policy::{Policy, policy_hash};
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use proptest::prelude::*;

use super::house::{AGENT, House, OPERATOR, at, micros};

use Outcome::{Allow, Deny, RequireApproval};

fn look(more: &str) -> String {
    format!(
        r#"
version = 1
[[action]]
name = "crm.lookup"
class = "read"
[[grant]]
id = "look"
agent = "agent.one"
actions = ["crm.lookup"]
{more}"#
    )
}

fn limited(limit: u64, window: &str) -> String {
    look(&format!(
        "[[throttle]]\nid = \"lookups\"\nactions = [\"crm.lookup\"]\nper = \"agent\"\nlimit = {limit}\nwindow = \"{window}\"\n"
    ))
}

fn send(approval: &str, more: &str) -> String {
    format!(
        r#"
version = 1
[[grant]]
id = "send"
agent = "agent.one"
actions = ["email.send"]
sellers = ["*"]
approval = "{approval}"
{more}"#
    )
}

fn run(house: &House, candidate: &str) -> Report {
    let mut tokens = Tokens::default();
    for seq in 0..house.size() {
        tokens.learn(&house.entry(seq));
    }
    run_with(house, candidate, &tokens)
}

fn run_with(house: &House, candidate: &str, tokens: &Tokens) -> Report {
    let files = [("policy.toml", candidate.as_bytes())];
    let policy = Policy::parse(&files).unwrap_or_else(|errors| panic!("{errors}"));
    let mut run = DryRun::new(policy, policy_hash(&files), tokens);
    for line in &house.lines {
        run.push(line).unwrap();
    }
    let report = run.finish();
    let judged: u64 = report.counts.iter().map(|count| count.decisions).sum();
    assert_eq!(report.decisions, judged + report.unjudged);
    assert_eq!(report.entries, house.size());
    report
}

fn ask(house: &mut House, now: Timestamp) -> (u64, Outcome) {
    let request = house.request("crm.lookup");
    let (seq, decision) = house.decide(request, now);
    (seq, decision.outcome)
}

fn mail(
    house: &mut House,
    address: &str,
    approval: Option<u64>,
    now: Timestamp,
) -> (u64, Decision) {
    let who = house.recipient(Identifiers {
        email: Some(address),
        ..Identifiers::default()
    });
    let mut request = Decision {
        seller: Some("acme".to_owned()),
        recipients: vec![who],
        tokens_v: Some(1),
        approval,
        ..house.request("email.send")
    };
    // What an approval is bound to: the same each time.
    request.cause.content = Some(ledger_core::hash::Hash::of(address.as_bytes()));
    house.decide(request, now)
}

/// Seq, recorded outcome and the candidate's, of what changes.
fn changes(report: &Report) -> Vec<(u64, Outcome, Outcome)> {
    assert_eq!(report.changed, report.changes.len() as u64);
    let each = report.changes.iter();
    each.map(|change| {
        (
            change.seq,
            change.recorded.outcome,
            change.candidate.outcome,
        )
    })
    .collect()
}

#[test]
fn throttles_count_what_the_candidate_allows() {
    let mut house = House::prod();
    house.publish(&limited(2, "10s"), at(1));
    let asked: Vec<(u64, Outcome)> = [10_000_000, 12_000_000, 19_999_999, 20_000_000, 21_000_000]
        .map(|time| ask(&mut house, micros(time)))
        .to_vec();
    let outcomes: Vec<Outcome> = asked.iter().map(|(_, outcome)| *outcome).collect();
    assert_eq!(outcomes, [Allow, Allow, Deny, Allow, Deny]);
    let seq = |index: usize| asked[index].0;

    let same = run(&house, &limited(2, "10s"));
    assert_eq!((same.changed, same.otherwise, same.unjudged), (0, 0, 0));
    // At 20 s what was allowed at 10 s has left, and that of 12 s is none of the candidate's.
    assert_eq!(
        changes(&run(&house, &limited(1, "10s"))),
        [(seq(1), Allow, Deny)]
    );
    // One microsecond more, and at 20 s that of 10 s still counts.
    let longer = run(&house, &limited(1, "11s"));
    assert_eq!(
        changes(&longer),
        [
            (seq(1), Allow, Deny),
            (seq(3), Allow, Deny),
            (seq(4), Deny, Allow)
        ]
    );
    // At 21 s there are those of 12, 19.999999 and 20 s.
    assert_eq!(
        changes(&run(&house, &limited(3, "10s"))),
        [(seq(2), Deny, Allow)]
    );
    let free = run(&house, &look(""));
    assert_eq!(
        changes(&free),
        [(seq(2), Deny, Allow), (seq(4), Deny, Allow)]
    );
    let change = &free.changes[0];
    assert_eq!(change.recorded.reasons[0].code, Code::ThrottleExceeded);
    assert!(
        change
            .candidate
            .reasons
            .iter()
            .any(|reason| reason.code == Code::GrantRow)
    );
    assert_eq!(
        (change.agent.as_str(), change.action.as_str()),
        (AGENT, "crm.lookup")
    );
}

proptest! {
    /// The candidate's outcomes, for any gaps and limits, are those of a list of times.
    #[test]
    fn a_naive_count_agrees(
        gaps in prop::collection::vec(prop_oneof![Just(1), Just(999_999), Just(1_000_000), Just(1_000_001), 0_i64..3_000_000], 1..40),
        recorded in (1_u64..4, 1_u64..5),
        candidate in (1_u64..4, 1_u64..5),
    ) {
        let text = |(limit, window): (u64, u64)| limited(limit, &format!("{window}s"));
        let mut house = House::prod();
        house.publish(&text(recorded), at(1));
        let mut now = 2_000_000;
        let mut expected = Vec::new();
        let mut kept: Vec<i64> = Vec::new();
        for gap in gaps {
            now += gap;
            let (seq, outcome) = ask(&mut house, micros(now));
            let window = i64::try_from(candidate.1).unwrap() * 1_000_000;
            let count = kept.iter().filter(|time| **time > now - window).count() as u64;
            let new = if count < candidate.0 { Allow } else { Deny };
            if new == Allow {
                kept.push(now);
            }
            if new != outcome {
                expected.push((seq, outcome, new));
            }
        }
        prop_assert_eq!(changes(&run(&house, &text(candidate))), expected);
    }
}

#[test]
fn before_any_policy_the_candidate_decides_too() {
    let mut house = House::prod();
    let (early, outcome) = ask(&mut house, at(1));
    assert_eq!(outcome, Deny);
    assert_eq!(changes(&run(&house, &look(""))), [(early, Deny, Allow)]);
}

#[test]
fn approvals_stay_as_recorded() {
    let mut house = House::prod();
    house.publish(&send("required", ""), at(1));
    let (first, asked) = mail(&mut house, "kim@northwind.com", None, at(2));
    let approval = house.approve(Err(first), at(3));
    let (second, allowed) = mail(&mut house, "kim@northwind.com", Some(approval), at(4));
    let (_, again) = mail(&mut house, "kim@northwind.com", Some(approval), at(5));
    assert_eq!(
        [asked.outcome, allowed.outcome, again.outcome],
        [RequireApproval, Allow, Deny]
    );

    assert_eq!(run(&house, &send("required", "")).changed, 0);
    let waived = run(&house, &send("waived", ""));
    // What names a spent approval is denied, whatever the policy.
    assert_eq!(changes(&waived), [(first, RequireApproval, Allow)]);
    // Nothing granted any more: no approval passes that.
    let none = run(&house, &look(""));
    assert_eq!(
        changes(&none),
        [(first, RequireApproval, Deny), (second, Allow, Deny)]
    );
    let counts: Vec<(Outcome, Outcome, u64)> = none
        .counts
        .iter()
        .map(|count| (count.recorded, count.candidate, count.decisions))
        .collect();
    assert_eq!(
        counts,
        [
            (Allow, Deny, 1),
            (RequireApproval, Deny, 1),
            (Deny, Deny, 1)
        ]
    );

    // And what only the candidate would have sent for approval has none.
    let mut free = House::prod();
    free.publish(&send("waived", ""), at(1));
    let (only, _) = mail(&mut free, "kim@northwind.com", None, at(2));
    assert_eq!(
        changes(&run(&free, &send("required", ""))),
        [(only, Allow, RequireApproval)]
    );
}

#[test]
fn the_list_and_stops_stay_as_recorded() {
    let mut house = House::prod();
    house.publish(&send("required", ""), at(1));
    let keys = house
        .recipient(Identifiers {
            email: Some("listed@northwind.com"),
            ..Identifiers::default()
        })
        .keys;
    let cause = house.cause(Call::AddDnc, Role::Operator, OPERATOR);
    let listing = Listing {
        keys: keys.into_iter().take(1).collect(),
        seller: None,
        channels: Channels::none(),
        reason: Some(ListingReason::Manual),
        source: None,
        requested_at: None,
        effective_from: None,
        expires_at: None,
        evidence: None,
    };
    let dnc = Dnc {
        listings: vec![listing],
        tokens_v: Some(1),
        ..serde_json::from_value(serde_json::json!({
            "request_id": cause.request_id, "call": "AddDnc", "content": cause.content, "actor": cause.actor,
            "op": DncOp::List,
        }))
        .unwrap()
    };
    house.append(Body::Dnc(dnc), at(2));
    let (listed, _) = mail(&mut house, "listed@northwind.com", None, at(3));
    let (other, _) = mail(&mut house, "other@northwind.com", None, at(3));
    let cause = house.cause(Call::Stop, Role::Operator, OPERATOR);
    let stop = Stop {
        cause,
        scope: Scope::All,
        voided: 0,
        details: std::collections::BTreeMap::new(),
    };
    house.append(Body::Stop(stop), at(4));
    let (stopped, _) = mail(&mut house, "other@northwind.com", None, at(5));
    assert!(listed < other && other < stopped);
    let waived = run(&house, &send("waived", ""));
    assert_eq!(changes(&waived), [(other, RequireApproval, Allow)]);
    // The denials stand, by the same outcome and for fewer reasons.
    assert_eq!(waived.otherwise, 2);
}

#[test]
fn what_hangs_on_an_unknown_name_is_not_judged() {
    let from = |names: &str| {
        look(&format!(
            "mailboxes = [{names}]\n[[throttle]]\nid = \"lookups\"\nactions = [\"crm.lookup\"]\nper = \"agent\"\nlimit = 2\nwindow = \"1h\"\n"
        ))
    };
    let mut house = House::prod();
    house.publish(&from("\"outbound-1\""), at(1));
    let request = Decision {
        mailbox: Some(house.mailbox("outbound-1")),
        ..house.request("crm.lookup")
    };
    let (one, allowed) = house.decide(request, at(2));
    let request = Decision {
        mailbox: Some(house.mailbox("outbound-2")),
        ..house.request("crm.lookup")
    };
    let (two, denied) = house.decide(request, at(3));
    let (three, bare) = ask(&mut house, at(4));
    assert_eq!(
        [allowed.outcome, denied.outcome, bare],
        [Allow, Deny, Allow]
    );

    let report = run(&house, &from("\"outbound-2\""));
    assert_eq!(
        report.unknown_mailboxes.iter().collect::<Vec<_>>(),
        ["outbound-2"]
    );
    // Either mailbox may be the one that the name stands for. A request without one hangs on nothing.
    assert_eq!(report.unjudged_seqs, [one, two]);
    assert_eq!((report.unjudged, report.changed), (2, 0));

    // With its token known, each is judged.
    let mut tokens = Tokens::default();
    tokens
        .mailboxes
        .insert("outbound-2".to_owned(), house.mailbox("outbound-2"));
    let report = run_with(&house, &from("\"outbound-2\""), &tokens);
    assert_eq!(changes(&report), [(one, Allow, Deny), (two, Deny, Allow)]);
    assert!(report.unknown_mailboxes.is_empty());

    // What is not judged is counted as it was recorded: the one allow takes one of one.
    let one_only = from("\"outbound-2\"").replace("limit = 2", "limit = 1");
    let report = run(&house, &one_only);
    assert_eq!(changes(&report), [(three, Allow, Deny)]);
}

#[test]
fn fake_domains_are_the_candidates() {
    let fake = |domains: &str| {
        send(
            "waived",
            &format!("[sandbox]\nfake_domains = [{domains}]\n"),
        )
    };
    let mut house = House::sandbox();
    house.publish(&fake("\"fake-northwind.com\""), at(1));
    let (inside, one) = mail(&mut house, "kim@mail.fake-northwind.com", None, at(2));
    let (outside, two) = mail(&mut house, "kim@northwind.com", None, at(3));
    let (reserved, three) = mail(&mut house, "kim@northwind.test", None, at(4));
    assert_eq!(
        [one.outcome, two.outcome, three.outcome],
        [Allow, Deny, Allow]
    );
    assert!(reserved > outside);
    assert_eq!(
        changes(&run(&house, &send("waived", ""))),
        [(inside, Allow, Deny)]
    );
    let report = run(&house, &fake("\"northwind.com\""));
    assert_eq!(
        report.unknown_fake_domains.iter().collect::<Vec<_>>(),
        ["northwind.com"]
    );
    assert_eq!(report.unjudged_seqs, [inside, outside]);
    // An entry's token without the name in its text says nothing.
    let mut widened = house.publication(&super::house::file(&send("waived", "")), OPERATOR);
    let token = house.recipient(Identifiers {
        email: Some("kim@northwind.com"),
        ..Identifiers::default()
    });
    widened
        .fake_domains
        .insert("northwind.com".to_owned(), token.keys[2].token);
    house.append(Body::Policy(widened), at(5));
    assert_eq!(
        mail(&mut house, "kim@northwind.com", None, at(6)).1.outcome,
        Deny
    );
}

#[test]
fn a_log_that_no_ledger_writes_ends_the_run() {
    let mut house = House::prod();
    house.publish(&look(""), at(1));
    let text = look("");
    let files = [("policy.toml", text.as_bytes())];
    let new = || {
        DryRun::new(
            Policy::parse(&files).unwrap(),
            policy_hash(&files),
            &Tokens::default(),
        )
    };
    let mut run = new();
    assert!(matches!(
        run.push(b"{}"),
        Err(DryRunError::Entry { seq: 0, .. })
    ));
    let mut run = new();
    run.push(&house.lines[0]).unwrap();
    assert!(matches!(
        run.push(&house.lines[2]),
        Err(DryRunError::Fold(_))
    ));
    let mut run = new();
    let mut genesis = house.entry(0);
    if let Body::Genesis(genesis) = &mut genesis.body {
        genesis.gate = 2;
    }
    assert!(matches!(
        run.push_decoded(&Entry { seq: 0, ..genesis }),
        Err(DryRunError::Unknown { seq: 0, .. })
    ));
}
