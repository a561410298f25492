//! The house rules, as far as a machine can hold them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};

use ledger_tests::repository;

/// The most lines of one file; beyond it there is a second noun inside.
const LINES_MAX: usize = 620;
/// The most characters of one line.
const COLUMNS_MAX: usize = 140;

/// Every file of the checkout that people write, by its path within.
fn files() -> Vec<(String, String)> {
    let root = repository();
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    assert!(files.len() > 100, "{} files", files.len());
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for item in std::fs::read_dir(folder).expect("a folder of the checkout") {
        let path = item.expect("an item").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), ".git" | "target" | "__pycache__") {
                collect(root, &path, files);
            }
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let within: PathBuf = path
                .strip_prefix(root)
                .expect("within the checkout")
                .to_owned();
            files.push((within.to_string_lossy().into_owned(), text));
        }
    }
}

fn ends(path: &str, extensions: &[&str]) -> bool {
    let extension = Path::new(path)
        .extension()
        .and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions.contains(&extension))
}

fn is_code(path: &str) -> bool {
    ends(path, &["rs", "proto", "py", "sh"]) || path.starts_with("tools/")
}

fn is_text(path: &str) -> bool {
    is_code(path) || ends(path, &["md", "toml"])
}

fn is_rust(path: &str) -> bool {
    ends(path, &["rs"])
}

/// Demands that nothing was found.
#[track_caller]
fn none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// Where any of `words` stands in code, this file apart: it has to name them.
fn standing(words: &[&str], of: fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files()
        .iter()
        .filter(|(path, _)| of(path) && path != "tests/tests/tidy.rs")
    {
        for (number, line) in (1..).zip(text.lines()) {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    found
}

#[test]
fn files_and_lines_have_a_size_to_be_read() {
    let mut found = Vec::new();
    for (path, text) in files().iter().filter(|(path, _)| is_code(path)) {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            found.push(format!("{path} has {lines} lines"));
        }
        for (number, line) in (1..).zip(text.lines()) {
            let columns = line.chars().count();
            // What cannot be broken: a string, a row of a table.
            let unbreakable =
                line.contains('"') || line.contains("//! |") || !line.trim().contains(' ');
            if columns > COLUMNS_MAX && !unbreakable {
                found.push(format!("{path}:{number} has {columns} columns"));
            }
        }
    }
    none("too long", found);
}

#[test]
fn files_end_with_one_line_feed_and_lines_without_blanks() {
    let mut found = Vec::new();
    for (path, text) in files().iter().filter(|(path, _)| is_text(path)) {
        if text.is_empty() || !text.ends_with('\n') || text.ends_with("\n\n") {
            found.push(format!("{path} does not end with one line feed"));
        }
        let untidy = |line: &str| line.ends_with([' ', '\t', '\r']);
        if let Some(number) = text.lines().position(untidy) {
            found.push(format!("{path}:{} ends with a blank", number + 1));
        }
    }
    none("untidy", found);
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        "TODO",
        "FIXME",
        "XXX:",
        "HACK:",
        "dbg!(",
        "todo!(",
        "unimplemented!(",
    ];
    none("unfinished", standing(&words, is_code));
}

#[test]
fn no_test_is_ignored_without_a_reason_and_no_warning_is_silenced_wholesale() {
    none(
        "ignored without a reason",
        standing(&["#[ignore]"], is_rust),
    );
    none(
        "silenced wholesale",
        standing(
            &[
                "allow(clippy::all",
                "allow(warnings)",
                "allow(unused)",
                "allow(dead_code)",
            ],
            |path| {
                // The generated types have no author to mind them.
                is_rust(path) && path != "proto/src/lib.rs"
            },
        ),
    );
}

#[test]
fn nothing_knows_the_machine_that_it_was_written_on() {
    let own = std::env::var("HOME").unwrap_or_default();
    let mut words = vec!["/home/", "/Users/", "/root/"];
    if own.len() > 6 {
        words.push(&own);
    }
    none("paths of a machine", standing(&words, is_text));
}

#[test]
fn every_crate_inherits_the_lints_and_the_versions() {
    let manifests: Vec<(String, String)> = files()
        .into_iter()
        .filter(|(path, _)| path.ends_with("/Cargo.toml"))
        .collect();
    assert!(manifests.len() >= 6, "{} crates", manifests.len());
    let mut found = Vec::new();
    for (path, text) in &manifests {
        if !text.contains("[lints]\nworkspace = true") {
            found.push(format!(
                "{path}: expected `[lints]` with `workspace = true`"
            ));
        }
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !text
                .lines()
                .any(|line| line == format!("{key}.workspace = true"))
            {
                found.push(format!("{path}: expected `{key}.workspace = true`"));
            }
        }
        let dependencies = text.split("dependencies]").skip(1).flat_map(str::lines);
        for line in dependencies.take_while(|line| !line.starts_with("[[")) {
            if line.contains("version =") || line.contains("path =") {
                found.push(format!(
                    "{path}: `{line}` names a version or a path of its own"
                ));
            }
        }
    }
    none("not inherited", found);
}

/// What the pure crate must not reach, and the verifier must not depend on.
#[test]
fn data_flows_one_way() {
    let manifest =
        |path: &str| std::fs::read_to_string(repository().join(path)).expect("a manifest");
    let core = manifest("ledger/core/Cargo.toml");
    let verifier = manifest("verifier/Cargo.toml");
    let mut found = Vec::new();
    for name in [
        "tokio",
        "tonic",
        "rocksdb",
        "getrandom",
        "ledger-proto",
        "ledgerd",
    ] {
        for (whose, text) in [("ledger/core", &core), ("verifier", &verifier)] {
            if text.lines().any(|line| {
                line.starts_with(&format!("{name}.")) || line.starts_with(&format!("{name} "))
            }) {
                found.push(format!("{whose} depends on `{name}`"));
            }
        }
    }
    none("against the flow", found);
    assert!(
        repository().join("ledger/core/clippy.toml").is_file(),
        "the bans that keep the core pure"
    );
}

/// Links within the documentation lead somewhere.
#[test]
fn documentation_names_files_that_exist() {
    let mut found = Vec::new();
    for (path, text) in files().iter().filter(|(path, _)| ends(path, &["md"])) {
        let folder = repository()
            .join(path)
            .parent()
            .expect("a file stands in a folder")
            .to_owned();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                found.push(format!("{path}: `{link}`"));
            }
        }
    }
    none("links to nothing", found);
}
