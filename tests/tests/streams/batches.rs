//! Batches: one call, an answer for each item.

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Refused, Site};
use tonic::Code;

use crate::talk::{Told, refused};
use crate::{decided, decisions, email, house, proven};

fn told(answer: pb::DecideAnswer) -> Told {
    use pb::decide_answer::Answer;
    match answer.answer.expect("always one of them") {
        Answer::Reply(reply) => Ok(reply),
        Answer::Error(error) => Err(error),
    }
}

#[tokio::test]
async fn a_bad_item_fails_alone_and_a_copy_is_a_retry() {
    let (site, agent) = house(2).await;
    let requests = vec![
        email("one"),
        with(email("bad"), |r| r.action.clear()),
        email("one"),
        with(email("one"), |r| r.campaign = "other".into()),
        email("two"),
        email("three"),
    ];
    let batch = pb::DecideBatchRequest { requests };
    let reply = agent.decide_batch(batch.clone()).await.expect("a batch");
    let answers: Vec<Told> = reply.answers.into_iter().map(told).collect();
    assert_eq!(answers.len(), 6);
    let seqs: Vec<u64> = [0, 2, 4, 5]
        .map(|at: usize| proven(&site.verifier(), decided(&answers[at]).receipt.as_ref()).seq())
        .to_vec();
    assert_eq!(
        seqs,
        [seqs[0], seqs[0], seqs[0] + 1, seqs[0] + 2],
        "in their order"
    );
    assert_eq!(
        refused(&answers[1], Code::InvalidArgument, "FIELD_INVALID"),
        ["action"]
    );
    assert!(!decided(&answers[0]).repeated && decided(&answers[2]).repeated);
    refused(&answers[3], Code::AlreadyExists, "REQUEST_ID_REUSED");
    let outcomes = [0, 2, 4, 5].map(|at: usize| decided(&answers[at]).outcome());
    use pb::Outcome::{Allow, Deny};
    assert_eq!(
        outcomes,
        [Allow, Allow, Allow, Deny],
        "the copy counted once"
    );

    // The whole batch again brings the same.
    let again = agent.decide_batch(batch).await.expect("a batch");
    for (at, (told, before)) in again
        .answers
        .into_iter()
        .map(told)
        .zip(&answers)
        .enumerate()
    {
        match (&told, before) {
            (Ok(reply), Ok(before)) => {
                assert!(reply.repeated, "{at}");
                let entry = |reply: &pb::DecideReply| reply.receipt.clone().expect("one").entry;
                assert_eq!(entry(reply), entry(before), "{at}");
            }
            (Err(error), Err(before)) => assert_eq!(error.code, before.code, "{at}"),
            other => panic!("{at}: {other:?}"),
        }
    }
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    let decisions = decisions(&ledger);
    assert_eq!(
        decisions.keys().collect::<Vec<_>>(),
        ["one", "three", "two"]
    );
    assert!(decisions.values().all(|count| *count == 1));
}

#[tokio::test]
async fn reports_in_a_batch_are_answered_one_by_one() {
    use pb::record_answer::Answer;
    let (site, agent) = house(2).await;
    let allow = agent.decide(email("one")).await.expect("decided");
    let decision = allow.receipt.expect("a receipt").seq;
    let requests = vec![
        ask::executed("done", "run-1", decision),
        pb::RecordRequest::default(),
        ask::executed("again", "run-1", decision),
    ];
    let reply = agent
        .record_batch(pb::RecordBatchRequest { requests })
        .await;
    let answers: Vec<_> = reply.expect("a batch").answers;
    let answers: Vec<_> = answers
        .into_iter()
        .map(|answer| match answer.answer.expect("one of them") {
            Answer::Reply(reply) => Ok(reply),
            Answer::Error(error) => Err(error),
        })
        .collect();
    assert_eq!(answers[0].as_ref().expect("recorded").findings.len(), 0);
    assert_eq!(
        refused(&answers[1], Code::InvalidArgument, "FIELD_INVALID"),
        ["report"]
    );
    let second = answers[2].as_ref().expect("recorded");
    assert_eq!(second.findings, ["already_executed"]);
    proven(&site.verifier(), second.receipt.as_ref());
}

#[tokio::test]
async fn a_batch_over_a_limit_is_refused_by_name_and_writes_nothing() {
    let (site, agent) = house(1_000).await;
    let before = site.operator.size().await;
    let many = |count: usize| pb::DecideBatchRequest {
        requests: (0..count).map(|at| email(&format!("m-{at}"))).collect(),
    };
    let large = |kib: usize| {
        let detail = ask::detail(pb::DetailName::Rationale, "x".repeat(kib << 10));
        let large = |at: usize| {
            with(email(&format!("l-{at}")), |r| {
                r.details = vec![detail.clone()]
            })
        };
        pb::DecideBatchRequest {
            requests: (0..10).map(large).collect(),
        }
    };
    for (what, batch, words) in [
        ("nothing", many(0), ["`0 items`", "1 to 256"]),
        ("257 items", many(257), ["`257 items`", "1 to 256"]),
        ("2.3 MiB", large(230), ["bytes`", "2097152"]),
    ] {
        let refused = Refused::of(what, agent.decide_batch(batch).await);
        refused
            .code(what, Code::InvalidArgument)
            .names(what, "requests")
            .says(what, &words);
    }
    let reports = pb::RecordBatchRequest::default();
    Refused::of("no reports", agent.record_batch(reports).await)
        .code("no reports", Code::InvalidArgument)
        .names("no reports", "requests");
    assert_eq!(site.operator.size().await, before, "nothing is written");
    for batch in [many(256), large(200)] {
        let items = batch.requests.len();
        let answers = agent
            .decide_batch(batch)
            .await
            .expect("at the limit")
            .answers;
        assert_eq!(answers.len(), items);
        for answer in answers {
            decided(&told(answer));
        }
    }
}

#[tokio::test]
async fn who_may_not_decide_or_record_may_not_in_batches_and_streams_either() {
    let (site, agent) = house(1).await;
    let auditor = site.principal("auditor.a", Role::Auditor).await;
    let recorder = site.principal("gateway.a", Role::Recorder).await;
    let nobody = site.daemon.client_with(None);
    let batch = || pb::DecideBatchRequest {
        requests: vec![email("x")],
    };
    let reports = || pb::RecordBatchRequest {
        requests: vec![ask::executed("x", "run-1", 0)],
    };
    let before = site.operator.size().await;
    for (who, client, code) in [
        ("an auditor", &auditor, Code::PermissionDenied),
        ("an operator", &site.operator, Code::PermissionDenied),
        ("nobody", &nobody, Code::Unauthenticated),
    ] {
        Refused::of(who, client.decide_batch(batch()).await).code(who, code);
        Refused::of(who, client.record_batch(reports()).await).code(who, code);
        let stream = client.gate().decide_stream(tokio_stream::empty()).await;
        Refused::of(who, stream.map(drop)).code(who, code);
        let stream = client.recorder().record_stream(tokio_stream::empty()).await;
        Refused::of(who, stream.map(drop)).code(who, code);
    }
    let code = Code::PermissionDenied;
    Refused::of("a recorder", recorder.decide_batch(batch()).await).code("a recorder", code);
    let stream = recorder.gate().decide_stream(tokio_stream::empty()).await;
    Refused::of("a recorder", stream.map(drop)).code("a recorder", code);
    assert_eq!(site.operator.size().await, before);
    let stream = agent.recorder().record_stream(tokio_stream::empty()).await;
    let mut stream = stream.expect("an agent may report").into_inner();
    assert!(stream.message().await.expect("OK").is_none());
}
