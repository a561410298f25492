//! Bounces and complaints that come before the report on their message: they count with it, once.

use ledger_core::entry::{Body, BreakerEvent, Event, Finding, Outcome, OutcomeReport, Status};
use ledger_core::limits::EARLY_MAX;
use ledger_core::state::State;
use ledger_core::token::Kind;
use ledger_core::view::Table;

use super::ledger::{
    AGENTS, Done, INGEST, LISTED, Ledger, RECORDER, breakers, key, replay, told as said,
};
use super::matched::{counted, event, judged, reported, sent, told};
use super::rule::{Rule, What};

fn early(ledger: &mut Ledger, by: &str, what: Event, id: u8, who: &[u8]) -> u64 {
    let report = event(ledger, by, what, id, who);
    let (outcome, followers) = told(ledger, report);
    // Whoever complains and is named by nobody can be listed by nobody.
    let unlisted = what == Event::Complaint && who.is_empty();
    let mut findings = vec![Finding::UnknownExecution];
    findings.extend(unlisted.then_some(Finding::Unlisted));
    assert_eq!(outcome.findings, findings);
    assert_eq!(breakers(&followers), []);
    ledger.last() - followers.len() as u64
}

fn kept(ledger: &Ledger) -> usize {
    ledger.state.view().table(Table::Early).count()
}

fn both() -> [Rule; 2] {
    let watch = |what, id| Rule {
        id,
        ..Rule::new(what, 1)
    };
    [
        watch(What::Bounce, "bounces"),
        watch(What::Complaint, "complaints"),
    ]
}

#[test]
fn a_bounce_before_the_report_opens_the_breaker_with_the_report() {
    let mut ledger = Ledger::new(&[Rule::new(What::Bounce, 400_000)]);
    let (decision, _) = ledger.ask(&[1, 2]);
    let bounce = early(&mut ledger, INGEST, Event::BounceHard, 7, &[2]);
    early(&mut ledger, INGEST, Event::BounceHard, 7, &[2]);
    assert_eq!(kept(&ledger), 1);
    // What is kept outlives a restart.
    ledger.state = State::load(ledger.state.view().clone()).unwrap();
    let (seq, bodies) = reported(&mut ledger, &Done::success(decision), Some("mailer"), 7);
    assert_eq!(said(&bodies), [(BreakerEvent::Opened, 1, 2)]);
    let opened = breakers(&bodies).remove(0);
    let cites: Vec<u64> = opened.cites.iter().map(|cite| cite.seq).collect();
    assert_eq!(cites, [bounce], "it cites what says so, once");
    assert_eq!(kept(&ledger), 0);
    judged(&ledger, ledger.entries.last().unwrap()).expect("the cited outcome is a bounce");

    // Told again after the report, it is the same bounce.
    let again = event(&mut ledger, INGEST, Event::BounceHard, 7, &[2]);
    let (outcome, _) = told(&mut ledger, again);
    assert_eq!(outcome.about(), Some(seq));
    assert_eq!(counted(&ledger, decision + 1).bounced, [1].into());
    assert_eq!(ledger.state.view().table(Table::Sample).count(), 1);

    assert_eq!(replay(ledger.lines()).fault(), None);
    let at = usize::try_from(seq).unwrap() + 1;
    let mut without = ledger.entries.clone();
    without.remove(at);
    for (seq, entry) in (0..).zip(&mut without) {
        entry.seq = seq;
    }
    let lines = without.iter().map(|entry| entry.encode().unwrap());
    assert!(replay(lines).fault().is_some(), "replay misses the breaker");
    let mut forged = ledger.entries.clone();
    let Body::Breaker(breaker) = &mut forged[at].body else {
        panic!("a breaker")
    };
    breaker.cites[0].seq = seq;
    let lines = forged.iter().map(|entry| entry.encode().unwrap());
    assert!(replay(lines).fault().is_some(), "it cites the execution");
}

#[test]
fn what_counts_is_what_would_count_after_the_report() {
    let events = [
        (Event::BounceHard, &[1][..]),
        (Event::BounceHard, &[3]),
        (Event::Complaint, &[1]),
        (Event::Complaint, &[]),
        (Event::BounceSoft, &[2]),
        (Event::Unsubscribe, &[2]),
        (Event::BounceHard, &[9]),
    ];
    for status in [Status::Success, Status::Partial, Status::Failure] {
        let done = |decision| Done {
            status,
            missed: vec![0],
            ..Done::success(decision)
        };
        let mut before = Ledger::new(&both());
        let mut after = before.clone();
        let (decision, _) = before.ask(&[1, 2, 3]);
        for (what, who) in events {
            early(&mut before, INGEST, what, 7, who);
        }
        let (_, bodies) = reported(&mut before, &done(decision), Some("mailer"), 7);
        let (decision_after, _) = after.ask(&[1, 2, 3]);
        reported(&mut after, &done(decision_after), Some("mailer"), 7);
        for (what, who) in events {
            let report = event(&mut after, INGEST, what, 7, who);
            told(&mut after, report);
        }
        let [early, late] = [(&before, decision), (&after, decision_after)]
            .map(|(ledger, seq)| ledger.state.decision(seq).unwrap().unwrap().counted);
        assert_eq!(early, late, "{status:?}");
        let readings = |ledger: &Ledger| {
            let workspace = ledger_core::meter::MeterKey::Workspace;
            [0, 1].map(|at| ledger.state.meters().read(at, &workspace, ledger.now, None))
        };
        assert_eq!(readings(&before), readings(&after), "{status:?}");
        assert_eq!(said(&bodies).len(), 2, "both open at once");
        assert_eq!(replay(before.lines()).fault(), None);
    }
}

