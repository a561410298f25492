//! What a row of the table covers: objects, and their fields to read and to write.

use std::collections::BTreeSet;

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
            .any(|(of, name)| name == field && (of == "*" || of == object))
    }
}
