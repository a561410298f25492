//! Imports over the real binaries: whole or not at all, each row once however often they are killed, and
//! binding from the chunk on that lists it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::{
    Client, Credential, Ctl, Ledger, Line, Log, Refused, Site, Strait, Verifier, ask, bin,
    sales_policy, same_views, site,
};
use tonic::Code;

const SENDER: &str = "agent.outbound.sender";
const CALLER: &str = "agent.caller";
const COMPLIANCE: &str = "compliance.desk";
/// How long an import may take.
const PATIENCE: Duration = Duration::from_mins(4);

/// `sha256sum`, which knows nothing of this project.
fn sha256sum(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(' ').next().unwrap().to_owned()
}

/// An import in a process of its own, until the log has grown by `entries`. It is still under way then: no
/// more of it reaches the ledger than is let through.
async fn midway(site: &Site, ctl: &Ctl, words: &[&str], entries: u64) -> Child {
    let strait = Strait::to(&site.ledger, &site::fresh("strait"));
    let mut command = ctl.command(words);
    command.env("LEDGER_SOCKET", strait.socket());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let until = site.operator.size().await + entries;
    let mut import = command.spawn().expect("ledgerctl starts");
    let end = Instant::now() + PATIENCE;
    while site.operator.size().await < until {
        assert!(
            import.try_wait().unwrap().is_none(),
            "ended before it was killed"
        );
        assert!(Instant::now() < end, "the import does not get on");
        // A chunk or two.
        strait.let_pass(8 << 10);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    strait.let_pass(0);
    import
}

/// The outcome of an e-mail to this address, and its codes.
async fn email(agent: &Client, address: &str) -> (pb::Outcome, Vec<String>) {
    let id = site::fresh("ask");
    let reply = agent
        .decide(ask::email(&id, "run-1", address, &id))
        .await
        .expect("decided");
    let codes = reply.reasons.iter().map(|reason| reason.code.clone());
    (reply.outcome(), codes.collect())
}

/// Every listing of the log: its keys by kind, and its reason.
fn listings(log: &Log) -> Vec<(BTreeMap<String, String>, String)> {
    let mut found = Vec::new();
    for Line(entry) in log.of_kind("dnc") {
        for listing in entry["listings"].as_array().into_iter().flatten() {
            let keys = listing["keys"].as_array().unwrap().iter();
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let keys = keys.map(|key| (text(&key["kind"]), text(&key["token"])));
            found.push((keys.collect(), text(&listing["reason"])));
        }
    }
    found
}

/// The log of a stopped ledger, which must verify and replay.
fn exported(ledger: &Ledger, name: &str) -> Log {
    let folder = ledger.export(name);
    Verifier::of(ledger).whole(&folder);
    Log::read(&folder)
}

#[tokio::test]
async fn an_import_that_is_killed_at_both_ends_lists_every_row_once() {
    let site = Site::with_policy(&sales_policy()).await;
    let agent = site.principal(SENDER, Role::Agent).await;
    let file = site.ledger.path("list.csv");
    let mut text = String::from("Email,Portal Unsubscribe,Portal Bounce\r\n");
    for n in 0..9_000 {
        let (unsubscribed, bounced) = [("TRUE", ""), ("FALSE", "550"), ("", "x")][n % 3];
        let _ = write!(text, "p{n}@listed.example,{unsubscribed},{bounced}\r\n");
    }
    std::fs::write(&file, &text).unwrap();
    // Counted in the text, by nothing that the import uses.
    let rows = text.matches("@listed.example").count();
    let unsubscribed = text.matches(",TRUE,").count();

    let ctl = Ctl::operator(&site.ledger);
    let file = file.to_str().unwrap();
    let words = [
        "dnc", "import", "--format", "hubspot", "--file", file, "--seller", "acme",
    ];
    let mut import = midway(&site, &ctl, &words, 40).await;
    import.kill().unwrap();
    import.wait().unwrap();
    // What was committed binds, although the import is not complete.
    let (outcome, codes) = email(&agent, "P0+tag@listed.example").await;
    assert_eq!(
        (outcome, codes.contains(&"dnc.listed".to_owned())),
        (pb::Outcome::Deny, true)
    );

    let mut import = midway(&site, &ctl, &words, 40).await;
    let Site { daemon, ledger, .. } = site;
    daemon.kill().await;
    let status = bin::wait(&mut import, PATIENCE).expect("ends without its ledger");
    assert_eq!(status.code(), Some(3));
    let daemon = ledger.run().await;
    let ran = bin::run_within(&mut ctl.command(&words), PATIENCE).expect(0);
    let ran = ran.says(&["It went on where an earlier run had broken off"]);
    assert!(!ran.stdout.contains("imported before"), "{ran}");
    let words: Vec<&str> = ["--json"].iter().chain(&words).copied().collect();
    let again = bin::run_within(&mut ctl.command(&words), PATIENCE)
        .expect(0)
        .json();
    assert_eq!(again["listed"].as_u64(), Some(rows as u64));

    let agent = daemon.client(Credential::of(SENDER));
    for (address, listed) in [
        ("p8999@listed.example", true),
        ("p9000@listed.example", false),
    ] {
        let (outcome, codes) = email(&agent, address).await;
        let found = codes.iter().any(|code| code == "dnc.listed");
        assert_eq!(
            (outcome == pb::Outcome::Deny, found),
            (listed, listed),
            "{codes:?}"
        );
    }
    drop(agent);
    daemon.stop().await;
    let log = exported(&ledger, "export");
    let listings = listings(&log);
    assert_eq!(listings.len(), rows);
    let mut people: Vec<&String> = listings.iter().map(|(keys, _)| &keys["email"]).collect();
    people.sort();
    people.dedup();
    assert_eq!(people.len(), rows, "every address once");
    let asked = listings
        .iter()
        .filter(|(_, reason)| reason == "unsubscribe");
    assert_eq!(asked.count(), unsubscribed);
    let ends: Vec<_> = log
        .of_kind("dnc")
        .into_iter()
        .filter(|Line(dnc)| dnc["op"] == "import_end")
        .collect();
    assert_eq!(ends.len(), 2, "one of each reason, once");
    let sha256 = sha256sum(Path::new(file));
    for Line(end) in &ends {
        let expected = match end["imports"]["reason"].as_str() {
            Some("unsubscribe") => unsubscribed,
            _ => rows - unsubscribed,
        };
        assert_eq!(end["imported"].as_u64(), Some(expected as u64));
        assert_eq!(end["imports"]["sha256"], sha256);
        assert_eq!(end["imports"]["rejected"], 0);
    }
    same_views(&log, &ledger);
}

#[tokio::test]
async fn a_file_with_a_rejected_row_changes_nothing_until_that_is_accepted() {
    let site = Site::with_policy(&sales_policy()).await;
    let file = site.ledger.path("bounces.csv");
    let rejects = site.ledger.path("rejects.csv");
    let text = "status,reason,email,created\n5.1.1,gone,ada@listed.example,1763700000\n5.1.1,gone,nobody,1763700000\n";
    std::fs::write(&file, text).unwrap();
    let (file, rejects) = (file.to_str().unwrap(), rejects.to_str().unwrap());
    let ctl = Ctl::operator(&site.ledger);
    let words = [
        "dnc",
        "import",
        "--format",
        "sendgrid-bounces",
        "--file",
        file,
        "--rejects",
        rejects,
    ];
    let before = site.operator.size().await;
    ctl.run(&words)
        .expect(2)
        .says(&["1 row is rejected", "line 3: email"]);
    assert_eq!(site.operator.size().await, before);
    assert!(
        std::fs::read_to_string(rejects)
            .unwrap()
            .contains("\n3,email,")
    );
    let words: Vec<&str> = words.into_iter().chain(["--accept-rejects"]).collect();
    let object = ctl.json(&words);
    assert_eq!(
        (&object["listed"], &object["rejected"]),
        (&1.into(), &1.into())
    );
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    let log = exported(&ledger, "export");
    let listings = listings(&log);
    assert_eq!(listings.len(), 1);
    assert_eq!(listings[0].1, "hard_bounce");
}

/// Whether a call to this number is stopped by the list, and whether by the registry's age.
async fn call(agent: &Client, phone: &str) -> (bool, bool) {
    let id = site::fresh("ask");
    let mut request = ask::act(&id, "run-1", "call.queue");
    "acme".clone_into(&mut request.seller);
    request.recipients = vec![ask::to(pb::Identifiers {
        phone: phone.to_owned(),
        ..Default::default()
    })];
    let reply = agent.decide(request).await.expect("decided");
    let has = |code: &str| reply.reasons.iter().any(|reason| reason.code == code);
    (has("dnc.listed"), has("call.registry_stale"))
}

#[tokio::test]
async fn the_registry_is_kept_by_a_full_list_and_its_changes() {
    let policy = "version = 1\n\n[[action]]\nname = \"call.queue\"\nregistry = \"31d\"\n";
    let site = Site::with_policy(policy).await;
    let agent = site.principal(CALLER, Role::Agent).await;
    site.principal(COMPLIANCE, Role::Compliance).await;
    let desk = Ctl::of(&site.ledger, "desk", &Credential::of(COMPLIANCE));
    let file = site.ledger.path("registry.txt");
    let import = |format: &'static str, text: &str| {
        std::fs::write(&file, text).unwrap();
        desk.json(&[
            "dnc",
            "import",
            "--format",
            format,
            "--file",
            file.to_str().unwrap(),
        ])
    };
    assert_eq!(call(&agent, "+12025550007").await, (false, true));
    // Of a registry of which nothing came, nothing is known.
    import("ftc-changes", "202,5550007,2026-11-20,D\n");
    assert_eq!(call(&agent, "+12025550007").await, (false, true));

    let mut full = String::new();
    for n in 0..120 {
        let _ = writeln!(full, "202,555{n:04}");
    }
    assert_eq!(import("ftc-full", &full)["listed"], 120);
    assert_eq!(call(&agent, "+12025550007").await, (true, false));
    assert_eq!(call(&agent, "+12025550500").await, (false, false));
    // Listed by hand, for the same reason: no change of the registry's ends that.
    desk.run(&[
        "dnc",
        "add",
        "--phone",
        "+12025550008",
        "--reason",
        "national_registry",
    ])
    .expect(0);

    let changes = import(
        "ftc-changes",
        "202,5550007,2026-11-20,D\n202,5550008,2026-11-20,D\n202,5550500,2026-11-20,A\n202,5550900,2026-11-20,D\n",
    );
    assert_eq!(
        (&changes["listings_ended"], &changes["listed"]),
        (&2.into(), &1.into())
    );
    for (phone, listed) in [
        ("+12025550007", false),
        ("+12025550008", true),
        ("+12025550500", true),
        ("+12025550119", true),
    ] {
        assert_eq!(call(&agent, phone).await, (listed, false), "{phone}");
    }
    looked_up_together(&site.operator).await;
    drop(agent);
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    let log = exported(&ledger, "export");
    same_views(&log, &ledger);
    let ended = log
        .of_kind("dnc")
        .into_iter()
        .filter(|Line(dnc)| dnc["op"] == "unlist");
    let ended: Vec<Line> = ended.collect();
    assert_eq!(ended.len(), 1);
    let sha256 = sha256sum(&ledger.path("registry.txt"));
    assert_eq!(ended[0].0["evidence"], sha256);
}

