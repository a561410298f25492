//! What a row of the table covers: objects, and their fields to read and to write.

use std::collections::BTreeSet;

use super::LIST_MAX;
use super::field::{List, is_any};
use super::read::{Found, Reader, Section};
use crate::limits::FIELD_BYTES_MAX;
use crate::name::{self, NameError};
use crate::token::{self, Kind};

/// The fields that agents may write wherever a row grants them the object, unless the policy says
/// otherwise.
pub const AGENT_OWNED: &str = "agent_*";
/// Fields whose change is tier 2 in every policy, as `object.field`; `*` is any object. A policy adds
/// its own and takes none of these away.
pub const SENSITIVE: [&str; 6] = [
    "*.lifecycle_stage",
    "*.lifecyclestage",
    "deal.deal_stage",
    "deal.dealstage",
    "deal.stage",
    "deal.stage_id",
];

/// A list of field names, each exact or the beginning of one (`agent_*`); or `["*"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fields {
    /// Any.
    Any,
    /// These, and no others.
    Only {
        /// By name.
        names: BTreeSet<String>,
        /// By their beginning, without the `*`.
        prefixes: BTreeSet<String>,
    },
}

impl Fields {
    /// No field.
    pub const fn none() -> Self {
        Self::Only {
            names: BTreeSet::new(),
            prefixes: BTreeSet::new(),
        }
    }

    /// The fields that `patterns` name, where none of them is `*`.
    pub fn of<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut names, mut prefixes) = (BTreeSet::new(), BTreeSet::new());
        for pattern in patterns {
            match pattern.strip_suffix('*') {
                Some(prefix) => prefixes.insert(prefix.to_owned()),
                None => names.insert(pattern.to_owned()),
            };
        }
        Self::Only { names, prefixes }
    }

    /// Whether `field` is among them.
    pub fn contains(&self, field: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only { names, prefixes } => {
                names.contains(field) || prefixes.iter().any(|prefix| field.starts_with(prefix))
            }
        }
    }

    /// Whether nothing is among them.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Only { names, prefixes } if names.is_empty() && prefixes.is_empty())
    }

    /// The patterns, as a policy writes them.
    pub fn patterns(&self) -> Vec<String> {
        match self {
            Self::Any => vec!["*".to_owned()],
            Self::Only { names, prefixes } => names
                .iter()
                .cloned()
                .chain(prefixes.iter().map(|prefix| format!("{prefix}*")))
                .collect(),
        }
    }
}

/// `[fields]`: which fields are the agents' own, and which are sensitive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRules {
    /// Writable wherever a row grants the object; [`AGENT_OWNED`] unless the policy says otherwise.
    pub agent_owned: Fields,
    /// Object type (or `*`) and field whose reading is tier 1 and whose writing is tier 2:
    /// [`SENSITIVE`] and the policy's own.
    pub sensitive: BTreeSet<(String, String)>,
}

impl Default for FieldRules {
    fn default() -> Self {
        Self {
            agent_owned: Fields::of([AGENT_OWNED]),
            sensitive: SENSITIVE
                .iter()
                .filter_map(|name| name.split_once('.'))
                .map(|(object, field)| (object.to_owned(), field.to_owned()))
                .collect(),
        }
    }
}

impl FieldRules {
    /// Whether `field` of an object of type `object` is sensitive.
    pub fn is_sensitive(&self, object: &str, field: &str) -> bool {
        self.sensitive
            .iter()
            .any(|(of, name)| name.eq_ignore_ascii_case(field) && (of == "*" || of == object))
    }

    /// The first sensitive field that an object of type `object` has.
    pub fn sensitive_of(&self, object: &str) -> Option<&str> {
        let mut sensitive = self.sensitive.iter();
        sensitive
            .find(|(of, _)| of == "*" || of == object)
            .map(|(_, name)| name.as_str())
    }
}

