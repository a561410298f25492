//! Who stands where in clear: not in the log, not in the daemon's own words, and on the disk no more
//! than was meant to be kept.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Ctl, Refused, Site, sales_policy};

const SENDER: &str = "agent.outbound.sender";

/// Somebody who is written to.
const RECIPIENT: [&str; 3] = [
    "ines.example-person@reach.example",
    "crm-contact-4711",
    "+44 20 7946 0123",
];
/// Somebody who is on the list, and is never written to.
const LISTED: [&str; 3] = [
    "otto.example-person@unreach.example",
    "crm-contact-4712",
    "+44 20 7946 0456",
];
/// What an agent says of an action.
const DETAIL: &str = "because-the-renewal-of-ines-is-due";
/// What no agent should have sent along.
const SECRET: &str = "hunter2-is-a-secret";

fn identifiers([email, contact, phone]: [&str; 3]) -> pb::Identifiers {
    pb::Identifiers {
        phone: phone.into(),
        ..ask::person(email, contact)
    }
}

/// Every form in which one of them would be recognised.
fn forms(identifiers: [&str; 3]) -> Vec<String> {
    let [email, contact, phone] = identifiers;
    let digits: String = phone
        .chars()
        .filter(|digit| *digit == '+' || digit.is_ascii_digit())
        .collect();
    let local = email.split('@').next().unwrap_or_default();
    vec![
        email.to_owned(),
        local.to_owned(),
        contact.to_owned(),
        phone.to_owned(),
        digits,
    ]
}

/// A busy day, at the daemon's most talkative: allows, denials, errors, disclosures, a stop.
async fn day() -> Site {
    let site = Site::run_with(&["--log", "trace"]).await;
    site.publish(&sales_policy()).await;
    let agent = site.principal(SENDER, Role::Agent).await;
    let compliance = site.principal("compliance.desk", Role::Compliance).await;
    site.list(vec![ask::listing(ask::someone(identifiers(LISTED)))])
        .await;
    let params = format!(
        r#"{{"subject":"hello","password":"{SECRET}","nested":[{{"api_key":"{SECRET}"}}]}}"#
    );
    let request = with(ask::email("ask-1", "run-1", "", ""), |request| {
        request.recipients = vec![ask::to(identifiers(RECIPIENT))];
        request.details = vec![
            ask::detail(pb::DetailName::Params, params),
            ask::detail(pb::DetailName::Rationale, DETAIL),
        ];
    });
    let reply = agent.decide(request.clone()).await.expect("decided");
    assert_eq!(reply.outcome(), pb::Outcome::Allow, "{:?}", reply.reasons);
    let decision = reply.receipt.expect("a receipt").seq;
    let report = with(ask::executed("report-1", "run-1", decision), |report| {
        report.details = vec![ask::detail(pb::DetailName::Response, DETAIL)];
    });
    agent.record(report).await.expect("recorded");

    // Errors, each about something personal: what is refused is not repeated.
    for (what, change) in [
        (
            "a correlation id",
            (|r| r.correlation_id = RECIPIENT[0].into()) as fn(&mut pb::DecideRequest),
        ),
        ("a campaign", |r| r.campaign = RECIPIENT[2].replace(' ', "")),
        ("a mailbox", |r| {
            r.mailbox = format!("{} {}", RECIPIENT[0], RECIPIENT[0]);
        }),
        ("an address", |r| {
            r.recipients[0].identifiers = Some(ask::person(&RECIPIENT[0].repeat(20), ""));
        }),
        ("a detail", |r| r.details[0].value = SECRET.into()),
        ("a reused request id", |r| r.seller = "globex".into()),
    ] {
        let refused = Refused::of(what, agent.decide(with(request.clone(), change)).await);
        let told = refused.0.message();
        let said = forms(RECIPIENT)
            .into_iter()
            .chain([SECRET.to_owned()])
            .find(|form| told.contains(form.as_str()));
        assert_eq!(said, None, "{what}: {told}");
    }
    let nobody = site
        .daemon
        .client_with(Some("Bearer 00112233445566778899aabbccddeeff"));
    Refused::of("a stranger", nobody.decide(request).await);

    let person = Some(identifiers(LISTED));
    let subject = Some(ask::someone(identifiers(LISTED)));
    site.operator
        .check_dnc(pb::CheckDncRequest {
            subject,
            ..Default::default()
        })
        .await
        .expect("checked");
    compliance
        .disclose(pb::DiscloseRequest {
            identifiers: person,
        })
        .await
        .expect("disclosed");
    let detail = pb::GetDetailRequest {
        seq: decision,
        name: pb::DetailName::Rationale.into(),
    };
    let detail = compliance
        .get_detail(detail)
        .await
        .expect("whoever may reads it");
    assert_eq!(detail.value, DETAIL.as_bytes());
    let detail = pb::GetDetailRequest {
        seq: decision,
        name: pb::DetailName::Params.into(),
    };
    let detail = compliance
        .get_detail(detail)
        .await
        .expect("whoever may reads it");
    let params = String::from_utf8(detail.value.to_vec()).expect("UTF-8");
    assert!(
        params.contains("hello") && !params.contains(SECRET),
        "{params}"
    );
    site.operator
        .stop(ask::stop("stop", pb::scope::Of::All(true)))
        .await
        .expect("stopped");
    Ctl::operator(&site.ledger)
        .run(&["trace", "run-1"])
        .expect(0);
    site
}

