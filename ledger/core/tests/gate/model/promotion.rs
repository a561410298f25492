//! Promotion: what a sandbox's receipt must show, and who must have let the policy in.

use ledger_core::entry::{Environment, PolicyFile};
use ledger_core::role::Role;
use ledger_core::time::Timestamp;

use super::{Model, No, What};

/// What is wrong with a receipt, seen from the text that is to be promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    /// It is spelled otherwise than it is stored.
    Form,
    /// Its entry is not what the sandbox wrote.
    Entry,
    /// Its signature was changed.
    Signature,
}

/// A sandbox's receipt.
#[derive(Debug, Clone)]
pub(crate) struct ReceiptM {
    /// The name of the ledger, and the key with which it signs.
    pub(crate) name: &'static str,
    pub(crate) key: String,
    /// The text whose hash it states.
    pub(crate) files: Vec<PolicyFile>,
    pub(crate) wrong: Wrong,
}

impl Model {
    /// The key by which a ledger of this name is trusted, and since which entry.
    fn trusted(&self, name: &str) -> Option<(u64, &str)> {
        let last = self
            .events
            .iter()
            .rev()
            .find_map(|event| match &event.what {
                What::Key {
                    name: other,
                    trusted,
                } if other == name => Some(trusted.as_deref().map(|key| (event.seq, key))),
                _ => None,
            });
        last.flatten()
    }

    /// The promotion that relied on this approval.
    pub(crate) fn policy_spent(&self, approval: u64) -> bool {
        self.events
            .iter()
            .any(|event| matches!(event.what, What::Promoted { approval: of } if of == approval))
    }

    /// The approvals of exactly this text, the latest first.
    pub(crate) fn policy_approvals(&self, files: &[PolicyFile]) -> Vec<u64> {
        let latest = self.events.iter().rev();
        latest
            .filter(|event| matches!(&event.what, What::PolicyApproved { files: of, .. } if of == files))
            .map(|event| event.seq)
            .collect()
    }

    /// Whether an operator may publish `files` with this receipt and this approval: by which key, and who approved.
    pub(crate) fn may_promote(
        &self,
        files: &[PolicyFile],
        receipt: &ReceiptM,
        approval: u64,
        now: Timestamp,
    ) -> Result<(u64, String), No> {
        if self.environment == Environment::Sandbox {
            return Err(No::State);
        }
        if receipt.wrong == Wrong::Form {
            return Err(No::Receipt("form"));
        }
        let (key, trusted) = self.trusted(receipt.name).ok_or(No::State)?;
        if receipt.files != files {
            return Err(No::Receipt("text"));
        }
        if receipt.wrong == Wrong::Signature || trusted != receipt.key {
            return Err(No::Receipt("signature"));
        }
        if receipt.wrong == Wrong::Entry {
            return Err(No::Receipt("inclusion"));
        }
        match self.policy_approval(files, approval, now) {
            (_, Some(approver)) => Ok((key, approver)),
            (_, None) => Err(No::Field("promotion.approval")),
        }
    }

    /// Who approved a policy by this entry, and until when that holds.
    pub(crate) fn policy_answer(&self, approval: u64) -> Option<(&str, Timestamp)> {
        self.events.iter().find_map(|event| match &event.what {
            What::PolicyApproved { by, until, .. } if event.seq == approval => {
                Some((by.as_str(), *until))
            }
            _ => None,
        })
    }

    /// What an approval is to a promotion of `files`, in a word, and who gave it if it holds.
    pub(crate) fn policy_approval(
        &self,
        files: &[PolicyFile],
        approval: u64,
        now: Timestamp,
    ) -> (&'static str, Option<String>) {
        let Some((by, until)) = self.policy_answer(approval) else {
            return ("unknown", None);
        };
        let same = self.policy_approvals(files).contains(&approval);
        let member = self.member(by, "revops").is_ok();
        if !same {
            ("of another text", None)
        } else if self.policy_spent(approval) {
            ("spent", None)
        } else if now >= until {
            ("expired", None)
        } else if self.in_force(by) != Some(Role::Approver) || !member {
            ("of nobody who may", None)
        } else {
            ("good", Some(by.to_owned()))
        }
    }
}
