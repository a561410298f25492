//! `[[grant]]`: who may do what to what, on whose behalf and from where, and who has to approve.

use std::collections::BTreeSet;

use super::field::{Known, List, existing, is_any, named, one_of, unique_id, word_at};
use super::read::{Reader, Section};
use super::scope::{OTHER_WORD, object_type, other_word, patterns};
use super::{
    AGENT_VERSIONS_MAX, FieldRules, Fields, GRANTS_MAX, Grant, LIST_MAX, MAILBOX_BYTES_MAX,
    Mailboxes, Names,
};
use crate::action::Class;
use crate::entry::Environment;
use crate::limits::POLICY_MAILBOXES_MAX;
use crate::name::{self, PRINCIPAL_MAX, VERSION_MAX};
use crate::token::Token;

pub(super) fn rows(
    reader: &mut Reader<'_>,
    root: &mut Section<'_>,
    known: Known<'_>,
    fields: &FieldRules,
) -> Vec<Grant> {
    let mut grants = Vec::new();
    let mut ids = BTreeSet::new();
    let mut mailbox_names = BTreeSet::new();
    for mut row in root.rows(reader, "grant", GRANTS_MAX) {
        let id = unique_id(reader, &mut row, &mut ids);
        let agent = named(reader, &mut row, "agent", PRINCIPAL_MAX);
        let listed = row.strings(reader, "actions", LIST_MAX);
        if !row.has("actions") {
            row.missing(reader, "actions", "name the actions that the row grants");
        }
        let actions = existing(reader, &row, listed.as_ref(), known);
        let sellers = sellers(reader, &mut row);
        let contact = actions
            .iter()
            .find(|action| known.class(action) == Some(Class::Contact));
        if let Some(action) = contact.filter(|_| !row.has("sellers")) {
            let remedy = format!(
                "`{action}` is contact: name the sellers on whose behalf, or write `sellers = [\"*\"]` for any"
            );
            row.missing(reader, "sellers", &remedy);
        }
        let mailboxes = mailboxes(reader, &mut row, &mut mailbox_names);
        let mut grant = Grant {
            id,
            agent: agent.map_or_else(String::new, |agent| agent.value.to_owned()),
            actions,
            sellers: sellers.unwrap_or(Names::Only(BTreeSet::new())),
            mailboxes,
            objects: Names::Only(BTreeSet::new()),
            reads: Fields::none(),
            writes: Fields::none(),
            environments: environments(reader, &mut row),
            tier: None,
            required: false,
            waived: false,
            elsewhere: false,
            approvers: None,
            agent_versions: agent_versions(reader, &mut row),
        };
        objects(reader, &mut row, known, &mut grant);
        approval(reader, &mut row, known, fields, &mut grant);
        row.finish(reader);
        grants.push(grant);
    }
    grants
}

/// Objects, and their fields to read and to write.
fn objects(reader: &mut Reader<'_>, row: &mut Section<'_>, known: Known<'_>, grant: &mut Grant) {
    let list = row.strings(reader, "objects", LIST_MAX);
    if let Some(list) = &list {
        grant.objects = if is_any(reader, row, "objects", list) {
            Names::Any
        } else {
            Names::Only(object_types(reader, row, list))
        };
    }
    for (key, into) in [("reads", &mut grant.reads), ("writes", &mut grant.writes)] {
        let Some(list) = row.strings(reader, key, LIST_MAX) else {
            continue;
        };
        *into = patterns(reader, row, key, &list);
        if !row.has("objects") {
            let problem = "is there without `objects`: whose fields?";
            let remedy = "name the types of the objects, or write `objects = [\"*\"]` for any";
            reader.error(list.at, &row.key(key), None, problem, remedy);
        }
    }
    let reads_alone = |action: &String| known.class(action) == Some(Class::Read);
    if row.has("writes") && !grant.actions.is_empty() && grant.actions.iter().all(reads_alone) {
        let problem = "names fields to write, and each of the row's actions only reads";
        let remedy = "take it out, or name an action that writes";
        reader.error(row.at, &row.key("writes"), None, problem, remedy);
    }
    let changes = |class: Option<Class>| class.is_some_and(Class::changes);
    let change = grant
        .actions
        .iter()
        .find(|action| changes(known.class(action)));
    if let Some(action) = change.filter(|_| !row.has("objects")) {
        let remedy = format!(
            "`{action}` changes something, and no request without a target is granted: name the types of the objects, or write `objects = [\"*\"]` for any"
        );
        row.missing(reader, "objects", &remedy);
    }
}

