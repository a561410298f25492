//! `ledgerd check-config`: what a daemon would run with, and what speaks against it.
//!
//! Looks at the configuration, the paths in it and their permissions. The ledger itself is `ledgerd check`'s,
//! and is not opened here, so that a daemon may run meanwhile.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use ledger_core::note::VerificationKey;
use serde::Serialize;

use crate::config::{self, Kind, RETENTION_YEARS, Run};
use crate::head;
use crate::keys::Keys;
use crate::listen::SOCKET_PATH_MAX;
use crate::open::Layout;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// `run` would be refused.
    Error,
    /// It would run, though not as one should.
    Warning,
    /// Worth knowing.
    Note,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// The setting that it is about.
    pub key: String,
    /// What was found, and what to do.
    pub what: String,
}

/// What was found, in the order in which a start would come upon it.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, level: Level, key: &str, what: String) {
        let key = key.to_owned();
        self.0.push(Finding { level, key, what });
    }

    fn error(&mut self, key: &str, what: String) {
        self.add(Level::Error, key, what);
    }

    fn warning(&mut self, key: &str, what: String) {
        self.add(Level::Warning, key, what);
    }
}

/// Looks at everything that `run` would be given, and returns what to say and the exit code: 0, or 1 where
/// `run` would be refused.
pub fn check_config(options: &config::CheckConfig, file: Option<&Path>) -> (String, u8) {
    let run = &options.run;
    let mut findings = Findings::default();
    if let Some(file) = file {
        configuration(file, &mut findings);
    }
    data(run, &mut findings);
    head_file(run, &mut findings);
    socket(run, &mut findings);
    addresses(run, &mut findings);
    one_address(run, &mut findings);
    variables(run, &mut findings);
    opened(run, &mut findings);
    retention(run, &mut findings);
    let findings = findings.0;
    let is_fit = findings.iter().all(|finding| finding.level != Level::Error);
    let text = if options.json {
        json(run, file, is_fit, &findings)
    } else {
        words(run, file, is_fit, &findings)
    };
    (text, u8::from(!is_fit))
}

fn configuration(file: &Path, findings: &mut Findings) {
    if let Ok(found) = fs::metadata(file)
        && found.mode() & 0o022 != 0
    {
        findings.warning(
            "config",
            format!(
                "`{}` has mode {:03o}: others than its owner may change what the daemon runs with; `chmod go-w` it",
                file.display(),
                found.mode() & 0o777
            ),
        );
    }
}

/// The data directory, its keys and what `init` left there.
fn data(run: &Run, findings: &mut Findings) {
    let layout = Layout::of(&run.data);
    let dir = layout.dir.display();
    match fs::metadata(&layout.dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return findings.error(
                "data",
                format!("`{dir}` does not exist: make a ledger with `ledgerd init`, or name another directory"),
            );
        }
        Err(error) => return findings.error("data", format!("`{dir}`: {error}")),
        Ok(found) if !found.is_dir() => {
            return findings.error("data", format!("`{dir}` is no directory: name another"));
        }
        Ok(found) if found.mode() & 0o077 != 0 => findings.warning(
            "data",
            format!(
                "`{dir}` has mode {:03o}, expected 700: others may see what is in it; `chmod 700` it",
                found.mode() & 0o777
            ),
        ),
        Ok(_) => {}
    }
    if layout.incomplete().exists() {
        return findings.error(
            "data",
            format!(
                "`{dir}` is half made: `ledgerd init` was interrupted; remove it and run that again"
            ),
        );
    }
    let vkey = match fs::read_to_string(layout.vkey()) {
        Ok(vkey) => vkey,
        Err(error) => {
            return findings.error(
                "data",
                format!(
                    "`{}`: {error}; expected a directory made by `ledgerd init`",
                    layout.vkey().display()
                ),
            );
        }
    };
    match vkey.trim_end().parse::<VerificationKey>() {
        Ok(vkey) => match Keys::load(&layout.keys(), vkey.name()) {
            Ok(keys) if *keys.signing.verification_key() != vkey => findings.error(
                "data",
                format!(
                    "the signing key in `{}` is not that of `{}`: restore the key of this ledger from its backup",
                    layout.keys().display(),
                    layout.vkey().display()
                ),
            ),
            Ok(_) => {}
            Err(error) => findings.error("data", error.to_string()),
        },
        Err(error) => findings.error(
            "data",
            format!("`{}`: {error}; restore it from a copy", layout.vkey().display()),
        ),
    }
}

