//! A gRPC client over the ledger's Unix socket.

use std::path::Path;
use std::time::Duration;

use ledger_proto::v1 as pb;
use pb::control_client::ControlClient;
use pb::gate_client::GateClient;
use pb::proofs_client::ProofsClient;
use pb::query_client::QueryClient;
use pb::recorder_client::RecorderClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// How long a call may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Requests over the ledger's own limits must reach it, so that the error is its own.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A channel to the daemon behind a socket. It connects with the first call, and again after a restart.
pub fn connect(socket: &Path) -> Channel {
    Endpoint::from_shared(format!("unix:{}", socket.display()))
        .expect("a socket's path")
        .timeout(PATIENCE)
        .connect_lazy()
}

/// What every call goes through: it adds the credential.
pub type Service = InterceptedService<Channel, Bearer>;

/// Adds the `authorization` header.
#[derive(Debug, Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// One principal's calls.
#[derive(Debug, Clone)]
pub struct Client {
    service: Service,
}

macro_rules! unary {
    ($($(#[$doc:meta])* $call:ident: $service:ident.$method:ident($request:ident) -> $reply:ident;)*) => {$(
        $(#[$doc])*
        pub async fn $call(&self, request: pb::$request) -> Result<pb::$reply, Status> {
            self.$service().$method(request).await.map(tonic::Response::into_inner)
        }
    )*};
}

impl Client {
    /// A client that sends this as its `authorization` header, or none.
    pub fn new(channel: Channel, authorization: Option<&str>) -> Self {
        let value = authorization.map(|value| value.parse().expect("a header's value"));
        Self {
            service: InterceptedService::new(channel, Bearer(value)),
        }
    }

    /// The service that decides.
    pub fn gate(&self) -> GateClient<Service> {
        GateClient::new(self.service.clone()).max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The service that records.
    pub fn recorder(&self) -> RecorderClient<Service> {
        RecorderClient::new(self.service.clone()).max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The service that hands out proofs.
    pub fn proofs(&self) -> ProofsClient<Service> {
        ProofsClient::new(self.service.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The service that looks things up.
    pub fn query(&self) -> QueryClient<Service> {
        QueryClient::new(self.service.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The service for people.
    pub fn control(&self) -> ControlClient<Service> {
        ControlClient::new(self.service.clone()).max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    unary! {
        /// `Gate.Decide`.
        decide: gate.decide(DecideRequest) -> DecideReply;
        /// `Gate.DecideBatch`.
        decide_batch: gate.decide_batch(DecideBatchRequest) -> DecideBatchReply;
        /// `Recorder.RecordBatch`.
        record_batch: recorder.record_batch(RecordBatchRequest) -> RecordBatchReply;
        /// `Recorder.Record`.
        record: recorder.record(RecordRequest) -> RecordReply;
        /// `Proofs.GetReceipt`.
        get_receipt: proofs.get_receipt(GetReceiptRequest) -> GetReceiptReply;
        /// `Proofs.GetEvidence`.
        get_evidence: proofs.get_evidence(GetEvidenceRequest) -> GetEvidenceReply;
        /// `Proofs.GetConsistency`.
        get_consistency: proofs.get_consistency(GetConsistencyRequest) -> GetConsistencyReply;
        /// `Proofs.GetDetail`.
        get_detail: proofs.get_detail(GetDetailRequest) -> GetDetailReply;
        /// `Proofs.Disclose`.
        disclose: proofs.disclose(DiscloseRequest) -> DiscloseReply;
        /// `Query.Trace`.
        trace: query.trace(TraceRequest) -> TraceReply;
        /// `Control.PutPrincipal`.
        put_principal: control.put_principal(PutPrincipalRequest) -> WriteReply;
        /// `Control.RevokePrincipal`.
        revoke_principal: control.revoke_principal(RevokePrincipalRequest) -> WriteReply;
        /// `Control.ListPrincipals`.
        list_principals: control.list_principals(ListPrincipalsRequest) -> ListPrincipalsReply;
        /// `Control.AddDnc`.
        add_dnc: control.add_dnc(AddDncRequest) -> WriteReply;
        /// `Control.RemoveDnc`.
        remove_dnc: control.remove_dnc(RemoveDncRequest) -> WriteReply;
        /// `Control.ExemptDnc`.
        exempt_dnc: control.exempt_dnc(ExemptDncRequest) -> WriteReply;
        /// `Control.CheckDnc`.
        check_dnc: control.check_dnc(CheckDncRequest) -> CheckDncReply;
        /// `Control.PublishPolicy`.
        publish_policy: control.publish_policy(PublishPolicyRequest) -> WriteReply;
        /// `Control.ShowPolicy`.
        show_policy: control.show_policy(ShowPolicyRequest) -> ShowPolicyReply;
        /// `Control.Stop`.
        stop: control.stop(StopRequest) -> StopReply;
        /// `Control.Resume`.
        resume: control.resume(ResumeRequest) -> WriteReply;
        /// `Control.AcknowledgeClock`.
        acknowledge_clock: control.acknowledge_clock(AcknowledgeClockRequest) -> WriteReply;
        /// `Control.Tokenise`.
        tokenise: control.tokenise(TokeniseRequest) -> TokeniseReply;
        /// `Control.ListApprovals`.
        list_approvals: control.list_approvals(ListApprovalsRequest) -> ListApprovalsReply;
        /// `Control.GetApproval`.
        get_approval: control.get_approval(GetApprovalRequest) -> ApprovalRequest;
        /// `Control.AnswerApproval`.
        answer_approval: control.answer_approval(AnswerApprovalRequest) -> WriteReply;
        /// `Control.RequestBreakGlass`.
        request_break_glass: control.request_break_glass(RequestBreakGlassRequest) -> WriteReply;
        /// `Control.ConfirmBreakGlass`.
        confirm_break_glass: control.confirm_break_glass(BreakGlassAnswer) -> WriteReply;
        /// `Control.CloseBreakGlass`.
        close_break_glass: control.close_break_glass(BreakGlassAnswer) -> WriteReply;
        /// `Control.ResetBreaker`.
        reset_breaker: control.reset_breaker(ResetBreakerRequest) -> WriteReply;
        /// `Control.TrustKey`.
        trust_key: control.trust_key(KeyRequest) -> WriteReply;
        /// `Control.DistrustKey`.
        distrust_key: control.distrust_key(KeyRequest) -> WriteReply;
        /// `Control.BeginImport`.
        begin_import: control.begin_import(BeginImportRequest) -> WriteReply;
        /// `Control.EndImport`.
        end_import: control.end_import(EndImportRequest) -> WriteReply;
        /// `Query.ListOpen`.
        list_open: query.list_open(ListOpenRequest) -> ListOpenReply;
        /// `Query.List`: one page.
        list: query.list(ListRequest) -> ListReply;
        /// `Control.Status`.
        status_of: control.status(StatusRequest) -> StatusReply;
    }

    /// `Proofs.GetCheckpoint`.
    pub async fn checkpoint(&self) -> Result<pb::GetCheckpointReply, Status> {
        self.proofs()
            .get_checkpoint(pb::GetCheckpointRequest {})
            .await
            .map(tonic::Response::into_inner)
    }

    /// `Query.Tail`: the stream, which has begun.
    pub async fn tail(
        &self,
        request: pb::TailRequest,
    ) -> Result<tonic::Streaming<pb::TailReply>, Status> {
        self.query()
            .tail(request)
            .await
            .map(tonic::Response::into_inner)
    }

    /// The size of the log, by its latest checkpoint.
    pub async fn size(&self) -> u64 {
        let reply = self
            .checkpoint()
            .await
            .expect("every role may read the checkpoint");
        size_of(&reply.checkpoint)
    }

    /// `Proofs.GetPack`, to its end: every chunk.
    pub async fn get_pack(
        &self,
        request: pb::GetPackRequest,
    ) -> Result<Vec<pb::PackChunk>, Status> {
        let mut stream = self.proofs().get_pack(request).await?.into_inner();
        let mut chunks = Vec::new();
        while let Some(chunk) = stream.message().await? {
            chunks.push(chunk);
        }
        Ok(chunks)
    }

    /// `Proofs.Export`, to its end: the leaves and the checkpoint of exactly that size.
    pub async fn export(&self) -> Result<crate::Log, Status> {
        let mut stream = self
            .proofs()
            .export(pb::ExportRequest {})
            .await?
            .into_inner();
        let (mut entries, mut checkpoint) = (Vec::new(), None);
        while let Some(chunk) = stream.message().await? {
            assert!(
                checkpoint.is_none(),
                "the checkpoint stands in the last chunk alone"
            );
            entries.extend(chunk.entries.iter().map(|entry| entry.to_vec()));
            checkpoint = (!chunk.checkpoint.is_empty()).then(|| chunk.checkpoint.to_vec());
        }
        Ok(crate::Log::new(
            entries,
            checkpoint.expect("an export ends with its checkpoint"),
        ))
    }
}

/// The size that a checkpoint states.
pub(crate) fn size_of(checkpoint: &[u8]) -> u64 {
    let text = std::str::from_utf8(checkpoint).expect("a checkpoint is UTF-8");
    text.lines()
        .nth(1)
        .and_then(|size| size.parse().ok())
        .expect("its second line is its size")
}
