//! A daemon that is held up, killed and started again keeps to its timers as exactly as replay demands it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ledger_core::role::Role;
use ledger_tests::{Client, Credential, Log, Site, ask, sales_policy, site};
use tokio::task::JoinSet;

const AGENT: &str = "agent.routing";
const CALLERS: usize = 4;
/// The daemon's runs: each is held up twice, and all but the last are killed.
const RUNS: usize = 3;

/// Asks until it is told to stop or the daemon is gone.
fn callers(client: &Client, stop: &Arc<AtomicBool>) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for _ in 0..CALLERS {
        let (client, stop) = (client.clone(), Arc::clone(stop));
        running.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let id = site::fresh("ask");
                if client.decide(ask::act(&id, &id, "crm.read")).await.is_err() {
                    break;
                }
                // As agents do: nobody asks without a pause.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
    running
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_held_up_keeps_to_its_timers() {
    let hasty = sales_policy()
        .replace("[numbers]", "[numbers]\nheartbeat_s = 1")
        .replace("valid_for_s = 60", "valid_for_s = 1")
        .replace("report_within_s = 900", "report_within_s = 2");
    let site = Site::with_policy(&hasty).await;
    let verifier = site.verifier();
    site.principal(AGENT, Role::Agent).await;
    let Site {
        mut daemon, ledger, ..
    } = site;
    for run in 0..RUNS {
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = callers(&daemon.client(Credential::of(AGENT)), &stop);
        // Less than a heartbeat and more, while allows become overdue; then a silence in which they do.
        for held in [700, 2_300] {
            tokio::time::sleep(Duration::from_millis(900)).await;
            daemon.stall(Duration::from_millis(held)).await;
        }
        let last = run + 1 == RUNS;
        if last {
            stop.store(true, Ordering::Relaxed);
            while running.join_next().await.is_some() {}
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            daemon.stop().await;
            break;
        }
        daemon.kill().await;
        while running.join_next().await.is_some() {}
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        daemon = ledger.run().await;
    }
    let folder = ledger.export("export");
    verifier.replay(&folder).expect(0);
    let log = Log::read(&folder);
    for (kind, least) in [("unresolved", 20), ("heartbeat", 1), ("boot", RUNS)] {
        let found = log.of_kind(kind).len();
        assert!(found >= least, "{found} of `{kind}`");
    }
}
