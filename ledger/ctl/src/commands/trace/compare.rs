//! `ledgerctl trace --compare`: two runs side by side, and where they first part.

use std::collections::BTreeSet;

use ledger_core::entry::DetailName;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::chain::{Chain, Difference, Pair, ProofsJson, Step, align, differences, steps, word};
use crate::client::Session;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Style;
use crate::reading::{self, Detail};
use crate::text::{counted, put, wrapped};

/// One line of the comparison.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<u64>,
    /// What the step is, in the run that has it; of both, in the first.
    step: String,
    differences: Vec<Difference>,
    details: Vec<DetailLine>,
}

/// What became of comparing one detail.
#[derive(Debug, Serialize)]
struct DetailLine {
    name: &'static str,
    #[serde(flatten)]
    verdict: Verdict,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
enum Verdict {
    /// The same bytes.
    Same,
    /// One run keeps it, the other does not.
    OnlyLeft,
    OnlyRight,
    /// Other bytes; of two JSON objects, the names of the members that differ.
    Differs {
        members: Vec<String>,
    },
    /// The commitments are salted, so they say nothing about each other; and the bytes were not read.
    NotCompared {
        why: String,
    },
}

impl Line {
    fn parts(&self) -> bool {
        let same = |detail: &DetailLine| {
            matches!(detail.verdict, Verdict::Same | Verdict::NotCompared { .. })
        };
        self.left.is_none()
            || self.right.is_none()
            || !self.differences.is_empty()
            || !self.details.iter().all(same)
    }
}

#[derive(Serialize)]
struct CompareJson<'a> {
    left: RunJson,
    right: RunJson,
    steps: &'a [Line],
    /// The index in `steps` at which they first part; absent where they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts_at: Option<usize>,
    /// How many details could not be compared.
    not_compared: usize,
}

#[derive(Serialize)]
struct RunJson {
    correlation_id: String,
    entries: Vec<Box<RawValue>>,
    #[serde(flatten)]
    proofs: ProofsJson,
}

pub(super) async fn run(
    context: &Context,
    session: &Session,
    left: &str,
    right: &str,
    may_read: bool,
) -> Result<(), Failure> {
    let (left, right) = (
        Chain::fetch(session, left).await?,
        Chain::fetch(session, right).await?,
    );
    for chain in [&left, &right] {
        if chain.entries().next().is_none() {
            return Err(Failure::usage(format!(
                "nothing is recorded under the correlation id `{}`: expected two runs that the log has",
                chain.correlation_id
            )));
        }
    }
    let (a, b) = (steps(left.entries()), steps(right.entries()));
    let mut lines = Vec::new();
    for Pair {
        left: at,
        right: to,
    } in align(&a, &b, Step::is_same, |a, b| a.kind == b.kind)
    {
        let (one, other) = (at.and_then(|at| a.get(at)), to.and_then(|to| b.get(to)));
        let mut line = Line {
            left: one.map(|step| step.seq),
            right: other.map(|step| step.seq),
            step: one.or(other).map(Step::title).unwrap_or_default(),
            differences: Vec::new(),
            details: Vec::new(),
        };
        if let (Some(one), Some(other)) = (one, other) {
            line.differences = differences(one, other);
            line.details = details(session, (&left, one), (&right, other), may_read).await?;
        }
        lines.push(line);
    }
    let parts_at = lines.iter().position(Line::parts);
    let not_compared = lines
        .iter()
        .flat_map(|line| &line.details)
        .filter(|detail| matches!(detail.verdict, Verdict::NotCompared { .. }))
        .count();
    let object = CompareJson {
        left: run_json(&left)?,
        right: run_json(&right)?,
        steps: &lines,
        parts_at,
        not_compared,
    };
    let text = text(
        (&left, &right),
        &lines,
        parts_at,
        not_compared,
        context.output.style(),
    );
    context.output.show(&text, &object)
}

fn run_json(chain: &Chain) -> Result<RunJson, Failure> {
    Ok(RunJson {
        correlation_id: chain.correlation_id.clone(),
        entries: chain
            .links()
            .map(|link| link.verified.entry_json())
            .collect::<Result<_, _>>()?,
        proofs: ProofsJson::of(chain),
    })
}

