//! Conditions as Cedar evaluates them.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, PolicyId, PolicySet, Request, Response, RestrictedExpression as Value,
};

use super::{Condition, Facts, Verdict};
use crate::entry::{Environment, Outcome};
use crate::time::Timestamp;

/// What is free of the stack wherever Cedar works on conditions. It calls itself for each level of one,
/// and gives up where the stack gets short: what it answers must not depend on the thread that asks. The
/// largest condition takes about 6 MiB in a build without optimisation.
const STACK_FREE: usize = 12 * 1024 * 1024;
/// What is taken where less is free; only what is used of it becomes memory.
const STACK: usize = 16 * 1024 * 1024;

/// Runs this where the largest condition has enough stack.
pub(super) fn with_stack<T>(run: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK_FREE, STACK, run)
}

/// The conditions of a policy, checked against the schema.
#[derive(Clone)]
pub struct Conditions {
    /// By id.
    all: Vec<Condition>,
    /// The files: what else there is follows from them and the policy's actions.
    sources: Vec<(String, String)>,
    set: PolicySet,
    types: Types,
}

/// The names of the schema's entity types, read once.
#[derive(Clone)]
struct Types {
    agent: EntityTypeName,
    action: EntityTypeName,
    ledger: EntityTypeName,
    class: EntityTypeName,
    channel: EntityTypeName,
    environment: EntityTypeName,
    outcome: EntityTypeName,
    weekday: EntityTypeName,
}

impl Conditions {
    /// Conditions that were read and checked; what Cedar says where it does not know its own words.
    pub(super) fn new(
        all: Vec<Condition>,
        sources: Vec<(String, String)>,
        set: PolicySet,
    ) -> Result<Self, String> {
        let named = |name| EntityTypeName::from_str(name).map_err(|error| error.to_string());
        let types = Types {
            agent: named("Agent")?,
            action: named("Action")?,
            ledger: named("Ledger")?,
            class: named("Class")?,
            channel: named("Channel")?,
            environment: named("Environment")?,
            outcome: named("Outcome")?,
            weekday: named("Weekday")?,
        };
        Ok(Self {
            all,
            sources,
            set,
            types,
        })
    }

    /// Every condition, by id.
    pub fn all(&self) -> &[Condition] {
        &self.all
    }

    /// What they say of a request. An error is never passed over.
    pub(crate) fn evaluate(&self, facts: &Facts<'_>) -> Verdict {
        with_stack(|| self.answer(facts))
    }

    fn answer(&self, facts: &Facts<'_>) -> Verdict {
        let Some((request, entities)) = self.request(facts) else {
            return Verdict {
                failed: true,
                ..Verdict::default()
            };
        };
        let response = Authorizer::new().is_authorized(&request, &self.set, &entities);
        verdict(&response)
    }

    /// The request as Cedar takes it: `None` where it refuses to build it.
    fn request(&self, facts: &Facts<'_>) -> Option<(Request, Entities)> {
        let types = &self.types;
        let agent = uid(&types.agent, facts.agent);
        let version = facts
            .version
            .map(|version| ("version".to_owned(), text(version)));
        let attributes: HashMap<_, _> = version.into_iter().collect();
        let entity = Entity::new(agent.clone(), attributes, HashSet::new()).ok()?;
        let entities = Entities::from_entities([entity], None).ok()?;
        let context = Context::from_pairs(self.context(facts)?).ok()?;
        let action = uid(&types.action, facts.action);
        let ledger = uid(&types.ledger, facts.origin);
        // Not checked against the schema once more: a test does so, and this is on every decision's way.
        let request = Request::new(agent, action, ledger, context, None).ok()?;
        Some((request, entities))
    }

