//! Circuit breakers: what is open refuses everything in its scope.

use super::citing;
use crate::action::Class;
use crate::entry::{BreakerScope, Cite, Code, Decision, Reason};
use crate::state::State;
use crate::time::Timestamp;
use crate::view::View;

/// A reason for every rule of which a breaker is open in whose scope the request is.
pub(super) fn check<V: View>(
    state: &State<V>,
    request: &Decision,
    class: Class,
    now: Timestamp,
    reasons: &mut Vec<Reason>,
) {
    let mut rules: std::collections::BTreeMap<&str, Vec<Cite>> = std::collections::BTreeMap::new();
    for (seq, record) in state.breakers_open(now) {
        if record.scope.covers(request, class) {
            let cites = rules.entry(&record.rule).or_default();
            cites.push(Cite { seq, index: None });
        }
    }
    for (rule, cites) in rules {
        reasons.push(Reason {
            rule: Some(rule.to_owned()),
            ..citing(Code::BreakerOpen.reason(), cites)
        });
    }
}

impl BreakerScope {
    /// Whether a request for an action of `class` is within it.
    pub fn covers(&self, request: &Decision, class: Class) -> bool {
        let agent = self
            .agent
            .as_ref()
            .is_none_or(|agent| *agent == request.cause.actor.id);
        // Whoever leaves out what a breaker is open for is not past it.
        let seller =
            self.seller.is_none() || request.seller.is_none() || self.seller == request.seller;
        let mailbox =
            self.mailbox.is_none() || request.mailbox.is_none() || self.mailbox == request.mailbox;
        let what = self.actions.contains(&request.action) || self.classes.contains(&class);
        agent && seller && mailbox && what
    }
}
