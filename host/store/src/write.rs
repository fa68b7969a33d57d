//! How everything is written: one transaction a job on PostgreSQL, as many jobs as wait in one
//! transaction on SQLite, where each costs a wait for the disk. Nobody hears of a job before it is
//! on the disk, and a caller that goes away does not stop its job.

use crate::backend::{Backend, is_worth_retrying};
use crate::error::{Failure, failed};
use crate::{Connection, Error, Store};
use sqlx::{AnyPool, Connection as _};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Jobs that may wait; one more is refused at once.
const WAITING_MAX: usize = 1024;
/// Jobs in one transaction of SQLite.
const BATCH_MAX: usize = 64;
/// How often a transaction is tried that others broke.
const TRIES_MAX: u32 = 10;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Hears of the named places in a write where a fault matters: `store.begin`, `store.written`
/// (before COMMIT), `store.committed` (after it: an error there is a reply that was lost).
pub trait Boundary: Send + Sync {
    /// Goes on, or fails as a store would. It may also not return.
    ///
    /// # Errors
    /// What the caller of the write is to hear.
    fn reach(&self, name: &'static str) -> Result<(), Error>;
}

pub(crate) fn reach(boundary: Option<&dyn Boundary>, name: &'static str) -> Result<(), Error> {
    boundary.map_or(Ok(()), |boundary| boundary.reach(name))
}

/// Who carries out jobs.
#[derive(Clone)]
pub(crate) enum Writer {
    /// One after the other.
    One {
        jobs: mpsc::Sender<Box<dyn Job>>,
        pool: AnyPool,
    },
    /// As many at once as there are connections.
    Many {
        places: Arc<Semaphore>,
        pool: AnyPool,
    },
}

impl Writer {
    pub fn new(backend: Backend, pool: AnyPool) -> Writer {
        match backend {
            Backend::Sqlite => {
                let (jobs, waiting) = mpsc::channel(WAITING_MAX);
                tokio::spawn(serve(pool.clone(), waiting));
                Writer::One { jobs, pool }
            }
            Backend::Postgres => Writer::Many {
                places: Arc::new(Semaphore::new(WAITING_MAX)),
                pool,
            },
        }
    }

    pub async fn close(&self) {
        let (Writer::One { pool, .. } | Writer::Many { pool, .. }) = self;
        pool.close().await;
    }

    #[cfg(test)]
    pub fn pool(&self) -> &AnyPool {
        let (Writer::One { pool, .. } | Writer::Many { pool, .. }) = self;
        pool
    }
}

impl Store {
    /// Carries out `work` on `data` in a transaction: all of it or, where it errs, nothing. It may be
    /// run again, so it has no other effect.
    pub(crate) async fn write<D, T, E, W>(
        &self,
        operation: &'static str,
        data: D,
        work: W,
    ) -> Result<T, E>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        E: Failure,
        W: for<'c> Fn(&'c D, &'c mut Connection) -> BoxFuture<'c, Result<T, E>>
            + Send
            + Sync
            + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let task = Task {
            operation,
            data,
            work,
            boundary: self.boundary.clone(),
        };
        match &self.writer {
            Writer::One { jobs, .. } => {
                let job = Queued {
                    task,
                    outcome: None,
                    reply,
                };
                let queued = jobs.try_send(Box::new(job));
                queued.map_err(|error| match error {
                    mpsc::error::TrySendError::Full(_) => Error::Overloaded { operation },
                    mpsc::error::TrySendError::Closed(_) => stopped(operation),
                })?;
            }
            Writer::Many { places, pool } => {
                let place = Arc::clone(places).try_acquire_owned();
                let place = place.map_err(|_| Error::Overloaded { operation })?;
                let pool = pool.clone();
                tokio::spawn(async move {
                    // A caller that has gone away wants no answer.
                    let _ = reply.send(task.persist(&pool).await);
                    drop(place);
                });
            }
        }
        answer
            .await
            .unwrap_or_else(|_| Err(stopped(operation).into()))
    }
}

fn stopped(operation: &'static str) -> Error {
    Error::NotCommitted {
        operation,
        cause: "the store was closed".to_owned(),
    }
}

/// Something to write.
struct Task<D, W> {
    operation: &'static str,
    data: D,
    work: W,
    boundary: Option<Arc<dyn Boundary>>,
}

