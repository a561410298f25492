//! Mutants of one entry, named by what was done to it. Each must be refused, and for the right reason:
//! `Unknown` where a later version may have written it, `Malformed` where none can have.

mod edges;

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::entry::{DecodeError, Entry};
use ledger_core::limits::{ENTRY_BYTES_MAX, INTEGER_MAX};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::any::entry;

const TOKEN: &str = "5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b";

fn decision() -> String {
    let line = r##"{"v":1,"seq":41,"time":"2026-11-22T11:31:05.123456Z","kind":"decision","basis":"gate","request_id":"r-1","call":"Decide","correlation_id":"run","content":"#T","actor":{"type":"agent","id":"a"},"environment":"prod","action":"email.send","class":"contact","channels":["email","sms"],"recipients":[{"role":"to","keys":[{"kind":"email","token":"#T"}]}],"tokens_v":1,"cost_micros":5,"policy":{"seq":3,"sha256":"#T"},"outcome":"deny","reasons":[{"check":"dnc","code":"dnc.listed","recipient":0,"key":"email","cites":[{"seq":17,"index":0}]}],"details":{"params":{"commitment":"#T","bytes":812},"rationale":{"commitment":"#T","bytes":4}}}"##;
    line.replace("#T", TOKEN)
}

#[derive(Debug, PartialEq)]
enum Fault {
    Unknown,
    Malformed,
}

fn fault(line: &[u8]) -> Result<Fault, String> {
    match Entry::decode(line) {
        Ok(entry) => Err(format!("it was accepted: {entry:?}")),
        Err(DecodeError::Unknown { .. }) => Ok(Fault::Unknown),
        Err(DecodeError::Malformed { .. }) => Ok(Fault::Malformed),
    }
}

#[test]
fn the_unmutated_entry_is_accepted() {
    let line = decision();
    let entry = Entry::decode(line.as_bytes()).unwrap();
    assert_eq!(entry.encode().unwrap(), line.as_bytes());
}

