//! A naive model of the breakers: everything is worked out again from the list of all entries, in
//! fractions, whenever it is asked. It has no windows, no latches and no memory.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::entry::{
    Body, BreakerEvent, BreakerScope, Code, Decision, Entry, Event, Execution, Finding, Outcome,
    OutcomeReport, Status,
};
use ledger_core::time::Timestamp;

use super::rule::{Rule, What};

/// What a `breaker` entry should say: event, rule, scope, threshold, count, sample, cites, their total,
/// until.
pub(crate) type Said = (
    BreakerEvent,
    String,
    BreakerScope,
    u64,
    i128,
    i128,
    Vec<u64>,
    Option<u64>,
    Option<Timestamp>,
);

/// The log, and the rules of each policy in it by the seq of its entry.
pub(crate) struct Model<'a> {
    pub(crate) entries: &'a [Entry],
    pub(crate) policies: &'a BTreeMap<u64, Vec<Rule>>,
}

/// What one report counts for.
struct Counted<'a> {
    /// The entry at which it counts.
    seq: u64,
    /// The entry that says so.
    cite: u64,
    time: Timestamp,
    about: &'a Decision,
    what: Happened,
}

#[derive(Clone, Copy)]
enum Happened {
    Executed(Status, i128, i128),
    Bounced(i128),
    Complained(i128),
    Nothing,
}

/// Who was reached, and of whom was told, by decision; `None` stands for nobody in particular.
#[derive(Default)]
struct People {
    known: BTreeSet<(u64, Option<u64>)>,
    told: BTreeSet<(u64, String, Option<u64>)>,
}

impl People {
    /// How many of those whom an execution says it reached were not known to be.
    fn reached(&mut self, whose: u64, all: &[u64], first: bool) -> i128 {
        let mut fresh = 0;
        for at in all.iter().filter(|_| first) {
            fresh += i128::from(self.known.insert((whose, Some(*at))));
        }
        fresh
    }

    fn told(&mut self, whose: u64, outcome: &OutcomeReport, whom: Option<u64>) -> Happened {
        let fresh = self.told.insert((whose, word(outcome), whom));
        let known = match whom {
            Some(_) => self.known.contains(&(whose, whom)),
            None => self.known.iter().any(|(of, _)| *of == whose),
        };
        let reached = i128::from(!known);
        let what = match outcome.event {
            Event::BounceHard if fresh => Happened::Bounced(reached),
            Event::Complaint if fresh => Happened::Complained(reached),
            _ => return Happened::Nothing,
        };
        self.known.insert((whose, whom));
        what
    }
}

