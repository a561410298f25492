//! `[[breaker]]`, `[dnc_breach]`, `[sandbox]`, and the tier, hours and registry of actions: what may be
//! written, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;

use ledger_core::action::{ActionRule, Class};
use ledger_core::entry::Measure;
use ledger_core::policy::{BreachScope, BreakerPer, BreakerRule, Policy};

fn read(lines: &str) -> Policy {
    let text = format!("version = 1\n{lines}\n");
    Policy::parse(&[("policy.toml", &text)]).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

/// The one error of a text after `version = 1`.
fn error(lines: &str) -> String {
    let text = format!("version = 1\n{lines}\n");
    let Err(found) = Policy::parse(&[("policy.toml", &text)]) else {
        panic!("read: {lines}")
    };
    assert_eq!(found.total, 1, "{lines}\n{found}");
    assert!(!found.errors[0].remedy.is_empty());
    found.to_string()
}

fn check(table: &[(&str, &str)]) {
    for (lines, expected) in table {
        let found = error(lines);
        assert!(
            found.starts_with(&format!("policy.toml:{expected}")),
            "{lines}\n{found}"
        );
    }
}

const RATE: &str = "[[breaker]]\nid = \"b\"\nmeasure = \"error_rate\"\nclasses = [\"write\"]\nper = \"agent\"\nwindow = \"1h\"\n";
const COST: &str = "[[breaker]]\nid = \"b\"\nmeasure = \"cost\"\nactions = [\"email.send\"]\nper = \"agent\"\nwindow = \"1h\"\n";

#[test]
fn every_key_of_a_breaker_is_read() {
    let policy = read(
        r#"
[[breaker]]
id = "bounces"
measure = "hard_bounce_rate"
actions = ["email.send", "sequence.enroll"]
classes = ["admin"]
per = "mailbox"
warn_ppm = 20_000
open_ppm = 1_000_000
minimum = 200
window = "31d"
[[breaker]]
id = "cost"
measure = "cost"
classes = ["read"]
per = "workspace"
open_micros = 9_007_199_254_740_991
window = "1s"
"#,
    );
    let [bounces, cost] = policy.breakers() else {
        panic!()
    };
    let expected = BreakerRule {
        id: "bounces".to_owned(),
        measure: Measure::HardBounceRate,
        actions: BTreeSet::from(["email.send".to_owned(), "sequence.enroll".to_owned()]),
        classes: BTreeSet::from([Class::Admin]),
        per: BreakerPer::Mailbox,
        warn: Some(20_000),
        open: 1_000_000,
        minimum: 200,
        window_s: 31 * 86_400,
    };
    assert_eq!(*bounces, expected);
    assert_eq!(
        (cost.measure, cost.warn, cost.open),
        (Measure::Cost, None, (1 << 53) - 1)
    );
    assert_eq!(
        (cost.minimum, cost.window_s, cost.per),
        (1, 1, BreakerPer::Workspace)
    );
    for measure in ["hard_bounce_rate", "complaint_rate", "error_rate"] {
        for per in ["agent", "mailbox", "seller", "workspace"] {
            let text = RATE
                .replace("error_rate", measure)
                .replace("\"agent\"", &format!("\"{per}\""));
            let rule = read(&format!("{text}open_ppm = 1\n")).breakers()[0].clone();
            assert_eq!((rule.measure.as_str(), rule.per.as_str()), (measure, per));
            assert_eq!((rule.warn, rule.open, rule.minimum), (None, 1, 1));
        }
    }
}

#[test]
fn what_is_wrong_in_a_breaker_is_said_with_line_and_key() {
    let rate = |more: &str| format!("{RATE}{more}");
    let open = rate("open_ppm = 5");
    let cost = |more: &str| format!("{COST}{more}");
    let lines = [
        (
            open.replace("id = \"b\"", "id = \"dnc-breach\""),
            "2: breaker[0].id `dnc-breach` is the breaker that the gate itself has",
        ),
        (
            format!("{open}\n{open}"),
            "10: breaker[1].id `b` was used before",
        ),
        (
            open.replace("id = \"b\"\n", ""),
            "2: breaker[0].id is missing",
        ),
        (
            open.replace("\"error_rate\"", "\"dnc_breach\""),
            "4: breaker[0].measure `dnc_breach` is unknown: expected `hard_bounce_rate`",
        ),
        (
            open.replace("measure = \"error_rate\"\n", ""),
            "2: breaker[0].measure is missing",
        ),
        (
            open.replace("classes = [\"write\"]\n", ""),
            "2: breaker[0].actions is missing; name the actions whose reports",
        ),
        (
            open.replace("[\"write\"]", "[\"writes\"]"),
            "5: breaker[0].classes[0] `writes` is unknown",
        ),
        (
            open.replace("classes = [\"write\"]", "actions = [\"x\"]"),
            "5: breaker[0].actions[0] `x` is neither declared",
        ),
        (
            open.replace("\"agent\"", "\"recipient\""),
            "6: breaker[0].per `recipient` is unknown: expected `agent`, `mailbox`, `seller` or `workspace`",
        ),
        (
            open.replace("per = \"agent\"\n", ""),
            "2: breaker[0].per is missing",
        ),
        (
            open.replace("window = \"1h\"\n", ""),
            "2: breaker[0].window is missing",
        ),
        (
            open.replace("\"1h\"", "\"32d\""),
            "7: breaker[0].window `32d` is not valid",
        ),
        (
            rate(""),
            "2: breaker[0].open_ppm is missing; say above what rate",
        ),
        (
            rate("open_ppm = 0"),
            "8: breaker[0].open_ppm `0` is out of range: expected an integer from 1 to 1000000",
        ),
        (
            rate("open_ppm = 1_000_001"),
            "8: breaker[0].open_ppm `1000001` is out of range",
        ),
        (
            rate("open_ppm = 0.05"),
            "8: breaker[0].open_ppm `0.05` is a float",
        ),
        (
            rate("open_ppm = 5\nwarn_ppm = 5"),
            "9: breaker[0].warn_ppm `5` is not less than open_ppm (5)",
        ),
        (
            rate("warn_ppm = 6\nopen_ppm = 5"),
            "8: breaker[0].warn_ppm `6` is not less than open_ppm (5)",
        ),
        (
            rate("open_ppm = 5\nopen_micros = 5"),
            "2: breaker[0].open_micros is not the unit of this measure: expected it in parts per million",
        ),
        (
            rate("open_ppm = 5\nminimum = 0"),
            "9: breaker[0].minimum `0` is out of range",
        ),
        (
            rate("open_ppm = 5\nminimum = 1_000_001"),
            "9: breaker[0].minimum `1000001` is out of range",
        ),
        (
            rate("open_ppm = 5\nlimit = 1"),
            "9: breaker[0]: key `limit` is not enforced",
        ),
        (
            cost(""),
            "2: breaker[0].open_micros is missing; say above what cost",
        ),
        (
            cost("open_micros = 5\nminimum = 1"),
            "9: breaker[0].minimum is for rates alone",
        ),
        (
            cost("open_micros = 5\nwarn_micros = 9"),
            "9: breaker[0].warn_micros `9` is not less than open_micros (5)",
        ),
        (
            cost("open_micros = 5\nwarn_ppm = 1"),
            "2: breaker[0].warn_ppm is not the unit of this measure: expected it in millionths",
        ),
        (
            cost("open_micros = 9_007_199_254_740_992"),
            "8: breaker[0].open_micros `9007199254740992` is out of range",
        ),
    ];
    check(
        &lines
            .each_ref()
            .map(|(text, expected)| (text.as_str(), *expected)),
    );
    let many = |n: usize| {
        (0..n)
            .map(|i| open.replace("\"b\"", &format!("\"b{i}\"")) + "\n")
            .collect::<String>()
    };
    assert_eq!(read(&many(32)).breakers().len(), 32);
    assert!(error(&many(33)).contains("has 33 rows: expected at most 32"));
}

#[test]
fn the_breach_of_the_list_closes_off_the_agent_or_everybody() {
    assert_eq!(read("").dnc_breach, BreachScope::Agent);
    assert_eq!(read("[dnc_breach]").dnc_breach, BreachScope::Agent);
    assert_eq!(
        read("[dnc_breach]\nscope = \"agent\"").dnc_breach,
        BreachScope::Agent
    );
    assert_eq!(
        read("[dnc_breach]\nscope = \"workspace\"").dnc_breach,
        BreachScope::Workspace
    );
    check(&[
        (
            "[dnc_breach]\nscope = \"none\"",
            "3: dnc_breach.scope `none` is unknown: expected `agent` or `workspace`",
        ),
        (
            "[dnc_breach]\nopen = false",
            "3: dnc_breach: key `open` is not enforced",
        ),
        (
            "dnc_breach = \"agent\"",
            "2: dnc_breach `agent` is a string: expected a table",
        ),
    ]);
}

#[test]
fn fake_domains_are_kept_in_their_one_spelling() {
    let policy = read(
        "[sandbox]\nfake_domains = [\"Sales.Example.dev\", \".b\u{fc}cher.example.dev\", \"example.com\"]\nclear = [\"/template/name\", \"/a~1b\"]",
    );
    let names: Vec<&str> = policy.fake_domains.iter().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "example.com",
            "sales.example.dev",
            "xn--bcher.example.dev"
                .replace("xn--bcher", "xn--bcher-kva")
                .as_str()
        ]
    );
    let clear: Vec<String> = policy
        .sandbox_clear
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(clear, ["/template/name", "/a~1b"]);
    let list: Vec<String> = (0..17).map(|i| format!("\"d{i}.example.dev\"")).collect();
    assert_eq!(
        read(&format!(
            "[sandbox]\nfake_domains = [{}]",
            list[..16].join(", ")
        ))
        .fake_domains
        .len(),
        16
    );
    check(&[
        (
            &format!("[sandbox]\nfake_domains = [{}]", list.join(", ")),
            "3: sandbox.fake_domains has 17 entries: expected at most 16",
        ),
        (
            "[sandbox]\nfake_domains = []",
            "3: sandbox.fake_domains is an empty list",
        ),
        (
            "[sandbox]\nfake_domains = [\"dev\"]",
            "3: sandbox.fake_domains[0] `dev` is not a domain that can be used: the host is a public suffix",
        ),
        (
            "[sandbox]\nfake_domains = [\"co.uk\"]",
            "3: sandbox.fake_domains[0] `co.uk` is not a domain that can be used: the host is a public suffix",
        ),
        (
            "[sandbox]\nfake_domains = [\"@example.dev\"]",
            "3: sandbox.fake_domains[0] `@example.dev` has an `@`",
        ),
        (
            "[sandbox]\nfake_domains = [\"a b.dev\"]",
            "3: sandbox.fake_domains[0] `a b.dev` is not a domain that can be used",
        ),
        (
            "[sandbox]\nfake_domains = [\"10.0.0.1\"]",
            "3: sandbox.fake_domains[0] `10.0.0.1` is not a domain that can be used",
        ),
        (
            "[sandbox]\nfake_domains = [\"*\"]",
            "3: sandbox.fake_domains[0] `*` is not a domain that can be used",
        ),
        (
            "[sandbox]\nfake_phones = [\"token:12\"]",
            "3: sandbox.fake_phones[0] `token:12` is not valid: expected `token:` and 64 lower-case hex digits; take the sandbox's token",
        ),
        (
            "[sandbox]\nfake_phones = [\"+12025550123\"]",
            "3: holds a phone number",
        ),
        (
            "[sandbox]\nclear = [\"template\"]",
            "3: sandbox.clear `template` is not valid: expected a JSON pointer",
        ),
        (
            "[sandbox]\nclear = [\"\"]",
            "3: sandbox.clear `` is not valid",
        ),
        (
            "[sandbox]\ndomains = [\"example.dev\"]",
            "3: sandbox: key `domains` is not enforced",
        ),
    ]);
}

