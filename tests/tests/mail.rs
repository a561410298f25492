//! Real mail: the agent, the mail server and the rogues of `examples/mail`, over loopback. What counts is
//! what lies in the inboxes afterwards, read by nothing of theirs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ledger_core::role::Role;
use ledger_core::token::{Kind, SubjectKey};
use ledger_tests::{
    Credential, Ctl, Ledger, Log, Site, ask, bin, markdown, python, repository, sales_policy, say,
};
use serde_json::Value;

const SENDER: &str = "agent.outbound.sender";
const ADDRESS: &str = "outreach@acme.example";
const OTHER_ADDRESS: &str = "events@acme.example";
const BODY: &str = "Hello,\n\n.a line that begins with a dot\nYours\n";
const SOON: Duration = Duration::from_mins(1);

/// The rogues' ways, and the code with which each is refused.
const REFUSED: [(&str, &str); 13] = [
    ("skip", "receipt.missing"),
    ("denied", "decision.outcome"),
    ("forge", "receipt.refuted"),
    ("replay", "receipt.used"),
    ("swap", "envelope.recipients"),
    ("swap_opened", "detail.refuted"),
    ("add", "envelope.recipients"),
    ("twice", "envelope.recipients"),
    ("alter", "message.altered"),
    ("vague", "message.uncommitted"),
    ("show", "message.headers"),
    ("mailbox", "envelope.sender"),
    ("note", "decision.action"),
];

/// A file of the example.
fn example(name: &str) -> PathBuf {
    repository().join("examples/mail").join(name)
}

/// The sales policy, with a row for an action that is no contact.
fn policy() -> String {
    sales_policy()
        + "\n[[grant]]\nid = \"outbound-notes\"\nagent = \"agent.outbound.sender\"\n\
           actions = [\"crm.note.create\"]\nobjects = [\"contact\"]\nsellers = [\"acme\"]\n\
           mailboxes = [\"outreach-1\"]\nenvironments = [\"prod\"]\n"
}

/// The agent's programs on one ledger.
struct Agents<'a> {
    site: &'a Site,
    stubs: PathBuf,
}

impl<'a> Agents<'a> {
    /// The stubs as the example's README has them made, and the agent's credential.
    async fn of(site: &'a Site) -> Self {
        site.principal(SENDER, Role::Agent).await;
        Credential::of(SENDER).write(&site.ledger.path("sender.credential"));
        let stubs = site.ledger.path("stubs");
        std::fs::create_dir(&stubs).expect("room on the disk");
        let proto = repository().join("proto");
        let mut protoc = python::with_grpc().expect("asked before");
        protoc
            .args(["-m", "grpc_tools.protoc", "-I"])
            .arg(&proto)
            .arg(format!("--python_out={}", stubs.display()))
            .arg(format!("--grpc_python_out={}", stubs.display()))
            .args(
                ["common", "control", "gate", "proofs", "query", "recorder"]
                    .map(|name| proto.join(format!("ledger/v1/{name}.proto"))),
            );
        bin::run(&mut protoc).expect(0);
        Self { site, stubs }
    }

    fn program(&self, name: &str, smtp: &str) -> Command {
        let ledger = &self.site.ledger;
        let mut program = python::with_grpc().expect("asked before");
        program
            .arg(example(name))
            .env("PYTHONPATH", &self.stubs)
            .arg("--socket")
            .arg(ledger.socket())
            .arg("--credential")
            .arg(ledger.path("sender.credential"))
            .args(["--smtp", smtp, "--from", ADDRESS]);
        program
    }

    /// The honest agent, about to send one letter.
    fn letter(&self, smtp: &str, run: &str, people: &[&str]) -> Command {
        let mut agent = self.program("agent.py", smtp);
        agent
            .args(["--run", run, "--subject", "Grüße", "--body", BODY])
            .args(people);
        agent
    }

    /// What the honest agent tells of one letter.
    fn send(&self, smtp: &str, run: &str, people: &[&str]) -> Value {
        let ran = bin::run(&mut self.letter(smtp, run, people));
        let told = ran.json();
        let code = i32::from(told["delivered"].is_null());
        ran.expect(code);
        told
    }

