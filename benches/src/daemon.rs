//! A real daemon on a ledger of its own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use ledger_core::hash::Hash;
use ledger_proto::v1::control_client::ControlClient;
use ledger_proto::v1::{
    AddDncRequest, Identifiers, Listing, ListingReason, PolicyFile, PublishPolicyRequest,
    PutPrincipalRequest, Role, StatusRequest, Subject, WriteHeader, subject,
};
use tokio::net::UnixStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

use crate::Result;

/// How many agents share the load.
const AGENTS: usize = 20;

/// The agents' credentials.
pub(crate) struct Team(Vec<MetadataValue<Ascii>>);

impl Team {
    /// The credential of one caller's agent.
    pub(crate) fn agent(&self, caller: usize) -> &MetadataValue<Ascii> {
        &self.0[caller % self.0.len()]
    }
}

/// The address of the `n`-th person.
pub(crate) fn address(n: u64) -> String {
    format!("person{n}@company{}.example", n % 997)
}

/// The daemon's process; killed with this value.
pub(crate) struct Daemon {
    binary: PathBuf,
    folder: PathBuf,
    socket: PathBuf,
    operator: MetadataValue<Ascii>,
    child: Child,
}

impl Daemon {
    /// Makes a ledger in `folder` and starts its daemon.
    pub(crate) async fn create(folder: &Path, binary: Option<&Path>) -> Result<Self> {
        let binary = match binary {
            Some(binary) => binary.to_owned(),
            None => std::env::current_exe()?.with_file_name("ledgerd"),
        };
        let credential = folder.join("operator.credential");
        let made = Command::new(&binary)
            .arg("init")
            .arg("--data")
            .arg(folder.join("data"))
            .args([
                "--origin",
                "load.example/ledger",
                "--operator",
                "operator.load",
                "--credential-out",
            ])
            .arg(&credential)
            .output()?;
        if !made.status.success() {
            return Err(format!(
                "ledgerd init failed: {}",
                String::from_utf8_lossy(&made.stderr)
            )
            .into());
        }
        let operator = bearer(std::fs::read_to_string(credential)?.trim())?;
        let socket = folder.join("ledger.sock");
        let child = spawn(&binary, folder, &socket)?;
        await_socket(&socket).await?;
        Ok(Self {
            binary,
            folder: folder.to_owned(),
            socket,
            operator,
            child,
        })
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Publishes a policy of ten throttle rules, registers the agents and lists people.
    pub(crate) async fn populate(&self, listings: usize) -> Result<Team> {
        let mut control = ControlClient::new(connect(&self.socket).await?);
        let mut policy = String::from("version = 1\n\n[numbers]\nreport_within_s = 604800\n");
        for agent in 0..AGENTS {
            let _ = write!(
                policy,
                "\n[[grant]]\nid = \"send-{agent}\"\nagent = \"agent.load-{agent}\"\nactions = [\"email.send\"]\n\
                 sellers = [\"acme\"]\nmailboxes = [\"*\"]\nobjects = [\"contact\"]\napproval = \"waived\"\n"
            );
        }
        let rules = [
            ("agent-hour", "agent", "1h"),
            ("agent-minute", "agent", "60s"),
            ("workspace-hour", "workspace", "1h"),
            ("workspace-minute", "workspace", "60s"),
            ("mailbox-hour", "mailbox", "1h"),
            ("recipient-day", "recipient", "1d"),
            ("domain-hour", "domain", "1h"),
            ("campaign-hour", "campaign", "1h"),
            ("seller-hour", "seller", "1h"),
            ("seller-minute", "seller", "60s"),
        ];
        for (id, per, window) in rules {
            let _ = write!(
                policy,
                "\n[[throttle]]\nid = \"{id}\"\nactions = [\"email.send\"]\nper = \"{per}\"\nlimit = 1000000\n\
                 window = \"{window}\"\n"
            );
        }
        let files = vec![PolicyFile {
            path: "policy.toml".to_owned(),
            text: policy,
        }];
        control
            .publish_policy(self.call(PublishPolicyRequest {
                header: Some(header("policy")),
                files,
                promotion: None,
            }))
            .await?;

        let mut team = Vec::new();
        for agent in 0..AGENTS {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret)?;
            let id = format!("agent.load-{agent}");
            let put = PutPrincipalRequest {
                header: Some(header(&id)),
                id,
                role: Role::Agent.into(),
                groups: Vec::new(),
                credential_sha256: Hash::of(&secret).0.to_vec().into(),
            };
            control.put_principal(self.call(put)).await?;
            team.push(bearer(&hex::encode(secret))?);
        }
        let people: Vec<u64> = (0..listings as u64).collect();
        for (chunk, people) in people.chunks(50).enumerate() {
            let listings = people.iter().map(|n| listing(*n)).collect();
            let add = AddDncRequest {
                header: Some(header(&format!("dnc-{chunk}"))),
                listings,
                details: Vec::new(),
                import: None,
            };
            control.add_dnc(self.call(add)).await?;
        }
        Ok(Team(team))
    }

