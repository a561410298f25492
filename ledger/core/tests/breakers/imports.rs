//! Imports of the do-not-contact list: begun, filled, ended, and nothing out of order.

use ledger_core::action::Channels;
use ledger_core::entry::{
    Body, Cite, Commitment, DetailName, Dnc, DncOp, Import, Listing, ListingReason,
};
use ledger_core::hash::Hash;
use ledger_core::plan::Refusal;
use ledger_core::role::Call;
use ledger_core::token::Kind;
use ledger_core::view::Table;

use super::ledger::{Ledger, at, key};

fn begin(ledger: &mut Ledger) -> Dnc {
    let mut begin = ledger.dnc(Call::BeginImport, DncOp::ImportBegin, Vec::new());
    begin.imports = Some(Import {
        source: "ftc".to_owned(),
        reason: ListingReason::NationalRegistry,
        sha256: Hash([5; 32]),
        rows: None,
        rejected: None,
        changes: false,
    });
    begin
}

fn listing(who: u8, reason: ListingReason) -> Listing {
    Listing {
        keys: vec![key(Kind::Phone, who)],
        seller: None,
        channels: Channels::none(),
        reason: Some(reason),
        source: None,
        requested_at: None,
        effective_from: None,
        expires_at: None,
        evidence: None,
    }
}

fn chunk(
    ledger: &mut Ledger,
    import: u64,
    reason: ListingReason,
    people: std::ops::Range<u8>,
) -> Dnc {
    let listings = people.map(|who| listing(who, reason)).collect();
    let mut chunk = ledger.dnc(Call::AddDnc, DncOp::List, listings);
    chunk.import = Some(import);
    chunk
}

fn end(ledger: &mut Ledger, import: u64) -> Dnc {
    let mut end = ledger.dnc(Call::EndImport, DncOp::ImportEnd, Vec::new());
    end.import = Some(import);
    end
}

