//! `ledgerctl dnc add`: listings.

use std::path::PathBuf;

use clap::Args;
use ledger_core::action::Channels;
use ledger_core::entry::{Body, Dnc, DncOp, Listing};
use ledger_core::hash::Hash;
use ledger_core::limits::LISTINGS_MAX;
use ledger_core::role::Call;
use ledger_proto::v1;
use serde::Serialize;

use super::list;
use crate::client::Session;
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::proof::{Verified, WriteJson, other_kind, same, same_option};
use crate::request::{Write, WriteArgs};
use crate::text::{counted, put};
use crate::values::detail::{Details, Named, kept, named};
use crate::values::document::Document;
use crate::values::identifiers::{SubjectArgs, listing_keys};
use crate::values::when::{self, When, expiry, instant};
use crate::values::words::{channel, parser, reason};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl dnc add --email ada@example.com --phone '+44 20 7946 0000' --reason entity_request --requested-at 2026-11-22T09:00:00Z
  ledgerctl dnc add --domain example.org --reason legal_hold --seller acme --evidence-file hold.pdf
  ledgerctl dnc add --email ada@example.com --reason manual --channel email --expires-at 30d
  ledgerctl dnc add --file optouts.txt --reason unsubscribe --source hubspot

A file holds one identifier a line: an address, a number with `+`, `@` and a domain, or `email:`, `phone:`,
`contact:`, `account:` or `domain:` and the identifier. It is checked as a whole first, then sent 50 at a time;
the n-th call has the request id ID-n, so that repeating the command with the same --request-id lists nobody twice.
A person's own request (entity_request, unsubscribe, gdpr_objection, consent_revoked, complaint) binds at once and
never expires by itself.";

/// Options of `dnc add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Instead: a file with one identifier a line, each a subject of its own
    #[arg(long, value_name = "FILE", conflicts_with_all = ["email", "phone", "contact", "account", "domain"])]
    file: Option<PathBuf>,
    /// Why they must not be contacted
    #[arg(long, value_parser = parser(reason::WORDS, reason::read))]
    reason: v1::ListingReason,
    /// On whose behalf they must not be contacted [default: on anybody's]
    #[arg(long, value_name = "S")]
    seller: Option<String>,
    /// By which channel they must not be contacted; may be repeated [default: by any]
    #[arg(long = "channel", value_parser = parser(channel::WORDS, channel::read), value_name = "C")]
    channels: Vec<v1::Channel>,
    /// Where the listing came from, such as `hubspot`
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// When the person asked, such as 2026-11-22T09:00:00Z
    #[arg(long, value_parser = instant, value_name = "TIME")]
    requested_at: Option<When>,
    /// A later start, as a time or from now such as `2h`; not for a person's own request
    #[arg(long, value_parser = expiry, value_name = "TIME")]
    effective_from: Option<When>,
    /// The end, as a time or from now such as `30d`; not for a person's own request
    #[arg(long, value_parser = expiry, value_name = "TIME")]
    expires_at: Option<When>,
    #[command(flatten)]
    document: Document,
    /// Kept outside the log: NAME=TEXT or NAME=@FILE; may be repeated
    #[arg(long = "detail", value_parser = named, value_name = "NAME=TEXT")]
    details: Vec<Named>,
    #[command(flatten)]
    write: WriteArgs,
}

/// What several calls answered.
#[derive(Serialize)]
struct AddJson {
    listed: usize,
    calls: Vec<WriteJson>,
}

