//! Twenty times SIGKILL in the middle of load: what was acknowledged is there, what was retried counts
//! once, and what was decided comes out again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ledger_core::tree::verify_consistency;
use ledger_core::trust::VerifiedCheckpoint;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{
    Client, Credential, Line, Log, Site, Verifier, core_hashes, core_receipt, same_views, say,
};

const KILLS: u64 = 20;
const AGENTS: usize = 6;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a round's load runs before the kill, in milliseconds: from, and by how much longer at most.
const LOAD_MS: (u64, u64) = (150, 700);

/// The limits are low, so that they bind under this load: `burst` again and again, `day` for good.
const POLICY: &str = r#"
version = 1

[[action]]
name = "crm.append"
class = "write"

AGENTS
[[throttle]]
id = "burst"
actions = ["crm.append"]
per = "agent"
limit = 4
window = "2s"

[[throttle]]
id = "day"
actions = ["email.send"]
per = "mailbox"
limit = 30
window = "24h"
"#;

/// What the agents of a round have seen, and what they are told.
#[derive(Debug, Default)]
struct Seen {
    answered: AtomicBool,
    /// That `burst` has refused something.
    bound: AtomicBool,
    stop: AtomicBool,
}

/// What an agent asked or reported, and what it was told.
#[derive(Clone)]
struct Asked {
    agent: usize,
    write: Write,
    receipt: Option<pb::Receipt>,
}

#[derive(Clone)]
enum Write {
    Decide(pb::DecideRequest),
    Record(pb::RecordRequest),
}

impl Write {
    async fn send(&self, client: &Client) -> Result<(pb::Receipt, bool), tonic::Status> {
        let (receipt, repeated) = match self {
            Self::Decide(request) => client
                .decide(request.clone())
                .await
                .map(|reply| (reply.receipt, reply.repeated))?,
            Self::Record(request) => client
                .record(request.clone())
                .await
                .map(|reply| (reply.receipt, reply.repeated))?,
        };
        Ok((
            receipt.expect("every write answers with a receipt"),
            repeated,
        ))
    }

    fn key(&self) -> (&'static str, &str) {
        match self {
            Self::Decide(request) => ("Decide", &request.request_id),
            Self::Record(request) => ("Record", &request.request_id),
        }
    }
}

fn policy() -> String {
    let grant = |at| {
        let agent = agent(at);
        format!(
            "[[grant]]\nid = \"{agent}\"\nagent = \"{agent}\"\nactions = [\"crm.append\", \"email.send\"]\n\
             sellers = [\"*\"]\nmailboxes = [\"*\"]\nobjects = [\"note\"]\napproval = \"waived\"\n\n[[grant]]\nid = \"{agent}-w\"\nagent = \"{agent}\"\n\
             actions = [\"crm.append\"]\nobjects = [\"note\"]\n\n"
        )
    };
    POLICY.replace("AGENTS", &(0..AGENTS).map(grant).collect::<String>())
}

fn agent(at: usize) -> String {
    format!("agent.{at}")
}

/// The load of one round: every agent asks and reports, one call after the other, until the daemon is
/// gone. The last call of each has no answer.
async fn load(clients: Vec<Client>, round: u64, seen: Arc<Seen>) -> Vec<Asked> {
    let mut agents = tokio::task::JoinSet::new();
    for (at, client) in clients.into_iter().enumerate() {
        let seen = Arc::clone(&seen);
        agents.spawn(async move {
            let mut asked: Vec<Asked> = Vec::new();
            for call in 0u64.. {
                if seen.stop.load(Ordering::Relaxed) {
                    break;
                }
                let id = format!("r{round}-a{at}-{call}");
                let previous = asked.last().and_then(|asked| asked.receipt.clone());
                let write = match previous.map(|receipt| Line::parse(&receipt.entry)) {
                    Some(entry) if entry.text("outcome") == "allow" => Write::Record(
                        ask::executed(&id, entry.text("correlation_id"), entry.seq()),
                    ),
                    _ if call % 7 == 0 => {
                        Write::Decide(with(ask::act(&id, &id, "email.send"), |request| {
                            request.seller = "acme".into();
                            request.mailbox = format!("outreach-{}", at % 2);
                            request.recipients =
                                vec![ask::to(ask::person(&format!("{id}@buyer.example"), &id))];
                        }))
                    }
                    _ => Write::Decide(with(ask::act(&id, &id, "crm.append"), |request| {
                        request.targets = vec![pb::Target {
                            r#type: "note".to_owned(),
                            ..Default::default()
                        }];
                    })),
                };
                let outcome = write.send(&client).await;
                let gone = outcome.is_err();
                let receipt = outcome.ok().map(|(receipt, repeated)| {
                    assert!(!repeated, "{id} is new");
                    receipt
                });
                if let Some(receipt) = &receipt {
                    let entry = Line::parse(&receipt.entry);
                    let is_bound =
                        entry.text("action") == "crm.append" && entry.text("outcome") == "deny";
                    seen.bound.fetch_or(is_bound, Ordering::Relaxed);
                    seen.answered.store(true, Ordering::Relaxed);
                }
                asked.push(Asked {
                    agent: at,
                    write,
                    receipt,
                });
                if gone {
                    break;
                }
            }
            asked
        });
    }
    agents.join_all().await.into_iter().flatten().collect()
}

