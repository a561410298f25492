//! Promotion: a policy that was tried in a sandbox.

use super::{Refusal, precondition};
use crate::entry::Promotion;
use crate::hash::Hash;
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

pub(super) fn check<V: View>(
    _state: &State<V>,
    _publisher: &str,
    _promotion: Promotion,
    _sha256: Hash,
    _now: Timestamp,
) -> Result<Promotion, Refusal> {
    Err(precondition("policies cannot be promoted by this version"))
}
