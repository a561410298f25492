//! `[[breaker]]`: what is measured over reports, and what opens because of it.

use std::collections::BTreeSet;

use crate::action::Class;
use crate::entry::Measure;

/// The most `[[breaker]]` rows.
pub const BREAKERS_MAX: usize = 32;
/// The id of the breaker that the gate itself has.
pub const DNC_BREACH: &str = "dnc-breach";

/// A circuit breaker: what of the reports in a trailing window is too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerRule {
    /// The rule's id, unique among breakers, never [`DNC_BREACH`].
    pub id: String,
    /// What it measures.
    pub measure: Measure,
    /// The actions whose reports it measures, and which it refuses while it is open.
    pub actions: BTreeSet<String>,
    /// The classes, whatever the action.
    pub classes: BTreeSet<Class>,
    /// What it measures per, and what of it is refused.
    pub per: BreakerPer,
    /// Above this it warns, in parts per million or, of a cost, in millionths of the currency unit;
    /// less than `open`.
    pub warn: Option<u64>,
    /// Above this it opens, in the same unit.
    pub open: u64,
    /// With fewer in the window it does neither. Of a cost, 1.
    pub minimum: u64,
    /// The trailing window in seconds, 1 to [`WINDOW_S_MAX`](crate::limits::WINDOW_S_MAX).
    pub window_s: u64,
}

impl BreakerRule {
    /// Whether the rule measures an action of this name and class.
    pub fn matches(&self, action: &str, class: Class) -> bool {
        self.classes.contains(&class) || self.actions.contains(action)
    }
}

/// What a breaker measures per.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BreakerPer {
    /// Each agent.
    Agent,
    /// Each sending mailbox; reports on what was sent from none are not measured.
    Mailbox,
    /// Each seller; reports on what was done for none are not measured.
    Seller,
    /// The whole ledger.
    Workspace,
}

impl BreakerPer {
    /// Every one, in the documented order.
    pub const ALL: [Self; 4] = [Self::Agent, Self::Mailbox, Self::Seller, Self::Workspace];

    /// The word in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Mailbox => "mailbox",
            Self::Seller => "seller",
            Self::Workspace => "workspace",
        }
    }
}
