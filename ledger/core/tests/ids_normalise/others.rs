//! Phones, ids of other systems, mailboxes and listings.
#![allow(
    clippy::wildcard_imports,
    reason = "a part of the module above, in a file of its own"
)]

use super::*;

#[test]
fn phones_are_e164_or_nothing() {
    for raw in [
        "+4915112345678",
        " +49 151 12345678 ",
        "+49-151-1234-5678",
        "+49.151.12345678",
        "+49 (151) 12345678",
        "(+49) 151 12345678",
        "+49\u{a0}151\u{2009}12345678",
        "+49\u{2011}151\u{2013}12345678",
        "+49 151\u{2212}12345678",
    ] {
        assert_eq!(phone(raw).unwrap().identifier, "+4915112345678", "{raw}");
    }
    let refused = [
        ("empty", "", Rule::Empty),
        ("national", "0151 12345678", Rule::PhonePlus),
        ("double-zero", "0049 151 12345678", Rule::PhonePlus),
        ("digits-alone", "4915112345678", Rule::PhonePlus),
        ("full-width-plus", "＋4915112345678", Rule::PhonePlus),
        ("tel-uri", "tel:+4915112345678", Rule::PhonePlus),
        ("two-pluses", "++4915112345678", Rule::PhoneCharacter),
        ("inner-plus", "+49+15112345678", Rule::PhoneCharacter),
        ("extension", "+49 151 1234567 x12", Rule::PhoneCharacter),
        ("slash", "+49 151/12345678", Rule::PhoneCharacter),
        ("letters", "+1 800 FLOWERS", Rule::PhoneCharacter),
        ("arabic-digits", "+٤٩١٥١١٢٣٤٥٦٧٨", Rule::PhoneCharacter),
        (
            "full-width-digits",
            "+４９15112345678",
            Rule::PhoneCharacter,
        ),
        ("inner-tab", "+49\t15112345678", Rule::PhoneCharacter),
        (
            "inner-newline",
            "+4915112345678\n+4915112345679",
            Rule::PhoneCharacter,
        ),
        (
            "zero-width-space",
            "+49\u{200b}15112345678",
            Rule::PhoneCharacter,
        ),
        ("seven-digits", "+4915112", Rule::PhoneLength),
        ("sixteen-digits", "+4915112345678901", Rule::PhoneLength),
        ("plus-alone", "+", Rule::PhoneLength),
        ("leading-zero", "+04915112345678", Rule::PhoneZero),
        (
            "trunk-prefix",
            "+44 (0)20 7946 0958",
            Rule::PhoneTrunkPrefix,
        ),
        (
            "trunk-prefix-after-space",
            "+44 ( 0)20 7946 0958",
            Rule::PhoneTrunkPrefix,
        ),
        (
            "trunk-prefix-before-space",
            "+44(0\u{a0})20 7946 0958",
            Rule::PhoneTrunkPrefix,
        ),
        (
            "trunk-prefix-dotted",
            "+39 (.0-) 6 698 1234",
            Rule::PhoneTrunkPrefix,
        ),
        ("trunk-zero", "+4402079460000", Rule::PhoneTrunkPrefix),
        (
            "trunk-zero-grouped",
            "+49 (0151) 1234567",
            Rule::PhoneTrunkPrefix,
        ),
        (
            "trunk-zero-zone-1",
            "+1 0212 555 0100",
            Rule::PhoneTrunkPrefix,
        ),
        (
            "trunk-zero-zone-7",
            "+7 0495 123 4567",
            Rule::PhoneTrunkPrefix,
        ),
        (
            "trunk-zero-3-digits",
            "+353 01 234 5678",
            Rule::PhoneTrunkPrefix,
        ),
    ];
    for (name, raw, rule) in refused {
        assert_eq!(
            phone(raw),
            Err(NormaliseError {
                kind: Kind::Phone,
                rule
            }),
            "{name}"
        );
    }
    // The national number begins with this zero; or the zero is part of the country code.
    for raw in [
        "+390669812345",
        "+3780549882345",
        "+2250701234567",
        "+24106031234",
        "+242061234567",
        "+201001234567",
        "+302101234567",
        "+442079460000",
        "+905321234567",
        "+8801712345678",
    ] {
        assert_eq!(phone(raw).unwrap().identifier, raw);
    }
    assert!(phone("+49151123").is_ok(), "8 digits");
    assert!(phone("+491511234567890").is_ok(), "15 digits");
}

#[test]
fn ids_of_other_systems_stay_as_they_are() {
    for id in ["0031", "x", "Ä/ä \"'<>", "e\u{301}", &"x".repeat(256)] {
        assert_eq!(
            opaque(Kind::Contact, &format!(" {id}\t"))
                .unwrap()
                .identifier,
            id
        );
    }
    for id in [
        "kim@northwind.example",
        "kim＠northwind.example",
        "c-1﹫crm",
    ] {
        for kind in [Kind::Contact, Kind::Account] {
            let error = opaque(kind.clone(), id).unwrap_err();
            assert_eq!((error.kind, error.rule), (kind, Rule::IdAddress), "{id}");
        }
        assert!(opaque(Kind::ProviderId, id).is_ok(), "a message id: {id}");
    }
    assert_ne!(
        opaque(Kind::Contact, "a").unwrap(),
        opaque(Kind::Contact, "A").unwrap()
    );
    assert_ne!(
        opaque(Kind::Contact, "a").unwrap(),
        opaque(Kind::Account, "a").unwrap()
    );
    for (name, id, rule) in [
        ("empty", "", Rule::Empty),
        ("white-space", " \n", Rule::Empty),
        ("newline", "a\nb", Rule::Control),
        ("nul", "a\0", Rule::Control),
        ("c1-control", "a\u{90}b", Rule::Control),
        ("too-long", &"x".repeat(257), Rule::TooLong { max: 256 }),
        (
            "too-long-in-bytes",
            &"é".repeat(129),
            Rule::TooLong { max: 256 },
        ),
        ("enormous", &" ".repeat(1025), Rule::TooLong { max: 1024 }),
    ] {
        assert_eq!(
            opaque(Kind::Account, id),
            Err(NormaliseError {
                kind: Kind::Account,
                rule
            }),
            "{name}"
        );
    }
}

