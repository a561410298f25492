//! `ledgerctl approvals`: requests that wait for a person, and the answers to them.
//!
//! What was asked is proven by the decision's receipt, and shown from there. How a request stands is what
//! the ledger says of itself: nothing but its own answers are in an entry that could be handed over.

mod answer;
mod list;
mod policy;
mod show;
mod watch;

use clap::Subcommand;
use ledger_core::entry::{Basis, Body, Decision, Outcome};
use ledger_proto::v1::{self, ApprovalState};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::client::Session;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Style;
use crate::proof::{TreeJson, Verified, other_kind, same, same_option};
use crate::values::when;

/// What to do about approvals.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The requests that are not settled, the oldest first (operator, compliance, approver, auditor)
    #[command(after_help = list::EXAMPLES)]
    List(list::ListArgs),
    /// One request, as a person needs it to decide; agents see their own
    #[command(after_help = show::EXAMPLES)]
    Show(show::ShowArgs),
    /// Grant a request (approver of the group that was asked)
    #[command(after_help = answer::GRANT_EXAMPLES)]
    Grant(answer::GrantArgs),
    /// Deny a request (approver of the group that was asked)
    #[command(after_help = answer::DENY_EXAMPLES)]
    Deny(answer::DenyArgs),
    /// Wait until a request is settled; agents wait for their own
    #[command(after_help = watch::EXAMPLES)]
    Watch(watch::WatchArgs),
    /// Approve a policy by its hash, so that it can be promoted from a sandbox (approver)
    #[command(after_help = policy::EXAMPLES)]
    Policy(policy::PolicyArgs),
}

pub(crate) async fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::List(args) => list::run(context, args).await?,
        Command::Show(args) => show::run(context, args).await?,
        Command::Grant(args) => answer::grant(context, args).await?,
        Command::Deny(args) => answer::deny(context, args).await?,
        Command::Watch(args) => return watch::run(context, args).await,
        Command::Policy(args) => policy::run(context, args).await?,
    }
    Ok(Exit::Done)
}

/// An approval request: what was asked, proven; and what became of it, as the ledger says.
struct Request {
    verified: Verified,
    decision: Decision,
    group: String,
    state: ApprovalState,
    /// The entry that answered it.
    answer: Option<u64>,
    approver: Option<String>,
    /// The allow that used it up.
    spent: Option<u64>,
}

impl Request {
    /// Verifies a request, and that what is said about it is what its entry says.
    fn read(session: &Session, told: v1::ApprovalRequest) -> Result<Self, Failure> {
        let state = told.state();
        let verified = session.verify(told.receipt)?;
        let decision = match &verified.entry.body {
            Body::Decision(decision) => (**decision).clone(),
            _ => return Err(other_kind("decision", &verified.entry)),
        };
        let (Basis::Gate, Outcome::RequireApproval, Some(group)) =
            (decision.basis, decision.outcome, decision.approvers.clone())
        else {
            return Err(Failure::unverified(
                "the answer",
                format!("entry {} asks for no approval", verified.entry.seq),
            ));
        };
        let time = |time: Option<&prost_types::Timestamp>| time.and_then(when::from_wire);
        same("seq", told.decision, verified.entry.seq)?;
        same("agent", &told.agent_id, &decision.cause.actor.id)?;
        same("action", &told.action, &decision.action)?;
        same_option("tier", Some(told.tier), decision.tier.map(u32::from))?;
        same_option(
            "correlation id",
            Some(&told.correlation_id),
            decision.cause.correlation_id.as_ref(),
        )?;
        same("group", &told.group, &group)?;
        same_option(
            "asked at",
            time(told.asked_at.as_ref()),
            Some(verified.entry.time),
        )?;
        same_option(
            "approve by",
            time(told.approve_by.as_ref()),
            decision.approve_by,
        )?;
        let answered = matches!(
            state,
            ApprovalState::Granted | ApprovalState::Denied | ApprovalState::Spent
        );
        if state == ApprovalState::Unspecified || answered && told.answer.is_none() {
            return Err(Failure::unverified(
                "the answer",
                format!(
                    "it says `{}` of request {}, and names no entry that says so",
                    word(state),
                    verified.entry.seq
                ),
            ));
        }
        Ok(Self {
            verified,
            decision,
            group,
            state,
            answer: told.answer,
            approver: Some(told.approver).filter(|approver| !approver.is_empty()),
            spent: told.spent,
        })
    }

