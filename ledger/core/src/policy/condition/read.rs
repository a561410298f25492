//! From `.cedar` files to conditions: parsed, named and checked against the schema.

use std::collections::BTreeMap;
use std::str::FromStr;

use cedar_policy::{Effect, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use super::cedar::with_stack;
use super::{CONDITION_SCHEMA, CONDITIONS_MAX, Condition, Conditions, scan};
use crate::name::{self, RULE_MAX};
use crate::policy::error::PolicyError;

/// The most characters of what Cedar says of an error.
const SAID_CHARS_MAX: usize = 240;

/// Reads files that were found to be clean text, of a policy with these actions.
pub(in crate::policy) fn read<'a>(
    files: &[(&str, &str)],
    actions: impl IntoIterator<Item = &'a str>,
    errors: &mut Vec<PolicyError>,
) -> Option<Conditions> {
    with_stack(|| read_all(files, actions, errors))
}

fn read_all<'a>(
    files: &[(&str, &str)],
    actions: impl IntoIterator<Item = &'a str>,
    errors: &mut Vec<PolicyError>,
) -> Option<Conditions> {
    let before = errors.len();
    let mut named = Named::default();
    for (path, text) in files {
        named.file(path, text, errors);
    }
    if named.all.len() > CONDITIONS_MAX {
        let (path, text) = files.last()?;
        let problem = format!(
            "is the last of files with {} conditions: expected at most {CONDITIONS_MAX}",
            named.all.len()
        );
        errors.push(error(
            path,
            text,
            None,
            String::new(),
            problem,
            "join some, or leave some out",
        ));
    }
    if errors.len() > before {
        return None;
    }
    named.validate(files, actions, errors);
    if errors.len() > before {
        return None;
    }
    let sources = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    let all = named.all.into_values().collect();
    match Conditions::new(all, sources, named.set) {
        Ok(conditions) => Some(conditions),
        Err(said) => {
            let (path, text) = files.first()?;
            errors.push(error(
                path,
                text,
                None,
                String::new(),
                said,
                "report this: it is a fault of the ledger",
            ));
            None
        }
    }
}

/// The conditions of several files under the names that they give themselves.
#[derive(Default)]
struct Named {
    all: BTreeMap<String, Condition>,
    set: PolicySet,
}

impl Named {
    fn file(&mut self, path: &str, text: &str, errors: &mut Vec<PolicyError>) {
        // Cedar's parser would nest as deep as the text does, whatever stack there is.
        if let Err(found) = scan::scan(text) {
            let value = found.value.filter(|value| name::personal(value).is_none());
            errors.push(PolicyError {
                value: value.map(name::shown),
                ..error(
                    path,
                    text,
                    Some(found.at),
                    String::new(),
                    found.problem,
                    found.remedy,
                )
            });
            return;
        }
        let parsed = match PolicySet::from_str(text) {
            Ok(parsed) => parsed,
            Err(broken) => {
                for said in broken.iter() {
                    errors.push(told(path, text, "is not Cedar", said));
                }
                return;
            }
        };
        let mut refuse = |at: usize, value: Option<&str>, problem: String, remedy: &str| {
            let value = value.filter(|value| name::personal(value).is_none());
            errors.push(PolicyError {
                value: value.map(name::shown),
                ..error(path, text, None, format!("policy[{at}]"), problem, remedy)
            });
        };
        for template in parsed.templates() {
            refuse(
                place(template.id()),
                None,
                "is a template: expected a policy without `?principal` and `?resource`".to_owned(),
                "write out whom it is about",
            );
        }
        let mut policies: Vec<_> = parsed.policies().collect();
        policies.sort_by_key(|policy| place(policy.id()));
        for policy in policies {
            let at = place(policy.id());
            let Some(id) = policy.annotation("id") else {
                let problem = "has no id: expected `@id(\"…\")` before it".to_owned();
                refuse(at, None, problem, "name it: reasons cite it by its id");
                continue;
            };
            if let Err(why) = name::check("@id", id, RULE_MAX) {
                refuse(
                    at,
                    None,
                    format!("has an id that is not clear: {why}"),
                    "name it otherwise",
                );
                continue;
            }
            if let Some(first) = self.all.get(id) {
                let problem = format!("has an id that another in {} has", first.path);
                refuse(at, Some(id), problem, "give each its own");
                continue;
            }
            if let Err(why) = self.set.add(policy.new_id(PolicyId::new(id))) {
                refuse(at, Some(id), said(&why.to_string()), "correct it");
                continue;
            }
            let condition = Condition {
                id: id.to_owned(),
                forbids: policy.effect() == Effect::Forbid,
                path: path.to_owned(),
            };
            self.all.insert(condition.id.clone(), condition);
        }
    }