    /// What the server answered to each way.
    fn rogues(&self, smtp: &str, ways: &[&str]) -> BTreeMap<String, Vec<String>> {
        let mut rogues = self.program("rogues.py", smtp);
        rogues
            .arg("--keep")
            .arg(self.site.ledger.path("kept.eml"))
            .args(ways);
        let ran = bin::run(&mut rogues).expect(0);
        ran.stdout
            .lines()
            .map(|line| {
                let told: Value = serde_json::from_str(line).expect("a line of JSON");
                let answers = told["smtp"].as_array().expect("answers").iter();
                (
                    told["way"].as_str().expect("a way").to_owned(),
                    answers
                        .map(|answer| answer.as_str().expect("an answer").to_owned())
                        .collect(),
                )
            })
            .collect()
    }

    /// Demands that each way is refused for good, with its code.
    fn refused(&self, smtp: &str, expected: &[(&str, &str)]) {
        let ways: Vec<&str> = expected.iter().map(|(way, _)| *way).collect();
        let answers = self.rogues(smtp, &ways);
        assert_eq!(answers.len(), expected.len(), "{answers:?}");
        for (way, code) in expected {
            let [answer] = &answers[*way][..] else {
                panic!("{way}: {answers:?}");
            };
            refusal(way, answer, code);
        }
    }

    /// The tokens of both mailboxes, with the addresses that they send from.
    fn mailboxes(&self) -> Vec<String> {
        let operator = Ctl::operator(&self.site.ledger);
        [("outreach-1", ADDRESS), ("outreach-2", OTHER_ADDRESS)]
            .map(|(name, address)| {
                let token = operator.json(&["token", "--mailbox", name]);
                let token = token["keys"][0]["token"].as_str().expect("a token");
                format!("{token}={address}")
            })
            .to_vec()
    }

    /// A server that trusts this ledger's key.
    fn server(&self, verifier: &Path) -> Server {
        Server::start(&self.site.ledger, verifier, &self.mailboxes())
    }
}

#[track_caller]
fn refusal(what: &str, answer: &str, code: &str) {
    assert!(
        answer.starts_with("550 5.7.") && answer.contains(code),
        "{what}: `{answer}`, expected 550 5.7.x and `{code}`"
    );
    assert!(!answer.contains('@'), "{what}: `{answer}` names somebody");
}

/// The mail server. Killed where it goes out of scope.
struct Server {
    child: Child,
    address: String,
    log: PathBuf,
}

impl Server {
    fn start(ledger: &Ledger, verifier: &Path, mailboxes: &[String]) -> Self {
        let log = ledger.path("server.log");
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("room for a log");
        let mut server = python::with_grpc().expect("asked before");
        server
            .arg(example("server.py"))
            .args(["--listen", "127.0.0.1:0", "--maildir"])
            .arg(ledger.path("mail"))
            .arg("--used")
            .arg(ledger.path("used.db"))
            .arg("--vkey")
            .arg(ledger.vkey_file())
            .arg("--verifier")
            .arg(verifier)
            .args(mailboxes.iter().flat_map(|one| ["--mailbox", one]))
            .stdout(Stdio::piped())
            .stderr(file);
        let mut child = server.spawn().expect("python starts");
        let stdout = child.stdout.take().expect("a pipe");
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = tell.send(line);
        });
        let line = told.recv_timeout(SOON).unwrap_or_default();
        let server = Self {
            child,
            address: line.trim().to_owned(),
            log,
        };
        assert!(
            server.address.starts_with("127.0.0.1:"),
            "it said `{line}`\n{}",
            server.said()
        );
        server
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Hands bytes in as they are, as no well-behaved client would, and returns the answer to them.
    fn raw(&self, recipient: &str, message: &[u8]) -> String {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        let mut answers = BufReader::new(stream.try_clone().expect("a stream can be shared"));
        let mut say = |bytes: &[u8]| {
            (&stream).write_all(bytes).expect("it reads");
            let mut line = String::new();
            answers.read_line(&mut line).expect("it answers");
            line
        };
        say(b"");
        say(b"HELO agent.test\r\n");
        say(format!("MAIL FROM:<{ADDRESS}>\r\n").as_bytes());
        say(format!("RCPT TO:<{recipient}>\r\n").as_bytes());
        say(b"DATA\r\n");
        say(&[message, b".\r\n"].concat())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the mail server said:\n{}", self.said());
        }
    }
}

