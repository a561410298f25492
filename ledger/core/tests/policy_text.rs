//! What no policy may say, and how its author is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_core::policy::{ERRORS_MAX, Policy, PolicyError, PolicyErrors};
use proptest::prelude::*;

fn errors(text: &str) -> PolicyErrors {
    Policy::parse(&[("policy.toml", text)]).expect_err(text)
}

/// The one error of a text.
fn error(name: &str, text: &str) -> PolicyError {
    let found = Policy::parse(&[("policy.toml", text)]).expect_err(name);
    assert_eq!(found.total, 1, "{name}: {found}");
    found.errors[0].clone()
}

#[test]
fn one_wrong_thing_is_one_error_with_line_and_key() {
    let grant = "[[grant]]\nid = \"g\"\nagent = \"a\"\n";
    let send = "[[grant]]\nid = \"g\"\nagent = \"a\"\nactions = [\"email.send\"]\n";
    let rule = "[[throttle]]\nid = \"t\"\nclasses = [\"contact\"]\nper = \"agent\"\n";
    // (mutation, text after `version = 1`, line, key, a part of the message)
    let table: Vec<(&str, String, usize, &str, &str)> = vec![
        ("unknown-key", "tier = 2\n".into(), 2, "key", "`tier` is not enforced by this version; expected one of action, breaker, dnc_breach, fields, grant, numbers, redact, sandbox, throttle, version"),
        ("unknown-table", "[sandboxes]\nx = 1\n".into(), 2, "key", "`sandboxes` is not enforced"),
        ("unknown-key-in-action", "[[action]]\nname = \"a\"\nclass = \"read\"\nrisk = 2\n".into(), 5, "action[0]: key", "`risk` is not enforced"),
        ("unknown-key-in-grant", format!("{send}sellers = [\"*\"]\nobject = [\"deal\"]\n"), 7, "grant[0]: key", "`object` is not enforced"),
        ("unknown-key-in-throttle", format!("{rule}limit = 1\nwindow = \"1h\"\nburst = 2\n"), 8, "throttle[0]: key", "`burst` is not enforced"),
        ("unknown-key-in-numbers", "[numbers]\nvalid_for = 60\n".into(), 3, "numbers: key", "`valid_for` is not enforced"),
        ("unknown-key-in-redact", "[redact]\nkey = [\"a\"]\n".into(), 3, "redact: key", "`key` is not enforced"),
        ("number-too-small", "[numbers]\nvalid_for_s = 0\n".into(), 3, "numbers.valid_for_s", "`0` is out of range: expected an integer from 1 to 3600"),
        ("number-too-large", "[numbers]\nstart_tolerance_s = 301\n".into(), 3, "numbers.start_tolerance_s", "from 0 to 300"),
        ("number-negative", "[numbers]\nclock_bound_ms = -5\n".into(), 3, "numbers.clock_bound_ms", "`-5` is out of range"),
        ("number-enormous", "[numbers]\nmax_gap_s = 99999999999999999999999\n".into(), 3, "numbers.max_gap_s", "out of range"),
        ("number-float", "[numbers]\nheartbeat_s = 1.5\n".into(), 3, "numbers.heartbeat_s", "`1.5` is a float: expected an integer"),
        ("number-string", "[numbers]\nvalid_for_s = \"60\"\n".into(), 3, "numbers.valid_for_s", "`60` is a string: expected an integer"),
        ("number-date", "[numbers]\nvalid_for_s = 2026-11-22\n".into(), 3, "numbers.valid_for_s", "is a date or time"),
        ("report-before-validity-ends", "[numbers]\nvalid_for_s = 3600\n".into(), 2, "numbers.report_within_s", "`900` is less than valid_for_s (3600)"),
        ("gap-below-heartbeat", "[numbers]\nheartbeat_s = 61\nmax_gap_s = 60\n".into(), 2, "numbers.max_gap_s", "less than heartbeat_s (61)"),
        ("numbers-not-a-table", "numbers = 1\n".into(), 2, "numbers", "`1` is an integer: expected a table"),
        ("action-not-rows", "[action]\nname = \"a\"\n".into(), 2, "action", "is a table: expected rows that begin with `[[action]]`"),
        ("action-row-not-a-table", "action = [1]\n".into(), 2, "action[0]", "`1` is an integer: expected a row"),
        ("action-without-name", "[[action]]\nclass = \"read\"\n".into(), 2, "action[0].name", "is missing"),
        ("action-name-number", "[[action]]\nname = 1\n".into(), 3, "action[0].name", "`1` is an integer: expected a string"),
        ("action-name-with-space", "[[action]]\nname = \"a b\"\n".into(), 3, "action[0].name", "`a b` is not valid: expected letters, digits"),
        ("action-name-empty", "[[action]]\nname = \"\"\n".into(), 3, "action[0].name", "is empty: expected 1 to 64 characters"),
        ("action-name-too-long", format!("[[action]]\nname = \"{}\"\n", "a".repeat(65)), 3, "action[0].name", "has 65 bytes: expected at most 64"),
        ("action-twice", "[[action]]\nname = \"a\"\n[[action]]\nname = \"a\"\n".into(), 5, "action[1].name", "`a` was declared before"),
        ("class-unknown", "[[action]]\nname = \"a\"\nclass = \"contacts\"\n".into(), 4, "action[0].class", "`contacts` is unknown: expected `read`, `write`, `contact` or `admin`"),
        ("builtin-lowered-to-read", "[[action]]\nname = \"email.send\"\nclass = \"read\"\n".into(), 4, "action[0].class", "`read` would take a built-in contact action out of the class `contact`"),
        ("builtin-lowered-to-write", "[[action]]\nname = \"sequence.enroll\"\nclass = \"write\"\n".into(), 4, "action[0].class", "no policy can"),
        ("builtin-moved-to-admin", "[[action]]\nname = \"sms.send\"\nclass = \"admin\"\n".into(), 4, "action[0].class", "no policy can"),
        ("builtin-in-another-case", "[[action]]\nname = \"Email.Send\"\nclass = \"write\"\n".into(), 3, "action[0].name", "differs from the built-in action `email.send` in case alone"),
        ("builtin-channel-left-out", "[[action]]\nname = \"meeting.book\"\nchannels = [\"meeting\"]\n".into(), 4, "action[0].channels", "expected at least email, meeting"),
        ("channels-of-a-write", "[[action]]\nname = \"a\"\nclass = \"write\"\nchannels = [\"email\"]\n".into(), 5, "action[0].channels", "is for contact actions alone, and this one has the class `write`"),
        ("channel-unknown", "[[action]]\nname = \"a\"\nchannels = [\"email\", \"fax\"]\n".into(), 4, "action[0].channels[1]", "`fax` is unknown"),
        ("channel-twice", "[[action]]\nname = \"a\"\nchannels = [\"email\", \"email\"]\n".into(), 4, "action[0].channels[1]", "`email` stands twice"),
        ("channels-empty", "[[action]]\nname = \"a\"\nchannels = []\n".into(), 4, "action[0].channels", "is an empty list"),
        ("channels-a-string", "[[action]]\nname = \"a\"\nchannels = \"email\"\n".into(), 4, "action[0].channels", "`email` is a string: expected a list"),
        ("requires-unknown", "[[action]]\nname = \"a\"\nrequires = [\"domain\"]\n".into(), 4, "action[0].requires[0]", "`domain` is unknown: expected `email`, `phone`, `contact` or `account`"),
        ("grant-without-id", "[[grant]]\nagent = \"a\"\nactions = [\"email.send\"]\nsellers = [\"*\"]\n".into(), 2, "grant[0].id", "is missing"),
        ("grant-without-agent", "[[grant]]\nid = \"g\"\nactions = [\"email.send\"]\nsellers = [\"*\"]\n".into(), 2, "grant[0].agent", "is missing"),
        ("grant-without-actions", grant.into(), 2, "grant[0].actions", "is missing"),
        ("grant-of-any-agent", "[[grant]]\nid = \"g\"\nagent = \"*\"\nactions = [\"email.send\"]\nsellers = [\"*\"]\n".into(), 4, "grant[0].agent", "`*` is not valid"),
        ("grant-of-any-action", format!("{grant}actions = [\"*\"]\n"), 5, "grant[0].actions[0]", "`*` is neither declared here nor built in"),
        ("grant-of-an-unknown-action", format!("{grant}actions = [\"crm.read\"]\n"), 5, "grant[0].actions[0]", "`crm.read` is neither declared here nor built in; declare it"),
        ("contact-without-sellers", send.into(), 2, "grant[0].sellers", "is missing; `email.send` is contact: name the sellers on whose behalf"),
        ("sellers-empty", format!("{send}sellers = []\n"), 6, "grant[0].sellers", "is an empty list"),
        ("any-seller-and-one", format!("{send}sellers = [\"acme\", \"*\"]\n"), 6, "grant[0].sellers", "`*` stands beside names"),
        ("seller-with-space", format!("{send}sellers = [\"acme inc\"]\n"), 6, "grant[0].sellers[0]", "`acme inc` is not valid"),
        ("seller-upper-case", format!("{send}sellers = [\"Acme\"]\n"), 6, "grant[0].sellers[0]", "`Acme` is not valid: expected lower case"),
        ("seller-number", format!("{send}sellers = [7]\n"), 6, "grant[0].sellers[0]", "`7` is an integer"),
        ("mailboxes-empty", format!("{send}sellers = [\"*\"]\nmailboxes = []\n"), 7, "grant[0].mailboxes", "is an empty list"),
        ("any-mailbox-and-one", format!("{send}sellers = [\"*\"]\nmailboxes = [\"*\", \"m\"]\n"), 7, "grant[0].mailboxes", "`*` stands beside names"),
        ("mailbox-token-short", format!("{send}sellers = [\"*\"]\nmailboxes = [\"token:abc\"]\n"), 7, "grant[0].mailboxes[0]", "`token:abc` is not valid: expected `token:` and 64"),
        ("mailbox-token-upper-case", format!("{send}sellers = [\"*\"]\nmailboxes = [\"token:{}\"]\n", "A".repeat(64)), 7, "grant[0].mailboxes[0]", "lower-case hex"),
        ("mailbox-with-space", format!("{send}sellers = [\"*\"]\nmailboxes = [\"out reach\"]\n"), 7, "grant[0].mailboxes[0]", "`out reach` is not valid"),
        ("grant-id-twice", format!("{send}sellers = [\"*\"]\n{send}sellers = [\"*\"]\n"), 8, "grant[1].id", "`g` was used before"),
        ("throttle-of-nothing", "[[throttle]]\nid = \"t\"\nper = \"agent\"\nlimit = 1\nwindow = \"1h\"\n".into(), 2, "throttle[0].actions", "is missing; name the actions that the rule counts, or `classes`"),
        ("throttle-unknown-action", "[[throttle]]\nid = \"t\"\nactions = [\"x\"]\nper = \"agent\"\nlimit = 1\nwindow = \"1h\"\n".into(), 4, "throttle[0].actions[0]", "`x` is neither declared"),
        ("throttle-unknown-class", "[[throttle]]\nid = \"t\"\nclasses = [\"x\"]\nper = \"agent\"\nlimit = 1\nwindow = \"1h\"\n".into(), 4, "throttle[0].classes[0]", "`x` is unknown"),
        ("throttle-without-per", "[[throttle]]\nid = \"t\"\nclasses = [\"read\"]\nlimit = 1\nwindow = \"1h\"\n".into(), 2, "throttle[0].per", "is missing"),
        ("throttle-per-unknown", format!("{}limit = 1\nwindow = \"1h\"\n", rule.replace("\"agent\"", "\"team\"")), 5, "throttle[0].per", "`team` is unknown: expected `agent`, `workspace`"),
        ("throttle-unit-unknown", format!("{rule}limit = 1\nwindow = \"1h\"\nunit = \"emails\"\n"), 8, "throttle[0].unit", "`emails` is unknown: expected `actions` or `recipients`"),
        ("throttle-without-limit", format!("{rule}window = \"1h\"\n"), 2, "throttle[0].limit", "is missing"),
        ("throttle-limit-zero", format!("{rule}limit = 0\nwindow = \"1h\"\n"), 6, "throttle[0].limit", "`0` is out of range: expected an integer from 1 to 1000000"),
        ("throttle-limit-over", format!("{rule}limit = 1000001\nwindow = \"1h\"\n"), 6, "throttle[0].limit", "out of range"),
        ("throttle-without-window", format!("{rule}limit = 1\n"), 2, "throttle[0].window", "is missing"),
        ("throttle-window-number", format!("{rule}limit = 1\nwindow = 60\n"), 7, "throttle[0].window", "`60` is an integer: expected a string"),
        ("throttle-id-twice", format!("{rule}limit = 1\nwindow = \"1h\"\n{rule}limit = 1\nwindow = \"1h\"\n"), 9, "throttle[1].id", "`t` was used before"),
        ("redact-key-without-letters", "[redact]\nkeys = [\"--\"]\n".into(), 3, "redact.keys", "`--` is not valid: expected a name"),
        ("redact-pointer-without-slash", "[redact]\npointers = [\"headers\"]\n".into(), 3, "redact.pointers", "`headers` is not valid: expected a JSON pointer"),
        ("redact-pointer-whole", "[redact]\npointers = [\"\"]\n".into(), 3, "redact.pointers", "expected a JSON pointer"),
        ("redact-key-too-long", format!("[redact]\nkeys = [\"{}\"]\n", "k".repeat(65)), 3, "redact.keys", "at most 64 bytes"),
        ("redact-control-by-escape", "[redact]\nkeys = [\"a\\u0000\"]\n".into(), 3, "redact.keys", "is not valid"),
    ];
    for (name, text, line, key, part) in &table {
        let error = error(name, &format!("version = 1\n{text}"));
        let shown = error.to_string();
        assert_eq!(
            (error.path.as_str(), error.line),
            ("policy.toml", Some(*line)),
            "{name}: {shown}"
        );
        assert_eq!(error.key, *key, "{name}: {shown}");
        assert!(shown.contains(part), "{name}: {shown}");
        assert!(
            shown.starts_with(&format!("policy.toml:{line}: {key} ")),
            "{name}: {shown}"
        );
        assert!(
            !error.problem.is_empty() && !error.remedy.is_empty() && !shown.ends_with('.'),
            "{name}: {shown}"
        );
    }
    for window in [
        "",
        "s",
        "0s",
        "-1h",
        "+1h",
        "1",
        "1 h",
        "1h ",
        "1.5h",
        "01h",
        "1w",
        "1H",
        "1hh",
        "32d",
        "745h",
        "2678401s",
        "99999999999999999999d",
        "١h",
        "h1",
    ] {
        let error = error(
            window,
            &format!("version = 1\n{rule}limit = 1\nwindow = \"{window}\"\n"),
        );
        assert_eq!(
            (error.line, error.key.as_str()),
            (Some(7), "throttle[0].window"),
            "{window}"
        );
        assert!(error.problem.contains("1 second to 31 days"), "{window}");
    }
}

