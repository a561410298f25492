//! What is refused when conditions are published, and how that is said.

use std::fmt::Write as _;

use ledger_core::policy::{CONDITIONS_MAX, Policy, PolicyError};

use super::scene::POLICY;

fn parse(files: &[(&str, &str)]) -> Result<Policy, Vec<PolicyError>> {
    let mut all = vec![("policy.toml", POLICY)];
    all.extend(files);
    Policy::parse(&all).map_err(|errors| errors.errors)
}

/// The one error of these conditions, in words.
fn refused(text: &str) -> String {
    match parse(&[("a.cedar", text)]).expect_err(text).as_slice() {
        [error] => error.to_string(),
        several => panic!("{several:#?}"),
    }
}

#[test]
fn several_files_make_one_list_by_id() {
    let policy = parse(&[
        ("b.cedar", "@id(\"two\") permit (principal, action, resource);"),
        (
            "a.cedar",
            "@id(\"three\")\nforbid (principal, action, resource);\n// and\n@id(\"one\") permit (principal, action, resource);",
        ),
    ])
    .unwrap();
    let all: Vec<_> = policy
        .conditions()
        .unwrap()
        .all()
        .iter()
        .map(|condition| {
            (
                condition.id.as_str(),
                condition.forbids,
                condition.path.as_str(),
            )
        })
        .collect();
    assert_eq!(
        all,
        [
            ("one", false, "a.cedar"),
            ("three", true, "a.cedar"),
            ("two", false, "b.cedar")
        ]
    );
    assert_eq!(parse(&[]).unwrap().conditions(), None);
}

#[test]
fn what_is_not_cedar_is_refused_by_line() {
    let said =
        refused("@id(\"a\") permit (principal, action, resource);\n\npermit (principal action);");
    assert!(said.starts_with("a.cedar:3: is not Cedar: "), "{said}");
}

#[test]
fn what_the_schema_does_not_know_is_refused_by_line() {
    for (when, expected) in [
        // A typing error in an attribute: at run time it would be an error at every decision.
        ("context.recipient > 1", "recipient"),
        ("context.tier == \"2\"", "type"),
        ("context.cost_micros > 1", "cost_micros"),
        ("context.class == Class::\"contcat\"", "contcat"),
        ("context.weekday == \"sunday\"", "type"),
        ("context.mailbox == \"m\"", "mailbox"),
        ("principal.version == \"1\"", "version"),
    ] {
        let text =
            format!("// a\n@id(\"a\") permit (principal, action, resource)\nwhen {{ {when} }};");
        let errors = parse(&[("a.cedar", &text)]).expect_err(when);
        let said = errors[0].to_string();
        assert!(said.starts_with("a.cedar:3: is not "), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let unknown = "@id(\"a\") permit (principal, action == Action::\"crm.updaet\", resource);";
    let said = parse(&[("a.cedar", unknown)]).unwrap_err()[0].to_string();
    assert!(
        said.contains("crm.updaet") && said.contains("crm.update"),
        "{said}"
    );
    // One that can never apply does not say what its author thinks.
    let said = refused("@id(\"a\") forbid (principal, action, resource) when { false };");
    assert!(said.contains("is not valid: "), "{said}");
}

#[test]
fn each_needs_a_clear_id_of_its_own() {
    let one = "@id(\"one\") permit (principal, action, resource);";
    let cases = [
        (
            "permit (principal, action, resource);",
            "a.cedar: policy[1] has no id: expected `@id(\"…\")` before it; name it: reasons cite it by its id",
        ),
        (
            "@id permit (principal, action, resource);",
            "a.cedar: policy[1] has an id that is not clear: ",
        ),
        (
            "@id(\"two words\") permit (principal, action, resource);",
            "a.cedar: policy[1] has an id that is not clear: ",
        ),
        (
            "@id(\"one\") forbid (principal, action, resource);",
            "a.cedar: policy[1] `one` has an id that another in a.cedar has; give each its own",
        ),
        (
            "@id(\"t\") permit (principal == ?principal, action, resource);",
            "a.cedar: policy[1] is a template: ",
        ),
    ];
    for (text, expected) in cases {
        let said = refused(&format!("{one}\n{text}"));
        assert!(said.starts_with(expected), "{said}");
    }
    // Across files too.
    let errors = parse(&[("a.cedar", one), ("b.cedar", one)]).unwrap_err();
    let said = errors[0].to_string();
    assert!(
        said.contains("b.cedar: policy[0] `one`") && said.contains("another in a.cedar"),
        "{said}"
    );
}

#[test]
fn no_address_and_no_number_of_anybody_gets_in() {
    let one = "@id(\"one\") permit (principal, action, resource);";
    let said = refused(&format!("// ask anna@example.com\n{one}"));
    assert!(
        said.starts_with("a.cedar:1: holds an e-mail address"),
        "{said}"
    );
    let said = refused(&format!("{one}\n// or +49 151 23456789"));
    assert!(
        said.starts_with("a.cedar:2: holds a phone number"),
        "{said}"
    );
    let errors = parse(&[("anna@example.com.cedar", one)]).unwrap_err();
    assert_eq!(errors[0].path, "a file of the policy");
    // Sums of money are no numbers of anybody.
    let fine = "@id(\"one\") permit (principal, action, resource) when { context has cost_micros && context.cost_micros < 5000000000 };";
    assert!(parse(&[("a.cedar", fine)]).is_ok());
}

#[test]
fn names_numbers_and_sizes_are_bounded() {
    let one = "@id(\"one\") permit (principal, action, resource);";
    for path in ["rules/a.cedar", ".cedar", "a b.cedar", "../a.cedar"] {
        let errors = parse(&[(path, one)]).expect_err(path);
        assert!(
            errors[0]
                .to_string()
                .contains("has a name that is not clear"),
            "{errors:?}"
        );
    }
    let errors = parse(&[("a.cedar", one), ("a.cedar", one)]).unwrap_err();
    assert!(
        errors[0].to_string().contains("was given twice"),
        "{errors:?}"
    );
    let errors = parse(&[("a.txt", one)]).unwrap_err();
    assert!(
        errors[0]
            .to_string()
            .contains("expected `policy.toml` and files that end in `.cedar`"),
        "{errors:?}"
    );

    let named = |count: usize| -> Vec<(String, String)> {
        (0..count)
            .map(|n| {
                (
                    format!("f{n}.cedar"),
                    format!("@id(\"i{n}\") permit (principal, action, resource);"),
                )
            })
            .collect()
    };
    let borrowed = |files: &[(String, String)]| {
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        parse(&files)
    };
    assert!(borrowed(&named(16)).is_ok());
    let errors = borrowed(&named(17)).unwrap_err();
    assert!(
        errors[0]
            .to_string()
            .contains("17 files with conditions: expected at most 16"),
        "{errors:?}"
    );

    let many = |count: usize| {
        (0..count).fold(String::new(), |mut text, n| {
            writeln!(text, "@id(\"i{n}\") permit (principal, action, resource);").unwrap();
            text
        })
    };
    assert!(parse(&[("a.cedar", &many(CONDITIONS_MAX))]).is_ok());
    let said = refused(&many(CONDITIONS_MAX + 1));
    assert!(
        said.contains("65 conditions: expected at most 64"),
        "{said}"
    );
    let long = format!("// {}\n{one}", "x".repeat(256 * 1024));
    assert!(refused(&long).contains("expected at most 262144"));
}
