//! Imports: all of a file or nothing of it, and after a kill at any call everybody once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ledger_core::action::Channels;
use ledger_core::entry::{Body, Dnc, DncOp, Import, Key, Listing, ListingReason};
use ledger_core::hash::Hash;
use ledger_core::role::Call;
use ledger_core::token::{Kind, Token};
use ledger_proto::v1;
use tonic::Status;

use crate::log::Log;
use crate::server::Behaviour;
use crate::writes::operator;
use crate::{Cli, Run};

/// A ledger that imports, and answers a repeated call with its first entry.
struct Imports {
    state: Mutex<State>,
    /// The call, from 1, that is not answered; and whether it was done all the same.
    breaks: Mutex<Option<(usize, bool)>>,
    change: fn(&mut Dnc),
}

struct State {
    log: Log,
    made: BTreeMap<String, u64>,
    calls: usize,
    listed: u64,
}

impl Imports {
    fn new(change: fn(&mut Dnc)) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                log: Log::of(3),
                made: BTreeMap::new(),
                calls: 0,
                listed: 0,
            }),
            breaks: Mutex::new(None),
            change,
        })
    }

    fn write(
        &self,
        call: Call,
        header: Option<v1::WriteHeader>,
        fill: impl FnOnce(&mut Dnc, u64),
    ) -> Result<v1::WriteReply, Status> {
        let mut state = self.state.lock().unwrap();
        state.calls += 1;
        let gone = || Status::unavailable("gone");
        let breaks = self
            .breaks
            .lock()
            .unwrap()
            .take_if(|(at, _)| *at == state.calls);
        if breaks == Some((state.calls, false)) {
            return Err(gone());
        }
        let id = header.as_ref().unwrap().request_id.clone();
        if let Some(seq) = state.made.get(&id) {
            return Ok(v1::WriteReply {
                receipt: Some(state.log.receipt(*seq)),
                repeated: true,
            });
        }
        let mut dnc = Dnc {
            cause: operator(call, header),
            op: DncOp::List,
            tokens_v: None,
            listings: Vec::new(),
            ends: Vec::new(),
            import: None,
            imports: None,
            imported: None,
            outcome: None,
            evidence: None,
            details: BTreeMap::new(),
        };
        fill(&mut dnc, state.listed);
        (self.change)(&mut dnc);
        state.listed += dnc.listings.len() as u64;
        let seq = state.log.append(Body::Dnc(dnc));
        state.made.insert(id, seq);
        if breaks.is_some() {
            return Err(gone());
        }
        Ok(v1::WriteReply {
            receipt: Some(state.log.receipt(seq)),
            repeated: false,
        })
    }
}

impl Behaviour for Arc<Imports> {
    fn begin_import(&self, request: v1::BeginImportRequest) -> Result<v1::WriteReply, Status> {
        self.write(Call::BeginImport, request.header, |dnc, _| {
            dnc.op = DncOp::ImportBegin;
            dnc.imports = Some(Import {
                source: request.source,
                reason: ListingReason::NationalRegistry,
                sha256: Hash(request.sha256[..].try_into().unwrap()),
            });
        })
    }

    fn add_dnc(&self, request: v1::AddDncRequest) -> Result<v1::WriteReply, Status> {
        self.write(Call::AddDnc, request.header, |dnc, _| {
            let listing = |asked: &v1::Listing| Listing {
                keys: vec![Key {
                    kind: Kind::Phone,
                    token: Token([0x51; 32]),
                    v: None,
                }],
                seller: Some(asked.seller.clone()).filter(|seller| !seller.is_empty()),
                channels: Channels::none(),
                reason: Some(ListingReason::NationalRegistry),
                source: Some(asked.source.clone()),
                requested_at: None,
                effective_from: None,
                expires_at: None,
                evidence: None,
            };
            dnc.tokens_v = Some(1);
            dnc.import = request.import;
            dnc.listings = request.listings.iter().map(listing).collect();
        })
    }

    fn end_import(&self, request: v1::EndImportRequest) -> Result<v1::WriteReply, Status> {
        self.write(Call::EndImport, request.header, |dnc, listed| {
            dnc.op = DncOp::ImportEnd;
            dnc.import = Some(request.import);
            dnc.imported = Some(listed);
        })
    }
}

/// What is done to an entry before it is logged.
type Other = fn(&mut Dnc);

const LINE: &str =
    "dnc import --format plain --kind phone --file list --source ftc --reason national_registry";

fn numbers(count: usize) -> String {
    let lines: Vec<String> = (0..count).map(|n| format!("+4420794{n:05}\n")).collect();
    lines.concat()
}

/// Imports 120 numbers from a ledger that breaks off there.
fn import(imports: &Arc<Imports>, cli: &Cli, breaks: Option<(usize, bool)>) -> Run {
    std::fs::write(cli.folder().join("list"), numbers(120)).unwrap();
    imports.state.lock().unwrap().calls = 0;
    *imports.breaks.lock().unwrap() = breaks;
    cli.run(LINE)
}

