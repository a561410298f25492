//! The wire's words and the core's: one table each, both ways where both are needed.

use ledger_core::action::{Channel, Channels, Class};
use ledger_core::entry::{
    DetailName, Event, ListingReason, Outcome, RecipientRole, Scope, Status, Verdict,
};
use ledger_core::role::Role;
use ledger_core::view::Table;
use ledger_proto::v1 as wire;
use serde::Serialize;

use super::field::word;
use crate::status::FieldError;

/// The detail of that number.
///
/// # Errors
/// [`FieldError`] where it is unspecified or unknown.
pub fn detail_name(field: &str, number: i32) -> Result<DetailName, FieldError> {
    use wire::DetailName as W;
    let found = W::try_from(number).ok().and_then(|name| {
        Some(match name {
            W::Unspecified => return None,
            W::Params => DetailName::Params,
            W::Rationale => DetailName::Rationale,
            W::Diff => DetailName::Diff,
            W::Context => DetailName::Context,
            W::Prompt => DetailName::Prompt,
            W::Plan => DetailName::Plan,
            W::Before => DetailName::Before,
            W::After => DetailName::After,
            W::Response => DetailName::Response,
            W::Reason => DetailName::Reason,
            W::Evidence => DetailName::Evidence,
            W::Recipients => DetailName::Recipients,
        })
    });
    word(field, number, found, "a detail's name, such as PARAMS")
}

pub(super) fn recipient_role(field: &str, number: i32) -> Result<RecipientRole, FieldError> {
    use wire::RecipientRole as W;
    let found = W::try_from(number).ok().and_then(|role| {
        Some(match role {
            W::Unspecified => return None,
            W::To => RecipientRole::To,
            W::Cc => RecipientRole::Cc,
            W::Bcc => RecipientRole::Bcc,
            W::Callee => RecipientRole::Callee,
            W::Attendee => RecipientRole::Attendee,
            W::Enrollee => RecipientRole::Enrollee,
        })
    });
    word(
        field,
        number,
        found,
        "TO, CC, BCC, CALLEE, ATTENDEE or ENROLLEE",
    )
}

pub(super) fn outcome(field: &str, number: i32) -> Result<Outcome, FieldError> {
    use wire::Outcome as W;
    let found = W::try_from(number).ok().and_then(|outcome| {
        Some(match outcome {
            W::Unspecified => return None,
            W::Allow => Outcome::Allow,
            W::RequireApproval => Outcome::RequireApproval,
            W::Deny => Outcome::Deny,
        })
    });
    word(field, number, found, "ALLOW, REQUIRE_APPROVAL or DENY")
}

/// The outcome on the wire.
pub const fn outcome_to_wire(outcome: Outcome) -> wire::Outcome {
    match outcome {
        Outcome::Allow => wire::Outcome::Allow,
        Outcome::RequireApproval => wire::Outcome::RequireApproval,
        Outcome::Deny => wire::Outcome::Deny,
    }
}

pub(super) fn status(field: &str, number: i32) -> Result<Status, FieldError> {
    use wire::ExecutionStatus as W;
    let found = W::try_from(number).ok().and_then(|status| {
        Some(match status {
            W::Unspecified => return None,
            W::Success => Status::Success,
            W::Failure => Status::Failure,
            W::Partial => Status::Partial,
            W::NotStarted => Status::NotStarted,
        })
    });
    word(
        field,
        number,
        found,
        "SUCCESS, FAILURE, PARTIAL or NOT_STARTED",
    )
}

pub(super) fn event(field: &str, number: i32) -> Result<Event, FieldError> {
    use wire::EventType as W;
    let found = W::try_from(number).ok().and_then(|event| {
        Some(match event {
            W::Unspecified => return None,
            W::BounceHard => Event::BounceHard,
            W::BounceSoft => Event::BounceSoft,
            W::Complaint => Event::Complaint,
            W::Reply => Event::Reply,
            W::Unsubscribe => Event::Unsubscribe,
        })
    });
    word(
        field,
        number,
        found,
        "BOUNCE_HARD, BOUNCE_SOFT, COMPLAINT, REPLY or UNSUBSCRIBE",
    )
}

