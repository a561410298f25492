//! Batches: several requests in one call, each answered by itself.

use ledger_proto::batch::{BYTES_MAX, ITEMS_MAX};
use ledger_proto::v1 as wire;
use prost::Message;
use tonic_types::pb;

use super::Ledger;
use super::procedure::{Procedure, answered, turn};
use crate::auth::Caller;
use crate::status::{CallError, FieldError};

/// The most bytes of answers in a reply: what clients read unless they are told otherwise is 4 MiB.
const REPLY_BYTES_MAX: usize = 4_000_000;
/// What an answer takes beside its own bytes, at most: tags and lengths.
const ANSWER_FRAME_BYTES: usize = 16;

impl Ledger {
    /// Asks for each item in its order, then waits for all of them.
    pub(super) async fn batch<P: Procedure>(
        &self,
        caller: &Caller,
        requests: Vec<P::Request>,
    ) -> Result<Vec<Result<P::Reply, pb::Status>>, CallError> {
        within_limits(&requests)?;
        let mut asked = Vec::with_capacity(requests.len());
        for (at, request) in requests.into_iter().enumerate() {
            turn(at).await;
            asked.push(self.ask::<P>(caller, request));
        }
        let mut answers = Vec::with_capacity(asked.len());
        let mut room = REPLY_BYTES_MAX;
        for asked in asked {
            let answer = answered(asked).await;
            let reply = answer.and_then(|answer| P::reply(self, caller, answer));
            answers.push(fitting(&mut room, reply));
        }
        Ok(answers)
    }
}

fn within_limits<M: Message>(requests: &[M]) -> Result<(), FieldError> {
    let items = requests.len();
    if items == 0 || items > ITEMS_MAX {
        let expected = format!("expected 1 to {ITEMS_MAX}: split the batch");
        return Err(FieldError::shown(
            "requests",
            &format!("{items} items"),
            expected,
        ));
    }
    let bytes: usize = requests.iter().map(Message::encoded_len).sum();
    if bytes > BYTES_MAX {
        let expected = format!("expected at most {BYTES_MAX} bytes together: split the batch");
        return Err(FieldError::shown(
            "requests",
            &format!("{bytes} bytes"),
            expected,
        ));
    }
    Ok(())
}

/// An answer that the reply has room for, or else an error, for which there always is: the errors of all
/// items together are smaller than what the limit leaves of 4 MiB.
fn fitting<M: Message>(room: &mut usize, reply: Result<M, CallError>) -> Result<M, pb::Status> {
    let reply = reply.map_err(pb::Status::from)?;
    let bytes = reply.encoded_len() + ANSWER_FRAME_BYTES;
    match room.checked_sub(bytes) {
        Some(left) => {
            *room = left;
            Ok(reply)
        }
        None => Err(CallError::ReplyFull {
            limit: REPLY_BYTES_MAX,
        }
        .into()),
    }
}

pub(super) fn decided(answer: Result<wire::DecideReply, pb::Status>) -> wire::DecideAnswer {
    use wire::decide_answer::Answer;
    let answer = match answer {
        Ok(reply) => Answer::Reply(reply),
        Err(error) => Answer::Error(error),
    };
    wire::DecideAnswer {
        answer: Some(answer),
    }
}

pub(super) fn recorded(answer: Result<wire::RecordReply, pb::Status>) -> wire::RecordAnswer {
    use wire::record_answer::Answer;
    let answer = match answer {
        Ok(reply) => Answer::Reply(reply),
        Err(error) => Answer::Error(error),
    };
    wire::RecordAnswer {
        answer: Some(answer),
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::RpcStatusExt;

    use super::*;

    #[test]
    fn a_batch_has_1_to_256_items_and_at_most_2_mib() {
        let items = |items: usize, bytes: usize| vec!["x".repeat(bytes); items];
        assert!(within_limits(&items(1, 1)).is_ok());
        assert!(within_limits(&items(256, 1)).is_ok());
        for (found, batch) in [("0 items", items(0, 1)), ("257 items", items(257, 1))] {
            let error = within_limits(&batch).expect_err("not so many");
            assert_eq!(
                error.to_string(),
                format!("requests `{found}`: expected 1 to 256: split the batch")
            );
        }
        // A string has a tag and a length of 3 bytes beside its own here.
        assert!(within_limits(&items(2, (1 << 20) - 4)).is_ok());
        let error = within_limits(&items(2, (1 << 20) - 3)).expect_err("too large");
        assert_eq!(
            error.to_string(),
            "requests `2097154 bytes`: expected at most 2097152 bytes together: split the batch"
        );
    }

    #[test]
    fn an_answer_without_room_says_that_it_is_recorded_and_leaves_room_for_smaller_ones() {
        let mut room = 100;
        let large = fitting(&mut room, Ok("x".repeat(99))).expect_err("no room");
        let info = large.get_details_error_info().expect("one");
        assert_eq!(info.reason, "REPLY_FULL");
        assert!(
            large.message.contains("it is recorded"),
            "{}",
            large.message
        );
        assert!(fitting(&mut room, Ok("x".repeat(60))).is_ok());
        assert!(fitting(&mut room, Ok("x".repeat(60))).is_err());
        let error: Result<String, _> = Err(CallError::Store);
        assert_eq!(
            fitting(&mut room, error).expect_err("stays one").code,
            i32::from(tonic::Code::Internal)
        );
    }
}
