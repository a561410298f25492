//! Evidence packs: the log searched for what concerns a person or a correlation id, and handed out.
//!
//! One pass over the log finds the seqs; they are all that is held. Then the entry about the pack is
//! committed, and only then the entries are read one after the other, with proofs under the checkpoint
//! that covers that entry. A search reads the whole log and is as costly as an export: it takes one of
//! the same places.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger_core::entry::{Access, Body, DetailName, Entry, Key};
use ledger_core::judge::required;
use ledger_core::name::CORRELATION_ID_MAX;
use ledger_core::normalise::MatchKey;
use ledger_core::opening::{OpenedKey, Opening};
use ledger_core::role::Call;
use ledger_core::state::correlated;
use ledger_core::token::Token;
use ledger_packs::concern::{About, Person};
use ledger_packs::select::{Selection, commitment};
use ledger_packs::{PACK_BYTES_MAX, PACK_ENTRIES_MAX};
use ledger_proto::v1 as wire;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use wire::get_pack_request::About as Asked;

use super::proofs::{SEND_PATIENCE, hand_over};
use super::{EXPORTS_MAX, Ledger, access, unreadable};
use crate::auth::Caller;
use crate::status::{CallError, CredentialError, FieldError};
use crate::store::{Committed, Entries};

/// How many entries are searched between two looks at whether anybody still waits for the answer.
const SLICE: usize = 4_096;
/// The most bytes of entries, proofs and details in one chunk, unless one entry alone has more.
const CHUNK_BYTES: usize = 1 << 20;
/// Policies held while looking for what entries cite. A log has few, and most decisions cite the same.
const POLICIES_MAX: usize = 64;

type Chunk = Result<wire::PackChunk, Status>;

/// What is asked, once it is understood and its asker may.
struct Query {
    caller: Caller,
    about: About,
    /// Of a person.
    keys: Vec<(MatchKey, Token)>,
    details: bool,
}

impl Ledger {
    /// Serves `GetPack`.
    pub(super) async fn pack(
        self: &Arc<Self>,
        caller: Caller,
        request: wire::GetPackRequest,
    ) -> Result<ReceiverStream<Chunk>, CallError> {
        let query = self.pack_query(caller, request).await?;
        let own = self.own_exports.take(Arc::clone(&query.caller.id), 1)?;
        let Ok(place) = Arc::clone(&self.exports).try_acquire_owned() else {
            return Err(CallError::Busy {
                queue: "the number of exports under way",
                limit: EXPORTS_MAX,
            });
        };
        let (chunks, stream) = mpsc::channel(1);
        let ledger = Arc::clone(self);
        tokio::spawn(async move {
            let _places = (own, place);
            if let Err(error) = ledger.hand_out(&query, &chunks).await {
                hand_over(&chunks, Err(error.into()), SEND_PATIENCE).await;
            }
        });
        Ok(ReceiverStream::new(stream))
    }

    async fn pack_query(
        self: &Arc<Self>,
        caller: Caller,
        request: wire::GetPackRequest,
    ) -> Result<Query, CallError> {
        caller.may(Call::GetPack)?;
        if request.details {
            caller.may(Call::GetDetail)?;
        }
        let (about, keys) = match request.about {
            None => {
                let expected = "it is required: expected `person` or `correlation_id`";
                return Err(FieldError::withheld("about", expected).into());
            }
            Some(Asked::Person(person)) => {
                caller.may(Call::Disclose)?;
                let keys = self.intake.disclosed("person", Some(&person))?;
                let tokens = keys.iter().map(|(key, token)| (key.kind.clone(), *token));
                (About::Person(Person::new(tokens)), keys)
            }
            Some(Asked::CorrelationId(id)) => {
                ledger_core::name::check("correlation_id", &id, CORRELATION_ID_MAX)
                    .map_err(|error| FieldError::withheld("correlation_id", error.to_string()))?;
                let looked_up = id.clone();
                let found = self
                    .read(move |ledger| {
                        correlated(&*ledger.views, &looked_up, 0, 1)
                            .map_err(|error| CallError::store(&error))
                    })
                    .await?;
                if found.is_empty() {
                    return Err(CallError::NotFound {
                        what: format!("no entry has the correlation id `{id}`"),
                    });
                }
                (About::Correlation(id), Vec::new())
            }
        };
        Ok(Query {
            caller,
            about,
            keys,
            details: request.details,
        })
    }

