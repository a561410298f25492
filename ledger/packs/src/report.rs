//! The report: one page of HTML for people who know nothing of ledgers, to read and to print.
//!
//! It is a function of the manifest and of what the entries say. There is nothing else in it, neither a
//! time of its own nor a word from elsewhere; so whoever has the other files of a pack makes it again and
//! compares. It needs no script and loads nothing.

mod page;
mod statements;
mod timeline;
mod words;

use std::fmt::Write as _;

use ledger_core::codebook::{self, key_name};
use ledger_core::entry::{Body, Code, Finding};
use ledger_core::hash::Hash;
use ledger_core::token::{Kind, token_from_opening};

use crate::concern::Why;
use crate::coverage::{Coverage, Gap};
use crate::manifest::{Manifest, Query};
use crate::reading::Reading;
use crate::{MANIFEST_FILE, REPORT_FILE};
use page::Page;
pub use statements::{Counts, does_not_prove, proves, subject};

const STYLE: &str = include_str!("report/style.css");

/// The report of a pack.
pub fn html(manifest: &Manifest, reading: &Reading) -> String {
    let mut page = Page::default();
    let title = title(&manifest.query);
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n")
        .raw("<meta name=\"referrer\" content=\"no-referrer\">\n<title>")
        .text(&title)
        .raw("</title>\n<style>\n")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body>\n<header>\n<p class=\"kicker\">Evidence pack</p>\n<h1>")
        .text(&title)
        .raw("</h1>\n");
    page.paragraph(&asked(manifest, reading));
    page.raw("</header>\n<main>\n");
    summary(&mut page, reading);
    identifiers(&mut page, reading);
    section(&mut page, "timeline", "What happened");
    page.raw("<p class=\"note\">In the order of the ledger’s log. Every item is one entry of it, with the time at which the ledger wrote it. \
              The words in typewriter letters are the ledger’s own; those beside a reason are explained further below.</p>\n");
    timeline::write(&mut page, reading);
    disclosures(&mut page, reading);
    coverage(&mut page, reading);
    section(&mut page, "proven", "What this pack proves");
    page.paragraph("To whoever has checked it as told at the end, and trusts the ledger’s key:");
    page.list(proves(reading));
    section(&mut page, "not-proven", "What it does not prove");
    page.list(does_not_prove(reading));
    glossary(&mut page, reading);
    anchor(&mut page, manifest, reading);
    contents(&mut page, manifest, reading);
    page.raw("</main>\n");
    command(&mut page, manifest);
    page.raw("</body>\n</html>\n");
    page.finish()
}

fn section(page: &mut Page, id: &'static str, title: &'static str) {
    page.raw("<h2 id=\"")
        .raw(id)
        .raw("\">")
        .raw(title)
        .raw("</h2>\n");
}

fn title(query: &Query) -> String {
    let what = match (&query.person, &query.correlation_id) {
        (Some(person), _) => {
            let given: Vec<&str> = person.given().collect();
            format!("about {}", words::joined(&given))
        }
        (None, Some(id)) => format!("under the correlation id {id}"),
        (None, None) => String::new(),
    };
    format!("What the ledger recorded {what}")
}

fn asked(manifest: &Manifest, reading: &Reading) -> String {
    let handed_out = reading
        .entries
        .get(&reading.access)
        .map_or_else(String::new, |entry| {
            format!(", handed out on {}", words::time(entry.time))
        });
    format!(
        "From the ledger `{}`{handed_out} to {}. Times are in UTC, by the ledger’s clock.",
        manifest.ledger.origin,
        reading
            .entries
            .get(&reading.access)
            .map_or_else(|| format!("`{}`", manifest.principal), timeline::actor)
    )
}

