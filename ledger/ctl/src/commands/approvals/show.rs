//! `ledgerctl approvals show`: one request, as a person needs it to decide.

use std::collections::BTreeMap;

use clap::Args;
use ledger_core::entry::Decision;
use ledger_proto::v1::{self, ApprovalState};
use serde::Serialize;

use super::{Request, RequestJson};
use crate::commands::detail;
use crate::context::Context;
use crate::failure::Failure;
use crate::narrate::{acted_on, known_by, money, reason_lines, short};
use crate::output::Style;
use crate::text::{counted, put, visible, wrapped};
use crate::values::words::{detail_name, parser};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl approvals show 41
  ledgerctl approvals show 41 --details
  ledgerctl approvals show 41 --detail recipients

Whom it would reach stands in the log as tokens, and is shown by the kinds of identifier alone. --details fetches
why the agent wants it, its plan, the change and the parameters; every read of a detail is an entry.";

/// What a person reads first, in this order.
const READ_FIRST: [v1::DetailName; 4] = [
    v1::DetailName::Rationale,
    v1::DetailName::Plan,
    v1::DetailName::Diff,
    v1::DetailName::Params,
];

/// Options of `approvals show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The request: the seq of its decision, or of the entry that answered it
    seq: u64,
    /// Fetch rationale, plan, diff and parameters too
    #[arg(long)]
    details: bool,
    /// Fetch this detail too; may be repeated
    #[arg(long = "detail", value_parser = parser(detail_name::WORDS, detail_name::read), value_name = "NAME")]
    named: Vec<v1::DetailName>,
}

#[derive(Serialize)]
struct ShowJson {
    #[serde(flatten)]
    request: RequestJson,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<String, String>,
}

pub(super) async fn run(context: &Context, args: &ShowArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let told = session
        .control()
        .get_approval(v1::GetApprovalRequest { seq: args.seq })
        .await?
        .into_inner();
    let request = Request::read(&session, told)?.named(args.seq)?;
    let kept = |name: &v1::DetailName| {
        let word = detail_name::word(*name);
        let mut kept = request.decision.details.keys();
        kept.any(|kept| kept.as_str() == word)
    };
    // What is there of the first four; and what was named, there or not.
    let mut wanted: Vec<v1::DetailName> = if args.details {
        READ_FIRST.into_iter().filter(kept).collect()
    } else {
        Vec::new()
    };
    for name in &args.named {
        if !wanted.contains(name) {
            wanted.push(*name);
        }
    }
    let mut details: Vec<(String, String)> = Vec::new();
    for name in wanted {
        let (_, opened) = detail::fetch(&session, &request.verified, name).await?;
        details.push((
            detail_name::word(name),
            String::from_utf8_lossy(&opened.value).into_owned(),
        ));
    }
    let text = text(&request, &details, context.output.style());
    let object = ShowJson {
        request: request.json()?,
        details: details.into_iter().collect(),
    };
    context.output.show(&text, &object)
}

fn text(request: &Request, details: &[(String, String)], style: Style) -> String {
    let decision = &request.decision;
    let mut out = format!(
        "{}  {}\n",
        style.strong(&format!("Approval request {}", request.seq())),
        request.word(style)
    );
    out.push_str(&wrapped("  ", &request.standing()));
    for (name, value) in facts(request, decision) {
        put!(out, "  {name:<15}{value}\n");
    }
    for target in &decision.targets {
        out.push_str(&wrapped("  - ", &acted_on(target)));
    }
    for (index, recipient) in decision.recipients.iter().enumerate() {
        out.push_str(&wrapped("  - ", &known_by(index, recipient)));
    }
    put!(out, "{}\n", style.strong("Why"));
    out.push_str(&reason_lines(decision, style));
    for (name, value) in details {
        put!(out, "{}\n", style.strong(&format!("Its {name}")));
        for line in visible(value).lines() {
            put!(out, "  {line}\n");
        }
    }
    let unread: Vec<String> = decision
        .details
        .iter()
        .filter(|(name, _)| !details.iter().any(|(read, _)| read == name.as_str()))
        .map(|(name, detail)| {
            format!(
                "{} ({})",
                name.as_str(),
                counted(detail.bytes, "byte", "bytes")
            )
        })
        .collect();
    if !unread.is_empty() {
        let line = format!(
            "Kept outside the log, and not read here: {}. --details and --detail NAME fetch them.",
            unread.join(", ")
        );
        out.push_str(&wrapped("", &line));
    }
    if request.state == ApprovalState::Pending {
        let seq = request.seq();
        put!(
            out,
            "Answer with `ledgerctl approvals grant {seq}` or `ledgerctl approvals deny {seq} --reason TEXT`.\n"
        );
    }
    out.push_str(&request.verified.line());
    out
}

fn facts(request: &Request, decision: &Decision) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut fact = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    let actor = &decision.cause.actor;
    fact(
        "agent",
        Some(match &actor.version {
            Some(version) => format!("{} (version {version})", actor.id),
            None => actor.id.clone(),
        }),
    );
    let by = if decision.channels.is_empty() {
        String::new()
    } else {
        format!(" by {}", decision.channels)
    };
    fact(
        "action",
        Some(format!("{} ({}{by})", decision.action, decision.class)),
    );
    fact("tier", decision.tier.map(|tier| tier.to_string()));
    fact("group", Some(request.group.clone()));
    fact("asked", Some(request.verified.entry.time.to_string()));
    fact("approve by", decision.approve_by.map(|by| by.to_string()));
    fact("correlation id", decision.cause.correlation_id.clone());
    fact("action id", decision.cause.action_id.clone());
    fact("tool", decision.tool.clone());
    fact("seller", decision.seller.clone());
    fact("campaign", decision.campaign.clone());
    fact("mailbox", decision.mailbox.map(short));
    fact("cost", decision.cost_micros.map(money));
    fact("undoes", decision.undoes.map(|seq| format!("entry {seq}")));
    facts
}
