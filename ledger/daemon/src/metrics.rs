//! What the daemon counts of itself, for whoever is woken at night.
//!
//! What the log says is counted once its batch is on stable storage, by the committer, before anybody is
//! answered: whoever holds a receipt finds it counted. What is true at this moment (how much waits, what
//! is open, how the process is) is read when somebody asks ([`now`]). Counters start at zero with the
//! process; the log has the whole history.
//!
//! Every label is a word of this program or of the interface, so that the number of series is bounded
//! and no label can name a person, a principal or a credential.
//!
//! | label | its words |
//! |---|---|
//! | `kind` | the kinds of entries |
//! | `basis`, `outcome`, `class`, `code`, `status`, `event` | as entries spell them; reason codes and findings as in `docs/reasons.md` |
//! | `lane`, `queue` | of the queue |
//! | `method`, `grpc_code` | of the `.proto` files; `other` for what they do not have |
//! | `provider`, `became` | of the providers whose events are read, and of what becomes of one |
//! | `route`, `http_code` | of the table of routes; `none` for what is not in it |

pub mod calls;
pub mod now;
pub mod process;
pub mod reads;
mod words;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ledger_core::action::Class;
use ledger_core::codebook::FINDINGS;
use ledger_core::entry::{
    Basis, Body, BreakGlassEvent, BreakerEvent, Code, Entry, Event, Finding, Outcome, Status,
};
use ledger_feeds::event::Provider;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::service::ingest::Ingested;
use words::{Words, word};

/// What every metric's name starts with.
pub const PREFIX: &str = "ledger";

/// A label's value.
type Word = Cow<'static, str>;
type Labels<const N: usize> = [(&'static str, Word); N];

/// The counters and histograms. Shared by whoever counts.
#[derive(Debug)]
pub struct Metrics {
    entries: Family<Labels<1>, Counter>,
    decisions: Family<Labels<3>, Counter>,
    reasons: Words<Code>,
    dnc_hits: Counter,
    executions: Words<Status>,
    outcomes: Words<Event>,
    findings: Words<Finding>,
    break_glass: Words<BreakGlassEvent>,
    breakers: Words<BreakerEvent>,
    batch_entries: Histogram,
    commit_seconds: Histogram,
    decide_seconds: Histogram,
    pub(crate) grpc_calls: Family<Labels<2>, Counter>,
    http_requests: Family<Labels<2>, Counter>,
    provider_events: Family<Labels<2>, Counter>,
    /// What the time of a commit is measured from.
    started: Instant,
    /// When the commit under way began, in microseconds since `started`, and 1; 0 where none is.
    committing: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        // 100 us, a fast disk's sync, to 1.6 s and 13 s, where something is wrong.
        let seconds = || Histogram::new(exponential_buckets(0.000_1, 2.0, 18));
        let metrics = Self {
            entries: Family::default(),
            decisions: Family::default(),
            reasons: Words::new("code", &Code::ALL),
            dnc_hits: Counter::default(),
            executions: Words::new("status", &STATUSES),
            outcomes: Words::new("event", &EVENTS),
            findings: Words::new("code", &FINDINGS),
            break_glass: Words::new("event", &GLASS_EVENTS),
            breakers: Words::new("event", &BREAKER_EVENTS),
            batch_entries: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            commit_seconds: seconds(),
            decide_seconds: seconds(),
            grpc_calls: Family::default(),
            http_requests: Family::default(),
            provider_events: Family::default(),
            started: Instant::now(),
            committing: AtomicU64::new(0),
        };
        // From the start at zero: a rate over a series that has just appeared misses its first event.
        for outcome in [Outcome::Allow, Outcome::RequireApproval, Outcome::Deny] {
            for class in Class::ALL {
                metrics.decided(Basis::Gate, outcome, class, 0);
            }
        }
        for provider in Provider::ALL {
            metrics.delivered(provider, &Ingested::default());
        }
        metrics
    }
}

const STATUSES: [Status; 4] = [
    Status::Success,
    Status::Failure,
    Status::Partial,
    Status::NotStarted,
];
const EVENTS: [Event; 5] = [
    Event::BounceHard,
    Event::BounceSoft,
    Event::Complaint,
    Event::Reply,
    Event::Unsubscribe,
];

const GLASS_EVENTS: [BreakGlassEvent; 3] = [
    BreakGlassEvent::Requested,
    BreakGlassEvent::Opened,
    BreakGlassEvent::Closed,
];
const BREAKER_EVENTS: [BreakerEvent; 4] = [
    BreakerEvent::Warned,
    BreakerEvent::Opened,
    BreakerEvent::Closed,
    BreakerEvent::Reset,
];

/// What one entry adds to the counters, noted when it is planned and counted when it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    kind: &'static str,
    said: Said,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Decision {
        basis: Basis,
        outcome: Outcome,
        class: Class,
        reasons: Vec<Code>,
        findings: Vec<Finding>,
    },
    Execution {
        status: Status,
        findings: Vec<Finding>,
    },
    Outcome {
        event: Event,
        findings: Vec<Finding>,
    },
    BreakGlass(BreakGlassEvent),
    Breaker(BreakerEvent),
    Nothing,
}

