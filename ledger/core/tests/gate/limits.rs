//! The worst that is admitted fits its entry: every cap reached at once, through the planner.
//!
//! Seqs and counts have as many digits as they ever can: these ledgers have nearly 2^53 entries. Where
//! no single request reaches two caps at once, the answer is made longer by hand than any request
//! could make it.

mod gate;

use std::fmt::Write as _;

use ledger_core::action::Channels;
use ledger_core::entry::{
    Access, Actor, Basis, Body, Cause, Change, Cite, Code, Commitment, Decision, DetailName,
    Details, DncOp, Entry, Environment, Execution, Finding, Foreign, Key, Listing, ListingReason,
    Outcome, PolicyRef, PrincipalChange, Reason, Recipient, RecipientResult, RecipientRole, Resume,
    Scope, Status, Stop, Target,
};
use ledger_core::hash::Hash;
use ledger_core::limits::{
    CITES_MAX, CITES_TOTAL_MAX, DETAIL_BYTES_MAX, ENTRY_BYTES_MAX, FIELD_BYTES_MAX, FIELDS_MAX,
    GROUPS_MAX, INTEGER_MAX, KEYS_MAX, LISTING_KEYS_MAX, LISTINGS_MAX, POLICY_MAILBOXES_MAX,
    REASONS_MAX, RECIPIENTS_MAX, RESULTS_MAX, TARGETS_MAX,
};
use ledger_core::name;
use ledger_core::plan::{Plan, Refusal};
use ledger_core::policy::{
    LIMIT_MAX, MAILBOX_BYTES_MAX, POLICY_BYTES_MAX, POLICY_FILE, THROTTLES_MAX,
};
use ledger_core::role::{Call, Role};
use ledger_core::state::State;
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, TARGET_TYPE_MAX, Token};
use ledger_core::utc_offset::UtcOffset;
use ledger_core::view::{MemoryView, Table, View};

use super::ledger::{
    COMPLIANCE, Ledger, OPERATOR, RECORDER, at, caused, dnc, policy, principal, seconds,
};
use super::roles::import;

/// An id of the greatest length.
pub(super) fn long(start: &str, max: usize) -> String {
    format!("{start:x<max$}")
}

pub(super) fn agent() -> String {
    long("agent.", name::PRINCIPAL_MAX)
}

/// A ledger that has nearly as many entries as it can have, and an agent with the longest id.
fn old_ledger() -> Ledger {
    let mut view = MemoryView::default();
    let head = format!(
        r#"{{"next":{},"time":"{}","shut_down":false}}"#,
        INTEGER_MAX - 100_000,
        at(0)
    );
    view.put(Table::Fact, b"head".to_vec(), head.into_bytes());
    let mut ledger = Ledger {
        state: State::load(view).unwrap(),
        lines: Vec::new(),
    };
    ledger.append(principal(Cause::ledger(), OPERATOR, Role::Operator), at(0));
    let others = [
        (agent(), Role::Agent),
        (COMPLIANCE.to_owned(), Role::Compliance),
        (RECORDER.to_owned(), Role::Recorder),
    ];
    for (id, role) in others {
        let cause = caused(Call::PutPrincipal, Role::Operator, OPERATOR, &id);
        ledger.append(principal(cause, &id, role), at(0));
    }
    ledger
}

pub(super) fn token(number: usize) -> Token {
    Token(*Hash::of(&number.to_be_bytes()).as_bytes())
}

pub(super) fn every_detail() -> Details {
    let largest = Commitment {
        commitment: Hash([0xdd; 32]),
        bytes: DETAIL_BYTES_MAX as u64,
        // No secret is shorter than the mark that replaces it by more than a byte or two.
        redacted: Some(DETAIL_BYTES_MAX as u64),
    };
    DetailName::ALL
        .into_iter()
        .map(|name| (name, largest))
        .collect()
}

