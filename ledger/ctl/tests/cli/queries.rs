//! Lists, tails and old receipts, from ledgers that lie and from those that do not.

use std::io::Read;
use std::process::Stdio;

use ledger_core::entry::{Actor, Basis, Body, Decision, Heartbeat, Outcome};
use ledger_core::role::{Call, Role};
use ledger_proto::v1;
use tonic::Status;
use v1::tail_reply::Of;

use crate::log::{Log, cause};
use crate::server::Behaviour;
use crate::{Cli, program};

/// A heartbeat, then decisions: allow, deny, allow, deny.
fn log() -> Log {
    let mut log = Log::of(1);
    for outcome in [Outcome::Allow, Outcome::Deny, Outcome::Allow, Outcome::Deny] {
        let cause = cause(Call::Decide, Role::Agent, "agent.sender", "r", "run-1");
        log.append(Body::Decision(Box::new(Decision {
            outcome,
            ..Decision::request(Basis::Gate, cause, "email.send".to_owned())
        })));
    }
    log
}

/// Lists these seqs, two a page, and tails them, whatever was asked for.
#[derive(Default)]
struct Says {
    seqs: Vec<u64>,
    size: u64,
    unproven: bool,
    mark: Option<u64>,
}

impl Behaviour for Says {
    fn list(&self, request: v1::ListRequest) -> Result<v1::ListReply, Status> {
        let at: usize = request.page_token.parse().unwrap_or(0);
        let page = self.seqs.iter().skip(at).take(2);
        let more = at + 2 < self.seqs.len();
        Ok(v1::ListReply {
            receipts: page.map(|seq| log().receipt(*seq)).collect(),
            next_page_token: if more {
                (at + 2).to_string()
            } else {
                String::new()
            },
            size: self.size,
        })
    }

    fn tail(&self, _: v1::TailRequest) -> Result<Vec<Result<v1::TailReply, Status>>, Status> {
        let entry = |seq: &u64| {
            let receipt = log().receipt(*seq);
            if self.unproven {
                Of::Entry(v1::LogEntry {
                    entry: receipt.entry,
                    seq: *seq,
                })
            } else {
                Of::Receipt(receipt)
            }
        };
        let mark = self.mark.map(|size| {
            Of::Mark(v1::TailMark {
                size,
                checkpoint: log().checkpoint().into(),
            })
        });
        let sent = self.seqs.iter().map(entry).chain(mark);
        let mut sent: Vec<_> = sent.map(|of| Ok(v1::TailReply { of: Some(of) })).collect();
        sent.push(Err(Status::unavailable("the ledger is stopping")));
        Ok(sent)
    }
}

fn lists(seqs: &[u64]) -> Cli {
    Cli::new(Says {
        seqs: seqs.to_vec(),
        size: 5,
        ..Says::default()
    })
}

#[test]
fn a_list_is_read_page_by_page_and_every_entry_is_checked() {
    let run = lists(&[4, 3, 2, 1, 0]).run("list --all");
    assert_eq!(run.code, 0, "{}", run.err);
    let first: Vec<&str> = run
        .out
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(first[..5], ["#4", "#3", "#2", "#1", "#0"], "{}", run.out);
    assert!(
        run.out
            .contains("each proven to be in `test.example/ledger`"),
        "{}",
        run.out
    );
    let run = lists(&[4, 3, 2]).run("list --limit 2");
    assert!(
        run.code == 0 && run.err.contains("more than 2 entries"),
        "{}",
        run.err
    );
    let run = lists(&[1, 3]).run("list --oldest --outcome allow --json");
    let lines: Vec<serde_json::Value> = run
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{}", run.out);
    assert!(
        lines
            .iter()
            .all(|line| line["proven"] == true && line["checkpoint_size"] == 5)
    );
    assert!(lines.iter().all(|line| line["entry"]["outcome"] == "allow"));
}

