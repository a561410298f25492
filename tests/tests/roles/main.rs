//! Who may call what: every call by every role, against the core's table and against what the
//! interface promises in its own comments; and nobody at all without a credential in force.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod control;

use std::collections::BTreeMap;

use ledger_core::role::{Call, Grant, Role};
use ledger_proto::v1 as pb;
use ledger_tests::{Client, Credential, Refused, Site, ask, repository, sales_policy, site};
use tonic::{Code, Status};

const AGENT: &str = "agent.outbound.sender";

/// What the calls below are about: entries that the first operator and one agent have made.
struct Facts {
    decision: u64,
    listing: u64,
    correlation: &'static str,
}

/// Calls it with a request that would be answered if the role may.
async fn call(call: Call, client: &Client, facts: &Facts) -> Result<(), Status> {
    let id = site::fresh("call");
    let correlation = id.as_str();
    match call {
        Call::Decide => client
            .decide(ask::email(
                &id,
                correlation,
                &format!("{id}@buyer.example"),
                &id,
            ))
            .await
            .map(drop),
        Call::Record => client
            .record(ask::replied(&id, correlation))
            .await
            .map(drop),
        Call::GetCheckpoint => client.checkpoint().await.map(drop),
        Call::GetReceipt => client
            .get_receipt(ask::receipt_of(facts.decision))
            .await
            .map(drop),
        Call::GetEvidence => client
            .get_evidence(pb::GetEvidenceRequest {
                seq: facts.decision,
            })
            .await
            .map(drop),
        Call::GetConsistency => client
            .get_consistency(pb::GetConsistencyRequest {
                old_size: 1,
                new_size: None,
            })
            .await
            .map(drop),
        Call::GetDetail => {
            let request = pb::GetDetailRequest {
                seq: facts.decision,
                name: pb::DetailName::Recipients.into(),
            };
            client.get_detail(request).await.map(drop)
        }
        Call::Trace => client.trace(ask::trace(facts.correlation)).await.map(drop),
        Call::PutPrincipal => {
            let request = ask::principal(
                &id,
                &format!("agent.{id}"),
                pb::Role::Agent,
                &Credential::of(&id),
            );
            client.put_principal(request).await.map(drop)
        }
        Call::RevokePrincipal => {
            let request = pb::RevokePrincipalRequest {
                header: ask::header(&id),
                id: "agent.revocable".into(),
            };
            client.revoke_principal(request).await.map(drop)
        }
        Call::ListPrincipals => client
            .list_principals(pb::ListPrincipalsRequest {})
            .await
            .map(drop),
        Call::AddDnc => client
            .add_dnc(ask::list(
                &id,
                vec![ask::listing(ask::domain(&format!("{id}.example")))],
            ))
            .await
            .map(drop),
        Call::RemoveDnc => client
            .remove_dnc(ask::unlist(&id, facts.listing, 0))
            .await
            .map(drop),
        Call::ExemptDnc => client
            .exempt_dnc(ask::exempt(&id, ask::person("ben@buyer.example", "")))
            .await
            .map(drop),
        Call::CheckDnc => client
            .check_dnc(pb::CheckDncRequest {
                subject: Some(ask::domain("buyer.example")),
                ..Default::default()
            })
            .await
            .map(drop),
        Call::PublishPolicy => client
            .publish_policy(ask::policy(&id, &sales_policy()))
            .await
            .map(drop),
        Call::ShowPolicy => client.show_policy(pb::ShowPolicyRequest {}).await.map(drop),
        Call::Stop => client
            .stop(ask::stop(
                &id,
                pb::scope::Of::AgentId("agent.revocable".into()),
            ))
            .await
            .map(drop),
        Call::Resume => client
            .resume(ask::resume(
                &id,
                pb::scope::Of::AgentId("agent.revocable".into()),
            ))
            .await
            .map(drop),
        Call::AcknowledgeClock => client
            .acknowledge_clock(pb::AcknowledgeClockRequest {
                header: ask::header(&id),
            })
            .await
            .map(drop),
        Call::Tokenise => {
            let of = Some(pb::tokenise_request::Of::Mailbox("outreach-1".into()));
            client.tokenise(pb::TokeniseRequest { of }).await.map(drop)
        }
        Call::Disclose => {
            let identifiers = Some(ask::person("ana@buyer.example", ""));
            client
                .disclose(pb::DiscloseRequest { identifiers })
                .await
                .map(drop)
        }
        Call::Export => client.export().await.map(drop),
        Call::GetPack => {
            let about = pb::get_pack_request::About::CorrelationId(facts.correlation.to_owned());
            let request = pb::GetPackRequest {
                about: Some(about),
                details: false,
            };
            client.get_pack(request).await.map(drop)
        }
        Call::Status => client.status_of(pb::StatusRequest {}).await.map(drop),
        _ => control::control(call, &id, client, facts).await,
    }
}

