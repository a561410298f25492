//! A sandbox from end to end: whom it reaches, what it keeps, how a policy leaves it, and what a policy
//! would have changed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use ledger_core::entry::{Body, Entry};
use ledger_core::policy::policy_hash;
use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::site::{fresh, interface_role, seq};
use ledger_tests::{Client, Credential, Ctl, Refused, Site};

const SENDER: &str = "agent.outbound.sender";
const ORIGIN: &str = "sandbox.test/e2e";

const POLICY: &str = r#"version = 1

[[grant]]
id = "outbound-sends"
agent = "agent.outbound.sender"
actions = ["email.send"]
sellers = ["acme"]
mailboxes = ["outreach-1"]
approval = "waived"

[[throttle]]
id = "mailbox-day"
actions = ["email.send"]
per = "mailbox"
limit = 3
window = "1d"

[sandbox]
fake_domains = ["fake-northwind.com"]
clear = ["/status", "/deals/0/stage"]
"#;

/// What must not be readable in a sandbox's store.
const PEOPLE: [&str; 4] = [
    "ines.example-person@reach.example",
    "ines.example-person",
    "crm-contact-4711",
    "otto.somebody@northwind.example",
];
const RATIONALE: &str = "because-the-renewal-of-ines-is-due";
const SECRET: &str = "hunter2-is-a-secret";
const SUBJECT: &str = "dear-ines-your-renewal";

async fn principal(site: &Site, id: &str, role: Role, groups: &[&str]) -> Client {
    let credential = Credential::of(id);
    let request = with(
        ask::principal(&fresh("principal"), id, interface_role(role), &credential),
        |request| request.groups = groups.iter().map(|group| (*group).to_owned()).collect(),
    );
    site.operator.put_principal(request).await.expect("added");
    site.daemon.client(credential)
}

fn mail(address: &str) -> pb::DecideRequest {
    ask::email(&fresh("ask"), "run-1", address, "crm-contact-4711")
}

fn denied(reply: &pb::DecideReply) -> bool {
    reply.outcome() == pb::Outcome::Deny
        && format!("{:?}", reply.reasons).contains("sandbox.recipient")
}

#[tokio::test]
async fn a_sandbox_reaches_nobody_and_keeps_nothing_readable() {
    let site = Site::sandbox(ORIGIN).await;
    site.publish(POLICY).await;
    let agent = principal(&site, SENDER, Role::Agent, &[]).await;
    let compliance = principal(&site, "compliance.desk", Role::Compliance, &[]).await;
    let params = format!(
        r#"{{"status":"open","subject":"{SUBJECT}","to":["{}"],"count":12.50,"password":"{SECRET}","deals":[{{"stage":"won","by":"{}"}}]}}"#,
        PEOPLE[0], PEOPLE[3]
    );
    let request = with(mail(PEOPLE[0]), |request| {
        request.details = vec![
            ask::detail(pb::DetailName::Params, params.clone()),
            ask::detail(pb::DetailName::Rationale, RATIONALE),
        ];
    });
    let reply = agent.decide(request.clone()).await.expect("decided");
    assert_eq!(reply.outcome(), pb::Outcome::Allow, "{:?}", reply.reasons);
    let decision = reply.receipt.expect("a receipt").seq;
    // Content is over the request as received: the same is a repetition, another string is not.
    let again = agent.decide(request.clone()).await.expect("repeated");
    assert_eq!(again.receipt.expect("a receipt").seq, decision);
    let other = with(request, |request| {
        request.details[1] = ask::detail(pb::DetailName::Rationale, "another reason");
    });
    Refused::of("another rationale", agent.decide(other).await);

    for (address, reaches) in [
        ("kim@example.com", true),
        ("kim@mail.fake-northwind.com", true),
        ("kim@northwind.com", false),
        ("kim@test.northwind.com", false),
    ] {
        let reply = agent.decide(mail(address)).await.expect("decided");
        assert_eq!(denied(&reply), !reaches, "{address}: {:?}", reply.reasons);
    }

    // What is handed out is what is kept.
    let detail = |name: pb::DetailName| {
        compliance.get_detail(pb::GetDetailRequest {
            seq: decision,
            name: name.into(),
        })
    };
    let shown = detail(pb::DetailName::Params)
        .await
        .expect("a detail")
        .value;
    let shown: serde_json::Value = serde_json::from_slice(&shown).expect("still JSON");
    assert_eq!(shown["status"], "open");
    assert_eq!(shown["deals"][0]["stage"], "won");
    assert_eq!(shown["password"], "[redacted]");
    assert_eq!(shown["count"].to_string(), "12.5");
    for value in [&shown["subject"], &shown["to"][0], &shown["deals"][0]["by"]] {
        let text = value.as_str().expect("a string");
        assert!(text.starts_with("token:") && text.len() == 6 + 64, "{text}");
    }
    let shown = detail(pb::DetailName::Rationale)
        .await
        .expect("a detail")
        .value;
    assert!(shown.starts_with(b"token:"), "{shown:?}");
    let raw = detail(pb::DetailName::Recipients).await;
    Refused::of("the raw recipients", raw);

    let Site {
        daemon,
        ledger,
        operator,
    } = site;
    let log = operator.export().await.expect("exported");
    for line in &log.entries {
        let entry = Entry::decode(line).expect("an entry");
        assert!(entry.sandbox, "{}", String::from_utf8_lossy(line));
    }
    daemon.stop().await;
    ledger_tests::Verifier::of(&ledger).whole(&ledger.export("export"));
    let mut kept = 0;
    for path in files(&ledger.data()) {
        let content = fs::read(&path).expect("a file of the ledger's");
        let holds = |form: &str| content.windows(form.len()).any(|at| at == form.as_bytes());
        for form in PEOPLE.iter().chain(&[RATIONALE, SECRET, SUBJECT]) {
            assert!(!holds(form), "`{form}` stands in `{}`", path.display());
        }
        kept += usize::from(holds("token:"));
    }
    assert!(kept > 0, "masked details are kept");
}

