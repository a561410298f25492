//! The keys of other ledgers: trusted, so that policies can be promoted from them, or no longer.

use super::{Refusal, precondition};
use crate::entry::{KeyEntry, KeyEvent};
use crate::note::VerificationKey;
use crate::state::State;
use crate::view::View;

pub(super) fn change<V: View>(state: &State<V>, entry: KeyEntry) -> Result<KeyEntry, Refusal> {
    let invalid = |expected: String| {
        Err(Refusal::Invalid {
            field: "key",
            value: entry.key.clone(),
            expected,
        })
    };
    let key: VerificationKey = match entry.key.parse() {
        Ok(key) => key,
        Err(error) => return invalid(format!("{error}")),
    };
    let own = state
        .genesis()
        .is_some_and(|genesis| genesis.origin == key.name());
    if own {
        return invalid("this ledger's own name: expected the key of another ledger".to_owned());
    }
    let known = state.trusted_key(key.name())?;
    match (entry.event, &known) {
        (KeyEvent::Trusted, Some(known)) if known.key == entry.key => Err(precondition(&format!(
            "this key is already trusted, by entry {}",
            known.seq
        ))),
        (KeyEvent::Distrusted, known)
            if known.as_ref().is_none_or(|known| known.key != entry.key) =>
        {
            Err(precondition(
                "this key is not trusted: there is nothing to take back",
            ))
        }
        _ => Ok(entry),
    }
}
