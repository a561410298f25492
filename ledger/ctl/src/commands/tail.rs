//! `ledgerctl tail`: entries as they are committed, a line each.

use std::time::Duration;

use clap::Args;
use ledger_core::entry::Entry;
use ledger_core::select::Selection;
use ledger_proto::v1::{self, tail_reply::Of};
use serde_json::json;

use super::list::{asked_for, shown};
use crate::client::Session;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Problem};
use crate::proof::{decode, same};
use crate::text::{counted, wait_ms};
use crate::values::select::FilterArgs;
use crate::values::when;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl tail
  ledgerctl tail --kind decision --outcome deny,require_approval
  ledgerctl tail --from 0 --json > entries.jsonl          everything, then what comes
  ledgerctl tail --retry --finding after_stop --json | while read -r line; do page-somebody \"$line\"; done

With --json, one object a line, as `list` prints them; with --marks also how far the tail has come, `{\"mark\":{\"size\":N}}`:
everything asked for below N was printed, and `--from N` goes on there.

Every entry is proven and checked to be one that was asked for; with --no-proofs it comes without, and says so. It ends
when the ledger stops or the credential is revoked; with --retry only the latter ends it.";

/// How often the ledger is asked to say that it is still there.
const IDLE_S: u32 = 15;
/// After how long without a word the connection is taken for lost: three are missing then.
const LOST: Duration = Duration::from_secs(50);
/// How long to wait before connecting again.
const RETRY: Duration = Duration::from_secs(1);

/// Options of `tail`.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Begin with this entry [default: what is committed from now on]
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// Take entries without their proofs
    #[arg(long)]
    no_proofs: bool,
    /// Print how far the tail has come, too (--json)
    #[arg(long, requires = "json")]
    marks: bool,
    /// Connect again where the ledger goes away, and go on where it was left
    #[arg(long)]
    retry: bool,
}

/// A tail, and how far it has come.
struct Following<'a> {
    context: &'a Context,
    args: &'a TailArgs,
    selection: Selection,
    filter: v1::EntryFilter,
    next: Option<u64>,
    /// Whether anything came since the ledger last went away.
    heard: bool,
}

pub(crate) async fn run(context: &Context, args: &TailArgs) -> Result<(), Failure> {
    let (selection, filter) = args.filter.read(when::now())?;
    let mut following = Following {
        context,
        args,
        selection,
        filter,
        next: args.from,
        heard: true,
    };
    loop {
        let ended = following.follow().await;
        match ended {
            Err(failure) if failure.exit() == Exit::Unreachable && args.retry => {
                if std::mem::take(&mut following.heard) {
                    let delay = u64::try_from(RETRY.as_millis()).unwrap_or(u64::MAX);
                    context.output.warn(&format!(
                        "{failure}\n  trying again every {}",
                        wait_ms(delay)
                    ));
                }
                tokio::time::sleep(RETRY).await;
            }
            Err(failure) if failure.exit() == Exit::Unreachable => {
                return Err(match following.next {
                    Some(next) => failure.note(format!("`--from {next}` goes on there")),
                    None => failure,
                });
            }
            ended => return ended,
        }
    }
}

impl Following<'_> {
    /// Follows until the reader of what is printed has gone, or the tail ends.
    async fn follow(&mut self) -> Result<(), Failure> {
        let session = self.context.connect().await?;
        let request = v1::TailRequest {
            filter: Some(self.filter.clone()),
            from_seq: self.next,
            proofs: !self.args.no_proofs,
            idle_s: IDLE_S,
        };
        let mut messages = session.query().tail(request).await?.into_inner();
        loop {
            let message = tokio::time::timeout(LOST, messages.message()).await;
            let lost = |_| {
                Failure::from(Problem::Unreachable(format!(
                    "the ledger has said nothing for {} s",
                    LOST.as_secs()
                )))
            };
            let Some(message) = message.map_err(lost)?? else {
                // Only a time that is over ends a tail without an error.
                return Ok(());
            };
            self.heard = true;
            if !self.take(&session, message)? {
                return Ok(());
            }
        }
    }

    /// Takes a message; whether anybody still reads what is printed.
    fn take(&mut self, session: &Session, message: v1::TailReply) -> Result<bool, Failure> {
        match message.of {
            Some(Of::Receipt(receipt)) => {
                let verified = session.verify(Some(receipt))?;
                self.check(&verified.entry)?;
                let line = &verified.receipt.entry;
                shown(self.context, &verified.entry, line, Some(&verified.tree))
            }
            Some(Of::Entry(found)) => {
                let entry = decode(&found.entry)?;
                same("seq", found.seq, entry.seq)?;
                if !self.args.no_proofs {
                    let why = format!("entry {} came without its proof", entry.seq);
                    return Err(Failure::unverified("the answer", why));
                }
                self.check(&entry)?;
                shown(self.context, &entry, &found.entry, None)
            }
            Some(Of::Mark(mark)) => self.mark(session, &mark),
            None => Err(Failure::unverified("the answer", "a message says nothing")),
        }
    }

    /// Refuses what was not asked for, and what was already there.
    fn check(&mut self, entry: &Entry) -> Result<(), Failure> {
        asked_for(&self.selection, entry)?;
        if self.next.is_some_and(|next| entry.seq < next) {
            let why = format!("entry {} comes after later ones", entry.seq);
            return Err(Failure::unverified("the answer", why));
        }
        self.next = Some(entry.seq + 1);
        Ok(())
    }

    fn mark(&mut self, session: &Session, mark: &v1::TailMark) -> Result<bool, Failure> {
        if !mark.checkpoint.is_empty() {
            let verified = session
                .trust()?
                .verify_checkpoint(&mark.checkpoint)
                .map_err(|error| Failure::unverified("the checkpoint", error))?;
            same(
                "size of the checkpoint",
                mark.size,
                verified.checkpoint.size,
            )?;
        }
        if self.next.is_some_and(|next| mark.size < next) {
            return Err(Failure::unverified("the answer", "the tail goes back"));
        }
        let first = self.next.replace(mark.size) == self.args.from;
        let output = self.context.output;
        if output.is_json() {
            return if self.args.marks {
                output.item("", &json!({ "mark": { "size": mark.size } }))
            } else {
                Ok(true)
            };
        }
        if first && output.is_watched() {
            let size = counted(mark.size, "entry", "entries");
            let line = format!("-- {size} so far; what comes is shown from here on --");
            return output.item(&output.style().faint(&line), &());
        }
        Ok(true)
    }
}
