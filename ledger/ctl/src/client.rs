//! The way to a ledger: over its Unix socket, or over TCP where it was told to listen there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use ledger_core::role::Call;
use ledger_core::trust::{Trust, VerifiedCheckpoint};
use ledger_proto::v1;
use ledger_proto::v1::control_client::ControlClient;
use ledger_proto::v1::gate_client::GateClient;
use ledger_proto::v1::proofs_client::ProofsClient;
use ledger_proto::v1::query_client::QueryClient;
use ledger_proto::v1::recorder_client::RecorderClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Status};

use crate::credential::Credential;
use crate::failure::{Failure, Problem};
use crate::proof::{self, Asked, Verified};
use crate::request::Write;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The most bytes of one answer: evidence, and a page of a trace, are larger than gRPC's usual 4 MiB.
const ANSWER_BYTES_MAX: usize = 80 << 20;

/// Where a ledger listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A Unix socket.
    Socket(PathBuf),
    /// `http://HOST:PORT`.
    Address(Uri),
}

impl Place {
    /// Reads `http://HOST:PORT`, or the same without the scheme, as ledgerd's `--listen` takes it.
    pub(crate) fn address(text: &str) -> Result<Self, Failure> {
        let refused = || {
            Failure::usage(format!(
                "address `{text}` is not valid: expected `http://HOST:PORT`, such as `http://127.0.0.1:7050`"
            ))
        };
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let uri: Uri = whole.parse().map_err(|_| refused())?;
        if uri.scheme_str() != Some("http")
            || uri.host().is_none_or(str::is_empty)
            || uri.port().is_none()
            || !matches!(uri.path(), "" | "/")
        {
            return Err(refused());
        }
        Ok(Self::Address(uri))
    }

    /// Whether a credential sent there leaves the machine, in clear.
    pub(crate) fn is_remote(&self) -> bool {
        let Self::Address(uri) = self else {
            return false;
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let loopback = host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
        !loopback && host != "localhost"
    }
}

/// Whether what listens at an address answers plain HTTP, as ledgerd does at that of `--http`.
pub(crate) async fn speaks_http(place: &Place) -> bool {
    const ASKED: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let Place::Address(uri) = place else {
        return false;
    };
    let Some(authority) = uri.authority().map(ToString::to_string) else {
        return false;
    };
    let answered = async {
        let mut stream = tokio::net::TcpStream::connect(authority).await?;
        stream.write_all(ASKED).await?;
        let mut first = [0; 7];
        stream.read_exact(&mut first).await?;
        Ok::<_, std::io::Error>(first == *b"HTTP/1.")
    };
    matches!(tokio::time::timeout(CONNECT, answered).await, Ok(Ok(true)))
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "socket `{}`", path.display()),
            Self::Address(uri) => write!(f, "`{uri}`"),
        }
    }
}

/// Puts the credential on every call.
#[derive(Debug, Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// The transport of every client.
pub(crate) type Service = InterceptedService<Channel, Bearer>;

/// A connection, and the key that its answers are verified with.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    service: Service,
    trust: Option<Trust>,
}

impl Session {
    /// Connects. `timeout` is for each single call.
    pub(crate) async fn connect(
        place: &Place,
        credential: &Credential,
        timeout: Duration,
        trust: Option<Trust>,
    ) -> Result<Self, Failure> {
        let channel = match place {
            Place::Socket(path) => {
                // The socket has no host name; `localhost` is what HTTP/2 servers accept as authority.
                let endpoint = Endpoint::from_static("http://localhost")
                    .connect_timeout(CONNECT)
                    .timeout(timeout);
                let path = path.clone();
                let connector = tower::service_fn(move |_: Uri| {
                    let path = path.clone();
                    async move {
                        Ok::<_, std::io::Error>(TokioIo::new(
                            tokio::net::UnixStream::connect(path).await?,
                        ))
                    }
                });
                endpoint.connect_with_connector(connector).await
            }
            Place::Address(uri) => {
                Endpoint::from(uri.clone())
                    .connect_timeout(CONNECT)
                    .timeout(timeout)
                    .connect()
                    .await
            }
        };
        let channel = channel.map_err(|error| unreachable(place, &error))?;
        let mut bearer: MetadataValue<Ascii> = credential
            .bearer()
            .parse()
            .map_err(|_| Failure::usage("the credential cannot be sent"))?;
        bearer.set_sensitive(true);
        Ok(Self {
            service: InterceptedService::new(channel, Bearer(bearer)),
            trust,
        })
    }

    /// Verifies a receipt that came.
    pub(crate) fn verify(&self, receipt: Option<v1::Receipt>) -> Result<Verified, Failure> {
        proof::verify(self.trust()?, receipt)
    }

