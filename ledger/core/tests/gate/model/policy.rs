//! The model's own idea of a policy, and the text that says it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ledger_core::action::{Channel, Class};
use ledger_core::entry::Environment;
use ledger_core::token::{Kind, Token};

use super::ConditionM;

#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyM {
    pub(crate) actions: Vec<ActionM>,
    pub(crate) grants: Vec<GrantM>,
    pub(crate) rules: Vec<RuleM>,
    pub(crate) breakers: Vec<BreakerM>,
    /// The patterns of the fields that agents own; none stands for the default.
    pub(crate) agent_owned: Option<Vec<&'static str>>,
    /// Object type and field, besides those of every policy.
    pub(crate) sensitive: Vec<(&'static str, &'static str)>,
    pub(crate) fake_domains: Vec<(&'static str, Token)>,
    pub(crate) fake_phones: Vec<Token>,
    pub(crate) valid_for_s: i64,
    pub(crate) report_within_s: i64,
    pub(crate) tolerance_s: i64,
    pub(crate) approve_within_s: i64,
    pub(crate) confirm_s: i64,
    pub(crate) glass_max_s: i64,
    /// Those of its `.cedar` files, if there are any.
    pub(crate) conditions: Option<Vec<ConditionM>>,
}

#[derive(Debug, Clone)]
pub(crate) struct ActionM {
    pub(crate) name: &'static str,
    pub(crate) class: Class,
    pub(crate) channels: BTreeSet<Channel>,
    pub(crate) requires: Vec<Kind>,
    pub(crate) tier: Option<u8>,
    /// Whether it makes objects, where the policy says so.
    pub(crate) creates: Option<bool>,
    /// Minutes of the day.
    pub(crate) hours: Option<(i64, i64)>,
    pub(crate) registry_s: Option<i64>,
    pub(crate) registry_from: Option<&'static str>,
}

/// A row; `None` stands for any, or for what a row need not say.
#[derive(Debug, Clone)]
pub(crate) struct GrantM {
    pub(crate) id: String,
    pub(crate) agent: &'static str,
    pub(crate) actions: Vec<&'static str>,
    pub(crate) sellers: Option<Vec<&'static str>>,
    pub(crate) mailboxes: Option<Vec<(&'static str, Token)>>,
    pub(crate) objects: Option<Vec<&'static str>>,
    /// Patterns.
    pub(crate) reads: Vec<&'static str>,
    pub(crate) writes: Vec<&'static str>,
    pub(crate) environment: Option<Environment>,
    pub(crate) tier: Option<u8>,
    pub(crate) required: bool,
    pub(crate) waived: bool,
    pub(crate) elsewhere: bool,
    pub(crate) approvers: Option<&'static str>,
    pub(crate) versions: Vec<&'static str>,
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

/// A breaker on the rate of errors. When it opens is for other tests; what it refuses, for these.
#[derive(Debug, Clone)]
pub(crate) struct BreakerM {
    pub(crate) id: String,
    pub(crate) class: Class,
    pub(crate) per: &'static str,
    pub(crate) open_ppm: u64,
    pub(crate) minimum: u64,
    pub(crate) window_s: i64,
}

/// Whether a field is one of those that the patterns name.
pub(crate) fn names(patterns: &[&str], field: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| match pattern.split_once('*') {
            Some((start, _)) => field.starts_with(start),
            None => *pattern == field,
        })
}

fn quoted(key: &str, words: &[&str]) -> String {
    if words.is_empty() {
        String::new()
    } else {
        format!("{key} = {words:?}\n")
    }
}

impl ActionM {
    fn text(&self) -> String {
        let mut text = format!(
            "[[action]]\nname = \"{}\"\nclass = \"{}\"\n",
            self.name, self.class
        );
        if self.class == Class::Contact {
            let words: Vec<&str> = self.channels.iter().map(|word| word.as_str()).collect();
            text += &quoted("channels", &words);
        }
        let kinds: Vec<_> = self.requires.iter().map(Kind::as_str).collect();
        let kinds: Vec<&str> = kinds.iter().map(AsRef::as_ref).collect();
        text += &quoted("requires", &kinds);
        if let Some(tier) = self.tier {
            writeln!(text, "tier = {tier}").unwrap();
        }
        if let Some(creates) = self.creates {
            writeln!(text, "creates = {creates}").unwrap();
        }
        if let Some((from, to)) = self.hours {
            let clock = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
            writeln!(text, "hours = \"{}-{}\"", clock(from), clock(to)).unwrap();
        }
        if let Some(age) = self.registry_s {
            writeln!(text, "registry = \"{age}s\"").unwrap();
            if let Some(source) = self.registry_from {
                writeln!(text, "registry_sources = [{source:?}, \"nobody\"]").unwrap();
            }
        }
        text
    }
}

impl GrantM {
    fn text(&self) -> String {
        let (id, agent, actions) = (&self.id, self.agent, &self.actions);
        let mut text =
            format!("[[grant]]\nid = \"{id}\"\nagent = \"{agent}\"\nactions = {actions:?}\n");
        let sellers = self.sellers.clone().unwrap_or_else(|| vec!["*"]);
        text += &quoted("sellers", &sellers);
        let mailboxes: Vec<&str> = match &self.mailboxes {
            None => vec!["*"],
            Some(mailboxes) => mailboxes.iter().map(|(name, _)| *name).collect(),
        };
        text += &quoted("mailboxes", &mailboxes);
        text += &quoted(
            "objects",
            &self.objects.clone().unwrap_or_else(|| vec!["*"]),
        );
        text += &quoted("reads", &self.reads);
        text += &quoted("writes", &self.writes);
        if let Some(environment) = self.environment {
            let word = match environment {
                Environment::Prod => "prod",
                Environment::Sandbox => "sandbox",
            };
            text += &quoted("environments", &[word]);
        }
        if let Some(tier) = self.tier {
            writeln!(text, "tier = {tier}").unwrap();
        }
        if self.required {
            text += "approval = \"required\"\n";
        }
        if self.waived {
            text += "approval = \"waived\"\n";
        }
        if self.elsewhere {
            text += "decided = \"elsewhere\"\n";
        }
        if let Some(group) = self.approvers {
            writeln!(text, "approvers = \"{group}\"").unwrap();
        }
        text += &quoted("agent_versions", &self.versions);
        text
    }
}

impl RuleM {
    fn text(&self) -> String {
        let classes: Vec<&str> = self.classes.iter().map(|class| class.as_str()).collect();
        let unit = if self.in_recipients {
            "recipients"
        } else {
            "actions"
        };
        let (per, limit, window) = (self.per, self.limit, self.window_s);
        format!(
            "[[throttle]]\nid = \"{}\"\n{}{}per = \"{per}\"\nunit = \"{unit}\"\nlimit = {limit}\nwindow = \"{window}s\"\n",
            self.id,
            quoted("actions", &self.actions),
            quoted("classes", &classes)
        )
    }
}

impl BreakerM {
    fn text(&self) -> String {
        format!(
            "[[breaker]]\nid = \"{}\"\nmeasure = \"error_rate\"\nclasses = [\"{}\"]\nper = \"{}\"\n\
             open_ppm = {}\nminimum = {}\nwindow = \"{}s\"\n",
            self.id, self.class, self.per, self.open_ppm, self.minimum, self.window_s
        )
    }
}

impl PolicyM {
    /// The fields that are the agents' own.
    pub(crate) fn owned(&self, field: &str) -> bool {
        match &self.agent_owned {
            Some(patterns) => names(patterns, field),
            None => field.starts_with("agent_"),
        }
    }

