//! An event as the report that records it: the same over HTTP and from a file, so that whatever comes both
//! ways is recorded once.

use ledger_core::entry::Event;
use ledger_proto::time::from_micros;
use ledger_proto::v1::{self, record_request::Report};

use super::{Outcome, Provider};

impl Outcome {
    /// The report of this event of `provider`. It names the execution by the provider's id alone, and has no
    /// correlation id: the ledger finds both.
    pub fn request(&self, provider: Provider) -> v1::RecordRequest {
        let event = match self.event {
            Event::BounceHard => v1::EventType::BounceHard,
            Event::BounceSoft => v1::EventType::BounceSoft,
            Event::Complaint => v1::EventType::Complaint,
            Event::Reply => v1::EventType::Reply,
            Event::Unsubscribe => v1::EventType::Unsubscribe,
        };
        v1::RecordRequest {
            request_id: self.id.clone(),
            report: Some(Report::Outcome(v1::OutcomeEvent {
                event: event.into(),
                provider: provider.as_str().to_owned(),
                provider_id: self.message.clone().unwrap_or_default(),
                occurred_at: Some(from_micros(self.occurred_at.micros())),
                person: Some(v1::Identifiers {
                    email: self.email.clone(),
                    ..v1::Identifiers::default()
                }),
                ..v1::OutcomeEvent::default()
            })),
            details: vec![v1::Detail {
                name: v1::DetailName::Response.into(),
                value: self.said.clone().into_bytes().into(),
            }],
            ..v1::RecordRequest::default()
        }
    }
}