/// The longest ids that a call can have.
pub(super) fn longest_cause(call: Call, role: Role, id: &str, request: usize) -> Cause {
    Cause {
        request_id: Some(long(&format!("r{request}-"), name::REQUEST_ID_MAX)),
        action_id: Some(long("a-", name::ACTION_ID_MAX)),
        correlation_id: Some(long("c-", name::CORRELATION_ID_MAX)),
        actor: Actor {
            version: Some(long("sha256:", name::VERSION_MAX)),
            ..Actor::principal(role, id)
        },
        ..caused(call, role, id, &request.to_string())
    }
}

pub(super) fn action() -> String {
    long("post.send", name::ACTION_MAX)
}

pub(super) fn seller() -> String {
    long("acme", name::SELLER_MAX)
}

/// A request at every cap. Its keys are of the kind with the longest name that people have.
fn largest_request(request: usize) -> Decision {
    let keys_each = KEYS_MAX / RECIPIENTS_MAX;
    let recipients = (0..RECIPIENTS_MAX).map(|person| Recipient {
        role: RecipientRole::Attendee,
        keys: (0..keys_each)
            .map(|key| Key {
                kind: Kind::EmailCanonical,
                token: token(person * keys_each + key),
                v: None,
            })
            .collect(),
        utc_offset: Some(UtcOffset::from_minutes(-720).unwrap()),
        dnc: true,
        unusable: vec![Kind::Email, Kind::Phone, Kind::Contact, Kind::Account],
    });
    let fields_each = FIELDS_MAX / TARGETS_MAX;
    let targets = (0..TARGETS_MAX).map(|target| Target {
        kind: long("t", TARGET_TYPE_MAX),
        id: Some(token(10_000 + target)),
        reads: vec![long("f", FIELD_BYTES_MAX)],
        writes: vec![long("f", FIELD_BYTES_MAX); fields_each - 1],
    });
    Decision {
        agent: Some(long("other.", name::PRINCIPAL_MAX)),
        tool: Some(long("tool", name::TOOL_MAX)),
        seller: Some(seller()),
        campaign: Some(long("campaign", name::CAMPAIGN_MAX)),
        mailbox: Some(token(20_000)),
        targets: targets.collect(),
        recipients: recipients.collect(),
        tokens_v: Some(u32::MAX),
        cost_micros: Some(INTEGER_MAX - 1),
        approval: Some(INTEGER_MAX - 1),
        undoes: Some(INTEGER_MAX - 1),
        foreign: Some(Foreign {
            engine: long("engine", name::TOOL_MAX),
            policy: Some(Hash([0xf0; 32])),
            outcome: Outcome::RequireApproval,
        }),
        details: every_detail(),
        ..Decision::request(
            Basis::Gate,
            longest_cause(Call::Decide, Role::Agent, &agent(), request),
            action(),
        )
    }
}

/// A policy that grants everything to the agent, with rules that all count per recipient.
fn policy_text(rules: usize, limit: u64) -> String {
    let mut text = format!(
        "version = 1\n[[action]]\nname = \"{action}\"\n\
         [[grant]]\nid = \"g\"\nagent = \"{agent}\"\nactions = [\"{action}\"]\nsellers = [\"*\"]\nmailboxes = [\"*\"]\n\
         objects = [\"*\"]\nreads = [\"*\"]\nwrites = [\"*\"]\napproval = \"waived\"\n",
        action = action(),
        agent = agent()
    );
    let action = action();
    for rule in 0..rules {
        let id = long(&format!("rule-{rule:02}-"), name::RULE_MAX);
        write!(
            text,
            "[[throttle]]\nid = \"{id}\"\nactions = [\"{action}\"]\nper = \"recipient\"\nlimit = {limit}\nwindow = \"31d\"\n"
        )
        .unwrap();
    }
    text
}

fn listing(keys: Vec<Key>) -> Listing {
    Listing {
        keys,
        seller: None,
        channels: Channels::none(),
        reason: Some(ListingReason::GdprObjection),
        source: None,
        requested_at: None,
        effective_from: None,
        expires_at: None,
        evidence: None,
    }
}

