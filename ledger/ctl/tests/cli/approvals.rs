//! Approvals: what is asked is proven, what is answered is what was meant, and waiting ends in a code.

use std::collections::BTreeMap;

use ledger_core::action::Class;
use ledger_core::entry::{
    Approval, Basis, Body, Code, Commitment, Decision, DetailName, Key, Outcome, Recipient,
    RecipientRole, Target, Verdict,
};
use ledger_core::hash::Hash;
use ledger_core::policy::policy_hash;
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};
use ledger_proto::v1::{self, ApprovalState, answer_approval_request::Of};
use tonic::Status;

use crate::log::{Log, cause};
use crate::server::Behaviour;
use crate::{Cli, Run};

const SALT: [u8; 32] = [9; 32];
const RATIONALE: &[u8] = b"the customer asked\x1b[2Jfor it";
const PARAMS: &[u8] = b"{\"stage\":\"won\"}";
const BY: i64 = 1_795_014_400_000_000;

/// Entry 5 of seven asks for an approval; entry 6 may answer it.
fn log() -> Log {
    let mut log = Log::of(5);
    let token = Token([0x51; 32]);
    let cause = cause(Call::Decide, Role::Agent, "agent.ops", "r-1", "run-1");
    log.append(Body::Decision(Box::new(Decision {
        class: Class::Write,
        tier: Some(2),
        targets: vec![Target {
            kind: "deal".to_owned(),
            id: Some(token),
            reads: Vec::new(),
            writes: vec!["stage".to_owned(), "amount".to_owned()],
        }],
        recipients: vec![Recipient {
            role: RecipientRole::To,
            keys: vec![Key {
                kind: Kind::Email,
                token,
                v: None,
            }],
            utc_offset: None,
            dnc: false,
            unusable: Vec::new(),
        }],
        tokens_v: Some(1),
        outcome: Outcome::RequireApproval,
        reasons: vec![Code::TierApproval.reason()],
        approvers: Some("revops".to_owned()),
        approve_by: Some(Timestamp::from_micros(BY).unwrap()),
        details: BTreeMap::from([
            (DetailName::Params, Commitment::new(&SALT, PARAMS, 0)),
            (DetailName::Rationale, Commitment::new(&SALT, RATIONALE, 0)),
        ]),
        ..Decision::request(Basis::Gate, cause, "crm.deal.update".to_owned())
    })));
    log.append(Body::Heartbeat(ledger_core::entry::Heartbeat {
        actor: ledger_core::entry::Actor::ledger(),
    }));
    log
}

fn told(state: ApprovalState) -> v1::ApprovalRequest {
    let answered = matches!(
        state,
        ApprovalState::Granted | ApprovalState::Denied | ApprovalState::Spent
    );
    let time = |micros: i64| prost_types::Timestamp {
        seconds: micros / 1_000_000,
        nanos: i32::try_from(micros % 1_000_000).unwrap() * 1_000,
    };
    v1::ApprovalRequest {
        decision: 5,
        state: state.into(),
        agent_id: "agent.ops".to_owned(),
        action: "crm.deal.update".to_owned(),
        tier: 2,
        correlation_id: "run-1".to_owned(),
        group: "revops".to_owned(),
        asked_at: Some(time(1_795_000_000_000_005)),
        approve_by: Some(time(BY)),
        answer: answered.then_some(6),
        approver: if answered { "approver.a" } else { "" }.to_owned(),
        spent: (state == ApprovalState::Spent).then_some(9),
        receipt: Some(log().receipt(5)),
    }
}

type Change = fn(&mut v1::ApprovalRequest);

/// A ledger with that one request, in these states one after the other, and what is done to its answers.
struct Requests(Vec<ApprovalState>, Change);

impl Requests {
    fn all(&self) -> Vec<v1::ApprovalRequest> {
        let each = |state: &ApprovalState| {
            let mut request = told(*state);
            (self.1)(&mut request);
            request
        };
        self.0.iter().map(each).collect()
    }
}

impl Behaviour for Requests {
    fn list_approvals(
        &self,
        request: v1::ListApprovalsRequest,
    ) -> Result<v1::ListApprovalsReply, Status> {
        // An empty page first: what was there is of other groups.
        Ok(match request.from_seq {
            0 => v1::ListApprovalsReply {
                requests: Vec::new(),
                next_seq: Some(3),
            },
            _ => v1::ListApprovalsReply {
                requests: self.all(),
                next_seq: None,
            },
        })
    }

    fn approval(&self, _: u64) -> Result<v1::ApprovalRequest, Status> {
        Ok(self.all().remove(0))
    }

    fn approval_states(&self, _: u64) -> Result<Vec<Result<v1::ApprovalRequest, Status>>, Status> {
        Ok(self.all().into_iter().map(Ok).collect())
    }

