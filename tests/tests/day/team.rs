//! Who works here: agents over gRPC, people with their command lines.

use std::path::{Path, PathBuf};

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Client, Credential, Ctl, Line, Site, repository, site};
use pb::record_request::Report;
use serde_json::Value;

/// The version that the enrichment agent is pinned to.
const VERSION: &str = "sha256:9c1e";
/// How many reports a breaker of the day needs before it says anything.
pub(crate) const SAMPLE: usize = 4;

/// One agent, by its credential.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) client: Client,
}

#[derive(Debug)]
pub(crate) struct Team {
    pub(crate) site: Site,
    pub(crate) sandbox: Site,
    pub(crate) policy: PathBuf,
    pub(crate) operator: Ctl,
    pub(crate) sandbox_operator: Ctl,
    pub(crate) compliance: Ctl,
    pub(crate) revops: Ctl,
    pub(crate) sales: Ctl,
    pub(crate) enrichment: Agent,
    pub(crate) routing: Agent,
    pub(crate) sender: Agent,
    pub(crate) caller: Agent,
    pub(crate) cleanup: Agent,
    pub(crate) rogue: Agent,
    pub(crate) gateway: Agent,
}

impl Team {
    /// Two ledgers, their operators, and everybody's credential.
    pub(crate) async fn gather() -> Self {
        let site = Site::open().await;
        let sandbox = Site::sandbox("sandbox.test/day").await;
        let policy = site.ledger.path("policy");
        std::fs::create_dir(&policy).expect("room");
        std::fs::write(policy.join("policy.toml"), day_policy()).expect("room");
        let person = |id: &str| Ctl::of(&site.ledger, id, &Credential::of(id));
        let agent = |id: &str| Agent {
            id: id.to_owned(),
            client: site.daemon.client(Credential::of(id)),
        };
        let team = Self {
            operator: Ctl::operator(&site.ledger),
            sandbox_operator: Ctl::operator(&sandbox.ledger),
            compliance: person("compliance.desk"),
            revops: person("approver.revops"),
            sales: person("approver.sales"),
            enrichment: agent("agent.enrichment"),
            routing: agent("agent.routing"),
            sender: agent("agent.outbound.sender"),
            caller: agent("agent.caller"),
            cleanup: agent("agent.cleanup"),
            rogue: agent("agent.rogue"),
            gateway: agent("gateway.mail"),
            policy,
            sandbox,
            site,
        };
        let approver = pb::PutPrincipalRequest {
            groups: vec!["revops".to_owned()],
            ..ask::principal(
                &site::fresh("principal"),
                "approver.revops",
                pb::Role::Approver,
                &Credential::of("approver.revops"),
            )
        };
        team.site
            .operator
            .put_principal(approver)
            .await
            .expect("an operator may");
        team
    }

    /// Everybody else is registered.
    pub(crate) async fn people(&self, site: &Site) {
        let sales = pb::PutPrincipalRequest {
            groups: vec!["sales-ops".to_owned()],
            ..ask::principal(
                &site::fresh("principal"),
                "approver.sales",
                pb::Role::Approver,
                &Credential::of("approver.sales"),
            )
        };
        site.operator
            .put_principal(sales)
            .await
            .expect("an operator may");
        for id in [
            "agent.enrichment",
            "agent.routing",
            "agent.outbound.sender",
            "agent.caller",
            "agent.cleanup",
            "agent.rogue",
        ] {
            site.principal(id, Role::Agent).await;
        }
        site.principal("compliance.desk", Role::Compliance).await;
        site.principal("gateway.mail", Role::Recorder).await;
    }

    /// A request to change fields of one object.
    pub(crate) fn write(
        action: &str,
        object: &str,
        id: &str,
        fields: &[&str],
    ) -> pb::DecideRequest {
        let target = pb::Target {
            r#type: object.to_owned(),
            id: id.to_owned(),
            reads: Vec::new(),
            writes: fields.iter().map(|field| (*field).to_owned()).collect(),
        };
        with(
            ask::act(&site::fresh("ask"), &site::fresh("run"), action),
            |request| {
                request.targets = vec![target];
                VERSION.clone_into(&mut request.agent_version);
            },
        )
    }

    /// An e-mail from the day's mailbox.
    pub(crate) fn email(address: &str, contact: &str) -> pb::DecideRequest {
        ask::email(&site::fresh("ask"), &site::fresh("run"), address, contact)
    }

    /// The last entry of a kind.
    pub(crate) async fn last(&self, kind: &str) -> Line {
        let log = self.site.operator.export().await.expect("an operator may");
        log.of_kind(kind)
            .pop()
            .unwrap_or_else(|| panic!("no `{kind}` yet"))
    }
}

impl Agent {
    /// Its answer to a request.
    pub(crate) async fn ask(&self, request: pb::DecideRequest) -> Line {
        let reply = self.client.decide(request).await;
        let reply = reply.unwrap_or_else(|status| panic!("`{}`: {status}", self.id));
        Line::parse(&reply.receipt.expect("a receipt").entry)
    }

