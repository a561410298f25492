//! Scopes: a row of the policy grants an action to an agent, or it is denied.

use super::Nature;
use crate::action::Class;
use crate::entry::{Code, Decision, Reason};
use crate::policy::{Mailboxes, Names};
use crate::state::InForce;

/// The first row that grants the request, or how near the rows came.
pub(crate) fn check(policy: &InForce, request: &Decision, nature: &Nature) -> Reason {
    let mut nearest = Code::GrantNone;
    for row in policy.text.grants(&request.cause.actor.id, &request.action) {
        // Sellers and mailboxes are about reaching people; other actions have neither to be granted.
        let contact = nature.class == Class::Contact;
        let seller = match &request.seller {
            Some(seller) => row.sellers.contains(seller),
            None => !contact || matches!(row.sellers, Names::Any),
        };
        if !seller {
            nearest = nearest.max(Code::GrantSeller);
            continue;
        }
        let mailbox = match request.mailbox {
            Some(token) => policy.allows_mailbox(&row.mailboxes, token),
            // A row that names mailboxes is no grant to send from an unnamed one.
            None => !contact || row.mailboxes.is_empty() || matches!(row.mailboxes, Mailboxes::Any),
        };
        if !mailbox {
            nearest = nearest.max(Code::GrantMailbox);
            continue;
        }
        return Reason {
            rule: Some(row.id.clone()),
            ..Code::GrantRow.reason()
        };
    }
    nearest.reason()
}