#[test]
fn a_list_of_what_was_not_asked_for_is_refused() {
    for (seqs, words, why) in [
        (
            &[4, 3][..],
            "list --outcome deny",
            "entry 3 is none of those asked for",
        ),
        (&[4, 0], "list --kind decision", "entry 0 is none"),
        (&[3, 4], "list", "not in order"),
        (&[4, 4], "list", "not in order"),
        (&[4, 3], "list --oldest", "not in order"),
        (&[4], "list --actor agent.other", "entry 4 is none"),
        (&[4], "list --until 2020-01-01T00:00:00Z", "entry 4 is none"),
        (&[4], "list --correlation-id run-2", "entry 4 is none"),
    ] {
        let run = lists(seqs).run(words);
        assert_eq!(run.code, 1, "{words}: {}", run.out);
        assert!(run.err.contains(why), "{words}: {}", run.err);
    }
    let run = Cli::new(Says {
        seqs: vec![4],
        size: 4,
        ..Says::default()
    })
    .run("list");
    assert!(
        run.code == 1 && run.err.contains("beyond the 4 entries"),
        "{}",
        run.err
    );
    let run = lists(&[4]).trusting(Log::signed_by(8).vkey()).run("list");
    assert_eq!(
        (run.code, run.out.as_str()),
        (1, ""),
        "another key is trusted"
    );
}

#[test]
fn a_tail_says_what_is_not_proven_and_where_it_goes_on() {
    let tails = |change: fn(&mut Says)| {
        let mut says = Says {
            seqs: vec![1, 3],
            ..Says::default()
        };
        change(&mut says);
        Cli::new(says)
    };
    let run = tails(|_| {}).run("tail --from 0");
    assert_eq!((run.code, run.out.lines().count()), (3, 2), "{}", run.err);
    assert!(run.err.contains("`--from 4` goes on there"), "{}", run.err);
    let run = tails(|says| says.unproven = true).run("tail --from 0");
    assert!(
        run.code == 1 && run.err.contains("without its proof"),
        "{}",
        run.err
    );
    let run = tails(|says| says.unproven = true).run("tail --from 0 --no-proofs");
    assert_eq!(run.out.matches("(not proven)").count(), 2, "{}", run.out);
    let run = tails(|says| says.unproven = true).run("tail --from 0 --no-proofs --json");
    assert_eq!(
        run.out.matches("\"proven\":false").count(),
        2,
        "{}",
        run.out
    );
    let run = tails(|says| says.mark = Some(5)).run("tail --from 0 --json --marks");
    let mark = "{\"mark\":{\"size\":5}}";
    assert!(run.out.lines().any(|line| line == mark), "{}", run.out);
    for (change, words, why) in [
        (
            (|says| says.mark = Some(3)) as fn(&mut Says),
            "tail --from 0",
            "size of the checkpoint",
        ),
        (
            |says| says.seqs = vec![3, 1],
            "tail --from 0",
            "comes after later ones",
        ),
        (|_| {}, "tail --from 2", "comes after later ones"),
        (
            |_| {},
            "tail --from 0 --outcome deny",
            "none of those asked for",
        ),
    ] {
        let run = tails(change).run(words);
        assert!(
            run.code == 1 && run.err.contains(why),
            "{words}: {}",
            run.err
        );
    }
}

#[test]
fn a_pipe_that_closes_ends_a_list_quietly() {
    let cli = lists(&[4, 3, 2, 1, 0]);
    for words in ["list --all", "list --all --json", "explain dnc.listed"] {
        let mut command = program(cli.folder());
        command
            .env("LEDGER_SOCKET", cli.server.socket())
            .env("LEDGER_CREDENTIAL", cli.server.credential())
            .env("LEDGER_VKEY", &cli.vkey)
            .args(words.split(' '))
            .stdout(closed_pipe())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        let mut errors = child.stderr.take().unwrap();
        errors.read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert!(
            status.success() && said.is_empty(),
            "{words}: {status}: {said}"
        );
    }
    assert_eq!(
        cli.calls(),
        2,
        "nothing more is asked for than somebody reads"
    );
}

/// A pipe that nobody reads: its other end is closed already.
fn closed_pipe() -> Stdio {
    let (_reader, writer) = std::io::pipe().unwrap();
    writer.into()
}

/// An honest ledger: hands out receipts and proofs of its log.
struct Today {
    log: fn() -> Log,
    /// Whether it says that the entry is none of the caller's.
    withholds: bool,
    consistency: Vec<ledger_core::hash::Hash>,
}

