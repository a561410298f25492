//! Every combination of tier, foreign decision, approval, waiver, environment, stop, list, break-glass
//! and breaker, against what follows from first principles.

mod cell;

use std::fmt::Write as _;

use ledger_core::action::Class;
use ledger_core::entry::{
    Approval, Basis, Body, BreakGlass, BreakGlassEvent, Commitment, Decision, DetailName, Details,
    DncOp, Environment, Foreign, Outcome, Scope, Status, Target, Verdict,
};
use ledger_core::gate;
use ledger_core::hash::Hash;
use ledger_core::role::{Call, Role};
use ledger_core::token::Kind;

use cell::*;

use super::ledger::{
    AGENTS, APPROVERS, COMPLIANCE, Ledger, OPERATOR, caused, dnc, grouped, principal, seconds,
};
use super::roles::stop;
use super::scene::{execution, exempted, key, listed, person, registrable, target, whole};

/// For whom break-glass is open where it is open for somebody else.
const OTHER: &str = "agent.four";
/// When every cell is decided.
const NOW: i64 = 100;

fn policy_text(tier_of_bulk: u8, approve_within_s: u32) -> String {
    let phones: Vec<String> = (0..=255)
        .take(16)
        .map(|number| format!("\"token:{}\"", key(Kind::Phone, number).token))
        .collect();
    let phones = phones.join(",");
    let mut text = format!(
        r#"version = 1
[[action]]
name = "crm.read"
class = "read"
[[action]]
name = "crm.update"
class = "write"
[[action]]
name = "bulk.send"
class = "contact"
tier = {tier_of_bulk}
[[breaker]]
id = "errors"
measure = "error_rate"
classes = ["read", "write", "contact", "admin"]
per = "workspace"
open_ppm = 500000
window = "31d"
[dnc_breach]
scope = "workspace"
[numbers]
approve_within_s = {approve_within_s}
[sandbox]
fake_phones = [{phones}]
"#
    );
    let says = ["", "approval = \"waived\"\n", "decided = \"elsewhere\"\n"];
    for (agent, says) in AGENTS.into_iter().zip(says) {
        write!(
            text,
            "[[grant]]\nid = \"of-{agent}\"\nagent = \"{agent}\"\n\
             actions = [\"crm.read\", \"crm.update\", \"email.send\", \"bulk.send\"]\n\
             sellers = [\"*\"]\nobjects = [\"*\"]\nwrites = [\"*\"]\n{says}"
        )
        .unwrap();
    }
    text
}

/// What is asked for in a cell, but for who decided it before and what it relies on.
fn request(agent: &str, tier: usize, approval: ApprovalIs, who: u8) -> Decision {
    let (action, class) = ACTIONS[tier];
    let name = format!("{agent}-{action}-{approval:?}");
    let mut cause = caused(Call::Decide, Role::Agent, agent, &name);
    cause.content = Some(Hash::of(name.as_bytes()));
    let changed = (class == Class::Write).then(|| Target {
        writes: vec!["title".to_owned()],
        ..target("note", 1)
    });
    Decision {
        seller: Some("acme".to_owned()),
        recipients: vec![person(who)],
        targets: changed.into_iter().collect(),
        tokens_v: Some(1),
        ..Decision::request(Basis::Gate, cause, action.to_owned())
    }
}

fn foreign(outcome: Outcome) -> Foreign {
    Foreign {
        engine: "opa".to_owned(),
        policy: None,
        outcome,
    }
}

fn decide(ledger: &mut Ledger, request: Decision, second: i64) -> (u64, Decision) {
    let (seq, body) = ledger.append(Body::Decision(Box::new(request)), seconds(second));
    match body {
        Body::Decision(decision) => (seq, *decision),
        other => panic!("{other:?}"),
    }
}

/// A ledger with every approval that a cell may rely on, and their seqs by row, tier and approval.
struct Base {
    ledger: Ledger,
    approvals: Vec<((usize, usize, ApprovalIs), u64)>,
}

