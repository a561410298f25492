//! Reports that name their execution by the provider's id alone, as provider events do.

use std::collections::BTreeMap;

use ledger_core::entry::{
    Body, BreakerEvent, Code, Entry, Event, Finding, Matched, Outcome, OutcomeReport,
};
use ledger_core::judge::{JudgeError, judge, required};
use ledger_core::plan::{Plan, Refusal, plan};
use ledger_core::record::Counted;
use ledger_core::token::{Kind, Token};

use super::ledger::{AGENTS, Done, INGEST, LISTED, Ledger, RECORDER, key, listings, replay};
use super::rule::{Rule, What};

/// Changes an outcome that names the execution at a seq.
type Forge = fn(&mut OutcomeReport, u64);

/// Whom a report names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whom {
    /// Nobody.
    Nobody,
    /// A recipient that the decision does not have.
    Unknown,
    /// This person.
    Person(u8),
}

/// What a provider calls a message by its number.
pub(crate) fn message(number: u64) -> Token {
    let mut id = [0xee; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Token(id)
}

/// Demands that a report which names an execution and a recipient leads to the same as one that names the
/// provider's id and the person instead. `whom` is that person.
pub(crate) fn is_found_alike(ledger: &Ledger, named: &OutcomeReport, whom: Whom) {
    let mut ledger = ledger.clone();
    let mut found = named.clone();
    found.provider_id = found.execution.take().and_then(|seq| ledger.provided(seq));
    found.cause.correlation_id = None;
    found.recipient = None;
    match whom {
        Whom::Unknown => return,
        Whom::Person(who) => {
            found.keys = vec![key(Kind::EmailCanonical, who)];
            found.tokens_v = Some(1);
        }
        Whom::Nobody => {}
    }
    let (_, named) = ledger
        .clone()
        .append(Body::Outcome(Box::new(named.clone())));
    let (_, found) = ledger.append(Body::Outcome(Box::new(found)));
    let (Body::Outcome(by_name), Body::Outcome(by_id)) = (&named[0], &found[0]) else {
        panic!("outcomes");
    };
    // What is not the reporter's to know is not found; nor is what a stranger reported.
    if by_id.matched.is_none() {
        let mut expected = vec![Finding::UnknownExecution];
        if matches!(by_id.event, Event::Complaint | Event::Unsubscribe) && by_id.keys.is_empty() {
            expected.push(Finding::Unlisted);
        }
        assert_eq!(by_id.findings, expected);
        let seq = by_name.execution.expect("named");
        let Body::Execution(execution) = &ledger.entries[usize::try_from(seq).unwrap()].body else {
            panic!("an execution");
        };
        let stranger = Finding::OtherPrincipal;
        assert!(by_name.findings.contains(&stranger) || execution.findings.contains(&stranger));
        return;
    }
    assert_eq!(by_id.about(), by_name.about());
    assert_eq!(
        (by_id.decision, &by_id.findings),
        (by_name.decision, &by_name.findings)
    );
    assert_eq!(by_id.correlation_id(), by_name.correlation_id());
    assert_eq!(found[1..], named[1..], "what follows");
}

/// An execution of an allowed e-mail to these people that the provider calls `id`.
pub(crate) fn sent(ledger: &mut Ledger, people: &[u8], provider: Option<&str>, id: u8) -> u64 {
    let (decision, answer) = ledger.ask(people);
    assert_eq!(answer.outcome, Outcome::Allow, "{:?}", answer.reasons);
    reported(ledger, &Done::success(decision), provider, id).0
}

pub(crate) fn reported(
    ledger: &mut Ledger,
    done: &Done<'_>,
    provider: Option<&str>,
    id: u8,
) -> (u64, Vec<Body>) {
    let Body::Execution(mut execution) = ledger.execution(done) else {
        panic!("an execution")
    };
    execution.provider = provider.map(str::to_owned);
    execution.provider_id = Some(Token([id; 32]));
    ledger.append(Body::Execution(execution))
}

/// What a provider delivers about its message `id`: it knows no correlation id, and the address of one person.
pub(crate) fn event(
    ledger: &mut Ledger,
    by: &str,
    event: Event,
    id: u8,
    who: &[u8],
) -> OutcomeReport {
    let mut report = ledger.outcome(by, event, None, None);
    report.cause.correlation_id = None;
    report.provider_id = Some(Token([id; 32]));
    report.keys = who
        .iter()
        .map(|who| key(Kind::EmailCanonical, *who))
        .collect();
    report.tokens_v = (!who.is_empty()).then_some(1);
    report
}

pub(crate) fn told(ledger: &mut Ledger, report: OutcomeReport) -> (OutcomeReport, Vec<Body>) {
    let (_, mut bodies) = ledger.append(Body::Outcome(Box::new(report)));
    match bodies.remove(0) {
        Body::Outcome(outcome) => (*outcome, bodies),
        other => panic!("{other:?}"),
    }
}

/// What breakers have counted of the decision that stands right before this execution.
pub(crate) fn counted(ledger: &Ledger, execution: u64) -> Counted {
    let decision = ledger.state.decision(execution - 1).expect("the view");
    decision.expect("a decision").counted
}

fn refused(ledger: &mut Ledger, who: u8, seller: &str) -> bool {
    let mut request = ledger.email(&[who]);
    request.seller = Some(seller.to_owned());
    let (_, answer) = ledger.decide(request);
    answer
        .reasons
        .iter()
        .any(|reason| reason.code == Code::DncListed)
}

#[test]
fn the_execution_the_recipient_and_the_correlation_id_are_found() {
    let mut ledger = Ledger::new(&[]);
    let seq = sent(&mut ledger, &[1, 2, 3], Some("mailer"), 7);
    let unsubscribe = event(&mut ledger, INGEST, Event::Unsubscribe, 7, &[2]);
    let (outcome, followers) = told(&mut ledger, unsubscribe);
    assert_eq!(outcome.findings, []);
    let matched = Matched {
        execution: seq,
        recipient: Some(1),
        correlation_id: "run-1".to_owned(),
    };
    assert_eq!(outcome.matched, Some(matched));
    assert_eq!(outcome.decision, Some(seq - 1));
    assert_eq!(outcome.cause.correlation_id, None, "the request had none");
    let dnc = &listings(&followers)[0];
    assert_eq!(
        (dnc.cause.correlation_id.as_deref(), dnc.listings.len()),
        (Some("run-1"), 1)
    );
    assert!(refused(&mut ledger, 2, "acme"));
    assert!(
        !refused(&mut ledger, 2, "beta"),
        "the message was for one seller"
    );
    assert!(
        !refused(&mut ledger, 1, "acme"),
        "another recipient of the message"
    );
    let run =
        ledger_core::state::correlated(ledger.state.view(), "run-1", seq, 3).expect("the view");
    assert_eq!(
        run,
        [seq, seq + 1, seq + 2],
        "the event belongs to the story"
    );
}

#[test]
fn the_provider_must_agree_where_the_execution_names_one() {
    for (provider, found) in [
        (Some("mailer"), true),
        (None, true),
        (Some("other"), false),
        (Some("mail"), false),
    ] {
        let mut ledger = Ledger::new(&[]);
        let seq = sent(&mut ledger, &[1], provider, 7);
        let bounce = event(&mut ledger, INGEST, Event::BounceSoft, 7, &[1]);
        let (outcome, _) = told(&mut ledger, bounce);
        assert_eq!(outcome.about(), found.then_some(seq), "{provider:?}");
        let findings = if found {
            vec![]
        } else {
            vec![Finding::UnknownExecution]
        };
        assert_eq!(outcome.findings, findings, "{provider:?}");
        let bounce = event(&mut ledger, INGEST, Event::BounceSoft, 8, &[1]);
        assert_eq!(
            told(&mut ledger, bounce).0.matched,
            None,
            "another message's id"
        );
    }
}

#[test]
fn what_the_report_names_itself_goes_first() {
    let mut ledger = Ledger::new(&[]);
    sent(&mut ledger, &[1, 2], Some("mailer"), 7);
    let second = sent(&mut ledger, &[3], Some("mailer"), 8);
    let mut bounce = event(&mut ledger, RECORDER, Event::BounceSoft, 7, &[]);
    bounce.execution = Some(second);
    let (outcome, _) = told(&mut ledger, bounce);
    assert_eq!(outcome.about(), Some(second));
    assert_eq!(outcome.matched, None);
    let mut bounce = event(&mut ledger, RECORDER, Event::BounceSoft, 7, &[2]);
    bounce.recipient = Some(0);
    let (outcome, _) = told(&mut ledger, bounce);
    assert_eq!(outcome.concerned(), Some(0));
    assert_eq!(
        outcome.matched.map(|matched| matched.recipient),
        Some(None),
        "an index was given"
    );
}

#[test]
fn of_several_executions_with_one_id_the_first_that_counts_is_meant() {
    let mut ledger = Ledger::new(&[]);
    let (decision, _) = ledger.ask(&[1]);
    // A stranger's report claims the id first; it says nothing of it.
    let stranger = Done {
        by: AGENTS[1],
        ..Done::success(decision)
    };
    let (_, bodies) = reported(&mut ledger, &stranger, Some("mailer"), 7);
    assert!(
        matches!(&bodies[0], Body::Execution(done) if done.findings == [Finding::OtherPrincipal])
    );
    let nowhere = Done::success(9_999);
    reported(&mut ledger, &nowhere, Some("mailer"), 7);
    let (first, _) = reported(&mut ledger, &Done::success(decision), Some("mailer"), 7);
    reported(&mut ledger, &Done::success(decision), Some("mailer"), 7);
    let bounce = event(&mut ledger, INGEST, Event::BounceHard, 7, &[1]);
    assert_eq!(told(&mut ledger, bounce).0.about(), Some(first));
}

#[test]
fn an_agent_finds_what_is_its_own_and_nothing_else() {
    let mut ledger = Ledger::new(&[]);
    let seq = sent(&mut ledger, &[1], Some("mailer"), 7);
    let other = event(&mut ledger, AGENTS[1], Event::Reply, 7, &[1]);
    let (outcome, _) = told(&mut ledger, other);
    assert_eq!((outcome.matched, outcome.decision), (None, None));
    assert_eq!(outcome.findings, [Finding::UnknownExecution]);
    let own = event(&mut ledger, AGENTS[0], Event::Reply, 7, &[1]);
    assert_eq!(told(&mut ledger, own).0.about(), Some(seq));
}

#[test]
fn an_ingest_hands_on_outcomes_and_nothing_else() {
    let mut ledger = Ledger::new(&[]);
    let (decision, _) = ledger.ask(&[1]);
    let done = Done {
        by: INGEST,
        ..Done::success(decision)
    };
    let command = ledger.execution(&done);
    assert!(matches!(
        ledger.submit(command),
        Err(Refusal::NotPermitted { .. })
    ));
    // It knows no seqs, and does not get to try them.
    let seq = sent(&mut ledger, &[2], Some("mailer"), 7);
    for (execution, recipient) in [(Some(seq), None), (Some(seq), Some(0)), (None, Some(0))] {
        let named = ledger.outcome(INGEST, Event::BounceHard, execution, recipient);
        assert!(matches!(
            ledger.submit(Body::Outcome(Box::new(named))),
            Err(Refusal::NotPermitted { .. })
        ));
    }
    // What it hands on by the provider's id counts as a recorder's does.
    let bounce = event(&mut ledger, INGEST, Event::BounceHard, 7, &[2]);
    assert_eq!(told(&mut ledger, bounce).0.findings, []);
    assert_eq!(counted(&ledger, seq).bounced.len(), 1);
}

/// A report that uses no allow up does not keep a message's id from the one that does.
#[test]
fn an_id_goes_to_the_execution_that_uses_an_allow_up() {
    let mut ledger = Ledger::new(&[]);
    let (decision, _) = ledger.ask(&[1]);
    let done = Done::success(decision);
    reported(&mut ledger, &done, Some("mailer"), 6);
    reported(&mut ledger, &done, Some("mailer"), 7);
    let seq = sent(&mut ledger, &[2], Some("mailer"), 7);
    let bounce = event(&mut ledger, INGEST, Event::BounceHard, 7, &[2]);
    assert_eq!(told(&mut ledger, bounce).0.about(), Some(seq));
    assert_eq!(counted(&ledger, seq).bounced.len(), 1);
}

#[test]
fn a_redelivery_is_a_repetition_whatever_was_found_in_between() {
    let mut ledger = Ledger::new(&[]);
    let early = event(&mut ledger, INGEST, Event::BounceHard, 7, &[1]);
    let late = event(&mut ledger, INGEST, Event::BounceHard, 7, &[1]);
    let (first, bodies) = ledger.append(Body::Outcome(Box::new(early.clone())));
    assert!(matches!(&bodies[0], Body::Outcome(one) if one.matched.is_none()));
    sent(&mut ledger, &[1], Some("mailer"), 7);
    let again = plan(&ledger.state, Body::Outcome(Box::new(early)), ledger.now);
    assert_eq!(again, Ok(Plan::Repeat(first)));
    let (second, bodies) = ledger.append(Body::Outcome(Box::new(late.clone())));
    assert!(matches!(&bodies[0], Body::Outcome(one) if one.matched.is_some()));
    let again = plan(&ledger.state, Body::Outcome(Box::new(late)), ledger.now);
    assert_eq!(again, Ok(Plan::Repeat(second)));
}

#[test]
fn bounces_count_once_for_each_recipient_by_address() {
    let mut ledger = Ledger::new(&[Rule::new(What::Bounce, 500_000)]);
    let seq = sent(&mut ledger, &[1, 2], Some("mailer"), 7);
    let mut opened = 0;
    for who in [1, 1, 2] {
        let bounce = event(&mut ledger, INGEST, Event::BounceHard, 7, &[who]);
        let (_, followers) = told(&mut ledger, bounce);
        opened += followers
            .iter()
            .filter(|body| matches!(body, Body::Breaker(one) if one.event == BreakerEvent::Opened))
            .count();
    }
    assert_eq!(
        opened, 1,
        "two of two recipients, and one of two is not above"
    );
    assert_eq!(counted(&ledger, seq).bounced, [0, 1].into());
}

#[test]
fn a_person_whom_the_message_does_not_name_is_a_finding_and_counts_as_nobody() {
    let mut ledger = Ledger::new(&[]);
    let seq = sent(&mut ledger, &[1], Some("mailer"), 9);
    let complaint = event(&mut ledger, INGEST, Event::Complaint, 9, &[4]);
    let (outcome, followers) = told(&mut ledger, complaint);
    assert_eq!(outcome.findings, [Finding::UnknownRecipient]);
    assert_eq!(outcome.about(), Some(seq));
    assert_eq!(
        listings(&followers)[0].listings[0].seller.as_deref(),
        Some("acme")
    );
    assert_eq!(
        counted(&ledger, seq).complained,
        [u64::MAX].into(),
        "of nobody that it names"
    );
    assert!(refused(&mut ledger, 4, "acme") && !refused(&mut ledger, 1, "acme"));
}

#[test]
fn an_event_about_what_was_denied_is_found_too() {
    let mut ledger = Ledger::new(&[]);
    let (decision, answer) = ledger.ask(&[LISTED]);
    assert_eq!(answer.outcome, Outcome::Deny);
    let (seq, _) = reported(&mut ledger, &Done::success(decision), Some("mailer"), 7);
    let complaint = event(&mut ledger, INGEST, Event::Complaint, 7, &[LISTED]);
    assert_eq!(told(&mut ledger, complaint).0.about(), Some(seq));
}

/// The entry against those that it takes to judge it.
pub(crate) fn judged(ledger: &Ledger, entry: &Entry) -> Result<(), JudgeError> {
    let entry_at = |seq: u64| ledger.entries[usize::try_from(seq).unwrap()].clone();
    let size = ledger.entries.len() as u64;
    let read = |seq| Ok::<_, ()>((seq < size).then(|| entry_at(seq)));
    let others = required(entry, read).unwrap();
    let others: BTreeMap<u64, Entry> = others.iter().map(|seq| (*seq, entry_at(*seq))).collect();
    judge(entry, &others).map(|_| ())
}

/// One of every kind: replay agrees, and finds each forged answer.
#[test]
fn replay_and_judge_hold_what_was_found_against_the_log() {
    let mut ledger = Ledger::new(&[]);
    let seq = sent(&mut ledger, &[1, 2], Some("mailer"), 7);
    sent(&mut ledger, &[3], Some("mailer"), 8);
    for (id, who) in [(7, &[2][..]), (7, &[]), (7, &[5]), (9, &[6])] {
        let complaint = event(&mut ledger, INGEST, Event::Complaint, id, who);
        told(&mut ledger, complaint);
    }
    assert_eq!(replay(ledger.lines()).fault(), None);
    let at = ledger
        .entries
        .iter()
        .position(|entry| matches!(entry.body, Body::Outcome(_)))
        .expect("one");
    judged(&ledger, &ledger.entries[at]).expect("it follows from what it cites");
    let forgeries: [(&str, Forge); 5] = [
        ("another execution", |one, seq| {
            one.matched.as_mut().expect("one").execution = seq + 2;
            one.decision = Some(seq + 1);
        }),
        ("another recipient", |one, _| {
            one.matched.as_mut().expect("one").recipient = Some(0);
        }),
        ("no recipient", |one, _| {
            one.matched.as_mut().expect("one").recipient = None;
            one.findings = vec![Finding::UnknownRecipient];
        }),
        ("another run", |one, _| {
            one.matched.as_mut().expect("one").correlation_id = "run-2".to_owned();
        }),
        ("nothing found", |one, _| {
            one.matched = None;
            one.decision = None;
            one.findings = vec![Finding::UnknownExecution];
        }),
    ];
    for (what, forge) in forgeries {
        let mut forged = ledger.entries.clone();
        let Body::Outcome(outcome) = &mut forged[at].body else {
            panic!("an outcome")
        };
        forge(outcome, seq);
        let lines = forged.iter().map(|entry| entry.encode().unwrap());
        assert!(replay(lines).fault().is_some(), "{what}");
        // That the log has no such execution is what evidence cannot show.
        assert_eq!(
            judged(&ledger, &forged[at]).is_ok(),
            what == "nothing found",
            "{what}"
        );
    }
}