    /// Verifies what a write came back with: proven, and caused by this very request. Says whether it
    /// was a repetition.
    pub(crate) fn written(
        &self,
        write: &Write,
        call: Call,
        answer: Result<tonic::Response<v1::WriteReply>, Status>,
    ) -> Result<(Verified, bool), Failure> {
        let reply = answer.map_err(|status| write.explain(status))?.into_inner();
        let verified = self
            .verify(reply.receipt)
            .map_err(|failure| write.explain(failure))?;
        verified.answers(&Asked::of(call, write))?;
        Ok((verified, reply.repeated))
    }

    /// The latest checkpoint, verified, and its bytes.
    pub(crate) async fn checkpoint(&self) -> Result<(VerifiedCheckpoint, Vec<u8>), Failure> {
        let reply = self
            .proofs()
            .get_checkpoint(v1::GetCheckpointRequest {})
            .await?
            .into_inner();
        let verified = self.verified_checkpoint(&reply.checkpoint)?;
        Ok((verified, reply.checkpoint.to_vec()))
    }

    /// Verifies a checkpoint that came.
    pub(crate) fn verified_checkpoint(&self, bytes: &[u8]) -> Result<VerifiedCheckpoint, Failure> {
        let verified = self.trust()?.verify_checkpoint(bytes);
        verified.map_err(|error| Failure::unverified("the checkpoint", error))
    }

    /// How the ledger is. Nothing proves it.
    pub(crate) async fn status(&self) -> Result<v1::StatusReply, Failure> {
        let reply = self.control().status(v1::StatusRequest {}).await?;
        Ok(reply.into_inner())
    }

    /// The key that answers are verified with.
    pub(crate) fn trust(&self) -> Result<&Trust, Failure> {
        self.trust.as_ref().ok_or_else(no_vkey)
    }

    /// The key, where one was named.
    pub(crate) fn trust_if_named(&self) -> Option<&Trust> {
        self.trust.as_ref()
    }

    /// Asks for decisions.
    pub(crate) fn gate(&self) -> GateClient<Service> {
        GateClient::new(self.service.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// Reports.
    pub(crate) fn recorder(&self) -> RecorderClient<Service> {
        RecorderClient::new(self.service.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// Fetches proofs.
    pub(crate) fn proofs(&self) -> ProofsClient<Service> {
        ProofsClient::new(self.service.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// Looks things up.
    pub(crate) fn query(&self) -> QueryClient<Service> {
        QueryClient::new(self.service.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// Rules the ledger.
    pub(crate) fn control(&self) -> ControlClient<Service> {
        ControlClient::new(self.service.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}

/// Refuses to go on without a key to verify with.
pub(crate) fn no_vkey() -> Failure {
    Failure::usage(
        "no verification key is named, so no answer could be verified: give --vkey or set LEDGER_VKEY to the ledger's vkey \
         or to a file that holds it (`ledger.vkey` in the data directory)",
    )
}

fn unreachable(place: &Place, error: &tonic::transport::Error) -> Failure {
    let mut why = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        why = inner.to_string();
        source = inner.source();
    }
    if why.is_empty() {
        why = error.to_string();
    }
    let failure = Failure::from(Problem::Unreachable(format!(
        "cannot reach the ledger at {place}: {why}"
    )));
    match place {
        Place::Socket(path) if !exists(path) => {
            failure.note("there is no such socket: is ledgerd running, and is it this one?")
        }
        _ => failure.note("is ledgerd running, and may you connect to it?"),
    }
}

fn exists(path: &Path) -> bool {
    path.try_exists().unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_scheme_host_and_port() {
        for (text, remote) in [
            ("http://127.0.0.1:7050", false),
            ("127.0.0.1:7050", false),
            ("[::1]:7050", false),
            ("10.0.0.7:7050", true),
            ("http://[::1]:7420/", false),
            ("http://localhost:7420", false),
            ("http://10.0.0.7:7420", true),
            ("http://ledger.example:7420", true),
        ] {
            assert_eq!(Place::address(text).unwrap().is_remote(), remote, "{text}");
        }
        for text in [
            "",
            "127.0.0.1",
            "7050",
            ":7050",
            "https://127.0.0.1:7420",
            "http://127.0.0.1",
            "http://127.0.0.1:7420/path",
        ] {
            assert!(Place::address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_credential_does_not_show() {
        let mut value: MetadataValue<Ascii> = "Bearer 00".parse().unwrap();
        value.set_sensitive(true);
        assert!(!format!("{:?}", Bearer(value)).contains("00"));
    }
}
