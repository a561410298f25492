//! What happened, and helpers to look at what is handed out about it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger_core::hash::Hash;
use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Ctl, Line, Site, bin, sales_policy, site};

pub(crate) const SENDER: &str = "agent.outbound.sender";
pub(crate) const ADA: [&str; 2] = ["ada.example-person@reach.example", "crm-contact-ada"];
pub(crate) const BOB: [&str; 2] = ["bob.example-person@other.example", "crm-contact-bob"];
/// What the agent says of a request, outside the log.
pub(crate) const RATIONALE: &str = "because-the-renewal-of-<ada>-is-due";

/// Somebody who was written to once, bounced, was listed, and was refused twice after that; and somebody
/// else, alone and in the same request.
pub(crate) struct Matter {
    pub(crate) site: Site,
    pub(crate) agent: ledger_tests::Client,
    pub(crate) compliance: Ctl,
    pub(crate) allowed: u64,
    pub(crate) execution: u64,
    pub(crate) outcome: u64,
    pub(crate) listing: u64,
    pub(crate) denied: [u64; 2],
    /// About the other person alone.
    pub(crate) other: u64,
}

impl Matter {
    pub(crate) async fn new() -> Self {
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.site.ledger.path(name)
    }

    /// `ledgerctl evidence` about the first person.
    pub(crate) fn pack(&self, name: &str, more: &[&str]) -> PathBuf {
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
        // As long as a large one takes.
        let mut command = self.compliance.command(&words);
        bin::run_within(&mut command, Duration::from_mins(5)).expect(0);
        out
    }
}

pub(crate) fn person([email, contact]: [&str; 2]) -> pb::Identifiers {
    ask::person(email, contact)
}

pub(crate) async fn asked(
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

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn read(folder: &Path) -> Files {
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

pub(crate) fn write(folder: &Path, files: &Files) {
    fs::create_dir(folder).expect("room");
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).expect("room");
    }
}

/// Lets the manifest say of each file what is so: whoever can change one file can change two.
pub(crate) fn restate(files: &mut Files, before: &Files) {
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

/// Every line of a file as JSON; of a file that is one object, that.
pub(crate) fn lines(bytes: &[u8]) -> Vec<serde_json::Value> {
    match serde_json::from_slice(bytes) {
        Ok(whole) => vec![whole],
        Err(_) => bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("JSON"))
            .collect(),
    }
}
