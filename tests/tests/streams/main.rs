//! Streams and batches: many requests under way at once, each answered by itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod batches;
mod ends;
mod kill;
mod talk;

use std::collections::BTreeMap;
use std::time::Duration;

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Client, Line, Site, Verifier, core_receipt, site};
use talk::{Talk, Told, hear, hear_all, message, refused};
use tonic::Code;

const PATIENCE: Duration = Duration::from_secs(50);
const SENDER: &str = "agent.outbound.sender";

/// One agent that writes to anybody, `limit` times a day.
fn policy(limit: usize) -> String {
    format!(
        "version = 1\n[[grant]]\nid = \"send\"\nagent = \"{SENDER}\"\nactions = [\"email.send\"]\nsellers = [\"*\"]\n\
         mailboxes = [\"*\"]\napproval = \"waived\"\n[[throttle]]\nid = \"day\"\nactions = [\"email.send\"]\n\
         per = \"agent\"\nlimit = {limit}\nwindow = \"24h\"\n"
    )
}

/// A ledger, and an agent that may send so many mails.
async fn house(limit: usize) -> (Site, Client) {
    let site = Site::with_policy(&policy(limit)).await;
    let agent = site.principal(SENDER, Role::Agent).await;
    (site, agent)
}

/// An e-mail to somebody whom nobody has written to.
fn email(id: &str) -> pb::DecideRequest {
    ask::email(id, "run-1", &format!("{id}@{id}.example"), id)
}

fn emails(count: u64) -> Vec<pb::DecideStreamRequest> {
    (0..count)
        .map(|number| message(number, email(&format!("ask-{number}"))))
        .collect()
}

/// The entry of a receipt that verifies.
#[track_caller]
fn proven(judge: &Verifier, receipt: Option<&pb::Receipt>) -> Line {
    let receipt = receipt.expect("every reply has a receipt");
    let verified = core_receipt(receipt).verify(&judge.trust());
    assert_eq!(verified.expect("it verifies").seq, receipt.seq);
    Line::parse(&receipt.entry)
}

#[track_caller]
fn decided(told: &Told) -> &pb::DecideReply {
    told.as_ref()
        .unwrap_or_else(|status| panic!("not decided: {}", status.message))
}

/// The request ids of the decisions in a stopped ledger, and how often each stands there. The log is
/// replayed first.
fn decisions(ledger: &ledger_tests::Ledger) -> BTreeMap<String, u64> {
    let folder = ledger.export("export");
    Verifier::of(ledger).whole(&folder);
    ids_in(&ledger_tests::Log::read(&folder))
}

