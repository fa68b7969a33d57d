//! The host at work: connections, requests and workers, until it is asked to stop.

use crate::limits::{CONNECTIONS_MAX, DRAIN_TIME_MAX, HEAD_TIME_MAX, READ_BYTES_MAX, WORKERS};
use crate::metrics::Peer;
use crate::{App, Callers, bundles, live, now};
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use onething_engine::Engine;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};

/// How often a worker looks at least for work that nobody told it of: effects that rested, timers,
/// other hosts' cases. Workers of all nodes look at different times.
const LOOK_EVERY: Duration = Duration::from_millis(750);
/// A look comes later by up to this many milliseconds.
const LOOK_JITTER_MS: u64 = 500;
/// The rest after a connection could not be accepted: there are too many open files.
const ACCEPT_REST: Duration = Duration::from_secs(1);

/// Why the host stopped by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A worker is gone. The host does not go on without: whoever watches it starts it again.
    #[error("a worker is gone")]
    Worker(#[source] tokio::task::JoinError),
}

/// Serves until `shutdown` resolves, then finishes what is under way.
///
/// From then on `/readyz` says so. For `linger` requests are still taken in, so that whoever sends
/// them has time to see it; then the listener closes, requests under way are answered, streams end,
/// the workers finish what they hold, and what is left is handed back.
///
/// # Errors
/// When a worker panics.
pub async fn serve(
    engine: Engine,
    callers: Callers,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    linger: Duration,
) -> Result<(), ServeError> {
    let app = App::new(engine, callers);
    let (stop, stopped) = watch::channel(false);
    let follower = tokio::spawn(bundles::follow(app.engine.clone(), stopped.clone()));
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(work(app.engine.clone(), stopped.clone()));
    }
    let watching = tokio::spawn(live::watch(app.clone()));
    let connections = GracefulShutdown::new();
    let router = app.router();
    let lost = tokio::select! {
        () = shutdown => None,
        lost = workers.join_next() => lost,
        () = accept(&listener, &router, &connections) => None,
    };
    app.stopping.send_replace(true);
    let lingering = accept(&listener, &router, &connections);
    // It accepts for ever.
    let _ = tokio::time::timeout(linger, lingering).await;
    drop(listener);
    if tokio::time::timeout(DRAIN_TIME_MAX, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests that took too long were cut off");
    }
    // Last, so that it takes up what the last requests led to.
    stop.send_replace(true);
    let lost = match lost {
        Some(lost) => Some(lost),
        None => finish(workers).await,
    };
    // They have seen that the host stops; how they ended changes nothing.
    let _ = watching.await;
    let _ = follower.await;
    if let Err(error) = app.engine.hand_back().await {
        tracing::warn!(error = error.in_log(), "what was held is free only later");
    }
    lost.unwrap_or(Ok(())).map_err(ServeError::Worker)
}

/// Waits for the workers, but not for ever. Answers the first that panicked.
async fn finish(mut workers: JoinSet<()>) -> Option<Result<(), JoinError>> {
    let ends = async {
        let mut lost = None;
        while let Some(ended) = workers.join_next().await {
            lost = lost.or(ended.is_err().then_some(ended));
        }
        lost
    };
    match tokio::time::timeout(DRAIN_TIME_MAX, ends).await {
        Ok(lost) => lost,
        Err(_) => {
            tracing::warn!("workers that took too long were cut off");
            workers.shutdown().await;
            None
        }
    }
}

/// Lets the bundles answer, timers ring and effects be carried out, whenever there is something.
async fn work(engine: Engine, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        match engine.work_by(&now).await {
            Ok(0) => {}
            Ok(_) => {
                // There may be more than one worker can do.
                engine.wake();
                continue;
            }
            Err(error) => {
                tracing::error!(
                    error = error.in_log(),
                    "the workers could not look for work"
                );
            }
        }
        tokio::select! {
            () = engine.woken() => {}
            () = tokio::time::sleep(LOOK_EVERY + jitter()) => {}
            _ = stopped.changed() => {}
        }
    }
}

fn jitter() -> Duration {
    let random = RandomState::new().build_hasher().finish();
    Duration::from_millis(random % LOOK_JITTER_MS)
}

/// Takes in connections for ever, at most so many at a time.
async fn accept(listener: &TcpListener, router: &Router, connections: &GracefulShutdown) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // It is never closed.
    while let Ok(place) = places.clone().acquire_owned().await {
        let (stream, peer) = match listener.accept().await {
            Ok((stream, address)) => (stream, Peer(address.ip())),
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            service.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME_MAX)
            .max_buf_size(READ_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}
