//! Status codes by name.

use tonic::Code;

/// The name of a status code in the gRPC specification, such as `INVALID_ARGUMENT`.
pub const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_name_of_the_specification() {
        for number in 0..=16 {
            let code = Code::from_i32(number);
            // tonic spells them in Rust's way: the letters are the same.
            let plain = name(code).replace('_', "");
            assert_eq!(plain, format!("{code:?}").to_uppercase());
        }
        assert_eq!(name(Code::from_i32(9)), "FAILED_PRECONDITION");
        assert_eq!(name(Code::from_i32(16)), "UNAUTHENTICATED");
    }
}
