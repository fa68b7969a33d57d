//! `onething replay`: runs cases that are written down as data against the built bundles, and says
//! which of them come out otherwise than expected, and where.

use crate::deployment::Deployment;
use crate::executor::{Comparison, Executor};
use crate::say;
use anyhow::{Context, bail};
use onething_capabilities::Parameters;
use onething_engine::{Bundles, Executor as _, Quarantine};
use onething_replay::{Checked, Problem, Suite, in_words};
use onething_runtime::{Limits, Runtime};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Run fixtures against the built bundles and compare with what is expected.
#[derive(clap::Args)]
pub struct Replay {
    /// Fixtures, or folders with fixtures in them.
    #[arg(default_value = "fixtures")]
    paths: Vec<PathBuf>,
    /// Write what the cases come to as what is expected. Look at the difference afterwards.
    #[arg(long)]
    update: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
    /// Run each fixture by function apps too, which must come to the same journals, byte for byte.
    #[command(flatten)]
    executor: Executor,
}

impl Replay {
    /// Runs them; the exit code says whether all passed.
    pub fn run(self, deployment: &Deployment) -> anyhow::Result<ExitCode> {
        let folders = onething_replay::find(&self.paths)?;
        if folders.is_empty() {
            let paths: Vec<_> = self
                .paths
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            bail!(
                "no fixtures (folders with a case.toml) in {}",
                paths.join(", ")
            );
        }
        let apps = self.executor.apps(&Comparison::none())?;
        let mut suite = suite(deployment)?;
        if let Some(apps) = &apps {
            suite = suite.again_by(apps.clone());
        }
        let mut checked = Vec::new();
        for folder in &folders {
            let one = suite.check(folder, self.update);
            if !self.json {
                tell_one(&one);
            }
            checked.push(one);
        }
        let failed = checked.iter().filter(|one| one.problem.is_some()).count();
        let passed = checked.len() - failed;
        let by_apps = apps.map(|apps| (apps.counts(), apps.quarantined()));
        if self.json {
            let fixtures: Vec<Value> = checked.iter().map(in_json).collect();
            let apps = by_apps.as_ref().map(|((answered, here), quarantined)| {
                json!({"answered": answered, "run_here": here, "quarantined": quarantined})
            });
            let whole =
                json!({"passed": passed, "failed": failed, "apps": apps, "fixtures": fixtures});
            say(&serde_json::to_string_pretty(&whole)?);
        } else {
            say(&format!("{passed} passed, {failed} failed"));
            if let Some(((answered, here), quarantined)) = &by_apps {
                say(&format!(
                    "function apps answered {answered} invocations; {here} that were theirs ran here"
                ));
                quarantined.iter().for_each(tell_quarantined);
            }
        }
        let is_theirs = by_apps
            .is_none_or(|((answered, _), quarantined)| answered > 0 && quarantined.is_empty());
        Ok(match (failed, is_theirs) {
            (0, true) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }
}

/// The bundles and parameters of the deployment; its data stay untouched but for the cache.
fn suite(deployment: &Deployment) -> anyhow::Result<Suite> {
    let runtime = Runtime::new(Limits::default(), Some(&deployment.data.join("cache")))?;
    let bundles = Bundles::load(&runtime, &deployment.bundles)
        .context("no bundles: build one with `onething bundle build functions/<matter>`")?;
    Ok(Suite::new(
        bundles,
        Parameters::load(&deployment.parameters)?,
    ))
}

fn tell_one(one: &Checked) {
    let folder = one.folder.display();
    let Some(problem) = &one.problem else {
        if one.updated {
            say(&format!("updated  {folder}"));
        }
        return;
    };
    say(&format!("FAILED   {folder}: {}", in_words(problem)));
    if let Some(lines) = problem.lines() {
        say(lines);
    }
}

fn tell_quarantined(one: &Quarantine) {
    say(&format!(
        "QUARANTINED  {} at {}, asked for {}: {}",
        one.matter, one.url, one.function, one.reason
    ));
}

fn in_json(one: &Checked) -> Value {
    let problem = one.problem.as_ref();
    json!({
        "fixture": one.folder,
        "passed": problem.is_none(),
        "updated": one.updated,
        "problem": problem.map(|problem| in_words(problem)),
        "lines": problem.and_then(Problem::lines),
    })
}