/// Lists every key of the request `times` times, in entries of as many listings as fit.
fn list_everybody(ledger: &mut Ledger, request: &Decision, times: usize) {
    let listings: Vec<Listing> = (0..times)
        .flat_map(|_| &request.recipients)
        .map(|recipient| listing(recipient.keys.clone()))
        .collect();
    for (part, listings) in listings.chunks(LISTINGS_MAX).enumerate() {
        let command = dnc(DncOp::List, listings.to_vec(), &format!("list-{part}"));
        ledger.append(command, seconds(10));
    }
}

/// The answers of a decision as they would be at the end of a long life.
fn with_long_numbers(mut decision: Decision) -> Decision {
    for count in &mut decision.throttles {
        count.count = INTEGER_MAX - 1;
        count.limit = LIMIT_MAX;
        count.passes_at = Some(Timestamp::MAX);
    }
    decision
}

pub(super) fn bytes(body: Body) -> usize {
    let entry = Entry {
        seq: INTEGER_MAX - 1,
        time: Timestamp::MAX,
        sandbox: true,
        body,
    };
    let line = entry.encode().unwrap();
    assert_eq!(Entry::decode(&line).unwrap(), entry);
    line.len()
}

/// A request without what denies it on other grounds, so that allows are there to be counted.
fn harmless(mut request: Decision) -> Decision {
    request.agent = None;
    request.foreign = None;
    request.approval = None;
    request.undoes = None;
    for recipient in &mut request.recipients {
        recipient.dnc = false;
        recipient.unusable.clear();
        // A canonical address alone identifies nobody: it always comes with the exact one.
        recipient.keys[0].kind = Kind::Email;
    }
    request
}

fn denied(ledger: &mut Ledger, request: Decision) -> Decision {
    let (_, body) = ledger.append(Body::Decision(Box::new(request)), seconds(20));
    let Body::Decision(decision) = body else {
        panic!("not a decision")
    };
    assert_eq!(decision.outcome, Outcome::Deny);
    *decision
}

#[test]
fn the_largest_request_listed_and_throttled_fits() {
    let mut ledger = old_ledger();
    ledger.publish(&policy_text(0, 1), seconds(1));
    let (_, first) = ledger.append(
        Body::Decision(Box::new(harmless(largest_request(0)))),
        seconds(2),
    );
    let Body::Decision(first) = first else {
        panic!("not a decision")
    };
    assert_eq!(first.outcome, Outcome::Allow, "{:?}", first.reasons);
    ledger.publish(&policy_text(THROTTLES_MAX, 1), seconds(3));
    list_everybody(&mut ledger, &first, CITES_MAX + 1);

    // Everything that can be wrong, and the reasons that come first.
    let all = with_long_numbers(denied(&mut ledger, largest_request(1)));
    assert_eq!(all.reasons.len(), REASONS_MAX);
    assert!(all.reasons_total > Some(REASONS_MAX as u64));
    assert_eq!(all.throttles.len(), THROTTLES_MAX);
    let size = bytes(Body::Decision(Box::new(all)));
    println!("everything wrong: {size} bytes");

    // Nothing wrong with the request but that everybody is listed: reasons that cite.
    let listed = with_long_numbers(denied(&mut ledger, harmless(largest_request(2))));
    assert_eq!(listed.reasons.len(), REASONS_MAX);
    let cites: usize = listed.reasons.iter().map(|reason| reason.cites.len()).sum();
    // One of each other code is heard, and those cite nothing.
    let silent = listed
        .reasons
        .iter()
        .filter(|reason| reason.cites.is_empty())
        .count();
    assert_eq!(cites, most_cites() - silent);
    assert_eq!(listed.throttles.len(), THROTTLES_MAX);
    let listed = Decision {
        agent: Some(long("other.", name::PRINCIPAL_MAX)),
        foreign: largest_request(2).foreign,
        approval: largest_request(2).approval,
        undoes: largest_request(2).undoes,
        // A denial names who approved, too.
        approver: Some(long("approver.", name::PRINCIPAL_MAX)),
        environment: Environment::Sandbox,
        recipients: largest_request(2).recipients,
        ..listed
    };
    let size = bytes(Body::Decision(Box::new(listed.clone())));
    println!("everybody listed: {size} bytes");

    let size = bytes(Body::Decision(Box::new(longer_than_any(listed))));
    println!("longer than any: {size} bytes of {ENTRY_BYTES_MAX}");
}

