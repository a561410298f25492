//! Details: cleared of secrets, salted, committed to.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_core::entry::{Commitment, DetailName, Details, Environment};
use ledger_core::hash::Hash;
use ledger_core::limits::{DETAIL_BYTES_MAX, DETAILS_BYTES_MAX};
use ledger_core::redact::{Pointer, Redaction};
use ledger_core::state::InForce;
use ledger_core::token::SubjectKey;
use ledger_proto::v1 as wire;
use serde::de::IgnoredAny;

use super::Intake;
use super::mask::masked;
use super::vocabulary::detail_name;
use crate::keys::random;
use crate::snapshot::Snapshot;
use crate::status::{CallError, FieldError};
use crate::store::DetailBytes;

/// What is taken out of details: what the policy in force says, or the defaults.
#[derive(Debug, Clone, Default)]
pub struct Redact {
    policy: Option<Arc<InForce>>,
    default: Redaction,
}

impl Redact {
    /// The rule of the policy in force.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self {
            policy: snapshot.policy.clone(),
            default: Redaction::default(),
        }
    }

    fn secrets(&self) -> &Redaction {
        self.policy
            .as_ref()
            .map_or(&self.default, |policy| &policy.text.redact)
    }

    /// The strings that a sandbox keeps in clear.
    fn clear(&self) -> &[Pointer] {
        self.policy
            .as_ref()
            .map_or(&[], |policy| &policy.text.sandbox_clear)
    }

    #[cfg(test)]
    pub(crate) fn default_rule() -> Self {
        Self::default()
    }
}

/// The details of one request.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// What the entry carries.
    pub(super) commitments: Details,
    /// What is stored beside it.
    pub(super) stored: Vec<DetailBytes>,
    /// What the canonical request says of each: SHA-256 of the bytes received.
    pub(super) received: BTreeMap<DetailName, Hash>,
}

impl Taken {
    /// Whether the reason is among them, for what nobody does without one.
    pub(super) fn must_give_reason(&self) -> Result<(), FieldError> {
        if self.commitments.contains_key(&DetailName::Reason) {
            return Ok(());
        }
        Err(FieldError::withheld(
            "details",
            "a detail named REASON is required",
        ))
    }

    /// Adds a detail of the ledger's own making. It is not part of the canonical request, which holds
    /// the same in another form.
    pub(super) fn add_own(
        &mut self,
        field: &str,
        name: DetailName,
        bytes: Vec<u8>,
    ) -> Result<(), CallError> {
        size(field, bytes.len())?;
        self.add(name, bytes, 0)
    }

    fn add(&mut self, name: DetailName, bytes: Vec<u8>, redacted: u64) -> Result<(), CallError> {
        let salt = random().map_err(|error| CallError::store(&error))?;
        self.commitments
            .insert(name, Commitment::new(&salt, &bytes, redacted));
        self.stored.push(DetailBytes { name, salt, bytes });
        Ok(())
    }
}

fn size(field: &str, bytes: usize) -> Result<(), FieldError> {
    if bytes > DETAIL_BYTES_MAX {
        let expected = format!(
            "expected at most {DETAIL_BYTES_MAX} bytes: shorten it, or keep it elsewhere and send its hash"
        );
        return Err(FieldError::shown(
            field,
            &format!("{bytes} bytes"),
            expected,
        ));
    }
    Ok(())
}

impl Intake {
    /// The details of a request, as this ledger keeps them: without secrets, and in a sandbox without
    /// anything that can be read.
    pub(super) fn details(
        &self,
        redact: &Redact,
        details: Vec<wire::Detail>,
    ) -> Result<Taken, CallError> {
        let mask = (self.environment == Environment::Sandbox).then_some(&self.subject);
        take(redact, mask, details)
    }
}

