//! What people write: credentials, listings, stops, policies.

use std::sync::Mutex;

use ledger_core::action::Channels;
use ledger_core::entry::{
    Body, Change, Dnc, DncOp, Key, Listing, ListingReason, PolicyEntry, PolicyFile,
    PrincipalChange, Scope, Stop,
};
use ledger_core::hash::Hash;
use ledger_core::policy::policy_hash;
use ledger_core::role::{Call, Role};
use ledger_core::token::{Kind, Token};
use ledger_proto::v1;
use tonic::Status;

use crate::Cli;
use crate::log::{Log, cause};
use crate::server::Behaviour;

/// A small log in which this is the last entry, and its receipt.
pub(crate) fn answer(body: Body) -> v1::WriteReply {
    let mut log = Log::of(3);
    let seq = log.append(body);
    v1::WriteReply {
        receipt: Some(log.receipt(seq)),
        repeated: false,
    }
}

/// What a call of an operator puts into an entry.
pub(crate) fn operator(call: Call, header: Option<v1::WriteHeader>) -> ledger_core::entry::Cause {
    let header = header.unwrap();
    cause(
        call,
        Role::Operator,
        "revops",
        &header.request_id,
        &header.correlation_id,
    )
}

/// Registers principals, or fails to.
struct Principals(Option<Status>);

impl Behaviour for Principals {
    fn put_principal(&self, request: v1::PutPrincipalRequest) -> Result<v1::WriteReply, Status> {
        if let Some(status) = &self.0 {
            return Err(status.clone());
        }
        Ok(answer(Body::Principal(PrincipalChange {
            cause: operator(Call::PutPrincipal, request.header),
            id: request.id,
            role: Role::Agent,
            groups: request.groups,
            credential: Some(Hash(request.credential_sha256[..].try_into().unwrap())),
            change: Change::Added,
        })))
    }
}

#[test]
fn a_new_principal_gets_a_credential_that_the_ledger_never_sees() {
    let cli = Cli::new(Principals(None));
    let run = cli.run("principal put agent.a --role agent --credential-out a.credential --json");
    assert_eq!(run.code, 0, "{}", run.err);
    let text = std::fs::read_to_string(cli.folder().join("a.credential")).unwrap();
    let sha256 = Hash::of(&hex::decode(text.trim()).unwrap()).to_string();
    assert_eq!(run.json()["entry"]["credential"], sha256);
    assert!(!run.out.contains(text.trim()));
}

#[test]
fn a_credential_made_for_nothing_is_taken_back_and_one_that_may_be_in_force_is_kept() {
    let refused = Cli::new(Principals(Some(Status::permission_denied("not you"))));
    let run = refused.run("principal put agent.a --role agent --credential-out a.credential");
    assert_eq!(run.code, 1);
    assert!(!refused.folder().join("a.credential").exists());
    let lost = Cli::new(Principals(Some(Status::unavailable("gone"))));
    let run = lost.run("principal put agent.a --role agent --credential-out a.credential");
    assert_eq!(run.code, 3);
    assert!(lost.folder().join("a.credential").exists());
    assert!(run.err.contains("--credential-sha256"), "{}", run.err);
}

#[test]
fn an_existing_credential_is_never_overwritten() {
    let cli = Cli::new(Principals(None));
    let before = std::fs::read(cli.folder().join("credential")).unwrap();
    for line in [
        "principal put agent.a --role agent --credential-out credential",
        "credential new --out credential",
    ] {
        let run = cli.run(line);
        assert_eq!(run.code, 2, "{}", run.err);
        assert!(run.err.contains("not overwritten"), "{}", run.err);
    }
    assert_eq!(
        std::fs::read(cli.folder().join("credential")).unwrap(),
        before
    );
    assert_eq!(cli.calls(), 0);
}

#[test]
fn an_entry_about_another_principal_is_refused() {
    // The ledger registers every caller as an agent.
    Cli::new(Principals(None))
        .run("principal put boss --role operator --credential-out c")
        .refused("role: asked for `operator`, the entry has `agent`");
}