impl<'a> Model<'a> {
    fn decision(&self, seq: u64) -> Option<&'a Decision> {
        match &self.entries.get(usize::try_from(seq).ok()?)?.body {
            Body::Decision(decision) => Some(decision),
            _ => None,
        }
    }

    fn execution(&self, seq: u64) -> Option<&'a Execution> {
        match &self.entries.get(usize::try_from(seq).ok()?)?.body {
            Body::Execution(execution) => Some(execution),
            _ => None,
        }
    }

    /// Every report of the first `upto` entries that the right principal made about a known decision, and of
    /// outcomes that came before it what they say, where its execution stands.
    fn counted(&self, upto: usize) -> Vec<Counted<'a>> {
        let mut used = BTreeSet::new();
        let mut people = People::default();
        let mut counted = Vec::new();
        for (at, entry) in self.entries[..upto].iter().enumerate() {
            let mut count = |about: &'a Decision, cite: u64, what: Happened| {
                counted.push(Counted {
                    seq: entry.seq,
                    cite,
                    time: entry.time,
                    about,
                    what,
                });
            };
            match &entry.body {
                Body::Execution(execution) => {
                    let Some(about) = self.decision(execution.decision) else {
                        continue;
                    };
                    if !is_right(&execution.cause.actor.id, about) {
                        continue;
                    }
                    let first = about.outcome == Outcome::Allow && used.insert(execution.decision);
                    let whose = execution.decision;
                    let reached = people.reached(whose, &reached(execution, about), first);
                    let mut costs = vec![0, execution.cost_micros.unwrap_or(0)];
                    if execution.status != Status::NotStarted {
                        costs.extend(about.cost_micros);
                    }
                    let cost = i128::from(costs.into_iter().max().unwrap());
                    let what = Happened::Executed(execution.status, reached, cost);
                    count(
                        about,
                        entry.seq,
                        if first { what } else { Happened::Nothing },
                    );
                    for (seq, outcome) in self.before(at, execution) {
                        if is_right(&outcome.cause.actor.id, about) {
                            let whom = named(outcome, about);
                            count(about, seq, people.told(whose, outcome, whom));
                        }
                    }
                }
                Body::Outcome(outcome) => {
                    let execution = outcome.execution.and_then(|seq| self.execution(seq));
                    let about = execution.and_then(|execution| self.decision(execution.decision));
                    let Some(about) = about else { continue };
                    if !is_right(&outcome.cause.actor.id, about) {
                        continue;
                    }
                    let whose = execution.unwrap().decision;
                    let what = people.told(whose, outcome, whom(outcome, about));
                    count(about, entry.seq, what);
                }
                _ => {}
            }
        }
        counted
    }

    /// The outcomes before an entry that name no execution and the provider's id of this one. No two
    /// executions have one id here.
    fn before(&self, at: usize, execution: &'a Execution) -> Vec<(u64, &'a OutcomeReport)> {
        let of = |entry: &'a Entry| match &entry.body {
            Body::Outcome(outcome) => {
                let same = outcome.execution.is_none()
                    && outcome.provider_id == execution.provider_id
                    && [&None, &outcome.provider].contains(&&execution.provider);
                same.then_some((entry.seq, &**outcome))
            }
            _ => None,
        };
        self.entries[..at].iter().filter_map(of).collect()
    }

    fn rules(&self, upto: usize) -> &'a [Rule] {
        let last = self.policies.range(..upto as u64).next_back();
        last.map_or(&[], |(_, rules)| rules)
    }

    /// The last entry of the first `upto` about a breaker that is one of `events`.
    fn last(
        &self,
        upto: usize,
        id: &str,
        scope: &BreakerScope,
        events: &[BreakerEvent],
    ) -> Option<(u64, Option<Timestamp>)> {
        self.entries[..upto]
            .iter()
            .rev()
            .find_map(|entry| match &entry.body {
                Body::Breaker(breaker) => (breaker.rule == id
                    && breaker.scope == *scope
                    && events.contains(&breaker.event))
                .then_some((entry.seq, breaker.until)),
                _ => None,
            })
    }

    /// Which entry opened it, and until when, where none ended it since.
    fn opened(
        &self,
        upto: usize,
        id: &str,
        scope: &BreakerScope,
    ) -> Option<(u64, Option<Timestamp>)> {
        let (seq, until) = self.last(upto, id, scope, &[BreakerEvent::Opened])?;
        let ended = self.last(
            upto,
            id,
            scope,
            &[BreakerEvent::Closed, BreakerEvent::Reset],
        );
        ended
            .is_none_or(|(ended, _)| ended < seq)
            .then_some((seq, until))
    }

    /// Count, sample and the entries counted after `upto` entries.
    fn measure(
        &self,
        upto: usize,
        rule: &Rule,
        scope: &BreakerScope,
        now: Timestamp,
    ) -> (i128, i128, Vec<u64>) {
        let ended = self.last(
            upto,
            rule.id,
            scope,
            &[BreakerEvent::Closed, BreakerEvent::Reset],
        );
        let from = ended.map_or(0, |(seq, _)| seq);
        let since = self
            .opened(upto, rule.id, scope)
            .and_then(|(_, until)| until);
        let window = i128::from(rule.window_s) * 1_000_000;
        let (mut count, mut sample, mut cites) = (0, 0, Vec::new());
        for one in self.counted(upto) {
            let age = i128::from(now.micros()) - i128::from(one.time.micros());
            let matches = scope_of(rule, one.about).as_ref() == Some(scope);
            if !matches
                || age >= window
                || one.seq < from
                || since.is_some_and(|since| one.time < since)
            {
                continue;
            }
            let (counts, of) = match (rule.what, one.what) {
                (
                    What::Bounce | What::Complaint,
                    Happened::Executed(Status::Success | Status::Partial, reached, _),
                )
                | (What::Bounce, Happened::Complained(reached))
                | (What::Complaint, Happened::Bounced(reached)) => (0, reached),
                (What::Bounce, Happened::Bounced(reached))
                | (What::Complaint, Happened::Complained(reached)) => (1, reached),
                (What::Error, Happened::Executed(status, ..)) => (
                    i128::from(status == Status::Failure),
                    i128::from(status != Status::NotStarted),
                ),
                (What::Cost, Happened::Executed(_, _, cost)) => (cost, 1),
                _ => (0, 0),
            };
            count += counts;
            sample += of;
            if counts > 0 {
                cites.push(one.cite);
            }
        }
        (count, sample, cites)
    }

    fn is_above(
        &self,
        upto: usize,
        rule: &Rule,
        scope: &BreakerScope,
        now: Timestamp,
        threshold: u64,
    ) -> bool {
        let (count, sample, _) = self.measure(upto, rule, scope, now);
        above(rule, count, sample, threshold)
    }

    /// Whether a warning of the first `upto` entries still stands: none ended it, and no report about
    /// its scope and no publication since found it at or below its threshold.
    fn warned(&self, upto: usize, rule: &Rule, scope: &BreakerScope) -> bool {
        let all = [
            BreakerEvent::Warned,
            BreakerEvent::Opened,
            BreakerEvent::Closed,
            BreakerEvent::Reset,
        ];
        let Some((seq, _)) = self.last(upto, rule.id, scope, &[BreakerEvent::Warned]) else {
            return false;
        };
        if self
            .last(upto, rule.id, scope, &all)
            .is_some_and(|(last, _)| last != seq)
        {
            return false;
        }
        let reports: BTreeMap<u64, &Decision> = self
            .counted(upto)
            .into_iter()
            .map(|one| (one.seq, one.about))
            .collect();
        let from = usize::try_from(seq).unwrap() + 1;
        (from..upto).all(|at| {
            let entry = &self.entries[at];
            let published = self.policies.contains_key(&entry.seq);
            let then = self.rules(at + 1).iter().find(|then| then.id == rule.id);
            let concerned = reports.get(&entry.seq).is_some_and(|about| {
                then.is_some_and(|then| scope_of(then, about).as_ref() == Some(scope))
            });
            if !published && !concerned {
                return true;
            }
            then.filter(|then| belongs(then, scope))
                .is_some_and(|then| {
                    then.warn
                        .is_some_and(|warn| self.is_above(at + 1, then, scope, entry.time, warn))
                })
        })
    }

    /// What follows from the report that is the last entry here.
    pub(crate) fn follows(&self) -> Vec<Said> {
        let upto = self.entries.len();
        let report = &self.entries[upto - 1];
        let now = report.time;
        let counted = self.counted(upto);
        let Some(about) = counted
            .last()
            .filter(|one| one.seq == report.seq)
            .map(|one| one.about)
        else {
            return Vec::new();
        };
        let mut said = Vec::new();
        for rule in self.rules(upto) {
            let Some(scope) = scope_of(rule, about) else {
                continue;
            };
            let opened = self.opened(upto, rule.id, &scope);
            if opened.is_some_and(|(_, until)| until.is_none_or(|until| now < until)) {
                continue;
            }
            let (count, sample, cites) = self.measure(upto, rule, &scope, now);
            let (event, threshold) = if above(rule, count, sample, rule.open) {
                (BreakerEvent::Opened, rule.open)
            } else if rule
                .warn
                .is_some_and(|warn| above(rule, count, sample, warn))
                && !self.warned(upto - 1, rule, &scope)
            {
                (BreakerEvent::Warned, rule.warn.unwrap())
            } else {
                continue;
            };
            let total = cites.len() as u64;
            let mut shown = cites[cites.len().saturating_sub(8)..].to_vec();
            shown.sort_unstable();
            let until = (event == BreakerEvent::Opened && rule.what == What::Error)
                .then(|| now.saturating_add_s(rule.window_s));
            let total = (total > 8).then_some(total);
            said.push((
                event,
                rule.id.to_owned(),
                scope,
                threshold,
                count,
                sample,
                shown,
                total,
                until,
            ));
        }
        if let Body::Execution(execution) = &report.body
            && execution.status != Status::NotStarted
            && about.class.as_str() == "contact"
            && about
                .reasons
                .iter()
                .any(|reason| reason.code == Code::DncListed)
        {
            let scope = BreakerScope {
                agent: Some(about.cause.actor.id.clone()),
                classes: vec![about.class],
                ..BreakerScope::default()
            };
            if self.opened(upto, "dnc-breach", &scope).is_none() {
                let cites = vec![execution.decision, report.seq];
                said.push((
                    BreakerEvent::Opened,
                    "dnc-breach".to_owned(),
                    scope,
                    0,
                    1,
                    1,
                    cites,
                    None,
                    None,
                ));
            }
        }
        said
    }

    /// The rules of which a breaker refuses this request at `now`, each with what opened them.
    pub(crate) fn refuses(
        &self,
        request: &Decision,
        class: &str,
        now: Timestamp,
    ) -> BTreeMap<String, BTreeSet<u64>> {
        let mut refuses: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for entry in self.entries {
            let Body::Breaker(breaker) = &entry.body else {
                continue;
            };
            let scope = &breaker.scope;
            let open = self
                .opened(self.entries.len(), &breaker.rule, scope)
                .is_some_and(|(seq, until)| {
                    seq == entry.seq && until.is_none_or(|until| now < until)
                });
            let within = scope
                .agent
                .as_ref()
                .is_none_or(|agent| *agent == request.cause.actor.id)
                // Leaving out what is closed off gets nobody past it.
                && (scope.seller.is_none() || [&None, &scope.seller].contains(&&request.seller))
                && (scope.mailbox.is_none()
                    || [&None, &scope.mailbox].contains(&&request.mailbox))
                && (scope.actions.contains(&request.action)
                    || scope.classes.iter().any(|of| of.as_str() == class));
            if open && within {
                refuses
                    .entry(breaker.rule.clone())
                    .or_default()
                    .insert(entry.seq);
            }
        }
        refuses
    }
}

