//! What a policy says: actions, grants, throttles and numbers, the defaults, the look-ups.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ledger_core::action::{ActionRule, Channel, Channels, Class};
use ledger_core::policy::{
    Grant, Mailboxes, NUMBER_RANGES, Names, Numbers, Per, Policy, Unit, policy_hash,
};
use ledger_core::redact::MARK;
use ledger_core::token::{Kind, Token};

fn policy(text: &str) -> Policy {
    Policy::parse(&[("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn ids<'a>(grants: impl Iterator<Item = &'a Grant>) -> Vec<&'a str> {
    grants.map(|grant| grant.id.as_str()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const TOKEN: &str = "c26c2855b740d22d62cb97a499477bd063b40d66886d41b90f1c1dda71d4cfb2";

#[test]
fn before_a_policy_the_gate_s_own_rules_hold() {
    let none = Policy::none();
    assert_eq!(none, policy("version = 1\n"));
    assert_eq!(
        none.numbers,
        Numbers {
            valid_for_s: 60,
            report_within_s: 900,
            start_tolerance_s: 5,
            heartbeat_s: 300,
            max_gap_s: 604_800,
            clock_bound_ms: 5_000,
            approve_within_s: 14_400,
            break_glass_confirm_s: 900,
            break_glass_max_s: 3_600,
        }
    );
    let names: Vec<&str> = none.actions().map(|(name, _)| name).collect();
    assert_eq!(names, ActionRule::BUILTIN);
    for name in ActionRule::BUILTIN {
        assert_eq!(none.action(name), ActionRule::builtin(name).as_ref());
        assert_eq!(none.grants("agent.outbound.sender", name).count(), 0);
    }
    assert_eq!(none.action("crm.read"), None);
    assert!(
        none.throttles().is_empty()
            && none.breakers().is_empty()
            && none.fake_domains.is_empty()
            && none.all_grants().is_empty()
            && none.mailbox_names().is_empty()
    );
}

#[test]
fn numbers_are_read_at_both_ends_of_their_range() {
    for (key, range) in NUMBER_RANGES {
        for value in [*range.start(), *range.end()] {
            // The two that bound another are set wide open.
            let wide = match key {
                "valid_for_s" => "report_within_s = 604800\n",
                "report_within_s" => "valid_for_s = 1\n",
                "heartbeat_s" => "max_gap_s = 31536000\n",
                "max_gap_s" => "heartbeat_s = 1\n",
                _ => "",
            };
            let numbers =
                policy(&format!("version = 1\n[numbers]\n{wide}{key} = {value}\n")).numbers;
            let found = [
                ("valid_for_s", numbers.valid_for_s),
                ("report_within_s", numbers.report_within_s),
                ("start_tolerance_s", numbers.start_tolerance_s),
                ("heartbeat_s", numbers.heartbeat_s),
                ("max_gap_s", numbers.max_gap_s),
                ("clock_bound_ms", numbers.clock_bound_ms),
                ("approve_within_s", numbers.approve_within_s),
                ("break_glass_confirm_s", numbers.break_glass_confirm_s),
                ("break_glass_max_s", numbers.break_glass_max_s),
            ];
            assert!(found.contains(&(key, value)), "{key} = {value}: {found:?}");
        }
    }
    assert_eq!(
        policy("version = 0x1\n[numbers]\nvalid_for_s = 1_2\n")
            .numbers
            .valid_for_s,
        12
    );
}

#[test]
fn actions_have_a_class_channels_and_what_they_require() {
    let policy = policy(
        r#"
version = 1
[[action]]
name = "crm.read"
class = "read"
[[action]]
name = "crm.write"
class = "write"
requires = ["account"]
[[action]]
name = "policy.change"
class = "admin"
[[action]]
name = "linkedin.message" # without a class: contact, by every channel
[[action]]
name = "voicemail.drop"
class = "contact"
channels = ["sms", "call"]
requires = ["contact", "phone", "email"]
[[action]]
name = "email.send"
requires = ["contact"]
[[action]]
name = "call.queue"
class = "contact"
channels = ["call", "sms"]
"#,
    );
    let rule = |name: &str| policy.action(name).cloned().unwrap();
    let expect = |class, channels, requires: &[Kind]| ActionRule {
        class,
        channels,
        requires: requires.to_vec(),
        tier: match class {
            Class::Read => 0,
            Class::Write => 1,
            Class::Contact => 2,
            Class::Admin => 3,
        },
        hours: None,
        registry_max_age_s: None,
        creates: false,
        registry_sources: std::collections::BTreeSet::new(),
    };
    assert_eq!(rule("crm.read"), expect(Class::Read, Channels::none(), &[]));
    assert_eq!(
        rule("crm.write"),
        expect(Class::Write, Channels::none(), &[Kind::Account])
    );
    assert_eq!(
        rule("policy.change"),
        expect(Class::Admin, Channels::none(), &[])
    );
    assert_eq!(
        rule("linkedin.message"),
        expect(Class::Contact, Channels::all(), &[])
    );
    let two = Channels::of(&[Channel::Call, Channel::Sms]);
    assert_eq!(
        rule("voicemail.drop"),
        expect(
            Class::Contact,
            two,
            &[Kind::Email, Kind::Phone, Kind::Contact]
        )
    );
    let email = Channels::of(&[Channel::Email]);
    assert_eq!(
        rule("email.send"),
        expect(Class::Contact, email, &[Kind::Contact])
    );
    assert_eq!(rule("call.queue"), expect(Class::Contact, two, &[]));
    assert_eq!(Some(rule("sms.send")), ActionRule::builtin("sms.send"));
    assert_eq!(policy.actions().count(), 5 + 5);
}

#[test]
fn grants_are_rows_for_one_agent() {
    let policy = policy(&format!(
        r#"
version = 1
[[action]]
name = "crm.write"
class = "write"
[[grant]]
id = "one"
agent = "agent.a"
actions = ["email.send", "crm.write"]
objects = ["contact"]
sellers = ["acme", "globex"]
mailboxes = ["outreach-1", "token:{TOKEN}"]
[[grant]]
id = "two"
agent = "agent.a"
actions = ["email.send"]
sellers = ["*"]
mailboxes = ["*"]
[[grant]]
id = "three"
agent = "agent.b"
actions = ["crm.write"]
objects = ["*"]
"#
    ));
    assert_eq!(ids(policy.grants("agent.a", "email.send")), ["one", "two"]);
    assert_eq!(ids(policy.grants("agent.a", "crm.write")), ["one"]);
    assert_eq!(ids(policy.grants("agent.b", "crm.write")), ["three"]);
    for (agent, action) in [
        ("agent.b", "email.send"),
        ("agent.a", "sms.send"),
        ("agent", "email.send"),
        ("agent.A", "email.send"),
        ("*", "email.send"),
        ("agent.a", ""),
    ] {
        assert_eq!(policy.grants(agent, action).count(), 0, "{agent} {action}");
    }
    let [one, two, three] = policy.all_grants() else {
        panic!()
    };
    assert_eq!(one.sellers, Names::Only(set(&["acme", "globex"])));
    assert!(
        one.sellers.contains("acme") && !one.sellers.contains("Acme") && !one.sellers.contains("*")
    );
    let token: Token = TOKEN.parse().unwrap();
    assert_eq!(
        one.mailboxes,
        Mailboxes::Only {
            names: set(&["outreach-1"]),
            tokens: BTreeSet::from([token])
        }
    );
    assert_eq!(
        (&two.sellers, &two.mailboxes),
        (&Names::Any, &Mailboxes::Any)
    );
    assert!(
        two.sellers.contains("anything") && !two.sellers.is_empty() && !two.mailboxes.is_empty()
    );
    assert!(three.sellers.is_empty() && three.mailboxes.is_empty() && !one.mailboxes.is_empty());
    assert_eq!(policy.mailbox_names(), BTreeSet::from(["outreach-1"]));
}

#[test]
fn throttles_count_what_they_name() {
    let mut text = "version = 1\n[[action]]\nname = \"crm.write\"\nclass = \"write\"\n".to_owned();
    for (i, per) in Per::ALL.iter().enumerate() {
        let what = if i % 2 == 0 {
            "actions = [\"email.send\"]"
        } else {
            "classes = [\"write\", \"admin\"]"
        };
        _ = write!(
            text,
            "[[throttle]]\nid = \"r{i}\"\n{what}\nper = \"{}\"\nlimit = {}\nwindow = \"{}s\"\n",
            per.as_str(),
            i + 1,
            i + 1
        );
    }
    text += "[[throttle]]\nid = \"both\"\nactions = [\"sms.send\"]\nclasses = [\"write\"]\nper = \"agent\"\nunit = \"recipients\"\nlimit = 1_000_000\nwindow = \"31d\"\n";
    let policy = policy(&text);
    let rules = policy.throttles();
    assert_eq!(rules.len(), 8);
    for (i, per) in Per::ALL.into_iter().enumerate() {
        let i64 = u64::try_from(i).unwrap() + 1;
        let rule = &rules[i];
        assert_eq!(
            (rule.per, rule.unit, rule.limit, rule.window_s),
            (per, Unit::Actions, i64, i64),
            "{}",
            rule.id
        );
        assert_eq!(rule.matches("email.send", Class::Contact), i % 2 == 0);
        assert_eq!(rule.matches("crm.write", Class::Write), i % 2 == 1);
        assert_eq!(rule.matches("anything", Class::Admin), i % 2 == 1);
        assert!(!rule.matches("crm.read", Class::Read));
    }
    let both = &rules[7];
    assert_eq!(
        (both.unit, both.limit, both.window_s),
        (Unit::Recipients, 1_000_000, 31 * 86_400)
    );
    let of = |action| {
        policy
            .throttles_of(action)
            .map(|(i, _)| i)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("email.send"), [0, 2, 4, 6]);
    assert_eq!(of("crm.write"), [1, 3, 5, 7]);
    assert_eq!(of("sms.send"), [7]);
    assert_eq!(of("call.queue"), Vec::<usize>::new());
    assert_eq!(of("unknown"), Vec::<usize>::new());
}

#[test]
fn windows_are_read_in_every_unit() {
    for (text, seconds) in [
        ("1s", 1),
        ("90s", 90),
        ("5m", 300),
        ("24h", 86_400),
        ("7d", 604_800),
        ("31d", 2_678_400),
        ("2678400s", 2_678_400),
        ("44640m", 2_678_400),
        ("744h", 2_678_400),
    ] {
        let policy = policy(&format!(
            "version = 1\n[[throttle]]\nid = \"r\"\nclasses = [\"read\"]\nper = \"agent\"\nlimit = 1\nwindow = \"{text}\"\n"
        ));
        assert_eq!(policy.throttles()[0].window_s, seconds, "{text}");
    }
}

#[test]
fn redaction_adds_to_the_defaults() {
    let policy = policy(
        "version = 1\n[redact]\nkeys = [\"Portal PIN\"]\npointers = [\"/headers/0\", \"/a~1b\"]\n",
    );
    let before = br#"{"portal_pin":1,"password":2,"headers":[3,4],"a/b":5,"c":6}"#;
    let after = format!(
        r#"{{"portal_pin":"{MARK}","password":"{MARK}","headers":["{MARK}",4],"a/b":"{MARK}","c":6}}"#
    );
    assert_eq!(policy.redact.apply(before), (after.into_bytes().into(), 4));
}

#[test]
fn the_example_in_the_documentation_is_a_policy() {
    let source = include_str!("../src/policy.rs");
    let example = source
        .split("//! ```toml\n")
        .nth(1)
        .unwrap()
        .split("//! ```")
        .next()
        .unwrap();
    let text: String = example
        .lines()
        .map(|line| line.strip_prefix("//!").unwrap().trim_start().to_owned() + "\n")
        .collect();
    let policy = policy(&text);
    assert_eq!(
        ids(policy.grants("agent.outbound.sender", "email.send")),
        ["outbound-sends"]
    );
    assert_eq!(policy.throttles()[0].limit, 25);
}

#[test]
fn the_hash_is_that_of_sha256sum() {
    // From Python's hashlib; the same as `sha256sum policy.toml | sha256sum`.
    assert_eq!(
        policy_hash(&[("policy.toml", "version = 1\n")]).to_string(),
        "b07777248c16e15b8b215d36dee14d42f87b9468b6a0d17491aee9b7182a6382"
    );
    let mut files = [
        ("policy.toml", "version = 1\n"),
        ("a.cedar", "version = 1\n"),
        ("b.cedar", "permit(principal, action, resource);\n"),
    ];
    for _ in 0..3 {
        files.rotate_left(1);
        assert_eq!(
            policy_hash(&files).to_string(),
            "59bdf1be2c9aa8730671d81e5f78c4b834008d3fbc8b31afe369c882c0c71183"
        );
    }
}
