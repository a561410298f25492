//! `Proofs`: hands out what others verify offline.

use std::sync::Arc;
use std::time::Duration;

use ledger_core::entry::{Access, Commitment, DetailName, Entry, Key};
use ledger_core::name::REQUEST_ID_MAX;
use ledger_core::opening::{OpenedKey, Opening};
use ledger_core::role::{Call, Grant, Role};
use ledger_core::state::request_of;
use ledger_core::tree::consistency_proof;
use ledger_proto::v1 as wire;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wire::get_receipt_request::Of;
use wire::proofs_server::Proofs;

use super::{EXPORTS_MAX, Ledger, access, receipt_to_wire};
use crate::auth::Caller;
use crate::intake::detail_name;
use crate::status::{CallError, CredentialError, FieldError};
use crate::store::{Committed, Entries, StoredEntry};

/// The most bytes of entries in one chunk of an export.
const CHUNK_BYTES: usize = 1 << 20;
/// What an entry takes in a chunk beside its own bytes: tag and length.
const FRAME_BYTES: usize = 8;

/// How long a stream waits for its reader to take what comes next. It holds a place that others wait for.
pub(super) const SEND_PATIENCE: Duration = Duration::from_secs(30);

/// Serves [`Proofs`].
#[derive(Clone)]
pub struct ProofsService(pub Arc<Ledger>);

#[tonic::async_trait]
impl Proofs for ProofsService {
    async fn get_checkpoint(
        &self,
        request: Request<wire::GetCheckpointRequest>,
    ) -> Result<Response<wire::GetCheckpointReply>, Status> {
        Caller::of(&request)?.may(Call::GetCheckpoint)?;
        let checkpoint = self.0.store.committed().checkpoint.to_vec().into();
        Ok(Response::new(wire::GetCheckpointReply {
            checkpoint,
            vkey: self.0.vkey.clone(),
        }))
    }

    async fn get_receipt(
        &self,
        request: Request<wire::GetReceiptRequest>,
    ) -> Result<Response<wire::GetReceiptReply>, Status> {
        let caller = Caller::of(&request)?;
        let grant = caller.may(Call::GetReceipt)?;
        let Some(of) = request.into_inner().of else {
            let error = FieldError::withheld("of", "it is required: expected `seq` or `request`");
            return Err(CallError::from(error).into());
        };
        let receipt = self
            .0
            .read(move |ledger| ledger.receipt_of(&caller, grant, &of))
            .await?;
        Ok(Response::new(wire::GetReceiptReply {
            receipt: Some(receipt),
        }))
    }

    async fn get_evidence(
        &self,
        request: Request<wire::GetEvidenceRequest>,
    ) -> Result<Response<wire::GetEvidenceReply>, Status> {
        let caller = Caller::of(&request)?;
        caller.may(Call::GetEvidence)?;
        let seq = request.into_inner().seq;
        // What is not there is not handed out, and needs no entry that says it was.
        self.0.read(move |ledger| ledger.entry(seq)).await?;
        let read = Access {
            from: Some(seq),
            to: Some(seq + 1),
            ..access(&caller, Call::GetEvidence)
        };
        self.0.access(&caller, read).await?;
        let evidence = self.0.read(move |ledger| ledger.evidence(seq)).await?;
        Ok(Response::new(wire::GetEvidenceReply {
            evidence: evidence.into(),
        }))
    }

    async fn get_consistency(
        &self,
        request: Request<wire::GetConsistencyRequest>,
    ) -> Result<Response<wire::GetConsistencyReply>, Status> {
        Caller::of(&request)?.may(Call::GetConsistency)?;
        let wire::GetConsistencyRequest { old_size, new_size } = request.into_inner();
        let reply = self
            .0
            .read(move |ledger| ledger.consistency(old_size, new_size))
            .await?;
        Ok(Response::new(reply))
    }

    async fn get_detail(
        &self,
        request: Request<wire::GetDetailRequest>,
    ) -> Result<Response<wire::GetDetailReply>, Status> {
        let caller = Caller::of(&request)?;
        let grant = caller.may(Call::GetDetail)?;
        let wire::GetDetailRequest { seq, name } = request.into_inner();
        let name = detail_name("name", name).map_err(CallError::from)?;
        let who = caller.clone();
        let commitment = self
            .0
            .read(move |ledger| ledger.commitment(&who, grant, seq, name))
            .await?;
        let read = Access {
            from: Some(seq),
            to: Some(seq + 1),
            detail: Some(name),
            ..access(&caller, Call::GetDetail)
        };
        self.0.access(&caller, read).await?;
        let reply = self
            .0
            .read(move |ledger| ledger.detail(seq, name, commitment))
            .await?;
        Ok(Response::new(reply))
    }

