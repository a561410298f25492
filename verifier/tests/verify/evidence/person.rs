//! Of whom evidence is: exemptions and openings.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

#[test]
fn an_exemption_that_is_cited_must_be_of_this_person() {
    let files = Files::new();
    let (ledger, at) = rich();
    let evidence = ledger.evidence(at.exempted);
    verify(
        &files,
        &evidence,
        &ledger.vkey(),
        "exempted",
        0,
        "recipient 0 is exempted from a listing by its domain, for `acme`, by email: listing 0 of entry 14",
    );
    let forged = |change: fn(&mut Listing)| {
        let mut forged = Ledger::empty();
        forged.lines = ledger.lines.clone();
        let mut entry = ledger.entry(14);
        if let Body::Dnc(dnc) = &mut entry.body {
            change(&mut dnc.listings[0]);
        }
        forged.lines[14] = entry.encode().unwrap();
        forged
    };
    for (name, change, words) in [
        (
            "of-another",
            (|listing| listing.keys[0].token.0[0] ^= 1) as fn(&mut Listing),
            "listing 0 of entry 14",
        ),
        (
            "for-another-seller",
            |listing| listing.seller = Some("umbrella".to_owned()),
            "does not apply to this action",
        ),
        (
            "for-every-seller",
            |listing| listing.seller = None,
            "does not apply to this action",
        ),
        (
            "without-end",
            |listing| listing.expires_at = None,
            "does not apply to this action",
        ),
        (
            "expired",
            |listing| listing.expires_at = Some(ledger_core::time::Timestamp::EPOCH),
            "does not apply to this action",
        ),
    ] {
        let forged = forged(change);
        // An exemption has two keys, of which one is enough.
        let code = i32::from(name != "of-another");
        verify(
            &files,
            &forged.evidence(at.exempted),
            &forged.vkey(),
            name,
            code,
            words,
        );
    }
}

#[test]
fn an_opening_says_who_was_refused() {
    let (ledger, at) = rich();
    let (files, vkey) = (Files::new(), ledger.vkey());
    let evidence = files.put("evidence", ledger.evidence(at.denied_domain).to_bytes());
    let verify = |name: &str, opening: &Opening, code: i32, words: &str| {
        let opening = files.put(name, opening.to_bytes());
        run(&[
            "evidence",
            &evidence,
            "--opening",
            &opening,
            "--vkey",
            &vkey,
        ])
        .expect(name, code, words);
    };
    let theirs = ledger.opening(person("someone@sub.blocked.io", "c-2"));
    verify(
        "theirs",
        &theirs,
        0,
        "`someone@sub.blocked.io`, `c-2` is recipient 0: the action that would reach this person was refused (dnc.listed by its domain).",
    );
    let others = ledger.opening(person("ann@wonder.land.io", "c-1"));
    verify(
        "another's",
        &others,
        1,
        "no token of this opening is that of somebody whom entry 26 names",
    );
    // A colleague shares the domain that is listed, and is not who was refused.
    let colleague = ledger.opening(person("colleague@sub.blocked.io", "c-99"));
    verify("a-colleague's", &colleague, 1, "no token of this opening");
    let mut forged = theirs.keys().to_vec();
    for key in &mut forged {
        key.s[0] ^= 1;
    }
    verify(
        "forged",
        &Opening::new(forged).unwrap(),
        1,
        "its secrets are not the ledger's",
    );
    let mut renamed = theirs.keys().to_vec();
    renamed.truncate(1);
    renamed[0].identifier = "ann@wonder.land.io".to_owned();
    verify(
        "renamed",
        &Opening::new(renamed).unwrap(),
        1,
        "no token of this opening",
    );
    let company = Opening::new(
        theirs
            .keys()
            .iter()
            .filter(|key| key.kind == "domain")
            .cloned()
            .collect(),
    )
    .unwrap();
    verify("company", &company, 0, "is recipient 0");
    let one = Opening::new(theirs.keys()[4..].to_vec()).unwrap();
    verify("one-key", &one, 0, "`c-2` is recipient 0: the action");

    // Of an execution, it is the decision that names people; of a listing, the listing.
    let execution = files.put("execution", ledger.evidence(at.executed).to_bytes());
    let ann = files.put("ann", others.to_bytes());
    run(&["evidence", &execution, "--opening", &ann, "--vkey", &vkey]).expect(
        "execution",
        0,
        "email `ann@wonder.land.io` is recipient 0",
    );
    let listing = files.put("listing", ledger.evidence(at.listing).to_bytes());
    let nobody = files.put(
        "nobody",
        ledger
            .opening(person("no.body+x@gmail.com", "c-3"))
            .to_bytes(),
    );
    run(&["evidence", &listing, "--opening", &nobody, "--vkey", &vkey]).expect(
        "listing",
        0,
        "email.canonical `nobody@gmail.com` is listing 1",
    );
}
