//! HTTP/1.1 by hand: one request a connection, as an agent that shares nothing with the server sends it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Answer {
    /// Demands this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Demands a JSON body with these counts: recorded, repeated, unmatched, passed, refused.
    #[track_caller]
    pub(crate) fn counts(self, expected: [u64; 5]) -> Self {
        let found: Value =
            serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        let names = ["recorded", "repeated", "unmatched", "passed", "refused"];
        let counts = names.map(|name| found[name].as_u64().unwrap_or(u64::MAX));
        assert_eq!(counts, expected, "{self:?}");
        self
    }
}

/// Sends these bytes and reads the answer to its end.
pub(crate) fn raw(to: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE).expect("the daemon listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no answer: {answer:?}")),
        headers: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// `POST`, with these header lines.
pub(crate) fn post(to: SocketAddr, path: &str, headers: &[String], body: &[u8]) -> Answer {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: ledger.test\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    raw(to, &[request.as_bytes(), body].concat())
}

/// `Authorization: Basic`, the only credential that SNS can send.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!(
        "authorization: Basic {}",
        base64(format!("{user}:{password}").as_bytes())
    )
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= chunk.len() {
                ALPHABET[digit] as char
            } else {
                '='
            });
        }
    }
    text
}
