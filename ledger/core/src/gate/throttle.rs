//! The throttle check: all matching rules must have room, and are charged together or not at all.

use crate::entry::{Code, Reason, ThrottleCount};
use crate::record::AllowRecord;
use crate::time::Timestamp;
use crate::token::Kind;
use crate::window::{Charge, Charges, Room, WindowKey, Windows};

/// Counts the request under every rule that matches it, and adds a reason for each that has no room.
pub(super) fn check(
    windows: &Windows,
    request: &AllowRecord,
    now: Timestamp,
    reasons: &mut Vec<Reason>,
) -> Vec<ThrottleCount> {
    let mut counts = Vec::with_capacity(windows.rules().len());
    let mut charges = Charges::new(request);
    for (at, rule) in windows.rules().enumerate() {
        if !rule.matches(&request.action, request.class) {
            continue;
        }
        let Ok(charges) = charges.of(rule) else {
            reasons.push(Reason {
                rule: Some(rule.id.clone()),
                ..Code::ThrottleUnkeyed.reason()
            });
            continue;
        };
        let rooms = charges.iter().map(|charge| {
            let room = windows.room(at, &charge.key, charge.units, now);
            (charge, room)
        });
        // Of equals the first stands: charges come in the order of their keys.
        let Some((charge, room)) = rooms.reduce(|one, other| {
            if tighter(&other.1, &one.1) {
                other
            } else {
                one
            }
        }) else {
            continue;
        };
        if !room.fits {
            reasons.push(Reason {
                rule: Some(rule.id.clone()),
                recipient: charge.recipient,
                key: kind(charge),
                ..Code::ThrottleExceeded.reason()
            });
        }
        counts.push(ThrottleCount {
            rule: rule.id.clone(),
            recipient: charge.recipient,
            key: kind(charge),
            count: room.count,
            needs: charge.units,
            limit: rule.limit,
            window_s: rule.window_s,
            passes_at: room.passes_at,
        });
    }
    counts
}

/// Whether `one` binds more than `other`: it would pass later (never is latest), else it is fuller.
fn tighter(one: &Room, other: &Room) -> bool {
    let rank = |room: &Room| match (room.fits, room.passes_at) {
        (true, _) => (0, Timestamp::EPOCH, room.count),
        (false, Some(time)) => (1, time, room.count),
        (false, None) => (2, Timestamp::EPOCH, room.count),
    };
    rank(one) > rank(other)
}

/// The kind of key that a charge counts by, where it counts by a person's.
pub(crate) fn kind(charge: &Charge) -> Option<Kind> {
    match &charge.key {
        WindowKey::Token(kind, _) => kind
            .clone()
            .or_else(|| charge.recipient.map(|_| Kind::Domain)),
        WindowKey::Name(_) | WindowKey::Workspace => None,
    }
}
