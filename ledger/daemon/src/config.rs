//! The command line, and with it every setting.
//!
//! What stands here reaches files, sockets, queues and logs. Nothing of it reaches a decision: every
//! number that the gate reads is policy text in the log.
//!
//! An argument of [`Run`] that has an environment variable is a setting: its name with underscores is its
//! key in the configuration file, and [`load`] gives it one value: that of the command line, else of the
//! environment, else of the file, else its default. A new setting is one field here, and one line in
//! `deploy/ledgerd.toml`, which a test demands.

mod file;
mod key;
mod load;
mod settings;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use ledger_core::entry::Environment;

pub use file::{FileError, Flaw};
pub use load::{DEFAULT_FILE, LoadError, load, load_with};
pub use settings::{Kind, Setting, Settings, Source};

use crate::http::SendgridKey;
use crate::open::Layout;
use crate::queue::Quotas;

/// The Agent Ledger daemon.
///
/// A setting's value is that of the command line, else of its environment variable, else of the
/// configuration file, else its default; `ledgerd check-config` shows which.
///
/// Exit codes: 0 done; 1 refused, and nothing was changed that the message does not name; 2 usage, and a
/// configuration that is not understood; 70 writes had to stop while serving (the outcome of a commit is
/// unknown, or the state cannot be trusted): start it again, which finds out. `check` has codes of its own.
#[derive(Debug, Parser)]
#[command(name = "ledgerd", version, about, long_about)]
pub struct Config {
    /// The configuration file, TOML; without it /etc/agent-ledger/ledgerd.toml, if there is one.
    #[arg(long, env = "LEDGERD_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// What to log: `error`, `warn`, `info`, `debug` or `trace`, or directives such as `ledgerd=debug`.
    #[arg(long, env = "LEDGERD_LOG", default_value = "info", global = true, value_parser = crate::cli::log_directives)]
    pub log: String,
    /// How to log.
    #[arg(long, env = "LEDGERD_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The form of log lines. Those of `run` go to standard output, those of other commands, whose results
/// stand there, to standard error.
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
    /// Recomputes everything that is stored, from a store that no daemon has open, and names the first thing
    /// that is wrong. Changes nothing.
    ///
    /// Exit codes: 0 whole; 1 something is wrong, and named; 2 usage; 3 not checked: in use, not readable, or
    /// no ledger; 4 not judged to the end: written by a version that this one does not know.
    Check(Check),
    /// Says what `run` would run with, where each value comes from, and what speaks against it. Opens no
    /// ledger, so a daemon may run meanwhile.
    ///
    /// Exit codes: 0 fit to run, though there may be warnings; 1 `run` would be refused; 2 not understood.
    CheckConfig(CheckConfig),
    /// Prints what a shell completes command lines by.
    Completions(Completions),
}

/// `ledgerd completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    pub shell: clap_complete::Shell,
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
    /// Every setting, with its value as text and where that comes from.
    #[arg(skip)]
    pub settings: Settings,
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
    /// A TCP address to serve tiles, metrics, health and providers' events on over HTTP, such as 127.0.0.1:7051. There is no
    /// TLS. Tiles and metrics need a credential (see docs/roles.md) unless they are opened.
    #[arg(long, env = "LEDGERD_HTTP", value_name = "ADDR")]
    pub http: Option<SocketAddr>,
    /// Lets everybody who reaches the HTTP address read checkpoint, tiles and entries: the whole log.
    #[arg(long, env = "LEDGERD_HTTP_OPEN_TILES", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false)]
    pub http_open_tiles: bool,
    /// Lets everybody who reaches the HTTP address read the metrics.
    #[arg(long, env = "LEDGERD_HTTP_OPEN_METRICS", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false)]
    pub http_open_metrics: bool,
    /// The verification key of SendGrid's signed event webhook, as its settings show it. With it, a delivery of
    /// SendGrid that is not signed by it is refused.
    #[arg(long, env = "LEDGERD_SENDGRID_KEY", value_name = "BASE64")]
    pub sendgrid_key: Option<SendgridKey>,
    /// The principal whose credential stands in SendGrid's settings. That credential is then good for deliveries
    /// of SendGrid that the key has signed, and for nothing else.
    #[arg(long, env = "LEDGERD_SENDGRID_PRINCIPAL", value_name = "ID")]
    pub sendgrid_principal: Option<String>,
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
    /// For how many years details are kept at least. Nothing is deleted when they are over: this version
    /// erases nothing, and `ledgerd check` counts what is older.
    #[arg(long, env = "LEDGERD_RETENTION_YEARS", value_name = "YEARS", default_value_t = RETENTION_YEARS, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub retention_years: u32,
}

