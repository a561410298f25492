//! `Decide`.

use ledger_core::entry::{Basis, Body, Decision, DetailName, Environment, Foreign};
use ledger_core::name::{ACTION_MAX, CAMPAIGN_MAX, PRINCIPAL_MAX, TOOL_MAX};
use ledger_core::role::Call;
use ledger_proto::v1 as wire;

use super::{ACTION_IDS, Command, Ids, Intake, Redact, field, vocabulary};
use crate::auth::Caller;
use crate::content;
use crate::queue::Lane;
use crate::status::{CallError, FieldError};

impl Intake {
    /// The command of a `Decide` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed or over a limit.
    pub fn decide(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::DecideRequest,
    ) -> Result<Command, CallError> {
        let wire::DecideRequest {
            request_id,
            correlation_id,
            action_id,
            agent_id,
            agent_version,
            action,
            tool,
            seller,
            campaign,
            mailbox,
            targets,
            recipients,
            details,
            cost_micros,
            foreign,
            approval,
            undoes,
        } = request;
        let named = field::name("agent_id", &agent_id, PRINCIPAL_MAX)?;
        let agent = named.filter(|named| **named != *caller.id);
        let action = field::required_name("action", &action, ACTION_MAX)?;
        let tool = field::name("tool", &tool, TOOL_MAX)?;
        let seller = field::seller("seller", &seller)?;
        let campaign = field::name("campaign", &campaign, CAMPAIGN_MAX)?;
        let mailbox = self.mailbox(&mailbox)?.unzip();
        let (targets, objects) = self.targets(targets)?;
        let people = self.recipients(&recipients)?;
        let cost_micros = cost_micros
            .map(|cost| field::integer("cost_micros", cost))
            .transpose()?;
        let foreign = foreign
            .map(|foreign| foreign_decision("foreign", &foreign))
            .transpose()?;
        let approval = approval
            .map(|seq| field::integer("approval", seq))
            .transpose()?;
        let undoes = undoes
            .map(|seq| field::integer("undoes", seq))
            .transpose()?;
        let mut details = self.details(redact, details)?;
        // A sandbox keeps nobody's raw identifiers: there is nothing to check its tokens by.
        if let Some(raw) = people.raw
            && self.environment == Environment::Prod
        {
            details.add_own("recipients", DetailName::Recipients, raw)?;
        }

        let request = content::Action {
            agent,
            action,
            tool,
            seller,
            campaign,
            mailbox: mailbox.1,
            targets: objects,
            recipients: people.canonical,
            cost_micros,
            foreign,
            undoes,
        };
        let ids = Ids {
            request_id: &request_id,
            action_id: &action_id,
            correlation_id: &correlation_id,
            agent_version: &agent_version,
            fields: &ACTION_IDS,
        };
        let cause = self.cause(caller, Call::Decide, &ids, &request, &details.received)?;
        let content::Action {
            agent,
            action,
            tool,
            seller,
            campaign,
            cost_micros,
            foreign,
            ..
        } = request;
        let has_tokens = mailbox.0.is_some()
            || targets.iter().any(|target| target.id.is_some())
            || !people.tokens.is_empty();
        let decision = Decision {
            agent,
            tool,
            seller,
            campaign,
            mailbox: mailbox.0,
            targets,
            recipients: people.tokens,
            tokens_v: has_tokens.then_some(self.tokens_v),
            cost_micros,
            foreign,
            approval,
            undoes,
            details: details.commitments,
            ..Decision::request(Basis::Gate, cause, action)
        };
        Ok(Command::new(
            Lane::Work,
            Body::Decision(Box::new(decision)),
            details.stored,
        ))
    }
}

pub(super) fn foreign_decision(
    field: &str,
    foreign: &wire::ForeignDecision,
) -> Result<Foreign, FieldError> {
    Ok(Foreign {
        engine: field::required_name(&format!("{field}.engine"), &foreign.engine, TOOL_MAX)?,
        policy: field::hash(&format!("{field}.policy_sha256"), &foreign.policy_sha256)?,
        outcome: vocabulary::outcome(&format!("{field}.outcome"), foreign.outcome)?,
    })
}

#[cfg(test)]
pub(super) mod tests;
