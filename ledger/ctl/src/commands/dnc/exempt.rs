//! `ledgerctl dnc exempt`: one person who may be contacted although their domain is listed.

use clap::Args;
use ledger_core::entry::DncOp;
use ledger_core::role::Call;
use ledger_proto::v1;
use serde::Serialize;

use super::add::{of, same_keys, terms};
use super::lifts::Concerned;
use crate::context::Context;
use crate::failure::Failure;
use crate::proof::{Asked, WriteJson};
use crate::request::WriteArgs;
use crate::text::wrapped;
use crate::values::detail::{Details, Named, named};
use crate::values::document::Document;
use crate::values::identifiers::PersonArgs;
use crate::values::when::{self, When, expiry};
use crate::values::words::{channel, parser};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl dnc exempt --email ada@example.com --seller acme --channel email --expires-at 90d --evidence-file consent.pdf

An exemption lifts listings of the person's domain or company and of public registries, for one seller and the
named channels, until it expires. It never lifts the person's own request, a litigator or a legal hold: it is
recorded all the same, and the answer says which listings it lifts and which stand.

Name every identifier that requests name of the person: a request that names one more is not lifted.";

/// What is printed of an exemption.
#[derive(Serialize)]
struct ExemptJson {
    /// The listings that it lifts as the list stands, and those that it does not; none where that is not known.
    lifts: Option<Vec<String>>,
    stands: Option<Vec<String>>,
    #[serde(flatten)]
    write: WriteJson,
}

/// Options of `dnc exempt`.
#[derive(Debug, Args)]
pub(crate) struct ExemptArgs {
    #[command(flatten)]
    person: PersonArgs,
    /// On whose behalf they may be contacted
    #[arg(long, value_name = "S")]
    seller: String,
    /// By which channel they may be contacted; may be repeated
    #[arg(long = "channel", required = true, value_parser = parser(channel::WORDS, channel::read), value_name = "C")]
    channels: Vec<v1::Channel>,
    /// When the exemption ends, as a time or from now such as `90d`
    #[arg(long, value_parser = expiry, value_name = "TIME")]
    expires_at: When,
    #[command(flatten)]
    document: Document,
    /// Kept outside the log: NAME=TEXT or NAME=@FILE; may be repeated
    #[arg(long = "detail", value_parser = named, value_name = "NAME=TEXT")]
    details: Vec<Named>,
    #[command(flatten)]
    write: WriteArgs,
}

pub(super) async fn run(context: &Context, args: &ExemptArgs) -> Result<(), Failure> {
    let person = args.person.to_wire()?;
    let exemption = v1::Exemption {
        person: Some(person.clone()),
        seller: args.seller.clone(),
        channels: args.channels.iter().copied().map(i32::from).collect(),
        expires_at: Some(args.expires_at.to_wire(when::now())),
        evidence_sha256: args.document.required_sha256()?.0.to_vec().into(),
    };
    let details = Details::default().named(&args.details)?.into_wire();
    let session = context.connect().await?;
    let mut write = args.write.begin()?;
    let request = v1::ExemptDncRequest {
        header: Some(write.header()),
        exemptions: vec![exemption.clone()],
        details,
    };
    let reply = session
        .control()
        .exempt_dnc(request)
        .await
        .map_err(|status| write.explain(status))?
        .into_inner();
    let verified = session
        .verify(reply.receipt)
        .map_err(|failure| write.explain(failure))?;
    verified.answers(&Asked::of(Call::ExemptDnc, &write))?;
    let [found] = of(&verified, DncOp::Exempt)?.listings.as_slice() else {
        return Err(Failure::unverified(
            "the answer",
            "the entry has another number of exemptions than the one asked for",
        ));
    };
    let subject = v1::Subject {
        of: Some(v1::subject::Of::Person(person)),
    };
    same_keys(&subject, found)?;
    terms(
        &exemption.seller,
        exemption.channels(),
        exemption.expires_at.as_ref(),
        &exemption.evidence_sha256,
        found,
    )?;
    write.keep(&verified)?;
    let until = found
        .expires_at
        .map(|time| format!(" until {time}"))
        .unwrap_or_default();
    // The exemption stands whatever comes of this: that it lifts nothing should be seen.
    let concerned = Concerned::fetch(&session, &subject, &exemption).await;
    let text = format!(
        "Exempted {}/0: one person, by {} on behalf of {}{until}.\n{}{}{}",
        verified.entry.seq,
        found.channels,
        args.seller,
        concerned.as_ref().map(Concerned::text).unwrap_or_default(),
        wrapped(
            "  ",
            "It counts for requests that name no e-mail address, phone number or contact id of the person but those named here.",
        ),
        verified.line()
    );
    let object = ExemptJson {
        lifts: concerned.as_ref().map(|found| found.lifted.clone()),
        stands: concerned.map(|found| found.standing.into_iter().map(|(name, _)| name).collect()),
        write: WriteJson::of(&verified, &write.request_id, reply.repeated)?,
    };
    context.output.show(&text, &object)
}