/// How many cites the reasons of one decision can have: as many as are shared out, and one for each
/// reason that comes after them.
fn most_cites() -> usize {
    CITES_TOTAL_MAX + REASONS_MAX - CITES_TOTAL_MAX / CITES_MAX
}

/// Longer than what the gate answers: each reason with a rule, a key and as many cites as are shared
/// out, each key with a token version of its own, every number at its longest.
fn longer_than_any(mut decision: Decision) -> Decision {
    for key in decision
        .recipients
        .iter_mut()
        .flat_map(|recipient| &mut recipient.keys)
    {
        key.v = Some(u32::MAX);
    }
    let widest = Reason {
        rule: Some(long("rule", name::RULE_MAX)),
        recipient: Some(RECIPIENTS_MAX as u64 - 1),
        key: Some(Kind::EmailCanonical),
        cites_total: Some(INTEGER_MAX - 1),
        ..Code::RecipientUnidentified.reason()
    };
    let cite = Cite {
        seq: INTEGER_MAX - 1,
        index: Some(LISTINGS_MAX as u64 - 1),
    };
    let mut left = CITES_TOTAL_MAX;
    let reasons = (0..REASONS_MAX).map(|_| {
        let cites = CITES_MAX.min(left.max(1));
        left = left.saturating_sub(cites);
        Reason {
            cites: vec![cite; cites],
            ..widest.clone()
        }
    });
    Decision {
        reasons: reasons.collect(),
        reasons_total: Some(INTEGER_MAX - 1),
        policy: Some(policy_ref()),
        findings: vec![Finding::UnderStop],
        // Of `require_approval` alone, which has fewer reasons.
        approvers: Some(long("group", name::PRINCIPAL_MAX)),
        approve_by: Some(Timestamp::MAX),
        ..decision
    }
}

fn policy_ref() -> PolicyRef {
    PolicyRef {
        seq: INTEGER_MAX - 1,
        sha256: Hash([0x77; 32]),
    }
}

