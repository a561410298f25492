//! `ledgerctl policy explain`: which rows and rules of a policy decide one request.

mod object;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use ledger_core::entry::{
    Actor, ActorType, Basis, Cause, Code, Decision, Environment, Foreign, Outcome, Reason, Target,
};
use ledger_core::gate::{self, Explained};
use ledger_core::hash::Hash;
use ledger_core::limits::{FIELD_BYTES_MAX, FIELDS_MAX, TARGETS_MAX};
use ledger_core::name::{self, ACTION_MAX, CAMPAIGN_MAX, PRINCIPAL_MAX, VERSION_MAX};
use ledger_core::normalise;
use ledger_core::policy::{Policy, policy_hash};
use ledger_core::role::Role;
use ledger_core::state;
use ledger_core::token::{self, Kind, TARGET_TYPE_MAX, Token};
use ledger_proto::v1;
use serde_json::json;

use super::{InForce, NONE, folder, unpublished};
use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::values::report;
use crate::values::target::target;
use crate::values::words::{self, parser};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl policy explain policies/sales --agent agent.routing --action crm.deal.stage --target deal:1:writes=stage
  ledgerctl policy explain policies/sales --agent agent.outbound.sender --action email.send --seller acme \\
      --mailbox outreach-1 --target contact::reads=email
  ledgerctl policy explain --agent agent.enrichment --action crm.read --target company::reads=domain    what is in force

This is no decision: nothing is asked for and nothing recorded. With a folder nothing is sent at all; without one the
policy in force is fetched, and nothing of the request sent. Only the policy's tables are looked at: not who the recipients
are, the do-not-contact list, counts, stops, open breakers, approvals, break-glass, the time or the policy's conditions
(.cedar). So an allow only says that the tables leave room for one; a denial stands whatever the rest says, but that
break-glass lifts tier 3.

The names of mailboxes stand for themselves here. A row that names a mailbox by its token is only found by
`--mailbox token:HEX`.

Exit code 0 whatever the outcome; 1 where the policy is not valid, 2 where it or the request cannot be read.";

/// The environments, as policies name them.
const ENVIRONMENTS: &[&str] = &["prod", "sandbox"];
/// Stands for the token of an object, which is the ledger's secret.
const UNKNOWN_ID: Token = Token([0; 32]);
/// What a mailbox given by its token begins with, as in policies.
const TOKEN: &str = "token:";

/// Options of `policy explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A policy's folder; without it the policy in force is asked
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The agent that would act
    #[arg(long, alias = "agent-id", value_name = "ID")]
    agent: String,
    /// What would be done, such as `email.send`
    #[arg(long, value_name = "A")]
    action: String,
    /// The hash of the agent's prompt and tools
    #[arg(long, value_name = "V")]
    agent_version: Option<String>,
    /// On whose behalf people would be contacted
    #[arg(long, value_name = "S")]
    seller: Option<String>,
    #[arg(long, help = "The campaign")]
    campaign: Option<String>,
    /// The sending mailbox: an address, a name that the policy uses, or `token:` and the digits of one
    #[arg(long, value_name = "M")]
    mailbox: Option<String>,
    /// An object acted on, and its fields; may be repeated
    #[arg(long = "target", value_parser = target, value_name = "TYPE:ID[:writes=F,F]")]
    targets: Vec<v1::Target>,
    /// The environment of the ledger that would be asked
    #[arg(long, value_parser = parser(ENVIRONMENTS, environment), default_value = "prod", value_name = "E")]
    environment: Environment,
    /// What another engine decided, as a word or as `decide` takes it: allow, require_approval or deny
    #[arg(long, value_parser = foreign, value_name = "OUTCOME|FIELDS")]
    foreign: Option<v1::ForeignDecision>,
}

/// Where the policy is from.
struct Source<'a> {
    heading: String,
    folder: Option<&'a Path>,
    seq: Option<u64>,
}

/// What the policy says, and of what.
struct Answer<'a> {
    policy: &'a state::InForce,
    request: &'a Decision,
    environment: Environment,
    /// The mailbox as it was given, in its canonical form.
    mailbox: Option<&'a str>,
    /// All but the next three, which are taken out of it.
    said: Explained<'a>,
    /// What it says in the gate's words; besides what [`gate::explain`] has, the throttles that deny it
    /// because it does not name what they count per.
    reasons: Vec<Reason>,
    outcome: Outcome,
    approvers: Option<String>,
}

