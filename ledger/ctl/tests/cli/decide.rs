//! `decide`: exit codes that can be acted on, and every way in which an answer can be another's.

use ledger_core::entry::{Basis, Body, Code, Decision, Outcome};
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_proto::v1;
use tonic::Status;

use crate::log::{Log, cause};
use crate::server::Behaviour;
use crate::{Cli, Run};

const ASK: &str =
    "decide --action email.send --correlation-id run-1 --request-id r-1 --seller acme --tool gmail";

/// A gate that gives one outcome, and what is done to its answer.
struct Gate<E, R> {
    outcome: Outcome,
    /// Changes the entry before it is logged.
    entry: E,
    /// Changes the reply after it is made.
    reply: R,
}

impl<E, R> Behaviour for Gate<E, R>
where
    E: Fn(&mut Decision) + Send + Sync,
    R: Fn(&mut v1::DecideReply) + Send + Sync,
{
    fn decide(&self, request: v1::DecideRequest) -> Result<v1::DecideReply, Status> {
        let cause = cause(
            Call::Decide,
            Role::Agent,
            "agent.sender",
            &request.request_id,
            &request.correlation_id,
        );
        let until = Timestamp::from_micros(1_795_000_060_000_000).unwrap();
        let allowed = self.outcome == Outcome::Allow;
        let mut decision = Decision {
            seller: Some(request.seller).filter(|seller| !seller.is_empty()),
            tool: Some(request.tool).filter(|tool| !tool.is_empty()),
            outcome: self.outcome,
            reasons: vec![
                if allowed {
                    Code::GrantRow
                } else {
                    Code::GrantNone
                }
                .reason(),
            ],
            valid_until: allowed.then_some(until),
            report_by: allowed.then_some(until),
            ..Decision::request(Basis::Gate, cause, request.action)
        };
        (self.entry)(&mut decision);
        let mut log = Log::of(5);
        let seq = log.append(Body::Decision(Box::new(decision)));
        log.append(Body::Heartbeat(ledger_core::entry::Heartbeat {
            actor: ledger_core::entry::Actor::ledger(),
        }));
        let mut reply = v1::DecideReply {
            receipt: Some(log.receipt(seq)),
            outcome: match self.outcome {
                Outcome::Allow => v1::Outcome::Allow,
                Outcome::RequireApproval => v1::Outcome::RequireApproval,
                Outcome::Deny => v1::Outcome::Deny,
            }
            .into(),
            usable: allowed,
            ..v1::DecideReply::default()
        };
        (self.reply)(&mut reply);
        Ok(reply)
    }
}

fn ask(
    outcome: Outcome,
    entry: impl Fn(&mut Decision) + Send + Sync + 'static,
    reply: impl Fn(&mut v1::DecideReply) + Send + Sync + 'static,
) -> Run {
    Cli::new(Gate {
        outcome,
        entry,
        reply,
    })
    .run(ASK)
}

fn receipt(reply: &mut v1::DecideReply) -> &mut v1::Receipt {
    reply.receipt.as_mut().unwrap()
}

#[test]
fn each_outcome_has_its_exit_code() {
    for (outcome, code, word) in [
        (
            Outcome::Allow,
            0,
            "ALLOW  email.send for agent.sender, entry 5\n",
        ),
        (
            Outcome::Deny,
            5,
            "DENY  email.send for agent.sender, entry 5\n",
        ),
        (
            Outcome::RequireApproval,
            6,
            "APPROVAL REQUIRED  email.send for agent.sender, entry 5\n",
        ),
    ] {
        let run = ask(outcome, |_| (), |_| ());
        assert_eq!(run.code, code, "{}", run.err);
        assert!(run.out.starts_with(word), "{}", run.out);
        assert!(run.out.ends_with(
            "Proven: entry 5 of `test.example/ledger`, under its signed checkpoint of 7 entries.\n"
        ));
        assert_eq!(run.err, "");
    }
}

#[test]
fn an_allow_that_may_not_be_started_any_more_is_not_0() {
    let used = ask(
        Outcome::Allow,
        |_| (),
        |reply| (reply.usable, reply.repeated) = (false, true),
    );
    assert_eq!(used.code, 7);
    let voided = ask(Outcome::Allow, |_| (), |reply| reply.voided = true);
    assert_eq!(voided.code, 7);
    assert!(
        voided
            .out
            .contains("Do not start: a stop has voided this allow."),
        "{}",
        voided.out
    );
}

#[test]
fn the_object_and_the_receipt_say_the_same() {
    let cli = Cli::new(Gate {
        outcome: Outcome::Deny,
        entry: |_: &mut Decision| (),
        reply: |_: &mut v1::DecideReply| (),
    });
    let run = cli.run(&format!("{ASK} --json --receipt-out denial.tlog-proof"));
    assert_eq!(run.code, 5);
    let object = run.json();
    assert_eq!(object["outcome"], "deny");
    assert_eq!(object["request_id"], "r-1");
    assert_eq!(object["reasons"][0]["code"], "grant.none");
    assert_eq!(object["entry"]["correlation_id"], "run-1");
    // The entry is printed exactly as it was hashed.
    let bytes = std::fs::read(cli.folder().join("denial.tlog-proof")).unwrap();
    let receipt = ledger_core::receipt::Receipt::parse(&bytes).unwrap();
    let trust = ledger_core::trust::Trust::parse_vkey(&Log::new().vkey()).unwrap();
    receipt.verify(&trust).unwrap();
    assert!(
        run.out
            .contains(std::str::from_utf8(&receipt.entry).unwrap()),
        "{}",
        run.out
    );
}