/// The chain of checkpoints that were seen, each proven to be a prefix of the next.
struct Chain {
    verifier: Verifier,
    latest: VerifiedCheckpoint,
}

impl Chain {
    /// Demands that every checkpoint of `receipts`, and every earlier one, is a prefix of the log that
    /// `client` reads; and that each receipt verifies under its own. Then every entry of them is in it.
    async fn extend(&mut self, client: &Client, receipts: &[pb::Receipt]) {
        let trust = self.verifier.trust();
        let mut older: BTreeMap<u64, VerifiedCheckpoint> = BTreeMap::new();
        older.insert(self.latest.checkpoint.size, self.latest.clone());
        for receipt in receipts {
            let verified = core_receipt(receipt)
                .verify(&trust)
                .expect("an acknowledged receipt verifies");
            let size = verified.checkpoint.checkpoint.size;
            let before = older.insert(size, verified.checkpoint.clone());
            assert!(
                before.is_none_or(|before| before.checkpoint == verified.checkpoint.checkpoint),
                "two roots of size {size}"
            );
        }
        let latest = client.checkpoint().await.expect("a checkpoint");
        let latest = self.verifier.checkpoint(&latest.checkpoint);
        let new = &latest.checkpoint;
        for checkpoint in older.values().map(|verified| &verified.checkpoint) {
            let request = pb::GetConsistencyRequest {
                old_size: checkpoint.size,
                new_size: Some(new.size),
            };
            let reply = client
                .get_consistency(request)
                .await
                .expect("an acknowledged size is in the log");
            let proof = core_hashes(&reply.proof);
            verify_consistency(
                checkpoint.size,
                &checkpoint.root,
                new.size,
                &new.root,
                &proof,
            )
            .unwrap_or_else(|error| {
                panic!(
                    "size {} is no prefix of {}: {error}",
                    checkpoint.size, new.size
                )
            });
        }
        self.latest = latest;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_counts_twice() {
    let Site {
        mut daemon,
        ledger,
        operator,
    } = Site::with_policy(&policy()).await;
    for at in 0..AGENTS {
        let request = ask::principal(
            &agent(at),
            &agent(at),
            pb::Role::Agent,
            &Credential::of(&agent(at)),
        );
        operator
            .put_principal(request)
            .await
            .expect("an operator may");
    }
    let verifier = Verifier::of(&ledger);
    let first = operator.checkpoint().await.expect("a checkpoint");
    let latest = verifier.checkpoint(&first.checkpoint);
    let mut chain = Chain { verifier, latest };

    let mut history: Vec<Asked> = Vec::new();
    let (mut lost, mut kept) = (0u64, 0u64);
    for round in 0..KILLS {
        let clients: Vec<Client> = (0..AGENTS)
            .map(|at| daemon.client(Credential::of(&agent(at))))
            .collect();
        let seen = Arc::new(Seen::default());
        let running = tokio::spawn(load(clients, round, Arc::clone(&seen)));
        // Not before something was answered, in the first round not before `burst` has bound as well, which
        // takes a slow machine longer; and then at a moment that differs from round to round.
        let until = Instant::now() + PATIENCE;
        let is_over = || {
            seen.answered.load(Ordering::Relaxed)
                && (round > 0 || seen.bound.load(Ordering::Relaxed))
        };
        while !is_over() {
            assert!(Instant::now() < until, "{seen:?} after {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (from, span) = LOAD_MS;
        tokio::time::sleep(Duration::from_millis(from + round * 7_919 % span)).await;
        daemon.kill().await;
        seen.stop.store(true, Ordering::Relaxed);
        let asked = running.await.expect("no panic in the load");

        daemon = ledger.run().await;
        let operator = daemon.client(ledger.operator());
        let acknowledged: Vec<pb::Receipt> = asked
            .iter()
            .filter_map(|asked| asked.receipt.clone())
            .collect();
        assert!(
            !acknowledged.is_empty(),
            "round {round}: nothing was acknowledged"
        );
        chain.extend(&operator, &acknowledged).await;
        let (lost_now, kept_now) = retry(&daemon, asked, &mut history).await;
        (lost, kept) = (lost + lost_now, kept + kept_now);
    }
    daemon.stop().await;

    let folder = ledger.export("export");
    chain.verifier.whole(&folder);
    let log = Log::read(&folder);
    holds(&log, &history);
    counts(&log);
    same_views(&log, &ledger);
    let (boots, clean): (Vec<Line>, Vec<Line>) = (log.of_kind("boot"), log.of_kind("shutdown"));
    assert_eq!(
        (boots.len() as u64, clean.len()),
        (KILLS + 1, 1),
        "every start and the one stop in good order"
    );
    assert!(
        boots.iter().skip(1).all(|boot| boot.0["clean"] == false),
        "a kill is no stop in good order"
    );
    say(&format!(
        "{KILLS} kills: {} writes of {AGENTS} agents; of those without an answer {kept} were in the log and {lost} \
         were not; {} entries",
        history.len(),
        log.entries.len()
    ));
}

/// Retries what was not answered, and some of what was. Says how many of the first had been lost, and
/// how many kept.
async fn retry(
    daemon: &ledger_tests::Daemon,
    asked: Vec<Asked>,
    history: &mut Vec<Asked>,
) -> (u64, u64) {
    let (mut lost, mut kept) = (0, 0);
    for (at, mut asked) in asked.into_iter().enumerate() {
        let client = daemon.client(Credential::of(&agent(asked.agent)));
        let name = asked.write.key().1.to_owned();
        match &asked.receipt {
            Some(first) if at % 5 == 0 => {
                let (again, repeated) = asked
                    .write
                    .send(&client)
                    .await
                    .expect("a retry is answered");
                assert!(repeated, "{name} was acknowledged before");
                assert_eq!(
                    (again.seq, &again.entry),
                    (first.seq, &first.entry),
                    "{name}"
                );
            }
            Some(_) => {}
            None => {
                let (first, repeated) = asked
                    .write
                    .send(&client)
                    .await
                    .expect("a retry is answered");
                let (again, _) = asked
                    .write
                    .send(&client)
                    .await
                    .expect("a retry is answered");
                assert_eq!(
                    (again.seq, &again.entry),
                    (first.seq, &first.entry),
                    "{name}"
                );
                *(if repeated { &mut kept } else { &mut lost }) += 1;
                asked.receipt = Some(first);
            }
        }
        history.push(asked);
    }
    (lost, kept)
}

/// Every write stands in the log once, as it was acknowledged.
fn holds(log: &Log, history: &[Asked]) {
    for asked in history {
        let receipt = asked
            .receipt
            .as_ref()
            .expect("every write was answered in the end");
        let at = usize::try_from(receipt.seq).expect("a seq");
        assert_eq!(
            log.entries.get(at).map(Vec::as_slice),
            Some(receipt.entry.as_ref()),
            "{:?}",
            asked.write.key()
        );
    }
    let mut seen = BTreeSet::new();
    for line in log.lines() {
        if !line.text("request_id").is_empty() {
            let key = (
                line.0["actor"]["id"].to_string(),
                line.text("call").to_owned(),
                line.text("request_id").to_owned(),
            );
            assert!(seen.insert(key.clone()), "{key:?} stands in the log twice");
        }
    }
    for asked in history {
        let (call, id) = asked.write.key();
        assert!(
            seen.contains(&(
                format!("\"{}\"", agent(asked.agent)),
                call.to_owned(),
                id.to_owned()
            )),
            "{id} is missing"
        );
    }
}

/// No trailing window of either rule holds more than its limit, and each rule has bound.
fn counts(log: &Log) {
    let decisions = log.of_kind("decision");
    let mut bound: BTreeMap<&str, u64> = BTreeMap::new();
    for (rule, action, key, limit, window_us) in [
        ("burst", "crm.append", "actor", 4, 2_000_000),
        ("day", "email.send", "mailbox", 30, 86_400_000_000),
    ] {
        let mut windows: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for line in decisions
            .iter()
            .filter(|line| line.text("action") == action)
        {
            let counted = windows.entry(line.0[key].to_string()).or_default();
            let now = line.micros();
            let in_window = counted
                .iter()
                .filter(|time| **time > now - window_us)
                .count();
            if line.text("outcome") == "allow" {
                assert!(
                    in_window < limit,
                    "`{rule}` let {} through: {}",
                    in_window + 1,
                    line.0
                );
                counted.push(now);
            } else {
                assert!(
                    in_window >= limit,
                    "`{rule}` refused with {in_window} in its window: {}",
                    line.0
                );
                *bound.entry(rule).or_default() += 1;
            }
        }
    }
    assert_eq!(bound.len(), 2, "not every rule has bound: {bound:?}");
}
