//! HTTP: who is let in, what the answers say, and what slow and broken clients cost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::{Duration, Instant};

use base64::Engine as _;
use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::{Credential, Ledger, Site, Web, ask};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const HTTP: [&str; 2] = ["--http", "127.0.0.1:0"];
const TILE: &str = "/tile/entries/000.p/1";
/// How long anything may take, on a busy machine as well.
const PATIENCE: Duration = Duration::from_secs(50);

async fn site(further: &[&str]) -> (Site, Web) {
    let arguments: Vec<&str> = HTTP.iter().chain(further).copied().collect();
    let site = Site::run_with(&arguments).await;
    let web = site.daemon.web().await;
    (site, web)
}

#[tokio::test]
async fn each_path_is_open_to_the_roles_that_may_make_its_call() {
    let (site, web) = site(&[]).await;
    let mut asked = 0;
    for role in Role::ALL {
        let id = format!("{role}.one");
        site.principal(&id, role).await;
        let web = web.with(Credential::of(&id));
        let reads_all = matches!(role, Role::Operator | Role::Compliance | Role::Auditor);
        for (path, may) in [
            ("/healthz", true),
            ("/readyz", true),
            ("/checkpoint", true),
            (TILE, reads_all),
            ("/tile/0/000.p/1", reads_all),
            // Refused before it is looked at.
            ("/tile/0/999", reads_all),
            ("/metrics", reads_all),
        ] {
            let answer = web.get(path).await;
            let there = if path.ends_with("999") { 404 } else { 200 };
            let expected = if may { there } else { 403 };
            assert_eq!(
                answer.status,
                expected,
                "{path} by {role}: {}",
                answer.text()
            );
            if !may {
                answer.expect(403, &[role.as_str(), "docs/roles.md"]);
            }
            asked += 1;
        }
    }
    assert_eq!(asked, 49);
}

#[tokio::test]
async fn nobody_is_let_in_without_a_credential_in_force_and_is_told_what_is_expected() {
    let (site, web) = site(&[]).await;
    let operator = site.ledger.operator();
    let digits = operator.to_hex();
    let basic =
        base64::engine::general_purpose::STANDARD.encode(format!("{}:{digits}", Ledger::OPERATOR));
    let bearer = operator.bearer();
    for path in ["/checkpoint", TILE, "/metrics", "/tile/nonsense"] {
        for headers in [
            vec![],
            vec![("authorization", "Bearer")],
            vec![("authorization", digits.as_str())],
            vec![("authorization", "Bearer 00")],
            vec![("authorization", &*format!("Bearer {}", "0".repeat(64)))],
            vec![("authorization", &*format!("Basic {basic}"))],
            vec![("authorization", &bearer), ("authorization", &bearer)],
        ] {
            let answer = web.ask("GET", path, &headers).await;
            let answer = answer.expect(401, &["expected the header", "64 hex digits"]);
            let is_basic = headers.iter().any(|(_, value)| value.starts_with("Basic"));
            assert_eq!(answer.text().contains("(Basic) are not taken"), is_basic);
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"ledger\"");
            assert!(
                !answer.text().contains(&digits[..8]),
                "the credential is repeated"
            );
        }
    }
    site.principal("auditor.one", Role::Auditor).await;
    let auditor = web.with(Credential::of("auditor.one"));
    auditor.get(TILE).await.expect(200, &[]);
    let revoke = pb::RevokePrincipalRequest {
        header: ask::header("revoke"),
        id: "auditor.one".to_owned(),
    };
    site.operator
        .revoke_principal(revoke)
        .await
        .expect("revoked");
    auditor.get(TILE).await.expect(401, &["not in force"]);
    let said = site.daemon.said();
    assert!(
        !said.contains(&digits[..16]),
        "a credential in the log: {said}"
    );
}

