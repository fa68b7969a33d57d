//! `onething backup` and `onething restore`: everything that the store has, in one file. The master
//! keys are not in it; bundles, parameters and the outbox are files, and are copied as files.

use crate::deployment::{Deployment, now};
use crate::{erase, say};
use anyhow::{Context, bail};
use chrono::DateTime;
use onething_store::{ErasureRecord, Store};
use std::path::PathBuf;

/// Write everything that the store has into one file, while hosts go on.
#[derive(clap::Args)]
pub struct Backup {
    /// A new file.
    file: PathBuf,
}

/// Fill an empty store, of either kind, from a backup.
#[derive(clap::Args)]
pub struct Restore {
    /// What `backup` wrote.
    file: PathBuf,
}

impl Backup {
    /// Writes the file.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let store = deployment.store().await?;
        let made_at = onething_engine::stamp(now());
        let backup = store.backup(&self.file, &made_at).await?;
        let rows: u64 = backup.rows.values().sum();
        store.close().await;
        say(&format!("{rows} rows written to {}", self.file.display()));
        say("not in it: the master keys; keep a copy of them elsewhere");
        Ok(())
    }
}

impl Restore {
    /// Fills the store.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let keys = deployment.keys_file();
        if !keys.exists() {
            bail!(
                "there is no {}: bring the master keys of the backup first",
                keys.display()
            );
        }
        deployment.make_data()?;
        let (url, masters) = (deployment.database(), deployment.masters()?);
        let restored = Store::restore(&url, &masters, &self.file).await?;
        let rows: u64 = restored.rows.values().sum();
        say(&format!("{rows} rows restored, as of {}", restored.made_at));
        let made_at = DateTime::parse_from_rfc3339(&restored.made_at);
        let erased = ErasureRecord::since(
            &erase::list(&deployment.data),
            made_at.context("the time of the backup")?,
        )?;
        for record in &erased {
            let (scope, at) = (&record.scope, &record.at);
            say(&format!(
                "erased on {at}, and it may be back now: onething erase --scope {scope} --by … --reason …"
            ));
        }
        Ok(())
    }
}
