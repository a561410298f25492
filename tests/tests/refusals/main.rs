//! Bad input: every request that is malformed, over a limit or contradicts an earlier one is an error
//! that names the field, and writes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod house;
mod lists;
mod policies;
mod requests;

use ledger_proto::v1 as pb;
use ledger_tests::ask;
use pb::scope::Of;

use house::{
    House, Write, add, asserted, decide, execution, exempt, outcome, principal, record, resume,
};

/// What every case below changes in one place is accepted as it stands: the error is that of the change.
#[tokio::test]
async fn the_requests_behind_the_cases_are_accepted_as_they_are() {
    let house = House::open().await;
    let mut size = house.site.operator.size().await;
    let listed = house.send(add(|_| {})).await.expect("a listing");
    for (what, write) in [
        ("decide", decide(|_| {})),
        ("record", record(|_| {})),
        ("execution", execution(|_| {})),
        ("outcome", outcome(|_| {})),
        ("asserted", asserted("crm.owner.assign", |_| {})),
        ("exempt", exempt(|_| {})),
        ("unlist", Write::RemoveDnc(ask::unlist("end", listed, 0))),
        ("principal", principal(|_| {})),
        ("stop", Write::Stop(ask::stop("stop", Of::All(true)))),
        ("resume", resume(|_| {})),
    ] {
        let seq = house
            .send(write)
            .await
            .unwrap_or_else(|status| panic!("{what}: {status}"));
        size += 1;
        assert_eq!(seq, size, "{what}: one entry each");
    }
}
