//! `ledgerctl approvals watch`: waits until a request is settled.

use clap::Args;
use ledger_proto::v1::{self, ApprovalState};

use super::Request;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Problem};
use crate::text::put;

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl approvals watch 41
  ledgerctl approvals watch 41 --json | jq -r 'select(.state == \"granted\") | .answer'

Prints how the request stands, and again whenever that changes; with --json one object a line.

Exit codes: 0 granted, and not used yet; 5 denied; 7 expired, or used up already; 3 the ledger went away (watch again);
1 refused, or the answer does not verify; 2 usage.";

/// Options of `approvals watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The request: the seq of its decision
    seq: u64,
}

pub(super) async fn run(context: &Context, args: &WatchArgs) -> Result<Exit, Failure> {
    let session = context.connect().await?;
    let again = |failure: Failure| {
        if failure.outcome_is_unknown() {
            failure.note(format!(
                "nothing was changed by watching: repeat `ledgerctl approvals watch {}`",
                args.seq
            ))
        } else {
            failure
        }
    };
    let mut states = session
        .control()
        .watch_approval(v1::GetApprovalRequest { seq: args.seq })
        .await
        .map_err(|status| again(status.into()))?
        .into_inner();
    let mut last = None;
    while let Some(told) = states
        .message()
        .await
        .map_err(|status| again(status.into()))?
    {
        let request = Request::read(&session, told)?.named(args.seq)?;
        if last != Some(request.state) {
            last = Some(request.state);
            let mut text = format!(
                "{}  {}\n",
                request.word(context.output.style()),
                request.standing()
            );
            let ended = exit(request.state);
            if ended.is_some() {
                put!(text, "{}", request.verified.line());
            }
            context.output.show(&text, &request.json()?)?;
            if let Some(exit) = ended {
                return Ok(exit);
            }
        }
    }
    let broken = Problem::Unreachable(format!(
        "the ledger ended the watch before request {} was settled",
        args.seq
    ));
    Err(again(broken.into()))
}

/// What a state ends the command with, where there is nothing more to wait for.
const fn exit(state: ApprovalState) -> Option<Exit> {
    match state {
        ApprovalState::Granted => Some(Exit::Done),
        ApprovalState::Denied => Some(Exit::Denied),
        ApprovalState::Expired | ApprovalState::Spent => Some(Exit::Unusable),
        ApprovalState::Pending | ApprovalState::Unspecified => None,
    }
}
