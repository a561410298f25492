//! Where two entries differ, in words that name the key.

use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::report::What;
use crate::entry::{Body, Entry, Environment};

/// The most characters of a value that a message repeats.
const SHOWN_CHARS: usize = 160;

/// The first key in which an entry is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The key's path in the entry, such as `reasons[0].cites[1].seq`.
    pub path: String,
    /// The value that it must have, as JSON, cut to 160 characters; absent where the key must not stand.
    pub expected: Option<String>,
    /// The value that it has; absent where the key is missing.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let absent = |value: &Option<String>| match value {
            Some(value) => format!("`{value}`"),
            None => "no such key".to_owned(),
        };
        let (expected, found) = (absent(&self.expected), absent(&self.found));
        write!(f, "`{}`: expected {expected}, found {found}", self.path)
    }
}

/// What is wrong with a recorded entry, where `planned` is what its body must be.
pub(super) fn between(recorded: &Entry, planned: Body, environment: Environment) -> Option<What> {
    let environment = match &planned {
        Body::Genesis(genesis) => genesis.environment,
        _ => environment,
    };
    let sandbox = environment == Environment::Sandbox;
    if recorded.body == planned && recorded.sandbox == sandbox {
        return None;
    }
    let planned = Entry {
        body: planned,
        sandbox,
        ..*recorded
    };
    let (expected, found) = match (planned.encode(), recorded.encode()) {
        (Ok(expected), Ok(found)) => (expected, found),
        (Err(error), _) | (_, Err(error)) => {
            let refusal = error.to_string();
            return Some(What::Refused { refusal });
        }
    };
    if expected == found {
        return None;
    }
    let whole = || Difference {
        path: String::new(),
        expected: Some(shown(&String::from_utf8_lossy(&expected))),
        found: Some(shown(&String::from_utf8_lossy(&found))),
    };
    let difference = match (
        serde_json::from_slice::<Json>(&expected),
        serde_json::from_slice::<Json>(&found),
    ) {
        (Ok(expected), Ok(found)) => first("", &expected, &found).unwrap_or_else(whole),
        _ => whole(),
    };
    Some(What::Differs(difference))
}

/// JSON with its keys in the order in which they stand.
enum Json {
    Object(Vec<(String, Self)>),
    Array(Vec<Self>),
    Scalar(String),
}

fn first(path: &str, expected: &Json, found: &Json) -> Option<Difference> {
    match (expected, found) {
        (Json::Object(expected), Json::Object(found)) => first_key(path, expected, found),
        (Json::Array(expected), Json::Array(found)) => (0..expected.len().max(found.len()))
            .find_map(|at| {
                let path = format!("{path}[{at}]");
                either(&path, expected.get(at), found.get(at))
            }),
        (expected, found) => {
            let (expected, found) = (expected.to_string(), found.to_string());
            (expected != found).then(|| Difference {
                path: path.to_owned(),
                expected: Some(shown(&expected)),
                found: Some(shown(&found)),
            })
        }
    }
}

/// Both have their keys in the documented order, so the first that one of them lacks is where that
/// one goes on with another.
fn first_key(
    path: &str,
    expected: &[(String, Json)],
    found: &[(String, Json)],
) -> Option<Difference> {
    let name = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    let (mut at, mut other) = (0, 0);
    loop {
        match (expected.get(at), found.get(other)) {
            (None, None) => return None,
            (Some((key, value)), Some((same, has))) if key == same => {
                if let Some(difference) = first(&name(key), value, has) {
                    return Some(difference);
                }
                at += 1;
                other += 1;
            }
            (Some((key, value)), rest)
                if rest.is_none() || !found.iter().any(|(has, _)| has == key) =>
            {
                return either(&name(key), Some(value), None);
            }
            (_, Some((key, value))) => return either(&name(key), None, Some(value)),
            (Some((key, value)), None) => return either(&name(key), Some(value), None),
        }
    }
}

fn either(path: &str, expected: Option<&Json>, found: Option<&Json>) -> Option<Difference> {
    if let (Some(expected), Some(found)) = (expected, found) {
        return first(path, expected, found);
    }
    Some(Difference {
        path: path.to_owned(),
        expected: expected.map(|value| shown(&value.to_string())),
        found: found.map(|value| shown(&value.to_string())),
    })
}

fn shown(text: &str) -> String {
    let mut start: String = text.chars().take(SHOWN_CHARS).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        start.push('…');
    }
    start
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(text) => f.write_str(text),
            Self::Array(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
            Self::Object(items) => {
                f.write_str("{")?;
                for (at, (key, value)) in items.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(f, "{comma}\"{key}\":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Scalar(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Scalar(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Scalar(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Scalar(value.to_string()))
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Scalar("null".to_owned()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Scalar(serde_json::Value::from(value).to_string()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Json::Array(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = map.next_entry()? {
                    items.push(item);
                }
                Ok(Json::Object(items))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::{Difference, Json, first};

    fn diff(expected: &str, found: &str) -> Option<String> {
        let read = |text: &str| serde_json::from_str::<Json>(text).unwrap();
        first("", &read(expected), &read(found))
            .map(|difference: Difference| difference.to_string())
    }

    #[test]
    fn names_the_first_key_that_differs_in_the_order_of_the_entry() {
        let expected = r#"{"b":1,"a":{"x":[1,{"k":"v"}]},"z":true}"#;
        assert_eq!(diff(expected, expected), None);
        let cases = [
            (
                r#"{"b":2,"a":{"x":[]},"z":true}"#,
                "`b`: expected `1`, found `2`",
            ),
            (
                r#"{"b":1,"a":{"x":[1,{"k":"w"}]},"z":false}"#,
                "`a.x[1].k`: expected `\"v\"`, found `\"w\"`",
            ),
            (
                r#"{"b":1,"a":{"x":[1]},"z":true}"#,
                "`a.x[1]`: expected `{\"k\":\"v\"}`, found no such key",
            ),
            (
                r#"{"b":1,"z":true}"#,
                "`a`: expected `{\"x\":[1,{\"k\":\"v\"}]}`, found no such key",
            ),
            (
                r#"{"b":1,"c":null,"a":{"x":[1,{"k":"v"}]},"z":true}"#,
                "`c`: expected no such key, found `null`",
            ),
            (
                r#"{"b":1,"a":{"x":[1,{"k":"v"}]}}"#,
                "`z`: expected `true`, found no such key",
            ),
            (
                r#"{"b":1,"a":{"x":[1,{"k":"v"}]},"z":true,"zz":0}"#,
                "`zz`: expected no such key, found `0`",
            ),
        ];
        for (found, words) in cases {
            assert_eq!(diff(expected, found).as_deref(), Some(words), "{found}");
        }
    }
}