#[tokio::test]
async fn the_daemon_talks_without_naming_anybody() {
    let site = day().await;
    let said = site.daemon.said();
    assert!(said.contains("serving"), "it says something at all: {said}");
    let credentials =
        [SENDER, "compliance.desk"].map(|id| ledger_tests::Credential::of(id).to_hex());
    let private = forms(RECIPIENT)
        .into_iter()
        .chain(forms(LISTED))
        .chain([DETAIL, SECRET].map(str::to_owned))
        .chain(credentials)
        .chain([
            site.ledger.operator().to_hex(),
            "00112233445566778899aabbccddeeff".to_owned(),
        ])
        .chain(keys(&site.ledger.data()));
    for form in private {
        let found = said.lines().find(|line| line.contains(&form));
        assert_eq!(found, None, "`{form}` stands in the daemon's log");
    }
}

#[tokio::test]
async fn the_disk_keeps_what_was_meant_to_be_kept() {
    let Site {
        daemon,
        ledger,
        operator,
    } = day().await;
    let log = operator.export().await.expect("an operator may export");
    daemon.stop().await;
    for form in forms(RECIPIENT)
        .into_iter()
        .chain(forms(LISTED))
        .chain([DETAIL, SECRET].map(str::to_owned))
    {
        for entry in &log.entries {
            let text = String::from_utf8_lossy(entry);
            assert!(!text.contains(&form), "`{form}` stands in the log: {text}");
        }
    }
    let credentials = [SENDER, "compliance.desk"].map(ledger_tests::Credential::of);
    let hex = credentials.map(|credential| credential.to_hex());
    let mut kept = 0;
    for path in files(&ledger.data()) {
        let content = fs::read(&path).expect("a file of the ledger's");
        let holds = |form: &str| content.windows(form.len()).any(|at| at == form.as_bytes());
        let within = path
            .strip_prefix(ledger.data())
            .expect("within the data directory");
        // Whoever is only listed is known by tokens alone, and a secret was never kept at all.
        for form in forms(LISTED)
            .iter()
            .map(String::as_str)
            .chain([SECRET])
            .chain(hex.iter().map(String::as_str))
        {
            assert!(!holds(form), "`{form}` stands in `{}`", within.display());
        }
        // What a request said of its recipients is a detail: in the store, and never in the views.
        let details = holds(RECIPIENT[0]) || holds(DETAIL);
        assert!(
            !details || within.starts_with("log"),
            "details stand in `{}`",
            within.display()
        );
        kept += usize::from(details);
    }
    assert!(kept > 0, "details are kept");
}

#[tokio::test]
async fn files_are_their_owners_alone() {
    let site = day().await;
    let mode = |path: PathBuf| {
        let found =
            fs::metadata(&path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()));
        found.permissions().mode() & 0o777
    };
    let data = site.ledger.data();
    assert_eq!(mode(data.clone()), 0o700, "the data directory");
    for key in ["signing.key", "subject.key", "content.key"] {
        assert_eq!(mode(data.join("keys").join(key)), 0o600, "{key}");
    }
    assert_eq!(
        mode(site.ledger.operator_file()),
        0o600,
        "the operator's credential"
    );
    assert_eq!(mode(site.ledger.socket()) & 0o007, 0, "the socket");
    let new = site.ledger.path("made.credential");
    let text = new.to_str().expect("UTF-8");
    Ctl::operator(&site.ledger)
        .run(&[
            "principal",
            "put",
            "agent.made",
            "--role",
            "agent",
            "--credential-out",
            text,
        ])
        .expect(0);
    assert_eq!(mode(new), 0o600, "a credential that ledgerctl has made");
}

/// The secret keys of a ledger, as their files have them.
fn keys(data: &Path) -> Vec<String> {
    let files = files(&data.join("keys"));
    assert_eq!(files.len(), 3);
    files
        .iter()
        .map(|file| fs::read_to_string(file).expect("a key").trim().to_owned())
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for item in fs::read_dir(folder).expect("a folder of the ledger's") {
        let path = item.expect("an item").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.is_file() {
            files.push(path);
        }
    }
    files
}
