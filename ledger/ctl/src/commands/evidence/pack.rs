//! `ledgerctl evidence --subject` and `--correlation`: everything about a person or a matter, as a folder
//! or an archive.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use clap::Args;
use ledger_core::entry::DetailName;
use ledger_core::evidence::ProvenEntry;
use ledger_core::hash::{HASH_BYTES, Hash};
use ledger_packs::check::{Checked, program};
use ledger_packs::draft::Draft;
use ledger_packs::files::{DetailLine, Files, is_plain};
use ledger_packs::manifest::{Named, Query};
use ledger_packs::report::Counts;
use ledger_packs::zipped;
use ledger_proto::v1;
use ledger_proto::v1::get_pack_request::About;
use serde_json::json;

use crate::client::Session;
use crate::context::Context;
use crate::failure::{Failure, Problem};
use crate::files::{Outfile, Overwrite, folder, set_mode, sync_folder, written};
use crate::progress::Progress;
use crate::text::{counted, put, wrapped};
use crate::values::identifiers::{listed, one_person};
use crate::values::when;

const WHAT: &str = "the pack";

/// What a pack is about.
#[derive(Debug, Args)]
pub(super) struct PackArgs {
    /// A person: `ada@example.com`, `+44…`, `contact:ID`; a company: `account:ID`. Again for every other
    /// identifier known of the same one (compliance)
    #[arg(long, value_name = "IDENTIFIER", value_parser = listed, conflicts_with_all = ["seq", "correlation"])]
    subject: Vec<v1::Subject>,
    /// Everything that goes by this correlation id
    #[arg(long, value_name = "ID", conflicts_with = "seq")]
    correlation: Option<String>,
    /// Of a pack: also what is kept outside the log, which may name other people (compliance, auditor)
    #[arg(long, conflicts_with = "seq")]
    details: bool,
}

impl PackArgs {
    /// Whether a pack is asked for.
    pub(super) fn is_asked(&self) -> bool {
        !self.subject.is_empty() || self.correlation.is_some()
    }

    fn about(&self) -> Result<About, Failure> {
        match &self.correlation {
            Some(id) => Ok(About::CorrelationId(id.clone())),
            None => one_person(&self.subject).map(About::Person),
        }
    }
}

pub(super) async fn run(
    context: &Context,
    args: &PackArgs,
    out: &Path,
    overwrite: Overwrite,
) -> Result<(), Failure> {
    let about = args.about()?;
    let session = context.connect().await?;
    let target = Target::at(out, overwrite)?;
    let draft = tokio::select! {
        taken = take(context, &session, args.details, about, target.name()) => taken?,
        interrupted = tokio::signal::ctrl_c() => {
            return Err(match interrupted {
                Ok(()) => Problem::Interrupted.into(),
                Err(error) => Problem::Unreachable(format!("interrupts cannot be heard: {error}")).into(),
            });
        }
    };
    let (files, checked) = draft
        .finish(session.trust()?)
        .map_err(|error| Failure::unverified(WHAT, format!("{}: {error}", error.check)))?;
    let (text, object) = told(out, &checked);
    // The files are all that is needed from here on, and it is by far not all there is.
    drop(checked);
    target.write(&files)?;
    context.output.show(&text, &object)
}

/// What is said of a pack.
fn told(out: &Path, checked: &Checked) -> (String, serde_json::Value) {
    let reading = &checked.reading;
    let counts = Counts::of(reading);
    let tree = &reading.checkpoint.checkpoint;
    let mut text = wrapped(
        "",
        &format!(
            "Pack written to {}: {} concerned, {} in all, every one proven to be in `{}` under its signed checkpoint of {}.",
            out.display(),
            counted(reading.concerned.len() as u64, "entry", "entries"),
            reading.entries.len(),
            tree.origin,
            counted(tree.size, "entry", "entries"),
        ),
    );
    put!(
        text,
        "Allowed {}, denied {}, sent for approval {}; reported as carried out or tried {}.\n",
        counts.allowed,
        counts.denied,
        counts.approval,
        counts.executions
    );
    text.push_str("Read report.html first; its last line is the command that checks the pack.\n");
    let object = json!({
        "pack": out.display().to_string(),
        "entries": reading.entries.len(),
        "concerned": reading.concerned.keys().collect::<Vec<_>>(),
        "access": reading.access,
        "allowed": counts.allowed, "denied": counts.denied, "approval": counts.approval,
        "executions": counts.executions,
        "checkpoint": { "origin": tree.origin, "size": tree.size, "root": tree.root },
    });
    (text, object)
}

/// A refusal for the role's sake names the call that is lacking, which is not always this one.
fn refused(status: tonic::Status, is_person: bool) -> Failure {
    let is_role = status.code() == tonic::Code::PermissionDenied;
    let failure = Failure::from(status);
    if is_role && is_person {
        return failure.note(
            "a pack about a person opens their tokens, which takes compliance; one of a run (--correlation) does not",
        );
    }
    failure
}

