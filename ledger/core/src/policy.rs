//! The policy: which actions exist, who may carry them out, how often, and the gate's numbers.
//!
//! A policy is a directory of text files: `policy.toml`, and where it has [conditions](Conditions) files
//! that end in `.cedar` beside it. Everything in it is
//! enforced, and what this version does not enforce is refused. It grants nothing that it does not
//! name. The gate itself knows the [built-in contact actions](ActionRule::BUILTIN); a policy may ask
//! more of them and never less. No policy reaches the do-not-contact list or a stop.
//!
//! ```toml
//! version = 1
//!
//! [[action]]                      # what may be asked for; the built-in ones need no row
//! name = "crm.contact.update"
//! class = "write"                 # read, write, contact, admin; without one: contact
//! tier = 1                        # 0 to 3; of contact 2 or 3; without one: ActionRule::default_tier
//! creates = false                 # of write and admin: makes objects; without: where the name ends in `.create`
//!
//! [[action]]
//! name = "call.queue"
//! channels = ["call"]             # of contact: email, call, sms, meeting; without: all
//! requires = ["phone", "contact"] # keys of every recipient: email, phone, contact, account
//! hours = "08:00-21:00"           # of contact: the time of day where the recipient is
//! registry = "31d"                # of contact: the oldest import of the national registry, from 1h
//! registry_sources = ["ftc"]      # whose imports count; without: everybody's; at most 8
//!
//! [[grant]]                       # who may do what; of several rows that cover a target, the first
//! id = "enrichment-contacts"
//! agent = "agent.enrichment"
//! actions = ["crm.contact.update"]
//! objects = ["contact"]           # types of targets, in lower case, or ["*"]; a row that changes must say
//! reads = ["*"]                   # fields: names, beginnings (`hs_*`), or ["*"]; without: none
//! writes = ["job_title"]          # the same, besides the agents' own fields
//! environments = ["sandbox"]      # prod, sandbox; without: both
//! tier = 2                        # 1 to 3: raises the tier, and never lowers it
//! approval = "required"           # tier 2 at least; "waived": a tier 2 action needs nobody's approval; without: by tier
//! approvers = "revops"            # the group that approves; without: that of the action's class
//! agent_versions = ["sha256:9c1e"] # versions of the agent, at most 16; without: any
//!
//! [[grant]]
//! id = "outbound-sends"
//! agent = "agent.outbound.sender"
//! actions = ["email.send"]
//! sellers = ["acme"]              # in lower case, or ["*"]; a row for contact must say
//! mailboxes = ["outreach-1"]      # names without `@`, "token:<64 hex>", or ["*"]; without: none
//! decided = "elsewhere"           # an allow of the engine that decided before stands for the approval
//!
//! [[throttle]]                    # how often
//! id = "mailbox-day"
//! actions = ["email.send"]        # and, or instead, classes = ["contact"]
//! per = "mailbox"                 # agent, workspace, mailbox, recipient, domain, campaign, seller
//! unit = "recipients"             # people; or "actions", the default: requests, whatever they name
//! limit = 25
//! window = "24h"                  # trailing: s, m, h, d, up to 31 days
//!
//! [[breaker]]                     # what closes off, because of what reports said
//! id = "bounces"
//! measure = "hard_bounce_rate"    # complaint_rate, error_rate, cost
//! actions = ["email.send"]        # and, or instead, classes = ["contact"]
//! per = "workspace"               # agent, mailbox, seller, workspace
//! warn_ppm = 20_000               # 2 %; of cost warn_micros and open_micros
//! open_ppm = 50_000               # 5 %; above it the breaker opens
//! minimum = 200                   # with fewer in the window it does neither; of rates, 1 without it
//! window = "24h"
//!
//! [dnc_breach]                    # the breaker that the gate itself has, of executions that DNC denied
//! scope = "agent"                 # or "workspace"
//!
//! [fields]
//! agent_owned = ["agent_*"]       # writable wherever a row grants the object; this is the default
//! sensitive = ["deal.amount", "*.owner_id"] # besides SENSITIVE: tier 2 to write, 1 to read
//!
//! [sandbox]
//! fake_domains = ["sales.example.dev"] # whom a sandbox may write to, besides reserved domains; at most 16
//!                                 # fake_phones: whom it may call, each as "token:<64 hex>"; at most 64
//! clear = ["/template/name"]      # JSON pointers to strings that its details keep in clear
//!
//! [numbers]                       # see Numbers
//! valid_for_s = 60
//!
//! [redact]                        # beyond what is redacted always: `redact/secret.rs`
//! keys = ["loyalty_pin"]
//! pointers = ["/headers/x-internal"]
//! ```

