//! Times, numbers and the ledger's own words, as a reader who knows none of them would say it.

use ledger_core::action::Channels;
use ledger_core::codebook::key_name;
use ledger_core::entry::{Event, ListingReason, RecipientRole, Scope, Status};
use ledger_core::replay::GapCause;
use ledger_core::role::Role;
use ledger_core::time::Timestamp;
use ledger_core::token::Kind;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `22 November 2026, 11:31:05 UTC`.
pub(super) fn time(time: Timestamp) -> String {
    let text = time.to_string();
    let day = text
        .get(8..10)
        .map_or("", |day| day.trim_start_matches('0'));
    let month = text
        .get(5..7)
        .and_then(|month| month.parse::<usize>().ok())
        .and_then(|month| MONTHS.get(month.checked_sub(1)?))
        .copied()
        .unwrap_or_default();
    let (year, clock) = (text.get(..4), text.get(11..19));
    format!(
        "{day} {month} {}, {} UTC",
        year.unwrap_or_default(),
        clock.unwrap_or_default()
    )
}

/// `3 hours 12 minutes`.
pub(super) fn length(from: Timestamp, to: Timestamp) -> String {
    let seconds = (to.micros() - from.micros()).unsigned_abs() / 1_000_000;
    let units = [
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, name) in units {
        let number = left / unit;
        left %= unit;
        if number > 0 && parts.len() < 2 {
            parts.push(count(number, name));
        } else if !parts.is_empty() {
            break;
        }
    }
    match parts.as_slice() {
        [] => "less than a second".to_owned(),
        parts => parts.join(" "),
    }
}

/// `1 entry`, `2 entries`.
pub(super) fn count(number: u64, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if number == 1 => format!("1 {noun}"),
        Some(stem) if !noun.ends_with("ay") => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

/// `a, b and c`.
pub(super) fn joined<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [before @ .., last] => {
            let before: Vec<&str> = before.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", before.join(", "), last.as_ref())
        }
    }
}

/// The first letter large.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// Kinds of key, each once: most addresses are their own canonical form.
pub(super) fn kinds(kinds: &[Kind]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for kind in kinds {
        let name = match kind {
            Kind::EmailCanonical => key_name(&Kind::Email),
            kind => key_name(kind),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    joined(&names)
}

pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Agent => "an AI agent",
        Role::Operator => "operations",
        Role::Compliance => "compliance",
        Role::Approver => "an approver",
        Role::Auditor => "an auditor",
        Role::Recorder => "a program that reports what happened",
        Role::Ingest => "a mail provider",
    }
}

pub(super) const fn addressed(role: RecipientRole) -> &'static str {
    match role {
        RecipientRole::To => "an addressee (to)",
        RecipientRole::Cc => "an addressee in copy (cc)",
        RecipientRole::Bcc => "an addressee in blind copy (bcc)",
        RecipientRole::Callee => "the person called",
        RecipientRole::Attendee => "an attendee",
        RecipientRole::Enrollee => "the person enrolled",
    }
}

pub(super) const fn status(status: Status) -> &'static str {
    match status {
        Status::Success => "carried out",
        Status::Failure => "tried, and failed",
        Status::Partial => "carried out in part",
        Status::NotStarted => "given up before it was tried",
    }
}

pub(super) const fn event(event: Event) -> &'static str {
    match event {
        Event::BounceHard => "it bounced for good (hard bounce)",
        Event::BounceSoft => "it bounced for the time being (soft bounce)",
        Event::Complaint => "the recipient complained about it",
        Event::Reply => "the recipient replied",
        Event::Unsubscribe => "the recipient unsubscribed",
    }
}

pub(super) const fn listing(reason: ListingReason) -> &'static str {
    match reason {
        ListingReason::EntityRequest => "the person asked not to be contacted",
        ListingReason::Unsubscribe => "the person unsubscribed",
        ListingReason::GdprObjection => {
            "the person objected to direct marketing (GDPR, Article 21)"
        }
        ListingReason::ConsentRevoked => "the person withdrew their consent",
        ListingReason::Complaint => "the person complained",
        ListingReason::HardBounce => "mail to the address bounced for good",
        ListingReason::NationalRegistry => "a national do-not-call registry",
        ListingReason::StateRegistry => "a state's do-not-call registry",
        ListingReason::Litigator => "known as a litigator",
        ListingReason::LegalHold => "a legal hold",
        ListingReason::Manual => "entered by hand",
    }
}

pub(super) fn channels(channels: Channels) -> String {
    let names: Vec<String> = channels.iter().map(|channel| channel.to_string()).collect();
    if names.is_empty() {
        "every channel".to_owned()
    } else {
        joined(&names)
    }
}

pub(super) fn scope(scope: &Scope) -> String {
    match scope {
        Scope::All => "everything".to_owned(),
        Scope::Agent { id } => format!("the agent `{id}`"),
        Scope::Class { class } => format!("every action of the class `{class}`"),
    }
}

pub(super) const fn gap(cause: GapCause) -> &'static str {
    match cause {
        GapCause::NotStarted => "The ledger was created, and not yet started.",
        GapCause::Stopped => "The ledger was shut down in good order.",
        GapCause::Died => "The ledger ended without being shut down (a crash, or a loss of power).",
        GapCause::Silent => {
            "The ledger was running by its own account, but wrote nothing (a machine asleep, for example)."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_read_well() {
        let at: Timestamp = "2026-02-03T04:05:06.123456Z".parse().unwrap();
        assert_eq!(time(at), "3 February 2026, 04:05:06 UTC");
        for (seconds, expected) in [
            (0, "less than a second"),
            (1, "1 second"),
            (61, "1 minute 1 second"),
            (3_600, "1 hour"),
            (3_605, "1 hour"),
            (90_061, "1 day 1 hour"),
        ] {
            assert_eq!(length(at, at.saturating_add_s(seconds)), expected);
        }
        assert_eq!(count(2, "entry"), "2 entries");
        assert_eq!(count(2, "day"), "2 days");
        assert_eq!(count(1, "entry"), "1 entry");
        assert_eq!(joined(&["a", "b", "c"]), "a, b and c");
    }
}
