//! The log as tiles: followed by monitors that know the public specifications and the ledger's key, and
//! nothing of this project.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use ledger_tests::{
    Answered, Credential, Ledger, Site, Web, ask, bin, python, repository, say, site,
};

const HTTP: [&str; 2] = ["--http", "127.0.0.1:0"];
/// One entry short of a tile, a tile, one more, and the same around the second.
const SIZES: [u64; 7] = [5, 255, 256, 257, 511, 512, 600];

/// A monitor: told a size on standard input, it answers with size and root, or ends.
struct Follower {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
    name: &'static str,
}

impl Follower {
    fn start(
        name: &'static str,
        mut command: Command,
        web: Web,
        site: &Site,
        as_whom: Option<Credential>,
    ) -> Self {
        command
            .arg(format!("http://{}", web.address))
            .arg(site.ledger.vkey());
        if let Some(credential) = as_whom {
            command.env("FOLLOWER_AUTHORIZATION", credential.bearer());
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            child,
            answers,
            name,
        }
    }

    /// Size and root, once the log has `least` entries and everything in it is as it should be.
    fn follow(&mut self, least: u64) -> String {
        let stdin = self.child.stdin.as_mut().expect("piped");
        writeln!(stdin, "{least}").unwrap_or_else(|error| panic!("{} ended: {error}", self.name));
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("a line");
        assert!(
            answer.ends_with('\n'),
            "{} found something wrong at {least}: its words are above",
            self.name
        );
        answer.trim_end().to_owned()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Adds entries, one a call, until there are that many.
async fn grow(site: &Site, entries: u64) {
    while site.operator.size().await < entries {
        let name = site::fresh("person");
        let someone = ask::someone(ask::person(&format!("{name}@example.com"), ""));
        site.list(vec![ask::listing(someone)]).await;
    }
    let grown = site.operator.size().await;
    if grown != entries {
        let log = site.operator.export().await.expect("readable");
        let kinds: Vec<_> = log
            .lines()
            .iter()
            .map(|line| line.text("kind").to_owned())
            .collect();
        panic!("{grown} entries, expected {entries}: {kinds:?}");
    }
}

/// Size and root of the checkpoint that gRPC hands out.
async fn said(site: &Site) -> String {
    let checkpoint = site
        .operator
        .checkpoint()
        .await
        .expect("readable")
        .checkpoint;
    let text = String::from_utf8(checkpoint.to_vec()).expect("text");
    let mut lines = text.lines().skip(1);
    let (entries, root) = (lines.next().expect("a size"), lines.next().expect("a root"));
    format!("{entries} {root}")
}

/// The monitor in Go, on the log client that Go itself ships for its checksum database.
fn in_go(site: &Site) -> Option<Command> {
    let found = Command::new("go").arg("version").output();
    if !found.is_ok_and(|found| found.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "CI has Go");
        say("skipped: the monitor in Go, because there is no `go` on this machine");
        return None;
    }
    let program = site.ledger.path("interop");
    let mut build = Command::new("go");
    build
        .current_dir(repository().join("tests/interop"))
        .args(["build", "-mod=readonly", "-o"])
        .arg(&program)
        .arg(".");
    bin::run_within(&mut build, std::time::Duration::from_mins(5)).expect(0);
    Some(Command::new(program))
}

#[tokio::test]
async fn monitors_that_know_the_specifications_alone_follow_a_ledger_and_rebuild_its_root() {
    let site = Site::run_with(&HTTP).await;
    let web = site.daemon.web().await;
    site.principal("auditor.desk", ledger_core::role::Role::Auditor)
        .await;
    let auditor = Some(Credential::of("auditor.desk"));
    let mut followers = vec![Follower::start(
        "the monitor in Python",
        python::script("oracles/follower.py"),
        web,
        &site,
        auditor,
    )];
    if let Some(command) = in_go(&site) {
        followers.push(Follower::start(
            "the monitor in Go",
            command,
            web,
            &site,
            auditor,
        ));
    }
    for size in SIZES {
        grow(&site, size).await;
        let expected = said(&site).await;
        for follower in &mut followers {
            assert_eq!(follower.follow(size), expected, "{}", follower.name);
        }
    }
    // The same after a restart, from what is on disk alone.
    let Site { daemon, ledger, .. } = site;
    drop(followers);
    daemon.stop().await;
    let daemon = ledger
        .run_with(&[HTTP[0], HTTP[1], "--http-open-tiles"])
        .await;
    let web = daemon.web().await;
    let operator = daemon.client(ledger.operator());
    let site = Site {
        daemon,
        ledger,
        operator,
    };
    let mut follower = Follower::start(
        "the monitor in Python",
        python::script("oracles/follower.py"),
        web,
        &site,
        None,
    );
    let answer = follower.follow(SIZES[SIZES.len() - 1]);
    assert_eq!(answer, said(&site).await);
}

#[tokio::test]
async fn a_monitor_finds_a_tile_that_is_not_of_the_log() {
    let site = Site::run_with(&[HTTP[0], HTTP[1], "--http-open-tiles"]).await;
    let web = site.daemon.web().await;
    grow(&site, 20).await;
    let liar = liar(web).await;
    let python = python::script("oracles/follower.py");
    let mut monitors = vec![(python, "a leaf's hash is not its entry's")];
    monitors.extend(in_go(&site).map(|go| (go, "inconsistent tile")));
    for (mut command, finding) in monitors {
        command
            .arg(format!("http://{liar}"))
            .arg(site.ledger.vkey())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        writeln!(child.stdin.take().expect("piped"), "20").expect("it reads");
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output())
            .await
            .expect("no panic")
            .expect("it ends");
        let words = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success(), "{words}");
        assert!(words.contains(finding), "{words}");
    }
}

