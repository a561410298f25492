//! `CheckDnc`: what the list says of somebody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger_core::entry::{Access, Key};
use ledger_core::record::ListingRecord;
use ledger_core::role::Call;
use ledger_core::state::{import_of, listings};
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};
use ledger_proto::v1 as wire;

use super::{Ledger, access, time_to_wire};
use crate::auth::Caller;
use crate::intake::{channels_to_wire, listing_reason_to_wire};
use crate::status::{CallError, FieldError};

/// The most subjects that one call looks up.
const SUBJECTS_CHECKED_MAX: usize = 500;
/// The most tokens of one `access` entry. One takes 112 bytes at most, and an entry 65,535.
const TOKENS_MAX: usize = 500;

/// The keys of one subject, under each of which the gate would look it up.
type Keys = Vec<(Kind, Token)>;

impl Ledger {
    /// What the list says of the subjects asked about. That somebody asks is on record before it is answered:
    /// a listing found names the entry in which the person's tokens stand, and one not found says as much.
    pub(super) async fn check_dnc(
        self: &Arc<Self>,
        caller: &Caller,
        request: wire::CheckDncRequest,
    ) -> Result<wire::CheckDncReply, CallError> {
        let subjects = self.read(move |ledger| ledger.looked_up(&request)).await?;
        let mut seen = BTreeSet::new();
        let keys = subjects.iter().flatten();
        let tokens: Vec<Key> = keys
            .filter(|(_, token)| seen.insert(*token))
            .map(|(kind, token)| Key {
                kind: kind.clone(),
                token: *token,
                v: None,
            })
            .collect();
        for tokens in tokens.chunks(TOKENS_MAX) {
            let read = Access {
                tokens: tokens.to_vec(),
                ..access(caller, Call::CheckDnc)
            };
            self.access(caller, read).await?;
        }
        self.read(move |ledger| ledger.listed_of(&subjects)).await
    }

    fn looked_up(&self, request: &wire::CheckDncRequest) -> Result<Vec<Keys>, CallError> {
        let mut subjects = Vec::new();
        for (at, subject) in subjects_checked(request)?.into_iter().enumerate() {
            let keys = self.intake.looked_up(subject).map_err(|mut error| {
                if !request.subjects.is_empty() {
                    error.field = error
                        .field
                        .replacen("subject", &format!("subjects[{at}]"), 1);
                }
                error
            })?;
            let keys = keys.into_iter().map(|(key, token)| (key.kind, token));
            subjects.push(keys.collect());
        }
        Ok(subjects)
    }

    fn listed_of(&self, subjects: &[Keys]) -> Result<wire::CheckDncReply, CallError> {
        let now = self.now();
        let mut imports = BTreeMap::new();
        let mut reply = wire::CheckDncReply::default();
        for (at, keys) in (0..).zip(subjects) {
            let mut seen = BTreeSet::new();
            for (kind, token) in keys {
                reply.keys = reply.keys.saturating_add(1);
                let live =
                    listings(&*self.views, token).map_err(|error| CallError::store(&error))?;
                // One listing may name a person under several keys: the first that matches stands for it.
                for record in live
                    .iter()
                    .filter(|record| record.expires_at.is_none_or(|end| now < end))
                    .filter(|record| seen.insert((record.seq, record.index)))
                {
                    let import_source = self.import_source(record.import, &mut imports)?;
                    reply.matches.push(wire::DncMatch {
                        subject: at,
                        import_source,
                        ..dnc_match(kind, record, now)
                    });
                }
            }
        }
        Ok(reply)
    }

    /// Where the list of an import comes from.
    fn import_source(
        &self,
        import: Option<u64>,
        known: &mut BTreeMap<u64, String>,
    ) -> Result<String, CallError> {
        let Some(seq) = import else {
            return Ok(String::new());
        };
        if let Some(source) = known.get(&seq) {
            return Ok(source.clone());
        }
        let record = import_of(&*self.views, seq).map_err(|error| CallError::store(&error))?;
        let source = record.map(|record| record.source).unwrap_or_default();
        known.insert(seq, source.clone());
        Ok(source)
    }
}

/// Whom a request asks about: one subject, or several.
fn subjects_checked(
    request: &wire::CheckDncRequest,
) -> Result<Vec<Option<&wire::Subject>>, FieldError> {
    if request.subjects.is_empty() {
        return Ok(vec![request.subject.as_ref()]);
    }
    if request.subject.is_some() {
        let expected = "expected either `subject` or `subjects`, not both";
        return Err(FieldError::withheld("subject", expected));
    }
    let found = request.subjects.len();
    if found > SUBJECTS_CHECKED_MAX {
        let expected = format!("expected at most {SUBJECTS_CHECKED_MAX} a call: split the request");
        return Err(FieldError::shown("subjects", &found, expected));
    }
    Ok(request.subjects.iter().map(Some).collect())
}

fn dnc_match(kind: &Kind, record: &ListingRecord, now: Timestamp) -> wire::DncMatch {
    let reason = record
        .reason
        .map_or(wire::ListingReason::Unspecified, listing_reason_to_wire);
    wire::DncMatch {
        key: kind.to_string(),
        listing: Some(wire::Cite {
            seq: record.seq,
            index: Some(record.index),
        }),
        seller: record.seller.clone().unwrap_or_default(),
        channels: channels_to_wire(record.channels),
        reason: reason.into(),
        exemption: record.reason.is_none(),
        // A start that has passed says nothing any more.
        effective_from: record
            .effective_from
            .filter(|start| now < *start)
            .map(time_to_wire),
        expires_at: record.expires_at.map(time_to_wire),
        import: record.import,
        ..wire::DncMatch::default()
    }
}
