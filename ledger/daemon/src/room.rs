//! How much of the daemon's memory one principal may hold at a time.
//!
//! Queues count commands; a command may carry a megabyte of details, and a call a body that is still
//! coming in. Both are bounded here, per principal, so that whoever fills their room is refused at once
//! and takes nobody else's. Principals are registered, so their number is bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::status::CallError;

/// Room of one kind, the same for everybody.
#[derive(Debug)]
pub struct Rooms<K> {
    what: &'static str,
    limit: usize,
    of: Mutex<HashMap<K, Arc<Semaphore>>>,
}

impl<K: Eq + Hash> Rooms<K> {
    /// `limit` units for each holder; `what` is the name of a unit's kind in errors.
    pub fn new(what: &'static str, limit: usize) -> Self {
        Self {
            what,
            limit,
            of: Mutex::default(),
        }
    }

    /// Takes `units` of the holder's room, until what is returned is dropped.
    ///
    /// # Errors
    /// [`CallError::Busy`] where so much is not free.
    pub fn take(&self, holder: K, units: usize) -> Result<OwnedSemaphorePermit, CallError> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let room = of
            .entry(holder)
            .or_insert_with(|| Arc::new(Semaphore::new(self.limit)));
        let full = CallError::Busy {
            queue: self.what,
            limit: self.limit,
        };
        let Ok(units) = u32::try_from(units) else {
            return Err(full);
        };
        Arc::clone(room)
            .try_acquire_many_owned(units)
            .map_err(|_| full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_room_of_their_own_and_gets_it_back() {
        let rooms = Rooms::new("units", 10);
        let six = rooms.take("a", 6).expect("room");
        assert!(matches!(
            rooms.take("a", 5),
            Err(CallError::Busy {
                queue: "units",
                limit: 10
            })
        ));
        let _four = rooms.take("a", 4).expect("just room");
        drop(rooms.take("b", 10).expect("another's room"));
        drop(six);
        drop(rooms.take("a", 6).expect("given back"));
        assert!(rooms.take("c", 11).is_err());
        assert!(rooms.take("c", usize::MAX).is_err());
    }
}
