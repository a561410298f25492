use ledger_core::policy::Policy;
use ledger_core::view::{Table, ViewError};

use tonic::Code;

use super::*;
use crate::queue::Full;

fn every() -> Vec<(CallError, Code, &'static str)> {
    let refused = |refusal: Refusal| CallError::from(refusal);
    let policy =
        Policy::parse(&[("policy.toml", "version = 1\ntier = 2\n")]).expect_err("not a policy");
    vec![
        (
            FieldError::withheld("mailbox", "expected one `@`").into(),
            Code::InvalidArgument,
            "FIELD_INVALID",
        ),
        (
            CredentialError::Missing.into(),
            Code::Unauthenticated,
            "CREDENTIAL_MISSING",
        ),
        (
            CredentialError::Malformed.into(),
            Code::Unauthenticated,
            "CREDENTIAL_MALFORMED",
        ),
        (
            CredentialError::Unknown.into(),
            Code::Unauthenticated,
            "CREDENTIAL_UNKNOWN",
        ),
        (
            CallError::Role {
                role: Role::Agent,
                call: Call::Stop,
            },
            Code::PermissionDenied,
            "ROLE_NOT_PERMITTED",
        ),
        (
            CallError::NotYours { what: "x".into() },
            Code::PermissionDenied,
            "NOT_YOURS",
        ),
        (
            CallError::NotFound { what: "x".into() },
            Code::NotFound,
            "NOT_FOUND",
        ),
        (
            CallError::Busy {
                queue: "exports",
                limit: 2,
            },
            Code::ResourceExhausted,
            "QUEUE_FULL",
        ),
        (
            CallError::Submit(
                Full::Queue {
                    queue: "the queue",
                    limit: 3,
                }
                .into(),
            ),
            Code::ResourceExhausted,
            "QUEUE_FULL",
        ),
        (
            CallError::ReplyFull { limit: 4 },
            Code::ResourceExhausted,
            "REPLY_FULL",
        ),
        (
            CallError::Submit(Full::Closed.into()),
            Code::Unavailable,
            "NOT_TAKING_WRITES",
        ),
        (
            CallError::Submit(SubmitError::TooLarge("big".into())),
            Code::InvalidArgument,
            "ENTRY_TOO_LARGE",
        ),
        (
            CallError::Submit(SubmitError::Unknown),
            Code::Unavailable,
            "OUTCOME_UNKNOWN",
        ),
        (CallError::Store, Code::Internal, "STORE_UNREADABLE"),
        (
            refused(Refusal::View(ViewError {
                table: Table::Listing,
                why: "io".into(),
            })),
            Code::Unavailable,
            "OUTCOME_UNKNOWN",
        ),
        (
            refused(Refusal::Unauthenticated { id: "a".into() }),
            Code::Unauthenticated,
            "CREDENTIAL_REVOKED",
        ),
        (
            refused(Refusal::NotPermitted {
                role: "agent".into(),
                call: "Stop",
            }),
            Code::PermissionDenied,
            "ROLE_NOT_PERMITTED",
        ),
        (
            refused(Refusal::RequestReused {
                request_id: "r".into(),
                first: 7,
            }),
            Code::AlreadyExists,
            "REQUEST_ID_REUSED",
        ),
        (
            refused(Refusal::Invalid {
                field: "ends",
                value: "1/0".into(),
                expected: "named twice".into(),
            }),
            Code::InvalidArgument,
            "FIELD_INVALID",
        ),
        (
            refused(Refusal::Precondition { what: "x".into() }),
            Code::FailedPrecondition,
            "PRECONDITION_FAILED",
        ),
        (
            refused(Refusal::NotInGroup {
                id: "a".into(),
                group: "g".into(),
            }),
            Code::PermissionDenied,
            "NOT_IN_GROUP",
        ),
        (
            refused(Refusal::Policy(policy)),
            Code::InvalidArgument,
            "POLICY_INVALID",
        ),
    ]
}

#[test]
fn every_error_has_its_code_and_reason() {
    for (error, code, reason) in every() {
        let status = Status::from(error.clone());
        let details = status.get_error_details();
        assert_eq!(status.code(), code, "{error}");
        let info = details.error_info().expect("every status carries one");
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            (reason, DOMAIN),
            "{error}"
        );
        assert_eq!(
            details.bad_request().is_some(),
            code == Code::InvalidArgument && reason != "ENTRY_TOO_LARGE",
            "{error}"
        );
        assert_eq!(
            details.retry_info().is_some(),
            matches!(code, Code::ResourceExhausted | Code::Unavailable),
            "{error}"
        );
    }
}

#[test]
fn an_item_is_told_what_a_call_is_told() {
    use tonic_types::RpcStatusExt;
    for (error, code, reason) in every() {
        let (call, item) = (
            Status::from(error.clone()),
            tonic_types::Status::from(error),
        );
        assert_eq!((item.code, &*item.message), (code.into(), call.message()));
        let info = item.get_details_error_info().expect("every status has one");
        assert_eq!(info.reason, reason);
        assert_eq!(
            item.get_details_retry_info().is_some(),
            call.get_details_retry_info().is_some()
        );
    }
}

#[test]
fn the_table_above_lists_every_reason() {
    let table: String = include_str!("../status.rs")
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .collect();
    for (_, _, reason) in every() {
        assert!(
            table.contains(&format!("`{reason}`")),
            "{reason} is not documented"
        );
    }
}

#[test]
fn a_bad_field_is_named_and_a_full_queue_says_which_and_how_large() {
    let status = Status::from(CallError::from(FieldError::shown(
        "recipients[2].role",
        &9,
        "expected TO",
    )));
    let details = status.get_error_details();
    let violation = &details.bad_request().expect("a field").field_violations[0];
    assert_eq!(violation.field, "recipients[2].role");
    assert_eq!(violation.description, "recipients[2].role `9`: expected TO");

    let status = Status::from(CallError::Submit(
        Full::Queue {
            queue: "the queue",
            limit: 3,
        }
        .into(),
    ));
    let details = status.get_error_details();
    let info = details.error_info().expect("one");
    assert_eq!(info.metadata["queue"], "the queue");
    assert_eq!(info.metadata["limit"], "3");
}

#[test]
fn an_invalid_policy_names_line_and_key() {
    let errors =
        Policy::parse(&[("policy.toml", "version = 1\ntier = 2\n")]).expect_err("not a policy");
    let status = Status::from(CallError::from(Refusal::Policy(errors)));
    let details = status.get_error_details();
    let violations = &details.bad_request().expect("fields").field_violations;
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].field, "policy.toml:2 tier");
    for (text, expected) in [
        (
            "version = 1\n[[grant]]\nid = \"g\"\nagent = \"a\"\nactions = [\"email.send\"]\ncolour = 1\n",
            "policy.toml:6 grant[0].colour",
        ),
        (
            "version = 1\n[numbers]\nvalid_for_s = 0\n",
            "policy.toml:3 numbers.valid_for_s",
        ),
        ("version = 1\n[[\n", "policy.toml:2"),
    ] {
        let errors = Policy::parse(&[("policy.toml", text)]).expect_err("not a policy");
        let places: Vec<String> = errors.errors.iter().map(row::place).collect();
        assert!(places.iter().any(|place| place == expected), "{places:?}");
    }
}