pub(super) fn role(field: &str, number: i32) -> Result<Role, FieldError> {
    use wire::Role as W;
    let found = W::try_from(number).ok().and_then(|role| {
        Some(match role {
            W::Unspecified => return None,
            W::Agent => Role::Agent,
            W::Operator => Role::Operator,
            W::Compliance => Role::Compliance,
            W::Approver => Role::Approver,
            W::Auditor => Role::Auditor,
            W::Recorder => Role::Recorder,
            W::Ingest => Role::Ingest,
        })
    });
    word(
        field,
        number,
        found,
        "AGENT, OPERATOR, COMPLIANCE, APPROVER, AUDITOR, RECORDER or INGEST",
    )
}

/// The role on the wire.
pub const fn role_to_wire(role: Role) -> wire::Role {
    match role {
        Role::Agent => wire::Role::Agent,
        Role::Operator => wire::Role::Operator,
        Role::Compliance => wire::Role::Compliance,
        Role::Approver => wire::Role::Approver,
        Role::Auditor => wire::Role::Auditor,
        Role::Recorder => wire::Role::Recorder,
        Role::Ingest => wire::Role::Ingest,
    }
}

pub(super) fn listing_reason(field: &str, number: i32) -> Result<ListingReason, FieldError> {
    use wire::ListingReason as W;
    let found = W::try_from(number).ok().and_then(|reason| {
        Some(match reason {
            W::Unspecified => return None,
            W::EntityRequest => ListingReason::EntityRequest,
            W::Unsubscribe => ListingReason::Unsubscribe,
            W::GdprObjection => ListingReason::GdprObjection,
            W::ConsentRevoked => ListingReason::ConsentRevoked,
            W::Complaint => ListingReason::Complaint,
            W::HardBounce => ListingReason::HardBounce,
            W::NationalRegistry => ListingReason::NationalRegistry,
            W::StateRegistry => ListingReason::StateRegistry,
            W::Litigator => ListingReason::Litigator,
            W::LegalHold => ListingReason::LegalHold,
            W::Manual => ListingReason::Manual,
        })
    });
    word(
        field,
        number,
        found,
        "a listing's reason, such as UNSUBSCRIBE",
    )
}

/// The listing's reason on the wire.
pub const fn listing_reason_to_wire(reason: ListingReason) -> wire::ListingReason {
    match reason {
        ListingReason::EntityRequest => wire::ListingReason::EntityRequest,
        ListingReason::Unsubscribe => wire::ListingReason::Unsubscribe,
        ListingReason::GdprObjection => wire::ListingReason::GdprObjection,
        ListingReason::ConsentRevoked => wire::ListingReason::ConsentRevoked,
        ListingReason::Complaint => wire::ListingReason::Complaint,
        ListingReason::HardBounce => wire::ListingReason::HardBounce,
        ListingReason::NationalRegistry => wire::ListingReason::NationalRegistry,
        ListingReason::StateRegistry => wire::ListingReason::StateRegistry,
        ListingReason::Litigator => wire::ListingReason::Litigator,
        ListingReason::LegalHold => wire::ListingReason::LegalHold,
        ListingReason::Manual => wire::ListingReason::Manual,
    }
}

/// Channels as a set; a repeated one counts once.
pub(super) fn channels(field: &str, numbers: &[i32]) -> Result<Channels, FieldError> {
    use wire::Channel as W;
    let one = |(at, number): (usize, &i32)| {
        let found = W::try_from(*number).ok().and_then(|channel| {
            Some(match channel {
                W::Unspecified => return None,
                W::Email => Channel::Email,
                W::Call => Channel::Call,
                W::Sms => Channel::Sms,
                W::Meeting => Channel::Meeting,
            })
        });
        word(
            &format!("{field}[{at}]"),
            *number,
            found,
            "EMAIL, CALL, SMS or MEETING",
        )
    };
    numbers.iter().enumerate().map(one).collect()
}

