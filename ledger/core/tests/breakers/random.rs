//! Random histories against the naive model.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::action::Class;
use ledger_core::entry::{
    Body, Breaker, BreakerEvent, Code, Decision, Event, Finding, Outcome, Status,
};
use ledger_core::state::{Prefilled, State, prefilled};
use ledger_core::token::{Kind, Token};
use ledger_core::view::MemoryView;
use proptest::prelude::*;

use super::ledger::{AGENTS, Done, LISTED, Ledger, RECORDER, breakers, key, replay};
use super::matched::{Whom, is_found_alike, message};
use super::model::{Model, Said, findings};
use super::rule::{Rule, What};
use super::step::{Early, Step, step};

/// Four policies: the same rules stricter, per another key, over other actions, and none.
fn policy(number: usize) -> Vec<Rule> {
    let rule = |id, what, per, warn, open, minimum, window_s| Rule {
        id,
        per,
        warn,
        minimum,
        window_s,
        ..Rule::new(what, open)
    };
    let mut rules = vec![
        rule(
            "bounces",
            What::Bounce,
            "mailbox",
            Some(200_000),
            400_000,
            2,
            60,
        ),
        rule(
            "complaints",
            What::Complaint,
            "seller",
            Some(100_000),
            333_333,
            3,
            90,
        ),
        rule(
            "errors",
            What::Error,
            "agent",
            Some(250_000),
            500_000,
            2,
            40,
        ),
        rule("costs", What::Cost, "workspace", Some(80), 150, 1, 50),
    ];
    match number {
        0 => {}
        1 => {
            for rule in &mut rules {
                rule.open = rule.open / 2 + 1;
                rule.warn = None;
                rule.window_s *= 2;
            }
        }
        2 => {
            rules[0].per = "agent";
            rules[1].minimum = 1;
            rules[2].actions = vec!["crm.update"];
            rules[2].classes = Vec::new();
            rules[3].actions = vec!["crm.update"];
            rules[3].warn = Some(100);
        }
        _ => rules.clear(),
    }
    rules
}

struct Run {
    ledger: Ledger,
    policies: BTreeMap<u64, Vec<Rule>>,
    listed: BTreeSet<(u8, Option<String>)>,
    people: BTreeMap<u64, Vec<u8>>,
    /// How many executions were reported: the number of the next message.
    messages: u64,
}

impl Run {
    fn new() -> Self {
        let ledger = Ledger::new(&policy(0));
        let published = ledger
            .entries
            .iter()
            .find(|entry| matches!(entry.body, Body::Policy(_)));
        let policies = BTreeMap::from([(published.unwrap().seq, policy(0))]);
        let listed = BTreeSet::from([(LISTED, None)]);
        Self {
            ledger,
            policies,
            listed,
            people: BTreeMap::new(),
            messages: 0,
        }
    }