#[test]
fn a_file_becomes_one_import() {
    let imports = Imports::new(|_| ());
    let cli = Cli::new(Arc::clone(&imports));
    let run = import(&imports, &cli, None);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .starts_with("Imported 120 subjects as import 3, complete with entry 7.\n"),
        "{}",
        run.out
    );
    assert!(run.out.contains("Proven: entry 7 of"), "{}", run.out);
    let again = import(&imports, &cli, None);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(
        again.out.starts_with(
            "This file was imported before: 120 subjects were listed under import 3.\n"
        ),
        "{}",
        again.out
    );
    let object = cli.run(&format!("{LINE} --json")).json();
    assert_eq!(object["import"], 3);
    assert_eq!(object["listed"], 120);
    assert_eq!(object["listings"], serde_json::json!([4, 6]));
    assert_eq!(object["repeated_calls"], 5);
    assert_eq!(object["end"]["entry"]["imported"], 120);
    let file = Hash::of(numbers(120).as_bytes()).to_string();
    assert_eq!(object["sha256"], file);
    let state = imports.state.lock().unwrap();
    assert_eq!((state.listed, state.made.len()), (120, 5));
}

#[test]
fn a_run_that_broke_off_anywhere_is_finished_by_the_next() {
    for at in 1..=5 {
        for done in [false, true] {
            let imports = Imports::new(|_| ());
            let cli = Cli::new(Arc::clone(&imports));
            let broken = import(&imports, &cli, Some((at, done)));
            assert_eq!(broken.code, 3, "{at} {done}: {}", broken.err);
            assert!(
                broken.err.contains("repeat the command as it was"),
                "{}",
                broken.err
            );
            assert!(!broken.err.contains("--request-id"), "{}", broken.err);
            if at > 1 {
                let listed = ((at - 2) * 50).min(120);
                let said = format!("{listed} of 120 subjects are listed under import 3");
                assert!(broken.err.contains(&said), "{}", broken.err);
            }
            let run = import(&imports, &cli, None);
            assert_eq!(run.code, 0, "{at} {done}: {}", run.err);
            assert!(run.out.contains("120 subjects"), "{}", run.out);
            let state = imports.state.lock().unwrap();
            assert_eq!((state.listed, state.made.len()), (120, 5), "{at} {done}");
        }
    }
}

#[test]
fn other_terms_are_another_import() {
    let imports = Imports::new(|_| ());
    let cli = Cli::new(Arc::clone(&imports));
    std::fs::write(cli.folder().join("list"), numbers(1)).unwrap();
    assert_eq!(cli.run(LINE).code, 0);
    let other = cli.run(&format!("{LINE} --request-id again"));
    // Its own listing, and that of the import before, which this ledger counts along.
    assert_eq!(other.code, 1, "{}", other.out);
    let made: Vec<String> = imports.state.lock().unwrap().made.keys().cloned().collect();
    assert_eq!(made.len(), 6, "{made:?}");
    assert!(made.contains(&"again-begin".to_owned()), "{made:?}");
}

#[test]
fn one_bad_line_and_nothing_is_sent() {
    let imports = Imports::new(|_| ());
    let cli = Cli::new(Arc::clone(&imports));
    let text = format!("{}123\n{}nobody\n", numbers(60), numbers(2));
    std::fs::write(cli.folder().join("list"), text).unwrap();
    let run = cli.run(LINE);
    assert_eq!(run.code, 2, "{}", run.err);
    for part in [
        "has 2 bad lines, and nothing was sent",
        "line 61: ",
        "line 64: ",
    ] {
        assert!(run.err.contains(part), "{}", run.err);
    }
    for line in [
        LINE.replace("ftc", "nobody@example.com"),
        LINE.replace("--file list", "--file nowhere"),
        format!("{LINE} --seller Acme"),
    ] {
        assert_eq!(cli.run(&line).code, 2, "{line}");
    }
    assert_eq!(cli.calls(), 0);
}

#[test]
fn an_import_that_is_not_what_was_sent_is_refused() {
    let cases: [(Other, &str); 5] = [
        (
            |dnc| {
                if let Some(imports) = &mut dnc.imports {
                    imports.sha256 = Hash([1; 32]);
                }
            },
            "file's hash",
        ),
        (
            |dnc| {
                if let Some(imports) = &mut dnc.imports {
                    imports.source = "dmv".to_owned();
                }
            },
            "source: asked for `ftc`, the entry has `dmv`",
        ),
        (
            |dnc| {
                if dnc.op == DncOp::List {
                    dnc.import = None;
                }
            },
            "import: asked for `3`, the entry has nothing",
        ),
        (
            |dnc| {
                dnc.listings.pop();
            },
            "number of listings",
        ),
        (
            |dnc| dnc.imported = dnc.imported.map(|count| count + 1),
            "listings imported: asked for `120`, the entry has `121`",
        ),
    ];
    for (change, why) in cases {
        let imports = Imports::new(change);
        let cli = Cli::new(Arc::clone(&imports));
        import(&imports, &cli, None).refused(why);
    }
}
