//! SIGKILL while streams are under way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ledger_proto::v1 as pb;
use ledger_tests::{Credential, Line, Site};

use crate::talk::{Talk, Told, hear, hear_all, message};
use crate::{PATIENCE, SENDER, decided, decisions, email, house, ids_in, proven};

const ROUNDS: u64 = 2;
const STREAMS: u64 = 2;

/// The messages of a stream, without an end: no kill comes too late.
fn load(round: u64, stream: u64) -> impl Iterator<Item = pb::DecideStreamRequest> + Send {
    (0..).map(move |number| message(number, email(&id(round, stream, number))))
}

fn id(round: u64, stream: u64, number: u64) -> String {
    format!("r{round}-s{stream}-{number}")
}

/// Says everything until the stream breaks, and keeps what was acknowledged. Counts it, too.
async fn until_it_breaks(
    talk: Talk,
    load: impl Iterator<Item = pb::DecideStreamRequest> + Send + 'static,
    count: Arc<AtomicU64>,
) -> BTreeMap<u64, Told> {
    let mut answers = talk.say_all(load);
    let mut heard = BTreeMap::new();
    while let Ok(Some((number, told))) = hear(&mut answers).await {
        heard.insert(number, told);
        count.fetch_add(1, Ordering::Relaxed);
    }
    heard
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
        let mut counts = Vec::new();
        for stream in 0..STREAMS {
            let talk = Talk::open(&daemon.client(Credential::of(SENDER))).await;
            let count = Arc::new(AtomicU64::new(0));
            counts.push(Arc::clone(&count));
            let load = load(round, stream);
            running.spawn(async move { (stream, until_it_breaks(talk, load, count).await) });
        }
        // In full swing on each of them, at another moment each round.
        let until = Instant::now() + PATIENCE;
        let least = 300 + 170 * round;
        while counts
            .iter()
            .any(|count| count.load(Ordering::Relaxed) < least)
        {
            assert!(Instant::now() < until, "{counts:?} of {least} answers");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        daemon.kill().await;
        let heard = running.join_all().await;
        daemon = ledger.run().await;
        let operator = daemon.client(ledger.operator());
        let written = ids_in(&operator.export().await.expect("an export"));
        for (stream, heard) in heard {
            let acknowledged: BTreeMap<u64, Line> = heard
                .iter()
                .filter_map(|(number, told)| Some((*number, told.as_ref().ok()?)))
                .map(|(number, reply)| (number, proven(&verifier, reply.receipt.as_ref())))
                .collect();
            assert!(!acknowledged.is_empty(), "nothing was acknowledged");
            // Everything that was written or acknowledged, and some that may have been under way.
            let mut next = 0;
            while acknowledged.contains_key(&next) || written.contains_key(&id(round, stream, next))
            {
                next += 1;
            }
            let again: Vec<_> = load(round, stream)
                .take_while(|message| message.number < next + 100)
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
