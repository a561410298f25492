//! What the operating system knows of the process.

use std::fmt;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use procfs::WithCurrentSystemInfo as _;
use procfs::process::Process;
use prometheus_client::encoding::DescriptorEncoder;

use super::now::{counter, gauge};

/// When the process was started, as far as it can tell by itself: the system's own answer is out of sight of a
/// service whose `/proc` shows processes alone.
static STARTED: LazyLock<f64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
});

/// Takes the time: to be called when the process has just been started.
pub fn started() {
    LazyLock::force(&STARTED);
}

/// The process, under the names that Prometheus' own libraries use. What the system does not say is left
/// out.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    gauge(
        encoder,
        "process_start_time_seconds",
        "When the process was started, in seconds since 1970",
        *STARTED,
    )?;
    let Ok(process) = Process::myself() else {
        return Ok(());
    };
    if let Ok(stat) = process.stat() {
        gauge(
            encoder,
            "process_resident_memory_bytes",
            "Resident memory of the process",
            stat.rss_bytes().get(),
        )?;
        gauge(
            encoder,
            "process_virtual_memory_bytes",
            "Virtual memory of the process",
            stat.vsize,
        )?;
        let ticks = seconds(procfs::ticks_per_second());
        counter(
            encoder,
            "process_cpu_seconds",
            "Processor time of the process, user and system",
            seconds(stat.utime + stat.stime) / ticks,
        )?;
    }
    if let Ok(open) = process.fd_count() {
        gauge(
            encoder,
            "process_open_fds",
            "Open file descriptors of the process",
            open as u64,
        )?;
    }
    if let Ok(limits) = process.limits()
        && let procfs::process::LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        gauge(
            encoder,
            "process_max_fds",
            "The most file descriptors that the process may have open",
            most,
        )?;
    }
    Ok(())
}

/// Exact up to 2^53.
#[allow(
    clippy::cast_precision_loss,
    reason = "seconds and ticks stay far below 2^53"
)]
fn seconds(number: u64) -> f64 {
    number as f64
}
