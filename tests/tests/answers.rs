//! Forbidden is an answer, not an error: denials with receipts and reasons, reports with findings, and
//! retries that bring the first answer again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Client, Ctl, Line, Site, sales_policy, site};
use pb::record_request::Report;
use pb::scope::Of;

const SENDER: &str = "agent.outbound.sender";
const ROUTING: &str = "agent.routing";

async fn house() -> (Site, Client) {
    let site = Site::with_policy(&sales_policy()).await;
    let agent = site.principal(SENDER, Role::Agent).await;
    (site, agent)
}

/// An e-mail to somebody whom nobody has written to.
fn decide(change: impl FnOnce(&mut pb::DecideRequest)) -> pb::DecideRequest {
    let id = site::fresh("ask");
    let request = ask::email(&id, "run-1", &format!("{id}@{id}.example"), &id);
    with(request, change)
}

/// The entry of a decision, whose receipt must verify.
fn entry(site: &Site, reply: &pb::DecideReply) -> Line {
    let receipt = reply
        .receipt
        .as_ref()
        .expect("every decision has a receipt");
    let verified = ledger_tests::core_receipt(receipt).verify(&site.verifier().trust());
    assert_eq!(verified.expect("a receipt that verifies").seq, receipt.seq);
    Line::parse(&receipt.entry)
}

/// An allow, and where it stands.
async fn allowed(agent: &Client) -> u64 {
    allowed_at(agent).await.0
}

/// An allow: where it stands, and its time.
async fn allowed_at(agent: &Client) -> (u64, i64) {
    let reply = agent.decide(decide(|_| {})).await.expect("decided");
    assert_eq!(reply.outcome(), pb::Outcome::Allow, "{:?}", reply.reasons);
    assert!(reply.usable && !reply.voided && !reply.repeated);
    placed(reply.receipt)
}

/// Where a receipt's entry stands, and its time in microseconds since 1970.
fn placed(receipt: Option<pb::Receipt>) -> (u64, i64) {
    let receipt = receipt.expect("every write answers with a receipt");
    (receipt.seq, Line::parse(&receipt.entry).micros())
}

#[tokio::test]
async fn what_is_forbidden_is_denied_with_a_receipt_that_says_why() {
    let (site, agent) = house().await;
    let no_address = |email: &str| vec![ask::to(ask::person(email, "c-1"))];
    let phone = |phone: &str| {
        let person = pb::Identifiers {
            phone: phone.into(),
            ..ask::person("ana@buyer.example", "c-1")
        };
        vec![ask::to(person)]
    };
    let flagged = |r: &mut pb::DecideRequest| r.recipients[0].dnc = true;
    let account = pb::Identifiers {
        account_id: "a-1".into(),
        ..Default::default()
    };
    let foreign = |outcome| decide(move |r| r.foreign = Some(ask::foreign(outcome)));
    for (what, request, outcome, codes) in [
        (
            "another agent",
            decide(|r| ROUTING.clone_into(&mut r.agent_id)),
            "deny",
            vec!["identity.impersonation"],
        ),
        (
            "unknown action",
            decide(|r| r.action = "fax.send".into()),
            "deny",
            vec!["action.unknown", "grant.none"],
        ),
        (
            "another's action",
            decide(|r| r.action = "crm.owner.assign".into()),
            "deny",
            vec!["grant.none"],
        ),
        (
            "seller outside",
            decide(|r| r.seller = "globex".into()),
            "deny",
            vec!["grant.seller"],
        ),
        (
            "no seller",
            decide(|r| r.seller.clear()),
            "deny",
            vec!["grant.seller"],
        ),
        (
            "mailbox outside",
            decide(|r| r.mailbox = "outreach-9".into()),
            "deny",
            vec!["grant.mailbox"],
        ),
        (
            "no mailbox",
            decide(|r| r.mailbox.clear()),
            "deny",
            vec!["grant.mailbox", "throttle.unkeyed"],
        ),
        (
            "no recipient",
            decide(|r| r.recipients.clear()),
            "deny",
            vec!["recipient.missing"],
        ),
        (
            "no address",
            decide(|r| r.recipients = no_address("ana at buyer")),
            "deny",
            vec!["recipient.unusable"],
        ),
        (
            "two signs",
            decide(|r| r.recipients = no_address("a@b@buyer.example")),
            "deny",
            vec!["recipient.unusable"],
        ),
        (
            "local number",
            decide(|r| r.recipients = phone("0151 23456")),
            "deny",
            vec!["recipient.unusable"],
        ),
        (
            "company alone",
            decide(|r| r.recipients = vec![ask::to(account)]),
            "deny",
            vec!["recipient.unidentified"],
        ),
        (
            "nobody",
            decide(|r| r.recipients[0].identifiers = None),
            "deny",
            vec!["recipient.unidentified"],
        ),
        (
            "no contact id",
            decide(|r| r.recipients = vec![ask::to(ask::person("ana@buyer.example", ""))]),
            "deny",
            vec!["recipient.key_required"],
        ),
        (
            "the CRM's flag",
            decide(flagged),
            "deny",
            vec!["dnc.crm_flag"],
        ),
        (
            "denied elsewhere",
            foreign(pb::Outcome::Deny),
            "deny",
            vec!["foreign.deny"],
        ),
        (
            "to be approved elsewhere",
            foreign(pb::Outcome::RequireApproval),
            "require_approval",
            vec!["foreign.require_approval"],
        ),
        (
            "allowed elsewhere",
            foreign(pb::Outcome::Allow),
            "allow",
            vec!["grant.row", "dnc.clear"],
        ),
    ] {
        let before = site.operator.size().await;
        let reply = agent
            .decide(request)
            .await
            .unwrap_or_else(|status| panic!("{what}: {status}"));
        let entry = entry(&site, &reply);
        assert_eq!(entry.text("outcome"), outcome, "{what}: {}", entry.0);
        for code in &codes {
            assert!(
                entry.codes().contains(code),
                "{what}: expected `{code}` in {:?}",
                entry.codes()
            );
        }
        let told: Vec<&str> = reply
            .reasons
            .iter()
            .map(|reason| reason.code.as_str())
            .collect();
        assert_eq!(
            told,
            entry.codes(),
            "{what}: the reply says what the entry says"
        );
        assert_eq!(reply.usable, outcome == "allow", "{what}");
        assert_eq!(
            (entry.seq(), site.operator.size().await),
            (before, before + 1),
            "{what}: one entry"
        );
        assert_eq!(
            entry.0["actor"]["id"], SENDER,
            "{what}: whoever asked is recorded"
        );
        if what == "another agent" {
            assert_eq!(
                entry.text("agent"),
                ROUTING,
                "and so is the agent that was named"
            );
        }
    }

    let unpublished = Site::open().await;
    let agent = unpublished.principal(SENDER, Role::Agent).await;
    let reply = agent.decide(decide(|_| {})).await.expect("decided");
    assert_eq!(entry(&unpublished, &reply).codes()[..1], ["policy.none"]);
}

