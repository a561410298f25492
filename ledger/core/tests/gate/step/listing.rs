//! On what terms somebody is listed or exempted.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

pub(super) fn terms() -> BoxedStrategy<Terms> {
    use ListingReason::{HardBounce, Manual, NationalRegistry, StateRegistry};
    let later = select(vec![1, 10, 20, 60]);
    // Half of the reasons are of those that an exemption may lift.
    let reason = prop_oneof![
        select(ListingReason::ALL.to_vec()),
        select(vec![HardBounce, Manual, NationalRegistry, StateRegistry]),
    ];
    (
        of(0..2usize),
        channels(),
        reason,
        weighted(0.2, later.clone()),
        of(later),
    )
        .prop_map(
            |(seller, channels, reason, effective_from, expires)| Terms {
                seller,
                channels,
                reason,
                effective_from,
                expires,
            },
        )
        .boxed()
}

/// An exemption: rather wide, and for rather long.
pub(super) fn exemption() -> BoxedStrategy<Terms> {
    (
        terms(),
        any::<bool>(),
        select(vec![1, 20, 600, 3600]),
        weighted(0.1, 1..20i64),
    )
        .prop_map(|(terms, all, expires, effective_from)| Terms {
            channels: if all { Channels::all() } else { terms.channels },
            expires: Some(expires),
            effective_from,
            ..terms
        })
        .boxed()
}