    /// The size of the log.
    pub(crate) async fn size(&self) -> Result<u64> {
        let mut control = ControlClient::new(connect(&self.socket).await?);
        Ok(control
            .status(self.call(StatusRequest {}))
            .await?
            .into_inner()
            .size)
    }

    /// Resident memory.
    pub(crate) fn resident_mib(&self) -> Result<u64> {
        memory_mib(self.child.id(), "VmRSS:")
    }

    /// The most resident memory that it ever had.
    pub(crate) fn peak_mib(&self) -> Result<u64> {
        peak_mib(self.child.id())
    }

    /// The command line that belongs to it.
    pub(crate) fn ledgerctl(&self) -> PathBuf {
        self.binary.with_file_name("ledgerctl")
    }

    /// Ends the daemon, in good order or not, and starts it again; the time until it answers.
    pub(crate) async fn restart(&mut self, in_good_order: bool) -> Result<Duration> {
        if in_good_order {
            self.stop().await?;
        } else {
            self.child.kill()?;
            self.child.wait()?;
        }
        let _ = std::fs::remove_file(&self.socket);
        let start = Instant::now();
        self.child = spawn(&self.binary, &self.folder, &self.socket)?;
        await_socket(&self.socket).await?;
        self.size().await?;
        Ok(start.elapsed())
    }

    /// Ends the daemon in good order.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        Command::new("kill")
            .arg(self.child.id().to_string())
            .status()?;
        let until = Instant::now() + Duration::from_mins(1);
        while self.child.try_wait()?.is_none() {
            if Instant::now() > until {
                return Err("the daemon does not stop".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn call<T>(&self, message: T) -> tonic::Request<T> {
        let mut call = tonic::Request::new(message);
        call.metadata_mut()
            .insert("authorization", self.operator.clone());
        call
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(binary: &Path, folder: &Path, socket: &Path) -> Result<Child> {
    let log = std::fs::File::create(folder.join("ledgerd.log"))?;
    let child = Command::new(binary)
        .arg("run")
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--socket")
        .arg(socket)
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    Ok(child)
}

/// The most resident memory that a process ever had.
pub(crate) fn peak_mib(id: u32) -> Result<u64> {
    memory_mib(id, "VmHWM:")
}

fn memory_mib(id: u32, which: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(which))
        .ok_or_else(|| format!("no {which}"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024)
}

fn header(id: &str) -> WriteHeader {
    WriteHeader {
        request_id: format!("load-{id}"),
        correlation_id: String::new(),
    }
}

fn listing(n: u64) -> Listing {
    let person = Identifiers {
        email: address(n),
        ..Identifiers::default()
    };
    Listing {
        subject: Some(Subject {
            of: Some(subject::Of::Person(person)),
        }),
        reason: ListingReason::Unsubscribe.into(),
        source: "load".to_owned(),
        ..Listing::default()
    }
}

fn bearer(secret: &str) -> Result<MetadataValue<Ascii>> {
    Ok(format!("Bearer {secret}").parse()?)
}

/// Waits until somebody answers on `socket`.
pub(crate) async fn await_socket(socket: &Path) -> Result<()> {
    let until = Instant::now() + Duration::from_mins(10);
    while UnixStream::connect(socket).await.is_err() {
        if Instant::now() > until {
            return Err(format!("nobody answers on {}", socket.display()).into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// A connection over a Unix socket.
pub(crate) async fn connect(socket: &Path) -> Result<Channel> {
    let socket = socket.to_owned();
    let connector = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
    });
    Ok(Endpoint::from_static("http://localhost")
        .connect_with_connector(connector)
        .await?)
}