/// For how many years details are kept, unless something else is set.
pub const RETENTION_YEARS: u32 = 6;

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
    /// Says what was done as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `ledgerd check`
#[derive(Debug, Args)]
pub struct Check {
    /// The data directory.
    #[arg(long, env = "LEDGERD_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// Where the last checkpoint is kept outside the data directory; without it, DIR.head beside DIR.
    #[arg(long, env = "LEDGERD_HEAD", value_name = "FILE")]
    pub head: Option<PathBuf>,
    /// Plans every entry again, as `ledger-verify replay` does, and compares.
    #[arg(long)]
    pub replay: bool,
    /// Does not fold the log anew to compare the views.
    #[arg(long)]
    pub no_views: bool,
    /// Does not compare the head file: of a copy that came without it.
    #[arg(long)]
    pub no_head: bool,
    /// Does not compare the key files: of a copy that came without them.
    #[arg(long)]
    pub no_keys: bool,
    /// Where to fold the log anew, about as large as the views are; without it, the system's directory for
    /// temporary files.
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// For how many years details are kept at least; older ones are counted.
    #[arg(long, env = "LEDGERD_RETENTION_YEARS", value_name = "YEARS", default_value_t = RETENTION_YEARS, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub retention_years: u32,
    /// Says what was found as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `ledgerd check-config`
#[derive(Debug, Args)]
pub struct CheckConfig {
    /// What `run` takes.
    #[command(flatten)]
    pub run: Run,
    /// Says what was found as JSON.
    #[arg(long)]
    pub json: bool,
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

    /// Where the socket is.
    pub fn socket_path(&self) -> PathBuf {
        self.socket
            .clone()
            .unwrap_or_else(|| Layout::of(&self.data).socket())
    }

    /// Where the head file is.
    pub fn head_path(&self) -> PathBuf {
        self.head
            .clone()
            .unwrap_or_else(|| Layout::of(&self.data).head())
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

    /// What `run` runs with, where there is no file and no variable.
    fn run(extra: &[&str]) -> Run {
        let args = ["ledgerd", "run", "--data", "/d"].iter().chain(extra);
        match load_with(args, None).expect("parses").command {
            Command::Run(run) => run,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_switch_is_off_until_it_is_named_or_said_to_be_true() {
        assert!(!run(&[]).http_open_tiles);
        assert!(run(&["--http-open-tiles"]).http_open_tiles);
        assert!(run(&["--http-open-tiles=true"]).http_open_tiles);
        assert!(!run(&["--http-open-tiles=false"]).http_open_tiles);
        let refused = ["ledgerd", "run", "--data", "/d", "--http-open-tiles=yes"];
        assert!(load_with(refused, None).is_err());
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
        let digest = |extra: &[&str]| run(extra).settings.digest();
        assert_eq!(digest(&[]), digest(&[]));
        assert_eq!(
            digest(&[]),
            digest(&["--quota", "2048"]),
            "the value counts, not who gave it"
        );
        let mut digests = vec![digest(&[])];
        for other in [
            ["--quota", "7"],
            ["--listen", "127.0.0.1:1"],
            ["--http", "127.0.0.1:1"],
            ["--http-open-tiles=true", "--http-open-metrics=false"],
            ["--head", "/h"],
            ["--log", "debug"],
        ] {
            digests.push(digest(&other));
        }
        digests.sort_unstable_by_key(|hash| hash.0);
        digests.dedup();
        assert_eq!(digests.len(), 7, "each changes it");
    }
}