impl Base {
    fn new(environment: Environment) -> Self {
        let mut ledger = Ledger::within(environment, vec![registrable(1).token]);
        let put = |id| caused(Call::PutPrincipal, Role::Operator, OPERATOR, id);
        let groups = ["revops", "sales-ops"];
        let approver = grouped(put("a"), APPROVERS[0], Role::Approver, &groups);
        ledger.append(approver, seconds(0));
        ledger.append(principal(put("o"), OTHER, Role::Agent), seconds(0));
        let mut base = Self {
            ledger,
            approvals: Vec::new(),
        };
        // While `bulk.send` is no more than tier 2 it can be approved; those of the first minute expire.
        base.ledger.publish(&policy_text(2, 60), seconds(0));
        base.ask(&[ApprovalIs::Expired], 0);
        base.ledger.publish(&policy_text(2, 600), seconds(1));
        base.ask(
            &[
                ApprovalIs::Pending,
                ApprovalIs::Granted,
                ApprovalIs::Denied,
                ApprovalIs::Spent,
                ApprovalIs::Mismatched,
            ],
            2,
        );
        base.ledger.publish(&policy_text(3, 600), seconds(3));
        base
    }

    fn ask(&mut self, approvals: &[ApprovalIs], second: i64) {
        for (row, agent) in AGENTS.into_iter().enumerate() {
            for tier in 0..ACTIONS.len() {
                for approval in approvals {
                    let seq = self.approval(agent, tier, *approval, second);
                    self.approvals.push(((row, tier, *approval), seq));
                }
            }
        }
    }

    fn approval(&mut self, agent: &str, tier: usize, approval: ApprovalIs, second: i64) -> u64 {
        let mut asking = request(agent, tier, approval, 1);
        asking.foreign = Some(foreign(Outcome::RequireApproval));
        if approval == ApprovalIs::Mismatched {
            asking.cause.content = Some(Hash([0xee; 32]));
        }
        let mut again = asking.clone();
        let (asked, found) = decide(&mut self.ledger, asking, second);
        assert_eq!(found.outcome, Outcome::RequireApproval, "{found:?}");
        if approval == ApprovalIs::Pending {
            return asked;
        }
        let id = format!("answer-{asked}");
        let answer = Approval {
            cause: caused(Call::AnswerApproval, Role::Approver, APPROVERS[0], &id),
            decision: Some(asked),
            policy: None,
            verdict: match approval {
                ApprovalIs::Denied => Verdict::Denied,
                _ => Verdict::Granted,
            },
            group: String::new(),
            expires_at: None,
            granted: None,
            details: Details::new(),
        };
        let answer = Body::Approval(answer);
        let (answered, _) = self.ledger.append(answer, seconds(second));
        if approval == ApprovalIs::Spent {
            again.approval = Some(answered);
            again.cause.request_id = Some(format!("spend-{answered}"));
            let (_, found) = decide(&mut self.ledger, again, second);
            assert_eq!(found.outcome, Outcome::Allow, "{found:?}");
        }
        answered
    }

    fn seq(&self, row: usize, tier: usize, approval: ApprovalIs) -> Option<u64> {
        match approval {
            ApprovalIs::None => None,
            ApprovalIs::Unknown => Some(1),
            _ => {
                let of = |(named, _): &&((usize, usize, ApprovalIs), u64)| {
                    *named == (row, tier, approval)
                };
                let (_, seq) = self.approvals.iter().find(of).unwrap();
                Some(*seq)
            }
        }
    }

    /// The ledger once what the cell says has happened in it.
    fn variant(&self, stop: StopIs, dnc: DncIs, glass: GlassIs, breaker: BreakerIs) -> Ledger {
        let mut ledger = self.ledger.clone();
        open_breaker(&mut ledger, breaker);
        break_glass(&mut ledger, glass);
        change_list(&mut ledger, dnc);
        let scope = match stop {
            StopIs::None => None,
            StopIs::All => Some(Scope::All),
            StopIs::Agent => Some(Scope::Agent {
                id: AGENTS[WAIVED].to_owned(),
            }),
            StopIs::Class => Some(Scope::Class {
                class: Class::Contact,
            }),
        };
        if let Some(scope) = scope {
            let command = self::stop(scope, Role::Operator, OPERATOR, "stop");
            ledger.append(command, seconds(9));
        }
        ledger
    }
}

fn report(ledger: &mut Ledger, decision: u64, status: Status) {
    let cause = caused(Call::Record, Role::Agent, AGENTS[PLAIN], "report");
    let report = execution(cause, decision, status);
    ledger.append(Body::Execution(Box::new(report)), seconds(4));
}

