//! `List`: the entries that a filter asks for, in pages of one log.

use std::sync::Arc;

use ledger_core::entry::{Access, Key};
use ledger_core::role::{Call, Grant};
use ledger_proto::v1 as wire;

use super::page::{self, Filling};
use super::walk::{Order, Sought, Walk};
use super::{Ledger, access, receipt_to_wire, unreadable};
use crate::auth::Caller;
use crate::intake::list_order;
use crate::status::{CallError, FieldError};

/// Entries that one call reads, and their bytes. A page that they do not fill comes short.
const LOOKED_AT_MAX: usize = 16_384;
pub(super) const LOOKED_AT_BYTES_MAX: usize = 32 << 20;

/// Where a page begins.
///
/// As text: hexadecimal digits of a version (1), the order (1 newest, 2 oldest first), the size of the log
/// and the bound of what is left (8 bytes each, big-endian), and the first 16 bytes of the keyed hash of the
/// filter with its identifiers replaced by tokens and of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PageToken {
    order: Order,
    /// The size of the log that the list is of.
    size: u64,
    /// Newest first: nothing from here on is left; oldest first: nothing before.
    bound: u64,
    filter: [u8; FILTER_BYTES],
}

const VERSION: u8 = 1;
const FILTER_BYTES: usize = 16;
const TOKEN_BYTES: usize = 2 + 8 + 8 + FILTER_BYTES;

/// Where a call begins: a new list, which what stands for it is kept of, or where a page ended.
#[derive(Debug, Clone, Copy)]
enum Place {
    New([u8; FILTER_BYTES]),
    At(PageToken),
}

impl PageToken {
    fn to_text(self) -> String {
        let order = match self.order {
            Order::Newest => 1,
            Order::Oldest => 2,
        };
        let mut bytes = vec![VERSION, order];
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend_from_slice(&self.bound.to_be_bytes());
        bytes.extend_from_slice(&self.filter);
        hex::encode(bytes)
    }

    fn read(text: &str) -> Option<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        let ([version, order], rest) = bytes.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let (bound, filter) = rest.split_first_chunk()?;
        let order = match (*version, *order) {
            (VERSION, 1) => Order::Newest,
            (VERSION, 2) => Order::Oldest,
            _ => return None,
        };
        Some(Self {
            order,
            size: u64::from_be_bytes(*size),
            bound: u64::from_be_bytes(*bound),
            filter: filter.try_into().ok()?,
        })
    }
}

impl Ledger {
    /// A page, for a caller who may.
    pub(super) async fn list(
        self: &Arc<Self>,
        caller: Caller,
        grant: Grant,
        request: wire::ListRequest,
    ) -> Result<wire::ListReply, CallError> {
        let wire::ListRequest {
            filter,
            order,
            page_size,
            page_token,
        } = request;
        let selected = self.intake.selected(filter)?;
        let order = if list_order("order", order)? {
            Order::Oldest
        } else {
            Order::Newest
        };
        let page = page::size(page_size)?;
        let _place = self.own_lists.take(Arc::clone(&caller.id), 1)?;
        // Before the token is looked at: whether it fits a person says as much about them as a page does.
        self.named(&caller, Call::List, &selected.named).await?;
        let hash = self.intake.list_hash(&caller.id, &selected);
        let mut filter = [0; FILTER_BYTES];
        filter.copy_from_slice(&hash.0[..FILTER_BYTES]);
        let place = if page_token.is_empty() {
            Place::New(filter)
        } else {
            Place::At(self.begun(&page_token, order, filter)?)
        };
        let own = (grant == Grant::Own).then_some(caller);
        let sought = Sought::new(selected, own);
        self.read(move |ledger| ledger.listed(&sought, order, page, place))
            .await
    }

