//! Explanations of requests under the sample policy.

use clap::Parser;
use ledger_core::hash::Hash;
use serde_json::Value;

use super::*;
use crate::exit::Exit;
use crate::output::Style;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: ExplainArgs,
}

fn read(line: &str) -> ExplainArgs {
    let words = std::iter::once("explain").chain(line.split_whitespace());
    Line::try_parse_from(words)
        .unwrap_or_else(|error| panic!("`{line}`: {error}"))
        .args
}

/// The text and the object of a policy's answer.
fn explain_under(policy: &str, line: &str) -> (String, Value) {
    let args = read(line);
    let text = Policy::parse(&[("policy.toml", policy)]).unwrap();
    let policy = in_force(text, Hash([0x11; 32]), None);
    let (request, mailbox) = request(&args).unwrap();
    let answer = Answer::new(&policy, &request, args.environment, mailbox.as_deref());
    let source = Source {
        heading: "Policy 11.".to_owned(),
        folder: None,
        seq: None,
    };
    let text = text::text(&answer, &source, Style::PLAIN);
    (text, object::object(&answer, &source))
}

fn explain(line: &str) -> (String, Value) {
    explain_under(
        include_str!("../../../../../../policies/sales/policy.toml"),
        line,
    )
}

fn codes(object: &Value) -> Vec<&str> {
    let reasons = object["reasons"].as_array().unwrap().iter();
    reasons
        .map(|reason| reason["code"].as_str().unwrap())
        .collect()
}

#[test]
fn an_update_is_explained_to_people() {
    let (text, _) = explain(
        "--agent agent.enrichment --action crm.contact.update --target Contact:1:writes=jobtitle \
         --target contact:2:reads=phone:writes=lifecyclestage --target deal:3:writes=agent_reason",
    );
    let expected = "\
DENY  crm.contact.update (write) for agent.enrichment in prod, as far as the policy alone goes
Policy 11.
  grant.field: no row grants the field `phone` of target 1.
    Leave the field out, or add it to `reads` or `writes` of a row.
  grant.object: no row grants the action on an object of the type `deal`.
    Do not retry. If the agent is meant to act on it, add the object to a row.
  tier.approval: a person has to approve it first.

Rows for this agent and action
  enrichment-contacts  covers the request, its targets apart

Targets
  0  contact, writes jobtitle: the row `enrichment-contacts` covers it
  1  contact, reads phone, writes lifecyclestage: no row covers it
     - in `enrichment-contacts` the field `phone` may not be read: only company, country, email,
       firstname, jobtitle, lastname, agent_*
  2  deal, writes agent_reason: no row covers it
     - `enrichment-contacts` is not about the type `deal`: only contact

Tier 2
  1  the action's own tier
  2  it writes `lifecyclestage` of target 1, a sensitive field

Approval
  nobody is asked, because it is denied; tier 2 needs an approval, unless the row that grants it
  says otherwise

Throttles that count it
  rule             limit       window  per    counts
  crm-writes-hour  60 actions  1h      agent  it

Breakers that measure it, and refuse it while open
  rule          measure     opens   window  per    measures
  write-errors  error_rate  > 20 %  1h      agent  it

Not looked at: who the recipients are, the do-not-contact list, counts, stops, open breakers,
approvals, break-glass and the time.
";
    assert_eq!(text, expected);
}