/// However many are looked up in one call, every token of theirs is on record first.
async fn many_looked_up(client: &Client) {
    let somebody = |n: usize| {
        ask::someone(pb::Identifiers {
            email: format!("{n}.{}@mail.buyers.example", "x".repeat(40)),
            ..Default::default()
        })
    };
    let request = |subjects| pb::CheckDncRequest {
        subject: None,
        subjects,
    };
    let before = client.size().await;
    let all: Vec<_> = (0..500).map(somebody).collect();
    let found = client.check_dnc(request(all)).await.expect("looked up");
    assert_eq!((found.keys, found.matches.len()), (2_500, 0));
    let mut tokens = std::collections::BTreeSet::new();
    let after = client.size().await;
    for seq in before..after {
        let receipt = client.get_receipt(ask::receipt_of(seq)).await;
        let receipt = receipt.expect("a receipt").receipt.expect("one");
        let entry = Line::parse(&receipt.entry);
        assert_eq!(
            (entry.text("kind"), entry.text("call")),
            ("access", "CheckDnc")
        );
        let keys = entry.0["tokens"].as_array().expect("tokens").clone();
        tokens.extend(keys.iter().map(|key| key["token"].to_string()));
    }
    // Of each the address and the mailbox, and of all of them the three domains.
    assert_eq!((after - before, tokens.len()), (3, 1_003));
}

