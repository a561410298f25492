//! Deletions of a registry's change list: the listings of that number end that earlier imports from the
//! same source made.
//!
//! A call's request id is made from the listings that it ends, so that a repetition is one; a listing that
//! an earlier run has ended is not found again.

use std::collections::BTreeSet;

use ledger_core::entry::DncOp;
use ledger_core::hash::Hash;
use ledger_core::limits::LISTINGS_MAX;
use ledger_core::role::Call;
use ledger_proto::v1;
use tonic::Code;

use super::super::add::of;
use super::terms::Terms;
use crate::client::Session;
use crate::failure::Failure;
use crate::patience::patient;
use crate::proof::{same, same_option};

/// Refuses where the caller may not end listings, before anything is sent.
pub(super) async fn may_end(session: &Session) -> Result<(), Failure> {
    // It names nothing to end: whoever may call is told so, and nothing is written either way.
    let nothing = v1::RemoveDncRequest::default();
    match session.control().remove_dnc(nothing).await {
        Err(status) if status.code() == Code::PermissionDenied => Err(Failure::from(status)
            .note("the file deletes numbers, and ending their listings takes the role compliance; nothing was sent")),
        Err(status) if status.code() != Code::InvalidArgument => Err(status.into()),
        _ => Ok(()),
    }
}

/// Ends what earlier imports listed of these subjects; how many listings that were.
pub(super) async fn end(
    session: &Session,
    terms: &Terms,
    base: &str,
    (import, file): (u64, Hash),
    subjects: Vec<v1::Subject>,
) -> Result<u64, Failure> {
    let request = v1::CheckDncRequest {
        subject: None,
        subjects,
    };
    let found = patient(async || session.control().check_dnc(request.clone()).await)
        .await?
        .into_inner();
    let reason = terms.format.reason().and_then(super::terms::reason_to_wire);
    let listed = |found: &v1::DncMatch| {
        found.import.is_some_and(|other| other != import)
            && found.import_source == terms.source
            && found.seller == terms.seller
            && Some(found.reason()) == reason
    };
    let ends: BTreeSet<(u64, u64)> = found
        .matches
        .iter()
        .filter(|found| listed(found))
        .filter_map(|found| {
            let cite = found.listing.as_ref()?;
            Some((cite.seq, cite.index?))
        })
        .collect();
    let ends: Vec<v1::Cite> = ends
        .into_iter()
        .map(|(seq, index)| v1::Cite {
            seq,
            index: Some(index),
        })
        .collect();
    for chunk in ends.chunks(LISTINGS_MAX) {
        let names: Vec<String> = chunk
            .iter()
            .map(|cite| format!("{}/{}", cite.seq, cite.index()))
            .collect();
        let hash = Hash::of(names.join(" ").as_bytes()).to_string();
        let write = terms.write(base, &format!("d{}", hash.get(..16).unwrap_or(&hash)))?;
        let why = format!("Deleted from the registry, by the change list with SHA-256 {file}");
        let request = v1::RemoveDncRequest {
            header: Some(write.header()),
            ends: chunk.to_vec(),
            evidence_sha256: file.0.to_vec().into(),
            details: vec![v1::Detail {
                name: v1::DetailName::Reason.into(),
                value: why.into_bytes().into(),
            }],
        };
        let answer = patient(async || session.control().remove_dnc(request.clone()).await).await;
        let (verified, _) = session.written(&write, Call::RemoveDnc, answer)?;
        let dnc = of(&verified, DncOp::Unlist)?;
        same("number of listings ended", chunk.len(), dnc.ends.len())?;
        same_option("evidence", Some(file), dnc.evidence)?;
        for (asked, found) in chunk.iter().zip(&dnc.ends) {
            same("listing ended, by entry", asked.seq, found.seq)?;
            same_option("listing ended, by index", asked.index, found.index)?;
        }
    }
    Ok(ends.len() as u64)
}
