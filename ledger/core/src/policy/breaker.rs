//! `[[breaker]]`: what is measured over reports, and what opens because of it.

use std::collections::BTreeSet;

use super::BreachScope;
use super::field::{Known, subject, unique_id, window, word};
use super::read::{Found, Reader, Section};
use crate::action::Class;
use crate::entry::Measure;
use crate::limits::INTEGER_MAX;

/// The most `[[breaker]]` rows.
pub const BREAKERS_MAX: usize = 32;
/// The id of the breaker that the gate itself has.
pub const DNC_BREACH: &str = "dnc-breach";
/// A rate of 100 %, in parts per million; also the most that `minimum` may ask for.
const MILLION: u64 = 1_000_000;
const MEASURES: &str = "`hard_bounce_rate`, `complaint_rate`, `error_rate` or `cost`";
const PER: &str = "`agent`, `mailbox`, `seller` or `workspace`";

/// A circuit breaker: what of the reports in a trailing window is too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerRule {
    /// The rule's id, unique among breakers, never [`DNC_BREACH`].
    pub id: String,
    /// What it measures.
    pub measure: Measure,
    /// The actions whose reports it measures, and which it refuses while it is open.
    pub actions: BTreeSet<String>,
    /// The classes, whatever the action.
    pub classes: BTreeSet<Class>,
    /// What it measures per, and what of it is refused.
    pub per: BreakerPer,
    /// Above this it warns, in parts per million or, of a cost, in millionths of the currency unit;
    /// less than `open`.
    pub warn: Option<u64>,
    /// Above this it opens, in the same unit.
    pub open: u64,
    /// With fewer in the window it does neither. Of a cost, 1.
    pub minimum: u64,
    /// The trailing window in seconds, 1 to [`WINDOW_S_MAX`](crate::limits::WINDOW_S_MAX).
    pub window_s: u64,
}

impl BreakerRule {
    /// Whether the rule measures an action of this name and class.
    pub fn matches(&self, action: &str, class: Class) -> bool {
        self.classes.contains(&class) || self.actions.contains(action)
    }
}

/// What a breaker measures per.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BreakerPer {
    /// Each agent.
    Agent,
    /// Each sending mailbox; reports on what was sent from none are not measured.
    Mailbox,
    /// Each seller; reports on what was done for none are not measured.
    Seller,
    /// The whole ledger.
    Workspace,
}

impl BreakerPer {
    /// Every one, in the documented order.
    pub const ALL: [Self; 4] = [Self::Agent, Self::Mailbox, Self::Seller, Self::Workspace];

    /// The word in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Mailbox => "mailbox",
            Self::Seller => "seller",
            Self::Workspace => "workspace",
        }
    }
}

/// `[[breaker]]`.
pub(super) fn rows(
    reader: &mut Reader<'_>,
    root: &mut Section<'_>,
    known: Known<'_>,
) -> Vec<BreakerRule> {
    let mut rules = Vec::new();
    let mut ids = BTreeSet::new();
    for mut row in root.rows(reader, "breaker", BREAKERS_MAX) {
        let id = unique_id(reader, &mut row, &mut ids);
        if id == DNC_BREACH {
            let problem = "is the breaker that the gate itself has";
            let remedy = "give the row another id; `[dnc_breach] scope` widens that one";
            reader.error(row.at, &row.key("id"), Some(&id), problem, remedy);
        }
        let known_measure = |word: &str| Measure::RULES.into_iter().find(|of| of.as_str() == word);
        let measure = word(reader, &mut row, "measure", known_measure, MEASURES);
        if !row.has("measure") {
            let remedy = format!("write measure = and one of {MEASURES}");
            row.missing(reader, "measure", &remedy);
        }
        let remedy = "name the actions whose reports the rule measures, or `classes` of actions";
        let (actions, classes) = subject(reader, &mut row, known, remedy);
        let known_per = |word: &str| BreakerPer::ALL.into_iter().find(|per| per.as_str() == word);
        let per = word(reader, &mut row, "per", known_per, PER);
        if !row.has("per") {
            row.missing(reader, "per", &format!("write per = and one of {PER}"));
        }
        let thresholds = thresholds(reader, &mut row, measure);
        let minimum = row.integer(reader, "minimum", &(1..=MILLION));
        if let (Some(found), Some(Measure::Cost)) = (minimum, measure) {
            let problem = "is for rates alone: one report is enough to know a cost";
            reader.error(found.at, &row.key("minimum"), None, problem, "take it out");
        }
        let window_s = window(reader, &mut row);
        row.finish(reader);
        // A rule that lacks any of these has been refused above.
        if let (Some(measure), Some(per), Some((warn, open)), Some(window_s)) =
            (measure, per, thresholds, window_s)
        {
            rules.push(BreakerRule {
                id,
                measure,
                actions,
                classes,
                per,
                warn,
                open,
                minimum: minimum.map_or(1, |found| found.value),
                window_s,
            });
        }
    }
    rules
}

/// What warns, if anything, and what opens; in the unit of the measure.
fn thresholds(
    reader: &mut Reader<'_>,
    row: &mut Section<'_>,
    measure: Option<Measure>,
) -> Option<(Option<u64>, u64)> {
    const PPM: [&str; 2] = ["warn_ppm", "open_ppm"];
    const MICROS: [&str; 2] = ["warn_micros", "open_micros"];
    // Both are read whatever the measure, so that neither is called unknown.
    let ppm = PPM.map(|key| row.integer(reader, key, &(1..=MILLION)));
    let micros = MICROS.map(|key| row.integer(reader, key, &(1..=INTEGER_MAX - 1)));
    let is_cost = measure? == Measure::Cost;
    let (ours, keys, others, foreign) = if is_cost {
        (micros, MICROS, PPM, "in millionths of the currency unit")
    } else {
        (ppm, PPM, MICROS, "in parts per million")
    };
    for key in others.into_iter().filter(|key| row.has(key)) {
        let problem = format!("is not the unit of this measure: expected it {foreign}");
        let remedy = format!("write {} and {}", keys[1], keys[0]);
        reader.error(row.at, &row.key(key), None, problem, &remedy);
    }
    let [warn, open] = ours;
    if !row.has(keys[1]) {
        let remedy = if is_cost {
            "say above what cost it opens, in millionths of the currency unit"
        } else {
            "say above what rate it opens, in parts per million: 50000 is 5 %"
        };
        row.missing(reader, keys[1], remedy);
    }
    let open = open?;
    if let Some(Found { at, value }) = warn.filter(|warn| warn.value >= open.value) {
        let problem = format!(
            "is not less than {} ({}): a warning comes first",
            keys[1], open.value
        );
        let shown = value.to_string();
        reader.error(
            at,
            &row.key(keys[0]),
            Some(&shown),
            problem,
            "lower it, or leave it out",
        );
    }
    Some((warn.map(|found| found.value), open.value))
}

/// `[dnc_breach]`.
pub(super) fn breach(reader: &mut Reader<'_>, root: &mut Section<'_>) -> BreachScope {
    let Some(mut section) = root.section(reader, "dnc_breach") else {
        return BreachScope::default();
    };
    let known = |word: &str| {
        let both = [BreachScope::Agent, BreachScope::Workspace];
        both.into_iter().find(|scope| scope.as_str() == word)
    };
    let scope = word(
        reader,
        &mut section,
        "scope",
        known,
        "`agent` or `workspace`",
    );
    section.finish(reader);
    scope.unwrap_or_default()
}
