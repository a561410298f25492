//! What the service manager is told: systemd's notification protocol (`sd_notify(3)`), which is one
//! datagram of `KEY=value` lines a message, to the socket that `NOTIFY_SOCKET` names.
//!
//! Where the variable is not set nothing is sent. A message that cannot be sent is logged and harms nothing:
//! whoever waits for it gives up by their own time limit.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::views::Progress;

/// How much longer a start may take after each sign of progress. A start that gives no sign for so long
/// is taken for hung.
const PATIENCE_US: u64 = 120_000_000;

/// Where the service manager listens.
#[derive(Debug)]
pub struct Notifier {
    to: Option<(UnixDatagram, SocketAddr)>,
}

impl Notifier {
    /// To the socket that `NOTIFY_SOCKET` names, or to nobody.
    pub fn from_environment() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self { to: None };
        };
        match open(&name) {
            Ok(to) => Self { to: Some(to) },
            Err(error) => {
                tracing::warn!(%error, "NOTIFY_SOCKET names no socket that can be sent to");
                Self { to: None }
            }
        }
    }

    /// Everybody is let in now.
    pub fn ready(&self) {
        self.send("READY=1\nSTATUS=serving");
    }

    /// The last calls are finished, and then it ends.
    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=stopping");
    }

    /// The start takes longer: the log is being folded into the views.
    pub fn folding(&self, Progress { folded, total }: Progress) {
        if folded < total {
            self.send(&format!(
                "EXTEND_TIMEOUT_USEC={PATIENCE_US}\nSTATUS=folded {folded} of {total} entries"
            ));
        }
    }

    fn send(&self, message: &str) {
        let Some((socket, to)) = &self.to else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), to) {
            tracing::warn!(%error, "the service manager was not told");
        }
    }
}

/// A name that begins with `@` is one of Linux's abstract namespace, where a zero stands for it.
fn open(name: &OsStr) -> std::io::Result<(UnixDatagram, SocketAddr)> {
    let to = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not hold up a start.
    socket.set_nonblocking(true)?;
    Ok((socket, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_an_abstract_name_are_both_reached() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("notify");
        let abstract_name = format!("ledgerd-notify-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).expect("a name");
        for (listening, name) in [
            (
                UnixDatagram::bind(&path).expect("bound"),
                path.clone().into_os_string(),
            ),
            (
                UnixDatagram::bind_addr(&address).expect("bound"),
                format!("@{abstract_name}").into(),
            ),
        ] {
            let notifier = Notifier {
                to: Some(open(&name).expect("a socket")),
            };
            notifier.ready();
            let mut message = [0; 64];
            listening.set_nonblocking(true).expect("set");
            let bytes = listening.recv(&mut message).expect("a datagram");
            assert_eq!(&message[..bytes], b"READY=1\nSTATUS=serving");
        }
    }
}