    /// Whether a change of this field needs somebody's approval in itself.
    pub(crate) fn sensitive(&self, object: &str, field: &str) -> bool {
        let always = match field {
            "lifecycle_stage" | "lifecyclestage" => true,
            "deal_stage" | "dealstage" | "stage" | "stage_id" => object == "deal",
            _ => false,
        };
        always
            || self
                .sensitive
                .iter()
                .any(|(of, name)| *name == field && (*of == "*" || *of == object))
    }

    /// Its files: name and text.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        let mut files = vec![("policy.toml".to_owned(), self.text())];
        if let Some(conditions) = &self.conditions {
            for (name, second) in [("first.cedar", false), ("second.cedar", true)] {
                let own = conditions.iter().filter(|one| one.second == second);
                let text: String = own.map(ConditionM::text).collect();
                if !(text.is_empty() && second) {
                    files.push((name.to_owned(), format!("// Conditions.\n{text}")));
                }
            }
        }
        files
    }

    /// As TOML.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("version = 1\n");
        text.extend(self.actions.iter().map(ActionM::text));
        text.extend(self.grants.iter().map(GrantM::text));
        text.extend(self.rules.iter().map(RuleM::text));
        text.extend(self.breakers.iter().map(BreakerM::text));
        text += "[fields]\n";
        if let Some(patterns) = &self.agent_owned {
            writeln!(text, "agent_owned = {patterns:?}").unwrap();
        }
        let places: Vec<String> = self
            .sensitive
            .iter()
            .map(|(object, field)| format!("{object}.{field}"))
            .collect();
        text += &quoted(
            "sensitive",
            &places.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        text += "[sandbox]\n";
        let domains: Vec<&str> = self.fake_domains.iter().map(|(name, _)| *name).collect();
        text += &quoted("fake_domains", &domains);
        let phones: Vec<String> = self
            .fake_phones
            .iter()
            .map(|token| format!("token:{token}"))
            .collect();
        text += &quoted(
            "fake_phones",
            &phones.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        text += "[numbers]\n";
        for (key, value) in [
            ("valid_for_s", self.valid_for_s),
            ("report_within_s", self.report_within_s),
            ("start_tolerance_s", self.tolerance_s),
            ("approve_within_s", self.approve_within_s),
            ("break_glass_confirm_s", self.confirm_s),
            ("break_glass_max_s", self.glass_max_s),
        ] {
            writeln!(text, "{key} = {value}").unwrap();
        }
        text
    }
}