fn summary(page: &mut Page, reading: &Reading) {
    let counts = Counts::of(reading);
    section(page, "summary", "In short");
    let who = subject(reading);
    let asks = counts.allowed + counts.denied + counts.approval;
    let mut said = Vec::new();
    said.push(if asks == 0 {
        format!("No agent asked the ledger for anything that would have concerned {who}.")
    } else {
        format!(
            "Agents asked the ledger {} about {who}. It allowed {}, denied {} and referred {} to a person.",
            words::times(asks),
            number(counts.allowed),
            number(counts.denied),
            number(counts.approval)
        )
    });
    if counts.asserted > 0 {
        said.push(format!(
            "It was recorded {} that another program had decided something about {who}.",
            words::times(counts.asserted)
        ));
    }
    if counts.executions > 0 {
        let mut line = format!(
            "It was reported {} that something was carried out or tried",
            words::times(counts.executions)
        );
        if counts.unallowed > 0 {
            _ = write!(
                line,
                ", {} of them something that had not been allowed",
                number(counts.unallowed)
            );
        }
        said.push(line + ".");
    }
    if counts.unresolved > 0 {
        said.push(format!(
            "Nobody reported in time what became of something allowed: {}.",
            words::times(counts.unresolved)
        ));
    }
    for (event, number) in &counts.outcomes {
        said.push(format!(
            "Afterwards it was reported {}: {event}.",
            words::times(*number)
        ));
    }
    if reading.person.is_some() {
        said.extend(on_the_list(reading, &counts));
    }
    page.list(said);
    page.raw("<p class=\"note\">A ledger is a program beside an organisation’s AI agents. Before an agent contacts somebody or changes \
              a record, it has to ask the ledger, which allows or denies the act by fixed rules, and writes down what was asked, what was \
              decided and why. Its log can only be added to: what stands in it cannot be changed afterwards without that being noticed.</p>\n");
}

fn number(number: u64) -> String {
    if number == 0 {
        "none".to_owned()
    } else {
        number.to_string()
    }
}

/// Since when the person is on the list, and what was allowed after.
fn on_the_list(reading: &Reading, counts: &Counts) -> Vec<String> {
    let who = words::capital(subject(reading));
    let first = reading.told().find(|(entry, why)| {
        matches!(why, Why::Listed { .. })
            && matches!(&entry.body, Body::Dnc(dnc) if dnc.listings.iter().any(|listing| listing.reason.is_some()))
    });
    let Some((first, _)) = first else {
        return vec![format!(
            "{who} does not stand on the do-not-contact list in these entries."
        )];
    };
    let after = reading
        .told()
        .filter(|(entry, _)| {
            entry.seq > first.seq
                && matches!(&entry.body, Body::Decision(decision)
                    if decision.outcome == ledger_core::entry::Outcome::Allow)
        })
        .count() as u64;
    let mut said = vec![format!(
        "{who} was first put on the do-not-contact list on {} (entry {}).",
        words::time(first.time),
        first.seq
    )];
    said.push(if after == 0 {
        "After that, nothing was allowed in these entries.".to_owned()
    } else {
        format!(
            "After that, {} allowed in these entries: a listing can be for one seller or one way of contact, can be ended, and \
             can be lifted by an exemption.",
            if after == 1 { "one request was".to_owned() } else { format!("{after} requests were") }
        )
    });
    if counts.ended > 0 {
        said.push(format!(
            "{} later.",
            words::count(counts.ended, "listing was ended")
                .replace("listing was endeds", "listings were ended")
        ));
    }
    said
}

