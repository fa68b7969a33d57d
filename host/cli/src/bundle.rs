//! `onething bundle`: build and inspect.

mod build;
mod toolchain;

use crate::deployment::Deployment;
use crate::say;
use anyhow::Context;
use onething_runtime::{Limits, inspect};
use std::path::PathBuf;

/// What can be done with bundles.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Build the bundle of each folder: compile it, pack its manifest, check it.
    Build {
        /// Folders with a `matter.toml`, for example `functions/retirement`.
        #[arg(required = true)]
        folders: Vec<PathBuf>,
    },
    /// Tell what a bundle is, without running it.
    Inspect {
        /// The name of a matter, or the path of a `.wasm` file.
        bundle: String,
        /// The whole manifest, as JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    /// Runs the command.
    pub fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        match self {
            Self::Build { folders } => folders
                .iter()
                .try_for_each(|folder| build::build(folder, &deployment.bundles)),
            Self::Inspect { bundle, json } => {
                show(&deployment.bundle(&bundle)?, json).with_context(|| bundle.clone())
            }
        }
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
