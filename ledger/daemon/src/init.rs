//! `ledgerd init`: makes a ledger.
//!
//! A marker stands in the directory from the first thing made to the last. Genesis and the first
//! operator are one commit under one checkpoint, planned and folded by the same code as every later
//! entry. Where the marker stays, nothing was ever handed out, and the directory can be removed.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ledger_core::checkpoint::{Checkpoint, CheckpointError};
use ledger_core::entry::{
    Actor, Body, Cause, Change, EncodeError, Environment, Genesis, PrincipalChange,
};
use ledger_core::gate::GATE_VERSION;
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::name;
use ledger_core::normalise;
use ledger_core::note::SigningKey;
use ledger_core::plan::{Plan, Refusal, plan};
use ledger_core::role::Role;
use ledger_core::state::{FoldError, State};
use ledger_core::time::Timestamp;
use ledger_core::token::Kind;
use ledger_core::tree::{BatchTree, CompactRange};
use ledger_core::view::MemoryView;

use crate::clock::{Clock, SystemClock};
use crate::config::Init;
use crate::file::create;
use crate::head::{HeadError, HeadFile, check_outside};
use crate::intake::principal_id;
use crate::keys::{KeyError, Keys, create_credential, sync_dir};
use crate::open::{Layout, TOKENS_V};
use crate::sequencer::grow;
use crate::status::FieldError;
use crate::store::{Commit, CommitBatch, CommitError, LogStore, OpenError};

/// The mode of the data directory and of the folder of keys.
const DIR_MODE: u32 = 0o700;
/// The most bytes of an origin.
const ORIGIN_BYTES_MAX: usize = 128;

/// Why no ledger was made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// An argument.
    #[error(transparent)]
    Argument(#[from] FieldError),
    /// There is a ledger already.
    #[error("`{}` holds a ledger already: serve it with `ledgerd run`, or name another directory", dir.display())]
    Exists {
        /// The directory.
        dir: PathBuf,
    },
    /// An earlier `init` was interrupted.
    #[error(
        "an earlier `ledgerd init` in `{}` was interrupted, and nothing was ever recorded there: remove the \
         directory, with the credential and head files that it made, and run this again",
        dir.display()
    )]
    Incomplete {
        /// The directory.
        dir: PathBuf,
    },
    /// Something else is there.
    #[error("`{}` is not empty: name a directory that is, or that does not exist", dir.display())]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// A file that would be made is there already.
    #[error(
        "`{}` is there already and is not overwritten: name another path, or remove it if an interrupted \
         `ledgerd init` left it",
        path.display()
    )]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Keys or credential.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store could not be made.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The first entries could not be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The head file.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The first entries do not follow from nothing: a bug here.
    #[error("the first entries were refused: {0}")]
    Own(String),
}

impl From<Refusal> for InitError {
    fn from(error: Refusal) -> Self {
        Self::Own(error.to_string())
    }
}

impl From<FoldError> for InitError {
    fn from(error: FoldError) -> Self {
        Self::Own(error.to_string())
    }
}

impl From<EncodeError> for InitError {
    fn from(error: EncodeError) -> Self {
        Self::Own(error.to_string())
    }
}

impl From<CheckpointError> for InitError {
    fn from(error: CheckpointError) -> Self {
        Self::Own(error.to_string())
    }
}

/// Makes a ledger and returns what to tell the person who asked for it.
///
/// # Errors
/// [`InitError`]. What was made by then stays, and the marker with it.
pub fn init(options: &Init) -> Result<String, InitError> {
    check_origin(&options.origin)?;
    let operator = principal_id("--operator", &options.operator)?;
    let layout = Layout::of(&options.data);
    let head = options.head.clone().unwrap_or_else(|| layout.head());
    check_outside(&head, &layout.dir)?;
    check_directory(&layout)?;
    for path in [&head, &options.credential_out] {
        if path.exists() {
            return Err(InitError::Taken { path: path.clone() });
        }
    }
    make_directory(&layout)?;

    let keys_dir = layout.keys();
    DirBuilder::new()
        .mode(DIR_MODE)
        .create(&keys_dir)
        .map_err(|source| io(&keys_dir, source))?;
    let keys = Keys::create(&keys_dir, &options.origin)?;
    let credential = create_credential(&options.credential_out)?;
    let vkey = keys.signing.verification_key().clone();
    write_public(&layout.vkey(), &format!("{vkey}\n"))?;

    LogStore::create(&layout.log())?;
    let opened = LogStore::open(&layout.log(), &options.origin, &vkey)?;
    let commands = vec![
        Body::Genesis(genesis(&keys, options.environment.into())),
        Body::Principal(first_operator(operator, credential)),
    ];
    let checkpoint = commit_first(
        &opened.store,
        &keys.signing,
        commands,
        SystemClock::new().wall(),
    )?;
    HeadFile::create(&head, &checkpoint)?;

    let marker = layout.incomplete();
    fs::remove_file(&marker).map_err(|source| io(&marker, source))?;
    sync_dir(&layout.dir)?;
    Ok(report(&layout, &head, options, &vkey.to_string()))
}

fn check_origin(origin: &str) -> Result<(), FieldError> {
    if let Err(error) = name::check("origin", origin, ORIGIN_BYTES_MAX) {
        return Err(FieldError::withheld("--origin", error.to_string()));
    }
    // The name of a key may hold less than a clear id may (C2SP signed-note).
    match SigningKey::from_seed(&[0; 32], origin) {
        Ok(_) => Ok(()),
        Err(error) => Err(FieldError::shown("--origin", &origin, error.to_string())),
    }
}