    /// Everything that is wrong with them under the schema, in strict mode; warnings count, because
    /// each tells of a condition that does not say what its author reads.
    fn validate<'a>(
        &self,
        files: &[(&str, &str)],
        actions: impl IntoIterator<Item = &'a str>,
        errors: &mut Vec<PolicyError>,
    ) {
        let (path, text) = files.first().copied().unwrap_or_default();
        let schema = match Schema::from_cedarschema_str(&schema(actions)) {
            Ok((schema, _)) => schema,
            Err(why) => {
                let problem = format!("cannot be checked: {}", said(&why.to_string()));
                errors.push(error(
                    path,
                    text,
                    None,
                    String::new(),
                    problem,
                    "name actions otherwise",
                ));
                return;
            }
        };
        let result = Validator::new(schema).validate(&self.set, ValidationMode::Strict);
        let found = result
            .validation_errors()
            .map(|found| (found.policy_id(), found as &dyn Diagnostic));
        let doubtful = result
            .validation_warnings()
            .map(|found| (found.policy_id(), found as &dyn Diagnostic));
        for (id, diagnostic) in found.chain(doubtful) {
            let id: &str = id.as_ref();
            let path = self
                .all
                .get(id)
                .map_or(path, |condition| condition.path.as_str());
            let text = files.iter().find(|(other, _)| *other == path);
            let text = text.map_or("", |(_, text)| *text);
            errors.push(told(path, text, "is not valid", diagnostic));
        }
    }
}

/// The schema of a policy with these actions, each a clear id, which needs no escapes.
pub(super) fn schema<'a>(actions: impl IntoIterator<Item = &'a str>) -> String {
    let mut schema = CONDITION_SCHEMA.to_owned();
    for action in actions {
        schema.push_str("action \"");
        schema.push_str(action);
        schema.push_str("\" appliesTo { principal: Agent, resource: Ledger, context: Request };\n");
    }
    schema
}

/// The place of a policy in its file, from 0: Cedar names them `policy0`, `policy1`…
fn place(id: &PolicyId) -> usize {
    let id: &str = id.as_ref();
    id.strip_prefix("policy")
        .and_then(|at| at.parse().ok())
        .unwrap_or(0)
}

fn error(
    path: &str,
    text: &str,
    at: Option<usize>,
    key: String,
    problem: String,
    remedy: &str,
) -> PolicyError {
    let line = at
        .and_then(|at| text.get(..at))
        .map(|before| before.matches('\n').count() + 1);
    PolicyError {
        path: path.to_owned(),
        line,
        key,
        value: None,
        problem,
        remedy: remedy.to_owned(),
    }
}

/// What Cedar says of an error, with where it stands.
fn told(path: &str, text: &str, what: &str, found: &dyn Diagnostic) -> PolicyError {
    let at = found
        .labels()
        .and_then(|mut labels| labels.next())
        .map(|label| label.offset());
    let help = found.help().map(|help| said(&help.to_string()));
    let remedy = help.unwrap_or_else(|| {
        "correct it: docs/conditions.md says what a condition may read".to_owned()
    });
    let problem = format!("{what}: {}", said(&found.to_string()));
    error(path, text, at, String::new(), problem, &remedy)
}

/// What Cedar says, on one line.
fn said(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut said: String = line
        .chars()
        .filter(|c| !c.is_control())
        .take(SAID_CHARS_MAX)
        .collect();
    if line.chars().count() > SAID_CHARS_MAX {
        said.push('…');
    }
    said
}
