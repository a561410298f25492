//! Requests, each well-formed and as short as a test can say it. What a test is about it changes
//! afterwards.

use std::time::{Duration, SystemTime};

use ledger_proto::v1 as pb;
use prost_types::Timestamp;

/// `request` with a change.
pub fn with<T>(mut request: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut request);
    request
}

/// Now, by the tests' clock, which is the daemon's.
pub fn now() -> Timestamp {
    SystemTime::now().into()
}

/// That many seconds from now, or before.
pub fn seconds_from_now(seconds: i64) -> Timestamp {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    if seconds < 0 {
        (now - distance).into()
    } else {
        (now + distance).into()
    }
}

/// What every write of the control service carries.
#[allow(
    clippy::unnecessary_wraps,
    reason = "protobuf's messages are optional fields"
)]
pub fn header(request_id: &str) -> Option<pb::WriteHeader> {
    Some(pb::WriteHeader {
        request_id: request_id.to_owned(),
        correlation_id: String::new(),
    })
}

/// One detail.
pub fn detail(name: pb::DetailName, value: impl Into<Vec<u8>>) -> pb::Detail {
    pb::Detail {
        name: name.into(),
        value: value.into().into(),
    }
}

/// The reason that some calls require.
pub fn reason(text: &str) -> Vec<pb::Detail> {
    vec![detail(pb::DetailName::Reason, text)]
}

/// A person known by address and contact id.
pub fn person(email: &str, contact_id: &str) -> pb::Identifiers {
    pb::Identifiers {
        email: email.to_owned(),
        contact_id: contact_id.to_owned(),
        ..Default::default()
    }
}

/// An addressee.
pub fn to(identifiers: pb::Identifiers) -> pb::Recipient {
    pb::Recipient {
        role: pb::RecipientRole::To.into(),
        identifiers: Some(identifiers),
        dnc: false,
        utc_offset: String::new(),
    }
}

/// An action that names nobody.
pub fn act(request_id: &str, correlation_id: &str, action: &str) -> pb::DecideRequest {
    pb::DecideRequest {
        request_id: request_id.to_owned(),
        correlation_id: correlation_id.to_owned(),
        action: action.to_owned(),
        ..Default::default()
    }
}

/// An e-mail to one person, for `acme` from `outreach-1`, as the sales policy grants it to
/// `agent.outbound.sender`.
pub fn email(
    request_id: &str,
    correlation_id: &str,
    address: &str,
    contact_id: &str,
) -> pb::DecideRequest {
    pb::DecideRequest {
        tool: "gmail.messages.send".to_owned(),
        seller: "acme".to_owned(),
        mailbox: "outreach-1".to_owned(),
        recipients: vec![to(person(address, contact_id))],
        ..act(request_id, correlation_id, "email.send")
    }
}

/// The report that a decision was carried out, just now.
pub fn executed(request_id: &str, correlation_id: &str, decision: u64) -> pb::RecordRequest {
    let execution = pb::Execution {
        decision,
        status: pb::ExecutionStatus::Success.into(),
        provider: "gmail".to_owned(),
        started_at: Some(now()),
        ..Default::default()
    };
    report(
        request_id,
        correlation_id,
        pb::record_request::Report::Execution(execution),
    )
}

/// A reply of somebody to something unknown: the one report that every role which reports may make.
pub fn replied(request_id: &str, correlation_id: &str) -> pb::RecordRequest {
    let outcome = pb::OutcomeEvent {
        event: pb::EventType::Reply.into(),
        provider: "gmail".to_owned(),
        ..Default::default()
    };
    report(
        request_id,
        correlation_id,
        pb::record_request::Report::Outcome(outcome),
    )
}

/// A report.
pub fn report(
    request_id: &str,
    correlation_id: &str,
    report: pb::record_request::Report,
) -> pb::RecordRequest {
    pb::RecordRequest {
        request_id: request_id.to_owned(),
        correlation_id: correlation_id.to_owned(),
        report: Some(report),
        ..Default::default()
    }
}

/// A decision that another engine made.
pub fn asserted(request_id: &str, correlation_id: &str, action: &str) -> pb::RecordRequest {
    let decision = pb::AssertedDecision {
        action: action.to_owned(),
        foreign: Some(foreign(pb::Outcome::Allow)),
        ..Default::default()
    };
    report(
        request_id,
        correlation_id,
        pb::record_request::Report::Decision(decision),
    )
}

