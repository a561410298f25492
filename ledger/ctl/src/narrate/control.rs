//! What people did to the ledger, and when it was recording.

use ledger_core::entry::{
    Access, Boot, Change, Clock, ClockEvent, Dnc, DncOp, Environment, Genesis, Listing,
    PolicyEntry, PrincipalChange, Resume, Stop,
};
use ledger_core::role::Call;
use ledger_core::token::Kind;

use super::{Story, listed, short, who, who_first};
use crate::text::{counted, put};
use crate::values::scope;

/// How many listings are told one by one.
const LISTINGS_SHOWN: usize = 5;

pub(super) fn genesis(story: &mut Story, genesis: &Genesis) {
    let environment = match genesis.environment {
        Environment::Prod => "prod",
        Environment::Sandbox => "sandbox",
    };
    story.say(format!(
        "The ledger `{}` ({environment}) was created, gate version {}, normaliser {}.",
        genesis.origin, genesis.gate, genesis.normaliser
    ));
    story.say(format!("It signs with {}.", genesis.key));
}

pub(super) fn boot(story: &mut Story, boot: &Boot) {
    let before = if boot.clean {
        "in good order"
    } else {
        "without a word: it died"
    };
    story.say(format!(
        "ledgerd {} started with gate version {}. Nothing was recorded since {}, when it had stopped {before}.",
        boot.software, boot.gate, boot.since
    ));
}

pub(super) fn principal(story: &mut Story, change: &PrincipalChange) {
    let done = match change.change {
        Change::Added => "added",
        Change::Changed => "changed",
        Change::Revoked => "revoked",
    };
    let groups = match change.groups.as_slice() {
        [] => String::new(),
        groups => format!(", in {}", listed(groups)),
    };
    story.say(format!(
        "{} {done} the {} `{}`{groups}.",
        who_first(&change.cause.actor),
        change.role,
        change.id
    ));
}

pub(super) fn policy(story: &mut Story, policy: &PolicyEntry) {
    if let Some(first) = policy.continues {
        story.say(format!("Continues the policy of #{first}."));
        return;
    }
    let hash = policy
        .sha256
        .map(|hash| format!(" {}", short(hash)))
        .unwrap_or_default();
    let replaces = match &policy.replaces {
        Some(old) => format!("; it replaces that of #{} ({})", old.seq, short(old.sha256)),
        None => "; it is the first".to_owned(),
    };
    story.say(format!(
        "{} published the policy{hash}{replaces}.",
        who_first(&policy.cause.actor)
    ));
}

pub(super) fn dnc(story: &mut Story, dnc: &Dnc) {
    let who = who_first(&dnc.cause.actor);
    if let Some(imports) = &dnc.imports
        && dnc.op == DncOp::ImportBegin
    {
        story.say(format!(
            "{who} began to import `{}` ({}), the file with SHA-256 {}.",
            imports.source,
            reason_word(imports.reason),
            short(imports.sha256)
        ));
        return;
    }
    let (done, what) = match dnc.op {
        DncOp::ImportBegin | DncOp::ImportEnd => {
            story.say(format!(
                "{who} completed the import of #{}: {}.",
                dnc.import.unwrap_or_default(),
                counted(dnc.imported.unwrap_or_default(), "listing", "listings")
            ));
            let rejected = dnc.imports.as_ref().and_then(|imports| imports.rejected);
            if let Some(rejected) = rejected.filter(|rejected| *rejected > 0) {
                let rows = counted(rejected, "row of the file was", "rows of the file were");
                story.say(format!("{rows} rejected and left out."));
            }
            return;
        }
        DncOp::List => ("listed", "subject"),
        DncOp::Exempt => ("exempted", "person"),
        DncOp::Unlist => ("ended", "listing"),
    };
    let count = dnc.listings.len().max(dnc.ends.len()) as u64;
    let many = if what == "person" {
        "people".to_owned()
    } else {
        format!("{what}s")
    };
    story.say(format!("{who} {done} {}.", counted(count, what, &many)));
    if let Some(outcome) = dnc.outcome {
        story.say(format!("It follows from the report of #{outcome}."));
    }
    for (index, listing) in dnc.listings.iter().enumerate().take(LISTINGS_SHOWN) {
        story.point(listing_words(index, listing));
    }
    if let Some(more) = dnc
        .listings
        .len()
        .checked_sub(LISTINGS_SHOWN)
        .filter(|more| *more > 0)
    {
        story.say(format!("And {more} more."));
    }
    if !dnc.ends.is_empty() {
        let ends: Vec<String> = dnc
            .ends
            .iter()
            .map(|end| format!("{}/{}", end.seq, end.index.unwrap_or_default()))
            .collect();
        story.say(format!("Ended: {}.", listed(&ends)));
    }
    if let Some(evidence) = dnc.evidence {
        story.say(format!(
            "Justified by the document with SHA-256 {}.",
            short(evidence)
        ));
    }
}

