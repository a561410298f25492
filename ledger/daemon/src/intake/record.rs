//! `Record`: executions, outcomes and decisions made elsewhere.

use ledger_core::entry::{
    Basis, Body, Decision, Execution, Key, OutcomeReport, RecipientResult, Target,
};
use ledger_core::limits::{RECIPIENTS_MAX, RESULTS_MAX};
use ledger_core::name::{ACTION_MAX, CAMPAIGN_MAX, ERROR_CODE_MAX, PROVIDER_MAX, TOOL_MAX};
use ledger_core::role::Call;
use ledger_core::token::Token;
use ledger_proto::v1 as wire;
use wire::record_request::Report;

use super::decide::foreign_decision;
use super::{ACTION_IDS, Command, FOUND_IDS, Ids, Intake, Redact, field, vocabulary};
use crate::auth::Caller;
use crate::content;
use crate::queue::Lane;
use crate::status::{CallError, FieldError};

impl Intake {
    /// The command of a `Record` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed or over a limit.
    pub fn record(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::RecordRequest,
    ) -> Result<Command, CallError> {
        let wire::RecordRequest {
            request_id,
            correlation_id,
            action_id,
            agent_version,
            details,
            report,
        } = request;
        let details = self.details(redact, details)?;
        let Some(report) = report else {
            let expected = "it is required: expected `execution`, `outcome` or `decision`";
            return Err(FieldError::withheld("report", expected).into());
        };
        let (canonical, parts) = match report {
            Report::Execution(execution) => self.execution(execution)?,
            Report::Outcome(outcome) => self.outcome(outcome)?,
            Report::Decision(decision) => self.asserted(decision)?,
        };
        let ids = Ids {
            request_id: &request_id,
            action_id: &action_id,
            correlation_id: &correlation_id,
            agent_version: &agent_version,
            fields: match &canonical {
                // A provider knows of no correlation id: its own id leads to the decision, and that has one.
                content::Report::Outcome(outcome) if outcome.execution.is_none() => &FOUND_IDS,
                _ => &ACTION_IDS,
            },
        };
        let cause = self.cause(caller, Call::Record, &ids, &canonical, &details.received)?;
        let body = match canonical {
            content::Report::Execution(execution) => Body::Execution(Box::new(Execution {
                cause,
                decision: execution.decision,
                status: execution.status,
                error_code: execution.error_code,
                provider: execution.provider,
                provider_id: parts.provider_id,
                started_at: execution.started_at,
                occurred_at: execution.occurred_at,
                cost_micros: execution.cost_micros,
                results: execution.results,
                policy: None,
                findings: Vec::new(),
                details: details.commitments,
            })),
            content::Report::Outcome(outcome) => Body::Outcome(Box::new(OutcomeReport {
                cause,
                execution: outcome.execution,
                event: outcome.event,
                recipient: outcome.recipient,
                tokens_v: (!parts.keys.is_empty()).then_some(self.tokens_v),
                keys: parts.keys,
                provider: outcome.provider,
                provider_id: parts.provider_id,
                occurred_at: outcome.occurred_at,
                matched: None,
                decision: None,
                policy: None,
                findings: Vec::new(),
                details: details.commitments,
            })),
            content::Report::Decision(action) => Body::Decision(Box::new(Decision {
                tool: action.tool,
                seller: action.seller,
                campaign: action.campaign,
                tokens_v: parts
                    .targets
                    .iter()
                    .any(|target| target.id.is_some())
                    .then_some(self.tokens_v),
                targets: parts.targets,
                cost_micros: action.cost_micros,
                foreign: action.foreign,
                details: details.commitments,
                ..Decision::request(Basis::Asserted, cause, action.action)
            })),
        };
        Ok(Command::new(Lane::Reports, body, details.stored))
    }

