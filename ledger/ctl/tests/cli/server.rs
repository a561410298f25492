//! A gRPC server on a Unix socket whose answers a test makes up.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use ledger_core::role::Call;
use ledger_proto::v1;
use ledger_proto::v1::control_server::{Control, ControlServer};
use ledger_proto::v1::gate_server::{Gate, GateServer};
use ledger_proto::v1::proofs_server::{Proofs, ProofsServer};
use ledger_proto::v1::query_server::{Query, QueryServer};
use ledger_proto::v1::recorder_server::{Recorder, RecorderServer};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::server::Router;
use tonic::{Request, Response, Status, Streaming};

/// What a ledger answers. What a test does not make up is not implemented.
#[allow(unused_variables, reason = "the defaults answer nothing")]
pub(crate) trait Behaviour: Send + Sync {
    fn decide(&self, request: v1::DecideRequest) -> Result<v1::DecideReply, Status> {
        Err(Status::unimplemented("decide"))
    }
    fn record(&self, request: v1::RecordRequest) -> Result<v1::RecordReply, Status> {
        Err(Status::unimplemented("record"))
    }
    fn record_batch(
        &self,
        request: v1::RecordBatchRequest,
    ) -> Result<v1::RecordBatchReply, Status> {
        Err(Status::unimplemented("record_batch"))
    }
    fn receipt(&self, request: v1::GetReceiptRequest) -> Result<v1::Receipt, Status> {
        Err(Status::unimplemented("receipt"))
    }
    fn checkpoint(&self) -> Result<Vec<u8>, Status> {
        Err(Status::unimplemented("checkpoint"))
    }
    fn consistency(
        &self,
        request: v1::GetConsistencyRequest,
    ) -> Result<v1::GetConsistencyReply, Status> {
        Err(Status::unimplemented("consistency"))
    }
    fn evidence(&self, seq: u64) -> Result<Vec<u8>, Status> {
        Err(Status::unimplemented("evidence"))
    }
    fn detail(&self, request: v1::GetDetailRequest) -> Result<v1::GetDetailReply, Status> {
        Err(Status::unimplemented("detail"))
    }
    fn disclose(&self, identifiers: v1::Identifiers) -> Result<Vec<u8>, Status> {
        Err(Status::unimplemented("disclose"))
    }
    fn export(&self) -> Result<Vec<Result<v1::ExportChunk, Status>>, Status> {
        Err(Status::unimplemented("export"))
    }
    fn trace(&self, request: v1::TraceRequest) -> Result<v1::TraceReply, Status> {
        Err(Status::unimplemented("trace"))
    }
    fn put_principal(&self, request: v1::PutPrincipalRequest) -> Result<v1::WriteReply, Status> {
        Err(Status::unimplemented("put_principal"))
    }
    fn add_dnc(&self, request: v1::AddDncRequest) -> Result<v1::WriteReply, Status> {
        Err(Status::unimplemented("add_dnc"))
    }
    fn stop(&self, request: v1::StopRequest) -> Result<v1::StopReply, Status> {
        Err(Status::unimplemented("stop"))
    }
    fn show_policy(&self) -> Result<v1::ShowPolicyReply, Status> {
        Err(Status::unimplemented("show_policy"))
    }
    fn publish_policy(&self, request: v1::PublishPolicyRequest) -> Result<v1::WriteReply, Status> {
        Err(Status::unimplemented("publish_policy"))
    }
    fn status(&self) -> Result<v1::StatusReply, Status> {
        Err(Status::unimplemented("status"))
    }
    fn list_open(&self, request: v1::ListOpenRequest) -> Result<v1::ListOpenReply, Status> {
        Err(Status::unimplemented("list_open"))
    }
    fn list(&self, request: v1::ListRequest) -> Result<v1::ListReply, Status> {
        Err(Status::unimplemented("list"))
    }
    /// What a tail sends, one after the other, before it ends.
    fn tail(&self, request: v1::TailRequest) -> Result<Vec<Result<v1::TailReply, Status>>, Status> {
        Err(Status::unimplemented("tail"))
    }
    fn list_approvals(
        &self,
        request: v1::ListApprovalsRequest,
    ) -> Result<v1::ListApprovalsReply, Status> {
        Err(Status::unimplemented("list_approvals"))
    }
    fn approval(&self, seq: u64) -> Result<v1::ApprovalRequest, Status> {
        Err(Status::unimplemented("approval"))
    }
    /// What a watch tells, one after the other, before it ends.
    fn approval_states(
        &self,
        seq: u64,
    ) -> Result<Vec<Result<v1::ApprovalRequest, Status>>, Status> {
        Err(Status::unimplemented("approval_states"))
    }
    fn answer_approval(
        &self,
        request: v1::AnswerApprovalRequest,
    ) -> Result<v1::WriteReply, Status> {
        Err(Status::unimplemented("answer_approval"))
    }
    fn request_break_glass(
        &self,
        request: v1::RequestBreakGlassRequest,
    ) -> Result<v1::WriteReply, Status> {
        Err(Status::unimplemented("request_break_glass"))
    }
    /// Confirmed, or closed.
    fn answer_break_glass(
        &self,
        request: v1::BreakGlassAnswer,
        call: Call,
    ) -> Result<v1::WriteReply, Status> {
        Err(Status::unimplemented("answer_break_glass"))
    }
    fn reset_breaker(&self, request: v1::ResetBreakerRequest) -> Result<v1::WriteReply, Status> {
        Err(Status::unimplemented("reset_breaker"))
    }
    /// Trusted, or distrusted.
    fn key(&self, request: v1::KeyRequest, call: Call) -> Result<v1::WriteReply, Status> {
        Err(Status::unimplemented("key"))
    }
    fn list_principals(&self) -> Result<v1::ListPrincipalsReply, Status> {
        Err(Status::unimplemented("list_principals"))
    }