/// Takes what the ledger hands out.
async fn take(
    context: &Context,
    session: &Session,
    details: bool,
    about: About,
    name: String,
) -> Result<Draft, Failure> {
    let query = query(&about, details);
    let request = v1::GetPackRequest {
        about: Some(about),
        details,
    };
    let is_person = query.correlation_id.is_none();
    let mut stream = session
        .proofs()
        .get_pack(request)
        .await
        .map_err(|status| refused(status, is_person))?
        .into_inner();
    let mut draft = Draft {
        name,
        made_at: when::now(),
        made_by: program("ledgerctl"),
        query,
        checkpoint: Vec::new(),
        opening: None,
        access: 0,
        entries: Vec::new(),
        details: Vec::new(),
    };
    let watched = context.output.shows_progress();
    let mut searching: Option<(Progress, u64)> = None;
    let mut fetching: Option<(Progress, u64)> = None;
    while let Some(chunk) = stream.message().await? {
        if chunk.searched > 0 {
            let (progress, before) = searching
                .get_or_insert_with(|| (Progress::new("entries searched", chunk.size, watched), 0));
            progress.add(chunk.searched.saturating_sub(*before));
            *before = chunk.searched;
            continue;
        }
        searching = None;
        if !chunk.checkpoint.is_empty() {
            if fetching.is_some() {
                return Err(Failure::unverified(WHAT, "it begins twice"));
            }
            draft.checkpoint = chunk.checkpoint.to_vec();
            draft.opening = (!chunk.opening.is_empty()).then(|| chunk.opening.to_vec());
            draft.access = chunk.access;
            fetching = Some((Progress::new("entries", chunk.total, watched), chunk.total));
        }
        if let Some((progress, _)) = &mut fetching {
            progress.add(chunk.entries.len() as u64);
        }
        for entry in chunk.entries {
            add(&mut draft, entry)?;
        }
    }
    match fetching {
        Some((_, total)) if total == draft.entries.len() as u64 => Ok(draft),
        Some((_, total)) => Err(Failure::unverified(
            WHAT,
            format!("it ends after {} of {total} entries", draft.entries.len()),
        )),
        None => Err(Failure::unverified(WHAT, "it ends before it began")),
    }
}

fn add(draft: &mut Draft, entry: v1::PackEntry) -> Result<(), Failure> {
    let (hashes, rest) = entry.proof.as_chunks::<HASH_BYTES>();
    if !rest.is_empty() {
        let why = format!("the proof of entry {} is no list of hashes", entry.seq);
        return Err(Failure::unverified(WHAT, why));
    }
    draft.entries.push(ProvenEntry {
        seq: entry.seq,
        entry: entry.entry.to_vec(),
        proof: hashes.iter().copied().map(Hash).collect(),
    });
    let mut details = Vec::new();
    for detail in entry.details {
        let word = detail
            .name()
            .as_str_name()
            .trim_start_matches("DETAIL_NAME_");
        let name = DetailName::parse(&word.to_ascii_lowercase());
        let salt: Option<[u8; 32]> = detail.salt.as_ref().try_into().ok();
        let (Some(name), Some(salt)) = (name, salt) else {
            let why = format!(
                "a detail of entry {} has no known name or no salt of 32 bytes",
                entry.seq
            );
            return Err(Failure::unverified(WHAT, why));
        };
        details.push(DetailLine::new(
            entry.seq,
            name,
            salt,
            detail.value.to_vec(),
        ));
    }
    details.sort_by_key(|line| line.name);
    draft.details.extend(details);
    Ok(())
}

fn query(about: &About, details: bool) -> Query {
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    match about {
        About::Person(person) => Query {
            person: Some(Named {
                email: given(&person.email),
                phone: given(&person.phone),
                contact_id: given(&person.contact_id),
                account_id: given(&person.account_id),
            }),
            correlation_id: None,
            details,
        },
        About::CorrelationId(id) => Query {
            person: None,
            correlation_id: Some(id.clone()),
            details,
        },
    }
}

/// Where a pack goes. It names people: it is for its owner's eyes alone.
enum Target<'a> {
    Archive(&'a Path, Outfile),
    Folder(&'a Path),
}

impl<'a> Target<'a> {
    /// An archive where the name ends with `.zip`, else a folder that is not there, or empty. A folder that holds
    /// something is never replaced.
    fn at(out: &'a Path, overwrite: Overwrite) -> Result<Self, Failure> {
        let zip = out
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
        if zip {
            return Ok(Self::Archive(out, overwrite.create_private(out)?));
        }
        let free = match fs::read_dir(out) {
            Ok(mut inside) => inside.next().is_none(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(error) => return Err(written(out)(error).into()),
        };
        if free {
            return Ok(Self::Folder(out));
        }
        Err(Failure::usage(format!(
            "folder `{}` is not empty: choose another one, or move it away",
            out.display()
        )))
    }

    /// The last part of its path, where that is a word that a report can show.
    fn name(&self) -> String {
        let (path, else_called) = match self {
            Self::Archive(path, _) => (path, "pack.zip"),
            Self::Folder(path) => (path, "pack"),
        };
        let last = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        last.filter(|name| is_plain(name))
            .unwrap_or_else(|| else_called.to_owned())
    }

    fn write(self, files: &Files) -> Result<(), Failure> {
        match self {
            Self::Archive(path, mut file) => {
                zipped::write(files, BufWriter::new(file.file()))
                    .map_err(|error| written(path)(std::io::Error::other(error)))?;
                file.finish(&[])
            }
            Self::Folder(path) => {
                let complete = || {
                    let temporary = tempfile::Builder::new()
                        .prefix(".ledgerctl-pack-")
                        .tempdir_in(folder(path))?;
                    for (name, bytes) in files {
                        let inside = temporary.path().join(name);
                        let mut file = File::create_new(&inside)?;
                        set_mode(&inside, 0o600)?;
                        file.write_all(bytes)?;
                        file.sync_all()?;
                    }
                    File::open(temporary.path())?.sync_all()?;
                    // Replaces an empty folder; one that was filled meanwhile is an error.
                    fs::rename(temporary.path(), path)?;
                    sync_folder(path)?;
                    // It has another name now: there is nothing to remove any more.
                    let _ = temporary.keep();
                    Ok(())
                };
                complete().map_err(|error| written(path)(error).into())
            }
        }
    }
}
