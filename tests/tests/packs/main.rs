//! Evidence packs, from the request to the stranger who checks them: made by `ledgerctl`, checked by
//! `ledger-verify`, by a script that shares no code with either, and against everything that could be done
//! to them in between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod doctored;
mod matter;

use std::fs;

use ledger_core::entry::Entry;
use ledger_core::opening::Opening;
use ledger_core::role::Role;
use ledger_packs::concern::{About, Concern, Person};
use ledger_proto::v1 as pb;
use ledger_tests::{Ctl, Line, Log, ask, bin, python, site};

use matter::{ADA, BOB, Matter, RATIONALE, SENDER, asked, lines, read, restate, text, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_tells_all_about_one_person_and_a_stranger_can_check_it() {
    let matter = Matter::new().await;
    // What was refused is done all the same, and reported under another name: no index leads there.
    let report = ask::executed("breach-1", "run-9", matter.denied[1]);
    let report = matter.agent.record(report).await.expect("recorded");
    assert_eq!(report.findings, ["decision_denied", "other_correlation"]);
    let breach = site::seq(report.receipt);
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
        breach,
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

    // The whole log says the same: to the verifier, which counts by itself, and to a search that skips
    // nothing.
    let export = matter.path("export");
    let operator = Ctl::operator(&matter.site.ledger);
    operator.run(&["export", "--out", text(&export)]).expect(0);
    verifier.whole(&export);
    let opening = folder.join("person.opening");
    let whole = ["--json", text(&export), "--opening", text(&opening)];
    let whole = verifier.run("log", &whole).expect(0).json();
    let person = &whole["result"]["person"];
    assert_eq!(
        (&person["allows"]["total"], &person["refusals"]["total"]),
        (&1.into(), &2.into()),
        "{person}"
    );
    let opening = Opening::parse(&files["person.opening"]).expect("an opening");
    let person = Person::opened(&opening).expect("known kinds");
    let mut search = Concern::new(About::Person(person));
    let found: Vec<u64> = Log::read(&export)
        .entries
        .iter()
        .map(|line| Entry::decode(line).expect("an entry"))
        .take_while(|entry| entry.seq <= access)
        .filter(|entry| search.see(entry).is_some())
        .map(|entry| entry.seq)
        .collect();
    assert_eq!(found, concerned);
}

/// More entries than fit one message, so that they come in several.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_with_many_entries_has_a_pack_too() {
    let number =
        std::env::var("PACK_ENTRIES").map_or(640, |number| number.parse().expect("a number"));
    let matter = Matter::new().await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let agent = matter.agent.clone();
        asking.spawn(async move {
            for _ in 0..number / 16 {
                asked(&agent, "run-many", &[ADA], "deny").await;
            }
        });
    }
    asking.join_all().await;
    let began = std::time::Instant::now();
    let archive = matter.pack("many.zip", &[]);
    let made = began.elapsed();
    let began = std::time::Instant::now();
    let checked = matter
        .site
        .verifier()
        .run("pack", &["--json", text(&archive)]);
    let checked = checked.expect(0).json();
    ledger_tests::say(&format!(
        "{number} entries: {} bytes, made in {made:?}, checked in {:?}",
        fs::metadata(&archive).expect("a file").len(),
        began.elapsed()
    ));
    let denied = 2 + number / 16 * 16;
    assert_eq!(checked["result"]["counts"]["denied"], denied);
    let found = bin::run(python::script("oracles/pack.py").arg(&archive))
        .expect(0)
        .json();
    assert_eq!(
        found["decisions"].as_array().expect("decisions").len(),
        1 + denied
    );
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
        ran.says(&["may not run"]);
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
