//! `ledgerctl approvals grant` and `deny`.

use clap::Args;
use ledger_core::entry::{Approval, Body, Verdict};
use ledger_core::hash::Hash;
use ledger_core::role::Call;
use ledger_proto::v1::{self, answer_approval_request::Of};

use crate::client::Session;
use crate::context::Context;
use crate::failure::Failure;
use crate::proof::{Verified, WriteJson, other_kind, same, same_option};
use crate::request::{Write, WriteArgs};
use crate::text::put;
use crate::values::detail::{Details, Source, kept, source};

pub(super) const GRANT_EXAMPLES: &str = "\
Examples:
  ledgerctl approvals show 41 --details
  ledgerctl approvals grant 41
  ledgerctl approvals grant 41 --reason 'checked with the account owner'

A grant is for exactly what was asked, once: the agent asks again under a new request id with `--approval` and the
seq printed here, and do-not-contact list, throttles, breakers and stops are looked at anew.";

pub(super) const DENY_EXAMPLES: &str = "\
Examples:
  ledgerctl approvals deny 41 --reason 'wrong template'
  ledgerctl approvals deny 41 --reason @why.txt";

/// Options of `approvals grant`.
#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    /// The request: the seq of its decision
    request: u64,
    /// Why; kept outside the log. `@FILE` reads it from a file
    #[arg(long, visible_alias = "why", value_parser = source, value_name = "TEXT")]
    reason: Option<Source>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Options of `approvals deny`.
#[derive(Debug, Args)]
pub(crate) struct DenyArgs {
    /// The request: the seq of its decision
    request: u64,
    /// Why; kept outside the log. `@FILE` reads it from a file
    #[arg(long, visible_alias = "why", value_parser = source, value_name = "TEXT")]
    reason: Source,
    #[command(flatten)]
    write: WriteArgs,
}

pub(super) async fn grant(context: &Context, args: &GrantArgs) -> Result<(), Failure> {
    let what = Asked {
        of: Of::Decision(args.request),
        verdict: Verdict::Granted,
        reason: args.reason.as_ref(),
    };
    settle(context, args.request, what, &args.write).await
}

pub(super) async fn deny(context: &Context, args: &DenyArgs) -> Result<(), Failure> {
    let what = Asked {
        of: Of::Decision(args.request),
        verdict: Verdict::Denied,
        reason: Some(&args.reason),
    };
    settle(context, args.request, what, &args.write).await
}

async fn settle(
    context: &Context,
    request: u64,
    what: Asked<'_>,
    args: &WriteArgs,
) -> Result<(), Failure> {
    let verdict = what.verdict;
    let details = what.details()?;
    let session = context.connect().await?;
    let mut write = args.begin()?;
    let (verified, repeated) = send(&session, what, details, &mut write).await?;
    let approval = approval(&verified)?;
    let style = context.output.style();
    let mut text = match verdict {
        Verdict::Granted => format!(
            "{} request {request} for the group `{}`, in entry {}.\n",
            style.good("Granted"),
            approval.group,
            verified.entry.seq
        ),
        _ => format!(
            "{} request {request} for the group `{}`, in entry {}.\n",
            style.bad("Denied"),
            approval.group,
            verified.entry.seq
        ),
    };
    if let (Verdict::Granted, Some(until)) = (verdict, approval.expires_at) {
        put!(
            text,
            "The agent may ask again, once, with `--approval {}` before {until}.\n",
            verified.entry.seq
        );
    }
    text.push_str(&verified.line());
    context.output.show(
        &text,
        &WriteJson::of(&verified, &write.request_id, repeated)?,
    )
}

/// An answer to be given.
pub(super) struct Asked<'a> {
    /// To what.
    pub(super) of: Of,
    /// Granted or denied.
    pub(super) verdict: Verdict,
    /// Why.
    pub(super) reason: Option<&'a Source>,
}

impl Asked<'_> {
    /// The reason for the wire, read before anything is sent.
    pub(super) fn details(&self) -> Result<Vec<v1::Detail>, Failure> {
        let details = Details::default().with(v1::DetailName::Reason, self.reason)?;
        Ok(details.into_wire())
    }
}

/// Gives an answer, checks that its entry says just that, and keeps its receipt.
pub(super) async fn send(
    session: &Session,
    asked: Asked<'_>,
    details: Vec<v1::Detail>,
    write: &mut Write,
) -> Result<(Verified, bool), Failure> {
    let verdict = match asked.verdict {
        Verdict::Granted => v1::Verdict::Granted,
        Verdict::Denied | Verdict::Expired => v1::Verdict::Denied,
    };
    let request = v1::AnswerApprovalRequest {
        header: Some(write.header()),
        of: Some(asked.of.clone()),
        verdict: verdict.into(),
        details: details.clone(),
    };
    let answer = session.control().answer_approval(request).await;
    let (verified, repeated) = session.written(write, Call::AnswerApproval, answer)?;
    let found = approval(&verified)?;
    let (decision, policy) = match &asked.of {
        Of::Decision(seq) => (Some(*seq), None),
        Of::PolicySha256(hash) => (None, <[u8; 32]>::try_from(&hash[..]).ok().map(Hash)),
    };
    same_option("request", decision, found.decision)?;
    same_option("policy hash", policy, found.policy)?;
    same("verdict", asked.verdict.as_str(), found.verdict.as_str())?;
    kept(&verified, &details)?;
    write.keep(&verified)?;
    Ok((verified, repeated))
}

/// The answer that an entry records.
pub(super) fn approval(verified: &Verified) -> Result<&Approval, Failure> {
    match &verified.entry.body {
        Body::Approval(approval) => Ok(approval),
        _ => Err(other_kind("approval", &verified.entry)),
    }
}
