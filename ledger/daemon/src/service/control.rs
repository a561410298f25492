//! `Control`: what people do to a ledger.

use std::sync::Arc;

use ledger_core::entry::{Access, Body, Key, PolicyFile};
use ledger_core::role::Call;
use ledger_core::token::{Kind, Token};
use ledger_proto::v1 as wire;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wire::control_server::Control;

use super::{Ledger, access, receipt_to_wire, write_reply};
use crate::auth::Caller;
use crate::intake::{Command, Intake, Redact, role_to_wire};
use crate::status::{CallError, FieldError};

/// Serves [`Control`].
#[derive(Clone)]
pub struct ControlService(pub Arc<Ledger>);

impl ControlService {
    /// Authorises a write, makes its command and waits for its commit.
    async fn write<R>(
        &self,
        request: Request<R>,
        call: Call,
        command: impl FnOnce(&Intake, &Caller, R) -> Result<Command, CallError>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        let caller = Caller::of(&request)?;
        caller.may(call)?;
        let command = command(&self.0.intake, &caller, request.into_inner())?;
        let answer = self.0.submit(&caller, command).await?;
        Ok(Response::new(write_reply(answer)))
    }

    /// The same of a request in which something may be redacted.
    async fn write_redacted<R>(
        &self,
        request: Request<R>,
        call: Call,
        command: impl FnOnce(&Intake, &Caller, &Redact, R) -> Result<Command, CallError>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        let command = |intake: &Intake, caller: &Caller, request| {
            command(intake, caller, &Redact::of(&self.0.latest.get()), request)
        };
        self.write(request, call, command).await
    }
}

#[tonic::async_trait]
impl Control for ControlService {
    async fn put_principal(
        &self,
        request: Request<wire::PutPrincipalRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write(request, Call::PutPrincipal, Intake::put_principal)
            .await
    }

    async fn revoke_principal(
        &self,
        request: Request<wire::RevokePrincipalRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        let snapshot = self.0.latest.get();
        let command = |intake: &Intake, caller: &Caller, request| {
            intake.revoke_principal(caller, &snapshot, request)
        };
        self.write(request, Call::RevokePrincipal, command).await
    }

    async fn list_principals(
        &self,
        request: Request<wire::ListPrincipalsRequest>,
    ) -> Result<Response<wire::ListPrincipalsReply>, Status> {
        Caller::of(&request)?.may(Call::ListPrincipals)?;
        let snapshot = self.0.latest.get();
        let principals = snapshot.principals.all.iter().map(|known| wire::Principal {
            id: known.id.clone(),
            role: role_to_wire(known.role).into(),
            groups: known.groups.clone(),
            seq: known.seq,
            revoked: known.revoked,
        });
        Ok(Response::new(wire::ListPrincipalsReply {
            principals: principals.collect(),
        }))
    }

    async fn add_dnc(
        &self,
        request: Request<wire::AddDncRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write_redacted(request, Call::AddDnc, Intake::add_dnc)
            .await
    }

    async fn remove_dnc(
        &self,
        request: Request<wire::RemoveDncRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write_redacted(request, Call::RemoveDnc, Intake::remove_dnc)
            .await
    }

    async fn exempt_dnc(
        &self,
        request: Request<wire::ExemptDncRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write_redacted(request, Call::ExemptDnc, Intake::exempt_dnc)
            .await
    }

    async fn check_dnc(
        &self,
        request: Request<wire::CheckDncRequest>,
    ) -> Result<Response<wire::CheckDncReply>, Status> {
        let caller = Caller::of(&request)?;
        caller.may(Call::CheckDnc)?;
        let reply = self.0.check_dnc(&caller, request.into_inner()).await?;
        Ok(Response::new(reply))
    }

    async fn publish_policy(
        &self,
        request: Request<wire::PublishPolicyRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write(request, Call::PublishPolicy, Intake::publish_policy)
            .await
    }

    async fn show_policy(
        &self,
        request: Request<wire::ShowPolicyRequest>,
    ) -> Result<Response<wire::ShowPolicyReply>, Status> {
        Caller::of(&request)?.may(Call::ShowPolicy)?;
        let Some(policy) = self.0.latest.get().policy.clone() else {
            return Ok(Response::new(wire::ShowPolicyReply::default()));
        };
        let seq = policy.seq;
        let files = self.0.read(move |ledger| ledger.policy_files(seq)).await?;
        let files = files.into_iter().map(|file| wire::PolicyFile {
            path: file.path,
            text: file.text,
        });
        let sha256 = policy.sha256.0.to_vec().into();
        Ok(Response::new(wire::ShowPolicyReply {
            seq: Some(seq),
            sha256,
            files: files.collect(),
        }))
    }

    async fn stop(
        &self,
        request: Request<wire::StopRequest>,
    ) -> Result<Response<wire::StopReply>, Status> {
        let caller = Caller::of(&request)?;
        caller.may(Call::Stop)?;
        let ledger = &self.0;
        let command = ledger.intake.stop(
            &caller,
            &Redact::of(&ledger.latest.get()),
            request.into_inner(),
        )?;
        let answer = ledger.submit(&caller, command).await?;
        let voided = match &answer.entry.body {
            Body::Stop(stop) => stop.voided,
            _ => return Err(CallError::store(&"the entry of a stop is none").into()),
        };
        let receipt = Some(receipt_to_wire(answer.receipt));
        Ok(Response::new(wire::StopReply {
            receipt,
            repeated: answer.repeated,
            voided,
        }))
    }

    async fn resume(
        &self,
        request: Request<wire::ResumeRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write_redacted(request, Call::Resume, Intake::resume)
            .await
    }

