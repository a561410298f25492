//! What is true when somebody asks: read from where it is kept, counted nowhere else.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use ledger_core::entry::Environment;
use ledger_core::gate::GATE_VERSION;
use ledger_core::policy::EVALUATOR;
use ledger_core::time::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use super::{Metrics, PREFIX, process, reads, words::word};
use crate::clock::{Clock, SystemClock};
use crate::head::HeadLag;
use crate::queue::Queue;
use crate::snapshot::Latest;
use crate::store::LogStore;
use crate::submission::Submission;
use crate::views::SharedViews;

/// Where the present is read.
pub struct Now {
    /// The log.
    pub store: Arc<LogStore>,
    /// The views.
    pub views: Arc<SharedViews>,
    /// What waits to be written.
    pub queue: Arc<Queue<Submission>>,
    /// The committed state.
    pub latest: Latest,
    /// How far the head file is behind.
    pub head: HeadLag,
    /// The counters, of which some are read here as well.
    pub metrics: Arc<Metrics>,
    /// The data directory: the disk that must not be full.
    pub data: PathBuf,
    /// Places for connections: the listener's kind, the places, and how many there are.
    pub places: Vec<(&'static str, Arc<Semaphore>, u32)>,
    /// The ledger's environment.
    pub environment: Environment,
}

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Now").finish_non_exhaustive()
    }
}

/// Everything that `/metrics` says.
pub fn registry(now: Now) -> Registry {
    let mut registry = Registry::default();
    let build = Info::new(vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("gate", GATE_VERSION.to_string()),
        ("evaluator", EVALUATOR.unwrap_or("none").to_owned()),
        ("environment", word(&now.environment).into_owned()),
    ]);
    registry.register("ledger_build", "What runs", build);
    now.metrics
        .register(registry.sub_registry_with_prefix(PREFIX));
    registry.register_collector(Box::new(now));
    registry
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let e = &mut encoder;
        self.log(e)?;
        self.state(e)?;
        self.waiting(e)?;
        self.connections(e)?;
        process::encode(e)
    }
}

impl Now {
    fn log(&self, e: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let snapshot = self.latest.get();
        gauge(
            e,
            "ledger_log_entries",
            "Entries in the log",
            self.store.committed().size,
        )?;
        gauge(
            e,
            "ledger_log_bytes",
            "Bytes of the log's tables on disk, as RocksDB estimates them",
            self.store.table_bytes(),
        )?;
        gauge(
            e,
            "ledger_last_entry_timestamp_seconds",
            "Time of the last committed entry, in seconds since 1970",
            in_seconds(snapshot.head.time),
        )?;
        gauge(
            e,
            "ledger_commit_running_seconds",
            "How long the commit under way has taken; 0 where none is",
            self.metrics.committing().as_secs_f64(),
        )?;
        let failed = self.store.has_failed() || self.views.failure().is_some();
        gauge(
            e,
            "ledger_writes_stopped",
            "1 where nothing is written any more, until the daemon is started again",
            u64::from(failed),
        )?;
        counter(
            e,
            "ledger_store_errors",
            "Reads of the store or the views that failed",
            reads::failures(),
        )?;
        if let Ok(disk) = rustix::fs::statvfs(&self.data) {
            gauge(
                e,
                "ledger_disk_available_bytes",
                "Bytes that the daemon may still write to the disk of its data directory",
                disk.f_bavail.saturating_mul(disk.f_frsize),
            )?;
        }
        Ok(())
    }

    /// What the log says of open business.
    fn state(&self, e: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let snapshot = self.latest.get();
        let now = SystemClock::new().wall().max(snapshot.head.time);
        let breakers = &snapshot.controls.breakers;
        let breakers = breakers.iter().filter(|(_, record)| record.is_open(now));
        let glass = &snapshot.controls.glass;
        let glass = glass
            .iter()
            .filter(|(_, record)| record.opened.is_some() && now < record.until());
        for (name, help, value) in [
            (
                "ledger_decisions_open",
                "Allows that nobody has reported on yet, and no stop has voided",
                snapshot.open as u64,
            ),
            (
                "ledger_decisions_unresolved",
                "Allows whose report is overdue",
                snapshot.tally.unresolved + snapshot.tally.voided_unresolved,
            ),
            (
                "ledger_allows_voided",
                "Allows that a stop voided",
                snapshot.tally.voided,
            ),
            (
                "ledger_executions_irregular",
                "Executions without an allow, or beyond it",
                snapshot.tally.irregular,
            ),
            (
                "ledger_approvals_pending",
                "Approval requests that are not settled",
                snapshot.pending_approvals as u64,
            ),
            (
                "ledger_stops_active",
                "Stops in force",
                snapshot.stops.len() as u64,
            ),
            (
                "ledger_breakers_open",
                "Circuit breakers that are open",
                breakers.count() as u64,
            ),
            (
                "ledger_breakers_warned",
                "Circuit breakers whose first threshold alone is passed",
                snapshot.warned.len() as u64,
            ),
            (
                "ledger_break_glass_open",
                "Break-glass that is open: tier 3 is lifted for an agent",
                glass.count() as u64,
            ),
            (
                "ledger_clock_blocked",
                "1 where the clock is in doubt and every allow is a deny",
                u64::from(snapshot.clock_blocked),
            ),
        ] {
            gauge(e, name, help, value)?;
        }
        Ok(())
    }

