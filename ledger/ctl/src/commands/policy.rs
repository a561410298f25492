//! `ledgerctl policy`: which actions exist, who may do them, how often.

mod dry_run;
mod explain;
mod folder;
pub(crate) mod groups;
mod promote;
mod table;
mod warnings;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ledger_core::entry::{Body, PolicyEntry};
use ledger_core::hash::Hash;
use ledger_core::policy::{Policy, policy_hash};
use ledger_core::role::Call;
use ledger_proto::v1;
use serde::Serialize;
use serde_json::json;

use crate::client::Session;
use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::output::Style;
use crate::proof::{Asked, Verified, WriteJson, other_kind, same_option};
use crate::request::WriteArgs;
use crate::text::{counted, put, wrapped};

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put a policy in force (operator). One that is not valid changes nothing
    #[command(after_help = PUBLISH_EXAMPLES)]
    Publish(PublishArgs),
    /// Which policy is in force (operator, compliance, approver, auditor)
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArgs),
    /// A policy as a table: of the one in force, or of a folder
    #[command(after_help = TABLE_EXAMPLES)]
    Table(TableArgs),
    /// Which rows and rules decide one request: of the policy in force, or of a folder
    #[command(after_help = explain::EXAMPLES)]
    Explain(explain::ExplainArgs),
    /// Check a folder without a ledger; every error with its line and key
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Make the recorded decisions of an export again under a folder's policy; needs no ledger
    #[command(after_help = dry_run::EXAMPLES)]
    DryRun(dry_run::DryRunArgs),
    /// Of a sandbox: the receipt with which its policy is promoted
    #[command(after_help = promote::RECEIPT_EXAMPLES)]
    Receipt(promote::ReceiptArgs),
    /// Put a policy in force that was tried in a sandbox and approved here (operator)
    #[command(after_help = promote::PROMOTE_EXAMPLES)]
    Promote(promote::PromoteArgs),
}

const PUBLISH_EXAMPLES: &str = "\
Examples:
  ledgerctl policy publish policies/sales

The whole folder is published, files that begin with a dot apart. The text stands in the log in clear:
no addresses, no phone numbers. It is checked here first, and again by the ledger.";

const SHOW_EXAMPLES: &str = "\
Examples:
  ledgerctl policy show             its entry, hash and size
  ledgerctl policy show --text      the text itself";

const TABLE_EXAMPLES: &str = "\
Examples:
  ledgerctl policy table                    what is in force
  ledgerctl policy table policies/sales     what a folder would put in force; needs no ledger";

const CHECK_EXAMPLES: &str = "\
Examples:
  ledgerctl policy check policies/sales && ledgerctl policy publish policies/sales

A warning names a row that says what it may not mean; the policy is valid all the same.

Exit code 0 where the policy is valid, 1 where it is not, 2 where it cannot be read.";

/// Options of `policy publish`.
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The policy's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    write: WriteArgs,
}

/// Options of `policy show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Print the text
    #[arg(long)]
    text: bool,
}

