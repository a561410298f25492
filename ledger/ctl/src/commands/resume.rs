//! `ledgerctl resume`: ends a stop.

use clap::Args;
use ledger_core::entry::Body;
use ledger_core::limits::RESUMED_MAX;
use ledger_core::role::Call;
use ledger_proto::v1;

use crate::context::Context;
use crate::failure::Failure;
use crate::proof::{Asked, WriteJson, other_kind, same};
use crate::request::WriteArgs;
use crate::values::detail::{Details, Source, source};
use crate::values::scope::{self, ScopeArgs};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl resume --agent agent.outbound.sender --why 'template corrected'
  ledgerctl resume --all --why @incident-report.txt

Ends the stops of exactly this scope; others stay. `ledgerctl status` lists the active ones.";

/// Options of `resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    /// Why; kept outside the log. `@FILE` reads it from a file
    #[arg(long, value_parser = source, value_name = "TEXT")]
    why: Source,
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) async fn run(context: &Context, args: &ResumeArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let mut write = args.write.begin()?;
    let request = v1::ResumeRequest {
        header: Some(write.header()),
        scope: Some(args.scope.to_wire()),
        details: Details::default()
            .with(v1::DetailName::Reason, Some(&args.why))?
            .into_wire(),
    };
    let asked = scope::wire_words(request.scope.as_ref());
    let reply = session
        .control()
        .resume(request)
        .await
        .map_err(|status| write.explain(status))?
        .into_inner();
    let verified = session
        .verify(reply.receipt)
        .map_err(|failure| write.explain(failure))?;
    verified.answers(&Asked::of(Call::Resume, &write))?;
    let Body::Resume(resume) = &verified.entry.body else {
        return Err(other_kind("resume", &verified.entry));
    };
    same("scope", asked.clone(), scope::words(&resume.scope))?;
    write.keep(&verified)?;
    let stops: Vec<String> = resume.stops.iter().map(ToString::to_string).collect();
    let more = if stops.len() < RESUMED_MAX {
        ""
    } else {
        " and whatever others there were"
    };
    let text = format!(
        "Resumed {asked}: ended {} {}{more}.\n{}",
        if stops.len() == 1 { "stop" } else { "stops" },
        stops.join(", "),
        verified.line()
    );
    context.output.show(
        &text,
        &WriteJson::of(&verified, &write.request_id, reply.repeated)?,
    )
}
