//! Planning: from a command to the entries that it causes.
//!
//! A command is an entry's body with its answers not yet filled in. The service makes it
//! self-contained; the sequencer plans it at its place in the log; replay takes the commands out of a
//! log ([`request_part`]) and plans them again, which must give the same entries. So every rule about
//! what a ledger may write stands here, once.

mod approval;
mod breaker;
mod control;
mod glass;
mod key;
mod list;
mod listed;
mod promote;
mod report;

pub use approval::POLICY_GROUP;
pub(crate) use approval::may_answer;
pub(crate) use breaker::above;
pub(crate) use listed::{listing_reason, lists_nobody};
pub use report::closes;
pub(crate) use report::{findings, meant, names_another, outcome_findings, reports_for};

use crate::action::Class;
use crate::entry::{
    Actor, ActorType, Approval, Basis, Body, Boot, BreakGlass, BreakGlassEvent, Breaker,
    BreakerEvent, BreakerScope, Cause, Clock, ClockEvent, Decision, DncOp, Finding, KeyEvent,
    Measure, Outcome, Unresolved, Verdict,
};
use crate::gate;
use crate::policy::PolicyErrors;
use crate::promotion::PromotionError;
use crate::role::{Call, Grant, Role};
use crate::state::State;
use crate::time::Timestamp;
use crate::view::{View, ViewError};

/// What a command leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// These entries, in this order, all in one batch.
    Append(Vec<Body>),
    /// Nothing new: the same request was already answered by this entry.
    Repeat(u64),
}

/// Why a command writes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A view failed: the daemon stops.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The caller is not, or is no longer, a principal.
    #[error("principal `{id}` is not registered or was revoked: use a credential that is in force")]
    Unauthenticated {
        /// The caller.
        id: String,
    },
    /// The caller's role may not do this.
    #[error("role `{role}` may not call `{call}`: see docs/roles.md for who may")]
    NotPermitted {
        /// The caller's role.
        role: String,
        /// The call.
        call: &'static str,
    },
    /// The request id was used for something else.
    #[error(
        "request_id `{request_id}` was already used at seq {first} with other content, correlation id, action id or \
         approval: use a new request id for a new request"
    )]
    RequestReused {
        /// The request id.
        request_id: String,
        /// The entry that it stands for.
        first: u64,
    },
    /// A field has a value that it must not have.
    #[error("{field} `{value}`: {expected}")]
    Invalid {
        /// The field, as the interface names it.
        field: &'static str,
        /// The value.
        value: String,
        /// What was expected, and what to do.
        expected: String,
    },
    /// What the command is about is not there, or not in the state that it needs.
    #[error("{what}")]
    Precondition {
        /// What is missing, and what to do.
        what: String,
    },
    /// The caller is in none of the groups that may do this.
    #[error(
        "`{id}` is not in the group `{group}`, which was asked: an operator puts approvers into groups"
    )]
    NotInGroup {
        /// The caller.
        id: String,
        /// The group.
        group: String,
    },
    /// A receipt promotes nothing; the policy in force stays in force.
    #[error("promotion.receipt: {0}")]
    Promotion(Box<PromotionError>),
    /// The policy's text is not valid; the one in force stays in force.
    #[error("the policy is not valid and was not published; the one in force stays in force:\n{0}")]
    Policy(PolicyErrors),
}

