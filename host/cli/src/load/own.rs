//! A host of the load generator's own: as `onething serve` over a temporary data folder, with as many
//! made-up people in its registers as are needed.

use super::api::{PAYROLL, Population, RETIREMENT, Tokens};
use super::filing;
use super::people::{self, Named};
use crate::deployment::{Deployment, now};
use crate::sample::{Story, copy_registers};
use crate::serve::Host;
use crate::{tell, wait};
use anyhow::{Context, anyhow};
use onething_engine::Engine;
use onething_store::NewBudget;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// The region of the sample's offices.
const REGION: &str = "331102";

/// A host that runs in a thread of its own.
pub struct Own {
    pub url: String,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
    /// Gone with it.
    _data: TempDir,
}

impl Own {
    /// Starts it; answers it with the tokens of its callers.
    pub async fn start(
        deployment: &Deployment,
        sample: &Path,
        population: Population,
    ) -> anyhow::Result<(Self, Tokens)> {
        tell("starting a host over a temporary data folder");
        let data = tempfile::tempdir().context("cannot make a temporary data folder")?;
        fill(data.path(), sample, population)?;
        let deployment = Deployment {
            data: data.path().to_owned(),
            database: None,
            keys: None,
            ..deployment.clone()
        };
        let (told, started) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let sample = sample.to_owned();
        let serve = async move {
            let callers = deployment.data.join("callers.toml");
            let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let host = Host::open(&deployment, listen, &callers, REGION).await?;
            open_budgets(&host.engine, &sample, population).await?;
            // Whoever waits for it may have gone.
            let _ = told.send((host.url()?, host.tokens.clone()));
            let stopped = async {
                let _ = stopped.await;
            };
            host.serve(stopped, Duration::ZERO).await
        };
        let thread = std::thread::spawn(move || wait(serve));
        let Ok((url, tokens)) = started.await else {
            joined(thread)?;
            return Err(anyhow!("the host is gone before it served"));
        };
        let own = Self {
            url,
            stop,
            thread,
            _data: data,
        };
        Ok((own, Tokens::new(&tokens)?))
    }

    /// Stops it as one stops that is asked to.
    pub async fn stop(self) -> anyhow::Result<()> {
        // Where it is gone already, joining it says why.
        let _ = self.stop.send(());
        let thread = self.thread;
        tokio::task::spawn_blocking(move || joined(thread)).await?
    }
}

fn joined(thread: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    let ended = thread.join();
    ended.map_err(|_| anyhow!("the host panicked"))?
}

/// Puts the sample's registers into a data folder, with a population that they know.
pub fn fill(data: &Path, sample: &Path, population: Population) -> anyhow::Result<()> {
    copy_registers(sample, data)?;
    let registers = data.join("registers");
    let (last, _) = people::payroll_months(now());
    for (matter, count) in [(RETIREMENT, population.people), (PAYROLL, population.units)] {
        let named = Named::of(&filing::read(sample, matter)?, population.seed);
        named.add_to_registers(&registers, count, &last)?;
    }
    Ok(())
}

/// Money for every unit's payroll.
async fn open_budgets(
    engine: &Engine,
    sample: &Path,
    population: Population,
) -> anyhow::Result<()> {
    let story = Story::read(sample, PAYROLL)?;
    let Some(budget) = story.budgets.first() else {
        return Ok(());
    };
    let hand_in = filing::read(sample, PAYROLL)?;
    let named = Named::of(&hand_in, population.seed);
    let (_, month) = people::payroll_months(now());
    let year = month.get(..4).unwrap_or_default();
    for number in 0..population.units {
        let unit = named.replaced(&hand_in.subject.identifier, number);
        let opened = NewBudget {
            name: format!("payroll/{unit}/{year}"),
            title: budget.title.clone(),
            holder: budget.holder.clone(),
            account: budget.account.clone(),
            bank: None,
        };
        engine.open_budget(&opened, now()).await?;
        engine
            .fund(&opened.name, &budget.fund, "load", now())
            .await?;
    }
    Ok(())
}
