use ledger_core::entry::{Entry, ListingReason};
use ledger_core::hash::Hash;
use ledger_core::limits::LISTING_KEYS_MAX;
use ledger_core::role::Role;
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, SubjectKey};
use wire::subject::Of;

use super::super::decide::tests::{intake, refused};
use super::*;

fn desk() -> Caller {
    Caller::test("compliance.desk", Role::Compliance)
}

fn header() -> wire::WriteHeader {
    wire::WriteHeader {
        request_id: "dnc-1".to_owned(),
        correlation_id: String::new(),
    }
}

fn ann() -> wire::Identifiers {
    wire::Identifiers {
        email: "Ann+x@Example.org".to_owned(),
        phone: "+49 (151) 123-45678".to_owned(),
        contact_id: "c-1".to_owned(),
        account_id: String::new(),
    }
}

fn time(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos: 0 }
}

fn listing(of: Of) -> wire::Listing {
    wire::Listing {
        subject: Some(wire::Subject { of: Some(of) }),
        seller: "acme".to_owned(),
        channels: vec![wire::Channel::Email.into()],
        reason: wire::ListingReason::Unsubscribe.into(),
        source: "hubspot".to_owned(),
        requested_at: Some(time(3)),
        effective_from: None,
        expires_at: None,
        evidence_sha256: vec![7; 32].into(),
    }
}

fn exemption() -> wire::Exemption {
    wire::Exemption {
        person: Some(ann()),
        seller: "acme".to_owned(),
        channels: vec![wire::Channel::Email.into()],
        expires_at: Some(time(9)),
        evidence_sha256: vec![7; 32].into(),
    }
}

fn reason() -> wire::Detail {
    wire::Detail {
        name: wire::DetailName::Reason.into(),
        value: "they asked".into(),
    }
}

fn removal() -> wire::RemoveDncRequest {
    wire::RemoveDncRequest {
        header: Some(header()),
        ends: vec![wire::Cite {
            seq: 4,
            index: Some(0),
        }],
        evidence_sha256: vec![7; 32].into(),
        details: vec![reason()],
    }
}

fn add(listings: Vec<wire::Listing>) -> Result<Command, CallError> {
    let request = wire::AddDncRequest {
        header: Some(header()),
        listings,
        details: Vec::new(),
        import: None,
    };
    intake().add_dnc(&desk(), &Redact::default_rule(), request)
}

fn exempt(exemptions: Vec<wire::Exemption>) -> Result<Command, CallError> {
    let request = wire::ExemptDncRequest {
        header: Some(header()),
        exemptions,
        details: Vec::new(),
    };
    intake().exempt_dnc(&desk(), &Redact::default_rule(), request)
}

