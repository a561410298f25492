//! Changes of the do-not-contact list.

use super::Refusal;
use crate::entry::{Dnc, DncOp, Import, Listing};
use crate::limits::{LISTING_KEYS_MAX, LISTINGS_MAX};
use crate::record::ImportRecord;
use crate::role::Call;
use crate::state::State;
use crate::time::Timestamp;
use crate::token::Kind;
use crate::view::View;

/// The call that makes entries of this operation.
pub(super) const fn call(op: DncOp) -> Call {
    match op {
        DncOp::List => Call::AddDnc,
        DncOp::Unlist => Call::RemoveDnc,
        DncOp::Exempt => Call::ExemptDnc,
        DncOp::ImportBegin => Call::BeginImport,
        DncOp::ImportEnd => Call::EndImport,
    }
}

pub(super) fn change<V: View>(
    state: &State<V>,
    mut dnc: Dnc,
    now: Timestamp,
) -> Result<Dnc, Refusal> {
    if dnc.outcome.is_some() {
        return Err(invalid(
            "outcome",
            &"",
            "only a reported outcome lists by itself",
        ));
    }
    if dnc.imports.is_some() != (dnc.op == DncOp::ImportBegin) {
        return Err(invalid(
            "imports",
            &"",
            "it stands where an import begins, and nowhere else",
        ));
    }
    if dnc.import.is_some() && dnc.op == DncOp::Unlist {
        let expected = "unlisting belongs to no import";
        return Err(invalid("import", &dnc.import.unwrap_or_default(), expected));
    }
    dnc.imported = None;
    match dnc.op {
        DncOp::ImportBegin => import_alone(&dnc, dnc.import.is_none())?,
        DncOp::ImportEnd => {
            import_alone(&dnc, true)?;
            let import = open_import(state, &dnc)?;
            if let Some(rows) = import.rows
                && rows != import.listed
            {
                let expected = format!("expected an import that has listed all {rows} of its rows");
                return Err(invalid(
                    "import",
                    &format!("{} listed", import.listed),
                    &expected,
                ));
            }
            dnc.imported = Some(import.listed);
            dnc.imports = Some(Import {
                source: import.source,
                reason: import.reason,
                sha256: import.sha256,
                rows: import.rows,
                rejected: import.rejected,
                changes: import.changes,
            });
        }
        DncOp::Unlist => unlist(state, &dnc)?,
        DncOp::List | DncOp::Exempt => {
            if !dnc.ends.is_empty() {
                return Err(invalid(
                    "ends",
                    &dnc.ends.len(),
                    "only unlisting ends listings",
                ));
            }
            if dnc.listings.is_empty() || dnc.listings.len() > LISTINGS_MAX {
                let expected =
                    format!("expected 1 to {LISTINGS_MAX}: send the rest in further calls");
                return Err(invalid("listings", &dnc.listings.len(), &expected));
            }
            let import = match dnc.import {
                Some(_) => Some(open_import(state, &dnc)?),
                None => None,
            };
            for listing in &dnc.listings {
                if let Some(import) = &import
                    && listing.reason != Some(import.reason)
                {
                    let expected = "expected the reason that the import was begun with";
                    return Err(invalid(
                        "listing.reason",
                        &format!("{:?}", listing.reason),
                        expected,
                    ));
                }
                keys(listing)?;
                if dnc.op == DncOp::List {
                    list(listing, now)?;
                } else {
                    exempt(listing, now)?;
                }
            }
        }
    }
    Ok(dnc)
}

/// An entry that begins or ends an import holds nothing else.
fn import_alone(dnc: &Dnc, well_named: bool) -> Result<(), Refusal> {
    if dnc.listings.is_empty() && dnc.ends.is_empty() && well_named {
        return Ok(());
    }
    Err(invalid(
        "listings",
        &dnc.listings.len(),
        "an import's beginning and end list nobody: send listings in between, naming the import",
    ))
}

/// The import that an entry names, which must be under way.
fn open_import<V: View>(state: &State<V>, dnc: &Dnc) -> Result<ImportRecord, Refusal> {
    let seq = dnc.import.unwrap_or_default();
    let found = match dnc.import {
        Some(import) if dnc.op != DncOp::Exempt => state.import(import)?,
        _ => None,
    };
    found
        .filter(|import| import.completed.is_none())
        .ok_or_else(|| {
            invalid(
                "import",
                &seq,
                "expected the seq of an import that is under way",
            )
        })
}

