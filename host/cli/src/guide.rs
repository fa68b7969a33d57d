//! `onething guide`: what a matter tells the public, held to its rules and counted.

use crate::deployment::Deployment;
use crate::say;
use anyhow::{Context, bail};
use onething_contract::guide::LINTS;
use onething_contract::manifest::Manifest;
use onething_runtime::inspect;
use serde_json::json;
use std::process::ExitCode;

/// Print the service guides (办事指南), check them, or count what the reform has cut.
#[derive(clap::Args)]
pub struct Guide {
    /// The name of the matter, or the path of a bundle; all matters where none is given.
    matter: Option<String>,
    /// Hold the guides to their rules.
    #[arg(long, conflicts_with = "reductions")]
    lint: bool,
    /// The five reductions (五减) over the matters.
    #[arg(long)]
    reductions: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Guide {
    /// Prints; the exit code says whether a lint found anything.
    pub fn run(self, deployment: &Deployment) -> anyhow::Result<ExitCode> {
        let manifests = self.manifests(deployment)?;
        if self.lint {
            return lint(&manifests, self.json);
        }
        if self.reductions {
            reductions(&manifests, self.json)?;
        } else if self.json {
            let guides: Vec<_> = manifests.iter().map(Manifest::guide_elements).collect();
            say(&serde_json::to_string_pretty(&guides)?);
        } else {
            manifests.iter().for_each(print);
        }
        Ok(ExitCode::SUCCESS)
    }

    fn manifests(&self, deployment: &Deployment) -> anyhow::Result<Vec<Manifest>> {
        let names = match &self.matter {
            Some(matter) => vec![matter.clone()],
            None => deployment.matters()?,
        };
        if names.is_empty() {
            bail!("no bundles in {}", deployment.bundles.display());
        }
        let manifest = |name: &String| -> anyhow::Result<Manifest> {
            let inspection = inspect(&deployment.bundle(name)?).context(name.clone())?;
            Ok(inspection.manifest)
        };
        names.iter().map(manifest).collect()
    }
}

fn print(manifest: &Manifest) {
    say(&format!("{}  {}", manifest.title.zh, manifest.title.en));
    for element in manifest.guide_elements() {
        say(&format!(
            "{:>2} {}  {}",
            element.number, element.name.zh, element.name.en
        ));
        for text in element.says {
            say(&format!("     {}", text.zh));
            if text.en != text.zh {
                say(&format!("     {}", text.en));
            }
        }
    }
    say("");
}

fn lint(manifests: &[Manifest], as_json: bool) -> anyhow::Result<ExitCode> {
    let mut findings = 0;
    let mut whole = Vec::new();
    for manifest in manifests {
        let found = manifest.lint_guide();
        findings += found.len();
        if as_json {
            whole.push(json!({"matter": manifest.matter, "findings": found}));
            continue;
        }
        for lint in found {
            let matter = &manifest.matter;
            say(&format!("{matter}  {}  {}", lint.code, lint.message.zh));
            say(&format!(
                "{}  {}",
                " ".repeat(matter.len()),
                lint.message.en
            ));
        }
    }
    if as_json {
        say(&serde_json::to_string_pretty(&whole)?);
    } else {
        say(&format!(
            "{} guides of 25 elements, {} rules each, {findings} findings",
            manifests.len(),
            LINTS.len()
        ));
    }
    Ok(match findings {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn reductions(manifests: &[Manifest], as_json: bool) -> anyhow::Result<()> {
    let mut totals: Vec<(String, u32, u32)> = Vec::new();
    let mut whole = Vec::new();
    for manifest in manifests {
        let reductions = manifest.guide.reductions();
        if as_json {
            let cut = reductions
                .iter()
                .map(|(name, before, after)| (name.en.clone(), json!([before, after])));
            let cut: serde_json::Map<_, _> = cut.collect();
            whole.push(json!({"matter": manifest.matter, "reductions": cut}));
        } else {
            say(&format!("{}  {}", manifest.title.zh, manifest.title.en));
        }
        for (index, (name, before, after)) in reductions.into_iter().enumerate() {
            let name = format!("减{}  {}", name.zh, name.en);
            if !as_json {
                say(&line(&name, before.into(), after.into()));
            }
            match totals.get_mut(index) {
                Some((_, all_before, all_after)) => {
                    *all_before += u32::from(before);
                    *all_after += u32::from(after);
                }
                None => totals.push((name, before.into(), after.into())),
            }
        }
    }
    if as_json {
        say(&serde_json::to_string_pretty(&whole)?);
        return Ok(());
    }
    say(&format!("{} matters together", manifests.len()));
    for (name, before, after) in totals {
        say(&line(&name, before, after));
    }
    Ok(())
}

fn line(name: &str, before: u32, after: u32) -> String {
    let cut = match before {
        0 => String::new(),
        _ => format!("  -{}%", (before.saturating_sub(after)) * 100 / before),
    };
    format!("  {name:<14} {before:>4} -> {after:<4}{cut}")
}