/// What another engine decided.
pub fn foreign(outcome: pb::Outcome) -> pb::ForeignDecision {
    pb::ForeignDecision {
        engine: "opa".to_owned(),
        outcome: outcome.into(),
        ..Default::default()
    }
}

/// A person as the subject of a listing.
pub fn someone(identifiers: pb::Identifiers) -> pb::Subject {
    pb::Subject {
        of: Some(pb::subject::Of::Person(identifiers)),
    }
}

/// Exemptions of one person from listings of `acme`'s for a day, by e-mail.
pub fn exempt(request_id: &str, person: pb::Identifiers) -> pb::ExemptDncRequest {
    let exemption = pb::Exemption {
        person: Some(person),
        seller: "acme".to_owned(),
        channels: vec![pb::Channel::Email.into()],
        expires_at: Some(seconds_from_now(86_400)),
        evidence_sha256: vec![7; 32].into(),
    };
    pb::ExemptDncRequest {
        header: header(request_id),
        exemptions: vec![exemption],
        details: Vec::new(),
    }
}

/// The end of one listing.
pub fn unlist(request_id: &str, seq: u64, index: u64) -> pb::RemoveDncRequest {
    pb::RemoveDncRequest {
        header: header(request_id),
        ends: vec![pb::Cite {
            seq,
            index: Some(index),
        }],
        evidence_sha256: vec![7; 32].into(),
        details: reason("the person asked to be contacted again"),
    }
}

/// A stop.
pub fn stop(request_id: &str, scope: pb::scope::Of) -> pb::StopRequest {
    pb::StopRequest {
        header: header(request_id),
        scope: Some(pb::Scope { of: Some(scope) }),
        details: reason("it does not look right"),
    }
}

/// The end of the stops of exactly this scope.
pub fn resume(request_id: &str, scope: pb::scope::Of) -> pb::ResumeRequest {
    pb::ResumeRequest {
        header: header(request_id),
        scope: Some(pb::Scope { of: Some(scope) }),
        details: reason("it was looked at"),
    }
}

/// A domain as the subject of a listing.
pub fn domain(name: &str) -> pb::Subject {
    pb::Subject {
        of: Some(pb::subject::Of::Domain(name.to_owned())),
    }
}

/// A listing for everybody and every channel, at the person's own request.
pub fn listing(subject: pb::Subject) -> pb::Listing {
    pb::Listing {
        subject: Some(subject),
        reason: pb::ListingReason::EntityRequest.into(),
        source: "crm".to_owned(),
        ..Default::default()
    }
}

/// People to be listed.
pub fn list(request_id: &str, listings: Vec<pb::Listing>) -> pb::AddDncRequest {
    pb::AddDncRequest {
        header: header(request_id),
        listings,
        ..Default::default()
    }
}

/// A policy of one file.
pub fn policy(request_id: &str, text: &str) -> pb::PublishPolicyRequest {
    pb::PublishPolicyRequest {
        header: header(request_id),
        files: vec![pb::PolicyFile {
            path: "policy.toml".to_owned(),
            text: text.to_owned(),
        }],
        promotion: None,
    }
}

/// A principal.
pub fn principal(
    request_id: &str,
    id: &str,
    role: pb::Role,
    credential: &crate::Credential,
) -> pb::PutPrincipalRequest {
    pb::PutPrincipalRequest {
        header: header(request_id),
        id: id.to_owned(),
        role: role.into(),
        groups: Vec::new(),
        credential_sha256: credential.sha256().as_bytes().to_vec().into(),
    }
}

/// The receipt of an entry.
pub fn receipt_of(seq: u64) -> pb::GetReceiptRequest {
    pb::GetReceiptRequest {
        of: Some(pb::get_receipt_request::Of::Seq(seq)),
    }
}

/// The receipt of one's own request.
pub fn receipt_of_request(call: &str, request_id: &str) -> pb::GetReceiptRequest {
    let request = pb::RequestName {
        call: call.to_owned(),
        request_id: request_id.to_owned(),
    };
    pb::GetReceiptRequest {
        of: Some(pb::get_receipt_request::Of::Request(request)),
    }
}

/// The entries with a correlation id, from the first.
pub fn trace(correlation_id: &str) -> pb::TraceRequest {
    pb::TraceRequest {
        correlation_id: correlation_id.to_owned(),
        ..Default::default()
    }
}
