//! One day of a sales team: every control of the gate, over the real binaries, by the people and the
//! agents concerned; and at its end an auditor makes every decision again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod forged;
mod inputs;
mod reports;
mod team;

use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Line, Log, bin, python, site};

use reports::{a_breach, bounces, enrichment_with_its_cost, errors, somebody_unsubscribes};
use team::{Team, denied, outcome, started, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_in_a_sales_team() {
    let team = Team::gather().await;
    promoted_from_the_sandbox(&team);
    team.people(&team.site).await;
    scopes_and_tiers(&team).await;
    let moved = an_approval(&team).await;
    answered(&team, &moved);
    undone(&team, &moved).await;
    a_booking_and_an_invite(&team).await;
    calls(&team).await;
    enrichment_with_its_cost(&team).await;
    let compared = bounces(&team).await;
    errors(&team).await;
    somebody_unsubscribes(&team).await;
    a_breach(&team).await;
    break_glass(&team).await;
    a_stop(&team).await;
    traced(&team, &compared);
    counted(&team);

    let export = team.site.ledger.path("export");
    team.operator
        .run(&["export", "--out", text(&export)])
        .expect(0);
    dry_run(&team, &export);
    let verifier = team.site.verifier();
    verifier.whole(&export);
    bin::run(python::script("oracles/tree.py").arg(&export)).expect(0);
    let replayed = verifier
        .run("replay", &["--json", text(&export)])
        .expect(0)
        .json();
    let made_again = &replayed["result"]["replay"]["kinds"];
    for (kind, tally) in made_again.as_object().expect("kinds") {
        assert_eq!(tally["mismatched"].as_u64(), Some(0), "{kind}: {tally}");
        assert_eq!(tally["unverifiable"].as_u64(), Some(0), "{kind}: {tally}");
    }
    every_control_is_in_it(&Log::read(&export));
    forged::every_answer_of_the_gate(&Log::read(&export), &team.site.ledger.path("forged"));
    inputs::every_part_of_every_entry(&Log::read(&export), &team.site.ledger.path("forged"));
}

/// The policy is tried where nobody is reached, approved by its hash, and promoted.
fn promoted_from_the_sandbox(team: &Team) {
    let receipt = team.site.ledger.path("policy.tlog-proof");
    team.sandbox_operator
        .run(&["policy", "publish", text(&team.policy)])
        .expect(0);
    team.sandbox_operator
        .run(&["policy", "receipt", "--out", text(&receipt)])
        .expect(0);
    let vkey = team.sandbox.ledger.vkey();
    team.operator.run(&["key", "trust", &vkey]).expect(0);
    let approval = team
        .revops
        .json(&["approvals", "policy", "--folder", text(&team.policy)]);
    let approval = approval["seq"].as_u64().expect("an approval").to_string();
    let promote = [
        "policy",
        "promote",
        text(&team.policy),
        "--receipt",
        text(&receipt),
        "--approval",
        &approval,
    ];
    team.operator.run(&promote).expect(0);
    let again = team.operator.run(&promote);
    assert_ne!(again.code, Some(0), "an approval is for one publication");
}

/// Objects, fields, versions, tiers 0 and 1; what has no row is named.
async fn scopes_and_tiers(team: &Team) {
    let update = |object: &str, id: &str, fields: &[&str]| {
        Team::write("crm.contact.update", object, id, fields)
    };
    let own = team
        .enrichment
        .ask(update("contact", "c-1", &["agent_reason"]))
        .await;
    assert_eq!(
        (outcome(&own), &own.0["tier"]),
        ("allow", &0.into()),
        "{}",
        own.0
    );
    let industry = team
        .enrichment
        .ask(update("contact", "c-1", &["jobtitle"]))
        .await;
    assert_eq!(
        (outcome(&industry), &industry.0["tier"]),
        ("allow", &1.into())
    );
    let field = team
        .enrichment
        .ask(update("contact", "c-1", &["jobtitle", "salary"]))
        .await;
    let reason = denied(&field, "grant.field");
    assert_eq!(
        (reason["target"].as_u64(), &reason["field"]),
        (Some(0), &"salary".into())
    );
    let object = team
        .enrichment
        .ask(update("deal", "d-1", &["jobtitle"]))
        .await;
    assert_eq!(denied(&object, "grant.object")["field"], "deal");
    let nothing = with(update("contact", "c-1", &[]), |request| {
        request.targets.clear();
    });
    let nothing = team.enrichment.ask(nothing).await;
    denied(&nothing, "grant.target_missing");
    let other = with(update("contact", "c-1", &["jobtitle"]), |request| {
        "sha256:0000".clone_into(&mut request.agent_version);
    });
    denied(&team.enrichment.ask(other).await, "grant.version");
    for line in [&own, &industry] {
        team.enrichment.report(line, |_| {}).await;
    }
}

/// A deal's stage: asked, shown to a person, approved, asked again, executed; and everything that must
/// not pass with the same approval.
async fn an_approval(team: &Team) -> Line {
    let request = with(
        Team::write("crm.deal.stage", "deal", "d-1", &["stage"]),
        |request| {
            request.details = vec![
                ask::detail(pb::DetailName::Params, r#"{"deal":"d-1","stage":"won"}"#),
                ask::detail(pb::DetailName::Diff, r#"{"stage":["open","won"]}"#),
                ask::detail(pb::DetailName::Rationale, "the contract was signed"),
                ask::detail(
                    pb::DetailName::Prompt,
                    r#"{"template":"stage-mover","version":"12"}"#,
                ),
                ask::detail(pb::DetailName::Context, r#"{"stage":"open","amount":1200}"#),
                ask::detail(pb::DetailName::Plan, "move the stage, then tell the owner"),
            ];
        },
    );
    let asked = team.routing.ask(request.clone()).await;
    assert_eq!(outcome(&asked), "require_approval", "{}", asked.0);
    assert_eq!(
        (asked.text("approvers"), &asked.0["tier"]),
        ("revops", &2.into())
    );
    let seq = asked.seq().to_string();
    team.revops
        .run(&["approvals", "list"])
        .expect(0)
        .says(&[&seq, "crm.deal.stage"]);
    team.revops
        .run(&["approvals", "show", &seq, "--details"])
        .expect(0)
        .says(&["the contract was signed", "stage"]);
    // The other group's approver may not, and the agent cannot.
    assert_ne!(team.sales.run(&["approvals", "grant", &seq]).code, Some(0));
    let answer = pb::AnswerApprovalRequest {
        header: ask::header(&site::fresh("answer")),
        of: Some(pb::answer_approval_request::Of::Decision(asked.seq())),
        verdict: pb::Verdict::Granted.into(),
        details: Vec::new(),
    };
    let refused = team
        .routing
        .client
        .control()
        .answer_approval(answer)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);

    let mut watching = team
        .routing
        .client
        .control()
        .watch_approval(pb::GetApprovalRequest { seq: asked.seq() })
        .await
        .expect("its own request")
        .into_inner();
    let first = watching.message().await.unwrap().expect("how it stands");
    assert_eq!(first.state(), pb::ApprovalState::Pending);
    team.revops
        .run(&["approvals", "grant", &seq, "--reason", "seen the contract"])
        .expect(0);
    let granted = watching.message().await.unwrap().expect("the answer");
    assert_eq!(granted.state(), pb::ApprovalState::Granted);
    let approval = granted.answer.expect("the approval's entry");

    let again = |change: fn(&mut pb::DecideRequest)| {
        with(request.clone(), |request| {
            request.request_id = site::fresh("ask");
            request.approval = Some(approval);
            change(request);
        })
    };
    let other = again(|request| "d-2".clone_into(&mut request.targets[0].id));
    denied(&team.routing.ask(other).await, "approval.mismatch");
    let allowed = team.routing.ask(again(|_| {})).await;
    assert_eq!(outcome(&allowed), "allow", "{}", allowed.0);
    assert_eq!(
        (allowed.text("approver"), allowed.0["approval"].as_u64()),
        ("approver.revops", Some(approval))
    );
    denied(&team.routing.ask(again(|_| {})).await, "approval.spent");
    let executed = team
        .routing
        .report_with(
            &allowed,
            vec![
                ask::detail(pb::DetailName::Before, r#"{"stage":"open"}"#),
                ask::detail(pb::DetailName::After, r#"{"stage":"won"}"#),
                ask::detail(pb::DetailName::Response, r#"{"sha256":"9f86d081884c7d65"}"#),
            ],
            |_| {},
        )
        .await;
    // One that a person denies.
    let refused = team
        .routing
        .ask(Team::write("crm.deal.stage", "deal", "d-3", &["stage"]))
        .await;
    let seq = refused.seq().to_string();
    team.revops
        .run(&["approvals", "deny", &seq, "--reason", "not signed yet"])
        .expect(0);
    executed
}

/// The seven questions about what an approval let pass.
fn answered(team: &Team, executed: &Line) {
    let seq = executed.seq().to_string();
    let said = team.operator.run(&["answer", &seq]).expect(0);
    said.says(&[
        "agent.routing",
        "approver.revops",
        "never exercised",
        "ledgerctl stop",
    ]);
    let answers = team.operator.json(&["answer", &seq]);
    assert_eq!(
        answers["answers"].as_array().expect("answers").len(),
        7,
        "{answers}"
    );
}

/// The inverse of a field update, asked for like anything else.
async fn undone(team: &Team, executed: &Line) {
    let seq = executed.seq().to_string();
    let routing = team.routing.ctl(&team.site);
    let undo = routing.run(&["undo", &seq, "--target-id", "d-1"]).expect(0);
    undo.says(&["crm.deal.stage", "open"]);
    let submitted = routing.run(&["undo", &seq, "--target-id", "d-1", "--submit"]);
    submitted.says(&["APPROVAL REQUIRED"]);
    let asked = team.last("decision").await;
    assert_eq!(
        asked.0["undoes"].as_u64(),
        Some(executed.seq()),
        "{}",
        asked.0
    );
    assert_eq!(outcome(&asked), "require_approval");
}

/// A meeting and a sequence are the sales desk's to approve.
async fn a_booking_and_an_invite(team: &Team) {
    let booking = |contact: &str| {
        with(Team::email("vip@buyer.example", contact), |request| {
            "meeting.book".clone_into(&mut request.action);
            request.mailbox = String::new();
            request.recipients[0].role = pb::RecipientRole::Attendee.into();
        })
    };
    let request = booking("c-40");
    let asked = team.sender.ask(request.clone()).await;
    assert_eq!(
        (outcome(&asked), asked.text("approvers")),
        ("require_approval", "sales-ops")
    );
    let approval = team
        .sales
        .json(&["approvals", "grant", &asked.seq().to_string()]);
    let again = with(request, |request| {
        request.request_id = site::fresh("ask");
        request.approval = approval["seq"].as_u64();
    });
    // Listed in the meantime: the approval does not pass the list.
    team.compliance
        .run(&["dnc", "add", "--contact", "c-40", "--reason", "manual"])
        .expect(0);
    denied(&team.sender.ask(again.clone()).await, "dnc.listed");
    let listing = team.last("dnc").await.seq();
    let end = format!("{listing}/0");
    let document = team.site.ledger.path("consent.txt");
    std::fs::write(&document, "the wrong person was listed").expect("room");
    team.compliance
        .run(&[
            "dnc",
            "remove",
            &end,
            "--why",
            "wrong person",
            "--evidence-file",
            text(&document),
        ])
        .expect(0);
    let again = with(again, |request| request.request_id = site::fresh("ask"));
    let allowed = team.sender.ask(again).await;
    assert_eq!(outcome(&allowed), "allow", "{}", allowed.0);
    team.sender.report(&allowed, |_| {}).await;
}

/// Calls: only in the recipient's day, and only against a fresh registry.
async fn calls(team: &Team) {
    let call = |offset: &str| {
        with(Team::email("", "c-50"), |request| {
            "call.queue".clone_into(&mut request.action);
            request.mailbox = String::new();
            let recipient = &mut request.recipients[0];
            recipient.role = pb::RecipientRole::Callee.into();
            offset.clone_into(&mut recipient.utc_offset);
            let known = recipient.identifiers.as_mut().expect("identifiers");
            "+1 202 555 0142".clone_into(&mut known.phone);
            known.email = String::new();
        })
    };
    let (day, night) = team::offsets();
    let stale = team.caller.ask(call(&day)).await;
    denied(&stale, "call.registry_stale");
    let registry = team.site.ledger.path("registry.txt");
    std::fs::write(
        &registry,
        "2025550100\n2025550101\n".replace("202", "+1202"),
    )
    .expect("room");
    team.compliance
        .run(&[
            "dnc",
            "import",
            "--format",
            "plain",
            "--kind",
            "phone",
            "--file",
            text(&registry),
            "--source",
            "ftc",
            "--reason",
            "national_registry",
        ])
        .expect(0);
    denied(&team.caller.ask(call(&night)).await, "call.hours");
    denied(&team.caller.ask(call("")).await, "call.offset_missing");
    let allowed = team.caller.ask(call(&day)).await;
    assert_eq!(outcome(&allowed), "allow", "{}", allowed.0);
    team.caller.report(&allowed, |_| {}).await;
}

/// Tier 3, for which two people open break-glass; and what that does not lift.
async fn break_glass(team: &Team) {
    let merge = || Team::write("crm.record.merge", "contact", "c-80", &[]);
    denied(&team.cleanup.ask(merge()).await, "tier.blocked");
    let request = team.operator.json(&[
        "break-glass",
        "request",
        "--agent",
        "agent.cleanup",
        "--action",
        "crm.record.merge",
        "--for",
        "2m",
        "--reason",
        "two records of one customer",
    ]);
    let request = request["seq"].as_u64().expect("a request").to_string();
    assert_ne!(
        team.operator
            .run(&["break-glass", "confirm", &request])
            .code,
        Some(0),
        "one person"
    );
    team.compliance
        .run(&["break-glass", "confirm", &request])
        .expect(0);
    let lifted = team.cleanup.ask(merge()).await;
    assert_eq!(
        (outcome(&lifted), &lifted.0["tier"]),
        ("allow", &3.into()),
        "{}",
        lifted.0
    );
    team.cleanup.report(&lifted, |_| {}).await;
    team.operator
        .run(&["stop", "--agent", "agent.cleanup"])
        .expect(0);
    denied(&team.cleanup.ask(merge()).await, "stop.active");
    team.operator
        .run(&["resume", "--agent", "agent.cleanup", "--why", "seen"])
        .expect(0);
    team.compliance
        .run(&["break-glass", "close", &request])
        .expect(0);
    denied(&team.cleanup.ask(merge()).await, "tier.blocked");
}

/// One command, in mid-run; afterwards the seven answers name it.
async fn a_stop(team: &Team) {
    let allowed = team
        .sender
        .ask(Team::email("sam@stopped.example", "c-90"))
        .await;
    assert_eq!(outcome(&allowed), "allow", "{}", allowed.0);
    let mistyped = ["--agent", "agent.outbound.sendr"];
    let stop = team.operator.json(&[&["stop"], &mistyped[..]].concat());
    assert_eq!(
        (&stop["unknown_agent"], &stop["voided"]),
        (&true.into(), &0.into())
    );
    team.operator
        .run(&[&["resume", "--why", "mistyped"], &mistyped[..]].concat())
        .expect(0);
    let stop = team
        .operator
        .json(&["stop", "--class", "contact", "--why", "end of the day"]);
    assert_eq!(stop["voided"].as_u64(), Some(1), "{stop}");
    denied(
        &team
            .sender
            .ask(Team::email("tim@stopped.example", "c-91"))
            .await,
        "stop.active",
    );
    let late = team
        .sender
        .report(&allowed, |report| report.started_at = Some(started()))
        .await;
    assert_eq!(late.findings(), ["after_stop"]);
    let voided = team
        .operator
        .json(&["open", "--kind", "voided"])
        .to_string();
    assert!(voided.contains(allowed.text("correlation_id")), "{voided}");
    let seq = stop["seq"].to_string();
    team.operator
        .run(&["answer", allowed.text("correlation_id")])
        .expect(0)
        .says(&[&format!("#{seq}")]);
    team.operator
        .run(&["resume", "--class", "contact", "--why", "a new day"])
        .expect(0);
}

fn traced(team: &Team, runs: &[String; 2]) {
    team.operator
        .run(&["trace", &runs[0]])
        .expect(0)
        .says(&["email.send", "gmail"]);
    team.operator
        .run(&["trace", "--compare", &runs[0], &runs[1]])
        .expect(0)
        .says(&["breaker.open"]);
}

/// What is open, unresolved or irregular is counted and listed.
fn counted(team: &Team) {
    let open = team.operator.json(&["open", "--kind", "irregular"]);
    assert!(open.to_string().contains("decision_denied"), "{open}");
}

/// What a stricter policy would have changed today.
fn dry_run(team: &Team, export: &std::path::Path) {
    let stricter = team.site.ledger.path("stricter");
    std::fs::create_dir(&stricter).expect("room");
    let policy = std::fs::read_to_string(team.policy.join("policy.toml")).expect("a policy");
    let policy = policy.replace("approval = \"waived\"", "approval = \"required\"");
    std::fs::write(stricter.join("policy.toml"), policy).expect("room");
    team.operator
        .run(&[
            "policy",
            "dry-run",
            text(&stricter),
            "--export",
            text(export),
        ])
        .expect(0)
        .says(&["require approval", "email.send"]);
}

/// Every kind of entry that the gate can cause, and every check that it has, stands in the day's log.
fn every_control_is_in_it(log: &Log) {
    for kind in [
        "approval",
        "break_glass",
        "breaker",
        "key",
        "stop",
        "resume",
        "outcome",
        "dnc",
    ] {
        assert!(!log.of_kind(kind).is_empty(), "no `{kind}`");
    }
    let decisions = log.of_kind("decision");
    let said = |code: &str| decisions.iter().any(|line| line.codes().contains(&code));
    for code in [
        "breaker.open",
        "grant.field",
        "grant.object",
        "grant.target_missing",
        "grant.version",
        "tier.approval",
        "tier.waived",
        "tier.blocked",
        "tier.break_glass",
        "approval.granted",
        "approval.mismatch",
        "approval.spent",
        "dnc.listed",
        "call.hours",
        "call.offset_missing",
        "call.registry_stale",
        "stop.active",
    ] {
        assert!(said(code), "no `{code}` today");
    }
    let outcome = |event: &str| {
        log.of_kind("outcome")
            .iter()
            .any(|line| line.text("event") == event)
    };
    assert!(outcome("unsubscribe") && outcome("complaint") && outcome("bounce_hard"));
}
