//! What a whole log says about one person.

use crate::common::person;
use crate::common::run::{Files, rich, run};

#[test]
fn one_person_is_found_in_a_log_by_an_opening() {
    let (ledger, at) = rich();
    let files = Files::new();
    let folder = files.export("export", ledger);
    let (folder, vkey) = (folder.to_str().unwrap(), ledger.vkey());
    let log = |opening: &str, code, words: &str| {
        run(&["log", folder, "--vkey", &vkey, "--opening", opening]).expect(opening, code, words);
    };

    let never = files.put(
        "never.opening",
        ledger
            .opening(person("someone@sub.blocked.io", "c-2"))
            .to_bytes(),
    );
    log(
        &never,
        0,
        "No action that reaches this person was allowed by the gate anywhere in this log; 1 was refused.",
    );
    log(
        &never,
        0,
        "The log covers from 2026-11-22T09:00:00.000000Z to 2026-11-22T10:18:12.000000Z, with 2 gaps.",
    );
    log(&never, 0, "sends that bypass the ledger are not covered");
    log(
        &never,
        0,
        "entry 26 at 2026-11-22T09:01:11.000000Z: `email.send` by `agent.sender` for `acme`: dnc.listed by its domain, grant.row",
    );
    log(
        &never,
        0,
        "entry 12, index 0, at 2026-11-22T09:00:10.000000Z: listed by domain, manual, for every seller, by every channel",
    );
    log(&never, 0, "ended by entry 71");

    let reached = files.put(
        "reached.opening",
        ledger
            .opening(person("ann@wonder.land.io", "c-1"))
            .to_bytes(),
    );
    log(
        &reached,
        0,
        "1 of these reports are about an action that the gate had not allowed",
    );
    log(
        &reached,
        0,
        "Actions that reach this person were allowed 1 time and refused 2 times.",
    );
    log(&reached, 0, &format!("entry {} at", at.allow));

    // The neighbour has the same domains, and nothing else.
    let neighbour = files.put(
        "neighbour.opening",
        ledger
            .opening(person("else@wonder.land.io", "c-77"))
            .to_bytes(),
    );
    log(
        &neighbour,
        4,
        "nothing in this log bears email `else@wonder.land.io` out",
    );

    // Of a company, everybody at its domain counts.
    let mut company = ledger
        .opening(person("ann@wonder.land.io", "c-1"))
        .keys()
        .to_vec();
    company.retain(|key| key.kind == "domain");
    let company = files.put(
        "company.opening",
        ledger_core::opening::Opening::new(company)
            .unwrap()
            .to_bytes(),
    );
    log(
        &company,
        0,
        "Actions that reach this company were allowed 1 time and refused 2 times.",
    );

    // With made-up secrets nothing is found, which proves nothing.
    let mut forged = ledger
        .opening(person("ann@wonder.land.io", "c-1"))
        .keys()
        .to_vec();
    for key in &mut forged {
        key.s = [5; 32];
    }
    let forged = files.put(
        "forged.opening",
        ledger_core::opening::Opening::new(forged)
            .unwrap()
            .to_bytes(),
    );
    log(&forged, 4, "nothing in this log bears");

    let broken = files.put("broken.opening", "ledger-opening/v1\nemail\n");
    log(&broken, 3, "line 2");
    log(&files.name("absent.opening"), 3, "cannot be read");
}