#[test]
fn the_version_must_be_one() {
    for (name, text, line, part) in [
        (
            "missing",
            "[numbers]\n",
            1,
            "is missing; write `version = 1`",
        ),
        ("empty", "", 1, "is missing"),
        (
            "two",
            "# policy\nversion = 2\n",
            2,
            "`2` is out of range: expected an integer from 1 to 1",
        ),
        ("string", "version = \"1\"\n", 1, "is a string"),
    ] {
        let error = error(name, text);
        assert_eq!(
            (error.line, error.key.as_str()),
            (Some(line), "version"),
            "{name}"
        );
        assert!(error.to_string().contains(part), "{name}: {error}");
    }
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    for (name, text, line) in [
        ("no-value", "version = 1\n[numbers]\nvalid_for_s =\n", 3),
        ("open-string", "version = 1\n[[grant]]\nid = \"g\n", 3),
        ("key-twice", "version = 1\nversion = 1\n", 2),
        (
            "table-twice",
            "version = 1\n[numbers]\n[redact]\n[numbers]\n",
            4,
        ),
        ("words", "version = 1\n\n\nallow everything\n", 4),
    ] {
        let found = errors(text);
        assert_eq!(found.errors[0].line, Some(line), "{name}: {found}");
        assert!(
            found
                .errors
                .iter()
                .all(|error| error.problem.starts_with("is not TOML: ")),
            "{name}: {found}"
        );
    }
    let deep = format!(
        "version = 1\nx = {}{}\n",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(errors(&deep).total >= 1);
    let deep = format!(
        "version = 1\nx = {}1{}\n",
        "{a=".repeat(60_000),
        "}".repeat(60_000)
    );
    assert!(errors(&deep).total >= 1);
    let dotted = format!("version = 1\n{}x = 1\n", "a.".repeat(100_000));
    assert!(errors(&dotted).total >= 1);
}

#[test]
fn personal_data_is_refused_wherever_it_stands() {
    for (name, text, line, what) in [
        (
            "address-in-comment",
            "# ask kim@northwind.example\nversion = 1\n",
            1,
            "e-mail",
        ),
        (
            "address-after-value",
            "version = 1 # kim@northwind.example\n",
            1,
            "e-mail",
        ),
        (
            "address-as-mailbox",
            "version = 1\n[[grant]]\nid = \"g\"\nagent = \"a\"\nactions = [\"email.send\"]\nsellers = [\"*\"]\nmailboxes = [\"kim@northwind.example\"]\n",
            7,
            "e-mail",
        ),
        (
            "address-full-width",
            "version = 1\n# kim＠northwind\n",
            2,
            "e-mail",
        ),
        (
            "address-without-dot",
            "version = 1\n# kim@localhost\n",
            2,
            "e-mail",
        ),
        (
            "phone-in-comment",
            "version = 1\n# call +49 151 12345678\n",
            2,
            "phone",
        ),
        ("phone-plain", "version = 1\n# +4915112345678\n", 2, "phone"),
        (
            "phone-in-parentheses",
            "version = 1\n# +(49) 151-1234.5678\n",
            2,
            "phone",
        ),
        (
            "phone-as-uri",
            "version = 1\n# tel:4915112345678\n",
            2,
            "phone",
        ),
    ] {
        let error = error(name, text);
        assert_eq!(
            (error.line, error.key.as_str(), &error.value),
            (Some(line), "", &None),
            "{name}"
        );
        let shown = error.to_string();
        assert!(shown.contains(what), "{name}: {shown}");
        assert!(
            !shown.contains("kim") && !shown.contains("151"),
            "{name}: {shown}"
        );
    }
    // Spelled with escapes, which only shows once the text is read: not repeated either.
    for (name, text) in [
        (
            "seller",
            "version = 1\n[[grant]]\nid = \"g\"\nagent = \"a\"\nactions = [\"email.send\"]\nsellers = [\"kim\\u0040northwind\"]\n",
        ),
        (
            "redact-key",
            "version = 1\n[redact]\nkeys = [\"kim\\u0040northwind\"]\n",
        ),
        (
            "redact-pointer",
            "version = 1\n[redact]\npointers = [\"/\\u002b4915112345678\"]\n",
        ),
        ("key", "version = 1\n\"kim\\u0040northwind\" = 1\n"),
        (
            "class",
            "version = 1\n[[action]]\nname = \"a\"\nclass = \"kim\\u0040northwind\"\n",
        ),
    ] {
        let error = error(name, text);
        assert!(
            !error.to_string().contains("kim") && !error.to_string().contains("4915"),
            "{name}: {error}"
        );
    }
    for fine in [
        "# 25 @ day",
        "# see @sales",
        "# c++ 2026-11-22",
        "# 1 + 12345678901",
        "# 0049 151 12345678",
        "# 20261122123456",
        "x = \"@\"\n",
    ] {
        let found = Policy::parse(&[("policy.toml", format!("version = 1\n{fine}\n"))]);
        assert!(found.is_ok() || !fine.starts_with('#'), "{fine}: {found:?}");
        if let Err(found) = found {
            assert!(
                found.errors[0].problem.contains("not enforced"),
                "{fine}: {found}"
            );
        }
    }
}

#[test]
fn text_that_is_not_plain_is_refused() {
    for (name, text, line) in [
        ("carriage-return", "version = 1\r\n", 1),
        ("nul", "version = 1\n# \0\n", 2),
        ("escape", "version = 1\n# \u{1b}[2J\n", 2),
        ("c1-control", "version = 1\n# \u{9b}2J\n", 2),
        ("delete", "version = 1\n# \u{7f}\n", 2),
    ] {
        let error = error(name, text);
        assert_eq!(error.line, Some(line), "{name}");
        assert!(
            error.problem.contains("control character"),
            "{name}: {error}"
        );
        assert!(
            !error.to_string().contains(char::is_control),
            "{name}: {error}"
        );
    }
    let found = Policy::parse(&[("policy.toml", b"version = 1\n# \xff\n")]).unwrap_err();
    assert_eq!(
        found.to_string(),
        "policy.toml:2: is not UTF-8 text; save the file as UTF-8"
    );
    assert!(Policy::parse(&[("policy.toml", "\tversion\t= 1\n\n# \u{fc}n\u{ef}code\n")]).is_ok());
}

/// With the feature they are read: tests/conditions holds that.
#[cfg(not(feature = "cedar"))]
#[test]
fn conditions_are_refused_by_a_build_that_cannot_evaluate_them() {
    let conditions = ("extra.cedar", "permit(principal, action, resource);");
    let files = [("policy.toml", "version = 1\n"), conditions];
    let found = Policy::parse(&files).unwrap_err().to_string();
    let expected = "extra.cedar: holds conditions, which this build does not evaluate";
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn other_files_are_refused() {
    let good = ("policy.toml", "version = 1\n");
    for (name, files, part) in [
        ("none", vec![], "policy.toml: is missing"),
        (
            "readme",
            vec![good, ("README.md", "")],
            "README.md: is not enforced",
        ),
        (
            "other-case",
            vec![("Policy.toml", "version = 1\n")],
            "Policy.toml: is not enforced",
        ),
        (
            "below",
            vec![good, ("a/policy.toml", "version = 1\n")],
            "a/policy.toml: is not enforced",
        ),
        ("twice", vec![good, good], "policy.toml: was given twice"),
        (
            "personal-path",
            vec![good, ("kim@northwind.example.md", "")],
            "a file of the policy: is not enforced",
        ),
        (
            "path-with-newline",
            vec![good, ("a\nb", "")],
            "a\\nb: is not enforced",
        ),
    ] {
        let found = Policy::parse(&files).expect_err(name).to_string();
        assert!(found.contains(part), "{name}: {found}");
    }
    let comment = |bytes: usize| format!("version = 1\n{}\n", "#".repeat(bytes - 13));
    assert!(Policy::parse(&[("policy.toml", comment(256 * 1024))]).is_ok());
    let found = Policy::parse(&[("policy.toml", comment(256 * 1024 + 1))]).unwrap_err();
    assert!(
        found
            .to_string()
            .contains("has 262145 bytes: expected at most 262144"),
        "{found}"
    );
}

#[test]
fn tables_are_bounded() {
    let rows = |n: usize, row: fn(usize) -> String| {
        format!(
            "version = 1\n{}",
            (0..n).map(row).collect::<Vec<_>>().concat()
        )
    };
    let action: fn(usize) -> String =
        |i| format!("[[action]]\nname = \"a{i}\"\nclass = \"read\"\n");
    let grant: fn(usize) -> String = |i| {
        format!(
            "[[grant]]\nid = \"g{i}\"\nagent = \"a\"\nactions = [\"email.send\"]\nsellers = [\"*\"]\n"
        )
    };
    let rule: fn(usize) -> String = |i| {
        format!(
            "[[throttle]]\nid = \"t{i}\"\nclasses = [\"read\"]\nper = \"agent\"\nlimit = 1\nwindow = \"1h\"\n"
        )
    };
    for (key, max, row, lines) in [
        ("action", 256, action, 3),
        ("grant", 256, grant, 5),
        ("throttle", 32, rule, 6),
    ] {
        assert!(
            Policy::parse(&[("policy.toml", rows(max, row))]).is_ok(),
            "{key}"
        );
        let error = error(key, &rows(max + 1, row));
        assert_eq!(
            (error.key.as_str(), error.line),
            (key, Some(2 + max * lines))
        );
        assert!(
            error
                .problem
                .contains(&format!("has {} rows: expected at most {max}", max + 1)),
            "{error}"
        );
    }
    let list = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("\"m{i}\"")).collect();
        format!(
            "version = 1\n[[grant]]\nid = \"g\"\nagent = \"a\"\nactions = [\"email.send\"]\nsellers = [\"*\"]\nmailboxes = [{}]\n",
            names.join(", ")
        )
    };
    assert!(Policy::parse(&[("policy.toml", list(64))]).is_ok());
    assert!(
        error("mailboxes", &list(65))
            .problem
            .contains("at most 64 names")
    );
    assert!(
        error("mailboxes", &list(257))
            .problem
            .contains("has 257 entries: expected at most 256")
    );
    // The same name in several rows is one mailbox.
    let shared = rows(100, |i| {
        format!(
            "[[grant]]\nid = \"g{i}\"\nagent = \"a\"\nactions = [\"email.send\"]\nsellers = [\"*\"]\nmailboxes = [\"m\"]\n"
        )
    });
    assert!(Policy::parse(&[("policy.toml", shared)]).is_ok());
}