    fn seqs(&self, of: impl Fn(&Body) -> bool) -> Vec<u64> {
        let found = self.ledger.entries.iter().filter(|entry| of(&entry.body));
        found.map(|entry| entry.seq).collect()
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Ask {
                agent,
                write,
                seller,
                mailbox,
                people,
            } => {
                let mut request = self.ledger.email(people);
                AGENTS[usize::from(*agent)].clone_into(&mut request.cause.actor.id);
                request.seller = ["acme", "beta"]
                    .get(usize::from(*seller))
                    .map(|name| (*name).to_owned());
                request.mailbox = (*mailbox > 0).then_some(Token([*mailbox; 32]));
                request.cost_micros = (*seller > 0).then_some(u64::from(*seller) * 25);
                if *write {
                    "crm.update".clone_into(&mut request.action);
                    request.recipients.clear();
                    request.targets = vec![ledger_core::entry::Target {
                        kind: "contact".to_owned(),
                        id: Some(Token([9; 32])),
                        reads: Vec::new(),
                        writes: vec!["title".to_owned()],
                    }];
                }
                self.ask(request, *write, people);
            }
            Step::Report {
                pick,
                by,
                status,
                cost,
                missed,
            } => {
                let decisions = self.seqs(|body| matches!(body, Body::Decision(_)));
                if decisions.is_empty() {
                    return;
                }
                let decision = decisions[pick % decisions.len()];
                let status = [
                    Status::Success,
                    Status::Success,
                    Status::Partial,
                    Status::Failure,
                    Status::Failure,
                    Status::NotStarted,
                ][usize::from(*status)];
                let by = self.by(*by, decision);
                let done = Done {
                    by: &by,
                    decision,
                    status,
                    cost: Some(*cost),
                    missed: missed.clone(),
                };
                let mut command = self.ledger.execution(&done);
                if let Body::Execution(execution) = &mut command {
                    execution.provider_id = Some(message(self.messages));
                    // Every third names its provider, and no other will do.
                    let names = self.messages.is_multiple_of(3);
                    execution.provider = names.then(|| "mailer".to_owned());
                }
                self.messages += 1;
                self.report(command);
            }
            Step::Outcome {
                pick,
                by,
                event,
                recipient,
            } => self.outcome(*pick, *by, *event, *recipient),
            Step::Early {
                ahead,
                by,
                event,
                provider,
                whom,
            } => {
                let by = match by {
                    0..4 => RECORDER,
                    _ => AGENTS[usize::from(*by % 2)],
                };
                let event = occurred(*event);
                let mut report = self.ledger.outcome(by, event, None, None);
                report.provider_id = Some(message(self.messages + ahead));
                report.provider = Some(if *provider { "mailer" } else { "other" }.to_owned());
                match whom {
                    Early::Nobody => {}
                    Early::Index(at) => report.recipient = Some(*at),
                    Early::Person(who) => {
                        report.keys = vec![key(Kind::EmailCanonical, *who)];
                        report.tokens_v = Some(1);
                        if matches!(event, Event::Unsubscribe | Event::Complaint) {
                            self.listed.insert((*who, None));
                        }
                    }
                }
                self.report(Body::Outcome(Box::new(report)));
            }
            Step::Wait { seconds, close } => {
                self.ledger.now = self.ledger.now.saturating_add_s(*seconds);
                if *close {
                    self.ledger.close_due();
                    assert!(
                        self.ledger
                            .state
                            .next_breaker_due()
                            .is_none_or(|due| self.ledger.now < due)
                    );
                }
            }
            Step::Reset { pick } => {
                let open: Vec<u64> = self
                    .ledger
                    .state
                    .breakers_open(self.ledger.now)
                    .map(|(seq, _)| seq)
                    .collect();
                if !open.is_empty() {
                    self.ledger.reset(open[pick % open.len()]);
                }
            }
            Step::Publish { rules } => self.publish(policy(*rules)),
            Step::Restart => {
                let view = self.ledger.state.view().clone();
                self.ledger.state = State::load(view).unwrap();
            }
        }
    }

    fn by(&self, by: u8, decision: u64) -> String {
        let Body::Decision(asked) = &self.ledger.entries[usize::try_from(decision).unwrap()].body
        else {
            unreachable!();
        };
        match by {
            0 => AGENTS[usize::from(asked.cause.actor.id == AGENTS[0])].to_owned(),
            1..=3 => RECORDER.to_owned(),
            _ => asked.cause.actor.id.clone(),
        }
    }

    fn ask(&mut self, request: Decision, write: bool, people: &[u8]) {
        let class = if write { "write" } else { "contact" };
        let model = Model {
            entries: &self.ledger.entries,
            policies: &self.policies,
        };
        let refuses = model.refuses(&request, class, self.ledger.now);
        let seller = request.seller.clone();
        let (seq, answer) = self.ledger.decide(request);
        let mut found: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for reason in answer
            .reasons
            .iter()
            .filter(|reason| reason.code == Code::BreakerOpen)
        {
            let cites = reason.cites.iter().map(|cite| cite.seq).collect();
            found.insert(reason.rule.clone().unwrap(), cites);
        }
        assert_eq!(found, refuses);
        assert!(refuses.is_empty() || answer.outcome == Outcome::Deny);
        let listed = !write
            && people.iter().any(|who| {
                self.listed.iter().any(|(one, on)| {
                    one == who && (on.is_none() || seller.is_none() || *on == seller)
                })
            });
        let says = answer
            .reasons
            .iter()
            .any(|reason| reason.code == Code::DncListed);
        assert_eq!(says, listed, "{answer:?}");
        self.people
            .insert(seq, if write { Vec::new() } else { people.to_vec() });
    }

    /// Submits a report and holds what follows against the model.
    fn report(&mut self, command: Body) -> Body {
        let (seq, bodies) = self.ledger.append(command);
        let upto = usize::try_from(seq).unwrap() + 1;
        let model = Model {
            entries: &self.ledger.entries[..upto],
            policies: &self.policies,
        };
        let found: Vec<Said> = breakers(&bodies).into_iter().map(said).collect();
        assert_eq!(found, model.follows());
        bodies.into_iter().next().unwrap()
    }

    fn outcome(&mut self, pick: usize, by: u8, event: u8, recipient: Option<u64>) {
        let executions = self.seqs(|body| matches!(body, Body::Execution(_)));
        if executions.is_empty() {
            return;
        }
        let execution = executions[pick % executions.len()];
        let Body::Execution(executed) =
            &self.ledger.entries[usize::try_from(execution).unwrap()].body
        else {
            unreachable!();
        };
        let decision = executed.decision;
        let by = self.by(by, decision);
        let event = occurred(event);
        let report = self.ledger.outcome(&by, event, Some(execution), recipient);
        let person = |at| self.people[&decision].get(usize::try_from(at).unwrap());
        let whom = recipient.map_or(Whom::Nobody, |at| {
            person(at).map_or(Whom::Unknown, |who| Whom::Person(*who))
        });
        is_found_alike(&self.ledger, &report, whom);
        let Body::Outcome(outcome) = self.report(Body::Outcome(Box::new(report))) else {
            panic!("no outcome");
        };
        let Body::Decision(about) = &self.ledger.entries[usize::try_from(decision).unwrap()].body
        else {
            unreachable!();
        };
        let expected: Vec<Finding> = findings(&outcome, Some(about));
        assert_eq!(outcome.findings, expected);
        // A stranger lists only whom the report itself names, and these name nobody.
        let stranger = expected.contains(&Finding::OtherPrincipal);
        if matches!(event, Event::Unsubscribe | Event::Complaint) && !stranger {
            let people = &self.people[&decision];
            let named = recipient.and_then(|at| people.get(usize::try_from(at).unwrap()));
            let concerned = named.map_or_else(|| people.clone(), |who| vec![*who]);
            let seller = about.seller.clone();
            self.listed
                .extend(concerned.into_iter().map(|who| (who, seller.clone())));
        }
    }

    /// Publishes, with what the new policy counts filled in beforehand up to half of the log, and holds
    /// that against a state that was not given it.
    fn publish(&mut self, rules: Vec<Rule>) {
        let half = self.ledger.entries.len() / 2;
        let mut before = State::load(MemoryView::default()).unwrap();
        for entry in &self.ledger.entries[..half] {
            before.apply(entry, None).unwrap();
        }
        let command = self.ledger.command(&rules, "");
        let Body::Policy(policy) = &command else {
            unreachable!()
        };
        let files: Vec<_> = policy
            .files
            .iter()
            .map(|file| (&file.path, &file.text))
            .collect();
        let parsed = ledger_core::policy::Policy::parse(&files).unwrap();
        let filled: Prefilled = prefilled(before.view(), &parsed).unwrap();
        let mut with = self.ledger.state.clone();
        let (seq, _) = self.ledger.append(command);
        with.apply(self.ledger.entries.last().unwrap(), Some(filled))
            .unwrap();
        same(&with, &self.ledger.state);
        self.policies.insert(seq, rules);
    }
}

