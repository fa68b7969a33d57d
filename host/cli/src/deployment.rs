//! Where a deployment keeps its things, and how it is opened.

use crate::{killing, tell};
use anyhow::Context;
use chrono::{DateTime, FixedOffset, Utc};
use onething_capabilities::Published;
use onething_engine::{Bundles, Engine, Folders};
use onething_runtime::{Limits, Runtime, inspect};
use onething_store::Store;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folders of a deployment.
#[derive(Debug, Clone, clap::Args)]
pub struct Deployment {
    /// Cases, keys, registers, outbox and deliveries.
    #[arg(long, global = true, env = "ONETHING_DATA", default_value = "data")]
    pub data: PathBuf,
    /// Where cases are kept: a file of SQLite's, or `postgres://user@host/database`. By default
    /// `onething.db` in the data folder.
    #[arg(long, global = true, env = "ONETHING_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// Built bundles, one `.wasm` each.
    #[arg(
        long,
        global = true,
        env = "ONETHING_BUNDLES",
        default_value = "bundles"
    )]
    pub bundles: PathBuf,
    /// Published bases, rates and tables, one `.toml` each.
    #[arg(
        long,
        global = true,
        env = "ONETHING_PARAMETERS",
        default_value = "parameters"
    )]
    pub parameters: PathBuf,
}

impl Deployment {
    /// Opens the store and loads bundles and parameters.
    pub async fn open(&self) -> anyhow::Result<Engine> {
        // Cases are personal data: only who runs the host reads them.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.data)
            .with_context(|| format!("cannot make {}", self.data.display()))?;
        let bundles = Bundles::load(&self.runtime()?, &self.bundles)
            .context("`onething bundle build functions/<matter>` makes bundles")?;
        let parameters = Published::open(&self.parameters)?;
        // The address may have a password; the store names the place without it.
        let store = Store::connect(&self.database())
            .await
            .context("the store")?;
        Ok(Engine::new(
            killing::armed(store)?,
            bundles,
            parameters,
            Folders::within(&self.data),
        ))
    }

    /// The address of the database: a path is SQLite's.
    pub fn database(&self) -> String {
        let default = || self.data.join("onething.db").display().to_string();
        let place = self.database.clone().unwrap_or_else(default);
        let is_address = ["sqlite:", "postgres:", "postgresql:"]
            .iter()
            .any(|scheme| place.starts_with(scheme));
        if is_address {
            place
        } else {
            format!("sqlite:{place}")
        }
    }

    /// The sandbox, with its cache of compiled bundles where the data directory can hold one.
    fn runtime(&self) -> anyhow::Result<Runtime> {
        let cache = self.data.join("cache");
        match Runtime::new(Limits::default(), Some(&cache)) {
            Ok(runtime) => Ok(runtime),
            Err(error) => {
                tell(&format!(
                    "warning: bundles are compiled at each start: {error}"
                ));
                Ok(Runtime::new(Limits::default(), None)?)
            }
        }
    }

    /// The matters that have a bundle, by name; a version that is kept for its open cases is none.
    pub fn matters(&self) -> anyhow::Result<Vec<String>> {
        let folder = &self.bundles;
        let unreadable = || format!("cannot read {}", folder.display());
        let mut matters = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(unreadable)? {
            let path = entry.with_context(unreadable)?.path();
            let bytes = match path.extension() {
                Some(extension) if extension == "wasm" => std::fs::read(&path)?,
                _ => continue,
            };
            let matter = inspect(&bytes)
                .with_context(|| path.display().to_string())?
                .manifest
                .matter;
            if path.file_stem().is_some_and(|stem| stem == matter.as_str()) {
                matters.push(matter);
            }
        }
        matters.sort();
        Ok(matters)
    }

    /// A bundle's bytes: by the name of its matter, or by its path.
    pub fn bundle(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let path = match Path::new(name) {
            path if path.extension().is_some() => path.to_owned(),
            name => self.bundles.join(name).with_extension("wasm"),
        };
        std::fs::read(&path).with_context(|| {
            format!(
                "cannot read the bundle {}; `onething bundle build` makes it",
                path.display()
            )
        })
    }
}

/// The machine's time.
pub fn now() -> DateTime<FixedOffset> {
    Utc::now().fixed_offset()
}
