use std::fmt;

use procfs::WithCurrentSystemInfo as _;
use procfs::process::Process;
use prometheus_client::encoding::DescriptorEncoder;

use super::now::{counter, gauge};

/// The process, under the names that Prometheus' own libraries use. What the system does not say is left
/// out.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
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
