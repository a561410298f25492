//! Errors: whose fault it is, in words and in the exit code.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ledger_proto::v1;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::log::Log;
use crate::server::{Behaviour, Server};
use crate::{Cli, ended, program};

const ASK: &str = "decide --action email.send --correlation-id run-1 --request-id r-1";

/// A ledger that refuses.
struct Refuses(Status);

impl Behaviour for Refuses {
    fn decide(&self, _: v1::DecideRequest) -> Result<v1::DecideReply, Status> {
        Err(self.0.clone())
    }
}

#[test]
fn a_refusal_is_told_with_every_field() {
    let mut details = ErrorDetails::with_bad_request(vec![
        tonic_types::FieldViolation::new("seller", "looks like an e-mail address"),
        tonic_types::FieldViolation::new("recipients", "at most 50"),
    ]);
    details.set_error_info("INVALID_FIELD", "ledger.v1", HashMap::new());
    let status = Status::with_error_details(Code::InvalidArgument, "two fields are wrong", details);
    let cli = Cli::new(Refuses(status));
    let run = cli.run(ASK);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.err,
        "error: the ledger refused (INVALID_ARGUMENT): two fields are wrong\n  \
         field `seller`: looks like an e-mail address\n  field `recipients`: at most 50\n"
    );
    assert_eq!(run.out, "");
    let object = cli.run(&format!("{ASK} --json")).json();
    assert_eq!(object["error"]["code"], "INVALID_ARGUMENT");
    assert_eq!(object["error"]["reason"], "INVALID_FIELD");
    assert_eq!(object["error"]["fields"][1]["field"], "recipients");
}

#[test]
fn a_refusal_names_the_command_that_was_typed_and_whose_it_is() {
    let status = Status::permission_denied(
        "role `operator` may not call `Decide`: see docs/roles.md for who may",
    );
    let cli = Cli::new(Refuses(status));
    assert_eq!(
        cli.run(ASK).err,
        "error: the ledger refused (PERMISSION_DENIED): role `operator` may not run `ledgerctl decide`: it takes the role \
         agent (`Decide` in docs/roles.md)\n"
    );
    // For programs, the ledger's own words.
    let object = cli.run(&format!("{ASK} --json")).json();
    let message = object["error"]["message"].as_str().unwrap();
    assert!(message.contains("may not call `Decide`"), "{message}");
}

#[test]
fn a_full_queue_says_when_to_try_again() {
    let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(2_500)));
    let status = Status::with_error_details(Code::ResourceExhausted, "the queue is full", details);
    let run = Cli::new(Refuses(status)).run(ASK);
    assert_eq!(run.code, 1);
    assert!(run.err.ends_with("\n  try again in 3s\n"), "{}", run.err);
}

#[test]
fn a_lost_answer_says_how_to_learn_what_became_of_it() {
    let run = Cli::new(Refuses(Status::unavailable(
        "the outcome of the commit is not known",
    )))
    .run(ASK);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(
        run.err
            .contains("repeat exactly the same with `--request-id r-1`"),
        "{}",
        run.err
    );
}

/// A ledger that answers nobody as long as the other end is there.
struct Hangs(Mutex<Receiver<()>>);

impl Behaviour for Hangs {
    fn decide(&self, _: v1::DecideRequest) -> Result<v1::DecideReply, Status> {
        let _ = self.0.lock().unwrap().recv();
        Err(Status::internal("too late"))
    }
}

#[test]
fn a_ledger_that_does_not_answer_is_not_waited_for_for_ever() {
    let (asked, waits) = channel();
    let cli = Cli::new(Hangs(Mutex::new(waits)));
    let run = cli.run(&format!("{ASK} --timeout 1"));
    drop(asked);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("--request-id r-1"), "{}", run.err);
}

struct Silent;

impl Behaviour for Silent {}

#[test]
fn a_ledger_that_is_not_there_is_named() {
    let server = Server::start(Silent);
    let mut command = program(server.folder());
    command
        .env("LEDGER_VKEY", Log::new().vkey())
        .arg("--credential")
        .arg(server.credential());
    let run = ended(command.args(["--socket", "none.sock", "status"]));
    assert_eq!(run.code, 3);
    assert!(
        run.err
            .contains("cannot reach the ledger at socket `none.sock`"),
        "{}",
        run.err
    );
    assert!(run.err.contains("there is no such socket"), "{}", run.err);
    assert_eq!(run.out, "");
}

