//! `ledgerctl dnc check`: what the list says of one subject.

use clap::Args;
use ledger_proto::v1;
use serde_json::{Value, json};

use super::lifts::lifts;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Style;
use crate::text::{Table, counted, put};
use crate::values::identifiers::SubjectArgs;
use crate::values::when;
use crate::values::words::{channel, reason};

pub(super) const EXAMPLES: &str = "\
Examples:
  ledgerctl dnc check --email ada@example.com --phone '+44 20 7946 0000'
  ledgerctl dnc check --domain example.org
  ledgerctl dnc check --email ada@example.com --json | jq -e '.matches | length == 0'

Every key of the subject is looked up: of an address also the mailbox without tags and its domains. What is shown
is the list as it stands; whether a listing binds an action depends on its seller and channels too, and whether an
exemption lifts it, on the request's naming no other identifier of the person than the exemption does.";

/// Options of `dnc check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    subject: SubjectArgs,
}

pub(super) async fn run(context: &Context, args: &CheckArgs) -> Result<(), Failure> {
    let request = v1::CheckDncRequest {
        subject: Some(args.subject.to_wire()?),
        subjects: Vec::new(),
    };
    let session = context.connect_unproven().await?;
    let reply = session.control().check_dnc(request).await?.into_inner();
    let described = |found: &v1::DncMatch| {
        let mut object = object(found);
        if found.exemption {
            object["lifts"] = lifted(found, &reply.matches).into();
        }
        object
    };
    let matches: Vec<Value> = reply.matches.iter().map(described).collect();
    context.output.show(
        &text(&reply, context.output.style()),
        &json!({ "matches": matches, "keys": reply.keys }),
    )
}

fn text(reply: &v1::CheckDncReply, style: Style) -> String {
    let keys = counted(u64::from(reply.keys), "key", "keys");
    if reply.matches.is_empty() {
        return format!("{}: {keys} looked up.\n", style.good("Not listed"));
    }
    let listed = reply.matches.iter().any(|found| !found.exemption);
    let heading = if listed {
        style.bad("Listed")
    } else {
        style.good("Exempted, and not listed")
    };
    let mut table = Table::new(&[
        "listing", "key", "what", "seller", "channels", "from", "until",
    ]);
    for found in &reply.matches {
        let channels: Vec<String> = found.channels().map(channel::word).collect();
        let what = if found.exemption {
            "exemption".to_owned()
        } else {
            reason::word(found.reason())
        };
        table.row([
            cite(found),
            found.key.clone(),
            what,
            or(&found.seller, "any"),
            or(&channels.join(", "), "any"),
            time(found.effective_from.as_ref()),
            time(found.expires_at.as_ref()),
        ]);
    }
    let mut text = format!("{heading}: {keys} looked up.\n{}", table.render("  "));
    for exemption in reply.matches.iter().filter(|found| found.exemption) {
        let names = lifted(exemption, &reply.matches);
        let what = if names.is_empty() {
            "nothing of this".to_owned()
        } else {
            names.join(", ")
        };
        put!(
            text,
            "  Exemption {} lifts {what}, for {}.\n",
            cite(exemption),
            or(&exemption.seller, "nobody")
        );
    }
    text
}

/// The listings that an exemption lifts, by name.
fn lifted(exemption: &v1::DncMatch, matches: &[v1::DncMatch]) -> Vec<String> {
    matches
        .iter()
        .filter(|found| lifts(exemption, found))
        .map(cite)
        .collect()
}

fn object(found: &v1::DncMatch) -> Value {
    let channels: Vec<String> = found.channels().map(channel::word).collect();
    let time = |time: Option<&prost_types::Timestamp>| {
        time.and_then(when::from_wire).map(|time| time.to_string())
    };
    json!({
        "listing": cite(found),
        "key": found.key,
        "exemption": found.exemption,
        "reason": (!found.exemption).then(|| reason::word(found.reason())),
        "seller": Some(&found.seller).filter(|seller| !seller.is_empty()),
        "channels": channels,
        "effective_from": time(found.effective_from.as_ref()),
        "expires_at": time(found.expires_at.as_ref()),
    })
}

pub(super) fn cite(found: &v1::DncMatch) -> String {
    found
        .listing
        .as_ref()
        .map(|cite| format!("{}/{}", cite.seq, cite.index.unwrap_or_default()))
        .unwrap_or_default()
}

fn time(time: Option<&prost_types::Timestamp>) -> String {
    time.and_then(when::from_wire)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

fn or(text: &str, otherwise: &str) -> String {
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(exemption: bool) -> v1::DncMatch {
        v1::DncMatch {
            subject: 0,
            import: None,
            import_source: String::new(),
            key: "domain".to_owned(),
            listing: Some(v1::Cite {
                seq: 17,
                index: Some(0),
            }),
            seller: String::new(),
            channels: vec![v1::Channel::Email.into()],
            reason: if exemption {
                0
            } else {
                v1::ListingReason::LegalHold.into()
            },
            exemption,
            effective_from: None,
            expires_at: Some(when::to_wire(
                "2026-12-22T00:00:00.000000Z".parse().unwrap(),
            )),
        }
    }

    #[test]
    fn listings_are_shown_by_the_name_that_ends_them() {
        let reply = v1::CheckDncReply {
            matches: vec![found(false)],
            keys: 4,
        };
        assert_eq!(
            text(&reply, Style::PLAIN),
            "Listed: 4 keys looked up.\n  \
             listing  key     what        seller  channels  from  until\n  \
             17/0     domain  legal_hold  any     email     -     2026-12-22T00:00:00.000000Z\n"
        );
        assert_eq!(object(&reply.matches[0])["listing"], "17/0");
        assert_eq!(object(&reply.matches[0])["seller"], Value::Null);
    }

    #[test]
    fn an_exemption_is_no_listing() {
        let reply = v1::CheckDncReply {
            matches: vec![found(true)],
            keys: 1,
        };
        assert!(
            text(&reply, Style::PLAIN).starts_with("Exempted, and not listed: 1 key looked up.\n")
        );
        assert_eq!(object(&reply.matches[0])["reason"], Value::Null);
        let none = v1::CheckDncReply {
            matches: vec![],
            keys: 4,
        };
        assert_eq!(text(&none, Style::PLAIN), "Not listed: 4 keys looked up.\n");
    }
}