pub(super) async fn run(context: &Context, args: &AddArgs) -> Result<(), Failure> {
    let listings = listings(args)?;
    let details = Details::default().named(&args.details)?.into_wire();
    let calls = listings.len().div_ceil(LISTINGS_MAX);
    if calls > 1 && args.write.receipt_out.is_some() {
        let why = format!(
            "--receipt-out takes one receipt, and {} people need {calls} calls: leave it out",
            listings.len()
        );
        return Err(Failure::usage(why));
    }
    let session = context.connect().await?;
    let whole = args.write.begin()?;
    let mut progress = Progress::new(
        "listings",
        listings.len() as u64,
        context.output.shows_progress(),
    );
    let mut done = AddJson {
        listed: 0,
        calls: Vec::new(),
    };
    let mut text = String::new();
    let mut single = Some(whole);
    let base = single
        .as_ref()
        .map(|write| write.request_id.clone())
        .unwrap_or_default();
    for (number, chunk) in (1..).zip(listings.chunks(LISTINGS_MAX)) {
        let mut write = match single.take() {
            Some(whole) if calls == 1 => whole,
            _ => WriteArgs {
                request_id: Some(format!("{base}-{number}")),
                ..args.write.clone()
            }
            .begin()?,
        };
        let (verified, repeated) = match call(&session, &mut write, chunk, &details, None).await {
            Ok(answered) => answered,
            Err(failure) if calls > 1 => {
                let listed = counted(done.listed as u64, "subject is", "subjects are");
                let note = format!(
                    "{listed} listed; to go on, repeat the command with `--request-id {base}`, which lists nobody twice"
                );
                return Err(failure.note(note));
            }
            Err(failure) => return Err(failure),
        };
        let seq = verified.entry.seq;
        for (index, listing) in chunk.iter().enumerate() {
            if calls == 1 {
                put!(text, "Listed {seq}/{index}: {}.\n", words(listing));
            }
        }
        if calls > 1 {
            put!(
                text,
                "Listed {} in entry {seq}.\n",
                counted(chunk.len() as u64, "subject", "subjects")
            );
        }
        if number == calls {
            text.push_str(&verified.line());
        }
        done.listed += chunk.len();
        done.calls
            .push(WriteJson::of(&verified, &write.request_id, repeated)?);
        progress.add(chunk.len() as u64);
    }
    drop(progress);
    context.output.show(&text, &done)
}

fn listings(args: &AddArgs) -> Result<Vec<v1::Listing>, Failure> {
    let now = when::now();
    let subjects = match &args.file {
        Some(path) => list::read(path)?,
        None if args.subject.is_empty() => {
            return Err(Failure::usage(
                "nobody is named: give --email, --phone, --contact, --account, --domain or --file",
            ));
        }
        None => vec![args.subject.to_wire()?],
    };
    let evidence = args.document.sha256()?;
    let listing = |subject| v1::Listing {
        subject: Some(subject),
        seller: args.seller.clone().unwrap_or_default(),
        channels: args.channels.iter().copied().map(i32::from).collect(),
        reason: args.reason.into(),
        source: args.source.clone().unwrap_or_default(),
        requested_at: args.requested_at.map(|time| time.to_wire(now)),
        effective_from: args.effective_from.map(|time| time.to_wire(now)),
        expires_at: args.expires_at.map(|time| time.to_wire(now)),
        evidence_sha256: evidence
            .map(|hash| hash.0.to_vec().into())
            .unwrap_or_default(),
    };
    Ok(subjects.into_iter().map(listing).collect())
}

/// Lists so many, of an import where one is named, and checks that the entry says so.
pub(super) async fn call(
    session: &Session,
    write: &mut Write,
    listings: &[v1::Listing],
    details: &[v1::Detail],
    import: Option<u64>,
) -> Result<(Verified, bool), Failure> {
    let request = v1::AddDncRequest {
        header: Some(write.header()),
        listings: listings.to_vec(),
        details: details.to_vec(),
        import,
    };
    let answer = session.control().add_dnc(request).await;
    let (verified, repeated) = session.written(write, Call::AddDnc, answer)?;
    let dnc = of(&verified, DncOp::List)?;
    same("number of listings", listings.len(), dnc.listings.len())?;
    for (asked, found) in listings.iter().zip(&dnc.listings) {
        check(asked, found)?;
    }
    same_option("import", import, dnc.import)?;
    kept(&verified, details)?;
    write.keep(&verified)?;
    Ok((verified, repeated))
}