    fn execution(
        &self,
        execution: wire::Execution,
    ) -> Result<(content::Report, Parts), FieldError> {
        let here = |name: &str| format!("execution.{name}");
        field::at_most(
            &here("results"),
            execution.results.len(),
            RESULTS_MAX,
            "results",
        )?;
        let results = execution.results.iter().enumerate().map(|(at, result)| {
            let here = |name: &str| format!("execution.results[{at}].{name}");
            Ok(RecipientResult {
                recipient: recipient_index(&here("recipient"), result.recipient)?,
                status: vocabulary::status(&here("status"), result.status)?,
                error_code: field::name(&here("error_code"), &result.error_code, ERROR_CODE_MAX)?,
            })
        });
        let results = results.collect::<Result<Vec<_>, FieldError>>()?;
        let (token, provider_id) = self
            .provider_id(&here("provider_id"), &execution.provider_id)?
            .unzip();
        let canonical = content::Execution {
            decision: field::integer(&here("decision"), execution.decision)?,
            status: vocabulary::status(&here("status"), execution.status)?,
            error_code: field::name(&here("error_code"), &execution.error_code, ERROR_CODE_MAX)?,
            provider: field::name(&here("provider"), &execution.provider, PROVIDER_MAX)?,
            provider_id,
            started_at: field::time(&here("started_at"), execution.started_at)?,
            occurred_at: field::time(&here("occurred_at"), execution.occurred_at)?,
            cost_micros: execution
                .cost_micros
                .map(|cost| field::integer(&here("cost_micros"), cost))
                .transpose()?,
            results,
        };
        Ok((
            content::Report::Execution(canonical),
            Parts {
                provider_id: token,
                ..Parts::default()
            },
        ))
    }

    fn outcome(&self, outcome: wire::OutcomeEvent) -> Result<(content::Report, Parts), FieldError> {
        let here = |name: &str| format!("outcome.{name}");
        let (token, provider_id) = self
            .provider_id(&here("provider_id"), &outcome.provider_id)?
            .unzip();
        let person = self.reported(&here("person"), outcome.person.as_ref())?;
        let canonical = content::Outcome {
            execution: outcome
                .execution
                .map(|seq| field::integer(&here("execution"), seq))
                .transpose()?,
            event: vocabulary::event(&here("event"), outcome.event)?,
            recipient: outcome
                .recipient
                .map(|at| recipient_index(&here("recipient"), at))
                .transpose()?,
            provider: field::name(&here("provider"), &outcome.provider, PROVIDER_MAX)?,
            provider_id,
            occurred_at: field::time(&here("occurred_at"), outcome.occurred_at)?,
            keys: person.named,
            unusable: person.unusable,
        };
        Ok((
            content::Report::Outcome(canonical),
            Parts {
                provider_id: token,
                keys: person.keys,
                ..Parts::default()
            },
        ))
    }

    fn asserted(
        &self,
        decision: wire::AssertedDecision,
    ) -> Result<(content::Report, Parts), FieldError> {
        let here = |name: &str| format!("decision.{name}");
        if !decision.recipients.is_empty() {
            let expected = "a decision that names people is not only recorded: ask `Decide`, and hand it in there";
            return Err(FieldError::shown(
                here("recipients"),
                &decision.recipients.len(),
                expected,
            ));
        }
        let Some(foreign) = &decision.foreign else {
            return Err(FieldError::withheld(
                here("foreign"),
                "it is required: which engine decided, and what",
            ));
        };
        let foreign = foreign_decision(&here("foreign"), foreign)?;
        let (targets, objects) = self.targets(decision.targets).map_err(|error| FieldError {
            field: format!("decision.{}", error.field),
            ..error
        })?;
        let canonical = content::Action {
            agent: None,
            action: field::required_name(&here("action"), &decision.action, ACTION_MAX)?,
            tool: field::name(&here("tool"), &decision.tool, TOOL_MAX)?,
            seller: field::seller(&here("seller"), &decision.seller)?,
            campaign: field::name(&here("campaign"), &decision.campaign, CAMPAIGN_MAX)?,
            mailbox: None,
            targets: objects,
            recipients: Vec::new(),
            cost_micros: decision
                .cost_micros
                .map(|cost| field::integer(&here("cost_micros"), cost))
                .transpose()?,
            foreign: Some(foreign),
            undoes: None,
        };
        Ok((
            content::Report::Decision(canonical),
            Parts {
                targets,
                ..Parts::default()
            },
        ))
    }
}

/// What a report's entry holds as tokens.
#[derive(Default)]
struct Parts {
    provider_id: Option<Token>,
    targets: Vec<Target>,
    keys: Vec<Key>,
}

fn recipient_index(field: &str, index: u64) -> Result<u64, FieldError> {
    if index < RECIPIENTS_MAX as u64 {
        return Ok(index);
    }
    let expected =
        format!("no request has so many recipients: expected an index below {RECIPIENTS_MAX}");
    Err(FieldError::shown(field, &index, expected))
}

#[cfg(test)]
mod tests;
