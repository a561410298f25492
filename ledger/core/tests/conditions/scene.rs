//! A ledger with one agent who may do what the rows say, under conditions.

#[cfg(feature = "cedar")]
use ledger_core::entry::{Basis, Decision, Target};
use ledger_core::entry::{Body, PolicyFile};
#[cfg(feature = "cedar")]
use ledger_core::role::{Call, Role};
#[cfg(feature = "cedar")]
use ledger_core::time::Timestamp;

#[cfg(feature = "cedar")]
use super::ledger::{AGENTS, Ledger, caused, seconds};

/// The agent who may do what the rows say.
#[cfg(feature = "cedar")]
pub(crate) const AGENT: &str = AGENTS[0];

/// What every test's policy begins with: reads, writes of deals, and nothing that needs an approval.
pub(crate) const POLICY: &str = r#"
version = 1
[[action]]
name = "crm.read"
class = "read"
[[action]]
name = "crm.update"
class = "write"
[[grant]]
id = "everything"
agent = "agent.one"
actions = ["crm.read", "crm.update", "email.send"]
objects = ["*"]
reads = ["*"]
writes = ["*"]
sellers = ["*"]
mailboxes = ["*"]
approval = "waived"
"#;

/// A command that publishes `policy.toml` and these files.
pub(crate) fn publication(toml: &str, files: &[(&str, &str)], request_id: &str) -> Body {
    let Body::Policy(mut policy) = super::ledger::policy(toml, request_id) else {
        panic!("a policy")
    };
    let files = files.iter().map(|(path, text)| PolicyFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    });
    policy.files.extend(files);
    Body::Policy(policy)
}

/// A log under these conditions.
#[cfg(feature = "cedar")]
pub(crate) struct Scene {
    pub(crate) ledger: Ledger,
    requests: u64,
}

#[cfg(feature = "cedar")]
impl Scene {
    pub(crate) fn new(conditions: &str) -> Self {
        let mut ledger = Ledger::new();
        let body = publication(POLICY, &[("rules.cedar", conditions)], "publish");
        ledger.append(body, seconds(0));
        Self {
            ledger,
            requests: 0,
        }
    }

    pub(crate) fn request(&mut self, action: &str) -> Decision {
        self.requests += 1;
        let cause = caused(
            Call::Decide,
            Role::Agent,
            AGENT,
            &format!("r-{}", self.requests),
        );
        Decision::request(Basis::Gate, cause, action.to_owned())
    }

    /// A write of these fields of a deal.
    pub(crate) fn write(&mut self, fields: &[&str]) -> Decision {
        let mut request = self.request("crm.update");
        request.targets = vec![Target {
            kind: "deal".to_owned(),
            id: None,
            reads: Vec::new(),
            writes: fields.iter().map(|field| (*field).to_owned()).collect(),
        }];
        request
    }

    pub(crate) fn decide(&mut self, request: Decision, now: Timestamp) -> Decision {
        match self.ledger.append(Body::Decision(Box::new(request)), now).1 {
            Body::Decision(decision) => *decision,
            other => panic!("{other:?}"),
        }
    }
}

/// The reasons of the conditions: code and rule.
#[cfg(feature = "cedar")]
pub(crate) fn said(decision: &Decision) -> Vec<(ledger_core::entry::Code, Option<&str>)> {
    let of = decision
        .reasons
        .iter()
        .filter(|reason| reason.check == ledger_core::entry::Check::Condition);
    of.map(|reason| (reason.code, reason.rule.as_deref()))
        .collect()
}
