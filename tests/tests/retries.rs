//! Retries: the same request brings the first answer again, under whatever checkpoint now covers it, and
//! counts once; with anything else under its id it is an error.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Client, Line, Refused, Site, sales_policy, site};
use tonic::Code;

async fn house() -> (Site, Client) {
    let site = Site::with_policy(&sales_policy()).await;
    let agent = site.principal("agent.outbound.sender", Role::Agent).await;
    (site, agent)
}

/// An e-mail to somebody whom nobody has written to.
fn decide(change: impl FnOnce(&mut pb::DecideRequest)) -> pb::DecideRequest {
    let id = site::fresh("ask");
    let request = ask::email(&id, "run-1", &format!("{id}@{id}.example"), &id);
    with(request, change)
}

/// The entry of a decision, whose receipt must verify.
fn entry(site: &Site, reply: &pb::DecideReply) -> Line {
    let receipt = reply
        .receipt
        .as_ref()
        .expect("every decision has a receipt");
    let verified = ledger_tests::core_receipt(receipt).verify(&site.verifier().trust());
    assert_eq!(verified.expect("a receipt that verifies").seq, receipt.seq);
    Line::parse(&receipt.entry)
}

#[tokio::test]
async fn the_same_request_again_brings_the_first_answer_and_counts_once() {
    let (site, agent) = house().await;
    let other = site.principal("agent.routing", Role::Agent).await;
    let request = decide(|r| {
        r.action_id = "act-1".into();
        r.details = vec![ask::detail(
            pb::DetailName::Params,
            r#"{"subject":"hello","token":"secret"}"#,
        )];
    });
    let first = agent.decide(request.clone()).await.expect("decided");
    let (seq, line) = first
        .receipt
        .as_ref()
        .map(|receipt| (receipt.seq, receipt.entry.clone()))
        .expect("a receipt");
    for _ in 0..3 {
        let before = site.operator.size().await;
        let again = agent.decide(request.clone()).await.expect("decided");
        assert!(again.repeated && !first.repeated && again.usable);
        assert_eq!(
            (again.outcome, &again.reasons, again.valid_until),
            (first.outcome, &first.reasons, first.valid_until)
        );
        entry(&site, &again);
        let receipt = again.receipt.expect("a receipt");
        assert_eq!((receipt.seq, &receipt.entry), (seq, &line));
        assert_eq!(site.operator.size().await, before, "nothing is written");
    }
    // The same person again, by another request: the first one has counted once.
    let again = decide(|r| r.recipients.clone_from(&request.recipients));
    let denied = entry(&site, &agent.decide(again).await.expect("decided"));
    let count = denied.0["throttles"]
        .as_array()
        .expect("counts")
        .iter()
        .find(|count| count["rule"] == "person-day")
        .cloned();
    assert_eq!(count.expect("the rule matches")["count"], 1);

    let before = site.operator.size().await;
    for (what, changed) in [
        (
            "content",
            with(request.clone(), |r| r.seller = "globex".into()),
        ),
        (
            "a detail",
            with(request.clone(), |r| {
                r.details[0].value = r#"{"subject":"hello","token":"other"}"#.into();
            }),
        ),
        (
            "a recipient",
            with(request.clone(), |r| {
                r.recipients[0].identifiers = Some(ask::person("x@y.example", "c"));
            }),
        ),
        (
            "the correlation id",
            with(request.clone(), |r| r.correlation_id = "run-2".into()),
        ),
        (
            "the action id",
            with(request.clone(), |r| r.action_id = "act-2".into()),
        ),
        (
            "the version",
            with(request.clone(), |r| r.agent_version = "v2".into()),
        ),
    ] {
        let refused =
            Refused::of(what, agent.decide(changed).await).code(what, Code::AlreadyExists);
        refused.says(what, &[&request.request_id, &seq.to_string()]);
    }
    assert_eq!(site.operator.size().await, before, "nothing is written");

    // Another principal's request id, and another call's, are other keys.
    let theirs = other
        .decide(ask::act(&request.request_id, "run-9", "crm.read"))
        .await
        .expect("decided");
    assert!(!theirs.repeated);
    let report = ask::executed(&request.request_id, "run-1", seq);
    let reported = agent.record(report.clone()).await.expect("recorded");
    assert!(!reported.repeated && reported.findings.is_empty());
    let again = agent.record(report).await.expect("recorded");
    assert!(
        again.repeated && again.findings.is_empty(),
        "a retry is no second execution: {:?}",
        again.findings
    );
    let used = agent.decide(request).await.expect("decided");
    assert!(
        used.repeated && !used.usable,
        "an allow is for one execution"
    );

    let listing = || {
        ask::list(
            "dnc-1",
            vec![ask::listing(ask::someone(ask::person(
                "ben@buyer.example",
                "",
            )))],
        )
    };
    let first = site.operator.add_dnc(listing()).await.expect("listed");
    let again = site.operator.add_dnc(listing()).await.expect("listed");
    assert_eq!(
        (again.repeated, site::seq(again.receipt)),
        (true, site::seq(first.receipt))
    );
}

/// Concurrent copies of one request: one entry, one answer, and no error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_request_in_flight_at_once_share_one_entry() {
    let (site, agent) = house().await;
    for _ in 0..5 {
        let request = decide(|_| {});
        let before = site.operator.size().await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let (agent, request) = (agent.clone(), request.clone());
            calls.spawn(async move { agent.decide(request).await });
        }
        let replies: Vec<pb::DecideReply> = calls
            .join_all()
            .await
            .into_iter()
            .map(|reply| reply.expect("decided"))
            .collect();
        assert_eq!(replies.iter().filter(|reply| !reply.repeated).count(), 1);
        for reply in replies {
            assert_eq!(reply.outcome(), pb::Outcome::Allow);
            assert_eq!(entry(&site, &reply).seq(), before);
        }
        assert_eq!(site.operator.size().await, before + 1);
    }
}
