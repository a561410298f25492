//! One cell of the matrix: what is combined in it, and what must come of that by first principles.

use ledger_core::action::Class;
use ledger_core::entry::Outcome;

/// An action of each tier.
pub(crate) const ACTIONS: [(&str, Class); 4] = [
    ("crm.read", Class::Read),
    ("crm.update", Class::Write),
    ("email.send", Class::Contact),
    ("bulk.send", Class::Contact),
];
/// What the row of each agent says of an approval: it needs one, waives it, leaves it to who decided.
pub(crate) const PLAIN: usize = 0;
pub(crate) const WAIVED: usize = 1;
pub(crate) const ELSEWHERE: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApprovalIs {
    None,
    Pending,
    Granted,
    Denied,
    Expired,
    Spent,
    Mismatched,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopIs {
    None,
    All,
    /// Of the agent whose row waives.
    Agent,
    /// Of contact.
    Class,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DncIs {
    None,
    Listed,
    Flagged,
    Exempted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GlassIs {
    None,
    Requested,
    Open,
    Expired,
    Closed,
    ForAnother,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BreakerIs {
    None,
    /// The gate's own, of contact.
    Breach,
    /// Of every class.
    Errors,
}

/// Where, and whom it is to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    Prod,
    SandboxToFake,
    SandboxToReal,
}

pub(crate) const FOREIGN: [Option<Outcome>; 4] = [
    None,
    Some(Outcome::Allow),
    Some(Outcome::RequireApproval),
    Some(Outcome::Deny),
];
pub(crate) const APPROVALS: [ApprovalIs; 8] = [
    ApprovalIs::None,
    ApprovalIs::Pending,
    ApprovalIs::Granted,
    ApprovalIs::Denied,
    ApprovalIs::Expired,
    ApprovalIs::Spent,
    ApprovalIs::Mismatched,
    ApprovalIs::Unknown,
];
pub(crate) const STOPS: [StopIs; 4] = [StopIs::None, StopIs::All, StopIs::Agent, StopIs::Class];
pub(crate) const LISTS: [DncIs; 4] = [DncIs::None, DncIs::Listed, DncIs::Flagged, DncIs::Exempted];
pub(crate) const GLASSES: [GlassIs; 6] = [
    GlassIs::None,
    GlassIs::Requested,
    GlassIs::Open,
    GlassIs::Expired,
    GlassIs::Closed,
    GlassIs::ForAnother,
];
pub(crate) const BREAKERS: [BreakerIs; 3] = [BreakerIs::None, BreakerIs::Breach, BreakerIs::Errors];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) tier: usize,
    pub(crate) row: usize,
    pub(crate) foreign: Option<Outcome>,
    pub(crate) approval: ApprovalIs,
    pub(crate) place: Where,
    pub(crate) stop: StopIs,
    pub(crate) dnc: DncIs,
    pub(crate) glass: GlassIs,
    pub(crate) breaker: BreakerIs,
}

impl Cell {
    pub(crate) fn class(&self) -> Class {
        ACTIONS[self.tier].1
    }

    pub(crate) fn stopped(&self) -> bool {
        match self.stop {
            StopIs::None => false,
            StopIs::All => true,
            StopIs::Agent => self.row == WAIVED,
            StopIs::Class => self.class() == Class::Contact,
        }
    }

    pub(crate) fn listed(&self) -> bool {
        matches!(self.dnc, DncIs::Listed | DncIs::Flagged)
    }

    pub(crate) fn broken(&self) -> bool {
        match self.breaker {
            BreakerIs::None => false,
            BreakerIs::Breach => self.class() == Class::Contact,
            BreakerIs::Errors => true,
        }
    }

    /// What must come of it.
    pub(crate) fn expected(&self) -> Outcome {
        let approved = self.approval == ApprovalIs::Granted;
        let void = !approved && self.approval != ApprovalIs::None;
        let real = self.place == Where::SandboxToReal && self.class() == Class::Contact;
        let blocked = self.tier == 3 && self.glass != GlassIs::Open;
        let refused = self.foreign == Some(Outcome::Deny);
        if self.stopped() || self.listed() || self.broken() || void || real || blocked || refused {
            return Outcome::Deny;
        }
        let here = self.tier == 2
            && self.row != WAIVED
            && !(self.row == ELSEWHERE && self.foreign == Some(Outcome::Allow));
        let there = self.foreign == Some(Outcome::RequireApproval);
        if (here || there) && !approved {
            Outcome::RequireApproval
        } else {
            Outcome::Allow
        }
    }
}
