//! Whose turn it is in the sandbox: as many invocations at a time as there are cores, and a bounded
//! number of requests that wait.
//!
//! It knows neither bundles nor requests. What is not admitted has cost nothing yet.

use crate::error::Error;
use std::num::NonZero;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tracing::Span;

/// Requests that may wait for their turn; the next one is told to come back.
const WAITING_MAX: usize = 128;

/// Invocations that the function app of a matter is asked for at a time.
const ELSEWHERE_MAX: usize = 64;

/// The places of the sandbox.
#[derive(Debug)]
pub(crate) struct Sandbox {
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Sandbox {
    /// One place a core.
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::with(cores, WAITING_MAX)
    }

    /// For runs of a matter that wait for somebody else and take no core.
    pub(crate) fn elsewhere() -> Self {
        Self::with(ELSEWHERE_MAX, WAITING_MAX)
    }

    fn with(running: usize, waiting: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running)),
            waiting: Semaphore::new(waiting),
        }
    }

    /// Runs what a request asks of a bundle, or refuses it where too many wait already.
    ///
    /// # Errors
    /// [`Error::Overloaded`] at once where too many wait.
    pub(crate) async fn admit<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let waiting = self.waiting.try_acquire().map_err(|_| Error::Overloaded)?;
        let running = self.running.clone().acquire_owned().await;
        drop(waiting);
        let running = running.map_err(|_| Error::Cancelled)?;
        beside(move || {
            let _running = running;
            work()
        })
        .await
    }

    /// Runs what follows from something committed: it waits for its turn and is never refused. How
    /// many of these wait is bounded by the requests and workers that are at it.
    pub(crate) async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let running = self.running.clone().acquire_owned().await;
        let running = running.map_err(|_| Error::Cancelled)?;
        beside(move || {
            let _running = running;
            work()
        })
        .await
    }
}

/// Runs what computes or reads files beside the asynchronous tasks, under the same span.
pub(crate) async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let span = Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .map_err(|_| Error::Cancelled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn beyond_what_may_wait_requests_are_refused_and_committed_work_is_not() {
        let sandbox = Arc::new(Sandbox::with(1, 1));
        let (finish, finished) = mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let run = |work: Box<dyn FnOnce() + Send>| {
            let sandbox = sandbox.clone();
            tokio::spawn(async move { sandbox.admit(work).await })
        };
        let first = run(Box::new(move || {
            let _ = started.send(());
            let _ = finished.recv();
        }));
        has_started.await.unwrap();
        let second = run(Box::new(|| ()));
        while sandbox.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let third = sandbox.admit(|| ()).await;
        assert!(matches!(third, Err(Error::Overloaded)));
        let reaction = {
            let sandbox = sandbox.clone();
            tokio::spawn(async move { sandbox.in_turn(|| ()).await })
        };
        finish.send(()).unwrap();
        for done in [first, second, reaction] {
            done.await.unwrap().unwrap();
        }
        assert!(sandbox.admit(|| ()).await.is_ok());
    }
}
