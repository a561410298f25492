//! Times against a table made with another implementation, and against counting day by day.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use ledger_core::time::{TimeError, Timestamp};
use proptest::prelude::*;

/// Made with Python's `datetime`: leap days, ends of centuries, both ends of the range, random points.
const TABLE: [(i64, &str); 36] = [
    (0, "1970-01-01T00:00:00.000000Z"),
    (1, "1970-01-01T00:00:00.000001Z"),
    (31_535_999_999_999, "1970-12-31T23:59:59.999999Z"),
    (68_212_800_000_000, "1972-02-29T12:00:00.000000Z"),
    (946_684_799_999_999, "1999-12-31T23:59:59.999999Z"),
    (946_684_800_000_000, "2000-01-01T00:00:00.000000Z"),
    (951_782_399_999_999, "2000-02-28T23:59:59.999999Z"),
    (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
    (951_868_800_000_000, "2000-03-01T00:00:00.000000Z"),
    (1_000_000_000_000_000, "2001-09-09T01:46:40.000000Z"),
    (1_677_628_799_000_000, "2023-02-28T23:59:59.000000Z"),
    (1_709_251_199_999_999, "2024-02-29T23:59:59.999999Z"),
    (1_709_251_200_000_000, "2024-03-01T00:00:00.000000Z"),
    (1_795_347_065_123_456, "2026-11-22T11:31:05.123456Z"),
    (2_147_483_647_000_000, "2038-01-19T03:14:07.000000Z"),
    (2_147_483_648_000_000, "2038-01-19T03:14:08.000000Z"),
    (4_102_444_799_999_999, "2099-12-31T23:59:59.999999Z"),
    (4_107_542_399_999_999, "2100-02-28T23:59:59.999999Z"),
    (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
    (13_574_585_228_000_009, "2400-02-29T06:07:08.000009Z"),
    (13_601_088_000_000_000, "2401-01-01T00:00:00.000000Z"),
    (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
    (252_165_080_424_700_733, "9960-10-17T07:40:24.700733Z"),
    (159_520_566_291_018_344, "7025-01-02T20:24:51.018344Z"),
    (44_291_485_874_662_123, "3373-07-16T22:31:14.662123Z"),
    (93_640_983_404_738_245, "4937-05-13T16:16:44.738245Z"),
    (208_329_787_268_908_467, "8571-09-16T09:21:08.908467Z"),
    (229_657_739_018_725_737, "9247-07-25T16:23:38.725737Z"),
    (249_064_789_780_581_384, "9862-07-20T07:49:40.581384Z"),
    (71_942_572_453_805_259, "4249-10-08T15:54:13.805259Z"),
    (156_886_059_786_471_606, "6941-07-09T21:03:06.471606Z"),
    (195_635_884_295_311_778, "8169-06-15T05:11:35.311778Z"),
    (196_501_018_294_594_556, "8196-11-13T08:11:34.594556Z"),
    (33_101_720_008_086_853, "3018-12-14T18:13:28.086853Z"),
    (147_952_962_524_480_658, "6658-06-11T13:08:44.480658Z"),
    (154_371_095_150_900_733, "6861-10-28T11:45:50.900733Z"),
];

#[test]
fn the_table_holds_both_ways() {
    for (micros, text) in TABLE {
        let time = Timestamp::from_micros(micros).unwrap();
        assert_eq!(time.to_string(), text);
        assert_eq!(text.parse::<Timestamp>().unwrap().micros(), micros);
        assert_eq!(serde_json::to_string(&time).unwrap(), format!("\"{text}\""));
        assert_eq!(
            serde_json::from_str::<Timestamp>(&format!("\"{text}\"")).unwrap(),
            time
        );
    }
    assert_eq!(Timestamp::EPOCH.to_string(), TABLE[0].1);
    assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
}

#[test]
fn every_day_of_four_centuries_follows_the_one_before() {
    let (mut year, mut month, mut day) = (1970, 1, 1);
    for days in 0..157_000_i64 {
        let text = format!("{year:04}-{month:02}-{day:02}T00:00:00.000000Z");
        let time = Timestamp::from_micros(days * 86_400_000_000).unwrap();
        assert_eq!(time.to_string(), text);
        assert_eq!(text.parse(), Ok(time));
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let lengths = [
            31,
            if leap { 29 } else { 28 },
            31,
            30,
            31,
            30,
            31,
            31,
            30,
            31,
            30,
            31,
        ];
        day += 1;
        if day > lengths[month - 1] {
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    assert!(year > 2398);
}

#[test]
fn other_forms_are_refused() {
    let refused = [
        ("empty", ""),
        ("no-fraction", "2026-11-22T11:31:05Z"),
        ("three-fraction-digits", "2026-11-22T11:31:05.123Z"),
        ("seven-fraction-digits", "2026-11-22T11:31:05.1234567Z"),
        ("offset-zero", "2026-11-22T11:31:05.123456+00:00"),
        ("offset-in-place-of-z", "2026-11-22T11:31:05.12345+0"),
        ("no-zone", "2026-11-22T11:31:05.123456"),
        ("lower-case-t", "2026-11-22t11:31:05.123456Z"),
        ("lower-case-z", "2026-11-22T11:31:05.123456z"),
        ("space-for-t", "2026-11-22 11:31:05.123456Z"),
        ("comma-fraction", "2026-11-22T11:31:05,123456Z"),
        ("leading-space", " 2026-11-22T11:31:05.12345Z"),
        ("trailing-space", "2026-11-22T11:31:05.123456Z "),
        ("plus-in-year", "+026-11-22T11:31:05.123456Z"),
        ("minus-in-fraction", "2026-11-22T11:31:05.-23456Z"),
        ("arabic-digit", "2026-11-22T11:31:0٥.12345Z"),
        ("leap-second", "2016-12-31T23:59:60.000000Z"),
        ("hour-24", "2026-11-22T24:00:00.000000Z"),
        ("minute-60", "2026-11-22T11:60:00.000000Z"),
        ("month-0", "2026-00-22T11:31:05.123456Z"),
        ("month-13", "2026-13-22T11:31:05.123456Z"),
        ("day-0", "2026-11-00T11:31:05.123456Z"),
        ("day-31-of-30", "2026-11-31T11:31:05.123456Z"),
        ("feb-29-common-year", "2026-02-29T11:31:05.123456Z"),
        ("feb-29-century", "2100-02-29T11:31:05.123456Z"),
        ("feb-30-leap-year", "2024-02-30T11:31:05.123456Z"),
        ("before-the-epoch", "1969-12-31T23:59:59.999999Z"),
        ("year-0", "0000-01-01T00:00:00.000000Z"),
    ];
    for (name, text) in refused {
        let error = text.parse::<Timestamp>().expect_err(name);
        assert!(
            error.to_string().contains(text.trim_end()),
            "{name}: {error}"
        );
        assert!(
            serde_json::from_str::<Timestamp>(&format!("\"{text}\"")).is_err(),
            "{name}"
        );
    }
    assert!(
        serde_json::from_str::<Timestamp>("1795347065123456").is_err(),
        "number"
    );
    assert_eq!(
        Timestamp::from_micros(-1),
        Err(TimeError::Range { micros: -1 })
    );
    assert!(Timestamp::from_micros(Timestamp::MAX.micros() + 1).is_err());
    assert!(Timestamp::from_micros(i64::MIN).is_err() && Timestamp::from_micros(i64::MAX).is_err());
}

#[test]
fn sums_stay_in_range() {
    let time = Timestamp::from_micros(1_500_000).unwrap();
    assert_eq!(
        time.checked_add_s(60).map(Timestamp::micros),
        Some(61_500_000)
    );
    assert_eq!(time.checked_sub_s(1).map(Timestamp::micros), Some(500_000));
    assert_eq!(time.checked_sub_s(2), None);
    assert_eq!(Timestamp::MAX.checked_add_s(0), Some(Timestamp::MAX));
    assert_eq!(Timestamp::MAX.checked_add_s(1), None);
    assert_eq!(Timestamp::MAX.saturating_add_s(1), Timestamp::MAX);
    for huge in [u64::MAX, i64::MAX.unsigned_abs(), 9_223_372_036_855] {
        assert_eq!(time.checked_add_s(huge), None);
        assert_eq!(time.checked_sub_s(huge), None);
        assert_eq!(time.saturating_add_s(huge), Timestamp::MAX);
    }
}

proptest! {
    #[test]
    fn text_round_trips_and_sorts_as_time(a in 0..=253_402_300_799_999_999_i64, b in 0..=253_402_300_799_999_999_i64) {
        let (a, b) = (Timestamp::from_micros(a).unwrap(), Timestamp::from_micros(b).unwrap());
        prop_assert_eq!(a.to_string().parse(), Ok(a));
        prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
    }

    #[test]
    fn what_parses_is_the_one_spelling(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9][.,][0-9]{6}[Zz]") {
        if let Ok(time) = text.parse::<Timestamp>() {
            prop_assert_eq!(time.to_string(), text);
        }
    }
}
