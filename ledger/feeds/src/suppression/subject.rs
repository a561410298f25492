//! Whom a row names.

use ledger_core::normalise::{self, NormaliseError};

/// One person, by anything known of them; or one domain; or one company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A person. What is empty is not known; at least one is not.
    Person {
        /// The address.
        email: String,
        /// The number, `+` and country code first.
        phone: String,
        /// The id in the CRM.
        contact: String,
    },
    /// Everybody with an address in it or below it.
    Domain(String),
    /// A company, by its id in the CRM.
    Account(String),
}

impl Subject {
    /// A person by address.
    pub(super) fn email(email: &str) -> Self {
        Self::Person {
            email: email.trim().to_owned(),
            phone: String::new(),
            contact: String::new(),
        }
    }

    /// A person by number.
    pub(super) fn phone(phone: &str) -> Self {
        Self::Person {
            email: String::new(),
            phone: phone.trim().to_owned(),
            contact: String::new(),
        }
    }

    /// A person by id.
    pub(super) fn contact(contact: &str) -> Self {
        Self::Person {
            email: String::new(),
            phone: String::new(),
            contact: contact.trim().to_owned(),
        }
    }

    /// Whether all of it can be normalised; else the field that cannot, and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        use normalise::Subject as Of;
        let check = |field: &'static str, of: Of<'_>| match normalise::list_keys(of) {
            Ok(_) => Ok(()),
            Err(error) => Err((field, why(&error))),
        };
        match self {
            Self::Person {
                email,
                phone,
                contact,
            } => {
                for (field, text, of) in [
                    ("email", email, Of::Email(email)),
                    ("phone", phone, Of::Phone(phone)),
                    ("contact", contact, Of::Contact(contact)),
                ] {
                    if !text.is_empty() {
                        check(field, of)?;
                    }
                }
                Ok(())
            }
            Self::Domain(domain) => check("domain", Of::Domain(domain)),
            Self::Account(account) => check("account", Of::Account(account)),
        }
    }
}

fn why(error: &NormaliseError) -> String {
    error.to_string()
}