#[test]
fn the_largest_list_of_people_fits() {
    let largest = |index: usize| {
        let keys = (0..LISTING_KEYS_MAX).map(|key| Key {
            kind: Kind::EmailCanonical,
            token: token(index * LISTING_KEYS_MAX + key),
            v: Some(u32::MAX),
        });
        Listing {
            seller: Some(seller()),
            channels: Channels::all(),
            // Not the person's own request, or it could have no times; the longest word of the others.
            reason: Some(ListingReason::NationalRegistry),
            source: Some(long("source", name::PROVIDER_MAX)),
            requested_at: Some(Timestamp::MAX),
            effective_from: Some(Timestamp::MAX),
            expires_at: Some(Timestamp::MAX),
            evidence: Some(Hash([0xe1; 32])),
            ..listing(keys.collect())
        }
    };
    let mut ledger = old_ledger();
    let listings: Vec<Listing> = (0..LISTINGS_MAX).map(largest).collect();
    let (begun, _) = ledger.append(import(DncOp::ImportBegin, None, "import"), seconds(1));
    let Body::Dnc(mut command) = dnc(DncOp::List, listings, "list") else {
        panic!("not a dnc entry")
    };
    command.import = Some(begun);
    command.cause = longest_cause(Call::AddDnc, Role::Compliance, COMPLIANCE, 1);
    command.tokens_v = Some(u32::MAX);
    command.details = every_detail();
    let (seq, listed) = ledger.append(Body::Dnc(command.clone()), seconds(1));
    println!("listing: {} bytes", bytes(listed));

    let mut exempting = command.clone();
    exempting.import = None;
    exempting.op = DncOp::Exempt;
    exempting.cause = longest_cause(Call::ExemptDnc, Role::Compliance, COMPLIANCE, 2);
    for exemption in &mut exempting.listings {
        exemption.reason = None;
    }
    let (_, exempted) = ledger.append(Body::Dnc(exempting), seconds(1));
    println!("exempting: {} bytes", bytes(exempted));

    let mut ending = command.clone();
    ending.import = None;
    ending.op = DncOp::Unlist;
    ending.cause = longest_cause(Call::RemoveDnc, Role::Compliance, COMPLIANCE, 3);
    ending.evidence = Some(Hash([0xe2; 32]));
    ending.ends = (0..LISTINGS_MAX as u64)
        .map(|index| Cite {
            seq,
            index: Some(index),
        })
        .collect();
    ending.listings.clear();
    let (_, ended) = ledger.append(Body::Dnc(ending), seconds(2));
    println!("unlisting: {} bytes", bytes(ended));

    // One listing or key more is refused before it is encoded.
    let mut over = command.clone();
    over.cause = longest_cause(Call::AddDnc, Role::Compliance, COMPLIANCE, 4);
    over.listings.push(largest(LISTINGS_MAX));
    refused(&mut ledger, Body::Dnc(over), "listings");
    let mut over = command;
    over.cause = longest_cause(Call::AddDnc, Role::Compliance, COMPLIANCE, 5);
    over.listings[0].keys.push(Key {
        kind: Kind::Phone,
        token: token(99_999),
        v: None,
    });
    refused(&mut ledger, Body::Dnc(over), "listing.keys");
}