/// A do-not-contact list that is changed by the calls it gets, up to one that breaks off.
struct Lists {
    ids: Mutex<Vec<(String, usize)>>,
    breaks_at: usize,
    seller: Option<String>,
}

impl Lists {
    fn new(breaks_at: usize, seller: Option<&str>) -> Self {
        Self {
            ids: Mutex::default(),
            breaks_at,
            seller: seller.map(str::to_owned),
        }
    }
}

impl Behaviour for std::sync::Arc<Lists> {
    fn add_dnc(&self, request: v1::AddDncRequest) -> Result<v1::WriteReply, Status> {
        let mut ids = self.ids.lock().unwrap();
        let id = request.header.as_ref().unwrap().request_id.clone();
        ids.push((id, request.listings.len()));
        if ids.len() == self.breaks_at {
            return Err(Status::unavailable("gone"));
        }
        let key = |kind| Key {
            kind,
            token: Token([0x51; 32]),
            v: None,
        };
        let listing = |_: &v1::Listing| Listing {
            keys: vec![key(Kind::Email), key(Kind::EmailCanonical)],
            seller: self.seller.clone(),
            channels: Channels::none(),
            reason: Some(ListingReason::Unsubscribe),
            source: None,
            requested_at: None,
            effective_from: None,
            expires_at: None,
            evidence: None,
        };
        Ok(answer(Body::Dnc(Dnc {
            listings: request.listings.iter().map(listing).collect(),
            cause: operator(Call::AddDnc, request.header),
            op: DncOp::List,
            tokens_v: Some(1),
            ends: Vec::new(),
            import: None,
            imports: None,
            imported: None,
            outcome: None,
            evidence: None,
            details: std::collections::BTreeMap::new(),
        })))
    }
}

fn list(people: usize) -> String {
    let lines: Vec<String> = (0..people)
        .map(|n| format!("person{n}@example.com\n"))
        .collect();
    lines.concat()
}

#[test]
fn a_list_goes_fifty_at_a_time_under_ids_that_can_be_repeated() {
    let lists = std::sync::Arc::new(Lists::new(0, None));
    let cli = Cli::new(std::sync::Arc::clone(&lists));
    std::fs::write(cli.folder().join("list"), list(120)).unwrap();
    let run = cli.run("dnc add --file list --reason unsubscribe --request-id r --json");
    assert_eq!(run.code, 0, "{}", run.err);
    let object = run.json();
    assert_eq!(object["listed"], 120);
    assert_eq!(object["calls"].as_array().unwrap().len(), 3);
    let sent: Vec<(String, usize)> = lists.ids.lock().unwrap().clone();
    assert_eq!(
        sent,
        [
            ("r-1".to_owned(), 50),
            ("r-2".to_owned(), 50),
            ("r-3".to_owned(), 20)
        ]
    );
}

#[test]
fn a_list_that_breaks_off_says_how_to_go_on() {
    let cli = Cli::new(std::sync::Arc::new(Lists::new(2, None)));
    std::fs::write(cli.folder().join("list"), list(120)).unwrap();
    let run = cli.run("dnc add --file list --reason unsubscribe --request-id r");
    assert_eq!(run.code, 3);
    assert!(
        run.err
            .contains("50 subjects are listed; to go on, repeat the command with `--request-id r`"),
        "{}",
        run.err
    );
}

#[test]
fn one_bad_line_and_nobody_is_listed() {
    let cli = Cli::new(std::sync::Arc::new(Lists::new(0, None)));
    std::fs::write(cli.folder().join("list"), format!("{}nobody\n", list(60))).unwrap();
    let run = cli.run("dnc add --file list --reason unsubscribe");
    assert_eq!(run.code, 2);
    assert!(run.err.contains("line 61: "), "{}", run.err);
    assert_eq!(cli.calls(), 0);
}

