//! Principals, policy, stop and resume, and the clock.

use std::collections::BTreeMap;

use ledger_core::entry::{
    Body, Cause, Change, Clock, ClockEvent, PolicyEntry, PolicyFile, PrincipalChange, Resume,
    Scope, Stop,
};
use ledger_core::limits::{GROUPS_MAX, POLICY_MAILBOXES_MAX};
use ledger_core::name::PRINCIPAL_MAX;
use ledger_core::plan::Refusal;
use ledger_core::policy::{Policy, policy_hash};
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;
use ledger_core::token::Kind;
use ledger_proto::v1 as wire;

use super::{Command, Intake, Redact, field, promotion, vocabulary};
use crate::auth::Caller;
use crate::content;
use crate::queue::Lane;
use crate::snapshot::Snapshot;
use crate::status::{CallError, FieldError};

/// The id of the daemon's own entries, which no principal may have.
const LEDGER_ID: &str = "ledger";

impl Intake {
    /// The command of a `PutPrincipal` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed or over a limit.
    pub fn put_principal(
        &self,
        caller: &Caller,
        request: wire::PutPrincipalRequest,
    ) -> Result<Command, CallError> {
        let id = principal_id("id", &request.id)?;
        let role = vocabulary::role("role", request.role)?;
        // RFC 7617 section 2: the user name of Basic credentials ends at the first colon.
        if role == Role::Ingest && id.contains(':') {
            let expected = "it has a `:`, with which Basic credentials end a user name: a provider could not send it; use `.` or `-`";
            return Err(FieldError::shown("id", &id, expected).into());
        }
        field::at_most("groups", request.groups.len(), GROUPS_MAX, "groups")?;
        for (at, group) in request.groups.iter().enumerate() {
            let name = format!("groups[{at}]");
            field::required_name(&name, group, PRINCIPAL_MAX)?;
            if request.groups.iter().take(at).any(|other| other == group) {
                return Err(FieldError::shown(name, group, "it stands in the list twice").into());
            }
        }
        let credential = Some(field::required_hash(
            "credential_sha256",
            &request.credential_sha256,
        )?);
        let canonical = content::Principal {
            id,
            role: Some(role),
            groups: request.groups,
            credential,
        };
        let cause = self.undetailed(
            caller,
            Call::PutPrincipal,
            request.header.as_ref(),
            &canonical,
        )?;
        let content::Principal { id, groups, .. } = canonical;
        let change = PrincipalChange {
            cause,
            id,
            role,
            groups,
            credential,
            change: Change::Added,
        };
        Ok(Command::new(
            Lane::Control,
            Body::Principal(change),
            Vec::new(),
        ))
    }

    /// The command of a `RevokePrincipal` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed, [`CallError::Submit`] where nobody of that
    /// id is registered.
    pub fn revoke_principal(
        &self,
        caller: &Caller,
        snapshot: &Snapshot,
        request: wire::RevokePrincipalRequest,
    ) -> Result<Command, CallError> {
        let id = principal_id("id", &request.id)?;
        let Some(known) = snapshot.principals.all.iter().find(|known| known.id == id) else {
            let what = format!("principal `{id}` is not registered: there is nothing to revoke");
            return Err(Refusal::Precondition { what }.into());
        };
        let canonical = content::Principal {
            id,
            role: None,
            groups: Vec::new(),
            credential: None,
        };
        let cause = self.undetailed(
            caller,
            Call::RevokePrincipal,
            request.header.as_ref(),
            &canonical,
        )?;
        let change = PrincipalChange {
            cause,
            id: canonical.id,
            role: known.role,
            groups: Vec::new(),
            credential: None,
            change: Change::Revoked,
        };
        Ok(Command::new(
            Lane::Control,
            Body::Principal(change),
            Vec::new(),
        ))
    }