    /// Where it is the one that was asked about: by its own seq, or by that of its answer.
    fn named(self, seq: u64) -> Result<Self, Failure> {
        if self.seq() != seq && self.answer != Some(seq) {
            let why = format!(
                "asked for request {seq}, and this is request {}",
                self.seq()
            );
            return Err(Failure::unverified("the answer", why));
        }
        Ok(self)
    }

    const fn seq(&self) -> u64 {
        self.verified.entry.seq
    }

    fn until(&self) -> String {
        self.decision
            .approve_by
            .map(|time| format!(" before {time}"))
            .unwrap_or_default()
    }

    /// How it stands, as a word that stands out.
    fn word(&self, style: Style) -> String {
        let word = word(self.state).to_uppercase();
        match self.state {
            ApprovalState::Granted => style.good(&word),
            ApprovalState::Denied | ApprovalState::Expired => style.bad(&word),
            _ => style.warning(&word),
        }
    }

    /// How it stands, as a sentence.
    fn standing(&self) -> String {
        let by = match (&self.approver, self.answer) {
            (Some(approver), Some(answer)) => format!(" by `{approver}` in entry {answer}"),
            (None, Some(answer)) => format!(" in entry {answer}"),
            (_, None) => String::new(),
        };
        match self.state {
            ApprovalState::Granted => format!(
                "Granted{by}: ask again{}, with `--approval {}` and a new request id.",
                self.until(),
                self.answer.unwrap_or_default()
            ),
            ApprovalState::Denied => format!("Denied{by}."),
            ApprovalState::Spent => match self.spent {
                Some(allow) => format!("Granted{by}, and used up by the allow of entry {allow}."),
                None => format!("Granted{by}, and used up."),
            },
            ApprovalState::Expired if self.approver.is_some() => {
                format!("Granted{by}, and not used in time.")
            }
            ApprovalState::Expired => {
                format!("Nobody of the group `{}` answered in time.", self.group)
            }
            ApprovalState::Pending | ApprovalState::Unspecified => format!(
                "Waits for somebody of the group `{}` to answer{}.",
                self.group,
                self.until()
            ),
        }
    }

    fn json(&self) -> Result<RequestJson, Failure> {
        Ok(RequestJson {
            state: word(self.state),
            decision: self.seq(),
            agent: self.decision.cause.actor.id.clone(),
            action: self.decision.action.clone(),
            tier: self.decision.tier,
            correlation_id: self.decision.cause.correlation_id.clone(),
            group: self.group.clone(),
            asked_at: self.verified.entry.time.to_string(),
            approve_by: self.decision.approve_by.map(|time| time.to_string()),
            answer: self.answer,
            approver: self.approver.clone(),
            spent: self.spent,
            entry: self.verified.entry_json()?,
            checkpoint: self.verified.tree_json(),
        })
    }
}

/// A state as a word.
const fn word(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Unspecified => "unspecified",
        ApprovalState::Pending => "pending",
        ApprovalState::Granted => "granted",
        ApprovalState::Denied => "denied",
        ApprovalState::Expired => "expired",
        ApprovalState::Spent => "spent",
    }
}

/// A request in `--json`.
#[derive(Serialize)]
struct RequestJson {
    state: &'static str,
    decision: u64,
    agent: String,
    action: String,
    tier: Option<u8>,
    correlation_id: Option<String>,
    group: String,
    asked_at: String,
    approve_by: Option<String>,
    answer: Option<u64>,
    approver: Option<String>,
    spent: Option<u64>,
    entry: Box<RawValue>,
    checkpoint: TreeJson,
}