fn open_breaker(ledger: &mut Ledger, breaker: BreakerIs) {
    match breaker {
        BreakerIs::None => return,
        BreakerIs::Breach => {
            // Somebody who is listed is written to all the same.
            let list = dnc(DncOp::List, vec![listed(&[key(Kind::Phone, 9)])], "nine");
            ledger.append(list, seconds(4));
            let asking = request(AGENTS[PLAIN], 2, ApprovalIs::None, 9);
            let (denied, _) = decide(ledger, asking, 4);
            report(ledger, denied, Status::Success);
        }
        BreakerIs::Errors => {
            let asking = request(AGENTS[PLAIN], 0, ApprovalIs::None, 1);
            let (allowed, found) = decide(ledger, asking, 4);
            assert_eq!(found.outcome, Outcome::Allow);
            report(ledger, allowed, Status::Failure);
        }
    }
    assert_eq!(ledger.state.breakers_open(seconds(NOW)).count(), 1);
}

fn break_glass(ledger: &mut Ledger, glass: GlassIs) {
    let whose: &[&str] = match glass {
        GlassIs::None => &[],
        GlassIs::ForAnother => &[OTHER],
        _ => &AGENTS,
    };
    let reason = Commitment {
        commitment: Hash([8; 32]),
        bytes: 3,
        redacted: None,
    };
    for agent in whose {
        let entry = |call: Call, who: (Role, &str), event, request| {
            let id = format!("{call}-{agent}");
            Body::BreakGlass(BreakGlass {
                cause: caused(call, who.0, who.1, &id),
                event,
                request,
                requested_by: None,
                agent: (*agent).to_owned(),
                action: None,
                duration_s: if glass == GlassIs::Expired { 60 } else { 3_600 },
                until: None,
                details: Details::from([(DetailName::Reason, reason)]),
            })
        };
        let first = (Role::Operator, OPERATOR);
        let requested = entry(
            Call::RequestBreakGlass,
            first,
            BreakGlassEvent::Requested,
            None,
        );
        let (request, _) = ledger.append(requested, seconds(5));
        if glass == GlassIs::Requested {
            continue;
        }
        let second = (Role::Compliance, COMPLIANCE);
        let opened = BreakGlassEvent::Opened;
        let confirmed = entry(Call::ConfirmBreakGlass, second, opened, Some(request));
        ledger.append(confirmed, seconds(5));
        if glass == GlassIs::Closed {
            let closed = BreakGlassEvent::Closed;
            let closed = entry(Call::CloseBreakGlass, first, closed, Some(request));
            ledger.append(closed, seconds(5));
        }
    }
}

fn change_list(ledger: &mut Ledger, list: DncIs) {
    let both = |make: fn(u8) -> ledger_core::entry::Listing| vec![make(1), make(2)];
    match list {
        DncIs::None | DncIs::Flagged => {}
        DncIs::Listed => {
            let people = both(|number| listed(&[key(Kind::Phone, number)]));
            ledger.append(dnc(DncOp::List, people, "list"), seconds(8));
        }
        DncIs::Exempted => {
            let domains = both(|number| listed(&[key(Kind::Domain, number)]));
            ledger.append(dnc(DncOp::List, domains, "list"), seconds(8));
            let people = both(|number| exempted(&whole(number)));
            ledger.append(dnc(DncOp::Exempt, people, "exempt"), seconds(8));
        }
    }
}

/// Decides every cell of one state of the ledger; counts allows, requests for an approval, denials.
fn cells(base: &Base, ledger: &Ledger, of_state: Cell, counts: &mut [u64; 3]) {
    for (row, agent) in AGENTS.into_iter().enumerate() {
        for tier in 0..ACTIONS.len() {
            for approval in APPROVALS {
                let who = if of_state.place == Where::SandboxToFake {
                    1
                } else {
                    2
                };
                let mut asked = request(agent, tier, approval, who);
                asked.approval = base.seq(row, tier, approval);
                asked.recipients[0].dnc = of_state.dnc == DncIs::Flagged;
                for decided in FOREIGN {
                    let cell = Cell {
                        tier,
                        row,
                        approval,
                        foreign: decided,
                        ..of_state
                    };
                    let mut asked = asked.clone();
                    asked.foreign = decided.map(foreign);
                    let found = gate::decide(&ledger.state, asked, seconds(NOW)).unwrap();
                    judge(cell, &found);
                    counts[match found.outcome {
                        Outcome::Allow => 0,
                        Outcome::RequireApproval => 1,
                        Outcome::Deny => 2,
                    }] += 1;
                }
            }
        }
    }
}

