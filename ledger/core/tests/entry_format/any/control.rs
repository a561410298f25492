//! Principals, policies, stops and reads: everything that people do to a ledger.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

fn scope() -> BoxedStrategy<Scope> {
    prop_oneof![
        Just(Scope::All),
        text().prop_map(|id| Scope::Agent { id }),
        class().prop_map(|class| Scope::Class { class }),
    ]
    .boxed()
}

fn promotion() -> BoxedStrategy<Box<Promotion>> {
    (number(), text(), text(), number(), text())
        .prop_map(|(approval, receipt, origin, key, approver)| {
            Box::new(Promotion {
                approval,
                receipt,
                origin,
                key,
                approver,
            })
        })
        .boxed()
}

pub(super) fn control() -> BoxedStrategy<Body> {
    let change = select(vec![Change::Added, Change::Changed, Change::Revoked]);
    let principal = (
        cause(),
        text(),
        role(),
        vec(text(), 0..3),
        of(hash()),
        change,
    )
        .prop_map(|(cause, id, role, groups, credential, change)| {
            Body::Principal(PrincipalChange {
                cause,
                id,
                role,
                groups,
                credential,
                change,
            })
        });
    let file = (text(), any::<String>()).prop_map(|(path, text)| PolicyFile { path, text });
    let policy = (
        (cause(), of(number()), of(hash()), of(policy_ref())),
        (
            of(number()),
            btree_map(text(), token(), 0..3),
            btree_map(text(), token(), 0..3),
            of(promotion()),
            vec(file, 0..3),
        ),
    )
        .prop_map(
            |(
                (cause, continues, sha256, replaces),
                (parts, mailboxes, fake_domains, promotion, files),
            )| {
                Body::Policy(PolicyEntry {
                    cause,
                    continues,
                    sha256,
                    replaces,
                    parts,
                    mailboxes,
                    fake_domains,
                    promotion,
                    files,
                })
            },
        );
    let stop =
        (cause(), scope(), number(), details()).prop_map(|(cause, scope, voided, details)| {
            Body::Stop(Stop {
                cause,
                scope,
                voided,
                details,
            })
        });
    let resume = (cause(), scope(), vec(number(), 0..4), details()).prop_map(
        |(cause, scope, stops, details)| {
            Body::Resume(Resume {
                cause,
                scope,
                stops,
                details,
            })
        },
    );
    let access = (
        call(),
        actor(),
        of(number()),
        of(number()),
        of(select(DetailName::ALL.to_vec())),
        vec(key(), 0..3),
        of(hash()),
    )
        .prop_map(|(call, actor, from, to, detail, tokens, pack)| {
            Body::Access(Access {
                call,
                actor,
                from,
                to,
                detail,
                tokens,
                pack,
            })
        });
    prop_oneof![principal, policy, stop, resume, access].boxed()
}
