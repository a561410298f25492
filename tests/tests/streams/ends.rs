//! How streams end, and what holds them up.

use std::time::Duration;

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::{Client, Credential, Refused, Site, ask, site};
use tonic::Code;
use tonic::transport::Endpoint;

use crate::talk::{Talk, hear, hear_all, message, refused};
use crate::{PATIENCE, SENDER, decided, decisions, email, emails, house, policy};

/// The most messages of a stream without an answer, as `gate.proto` says.
const WINDOW: u64 = 256;
/// The most streams of one principal, as `gate.proto` says.
const STREAMS: usize = 16;

#[tokio::test]
async fn a_credential_that_is_revoked_or_replaced_is_refused_at_the_next_message() {
    let (site, agent) = house(100).await;
    let replaced = ask::principal(
        &site::fresh("principal"),
        SENDER,
        site::interface_role(Role::Agent),
        &Credential::of("another"),
    );
    let revoked = pb::RevokePrincipalRequest {
        header: ask::header("revoke"),
        id: SENDER.into(),
    };
    let successor = site.daemon.client(Credential::of("another"));
    for (client, what) in [(agent, "replaced"), (successor, "revoked")] {
        let mut talk = Talk::open(&client).await;
        decided(&talk.ask(1, email(&format!("{what}-before"))).await);
        if what == "replaced" {
            site.operator
                .put_principal(replaced.clone())
                .await
                .expect("an operator may");
        } else {
            site.operator
                .revoke_principal(revoked.clone())
                .await
                .expect("an operator may");
        }
        let before = site.operator.size().await;
        let told = talk.ask(2, email(&format!("{what}-after"))).await;
        refused(&told, Code::Unauthenticated, "CREDENTIAL_UNKNOWN");
        // And every later message with the stream.
        talk.say(3, email(&format!("{what}-later"))).await;
        let end = hear(&mut talk.answers).await;
        Refused::of(what, end.map(drop)).code(what, Code::Unauthenticated);
        assert_eq!(
            site.operator.size().await,
            before,
            "{what}: nothing is written"
        );
        let again = Talk::asked(&client).await;
        Refused::of(what, again.map(drop)).code(what, Code::Unauthenticated);
    }
}

