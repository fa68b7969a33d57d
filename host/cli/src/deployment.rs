//! Where a deployment keeps its things, and how it is opened.

use crate::tell;
use anyhow::Context;
use chrono::{DateTime, FixedOffset, Utc};
use onething_capabilities::Parameters;
use onething_engine::{Bundles, Engine, Folders};
use onething_runtime::{Limits, Runtime};
use onething_store::Store;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folders of a deployment.
#[derive(Debug, Clone, clap::Args)]
pub struct Deployment {
    /// Cases, keys, registers, outbox and deliveries.
    #[arg(long, global = true, env = "ONETHING_DATA", default_value = "data")]
    pub data: PathBuf,
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
        let parameters = Parameters::load(&self.parameters)?;
        let path = self.data.join("onething.db");
        let store = Store::open(&path)
            .await
            .with_context(|| format!("the store {}", path.display()))?;
        Ok(Engine::new(
            store,
            bundles,
            parameters,
            Folders::within(&self.data),
        ))
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