const fn occurred(pick: u8) -> Event {
    match pick {
        0..4 => Event::BounceHard,
        4..7 => Event::Complaint,
        7 => Event::Unsubscribe,
        8 => Event::Reply,
        _ => Event::BounceSoft,
    }
}

/// That two states say the same of every breaker.
fn same(one: &State<MemoryView>, other: &State<MemoryView>) {
    assert_eq!(one.view(), other.view());
    let latched = |state: &State<MemoryView>| state.breakers().cloned().collect::<Vec<_>>();
    assert_eq!(latched(one), latched(other));
    assert_eq!(one.next_breaker_due(), other.next_breaker_due());
    let now = one.head().time;
    assert!(one.meters().rules().eq(other.meters().rules()));
    for (at, _) in one.meters().rules().enumerate() {
        for key in keys() {
            for later in [0, 10, 30, 50, 90] {
                let then = now.saturating_add_s(later);
                assert_eq!(
                    one.meters().read(at, &key, then, None),
                    other.meters().read(at, &key, then, None)
                );
                assert_eq!(
                    one.meters().cites(at, &key, then, None),
                    other.meters().cites(at, &key, then, None)
                );
            }
        }
    }
}

fn keys() -> Vec<ledger_core::meter::MeterKey> {
    use ledger_core::meter::MeterKey::{Agent, Mailbox, Seller, Workspace};
    let mut keys = vec![Workspace];
    keys.extend(AGENTS.map(|agent| Agent(agent.to_owned())));
    keys.extend(["acme", "beta"].map(|seller| Seller(seller.to_owned())));
    keys.extend([1, 2].map(|number| Mailbox(Token([number; 32]))));
    keys
}

