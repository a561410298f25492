//! What providers deliver, from the post to the denial of the next request, against the real daemon.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod doors;
mod early;
mod files;
mod post;
mod sendgrid;
mod ses;

use std::net::SocketAddr;

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::site::{fresh, seq};
use ledger_tests::{Client, Credential, Ledger, Log, Site};
use pb::record_request::Report;

use post::Answer;

const SENDER: &str = "agent.outbound.sender";
const INGEST: &str = "ingest.webhook";
const RUN: &str = "run-7";
const PEOPLE: [&str; 3] = ["ana@buyer.example", "ben@buyer.example", "cy@buyer.example"];

const POLICY: &str = r#"version = 1

[[grant]]
id = "outbound-sends"
agent = "agent.outbound.sender"
actions = ["email.send"]
sellers = ["acme", "beta"]
mailboxes = ["outreach-1"]
approval = "waived"
"#;

/// A ledger that listens for events, with an agent that sends and a principal that hands events on.
struct House {
    site: Site,
    http: SocketAddr,
    agent: Client,
    ingest: Client,
}

impl House {
    async fn open(more: &[&str]) -> Self {
        let arguments = [&["--http", "127.0.0.1:0"], more].concat();
        let site = Site::run_with(&arguments).await;
        let http = site.daemon.web().await.address;
        site.publish(POLICY).await;
        let agent = site.principal(SENDER, Role::Agent).await;
        let ingest = site.principal(INGEST, Role::Ingest).await;
        Self {
            site,
            http,
            agent,
            ingest,
        }
    }

    fn post(&self, provider: &str, body: &str) -> Answer {
        let bearer = format!("authorization: {}", Credential::of(INGEST).bearer());
        let path = format!("/v1/events/{provider}");
        post::post(self.http, &path, &[bearer], body.as_bytes())
    }

    /// An e-mail to these people that was allowed and sent: the execution's seq.
    async fn sent(&self, people: &[&str], provider: &str, id: &str) -> u64 {
        let request = with(ask::email(&fresh("ask"), RUN, people[0], ""), |request| {
            request.recipients = people
                .iter()
                .map(|who| ask::to(ask::person(who, "")))
                .collect();
        });
        let reply = self.agent.decide(request).await.expect("decided");
        assert_eq!(reply.outcome(), pb::Outcome::Allow, "{:?}", reply.reasons);
        let decision = seq(reply.receipt);
        let report = with(ask::executed(&fresh("report"), RUN, decision), |request| {
            if let Some(Report::Execution(execution)) = &mut request.report {
                provider.clone_into(&mut execution.provider);
                id.clone_into(&mut execution.provider_id);
            }
        });
        seq(self.agent.record(report).await.expect("recorded").receipt)
    }

    /// How many breakers are open.
    async fn breakers(&self) -> usize {
        let status = self
            .site
            .operator
            .control()
            .status(pb::StatusRequest {})
            .await;
        status.expect("a status").into_inner().breakers.len()
    }

    /// Whether the next e-mail to somebody is denied because they are listed.
    async fn denied(&self, who: &str, seller: &str) -> bool {
        let request = with(ask::email(&fresh("ask"), "run-next", who, ""), |request| {
            seller.clone_into(&mut request.seller);
        });
        let reply = self.agent.decide(request).await.expect("decided");
        reply
            .reasons
            .iter()
            .any(|reason| reason.code == "dnc.listed")
    }

    /// Stops the daemon, and demands that its log verifies and replays.
    async fn whole(self) -> (Ledger, Log) {
        let Site { daemon, ledger, .. } = self.site;
        daemon.stop().await;
        let folder = ledger.export("export");
        ledger_tests::Verifier::of(&ledger).whole(&folder);
        let log = Log::read(&folder);
        (ledger, log)
    }
}
