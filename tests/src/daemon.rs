//! A running daemon.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ledger_proto::v1 as pb;
use rustix::process::{Pid, Signal, kill_process};
use tonic::transport::Channel;

use crate::{Client, Credential, Ledger, Line, Web, connect};

/// How long a daemon may take to answer, and how long to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// `ledgerd run` on one ledger. Killed where it goes out of scope.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    channel: Channel,
    log: PathBuf,
    /// How long the log was when this one started: daemons of one ledger share it.
    log_before: usize,
}

impl Daemon {
    /// Starts one and waits until it answers, and has written that it has started: from then on the log
    /// grows by what a test does.
    pub(crate) async fn start(ledger: &Ledger, arguments: &[&str]) -> Self {
        let log = ledger.path("ledgerd.log");
        let log_before = std::fs::read_to_string(&log).map_or(0, |said| said.len());
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("room for a log");
        let mut run = ledger.run_command();
        let began = micros_since_1970();
        run.args(arguments)
            .stdout(file.try_clone().expect("a file can be shared"))
            .stderr(file);
        let child = run.stdin(Stdio::null()).spawn().expect("ledgerd starts");
        let mut daemon = Self {
            child,
            channel: connect(&ledger.socket()),
            log,
            log_before,
        };
        let operator = daemon.client(ledger.operator());
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = daemon.child.try_wait().expect("a child can be waited for") {
                panic!(
                    "ledgerd ended with {status} instead of starting; it said:\n{}",
                    daemon.said()
                );
            }
            let why = match last_boot(&operator).await {
                Ok(Some(time)) if time >= began => return daemon,
                Ok(_) => "its boot is not written".to_owned(),
                Err(status) => status.to_string(),
            };
            assert!(
                Instant::now() < until,
                "ledgerd does not start ({why}); it said:\n{}",
                daemon.said()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A client that authenticates with `credential`.
    pub fn client(&self, credential: Credential) -> Client {
        Client::new(self.channel.clone(), Some(&credential.bearer()))
    }

    /// A client whose `authorization` header is exactly this, or that sends none.
    pub fn client_with(&self, authorization: Option<&str>) -> Client {
        Client::new(self.channel.clone(), authorization)
    }

    /// The connection that its clients share.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Its HTTP address, where it was started with `--http 127.0.0.1:0` or another.
    pub async fn web(&self) -> Web {
        let address = self.serves("http").await.expect("it was told to");
        Web::new(address.parse().expect("an address"))
    }

    /// Where it says that it serves, `listen` or `http`; none where it says that it does not.
    pub async fn serves(&self, what: &str) -> Option<String> {
        let until = Instant::now() + PATIENCE;
        let words = format!(" {what}=");
        loop {
            // It answers before it says so.
            let said = self.said();
            let lines = said.get(self.log_before..).unwrap_or_default();
            let mut whole = lines
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            let serving = whole.find(|line| line.contains(" serving socket="));
            if let Some((_, rest)) = serving.and_then(|line| line.split_once(&words)) {
                let value = rest.split(' ').next().unwrap_or_default();
                let address = value
                    .strip_prefix("Some(")
                    .and_then(|rest| rest.strip_suffix(')'));
                assert!(
                    address.is_some() || value == "None",
                    "{what} `{value}` in:\n{said}"
                );
                return address.map(str::to_owned);
            }
            assert!(Instant::now() < until, "no `{what}` in:\n{said}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Tells it to stop, and does not wait for that.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Holds it where it is for so long, as a machine that has no time for it does.
    pub async fn stall(&self, time: Duration) {
        self.signal(Signal::STOP);
        tokio::time::sleep(time).await;
        self.signal(Signal::CONT);
    }

    /// Everything that it has written to its standard streams.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGTERM, and its end, which must be a clean one.
    pub async fn stop(mut self) {
        let status = self.end(Signal::TERM).await;
        assert!(
            status.success(),
            "ledgerd ended with {status}; it said:\n{}",
            self.said()
        );
    }

    /// SIGKILL: it gets no chance to do anything.
    pub async fn kill(mut self) {
        let status = self.end(Signal::KILL).await;
        assert_eq!(
            status.signal(),
            Some(9),
            "ledgerd had ended before; it said:\n{}",
            self.said()
        );
    }

    /// Waits without blocking the runtime: the connections' own tasks answer the daemon's goodbye, which
    /// it waits for.
    async fn end(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(
                Instant::now() < until,
                "ledgerd still runs {PATIENCE:?} after {signal:?}; it said:\n{}",
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Daemon {
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a child has a pid");
        kill_process(pid, signal).expect("a child that was not yet waited for can be signalled");
    }
}

/// When the newest start was, as the log has it, in microseconds since 1970.
async fn last_boot(operator: &Client) -> Result<Option<i64>, tonic::Status> {
    let filter = pb::EntryFilter {
        kinds: vec!["boot".to_owned()],
        ..Default::default()
    };
    let request = pb::ListRequest {
        filter: Some(filter),
        page_size: 1,
        ..Default::default()
    };
    let newest = operator.list(request).await?.receipts.into_iter().next();
    Ok(newest.map(|receipt| Line::parse(&receipt.entry).micros()))
}

fn micros_since_1970() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_micros()).expect("in range")
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("ledgerd said:\n{}", self.said());
        }
    }
}
