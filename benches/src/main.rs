//! The load generator: drives the real daemon over its real interface, and says under what conditions.
//!
//! One run measures durable decisions, one by one, in streams and in batches, at several numbers of callers
//! and, beside each, a bare tonic service with the same messages and no ledger behind it, so that the ratio
//! says what the ledger costs.
//! Then it fills the log and measures memory and the time that an open takes.

mod daemon;
mod drive;
mod echo;
mod figures;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use drive::{Load, Mode};

/// What goes wrong ends the run: there is nothing to clean up but temporary files.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures a ledger on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    suite: Suite,
}

#[derive(Debug, clap::Args)]
struct Suite {
    /// The daemon's binary; by default the one beside this program.
    #[arg(long)]
    ledgerd: Option<PathBuf>,
    /// Where the ledger is made; its disk is what is measured.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Numbers of concurrent callers.
    #[arg(long, value_delimiter = ',', default_value = "1,64")]
    callers: Vec<usize>,
    /// How requests travel: one call each, in a stream of each caller, or in batches.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "unary")]
    mode: Vec<Mode>,
    /// Messages of a stream under way at once, and items of a batch.
    #[arg(long, default_value_t = 16)]
    depth: usize,
    /// Connections that the callers share.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Seconds for each measurement; it is made three times, and the median is given.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// People on the do-not-contact list.
    #[arg(long, default_value_t = 100_000)]
    listings: usize,
    /// Entries to fill the log to before memory and open time are measured; 0 leaves that out.
    #[arg(long, default_value_t = 1_000_000)]
    entries: u64,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the bare service; started by the suite.
    #[command(hide = true)]
    Echo {
        /// The socket to serve on.
        #[arg(long)]
        socket: PathBuf,
        /// The encoded reply to give.
        #[arg(long)]
        reply: PathBuf,
    },
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match args.command {
        Some(Command::Echo { socket, reply }) => runtime.block_on(echo::serve(&socket, &reply)),
        None => runtime.block_on(suite(&args.suite)),
    }
}

async fn suite(suite: &Suite) -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("ledger-load-")
        .tempdir_in(&suite.dir)?;
    let mut daemon = daemon::Daemon::create(folder.path(), suite.ledgerd.as_deref()).await?;
    figures::conditions(folder.path(), suite.connections, suite.listings);

    let team = daemon.populate(suite.listings).await?;
    let socket = daemon.socket().to_owned();
    let (request_bytes, reply) = drive::sample(&socket, &team).await?;
    let echo = echo::Echo::start(folder.path(), &reply).await?;
    println!("request {request_bytes} B, reply {} B\n", reply.len());
    println!(
        "mode   callers depth   decide/s      p50      p99    echo/s      p50      p99   decide/echo"
    );
    for (&callers, &mode) in suite
        .callers
        .iter()
        .flat_map(|callers| suite.mode.iter().map(move |mode| (callers, mode)))
    {
        let load = Load {
            mode,
            callers,
            depth: if mode == Mode::Unary { 1 } else { suite.depth },
            connections: suite.connections,
            span: Duration::from_secs(suite.seconds),
        };
        let mut pairs = Vec::new();
        for _ in 0..3 {
            // Side by side, so that a noisy neighbour meets both.
            let bare = drive::measure(echo.socket(), &team, load).await?;
            let real = drive::measure(&socket, &team, load).await?;
            pairs.push((real, bare));
        }
        figures::line(load, pairs);
    }
    drop(echo);

    if suite.entries > 0 {
        let before = daemon.size().await?;
        let missing = suite.entries.saturating_sub(before);
        let rate = drive::fill(&socket, &team, suite.connections, missing).await?;
        let size = daemon.size().await?;
        println!(
            "\nfilled from {before} to {size} entries at {rate:.0}/s; resident memory {} MiB",
            daemon.resident_mib()?
        );
        let clean = daemon.restart(true).await?;
        let killed = daemon.restart(false).await?;
        println!(
            "open at {size} entries: {:.2} s after a shutdown, {:.2} s after kill -9; resident memory then {} MiB",
            clean.as_secs_f64(),
            killed.as_secs_f64(),
            daemon.resident_mib()?
        );
    }
    daemon.stop().await?;
    Ok(())
}
