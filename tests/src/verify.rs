//! `ledger-verify`, told which key to trust.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ledger_core::hash::Hash;
use ledger_core::receipt::Receipt;
use ledger_core::trust::{Trust, VerifiedCheckpoint};
use ledger_proto::v1 as pb;

use crate::bin::{self, Ran};
use crate::{Ledger, Log};

/// The verifier and one ledger's verification key. It knows nothing else of the ledger.
#[derive(Debug)]
pub struct Verifier {
    vkey: String,
    folder: PathBuf,
}

impl Verifier {
    /// A verifier that trusts this ledger. Files that it needs are written beside the ledger.
    pub fn of(ledger: &Ledger) -> Self {
        Self {
            vkey: ledger.vkey(),
            folder: ledger.path(""),
        }
    }

    /// `ledger-verify <command> --vkey <key> …`.
    pub fn run(&self, command: &str, arguments: &[&str]) -> Ran {
        let mut verify = bin::command("ledger-verify");
        verify
            .arg(command)
            .args(["--vkey", &self.vkey])
            .args(arguments);
        bin::run_within(&mut verify, std::time::Duration::from_mins(3))
    }

    /// Verifies a receipt.
    #[track_caller]
    pub fn receipt(&self, receipt: &pb::Receipt) -> Ran {
        let file = self.write("tlog-proof", &core_receipt(receipt).to_bytes());
        self.run("receipt", &[&shown(&file)])
    }

    /// Verifies an evidence file, with an opening where there is one.
    pub fn evidence(&self, evidence: &[u8], opening: Option<&[u8]>) -> Ran {
        let file = shown(&self.write("evidence", evidence));
        match opening {
            None => self.run("evidence", &[&file]),
            Some(opening) => {
                let opening = shown(&self.write("opening", opening));
                self.run("evidence", &[&file, "--opening", &opening])
            }
        }
    }

    /// Verifies an export's every hash.
    pub fn log(&self, folder: &Path) -> Ran {
        self.run("log", &[&shown(folder)])
    }

    /// Executes every decision of an export again.
    pub fn replay(&self, folder: &Path) -> Ran {
        self.run("replay", &[&shown(folder)])
    }

    /// Demands that an export verifies and that every decision in it comes out again.
    #[track_caller]
    pub fn whole(&self, folder: &Path) {
        self.log(folder).expect(0);
        self.replay(folder).expect(0).says(&["match"]);
    }

    /// What the core makes of a checkpoint, for tests with more of them than processes can judge.
    #[track_caller]
    pub fn checkpoint(&self, checkpoint: &[u8]) -> VerifiedCheckpoint {
        self.trust()
            .verify_checkpoint(checkpoint)
            .unwrap_or_else(|error| panic!("a checkpoint: {error}"))
    }

    /// The trust that the core verifies with.
    pub fn trust(&self) -> Trust {
        Trust::parse_vkey(&self.vkey).unwrap_or_else(|error| panic!("`{}`: {error}", self.vkey))
    }

    fn write(&self, extension: &str, bytes: &[u8]) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let file = self.folder.join(format!(
            "{}.{extension}",
            NEXT.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::write(&file, bytes).expect("room on the disk");
        file
    }
}

impl Log {
    /// Writes the folder that an auditor is handed.
    pub fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).expect("room on the disk");
        let mut lines = self.entries.join(&b'\n');
        lines.push(b'\n');
        let leaves: Vec<u8> = self
            .entries
            .iter()
            .flat_map(|entry| ledger_core::hash::leaf_hash(entry).0)
            .collect();
        for (name, bytes) in [
            ("entries.jsonl", &lines),
            ("leaves", &leaves),
            ("checkpoint", &self.checkpoint),
        ] {
            std::fs::write(folder.join(name), bytes).expect("room on the disk");
        }
    }
}

/// A reply's receipt as the core reads it.
pub fn core_receipt(receipt: &pb::Receipt) -> Receipt {
    Receipt {
        entry: receipt.entry.to_vec(),
        seq: receipt.seq,
        proof: core_hashes(&receipt.proof),
        checkpoint: receipt.checkpoint.to_vec(),
    }
}

/// A proof's hashes as the core reads them.
pub fn core_hashes(proof: &[u8]) -> Vec<Hash> {
    let (hashes, rest) = proof.as_chunks::<32>();
    assert!(
        rest.is_empty(),
        "a proof is made of hashes of 32 bytes, found {} bytes",
        proof.len()
    );
    hashes.iter().copied().map(Hash).collect()
}

fn shown(path: &Path) -> String {
    path.to_str().expect("temporary paths are UTF-8").to_owned()
}
