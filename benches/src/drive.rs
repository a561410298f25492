//! Callers: each asks, waits for its receipt, and asks again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ledger_proto::v1::gate_client::GateClient;
use ledger_proto::v1::{
    DecideBatchRequest, DecideReply, DecideRequest, DecideStreamRequest, Detail, DetailName,
    Identifiers, Outcome, Recipient, RecipientRole, Target, decide_answer, decide_stream_reply,
};
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;

use crate::Result;
use crate::daemon::{Team, connect};
use crate::figures::Figure;

/// Numbers every request of this process, so that no two are the same.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A typical request: an e-mail to one person, with parameters and a rationale.
fn request() -> DecideRequest {
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    // About one in twenty reaches for somebody who is listed.
    let person = if n.is_multiple_of(20) {
        n % 1000
    } else {
        10_000_000 + n
    };
    DecideRequest {
        request_id: format!("load-{n:012}"),
        correlation_id: format!("run-{:08}", n / 8),
        action_id: format!("act-{n:012}"),
        agent_version: "sha256:9c1e2f0a44d1".to_owned(),
        action: "email.send".to_owned(),
        tool: "gmail.messages.send".to_owned(),
        seller: "acme".to_owned(),
        campaign: "q4-renewals".to_owned(),
        mailbox: format!("outreach-{}", n % 16),
        targets: vec![Target { r#type: "contact".to_owned(), id: format!("c-{person}"), ..Target::default() }],
        recipients: vec![Recipient {
            role: RecipientRole::To.into(),
            identifiers: Some(Identifiers {
                email: crate::daemon::address(person),
                contact_id: format!("c-{person}"),
                ..Identifiers::default()
            }),
            dnc: false,
            utc_offset: String::new(),
        }],
        details: vec![
            Detail {
                name: DetailName::Params.into(),
                value: br#"{"subject":"Your renewal","template":"renewal-3","variables":{"plan":"team"}}"#.to_vec().into(),
            },
            Detail {
                name: DetailName::Rationale.into(),
                value: b"The contract ends in 30 days and nobody has written yet.".to_vec().into(),
            },
        ],
        ..DecideRequest::default()
    }
}

async fn ask(
    client: &mut GateClient<Channel>,
    credential: &MetadataValue<Ascii>,
    message: DecideRequest,
) -> Result<DecideReply> {
    let mut call = tonic::Request::new(message);
    call.metadata_mut()
        .insert("authorization", credential.clone());
    Ok(client.decide(call).await?.into_inner())
}

/// One real reply, so that the bare service can answer alike; and the length of its request.
pub(crate) async fn sample(socket: &Path, team: &Team) -> Result<(usize, Vec<u8>)> {
    let mut client = GateClient::new(connect(socket).await?);
    loop {
        let message = request();
        let length = message.encoded_len();
        let reply = ask(&mut client, team.agent(0), message).await?;
        if reply.outcome() == Outcome::Allow {
            return Ok((length, reply.encode_to_vec()));
        }
        if reply
            .reasons
            .iter()
            .all(|reason| reason.code != "dnc.listed")
        {
            return Err(format!(
                "the load is meant to be allowed, and was denied: {:?}",
                reply.reasons
            )
            .into());
        }
    }
}

/// How requests travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// One call each.
    Unary,
    /// Messages of a stream for each caller.
    Stream,
    /// Items of a batch.
    Batch,
}

/// What one measurement does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) mode: Mode,
    pub(crate) callers: usize,
    /// Requests of one caller under way at once; of unary callers there is one.
    pub(crate) depth: usize,
    pub(crate) connections: usize,
    pub(crate) span: Duration,
}