/// One delivered message.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Delivered {
    inbox: String,
    message_id: String,
    subject: String,
    body: String,
}

/// Everything that lies in any inbox, and the id that the server gave it.
fn delivered(maildir: &Path) -> BTreeMap<Delivered, String> {
    let mut all = BTreeMap::new();
    for inbox in std::fs::read_dir(maildir).expect("the server makes it") {
        let inbox = inbox.expect("an inbox");
        for (sub, complete) in [("new", true), ("cur", true), ("tmp", false)] {
            for message in std::fs::read_dir(inbox.path().join(sub)).expect("a maildir") {
                let path = message.expect("a message").path();
                assert!(complete, "left over: `{}`", path.display());
                let text = std::fs::read_to_string(&path).expect("7 bit");
                let text = text.replace("\r\n", "\n");
                let (head, body) = text.split_once("\n\n").expect("a head and a body");
                assert!(
                    !head.to_lowercase().contains("ledger-"),
                    "the receipt was delivered, too:\n{head}"
                );
                let field = |name: &str| {
                    let mut found = head.lines().filter_map(|line| line.strip_prefix(name));
                    let value = found.next().unwrap_or_else(|| panic!("no {name} {head}"));
                    assert_eq!(found.next(), None, "{name} twice");
                    value.trim().to_owned()
                };
                let queue_id = field("Received:");
                let queue_id = queue_id.split("ESMTP id ").nth(1).expect("its id");
                let queue_id = queue_id.split(';').next().expect("its id").to_owned();
                let one = Delivered {
                    inbox: inbox.file_name().to_string_lossy().into_owned(),
                    message_id: field("Message-ID:"),
                    subject: field("Subject:"),
                    body: body.to_owned(),
                };
                assert_eq!(field("Delivered-To:"), one.inbox);
                let twice = all.insert(one, queue_id);
                assert_eq!(twice, None, "delivered twice: {}", path.display());
            }
        }
    }
    all
}

fn letter(inbox: &str, run: &str) -> Delivered {
    let rogue = run.starts_with("rogue-");
    Delivered {
        inbox: inbox.to_owned(),
        message_id: format!("<{run}@acme.example>"),
        subject: if rogue {
            "An offer"
        } else {
            "=?utf-8?q?Gr=C3=BC=C3=9Fe?="
        }
        .to_owned(),
        body: if rogue { "A harmless text.\n" } else { BODY }.to_owned(),
    }
}