/// The entries that `command` causes at `now`.
///
/// # Errors
/// [`Refusal`]: nothing is to be written.
pub fn plan<V: View>(state: &State<V>, command: Body, now: Timestamp) -> Result<Plan, Refusal> {
    authorise(state, &command)?;
    if let Some(first) = repeated(state, &command)? {
        return Ok(Plan::Repeat(first));
    }
    let body = match command {
        Body::Decision(decision) if decision.basis == Basis::Gate => {
            Body::Decision(Box::new(gate::decide(state, *decision, now)?))
        }
        Body::Decision(decision) => Body::Decision(Box::new(asserted(state, *decision)?)),
        Body::Execution(execution) => {
            return Ok(Plan::Append(report::execution(state, *execution, now)?));
        }
        Body::Outcome(outcome) => {
            return Ok(Plan::Append(report::outcome(state, *outcome, now)?));
        }
        Body::Dnc(dnc) => Body::Dnc(list::change(state, dnc, now)?),
        Body::Principal(change) => Body::Principal(control::principal(state, change)?),
        Body::Policy(policy) => return Ok(Plan::Append(control::policy(state, policy, now)?)),
        Body::Stop(stop) => Body::Stop(control::stop(state, stop, now)),
        Body::Resume(resume) => Body::Resume(control::resume(state, resume)?),
        Body::Clock(clock) => Body::Clock(acknowledged(state, clock)?),
        Body::Boot(boot) => Body::Boot(Boot {
            since: state.head().time,
            clean: state.head().shut_down,
            ..boot
        }),
        Body::Unresolved(unresolved) => Body::Unresolved(overdue(state, unresolved, now)?),
        Body::Genesis(genesis) => {
            if state.head().next != 0 {
                return Err(precondition("a ledger has one genesis, at seq 0"));
            }
            Body::Genesis(genesis)
        }
        Body::Approval(answer) if answer.verdict == Verdict::Expired => {
            Body::Approval(approval::expired(state, answer, now)?)
        }
        Body::Approval(answer) => Body::Approval(approval::answer(state, answer, now)?),
        Body::BreakGlass(glass) => Body::BreakGlass(glass::change(state, glass, now)?),
        Body::Breaker(breaker) => Body::Breaker(Box::new(breaker::end(state, *breaker, now)?)),
        Body::Key(entry) => Body::Key(key::change(state, entry)?),
        body @ (Body::Heartbeat(_) | Body::Shutdown(_) | Body::Access(_)) => body,
    };
    Ok(Plan::Append(vec![body]))
}

/// The command behind a recorded entry: the entry without its answers.
///
/// Of a policy in several entries, the first must be given the whole text.
pub fn request_part(body: &Body) -> Body {
    match body.clone() {
        Body::Decision(decision) if decision.basis == Basis::Gate => {
            Body::Decision(Box::new(decision.request_part()))
        }
        Body::Decision(decision) => Body::Decision(Box::new(Decision {
            outcome: decision.outcome,
            ..decision.request_part()
        })),
        Body::Execution(mut execution) => {
            execution.policy = None;
            execution.findings = Vec::new();
            Body::Execution(execution)
        }
        Body::Outcome(mut outcome) => {
            outcome.policy = None;
            outcome.matched = None;
            outcome.decision = None;
            outcome.findings = Vec::new();
            Body::Outcome(outcome)
        }
        Body::Policy(mut policy) => {
            policy.sha256 = None;
            policy.replaces = None;
            policy.parts = None;
            if let Some(promotion) = &mut policy.promotion {
                promotion.origin = String::new();
                promotion.key = 0;
                promotion.approver = String::new();
            }
            Body::Policy(policy)
        }
        Body::Stop(mut stop) => {
            stop.voided = 0;
            Body::Stop(stop)
        }
        Body::Approval(approval) => Body::Approval(Approval {
            cause: if approval.cause.call.is_none() {
                Cause::ledger()
            } else {
                approval.cause
            },
            group: String::new(),
            expires_at: None,
            granted: None,
            ..approval
        }),
        Body::BreakGlass(glass) if glass.event == BreakGlassEvent::Requested => {
            Body::BreakGlass(BreakGlass {
                requested_by: None,
                until: None,
                ..glass
            })
        }
        Body::BreakGlass(glass) => Body::BreakGlass(BreakGlass {
            requested_by: None,
            agent: String::new(),
            action: None,
            duration_s: 0,
            until: None,
            ..glass
        }),
        Body::Breaker(breaker) => Body::Breaker(Box::new(Breaker {
            rule: String::new(),
            scope: BreakerScope::default(),
            measure: Measure::DncBreach,
            threshold: None,
            count: None,
            sample: None,
            window_s: None,
            until: None,
            cites: Vec::new(),
            cites_total: None,
            ..*breaker
        })),
        Body::Dnc(mut dnc) => {
            dnc.imported = None;
            if dnc.op == DncOp::ImportEnd {
                dnc.imports = None;
            }
            Body::Dnc(dnc)
        }
        Body::Resume(mut resume) => {
            resume.stops = Vec::new();
            Body::Resume(resume)
        }
        Body::Boot(boot) => Body::Boot(Boot {
            since: Timestamp::EPOCH,
            clean: false,
            ..boot
        }),
        Body::Unresolved(unresolved) => Body::Unresolved(Unresolved {
            correlation_id: String::new(),
            ..unresolved
        }),
        Body::Clock(clock) if clock.event == ClockEvent::Acknowledged => Body::Clock(Clock {
            acknowledges: None,
            before: Timestamp::EPOCH,
            ..clock
        }),
        body => body,
    }
}

