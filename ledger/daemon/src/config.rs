//! The command line and its environment variables.
//!
//! What stands here reaches files, sockets, queues and logs. Nothing of it reaches a decision: every
//! number that the gate reads is policy text in the log.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use ledger_core::entry::Environment;
use ledger_core::hash::Hash;
use serde::Serialize;

use crate::http::SendgridKey;
use crate::queue::Quotas;

/// The Agent Ledger daemon.
///
/// Exit codes: 0 done; 1 refused, and nothing was changed that the message does not name; 2 usage;
/// 70 writes had to stop while serving (the outcome of a commit is unknown, or the state cannot be
/// trusted): start it again, which finds out.
#[derive(Debug, Parser)]
#[command(name = "ledgerd", version, about, long_about)]
pub struct Config {
    /// What to log: `error`, `warn`, `info`, `debug` or `trace`, or directives such as `ledgerd=debug`.
    #[arg(long, env = "LEDGERD_LOG", default_value = "info", global = true)]
    pub log: String,
    /// How to log.
    #[arg(long, env = "LEDGERD_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The form of log lines, which go to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What the daemon's binary does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Creates a ledger: keys, an empty log with its genesis, the first operator.
    Init(Init),
    /// Serves a ledger until SIGTERM or SIGINT.
    Run(Run),
    /// Writes a whole log into a folder, from a store that no daemon has open. Nothing records this.
    Export(Export),
    /// Drops the views and folds them anew from the log. Signs nothing and writes nothing to the log.
    Rebuild(Rebuild),
}

/// `ledgerd init`
#[derive(Debug, Args)]
pub struct Init {
    /// The data directory, to be made; it must be empty or not exist.
    #[arg(long, env = "LEDGERD_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// The ledger's name for good, such as `ledger.example.com/main`: the origin of its checkpoints.
    #[arg(long, env = "LEDGERD_ORIGIN", value_name = "NAME")]
    pub origin: String,
    /// Whether real people are reached; a `sandbox` reaches nobody and keeps nothing readable.
    #[arg(long, env = "LEDGERD_ENVIRONMENT", value_enum, default_value_t = EnvironmentName::Prod)]
    pub environment: EnvironmentName,
    /// Where the last checkpoint is kept outside the data directory; without it, DIR.head beside DIR.
    #[arg(long, env = "LEDGERD_HEAD", value_name = "FILE")]
    pub head: Option<PathBuf>,
    /// The assigned id of the first operator, such as `ops.1`; never a person's name.
    #[arg(long, value_name = "ID")]
    pub operator: String,
    /// The file to write the operator's credential to.
    #[arg(long, value_name = "FILE")]
    pub credential_out: PathBuf,
}

/// The environments that a ledger can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EnvironmentName {
    /// Real people are reached.
    Prod,
    /// Nobody is to be reached, and nothing readable is kept.
    Sandbox,
}

impl From<EnvironmentName> for Environment {
    fn from(name: EnvironmentName) -> Self {
        match name {
            EnvironmentName::Prod => Self::Prod,
            EnvironmentName::Sandbox => Self::Sandbox,
        }
    }
}

