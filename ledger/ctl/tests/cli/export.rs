//! `export`: whole and verified, or not there at all.

use std::path::Path;

use ledger_proto::v1;
use sha2::{Digest, Sha256};
use tonic::Status;

use crate::Cli;
use crate::log::Log;
use crate::server::Behaviour;

/// The chunks that an export of a log is made of.
fn chunks(log: &Log) -> Vec<Result<v1::ExportChunk, Status>> {
    let mut chunks: Vec<_> = log
        .leaves()
        .chunks(4)
        .map(|leaves| {
            Ok(v1::ExportChunk {
                entries: leaves.iter().cloned().map(Into::into).collect(),
                checkpoint: Vec::new().into(),
            })
        })
        .collect();
    chunks.push(Ok(v1::ExportChunk {
        entries: Vec::new(),
        checkpoint: log.checkpoint().into(),
    }));
    chunks
}

/// An export of 11 entries that something was done to.
struct Exports<F>(F);

impl<F: Fn(&mut Vec<Result<v1::ExportChunk, Status>>) + Send + Sync> Behaviour for Exports<F> {
    fn checkpoint(&self) -> Result<Vec<u8>, Status> {
        Ok(Log::of(10).checkpoint())
    }

    fn export(&self) -> Result<Vec<Result<v1::ExportChunk, Status>>, Status> {
        let mut chunks = chunks(&Log::of(11));
        (self.0)(&mut chunks);
        Ok(chunks)
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_export_is_every_leaf_its_hash_and_the_checkpoint() {
    for before in [false, true] {
        let cli = Cli::new(Exports(|_: &mut Vec<_>| ()));
        if before {
            std::fs::create_dir(cli.folder().join("export")).unwrap();
        }
        let run = cli.run("export --out export");
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(
            run.out
                .starts_with("Exported 11 entries of `test.example/ledger` to export"),
            "{}",
            run.out
        );
        let folder = cli.folder().join("export");
        assert_eq!(
            names(&folder),
            ["checkpoint", "entries.jsonl", "leaves", "ledger.vkey"]
        );
        let log = Log::of(11);
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        assert_eq!(read("checkpoint"), log.checkpoint());
        assert_eq!(
            read("ledger.vkey"),
            format!("{}\n", log.vkey()).into_bytes()
        );
        let entries = read("entries.jsonl");
        let lines: Vec<&[u8]> = entries.split(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), 12);
        assert_eq!(lines[11], b"");
        // RFC 6962's leaf hash, written down once more.
        let hashes: Vec<u8> = lines[..11]
            .iter()
            .flat_map(|line| {
                Sha256::new()
                    .chain_update([0])
                    .chain_update(line)
                    .finalize()
            })
            .collect();
        assert_eq!(read("leaves"), hashes);
        assert_eq!(names(cli.folder()), ["credential", "export", "s"]);
    }
}

#[test]
fn an_export_that_does_not_lead_to_its_root_leaves_nothing_behind() {
    type Harm = fn(&mut Vec<Result<v1::ExportChunk, Status>>);
    let cases: [(Harm, &str); 7] = [
        (
            |chunks| {
                let entry = &mut chunks[1].as_mut().unwrap().entries[0];
                *entry = String::from_utf8(entry.to_vec())
                    .unwrap()
                    .replace("heartbeat", "heartbeet")
                    .into_bytes()
                    .into();
            },
            "its entries have the root",
        ),
        (
            |chunks| drop(chunks[1].as_mut().unwrap().entries.pop()),
            "its checkpoint is of size 11, and 10 entries came",
        ),
        (
            |chunks| drop(chunks.pop()),
            "it ends without its checkpoint",
        ),
        (
            |chunks| {
                let more = chunks[0].as_ref().unwrap().clone();
                chunks.push(Ok(more));
            },
            "something follows its checkpoint",
        ),
        (
            |chunks| {
                chunks.last_mut().unwrap().as_mut().unwrap().checkpoint =
                    Log::signed_by(8).checkpoint().into();
            },
            "no signature by a trusted key",
        ),
        (
            |chunks| chunks[0].as_mut().unwrap().entries[0] = b"two\nlines".to_vec().into(),
            "a line break",
        ),
        (
            |chunks| *chunks = self::chunks(&Log::of(9)),
            "it has 9 entries, fewer than the 10 before",
        ),
    ];
    for (harm, why) in cases {
        let cli = Cli::new(Exports(harm));
        let run = cli.run("export --out export");
        assert_eq!(run.code, 1, "{}{}", run.out, run.err);
        run.refused(why);
        assert_eq!(names(cli.folder()), ["credential", "s"], "{why}");
    }
}

#[test]
fn an_export_that_breaks_off_leaves_nothing_behind() {
    let cli = Cli::new(Exports(|chunks: &mut Vec<_>| {
        chunks[2] = Err(Status::unavailable("gone"));
    }));
    let run = cli.run("export --out export");
    assert_eq!(run.code, 3, "{}", run.err);
    assert_eq!(names(cli.folder()), ["credential", "s"]);
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let cli = Cli::new(Exports(|_: &mut Vec<_>| ()));
    std::fs::create_dir(cli.folder().join("export")).unwrap();
    std::fs::write(cli.folder().join("export/mine"), "x").unwrap();
    let run = cli.run("export --out export");
    assert_eq!(run.code, 2, "{}", run.err);
    assert_eq!(names(&cli.folder().join("export")), ["mine"]);
    assert_eq!(cli.calls(), 0);
}