#[test]
fn only_those_whose_reports_count_are_heard() {
    for (by, counts) in [
        (INGEST, true),
        (RECORDER, true),
        (AGENTS[0], true),
        (AGENTS[1], false),
    ] {
        let mut ledger = Ledger::new(&both());
        early(&mut ledger, by, Event::BounceHard, 7, &[1]);
        let seq = sent(&mut ledger, &[1], Some("mailer"), 7);
        assert_eq!(!counted(&ledger, seq).bounced.is_empty(), counts, "{by}");
        assert_eq!(kept(&ledger), usize::from(!counts), "{by}");
    }
    // A stranger's execution takes nothing from whoever it belongs to.
    let mut ledger = Ledger::new(&both());
    let (decision, _) = ledger.ask(&[1]);
    early(&mut ledger, INGEST, Event::BounceHard, 7, &[1]);
    for done in [
        Done {
            by: AGENTS[1],
            ..Done::success(decision)
        },
        Done::success(9_999),
    ] {
        let (_, bodies) = reported(&mut ledger, &done, Some("mailer"), 7);
        assert_eq!((said(&bodies), kept(&ledger)), (vec![], 1));
    }
    let (_, bodies) = reported(&mut ledger, &Done::success(decision), Some("mailer"), 7);
    assert_eq!(said(&bodies), [(BreakerEvent::Opened, 1, 1)]);
}

#[test]
fn the_provider_must_agree_where_the_execution_names_one() {
    for (provider, counts) in [(Some("mailer"), true), (None, true), (Some("other"), false)] {
        let mut ledger = Ledger::new(&both());
        early(&mut ledger, INGEST, Event::BounceHard, 7, &[1]);
        early(&mut ledger, INGEST, Event::BounceHard, 8, &[1]);
        let seq = sent(&mut ledger, &[1], provider, 7);
        assert_eq!(
            !counted(&ledger, seq).bounced.is_empty(),
            counts,
            "{provider:?}"
        );
        assert_eq!(kept(&ledger), if counts { 1 } else { 2 }, "{provider:?}");
    }
}

#[test]
fn one_execution_is_counted_for_and_no_second_one() {
    let mut ledger = Ledger::new(&both());
    early(&mut ledger, INGEST, Event::BounceHard, 7, &[1]);
    let first = sent(&mut ledger, &[1], Some("mailer"), 7);
    ledger.reset(ledger.last());
    let second = sent(&mut ledger, &[1], Some("mailer"), 7);
    let third = sent(&mut ledger, &[1], None, 7);
    assert_eq!(counted(&ledger, first).bounced.len(), 1);
    for later in [second, third] {
        assert_eq!(counted(&ledger, later).bounced.len(), 0);
    }
    assert_eq!(replay(ledger.lines()).fault(), None);
}

#[test]
fn what_was_sent_against_a_denial_bounces_too() {
    let mut ledger = Ledger::new(&both());
    early(&mut ledger, INGEST, Event::BounceHard, 7, &[LISTED]);
    let (decision, answer) = ledger.ask(&[LISTED]);
    assert_eq!(answer.outcome, Outcome::Deny);
    let (_, bodies) = reported(&mut ledger, &Done::success(decision), Some("mailer"), 7);
    let rules: Vec<String> = breakers(&bodies).into_iter().map(|one| one.rule).collect();
    assert_eq!(rules, ["bounces", "dnc-breach"]);
    assert_eq!(replay(ledger.lines()).fault(), None);
}

#[test]
fn no_more_is_kept_than_one_message_can_come_to() {
    let mut ledger = Ledger::new(&[]);
    let before = |ledger: &mut Ledger, number: usize| -> OutcomeReport {
        let mut report = event(ledger, INGEST, Event::BounceHard, 7, &[1]);
        report.keys = vec![key(Kind::EmailCanonical, u8::try_from(number).unwrap())];
        report
    };
    for number in 0..EARLY_MAX + 5 {
        let report = before(&mut ledger, number);
        told(&mut ledger, report);
    }
    let (_, row) = ledger.state.view().table(Table::Early).next().unwrap();
    let kept: Vec<serde_json::Value> = serde_json::from_slice(row).unwrap();
    assert_eq!(kept.len(), EARLY_MAX);
    sent(&mut ledger, &[1], Some("mailer"), 7);
    assert_eq!(replay(ledger.lines()).fault(), None);
}