fn unlist<V: View>(state: &State<V>, dnc: &Dnc) -> Result<(), Refusal> {
    if !dnc.listings.is_empty() {
        return Err(invalid(
            "listings",
            &dnc.listings.len(),
            "unlisting adds none",
        ));
    }
    if dnc.ends.is_empty() || dnc.ends.len() > LISTINGS_MAX {
        let expected = format!("expected 1 to {LISTINGS_MAX} listings, each as seq and index");
        return Err(invalid("ends", &dnc.ends.len(), &expected));
    }
    if dnc.evidence.is_none() {
        return Err(invalid(
            "evidence",
            &"",
            "unlisting needs the SHA-256 of the document that justifies it",
        ));
    }
    if !dnc.details.contains_key(&crate::entry::DetailName::Reason) {
        return Err(invalid("reason", &"", "unlisting needs a reason"));
    }
    let mut seen = std::collections::BTreeSet::new();
    for cite in &dnc.ends {
        let Some(index) = cite.index else {
            return Err(invalid(
                "ends.index",
                &"",
                "a listing is named by seq and index",
            ));
        };
        if !seen.insert((cite.seq, index)) {
            return Err(invalid(
                "ends",
                &format!("{}/{index}", cite.seq),
                "named twice",
            ));
        }
        if state.listing_ref(cite.seq, index)?.is_none() {
            let expected = "there is no live listing of that name: look it up with `CheckDnc`";
            return Err(invalid("ends", &format!("{}/{index}", cite.seq), expected));
        }
    }
    Ok(())
}

fn keys(listing: &Listing) -> Result<(), Refusal> {
    let mut seen = std::collections::BTreeSet::new();
    if listing.keys.is_empty() || listing.keys.len() > LISTING_KEYS_MAX {
        let expected = format!("expected 1 to {LISTING_KEYS_MAX} keys of one subject");
        return Err(invalid("listing.keys", &listing.keys.len(), &expected));
    }
    let whose = listing.keys.first().and_then(|key| subject(&key.kind));
    for key in &listing.keys {
        if whose.is_none() || subject(&key.kind) != whose {
            // Mixed, a listing of one person would silently be one of everybody at their domain.
            return Err(invalid(
                "listing.keys",
                &key.kind,
                "a listing is of one person (email, phone, contact), one domain or one account",
            ));
        }
        if !seen.insert(key.token) {
            return Err(invalid(
                "listing.keys",
                &key.kind,
                "named twice in one listing",
            ));
        }
    }
    Ok(())
}

/// What a key of this kind names.
#[derive(PartialEq, Eq)]
enum Subject {
    Person,
    Domain,
    Account,
}

const fn subject(kind: &Kind) -> Option<Subject> {
    match kind {
        Kind::Email | Kind::EmailCanonical | Kind::Phone | Kind::Contact => Some(Subject::Person),
        Kind::Domain => Some(Subject::Domain),
        Kind::Account => Some(Subject::Account),
        Kind::Mailbox | Kind::ProviderId | Kind::Text | Kind::Target(_) => None,
    }
}

fn list(listing: &Listing, now: Timestamp) -> Result<(), Refusal> {
    let Some(reason) = listing.reason else {
        return Err(invalid(
            "listing.reason",
            &"",
            "a listing needs one of the documented reasons",
        ));
    };
    let word = format!("{reason:?}");
    if reason.is_own_request() {
        if listing.expires_at.is_some() {
            return Err(invalid(
                "listing.expires_at",
                &word,
                "a person's own request never expires by itself",
            ));
        }
        if listing.effective_from.is_some() {
            return Err(invalid(
                "listing.effective_from",
                &word,
                "a person's own request binds at once",
            ));
        }
    }
    if let Some(end) = listing.expires_at.filter(|end| *end <= now) {
        return Err(invalid(
            "listing.expires_at",
            &end,
            "expected a time in the future",
        ));
    }
    Ok(())
}

fn exempt(exemption: &Listing, now: Timestamp) -> Result<(), Refusal> {
    if exemption.reason.is_some() {
        return Err(invalid(
            "exemption.reason",
            &"",
            "an exemption carries evidence of consent, no listing reason",
        ));
    }
    let other = |key: &&crate::entry::Key| subject(&key.kind) != Some(Subject::Person);
    if let Some(key) = exemption.keys.iter().find(other) {
        return Err(invalid(
            "exemption.keys",
            &key.kind,
            "an exemption is for one person: email, phone or contact",
        ));
    }
    if exemption.seller.is_none() {
        return Err(invalid(
            "exemption.seller",
            &"",
            "an exemption is for one seller",
        ));
    }
    if exemption.channels.is_empty() {
        return Err(invalid(
            "exemption.channels",
            &"",
            "an exemption names its channels",
        ));
    }
    if exemption.evidence.is_none() {
        return Err(invalid(
            "exemption.evidence",
            &"",
            "an exemption needs the SHA-256 of the evidence of consent",
        ));
    }
    match exemption.expires_at {
        Some(end) if end > now => Ok(()),
        Some(end) => Err(invalid(
            "exemption.expires_at",
            &end,
            "expected a time in the future",
        )),
        None => Err(invalid("exemption.expires_at", &"", "an exemption expires")),
    }
}

fn invalid(field: &'static str, value: &dyn std::fmt::Display, expected: &str) -> Refusal {
    Refusal::Invalid {
        field,
        value: value.to_string(),
        expected: expected.to_owned(),
    }
}