fn identifiers(page: &mut Page, reading: &Reading) {
    section(page, "who", "Who is meant");
    let Some((_, opening)) = &reading.person else {
        page.paragraph(
            "The log names nobody. People stand in it by pseudonyms, and this pack opens none of them: it was asked for by a \
             correlation id, the name under which the steps of one undertaking are recorded together.",
        );
        return;
    };
    page.paragraph(
        "The log names nobody: it holds pseudonyms (tokens), computed from the identifiers with a secret key. For this pack the \
         ledger has disclosed what ties the following identifiers to their pseudonyms, and nobody else’s. A domain or an account is \
         shared: its pseudonym stands for everybody there. Whether they match is computed again when the pack is checked.",
    );
    page.raw("<table><thead><tr><th scope=\"col\">Identifier</th><th scope=\"col\">Kind</th><th scope=\"col\" class=\"name\">Pseudonym</th>\
              <th scope=\"col\" class=\"number\">Entries</th></tr></thead><tbody>\n");
    for key in opening.keys() {
        let Ok(kind) = key.kind.parse::<Kind>() else {
            continue;
        };
        let token = token_from_opening(&key.s, &kind, &key.identifier);
        let spelled = token.to_string();
        let number = reading
            .told()
            .filter(|(_, why)| **why != Why::Disclosed)
            .filter(|(entry, _)| names(entry, &token))
            .count();
        page.raw("<tr><td>")
            .text(&key.identifier)
            .raw("</td><td>")
            .text(key_name(&kind))
            .raw("</td><td class=\"name\"><code>")
            .text(spelled.get(..12).unwrap_or_default())
            .raw("…</code></td><td class=\"number\">")
            .text(&number.to_string())
            .raw("</td></tr>\n");
    }
    page.raw("</tbody></table>\n");
}

/// Whether a token stands in an entry that is told.
fn names(entry: &ledger_core::entry::Entry, token: &ledger_core::token::Token) -> bool {
    let has = |keys: &[ledger_core::entry::Key]| keys.iter().any(|key| key.token == *token);
    match &entry.body {
        Body::Decision(decision) => {
            decision
                .recipients
                .iter()
                .any(|recipient| has(&recipient.keys))
                || decision
                    .targets
                    .iter()
                    .any(|target| target.id == Some(*token))
        }
        Body::Dnc(dnc) => dnc.listings.iter().any(|listing| has(&listing.keys)),
        Body::Outcome(outcome) => has(&outcome.keys),
        _ => false,
    }
}

/// Who was given the means to tell who it is.
fn disclosures(page: &mut Page, reading: &Reading) {
    let disclosed: Vec<String> = reading
        .told()
        .filter(|(_, why)| **why == Why::Disclosed)
        .map(|(entry, _)| {
            let call = match &entry.body {
                Body::Access(access) => access.call.as_str(),
                _ => "",
            };
            format!(
                "{}, to {} by the call `{call}` (entry {}).",
                words::time(entry.time),
                timeline::actor(entry),
                entry.seq
            )
        })
        .collect();
    if disclosed.is_empty() {
        return;
    }
    section(page, "disclosed", "To whom it was disclosed");
    page.paragraph("Whenever the ledger ties a name to its pseudonyms for somebody, it writes that down first.");
    page.list(disclosed);
}

