//! Break-glass, breakers, keys, the status: writes that are what was asked, lists that leave nothing out.

use std::collections::BTreeMap;

use ledger_core::entry::{
    Body, BreakGlass, BreakGlassEvent, Breaker, BreakerEvent, BreakerScope, Commitment, DetailName,
    Details, KeyEntry, KeyEvent, Measure,
};
use ledger_core::role::Call;
use ledger_core::time::Timestamp;
use ledger_proto::v1;
use tonic::Status;

use crate::Cli;
use crate::log::Log;
use crate::server::Behaviour;
use crate::writes::{answer, operator};

fn reasons(sent: &[v1::Detail]) -> Details {
    let reason = |detail: &v1::Detail| {
        assert_eq!(detail.name(), v1::DetailName::Reason);
        (
            DetailName::Reason,
            Commitment::new(&[9; 32], &detail.value, 0),
        )
    };
    sent.iter().map(reason).collect()
}

/// A ledger that does as it is told, and then this to the entry.
struct Obeys(fn(&mut Body));

impl Obeys {
    fn glass(
        &self,
        call: Call,
        header: Option<v1::WriteHeader>,
        glass: BreakGlass,
    ) -> v1::WriteReply {
        let mut body = Body::BreakGlass(BreakGlass {
            cause: operator(call, header),
            until: Some(Timestamp::from_micros(1_795_000_900_000_000).unwrap()),
            ..glass
        });
        (self.0)(&mut body);
        answer(body)
    }
}

fn glass(event: BreakGlassEvent, request: Option<u64>) -> BreakGlass {
    BreakGlass {
        cause: operator(Call::RequestBreakGlass, Some(v1::WriteHeader::default())),
        event,
        request,
        requested_by: request.map(|_| "revops".to_owned()),
        agent: "agent.ops".to_owned(),
        action: None,
        duration_s: 900,
        until: None,
        details: BTreeMap::new(),
    }
}

impl Behaviour for Obeys {
    fn request_break_glass(
        &self,
        request: v1::RequestBreakGlassRequest,
    ) -> Result<v1::WriteReply, Status> {
        let asked = BreakGlass {
            agent: request.agent_id,
            action: Some(request.action).filter(|action| !action.is_empty()),
            duration_s: request.duration_s,
            details: reasons(&request.details),
            ..glass(BreakGlassEvent::Requested, None)
        };
        Ok(self.glass(Call::RequestBreakGlass, request.header, asked))
    }

    fn answer_break_glass(
        &self,
        request: v1::BreakGlassAnswer,
        call: Call,
    ) -> Result<v1::WriteReply, Status> {
        let event = match call {
            Call::ConfirmBreakGlass => BreakGlassEvent::Opened,
            _ => BreakGlassEvent::Closed,
        };
        let answered = BreakGlass {
            details: reasons(&request.details),
            ..glass(event, Some(request.request))
        };
        Ok(self.glass(call, request.header, answered))
    }

    fn reset_breaker(&self, request: v1::ResetBreakerRequest) -> Result<v1::WriteReply, Status> {
        let mut body = Body::Breaker(Box::new(Breaker {
            cause: operator(Call::ResetBreaker, request.header),
            event: BreakerEvent::Reset,
            rule: "bounces".to_owned(),
            scope: BreakerScope {
                seller: Some("acme".to_owned()),
                actions: vec!["email.send".to_owned()],
                ..BreakerScope::default()
            },
            measure: Measure::HardBounceRate,
            opened: Some(request.opened),
            threshold: None,
            count: None,
            sample: None,
            window_s: None,
            until: None,
            cites: Vec::new(),
            cites_total: None,
            details: reasons(&request.details),
        }));
        (self.0)(&mut body);
        Ok(answer(body))
    }

