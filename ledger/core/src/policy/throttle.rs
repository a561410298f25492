//! `[[throttle]]`: how often something may be done.

use std::collections::BTreeSet;

use super::field::{Known, subject, unique_id, window, word};
use super::read::{Reader, Section};
use super::{LIMIT_MAX, Per, THROTTLES_MAX, ThrottleRule, Unit};

const PER: &str = "`agent`, `workspace`, `mailbox`, `recipient`, `domain`, `campaign` or `seller`";
const UNIT: &str = "`actions` or `recipients`";

pub(super) fn rows(
    reader: &mut Reader<'_>,
    root: &mut Section<'_>,
    known: Known<'_>,
) -> Vec<ThrottleRule> {
    let mut rules = Vec::new();
    let mut ids = BTreeSet::new();
    for mut row in root.rows(reader, "throttle", THROTTLES_MAX) {
        let id = unique_id(reader, &mut row, &mut ids);
        let remedy = "name the actions that the rule counts, or `classes` of actions";
        let (actions, classes) = subject(reader, &mut row, known, remedy);
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
        let window_s = window(reader, &mut row);
        row.finish(reader);
        // A rule that lacks any of these has been refused above.
        if let (Some(per), Some(limit), Some(window_s)) = (per, limit, window_s) {
            let (unit, limit) = (unit.unwrap_or(Unit::Actions), limit.value);
            rules.push(ThrottleRule {
                id,
                actions,
                classes,
                per,
                unit,
                limit,
                window_s,
            });
        }
    }
    rules
}
