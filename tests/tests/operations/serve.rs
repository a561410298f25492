//! A daemon under a service manager: what it tells it, and where its log goes.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use ledger_tests::{Client, Ledger, bin, connect};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// READY comes when calls are answered and not before, STOPPING when it was told to stop; the log is on
/// standard output, a line of JSON each, and standard error stays empty.
#[tokio::test]
async fn the_service_manager_is_told_and_the_log_is_on_standard_output() {
    let ledger = Ledger::init();
    let at = ledger.path("notify");
    let manager = UnixDatagram::bind(&at).expect("a socket");
    manager.set_read_timeout(Some(PATIENCE)).expect("set");
    let message = || {
        let mut bytes = [0; 512];
        let count = manager.recv(&mut bytes).expect("a message in time");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    let (out, err) = (ledger.path("out"), ledger.path("err"));
    let mut run = ledger.run_command();
    run.env("NOTIFY_SOCKET", &at)
        .args(["--log-format", "json"])
        .stdin(Stdio::null())
        .stdout(File::create(&out).expect("room"))
        .stderr(File::create(&err).expect("room"));
    let mut daemon = run.spawn().expect("it starts");
    let pid = i32::try_from(daemon.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("a pid");

    // The first start folds the log: it asks for time, and then is ready.
    let mut told = message();
    assert!(told.contains("EXTEND_TIMEOUT_USEC="), "{told}");
    while !told.lines().any(|line| line == "READY=1") {
        told = message();
    }
    let client = Client::new(connect(&ledger.socket()), Some(&ledger.operator().bearer()));
    client
        .checkpoint()
        .await
        .expect("ready means that it answers");
    kill_process(pid, Signal::TERM).expect("told to stop");
    let told = message();
    assert!(told.lines().any(|line| line == "STOPPING=1"), "{told}");
    let status = bin::wait(&mut daemon, PATIENCE).expect("it ends");
    assert!(status.success(), "{status}");

    let said = fs::read_to_string(&out).expect("a log");
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("`{line}`: {error}")))
        .collect();
    let serving = lines
        .iter()
        .find(|line| line["fields"]["message"] == "serving");
    assert_eq!(
        serving.expect("it serves")["fields"]["details_kept_years"],
        6
    );
    assert_eq!(fs::read_to_string(&err).expect("read"), "");
}

/// A refusal is an error and no log, and its code is one that the unit does not start again.
#[test]
fn a_refusal_is_on_standard_error() {
    let ledger = Ledger::init();
    fs::remove_file(ledger.head()).expect("a head file");
    let refused = ledger.run_refused(&[]).expect(1);
    assert_eq!(refused.stdout, "");
    assert!(
        refused.stderr.starts_with("ledgerd: there is no head file"),
        "{refused}"
    );
    // A socket that cannot be told is no reason not to serve.
    let mut gone = ledger.run_command();
    bin::run(gone.env("NOTIFY_SOCKET", "/not/there"))
        .expect(1)
        .says(&["no head file"]);
}
