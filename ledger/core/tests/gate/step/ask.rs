//! What agents ask: of whom, about what, and with what besides.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) agent: usize,
    pub(crate) named: Option<usize>,
    pub(crate) action: usize,
    pub(crate) seller: Option<usize>,
    pub(crate) campaign: Option<usize>,
    pub(crate) mailbox: Option<usize>,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) targets: Vec<Target>,
    pub(crate) foreign: Option<Outcome>,
    pub(crate) version: Option<usize>,
    /// One of the last executions, or what is none.
    pub(crate) undoes: Option<usize>,
    pub(crate) tool: Option<usize>,
    pub(crate) cost_micros: Option<u64>,
}

fn recipient(odd: f64) -> BoxedStrategy<Recipient> {
    let role = select(vec![
        RecipientRole::To,
        RecipientRole::Cc,
        RecipientRole::Callee,
    ]);
    (
        role,
        weighted(1.0 - odd / 2.0, 0..5usize),
        weighted(0.3, 0..3u8),
        weighted(0.3, 0..3u8),
        weighted(0.2, 0..2u8),
        prop::bool::weighted(odd / 20.0),
        prop::bool::weighted(odd / 20.0),
        // At noon UTC: about 8:00 and about 21:00, and noon itself.
        weighted(
            0.9,
            select(vec![0, -241, -240, -239, 538, 539, 540, 840, -720]),
        ),
    )
        .prop_map(
            |(role, address, phone, contact, account, dnc, unusable, offset)| {
                let mut keys = address.map(email).unwrap_or_default();
                keys.extend(phone.map(|number| key(Kind::Phone, number, None)));
                keys.extend(contact.map(|number| key(Kind::Contact, number, None)));
                keys.extend(account.map(|number| key(Kind::Account, number, None)));
                Recipient {
                    role,
                    utc_offset: offset.map(|minutes| UtcOffset::from_minutes(minutes).unwrap()),
                    keys,
                    dnc,
                    unusable: if unusable {
                        vec![Kind::Phone]
                    } else {
                        Vec::new()
                    },
                }
            },
        )
        .boxed()
}

/// What is acted on: people and companies, known by the tokens by which they are listed, and others.
fn target() -> BoxedStrategy<Target> {
    let kinds = [
        ("contact", Kind::Contact),
        ("account", Kind::Account),
        ("company", Kind::Account),
        ("lead", Kind::Contact),
        ("deal", Kind::Contact),
    ];
    let fields = || {
        prop_oneof![
            2 => vec(select(FIELDS[..2].to_vec()), 0..2),
            2 => vec(select(FIELDS[..4].to_vec()), 1..3),
            1 => vec(select(FIELDS.to_vec()), 1..3),
        ]
    };
    (
        select(kinds.to_vec()),
        weighted(0.8, 0..3u8),
        weighted(0.6, fields()),
        weighted(0.93, fields()),
    )
        .prop_map(|((word, kind), number, reads, writes)| {
            let words = |fields: Option<Vec<&str>>| {
                let fields = fields.unwrap_or_default().into_iter();
                fields.map(str::to_owned).collect()
            };
            Target {
                kind: word.to_owned(),
                id: number.map(|number| key(kind, number, None).token),
                reads: words(reads),
                writes: words(writes),
            }
        })
        .boxed()
}

pub(super) fn ask(focus: Focus) -> BoxedStrategy<Ask> {
    let Focus { odd, strict, .. } = focus;
    let foreign = select(vec![
        Outcome::Allow,
        Outcome::Allow,
        Outcome::RequireApproval,
        Outcome::Deny,
    ]);
    let given = 1.0 - odd / 5.0;
    (
        pick(odd, 1, 4),
        weighted(odd / 10.0, 0..4usize),
        // Half of the usual asks are for one action, so that they meet.
        prop_oneof![
            Just(0usize),
            pick(odd, KNOWN - 1, ACTIONS.len()),
            prop_oneof![pick(odd, KNOWN, ACTIONS.len()), 5..KNOWN],
        ],
        weighted(given, 0..2usize),
        weighted(given, 0..2usize),
        weighted(given, 0..2usize),
        prop_oneof![
            1 => vec(recipient(odd), 0..=1),
            8 => vec(recipient(odd), 1..=2),
            2 => vec(recipient(odd), 3..=5),
        ],
        weighted(odd / 6.0 + strict / 4.0, foreign),
        prop_oneof![1 => Just(Vec::new()), 4 => vec(target(), 1..4)],
        weighted(0.5, 0..VERSIONS.len()),
        weighted(odd / 10.0 + strict / 30.0, 0..20usize),
        extras(focus.conditions),
    )
        .prop_map(
            |(
                agent,
                named,
                action,
                seller,
                campaign,
                mailbox,
                recipients,
                foreign,
                targets,
                version,
                undoes,
                (tool, cost_micros),
            )| Ask {
                agent,
                named,
                action,
                seller,
                campaign,
                mailbox,
                recipients: if (5..KNOWN).contains(&action) {
                    // What reaches nobody names somebody now and then.
                    recipients.into_iter().skip(1).collect()
                } else {
                    recipients
                },
                targets,
                foreign,
                version,
                undoes,
                tool,
                cost_micros,
            },
        )
        .boxed()
}
