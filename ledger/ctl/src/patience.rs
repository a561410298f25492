//! Calls that the ledger had no room for, made again.

use std::time::Duration;

use ledger_proto::code::name as code_name;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::failure::Failure;

/// How often a call is made again.
const TRIES: u32 = 100;
/// When, where the ledger does not say.
const PAUSE: Duration = Duration::from_millis(100);

/// An error that may be for want of room.
pub(crate) trait Room {
    /// After how long there may be room; none where that is not what is wrong.
    fn room_after(&self) -> Option<Duration>;
}

impl Room for Status {
    fn room_after(&self) -> Option<Duration> {
        if self.code() != Code::ResourceExhausted {
            return None;
        }
        let info = self.get_details_retry_info();
        Some(info.and_then(|info| info.retry_delay).unwrap_or(PAUSE))
    }
}

impl Room for Failure {
    fn room_after(&self) -> Option<Duration> {
        let refused = self.refused()?;
        let full = refused.code == code_name(Code::ResourceExhausted);
        full.then(|| refused.retry_after_ms.map_or(PAUSE, Duration::from_millis))
    }
}

/// How often something was tried in vain.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    tries: u32,
}

impl Patience {
    /// Waits until there may be room; false at once where that is not what is wrong, or was waited for often enough.
    pub(crate) async fn again(&mut self, error: &impl Room) -> bool {
        let Some(delay) = error.room_after().filter(|_| self.tries < TRIES) else {
            return false;
        };
        self.tries += 1;
        tokio::time::sleep(delay).await;
        true
    }
}

/// Makes a call until the ledger has room for it.
pub(crate) async fn patient<T, E: Room>(
    mut call: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, E> {
    let mut patience = Patience::default();
    loop {
        match call().await {
            Err(error) if patience.again(&error).await => {}
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn full() -> Status {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_micros(10)));
        Status::with_error_details(Code::ResourceExhausted, "the queue is full", details)
    }

    /// Calls until it is answered as the last of `answers`, which is then repeated; how many calls that took.
    async fn calls(answers: &[Result<u32, Status>]) -> (u32, Result<u32, Status>) {
        let mut calls = 0;
        let answer = patient(async || {
            let at = answers.len().min(calls as usize + 1) - 1;
            calls += 1;
            answers[at].clone()
        });
        let answer = answer.await;
        (calls, answer)
    }

    #[tokio::test]
    async fn a_call_is_made_until_there_is_room_and_no_other_refusal_is() {
        let (made, answer) = calls(&[Err(full()), Err(full()), Ok(7)]).await;
        assert_eq!((made, answer.unwrap()), (3, 7));
        let (made, answer) = calls(&[Err(full()), Err(Status::not_found("gone")), Ok(7)]).await;
        assert_eq!((made, answer.unwrap_err().code()), (2, Code::NotFound));
        let (made, answer) = calls(&[Err(full())]).await;
        assert_eq!(
            (made, answer.unwrap_err().code()),
            (TRIES + 1, Code::ResourceExhausted)
        );
    }

    #[test]
    fn the_ledger_says_when() {
        assert_eq!(full().room_after(), Some(Duration::from_micros(10)));
        let plain = Status::resource_exhausted("the queue is full");
        assert_eq!(plain.room_after(), Some(PAUSE));
        assert_eq!(Failure::from(plain).room_after(), Some(PAUSE));
        let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(7)));
        let told = Status::with_error_details(Code::ResourceExhausted, "full", details);
        assert_eq!(
            Failure::from(told).room_after(),
            Some(Duration::from_millis(7))
        );
        assert_eq!(Failure::from(Status::not_found("x")).room_after(), None);
        assert_eq!(Failure::from(Status::unavailable("x")).room_after(), None);
    }
}
