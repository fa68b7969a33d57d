//! `onething key`: the master keys that everything personal is closed under.

use crate::deployment::Deployment;
use crate::say;

/// What can be done with master keys.
#[derive(clap::Subcommand)]
pub enum Key {
    /// List the master keys, with how many data keys each opens; the one marked wraps.
    List,
    /// Make a new one and wrap every data key with it, while hosts go on.
    Rotate,
    /// Take all but the newest out of the file, when they open nothing any more.
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
            Self::Rotate => {
                let rotated = store.rotate_keys().await?;
                let (master, data_keys) = (rotated.master, rotated.data_keys);
                say(&format!("{master} wraps now: {data_keys} data keys"));
            }
            Self::Retire => {
                let master = store.retire_keys().await?;
                say(&format!("{master} is the only master key"));
            }
        }
        store.close().await;
        Ok(())
    }
}
