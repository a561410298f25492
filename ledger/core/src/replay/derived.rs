//! What the normaliser made of each identifier: the same every time.
//!
//! Of one address there is one canonical form and one host, and of one host one chain of parents. So
//! wherever a token of an address or of a domain stands again, the same tokens stand behind it. That finds
//! a domain that was left out of, or put into, a recipient whose address or host the log knows from
//! elsewhere; of what a log knows once, it can say nothing.

use std::collections::BTreeMap;

use crate::entry::{Body, Entry, Key};
use crate::token::{Kind, Token};

/// The beginning of a token: enough to tell tokens apart, in half of the memory.
type Short = [u8; 16];

/// Which key follows from which, and in which entry that stood first.
#[derive(Debug, Clone, Default)]
pub(super) struct Derived {
    /// Of an address, its canonical form.
    canonical: BTreeMap<Short, (Short, u64)>,
    /// Of an address, its host; of a domain, its parent, where it has a key.
    parents: BTreeMap<Short, (Option<Short>, u64)>,
}

impl Derived {
    /// Takes an entry whose keys stand together as they must. Gives back what is not as it was before.
    pub(super) fn take(&mut self, entry: &Entry) -> Option<String> {
        let seq = entry.seq;
        match &entry.body {
            Body::Decision(decision) => {
                decision
                    .recipients
                    .iter()
                    .enumerate()
                    .find_map(|(at, who)| {
                        let why = self
                            .person(&who.keys, seq)
                            .or_else(|| self.host(&who.keys, seq))?;
                        Some(format!("recipients[{at}].{why}"))
                    })
            }
            Body::Outcome(outcome) => self.person(&outcome.keys, seq),
            Body::Dnc(dnc) if dnc.outcome.is_none() => {
                dnc.listings.iter().enumerate().find_map(|(at, listing)| {
                    let why = self.person(&listing.keys, seq)?;
                    Some(format!("listings[{at}].{why}"))
                })
            }
            _ => None,
        }
    }

    fn person(&mut self, keys: &[Key], seq: u64) -> Option<String> {
        let [email, canonical, ..] = keys else {
            return None;
        };
        if (&email.kind, &canonical.kind) != (&Kind::Email, &Kind::EmailCanonical) {
            return None;
        }
        let found = short(&canonical.token);
        let known = self
            .canonical
            .entry(short(&email.token))
            .or_insert((found, seq));
        (known.0 != found).then(|| differs(1, &canonical.kind, known.1))
    }

    fn host(&mut self, keys: &[Key], seq: u64) -> Option<String> {
        let is_domain = |key: &&Key| key.kind == Kind::Domain;
        let email = keys.first().filter(|key| key.kind == Kind::Email)?;
        let chain: Vec<&Key> = keys.iter().filter(is_domain).collect();
        let above = chain
            .iter()
            .map(|key| Some(short(&key.token)))
            .chain([None]);
        let below = [email].into_iter().chain(chain.iter().copied());
        for (at, (key, parent)) in (2..).zip(below.zip(above)) {
            let known = self
                .parents
                .entry(short(&key.token))
                .or_insert((parent, seq));
            if known.0 != parent {
                return Some(differs(at, &Kind::Domain, known.1));
            }
        }
        None
    }
}

fn differs(at: usize, kind: &Kind, seq: u64) -> String {
    format!("keys[{at}] `{kind}`: expected what entry {seq} has behind the same key")
}

fn short(token: &Token) -> Short {
    let mut short = Short::default();
    short.copy_from_slice(&token.0[..16]);
    short
}