#[tokio::test]
async fn a_policy_is_promoted_by_its_receipt_and_an_approval() {
    let sandbox = Site::sandbox(ORIGIN).await;
    sandbox.publish(POLICY).await;
    let receipt = shown(&sandbox.ledger.path("tried.tlog-proof"));
    Ctl::operator(&sandbox.ledger)
        .run(&["policy", "receipt", "--out", &receipt])
        .expect(0)
        .says(&["Receipt of policy", "tried.tlog-proof"]);

    let prod = Site::open().await;
    let folder = prod.ledger.path("policy");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("policy.toml"), POLICY).expect("a policy");
    let folder = shown(&folder);
    let ctl = Ctl::operator(&prod.ledger);
    let promote = |approval: u64| {
        let approval = approval.to_string();
        ctl.run(&[
            "policy",
            "promote",
            &folder,
            "--receipt",
            &receipt,
            "--approval",
            &approval,
        ])
    };
    promote(1).refuses(&["no key of the ledger `sandbox.test/e2e` is trusted here"]);
    let trust = pb::KeyRequest {
        header: ask::header("trust"),
        key: sandbox.ledger.vkey(),
    };
    let key = prod
        .operator
        .control()
        .trust_key(trust)
        .await
        .expect("trusted");
    let key = seq(key.into_inner().receipt);
    promote(1).refuses(&[
        "promotion.approval",
        "expected the seq of an entry that approves the policy",
    ]);

    let approver = principal(&prod, "revops.one", Role::Approver, &["revops"]).await;
    let sha256 = policy_hash(&[("policy.toml", POLICY)]);
    let answer = pb::AnswerApprovalRequest {
        header: ask::header("approve"),
        of: Some(pb::answer_approval_request::Of::PolicySha256(
            sha256.as_bytes().to_vec().into(),
        )),
        verdict: pb::Verdict::Granted.into(),
        details: Vec::new(),
    };
    let approval = approver
        .control()
        .answer_approval(answer)
        .await
        .expect("approved");
    let approval = seq(approval.into_inner().receipt);
    promote(approval)
        .expect(0)
        .says(&["is in force", "sandbox.test/e2e", "revops.one"]);
    promote(approval).refuses(&["has used it up"]);
    // Another text than was tried.
    fs::write(
        Path::new(&folder).join("policy.toml"),
        format!("{POLICY}# more\n"),
    )
    .expect("a policy");
    promote(approval).refuses(&["the sandbox published the policy"]);

    let log = prod.operator.export().await.expect("exported");
    let promoted =
        log.entries
            .iter()
            .find_map(|line| match Entry::decode(line).expect("an entry").body {
                Body::Policy(policy) => policy.promotion,
                _ => None,
            });
    let promoted = promoted.expect("a promoted policy");
    assert_eq!((promoted.key, promoted.approval), (key, approval));
    assert_eq!(
        (promoted.origin.as_str(), promoted.approver.as_str()),
        (ORIGIN, "revops.one")
    );
    let Site { daemon, ledger, .. } = prod;
    daemon.stop().await;
    ledger_tests::Verifier::of(&ledger).whole(&ledger.export("export"));
}

#[tokio::test]
async fn a_dry_run_over_an_export_shows_what_would_change() {
    let site = Site::open().await;
    site.publish(POLICY).await;
    let agent = principal(&site, SENDER, Role::Agent, &[]).await;
    let mut outcomes = Vec::new();
    for at in 0..4 {
        let address = format!("kim{at}@northwind.com");
        let reply = agent.decide(mail(&address)).await.expect("decided");
        outcomes.push(reply.outcome());
    }
    assert_eq!(outcomes[..3], [pb::Outcome::Allow; 3]);
    assert_eq!(outcomes[3], pb::Outcome::Deny);
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    let export = shown(&ledger.export("export"));
    let ctl = Ctl::operator(&ledger);
    let folder = ledger.path("policy");
    fs::create_dir(&folder).expect("a folder");
    let path = shown(&folder);
    let try_policy = |text: &str| {
        fs::write(folder.join("policy.toml"), text).expect("a policy");
        let words = ["policy", "dry-run", &path, "--export", &export];
        (ctl.run(&words).expect(0), ctl.json(&words))
    };
    let (same, json) = try_policy(POLICY);
    same.says(&["No outcome would change", "4 decisions"]);
    assert_eq!(json["changed"], 0);
    let (tighter, json) = try_policy(&POLICY.replace("limit = 3", "limit = 1"));
    tighter.says(&[
        "2 decisions would change",
        "throttle.exceeded (mailbox-day)",
    ]);
    assert_eq!(json["changed"], 2);
    assert_eq!(json["changes"][0]["recorded"]["outcome"], "allow");
    assert_eq!(json["changes"][0]["candidate"]["outcome"], "deny");
    let (renamed, json) = try_policy(&POLICY.replace("outreach-1", "outreach-2"));
    renamed.says(&["not judged:", "`outreach-2`", "decisions that hang"]);
    assert_eq!(
        (json["changed"].as_u64(), json["unjudged"].as_u64()),
        // The fourth is denied by the throttle's count of what was recorded, whatever the mailbox is.
        (Some(0), Some(3))
    );
    let (asked, json) = try_policy(&POLICY.replace("approval = \"waived\"\n", ""));
    // The fourth, too: where the throttle counts no allow any more, it would ask as well.
    asked.says(&["require approval", "tier.approval"]);
    assert_eq!(json["changed"], 4);
}

fn shown(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
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