    fn check_dnc(&self, request: v1::CheckDncRequest) -> Result<v1::CheckDncReply, Status> {
        Err(Status::unimplemented("check_dnc"))
    }
    fn remove_dnc(&self, request: v1::RemoveDncRequest) -> Result<v1::WriteReply, Status> {
        Err(Status::unimplemented("remove_dnc"))
    }
    fn begin_import(&self, request: v1::BeginImportRequest) -> Result<v1::WriteReply, Status> {
        Err(Status::unimplemented("begin_import"))
    }
    fn end_import(&self, request: v1::EndImportRequest) -> Result<v1::WriteReply, Status> {
        Err(Status::unimplemented("end_import"))
    }
}

/// A server in a thread of its own, with a folder of its own, until it is dropped.
pub(crate) struct Server {
    folder: TempDir,
    calls: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The credential that the server lets in, as 64 hex digits.
const CREDENTIAL: &str = "2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b";

impl Server {
    pub(crate) fn start(behaviour: impl Behaviour + 'static) -> Self {
        let folder = tempfile::Builder::new().prefix("ctl").tempdir().unwrap();
        let credential = folder.path().join("credential");
        std::fs::write(&credential, format!("{CREDENTIAL}\n")).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&credential, private).unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let router = router(Arc::new(behaviour), Arc::clone(&calls));
        let socket = folder.path().join("s");
        let (stop, stopped) = oneshot::channel();
        let (ready, listening) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let incoming = UnixListenerStream::new(UnixListener::bind(socket).unwrap());
                ready.send(()).unwrap();
                router
                    .serve_with_incoming_shutdown(incoming, async { stopped.await.unwrap_or(()) })
                    .await
                    .unwrap();
            });
        });
        listening.recv().unwrap();
        Self {
            folder,
            calls,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    pub(crate) fn credential(&self) -> PathBuf {
        self.folder.path().join("credential")
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(JoinHandle::join);
    }
}

