//! Asking and reporting: ids, closed lists of words, values.

use ledger_proto::v1 as pb;
use ledger_tests::{ask, site};
use pb::scope::Of;
use tonic::Code;

use crate::house::{
    House, Write, add, asserted, decide, execution, exempt, outcome, principal, record,
};

/// No enum of the interface has this number.
const UNKNOWN: i32 = 99;

#[tokio::test]
async fn ids_are_required_and_name_nobody() {
    let house = House::open().await;
    let cases: Vec<(&str, Write, &str)> = vec![
        (
            "no request id",
            decide(|r| r.request_id.clear()),
            "request_id",
        ),
        (
            "no correlation id",
            decide(|r| r.correlation_id.clear()),
            "correlation_id",
        ),
        ("no action", decide(|r| r.action.clear()), "action"),
        (
            "long request id",
            decide(|r| r.request_id = "r".repeat(129)),
            "request_id",
        ),
        (
            "long correlation id",
            decide(|r| r.correlation_id = "r".repeat(129)),
            "correlation_id",
        ),
        (
            "long action id",
            decide(|r| r.action_id = "r".repeat(129)),
            "action_id",
        ),
        (
            "long action",
            decide(|r| r.action = "r".repeat(65)),
            "action",
        ),
        (
            "long agent",
            decide(|r| r.agent_id = "r".repeat(65)),
            "agent_id",
        ),
        (
            "space",
            decide(|r| r.correlation_id = "run 1".into()),
            "correlation_id",
        ),
        (
            "line break",
            decide(|r| r.action = "email.send\n".into()),
            "action",
        ),
        (
            "leading sign",
            decide(|r| r.request_id = "-1".into()),
            "request_id",
        ),
        (
            "address as id",
            decide(|r| r.correlation_id = "ana@buyer.example".into()),
            "correlation_id",
        ),
        (
            "number as campaign",
            decide(|r| r.campaign = "+4915112345678".into()),
            "campaign",
        ),
        ("tool", decide(|r| r.tool = "ü".into()), "tool"),
        (
            "seller",
            decide(|r| r.seller = "acme corp".into()),
            "seller",
        ),
        (
            "version",
            decide(|r| r.agent_version = "sha256:9c 1e".into()),
            "agent_version",
        ),
        (
            "no request id in a report",
            record(|r| r.request_id.clear()),
            "request_id",
        ),
        (
            "no correlation id in a report",
            record(|r| r.correlation_id.clear()),
            "correlation_id",
        ),
        (
            "no header",
            principal(|r| r.header = None),
            "header.request_id",
        ),
        (
            "empty header",
            principal(|r| r.header = ask::header("")),
            "header.request_id",
        ),
        ("no id of a principal", principal(|r| r.id.clear()), "id"),
        (
            "the ledger's own id",
            principal(|r| r.id = "ledger".into()),
            "id",
        ),
    ];
    house.refuses_all(cases).await;

    // An error is no place for personal data either.
    let refused = house
        .refuses(
            "address",
            decide(|r| r.correlation_id = "ana@buyer.example".into()),
            Code::InvalidArgument,
        )
        .await;
    assert!(
        !refused.0.message().contains("ana@"),
        "{}",
        refused.0.message()
    );
}