#[test]
fn a_message_is_explained_as_an_object() {
    let (text, object) = explain(
        "--agent agent.outbound.sender --action email.send --seller acme --mailbox outreach-1 --target contact::reads=email",
    );
    assert_eq!(object["outcome"], "allow");
    assert_eq!(codes(&object), ["grant.row", "tier.waived"]);
    assert_eq!(object["request"]["mailbox"], "outreach-1");
    assert_eq!(object["action"]["requires"], json!(["email", "contact"]));
    assert_eq!(object["rows"][0]["row"]["id"], "outbound-sends");
    assert_eq!(object["rows"][0]["refuses"], Value::Null);
    assert_eq!(
        object["targets"],
        json!([{
            "index": 0, "type": "contact", "reads": ["email"], "writes": [], "row": "outbound-sends", "missed": [],
        }])
    );
    assert_eq!(object["used"], json!(["outbound-sends"]));
    assert_eq!(
        (&object["tier"], &object["causes"]),
        (&json!(2), &json!([{ "tier": 2, "cause": "action" }]))
    );
    assert_eq!(object["approvers"], Value::Null);
    for (list, ids) in [
        ("throttles", ["mailbox-day", "person-day"]),
        ("breakers", ["bounces", "complaints"]),
    ] {
        for (at, id) in ids.into_iter().enumerate() {
            assert_eq!(object[list][at]["rule"]["id"], id);
            assert_eq!(object[list][at]["keyed"], true);
        }
    }
    assert_eq!(object["dnc_breach"], json!({ "scope": "agent" }));
    for line in [
        "ALLOW  email.send (contact) for agent.outbound.sender in prod",
        "\nApproval\n  waived by `outbound-sends`\n",
        "required of each:\n  e-mail address, contact id\n",
        "  person-day   1 actions      24h     recipient  each recipient of the request\n",
        "  dnc-breach  dnc_breach        at the first  -       agent      it\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn what_a_row_does_not_cover_is_named() {
    let base = "--agent agent.outbound.sender --action email.send";
    for (more, code, words) in [
        (
            "--seller globex --mailbox outreach-1",
            "grant.seller",
            "not for the seller `globex`; it is for acme",
        ),
        (
            "--mailbox outreach-1",
            "grant.seller",
            "not without a seller; it is for acme",
        ),
        (
            "--seller acme --mailbox outreach-3",
            "grant.mailbox",
            "not from the mailbox `outreach-3`; it is for outreach-1, outreach-2",
        ),
    ] {
        let (text, object) = explain(&format!("{base} {more}"));
        assert_eq!(object["rows"][0]["refuses"], code);
        assert_eq!(
            (&object["outcome"], codes(&object)[0]),
            (&json!("deny"), code)
        );
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    let (text, object) =
        explain("--agent agent.routing --action crm.deal.stage --target deal:1:writes=stage");
    assert_eq!(codes(&object), ["grant.none", "tier.approval"]);
    assert_eq!((&object["rows"], &object["used"]), (&json!([]), &json!([])));
    assert_eq!(object["causes"][1]["field"], "stage");
    assert!(
        text.contains("none. `crm.deal.stage` is granted to nobody. `agent.routing` is granted")
    );
    let (text, _) = explain("--agent agent.drafting --action email.send");
    assert!(text.contains("`email.send` is granted to `agent.outbound.sender`."));
    let (text, object) = explain("--agent agent.new --action crm.wish");
    assert!(text.contains("does not know `crm.wish`. `agent.new` has no row at all."));
    assert_eq!(object["action"], Value::Null);
}

#[test]
fn who_approves_is_said() {
    let book =
        "--agent agent.outbound.sender --action meeting.book --seller acme --environment sandbox";
    let (text, object) = explain(book);
    assert_eq!(object["outcome"], "require_approval");
    assert_eq!(object["approvers"], "sales-ops");
    assert_eq!(object["request"]["environment"], "sandbox");
    assert!(
        text.contains("the group `sales-ops` approves it, as the row `outbound-bookings` says")
    );
    assert!(text.contains("in a sandbox with an\n  address in a reserved or fake domain"));
    // Another engine only makes it stricter, however its decision is written.
    for denied in ["deny", "engine=cedar,outcome=deny"] {
        let (_, object) = explain(&format!("{book} --foreign {denied}"));
        assert_eq!(object["approvers"], Value::Null);
        assert_eq!(
            codes(&object),
            ["foreign.deny", "tier.approval", "grant.row"]
        );
    }
    let rows = "version = 1\n[[action]]\nname = \"r\"\nclass = \"read\"\n";
    let row = |id: &str, keys: &str| {
        format!("{rows}[[grant]]\nid = \"{id}\"\nagent = \"a\"\nactions = [\"r\"]\n{keys}")
    };
    for (policy, more, words) in [
        (row("x", ""), "", "tier 0 needs none"),
        (
            row("x", ""),
            "--foreign require_approval",
            "the group `revops` approves it, as it does",
        ),
        (
            row("x", "tier = 2\n"),
            "",
            "the group `revops` approves it, as it does",
        ),
        (
            row("x", "tier = 2\ndecided = \"elsewhere\"\n"),
            "--foreign allow",
            "left to the engine that decided before, by `x`",
        ),
        (row("x", "tier = 3\n"), "", "two people lift that"),
    ] {
        let (text, _) = explain_under(&policy, &format!("--agent a --action r {more}"));
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
}

#[test]
fn a_throttle_without_its_key_denies() {
    let policy = "version = 1\n[[action]]\nname = \"r\"\nclass = \"read\"\n\
                  [[grant]]\nid = \"x\"\nagent = \"a\"\nactions = [\"r\"]\ntier = 2\n\
                  [[throttle]]\nid = \"c\"\nactions = [\"r\"]\nper = \"campaign\"\nlimit = 1\nwindow = \"1h\"\n";
    let (text, object) = explain_under(policy, "--agent a --action r");
    assert_eq!(
        (&object["outcome"], &object["approvers"]),
        (&json!("deny"), &Value::Null)
    );
    assert_eq!(
        codes(&object),
        ["throttle.unkeyed", "tier.approval", "grant.row"]
    );
    assert_eq!(object["throttles"][0]["keyed"], false);
    assert!(text.contains("denied: no campaign is named to count per"));
    assert!(text.contains("without that a person would have to approve it"));
    let (_, object) = explain_under(policy, "--agent a --action r --campaign q4");
    assert_eq!(object["outcome"], "require_approval");
}

#[test]
fn mailboxes_are_the_same_by_any_spelling_and_unknown_by_token() {
    let token = "ab".repeat(32);
    let policy = format!(
        "version = 1\n[[grant]]\nid = \"x\"\nagent = \"a\"\nactions = [\"email.send\"]\nsellers = [\"*\"]\n\
         mailboxes = [\"outreach-1\", \"token:{token}\"]\n"
    );
    let refuses = |mailbox: &str| {
        let line = format!("--agent a --action email.send --mailbox {mailbox}");
        let (text, object) = explain_under(&policy, &line);
        let notes = object["notes"].as_array().unwrap().len();
        assert_eq!(
            text.contains("note: the row `x` may name this very mailbox"),
            notes == 1
        );
        (object["rows"][0]["refuses"].clone(), notes)
    };
    assert_eq!(refuses("outreach-1"), (Value::Null, 0));
    assert_eq!(refuses(&format!("token:{token}")), (Value::Null, 0));
    assert_eq!(refuses("outreach-2"), (json!("grant.mailbox"), 1));
    assert_eq!(
        refuses(&format!("token:{}", "cd".repeat(32))),
        (json!("grant.mailbox"), 1)
    );
    let stand_in = |given: &str| mailbox(given).unwrap();
    assert_eq!(stand_in("Ada.L+x@gmail.com"), stand_in("adal@gmail.com"));
    assert_ne!(stand_in("outreach-1"), stand_in("outreach-2"));
}

#[test]
fn what_the_ledger_would_not_take_is_refused() {
    let many = "--target deal:1 ".repeat(TARGETS_MAX + 1);
    let fields = format!(
        "--target deal:1:reads={}",
        vec!["f"; FIELDS_MAX + 1].join(",")
    );
    for line in [
        "--agent ada@example.com --action r",
        "--agent a --action r!",
        "--agent a --action r --agent-version +442079460000",
        "--agent a --action r --seller Acme",
        "--agent a --action r --mailbox token:1",
        "--agent a --action r --mailbox not@an@address",
        "--agent a --action r --target de/al:1",
        "--agent a --action r --target deal:1:writes=f!",
        &format!("--agent a --action r {many}"),
        &format!("--agent a --action r {fields}"),
    ] {
        let failure = request(&read(line)).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage, "{line}");
        assert!(!failure.to_string().contains("ada@"), "{failure}");
    }
    for line in [
        "--agent a",
        "--action r",
        "--agent a --action r --environment test",
        "--agent a --action r --foreign maybe",
        "--agent a --action r --target deal",
    ] {
        let words = std::iter::once("explain").chain(line.split_whitespace());
        assert!(Line::try_parse_from(words).is_err(), "{line}");
    }
}

#[test]
fn a_target_that_names_no_field_is_explained_as_one_of_every_field() {
    for (line, words) in [
        (
            "--agent agent.enrichment --action crm.read --target contact:1",
            "by `enrichment-research` not every field may be read, and none is named: only",
        ),
        (
            "--agent agent.routing --action crm.owner.assign --target contact:1:writes=agent_x --target deal:7",
            "by `routing-owners` not every field may be written, and none is named: only",
        ),
        // It makes no contact: that the id is left out is no help.
        (
            "--agent agent.enrichment --action crm.contact.update --target contact:",
            "by `enrichment-contacts` not every field may be written",
        ),
        (
            "--agent agent.enrichment --action crm.contact.create --target contact:1",
            "by `enrichment-contacts` not every field may be written",
        ),
    ] {
        let (text, object) = explain(line);
        let told = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(words), "{words} is not in\n{text}");
        assert_eq!(codes(&object), ["grant.field"], "{line}");
    }
    let (_, object) =
        explain("--agent agent.enrichment --action crm.contact.create --target contact:");
    assert_eq!(object["outcome"], "allow");
}
