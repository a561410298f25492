//! Events from files: each recorded once, whatever the ledger has room for and wherever a run breaks off.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ledger_core::entry::{Body, Commitment, DetailName, Event, Finding, Key, OutcomeReport};
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};
use ledger_proto::v1;
use ledger_proto::v1::record_answer::Answer;
use tonic::{Code, Status};

use crate::log::{Log, cause};
use crate::server::Behaviour;
use crate::{Cli, Run};

/// What is done to the answers of a batch.
type Change = fn(&mut Vec<v1::RecordAnswer>);

/// A ledger that records reports in batches.
struct Reports(Mutex<State>);

struct State {
    log: Log,
    made: BTreeMap<String, u64>,
    /// How many requests each batch had.
    batches: Vec<usize>,
    /// New reports that one batch has room for.
    room: usize,
    /// How many calls it has no room for at all.
    full_calls: usize,
    /// The batch, from 1, that is recorded and not answered.
    lost: Option<usize>,
    /// What is refused, by request id.
    refused: BTreeMap<&'static str, (Code, &'static str)>,
    change: Change,
}

impl Reports {
    fn new(room: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            log: Log::of(3),
            made: BTreeMap::new(),
            batches: Vec::new(),
            room,
            full_calls: 0,
            lost: None,
            refused: BTreeMap::new(),
            change: |_| (),
        })))
    }

    /// The request ids of what is recorded, in the order of the log.
    fn recorded(&self) -> Vec<String> {
        let state = self.0.lock().unwrap();
        let entries = state.log.leaves().iter();
        let ids = entries.filter_map(|leaf| {
            match ledger_core::entry::Entry::decode(leaf).unwrap().body {
                Body::Outcome(outcome) => outcome.cause.request_id,
                _ => None,
            }
        });
        ids.collect()
    }
}

impl State {
    fn record(&mut self, request: v1::RecordRequest, room: &mut usize) -> Answer {
        let error = |code: Code, message: &str| {
            Answer::Error(tonic_types::Status {
                code: code.into(),
                message: message.to_owned(),
                details: Vec::new(),
            })
        };
        if let Some((code, message)) = self.refused.get(request.request_id.as_str()) {
            return error(*code, message);
        }
        let before = self.made.get(&request.request_id).copied();
        if before.is_none() {
            if *room == 0 {
                return error(Code::ResourceExhausted, "the queue of reports is full");
            }
            *room -= 1;
        }
        let seq = before.unwrap_or_else(|| {
            let seq = self.log.append(entry(&request));
            self.made.insert(request.request_id, seq);
            seq
        });
        Answer::Reply(v1::RecordReply {
            receipt: Some(self.log.receipt(seq)),
            repeated: before.is_some(),
            findings: vec!["unknown_execution".to_owned()],
            followers: 0,
        })
    }
}

impl Behaviour for Arc<Reports> {
    fn record_batch(
        &self,
        request: v1::RecordBatchRequest,
    ) -> Result<v1::RecordBatchReply, Status> {
        let mut state = self.0.lock().unwrap();
        if state.full_calls > 0 {
            state.full_calls -= 1;
            return Err(Status::resource_exhausted("the queue is full"));
        }
        state.batches.push(request.requests.len());
        let mut room = state.room;
        let requests = request.requests.into_iter();
        let mut answers: Vec<_> = requests
            .map(|request| v1::RecordAnswer {
                answer: Some(state.record(request, &mut room)),
            })
            .collect();
        if state.lost == Some(state.batches.len()) {
            return Err(Status::unavailable("gone"));
        }
        (state.change)(&mut answers);
        Ok(v1::RecordBatchReply { answers })
    }
}

fn entry(request: &v1::RecordRequest) -> Body {
    let Some(v1::record_request::Report::Outcome(outcome)) = &request.report else {
        panic!("{request:?}")
    };
    assert_eq!(outcome.event(), v1::EventType::Complaint);
    let seconds = outcome.occurred_at.unwrap().seconds;
    let commitment = |detail: &v1::Detail| Commitment::new(&[0; 32], &detail.value, 0);
    Body::Outcome(Box::new(OutcomeReport {
        cause: cause(
            Call::Record,
            Role::Ingest,
            "webhook",
            &request.request_id,
            "",
        ),
        execution: None,
        event: Event::Complaint,
        recipient: None,
        keys: vec![Key {
            kind: Kind::Email,
            token: Token([0x51; 32]),
            v: None,
        }],
        tokens_v: Some(1),
        provider: Some(outcome.provider.clone()),
        provider_id: Some(Token([0x52; 32])).filter(|_| !outcome.provider_id.is_empty()),
        occurred_at: Some(Timestamp::from_micros(seconds * 1_000_000).unwrap()),
        matched: None,
        decision: None,
        policy: None,
        findings: vec![Finding::UnknownExecution],
        details: request
            .details
            .iter()
            .map(|detail| (DetailName::Response, commitment(detail)))
            .collect(),
    }))
}

