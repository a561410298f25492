//! Normalisation: one spelling for every way of writing an identifier, none for what has no safe
//! reading.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "ids_normalise/others.rs"]
mod others;

use ledger_core::normalise::{
    Identifiers, Identity, MatchKey, NormaliseError, RESERVED_DOMAINS, Rule, Subject, VERSION,
    domain, email_keys, is_reserved, list_keys, mailbox, opaque, phone,
};
use ledger_core::token::Kind;
use proptest::prelude::*;

fn text(keys: &[MatchKey]) -> Vec<String> {
    keys.iter()
        .map(|key| format!("{}={}", key.kind, key.identifier))
        .collect()
}

fn exact(raw: &str) -> String {
    email_keys(raw).unwrap_or_else(|error| panic!("{raw}: {error}"))[0]
        .identifier
        .clone()
}

fn canonical(raw: &str) -> String {
    email_keys(raw).unwrap_or_else(|error| panic!("{raw}: {error}"))[1]
        .identifier
        .clone()
}

fn email_rule(raw: &str) -> Rule {
    let error = email_keys(raw).expect_err(raw);
    assert_eq!(error.kind, Kind::Email);
    error.rule
}

#[test]
fn the_version_names_what_is_compiled_in() {
    let lock = include_str!("../../../Cargo.lock");
    let version_of = |name: &str| {
        let (_, rest) = lock
            .split_once(&format!("name = \"{name}\"\nversion = \""))
            .unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let (revision, list) = VERSION.split_once("+psl-").unwrap();
    assert_eq!(
        list,
        version_of("psl"),
        "the list has changed: name its version in normalise::VERSION"
    );
    // The Unicode tables are part of the rules. Where one of these changes, so may tokens: give the
    // rules a new number, and then write the new versions here.
    let rules = [
        ("idna", "1.1.0"),
        ("idna_adapter", "1.2.2"),
        ("icu_normalizer_data", "2.4.0"),
        ("icu_properties_data", "2.4.0"),
    ];
    assert_eq!(revision, "2");
    for (name, version) in rules {
        assert_eq!(
            version_of(name),
            version,
            "{name} is part of normaliser rules {revision}"
        );
    }
}

#[test]
fn keys_stand_in_the_documented_order() {
    let identity = Identity::of(Identifiers {
        email: Some(" Kim.Lee+Q4@Mail.EU.Northwind.co.uk. "),
        phone: Some("+49 (151) 1234-56.78"),
        contact: Some(" 0031X "),
        account: Some("Northwind"),
    });
    assert_eq!(identity.unusable, []);
    assert_eq!(
        text(&identity.keys),
        [
            "email=kim.lee+q4@mail.eu.northwind.co.uk",
            "email.canonical=kim.lee@mail.eu.northwind.co.uk",
            "domain=mail.eu.northwind.co.uk",
            "domain=eu.northwind.co.uk",
            "domain=northwind.co.uk",
            "phone=+4915112345678",
            "contact=0031X",
            "account=Northwind",
        ]
    );
    assert_eq!(identity.registrable_domain(), Some("northwind.co.uk"));
}

#[test]
fn what_cannot_be_normalised_does_not_hide_the_rest() {
    let identity = Identity::of(Identifiers {
        email: Some("kim@northwind"),
        phone: Some("0151 1234567"),
        contact: Some("c-1"),
        account: Some(" "),
    });
    assert_eq!(text(&identity.keys), ["contact=c-1"]);
    assert_eq!(
        identity.unusable,
        [
            NormaliseError {
                kind: Kind::Email,
                rule: Rule::PublicSuffix
            },
            NormaliseError {
                kind: Kind::Phone,
                rule: Rule::PhonePlus
            },
            NormaliseError {
                kind: Kind::Account,
                rule: Rule::Empty
            },
        ]
    );
    assert_eq!(identity.registrable_domain(), None);
    let nobody = Identity::of(Identifiers::default());
    assert!(nobody.keys.is_empty() && nobody.unusable.is_empty());
}

#[test]
fn every_spelling_of_an_address_is_one() {
    for (name, raw) in [
        ("plain", "kim@xn--bcher-kva.example"),
        ("upper-case", "KIM@XN--BCHER-KVA.EXAMPLE"),
        ("u-label", "kim@bücher.example"),
        ("u-label-upper-case", "Kim@BÜCHER.example"),
        ("decomposed-umlaut", "kim@bu\u{308}cher.example"),
        ("spaces-around", " \t\nkim@bücher.example\u{a0}\u{3000}"),
        ("trailing-dot", "kim@bücher.example."),
        ("full-width", "ｋｉｍ＠ｂücher．example"),
        ("small-at", "kim﹫bücher.example"),
        ("ideographic-full-stop", "kim@bücher。example"),
        ("soft-hyphen", "k\u{ad}im@bücher.exam\u{ad}ple"),
        ("zero-width-space", "k\u{200b}im@bücher.example"),
        ("byte-order-mark", "\u{feff}kim@bücher.example"),
        ("variation-selector", "kim\u{fe0f}@bücher.example"),
        ("mathematical-letters", "𝓴𝓲𝓶@bücher.example"),
    ] {
        assert_eq!(exact(raw), "kim@xn--bcher-kva.example", "{name}");
    }
    assert_eq!(
        exact("Jose\u{301}@northwind.example"),
        exact("JOSÉ@northwind.example")
    );
    assert_eq!(exact("ΟΔΟΣ@northwind.example"), "οδοσ@northwind.example");
    assert_eq!(
        exact("\u{212a}im@northwind.example"),
        "kim@northwind.example",
        "the Kelvin sign"
    );
    assert_eq!(
        exact("ﬁona@northwind.example"),
        "fiona@northwind.example",
        "a ligature"
    );
    // Non-transitional: ß is a letter of its own in host names since IDNA 2008.
    assert_eq!(exact("a@straße.example"), "a@xn--strae-oqa.example");
    assert_ne!(exact("a@straße.example"), exact("a@strasse.example"));
    // What looks alike in another script is another address.
    assert_ne!(
        exact("kіm@northwind.example"),
        "kim@northwind.example",
        "a Cyrillic i"
    );
    for plain in [
        "o'neil@northwind.example",
        "a/b=c?d^e`f{g|h}i~j#k$l&m*n_o-p@northwind.example",
        "a..b.@northwind.example",
    ] {
        assert_eq!(exact(plain), plain);
    }
}

#[test]
fn the_canonical_address_is_the_mailbox_behind_it() {
    for (raw, expected) in [
        ("kim@northwind.example", "kim@northwind.example"),
        ("kim+q4@northwind.example", "kim@northwind.example"),
        ("kim+q4+q5@northwind.example", "kim@northwind.example"),
        ("kim＋q4@northwind.example", "kim@northwind.example"),
        ("kim+@northwind.example", "kim@northwind.example"),
        ("k.i.m@northwind.example", "k.i.m@northwind.example"),
        ("+kim@northwind.example", "+kim@northwind.example"),
        ("K.i.m+q4@Gmail.com", "kim@gmail.com"),
        ("kim@googlemail.com", "kim@gmail.com"),
        (".k..im.@googlemail.com.", "kim@gmail.com"),
        ("kim+a.b@gmail.com", "kim@gmail.com"),
        ("k.im@mail.gmail.com", "k.im@mail.gmail.com"),
        ("k.im@gmail.co", "k.im@gmail.co"),
        ("k.im@notgmail.com", "k.im@notgmail.com"),
    ] {
        assert_eq!(canonical(raw), expected, "{raw}");
    }
    for nothing_left in ["+kim@gmail.com", "...@gmail.com", ".+kim@googlemail.com"] {
        assert_eq!(
            email_rule(nothing_left),
            Rule::CanonicalEmpty,
            "{nothing_left}"
        );
    }
    // Gmail's two hosts are one domain, whichever of them is listed.
    assert_eq!(
        text(&email_keys("kim@googlemail.com").unwrap())[2..],
        ["domain=gmail.com"]
    );
    for given in ["gmail.com", "GoogleMail.com."] {
        assert_eq!(domain(given).unwrap().identifier, "gmail.com");
    }
    assert_eq!(exact("kim@googlemail.com"), "kim@googlemail.com");
    assert_eq!(
        text(&email_keys("kim@eu.googlemail.com").unwrap())[2..],
        ["domain=eu.googlemail.com", "domain=gmail.com"]
    );
    assert_eq!(
        domain("notgooglemail.com").unwrap().identifier,
        "notgooglemail.com"
    );
}

/// From the public suffix list of October 2026, by a reading of its ICANN section of our own.
const DOMAINS: [(&str, &str); 36] = [
    ("acme.com", "acme.com"),
    ("mail.eu.acme.com", "mail.eu.acme.com,eu.acme.com,acme.com"),
    ("acme.co.uk", "acme.co.uk"),
    ("a.b.acme.co.uk", "a.b.acme.co.uk,b.acme.co.uk,acme.co.uk"),
    ("co.uk", ""),
    ("com", ""),
    ("foo.github.io", "foo.github.io,github.io"),
    ("a.foo.github.io", "a.foo.github.io,foo.github.io,github.io"),
    ("github.io", "github.io"),
    ("blogspot.com", "blogspot.com"),
    ("x.blogspot.com", "x.blogspot.com,blogspot.com"),
    (
        "x.y.compute.amazonaws.com",
        "x.y.compute.amazonaws.com,y.compute.amazonaws.com,compute.amazonaws.com,amazonaws.com",
    ),
    ("www.ck", "www.ck"),
    ("a.www.ck", "a.www.ck,www.ck"),
    ("foo.ck", ""),
    ("a.foo.ck", "a.foo.ck"),
    ("a.b.foo.ck", "a.b.foo.ck,b.foo.ck"),
    ("ck", ""),
    ("city.kawasaki.jp", "city.kawasaki.jp"),
    ("a.city.kawasaki.jp", "a.city.kawasaki.jp,city.kawasaki.jp"),
    ("x.kawasaki.jp", ""),
    ("a.x.kawasaki.jp", "a.x.kawasaki.jp"),
    ("acme.internal", "acme.internal"),
    ("internal", ""),
    ("northwind.test", "northwind.test,test"),
    (
        "a.northwind.example",
        "a.northwind.example,northwind.example,example",
    ),
    ("example", ""),
    ("a.xn--55qx5d.cn", "a.xn--55qx5d.cn"),
    ("xn--55qx5d.cn", ""),
    ("xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"),
    ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
    ("公司.cn", ""),
    ("pvt.k12.ma.us", ""),
    ("a.pvt.k12.ma.us", "a.pvt.k12.ma.us"),
    ("gov.uk", ""),
    ("a.gov.uk", "a.gov.uk"),
];

#[test]
fn domain_keys_reach_from_the_host_to_the_registrable_domain() {
    for (host, expected) in DOMAINS {
        let keys = email_keys(&format!("kim@{host}"));
        if expected.is_empty() {
            assert_eq!(keys.unwrap_err().rule, Rule::PublicSuffix, "{host}");
            assert_eq!(
                domain(host).unwrap_err(),
                NormaliseError {
                    kind: Kind::Domain,
                    rule: Rule::PublicSuffix
                }
            );
        } else {
            let found: Vec<String> = keys.unwrap()[2..]
                .iter()
                .map(|key| key.identifier.clone())
                .collect();
            assert_eq!(found.join(","), expected, "{host}");
            assert_eq!(domain(host).unwrap().identifier, found[0]);
        }
    }
    let eight = "a.b.c.d.e.f.g.acme.com";
    assert_eq!(email_keys(&format!("kim@{eight}")).unwrap().len(), 2 + 8);
    assert_eq!(email_rule(&format!("kim@x.{eight}")), Rule::TooManyLevels);
    assert_eq!(
        domain(&format!("x.{eight}")).unwrap_err().rule,
        Rule::TooManyLevels
    );
}

#[test]
fn addresses_without_a_safe_reading_are_refused() {
    use Rule::{
        Control, Disallowed, Empty, HostEmpty, HostLabel, IpLiteral, LocalCharacter, LocalEmpty,
        LocalEncodedWord, LocalTooLong, NotOneAt, PublicSuffix, TooLong,
    };
    let refused: &[(&str, &str, Rule)] = &[
        ("empty", "", Empty),
        ("white-space", " \u{3000}\t", Empty),
        ("nothing-but-invisible", "\u{ad}\u{200b}", Empty),
        ("no-at", "kim.northwind.example", NotOneAt),
        ("two-ats", "kim@lee@northwind.example", NotOneAt),
        (
            "second-at-full-width",
            "kim＠lee@northwind.example",
            NotOneAt,
        ),
        (
            "list",
            "kim@northwind.example, lee@northwind.example",
            NotOneAt,
        ),
        (
            "list-hidden-in-local-part",
            "kim,lee@northwind.example",
            LocalCharacter,
        ),
        (
            "list-by-semicolon",
            "kim;lee@northwind.example",
            LocalCharacter,
        ),
        (
            "greek-question-mark-is-a-semicolon",
            "kim\u{37e}lee@northwind.example",
            LocalCharacter,
        ),
        (
            "display-name",
            "Kim <kim@northwind.example>",
            LocalCharacter,
        ),
        (
            "encoded-word",
            "=?utf-8?q?kim=40northwind.example?=@relay.example",
            LocalEncodedWord,
        ),
        (
            "encoded-word-full-width",
            "k＝？utf-8?b?a2lt?=@northwind.example",
            LocalEncodedWord,
        ),
        ("angle-brackets", "<kim@northwind.example>", LocalCharacter),
        ("mailto", "mailto:kim@northwind.example", LocalCharacter),
        ("quoted", "\"kim\"@northwind.example", LocalCharacter),
        ("quoted-at", "\"k@m\"@northwind.example", NotOneAt),
        ("backslash", "k\\im@northwind.example", LocalCharacter),
        ("comment", "kim(lee)@northwind.example", LocalCharacter),
        (
            "percent-route",
            "kim%northwind.example@relay.example.com",
            LocalCharacter,
        ),
        (
            "bang-route",
            "northwind!kim@relay.example.com",
            LocalCharacter,
        ),
        ("inner-space", "kim lee@northwind.example", LocalCharacter),
        (
            "inner-no-break-space",
            "kim\u{a0}lee@northwind.example",
            LocalCharacter,
        ),
        ("space-before-at", "kim @northwind.example", LocalCharacter),
        (
            "zero-width-joiner",
            "ki\u{200d}m@northwind.example",
            LocalCharacter,
        ),
        ("inner-newline", "kim\n@northwind.example", Control),
        (
            "header-injection",
            "kim@northwind.example\r\nBcc: lee@northwind.example",
            Control,
        ),
        ("nul", "kim\0@northwind.example", Control),
        ("delete", "kim\u{7f}@northwind.example", Control),
        (
            "right-to-left-override",
            "kim\u{202e}@northwind.example",
            Disallowed,
        ),
        ("private-use", "kim\u{e000}@northwind.example", Disallowed),
        ("unassigned", "kim\u{378}@northwind.example", Disallowed),
        (
            "replacement-character",
            "kim\u{fffd}@northwind.example",
            Disallowed,
        ),
        ("no-local-part", "@northwind.example", LocalEmpty),
        (
            "invisible-local-part",
            "\u{ad}@northwind.example",
            LocalEmpty,
        ),
        ("no-host", "kim@", HostEmpty),
        ("dot-host", "kim@.", HostEmpty),
        ("leading-dot", "kim@.northwind.example", HostLabel),
        ("double-dot", "kim@northwind..example", HostLabel),
        ("two-trailing-dots", "kim@northwind.example..", HostLabel),
        ("space-after-at", "kim@ northwind.example", HostLabel),
        ("underscore", "kim@north_wind.example", HostLabel),
        ("leading-hyphen", "kim@-northwind.example", HostLabel),
        ("trailing-hyphen", "kim@northwind-.example", HostLabel),
        ("port", "kim@northwind.example:25", HostLabel),
        ("path", "kim@northwind.example/x", HostLabel),
        (
            "label-of-64",
            &format!("kim@{}.example", "n".repeat(64)),
            HostLabel,
        ),
        (
            "host-of-254",
            &format!("kim@{}example", "northwin.".repeat(27) + "nor."),
            HostLabel,
        ),
        ("broken-punycode", "kim@xn--b.example", HostLabel),
        ("punycode-of-ascii", "kim@xn--northwind-.example", HostLabel),
        ("mixed-direction", "kim@אa.example", HostLabel),
        ("ipv4", "kim@192.0.2.1", IpLiteral),
        ("ipv4-short", "kim@192.1", IpLiteral),
        ("ipv4-trailing-dot", "kim@192.0.2.1.", IpLiteral),
        ("ipv4-full-width", "kim@１９２.0.2.１", IpLiteral),
        ("ipv4-hexadecimal", "kim@0xC0000201", IpLiteral),
        ("ipv4-in-brackets", "kim@[192.0.2.1]", IpLiteral),
        ("ipv6-in-brackets", "kim@[IPv6:2001:db8::1]", IpLiteral),
        ("numeric-top-level", "kim@northwind.123", IpLiteral),
        ("single-label", "kim@localhost", PublicSuffix),
        (
            "local-part-of-65",
            &format!("{}@northwind.example", "k".repeat(65)),
            LocalTooLong,
        ),
        (
            "local-part-of-66-bytes",
            &format!("{}@northwind.example", "é".repeat(33)),
            LocalTooLong,
        ),
        (
            "enormous",
            &format!("{}@northwind.example", " ".repeat(1024)),
            TooLong { max: 1024 },
        ),
    ];
    for (name, raw, rule) in refused {
        let error = email_keys(raw).expect_err(name);
        assert_eq!(error.rule, *rule, "{name}");
        let shown = error.to_string();
        assert!(
            shown.starts_with("email cannot be normalised: "),
            "{name}: {shown}"
        );
        assert!(
            !shown.contains("kim") && !shown.contains("northwind"),
            "{name}: {shown}"
        );
    }
    assert_eq!(
        exact(&format!("{}@northwind.example", "k".repeat(64))).len(),
        64 + 18
    );
    let longest = format!(
        "{}.{}.{}.{}.com",
        "n".repeat(63),
        "o".repeat(63),
        "r".repeat(63),
        "t".repeat(57)
    );
    assert_eq!(longest.len(), 253);
    assert!(email_keys(&format!("kim@{longest}")).is_ok());
}

#[test]
fn domain_keys_under_a_reserved_name_reach_up_to_it() {
    for (host, expected) in [
        ("mail.foo.test", "mail.foo.test,foo.test,test"),
        ("foo.invalid", "foo.invalid,invalid"),
        ("foo.localhost", "foo.localhost,localhost"),
        ("example.com", "example.com"),
        ("a.example.com", "a.example.com,example.com"),
        (
            "a.b.example.net",
            "a.b.example.net,b.example.net,example.net",
        ),
        // Not below them, for all that they look like it.
        ("foo-test.com", "foo-test.com"),
        ("a.test.com", "a.test.com,test.com"),
        ("a.myexample.org", "a.myexample.org,myexample.org"),
    ] {
        let keys = email_keys(&format!("kim@{host}")).unwrap();
        let found: Vec<&str> = keys[2..]
            .iter()
            .map(|key| key.identifier.as_str())
            .collect();
        assert_eq!(found.join(","), expected);
        let reserved = found.iter().any(|name| RESERVED_DOMAINS.contains(name));
        assert_eq!(reserved, is_reserved(host), "{host}");
    }
    for host in ["test", "example", "localhost"] {
        assert_eq!(email_rule(&format!("kim@{host}")), Rule::PublicSuffix);
        assert_eq!(domain(host).unwrap_err().rule, Rule::PublicSuffix);
    }
    // The name counts among the eight.
    let eight = "a.b.c.d.e.f.g.test";
    assert_eq!(email_keys(&format!("kim@{eight}")).unwrap().len(), 2 + 8);
    assert_eq!(email_rule(&format!("kim@x.{eight}")), Rule::TooManyLevels);
}

#[test]
fn reserved_domains_are_known() {
    assert!(RESERVED_DOMAINS.is_sorted());
    for host in [
        "example.com",
        "a.example.org",
        "northwind.example",
        "a.b.test",
        "localhost",
        "x.invalid",
    ] {
        assert!(is_reserved(host), "{host}");
    }
    for host in [
        "myexample.com",
        "example.co",
        "atest",
        "northwind.com",
        "test.com",
    ] {
        assert!(!is_reserved(host), "{host}");
    }
}

proptest! {
    #[test]
    fn normalising_again_changes_nothing(raw in "[\\PC@.+A-Z]{1,12}@[a-zA-Zäßσςéа-я0-9。．-]{1,9}\\.(com|example|co\\.uk|рф)") {
        if let Ok(keys) = email_keys(&raw) {
            let again = email_keys(&keys[0].identifier).unwrap();
            prop_assert_eq!(&again, &keys);
            // The canonical form is its own canonical form, so that no chain of tags leads past it.
            let canonical = email_keys(&keys[1].identifier).unwrap();
            prop_assert_eq!(&canonical[0].identifier, &keys[1].identifier);
            prop_assert_eq!(&canonical[1].identifier, &keys[1].identifier);
            for pair in keys[2..].windows(2) {
                let parent = pair[0].identifier.split_once('.').unwrap().1;
                prop_assert_eq!(parent, &pair[1].identifier);
            }
            prop_assert!(keys[0].identifier.is_char_boundary(0) && !keys[0].identifier.contains(char::is_whitespace));
        }
    }

    #[test]
    fn case_and_form_never_matter(local in "[a-zäöüéñ0-9._-]{1,20}", host in "[a-zäöüéñ]{1,10}\\.(com|example)") {
        let raw = format!("{local}@{host}");
        prop_assume!(email_keys(&raw).is_ok());
        prop_assert_eq!(email_keys(&raw.to_uppercase()), email_keys(&raw));
        let apart: String = raw.chars().map(|c| match c {
            'ä' => "a\u{308}".to_owned(), 'ö' => "o\u{308}".to_owned(), 'ü' => "u\u{308}".to_owned(),
            'é' => "e\u{301}".to_owned(), 'ñ' => "n\u{303}".to_owned(), other => other.to_string(),
        }).collect();
        prop_assert_eq!(email_keys(&apart), email_keys(&raw));
    }

    #[test]
    fn nothing_panics(raw in "\\PC{0,40}|[ -~]{0,40}|[+0-9() .-]{0,24}") {
        let _ = (email_keys(&raw), phone(&raw), domain(&raw), mailbox(&raw), opaque(Kind::Contact, &raw));
    }

    #[test]
    fn a_phone_is_what_remains_of_it(raw in "\\+?[0-9() .-]{6,24}") {
        let bare: String = raw.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        let valid = bare.starts_with('+') && (9..=16).contains(&bare.len()) && !bare.starts_with("+0");
        let grouped: String = raw.chars().filter(|c| c.is_ascii_digit() || "()".contains(*c)).collect();
        let short = "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 \
                     64 65 66 81 82 84 86 90 91 92 93 94 95 98";
        let digits = bare.trim_start_matches('+');
        let code = short.split(' ').find(|code| digits.starts_with(code)).map_or(3, str::len);
        let kept = ["39", "378", "225", "241", "242"].iter().any(|code| digits.starts_with(code));
        let trunk = grouped.contains("(0)") || !kept && digits.get(code..).is_some_and(|rest| rest.starts_with('0'));
        let valid = valid && !trunk;
        prop_assert_eq!(phone(&raw).ok().map(|key| key.identifier), valid.then_some(bare));
    }
}
