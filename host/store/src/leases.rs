//! What a node holds for a while: it may hold it longer, and hands it back when it stops. Work of one
//! node at a time has a lease by its name.

use crate::error::{failed, signed};
use crate::{Error, Store, TimerKey, later, milliseconds};
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

    /// Takes or keeps what one node does at a time. False where it is another holder's still. One that
    /// is longer than it can be was taken by a clock that was ahead.
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
                     WHERE leases.holder = $2 OR leases.until <= $3 OR leases.until > $4",
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
