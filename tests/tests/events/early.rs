//! Events that come before the report on their message.

use ledger_proto::v1 as pb;
use ledger_tests::ask::{self, with};
use ledger_tests::site::{fresh, seq};
use pb::record_request::Report;

use super::{House, PEOPLE, POLICY, RUN};

const BOUNCES: &str = r#"
[[breaker]]
id = "bounces"
measure = "hard_bounce_rate"
actions = ["email.send"]
per = "workspace"
open_ppm = 400_000
minimum = 2
window = "1h"
"#;

#[tokio::test]
async fn a_bounce_before_the_report_opens_the_breaker_with_the_report() {
    let house = House::open(&[]).await;
    house.site.publish(&format!("{POLICY}{BOUNCES}")).await;
    let request = with(ask::email(&fresh("ask"), RUN, PEOPLE[0], ""), |request| {
        request.recipients = PEOPLE[..2]
            .iter()
            .map(|who| ask::to(ask::person(who, "")))
            .collect();
    });
    let decision = seq(house.agent.decide(request).await.expect("decided").receipt);
    let event = |name: &str, who: &str| {
        format!(
            r#"[{{"email":"{who}","timestamp":1795000000,"event":"bounce","type":"bounce","sg_event_id":"{name}","sg_message_id":"m-1.recvd-0"}}]"#
        )
    };
    for name in ["e-1", "e-2"] {
        let answer = house.post("sendgrid", &event(name, PEOPLE[1]));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(
        house.breakers().await,
        0,
        "nobody knows yet whose message it was"
    );
    let report = with(ask::executed(&fresh("report"), RUN, decision), |request| {
        if let Some(Report::Execution(execution)) = &mut request.report {
            "sendgrid".clone_into(&mut execution.provider);
            "m-1".clone_into(&mut execution.provider_id);
        }
    });
    house.agent.record(report).await.expect("recorded");
    assert_eq!(house.breakers().await, 1);
    // The same again, now that its execution is there, is no second bounce.
    let answer = house.post("sendgrid", &event("e-3", PEOPLE[1]));
    assert_eq!(answer.status, 200, "{answer:?}");
    let (_, log) = house.whole().await;
    let breakers = log.of_kind("breaker");
    let outcomes = log.of_kind("outcome");
    assert_eq!((breakers.len(), outcomes.len()), (1, 3));
    let breaker = &breakers[0].0;
    assert_eq!(
        (&breaker["count"], &breaker["sample"]),
        (&1.into(), &2.into())
    );
    assert_eq!(
        breaker["cites"],
        serde_json::json!([{ "seq": outcomes[0].seq() }]),
        "the first of the two that said so"
    );
}