/// The request ids of the decisions in a log, and how often each stands there.
fn ids_in(log: &ledger_tests::Log) -> BTreeMap<String, u64> {
    let mut ids = BTreeMap::new();
    for line in log.of_kind("decision") {
        *ids.entry(line.text("request_id").to_owned()).or_insert(0) += 1;
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_under_way_are_decided_in_order_and_each_has_a_receipt_that_verifies() {
    let (site, agent) = house(900).await;
    let verifier = site.verifier();
    let mut answers = Talk::open(&agent).await.say_all(emails(1_000));
    let (told, end) = hear_all(&mut answers).await;
    end.expect("a client that half-closes is told everything and OK");
    assert_eq!(told.len(), 1_000);
    let mut last = 0;
    for (number, told) in &told {
        let reply = decided(told);
        let line = proven(&verifier, reply.receipt.as_ref());
        assert_eq!(line.text("request_id"), format!("ask-{number}"));
        assert!(line.seq() > last, "{number} was decided before its time");
        last = line.seq();
        // The limit is met in the order of the messages.
        let expected = if *number < 900 {
            pb::Outcome::Allow
        } else {
            pb::Outcome::Deny
        };
        assert_eq!(reply.outcome(), expected, "{number}: {:?}", reply.reasons);
        assert!(!reply.repeated);
    }
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    let written = decisions(&ledger);
    assert_eq!(written.len(), 1_000);
    assert!(written.values().all(|count| *count == 1));
}

#[tokio::test]
async fn a_bad_message_fails_alone_and_the_stream_goes_on() {
    let (site, agent) = house(100).await;
    let mut talk = Talk::open(&agent).await;
    decided(&talk.ask(1, email("good-1")).await);
    let before = site.operator.size().await;

    let told = talk
        .ask(2, with(email("bad"), |r| r.correlation_id.clear()))
        .await;
    assert_eq!(
        refused(&told, Code::InvalidArgument, "FIELD_INVALID"),
        ["correlation_id"]
    );
    let told = talk
        .ask(3, with(email("bad"), |r| r.recipients[0].role = 99))
        .await;
    assert_eq!(
        refused(&told, Code::InvalidArgument, "FIELD_INVALID"),
        ["recipients[0].role"]
    );
    let changed = with(email("good-1"), |r| r.seller = "other".into());
    refused(
        &talk.ask(4, changed).await,
        Code::AlreadyExists,
        "REQUEST_ID_REUSED",
    );
    let empty = pb::DecideStreamRequest {
        number: 5,
        request: None,
    };
    talk.messages.send(empty).await.expect("open");
    let (number, told) = talk.hear().await;
    assert_eq!(number, 5);
    assert_eq!(
        refused(&told, Code::InvalidArgument, "FIELD_INVALID"),
        ["request"]
    );
    assert_eq!(site.operator.size().await, before, "nothing is written");

    // What is forbidden is no error. A number that was answered is free again, and 0 is one.
    let forbidden = with(email("forbidden"), |r| r.action = "crm.delete".into());
    assert_eq!(
        decided(&talk.ask(0, forbidden).await).outcome(),
        pb::Outcome::Deny
    );
    let told = talk.ask(1, email("good-2")).await;
    assert_eq!(decided(&told).outcome(), pb::Outcome::Allow);
    drop(talk.messages);
    assert!(hear(&mut talk.answers).await.expect("OK").is_none());
}

#[tokio::test]
async fn a_number_that_is_taken_is_refused_by_name_and_its_first_message_is_answered_all_the_same()
{
    let (site, agent) = house(1_000).await;
    let messages = (0..200).map(|at| message(7, email(&format!("same-{at}"))));
    let mut answers = Talk::open(&agent).await.say_all(messages);
    let (mut replies, mut taken) = (0, 0);
    while let Some((number, told)) = hear(&mut answers).await.expect("it goes on") {
        assert_eq!(number, 7);
        if let Ok(reply) = &told {
            proven(&site.verifier(), reply.receipt.as_ref());
            replies += 1;
        } else {
            assert_eq!(
                refused(&told, Code::InvalidArgument, "FIELD_INVALID"),
                ["number"]
            );
            taken += 1;
        }
    }
    assert_eq!(replies + taken, 200);
    assert!(
        replies >= 1 && taken >= 1,
        "{replies} replies, {taken} refused"
    );
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    assert_eq!(
        decisions(&ledger).len(),
        replies,
        "what is refused is not written"
    );
}

#[tokio::test]
async fn a_request_that_stands_in_a_stream_again_is_a_retry_and_counts_once() {
    let (site, agent) = house(2).await;
    let again = |number| message(number, email("one"));
    let messages = vec![
        again(1),
        again(2),
        again(3),
        message(4, email("two")),
        again(5),
    ];
    let mut answers = Talk::open(&agent).await.say_all(messages);
    let (told, end) = hear_all(&mut answers).await;
    end.expect("OK");
    let first = decided(&told[&1]).receipt.clone().expect("a receipt");
    for number in [1, 2, 3, 5] {
        let reply = decided(&told[&number]);
        assert_eq!(reply.repeated, number != 1, "{number}");
        assert_eq!(
            proven(&site.verifier(), reply.receipt.as_ref()).seq(),
            first.seq
        );
        assert_eq!(reply.receipt.as_ref().expect("one").entry, first.entry);
    }
    // Two are allowed a day: the copies have used up nothing.
    assert_eq!(decided(&told[&4]).outcome(), pb::Outcome::Allow);
    let unary = agent.decide(email("one")).await.expect("decided");
    assert!(unary.repeated, "the same id means the same by every way");
    let denied = agent.decide(email("three")).await.expect("decided");
    assert_eq!(denied.outcome(), pb::Outcome::Deny);
}

#[tokio::test]
async fn reports_in_a_stream_are_recorded_in_order_with_their_findings() {
    use pb::record_stream_reply::Answer;
    let (site, agent) = house(10).await;
    let gateway = site.principal("gateway.mail", Role::Recorder).await;
    let allow = agent.decide(email("mail")).await.expect("decided");
    let decision = site::seq(allow.receipt);
    let bounce = |id: &str, execution| {
        let event = pb::OutcomeEvent {
            execution: Some(execution),
            event: pb::EventType::Unsubscribe.into(),
            recipient: Some(0),
            ..Default::default()
        };
        ask::report(id, "run-1", pb::record_request::Report::Outcome(event))
    };
    let next = site.operator.size().await;
    let requests = [
        ask::executed("done", "run-1", decision),
        ask::executed("done", "", decision),
        ask::executed("done-again", "run-1", decision),
        bounce("gone", next),
        ask::executed("done", "run-1", decision),
    ];
    // The last is the first again, byte for byte.
    let mut requests = requests.to_vec();
    requests[4] = requests[0].clone();
    let messages: Vec<_> = (0..)
        .zip(requests)
        .map(|(number, request)| pb::RecordStreamRequest {
            number,
            request: Some(request),
        })
        .collect();
    let mut answers = gateway
        .recorder()
        .record_stream(tokio_stream::iter(messages))
        .await
        .expect("a recorder may")
        .into_inner();
    let mut told = BTreeMap::new();
    while let Some(reply) = answers.message().await.expect("OK") {
        let answer = match reply.answer.expect("one of them") {
            Answer::Reply(reply) => Ok(reply),
            Answer::Error(error) => Err(error),
        };
        told.insert(reply.number, answer);
    }
    let reply = |number: u64| told[&number].as_ref().expect("recorded");
    assert_eq!(site::seq(reply(0).receipt.clone()), next);
    assert_eq!(reply(0).findings, [""; 0]);
    assert_eq!(
        refused(&told[&1], Code::InvalidArgument, "FIELD_INVALID"),
        ["correlation_id"]
    );
    assert_eq!(reply(2).findings, ["already_executed"]);
    assert_eq!(
        (reply(3).findings.len(), reply(3).followers),
        (0, 1),
        "it lists the person"
    );
    assert!(reply(4).repeated && reply(4).findings.is_empty());
    for number in [0, 2, 3, 4] {
        proven(&site.verifier(), reply(number).receipt.as_ref());
    }
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    Verifier::of(&ledger).whole(&ledger.export("export"));
}
