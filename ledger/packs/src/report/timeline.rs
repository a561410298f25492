//! What happened, one entry after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ledger_core::codebook::{self, sentence};
use ledger_core::entry::{
    ActorType, Approval, Basis, Body, Decision, Dnc, DncOp, Entry, Execution, Finding, Listing,
    Outcome, OutcomeReport, Reason, Verdict,
};
use ledger_core::token::Kind;

use super::page::Page;
use super::statements::subject;
use super::words;
use crate::concern::Why;
use crate::reading::Reading;

/// The most characters of one detail that the report shows; `details.jsonl` has all of it.
const DETAIL_SHOWN: usize = 4_000;

/// What came of each decision: entries about it, in the order of the log.
type Followed<'a> = BTreeMap<u64, Vec<&'a Entry>>;

/// Writes the timeline.
pub(super) fn write(page: &mut Page, reading: &Reading) {
    let mut followed = Followed::new();
    for (entry, why) in reading.told() {
        let decisions: &[u64] = match why {
            Why::Execution { decision }
            | Why::Unresolved { decision }
            | Why::Approval { decision }
            | Why::Outcome {
                decision: Some(decision),
            } => std::slice::from_ref(decision),
            Why::Stop { voided } => voided,
            _ => &[],
        };
        for decision in decisions {
            followed.entry(*decision).or_default().push(entry);
        }
    }
    page.raw("<ol class=\"timeline\">\n");
    for (entry, why) in reading.told().filter(|(_, why)| **why != Why::Disclosed) {
        let long = reading.details.contains_key(&entry.seq);
        page.raw(if long {
            "<li class=\"long\" id=\"entry-"
        } else {
            "<li id=\"entry-"
        })
        .text(&entry.seq.to_string())
        .raw("\"><p class=\"when\"><time datetime=\"")
        .text(&entry.time.to_string())
        .raw("\">")
        .text(&words::time(entry.time))
        .raw("</time><span class=\"seq\">entry ")
        .text(&entry.seq.to_string())
        .raw("</span></p>\n<div class=\"what\">\n");
        one(page, reading, entry, why, &followed);
        details(page, reading, entry.seq);
        page.raw("</div></li>\n");
    }
    page.raw("</ol>\n");
}

fn one(page: &mut Page, reading: &Reading, entry: &Entry, why: &Why, followed: &Followed<'_>) {
    let actor = actor(entry);
    match (&entry.body, why) {
        (Body::Decision(found), Why::Decision { recipients, target }) => {
            decision(page, reading, entry, found, recipients, *target);
            came_of_it(
                page,
                found,
                followed.get(&entry.seq).map_or(&[], Vec::as_slice),
            );
        }
        (Body::Execution(found), _) => execution(page, &actor, found),
        (Body::Outcome(found), _) => outcome(page, &actor, found),
        (Body::Unresolved(found), _) => {
            page.paragraph(&format!(
                "Nobody had reported in time whether what was allowed in entry {} was carried out.",
                found.decision
            ));
        }
        (Body::Approval(found), _) => approval(page, &actor, found),
        (Body::Stop(found), Why::Stop { voided }) => {
            let voided: Vec<String> = voided.iter().map(u64::to_string).collect();
            page.paragraph(&format!(
                "{} threw the kill switch for {}. What was allowed in entry {} was void from then on.",
                words::capital(&actor),
                words::scope(&found.scope),
                words::joined(&voided)
            ));
        }
        (Body::Dnc(found), Why::Listed { listings }) => {
            for (index, kinds) in listings {
                let listing = usize::try_from(*index)
                    .ok()
                    .and_then(|index| found.listings.get(index));
                if let Some(listing) = listing {
                    listed(page, reading, &actor, found, listing, &words::kinds(kinds));
                }
            }
        }
        (Body::Dnc(found), Why::Ended { listings }) => {
            for cite in listings {
                page.paragraph(&format!(
                    "{} ended what entry {} had put on the list (item {}).",
                    words::capital(&actor),
                    cite.seq,
                    cite.index.unwrap_or(0)
                ));
            }
            if let Some(evidence) = &found.evidence {
                page.paragraph(&format!(
                    "The document that justifies it has the SHA-256 `{evidence}`."
                ));
            }
        }
        (body, _) => {
            page.paragraph(&format!(
                "{} made an entry of the kind `{}`.",
                words::capital(&actor),
                body.kind()
            ));
        }
    }
}

/// Who made an entry.
pub(super) fn actor(entry: &Entry) -> String {
    let actor = entry.body.actor();
    match actor.kind {
        ActorType::Ledger => "the ledger itself".to_owned(),
        ActorType::Principal(role) => format!("`{}` ({})", actor.id, words::role(role)),
    }
}