/// Answers every connection as a web server does, until it is dropped with the process.
fn web_server() -> std::net::SocketAddr {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    address
}

#[test]
fn an_address_that_speaks_http_is_told_from_one_that_speaks_grpc() {
    let server = Server::start(Silent);
    let address = web_server();
    for address in [format!("http://{address}"), address.to_string()] {
        let mut command = program(server.folder());
        command
            .env("LEDGER_VKEY", Log::new().vkey())
            .arg("--credential")
            .arg(server.credential());
        let run = ended(command.args(["--address", &address, "status"]));
        assert_eq!(run.code, 3, "{}", run.err);
        for word in ["speaks HTTP, not gRPC", "--http", "--listen"] {
            assert!(run.err.contains(word), "{word}: {}", run.err);
        }
    }
}

#[test]
fn a_ledger_on_tcp_that_is_not_there_is_named() {
    let server = Server::start(Silent);
    // Bound, so that nobody else gets it meanwhile, and not listening.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = nobody.local_addr().unwrap().port();
    let mut command = program(server.folder());
    command
        .env("LEDGER_SOCKET", server.socket())
        .arg("--credential")
        .arg(server.credential());
    let run = ended(command.args(["--address", &format!("http://127.0.0.1:{port}"), "status"]));
    assert_eq!(run.code, 3);
    assert!(
        run.err.contains(&format!(
            "cannot reach the ledger at `http://127.0.0.1:{port}/`"
        )),
        "{}",
        run.err
    );
}

#[test]
fn what_is_missing_is_named_before_anything_is_sent() {
    let server = Server::start(Silent);
    let vkey = Log::new().vkey();
    let status = |environment: &[(&str, &std::ffi::OsStr)], words: &[&str]| {
        let mut command = program(server.folder());
        ended(command.envs(environment.iter().copied()).args(words))
    };
    let socket = server.socket();
    let nothing = status(&[], &["status"]);
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("LEDGER_SOCKET"), "{}", nothing.err);
    let nobody = status(&[("LEDGER_SOCKET", socket.as_os_str())], &["status"]);
    assert_eq!(nobody.code, 2);
    assert!(nobody.err.contains("LEDGER_CREDENTIAL"), "{}", nobody.err);
    let unread = status(
        &[("LEDGER_SOCKET", socket.as_os_str())],
        &["--credential", "none", "status"],
    );
    assert_eq!(unread.code, 2);
    assert!(unread.err.contains("cannot read `none`"), "{}", unread.err);
    let no_key = status(
        &[("LEDGER_SOCKET", socket.as_os_str())],
        &["--credential", "credential", "checkpoint"],
    );
    assert_eq!(no_key.code, 2);
    assert!(no_key.err.contains("LEDGER_VKEY"), "{}", no_key.err);
    let bad_key = status(
        &[("LEDGER_SOCKET", socket.as_os_str())],
        &[
            "--credential",
            "credential",
            "--vkey",
            "credential",
            "checkpoint",
        ],
    );
    assert_eq!(bad_key.code, 2);
    assert!(bad_key.err.contains("--vkey"), "{}", bad_key.err);
    let two = status(
        &[
            ("LEDGER_SOCKET", socket.as_os_str()),
            ("LEDGER_ADDRESS", "http://127.0.0.1:1".as_ref()),
        ],
        &["--vkey", &vkey, "status"],
    );
    assert_eq!(two.code, 2);
    assert_eq!(server.calls(), 0);
}

#[test]
fn a_credential_that_others_can_read_is_warned_about() {
    let cli = Cli::new(Silent);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(cli.folder().join("credential"), open).unwrap();
    let run = cli.run("status");
    assert!(
        run.err.starts_with("warning: credential file"),
        "{}",
        run.err
    );
    assert!(run.err.contains("mode 0644"), "{}", run.err);
}

#[test]
fn a_wrong_credential_is_a_refusal() {
    let cli = Cli::new(Silent);
    std::fs::write(cli.folder().join("credential"), "00".repeat(32)).unwrap();
    let run = cli.run("status");
    assert_eq!(run.code, 1);
    assert!(run.err.contains("UNAUTHENTICATED"), "{}", run.err);
}