fn dnc(command: Result<Command, CallError>) -> Dnc {
    let command = command.expect("well-formed");
    match command.body {
        Body::Dnc(dnc) => {
            let imported = dnc.import.is_some();
            assert_eq!(command.lane == Lane::Control, !imported, "imports wait");
            dnc
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_person_is_listed_under_every_key_of_their_own_and_nobody_elses() {
    let dnc = dnc(add(vec![
        listing(Of::Person(ann())),
        listing(Of::Domain("@Example.org".into())),
    ]));
    let key = SubjectKey::new([1; 32]);
    let keys: Vec<_> = dnc.listings[0]
        .keys
        .iter()
        .map(|key| (key.kind.clone(), key.token))
        .collect();
    let expected = [
        (Kind::Email, "ann+x@example.org"),
        (Kind::EmailCanonical, "ann@example.org"),
        (Kind::Phone, "+4915112345678"),
        (Kind::Contact, "c-1"),
    ]
    .map(|(kind, id)| (kind.clone(), key.token(&kind, id)));
    assert_eq!(keys, expected);
    assert_eq!(dnc.listings[0].reason, Some(ListingReason::Unsubscribe));
    assert_eq!(dnc.listings[0].evidence, Some(Hash([7; 32])));
    assert_eq!(
        dnc.listings[1].keys[0].token,
        key.token(&Kind::Domain, "example.org")
    );
    assert_eq!(dnc.tokens_v, Some(1));
    assert!(dnc.details.is_empty(), "who was listed is not kept");
}

#[test]
fn an_exemption_is_of_one_person_and_has_no_reason() {
    let dnc = dnc(exempt(vec![exemption()]));
    assert_eq!(
        (dnc.op, dnc.cause.call),
        (DncOp::Exempt, Some(Call::ExemptDnc))
    );
    assert_eq!(dnc.listings[0].reason, None);
    assert!(
        dnc.listings[0]
            .keys
            .iter()
            .all(|key| !matches!(key.kind, Kind::Domain | Kind::Account))
    );
}

#[test]
fn bad_listings_are_refused_by_the_field() {
    use wire::Listing as L;
    let good = || listing(Of::Person(ann()));
    let someone = |identifiers| listing(Of::Person(identifiers));
    let empty = wire::Identifiers::default();
    for (what, bad, field) in [
        (
            "no subject",
            L {
                subject: None,
                ..good()
            },
            "subject",
        ),
        (
            "an empty subject",
            L {
                subject: Some(wire::Subject { of: None }),
                ..good()
            },
            "subject",
        ),
        ("nobody", someone(empty.clone()), "subject.person"),
        (
            "no address",
            someone(wire::Identifiers {
                email: "ann".into(),
                ..empty.clone()
            }),
            "subject.person.email",
        ),
        (
            "no number",
            someone(wire::Identifiers {
                phone: "0151".into(),
                ..empty.clone()
            }),
            "subject.person.phone",
        ),
        (
            "a company beside",
            someone(wire::Identifiers {
                account_id: "a".into(),
                ..ann()
            }),
            "subject.person.account_id",
        ),
        (
            "a public suffix",
            listing(Of::Domain("co.uk".into())),
            "subject.domain",
        ),
        (
            "no company",
            listing(Of::AccountId(" ".into())),
            "subject.account_id",
        ),
        (
            "a seller with a space",
            L {
                seller: "a b".into(),
                ..good()
            },
            "seller",
        ),
        (
            "a seller in upper case",
            L {
                seller: "Acme".into(),
                ..good()
            },
            "seller",
        ),
        (
            "an unknown channel",
            L {
                channels: vec![1, 9],
                ..good()
            },
            "channels[1]",
        ),
        (
            "no reason",
            L {
                reason: 0,
                ..good()
            },
            "reason",
        ),
        (
            "an unknown reason",
            L {
                reason: 12,
                ..good()
            },
            "reason",
        ),
        (
            "a personal source",
            L {
                source: "a@b".into(),
                ..good()
            },
            "source",
        ),
        (
            "a time before 1970",
            L {
                requested_at: Some(time(-1)),
                ..good()
            },
            "requested_at",
        ),
        (
            "a start before 1970",
            L {
                effective_from: Some(time(-1)),
                ..good()
            },
            "effective_from",
        ),
        (
            "an end after 9999",
            L {
                expires_at: Some(time(i64::MAX)),
                ..good()
            },
            "expires_at",
        ),
        (
            "half a hash",
            L {
                evidence_sha256: vec![1; 16].into(),
                ..good()
            },
            "evidence_sha256",
        ),
    ] {
        let error = refused(add(vec![good(), bad]));
        assert_eq!(
            error.field,
            format!("listings[1].{field}"),
            "{what}: {error}"
        );
        assert!(
            !error.to_string().to_lowercase().contains("ann+"),
            "{what}: {error}"
        );
    }
    assert_eq!(refused(add(Vec::new())).field, "listings");
    assert_eq!(
        refused(add(vec![good(); LISTINGS_MAX + 1])).field,
        "listings"
    );
    let headless = wire::AddDncRequest {
        header: None,
        listings: vec![good()],
        details: Vec::new(),
        import: None,
    };
    assert_eq!(
        refused(intake().add_dnc(&desk(), &Redact::default_rule(), headless)).field,
        "header.request_id"
    );
}

#[test]
fn bad_exemptions_are_refused_by_the_field() {
    use wire::Exemption as E;
    for (what, bad, field) in [
        (
            "nobody",
            E {
                person: None,
                ..exemption()
            },
            "person",
        ),
        (
            "a company",
            E {
                person: Some(wire::Identifiers {
                    account_id: "a".into(),
                    ..ann()
                }),
                ..exemption()
            },
            "person.account_id",
        ),
        (
            "no seller",
            E {
                seller: String::new(),
                ..exemption()
            },
            "seller",
        ),
        (
            "a seller in upper case",
            E {
                seller: "acmE".into(),
                ..exemption()
            },
            "seller",
        ),
        (
            "no channels",
            E {
                channels: Vec::new(),
                ..exemption()
            },
            "channels",
        ),
        (
            "no end",
            E {
                expires_at: None,
                ..exemption()
            },
            "expires_at",
        ),
        (
            "no evidence",
            E {
                evidence_sha256: Vec::new().into(),
                ..exemption()
            },
            "evidence_sha256",
        ),
    ] {
        let error = refused(exempt(vec![bad]));
        assert_eq!(
            error.field,
            format!("exemptions[0].{field}"),
            "{what}: {error}"
        );
    }
    assert_eq!(refused(exempt(Vec::new())).field, "exemptions");
}

#[test]
fn bad_removals_are_refused_by_the_field() {
    use wire::RemoveDncRequest as R;
    for (what, bad, field) in [
        (
            "nothing",
            R {
                ends: Vec::new(),
                ..removal()
            },
            "ends",
        ),
        (
            "too much",
            R {
                ends: vec![
                    wire::Cite {
                        seq: 1,
                        index: Some(0)
                    };
                    51
                ],
                ..removal()
            },
            "ends",
        ),
        (
            "no index",
            R {
                ends: vec![wire::Cite {
                    seq: 1,
                    index: None,
                }],
                ..removal()
            },
            "ends[0].index",
        ),
        (
            "a seq too high",
            R {
                ends: vec![wire::Cite {
                    seq: 1 << 53,
                    index: Some(0),
                }],
                ..removal()
            },
            "ends[0].seq",
        ),
        (
            "no evidence",
            R {
                evidence_sha256: Vec::new().into(),
                ..removal()
            },
            "evidence_sha256",
        ),
        (
            "no reason",
            R {
                details: Vec::new(),
                ..removal()
            },
            "details",
        ),
    ] {
        let error = refused(intake().remove_dnc(&desk(), &Redact::default_rule(), bad));
        assert_eq!(error.field, field, "{what}: {error}");
    }
    let found = dnc(intake().remove_dnc(&desk(), &Redact::default_rule(), removal()));
    assert_eq!(
        (found.op, found.ends.len(), found.tokens_v),
        (DncOp::Unlist, 1, None)
    );
}

#[test]
fn the_largest_change_fits_its_entry() {
    let long = wire::Listing {
        seller: "x".repeat(64),
        source: "x".repeat(128),
        channels: vec![1, 2, 3, 4],
        reason: wire::ListingReason::NationalRegistry.into(),
        effective_from: Some(time(5)),
        expires_at: Some(time(6)),
        ..listing(Of::Person(ann()))
    };
    let request = wire::AddDncRequest {
        header: Some(wire::WriteHeader {
            request_id: "x".repeat(128),
            correlation_id: "x".repeat(128),
        }),
        listings: vec![long; LISTINGS_MAX],
        import: Some((1 << 53) - 1),
        details: (1..=11)
            .map(|name| wire::Detail {
                name,
                value: "{}".into(),
            })
            .collect(),
    };
    let command = intake().add_dnc(&desk(), &Redact::default_rule(), request);
    let dnc = dnc(command);
    assert!(dnc.listings[0].keys.len() <= LISTING_KEYS_MAX);
    let entry = Entry {
        seq: 1 << 52,
        time: Timestamp::MAX,
        sandbox: true,
        body: Body::Dnc(dnc),
    };
    assert!(
        entry.encode().is_ok(),
        "{:?}",
        entry.encode().map(|line| line.len())
    );
}
