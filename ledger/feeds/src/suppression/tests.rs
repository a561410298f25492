use std::io::BufReader;

use super::*;

/// The rows of a file, and what was rejected. Read in small pieces, so that nothing rests on how much of a
/// file is at hand.
fn all(format: Format, bytes: &[u8]) -> Result<(Vec<Row>, Vec<Reject>), Unreadable> {
    let (mut rows, mut rejects) = (Vec::new(), Vec::new());
    let input = BufReader::with_capacity(7, bytes);
    read(format, input, &mut |row| {
        match row {
            Ok(row) => rows.push(row),
            Err(reject) => rejects.push(reject),
        }
        ControlFlow::Continue(())
    })?;
    Ok((rows, rejects))
}

fn good(format: Format, text: &str) -> Vec<Row> {
    let (rows, rejects) = all(format, text.as_bytes()).unwrap();
    assert_eq!(rejects, [], "{text}");
    rows
}

/// Line, address or number, reason and time of each row.
fn told(rows: &[Row]) -> Vec<(u64, &str, Option<ListingReason>, Option<String>)> {
    let told = rows.iter().map(|row| {
        let Subject::Person { email, phone, .. } = &row.subject else {
            panic!("{row:?}")
        };
        let name = if email.is_empty() { phone } else { email };
        let time = row.requested_at.map(|time| time.to_string());
        (row.line, name.as_str(), row.reason, time)
    });
    told.collect()
}

/// Line and field of each reject.
fn rejected(format: Format, bytes: &[u8]) -> Vec<(u64, &'static str)> {
    let (_, rejects) = all(format, bytes).unwrap();
    for reject in &rejects {
        for name in ["ada", "bob", "lovelace", "003A"] {
            assert!(!reject.to_string().contains(name), "{reject}");
        }
    }
    let places = rejects.iter().map(|reject| (reject.line, reject.field));
    places.collect()
}

