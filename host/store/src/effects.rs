//! Effects on their way: who may take them up, and when; and reactions, which are handed out alike.

use crate::backend::{Backend, joined};
use crate::closed::place;
use crate::error::{failed, signed, unsigned};
use crate::keyring::{self, KEY_OF_CASE, Keyring};
use crate::read::{opened, text};
use crate::{Connection, Error, ROWS_MAX, Store, later, milliseconds};
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
    /// How often it was tried.
    pub attempts: u32,
    /// One more each time it is handed out; 0 before. Whoever has an older one has lost it.
    pub claim: u64,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// The person who last let it be tried again, or said what became of it.
    pub by_hand: Option<Hand>,
}

/// Who took an effect in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hand {
    /// Who.
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
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
    /// Given up: a person revives it or settles it by hand.
    Dead,
}

impl EffectStatus {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            EffectStatus::Pending => "pending",
            EffectStatus::Sent => "sent",
            EffectStatus::Done => "done",
            EffectStatus::Refused => "refused",
            EffectStatus::Dead => "dead",
        }
    }

    fn parse(word: &str) -> Result<EffectStatus, Error> {
        [
            Self::Pending,
            Self::Sent,
            Self::Done,
            Self::Refused,
            Self::Dead,
        ]
        .into_iter()
        .find(|status| status.as_str() == word)
        .ok_or_else(|| Error::Damaged {
            what: format!("the status {word} of an effect"),
        })
    }
}

type Columns = (
    String,
    i64,
    Vec<u8>,
    String,
    i64,
    i64,
    Option<Vec<u8>>,
    Option<String>,
    Option<String>,
    String,
    Option<String>,
    Option<Vec<u8>>,
);

