//! `ledgerctl clock`: looking at time that is in doubt.

use clap::{Args, Subcommand};
use ledger_core::entry::{Body, ClockEvent};
use ledger_core::role::Call;
use ledger_proto::v1;

use crate::context::Context;
use crate::failure::Failure;
use crate::proof::{Asked, WriteJson, other_kind};
use crate::request::WriteArgs;
use crate::text::put;

/// What to do about the clock.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say that a clock jump was looked at, so that allows are possible again (operator)
    #[command(after_help = EXAMPLES)]
    Acknowledge(AcknowledgeArgs),
}

const EXAMPLES: &str = "\
Examples:
  timedatectl && ledgerctl clock acknowledge

Set the clock right first. Acknowledging never sets time back: where the clock stands before the last
entry, allows stay denied until it has passed it.";

/// Options of `clock acknowledge`.
#[derive(Debug, Args)]
pub(crate) struct AcknowledgeArgs {
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    let Command::Acknowledge(args) = command;
    let session = context.connect().await?;
    let mut write = args.write.begin()?;
    let request = v1::AcknowledgeClockRequest {
        header: Some(write.header()),
    };
    let reply = session
        .control()
        .acknowledge_clock(request)
        .await
        .map_err(|status| write.explain(status))?
        .into_inner();
    let verified = session
        .verify(reply.receipt)
        .map_err(|failure| write.explain(failure))?;
    verified.answers(&Asked::of(Call::AcknowledgeClock, &write))?;
    let Body::Clock(clock) = &verified.entry.body else {
        return Err(other_kind("clock", &verified.entry));
    };
    let (ClockEvent::Acknowledged, Some(seen)) = (clock.event, clock.acknowledges) else {
        return Err(Failure::unverified(
            "the answer",
            "the entry acknowledges nothing",
        ));
    };
    write.keep(&verified)?;
    let mut text = format!(
        "Acknowledged the clock jump of entry {seen}. The clock says {}.\n",
        clock.after
    );
    if clock.after < clock.before {
        put!(
            text,
            "It stands before the last entry: allows stay denied until {} has passed.\n",
            clock.before
        );
    }
    text.push_str(&verified.line());
    context.output.show(
        &text,
        &WriteJson::of(&verified, &write.request_id, reply.repeated)?,
    )
}
