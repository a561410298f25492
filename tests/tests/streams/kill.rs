//! SIGKILL while streams are under way.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger_proto::v1 as pb;
use ledger_tests::{Credential, Line, Site};

use crate::talk::{Talk, Told, hear, hear_all, message};
use crate::{SENDER, decided, decisions, email, house, proven};

const ROUNDS: u64 = 2;
const STREAMS: u64 = 2;
const MESSAGES: u64 = 6_000;

/// Has the first message answered.
async fn begin(talk: &mut Talk, first: pb::DecideStreamRequest) -> BTreeMap<u64, Told> {
    let told = talk.ask(first.number, first.request.expect("set")).await;
    BTreeMap::from([(first.number, told)])
}

/// Says the rest until the stream breaks, and keeps what was acknowledged.
async fn until_it_breaks(
    talk: Talk,
    rest: Vec<pb::DecideStreamRequest>,
    mut heard: BTreeMap<u64, Told>,
) -> BTreeMap<u64, Told> {
    let mut answers = talk.say_all(rest);
    while let Ok(Some((number, told))) = hear(&mut answers).await {
        heard.insert(number, told);
    }
    heard
}

fn load(round: u64, stream: u64) -> Vec<pb::DecideStreamRequest> {
    (0..MESSAGES)
        .map(|number| message(number, email(&format!("r{round}-s{stream}-{number}"))))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stream_acknowledged_outlives_the_daemon_and_what_is_sent_again_counts_once() {
    let (site, _) = house(1_000_000).await;
    let verifier = site.verifier();
    let Site {
        mut daemon, ledger, ..
    } = site;
    let mut asked = 0;
    for round in 0..ROUNDS {
        let mut running = tokio::task::JoinSet::new();
        for stream in 0..STREAMS {
            let mut talk = Talk::open(&daemon.client(Credential::of(SENDER))).await;
            let mut load = load(round, stream);
            let heard = begin(&mut talk, load.remove(0)).await;
            running.spawn(async move { (stream, until_it_breaks(talk, load, heard).await) });
        }
        tokio::time::sleep(Duration::from_millis(300 + 170 * round)).await;
        daemon.kill().await;
        let heard = running.join_all().await;
        daemon = ledger.run().await;
        for (stream, heard) in heard {
            let acknowledged: BTreeMap<u64, Line> = heard
                .iter()
                .filter_map(|(number, told)| Some((*number, told.as_ref().ok()?)))
                .map(|(number, reply)| (number, proven(&verifier, reply.receipt.as_ref())))
                .collect();
            assert!(!acknowledged.is_empty(), "nothing was acknowledged");
            assert!(
                (acknowledged.len() as u64) < MESSAGES,
                "the kill came too late"
            );
            // Everything that was acknowledged, and some that may have been under way.
            let last = heard.keys().last().expect("some") + 700;
            let again: Vec<_> = load(round, stream)
                .into_iter()
                .take_while(|message| message.number <= last)
                .collect();
            asked += again.len();
            let count = again.len();
            let client = daemon.client(Credential::of(SENDER));
            let mut answers = Talk::open(&client).await.say_all(again);
            let (told, end) = hear_all(&mut answers).await;
            end.expect("OK");
            assert_eq!(told.len(), count);
            for (number, told) in &told {
                let reply = decided(told);
                let line = proven(&verifier, reply.receipt.as_ref());
                if let Some(before) = acknowledged.get(number) {
                    assert!(reply.repeated, "{number} was acknowledged");
                    assert_eq!(line.0, before.0, "{number}");
                }
            }
        }
    }
    daemon.stop().await;
    let decisions = decisions(&ledger);
    assert!(
        decisions.values().all(|count| *count == 1),
        "nothing stands there twice"
    );
    assert_eq!(
        decisions.len(),
        asked,
        "and nothing else than what was asked"
    );
}
