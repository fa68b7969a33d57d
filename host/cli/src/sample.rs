//! The samples (`fixtures/_sample`): made-up registers, a submission of each matter, and what others do
//! to it.

use anyhow::Context;
use chrono::{DateTime, FixedOffset};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// `<matter>.story.toml` beside the submission `<matter>.json`: what others do to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Story {
    /// When it is handed in.
    filed_at: toml::value::Datetime,
    /// The budgets that it is paid from.
    #[serde(rename = "budget", default)]
    pub budgets: Vec<Budget>,
    /// What offices write into their decisions, by step; figures that their own forms have computed
    /// are taken from there.
    #[serde(default)]
    pub payloads: BTreeMap<String, toml::Table>,
    /// A register to go over, and for what, before anybody applies.
    pub outreach: Option<Outreach>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    pub name: String,
    pub title: String,
    pub holder: String,
    pub account: String,
    /// In yuan, two places.
    pub fund: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outreach {
    pub register: String,
    pub family: Option<String>,
    pub region: String,
}

impl Story {
    /// The story of a matter.
    pub fn read(sample: &Path, matter: &str) -> anyhow::Result<Self> {
        let path = sample.join(format!("{matter}.story.toml"));
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// When it is handed in.
    pub fn filed_at(&self) -> anyhow::Result<DateTime<FixedOffset>> {
        Ok(DateTime::parse_from_rfc3339(&self.filed_at.to_string())?)
    }

    /// What the office writes into its decision of a step.
    pub fn payload(&self, step: &str) -> anyhow::Result<Map<String, Value>> {
        match self.payloads.get(step) {
            Some(table) => onething_capabilities::tables::object(table).map_err(anyhow::Error::msg),
            None => Ok(Map::new()),
        }
    }
}

/// The matters that have a story, by name.
pub fn stories(sample: &Path) -> anyhow::Result<Vec<String>> {
    let entries =
        std::fs::read_dir(sample).with_context(|| format!("cannot read {}", sample.display()))?;
    let mut matters = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        matters.extend(name.strip_suffix(".story.toml").map(str::to_owned));
    }
    matters.sort();
    Ok(matters)
}

/// Copies the registers into a data folder.
pub fn copy_registers(sample: &Path, data: &Path) -> anyhow::Result<()> {
    let registers = data.join("registers");
    std::fs::create_dir_all(&registers)
        .with_context(|| format!("cannot make {}", registers.display()))?;
    let from = sample.join("registers");
    let entries =
        std::fs::read_dir(&from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let path = entry?.path();
        if let Some(name) = path.file_name() {
            std::fs::copy(&path, registers.join(name))?;
        }
    }
    Ok(())
}
