//! When people may be reached, and how fresh the registry must be.

use super::Nature;
use crate::entry::{Cite, Code, Decision, ListingReason, Reason};
use crate::state::State;
use crate::time::Timestamp;
use crate::view::{View, ViewError};

/// Microseconds of a minute.
const MINUTE: i64 = 60_000_000;
/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// The hours of the day where each recipient is.
pub(crate) fn hours(
    request: &Decision,
    nature: &Nature,
    now: Timestamp,
    reasons: &mut Vec<Reason>,
) {
    let Some((from, to)) = nature.hours else {
        return;
    };
    for (index, recipient) in (0u64..).zip(&request.recipients) {
        let code = match recipient.utc_offset {
            None => Code::CallOffsetMissing,
            Some(offset) => {
                let utc = now.micros().div_euclid(MINUTE);
                let local = (utc + i64::from(offset.minutes())).rem_euclid(DAY);
                if (i64::from(from)..i64::from(to)).contains(&local) {
                    continue;
                }
                Code::CallHours
            }
        };
        reasons.push(Reason {
            recipient: Some(index),
            ..code.reason()
        });
    }
}

/// The age of the last complete import of the national registry, from a source that counts.
pub(super) fn registry<V: View>(
    state: &State<V>,
    nature: &Nature,
    now: Timestamp,
    reasons: &mut Vec<Reason>,
) -> Result<(), ViewError> {
    let Some(max_age_s) = nature.registry_max_age_s else {
        return Ok(());
    };
    let reason = ListingReason::NationalRegistry;
    let last = state.last_import_from(reason, &nature.registry_sources)?;
    if last.is_some_and(|(_, time)| now <= time.saturating_add_s(max_age_s)) {
        return Ok(());
    }
    reasons.push(Reason {
        cites: last
            .map(|(seq, _)| Cite { seq, index: None })
            .into_iter()
            .collect(),
        ..Code::CallRegistryStale.reason()
    });
    Ok(())
}