fn coverage(page: &mut Page, reading: &Reading) {
    let Coverage {
        from,
        to,
        starts,
        clock_jumps,
        gaps,
        unshown,
    } = &reading.coverage;
    section(page, "coverage", "When the ledger was recording");
    if let (Some(from), Some(to)) = (from, to) {
        page.paragraph(&format!(
            "This pack covers the time from {} (the ledger was created) to {} (this pack was handed out). In it the ledger \
             was started {}.",
            words::time(*from),
            words::time(*to),
            words::times(*starts)
        ));
    }
    // Between creating a ledger and starting it there is always a moment.
    let gaps: Vec<&Gap> = gaps.iter().filter(|gap| gap.is_long()).collect();
    if gaps.is_empty() {
        page.paragraph("The entries in this pack show no time in which it was not recording.");
    } else {
        page.raw("<table><caption>Times in which nothing was recorded, and so nothing could be allowed</caption><thead><tr>\
                  <th scope=\"col\">From</th><th scope=\"col\">To</th><th scope=\"col\">Length</th><th scope=\"col\">Why</th></tr></thead><tbody>\n");
        for gap in gaps {
            page.raw("<tr><td>")
                .text(&words::time(gap.from))
                .raw("</td><td>")
                .text(&words::time(gap.to))
                .raw("</td><td>")
                .text(&words::length(gap.from, gap.to))
                .raw("</td><td>")
                .text(words::gap(gap.cause))
                .text(&format!(" (entry {})", gap.ended_by))
                .raw("</td></tr>\n");
        }
        page.raw("</tbody></table>\n");
    }
    if *clock_jumps > 0 {
        page.paragraph(&format!(
            "The clock was seen to jump {}: times near these entries are in doubt.",
            words::times(*clock_jumps)
        ));
    }
    if let Some((from, to)) = unshown {
        page.paragraph(&format!(
            "For the rest it was running by its own account. The longest stretch of that without an entry in this pack is {}, \
             from {} to {}: an interruption within it could not be seen here. The whole log shows it.",
            words::length(*from, *to),
            words::time(*from),
            words::time(*to)
        ));
    }
    page.paragraph(
        "While the ledger is not running nothing is allowed by it. Whether anything was done without asking it, no ledger can \
         know.",
    );
}

/// The reasons and findings that occur, in words.
fn glossary(page: &mut Page, reading: &Reading) {
    let (mut codes, mut findings): (Vec<Code>, Vec<Finding>) = (Vec::new(), Vec::new());
    for (entry, _) in reading.told() {
        match &entry.body {
            Body::Decision(decision) => {
                codes.extend(decision.reasons.iter().map(|reason| reason.code));
                findings.extend(&decision.findings);
            }
            Body::Execution(execution) => findings.extend(&execution.findings),
            Body::Outcome(outcome) => findings.extend(&outcome.findings),
            _ => {}
        }
    }
    let codes = Code::ALL
        .into_iter()
        .filter(|code| codes.contains(code))
        .map(codebook::code);
    let findings = codebook::FINDINGS
        .into_iter()
        .filter(|finding| findings.contains(finding))
        .map(codebook::finding);
    let explained: Vec<_> = codes.chain(findings).collect();
    if explained.is_empty() {
        return;
    }
    section(page, "words", "The ledger’s words");
    page.list([
        "The policy is the organisation’s set of rules for its agents, written in advance. A row of it grants one kind of act to one agent.",
        "A tier says how risky an act is, from 0 to 3: from tier 2 on a person has to approve it, unless the row says otherwise.",
        "A throttle is a limit on how often something may be done within a length of time.",
        "A seller is the company or brand on whose behalf somebody is contacted.",
        "A listing is an item on the do-not-contact list: it names a person, a domain or a company by its pseudonym.",
        "The kill switch stops agents at once; whatever they were allowed and have not done is void.",
    ]);
    page.raw("<table><thead><tr><th scope=\"col\">Word</th><th scope=\"col\">What it means</th></tr></thead><tbody>\n");
    for explanation in explained {
        page.raw("<tr><th scope=\"row\"><code>")
            .text(explanation.word)
            .raw("</code></th><td>")
            .prose(explanation.meaning)
            .raw("</td></tr>\n");
    }
    page.raw("</tbody></table>\n<p class=\"note\">All of them: <code>reasons.md</code>.</p>\n");
}