/// The log of today: three more entries than [`log`].
fn grown() -> Log {
    let mut log = log();
    for _ in 0..3 {
        log.append(Body::Heartbeat(Heartbeat {
            actor: Actor::ledger(),
        }));
    }
    log
}

/// Another history under the same key.
fn forked() -> Log {
    let mut log = Log::of(2);
    for _ in 0..6 {
        log.append(Body::Heartbeat(Heartbeat {
            actor: Actor::ledger(),
        }));
    }
    log
}

fn short() -> Log {
    Log::of(3)
}

impl Behaviour for Today {
    fn receipt(&self, request: v1::GetReceiptRequest) -> Result<v1::Receipt, Status> {
        let Some(v1::get_receipt_request::Of::Seq(seq)) = request.of else {
            return Err(Status::invalid_argument("of"));
        };
        let log = (self.log)();
        if self.withholds {
            return Err(Status::permission_denied("not yours"));
        }
        if seq >= log.size() {
            return Err(Status::not_found("no such entry"));
        }
        Ok(log.receipt(seq))
    }

    fn checkpoint(&self) -> Result<Vec<u8>, Status> {
        Ok((self.log)().checkpoint())
    }

    fn consistency(
        &self,
        request: v1::GetConsistencyRequest,
    ) -> Result<v1::GetConsistencyReply, Status> {
        assert_eq!(request.old_size, 5);
        let proof: Vec<u8> = self.consistency.iter().flat_map(|hash| hash.0).collect();
        Ok(v1::GetConsistencyReply {
            proof: proof.into(),
            checkpoint: (self.log)().checkpoint().into(),
        })
    }
}

/// The consistency proof from 5 to 8 entries, by the letter of RFC 6962 section 2.1.2: `PROOF(5, D[8])` is
/// the leaf 4, the leaf 5, the pair 6 and 7, and the first four.
fn five_to_eight(log: &Log) -> Vec<ledger_core::hash::Hash> {
    use ledger_core::hash::{leaf_hash, node_hash};
    let leaf: Vec<_> = log.leaves().iter().map(|leaf| leaf_hash(leaf)).collect();
    let pair = |at: usize| node_hash(&leaf[at], &leaf[at + 1]);
    vec![leaf[4], leaf[5], pair(6), node_hash(&pair(0), &pair(2))]
}

fn refreshed(today: Today, words: &str) -> crate::Run {
    let cli = Cli::new(today);
    let receipt = log().receipt(2);
    let receipt = ledger_core::receipt::Receipt {
        entry: receipt.entry.to_vec(),
        seq: receipt.seq,
        proof: log().proof(2),
        checkpoint: receipt.checkpoint.to_vec(),
    };
    std::fs::write(cli.folder().join("old.tlog-proof"), receipt.to_bytes()).unwrap();
    cli.run(&format!("receipt --refresh old.tlog-proof{words}"))
}

#[test]
fn an_old_receipt_is_held_against_the_log_of_today() {
    let today = |log: fn() -> Log, withholds| Today {
        log,
        withholds,
        consistency: five_to_eight(&grown()),
    };
    let run = refreshed(today(grown, false), "");
    assert!(
        run.code == 0 && run.out.contains("Holds"),
        "{}{}",
        run.out,
        run.err
    );
    let run = refreshed(today(grown, true), " --json");
    let object: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(
        (run.code, &object["included"], &object["consistent"]),
        (0, &false.into(), &true.into())
    );
    let run = refreshed(today(grown, true), " --out new.tlog-proof");
    assert!(
        run.code == 2 && run.err.contains("nothing was written"),
        "{}",
        run.err
    );
    for (log, why) in [
        (forked as fn() -> Log, "changed, or forked"),
        (short, "rolled back"),
    ] {
        let run = refreshed(today(log, false), "");
        assert!(
            run.code == 1 && run.err.contains(why),
            "{}{}",
            run.out,
            run.err
        );
    }
    let mut bent = today(grown, false);
    bent.consistency.pop();
    assert_eq!(refreshed(bent, "").code, 1, "a proof that is not whole");
}
