//! Metrics: what they count and show, that they name nobody, and that every sample alert is about some.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::{Site, ask, repository, sales_policy};
use saphyr::{LoadableYamlNode as _, Yaml};

/// How long anything may take, on a busy machine as well.
const PATIENCE: Duration = Duration::from_secs(50);

/// A metric as OpenMetrics text has it.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    help: String,
    /// Name and labels as they stand, and the value.
    samples: Vec<(String, f64)>,
}

/// Reads OpenMetrics text, and demands what its specification does of names and of what belongs together.
fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut current = String::new();
    let mut lines = text.lines().peekable();
    assert!(text.ends_with("# EOF\n"));
    while let Some(line) = lines.next() {
        if line == "# EOF" {
            assert!(lines.peek().is_none(), "more after the end");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(
                seen.insert(format!("# {name}")),
                "{name} stands there twice"
            );
            assert!(help.ends_with('.') && !help.ends_with(".."), "{line}");
            name.clone_into(&mut current);
            help.clone_into(&mut families.entry(current.clone()).or_default().help);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(name, current, "type and help belong together");
            kind.clone_into(&mut families.get_mut(name).expect("helped").kind);
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            let name = sample.split('{').next().expect("a name");
            let family = families.get_mut(&current).expect("helped");
            let ending = name
                .strip_prefix(&current)
                .unwrap_or_else(|| panic!("{line} in {current}"));
            let endings: &[&str] = match &*family.kind {
                "counter" => &["_total"],
                "gauge" => &[""],
                "info" => &["_info"],
                "histogram" => &["_bucket", "_sum", "_count"],
                other => panic!("{current} is a {other}"),
            };
            assert!(endings.contains(&ending), "{line} of a {}", family.kind);
            assert!(
                !current.ends_with("_total") && !current.ends_with("_count"),
                "{current}"
            );
            assert!(
                seen.insert(sample.to_owned()),
                "{sample} stands there twice"
            );
            let words = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.chars().all(words), "{name}");
            let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
            family.samples.push((sample.to_owned(), value));
        }
    }
    families
}

fn value(families: &BTreeMap<String, Family>, sample: &str) -> f64 {
    let mut all = families.values().flat_map(|family| &family.samples);
    let found = all.find(|(name, _)| name == sample);
    found.unwrap_or_else(|| panic!("no `{sample}`")).1
}