fn anchor(page: &mut Page, manifest: &Manifest, reading: &Reading) {
    section(page, "trust", "What it all rests on");
    page.paragraph(
        "Everything in this pack is proven by one signature, made with the ledger’s secret key. Whether that key is the right \
         one cannot be seen from the pack: anybody can make a ledger, and a pack, with a key of their own. Get the public key \
         from the organisation by another way (its website, a contract, a letter, or a person), and compare it with this one:",
    );
    let key = &manifest.ledger.key;
    page.raw("<table class=\"keep\"><tbody>\n");
    page.row("Key", &format!("`{key}`"));
    page.row(
        "Its fingerprint",
        &format!("`{}`", grouped(&Hash::of(key.as_bytes()))),
    );
    page.row("Log", &format!("`{}`", manifest.ledger.origin));
    page.row(
        "Signed",
        &format!(
            "{} entries, with the root hash `{}`",
            manifest.ledger.size, manifest.ledger.root
        ),
    );
    for witness in &reading.checkpoint.witnesses {
        page.row(
            "Witness",
            &format!("`{}`, with the key `{}`", witness.witness, witness.key),
        );
    }
    page.raw("</tbody></table>\n<p class=\"note\">The fingerprint is the SHA-256 of the key’s line, without a line feed.</p>\n");
}

/// Hex digits in groups, to be read out.
fn grouped(hash: &Hash) -> String {
    let text = hash.to_string();
    let groups: Vec<&str> = (0..64)
        .step_by(8)
        .filter_map(|at| text.get(at..at + 8))
        .collect();
    groups.join(" ")
}

fn contents(page: &mut Page, manifest: &Manifest, reading: &Reading) {
    section(page, "contents", "What is in this pack");
    page.raw("<table><tbody>\n");
    page.row("Asked for", &query(&manifest.query));
    page.row(
        "By",
        &format!("`{}` (entry {})", manifest.principal, manifest.access),
    );
    page.row(
        "Put together",
        &format!(
            "{} by `{}`, by the clock of the machine that it ran on",
            words::time(manifest.made_at),
            manifest.made_by
        ),
    );
    page.row(
        "Entries",
        &format!(
            "{}: {} told above, and those that they cite, that registered who acts in them, and that show when the ledger was \
             running",
            reading.entries.len(),
            reading.concerned.len()
        ),
    );
    page.raw("</tbody></table>\n<table><thead><tr><th scope=\"col\">File</th><th scope=\"col\">SHA-256</th>\
              <th scope=\"col\" class=\"number\">Bytes</th></tr></thead><tbody>\n");
    for file in manifest
        .files
        .iter()
        .filter(|file| file.name != REPORT_FILE)
    {
        page.raw("<tr><td class=\"name\"><code>")
            .text(&file.name)
            .raw("</code></td><td><code>")
            .text(&file.sha256.to_string())
            .raw("</code></td><td class=\"number\">")
            .text(&file.bytes.to_string())
            .raw("</td></tr>\n");
    }
    page.raw("</tbody></table>\n");
    page.paragraph(&format!(
        "Besides these there are this page, `{REPORT_FILE}`, which is made from them, and `{MANIFEST_FILE}`, which lists them all."
    ));
}

fn query(query: &Query) -> String {
    let mut text = match (&query.person, &query.correlation_id) {
        (Some(person), _) => {
            let given: Vec<String> = person.given().map(|value| format!("`{value}`")).collect();
            format!("everything about {}", words::joined(&given))
        }
        (None, Some(id)) => format!("everything under the correlation id `{id}`"),
        (None, None) => String::new(),
    };
    text.push_str(if query.details {
        ", with what is kept outside the log"
    } else {
        ", without what is kept outside the log"
    });
    text
}

fn command(page: &mut Page, manifest: &Manifest) {
    page.raw("<footer class=\"keep\">\n<h2 id=\"check\" style=\"border-top:0;margin-top:.4rem\">How to check it</h2>\n");
    page.paragraph(
        "On any computer, without a network and without the ledger: put the public key that you were given into a file \
         `ledger.vkey`, and run this beside the pack. It works out every hash, proof, pseudonym and decision again, makes this \
         page again and compares it, and names the first thing that is wrong.",
    );
    page.raw("<pre class=\"command\">ledger-verify pack ")
        .text(&quoted(&manifest.name))
        .raw(" --vkey ledger.vkey</pre>\n</footer>\n");
}

/// A name as a shell takes it for one word.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@');
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}
