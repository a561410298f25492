//! What is tried in sandboxes, approved and promoted, each command against what the model says of it.

use std::collections::BTreeMap;

use ledger_core::entry::{
    Actor, Approval, Body, Entry, Environment, PolicyEntry, PolicyFile, Promotion as Promoted,
    Verdict,
};
use ledger_core::hash::Hash;
use ledger_core::note::SigningKey;
use ledger_core::plan::Refusal;
use ledger_core::policy::policy_hash;
use ledger_core::promotion::{PromotionError, strip};
use ledger_core::receipt::{Receipt, ReceiptError};
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;

use super::super::house::House;
use super::super::ledger::{OPERATOR, caused, grouped};
use super::super::model::{No, PolicyM, ReceiptM, What, Wrong};
use super::super::run::Run;
use super::super::step::{GROUPS, How, PEOPLE, Promotion};
use super::people::role;

/// Two keys of one other ledger, one of a third, and this ledger's own name: the seed of each key, and the
/// name. The first three are sandboxes.
pub(super) const LEDGERS: [(u8, &str); 4] = [
    (1, "sandbox.example/a"),
    (2, "sandbox.example/a"),
    (1, "sandbox.example/b"),
    (1, "test.example/ledger"),
];

/// The key of one of [`LEDGERS`].
pub(super) fn key_of(pick: usize) -> String {
    let (seed, name) = LEDGERS[pick];
    let key = SigningKey::from_seed(&[seed; 32], name).unwrap();
    key.verification_key().to_string()
}

/// The sandboxes of a run, each made when it is first needed.
#[derive(Default)]
pub(crate) struct Sandboxes {
    houses: BTreeMap<usize, House>,
    tried: Vec<Tried>,
}

/// A policy that a sandbox has published.
#[derive(Clone)]
struct Tried {
    policy: PolicyM,
    files: Vec<PolicyFile>,
    /// As the sandbox hands it out.
    receipt: Receipt,
    shows: ReceiptM,
}

impl Sandboxes {
    /// What was tried so many before the last.
    fn tried(&self, pick: usize) -> Option<Tried> {
        let count = self.tried.len();
        (count > 0).then(|| self.tried[count - 1 - pick % count].clone())
    }
}

/// The files of a policy.
pub(super) fn files(policy: &PolicyM) -> Vec<PolicyFile> {
    let files = policy.files().into_iter();
    files
        .map(|(path, text)| PolicyFile { path, text })
        .collect()
}

fn changed(files: &[PolicyFile]) -> Vec<PolicyFile> {
    let mut files = files.to_vec();
    files[0].text += "# changed\n";
    files
}

fn hash(files: &[PolicyFile]) -> Hash {
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|file| (file.path.as_str(), file.text.as_bytes()))
        .collect();
    policy_hash(&files)
}

/// In one word, what a receipt that promotes nothing is wrong in.
pub(super) fn word(error: &PromotionError) -> &'static str {
    match error {
        PromotionError::Form => "form",
        PromotionError::Text { .. } => "text",
        PromotionError::Receipt(ReceiptError::Checkpoint(_)) => "signature",
        PromotionError::Receipt(ReceiptError::Proof { .. }) => "inclusion",
        other => panic!("{other:?}"),
    }
}