#[test]
fn a_listing_for_one_seller_where_all_were_meant_is_refused() {
    Cli::new(std::sync::Arc::new(Lists::new(0, Some("acme"))))
        .run("dnc add --email ada@example.com --reason unsubscribe")
        .refused("seller: asked for nothing, the entry has `acme`");
    Cli::new(std::sync::Arc::new(Lists::new(0, None)))
        .run("dnc add --email ada@example.com --phone +442079460000 --reason unsubscribe")
        .refused("kinds of key: asked for `email, email.canonical, phone`, the entry has `email, email.canonical`");
    let run = Cli::new(std::sync::Arc::new(Lists::new(0, None)))
        .run("dnc add --email ada@example.com --reason unsubscribe");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.starts_with("Listed 3/0: one person, not to be contacted by any channel on anybody's behalf (unsubscribe).\n"));
}

/// A kill switch that says it voided this many allows, and stops this agent.
struct Switch(u64, &'static str);

impl Behaviour for Switch {
    fn stop(&self, request: v1::StopRequest) -> Result<v1::StopReply, Status> {
        let reply = answer(Body::Stop(Stop {
            cause: operator(Call::Stop, request.header),
            scope: Scope::Agent {
                id: self.1.to_owned(),
            },
            voided: 2,
            details: std::collections::BTreeMap::new(),
        }));
        Ok(v1::StopReply {
            receipt: reply.receipt,
            repeated: false,
            voided: self.0,
        })
    }
}

#[test]
fn a_stop_says_what_it_voided() {
    let run = Cli::new(Switch(2, "agent.a")).run("stop --agent agent.a --why complaints");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.starts_with(
            "Stopped agent `agent.a`, from entry 3 on. 2 outstanding allows voided.\n"
        ),
        "{}",
        run.out
    );
}

/// The same, of `agent.a`, by a ledger where these are registered; none where it does not say.
struct Registered(Option<&'static [&'static str]>);

impl Behaviour for Registered {
    fn stop(&self, request: v1::StopRequest) -> Result<v1::StopReply, Status> {
        Switch(2, "agent.a").stop(request)
    }

    fn list_principals(&self) -> Result<v1::ListPrincipalsReply, Status> {
        let ids = self
            .0
            .ok_or_else(|| Status::permission_denied("not yours"))?;
        let known = |id: &&str| v1::Principal {
            id: (*id).to_owned(),
            ..v1::Principal::default()
        };
        Ok(v1::ListPrincipalsReply {
            principals: ids.iter().map(known).collect(),
        })
    }
}

/// A mistyped id stops nobody, and the stop is said to stand all the same.
#[test]
fn a_stop_of_an_agent_whom_nobody_registered_says_so() {
    const NOBODY: &str =
        "No agent of that id is registered: `ledgerctl principal list` shows those that are.\n";
    for (ids, unknown) in [
        (Some(&["agent.b", "ops"][..]), true),
        (Some(&[]), true),
        (Some(&["agent.a", "ops"]), false),
        // Where it cannot be learnt, nothing is claimed.
        (None, false),
    ] {
        let cli = Cli::new(Registered(ids));
        let run = cli.run("stop --agent agent.a");
        assert_eq!(run.code, 0, "{ids:?}: {}", run.err);
        assert!(
            run.out.starts_with("Stopped agent `agent.a`"),
            "{}",
            run.out
        );
        assert_eq!(run.out.contains(NOBODY), unknown, "{ids:?}: {}", run.out);
        let object = cli.run("stop --agent agent.a --json").json();
        assert_eq!(object["unknown_agent"], unknown, "{ids:?}");
    }
}

#[test]
fn a_stop_of_somebody_else_is_refused() {
    Cli::new(Switch(2, "agent.b"))
        .run("stop --agent agent.a")
        .refused("scope: asked for `agent `agent.a``");
    Cli::new(Switch(3, "agent.a"))
        .run("stop --agent agent.a")
        .refused("allows voided: asked for `3`, the entry has `2`");
    Cli::new(Switch(2, "agent.a"))
        .run("stop --all")
        .refused("scope: asked for `everything`");
}