fn listing_words(index: usize, listing: &Listing) -> String {
    let mut kinds: Vec<Kind> = listing.keys.iter().map(|key| key.kind.clone()).collect();
    kinds.dedup();
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    let seller = match &listing.seller {
        Some(seller) => format!("for seller `{seller}`"),
        None => "for every seller".to_owned(),
    };
    let channels = if listing.channels.is_empty() {
        "by any channel".to_owned()
    } else {
        format!("by {}", listing.channels)
    };
    let mut text = format!("{index}: by {}, {seller}, {channels}", listed(&kinds));
    if let Some(reason) = listing.reason {
        put!(text, ", because of {}", reason_word(reason));
    }
    if let Some(source) = &listing.source {
        put!(text, ", from {source}");
    }
    if let Some(time) = listing.requested_at {
        put!(text, ", asked for at {time}");
    }
    if let Some(time) = listing.effective_from {
        put!(text, ", from {time}");
    }
    if let Some(time) = listing.expires_at {
        put!(text, ", until {time}");
    }
    text
}

/// A listing's reason, as entries spell it.
pub(super) fn reason_word(reason: ledger_core::entry::ListingReason) -> String {
    serde_json::to_value(reason)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

pub(super) fn stop(story: &mut Story, stop: &Stop) {
    story.say(format!(
        "{} stopped {}; that voided {}.",
        who_first(&stop.cause.actor),
        scope::words(&stop.scope),
        counted(stop.voided, "outstanding allow", "outstanding allows")
    ));
}

pub(super) fn resume(story: &mut Story, resume: &Resume) {
    let stops: Vec<String> = resume.stops.iter().map(|seq| format!("#{seq}")).collect();
    story.say(format!(
        "{} resumed {}; that ended {}.",
        who_first(&resume.cause.actor),
        scope::words(&resume.scope),
        listed(&stops)
    ));
}

pub(super) fn access(story: &mut Story, access: &Access) {
    let mut text = format!("{} called {}", who_first(&access.actor), access.call);
    if let Some(detail) = access.detail {
        put!(text, " for the detail {}", detail.as_str());
    }
    match (access.from, access.to) {
        (Some(from), Some(to)) if to == from + 1 => put!(text, " of #{from}"),
        (Some(from), Some(to)) => {
            put!(text, " of #{from} to #{}", to.saturating_sub(1));
        }
        (Some(from), None) => put!(text, " of #{from}"),
        (None, Some(to)) => put!(text, " of everything before #{to}"),
        (None, None) => {}
    }
    if !access.tokens.is_empty() {
        let keys: Vec<String> = access
            .tokens
            .iter()
            .map(|key| format!("{} {}", key.kind, short(key.token)))
            .collect();
        let how = match access.call {
            Call::Tokenise => "to learn the token of",
            Call::CheckDnc => "to look up in the list",
            Call::List | Call::Tail => "to find the entries that name",
            _ => "opening",
        };
        put!(text, ", {how} {}", listed(&keys));
    }
    story.say(format!("{text}."));
}

pub(super) fn clock(story: &mut Story, clock: &Clock) {
    match clock.event {
        ClockEvent::Seen => {
            let bound = clock
                .bound_ms
                .map(|ms| format!(" (tolerated: {ms} ms)"))
                .unwrap_or_default();
            story.say(format!(
                "The clock jumped: {} was expected, and it said {}{bound}. Every allow is a denial until an operator \
                 acknowledges it.",
                clock.before, clock.after
            ));
        }
        ClockEvent::Acknowledged => {
            let seen = clock
                .acknowledges
                .map(|seq| format!(" of #{seq}"))
                .unwrap_or_default();
            story.say(format!(
                "The clock jump{seen} was acknowledged by {}. The last entry's time was {}, the clock's {}.",
                who(&clock.cause.actor),
                clock.before,
                clock.after
            ));
        }
    }
}
