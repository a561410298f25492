//! Lists of much: what one call looks at is bounded, and how long it takes.
//!
//! `LEDGER_TEST_ENTRIES` asks for another number of entries.

use std::sync::Arc;
use std::time::Instant;

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::{Client, Site, ask, say, site};
use tokio::sync::Semaphore;

/// Entries of 50 listings each; a call reads 32 MiB at most.
const LARGE: u64 = 1_400;

async fn concurrently<F>(times: u64, ask: impl Fn(u64) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(64));
    let mut calls = tokio::task::JoinSet::new();
    for at in 0..times {
        let place = Arc::clone(&places).acquire_owned().await.expect("open");
        let call = ask(at);
        calls.spawn(async move {
            call.await;
            drop(place);
        });
    }
    while let Some(ended) = calls.join_next().await {
        ended.expect("no panic");
    }
}

fn of_kind(kind: &str) -> pb::EntryFilter {
    pb::EntryFilter {
        kinds: vec![kind.to_owned()],
        ..Default::default()
    }
}

/// The number of pages and of entries, and how long the longest page took, in ms.
async fn walked(client: &Client, filter: &pb::EntryFilter) -> (usize, usize, u128) {
    let mut request = pb::ListRequest {
        filter: Some(filter.clone()),
        ..Default::default()
    };
    let (mut pages, mut found, mut longest) = (0, 0, 0);
    loop {
        let began = Instant::now();
        let reply = client.list(request.clone()).await.expect("a page");
        longest = longest.max(began.elapsed().as_millis());
        pages += 1;
        found += reply.receipts.len();
        if reply.next_page_token.is_empty() {
            return (pages, found, longest);
        }
        request.page_token = reply.next_page_token;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_comes_short_where_it_would_take_too_much_reading() {
    let site = Site::open().await;
    let operator = site.operator.clone();
    concurrently(LARGE, |at| {
        let operator = operator.clone();
        async move {
            let listings = (0..50).map(|one| {
                ask::listing(ask::someone(pb::Identifiers {
                    email: format!("a{at}.b{one}+tag@gmail.com"),
                    phone: format!("+4420{:08}", at * 50 + one),
                    contact_id: format!("c-{at}-{one}"),
                    account_id: String::new(),
                }))
            });
            let request = ask::list(&site::fresh("large"), listings.collect());
            operator.add_dnc(request).await.expect("listed");
        }
    })
    .await;
    let bytes: usize = site
        .operator
        .export()
        .await
        .expect("an export")
        .entries
        .iter()
        .map(Vec::len)
        .sum();
    assert!(bytes > 40 << 20, "{bytes} bytes are not too much");
    let first = pb::ListRequest {
        filter: Some(of_kind("genesis")),
        ..Default::default()
    };
    let reply = site.operator.list(first).await.expect("a page");
    assert!(
        reply.receipts.is_empty() && !reply.next_page_token.is_empty(),
        "a page that is short"
    );
    let (pages, found, _) = walked(&site.operator, &of_kind("genesis")).await;
    assert_eq!(found, 1);
    assert!(
        (2..=bytes / (32 << 20) + 1).contains(&pages),
        "{pages} pages of {bytes} bytes"
    );
    // Full pages fit the 4 MiB that gRPC clients take.
    let (_, found, _) = walked(&site.operator, &of_kind("dnc")).await;
    assert_eq!(found as u64, LARGE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_long_lists_take() {
    let entries = std::env::var("LEDGER_TEST_ENTRIES")
        .ok()
        .and_then(|text| text.parse().ok());
    let entries: u64 = entries.unwrap_or(2_000);
    let site = Site::open().await;
    let agents = [
        site.principal("agent.one", Role::Agent).await,
        site.principal("agent.two", Role::Agent).await,
    ];
    let began = Instant::now();
    concurrently(entries, |at| {
        let agent = agents[usize::try_from(at % 2).expect("small")].clone();
        async move {
            let run = format!("run-{}", at % 1_000);
            let address = format!("p{}@buyer.example", at % 500);
            let request = ask::email(
                &site::fresh("ask"),
                &run,
                &address,
                &format!("c-{}", at % 500),
            );
            agent.decide(request).await.expect("decided");
        }
    })
    .await;
    say(&format!(
        "{entries} decisions written in {} ms",
        began.elapsed().as_millis()
    ));
    let operator = &site.operator;
    let person = pb::Subject {
        of: Some(pb::subject::Of::Person(ask::person(
            "p7@buyer.example",
            "c-7",
        ))),
    };
    let domain = ask::domain("buyer.example");
    let about = |subject| pb::EntryFilter {
        about: Some(pb::entry_filter::About::Subject(subject)),
        ..Default::default()
    };
    for (what, client, filter, expected) in [
        ("kind=genesis", operator, of_kind("genesis"), 1),
        (
            "outcome=allow",
            operator,
            pb::EntryFilter {
                outcomes: vec![pb::Outcome::Allow.into()],
                ..Default::default()
            },
            0,
        ),
        (
            "reason=policy.none",
            operator,
            pb::EntryFilter {
                reasons: vec!["policy.none".into()],
                ..Default::default()
            },
            entries,
        ),
        (
            "run",
            operator,
            pb::EntryFilter {
                correlation_id: "run-7".into(),
                ..Default::default()
            },
            entries / 1_000,
        ),
        ("person", operator, about(person), entries / 500),
        ("domain", operator, about(domain), entries),
        ("own, kind=stop", &agents[0], of_kind("stop"), 0),
    ] {
        let began = Instant::now();
        let (pages, found, longest) = walked(client, &filter).await;
        say(&format!(
            "{what}: {found} entries in {pages} pages, {} ms, the longest page {longest} ms",
            began.elapsed().as_millis()
        ));
        assert_eq!(found as u64, expected, "{what}");
    }
}
