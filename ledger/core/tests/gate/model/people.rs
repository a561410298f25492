//! What people answered, opened and closed: approvals, break-glass, breakers and keys.

use ledger_core::action::Class;
use ledger_core::entry::{BreakerScope, Cite, Code, Decision, KeyEvent, Outcome, Verdict};
use ledger_core::role::Role;
use ledger_core::time::Timestamp;

use super::{Decided, Model, No, ReasonM, What};

/// A request for break-glass, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct GlassM {
    pub(crate) request: u64,
    pub(crate) by: String,
    pub(crate) agent: String,
    pub(crate) action: Option<String>,
    pub(crate) duration_s: i64,
    confirm_by: Timestamp,
    opened: Option<(u64, Timestamp)>,
}

impl GlassM {
    /// Until when it can be confirmed; once it is open, until when it is.
    pub(crate) fn until(&self) -> Timestamp {
        self.opened.map_or(self.confirm_by, |(_, until)| until)
    }

    fn over(&self, now: Timestamp) -> bool {
        now >= self.until()
    }
}

impl Model {
    /// The decision at `seq`, where it asked for an approval.
    pub(crate) fn asked(&self, seq: u64) -> Option<&Decided> {
        self.decided(seq)
            .map(|(_, decided)| decided)
            .filter(|decided| decided.by_gate && decided.outcome == Outcome::RequireApproval)
    }

    /// What people, or time, said of a request: verdict, entry and who.
    pub(crate) fn answer(&self, request: u64) -> Option<(Verdict, u64, &str)> {
        self.events.iter().find_map(|event| match &event.what {
            What::Answered {
                request: of,
                verdict,
                by,
            } if *of == request => Some((*verdict, event.seq, by.as_str())),
            _ => None,
        })
    }

    /// The allow that relied on this approval.
    fn spent(&self, approval: u64) -> Option<u64> {
        self.events.iter().find_map(|event| match &event.what {
            What::Decided(decided)
                if decided.by_gate
                    && decided.outcome == Outcome::Allow
                    && decided.approver.is_some()
                    && decided.request.approval == Some(approval) =>
            {
                Some(event.seq)
            }
            _ => None,
        })
    }

    /// The requests over whose time the ledger has to speak, the first to expire first.
    pub(crate) fn expired(&self, now: Timestamp) -> Vec<u64> {
        let mut over: Vec<(Timestamp, u64)> = Vec::new();
        for event in &self.events {
            let Some(decided) = self.asked(event.seq) else {
                continue;
            };
            let settled = match self.answer(event.seq) {
                None => false,
                Some((Verdict::Granted, answer, _)) => self.spent(answer).is_some(),
                Some(_) => true,
            };
            let announced = self.events.iter().any(
                |other| matches!(other.what, What::Expired { request } if request == event.seq),
            );
            let by = decided.approve_by.unwrap();
            if by <= now && !settled && !announced {
                over.push((by, event.seq));
            }
        }
        over.sort_unstable();
        over.into_iter().map(|(_, seq)| seq).collect()
    }

    /// What is to be said of the approval that a request names, and who gave it if it holds.
    pub(super) fn approval(
        &self,
        request: &Decision,
        group: Option<&str>,
        now: Timestamp,
    ) -> Option<(ReasonM, Option<String>)> {
        let named = request.approval?;
        let granted = self.events.iter().find_map(|event| match &event.what {
            What::Answered {
                request,
                verdict: Verdict::Granted,
                by,
            } if event.seq == named => Some((*request, by.clone())),
            _ => None,
        });
        let Some((asked_at, by)) = granted else {
            return Some((ReasonM::of(Code::ApprovalUnknown), None));
        };
        let citing = |code, seq| ReasonM {
            cites: vec![Cite { seq, index: None }],
            ..ReasonM::of(code)
        };
        let asked = self.asked(asked_at).unwrap();
        let same = asked.request.cause.actor.id == request.cause.actor.id
            && asked.request.cause.content.is_some()
            && asked.request.cause.content == request.cause.content;
        Some(if !same {
            (citing(Code::ApprovalMismatch, named), None)
        } else if let Some(allow) = self.spent(named) {
            (citing(Code::ApprovalSpent, allow), None)
        } else if now >= asked.approve_by.unwrap() {
            (citing(Code::ApprovalExpired, named), None)
        } else if self.in_force(&by) != Some(Role::Approver)
            || group.is_none_or(|group| self.member(&by, group).is_err())
        {
            (citing(Code::ApprovalApprover, named), None)
        } else {
            (citing(Code::ApprovalGranted, named), Some(by))
        })
    }

    /// Whether somebody may answer a request now.
    pub(crate) fn may_answer(&self, request: u64, by: &str, now: Timestamp) -> Result<(), No> {
        let Some(asked) = self.asked(request) else {
            return Err(No::Field("decision"));
        };
        if self.answer(request).is_some() || now >= asked.approve_by.unwrap() {
            return Err(No::State);
        }
        self.member(by, asked.approvers.as_deref().unwrap())
    }

    /// Whether a principal is in a group.
    pub(crate) fn member(&self, id: &str, group: &str) -> Result<(), No> {
        let last = self
            .events
            .iter()
            .rev()
            .find_map(|event| match &event.what {
                What::Principal {
                    id: other, groups, ..
                } if other == id => Some(groups.iter().any(|each| each == group)),
                _ => None,
            });
        if last == Some(true) {
            Ok(())
        } else {
            Err(No::Group)
        }
    }