fn router(behaviour: Arc<dyn Behaviour>, calls: Arc<AtomicUsize>) -> Router {
    let service = Service(behaviour);
    // Whoever comes without the credential is not let in.
    let admit = move |request: Request<()>| {
        calls.fetch_add(1, Ordering::SeqCst);
        let bearer = request
            .metadata()
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        if bearer == Some(&format!("Bearer {CREDENTIAL}")) {
            Ok(request)
        } else {
            Err(Status::unauthenticated("no credential"))
        }
    };
    tonic::transport::Server::builder()
        .add_service(GateServer::with_interceptor(service.clone(), admit.clone()))
        .add_service(RecorderServer::with_interceptor(
            service.clone(),
            admit.clone(),
        ))
        .add_service(ProofsServer::with_interceptor(
            service.clone(),
            admit.clone(),
        ))
        .add_service(QueryServer::with_interceptor(
            service.clone(),
            admit.clone(),
        ))
        .add_service(ControlServer::with_interceptor(service, admit))
}

#[derive(Clone)]
struct Service(Arc<dyn Behaviour>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Gate for Service {
    type DecideStreamStream = tokio_stream::Empty<Result<v1::DecideStreamReply, Status>>;

    async fn decide(&self, request: Request<v1::DecideRequest>) -> Answer<v1::DecideReply> {
        self.0.decide(request.into_inner()).map(Response::new)
    }
    async fn decide_batch(
        &self,
        _: Request<v1::DecideBatchRequest>,
    ) -> Answer<v1::DecideBatchReply> {
        Err(Status::unimplemented("decide_batch"))
    }
    async fn decide_stream(
        &self,
        _: Request<Streaming<v1::DecideStreamRequest>>,
    ) -> Answer<Self::DecideStreamStream> {
        Err(Status::unimplemented("decide_stream"))
    }
}

#[tonic::async_trait]
impl Recorder for Service {
    type RecordStreamStream = tokio_stream::Empty<Result<v1::RecordStreamReply, Status>>;

    async fn record_batch(
        &self,
        request: Request<v1::RecordBatchRequest>,
    ) -> Answer<v1::RecordBatchReply> {
        self.0.record_batch(request.into_inner()).map(Response::new)
    }
    async fn record_stream(
        &self,
        _: Request<Streaming<v1::RecordStreamRequest>>,
    ) -> Answer<Self::RecordStreamStream> {
        Err(Status::unimplemented("record_stream"))
    }
    async fn record(&self, request: Request<v1::RecordRequest>) -> Answer<v1::RecordReply> {
        self.0.record(request.into_inner()).map(Response::new)
    }
}

#[tonic::async_trait]
impl Query for Service {
    async fn trace(&self, request: Request<v1::TraceRequest>) -> Answer<v1::TraceReply> {
        self.0.trace(request.into_inner()).map(Response::new)
    }
    async fn list_open(&self, request: Request<v1::ListOpenRequest>) -> Answer<v1::ListOpenReply> {
        self.0.list_open(request.into_inner()).map(Response::new)
    }
    async fn list(&self, request: Request<v1::ListRequest>) -> Answer<v1::ListReply> {
        self.0.list(request.into_inner()).map(Response::new)
    }
    type TailStream = tokio_stream::Iter<std::vec::IntoIter<Result<v1::TailReply, Status>>>;
    async fn tail(&self, request: Request<v1::TailRequest>) -> Answer<Self::TailStream> {
        let sent = self.0.tail(request.into_inner())?;
        Ok(Response::new(tokio_stream::iter(sent)))
    }
}

#[tonic::async_trait]
impl Proofs for Service {
    type ExportStream = tokio_stream::Iter<std::vec::IntoIter<Result<v1::ExportChunk, Status>>>;
    type GetPackStream = tokio_stream::Iter<std::vec::IntoIter<Result<v1::PackChunk, Status>>>;

    async fn get_checkpoint(
        &self,
        _: Request<v1::GetCheckpointRequest>,
    ) -> Answer<v1::GetCheckpointReply> {
        let checkpoint = self.0.checkpoint()?.into();
        Ok(Response::new(v1::GetCheckpointReply {
            checkpoint,
            vkey: "not to be believed".to_owned(),
        }))
    }
    async fn get_receipt(
        &self,
        request: Request<v1::GetReceiptRequest>,
    ) -> Answer<v1::GetReceiptReply> {
        let receipt = Some(self.0.receipt(request.into_inner())?);
        Ok(Response::new(v1::GetReceiptReply { receipt }))
    }
    async fn get_evidence(
        &self,
        request: Request<v1::GetEvidenceRequest>,
    ) -> Answer<v1::GetEvidenceReply> {
        let evidence = self.0.evidence(request.into_inner().seq)?.into();
        Ok(Response::new(v1::GetEvidenceReply { evidence }))
    }
    async fn get_consistency(
        &self,
        request: Request<v1::GetConsistencyRequest>,
    ) -> Answer<v1::GetConsistencyReply> {
        self.0.consistency(request.into_inner()).map(Response::new)
    }
    async fn get_detail(
        &self,
        request: Request<v1::GetDetailRequest>,
    ) -> Answer<v1::GetDetailReply> {
        self.0.detail(request.into_inner()).map(Response::new)
    }
    async fn disclose(&self, request: Request<v1::DiscloseRequest>) -> Answer<v1::DiscloseReply> {
        let opening = self
            .0
            .disclose(request.into_inner().identifiers.unwrap_or_default())?
            .into();
        Ok(Response::new(v1::DiscloseReply { opening }))
    }
    async fn export(&self, _: Request<v1::ExportRequest>) -> Answer<Self::ExportStream> {
        Ok(Response::new(tokio_stream::iter(self.0.export()?)))
    }
    async fn get_pack(&self, _: Request<v1::GetPackRequest>) -> Answer<Self::GetPackStream> {
        Err(Status::unimplemented("get_pack"))
    }
}

#[tonic::async_trait]
impl Control for Service {
    type WatchApprovalStream =
        tokio_stream::Iter<std::vec::IntoIter<Result<v1::ApprovalRequest, Status>>>;

    async fn put_principal(
        &self,
        request: Request<v1::PutPrincipalRequest>,
    ) -> Answer<v1::WriteReply> {
        self.0
            .put_principal(request.into_inner())
            .map(Response::new)
    }
    async fn revoke_principal(
        &self,
        _: Request<v1::RevokePrincipalRequest>,
    ) -> Answer<v1::WriteReply> {
        Err(Status::unimplemented("revoke_principal"))
    }
    async fn list_principals(
        &self,
        _: Request<v1::ListPrincipalsRequest>,
    ) -> Answer<v1::ListPrincipalsReply> {
        self.0.list_principals().map(Response::new)
    }
    async fn add_dnc(&self, request: Request<v1::AddDncRequest>) -> Answer<v1::WriteReply> {
        self.0.add_dnc(request.into_inner()).map(Response::new)
    }
    async fn remove_dnc(&self, request: Request<v1::RemoveDncRequest>) -> Answer<v1::WriteReply> {
        self.0.remove_dnc(request.into_inner()).map(Response::new)
    }
    async fn exempt_dnc(&self, _: Request<v1::ExemptDncRequest>) -> Answer<v1::WriteReply> {
        Err(Status::unimplemented("exempt_dnc"))
    }
    async fn check_dnc(&self, request: Request<v1::CheckDncRequest>) -> Answer<v1::CheckDncReply> {
        self.0.check_dnc(request.into_inner()).map(Response::new)
    }
    async fn publish_policy(
        &self,
        request: Request<v1::PublishPolicyRequest>,
    ) -> Answer<v1::WriteReply> {
        self.0
            .publish_policy(request.into_inner())
            .map(Response::new)
    }
    async fn show_policy(&self, _: Request<v1::ShowPolicyRequest>) -> Answer<v1::ShowPolicyReply> {
        self.0.show_policy().map(Response::new)
    }
    async fn stop(&self, request: Request<v1::StopRequest>) -> Answer<v1::StopReply> {
        self.0.stop(request.into_inner()).map(Response::new)
    }
    async fn resume(&self, _: Request<v1::ResumeRequest>) -> Answer<v1::WriteReply> {
        Err(Status::unimplemented("resume"))
    }
    async fn acknowledge_clock(
        &self,
        _: Request<v1::AcknowledgeClockRequest>,
    ) -> Answer<v1::WriteReply> {
        Err(Status::unimplemented("acknowledge_clock"))
    }
    async fn tokenise(&self, _: Request<v1::TokeniseRequest>) -> Answer<v1::TokeniseReply> {
        Err(Status::unimplemented("tokenise"))
    }
    async fn status(&self, _: Request<v1::StatusRequest>) -> Answer<v1::StatusReply> {
        self.0.status().map(Response::new)
    }
    async fn list_approvals(
        &self,
        request: Request<v1::ListApprovalsRequest>,
    ) -> Answer<v1::ListApprovalsReply> {
        self.0
            .list_approvals(request.into_inner())
            .map(Response::new)
    }
    async fn get_approval(
        &self,
        request: Request<v1::GetApprovalRequest>,
    ) -> Answer<v1::ApprovalRequest> {
        self.0.approval(request.into_inner().seq).map(Response::new)
    }
    async fn watch_approval(
        &self,
        request: Request<v1::GetApprovalRequest>,
    ) -> Answer<Self::WatchApprovalStream> {
        let states = self.0.approval_states(request.into_inner().seq)?;
        Ok(Response::new(tokio_stream::iter(states)))
    }
    async fn answer_approval(
        &self,
        request: Request<v1::AnswerApprovalRequest>,
    ) -> Answer<v1::WriteReply> {
        self.0
            .answer_approval(request.into_inner())
            .map(Response::new)
    }
    async fn request_break_glass(
        &self,
        request: Request<v1::RequestBreakGlassRequest>,
    ) -> Answer<v1::WriteReply> {
        self.0
            .request_break_glass(request.into_inner())
            .map(Response::new)
    }
    async fn confirm_break_glass(
        &self,
        request: Request<v1::BreakGlassAnswer>,
    ) -> Answer<v1::WriteReply> {
        self.0
            .answer_break_glass(request.into_inner(), Call::ConfirmBreakGlass)
            .map(Response::new)
    }
    async fn close_break_glass(
        &self,
        request: Request<v1::BreakGlassAnswer>,
    ) -> Answer<v1::WriteReply> {
        self.0
            .answer_break_glass(request.into_inner(), Call::CloseBreakGlass)
            .map(Response::new)
    }
    async fn reset_breaker(
        &self,
        request: Request<v1::ResetBreakerRequest>,
    ) -> Answer<v1::WriteReply> {
        self.0
            .reset_breaker(request.into_inner())
            .map(Response::new)
    }
    async fn trust_key(&self, request: Request<v1::KeyRequest>) -> Answer<v1::WriteReply> {
        self.0
            .key(request.into_inner(), Call::TrustKey)
            .map(Response::new)
    }
    async fn distrust_key(&self, request: Request<v1::KeyRequest>) -> Answer<v1::WriteReply> {
        self.0
            .key(request.into_inner(), Call::DistrustKey)
            .map(Response::new)
    }
    async fn begin_import(
        &self,
        request: Request<v1::BeginImportRequest>,
    ) -> Answer<v1::WriteReply> {
        self.0.begin_import(request.into_inner()).map(Response::new)
    }
    async fn end_import(&self, request: Request<v1::EndImportRequest>) -> Answer<v1::WriteReply> {
        self.0.end_import(request.into_inner()).map(Response::new)
    }
}
