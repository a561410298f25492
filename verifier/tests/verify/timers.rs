//! What a ledger writes of its own accord, and where: replay names the entry before which it is missing.

use crate::common::{Ledger, person, rich};
use ledger_core::limits::ANNOUNCED_MAX;
use ledger_core::replay::{What, replay};
use ledger_core::role::{Call, Role};

/// What replay names, entry by entry, in the words of what is missing.
fn named(ledger: &Ledger) -> Vec<(u64, &'static str)> {
    let found = replay(&ledger.lines).mismatches;
    let word = |what: &What| match what {
        What::Unannounced { .. } => "announcement",
        What::HeartbeatMissing { .. } => "heartbeat",
        What::ClockMissing { .. } => "clock",
        other => panic!("{other}"),
    };
    found.iter().map(|one| (one.seq, word(&one.what))).collect()
}

/// A ledger with an agent, and an allow that is due in 900 seconds.
fn with_allow() -> (Ledger, u64) {
    let mut ledger = Ledger::started();
    ledger.put(Role::Agent, "agent.sender");
    ledger.put(Role::Compliance, "compliance.one");
    ledger.publish(rich::POLICY);
    let request = ledger.email(&[person("ann@wonder.land.io", "c-1")]);
    let allow = ledger.decide(request);
    (ledger, allow)
}

/// Heartbeats up to just before the allow is due, and on to when it is.
fn until_due(ledger: &mut Ledger) {
    for seconds in [300, 300, 299] {
        ledger.advance_s(seconds);
        ledger.heartbeat();
    }
    assert_eq!(named(ledger), [], "it is not due yet");
    ledger.advance_s(1);
}

#[test]
fn nothing_is_answered_before_what_is_overdue_is_announced() {
    let (mut ledger, allow) = with_allow();
    until_due(&mut ledger);
    let seq = ledger.put(Role::Auditor, "auditor.one");
    assert_eq!(named(&ledger), [(seq, "announcement")]);
    let words = replay(&ledger.lines).mismatches[0].to_string();
    assert!(
        words.contains(&format!("overdue allow {allow} was due")),
        "{words}"
    );
    // Announced at last, it is no longer missed; what stood before it stays named.
    ledger.unresolved(allow);
    ledger.put(Role::Auditor, "auditor.two");
    assert_eq!(named(&ledger), [(seq, "announcement")]);
}

#[test]
fn neither_a_heartbeat_nor_a_look_at_the_log_passes_over_what_is_overdue() {
    let (mut ledger, _) = with_allow();
    until_due(&mut ledger);
    let beat = ledger.heartbeat();
    ledger.advance_s(1);
    let look = ledger.access(Call::Export);
    assert_eq!(
        named(&ledger),
        [(beat, "announcement"), (look, "announcement")]
    );
    // A log that was never announced anything in names every one of them.
    for _ in 0..11 {
        ledger.advance_s(300);
        ledger.heartbeat();
    }
    assert_eq!(named(&ledger).len(), 13);
}

#[test]
fn what_the_ledger_does_of_its_own_accord_may_come_first() {
    // A shutdown, a start and a jump of the clock stand before the announcements of their batch.
    let (mut ledger, allow) = with_allow();
    until_due(&mut ledger);
    ledger.shutdown();
    ledger.advance_s(60);
    ledger.clock_seen(5);
    ledger.boot();
    assert_eq!(replay(&ledger.lines).overdue_total, 1);
    ledger.unresolved(allow);
    ledger.put(Role::Auditor, "auditor.one");
    assert_eq!(named(&ledger), []);
}

#[test]
fn requests_for_approval_and_breakers_are_held_to_their_time_as_well() {
    let (mut ledger, _) = with_allow();
    let request = {
        let mut request = ledger.email(&[person("vip@else.io", "c-30")]);
        request.action = "meeting.book".to_owned();
        request.mailbox = None;
        ledger.decide(request)
    };
    ledger.advance_s(14_400);
    let over: Vec<u64> = ledger.state.expired(ledger.now).collect();
    assert_eq!(over, [request]);
    let due: Vec<u64> = ledger.state.overdue(ledger.now).collect();
    for allow in due {
        ledger.unresolved(allow);
    }
    let seq = ledger.put(Role::Auditor, "auditor.one");
    assert_eq!(named(&ledger), [(seq, "announcement")]);
    ledger.expire(request);
    ledger.put(Role::Auditor, "auditor.two");
    assert_eq!(named(&ledger), [(seq, "announcement")]);

    // A breaker that closes itself: the log of the controls has one, and it alone is taken out.
    let mut ledger = crate::common::gate::log();
    let closed = ledger
        .entries()
        .iter()
        .position(|entry| {
            let json = entry.encode().unwrap();
            let text = String::from_utf8(json).unwrap();
            text.contains("\"kind\":\"breaker\"") && text.contains("\"event\":\"closed\"")
        })
        .expect("one closes");
    let mut at = ledger.entry(closed as u64 + 1);
    at.seq -= 1;
    ledger.lines.truncate(closed);
    ledger.lines.push(at.encode().unwrap());
    assert_eq!(named(&ledger), [(closed as u64, "announcement")]);
}

