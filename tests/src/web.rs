//! HTTP as it goes over the wire, with nothing between a test and the bytes.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Credential;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where a daemon serves HTTP, and as whom it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Web {
    /// The address.
    pub address: SocketAddr,
    credential: Option<Credential>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Web {
    /// Asks as nobody.
    pub const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            credential: None,
        }
    }

    /// Asks as the holder of `credential`.
    pub const fn with(self, credential: Credential) -> Self {
        Self {
            credential: Some(credential),
            ..self
        }
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answered {
        self.ask("GET", path, &[]).await
    }

    /// One request on a connection of its own, with further headers.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answered {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: ledger\r\nconnection: close\r\n");
        let bearer = self.credential.map(|credential| credential.bearer());
        let own = bearer
            .iter()
            .map(|bearer| ("authorization", bearer.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request.push_str("\r\n");
        let answer = self.raw(request.as_bytes()).await;
        Answered::parse(&answer).unwrap_or_else(|| {
            panic!(
                "{method} {path}: no HTTP: {}",
                String::from_utf8_lossy(&answer)
            )
        })
    }

    /// Everything that the other side sends until it closes, after exactly these bytes.
    pub async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let exchange = async {
            let mut connection = TcpStream::connect(self.address).await?;
            connection.write_all(bytes).await?;
            let mut answer = Vec::new();
            connection.read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .expect("an answer in time")
            .expect("a connection")
    }
}

impl Answered {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines
            .next()?
            .strip_prefix("HTTP/1.1 ")?
            .get(..3)?
            .parse()
            .ok()?;
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(':')?;
                Some((name.to_ascii_lowercase(), value.trim().to_owned()))
            })
            .collect::<Option<_>>()?;
        Some(Self {
            status,
            headers,
            body: bytes[end + 4..].to_vec(),
        })
    }

    /// The values of a header.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(each, _)| each == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a header that stands there once.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        match self.headers(name)[..] {
            [value] => value,
            ref values => panic!("`{name}` is {values:?} in {self:?}"),
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Demands a status and that the body names all of `words`.
    #[track_caller]
    pub fn expect(self, status: u16, words: &[&str]) -> Self {
        let text = self.text();
        assert_eq!(self.status, status, "{text}");
        for word in words {
            assert!(text.contains(word), "expected `{word}` in `{text}`");
        }
        self
    }
}