/// A client that has no room for what it does not read.
fn narrow(site: &Site) -> Client {
    let endpoint = Endpoint::from_shared(format!("unix:{}", site.ledger.socket().display()));
    let channel = endpoint
        .expect("a socket's path")
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535)
        .connect_lazy();
    Client::new(channel, Some(&Credential::of(SENDER).bearer()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_no_answers_is_not_read_beyond_the_window() {
    let (site, agent) = house(100_000).await;
    let first = site.operator.size().await;
    let count = 2_500;
    let mut answers = Talk::open(&narrow(&site)).await.say_all(emails(count));
    let mut settled = first;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let size = site.operator.size().await;
        if size > first && size == settled {
            break;
        }
        settled = size;
    }
    // Beyond the window there are the answers on their way: 64 KiB with the client, 32 KiB with the server.
    let answer = agent
        .decide(email("length"))
        .await
        .expect("others are served");
    let on_the_way =
        (96 << 10) / u64::try_from(prost::Message::encoded_len(&answer)).expect("small");
    let accepted = settled - first;
    assert!(
        (WINDOW..=WINDOW + on_the_way + 16).contains(&accepted),
        "{accepted} accepted where {WINDOW} may be without an answer and {on_the_way} on their way"
    );
    // It goes on where it stood as soon as the client reads.
    let (told, end) = hear_all(&mut answers).await;
    end.expect("OK");
    assert_eq!(told.len() as u64, count);
    told.values().for_each(|told| {
        decided(told);
    });
    assert_eq!(site.operator.size().await, first + count + 1);
}

#[tokio::test]
async fn a_principal_has_16_streams_and_gets_the_places_back() {
    let (site, agent) = house(100).await;
    let mut open = Vec::new();
    for _ in 0..STREAMS {
        open.push(Talk::open(&agent).await);
    }
    let more = Talk::asked(&agent).await.map(drop);
    Refused::of("17", more)
        .code("17", Code::ResourceExhausted)
        .says("17", &["16 at a time"]);
    let other = site.principal("agent.other", Role::Agent).await;
    drop(Talk::open(&other).await);
    drop(open.pop());
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        match Talk::asked(&agent).await {
            Ok(_) => break,
            Err(status) => assert!(std::time::Instant::now() < until, "{status}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_queue_that_is_full_is_the_answer_to_the_message_that_met_it() {
    use tonic_types::RpcStatusExt;
    let site = Site::run_with(&["--quota", "1"]).await;
    site.publish(&policy(1_000)).await;
    let agent = site.principal(SENDER, Role::Agent).await;
    let (mut left, mut refusals) = (emails(150), 0);
    let until = std::time::Instant::now() + PATIENCE;
    while !left.is_empty() {
        assert!(std::time::Instant::now() < until, "{} left", left.len());
        let mut answers = Talk::open(&agent).await.say_all(left.clone());
        let (told, end) = hear_all(&mut answers).await;
        end.expect("OK");
        assert_eq!(told.len(), left.len(), "every message is answered");
        left.retain(|message| told[&message.number].is_err());
        refusals += left.len();
        for message in &left {
            let told = &told[&message.number];
            refused(told, Code::ResourceExhausted, "QUEUE_FULL");
            let status = told.as_ref().expect_err("refused");
            let delay = status
                .get_details_retry_info()
                .and_then(|info| info.retry_delay);
            assert!(delay.is_some_and(|delay| !delay.is_zero()), "{status:?}");
        }
    }
    assert!(refusals > 0, "a quota of 1 was never full");
    let Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    let decisions = decisions(&ledger);
    assert_eq!(decisions.len(), 150);
    assert!(decisions.values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_stops_answers_what_it_has_accepted_and_ends_the_stream() {
    let (site, agent) = house(100_000).await;
    let Site { daemon, ledger, .. } = site;
    let Talk {
        messages,
        mut answers,
    } = Talk::open(&agent).await;
    let saying = tokio::spawn(async move {
        for number in 0.. {
            let said = messages
                .send(message(number, email(&format!("n-{number}"))))
                .await;
            if said.is_err() {
                break;
            }
        }
    });
    let mut heard = 0;
    while heard < 100 {
        let (_, told) = hear(&mut answers).await.expect("serving").expect("more");
        decided(&told);
        heard += 1;
    }
    let stopping = tokio::spawn(daemon.stop());
    let (told, end) = hear_all(&mut answers).await;
    assert_eq!(
        end.expect_err("not by the client").code(),
        Code::Unavailable
    );
    told.values().for_each(|told| {
        decided(told);
    });
    stopping.await.expect("in good order");
    saying.await.expect("no panic");
    let decisions = decisions(&ledger);
    assert_eq!(
        decisions.len(),
        heard + told.len(),
        "answered is what is written"
    );
}

#[tokio::test]
async fn a_client_that_goes_away_undoes_nothing() {
    let (site, agent) = house(1_000).await;
    let first = site.operator.size().await;
    let mut talk = Talk::open(&agent).await;
    for number in 0..50 {
        assert!(talk.say(number, email(&format!("ask-{number}"))).await);
    }
    // All of them are in the ledger's hands once the last is answered.
    while talk.hear().await.0 != 49 {}
    for number in 50..100 {
        assert!(talk.say(number, email(&format!("ask-{number}"))).await);
    }
    drop(talk);
    // What was read before the client was found gone is decided; asked again, each is there once.
    let batch = pb::DecideBatchRequest {
        requests: (0..100)
            .map(|number| email(&format!("ask-{number}")))
            .collect(),
    };
    let reply = agent.decide_batch(batch).await.expect("a batch");
    assert_eq!(reply.answers.len(), 100);
    assert_eq!(site.operator.size().await, first + 100);
}
