//! What canonical form asks beyond the types: one spelling for everything that an entry says.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::{DecodeError, malformed};
use crate::limits::INTEGER_MAX;

/// Says why bytes that were understood are not the encoding of what was understood: a key that was
/// passed over is a later version's, everything else is nobody's.
pub(super) fn difference(text: &str, again: &[u8]) -> DecodeError {
    let read = serde_json::from_str::<Value>(text);
    let known = serde_json::from_slice::<Value>(again);
    match (read, known) {
        (Ok(read), Ok(known)) => match unknown_key(&read, &known) {
            Some(key) => DecodeError::Unknown {
                what: format!("key `{key}`"),
            },
            None => malformed(
                "not in canonical form: keys out of order, repeated or spelled otherwise"
                    .to_owned(),
            ),
        },
        _ => malformed("not JSON".to_owned()),
    }
}

fn unknown_key(read: &Value, known: &Value) -> Option<String> {
    match (read, known) {
        (Value::Object(read), Value::Object(known)) => {
            read.iter().find_map(|(key, value)| match known.get(key) {
                Some(same) => unknown_key(value, same),
                // A known key that holds what canonical form leaves out is not a new key.
                None if is_default(value) && OMITTED.contains(&key.as_str()) => None,
                // The mark of a sandbox has its place in the head, and no other.
                None if key == "sandbox" => None,
                None => Some(key.clone()),
            })
        }
        (Value::Array(read), Value::Array(known)) => read
            .iter()
            .zip(known)
            .find_map(|(value, same)| unknown_key(value, same)),
        _ => None,
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Array(items) => items.is_empty(),
        Value::Object(items) => items.is_empty(),
        _ => false,
    }
}

/// Every key that canonical form leaves out where it holds nothing, of whatever kind of entry.
const OMITTED: [&str; 102] = [
    "acknowledges",
    "action",
    "action_id",
    "actions",
    "agent",
    "approval",
    "approve_by",
    "approver",
    "approvers",
    "bound_ms",
    "call",
    "campaign",
    "changes",
    "channels",
    "cites",
    "cites_total",
    "classes",
    "content",
    "continues",
    "correlation_id",
    "cost_micros",
    "count",
    "credential",
    "decision",
    "detail",
    "details",
    "dnc",
    "effective_from",
    "ends",
    "error_code",
    "evaluator",
    "evidence",
    "execution",
    "expires_at",
    "fake_domains",
    "field",
    "findings",
    "foreign",
    "from",
    "granted",
    "groups",
    "id",
    "import",
    "imported",
    "imports",
    "index",
    "key",
    "keys",
    "listings",
    "mailbox",
    "mailboxes",
    "matched",
    "occurred_at",
    "opened",
    "outcome",
    "pack",
    "parts",
    "passes_at",
    "policy",
    "promotion",
    "provider",
    "provider_id",
    "reads",
    "reason",
    "reasons",
    "reasons_total",
    "recipient",
    "recipients",
    "redacted",
    "rejected",
    "replaces",
    "report_by",
    "request",
    "request_id",
    "requested_at",
    "requested_by",
    "results",
    "rows",
    "rule",
    "sample",
    "seller",
    "sha256",
    "source",
    "started_at",
    "target",
    "targets",
    "threshold",
    "throttles",
    "tier",
    "to",
    "tokens",
    "tokens_v",
    "tool",
    "undoes",
    "until",
    "unusable",
    "utc_offset",
    "v",
    "valid_until",
    "version",
    "window_s",
    "writes",
];

/// Whether `text` is one JSON object without anything around it.
pub(super) fn is_object(text: &str) -> bool {
    text.starts_with('{') && text.ends_with('}') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The first integer outside of texts that is not below [`INTEGER_MAX`].
pub(super) fn integer_too_large(line: &[u8]) -> Option<String> {
    // Most entries have no number as long as that, and this is on the way of every one of them.
    let long = |at: usize| {
        line.get(at..at + INTEGER_DIGITS_MAX)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
    };
    let begins = |pair: &[u8]| matches!(pair, [b':' | b',' | b'[', b'0'..=b'9']);
    if !(1..)
        .zip(line.windows(2))
        .any(|(at, pair)| begins(pair) && long(at))
    {
        return None;
    }
    let mut rest = line.iter().copied().enumerate();
    let mut in_text = false;
    let mut digits = 0..0;
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'"' => in_text = !in_text,
            b'\\' if in_text => _ = rest.next(),
            b'0'..=b'9' if !in_text => {
                let start = if digits.end == at { digits.start } else { at };
                digits = start..at + 1;
                continue;
            }
            _ => {}
        }
        if digits.end == at
            && let Some(value) = line
                .get(digits.clone())
                .and_then(|digits| std::str::from_utf8(digits).ok())
            && value.len() >= INTEGER_DIGITS_MAX
            && value.parse::<u64>().is_ok_and(|value| value >= INTEGER_MAX)
        {
            return Some(value.to_owned());
        }
    }
    None
}

/// The digits of [`INTEGER_MAX`].
const INTEGER_DIGITS_MAX: usize = 16;