impl Counted {
    /// What `entry` adds.
    pub fn of(entry: &Entry) -> Self {
        let said = match &entry.body {
            Body::Decision(decision) => {
                // One for each recipient and key may say the same.
                let mut reasons = Vec::with_capacity(decision.reasons.len());
                for reason in &decision.reasons {
                    if !reasons.contains(&reason.code) {
                        reasons.push(reason.code);
                    }
                }
                Said::Decision {
                    basis: decision.basis,
                    outcome: decision.outcome,
                    class: decision.class,
                    reasons,
                    findings: decision.findings.clone(),
                }
            }
            Body::Execution(execution) => Said::Execution {
                status: execution.status,
                findings: execution.findings.clone(),
            },
            Body::Outcome(outcome) => Said::Outcome {
                event: outcome.event,
                findings: outcome.findings.clone(),
            },
            Body::BreakGlass(glass) => Said::BreakGlass(glass.event),
            Body::Breaker(breaker) => Said::Breaker(breaker.event),
            _ => Said::Nothing,
        };
        Self {
            kind: entry.body.kind(),
            said,
        }
    }
}

impl Metrics {
    /// Gives every counter and histogram to a registry.
    pub fn register(&self, registry: &mut Registry) {
        macro_rules! give {
            ($($name:literal, $metric:expr, $help:literal;)*) => {
                $(registry.register($name, $help, $metric.clone());)*
            };
        }
        give! {
            "entries", self.entries, "Entries committed, by kind";
            "decisions", self.decisions, "Decisions committed; those of basis asserted were made elsewhere";
            "decision_reasons", self.reasons.family, "Decisions committed, by each reason code that they give";
            "dnc_hits", self.dnc_hits, "Decisions with a recipient on the do-not-contact list or flagged in the CRM";
            "executions", self.executions.family, "Executions reported, by what became of them";
            "outcomes", self.outcomes.family, "Outcomes that providers reported, by event";
            "findings", self.findings.family, "Rules that committed reports and asserted decisions break, by finding";
            "break_glass", self.break_glass.family, "Entries about break-glass, by event";
            "breakers", self.breakers.family, "Entries about circuit breakers, by event";
            "batch_entries", self.batch_entries, "Entries in one commit";
            "commit_seconds", self.commit_seconds, "Time of one commit, its sync to stable storage included";
            "decide_seconds", self.decide_seconds, "Time from a request for a decision, once read and checked, to its committed answer; queue and commit included";
            "grpc_calls", self.grpc_calls, "gRPC calls ended, by method and status code";
            "http_requests", self.http_requests, "HTTP requests answered, by route and status code";
            "provider_events", self.provider_events, "Events that providers delivered over HTTP, by what became of them; unmatched and unlisted ones are recorded or repeated, too";
        }
    }

    /// Counts what a batch says, once it is down.
    pub fn committed(&self, counted: &[Counted]) {
        for Counted { kind, said } in counted {
            self.entries
                .get_or_create(&[("kind", (*kind).into())])
                .inc();
            let findings = match said {
                Said::Decision {
                    basis,
                    outcome,
                    class,
                    reasons,
                    findings,
                } => {
                    self.decided(*basis, *outcome, *class, 1);
                    for code in reasons {
                        self.reasons.inc(*code);
                    }
                    let hit = |code: &Code| matches!(code, Code::DncListed | Code::DncCrmFlag);
                    self.dnc_hits.inc_by(u64::from(reasons.iter().any(hit)));
                    findings
                }
                Said::Execution { status, findings } => {
                    self.executions.inc(*status);
                    findings
                }
                Said::Outcome { event, findings } => {
                    self.outcomes.inc(*event);
                    findings
                }
                Said::BreakGlass(event) => {
                    self.break_glass.inc(*event);
                    continue;
                }
                Said::Breaker(event) => {
                    self.breakers.inc(*event);
                    continue;
                }
                Said::Nothing => continue,
            };
            for finding in findings {
                self.findings.inc(*finding);
            }
        }
    }

    fn decided(&self, basis: Basis, outcome: Outcome, class: Class, times: u64) {
        let labels = [
            ("basis", word(&basis)),
            ("outcome", word(&outcome)),
            ("class", class.as_str().into()),
        ];
        self.decisions.get_or_create(&labels).inc_by(times);
    }

    /// Notes that a commit begins; what is returned notes that it has succeeded.
    pub fn commit_begins(&self) -> Instant {
        let now = Instant::now();
        let since = now.duration_since(self.started).as_micros();
        let since = u64::try_from(since).unwrap_or(u64::MAX - 1) + 1;
        self.committing.store(since, Ordering::Relaxed);
        now
    }

