//! The closed lists of the interface, as the words that people type and read.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use ledger_proto::v1;

/// Reads a word on a command line, where help lists them all.
pub(crate) fn parser<T: Clone + Send + Sync + 'static>(
    words: &'static [&'static str],
    read: fn(&str) -> Result<T, String>,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words).try_map(move |word| read(&word))
}

/// For one enumeration of the interface: its words, a reader and a writer.
macro_rules! words {
    ($module:ident, $enum:ident, $prefix:literal, [$($word:literal),+ $(,)?]) => {
        pub(crate) mod $module {
            use super::v1;

            /// Every word, in the order of the interface.
            pub(crate) const WORDS: &[&str] = &[$($word),+];

            /// The value of a word.
            pub(crate) fn read(word: &str) -> Result<v1::$enum, String> {
                let value = WORDS.contains(&word).then(|| format!("{}{}", $prefix, word.to_ascii_uppercase()));
                value
                    .and_then(|name| v1::$enum::from_str_name(&name))
                    .ok_or_else(|| format!("`{word}` is unknown: expected {}", WORDS.join(", ")))
            }

            /// The word of a value; `unspecified` for none.
            pub(crate) fn word(value: v1::$enum) -> String {
                let name = value.as_str_name();
                name.strip_prefix($prefix).unwrap_or(name).to_ascii_lowercase()
            }

            #[cfg(test)]
            #[test]
            fn the_words_are_all_there_are() {
                for (number, expected) in (1..).zip(WORDS) {
                    let value = v1::$enum::try_from(number).unwrap();
                    assert_eq!(word(value), *expected);
                    assert_eq!(read(expected), Ok(value));
                }
                let next = i32::try_from(WORDS.len()).unwrap() + 1;
                assert!(v1::$enum::try_from(next).is_err(), "a word is missing");
                assert!(read("unspecified").is_err());
                assert!(read("").is_err());
            }
        }
    };
}

words!(
    role,
    Role,
    "ROLE_",
    [
        "agent",
        "operator",
        "compliance",
        "approver",
        "auditor",
        "recorder",
        "ingest"
    ]
);
words!(
    class,
    ActionClass,
    "ACTION_CLASS_",
    ["read", "write", "contact", "admin"]
);
words!(
    channel,
    Channel,
    "CHANNEL_",
    ["email", "call", "sms", "meeting"]
);
words!(
    outcome,
    Outcome,
    "OUTCOME_",
    ["allow", "require_approval", "deny"]
);
words!(
    recipient_role,
    RecipientRole,
    "RECIPIENT_ROLE_",
    ["to", "cc", "bcc", "callee", "attendee", "enrollee"]
);
words!(
    status,
    ExecutionStatus,
    "EXECUTION_STATUS_",
    ["success", "failure", "partial", "not_started"]
);
words!(
    event,
    EventType,
    "EVENT_TYPE_",
    [
        "bounce_hard",
        "bounce_soft",
        "complaint",
        "reply",
        "unsubscribe"
    ]
);
words!(
    reason,
    ListingReason,
    "LISTING_REASON_",
    [
        "entity_request",
        "unsubscribe",
        "gdpr_objection",
        "consent_revoked",
        "complaint",
        "hard_bounce",
        "national_registry",
        "state_registry",
        "litigator",
        "legal_hold",
        "manual",
    ]
);
words!(
    open_kind,
    OpenKind,
    "OPEN_KIND_",
    ["open", "unresolved", "irregular", "voided"]
);
words!(
    detail_name,
    DetailName,
    "DETAIL_NAME_",
    [
        "params",
        "rationale",
        "diff",
        "context",
        "prompt",
        "plan",
        "before",
        "after",
        "response",
        "reason",
        "evidence",
        "recipients",
    ]
);