#[tokio::test]
async fn listings_match_by_every_key_and_only_where_they_apply() {
    let (site, agent) = house().await;
    let compliance = site.principal("compliance.desk", Role::Compliance).await;
    let person = |email: &str| ask::someone(ask::person(email, ""));
    let by_mail = ask::listing(person("ben.k+news@googlemail.com"));
    let by_domain = pb::Listing {
        reason: pb::ListingReason::Manual.into(),
        ..ask::listing(ask::domain("stop.example"))
    };
    let calls_only = pb::Listing {
        channels: vec![pb::Channel::Call.into()],
        ..ask::listing(person("cy@buyer.example"))
    };
    let for_globex = pb::Listing {
        seller: "globex".into(),
        ..ask::listing(person("di@buyer.example"))
    };
    let by_contact = ask::listing(ask::someone(ask::person("", "c-77")));
    let listed = site
        .list(vec![by_mail, by_domain, calls_only, for_globex, by_contact])
        .await;

    let ask = async |address: &str, contact: &str| {
        let request = decide(|r| r.recipients = vec![ask::to(ask::person(address, contact))]);
        let reply = agent.decide(request).await.expect("decided");
        entry(&site, &reply)
    };
    for (address, contact, index, key) in [
        ("benk@gmail.com", "c-1", 0, "email.canonical"),
        ("eve@eu.stop.example", "c-2", 1, "domain"),
        ("fay@buyer.example", "c-77", 4, "contact"),
    ] {
        let denied = ask(address, contact).await;
        let reasons = denied.0["reasons"].as_array().expect("reasons").clone();
        let reason = reasons
            .iter()
            .find(|reason| reason["code"] == "dnc.listed")
            .expect("it is listed");
        assert_eq!(reason["key"], key, "{address}");
        let cite = serde_json::json!({ "seq": listed, "index": index });
        assert!(
            reason["cites"]
                .as_array()
                .is_some_and(|cites| cites.contains(&cite)),
            "{address}: {reason}"
        );
    }
    for (address, contact) in [
        ("cy@buyer.example", "c-3"),
        ("di@buyer.example", "c-4"),
        ("x@nonstop.example", "c-5"),
    ] {
        assert_eq!(
            ask(address, contact).await.text("outcome"),
            "allow",
            "{address}"
        );
    }

    // An exemption lifts the domain's listing for one person, and no own request of theirs.
    compliance
        .exempt_dnc(ask::exempt(
            "consent",
            ask::person("gil@stop.example", "c-6"),
        ))
        .await
        .expect("exempt");
    compliance
        .exempt_dnc(ask::exempt("none", ask::person("benk@gmail.com", "")))
        .await
        .expect("exempt");
    let exempted = ask("gil@stop.example", "c-6").await;
    assert_eq!(exempted.text("outcome"), "allow", "{}", exempted.0);
    assert!(exempted.codes().contains(&"dnc.exempt"));
    // It is for the person whom it names, by everything that a request says of them.
    assert!(
        ask("gil@stop.example", "c-60")
            .await
            .codes()
            .contains(&"dnc.listed")
    );
    assert!(
        ask("hal@stop.example", "c-7")
            .await
            .codes()
            .contains(&"dnc.listed")
    );
    assert!(
        ask("benk@gmail.com", "c-8")
            .await
            .codes()
            .contains(&"dnc.listed")
    );

    compliance
        .remove_dnc(ask::unlist("end", listed, 0))
        .await
        .expect("unlisted");
    assert_eq!(ask("benk@gmail.com", "c-9").await.text("outcome"), "allow");
}

