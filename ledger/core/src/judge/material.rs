//! The entries of evidence, as a judge looks at them.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{JudgeError, Policies};
use crate::entry::{Body, Cite, Dnc, Entry, Genesis, Listing, PolicyEntry, PolicyRef};
use crate::policy::{EVALUATOR, Numbers, Policy, condition, policy_hash};
use crate::replay::join;
use crate::state::InForce;

/// The entries of evidence.
pub(super) struct Material<'a> {
    pub(super) genesis: &'a Genesis,
    primary: &'a Entry,
    others: &'a BTreeMap<u64, &'a Entry>,
    policies: &'a Policies,
}

impl<'a> Material<'a> {
    pub(super) fn new(
        primary: &'a Entry,
        others: &'a BTreeMap<u64, &'a Entry>,
        policies: &'a Policies,
    ) -> Result<Self, JudgeError> {
        let zero = others.get(&0).copied().unwrap_or(primary);
        match &zero.body {
            Body::Genesis(genesis) => Ok(Self {
                genesis,
                primary,
                others,
                policies,
            }),
            body => Err(JudgeError::contradicts(
                zero.seq,
                format!("it is a `{}`, expected the log's genesis", body.kind()),
            )),
        }
    }

    /// An entry that was cited.
    pub(super) fn entry(&self, seq: u64) -> Result<&'a Entry, JudgeError> {
        if seq == self.primary.seq {
            return Ok(self.primary);
        }
        self.others.get(&seq).copied().ok_or(JudgeError::Missing {
            seq,
            primary: self.primary.seq,
        })
    }

    /// A listing or exemption that was cited, and the entry that made it.
    pub(super) fn listing(
        &self,
        by: u64,
        cite: Cite,
    ) -> Result<(&'a Entry, &'a Dnc, &'a Listing), JudgeError> {
        let entry = self.entry(cite.seq)?;
        let Body::Dnc(dnc) = &entry.body else {
            let what = format!(
                "it cites entry {} as a listing, which is a `{}`",
                cite.seq,
                entry.body.kind()
            );
            return Err(JudgeError::contradicts(by, what));
        };
        let index = cite.index.and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| dnc.listings.get(index)) {
            Some(listing) => Ok((entry, dnc, listing)),
            None => Err(JudgeError::contradicts(
                by,
                format!(
                    "it cites listing {} of entry {}, which has {}",
                    cite.index
                        .map_or("without index".to_owned(), |index| index.to_string()),
                    cite.seq,
                    dnc.listings.len()
                ),
            )),
        }
    }

    /// The policy cited by entry `by`, its text read; with it how many entries hold it.
    pub(super) fn policy(
        &self,
        by: u64,
        cited: PolicyRef,
    ) -> Result<(Rc<InForce>, &'a Entry, usize), JudgeError> {
        let first = self.entry(cited.seq)?;
        let parts = self.parts(first)?;
        let Some(head) = parts.first().filter(|head| head.continues.is_none()) else {
            let what = format!(
                "it cites entry {} as a policy, which publishes none",
                cited.seq
            );
            return Err(JudgeError::contradicts(by, what));
        };
        if cited.seq.saturating_add(parts.len() as u64) > by {
            let what = format!(
                "it cites the policy of entry {}, which was not yet whole",
                cited.seq
            );
            return Err(JudgeError::contradicts(by, what));
        }
        let files = join(parts.iter().copied());
        let files: Vec<_> = files.iter().map(|file| (&file.path, &file.text)).collect();
        let sha256 = policy_hash(&files);
        for (seq, stated) in [(by, Some(cited.sha256)), (cited.seq, head.sha256)] {
            if stated != Some(sha256) {
                let stated = stated.map_or("none".to_owned(), |hash| hash.to_string());
                let what = format!(
                    "the policy of entry {} has a text with the hash {sha256}, stated is {stated}",
                    cited.seq
                );
                return Err(JudgeError::contradicts(seq, what));
            }
        }
        let paths = files.iter().map(|(path, _)| path.as_str());
        if let Some(what) = condition::unknown(paths, EVALUATOR) {
            return Err(JudgeError::Unevaluated {
                seq: cited.seq,
                what,
            });
        }
        let in_force = self.policies.take(cited.seq, sha256, head, || {
            Policy::parse(&files).map_err(|errors| {
                JudgeError::contradicts(cited.seq, format!("its text is no policy: {errors}"))
            })
        })?;
        Ok((in_force, first, parts.len()))
    }

    /// The numbers of a policy, or the gate's defaults where there is none.
    pub(super) fn numbers(policy: Option<&InForce>) -> Numbers {
        policy.map_or_else(Numbers::default, |policy| policy.text.numbers)
    }

    /// The entries that hold a policy, the first one first.
    fn parts(&self, first: &'a Entry) -> Result<Vec<&'a PolicyEntry>, JudgeError> {
        let Body::Policy(head) = &first.body else {
            return Ok(Vec::new());
        };
        let mut parts = vec![head];
        for seq in
            (first.seq + 1..).take(usize::try_from(head.parts.unwrap_or(0)).unwrap_or(usize::MAX))
        {
            match &self.entry(seq)?.body {
                Body::Policy(part) if part.continues == Some(first.seq) => parts.push(part),
                body => {
                    let what = format!(
                        "it is a `{}`, expected a part of the policy of entry {}",
                        body.kind(),
                        first.seq
                    );
                    return Err(JudgeError::contradicts(seq, what));
                }
            }
        }
        Ok(parts)
    }
}
