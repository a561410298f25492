//! One file for each command.

pub(crate) mod answer;
pub(crate) mod approvals;
pub(crate) mod break_glass;
pub(crate) mod breaker;
pub(crate) mod checkpoint;
pub(crate) mod clock;
pub(crate) mod completions;
pub(crate) mod consistency;
pub(crate) mod credential;
pub(crate) mod decide;
pub(crate) mod detail;
pub(crate) mod disclose;
pub(crate) mod dnc;
pub(crate) mod evidence;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod open;
pub(crate) mod outcomes;
pub(crate) mod policy;
pub(crate) mod principal;
pub(crate) mod receipt;
pub(crate) mod record;
pub(crate) mod resume;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod tail;
pub(crate) mod token;
pub(crate) mod trace;
pub(crate) mod undo;

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs one command.
pub(crate) async fn run(cli: Cli, output: Output) -> Result<Exit, Failure> {
    let context = Context::new(cli.connection, output);
    match run_in(&context, cli.command).await {
        Ok(exit) => Ok(exit),
        Err(failure) => Err(context.explain(failure).await),
    }
}

async fn run_in(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Credential(command) => credential::run(context, &command)?,
        Command::Principal(command) => principal::run(context, &command).await?,
        Command::Policy(command) => policy::run(context, &command).await?,
        Command::Dnc(command) => dnc::run(context, &command).await?,
        Command::Stop(args) => stop::run(context, &args).await?,
        Command::Resume(args) => resume::run(context, &args).await?,
        Command::Approvals(command) => return approvals::run(context, &command).await,
        Command::BreakGlass(command) => break_glass::run(context, &command).await?,
        Command::Breaker(command) => breaker::run(context, &command).await?,
        Command::Key(command) => key::run(context, &command).await?,
        Command::Status => status::run(context).await?,
        Command::Clock(command) => clock::run(context, &command).await?,
        Command::Decide(args) => return decide::run(context, &args).await,
        Command::Record(command) => record::run(context, &command).await?,
        Command::Outcomes(command) => outcomes::run(context, &command).await?,
        Command::Open(args) => open::run(context, &args).await?,
        Command::List(args) => list::run(context, &args).await?,
        Command::Tail(args) => tail::run(context, &args).await?,
        Command::Trace(args) => trace::run(context, &args).await?,
        Command::Answer(args) => answer::run(context, &args).await?,
        Command::Undo(args) => return undo::run(context, &args).await,
        Command::Receipt(args) => receipt::run(context, &args).await?,
        Command::Evidence(args) => evidence::run(context, &args).await?,
        Command::Disclose(args) => disclose::run(context, &args).await?,
        Command::Detail(args) => detail::run(context, &args).await?,
        Command::Checkpoint(args) => checkpoint::run(context, &args).await?,
        Command::Consistency(args) => consistency::run(context, &args).await?,
        Command::Export(args) => export::run(context, &args).await?,
        Command::Token(args) => token::run(context, &args).await?,
        Command::Explain(args) => explain::run(context, &args)?,
        Command::Completions(args) => completions::run(context, &args)?,
    }
    Ok(Exit::Done)
}