    /// The command of a `PublishPolicy` request, with the policy whose rules are to be counted.
    ///
    /// # Errors
    /// [`CallError::Submit`] with every error of the text where it is not a policy.
    pub fn publish_policy(
        &self,
        caller: &Caller,
        request: wire::PublishPolicyRequest,
    ) -> Result<Command, CallError> {
        let files: Vec<(&str, &[u8])> = request
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.text.as_bytes()))
            .collect();
        let policy = Policy::parse(&files).map_err(Refusal::Policy)?;
        let promotion = request
            .promotion
            .as_ref()
            .map(promotion::promotion)
            .transpose()?;
        let (promotion, promoted) = promotion.unzip();
        let canonical = content::Policy {
            sha256: policy_hash(&files),
            promotion: promoted,
        };
        let names = policy.mailbox_names();
        field::at_most(
            "files",
            names.len(),
            POLICY_MAILBOXES_MAX,
            "mailboxes in the whole policy",
        )?;
        let mut mailboxes = BTreeMap::new();
        for name in names {
            mailboxes.insert(name.to_owned(), self.mailbox_token(name)?);
        }
        let fake_domains = policy
            .fake_domains
            .iter()
            .map(|name| (name.clone(), self.subject.token(&Kind::Domain, name)))
            .collect();
        let cause = self.undetailed(
            caller,
            Call::PublishPolicy,
            request.header.as_ref(),
            &canonical,
        )?;
        let entry = PolicyEntry {
            cause,
            continues: None,
            sha256: None,
            replaces: None,
            parts: None,
            mailboxes,
            fake_domains,
            promotion,
            files: request
                .files
                .into_iter()
                .map(|file| PolicyFile {
                    path: file.path,
                    text: file.text,
                })
                .collect(),
        };
        let mut command = Command::new(Lane::Work, Body::Policy(entry), Vec::new());
        command.policy = Some(Box::new(policy));
        Ok(command)
    }

    /// The command of a `Stop` request. Nothing but a malformed scope refuses it.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed or over a limit.
    pub fn stop(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::StopRequest,
    ) -> Result<Command, CallError> {
        let canonical = content::Scoped {
            scope: scope(request.scope.as_ref())?,
        };
        let details = self.details(redact, request.details)?;
        let cause = self.control_cause(
            caller,
            Call::Stop,
            request.header.as_ref(),
            &canonical,
            &details.received,
        )?;
        let stop = Stop {
            cause,
            scope: canonical.scope,
            voided: 0,
            details: details.commitments,
        };
        Ok(Command::new(
            Lane::Control,
            Body::Stop(stop),
            details.stored,
        ))
    }

    /// The command of a `Resume` request.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed, over a limit or without a reason.
    pub fn resume(
        &self,
        caller: &Caller,
        redact: &Redact,
        request: wire::ResumeRequest,
    ) -> Result<Command, CallError> {
        let canonical = content::Scoped {
            scope: scope(request.scope.as_ref())?,
        };
        let details = self.details(redact, request.details)?;
        details.must_give_reason()?;
        let cause = self.control_cause(
            caller,
            Call::Resume,
            request.header.as_ref(),
            &canonical,
            &details.received,
        )?;
        let resume = Resume {
            cause,
            scope: canonical.scope,
            stops: Vec::new(),
            details: details.commitments,
        };
        Ok(Command::new(
            Lane::Control,
            Body::Resume(resume),
            details.stored,
        ))
    }

    /// The command of an `AcknowledgeClock` request. The sequencer puts in the clock's time.
    ///
    /// # Errors
    /// [`CallError::Field`] where the request is malformed.
    pub fn acknowledge_clock(
        &self,
        caller: &Caller,
        request: wire::AcknowledgeClockRequest,
    ) -> Result<Command, CallError> {
        let cause = self.undetailed(
            caller,
            Call::AcknowledgeClock,
            request.header.as_ref(),
            &content::Nothing {},
        )?;
        let clock = Clock {
            cause,
            event: ClockEvent::Acknowledged,
            before: Timestamp::EPOCH,
            after: Timestamp::EPOCH,
            bound_ms: None,
            acknowledges: None,
        };
        Ok(Command::new(Lane::Control, Body::Clock(clock), Vec::new()))
    }

    pub(super) fn undetailed<T: serde::Serialize>(
        &self,
        caller: &Caller,
        call: Call,
        header: Option<&wire::WriteHeader>,
        request: &T,
    ) -> Result<Cause, FieldError> {
        self.control_cause(caller, call, header, request, &BTreeMap::new())
    }
}

/// The assigned id of a principal.
///
/// # Errors
/// [`FieldError`] where it cannot stand in the log in clear, or is the ledger's own.
pub fn principal_id(field: &str, id: &str) -> Result<String, FieldError> {
    if id == LEDGER_ID {
        return Err(FieldError::shown(
            field,
            &id,
            "the ledger's own entries carry this id: choose another",
        ));
    }
    field::required_name(field, id, PRINCIPAL_MAX)
}

fn scope(scope: Option<&wire::Scope>) -> Result<Scope, FieldError> {
    match scope.and_then(|scope| scope.of.as_ref()) {
        Some(wire::scope::Of::All(true)) => Ok(Scope::All),
        Some(wire::scope::Of::AgentId(id)) => Ok(Scope::Agent {
            id: principal_id("scope.agent_id", id)?,
        }),
        Some(wire::scope::Of::Class(class)) => Ok(Scope::Class {
            class: vocabulary::class("scope.class", *class)?,
        }),
        Some(wire::scope::Of::All(false)) => Err(FieldError::shown(
            "scope.all",
            &false,
            "expected true: name an agent or a class for less than all",
        )),
        None => Err(FieldError::withheld(
            "scope",
            "it is required: expected `all`, `agent_id` or `class`",
        )),
    }
}

#[cfg(test)]
mod tests;
