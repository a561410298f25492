//! Policies as a judge has read them.

use std::cell::RefCell;
use std::rc::Rc;

use super::JudgeError;
use crate::entry::PolicyEntry;
use crate::hash::Hash;
use crate::policy::Policy;
use crate::state::InForce;

/// The most policies that are kept: whoever judges many entries judges them in the order of the log, in
/// which few policies are cited at a time.
const KEPT_MAX: usize = 8;

/// The policies that were read last. Of the entries of one log many cite the same one, and to read it
/// takes longer than everything else about an entry. What is taken from here is what reading would give:
/// the text is told by its hash, and what stands beside it in the entry is compared.
#[derive(Debug, Default)]
pub struct Policies {
    /// The last one used comes last.
    read: RefCell<Vec<Rc<InForce>>>,
}

impl Policies {
    /// The policy that entry `seq`, whose body is `head`, publishes, with a text of this hash.
    pub(super) fn take(
        &self,
        seq: u64,
        sha256: Hash,
        head: &PolicyEntry,
        read: impl FnOnce() -> Result<Policy, JudgeError>,
    ) -> Result<Rc<InForce>, JudgeError> {
        let mut kept = self.read.borrow_mut();
        let known = kept.iter().position(|policy| {
            policy.seq == seq
                && policy.sha256 == sha256
                && policy.mailboxes == head.mailboxes
                && policy.fake_domains == head.fake_domains
        });
        let policy = match known {
            Some(at) => kept.remove(at),
            None => Rc::new(InForce {
                seq,
                sha256,
                text: read()?,
                mailboxes: head.mailboxes.clone(),
                fake_domains: head.fake_domains.clone(),
            }),
        };
        if kept.len() == KEPT_MAX {
            kept.remove(0);
        }
        kept.push(Rc::clone(&policy));
        Ok(policy)
    }
}
