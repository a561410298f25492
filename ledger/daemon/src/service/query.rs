//! `Query`: looks things up.

use std::sync::Arc;

use ledger_core::name::CORRELATION_ID_MAX;
use ledger_core::role::{Call, Grant};
use ledger_core::state::correlated;
use ledger_proto::v1 as wire;
use tonic::{Request, Response, Status};
use wire::query_server::Query;

use super::page::PAGE_MAX;
use super::tail::Messages;
use super::{Ledger, page};
use crate::auth::Caller;
use crate::intake::open_kind;
use crate::status::{CallError, FieldError};

/// Serves [`Query`].
#[derive(Clone)]
pub struct QueryService(pub Arc<Ledger>);

#[tonic::async_trait]
impl Query for QueryService {
    async fn trace(
        &self,
        request: Request<wire::TraceRequest>,
    ) -> Result<Response<wire::TraceReply>, Status> {
        let caller = Caller::of(&request)?;
        let grant = caller.may(Call::Trace)?;
        let wire::TraceRequest {
            correlation_id,
            from_seq,
            page_size,
        } = request.into_inner();
        if let Err(error) =
            ledger_core::name::check("correlation_id", &correlation_id, CORRELATION_ID_MAX)
        {
            return Err(
                CallError::from(FieldError::withheld("correlation_id", error.to_string())).into(),
            );
        }
        let page = page::size(page_size).map_err(CallError::from)?;
        let reply = self
            .0
            .read(move |ledger| {
                let own = (grant == Grant::Own).then_some(&caller);
                ledger.trace(own, &correlation_id, from_seq, page)
            })
            .await?;
        Ok(Response::new(reply))
    }

    async fn list_open(
        &self,
        request: Request<wire::ListOpenRequest>,
    ) -> Result<Response<wire::ListOpenReply>, Status> {
        Caller::of(&request)?.may(Call::ListOpen)?;
        let wire::ListOpenRequest {
            kind,
            from_seq,
            page_size,
        } = request.into_inner();
        let table = open_kind("kind", kind).map_err(CallError::from)?;
        let page = page::size(page_size).map_err(CallError::from)?;
        let reply = self
            .0
            .read(move |ledger| ledger.list_open(table, from_seq, page))
            .await?;
        Ok(Response::new(reply))
    }

    async fn list(
        &self,
        request: Request<wire::ListRequest>,
    ) -> Result<Response<wire::ListReply>, Status> {
        let caller = Caller::of(&request)?;
        let grant = caller.may(Call::List)?;
        let reply = self.0.list(caller, grant, request.into_inner()).await?;
        Ok(Response::new(reply))
    }

    type TailStream = Messages;

    async fn tail(
        &self,
        request: Request<wire::TailRequest>,
    ) -> Result<Response<Self::TailStream>, Status> {
        let caller = Caller::of(&request)?;
        let grant = caller.may(Call::Tail)?;
        let messages = self.0.tail(caller, grant, request.into_inner()).await?;
        Ok(Response::new(messages))
    }
}

impl Ledger {
    /// A page of the entries; with a caller, of those that are its own.
    fn trace(
        &self,
        own: Option<&Caller>,
        correlation_id: &str,
        from: u64,
        page: usize,
    ) -> Result<wire::TraceReply, CallError> {
        // First the view, then the log: what the view knows of, the log has already.
        let seqs = match own {
            None => correlated(&*self.views, correlation_id, from, page + 1)
                .map_err(|error| CallError::store(&error))?,
            Some(caller) => self.own_correlated(caller, correlation_id, from, page + 1)?,
        };
        if let Some(caller) = own
            && seqs.is_empty()
            && self
                .own_correlated(caller, correlation_id, 0, 1)?
                .is_empty()
        {
            let what = format!("no entry with correlation id `{correlation_id}` is yours");
            return Err(CallError::NotYours { what });
        }
        let (receipts, next_seq) = self.receipts(seqs, page)?;
        Ok(wire::TraceReply { receipts, next_seq })
    }

    /// The seqs of the caller's own entries with a correlation id, ascending from `from`, at most `limit`.
    fn own_correlated(
        &self,
        caller: &Caller,
        correlation_id: &str,
        mut from: u64,
        limit: usize,
    ) -> Result<Vec<u64>, CallError> {
        let mut own = Vec::new();
        loop {
            let seqs = correlated(&*self.views, correlation_id, from, PAGE_MAX)
                .map_err(|error| CallError::store(&error))?;
            let Some(last) = seqs.last() else {
                return Ok(own);
            };
            from = last + 1;
            for seq in seqs {
                if self.is_own(caller, &self.entry(seq)?)? {
                    own.push(seq);
                }
                if own.len() == limit {
                    return Ok(own);
                }
            }
        }
    }
}