#[test]
fn one_mailbox_has_one_name() {
    for raw in [
        "Sales+a@Northwind.example",
        "sales@northwind.example.",
        "ｓales@northwind.example",
    ] {
        assert_eq!(
            mailbox(raw).unwrap().identifier,
            "sales@northwind.example",
            "{raw}"
        );
    }
    assert_eq!(
        mailbox("s.a.les+1@googlemail.com").unwrap().identifier,
        "sales@gmail.com"
    );
    assert_eq!(
        text(&[mailbox(" Outreach-1 ").unwrap()]),
        ["mailbox=Outreach-1"]
    );
    assert_eq!(
        mailbox("sales＠").unwrap_err(),
        NormaliseError {
            kind: Kind::Mailbox,
            rule: Rule::HostEmpty
        }
    );
}

#[test]
fn listings_get_the_keys_that_requests_are_matched_by() {
    let keys = |subject| text(&list_keys(subject).unwrap());
    assert_eq!(
        keys(Subject::Email("K.im+x@googlemail.com")),
        [
            "email=k.im+x@googlemail.com",
            "email.canonical=kim@gmail.com"
        ]
    );
    assert_eq!(
        keys(Subject::Domain("Bücher.example.")),
        ["domain=xn--bcher-kva.example"]
    );
    assert_eq!(
        keys(Subject::Domain("@northwind.example")),
        ["domain=northwind.example"]
    );
    assert_eq!(
        keys(Subject::Domain(".northwind.example")),
        ["domain=northwind.example"]
    );
    assert_eq!(
        keys(Subject::Domain("eu.northwind.example")),
        ["domain=eu.northwind.example"]
    );
    assert_eq!(keys(Subject::Domain("github.io")), ["domain=github.io"]);
    assert_eq!(
        keys(Subject::Phone("+49 151 12345678")),
        ["phone=+4915112345678"]
    );
    assert_eq!(keys(Subject::Contact(" c ")), ["contact=c"]);
    assert_eq!(keys(Subject::Account("a")), ["account=a"]);
    for (name, raw, rule) in [
        ("top-level", "com", Rule::PublicSuffix),
        ("top-level-dotted", ".com.", Rule::PublicSuffix),
        ("second-level-suffix", "co.uk", Rule::PublicSuffix),
        ("reserved-top-level", "test", Rule::PublicSuffix),
        ("wildcard", "*.northwind.example", Rule::HostLabel),
        ("address", "kim@northwind.example", Rule::HostLabel),
        ("url", "https://northwind.example", Rule::HostLabel),
        ("ip", "192.0.2.1", Rule::IpLiteral),
        ("empty", " ", Rule::Empty),
        ("at-alone", "@", Rule::HostEmpty),
        ("two-dots", "..northwind.example", Rule::HostLabel),
    ] {
        assert_eq!(
            list_keys(Subject::Domain(raw)),
            Err(NormaliseError {
                kind: Kind::Domain,
                rule
            }),
            "{name}"
        );
    }
    // A listed tag blocks the mailbox, and a listed mailbox blocks every tag.
    let listed = list_keys(Subject::Email("kim+list@northwind.example")).unwrap();
    let asked = email_keys("kim+other@northwind.example").unwrap();
    assert!(listed.iter().any(|key| asked.contains(key)));
}

#[test]
fn ids_have_no_characters_that_cannot_be_seen() {
    let read = |kind: Kind, c: char| opaque(kind, &format!("C-{c}77"));
    // Zero width, controls of direction, a joiner, a selector, a tag, a filler, a separator of lines.
    let unseen = "\u{ad}\u{200b}\u{200d}\u{200e}\u{202e}\u{2066}\u{2028}\u{2060}\u{feff}\u{fe0f}\u{e0041}\u{3164}\u{fff9}";
    for c in unseen.chars() {
        for kind in [
            Kind::Contact,
            Kind::Account,
            Kind::Mailbox,
            Kind::target("deal").unwrap(),
        ] {
            let error = read(kind.clone(), c).unwrap_err();
            assert_eq!((error.kind, error.rule), (kind, Rule::Invisible), "{c:?}");
        }
        assert!(read(Kind::ProviderId, c).is_ok(), "a message id: {c:?}");
    }
    // Whatever Unicode's own tables drop from a name is among them; nothing with a mark is.
    let mapper = icu_normalizer::uts46::Uts46MapperBorrowed::new();
    for c in ('\u{20}'..=char::MAX).filter(|c| !c.is_control() && *c != '@') {
        if mapper.map_normalize([c].into_iter()).next().is_none() {
            assert!(read(Kind::Contact, c).is_err(), "{c:?}");
        } else if c.is_alphanumeric() && !('\u{115f}'..='\u{ffa0}').contains(&c) {
            assert!(read(Kind::Contact, c).is_ok(), "{c:?}");
        }
    }
    // What only looks alike is another id.
    let id = |text: &str| opaque(Kind::Contact, text).unwrap().identifier;
    assert_ne!(id("C\u{2010}77"), id("C-77"));
}
