//! Evidence files: material missing or surplus, decisions that do not rest on what they cite, openings.

mod person;

use crate::common::run::{Files, rich, run};
use crate::common::{Ledger, person, rich as story};
use ledger_core::action::{Channel, Channels, Class};
use ledger_core::entry::{
    Body, Cite, Code, Decision, DncOp, Listing, ListingReason, Outcome, Reason, Scope,
};
use ledger_core::evidence::Evidence;
use ledger_core::hash::Hash;
use ledger_core::normalise::Subject;
use ledger_core::opening::Opening;
use ledger_core::plan::{Plan, plan};
use ledger_core::role::Role;

fn verify(files: &Files, evidence: &Evidence, vkey: &str, name: &str, code: i32, words: &str) {
    let file = files.put(name, evidence.to_bytes());
    run(&["evidence", &file, "--vkey", vkey]).expect(name, code, words);
}

#[test]
fn evidence_holds_what_it_must_and_nothing_else() {
    let (ledger, at) = rich();
    let (files, vkey) = (Files::new(), ledger.vkey());
    let check = |name: &str, others: &[u64], code: i32, words: &str| {
        let evidence = ledger.evidence_of(at.denied_domain, others);
        verify(&files, &evidence, &vkey, name, code, words);
    };
    check(
        "whole",
        &[0, 11, 12],
        0,
        "At 2026-11-22T09:01:11.000000Z, `email.send` by `agent.sender` was denied on 1 cited listing under the policy of entry 11.",
    );
    check(
        "whole",
        &[0, 11, 12],
        0,
        "no person is identified without an opening",
    );
    check("without-genesis", &[11, 12], 4, "entry 0 is missing");
    check("without-policy", &[0, 12], 4, "entry 11 is missing");
    check("without-listing", &[0, 11], 4, "entry 12 is missing");
    check("alone", &[], 4, "entry 0 is missing");
    check(
        "with-a-surplus-entry",
        &[0, 11, 12, 13],
        1,
        "entry 13 is not cited by entry 26",
    );
    let parts = ledger.evidence(75);
    let others: Vec<u64> = parts.others().iter().map(|entry| entry.seq).collect();
    assert_eq!(others, [0, 73, 74], "a policy comes with every part");
    verify(
        &files,
        &parts,
        &vkey,
        "parts",
        0,
        "entry 73 published it at 2026-11-22T09:18:02.000000Z, in 2 entries",
    );
    let part = ledger.evidence_of(75, &[0, 73]);
    verify(
        &files,
        &part,
        &vkey,
        "part-missing",
        4,
        "entry 74 is missing",
    );
}

type Scribble = fn(&str) -> String;

#[test]
fn an_evidence_file_that_was_changed_is_refused() {
    const SCRIBBLES: &[(&str, Scribble, i32, &str)] = &[
        (
            "entries-out-of-order",
            |text| {
                let mut blocks: Vec<&str> = text.split("entry ").collect();
                blocks.swap(2, 3);
                blocks.join("entry ")
            },
            3,
            "expected more than `11`, found `0`",
        ),
        (
            "primary-twice",
            |text| {
                let blocks: Vec<&str> = text.split("entry ").collect();
                format!(
                    "{}entry {}entry {}",
                    blocks[0],
                    blocks[1],
                    blocks[1..].join("entry ")
                )
            },
            3,
            "entry: `26` is there twice",
        ),
        (
            "seq-of-another",
            |text| text.replace("\nentry 11 ", "\nentry 10 "),
            1,
            "inclusion proof of entry 10",
        ),
        (
            "hash-missing",
            |text| {
                let mut lines: Vec<&str> = text.lines().collect();
                lines.remove(2);
                lines.join("\n") + "\n"
            },
            1,
            "expected 7 proof hashes, found 6",
        ),
        (
            "header-of-another-format",
            |text| text.replace("evidence/v1", "evidence/v2"),
            3,
            "ledger-evidence/v1",
        ),
        ("trailing-byte", |text| format!("{text}x"), 3, "newline"),
        ("empty", |_| String::new(), 3, "line 1"),
    ];
    let (ledger, at) = rich();
    let (files, vkey) = (Files::new(), ledger.vkey());
    let text = String::from_utf8(ledger.evidence(at.denied_domain).to_bytes()).unwrap();
    for (name, scribble, code, words) in SCRIBBLES {
        let file = files.put(name, scribble(&text));
        run(&["evidence", &file, "--vkey", &vkey]).expect(name, *code, words);
    }
}

