//! `docs/conditions.md`: its schema is the schema, and its examples do what it says.

use ledger_core::entry::{Code, Foreign, Outcome, Recipient, RecipientRole};
use ledger_core::policy::{
    CONDITION_BYTES_MAX, CONDITION_FILES_MAX, CONDITION_NESTING_MAX, CONDITION_OPERATORS_MAX,
    CONDITION_SCHEMA, CONDITIONS_MAX, POLICY_BYTES_MAX,
};

use super::ledger::seconds;
use super::scene::{Scene, said};

const DOCUMENT: &str = include_str!("../../../../docs/conditions.md");
/// From the ledger's first second, a Sunday at noon: Monday at noon, and at 20:00.
const MONDAY: i64 = 24 * 3600;
const EVENING: i64 = MONDAY + 8 * 3600;

/// The blocks of this kind.
fn blocks(kind: &str) -> Vec<&'static str> {
    let begin = format!("```{kind}\n");
    let mut blocks = Vec::new();
    for (at, _) in DOCUMENT.match_indices(&begin) {
        let rest = &DOCUMENT[at + begin.len()..];
        blocks.push(&rest[..rest.find("```").unwrap()]);
    }
    blocks
}

#[test]
fn the_schema_is_the_one_in_use() {
    assert_eq!(blocks("cedarschema"), [CONDITION_SCHEMA]);
}

#[test]
fn the_limits_are_those_in_use() {
    let words: Vec<&str> = DOCUMENT.split_whitespace().collect();
    let text = words.join(" ");
    for said in [
        format!("more than {CONDITION_FILES_MAX} files"),
        format!("more than {CONDITIONS_MAX} conditions"),
        format!("more than {} KiB (comments", CONDITION_BYTES_MAX / 1024),
        format!("brackets more than {CONDITION_NESTING_MAX} deep"),
        format!("more than {CONDITION_OPERATORS_MAX} operators"),
        format!("more than {} KiB together", POLICY_BYTES_MAX / 1024),
    ] {
        assert!(text.contains(&said), "{said}");
    }
}

#[test]
fn the_first_example_keeps_weekends_quiet_and_costs_low() {
    let mut scene = Scene::new(blocks("cedar")[0]);
    let mail = scene.request("email.send");
    let sunday = scene.decide(mail, seconds(1));
    assert_eq!(
        said(&sunday),
        [(Code::ConditionForbid, Some("no-weekend-contact"))]
    );
    let mut dear = scene.request("email.send");
    dear.cost_micros = Some(6_000_000);
    let monday = scene.decide(dear, seconds(MONDAY));
    assert_eq!(
        said(&monday),
        [(Code::ConditionForbid, Some("cost-outside-campaign"))]
    );
    let mut dear = scene.request("email.send");
    dear.cost_micros = Some(6_000_000);
    dear.campaign = Some("q4-renewals".to_owned());
    let campaign = scene.decide(dear, seconds(MONDAY + 1));
    assert_eq!(said(&campaign), [(Code::ConditionPermit, Some("granted"))]);
}

#[test]
fn the_second_example_keeps_amounts_to_one_tool_in_office_hours() {
    let mut scene = Scene::new(blocks("cedar")[1]);
    let mut amount = |tool: &str, second| {
        let mut request = scene.write(&["amount"]);
        request.tool = Some(tool.to_owned());
        scene.decide(request, seconds(second))
    };
    let noon = amount("crm.importer", MONDAY);
    assert_eq!(
        said(&noon),
        [(Code::ConditionPermit, Some("writes-in-office-hours"))]
    );
    let other = amount("crm.console", MONDAY + 1);
    assert_eq!(
        said(&other),
        [(Code::ConditionForbid, Some("amount-by-importer"))]
    );
    let evening = amount("crm.importer", EVENING);
    assert_eq!(said(&evening), [(Code::ConditionNone, None)]);
    let mut batch = scene.request("crm.read");
    let nobody = Recipient {
        role: RecipientRole::To,
        keys: Vec::new(),
        utc_offset: None,
        dnc: false,
        unusable: Vec::new(),
    };
    batch.recipients = vec![nobody.clone(), nobody];
    batch.foreign = Some(Foreign {
        engine: "other".to_owned(),
        policy: None,
        outcome: Outcome::RequireApproval,
    });
    let batch = scene.decide(batch, seconds(EVENING + 1));
    assert_eq!(
        said(&batch),
        [(Code::ConditionForbid, Some("no-doubtful-batch"))]
    );
}
