//! What a ledger hands out for the verifier: receipts, evidence, openings, exports.

use super::*;

impl Ledger {
    pub fn leaves(&self) -> Vec<Hash> {
        self.lines.iter().map(|line| leaf_hash(line)).collect()
    }

    pub fn checkpoint_at(&self, size: u64) -> Vec<u8> {
        let leaves = self.leaves();
        let root = root_of(leaves.into_iter().take(usize::try_from(size).unwrap()));
        Checkpoint::new(ORIGIN, size, root)
            .sign(&self.key)
            .unwrap()
            .to_string()
            .into_bytes()
    }

    pub fn checkpoint(&self) -> Vec<u8> {
        self.checkpoint_at(self.size())
    }

    pub fn proven(&self, seq: u64) -> ProvenEntry {
        let tree = BatchTree::new(&CompactRange::new(), &self.leaves());
        ProvenEntry {
            seq,
            entry: self.lines[usize::try_from(seq).unwrap()].clone(),
            proof: tree.inclusion_proof(seq).unwrap(),
        }
    }

    pub fn receipt(&self, seq: u64) -> Receipt {
        let ProvenEntry { seq, entry, proof } = self.proven(seq);
        Receipt {
            entry,
            seq,
            proof,
            checkpoint: self.checkpoint(),
        }
    }

    /// Evidence of exactly these entries.
    pub fn evidence_of(&self, primary: u64, others: &[u64]) -> Evidence {
        let others = others.iter().map(|seq| self.proven(*seq)).collect();
        Evidence::new(self.proven(primary), others, self.checkpoint())
    }

    /// Evidence about an entry, as the daemon makes it.
    pub fn evidence(&self, primary: u64) -> Evidence {
        let read = |seq| Ok::<_, ()>((seq < self.size()).then(|| self.entry(seq)));
        let others: Vec<u64> = required(&self.entry(primary), read)
            .unwrap()
            .into_iter()
            .collect();
        self.evidence_of(primary, &others)
    }

    pub fn opening(&self, identifiers: Identifiers<'_>) -> Opening {
        let keys = Identity::of(identifiers).keys;
        Opening::new(
            keys.into_iter()
                .map(|key| OpenedKey {
                    s: self.subject.opening_secret(&key.kind, &key.identifier),
                    kind: key.kind.to_string(),
                    identifier: key.identifier,
                })
                .collect(),
        )
        .unwrap()
    }

    pub fn export(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let mut entries = Vec::new();
        for line in &self.lines {
            entries.extend_from_slice(line);
            entries.push(b'\n');
        }
        let leaves: Vec<u8> = self.leaves().iter().flat_map(|leaf| leaf.0).collect();
        std::fs::write(folder.join("entries.jsonl"), entries).unwrap();
        std::fs::write(folder.join("leaves"), leaves).unwrap();
        std::fs::write(folder.join("checkpoint"), self.checkpoint()).unwrap();
        std::fs::write(folder.join("ledger.vkey"), format!("{}\n", self.vkey())).unwrap();
    }
}
