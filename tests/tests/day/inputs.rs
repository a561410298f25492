//! The same attacker changes what a call asked for, or what the ledger did of its own accord: of every kind of
//! entry every part, taken out or put in from elsewhere. Replay names it, but where [`ATTESTED`] says why no
//! log alone can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ledger_core::entry::{Body, Entry};
use ledger_core::replay::{Replay, follows};
use ledger_tests::Log;
use serde_json::Value;

use crate::forged::refuted;

/// How many entries are tried for each part and each change of it.
const TRIED: usize = 4;
/// How many other values are tried in the place of one.
const OTHERS: usize = 3;

/// A kind of entry, or `*`; a part, which stands for everything below it; `taken out`, `changed`, or `*`; and why
/// the log alone cannot tell.
type Row = (&'static str, &'static str, &'static str, &'static str);

/// What replay does not name: it would be the log of another day, on which this was asked for or reported.
const ATTESTED: &[Row] = &[
    (
        "*",
        "content",
        "changed",
        "an HMAC: the content key tells what it is of",
    ),
    (
        "*",
        "request_id",
        "changed",
        "an id of the caller's own: any other would do",
    ),
    (
        "*",
        "time",
        "changed",
        "the daemon's clock, between its neighbours",
    ),
    (
        "*",
        "details",
        "*",
        "a commitment: the detail opens it; which ones are sent is the caller's",
    ),
    (
        "*",
        "actor.version",
        "*",
        "what an agent says of itself, where no row asks for it",
    ),
    (
        "access",
        "actor",
        "changed",
        "who read something, among those who may",
    ),
    ("access", "call", "changed", "what was read"),
    ("access", "detail", "*", "what was read"),
    ("access", "from", "*", "what was read"),
    ("access", "to", "*", "what was read"),
    (
        "approval",
        "policy",
        "changed",
        "which text was approved, where nobody publishes it after all",
    ),
    (
        "approval",
        "verdict",
        "changed",
        "a person's answer, where nothing rests on it",
    ),
    (
        "boot",
        "config",
        "changed",
        "a hash of what the daemon runs with",
    ),
    (
        "boot",
        "evaluator",
        "*",
        "what the build evaluates, where the policy has no conditions",
    ),
    ("boot", "software", "changed", "what the build is called"),
    (
        "break_glass",
        "action",
        "*",
        "what somebody asks for, where nothing rests on it",
    ),
    (
        "break_glass",
        "duration_s",
        "changed",
        "what somebody asks for, where it is closed before",
    ),
    ("decision", "action_id", "*", "an id of the caller's own"),
    (
        "decision",
        "campaign",
        "*",
        "what the caller says, where no rule counts by it",
    ),
    (
        "decision",
        "correlation_id",
        "changed",
        "an id of the caller's own, where nothing refers to it",
    ),
    (
        "decision",
        "cost_micros",
        "*",
        "what the caller says that it costs",
    ),
    (
        "decision",
        "foreign",
        "*",
        "what another engine decided: the caller hands it in",
    ),
    (
        "decision",
        "mailbox",
        "*",
        "a token: the mailbox's opening tells, where no row asks for it",
    ),
    (
        "decision",
        "recipients.#",
        "taken out",
        "the people asked for: the detail `recipients` tells",
    ),
    (
        "decision",
        "recipients.#.dnc",
        "*",
        "what the caller says of its CRM",
    ),
    (
        "decision",
        "recipients.#.keys.#.token",
        "changed",
        "a token: the person's opening tells",
    ),
    (
        "decision",
        "recipients.#.keys.#",
        "taken out",
        "a whole identifier fewer, or one of several domains of an address that the log has once",
    ),
    (
        "decision",
        "recipients.#.role",
        "changed",
        "what the caller says: the detail `recipients` tells",
    ),
    (
        "decision",
        "recipients.#.utc_offset",
        "*",
        "what the caller says of where somebody is",
    ),
    (
        "decision",
        "seller",
        "*",
        "on whose behalf the caller says it acts, where rows grant both",
    ),
    (
        "decision",
        "targets",
        "*",
        "the objects asked for, where rows grant them all the same",
    ),
    (
        "decision",
        "tool",
        "*",
        "what the caller says that it will use",
    ),
    (
        "decision",
        "undoes",
        "*",
        "what the caller says that it takes back",
    ),
    (
        "dnc",
        "evidence",
        "changed",
        "a hash of a document that is kept elsewhere",
    ),
    (
        "dnc",
        "import",
        "*",
        "which import a listing belongs to, where none counts its rows",
    ),
    (
        "dnc",
        "imports",
        "*",
        "what the importer says of a file: its hash tells",
    ),
    (
        "dnc",
        "listings.#",
        "taken out",
        "who was listed, where nobody asked for that person",
    ),
    (
        "dnc",
        "listings.#.keys.#.kind",
        "changed",
        "a domain or a company: the opening tells which",
    ),
    (
        "dnc",
        "listings.#.keys.#.token",
        "changed",
        "a token: the person's opening tells",
    ),
    (
        "dnc",
        "listings.#.reason",
        "changed",
        "what was said of the reason, where nothing turns on it",
    ),
    (
        "dnc",
        "listings.#.source",
        "*",
        "what was said of the source",
    ),
    (
        "dnc",
        "listings.#.seller",
        "*",
        "what was said of the seller, where nothing turns on it",
    ),
    (
        "dnc",
        "listings.#.channels",
        "*",
        "what was said of the channels, where nothing turns on it",
    ),
    ("execution", "cost_micros", "*", "what the runtime reports"),
    ("execution", "provider", "*", "what the runtime reports"),
    (
        "execution",
        "provider_id",
        "*",
        "a token of what the runtime reports",
    ),
    (
        "execution",
        "started_at",
        "changed",
        "the runtime's clock, within what the allow permits",
    ),
    (
        "execution",
        "status",
        "changed",
        "what the runtime reports, where no breaker turns on it",
    ),
    (
        "genesis",
        "content_key",
        "changed",
        "a commitment: whoever has the key can tell",
    ),
    (
        "genesis",
        "reserved.#",
        "changed",
        "a token: the domain's opening tells",
    ),
    (
        "genesis",
        "subject_key",
        "changed",
        "a commitment: whoever has the key can tell",
    ),
    (
        "outcome",
        "correlation_id",
        "changed",
        "an id of the caller's own, where it finds nothing",
    ),
    (
        "outcome",
        "event",
        "changed",
        "what the provider reports, where nothing turns on it",
    ),
    ("outcome", "occurred_at", "*", "the provider's clock"),
    ("outcome", "provider", "*", "what the provider reports"),
    (
        "outcome",
        "provider_id",
        "*",
        "a token of what the provider reports",
    ),
    (
        "outcome",
        "recipient",
        "*",
        "whom the report means, where nothing turns on it",
    ),
    (
        "policy",
        "mailboxes",
        "*",
        "tokens of names: the mailbox's opening tells, where nobody uses it",
    ),
    (
        "policy",
        "promotion",
        "taken out",
        "an operator may publish the same text directly",
    ),
    (
        "principal",
        "credential",
        "changed",
        "a hash of what the person was handed",
    ),
    (
        "principal",
        "groups",
        "*",
        "what the operator put in, where no answer rests on it",
    ),
    (
        "stop",
        "scope",
        "changed",
        "what somebody stops, where nobody asks until it is over",
    ),
];

