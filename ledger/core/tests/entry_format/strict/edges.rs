//! What lies at the edges: bytes that are no text, lengths, integers, and keys that should be left out.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

#[test]
fn bytes_that_are_no_text_are_refused() {
    let mut line = decision().into_bytes();
    let at = line.windows(3).position(|bytes| bytes == b"run").unwrap();
    line[at] = 0xff;
    assert_eq!(fault(&line), Ok(Fault::Malformed));
    assert_eq!(fault(b""), Ok(Fault::Malformed));
    assert_eq!(fault(b"{}"), Ok(Fault::Malformed));
    assert_eq!(fault(b"null"), Ok(Fault::Malformed));
    // An overlong encoding of `a`.
    let mut line = decision().into_bytes();
    let at = line.windows(3).position(|bytes| bytes == b"run").unwrap();
    line.splice(at..=at, [0xc1, 0xa1]);
    assert_eq!(fault(&line), Ok(Fault::Malformed));
}

/// An unknown kind or version is unknown only if it is an entry otherwise.
#[test]
fn what_is_not_json_is_nobodys() {
    let line = r#"{"v":2,"seq":1,"time":"2026-11-22T11:31:05.123456Z","kind":"x"}"#;
    assert_eq!(fault(line.as_bytes()), Ok(Fault::Unknown));
    assert_eq!(
        fault(&line.as_bytes()[..line.len() - 1]),
        Ok(Fault::Malformed)
    );
    let line = r#"{"v":1,"seq":1,"time":"2026-11-22T11:31:05.123456Z","kind":"erasure","x":1}"#;
    assert_eq!(fault(line.as_bytes()), Ok(Fault::Unknown));
    assert_eq!(
        fault(&line.as_bytes()[..line.len() - 1]),
        Ok(Fault::Malformed)
    );
    assert_eq!(fault(format!("{line} ").as_bytes()), Ok(Fault::Malformed));
}

fn heartbeat_of(bytes: usize) -> String {
    let head = r#"{"v":1,"seq":1,"time":"2026-11-22T11:31:05.123456Z","kind":"heartbeat","actor":{"type":"ledger","id":""#;
    let tail = r#""}}"#;
    format!(
        "{head}{}{tail}",
        "x".repeat(bytes - head.len() - tail.len())
    )
}

#[test]
fn the_longest_entry_has_65535_bytes() {
    let longest = heartbeat_of(ENTRY_BYTES_MAX);
    let entry = Entry::decode(longest.as_bytes()).unwrap();
    assert_eq!(entry.encode().unwrap(), longest.as_bytes());
    assert_eq!(
        fault(heartbeat_of(ENTRY_BYTES_MAX + 1).as_bytes()),
        Ok(Fault::Malformed)
    );
    // Whatever it is: no version can hold more.
    let unknown = heartbeat_of(ENTRY_BYTES_MAX + 1).replace("heartbeat", "nextsigns");
    assert_eq!(fault(unknown.as_bytes()), Ok(Fault::Malformed));
    let mut longer = entry;
    longer.seq = 10;
    let error = longer.encode().unwrap_err();
    assert!(error.to_string().contains("65536"), "{error}");
}

#[test]
fn no_integer_from_2_to_the_53_on_is_written() {
    let mut entry = Entry::decode(decision().as_bytes()).unwrap();
    entry.seq = INTEGER_MAX - 1;
    let line = entry.encode().unwrap();
    assert_eq!(Entry::decode(&line).unwrap(), entry);
    entry.seq = INTEGER_MAX;
    let error = entry.encode().unwrap_err();
    assert!(error.to_string().contains("9007199254740992"), "{error}");
    // Digits in a text are no integer.
    let line = decision().replace(r#""run""#, r#""9007199254740992""#);
    Entry::decode(line.as_bytes()).unwrap();
    let line = decision().replace(r#""run""#, r#""\\\",:9007199254740992""#);
    Entry::decode(line.as_bytes()).unwrap();
}

/// Visits every object of an entry, with a name for its place that is the same in every entry.
fn objects(
    place: &str,
    value: &mut Value,
    visit: &mut dyn FnMut(&str, &mut serde_json::Map<String, Value>),
) {
    match value {
        Value::Object(map) => {
            visit(place, map);
            for (key, value) in map {
                objects(&format!("{place}.{key}"), value, visit);
            }
        }
        Value::Array(items) => {
            for value in items {
                objects(place, value, visit);
            }
        }
        _ => {}
    }
}

/// A key that is left out where it holds nothing is known all the same: put in as `null`, it must not
/// pass for a later version's. The keys are found by watching which come and go.
#[test]
fn a_known_key_that_should_be_left_out_is_malformed() {
    let mut runner = TestRunner::deterministic();
    let mut entries = Vec::new();
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for _ in 0..600 {
        let line = entry()
            .new_tree(&mut runner)
            .unwrap()
            .current()
            .encode()
            .unwrap();
        let mut value: Value = serde_json::from_slice(&line).unwrap();
        let kind = value["kind"].as_str().unwrap().to_owned();
        objects(&kind, &mut value, &mut |place, map| {
            let keys = seen.entry(place.to_owned()).or_default();
            keys.extend(map.keys().cloned());
        });
        entries.push((kind, value));
    }
    let mut tried = BTreeSet::new();
    for (kind, value) in entries {
        for (place, keys) in &seen {
            // Keys of the first three are values: names of details, mailboxes and domains. Those of a scope
            // depend on its type, and a later type may have others.
            if [".details", ".mailboxes", ".fake_domains", ".scope"]
                .iter()
                .any(|end| place.ends_with(end))
            {
                continue;
            }
            for key in keys {
                let mut mutant = value.clone();
                let mut put = false;
                objects(&kind, &mut mutant, &mut |at, map| {
                    if at == place && !put && !map.contains_key(key) {
                        map.insert(key.clone(), Value::Null);
                        put = true;
                    }
                });
                if !put || tried.contains(&(place, key)) {
                    continue;
                }
                tried.insert((place, key));
                // The head stands first; behind it the order is serde_json's, which decoding may mind,
                // but not before it knows the keys.
                let Value::Object(map) = &mut mutant else {
                    unreachable!()
                };
                let [seq, time] = ["seq", "time"].map(|name| map.remove(name).unwrap());
                map.remove("v");
                map.remove("kind");
                let marked = map.get("sandbox").is_some_and(|mark| *mark == true);
                let mark = if marked {
                    map.remove("sandbox");
                    r#""sandbox":true,"#
                } else {
                    ""
                };
                let rest = mutant.to_string();
                let line = format!(
                    r#"{{"v":1,"seq":{seq},"time":{time},"kind":"{kind}",{mark}{}"#,
                    &rest[1..]
                );
                assert_eq!(
                    fault(line.as_bytes()),
                    Ok(Fault::Malformed),
                    "`{key}` in {place}"
                );
            }
        }
    }
    assert!(tried.len() > 100, "only {} keys come and go", tried.len());
}
