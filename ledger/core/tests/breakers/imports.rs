//! Imports of the do-not-contact list: begun, filled, ended, and nothing out of order.

use ledger_core::action::Channels;
use ledger_core::entry::{Body, Dnc, DncOp, Import, Listing, ListingReason};
use ledger_core::hash::Hash;
use ledger_core::plan::Refusal;
use ledger_core::role::Call;
use ledger_core::token::Kind;

use super::ledger::{Ledger, at, key};

fn begin(ledger: &mut Ledger) -> Dnc {
    let mut begin = ledger.dnc(Call::BeginImport, DncOp::ImportBegin, Vec::new());
    begin.imports = Some(Import {
        source: "ftc".to_owned(),
        reason: ListingReason::NationalRegistry,
        sha256: Hash([5; 32]),
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