#[tokio::test]
async fn words_of_closed_lists_are_known() {
    let house = House::open().await;
    let role = |role| decide(move |r| r.recipients[0].role = role);
    let foreign = |outcome| {
        decide(move |r| {
            r.foreign = Some(pb::ForeignDecision {
                engine: "opa".into(),
                outcome,
                ..Default::default()
            });
        })
    };
    let name = |name| {
        decide(move |r| {
            r.details = vec![pb::Detail {
                name,
                value: "{}".into(),
            }];
        })
    };
    let class = |class| {
        let request = ask::stop(&site::fresh("stop"), Of::Class(class));
        Write::Stop(request)
    };
    let cases: Vec<(&str, Write, &str)> = vec![
        ("recipient's role", role(UNKNOWN), "recipients[0].role"),
        ("recipient without role", role(0), "recipients[0].role"),
        ("foreign outcome", foreign(UNKNOWN), "foreign.outcome"),
        ("no foreign outcome", foreign(0), "foreign.outcome"),
        ("detail's name", name(UNKNOWN), "details[0].name"),
        ("detail without name", name(0), "details[0].name"),
        (
            "the ledger's own detail",
            name(pb::DetailName::Recipients.into()),
            "details[0].name",
        ),
        (
            "status",
            execution(|e| e.status = UNKNOWN),
            "execution.status",
        ),
        ("no status", execution(|e| e.status = 0), "execution.status"),
        (
            "status of one recipient",
            execution(|e| {
                e.results = vec![pb::RecipientResult {
                    status: UNKNOWN,
                    ..Default::default()
                }];
            }),
            "execution.results[0].status",
        ),
        ("event", outcome(|o| o.event = UNKNOWN), "outcome.event"),
        ("no event", outcome(|o| o.event = 0), "outcome.event"),
        (
            "listing's reason",
            add(|l| l.reason = UNKNOWN),
            "listings[0].reason",
        ),
        (
            "no listing's reason",
            add(|l| l.reason = 0),
            "listings[0].reason",
        ),
        (
            "listing's channel",
            add(|l| l.channels = vec![1, UNKNOWN]),
            "listings[0].channels[1]",
        ),
        (
            "exempt channel",
            exempt(|e| e.channels = vec![UNKNOWN]),
            "exemptions[0].channels[0]",
        ),
        ("role", principal(|p| p.role = UNKNOWN), "role"),
        ("no role", principal(|p| p.role = 0), "role"),
        ("class of a stop", class(UNKNOWN), "scope.class"),
        ("no class of a stop", class(0), "scope.class"),
    ];
    house.refuses_all(cases).await;
}

#[tokio::test]
async fn reports_say_what_they_report() {
    let house = House::open().await;
    let recipient = ask::to(ask::person("ana@buyer.example", "c-1"));
    let cases: Vec<(&str, Write, &str)> = vec![
        ("no report", record(|r| r.report = None), "report"),
        (
            "decision out of range",
            execution(|e| e.decision = 1 << 53),
            "execution.decision",
        ),
        (
            "cost",
            execution(|e| e.cost_micros = Some(u64::MAX)),
            "execution.cost_micros",
        ),
        (
            "error code",
            execution(|e| e.error_code = "quota exceeded".into()),
            "execution.error_code",
        ),
        (
            "provider",
            execution(|e| e.provider = "g@mail".into()),
            "execution.provider",
        ),
        (
            "provider's id",
            execution(|e| e.provider_id = "x".repeat(257)),
            "execution.provider_id",
        ),
        (
            "a time before 1970",
            execution(|e| {
                e.started_at = Some(prost_types::Timestamp {
                    seconds: -1,
                    nanos: 0,
                });
            }),
            "execution.started_at",
        ),
        (
            "nanoseconds",
            execution(|e| {
                e.occurred_at = Some(prost_types::Timestamp {
                    seconds: 0,
                    nanos: 1_000_000_000,
                });
            }),
            "execution.occurred_at",
        ),
        (
            "a recipient that no request has",
            execution(|e| {
                e.results = vec![pb::RecipientResult {
                    recipient: 50,
                    status: 1,
                    ..Default::default()
                }];
            }),
            "execution.results[0].recipient",
        ),
        (
            "too many results",
            execution(|e| {
                e.results = vec![
                    pb::RecipientResult {
                        status: 1,
                        ..Default::default()
                    };
                    51
                ];
            }),
            "execution.results",
        ),
        (
            "asserted without engine",
            asserted("crm.owner.assign", |d| d.foreign = None),
            "decision.foreign",
        ),
        ("asserted contact", asserted("email.send", |_| {}), "action"),
        (
            "asserted allow of tier 3",
            asserted("crm.record.delete", |_| {}),
            "action",
        ),
        (
            "asserted, but not declared",
            asserted("crm.merge", |_| {}),
            "action",
        ),
        (
            "asserted with recipients",
            asserted("crm.owner.assign", |d| d.recipients = vec![recipient]),
            "decision.recipients",
        ),
        (
            "asserted without action",
            asserted("", |_| {}),
            "decision.action",
        ),
    ];
    house.refuses_all(cases).await;
    let what = "asserted contact";
    house
        .refuses(what, asserted("email.send", |_| {}), Code::InvalidArgument)
        .await
        .says(what, &["contact", "`Decide`"]);
}
