//! `ledgerctl`: the operators' command line of Agent Ledger.

fn main() -> std::process::ExitCode {
    ledgerctl::main()
}
