//! Principals, policy, stop and resume.

use super::{Refusal, precondition, promote};
use crate::entry::{Body, Cause, Change, PolicyEntry, PrincipalChange, Resume, Stop};
use crate::limits::RESUMED_MAX;
use crate::policy::{Policy, policy_hash};
use crate::promotion::policy_parts;
use crate::role::Role;
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

pub(super) fn principal<V: View>(
    state: &State<V>,
    mut change: PrincipalChange,
) -> Result<PrincipalChange, Refusal> {
    let known = state.principal(&change.id);
    change.change = match (known, change.credential) {
        (None, Some(_)) => Change::Added,
        (None, None) => {
            return Err(precondition(&format!(
                "principal `{}` is not registered: there is nothing to revoke",
                change.id
            )));
        }
        (Some(_), Some(_)) => Change::Changed,
        (Some(_), None) => Change::Revoked,
    };
    if let Some(known) = known
        && known.role != change.role
    {
        return Err(Refusal::Invalid {
            field: "role",
            value: change.role.to_string(),
            expected: format!(
                "principal `{}` has the role `{}` for good: choose another id",
                change.id, known.role
            ),
        });
    }
    if let Some(credential) = change.credential
        && let Some((other, _)) = state
            .principals()
            .find(|(id, record)| record.credential == Some(credential) && *id != change.id)
    {
        return Err(precondition(&format!(
            "this credential is already that of `{other}`: make a new one"
        )));
    }
    let operators = state
        .principals()
        .filter(|(id, record)| {
            record.role == Role::Operator && record.credential.is_some() && *id != change.id
        })
        .count();
    if change.change == Change::Revoked && change.role == Role::Operator && operators == 0 {
        return Err(precondition(
            "the last operator cannot be revoked: nobody could resume or publish any more",
        ));
    }
    Ok(change)
}

pub(super) fn stop<V: View>(state: &State<V>, stop: Stop, now: Timestamp) -> Stop {
    let voided = state.voidable(&stop.scope, now).len() as u64;
    Stop { voided, ..stop }
}

pub(super) fn resume<V: View>(state: &State<V>, resume: Resume) -> Result<Resume, Refusal> {
    let mut stops: Vec<u64> = state
        .stops()
        .filter(|(_, scope)| **scope == resume.scope)
        .map(|(seq, _)| seq)
        .collect();
    if stops.is_empty() {
        return Err(precondition(
            "no stop of exactly this scope is active: see `Status` for those that are",
        ));
    }
    stops.truncate(RESUMED_MAX);
    Ok(Resume { stops, ..resume })
}

/// The entries of a publication: the text in as many parts as it needs.
pub(super) fn policy<V: View>(
    state: &State<V>,
    command: PolicyEntry,
    now: Timestamp,
) -> Result<Vec<Body>, Refusal> {
    if command.continues.is_some() {
        return Err(precondition(
            "a continuation stands behind the policy that it continues",
        ));
    }
    let files: Vec<(&str, &[u8])> = command
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.text.as_bytes()))
        .collect();
    Policy::parse(&files).map_err(Refusal::Policy)?;
    let sha256 = policy_hash(&files);
    let promotion = match command.promotion {
        Some(promotion) => Some(Box::new(promote::check(
            state,
            &command.cause.actor.id,
            *promotion,
            &command.files,
            sha256,
            now,
        )?)),
        None => None,
    };
    let first = state.head().next;
    let mut parts = policy_parts(&command.files).into_iter();
    let rest = parts.len().saturating_sub(1) as u64;
    let mut bodies = vec![Body::Policy(PolicyEntry {
        sha256: Some(sha256),
        replaces: state.policy_ref(),
        parts: (rest > 0).then_some(rest),
        files: parts.next().unwrap_or_default(),
        cause: command.cause.clone(),
        continues: None,
        mailboxes: command.mailboxes,
        fake_domains: command.fake_domains,
        promotion,
    })];
    bodies.extend(parts.map(|files| {
        Body::Policy(PolicyEntry {
            cause: Cause {
                request_id: None,
                action_id: None,
                correlation_id: None,
                content: None,
                ..command.cause.clone()
            },
            continues: Some(first),
            sha256: None,
            replaces: None,
            parts: None,
            mailboxes: std::collections::BTreeMap::new(),
            fake_domains: std::collections::BTreeMap::new(),
            promotion: None,
            files,
        })
    }));
    Ok(bodies)
}
