//! Steps of random histories.

use proptest::prelude::*;

use super::ledger::LISTED;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Ask {
        agent: bool,
        write: bool,
        seller: u8,
        mailbox: u8,
        people: Vec<u8>,
    },
    Report {
        pick: usize,
        by: u8,
        status: u8,
        cost: u64,
        missed: Vec<u64>,
    },
    Outcome {
        pick: usize,
        by: u8,
        event: u8,
        recipient: Option<u64>,
    },
    /// A provider's event about a message that is yet to be reported.
    Early {
        ahead: u64,
        by: u8,
        event: u8,
        provider: bool,
        whom: Early,
    },
    Wait {
        seconds: u64,
        close: bool,
    },
    Reset {
        pick: usize,
    },
    Publish {
        rules: usize,
    },
    Restart,
}

/// Whom an early event names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Early {
    Nobody,
    Person(u8),
    Index(u64),
}

fn early() -> impl Strategy<Value = Step> {
    let whom = prop_oneof![
        1 => Just(Early::Nobody),
        4 => (0..6u8).prop_map(Early::Person),
        1 => (0..4u64).prop_map(Early::Index),
    ];
    let parts = (0..2u64, 0..6u8, 0..10u8, any::<bool>(), whom);
    parts.prop_map(|(ahead, by, event, provider, whom)| Step::Early {
        ahead,
        by,
        event,
        provider,
        whom,
    })
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let ask = (
        any::<bool>(),
        0..5u8,
        0..3u8,
        0..3u8,
        prop::collection::vec(0..6u8, 1..4),
    )
        .prop_map(|(agent, write, seller, mailbox, mut people)| {
            people.sort_unstable();
            people.dedup();
            // One in six is listed from the start.
            let people = people
                .into_iter()
                .map(|who| if who == 5 { LISTED } else { who });
            Step::Ask {
                agent,
                write: write == 0,
                seller,
                mailbox,
                people: people.collect(),
            }
        });
    let report = (
        any::<usize>(),
        0..8u8,
        0..6u8,
        0..60u64,
        prop::collection::vec(0..4u64, 0..3),
    )
        .prop_map(|(pick, by, status, cost, missed)| Step::Report {
            pick,
            by,
            status,
            cost,
            missed,
        });
    let outcome = (
        any::<usize>(),
        0..8u8,
        0..10u8,
        prop::option::weighted(0.7, 0..4u64),
    )
        .prop_map(|(pick, by, event, recipient)| Step::Outcome {
            pick,
            by,
            event,
            recipient,
        });
    let wait = (0..5u64, any::<bool>()).prop_map(|(tens, close)| Step::Wait {
        seconds: tens * 10,
        close,
    });
    prop_oneof![
        10 => ask,
        10 => report,
        7 => outcome,
        5 => early(),
        5 => wait,
        2 => any::<usize>().prop_map(|pick| Step::Reset { pick }),
        1 => (0..4usize).prop_map(|rules| Step::Publish { rules }),
        1 => Just(Step::Restart),
    ]
}