    fn key(&self, request: v1::KeyRequest, call: Call) -> Result<v1::WriteReply, Status> {
        let mut body = Body::Key(KeyEntry {
            cause: operator(call, request.header),
            event: match call {
                Call::TrustKey => KeyEvent::Trusted,
                _ => KeyEvent::Distrusted,
            },
            key: request.key,
        });
        (self.0)(&mut body);
        Ok(answer(body))
    }

    fn status(&self) -> Result<v1::StatusReply, Status> {
        let time = prost_types::Timestamp {
            seconds: 1_795_000_900,
            nanos: 0,
        };
        Ok(v1::StatusReply {
            origin: "test.example/ledger".to_owned(),
            environment: "sandbox".to_owned(),
            pending_approvals: 3,
            breakers: vec![v1::OpenBreaker {
                seq: 88,
                rule: "bounces".to_owned(),
                measure: "hard_bounce_rate".to_owned(),
                classes: vec![v1::ActionClass::Contact.into()],
                ..v1::OpenBreaker::default()
            }],
            break_glass: vec![v1::BreakGlass {
                request: 57,
                requested_by: "revops".to_owned(),
                agent_id: "agent.ops".to_owned(),
                action: String::new(),
                opened: Some(58),
                until: Some(time),
            }],
            last_stop: Some(v1::LastStop {
                seq: 51,
                scope: Some(v1::Scope {
                    of: Some(v1::scope::Of::All(true)),
                }),
                time: Some(time),
                voided: 4,
            }),
            ..v1::StatusReply::default()
        })
    }
}

fn obeys() -> Cli {
    Cli::new(Obeys(|_| ()))
}

#[test]
fn break_glass_takes_two_steps() {
    let run = obeys().run("break-glass request --agent agent.ops --action crm.owner.reassign --for 15m --reason incident");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.starts_with(
            "Requested in entry 3: tier 3 lifted for `crm.owner.reassign` by `agent.ops`, for 15m.\n\
             It is not open yet: somebody else has to confirm it before "
        ),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("with `ledgerctl break-glass confirm 3`"),
        "{}",
        run.out
    );
    let run = obeys().run("break-glass confirm 57");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.starts_with("Open until "), "{}", run.out);
    assert!(
        run.out.contains("as `revops` requested in entry 57"),
        "{}",
        run.out
    );
    let run = obeys().run("break-glass close 57 --reason done");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.starts_with("Closed the break-glass of entry 57"),
        "{}",
        run.out
    );
    for line in [
        "break-glass request --agent agent.ops --for 15m",
        "break-glass request --agent agent.ops --for soon --reason incident",
        "break-glass request --for 15m --reason incident",
    ] {
        assert_eq!(obeys().run(line).code, 2, "{line}");
    }
}

#[test]
fn break_glass_of_another_kind_than_asked_is_refused() {
    type Cases = [(fn(&mut Body), &'static str, &'static str); 6];
    fn of(body: &mut Body) -> &mut BreakGlass {
        match body {
            Body::BreakGlass(glass) => glass,
            _ => panic!("not a break-glass entry"),
        }
    }
    const REQUEST: &str = "break-glass request --agent agent.ops --action a --for 15m --reason r";
    let cases: Cases = [
        (
            |body| of(body).agent = "agent.b".to_owned(),
            REQUEST,
            "agent: asked for `agent.ops`",
        ),
        (
            |body| of(body).action = None,
            REQUEST,
            "action: asked for `a`, the entry has nothing",
        ),
        (
            |body| of(body).duration_s = 86_400,
            REQUEST,
            "duration in seconds: asked for `900`",
        ),
        (
            |body| of(body).details.clear(),
            REQUEST,
            "detail `reason` kept",
        ),
        (
            |body| of(body).request = Some(56),
            "break-glass confirm 57",
            "request: asked for `57`",
        ),
        (
            |body| of(body).event = BreakGlassEvent::Opened,
            "break-glass close 57",
            "event: asked for `closed`, the entry has `opened`",
        ),
    ];
    for (change, line, why) in cases {
        Cli::new(Obeys(change)).run(line).refused(why);
    }
}