fn decision(
    page: &mut Page,
    reading: &Reading,
    entry: &Entry,
    decision: &Decision,
    own: &[u64],
    target: bool,
) {
    let label = match (decision.basis, decision.outcome) {
        (Basis::Asserted, _) => "Decided elsewhere",
        (Basis::Gate, Outcome::Allow) => "Allowed",
        (Basis::Gate, Outcome::Deny) => "Denied",
        (Basis::Gate, Outcome::RequireApproval) => "Approval required",
    };
    page.raw(match (decision.basis, decision.outcome) {
        (Basis::Gate, Outcome::Allow) => "<p><strong class=\"verdict allow\">",
        (Basis::Gate, Outcome::Deny) => "<p><strong class=\"verdict deny\">",
        _ => "<p><strong class=\"verdict\">",
    })
    .text(label)
    .raw("</strong> ");
    let seller = decision
        .seller
        .as_ref()
        .map_or_else(String::new, |seller| format!(" on behalf of `{seller}`"));
    let campaign = decision
        .campaign
        .as_ref()
        .map_or_else(String::new, |campaign| {
            format!(", in the campaign `{campaign}`")
        });
    page.prose(&format!(
        "{} asked to do `{}`{seller}{campaign}.",
        words::capital(&actor(entry)),
        decision.action
    ));
    page.raw("</p>\n");
    people(page, reading, decision, own, target);
    reasons(page, reading, decision, own);
    findings(page, &decision.findings);
}

fn people(page: &mut Page, reading: &Reading, decision: &Decision, own: &[u64], target: bool) {
    let all = decision.recipients.len();
    if reading.person.is_none() {
        if all > 0 {
            page.paragraph(&format!(
                "It was to reach {}, known here by pseudonyms alone.",
                words::count(all as u64, "recipient")
            ));
        }
        return;
    }
    let who = words::capital(subject(reading));
    let roles: Vec<&str> = own
        .iter()
        .filter_map(|index| decision.recipients.get(usize::try_from(*index).ok()?))
        .map(|recipient| words::addressed(recipient.role))
        .collect();
    let mut text = match (roles.is_empty(), target) {
        (false, _) => format!("{who} was to be {}.", words::joined(&roles)),
        (true, true) => format!("{who} was not to be contacted; their record was to be acted on."),
        (true, false) => String::new(),
    };
    let others = all.saturating_sub(own.len());
    if others > 0 {
        _ = write!(
            text,
            " The same request named {}, of whom this report says nothing.",
            words::count(others as u64, "other recipient")
        );
    }
    page.paragraph(&text);
}

/// Why, in words: what concerns the person, or the request as a whole.
fn reasons(page: &mut Page, reading: &Reading, decision: &Decision, own: &[u64]) {
    let (mut told, mut others): (Vec<Told<'_>>, u64) = (Vec::new(), 0);
    for reason in &decision.reasons {
        if reason
            .recipient
            .is_some_and(|index| !own.is_empty() && !own.contains(&index))
        {
            others += 1;
            continue;
        }
        // One listing can name a person by several keys: that is one reason, not several.
        match told.iter_mut().find(|told| told.is_same(reason)) {
            Some(told) => told.keys.extend(reason.key.clone()),
            None => told.push(Told {
                reason,
                keys: reason.key.iter().cloned().collect(),
            }),
        }
    }
    let decisive = |told: &&Told<'_>| told.reason.code.demands() == decision.outcome;
    let (why, rest): (Vec<&Told<'_>>, Vec<&Told<'_>>) = told.iter().partition(decisive);
    let head = match (decision.basis, decision.outcome) {
        (Basis::Asserted, _) => "Remarks",
        (Basis::Gate, Outcome::Allow) => "Why it was allowed",
        (Basis::Gate, Outcome::Deny) => "Why it was denied",
        (Basis::Gate, Outcome::RequireApproval) => "Why it takes an approval",
    };
    let mut more = Vec::new();
    if others > 0 {
        let noun = if others == 1 {
            "reason concerns"
        } else {
            "reasons concern"
        };
        more.push(format!(
            "{others} further {noun} other recipients of the same request alone."
        ));
    }
    let listed = decision.reasons.len() as u64;
    if let Some(total) = decision.reasons_total.filter(|total| *total > listed) {
        more.push(format!(
            "The entry says that there were {} more than it lists.",
            words::count(total - listed, "reason")
        ));
    }
    list(page, reading, head, &why, own, &more);
    list(page, reading, "What was checked besides", &rest, own, &[]);
}

/// A reason, with every kind of key that it matched by.
struct Told<'a> {
    reason: &'a Reason,
    keys: Vec<Kind>,
}

