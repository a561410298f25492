//! What a run did, step by step: the one thing that every command makes, for people and for programs.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::exit::Exit;

/// The account of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Transcript {
    /// The command.
    pub command: &'static str,
    /// What the run ended with.
    pub verdict: Exit,
    /// The same as a number: the process's exit code.
    pub exit_code: u8,
    /// What was checked, in order. The first that did not pass is the last one of its material.
    pub steps: Vec<Step>,
    /// What the steps that passed prove.
    pub proves: Vec<String>,
    /// What they do not prove.
    pub does_not_prove: Vec<String>,
    /// Of a log that replays: in words, whether it accounts for everything, and the first things that it
    /// does not account for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The facts found, by name.
    pub result: Map<String, Value>,
    #[serde(skip)]
    material: Option<String>,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The file concerned, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub material: Option<String>,
    /// What was checked.
    pub check: &'static str,
    /// How it came out.
    pub status: Status,
    /// What exactly, in words.
    pub words: String,
}

/// How a check came out.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is as it must be.
    Passed,
    /// It is not; the run's verdict says whose fault that is.
    Failed,
    /// A fact that was read off what passed, and is worth a look.
    Noted,
}

/// Why a run ends before its end.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What the run ends with.
    pub exit: Exit,
    /// What was being checked.
    pub check: &'static str,
    /// The first bad thing: which entry, which hash, what was expected and what was found.
    pub words: String,
}

impl Failure {
    /// A failure of `check`.
    pub fn new(exit: impl Into<Exit>, check: &'static str, words: impl ToString) -> Self {
        Self {
            exit: exit.into(),
            check,
            words: words.to_string(),
        }
    }

    /// The material is not what it claims to be.
    pub fn refuted(check: &'static str, words: impl ToString) -> Self {
        Self::new(Exit::Refuted, check, words)
    }

    /// The input could not be read.
    pub fn unreadable(check: &'static str, words: impl ToString) -> Self {
        Self::new(Exit::Unreadable, check, words)
    }

    /// Nothing can be said.
    pub fn unjudged(check: &'static str, words: impl ToString) -> Self {
        Self::new(Exit::Unjudged, check, words)
    }
}

impl Transcript {
    /// The beginning of a run.
    pub fn new(command: &'static str) -> Self {
        Self {
            command,
            verdict: Exit::Verified,
            exit_code: Exit::Verified.code(),
            steps: Vec::new(),
            proves: Vec::new(),
            does_not_prove: Vec::new(),
            account: None,
            result: Map::new(),
            material: None,
        }
    }

    /// From here on the steps are about this file.
    pub fn about(&mut self, material: &str) {
        self.material = Some(material.to_owned());
    }

    /// A check that passed.
    pub fn passed(&mut self, check: &'static str, words: impl Into<String>) {
        self.step(check, Status::Passed, words.into());
    }

    /// A fact worth a look.
    pub fn noted(&mut self, check: &'static str, words: impl Into<String>) {
        self.step(check, Status::Noted, words.into());
    }

    /// A check that did not pass. The worst of several is the run's verdict.
    pub fn failed(&mut self, failure: Failure) {
        self.verdict = self.verdict.worst(failure.exit);
        self.exit_code = self.verdict.code();
        self.step(failure.check, Status::Failed, failure.words);
    }

    /// What is now proven. Said once, however often it comes up.
    pub fn proves(&mut self, words: impl Into<String>) {
        let words = words.into();
        if !self.proves.contains(&words) {
            self.proves.push(words);
        }
    }

    /// What is not.
    pub fn does_not_prove(&mut self, words: impl Into<String>) {
        let words = words.into();
        if !self.does_not_prove.contains(&words) {
            self.does_not_prove.push(words);
        }
    }

    /// A fact for programs.
    pub fn fact(&mut self, name: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.result.insert(name.to_owned(), value);
    }

    fn step(&mut self, check: &'static str, status: Status, words: String) {
        self.steps.push(Step {
            material: self.material.clone(),
            check,
            status,
            words,
        });
    }
}