    fn detail(&self, request: v1::GetDetailRequest) -> Result<v1::GetDetailReply, Status> {
        let value = match request.name() {
            v1::DetailName::Rationale => RATIONALE,
            v1::DetailName::Params => PARAMS,
            _ => b"",
        };
        Ok(v1::GetDetailReply {
            value: value.into(),
            salt: SALT.to_vec().into(),
        })
    }
}

fn pending(line: &str) -> Run {
    Cli::new(Requests(vec![ApprovalState::Pending], |_| ())).run(line)
}

#[test]
fn what_waits_is_listed_with_its_proof() {
    let run = pending("approvals list --group revops");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .contains("5        pending  revops  2     agent.ops  crm.deal.update  "),
        "{}",
        run.out
    );
    assert!(
        run.out
            .contains("It is proven to be in `test.example/ledger`")
    );
    let object = pending("approvals list --json").json();
    assert_eq!(object["requests"][0]["decision"], 5);
    assert_eq!(
        object["requests"][0]["entry"]["outcome"],
        "require_approval"
    );
    let none = Cli::new(Requests(Vec::new(), |_| ())).run("approvals list");
    assert_eq!(none.out, "Nothing waits for an approval.\n");
    pending("approvals list --group legal").refused("group: asked for `legal`");
    Cli::new(Requests(vec![ApprovalState::Pending; 2], |_| ()))
        .run("approvals list")
        .refused("not in order");
}

#[test]
fn one_request_is_shown_as_a_person_needs_it() {
    let run = pending("approvals show 5");
    assert_eq!(run.code, 0, "{}", run.err);
    for part in [
        "Approval request 5  PENDING\n",
        "  agent          agent.ops\n",
        "  action         crm.deal.update (write)\n",
        "  tier           2\n",
        "  group          revops\n",
        "writes stage and amount.",
        "Recipient 0 (to) is known by email.",
        "tier.approval",
        "not read here: params (15 bytes), rationale (",
        "Answer with `ledgerctl approvals grant 5`",
        "Proven: entry 5 of",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    assert!(!run.out.contains("the customer asked"), "{}", run.out);
}

#[test]
fn details_are_shown_and_cannot_move_the_cursor() {
    let run = pending("approvals show 5 --details");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .contains("Its rationale\n  the customer asked\\u{1b}[2Jfor it\nIts params\n  {\"stage\":\"won\"}\n"),
        "{}",
        run.out
    );
    assert!(!run.out.contains("not read here"), "{}", run.out);
    let object = pending("approvals show 5 --details --json").json();
    assert_eq!(object["details"]["params"], "{\"stage\":\"won\"}");
    let missing = pending("approvals show 5 --detail plan");
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("no detail `plan`"), "{}", missing.err);
}

#[test]
fn a_request_that_is_not_what_its_entry_says_is_refused() {
    let cases: [(Change, &str); 9] = [
        (|told| told.tier = 1, "tier: asked for `1`"),
        (
            |told| told.agent_id = "agent.b".to_owned(),
            "agent: asked for `agent.b`",
        ),
        (
            |told| told.action = "crm.read".to_owned(),
            "action: asked for `crm.read`",
        ),
        (
            |told| told.group = "legal".to_owned(),
            "group: asked for `legal`",
        ),
        (|told| told.correlation_id = String::new(), "correlation id"),
        (|told| told.approve_by = None, "approve by"),
        (|told| told.decision = 4, "seq: asked for `4`"),
        (
            |told| told.receipt = Some(log().receipt(6)),
            "expected an entry of kind `decision`",
        ),
        (|told| told.receipt = None, "the answer has none"),
    ];
    for (change, why) in cases {
        Cli::new(Requests(vec![ApprovalState::Pending], change))
            .run("approvals show 5")
            .refused(why);
    }
    pending("approvals show 4").refused("asked for request 4, and this is request 5");
    Cli::new(Requests(vec![ApprovalState::Granted], |told| {
        told.answer = None;
    }))
    .run("approvals show 5")
    .refused("names no entry that says so");
}

#[test]
fn waiting_ends_with_the_code_of_the_answer() {
    let run = |last| {
        Cli::new(Requests(
            vec![ApprovalState::Pending, ApprovalState::Pending, last],
            |_| (),
        ))
        .run("approvals watch 5")
    };
    let granted = run(ApprovalState::Granted);
    assert_eq!(granted.code, 0, "{}", granted.err);
    assert_eq!(granted.out.matches("PENDING").count(), 1);
    assert!(
        granted
            .out
            .contains("GRANTED  Granted by `approver.a` in entry 6: ask again before "),
        "{}",
        granted.out
    );
    assert!(granted.out.contains("`--approval 6`"), "{}", granted.out);
    assert_eq!(run(ApprovalState::Denied).code, 5);
    assert_eq!(run(ApprovalState::Expired).code, 7);
    let spent = run(ApprovalState::Spent);
    assert_eq!(spent.code, 7);
    assert!(
        spent.out.contains("used up by the allow of entry 9"),
        "{}",
        spent.out
    );
    let broken = run(ApprovalState::Pending);
    assert_eq!(broken.code, 3);
    assert!(
        broken.err.contains("repeat `ledgerctl approvals watch 5`"),
        "{}",
        broken.err
    );
    let lines = Cli::new(Requests(
        vec![ApprovalState::Pending, ApprovalState::Granted],
        |_| (),
    ))
    .run("approvals watch 5 --json");
    let states: Vec<String> = lines
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["state"].to_string())
        .collect();
    assert_eq!(states, ["\"pending\"", "\"granted\""]);
}

