//! `onething serve`: the HTTP API and the workers, until the process is asked to stop.

use crate::deployment::Deployment;
use crate::executor::{Comparison, Executor};
use crate::{say, tell};
use anyhow::{Context, bail};
use onething_engine::Engine;
use onething_server::Callers;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
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
    #[command(flatten)]
    comparison: Comparison,
}

/// A host that is open and listens; it answers nobody yet.
pub struct Host {
    /// What it drives cases with.
    pub engine: Engine,
    /// Name and token of each sample caller, where their file was made just now.
    pub tokens: Vec<(String, String)>,
    callers: Callers,
    listener: TcpListener,
}

impl Serve {
    /// Serves until interrupted.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        // Before anybody is told that it serves: whoever is told may ask it to stop.
        let mut stop = Box::pin(stop()?);
        let apps = self.executor.apps(&self.comparison)?;
        let path = self
            .callers
            .unwrap_or_else(|| deployment.data.join("callers.toml"));
        let mut host = tokio::select! {
            host = Host::open(deployment, self.listen, &path, &self.region) => host?,
            () = &mut stop => bail!("it was asked to stop before it served"),
        };
        if let Some(apps) = apps {
            host.engine = host.engine.with_executor(apps);
        }
        if !host.tokens.is_empty() {
            say(&format!(
                "wrote {} with sample callers; their tokens, told only now:",
                path.display()
            ));
            for (name, token) in &host.tokens {
                say(&format!("  {name:20} {token}"));
            }
        }
        say(&format!("serving {}/v1/matters", host.url()?));
        host.serve(stop, Duration::from_secs(self.linger)).await?;
        tell("stopped");
        Ok(())
    }
}

impl Host {
    /// Opens the deployment and listens; sample callers of the region are made where their file is
    /// not there.
    pub async fn open(
        deployment: &Deployment,
        listen: SocketAddr,
        callers: &Path,
        region: &str,
    ) -> anyhow::Result<Self> {
        let engine = deployment.open().await?;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))?;
        let mut tokens = Vec::new();
        if !callers.exists() {
            let bundles = engine.bundles();
            let offices = bundles.iter().flat_map(|bundle| {
                let offices = &bundle.manifest().offices;
                offices.iter().map(|office| office.function.as_str())
            });
            let sample = Callers::sample(region, offices)?;
            std::fs::write(callers, &sample.file)
                .with_context(|| format!("cannot write {}", callers.display()))?;
            tokens = sample.tokens;
        }
        Ok(Self {
            callers: Callers::load(callers)?,
            engine,
            tokens,
            listener,
        })
    }

    /// Where it listens, `http://127.0.0.1:8080`.
    pub fn url(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}", self.listener.local_addr()?))
    }

    /// Serves until `stop` resolves.
    pub async fn serve(
        self,
        stop: impl Future<Output = ()>,
        linger: Duration,
    ) -> anyhow::Result<()> {
        let engine = self.engine;
        let served =
            onething_server::serve(engine.clone(), self.callers, self.listener, stop, linger).await;
        // The last connection takes SQLite's write-ahead log into its file. A request that was cut
        // off may hold one; then the log stays, and the next start takes it in.
        let _ = tokio::time::timeout(CLOSE_TIME_MAX, engine.store().close()).await;
        Ok(served?)
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
