//! `ledgerctl principal`: who may call.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ledger_core::entry::{Body, Change};
use ledger_core::hash::Hash;
use ledger_core::plan::POLICY_GROUP;
use ledger_core::role::Call;
use ledger_proto::v1;
use serde_json::json;

use super::policy::{InForce, groups::asked};
use crate::client::Session;
use crate::context::Context;
use crate::credential::Credential;
use crate::failure::Failure;
use crate::proof::{Asked, Verified, WriteJson, other_kind, same, same_option};
use crate::request::WriteArgs;
use crate::text::{Table, put, wrapped};
use crate::values::words::{parser, role};

/// What to do with principals.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a principal, or give one a new credential or other groups (operator)
    #[command(after_help = PUT_EXAMPLES)]
    Put(PutArgs),
    /// Refuse a principal's credential from now on (operator)
    #[command(after_help = REVOKE_EXAMPLES)]
    Revoke(RevokeArgs),
    /// List all principals (operator, compliance, auditor)
    List,
}

const PUT_EXAMPLES: &str = "\
Examples:
  ledgerctl principal put agent.outbound.sender --role agent --credential-out sender.credential
  ledgerctl principal put approver.emea --role approver --group emea --credential-sha256 HEX

The id is assigned, and never a person's name. A principal keeps its role for good.";

const REVOKE_EXAMPLES: &str = "\
Examples:
  ledgerctl principal revoke agent.outbound.sender

Once the command has returned, the credential is refused. `stop --agent` cuts an agent off as well, and
voids what it was allowed already.";

/// Options of `principal put`.
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// The principal's id
    id: String,
    /// What it may do
    #[arg(long, value_parser = parser(role::WORDS, role::read))]
    role: v1::Role,
    /// An approver group that it belongs to; may be repeated
    #[arg(long = "group", value_name = "G")]
    groups: Vec<String>,
    #[command(flatten)]
    credential: CredentialArgs,
    #[command(flatten)]
    write: WriteArgs,
}

/// A new credential, or the hash of one.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct CredentialArgs {
    /// Make a new credential, write it to this file (0600), and register its hash
    #[arg(long, value_name = "FILE")]
    credential_out: Option<PathBuf>,
    /// Register the credential with this SHA-256, 64 lower-case hex digits
    #[arg(long, value_name = "HEX")]
    credential_sha256: Option<Hash>,
}

/// Options of `principal revoke`.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The principal's id
    id: String,
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Put(args) => put(context, args).await,
        Command::Revoke(args) => revoke(context, args).await,
        Command::List => list(context).await,
    }
}

async fn put(context: &Context, args: &PutArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let mut write = args.write.begin()?;
    let (sha256, made) = match (
        &args.credential.credential_out,
        args.credential.credential_sha256,
    ) {
        (Some(path), _) => {
            let credential = Credential::new()?;
            credential.write(path)?;
            (credential.sha256(), Some(path))
        }
        (None, Some(hash)) => (hash, None),
        (None, None) => {
            return Err(Failure::usage(
                "give --credential-out or --credential-sha256",
            ));
        }
    };
    let request = v1::PutPrincipalRequest {
        header: Some(write.header()),
        id: args.id.clone(),
        role: args.role.into(),
        groups: args.groups.clone(),
        credential_sha256: sha256.0.to_vec().into(),
    };
    let answered = async {
        let reply = session.control().put_principal(request).await?.into_inner();
        Ok::<_, Failure>((session.verify(reply.receipt)?, reply.repeated))
    };
    let (verified, repeated) = match answered.await {
        Ok(answered) => answered,
        Err(failure) => return Err(not_put(write.explain(failure), made, sha256)),
    };
    verified.answers(&Asked::of(Call::PutPrincipal, &write))?;
    let change = check(&verified, &args.id, args.role)?;
    let Body::Principal(body) = &verified.entry.body else {
        return Err(other_kind("principal", &verified.entry));
    };
    same_option("credential", Some(sha256), body.credential)?;
    same("groups", args.groups.join(" "), body.groups.join(" "))?;
    write.keep(&verified)?;
    let mut text = format!("{change} `{}` as {}.\n", args.id, role::word(args.role));
    if let Some(path) = made {
        put!(
            text,
            "Its credential is in {} (0600); SHA-256 {sha256}.\n",
            path.display()
        );
    }
    if args.role == v1::Role::Approver {
        text.push_str(&unasked(&session, &args.groups).await);
    }
    text.push_str(&verified.line());
    context.output.show(
        &text,
        &WriteJson::of(&verified, &write.request_id, repeated)?,
    )
}

