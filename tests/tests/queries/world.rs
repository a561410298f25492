//! A ledger in which a bit of everything has happened.

use ledger_core::role::Role;
use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::{Client, Site, sales_policy, site};

pub(crate) const SENDER: &str = "agent.outbound.sender";
pub(crate) const OTHER: &str = "agent.other";
pub(crate) const RECORDER: &str = "recorder.mail";
pub(crate) const APPROVER: &str = "approver.sales";
pub(crate) const GROUP: &str = "sales-ops";
/// How many people there are, and how many runs.
pub(crate) const PEOPLE: u64 = 6;
pub(crate) const RUNS: u64 = 8;

/// Numbers that look random and come again with their seed (xorshift64*).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(crate) const fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }

    pub(crate) const fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let at = self.roll(of.len() as u64);
        of[usize::try_from(at).expect("small")].clone()
    }
}

/// The ledger and everybody who acts in it.
pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) sender: Client,
    pub(crate) other: Client,
    pub(crate) recorder: Client,
    pub(crate) approver: Client,
    pub(crate) compliance: Client,
    pub(crate) auditor: Client,
    listings: Vec<u64>,
}

/// The person of that number.
pub(crate) fn person(number: u64) -> pb::Identifiers {
    ask::person(
        &format!("p{number}@buyer{}.example", number % 2),
        &format!("c-{number}"),
    )
}

pub(crate) fn run(number: u64) -> String {
    format!("run-{number}")
}

impl World {
    pub(crate) async fn open() -> Self {
        let site = Site::with_policy(&sales_policy()).await;
        let approver = with(
            ask::principal(
                "approver",
                APPROVER,
                pb::Role::Approver,
                &ledger_tests::Credential::of(APPROVER),
            ),
            |request| request.groups = vec![GROUP.to_owned()],
        );
        site.operator.put_principal(approver).await.expect("added");
        Self {
            sender: site.principal(SENDER, Role::Agent).await,
            other: site.principal(OTHER, Role::Agent).await,
            recorder: site.principal(RECORDER, Role::Recorder).await,
            approver: site.daemon.client(ledger_tests::Credential::of(APPROVER)),
            compliance: site.principal("compliance.desk", Role::Compliance).await,
            auditor: site.principal("auditor.house", Role::Auditor).await,
            site,
            listings: Vec::new(),
        }
    }

    /// Lets so many things happen.
    pub(crate) async fn happen(&mut self, dice: &mut Dice, times: u64) {
        for _ in 0..times {
            self.one(dice).await;
        }
    }

    async fn one(&mut self, dice: &mut Dice) {
        let id = site::fresh("happens");
        let run = run(dice.roll(RUNS));
        let number = dice.roll(PEOPLE);
        let client = dice.pick(&[self.sender.clone(), self.other.clone()]);
        match dice.roll(10) {
            0..=3 => {
                let request = with(ask::email(&id, &run, "", ""), |request| {
                    request.recipients = vec![ask::to(person(number))];
                });
                let reply = client.decide(request).await.expect("decided");
                let decision = site::seq(reply.receipt);
                // Whatever was decided: what contradicts it is recorded with a finding.
                if dice.one_in(2) {
                    self.report(dice, &run, decision, number).await;
                }
            }
            4 => {
                let action = dice.pick(&["crm.read", "crm.note.create", "no.such.action"]);
                client
                    .decide(ask::act(&id, &run, action))
                    .await
                    .expect("decided");
            }
            5 => {
                let request = with(ask::act(&id, &run, "meeting.book"), |request| {
                    request.seller = "acme".to_owned();
                    request.recipients = vec![pb::Recipient {
                        role: pb::RecipientRole::Attendee.into(),
                        ..ask::to(person(number))
                    }];
                });
                client.decide(request).await.expect("decided");
            }
            6 => {
                let subject = if dice.one_in(3) {
                    ask::domain(&format!("buyer{}.example", number % 2))
                } else {
                    ask::someone(person(number))
                };
                self.listings
                    .push(self.site.list(vec![ask::listing(subject)]).await);
            }
            7 => {
                if let Some(listing) = self.listings.pop() {
                    let request = ask::unlist(&id, listing, 0);
                    self.compliance.remove_dnc(request).await.expect("unlisted");
                }
            }
            8 => {
                let scope = pb::scope::Of::AgentId(OTHER.to_owned());
                let stop = ask::stop(&id, scope.clone());
                self.site.operator.stop(stop).await.expect("stopped");
                let resume = ask::resume(&site::fresh("resume"), scope);
                self.site.operator.resume(resume).await.expect("resumed");
            }
            _ => {
                let listed = ask::exempt(&id, person(number));
                self.compliance.exempt_dnc(listed).await.expect("exempted");
            }
        }
    }

    async fn report(&self, dice: &mut Dice, run: &str, decision: u64, number: u64) {
        let reporter = dice.pick(&[
            self.sender.clone(),
            self.other.clone(),
            self.recorder.clone(),
        ]);
        let request = ask::executed(&site::fresh("executed"), run, decision);
        let reply = reporter.record(request).await.expect("recorded");
        let execution = site::seq(reply.receipt);
        if dice.one_in(2) {
            let outcome = pb::OutcomeEvent {
                execution: Some(execution),
                event: dice
                    .pick(&[pb::EventType::BounceSoft, pb::EventType::Reply])
                    .into(),
                person: Some(person(number)),
                provider: "gmail".to_owned(),
                ..Default::default()
            };
            let report = pb::record_request::Report::Outcome(outcome);
            let request = ask::report(&site::fresh("outcome"), run, report);
            reporter.record(request).await.expect("recorded");
        }
    }
}