/// What is done to an answer before it is logged.
type Other = fn(&mut Approval);

/// Answers requests, and then does this to the entry.
struct Answers(fn(&mut Approval));

impl Behaviour for Answers {
    fn answer_approval(
        &self,
        request: v1::AnswerApprovalRequest,
    ) -> Result<v1::WriteReply, Status> {
        let header = request.header.unwrap_or_default();
        let (decision, policy) = match request.of.unwrap() {
            Of::Decision(seq) => (Some(seq), None),
            Of::PolicySha256(hash) => (None, Some(Hash(hash[..].try_into().unwrap()))),
        };
        let detail = |detail: &v1::Detail| {
            assert_eq!(detail.name(), v1::DetailName::Reason);
            (DetailName::Reason, Commitment::new(&SALT, &detail.value, 0))
        };
        let granted = request.verdict == i32::from(v1::Verdict::Granted);
        let mut approval = Approval {
            cause: cause(
                Call::AnswerApproval,
                Role::Approver,
                "approver.a",
                &header.request_id,
                "",
            ),
            decision,
            policy,
            verdict: if granted {
                Verdict::Granted
            } else {
                Verdict::Denied
            },
            group: "revops".to_owned(),
            expires_at: granted.then(|| Timestamp::from_micros(BY).unwrap()),
            granted: None,
            details: request.details.iter().map(detail).collect(),
        };
        (self.0)(&mut approval);
        Ok(crate::writes::answer(Body::Approval(approval)))
    }
}

#[test]
fn an_answer_says_what_it_answers() {
    let cli = Cli::new(Answers(|_| ()));
    let run = cli.run("approvals grant 5 --reason checked");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .starts_with("Granted request 5 for the group `revops`, in entry 3.\n"),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("once, with `--approval 3` before "),
        "{}",
        run.out
    );
    let run = cli.run("approvals deny 5 --why no --receipt-out denial");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.starts_with("Denied request 5"), "{}", run.out);
    assert!(!run.out.contains("--approval"), "{}", run.out);
    assert!(cli.folder().join("denial").exists());
    let calls = cli.calls();
    assert_eq!(cli.run("approvals deny 5").code, 2);
    assert_eq!(cli.calls(), calls);
}

#[test]
fn another_answer_than_was_given_is_refused() {
    let cases: [(Other, &str); 4] = [
        (
            |found| found.decision = Some(6),
            "request: asked for `5`, the entry has `6`",
        ),
        (
            |found| found.verdict = Verdict::Granted,
            "verdict: asked for `denied`, the entry has `granted`",
        ),
        (
            |found| found.policy = Some(Hash([1; 32])),
            "policy hash: asked for nothing",
        ),
        (|found| found.details.clear(), "detail `reason` kept"),
    ];
    for (change, why) in cases {
        Cli::new(Answers(change))
            .run("approvals deny 5 --reason no")
            .refused(why);
    }
}

#[test]
fn a_policy_is_approved_by_the_hash_of_its_folder() {
    const POLICY: &str = "version = 1\n";
    let sha256 = policy_hash(&[("policy.toml", POLICY)]);
    let folder = |cli: &Cli| {
        std::fs::create_dir(cli.folder().join("p")).unwrap();
        std::fs::write(cli.folder().join("p/policy.toml"), POLICY).unwrap();
    };
    let cli = Cli::new(Answers(|_| ()));
    folder(&cli);
    let run = cli.run("approvals policy --folder p");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.starts_with("Who may do what\n"), "{}", run.out);
    let line =
        format!("Approved policy {sha256} for promotion, for the group `revops`, in entry 3.\n");
    assert!(run.out.contains(&line), "{}", run.out);
    let object = cli
        .run(&format!("approvals policy --sha256 {sha256} --json"))
        .json();
    assert_eq!(object["sha256"], sha256.to_string());
    assert_eq!(object["entry"]["policy"], sha256.to_string());
    let other = Cli::new(Answers(|found| found.policy = Some(Hash([1; 32]))));
    folder(&other);
    other
        .run("approvals policy --folder p")
        .refused("policy hash");
    let calls = cli.calls();
    assert_eq!(cli.run("approvals policy --folder nowhere").code, 2);
    assert_eq!(cli.run("approvals policy").code, 2);
    assert_eq!(cli.calls(), calls);
}
