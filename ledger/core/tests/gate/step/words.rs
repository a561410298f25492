//! What random requests are made of.

use ledger_core::token::{Kind, Token};

use super::super::ledger::AGENTS;
use super::key;

pub(crate) const ACTIONS: [&str; 12] = [
    "email.send",
    "sms.send",
    "call.queue",
    "meeting.book",
    "sequence.enroll",
    "crm.update",
    "crm.read",
    "crm.deal.stage",
    "crm.note.create",
    "system.change",
    "post.letter",
    "no.such.action",
];
/// Those that every policy declares, or that the gate knows.
pub(crate) const KNOWN: usize = 10;
pub(crate) const VERSIONS: [&str; 2] = ["sha256:aa", "sha256:bb"];
pub(crate) const OBJECTS: [&str; 4] = ["contact", "account", "company", "deal"];
pub(crate) const FIELDS: [&str; 7] = [
    "agent_score",
    "agent_note",
    "job_title",
    "job_level",
    "amount",
    "lifecycle_stage",
    "deal_stage",
];
/// Who may answer, request, confirm and close; the last may answer only.
pub(crate) const PEOPLE: [&str; 5] = [
    "ops",
    "compliance-1",
    "approver-1",
    "approver-2",
    "approver-3",
];
/// The groups that an approver can be in.
pub(crate) const GROUPS: [&[&str]; 5] = [
    &["revops", "sales-ops"],
    &["sales-ops", "compliance", "desk"],
    &[],
    &["desk"],
    &["revops"],
];
/// The domain that is reserved, and the one that a policy may call fake.
pub(crate) fn domain(number: u8) -> Token {
    key(Kind::Domain, number, None).token
}
pub(crate) const SELLERS: [&str; 2] = ["acme", "bolt"];
pub(crate) const CAMPAIGNS: [&str; 2] = ["c1", "c2"];
/// The fourth agent is none.
pub(crate) const ASKERS: [&str; 4] = [AGENTS[0], AGENTS[1], AGENTS[2], "agent.ghost"];

pub(crate) fn mailbox(pick: usize) -> (&'static str, Token) {
    let pick = pick % 2;
    (["m1", "m2"][pick], Token([[0xa1, 0xa2][pick]; 32]))
}
