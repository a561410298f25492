//! One person whom an action would reach: `role=to,email=…,phone=…,contact=…,account=…,utc=+05:30,dnc=true`.

use ledger_core::utc_offset::UtcOffset;
use ledger_proto::v1;

use super::fields::{fields, unknown};
use super::words::recipient_role;

const FIELDS: &str = "`role`, `email`, `phone`, `contact`, `account`, `utc` or `dnc`";

/// Reads a recipient. Without a role it is addressed (`to`).
pub(crate) fn recipient(text: &str) -> Result<v1::Recipient, String> {
    let mut recipient = addressed(v1::Identifiers::default());
    let mut known = v1::Identifiers::default();
    for (name, value) in fields(text)? {
        match name.as_str() {
            "role" => recipient.set_role(recipient_role::read(&value)?),
            "email" => known.email = value,
            "phone" => known.phone = value,
            "contact" => known.contact_id = value,
            "account" => known.account_id = value,
            "utc" => {
                let offset: UtcOffset = value.parse().map_err(|error| format!("{error}"))?;
                recipient.utc_offset = offset.to_string();
            }
            "dnc" => {
                recipient.dnc = match value.as_str() {
                    "true" => true,
                    "false" => false,
                    _ => return Err(format!("dnc `{value}`: expected `true` or `false`")),
                }
            }
            _ => return Err(unknown(&name, FIELDS)),
        }
    }
    recipient.identifiers = Some(known);
    Ok(recipient)
}

/// Somebody addressed, of whom the e-mail address alone is known.
pub(crate) fn to(email: &str) -> v1::Recipient {
    addressed(v1::Identifiers {
        email: email.to_owned(),
        ..v1::Identifiers::default()
    })
}

fn addressed(identifiers: v1::Identifiers) -> v1::Recipient {
    v1::Recipient {
        role: v1::RecipientRole::To.into(),
        identifiers: Some(identifiers),
        dnc: false,
        utc_offset: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_known_of_a_person_goes_along() {
        let read = recipient("role=callee,email=ada@example.com,phone=+44 20 7946 0000,contact=003,account=001,dnc=true").unwrap();
        assert_eq!(read.role(), v1::RecipientRole::Callee);
        assert!(read.dnc);
        let known = read.identifiers.unwrap();
        assert_eq!(known.email, "ada@example.com");
        assert_eq!(known.phone, "+44 20 7946 0000");
        assert_eq!(known.contact_id, "003");
        assert_eq!(known.account_id, "001");
    }

    #[test]
    fn a_person_is_addressed_unless_said_otherwise() {
        assert_eq!(
            recipient("email=ada@example.com"),
            Ok(to("ada@example.com"))
        );
        assert_eq!(to("ada@example.com").role(), v1::RecipientRole::To);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in [
            "role=sender,email=a@b.example",
            "mail=a@b.example",
            "email=a@b.example,dnc=yes",
            "a@b.example",
            "",
        ] {
            assert!(recipient(text).is_err(), "{text}");
        }
    }
}
