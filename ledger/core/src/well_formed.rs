//! What a service lets into an entry: the form of ids that stand in clear, and how many of each thing.
//!
//! The daemon's service holds every request to these rules before it becomes a command, so a log that
//! breaks them was not written by it. Planning does not look at them again; replay does. Not checked are
//! the lengths of details: limits are on what a caller sends, and replacing secrets or masking may make
//! that longer before it is kept.

use crate::entry::{
    Body, Cause, Decision, Dnc, Execution, Key, OutcomeReport, PrincipalChange, Target,
};
use crate::limits::{
    FIELD_BYTES_MAX, FIELDS_MAX, GROUPS_MAX, KEYS_MAX, LISTING_KEYS_MAX, LISTINGS_MAX,
    RECIPIENTS_MAX, RESULTS_MAX, TARGETS_MAX,
};
use crate::name::{
    self, ACTION_ID_MAX, ACTION_MAX, CAMPAIGN_MAX, CORRELATION_ID_MAX, ERROR_CODE_MAX, NameError,
    PRINCIPAL_MAX, PROVIDER_MAX, REQUEST_ID_MAX, TOOL_MAX, VERSION_MAX,
};
use crate::token::TARGET_TYPE_MAX;

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
    #[error("it has keys without a token version: expected `tokens_v`, or `v` with each")]
    TokensWithoutVersion,
}

/// Checks the form of what an entry holds.
///
/// # Errors
/// [`IllFormed`]: the first thing that is wrong.
pub fn well_formed(body: &Body) -> Result<(), IllFormed> {
    if let Some(cause) = body.cause() {
        self::cause(cause)?;
    }
    match body {
        Body::Decision(body) => decision(body),
        Body::Execution(body) => execution(body),
        Body::Outcome(body) => outcome(body),
        Body::Dnc(body) => dnc(body),
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

fn decision(body: &Decision) -> Result<(), IllFormed> {
    optional("agent", body.agent.as_deref(), PRINCIPAL_MAX)?;
    name("action", &body.action, ACTION_MAX)?;
    optional("tool", body.tool.as_deref(), TOOL_MAX)?;
    seller(body.seller.as_deref())?;
    optional("campaign", body.campaign.as_deref(), CAMPAIGN_MAX)?;
    if let Some(foreign) = &body.foreign {
        name("engine", &foreign.engine, TOOL_MAX)?;
    }
    targets(&body.targets)?;
    at_most("recipients", body.recipients.len(), RECIPIENTS_MAX)?;
    let keys = || body.recipients.iter().flat_map(|each| &each.keys);
    at_most("match keys", keys().count(), KEYS_MAX)?;
    versions(keys(), body.tokens_v)
}

fn targets(targets: &[Target]) -> Result<(), IllFormed> {
    at_most("targets", targets.len(), TARGETS_MAX)?;
    let fields = || {
        targets
            .iter()
            .flat_map(|target| target.reads.iter().chain(&target.writes))
    };
    at_most("field names", fields().count(), FIELDS_MAX)?;
    for target in targets {
        name("target type", &target.kind, TARGET_TYPE_MAX)?;
    }
    fields().try_for_each(|field| name("field", field, FIELD_BYTES_MAX))
}

fn execution(body: &Execution) -> Result<(), IllFormed> {
    optional("provider", body.provider.as_deref(), PROVIDER_MAX)?;
    optional("error_code", body.error_code.as_deref(), ERROR_CODE_MAX)?;
    at_most("results", body.results.len(), RESULTS_MAX)?;
    body.results
        .iter()
        .try_for_each(|result| optional("error_code", result.error_code.as_deref(), ERROR_CODE_MAX))
}

fn outcome(body: &OutcomeReport) -> Result<(), IllFormed> {
    optional("provider", body.provider.as_deref(), PROVIDER_MAX)?;
    versions(body.keys.iter(), body.tokens_v)
}

fn dnc(body: &Dnc) -> Result<(), IllFormed> {
    at_most("listings", body.listings.len(), LISTINGS_MAX)?;
    at_most("listings ended", body.ends.len(), LISTINGS_MAX)?;
    for listing in &body.listings {
        seller(listing.seller.as_deref())?;
        optional("source", listing.source.as_deref(), PROVIDER_MAX)?;
        // What an outcome lists has the keys of the decision, under every version that these have.
        if body.outcome.is_none() {
            at_most("keys of one listing", listing.keys.len(), LISTING_KEYS_MAX)?;
        }
    }
    if let Some(imports) = &body.imports {
        name("source", &imports.source, PROVIDER_MAX)?;
    }
    let keys = body.listings.iter().flat_map(|listing| &listing.keys);
    versions(keys, body.tokens_v)
}

fn principal(body: &PrincipalChange) -> Result<(), IllFormed> {
    name("id", &body.id, PRINCIPAL_MAX)?;
    at_most("groups", body.groups.len(), GROUPS_MAX)?;
    body.groups
        .iter()
        .try_for_each(|group| name("group", group, PRINCIPAL_MAX))
}

fn versions<'a>(
    mut keys: impl Iterator<Item = &'a Key>,
    tokens_v: Option<u32>,
) -> Result<(), IllFormed> {
    if tokens_v.is_none() && keys.any(|key| key.v.is_none()) {
        return Err(IllFormed::TokensWithoutVersion);
    }
    Ok(())
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