/// With the key of a sandbox, every string is replaced by its token; that is no redaction, and is not
/// counted as one.
fn take(
    redact: &Redact,
    mask: Option<&SubjectKey>,
    details: Vec<wire::Detail>,
) -> Result<Taken, CallError> {
    let total: usize = details.iter().map(|detail| detail.value.len()).sum();
    if total > DETAILS_BYTES_MAX {
        let expected = format!("expected at most {DETAILS_BYTES_MAX} bytes together");
        return Err(FieldError::shown("details", &format!("{total} bytes"), expected).into());
    }
    let mut taken = Taken::default();
    let mut kept_bytes = 0;
    for (at, wire::Detail { name, value }) in details.into_iter().enumerate() {
        let field = format!("details[{at}]");
        let name = detail_name(&format!("{field}.name"), name)?;
        if name == DetailName::Recipients {
            let expected = "the ledger sets it itself: send recipients in the request's own field";
            return Err(
                FieldError::shown(format!("{field}.name"), &name.as_str(), expected).into(),
            );
        }
        let value_field = format!("{field}.value");
        size(&value_field, value.len())?;
        if std::str::from_utf8(&value).is_err() {
            return Err(FieldError::withheld(
                value_field,
                "it is not UTF-8: encode it, as base64 for instance",
            )
            .into());
        }
        if name == DetailName::Params && serde_json::from_slice::<IgnoredAny>(&value).is_err() {
            return Err(FieldError::withheld(
                value_field,
                "params must be JSON, nested at most 127 levels deep",
            )
            .into());
        }
        if taken.received.insert(name, Hash::of(&value)).is_some() {
            let expected = "it stands in the request twice: send each detail once";
            return Err(
                FieldError::shown(format!("{field}.name"), &name.as_str(), expected).into(),
            );
        }
        let (clean, redacted) = redact.secrets().apply(&value);
        size(&value_field, clean.len())?;
        let kept = match mask {
            None => clean.into_owned(),
            Some(key) => {
                let room = DETAILS_BYTES_MAX
                    .saturating_sub(kept_bytes)
                    .min(DETAIL_BYTES_MAX);
                masked(key, redact.clear(), &clean, room)
            }
        };
        kept_bytes += kept.len();
        taken.add(name, kept, redacted as u64)?;
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(name: wire::DetailName, value: &[u8]) -> wire::Detail {
        wire::Detail {
            name: name.into(),
            value: value.to_vec().into(),
        }
    }

    fn refused(details: Vec<wire::Detail>) -> FieldError {
        match take(&Redact::default_rule(), None, details) {
            Err(CallError::Field(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bad_details_are_refused_by_name() {
        use wire::DetailName as N;
        let large = vec![b'x'; DETAIL_BYTES_MAX + 1];
        let fits = vec![b'x'; DETAIL_BYTES_MAX];
        for (what, details, field) in [
            (
                "no name",
                vec![detail(N::Unspecified, b"{}")],
                "details[0].name",
            ),
            (
                "an unknown name",
                vec![wire::Detail {
                    name: 99,
                    value: "{}".into(),
                }],
                "details[0].name",
            ),
            (
                "the ledger's own",
                vec![detail(N::Recipients, b"[]")],
                "details[0].name",
            ),
            (
                "twice",
                vec![detail(N::Plan, b"a"), detail(N::Plan, b"b")],
                "details[1].name",
            ),
            (
                "not UTF-8",
                vec![detail(N::Plan, b"a"), detail(N::Diff, &[0xff])],
                "details[1].value",
            ),
            (
                "params that are no JSON",
                vec![detail(N::Params, b"{")],
                "details[0].value",
            ),
            (
                "empty params",
                vec![detail(N::Params, b"")],
                "details[0].value",
            ),
            (
                "too large",
                vec![detail(N::Context, &large)],
                "details[0].value",
            ),
            (
                "too large together",
                vec![
                    detail(N::Context, &fits),
                    detail(N::Prompt, &fits),
                    detail(N::Plan, &fits),
                    detail(N::Diff, &fits),
                    detail(N::Before, b"x"),
                ],
                "details",
            ),
        ] {
            assert_eq!(refused(details).field, field, "{what}");
        }
    }

    #[test]
    fn secrets_are_gone_before_the_commitment_and_the_content_knows_what_was_received() {
        let received = br#"{"to":"x","password":"hunter2"}"#;
        let taken = take(
            &Redact::default_rule(),
            None,
            vec![detail(wire::DetailName::Params, received)],
        )
        .expect("well-formed");
        let stored = &taken.stored[0];
        let expected: &[u8] = br#"{"to":"x","password":"[redacted]"}"#;
        assert_eq!(stored.bytes, expected);
        let mut salted = stored.salt.to_vec();
        salted.extend_from_slice(expected);
        let commitment = taken.commitments[&DetailName::Params];
        assert_eq!(commitment.commitment, Hash::of(&salted));
        assert_eq!(
            (commitment.bytes, commitment.redacted),
            (expected.len() as u64, Some(1))
        );
        assert_eq!(taken.received[&DetailName::Params], Hash::of(received));
    }

    #[test]
    fn every_salt_is_new() {
        let details = || {
            vec![
                detail(wire::DetailName::Plan, b"a"),
                detail(wire::DetailName::Diff, b"a"),
            ]
        };
        let one = take(&Redact::default_rule(), None, details()).expect("well-formed");
        let other = take(&Redact::default_rule(), None, details()).expect("well-formed");
        let salts: std::collections::BTreeSet<_> = one
            .stored
            .iter()
            .chain(&other.stored)
            .map(|detail| detail.salt)
            .collect();
        assert_eq!(salts.len(), 4);
    }
}