/// Refuses a directory with anything in it, and says what that is.
fn check_directory(layout: &Layout) -> Result<(), InitError> {
    let dir = &layout.dir;
    if layout.incomplete().exists() {
        return Err(InitError::Incomplete { dir: dir.clone() });
    }
    if layout.vkey().exists() {
        return Err(InitError::Exists { dir: dir.clone() });
    }
    match fs::read_dir(dir).map(|mut entries| entries.next().is_some()) {
        Ok(false) => Ok(()),
        Ok(true) => Err(InitError::NotEmpty { dir: dir.clone() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(io(dir, source)),
    }
}

/// Makes the directory, or takes an empty one, and puts the marker into it.
fn make_directory(layout: &Layout) -> Result<(), InitError> {
    let dir = &layout.dir;
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(|source| io(parent, source))?;
    }
    match DirBuilder::new().mode(DIR_MODE).create(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            fs::set_permissions(dir, Permissions::from_mode(DIR_MODE))
                .map_err(|source| io(dir, source))?;
        }
        Err(source) => return Err(io(dir, source)),
    }
    write_public(
        &layout.incomplete(),
        "`ledgerd init` is at work here, or was interrupted\n",
    )?;
    sync_dir(dir)?;
    Ok(())
}

fn genesis(keys: &Keys, environment: Environment) -> Genesis {
    let reserved = normalise::RESERVED_DOMAINS
        .iter()
        .map(|domain| keys.subject.token(&Kind::Domain, domain));
    Genesis {
        actor: Actor::ledger(),
        origin: keys.signing.name().to_owned(),
        environment,
        gate: GATE_VERSION,
        key: keys.signing.verification_key().to_string(),
        subject_key: Hash(keys.subject.commitment()),
        content_key: Hash(keys.content.commitment()),
        normaliser: normalise::VERSION.to_owned(),
        tokens_v: TOKENS_V,
        reserved: reserved.collect(),
    }
}

fn first_operator(id: String, credential: Hash) -> PrincipalChange {
    PrincipalChange {
        cause: Cause::ledger(),
        id,
        role: Role::Operator,
        groups: Vec::new(),
        credential: Some(credential),
        change: Change::Added,
    }
}

/// Plans, folds, encodes, signs and commits the first entries of a log, and returns their checkpoint.
///
/// # Errors
/// [`InitError`]; nothing of it counts then.
pub fn commit_first(
    store: &impl Commit,
    key: &SigningKey,
    commands: Vec<Body>,
    now: Timestamp,
) -> Result<Vec<u8>, InitError> {
    let mut state =
        State::load(MemoryView::default()).map_err(|error| InitError::Own(error.to_string()))?;
    let mut lines = Vec::new();
    for command in commands {
        let Plan::Append(bodies) = plan(&state, command, now)? else {
            continue;
        };
        for body in bodies {
            let entry = state.entry(now, body);
            lines.push(entry.encode()?);
            state.apply(&entry, None)?;
        }
    }
    let leaves: Vec<Hash> = lines.iter().map(|line| leaf_hash(line)).collect();
    let tree = BatchTree::new(&CompactRange::new(), &leaves);
    let tiles = grow(&mut Vec::new(), &tree);
    let checkpoint = Checkpoint::new(key.name(), tree.size(), tree.root())
        .sign(key)?
        .to_bytes();
    store.commit(&CommitBatch {
        first_seq: 0,
        entries: &lines,
        tiles: &tiles,
        details: &[],
        checkpoint: &checkpoint,
        size: tree.size(),
    })?;
    Ok(checkpoint)
}

fn write_public(path: &Path, text: &str) -> Result<(), InitError> {
    create(path, 0o644, text).map_err(|source| io(path, source))
}

fn io(path: &Path, source: std::io::Error) -> InitError {
    InitError::Io {
        path: path.to_owned(),
        source,
    }
}

fn report(layout: &Layout, head: &Path, options: &Init, vkey: &str) -> String {
    let dir = layout.dir.display();
    let keys = layout.keys();
    let keys = keys.display();
    let credential = options.credential_out.display();
    let head_file = head.display();
    let socket = layout.socket();
    let operator = &options.operator;
    let mut text = format!(
        "made ledger `{origin}`

  {dir}/log             the log; lost, everything that no receipt or export holds is lost: back it up
  {keys}/signing.key    signs checkpoints; lost, nothing new can be recorded; stolen, another history can be signed
  {keys}/subject.key    makes tokens; lost, no list matches any more; stolen, people in the log can be found by trying
  {keys}/content.key    recognises retries; lost, the ledger must not go on; stolen, contents can be guessed at
  {head_file}    the last checkpoint, which tells a restored copy from the newest; lost, start once with --accept-head
  {credential}    the credential of operator `{operator}`; lost and no other operator, nobody can resume or publish

keys and credential are readable by you alone: keep copies offline, each away from the log.

verification key, for everybody who verifies (also in {vkey_file}):
  {vkey}

next:
  ledgerd run --data {dir}",
        origin = options.origin,
        vkey_file = layout.vkey().display(),
    );
    if options.head.is_some() {
        let _ = write!(text, " --head {head_file}");
    }
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "\n  ledgerctl --socket {} --credential {credential} --vkey {} status",
        socket.display(),
        layout.vkey().display()
    );
    text
}

#[cfg(test)]
mod tests;