    /// Every request for break-glass that nobody has closed, in the order of the log.
    pub(crate) fn glass(&self) -> Vec<GlassM> {
        let mut found: Vec<GlassM> = Vec::new();
        for event in &self.events {
            match &event.what {
                What::GlassRequested {
                    by,
                    agent,
                    action,
                    duration_s,
                    confirm_s,
                } => found.push(GlassM {
                    request: event.seq,
                    by: by.clone(),
                    agent: agent.clone(),
                    action: action.clone(),
                    duration_s: *duration_s,
                    confirm_by: later(event.time, *confirm_s),
                    opened: None,
                }),
                What::GlassOpened { request } => {
                    let of = found.iter_mut().find(|one| one.request == *request);
                    let of = of.unwrap();
                    of.opened = Some((event.seq, later(event.time, of.duration_s)));
                }
                What::GlassClosed { request } => found.retain(|one| one.request != *request),
                _ => {}
            }
        }
        found
    }

    /// The entry by which break-glass is open for a request.
    pub(super) fn glass_open(&self, request: &Decision, now: Timestamp) -> Option<u64> {
        self.glass().into_iter().find_map(|glass| {
            let action = glass
                .action
                .as_ref()
                .is_none_or(|only| *only == request.action);
            let covers = glass.agent == request.cause.actor.id && action && !glass.over(now);
            glass.opened.filter(|_| covers).map(|(seq, _)| seq)
        })
    }

    /// The request that somebody may confirm, or close, now.
    pub(crate) fn glass_known(&self, request: u64, now: Timestamp) -> Result<GlassM, No> {
        self.glass()
            .into_iter()
            .find(|glass| glass.request == request && !glass.over(now))
            .ok_or(No::Field("request"))
    }

    pub(crate) fn may_confirm(&self, request: u64, by: &str, now: Timestamp) -> Result<(), No> {
        let glass = self.glass_known(request, now)?;
        if glass.opened.is_some() || glass.by == by {
            return Err(No::State);
        }
        Ok(())
    }

    pub(crate) fn may_request_glass(
        &self,
        agent: &str,
        action: Option<&str>,
        duration_s: i64,
    ) -> Result<(), No> {
        let registered = self.events.iter().any(|event| {
            matches!(&event.what, What::Principal { id, role: Role::Agent, .. } if id == agent)
        });
        if !registered {
            return Err(No::Field("agent"));
        }
        if action.is_some_and(|action| !self.nature(action).0) {
            return Err(No::Field("action"));
        }
        if duration_s < 60
            || duration_s
                > self
                    .policy()
                    .map_or(3_600, |(_, policy)| policy.glass_max_s)
        {
            return Err(No::Field("duration_s"));
        }
        Ok(())
    }

    /// The breakers that are open for a request, with the rules: what the log says of them.
    pub(super) fn breakers(
        &self,
        request: &Decision,
        class: Class,
        now: Timestamp,
        reasons: &mut Vec<ReasonM>,
    ) {
        let mut open: Vec<ReasonM> = Vec::new();
        for (seq, rule, scope) in self.breakers_open(now) {
            if !within(&scope, request, class) {
                continue;
            }
            let cite = Cite { seq, index: None };
            match open
                .iter_mut()
                .find(|reason| reason.rule.as_deref() == Some(&rule))
            {
                Some(reason) => reason.cites.push(cite),
                None => open.push(ReasonM {
                    rule: Some(rule),
                    cites: vec![cite],
                    ..ReasonM::of(Code::BreakerOpen)
                }),
            }
        }
        reasons.extend(open);
    }

    /// The entries that opened a breaker which is still open, with rule and scope.
    pub(crate) fn breakers_open(&self, now: Timestamp) -> Vec<(u64, String, BreakerScope)> {
        let mut open = Vec::new();
        for event in &self.events {
            match &event.what {
                What::BreakerOpened { rule, scope, until } => {
                    // It opens once more only where it had closed by its time.
                    open.retain(|(_, other, of)| (other, of) != (rule, scope));
                    if until.is_none_or(|until| now < until) {
                        open.push((event.seq, rule.clone(), scope.clone()));
                    }
                }
                What::BreakerEnded { opened } => open.retain(|(seq, ..)| seq != opened),
                _ => {}
            }
        }
        open
    }

    /// Whether a key may be trusted, or no longer be.
    pub(crate) fn may_key(&self, event: KeyEvent, name: &str, key: &str) -> Result<(), No> {
        let trusted = self
            .events
            .iter()
            .rev()
            .find_map(|event| match &event.what {
                What::Key {
                    name: other,
                    trusted,
                } if other == name => Some(trusted.as_deref() == Some(key)),
                _ => None,
            })
            .unwrap_or(false);
        if (event == KeyEvent::Trusted) == trusted {
            Err(No::State)
        } else {
            Ok(())
        }
    }
}

pub(super) fn later(time: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_micros(time.micros() + seconds * 1_000_000).unwrap()
}

fn within(scope: &BreakerScope, request: &Decision, class: Class) -> bool {
    let named = scope.actions.contains(&request.action);
    let agent = match &scope.agent {
        Some(agent) => *agent == request.cause.actor.id,
        None => true,
    };
    let seller = scope.seller.is_none() || scope.seller == request.seller;
    let mailbox = scope.mailbox.is_none() || scope.mailbox == request.mailbox;
    (named || scope.classes.contains(&class)) && agent && seller && mailbox
}
