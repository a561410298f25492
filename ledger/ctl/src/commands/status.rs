//! `ledgerctl status`: how the ledger stands.

use ledger_proto::v1;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::Style;
use crate::text::{counted, grouped, put};
use crate::values::{scope, when};

pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect_unproven().await?;
    let status = session
        .control()
        .status(v1::StatusRequest {})
        .await?
        .into_inner();
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
        "stops": stops,
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
    text
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
            ..v1::StatusReply::default()
        };
        assert_eq!(
            text(&status, Style::PLAIN),
            "acme.example/ledger  (ledgerd 0.1.0)\n  \
             entries      5,120\n  \
             last entry   2026-11-22T11:31:05.123456Z\n  \
             open         1 allow not reported on yet\n  \
             clock        blocked: every allow is a denial; see `ledgerctl clock acknowledge --help`\n  \
             stopped      agent `agent.outbound.sender` (entry 51)\n"
        );
    }
}
