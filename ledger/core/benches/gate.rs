//! What the gate takes to decide: one e-mail to one person who is not listed, before the entry is
//! encoded, written or synced. A policy of 50 rules, a million listed tokens, thousands of allows in the
//! windows; with the feature `cedar` also under 30 conditions.
//!
//! The state is the fold's; only its view is the bench's own. As in the daemon, listings lie in a hash
//! table, and what no decision reads is not kept, so that a million listings fit a small machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_push_string,
    missing_docs
)]

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ledger_core::action::Channels;
use ledger_core::entry::{
    Actor, Basis, Body, Cause, Change, Decision, Dnc, DncOp, Environment, Genesis, Key, Listing,
    ListingReason, Outcome, PolicyEntry, PolicyFile, PrincipalChange, Recipient, RecipientRole,
    Target,
};
use ledger_core::gate;
use ledger_core::hash::Hash;
use ledger_core::plan::{Plan, plan};
use ledger_core::role::{Call, Role};
use ledger_core::state::State;
use ledger_core::time::Timestamp;
use ledger_core::token::{Kind, Token};
use ledger_core::view::{MemoryView, ReadView, Table, View, ViewError, Visit};

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LISTED: u64 = 1_000_000;
const LISTINGS_PER_ENTRY: u64 = 50;
const ALLOWS: u64 = 5_000;
/// Between two allows, so that all lie within a day and 1,800 within an hour.
const ALLOWS_EVERY_MICROS: i64 = 2_000_000;
/// Whom the allows and the requests measured are to; no request meets what the last one left in a cache.
const PEOPLE: u64 = 4_096;
const AGENTS: u64 = 5;
const MAILBOXES: u64 = 8;

fn gate_decides(bench: &mut Criterion) {
    let mut ledger = Ledger::new();
    ledger.publish(&[("policy.toml", policy())]);
    ledger.list();
    ledger.allow();
    measure(bench, "decide", &ledger);
    if cfg!(feature = "cedar") {
        ledger.publish(&[
            ("policy.toml", policy()),
            ("conditions.cedar", conditions()),
        ]);
        measure(bench, "decide, 30 conditions", &ledger);
    }
}

/// Without making the requests and dropping the decisions.
fn measure(bench: &mut Criterion, name: &str, ledger: &Ledger) {
    let requests: Vec<Decision> = (0..PEOPLE).map(|person| request(person, person)).collect();
    for request in &requests {
        let decision = gate::decide(&ledger.state, request.clone(), ledger.now).unwrap();
        assert_eq!(decision.outcome, Outcome::Allow, "{:?}", decision.reasons);
        assert_eq!(decision.throttles.len(), 15);
    }
    let mut next = requests.iter().cycle();
    bench.bench_function(name, |bencher| {
        bencher.iter_batched(
            || next.next().unwrap().clone(),
            |request| gate::decide(&ledger.state, black_box(request), ledger.now).unwrap(),
            BatchSize::SmallInput,
        );
    });
}

/// 25 grants, 15 throttles that all count an e-mail, 10 breakers.
fn policy() -> String {
    let mut text = "version = 1\n".to_owned();
    for (name, class) in [
        ("crm.read", "read"),
        ("crm.note.create", "write"),
        ("crm.contact.update", "write"),
        ("crm.company.update", "write"),
        ("email.send", "contact"),
    ] {
        text += &format!("[[action]]\nname = \"{name}\"\nclass = \"{class}\"\n");
        if class == "contact" {
            text += "requires = [\"email\", \"contact\"]\n";
        }
    }
    let mailboxes: Vec<String> = (0..MAILBOXES).map(|n| format!("\"m{n}\"")).collect();
    let mailboxes = mailboxes.join(", ");
    for agent in 0..AGENTS {
        let mut row = |id: &str, rest: &str| {
            text += &format!("[[grant]]\nid = \"{id}-{agent}\"\nagent = \"agent.{agent}\"\n");
            text += &format!("objects = [\"company\", \"contact\", \"deal\"]\n{rest}\n");
        };
        let fields =
            r#"reads = ["firstname", "lastname", "email", "jobtitle", "company", "agent_*"]"#;
        row("reads", &format!("actions = [\"crm.read\"]\n{fields}"));
        row(
            "notes",
            &format!("actions = [\"crm.note.create\"]\n{fields}"),
        );
        row(
            "updates",
            &format!(
                "actions = [\"crm.contact.update\", \"crm.company.update\"]\n{fields}\nwrites = [\"jobtitle\", \"country\"]"
            ),
        );
        for (id, seller) in [("sends-other", "other"), ("sends", "acme")] {
            row(
                id,
                &format!(
                    "actions = [\"email.send\"]\nsellers = [\"{seller}\"]\nmailboxes = [{mailboxes}]\n{fields}\napproval = \"waived\""
                ),
            );
        }
    }
    let per = [
        "agent",
        "workspace",
        "mailbox",
        "recipient",
        "domain",
        "campaign",
        "seller",
    ];
    for n in 0..15 {
        let subject = if n % 2 == 0 {
            "actions = [\"email.send\"]"
        } else {
            "classes = [\"contact\"]"
        };
        let (per, window) = (per[n % per.len()], ["1h", "24h", "7d"][n % 3]);
        let unit = if n % 5 == 0 { "recipients" } else { "actions" };
        text += &format!(
            "[[throttle]]\nid = \"throttle-{n}\"\n{subject}\nper = \"{per}\"\nunit = \"{unit}\"\nlimit = 100000\nwindow = \"{window}\"\n"
        );
    }
    for n in 0..10 {
        let (measure, unit) = [
            ("hard_bounce_rate", "open_ppm = 50000\nminimum = 200"),
            ("complaint_rate", "open_ppm = 3000\nminimum = 200"),
            ("error_rate", "open_ppm = 200000\nminimum = 20"),
            ("cost", "open_micros = 50000000"),
        ][n % 4];
        let per = ["agent", "mailbox", "seller", "workspace"][n % 4];
        text += &format!(
            "[[breaker]]\nid = \"breaker-{n}\"\nmeasure = \"{measure}\"\nactions = [\"email.send\"]\nper = \"{per}\"\n{unit}\nwindow = \"24h\"\n"
        );
    }
    text + "[fields]\nagent_owned = [\"agent_*\"]\nsensitive = [\"deal.amount\"]\n"
}