    async fn hand_out(
        self: &Arc<Self>,
        query: &Query,
        chunks: &mpsc::Sender<Chunk>,
    ) -> Result<(), CallError> {
        let before = self.store.committed();
        let Some(selection) = self.search(query, Arc::clone(&before), chunks).await? else {
            return Ok(());
        };
        let registered = selection.registration(&query.caller.id);
        let concerned = selection.concerned().clone();
        let mut seqs = self
            .read(move |ledger| ledger.with_context(&selection))
            .await?;
        seqs.extend(registered);
        within(seqs.len())?;
        let searched = Access {
            from: Some(0),
            to: Some(before.size),
            ..access(&query.caller, Call::GetPack)
        };
        if query.details {
            let read = Access {
                call: Call::GetDetail,
                ..searched.clone()
            };
            self.access(&query.caller, read).await?;
        }
        let correlation_id = match &query.about {
            About::Correlation(id) => Some(id.as_str()),
            About::Person(_) => None,
        };
        let tokens = query.keys.iter().map(|(key, token)| Key {
            kind: key.kind.clone(),
            token: *token,
            v: None,
        });
        let read = Access {
            tokens: tokens.collect(),
            pack: Some(commitment(
                correlation_id,
                query.details,
                seqs.iter().copied(),
            )),
            ..searched
        };
        let access = self.access(&query.caller, read).await?;
        seqs.insert(access);
        let first = wire::PackChunk {
            access,
            opening: self.pack_opening(query)?.into(),
            total: seqs.len() as u64,
            ..Default::default()
        };
        let pack = Pack {
            at: self.store.committed(),
            details: query.details.then_some(concerned),
            left: seqs.into_iter(),
            over: None,
            bytes: 0,
        };
        self.send_pack(query, first, pack, chunks).await
    }

    /// Looks at every entry. Nothing, where nobody waits for it any more.
    async fn search(
        self: &Arc<Self>,
        query: &Query,
        at: Arc<Committed>,
        chunks: &mpsc::Sender<Chunk>,
    ) -> Result<Option<Selection>, CallError> {
        let (mut searched, size) = (0, at.size);
        let mut entries = self.store.entries(0..size, at);
        let mut selection = Selection::new(query.about.clone());
        loop {
            let (found, rest, done) = self.read(move |_| slice(selection, entries)).await?;
            within(found.concerned().len())?;
            if !query.caller.is_in_force(&self.latest) {
                return Err(CredentialError::Unknown.into());
            }
            if done {
                return Ok(Some(found));
            }
            searched += SLICE as u64;
            let progress = wire::PackChunk {
                searched,
                size,
                ..Default::default()
            };
            if !hand_over(chunks, Ok(progress), SEND_PATIENCE).await {
                return Ok(None);
            }
            (selection, entries) = (found, rest);
        }
    }

    /// The entries concerned, what they cite, and what else belongs to them.
    fn with_context(&self, selection: &Selection) -> Result<BTreeSet<u64>, CallError> {
        let mut policies: BTreeMap<u64, Arc<Entry>> = BTreeMap::new();
        let mut seqs = selection.context();
        for seq in selection.concerned() {
            let entry = self.entry(*seq)?;
            seqs.insert(*seq);
            seqs.extend(required(&entry, |cited| {
                if let Some(policy) = policies.get(&cited) {
                    return Ok(Some(Arc::clone(policy)));
                }
                let entry = Arc::new(self.entry(cited)?);
                if matches!(entry.body, Body::Policy(_)) && policies.len() < POLICIES_MAX {
                    policies.insert(cited, Arc::clone(&entry));
                }
                Ok::<_, CallError>(Some(entry))
            })?);
            within(seqs.len())?;
        }
        Ok(seqs)
    }

    fn pack_opening(&self, query: &Query) -> Result<Vec<u8>, CallError> {
        if query.keys.is_empty() {
            return Ok(Vec::new());
        }
        let opened = query.keys.iter().map(|(key, _)| OpenedKey {
            kind: key.kind.to_string(),
            s: self.intake.opening_secret(key),
            identifier: key.identifier.clone(),
        });
        let opening = Opening::new(opened.collect()).map_err(|error| CallError::store(&error))?;
        Ok(opening.to_bytes())
    }

