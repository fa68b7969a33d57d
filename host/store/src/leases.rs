//! What a node holds for a while: it may hold it longer, and hands it back when it stops. Work of one
//! node at a time has a lease by its name.

use crate::backend::{Backend, joined};
use crate::blobs::drop_chunks;
use crate::erasure::destroy;
use crate::error::{failed, signed};
use crate::{Connection, Error, ROWS_MAX, Store, TimerKey, keyring, later, milliseconds};
use chrono::{DateTime, Utc};
use std::time::Duration;

impl Store {
    /// Whoever carries out an effect needs longer. False where it was handed out again since, or is
    /// not pending.
    pub async fn renew_effect(
        &self,
        ticket: &str,
        claim: u64,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<bool, Error> {
        let data = (ticket.to_owned(), signed(claim), later(now, lease));
        let renewed = self.write("hold an effect longer", data, |data, connection| {
            let (ticket, claim, until) = data;
            Box::pin(async move {
                let renewed = sqlx::query(
                    "UPDATE effects SET due = $3
                     WHERE ticket = $1 AND claim = $2 AND status = 'pending'",
                )
                .bind(ticket)
                .bind(claim)
                .bind(until)
                .execute(connection)
                .await
                .map_err(failed("hold an effect longer"))?;
                Ok::<_, Error>(renewed.rows_affected() == 1)
            })
        });
        renewed.await
    }

    /// A case's reaction is anybody's at once: the node that was at it stops.
    pub async fn hand_back_reaction(&self, case_id: &str) -> Result<(), Error> {
        let case_id = case_id.to_owned();
        self.write("hand back a reaction", case_id, |case_id, connection| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE cases SET react_due = 0 WHERE id = $1 AND next_reaction IS NOT NULL",
                )
                .bind(case_id)
                .execute(connection)
                .await
                .map_err(failed("hand back a reaction"))?;
                Ok(())
            })
        })
        .await
    }

    /// A rung is anybody's at once: the node that was at it stops.
    pub async fn hand_back_timer(&self, key: &TimerKey) -> Result<(), Error> {
        self.write("hand back a timer", key.clone(), |key, connection| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE timers SET lease = 0 WHERE case_id = $1 AND name = $2 AND rung = $3",
                )
                .bind(&key.case_id)
                .bind(&key.name)
                .bind(&key.rung)
                .execute(connection)
                .await
                .map_err(failed("hand back a timer"))?;
                Ok(())
            })
        })
        .await
    }

    /// Takes away, with their keys, materials that no case names and that were stored before, RFC 3339
    /// at the offset that they were stored with; at most so many. Answers how many there were.
    pub async fn sweep_materials(&self, before: &str, limit: u32) -> Result<u64, Error> {
        let data = (
            self.backend,
            before.to_owned(),
            i64::from(limit.min(ROWS_MAX)),
        );
        let swept = self.write("sweep materials", data, |data, connection| {
            let (backend, before, limit) = data;
            Box::pin(sweep(*backend, connection, before, *limit))
        });
        let swept = swept.await?;
        for sha256 in &swept {
            self.keyring.forget(&keyring::of_material(sha256));
        }
        Ok(swept.len() as u64)
    }

    /// Takes or keeps what one node does at a time. False where it is another holder's still.
    pub async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<bool, Error> {
        let data = (
            name.to_owned(),
            holder.to_owned(),
            milliseconds(now),
            later(now, lease),
        );
        let taken = self.write("take a lease", data, |data, connection| {
            let (name, holder, now, until) = data;
            Box::pin(async move {
                let taken = sqlx::query(
                    "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $4)
                     ON CONFLICT (name) DO UPDATE SET holder = $2, until = $4
                     WHERE leases.holder = $2 OR leases.until <= $3",
                )
                .bind(name)
                .bind(holder)
                .bind(*now)
                .bind(*until)
                .execute(connection)
                .await
                .map_err(failed("take a lease"))?;
                Ok::<_, Error>(taken.rows_affected() == 1)
            })
        });
        taken.await
    }

    /// Gives a lease up. Nothing where it is another holder's.
    pub async fn leave_lease(&self, name: &str, holder: &str) -> Result<(), Error> {
        let data = (name.to_owned(), holder.to_owned());
        self.write("leave a lease", data, |(name, holder), connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM leases WHERE name = $1 AND holder = $2")
                    .bind(name)
                    .bind(holder)
                    .execute(connection)
                    .await
                    .map_err(failed("leave a lease"))?;
                Ok(())
            })
        })
        .await
    }
}

async fn sweep(
    backend: Backend,
    connection: &mut Connection,
    before: &str,
    limit: i64,
) -> Result<Vec<String>, Error> {
    let operation = "sweep materials";
    // First they are held, so that no case begins to name one; then it is asked again.
    let skip = backend.skip_locked();
    let sql = joined(format!(
        "SELECT sha256, upload FROM materials AS m
         WHERE stored_at < $1 AND NOT EXISTS (SELECT 1 FROM material_uses WHERE sha256 = m.sha256)
         ORDER BY sha256 LIMIT $2{skip}"
    ));
    let unused: Vec<(String, i64)> = sqlx::query_as(sql)
        .bind(before)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed(operation))?;
    let mut swept = Vec::new();
    for (sha256, upload) in unused {
        let gone = sqlx::query(
            "DELETE FROM materials WHERE sha256 = $1 AND stored_at < $2
             AND NOT EXISTS (SELECT 1 FROM material_uses WHERE sha256 = $1)",
        )
        .bind(&sha256)
        .bind(before)
        .execute(&mut *connection)
        .await
        .map_err(failed(operation))?;
        if gone.rows_affected() == 1 {
            destroy(connection, &keyring::of_material(&sha256)).await?;
            drop_chunks(connection, upload).await?;
            swept.push(sha256);
        }
    }
    Ok(swept)
}