/// Refuses callers that are not, or no longer, who they were when the service let them in.
fn authorise<V: View>(state: &State<V>, command: &Body) -> Result<(), Refusal> {
    let actor = command.actor();
    let call = match command {
        Body::Access(access) => Some(access.call),
        _ => command.cause().and_then(|cause| cause.call),
    };
    match (actor.kind, call) {
        (ActorType::Ledger, None) => {
            // Genesis is followed by the first operator, whom nobody else can have added.
            let bootstrap =
                matches!(command, Body::Principal(_)) && state.principals().next().is_some();
            let own = matches!(
                command,
                Body::Genesis(_)
                    | Body::Boot(_)
                    | Body::Heartbeat(_)
                    | Body::Shutdown(_)
                    | Body::Unresolved(_)
                    | Body::Clock(Clock {
                        event: ClockEvent::Seen,
                        ..
                    })
                    | Body::Principal(_)
                    | Body::Approval(Approval {
                        verdict: Verdict::Expired,
                        ..
                    })
            ) || matches!(command, Body::Breaker(breaker) if breaker.event == BreakerEvent::Closed);
            // Its own doing has no ids, and no other name.
            let bare = *actor == Actor::ledger()
                && command
                    .cause()
                    .is_none_or(|cause| *cause == Cause::ledger());
            if own && bare && !bootstrap {
                Ok(())
            } else {
                Err(precondition("the ledger itself does not do this"))
            }
        }
        (ActorType::Principal(role), Some(call)) => {
            if !made_by(command, call) {
                return Err(precondition("no call of this name makes such an entry"));
            }
            let registered = state.principal(&actor.id);
            let in_force = registered
                .is_some_and(|principal| principal.credential.is_some() && principal.role == role);
            // An agent that asks is answered by a denial with a receipt, whoever it is.
            if !in_force && call != Call::Decide {
                return Err(Refusal::Unauthenticated {
                    id: actor.id.clone(),
                });
            }
            let refused = |call| {
                Err(Refusal::NotPermitted {
                    role: role.to_string(),
                    call,
                })
            };
            match (role, command) {
                _ if call.granted(role) == Grant::No => refused(call.as_str()),
                // What a provider delivers is an outcome; what its credential could say beyond that, an
                // agent or a recorder says.
                (Role::Ingest, Body::Execution(_)) => refused("Record of an execution"),
                (Role::Ingest, Body::Decision(_)) => refused("Record of a decision"),
                // A provider knows its own id of a message and the person, and no seq: whoever could name seqs
                // could try them all.
                (Role::Ingest, Body::Outcome(outcome))
                    if outcome.execution.is_some() || outcome.recipient.is_some() =>
                {
                    refused("Record of an outcome by the seq of its execution")
                }
                _ => Ok(()),
            }
        }
        _ => Err(precondition(
            "an entry is either the ledger's own or caused by a call",
        )),
    }
}

/// Whether `call` makes entries like this.
fn made_by(command: &Body, call: Call) -> bool {
    match command {
        Body::Decision(decision) => match decision.basis {
            Basis::Gate => call == Call::Decide,
            Basis::Asserted => call == Call::Record,
        },
        Body::Execution(_) | Body::Outcome(_) => call == Call::Record,
        Body::Principal(change) if change.credential.is_none() => call == Call::RevokePrincipal,
        Body::Principal(_) => call == Call::PutPrincipal,
        Body::Policy(_) => call == Call::PublishPolicy,
        Body::Dnc(dnc) => call == list::call(dnc.op),
        Body::Stop(_) => call == Call::Stop,
        Body::Resume(_) => call == Call::Resume,
        Body::Clock(clock) => {
            call == Call::AcknowledgeClock && clock.event == ClockEvent::Acknowledged
        }
        Body::Approval(answer) => {
            call == Call::AnswerApproval && answer.verdict != Verdict::Expired
        }
        Body::BreakGlass(glass) => {
            call == match glass.event {
                BreakGlassEvent::Requested => Call::RequestBreakGlass,
                BreakGlassEvent::Opened => Call::ConfirmBreakGlass,
                BreakGlassEvent::Closed => Call::CloseBreakGlass,
            }
        }
        Body::Breaker(breaker) => {
            call == Call::ResetBreaker && breaker.event == BreakerEvent::Reset
        }
        Body::Key(entry) => {
            call == match entry.event {
                KeyEvent::Trusted => Call::TrustKey,
                KeyEvent::Distrusted => Call::DistrustKey,
            }
        }
        Body::Access(_) => matches!(
            call,
            Call::GetDetail
                | Call::GetEvidence
                | Call::GetPack
                | Call::Disclose
                | Call::Export
                | Call::Tokenise
                | Call::CheckDnc
                | Call::List
                | Call::Tail
        ),
        Body::Genesis(_)
        | Body::Boot(_)
        | Body::Heartbeat(_)
        | Body::Shutdown(_)
        | Body::Unresolved(_) => false,
    }
}

