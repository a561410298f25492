//! The calls of an import: a beginning for each reason, chunks, of which several are under way, and an end.

use std::collections::{BTreeMap, VecDeque};

use ledger_core::entry::{Dnc, DncOp};
use ledger_core::hash::Hash;
use ledger_core::limits::LISTINGS_MAX;
use ledger_core::role::Call;
use ledger_feeds::suppression::Format;
use ledger_proto::v1;
use tokio::task::JoinHandle;
use tonic::Code;

use super::super::add::{call, of};
use super::file::Checked;
use super::pieces::{self, Piece};
use super::removal;
use super::terms::Terms;
use crate::client::Session;
use crate::failure::{Failure, Problem};
use crate::patience::{Patience, patient};
use crate::progress::Progress;
use crate::proof::{Verified, same, same_option};
use crate::request::WriteArgs;
use crate::values::words::reason;

/// Calls under way. Enough to keep the ledger's disk and processor busy, few enough that a decision does
/// not wait behind many. What is resumed rests on it: chunk n is sent once chunk n - `UNDER_WAY` is answered.
const UNDER_WAY: usize = 8;
/// Under so many chunks all of them are repeated; above, the first that is missing is looked for.
const REPEATED_MAX: u64 = 64;

/// The import of one reason.
pub(super) struct Part {
    pub(super) reason: v1::ListingReason,
    /// How many rows it has.
    pub(super) rows: u64,
    /// The seq of its beginning.
    pub(super) seq: u64,
    /// Whether an earlier run began it.
    pub(super) repeated: bool,
    base: String,
    sha256: Hash,
    rejected: u64,
}

/// The end of an import, as the ledger has it.
pub(super) struct Ended {
    pub(super) verified: Verified,
    pub(super) request_id: String,
    pub(super) repeated: bool,
}

impl Part {
    /// Begins it, or finds that it was begun.
    pub(super) async fn begin(
        session: &Session,
        terms: &Terms,
        checked: &Checked,
        reason: v1::ListingReason,
        rows: u64,
        rejected: u64,
    ) -> Result<Self, Failure> {
        let base = terms.base(checked.sha256, reason);
        let write = terms.write(&base, "begin")?;
        let request = v1::BeginImportRequest {
            header: Some(write.header()),
            source: terms.source.clone(),
            reason: reason.into(),
            sha256: checked.sha256.0.to_vec().into(),
            rows: Some(rows),
            rejected: Some(rejected),
            changes: terms.format == Format::FtcChanges,
        };
        let answer = patient(async || session.control().begin_import(request.clone()).await).await;
        let (verified, repeated) = session.written(&write, Call::BeginImport, answer)?;
        let part = Self {
            reason,
            rows,
            seq: verified.entry.seq,
            repeated,
            base,
            sha256: checked.sha256,
            rejected,
        };
        part.compare(terms, of(&verified, DncOp::ImportBegin)?)?;
        Ok(part)
    }

    /// Checks that an entry is of this list.
    fn compare(&self, terms: &Terms, dnc: &Dnc) -> Result<(), Failure> {
        let found = dnc.imports.as_ref();
        same_option(
            "source",
            Some(terms.source.as_str()),
            found.map(|found| found.source.as_str()),
        )?;
        let word = found.and_then(|found| serde_json::to_value(found.reason).ok());
        same_option(
            "reason",
            Some(reason::word(self.reason).as_str()),
            word.as_ref().and_then(|word| word.as_str()),
        )?;
        same_option(
            "file's hash",
            Some(self.sha256),
            found.map(|found| found.sha256),
        )?;
        same_option("rows", Some(self.rows), found.and_then(|found| found.rows))?;
        same_option(
            "rows rejected",
            Some(self.rejected),
            found.and_then(|found| found.rejected),
        )
    }

    /// Ends it.
    pub(super) async fn end(&self, session: &Session, terms: &Terms) -> Result<Ended, Failure> {
        let mut write = WriteArgs {
            request_id: Some(format!("{}-end", self.base)),
            ..terms.write.clone()
        }
        .begin()?
        .into_part();
        let request = v1::EndImportRequest {
            header: Some(write.header()),
            import: self.seq,
        };
        let answer = patient(async || session.control().end_import(request.clone()).await).await;
        let (verified, repeated) = session.written(&write, Call::EndImport, answer)?;
        let dnc = of(&verified, DncOp::ImportEnd)?;
        same_option("import", Some(self.seq), dnc.import)?;
        same(
            "listings imported",
            self.rows,
            dnc.imported.unwrap_or_default(),
        )?;
        self.compare(terms, dnc)?;
        write.keep(&verified)?;
        Ok(Ended {
            verified,
            request_id: write.request_id,
            repeated,
        })
    }

