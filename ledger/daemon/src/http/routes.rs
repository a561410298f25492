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
            path: Path::Is(events::SENDGRID_PATH),
            verb: Verb::Post {
                body_bytes_max: events::BODY_BYTES_MAX,
            },
            door: Door::Credential(Call::Record, Schemes::BearerOrBasic),
            answer: |site, asked| Box::pin(events::sendgrid(site, asked)),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `docs/roles.md` says about a path: the word behind `as`, or that everybody may.
    fn documented(path: &str) -> Option<&'static str> {
        let text = include_str!("../../../../docs/roles.md");
        let mut lines = text.lines().filter(|line| line.starts_with("- `/"));
        let line = lines.find(|line| line.contains(&format!("`{path}`")))?;
        let (_, rest) = line.split_once(": as `").unwrap_or((line, "everybody`"));
        rest.split('`').next()
    }

    #[test]
    fn the_documented_calls_are_those_that_the_doors_ask_for() {
        for route in routes(Opened::default()) {
            let path = route.path.as_str();
            let expected = match route.door {
                Door::Open => "everybody",
                Door::Credential(call, _) => call.as_str(),
            };
            assert_eq!(documented(path), Some(expected), "{path}");
        }
    }

    #[test]
    fn the_operator_opens_tiles_and_metrics_each_for_itself() {
        let closed = |tiles, metrics| -> Vec<_> {
            let closed = routes(Opened { tiles, metrics });
            let reads = |route: &&Route| route.verb == Verb::Read;
            let closed = closed
                .iter()
                .filter(reads)
                .filter(|route| route.door != Door::Open);
            closed.map(|route| route.name).collect()
        };
        assert_eq!(closed(false, false), ["metrics", "checkpoint", "tile"]);
        assert_eq!(closed(true, false), ["metrics"]);
        assert_eq!(closed(false, true), ["checkpoint", "tile"]);
    }
}
