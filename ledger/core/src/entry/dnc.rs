//! The do-not-contact list: people listed, unlisted and exempted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cause, Cite, Commitment, DetailName, Key};
use crate::action::Channels;
use crate::hash::Hash;
use crate::time::Timestamp;

/// What a `dnc` entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DncOp {
    /// Adds listings.
    List,
    /// Ends listings or exemptions, named by (seq, index).
    Unlist,
    /// Adds exemptions.
    Exempt,
    /// An import begins: listings that name it follow.
    ImportBegin,
    /// An import is complete.
    ImportEnd,
}

/// A change of the do-not-contact list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dnc {
    /// Ids, call, content and who changed it.
    #[serde(flatten)]
    pub cause: Cause,
    /// What it does.
    pub op: DncOp,
    /// The token version of every key without a `v` of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_v: Option<u32>,
    /// The listings or exemptions added, 1 to [`LISTINGS_MAX`](crate::limits::LISTINGS_MAX); each is
    /// named by this entry's seq and its index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listings: Vec<Listing>,
    /// The listings or exemptions ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<Cite>,
    /// Of listings: the `import_begin` entry that they belong to. Of `import_end`: the one it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<u64>,
    /// Of `import_begin`: what is imported. Of `import_end`, answer: what was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imports: Option<Import>,
    /// Of `import_end`, answer: how many listings the import made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<u64>,
    /// Of listings that an outcome made: the `outcome` entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<u64>,
    /// SHA-256 of the document that justifies unlisting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Hash>,
    /// Commitments to what is kept outside the log.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<DetailName, Commitment>,
}

/// A list that is imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Where it comes from, a clear id such as `ftc`.
    pub source: String,
    /// Why its people must not be contacted.
    pub reason: ListingReason,
    /// SHA-256 of the file.
    pub sha256: Hash,
    /// How many listings the file comes to. Where it is said, the import ends only once so many are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How many rows of the file were rejected and are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<u64>,
    /// Whether the file says what has changed in an earlier one from the same source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changes: bool,
}

/// Why somebody must not be contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words are the field's own")]
pub enum ListingReason {
    EntityRequest,
    Unsubscribe,
    GdprObjection,
    ConsentRevoked,
    Complaint,
    HardBounce,
    NationalRegistry,
    StateRegistry,
    Litigator,
    LegalHold,
    Manual,
}

impl ListingReason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::EntityRequest,
        Self::Unsubscribe,
        Self::GdprObjection,
        Self::ConsentRevoked,
        Self::Complaint,
        Self::HardBounce,
        Self::NationalRegistry,
        Self::StateRegistry,
        Self::Litigator,
        Self::LegalHold,
        Self::Manual,
    ];

    /// Whether the person asked for it: such a listing never expires by itself, is never delayed,
    /// and no exemption lifts it.
    pub const fn is_own_request(self) -> bool {
        matches!(
            self,
            Self::EntityRequest
                | Self::Unsubscribe
                | Self::GdprObjection
                | Self::ConsentRevoked
                | Self::Complaint
        )
    }

    /// Whether no exemption ever lifts it.
    pub const fn is_absolute(self) -> bool {
        self.is_own_request() || matches!(self, Self::Litigator | Self::LegalHold)
    }

    /// Whether it comes from a public registry, which an exemption lifts even on the person's own key.
    pub const fn is_registry(self) -> bool {
        matches!(self, Self::NationalRegistry | Self::StateRegistry)
    }
}

/// One subject that must not be contacted; or, in an entry that exempts, one person who may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The subject's keys: any one of them matches. Keys of one person, one domain or one account.
    pub keys: Vec<Key>,
    /// On whose behalf they must not be contacted; absent means on anybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// By which channels; empty means by any.
    #[serde(default, skip_serializing_if = "Channels::is_empty")]
    pub channels: Channels,
    /// Why; of an exemption, absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ListingReason>,
    /// Where it came from, a clear id such as `hubspot`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When the person asked. Kept apart from the commit time, so that the lag can be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Timestamp>,
    /// A later start; never for a person's own request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Timestamp>,
    /// The end; never for a person's own request, always for an exemption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// SHA-256 of the document that justifies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Hash>,
}