/// A ledger with a policy, an agent and one listing of each sort; and how a decision is forged there.
struct Forge {
    ledger: Ledger,
    listing: u64,
}

impl Forge {
    fn new(listing: impl FnOnce(&mut Ledger, &mut Listing)) -> Self {
        let mut ledger = Ledger::started();
        ledger.put(Role::Agent, "agent.sender");
        ledger.put(Role::Compliance, "compliance.one");
        ledger.publish(story::POLICY);
        let mut listed =
            ledger.listing(Subject::Email("ann@wonder.land.io"), ListingReason::Manual);
        listing(&mut ledger, &mut listed);
        let listing = ledger.dnc(DncOp::List, vec![listed]);
        ledger.advance_s(60);
        Self { ledger, listing }
    }

    /// What the gate says, changed, and signed all the same. Says that Ann is listed, unless changed.
    fn deny(mut self, change: impl FnOnce(&mut Decision)) -> (Ledger, u64) {
        let request = self.ledger.email(&[person("ann@wonder.land.io", "c-1")]);
        let Ok(Plan::Append(bodies)) = plan(
            &self.ledger.state,
            Body::Decision(Box::new(request)),
            self.ledger.now,
        ) else {
            panic!("not decided");
        };
        let Some(Body::Decision(mut decision)) = bodies.into_iter().next() else {
            panic!("no decision");
        };
        if decision.outcome == Outcome::Allow {
            decision.outcome = Outcome::Deny;
            (decision.valid_until, decision.report_by) = (None, None);
            decision
                .reasons
                .retain(|reason| reason.code != ledger_core::entry::Code::DncClear);
            decision.reasons.insert(
                0,
                ledger_core::entry::Reason {
                    recipient: Some(0),
                    key: Some(ledger_core::token::Kind::Email),
                    cites: vec![Cite {
                        seq: self.listing,
                        index: Some(0),
                    }],
                    ..ledger_core::entry::Code::DncListed.reason()
                },
            );
        }
        change(&mut decision);
        let seq = self.ledger.forge(Body::Decision(decision));
        (self.ledger, seq)
    }
}

#[test]
fn a_denial_must_rest_on_a_listing_that_binds() {
    type List = fn(&mut Ledger, &mut Listing);
    const LISTINGS: &[(&str, List, i32, &str)] = &[
        ("listed", |_, _| {}, 0, "was denied on 1 cited listing"),
        (
            "of-somebody-else",
            |ledger, listing| {
                listing.keys = ledger
                    .listing(Subject::Email("bob@wonder.land.io"), ListingReason::Manual)
                    .keys;
            },
            1,
            "listing 0 of entry 6 does not name recipient 0 by its email",
        ),
        (
            "under-another-kind-of-key",
            |_, listing| {
                listing.keys[0].kind = ledger_core::token::Kind::Domain;
                listing.keys.truncate(1);
            },
            1,
            "does not name recipient 0 by its email",
        ),
        (
            "for-another-seller",
            |_, listing| listing.seller = Some("umbrella".to_owned()),
            1,
            "does not apply to this action: it is for `umbrella`",
        ),
        (
            "by-another-channel",
            |_, listing| listing.channels = Channels::of(&[Channel::Call]),
            1,
            "does not apply to this action: it is for every seller, by call",
        ),
        (
            "not-yet-effective",
            |ledger, listing| listing.effective_from = Some(ledger.after_s(3_600)),
            1,
            "does not apply to this action",
        ),
        (
            "expired",
            |ledger, listing| listing.expires_at = Some(ledger.after_s(30)),
            1,
            "does not apply to this action",
        ),
    ];
    let files = Files::new();
    for (name, listing, code, words) in LISTINGS {
        let (ledger, seq) = Forge::new(listing).deny(|_| {});
        verify(
            &files,
            &ledger.evidence(seq),
            &ledger.vkey(),
            name,
            *code,
            words,
        );
    }
}

