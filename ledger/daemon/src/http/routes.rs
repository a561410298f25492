//! Everything that is served over HTTP.

use ledger_core::role::Call;

use super::{Door, Path, Route, Verb, events, health, metrics, tiles};
use crate::auth::Schemes;

/// What the operator has opened to everybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Opened {
    /// Checkpoint, tiles and entry bundles: the whole log.
    pub tiles: bool,
    /// Metrics.
    pub metrics: bool,
}

/// The table. Of two routes with one path, each has a method of its own.
pub fn routes(opened: Opened) -> Vec<Route> {
    let door = |open: bool, call| {
        if open {
            Door::Open
        } else {
            Door::Credential(call, Schemes::Bearer)
        }
    };
    vec![
        Route {
            name: "healthz",
            path: Path::Is("/healthz"),
            verb: Verb::Read,
            door: Door::Open,
            answer: |site, _| Box::pin(std::future::ready(Ok(health::healthz(&site)))),
        },
        Route {
            name: "readyz",
            path: Path::Is("/readyz"),
            verb: Verb::Read,
            door: Door::Open,
            answer: |site, _| Box::pin(std::future::ready(Ok(health::readyz(&site)))),
        },
        Route {
            name: "metrics",
            path: Path::Is("/metrics"),
            verb: Verb::Read,
            door: door(opened.metrics, Call::Status),
            answer: |site, _| Box::pin(std::future::ready(metrics::metrics(&site))),
        },
        Route {
            name: "checkpoint",
            path: Path::Is("/checkpoint"),
            verb: Verb::Read,
            door: door(opened.tiles, Call::GetCheckpoint),
            answer: |site, asked| Box::pin(std::future::ready(tiles::checkpoint(&site, &asked))),
        },
        // Bundles hold the entries themselves: whoever reads tiles may read the whole log.
        Route {
            name: "tile",
            path: Path::Under("/tile/"),
            verb: Verb::Read,
            door: door(opened.tiles, Call::Export),
            answer: |site, asked| Box::pin(tiles::tile(site, asked)),
        },
        Route {
            name: "events_ses",
            path: Path::Is("/v1/events/ses"),
            verb: Verb::Post {
                body_bytes_max: events::BODY_BYTES_MAX,
            },
            door: Door::Credential(Call::Record, Schemes::BearerOrBasic),
            answer: |site, asked| Box::pin(events::ses(site, asked)),
        },
        Route {
            name: "events_sendgrid",
            path: Path::Is("/v1/events/sendgrid"),
            verb: Verb::Post {
                body_bytes_max: events::BODY_BYTES_MAX,
            },
            door: Door::Credential(Call::Record, Schemes::BearerOrBasic),
            answer: |site, asked| Box::pin(events::sendgrid(site, asked)),
        },
    ]
}
