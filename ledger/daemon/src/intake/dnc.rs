//! `AddDnc`, `RemoveDnc` and `ExemptDnc`.
//!
//! Unlike a request's recipients, whoever is listed is not kept as a detail: the list works on tokens
//! alone, and the address of somebody who objected is not stored to honour the objection.

use ledger_core::entry::{Body, Cite, Dnc, DncOp, Listing};
use ledger_core::limits::LISTINGS_MAX;
use ledger_core::name::PROVIDER_MAX;
use ledger_core::role::Call;
use ledger_proto::v1 as wire;

use super::{Command, Intake, Redact, field, vocabulary};
use crate::auth::Caller;
use crate::content;
use crate::queue::Lane;
use crate::status::{CallError, FieldError};

/// What adds listings or exemptions, apart from these.
struct Change<'a> {
    op: DncOp,
    header: Option<&'a wire::WriteHeader>,
    import: Option<u64>,
    details: Vec<wire::Detail>,
}

impl Intake {
    /// The command of an `AddDnc` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed or over a limit.
    pub fn add_dnc(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::AddDncRequest,
    ) -> Result<Command, CallError> {
        count("listings", request.listings.len())?;
        let rows = request.listings.iter().enumerate().map(|(at, listing)| {
            let here = |name: &str| format!("listings[{at}].{name}");
            let (keys, identifiers) = self.listed(&here("subject"), listing.subject.as_ref())?;
            let listing = Listing {
                keys,
                seller: field::seller(&here("seller"), &listing.seller)?,
                channels: vocabulary::channels(&here("channels"), &listing.channels)?,
                reason: Some(vocabulary::listing_reason(&here("reason"), listing.reason)?),
                source: field::name(&here("source"), &listing.source, PROVIDER_MAX)?,
                requested_at: field::time(&here("requested_at"), listing.requested_at)?,
                effective_from: field::time(&here("effective_from"), listing.effective_from)?,
                expires_at: field::time(&here("expires_at"), listing.expires_at)?,
                evidence: field::hash(&here("evidence_sha256"), &listing.evidence_sha256)?,
            };
            Ok((listing, identifiers))
        });
        let rows = rows.collect::<Result<Vec<_>, FieldError>>()?;
        let import = request
            .import
            .map(|seq| field::integer("import", seq))
            .transpose()?;
        self.listings(
            caller,
            redact,
            Change {
                op: DncOp::List,
                header: request.header.as_ref(),
                import,
                details: request.details,
            },
            rows,
        )
    }

    /// The command of an `ExemptDnc` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed or over a limit.
    pub fn exempt_dnc(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::ExemptDncRequest,
    ) -> Result<Command, CallError> {
        count("exemptions", request.exemptions.len())?;
        let rows = request
            .exemptions
            .iter()
            .enumerate()
            .map(|(at, exemption)| {
                let here = |name: &str| format!("exemptions[{at}].{name}");
                let (keys, identifiers) =
                    self.exempted(&here("person"), exemption.person.as_ref())?;
                let channels = vocabulary::channels(&here("channels"), &exemption.channels)?;
                if channels.is_empty() {
                    return Err(FieldError::withheld(
                        here("channels"),
                        "it is required: an exemption names its channels",
                    ));
                }
                let expires_at = field::time(&here("expires_at"), exemption.expires_at)?;
                if expires_at.is_none() {
                    return Err(FieldError::withheld(
                        here("expires_at"),
                        "it is required: an exemption expires",
                    ));
                }
                let listing = Listing {
                    keys,
                    seller: Some(field::required_seller(&here("seller"), &exemption.seller)?),
                    channels,
                    reason: None,
                    source: None,
                    requested_at: None,
                    effective_from: None,
                    expires_at,
                    evidence: Some(field::required_hash(
                        &here("evidence_sha256"),
                        &exemption.evidence_sha256,
                    )?),
                };
                Ok((listing, identifiers))
            });
        let rows = rows.collect::<Result<Vec<_>, FieldError>>()?;
        self.listings(
            caller,
            redact,
            Change {
                op: DncOp::Exempt,
                header: request.header.as_ref(),
                import: None,
                details: request.details,
            },
            rows,
        )
    }

    fn listings(
        &self,
        caller: &Caller,
        redact: &Redact,
        change: Change<'_>,
        rows: Vec<(Listing, Vec<content::Identifier>)>,
    ) -> Result<Command, CallError> {
        let Change {
            op,
            header,
            import,
            details,
        } = change;
        let details = self.details(redact, details)?;
        let (listings, identifiers): (Vec<Listing>, Vec<_>) = rows.into_iter().unzip();
        let canonical = listings
            .iter()
            .zip(identifiers)
            .map(|(listing, keys)| content::Listing {
                keys,
                seller: listing.seller.clone(),
                channels: listing.channels,
                reason: listing.reason,
                source: listing.source.clone(),
                requested_at: listing.requested_at,
                effective_from: listing.effective_from,
                expires_at: listing.expires_at,
                evidence: listing.evidence,
            });
        let canonical = content::Listings {
            listings: canonical.collect(),
            import,
        };
        let call = if op == DncOp::Exempt {
            Call::ExemptDnc
        } else {
            Call::AddDnc
        };
        let cause = self.control_cause(caller, call, header, &canonical, &details.received)?;
        let dnc = Dnc {
            cause,
            op,
            tokens_v: Some(self.tokens_v),
            listings,
            ends: Vec::new(),
            import,
            imports: None,
            imported: None,
            outcome: None,
            evidence: None,
            details: details.commitments,
        };
        // A registry of millions waits its turn; whoever asks for one person to be left alone does not.
        let lane = if import.is_some() {
            Lane::Work
        } else {
            Lane::Control
        };
        Ok(Command::new(lane, Body::Dnc(dnc), details.stored))
    }

    /// The command of a `RemoveDnc` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed or over a limit.
    pub fn remove_dnc(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::RemoveDncRequest,
    ) -> Result<Command, CallError> {
        count("ends", request.ends.len())?;
        let ends = request.ends.iter().enumerate().map(|(at, cite)| {
            let index_field = format!("ends[{at}].index");
            let Some(index) = cite.index else {
                return Err(FieldError::withheld(
                    index_field,
                    "it is required: a listing is named by seq and index",
                ));
            };
            Ok(Cite {
                seq: field::integer(&format!("ends[{at}].seq"), cite.seq)?,
                index: Some(field::integer(&index_field, index)?),
            })
        });
        let ends = ends.collect::<Result<Vec<_>, FieldError>>()?;
        let evidence = Some(field::required_hash(
            "evidence_sha256",
            &request.evidence_sha256,
        )?);
        let details = self.details(redact, request.details)?;
        details.must_give_reason()?;
        let canonical = content::Ends { ends, evidence };
        let cause = self.control_cause(
            caller,
            Call::RemoveDnc,
            request.header.as_ref(),
            &canonical,
            &details.received,
        )?;
        let dnc = Dnc {
            cause,
            op: DncOp::Unlist,
            tokens_v: None,
            listings: Vec::new(),
            ends: canonical.ends,
            import: None,
            imports: None,
            imported: None,
            outcome: None,
            evidence,
            details: details.commitments,
        };
        Ok(Command::new(Lane::Control, Body::Dnc(dnc), details.stored))
    }
}

fn count(field: &str, found: usize) -> Result<(), FieldError> {
    if found == 0 {
        return Err(FieldError::withheld(
            field,
            format!("it is required: expected 1 to {LISTINGS_MAX}"),
        ));
    }
    field::at_most(field, found, LISTINGS_MAX, "a call")
}

#[cfg(test)]
mod tests;