fn judge(cell: Cell, found: &Decision) {
    assert_eq!(
        found.outcome,
        cell.expected(),
        "{cell:?}: {:?}",
        found.reasons
    );
    assert_eq!(found.tier.map(usize::from), Some(cell.tier), "{cell:?}");
    let passed = found.outcome == Outcome::Allow;
    // The walls, each by itself.
    assert!(!(passed && cell.listed()), "past the list: {cell:?}");
    assert!(!(passed && cell.stopped()), "past a stop: {cell:?}");
    assert!(!(passed && cell.broken()), "past a breaker: {cell:?}");
    let lifted = cell.glass == GlassIs::Open;
    assert!(
        !(passed && cell.tier == 3 && !lifted),
        "past tier 3: {cell:?}"
    );
    let excused = cell.approval == ApprovalIs::Granted
        || cell.row == WAIVED
        || (cell.row == ELSEWHERE && cell.foreign == Some(Outcome::Allow));
    assert!(
        !(passed && cell.tier == 2 && !excused),
        "past tier 2: {cell:?}"
    );
    // Who approved is named where an approval holds, and who may is where one is asked for.
    let by = (cell.approval == ApprovalIs::Granted).then_some(APPROVERS[0]);
    assert_eq!(found.approver.as_deref(), by, "{cell:?}");
    let asks = found.outcome == Outcome::RequireApproval;
    let until = asks.then(|| seconds(NOW + 600));
    assert_eq!((found.approvers.is_some(), found.approve_by), (asks, until));
}

fn matrix(place: Where) -> [u64; 3] {
    let environment = match place {
        Where::Prod => Environment::Prod,
        Where::SandboxToFake | Where::SandboxToReal => Environment::Sandbox,
    };
    let base = Base::new(environment);
    let mut counts = [0; 3];
    for stop in STOPS {
        for dnc in LISTS {
            for glass in GLASSES {
                for breaker in BREAKERS {
                    let cell = Cell {
                        tier: 0,
                        row: 0,
                        foreign: None,
                        approval: ApprovalIs::None,
                        place,
                        stop,
                        dnc,
                        glass,
                        breaker,
                    };
                    let ledger = base.variant(stop, dnc, glass, breaker);
                    cells(&base, &ledger, cell, &mut counts);
                }
            }
        }
    }
    counts
}

/// The counts of one place, by multiplication: of two lists that let pass, six states of break-glass,
/// three breakers, and the stops that leave an agent (three, two and three of four) or, for contact, its
/// row alone (two, one and two).
///
/// - Tiers 0 and 1, each: five of foreign decision and approval are allowed, one asks; eight of row and
///   stop; two breakers.
/// - Tier 2: three, five and four of the rows are allowed, three, one and two ask; no breaker.
/// - Tier 3: five are allowed and one asks, of any row, under one state of break-glass.
const CONTACT: [u64; 2] = [
    2 * 6 * (2 * 3 + 5 + 2 * 4) + 2 * 5 * 5,
    2 * 6 * (2 * 3 + 1 + 2 * 2) + 2 * 5,
];
const OTHERS: [u64; 2] = [2 * 5 * 8 * 2 * 6 * 2, 2 * 8 * 2 * 6 * 2];
const CELLS: u64 = 4 * 3 * 8 * 4 * 4 * 4 * 6 * 3;

#[test]
fn in_production() {
    let [allowed, asks, denied] = matrix(Where::Prod);
    assert_eq!(
        [allowed, asks],
        [CONTACT[0] + OTHERS[0], CONTACT[1] + OTHERS[1]]
    );
    assert_eq!(allowed + asks + denied, CELLS);
}

#[test]
fn in_a_sandbox_to_a_reserved_domain() {
    let [allowed, asks, denied] = matrix(Where::SandboxToFake);
    assert_eq!(
        [allowed, asks],
        [CONTACT[0] + OTHERS[0], CONTACT[1] + OTHERS[1]]
    );
    assert_eq!(allowed + asks + denied, CELLS);
}

#[test]
fn in_a_sandbox_to_somebody_real() {
    let [allowed, asks, denied] = matrix(Where::SandboxToReal);
    assert_eq!([allowed, asks], OTHERS);
    assert_eq!(allowed + asks + denied, CELLS);
}
