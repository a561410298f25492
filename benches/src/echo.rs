//! A bare tonic service with the gate's messages and no ledger behind it: what the transport alone costs.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use ledger_proto::v1::decide_answer::Answer as OfBatch;
use ledger_proto::v1::decide_stream_reply::Answer as OfStream;
use ledger_proto::v1::gate_server::{Gate, GateServer};
use ledger_proto::v1::{
    DecideAnswer, DecideBatchReply, DecideBatchRequest, DecideReply, DecideRequest,
    DecideStreamReply, DecideStreamRequest,
};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::Result;

struct Bare(DecideReply);

#[tonic::async_trait]
impl Gate for Bare {
    type DecideStreamStream = std::pin::Pin<
        Box<dyn Stream<Item = std::result::Result<DecideStreamReply, Status>> + Send>,
    >;

    async fn decide(
        &self,
        request: Request<DecideRequest>,
    ) -> std::result::Result<Response<DecideReply>, Status> {
        // The request is decoded and the reply encoded, as in the daemon.
        let _ = request.into_inner();
        Ok(Response::new(self.0.clone()))
    }

    async fn decide_batch(
        &self,
        request: Request<DecideBatchRequest>,
    ) -> std::result::Result<Response<DecideBatchReply>, Status> {
        let requests = request.into_inner().requests;
        let answer = || DecideAnswer {
            answer: Some(OfBatch::Reply(self.0.clone())),
        };
        let answers = requests.iter().map(|_| answer()).collect();
        Ok(Response::new(DecideBatchReply { answers }))
    }

    async fn decide_stream(
        &self,
        request: Request<Streaming<DecideStreamRequest>>,
    ) -> std::result::Result<Response<Self::DecideStreamStream>, Status> {
        let reply = self.0.clone();
        let answers = request.into_inner().map(move |message| {
            Ok(DecideStreamReply {
                number: message?.number,
                answer: Some(OfStream::Reply(reply.clone())),
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// Serves until killed.
pub(crate) async fn serve(socket: &Path, reply: &Path) -> Result<()> {
    let reply = <DecideReply as prost::Message>::decode(std::fs::read(reply)?.as_slice())?;
    let listener = UnixListener::bind(socket)?;
    tonic::transport::Server::builder()
        .add_service(GateServer::new(Bare(reply)))
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await?;
    Ok(())
}

/// The bare service in a process of its own; ends with this value.
pub(crate) struct Echo {
    child: Child,
    socket: PathBuf,
}

impl Echo {
    pub(crate) async fn start(folder: &Path, reply: &[u8]) -> Result<Self> {
        let (socket, file) = (folder.join("echo.sock"), folder.join("echo.reply"));
        std::fs::write(&file, reply)?;
        let child = Command::new(std::env::current_exe()?)
            .arg("echo")
            .arg("--socket")
            .arg(&socket)
            .arg("--reply")
            .arg(&file)
            .spawn()?;
        let echo = Self { child, socket };
        crate::daemon::await_socket(&echo.socket).await?;
        Ok(echo)
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