/// What must always be named, whatever the rows above say.
const NAMED: &[(&str, &str, &str)] = &[
    ("*", "content", "taken out"),
    ("decision", "class", "changed"),
    ("decision", "correlation_id", "taken out"),
    ("decision", "details.recipients", "taken out"),
    ("decision", "recipients.#.keys.#.kind", "changed"),
    ("decision", "tokens_v", "changed"),
    ("decision", "tokens_v", "taken out"),
    ("execution", "correlation_id", "taken out"),
    ("execution", "decision", "changed"),
    ("genesis", "reserved.#", "taken out"),
    ("genesis", "tokens_v", "changed"),
    ("resume", "details", "taken out"),
    ("resume", "details.reason", "taken out"),
];

/// Every part of every entry is changed. What is not named has to be in the list, and what is in the list has to
/// have occurred.
pub(crate) fn every_part_of_every_entry(log: &Log, folder: &Path) {
    let entries: Vec<Entry> = log
        .entries
        .iter()
        .map(|line| Entry::decode(line).expect("an entry"))
        .collect();
    let json: Vec<Value> = log
        .entries
        .iter()
        .map(|line| serde_json::from_slice(line).expect("JSON"))
        .collect();
    let said = said(&json);
    let mut tried: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut unnamed: BTreeSet<(String, String, &str)> = BTreeSet::new();
    let mut verified: BTreeSet<&str> = BTreeSet::new();
    let mut before = Replay::new();
    for (at, entry) in entries.iter().enumerate() {
        let kind = entry.body.kind();
        let own = entries[at + 1..]
            .iter()
            .take_while(|next| belongs(&next.body))
            .count();
        for (part, how, mutant) in changes(kind, &json[at], &said) {
            let count = tried
                .entry((kind.to_owned(), format!("{part} {how}")))
                .or_default();
            let Some(forged) = entry_of(entry, &mutant).filter(|line| *line != log.entries[at])
            else {
                continue;
            };
            *count += 1;
            if *count > TRIED {
                continue;
            }
            // At once, or by what rests on it.
            let named = |rest: &[Vec<u8>]| {
                let mut replay = before.clone();
                replay.push(&forged);
                rest.iter().for_each(|line| replay.push(line));
                let report = replay.finish();
                let refuted = report.mismatches.iter().any(|found| found.seq >= entry.seq);
                (refuted, refuted || report.unverifiable.is_some())
            };
            let rest = &log.entries[at + 1..];
            let (refutes, mut is_named) = named(&rest[..own]);
            is_named = is_named || named(rest).1;
            // What is wrong with genesis, the verifier says before it replays.
            if refutes && kind != "genesis" && verified.insert(kind) {
                refuted(log, at, &forged, &folder.join(format!("forged-{kind}")));
            }
            if !is_named {
                unnamed.insert((kind.to_owned(), part, how));
            }
        }
        before.push(&log.entries[at]);
    }
    let covers = |row: &Row, of: &(String, String, &str)| {
        let (kind, part, how, _) = row;
        let below = of.1.strip_prefix(part);
        (*kind == "*" || *kind == of.0)
            && (*how == "*" || *how == of.2)
            && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let unexplained: Vec<String> = unnamed
        .iter()
        .filter(|of| !ATTESTED.iter().any(|row| covers(row, of)))
        .map(|(kind, part, how)| format!("{kind}: {part}, {how}"))
        .collect();
    assert!(
        unexplained.is_empty(),
        "neither named nor attested:\n{}",
        unexplained.join("\n")
    );
    let of_kind = |kind: &str, of: &str| kind == "*" || kind == of;
    for (kind, part, how) in NAMED {
        let class = format!("{part} {how}");
        let was_tried = |((of, what), count): (&(String, String), &usize)| {
            of_kind(kind, of) && *what == class && *count > 0
        };
        assert!(tried.iter().any(was_tried), "{kind}: {class} did not occur");
        let missed = unnamed
            .iter()
            .find(|of| of_kind(kind, &of.0) && of.1 == *part && of.2 == *how);
        assert_eq!(missed, None, "not named");
    }
    // What every kind has occurs on every day.
    let stale: Vec<_> = ATTESTED
        .iter()
        .filter(|row| row.0 == "*" && row.1 != "actor.version")
        .filter(|row| !unnamed.iter().any(|of| covers(row, of)))
        .collect();
    assert!(stale.is_empty(), "named after all: {stale:#?}");
    assert!(
        verified.len() >= 14,
        "the verifier was asked of {verified:?}"
    );
}

/// Whether an entry belongs to the command of the one before it.
fn belongs(body: &Body) -> bool {
    follows(body) || matches!(body, Body::Policy(part) if part.cause.request_id.is_none())
}

/// What stands where, in which kind of entry.
type Said = BTreeMap<(String, String), BTreeSet<String>>;

/// Every value of the log without parts of its own, as JSON, by kind and part.
fn said(json: &[Value]) -> Said {
    fn gather(kind: &str, part: &str, value: &Value, said: &mut Said) {
        match value {
            Value::Object(parts) => parts
                .iter()
                .for_each(|(key, value)| gather(kind, &below(part, key), value, said)),
            Value::Array(items) => items
                .iter()
                .for_each(|item| gather(kind, &below(part, "#"), item, said)),
            leaf => {
                let of = (kind.to_owned(), part.to_owned());
                said.entry(of).or_default().insert(leaf.to_string());
            }
        }
    }
    let mut said = Said::new();
    for entry in json {
        let kind = entry["kind"].as_str().expect("a kind");
        gather(kind, "", entry, &mut said);
    }
    said
}

fn below(part: &str, key: &str) -> String {
    if part.is_empty() {
        key.to_owned()
    } else {
        format!("{part}.{key}")
    }
}

/// Every part of an entry taken out, and every value of it replaced by others that stand in its place elsewhere,
/// or by one made up where nothing else stands there.
fn changes(kind: &str, entry: &Value, said: &Said) -> Vec<(String, &'static str, Value)> {
    fn walk(
        at: (&str, &str),
        value: &Value,
        said: &Said,
        put: &dyn Fn(Option<Value>) -> Value,
        all: &mut Vec<(String, &'static str, Value)>,
    ) {
        let (kind, part) = at;
        if !part.is_empty() {
            all.push((part.to_owned(), "taken out", put(None)));
        }
        match value {
            Value::Object(parts) => {
                for (key, value) in parts {
                    let put = |new: Option<Value>| {
                        let mut parts = parts.clone();
                        match new {
                            Some(new) => _ = parts.insert(key.clone(), new),
                            None => _ = parts.remove(key),
                        }
                        put(Some(Value::Object(parts)))
                    };
                    walk((kind, &below(part, key)), value, said, &put, all);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate().take(3) {
                    let put = |new: Option<Value>| {
                        let mut items = items.clone();
                        match new {
                            Some(new) => items[index] = new,
                            None => _ = items.remove(index),
                        }
                        put(Some(Value::Array(items)))
                    };
                    walk((kind, &below(part, "#")), item, said, &put, all);
                }
            }
            leaf => {
                let here = leaf.to_string();
                let of = (kind.to_owned(), part.to_owned());
                let others = said
                    .get(&of)
                    .into_iter()
                    .flatten()
                    .filter(|other| **other != here);
                let others = others
                    .take(OTHERS)
                    .filter_map(|other| serde_json::from_str(other).ok());
                for other in made_up(leaf).into_iter().chain(others) {
                    all.push((part.to_owned(), "changed", put(Some(other))));
                }
            }
        }
    }
    let mut all = Vec::new();
    walk(
        (kind, ""),
        entry,
        said,
        &|new| new.unwrap_or_default(),
        &mut all,
    );
    // The head's place in the log is for `log` to check.
    all.retain(|(part, ..)| !["v", "seq", "kind"].contains(&part.as_str()));
    all
}

/// Another value of the same form: a number one higher, a flag the other way, a hash with another last digit.
fn made_up(leaf: &Value) -> Option<Value> {
    match leaf {
        Value::Bool(flag) => Some((!flag).into()),
        Value::Number(number) => Some((number.as_u64()? + 1).into()),
        Value::String(text) if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            let last = if text.ends_with('0') { '1' } else { '0' };
            Some(format!("{}{last}", &text[..63]).into())
        }
        _ => None,
    }
}

/// The entry that the JSON is, if it is one.
fn entry_of(original: &Entry, json: &Value) -> Option<Vec<u8>> {
    macro_rules! read {
        () => {
            serde_json::from_value(json.clone()).ok()?
        };
    }
    let body = match original.body.kind() {
        "genesis" => Body::Genesis(read!()),
        "boot" => Body::Boot(read!()),
        "heartbeat" => Body::Heartbeat(read!()),
        "shutdown" => Body::Shutdown(read!()),
        "principal" => Body::Principal(read!()),
        "policy" => Body::Policy(read!()),
        "dnc" => Body::Dnc(read!()),
        "decision" => Body::Decision(read!()),
        "execution" => Body::Execution(read!()),
        "outcome" => Body::Outcome(read!()),
        "unresolved" => Body::Unresolved(read!()),
        "stop" => Body::Stop(read!()),
        "resume" => Body::Resume(read!()),
        "access" => Body::Access(read!()),
        "clock" => Body::Clock(read!()),
        "approval" => Body::Approval(read!()),
        "break_glass" => Body::BreakGlass(read!()),
        "breaker" => Body::Breaker(read!()),
        "key" => Body::Key(read!()),
        kind => panic!("`{kind}` is no kind of entry"),
    };
    let time = match json.get("time") {
        Some(time) => time.as_str()?.parse().ok()?,
        None => original.time,
    };
    let sandbox = json.get("sandbox").is_some();
    let mutant = Entry {
        time,
        sandbox,
        body,
        ..*original
    };
    mutant.encode().ok()
}