#[tokio::test]
async fn reports_that_contradict_the_log_are_recorded_with_findings() {
    let (site, agent) = house().await;
    let recorder = site.principal("recorder.mail", Role::Recorder).await;
    let other = site.principal(ROUTING, Role::Agent).await;
    let report = |decision| ask::executed(&site::fresh("report"), "run-1", decision);
    // By the log's times, not by how long this machine takes between two calls.
    let at = |(decision, micros): (u64, i64), ms: i64| {
        with(report(decision), |r| {
            if let Some(Report::Execution(execution)) = &mut r.report {
                let micros = micros + ms * 1_000;
                execution.started_at = Some(prost_types::Timestamp {
                    seconds: micros / 1_000_000,
                    nanos: i32::try_from(micros % 1_000_000 * 1_000).expect("small"),
                });
            }
        })
    };
    let denied = site::seq(
        agent
            .decide(decide(|r| r.seller = "globex".into()))
            .await
            .expect("decided")
            .receipt,
    );
    let pending = decide(|r| r.foreign = Some(ask::foreign(pb::Outcome::RequireApproval)));
    let pending = site::seq(agent.decide(pending).await.expect("decided").receipt);
    let done = allowed(&agent).await;
    let nothing: [&str; 0] = [];
    let found = async |client: &Client, request: pb::RecordRequest| {
        let reply = client
            .record(request)
            .await
            .expect("evidence is never turned away");
        let entry = Line::parse(&reply.receipt.as_ref().expect("a receipt").entry);
        assert_eq!(
            entry.findings(),
            reply.findings,
            "the reply says what the entry says"
        );
        site.verifier()
            .receipt(&reply.receipt.expect("a receipt"))
            .expect(0);
        reply.findings
    };
    assert_eq!(found(&agent, report(9_999)).await, ["unknown_decision"]);
    assert_eq!(
        found(&agent, report(0)).await,
        ["unknown_decision"],
        "seq 0 is no decision"
    );
    assert_eq!(found(&agent, report(denied)).await, ["decision_denied"]);
    assert_eq!(found(&agent, report(pending)).await, ["approval_missing"]);
    assert_eq!(found(&other, report(done)).await, ["other_principal"]);
    assert_eq!(
        found(&agent, report(done)).await,
        nothing,
        "which has closed nothing"
    );
    assert_eq!(found(&agent, report(done)).await, ["already_executed"]);
    assert_eq!(
        found(&recorder, report(allowed(&agent).await)).await,
        nothing,
        "recorders report for others"
    );
    let elsewhere = with(report(allowed(&agent).await), |r| {
        r.correlation_id = "run-2".into();
    });
    assert_eq!(found(&agent, elsewhere).await, ["other_correlation"]);
    assert_eq!(
        found(&agent, at(allowed_at(&agent).await, 65_000)).await,
        nothing,
        "within the tolerance of 5 s"
    );
    assert_eq!(
        found(&agent, at(allowed_at(&agent).await, 65_001)).await,
        ["expired"]
    );
    assert_eq!(
        found(&agent, at(allowed_at(&agent).await, -5_001)).await,
        ["started_before_decision"]
    );
    let unknown = with(report(allowed(&agent).await), |r| {
        if let Some(Report::Execution(execution)) = &mut r.report {
            execution.started_at = None;
        }
    });
    assert_eq!(found(&agent, unknown).await, ["start_unknown"]);

    let (in_flight, after) = (allowed_at(&agent).await, allowed(&agent).await);
    let started = at(in_flight, 0);
    let stop = site
        .operator
        .stop(ask::stop("stop", Of::AgentId(SENDER.into())))
        .await
        .expect("stopped");
    assert_eq!(stop.voided, 2);
    let again = ask::stop("stop-again", Of::AgentId(SENDER.into()));
    let again = site.operator.stop(again).await.expect("stopped again");
    assert_eq!(again.voided, 0, "no allow is voided twice");
    for (kind, expected) in [
        (pb::OpenKind::Open, vec![]),
        (pb::OpenKind::Voided, vec![in_flight.0, after]),
    ] {
        let request = pb::ListOpenRequest {
            kind: kind.into(),
            ..Default::default()
        };
        let list = site.operator.list_open(request).await.expect("a list");
        let seqs: Vec<u64> = list.receipts.iter().map(|receipt| receipt.seq).collect();
        assert_eq!(seqs, expected, "{kind:?}");
        assert_eq!((list.open, list.voided), (0, 2), "{kind:?}");
    }
    assert_eq!(found(&agent, started).await, ["in_flight_at_stop"]);
    let later = (after, placed(stop.receipt).1);
    assert_eq!(found(&agent, at(later, 1)).await, ["after_stop"]);
    assert_eq!(
        found(
            &other,
            ask::asserted("asserted", "run-3", "crm.owner.assign")
        )
        .await,
        nothing
    );
    let own = ask::asserted("asserted", "run-3", "crm.owner.assign");
    assert_eq!(found(&agent, own).await, ["under_stop"]);

    let unknown = pb::OutcomeEvent {
        event: pb::EventType::BounceHard.into(),
        ..Default::default()
    };
    let outcome = ask::report("bounce", "run-1", Report::Outcome(unknown));
    assert_eq!(found(&recorder, outcome).await, ["unknown_execution"]);
}