#[test]
fn a_batch_announces_so_many_and_leaves_the_rest_to_the_next() {
    let mut ledger = Ledger::started();
    ledger.put(Role::Agent, "agent.sender");
    let policy = "version = 1\n[[action]]\nname = \"note.write\"\nclass = \"write\"\n[[grant]]\nid = \"notes\"\n\
                  agent = \"agent.sender\"\nactions = [\"note.write\"]\nobjects = [\"note\"]\nwrites = [\"*\"]\n";
    ledger.publish(policy);
    let many = ANNOUNCED_MAX + 2;
    for _ in 0..many {
        let mut request = ledger.email(&[]);
        request.action = "note.write".to_owned();
        (request.mailbox, request.seller) = (None, None);
        request.targets = vec![crate::common::gate::target(
            "note",
            Some("n-1"),
            &[],
            &["text"],
        )];
        ledger.decide(request);
    }
    ledger.advance_s(100_000);
    let due: Vec<u64> = ledger.state.overdue(ledger.now).collect();
    assert_eq!(due.len(), many);
    let (first, rest) = due.split_at(ANNOUNCED_MAX);
    let mut early = first.iter();
    for allow in early.by_ref().take(ANNOUNCED_MAX - 1) {
        ledger.unresolved(*allow);
    }
    let before = ledger.lines.len();
    let mut short = Ledger::empty();
    short.lines = ledger.lines.clone();
    ledger.unresolved(*early.next().expect("one more"));
    // As many as fit a batch, and then what was asked for: so it is in a ledger after a long stop.
    let asked = ledger.put(Role::Auditor, "auditor.one");
    assert_eq!(named(&ledger), []);
    // One fewer, and the rest was held back.
    let mut early = ledger.entry(asked);
    early.seq = before as u64;
    short.lines.push(early.encode().unwrap());
    assert_eq!(named(&short), [(before as u64, "announcement")]);
    // In the next batch the rest is announced first.
    ledger.advance_s(1);
    let next = ledger.put(Role::Auditor, "auditor.two");
    assert_eq!(named(&ledger), [(next, "announcement")]);
    assert_eq!(rest.len(), 2);
}

#[test]
fn a_silence_ends_with_what_the_ledger_says_itself() {
    let (mut ledger, _) = with_allow();
    ledger.advance_s(299);
    ledger.put(Role::Auditor, "auditor.one");
    assert_eq!(named(&ledger), []);
    ledger.advance_s(300);
    let seq = ledger.put(Role::Auditor, "auditor.two");
    assert_eq!(named(&ledger), [(seq, "heartbeat")]);
    ledger.advance_s(300);
    ledger.timers();
    ledger.put(Role::Auditor, "auditor.three");
    assert_eq!(named(&ledger), [(seq, "heartbeat")]);
}

/// Seven days, unless the policy says otherwise.
const MAX_GAP_S: u64 = 7 * 86_400;

#[test]
fn a_start_in_doubt_stands_behind_a_clock_entry() {
    let stopped = || {
        let (mut ledger, _) = with_allow();
        ledger.shutdown();
        ledger
    };
    let mut ledger = stopped();
    ledger.advance_s(MAX_GAP_S);
    ledger.boot();
    assert_eq!(named(&ledger), [], "exactly so long is in no doubt");

    let mut ledger = stopped();
    ledger.advance_s(MAX_GAP_S + 1);
    let boot = ledger.boot();
    ledger.timers();
    let request = ledger.email(&[person("bob@else.io", "c-2")]);
    ledger.decide(request);
    assert_eq!(named(&ledger), [(boot, "clock")]);
    let words = replay(&ledger.lines).mismatches[0].to_string();
    assert!(words.contains("more than 604800 seconds after"), "{words}");

    let mut ledger = stopped();
    ledger.advance_s(MAX_GAP_S + 1);
    ledger.clock_seen(0);
    ledger.boot();
    ledger.timers();
    let request = ledger.email(&[person("bob@else.io", "c-2")]);
    ledger.decide(request);
    assert_eq!(named(&ledger), []);

    // The policy says how long a start may wait; so does the first one, after the ledger was made.
    let mut ledger = Ledger::empty();
    ledger.genesis();
    ledger.advance_s(MAX_GAP_S + 1);
    let boot = ledger.boot();
    ledger.publish("version = 1\n[numbers]\nmax_gap_s = 600\n");
    ledger.shutdown();
    ledger.advance_s(601);
    let second = ledger.boot();
    assert_eq!(named(&ledger), [(boot, "clock"), (second, "clock")]);
}
