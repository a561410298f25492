//! What a service lets into an entry: the form of ids that stand in clear, how many there are of each thing,
//! and what is never there without something else.
//!
//! The daemon's service holds every request to these rules before it becomes a command, so a log that
//! breaks them was not written by it. Planning does not look at them again; replay does. Not checked are
//! the lengths of details: limits are on what a caller sends, and replacing secrets or masking may make
//! that longer before it is kept.
//!
//! Tokens are inputs, since only the ledger's own key makes them. Which kinds stand together is not: the
//! [normaliser](crate::normalise) makes the keys of one identifier together and in one order.

mod people;

use crate::entry::{
    Basis, Body, BreakerEvent, Cause, Decision, DetailName, Dnc, DncOp, Environment, Execution,
    Genesis, Key, OutcomeReport, PrincipalChange, Target, Verdict,
};
use crate::limits::{
    FIELD_BYTES_MAX, FIELDS_MAX, GROUPS_MAX, KEYS_MAX, LISTING_KEYS_MAX, LISTINGS_MAX,
    RECIPIENTS_MAX, RESULTS_MAX, TARGETS_MAX,
};
use crate::name::{
    self, ACTION_ID_MAX, ACTION_MAX, CAMPAIGN_MAX, CORRELATION_ID_MAX, ERROR_CODE_MAX, NameError,
    PRINCIPAL_MAX, PROVIDER_MAX, REQUEST_ID_MAX, TOOL_MAX, VERSION_MAX,
};
use crate::normalise::RESERVED_DOMAINS;
use crate::role::Call;
use crate::token::{Kind, TARGET_TYPE_MAX};

/// Something that no service lets into an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IllFormed {
    /// An id that must not stand in clear. A value that looks personal is not repeated.
    #[error("{0}")]
    Name(#[from] NameError),
    /// More than a request can hold.
    #[error("it has {found} {what}: expected at most {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The most that there can be.
        max: usize,
    },
    /// Keys of which it is not said under which version they were made.
    #[error("it has keys without a token version: expected `tokens_v`")]
    TokensWithoutVersion,
    /// A token version that is not in force, or that nothing is of.
    #[error("{field} `{found}`: {expected}")]
    Version {
        /// Where: `tokens_v`, or the `v` of a key.
        field: &'static str,
        /// The version found.
        found: u32,
        /// What was expected.
        expected: String,
    },
    /// Something that is never there without something else, or never together with it.
    #[error("{field} `{found}`: {expected}")]
    Unfit {
        /// Where, with the index of what there may be several of.
        field: String,
        /// What stands there: a word or a number, never a value of somebody's own; `nothing` where
        /// something is missing.
        found: String,
        /// What was expected.
        expected: String,
    },
}

impl IllFormed {
    fn unfit(field: impl Into<String>, found: impl ToString, expected: impl Into<String>) -> Self {
        Self::Unfit {
            field: field.into(),
            found: found.to_string(),
            expected: expected.into(),
        }
    }

    fn missing(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::unfit(field, "nothing", expected)
    }
}

/// Checks the form of what an entry holds, in the ledger of this genesis where that is known.
///
/// # Errors
/// [`IllFormed`]: the first thing that is wrong.
pub fn well_formed(body: &Body, genesis: Option<&Genesis>) -> Result<(), IllFormed> {
    if let Some(cause) = body.cause() {
        self::cause(cause)?;
        called(body, cause)?;
    }
    details(body, genesis)?;
    match body {
        Body::Genesis(body) => reserved(body),
        Body::Decision(body) => decision(body, genesis),
        Body::Execution(body) => execution(body),
        Body::Outcome(body) => outcome(body, genesis),
        Body::Dnc(body) => dnc(body, genesis),
        Body::Principal(body) => principal(body),
        Body::Approval(body) => name("group", &body.group, PRINCIPAL_MAX),
        Body::BreakGlass(body) => {
            name("agent", &body.agent, PRINCIPAL_MAX)?;
            optional("action", body.action.as_deref(), ACTION_MAX)
        }
        _ => Ok(()),
    }
}

