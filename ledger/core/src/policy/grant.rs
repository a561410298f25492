//! `[[grant]]`: who may do what, on whose behalf and from where.

use std::collections::BTreeSet;

use super::field::{existing, is_any, named, unique_id};
use super::read::{Reader, Section};
use super::{Fields, GRANTS_MAX, Grant, LIST_MAX, MAILBOX_BYTES_MAX, Mailboxes, Names};
use crate::action::Class;
use crate::entry::Environment;
use crate::limits::POLICY_MAILBOXES_MAX;
use crate::name::{self, PRINCIPAL_MAX};
use crate::token::Token;

pub(super) fn rows(
    reader: &mut Reader<'_>,
    root: &mut Section<'_>,
    class: &dyn Fn(&str) -> Option<Class>,
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
        let actions = existing(reader, &row, listed.as_ref(), class);
        let sellers = sellers(reader, &mut row);
        let contact = actions
            .iter()
            .find(|action| class(action) == Some(Class::Contact));
        if let Some(action) = contact.filter(|_| !row.has("sellers")) {
            let remedy = format!(
                "`{action}` is contact: name the sellers on whose behalf, or write `sellers = [\"*\"]` for any"
            );
            row.missing(reader, "sellers", &remedy);
        }
        let mailboxes = mailboxes(reader, &mut row, &mut mailbox_names);
        row.finish(reader);
        grants.push(Grant {
            id,
            agent: agent.map_or_else(String::new, |agent| agent.value.to_owned()),
            actions,
            sellers: sellers.unwrap_or(Names::Only(BTreeSet::new())),
            mailboxes,
            objects: Names::Only(BTreeSet::new()),
            reads: Fields::none(),
            writes: Fields::none(),
            environments: vec![Environment::Prod, Environment::Sandbox],
            tier: None,
            waived: false,
            elsewhere: false,
            approvers: None,
            agent_versions: BTreeSet::new(),
        });
    }
    grants
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
