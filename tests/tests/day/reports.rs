//! What follows from reports: costs, bounces, failures, unsubscribes and a breach.

use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};

use super::team::{self, Team, denied, outcome};

/// An enrichment is written back with what it cost, until it costs too much.
pub(crate) async fn enrichment_with_its_cost(team: &Team) {
    let research = || {
        with(
            Team::write("research.lookup", "company", "co-1", &[]),
            |request| {
                request.targets[0].reads = vec!["domain".to_owned()];
            },
        )
    };
    let first = team.enrichment.ask(research()).await;
    team.enrichment
        .report(&first, |report| report.cost_micros = Some(3_000_000))
        .await;
    let back = team
        .enrichment
        .ask(Team::write(
            "crm.company.update",
            "company",
            "co-1",
            &["industry"],
        ))
        .await;
    assert_eq!(outcome(&back), "allow", "{}", back.0);
    team.enrichment.report(&back, |_| {}).await;
    let second = team.enrichment.ask(research()).await;
    let followers = team
        .enrichment
        .report_followed(&second, |report| report.cost_micros = Some(3_000_000))
        .await;
    assert_eq!(followers, 1, "the breaker opens with the report");
    denied(&team.enrichment.ask(research()).await, "breaker.open");
    let opened = team.last("breaker").await;
    assert_eq!(
        (opened.text("rule"), opened.text("event")),
        ("enrichment-cost", "opened")
    );
    team.operator
        .run(&["breaker", "list"])
        .expect(0)
        .says(&["enrichment-cost"]);
    team.operator
        .run(&[
            "breaker",
            "reset",
            &opened.seq().to_string(),
            "--reason",
            "the plan was raised",
        ])
        .expect(0);
    let third = team.enrichment.ask(research()).await;
    assert_eq!(outcome(&third), "allow", "{}", third.0);
    team.enrichment.report(&third, |_| {}).await;
}

/// Mail bounces until the breaker opens; a person resets it. Gives two runs to compare.
pub(crate) async fn bounces(team: &Team) -> [String; 2] {
    let mut runs = Vec::new();
    let mut executions = Vec::new();
    for n in 0..team::SAMPLE {
        let allowed = team
            .sender
            .ask(Team::email(
                &format!("b{n}@b{n}.example"),
                &format!("b-{n}"),
            ))
            .await;
        assert_eq!(outcome(&allowed), "allow", "{}", allowed.0);
        runs.push(allowed.text("correlation_id").to_owned());
        executions.push(team.sender.report(&allowed, |_| {}).await);
    }
    let mut opened = 0;
    for execution in &executions[..2] {
        let bounced = pb::OutcomeEvent {
            execution: Some(execution.seq()),
            event: pb::EventType::BounceHard.into(),
            recipient: Some(0),
            provider: "gmail".to_owned(),
            ..Default::default()
        };
        opened += team.gateway.outcome(execution, bounced).await.followers;
    }
    assert!(opened >= 1, "two of {} bounced", team::SAMPLE);
    let refused = team.sender.ask(Team::email("cat@c.example", "b-99")).await;
    denied(&refused, "breaker.open");
    runs.push(refused.text("correlation_id").to_owned());
    let breaker = team.operator.json(&["status"])["breakers"][0]["opened"]
        .as_u64()
        .expect("open");
    team.operator
        .run(&[
            "breaker",
            "reset",
            &breaker.to_string(),
            "--reason",
            "the list was cleaned",
        ])
        .expect(0);
    [runs[0].clone(), runs.pop().expect("runs")]
}

/// Failing writes close off an agent's writes for a while.
pub(crate) async fn errors(team: &Team) {
    let update = || Team::write("crm.owner.assign", "contact", "c-7", &["hubspot_owner_id"]);
    for _ in 0..team::SAMPLE {
        let allowed = team.routing.ask(update()).await;
        if outcome(&allowed) != "allow" {
            break;
        }
        team.routing
            .report(&allowed, |report| {
                report.set_status(pb::ExecutionStatus::Failure);
            })
            .await;
    }
    denied(&team.routing.ask(update()).await, "breaker.open");
}

/// Whoever unsubscribes is listed with the report, for the seller who wrote.
pub(crate) async fn somebody_unsubscribes(team: &Team) {
    let allowed = team
        .sender
        .ask(Team::email("una@leaves.example", "c-60"))
        .await;
    let execution = team.sender.report(&allowed, |_| {}).await;
    let gone = pb::OutcomeEvent {
        execution: Some(execution.seq()),
        event: pb::EventType::Unsubscribe.into(),
        recipient: Some(0),
        provider: "gmail".to_owned(),
        ..Default::default()
    };
    assert_eq!(team.gateway.outcome(&execution, gone).await.followers, 1);
    let listing = team.last("dnc").await;
    assert!(listing.0["outcome"].as_u64().is_some(), "{}", listing.0);
    assert_eq!(listing.0["listings"][0]["seller"], "acme");
    denied(
        &team
            .sender
            .ask(Team::email("una@leaves.example", "c-60"))
            .await,
        "dnc.listed",
    );
    // A message that nobody knows: for every seller.
    let unknown = pb::OutcomeEvent {
        event: pb::EventType::Complaint.into(),
        provider: "gmail".to_owned(),
        person: Some(ask::person("cross@person.example", "")),
        ..Default::default()
    };
    assert_eq!(team.gateway.outcome(&execution, unknown).await.followers, 1);
    denied(
        &team
            .sender
            .ask(Team::email("cross@person.example", "c-61"))
            .await,
        "dnc.listed",
    );
}

/// An agent that writes to somebody on the list after a denial loses its contact at once.
pub(crate) async fn a_breach(team: &Team) {
    team.compliance
        .run(&[
            "dnc",
            "add",
            "--domain",
            "never.example",
            "--reason",
            "legal_hold",
        ])
        .expect(0);
    let refused = team.rogue.ask(Team::email("x@never.example", "c-70")).await;
    denied(&refused, "dnc.listed");
    let followers = team.rogue.report_followed(&refused, |_| {}).await;
    assert_eq!(followers, 1);
    denied(
        &team.rogue.ask(Team::email("y@fine.example", "c-71")).await,
        "breaker.open",
    );
    let opened = team.last("breaker").await;
    assert_eq!(
        (opened.text("rule"), opened.text("measure")),
        ("dnc-breach", "dnc_breach")
    );
}