/// Calls that answer something that has to be there: here it is not, and the role is not what is wrong.
const ANSWERS: [Call; 8] = [
    Call::AcknowledgeClock,
    Call::GetApproval,
    Call::WatchApproval,
    Call::AnswerApproval,
    Call::ConfirmBreakGlass,
    Call::CloseBreakGlass,
    Call::ResetBreaker,
    Call::EndImport,
];

async fn house() -> (Site, Client, Facts) {
    let site = Site::with_policy(&sales_policy()).await;
    let agent = site.principal(AGENT, Role::Agent).await;
    site.principal("agent.revocable", Role::Agent).await;
    let correlation = "run-1";
    let decided = agent
        .decide(ask::email("ask", correlation, "ana@buyer.example", "c-1"))
        .await
        .expect("decided");
    let listing = site
        .list(vec![ask::listing(ask::domain("stop.example"))])
        .await;
    let facts = Facts {
        decision: site::seq(decided.receipt),
        listing,
        correlation,
    };
    (site, agent, facts)
}

#[tokio::test]
async fn every_call_by_every_role_is_answered_as_the_table_says() {
    let (site, _, facts) = house().await;
    // Some calls need a state that an earlier one brings about; whoever may make both makes them in order.
    for role in Role::ALL {
        let client = site.principal(&format!("{role}.of-the-table"), role).await;
        for what in Call::ALL {
            let before = site.operator.size().await;
            let outcome = call(what, &client, &facts).await;
            let name = format!("{what} by {role}");
            match what.granted(role) {
                Grant::Yes => match (what, outcome) {
                    (_, Ok(())) => {}
                    (what, Err(status)) if ANSWERS.contains(&what) => {
                        let code = status.code();
                        let missing = [
                            Code::FailedPrecondition,
                            Code::InvalidArgument,
                            Code::NotFound,
                        ];
                        assert!(missing.contains(&code), "{name}: {status}");
                    }
                    (_, Err(status)) => panic!("{name}: expected an answer, got {status}"),
                },
                Grant::Own if matches!(what, Call::List | Call::Tail) => {
                    // Nothing is the caller's own, so there is nothing in it: which is an answer.
                    outcome.unwrap_or_else(|status| panic!("{name}: {status}"));
                    assert_eq!(site.operator.size().await, before, "{name}");
                }
                Grant::Own | Grant::No => {
                    // Nothing here is the caller's own.
                    let refused = Refused::of(&name, outcome).code(&name, Code::PermissionDenied);
                    let role_word = role.to_string();
                    if what.granted(role) == Grant::No {
                        refused.says(&name, &[what.as_str(), &role_word, "docs/roles.md"]);
                    }
                    assert_eq!(
                        site.operator.size().await,
                        before,
                        "{name}: something was written"
                    );
                }
            }
        }
    }
}

/// The table a second time, as the comments of the interface tell it to whoever writes a client.
#[test]
fn the_interface_promises_what_the_table_says() {
    let mut promised = promises();
    // Under another name the same call, for the same roles.
    for (call, again) in [
        ("Decide", "DecideBatch"),
        ("Decide", "DecideStream"),
        ("Record", "RecordBatch"),
        ("Record", "RecordStream"),
    ] {
        let roles = |name: &str| promised[name].rsplit_once("role").unwrap().1.to_owned();
        assert_eq!(roles(again), roles(call), "{again}");
        promised.remove(again);
    }
    assert_eq!(
        promised.len(),
        Call::ALL.len(),
        "calls of the interface: {:?}",
        promised.keys()
    );
    for call in Call::ALL {
        let comment = &promised[call.as_str()];
        for role in Role::ALL {
            let named = |words: &str| words.contains(role.as_str());
            // Those who see their own alone, and then either `Role: operator.`, `Roles: operator,
            // compliance.` or `Every role.`; or, with none of these, everybody else.
            let own = comment
                .match_indices("only of")
                .any(|(at, _)| named(comment[..at].rsplit('.').next().unwrap_or_default()));
            let listed = ["role: ", "roles: "]
                .iter()
                .find_map(|word| comment.rsplit_once(word).map(|(_, roles)| named(roles)));
            let promise = match listed {
                _ if own => Grant::Own,
                Some(true) => Grant::Yes,
                None if comment.contains("every role") || comment.contains("only of") => Grant::Yes,
                Some(false) | None => Grant::No,
            };
            assert_eq!(
                call.granted(role),
                promise,
                "{call} by {role}, as `{comment}` promises it"
            );
        }
    }
}