#[test]
fn a_decision_must_agree_with_its_policy_and_its_cites() {
    type Change = fn(&mut Decision);
    const CHANGES: &[(&str, Change, i32, &str)] = &[
        (
            "index-out-of-range",
            |decision| decision.reasons[0].cites[0].index = Some(1),
            1,
            "it cites listing 1 of entry 6, which has 1",
        ),
        (
            "entry-that-lists-nobody",
            |decision| decision.reasons[0].cites[0].seq = 5,
            1,
            "it cites entry 5 as a listing, which is a `policy`",
        ),
        (
            "entry-still-to-come",
            |decision| decision.reasons[0].cites[0].seq = 7,
            1,
            "it cites entry 7, expected an entry before it",
        ),
        (
            "nothing-cited",
            |decision| decision.reasons[0].cites.clear(),
            1,
            "is said to be listed, but nothing is cited",
        ),
        (
            "key-that-nobody-has",
            |decision| decision.reasons[0].key = Some(ledger_core::token::Kind::Phone),
            1,
            "recipient 0 has no key of the kind phone",
        ),
        (
            "recipient-that-nobody-is",
            |decision| decision.reasons[0].recipient = Some(1),
            1,
            "names a recipient that the request does not have",
        ),
        (
            "allow-in-spite-of-it",
            |decision| decision.outcome = Outcome::Allow,
            1,
            "`outcome`: expected `\"deny\"`, found `\"allow\"`",
        ),
        (
            "class-of-its-own",
            |decision| decision.class = Class::Read,
            1,
            "`class`: expected `\"contact\"`, found `\"read\"`",
        ),
        (
            "channels-of-its-own",
            |decision| decision.channels = Channels::none(),
            1,
            "`channels`",
        ),
        (
            "policy-hash-of-another",
            |decision| decision.policy.as_mut().unwrap().sha256 = Hash::of(b"x"),
            1,
            "the policy of entry 5 has a text with the hash",
        ),
        (
            "no-policy",
            |decision| decision.policy = None,
            1,
            "no rule `mailbox-hour` counts this request here",
        ),
        (
            "row-that-is-not-there",
            |decision| {
                let granted = |reason: &&mut Reason| reason.code == Code::GrantRow;
                let reason = decision.reasons.iter_mut().find(granted).unwrap();
                reason.rule = Some("another-row".to_owned());
            },
            1,
            "`reasons` of the check `grant`: expected `[{\"check\":\"grant\",\"code\":\"grant.row\",\"rule\":\"outbound-sends\"}]`",
        ),
        (
            "no-row-where-one-is",
            |decision| {
                decision
                    .reasons
                    .retain(|reason| reason.code != ledger_core::entry::Code::GrantRow);
                decision
                    .reasons
                    .insert(0, ledger_core::entry::Code::GrantNone.reason());
            },
            1,
            "`reasons` of the check `grant`",
        ),
        (
            "limit-of-its-own",
            |decision| decision.throttles[0].limit = 99,
            1,
            "`throttles.limit`: expected `3`, found `99`",
        ),
        (
            "count-left-out",
            |decision| drop(decision.throttles.remove(0)),
            1,
            "expected the count of rule `mailbox-hour`",
        ),
        (
            "expiry-of-a-denial",
            |decision| {
                decision.valid_until = decision
                    .report_by
                    .or(Some(ledger_core::time::Timestamp::MAX));
            },
            1,
            "`valid_until`",
        ),
        (
            "crm-flag-out-of-the-air",
            |decision| {
                decision.reasons.insert(
                    0,
                    ledger_core::entry::Reason {
                        recipient: Some(0),
                        ..ledger_core::entry::Code::DncCrmFlag.reason()
                    },
                );
            },
            1,
            "`reasons` of the check `dnc`",
        ),
        (
            "clear-and-listed",
            |decision| {
                decision
                    .reasons
                    .push(ledger_core::entry::Code::DncClear.reason());
            },
            1,
            "`reasons` of the check `dnc`",
        ),
    ];
    let files = Files::new();
    for (name, change, code, words) in CHANGES {
        let (ledger, seq) = Forge::new(|_, _| {}).deny(change);
        verify(
            &files,
            &ledger.evidence(seq),
            &ledger.vkey(),
            name,
            *code,
            words,
        );
    }
}

