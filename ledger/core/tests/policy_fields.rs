//! Which fields are the agents' own and which are sensitive: what may be written, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_core::policy::Policy;

fn fields(lines: &str) -> Result<ledger_core::policy::FieldRules, String> {
    let text = format!("version = 1\n[fields]\n{lines}\n");
    let policy = Policy::parse(&[("policy.toml", text)]).map_err(|errors| errors.to_string())?;
    Ok(policy.fields)
}

#[test]
fn agents_own_what_the_policy_says_and_agent_fields_by_default() {
    let default = fields("").unwrap();
    assert!(default.agent_owned.contains("agent_reason") && !default.agent_owned.contains("agent"));
    let own = fields("agent_owned = [\"bot_*\", \"ai_note\"]").unwrap();
    assert!(own.agent_owned.contains("bot_x") && own.agent_owned.contains("ai_note"));
    assert!(
        !own.agent_owned.contains("agent_reason"),
        "the default is replaced"
    );
    assert!(fields("agent_owned = []").unwrap().agent_owned.is_empty());
    for (lines, part) in [
        (
            "agent_owned = [\"*\"]",
            "fields.agent_owned `*` would make every field of every object",
        ),
        ("agent_owned = \"*\"", "fields.agent_owned `*` is a string"),
        (
            "agent_owned = [\"a b\"]",
            "fields.agent_owned[0] `a b` is not valid",
        ),
        ("owned = [\"a\"]", "fields: key `owned` is not enforced"),
    ] {
        let found = fields(lines).unwrap_err();
        assert!(
            found.starts_with(&format!("policy.toml:3: {part}")),
            "{found}"
        );
    }
}

#[test]
fn sensitive_fields_are_added_to_those_that_always_are() {
    let rules =
        fields("sensitive = [\"deal.amount\", \"*.owner_id\", \"custom.object.field\"]").unwrap();
    for (object, field, expected) in [
        ("deal", "amount", true),
        ("contact", "amount", false),
        ("contact", "owner_id", true),
        ("anything", "owner_id", true),
        ("deal", "dealstage", true),
        ("contact", "lifecyclestage", true),
        ("contact", "dealstage", false),
        // A type may have dots in it, and so may a field: both readings hold.
        ("custom", "object.field", true),
        ("custom.object", "field", true),
        ("custom", "field", false),
    ] {
        assert_eq!(
            rules.is_sensitive(object, field),
            expected,
            "{object}.{field}"
        );
    }
    for item in [
        "amount",
        ".amount",
        "deal.",
        "Deal.amount",
        "deal.*",
        "*.*",
        "*",
        "",
        "a b.c",
        "deal.a b",
    ] {
        let found = fields(&format!("sensitive = [\"x.y\", \"{item}\"]")).unwrap_err();
        let expected = "is not valid: expected the type of an object, or `*` for any";
        assert!(
            found.contains("fields.sensitive[1]") && found.contains(expected),
            "{found}"
        );
    }
}

#[test]
fn a_sensitive_field_is_of_a_type_as_the_ledger_calls_it() {
    let found = fields("sensitive = [\"deal.amount\", \"deals.amount\"]").unwrap_err();
    let expected = "fields.sensitive[1] `deals.amount` is another word for a type that the ledger knows by one: \
                    it would match no request; write `deal.amount`";
    assert!(found.contains(expected), "{found}");
}

/// A CRM that does not mind the case of its fields is no way round.
#[test]
fn a_sensitive_field_is_one_however_it_is_written() {
    let rules = Policy::none().fields;
    for field in ["stage", "Stage", "STAGE"] {
        assert!(rules.is_sensitive("deal", field), "{field}");
    }
    assert!(!rules.is_sensitive("deal", "stages"));
}