#[test]
fn a_receipt_under_another_key_is_refused() {
    let gate = || Gate {
        outcome: Outcome::Allow,
        entry: |_: &mut Decision| (),
        reply: |_: &mut v1::DecideReply| (),
    };
    let cli = Cli::new(gate()).trusting(Log::signed_by(8).vkey());
    let run = cli.run(&format!("{ASK} --receipt-out r"));
    run.refused("no signature by a trusted key");
    assert!(run.err.contains("--request-id r-1"), "{}", run.err);
    assert!(!cli.folder().join("r").exists());
    let json = Cli::new(gate())
        .trusting(Log::signed_by(8).vkey())
        .run(&format!("{ASK} --json"))
        .json();
    assert_eq!(json["error"]["kind"], "unverified");
    assert_eq!(json["exit"], 1);
}

#[test]
fn a_receipt_that_proves_nothing_is_refused() {
    ask(Outcome::Allow, |_| (), |reply| reply.receipt = None).refused("the answer has none");
    let flipped = |reply: &mut v1::DecideReply| {
        let mut proof = receipt(reply).proof.to_vec();
        proof[0] ^= 1;
        receipt(reply).proof = proof.into();
    };
    ask(Outcome::Allow, |_| (), flipped).refused("inclusion proof of entry 5");
    let surplus = |reply: &mut v1::DecideReply| {
        let mut proof = receipt(reply).proof.to_vec();
        proof.extend([0; 32]);
        receipt(reply).proof = proof.into();
    };
    ask(Outcome::Allow, |_| (), surplus).refused("proof hashes");
    let torn = |reply: &mut v1::DecideReply| {
        let mut proof = receipt(reply).proof.to_vec();
        proof.push(0);
        receipt(reply).proof = proof.into();
    };
    ask(Outcome::Allow, |_| (), torn).refused("expected a multiple of 32");
    let elsewhere = |reply: &mut v1::DecideReply| receipt(reply).seq = 4;
    ask(Outcome::Allow, |_| (), elsewhere).refused("inclusion proof of entry 4");
    let changed = |reply: &mut v1::DecideReply| {
        let text = String::from_utf8(receipt(reply).entry.to_vec()).unwrap();
        receipt(reply).entry = text.replace("\"allow\"", "\"deny\"").into_bytes().into();
    };
    ask(Outcome::Allow, |_| (), changed).refused("inclusion proof of entry 5");
}

#[test]
fn a_proven_entry_that_answers_something_else_is_refused() {
    type Change = fn(&mut Decision);
    let cases: [(Change, &str); 8] = [
        (
            |decision| decision.cause.request_id = Some("r-2".to_owned()),
            "request id: asked for `r-1`, the entry has `r-2`",
        ),
        (
            |decision| decision.cause.correlation_id = Some("run-2".to_owned()),
            "correlation id",
        ),
        (
            |decision| decision.cause.action_id = Some("a-2".to_owned()),
            "action id: asked for nothing, the entry has `a-2`",
        ),
        (
            |decision| decision.cause.call = Some(Call::Record),
            "call: asked for `Decide`, the entry has `Record`",
        ),
        (
            |decision| decision.action = "crm.read".to_owned(),
            "action: asked for `email.send`, the entry has `crm.read`",
        ),
        (
            |decision| decision.seller = None,
            "seller: asked for `acme`, the entry has nothing",
        ),
        (
            |decision| decision.basis = Basis::Asserted,
            "made elsewhere",
        ),
        (
            |decision| {
                decision.recipients = vec![ledger_core::entry::Recipient {
                    role: ledger_core::entry::RecipientRole::To,
                    keys: Vec::new(),
                    utc_offset: None,
                    dnc: false,
                    unusable: Vec::new(),
                }];
            },
            "number of recipients: asked for `0`, the entry has `1`",
        ),
    ];
    for (change, why) in cases {
        ask(Outcome::Allow, change, |_| ()).refused(why);
    }
}

#[test]
fn a_reply_that_promises_more_than_its_entry_is_refused() {
    ask(
        Outcome::Deny,
        |_| (),
        |reply| {
            reply.outcome = v1::Outcome::Allow.into();
            reply.usable = true;
        },
    )
    .refused("outcome: asked for `deny`, the entry has `allow`");
}

#[test]
fn nothing_is_sent_where_nothing_could_be_believed() {
    let cli = Cli::new(Gate {
        outcome: Outcome::Allow,
        entry: |_: &mut Decision| (),
        reply: |_: &mut v1::DecideReply| (),
    })
    .trusting(String::new());
    let run = cli.run(ASK);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("--vkey"), "{}", run.err);
    let run = cli.run(&format!(
        "{ASK} --vkey {} --receipt-out no/where/r",
        Log::new().vkey()
    ));
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains("cannot write"), "{}", run.err);
    let run = cli.run(&format!("{ASK} --vkey {} --params {{", Log::new().vkey()));
    assert_eq!(run.code, 2, "{}", run.err);
    assert_eq!(cli.calls(), 0);
}
