//! `ledgerctl stop`: the kill switch.

use clap::Args;
use ledger_core::entry::{Body, Scope};
use ledger_core::role::Call;
use ledger_proto::v1;
use serde::Serialize;

use crate::client::Session;
use crate::context::Context;
use crate::failure::Failure;
use crate::proof::{Asked, WriteJson, other_kind, same};
use crate::request::WriteArgs;
use crate::text::counted;
use crate::values::detail::{Details, Source, source};
use crate::values::scope::{self, ScopeArgs};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl stop --agent agent.outbound.sender --why 'complaints are rising'
  ledgerctl stop --class contact
  ledgerctl stop --all

Once the command has returned, no allow in scope follows in the log; allows still outstanding are
void, and their number is printed. A stop needs no reason: nothing refuses one.";

/// Options of `stop`.
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    /// Why; kept outside the log. `@FILE` reads it from a file
    #[arg(long, value_parser = source, value_name = "TEXT")]
    why: Option<Source>,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Serialize)]
struct StopJson {
    voided: u64,
    /// The scope is an agent that is not registered.
    unknown_agent: bool,
    #[serde(flatten)]
    write: WriteJson,
}

pub(crate) async fn run(context: &Context, args: &StopArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let mut write = args.write.begin()?;
    let request = v1::StopRequest {
        header: Some(write.header()),
        scope: Some(args.scope.to_wire()),
        details: Details::default()
            .with(v1::DetailName::Reason, args.why.as_ref())?
            .into_wire(),
    };
    let asked = scope::wire_words(request.scope.as_ref());
    let reply = session
        .control()
        .stop(request)
        .await
        .map_err(|status| write.explain(status))?
        .into_inner();
    let verified = session
        .verify(reply.receipt)
        .map_err(|failure| write.explain(failure))?;
    verified.answers(&Asked::of(Call::Stop, &write))?;
    let Body::Stop(stop) = &verified.entry.body else {
        return Err(other_kind("stop", &verified.entry));
    };
    same("scope", asked.clone(), scope::words(&stop.scope))?;
    same("allows voided", reply.voided, stop.voided)?;
    write.keep(&verified)?;
    // The stop stands whatever comes of this: a mistyped id stops nobody, and should be seen.
    let unknown = match &stop.scope {
        Scope::Agent { id } => is_unknown(&session, id).await,
        Scope::All | Scope::Class { .. } => false,
    };
    let text = format!(
        "{} {asked}, from entry {} on. {} voided.\n{}{}",
        context.output.style().bad("Stopped"),
        verified.entry.seq,
        counted(stop.voided, "outstanding allow", "outstanding allows"),
        if unknown {
            "No agent of that id is registered: `ledgerctl principal list` shows those that are.\n"
        } else {
            ""
        },
        verified.line()
    );
    let object = StopJson {
        voided: stop.voided,
        unknown_agent: unknown,
        write: WriteJson::of(&verified, &write.request_id, reply.repeated)?,
    };
    context.output.show(&text, &object)
}

/// Whether nobody is registered under an id; not where that cannot be learnt.
async fn is_unknown(session: &Session, id: &str) -> bool {
    let listed = session
        .control()
        .list_principals(v1::ListPrincipalsRequest {})
        .await;
    listed.is_ok_and(|reply| {
        let principals = reply.into_inner().principals;
        !principals.iter().any(|principal| principal.id == id)
    })
}