const POLICY: &str = "version = 1\n";

/// A ledger whose policy has this hash.
struct Policies(Hash);

impl Behaviour for Policies {
    fn publish_policy(&self, request: v1::PublishPolicyRequest) -> Result<v1::WriteReply, Status> {
        let file = |file: v1::PolicyFile| PolicyFile {
            path: file.path,
            text: file.text,
        };
        Ok(answer(Body::Policy(PolicyEntry {
            cause: operator(Call::PublishPolicy, request.header),
            continues: None,
            sha256: Some(self.0),
            replaces: None,
            parts: None,
            mailboxes: std::collections::BTreeMap::new(),
            fake_domains: std::collections::BTreeMap::new(),
            promotion: None,
            files: request.files.into_iter().map(file).collect(),
        })))
    }

    fn show_policy(&self) -> Result<v1::ShowPolicyReply, Status> {
        Ok(v1::ShowPolicyReply {
            seq: Some(3),
            sha256: self.0.0.to_vec().into(),
            files: vec![v1::PolicyFile {
                path: "policy.toml".to_owned(),
                text: POLICY.to_owned(),
            }],
        })
    }

    fn receipt(&self, _: v1::GetReceiptRequest) -> Result<v1::Receipt, Status> {
        Err(Status::permission_denied("an approver reads its own"))
    }
}

#[test]
fn a_policy_is_what_its_hash_says() {
    let right = policy_hash(&[("policy.toml", POLICY)]);
    let folder = |cli: &Cli| {
        std::fs::create_dir(cli.folder().join("p")).unwrap();
        std::fs::write(cli.folder().join("p/policy.toml"), POLICY).unwrap();
    };
    let cli = Cli::new(Policies(right));
    folder(&cli);
    let run = cli.run("policy publish p");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.starts_with(&format!(
            "Policy {right} is in force: 5 actions, 0 grants, 0 throttles.\n"
        )),
        "{}",
        run.out
    );
    let run = cli.run("policy show");
    assert!(
        run.out.contains("its hash is right, its entry not proven"),
        "{}",
        run.out
    );
    assert_eq!(cli.run("policy show --text").out, POLICY);
    let request = "--agent agent.a --action crm.read";
    let object = cli.run(&format!("policy explain {request} --json")).json();
    assert_eq!(
        (&object["seq"], &object["outcome"]),
        (&3.into(), &"deny".into())
    );
    let run = cli.run(&format!("policy explain p {request}"));
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.contains(&format!(
            "\nPolicy {right} in p: not published by this command.\n"
        )),
        "{}",
        run.out
    );
    let cli = Cli::new(Policies(Hash([1; 32])));
    folder(&cli);
    cli.run("policy publish p").refused("policy hash");
    cli.run("policy show").refused("its text has the hash");
    cli.run("policy table").refused("its text has the hash");
    cli.run(&format!("policy explain {request}"))
        .refused("its text has the hash");
}

#[test]
fn a_policy_that_is_not_valid_is_not_sent() {
    let cli = Cli::new(Policies(Hash([1; 32])));
    std::fs::create_dir(cli.folder().join("p")).unwrap();
    std::fs::write(
        cli.folder().join("p/policy.toml"),
        "version = 1\ncolour = \"red\"\n[numbers]\nvalid_for_s = 0\n",
    )
    .unwrap();
    for line in [
        "policy publish p",
        "policy check p",
        "policy table p",
        "policy explain p --agent agent.a --action crm.read",
    ] {
        let run = cli.run(line);
        assert_eq!(run.code, 1, "{}", run.err);
        assert!(
            run.err.contains("policy.toml:2: key `colour`"),
            "{}",
            run.err
        );
        assert!(
            run.err.contains("policy.toml:4: numbers.valid_for_s `0`"),
            "{}",
            run.err
        );
    }
    assert_eq!(cli.calls(), 0);
}