/// The comment before every call of the interface, in lower case.
fn promises() -> BTreeMap<String, String> {
    let mut promises = BTreeMap::new();
    for file in ["gate", "recorder", "proofs", "query", "control"] {
        let path = repository().join(format!("proto/ledger/v1/{file}.proto"));
        let mut comment = String::new();
        for line in std::fs::read_to_string(&path)
            .expect("the interface")
            .lines()
        {
            if let Some(text) = line.trim().strip_prefix("//") {
                comment.push_str(&text.to_lowercase());
                continue;
            }
            if let Some((name, _)) = line
                .trim()
                .strip_prefix("rpc ")
                .and_then(|rest| rest.split_once('('))
            {
                promises.insert(name.to_owned(), comment.clone());
            }
            comment.clear();
        }
    }
    promises
}

#[tokio::test]
async fn nobody_gets_in_without_a_credential_in_force() {
    let (site, _, facts) = house().await;
    let revoked = site.principal("auditor.revoked", Role::Auditor).await;
    call(Call::Status, &revoked, &facts)
        .await
        .expect("an auditor, for now");
    let revoke = pb::RevokePrincipalRequest {
        header: ask::header("revoke"),
        id: "auditor.revoked".into(),
    };
    site.operator
        .revoke_principal(revoke)
        .await
        .expect("revoked");

    let known = site.ledger.operator().to_hex();
    let strangers = [
        ("none", site.daemon.client_with(None)),
        ("empty", site.daemon.client_with(Some(""))),
        ("no scheme", site.daemon.client_with(Some(&known))),
        (
            "another scheme",
            site.daemon.client_with(Some(&format!("Basic {known}"))),
        ),
        (
            "half of one",
            site.daemon
                .client_with(Some(&format!("Bearer {}", &known[..32]))),
        ),
        (
            "one digit more",
            site.daemon.client_with(Some(&format!("Bearer {known}0"))),
        ),
        (
            "no digits",
            site.daemon
                .client_with(Some(&format!("Bearer {}", "z".repeat(64)))),
        ),
        (
            "its hash",
            site.daemon
                .client_with(Some(&format!("Bearer {}", site.ledger.operator().sha256()))),
        ),
        (
            "somebody's guess",
            site.daemon.client(Credential::of("nobody has this one")),
        ),
        ("a revoked one", revoked),
    ];
    let before = site.operator.size().await;
    for (what, stranger) in &strangers {
        for name in Call::ALL {
            let what = format!("{name} with {what}");
            let refused = Refused::of(&what, call(name, stranger, &facts).await)
                .code(&what, Code::Unauthenticated);
            assert!(
                !refused.0.message().contains(&known[..8]),
                "{what}: the credential is repeated"
            );
        }
    }
    assert_eq!(site.operator.size().await, before, "something was written");
}

/// Once the reply is there, not a moment later: on the same connection, by the next call.
#[tokio::test]
async fn a_revoked_or_replaced_credential_is_refused_from_the_reply_on() {
    let (site, _, _) = house().await;
    for round in 0..20 {
        let id = format!("agent.short-lived.{round}");
        let client = site.principal(&id, Role::Agent).await;
        client
            .decide(ask::act("ask", &id, "crm.read"))
            .await
            .expect("in force");
        let fresh = Credential::of(&site::fresh("credential"));
        if round % 2 == 0 {
            let revoke = pb::RevokePrincipalRequest {
                header: ask::header(&id),
                id: id.clone(),
            };
            site.operator
                .revoke_principal(revoke)
                .await
                .expect("revoked");
        } else {
            let replace = ask::principal(&site::fresh("replace"), &id, pb::Role::Agent, &fresh);
            site.operator
                .put_principal(replace)
                .await
                .expect("replaced");
            site.daemon
                .client(fresh)
                .checkpoint()
                .await
                .expect("the new one is in force");
        }
        let before = site.operator.size().await;
        let refused = client.decide(ask::act("another", &id, "crm.read")).await;
        Refused::of(&id, refused).code(&id, Code::Unauthenticated);
        assert_eq!(site.operator.size().await, before);
    }
}