/// `ledgerd run`
#[derive(Debug, Args)]
pub struct Run {
    /// The data directory.
    #[arg(long, env = "LEDGERD_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// The Unix socket to serve on; without it, DIR/ledger.sock. Its mode is 0660: owner and group may
    /// connect, and need a credential all the same. DIR is its owner's alone, so for a group name a path
    /// outside it.
    #[arg(long, env = "LEDGERD_SOCKET", value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// A TCP address to serve on as well, such as 127.0.0.1:7050. There is no TLS: beyond loopback,
    /// credentials and people's data can be read on the way.
    #[arg(long, env = "LEDGERD_LISTEN", value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// A TCP address to serve tiles, metrics and health on over HTTP, such as 127.0.0.1:7051. There is no
    /// TLS. Tiles and metrics need a credential (see docs/roles.md) unless they are opened.
    #[arg(long, env = "LEDGERD_HTTP", value_name = "ADDR")]
    pub http: Option<SocketAddr>,
    /// Lets everybody who reaches the HTTP address read checkpoint, tiles and entries: the whole log.
    #[arg(long, env = "LEDGERD_HTTP_OPEN_TILES", requires = "http")]
    pub http_open_tiles: bool,
    /// Lets everybody who reaches the HTTP address read the metrics.
    #[arg(long, env = "LEDGERD_HTTP_OPEN_METRICS", requires = "http")]
    pub http_open_metrics: bool,
    /// The verification key of SendGrid's signed event webhook, as its settings show it. With it, a delivery of
    /// SendGrid that is not signed by it is refused.
    #[arg(
        long,
        env = "LEDGERD_SENDGRID_KEY",
        value_name = "BASE64",
        requires = "http"
    )]
    pub sendgrid_key: Option<SendgridKey>,
    /// The most open connections to the HTTP address, counted apart from the others.
    #[arg(long, env = "LEDGERD_HTTP_CONNECTIONS", value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub http_connections: u32,
    /// Where the last checkpoint is kept outside the data directory; without it, DIR.head beside DIR.
    #[arg(long, env = "LEDGERD_HEAD", value_name = "FILE")]
    pub head: Option<PathBuf>,
    /// Starts although there is no readable head file, and makes one. Only if you know that no newer
    /// copy of the data directory was ever in use.
    #[arg(long)]
    pub accept_head: bool,
    /// How long calls under way may take to finish after SIGTERM, in seconds.
    #[arg(
        long,
        env = "LEDGERD_DRAIN_S",
        value_name = "SECONDS",
        default_value_t = 10
    )]
    pub drain_s: u64,
    /// The most open connections.
    #[arg(long, env = "LEDGERD_CONNECTIONS", value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub connections: u32,
    /// The most calls under way on one connection.
    #[arg(long, env = "LEDGERD_STREAMS", value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub streams: u32,
    /// The most commands waiting in the control lane (stop, single changes of the list, principals).
    #[arg(long, env = "LEDGERD_QUEUE_CONTROL", value_name = "N", default_value_t = Quotas::default().control)]
    pub queue_control: usize,
    /// The most commands waiting beside it.
    #[arg(long, env = "LEDGERD_QUEUE", value_name = "N", default_value_t = Quotas::default().work)]
    pub queue: usize,
    /// The most reports waiting, counted apart from requests.
    #[arg(long, env = "LEDGERD_QUEUE_REPORTS", value_name = "N", default_value_t = Quotas::default().reports)]
    pub queue_reports: usize,
    /// The most requests of one principal waiting.
    #[arg(long, env = "LEDGERD_QUOTA", value_name = "N", default_value_t = Quotas::default().per_principal)]
    pub quota: usize,
    /// The most reports of one principal waiting.
    #[arg(long, env = "LEDGERD_QUOTA_REPORTS", value_name = "N", default_value_t = Quotas::default().reports_per_principal)]
    pub quota_reports: usize,
}

/// `ledgerd export`
#[derive(Debug, Args)]
pub struct Export {
    /// The data directory.
    #[arg(long, env = "LEDGERD_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// The folder to write; it must be empty or not exist.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}

/// `ledgerd rebuild`
#[derive(Debug, Args)]
pub struct Rebuild {
    /// The data directory.
    #[arg(long, env = "LEDGERD_DATA", value_name = "DIR")]
    pub data: PathBuf,
}

impl Run {
    /// How much may wait.
    pub const fn quotas(&self) -> Quotas {
        Quotas {
            control: self.queue_control,
            work: self.queue,
            reports: self.queue_reports,
            per_principal: self.quota,
            reports_per_principal: self.quota_reports,
        }
    }

    /// SHA-256 of what the daemon runs with, as one line of JSON: what a `boot` entry says of it.
    pub fn digest(&self) -> Hash {
        #[derive(Serialize)]
        struct Settings<'a> {
            listen: Option<SocketAddr>,
            socket: Option<&'a Path>,
            http: Option<SocketAddr>,
            http_open_tiles: bool,
            http_open_metrics: bool,
            http_connections: u32,
            sendgrid_key: Option<&'a str>,
            drain_s: u64,
            connections: u32,
            streams: u32,
            queue_control: usize,
            queue: usize,
            queue_reports: usize,
            quota: usize,
            quota_reports: usize,
        }
        let settings = Settings {
            listen: self.listen,
            socket: self.socket.as_deref(),
            http: self.http,
            http_open_tiles: self.http_open_tiles,
            http_open_metrics: self.http_open_metrics,
            http_connections: self.http_connections,
            sendgrid_key: self.sendgrid_key.as_ref().map(SendgridKey::as_str),
            drain_s: self.drain_s,
            connections: self.connections,
            streams: self.streams,
            queue_control: self.queue_control,
            queue: self.queue,
            queue_reports: self.queue_reports,
            quota: self.quota,
            quota_reports: self.quota_reports,
        };
        // A path that is not Unicode has no JSON; the hash then says of it what `Debug` says.
        let text = serde_json::to_string(&settings).unwrap_or_else(|_| format!("{self:?}"));
        Hash::of(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Config::command().debug_assert();
    }

    fn run(extra: &[&str]) -> Run {
        let args = ["ledgerd", "run", "--data", "/d"].iter().chain(extra);
        match Config::try_parse_from(args).expect("parses").command {
            Command::Run(run) => run,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn quotas_are_those_of_the_queue_unless_set_and_the_digest_tells() {
        assert_eq!(run(&[]).quotas(), Quotas::default());
        assert_eq!(
            run(&["--quota", "7"]).quotas(),
            Quotas {
                per_principal: 7,
                ..Quotas::default()
            }
        );
        assert_eq!(run(&[]).digest(), run(&[]).digest());
        assert_ne!(run(&[]).digest(), run(&["--quota", "7"]).digest());
        assert_ne!(
            run(&[]).digest(),
            run(&["--listen", "127.0.0.1:1"]).digest()
        );
    }
}