/// The channels on the wire.
pub fn channels_to_wire(channels: Channels) -> Vec<i32> {
    let one = |channel| match channel {
        Channel::Email => wire::Channel::Email,
        Channel::Call => wire::Channel::Call,
        Channel::Sms => wire::Channel::Sms,
        Channel::Meeting => wire::Channel::Meeting,
    };
    channels.iter().map(|channel| one(channel).into()).collect()
}

pub(super) fn class(field: &str, number: i32) -> Result<Class, FieldError> {
    use wire::ActionClass as W;
    let found = W::try_from(number).ok().and_then(|class| {
        Some(match class {
            W::Unspecified => return None,
            W::Read => Class::Read,
            W::Write => Class::Write,
            W::Contact => Class::Contact,
            W::Admin => Class::Admin,
        })
    });
    word(field, number, found, "READ, WRITE, CONTACT or ADMIN")
}

/// The class on the wire.
pub const fn class_to_wire(class: Class) -> wire::ActionClass {
    match class {
        Class::Read => wire::ActionClass::Read,
        Class::Write => wire::ActionClass::Write,
        Class::Contact => wire::ActionClass::Contact,
        Class::Admin => wire::ActionClass::Admin,
    }
}

/// What somebody answers to an approval request; that it expires, nobody says.
pub(super) fn verdict(field: &str, number: i32) -> Result<Verdict, FieldError> {
    use wire::Verdict as W;
    let found = W::try_from(number).ok().and_then(|verdict| {
        Some(match verdict {
            W::Unspecified => return None,
            W::Granted => Verdict::Granted,
            W::Denied => Verdict::Denied,
        })
    });
    word(field, number, found, "GRANTED or DENIED")
}

/// The scope of a stop on the wire.
pub fn scope_to_wire(scope: &Scope) -> wire::Scope {
    let of = match scope {
        Scope::All => wire::scope::Of::All(true),
        Scope::Agent { id } => wire::scope::Of::AgentId(id.clone()),
        Scope::Class { class: stopped } => wire::scope::Of::Class(class_to_wire(*stopped).into()),
    };
    wire::Scope { of: Some(of) }
}

/// The table that lists what is open in this way.
///
/// # Errors
/// [`FieldError`] where it is unspecified or unknown.
pub fn open_kind(field: &str, number: i32) -> Result<Table, FieldError> {
    use wire::OpenKind as W;
    let found = W::try_from(number).ok().and_then(|kind| {
        Some(match kind {
            W::Unspecified => return None,
            W::Open => Table::Open,
            W::Unresolved => Table::Unresolved,
            W::Irregular => Table::Irregular,
            W::Voided => Table::Voided,
        })
    });
    word(
        field,
        number,
        found,
        "OPEN, UNRESOLVED, IRREGULAR or VOIDED",
    )
}

/// Whether the oldest come first.
///
/// # Errors
/// [`FieldError`] where the number is unknown.
pub fn list_order(field: &str, number: i32) -> Result<bool, FieldError> {
    use wire::ListOrder as W;
    let found = W::try_from(number).ok().map(|order| match order {
        W::Unspecified | W::NewestFirst => false,
        W::OldestFirst => true,
    });
    word(field, number, found, "NEWEST_FIRST or OLDEST_FIRST")
}

