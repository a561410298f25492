//! Objects, fields, environments, tiers, approvals and versions of a policy's rows: what may be written,
//! and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;

use ledger_core::entry::Environment;
use ledger_core::policy::{Fields, Grant, Names, Policy};
use proptest::prelude::*;

const ACTIONS: &str = r#"
version = 1
[[action]]
name = "crm.read"
class = "read"
[[action]]
name = "crm.write"
class = "write"
[[action]]
name = "crm.stage"
class = "write"
tier = 2
[[action]]
name = "crm.wipe"
class = "admin"
"#;

/// A policy with one row: of `actions`, with `more` lines.
fn text(actions: &str, more: &str) -> String {
    format!("{ACTIONS}[[grant]]\nid = \"g\"\nagent = \"a\"\nactions = [{actions}]\n{more}\n")
}

fn row(actions: &str, more: &str) -> Grant {
    let text = text(actions, more);
    let policy = Policy::parse(&[("policy.toml", &text)]);
    policy
        .unwrap_or_else(|errors| panic!("{text}\n{errors}"))
        .all_grants()[0]
        .clone()
}

/// The one error of a row, its line counted from the one of `actions`.
fn error(actions: &str, more: &str) -> String {
    let text = text(actions, more);
    let Err(found) = Policy::parse(&[("policy.toml", &text)]) else {
        panic!("read: {more}")
    };
    assert_eq!(found.total, 1, "{more}\n{found}");
    let error = &found.errors[0];
    let before = text
        .lines()
        .position(|line| line.starts_with("id = "))
        .unwrap()
        + 3;
    assert!(!error.remedy.is_empty() && !error.problem.is_empty());
    format!(
        "{}: {} {}; {}",
        error.line.unwrap().cast_signed() - before.cast_signed(),
        error.key,
        error.problem,
        error.remedy
    )
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_row_without_more_grants_no_object_no_field_and_asks() {
    let row = row("\"crm.read\"", "");
    assert!(row.objects.is_empty() && row.reads.is_empty() && row.writes.is_empty());
    assert_eq!(row.environments, [Environment::Prod, Environment::Sandbox]);
    assert_eq!((row.tier, row.waived, row.elsewhere), (None, false, false));
    assert!(row.approvers.is_none() && row.agent_versions.is_empty());
}

#[test]
fn every_key_of_a_row_is_read() {
    let row = row(
        "\"crm.write\", \"email.send\"",
        r#"
sellers = ["acme"]
objects = ["contact", "deal.item"]
reads = ["*"]
writes = ["jobtitle", "hs_*", "a:b/c+d=e-f.g_h"]
environments = ["sandbox"]
tier = 2
approval = "waived"
decided = "elsewhere"
approvers = "revops-emea"
agent_versions = ["sha256:9c1e", "v2"]"#,
    );
    assert_eq!(row.objects, Names::Only(set(&["contact", "deal.item"])));
    assert_eq!(row.reads, Fields::Any);
    let Fields::Only { names, prefixes } = &row.writes else {
        panic!("any")
    };
    assert_eq!(*names, set(&["jobtitle", "a:b/c+d=e-f.g_h"]));
    assert_eq!(*prefixes, set(&["hs_"]));
    assert!(
        row.writes.contains("hs_lead") && !row.writes.contains("job") && !row.writes.contains("hs")
    );
    assert_eq!(row.environments, [Environment::Sandbox]);
    assert_eq!((row.tier, row.waived, row.elsewhere), (Some(2), true, true));
    assert_eq!(row.approvers.as_deref(), Some("revops-emea"));
    assert_eq!(row.agent_versions, set(&["sha256:9c1e", "v2"]));
}

#[test]
fn a_row_may_be_for_any_object_and_in_any_order_of_environments() {
    let any = row(
        "\"crm.write\"",
        "objects = [\"*\"]\nwrites = [\"*\"]\nenvironments = [\"sandbox\", \"prod\"]",
    );
    assert_eq!((&any.objects, &any.writes), (&Names::Any, &Fields::Any));
    assert_eq!(any.environments, [Environment::Prod, Environment::Sandbox]);
    let prod = row(
        "\"crm.read\"",
        "environments = [\"prod\"]\napproval = \"required\"",
    );
    assert_eq!(
        (prod.environments, prod.waived),
        (vec![Environment::Prod], false)
    );
}

#[test]
fn an_approval_is_waived_where_there_is_one_to_waive() {
    let on_contact = "objects = [\"contact\"]\napproval = \"waived\"\n";
    for (actions, more) in [
        ("\"email.send\"", "sellers = [\"*\"]\napproval = \"waived\""),
        ("\"crm.stage\"", on_contact),
        ("\"crm.stage\", \"crm.wipe\"", on_contact),
        // Raised to 2 by the row, or by a sensitive field that the row grants.
        (
            "\"crm.write\"",
            "objects = [\"contact\"]\napproval = \"waived\"\ntier = 2",
        ),
        (
            "\"crm.write\"",
            "objects = [\"contact\"]\napproval = \"waived\"\nwrites = [\"lifecycle*\"]",
        ),
        (
            "\"crm.write\"",
            "objects = [\"*\"]\napproval = \"waived\"\nwrites = [\"stage\"]",
        ),
    ] {
        assert!(row(actions, more).waived, "{actions} {more}");
    }
    for (actions, more) in [
        ("\"crm.read\"", "approval = \"waived\""),
        (
            "\"crm.write\"",
            "objects = [\"contact\"]\napproval = \"waived\"",
        ),
        (
            "\"crm.write\"",
            "objects = [\"contact\"]\napproval = \"waived\"\nwrites = [\"stage\"]",
        ),
        ("\"crm.wipe\"", on_contact),
        (
            "\"crm.wipe\"",
            "objects = [\"*\"]\napproval = \"waived\"\nwrites = [\"*\"]",
        ),
        (
            "\"crm.stage\"",
            "objects = [\"contact\"]\napproval = \"waived\"\ntier = 3",
        ),
        (
            "\"email.send\"",
            "sellers = [\"*\"]\napproval = \"waived\"\ntier = 3",
        ),
    ] {
        let found = error(actions, more);
        let part = "grant[0].approval has nothing to waive: nothing that the row grants is tier 2";
        assert!(found.contains(part), "{actions} {more}: {found}");
    }
}

#[test]
fn an_approval_that_is_required_makes_the_row_tier_2_or_is_refused() {
    let tiers = |actions: &str, more: &str| {
        let text = text(actions, more);
        let policy = Policy::parse(&[("policy.toml", &text)]).unwrap();
        let tiers = policy.tiers(&policy.all_grants()[0]);
        tiers.into_iter().collect::<Vec<_>>()
    };
    let on_contact = "objects = [\"contact\"]\napproval = \"required\"\n";
    let required = "approval = \"required\"";
    assert_eq!(tiers("\"crm.read\"", required), [2]);
    assert_eq!(tiers("\"crm.read\", \"crm.write\"", on_contact), [2]);
    assert_eq!(tiers("\"crm.write\", \"crm.wipe\"", on_contact), [2, 3]);
    assert_eq!(tiers("\"crm.read\"", ""), [0]);
    // It leaves something to another engine, which a row of tier 1 has not.
    let both = format!("{on_contact}decided = \"elsewhere\"");
    assert!(row("\"crm.write\"", &both).elsewhere);
    for (actions, more, part) in [
        (
            "\"crm.wipe\"",
            on_contact,
            "2: grant[0].approval has nothing to require: nothing",
        ),
        (
            "\"crm.write\"",
            "objects = [\"contact\"]\ntier = 3\napproval = \"required\"",
            "3: grant[0].approval has nothing to require: nothing",
        ),
        (
            "\"crm.write\"",
            "objects = [\"contact\"]\ndecided = \"elsewhere\"",
            "2: grant[0].decided has nothing to leave to the engine that decided before: nothing",
        ),
        (
            "\"crm.read\"",
            "objects = [\"contact\"]\nwrites = [\"title\"]",
            "-3: grant[0].writes names fields to write, and each of the row's actions only reads",
        ),
    ] {
        let found = error(actions, more);
        assert!(found.starts_with(part), "{actions} {more}: {found}");
    }
}

#[test]
fn what_is_wrong_in_a_row_is_said_with_line_and_key() {
    let (read, write) = ("\"crm.read\"", "\"crm.write\"");
    let long = format!("objects = [\"{}\"]", "t".repeat(65));
    let field = format!("objects = [\"t\"]\nreads = [\"{}\"]", "f".repeat(65));
    let prefix = format!("objects = [\"t\"]\nreads = [\"{}*\"]", "f".repeat(65));
    let group = format!("approvers = \"{}\"", "g".repeat(65));
    let version = format!("agent_versions = [\"{}\"]", "v".repeat(129));
    let list: Vec<String> = (0..257).map(|i| format!("\"f{i}\"")).collect();
    let many = format!("objects = [\"t\"]\nreads = [{}]", list.join(", "));
    let versions = format!("agent_versions = [{}]", list[..17].join(", "));
    for (name, actions, more, expected) in [
        (
            "objects-empty",
            read,
            "objects = []",
            "1: grant[0].objects is an empty list",
        ),
        (
            "objects-a-string",
            read,
            "objects = \"deal\"",
            "1: grant[0].objects is a string",
        ),
        (
            "any-object-and-one",
            read,
            "objects = [\"*\", \"deal\"]",
            "1: grant[0].objects stands beside names",
        ),
        (
            "object-in-upper-case",
            read,
            "objects = [\"Deal\"]",
            "1: grant[0].objects[0] is not valid: expected lower case",
        ),
        (
            "object-in-the-plural",
            read,
            "objects = [\"task\", \"contacts\"]",
            "1: grant[0].objects[1] is another word for a type that the ledger knows by one: it would match no request; write `contact`",
        ),
        (
            "object-by-its-id",
            read,
            "objects = [\"0-3\"]",
            "1: grant[0].objects[0] is another word for a type that the ledger knows by one: it would match no request; write `deal`",
        ),
        (
            "object-with-space",
            read,
            "objects = [\"t\", \"a b\"]",
            "1: grant[0].objects[1] is not valid: expected the type of an object",
        ),
        (
            "object-with-slash",
            read,
            "objects = [\"a/b\"]",
            "1: grant[0].objects[0] is not valid",
        ),
        (
            "object-empty",
            read,
            "objects = [\"\"]",
            "1: grant[0].objects[0] is not valid",
        ),
        (
            "object-too-long",
            read,
            long.as_str(),
            "1: grant[0].objects[0] is not valid: expected the type of an object, 1 to 64",
        ),
        (
            "object-prefix",
            read,
            "objects = [\"deal*\"]",
            "1: grant[0].objects[0] is not valid",
        ),
        (
            "object-twice",
            read,
            "objects = [\"t\", \"t\"]",
            "1: grant[0].objects[1] stands twice",
        ),
        (
            "reads-without-objects",
            read,
            "reads = [\"name\"]",
            "1: grant[0].reads is there without `objects`: whose fields?",
        ),
        (
            "writes-without-objects",
            "\"email.send\"",
            "sellers = [\"*\"]\nwrites = [\"name\"]",
            "2: grant[0].writes is there without `objects`",
        ),
        (
            "write-without-objects",
            write,
            "",
            "-3: grant[0].objects is missing; `crm.write` changes something",
        ),
        (
            "admin-without-objects",
            "\"crm.wipe\"",
            "",
            "-3: grant[0].objects is missing; `crm.wipe` changes something",
        ),
        (
            "one-write-among-reads",
            "\"crm.read\", \"crm.write\"",
            "",
            "-3: grant[0].objects is missing",
        ),
        (
            "any-field-and-one",
            read,
            "objects = [\"t\"]\nreads = [\"*\", \"a\"]",
            "2: grant[0].reads stands beside names",
        ),
        (
            "star-in-the-middle",
            read,
            "objects = [\"t\"]\nreads = [\"a*b\"]",
            "2: grant[0].reads[0] is not valid: expected the name of a field",
        ),
        (
            "star-twice",
            write,
            "objects = [\"t\"]\nwrites = [\"a**\"]",
            "2: grant[0].writes[0] is not valid",
        ),
        (
            "star-first",
            read,
            "objects = [\"t\"]\nreads = [\"*_id\"]",
            "2: grant[0].reads[0] is not valid",
        ),
        (
            "field-with-space",
            read,
            "objects = [\"t\"]\nreads = [\"x\", \"a b\"]",
            "2: grant[0].reads[1] is not valid",
        ),
        (
            "field-empty",
            read,
            "objects = [\"t\"]\nreads = [\"\"]",
            "2: grant[0].reads[0] is empty",
        ),
        (
            "field-too-long",
            read,
            field.as_str(),
            "2: grant[0].reads[0] has 65 bytes: expected at most 64",
        ),
        (
            "prefix-too-long",
            read,
            prefix.as_str(),
            "2: grant[0].reads[0] has 65 bytes",
        ),
        (
            "fields-too-many",
            read,
            many.as_str(),
            "2: grant[0].reads has 257 entries: expected at most 256",
        ),
        (
            "writes-empty",
            write,
            "objects = [\"t\"]\nwrites = []",
            "2: grant[0].writes is an empty list",
        ),
        (
            "environments-empty",
            read,
            "environments = []",
            "1: grant[0].environments is an empty list",
        ),
        (
            "environment-unknown",
            read,
            "environments = [\"prod\", \"test\"]",
            "1: grant[0].environments[1] is unknown: expected `prod` or `sandbox`",
        ),
        (
            "environment-any",
            read,
            "environments = [\"*\"]",
            "1: grant[0].environments[0] is unknown",
        ),
        (
            "environments-too-many",
            read,
            "environments = [\"prod\", \"sandbox\", \"x\"]",
            "1: grant[0].environments has 3 entries",
        ),
        (
            "tier-zero",
            read,
            "tier = 0",
            "1: grant[0].tier is out of range: expected an integer from 1 to 3",
        ),
        (
            "tier-four",
            read,
            "tier = 4",
            "1: grant[0].tier is out of range",
        ),
        (
            "tier-lowered",
            "\"email.send\"",
            "tier = 1\nsellers = [\"*\"]",
            "1: grant[0].tier is below the tier of each of its actions (2)",
        ),
        (
            "tier-of-admin-lowered",
            "\"crm.wipe\"",
            "tier = 2\nobjects = [\"*\"]",
            "1: grant[0].tier is below the tier of each of its actions (3)",
        ),
        (
            "approval-unknown",
            read,
            "approval = \"none\"",
            "1: grant[0].approval is unknown: expected `required` or `waived`",
        ),
        (
            "approval-boolean",
            read,
            "approval = false",
            "1: grant[0].approval is a boolean",
        ),
        (
            "decided-here",
            read,
            "decided = \"here\"",
            "1: grant[0].decided is unknown: expected `elsewhere`",
        ),
        (
            "approvers-with-space",
            read,
            "approvers = \"sales ops\"",
            "1: grant[0].approvers is not valid",
        ),
        (
            "approvers-empty",
            read,
            "approvers = \"\"",
            "1: grant[0].approvers is empty",
        ),
        (
            "approvers-too-long",
            read,
            group.as_str(),
            "1: grant[0].approvers has 65 bytes",
        ),
        (
            "versions-empty",
            read,
            "agent_versions = []",
            "1: grant[0].agent_versions is an empty list",
        ),
        (
            "version-of-anything",
            read,
            "agent_versions = [\"*\"]",
            "1: grant[0].agent_versions[0] is not valid",
        ),
        (
            "version-too-long",
            read,
            version.as_str(),
            "1: grant[0].agent_versions[0] has 129 bytes",
        ),
        (
            "versions-too-many",
            read,
            versions.as_str(),
            "1: grant[0].agent_versions has 17 entries: expected at most 16",
        ),
    ] {
        let found = error(actions, more);
        assert!(found.starts_with(expected), "{name}: {found}");
    }
    // A row of several actions may state the tier of its lowest, and raise that.
    assert_eq!(
        row(
            "\"crm.read\", \"email.send\"",
            "tier = 1\nsellers = [\"*\"]"
        )
        .tier,
        Some(1)
    );
    // What looks personal is named, not repeated.
    for more in [
        "objects = [\"kim\\u0040northwind\"]",
        "objects = [\"t\"]\nreads = [\"kim\\u0040northwind\"]",
    ] {
        let found = error(read, more);
        assert!(!found.contains("kim"), "{found}");
    }
}

proptest! {
    /// A pattern covers exactly the names that begin as it says, however it is put into a row.
    #[test]
    fn patterns_cover_what_begins_with_them(bare in "[a-c]{1,3}", star in any::<bool>(), name in "[a-d]{1,4}") {
        let pattern = if star { format!("{bare}*") } else { bare.clone() };
        let row = row("\"crm.read\"", &format!("objects = [\"t\"]\nreads = [\"{pattern}\"]"));
        let naive = name == bare || (star && name.len() > bare.len() && name[..bare.len()] == bare);
        prop_assert_eq!(row.reads.contains(&name), naive);
        prop_assert_eq!(row.reads.patterns(), vec![pattern]);
    }
}
