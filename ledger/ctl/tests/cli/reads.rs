//! What is read: receipts, details, traces, evidence, openings, checkpoints.

use std::collections::BTreeMap;

use ledger_core::entry::{Actor, Body, Code, Commitment, Decision, DetailName, Unresolved};
use ledger_core::entry::{Basis, Cite, Reason};
use ledger_core::evidence::{Evidence, ProvenEntry};
use ledger_core::normalise::email_keys;
use ledger_core::opening::{OpenedKey, Opening};
use ledger_core::role::{Call, Role};
use ledger_core::token::SubjectKey;
use ledger_core::tree::{BatchTree, CompactRange};
use ledger_proto::v1::{self, get_receipt_request::Of};
use tonic::Status;

use crate::Cli;
use crate::log::{Log, cause};
use crate::server::Behaviour;

const SALT: [u8; 32] = [9; 32];
const VALUE: &[u8] = b"{\"template\":\"q4\"}";

/// Nine entries, then a denial that cites entry 2 and has a detail, then a report that is overdue.
fn log() -> Log {
    let mut log = Log::of(9);
    let cause = cause(Call::Decide, Role::Agent, "agent.sender", "r-1", "run-1");
    log.append(Body::Decision(Box::new(Decision {
        reasons: vec![Reason {
            cites: vec![Cite {
                seq: 2,
                index: Some(0),
            }],
            ..Code::DncListed.reason()
        }],
        details: BTreeMap::from([(DetailName::Params, Commitment::new(&SALT, VALUE, 0))]),
        ..Decision::request(Basis::Gate, cause, "email.send".to_owned())
    })));
    log.append(Body::Unresolved(Unresolved {
        correlation_id: "run-1".to_owned(),
        actor: Actor::ledger(),
        decision: 9,
    }));
    log
}

/// Answers from that log, off by so much.
#[derive(Default)]
struct Reads {
    seq_off: u64,
    value: Option<&'static [u8]>,
    evidence_without: Option<u64>,
    opens: Option<&'static str>,
    backwards: bool,
    endless: bool,
}

impl Behaviour for Reads {
    fn receipt(&self, request: v1::GetReceiptRequest) -> Result<v1::Receipt, Status> {
        let seq = match request.of {
            Some(Of::Seq(seq)) => seq,
            _ => 9,
        };
        Ok(log().receipt(seq - self.seq_off))
    }

    fn detail(&self, _: v1::GetDetailRequest) -> Result<v1::GetDetailReply, Status> {
        Ok(v1::GetDetailReply {
            value: self.value.unwrap_or(VALUE).into(),
            salt: SALT.to_vec().into(),
        })
    }

    fn trace(&self, request: v1::TraceRequest) -> Result<v1::TraceReply, Status> {
        // One entry a page, and the empty page that follows the last.
        let from = if self.backwards { 10 } else { 9 };
        let next = match request.from_seq {
            0 => from,
            seq => seq,
        };
        let receipts = if next < 11 {
            vec![log().receipt(next)]
        } else {
            Vec::new()
        };
        let next_seq = match next {
            _ if self.endless => Some(request.from_seq),
            10 if self.backwards => Some(9),
            seq => (seq < 11).then_some(seq + 1),
        };
        Ok(v1::TraceReply { receipts, next_seq })
    }

    fn evidence(&self, seq: u64) -> Result<Vec<u8>, Status> {
        let log = log();
        let proven = |seq: u64| ProvenEntry {
            seq,
            entry: log.leaves()[usize::try_from(seq).unwrap()].clone(),
            proof: log.proof(seq),
        };
        let others = [0, 2]
            .into_iter()
            .filter(|seq| Some(*seq) != self.evidence_without)
            .map(proven);
        Ok(Evidence::new(
            proven(seq - self.seq_off),
            others.collect(),
            log.checkpoint(),
        )
        .to_bytes())
    }

    fn disclose(&self, identifiers: v1::Identifiers) -> Result<Vec<u8>, Status> {
        let key = SubjectKey::new([3; 32]);
        let keys = email_keys(self.opens.unwrap_or(&identifiers.email)).unwrap();
        let open = |found: ledger_core::normalise::MatchKey| OpenedKey {
            s: key.opening_secret(&found.kind, &found.identifier),
            kind: found.kind.to_string(),
            identifier: found.identifier,
        };
        Ok(Opening::new(keys.into_iter().map(open).collect())
            .unwrap()
            .to_bytes())
    }

    fn checkpoint(&self) -> Result<Vec<u8>, Status> {
        Ok(log().checkpoint())
    }

    fn consistency(
        &self,
        request: v1::GetConsistencyRequest,
    ) -> Result<v1::GetConsistencyReply, Status> {
        // The log of `count` entries, and of 11.
        let size = request.new_size.unwrap_or(11);
        let to = if size == 11 { log() } else { Log::of(size) };
        let proof = if request.old_size == size {
            Vec::new()
        } else {
            consistency(&to, request.old_size)
        };
        Ok(v1::GetConsistencyReply {
            proof: proof.into(),
            checkpoint: to.checkpoint().into(),
        })
    }
}

