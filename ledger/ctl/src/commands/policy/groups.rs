//! The groups that a policy asks for approval, and whether anybody is in them.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::policy::{Grant, Policy};
use ledger_proto::v1;

use crate::client::Session;
use crate::text::wrapped;

/// The groups that approve tier 2 under a row: its own, else those of its actions' classes.
pub(super) fn of_row<'a>(policy: &'a Policy, row: &'a Grant) -> BTreeSet<&'a str> {
    let of_class = |action: &String| policy.action(action).map(|rule| rule.class);
    let classes = row.actions.iter().filter_map(of_class);
    match &row.approvers {
        Some(group) => BTreeSet::from([group.as_str()]),
        None => classes.map(ledger_core::gate::approver_group).collect(),
    }
}

/// Every group that a policy asks, each with the rows that do.
pub(crate) fn asked(policy: &Policy) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in policy.all_grants() {
        if row.waived || !policy.tiers(row).contains(&2) {
            continue;
        }
        for group in of_row(policy, row) {
            groups
                .entry(group.to_owned())
                .or_default()
                .push(row.id.clone());
        }
    }
    groups
}

/// The groups that a policy asks, in words; nothing where it asks none.
pub(super) fn text(policy: &Policy) -> String {
    let asked = asked(policy);
    if asked.is_empty() {
        return String::new();
    }
    let groups: Vec<String> = asked
        .iter()
        .map(|(group, rows)| format!("`{group}` ({})", rows.join(", ")))
        .collect();
    wrapped(
        "",
        &format!(
            "Approval is asked of {}. Each needs an approver: publishing says which has none.",
            groups.join(", ")
        ),
    )
}

/// The groups of a policy in which no approver is in force; none where that cannot be learnt.
pub(super) async fn vacant(session: &Session, policy: &Policy) -> Vec<String> {
    let listed = session
        .control()
        .list_principals(v1::ListPrincipalsRequest {})
        .await;
    listed.map_or_else(
        |_| Vec::new(),
        |reply| without_approver(policy, &reply.into_inner().principals),
    )
}

fn without_approver(policy: &Policy, principals: &[v1::Principal]) -> Vec<String> {
    let is_approver =
        |principal: &&v1::Principal| principal.role() == v1::Role::Approver && !principal.revoked;
    let staffed: BTreeSet<&str> = principals
        .iter()
        .filter(is_approver)
        .flat_map(|principal| principal.groups.iter().map(String::as_str))
        .collect();
    asked(policy)
        .into_keys()
        .filter(|group| !staffed.contains(group.as_str()))
        .collect()
}

/// What to do about groups that nobody is in.
pub(super) fn warning(policy: &Policy, vacant: &[String]) -> String {
    let asked = asked(policy);
    let line = |group: &String| {
        let rows = asked
            .get(group)
            .map(|rows| rows.join(", "))
            .unwrap_or_default();
        wrapped(
            "",
            &format!(
                "Nobody can approve for the group `{group}`, which {rows} asks: no approver is in it. Add one with \
                 `ledgerctl principal put ID --role approver --group {group} --credential-out FILE`.",
            ),
        )
    };
    vacant.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
version = 1
[[action]]
name = "email.send"
[[action]]
name = "crm.deal.stage"
class = "write"
[[action]]
name = "crm.read"
class = "read"
[[grant]]
id = "sends"
agent = "agent.a"
actions = ["email.send"]
sellers = ["acme"]
[[grant]]
id = "waived"
agent = "agent.b"
actions = ["email.send"]
sellers = ["acme"]
approval = "waived"
[[grant]]
id = "stages"
agent = "agent.a"
actions = ["crm.deal.stage"]
objects = ["deal"]
approvers = "desk-emea"
[[grant]]
id = "reads"
agent = "agent.a"
actions = ["crm.read"]
"#;

    fn policy() -> Policy {
        Policy::parse(&[("policy.toml".to_owned(), TEXT.to_owned())]).unwrap()
    }

    fn principal(role: v1::Role, group: &str, revoked: bool) -> v1::Principal {
        v1::Principal {
            id: "approver.one".to_owned(),
            role: role.into(),
            groups: vec![group.to_owned()],
            revoked,
            ..v1::Principal::default()
        }
    }

    #[test]
    fn a_group_without_an_approver_in_force_is_told_with_the_rows_that_ask_it() {
        let policy = policy();
        let asked = asked(&policy);
        assert_eq!(
            asked,
            BTreeMap::from([
                ("desk-emea".to_owned(), vec!["stages".to_owned()]),
                ("sales-ops".to_owned(), vec!["sends".to_owned()]),
            ])
        );
        let emea = principal(v1::Role::Approver, "desk-emea", false);
        for (others, expected) in [
            (vec![], vec!["sales-ops"]),
            (
                vec![principal(v1::Role::Approver, "sales-ops", true)],
                vec!["sales-ops"],
            ),
            (
                vec![principal(v1::Role::Auditor, "sales-ops", false)],
                vec!["sales-ops"],
            ),
            (
                vec![principal(v1::Role::Approver, "sales-opps", false)],
                vec!["sales-ops"],
            ),
            (
                vec![principal(v1::Role::Approver, "sales-ops", false)],
                vec![],
            ),
        ] {
            let all: Vec<_> = others.into_iter().chain([emea.clone()]).collect();
            assert_eq!(without_approver(&policy, &all), expected, "{all:?}");
        }
        let warning = warning(&policy, &["sales-ops".to_owned()]).replace('\n', " ");
        assert!(
            warning.contains("`sales-ops`, which sends asks"),
            "{warning}"
        );
        assert!(text(&policy).contains("`desk-emea` (stages)"));
    }
}
