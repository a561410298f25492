//! An import of many rows by the real `ledgerctl`, and what deciding is like meanwhile.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::daemon::{Daemon, Team};
use crate::drive::{self, Load, Mode};
use crate::figures::Figure;

/// The span of each measurement while the import runs.
const SPAN: Duration = Duration::from_secs(3);

/// Imports `rows` addresses twice, alone and with `callers` deciding, and prints both.
pub(crate) async fn measure(
    daemon: &Daemon,
    team: &Team,
    folder: &Path,
    callers: usize,
    rows: u64,
) -> Result<()> {
    let file = folder.join("list.csv");
    let mut text = BufWriter::new(std::fs::File::create(&file)?);
    writeln!(text, "Email")?;
    for n in 0..rows {
        writeln!(text, "import{n}@list{}.example", n % 997)?;
    }
    text.flush()?;
    drop(text);
    println!(
        "\nimport of {rows} addresses by `ledgerctl dnc import --format hubspot`, resident memory at its peak"
    );

    let alone = Run::start(daemon, folder, &file, "alone")?;
    let alone = alone.finish(daemon).await?;
    println!("  alone: {alone}");

    let load = Load {
        mode: Mode::Unary,
        callers,
        depth: 1,
        connections: callers,
        span: SPAN,
    };
    let before = drive::measure(daemon.socket(), team, load).await?;
    let mut run = Run::start(daemon, folder, &file, "again")?;
    let mut during = Vec::new();
    while !run.is_over()? {
        let figure = drive::measure(daemon.socket(), team, load).await?;
        if !run.is_over()? {
            during.push(figure);
        }
    }
    let busy = run.finish(daemon).await?;
    println!("  the same list once more, with {callers} callers deciding: {busy}");
    told("before", &[before]);
    told("meanwhile", &during);
    Ok(())
}

fn told(when: &str, figures: &[Figure]) {
    let median = |of: fn(&Figure) -> f64| {
        let mut values: Vec<f64> = figures.iter().map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    println!(
        "  decide {when}: {:.0}/s, p50 {:.1} ms, p99 {:.1} ms (medians of {})",
        median(|figure| figure.rate),
        median(|figure| figure.p50.as_secs_f64() * 1e3),
        median(|figure| figure.p99.as_secs_f64() * 1e3),
        figures.len()
    );
}

/// What an import came to.
struct Told {
    rows_per_s: f64,
    seconds: f64,
    ctl_mib: u64,
    daemon_mib: u64,
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.0} rows/s, {:.1} s; ledgerctl {} MiB, ledgerd {} MiB",
            self.rows_per_s, self.seconds, self.ctl_mib, self.daemon_mib
        )
    }
}

/// One import under way.
struct Run {
    child: Child,
    started: Instant,
    ended: Option<Instant>,
    peak_mib: u64,
}

impl Run {
    fn start(daemon: &Daemon, folder: &Path, file: &Path, id: &str) -> Result<Self> {
        let child = Command::new(daemon.ledgerctl())
            .args([
                "dnc",
                "import",
                "--format",
                "hubspot",
                "--request-id",
                id,
                "--json",
            ])
            .arg("--file")
            .arg(file)
            .arg("--socket")
            .arg(daemon.socket())
            .arg("--credential")
            .arg(folder.join("operator.credential"))
            .arg("--vkey")
            .arg(folder.join("data/ledger.vkey"))
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Self {
            child,
            started: Instant::now(),
            ended: None,
            peak_mib: 0,
        })
    }

    fn is_over(&mut self) -> Result<bool> {
        // The peak is kept by the system; it is gone with the process.
        if let Ok(mib) = crate::daemon::peak_mib(self.child.id()) {
            self.peak_mib = self.peak_mib.max(mib);
        }
        if self.ended.is_none() && self.child.try_wait()?.is_some() {
            self.ended = Some(Instant::now());
        }
        Ok(self.ended.is_some())
    }

    async fn finish(mut self, daemon: &Daemon) -> Result<Told> {
        while !self.is_over()? {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ended = self.ended.unwrap_or_else(Instant::now);
        let output = self.child.wait_with_output()?;
        if !output.status.success() {
            return Err(format!("ledgerctl ended with {}", output.status).into());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let (_, listed) = text.split_once("\"listed\":").ok_or("no count")?;
        let digits = listed.trim_start().split(|c: char| !c.is_ascii_digit());
        let listed: f64 = digits.into_iter().next().unwrap_or_default().parse()?;
        let seconds = (ended - self.started).as_secs_f64();
        Ok(Told {
            rows_per_s: listed / seconds,
            seconds,
            ctl_mib: self.peak_mib,
            daemon_mib: daemon.peak_mib()?,
        })
    }
}