fn cause(cause: &Cause) -> Result<(), IllFormed> {
    optional("request_id", cause.request_id.as_deref(), REQUEST_ID_MAX)?;
    optional("action_id", cause.action_id.as_deref(), ACTION_ID_MAX)?;
    optional(
        "correlation_id",
        cause.correlation_id.as_deref(),
        CORRELATION_ID_MAX,
    )?;
    name("actor", &cause.actor.id, PRINCIPAL_MAX)?;
    optional("version", cause.actor.version.as_deref(), VERSION_MAX)
}

/// What the service puts in for the call: what idempotency compares, and the run that it belongs to. Of
/// several entries that one call causes, the first alone has a request id; what the others hold follows.
fn called(body: &Body, cause: &Cause) -> Result<(), IllFormed> {
    let Some(call) = cause.call.filter(|_| cause.request_id.is_some()) else {
        return Ok(());
    };
    if cause.content.is_none() {
        let expected = format!("expected the HMAC of the request, which every `{call}` has");
        return Err(IllFormed::missing("content", expected));
    }
    let needs_run = match body {
        Body::Decision(_) | Body::Execution(_) => true,
        // A provider knows of no run: its own id leads to one.
        Body::Outcome(outcome) => outcome.execution.is_some(),
        _ => false,
    };
    if needs_run && cause.correlation_id.is_none() {
        let expected = format!(
            "expected an id: `{call}` takes no such {} without one",
            body.kind()
        );
        return Err(IllFormed::missing("correlation_id", expected));
    }
    if !matches!(call, Call::Decide | Call::Record) {
        let of = |field: &str| {
            let expected = format!("expected nothing: a request `{call}` has no such field");
            IllFormed::unfit(field, "something", expected)
        };
        if cause.action_id.is_some() {
            return Err(of("action_id"));
        }
        if cause.actor.version.is_some() {
            return Err(of("actor.version"));
        }
    }
    Ok(())
}

/// What stands in an entry of this kind, and what nobody does without giving a reason.
fn details(body: &Body, genesis: Option<&Genesis>) -> Result<(), IllFormed> {
    let Some(details) = body.details() else {
        return Ok(());
    };
    if let Some((name, _)) = details.iter().find(|(_, of)| of.redacted == Some(0)) {
        let field = format!("details.{}.redacted", name.as_str());
        let expected = "expected nothing where no secret was replaced";
        return Err(IllFormed::unfit(field, 0, expected));
    }
    if body.cause().is_some_and(|cause| cause.call.is_none()) && !details.is_empty() {
        let expected = "expected none: what the ledger does of its own accord has no details";
        return Err(IllFormed::unfit("details", details.len(), expected));
    }
    let reason = match body {
        Body::Resume(_) => true,
        Body::Breaker(breaker) => breaker.event == BreakerEvent::Reset,
        Body::Approval(approval) => approval.verdict == Verdict::Denied,
        _ => false,
    };
    if reason && !details.contains_key(&DetailName::Reason) {
        let expected = format!(
            "expected a commitment: a {} of this kind gives a reason",
            body.kind()
        );
        return Err(IllFormed::missing("details.reason", expected));
    }
    let people = match body {
        Body::Decision(decision) if decision.basis == Basis::Gate => {
            !decision.recipients.is_empty()
        }
        _ => false,
    };
    let Some(genesis) = genesis else {
        return Ok(());
    };
    let kept = people && genesis.environment == Environment::Prod;
    match (kept, details.contains_key(&DetailName::Recipients)) {
        (true, false) => {
            let expected = "expected a commitment to the recipients as they were received";
            Err(IllFormed::missing("details.recipients", expected))
        }
        (false, true) if people => {
            let expected = "expected nothing: a sandbox keeps nobody's identifiers";
            Err(IllFormed::unfit(
                "details.recipients",
                "something",
                expected,
            ))
        }
        (false, true) => {
            let expected = "expected nothing: the request names no recipients";
            Err(IllFormed::unfit(
                "details.recipients",
                "something",
                expected,
            ))
        }
        _ => Ok(()),
    }
}