fn above(rule: &Rule, count: i128, sample: i128, threshold: u64) -> bool {
    let threshold = i128::from(threshold);
    match rule.what {
        What::Cost => count > threshold,
        // A fraction of integers: count / sample > threshold / 10^6.
        _ => sample >= i128::from(rule.minimum) && count * 1_000_000 > threshold * sample,
    }
}

fn is_right(actor: &str, about: &Decision) -> bool {
    actor == about.cause.actor.id || actor == super::ledger::RECORDER
}

fn reached(execution: &Execution, about: &Decision) -> Vec<u64> {
    let all = 0..about.recipients.len() as u64;
    let missed = |at: &u64| {
        let mut results = execution.results.iter();
        results.any(|result| result.recipient == *at)
    };
    match execution.status {
        Status::Success => all.collect(),
        Status::Partial => all.filter(|at| !missed(at)).collect(),
        Status::Failure | Status::NotStarted => Vec::new(),
    }
}

fn word(outcome: &OutcomeReport) -> String {
    format!("{:?}", outcome.event)
}

/// The recipient concerned; the whole execution where none is named of several, or one that is not there.
fn whom(outcome: &OutcomeReport, about: &Decision) -> Option<u64> {
    match (outcome.recipient, about.recipients.len() as u64) {
        (Some(at), all) if at < all => Some(at),
        (None, 0 | 1) => Some(0),
        _ => None,
    }
}