impl<D, W> Task<D, W>
where
    D: Send + Sync + 'static,
{
    fn reach(&self, name: &'static str) -> Result<(), Error> {
        reach(self.boundary.as_deref(), name)
    }

    /// Everything but COMMIT.
    async fn run<T, E: Failure>(&self, connection: &mut Connection) -> Result<T, E>
    where
        W: for<'c> Fn(&'c D, &'c mut Connection) -> BoxFuture<'c, Result<T, E>>,
    {
        let value = (self.work)(&self.data, connection).await?;
        self.reach("store.written")?;
        Ok(value)
    }

    /// In a transaction of its own, again where others broke it.
    async fn persist<T, E: Failure>(&self, pool: &AnyPool) -> Result<T, E>
    where
        W: for<'c> Fn(&'c D, &'c mut Connection) -> BoxFuture<'c, Result<T, E>>,
    {
        let mut tries = 1;
        loop {
            let result = self.transact(pool).await;
            let broken = result.as_ref().err().and_then(Failure::database);
            if !broken.is_some_and(is_worth_retrying) || tries == TRIES_MAX {
                return result;
            }
            tokio::time::sleep(Duration::from_millis(u64::from(tries))).await;
            tries += 1;
        }
    }

    async fn transact<T, E: Failure>(&self, pool: &AnyPool) -> Result<T, E>
    where
        W: for<'c> Fn(&'c D, &'c mut Connection) -> BoxFuture<'c, Result<T, E>>,
    {
        self.reach("store.begin")?;
        let begun = pool.begin_with(Backend::Postgres.begin()).await;
        let mut transaction = begun.map_err(failed(self.operation))?;
        let value = match self.run(&mut transaction).await {
            Ok(value) => value,
            Err(error) => {
                // At once, since it holds rows; where it fails the connection is gone with them.
                let _ = transaction.rollback().await;
                return Err(error);
            }
        };
        let committed = transaction.commit().await;
        committed.map_err(failed(self.operation))?;
        self.reach("store.committed")?;
        Ok(value)
    }
}

/// A task in the queue of the one writer, whatever its types are.
pub(crate) trait Job: Send {
    /// Everything but COMMIT; true where its changes are to stay.
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> BoxFuture<'a, bool>;

    /// Tells the caller, after COMMIT. `lost` is why nothing of the transaction was kept.
    fn answer(self: Box<Self>, lost: Option<&str>);
}

struct Queued<D, W, T, E> {
    task: Task<D, W>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<D, W, T, E> Job for Queued<D, W, T, E>
where
    D: Send + Sync + 'static,
    T: Send + 'static,
    E: Failure,
    W: for<'c> Fn(&'c D, &'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
{
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let outcome = match self.task.reach("store.begin") {
                Ok(()) => self.task.run(connection).await,
                Err(error) => Err(error.into()),
            };
            let stays = outcome.is_ok();
            self.outcome = Some(outcome);
            stays
        })
    }

    fn answer(self: Box<Self>, lost: Option<&str>) {
        let operation = self.task.operation;
        let answer = match (self.outcome, lost) {
            (Some(Ok(value)), None) => match self.task.reach("store.committed") {
                Ok(()) => Ok(value),
                Err(error) => Err(error.into()),
            },
            (Some(Err(error)), None) => Err(error),
            // Why all was lost, maybe: a disk that is full ends the transaction.
            (Some(Err(error)), Some(_)) if error.database().is_some() => Err(error),
            (_, cause) => Err(Error::NotCommitted {
                operation,
                cause: cause.unwrap_or("it was not begun").to_owned(),
            }
            .into()),
        };
        // A caller that has gone away wants no answer.
        let _ = self.reply.send(answer);
    }
}

async fn serve(pool: AnyPool, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = waiting.recv().await {
        let mut jobs = vec![first];
        let lost = batch(&pool, &mut jobs, &mut waiting).await.err();
        let lost = lost.map(|error| error.to_string());
        for job in jobs {
            job.answer(lost.as_deref());
        }
    }
}

async fn batch(
    pool: &AnyPool,
    jobs: &mut Vec<Box<dyn Job>>,
    waiting: &mut mpsc::Receiver<Box<dyn Job>>,
) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let result = transact(&mut connection, jobs, waiting).await;
    if result.is_err() {
        // SQLite may have ended the transaction itself; nobody is to find what is left of it.
        let _ = connection.detach().close_hard().await;
    }
    result
}

/// The first job and all that wait meanwhile. The first has the transaction to itself so far, so it
/// needs no savepoint: where it errs the transaction is over.
async fn transact(
    connection: &mut Connection,
    jobs: &mut Vec<Box<dyn Job>>,
    waiting: &mut mpsc::Receiver<Box<dyn Job>>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with(Backend::Sqlite.begin()).await?;
    if let Some(first) = jobs.first_mut()
        && !first.run(&mut transaction).await
    {
        return transaction.rollback().await;
    }
    while jobs.len() < BATCH_MAX {
        let Ok(next) = waiting.try_recv() else { break };
        jobs.push(next);
        let mut savepoint = transaction.begin().await?;
        let Some(job) = jobs.last_mut() else { break };
        match job.run(&mut savepoint).await {
            true => savepoint.commit().await?,
            false => savepoint.rollback().await?,
        }
    }
    transaction.commit().await
}
