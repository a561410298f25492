//! `ledgerctl status`: how the ledger stands.

use ledger_proto::v1;
use serde_json::json;

use crate::commands::{break_glass, breaker};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Style;
use crate::text::{counted, grouped, put};
use crate::values::{scope, when};

pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect_unproven().await?;
    let status = session.status().await?;
    let last = status.last_entry.as_ref().and_then(when::from_wire);
    let stops: Vec<_> = status
        .stops
        .iter()
        .map(|stop| json!({ "seq": stop.seq, "scope": scope::wire_words(stop.scope.as_ref()) }))
        .collect();
    let object = json!({
        "origin": status.origin,
        "size": status.size,
        "last_entry": last.map(|time| time.to_string()),
        "environment": status.environment,
        "stops": stops,
        "last_stop": status.last_stop.as_ref().map(last_stop_object),
        "breakers": status.breakers.iter().map(breaker::object).collect::<Vec<_>>(),
        "breakers_warned": status.breakers_warned,
        "break_glass": status.break_glass.iter().map(break_glass::object).collect::<Vec<_>>(),
        "pending_approvals": status.pending_approvals,
        "open": status.open,
        "clock_blocked": status.clock_blocked,
        "version": status.version,
    });
    context
        .output
        .show(&text(&status, context.output.style()), &object)
}

fn text(status: &v1::StatusReply, style: Style) -> String {
    let last = status.last_entry.as_ref().and_then(when::from_wire);
    let mut text = format!(
        "{}  (ledgerd {})\n",
        style.strong(&status.origin),
        status.version
    );
    let environment = match status.environment.as_str() {
        "sandbox" => style.warning("sandbox: nobody is to be reached"),
        other => other.to_owned(),
    };
    put!(text, "  environment  {environment}\n");
    put!(text, "  entries      {}\n", grouped(status.size));
    put!(
        text,
        "  last entry   {}\n",
        last.map_or_else(|| "-".to_owned(), |time| time.to_string())
    );
    put!(
        text,
        "  open         {} not reported on yet\n",
        counted(status.open, "allow", "allows")
    );
    put!(
        text,
        "  approvals    {} not settled\n",
        counted(status.pending_approvals, "request", "requests")
    );
    let clock = if status.clock_blocked {
        style.bad("blocked: every allow is a denial; see `ledgerctl clock acknowledge --help`")
    } else {
        "in order".to_owned()
    };
    put!(text, "  clock        {clock}\n");
    if status.stops.is_empty() {
        text.push_str("  stops        none\n");
    }
    for stop in &status.stops {
        let words = format!(
            "{} (entry {})",
            scope::wire_words(stop.scope.as_ref()),
            stop.seq
        );
        put!(text, "  stopped      {}\n", style.bad(&words));
    }
    let last = status.last_stop.as_ref().map_or_else(
        || "never exercised".to_owned(),
        |last| {
            format!(
                "{} at {} (entry {}), {} voided",
                scope::wire_words(last.scope.as_ref()),
                last.time
                    .as_ref()
                    .and_then(when::from_wire)
                    .map_or_else(|| "?".to_owned(), |time| time.to_string()),
                last.seq,
                counted(last.voided, "allow", "allows")
            )
        },
    );
    put!(text, "  last stop    {last}\n");
    if status.breakers.is_empty() {
        text.push_str("  breakers     none open\n");
    }
    for one in &status.breakers {
        put!(text, "  breaker      {}\n", style.bad(&breaker::words(one)));
    }
    for rule in &status.breakers_warned {
        let words = format!("`{rule}` has passed its first threshold");
        put!(text, "  warned       {}\n", style.warning(&words));
    }
    if status.break_glass.is_empty() {
        text.push_str("  break-glass  none\n");
    }
    for one in &status.break_glass {
        put!(
            text,
            "  break-glass  {}\n",
            style.warning(&break_glass::words(one))
        );
    }
    text
}

fn last_stop_object(last: &v1::LastStop) -> serde_json::Value {
    json!({
        "seq": last.seq,
        "scope": scope::wire_words(last.scope.as_ref()),
        "time": last.time.as_ref().and_then(when::from_wire).map(|time| time.to_string()),
        "voided": last.voided,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_names_what_is_stopped() {
        let status = v1::StatusReply {
            origin: "acme.example/ledger".to_owned(),
            size: 5_120,
            last_entry: Some(when::to_wire(
                "2026-11-22T11:31:05.123456Z".parse().unwrap(),
            )),
            stops: vec![v1::ActiveStop {
                seq: 51,
                scope: Some(v1::Scope {
                    of: Some(v1::scope::Of::AgentId("agent.outbound.sender".to_owned())),
                }),
            }],
            open: 1,
            clock_blocked: true,
            version: "0.1.0".to_owned(),
            environment: "prod".to_owned(),
            pending_approvals: 2,
            last_stop: Some(v1::LastStop {
                seq: 51,
                scope: Some(v1::Scope {
                    of: Some(v1::scope::Of::AgentId("agent.outbound.sender".to_owned())),
                }),
                time: Some(when::to_wire(
                    "2026-11-22T11:30:05.123456Z".parse().unwrap(),
                )),
                voided: 1,
            }),
            breakers: vec![v1::OpenBreaker {
                seq: 88,
                rule: "bounces".to_owned(),
                measure: "hard_bounce_rate".to_owned(),
                seller: "acme".to_owned(),
                actions: vec!["email.send".to_owned()],
                ..v1::OpenBreaker::default()
            }],
            breakers_warned: vec!["complaints".to_owned()],
            break_glass: vec![v1::BreakGlass {
                request: 57,
                requested_by: "revops".to_owned(),
                agent_id: "agent.ops".to_owned(),
                action: String::new(),
                opened: None,
                until: Some(when::to_wire(
                    "2026-11-22T11:46:05.123456Z".parse().unwrap(),
                )),
            }],
        };
        assert_eq!(
            text(&status, Style::PLAIN),
            "acme.example/ledger  (ledgerd 0.1.0)\n  \
             environment  prod\n  \
             entries      5,120\n  \
             last entry   2026-11-22T11:31:05.123456Z\n  \
             open         1 allow not reported on yet\n  \
             approvals    2 requests not settled\n  \
             clock        blocked: every allow is a denial; see `ledgerctl clock acknowledge --help`\n  \
             stopped      agent `agent.outbound.sender` (entry 51)\n  \
             last stop    agent `agent.outbound.sender` at 2026-11-22T11:30:05.123456Z (entry 51), 1 allow voided\n  \
             breaker      `bounces` refuses `email.send` for seller `acme` until somebody resets it (entry 88)\n  \
             warned       `complaints` has passed its first threshold\n  \
             break-glass  everything that `agent.ops` is granted, to be confirmed before \
             2026-11-22T11:46:05.123456Z (request 57 by revops)\n"
        );
        let fresh = text(&v1::StatusReply::default(), Style::PLAIN);
        for line in [
            "  stops        none\n",
            "  last stop    never exercised\n",
            "  breakers     none open\n",
            "  break-glass  none\n",
        ] {
            assert!(fresh.contains(line), "{fresh}");
        }
    }
}