async fn details(
    session: &Session,
    left: (&Chain, &Step),
    right: (&Chain, &Step),
    may_read: bool,
) -> Result<Vec<DetailLine>, Failure> {
    let names: BTreeSet<DetailName> = left
        .1
        .details
        .keys()
        .chain(right.1.details.keys())
        .copied()
        .collect();
    let mut lines = Vec::new();
    for name in names {
        let verdict = match (left.1.details.get(&name), right.1.details.get(&name)) {
            (Some(_), None) => Verdict::OnlyLeft,
            (None, _) => Verdict::OnlyRight,
            (Some(one), Some(other)) if one != other && !may_read => Verdict::Differs {
                members: Vec::new(),
            },
            (Some(_), Some(_)) if !may_read => Verdict::NotCompared {
                why: "of equal length, and --no-details reads none".to_owned(),
            },
            (Some(one), Some(other)) => {
                let opened = (
                    fetch(session, left, name).await?,
                    fetch(session, right, name).await?,
                );
                match opened {
                    (Detail::Opened(one), Detail::Opened(other)) => {
                        compared(&one.value, &other.value)
                    }
                    // A commitment says how long what it commits to is.
                    _ if one != other => Verdict::Differs {
                        members: Vec::new(),
                    },
                    (Detail::Withheld(why), _) | (_, Detail::Withheld(why)) => {
                        Verdict::NotCompared { why }
                    }
                }
            }
        };
        lines.push(DetailLine {
            name: name.as_str(),
            verdict,
        });
    }
    Ok(lines)
}

async fn fetch(
    session: &Session,
    (chain, step): (&Chain, &Step),
    name: DetailName,
) -> Result<Detail, Failure> {
    let kept = chain.get(step.seq).and_then(|entry| entry.body.details());
    match kept.and_then(|kept| kept.get(&name)) {
        Some(committed) => reading::detail(session, step.seq, name, *committed).await,
        None => Ok(Detail::Withheld("it is not kept".to_owned())),
    }
}

fn compared(one: &[u8], other: &[u8]) -> Verdict {
    if one == other {
        return Verdict::Same;
    }
    let members = match (serde_json::from_slice(one), serde_json::from_slice(other)) {
        (Ok(Value::Object(one)), Ok(Value::Object(other))) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            names
                .into_iter()
                .filter(|name| one.get(*name) != other.get(*name))
                .cloned()
                .collect()
        }
        _ => Vec::new(),
    };
    Verdict::Differs { members }
}

fn text(
    (left, right): (&Chain, &Chain),
    lines: &[Line],
    parts_at: Option<usize>,
    not_compared: usize,
    style: Style,
) -> String {
    let (one, other) = (&left.correlation_id, &right.correlation_id);
    let mut out = format!(
        "{}\n\n",
        style.strong(&format!(
            "{one} ({}) beside {other} ({})",
            counted(left.entries().count() as u64, "entry", "entries"),
            counted(right.entries().count() as u64, "entry", "entries")
        ))
    );
    for line in lines {
        let seq = |seq: Option<u64>| seq.map_or_else(|| "-".to_owned(), |seq| format!("#{seq}"));
        let said = |chain: &Chain, seq: Option<u64>| {
            let entry = seq.and_then(|seq| chain.get(seq));
            entry.map_or_else(|| "-".to_owned(), |entry| word(entry, style))
        };
        let mark = if line.parts() {
            style.bad("!")
        } else {
            style.good("=")
        };
        put!(
            out,
            "{mark} {:>7} | {:<7} {}: {} | {}\n",
            seq(line.left),
            seq(line.right),
            line.step,
            said(left, line.left),
            said(right, line.right)
        );
        for difference in &line.differences {
            out.push_str(&wrapped("      ", &difference_words(difference)));
        }
        for detail in &line.details {
            if let Some(words) = detail_words(detail, one, other) {
                out.push_str(&wrapped("      ", &words));
            }
        }
    }
    out.push('\n');
    let parts = match parts_at.and_then(|at| lines.get(at)) {
        Some(line) => format!("They first part at {}.", parting(line, one, other)),
        None => "They do not part: every step says the same.".to_owned(),
    };
    out.push_str(&wrapped("", &parts));
    if not_compared > 0 {
        out.push_str(&wrapped(
            "",
            &format!(
                "{} could not be compared: commitments are salted, so equal ones look different too.",
                counted(not_compared as u64, "detail", "details")
            ),
        ));
    }
    for chain in [left, right] {
        if let Some(last) = chain.links().last() {
            put!(
                out,
                "Every entry of {} is proven to be in `{}`, under its signed checkpoint of {}.\n",
                chain.correlation_id,
                last.verified.tree.origin,
                counted(last.verified.tree.size, "entry", "entries")
            );
        }
    }
    out
}

