//! `onething bundle`: build, inspect, check, deploy and roll back.

mod build;
mod check;
mod compose;
mod deploy;
mod toolchain;

use crate::deployment::Deployment;
use crate::{say, wait};
use anyhow::Context;
use onething_runtime::{Limits, inspect};
use std::path::PathBuf;
use std::process::ExitCode;

/// What can be done with bundles.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Build the bundle of each folder: compile it, pack its manifest, check it.
    Build {
        /// Folders with a `matter.toml`, for example `functions/retirement`.
        #[arg(required = true)]
        folders: Vec<PathBuf>,
        /// Also compose each bundle with the front and the adapter, to run as a function on Spin.
        #[arg(long)]
        spin: bool,
    },
    /// Tell what a bundle is, without running it.
    Inspect {
        /// The name of a matter, or the path of a `.wasm` file.
        bundle: String,
        /// The whole manifest, as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check a bundle before it is deployed: its imports, its guide, and every fixture of its matter.
    Check(check::Checked),
    /// Check a bundle, keep it in the store and put it in force on every host.
    Deploy(deploy::Deploy),
    /// List what was put in force, when and by whom, and the open cases of each bundle.
    List(deploy::List),
    /// Take back what was put in force last of a matter.
    Rollback(deploy::RollBack),
}

impl Command {
    /// Runs the command.
    pub fn run(self, deployment: &Deployment) -> anyhow::Result<ExitCode> {
        match self {
            Self::Build { folders, spin } => {
                build::build(&folders, &deployment.bundles, spin)?;
            }
            Self::Inspect { bundle, json } => {
                show(&deployment.bundle(&bundle)?, json).with_context(|| bundle.clone())?;
            }
            Self::Check(checked) => {
                let component = checked.component(deployment)?;
                if !checked.check(deployment, &component)?.is_good() {
                    return Ok(ExitCode::FAILURE);
                }
            }
            Self::Deploy(deploy) => return wait(deploy.run(deployment)),
            Self::List(list) => return wait(list.run(deployment)),
            Self::Rollback(rollback) => return wait(rollback.run(deployment)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(component: &[u8], json: bool) -> anyhow::Result<()> {
    let inspection = inspect(component)?;
    let limits = Limits::default();
    if json {
        let whole = serde_json::json!({ "bundle": inspection, "limits": limits });
        say(&serde_json::to_string_pretty(&whole)?);
        return Ok(());
    }
    let manifest = &inspection.manifest;
    let report = manifest.report();
    say(&format!(
        "{} {}  {}",
        manifest.matter, manifest.version, manifest.title.zh
    ));
    say(&format!("digest    sha256:{}", inspection.digest));
    say(&format!("size      {} bytes", inspection.size_bytes));
    say(&format!("contract  {}", manifest.contract));
    say(&format!(
        "valid     from {}{}",
        manifest.valid.since,
        manifest
            .valid
            .until
            .as_ref()
            .map(|until| format!(" to before {until}"))
            .unwrap_or_default()
    ));
    say(&format!(
        "forms     {} forms, {} fields -> 1 form, {} fields ({} from registers, {} derived, {} typed)",
        report.source_forms,
        report.source_fields,
        report.merged_fields,
        report.from_registers,
        report.derived,
        report.typed
    ));
    say(&format!("hears     {}", manifest.hears.join(", ")));
    let registers: Vec<&str> = manifest
        .grants
        .registers
        .iter()
        .map(|grant| grant.name.as_str())
        .collect();
    say("grants");
    for (kind, names) in [
        ("registers", registers.join(", ")),
        ("parameters", manifest.grants.parameters.join(", ")),
        ("seals", manifest.grants.seals.join(", ")),
        ("deliveries", manifest.grants.deliveries.join(", ")),
        ("payments", manifest.grants.payments.join(", ")),
    ] {
        say(&format!("  {kind:10}  {names}"));
    }
    say("imports");
    inspection
        .imports
        .iter()
        .for_each(|name| say(&format!("  {name}")));
    say("exports");
    inspection
        .exports
        .iter()
        .for_each(|name| say(&format!("  {name}")));
    say("limits of a run");
    if let serde_json::Value::Object(limits) = serde_json::to_value(limits)? {
        limits
            .iter()
            .for_each(|(name, value)| say(&format!("  {name:16} {value}")));
    }
    Ok(())
}
