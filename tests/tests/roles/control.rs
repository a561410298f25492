//! The calls of approvals, break-glass, breakers, keys and imports.

use super::*;

/// The key of another ledger.
const OTHER_KEY: &str = "sandbox.example+afb01794+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

/// Calls it with a request that the role may make, whatever else is wrong with it.
pub(crate) async fn control(
    call: Call,
    id: &str,
    client: &Client,
    facts: &Facts,
) -> Result<(), Status> {
    let header = ask::header(id);
    let approval = pb::GetApprovalRequest {
        seq: facts.decision,
    };
    match call {
        Call::GetApproval => client.get_approval(approval).await.map(drop),
        Call::WatchApproval => client
            .control()
            .watch_approval(approval)
            .await?
            .into_inner()
            .message()
            .await
            .map(drop),
        Call::ListApprovals => client
            .list_approvals(pb::ListApprovalsRequest::default())
            .await
            .map(drop),
        Call::AnswerApproval => client
            .answer_approval(pb::AnswerApprovalRequest {
                header,
                of: Some(pb::answer_approval_request::Of::Decision(facts.decision)),
                verdict: pb::Verdict::Granted.into(),
                details: Vec::new(),
            })
            .await
            .map(drop),
        Call::RequestBreakGlass => client
            .request_break_glass(pb::RequestBreakGlassRequest {
                header,
                agent_id: AGENT.to_owned(),
                action: String::new(),
                duration_s: 60,
                details: ask::reason("two records of one customer"),
            })
            .await
            .map(drop),
        Call::ConfirmBreakGlass | Call::CloseBreakGlass => {
            let answer = pb::BreakGlassAnswer {
                header,
                request: facts.decision,
                details: Vec::new(),
            };
            if call == Call::ConfirmBreakGlass {
                client.confirm_break_glass(answer).await.map(drop)
            } else {
                client.close_break_glass(answer).await.map(drop)
            }
        }
        Call::ResetBreaker => client
            .reset_breaker(pb::ResetBreakerRequest {
                header,
                opened: facts.decision,
                details: ask::reason("the list was cleaned"),
            })
            .await
            .map(drop),
        Call::TrustKey | Call::DistrustKey => {
            let key = pb::KeyRequest {
                header,
                key: OTHER_KEY.to_owned(),
            };
            if call == Call::TrustKey {
                client.trust_key(key).await.map(drop)
            } else {
                client.distrust_key(key).await.map(drop)
            }
        }
        Call::BeginImport => client
            .begin_import(pb::BeginImportRequest {
                header,
                source: "ftc".to_owned(),
                reason: pb::ListingReason::NationalRegistry.into(),
                sha256: vec![7; 32].into(),
            })
            .await
            .map(drop),
        Call::EndImport => client
            .end_import(pb::EndImportRequest {
                header,
                import: facts.decision,
            })
            .await
            .map(drop),
        Call::ListOpen => client
            .list_open(pb::ListOpenRequest {
                kind: pb::OpenKind::Open.into(),
                ..Default::default()
            })
            .await
            .map(drop),
        Call::List => client.list(pb::ListRequest::default()).await.map(drop),
        Call::Tail => {
            let mut tail = client.tail(pb::TailRequest::default()).await?;
            tail.message().await.map(drop)
        }
        _ => panic!("`{call}` is a call of the other services"),
    }
}
