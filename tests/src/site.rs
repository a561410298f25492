//! A ledger with its daemon running: where most tests begin.

use std::sync::atomic::{AtomicU64, Ordering};

use ledger_core::role::Role;
use ledger_proto::v1 as pb;

use crate::{Client, Credential, Daemon, Ledger, Verifier, ask};

/// A ledger, its daemon and its first operator.
#[derive(Debug)]
pub struct Site {
    /// The running daemon. First, so that it is gone before its directory goes.
    pub daemon: Daemon,
    /// The data directory.
    pub ledger: Ledger,
    /// The first operator's calls.
    pub operator: Client,
}

impl Site {
    /// A new ledger without a policy.
    pub async fn open() -> Self {
        Self::run_with(&[]).await
    }

    /// A new ledger without a policy, and a daemon with further arguments.
    pub async fn run_with(arguments: &[&str]) -> Self {
        Self::on(Ledger::init(), arguments).await
    }

    /// A new sandbox of this name, without a policy.
    pub async fn sandbox(origin: &str) -> Self {
        Self::on(Ledger::init_in("sandbox", origin), &[]).await
    }

    async fn on(ledger: Ledger, arguments: &[&str]) -> Self {
        let daemon = ledger.run_with(arguments).await;
        let operator = daemon.client(ledger.operator());
        Self {
            daemon,
            ledger,
            operator,
        }
    }

    /// A new ledger under a policy.
    pub async fn with_policy(text: &str) -> Self {
        let site = Self::open().await;
        site.publish(text).await;
        site
    }

    /// Publishes a policy that is valid.
    pub async fn publish(&self, text: &str) -> u64 {
        let reply = self
            .operator
            .publish_policy(ask::policy(&fresh("policy"), text))
            .await;
        seq(reply.expect("a valid policy").receipt)
    }

    /// Adds a principal, whose credential is that of its id ([`Credential::of`]).
    pub async fn principal(&self, id: &str, role: Role) -> Client {
        let credential = Credential::of(id);
        let request = ask::principal(&fresh("principal"), id, interface_role(role), &credential);
        self.operator
            .put_principal(request)
            .await
            .expect("an operator may add principals");
        self.daemon.client(credential)
    }

    /// Lists people, 1 to 50, and says under which seq.
    pub async fn list(&self, listings: Vec<pb::Listing>) -> u64 {
        let reply = self
            .operator
            .add_dnc(ask::list(&fresh("dnc"), listings))
            .await;
        seq(reply.expect("an operator may list people").receipt)
    }

    /// A verifier that trusts this ledger's key alone.
    pub fn verifier(&self) -> Verifier {
        Verifier::of(&self.ledger)
    }
}

/// A role as the interface names it.
pub fn interface_role(role: Role) -> pb::Role {
    match role {
        Role::Agent => pb::Role::Agent,
        Role::Operator => pb::Role::Operator,
        Role::Compliance => pb::Role::Compliance,
        Role::Approver => pb::Role::Approver,
        Role::Auditor => pb::Role::Auditor,
        Role::Recorder => pb::Role::Recorder,
        Role::Ingest => pb::Role::Ingest,
    }
}

/// A request id that no other request of this process has.
pub fn fresh(what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{what}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The seq of a write's receipt, which every reply has.
#[track_caller]
pub fn seq(receipt: Option<pb::Receipt>) -> u64 {
    receipt.expect("every write answers with a receipt").seq
}