mod action;
mod breaker;
pub(crate) mod condition;
mod error;
mod field;
mod grant;
mod number;
mod parse;
mod read;
mod sandbox;
mod scope;
mod text;
mod throttle;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::action::{ActionRule, Class};
use crate::entry::Environment;
use crate::hash::Hash;
use crate::redact::{Pointer, Redaction};
use crate::token::Token;

pub use crate::limits::FAKE_DOMAINS_MAX;
pub use breaker::{BREAKERS_MAX, BreakerPer, BreakerRule, DNC_BREACH};
pub use condition::{
    CONDITION_BYTES_MAX, CONDITION_FILES_MAX, CONDITION_NESTING_MAX, CONDITION_OPERATORS_MAX,
    CONDITION_SCHEMA, CONDITION_SUFFIX, CONDITIONS_MAX, Condition, Conditions, EVALUATOR,
};
pub use error::{ERRORS_MAX, PolicyError, PolicyErrors};
pub use number::{NUMBER_RANGES, Numbers};
pub use scope::{AGENT_OWNED, FieldRules, Fields, SENSITIVE};

/// The file that every policy has.
pub const POLICY_FILE: &str = "policy.toml";
/// The most bytes of all files of a policy.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;
/// The most `[[action]]` rows.
pub const ACTIONS_MAX: usize = 256;
/// The most `[[grant]]` rows.
pub const GRANTS_MAX: usize = 256;
/// The most `[[throttle]]` rows.
pub const THROTTLES_MAX: usize = 32;
/// The most entries of one list within a row.
pub const LIST_MAX: usize = 256;
/// The most `agent_versions` of a row.
pub const AGENT_VERSIONS_MAX: usize = 16;
/// The most bytes of a mailbox's name.
pub const MAILBOX_BYTES_MAX: usize = 64;
/// The most `keys`, and the most `pointers`, of `[redact]`; and the most bytes of one.
pub const REDACT_MAX: usize = 64;
/// The most actions or recipients that a throttle may allow.
pub const LIMIT_MAX: u64 = 1_000_000;

/// A policy, read and checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The gate's numbers.
    pub numbers: Numbers,
    /// What is taken out of details.
    pub redact: Redaction,
    /// Which fields are the agents' own, and which are sensitive.
    pub fields: FieldRules,
    /// What is opened by an execution of a contact decision that the do-not-contact list denied.
    pub dnc_breach: BreachScope,
    /// The domains that a sandbox may write to besides the reserved ones, in canonical form.
    pub fake_domains: BTreeSet<String>,
    /// The tokens of the phones that a sandbox may reach.
    pub fake_phones: BTreeSet<Token>,
    /// JSON pointers to strings that a sandbox keeps in clear in its details.
    pub sandbox_clear: Vec<Pointer>,
    /// Declared and built-in actions by name; of [`Policy::none`], none.
    actions: BTreeMap<String, ActionRule>,
    grants: Vec<Grant>,
    /// Agent to action to the rows that grant it, in the order of the file.
    granted: BTreeMap<String, BTreeMap<String, Vec<usize>>>,
    throttles: Vec<ThrottleRule>,
    breakers: Vec<BreakerRule>,
    /// Absent where it has none, so that a decision then does nothing for them.
    conditions: Option<Arc<Conditions>>,
}

/// What a policy is made of, read and checked.
#[derive(Debug, Default)]
struct Parts {
    numbers: Numbers,
    redact: Redaction,
    fields: FieldRules,
    dnc_breach: BreachScope,
    sandbox: sandbox::Sandbox,
    declared: BTreeMap<String, ActionRule>,
    grants: Vec<Grant>,
    throttles: Vec<ThrottleRule>,
    breakers: Vec<BreakerRule>,
}

impl Policy {
    /// What holds before a policy is published: the built-in actions, no grants, the default numbers.
    pub fn none() -> Self {
        Self::new(Parts::default())
    }