    /// The record `Request` of the schema.
    fn context(&self, facts: &Facts<'_>) -> Option<Vec<(String, Value)>> {
        let types = &self.types;
        let word = |of: &EntityTypeName, word: &str| Value::new_entity_uid(uid(of, word));
        let fields = |of: fn(&crate::entry::Target) -> &Vec<String>| {
            Value::new_set(facts.targets.iter().flat_map(|target| {
                let name = |field: &String| text(&format!("{}.{field}", target.kind));
                of(target).iter().map(name).collect::<Vec<_>>()
            }))
        };
        let channels = facts.channels.iter();
        let channels = channels.map(|channel| word(&types.channel, channel.as_str()));
        let (hour, weekday) = clock(facts.time);
        let environment = match facts.environment {
            Environment::Prod => "prod",
            Environment::Sandbox => "sandbox",
        };
        let mut record = vec![
            ("tier", Value::new_long(i64::from(facts.tier))),
            ("class", word(&types.class, facts.class.as_str())),
            ("channels", Value::new_set(channels)),
            ("environment", word(&types.environment, environment)),
            (
                "objects",
                Value::new_set(facts.targets.iter().map(|target| text(&target.kind))),
            ),
            ("reads", fields(|target| &target.reads)),
            ("writes", fields(|target| &target.writes)),
            (
                "recipients",
                Value::new_long(i64::try_from(facts.recipients).ok()?),
            ),
            ("approved", Value::new_bool(facts.approved)),
            ("undoes", Value::new_bool(facts.undoes)),
            ("hour", Value::new_long(hour)),
            ("weekday", word(&types.weekday, weekday)),
        ];
        record.extend(facts.tool.map(|tool| ("tool", text(tool))));
        record.extend(facts.seller.map(|seller| ("seller", text(seller))));
        record.extend(facts.campaign.map(|campaign| ("campaign", text(campaign))));
        if let Some(cost) = facts.cost_micros {
            record.push(("cost_micros", Value::new_long(i64::try_from(cost).ok()?)));
        }
        let outcome = facts.foreign.map(|outcome| match outcome {
            Outcome::Allow => "allow",
            Outcome::RequireApproval => "require_approval",
            Outcome::Deny => "deny",
        });
        record.extend(outcome.map(|outcome| ("foreign", word(&types.outcome, outcome))));
        let named = |(name, value): (&str, Value)| (name.to_owned(), value);
        Some(record.into_iter().map(named).collect())
    }
}

fn verdict(response: &Response) -> Verdict {
    let diagnostics = response.diagnostics();
    let mut errors: Vec<String> = diagnostics
        .errors()
        .map(|error| match error {
            AuthorizationError::PolicyEvaluationError(error) => id(error.policy_id()),
        })
        .collect();
    errors.sort_unstable();
    let reasons = diagnostics.reason();
    match response.decision() {
        Decision::Allow => Verdict {
            permit: reasons.min().map(id),
            errors,
            ..Verdict::default()
        },
        Decision::Deny => {
            let mut forbids: Vec<String> = reasons.map(id).collect();
            forbids.sort_unstable();
            Verdict {
                forbids,
                errors,
                ..Verdict::default()
            }
        }
    }
}

fn id(of: &PolicyId) -> String {
    let id: &str = of.as_ref();
    id.to_owned()
}

fn text(text: &str) -> Value {
    Value::new_string(text.to_owned())
}

fn uid(of: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id))
}

/// The hour of the day in UTC, 0 to 23, and the day of the week.
fn clock(time: Timestamp) -> (i64, &'static str) {
    const MICROS_PER_HOUR: i64 = 3_600_000_000;
    const HOURS_PER_DAY: i64 = 24;
    let hours = time.micros() / MICROS_PER_HOUR;
    // The epoch was a Thursday.
    let day = match (hours / HOURS_PER_DAY) % 7 {
        0 => "thursday",
        1 => "friday",
        2 => "saturday",
        3 => "sunday",
        4 => "monday",
        5 => "tuesday",
        _ => "wednesday",
    };
    (hours % HOURS_PER_DAY, day)
}

impl std::fmt::Debug for Conditions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.all).finish()
    }
}

/// Equal where the files are: of a policy with the same actions, what they say is then the same.
impl PartialEq for Conditions {
    fn eq(&self, other: &Self) -> bool {
        self.sources == other.sources
    }
}

impl Eq for Conditions {}