/// A day in small: an allow, its execution, a denial for somebody on the list, a retry, a refusal.
async fn worked() -> (Site, BTreeMap<String, Family>, String) {
    let site = Site::run_with(&["--http", "127.0.0.1:0"]).await;
    let web = site.daemon.web().await;
    site.publish(&sales_policy()).await;
    let agent = site.principal("agent.outbound.sender", Role::Agent).await;
    let listed = ask::someone(ask::person("listed@example.com", ""));
    site.list(vec![ask::listing(listed)]).await;
    let allowed = ask::email("one", "trip-1", "ada@example.com", "c-1");
    let reply = agent.decide(allowed.clone()).await.expect("decided");
    assert_eq!(reply.outcome(), pb::Outcome::Allow, "{reply:?}");
    let seq = reply.receipt.expect("a receipt").seq;
    agent.decide(allowed).await.expect("a retry");
    agent
        .record(ask::executed("done", "trip-1", seq))
        .await
        .expect("recorded");
    agent
        .record(ask::executed("again", "trip-1", seq))
        .await
        .expect("recorded");
    let denied = ask::email("two", "trip-2", "listed@example.com", "c-2");
    assert_eq!(
        agent.decide(denied).await.expect("decided").outcome(),
        pb::Outcome::Deny
    );
    let refused = site
        .operator
        .decide(ask::email("three", "trip-3", "x@example.com", "c-3"))
        .await;
    refused.expect_err("an operator asks for nothing");
    site.operator.checkpoint().await.expect("readable");
    web.get("/checkpoint").await.expect(401, &[]);
    let web = web.with(site.ledger.operator());
    web.get("/tile/0/000.p/2").await.expect(200, &[]);
    web.get("/nowhere").await.expect(404, &[]);
    let answer = web.get("/metrics").await.expect(200, &[]);
    let kind = answer.header("content-type");
    assert_eq!(
        kind,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = answer.text();
    (site, families(&text), text)
}

#[tokio::test]
async fn metrics_count_what_was_committed_and_show_what_is_open() {
    const EXPECTED: [(&str, f64); 24] = [
        (
            "ledger_decisions_total{basis=\"gate\",outcome=\"allow\",class=\"contact\"}",
            1.0,
        ),
        (
            "ledger_decisions_total{basis=\"gate\",outcome=\"deny\",class=\"contact\"}",
            1.0,
        ),
        ("ledger_decision_reasons_total{code=\"dnc.listed\"}", 1.0),
        ("ledger_dnc_hits_total", 1.0),
        ("ledger_executions_total{status=\"success\"}", 2.0),
        ("ledger_findings_total{code=\"already_executed\"}", 1.0),
        ("ledger_entries_total{kind=\"boot\"}", 1.0),
        ("ledger_decisions_open", 0.0),
        ("ledger_executions_irregular", 1.0),
        ("ledger_stops_active", 0.0),
        ("ledger_clock_blocked", 0.0),
        ("ledger_writes_stopped", 0.0),
        ("ledger_queue_waiting{lane=\"work\"}", 0.0),
        ("ledger_queue_limit{lane=\"control\"}", 1024.0),
        ("ledger_queue_refusals_total{queue=\"quota_work\"}", 0.0),
        ("ledger_store_errors_total", 0.0),
        ("ledger_decide_seconds_count", 3.0),
        (
            "ledger_grpc_calls_total{method=\"Proofs/GetCheckpoint\",grpc_code=\"OK\"}",
            1.0,
        ),
        (
            "ledger_grpc_calls_total{method=\"Gate/Decide\",grpc_code=\"OK\"}",
            3.0,
        ),
        (
            "ledger_grpc_calls_total{method=\"Gate/Decide\",grpc_code=\"PERMISSION_DENIED\"}",
            1.0,
        ),
        (
            "ledger_http_requests_total{route=\"checkpoint\",http_code=\"401\"}",
            1.0,
        ),
        (
            "ledger_http_requests_total{route=\"tile\",http_code=\"200\"}",
            1.0,
        ),
        (
            "ledger_http_requests_total{route=\"none\",http_code=\"404\"}",
            1.0,
        ),
        ("ledger_connections_open{listener=\"http\"}", 1.0),
    ];
    let (site, mut families, mut text) = worked().await;
    // A call counts when its answer has left, and a connection until it is closed: for a moment after the
    // client has it all.
    let off = |families: &BTreeMap<String, Family>| {
        let wrong = |(sample, expected): &&(&'static str, f64)| {
            (value(families, sample) - expected).abs() >= f64::EPSILON
        };
        EXPECTED.iter().find(wrong).copied()
    };
    let web = site.daemon.web().await.with(site.ledger.operator());
    let until = Instant::now() + PATIENCE;
    while let Some(off) = off(&families) {
        assert!(Instant::now() < until, "expected {off:?}: {text}");
        text = web.get("/metrics").await.expect(200, &[]).text();
        families = self::families(&text);
    }
    let entries = site.operator.size().await;
    let exact = u32::try_from(entries).expect("small");
    assert!((value(&families, "ledger_log_entries") - f64::from(exact)).abs() < f64::EPSILON);
    // All but genesis and the first principal, which `init` wrote, went through this process.
    let batches = value(&families, "ledger_batch_entries_sum");
    assert!(
        (batches - f64::from(exact - 2)).abs() < f64::EPSILON,
        "{batches} of {entries}"
    );
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("after 1970").as_secs_f64();
    for recent in [
        "ledger_last_entry_timestamp_seconds",
        "process_start_time_seconds",
    ] {
        let age = now - value(&families, recent);
        assert!((-2.0..120.0).contains(&age), "{recent} is {age} s ago");
    }
    for positive in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "ledger_disk_available_bytes",
        "ledger_commit_seconds_count",
    ] {
        assert!(value(&families, positive) > 0.0, "{positive}");
    }
}

