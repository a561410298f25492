//! What single entries and details are read by: each is proven, or it is refused.

use ledger_core::entry::{Commitment, DetailName};
use ledger_proto::v1::{self, get_receipt_request::Of};
use serde::Serialize;
use tonic::{Code, Status};

use crate::client::Session;
use crate::failure::Failure;
use crate::proof::{Verified, same};
use crate::values::words::detail_name;

/// The proven entry at `seq`.
pub(crate) async fn entry(session: &Session, seq: u64) -> Result<Verified, Failure> {
    let found = fetch(session, seq).await??;
    proven(session, seq, found)
}

/// The proven entry at `seq`; nothing where the log ends before it, or the caller may not read it.
pub(crate) async fn entry_if_readable(
    session: &Session,
    seq: u64,
) -> Result<Option<Verified>, Failure> {
    match fetch(session, seq).await? {
        Ok(found) => proven(session, seq, found).map(Some),
        Err(status) if withheld(&status) => Ok(None),
        Err(status) => Err(status.into()),
    }
}

type Fetched = Result<Option<v1::Receipt>, Status>;

async fn fetch(session: &Session, seq: u64) -> Result<Fetched, Failure> {
    let request = v1::GetReceiptRequest {
        of: Some(Of::Seq(seq)),
    };
    let reply = session.proofs().get_receipt(request).await;
    Ok(reply.map(|reply| reply.into_inner().receipt))
}

fn proven(session: &Session, seq: u64, receipt: Option<v1::Receipt>) -> Result<Verified, Failure> {
    let verified = session.verify(receipt)?;
    same("seq", seq, verified.entry.seq)?;
    Ok(verified)
}

/// Whether the ledger says that this is not there, or not for the caller.
pub(crate) fn withheld(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::NotFound | Code::OutOfRange | Code::PermissionDenied | Code::Unimplemented
    )
}

/// A detail that is what its entry commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opened {
    /// What stands before the value in what is committed to.
    pub(crate) salt: [u8; 32],
    /// What was kept.
    pub(crate) value: Vec<u8>,
}

/// A detail, or why the ledger does not hand it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Detail {
    /// As it was committed to.
    Opened(Opened),
    /// In the ledger's own words.
    Withheld(String),
}

/// The detail `name` of an entry, where the ledger hands it out. The read is an entry.
pub(crate) async fn detail(
    session: &Session,
    seq: u64,
    name: DetailName,
    committed: Commitment,
) -> Result<Detail, Failure> {
    let wire = detail_name::read(name.as_str()).map_err(Failure::usage)?;
    let request = v1::GetDetailRequest {
        seq,
        name: wire.into(),
    };
    let reply = match session.proofs().get_detail(request).await {
        Ok(reply) => reply.into_inner(),
        Err(status) if withheld(&status) || status.code() == Code::FailedPrecondition => {
            return Ok(Detail::Withheld(status.message().to_owned()));
        }
        Err(status) => return Err(status.into()),
    };
    checked(committed, &reply.salt, reply.value.to_vec()).map(Detail::Opened)
}

/// What came, where it is what the entry commits to.
pub(crate) fn checked(
    committed: Commitment,
    salt: &[u8],
    value: Vec<u8>,
) -> Result<Opened, Failure> {
    const WHAT: &str = "the detail";
    let salt = <[u8; 32]>::try_from(salt).map_err(|_| {
        Failure::unverified(
            WHAT,
            format!("its salt has {} bytes, expected 32", salt.len()),
        )
    })?;
    let found = Commitment::new(&salt, &value, 0);
    if (found.commitment, found.bytes) != (committed.commitment, committed.bytes) {
        let why = format!(
            "the entry commits to `{}`, and this makes `{}`",
            committed.commitment, found.commitment
        );
        return Err(Failure::unverified(WHAT, why));
    }
    Ok(Opened { salt, value })
}

/// A detail in `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct DetailJson {
    seq: u64,
    name: &'static str,
    #[serde(flatten)]
    committed: Commitment,
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld: Option<String>,
}

impl DetailJson {
    pub(crate) fn of(seq: u64, name: DetailName, committed: Commitment, detail: &Detail) -> Self {
        let (salt, value, withheld) = match detail {
            Detail::Opened(opened) => (
                Some(hex::encode(opened.salt)),
                Some(String::from_utf8_lossy(&opened.value).into_owned()),
                None,
            ),
            Detail::Withheld(why) => (None, None, Some(why.clone())),
        };
        Self {
            seq,
            name: name.as_str(),
            committed,
            salt,
            value,
            withheld,
        }
    }
}
