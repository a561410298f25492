//! Breaker rules as these tests write them, and their text in a policy.

use std::fmt::Write;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Bounce,
    Complaint,
    Error,
    Cost,
}

impl What {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Bounce => "hard_bounce_rate",
            Self::Complaint => "complaint_rate",
            Self::Error => "error_rate",
            Self::Cost => "cost",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) what: What,
    pub(crate) actions: Vec<&'static str>,
    pub(crate) classes: Vec<&'static str>,
    pub(crate) per: &'static str,
    pub(crate) warn: Option<u64>,
    pub(crate) open: u64,
    pub(crate) minimum: u64,
    pub(crate) window_s: u64,
}

impl Rule {
    /// Over the contact by one agent in 100 seconds.
    pub(crate) fn new(what: What, open: u64) -> Self {
        Self {
            id: "rule",
            what,
            actions: Vec::new(),
            classes: vec!["contact"],
            per: "agent",
            warn: None,
            open,
            minimum: 1,
            window_s: 100,
        }
    }

    pub(crate) fn matches(&self, action: &str, class: &str) -> bool {
        self.actions.contains(&action) || self.classes.contains(&class)
    }

    pub(crate) fn text(&self) -> String {
        let unit = if self.what == What::Cost {
            "micros"
        } else {
            "ppm"
        };
        let mut text = format!(
            "[[breaker]]\nid = \"{}\"\nmeasure = \"{}\"\n",
            self.id,
            self.what.word()
        );
        if !self.actions.is_empty() {
            writeln!(text, "actions = {:?}", self.actions).unwrap();
        }
        if !self.classes.is_empty() {
            writeln!(text, "classes = {:?}", self.classes).unwrap();
        }
        writeln!(text, "per = \"{}\"\nopen_{unit} = {}", self.per, self.open).unwrap();
        if let Some(warn) = self.warn {
            writeln!(text, "warn_{unit} = {warn}").unwrap();
        }
        if self.what != What::Cost {
            writeln!(text, "minimum = {}", self.minimum).unwrap();
        }
        writeln!(text, "window = \"{}s\"", self.window_s).unwrap();
        text
    }
}
