//! Both ends of a stream of requests, as a client has them.

use std::collections::BTreeMap;

use ledger_proto::v1 as pb;
use ledger_tests::Client;
use pb::decide_stream_reply::Answer;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::PATIENCE;

/// What one message was told.
pub(crate) type Told = Result<pb::DecideReply, tonic_types::Status>;

/// An open stream.
pub(crate) struct Talk {
    pub(crate) messages: mpsc::Sender<pb::DecideStreamRequest>,
    pub(crate) answers: Streaming<pb::DecideStreamReply>,
}

impl Talk {
    pub(crate) async fn open(client: &Client) -> Self {
        Self::asked(client)
            .await
            .expect("a stream is open to agents")
    }

    pub(crate) async fn asked(client: &Client) -> Result<Self, Status> {
        let (messages, received) = mpsc::channel(1);
        let mut gate = client.gate();
        let opened = gate.decide_stream(ReceiverStream::new(received)).await;
        let answers = opened?.into_inner();
        Ok(Self { messages, answers })
    }

    /// Sends one message; false where the stream has ended.
    pub(crate) async fn say(&self, number: u64, request: pb::DecideRequest) -> bool {
        self.messages.send(message(number, request)).await.is_ok()
    }

    /// Sends messages from a task of their own, and half-closes.
    pub(crate) fn say_all<M>(self, messages: M) -> Streaming<pb::DecideStreamReply>
    where
        M: IntoIterator<Item = pb::DecideStreamRequest>,
        M::IntoIter: Send + 'static,
    {
        let messages = messages.into_iter();
        let sender = self.messages;
        tokio::spawn(async move {
            for message in messages {
                if sender.send(message).await.is_err() {
                    break;
                }
            }
        });
        self.answers
    }

    pub(crate) async fn hear(&mut self) -> (u64, Told) {
        hear(&mut self.answers)
            .await
            .expect("an answer")
            .expect("an answer, not the end")
    }

    /// One message and its answer.
    pub(crate) async fn ask(&mut self, number: u64, request: pb::DecideRequest) -> Told {
        assert!(self.say(number, request).await, "the stream is open");
        let (answered, told) = self.hear().await;
        assert_eq!(answered, number);
        told
    }
}

pub(crate) fn message(number: u64, request: pb::DecideRequest) -> pb::DecideStreamRequest {
    pb::DecideStreamRequest {
        number,
        request: Some(request),
    }
}

/// The next answer, or how the stream ended.
pub(crate) async fn hear(
    answers: &mut Streaming<pb::DecideStreamReply>,
) -> Result<Option<(u64, Told)>, Status> {
    let next = timeout(PATIENCE, answers.message()).await;
    Ok(next.expect("in time")?.map(|reply| {
        let told = match reply.answer.expect("always one of them") {
            Answer::Reply(reply) => Ok(reply),
            Answer::Error(status) => Err(status),
        };
        (reply.number, told)
    }))
}

/// Every answer by its number, each once, and how the stream ended.
pub(crate) async fn hear_all(
    answers: &mut Streaming<pb::DecideStreamReply>,
) -> (BTreeMap<u64, Told>, Result<(), Status>) {
    let mut all = BTreeMap::new();
    loop {
        match hear(answers).await {
            Ok(Some((number, told))) => {
                assert!(
                    all.insert(number, told).is_none(),
                    "{number} is answered twice"
                );
            }
            Ok(None) => return (all, Ok(())),
            Err(status) => return (all, Err(status)),
        }
    }
}

/// Demands that a message was refused with a code and a reason, and gives the fields that it names.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(
    told: &Result<T, tonic_types::Status>,
    code: Code,
    reason: &str,
) -> Vec<String> {
    use tonic_types::RpcStatusExt;
    let status = match told {
        Err(status) => status,
        Ok(reply) => panic!("expected a refusal, got {reply:?}"),
    };
    assert_eq!(status.code, i32::from(code), "{}", status.message);
    let info = status
        .get_details_error_info()
        .expect("every error has its reason");
    assert_eq!(info.reason, reason, "{}", status.message);
    let fields = status
        .get_details_bad_request()
        .map(|request| request.field_violations);
    fields
        .unwrap_or_default()
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}