#[test]
fn an_action_states_its_tier_hours_and_registry() {
    let action = |name: &str, class: &str, more: &str| {
        let policy = read(&format!(
            "[[action]]\nname = \"{name}\"\nclass = \"{class}\"\n{more}"
        ));
        policy.action(name).unwrap().clone()
    };
    for (class, tiers) in [
        ("read", 0..=3),
        ("write", 0..=3),
        ("admin", 0..=3),
        ("contact", 2..=3),
    ] {
        for tier in tiers {
            assert_eq!(
                action("x", class, &format!("tier = {tier}")).tier,
                tier,
                "{class}"
            );
        }
    }
    for (name, class, tier) in [
        ("x", "read", 0),
        ("x", "write", 1),
        ("x", "contact", 2),
        ("x", "admin", 3),
    ] {
        assert_eq!(action(name, class, "").tier, tier, "{class}");
    }
    for (name, tier) in ActionRule::STARTER {
        let class = if ActionRule::builtin(name).is_some() {
            "contact"
        } else {
            "write"
        };
        assert_eq!(action(name, class, "").tier, tier, "{name}");
    }
    for (text, from, to) in [
        ("08:00-21:00", 480, 1260),
        ("00:00-24:00", 0, 1440),
        ("23:59-24:00", 1439, 1440),
        ("00:00-00:01", 0, 1),
    ] {
        let found = action("call.queue", "contact", &format!("hours = \"{text}\""));
        assert_eq!(found.hours, Some((from, to)), "{text}");
    }
    for (text, seconds) in [
        ("1h", 3_600),
        ("60m", 3_600),
        ("31d", 2_678_400),
        ("3600s", 3_600),
    ] {
        let found = action("call.queue", "contact", &format!("registry = \"{text}\""));
        assert_eq!(found.registry_max_age_s, Some(seconds), "{text}");
    }
}