impl Told<'_> {
    fn is_same(&self, other: &Reason) -> bool {
        let bare = |reason: &Reason| Reason {
            key: None,
            ..reason.clone()
        };
        other.key.is_some() && bare(self.reason) == bare(other)
    }

    /// The sentence of the codebook, with the person for the number that they have in the request.
    fn words(&self, own: &[u64], who: &str) -> String {
        let reason = Reason {
            cites: Vec::new(),
            cites_total: None,
            ..self.reason.clone()
        };
        let mut text = sentence(&reason).replace(" (no entry cited)", "");
        if let Some(index) = reason.recipient.filter(|index| own.contains(index)) {
            text = text.replacen(&format!("recipient {index}"), who, 1);
        }
        if let Some(key) = &reason.key {
            text = text.replacen(codebook::key_name(key), &words::kinds(&self.keys), 1);
        }
        words::capital(&text)
    }
}

fn list(
    page: &mut Page,
    reading: &Reading,
    head: &'static str,
    told: &[&Told<'_>],
    own: &[u64],
    more: &[String],
) {
    if told.is_empty() && more.is_empty() {
        return;
    }
    page.raw("<p class=\"head\">")
        .raw(head)
        .raw("</p>\n<ul class=\"why\">\n");
    for one in told {
        page.raw("<li>").prose(&one.words(own, subject(reading)));
        cites(page, reading, one.reason);
        page.raw(". <code class=\"code\">")
            .text(codebook::code(one.reason.code).word)
            .raw("</code></li>\n");
    }
    for line in more {
        page.raw("<li>").text(line).raw("</li>\n");
    }
    page.raw("</ul>\n");
}

/// The entries that a reason rests on: those that are told are led to.
fn cites(page: &mut Page, reading: &Reading, reason: &Reason) {
    let seqs: BTreeSet<u64> = reason.cites.iter().map(|cite| cite.seq).collect();
    if seqs.is_empty() {
        return;
    }
    let number = seqs.len();
    page.raw(if number == 1 {
        " (entry "
    } else {
        " (entries "
    });
    for (at, seq) in seqs.into_iter().enumerate() {
        if at > 0 {
            page.raw(", ");
        }
        let seq_text = seq.to_string();
        if reading.why(seq).is_some() {
            page.raw("<a href=\"#entry-")
                .text(&seq_text)
                .raw("\">")
                .text(&seq_text)
                .raw("</a>");
        } else {
            page.text(&seq_text);
        }
    }
    let listed = reason.cites.len() as u64;
    if let Some(total) = reason.cites_total.filter(|total| *total > listed) {
        page.text(&format!(" and {} more", total - listed));
    }
    page.raw(")");
}

/// What came of a decision, by the entries about it.
fn came_of_it(page: &mut Page, decision: &Decision, entries: &[&Entry]) {
    let mut parts = Vec::new();
    for entry in entries {
        let what = match &entry.body {
            Body::Execution(execution) => {
                format!("reported as {}", words::status(execution.status))
            }
            Body::Outcome(outcome) => words::event(outcome.event).to_owned(),
            Body::Unresolved(_) => "not reported on in time".to_owned(),
            Body::Stop(_) => "voided by the kill switch".to_owned(),
            Body::Approval(approval) => match approval.verdict {
                Verdict::Granted => "approved".to_owned(),
                Verdict::Denied => "refused by a person".to_owned(),
                Verdict::Expired => "never answered".to_owned(),
            },
            _ => continue,
        };
        parts.push(format!("{what} (entry {})", entry.seq));
    }
    let text = if !parts.is_empty() {
        format!("{}.", words::capital(&parts.join("; ")))
    } else if decision.basis == Basis::Asserted {
        return;
    } else {
        match decision.outcome {
            Outcome::Allow => "No report of it stands in this pack.".to_owned(),
            Outcome::Deny => "Nothing: no report says that it was done all the same.".to_owned(),
            Outcome::RequireApproval => "No answer stands in this pack.".to_owned(),
        }
    };
    page.raw("<p class=\"head\">What came of it</p>\n");
    page.paragraph(&text);
}

fn execution(page: &mut Page, actor: &str, execution: &Execution) {
    let provider = execution
        .provider
        .as_ref()
        .map_or_else(String::new, |provider| format!(", through `{provider}`"));
    let error = execution
        .error_code
        .as_ref()
        .map_or_else(String::new, |code| format!(", with the error `{code}`"));
    let started = execution.started_at.map_or_else(String::new, |time| {
        format!(
            " It was started on {}, by the runtime’s clock.",
            words::time(time)
        )
    });
    page.paragraph(&format!(
        "{} reported that what was decided in entry {} was {}{provider}{error}.{started}",
        words::capital(actor),
        execution.decision,
        words::status(execution.status)
    ));
    findings(page, &execution.findings);
}

fn outcome(page: &mut Page, actor: &str, outcome: &OutcomeReport) {
    let about = match (outcome.decision, outcome.about()) {
        (Some(decision), Some(execution)) => {
            format!(" It is about entry {decision}, carried out by entry {execution}.")
        }
        _ => " It names no execution that this ledger knows.".to_owned(),
    };
    let provider = outcome
        .provider
        .as_ref()
        .map_or_else(String::new, |provider| format!(", from `{provider}`"));
    let when = outcome.occurred_at.map_or_else(String::new, |time| {
        format!(
            " That was on {}, by the provider’s clock.",
            words::time(time)
        )
    });
    page.paragraph(&format!(
        "{} reported{provider}: {}.{about}{when}",
        words::capital(actor),
        words::event(outcome.event)
    ));
    findings(page, &outcome.findings);
}

fn approval(page: &mut Page, actor: &str, approval: &Approval) {
    let asked = approval.decision.unwrap_or_default();
    page.paragraph(&match approval.verdict {
        Verdict::Granted => format!(
            "{} approved what entry {asked} asked for.",
            words::capital(actor)
        ),
        Verdict::Denied => format!(
            "{} refused what entry {asked} asked for.",
            words::capital(actor)
        ),
        Verdict::Expired => {
            format!("What entry {asked} asked for was never answered, and expired.")
        }
    });
}

fn listed(page: &mut Page, reading: &Reading, actor: &str, dnc: &Dnc, listing: &Listing, by: &str) {
    let who = subject(reading);
    let exempt = dnc.op == DncOp::Exempt;
    let verdict = if exempt { "Exempted" } else { "Do not contact" };
    page.raw("<p><strong class=\"verdict list\">")
        .text(verdict)
        .raw("</strong> ");
    page.prose(&if exempt {
        format!(
            "{} exempted {who} (by {by}) from listings that allow it.",
            words::capital(actor)
        )
    } else {
        format!(
            "{} put {who} (by {by}) on the do-not-contact list{}.",
            words::capital(actor),
            listing.reason.map_or_else(String::new, |reason| format!(
                ": {}",
                words::listing(reason)
            ))
        )
    });
    page.raw("</p>\n");
    page.paragraph(&scope(listing));
    if let Some(outcome) = dnc.outcome {
        page.paragraph(&format!("It follows from the report in entry {outcome}."));
    }
}

/// For whom, by which ways and when a listing binds.
fn scope(listing: &Listing) -> String {
    let seller = listing
        .seller
        .as_ref()
        .map_or_else(|| "every seller".to_owned(), |seller| format!("`{seller}`"));
    let mut text = format!(
        "It holds for {seller}, by {}",
        words::channels(listing.channels)
    );
    for (time, what) in [
        (listing.requested_at, "asked for on"),
        (listing.effective_from, "in force from"),
        (listing.expires_at, "until"),
    ] {
        if let Some(time) = time {
            _ = write!(text, "; {what} {}", words::time(time));
        }
    }
    if let Some(source) = &listing.source {
        _ = write!(text, "; from `{source}`");
    }
    text.push('.');
    text
}

fn findings(page: &mut Page, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    page.raw("<p class=\"head\">The ledger’s remarks on this report</p>\n<ul class=\"why\">\n");
    for finding in findings {
        let explained = codebook::finding(*finding);
        page.raw("<li>")
            .prose(explained.meaning)
            .raw(" <code class=\"code\">")
            .text(explained.word)
            .raw("</code></li>\n");
    }
    page.raw("</ul>\n");
}

/// What an entry keeps outside the log, where it was asked for.
fn details(page: &mut Page, reading: &Reading, seq: u64) {
    for line in reading.details.get(&seq).into_iter().flatten() {
        page.raw("<div class=\"detail\"><p class=\"head\">Kept outside the log: ")
            .text(line.name.as_str())
            .raw("</p>\n<pre>");
        match &line.text {
            Some(text) => {
                let shown: String = text.chars().take(DETAIL_SHOWN).collect();
                page.text(&shown);
                if shown.len() < text.len() {
                    page.raw("</pre>\n<p class=\"note\">The beginning. <code>details.jsonl</code> has all of it.</p></div>\n");
                    continue;
                }
            }
            None => _ = page.text(&format!("{} bytes that are no text", line.value().len())),
        }
        page.raw("</pre></div>\n");
    }
}