fn is_skipped() -> bool {
    let skipped = python::with_grpc().is_none();
    if skipped {
        say(
            "skipped: AGENT_LEDGER_PYTHON names no Python with grpcio and aiosmtpd; `make test` does",
        );
    }
    skipped
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_was_allowed_lies_in_the_inboxes_afterwards() {
    if is_skipped() {
        return;
    }
    let site = Site::with_policy(&policy()).await;
    let ben = ask::person("ben@buyer.example", "");
    site.list(vec![ask::listing(ask::someone(ben))]).await;
    let agents = Agents::of(&site).await;
    let verifier = bin::path("ledger-verify");
    let server = agents.server(&verifier);
    let smtp = server.address.clone();

    // The agent works through its people.
    let ana = agents.send(&smtp, "run-1", &["--to", "Ana@Buyer.example=c-1"]);
    let two = [
        "--to",
        "cy@buyer.example=c-3",
        "--cc",
        "dee@buyer.example=c-4",
    ];
    let two = agents.send(&smtp, "run-2", &two);
    for told in [&ana, &two] {
        assert_eq!(told["findings"], serde_json::json!([]), "{told}");
    }
    let ben = agents.send(&smtp, "run-3", &["--to", "ben@buyer.example=c-2"]);
    assert_eq!(ben["outcome"], "OUTCOME_DENY", "{ben}");
    assert!(ben["execution"].is_null(), "{ben}");

    // Without an answer the agent does not act: another letter under a used name is refused, and a ledger
    // that is not there decides nothing.
    let mut again = agents.letter(&smtp, "run-1", &["--to", "flo@buyer.example=c-5"]);
    bin::run(&mut again).expect(3).says(&["ALREADY_EXISTS"]);
    let mut alone = agents.letter(&smtp, "run-5", &["--to", "flo@buyer.example=c-5"]);
    alone.arg("--socket").arg(site.ledger.path("nobody.sock"));
    bin::run(&mut alone).expect(3).says(&["UNAVAILABLE"]);

    // Others try what they can. What `reuse` and `race` were allowed to send once is delivered once.
    for (way, answers) in agents.rogues(&smtp, &["reuse", "race"]) {
        let (taken, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.starts_with("250"));
        assert_eq!(taken.len(), 1, "{way}: {answers:?}");
        assert!(!refused.is_empty(), "{way}");
        for answer in refused {
            refusal(&way, answer, "receipt.used");
        }
    }
    agents.refused(&smtp, &REFUSED);
    mangled(&server, &site);

    // What is used stays used when the server starts anew, and an allow ends with its time.
    drop(server);
    let server = agents.server(&verifier);
    agents.refused(&server.address, &[("replay", "receipt.used")]);
    site.publish(&policy().replace("valid_for_s = 60", "valid_for_s = 1"))
        .await;
    agents.refused(&server.address, &[("late", "decision.expired")]);

    // A ledger of the same name that is not the one trusted.
    let stranger = Site::with_policy(&sales_policy()).await;
    assert_eq!(stranger.ledger.origin(), site.ledger.origin());
    let told = Agents::of(&stranger).await.send(
        &server.address,
        "run-4",
        &["--to", "eve@victim.example=v-1"],
    );
    assert_eq!(told["outcome"], "OUTCOME_ALLOW", "{told}");
    refusal(
        "stranger",
        told["smtp"].as_str().unwrap(),
        "receipt.refuted",
    );

    // A server that cannot judge takes nothing.
    let blind = agents.server(Path::new("/nonexistent/ledger-verify"));
    let kept = std::fs::read(site.ledger.path("kept.eml")).expect("kept");
    let answer = blind.raw("reuse@victim.example", &kept);
    assert!(answer.starts_with("451 4.7.0"), "{answer}");

    let expected = BTreeSet::from([
        letter("Ana@Buyer.example", "run-1"),
        letter("cy@buyer.example", "run-2"),
        letter("dee@buyer.example", "run-2"),
        letter("reuse@victim.example", "rogue-reuse"),
        letter("race@victim.example", "rogue-race"),
    ]);
    let found = delivered(&site.ledger.path("mail"));
    assert_eq!(
        found.keys().collect::<BTreeSet<_>>(),
        expected.iter().collect()
    );
    for (letter, told) in [("Ana@Buyer.example", &ana), ("dee@buyer.example", &two)] {
        let (_, queue_id) = found
            .iter()
            .find(|(found, _)| found.inbox == letter)
            .expect("delivered");
        assert_eq!(told["delivered"], queue_id.as_str(), "the provider's id");
    }
    audited(site, &[&ana, &two]).await;
}

/// Submissions that are no message with one receipt, over a connection of the test's own.
fn mangled(server: &Server, site: &Site) {
    let kept = std::fs::read(site.ledger.path("kept.eml")).expect("`reuse` kept it");
    let kept = String::from_utf8(kept).expect("7 bit");
    let receipt_end = kept.find("\r\nLedger-Detail:").expect("a detail") + 2;
    let params = kept.find("Ledger-Detail: params").expect("params");
    let from = kept.find("From:").expect("the message");
    let (receipt, rest) = kept.split_at(receipt_end);
    for (what, message, answer) in [
        (
            "two receipts",
            format!("{receipt}{kept}"),
            "5.6.0 message.malformed",
        ),
        (
            "another field",
            format!("Ledger-Else: x\r\n{kept}"),
            "5.6.0 message.malformed",
        ),
        (
            "no base64",
            kept.replacen("Receipt:", "Receipt: !", 1),
            "5.6.0 message.malformed",
        ),
        (
            "a bare LF",
            kept.replacen("text.", "text\n.", 1),
            "5.6.0 message.malformed",
        ),
        ("no receipt", rest.to_owned(), "5.7.1 receipt.missing"),
        (
            "no params",
            format!("{}{}", &kept[..params], &kept[from..]),
            "5.7.1 detail.missing",
        ),
        (
            "a header more",
            kept.replacen("From:", "X-Ad: buy\r\nFrom:", 1),
            "5.7.7 message.altered",
        ),
        ("nothing at all", String::new(), "5.6.0 message.malformed"),
        // The last one is as it was, so that each of the others differs from it in one thing alone.
        ("as it was", kept.clone(), "5.7.1 receipt.used"),
    ] {
        let found = server.raw("reuse@victim.example", message.as_bytes());
        assert!(
            found.starts_with(&format!("550 {answer}")),
            "{what}: `{found}`, expected `{answer}`"
        );
    }
}

/// The log says the same, and every decision in it comes out again.
async fn audited(site: Site, told: &[&Value]) {
    let verifier = site.verifier();
    let export = site.ledger.path("export");
    Ctl::operator(&site.ledger)
        .run(&["export", "--out", export.to_str().unwrap()])
        .expect(0);
    site.daemon.stop().await;
    verifier.whole(&export);
    let mut key = [0; 32];
    let text = std::fs::read_to_string(site.ledger.data().join("keys/subject.key")).unwrap();
    hex::decode_to_slice(text.trim(), &mut key).expect("a key");
    let key = SubjectKey::new(key);
    let executions: BTreeMap<u64, (String, Vec<String>)> = Log::read(&export)
        .of_kind("execution")
        .iter()
        .map(|line| {
            assert_eq!(line.text("status"), "success", "{}", line.0);
            let findings = line.findings().into_iter().map(str::to_owned).collect();
            let decision = line.0["decision"].as_u64().expect("its decision");
            (decision, (line.text("provider_id").to_owned(), findings))
        })
        .collect();
    let expected = told.iter().map(|told| {
        let queue_id = told["delivered"].as_str().expect("delivered");
        let token = key.token(&Kind::ProviderId, queue_id).to_string();
        (
            told["decision"].as_u64().expect("a seq"),
            (token, Vec::new()),
        )
    });
    assert_eq!(executions, expected.collect());
}

/// A sandbox's allow reaches nobody, even where its key is trusted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_s_receipt_delivers_nothing() {
    if is_skipped() {
        return;
    }
    let site = Site::sandbox("ledger.test/play").await;
    site.publish(&policy()).await;
    let agents = Agents::of(&site).await;
    let server = agents.server(&bin::path("ledger-verify"));
    agents.refused(&server.address, &[("play", "decision.environment")]);
    assert_eq!(delivered(&site.ledger.path("mail")), BTreeMap::new());
}