#[tokio::test]
async fn agents_read_their_own_entries_and_correlation_ids_alone() {
    let (site, agent, facts) = house().await;
    let other = site.principal("agent.routing", Role::Agent).await;
    let recorder = site.principal("recorder.mail", Role::Recorder).await;
    let own = agent
        .get_receipt(ask::receipt_of(facts.decision))
        .await
        .expect("its own")
        .receipt
        .expect("a receipt");
    let by_name = agent
        .get_receipt(ask::receipt_of_request("Decide", "ask"))
        .await
        .expect("its own");
    assert_eq!(by_name.receipt.map(|receipt| receipt.seq), Some(own.seq));
    assert_eq!(
        agent
            .trace(ask::trace(facts.correlation))
            .await
            .expect("its own")
            .receipts
            .len(),
        1
    );

    let denied = |what: &str, result: Result<(), Status>| {
        drop(Refused::of(what, result).code(what, Code::PermissionDenied));
    };
    for (who, client) in [("agent", &other), ("recorder", &recorder)] {
        denied(
            who,
            client
                .get_receipt(ask::receipt_of(facts.decision))
                .await
                .map(drop),
        );
        denied(who, client.get_receipt(ask::receipt_of(0)).await.map(drop));
        denied(
            who,
            client.trace(ask::trace(facts.correlation)).await.map(drop),
        );
    }
    // A request's name is the caller's own: another's request of that name is none of theirs.
    let what = "another's request";
    Refused::of(
        what,
        other
            .get_receipt(ask::receipt_of_request("Decide", "ask"))
            .await,
    )
    .code(what, Code::NotFound);

    // A correlation id makes nothing anybody's: each reads what it made, whoever used the id first.
    let joined = other
        .decide(ask::act("ask", facts.correlation, "crm.read"))
        .await
        .expect("decided");
    let joined = site::seq(joined.receipt);
    other
        .get_receipt(ask::receipt_of(joined))
        .await
        .expect("its own entry");
    let traced = |reply: pb::TraceReply| -> Vec<u64> {
        reply.receipts.iter().map(|receipt| receipt.seq).collect()
    };
    let reply = other.trace(ask::trace(facts.correlation)).await;
    assert_eq!(traced(reply.expect("its own")), [joined]);
    denied(
        "the opener's entry",
        other
            .get_receipt(ask::receipt_of(facts.decision))
            .await
            .map(drop),
    );
    denied(
        "the entry of one who joined",
        agent.get_receipt(ask::receipt_of(joined)).await.map(drop),
    );
    let reply = agent.trace(ask::trace(facts.correlation)).await;
    assert_eq!(traced(reply.expect("its own")), [facts.decision]);
    // What others report on one's decision is readable; what they report on their own is not.
    let report = ask::executed("report", facts.correlation, facts.decision);
    let report = recorder.record(report).await.expect("recorded");
    let report = site::seq(report.receipt);
    agent
        .get_receipt(ask::receipt_of(report))
        .await
        .expect("a report on its decision");
    denied(
        "a report on another's decision",
        other.get_receipt(ask::receipt_of(report)).await.map(drop),
    );
    let reply = agent.trace(ask::trace(facts.correlation)).await;
    assert_eq!(traced(reply.expect("its own")), [facts.decision, report]);
    let beyond = pb::TraceRequest {
        from_seq: report + 1,
        ..ask::trace(facts.correlation)
    };
    let reply = agent.trace(beyond).await;
    assert_eq!(traced(reply.expect("nothing more")), Vec::<u64>::new());
    let reply = recorder.trace(ask::trace(facts.correlation)).await;
    assert_eq!(traced(reply.expect("its own")), [report]);
    assert_eq!(
        site.operator
            .trace(ask::trace(facts.correlation))
            .await
            .expect("all of it")
            .receipts
            .len(),
        3
    );
}

/// Reading what is private is an entry, there before the first byte; reading what is not is none.
#[tokio::test]
async fn reading_what_is_private_is_recorded() {
    let (site, _, facts) = house().await;
    let compliance = site.principal("compliance.desk", Role::Compliance).await;
    for name in Call::ALL {
        let before = site.operator.size().await;
        let recorded = match name {
            Call::GetEvidence
            | Call::GetPack
            | Call::GetDetail
            | Call::Disclose
            | Call::Export
            | Call::Tokenise
            | Call::CheckDnc => true,
            Call::GetCheckpoint
            | Call::GetReceipt
            | Call::GetConsistency
            | Call::Trace
            | Call::ListPrincipals
            | Call::ShowPolicy
            | Call::Status
            | Call::ListApprovals
            | Call::ListOpen
            | Call::List
            | Call::Tail => false,
            _ => continue,
        };
        call(name, &compliance, &facts)
            .await
            .unwrap_or_else(|status| panic!("{name}: {status}"));
        assert_eq!(
            site.operator.size().await - before,
            u64::from(recorded),
            "{name}"
        );
        if recorded {
            let receipt = site
                .operator
                .get_receipt(ask::receipt_of(before))
                .await
                .expect("a receipt")
                .receipt;
            let entry = ledger_tests::Line::parse(&receipt.expect("a receipt").entry);
            assert_eq!(
                (entry.text("kind"), entry.text("call")),
                ("access", name.as_str())
            );
            assert_eq!(entry.0["actor"]["id"], "compliance.desk");
        }
    }
}
