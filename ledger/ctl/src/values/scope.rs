//! What a stop or a resume is about: everything, one agent, one class.

use clap::Args;
use ledger_core::entry::Scope;
use ledger_proto::v1::{self, scope::Of};

use super::words::{class, parser};

/// Exactly one of the three.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ScopeArgs {
    /// Everything
    #[arg(long)]
    all: bool,
    /// One agent
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// One class of action
    #[arg(long, value_parser = parser(class::WORDS, class::read))]
    class: Option<v1::ActionClass>,
}

impl ScopeArgs {
    /// For the wire.
    pub(crate) fn to_wire(&self) -> v1::Scope {
        let of = match (&self.agent, self.class) {
            (Some(agent), _) => Of::AgentId(agent.clone()),
            (None, Some(class)) => Of::Class(class.into()),
            (None, None) => Of::All(self.all),
        };
        v1::Scope { of: Some(of) }
    }
}

/// A scope from the wire, in words.
pub(crate) fn wire_words(scope: Option<&v1::Scope>) -> String {
    match scope.and_then(|scope| scope.of.as_ref()) {
        Some(Of::All(_)) => "everything".to_owned(),
        Some(Of::AgentId(id)) => format!("agent `{id}`"),
        Some(Of::Class(number)) => {
            let class = v1::ActionClass::try_from(*number).unwrap_or_default();
            format!("class `{}`", class::word(class))
        }
        None => "nothing".to_owned(),
    }
}

/// An entry's scope, in the same words.
pub(crate) fn words(scope: &Scope) -> String {
    match scope {
        Scope::All => "everything".to_owned(),
        Scope::Agent { id } => format!("agent `{id}`"),
        Scope::Class { class } => format!("class `{class}`"),
    }
}
