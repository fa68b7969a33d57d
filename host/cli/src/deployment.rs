//! Where a deployment keeps its things, and how it is opened.

use crate::{killing, tell};
use anyhow::{Context, bail};
use chrono::{DateTime, FixedOffset, Utc};
use onething_capabilities::{LiveDirectory, Published};
use onething_engine::{Engine, Folders};
use onething_runtime::{Limits, Runtime, inspect};
use onething_store::{Masters, Store};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folders of a deployment.
#[derive(Debug, Clone, clap::Args)]
pub struct Deployment {
    /// Cases, keys, registers, directory, outbox and deliveries.
    #[arg(long, global = true, env = "ONETHING_DATA", default_value = "data")]
    pub data: PathBuf,
    /// Where cases are kept: a file of SQLite's, or `postgres://user@host/database`. By default
    /// `onething.db` in the data folder.
    #[arg(long, global = true, env = "ONETHING_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// The file of master keys, which every node needs; made where there is none. By default
    /// `keys/master.toml` in the data folder.
    #[arg(long, global = true, env = "ONETHING_KEYS")]
    pub keys: Option<PathBuf>,
    /// Built bundles, one `.wasm` each; what is new there is deployed when the store is opened.
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
    /// Opens the store, takes in what is new in the folder of bundles, and loads what is in force.
    pub async fn open(&self) -> anyhow::Result<Engine> {
        let engine = self.open_store().await?;
        let has_folder = self.bundles.exists();
        if has_folder {
            engine.take_folder(&self.bundles, now()).await?;
        }
        engine.refresh().await?;
        if !has_folder && engine.bundles().iter().next().is_none() {
            bail!(
                "nothing is deployed, and there is no {}: `onething bundle build functions/<matter>` makes it",
                self.bundles.display()
            );
        }
        Ok(engine)
    }

    /// Opens the store as it is, without a look into the folder of bundles and with none loaded.
    pub async fn open_store(&self) -> anyhow::Result<Engine> {
        let store = killing::armed(self.store().await?)?;
        let parameters = Published::open(&self.parameters)?;
        let (runtime, folders) = (self.runtime()?, Folders::within(&self.data));
        let directory = LiveDirectory::open(&self.directory())?;
        Ok(Engine::deployed(store, runtime, parameters, folders).with_directory(directory))
    }

    /// Offices and people, as `.toml` files.
    pub fn directory(&self) -> PathBuf {
        self.data.join("directory")
    }

    /// Makes the data folder where there is none.
    pub fn make_data(&self) -> anyhow::Result<()> {
        // Cases are personal data: only who runs the host reads them.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.data)
            .with_context(|| format!("cannot make {}", self.data.display()))
    }

    /// Opens the store alone.
    pub async fn store(&self) -> anyhow::Result<Store> {
        self.make_data()?;
        let is_new = !self.keys_file().exists();
        let masters = self.masters()?;
        // The address may have a password; the store names the place without it.
        let store = Store::connect(&self.database(), &masters).await;
        if is_new && store.is_err() {
            // New keys beside a store of other ones would look like the ones that are missing.
            let _ = std::fs::remove_file(self.keys_file());
        }
        store.context("the store")
    }

    /// The master keys; made where there are none.
    pub fn masters(&self) -> anyhow::Result<Masters> {
        Ok(Masters::open(&self.keys_file())?)
    }

    /// Where the master keys are.
    pub fn keys_file(&self) -> PathBuf {
        let default = || self.data.join("keys/master.toml");
        self.keys.clone().unwrap_or_else(default)
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
    pub fn runtime(&self) -> anyhow::Result<Runtime> {
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

    /// The matters that have a bundle in the folder, by name.
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
            let inspection = inspect(&bytes).with_context(|| path.display().to_string())?;
            matters.push(inspection.manifest.matter);
        }
        matters.sort();
        matters.dedup();
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