/// `[fields]`.
pub(super) fn rules(reader: &mut Reader<'_>, root: &mut Section<'_>) -> FieldRules {
    let mut rules = FieldRules::default();
    let Some(mut section) = root.section(reader, "fields") else {
        return rules;
    };
    // An empty list says that agents have no fields of their own.
    if section.is_empty_list("agent_owned") {
        rules.agent_owned = Fields::none();
    } else if let Some(list) = section.strings(reader, "agent_owned", LIST_MAX) {
        rules.agent_owned = patterns(reader, &section, "agent_owned", &list);
        if rules.agent_owned == Fields::Any {
            let problem = "would make every field of every object the agents' own";
            let remedy = "name the fields, or their beginning as in `agent_*`";
            let key = section.key("agent_owned");
            reader.error(list.at, &key, Some("*"), problem, remedy);
        }
    }
    if let Some(list) = section.strings(reader, "sensitive", LIST_MAX) {
        for (i, item) in list.value.iter().enumerate() {
            let places = sensitive(item.value);
            let other = item.value.match_indices('.').find_map(|(at, _)| {
                let word = other_word(&item.value[..at])?;
                Some((word, &item.value[at..]))
            });
            if let Some((word, field)) = other {
                let key = section.key(&format!("sensitive[{i}]"));
                let remedy = format!("write `{word}{field}`");
                reader.error(item.at, &key, Some(item.value), OTHER_WORD, &remedy);
            } else if places.is_empty() {
                let problem = "is not valid: expected the type of an object, or `*` for any, and the name of a field";
                let remedy = "write for instance `deal.amount` or `*.owner_id`, each field by its whole name";
                let key = section.key(&format!("sensitive[{i}]"));
                reader.error(item.at, &key, Some(item.value), problem, remedy);
            }
            rules.sensitive.extend(places);
        }
    }
    section.finish(reader);
    rules
}

/// What `object.field` may mean. Types and fields may both have dots in them: then it is every way of
/// reading it, since too much caution does no harm.
fn sensitive(text: &str) -> Vec<(String, String)> {
    let place = |(at, _): (usize, &str)| {
        let (object, field) = (&text[..at], &text[at + 1..]);
        let valid = (object == "*" || object_type(object).is_ok())
            && name::check("field", field, FIELD_BYTES_MAX).is_ok();
        valid.then(|| (object.to_owned(), field.to_owned()))
    };
    text.match_indices('.').filter_map(place).collect()
}

/// What is wrong with a type that requests are not compared by.
pub(super) const OTHER_WORD: &str =
    "is another word for a type that the ledger knows by one: it would match no request";

/// The word by which requests are compared, of a type that has another.
pub(super) fn other_word(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    Some(token::object_type(text)).filter(|word| *word != lower)
}

/// Whether a request's target can have this type: as a request may name it, in lower case.
pub(super) fn object_type(text: &str) -> Result<(), &'static str> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("is not valid: expected lower case, as requests are compared");
    }
    match Kind::target(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(
            "is not valid: expected the type of an object, 1 to 64 letters, digits, `.`, `_` or `-`, a letter or digit first",
        ),
    }
}

/// The fields that a list of patterns names.
pub(super) fn patterns(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    list: &List<'_>,
) -> Fields {
    if is_any(reader, section, key, list) {
        return Fields::Any;
    }
    let named = list.value.iter().enumerate();
    let named = named.filter(|(_, item)| item.value != "*");
    let valid = named.filter_map(|(i, item)| {
        let bare = item.value.strip_suffix('*').unwrap_or(item.value);
        match name::check("field", bare, FIELD_BYTES_MAX) {
            Ok(()) => Some(item.value),
            Err(error) => {
                bad_pattern(reader, section, &format!("{key}[{i}]"), *item, &error);
                None
            }
        }
    });
    Fields::of(valid.collect::<Vec<_>>())
}

fn bad_pattern(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    item: Found<&str>,
    error: &NameError,
) {
    if let NameError::Charset { .. } = error {
        let problem = "is not valid: expected the name of a field in letters, digits and `._:/+=-`, or its beginning and a `*` at the end";
        let remedy = "write for instance `owner_id`, `agent_*`, or [\"*\"] for any";
        let key = section.key(key);
        reader.error(item.at, &key, Some(item.value), problem, remedy);
    } else {
        section.bad_name(reader, key, item, error);
    }
}