fn head_file(run: &Run, findings: &mut Findings) {
    let path = run.head_path();
    if let Err(error) = head::check_outside(&path, &run.data) {
        findings.error("head", error.to_string());
    }
    let missing_is_fine = run.accept_head;
    match head::read(&path) {
        Ok(_) if writable(&path) => {}
        Ok(_) => findings.error(
            "head",
            format!(
                "head file `{}` cannot be written: give it to the daemon's user",
                path.display()
            ),
        ),
        Err(head::HeadError::Missing { .. } | head::HeadError::Damaged { .. })
            if missing_is_fine => {}
        Err(error) => findings.error("head", error.to_string()),
    }
}

fn writable(path: &Path) -> bool {
    fs::OpenOptions::new().append(true).open(path).is_ok()
}

fn socket(run: &Run, findings: &mut Findings) {
    let path = run.socket_path();
    let shown = path.display();
    let bytes = path.as_os_str().len();
    if bytes > SOCKET_PATH_MAX {
        findings.error(
            "socket",
            format!("`{shown}` has {bytes} bytes, and the path of a socket at most {SOCKET_PATH_MAX}: name a shorter one"),
        );
        return;
    }
    match fs::symlink_metadata(&path) {
        Ok(found) if !found.file_type().is_socket() => findings.error(
            "socket",
            format!("`{shown}` is there and is no socket: name another path"),
        ),
        Ok(_) if UnixStream::connect(&path).is_ok() => findings.add(
            Level::Note,
            "socket",
            format!("somebody serves on `{shown}` now: another daemon could not start there"),
        ),
        Ok(_) => {}
        Err(_) => {
            // Its directory has to be there: nobody else makes it.
            let parent = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            if parent != run.data && !parent.is_dir() {
                findings.error(
                    "socket",
                    format!(
                        "`{}` is no directory: make it, or name another path",
                        parent.display()
                    ),
                );
            }
        }
    }
    if let Some(parent) = path.parent()
        && let Ok(found) = fs::metadata(parent)
        && found.permissions().mode() & 0o1002 == 0o002
    {
        findings.warning(
            "socket",
            format!(
                "everybody may write to `{}`, and so put a socket of their own in the place of this one: name \
                 another directory",
                parent.display()
            ),
        );
    }
}

/// Every setting that is an address.
/// gRPC and HTTP are spoken at two addresses.
fn one_address(run: &Run, findings: &mut Findings) {
    if let (Some(listen), Some(http)) = (run.listen, run.http)
        && listen == http
        && http.port() != 0
    {
        findings.error(
            "http",
            format!("`{http}` is that of `listen`, which speaks gRPC: name another port"),
        );
    }
}

/// Variables that look like settings and are none: what they were to set has another value.
fn variables(run: &Run, findings: &mut Findings) {
    const PREFIX: &str = "LEDGERD_";
    let is_known = |rest: &str| {
        let key = rest.to_ascii_lowercase();
        key == "config" || run.settings.iter().any(|setting| setting.key == key)
    };
    let is_unknown = |name: &String| {
        let rest = name.strip_prefix(PREFIX);
        rest.is_some_and(|rest| !is_known(rest))
    };
    let mut unknown: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(is_unknown)
        .collect();
    unknown.sort_unstable();
    for name in unknown {
        findings.warning(
            "environment",
            format!("`{name}` is no setting's variable and has no effect: correct its name, or take it away"),
        );
    }
}