/// What is done to an entry before it is logged.
type Other = fn(&mut Body);

fn breaker(body: &mut Body) -> &mut Breaker {
    match body {
        Body::Breaker(breaker) => breaker,
        _ => panic!("not a breaker entry"),
    }
}

#[test]
fn a_breaker_is_reset_by_the_entry_that_opened_it() {
    let run = obeys().run("breaker reset 88 --reason gone");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.starts_with(
            "Reset the breaker `bounces`, open since entry 88: `email.send` for seller `acme` may go on, from entry 3 on.\n"
        ),
        "{}",
        run.out
    );
    assert_eq!(obeys().run("breaker reset 88").code, 2);
    let cases: [(Other, &str); 3] = [
        (
            |body| breaker(body).opened = Some(87),
            "breaker opened by: asked for `88`, the entry has `87`",
        ),
        (
            |body| breaker(body).event = BreakerEvent::Closed,
            "event: asked for `reset`, the entry has `closed`",
        ),
        (|body| breaker(body).details.clear(), "detail `reason` kept"),
    ];
    for (change, why) in cases {
        Cli::new(Obeys(change))
            .run("breaker reset 88 --reason gone")
            .refused(why);
    }
}

#[test]
fn what_is_open_is_listed() {
    let run = obeys().run("breaker list");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .contains("88      bounces  hard_bounce_rate  somebody resets it  class contact"),
        "{}",
        run.out
    );
    let run = obeys().run("break-glass list");
    assert!(
        run.out.contains(
            "57       open since entry 58  revops  everything that `agent.ops` is granted"
        ),
        "{}",
        run.out
    );
    let object = obeys().run("status --json").json();
    assert_eq!(object["environment"], "sandbox");
    assert_eq!(object["pending_approvals"], 3);
    assert_eq!(object["breakers"][0]["opened"], 88);
    assert_eq!(object["break_glass"][0]["opened"], 58);
    assert_eq!(object["last_stop"]["voided"], 4);
    let text = obeys().run("status").out;
    assert!(
        text.contains("environment  sandbox: nobody is to be reached\n"),
        "{text}"
    );
    assert!(text.contains("last stop    everything at "), "{text}");
}

#[test]
fn a_key_is_trusted_exactly_as_it_was_named() {
    let cli = obeys();
    let vkey = Log::signed_by(8).vkey();
    std::fs::write(cli.folder().join("sandbox.vkey"), format!("{vkey}\n")).unwrap();
    for (line, said) in [
        (
            "key trust @sandbox.vkey".to_owned(),
            "Policies may be promoted from `test.example/ledger`, from entry 3 on.",
        ),
        (format!("key trust {vkey}"), "Policies may be promoted from"),
        (
            format!("key distrust {vkey}"),
            "Policies may no longer be promoted from",
        ),
    ] {
        let run = cli.run(&line);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.out.starts_with(said), "{}", run.out);
        assert!(run.out.contains(&vkey), "{}", run.out);
    }
    let calls = cli.calls();
    for line in [
        "key trust nokey",
        "key trust @nowhere",
        "key trust @credential",
    ] {
        assert_eq!(cli.run(line).code, 2, "{line}");
    }
    assert_eq!(cli.calls(), calls);
    let other: fn(&mut Body) = |body| {
        if let Body::Key(entry) = body {
            entry.key = Log::new().vkey();
        }
    };
    Cli::new(Obeys(other))
        .run(&format!("key trust {vkey}"))
        .refused("key: asked for");
    let distrusted: fn(&mut Body) = |body| {
        if let Body::Key(entry) = body {
            entry.event = KeyEvent::Distrusted;
        }
    };
    Cli::new(Obeys(distrusted))
        .run(&format!("key trust {vkey}"))
        .refused("event: asked for `trusted`, the entry has `distrusted`");
}
