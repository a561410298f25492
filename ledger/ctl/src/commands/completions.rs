//! `ledgerctl completions`: what a shell completes command lines by.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::context::Context;
use crate::failure::Failure;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl completions bash > ~/.local/share/bash-completion/completions/ledgerctl
  ledgerctl completions zsh > ~/.zfunc/_ledgerctl               with `fpath+=~/.zfunc` before `compinit`
  ledgerctl completions fish > ~/.config/fish/completions/ledgerctl.fish";

/// Options of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(context: &Context, args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ledgerctl", &mut script);
    context.output.raw(&script)
}