/// The change of the list that an entry records.
pub(super) fn of(verified: &Verified, op: DncOp) -> Result<&Dnc, Failure> {
    match &verified.entry.body {
        Body::Dnc(dnc) if dnc.op == op => Ok(dnc),
        Body::Dnc(_) => Err(Failure::unverified(
            "the answer",
            "the entry changes the list in another way than was asked for",
        )),
        _ => Err(other_kind("dnc", &verified.entry)),
    }
}

/// Checks that a listing has the keys of its subject. Whose tokens they are is the ledger's secret; of
/// which kinds they have to be is not.
pub(super) fn same_keys(asked: &v1::Subject, found: &Listing) -> Result<(), Failure> {
    let keys = listing_keys(asked).map_err(|error| Failure::usage(error.to_string()))?;
    let mut kinds: Vec<String> = keys.iter().map(|key| key.kind.to_string()).collect();
    let mut found_kinds: Vec<String> = found.keys.iter().map(|key| key.kind.to_string()).collect();
    kinds.sort_unstable();
    found_kinds.sort_unstable();
    same("kinds of key", kinds.join(", "), found_kinds.join(", "))
}

/// Checks one listing against what was asked for.
fn check(asked: &v1::Listing, found: &Listing) -> Result<(), Failure> {
    if let Some(subject) = &asked.subject {
        same_keys(subject, found)?;
    }
    let found_reason = found
        .reason
        .and_then(|reason| serde_json::to_value(reason).ok());
    let found_reason = found_reason.as_ref().and_then(|word| word.as_str());
    same_option(
        "reason",
        Some(reason::word(asked.reason()).as_str()),
        found_reason,
    )?;
    terms(
        &asked.seller,
        asked.channels(),
        asked.expires_at.as_ref(),
        &asked.evidence_sha256,
        found,
    )?;
    same_option(
        "source",
        Some(asked.source.as_str()).filter(|source| !source.is_empty()),
        found.source.as_deref(),
    )?;
    let time = |time: Option<&prost_types::Timestamp>| time.and_then(when::from_wire);
    same_option(
        "requested at",
        time(asked.requested_at.as_ref()),
        found.requested_at,
    )?;
    same_option(
        "effective from",
        time(asked.effective_from.as_ref()),
        found.effective_from,
    )
}

/// Checks what listings and exemptions have in common.
pub(super) fn terms(
    seller: &str,
    channels: impl Iterator<Item = v1::Channel>,
    expires_at: Option<&prost_types::Timestamp>,
    evidence: &[u8],
    found: &Listing,
) -> Result<(), Failure> {
    same_option(
        "seller",
        Some(seller).filter(|seller| !seller.is_empty()),
        found.seller.as_deref(),
    )?;
    let channels: Result<Channels, _> = channels
        .map(|asked| channel::word(asked).parse())
        .collect::<Result<Vec<_>, _>>()
        .map(|all| all.into_iter().collect());
    let channels = channels
        .map_err(|error: ledger_core::action::UnknownWord| Failure::usage(error.to_string()))?;
    same("channels", channels.to_string(), found.channels.to_string())?;
    same_option(
        "expires at",
        expires_at.and_then(when::from_wire),
        found.expires_at,
    )?;
    let evidence = <[u8; 32]>::try_from(evidence).ok().map(Hash);
    same_option("evidence", evidence, found.evidence)
}

fn words(listing: &v1::Listing) -> String {
    let subject = match listing
        .subject
        .as_ref()
        .and_then(|subject| subject.of.as_ref())
    {
        Some(v1::subject::Of::Person(_)) => "one person",
        Some(v1::subject::Of::Domain(_)) => "one domain",
        Some(v1::subject::Of::AccountId(_)) => "one company",
        None => "nobody",
    };
    let seller = if listing.seller.is_empty() {
        "on anybody's behalf".to_owned()
    } else {
        format!("on behalf of {}", listing.seller)
    };
    let channels: Vec<String> = listing.channels().map(channel::word).collect();
    let channels = if channels.is_empty() {
        "by any channel".to_owned()
    } else {
        format!("by {}", channels.join(", "))
    };
    format!(
        "{subject}, not to be contacted {channels} {seller} ({})",
        reason::word(listing.reason())
    )
}
