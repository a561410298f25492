//! A stream of requests over a commit that fails.

use ledger_proto::v1 as wire;
use ledgerd::auth::Authenticate;
use ledgerd::intake::Intake;
use ledgerd::open::genesis;
use ledgerd::service::{GateService, Ledger};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::Code;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Endpoint, Server};
use tonic_types::RpcStatusExt;
use wire::decide_stream_reply::Answer;
use wire::gate_client::GateClient;
use wire::gate_server::GateServer;

use super::*;

const CREDENTIAL: [u8; 32] = [7; 32];

fn message(number: u64) -> wire::DecideStreamRequest {
    let request = wire::DecideRequest {
        request_id: format!("ask-{number}"),
        correlation_id: "run-1".to_owned(),
        action: "crm.update".to_owned(),
        ..Default::default()
    };
    wire::DecideStreamRequest {
        number,
        request: Some(request),
    }
}

/// What an answer under this number says: nothing, or code and reason.
fn told(reply: wire::DecideStreamReply, number: u64) -> Option<(Code, String)> {
    assert_eq!(reply.number, number);
    match reply.answer.unwrap() {
        Answer::Reply(_) => None,
        Answer::Error(status) => {
            let reason = status.get_details_error_info().unwrap().reason;
            assert!(status.get_details_retry_info().is_some());
            Some((Code::from(status.code), reason))
        }
    }
}

#[test]
fn a_failed_commit_answers_everything_that_waits_and_ends_the_stream() {
    let (dir, hands, house) = furnished();
    let agent = PrincipalChange {
        cause: operator("agent.s", Call::PutPrincipal),
        id: "agent.s".to_owned(),
        role: Role::Agent,
        groups: Vec::new(),
        credential: Some(Hash::of(&CREDENTIAL)),
        change: Change::Added,
    };
    house.ask(Body::Principal(agent)).unwrap();
    let layout = Layout::of(&dir.path().join("ledger"));
    let vkey = std::fs::read_to_string(dir.path().join("ledger/ledger.vkey")).unwrap();
    let keys = Keys::load(&layout.keys(), "test.example/ledger").unwrap();
    let intake = Intake::new(keys.subject, keys.content, &genesis(&house.store).unwrap());
    let (_finish, finishing) = watch::channel(false);
    let ledger = Ledger::new(
        Arc::clone(&house.queue),
        house.latest.clone(),
        Arc::clone(&house.store),
        Arc::clone(&house.views),
        intake,
        vkey,
        finishing,
        Arc::default(),
    );

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let socket = dir.path().join("s");
        let incoming = UnixListenerStream::new(UnixListener::bind(&socket).unwrap());
        let gate = InterceptedService::new(
            GateServer::new(GateService(ledger)),
            Authenticate::new(house.latest.clone()),
        );
        tokio::spawn(
            Server::builder()
                .add_service(gate)
                .serve_with_incoming(incoming),
        );
        let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).unwrap();
        let mut client = GateClient::new(endpoint.connect().await.unwrap());
        let (messages, received) = mpsc::channel(16);
        let mut call = tonic::Request::new(ReceiverStream::new(received));
        let bearer = format!("Bearer {}", hex::encode(CREDENTIAL));
        call.metadata_mut()
            .insert("authorization", bearer.parse().unwrap());
        let mut answers = client.decide_stream(call).await.unwrap().into_inner();
        messages.send(message(0)).await.unwrap();
        let before = answers.message().await.unwrap().unwrap();
        assert_eq!(told(before, 0), None);

        *house.door.fate.lock().unwrap() = Fate::FailedAndLost;
        house.door.hold();
        // One at the door, one planned behind it, and three that wait.
        messages.send(message(1)).await.unwrap();
        eventually("a batch at the door", || house.door.is_besieged());
        let behind = house.submit_and_see_it_taken(Lane::Work, decide("behind"));
        for number in 2..=4 {
            messages.send(message(number)).await.unwrap();
        }
        eventually("three that wait", || house.queue.len() == 3);
        house.door.release();
        assert!(matches!(behind.await, Err(SubmitError::Unknown)));
        for number in 1..=4 {
            let answer = answers.message().await.unwrap().unwrap();
            let expected = (Code::Unavailable, "OUTCOME_UNKNOWN".to_owned());
            assert_eq!(told(answer, number), Some(expected));
        }
        messages.send(message(5)).await.unwrap();
        let late = answers.message().await.unwrap().unwrap();
        let expected = (Code::Unavailable, "NOT_TAKING_WRITES".to_owned());
        assert_eq!(told(late, 5), Some(expected));
        let end = answers.message().await.unwrap_err();
        assert_eq!(end.code(), Code::Unavailable);
    });
    runtime.shutdown_timeout(PATIENCE);
    assert!(house.committer.join().unwrap().is_err());
    assert!(house.sequencer.join().unwrap().is_err());
    drop((house.door, house.views, house.store));
    house.view_writer.finish().unwrap();

    let again = House::open(dir.path(), hands);
    let ids = |entry: &Entry| match &entry.body {
        Body::Decision(decision) => decision.cause.request_id.clone(),
        _ => None,
    };
    let asked: Vec<String> = again.log().iter().filter_map(ids).collect();
    assert_eq!(
        asked,
        ["ask-0"],
        "nothing of what was unknown is there, and nothing else"
    );
    again.close();
}
