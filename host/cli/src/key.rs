//! `onething key`: the master keys that everything personal is closed under.

use crate::deployment::Deployment;
use crate::say;

/// What can be done with master keys.
#[derive(clap::Subcommand)]
pub enum Key {
    /// List the master keys, with how many data keys each opens; the one marked wraps.
    List,
    /// Add a new one to the file. It wraps nothing before `rotate`: copy the file to every node first.
    Add,
    /// Wrap every data key with the newest key of the file, while hosts go on.
    Rotate,
    /// Take those before the one that wraps out of the file, when they open nothing any more.
    Retire,
}

impl Key {
    /// Runs the command.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let store = deployment.store().await?;
        match self {
            Self::List => {
                for key in store.master_keys().await? {
                    let mark = if key.wraps { "*" } else { " " };
                    say(&format!(
                        "{mark} {} {:8} data keys",
                        key.name, key.data_keys
                    ));
                }
            }
            Self::Add => {
                let name = store.add_key()?;
                say(&format!("{name} is in the file and wraps nothing yet"));
                say("copy the file to every node, then: onething key rotate");
            }
            Self::Rotate => {
                let rotated = store.rotate_keys().await?;
                let (master, data_keys) = (rotated.master, rotated.data_keys);
                match data_keys {
                    0 => say(&format!(
                        "{master} wraps already, and none is newer: onething key add"
                    )),
                    _ => say(&format!("{master} wraps now: {data_keys} data keys")),
                }
            }
            Self::Retire => {
                let before = store.master_keys().await?;
                let master = store.retire_keys().await?;
                let after = store.master_keys().await?;
                let gone = |name: &str| after.iter().all(|key| key.name != name);
                for key in before.iter().filter(|key| gone(&key.name)) {
                    say(&format!(
                        "{} is out of the file: keep it for the backups that were made under it",
                        key.name
                    ));
                }
                say(&format!("{master} wraps; no older key is in the file"));
            }
        }
        store.close().await;
        Ok(())
    }
}