/// Several subjects in one call are answered as each of them is.
async fn looked_up_together(client: &Client) {
    let number = |n: usize| {
        ask::someone(pb::Identifiers {
            phone: format!("+1202555{n:04}"),
            ..Default::default()
        })
    };
    let numbers = [7, 8, 500, 900, 119];
    let request = |subjects| pb::CheckDncRequest {
        subject: None,
        subjects,
    };
    let before = client.size().await;
    let together = client
        .check_dnc(request(numbers.map(number).to_vec()))
        .await
        .expect("looked up");
    assert_eq!(together.keys, 5);
    assert_eq!(
        client.size().await,
        before + 1,
        "that they are looked up is an entry"
    );
    many_looked_up(client).await;
    let mut apart = Vec::new();
    for (at, n) in (0..).zip(numbers) {
        let alone = pb::CheckDncRequest {
            subject: Some(number(n)),
            ..Default::default()
        };
        let found = client.check_dnc(alone).await.expect("looked up").matches;
        apart.extend(found.into_iter().map(|found| pb::DncMatch {
            subject: at,
            ..found
        }));
    }
    assert_eq!(together.matches, apart);
    let told: Vec<_> = apart
        .iter()
        .map(|found| {
            (
                found.subject,
                found.import.is_some(),
                found.import_source.as_str(),
            )
        })
        .collect();
    assert_eq!(told, [(1, false, ""), (2, true, "ftc"), (4, true, "ftc")]);
    for (bad, field) in [
        (request((0..501).map(number).collect()), "subjects"),
        (
            pb::CheckDncRequest {
                subject: Some(number(1)),
                subjects: vec![number(2)],
            },
            "subject",
        ),
        (
            request(vec![number(1), pb::Subject { of: None }]),
            "subjects[1]",
        ),
    ] {
        let refused = Refused::of(field, client.check_dnc(bad).await);
        refused
            .code(field, Code::InvalidArgument)
            .names(field, field);
    }
}
