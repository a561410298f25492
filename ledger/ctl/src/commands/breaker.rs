//! `ledgerctl breaker`: circuit breakers that are open, and resetting them.

use clap::{Args, Subcommand};
use ledger_core::entry::{Body, BreakerEvent, BreakerScope};
use ledger_core::role::Call;
use ledger_core::token::Token;
use ledger_proto::v1;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::narrate::breaker_scope;
use crate::proof::{WriteJson, other_kind, same, same_option};
use crate::request::WriteArgs;
use crate::text::Table;
use crate::values::detail::{Details, Source, kept, source};
use crate::values::when;
use crate::values::words::class;

/// What to do about breakers.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The open ones, and what each refuses (operator, compliance, auditor)
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// Reset an open one; what was counted before counts no more (operator, compliance)
    #[command(after_help = RESET_EXAMPLES)]
    Reset(ResetArgs),
}

const LIST_EXAMPLES: &str = "\
Examples:
  ledgerctl breaker list
  ledgerctl receipt 88      what a breaker saw, told from the entry that opened it";

const RESET_EXAMPLES: &str = "\
Examples:
  ledgerctl breaker reset 88 --reason 'bounces came from one bad list, which is gone'

The seq is that of the entry that opened it, as `ledgerctl breaker list` and denials show it. An error-rate breaker
closes by itself after its window; every other one stays open until it is reset.";

/// Options of `breaker reset`.
#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// The seq of the entry that opened it
    opened: u64,
    /// Why; kept outside the log. `@FILE` reads it from a file
    #[arg(long, visible_alias = "why", value_parser = source, value_name = "TEXT")]
    reason: Source,
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::List => list(context).await,
        Command::Reset(args) => reset(context, args).await,
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let session = context.connect_unproven().await?;
    let status = session.status().await?;
    let objects: Vec<_> = status.breakers.iter().map(object).collect();
    context
        .output
        .show(&table(&status.breakers), &json!({ "breakers": objects }))
}

fn table(breakers: &[v1::OpenBreaker]) -> String {
    if breakers.is_empty() {
        return "No breaker is open.\n".to_owned();
    }
    let mut table = Table::new(&["opened", "rule", "measure", "until", "refuses"]);
    for breaker in breakers {
        table.row([
            breaker.seq.to_string(),
            breaker.rule.clone(),
            breaker.measure.clone(),
            until(breaker),
            refuses(breaker),
        ]);
    }
    table.render("")
}

async fn reset(context: &Context, args: &ResetArgs) -> Result<(), Failure> {
    let details = Details::default()
        .with(v1::DetailName::Reason, Some(&args.reason))?
        .into_wire();
    let session = context.connect().await?;
    let mut write = args.write.begin()?;
    let request = v1::ResetBreakerRequest {
        header: Some(write.header()),
        opened: args.opened,
        details: details.clone(),
    };
    let answer = session.control().reset_breaker(request).await;
    let (verified, repeated) = session.written(&write, Call::ResetBreaker, answer)?;
    let Body::Breaker(breaker) = &verified.entry.body else {
        return Err(other_kind("breaker", &verified.entry));
    };
    same(
        "event",
        BreakerEvent::Reset.as_str(),
        breaker.event.as_str(),
    )?;
    same_option("breaker opened by", Some(args.opened), breaker.opened)?;
    kept(&verified, &details)?;
    write.keep(&verified)?;
    let text = format!(
        "Reset the breaker `{}`, open since entry {}: {} may go on, from entry {} on.\n{}",
        breaker.rule,
        args.opened,
        breaker_scope(&breaker.scope),
        verified.entry.seq,
        verified.line()
    );
    context.output.show(
        &text,
        &WriteJson::of(&verified, &write.request_id, repeated)?,
    )
}

/// One breaker of the status, as a sentence without its full stop.
pub(super) fn words(breaker: &v1::OpenBreaker) -> String {
    format!(
        "`{}` refuses {} until {} (entry {})",
        breaker.rule,
        refuses(breaker),
        until(breaker),
        breaker.seq
    )
}

/// One breaker of the status, for `--json`.
pub(super) fn object(breaker: &v1::OpenBreaker) -> serde_json::Value {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let classes: Vec<String> = breaker.classes().map(class::word).collect();
    json!({
        "opened": breaker.seq,
        "rule": breaker.rule,
        "measure": breaker.measure,
        "agent": some(&breaker.agent_id),
        "seller": some(&breaker.seller),
        "mailbox": some(&hex::encode(&breaker.mailbox)),
        "actions": breaker.actions,
        "classes": classes,
        "until": breaker.until.as_ref().and_then(when::from_wire).map(|time| time.to_string()),
    })
}

fn until(breaker: &v1::OpenBreaker) -> String {
    match breaker.until.as_ref().and_then(when::from_wire) {
        Some(time) => time.to_string(),
        None => "somebody resets it".to_owned(),
    }
}

fn refuses(breaker: &v1::OpenBreaker) -> String {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let classes = breaker
        .classes()
        .filter_map(|class| class::word(class).parse().ok());
    breaker_scope(&BreakerScope {
        agent: some(&breaker.agent_id),
        seller: some(&breaker.seller),
        mailbox: <[u8; 32]>::try_from(&breaker.mailbox[..]).ok().map(Token),
        actions: breaker.actions.clone(),
        classes: classes.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breaker_says_what_it_refuses_and_until_when() {
        let breaker = v1::OpenBreaker {
            seq: 88,
            rule: "bounces".to_owned(),
            measure: "hard_bounce_rate".to_owned(),
            agent_id: String::new(),
            seller: "acme".to_owned(),
            mailbox: vec![0x51; 32].into(),
            actions: vec!["email.send".to_owned()],
            classes: vec![v1::ActionClass::Contact.into()],
            until: None,
        };
        assert_eq!(
            words(&breaker),
            "`bounces` refuses class contact and `email.send` for seller `acme` from mailbox 51515151… \
             until somebody resets it (entry 88)"
        );
        let object = object(&breaker);
        assert_eq!(object["agent"], serde_json::Value::Null);
        assert_eq!(object["classes"], json!(["contact"]));
        assert_eq!(object["opened"], 88);
        let itself = v1::OpenBreaker {
            until: Some(when::to_wire(
                "2026-11-22T11:46:05.123456Z".parse().unwrap(),
            )),
            ..breaker
        };
        assert!(table(&[itself]).contains("2026-11-22T11:46:05.123456Z"));
        assert_eq!(table(&[]), "No breaker is open.\n");
    }
}