/// The tokens themselves take the ledger's key; that there is one for each reserved domain does not.
fn reserved(genesis: &Genesis) -> Result<(), IllFormed> {
    let (found, expected) = (genesis.reserved.len(), RESERVED_DOMAINS.len());
    if found != expected {
        let expected = format!("expected {expected}: one for each reserved domain");
        return Err(IllFormed::unfit("reserved", found, expected));
    }
    for (at, token) in genesis.reserved.iter().enumerate() {
        if genesis.reserved.iter().take(at).any(|other| other == token) {
            let expected = "expected another token: no two domains have the same";
            return Err(IllFormed::unfit(
                format!("reserved[{at}]"),
                "repeated",
                expected,
            ));
        }
    }
    Ok(())
}

fn decision(body: &Decision, genesis: Option<&Genesis>) -> Result<(), IllFormed> {
    optional("agent", body.agent.as_deref(), PRINCIPAL_MAX)?;
    name("action", &body.action, ACTION_MAX)?;
    optional("tool", body.tool.as_deref(), TOOL_MAX)?;
    seller(body.seller.as_deref())?;
    optional("campaign", body.campaign.as_deref(), CAMPAIGN_MAX)?;
    if let Some(foreign) = &body.foreign {
        name("engine", &foreign.engine, TOOL_MAX)?;
    }
    if body.agent.as_ref() == Some(&body.cause.actor.id) {
        let expected = "expected nothing where the agent named is the caller";
        return Err(IllFormed::unfit("agent", "the caller", expected));
    }
    if body.basis == Basis::Asserted {
        only_reported(body)?;
    }
    targets(&body.targets)?;
    at_most("recipients", body.recipients.len(), RECIPIENTS_MAX)?;
    let keys = || body.recipients.iter().flat_map(|each| &each.keys);
    at_most("match keys", keys().count(), KEYS_MAX)?;
    let has_tokens = body.mailbox.is_some()
        || body.targets.iter().any(|target| target.id.is_some())
        || !body.recipients.is_empty();
    versions(keys(), body.tokens_v, has_tokens, genesis)?;
    for (at, recipient) in body.recipients.iter().enumerate() {
        people::recipient(at, recipient)?;
    }
    Ok(())
}

/// A decision that is recorded, not made, has no part that only `Decide` takes.
fn only_reported(body: &Decision) -> Result<(), IllFormed> {
    for (field, is_there) in [
        ("agent", body.agent.is_some()),
        ("mailbox", body.mailbox.is_some()),
        ("approval", body.approval.is_some()),
        ("undoes", body.undoes.is_some()),
    ] {
        if is_there {
            let expected = "expected nothing in a decision made elsewhere";
            return Err(IllFormed::unfit(field, "something", expected));
        }
    }
    Ok(())
}

fn targets(targets: &[Target]) -> Result<(), IllFormed> {
    at_most("targets", targets.len(), TARGETS_MAX)?;
    let fields = || {
        targets
            .iter()
            .flat_map(|target| target.reads.iter().chain(&target.writes))
    };
    at_most("field names", fields().count(), FIELDS_MAX)?;
    for (at, target) in targets.iter().enumerate() {
        name("target type", &target.kind, TARGET_TYPE_MAX)?;
        let lower = target.kind.to_ascii_lowercase() == target.kind;
        if !lower || Kind::target(&target.kind).is_err() {
            let expected = "expected lower-case letters, digits, `.`, `_` or `-`";
            return Err(IllFormed::unfit(
                format!("targets[{at}].type"),
                &target.kind,
                expected,
            ));
        }
    }
    fields().try_for_each(|field| name("field", field, FIELD_BYTES_MAX))
}

fn execution(body: &Execution) -> Result<(), IllFormed> {
    optional("provider", body.provider.as_deref(), PROVIDER_MAX)?;
    optional("error_code", body.error_code.as_deref(), ERROR_CODE_MAX)?;
    at_most("results", body.results.len(), RESULTS_MAX)?;
    for (at, result) in body.results.iter().enumerate() {
        recipient_index(&format!("results[{at}].recipient"), result.recipient)?;
    }
    body.results
        .iter()
        .try_for_each(|result| optional("error_code", result.error_code.as_deref(), ERROR_CODE_MAX))
}