fn object_types(reader: &mut Reader<'_>, row: &Section<'_>, list: &List<'_>) -> BTreeSet<String> {
    let mut types = BTreeSet::new();
    let items = list.value.iter().enumerate();
    for (i, item) in items.filter(|(_, item)| item.value != "*") {
        if let Some(word) = other_word(item.value) {
            let key = row.key(&format!("objects[{i}]"));
            let remedy = format!("write `{word}`");
            reader.error(item.at, &key, Some(item.value), OTHER_WORD, &remedy);
            continue;
        }
        match object_type(item.value) {
            Ok(()) => _ = types.insert(item.value.to_owned()),
            Err(problem) => {
                let remedy =
                    "write the type as requests name their targets, for instance `contact`";
                let key = row.key(&format!("objects[{i}]"));
                reader.error(item.at, &key, Some(item.value), problem, remedy);
            }
        }
    }
    types
}

fn environments(reader: &mut Reader<'_>, row: &mut Section<'_>) -> Vec<Environment> {
    const BOTH: [(Environment, &str); 2] = [
        (Environment::Prod, "prod"),
        (Environment::Sandbox, "sandbox"),
    ];
    let list = row.strings(reader, "environments", BOTH.len());
    let known = |word: &str| {
        BOTH.into_iter()
            .find(|(_, name)| *name == word)
            .map(|(of, _)| of)
    };
    let expected = "`prod` or `sandbox`";
    let named = one_of(reader, row, "environments", list.as_ref(), known, expected);
    let both = BOTH.into_iter().map(|(environment, _)| environment);
    both.filter(|environment| list.is_none() || named.contains(environment))
        .collect()
}

fn agent_versions(reader: &mut Reader<'_>, row: &mut Section<'_>) -> BTreeSet<String> {
    let list = row.strings(reader, "agent_versions", AGENT_VERSIONS_MAX);
    let mut versions = BTreeSet::new();
    for (i, item) in list.into_iter().flat_map(|list| list.value).enumerate() {
        match name::check("agent version", item.value, VERSION_MAX) {
            Ok(()) => _ = versions.insert(item.value.to_owned()),
            Err(error) => row.bad_name(reader, &format!("agent_versions[{i}]"), item, &error),
        }
    }
    versions
}

/// Tier, approval and approvers. `grant` has its actions, objects and fields.
fn approval(
    reader: &mut Reader<'_>,
    row: &mut Section<'_>,
    known: Known<'_>,
    fields: &FieldRules,
    grant: &mut Grant,
) {
    let tier = |action: &str| known.rule(action).map(|rule| rule.tier);
    let least = grant.actions.iter().filter_map(|action| tier(action)).min();
    if let Some(found) = row.integer(reader, "tier", &(1..=3)) {
        let raised = u8::try_from(found.value).unwrap_or(3);
        if let Some(least) = least.filter(|least| raised < *least) {
            let problem = format!(
                "is below the tier of each of its actions ({least}): a row raises a tier and never lowers one"
            );
            let shown = raised.to_string();
            reader.error(
                found.at,
                &row.key("tier"),
                Some(&shown),
                problem,
                "raise it, or take it out",
            );
        }
        grant.tier = Some(raised);
    }
    let stated = |word: &str| match word {
        "required" => Some(false),
        "waived" => Some(true),
        _ => None,
    };
    let approval = word_at(reader, row, "approval", stated, "`required` or `waived`");
    grant.required = approval.is_some_and(|found| !found.value);
    grant.waived = approval.is_some_and(|found| found.value);
    let elsewhere = |word: &str| (word == "elsewhere").then_some(());
    let decided = word_at(reader, row, "decided", elsewhere, "`elsewhere`");
    grant.elsewhere = decided.is_some();
    // Of tier 2 alone there is something to ask, to waive or to leave to somebody else.
    if !grant.tiers(tier, fields).contains(&2) {
        let mut without_effect = |key: &str, at: usize, value: &str, what: &str| {
            let problem = format!(
                "has nothing to {what}: nothing that the row grants is tier 2, and nothing lifts tier 3 but break-glass"
            );
            reader.error(at, &row.key(key), Some(value), problem, "take it out");
        };
        match approval {
            Some(found) if found.value => without_effect("approval", found.at, "waived", "waive"),
            Some(found) => without_effect("approval", found.at, "required", "require"),
            None => {}
        }
        if let Some(found) = decided {
            let what = "leave to the engine that decided before";
            without_effect("decided", found.at, "elsewhere", what);
        }
    }
    if let Some(found) = row.string(reader, "approvers") {
        match name::check("approvers", found.value, PRINCIPAL_MAX) {
            Ok(()) => grant.approvers = Some(found.value.to_owned()),
            Err(error) => row.bad_name(reader, "approvers", found, &error),
        }
    }
}