#[test]
fn what_an_action_cannot_be_is_said_with_line_and_key() {
    let (built_in, own) = (
        "[[action]]\nname = \"call.queue\"\n",
        "[[action]]\nname = \"x\"\nclass = \"contact\"\n",
    );
    let read_class = "[[action]]\nname = \"x\"\nclass = \"read\"\n";
    for text in [
        "8:00-21:00",
        "08:00",
        "21:00-08:00",
        "08:00-08:00",
        "08:60-09:00",
        "24:01-24:02",
        "08:00-25:00",
        "08:00 - 21:00",
        "08.00-21.00",
        "+8:00-21:00",
        "08:00-21:00-22:00",
        "",
        "-",
        "08:00-٢١:00",
    ] {
        let found = error(&format!("{built_in}hours = \"{text}\""));
        assert!(
            found.contains("4: action[0].hours ")
                && found.contains("expected two times of one day"),
            "{text}: {found}"
        );
    }
    for text in ["0h", "59m", "3599s", "32d", "745h", "1w", "", "31"] {
        let found = error(&format!("{built_in}registry = \"{text}\""));
        assert!(
            found.contains("4: action[0].registry ") && found.contains("1 hour to 31 days"),
            "{text}: {found}"
        );
    }
    check(&[
        (
            &format!("{built_in}tier = 1"),
            "4: action[0].tier `1` is too low for a contact action: expected 2 or 3",
        ),
        (
            &format!("{own}tier = 0"),
            "5: action[0].tier `0` is too low for a contact action",
        ),
        (
            "[[action]]\nname = \"x\"\ntier = 1",
            "4: action[0].tier `1` is too low for a contact action",
        ),
        (
            &format!("{built_in}tier = 4"),
            "4: action[0].tier `4` is out of range: expected an integer from 0 to 3",
        ),
        (
            &format!("{built_in}tier = \"2\""),
            "4: action[0].tier `2` is a string",
        ),
        (
            &format!("{read_class}hours = \"08:00-21:00\""),
            "5: action[0].hours is for contact actions alone, and this one has the class `read`",
        ),
        (
            &format!("{read_class}registry = \"31d\""),
            "5: action[0].registry is for contact actions alone",
        ),
        (
            "[[action]]\nname = \"call.queue\"\nregistry_sources = [\"ftc\"]",
            "4: action[0].registry_sources says which imports count, and no `registry` says",
        ),
        (
            "[[action]]\nname = \"call.queue\"\nregistry = \"31d\"\nregistry_sources = [\"the ftc\"]",
            "5: action[0].registry_sources[0] `the ftc`",
        ),
        (
            &format!("{built_in}hours = 8"),
            "4: action[0].hours `8` is an integer",
        ),
    ]);
}
