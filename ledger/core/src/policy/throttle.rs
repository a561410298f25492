//! `[[throttle]]`: how often something may be done.

use std::collections::BTreeSet;

use super::field::{existing, one_of, unique_id, word};
use super::read::{Reader, Section};
use super::{LIMIT_MAX, LIST_MAX, Per, THROTTLES_MAX, ThrottleRule, Unit};
use crate::action::Class;
use crate::limits::WINDOW_S_MAX;

const PER: &str = "`agent`, `workspace`, `mailbox`, `recipient`, `domain`, `campaign` or `seller`";
const UNIT: &str = "`actions` or `recipients`";

pub(super) fn rows(
    reader: &mut Reader<'_>,
    root: &mut Section<'_>,
    class: &dyn Fn(&str) -> Option<Class>,
) -> Vec<ThrottleRule> {
    let mut rules = Vec::new();
    let mut ids = BTreeSet::new();
    for mut row in root.rows(reader, "throttle", THROTTLES_MAX) {
        let id = unique_id(reader, &mut row, &mut ids);
        let listed = row.strings(reader, "actions", LIST_MAX);
        let actions = existing(reader, &row, listed.as_ref(), class);
        let classes = row.strings(reader, "classes", Class::ALL.len());
        let expected = "`read`, `write`, `contact` or `admin`";
        let classes = one_of(
            reader,
            &row,
            "classes",
            classes.as_ref(),
            |word| word.parse().ok(),
            expected,
        );
        if !row.has("actions") && !row.has("classes") {
            row.missing(
                reader,
                "actions",
                "name the actions that the rule counts, or `classes` of actions",
            );
        }
        let per = word(
            reader,
            &mut row,
            "per",
            |word| Per::ALL.into_iter().find(|per| per.as_str() == word),
            PER,
        );
        if !row.has("per") {
            row.missing(reader, "per", "write per = and one of `agent`, `workspace`, `mailbox`, `recipient`, `domain`, `campaign`, `seller`");
        }
        let unit = word(
            reader,
            &mut row,
            "unit",
            |word| Unit::ALL.into_iter().find(|unit| unit.as_str() == word),
            UNIT,
        );
        let limit = row.integer(reader, "limit", &(1..=LIMIT_MAX));
        if !row.has("limit") {
            row.missing(reader, "limit", "say how many, from 1 to 1000000");
        }
        let window = row.string(reader, "window");
        let window_s = window.and_then(|found| {
            let seconds = seconds(found.value);
            if seconds.is_none() {
                let problem =
                    "is not valid: expected a number and `s`, `m`, `h` or `d`, 1 second to 31 days";
                reader.error(
                    found.at,
                    &row.key("window"),
                    Some(found.value),
                    problem,
                    "write for instance `24h`",
                );
            }
            seconds
        });
        if !row.has("window") {
            row.missing(reader, "window", "write for instance `window = \"24h\"`");
        }
        row.finish(reader);
        // A rule that lacks any of these has been refused above.
        if let (Some(per), Some(limit), Some(window_s)) = (per, limit, window_s) {
            let (unit, limit) = (unit.unwrap_or(Unit::Actions), limit.value);
            rules.push(ThrottleRule {
                id,
                actions,
                classes: classes.into_iter().collect(),
                per,
                unit,
                limit,
                window_s,
            });
        }
    }
    rules
}

/// `90s`, `5m`, `24h` or `7d` in seconds; a number without leading zeros, 1 second to 31 days.
fn seconds(text: &str) -> Option<u64> {
    let unit = match text.bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    (seconds <= WINDOW_S_MAX).then_some(seconds)
}