#[test]
fn every_error_is_reported_in_the_order_of_the_file_up_to_a_bound() {
    let found = errors(
        "version = 2\n[redact]\nkeys = []\n[[throttle]]\nid = \"t\"\nper = \"x\"\n[[action]]\nname = \"email.send\"\nclass = \"read\"\n[numbers]\nvalid_for_s = 0\nnothing = 1\n",
    );
    let lines: Vec<String> = found.to_string().lines().map(str::to_owned).collect();
    assert_eq!(found.total, 9, "{found}");
    assert_eq!(lines.len(), 9);
    assert!(found.errors.is_sorted_by_key(|error| error.line), "{found}");
    assert_eq!(
        lines[0],
        "policy.toml:1: version `2` is out of range: expected an integer from 1 to 1; change it"
    );

    let many = (0..50)
        .map(|i| format!("x{i} = 1\n"))
        .collect::<Vec<_>>()
        .concat();
    let found = errors(&format!("version = 1\n{many}"));
    assert_eq!((found.errors.len(), found.total), (ERRORS_MAX, 50));
    assert!(found.to_string().ends_with("\nand 30 more"), "{found}");
}

proptest! {
    #[test]
    fn no_text_panics_and_no_error_is_empty(text in "\\PC{0,80}|(version = 1\n)?([\\[\\]a-z=\"0-9{},.\n# -]{0,30}\n){0,6}") {
        if let Err(found) = Policy::parse(&[("policy.toml", text)]) {
            prop_assert!(found.total > 0 && !found.errors.is_empty());
        }
    }

    /// One word of the sample changed to another: read or refused, and if refused, with a line.
    #[test]
    fn a_changed_sample_is_read_or_refused_with_a_line(at in 0..400_usize, with in "[a-z*]{0,8}|-1|0|\"|\\[|\\]|\n|=|#") {
        let sample = include_str!("../../../policies/sales/policy.toml");
        let words: Vec<(usize, &str)> = sample.match_indices(|c: char| c.is_ascii_alphanumeric()).collect();
        let (start, _) = words[at * words.len() / 400];
        let end = sample[start..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(sample.len(), |n| start + n);
        let text = format!("{}{with}{}", &sample[..start], &sample[end..]);
        if let Err(found) = Policy::parse(&[("policy.toml", &text)]) {
            let lines = text.lines().count().max(1) + 1;
            for error in found.errors {
                prop_assert!(error.line.is_some_and(|line| (1..=lines).contains(&line)), "{}", error);
            }
        }
    }
}
