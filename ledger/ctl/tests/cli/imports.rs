//! Imports: all of a file or nothing of it, and after a kill at any call everybody once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ledger_core::action::Channel;
use ledger_core::entry::{Body, Dnc, DncOp, Import, Key, Listing, ListingReason};
use ledger_core::hash::Hash;
use ledger_core::role::Call;
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};
use ledger_proto::v1;
use tonic::Status;

use crate::log::Log;
use crate::server::Behaviour;
use crate::writes::operator;
use crate::{Cli, Run};

mod formats;

/// A ledger that imports, and answers a repeated call with its first entry.
struct Imports {
    state: Mutex<State>,
    /// The call, from 1, that is not answered; and whether it was done all the same.
    breaks: Mutex<Option<(usize, bool)>>,
    /// Whether the caller has the role that ends listings.
    may_remove: Mutex<bool>,
    change: fn(&mut Dnc),
}

struct State {
    log: Log,
    made: BTreeMap<String, u64>,
    calls: usize,
    /// Under all imports.
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
            may_remove: Mutex::new(true),
            change,
        })
    }

    /// What an import was begun with.
    fn begun(&self, import: u64) -> Import {
        let state = self.state.lock().unwrap();
        let entry = &state.log.leaves()[usize::try_from(import).unwrap()];
        match ledger_core::entry::Entry::decode(entry).unwrap().body {
            Body::Dnc(dnc) => dnc.imports.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Every change of the list that was made, in order.
    fn changes(&self) -> Vec<Dnc> {
        let state = self.state.lock().unwrap();
        let entries = state.log.leaves().iter();
        let changes = entries.filter_map(|leaf| {
            match ledger_core::entry::Entry::decode(leaf).unwrap().body {
                Body::Dnc(dnc) => Some(dnc),
                _ => None,
            }
        });
        changes.collect()
    }

    fn write(
        &self,
        call: Call,
        header: Option<v1::WriteHeader>,
        fill: impl FnOnce(&mut Dnc),
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
        let under = |dnc: &Dnc| -> u64 {
            let made =
                state.log.leaves().iter().map(|leaf| {
                    match ledger_core::entry::Entry::decode(leaf).unwrap().body {
                        Body::Dnc(made) if made.import == dnc.import => made.listings.len() as u64,
                        _ => 0,
                    }
                });
            made.sum()
        };
        fill(&mut dnc);
        if dnc.op == DncOp::ImportEnd {
            dnc.imported = Some(under(&dnc));
        }
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
        self.write(Call::BeginImport, request.header.clone(), |dnc| {
            dnc.op = DncOp::ImportBegin;
            dnc.imports = Some(Import {
                reason: why(request.reason()),
                source: request.source,
                sha256: Hash(request.sha256[..].try_into().unwrap()),
                rows: request.rows,
                rejected: request.rejected,
                changes: request.changes,
            });
        })
    }

    fn add_dnc(&self, request: v1::AddDncRequest) -> Result<v1::WriteReply, Status> {
        self.write(Call::AddDnc, request.header, |dnc| {
            let listing = |asked: &v1::Listing| Listing {
                keys: kinds(asked)
                    .into_iter()
                    .map(|kind| Key {
                        kind,
                        token: Token([0x51; 32]),
                        v: None,
                    })
                    .collect(),
                seller: Some(asked.seller.clone()).filter(|seller| !seller.is_empty()),
                channels: asked.channels().map(by).collect(),
                reason: Some(why(asked.reason())),
                source: Some(asked.source.clone()),
                requested_at: asked.requested_at.as_ref().map(at),
                effective_from: None,
                expires_at: asked.expires_at.as_ref().map(at),
                evidence: asked.evidence_sha256[..].try_into().ok().map(Hash),
            };
            dnc.tokens_v = Some(1);
            dnc.import = request.import;
            dnc.listings = request.listings.iter().map(listing).collect();
        })
    }

    fn end_import(&self, request: v1::EndImportRequest) -> Result<v1::WriteReply, Status> {
        let begun = self.begun(request.import);
        self.write(Call::EndImport, request.header, |dnc| {
            dnc.op = DncOp::ImportEnd;
            dnc.import = Some(request.import);
            dnc.imports = Some(begun);
        })
    }

    fn receipt(&self, request: v1::GetReceiptRequest) -> Result<v1::Receipt, Status> {
        let state = self.state.lock().unwrap();
        let Some(v1::get_receipt_request::Of::Request(name)) = request.of else {
            return Err(Status::unimplemented("by seq"));
        };
        assert_eq!(name.call, "AddDnc");
        match state.made.get(&name.request_id) {
            Some(seq) => Ok(state.log.receipt(*seq)),
            None => Err(Status::not_found("no such request")),
        }
    }

    fn check_dnc(&self, request: v1::CheckDncRequest) -> Result<v1::CheckDncReply, Status> {
        let of = |phone: &str| -> Vec<(u64, Option<u64>, &str)> {
            match phone {
                // By this import's own source, by another, by hand, and by this import itself.
                "+12025550001" => vec![
                    (900, Some(800), "ftc"),
                    (901, Some(801), "dmv"),
                    (902, None, ""),
                ],
                "+12025550002" => vec![
                    (900, Some(800), "ftc"),
                    (905, Some(800), "ftc"),
                    (903, Some(3), "ftc"),
                ],
                _ => Vec::new(),
            }
        };
        let mut matches = Vec::new();
        for (at, subject) in (0..).zip(&request.subjects) {
            let Some(v1::subject::Of::Person(person)) = &subject.of else {
                panic!("{subject:?}")
            };
            for (seq, import, source) in of(&person.phone) {
                let index = Some(u64::from(person.phone.ends_with('2')));
                matches.push(v1::DncMatch {
                    key: "phone".to_owned(),
                    listing: Some(v1::Cite { seq, index }),
                    reason: v1::ListingReason::NationalRegistry.into(),
                    subject: at,
                    import,
                    import_source: source.to_owned(),
                    ..v1::DncMatch::default()
                });
            }
        }
        Ok(v1::CheckDncReply { matches, keys: 0 })
    }

    fn remove_dnc(&self, request: v1::RemoveDncRequest) -> Result<v1::WriteReply, Status> {
        if *self.may_remove.lock().unwrap() {
            if request.ends.is_empty() {
                return Err(Status::invalid_argument("ends: it is required"));
            }
        } else {
            return Err(Status::permission_denied("compliance alone"));
        }
        self.write(Call::RemoveDnc, request.header, |dnc| {
            dnc.op = DncOp::Unlist;
            dnc.ends = request
                .ends
                .iter()
                .map(|cite| ledger_core::entry::Cite {
                    seq: cite.seq,
                    index: cite.index,
                })
                .collect();
            dnc.evidence = request.evidence_sha256[..].try_into().ok().map(Hash);
        })
    }
}

fn why(reason: v1::ListingReason) -> ListingReason {
    match reason {
        v1::ListingReason::NationalRegistry => ListingReason::NationalRegistry,
        v1::ListingReason::HardBounce => ListingReason::HardBounce,
        v1::ListingReason::Complaint => ListingReason::Complaint,
        v1::ListingReason::Unsubscribe => ListingReason::Unsubscribe,
        v1::ListingReason::LegalHold => ListingReason::LegalHold,
        other => panic!("{other:?}"),
    }
}

fn by(channel: v1::Channel) -> Channel {
    match channel {
        v1::Channel::Email => Channel::Email,
        v1::Channel::Call => Channel::Call,
        v1::Channel::Sms => Channel::Sms,
        other => panic!("{other:?}"),
    }
}

fn at(time: &prost_types::Timestamp) -> Timestamp {
    Timestamp::from_micros(time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000).unwrap()
}

fn kinds(asked: &v1::Listing) -> Vec<Kind> {
    match asked.subject.as_ref().unwrap().of.as_ref().unwrap() {
        v1::subject::Of::Person(person) if person.email.is_empty() => vec![Kind::Phone],
        v1::subject::Of::Person(_) => vec![Kind::Email, Kind::EmailCanonical],
        v1::subject::Of::Domain(_) => vec![Kind::Domain],
        v1::subject::Of::AccountId(_) => vec![Kind::Account],
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
        run.out.starts_with(
            "Imported 120 subjects (national_registry) as import 3, complete with entry 7.\n"
        ),
        "{}",
        run.out
    );
    assert!(run.out.contains("Proven: entry 7 of"), "{}", run.out);
    let again = import(&imports, &cli, None);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(
        again.out.starts_with(
            "This file was imported before: 120 subjects (national_registry) under import 3.\n"
        ),
        "{}",
        again.out
    );
    let object = cli.run(&format!("{LINE} --json")).json();
    assert_eq!(
        (&object["listed"], &object["rejected"]),
        (&120.into(), &0.into())
    );
    assert_eq!(object["repeated_calls"], 5);
    let part = &object["imports"][0];
    assert_eq!((&part["import"], &part["listed"]), (&3.into(), &120.into()));
    assert_eq!(part["end"]["entry"]["imported"], 120);
    assert_eq!(part["end"]["entry"]["imports"]["rows"], 120);
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
                // Of the calls under way, those that were answered count, whichever they were.
                let said = "of 120 subjects are listed under import 3, which is not complete";
                let (before, _) = broken.err.split_once(said).expect(&broken.err);
                let listed: u64 = before.split_whitespace().last().unwrap().parse().unwrap();
                let most = imports.state.lock().unwrap().listed;
                assert!(
                    listed <= most && (at < 5 || listed == 120),
                    "{listed} of {most}"
                );
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
    assert_eq!(other.code, 0, "{}", other.err);
    let made: Vec<String> = imports.state.lock().unwrap().made.keys().cloned().collect();
    assert_eq!(made.len(), 6, "{made:?}");
    assert!(
        made.contains(&"again-national_registry-begin".to_owned()),
        "{made:?}"
    );
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
        "2 rows are rejected, and nothing was sent",
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