    /// Reports that it was carried out just now; the entry.
    pub(crate) async fn report(
        &self,
        decision: &Line,
        change: impl FnOnce(&mut pb::Execution),
    ) -> Line {
        self.report_with(decision, Vec::new(), change).await
    }

    /// The same with details.
    pub(crate) async fn report_with(
        &self,
        decision: &Line,
        details: Vec<pb::Detail>,
        change: impl FnOnce(&mut pb::Execution),
    ) -> Line {
        let reply = self.record(decision, details, change).await;
        Line::parse(&reply.receipt.expect("a receipt").entry)
    }

    /// The same; how many entries follow from it.
    pub(crate) async fn report_followed(
        &self,
        decision: &Line,
        change: impl FnOnce(&mut pb::Execution),
    ) -> u32 {
        self.record(decision, Vec::new(), change).await.followers
    }

    async fn record(
        &self,
        decision: &Line,
        details: Vec<pb::Detail>,
        change: impl FnOnce(&mut pb::Execution),
    ) -> pb::RecordReply {
        let execution = with(
            pb::Execution {
                decision: decision.seq(),
                status: pb::ExecutionStatus::Success.into(),
                provider: "gmail".to_owned(),
                started_at: Some(started()),
                ..Default::default()
            },
            change,
        );
        let request = pb::RecordRequest {
            details,
            ..ask::report(
                &site::fresh("report"),
                decision.text("correlation_id"),
                Report::Execution(execution),
            )
        };
        self.client
            .record(request)
            .await
            .expect("evidence is never turned away")
    }

    /// What the provider reports later.
    pub(crate) async fn outcome(
        &self,
        execution: &Line,
        event: pb::OutcomeEvent,
    ) -> pb::RecordReply {
        let request = ask::report(
            &site::fresh("outcome"),
            execution.text("correlation_id"),
            Report::Outcome(event),
        );
        self.client
            .record(request)
            .await
            .expect("evidence is never turned away")
    }

    /// Its command line.
    pub(crate) fn ctl(&self, site: &Site) -> Ctl {
        Ctl::of(&site.ledger, &self.id, &Credential::of(&self.id))
    }
}

/// The sample policy, with samples that a day in a test can reach and rows for the agents of the day.
fn day_policy() -> String {
    let sample = repository().join("policies/sales/policy.toml");
    let mut policy = std::fs::read_to_string(sample).expect("the sample policy");
    for (from, to) in [
        ("minimum = 200", "minimum = 4"),
        ("minimum = 20\n", "minimum = 4\n"),
        ("warn_micros = 40_000_000", "warn_micros = 4_000_000"),
        ("open_micros = 50_000_000", "open_micros = 5_000_000"),
        (
            "id = \"enrichment-contacts\"",
            "id = \"enrichment-contacts\"\nagent_versions = [\"sha256:9c1e\"]",
        ),
        (
            "actions = [\"crm.owner.assign\"]",
            "actions = [\"crm.owner.assign\", \"crm.deal.stage\"]",
        ),
        (
            "writes = [\"hubspot_owner_id\"]",
            "writes = [\"hubspot_owner_id\", \"stage\"]",
        ),
    ] {
        assert!(
            policy.contains(from),
            "the sample policy no longer says `{from}`"
        );
        policy = policy.replace(from, to);
    }
    policy.push_str(
        r#"
[[grant]]
id = "calls-of-the-day"
agent = "agent.caller"
actions = ["call.queue"]
sellers = ["acme"]
approval = "waived"

[[grant]]
id = "cleanup"
agent = "agent.cleanup"
actions = ["crm.record.merge"]
objects = ["contact"]

[[grant]]
id = "rogue-sends"
agent = "agent.rogue"
actions = ["email.send"]
sellers = ["acme"]
mailboxes = ["outreach-1"]
approval = "waived"
"#,
    );
    policy
}

/// Now, as runtimes report it.
pub(crate) fn started() -> prost_types::Timestamp {
    ask::now()
}

/// An offset at which it is noon now, and one at which it is midnight, to the half hour.
pub(crate) fn offsets() -> (String, String) {
    let minute = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs(),
    )
    .expect("in range")
        / 60
        % 1_440;
    let at = |local: i64| {
        // Of the offsets that make it that time, the one within half a day of UTC.
        let mut offset = (local - minute).rem_euclid(1_440);
        if offset > 720 {
            offset -= 1_440;
        }
        let sign = if offset < 0 { '-' } else { '+' };
        format!("{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
    };
    (at(720), at(0))
}

pub(crate) fn outcome(line: &Line) -> &str {
    line.text("outcome")
}

/// The reason of this code of a denial.
#[track_caller]
pub(crate) fn denied(line: &Line, code: &str) -> Value {
    assert_eq!(outcome(line), "deny", "{}", line.0);
    let reasons = line.0["reasons"].as_array().expect("reasons");
    let reason = reasons.iter().find(|reason| reason["code"] == code);
    reason
        .unwrap_or_else(|| panic!("expected `{code}` in {}", line.0))
        .clone()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}