/// The same of an outcome that may name a person by a key. Whoever is named and is not there is nobody.
fn named(outcome: &OutcomeReport, about: &Decision) -> Option<u64> {
    let (true, Some(key)) = (outcome.recipient.is_none(), outcome.keys.first()) else {
        return whom(outcome, about);
    };
    let mut all = about.recipients.iter();
    match all.position(|one| one.keys.iter().any(|of| of.token == key.token)) {
        Some(at) => Some(at as u64),
        None if about.recipients.is_empty() => Some(0),
        None => None,
    }
}

/// The scope of the rule's breaker for this decision.
fn scope_of(rule: &Rule, about: &Decision) -> Option<BreakerScope> {
    if !rule.matches(&about.action, about.class.as_str()) {
        return None;
    }
    let mut scope = BreakerScope {
        actions: rule.actions.iter().map(|name| (*name).to_owned()).collect(),
        classes: rule
            .classes
            .iter()
            .map(|name| name.parse().unwrap())
            .collect(),
        ..BreakerScope::default()
    };
    match rule.per {
        "agent" => scope.agent = Some(about.cause.actor.id.clone()),
        "seller" => scope.seller = Some(about.seller.clone()?),
        "mailbox" => scope.mailbox = Some(about.mailbox?),
        _ => {}
    }
    Some(scope)
}

/// Whether a breaker of the rule can have this scope.
fn belongs(rule: &Rule, scope: &BreakerScope) -> bool {
    let actions: Vec<&str> = scope.actions.iter().map(String::as_str).collect();
    let classes: Vec<&str> = scope.classes.iter().map(|class| class.as_str()).collect();
    let per = match (&scope.agent, &scope.seller, &scope.mailbox) {
        (Some(_), ..) => "agent",
        (_, Some(_), _) => "seller",
        (.., Some(_)) => "mailbox",
        _ => "workspace",
    };
    actions == rule.actions && classes == rule.classes && per == rule.per
}

/// What the log's own entry of an outcome or execution should be told.
pub(crate) fn findings(outcome: &OutcomeReport, about: Option<&Decision>) -> Vec<Finding> {
    let mut found = broken(outcome, about);
    // Reports here have no keys: only whom the decision names can be listed.
    let names = about.is_some_and(|about| !about.recipients.is_empty());
    let asks = matches!(outcome.event, Event::Complaint | Event::Unsubscribe);
    if asks && !names && found != [Finding::OtherPrincipal] {
        found.push(Finding::Unlisted);
    }
    found
}

fn broken(outcome: &OutcomeReport, about: Option<&Decision>) -> Vec<Finding> {
    match about {
        None => vec![Finding::UnknownExecution],
        Some(about) if !is_right(&outcome.cause.actor.id, about) => vec![Finding::OtherPrincipal],
        Some(about)
            if outcome
                .recipient
                .is_some_and(|at| at >= about.recipients.len() as u64) =>
        {
            vec![Finding::UnknownRecipient]
        }
        Some(_) => Vec::new(),
    }
}
