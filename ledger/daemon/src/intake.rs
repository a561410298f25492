//! From a wire request to a self-contained command.
//!
//! Every limit is checked, every identifier normalised and replaced by its token, every detail cleared
//! of secrets, salted and committed to, and the canonical request hashed. What comes out is an entry's
//! body without its answers: nothing further in knows the wire format, the subject key or the content
//! key.
//!
//! What is malformed is an error that names the field. What is well-formed and forbidden is not: an
//! identifier that cannot be normalised, or a recipient without any, goes on to the gate, which denies
//! it with a receipt. No error repeats a value that may be personal, and nothing here is logged.

mod approval;
mod breaker;
mod control;
mod decide;
mod detail;
mod dnc;
mod field;
mod glass;
mod import;
mod key;
mod mask;
mod promotion;
mod record;
mod select;
mod subject;
mod vocabulary;

use std::collections::BTreeMap;

use ledger_core::entry::{Actor, ActorType, Body, Cause, DetailName, Environment, Genesis};
use ledger_core::hash::Hash;
use ledger_core::name::{ACTION_ID_MAX, CORRELATION_ID_MAX, REQUEST_ID_MAX, VERSION_MAX};
use ledger_core::policy::Policy;
use ledger_core::role::Call;
use ledger_core::token::{ContentKey, SubjectKey};
use ledger_proto::v1 as wire;
use serde::Serialize;

use crate::auth::Caller;
use crate::content::{self, Envelope};
use crate::queue::Lane;
use crate::status::FieldError;
use crate::store::DetailBytes;

pub use breaker::ending;
pub use control::principal_id;
pub use detail::Redact;
pub use select::Selected;
pub use vocabulary::{
    channels_to_wire, class_to_wire, detail_name, entry_word, list_order, listing_reason_to_wire,
    open_kind, outcome_to_wire, role_to_wire, scope_to_wire,
};

/// A command on its way to the sequencer.
#[derive(Debug)]
pub struct Command {
    /// Which way it takes.
    pub lane: Lane,
    /// The entry to be, without its answers.
    pub body: Body,
    /// The details that it commits to.
    pub details: Vec<DetailBytes>,
    /// Of a policy: what it says. What its rules count is to be counted before it is planned.
    pub policy: Option<Box<Policy>>,
}

impl Command {
    fn new(lane: Lane, body: Body, details: Vec<DetailBytes>) -> Self {
        Self {
            lane,
            body,
            details,
            policy: None,
        }
    }
}

/// What intake needs beside the request.
#[derive(Debug)]
pub struct Intake {
    subject: SubjectKey,
    content: ContentKey,
    environment: Environment,
    tokens_v: u32,
}

/// The ids with which a request came.
struct Ids<'a> {
    request_id: &'a str,
    action_id: &'a str,
    correlation_id: &'a str,
    agent_version: &'a str,
    /// Whether a correlation id is required, and what the fields are called.
    fields: &'a IdFields,
}

struct IdFields {
    request_id: &'static str,
    correlation_id: &'static str,
    correlation_required: bool,
}

const ACTION_IDS: IdFields = IdFields {
    request_id: "request_id",
    correlation_id: "correlation_id",
    correlation_required: true,
};
const FOUND_IDS: IdFields = IdFields {
    correlation_required: false,
    ..ACTION_IDS
};
const CONTROL_IDS: IdFields = IdFields {
    request_id: "header.request_id",
    correlation_id: "header.correlation_id",
    correlation_required: false,
};

impl Intake {
    /// Intake for the ledger of this genesis.
    pub fn new(subject: SubjectKey, content: ContentKey, genesis: &Genesis) -> Self {
        Self {
            subject,
            content,
            environment: genesis.environment,
            tokens_v: genesis.tokens_v,
        }
    }

    /// The ledger's environment.
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// The version of every token made here.
    pub const fn tokens_v(&self) -> u32 {
        self.tokens_v
    }

    fn cause<T: Serialize>(
        &self,
        caller: &Caller,
        call: Call,
        ids: &Ids<'_>,
        request: &T,
        details: &BTreeMap<DetailName, Hash>,
    ) -> Result<Cause, FieldError> {
        let fields = ids.fields;
        let request_id = field::required_name(fields.request_id, ids.request_id, REQUEST_ID_MAX)?;
        let action_id = field::name("action_id", ids.action_id, ACTION_ID_MAX)?;
        let correlation_id = if fields.correlation_required {
            Some(field::required_name(
                fields.correlation_id,
                ids.correlation_id,
                CORRELATION_ID_MAX,
            )?)
        } else {
            field::name(
                fields.correlation_id,
                ids.correlation_id,
                CORRELATION_ID_MAX,
            )?
        };
        let version = field::name("agent_version", ids.agent_version, VERSION_MAX)?;
        let envelope = Envelope {
            call,
            principal: &caller.id,
            agent_version: version.as_deref(),
            environment: self.environment,
        };
        let content = content::content(&self.content, envelope, request, details);
        Ok(Cause {
            request_id: Some(request_id),
            call: Some(call),
            action_id,
            correlation_id,
            content: Some(content),
            actor: Actor {
                kind: ActorType::Principal(caller.role),
                id: caller.id.to_string(),
                version,
            },
        })
    }

    fn control_cause<T: Serialize>(
        &self,
        caller: &Caller,
        call: Call,
        header: Option<&wire::WriteHeader>,
        request: &T,
        details: &BTreeMap<DetailName, Hash>,
    ) -> Result<Cause, FieldError> {
        let (request_id, correlation_id) = header.map_or(("", ""), |header| {
            (header.request_id.as_str(), header.correlation_id.as_str())
        });
        let ids = Ids {
            request_id,
            action_id: "",
            correlation_id,
            agent_version: "",
            fields: &CONTROL_IDS,
        };
        self.cause(caller, call, &ids, request, details)
    }
}
