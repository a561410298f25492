//! What is not settled: counts, then every entry on a line, each of them proven.

use ledger_core::entry::{
    Basis, Body, Decision, Execution, Finding, Outcome, Status as ExecutionStatus,
};
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_proto::v1;
use tonic::Status;

use crate::Cli;
use crate::log::{Log, cause};
use crate::server::Behaviour;

/// Three heartbeats, two allows, and an execution of a denial.
fn log() -> Log {
    let mut log = Log::of(3);
    for run in ["run-1", "run-2"] {
        let cause = cause(Call::Decide, Role::Agent, "agent.sender", run, run);
        log.append(Body::Decision(Box::new(Decision {
            seller: Some("acme".to_owned()),
            outcome: Outcome::Allow,
            report_by: Some(Timestamp::from_micros(1_795_000_900_000_000).unwrap()),
            ..Decision::request(Basis::Gate, cause, "email.send".to_owned())
        })));
    }
    for findings in [
        vec![Finding::DecisionDenied, Finding::StartUnknown],
        Vec::new(),
    ] {
        log.append(Body::Execution(Box::new(Execution {
            cause: cause(Call::Record, Role::Agent, "agent.sender", "r-3", "run-3"),
            decision: 2,
            status: ExecutionStatus::Success,
            error_code: None,
            provider: None,
            provider_id: None,
            started_at: None,
            occurred_at: None,
            cost_micros: None,
            results: Vec::new(),
            policy: None,
            findings,
            details: std::collections::BTreeMap::new(),
        })));
    }
    log
}

/// Lists these entries of each kind, one a page.
struct Lists {
    open: Vec<u64>,
    irregular: Vec<u64>,
    voided: u64,
}

impl Behaviour for Lists {
    fn list_open(&self, request: v1::ListOpenRequest) -> Result<v1::ListOpenReply, Status> {
        let all = match request.kind() {
            v1::OpenKind::Open => &self.open,
            v1::OpenKind::Irregular => &self.irregular,
            _ => &Vec::new(),
        };
        let mut left = all.iter().filter(|seq| **seq >= request.from_seq);
        let receipts = left.next().map(|seq| log().receipt(*seq));
        Ok(v1::ListOpenReply {
            receipts: receipts.into_iter().collect(),
            next_seq: left.next().copied(),
            open: self.open.len() as u64,
            unresolved: 0,
            irregular: self.irregular.len() as u64,
            voided: self.voided,
            voided_unresolved: self.voided.saturating_sub(1),
        })
    }
}

fn lists(open: &[u64], irregular: &[u64]) -> Cli {
    Cli::new(Lists {
        open: open.to_vec(),
        irregular: irregular.to_vec(),
        voided: 0,
    })
}

#[test]
fn voided_allows_that_nobody_reported_on_are_said_to_be_so() {
    let cli = |voided| {
        Cli::new(Lists {
            open: Vec::new(),
            irregular: Vec::new(),
            voided,
        })
    };
    let run = cli(3).run("open");
    let line = "voided        3  allows that a stop voided; on 2 of them nobody reported in time\n";
    assert!(run.out.contains(line), "{}", run.out);
    let counts = cli(3).run("open --json").json();
    assert_eq!(counts["counts"]["voided_unresolved"], 2);
    let quiet = cli(1).run("open");
    assert!(
        quiet.out.contains("allows that a stop voided\n"),
        "{}",
        quiet.out
    );
}

#[test]
fn counts_come_first_and_then_each_entry_on_a_line() {
    let run = lists(&[3, 4], &[5]).run("open");
    assert_eq!(run.code, 0, "{}", run.err);
    let expected = " irregular        1  executions without an allow, or beyond it
unresolved        0  allows that nobody reported on in time
    voided        0  allows that a stop voided
      open        2  allows still to be reported on

irregular
  #5  2026-11-18T11:06:40.000005Z  `agent.sender` reported on decision #2: decision_denied, start_unknown [run-3]

open
  #3  2026-11-18T11:06:40.000003Z  `agent.sender` may do `email.send` for `acme`, to be reported before 2026-11-18T11:21:40.000000Z [run-1]
  #4  2026-11-18T11:06:40.000004Z  `agent.sender` may do `email.send` for `acme`, to be reported before 2026-11-18T11:21:40.000000Z [run-2]

Each of them is proven to be in `test.example/ledger`, under its signed checkpoint of 7 entries.
";
    assert_eq!(run.out, expected);
}

#[test]
fn one_list_and_its_beginning() {
    let cli = lists(&[3, 4], &[5]);
    let object = cli.run("open --kind open --json").json();
    assert_eq!(object["counts"]["irregular"], 1);
    assert_eq!(object["lists"].as_array().unwrap().len(), 1);
    assert_eq!(object["lists"][0]["entries"][1]["correlation_id"], "run-2");
    assert_eq!(object["lists"][0]["more"], false);
    let run = cli.run("open --kind open --limit 1");
    assert!(
        run.out.contains("#3") && !run.out.contains("#4"),
        "{}",
        run.out
    );
    assert!(run.out.contains("and more: --kind open"), "{}", run.out);
    let none = lists(&[], &[]).run("open");
    assert_eq!(
        (none.code, none.out.lines().count()),
        (0, 4),
        "{}",
        none.out
    );
}

#[test]
fn what_cannot_be_listed_so_is_refused() {
    lists(&[5], &[])
        .run("open")
        .refused("expected an entry of kind `decision`, found `execution`");
    lists(&[], &[3])
        .run("open")
        .refused("expected an entry of kind `execution`, found `decision`");
    lists(&[], &[6]).run("open").refused("has no finding");
    lists(&[4, 4], &[]).run("open").refused("not in order");
}
