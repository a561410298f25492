//! The model's own idea of a policy, and the text that says it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ledger_core::action::{Channel, Class};
use ledger_core::entry::{Code, Decision};
use ledger_core::token::{Kind, Token};

use super::ReasonM;

#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyM {
    pub(crate) actions: Vec<ActionM>,
    pub(crate) grants: Vec<GrantM>,
    pub(crate) rules: Vec<RuleM>,
    pub(crate) valid_for_s: i64,
    pub(crate) report_within_s: i64,
    pub(crate) tolerance_s: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct ActionM {
    pub(crate) name: &'static str,
    pub(crate) class: Class,
    pub(crate) channels: BTreeSet<Channel>,
    pub(crate) requires: Vec<Kind>,
}

/// A row; `None` stands for any.
#[derive(Debug, Clone)]
pub(crate) struct GrantM {
    pub(crate) id: String,
    pub(crate) agent: &'static str,
    pub(crate) actions: Vec<&'static str>,
    pub(crate) sellers: Option<Vec<&'static str>>,
    pub(crate) mailboxes: Option<Vec<(&'static str, Token)>>,
}

#[derive(Debug, Clone)]
pub(crate) struct RuleM {
    pub(crate) id: String,
    pub(crate) actions: Vec<&'static str>,
    pub(crate) classes: Vec<Class>,
    pub(crate) per: &'static str,
    pub(crate) in_recipients: bool,
    pub(crate) limit: u64,
    pub(crate) window_s: i64,
}

impl PolicyM {
    /// The first row that grants the request; else how near one came.
    pub(crate) fn grant(&self, request: &Decision, class: Class) -> ReasonM {
        let contact = class == Class::Contact;
        let rows: Vec<&GrantM> = self
            .grants
            .iter()
            .filter(|row| row.agent == request.cause.actor.id)
            .filter(|row| row.actions.contains(&request.action.as_str()))
            .collect();
        let seller = |row: &&&GrantM| match (&request.seller, &row.sellers) {
            (_, None) => true,
            (Some(seller), Some(sellers)) => sellers.contains(&seller.as_str()),
            (None, Some(_)) => !contact,
        };
        let mailbox = |row: &&&GrantM| match (&request.mailbox, &row.mailboxes) {
            (_, None) => true,
            (Some(token), Some(mailboxes)) => mailboxes.iter().any(|(_, other)| other == token),
            (None, Some(mailboxes)) => !contact || mailboxes.is_empty(),
        };
        if let Some(row) = rows.iter().find(|row| seller(row) && mailbox(row)) {
            return ReasonM {
                rule: Some(row.id.clone()),
                ..ReasonM::of(Code::GrantRow)
            };
        }
        let code = if rows.is_empty() {
            Code::GrantNone
        } else if rows.iter().any(|row| seller(&row)) {
            Code::GrantMailbox
        } else {
            Code::GrantSeller
        };
        ReasonM::of(code)
    }

    /// As TOML.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("version = 1\n");
        for row in &self.actions {
            writeln!(
                text,
                "[[action]]\nname = \"{}\"\nclass = \"{}\"",
                row.name, row.class
            )
            .unwrap();
            if row.class == Class::Contact {
                let words: Vec<&str> = row.channels.iter().map(|word| word.as_str()).collect();
                writeln!(text, "channels = {words:?}").unwrap();
            }
            if !row.requires.is_empty() {
                let words: Vec<_> = row.requires.iter().map(Kind::as_str).collect();
                writeln!(text, "requires = {words:?}").unwrap();
            }
        }
        for row in &self.grants {
            let (id, agent, actions) = (&row.id, row.agent, &row.actions);
            writeln!(
                text,
                "[[grant]]\nid = \"{id}\"\nagent = \"{agent}\"\nactions = {actions:?}"
            )
            .unwrap();
            let sellers = row.sellers.clone().unwrap_or_else(|| vec!["*"]);
            writeln!(text, "sellers = {sellers:?}").unwrap();
            let names: Vec<&str> = match &row.mailboxes {
                None => vec!["*"],
                Some(mailboxes) => mailboxes.iter().map(|(name, _)| *name).collect(),
            };
            if !names.is_empty() {
                writeln!(text, "mailboxes = {names:?}").unwrap();
            }
        }
        for rule in &self.rules {
            writeln!(text, "[[throttle]]\nid = \"{}\"", rule.id).unwrap();
            if !rule.actions.is_empty() {
                writeln!(text, "actions = {:?}", rule.actions).unwrap();
            }
            if !rule.classes.is_empty() {
                let words: Vec<&str> = rule.classes.iter().map(|class| class.as_str()).collect();
                writeln!(text, "classes = {words:?}").unwrap();
            }
            let unit = if rule.in_recipients {
                "recipients"
            } else {
                "actions"
            };
            let (per, limit, window) = (rule.per, rule.limit, rule.window_s);
            writeln!(
                text,
                "per = \"{per}\"\nunit = \"{unit}\"\nlimit = {limit}\nwindow = \"{window}s\""
            )
            .unwrap();
        }
        let (valid, report, tolerance) = (self.valid_for_s, self.report_within_s, self.tolerance_s);
        write!(
            text,
            "[numbers]\nvalid_for_s = {valid}\nreport_within_s = {report}\nstart_tolerance_s = {tolerance}\n"
        )
        .unwrap();
        text
    }
}