fn header_error(format: Format, text: &str) -> String {
    match all(format, text.as_bytes()) {
        Err(error @ Unreadable::Header { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

const UNSUBSCRIBE: Option<ListingReason> = Some(ListingReason::Unsubscribe);
const BOUNCE: Option<ListingReason> = Some(ListingReason::HardBounce);
const COMPLAINT: Option<ListingReason> = Some(ListingReason::Complaint);

#[test]
fn hubspot_says_by_its_columns_what_happened() {
    let text = "\u{feff}Portal Bounce,Email,Portal Unsubscribe,Portal Spam Report,Global Bounce,Newsletter\r\n\
                FALSE,ada@example.com,TRUE,FALSE,FALSE,TRUE\r\n\
                \"550 no, such \"\"user\"\"\r\nhere\",bob@example.com,FALSE,FALSE,FALSE,FALSE\r\n\
                \r\n\
                ,carl@example.com,TRUE,true,TRUE,\r\n\
                ,dora@example.com,,,TRUE,\r\n\
                ,eve@example.com,,,,TRUE\r\n";
    assert_eq!(
        told(&good(Format::HubSpot, text)),
        [
            (2, "ada@example.com", UNSUBSCRIBE, None),
            (3, "bob@example.com", BOUNCE, None),
            (6, "carl@example.com", COMPLAINT, None),
            (7, "dora@example.com", BOUNCE, None),
            (8, "eve@example.com", UNSUBSCRIBE, None),
        ]
    );
    let words = "Email,Portal Unsubscribe,Portal Bounce,Newsletter\n\
                 ada@example.com,Yes,No,No\nbob@example.com,No,no,YES\ncarl@example.com,0,1,0\ndora@example.com,1,0,\n";
    assert_eq!(
        told(&good(Format::HubSpot, words)),
        [
            (2, "ada@example.com", UNSUBSCRIBE, None),
            (3, "bob@example.com", UNSUBSCRIBE, None),
            (4, "carl@example.com", BOUNCE, None),
            (5, "dora@example.com", UNSUBSCRIBE, None),
        ]
    );
    let bare = "Email\nada@example.com\n";
    assert_eq!(
        told(&good(Format::HubSpot, bare)),
        [(2, "ada@example.com", UNSUBSCRIBE, None)]
    );
    // Contacts are not people who opted out.
    let error = header_error(Format::HubSpot, "First name;Email\nAda;ada@example.com\n");
    assert!(
        error
            .starts_with("line 1: expected a column that says who opted out (`Portal Unsubscribe`"),
        "{error}"
    );
    let bad = "Email,Portal Unsubscribe\nada@example.com,FALSE\nada lovelace,TRUE\n,TRUE\nbob@example.com\nbob@example.com,TRUE,x\n";
    assert_eq!(
        rejected(Format::HubSpot, bad.as_bytes()),
        [
            (2, "row"),
            (3, "email"),
            (4, "email"),
            (5, "row"),
            (6, "row")
        ]
    );
    let error = header_error(Format::HubSpot, "ada@example.com\nbob@example.com\n");
    assert!(
        error.contains("line 1") && !error.contains("ada"),
        "{error}"
    );
    header_error(Format::HubSpot, "Email,email \nada@example.com,x\n");
}

#[test]
fn sendgrid_lists_have_an_address_and_a_time() {
    let bounces = "status,reason,email,created\n5.1.1,\"550, gone\",ada@example.com,1443651125\n\
                   4.0.0,,bob@example.com,2015-09-30 22:12:05\n";
    let time = Some("2015-09-30T22:12:05.000000Z".to_owned());
    assert_eq!(
        told(&good(Format::SendGridBounces, bounces)),
        [
            (2, "ada@example.com", BOUNCE, time.clone()),
            (3, "bob@example.com", BOUNCE, time.clone()),
        ]
    );
    let spam = "ip,email,created\n192.0.2.1,ada@example.com,1443651125\n";
    assert_eq!(
        told(&good(Format::SendGridSpam, spam)),
        [(2, "ada@example.com", COMPLAINT, time)]
    );
    let unsubscribes = "email\nada@example.com";
    assert_eq!(
        told(&good(Format::SendGridUnsubscribes, unsubscribes)),
        [(2, "ada@example.com", UNSUBSCRIBE, None)]
    );
    assert_eq!(
        told(&good(Format::SendGridInvalid, unsubscribes)),
        [(2, "ada@example.com", BOUNCE, None)]
    );
    let bad = b"email,created\nada,1443651125\nada@example.com,soon\nad\xe9@example.com,1443651125\nada@example.com\n";
    assert_eq!(
        rejected(Format::SendGridSpam, bad),
        [(2, "email"), (3, "created"), (4, "email"), (5, "row")]
    );
    header_error(Format::SendGridSpam, "address,created\n");
}

#[test]
fn ses_answers_in_json() {
    let text = r#"
{
  "SuppressedDestinationSummaries": [
    {
      "EmailAddress": "ada@example.com",
      "Reason": "BOUNCE",
      "LastUpdateTime": "2020-04-10T21:03:05.077000+00:00"
    },
    { "LastUpdateTime": 1586552585.077, "Reason": "COMPLAINT",
      "EmailAddress": "bob@example.com", "Extra": [{}] }
  ],
  "NextToken": "page-2"
}
{"NextToken": null, "SuppressedDestinationSummaries": [{"EmailAddress": "carl@example.com", "Reason": "BOUNCE"}]}
"#;
    let time = Some("2020-04-10T21:03:05.077000Z".to_owned());
    assert_eq!(
        told(&good(Format::Ses, text)),
        [
            (4, "ada@example.com", BOUNCE, time.clone()),
            (9, "bob@example.com", COMPLAINT, time),
            (14, "carl@example.com", BOUNCE, None),
        ]
    );
    let array = r#"[{"EmailAddress":"ada@example.com","Reason":"BOUNCE"}]"#;
    assert_eq!(good(Format::Ses, array).len(), 1);
    let bad = r#"{"SuppressedDestinationSummaries": [
{"EmailAddress": "ada lovelace", "Reason": "BOUNCE"},
{"EmailAddress": "ada@example.com", "Reason": "MANUAL"},
{"EmailAddress": "ada@example.com", "Reason": "BOUNCE", "LastUpdateTime": "soon"},
{"Reason": "BOUNCE"},
{"EmailAddress": "ada@example.com", "EmailAddress": "bob@example.com", "Reason": "BOUNCE"}
]}"#;
    assert_eq!(
        rejected(Format::Ses, bad.as_bytes()),
        [
            (2, "email"),
            (3, "reason"),
            (4, "last_update_time"),
            (5, "email"),
            (6, "row")
        ]
    );
    for (text, at) in [
        (r#"{"SuppressedDestinationSummaries": ["#, 1),
        ("{\n\"Suppressed\": []}", 2),
        (
            "{\"SuppressedDestinationSummaries\": [\n\"ada@example.com\"]}",
            2,
        ),
        ("[]\nada", 2),
    ] {
        match all(Format::Ses, text.as_bytes()) {
            Err(Unreadable::Json { line, why }) => {
                assert_eq!(line, at, "{text}: {why}");
                assert!(!why.contains("ada"), "{why}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let page = r#"{"SuppressedDestinationSummaries": [], "NextToken": "page-2"}"#;
    let partial = all(Format::Ses, page.as_bytes());
    assert!(matches!(partial, Err(Unreadable::Partial)), "{partial:?}");
}

#[test]
fn ses_lists_as_csv() {
    let headed = "Reason,LastUpdateTime,EmailAddress\nBOUNCE,2020-04-10T21:03:05Z,ada@example.com\ncomplaint,,bob@example.com\n";
    let time = Some("2020-04-10T21:03:05.000000Z".to_owned());
    assert_eq!(
        told(&good(Format::Ses, headed)),
        [
            (2, "ada@example.com", BOUNCE, time.clone()),
            (3, "bob@example.com", COMPLAINT, None),
        ]
    );
    let bare = "ada@example.com,BOUNCE,1586552585\nbob@example.com,COMPLAINT,1586552585\n";
    assert_eq!(
        told(&good(Format::Ses, bare)),
        [
            (1, "ada@example.com", BOUNCE, time.clone()),
            (2, "bob@example.com", COMPLAINT, time),
        ]
    );
    let bad = "EmailAddress,Reason\nada@example.com,\nada@example.com,BOUNCED\n,BOUNCE\n";
    assert_eq!(
        rejected(Format::Ses, bad.as_bytes()),
        [(2, "reason"), (3, "reason"), (4, "email")]
    );
    header_error(Format::Ses, "EmailAddress\nada@example.com\n");
}

#[test]
fn the_registry_has_numbers_without_their_country() {
    let numbers = "202,5550123\r\n2025550124\r\n\r\n\"415\",\"5550125\"\r\n";
    let registry = Some(ListingReason::NationalRegistry);
    assert_eq!(
        told(&good(Format::FtcFull, numbers)),
        [
            (1, "+12025550123", registry, None),
            (2, "+12025550124", registry, None),
            (4, "+14155550125", registry, None),
        ]
    );
    let bad = "202,555012\n+12025550123\n12025550123\n102,5550123\n202,1550123\n202,5550123,A\n202\nphone\n";
    let lines: Vec<u64> = (1..=8).collect();
    let found = rejected(Format::FtcFull, bad.as_bytes());
    assert_eq!(
        found.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
        lines
    );

    let changes = "202,5550123,2026-11-20 04:00:00,A\n2025550124,D,2026-11-21\n202,5550125,,a\n";
    let rows = good(Format::FtcChanges, changes);
    assert_eq!(
        told(&rows),
        [
            (
                1,
                "+12025550123",
                registry,
                Some("2026-11-20T04:00:00.000000Z".to_owned())
            ),
            (
                2,
                "+12025550124",
                registry,
                Some("2026-11-21T00:00:00.000000Z".to_owned())
            ),
            (3, "+12025550125", registry, None),
        ]
    );
    let what: Vec<Change> = rows.iter().map(|row| row.change).collect();
    assert_eq!(what, [Change::List, Change::Delete, Change::List]);
    let bad = "202,5550123\n202,5550123,2026-11-20,X\n202,5550123,A,D\n202,5550123,A,2026-11-20,2026-11-21\n";
    assert_eq!(
        rejected(Format::FtcChanges, bad.as_bytes()),
        [(1, "change"), (2, "time"), (3, "row"), (4, "row")]
    );
}

#[test]
fn csv_names_people_domains_and_companies() {
    let text = "Phone;E-mail;contact_id;Domain;account;reason;Requested At;Name\n\
                +44 20 7946 0000;ada@example.com;003A;;;;2026-11-22;Ada\n\
                ;;;example.org;;legal_hold;;\n\
                ;;;;001;Litigator;;\n\
                ;;;;;;;\n";
    let rows = good(Format::Csv, text);
    let person = Subject::Person {
        email: "ada@example.com".to_owned(),
        phone: "+44 20 7946 0000".to_owned(),
        contact: "003A".to_owned(),
    };
    let subjects: Vec<_> = rows
        .iter()
        .map(|row| (row.line, &row.subject, row.reason))
        .collect();
    assert_eq!(
        subjects,
        [
            (2, &person, None),
            (
                3,
                &Subject::Domain("example.org".to_owned()),
                Some(ListingReason::LegalHold)
            ),
            (
                4,
                &Subject::Account("001".to_owned()),
                Some(ListingReason::Litigator)
            ),
        ]
    );
    assert!(rows[0].requested_at.is_some());
    let bad = "email,phone,domain,reason,requested_at,contact\n\
               ada@example.com,,example.org,,,\n\
               ada@example.com,020 7946 0000,,,,\n\
               ,,com,,,\n\
               ada@example.com,,,because,,\n\
               ada@example.com,,,,22/11/2026,\n\
               ,,,legal_hold,,\n\
               ,,,,,ada@example.com\n";
    assert_eq!(
        rejected(Format::Csv, bad.as_bytes()),
        [
            (2, "row"),
            (3, "phone"),
            (4, "domain"),
            (5, "reason"),
            (6, "requested_at"),
            (7, "row"),
            (8, "contact"),
        ]
    );
    let error = header_error(Format::Csv, "name,mail\nx,y\n");
    assert!(error.contains("`email`, `phone`"), "{error}");
    assert!(good(Format::Csv, "").is_empty());
}

#[test]
fn every_plain_line_says_its_kind() {
    let text = "\u{feff}# asked\r\nemail:ada@example.com\r\n\n domain: example.org \naccount:001\ncontact:003:A";
    let rows = good(Format::Plain(None), text);
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.line, row.subject.clone()))
        .collect();
    assert_eq!(
        found,
        [
            (2, Subject::email("ada@example.com")),
            (4, Subject::Domain("example.org".to_owned())),
            (5, Subject::Account("001".to_owned())),
            (6, Subject::contact("003:A")),
        ]
    );
    let rows = good(
        Format::Plain(Some(Kind::Phone)),
        "+44 20 7946 0000\n+442079460001",
    );
    assert_eq!(told(&rows)[1].1, "+442079460001");
    let bad = b"email:ada@example.com\nada@example.com\nphone:123\n\nemail:ada lovelace@example.com\n\xff\nemail:\n";
    assert_eq!(
        rejected(Format::Plain(None), bad),
        [
            (2, "row"),
            (3, "phone"),
            (5, "email"),
            (6, "row"),
            (7, "email")
        ]
    );
}

#[test]
fn files_that_cannot_be_relied_on_are_refused_whole() {
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(
        "email\nada@example.com\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes),
    );
    for format in [
        Format::Csv,
        Format::Ses,
        Format::FtcFull,
        Format::Plain(None),
    ] {
        let found = all(format, &utf16);
        assert!(matches!(found, Err(Unreadable::Utf16)), "{found:?}");
    }
    let open = "email,reason\nada@example.com,\nbob@example.com,\"gone\nada@example.com,\n";
    match all(Format::SendGridBounces, open.as_bytes()) {
        Err(Unreadable::Quote { line: 3, .. }) => {}
        other => panic!("{other:?}"),
    }
    // A quote that does not begin a field is a character like others.
    let inch = "email,reason\nada@example.com,5\" disk\nbob@example.com,\n";
    assert_eq!(good(Format::SendGridBounces, inch).len(), 2);
    let long = format!(
        "email\nada@example.com\n{}\n",
        "x".repeat(record::RECORD_BYTES_MAX + 1)
    );
    match all(Format::SendGridBounces, long.as_bytes()) {
        Err(Unreadable::Long { line: 3, .. }) => {}
        other => panic!("{other:?}"),
    }
    let long = format!(
        "email,reason\nada@example.com,\"{}",
        "x\n".repeat(record::RECORD_BYTES_MAX)
    );
    match all(Format::SendGridBounces, long.as_bytes()) {
        Err(Unreadable::Quote { line: 2, .. }) => {}
        other => panic!("{other:?}"),
    }
    // Lines that end in a carriage return alone are one line; nothing of it may get lost.
    let mac = "email\nada@example.com\rbob@example.com\n";
    assert_eq!(
        rejected(Format::SendGridBounces, mac.as_bytes()),
        [(2, "row")]
    );
    let mac = "202,5550123\r202,5550124\n";
    assert_eq!(rejected(Format::FtcFull, mac.as_bytes()), [(1, "row")]);
    let mac = "email\rada@example.com\r";
    header_error(Format::SendGridBounces, mac);
}

#[test]
fn reading_ends_where_it_is_told_to() {
    let files = [
        (Format::FtcFull, "202,5550123\n202,5550124\n"),
        (Format::Csv, "email\nada@example.com\nbob@example.com\n"),
        (
            Format::Ses,
            r#"[{"EmailAddress":"ada@example.com","Reason":"BOUNCE"},{}]"#,
        ),
        (Format::Plain(Some(Kind::Phone)), "+442079460000\nx\n"),
    ];
    for (format, text) in files {
        let mut seen = 0;
        read(format, text.as_bytes(), &mut |row| {
            assert!(row.is_ok(), "{row:?}");
            seen += 1;
            ControlFlow::Break(())
        })
        .unwrap();
        assert_eq!(seen, 1, "{format:?}");
    }
}