fn outcome(body: &OutcomeReport, genesis: Option<&Genesis>) -> Result<(), IllFormed> {
    optional("provider", body.provider.as_deref(), PROVIDER_MAX)?;
    if let Some(recipient) = body.recipient {
        recipient_index("recipient", recipient)?;
    }
    versions(
        body.keys.iter(),
        body.tokens_v,
        !body.keys.is_empty(),
        genesis,
    )?;
    people::person("keys", &body.keys)
}

/// No request has more recipients than [`RECIPIENTS_MAX`], so none has a later one.
fn recipient_index(field: &str, index: u64) -> Result<(), IllFormed> {
    if index < RECIPIENTS_MAX as u64 {
        return Ok(());
    }
    let expected = format!("expected an index below {RECIPIENTS_MAX}");
    Err(IllFormed::unfit(field, index, expected))
}

fn dnc(body: &Dnc, genesis: Option<&Genesis>) -> Result<(), IllFormed> {
    at_most("listings", body.listings.len(), LISTINGS_MAX)?;
    at_most("listings ended", body.ends.len(), LISTINGS_MAX)?;
    let adds = matches!(body.op, DncOp::List | DncOp::Exempt);
    let keys = body.listings.iter().flat_map(|listing| &listing.keys);
    versions(keys, body.tokens_v, adds, genesis)?;
    for (at, listing) in body.listings.iter().enumerate() {
        seller(listing.seller.as_deref())?;
        optional("source", listing.source.as_deref(), PROVIDER_MAX)?;
        // What an outcome lists has the keys of the decision, and replay works them out.
        if body.outcome.is_none() {
            at_most("keys of one listing", listing.keys.len(), LISTING_KEYS_MAX)?;
            people::listing(at, listing)?;
        }
    }
    if let Some(imports) = &body.imports {
        name("source", &imports.source, PROVIDER_MAX)?;
    }
    Ok(())
}

fn principal(body: &PrincipalChange) -> Result<(), IllFormed> {
    name("id", &body.id, PRINCIPAL_MAX)?;
    at_most("groups", body.groups.len(), GROUPS_MAX)?;
    body.groups
        .iter()
        .try_for_each(|group| name("group", group, PRINCIPAL_MAX))
}

/// Every token of a log is of the version that its genesis names: nothing puts another in force.
fn versions<'a>(
    mut keys: impl Iterator<Item = &'a Key>,
    tokens_v: Option<u32>,
    has_tokens: bool,
    genesis: Option<&Genesis>,
) -> Result<(), IllFormed> {
    if let Some(v) = keys.find_map(|key| key.v) {
        return Err(IllFormed::Version {
            field: "v",
            found: v,
            expected: "expected no key of another version: none is in force".to_owned(),
        });
    }
    match (tokens_v, has_tokens) {
        (None, true) => Err(IllFormed::TokensWithoutVersion),
        (Some(found), false) => Err(IllFormed::Version {
            field: "tokens_v",
            found,
            expected: "expected nothing: the entry has no tokens".to_owned(),
        }),
        (Some(found), true) => match genesis {
            Some(genesis) if genesis.tokens_v != found => Err(IllFormed::Version {
                field: "tokens_v",
                found,
                expected: format!("expected `{}`, which genesis names", genesis.tokens_v),
            }),
            _ => Ok(()),
        },
        (None, false) => Ok(()),
    }
}

fn at_most(what: &'static str, found: usize, max: usize) -> Result<(), IllFormed> {
    if found > max {
        return Err(IllFormed::TooMany { what, found, max });
    }
    Ok(())
}

fn optional(field: &'static str, value: Option<&str>, max: usize) -> Result<(), IllFormed> {
    value.map_or(Ok(()), |value| name(field, value, max))
}

fn seller(value: Option<&str>) -> Result<(), IllFormed> {
    value.map_or(Ok(()), |value| Ok(name::seller(value)?))
}

fn name(field: &'static str, value: &str, max: usize) -> Result<(), IllFormed> {
    // Most ids have nothing in them that could be an address or a phone number: those are not searched.
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._/=-".contains(byte);
    let bytes = value.as_bytes();
    let begins = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
    if begins && bytes.len() <= max && bytes.iter().all(plain) {
        return Ok(());
    }
    Ok(name::check(field, value, max)?)
}