    /// Reads and checks the files of a policy, each a path within its directory and its bytes.
    ///
    /// # Errors
    /// [`PolicyErrors`]: everything found that is wrong, up to [`ERRORS_MAX`].
    pub fn parse<P: AsRef<str>, B: AsRef<[u8]>>(files: &[(P, B)]) -> Result<Self, PolicyErrors> {
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(path, bytes)| (path.as_ref(), bytes.as_ref()))
            .collect();
        parse::policy(&files)
    }

    fn new(parts: Parts) -> Self {
        let Parts {
            numbers,
            redact,
            fields,
            dnc_breach,
            sandbox,
            declared,
            grants,
            throttles,
            breakers,
        } = parts;
        let builtin = ActionRule::BUILTIN
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), ActionRule::builtin(name)?)));
        let mut actions: BTreeMap<_, _> = builtin.collect();
        actions.extend(declared);
        let mut granted: BTreeMap<String, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
        for (row, grant) in grants.iter().enumerate() {
            let by_action = granted.entry(grant.agent.clone()).or_default();
            for action in &grant.actions {
                by_action.entry(action.clone()).or_default().push(row);
            }
        }
        Self {
            numbers,
            redact,
            fields,
            dnc_breach,
            fake_domains: sandbox.fake_domains,
            fake_phones: sandbox.fake_phones,
            sandbox_clear: sandbox.clear,
            actions,
            grants,
            granted,
            throttles,
            breakers,
            conditions: None,
        }
    }

    /// The conditions of its `.cedar` files, if it has any.
    pub fn conditions(&self) -> Option<&Conditions> {
        self.conditions.as_deref()
    }

    /// The rule of an action, declared or built in; `None` for one that does not exist.
    pub fn action(&self, name: &str) -> Option<&ActionRule> {
        self.actions.get(name)
    }

    /// Every action, declared or built in, by name.
    pub fn actions(&self) -> impl Iterator<Item = (&str, &ActionRule)> {
        self.actions
            .iter()
            .map(|(name, rule)| (name.as_str(), rule))
    }

    /// The rows that grant `action` to `agent`, in the order of the file. Whether one also grants the
    /// seller and the mailbox is for the gate to see.
    pub fn grants(&self, agent: &str, action: &str) -> impl Iterator<Item = &Grant> {
        let rows = self
            .granted
            .get(agent)
            .and_then(|by_action| by_action.get(action));
        rows.into_iter()
            .flatten()
            .filter_map(|row| self.grants.get(*row))
    }

    /// Every grant, in the order of the file.
    pub fn all_grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The tiers that requests under a row can have: those of its actions, raised by the row, and 2
    /// where it lets a sensitive field be written. An update of nothing but the agents' own fields is
    /// tier 0 all the same.
    pub fn tiers(&self, row: &Grant) -> BTreeSet<u8> {
        row.tiers(
            |action| self.action(action).map(|rule| rule.tier),
            &self.fields,
        )
    }

    /// The throttle rules, in the order of the file.
    pub fn throttles(&self) -> &[ThrottleRule] {
        &self.throttles
    }

    /// The circuit breakers, in the order of the file.
    pub fn breakers(&self) -> &[BreakerRule] {
        &self.breakers
    }

    /// The rules that count an action that exists, with their place in [`Policy::throttles`].
    pub fn throttles_of(&self, action: &str) -> impl Iterator<Item = (usize, &ThrottleRule)> {
        let class = self.action(action).map(|rule| rule.class);
        self.throttles
            .iter()
            .enumerate()
            .filter(move |(_, rule)| class.is_some_and(|class| rule.matches(action, class)))
    }

    /// The names of mailboxes in grants. Whoever publishes the policy puts the token of each
    /// ([`normalise::mailbox`](crate::normalise::mailbox)) into its entry: replay has no subject key.
    pub fn mailbox_names(&self) -> BTreeSet<&str> {
        let names = self
            .grants
            .iter()
            .filter_map(|grant| match &grant.mailboxes {
                Mailboxes::Any => None,
                Mailboxes::Only { names, .. } => Some(names),
            });
        names.flatten().map(String::as_str).collect()
    }
}

/// One row of the table of grants: who may do what, for whom and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The row's id, unique among grants.
    pub id: String,
    /// The agent, by its exact id.
    pub agent: String,
    /// The actions, each declared or built in.
    pub actions: BTreeSet<String>,
    /// The sellers on whose behalf. Without `sellers`: none, so that a request may name none.
    pub sellers: Names,
    /// The mailboxes from which. Without `mailboxes`: none, so that a request may name none.
    pub mailboxes: Mailboxes,
    /// The object types, as requests name them. Without `objects`: none, so that a request may name
    /// no target.
    pub objects: Names,
    /// The fields of those objects that may be read. Without `reads`: none.
    pub reads: Fields,
    /// The fields that may be written, besides those that are the agents' own. Without `writes`: none.
    pub writes: Fields,
    /// The environments in which the row grants anything. Without `environments`: both.
    pub environments: Vec<Environment>,
    /// The least tier of what the row grants, where it is more than the action's.
    pub tier: Option<u8>,
    /// Whether it says that an approval is required: what it grants is then tier 2 at least.
    pub required: bool,
    /// Whether a tier 2 action under this row needs nobody's approval.
    pub waived: bool,
    /// Whether a decision that was made elsewhere and handed in stands for the approval of tier 2.
    pub elsewhere: bool,
    /// The group that approves, where it is not that of the action's class.
    pub approvers: Option<String>,
    /// The versions of the agent to which the row grants anything; empty means any.
    pub agent_versions: BTreeSet<String>,
}

