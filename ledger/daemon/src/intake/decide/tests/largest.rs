//! The largest request that is taken.

use super::*;

#[test]
fn the_largest_request_still_fits_its_entry_with_the_longest_answer() {
    use ledger_core::entry::{Cite, Code, Entry, PolicyRef, Reason, ThrottleCount};
    use ledger_core::limits::{CITES_MAX, CITES_TOTAL_MAX, INTEGER_MAX, REASONS_MAX};
    use ledger_core::policy::THROTTLES_MAX;
    use ledger_core::time::Timestamp;

    let long = |n: usize| "x".repeat(n);
    let identifiers = |i: usize| wire::Identifiers {
        email: format!("someone{i}@example.org"),
        account_id: format!("a{i}"),
        // Usable or not, every identifier leaves its trace.
        phone: "none".to_owned(),
        ..person("", &format!("c{i}"))
    };
    let (mut decision, _) = taken(wire::DecideRequest {
        request_id: long(128),
        correlation_id: long(128),
        action_id: long(128),
        agent_id: long(64),
        agent_version: long(128),
        action: long(64),
        tool: long(128),
        seller: long(64),
        campaign: long(64),
        targets: (0..TARGETS_MAX)
            .map(|i| wire::Target {
                r#type: long(64),
                id: i.to_string(),
                reads: vec![long(64); FIELDS_MAX / TARGETS_MAX],
                writes: Vec::new(),
            })
            .collect(),
        recipients: (0..RECIPIENTS_MAX)
            .map(|i| wire::Recipient {
                dnc: true,
                utc_offset: "-14:00".to_owned(),
                ..to(identifiers(i))
            })
            .collect(),
        details: (1..=11)
            .map(|name| wire::Detail {
                name,
                value: "{}".into(),
            })
            .collect(),
        cost_micros: Some(INTEGER_MAX - 1),
        approval: Some(INTEGER_MAX - 1),
        undoes: Some(INTEGER_MAX - 1),
        ..request()
    });
    assert_eq!(
        decision
            .recipients
            .iter()
            .map(|r| r.keys.len())
            .sum::<usize>(),
        KEYS_MAX
    );

    let seq = INTEGER_MAX - 1;
    let cite = Cite {
        seq,
        index: Some(49),
    };
    decision.reasons = (0..REASONS_MAX)
        .map(|i| Reason {
            rule: Some(long(64)),
            recipient: Some(49),
            key: Some(Kind::EmailCanonical),
            target: Some(15),
            field: Some(long(64)),
            cites: if i < CITES_TOTAL_MAX / CITES_MAX {
                vec![cite; CITES_MAX]
            } else {
                vec![cite]
            },
            cites_total: Some(seq),
            ..Code::ForeignRequireApproval.reason()
        })
        .collect();
    decision.reasons_total = Some(seq);
    let throttle = ThrottleCount {
        rule: long(64),
        recipient: Some(49),
        key: Some(Kind::EmailCanonical),
        count: 1_000_000,
        needs: 50,
        limit: 1_000_000,
        window_s: 31 * 86_400,
        passes_at: Some(Timestamp::MAX),
    };
    decision.throttles = vec![throttle; THROTTLES_MAX];
    decision.policy = Some(PolicyRef {
        seq,
        sha256: Hash([0; 32]),
    });
    assert_eq!((decision.approval, decision.undoes), (Some(seq), Some(seq)));
    decision.tier = Some(3);
    decision.approver = Some(long(64));
    decision.approvers = Some(long(64));
    decision.approve_by = Some(Timestamp::MAX);
    let line = Entry {
        seq,
        time: Timestamp::MAX,
        sandbox: true,
        body: Body::Decision(Box::new(decision)),
    }
    .encode();
    assert!(line.is_ok(), "{line:?}");
}
