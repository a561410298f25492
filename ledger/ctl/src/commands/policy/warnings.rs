//! What is valid in a policy and may not be meant: told by `policy check`, and no reason to refuse it.

use ledger_core::action::Class;
use ledger_core::policy::{Grant, Names, Policy};

/// The warnings of a policy, in the order of its rows; each names the row and the key.
pub(super) fn of(policy: &Policy) -> Vec<String> {
    let rows = policy.all_grants().iter();
    rows.flat_map(|row| {
        [any_seller(policy, row), approvers_unasked(policy, row)]
            .into_iter()
            .flatten()
    })
    .collect()
}

/// A listing bound to one seller does not bind a request on behalf of another, and here the agent says which.
fn any_seller(policy: &Policy, row: &Grant) -> Option<String> {
    let contact = |name: &&String| {
        policy
            .action(name)
            .is_some_and(|rule| rule.class == Class::Contact)
    };
    let action = row.actions.iter().find(contact)?;
    (row.sellers == Names::Any).then(|| {
        format!(
            "row `{}`, sellers: with `[\"*\"]` the agent says on whose behalf it asks for `{action}`, and with that which of \
             the listings that are bound to one seller hold; name the sellers, or list people for every seller",
            row.id
        )
    })
}

/// A group that no tier asks.
fn approvers_unasked(policy: &Policy, row: &Grant) -> Option<String> {
    let group = row.approvers.as_ref()?;
    let asks = !row.waived && policy.tiers(row).contains(&2);
    (!asks).then(|| {
        let why = if row.waived {
            "the row waives the approval"
        } else {
            "nothing that the row grants is tier 2"
        };
        format!(
            "row `{}`, approvers: {why}, so `{group}` is asked only where another engine's decision asks for an approval, or \
             another row of the same request does",
            row.id
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of one row of `actions`, with `more` lines.
    fn told(actions: &str, more: &str) -> Vec<String> {
        let text = format!(
            "version = 1\n[[action]]\nname = \"crm.update\"\nclass = \"write\"\n\
             [[grant]]\nid = \"g\"\nagent = \"a\"\nactions = [{actions}]\nobjects = [\"note\"]\n{more}\n"
        );
        of(&Policy::parse(&[("policy.toml", &text)]).unwrap_or_else(|errors| panic!("{errors}")))
    }

    #[test]
    fn a_row_that_may_not_mean_what_it_says_is_told() {
        let (send, update) = ("\"email.send\"", "\"crm.update\"");
        let any = "sellers = [\"*\"]";
        let asks = "approvers = \"revops\"";
        for (actions, more, words) in [
            (
                send,
                any.to_owned(),
                "row `g`, sellers: with `[\"*\"]` the agent says",
            ),
            (
                "\"crm.update\", \"email.send\"",
                any.to_owned(),
                "asks for `email.send`",
            ),
            (
                update,
                asks.to_owned(),
                "row `g`, approvers: nothing that the row grants is tier 2",
            ),
            (
                send,
                format!("sellers = [\"acme\"]\napproval = \"waived\"\n{asks}"),
                "row `g`, approvers: the row waives the approval, so `revops`",
            ),
        ] {
            let told = told(actions, &more);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].contains(words), "{words} is not in {told:?}");
        }
        for (actions, more) in [
            (send, format!("sellers = [\"acme\"]\n{asks}")),
            (update, any.to_owned()),
            (update, format!("approval = \"required\"\n{asks}")),
        ] {
            assert!(told(actions, &more).is_empty(), "{more}");
        }
    }

    #[test]
    fn the_shipped_policies_have_none() {
        for text in [
            include_str!("../../../../../policies/sales/policy.toml"),
            include_str!("../../../../../policies/airline/policy.toml"),
        ] {
            let policy = Policy::parse(&[("policy.toml", text)]).unwrap();
            assert!(of(&policy).is_empty());
        }
    }
}
