//! Tails: every entry once and in order, whoever reads how slowly, and whatever ends in between.

use std::time::Duration;

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::{Client, Refused, Site, ask, core_receipt, site};
use pb::tail_reply::Of;
use tonic::{Code, Status, Streaming};

use super::model::{Question, Who, answer};
use super::world::{Dice, OTHER, SENDER, World, large};

const PATIENCE: Duration = Duration::from_mins(1);

fn from(seq: u64) -> pb::TailRequest {
    pb::TailRequest {
        from_seq: Some(seq),
        ..Default::default()
    }
}

/// The next message, which must come.
async fn next(tail: &mut Streaming<pb::TailReply>) -> Result<Option<Of>, Status> {
    let message = tokio::time::timeout(PATIENCE, tail.message()).await;
    let message = message.expect("a message in time")?;
    Ok(message.map(|message| message.of.expect("it says something")))
}

/// Reads until a mark at least that far; the entries that came before it.
async fn until(tail: &mut Streaming<pb::TailReply>, size: u64) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    loop {
        match next(tail).await.expect("no end").expect("no end") {
            Of::Entry(entry) => found.push((entry.seq, entry.entry.to_vec())),
            Of::Receipt(receipt) => found.push((receipt.seq, receipt.entry.to_vec())),
            Of::Mark(mark) if mark.size >= size => return found,
            Of::Mark(_) => {}
        }
    }
}

async fn ended(mut tail: Streaming<pb::TailReply>) -> Status {
    let end = async {
        loop {
            match next(&mut tail).await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended as if all were well"),
                Err(status) => return status,
            }
        }
    };
    tokio::time::timeout(PATIENCE, end).await.expect("an end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_resumes_has_every_entry_once_across_a_restart() {
    let mut dice = Dice::new(5);
    let mut world = World::open().await;
    world.happen(&mut dice, 30).await;
    let mut found = Vec::new();
    let mut tail = world.auditor.tail(from(0)).await.expect("a tail");
    let reader = tokio::spawn(async move {
        let mut found = Vec::new();
        let status = loop {
            match next(&mut tail).await {
                Ok(Some(Of::Entry(entry))) => found.push((entry.seq, entry.entry.to_vec())),
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended as if all were well"),
                Err(status) => break status,
            }
        };
        (found, status)
    });
    world.happen(&mut dice, 30).await;
    let World { site, .. } = world;
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    let (before, status) = reader.await.expect("no panic");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let resume = before.last().expect("entries").0 + 1;
    found.extend(before);

    let daemon = ledger.run().await;
    let operator = daemon.client(ledger.operator());
    let mut tail = operator.tail(from(resume)).await.expect("a tail");
    ask_for_nothing(&operator, 5).await;
    let end = operator.size().await;
    while found.last().expect("entries").0 + 1 < end {
        if let Some(Of::Entry(entry)) = next(&mut tail).await.expect("no end") {
            found.push((entry.seq, entry.entry.to_vec()));
        }
    }
    drop(tail);
    let log = operator.export().await.expect("an export");
    let (seqs, entries): (Vec<u64>, Vec<Vec<u8>>) = found.into_iter().unzip();
    assert_eq!(seqs, (0..end).collect::<Vec<_>>());
    assert!(
        entries == log.entries[..entries.len()],
        "other bytes than the export has"
    );
}