impl Grant {
    /// The least tier of what the row grants, where it says one: by its tier, or by requiring an approval.
    pub fn least_tier(&self) -> Option<u8> {
        self.tier.max(self.required.then_some(2))
    }
}

/// How much the breaker `dnc-breach` closes off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BreachScope {
    /// Contact by the agent that did it.
    #[default]
    Agent,
    /// Contact by anybody.
    Workspace,
}

impl BreachScope {
    /// The word in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Workspace => "workspace",
        }
    }
}

/// A list of names, or `["*"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// Any.
    Any,
    /// These, and no others.
    Only(BTreeSet<String>),
}

impl Names {
    /// Whether `name` is among them.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(name),
        }
    }

    /// Whether nothing is among them.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Only(names) if names.is_empty())
    }
}

/// A list of mailboxes, or `["*"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mailboxes {
    /// Any.
    Any,
    /// These, and no others.
    Only {
        /// By name, which is not an address.
        names: BTreeSet<String>,
        /// By token.
        tokens: BTreeSet<Token>,
    },
}

impl Mailboxes {
    /// Whether nothing is among them.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Only { names, tokens } if names.is_empty() && tokens.is_empty())
    }
}

/// How often something may be done: at most `limit` units in any trailing window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleRule {
    /// The rule's id, unique among throttles.
    pub id: String,
    /// The actions that it counts.
    pub actions: BTreeSet<String>,
    /// The classes that it counts, whatever the action.
    pub classes: BTreeSet<Class>,
    /// What it counts per.
    pub per: Per,
    /// What it counts.
    pub unit: Unit,
    /// How many, 1 to [`LIMIT_MAX`].
    pub limit: u64,
    /// In how long a window, in seconds, 1 to [`WINDOW_S_MAX`](crate::limits::WINDOW_S_MAX).
    pub window_s: u64,
}

impl ThrottleRule {
    /// Whether the rule counts an action of this name and class.
    pub fn matches(&self, action: &str, class: Class) -> bool {
        self.classes.contains(&class) || self.actions.contains(action)
    }
}

/// What a throttle counts per.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Per {
    /// Each agent.
    Agent,
    /// The whole ledger.
    Workspace,
    /// Each sending mailbox.
    Mailbox,
    /// Each person, under each of the contact, canonical e-mail and phone keys.
    Recipient,
    /// Each registrable domain.
    Domain,
    /// Each campaign.
    Campaign,
    /// Each seller.
    Seller,
}

impl Per {
    /// Every one, in the documented order.
    pub const ALL: [Self; 7] = [
        Self::Agent,
        Self::Workspace,
        Self::Mailbox,
        Self::Recipient,
        Self::Domain,
        Self::Campaign,
        Self::Seller,
    ];

    /// The word in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Workspace => "workspace",
            Self::Mailbox => "mailbox",
            Self::Recipient => "recipient",
            Self::Domain => "domain",
            Self::Campaign => "campaign",
            Self::Seller => "seller",
        }
    }
}

/// What a throttle counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Each allow as one.
    Actions,
    /// Each allow as the number of people it reaches.
    Recipients,
}

impl Unit {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::Actions, Self::Recipients];

    /// The word in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Actions => "actions",
            Self::Recipients => "recipients",
        }
    }
}

/// The hash of a policy: SHA-256 over the sorted lines `<sha256>  <path>\n`, as `sha256sum` prints them.
pub fn policy_hash<P: AsRef<str>, B: AsRef<[u8]>>(files: &[(P, B)]) -> Hash {
    let line =
        |(path, bytes): &(P, B)| format!("{}  {}\n", Hash::of(bytes.as_ref()), path.as_ref());
    let mut lines: Vec<String> = files.iter().map(line).collect();
    lines.sort_unstable();
    Hash::of(lines.concat().as_bytes())
}
