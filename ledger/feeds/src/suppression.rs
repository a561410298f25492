//! Files of people who must not be contacted, as providers and registries deliver them.
//!
//! [`read`] streams a file of any size through a fixed amount of memory and hands over its rows in order,
//! each one checked: whom it names can be normalised, its reason and its time are known. A row that is
//! not good is a [`Reject`], named by line and field, never by what it says, which may name somebody.
//! What makes the file as a whole unreadable (no header, a quote that is never closed, text that is not
//! UTF-8) is an [`Unreadable`], and none of it may be relied on.
//!
//! | format | columns, in any order; others are passed over | reason | channels |
//! |---|---|---|---|
//! | [`HubSpot`](Format::HubSpot) | `Email`; status columns where there are any | as they say | e-mail |
//! | [`Ses`](Format::Ses) | `EmailAddress`, `Reason`, `LastUpdateTime`, as JSON or CSV | `BOUNCE`, `COMPLAINT` | e-mail |
//! | [`SendGridUnsubscribes`](Format::SendGridUnsubscribes) | `email`, `created` | `unsubscribe` | e-mail |
//! | [`SendGridBounces`](Format::SendGridBounces) | `email`, `created` | `hard_bounce` | e-mail |
//! | [`SendGridSpam`](Format::SendGridSpam) | `email`, `created` | `complaint` | e-mail |
//! | [`SendGridInvalid`](Format::SendGridInvalid) | `email`, `created` | `hard_bounce` | e-mail |
//! | [`FtcFull`](Format::FtcFull) | area code, number; no header | `national_registry` | call, sms |
//! | [`FtcChanges`](Format::FtcChanges) | area code, number, time, `A` or `D`; no header | `national_registry` | call, sms |
//! | [`Csv`](Format::Csv) | `email`, `phone`, `contact`, `domain`, `account`, `reason`, `requested_at` | given, or the row's | given |
//! | [`Plain`](Format::Plain) | one identifier a line | given | given |

mod csv;
mod ftc;
mod hubspot;
mod plain;
mod record;
mod row;
mod sendgrid;
mod ses;
mod subject;

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use ledger_core::action::{Channel, Channels};
use ledger_core::entry::ListingReason;
use ledger_core::time::Timestamp;

pub use self::plain::Kind;
pub use self::subject::Subject;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// HubSpot's export of opted-out, bounced and reporting contacts, or a bare opt-out list.
    HubSpot,
    /// Amazon SES: what `list-suppressed-destinations` answers, as JSON, or the same as CSV.
    Ses,
    /// Twilio SendGrid: global or group unsubscribes.
    SendGridUnsubscribes,
    /// Twilio SendGrid: bounces.
    SendGridBounces,
    /// Twilio SendGrid: spam reports.
    SendGridSpam,
    /// Twilio SendGrid: addresses that do not exist.
    SendGridInvalid,
    /// The FTC's registry, whole.
    FtcFull,
    /// What was added to and deleted from it.
    FtcChanges,
    /// Columns by the ledger's own names.
    Csv,
    /// One identifier a line; all of one kind, or each after its kind and a colon.
    Plain(Option<Kind>),
}

impl Format {
    /// Why everybody in such a file is listed; none where the rows say it, or nobody does.
    pub const fn reason(self) -> Option<ListingReason> {
        match self {
            Self::SendGridUnsubscribes => Some(ListingReason::Unsubscribe),
            Self::SendGridBounces | Self::SendGridInvalid => Some(ListingReason::HardBounce),
            Self::SendGridSpam => Some(ListingReason::Complaint),
            Self::FtcFull | Self::FtcChanges => Some(ListingReason::NationalRegistry),
            Self::HubSpot | Self::Ses | Self::Csv | Self::Plain(_) => None,
        }
    }

    /// Whether a reason has to be given for the rows that name none.
    pub const fn leaves_reason_open(self) -> bool {
        matches!(self, Self::Csv | Self::Plain(_))
    }