/// The commands of the example's README, as a reader would type them.
#[test]
fn the_readme_s_commands_deliver_one_message() {
    if is_skipped() {
        return;
    }
    let readme = std::fs::read_to_string(example("README.md")).unwrap();
    let mut script =
        String::from("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n");
    for (line, block) in markdown::blocks(&readme, "sh") {
        writeln!(script, "echo '== README.md line {line}'\n{block}").unwrap();
        // A reader takes longer to read on than these take to start.
        for (what, sign) in [
            ("ledgerd run", "-S ledger/ledger.sock"),
            ("server.py", "-s mail.address"),
        ] {
            if block.contains(what) {
                writeln!(
                    script,
                    "for _ in $(seq 1200); do [ {sign} ] && break; sleep 0.05; done"
                )
                .unwrap();
            }
        }
    }
    let binaries = bin::path("ledgerd").parent().unwrap().to_owned();
    let temporary = tempfile::tempdir().unwrap();
    let mut shell = Command::new("bash");
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("LEDGER") {
            shell.env_remove(key);
        }
    }
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    shell
        .arg("-c")
        .arg(&script)
        .current_dir(repository())
        .env("PATH", path)
        .env("TMPDIR", temporary.path())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let ran = bin::run_within(&mut shell, Duration::from_mins(5)).expect(0);
    let ran = ran.says(&[
        "queued as",
        "dnc.listed",
        "receipt.missing",
        "receipt.used",
        "Verified.",
    ]);
    let folder = std::fs::read_dir(temporary.path()).unwrap().next();
    let found = delivered(&folder.expect("made").unwrap().path().join("mail"));
    let inboxes: Vec<&str> = found.keys().map(|one| one.inbox.as_str()).collect();
    assert_eq!(
        inboxes,
        ["ana@buyer.example", "reuse@victim.example"],
        "{ran}"
    );
}