#[test]
fn a_long_list_of_lenient_reasons_does_not_crowd_out_a_denial() {
    use ledger_core::entry::{Code, Reason};
    let (mut ledger, at) = story::log();
    let crowd: Vec<_> = (0..50)
        .map(|_| person("friend@blocked.io", "c-5"))
        .collect();
    let mut request = ledger.email(&crowd);
    request.cause.actor.id = "agent.drafter".to_owned();
    let Ok(Plan::Append(bodies)) =
        plan(&ledger.state, Body::Decision(Box::new(request)), ledger.now)
    else {
        panic!("not decided");
    };
    let Some(Body::Decision(mut decision)) = bodies.into_iter().next() else {
        panic!("no decision");
    };
    assert_eq!(decision.reasons[0].code, Code::GrantNone);
    let exemption = Cite {
        seq: 14,
        index: Some(0),
    };
    assert_eq!(ledger.entry(at.exempted).body.kind(), "decision");
    decision.reasons = (0..40)
        .map(|recipient| Reason {
            recipient: Some(recipient),
            key: Some(ledger_core::token::Kind::Domain),
            cites: vec![exemption],
            ..Code::DncExempt.reason()
        })
        .collect();
    decision.reasons_total = Some(51);
    for count in &mut decision.throttles {
        (count.count, count.passes_at) = (0, None);
    }
    decision.outcome = Outcome::Allow;
    decision.valid_until = Some(ledger.after_s(120));
    decision.report_by = Some(ledger.after_s(900));
    let seq = ledger.forge(Body::Decision(decision));
    let files = Files::new();
    let words = "`reasons` of the check `grant`: expected `[{\"check\":\"grant\",\"code\":\"grant.none\"}]`, found `[]`";
    verify(
        &files,
        &ledger.evidence(seq),
        &ledger.vkey(),
        "crowd",
        1,
        words,
    );
}

#[test]
fn a_stop_that_is_cited_must_cover_the_agent() {
    let files = Files::new();
    for (scope, code, words) in [
        (
            Scope::All,
            0,
            "the stop of entry 7 covers `agent.sender` and the class contact",
        ),
        (
            Scope::Agent {
                id: "agent.other".to_owned(),
            },
            1,
            "entry 7, which it cites, is no stop of this agent or class",
        ),
        (
            Scope::Class {
                class: Class::Write,
            },
            1,
            "entry 7, which it cites, is no stop",
        ),
    ] {
        let mut forge = Forge::new(|_, _| {});
        let stop = forge.ledger.stop(scope);
        let (ledger, seq) = forge.deny(|decision| {
            let cites = vec![Cite {
                seq: stop,
                index: None,
            }];
            let reason = ledger_core::entry::Reason {
                cites,
                ..ledger_core::entry::Code::StopActive.reason()
            };
            decision
                .reasons
                .retain(|reason| reason.code != ledger_core::entry::Code::StopActive);
            decision.reasons.insert(0, reason);
        });
        verify(
            &files,
            &ledger.evidence(seq),
            &ledger.vkey(),
            "stop",
            code,
            words,
        );
    }
}