    async fn disclose(
        &self,
        request: Request<wire::DiscloseRequest>,
    ) -> Result<Response<wire::DiscloseReply>, Status> {
        let caller = Caller::of(&request)?;
        caller.may(Call::Disclose)?;
        let ledger = &self.0;
        let person = request.into_inner().identifiers;
        let keys = ledger
            .intake
            .disclosed("identifiers", person.as_ref())
            .map_err(CallError::from)?;
        let tokens = keys
            .iter()
            .map(|(key, token)| Key {
                kind: key.kind.clone(),
                token: *token,
                v: None,
            })
            .collect();
        ledger
            .access(
                &caller,
                Access {
                    tokens,
                    ..access(&caller, Call::Disclose)
                },
            )
            .await?;
        let opened = keys.into_iter().map(|(key, _)| OpenedKey {
            kind: key.kind.to_string(),
            s: ledger.intake.opening_secret(&key),
            identifier: key.identifier,
        });
        let opening = Opening::new(opened.collect()).map_err(|error| CallError::store(&error))?;
        Ok(Response::new(wire::DiscloseReply {
            opening: opening.to_bytes().into(),
        }))
    }

    type ExportStream = ReceiverStream<Result<wire::ExportChunk, Status>>;

    async fn export(
        &self,
        request: Request<wire::ExportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let caller = Caller::of(&request)?;
        caller.may(Call::Export)?;
        let ledger = Arc::clone(&self.0);
        let own = ledger.own_exports.take(Arc::clone(&caller.id), 1)?;
        let Ok(place) = Arc::clone(&ledger.exports).try_acquire_owned() else {
            return Err(CallError::Busy {
                queue: "the number of exports under way",
                limit: EXPORTS_MAX,
            }
            .into());
        };
        ledger
            .access(
                &caller,
                Access {
                    from: Some(0),
                    ..access(&caller, Call::Export)
                },
            )
            .await?;
        // From here on the entry about this export is part of what is exported.
        let at = ledger.store.committed();
        let (chunks, stream) = mpsc::channel(1);
        tokio::spawn(async move {
            let _places = (own, place);
            send_export(&ledger, &caller, at, &chunks).await;
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    type GetPackStream = ReceiverStream<Result<wire::PackChunk, Status>>;

    async fn get_pack(
        &self,
        request: Request<wire::GetPackRequest>,
    ) -> Result<Response<Self::GetPackStream>, Status> {
        let caller = Caller::of(&request)?;
        let stream = self.0.pack(caller, request.into_inner()).await?;
        Ok(Response::new(stream))
    }
}

impl Ledger {
    fn receipt_of(
        &self,
        caller: &Caller,
        grant: Grant,
        of: &Of,
    ) -> Result<wire::Receipt, CallError> {
        let seq = match of {
            Of::Seq(seq) => *seq,
            Of::Request(name) => self.seq_of_request(caller, name)?,
        };
        self.owns(caller, grant, &self.entry(seq)?)?;
        Ok(receipt_to_wire(self.receipt(seq)?))
    }

    fn seq_of_request(&self, caller: &Caller, name: &wire::RequestName) -> Result<u64, CallError> {
        let Some(call) = Call::ALL
            .into_iter()
            .find(|call| call.as_str() == name.call)
        else {
            let error = FieldError::shown(
                "request.call",
                &name.call,
                "expected the name of a call, such as `Decide`",
            );
            return Err(error.into());
        };
        if let Err(error) = ledger_core::name::check("request_id", &name.request_id, REQUEST_ID_MAX)
        {
            return Err(FieldError::withheld("request.request_id", error.to_string()).into());
        }
        let found = request_of(&*self.views, &caller.id, call, &name.request_id);
        let found = found.map_err(|error| CallError::store(&error))?;
        found
            .map(|record| record.seq)
            .ok_or_else(|| CallError::NotFound {
                what: format!("you have made no request `{}` by `{call}`", name.request_id),
            })
    }

    fn consistency(
        &self,
        old: u64,
        new: Option<u64>,
    ) -> Result<wire::GetConsistencyReply, CallError> {
        let at = self.store.committed();
        let new = new.unwrap_or(at.size);
        if new > at.size {
            let expected = format!("the log has {} entries: expected at most that", at.size);
            return Err(FieldError::shown("new_size", &new, expected).into());
        }
        if old > new {
            return Err(FieldError::shown(
                "old_size",
                &old,
                format!("expected at most the new size, {new}"),
            )
            .into());
        }
        let checkpoint = if new == at.size {
            at.checkpoint.to_vec()
        } else {
            let found = self
                .store
                .checkpoint_of_size(new)
                .map_err(|error| CallError::store(&error))?;
            found.ok_or_else(|| CallError::NotFound {
                what: format!("no checkpoint of size {new} was ever signed: leave `new_size` out for the latest"),
            })?
        };
        let proof = consistency_proof(&self.store.tiles(&at), old, new)
            .map_err(|error| CallError::store(&error))?;
        let proof: Vec<u8> = proof.iter().flat_map(|hash| hash.0).collect();
        Ok(wire::GetConsistencyReply {
            proof: proof.into(),
            checkpoint: checkpoint.into(),
        })
    }

    fn commitment(
        &self,
        caller: &Caller,
        grant: Grant,
        seq: u64,
        name: DetailName,
    ) -> Result<Commitment, CallError> {
        let entry = self.entry(seq)?;
        if grant != Grant::Yes && !self.may_read_details(caller, &entry) {
            let what = format!(
                "the details of entry {seq} are not yours to read: ask compliance or an auditor"
            );
            return Err(CallError::NotYours { what });
        }
        let found = entry
            .body
            .details()
            .and_then(|details| details.get(&name))
            .copied();
        found.ok_or_else(|| CallError::NotFound {
            what: format!("entry {seq} has no detail `{}`", name.as_str()),
        })
    }

    /// An agent reads what it sent itself; an approver, what a group of theirs is asked about.
    fn may_read_details(&self, caller: &Caller, entry: &Entry) -> bool {
        match caller.role {
            Role::Approver => self.is_asked(caller, entry),
            _ => entry.body.actor().id == *caller.id,
        }
    }

    pub(super) fn detail(
        &self,
        seq: u64,
        name: DetailName,
        expected: Commitment,
    ) -> Result<wire::GetDetailReply, CallError> {
        let found = self
            .store
            .detail(seq, name)
            .map_err(|error| CallError::store(&error))?;
        let Some(detail) = found else {
            let what = format!(
                "detail `{}` of entry {seq} is no longer kept",
                name.as_str()
            );
            return Err(CallError::NotFound { what });
        };
        let found = Commitment::new(&detail.salt, &detail.bytes, expected.redacted.unwrap_or(0));
        if found != expected {
            let what = format!(
                "detail `{}` of entry {seq} is not what its commitment says",
                name.as_str()
            );
            return Err(CallError::store(&what));
        }
        Ok(wire::GetDetailReply {
            value: detail.bytes.into(),
            salt: detail.salt.to_vec().into(),
        })
    }
}

/// Sends every leaf of the log at `at`, then its checkpoint. Ends early where the reader has gone, its
/// credential is no longer in force, or the store fails; or where the reader takes nothing for
/// [`SEND_PATIENCE`], without the checkpoint that would end it well.
async fn send_export(
    ledger: &Arc<Ledger>,
    caller: &Caller,
    at: Arc<Committed>,
    chunks: &mpsc::Sender<Result<wire::ExportChunk, Status>>,
) {
    let mut leaves = Leaves {
        entries: ledger.store.entries(0..at.size, Arc::clone(&at)),
        over: None,
    };
    loop {
        let read = ledger.read(move |_| Ok((leaves.chunk(), leaves))).await;
        let read = match read {
            Ok((chunk, rest)) => {
                leaves = rest;
                chunk
            }
            Err(error) => {
                hand_over(chunks, Err(error.into()), SEND_PATIENCE).await;
                return;
            }
        };
        let read = read.and_then(|entries| {
            let in_force = caller.is_in_force(&ledger.latest);
            in_force
                .then_some(entries)
                .ok_or_else(|| CredentialError::Unknown.into())
        });
        let (chunk, more) = match read {
            Ok(entries) if entries.is_empty() => (
                Ok(wire::ExportChunk {
                    entries,
                    checkpoint: at.checkpoint.to_vec().into(),
                }),
                false,
            ),
            Ok(entries) => (
                Ok(wire::ExportChunk {
                    entries,
                    checkpoint: bytes::Bytes::new(),
                }),
                true,
            ),
            Err(error) => (Err(error.into()), false),
        };
        if !hand_over(chunks, chunk, SEND_PATIENCE).await || !more {
            return;
        }
    }
}

/// Whether the reader took a chunk: it is there, and was not slower than `patience`.
pub(super) async fn hand_over<T>(chunks: &mpsc::Sender<T>, chunk: T, patience: Duration) -> bool {
    matches!(
        tokio::time::timeout(patience, chunks.send(chunk)).await,
        Ok(Ok(()))
    )
}

/// The leaves of an export that are still to be sent.
struct Leaves {
    entries: Entries,
    /// Read already; it did not fit the chunk before.
    over: Option<StoredEntry>,
}

impl Leaves {
    /// The next leaves that fit a chunk: at least one, unless there are none.
    fn chunk(&mut self) -> Result<Vec<bytes::Bytes>, CallError> {
        let mut chunk = Vec::new();
        let mut bytes = 0;
        while let Some(entry) = self.over.take().map(Ok).or_else(|| self.entries.next()) {
            let entry = entry.map_err(|error| CallError::store(&error))?;
            bytes += entry.bytes.len() + FRAME_BYTES;
            if bytes > CHUNK_BYTES && !chunk.is_empty() {
                self.over = Some(entry);
                break;
            }
            chunk.push(entry.bytes.into());
        }
        Ok(chunk)
    }
}

#[cfg(test)]
mod tests {
    use ledger_core::hash::{Hash, leaf_hash};
    use ledger_core::note::SigningKey;
    use ledger_core::tree::{BatchTree, CompactRange};

    use super::*;
    use crate::sequencer::grow;
    use crate::store::{Commit, CommitBatch, LogStore};

    /// A log of these entries, which need not be ledger entries to be exported.
    fn log(dir: &std::path::Path, entries: &[Vec<u8>]) -> Arc<LogStore> {
        let key = SigningKey::from_seed(&[3; 32], "ledger.example/test").expect("a key");
        LogStore::create(dir).expect("made");
        let opened = LogStore::open(dir, key.name(), key.verification_key()).expect("opens");
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        let tree = BatchTree::new(&CompactRange::new(), &leaves);
        let mut partial = Vec::new();
        let tiles = grow(&mut partial, &tree);
        let size = tree.size();
        let batch = CommitBatch {
            first_seq: 0,
            entries,
            tiles: &tiles,
            details: &[],
            checkpoint: b"signed",
            size,
        };
        opened.store.commit(&batch).expect("committed");
        let root = tree.root();
        let checkpoint = b"signed".as_slice().into();
        opened.store.publish(Committed {
            size,
            root,
            checkpoint,
            partial,
        });
        Arc::new(opened.store)
    }

    #[tokio::test]
    async fn a_reader_who_takes_nothing_is_given_up() {
        let patience = Duration::from_millis(50);
        let (chunks, mut reader) = mpsc::channel(1);
        assert!(hand_over(&chunks, 1, patience).await);
        let began = std::time::Instant::now();
        assert!(
            !hand_over(&chunks, 2, patience).await,
            "the channel is full"
        );
        assert!(began.elapsed() >= patience);
        assert_eq!(reader.recv().await, Some(1));
        assert!(hand_over(&chunks, 3, patience).await);
        drop(reader);
        assert!(!hand_over(&chunks, 4, patience).await, "nobody reads");
    }

    #[test]
    fn an_export_sends_every_leaf_once_in_order_in_chunks_within_their_bound() {
        let dir = tempfile::tempdir().expect("a folder");
        let entries: Vec<Vec<u8>> = (0..600u32)
            .map(|i| vec![i.to_le_bytes()[0]; if i % 7 == 0 { 65_535 } else { 1 + i as usize }])
            .collect();
        let store = log(&dir.path().join("log"), &entries);
        let at = store.committed();
        let mut leaves = Leaves {
            entries: store.entries(0..at.size, Arc::clone(&at)),
            over: None,
        };
        let mut sent = Vec::new();
        let mut chunks = 0;
        loop {
            let chunk = leaves.chunk().expect("readable");
            if chunk.is_empty() {
                break;
            }
            chunks += 1;
            let message = wire::ExportChunk {
                entries: chunk.clone(),
                checkpoint: bytes::Bytes::new(),
            };
            assert!(prost::Message::encoded_len(&message) <= CHUNK_BYTES);
            sent.extend(chunk.into_iter().map(|entry| entry.to_vec()));
        }
        assert!(
            sent == entries,
            "{} of {} leaves",
            sent.len(),
            entries.len()
        );
        let least = entries.iter().map(Vec::len).sum::<usize>() / CHUNK_BYTES;
        assert!(
            (least..=least + 2).contains(&chunks),
            "{chunks} chunks where {least} are enough"
        );
    }
}