    /// Up to which chunk all are made, as far as that is worth a question.
    async fn made(&self, session: &Session) -> Result<u64, Failure> {
        let chunks = self.rows.div_ceil(LISTINGS_MAX as u64);
        if !self.repeated || chunks <= REPEATED_MAX {
            return Ok(0);
        }
        // The first chunk is `low`, the last `high`; of those between, a made one moves the lower bound.
        let (mut low, mut high) = (0, chunks + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.is_made(session, middle).await? {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low.saturating_sub(UNDER_WAY as u64))
    }

    async fn is_made(&self, session: &Session, number: u64) -> Result<bool, Failure> {
        let name = v1::RequestName {
            call: Call::AddDnc.to_string(),
            request_id: format!("{}-{number}", self.base),
        };
        let request = v1::GetReceiptRequest {
            of: Some(v1::get_receipt_request::Of::Request(name)),
        };
        match patient(async || session.proofs().get_receipt(request.clone()).await).await {
            Ok(_) => Ok(true),
            Err(status) if status.code() == Code::NotFound => Ok(false),
            Err(status) => Err(status.into()),
        }
    }
}

/// What came of the sending.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Rows whose listings are known to be made.
    pub(super) listed: u64,
    /// Listings that deletions ended.
    pub(super) ended: u64,
    /// Calls that had been made before.
    pub(super) repeated_calls: u64,
}

/// One chunk under way: how many it lists, and whether it had been made before.
type UnderWay = JoinHandle<Result<(u64, bool), Failure>>;

/// Sends a file.
pub(super) struct Sender<'a> {
    session: &'a Session,
    terms: &'a Terms,
    checked: &'a Checked,
    parts: &'a [Part],
    progress: Progress,
    /// In the order of the file: the first is waited for before another is sent.
    under_way: VecDeque<UnderWay>,
    done: Done,
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        session: &'a Session,
        terms: &'a Terms,
        checked: &'a Checked,
        parts: &'a [Part],
        watched: bool,
    ) -> Self {
        let total = checked.listed() + checked.deletes;
        Self {
            session,
            terms,
            checked,
            parts,
            progress: Progress::new("rows", total, watched),
            under_way: VecDeque::new(),
            done: Done::default(),
        }
    }

    /// What was done, also where the sending failed.
    pub(super) fn into_done(self) -> Done {
        self.done
    }

    /// Sends everything.
    pub(super) async fn send(&mut self) -> Result<(), Failure> {
        let sent = self.pieces().await;
        // What is under way is awaited all the same: it counts.
        while !self.under_way.is_empty() {
            let answered = self.answered().await;
            if sent.is_ok() {
                answered?;
            }
        }
        let hash = sent?;
        if hash != self.checked.sha256 {
            return Err(Failure::from(Problem::Changed));
        }
        Ok(())
    }

    /// Sends what the file holds; the hash of what it was.
    async fn pieces(&mut self) -> Result<Hash, Failure> {
        let mut skip = BTreeMap::new();
        for part in self.parts {
            let made = part.made(self.session).await?;
            skip.insert(part.reason, made);
            let rows = made * LISTINGS_MAX as u64;
            self.done.listed += rows;
            self.done.repeated_calls += made;
            self.progress.add(rows);
        }
        let file = self.checked.again().map_err(|error| {
            Failure::usage(format!("the file cannot be read a second time: {error}"))
        })?;
        let mut pieces = pieces::read(file, self.terms.clone(), skip);
        while let Some(piece) = pieces.recv().await {
            match piece {
                Piece::Listings {
                    reason,
                    number,
                    listings,
                } => {
                    let part = self.part(Some(reason))?;
                    let write = self.terms.write(&part.base, &number.to_string())?;
                    let chunk = chunk(self.session.clone(), write, listings, part.seq);
                    if self.under_way.len() >= UNDER_WAY {
                        self.answered().await?;
                    }
                    self.under_way.push_back(tokio::spawn(chunk));
                }
                Piece::Deletes(subjects) => {
                    let part = self.part(None)?;
                    let rows = subjects.len() as u64;
                    let of = (part.seq, part.sha256);
                    self.done.ended +=
                        removal::end(self.session, self.terms, &part.base, of, subjects).await?;
                    self.progress.add(rows);
                }
                Piece::End(hash) => return Ok(hash),
                Piece::Failed(why) => {
                    return Err(Failure::usage(format!(
                        "the file {why}, at the second reading"
                    )));
                }
            }
        }
        Err(Failure::from(Problem::Changed))
    }

    /// The import that rows of this reason belong to, or the only one.
    fn part(&self, reason: Option<v1::ListingReason>) -> Result<&'a Part, Failure> {
        let mut parts = self.parts.iter();
        let part = parts.find(|part| reason.is_none_or(|reason| part.reason == reason));
        // A reason that the first reading did not see.
        part.ok_or_else(|| Failure::from(Problem::Changed))
    }

    /// Waits for the first call under way.
    async fn answered(&mut self) -> Result<(), Failure> {
        let Some(first) = self.under_way.pop_front() else {
            return Ok(());
        };
        let (rows, repeated) = first
            .await
            .unwrap_or_else(|_| Err(Failure::from(Problem::Interrupted)))?;
        self.done.listed += rows;
        self.done.repeated_calls += u64::from(repeated);
        self.progress.add(rows);
        Ok(())
    }
}

/// Makes one call, waiting where the ledger has no room.
async fn chunk(
    session: Session,
    mut write: crate::request::Write,
    listings: Vec<v1::Listing>,
    import: u64,
) -> Result<(u64, bool), Failure> {
    let mut patience = Patience::default();
    loop {
        match call(&session, &mut write, &listings, &[], Some(import)).await {
            Err(failure) if patience.again(&failure).await => {}
            called => return called.map(|(_, repeated)| (listings.len() as u64, repeated)),
        }
    }
}