/// A server between a monitor and the ledger that changes one bit of the tile of leaves.
async fn liar(web: Web) -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = connection.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
            let Answered {
                status,
                headers,
                mut body,
            } = web.get(&path).await;
            if path.starts_with("/tile/0/") && status == 200 {
                body[3] ^= 1;
            }
            let mut answer = format!("HTTP/1.1 {status} .\r\n");
            for (name, value) in headers {
                answer.extend([name.as_str(), ": ", &value, "\r\n"]);
            }
            answer.push_str("\r\n");
            let _ = connection.write_all(answer.as_bytes()).await;
            let _ = connection.write_all(&body).await;
        }
    });
    address
}

#[tokio::test]
async fn every_path_has_one_spelling_and_what_is_not_there_is_not_found() {
    let site = Site::run_with(&HTTP).await;
    let web = site.daemon.web().await.with(site.ledger.operator());
    grow(&site, 257).await;
    for (path, bytes) in [
        ("/tile/0/000", 8192),
        ("/tile/0/000.p/255", 255 * 32),
        ("/tile/0/001.p/1", 32),
        ("/tile/1/000.p/1", 32),
        ("/tile/0/000.p/1", 32),
    ] {
        let answer = web.get(path).await.expect(200, &[]);
        assert_eq!(answer.body.len(), bytes, "{path}");
        assert_eq!(answer.header("content-length"), bytes.to_string());
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(
            answer.header("cache-control"),
            "private, max-age=31536000, immutable"
        );
        let head = web.ask("HEAD", path, &[]).await.expect(200, &[]);
        assert_eq!(
            (head.header("content-length"), head.body.len()),
            (&*bytes.to_string(), 0)
        );
        let tag = answer.header("etag").to_owned();
        let again = web.ask("GET", path, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        let other = web
            .ask("GET", path, &[("if-none-match", "\"other\"")])
            .await;
        assert_eq!(other.status, 200, "{path}");
    }
    let first = web.get("/tile/0/000.p/1").await.body;
    assert_eq!(
        web.get("/tile/0/000").await.body[..32],
        first,
        "a partial tile is a prefix"
    );
    for path in [
        // Not there yet, and empty.
        "/tile/0/001",
        "/tile/0/001.p/2",
        "/tile/0/002.p/1",
        "/tile/1/000",
        "/tile/1/000.p/2",
        "/tile/2/000.p/1",
        "/tile/63/000.p/1",
        "/tile/entries/001.p/2",
        "/tile/0/x018/x446/x744/x073/x709/x551/615.p/1",
        // Another spelling, or none.
        "/tile/0/0",
        "/tile/0/0000",
        "/tile/0/x000/000",
        "/tile/00/000",
        "/tile/64/000",
        "/tile/0/000.p/0",
        "/tile/0/000.p/01",
        "/tile/0/000.p/256",
        "/tile/0/000.p/",
        "/tile/0/001.P/1",
        "/tile/0/000/",
        "/tile/0//000",
        "/tile/%30/000",
        "/tile/0/000%2Ep/1",
        "/tile/0/-01",
        "/tile/entries/x001",
        "/tile/Entries/000",
        "/tile/0/",
        "/tile/",
        "/tile",
        "/tile/../checkpoint",
        "/tile/0/x99999999999999999999/000",
        "//checkpoint",
        "/checkpoint/",
        "/",
    ] {
        let answer = web.get(path).await.expect(404, &["expected"]);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.text().lines().count(), 1, "{path}");
    }
    let odd = format!("/tile/0/{}", "9".repeat(4000));
    let answer = web.get(&odd).await.expect(404, &["expected"]);
    assert!(
        answer.body.len() < 400,
        "what was sent is not sent back whole"
    );
}

#[tokio::test]
async fn the_checkpoint_is_the_signed_one_and_is_asked_for_again_each_time() {
    let site = Site::run_with(&HTTP).await;
    let web = site.daemon.web().await.with(site.ledger.operator());
    let answer = web.get("/checkpoint").await.expect(200, &[Ledger::ORIGIN]);
    let signed = site
        .operator
        .checkpoint()
        .await
        .expect("readable")
        .checkpoint;
    assert_eq!(answer.body, signed);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    assert_eq!(answer.header("vary"), "authorization");
    let tag = answer.header("etag").to_owned();
    let same = web
        .ask("GET", "/checkpoint", &[("if-none-match", &tag)])
        .await;
    assert_eq!(same.status, 304);
    site.principal(&site::fresh("agent"), ledger_core::role::Role::Agent)
        .await;
    let grown = web
        .ask("GET", "/checkpoint", &[("if-none-match", &tag)])
        .await;
    assert_eq!(grown.status, 200);
    assert_ne!(grown.body, answer.body);
}