impl Grant {
    /// The tiers that requests under this row can have: those of its actions, raised by the row, and 2
    /// where it lets a sensitive field be written. `tier` says that of an action.
    pub(super) fn tiers(
        &self,
        tier: impl Fn(&str) -> Option<u8>,
        fields: &FieldRules,
    ) -> BTreeSet<u8> {
        let sensitive = fields.sensitive.iter().any(|(object, field)| {
            let object = match &self.objects {
                Names::Any => true,
                Names::Only(names) if object == "*" => !names.is_empty(),
                Names::Only(names) => names.contains(object),
            };
            object && (self.writes.contains(field) || fields.agent_owned.contains(field))
        });
        let actions = self.actions.iter().filter_map(|action| tier(action));
        let raised = actions.map(|tier| tier.max(self.least_tier().unwrap_or(0)));
        let touched = |tier: u8| [Some(tier), (sensitive && tier < 2).then_some(2)];
        raised.flat_map(touched).flatten().collect()
    }
}

fn sellers(reader: &mut Reader<'_>, row: &mut Section<'_>) -> Option<Names> {
    let list = row.strings(reader, "sellers", LIST_MAX)?;
    if is_any(reader, row, "sellers", &list) {
        return Some(Names::Any);
    }
    let mut names = BTreeSet::new();
    for (i, item) in list
        .value
        .iter()
        .enumerate()
        .filter(|(_, item)| item.value != "*")
    {
        match name::seller(item.value) {
            Ok(()) => _ = names.insert(item.value.to_owned()),
            Err(error) => row.bad_name(reader, &format!("sellers[{i}]"), *item, &error),
        }
    }
    Some(Names::Only(names))
}

/// The mailboxes of a row; `all` gathers the names of all rows.
fn mailboxes<'a>(
    reader: &mut Reader<'_>,
    row: &mut Section<'a>,
    all: &mut BTreeSet<&'a str>,
) -> Mailboxes {
    let (mut names, mut tokens) = (BTreeSet::new(), BTreeSet::new());
    let Some(list) = row.strings(reader, "mailboxes", LIST_MAX) else {
        return Mailboxes::Only { names, tokens };
    };
    if is_any(reader, row, "mailboxes", &list) {
        return Mailboxes::Any;
    }
    for (i, item) in list
        .value
        .iter()
        .enumerate()
        .filter(|(_, item)| item.value != "*")
    {
        let key = format!("mailboxes[{i}]");
        if let Some(digits) = item.value.strip_prefix("token:") {
            if let Ok(token) = digits.parse::<Token>() {
                tokens.insert(token);
            } else {
                let problem = "is not valid: expected `token:` and 64 lower-case hex digits";
                let remedy = "copy the token from an entry";
                reader.error(item.at, &row.key(&key), Some(item.value), problem, remedy);
            }
        } else if let Err(error) = name::check("mailbox", item.value, MAILBOX_BYTES_MAX) {
            row.bad_name(reader, &key, *item, &error);
        } else {
            names.insert(item.value.to_owned());
            if all.insert(item.value) && all.len() == POLICY_MAILBOXES_MAX + 1 {
                let problem = format!(
                    "is one mailbox too many: expected at most {POLICY_MAILBOXES_MAX} names in a policy"
                );
                reader.error(
                    item.at,
                    &row.key(&key),
                    Some(item.value),
                    problem,
                    "grant `[\"*\"]`, or name fewer",
                );
            }
        }
    }
    Mailboxes::Only { names, tokens }
}
