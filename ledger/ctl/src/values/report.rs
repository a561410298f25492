//! Parts of reports: what became of one recipient, a decision of another engine, a listing's name.

use ledger_core::hash::Hash;
use ledger_proto::v1;

use super::fields::{fields, unknown};
use super::words::{outcome, status};

/// Reads `recipient=0,status=failure,error_code=550`.
pub(crate) fn recipient_result(text: &str) -> Result<v1::RecipientResult, String> {
    let mut result = v1::RecipientResult::default();
    let (mut index, mut known) = (None, None);
    for (name, value) in fields(text)? {
        match name.as_str() {
            "recipient" => {
                let read = value.parse::<u64>();
                index = Some(read.map_err(|_| {
                    format!("recipient `{value}`: expected its index in the decision, from 0")
                })?);
            }
            "status" => known = Some(status::read(&value)?),
            "error_code" => result.error_code = value,
            _ => return Err(unknown(&name, "`recipient`, `status` or `error_code`")),
        }
    }
    result.recipient =
        index.ok_or("`recipient` is missing: expected its index in the decision, from 0")?;
    result
        .set_status(known.ok_or_else(|| {
            format!("`status` is missing: expected {}", status::WORDS.join(", "))
        })?);
    Ok(result)
}

/// Reads `engine=NAME,outcome=deny,policy=HEX`.
pub(crate) fn foreign(text: &str) -> Result<v1::ForeignDecision, String> {
    let mut foreign = v1::ForeignDecision::default();
    let mut known = None;
    for (name, value) in fields(text)? {
        match name.as_str() {
            "engine" => foreign.engine = value,
            "outcome" => known = Some(outcome::read(&value)?),
            "policy" => {
                let hash: Hash = value.parse().map_err(|error| format!("policy: {error}"))?;
                foreign.policy_sha256 = hash.0.to_vec().into();
            }
            _ => return Err(unknown(&name, "`engine`, `outcome` or `policy`")),
        }
    }
    if foreign.engine.is_empty() {
        return Err("`engine` is missing: expected the name of the engine that decided".to_owned());
    }
    foreign.set_outcome(known.ok_or_else(|| {
        format!(
            "`outcome` is missing: expected {}",
            outcome::WORDS.join(", ")
        )
    })?);
    Ok(foreign)
}

/// Reads `17/0`: a listing by its entry and its index in it.
pub(crate) fn listing(text: &str) -> Result<v1::Cite, String> {
    let expected = || {
        format!(
            "`{text}` is no listing: expected SEQ/INDEX such as `17/0`, as `dnc check` shows it"
        )
    };
    let (seq, index) = text.split_once('/').ok_or_else(expected)?;
    Ok(v1::Cite {
        seq: seq.parse().map_err(|_| expected())?,
        index: Some(index.parse().map_err(|_| expected())?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_name_recipient_and_status() {
        let read = recipient_result("recipient=2,status=failure,error_code=550").unwrap();
        assert_eq!(
            (read.recipient, read.status(), read.error_code.as_str()),
            (2, v1::ExecutionStatus::Failure, "550")
        );
        for text in [
            "status=failure",
            "recipient=2",
            "recipient=x,status=failure",
            "recipient=1,status=fine",
            "recipient=1,code=2",
        ] {
            assert!(recipient_result(text).is_err(), "{text}");
        }
    }

    #[test]
    fn foreign_decisions_name_engine_and_outcome() {
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let read = foreign(&format!(
            "engine=cedar,outcome=require_approval,policy={hash}"
        ))
        .unwrap();
        assert_eq!(read.outcome(), v1::Outcome::RequireApproval);
        assert_eq!(
            (read.engine.as_str(), hex::encode(read.policy_sha256)),
            ("cedar", hash.to_owned())
        );
        for text in [
            "outcome=deny",
            "engine=cedar",
            "engine=cedar,outcome=no",
            "engine=cedar,outcome=deny,policy=77",
        ] {
            assert!(foreign(text).is_err(), "{text}");
        }
    }

    #[test]
    fn listings_are_named_by_entry_and_index() {
        assert_eq!(
            listing("17/0"),
            Ok(v1::Cite {
                seq: 17,
                index: Some(0)
            })
        );
        for text in ["", "17", "17/", "/0", "17/0/1", "-1/0", "a/b"] {
            assert!(listing(text).is_err(), "{text}");
        }
    }
}
