//! `onething bundle check`: what a bundle must show before it is deployed.

use crate::deployment::Deployment;
use crate::say;
use anyhow::Context;
use onething_capabilities::Parameters;
use onething_contract::Finding;
use onething_replay::{Report, check_bundle};
use onething_runtime::inspect;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Nobody waits for a person's own check but the person.
const TIME_MAX: Duration = Duration::from_secs(3600);

/// A bundle, and what it must come to.
#[derive(clap::Args)]
pub struct Checked {
    /// The name of a matter, or the path of a `.wasm` file.
    bundle: String,
    /// Its fixtures; `fixtures/<matter>` where they are not given.
    #[arg(long)]
    fixtures: Option<PathBuf>,
}

impl Checked {
    /// The component.
    pub fn component(&self, deployment: &Deployment) -> anyhow::Result<Vec<u8>> {
        deployment.bundle(&self.bundle)
    }

    /// The folder with its fixtures.
    pub fn fixtures(&self, component: &[u8]) -> anyhow::Result<PathBuf> {
        match &self.fixtures {
            Some(folder) => Ok(folder.clone()),
            None => {
                let inspection = inspect(component).with_context(|| self.bundle.clone())?;
                Ok(Path::new("fixtures").join(inspection.manifest.matter))
            }
        }
    }

    /// Checks it and tells what for, and everything that is wrong.
    pub fn check(&self, deployment: &Deployment, component: &[u8]) -> anyhow::Result<Report> {
        let fixtures = self.fixtures(component)?;
        let parameters = Arc::new(Parameters::load(&deployment.parameters)?);
        let runtime = deployment.runtime()?;
        let report = check_bundle(&runtime, component, &fixtures, parameters, TIME_MAX);
        tell(&report);
        Ok(report)
    }
}

fn tell(report: &Report) {
    if !report.digest.is_empty() {
        let Report {
            matter,
            version,
            digest,
            ..
        } = report;
        say(&format!("{matter} {version}  sha256:{digest}"));
    }
    for checked in &report.checked {
        say(&format!("checked   {}", checked.en));
    }
    report.findings.iter().for_each(tell_finding);
    say(&format!("{} findings", report.findings.len()));
}

/// A finding in both languages.
pub fn tell_finding(finding: &Finding) {
    let place = match finding.path.as_str() {
        "" => String::new(),
        path => format!("{path}: "),
    };
    say(&format!(
        "WRONG     {}  {place}{}",
        finding.code, finding.message.en
    ));
    if !finding.message.zh.ends_with(&finding.message.en) {
        say(&format!("          {}", finding.message.zh));
    }
}
