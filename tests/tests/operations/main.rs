//! What an operator does beside serving: settings and where they come from, the service manager, the log on
//! standard output, and care of a stopped store.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod check;
mod deploy;
mod serve;
mod settings;

use std::process::Command;

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::bin::{self, Ran};
use ledger_tests::{Client, Ledger, Site, sales_policy, site};

/// `ledgerd` with these words.
fn ledgerd(words: &[&str]) -> Command {
    let mut command = bin::command("ledgerd");
    command.args(words);
    command
}

/// `ledgerd check` of a ledger, with further words.
fn check(ledger: &Ledger, words: &[&str]) -> Ran {
    let mut command = ledgerd(&["check", "--data"]);
    bin::run(command.arg(ledger.data()).args(words))
}

/// Decides that many requests, each with a detail, many at a time.
async fn decide(client: &Client, count: usize) {
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (client, id) = (client.clone(), site::fresh("ask"));
        calls.spawn(async move {
            let request = with(ask::act(&id, &id, "crm.read"), |request| {
                request.details = vec![ask::detail(
                    pb::DetailName::Rationale,
                    format!("the rationale of {id}"),
                )];
            });
            client.decide(request).await.map(drop)
        });
    }
    for call in calls.join_all().await {
        call.expect("decided");
    }
}

/// A stopped ledger with people on its list and that many decisions.
async fn stopped(decisions: usize) -> Ledger {
    let site = Site::with_policy(&sales_policy()).await;
    let agent = site.principal("agent.routing", Role::Agent).await;
    let person = ask::someone(ask::person("ben@buyer.example", "c-2"));
    site.list(vec![ask::listing(person)]).await;
    decide(&agent, decisions).await;
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    ledger
}
