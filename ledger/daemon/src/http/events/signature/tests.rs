//! Against signatures that OpenSSL made.

use hyper::header::{HeaderName, HeaderValue};

use super::*;

/// `openssl ec -pubout -outform DER | base64`
const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEbOpqtGiNfVP8C0KdnsJdz/FIIrHLw8rfOMJ5gTn1Jd0YICYYF8OMk/3/pBPVDcX3ebbhHFaFrEVbNk4eDFF9tg==";
/// The same of a key on P-384.
const OTHER_CURVE: &str = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEZ02KyLNzXngGeECN6BqUkW7VpLjaMRNiCCoMbgsHcnn5D8KSw2u31zJ/ZCBex7QbjCFi3wyAc2MlXg2COhXfz07chnlECzIPXdQC5rxaOGr95AJ8w6EB6D8EbTUlbdpv";
/// `openssl dgst -sha256 -sign` over [`TIME`] and [`BODY`], in base64.
const SIGNED: &str = "MEUCIEq+F9MTkzST/eeETG+1MgBm2xSh6arbtnsZXZyyc9FDAiEA2PPwppGMbYYs94w53jhzsnmrVW23CMSjzfTe6ri62vQ=";
const TIME: &str = "1795347065";
const TIME_S: i64 = 1_795_347_065;
const BODY: &[u8] = b"[{\"event\":\"open\"}]\r\n";

fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_str(value).expect("a value");
        (HeaderName::from_static(name), value)
    };
    let mut map = HeaderMap::new();
    for (name, value) in of.iter().map(pair) {
        map.append(name, value);
    }
    map
}

fn checked(of: &[(&'static str, &str)], body: &[u8], now_s: i64) -> Result<(), StatusCode> {
    let key: SendgridKey = KEY.parse().expect("a key");
    key.check(&headers(of), body, now_s)
        .map_err(|error| error.status())
}

#[test]
fn a_signature_of_openssl_holds_within_its_time_and_no_other() {
    let good = [(SIGNATURE, SIGNED), (TIMESTAMP, TIME)];
    for now in [0, -AHEAD_S_MAX, OLD_S_MAX] {
        assert_eq!(checked(&good, BODY, TIME_S + now), Ok(()), "{now}");
    }
    for now in [-AHEAD_S_MAX - 1, OLD_S_MAX + 1] {
        let found = checked(&good, BODY, TIME_S + now);
        assert_eq!(found, Err(StatusCode::FORBIDDEN), "{now}");
    }
}

#[test]
fn what_was_changed_or_is_not_signed_is_refused() {
    let (unsigned, forged) = (Err(StatusCode::UNAUTHORIZED), Err(StatusCode::FORBIDDEN));
    let flipped = SIGNED.replace("MEUCIE", "MEUCIF");
    for (of, body, expected) in [
        (
            vec![(SIGNATURE, SIGNED), (TIMESTAMP, TIME)],
            &BODY[..BODY.len() - 2],
            forged,
        ),
        (
            vec![(SIGNATURE, SIGNED), (TIMESTAMP, "1795347066")],
            BODY,
            forged,
        ),
        (vec![(SIGNATURE, &flipped), (TIMESTAMP, TIME)], BODY, forged),
        (vec![(SIGNATURE, ""), (TIMESTAMP, TIME)], BODY, forged),
        (vec![(SIGNATURE, "MAA="), (TIMESTAMP, TIME)], BODY, forged),
        (
            vec![(SIGNATURE, "not base64"), (TIMESTAMP, TIME)],
            BODY,
            forged,
        ),
        (vec![(SIGNATURE, SIGNED)], BODY, unsigned),
        (vec![(TIMESTAMP, TIME)], BODY, unsigned),
        (vec![], BODY, unsigned),
        (
            vec![(SIGNATURE, SIGNED), (SIGNATURE, SIGNED), (TIMESTAMP, TIME)],
            BODY,
            unsigned,
        ),
    ] {
        assert_eq!(checked(&of, body, TIME_S), expected, "{of:?}");
    }
}

#[test]
fn only_a_p256_key_in_base64_is_one() {
    assert!(format!(" {KEY}\n").parse::<SendgridKey>().is_ok());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{KEY}\n-----END PUBLIC KEY-----");
    for text in [
        "",
        "AAAA",
        OTHER_CURVE,
        &KEY[4..],
        &KEY[..KEY.len() - 4],
        &pem,
        &"A".repeat(4_000),
    ] {
        assert_eq!(text.parse::<SendgridKey>().err(), Some(KeyError), "{text}");
    }
}
