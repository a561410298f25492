//! Pages: of what may be long, as much as one reply can hold.

use ledger_core::receipt::Receipt;
use ledger_proto::v1 as wire;

use super::{Ledger, receipt_to_wire, unreadable};
use crate::status::{CallError, FieldError};

/// The most entries of one page.
pub(super) const PAGE_MAX: usize = 256;
/// A page ends early after this many bytes of receipts, so that it fits the 4 MiB that gRPC clients
/// take by default whatever the last one's size.
const PAGE_BYTES: usize = 3 << 20;

/// How many entries are asked for.
pub(super) fn size(page_size: u32) -> Result<usize, FieldError> {
    match usize::try_from(page_size) {
        Ok(0) => Ok(PAGE_MAX),
        Ok(size) if size <= PAGE_MAX => Ok(size),
        _ => {
            let expected =
                format!("expected at most {PAGE_MAX}: the reply says where the next page begins");
            Err(FieldError::shown("page_size", &page_size, expected))
        }
    }
}

/// A page that is being filled.
pub(super) struct Filling {
    room: usize,
    bytes: usize,
}

impl Filling {
    pub(super) const fn new(page: usize) -> Self {
        Self {
            room: page,
            bytes: 0,
        }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.room == 0 || self.bytes > PAGE_BYTES
    }

    /// Counts a receipt, which goes into the page.
    pub(super) fn count(&mut self, receipt: &Receipt) {
        self.room = self.room.saturating_sub(1);
        self.bytes += receipt.entry.len() + receipt.checkpoint.len() + receipt.proof.len() * 32;
    }
}

impl Ledger {
    /// The receipts of these entries under the latest checkpoint, as many as a page holds, and where the
    /// next page begins.
    pub(super) fn receipts(
        &self,
        seqs: Vec<u64>,
        page: usize,
    ) -> Result<(Vec<wire::Receipt>, Option<u64>), CallError> {
        let at = self.store.committed();
        let mut filling = Filling::new(page);
        let mut receipts = Vec::new();
        for seq in seqs {
            if filling.is_full() {
                return Ok((receipts, Some(seq)));
            }
            let receipt = self
                .store
                .receipt_at(seq, &at)
                .map_err(|error| unreadable(&error))?;
            filling.count(&receipt);
            receipts.push(receipt_to_wire(receipt));
        }
        Ok((receipts, None))
    }
}