    /// Records that somebody looks for a person by an identifier: the answer ties it to tokens.
    pub(super) async fn named(
        self: &Arc<Self>,
        caller: &Caller,
        call: Call,
        named: &[Key],
    ) -> Result<(), CallError> {
        if named.is_empty() {
            return Ok(());
        }
        let read = Access {
            tokens: named.to_vec(),
            ..access(caller, call)
        };
        self.access(caller, read).await?;
        Ok(())
    }

    /// Where a list goes on that has begun.
    fn begun(
        &self,
        text: &str,
        order: Order,
        filter: [u8; FILTER_BYTES],
    ) -> Result<PageToken, CallError> {
        let refused = |expected: &str| Err(FieldError::shown("page_token", &text, expected).into());
        let Some(token) = PageToken::read(text) else {
            return refused("expected the `next_page_token` of the page before, or nothing");
        };
        if token.order != order || token.filter != filter {
            return refused(
                "it belongs to another list: send the filter and the order of the first page with the same credential, or \
                 begin anew",
            );
        }
        if token.size > self.latest.get().head.next || token.bound > token.size {
            return refused("it is of a log that this one does not continue: begin the list anew");
        }
        Ok(token)
    }

    fn listed(
        &self,
        sought: &Sought,
        order: Order,
        page: usize,
        place: Place,
    ) -> Result<wire::ListReply, CallError> {
        let (begun, filter) = match place {
            Place::New(filter) => (None, filter),
            Place::At(token) => (Some(token), token.filter),
        };
        let size = begun.map_or_else(|| self.latest.get().head.next, |begun| begun.size);
        let mut left = self.within_times(&sought.selected, size)?;
        match (begun, order) {
            (Some(begun), Order::Newest) => left.end = left.end.min(begun.bound),
            (Some(begun), Order::Oldest) => left.start = left.start.max(begun.bound),
            (None, _) => {}
        }
        let mut walk = Walk::new(left, order);
        let at = self.store.committed();
        let mut filling = Filling::new(page);
        let mut reply = wire::ListReply {
            receipts: Vec::new(),
            next_page_token: String::new(),
            size,
        };
        let (mut entries, mut bytes) = (0, 0);
        let mut bound = None;
        'page: while !walk.is_over() && entries < LOOKED_AT_MAX && bytes < LOOKED_AT_BYTES_MAX {
            let step = self.step(&mut walk, sought, page - reply.receipts.len())?;
            entries += step.entries;
            bytes += step.bytes;
            for seq in step.found {
                if filling.is_full() {
                    // The step was found to be too much for a message: what is left of it comes next.
                    bound = Some(match order {
                        Order::Newest => seq + 1,
                        Order::Oldest => seq,
                    });
                    break 'page;
                }
                let receipt = self
                    .store
                    .receipt_at(seq, &at)
                    .map_err(|error| unreadable(&error))?;
                filling.count(&receipt);
                reply.receipts.push(receipt_to_wire(receipt));
            }
            if filling.is_full() {
                break;
            }
        }
        if bound.is_some() || !walk.is_over() {
            let bound = bound.unwrap_or(match order {
                Order::Newest => walk.left.end,
                Order::Oldest => walk.left.start,
            });
            let token = PageToken {
                order,
                size,
                bound,
                filter,
            };
            reply.next_page_token = token.to_text();
        }
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_says_what_it_was_made_of_and_nothing_else_is_one() {
        for order in [Order::Newest, Order::Oldest] {
            let token = PageToken {
                order,
                size: 1_000_000,
                bound: 7,
                filter: [9; FILTER_BYTES],
            };
            let text = token.to_text();
            assert_eq!(PageToken::read(&text), Some(token));
            assert_eq!(PageToken::read(&text[2..]), None);
            assert_eq!(PageToken::read(&format!("{text}00")), None);
            assert_eq!(
                PageToken::read(&text.replacen("01", "02", 1)),
                None,
                "a version"
            );
        }
        assert_eq!(PageToken::read("next"), None);
    }
}