/// Imports so many complaints, one a line.
fn import(cli: &Cli, count: usize, words: &str) -> Run {
    let line = |n| {
        format!(
            "{{\"event\":\"spamreport\",\"email\":\"p{n}@buyer.example\",\"timestamp\":{},\"sg_event_id\":\"e{n}\"}}\n",
            1_795_347_065 + n
        )
    };
    let lines: String = (1..=count).map(line).collect();
    std::fs::write(cli.folder().join("events.jsonl"), lines).unwrap();
    cli.run(&format!(
        "outcomes import --format sendgrid events.jsonl {words}"
    ))
}

fn ids(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    let id = |n| format!("sendgrid-e{n}");
    numbers.into_iter().map(id).collect()
}

#[test]
fn what_the_ledger_has_no_room_for_is_sent_again_until_it_has() {
    let reports = Reports::new(2);
    reports.0.lock().unwrap().full_calls = 2;
    let cli = Cli::new(Arc::clone(&reports));
    let run = import(&cli, 5, "--json");
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.json()["recorded"], 5);
    assert_eq!(run.json()["entries"], serde_json::json!([3, 7]));
    assert_eq!(reports.0.lock().unwrap().batches, [5, 3, 1]);
    assert_eq!(reports.recorded(), ids(1..=5));
}

#[test]
fn a_run_that_breaks_off_names_the_line_and_is_gone_on_with() {
    let reports = Reports::new(usize::MAX);
    let cli = Cli::new(Arc::clone(&reports));
    reports.0.lock().unwrap().lost = Some(2);
    let run = import(&cli, 600, "");
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(
        run.err.contains(
            "the event of `events.jsonl` line 257 is not known to be recorded, nor all of those after it; 256 of 600 are: \
             repeat the command as it was to go on"
        ),
        "{}",
        run.err
    );
    reports.0.lock().unwrap().lost = None;
    let run = import(&cli, 600, "--json");
    let object = run.json();
    assert_eq!(
        (&object["recorded"], &object["repeated"]),
        (&88.into(), &512.into())
    );
    assert_eq!(object["unmatched"], 600);
    assert_eq!(reports.0.lock().unwrap().batches, [256, 256, 256, 256, 88]);
    assert_eq!(reports.recorded(), ids(1..=600));
}

#[test]
fn what_is_refused_is_named_by_its_line_and_keeps_no_other_back() {
    let reports = Reports::new(usize::MAX);
    let cli = Cli::new(Arc::clone(&reports));
    reports.0.lock().unwrap().refused = BTreeMap::from([
        (
            "sendgrid-e2",
            (Code::AlreadyExists, "the id stands for something else"),
        ),
        (
            "sendgrid-e4",
            (
                Code::InvalidArgument,
                "report.outcome.provider_id: too long",
            ),
        ),
    ]);
    let run = import(&cli, 5, "");
    assert_eq!(run.code, 1, "{}", run.out);
    for told in [
        "not recorded: `events.jsonl` line 2: event: the id stands for something else",
        "not recorded: `events.jsonl` line 4: event: report.outcome.provider_id: too long",
        "3 others are recorded: put the lines right, or give --accept-rejects",
    ] {
        assert!(run.err.contains(told), "{}", run.err);
    }
    assert_eq!(reports.recorded(), ids([1, 3, 5]));
    let run = import(&cli, 5, "--accept-rejects --json");
    assert_eq!(run.code, 0, "{}", run.err);
    let lines: Vec<_> = run.json()["rejects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reject| reject["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [2, 4]);
    assert_eq!(run.json()["repeated"], 3);
    // What is wrong with the caller or the ledger is no event's fault.
    reports.0.lock().unwrap().refused =
        BTreeMap::from([("sendgrid-e6", (Code::PermissionDenied, "not you"))]);
    let run = import(&cli, 7, "--accept-rejects");
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(
        run.err.contains("`events.jsonl` line 6 is not known"),
        "{}",
        run.err
    );
    assert!(run.err.contains("6 of 7 are"), "{}", run.err);
}

#[test]
fn answers_that_prove_nothing_are_not_believed() {
    let lies: [(&str, Change); 3] = [
        ("it has 2 for 3 events", |answers| {
            answers.pop();
        }),
        ("it is empty", |answers| answers[1].answer = None),
        ("request id", |answers| answers.swap(0, 1)),
    ];
    for (why, change) in lies {
        let reports = Reports::new(usize::MAX);
        reports.0.lock().unwrap().change = change;
        import(&Cli::new(Arc::clone(&reports)), 3, "").refused(why);
    }
}