pub(super) async fn run(context: &Context, args: &ExplainArgs) -> Result<(), Failure> {
    let (request, mailbox) = request(args)?;
    let (source, text, sha256) = if let Some(path) = &args.folder {
        let files = folder::read(path)?;
        let text = Policy::parse(&files).map_err(Problem::Policy)?;
        let sha256 = policy_hash(&files);
        let source = Source {
            heading: unpublished(sha256, path),
            folder: Some(path),
            seq: None,
        };
        (source, text, sha256)
    } else {
        let session = context.connect_unproven().await?;
        let Some(found) = InForce::fetch(&session).await? else {
            let object = json!({ "seq": null, "outcome": Outcome::Deny });
            return context.output.show(NONE, &object);
        };
        let source = Source {
            heading: found.heading(),
            folder: None,
            seq: Some(found.seq),
        };
        (source, found.parse()?, found.sha256)
    };
    let policy = in_force(text, sha256, source.seq);
    let answer = Answer::new(&policy, &request, args.environment, mailbox.as_deref());
    context.output.show(
        &text::text(&answer, &source, context.output.style()),
        &object::object(&answer, &source),
    )
}

impl<'a> Answer<'a> {
    fn new(
        policy: &'a state::InForce,
        request: &'a Decision,
        environment: Environment,
        mailbox: Option<&'a str>,
    ) -> Self {
        let mut said = gate::explain(policy, request, environment);
        let mut reasons = std::mem::take(&mut said.reasons);
        let unkeyed = said.throttles.iter().filter(|(_, keyed)| !keyed);
        reasons.extend(unkeyed.map(|(rule, _)| Reason {
            rule: Some(rule.id.clone()),
            ..Code::ThrottleUnkeyed.reason()
        }));
        // As the gate sorts them: what decides comes first.
        reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.code.demands()), reason.check));
        let demands = reasons.iter().map(|reason| reason.code.demands());
        let outcome = demands.max().unwrap_or(Outcome::Deny);
        let approvers = said.approvers.take();
        Self {
            policy,
            request,
            environment,
            mailbox,
            said,
            reasons,
            outcome,
            approvers: approvers.filter(|_| outcome == Outcome::RequireApproval),
        }
    }

    /// What is worth knowing about the answer beside it.
    fn notes(&self) -> Vec<String> {
        let unknown = self.said.rows.iter().filter_map(|says| {
            let other = match (&says.row.mailboxes, self.mailbox?.strip_prefix(TOKEN)) {
                (ledger_core::policy::Mailboxes::Only { tokens, .. }, None) => !tokens.is_empty(),
                (ledger_core::policy::Mailboxes::Only { names, .. }, Some(_)) => !names.is_empty(),
                (ledger_core::policy::Mailboxes::Any, _) => false,
            };
            (other && says.refuses == Some(Code::GrantMailbox)).then_some(&says.row.id)
        });
        let mut notes: Vec<String> = unknown
            .map(|id| {
                format!(
                    "the row `{id}` may name this very mailbox, one of the two by its token: only the ledger can tell"
                )
            })
            .collect();
        // Files without a condition deny everything: nothing permits.
        if self.policy.text.conditions().is_some() {
            notes.push(
                "the policy has conditions, which were not evaluated: they can only deny what is let through here"
                    .to_owned(),
            );
        }
        notes
    }
}

/// The policy as the gate reads it, its mailboxes under stand-ins: their tokens are the ledger's secret.
fn in_force(text: Policy, sha256: Hash, seq: Option<u64>) -> state::InForce {
    let stand_in = |name: &str| {
        let key = normalise::mailbox(name).ok()?;
        Some((name.to_owned(), stand_in(&key.identifier)))
    };
    let mailboxes = text.mailbox_names().into_iter().filter_map(stand_in);
    state::InForce {
        seq: seq.unwrap_or_default(),
        sha256,
        mailboxes: mailboxes.collect(),
        fake_domains: BTreeMap::new(),
        text,
    }
}

/// Stands for the token of a mailbox, by its canonical name.
fn stand_in(canonical: &str) -> Token {
    Token(Hash::of(format!("mailbox {canonical}").as_bytes()).0)
}

