//! Evidence packs, from the request to the stranger who checks them: made by `ledgerctl`, checked by
//! `ledger-verify`, by a script that shares no code with either, and against everything that could be done
//! to them in between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ledger_core::hash::Hash;
use ledger_core::role::Role;
use ledger_core::trust::Trust;
use ledger_packs::check::check;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Ctl, Line, Site, bin, core_hashes, python, sales_policy, site};

const SENDER: &str = "agent.outbound.sender";
const ADA: [&str; 2] = ["ada.example-person@reach.example", "crm-contact-ada"];
const BOB: [&str; 2] = ["bob.example-person@other.example", "crm-contact-bob"];
/// What the agent says of a request, outside the log.
const RATIONALE: &str = "because-the-renewal-of-<ada>-is-due";

/// Somebody who was written to once, bounced, was listed, and was refused twice after that; and somebody
/// else, alone and in the same request.
struct Matter {
    site: Site,
    agent: ledger_tests::Client,
    compliance: Ctl,
    allowed: u64,
    execution: u64,
    outcome: u64,
    listing: u64,
    denied: [u64; 2],
    /// About the other person alone.
    other: u64,
}

impl Matter {
    async fn new() -> Self {
        let site = Site::with_policy(&sales_policy()).await;
        let agent = site.principal(SENDER, Role::Agent).await;
        site.principal("compliance.desk", Role::Compliance).await;
        let credential = ledger_tests::Credential::of("compliance.desk");
        let compliance = Ctl::of(&site.ledger, "compliance.desk", &credential);
        let allowed = asked(&agent, "run-1", &[ADA], "allow").await;
        let report = ask::executed("report-1", "run-1", allowed);
        let execution = site::seq(agent.record(report).await.expect("recorded").receipt);
        let bounced = pb::OutcomeEvent {
            execution: Some(execution),
            event: pb::EventType::BounceHard.into(),
            recipient: Some(0),
            provider: "ses".to_owned(),
            ..Default::default()
        };
        let report = ask::report(
            "bounce-1",
            "run-1",
            pb::record_request::Report::Outcome(bounced),
        );
        let outcome = site::seq(agent.record(report).await.expect("recorded").receipt);
        let listing = site
            .list(vec![ask::listing(ask::someone(person(ADA)))])
            .await;
        let other = asked(&agent, "run-2", &[BOB], "allow").await;
        let denied = [
            asked(&agent, "run-3", &[ADA], "deny").await,
            asked(&agent, "run-4", &[BOB, ADA], "deny").await,
        ];
        Self {
            site,
            agent,
            compliance,
            allowed,
            execution,
            outcome,
            listing,
            denied,
            other,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.site.ledger.path(name)
    }

    /// `ledgerctl evidence` about the first person.
    fn pack(&self, name: &str, more: &[&str]) -> PathBuf {
        let out = self.path(name);
        let contact = format!("contact:{}", ADA[1]);
        let words = [
            "evidence",
            "--subject",
            ADA[0],
            "--subject",
            &contact,
            "--out",
            text(&out),
        ];
        let words: Vec<&str> = words.iter().chain(more).copied().collect();
        self.compliance.run(&words).expect(0);
        out
    }
}

fn person([email, contact]: [&str; 2]) -> pb::Identifiers {
    ask::person(email, contact)
}

async fn asked(
    agent: &ledger_tests::Client,
    run: &str,
    people: &[[&str; 2]],
    outcome: &str,
) -> u64 {
    let request = with(ask::email(&site::fresh("ask"), run, "", ""), |request| {
        request.recipients = people.iter().map(|one| ask::to(person(*one))).collect();
        request.details = vec![ask::detail(pb::DetailName::Rationale, RATIONALE)];
    });
    let reply = agent.decide(request).await.expect("decided");
    let entry = Line::parse(&reply.receipt.expect("a receipt").entry);
    assert_eq!(entry.text("outcome"), outcome, "{}", entry.0);
    entry.seq()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

type Files = BTreeMap<String, Vec<u8>>;

fn read(folder: &Path) -> Files {
    fs::read_dir(folder)
        .expect("a folder")
        .map(|item| {
            let path = item.expect("an item").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read(&path).expect("a file"))
        })
        .collect()
}

fn write(folder: &Path, files: &Files) {
    fs::create_dir(folder).expect("room");
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).expect("room");
    }
}