/// The consistency proof from 8, a complete subtree, to 11 leaves: the root over the last three.
fn consistency(log: &Log, old: u64) -> Vec<u8> {
    assert_eq!(
        (old, log.size()),
        (8, 11),
        "the one proof that is easily written down"
    );
    let last: Vec<_> = log.leaves()[8..]
        .iter()
        .map(|leaf| ledger_core::hash::leaf_hash(leaf))
        .collect();
    BatchTree::new(&CompactRange::new(), &last)
        .root()
        .0
        .to_vec()
}

#[test]
fn a_receipt_is_kept_as_a_file() {
    let cli = Cli::new(Reads::default());
    let run = cli.run("receipt 9 --out r.tlog-proof");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.starts_with("#9  "), "{}", run.out);
    let bytes = std::fs::read(cli.folder().join("r.tlog-proof")).unwrap();
    assert_eq!(ledger_core::receipt::Receipt::parse(&bytes).unwrap().seq, 9);
    let run = cli.run("receipt --request Decide/r-1 --json");
    assert_eq!(
        (run.code, run.json()["seq"].clone()),
        (0, 9.into()),
        "{}",
        run.err
    );
}

#[test]
fn a_receipt_of_another_entry_is_refused_and_not_kept() {
    let cli = Cli::new(Reads {
        seq_off: 1,
        ..Reads::default()
    });
    cli.run("receipt 10 --out r")
        .refused("seq: asked for `10`, the entry has `9`");
    assert!(!cli.folder().join("r").exists());
    Cli::new(Reads::default())
        .run("receipt --request Decide/r-2")
        .refused("request id: asked for `r-2`");
    Cli::new(Reads::default())
        .run("receipt --request Record/r-1")
        .refused("call: asked for `Record`");
}

#[test]
fn a_detail_is_shown_once_it_is_proven() {
    let cli = Cli::new(Reads::default());
    let run = cli.run("detail 9 params");
    assert_eq!((run.code, run.out.as_bytes()), (0, VALUE), "{}", run.err);
    let object = cli.run("detail 9 params --json").json();
    assert_eq!(object["value"], "{\"template\":\"q4\"}");
    let run = cli.run("detail 9 params --out d");
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(std::fs::read(cli.folder().join("d")).unwrap(), VALUE);
    let run = cli.run("detail 9 plan");
    assert_eq!(run.code, 2);
    assert!(
        run.err
            .contains("entry 9 has no detail `plan`: it has params"),
        "{}",
        run.err
    );
}

#[test]
fn a_detail_that_was_changed_is_refused_unseen() {
    let lie: &[u8] = b"{\"template\":\"q5\"}";
    let cli = Cli::new(Reads {
        value: Some(lie),
        ..Reads::default()
    });
    let run = cli.run("detail 9 params");
    run.refused("the entry commits to");
    assert!(!run.err.contains("q5"));
    cli.run("detail 9 params --out d")
        .refused("the entry commits to");
    assert!(!cli.folder().join("d").exists());
}

#[test]
fn a_trace_tells_every_page_in_order() {
    let run = Cli::new(Reads::default()).run("trace run-1");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .starts_with("run-1: 1 denied\n\n1. `email.send` by `agent.sender`\n")
            && run.out.contains("\n#9  "),
        "{}",
        run.out
    );
    assert!(run.out.contains("     - dnc.listed: a recipient must not be contacted: listed by identifier (listing 2/0).\n"));
    assert!(run.out.contains("\n#10  "), "{}", run.out);
    assert!(
        run.out
            .ends_with("under its signed checkpoint of 11 entries.\n"),
        "{}",
        run.out
    );
    let object = Cli::new(Reads::default()).run("trace run-1 --json").json();
    assert_eq!(object["entries"][0]["kind"], "decision");
    assert_eq!(object["entries"][1]["decision"], 9);
}

#[test]
fn a_trace_of_something_else_is_refused() {
    Cli::new(Reads::default())
        .run("trace run-2")
        .refused("correlation id: asked for `run-2`, the entry has `run-1`");
    let endless = Reads {
        endless: true,
        ..Reads::default()
    };
    Cli::new(endless)
        .run("trace run-1")
        .refused("pages do not end");
    let backwards = Reads {
        backwards: true,
        ..Reads::default()
    };
    let run = Cli::new(backwards).run("trace run-1");
    run.refused("not in order");
}

#[test]
fn evidence_holds_what_its_entry_relies_on() {
    let cli = Cli::new(Reads::default());
    let run = cli.run("evidence 9 --out e");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .contains("this entry and 2 entries that it relies on (0, 2)"),
        "{}",
        run.out
    );
    assert!(cli.folder().join("e").exists());
    for (missing, why) in [
        (0, "entry 0, which entry 9 relies on"),
        (2, "entry 2, which entry 9 relies on"),
    ] {
        let cli = Cli::new(Reads {
            evidence_without: Some(missing),
            ..Reads::default()
        });
        cli.run("evidence 9 --out e").refused(why);
        assert!(!cli.folder().join("e").exists());
    }
    let other = Reads {
        seq_off: 1,
        ..Reads::default()
    };
    Cli::new(other)
        .run("evidence 9 --out e")
        .refused("seq: asked for `9`, the entry has `8`");
}