    /// Notes that the commit of so many entries, which began at `since`, is down.
    pub fn commit_ends(&self, since: Instant, entries: usize) {
        self.committing.store(0, Ordering::Relaxed);
        self.commit_seconds.observe(since.elapsed().as_secs_f64());
        self.batch_entries
            .observe(f64::from(u32::try_from(entries).unwrap_or(u32::MAX)));
    }

    /// How long the commit under way has taken; zero where none is.
    pub fn committing(&self) -> Duration {
        match self.committing.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => self
                .started
                .elapsed()
                .saturating_sub(Duration::from_micros(since - 1)),
        }
    }

    /// Notes that a decision was asked for at `since` and is committed.
    pub fn decision_answered(&self, since: Instant) {
        self.decide_seconds.observe(since.elapsed().as_secs_f64());
    }

    /// Counts what one delivery of a provider came to.
    pub(crate) fn delivered(&self, provider: Provider, ingested: &Ingested) {
        for (became, count) in [
            ("recorded", ingested.recorded),
            ("repeated", ingested.repeated),
            ("unmatched", ingested.unmatched),
            ("unlisted", ingested.unlisted),
            ("passed", ingested.passed),
            ("refused", ingested.refused),
        ] {
            let labels = [
                ("provider", provider.as_str().into()),
                ("became", became.into()),
            ];
            self.provider_events.get_or_create(&labels).inc_by(count);
        }
    }

    /// Notes an answered HTTP request.
    pub fn http_answered(&self, route: &'static str, status: u16) {
        let labels = [
            ("route", route.into()),
            ("http_code", status.to_string().into()),
        ];
        self.http_requests.get_or_create(&labels).inc();
    }
}

#[cfg(test)]
mod tests {
    use ledger_core::entry::{Cause, Decision, Scope, Stop};
    use ledger_core::time::Timestamp;

    use super::*;

    fn entry(body: Body) -> Entry {
        Entry {
            seq: 0,
            time: Timestamp::EPOCH,
            sandbox: false,
            body,
        }
    }

    fn text(metrics: &Metrics) -> String {
        let mut registry = Registry::with_prefix(PREFIX);
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        text
    }

    fn denied(codes: &[Code]) -> Counted {
        let cause = Cause::ledger();
        let decision = Decision {
            class: Class::Contact,
            reasons: codes.iter().map(|code| code.reason()).collect(),
            ..Decision::request(Basis::Gate, cause, "email.send".to_owned())
        };
        Counted::of(&entry(Body::Decision(Box::new(decision))))
    }

    #[test]
    fn a_decision_counts_once_and_once_for_each_of_its_codes() {
        let metrics = Metrics::default();
        metrics.committed(&[
            denied(&[Code::DncListed, Code::DncListed, Code::GrantRow]),
            denied(&[Code::StopActive]),
        ]);
        let text = text(&metrics);
        for line in [
            "ledger_entries_total{kind=\"decision\"} 2",
            "ledger_decisions_total{basis=\"gate\",outcome=\"deny\",class=\"contact\"} 2",
            "ledger_decisions_total{basis=\"gate\",outcome=\"allow\",class=\"contact\"} 0",
            "ledger_decision_reasons_total{code=\"dnc.listed\"} 1",
            "ledger_decision_reasons_total{code=\"grant.row\"} 1",
            "ledger_decision_reasons_total{code=\"clock.blocked\"} 0",
            "ledger_dnc_hits_total 1",
            "ledger_findings_total{code=\"expired\"} 0",
            "ledger_findings_total{code=\"unlisted\"} 0",
        ] {
            assert!(text.lines().any(|each| each == line), "{line}\n{text}");
        }
    }

    #[test]
    fn what_is_neither_decision_nor_report_counts_by_its_kind_alone() {
        let metrics = Metrics::default();
        let stop = Stop {
            cause: Cause::ledger(),
            scope: Scope::Class {
                class: Class::Write,
            },
            voided: 0,
            details: std::collections::BTreeMap::new(),
        };
        metrics.committed(&[Counted::of(&entry(Body::Stop(stop)))]);
        let text = text(&metrics);
        assert!(text.contains("ledger_entries_total{kind=\"stop\"} 1\n"));
        assert!(text.contains("ledger_executions_total{status=\"success\"} 0\n"));
        for event in ["requested", "opened", "closed"] {
            let line = format!("ledger_break_glass_total{{event=\"{event}\"}} 0\n");
            assert!(text.contains(&line), "{line}{text}");
        }
    }

    #[test]
    fn a_commit_under_way_shows_its_age_and_one_that_is_down_does_not() {
        let metrics = Metrics::default();
        assert_eq!(metrics.committing(), Duration::ZERO);
        let began = metrics.commit_begins();
        std::thread::sleep(Duration::from_millis(5));
        assert!(metrics.committing() >= Duration::from_millis(4));
        metrics.commit_ends(began, 3);
        assert_eq!(metrics.committing(), Duration::ZERO);
        assert!(text(&metrics).contains("ledger_batch_entries_bucket{le=\"4.0\"} 1\n"));
    }
}
