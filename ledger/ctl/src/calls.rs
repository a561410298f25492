//! Calls by the commands that make them: the ledger speaks of `ListApprovals` where its caller typed
//! `ledgerctl approvals list`.

use ledger_core::role::{Call, Grant, Role};

/// Words before a call's name where the ledger says what to look at, or what to do.
const SAID: [&str; 5] = ["see ", "with ", "ask ", "call ", "Call "];

/// The command that makes a call, without the name of the program.
pub(crate) const fn command(call: Call) -> &'static str {
    match call {
        Call::Decide => "decide",
        Call::Record => "record",
        Call::GetCheckpoint => "checkpoint",
        Call::GetReceipt => "receipt",
        Call::GetEvidence | Call::GetPack => "evidence",
        Call::GetConsistency => "consistency",
        Call::GetDetail => "detail",
        Call::Trace => "trace",
        Call::PutPrincipal => "principal put",
        Call::RevokePrincipal => "principal revoke",
        Call::ListPrincipals => "principal list",
        Call::AddDnc => "dnc add",
        Call::RemoveDnc => "dnc remove",
        Call::ExemptDnc => "dnc exempt",
        Call::CheckDnc => "dnc check",
        Call::PublishPolicy => "policy publish",
        Call::ShowPolicy => "policy show",
        Call::Stop => "stop",
        Call::Resume => "resume",
        Call::AcknowledgeClock => "clock acknowledge",
        Call::Tokenise => "token",
        Call::Disclose => "disclose",
        Call::Export => "export",
        Call::Status => "status",
        Call::GetApproval => "approvals show",
        Call::WatchApproval => "approvals watch",
        Call::ListApprovals => "approvals list",
        Call::AnswerApproval => "approvals grant",
        Call::RequestBreakGlass => "break-glass request",
        Call::ConfirmBreakGlass => "break-glass confirm",
        Call::CloseBreakGlass => "break-glass close",
        Call::ResetBreaker => "breaker reset",
        Call::TrustKey => "key trust",
        Call::DistrustKey => "key distrust",
        Call::BeginImport | Call::EndImport => "dnc import",
        Call::ListOpen => "open",
        Call::List => "list",
        Call::Tail => "tail",
    }
}

/// The same text with commands where it names calls. A refusal for the role's sake also says whose it is.
pub(crate) fn in_commands(text: &str) -> String {
    let mut out = text.to_owned();
    for call in Call::ALL {
        let refused = format!("may not call `{call}`: see docs/roles.md for who may");
        let takes = format!(
            "may not run `ledgerctl {}`: it takes {} (`{call}` in docs/roles.md)",
            command(call),
            roles(call)
        );
        out = out.replace(&refused, &takes);
        for before in SAID {
            out = out.replace(
                &format!("{before}`{call}`"),
                &format!("{before}`ledgerctl {}`", command(call)),
            );
        }
    }
    out
}

/// Who may make a call, in words.
fn roles(call: Call) -> String {
    let may = |role: &Role| call.granted(*role) != Grant::No;
    let words: Vec<&str> = Role::ALL
        .into_iter()
        .filter(may)
        .map(Role::as_str)
        .collect();
    match words.as_slice() {
        [] => "nobody".to_owned(),
        [one] => format!("the role {one}"),
        [rest @ .., last] => format!("one of the roles {} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn every_call_is_made_by_a_command_that_there_is() {
        let cli = Cli::command();
        for call in Call::ALL {
            let mut at = &cli;
            for word in command(call).split(' ') {
                at = at
                    .find_subcommand(word)
                    .unwrap_or_else(|| panic!("{call}: no command `{}`", command(call)));
            }
        }
    }

    #[test]
    fn what_the_ledger_calls_by_its_call_is_named_by_the_command() {
        for (said, expected) in [
            (
                "role `operator` may not call `Decide`: see docs/roles.md for who may",
                "role `operator` may not run `ledgerctl decide`: it takes the role agent (`Decide` in docs/roles.md)",
            ),
            (
                "role `agent` may not call `Stop`: see docs/roles.md for who may",
                "role `agent` may not run `ledgerctl stop`: it takes one of the roles operator and compliance (`Stop` in \
                 docs/roles.md)",
            ),
            (
                "there is no live listing of that name: look it up with `CheckDnc`",
                "there is no live listing of that name: look it up with `ledgerctl dnc check`",
            ),
            (
                "expected the seq of a decision that asks for an approval: see `ListApprovals`",
                "expected the seq of a decision that asks for an approval: see `ledgerctl approvals list`",
            ),
            // What the caller named by its call stays as it was named.
            (
                "you have made no request `q1` by `Decide`",
                "you have made no request `q1` by `Decide`",
            ),
            ("`Lists` are no call", "`Lists` are no call"),
        ] {
            assert_eq!(in_commands(said), expected);
        }
    }
}