impl Store {
    /// Hands out effects to carry out, the longest due first. Nobody else is handed one of them
    /// before `lease` has passed; an effect whose prerequisites are not all done well is not handed
    /// out at all.
    pub async fn claim_effects(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<EffectRow>, Error> {
        let operation = "claim effects";
        let now_ms = milliseconds(now);
        let due = "SELECT 1 FROM effects
                   WHERE status = 'pending' AND waits_for = 0 AND due <= $1 LIMIT 1";
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
        let mut effects = self.opened_effects(rows)?;
        // A database returns updated rows in the order it pleases.
        effects.sort_by(|a, b| {
            (&a.case_id, a.event, &a.intent.ticket).cmp(&(&b.case_id, b.event, &b.intent.ticket))
        });
        Ok(effects)
    }

    /// A try has failed: the effect rests until `until`. False where it was handed out again since,
    /// or is not pending.
    pub async fn fail_effect(
        &self,
        ticket: &str,
        claim: u64,
        until: DateTime<Utc>,
        error: &str,
    ) -> Result<bool, Error> {
        let change = "UPDATE effects SET due = $3, last_error = $4
                      WHERE ticket = $1 AND claim = $2 AND status = 'pending'";
        self.change(change, ticket, claim, milliseconds(until), error)
            .await
    }

    /// No try is left: a person sees to it. False as in [`Store::fail_effect`].
    pub async fn bury_effect(&self, ticket: &str, claim: u64, error: &str) -> Result<bool, Error> {
        let change = "UPDATE effects SET status = 'dead', due = $3, last_error = $4
                      WHERE ticket = $1 AND claim = $2 AND status = 'pending'";
        self.change(change, ticket, claim, 0, error).await
    }

    async fn change(
        &self,
        sql: &'static str,
        ticket: &str,
        claim: u64,
        due: i64,
        error: &str,
    ) -> Result<bool, Error> {
        let operation = "note a failed effect";
        let data = (
            self.keyring.clone(),
            ticket.to_owned(),
            signed(claim),
            due,
            error.to_owned(),
        );
        self.write(operation, data, move |data, connection| {
            let (keyring, ticket, claim, due, error) = data;
            Box::pin(async move {
                let Some(closed) = close_error(keyring, connection, ticket, error).await? else {
                    return Ok(false);
                };
                let changed = sqlx::query(sql)
                    .bind(ticket)
                    .bind(claim)
                    .bind(due)
                    .bind(closed)
                    .execute(connection)
                    .await
                    .map_err(failed(operation))?;
                Ok(changed.rows_affected() == 1)
            })
        })
        .await
    }

    /// A dead effect is to be tried again, at once, by somebody's word. False where it is not dead.
    pub async fn revive_effect(
        &self,
        ticket: &str,
        word: &Hand,
        resting_after: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let operation = "revive an effect";
        let data = (ticket.to_owned(), word.clone(), milliseconds(resting_after));
        self.write(operation, data, |(ticket, word, resting), connection| {
            Box::pin(async move {
                let revived = sqlx::query(
                    "UPDATE effects SET status = 'pending', due = 0, attempts = 0,
                                        hand_by = $2, hand_at = $3
                     WHERE ticket = $1
                     AND (status = 'dead' OR (status = 'pending' AND due > $4))",
                )
                .bind(ticket)
                .bind(&word.by)
                .bind(&word.at)
                .bind(*resting)
                .execute(connection)
                .await
                .map_err(failed("revive an effect"))?;
                Ok(revived.rows_affected() == 1)
            })
        })
        .await
    }

    /// Hands out cases whose bundle has something to react to and is not parked, the longest due
    /// first. Nobody else is handed one of them before `lease` has passed.
    pub async fn claim_reactions(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<String>, Error> {
        let operation = "claim reactions";
        let now_ms = milliseconds(now);
        let due = "SELECT 1 FROM cases
                   WHERE next_reaction IS NOT NULL AND parked = 0 AND react_due <= $1 LIMIT 1";
        if !self.any_work(due, now_ms, operation).await? {
            return Ok(Vec::new());
        }
        let data = (self.backend, now_ms, later(now, lease), limit.min(ROWS_MAX));
        let mut cases: Vec<String> = self
            .write(
                operation,
                data,
                |(backend, now, until, limit), connection| {
                    Box::pin(claim_cases(*backend, connection, *now, *until, *limit))
                },
            )
            .await?;
        cases.sort();
        Ok(cases)
    }

    /// An effect by its ticket.
    pub async fn effect(&self, ticket: &str) -> Result<Option<EffectRow>, Error> {
        let by_ticket = "WHERE ticket = $1 LIMIT $2";
        let found = self.list_effects(by_ticket, ticket, 1, "read an effect");
        Ok(found.await?.pop())
    }

    /// Payments that the bank has not answered, those after a ticket, at most [`ROWS_MAX`].
    pub async fn sent_payments(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<EffectRow>, Error> {
        let sent = "WHERE status = 'sent' AND ticket > $1 ORDER BY ticket LIMIT $2";
        self.list_effects(
            sent,
            after.unwrap_or_default(),
            rows_max(limit),
            "list payments",
        )
        .await
    }

    /// Effects that are to be done, those after a ticket, at most [`ROWS_MAX`].
    pub async fn pending_effects(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<EffectRow>, Error> {
        let pending = "WHERE status = 'pending' AND ticket > $1 ORDER BY ticket LIMIT $2";
        self.list_effects(
            pending,
            after.unwrap_or_default(),
            rows_max(limit),
            "list effects to do",
        )
        .await
    }

    /// Effects that were given up, those after a ticket, at most [`ROWS_MAX`].
    pub async fn dead_effects(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<EffectRow>, Error> {
        let dead = "WHERE status = 'dead' AND ticket > $1 ORDER BY ticket LIMIT $2";
        self.list_effects(
            dead,
            after.unwrap_or_default(),
            rows_max(limit),
            "list dead effects",
        )
        .await
    }

    /// The effects of a case, in the order they were asked for.
    pub async fn effects(&self, case_id: &str) -> Result<Vec<EffectRow>, Error> {
        let of_case = "WHERE case_id = $1 ORDER BY event, ticket LIMIT $2";
        self.list_effects(of_case, case_id, i64::MAX, "read the effects of a case")
            .await
    }

    /// `which` has $1 and at most $2 rows.
    async fn list_effects(
        &self,
        which: &'static str,
        word: &str,
        limit: i64,
        operation: &'static str,
    ) -> Result<Vec<EffectRow>, Error> {
        let columns = columns();
        let sql = joined(format!("SELECT {columns} FROM effects {which}"));
        let rows: Vec<Columns> = sqlx::query_as(sql)
            .bind(word)
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(failed(operation))?;
        self.opened_effects(rows)
    }

    fn opened_effects(&self, rows: Vec<Columns>) -> Result<Vec<EffectRow>, Error> {
        let effect = |columns| effect(&self.keyring, columns);
        rows.into_iter().map(effect).collect()
    }
}

fn rows_max(limit: u32) -> i64 {
    i64::from(limit.min(ROWS_MAX))
}

/// What is read of an effect, the key of its case last.
fn columns() -> String {
    format!(
        "case_id, event, intent, status, attempts, claim, last_error, hand_by, hand_at, ticket, {KEY_OF_CASE}"
    )
}

/// Closes why an effect failed; `None` where there is no such effect, or its case was erased.
async fn close_error(
    keyring: &Keyring,
    connection: &mut Connection,
    ticket: &str,
    error: &str,
) -> Result<Option<Vec<u8>>, Error> {
    let case_id: Option<String> =
        sqlx::query_scalar("SELECT case_id FROM effects WHERE ticket = $1")
            .bind(ticket)
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed("note a failed effect"))?;
    let Some(case_id) = case_id else {
        return Ok(None);
    };
    let key = keyring
        .find(connection, &keyring::of_case(&case_id))
        .await?;
    key.map(|key| key.close(&place::effect_error(ticket), error.as_bytes()))
        .transpose()
}

async fn claim(
    backend: Backend,
    connection: &mut Connection,
    now: i64,
    until: i64,
    limit: u32,
) -> Result<Vec<Columns>, Error> {
    let (skip, columns) = (backend.skip_locked(), columns());
    let sql = joined(format!(
        "WITH chosen AS MATERIALIZED (
             SELECT ticket FROM effects
             WHERE status = 'pending' AND waits_for = 0 AND due <= $1
             ORDER BY due, case_id, event, ticket LIMIT $3{skip})
         UPDATE effects SET due = $2, claim = claim + 1, attempts = attempts + 1
         WHERE ticket IN (SELECT ticket FROM chosen)
         RETURNING {columns}"
    ));
    sqlx::query_as(sql)
        .bind(now)
        .bind(until)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .map_err(failed("claim effects"))
}

async fn claim_cases(
    backend: Backend,
    connection: &mut Connection,
    now: i64,
    until: i64,
    limit: u32,
) -> Result<Vec<String>, Error> {
    let skip = backend.skip_locked();
    let sql = joined(format!(
        "WITH chosen AS MATERIALIZED (
             SELECT id FROM cases
             WHERE next_reaction IS NOT NULL AND parked = 0 AND react_due <= $1
             ORDER BY react_due, id LIMIT $3{skip})
         UPDATE cases SET react_due = $2 WHERE id IN (SELECT id FROM chosen) RETURNING id"
    ));
    sqlx::query_scalar(sql)
        .bind(now)
        .bind(until)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .map_err(failed("claim reactions"))
}

fn effect(keyring: &Keyring, columns: Columns) -> Result<EffectRow, Error> {
    let (
        case_id,
        event,
        intent,
        status,
        attempts,
        claim,
        last_error,
        hand_by,
        hand_at,
        ticket,
        master,
        wrapped,
    ) = columns;
    let key = keyring.case_key(&case_id, (master, wrapped))?;
    let error = |closed: Vec<u8>| {
        let open = key.open(&place::effect_error(&ticket), &closed)?;
        text(open, &format!("effect {ticket}"))
    };
    Ok(EffectRow {
        intent: opened(&key, &place::intent(&ticket), &intent)?,
        event: unsigned(event, "the event of an effect")?,
        status: EffectStatus::parse(&status)?,
        attempts: unsigned(attempts, "the attempts of an effect")?,
        claim: unsigned(claim, "the claim of an effect")?,
        last_error: last_error.map(error).transpose()?,
        by_hand: hand_by.zip(hand_at).map(|(by, at)| Hand { by, at }),
        case_id,
    })
}
