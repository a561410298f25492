//! Every whole policy in `docs/policy.md` is one that a ledger would take.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_core::policy::Policy;

const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.md"));
/// The fewest whole policies that the guide shows.
const POLICIES_MIN: usize = 3;

/// The blocks that say `toml` and nothing more, each with the line that it begins in. Fragments say
/// `toml fragment`.
fn policies(guide: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = (1..).zip(guide.lines());
    while let Some((at, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let inside = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| *line != "```");
        let text: String = inside.flat_map(|line| [line, "\n"]).collect();
        if info == "toml" {
            found.push((at, text));
        }
    }
    found
}

#[test]
fn every_whole_policy_of_the_guide_is_valid() {
    let policies = policies(GUIDE);
    assert!(
        policies.len() >= POLICIES_MIN,
        "{} whole policies were found",
        policies.len()
    );
    for (at, text) in policies {
        if let Err(errors) = Policy::parse(&[("policy.toml", text.as_str())]) {
            panic!("docs/policy.md:{at}: {errors}");
        }
    }
}

#[test]
fn fragments_are_passed_over() {
    let guide = "```sh\nls\n```\n```toml fragment\n[x]\n```\n```toml\nversion = 1\n```\n";
    assert_eq!(policies(guide), [(7, "version = 1\n".to_owned())]);
}
