//! What promotes a policy that was tried in a sandbox.

use ledger_core::entry::Promotion;
use ledger_core::hash::Hash;
use ledger_proto::v1 as wire;

use super::field;
use crate::content;
use crate::status::FieldError;

/// The promotion as its entry carries it, and as the canonical request names it. Whose receipt it is and
/// what it proves is checked where the command is planned.
pub(super) fn promotion(
    given: &wire::Promotion,
) -> Result<(Box<Promotion>, content::Promotion), FieldError> {
    let approval = field::integer("promotion.approval", given.approval)?;
    let Ok(receipt) = std::str::from_utf8(&given.receipt) else {
        return Err(FieldError::withheld(
            "promotion.receipt",
            "it is not UTF-8: expected the text of a tlog-proof",
        ));
    };
    if receipt.is_empty() {
        return Err(FieldError::withheld(
            "promotion.receipt",
            "it is required: expected the sandbox's receipt of the same policy",
        ));
    }
    let canonical = content::Promotion {
        approval,
        receipt: Hash::of(&given.receipt),
    };
    let promotion = Promotion {
        approval,
        receipt: receipt.to_owned(),
        origin: String::new(),
        key: 0,
        approver: String::new(),
    };
    Ok((Box::new(promotion), canonical))
}