/// 29 that permit, of which some do not here, and one that forbids, of another seller.
fn conditions() -> String {
    let mut text = "@id(\"granted\")\npermit (principal, action, resource);\n".to_owned();
    for n in 0..28 {
        let when = [
            "context.class == Class::\"contact\" && context.recipients == 1".to_owned(),
            format!(
                "context.hour >= {} && context.hour < {}",
                n % 12,
                n % 12 + 12
            ),
            "context has seller && context.seller == \"acme\"".to_owned(),
            "context.reads.contains(\"contact.email\") && !context.undoes".to_owned(),
            "context has cost_micros && context.cost_micros > 5000000".to_owned(),
            "context.channels.contains(Channel::\"email\") && context.tier == 2".to_owned(),
            "[Weekday::\"monday\", Weekday::\"friday\"].contains(context.weekday)".to_owned(),
        ][n % 7]
            .clone();
        text += &format!(
            "@id(\"permits-{n}\")\npermit (principal, action, resource) when {{ {when} }};\n"
        );
    }
    text + "@id(\"forbidden\")\nforbid (principal, action, resource) when { context has seller && context.seller == \"forbidden\" };\n"
}

/// An e-mail to `person` with five keys, from a mailbox, for a seller, about the person's contact.
fn request(person: u64, number: u64) -> Decision {
    let key = |kind: Kind, of: u64| Key {
        token: token(kind.as_str().as_ref(), of),
        kind,
        v: None,
    };
    let keys = vec![
        key(Kind::Email, person),
        key(Kind::EmailCanonical, person),
        key(Kind::Domain, person / 4),
        key(Kind::Contact, person),
        key(Kind::Account, person / 4),
    ];
    let contact = keys[3].token;
    let agent = format!("agent.{}", number % AGENTS);
    let cause = caused(
        Call::Decide,
        Role::Agent,
        &agent,
        &format!("request-{number}"),
    );
    Decision {
        seller: Some("acme".to_owned()),
        campaign: Some(format!("campaign-{}", number % 16)),
        mailbox: Some(token("mailbox", number % MAILBOXES)),
        recipients: vec![Recipient {
            role: RecipientRole::To,
            keys,
            utc_offset: None,
            dnc: false,
            unusable: Vec::new(),
        }],
        targets: vec![Target {
            kind: "contact".to_owned(),
            id: Some(contact),
            reads: ["firstname", "email", "agent_draft_email"]
                .map(str::to_owned)
                .to_vec(),
            writes: Vec::new(),
        }],
        tokens_v: Some(1),
        ..Decision::request(Basis::Gate, cause, "email.send".to_owned())
    }
}

struct Ledger {
    state: State<BenchView>,
    now: Timestamp,
}

impl Ledger {
    /// Genesis, an operator, and the agents.
    fn new() -> Self {
        let mut ledger = Self {
            state: State::load(BenchView::default()).unwrap(),
            // A Monday.
            now: "2026-11-23T08:00:00.000000Z".parse().unwrap(),
        };
        ledger.fold(Body::Genesis(Genesis {
            actor: Actor::ledger(),
            origin: "bench.example/ledger".to_owned(),
            environment: Environment::Prod,
            gate: 1,
            key: "bench.example/ledger+00000000+AA==".to_owned(),
            subject_key: Hash([1; 32]),
            content_key: Hash([2; 32]),
            normaliser: "1+psl-test".to_owned(),
            tokens_v: 1,
            reserved: Vec::new(),
        }));
        let agents = (0..AGENTS).map(|agent| (format!("agent.{agent}"), Role::Agent));
        for (id, role) in [("ops".to_owned(), Role::Operator)]
            .into_iter()
            .chain(agents)
        {
            ledger.fold(Body::Principal(PrincipalChange {
                cause: Cause::ledger(),
                credential: Some(Hash::of(id.as_bytes())),
                id,
                role,
                groups: Vec::new(),
                change: Change::Added,
            }));
        }
        ledger
    }

