use ledger_core::role::Role;

use super::super::decide::tests::{intake, refused};
use super::*;

fn header() -> wire::WriteHeader {
    wire::WriteHeader {
        request_id: "r-1".to_owned(),
        correlation_id: "c-1".to_owned(),
    }
}

fn desk() -> Caller {
    Caller::test("compliance.desk", Role::Compliance)
}

fn begun() -> wire::BeginImportRequest {
    wire::BeginImportRequest {
        header: Some(header()),
        source: "ftc".to_owned(),
        reason: wire::ListingReason::NationalRegistry.into(),
        sha256: vec![5; 32].into(),
        rows: Some(2),
        rejected: Some(1),
        changes: true,
    }
}

#[test]
fn an_import_waits_its_turn_from_beginning_to_end() {
    let command = intake()
        .begin_import(&desk(), begun())
        .expect("well-formed");
    assert_eq!(command.lane, Lane::Work);
    let Body::Dnc(dnc) = command.body else {
        panic!("a change of the list")
    };
    assert_eq!(dnc.op, DncOp::ImportBegin);
    let imports = dnc.imports.expect("what is imported");
    assert_eq!((&*imports.source, imports.sha256.0), ("ftc", [5; 32]));
    assert_eq!((imports.rows, imports.rejected), (Some(2), Some(1)));
    assert!(imports.changes);
    let ended = wire::EndImportRequest {
        header: Some(header()),
        import: 12,
    };
    let command = intake().end_import(&desk(), ended).expect("well-formed");
    assert_eq!(command.lane, Lane::Work);
    let Body::Dnc(dnc) = command.body else {
        panic!("a change of the list")
    };
    assert_eq!((dnc.op, dnc.import), (DncOp::ImportEnd, Some(12)));
    assert_eq!(dnc.cause.call, Some(Call::EndImport));
}

#[test]
fn bad_imports_are_refused_by_the_field() {
    let change = |change: fn(&mut wire::BeginImportRequest)| {
        let mut request = begun();
        change(&mut request);
        request
    };
    for (bad, field) in [
        (change(|r| r.source.clear()), "source"),
        (change(|r| r.source = "a@b.example".to_owned()), "source"),
        (change(|r| r.reason = 0), "reason"),
        (change(|r| r.reason = 99), "reason"),
        (change(|r| r.sha256 = vec![5; 20].into()), "sha256"),
        (change(|r| r.sha256 = Vec::new().into()), "sha256"),
    ] {
        assert_eq!(refused(intake().begin_import(&desk(), bad)).field, field);
    }
    let high = wire::EndImportRequest {
        header: Some(header()),
        import: 1 << 53,
    };
    assert_eq!(refused(intake().end_import(&desk(), high)).field, "import");
}