fn refused(ledger: &mut Ledger, command: Dnc) -> &'static str {
    match ledger.submit(Body::Dnc(command)) {
        Err(Refusal::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

const REGISTRY: ListingReason = ListingReason::NationalRegistry;

#[test]
fn an_import_counts_its_listings_and_is_complete_once() {
    let mut ledger = Ledger::new(&[]);
    let command = begin(&mut ledger);
    let (import, _) = ledger.append(Body::Dnc(command));
    assert_eq!(
        ledger.state.last_import(REGISTRY).unwrap(),
        None,
        "begun is not complete"
    );
    for people in [0..50, 50..60] {
        let command = chunk(&mut ledger, import, REGISTRY, people);
        ledger.append(Body::Dnc(command));
    }
    ledger.now = at(30);
    let mut command = end(&mut ledger, import);
    command.imported = Some(1);
    let (seq, bodies) = ledger.append(Body::Dnc(command));
    assert!(matches!(&bodies[..], [Body::Dnc(dnc)] if dnc.imported == Some(60)));
    assert_eq!(
        ledger.state.last_import(REGISTRY).unwrap(),
        Some((seq, at(30)))
    );
    assert_eq!(
        ledger
            .state
            .last_import(ListingReason::StateRegistry)
            .unwrap(),
        None
    );
    let again = end(&mut ledger, import);
    assert_eq!(refused(&mut ledger, again), "import");
    let late = chunk(&mut ledger, import, REGISTRY, 60..61);
    assert_eq!(refused(&mut ledger, late), "import");
}

#[test]
fn a_listing_of_an_import_has_its_reason_and_names_one_that_was_begun() {
    let mut ledger = Ledger::new(&[]);
    let command = begin(&mut ledger);
    let (import, _) = ledger.append(Body::Dnc(command));
    let other = chunk(&mut ledger, import, ListingReason::Manual, 0..1);
    assert_eq!(refused(&mut ledger, other), "listing.reason");
    let unknown = chunk(&mut ledger, import - 1, REGISTRY, 0..1);
    assert_eq!(refused(&mut ledger, unknown), "import");
    let unknown = end(&mut ledger, 9_999);
    assert_eq!(refused(&mut ledger, unknown), "import");
}

#[test]
fn what_begins_or_ends_an_import_holds_nothing_else() {
    let mut ledger = Ledger::new(&[]);
    let mut full = begin(&mut ledger);
    full.listings = vec![listing(1, REGISTRY)];
    assert_eq!(refused(&mut ledger, full), "listings");
    let mut nested = begin(&mut ledger);
    nested.import = Some(3);
    assert_eq!(refused(&mut ledger, nested), "listings");
    let mut unsaid = begin(&mut ledger);
    unsaid.imports = None;
    assert_eq!(refused(&mut ledger, unsaid), "imports");
    let mut astray = ledger.dnc(Call::AddDnc, DncOp::List, vec![listing(1, REGISTRY)]);
    astray.imports = begin(&mut ledger).imports;
    assert_eq!(refused(&mut ledger, astray), "imports");
    let mut exempt = ledger.dnc(Call::ExemptDnc, DncOp::Exempt, vec![listing(1, REGISTRY)]);
    exempt.import = Some(3);
    assert_eq!(refused(&mut ledger, exempt), "import");
    let mut unlist = ledger.dnc(Call::RemoveDnc, DncOp::Unlist, Vec::new());
    unlist.import = Some(3);
    assert_eq!(refused(&mut ledger, unlist), "import");
}

#[test]
fn an_import_of_nobody_says_nothing_of_the_registry() {
    let mut ledger = Ledger::new(&[]);
    let command = begin(&mut ledger);
    let (first, _) = ledger.append(Body::Dnc(command));
    let command = chunk(&mut ledger, first, REGISTRY, 0..1);
    ledger.append(Body::Dnc(command));
    let command = end(&mut ledger, first);
    let (ended, _) = ledger.append(Body::Dnc(command));
    let before = ledger.state.last_import(REGISTRY).unwrap();
    assert_eq!(before.map(|(seq, _)| seq), Some(ended));
    ledger.now = at(60);
    let command = begin(&mut ledger);
    let (empty, _) = ledger.append(Body::Dnc(command));
    let command = end(&mut ledger, empty);
    let (_, bodies) = ledger.append(Body::Dnc(command));
    assert!(matches!(&bodies[..], [Body::Dnc(dnc)] if dnc.imported == Some(0)));
    assert_eq!(
        ledger.state.last_import(REGISTRY).unwrap(),
        before,
        "the registry is as old as what was last heard of it"
    );
}

#[test]
fn changes_count_once_all_of_their_registry_was_there() {
    let mut ledger = Ledger::new(&[]);
    let mut import = |second, source: &str, changes, people: u8| {
        ledger.now = at(second);
        let mut command = begin(&mut ledger);
        let imports = command.imports.as_mut().unwrap();
        (imports.source, imports.changes) = (source.to_owned(), changes);
        let (import, _) = ledger.append(Body::Dnc(command));
        if people > 0 {
            let command = chunk(&mut ledger, import, REGISTRY, 0..people);
            ledger.append(Body::Dnc(command));
        }
        let command = end(&mut ledger, import);
        let (ended, _) = ledger.append(Body::Dnc(command));
        let from = |sources: &[&str]| {
            let sources = sources.iter().map(|source| (*source).to_owned()).collect();
            ledger
                .state
                .last_import_from(REGISTRY, &sources)
                .unwrap()
                .map(|(seq, _)| seq)
        };
        (
            ended,
            from(&[]),
            from(&["ftc"]),
            from(&["acma"]),
            from(&["acma", "ftc"]),
        )
    };
    let (_, any, ftc, acma, both) = import(1, "ftc", true, 2);
    assert_eq!(
        (any, ftc, acma, both),
        (None, None, None, None),
        "changes to nothing"
    );
    let (acma_1, any, ftc, acma, both) = import(2, "acma", false, 1);
    assert_eq!(
        (any, ftc, acma, both),
        (Some(acma_1), None, Some(acma_1), Some(acma_1))
    );
    assert_eq!(
        import(3, "ftc", true, 1).1,
        Some(acma_1),
        "the other's list is not the one changed"
    );
    let (whole, any, ftc, acma, both) = import(4, "ftc", false, 1);
    assert_eq!(
        (any, ftc, acma, both),
        (Some(whole), Some(whole), Some(acma_1), Some(whole))
    );
    let (changed, any, ftc, ..) = import(5, "ftc", true, 0);
    assert_eq!(
        (any, ftc),
        (Some(changed), Some(changed)),
        "nothing had changed"
    );
    let (_, any, ftc, ..) = import(6, "ftc", false, 0);
    assert_eq!(
        (any, ftc),
        (Some(changed), Some(changed)),
        "an empty list is none"
    );
}

#[test]
fn an_import_ends_with_what_it_was_of_and_once_all_of_it_is_there() {
    let mut ledger = Ledger::new(&[]);
    let mut command = begin(&mut ledger);
    let imports = Import {
        rows: Some(3),
        rejected: Some(2),
        ..command.imports.unwrap()
    };
    command.imports = Some(imports.clone());
    let (import, _) = ledger.append(Body::Dnc(command));
    let command = chunk(&mut ledger, import, REGISTRY, 0..2);
    ledger.append(Body::Dnc(command));
    let early = end(&mut ledger, import);
    assert_eq!(refused(&mut ledger, early), "import");
    let command = chunk(&mut ledger, import, REGISTRY, 2..3);
    let (seq, _) = ledger.append(Body::Dnc(command));
    let command = end(&mut ledger, import);
    let (_, bodies) = ledger.append(Body::Dnc(command));
    let [Body::Dnc(ended)] = &bodies[..] else {
        panic!("{bodies:?}")
    };
    assert_eq!((ended.imported, &ended.imports), (Some(3), &Some(imports)));
    let live = ledger.state.listings(&key(Kind::Phone, 2).token).unwrap();
    let [live] = &live[..] else {
        panic!("{live:?}")
    };
    assert_eq!((live.seq, live.index, live.import), (seq, 0, Some(import)));
}

#[test]
fn equal_listings_of_one_person_end_one_by_one() {
    let mut ledger = Ledger::new(&[]);
    let token = key(Kind::Phone, 7).token;
    let mut made = Vec::new();
    for _ in 0..3 {
        let command = ledger.dnc(Call::AddDnc, DncOp::List, vec![listing(7, REGISTRY)]);
        made.push(ledger.append(Body::Dnc(command)).0);
    }
    let live = |ledger: &Ledger| -> Vec<u64> {
        let live = ledger.state.listings(&token).unwrap();
        live.iter().map(|record| record.seq).collect()
    };
    assert_eq!(live(&ledger), made, "in the order of the log");
    for at in [1, 0, 0] {
        let mut command = ledger.dnc(Call::RemoveDnc, DncOp::Unlist, Vec::new());
        command.ends = vec![Cite {
            seq: made.remove(at),
            index: Some(0),
        }];
        command.evidence = Some(Hash([6; 32]));
        let reason = Commitment::new(&[7; 32], b"gone", 0);
        command.details = [(DetailName::Reason, reason)].into();
        ledger.append(Body::Dnc(command));
        assert_eq!(live(&ledger), made);
    }
    let view = ledger.state.view();
    let left = |table| view.table(table).count();
    // Of the one listing that every ledger here begins with: a mark, a record, and its keys.
    assert_eq!((left(Table::Listing), left(Table::ListingRef)), (2, 1));
}