/// The request as the gate would get it, and its mailbox in its canonical form. What the ledger would
/// not take is refused here too.
fn request(args: &ExplainArgs) -> Result<(Decision, Option<String>), Failure> {
    let named = |field, value: &Option<String>, max| match value.as_deref() {
        None | Some("") => Ok(None),
        Some(value) => name::check(field, value, max)
            .map(|()| Some(value.to_owned()))
            .map_err(refused),
    };
    name::check("agent", &args.agent, PRINCIPAL_MAX).map_err(refused)?;
    name::check("action", &args.action, ACTION_MAX).map_err(refused)?;
    let version = named("agent version", &args.agent_version, VERSION_MAX)?;
    let seller = args.seller.clone().filter(|seller| !seller.is_empty());
    if let Some(seller) = &seller {
        name::seller(seller).map_err(refused)?;
    }
    let given = args.mailbox.as_deref().filter(|given| !given.is_empty());
    let (token, mailbox) = given.map(mailbox).transpose()?.unzip();
    let actor = Actor {
        kind: ActorType::Principal(Role::Agent),
        id: args.agent.clone(),
        version,
    };
    let cause = Cause {
        actor,
        ..Cause::ledger()
    };
    let foreign = args.foreign.as_ref().map(|found| Foreign {
        engine: found.engine.clone(),
        policy: None,
        outcome: match found.outcome() {
            v1::Outcome::Allow => Outcome::Allow,
            v1::Outcome::RequireApproval => Outcome::RequireApproval,
            v1::Outcome::Deny | v1::Outcome::Unspecified => Outcome::Deny,
        },
    });
    let decision = Decision {
        seller,
        campaign: named("campaign", &args.campaign, CAMPAIGN_MAX)?,
        mailbox: token,
        targets: targets(&args.targets)?,
        foreign,
        ..Decision::request(Basis::Gate, cause, args.action.clone())
    };
    Ok((decision, mailbox))
}

fn mailbox(given: &str) -> Result<(Token, String), Failure> {
    if let Some(digits) = given.strip_prefix(TOKEN) {
        let token = digits.parse::<Token>().map_err(refused)?;
        return Ok((token, given.to_owned()));
    }
    let key = normalise::mailbox(given).map_err(refused)?;
    Ok((stand_in(&key.identifier), key.identifier))
}

fn targets(given: &[v1::Target]) -> Result<Vec<Target>, Failure> {
    let fields = given
        .iter()
        .flat_map(|one| one.reads.iter().chain(&one.writes));
    for (count, max, what) in [
        (given.len(), TARGETS_MAX, "targets"),
        (
            fields.clone().count(),
            FIELDS_MAX,
            "fields over all targets",
        ),
    ] {
        if count > max {
            let why = format!("{count} {what} are too many: expected at most {max}");
            return Err(Failure::usage(why));
        }
    }
    for field in fields {
        name::check("field", field, FIELD_BYTES_MAX).map_err(refused)?;
    }
    let target = |given: &v1::Target| {
        name::check("type", &given.r#type, TARGET_TYPE_MAX).map_err(refused)?;
        Kind::target(&given.r#type).map_err(refused)?;
        Ok(Target {
            kind: token::object_type(&given.r#type),
            // Rows ask whether there is one, and none asks which.
            id: (!given.id.is_empty()).then_some(UNKNOWN_ID),
            reads: given.reads.clone(),
            writes: given.writes.clone(),
        })
    };
    given.iter().map(target).collect()
}

fn refused(error: impl std::fmt::Display) -> Failure {
    Failure::usage(error.to_string())
}

fn environment(word: &str) -> Result<Environment, String> {
    match word {
        "prod" => Ok(Environment::Prod),
        "sandbox" => Ok(Environment::Sandbox),
        _ => Err(format!(
            "`{word}` is unknown: expected {}",
            ENVIRONMENTS.join(" or ")
        )),
    }
}

/// Reads an outcome alone, or a decision of another engine as `decide` takes it.
fn foreign(text: &str) -> Result<v1::ForeignDecision, String> {
    if text.contains('=') {
        return report::foreign(text);
    }
    let mut foreign = v1::ForeignDecision {
        engine: "other".to_owned(),
        ..v1::ForeignDecision::default()
    };
    foreign.set_outcome(words::outcome::read(text)?);
    Ok(foreign)
}

/// The word for an environment.
const fn environment_word(environment: Environment) -> &'static str {
    match environment {
        Environment::Prod => "prod",
        Environment::Sandbox => "sandbox",
    }
}

#[cfg(test)]
mod tests;