    fn fold(&mut self, body: Body) {
        let entry = self.state.entry(self.now, body);
        self.state.apply(&entry, None).unwrap();
    }

    /// Plans a command, and folds what it leads to.
    fn submit(&mut self, command: Body) {
        match plan(&self.state, command, self.now).unwrap() {
            Plan::Append(bodies) => bodies.into_iter().for_each(|body| self.fold(body)),
            Plan::Repeat(first) => panic!("a repetition of {first}"),
        }
    }

    fn publish(&mut self, files: &[(&str, String)]) {
        let request = format!("publish-{}", self.state.head().next);
        self.submit(Body::Policy(PolicyEntry {
            cause: caused(Call::PublishPolicy, Role::Operator, "ops", &request),
            continues: None,
            sha256: None,
            replaces: None,
            parts: None,
            fake_domains: BTreeMap::new(),
            promotion: None,
            mailboxes: (0..MAILBOXES)
                .map(|n| (format!("m{n}"), token("mailbox", n)))
                .collect(),
            files: files
                .iter()
                .map(|(path, text)| PolicyFile {
                    path: (*path).to_owned(),
                    text: text.clone(),
                })
                .collect(),
        }));
    }

    /// Nobody of [`PEOPLE`] is listed.
    fn list(&mut self) {
        for entry in 0..LISTED / LISTINGS_PER_ENTRY {
            let listing = |n: u64| Listing {
                keys: vec![Key {
                    kind: Kind::EmailCanonical,
                    token: token("listed", entry * LISTINGS_PER_ENTRY + n),
                    v: None,
                }],
                seller: None,
                channels: Channels::none(),
                reason: Some(ListingReason::Manual),
                source: None,
                requested_at: None,
                effective_from: None,
                expires_at: None,
                evidence: None,
            };
            let request = format!("list-{entry}");
            self.fold(Body::Dnc(Dnc {
                cause: caused(Call::AddDnc, Role::Compliance, "compliance", &request),
                op: DncOp::List,
                tokens_v: Some(1),
                listings: (0..LISTINGS_PER_ENTRY).map(listing).collect(),
                ends: Vec::new(),
                import: None,
                imports: None,
                imported: None,
                outcome: None,
                evidence: None,
                details: BTreeMap::new(),
            }));
        }
    }

    /// Allows by every agent, from every mailbox, to half of the people.
    fn allow(&mut self) {
        for n in 0..ALLOWS {
            self.now = Timestamp::from_micros(self.now.micros() + ALLOWS_EVERY_MICROS).unwrap();
            let request = request(n % (PEOPLE / 2), PEOPLE + n);
            self.submit(Body::Decision(Box::new(request)));
        }
    }
}

fn caused(call: Call, role: Role, id: &str, request_id: &str) -> Cause {
    Cause {
        request_id: Some(request_id.to_owned()),
        call: Some(call),
        action_id: None,
        correlation_id: Some("run-1".to_owned()),
        content: Some(Hash::of(request_id.as_bytes())),
        actor: Actor::principal(role, id),
    }
}

fn token(of: &str, number: u64) -> Token {
    let hash = Hash::of(&[of.as_bytes(), &number.to_be_bytes()].concat());
    Token(*hash.as_bytes())
}

/// Whether a listing's key only says that a token is listed.
const fn is_mark(key: &[u8]) -> bool {
    key.len() == size_of::<Token>()
}

/// Who is listed in a hash table, everything else ordered; the indices of queries left out.
#[derive(Default)]
struct BenchView {
    listings: HashMap<Vec<u8>, Vec<u8>>,
    others: MemoryView,
}

impl ReadView for BenchView {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        match table {
            Table::Listing if is_mark(key) => Ok(self.listings.get(key).cloned()),
            _ => self.others.get(table, key),
        }
    }

    fn scan(&self, table: Table, from: &[u8], visit: Visit<'_>) -> Result<(), ViewError> {
        self.others.scan(table, from, visit)
    }
}

impl View for BenchView {
    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        match table {
            Table::Listing if is_mark(&key) => _ = self.listings.insert(key, value),
            Table::ListingRef | Table::Subject | Table::Correlation => {}
            _ => self.others.put(table, key, value),
        }
    }

    fn delete(&mut self, table: Table, key: Vec<u8>) {
        match table {
            Table::Listing if is_mark(&key) => _ = self.listings.remove(&key),
            _ => self.others.delete(table, key),
        }
    }
}

criterion_group!(benches, gate_decides);
criterion_main!(benches);
