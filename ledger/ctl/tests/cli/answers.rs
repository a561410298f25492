//! The seven questions about a run: which of its acts is answered for, and how many others it has.

use std::collections::BTreeMap;

use ledger_core::entry::{
    Approval, Basis, Body, Cause, Decision, Execution, Outcome, Status as Done, Verdict,
};
use ledger_core::role::{Call, Role};
use ledger_proto::v1;
use tonic::Status;

use crate::Cli;
use crate::log::{Log, cause};
use crate::server::Behaviour;

/// What was asked at 1, granted at 2 under no correlation id, allowed at 3 and done at 4; what is asked at 5
/// is another act, and names an approval of another run, which is at 0.
fn log() -> Log {
    let mut log = Log::new();
    let decision = |id: &str, outcome, approval: Option<u64>| {
        let cause = cause(Call::Decide, Role::Agent, "agent.ops", id, "run-1");
        Body::Decision(Box::new(Decision {
            outcome,
            approval,
            approver: approval.map(|_| "approver.a".to_owned()),
            ..Decision::request(Basis::Gate, cause, "crm.deal.update".to_owned())
        }))
    };
    let granted = |decision| {
        let by = cause(
            Call::AnswerApproval,
            Role::Approver,
            "approver.a",
            "g-1",
            "",
        );
        Body::Approval(Approval {
            cause: Cause {
                correlation_id: None,
                ..by
            },
            decision: Some(decision),
            policy: None,
            verdict: Verdict::Granted,
            group: "revops".to_owned(),
            expires_at: None,
            granted: None,
            details: BTreeMap::new(),
        })
    };
    log.append(granted(77));
    log.append(decision("r-1", Outcome::RequireApproval, None));
    log.append(granted(1));
    log.append(decision("r-2", Outcome::Allow, Some(2)));
    log.append(Body::Execution(Box::new(Execution {
        cause: cause(Call::Record, Role::Agent, "agent.ops", "r-3", "run-1"),
        decision: 3,
        status: Done::Success,
        error_code: None,
        provider: None,
        provider_id: None,
        started_at: None,
        occurred_at: None,
        cost_micros: None,
        results: Vec::new(),
        policy: None,
        findings: Vec::new(),
        details: BTreeMap::new(),
    })));
    log.append(decision("r-4", Outcome::Deny, Some(0)));
    log
}

/// Hands out the run, and approvals to those who may read them.
struct Run {
    withholds: bool,
}

impl Behaviour for Run {
    fn trace(&self, _: v1::TraceRequest) -> Result<v1::TraceReply, Status> {
        let receipts = [1, 3, 4, 5].map(|seq| log().receipt(seq));
        Ok(v1::TraceReply {
            receipts: receipts.to_vec(),
            next_seq: None,
        })
    }

    fn receipt(&self, request: v1::GetReceiptRequest) -> Result<v1::Receipt, Status> {
        match request.of {
            Some(v1::get_receipt_request::Of::Seq(0 | 2)) if self.withholds => {
                Err(Status::permission_denied("not yours"))
            }
            Some(v1::get_receipt_request::Of::Seq(seq)) => Ok(log().receipt(seq)),
            _ => Err(Status::invalid_argument("of")),
        }
    }
}

#[test]
fn what_was_asked_and_then_allowed_is_one_act() {
    let cli = Cli::new(Run { withholds: false });
    let object = cli.run("answer run-1 --json").json();
    assert_eq!(
        (&object["decision"], &object["execution"]),
        (&3.into(), &4.into())
    );
    assert_eq!(object["other_decisions"], serde_json::json!([5]));
    let run = cli.run("answer run-1");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .contains("The run has 1 act besides: `ledgerctl answer 5`."),
        "{}",
        run.out
    );
}

/// Without the answer nothing ties the two together, and the ledger's word alone is not taken for it.
#[test]
fn what_may_not_be_read_ties_nothing_together() {
    let object = Cli::new(Run { withholds: true })
        .run("answer run-1 --json")
        .json();
    assert_eq!(object["decision"], 3);
    assert_eq!(object["other_decisions"], serde_json::json!([1, 5]));
}
