//! `ledgerctl dnc remove`: ends listings and exemptions.

use clap::Args;
use ledger_core::entry::DncOp;
use ledger_core::limits::LISTINGS_MAX;
use ledger_core::role::Call;
use ledger_proto::v1;

use super::add::of;
use crate::context::Context;
use crate::failure::Failure;
use crate::proof::{Asked, WriteJson, same, same_option};
use crate::request::WriteArgs;
use crate::text::counted;
use crate::values::detail::{Details, Source, source};
use crate::values::document::Document;
use crate::values::report::listing;

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl dnc check --email ada@example.com          shows the listings as SEQ/INDEX
  ledgerctl dnc remove 17/0 17/3 --evidence-file consent.pdf --why 'asked to be contacted again'

Each listing ends for itself: a person with two stays listed by the other.";

/// Options of `dnc remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The listings or exemptions to end, as `dnc check` shows them
    #[arg(required = true, value_parser = listing, value_name = "SEQ/INDEX")]
    listings: Vec<v1::Cite>,
    /// Why; kept outside the log. `@FILE` reads it from a file
    #[arg(long, value_parser = source, value_name = "TEXT")]
    why: Source,
    #[command(flatten)]
    document: Document,
    #[command(flatten)]
    write: WriteArgs,
}

pub(super) async fn run(context: &Context, args: &RemoveArgs) -> Result<(), Failure> {
    if args.listings.len() > LISTINGS_MAX {
        let why = format!(
            "{} listings are too many for one call: expected at most {LISTINGS_MAX}",
            args.listings.len()
        );
        return Err(Failure::usage(why));
    }
    let evidence = args.document.required_sha256()?;
    let details = Details::default()
        .with(v1::DetailName::Reason, Some(&args.why))?
        .into_wire();
    let session = context.connect().await?;
    let mut write = args.write.begin()?;
    let request = v1::RemoveDncRequest {
        header: Some(write.header()),
        ends: args.listings.clone(),
        evidence_sha256: evidence.0.to_vec().into(),
        details,
    };
    let reply = session
        .control()
        .remove_dnc(request)
        .await
        .map_err(|status| write.explain(status))?
        .into_inner();
    let verified = session
        .verify(reply.receipt)
        .map_err(|failure| write.explain(failure))?;
    verified.answers(&Asked::of(Call::RemoveDnc, &write))?;
    let dnc = of(&verified, DncOp::Unlist)?;
    let names = |cites: &mut dyn Iterator<Item = (u64, Option<u64>)>| {
        let mut names: Vec<String> = cites
            .map(|(seq, index)| format!("{seq}/{}", index.unwrap_or_default()))
            .collect();
        names.sort_unstable();
        names.join(", ")
    };
    let asked = names(&mut args.listings.iter().map(|cite| (cite.seq, cite.index)));
    same(
        "listings ended",
        asked.clone(),
        names(&mut dnc.ends.iter().map(|cite| (cite.seq, cite.index))),
    )?;
    same_option("evidence", Some(evidence), dnc.evidence)?;
    write.keep(&verified)?;
    let text = format!(
        "Ended {}: {asked}.\n{}",
        counted(args.listings.len() as u64, "listing", "listings"),
        verified.line()
    );
    context.output.show(
        &text,
        &WriteJson::of(&verified, &write.request_id, reply.repeated)?,
    )
}
