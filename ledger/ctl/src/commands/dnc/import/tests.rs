use super::*;
use clap::Parser;
use ledger_core::name;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: ImportArgs,
}

fn terms(line: &str) -> Result<Terms, Failure> {
    let words = ["import", "--file", "f"];
    let line = Line::parse_from(words.into_iter().chain(line.split_whitespace()));
    Terms::of(&line.args)
}

fn base(file: &[u8], line: &str) -> String {
    let reason = v1::ListingReason::NationalRegistry;
    let line = format!("--source ftc --reason national_registry {line}");
    terms(&line).unwrap().base(Hash::of(file), reason)
}

#[test]
fn ids_depend_on_the_file_and_on_every_term() {
    let file = b"+442079460000\n";
    let first = base(file, "--kind phone");
    assert_eq!(first, base(file, "--kind phone"));
    assert_eq!(
        base(file, "--kind phone --channel sms,call"),
        base(
            file,
            "--kind phone --channel call --channel sms --channel call"
        )
    );
    let hash = "0".repeat(64);
    let others = [
        base(b"+442079460001\n", "--kind phone"),
        base(file, ""),
        base(file, "--format csv"),
        base(file, "--kind phone --seller acme"),
        base(file, "--kind phone --channel call"),
        base(file, "--kind phone --requested-at 2026-11-22T09:00:00Z"),
        base(file, "--kind phone --expires-at 2026-11-22T09:00:00Z"),
        base(file, &format!("--kind phone --evidence-sha256 {hash}")),
        base(file, "--kind phone --request-id r"),
        terms("--source ftc --reason manual --kind phone")
            .unwrap()
            .base(Hash::of(file), v1::ListingReason::Manual),
    ];
    for (at, other) in others.iter().enumerate() {
        assert_ne!(&first, other);
        assert!(!others[..at].contains(other), "{other}");
        for part in ["4000000", "begin", "end", "d0123456789abcdef"] {
            let id = format!("{other}-{part}");
            name::check("request_id", &id, name::REQUEST_ID_MAX).unwrap();
        }
    }
}

#[test]
fn what_the_format_says_is_not_asked_for_and_what_it_leaves_open_is() {
    let hubspot = terms("--format hubspot").unwrap();
    assert_eq!(hubspot.source, "hubspot");
    let listing = |line: &str| {
        let row = suppression::Row {
            line: 1,
            change: suppression::Change::List,
            subject: suppression::Subject::Domain("example.com".to_owned()),
            reason: None,
            requested_at: None,
        };
        terms(line).unwrap().listing(row, v1::ListingReason::Manual)
    };
    let channels = |line: &str| listing(line).channels().collect::<Vec<_>>();
    assert_eq!(channels("--format ses"), [v1::Channel::Email]);
    assert_eq!(
        channels("--format ftc-full"),
        [v1::Channel::Call, v1::Channel::Sms]
    );
    assert_eq!(
        channels("--format ftc-full --channel call"),
        [v1::Channel::Call]
    );
    assert_eq!(channels("--format csv --source legal"), []);
    assert!(
        listing("--format ses --requested-at 2026-11-22T09:00:00Z")
            .requested_at
            .is_some()
    );
    for (line, why) in [
        ("--format csv", "--source"),
        ("--source legal", "--reason"),
        ("--format ses --reason manual", "--reason"),
        ("--format ses --seller Acme", "seller"),
        ("--format ses --source ada@example.com", "source"),
    ] {
        let failure = terms(line).unwrap_err().to_string();
        assert!(failure.contains(why), "{line}: {failure}");
    }
    for line in ["--requested-at now", "--expires-at 30d"] {
        let words = ["import", "--file", "f"].into_iter().chain(line.split(' '));
        assert!(Line::try_parse_from(words).is_err(), "{line}");
    }
}

#[test]
fn kinds_are_the_feeds_own() {
    let words = Kind::ALL.map(Kind::word);
    assert_eq!(words.as_slice(), KINDS);
}
