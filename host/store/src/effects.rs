//! Effects on their way: who may take them up, and when.

use crate::error::{failed, from_json, signed, unsigned};
use crate::{Error, ROWS_MAX, Store};
use chrono::{DateTime, Utc};
use onething_contract::Intent;
use std::time::Duration;

/// An effect and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectRow {
    /// The case.
    pub case_id: String,
    /// The event that the bundle reacted to.
    pub event: u64,
    /// What is to be done, under which ticket, after which others.
    pub intent: Intent,
    /// How far it has come.
    pub status: EffectStatus,
    /// How often it was handed out.
    pub attempts: u32,
}

/// How far an effect has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectStatus {
    /// To be done.
    Pending,
    /// A payment that the bank has and has not answered.
    Sent,
    /// Settled with a value.
    Done,
    /// Settled with a refusal.
    Refused,
}

impl EffectStatus {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            EffectStatus::Pending => "pending",
            EffectStatus::Sent => "sent",
            EffectStatus::Done => "done",
            EffectStatus::Refused => "refused",
        }
    }

    fn parse(word: &str) -> Result<EffectStatus, Error> {
        [Self::Pending, Self::Sent, Self::Done, Self::Refused]
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or_else(|| Error::Damaged {
                what: format!("the status {word} of an effect"),
            })
    }
}

type Columns = (String, i64, String, String, i64);

impl Store {
    /// Hands out effects to carry out, those first that were tried least. Nobody else is handed
    /// one of them before `lease` has passed; an effect whose prerequisites are not all done well
    /// is not handed out at all.
    pub async fn claim_effects(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<EffectRow>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(
            "UPDATE effects SET lease_until = $2, attempts = attempts + 1
             WHERE ticket IN (
                 SELECT ticket FROM effects AS e
                 WHERE status = 'pending' AND lease_until <= $1
                   AND NOT EXISTS (
                       SELECT 1 FROM effect_prerequisites AS p
                       JOIN effects AS before ON before.ticket = p.prerequisite
                       WHERE p.ticket = e.ticket AND before.status <> 'done')
                 ORDER BY attempts, case_id, event, ticket
                 LIMIT $3)
             RETURNING case_id, event, intent, status, attempts",
        )
        .bind(now.timestamp_millis())
        .bind(later(now, lease))
        .bind(i64::from(limit.min(ROWS_MAX)))
        .fetch_all(&self.writer)
        .await
        .map_err(failed("claim effects"))?;
        let mut effects: Vec<_> = rows.into_iter().map(effect).collect::<Result<_, _>>()?;
        // A database returns updated rows in the order it pleases.
        effects.sort_by(|a, b| {
            (&a.case_id, a.event, &a.intent.ticket).cmp(&(&b.case_id, b.event, &b.intent.ticket))
        });
        Ok(effects)
    }

    /// Lets a pending effect rest: nobody is handed it before `until`.
    pub async fn postpone_effect(&self, ticket: &str, until: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query("UPDATE effects SET lease_until = $2 WHERE ticket = $1")
            .bind(ticket)
            .bind(until.timestamp_millis())
            .execute(&self.writer)
            .await
            .map_err(failed("postpone an effect"))?;
        Ok(())
    }

    /// An effect by its ticket.
    pub async fn effect(&self, ticket: &str) -> Result<Option<EffectRow>, Error> {
        let row: Option<Columns> = sqlx::query_as(
            "SELECT case_id, event, intent, status, attempts FROM effects WHERE ticket = $1",
        )
        .bind(ticket)
        .fetch_optional(&self.readers)
        .await
        .map_err(failed("read an effect"))?;
        row.map(effect).transpose()
    }

    /// Payments that the bank has not answered, those after a ticket, at most [`ROWS_MAX`].
    pub async fn sent_payments(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<EffectRow>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT case_id, event, intent, status, attempts FROM effects
             WHERE status = 'sent' AND ticket > $1 ORDER BY ticket LIMIT $2",
        )
        .bind(after.unwrap_or_default())
        .bind(i64::from(limit.min(ROWS_MAX)))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list payments"))?;
        rows.into_iter().map(effect).collect()
    }

    /// The effects of a case, in the order they were asked for.
    pub async fn effects(&self, case_id: &str) -> Result<Vec<EffectRow>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT case_id, event, intent, status, attempts FROM effects
             WHERE case_id = $1 ORDER BY event, ticket",
        )
        .bind(case_id)
        .fetch_all(&self.readers)
        .await
        .map_err(failed("read the effects of a case"))?;
        rows.into_iter().map(effect).collect()
    }
}

fn effect((case_id, event, intent, status, attempts): Columns) -> Result<EffectRow, Error> {
    Ok(EffectRow {
        intent: from_json(&intent, &format!("an effect of case {case_id}"))?,
        event: unsigned(event, "the event of an effect")?,
        status: EffectStatus::parse(&status)?,
        attempts: unsigned(attempts, "the attempts of an effect")?,
        case_id,
    })
}

fn later(now: DateTime<Utc>, lease: Duration) -> i64 {
    let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
    now.timestamp_millis().saturating_add(signed(lease_ms))
}
