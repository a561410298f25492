//! What is printed: every number with its conditions.

use std::path::Path;
use std::time::Duration;

use crate::drive::Load;

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    /// Calls a second.
    pub(crate) rate: f64,
    /// Half the calls took no longer.
    pub(crate) p50: Duration,
    /// All but one in a hundred took no longer.
    pub(crate) p99: Duration,
}

impl Figure {
    /// From the latencies of every call, in `span`.
    pub(crate) fn of(mut latencies: Vec<Duration>, span: Duration) -> Self {
        latencies.sort_unstable();
        let at = |share: usize| {
            latencies
                .get(latencies.len() * share / 100)
                .copied()
                .unwrap_or_default()
        };
        #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = latencies.len() as f64 / span.as_secs_f64();
        Self {
            rate,
            p50: at(50),
            p99: at(99),
        }
    }
}

/// The machine and what is set, before any number.
pub(crate) fn conditions(folder: &Path, connections: usize, listings: usize) {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    println!("machine: {model}, {cores} cores; load generator on the same machine");
    println!(
        "every decision synced to disk before its reply; fdatasync of 4 KiB here: {:?} (median)",
        fsync(folder)
    );
    println!(
        "over a Unix socket, {connections} connections, {listings} listings, 10 throttle rules; medians of 3"
    );
}

/// The median time of an `fdatasync` after a 4 KiB append in `folder`.
fn fsync(folder: &Path) -> Duration {
    use std::io::Write;
    let path = folder.join("fsync-probe");
    let mut times = Vec::new();
    if let Ok(mut file) = std::fs::File::create(&path) {
        for _ in 0..200 {
            let start = std::time::Instant::now();
            if file
                .write_all(&[7; 4096])
                .and_then(|()| file.sync_data())
                .is_err()
            {
                break;
            }
            times.push(start.elapsed());
        }
    }
    let _ = std::fs::remove_file(path);
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// One line: medians over the pairs, and the median of their ratios.
pub(crate) fn line(load: Load, pairs: Vec<(Figure, Figure)>) {
    let median = |of: &dyn Fn(&(Figure, Figure)) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    println!(
        "{:<7}{:>7} {:>5} {:>10.0} {:>6.0}us {:>6.0}us {:>9.0} {:>6.0}us {:>6.0}us {:>12.0} %",
        format!("{:?}", load.mode).to_lowercase(),
        load.callers,
        load.depth,
        median(&|(real, _)| real.rate),
        median(&|(real, _)| us(real.p50)),
        median(&|(real, _)| us(real.p99)),
        median(&|(_, bare)| bare.rate),
        median(&|(_, bare)| us(bare.p50)),
        median(&|(_, bare)| us(bare.p99)),
        median(&|(real, bare)| 100.0 * real.rate / bare.rate),
    );
}