    /// By which channels such a list is about people; none where it does not say.
    pub const fn channels(self) -> Channels {
        match self {
            Self::HubSpot
            | Self::Ses
            | Self::SendGridUnsubscribes
            | Self::SendGridBounces
            | Self::SendGridSpam
            | Self::SendGridInvalid => Channels::of(&[Channel::Email]),
            Self::FtcFull | Self::FtcChanges => Channels::of(&[Channel::Call, Channel::Sms]),
            Self::Csv | Self::Plain(_) => Channels::none(),
        }
    }

    /// Where such a list comes from; none where it may come from anywhere.
    pub const fn source(self) -> Option<&'static str> {
        match self {
            Self::HubSpot => Some("hubspot"),
            Self::Ses => Some("ses"),
            Self::SendGridUnsubscribes
            | Self::SendGridBounces
            | Self::SendGridSpam
            | Self::SendGridInvalid => Some("sendgrid"),
            Self::FtcFull | Self::FtcChanges => Some("ftc"),
            Self::Csv | Self::Plain(_) => None,
        }
    }
}

/// What a row asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// That this subject is listed.
    List,
    /// That the list's own listings of this subject end.
    Delete,
}

/// One good row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// What it asks for.
    pub change: Change,
    /// Whom it names. All of it can be normalised.
    pub subject: Subject,
    /// Why, where the row or the format says so.
    pub reason: Option<ListingReason>,
    /// When the person asked, or the provider noted it, where the row says so.
    pub requested_at: Option<Timestamp>,
}

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {field}: {why}")]
pub struct Reject {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The column, by this crate's name for it; `row` where it is not one column's fault.
    pub field: &'static str,
    /// What is wrong and what was expected. It repeats nothing of the row.
    pub why: String,
}

/// Why a file as a whole cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Its first line names no column that is needed, or one twice.
    #[error("line {line}: {why}")]
    Header {
        /// The line.
        line: u64,
        /// What was expected.
        why: String,
    },
    /// It is UTF-16, as spreadsheets save `Unicode text`.
    #[error("is UTF-16 text, expected UTF-8: save it as `CSV UTF-8`")]
    Utf16,
    /// A quote that is opened is not closed, so that rows would be read as part of another.
    #[error("line {line}: a quote that begins in this row is not closed within {max} bytes")]
    Quote {
        /// The line on which the row begins.
        line: u64,
        /// The most bytes of a row.
        max: usize,
    },
    /// A row is longer than any row is.
    #[error("line {line}: the row is longer than {max} bytes: is this a list, with a row a line?")]
    Long {
        /// The line on which the row begins.
        line: u64,
        /// The most bytes of a row.
        max: usize,
    },
    /// It is not the JSON that was expected.
    #[error("line {line}: is not what `list-suppressed-destinations` answers: {why}")]
    Json {
        /// The line.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// There are pages after it.
    #[error("is not the whole list: it has a `NextToken`; fetch all pages into the file")]
    Partial,
}

/// Takes each row, or why it is none. Breaking ends the reading.
pub type Sink<'a> = &'a mut dyn FnMut(Result<Row, Reject>) -> ControlFlow<()>;

/// Reads a file from its beginning and hands every row to `sink`, in the order of the file.
///
/// # Errors
/// [`Unreadable`]; rows may have been handed over before it was found out.
pub fn read<R: BufRead>(format: Format, input: R, sink: Sink<'_>) -> Result<(), Unreadable> {
    let input = record::text(input)?;
    match format {
        Format::HubSpot => hubspot::read(input, sink),
        Format::Ses => ses::read(input, sink),
        Format::SendGridUnsubscribes
        | Format::SendGridBounces
        | Format::SendGridSpam
        | Format::SendGridInvalid => sendgrid::read(input, format.reason(), sink),
        Format::FtcFull => ftc::full(input, sink),
        Format::FtcChanges => ftc::changes(input, sink),
        Format::Csv => csv::read(input, sink),
        Format::Plain(kind) => plain::read(input, kind, sink),
    }
}

#[cfg(test)]
mod tests;
