//! What a sandbox keeps of a detail: its form, and a token for every string.
//!
//! A detail that is one JSON value (RFC 8259) keeps its bytes, but for its strings: in place of each stands `"token:<hex>"`, its token of kind `text`, so that equal strings
//! can be told from different ones and none can be read. Names of members, numbers, `true`, `false` and
//! `null` stay, and so do redaction's mark and the strings that the policy lists in `[sandbox] clear`.
//! Anything else becomes one such token of the whole, without quotes. So does a detail that would grow
//! beyond its limit: nothing is refused for being masked.

use ledger_core::redact::{MARK, Pointer};
use ledger_core::token::{Kind, SubjectKey};
use serde::de::IgnoredAny;

/// What stands before a token.
const PREFIX: &str = "token:";

/// The detail as a sandbox stores it, in at most `bytes_max` bytes unless it is one token.
pub(super) fn masked(
    key: &SubjectKey,
    clear: &[Pointer],
    detail: &[u8],
    bytes_max: usize,
) -> Vec<u8> {
    strings_masked(key, clear, detail, bytes_max)
        .unwrap_or_else(|| token(key, &String::from_utf8_lossy(detail)).into_bytes())
}

fn token(key: &SubjectKey, text: &str) -> String {
    format!("{PREFIX}{}", key.token(&Kind::Text, text))
}

/// An object or array that is open.
struct Frame {
    object: bool,
    /// Of an object: whether a name stands next, and not a value.
    name_next: bool,
    /// Of an array: the index of the element that stands next.
    index: usize,
}

/// `None` where it is not JSON, or too long with its tokens.
fn strings_masked(
    key: &SubjectKey,
    clear: &[Pointer],
    text: &[u8],
    bytes_max: usize,
) -> Option<Vec<u8>> {
    serde_json::from_slice::<IgnoredAny>(text).ok()?;
    let mut out = Vec::with_capacity(text.len());
    let mut frames: Vec<Frame> = Vec::new();
    // Where the value that stands next is: the names and indexes that lead to it.
    let mut path: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let next = if *byte == b'"' {
            string_end(text, at)?
        } else {
            at + 1
        };
        match (*byte, frames.last_mut()) {
            (b'"', Some(frame)) if frame.name_next => {
                path.push(serde_json::from_slice(&text[at..next]).ok()?);
                frame.name_next = false;
                out.extend_from_slice(&text[at..next]);
            }
            (b'"', _) => {
                let value: String = serde_json::from_slice(&text[at..next]).ok()?;
                if value == MARK || clear.iter().any(|pointer| pointer.leads_to(&path)) {
                    out.extend_from_slice(&text[at..next]);
                } else {
                    out.push(b'"');
                    out.extend_from_slice(token(key, &value).as_bytes());
                    out.push(b'"');
                }
            }
            (byte, frame) => {
                match (byte, frame) {
                    (b'{' | b'[', _) => {
                        let object = byte == b'{';
                        frames.push(Frame {
                            object,
                            name_next: object,
                            index: 0,
                        });
                        if !object {
                            path.push("0".to_owned());
                        }
                    }
                    (b'}' | b']', Some(frame)) => {
                        // An empty object has no name on the path.
                        if !frame.name_next {
                            path.pop();
                        }
                        frames.pop();
                    }
                    (b',', Some(frame)) => {
                        path.pop();
                        frame.index += 1;
                        if frame.object {
                            frame.name_next = true;
                        } else {
                            path.push(frame.index.to_string());
                        }
                    }
                    _ => {}
                }
                out.push(byte);
            }
        }
        at = next;
        if out.len() > bytes_max {
            return None;
        }
    }
    Some(out)
}

