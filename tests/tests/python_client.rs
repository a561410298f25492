//! A client in another language: grpcio from the package registry, stubs generated from `proto/`, over
//! the Unix socket. What it is handed, the verifier judges.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::{Credential, Site, ask, bin, python, repository, sales_policy, say};
use serde_json::json;

const SENDER: &str = "agent.outbound.sender";

#[tokio::test]
async fn a_python_agent_decides_records_and_holds_receipts_that_verify() {
    let Some(mut client) = python::with_grpc() else {
        say(
            "skipped: AGENT_LEDGER_PYTHON names no Python with grpcio and grpcio-tools; `make test` does",
        );
        return;
    };
    let site = Site::with_policy(&sales_policy()).await;
    site.principal(SENDER, Role::Agent).await;
    let listing = ask::listing(ask::someone(ask::person("ben@buyer.example", "")));
    site.list(vec![listing]).await;

    let credential = site.ledger.path("sender.credential");
    Credential::of(SENDER).write(&credential);
    let (stubs, out) = (site.ledger.path("stubs"), site.ledger.path("out"));
    for folder in [&stubs, &out] {
        std::fs::create_dir(folder).expect("room on the disk");
    }
    client
        .arg(repository().join("tests/python/client.py"))
        .args([
            &repository().join("proto"),
            &stubs,
            &site.ledger.socket(),
            &credential,
            &out,
        ]);
    let ran = tokio::task::spawn_blocking(move || bin::run(&mut client))
        .await
        .expect("no panic")
        .expect(0);
    let told = ran.json();
    assert_eq!(told["allowed"], "OUTCOME_ALLOW", "{told}");
    assert_eq!(told["denied"], "OUTCOME_DENY", "{told}");
    assert!(
        told["codes"]
            .as_array()
            .is_some_and(|codes| codes.contains(&json!("dnc.listed"))),
        "{told}"
    );
    assert_eq!(told["findings"], json!([]), "{told}");
    assert_eq!(
        (&told["repeated"], &told["same entry"]),
        (&json!(true), &json!(true)),
        "{told}"
    );
    assert_eq!(told["stream"], json!(["reply", "error", "reply", "reply"]));
    assert_eq!(
        told["stream outcomes"],
        json!(["OUTCOME_ALLOW", "OUTCOME_DENY", "OUTCOME_ALLOW"])
    );
    assert_eq!(told["stream repeated"], json!([false, false, true]));
    assert_eq!(told["stream error"], "INVALID_ARGUMENT");
    assert_eq!(told["without a credential"], "UNAUTHENTICATED");
    assert_eq!(told["without a correlation id"], "INVALID_ARGUMENT");
    assert_eq!(
        told["receipt"], told["execution"],
        "the same entry, under a later checkpoint"
    );

    let verifier = site.verifier();
    for name in ["allow", "execution", "receipt", "streamed", "denial"] {
        let file = out.join(format!("{name}.tlog-proof"));
        let text = file.to_str().expect("temporary paths are UTF-8");
        verifier.run("receipt", &[text]).expect(0);
    }
    // What the client was told stands in the log.
    let denial = told["denial"].as_u64().expect("a seq");
    let receipt = site
        .operator
        .get_receipt(ask::receipt_of(denial))
        .await
        .expect("an operator may")
        .receipt;
    let entry = ledger_tests::Line::parse(&receipt.expect("a receipt").entry);
    assert_eq!(
        (entry.text("kind"), entry.text("request_id")),
        ("decision", "ask-2")
    );
    let evidence = site
        .operator
        .get_evidence(pb::GetEvidenceRequest { seq: denial })
        .await
        .expect("an operator may");
    verifier.evidence(&evidence.evidence, None).expect(0);
}
