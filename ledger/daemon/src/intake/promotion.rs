//! What promotes a policy that was tried in a sandbox.

use ledger_core::entry::Promotion;
use ledger_core::hash::Hash;
use ledger_core::promotion;
use ledger_core::receipt::Receipt;
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
    if given.receipt.is_empty() {
        return Err(FieldError::withheld(
            "promotion.receipt",
            "it is required: expected the sandbox's receipt of the same policy",
        ));
    }
    let refused = |why: String| FieldError::withheld("promotion.receipt", why);
    let receipt = Receipt::parse(&given.receipt).map_err(|error| refused(error.to_string()))?;
    // The text stands in the entry once: what the log keeps is the receipt without it.
    let stripped = promotion::strip(&receipt).map_err(|error| refused(error.to_string()))?;
    let canonical = content::Promotion {
        approval,
        receipt: Hash::of(&given.receipt),
    };
    let promotion = Promotion {
        approval,
        receipt: stripped,
        origin: String::new(),
        key: 0,
        approver: String::new(),
    };
    Ok((Box::new(promotion), canonical))
}