/// What keeps an approver from ever being asked: no group, or one that the policy in force does not know. Nothing
/// where that cannot be learnt.
async fn unasked(session: &Session, groups: &[String]) -> String {
    if groups.is_empty() {
        return "It is in no group, so it can answer no request: put it again with --group.\n"
            .to_owned();
    }
    let Ok(Some(policy)) = InForce::fetch(session).await else {
        return String::new();
    };
    let Ok(policy) = policy.parse() else {
        return String::new();
    };
    let asked = asked(&policy);
    // Policies are approved by theirs, whatever rows ask.
    let unknown = |group: &&String| !asked.contains_key(*group) && *group != POLICY_GROUP;
    let Some(group) = groups.iter().find(unknown) else {
        return String::new();
    };
    let known: Vec<&str> = asked.keys().map(String::as_str).collect();
    let asks = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    wrapped(
        "",
        &format!("The policy in force does not ask the group `{group}`; it asks {asks}."),
    )
}

/// Takes a credential back that was made for nothing; keeps it where it may be registered.
fn not_put(failure: Failure, made: Option<&PathBuf>, sha256: Hash) -> Failure {
    let Some(path) = made else {
        return failure;
    };
    if failure.outcome_is_unknown() {
        return failure.note(format!(
            "the credential stays in {}: repeat with `--credential-sha256 {sha256}` instead of `--credential-out`",
            path.display()
        ));
    }
    match std::fs::remove_file(path) {
        Ok(()) => failure,
        Err(error) => failure.note(format!(
            "{} holds a credential that nobody has: remove it ({error})",
            path.display()
        )),
    }
}

async fn revoke(context: &Context, args: &RevokeArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let mut write = args.write.begin()?;
    let request = v1::RevokePrincipalRequest {
        header: Some(write.header()),
        id: args.id.clone(),
    };
    let reply = session
        .control()
        .revoke_principal(request)
        .await
        .map_err(|status| write.explain(status))?
        .into_inner();
    let verified = session
        .verify(reply.receipt)
        .map_err(|failure| write.explain(failure))?;
    verified.answers(&Asked::of(Call::RevokePrincipal, &write))?;
    let Body::Principal(body) = &verified.entry.body else {
        return Err(other_kind("principal", &verified.entry));
    };
    same("principal", args.id.as_str(), body.id.as_str())?;
    if body.credential.is_some() || body.change != Change::Revoked {
        return Err(Failure::unverified(
            "the answer",
            "the entry revokes nobody",
        ));
    }
    write.keep(&verified)?;
    let text = format!(
        "Revoked the {} `{}`: its credential is refused from now on.\n{}",
        body.role,
        args.id,
        verified.line()
    );
    context.output.show(
        &text,
        &WriteJson::of(&verified, &write.request_id, reply.repeated)?,
    )
}

/// Checks what an entry says of a principal, and gives back what it did.
fn check(verified: &Verified, id: &str, asked: v1::Role) -> Result<&'static str, Failure> {
    let Body::Principal(body) = &verified.entry.body else {
        return Err(other_kind("principal", &verified.entry));
    };
    same("principal", id, body.id.as_str())?;
    same("role", role::word(asked), body.role.to_string())?;
    match body.change {
        Change::Added => Ok("Added"),
        Change::Changed => Ok("Changed"),
        Change::Revoked => Err(Failure::unverified(
            "the answer",
            "the entry revokes the principal",
        )),
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let session = context.connect_unproven().await?;
    let reply = session
        .control()
        .list_principals(v1::ListPrincipalsRequest {})
        .await?
        .into_inner();
    let mut table = Table::new(&["id", "role", "groups", "last changed", "state"]);
    let mut objects = Vec::new();
    for principal in &reply.principals {
        let word = role::word(principal.role());
        let state = if principal.revoked {
            "revoked"
        } else {
            "in force"
        };
        table.row([
            principal.id.clone(),
            word.clone(),
            principal.groups.join(", "),
            format!("entry {}", principal.seq),
            state.to_owned(),
        ]);
        objects.push(json!({
            "id": principal.id, "role": word, "groups": principal.groups, "seq": principal.seq, "revoked": principal.revoked,
        }));
    }
    context
        .output
        .show(&table.render(""), &json!({ "principals": objects }))
}