/// Where the string that begins at `at` ends, its closing quote included.
fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    loop {
        match text.get(end)? {
            b'"' => return Some(end + 1),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const KEY: SubjectKey = SubjectKey::new([3; 32]);

    fn pointers(clear: &[&str]) -> Vec<Pointer> {
        clear
            .iter()
            .map(|text| text.parse().expect("a pointer"))
            .collect()
    }

    fn mask(clear: &[&str], detail: &str) -> String {
        let bytes = masked(&KEY, &pointers(clear), detail.as_bytes(), 1 << 20);
        String::from_utf8(bytes).expect("text")
    }

    fn t(text: &str) -> String {
        format!("token:{}", KEY.token(&Kind::Text, text))
    }

    #[test]
    fn strings_become_tokens_and_everything_else_stays() {
        let detail = r#" { "to" : "kim@northwind.com","n":1.50e+3, "ok":true,"none":null,
            "list":["a",["b"],{"c":"a"}, 123456789012345678901234567890], "":"x", "e\"k":"\u0061", "secret":"[redacted]" } "#;
        let expected = detail
            .replace("kim@northwind.com", &t("kim@northwind.com"))
            .replace(r#""a""#, &format!("\"{}\"", t("a")))
            .replace(r#""b""#, &format!("\"{}\"", t("b")))
            .replace(r#""x""#, &format!("\"{}\"", t("x")))
            // However it is spelled, it is the same string.
            .replace(r#""\u0061""#, &format!("\"{}\"", t("a")));
        assert_eq!(mask(&[], detail), expected);
        assert_eq!(mask(&[], r#""alone""#), format!("\"{}\"", t("alone")));
        for bare in ["1", "null", "[]", "{}", r#"{"a":{},"b":[[],{}]}"#] {
            assert_eq!(mask(&[], bare), bare);
        }
    }

    #[test]
    fn what_the_policy_clears_stays_and_nothing_beside_it() {
        let detail = r#"{"status":"won","by":"kim","deals":[{"status":"won"},{"status":"lost"}],"status/x":"won","empty":{},"list":["won","won"]}"#;
        let clear = [
            "/status",
            "/deals/1/status",
            "/list/1",
            "/status~1x",
            "/deals",
        ];
        let won = t("won");
        let expected = format!(
            r#"{{"status":"won","by":"{}","deals":[{{"status":"{won}"}},{{"status":"lost"}}],"status/x":"won","empty":{{}},"list":["{won}","won"]}}"#,
            t("kim")
        );
        assert_eq!(mask(&clear, detail), expected);
        // A name that stands twice is cleared twice.
        assert_eq!(
            mask(&["/a"], r#"{"a":"x","a":"y"}"#),
            r#"{"a":"x","a":"y"}"#
        );
    }

    #[test]
    fn what_is_no_json_is_one_token() {
        for text in ["", "call kim", "{\"a\":\"b\"", "{}{}", "\"\\ud800\"", "NaN"] {
            assert_eq!(mask(&["/a"], text), t(text), "{text}");
        }
    }

    #[test]
    fn what_would_grow_too_long_is_one_token() {
        let text = r#"["a","b"]"#;
        let long = mask(&[], text).len();
        let at = |max| masked(&KEY, &[], text.as_bytes(), max).len();
        assert_eq!(at(long), long);
        assert_eq!(at(long - 1), t(text).len());
    }

    /// The same by way of a parsed value.
    fn naive(value: &Value, path: &str, clear: &[&str]) -> Value {
        match value {
            Value::String(text) if text == MARK || clear.contains(&path) => value.clone(),
            Value::String(text) => Value::from(t(text)),
            Value::Array(items) => (0..)
                .zip(items)
                .map(|(at, item): (u32, _)| naive(item, &format!("{path}/{at}"), clear))
                .collect(),
            Value::Object(items) => Value::Object(
                items
                    .iter()
                    .map(|(name, item)| {
                        (name.clone(), naive(item, &format!("{path}/{name}"), clear))
                    })
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ab\"\\\\\u{e9}\n,:{}]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[ab\"\\\\]{0,2}", inner, 0..4)
                    .prop_map(|items| Value::Object(items.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_parsed_value_is_masked_alike(value in json(), pretty in any::<bool>()) {
            let clear = ["/a", "/b/0", "/a/b", "/0", "/1/a"];
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let found: Value = serde_json::from_str(&mask(&clear, &text.expect("json"))).expect("json");
            prop_assert_eq!(found, naive(&value, "", &clear));
        }
    }
}