/// Where two runs part, in words.
fn parting(line: &Line, one: &str, other: &str) -> String {
    match (line.left, line.right) {
        (Some(seq), None) => {
            format!(
                "#{seq} of {one}, {}: {other} has no such step there",
                line.step
            )
        }
        (None, Some(seq)) => {
            format!(
                "#{seq} of {other}, {}: {one} has no such step there",
                line.step
            )
        }
        _ => {
            let place = format!(
                "#{} and #{}, {}",
                line.left.unwrap_or_default(),
                line.right.unwrap_or_default(),
                line.step
            );
            let mut what: Vec<String> = line.differences.iter().map(difference_words).collect();
            what.extend(
                line.details
                    .iter()
                    .filter(|detail| !matches!(detail.verdict, Verdict::NotCompared { .. }))
                    .filter_map(|detail| detail_words(detail, one, other)),
            );
            format!("{place}: {}", what.join("; "))
        }
    }
}

fn difference_words(difference: &Difference) -> String {
    let shown = |value: &Option<String>| {
        value
            .as_deref()
            .map_or_else(|| "nothing".to_owned(), shortened)
    };
    format!(
        "{}: {} | {}",
        difference.what,
        shown(&difference.left),
        shown(&difference.right)
    )
}

/// Tokens and hashes by their first digits.
fn shortened(value: &str) -> String {
    let mut out = String::new();
    let mut digits = String::new();
    for character in value.chars().chain(std::iter::once(' ')) {
        if character.is_ascii_hexdigit() && !character.is_ascii_uppercase() {
            digits.push(character);
            continue;
        }
        if digits.len() == 64 {
            digits.truncate(8);
            digits.push('…');
        }
        out.push_str(&digits);
        digits.clear();
        out.push(character);
    }
    out.trim_end().to_owned()
}

/// What there is to say of a detail; nothing where it is the same.
fn detail_words(detail: &DetailLine, one: &str, other: &str) -> Option<String> {
    let name = detail.name;
    Some(match &detail.verdict {
        Verdict::Same => return None,
        Verdict::OnlyLeft => format!("detail {name}: kept by {one} alone"),
        Verdict::OnlyRight => format!("detail {name}: kept by {other} alone"),
        Verdict::Differs { members } if members.is_empty() => format!("detail {name}: other bytes"),
        Verdict::Differs { members } => {
            format!("detail {name}: differs in {}", members.join(", "))
        }
        Verdict::NotCompared { why } => format!("detail {name}: not compared ({why})"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_the_same_byte_for_byte_and_objects_differ_by_member() {
        let differs = |members: &[&str]| Verdict::Differs {
            members: members.iter().map(|name| (*name).to_owned()).collect(),
        };
        for (one, other, verdict) in [
            ("{\"a\":1}", "{\"a\":1}", Verdict::Same),
            (
                "{\"a\":1,\"b\":2}",
                "{\"a\":1,\"b\":3,\"c\":4}",
                differs(&["b", "c"]),
            ),
            ("{\"a\":1}", "{ \"a\":1}", differs(&[])),
            ("plan a", "plan b", differs(&[])),
        ] {
            assert_eq!(
                compared(one.as_bytes(), other.as_bytes()),
                verdict,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn a_hash_is_shown_by_its_first_digits_and_a_word_is_left_alone() {
        let hash = "ab".repeat(32);
        assert_eq!(
            shortened(&format!("deal {hash} writes a+b")),
            "deal abababab… writes a+b"
        );
        assert_eq!(shortened("deadbeef"), "deadbeef");
        assert_eq!(shortened(&format!("{hash}0")), format!("{hash}0"));
    }
}
