//! `onething serve`: the HTTP API and the workers, until the process is asked to stop.

use crate::deployment::Deployment;
use crate::executor::Executor;
use crate::{say, tell};
use anyhow::{Context, bail};
use onething_server::Callers;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long the store may take to close.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(5);

/// Serve the HTTP API.
#[derive(clap::Args)]
pub struct Serve {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Who may call; made with sample callers where it does not exist.
    #[arg(long)]
    callers: Option<PathBuf>,
    /// The region of the sample callers' offices.
    #[arg(long, default_value = "331102")]
    region: String,
    /// Seconds for which requests are still taken in after the host was asked to stop, while
    /// `/readyz` says so already: as long as a load balancer needs to see it.
    #[arg(long, default_value_t = 0)]
    linger: u64,
    #[command(flatten)]
    executor: Executor,
}

impl Serve {
    /// Serves until interrupted.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        // Before anybody is told that it serves: whoever is told may ask it to stop.
        let mut stop = Box::pin(stop()?);
        let engine = tokio::select! {
            engine = deployment.open() => engine?,
            () = &mut stop => bail!("it was asked to stop before it served"),
        };
        let engine = match self.executor.apps()? {
            Some(apps) => engine.with_executor(apps),
            None => engine,
        };
        let path = self
            .callers
            .unwrap_or_else(|| deployment.data.join("callers.toml"));
        if !path.exists() {
            let bundles = engine.bundles();
            let offices = bundles.iter().flat_map(|bundle| {
                let offices = &bundle.manifest().offices;
                offices.iter().map(|office| office.function.as_str())
            });
            let sample = Callers::sample(&self.region, offices)?;
            std::fs::write(&path, &sample.file)
                .with_context(|| format!("cannot write {}", path.display()))?;
            say(&format!(
                "wrote {} with sample callers; their tokens, told only now:",
                path.display()
            ));
            for (name, token) in &sample.tokens {
                say(&format!("  {name:20} {token}"));
            }
        }
        let callers = Callers::load(&path)?;
        let listener = tokio::net::TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("cannot listen on {}", self.listen))?;
        say(&format!(
            "serving http://{}/v1/matters",
            listener.local_addr()?
        ));
        let linger = Duration::from_secs(self.linger);
        let served = onething_server::serve(engine.clone(), callers, listener, stop, linger).await;
        // The last connection takes SQLite's write-ahead log into its file. A request that was cut
        // off may hold one; then the log stays, and the next start takes it in.
        let _ = tokio::time::timeout(CLOSE_TIME_MAX, engine.store().close()).await;
        served?;
        tell("stopped");
        Ok(())
    }
}

/// From now on, what resolves when the process is interrupted or asked to terminate.
fn stop() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
