//! A sandbox reaches nobody: only addresses in reserved or configured fake domains, and fake phones.

use std::collections::BTreeSet;

use super::Nature;
use crate::action::{Channel, Channels, Class};
use crate::entry::{Code, Decision, Environment, Genesis, Key, Reason};
use crate::state::InForce;
use crate::token::{Kind, Token};

/// Every recipient of a contact action in a sandbox needs an e-mail address under a reserved or fake
/// domain. An action that goes by more than e-mail may use whatever else it is given: there every phone
/// has to be a fake one.
pub(crate) fn check(
    genesis: Option<&Genesis>,
    policy: Option<&InForce>,
    request: &Decision,
    nature: &Nature,
    reasons: &mut Vec<Reason>,
) {
    let sandbox = genesis.filter(|genesis| genesis.environment == Environment::Sandbox);
    let Some(genesis) = sandbox.filter(|_| nature.class == Class::Contact) else {
        return;
    };
    let fake: BTreeSet<Token> = genesis
        .reserved
        .iter()
        .chain(policy.into_iter().flat_map(fake_domains))
        .copied()
        .collect();
    let phones = policy.map(|policy| &policy.text.fake_phones);
    let beyond_email = !Channels::of(&[Channel::Email]).contains_all(nature.channels);
    for (index, recipient) in (0u64..).zip(&request.recipients) {
        let has = |kind: &Kind| recipient.keys.iter().any(|key| key.kind == *kind);
        let is_fake = recipient
            .keys
            .iter()
            .any(|key| key.kind == Kind::Domain && fake.contains(&key.token));
        if !(has(&Kind::Email) && is_fake) {
            reasons.push(Reason {
                recipient: Some(index),
                ..Code::SandboxRecipient.reason()
            });
        }
        let real = |key: &Key| {
            key.kind == Kind::Phone && !phones.is_some_and(|fake| fake.contains(&key.token))
        };
        if beyond_email && recipient.keys.iter().any(real) {
            reasons.push(Reason {
                recipient: Some(index),
                key: Some(Kind::Phone),
                ..Code::SandboxRecipient.reason()
            });
        }
    }
}

/// The tokens of the fake domains that the text names; a token without its name there says nothing.
fn fake_domains(policy: &InForce) -> impl Iterator<Item = &Token> {
    let names = policy.text.fake_domains.iter();
    names.filter_map(|name| policy.fake_domains.get(name))
}
