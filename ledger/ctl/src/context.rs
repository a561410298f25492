//! What every command works with: where the ledger is, who asks, and how results are shown.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ledger_core::trust::Trust;

use crate::client::{self, Place, Session};
use crate::credential::Credential;
use crate::failure::{Failure, Problem};
use crate::files;
use crate::output::Output;
use crate::proof;

const HEADING: &str = "Connection and trust";

/// Options of every command that talks to a ledger.
#[derive(Debug, Clone, Args)]
pub(crate) struct Connection {
    /// The ledger's Unix socket, such as `DATA/ledger.sock`
    #[arg(long, global = true, env = "LEDGER_SOCKET", hide_env_values = true, value_name = "PATH", help_heading = HEADING)]
    pub(crate) socket: Option<PathBuf>,
    /// Instead of a socket: `http://HOST:PORT`, the address of ledgerd's --listen
    #[arg(long, global = true, env = "LEDGER_ADDRESS", hide_env_values = true, value_name = "URL", help_heading = HEADING)]
    pub(crate) address: Option<String>,
    /// The file with your credential
    #[arg(long, global = true, env = "LEDGER_CREDENTIAL", hide_env_values = true, value_name = "FILE", help_heading = HEADING)]
    pub(crate) credential: Option<PathBuf>,
    /// The ledger's verification key, or a file that holds it: every receipt is verified against it
    #[arg(long, global = true, env = "LEDGER_VKEY", hide_env_values = true, value_name = "VKEY|FILE", help_heading = HEADING)]
    pub(crate) vkey: Option<String>,
    /// How long to wait for an answer, in seconds
    #[arg(long, global = true, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "S", help_heading = HEADING)]
    pub(crate) timeout: u64,
}

/// What a command works with.
#[derive(Debug)]
pub(crate) struct Context {
    connection: Connection,
    pub(crate) output: Output,
}

impl Context {
    /// The context of a command line.
    pub(crate) const fn new(connection: Connection, output: Output) -> Self {
        Self { connection, output }
    }

    /// Connects for a call whose answer has to be proven. Nothing is sent where no key was named.
    pub(crate) async fn connect(&self) -> Result<Session, Failure> {
        let trust = self.trust()?.ok_or_else(client::no_vkey)?;
        self.session(Some(trust)).await
    }

    /// Connects for a call whose answer carries no proof.
    pub(crate) async fn connect_unproven(&self) -> Result<Session, Failure> {
        let trust = self.trust()?;
        self.session(trust).await
    }

    /// Adds to a failure what can be found out about the place where no ledger answered.
    pub(crate) async fn explain(&self, failure: Failure) -> Failure {
        let address = self.connection.address.as_deref().map(Place::address);
        match address {
            Some(Ok(place)) if failure.is_unreachable() && client::speaks_http(&place).await => {
                failure.note(format!(
                    "{place} speaks HTTP, not gRPC: it is the address of ledgerd's --http (`http` in its file), which serves \
                     metrics, tiles and events. Give that of --listen (`listen`), or the socket"
                ))
            }
            _ => failure,
        }
    }

    fn trust(&self) -> Result<Option<Trust>, Failure> {
        self.connection
            .vkey
            .as_deref()
            .map(proof::trust)
            .transpose()
    }

    async fn session(&self, trust: Option<Trust>) -> Result<Session, Failure> {
        let Connection {
            socket,
            address,
            credential,
            timeout,
            ..
        } = &self.connection;
        let place = match (address, socket) {
            (Some(address), _) => Place::address(address)?,
            (None, Some(socket)) => Place::Socket(socket.clone()),
            (None, None) => {
                return Err(Failure::usage(
                    "no ledger is named: give --socket (or LEDGER_SOCKET) or --address (or LEDGER_ADDRESS)",
                ));
            }
        };
        let Some(path) = credential else {
            return Err(Failure::usage(
                "no credential is named: give --credential, or set LEDGER_CREDENTIAL, to the file with yours",
            ));
        };
        let credential = Credential::read(path)?;
        let input = |source| Problem::Input {
            path: path.clone(),
            source,
        };
        if let Some(mode) = files::open_to_others(path).map_err(input)? {
            let text = format!(
                "credential file `{}` is open to others (mode {mode:04o}): chmod 600 it",
                path.display()
            );
            self.output.warn(&text);
        }
        if place.is_remote() {
            self.output.warn(&format!(
                "your credential goes to {place} over the network in clear"
            ));
        }
        Session::connect(&place, &credential, Duration::from_secs(*timeout), trust).await
    }
}
