//! Redaction: secrets go, every other byte stays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::borrow::Cow;

use ledger_core::redact::{
    ABOUT, HARMLESS_ENDINGS, MARK, Pointer, Redaction, SECRET_ENDINGS, SECRET_NAMES, SECRET_WORDS,
    fold,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn with(names: &[&str], pointers: &[&str]) -> Redaction {
    let pointers = pointers
        .iter()
        .map(|pointer| pointer.parse().unwrap())
        .collect();
    Redaction::new(names.iter().copied(), pointers)
}

fn redacted(rules: &Redaction, text: &str) -> (String, usize) {
    let (bytes, replaced) = rules.apply(text.as_bytes());
    (String::from_utf8(bytes.into_owned()).unwrap(), replaced)
}

#[test]
fn secrets_go_and_everything_else_stays_as_it_was() {
    for (name, before, after, replaced) in [
        (
            "top-level",
            r#"{"password":"x"}"#,
            r#"{"password":"[redacted]"}"#,
            1,
        ),
        (
            "order-spacing-and-numbers",
            "{ \"z\" : 1.00 ,\n\t\"token\":\"x\", \"a\":12345678901234567890123, \"e\":1E+400, \"m\":-0 }\r\n",
            "{ \"z\" : 1.00 ,\n\t\"token\":\"[redacted]\", \"a\":12345678901234567890123, \"e\":1E+400, \"m\":-0 }\r\n",
            1,
        ),
        (
            "deep",
            r#"[{"a":[[{"b":{"api_key":"x"}}]]}]"#,
            r#"[{"a":[[{"b":{"api_key":"[redacted]"}}]]}]"#,
            1,
        ),
        (
            "object",
            r#"{"secret":{"token":"x","b":[1]},"c":2}"#,
            r#"{"secret":"[redacted]","c":2}"#,
            1,
        ),
        (
            "array",
            r#"{"cookies":["a",{"b":1}],"c":2}"#,
            r#"{"cookies":"[redacted]","c":2}"#,
            1,
        ),
        (
            "empty-containers",
            r#"{"token":{},"auth":[],"c":{}}"#,
            r#"{"token":"[redacted]","auth":"[redacted]","c":{}}"#,
            2,
        ),
        ("number", r#"{"otp":123456}"#, r#"{"otp":"[redacted]"}"#, 1),
        (
            "null",
            r#"{"pwd":null,"a":true}"#,
            r#"{"pwd":"[redacted]","a":true}"#,
            1,
        ),
        (
            "duplicate",
            r#"{"token":"x","token":"y","Token":1}"#,
            r#"{"token":"[redacted]","token":"[redacted]","Token":"[redacted]"}"#,
            3,
        ),
        (
            "duplicate-outer",
            r#"{"a":{"token":"x"},"a":{"token":"y"}}"#,
            r#"{"a":{"token":"[redacted]"},"a":{"token":"[redacted]"}}"#,
            2,
        ),
        (
            "escaped-name",
            r#"{"pass\u0077ord":"x","\u0074oken":1}"#,
            r#"{"pass\u0077ord":"[redacted]","\u0074oken":"[redacted]"}"#,
            2,
        ),
        (
            "escaped-quote-in-value",
            r#"{"password":"a\"b\\","c":"\\"}"#,
            r#"{"password":"[redacted]","c":"\\"}"#,
            1,
        ),
        (
            "several-values",
            "{\"token\":1}\n{\"token\":2} [3]\n",
            "{\"token\":\"[redacted]\"}\n{\"token\":\"[redacted]\"} [3]\n",
            2,
        ),
        (
            "byte-order-mark",
            "\u{feff}{\"token\":1}",
            "\u{feff}{\"token\":\"[redacted]\"}",
            1,
        ),
        (
            "python-floats",
            r#"{"a":NaN,"b":-Infinity,"token":Infinity}"#,
            r#"{"a":NaN,"b":-Infinity,"token":"[redacted]"}"#,
            1,
        ),
        (
            "json-in-a-string",
            r#"{"arguments":"{\"password\": \"x\", \"n\": 1.0}"}"#,
            r#"{"arguments":"{\"password\": \"[redacted]\", \"n\": 1.0}"}"#,
            1,
        ),
        (
            "json-in-a-string-in-a-string",
            r#"["[\"{\\\"token\\\":1}\"]"]"#,
            r#"["[\"{\\\"token\\\":\\\"[redacted]\\\"}\"]"]"#,
            1,
        ),
        (
            "headers-as-pairs",
            r#"{"headers":[{"name":"Authorization","value":"Bearer T11"},{"name":"Accept","value":"*/*"}]}"#,
            r#"{"headers":[{"name":"Authorization","value":"[redacted]"},{"name":"Accept","value":"*/*"}]}"#,
            1,
        ),
        (
            "pairs-the-other-way-round",
            r#"[{"Value" : ["a", {"token":1}] , "x":{"pwd":2}, "KEY":"x-api-key"},{"values":[1],"header":"Cookie"}]"#,
            r#"[{"Value" : "[redacted]" , "x":{"pwd":"[redacted]"}, "KEY":"x-api-key"},{"values":"[redacted]","header":"Cookie"}]"#,
            3,
        ),
        (
            "pairs-in-pairs",
            r#"{"key":"a","value":{"key":"to\u006ben","value":1,"value":2}}"#,
            r#"{"key":"a","value":{"key":"to\u006ben","value":"[redacted]","value":"[redacted]"}}"#,
            2,
        ),
        (
            "pairs-of-something-else",
            r#"{"name":["token"],"value":1,"key":{"name":"token"},"header":2}"#,
            r#"{"name":["token"],"value":1,"key":{"name":"token"},"header":2}"#,
            0,
        ),
        (
            "a-count-of-tokens-is-a-number",
            r#"{"tokens":512,"used_tokens":-1,"tokens":"x","tokens":[1],"name":"tokens","value":7}"#,
            r#"{"tokens":512,"used_tokens":-1,"tokens":"[redacted]","tokens":"[redacted]","name":"tokens","value":7}"#,
            2,
        ),
        (
            "credentials-by-themselves",
            r#"["Bearer T11","bearer  eyJh.eyJ-_~+/x==","Authorization: Bearer t","basic dXNlcjpwYXNz","Basic dTo="]"#,
            r#"["[redacted]","[redacted]","[redacted]","[redacted]","[redacted]"]"#,
            5,
        ),
        (
            "a-credential-and-more",
            r#"{"curl":" Bearer abcdefghijklmnop, x","a":"Bearer of news","b":"Bearer ","c":"Basic plan","d":"Basic Plan: x","e":"a Bearer x"}"#,
            r#"{"curl":"[redacted]","a":"Bearer of news","b":"Bearer ","c":"Basic plan","d":"Basic Plan: x","e":"a Bearer x"}"#,
            1,
        ),
    ] {
        assert_eq!(
            redacted(&Redaction::default(), before),
            (after.to_owned(), replaced),
            "{name}"
        );
    }
}

#[test]
fn names_are_recognised_in_every_spelling() {
    let rules = with(&["Portal PIN"], &[]);
    for name in [
        "password",
        "PASSWORD",
        "Passwd",
        "db_password",
        "user-password",
        "api_key",
        "apiKey",
        "API-Key",
        "x-api-key",
        "X_API_KEY",
        "hubspot.api.key",
        "access_token",
        "accessToken",
        "refresh_token",
        "client_secret",
        "clientSecret",
        "private_key",
        "aws_secret_access_key",
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "Set-Cookie",
        "set_cookie",
        "secret",
        "token",
        "csrf-token",
        "JWT",
        "hubspot_token",
        "slackBotToken",
        "x-amz-security-token",
        "access_token_v2",
        "AccessTokenV2",
        "token2",
        "hubspottoken",
        "webhook_secret",
        "secret_value",
        "authorization_header",
        "passwords",
        "tokens",
        "api_keys",
        "APIKeys",
        "pass",
        "smtpPass",
        "DB_PASS_2",
        "private_key_pem",
        "connection_string",
        "azureConnectionString",
        "google-application-credentials",
        "passphrase",
        "session_id_v2",
        "password_reset_url",
        "portal_pin",
        "portalPin",
        "PORTAL-PIN",
    ] {
        assert!(rules.is_secret(name), "{name}");
        let before = json!({ name: "x" }).to_string();
        assert_eq!(
            redacted(&rules, &before),
            (json!({ name: MARK }).to_string(), 1)
        );
    }
    for name in [
        "",
        "total_tokens",
        "max_tokens",
        "maxOutputTokens",
        "tokensMax",
        "prompt_tokens_details",
        "token_count",
        "token_type",
        "tokenExpiresAt",
        "expires_in",
        "page_token",
        "nextPageToken",
        "NextToken",
        "tokenizer",
        "compass",
        "passport",
        "pass_rate",
        "secretary",
        "v2",
        "password_hint",
        "key",
        "pin",
        "author",
        "cookie_consent",
    ] {
        assert!(!rules.is_secret(name), "{name}");
    }
    assert!(!Redaction::default().is_secret("portal_pin"));
    // The place of an element is no name.
    let numbered = redacted(&with(&["0"], &[]), r#"{"0":[1,2]}"#);
    assert_eq!(numbered, (r#"{"0":"[redacted]"}"#.to_owned(), 1));
    assert_eq!(redacted(&with(&["0"], &[]), "[[1],2]").1, 0);
    let lists: [&[&str]; 5] = [
        &SECRET_NAMES,
        &SECRET_ENDINGS,
        &SECRET_WORDS,
        &HARMLESS_ENDINGS,
        &ABOUT,
    ];
    for list in lists {
        assert!(list.is_sorted());
        for known in list {
            assert_eq!(fold(known), *known, "the list is folded");
        }
    }
    // A policy's own names know no exceptions.
    let own = with(&["max_tokens"], &[]);
    assert_eq!(redacted(&own, r#"{"maxTokens":1}"#).1, 1);
}

#[test]
fn pointers_name_places() {
    let text = r#"{"a":{"b":[10,{"c/d":1,"e~f":2}],"":3},"b":4,"é":5}"#;
    for (pointer, after, replaced) in [
        (
            "/b",
            r#"{"a":{"b":[10,{"c/d":1,"e~f":2}],"":3},"b":"[redacted]","é":5}"#,
            1,
        ),
        ("/a/b", r#"{"a":{"b":"[redacted]","":3},"b":4,"é":5}"#, 1),
        (
            "/a/b/0",
            r#"{"a":{"b":["[redacted]",{"c/d":1,"e~f":2}],"":3},"b":4,"é":5}"#,
            1,
        ),
        (
            "/a/b/1/c~1d",
            r#"{"a":{"b":[10,{"c/d":"[redacted]","e~f":2}],"":3},"b":4,"é":5}"#,
            1,
        ),
        (
            "/a/b/1/e~0f",
            r#"{"a":{"b":[10,{"c/d":1,"e~f":"[redacted]"}],"":3},"b":4,"é":5}"#,
            1,
        ),
        (
            "/a/",
            r#"{"a":{"b":[10,{"c/d":1,"e~f":2}],"":"[redacted]"},"b":4,"é":5}"#,
            1,
        ),
        (
            "/é",
            r#"{"a":{"b":[10,{"c/d":1,"e~f":2}],"":3},"b":4,"é":"[redacted]"}"#,
            1,
        ),
        ("/a/b/2", text, 0),
        ("/a/b/00", text, 0),
        ("/a/b/-", text, 0),
        ("/A", text, 0),
        ("/a/b/1/c", text, 0),
    ] {
        assert_eq!(
            redacted(&with(&[], &[pointer]), text),
            (after.to_owned(), replaced),
            "{pointer}"
        );
        assert_eq!(pointer.parse::<Pointer>().unwrap().to_string(), pointer);
    }
    // One within the other is one replacement; a repeated name is replaced each time.
    assert_eq!(redacted(&with(&[], &["/a/b/0", "/a", "/b"]), text).1, 2);
    assert_eq!(
        redacted(&with(&[], &["/a"]), r#"{"a":1,"\u0061":2}"#),
        (r#"{"a":"[redacted]","\u0061":"[redacted]"}"#.to_owned(), 2)
    );
    for refused in ["", "a", "a/b", "/a~", "/~2", "/a~/b", "#/a"] {
        assert!(refused.parse::<Pointer>().is_err(), "{refused}");
    }
}

#[test]
fn what_is_not_json_stays() {
    let rules = with(&["a"], &["/a"]);
    for (name, text) in [
        ("text", "password: x"),
        ("single-quotes", "{'password': 'x'}"),
        ("truncated", r#"{"password":"x""#),
        ("truncated-string", r#"{"password":"x"#),
        ("truncated-escape", r#"{"password":"x\"#),
        ("trailing-comma", r#"{"password":"x",}"#),
        ("missing-colon", r#"{"password" "x"}"#),
        ("missing-comma", r#"{"password":"x" "a":1}"#),
        ("bare-name", r#"{password:"x"}"#),
        ("wrong-bracket", r#"{"password":"x"]"#),
        ("surplus-bracket", r#"{"password":"x"}}"#),
        ("leading-zero", r#"{"password":01}"#),
        ("half-number", r#"{"password":1.}"#),
        ("half-exponent", r#"{"password":1e}"#),
        ("comment", r#"{"password":"x"} // "#),
        ("word", r#"{"password":None}"#),
    ] {
        let (bytes, replaced) = rules.apply(text.as_bytes());
        assert!(
            matches!(bytes, Cow::Borrowed(same) if same == text.as_bytes()) && replaced == 0,
            "{name}"
        );
    }
    for bytes in [
        b"".as_slice(),
        b" \n",
        b"\xff\xfe",
        b"{\"password\":\"x\"}\xff",
    ] {
        assert_eq!(rules.apply(bytes), (Cow::Borrowed(bytes), 0));
    }
}

#[test]
fn bytes_without_secrets_are_borrowed() {
    let text = "{\"a\" : [1.50, \"\\u00e9\", {\"arguments\": \"{\\\"x\\\": [1]}\"}]}\n";
    let (bytes, replaced) = Redaction::default().apply(text.as_bytes());
    assert!(
        matches!(bytes, Cow::Borrowed(same) if same.as_ptr() == text.as_ptr()) && replaced == 0
    );
}

#[test]
fn strings_that_are_not_unicode_do_not_hide_a_secret() {
    let before = b"{\"a\xff\":\"\xff\",\"\\ud800\":\"\\ud800\",\"token\":\"\xff\"}";
    let after = b"{\"a\xff\":\"\xff\",\"\\ud800\":\"\\ud800\",\"token\":\"[redacted]\"}";
    assert_eq!(
        Redaction::default().apply(before),
        (Cow::Owned(after.to_vec()), 1)
    );
}

#[test]
fn depth_neither_exhausts_the_stack_nor_hides_a_secret() {
    let depth = 60_000;
    let text = format!(
        "{}{{\"token\":\"x\"}}{}",
        "[".repeat(depth),
        "]".repeat(depth)
    );
    let (after, replaced) = redacted(&Redaction::default(), &text);
    assert_eq!(replaced, 1);
    assert!(!after.contains('x') && after.len() == text.len() + MARK.len() - 1);
    let objects = format!(
        "{}{{\"token\":\"x\"}}{}",
        "{\"a\":".repeat(depth),
        "}".repeat(depth)
    );
    assert_eq!(redacted(&Redaction::default(), &objects).1, 1);

    // JSON in strings in strings: looked into four deep, below that replaced whole.
    for strings in 0..8 {
        let mut text = json!({"token": "deepsecret"}).to_string();
        for _ in 0..strings {
            text = json!({"arguments": text}).to_string();
        }
        let (after, replaced) = redacted(&Redaction::default(), &text);
        assert_eq!(replaced, 1, "{strings}");
        assert!(!after.contains("deepsecret"), "{strings}: {after}");
        assert_eq!(after.contains("token"), strings <= 4, "{strings}: {after}");
        assert!(serde_json::from_str::<Value>(&after).is_ok());
    }
}

/// The same by way of a parsed tree: what the bytes must say after redaction.
fn model(value: &Value, place: &str, rules: &Redaction, pointers: &[&str]) -> (Value, usize) {
    let child = |part: &str, secret: bool, value: &Value| {
        let place = format!("{place}/{}", part.replace('~', "~0").replace('/', "~1"));
        if secret || pointers.contains(&place.as_str()) {
            return (Value::from(MARK), 1);
        }
        model(value, &place, rules, pointers)
    };
    match value {
        Value::Array(items) => {
            let done: Vec<_> = items
                .iter()
                .enumerate()
                .map(|(i, item)| child(&i.to_string(), false, item))
                .collect();
            let replaced = done.iter().map(|(_, n)| n).sum();
            (done.into_iter().map(|(value, _)| value).collect(), replaced)
        }
        Value::Object(members) => {
            let mut replaced = 0;
            let mut done = Map::new();
            let secret = |name: &str, value: &Value| {
                let count = value.is_number() && name == "total_tokens";
                !count && rules.is_secret(name)
            };
            let said = |(name, value): (&String, &Value)| match value {
                Value::String(text) if ["name", "key"].contains(&name.as_str()) => {
                    Some(text.clone())
                }
                _ => None,
            };
            let names: Vec<String> = members.iter().filter_map(said).collect();
            for (name, value) in members {
                let is_value = name == "value" && names.iter().any(|name| secret(name, value));
                let (value, n) = child(name, is_value || secret(name, value), value);
                done.insert(name.clone(), value);
                replaced += n;
            }
            (Value::Object(done), replaced)
        }
        Value::String(text) if text.starts_with("Bearer ") => (Value::from(MARK), 1),
        Value::String(text) if text.starts_with('{') => {
            let (inside, replaced) = model(
                &serde_json::from_str(text).unwrap(),
                "/not/addressed",
                rules,
                &[],
            );
            (
                if replaced == 0 {
                    value.clone()
                } else {
                    Value::from(inside.to_string())
                },
                replaced,
            )
        }
        other => (other.clone(), 0),
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let name = "token|x-api-key|a|b|c/d|e~f|total_tokens|key|name|value|\\PC{0,3}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[^\\[{\u{feff}]{0,6}".prop_map(Value::from),
        "Authorization|my-token|a|Bearer [a-z0-9]{1,9}".prop_map(Value::from),
        (name, 0..9_i64).prop_map(|(name, n)| Value::from(json!({ name: n }).to_string())),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(name, inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn it_agrees_with_a_walk_over_the_parsed_tree(value in any_json(), pretty: bool) {
        let pointers = ["/a", "/0", "/b/1", "/a/b/0", "/c~1d", "/e~0f/a", "/1/a"];
        let rules = with(&["b"], &pointers);
        let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let (expected, count) = model(&value, "", &rules, &pointers);
        let (after, replaced) = redacted(&rules, &text);
        prop_assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), expected);
        prop_assert_eq!(replaced, count);
        if replaced == 0 {
            prop_assert_eq!(after, text);
        } else {
            // Once more finds the marks in the same places and leaves the bytes alone.
            prop_assert_eq!(redacted(&rules, &after).0, after);
        }
    }

    #[test]
    fn any_bytes_are_survived(text in "[\\[\\]{}\",:\\\\ a0token\u{e9}.e-]{0,60}") {
        let rules = with(&[], &["/a/0"]);
        let (after, replaced) = rules.apply(text.as_bytes());
        prop_assert!(replaced > 0 || *after == *text.as_bytes());
        // Whatever serde_json reads as JSON, the walk does too.
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            prop_assert!(serde_json::from_slice::<Value>(&after).is_ok(), "{}", value);
        }
    }
}
