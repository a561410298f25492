use super::*;
use crate::exit::Exit;

/// Reads a command line, words separated by spaces.
fn read(line: &str) -> Result<Cli, clap::Error> {
    Cli::read(
        std::iter::once("ledgerctl")
            .chain(line.split_whitespace())
            .map(OsString::from),
    )
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_of_the_manual_is_understood() {
    for line in [
        "credential new --out c",
        "principal put agent.a --role agent --credential-out c",
        "principal put a.b --role approver --group emea --group apac --credential-sha256 77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab",
        "principal revoke agent.a --request-id r-1",
        "principal list --json",
        "policy publish policies/sales --receipt-out p.tlog-proof",
        "policy show --text",
        "policy table",
        "policy table policies/sales",
        "policy check policies/sales",
        "policy explain --agent a --action crm.read",
        "policy explain policies/sales --agent-id a --action email.send --agent-version v1 --seller s --campaign c --mailbox m \
         --target deal:1:writes=a,b --target task: --environment sandbox --foreign engine=cedar,outcome=deny --json",
        "dnc add --email a@b.example --phone +4420794600 --contact 003 --reason entity_request --requested-at 2026-11-22T09:00:00Z",
        "dnc add --domain b.example --reason legal_hold --seller acme --channel email --channel sms --evidence-file f",
        "dnc add --account 001 --reason manual --expires-at +30d --effective-from 2h --source hubspot --detail reason=why",
        "dnc add --file list.txt --reason unsubscribe",
        "dnc remove 17/0 18/2 --evidence-file f --why because",
        "dnc exempt --email a@b.example --seller acme --channel email --expires-at 90d --evidence-file f",
        "dnc check --email a@b.example",
        "stop --all",
        "stop --agent agent.a --why because",
        "stop --class contact",
        "resume --all --why because",
        "status",
        "clock acknowledge",
        "decide --action crm.read --correlation-id run-1",
        "decide --action email.send --correlation-id run-1 --request-id r-1 --action-id a-1 --agent-id agent.a --agent-version v1 \
         --tool t --seller s --campaign c --mailbox m --to a@b.example --recipient role=cc,email=c@d.example,dnc=true \
         --target deal:1:writes=a,b --params {} --rationale why --detail plan=@p --cost-micros 5 \
         --foreign engine=cedar,outcome=deny --receipt-out f",
        "record execution --decision 41 --correlation-id run-1 --status success --error-code e --provider p --provider-id i \
         --started-at now --occurred-at 2026-11-22T09:00:00.5Z --cost-micros 1 --result recipient=0,status=failure --detail after={}",
        "record outcome --event bounce_hard --correlation-id run-1 --execution 42 --recipient 0 --provider p --provider-id i",
        "record decision --action crm.read --engine cedar --outcome allow --correlation-id run-1 --target deal:1",
        "record decision --action crm.read --foreign engine=cedar,outcome=allow --correlation-id run-1",
        "trace run-1",
        "trace run-1 --details",
        "trace --seq 41 --json",
        "trace --compare run-1 run-2 --no-details",
        "answer 41",
        "answer --correlation-id 41",
        "undo 45",
        "undo 45 --target-id 006 --submit --approval 52 --request-id r-1 --agent-version v --correlation-id c --receipt-out f",
        "receipt 41 --out f",
        "receipt --request Decide/r-1",
        "evidence 41 --out f",
        "disclose --email a@b.example --account 001 --out f",
        "detail 41 params",
        "detail 41 recipients --out f",
        "checkpoint --out f",
        "consistency 10",
        "consistency --checkpoint f",
        "consistency 10 20 --checkpoint f --proof-out p --checkpoint-out c",
        "export --out folder",
        "token --mailbox m",
        "token --email a@b.example",
        "explain",
        "explain dnc.listed",
        "explain --markdown",
    ] {
        if let Err(error) = read(line) {
            panic!("`{line}`: {error}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for line in [
        "",
        "decide --action crm.read",
        "decide --correlation-id run-1",
        "decide --action a --correlation-id c --recipient a@b.example",
        "decide --action a --correlation-id c --detail plan",
        "principal put agent.a --role agent",
        "principal put agent.a --role boss --credential-out c",
        "principal put agent.a --role agent --credential-out c --credential-sha256 77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab",
        "principal put agent.a --role agent --credential-sha256 77AB",
        "stop",
        "stop --all --agent agent.a",
        "stop --class email",
        "resume --all",
        "dnc add --email a@b.example",
        "dnc add --email a@b.example --file f --reason manual",
        "dnc add --email a@b.example --reason unwilling",
        "dnc add --email a@b.example --reason manual --requested-at 30d",
        "dnc add --email a@b.example --reason manual --evidence-file f --evidence-sha256 00",
        "dnc remove --evidence-file f --why because",
        "dnc remove 17 --evidence-file f --why because",
        "dnc remove 17/0 --evidence-file f",
        "dnc exempt --email a@b.example --seller acme --expires-at 90d --evidence-file f",
        "record execution --decision 41 --correlation-id run-1",
        "record execution --decision x --correlation-id run-1 --status success",
        "record decision --action a --engine cedar --correlation-id run-1",
        "record decision --action a --correlation-id run-1",
        "record decision --action a --outcome allow --correlation-id run-1",
        "consistency",
        "receipt 41 --request Decide/r-1",
        "evidence 41",
        "detail 41 secrets",
        "export",
        "token --mailbox m --email a@b.example",
        "explain --markdown dnc.listed",
        "status --timeout 0",
        "status --socket a --address http://127.0.0.1:1",
    ] {
        assert!(read(line).is_err(), "`{line}` was understood");
    }
}

#[test]
fn options_stand_before_and_after_the_command() {
    for line in [
        "--json --socket s --vkey v status",
        "status --json --socket s --vkey v",
    ] {
        let cli = read(line).unwrap();
        assert!(cli.json);
        assert_eq!(cli.connection.socket, Some("s".into()));
        assert_eq!(cli.connection.vkey.as_deref(), Some("v"));
        assert_eq!(cli.connection.timeout, 30);
    }
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let help = |words: &[&str]| {
        let words = std::iter::once("ledgerctl")
            .chain(words.iter().copied())
            .chain(["--help"])
            .map(OsString::from);
        Cli::read(words).unwrap_err().to_string()
    };
    let whole = help(&[]);
    for exit in [
        Exit::Done,
        Exit::Failed,
        Exit::Usage,
        Exit::Unreachable,
        Exit::Denied,
        Exit::ApprovalRequired,
        Exit::Unusable,
    ] {
        assert!(whole.contains(&format!("\n  {}  ", exit as u8)), "{whole}");
    }
    // Every command that does something has an example of itself, or none is needed.
    let mut command = Cli::command();
    command.build();
    for group in command
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        let leaves: Vec<&clap::Command> = match group.get_subcommands().next() {
            Some(_) => group
                .get_subcommands()
                .filter(|leaf| leaf.get_name() != "help")
                .collect(),
            None => vec![group],
        };
        for leaf in leaves {
            let path = if leaf.get_name() == group.get_name() {
                leaf.get_name().to_owned()
            } else {
                format!("{} {}", group.get_name(), leaf.get_name())
            };
            let examples = leaf
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let bare = ["status", "principal list"].contains(&path.as_str());
            assert!(
                bare || examples.contains(&format!("ledgerctl {path}")),
                "`{path}` has no example"
            );
            assert!(
                leaf.get_about().is_some(),
                "`{path}` says nothing of itself"
            );
        }
    }
}

/// The examples in the help texts are commands that exist.
#[test]
fn the_examples_are_understood() {
    let mut command = Cli::command();
    command.build();
    let mut texts = vec![
        command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default(),
    ];
    for group in command.get_subcommands() {
        texts.extend(group.get_after_help().map(ToString::to_string));
        texts.extend(
            group
                .get_subcommands()
                .filter_map(|leaf| leaf.get_after_help().map(ToString::to_string)),
        );
    }
    let mut seen = 0;
    for text in texts {
        let joined = text.replace("\\\n", " ");
        for line in joined.lines() {
            let Some(words) = line.strip_prefix("  ledgerctl ") else {
                continue;
            };
            // The shell's part of a line is not ours: pipes, further commands, remarks after two spaces.
            let words = words.split(" | ").next().unwrap_or(words);
            let words = words.split(" && ").next().unwrap_or(words);
            let words = words.split(" > ").next().unwrap_or(words);
            let words = words.split("   ").next().unwrap_or(words);
            if words.contains("$(") || words.contains("HEX") {
                continue;
            }
            seen += 1;
            let parts = shell_words(words);
            let result = Cli::read(
                std::iter::once("ledgerctl".to_owned())
                    .chain(parts)
                    .map(OsString::from),
            );
            assert!(result.is_ok(), "`{words}`: {}", result.unwrap_err());
        }
    }
    assert!(seen > 40, "{seen} examples were found");
}

/// Words as a shell takes them apart, with single quotes alone.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            let joins = line
                .split('\'')
                .nth(at - 1)
                .is_some_and(|before| !before.ends_with(' '));
            match words.last_mut() {
                Some(last) if joins => *last = format!("{last}{part}"),
                _ => words.push(part.to_owned()),
            }
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
