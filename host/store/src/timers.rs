//! When cases are to be woken: rungs of timers, each due at a moment or waiting for a calendar.

use crate::backend::{Backend, joined};
use crate::error::failed;
use crate::{Connection, Error, ROWS_MAX, Store, later, milliseconds};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// A rung of a timer of a case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerRow {
    /// The timer within its case.
    pub name: String,
    /// The rung of its ladder.
    pub rung: String,
    /// Milliseconds since 1970 in UTC; `None` until the calendar of a year on the way is published.
    pub due: Option<i64>,
}

/// A rung and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseTimer {
    /// The case.
    pub case_id: String,
    /// The rung.
    pub timer: TimerRow,
}

/// Which rung of which timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerKey {
    /// The case.
    pub case_id: String,
    /// The timer.
    pub name: String,
    /// The rung.
    pub rung: String,
}

type Columns = (String, String, String, Option<i64>);

impl Store {
    /// Hands out rungs that are due, the earliest first. Nobody else is handed one of them before
    /// `lease` has passed; it is gone with the commit that no longer has it.
    pub async fn claim_timers(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<CaseTimer>, Error> {
        let operation = "claim timers";
        let now_ms = milliseconds(now);
        let due = "SELECT 1 FROM timers WHERE due <= $1 AND lease <= $1 LIMIT 1";
        if !self.any_work(due, now_ms, operation).await? {
            return Ok(Vec::new());
        }
        let data = (self.backend, now_ms, later(now, lease), limit.min(ROWS_MAX));
        let rows: Vec<Columns> = self
            .write(
                operation,
                data,
                |(backend, now, until, limit), connection| {
                    Box::pin(claim(*backend, connection, *now, *until, *limit))
                },
            )
            .await?;
        let mut timers: Vec<_> = rows.into_iter().map(timer).collect();
        // A database returns updated rows in the order it pleases.
        timers.sort_by(|a, b| {
            (a.timer.due, &a.case_id, &a.timer).cmp(&(b.timer.due, &b.case_id, &b.timer))
        });
        Ok(timers)
    }

    /// Rungs that wait for a calendar, those after one, at most [`ROWS_MAX`].
    pub async fn timers_awaiting(
        &self,
        after: Option<&TimerKey>,
        limit: u32,
    ) -> Result<Vec<CaseTimer>, Error> {
        let (case_id, name, rung) = match after {
            Some(key) => (key.case_id.as_str(), key.name.as_str(), key.rung.as_str()),
            None => ("", "", ""),
        };
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT case_id, name, rung, due FROM timers
             WHERE due IS NULL AND (case_id, name, rung) > ($1, $2, $3)
             ORDER BY case_id, name, rung LIMIT $4",
        )
        .bind(case_id)
        .bind(name)
        .bind(rung)
        .bind(i64::from(limit.min(ROWS_MAX)))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list timers without a calendar"))?;
        Ok(rows.into_iter().map(timer).collect())
    }

    /// The timers of a case.
    pub async fn timers(&self, case_id: &str) -> Result<Vec<TimerRow>, Error> {
        let connection = self.readers.acquire().await;
        let mut connection = connection.map_err(failed("read the timers of a case"))?;
        of_case(&mut connection, case_id).await
    }

    /// The calendar is there: a rung that waited for it has its moment, in milliseconds. Nothing where
    /// it does not wait any more.
    pub async fn set_timer_due(&self, key: &TimerKey, due: i64) -> Result<(), Error> {
        let operation = "set a timer";
        self.write(operation, (key.clone(), due), |(key, due), connection| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE timers SET due = $4
                     WHERE case_id = $1 AND name = $2 AND rung = $3 AND due IS NULL",
                )
                .bind(&key.case_id)
                .bind(&key.name)
                .bind(&key.rung)
                .bind(*due)
                .execute(connection)
                .await
                .map_err(failed("set a timer"))?;
                Ok(())
            })
        })
        .await
    }

    /// Whether there is work to claim: a look that locks nothing, since mostly there is none.
    pub(crate) async fn any_work(
        &self,
        sql: &'static str,
        now: i64,
        operation: &'static str,
    ) -> Result<bool, Error> {
        let found: Option<i64> = sqlx::query_scalar(sql)
            .bind(now)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed(operation))?;
        Ok(found.is_some())
    }
}

async fn claim(
    backend: Backend,
    connection: &mut Connection,
    now: i64,
    until: i64,
    limit: u32,
) -> Result<Vec<Columns>, Error> {
    let skip = backend.skip_locked();
    let sql = joined(format!(
        "WITH chosen AS MATERIALIZED (
             SELECT case_id, name, rung FROM timers WHERE due <= $1 AND lease <= $1
             ORDER BY due, case_id, name, rung LIMIT $3{skip})
         UPDATE timers SET lease = $2
         WHERE (case_id, name, rung) IN (SELECT case_id, name, rung FROM chosen)
         RETURNING case_id, name, rung, due"
    ));
    sqlx::query_as(sql)
        .bind(now)
        .bind(until)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .map_err(failed("claim timers"))
}

async fn of_case(connection: &mut Connection, case_id: &str) -> Result<Vec<TimerRow>, Error> {
    let rows: Vec<(String, String, Option<i64>)> =
        sqlx::query_as("SELECT name, rung, due FROM timers WHERE case_id = $1 ORDER BY name, rung")
            .bind(case_id)
            .fetch_all(connection)
            .await
            .map_err(failed("read the timers of a case"))?;
    let row = |(name, rung, due)| TimerRow { name, rung, due };
    Ok(rows.into_iter().map(row).collect())
}

/// The case has these timers from now on; one that is as it was keeps its lease.
pub(crate) async fn replace(
    connection: &mut Connection,
    case_id: &str,
    timers: &[TimerRow],
) -> Result<(), Error> {
    let kept = of_case(connection, case_id).await?;
    for gone in kept.iter().filter(|row| !timers.contains(row)) {
        sqlx::query("DELETE FROM timers WHERE case_id = $1 AND name = $2 AND rung = $3")
            .bind(case_id)
            .bind(&gone.name)
            .bind(&gone.rung)
            .execute(&mut *connection)
            .await
            .map_err(failed("clear a timer"))?;
    }
    for new in timers.iter().filter(|row| !kept.contains(row)) {
        sqlx::query("INSERT INTO timers (case_id, name, rung, due) VALUES ($1, $2, $3, $4)")
            .bind(case_id)
            .bind(&new.name)
            .bind(&new.rung)
            .bind(new.due)
            .execute(&mut *connection)
            .await
            .map_err(failed("write a timer"))?;
    }
    Ok(())
}

fn timer((case_id, name, rung, due): Columns) -> CaseTimer {
    CaseTimer {
        case_id,
        timer: TimerRow { name, rung, due },
    }
}
