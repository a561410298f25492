//! The list, principals, stops: what they must be told, and what must be there.

use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Credential, Ledger, site};
use pb::scope::Of;
use tonic::Code;

use crate::house::{House, SENDER, Write, add, exempt, principal, resume};

#[tokio::test]
async fn lists_and_scopes_are_complete() {
    let house = House::open().await;
    let listed = house.send(add(|_| {})).await.expect("a listing");
    let in_an_hour = || Some(ask::seconds_from_now(3_600));
    let unlist = |change: fn(&mut pb::RemoveDncRequest)| {
        Write::RemoveDnc(with(ask::unlist(&site::fresh("end"), listed, 0), change))
    };
    let person = |email: &str| {
        Some(ask::someone(pb::Identifiers {
            email: email.into(),
            ..Default::default()
        }))
    };
    let phone = |phone: &str| {
        Some(ask::someone(pb::Identifiers {
            phone: phone.into(),
            ..Default::default()
        }))
    };
    let cases: Vec<(&str, Write, &str)> = vec![
        (
            "no listing",
            Write::AddDnc(ask::list("none", Vec::new())),
            "listings",
        ),
        (
            "no subject",
            add(|l| l.subject = None),
            "listings[0].subject",
        ),
        (
            "nobody",
            add(|l| l.subject = Some(ask::someone(pb::Identifiers::default()))),
            "listings[0].subject.person",
        ),
        (
            "no address",
            add(|l| l.subject = person("ben")),
            "listings[0].subject.person.email",
        ),
        (
            "no number",
            add(|l| l.subject = phone("0151 2345678")),
            "listings[0].subject.person.phone",
        ),
        (
            "no domain",
            add(|l| l.subject = Some(ask::domain("buyer example"))),
            "listings[0].subject.domain",
        ),
        (
            "a person and their company",
            add(|l| {
                let both = pb::Identifiers {
                    account_id: "a-1".into(),
                    ..ask::person("ben@buyer.example", "c-2")
                };
                l.subject = Some(ask::someone(both));
            }),
            "listings[0].subject.person.account_id",
        ),
        (
            "evidence",
            add(|l| l.evidence_sha256 = vec![1; 31].into()),
            "listings[0].evidence_sha256",
        ),
        (
            "an own request that expires",
            add(|l| l.expires_at = in_an_hour()),
            "listing.expires_at",
        ),
        (
            "an own request that waits",
            add(|l| l.effective_from = in_an_hour()),
            "listing.effective_from",
        ),
        (
            "a listing that is over",
            add(|l| {
                l.reason = pb::ListingReason::Manual.into();
                l.expires_at = Some(ask::seconds_from_now(-60));
            }),
            "listing.expires_at",
        ),
        ("no end named", unlist(|r| r.ends.clear()), "ends"),
        (
            "an end without index",
            unlist(|r| r.ends[0].index = None),
            "ends[0].index",
        ),
        (
            "an end that is no listing",
            unlist(|r| r.ends[0].index = Some(1)),
            "ends",
        ),
        (
            "an end named twice",
            unlist(|r| r.ends.push(r.ends[0])),
            "ends",
        ),
        (
            "no evidence for an end",
            unlist(|r| r.evidence_sha256.clear()),
            "evidence_sha256",
        ),
        (
            "no reason for an end",
            unlist(|r| r.details.clear()),
            "details",
        ),
        (
            "nobody exempt",
            exempt(|e| e.person = None),
            "exemptions[0].person",
        ),
        (
            "a company exempt",
            exempt(|e| {
                e.person = Some(pb::Identifiers {
                    account_id: "a-1".into(),
                    ..Default::default()
                });
            }),
            "exemptions[0].person.account_id",
        ),
        (
            "exempt for everybody",
            exempt(|e| e.seller.clear()),
            "exemptions[0].seller",
        ),
        (
            "exempt by no channel",
            exempt(|e| e.channels.clear()),
            "exemptions[0].channels",
        ),
        (
            "exempt for ever",
            exempt(|e| e.expires_at = None),
            "exemptions[0].expires_at",
        ),
        (
            "exempt until yesterday",
            exempt(|e| e.expires_at = Some(ask::seconds_from_now(-60))),
            "exemption.expires_at",
        ),
        (
            "exempt without consent",
            exempt(|e| e.evidence_sha256.clear()),
            "exemptions[0].evidence_sha256",
        ),
        (
            "no credential",
            principal(|p| p.credential_sha256.clear()),
            "credential_sha256",
        ),
        (
            "half a credential",
            principal(|p| p.credential_sha256 = vec![1; 16].into()),
            "credential_sha256",
        ),
        (
            "group twice",
            principal(|p| p.groups = vec!["a".into(), "a".into()]),
            "groups[1]",
        ),
        (
            "another role",
            principal(|p| SENDER.clone_into(&mut p.id)).an_auditor(),
            "role",
        ),
        (
            "no scope",
            Write::Stop(with(ask::stop("s", Of::All(true)), |s| s.scope = None)),
            "scope",
        ),
        (
            "a scope of nothing",
            Write::Stop(ask::stop("s", Of::All(false))),
            "scope.all",
        ),
        (
            "no reason to resume",
            resume(|r| r.details.clear()),
            "details",
        ),
    ];
    house.refuses_all(cases).await;

    let last_operator = pb::RevokePrincipalRequest {
        header: ask::header("r"),
        id: Ledger::OPERATOR.into(),
    };
    let nobody = pb::RevokePrincipalRequest {
        header: ask::header("r"),
        id: "agent.nobody".into(),
    };
    let sender = Credential::of(SENDER).sha256().0.to_vec();
    for (what, write, words) in [
        (
            "the last operator",
            Write::Revoke(last_operator),
            ["last operator", "nobody could resume"],
        ),
        (
            "nobody to revoke",
            Write::Revoke(nobody),
            ["agent.nobody", "not registered"],
        ),
        (
            "somebody's credential",
            principal(|p| p.credential_sha256 = sender.into()),
            [SENDER, "make a new one"],
        ),
        (
            "nothing to resume",
            resume(|_| {}),
            ["no stop of exactly this scope", "`Status`"],
        ),
    ] {
        house
            .refuses(what, write, Code::FailedPrecondition)
            .await
            .says(what, &words);
    }
}