/// Lets the manifest say of each file what is so: whoever can change one file can change two.
fn restate(files: &mut Files, before: &Files) {
    let mut manifest = String::from_utf8(files["manifest.json"].clone()).expect("text");
    for (name, bytes) in files.iter().filter(|(name, _)| *name != "manifest.json") {
        let stated = |bytes: &[u8]| {
            format!(
                "\"bytes\": {},\n      \"sha256\": \"{}\"",
                bytes.len(),
                Hash::of(bytes)
            )
        };
        manifest = manifest.replace(&stated(&before[name]), &stated(bytes));
    }
    files.insert("manifest.json".to_owned(), manifest.into_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_tells_all_about_one_person_and_a_stranger_can_check_it() {
    let matter = Matter::new().await;
    let before = matter.site.operator.size().await;
    let folder = matter.pack("ada-pack", &[]);
    let access = matter.site.operator.size().await - 1;
    assert_eq!(access, before, "handing it out is one entry");
    let archive = matter.pack("ada-pack.zip", &[]);

    let verifier = matter.site.verifier();
    for pack in [&folder, &archive] {
        verifier
            .run("pack", &[text(pack)])
            .expect(0)
            .says(&["verified", "handed out", "report"]);
        let found = bin::run(python::script("oracles/pack.py").arg(pack))
            .expect(0)
            .json();
        let [first, second] = matter.denied;
        let decisions =
            serde_json::json!([[matter.allowed, "allow"], [first, "deny"], [second, "deny"]]);
        assert_eq!(found["decisions"], decisions);
    }
    let said = verifier
        .run("pack", &["--json", text(&folder)])
        .expect(0)
        .json();
    let result = &said["result"];
    let concerned: Vec<u64> = result["concerned"]
        .as_array()
        .expect("seqs")
        .iter()
        .filter_map(serde_json::Value::as_u64)
        .collect();
    for seq in [
        matter.allowed,
        matter.execution,
        matter.outcome,
        matter.listing,
        access,
    ]
    .iter()
    .chain(&matter.denied)
    {
        assert!(concerned.contains(seq), "{seq} in {concerned:?}");
    }
    assert!(!concerned.contains(&matter.other), "{concerned:?}");
    assert_eq!(
        (&result["counts"]["allowed"], &result["counts"]["denied"]),
        (&1.into(), &2.into())
    );

    let files = read(&folder);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let expected = [
        "checkpoint",
        "entries.jsonl",
        "manifest.json",
        "person.opening",
        "proofs.jsonl",
        "reasons.md",
        "report.html",
    ];
    assert_eq!(names, expected);
    let lines = String::from_utf8(files["entries.jsonl"].clone()).expect("text");
    assert!(
        !lines
            .lines()
            .any(|line| Line::parse(line.as_bytes()).seq() == matter.other)
    );
    for (name, bytes) in &files {
        let content = String::from_utf8_lossy(bytes);
        for form in [BOB[0], BOB[1], "bob.example-person", RATIONALE] {
            assert!(!content.contains(form), "`{name}` says `{form}`");
        }
    }
    let report = String::from_utf8(files["report.html"].clone()).expect("text");
    for told in [
        ADA[0],
        "Allowed",
        "Denied",
        "bounced for good",
        "do-not-contact list",
        "1 other recipient",
    ] {
        assert!(report.contains(told), "`{told}` is not in the report");
    }
    let last = report
        .trim_end()
        .lines()
        .rev()
        .find(|line| line.contains("ledger-verify"))
        .expect("a command");
    assert!(
        last.contains("ledger-verify pack ada-pack --vkey ledger.vkey"),
        "{last}"
    );
    assert!(report.trim_end().ends_with("</footer>\n</body>\n</html>"));
    for loaded in ["<script", "http://", "https://", "src=", "url(", "@import"] {
        assert!(!report.contains(loaded), "the report has `{loaded}`");
    }

    // Reading it was recorded, and says what was handed out to whom.
    let entry = matter
        .site
        .operator
        .get_receipt(ask::receipt_of(access))
        .await
        .expect("a receipt");
    let entry = Line::parse(&entry.receipt.expect("a receipt").entry);
    assert_eq!(
        (entry.text("kind"), entry.text("call")),
        ("access", "GetPack")
    );
    assert_eq!(entry.0["actor"]["id"], "compliance.desk");
    assert_eq!(entry.0["to"], access, "so many entries were searched");
    assert!(
        entry.0["pack"].is_string()
            && entry.0["tokens"]
                .as_array()
                .is_some_and(|keys| keys.len() >= 3)
    );
    matter.site.verifier().whole(&{
        let export = matter.path("export");
        Ctl::operator(&matter.site.ledger)
            .run(&["export", "--out", text(&export)])
            .expect(0);
        export
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_a_pack_shows() {
    let matter = Matter::new().await;
    let folder = matter.pack("pack", &["--details"]);
    let archive = matter.pack("pack.zip", &[]);
    // The checkpoint of the folder's pack is older than that of the archive's: this one is now the latest.
    let verifier = matter.site.verifier();
    let files = read(&folder);
    let trust = Trust::parse_vkey(&matter.site.ledger.vkey()).expect("a key");
    check(&files, &trust, &mut Vec::new()).expect("it holds");

    // A flipped bit anywhere, as far as the patience of a test goes.
    for (name, bytes) in &files {
        let stride = (bytes.len() / 64).max(1);
        for at in (0..bytes.len()).step_by(stride).chain([bytes.len() - 1]) {
            let mut changed = files.clone();
            changed.get_mut(name).expect("it")[at] ^= 1;
            let refused = check(&changed, &trust, &mut Vec::new()).expect_err("a flipped bit");
            let named = refused.words.contains(name.as_str()) || name == "manifest.json";
            assert!(named, "byte {at} of `{name}`: {refused}");
        }
    }
    let mut number = 0;
    let mut refused = |what: &str, files: &Files, code: i32, words: &[&str]| {
        number += 1;
        let folder = matter.path(&format!("changed-{number}"));
        write(&folder, files);
        let ran = verifier.run("pack", &[text(&folder)]);
        assert_eq!(ran.code, Some(code), "{what}: {ran}");
        ran.says(words);
    };
    for (name, bytes) in &files {
        let mut changed = files.clone();
        changed.get_mut(name).expect("it")[bytes.len() / 2] ^= 1;
        let code = if name == "manifest.json" { 1 } else { 1 };
        let folder = matter.path(&format!("flipped-{name}"));
        write(&folder, &changed);
        let ran = verifier.run("pack", &[text(&folder)]);
        assert!(matches!(ran.code, Some(1 | 3 | 4)), "{code} {ran}");
        ran.says(&[name]);
        let mut missing = files.clone();
        missing.remove(name);
        refused("a missing file", &missing, 4, &[name]);
    }
    let mut surplus = files.clone();
    surplus.insert("letter.txt".to_owned(), b"by the way".to_vec());
    refused("a surplus file", &surplus, 1, &["letter.txt"]);

    // The same by somebody who makes the manifest fit.
    let mut doctored = files.clone();
    let report = String::from_utf8(files["report.html"].clone())
        .expect("text")
        .replace("Denied", "Allowed");
    doctored.insert("report.html".to_owned(), report.into_bytes());
    restate(&mut doctored, &files);
    refused("a doctored report", &doctored, 1, &["report.html"]);

    let without = |seq: u64| {
        let mut changed = files.clone();
        let at = lines(&files["proofs.jsonl"])
            .iter()
            .position(|line| line["seq"] == seq)
            .expect("it is there");
        for name in ["entries.jsonl", "proofs.jsonl"] {
            let mut kept: Vec<&[u8]> = files[name].split_inclusive(|byte| *byte == b'\n').collect();
            kept.remove(at);
            changed.insert(name.to_owned(), kept.concat());
        }
        counted(&mut changed, &files, -1);
        changed
    };
    refused(
        "without the denial",
        &without(matter.denied[0]),
        1,
        &["handed out"],
    );
    refused(
        "without the entry about it",
        &without(
            lines(&files["manifest.json"])[0]["access"]
                .as_u64()
                .expect("a seq"),
        ),
        4,
        &["missing"],
    );

    let added = with_other(&matter, &archive).await;
    refused(
        "with an entry about somebody else",
        &added.1,
        1,
        &["handed out"],
    );
    refused("which by itself holds", &added.0, 0, &["verified"]);

    // Checkpoints of another time and of another ledger.
    let mut later = files.clone();
    later.insert("checkpoint".to_owned(), added.0["checkpoint"].clone());
    restate(&mut later, &files);
    refused("a later checkpoint", &later, 1, &["checkpoint"]);
    let other = ledger_tests::Ledger::init_named("ledger.test/other");
    let ran = ledger_tests::Verifier::of(&other).run("pack", &[text(&folder)]);
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.says(&["checkpoint"]);

    // An archive, cut and with something before it.
    let bytes = fs::read(&archive).expect("an archive");
    for (what, bytes) in [
        ("cut", bytes[..bytes.len() - 1].to_vec()),
        ("padded", [b"#!/bin/sh\n", bytes.as_slice()].concat()),
    ] {
        let path = matter.path(&format!("{what}.zip"));
        fs::write(&path, bytes).expect("room");
        verifier.run("pack", &[text(&path)]).expect(3);
    }
    let link = matter.path("linked");
    write(&link, &files);
    std::os::unix::fs::symlink("/etc/hostname", link.join("note")).expect("a link");
    verifier
        .run("pack", &[text(&link)])
        .expect(1)
        .says(&["note"]);
}

/// The archive's pack, and the same with an entry about somebody else and its proof.
async fn with_other(matter: &Matter, archive: &Path) -> (Files, Files) {
    let files =
        ledger_packs::zipped::read(&fs::read(archive).expect("an archive")).expect("a pack");
    let receipt = matter
        .agent
        .get_receipt(ask::receipt_of(matter.other))
        .await
        .expect("a receipt");
    let receipt = receipt.receipt.expect("a receipt");
    assert_eq!(
        receipt.checkpoint, files["checkpoint"],
        "nothing was written since"
    );
    let seqs: Vec<u64> = lines(&files["proofs.jsonl"])
        .iter()
        .filter_map(|line| line["seq"].as_u64())
        .collect();
    let at = seqs.partition_point(|seq| *seq < matter.other);
    let proof = serde_json::to_string(&core_hashes(&receipt.proof)).expect("hashes");
    let proof = format!("{{\"seq\":{},\"proof\":{proof}}}\n", matter.other);
    let mut changed = files.clone();
    for (name, line) in [
        ("entries.jsonl", [&receipt.entry[..], b"\n"].concat()),
        ("proofs.jsonl", proof.into_bytes()),
    ] {
        let mut all: Vec<&[u8]> = files[name].split_inclusive(|byte| *byte == b'\n').collect();
        all.insert(at, &line);
        changed.insert(name.to_owned(), all.concat());
    }
    counted(&mut changed, &files, 1);
    (files, changed)
}

/// Lets the manifest say how many entries there are, and the rest of what is so.
fn counted(files: &mut Files, before: &Files, more: i64) {
    restate(files, before);
    let entries = before["proofs.jsonl"]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count() as i64;
    let manifest = String::from_utf8(files["manifest.json"].clone()).expect("text");
    let manifest = manifest.replace(
        &format!("\"entries\": {entries}"),
        &format!("\"entries\": {}", entries + more),
    );
    files.insert("manifest.json".to_owned(), manifest.into_bytes());
}

/// Every line of a file as JSON; of a file that is one object, that.
fn lines(bytes: &[u8]) -> Vec<serde_json::Value> {
    match serde_json::from_slice(bytes) {
        Ok(whole) => vec![whole],
        Err(_) => bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("JSON"))
            .collect(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn details_come_only_where_they_are_asked_for_and_stand_as_they_were_committed() {
    let matter = Matter::new().await;
    let before = matter.site.operator.size().await;
    let folder = matter.pack("pack", &["--details"]);
    assert_eq!(
        matter.site.operator.size().await - before,
        2,
        "one entry for the details, one for the pack"
    );
    matter
        .site
        .verifier()
        .run("pack", &[text(&folder)])
        .expect(0)
        .says(&["details"]);
    let files = read(&folder);
    let kept = lines(&files["details.jsonl"]);
    let of = |seq: u64| {
        kept.iter()
            .find(|line| line["seq"] == seq && line["name"] == "rationale")
    };
    assert_eq!(of(matter.allowed).expect("it was kept")["text"], RATIONALE);
    assert!(
        of(matter.other).is_none(),
        "what does not concern them is not handed out"
    );
    // What stands in details is text in the report, whatever it looks like.
    let report = String::from_utf8(files["report.html"].clone()).expect("text");
    assert!(report.contains("because-the-renewal-of-&lt;ada&gt;-is-due"));
    assert!(!report.contains(RATIONALE));

    let mut forged = files.clone();
    let details = String::from_utf8(files["details.jsonl"].clone())
        .expect("text")
        .replacen("is-due", "is-off", 1);
    forged.insert("details.jsonl".to_owned(), details.into_bytes());
    restate(&mut forged, &files);
    let folder = matter.path("forged");
    write(&folder, &forged);
    matter
        .site
        .verifier()
        .run("pack", &[text(&folder)])
        .expect(1)
        .says(&["details.jsonl"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correlation_id_gives_what_goes_by_it_and_names_nobody() {
    let matter = Matter::new().await;
    let cleo = ["cleo.example-person@third.example", "crm-contact-cleo"];
    let open = asked(&matter.agent, "run-5", &[cleo], "allow").await;
    let scope = pb::scope::Of::AgentId(SENDER.to_owned());
    let stop = matter
        .site
        .operator
        .stop(ask::stop("stop-1", scope))
        .await
        .expect("stopped");
    let stop = site::seq(stop.receipt);
    matter.site.principal("auditor.one", Role::Auditor).await;
    let auditor = Ctl::of(
        &matter.site.ledger,
        "auditor.one",
        &ledger_tests::Credential::of("auditor.one"),
    );
    let operator = Ctl::operator(&matter.site.ledger);
    for (who, name) in [(&auditor, "run"), (&operator, "run.zip")] {
        let out = matter.path(name);
        let made = who.json(&["evidence", "--correlation", "run-5", "--out", text(&out)]);
        assert_eq!(made["concerned"], serde_json::json!([open, stop]), "{made}");
        matter.site.verifier().run("pack", &[text(&out)]).expect(0);
        bin::run(python::script("oracles/pack.py").arg(&out)).expect(0);
    }
    let files = read(&matter.path("run"));
    assert!(!files.contains_key("person.opening"));
    for (name, bytes) in &files {
        assert!(
            !String::from_utf8_lossy(bytes).contains("cleo"),
            "`{name}` names somebody"
        );
    }
    let report = String::from_utf8(files["report.html"].clone()).expect("text");
    assert!(
        report.contains("Voided by the kill switch"),
        "what came of it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_compliance_is_told_about_a_person_and_refusals_write_nothing() {
    let matter = Matter::new().await;
    let mut others = vec![("operator".to_owned(), Ctl::operator(&matter.site.ledger))];
    for role in [Role::Approver, Role::Auditor, Role::Recorder] {
        let id = format!("{role}.one");
        matter.site.principal(&id, role).await;
        let credential = ledger_tests::Credential::of(&id);
        others.push((id.clone(), Ctl::of(&matter.site.ledger, &id, &credential)));
    }
    let credential = ledger_tests::Credential::of(SENDER);
    others.push((
        SENDER.to_owned(),
        Ctl::of(&matter.site.ledger, SENDER, &credential),
    ));
    let before = matter.site.operator.size().await;
    for (who, ctl) in &others {
        let out = matter.path("refused");
        let ran = ctl.run(&["evidence", "--subject", ADA[0], "--out", text(&out)]);
        assert_eq!(ran.code, Some(1), "{who}: {ran}");
        ran.says(&["may not call"]);
        assert!(!out.exists(), "{who}");
    }
    let operator = &others[0].1;
    let out = matter.path("refused");
    operator
        .run(&[
            "evidence",
            "--correlation",
            "run-1",
            "--details",
            "--out",
            text(&out),
        ])
        .expect(1)
        .says(&["GetDetail"]);
    operator
        .run(&["evidence", "--correlation", "run-none", "--out", text(&out)])
        .expect(1)
        .says(&["run-none"]);
    for words in [
        vec!["--subject", "@reach.example"],
        vec!["--subject", "nobody"],
        vec!["--subject", ADA[0], "--subject", BOB[0]],
        vec!["--subject", ADA[0], "--correlation", "run-1"],
        vec!["7", "--details"],
        vec![],
    ] {
        let words: Vec<&str> = ["evidence", "--out", text(&out)]
            .into_iter()
            .chain(words)
            .collect();
        matter.compliance.run(&words).expect(2);
    }
    assert_eq!(
        matter.site.operator.size().await,
        before,
        "nothing was written"
    );
    assert!(!out.exists());

    // Of somebody whom no entry names there is a pack as well: that is what it says.
    let none = matter.path("none");
    matter
        .compliance
        .run(&[
            "evidence",
            "--subject",
            "+44 20 7946 0999",
            "--out",
            text(&none),
        ])
        .expect(0);
    let ran = matter
        .site
        .verifier()
        .run("pack", &["--json", text(&none)])
        .expect(0)
        .json();
    assert_eq!(ran["result"]["counts"]["allowed"], 0);
    assert_eq!(
        ran["result"]["concerned"].as_array().expect("seqs").len(),
        1,
        "the entry about it alone"
    );
}