    /// What is on its way, and how far what follows the log is behind it.
    fn waiting(&self, e: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let depths = self.queue.depths();
        let by_lane = |value: fn(&crate::queue::Depth) -> usize| {
            depths
                .iter()
                .map(move |depth| (depth.lane, value(depth) as u64))
        };
        gauges(
            e,
            "ledger_queue_waiting",
            "Commands that wait, by lane",
            "lane",
            by_lane(|depth| depth.waiting),
        )?;
        gauges(
            e,
            "ledger_queue_limit",
            "The most commands that may wait, by lane",
            "lane",
            by_lane(|depth| depth.limit),
        )?;
        let refused = self.queue.refused();
        let mut family = e.encode_descriptor(
            "ledger_queue_refusals",
            "Commands refused because a lane or a principal's quota was full.",
            None,
            MetricType::Counter,
        )?;
        for (queue, times) in refused {
            let counter = ConstCounter::new(times);
            counter.encode(family.encode_family(&[("queue", queue)])?)?;
        }
        let stuck = self.queue.stuck().unwrap_or_default();
        gauge(
            e,
            "ledger_queue_stuck_seconds",
            "How long commands have waited without any being taken",
            stuck.as_secs_f64(),
        )?;
        let views = self.views.lag();
        gauge(
            e,
            "ledger_views_waiting_bytes",
            "Changes of the views that are committed and not written yet",
            views.bytes as u64,
        )?;
        gauge(
            e,
            "ledger_views_lag_seconds",
            "Age of the oldest change of the views that is not written yet",
            views.age.as_secs_f64(),
        )?;
        gauge(
            e,
            "ledger_head_lag_seconds",
            "Age of the oldest checkpoint that the head file lacks",
            self.head.age().as_secs_f64(),
        )?;
        counter(
            e,
            "ledger_head_write_failures",
            "Writes of the head file that failed",
            self.head.failures(),
        )
    }

    fn connections(&self, e: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let open = self.places.iter().map(|(listener, places, most)| {
            let free = u64::try_from(places.available_permits()).unwrap_or(u64::MAX);
            (*listener, u64::from(*most).saturating_sub(free))
        });
        gauges(
            e,
            "ledger_connections_open",
            "Open connections, by listener",
            "listener",
            open,
        )?;
        let most = self
            .places
            .iter()
            .map(|(listener, _, most)| (*listener, u64::from(*most)));
        gauges(
            e,
            "ledger_connections_limit",
            "The most open connections, by listener",
            "listener",
            most,
        )
    }
}

pub(super) fn gauge<V>(
    e: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: V,
) -> fmt::Result
where
    ConstGauge<V>: EncodeMetric,
    V: EncodeGaugeValue,
{
    let gauge = ConstGauge::new(value);
    // The library ends the help of what is registered with a full stop, and so do we.
    let help = format!("{help}.");
    gauge.encode(e.encode_descriptor(name, &help, None, gauge.metric_type())?)
}

fn gauges(
    e: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &'static str,
    values: impl Iterator<Item = (&'static str, u64)>,
) -> fmt::Result {
    let help = format!("{help}.");
    let mut family = e.encode_descriptor(name, &help, None, MetricType::Gauge)?;
    for (word, value) in values {
        ConstGauge::new(value).encode(family.encode_family(&[(label, word)])?)?;
    }
    Ok(())
}

pub(super) fn counter<V>(
    e: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: V,
) -> fmt::Result
where
    ConstCounter<V>: EncodeMetric,
    V: EncodeCounterValue,
{
    let counter = ConstCounter::new(value);
    let help = format!("{help}.");
    counter.encode(e.encode_descriptor(name, &help, None, counter.metric_type())?)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "microseconds stay below 2^53 until the year 2255"
)]
fn in_seconds(time: Timestamp) -> f64 {
    time.micros() as f64 / 1_000_000.0
}