#[tokio::test]
async fn the_operator_opens_tiles_and_metrics_and_nothing_else() {
    let (_tiles, web) = site(&["--http-open-tiles"]).await;
    let tile = web.get(TILE).await.expect(200, &["genesis"]);
    assert_eq!(
        tile.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert!(tile.headers("vary").is_empty());
    let checkpoint = web.get("/checkpoint").await.expect(200, &[]);
    assert_eq!(checkpoint.header("cache-control"), "no-cache");
    web.get("/metrics").await.expect(401, &[]);
    let (_metrics, web) = site(&["--http-open-metrics"]).await;
    web.get("/metrics")
        .await
        .expect(200, &["ledger_log_entries"]);
    web.get(TILE).await.expect(401, &[]);
    web.get("/checkpoint").await.expect(401, &[]);
}

#[tokio::test]
async fn other_methods_and_other_paths_are_named_with_what_there_is() {
    let (site, web) = site(&[]).await;
    let web = web.with(site.ledger.operator());
    for path in ["/healthz", "/readyz", "/metrics", "/checkpoint", TILE] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"] {
            let answer = web.ask(method, path, &[]).await;
            let answer = answer.expect(405, &["expected GET, HEAD", method]);
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
        let (get, head) = (web.get(path).await, web.ask("HEAD", path, &[]).await);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        if path != "/metrics" {
            assert_eq!(head.header("content-length"), get.header("content-length"));
        }
        assert_eq!(get.header("x-content-type-options"), "nosniff");
    }
    for path in ["/", "/metrics/", "/Metrics", "/health", "/v1"] {
        web.get(path).await.expect(404, &["/healthz", "/tile/"]);
    }
    assert_eq!(web.get("/healthz?x=1").await.status, 200);
    let broken = web.raw(b"GET checkpoint\r\n\r\n").await;
    assert!(
        broken.starts_with(b"HTTP/1.1 400"),
        "{}",
        String::from_utf8_lossy(&broken)
    );
    let long = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "y".repeat(20_000)
    );
    let answer = web.raw(long.as_bytes()).await;
    assert!(
        answer.starts_with(b"HTTP/1.1 431"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    let many = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200));
    let answer = web.raw(many.as_bytes()).await;
    assert!(
        answer.starts_with(b"HTTP/1.1 431"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn a_daemon_that_is_stopping_lives_and_is_not_ready() {
    let (site, web) = site(&["--drain-s", "60"]).await;
    web.get("/healthz").await.expect(200, &["ok\n"]);
    web.get("/readyz").await.expect(200, &["ok\n"]);
    // A stream that nobody ends: the daemon waits for it up to its deadline.
    let mut health = HealthClient::new(site.daemon.channel());
    let watch = HealthCheckRequest::default();
    let watching = health.watch(watch).await.expect("open to everybody");
    site.daemon.terminate();
    let until = Instant::now() + PATIENCE;
    let mut answer = web.get("/readyz").await;
    while answer.status == 200 && Instant::now() < until {
        answer = web.get("/readyz").await;
    }
    answer.expect(503, &["not ok\n", "stopping"]);
    web.get("/healthz").await.expect(200, &["ok\n"]);
    drop(watching);
    site.daemon.stop().await;
}

#[tokio::test]
async fn slow_clients_are_cut_off_and_hold_nobody_up() {
    let (site, web) = site(&["--http-connections", "4"]).await;
    let began = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut connection = TcpStream::connect(web.address).await.expect("a place");
        connection
            .write_all(b"GET /healthz HT")
            .await
            .expect("taken");
        slow.push(connection);
    }
    // All places are taken, in the order of connecting: the next is closed at once, and gRPC does not notice.
    let mut surplus = TcpStream::connect(web.address)
        .await
        .expect("accepted and closed");
    let mut nothing = Vec::new();
    let _ = surplus.read_to_end(&mut nothing).await;
    let said = site.daemon.said();
    assert!(
        nothing.is_empty() && said.contains("closed: all of --http-connections are open"),
        "{nothing:?}, {said}"
    );
    site.operator
        .checkpoint()
        .await
        .expect("gRPC has places of its own");
    // A byte now and then does not help.
    for connection in &mut slow {
        let _ = connection.write_all(b"T").await;
    }
    for mut connection in slow {
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut answer));
        let _ = ended.await.expect("the daemon ends what is too slow");
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(9), "{took:?}");
    // Their places are free again, a moment after they are seen to have ended.
    let until = Instant::now() + PATIENCE;
    let mut answer = Vec::new();
    while answer.is_empty() {
        assert!(Instant::now() < until, "no place comes free");
        let mut next = TcpStream::connect(web.address).await.expect("listening");
        let _ = next.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await;
        let _ = next.read_to_end(&mut answer).await;
    }
    assert!(
        answer.starts_with(b"HTTP/1.0 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn a_kept_connection_is_answered_again_and_ends_with_the_daemon() {
    // Longer than anything may take: whoever is waited for until then holds somebody up.
    let (site, web) = site(&["--drain-s", "600"]).await;
    let mut connection = TcpStream::connect(web.address).await.expect("a place");
    for _ in 0..3 {
        let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
        connection.write_all(request).await.expect("kept");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok\n") {
            let read = connection.read_buf(&mut answer).await.expect("an answer");
            assert!(
                read > 0,
                "closed after {:?}",
                String::from_utf8_lossy(&answer)
            );
        }
    }
    // An idle connection holds nobody up: this waits for a minute at most.
    site.daemon.stop().await;
    let mut rest = Vec::new();
    let _ = connection.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}