#[test]
fn what_is_fetched_replaces_no_file_unless_it_is_forced() {
    for line in [
        "receipt 9 --out kept",
        "evidence 9 --out kept",
        "disclose --email ada@example.com --out kept",
        "checkpoint --out kept",
        "consistency 8 --proof-out kept",
        "consistency 8 --checkpoint-out kept",
        "detail 9 params --out kept",
    ] {
        let cli = Cli::new(Reads::default());
        let kept = cli.folder().join("kept");
        std::fs::write(&kept, "of another day").unwrap();
        let run = cli.run(line);
        assert_eq!(run.code, 2, "{line}: {}", run.err);
        assert!(
            run.err.contains("`kept` exists already") && run.err.contains("--force"),
            "{line}: {}",
            run.err
        );
        assert_eq!(
            cli.calls(),
            0,
            "{line}: nothing is read, and recorded as read, for nothing"
        );
        assert_eq!(std::fs::read(&kept).unwrap(), b"of another day", "{line}");
        let run = cli.run(&format!("{line} --force"));
        assert_eq!(run.code, 0, "{line}: {}", run.err);
        assert_ne!(std::fs::read(&kept).unwrap(), b"of another day", "{line}");
    }
}

#[test]
fn who_asks_for_nothing_is_told_what_there_is_to_ask_for() {
    let cli = Cli::new(Reads::default());
    for (line, words) in [
        ("evidence --out e", ["SEQ", "--subject", "--correlation"]),
        ("receipt --out r", ["SEQ", "--request", "--refresh"]),
    ] {
        let run = cli.run(line);
        assert_eq!(run.code, 2, "{line}: {}", run.err);
        for word in words {
            assert!(run.err.contains(word), "{line}, {word}: {}", run.err);
        }
    }
    assert_eq!(cli.calls(), 0);
}

#[test]
fn a_file_that_was_named_by_mistake_is_no_forgery() {
    let cli = Cli::new(Reads::default());
    for line in ["receipt 9 --out r", "evidence 9 --out e"] {
        assert_eq!(cli.run(line).code, 0, "{line}");
    }
    for (line, words) in [
        ("receipt --refresh e", "`e` is evidence, expected a receipt"),
        (
            "consistency --checkpoint r",
            "`r` is a receipt, expected a checkpoint",
        ),
    ] {
        let run = cli.run(line);
        assert_eq!(run.code, 2, "{line}: {}", run.err);
        assert!(run.err.contains(words), "{line}: {}", run.err);
    }
}

#[test]
fn an_opening_opens_who_was_asked_for_alone() {
    let cli = Cli::new(Reads::default());
    let run = cli.run("disclose --email Ada@Example.com --out o");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.contains("(email, email.canonical, domain)"),
        "{}",
        run.out
    );
    assert!(!run.out.to_lowercase().contains("ada"), "{}", run.out);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(cli.folder().join("o"))
            .unwrap()
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let other = Reads {
        opens: Some("bob@example.com"),
        ..Reads::default()
    };
    Cli::new(other)
        .run("disclose --email ada@example.com --out o")
        .refused("it opens other keys");
}

#[test]
fn a_checkpoint_that_was_kept_holds_the_ledger_to_it() {
    let cli = Cli::new(Reads::default());
    let run = cli.run("checkpoint --out now --json");
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.json()["root"], log().root().to_string());
    assert_eq!(
        std::fs::read(cli.folder().join("now")).unwrap(),
        log().checkpoint()
    );

    std::fs::write(cli.folder().join("kept"), Log::of(8).checkpoint()).unwrap();
    let run = cli.run("consistency --checkpoint kept --proof-out p --checkpoint-out new");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .starts_with("Consistent: the 8 entries of the checkpoint that you kept"),
        "{}",
        run.out
    );
    assert_eq!(std::fs::read(cli.folder().join("p")).unwrap().len(), 45);
    assert_eq!(
        std::fs::read(cli.folder().join("new")).unwrap(),
        log().checkpoint()
    );
    let run = cli.run("consistency 8 --json");
    assert_eq!(
        (run.code, run.json()["against_kept"].clone()),
        (0, false.into()),
        "{}",
        run.err
    );

    // Another history of eight entries, signed by the same key.
    let mut fork = Log::of(7);
    fork.append(Body::Shutdown(ledger_core::entry::Shutdown {
        actor: Actor::ledger(),
    }));
    std::fs::write(cli.folder().join("fork"), fork.checkpoint()).unwrap();
    cli.run("consistency 8 --checkpoint fork")
        .refused("the consistency proof");
    let run = cli.run("consistency 7 --checkpoint kept");
    assert_eq!(run.code, 2, "{}", run.err);
}
