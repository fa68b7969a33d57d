//! What is looked at again and again: how far cases are that somebody follows, what waits, and
//! whether the database answers at all.

use crate::backend::joined;
use crate::error::{failed, unsigned};
use crate::{Error, ROWS_MAX, Store, keyring, milliseconds};
use chrono::{DateTime, Utc};

/// Effects that are not settled, in one status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectQueue {
    /// `pending`, `sent` or `dead`.
    pub status: String,
    /// How many.
    pub count: u64,
    /// When the oldest was asked for, RFC 3339.
    pub oldest_at: String,
}

/// `stopped`: the effects, of a case or of all, behind one that was refused or is dead.
const BEHIND: &str = "WITH RECURSIVE behind (ticket, earlier) AS (
         SELECT p.ticket, p.prerequisite
         FROM effects AS e JOIN effect_prerequisites AS p ON p.ticket = e.ticket
         WHERE e.status = 'pending' AND e.waits_for > 0 AND ($1 IS NULL OR e.case_id = $1)
         UNION
         SELECT b.ticket, p.prerequisite
         FROM behind AS b JOIN effect_prerequisites AS p ON p.ticket = b.earlier),
     stopped (ticket) AS (
         SELECT b.ticket FROM behind AS b JOIN effects AS e ON e.ticket = b.earlier
         WHERE e.status IN ('refused', 'dead'))";

impl Store {
    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        let connection = self.readers.acquire().await;
        let mut connection = connection.map_err(failed("reach the database"))?;
        // Whoever cannot open the host's own key lacks the master key that wraps.
        self.keyring.find(&mut connection, keyring::HOST).await?;
        Ok(())
    }

    /// The number of the last event of each of these cases that is there: at most [`ROWS_MAX`] of
    /// them in one query, the others are left out.
    pub async fn versions(&self, case_ids: &[String]) -> Result<Vec<(String, u64)>, Error> {
        if case_ids.is_empty() {
            return Ok(Vec::new());
        }
        let limit = usize::try_from(ROWS_MAX).unwrap_or(usize::MAX);
        let asked = &case_ids[..case_ids.len().min(limit)];
        let places: Vec<String> = (1..=asked.len()).map(|n| format!("${n}")).collect();
        let sql = format!(
            "SELECT id, version FROM cases WHERE id IN ({})",
            places.join(", ")
        );
        let query = sqlx::query_as(joined(sql));
        let rows: Vec<(String, i64)> = asked
            .iter()
            .fold(query, |query, id| query.bind(id))
            .fetch_all(&self.readers)
            .await
            .map_err(failed("look how far cases are"))?;
        rows.into_iter()
            .map(|(id, version)| Ok((id, unsigned(version, "the version of a case")?)))
            .collect()
    }

    /// Whether an effect of the case can still be carried out, or answered, by itself.
    pub async fn effects_run(&self, case_id: &str) -> Result<bool, Error> {
        let sql = joined(format!(
            "{BEHIND} SELECT 1 FROM effects WHERE case_id = $1 AND status IN ('pending', 'sent')
             AND ticket NOT IN (SELECT ticket FROM stopped) LIMIT 1",
        ));
        let runs: Option<i64> = sqlx::query_scalar(sql)
            .bind(case_id)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed("look for effects that can still run"))?;
        Ok(runs.is_some())
    }

    /// What waits to be carried out or answered; what stands behind a refusal or a dead effect waits
    /// for nothing.
    pub async fn effect_queues(&self) -> Result<Vec<EffectQueue>, Error> {
        let sql = joined(format!(
            "{BEHIND} SELECT e.status, count(*), min(v.at)
             FROM effects AS e JOIN events AS v ON v.case_id = e.case_id AND v.n = e.event
             WHERE e.status IN ('pending', 'sent', 'dead')
               AND e.ticket NOT IN (SELECT ticket FROM stopped)
             GROUP BY e.status ORDER BY e.status",
        ));
        let no_case: Option<&str> = None;
        let rows: Vec<(String, i64, String)> = sqlx::query_as(sql)
            .bind(no_case)
            .fetch_all(&self.readers)
            .await
            .map_err(failed("count the effects that wait"))?;
        rows.into_iter()
            .map(|(status, count, oldest_at)| {
                let count = unsigned(count, "a count")?;
                Ok(EffectQueue {
                    status,
                    count,
                    oldest_at,
                })
            })
            .collect()
    }

    /// Rungs of timers that are due and have yet to ring.
    pub async fn count_timers_due(&self, now: DateTime<Utc>) -> Result<u64, Error> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM timers WHERE due <= $1")
            .bind(milliseconds(now))
            .fetch_one(&self.readers)
            .await
            .map_err(failed("count the timers that are due"))?;
        unsigned(count, "a count")
    }

    /// Rungs of timers that wait for a calendar.
    pub async fn count_timers_awaiting(&self) -> Result<u64, Error> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM timers WHERE due IS NULL")
            .fetch_one(&self.readers)
            .await
            .map_err(failed("count the timers without a calendar"))?;
        unsigned(count, "a count")
    }
}
