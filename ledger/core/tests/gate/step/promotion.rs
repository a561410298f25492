//! What is tried in sandboxes, approved and promoted.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

/// On the way from a sandbox into force.
#[derive(Debug, Clone)]
pub(crate) enum Promotion {
    /// One of three sandboxes publishes this policy; where `long`, in several entries.
    Try {
        sandbox: usize,
        policy: Box<PolicyM>,
        long: bool,
    },
    /// Somebody approves by its hash what was tried so long ago; or that text with a change.
    Approve {
        pick: usize,
        by: usize,
        changed: bool,
    },
    Promote {
        pick: usize,
        how: How,
    },
    /// A key of another ledger is trusted, or no longer.
    Key {
        pick: usize,
        trust: bool,
    },
    /// An approver is to become an operator, who could then promote what they approved.
    Role {
        who: usize,
    },
}

/// In what a promotion is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    AsTried,
    /// The text is another.
    Changed,
    /// Its last file is missing; or, where there is one alone, it is another.
    OtherFiles,
    /// The receipt is of what was tried before.
    OtherReceipt,
    /// The receipt still has the text.
    Whole,
    /// A byte of the signature is another.
    Signature,
    /// The text is another, and the receipt's entry states its hash.
    StatedHash,
    /// Another seq for the approval.
    OtherApproval(usize),
    /// By an approver.
    ByApprover,
    /// So many microseconds after the approval expires.
    AtTheEnd(i64),
    /// Who approved it may not any more.
    Unseated,
}

/// The acts of promotion, each with its weight.
pub(super) fn promotion(focus: Focus) -> Vec<(u32, BoxedStrategy<Act>)> {
    let promote = focus.promote;
    if promote == 0 {
        return Vec::new();
    }
    let tried = || prop_oneof![4 => Just(0usize), 1 => 0..4usize];
    let publish = (
        prop_oneof![3 => Just(0usize), 1 => 0..3usize],
        policy(Focus {
            conditions: focus.conditions / 2.0,
            ..focus
        }),
        prop::bool::weighted(0.1),
    );
    let publish = publish.prop_map(|(sandbox, policy, long)| Promotion::Try {
        sandbox,
        policy: Box::new(policy),
        long,
    });
    let by = prop_oneof![4 => Just(2usize), 1 => 2..PEOPLE.len(), 1 => 0..2usize];
    let approve = (tried(), by, prop::bool::weighted(0.2))
        .prop_map(|(pick, by, changed)| Promotion::Approve { pick, by, changed });
    let how = prop_oneof![
        10 => Just(How::AsTried),
        1 => Just(How::Changed),
        1 => Just(How::OtherFiles),
        1 => Just(How::OtherReceipt),
        1 => Just(How::Whole),
        1 => Just(How::Signature),
        1 => Just(How::StatedHash),
        2 => (0..5usize).prop_map(How::OtherApproval),
        1 => Just(How::ByApprover),
        2 => (-1..=1i64).prop_map(How::AtTheEnd),
        2 => Just(How::Unseated),
    ];
    let into_force = (tried(), how).prop_map(|(pick, how)| Promotion::Promote { pick, how });
    let key = (
        prop_oneof![3 => Just(0usize), 1 => 0..4usize],
        prop::bool::weighted(0.85),
    )
        .prop_map(|(pick, trust)| Promotion::Key { pick, trust });
    let role = (2..PEOPLE.len()).prop_map(|who| Promotion::Role { who });
    let acts: Vec<(u32, BoxedStrategy<Promotion>)> = vec![
        (promote.div_ceil(8), publish.boxed()),
        (promote, approve.boxed()),
        (promote, into_force.boxed()),
        (promote.div_ceil(3), key.boxed()),
        (promote.div_ceil(20), role.boxed()),
    ];
    acts.into_iter()
        .map(|(weight, act)| (weight, act.prop_map(Act::Promotion).boxed()))
        .collect()
}