fn said(breaker: Breaker) -> Said {
    let cites = breaker.cites.iter().map(|cite| cite.seq).collect();
    (
        breaker.event,
        breaker.rule,
        breaker.scope,
        breaker.threshold.unwrap(),
        i128::from(breaker.count.unwrap()),
        i128::from(breaker.sample.unwrap()),
        cites,
        breaker.cites_total,
        breaker.until,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn histories_are_as_the_naive_model_has_them(steps in prop::collection::vec(step(), 20..110)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        let restarted = State::load(run.ledger.state.view().clone()).unwrap();
        same(&restarted, &run.ledger.state);
        let mut folded = State::load(MemoryView::default()).unwrap();
        for entry in &run.ledger.entries {
            folded.apply(entry, None).unwrap();
        }
        same(&folded, &run.ledger.state);
        let report = replay(run.ledger.lines());
        prop_assert!(report.mismatches.is_empty(), "{:?}", report.mismatches);
        prop_assert!(report.unverifiable.is_none());
    }
}

/// That the histories above reach what they are to test.
#[test]
fn histories_open_warn_close_and_reset() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut events: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for _ in 0..60 {
        let steps = prop::collection::vec(step(), 110)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        for entry in &run.ledger.entries {
            if let Body::Breaker(breaker) = &entry.body {
                *events
                    .entry((breaker.rule.clone(), breaker.event.as_str()))
                    .or_default() += 1;
            }
        }
    }
    for rule in ["bounces", "complaints", "errors", "costs"] {
        for event in [
            BreakerEvent::Warned,
            BreakerEvent::Opened,
            BreakerEvent::Reset,
        ] {
            assert!(
                events.contains_key(&(rule.to_owned(), event.as_str())),
                "{rule} {event:?} {events:?}"
            );
        }
    }
    assert!(
        events.contains_key(&("errors".to_owned(), "closed")),
        "{events:?}"
    );
    assert!(
        events.contains_key(&("dnc-breach".to_owned(), "opened")),
        "{events:?}"
    );
    assert_eq!(Class::Contact.as_str(), "contact");
}