/// What another engine decided is told as what it is: no policy of this ledger allowed it.
#[tokio::test]
async fn the_answer_about_an_asserted_decision_credits_nobody_here() {
    let (site, agent) = house().await;
    let asserted = ask::asserted("asserted", "run-4", "crm.owner.assign");
    let recorded = agent.record(asserted).await.expect("recorded");
    let seq = site::seq(recorded.receipt).to_string();
    let operator = Ctl::operator(&site.ledger);
    let said = operator.json(&["answer", &seq]);
    let approval = &said["answers"][2]["facts"];
    assert_eq!(approval["engine"], "opa");
    assert_eq!(approval["policy"], serde_json::Value::Null);
    assert_eq!(approval["outcome"], "allow");
    let text = operator.run(&["answer", &seq]).expect(0).stdout;
    for words in [
        "ALLOW (asserted by another engine)",
        "the engine `opa` decided it, and said allow",
        "was not asked",
        "taken as it was said",
    ] {
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(one_line.contains(words), "no `{words}` in:\n{text}");
    }
}

#[tokio::test]
async fn allows_that_nobody_reports_on_become_entries() {
    let short = sales_policy()
        .replace("valid_for_s = 60", "valid_for_s = 1")
        .replace("report_within_s = 900", "report_within_s = 2");
    let site = Site::with_policy(&short).await;
    let agent = site.principal(SENDER, Role::Agent).await;
    // Usable for a second, which may be over before the answer is here.
    let silent = agent.decide(decide(|_| {})).await.expect("decided");
    assert_eq!(silent.outcome(), pb::Outcome::Allow, "{:?}", silent.reasons);
    let silent = site::seq(silent.receipt);
    let until = std::time::Instant::now() + std::time::Duration::from_mins(1);
    let entry = loop {
        let trace = site
            .operator
            .trace(ask::trace("run-1"))
            .await
            .expect("a trace");
        let entries: Vec<Line> = trace
            .receipts
            .iter()
            .map(|receipt| Line::parse(&receipt.entry))
            .collect();
        if let Some(entry) = entries
            .iter()
            .find(|entry| entry.text("kind") == "unresolved")
        {
            break entry.clone();
        }
        assert!(
            std::time::Instant::now() < until,
            "no `unresolved` entry after a minute"
        );
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(entry.0["decision"].as_u64(), Some(silent));
    assert_eq!(entry.0["actor"]["type"], "ledger");
    let late = agent
        .record(ask::executed("late", "run-1", silent))
        .await
        .expect("recorded");
    assert_eq!(
        late.findings,
        ["expired", "report_late"]
            .map(str::to_owned)
            .into_iter()
            .filter(|f| late.findings.contains(f))
            .collect::<Vec<_>>()
    );
    assert!(
        late.findings.contains(&"report_late".to_owned()),
        "{:?}",
        late.findings
    );
}