    async fn acknowledge_clock(
        &self,
        request: Request<wire::AcknowledgeClockRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write(request, Call::AcknowledgeClock, Intake::acknowledge_clock)
            .await
    }

    async fn list_approvals(
        &self,
        request: Request<wire::ListApprovalsRequest>,
    ) -> Result<Response<wire::ListApprovalsReply>, Status> {
        Caller::of(&request)?.may(Call::ListApprovals)?;
        Ok(Response::new(
            self.0.list_approvals(request.into_inner()).await?,
        ))
    }

    async fn get_approval(
        &self,
        request: Request<wire::GetApprovalRequest>,
    ) -> Result<Response<wire::ApprovalRequest>, Status> {
        let caller = Caller::of(&request)?;
        let grant = caller.may(Call::GetApproval)?;
        let seq = request.into_inner().seq;
        let found = self
            .0
            .read(move |ledger| ledger.approval(&caller, grant, seq))
            .await?;
        Ok(Response::new(found.to_wire))
    }

    type WatchApprovalStream = ReceiverStream<Result<wire::ApprovalRequest, Status>>;

    async fn watch_approval(
        &self,
        request: Request<wire::GetApprovalRequest>,
    ) -> Result<Response<Self::WatchApprovalStream>, Status> {
        let caller = Caller::of(&request)?;
        let grant = caller.may(Call::WatchApproval)?;
        let seq = request.into_inner().seq;
        Ok(Response::new(
            self.0.watch_approval(caller, grant, seq).await?,
        ))
    }

    async fn answer_approval(
        &self,
        request: Request<wire::AnswerApprovalRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write_redacted(request, Call::AnswerApproval, Intake::answer_approval)
            .await
    }

    async fn request_break_glass(
        &self,
        request: Request<wire::RequestBreakGlassRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write_redacted(
            request,
            Call::RequestBreakGlass,
            Intake::request_break_glass,
        )
        .await
    }

    async fn confirm_break_glass(
        &self,
        request: Request<wire::BreakGlassAnswer>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write_redacted(
            request,
            Call::ConfirmBreakGlass,
            Intake::confirm_break_glass,
        )
        .await
    }

    async fn close_break_glass(
        &self,
        request: Request<wire::BreakGlassAnswer>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write_redacted(request, Call::CloseBreakGlass, Intake::close_break_glass)
            .await
    }

    async fn reset_breaker(
        &self,
        request: Request<wire::ResetBreakerRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write_redacted(request, Call::ResetBreaker, Intake::reset_breaker)
            .await
    }

    async fn trust_key(
        &self,
        request: Request<wire::KeyRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write(request, Call::TrustKey, Intake::trust_key).await
    }

    async fn distrust_key(
        &self,
        request: Request<wire::KeyRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write(request, Call::DistrustKey, Intake::distrust_key)
            .await
    }

    async fn begin_import(
        &self,
        request: Request<wire::BeginImportRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write(request, Call::BeginImport, Intake::begin_import)
            .await
    }

    async fn end_import(
        &self,
        request: Request<wire::EndImportRequest>,
    ) -> Result<Response<wire::WriteReply>, Status> {
        self.write(request, Call::EndImport, Intake::end_import)
            .await
    }

    async fn tokenise(
        &self,
        request: Request<wire::TokeniseRequest>,
    ) -> Result<Response<wire::TokeniseReply>, Status> {
        use wire::tokenise_request::Of;
        let caller = Caller::of(&request)?;
        caller.may(Call::Tokenise)?;
        let intake = &self.0.intake;
        let key = |kind: Kind, token: Token| Key {
            kind,
            token,
            v: None,
        };
        let keys = match request.into_inner().of {
            Some(Of::Subject(subject)) => {
                let keys = intake.looked_up(Some(&subject)).map_err(CallError::from)?;
                keys.into_iter()
                    .map(|(found, token)| key(found.kind, token))
                    .collect::<Vec<_>>()
            }
            Some(Of::Mailbox(mailbox)) => {
                vec![key(
                    Kind::Mailbox,
                    intake.mailbox_token(&mailbox).map_err(CallError::from)?,
                )]
            }
            None => {
                let error =
                    FieldError::withheld("of", "it is required: expected `subject` or `mailbox`");
                return Err(CallError::from(error).into());
            }
        };
        // With a token, whoever reads the log finds the person: so this is on record like an opening.
        let read = Access {
            tokens: keys.clone(),
            ..access(&caller, Call::Tokenise)
        };
        self.0.access(&caller, read).await?;
        let keys = keys
            .into_iter()
            .map(|key| wire::TokenKey {
                kind: key.kind.to_string(),
                token: key.token.0.to_vec().into(),
            })
            .collect();
        Ok(Response::new(wire::TokeniseReply { keys }))
    }

    async fn status(
        &self,
        request: Request<wire::StatusRequest>,
    ) -> Result<Response<wire::StatusReply>, Status> {
        Caller::of(&request)?.may(Call::Status)?;
        Ok(Response::new(self.0.status()))
    }
}

impl Ledger {
    fn policy_files(&self, first: u64) -> Result<Vec<PolicyFile>, CallError> {
        let mut files: Vec<PolicyFile> = Vec::new();
        let mut last = first;
        let mut seq = first;
        while seq <= last {
            let Body::Policy(part) = self.entry(seq)?.body else {
                return Err(CallError::store(&format!(
                    "entry {seq} is not a part of the policy in force"
                )));
            };
            last += part.parts.unwrap_or(0);
            for file in part.files {
                match files.last_mut() {
                    Some(open) if open.path == file.path => open.text.push_str(&file.text),
                    _ => files.push(file),
                }
            }
            seq += 1;
        }
        Ok(files)
    }
}
