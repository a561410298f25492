//! A house with everybody who may write, and requests of every kind, each changed in one place.

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Client, Refused, Site, sales_policy, site};
use pb::record_request::Report;
use pb::scope::Of;
use tonic::{Code, Status};

/// The agent that may send.
pub(crate) const SENDER: &str = "agent.outbound.sender";
/// A request of any kind that writes.
#[derive(Clone)]
pub(crate) enum Write {
    Decide(pb::DecideRequest),
    Record(pb::RecordRequest),
    AddDnc(pb::AddDncRequest),
    RemoveDnc(pb::RemoveDncRequest),
    ExemptDnc(pb::ExemptDncRequest),
    PutPrincipal(pb::PutPrincipalRequest),
    Revoke(pb::RevokePrincipalRequest),
    Publish(pb::PublishPolicyRequest),
    Stop(pb::StopRequest),
    Resume(pb::ResumeRequest),
}

/// A site under the sales policy, with everybody who may write.
pub(crate) struct House {
    pub site: Site,
    pub agent: Client,
    pub compliance: Client,
}

impl House {
    /// A new one, under the sales policy.
    pub(crate) async fn open() -> Self {
        let site = Site::with_policy(&sales_policy()).await;
        let agent = site.principal(SENDER, Role::Agent).await;
        let compliance = site.principal("compliance.desk", Role::Compliance).await;
        Self {
            site,
            agent,
            compliance,
        }
    }

    /// Sends a request as somebody who may.
    pub(crate) async fn send(&self, write: Write) -> Result<u64, Status> {
        let operator = &self.site.operator;
        let receipt = match write {
            Write::Decide(request) => self.agent.decide(request).await?.receipt,
            Write::Record(request) => self.agent.record(request).await?.receipt,
            Write::AddDnc(request) => operator.add_dnc(request).await?.receipt,
            Write::RemoveDnc(request) => self.compliance.remove_dnc(request).await?.receipt,
            Write::ExemptDnc(request) => self.compliance.exempt_dnc(request).await?.receipt,
            Write::PutPrincipal(request) => operator.put_principal(request).await?.receipt,
            Write::Revoke(request) => operator.revoke_principal(request).await?.receipt,
            Write::Publish(request) => operator.publish_policy(request).await?.receipt,
            Write::Stop(request) => operator.stop(request).await?.receipt,
            Write::Resume(request) => operator.resume(request).await?.receipt,
        };
        Ok(site::seq(receipt))
    }

    /// Demands that `write` is refused with `code`, and that the log stays as it was.
    pub(crate) async fn refuses(&self, what: &str, write: Write, code: Code) -> Refused {
        let before = self.site.operator.checkpoint().await.expect("a checkpoint");
        let refused = Refused::of(what, self.send(write).await).code(what, code);
        let after = self.site.operator.checkpoint().await.expect("a checkpoint");
        assert_eq!(
            before.checkpoint, after.checkpoint,
            "{what}: something was written"
        );
        refused
    }

    /// Demands that every one of `cases` is an invalid argument that names its field.
    pub(crate) async fn refuses_all(&self, cases: Vec<(&str, Write, &str)>) {
        for (what, write, field) in cases {
            self.refuses(what, write, Code::InvalidArgument)
                .await
                .names(what, field);
        }
    }
}

pub(crate) fn decide(change: impl FnOnce(&mut pb::DecideRequest)) -> Write {
    let request = ask::email(&site::fresh("ask"), "run-1", "ana@buyer.example", "c-1");
    Write::Decide(with(request, change))
}

pub(crate) fn record(change: impl FnOnce(&mut pb::RecordRequest)) -> Write {
    Write::Record(with(
        ask::executed(&site::fresh("report"), "run-1", 0),
        change,
    ))
}

pub(crate) fn execution(change: impl FnOnce(&mut pb::Execution)) -> Write {
    record(|request| match &mut request.report {
        Some(Report::Execution(execution)) => change(execution),
        other => panic!("not an execution: {other:?}"),
    })
}

pub(crate) fn outcome(change: impl FnOnce(&mut pb::OutcomeEvent)) -> Write {
    let event = pb::OutcomeEvent {
        event: pb::EventType::Reply.into(),
        ..Default::default()
    };
    let event = with(event, change);
    Write::Record(ask::report(
        &site::fresh("report"),
        "run-1",
        Report::Outcome(event),
    ))
}

pub(crate) fn asserted(action: &str, change: impl FnOnce(&mut pb::AssertedDecision)) -> Write {
    let mut request = ask::asserted(&site::fresh("report"), "run-1", action);
    if let Some(Report::Decision(decision)) = &mut request.report {
        change(decision);
    }
    Write::Record(request)
}

pub(crate) fn add(change: impl FnOnce(&mut pb::Listing)) -> Write {
    let listing = ask::listing(ask::someone(ask::person("ben@buyer.example", "c-2")));
    Write::AddDnc(ask::list(&site::fresh("dnc"), vec![with(listing, change)]))
}

pub(crate) fn exempt(change: impl FnOnce(&mut pb::Exemption)) -> Write {
    let mut request = ask::exempt(&site::fresh("dnc"), ask::person("ben@buyer.example", "c-2"));
    change(&mut request.exemptions[0]);
    Write::ExemptDnc(request)
}

pub(crate) fn principal(change: impl FnOnce(&mut pb::PutPrincipalRequest)) -> Write {
    let id = site::fresh("agent.new");
    let request = ask::principal(
        &id,
        &id,
        pb::Role::Agent,
        &ledger_tests::Credential::of(&id),
    );
    Write::PutPrincipal(with(request, change))
}

pub(crate) fn resume(change: impl FnOnce(&mut pb::ResumeRequest)) -> Write {
    Write::Resume(with(
        ask::resume(&site::fresh("resume"), Of::All(true)),
        change,
    ))
}

impl Write {
    /// The same principal in another role.
    pub(crate) fn an_auditor(mut self) -> Self {
        if let Self::PutPrincipal(request) = &mut self {
            request.role = pb::Role::Auditor.into();
        }
        self
    }
}