fn addresses(run: &Run, findings: &mut Findings) {
    for setting in run.settings.iter().filter(|of| of.kind == Kind::Address) {
        let key = setting.key.as_str();
        for text in &setting.values {
            let Ok(address) = text.parse::<SocketAddr>() else {
                continue;
            };
            if !address.ip().is_loopback() {
                findings.warning(
                    key,
                    format!(
                        "`{address}` is beyond loopback, and there is no TLS: credentials and people's data can be \
                         read on the way; name a loopback address and put a proxy with TLS before it"
                    ),
                );
            }
            match TcpListener::bind(address) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::AddrInUse => findings.add(
                    Level::Note,
                    key,
                    format!(
                        "somebody serves on `{address}` now: another daemon could not start there"
                    ),
                ),
                Err(error) => findings.error(
                    key,
                    format!(
                        "cannot serve on `{address}`: {error}; name an address of this machine"
                    ),
                ),
            }
        }
    }
}

/// What everybody may read over HTTP.
fn opened(run: &Run, findings: &mut Findings) {
    for (key, open, what) in [
        (
            "http_open_tiles",
            run.http_open_tiles,
            "checkpoint, tiles and every entry",
        ),
        ("http_open_metrics", run.http_open_metrics, "the metrics"),
    ] {
        match run.http {
            _ if !open => {}
            None => findings.warning(
                key,
                "`true` without `http`: nothing is served over HTTP, so there is nothing to open; name an address"
                    .to_owned(),
            ),
            Some(address) => findings.add(
                Level::Note,
                key,
                format!("everybody who reaches `{address}` may read {what}"),
            ),
        }
    }
}

fn retention(run: &Run, findings: &mut Findings) {
    let years = run.retention_years;
    if years < RETENTION_YEARS {
        findings.warning(
            "retention_years",
            format!(
                "details are to be kept for {years} years, the default is {RETENTION_YEARS}: make sure that no rule asks \
                 for longer; this version erases none of them"
            ),
        );
    }
}

fn json(run: &Run, file: Option<&Path>, is_fit: bool, findings: &[Finding]) -> String {
    #[derive(Serialize)]
    struct Said<'a> {
        fit: bool,
        file: Option<String>,
        settings: &'a config::Settings,
        hash: String,
        findings: &'a [Finding],
    }
    let said = Said {
        fit: is_fit,
        file: file.map(|file| file.display().to_string()),
        settings: &run.settings,
        hash: run.settings.digest().to_string(),
        findings,
    };
    match serde_json::to_string_pretty(&said) {
        Ok(text) => text + "\n",
        Err(error) => unreachable!("texts and numbers are JSON: {error}"),
    }
}

fn words(run: &Run, file: Option<&Path>, is_fit: bool, findings: &[Finding]) -> String {
    let mut text = match file {
        Some(file) => format!("configuration file `{}`\n\n", file.display()),
        None => "no configuration file\n\n".to_owned(),
    };
    let value = |setting: &config::Setting| match setting.values.as_slice() {
        [] => "-".to_owned(),
        values => values.join(", "),
    };
    let widest = |of: fn(&config::Setting) -> usize| run.settings.iter().map(of).max().unwrap_or(0);
    let keys = widest(|setting| setting.key.len());
    let values = widest(|setting| setting.values.join(", ").len());
    for setting in &run.settings {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:keys$}  {:values$}  {}",
            setting.key,
            value(setting),
            setting.source
        );
    }
    let _ = writeln!(
        text,
        "\nhash of these values, which `boot` records: {}\ndetails: kept {} years at least; this version erases nothing, \
         whoever asks",
        run.settings.digest(),
        run.retention_years
    );
    if !findings.is_empty() {
        text.push('\n');
    }
    for Finding { level, key, what } in findings {
        let level = match level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        let _ = writeln!(text, "{level}: {key}: {what}");
    }
    text.push_str(if is_fit {
        "\nfit to run\n"
    } else {
        "\nnot fit to run\n"
    });
    text
}
