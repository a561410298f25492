//! The reference of the interface is what its comments say, and they say something of everything.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_tests::{reference, repository};

#[test]
fn the_reference_is_made_from_the_comments() {
    let page = std::fs::read_to_string(repository().join("docs/api.md")).unwrap();
    assert!(
        page == reference::markdown(),
        "docs/api.md is not what the comments say: write it with `cargo run -p ledger-tests --example reference`"
    );
}

#[test]
fn every_call_and_service_has_a_comment() {
    let page = reference::markdown();
    let sections: Vec<&str> = page.split("\n## ").collect();
    let services: Vec<&&str> = sections
        .iter()
        .filter(|section| section.contains(" → "))
        .collect();
    assert!(services.len() >= 5, "{} services", services.len());
    for section in services {
        for call in section.split("\n### ").skip(1) {
            let words = call.lines().skip(1).flat_map(str::split_whitespace);
            assert!(words.count() > 8, "no comment on {call}");
        }
    }
}