/// The entry that already answers this request, if there is one.
fn repeated<V: View>(state: &State<V>, command: &Body) -> Result<Option<u64>, Refusal> {
    let Some(cause) = command.cause() else {
        return Ok(None);
    };
    let Some(call) = cause.call else {
        return Ok(None);
    };
    let Some(request_id) = &cause.request_id else {
        return Err(Refusal::Invalid {
            field: "request_id",
            value: String::new(),
            expected: "expected an id of the caller's own, new for each request".to_owned(),
        });
    };
    let Some(first) = state.request(&cause.actor.id, call, request_id)? else {
        return Ok(None);
    };
    if first.same == crate::state::sameness(command) {
        Ok(Some(first.seq))
    } else {
        Err(Refusal::RequestReused {
            request_id: request_id.clone(),
            first: first.seq,
        })
    }
}

/// Records a decision made elsewhere: only of what is declared, is no contact and names nobody, and no
/// allow of what is blocked but for break-glass.
fn asserted<V: View>(state: &State<V>, decision: Decision) -> Result<Decision, Refusal> {
    let mut decision = decision.request_part();
    let refuse = |why: &str| Refusal::Invalid {
        field: "action",
        value: decision.action.clone(),
        expected: format!("{why}; ask with `Decide` and hand the decision in there"),
    };
    let Some(foreign) = &decision.foreign else {
        return Err(Refusal::Invalid {
            field: "foreign",
            value: String::new(),
            expected: "an asserted decision must say which engine made it, and what it decided"
                .to_owned(),
        });
    };
    let outcome = foreign.outcome;
    let Some(rule) = state
        .policy()
        .and_then(|policy| policy.text.action(&decision.action))
        .cloned()
    else {
        return Err(refuse(
            "only a decision about an action that the policy declares can be asserted",
        ));
    };
    if rule.class == Class::Contact {
        return Err(refuse(
            "a decision about a contact action cannot be asserted",
        ));
    }
    if !decision.recipients.is_empty() {
        return Err(refuse(
            "a decision that names recipients cannot be asserted",
        ));
    }
    if outcome == Outcome::Allow && rule.tier >= 3 {
        return Err(refuse(
            "an allow of an action of tier 3 cannot be asserted: nobody but two people here lifts that",
        ));
    }
    let stopped = state
        .stops()
        .any(|(_, scope)| scope.covers(&decision.cause.actor.id, rule.class));
    decision.environment = state.environment();
    decision.class = rule.class;
    decision.channels = rule.channels;
    decision.policy = state.policy_ref();
    decision.outcome = outcome;
    decision.findings = if stopped {
        vec![Finding::UnderStop]
    } else {
        Vec::new()
    };
    Ok(decision)
}

fn acknowledged<V: View>(state: &State<V>, clock: Clock) -> Result<Clock, Refusal> {
    if clock.event == ClockEvent::Seen {
        return Ok(Clock {
            acknowledges: None,
            ..clock
        });
    }
    let Some(seen) = state.clock().seen else {
        return Err(precondition(
            "no clock entry awaits an acknowledgement: there is nothing to do",
        ));
    };
    Ok(Clock {
        before: state.head().time,
        acknowledges: Some(seen),
        bound_ms: None,
        ..clock
    })
}

fn overdue<V: View>(
    state: &State<V>,
    unresolved: Unresolved,
    now: Timestamp,
) -> Result<Unresolved, Refusal> {
    let record = state.decision(unresolved.decision)?;
    let open = state.open_allow(unresolved.decision);
    match record {
        Some(record) if open.is_some_and(|allow| allow.report_by <= now) => Ok(Unresolved {
            correlation_id: record.correlation_id,
            ..unresolved
        }),
        _ => Err(precondition(
            "the decision is not an allow whose report is overdue",
        )),
    }
}

/// The role of an actor; none for the ledger itself.
fn role(kind: ActorType) -> Option<Role> {
    match kind {
        ActorType::Ledger => None,
        ActorType::Principal(role) => Some(role),
    }
}

fn precondition(what: &str) -> Refusal {
    Refusal::Precondition {
        what: what.to_owned(),
    }
}
