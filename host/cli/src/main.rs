//! The command line. Each subcommand is a file of its own; what they share is how a deployment is
//! opened and how an error is told.

mod afterwards;
mod backup;
mod budget;
mod bundle;
mod case;
mod demo;
mod deployment;
mod directory;
mod effects;
mod erase;
mod executor;
mod form;
mod guide;
mod key;
mod killing;
mod load;
mod outreach;
mod parameter;
mod payment;
mod replay;
mod sample;
mod serve;
mod telemetry;
mod verify;

use clap::{Parser, Subcommand};
use deployment::Deployment;
use std::io::Write;
use std::process::ExitCode;
use telemetry::Telemetry;

/// Government "one-thing" services as sandboxed functions.
#[derive(Parser)]
#[command(name = "onething", version, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    deployment: Deployment,
    #[command(flatten)]
    telemetry: Telemetry,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the main job once, from four forms to a sealed case, and say what happened.
    Demo(demo::Demo),
    /// Serve the HTTP API.
    Serve(serve::Serve),
    /// Show how a matter's source forms were merged.
    Form(form::Form),
    /// Print the service guides, check them, or count what the reform has cut.
    Guide(guide::Guide),
    /// Hand in, look at, decide and withdraw cases, straight on the store.
    #[command(subcommand)]
    Case(case::Case),
    /// Go over a register of subjects and tell each what a matter has for them.
    Outreach(outreach::Outreach),
    /// Publish and look at bases, rates, tables and policies.
    #[command(subcommand)]
    Parameter(parameter::Parameter),
    /// Check and look at the directory of offices and people.
    #[command(subcommand)]
    Directory(directory::Command),
    /// Open, fund and look at budgets.
    #[command(subcommand)]
    Budget(budget::Budget),
    /// Look at payments at the bank and take in its answers.
    #[command(subcommand)]
    Payment(payment::Payment),
    /// Look at effects that wait or were given up, retry them, settle them by hand.
    #[command(subcommand)]
    Effects(effects::Effects),
    /// Make, list and retire the master keys.
    #[command(subcommand)]
    Key(key::Key),
    Erase(erase::Erase),
    /// Write everything that the store has into one file, while hosts go on.
    Backup(backup::Backup),
    /// Fill an empty store, of either kind, from a backup.
    Restore(backup::Restore),
    /// Run fixtures against the built bundles and compare with what is expected.
    Replay(replay::Replay),
    /// Load a host or a function app on this machine, and say how long it took to answer.
    Load(load::Load),
    /// Build, check, deploy and roll back bundles.
    #[command(subcommand)]
    Bundle(bundle::Command),
}

impl Command {
    /// It runs by itself, and its log is what is seen of it.
    fn is_watched(&self) -> bool {
        matches!(self, Command::Serve(_))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let telemetry = match arguments.telemetry.begin(arguments.command.is_watched()) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            tell(&format!("error: {error:#}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = run(arguments);
    telemetry.end();
    match ended {
        Ok(code) => code,
        Err(error) => {
            tell(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let deployment = &arguments.deployment;
    match arguments.command {
        Command::Demo(demo) => wait(demo.run(deployment))?,
        Command::Serve(serve) => wait(serve.run(deployment))?,
        Command::Form(form) => form.run(deployment)?,
        Command::Guide(guide) => return guide.run(deployment),
        Command::Replay(replay) => return replay.run(deployment),
        Command::Case(case) => wait(case.run(deployment))?,
        Command::Outreach(outreach) => wait(outreach.run(deployment))?,
        Command::Parameter(parameter) => wait(parameter.run(deployment))?,
        Command::Directory(command) => command.run(deployment)?,
        Command::Budget(budget) => wait(budget.run(deployment))?,
        Command::Payment(payment) => wait(payment.run(deployment))?,
        Command::Effects(effects) => wait(effects.run(deployment))?,
        Command::Key(key) => wait(key.run(deployment))?,
        Command::Erase(erase) => wait(erase.run(deployment))?,
        Command::Backup(backup) => wait(backup.run(deployment))?,
        Command::Restore(restore) => wait(restore.run(deployment))?,
        Command::Load(load) => return wait(load.run(deployment)),
        Command::Bundle(command) => return command.run(deployment),
    }
    Ok(ExitCode::SUCCESS)
}

fn wait<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// A line on standard output: what the command was run for. A reader that has seen enough may go.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line on standard error: what goes on meanwhile.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
