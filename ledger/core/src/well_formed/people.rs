//! Which keys of a person stand together, and in which order: as the normaliser makes them.

use super::IllFormed;
use crate::entry::{Key, Listing, Recipient};
use crate::normalise::DOMAIN_KEYS_MAX;
use crate::token::Kind;

/// The identifiers that can be given of a person, in the order in which they are normalised.
const GIVEN: [Kind; 4] = [Kind::Email, Kind::Phone, Kind::Contact, Kind::Account];

/// A recipient: of an address all three kinds of key, and of nothing both a key and that it is unusable.
pub(super) fn recipient(at: usize, recipient: &Recipient) -> Result<(), IllFormed> {
    let field = format!("recipients[{at}].keys");
    let mut keys = Keys::new(&field, &recipient.keys);
    keys.address(true)?;
    keys.optional(&Kind::Phone);
    keys.optional(&Kind::Contact);
    keys.optional(&Kind::Account);
    keys.end()?;
    let mut given = GIVEN.iter();
    for (index, unusable) in recipient.unusable.iter().enumerate() {
        let field = || format!("recipients[{at}].unusable[{index}]");
        if !given.any(|kind| kind == unusable) {
            let expected =
                "expected each of `email`, `phone`, `contact` and `account` once, in this order";
            return Err(IllFormed::unfit(field(), unusable, expected));
        }
        if recipient.keys.iter().any(|key| key.kind == *unusable) {
            let expected = "expected no key of this kind: what gives a key is usable";
            return Err(IllFormed::unfit(field(), unusable, expected));
        }
    }
    Ok(())
}

/// The keys that name one person and nobody else: neither their domain nor their company.
pub(super) fn person(field: &str, keys: &[Key]) -> Result<(), IllFormed> {
    let mut keys = Keys::new(field, keys);
    keys.address(false)?;
    keys.optional(&Kind::Phone);
    keys.optional(&Kind::Contact);
    keys.end()
}

/// A listing or an exemption: of one person, one domain or one company.
pub(super) fn listing(at: usize, listing: &Listing) -> Result<(), IllFormed> {
    let field = format!("listings[{at}].keys");
    let mut keys = Keys::new(&field, &listing.keys);
    if keys.optional(&Kind::Domain) || keys.optional(&Kind::Account) {
        return keys.end();
    }
    person(&field, &listing.keys)
}

/// One person's keys, read from the first on.
struct Keys<'a> {
    field: &'a str,
    all: &'a [Key],
    at: usize,
}

impl<'a> Keys<'a> {
    const fn new(field: &'a str, all: &'a [Key]) -> Self {
        Self { field, all, at: 0 }
    }

    /// Passes a key of this kind, if it is the next.
    fn optional(&mut self, kind: &Kind) -> bool {
        let found = self.all.get(self.at).is_some_and(|key| key.kind == *kind);
        self.at += usize::from(found);
        found
    }

    fn required(&mut self, kind: &Kind) -> Result<(), IllFormed> {
        if self.optional(kind) {
            return Ok(());
        }
        let expected = format!("expected `{kind}`: the keys of an address are made together");
        Err(self.unfit(&expected))
    }

    /// The keys of an address, if there is one.
    fn address(&mut self, domains: bool) -> Result<(), IllFormed> {
        if !self.optional(&Kind::Email) {
            return Ok(());
        }
        self.required(&Kind::EmailCanonical)?;
        if domains {
            self.required(&Kind::Domain)?;
            for _ in 1..DOMAIN_KEYS_MAX {
                self.optional(&Kind::Domain);
            }
        }
        Ok(())
    }

    /// Nothing more comes, and no token came twice.
    fn end(&self) -> Result<(), IllFormed> {
        if self.at < self.all.len() {
            return Err(
                self.unfit("expected no such key here: keys have one order, and each its others")
            );
        }
        for (at, key) in self.all.iter().enumerate() {
            if self
                .all
                .iter()
                .take(at)
                .any(|other| other.token == key.token)
            {
                let expected = "expected another token: no two keys of a person have the same";
                let field = format!("{}[{at}].token", self.field);
                return Err(IllFormed::unfit(field, "repeated", expected));
            }
        }
        Ok(())
    }

    fn unfit(&self, expected: &str) -> IllFormed {
        let field = format!("{}[{}].kind", self.field, self.at);
        match self.all.get(self.at) {
            Some(key) => IllFormed::unfit(field, &key.kind, expected),
            None => IllFormed::missing(field, expected),
        }
    }
}