    /// Sends everything, chunk by chunk. Ends early where the reader has gone or takes nothing for
    /// [`SEND_PATIENCE`].
    async fn send_pack(
        self: &Arc<Self>,
        query: &Query,
        first: wire::PackChunk,
        mut pack: Pack,
        chunks: &mpsc::Sender<Chunk>,
    ) -> Result<(), CallError> {
        let mut chunk = wire::PackChunk {
            checkpoint: pack.at.checkpoint.to_vec().into(),
            ..first
        };
        loop {
            let (entries, rest) = self
                .read(move |ledger| {
                    let entries = pack.chunk(ledger)?;
                    Ok((entries, pack))
                })
                .await?;
            pack = rest;
            if !query.caller.is_in_force(&self.latest) {
                return Err(CredentialError::Unknown.into());
            }
            if entries.is_empty() {
                return Ok(());
            }
            chunk.entries = entries;
            if !hand_over(chunks, Ok(std::mem::take(&mut chunk)), SEND_PATIENCE).await {
                return Ok(());
            }
        }
    }
}

/// Searches the next entries. Says whether these were the last.
fn slice(
    mut selection: Selection,
    mut entries: Entries,
) -> Result<(Selection, Entries, bool), CallError> {
    for _ in 0..SLICE {
        let Some(entry) = entries.next() else {
            return Ok((selection, entries, true));
        };
        let entry = entry.map_err(|error| CallError::store(&error))?;
        selection
            .see(entry.seq, &entry.bytes)
            .map_err(|error| CallError::store(&format!("entry {}: {error}", entry.seq)))?;
    }
    Ok((selection, entries, false))
}

fn within(entries: usize) -> Result<(), CallError> {
    if entries < PACK_ENTRIES_MAX {
        return Ok(());
    }
    let expected = format!(
        "a pack of it would hold more than {PACK_ENTRIES_MAX} entries: ask by correlation id, or export the whole log"
    );
    Err(FieldError::withheld("about", expected).into())
}

/// A pack that is being sent.
struct Pack {
    at: Arc<Committed>,
    /// The entries whose details are asked for.
    details: Option<BTreeSet<u64>>,
    left: std::collections::btree_set::IntoIter<u64>,
    /// Read already; it did not fit the chunk before.
    over: Option<wire::PackEntry>,
    bytes: usize,
}

impl Pack {
    /// The next entries that fit a chunk: at least one, unless there are none.
    fn chunk(&mut self, ledger: &Ledger) -> Result<Vec<wire::PackEntry>, CallError> {
        let mut chunk = Vec::new();
        let mut filled = 0;
        loop {
            let entry = match self.over.take() {
                Some(entry) => entry,
                None => match self.left.next() {
                    Some(seq) => self.read(ledger, seq)?,
                    None => return Ok(chunk),
                },
            };
            let bytes = prost::Message::encoded_len(&entry);
            if filled + bytes > CHUNK_BYTES && !chunk.is_empty() {
                self.over = Some(entry);
                return Ok(chunk);
            }
            filled += bytes;
            self.bytes += bytes;
            if self.bytes > PACK_BYTES_MAX {
                let expected = format!(
                    "a pack of it would have more than {PACK_BYTES_MAX} bytes: ask by correlation id, or leave the details out"
                );
                return Err(FieldError::withheld("about", expected).into());
            }
            chunk.push(entry);
        }
    }

    fn read(&self, ledger: &Ledger, seq: u64) -> Result<wire::PackEntry, CallError> {
        let receipt = ledger
            .store
            .receipt_at(seq, &self.at)
            .map_err(|error| unreadable(&error))?;
        let details = match &self.details {
            Some(concerned) if concerned.contains(&seq) => {
                pack_details(ledger, seq, &receipt.entry)?
            }
            _ => Vec::new(),
        };
        let proof: Vec<u8> = receipt.proof.iter().flat_map(|hash| hash.0).collect();
        Ok(wire::PackEntry {
            seq,
            entry: receipt.entry.into(),
            proof: proof.into(),
            details,
        })
    }
}

/// The details of an entry that are still kept, each as its commitment says.
fn pack_details(
    ledger: &Ledger,
    seq: u64,
    line: &[u8],
) -> Result<Vec<wire::PackDetail>, CallError> {
    let entry =
        Entry::decode(line).map_err(|error| CallError::store(&format!("entry {seq}: {error}")))?;
    let mut found = Vec::new();
    for (name, commitment) in entry.body.details().into_iter().flatten() {
        let kept = ledger.store.detail(seq, *name);
        if kept.map_err(|error| CallError::store(&error))?.is_none() {
            continue;
        }
        let reply = ledger.detail(seq, *name, *commitment)?;
        found.push(wire::PackDetail {
            name: detail_to_wire(*name).into(),
            value: reply.value,
            salt: reply.salt,
        });
    }
    Ok(found)
}

fn detail_to_wire(name: DetailName) -> wire::DetailName {
    let word = format!("DETAIL_NAME_{}", name.as_str().to_ascii_uppercase());
    wire::DetailName::from_str_name(&word).unwrap_or_default()
}
