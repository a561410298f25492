//! Promotion: a policy that was tried in a sandbox.

use super::{POLICY_GROUP, Refusal, may_answer, precondition};
use crate::entry::{Environment, PolicyFile, Promotion};
use crate::hash::Hash;
use crate::promotion::Stripped;
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

/// A publication of `files` by `publisher` may rest on `promotion`: the sandbox's receipt holds for this
/// text under a key that is trusted here, and somebody else has approved exactly this text.
pub(super) fn check<V: View>(
    state: &State<V>,
    publisher: &str,
    promotion: Promotion,
    files: &[PolicyFile],
    sha256: Hash,
    now: Timestamp,
) -> Result<Promotion, Refusal> {
    if state.environment() == Environment::Sandbox {
        return Err(precondition(
            "this ledger is a sandbox: policies are promoted out of it, and published here without a promotion",
        ));
    }
    let receipt =
        Stripped::parse(&promotion.receipt).map_err(|error| Refusal::Promotion(Box::new(error)))?;
    let origin = receipt.origin().to_owned();
    let Some(trusted) = state.trusted_key(&origin)? else {
        return Err(precondition(&format!(
            "no key of the ledger `{origin}` is trusted here: an operator trusts it with `ledgerctl key trust`"
        )));
    };
    receipt
        .verify(files, sha256, &trusted.key)
        .map_err(|error| Refusal::Promotion(Box::new(error)))?;
    let approver = approver(state, publisher, promotion.approval, sha256, now)?;
    Ok(Promotion {
        origin,
        key: trusted.seq,
        approver,
        ..promotion
    })
}

/// Who approved the policy of this hash by the entry `approval`.
fn approver<V: View>(
    state: &State<V>,
    publisher: &str,
    approval: u64,
    sha256: Hash,
    now: Timestamp,
) -> Result<String, Refusal> {
    let refuse = |expected: String| {
        Err(Refusal::Invalid {
            field: "promotion.approval",
            value: approval.to_string(),
            expected,
        })
    };
    let Some(record) = state.policy_approval(approval)? else {
        return refuse(format!(
            "expected the seq of an entry that approves the policy {sha256}: an approver makes one with \
             `ledgerctl approvals`"
        ));
    };
    if record.policy != sha256 {
        return refuse(format!(
            "it approves the policy {}, this text is {sha256}: have this text approved",
            record.policy
        ));
    }
    if let Some(spent) = record.spent {
        return refuse(format!(
            "entry {spent} has used it up: have the policy approved again"
        ));
    }
    if record.expires_at <= now {
        return refuse(format!(
            "it expired at {}: have the policy approved again",
            record.expires_at
        ));
    }
    if record.approver == publisher {
        return refuse(format!(
            "`{publisher}` gave it: nobody promotes what they approved themselves"
        ));
    }
    if !may_answer(state, &record.approver, POLICY_GROUP) {
        return refuse(format!(
            "`{}`, who gave it, may approve policies no more: have the policy approved again",
            record.approver
        ));
    }
    Ok(record.approver)
}