fn refused(ledger: &mut Ledger, command: Body, expected: &str) {
    match ledger.submit(command, seconds(3)) {
        Err(Refusal::Invalid { field, .. }) => assert_eq!(field, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_largest_principal_and_access_fit() {
    let mut ledger = old_ledger();
    let id = long("approver.", name::PRINCIPAL_MAX);
    let change = PrincipalChange {
        cause: longest_cause(Call::PutPrincipal, Role::Operator, OPERATOR, 1),
        role: Role::Compliance,
        groups: vec![long("group", name::PRINCIPAL_MAX); GROUPS_MAX],
        credential: Some(Hash([0x5e; 32])),
        change: Change::Added,
        id: id.clone(),
    };
    let (_, body) = ledger.append(Body::Principal(change), seconds(1));
    println!("principal: {} bytes", bytes(body));

    // What one disclosure can open: every key of the largest request.
    let access = Access {
        call: Call::Disclose,
        actor: Actor {
            version: Some(long("v", name::VERSION_MAX)),
            ..Actor::principal(Role::Compliance, &id)
        },
        from: Some(INTEGER_MAX - 1),
        to: Some(INTEGER_MAX - 1),
        detail: Some(DetailName::Recipients),
        tokens: vec![
            Key {
                kind: Kind::Target(target_type()),
                token: token(1),
                v: Some(u32::MAX),
            };
            KEYS_MAX
        ],
        pack: Some(Hash([9; 32])),
    };
    let (_, body) = ledger.append(Body::Access(access), seconds(1));
    println!("access: {} bytes", bytes(body));
}

fn target_type() -> ledger_core::token::TargetType {
    match Kind::target(&long("t", TARGET_TYPE_MAX)).unwrap() {
        Kind::Target(target) => target,
        other => panic!("{other}"),
    }
}

/// The parts of a policy of 256 KiB: every one fits, whatever the text has to be escaped to, and
/// together they are the text.
#[test]
fn every_part_of_the_largest_policy_fits() {
    let mailboxes: Vec<String> = (0..POLICY_MAILBOXES_MAX)
        .map(|number| long(&format!("mailbox-{number:02}-"), MAILBOX_BYTES_MAX))
        .collect();
    let names = mailboxes
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect::<Vec<_>>()
        .join(", ");
    for filler in ["x", "\"", "\\", "\t", "é", "\u{1f4e7}", "# \u{2028}\n"] {
        let mut text = policy_text(THROTTLES_MAX, 1).replace(r#"["*"]"#, "SELLERS");
        text = text.replacen("mailboxes = SELLERS", &format!("mailboxes = [{names}]"), 1);
        text = text.replace("SELLERS", r#"["*"]"#);
        text.push_str("# ");
        while text.len() + filler.len() < POLICY_BYTES_MAX {
            text.push_str(filler);
        }
        let Body::Policy(mut command) = policy(&text, "p") else {
            panic!("not a policy")
        };
        command.cause = longest_cause(Call::PublishPolicy, Role::Operator, OPERATOR, 1);
        command.mailboxes = mailboxes
            .iter()
            .map(|name| (name.clone(), token(1)))
            .collect();
        let mut ledger = old_ledger();
        ledger.publish(&policy_text(0, 1), seconds(1));
        let plan = ledger.submit(Body::Policy(command), seconds(2)).unwrap();
        let Plan::Append(bodies) = plan else {
            panic!("a repetition")
        };
        let mut together = String::new();
        let mut largest = 0;
        let parts = bodies.len();
        for body in bodies {
            let Body::Policy(part) = &body else {
                panic!("not a policy")
            };
            for file in &part.files {
                assert_eq!(file.path, POLICY_FILE);
                together.push_str(&file.text);
            }
            let mut part = part.clone();
            if let Some(replaced) = &mut part.replaces {
                *replaced = policy_ref();
            }
            largest = largest.max(bytes(Body::Policy(part)));
        }
        assert_eq!(together, text);
        assert_eq!(
            ledger.state.policy().unwrap().text.mailbox_names().len(),
            POLICY_MAILBOXES_MAX
        );
        println!("policy of {filler:?}: {parts} parts, the largest of {largest} bytes");
    }
}

/// Nothing refuses a stop, so there can be very many; still one call ends them all.
#[test]
fn the_end_of_very_many_stops_fits() {
    let mut ledger = old_ledger();
    let scope = Scope::Agent { id: agent() };
    let stop = |request: usize, scope: &Scope| {
        Body::Stop(Stop {
            cause: longest_cause(Call::Stop, Role::Operator, OPERATOR, request),
            scope: scope.clone(),
            voided: 0,
            details: Details::new(),
        })
    };
    for request in 0..4_000 {
        ledger.append(stop(request, &scope), seconds(1));
    }
    ledger.append(stop(4_000, &Scope::All), seconds(1));
    let resume = Resume {
        cause: longest_cause(Call::Resume, Role::Operator, OPERATOR, 1),
        scope,
        stops: Vec::new(),
        details: every_detail(),
    };
    let (_, body) = ledger.append(Body::Resume(resume), seconds(2));
    println!("resume: {} bytes", bytes(body));
    let left: Vec<&Scope> = ledger.state.stops().map(|(_, scope)| scope).collect();
    assert_eq!(left, [&Scope::All]);
    let loaded = State::load(ledger.state.view().clone()).unwrap();
    assert_eq!(loaded.stops().count(), 1);
}

/// An id of the greatest length still is one.
#[test]
fn the_ids_of_these_tests_are_admitted() {
    for (value, max) in [
        (agent(), name::PRINCIPAL_MAX),
        (seller(), name::SELLER_MAX),
        (action(), name::ACTION_MAX),
        (long("r0-", name::REQUEST_ID_MAX), name::REQUEST_ID_MAX),
        (long("f", FIELD_BYTES_MAX), FIELD_BYTES_MAX),
    ] {
        assert_eq!(value.len(), max);
        name::check("id", &value, max).unwrap();
    }
}
