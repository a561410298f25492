//! A log in memory: entries, their tree, signed checkpoints.

use ledger_core::checkpoint::Checkpoint;
use ledger_core::entry::{Actor, ActorType, Body, Cause, Entry};
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::note::SigningKey;
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::tree::{BatchTree, CompactRange};
use ledger_proto::v1;

pub(crate) const ORIGIN: &str = "test.example/ledger";

/// Entries and the key that signs them.
pub(crate) struct Log {
    key: SigningKey,
    leaves: Vec<Vec<u8>>,
}

impl Log {
    /// An empty log; always under the same key.
    pub(crate) fn new() -> Self {
        Self::signed_by(7)
    }

    /// An empty log under another key of the same name.
    pub(crate) fn signed_by(seed: u8) -> Self {
        Self {
            key: SigningKey::from_seed(&[seed; 32], ORIGIN).unwrap(),
            leaves: Vec::new(),
        }
    }

    /// A log of `count` heartbeats.
    pub(crate) fn of(count: u64) -> Self {
        let mut log = Self::new();
        for _ in 0..count {
            log.append(Body::Heartbeat(ledger_core::entry::Heartbeat {
                actor: Actor::ledger(),
            }));
        }
        log
    }

    pub(crate) fn vkey(&self) -> String {
        self.key.verification_key().to_string()
    }

    pub(crate) fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    pub(crate) fn leaves(&self) -> &[Vec<u8>] {
        &self.leaves
    }

    /// Appends an entry, and gives back its seq.
    pub(crate) fn append(&mut self, body: Body) -> u64 {
        let seq = self.size();
        let time =
            Timestamp::from_micros(1_795_000_000_000_000 + i64::try_from(seq).unwrap()).unwrap();
        let entry = Entry {
            seq,
            time,
            sandbox: false,
            body,
        };
        self.leaves.push(entry.encode().unwrap());
        seq
    }

    fn tree(&self) -> BatchTree {
        let hashes: Vec<Hash> = self.leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        BatchTree::new(&CompactRange::new(), &hashes)
    }

    pub(crate) fn root(&self) -> Hash {
        self.tree().root()
    }

    /// The signed checkpoint of everything.
    pub(crate) fn checkpoint(&self) -> Vec<u8> {
        Checkpoint::new(ORIGIN, self.size(), self.root())
            .sign(&self.key)
            .unwrap()
            .to_bytes()
    }

    /// The inclusion proof of an entry, as it goes over the wire.
    pub(crate) fn proof(&self, seq: u64) -> Vec<Hash> {
        self.tree().inclusion_proof(seq).unwrap()
    }

    /// The receipt of an entry.
    pub(crate) fn receipt(&self, seq: u64) -> v1::Receipt {
        let proof: Vec<u8> = self.proof(seq).iter().flat_map(|hash| hash.0).collect();
        v1::Receipt {
            entry: self.leaves[usize::try_from(seq).unwrap()].clone().into(),
            seq,
            proof: proof.into(),
            checkpoint: self.checkpoint().into(),
        }
    }
}

/// What a call by `id` puts into an entry.
pub(crate) fn cause(
    call: Call,
    role: Role,
    id: &str,
    request_id: &str,
    correlation_id: &str,
) -> Cause {
    Cause {
        request_id: Some(request_id.to_owned()),
        call: Some(call),
        action_id: None,
        correlation_id: Some(correlation_id.to_owned()).filter(|id| !id.is_empty()),
        content: Some(Hash([0xc0; 32])),
        actor: Actor {
            kind: ActorType::Principal(role),
            id: id.to_owned(),
            version: None,
        },
    }
}