/// All callers at once for the load's span. The latency of a request is the time from its being sent to its
/// own answer.
pub(crate) async fn measure(socket: &Path, team: &Team, load: Load) -> Result<Figure> {
    let channels = channels(socket, load.connections.min(load.callers)).await?;
    let start = Instant::now();
    // A part of the time warms up and is not counted.
    let (from, until) = (start + load.span / 10, start + load.span / 10 + load.span);
    let mut tasks = Vec::new();
    for caller in 0..load.callers {
        let caller = Caller {
            client: GateClient::new(channels[caller % channels.len()].clone())
                .max_decoding_message_size(64 << 20),
            credential: team.agent(caller).clone(),
            from,
            until,
            latencies: Vec::new(),
        };
        tasks.push(tokio::spawn(async move {
            match load.mode {
                Mode::Unary => caller.unary().await,
                Mode::Stream => caller.stream(load.depth).await,
                Mode::Batch => caller.batch(load.depth).await,
            }
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    Ok(Figure::of(latencies, until - from))
}

struct Caller {
    client: GateClient<Channel>,
    credential: MetadataValue<Ascii>,
    from: Instant,
    until: Instant,
    latencies: Vec<Duration>,
}

impl Caller {
    fn answered(&mut self, asked: Instant) {
        if asked >= self.from && asked < self.until {
            self.latencies.push(asked.elapsed());
        }
    }

    fn call<T>(&self, message: T) -> tonic::Request<T> {
        let mut call = tonic::Request::new(message);
        call.metadata_mut()
            .insert("authorization", self.credential.clone());
        call
    }

    async fn unary(mut self) -> Result<Vec<Duration>> {
        while Instant::now() < self.until {
            let message = request();
            let asked = Instant::now();
            ask(&mut self.client, &self.credential, message).await?;
            self.answered(asked);
        }
        Ok(self.latencies)
    }

    async fn batch(mut self, items: usize) -> Result<Vec<Duration>> {
        while Instant::now() < self.until {
            let requests = (0..items).map(|_| request()).collect();
            let asked = Instant::now();
            let call = self.call(DecideBatchRequest { requests });
            let reply = self.client.decide_batch(call).await?.into_inner();
            for answer in reply.answers {
                match answer.answer {
                    Some(decide_answer::Answer::Reply(_)) => self.answered(asked),
                    other => return Err(format!("an item was refused: {other:?}").into()),
                }
            }
        }
        Ok(self.latencies)
    }

    async fn stream(mut self, depth: usize) -> Result<Vec<Duration>> {
        let (messages, received) = mpsc::channel(depth);
        let call = self.call(ReceiverStream::new(received));
        let mut answers = self.client.decide_stream(call).await?.into_inner();
        let mut messages = Some(messages);
        let mut under_way = HashMap::with_capacity(depth);
        let mut number = 0;
        loop {
            if Instant::now() >= self.until {
                messages = None;
            }
            while let Some(sender) = messages.as_ref().filter(|_| under_way.len() < depth) {
                let message = DecideStreamRequest {
                    number,
                    request: Some(request()),
                };
                under_way.insert(number, Instant::now());
                number += 1;
                sender.send(message).await?;
            }
            let Some(reply) = answers.message().await? else {
                return Ok(self.latencies);
            };
            if let Some(decide_stream_reply::Answer::Error(error)) = reply.answer {
                return Err(format!("a message was refused: {error:?}").into());
            }
            let asked = under_way.remove(&reply.number);
            self.answered(asked.ok_or("an answer to no message")?);
        }
    }
}

/// `entries` more decisions, as fast as 256 callers bring them in; the rate.
pub(crate) async fn fill(
    socket: &Path,
    team: &Team,
    connections: usize,
    entries: u64,
) -> Result<f64> {
    let channels = channels(socket, connections).await?;
    let left = Arc::new(AtomicU64::new(entries));
    let start = Instant::now();
    let mut tasks = Vec::new();
    for caller in 0..256 {
        let mut client = GateClient::new(channels[caller % channels.len()].clone());
        let (credential, left) = (team.agent(caller).clone(), Arc::clone(&left));
        tasks.push(tokio::spawn(async move {
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_ok()
            {
                ask(&mut client, &credential, request()).await?;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
    Ok(entries as f64 / start.elapsed().as_secs_f64())
}

async fn channels(socket: &Path, connections: usize) -> Result<Vec<Channel>> {
    let mut channels = Vec::new();
    for _ in 0..connections.max(1) {
        channels.push(connect(socket).await?);
    }
    Ok(channels)
}
