//! On which terms a file is imported, and what the request ids of that import are.

use ledger_core::entry::ListingReason;
use ledger_core::hash::Hash;
use ledger_core::name;
use ledger_feeds::suppression::{Format, Row, Subject};
use ledger_proto::v1::{self, subject::Of};

use super::{Checked, ImportArgs};
use crate::failure::Failure;
use crate::request::{Write, WriteArgs};
use crate::values::when::{self, When};
use crate::values::words::{channel, reason};

/// The terms that all rows of a file share.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) format: Format,
    /// The format's name on the command line, and the kind of `plain`.
    word: String,
    pub(super) source: String,
    reason: Option<v1::ListingReason>,
    pub(super) seller: String,
    channels: Vec<v1::Channel>,
    requested_at: Option<prost_types::Timestamp>,
    expires_at: Option<prost_types::Timestamp>,
    evidence: Option<Hash>,
    pub(super) write: WriteArgs,
}

impl Terms {
    pub(super) fn of(args: &ImportArgs) -> Result<Self, Failure> {
        let word = args.format.word();
        let format = args.format.of(args.kind);
        let source = match (&args.source, format.source()) {
            (Some(given), _) => given.clone(),
            (None, Some(source)) => source.to_owned(),
            (None, None) => {
                let why = format!(
                    "format `{word}` does not say where the list comes from: name it with --source"
                );
                return Err(Failure::usage(why));
            }
        };
        if args.reason.is_some() && !format.leaves_reason_open() {
            let why =
                format!("--reason is not for format `{word}`, whose files say why themselves");
            return Err(Failure::usage(why));
        }
        if args.reason.is_none() && matches!(format, Format::Plain(_)) {
            let why =
                "format `plain` does not say why they must not be contacted: name it with --reason";
            return Err(Failure::usage(why));
        }
        let usage = |error: name::NameError| Failure::usage(error.to_string());
        name::check("source", &source, name::PROVIDER_MAX).map_err(usage)?;
        if let Some(seller) = &args.seller {
            name::seller(seller).map_err(usage)?;
        }
        let mut channels = args.channels.clone();
        if channels.is_empty() {
            for one in format.channels().iter() {
                channels.push(channel::read(one.as_str()).map_err(Failure::usage)?);
            }
        }
        let now = when::now();
        let time = |when: Option<When>| when.map(|when| when.to_wire(now));
        Ok(Self {
            format,
            word: format!("{word}/{}", args.kind.map_or("", |kind| kind.word())),
            source,
            reason: args.reason,
            seller: args.seller.clone().unwrap_or_default(),
            channels,
            requested_at: time(args.requested_at),
            expires_at: time(args.expires_at),
            evidence: args.document.sha256()?,
            write: args.write.clone(),
        })
    }

    /// Why a row's subject is listed; none where neither it nor the command line says so.
    pub(super) fn reason(&self, row: &Row) -> Option<v1::ListingReason> {
        row.reason.and_then(reason_to_wire).or(self.reason)
    }

    /// Refuses terms that the ledger would refuse for the first such row.
    pub(super) fn fit(&self, checked: &Checked) -> Result<(), Failure> {
        let own = |reason: &&v1::ListingReason| {
            core_reason(**reason).is_some_and(ListingReason::is_own_request)
        };
        if self.expires_at.is_some()
            && let Some(reason) = checked.rows.keys().find(own)
        {
            let why = format!(
                "--expires-at is not for people's own requests, and the file has such ({}): leave it out",
                reason::word(*reason)
            );
            return Err(Failure::usage(why));
        }
        Ok(())
    }

    /// A row as the ledger lists it.
    pub(super) fn listing(&self, row: Row, reason: v1::ListingReason) -> v1::Listing {
        v1::Listing {
            subject: Some(subject_to_wire(row.subject)),
            seller: self.seller.clone(),
            channels: self.channels.iter().copied().map(i32::from).collect(),
            reason: reason.into(),
            source: self.source.clone(),
            requested_at: row.requested_at.map(when::to_wire).or(self.requested_at),
            effective_from: None,
            expires_at: self.expires_at,
            evidence_sha256: self
                .evidence
                .map(|hash| hash.0.to_vec().into())
                .unwrap_or_default(),
        }
    }

    /// What all request ids of the import of one reason begin with: given, or made from the file and the
    /// terms. At most 73 characters with the word of the reason.
    pub(super) fn base(&self, file: Hash, reason: v1::ListingReason) -> String {
        let reason = reason::word(reason);
        if let Some(given) = &self.write.request_id {
            return format!("{given}-{reason}");
        }
        let mut channels: Vec<String> = self.channels.iter().copied().map(channel::word).collect();
        channels.sort_unstable();
        channels.dedup();
        let time = |time: Option<prost_types::Timestamp>| {
            let time = time.as_ref().and_then(when::from_wire);
            time.map(|time| time.to_string()).unwrap_or_default()
        };
        let evidence = self.evidence.map(|hash| hash.to_string());
        // Nothing in a line can hold a line break: two different terms never make the same text.
        let terms = [
            "ledgerctl-import/v2",
            &file.to_string(),
            &self.word,
            &self.source,
            &reason,
            &self.seller,
            &channels.join(","),
            &time(self.requested_at),
            &time(self.expires_at),
            &evidence.unwrap_or_default(),
        ];
        let hash = Hash::of(terms.join("\n").as_bytes()).to_string();
        format!("import-{}", hash.get(..32).unwrap_or(&hash))
    }

    /// One call of the import with this base.
    pub(super) fn write(&self, base: &str, part: &str) -> Result<Write, Failure> {
        let args = WriteArgs {
            request_id: Some(format!("{base}-{part}")),
            correlation_id: self.write.correlation_id.clone(),
            receipt_out: None,
        };
        Ok(args.begin()?.into_part())
    }
}

pub(super) fn reason_to_wire(reason: ListingReason) -> Option<v1::ListingReason> {
    let word = serde_json::to_value(reason).ok()?;
    reason::read(word.as_str()?).ok()
}

fn core_reason(reason: v1::ListingReason) -> Option<ListingReason> {
    serde_json::from_value(serde_json::Value::from(reason::word(reason))).ok()
}

pub(super) fn subject_to_wire(subject: Subject) -> v1::Subject {
    let of = match subject {
        Subject::Person {
            email,
            phone,
            contact,
        } => Of::Person(v1::Identifiers {
            email,
            phone,
            contact_id: contact,
            account_id: String::new(),
        }),
        Subject::Domain(domain) => Of::Domain(domain),
        Subject::Account(account) => Of::AccountId(account),
    };
    v1::Subject { of: Some(of) }
}