#[test]
fn mutants_are_refused() {
    use Fault::{Malformed, Unknown};
    let upper = TOKEN.to_uppercase();
    let deep = format!("\"outcome\":\"deny\",\"x\":{}", "[".repeat(200));
    // Name, what is replaced (every place where it stands), by what, and how it is refused. `#T` stands
    // for the token, `#U` for the same in capitals.
    let table: Vec<(&str, &str, &str, Fault)> = vec![
        ("v-2", r#"{"v":1,"#, r#"{"v":2,"#, Unknown),
        ("v-10", r#"{"v":1,"#, r#"{"v":10,"#, Unknown),
        ("v-float", r#"{"v":1,"#, r#"{"v":1.0,"#, Malformed),
        ("v-leading-zero", r#"{"v":1,"#, r#"{"v":01,"#, Malformed),
        ("v-text", r#"{"v":1,"#, r#"{"v":"1","#, Malformed),
        ("v-missing", r#"{"v":1,"#, "{", Malformed),
        ("v-space", r#"{"v":1,"#, r#"{"v": 1,"#, Malformed),
        ("space-before", r#"{"v":1,"#, r#" {"v":1,"#, Malformed),
        ("bom-before", r#"{"v":1,"#, "\u{feff}{\"v\":1,", Malformed),
        ("space-inside", r#""seq":3"#, r#""seq": 3"#, Malformed),
        (
            "newline-inside",
            r#","outcome""#,
            ",\n\"outcome\"",
            Malformed,
        ),
        (
            "trailing-space",
            r#""bytes":4}}}"#,
            r#""bytes":4}}} "#,
            Malformed,
        ),
        (
            "trailing-lf",
            r#""bytes":4}}}"#,
            "\"bytes\":4}}}\n",
            Malformed,
        ),
        (
            "trailing-brace",
            r#""bytes":4}}}"#,
            r#""bytes":4}}}}"#,
            Malformed,
        ),
        (
            "trailing-nul",
            r#""bytes":4}}}"#,
            "\"bytes\":4}}}\0",
            Malformed,
        ),
        (
            "second-object",
            r#""bytes":4}}}"#,
            r#""bytes":4}}}{}"#,
            Malformed,
        ),
        ("truncated", r#""bytes":4}}}"#, r#""bytes":4}}"#, Malformed),
        (
            "head-keys-swapped",
            r#""seq":41,"time":"2026-11-22T11:31:05.123456Z","#,
            r#""time":"2026-11-22T11:31:05.123456Z","seq":41,"#,
            Malformed,
        ),
        (
            "head-key-repeated",
            r#""seq":41,"#,
            r#""seq":41,"seq":41,"#,
            Malformed,
        ),
        (
            "head-key-again-in-body",
            r#""basis":"gate","#,
            r#""basis":"gate","seq":41,"#,
            Malformed,
        ),
        ("seq-float", r#""seq":41"#, r#""seq":41.0"#, Malformed),
        ("seq-exponent", r#""seq":41"#, r#""seq":41e0"#, Malformed),
        ("seq-negative", r#""seq":41"#, r#""seq":-41"#, Malformed),
        ("seq-plus", r#""seq":41"#, r#""seq":+41"#, Malformed),
        ("seq-leading-zero", r#""seq":41"#, r#""seq":041"#, Malformed),
        (
            "seq-2-to-the-53",
            r#""seq":41"#,
            r#""seq":9007199254740992"#,
            Malformed,
        ),
        (
            "seq-2-to-the-64",
            r#""seq":41"#,
            r#""seq":18446744073709551616"#,
            Malformed,
        ),
        ("seq-text", r#""seq":41"#, r#""seq":"41""#, Malformed),
        ("time-3-digits", ".123456Z", ".123Z", Malformed),
        ("time-9-digits", ".123456Z", ".123456000Z", Malformed),
        ("time-offset", ".123456Z", ".123456+00:00", Malformed),
        (
            "time-lower-case",
            "T11:31:05.123456Z",
            "t11:31:05.123456z",
            Malformed,
        ),
        ("time-space", "2026-11-22T", "2026-11-22 ", Malformed),
        ("time-no-such-day", "2026-11-22T", "2026-11-31T", Malformed),
        ("time-leap-second", "11:31:05", "11:31:60", Malformed),
        (
            "kind-unknown",
            r#""kind":"decision""#,
            r#""kind":"erasure""#,
            Unknown,
        ),
        (
            "kind-other",
            r#""kind":"decision""#,
            r#""kind":"execution""#,
            Malformed,
        ),
        (
            "kind-escaped",
            r#""kind":"decision""#,
            r#""kind":"decisio\u006e""#,
            Malformed,
        ),
        (
            "kind-upper-case",
            r#""kind":"decision""#,
            r#""kind":"Decision""#,
            Malformed,
        ),
        (
            "kind-empty",
            r#""kind":"decision""#,
            r#""kind":"""#,
            Malformed,
        ),
        (
            "key-unknown",
            r#","outcome""#,
            r#","risk":7,"outcome""#,
            Unknown,
        ),
        (
            "key-unknown-at-the-end",
            r#""bytes":4}}}"#,
            r#""bytes":4}},"zzz":1}"#,
            Unknown,
        ),
        (
            "key-unknown-nested",
            r#""role":"to","#,
            r#""role":"to","tz":"CET","#,
            Unknown,
        ),
        (
            "key-unknown-in-cause",
            r#""actor":{"type":"agent","#,
            r#""actor":{"type":"agent","group":"x","#,
            Unknown,
        ),
        (
            "key-unknown-in-list",
            r#"{"seq":17,"index":0}"#,
            r#"{"seq":17,"index":0,"part":1}"#,
            Unknown,
        ),
        (
            "key-unknown-false",
            r#","outcome""#,
            r#","masked":false,"outcome""#,
            Unknown,
        ),
        (
            "key-unknown-empty-list",
            r#","outcome""#,
            r#","sandboxes":[],"outcome""#,
            Unknown,
        ),
        (
            "key-unknown-too-deep",
            r#""outcome":"deny""#,
            &deep,
            Malformed,
        ),
        (
            "key-repeated",
            r#""outcome":"deny""#,
            r#""outcome":"deny","outcome":"deny""#,
            Malformed,
        ),
        (
            "key-repeated-in-cause",
            r#""correlation_id":"run""#,
            r#""correlation_id":"run","correlation_id":"run""#,
            Malformed,
        ),
        (
            "key-repeated-nested",
            r#""kind":"email","#,
            r#""kind":"email","kind":"email","#,
            Malformed,
        ),
        (
            "key-repeated-detail",
            r#""details":{"#,
            r##""details":{"params":{"commitment":"#T","bytes":812},"##,
            Malformed,
        ),
        (
            "keys-swapped",
            r#""tokens_v":1,"cost_micros":5"#,
            r#""cost_micros":5,"tokens_v":1"#,
            Malformed,
        ),
        (
            "keys-swapped-in-cause",
            r#""request_id":"r-1","call":"Decide""#,
            r#""call":"Decide","request_id":"r-1""#,
            Malformed,
        ),
        (
            "keys-swapped-nested",
            r#""type":"agent","id":"a""#,
            r#""id":"a","type":"agent""#,
            Malformed,
        ),
        (
            "details-swapped",
            r#""params""#,
            r#""recipients""#,
            Malformed,
        ),
        (
            "key-escaped",
            r#""outcome""#,
            r#""outc\u006fme""#,
            Malformed,
        ),
        ("key-missing", r#""outcome":"deny","#, "", Malformed),
        (
            "actor-missing",
            r#""actor":{"type":"agent","id":"a"},"#,
            "",
            Malformed,
        ),
        (
            "escaped-ascii",
            r#""id":"a""#,
            r#""id":"\u0061""#,
            Malformed,
        ),
        ("escaped-slash", r#""id":"a""#, r#""id":"a\/b""#, Malformed),
        (
            "escaped-umlaut",
            r#""id":"a""#,
            r#""id":"\u00e4""#,
            Malformed,
        ),
        (
            "escaped-control-upper-case",
            r#""id":"a""#,
            r#""id":"\u001F""#,
            Malformed,
        ),
        (
            "escaped-newline-as-number",
            r#""id":"a""#,
            r#""id":"\u000a""#,
            Malformed,
        ),
        (
            "escaped-half-surrogate",
            r#""id":"a""#,
            r#""id":"\ud83d""#,
            Malformed,
        ),
        (
            "escaped-surrogate-pair",
            r#""id":"a""#,
            r#""id":"\ud83d\ude00""#,
            Malformed,
        ),
        ("raw-control", r#""id":"a""#, "\"id\":\"\u{1}\"", Malformed),
        (
            "float",
            r#""cost_micros":5"#,
            r#""cost_micros":5.0"#,
            Malformed,
        ),
        (
            "exponent",
            r#""cost_micros":5"#,
            r#""cost_micros":5e0"#,
            Malformed,
        ),
        (
            "negative",
            r#""cost_micros":5"#,
            r#""cost_micros":-5"#,
            Malformed,
        ),
        (
            "leading-zero",
            r#""cost_micros":5"#,
            r#""cost_micros":05"#,
            Malformed,
        ),
        (
            "integer-2-to-the-53",
            r#""cost_micros":5"#,
            r#""cost_micros":9007199254740992"#,
            Malformed,
        ),
        (
            "integer-nested-2-to-the-53",
            r#""bytes":4"#,
            r#""bytes":9007199254740992"#,
            Malformed,
        ),
        (
            "integer-over-its-type",
            r#""tokens_v":1"#,
            r#""tokens_v":4294967296"#,
            Malformed,
        ),
        (
            "integer-as-text",
            r#""cost_micros":5"#,
            r#""cost_micros":"5""#,
            Malformed,
        ),
        (
            "integer-as-bool",
            r#""cost_micros":5"#,
            r#""cost_micros":true"#,
            Malformed,
        ),
        (
            "hash-upper-case",
            r##""content":"#T""##,
            r##""content":"#U""##,
            Malformed,
        ),
        (
            "token-upper-case",
            r##""token":"#T""##,
            r##""token":"#U""##,
            Malformed,
        ),
        (
            "hash-short",
            r##""content":"#T""##,
            r#""content":"5b""#,
            Malformed,
        ),
        (
            "hash-long",
            r##""content":"#T""##,
            r##""content":"#T00""##,
            Malformed,
        ),
        (
            "null",
            r#""cost_micros":5"#,
            r#""cost_micros":null"#,
            Malformed,
        ),
        (
            "null-in-cause",
            r#""correlation_id":"run""#,
            r#""action_id":null,"correlation_id":"run""#,
            Malformed,
        ),
        (
            "empty-list",
            r#","outcome""#,
            r#","targets":[],"outcome""#,
            Malformed,
        ),
        (
            "empty-list-in-place",
            r#""recipients":["#,
            r#""targets":[],"recipients":["#,
            Malformed,
        ),
        (
            "empty-list-nested",
            r#""cites":["#,
            r#""cites":[],"cites":["#,
            Malformed,
        ),
        (
            "empty-map",
            r#""details":{"#,
            r#""details":{},"details":{"#,
            Malformed,
        ),
        (
            "empty-map-instead",
            r#""outcome":"deny","reasons""#,
            r#""outcome":"deny","mailboxes":{},"reasons""#,
            Malformed,
        ),
        (
            "default-false",
            r#"}]}],"tokens_v""#,
            r#"}],"dnc":false}],"tokens_v""#,
            Malformed,
        ),
        (
            "default-empty-unusable",
            r#"}]}],"tokens_v""#,
            r#"}],"unusable":[]}],"tokens_v""#,
            Malformed,
        ),
        (
            "word-unknown-outcome",
            r#""outcome":"deny""#,
            r#""outcome":"defer""#,
            Unknown,
        ),
        ("word-unknown-code", "dnc.listed", "dnc.registry", Unknown),
        (
            "word-unknown-check",
            r#""check":"dnc""#,
            r#""check":"scope""#,
            Unknown,
        ),
        (
            "word-unknown-class",
            r#""class":"contact""#,
            r#""class":"spend""#,
            Unknown,
        ),
        (
            "word-unknown-channel",
            r#""channels":["email","sms"]"#,
            r#""channels":["email","fax"]"#,
            Unknown,
        ),
        (
            "word-unknown-actor",
            r#""type":"agent""#,
            r#""type":"proxy""#,
            Unknown,
        ),
        (
            "word-unknown-call",
            r#""call":"Decide""#,
            r#""call":"DecideAll""#,
            Unknown,
        ),
        (
            "word-unknown-detail",
            r#""rationale""#,
            r#""thoughts""#,
            Unknown,
        ),
        (
            "word-unknown-key-kind",
            r#""kind":"email","#,
            r#""kind":"fax","#,
            Unknown,
        ),
        (
            "word-unknown-basis",
            r#""basis":"gate""#,
            r#""basis":"guess""#,
            Unknown,
        ),
        (
            "word-upper-case",
            r#""outcome":"deny""#,
            r#""outcome":"DENY""#,
            Unknown,
        ),
        (
            "word-escaped",
            r#""outcome":"deny""#,
            r#""outcome":"den\u0079""#,
            Malformed,
        ),
        (
            "word-as-map",
            r#""outcome":"deny""#,
            r#""outcome":{"deny":null}"#,
            Malformed,
        ),
        (
            "word-as-number",
            r#""outcome":"deny""#,
            r#""outcome":2"#,
            Malformed,
        ),
        (
            "channels-out-of-order",
            r#"["email","sms"]"#,
            r#"["sms","email"]"#,
            Malformed,
        ),
        (
            "channels-repeated",
            r#"["email","sms"]"#,
            r#"["email","email"]"#,
            Malformed,
        ),
        (
            "map-as-list",
            r#"{"type":"agent","id":"a"}"#,
            r#"["agent","a"]"#,
            Malformed,
        ),
        (
            "list-as-map",
            r#"{"seq":17,"index":0}"#,
            "[17,0]",
            Malformed,
        ),
    ];
    let original = decision();
    let mut wrong = Vec::new();
    for (name, from, to, expected) in table {
        let [from, to] = [from, to].map(|text| text.replace("#T", TOKEN).replace("#U", &upper));
        assert!(original.contains(&from), "{name} mutates nothing");
        let mutant = original.replace(&from, &to);
        assert_ne!(mutant, original, "{name} mutates nothing");
        match fault(mutant.as_bytes()) {
            Ok(found) if found == expected => {}
            Ok(found) => wrong.push(format!("{name}: expected {expected:?}, found {found:?}")),
            Err(accepted) => wrong.push(format!("{name}: {accepted}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