/// The word that an entry has for a value of a closed list.
pub fn entry_word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ledger_core::entry::{Code, Finding};

    use super::*;

    /// Every number of a wire enum maps to a word of its own, and 0 and unknown numbers to none.
    fn holds<T: PartialEq + std::fmt::Debug>(
        known: i32,
        map: impl Fn(i32) -> Result<T, FieldError>,
    ) {
        let words: Vec<T> = (1..=known)
            .map(|number| map(number).expect("known"))
            .collect();
        for (i, word) in words.iter().enumerate() {
            assert!(
                !words[i + 1..].contains(word),
                "{word:?} stands for two numbers"
            );
        }
        for number in [0, -1, known + 1] {
            let error = map(number).expect_err("no word");
            assert_eq!(error.field, "f");
        }
    }

    #[test]
    fn every_word_of_the_wire_is_known_once() {
        holds(12, |n| detail_name("f", n));
        holds(6, |n| recipient_role("f", n));
        holds(3, |n| outcome("f", n));
        holds(4, |n| status("f", n));
        holds(5, |n| event("f", n));
        holds(7, |n| role("f", n));
        holds(11, |n| listing_reason("f", n));
        holds(4, |n| class("f", n));
        let error = channels("f", &[1, 0]).expect_err("unspecified");
        assert_eq!(error.field, "f[1]");
        assert_eq!(
            channels("f", &[4, 1, 1]).expect("known"),
            Channels::of(&[Channel::Email, Channel::Meeting])
        );
    }

    /// The wire's names are the core's words in capitals, so a wrong pairing shows.
    #[test]
    fn words_agree_with_the_names_on_the_wire() {
        for number in 1..=12 {
            let name = wire::DetailName::try_from(number)
                .expect("known")
                .as_str_name();
            let word = detail_name("f", number)
                .expect("known")
                .as_str()
                .to_uppercase();
            assert_eq!(name, format!("DETAIL_NAME_{word}"));
        }
        for number in 1..=6 {
            let name = wire::Role::try_from(number).expect("known").as_str_name();
            let found = role("f", number).expect("known");
            assert_eq!(name, format!("ROLE_{}", found.as_str().to_uppercase()));
            assert_eq!(i32::from(role_to_wire(found)), number);
        }
        for number in 1..=4 {
            let name = wire::ActionClass::try_from(number)
                .expect("known")
                .as_str_name();
            assert_eq!(
                name,
                format!(
                    "ACTION_CLASS_{}",
                    class("f", number).expect("known").as_str().to_uppercase()
                )
            );
        }
        let word = |value: serde_json::Value| value.as_str().expect("a word").to_uppercase();
        for number in 1..=11 {
            let name = wire::ListingReason::try_from(number)
                .expect("known")
                .as_str_name();
            let found = listing_reason("f", number).expect("known");
            assert_eq!(
                name,
                format!(
                    "LISTING_REASON_{}",
                    word(serde_json::to_value(found).expect("json"))
                )
            );
            assert_eq!(i32::from(listing_reason_to_wire(found)), number);
        }
        for number in 1..=3 {
            let name = wire::Outcome::try_from(number)
                .expect("known")
                .as_str_name();
            let found = outcome("f", number).expect("known");
            assert_eq!(
                name,
                format!(
                    "OUTCOME_{}",
                    word(serde_json::to_value(found).expect("json"))
                )
            );
            assert_eq!(i32::from(outcome_to_wire(found)), number);
        }
        for number in 1..=4 {
            let name = wire::ExecutionStatus::try_from(number)
                .expect("known")
                .as_str_name();
            let found = status("f", number).expect("known");
            assert_eq!(
                name,
                format!(
                    "EXECUTION_STATUS_{}",
                    word(serde_json::to_value(found).expect("json"))
                )
            );
            let name = wire::Channel::try_from(number)
                .expect("known")
                .as_str_name();
            let found = channels("f", &[number]).expect("known");
            assert_eq!(
                name,
                format!("CHANNEL_{}", found.to_string().to_uppercase())
            );
            assert_eq!(channels_to_wire(found), [number]);
        }
        for number in 1..=5 {
            let name = wire::EventType::try_from(number)
                .expect("known")
                .as_str_name();
            let found = event("f", number).expect("known");
            assert_eq!(
                name,
                format!(
                    "EVENT_TYPE_{}",
                    word(serde_json::to_value(found).expect("json"))
                )
            );
        }
        for number in 1..=6 {
            let name = wire::RecipientRole::try_from(number)
                .expect("known")
                .as_str_name();
            let found = recipient_role("f", number).expect("known");
            assert_eq!(
                name,
                format!(
                    "RECIPIENT_ROLE_{}",
                    word(serde_json::to_value(found).expect("json"))
                )
            );
        }
    }

    #[test]
    fn findings_and_reasons_are_said_as_entries_say_them() {
        assert_eq!(entry_word(&Finding::InFlightAtStop), "in_flight_at_stop");
        assert_eq!(entry_word(&Code::DncListed), "dnc.listed");
    }
}
