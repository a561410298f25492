//! Prints the reference of the interface: the text of `docs/api.md`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(ledger_tests::reference::markdown().as_bytes())
}