/// Writes that many entries.
async fn ask_for_nothing(operator: &Client, times: usize) {
    for _ in 0..times {
        let id = site::fresh("nothing");
        let listing = ask::listing(ask::domain(&format!("{id}.example")));
        operator
            .add_dnc(ask::list(&id, vec![listing]))
            .await
            .expect("listed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filtered_tail_with_proofs_is_what_looking_through_the_log_finds() {
    let mut dice = Dice::new(9);
    let mut world = World::open().await;
    world.happen(&mut dice, 40).await;
    let filter = pb::EntryFilter {
        kinds: vec!["decision".into(), "execution".into()],
        actors: vec![SENDER.into()],
        ..Default::default()
    };
    let request = pb::TailRequest {
        filter: Some(filter.clone()),
        proofs: true,
        idle_s: 1,
        ..from(0)
    };
    let own = pb::TailRequest {
        idle_s: 1,
        ..from(0)
    };
    let mut proven = world.auditor.tail(request).await.expect("a tail");
    let mut own = world.other.tail(own).await.expect("a tail");
    world.happen(&mut dice, 40).await;
    let size = world.site.operator.size().await;
    let trust = world.site.verifier().trust();
    let mut seqs = Vec::new();
    loop {
        match next(&mut proven).await.expect("no end").expect("no end") {
            Of::Receipt(receipt) => {
                core_receipt(&receipt)
                    .verify(&trust)
                    .expect("a receipt that holds");
                seqs.push(receipt.seq);
            }
            Of::Entry(entry) => panic!("entry {} without its proof", entry.seq),
            Of::Mark(mark) => {
                if !mark.checkpoint.is_empty() {
                    let checkpoint = trust.verify_checkpoint(&mark.checkpoint).expect("signed");
                    assert_eq!(checkpoint.checkpoint.size, mark.size);
                }
                if mark.size >= size {
                    break;
                }
            }
        }
    }
    let others: Vec<u64> = until(&mut own, size)
        .await
        .into_iter()
        .map(|(seq, _)| seq)
        .collect();
    let lines = world
        .site
        .operator
        .export()
        .await
        .expect("an export")
        .lines();
    let lines = &lines[..usize::try_from(size).expect("small")];
    let question = Question {
        filter,
        tokens: None,
    };
    assert_eq!(seqs, answer(lines, &question, Who::Everything));
    let everything = Question {
        filter: pb::EntryFilter::default(),
        tokens: None,
    };
    let who = Who::Own {
        id: OTHER,
        group: None,
    };
    assert_eq!(others, answer(lines, &everything, who));
    assert!(!seqs.is_empty() && !others.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_holds_nobody_up_and_misses_nothing() {
    let site = Site::open().await;
    let auditor = site.principal("auditor.slow", Role::Auditor).await;
    let mut tail = auditor.tail(from(0)).await.expect("a tail");
    // Some 12 MB, of which it reads nothing: far more than connection, channel and what is read ahead hold.
    for at in 0..400 {
        let began = std::time::Instant::now();
        site.list(large(at)).await;
        assert!(began.elapsed() < PATIENCE, "a write waits for a reader");
    }
    let end = site.operator.size().await;
    let mut found = Vec::new();
    while found.len() < usize::try_from(end).expect("small") {
        if let Of::Entry(entry) = next(&mut tail).await.expect("no end").expect("no end") {
            assert_eq!(entry.seq, found.len() as u64, "in order, each once");
            found.push(entry.entry.to_vec());
        }
    }
    let log = site.operator.export().await.expect("an export");
    assert!(
        found == log.entries[..found.len()],
        "other bytes than the export has"
    );
}

#[tokio::test]
async fn a_principal_has_eight_tails_and_another_has_its_own() {
    let site = Site::open().await;
    let auditor = site.principal("auditor.house", Role::Auditor).await;
    let mut tails = Vec::new();
    for _ in 0..8 {
        tails.push(auditor.tail(from(0)).await.expect("a place"));
    }
    Refused::of("a ninth", auditor.tail(from(0)).await)
        .code("a ninth", Code::ResourceExhausted)
        .says("a ninth", &["tails", "8"]);
    let mut other = site
        .operator
        .tail(from(0))
        .await
        .expect("a place of its own");
    next(&mut other).await.expect("it begins");
    tails.pop();
    let again = async {
        while auditor.tail(from(0)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again)
        .await
        .expect("the place is given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_ends_with_the_credential_that_it_came_with() {
    let site = Site::open().await;
    ask_for_nothing(&site.operator, 40).await;
    for (id, reads) in [("auditor.waiting", true), ("auditor.stalled", false)] {
        let auditor = site.principal(id, Role::Auditor).await;
        let mut tail = auditor.tail(from(0)).await.expect("a tail");
        if reads {
            let end = site.operator.size().await;
            until(&mut tail, end).await;
        }
        let revoke = pb::RevokePrincipalRequest {
            header: ask::header(&site::fresh("revoke")),
            id: id.to_owned(),
        };
        site.operator
            .revoke_principal(revoke)
            .await
            .expect("revoked");
        let status = ended(tail).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{id}: {status}");
    }
}

#[tokio::test]
async fn a_tail_begins_where_it_is_told_to_and_ends_where_its_time_does() {
    let site = Site::open().await;
    let operator = &site.operator;
    // What a start writes by itself stands before that.
    ask_for_nothing(operator, 1).await;
    let end = operator.size().await;
    Refused::of("beyond", operator.tail(from(end + 1)).await)
        .code("beyond", Code::InvalidArgument)
        .says("beyond", &["from_seq"]);
    let idle = pb::TailRequest {
        idle_s: 3_601,
        ..Default::default()
    };
    Refused::of("idle", operator.tail(idle).await)
        .code("idle", Code::InvalidArgument)
        .says("idle", &["idle_s", "3600"]);

    // From now on: nothing of before, and what comes at once.
    let mut tail = operator
        .tail(pb::TailRequest::default())
        .await
        .expect("a tail");
    let Some(Of::Mark(mark)) = next(&mut tail).await.expect("no end") else {
        panic!("it does not say where it begins");
    };
    assert_eq!(mark.size, end);
    ask_for_nothing(operator, 1).await;
    let Some(Of::Entry(entry)) = next(&mut tail).await.expect("no end") else {
        panic!("what was committed does not come");
    };
    assert_eq!(entry.seq, end);

    // A time that is over: everything before it, and a clean end.
    let second = ledger_tests::Line::parse(&entry.entry).micros();
    let filter = pb::EntryFilter {
        until: Some(prost_types::Timestamp {
            seconds: second / 1_000_000,
            nanos: i32::try_from(second % 1_000_000 * 1_000).expect("small"),
        }),
        ..Default::default()
    };
    let over = pb::TailRequest {
        filter: Some(filter),
        ..from(0)
    };
    let mut tail = operator.tail(over).await.expect("a tail");
    let mut seqs = Vec::new();
    while let Some(of) = next(&mut tail).await.expect("a clean end") {
        if let Of::Entry(entry) = of {
            seqs.push(entry.seq);
        }
    }
    assert_eq!(seqs, (0..end).collect::<Vec<_>>());
}