/// Options of `policy table`.
#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// A policy's folder; without it the policy in force is shown
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Options of `policy check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The policy's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// The files of a policy: path within its folder, and text.
type Files = Vec<(String, String)>;

pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Publish(args) => {
            let published = publish(context, &args.folder, &args.write, None).await?;
            context.output.show(&published.text, &published.object)
        }
        Command::Show(args) => show(context, args).await,
        Command::Table(args) => table(context, args).await,
        Command::Explain(args) => explain::run(context, args).await,
        Command::Check(args) => check(context, args),
        Command::DryRun(args) => dry_run::run(context, args),
        Command::Receipt(args) => promote::receipt(context, args).await,
        Command::Promote(args) => promote::promote(context, args).await,
    }
}

/// A policy that is in force now, and what to say of it.
struct Published {
    text: String,
    object: PublishJson,
    entry: PolicyEntry,
}

/// What is printed of a policy that was put in force.
#[derive(Serialize)]
struct PublishJson {
    /// Groups that are asked for approval, and that no approver in force is in.
    groups_without_approver: Vec<String>,
    #[serde(flatten)]
    write: WriteJson,
}

async fn publish(
    context: &Context,
    folder: &Path,
    args: &WriteArgs,
    promotion: Option<v1::Promotion>,
) -> Result<Published, Failure> {
    let files = folder::read(folder)?;
    let policy = Policy::parse(&files).map_err(Problem::Policy)?;
    let sha256 = policy_hash(&files);
    let session = context.connect().await?;
    let mut write = args.begin()?;
    let wire = |(path, text): (String, String)| v1::PolicyFile { path, text };
    let request = v1::PublishPolicyRequest {
        header: Some(write.header()),
        files: files.into_iter().map(wire).collect(),
        promotion,
    };
    let reply = session
        .control()
        .publish_policy(request)
        .await
        .map_err(|status| write.explain(status))?
        .into_inner();
    let verified = session
        .verify(reply.receipt)
        .map_err(|failure| write.explain(failure))?;
    verified.answers(&Asked::of(Call::PublishPolicy, &write))?;
    let published = published(&verified)?.clone();
    same_option("policy hash", Some(sha256), published.sha256)?;
    write.keep(&verified)?;
    // The policy stands whatever comes of this: that requests will wait for nobody should be seen.
    let vacant = groups::vacant(&session, &policy).await;
    let mut text = format!("Policy {sha256} is in force: {}.\n", size(&policy));
    if let Some(old) = &published.replaces {
        put!(
            text,
            "It replaces that of entry {} ({}).\n",
            old.seq,
            old.sha256
        );
    }
    text.push_str(&groups::warning(&policy, &vacant));
    text.push_str(&verified.line());
    Ok(Published {
        text,
        object: PublishJson {
            groups_without_approver: vacant,
            write: WriteJson::of(&verified, &write.request_id, reply.repeated)?,
        },
        entry: published,
    })
}

fn published(verified: &Verified) -> Result<&PolicyEntry, Failure> {
    match &verified.entry.body {
        Body::Policy(policy) if policy.continues.is_none() => Ok(policy),
        _ => Err(other_kind("policy", &verified.entry)),
    }
}

fn size(policy: &Policy) -> String {
    format!(
        "{}, {}, {}",
        counted(policy.actions().count() as u64, "action", "actions"),
        counted(policy.all_grants().len() as u64, "grant", "grants"),
        counted(policy.throttles().len() as u64, "throttle", "throttles")
    )
}

/// The policy in force, as the ledger gave it out.
pub(crate) struct InForce {
    seq: u64,
    sha256: Hash,
    files: Files,
    /// Whether the entry that published it was proven to be in the log.
    proven: bool,
}

impl InForce {
    /// Fetches it, and recomputes its hash. Where a key was named its entry is verified too, if the
    /// caller may read that.
    pub(crate) async fn fetch(session: &Session) -> Result<Option<Self>, Failure> {
        let reply = session
            .control()
            .show_policy(v1::ShowPolicyRequest {})
            .await?
            .into_inner();
        let Some(seq) = reply.seq else {
            return Ok(None);
        };
        let files: Files = reply
            .files
            .into_iter()
            .map(|file| (file.path, file.text))
            .collect();
        let sha256 = policy_hash(&files);
        if sha256.0[..] != reply.sha256[..] {
            let why = format!(
                "its text has the hash `{sha256}`, and the ledger says `{}`",
                hex::encode(&reply.sha256)
            );
            return Err(Failure::unverified("the policy", why));
        }
        let proven =
            session.trust_if_named().is_some() && Self::prove(session, seq, sha256).await?;
        Ok(Some(Self {
            seq,
            sha256,
            files,
            proven,
        }))
    }

    /// Its rules.
    pub(crate) fn parse(&self) -> Result<Policy, Failure> {
        Policy::parse(&self.files).map_err(|errors| {
            Failure::from(Problem::Policy(errors))
                .note("the ledger holds it to be valid: use a ledgerctl of its version")
        })
    }

    async fn prove(session: &Session, seq: u64, sha256: Hash) -> Result<bool, Failure> {
        let request = v1::GetReceiptRequest {
            of: Some(v1::get_receipt_request::Of::Seq(seq)),
        };
        let receipt = match session.proofs().get_receipt(request).await {
            Ok(reply) => reply.into_inner().receipt,
            // An approver reads policies, and receipts of its own entries alone.
            Err(status) if status.code() == tonic::Code::PermissionDenied => return Ok(false),
            Err(status) => return Err(status.into()),
        };
        let verified = session.verify(receipt)?;
        same_option("policy hash", Some(sha256), published(&verified)?.sha256)?;
        Ok(true)
    }

    fn heading(&self) -> String {
        let proven = if self.proven {
            "its entry is proven"
        } else {
            "its hash is right, its entry not proven"
        };
        format!(
            "Policy {} in force since entry {}; {proven}.",
            self.sha256, self.seq
        )
    }
}

/// The heading of what is read from a folder.
fn unpublished(sha256: Hash, folder: &Path) -> String {
    let folder = folder.display();
    format!("Policy {sha256} in {folder}: not published by this command.")
}

const NONE: &str = "No policy was published yet: everything is denied.";

async fn show(context: &Context, args: &ShowArgs) -> Result<(), Failure> {
    let session = context.connect_unproven().await?;
    let Some(policy) = InForce::fetch(&session).await? else {
        return context.output.show(NONE, &json!({ "seq": null }));
    };
    let mut text = String::new();
    if args.text {
        let many = policy.files.len() > 1;
        for (path, content) in &policy.files {
            if many {
                put!(text, "--- {path}\n");
            }
            text.push_str(content);
        }
    } else {
        put!(text, "{}\n", policy.heading());
        for (path, content) in &policy.files {
            put!(
                text,
                "  {path}  {}\n",
                counted(content.len() as u64, "byte", "bytes")
            );
        }
    }
    let files: Vec<_> = policy
        .files
        .iter()
        .map(|(path, text)| json!({ "path": path, "text": text }))
        .collect();
    let object = json!({ "seq": policy.seq, "sha256": policy.sha256, "proven": policy.proven, "files": files });
    context.output.show(&text, &object)
}

/// A policy's folder, read and checked: its hash, its tables for people, and the same as an object.
pub(super) fn tables(
    folder: &Path,
    style: Style,
) -> Result<(Hash, String, serde_json::Value), Failure> {
    let files = folder::read(folder)?;
    let policy = Policy::parse(&files).map_err(Problem::Policy)?;
    let sha256 = policy_hash(&files);
    let object = table::object(&policy, sha256, None);
    Ok((sha256, table::text(&policy, style), object))
}

async fn table(context: &Context, args: &TableArgs) -> Result<(), Failure> {
    let style = context.output.style();
    if let Some(path) = &args.folder {
        let files = folder::read(path)?;
        let policy = Policy::parse(&files).map_err(Problem::Policy)?;
        let heading = unpublished(policy_hash(&files), path);
        let text = format!("{heading}\n\n{}", table::text(&policy, style));
        return context
            .output
            .show(&text, &table::object(&policy, policy_hash(&files), None));
    }
    let session = context.connect_unproven().await?;
    let Some(in_force) = InForce::fetch(&session).await? else {
        return context.output.show(NONE, &json!({ "seq": null }));
    };
    let policy = in_force.parse()?;
    let text = format!("{}\n\n{}", in_force.heading(), table::text(&policy, style));
    context.output.show(
        &text,
        &table::object(&policy, in_force.sha256, Some(in_force.seq)),
    )
}

fn check(context: &Context, args: &CheckArgs) -> Result<(), Failure> {
    let files = folder::read(&args.folder)?;
    let policy = Policy::parse(&files).map_err(Problem::Policy)?;
    let sha256 = policy_hash(&files);
    let warnings = warnings::of(&policy);
    let mut text = format!(
        "Valid: {}. SHA-256 {sha256}.\n{}",
        size(&policy),
        groups::text(&policy)
    );
    for warning in &warnings {
        text.push_str(&wrapped("Warning: ", warning));
    }
    let object = json!({
        "valid": true, "sha256": sha256, "approval_groups": groups::asked(&policy), "warnings": warnings,
    });
    context.output.show(&text, &object)
}