impl Run<'_> {
    pub(super) fn promotion(&mut self, act: Promotion) {
        match act {
            Promotion::Try {
                sandbox,
                policy,
                long,
            } => self.try_out(sandbox, *policy, long),
            Promotion::Approve { pick, by, changed } => self.approve_tried(pick, by, changed),
            Promotion::Promote { pick, how } => self.promote(pick, how),
            Promotion::Key { pick, trust } => self.key(pick, trust),
            Promotion::Role { who } => self.change_role(PEOPLE[who]),
        }
    }

    fn try_out(&mut self, sandbox: usize, policy: PolicyM, long: bool) {
        let (seed, name) = LEDGERS[sandbox];
        let house = self
            .sandboxes
            .houses
            .entry(sandbox)
            .or_insert_with(|| House::new(name, Environment::Sandbox, seed));
        let mut files = files(&policy);
        if long {
            files[0].text += &["# ", &"\"\\ \u{e9}\t".repeat(4_000), "\n"].concat();
        }
        let publication = house.publication(&files, super::super::house::OPERATOR);
        let now = super::super::house::at(1);
        let entry = house.append(Body::Policy(publication), now);
        let Body::Policy(PolicyEntry { parts, .. }) = entry.body else {
            panic!("no policy")
        };
        assert_eq!(parts.is_some(), long);
        let tried = Tried {
            receipt: house.receipt(entry.seq),
            shows: ReceiptM {
                name,
                key: key_of(sandbox),
                files: files.clone(),
                wrong: Wrong::Nothing,
            },
            policy,
            files,
        };
        self.sandboxes.tried.push(tried);
        self.seen.count("tried");
    }

    fn approve_tried(&mut self, pick: usize, by: usize, change: bool) {
        let Some(tried) = self.sandboxes.tried(pick) else {
            return;
        };
        let files = if change {
            changed(&tried.files)
        } else {
            tried.files
        };
        let role = role(by);
        let command = Body::Approval(Approval {
            cause: caused(Call::AnswerApproval, role, PEOPLE[by], &self.request_id()),
            decision: None,
            policy: Some(hash(&files)),
            verdict: Verdict::Granted,
            group: String::new(),
            expires_at: None,
            granted: None,
            details: BTreeMap::new(),
        });
        if role != Role::Approver {
            assert!(self.ledger.submit(command, self.now).is_err());
            return;
        }
        let expected = self.model.member(PEOPLE[by], "revops");
        if let Some((seq, Body::Approval(answer))) = self.submit(command, expected) {
            self.policy_approved(seq, &answer, PEOPLE[by], files);
            self.seen.count("a tried policy was approved");
        }
    }

    pub(super) fn policy_approved(
        &mut self,
        seq: u64,
        answer: &Approval,
        by: &str,
        files: Vec<PolicyFile>,
    ) {
        let within = self
            .model
            .policy()
            .map_or(14_400, |(_, policy)| policy.approve_within_s);
        let until = self.in_s(within);
        assert_eq!(answer.group, "revops");
        assert_eq!(answer.expires_at, Some(until));
        let by = by.to_owned();
        self.note(seq, What::PolicyApproved { files, by, until });
    }

    fn promote(&mut self, pick: usize, how: How) {
        let Some(tried) = self.sandboxes.tried(pick) else {
            return;
        };
        let mut files = tried.files.clone();
        let (mut receipt, mut shows) = (tried.receipt.clone(), tried.shows.clone());
        match how {
            How::OtherFiles if files.len() > 1 => {
                files.pop();
            }
            How::Changed | How::OtherFiles => files = changed(&files),
            How::OtherReceipt => {
                let other = self.sandboxes.tried(pick + 1).unwrap();
                (receipt, shows) = (other.receipt, other.shows);
            }
            How::StatedHash => {
                files = changed(&files);
                let mut entry = Entry::decode(&receipt.entry).unwrap();
                let Body::Policy(policy) = &mut entry.body else {
                    panic!("no policy")
                };
                policy.sha256 = Some(hash(&files));
                receipt.entry = entry.encode().unwrap();
                shows.files.clone_from(&files);
                shows.wrong = Wrong::Entry;
            }
            _ => {}
        }
        let mut text = strip(&receipt).unwrap();
        match how {
            How::Whole => {
                text = String::from_utf8(receipt.to_bytes()).unwrap();
                shows.wrong = Wrong::Form;
            }
            How::Signature => {
                // In the middle of its base64.
                let at = text.len() - 40;
                let other = if &text[at..=at] == "A" { "B" } else { "A" };
                text.replace_range(at..=at, other);
                shows.wrong = Wrong::Signature;
            }
            _ => {}
        }
        let approval = match how {
            How::OtherApproval(0) => self.ledger.state.head().next,
            How::OtherApproval(1) => 0,
            How::OtherApproval(2) => self.place(0, 1, |what| matches!(what, What::Answered { .. })),
            How::OtherApproval(pick) => {
                self.place(pick, 9, |what| matches!(what, What::PolicyApproved { .. }))
            }
            _ => self.approval_of(&files),
        };
        let given = self.model.policy_answer(approval);
        let unseated = given
            .filter(|_| how == How::Unseated)
            .map(|(by, _)| by.to_owned());
        if let (How::AtTheEnd(off), Some((_, until))) = (how, given) {
            let end = Timestamp::from_micros(until.micros() + off).unwrap();
            self.now = self.now.max(end);
        }
        if let Some(by) = &unseated {
            self.groups(by, &["desk"]);
        }
        self.promote_as(how, &tried, (files, shows, text), approval);
        if let Some(by) = &unseated {
            self.groups(by, GROUPS[0]);
        }
    }

    fn promote_as(
        &mut self,
        how: How,
        tried: &Tried,
        (files, shows, text): (Vec<PolicyFile>, ReceiptM, String),
        approval: u64,
    ) {
        let Body::Policy(mut entry) = self.publication(&tried.policy, files.clone()) else {
            panic!("no policy")
        };
        entry.promotion = Some(Box::new(Promoted {
            approval,
            receipt: text.clone(),
            origin: String::new(),
            key: 0,
            approver: String::new(),
        }));
        if how == How::ByApprover {
            entry.cause.actor = Actor::principal(Role::Approver, PEOPLE[2]);
            let refused = self.ledger.submit(Body::Policy(entry), self.now);
            assert!(
                matches!(refused, Err(Refusal::NotPermitted { .. })),
                "{refused:?}"
            );
            return;
        }
        let expected = self.model.may_promote(&files, &shows, approval, self.now);
        match expected {
            Ok(_) => self.seen.count("promoted"),
            Err(No::Field(_)) => {
                let (what, _) = self.model.policy_approval(&files, approval, self.now);
                self.seen
                    .count(format!("not promoted: the approval is {what}"));
            }
            Err(No::Receipt(what)) => self.seen.count(format!("not promoted: {how:?}, {what}")),
            Err(_) => self.seen.count("not promoted: no key, or a sandbox"),
        }
        let answer = self.submit(Body::Policy(entry), expected.clone().map(|_| ()));
        let Some((seq, Body::Policy(entry))) = answer else {
            return;
        };
        let (key, approver) = expected.unwrap();
        assert_eq!(entry.sha256, Some(hash(&files)));
        let promotion = Promoted {
            approval,
            receipt: text,
            origin: shows.name.to_owned(),
            key,
            approver,
        };
        assert_eq!(entry.promotion.as_deref(), Some(&promotion));
        if entry.parts.is_some() {
            self.seen.count("promoted in several entries");
        }
        self.note(seq, What::Policy(tried.policy.clone()));
        self.note(seq, What::Promoted { approval });
    }

    /// An approval of this text, rather one that nobody has used; else any of a policy.
    fn approval_of(&self, files: &[PolicyFile]) -> u64 {
        let all = self.model.policy_approvals(files);
        let unused = all.iter().find(|seq| !self.model.policy_spent(**seq));
        match unused.or(all.first()) {
            Some(seq) => *seq,
            None => self.place(0, 1, |what| matches!(what, What::PolicyApproved { .. })),
        }
    }

    /// Whoever has a role has it for good: nobody comes to promote what they approved.
    fn change_role(&mut self, id: &str) {
        let cause = caused(
            Call::PutPrincipal,
            Role::Operator,
            OPERATOR,
            &self.request_id(),
        );
        let command = grouped(cause, id, Role::Operator, &[]);
        self.submit(command, Err(No::Field("role")));
    }
}