#[tokio::test]
async fn metrics_name_nobody_and_every_label_is_a_word() {
    let (_site, families, text) = worked().await;
    for secret in [
        "agent.outbound",
        "operator.first",
        "example.com",
        "acme",
        "outreach",
        "trip-",
    ] {
        assert!(!text.contains(secret), "`{secret}` in the metrics");
    }
    let mut series = 0;
    for (name, family) in &families {
        assert!(!family.kind.is_empty() && !family.help.is_empty(), "{name}");
        assert!(
            name.starts_with("ledger_") || name.starts_with("process_"),
            "{name}"
        );
        series += family.samples.len();
        for (sample, _) in &family.samples {
            let labels = sample.split_once('{').map_or("", |(_, labels)| labels);
            assert!(labels.len() < 120, "{sample}");
        }
    }
    assert!(series < 500, "{series} series");
}

/// The rules of the sample file: name, expression, severity and annotations.
fn alerts() -> Vec<(String, String, Yaml<'static>)> {
    let path = repository().join("deploy/prometheus/alerts.yml");
    let text = std::fs::read_to_string(path).expect("the sample file");
    let text: &'static str = Box::leak(text.into_boxed_str());
    let documents = Yaml::load_from_str(text).expect("YAML");
    let groups = documents[0]["groups"]
        .as_sequence()
        .expect("groups")
        .clone();
    let rules = groups
        .into_iter()
        .flat_map(|group| group["rules"].as_sequence().expect("rules").clone());
    rules
        .map(|rule| {
            let word = |key: &str| rule[key].as_str().expect("text").to_owned();
            (word("alert"), word("expr"), rule.clone())
        })
        .collect()
}

#[tokio::test]
async fn every_alert_is_about_metrics_that_the_daemon_has() {
    let (_site, families, _) = worked().await;
    let samples: BTreeMap<&str, Vec<&str>> = families
        .values()
        .flat_map(|family| &family.samples)
        .fold(BTreeMap::new(), |mut samples, (sample, _)| {
            let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
            samples.entry(name).or_default().push(labels);
            samples
        });
    let alerts = alerts();
    assert!(alerts.len() >= 25, "{} alerts", alerts.len());
    let mut names = BTreeSet::new();
    for (name, expression, rule) in alerts {
        assert!(names.insert(name.clone()), "{name} twice");
        let severity = rule["labels"]["severity"].as_str().expect("a severity");
        assert!(["page", "ticket"].contains(&severity), "{name}: {severity}");
        for words in ["summary", "runbook"] {
            let text = rule["annotations"][words].as_str().expect("annotated");
            assert!(
                text.len() > 20 && text.ends_with('.'),
                "{name}: {words} `{text}`"
            );
        }
        let about: Vec<(&str, &str)> = metrics_in(&expression);
        assert!(
            !about.is_empty() || name == "LedgerDown",
            "{name}: no metric in `{expression}`"
        );
        for (metric, labels) in about {
            let there = samples.get(metric);
            let there = there.unwrap_or_else(|| panic!("{name}: the daemon has no `{metric}`"));
            // A label must exist; those of the scrape (`job`) are not ours.
            for label in labels
                .split(',')
                .filter_map(|pair| pair.split(['=', '!']).next())
            {
                let label = label.trim();
                let known = |each: &&str| each.contains(&format!("{label}=\""));
                assert!(
                    label.is_empty() || label == "job" || there.iter().any(known),
                    "{name}: `{metric}` has no label `{label}`"
                );
            }
        }
    }
}

/// The metrics of an expression, each with what stands in its braces.
fn metrics_in(expression: &str) -> Vec<(&str, &str)> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest
        .find("ledger_")
        .into_iter()
        .chain(rest.find("process_"))
        .min()
    {
        let from = &rest[start..];
        let end = from.find(|c| !word(c)).unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        let labels = after
            .strip_prefix('{')
            .and_then(|after| after.split_once('}'));
        found.push((name, labels.map_or("", |(labels, _)| labels)));
        rest = after;
    }
    found
}
