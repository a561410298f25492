//! The tables and the object of one policy.

use ledger_core::hash::Hash;
use serde_json::json;

use super::*;

const TEXT: &str = r#"
version = 1

[[action]]
name = "crm.read"
class = "read"

[[action]]
name = "email.send"
requires = ["email", "contact"]

[[grant]]
id = "sends"
agent = "agent.sender"
actions = ["email.send"]
sellers = ["acme"]
mailboxes = ["outreach-1", "outreach-2"]

[[grant]]
id = "reads"
agent = "agent.enrichment"
actions = ["crm.read"]

[[grant]]
id = "sender-reads"
agent = "agent.sender"
actions = ["crm.read"]

[[throttle]]
id = "mailbox-day"
actions = ["email.send"]
per = "mailbox"
limit = 2500
window = "24h"

[[throttle]]
id = "contact-week"
classes = ["contact"]
per = "recipient"
unit = "recipients"
limit = 1
window = "7d"
"#;

fn policy() -> Policy {
    Policy::parse(&[("policy.toml", TEXT)]).unwrap()
}

#[test]
fn a_policy_is_shown_as_tables() {
    let expected = "\
Who may do what
  agent, row        actions     objects  reads  writes  in             tier  approval
  agent.enrichment
    reads           crm.read    -        -      -       prod, sandbox  0     -
  agent.sender
    sends           email.send  -        -      -       prod, sandbox  2     sales-ops
    sender-reads    crm.read    -        -      -       prod, sandbox  0     -

Where from, for whom, and which version
  row    sellers  mailboxes               agent versions
  sends  acme     outreach-1, outreach-2  any

Actions
  action           tier  class    channels                   requires        hours  registry  granted to
  call.queue       2     contact  call                       -               -      -         nobody
  crm.read         0     read     -                          -               -      -         agent.enrichment, agent.sender
  email.send       2     contact  email                      email, contact  -      -         agent.sender
  meeting.book     2     contact  email, meeting             -               -      -         nobody
  sequence.enroll  2     contact  email, call, sms, meeting  -               -      -         nobody
  sms.send         2     contact  sms                        -               -      -         nobody

How often, in trailing windows
  rule          limit          window  per        counts
  mailbox-day   2,500 actions  24h     mailbox    email.send
  contact-week  1 recipients   7d      recipient  class contact

Circuit breakers, over the reports of trailing windows
  rule        measure     warns  opens         from  window  per    closes      measures
  dnc-breach  dnc_breach  -      at the first  -     -       agent  by a reset  class contact

Fields
  the agents' own  agent_*; writable wherever a row grants the object
  sensitive        *.lifecycle_stage, *.lifecyclestage, deal.deal_stage, deal.dealstage, deal.stage,
                   deal.stage_id; tier 2 to write, tier 1 to read

Numbers
  number                 value
  valid_for_s            60
  report_within_s        900
  start_tolerance_s      5
  heartbeat_s            300
  max_gap_s              604800
  clock_bound_ms         5000
  approve_within_s       14400
  break_glass_confirm_s  900
  break_glass_max_s      3600
";
    assert_eq!(text(&policy(), Style::PLAIN), expected);
}

#[test]
fn the_numbers_are_those_of_the_policy_text() {
    let listed = number_list(Numbers::default()).map(|(name, _)| name);
    assert_eq!(listed, NUMBER_RANGES.map(|(name, _)| name));
}

#[test]
fn the_object_says_the_same() {
    let object = object(&policy(), Hash([0x11; 32]), Some(3));
    assert_eq!(object["seq"], 3);
    assert_eq!(
        object["grants"][0]["mailboxes"],
        json!(["outreach-1", "outreach-2"])
    );
    assert_eq!(object["grants"][1]["sellers"], json!([]));
    assert_eq!(object["throttles"][1]["window_s"], 604_800);
    // By tier: what reads asks nobody, and what sends does.
    for (row, approval) in [
        ("sends", json!("required")),
        ("reads", json!(null)),
        ("sender-reads", json!(null)),
    ] {
        let rows = object["grants"].as_array().unwrap();
        let found = rows.iter().find(|found| found["id"] == row).unwrap();
        assert_eq!(found["approval"], approval, "{row}");
    }
    assert_eq!(object["numbers"]["valid_for_s"], 60);
    assert_eq!(
        object["actions"][2]["requires"],
        json!(["email", "contact"])
    );
}

#[cfg(feature = "cedar")]
#[test]
fn conditions_are_listed_by_id() {
    let files = [
        ("policy.toml", TEXT),
        (
            "quiet.cedar",
            "@id(\"no-weekend\") forbid (principal, action, resource)\n\
             when { context.weekday == Weekday::\"sunday\" };",
        ),
        (
            "all.cedar",
            "@id(\"reads\") permit (principal, action, resource);\n\
             @id(\"granted\") permit (principal, action, resource);",
        ),
    ];
    let policy = Policy::parse(&files).unwrap();
    let expected = "

Conditions, which must permit besides
  condition   effect  file
  granted     permit  all.cedar
  no-weekend  forbid  quiet.cedar
  reads       permit  all.cedar

Fields
";
    let text = text(&policy, Style::PLAIN);
    assert!(text.contains(expected), "{text}");
    let object = object(&policy, Hash([0x11; 32]), None);
    assert_eq!(
        object["conditions"],
        json!([
            { "id": "granted", "effect": "permit", "file": "all.cedar" },
            { "id": "no-weekend", "effect": "forbid", "file": "quiet.cedar" },
            { "id": "reads", "effect": "permit", "file": "all.cedar" },
        ])
    );
}

#[cfg(feature = "cedar")]
#[test]
fn a_file_without_conditions_is_told_from_none() {
    let files = [("policy.toml", TEXT), ("a.cedar", "// none yet\n")];
    let empty = Policy::parse(&files).unwrap();
    assert!(text(&empty, Style::PLAIN).contains("so that nothing is permitted"));
    let of = |policy: &Policy| object(policy, Hash([0x11; 32]), None)["conditions"].clone();
    assert_eq!(of(&empty), json!([]));
    assert_eq!(of(&self::policy()), json!(null));
}
