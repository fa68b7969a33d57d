//! Writing to a case.

use crate::backend::{Backend, joined};
use crate::closed::{Closed, place};
use crate::error::{failed, signed, to_json, unsigned};
use crate::keyring::{self, Keyring};
use crate::vault::{DataKey, Hash, NO_HASH};
use crate::{
    CaseRow, Commit, CommitError, Connection, EffectStatus, Error, Idempotency, Keys, NewEffect,
    Registered, Settled, Store, TaskRow, body, ledger, milliseconds, once, read, timers,
};
use std::collections::BTreeSet;

/// What writing to a case needs beside the commit.
#[derive(Clone)]
struct Hand {
    backend: Backend,
    keyring: Keyring,
}

impl Store {
    fn hand(&self) -> Hand {
        Hand {
            backend: self.backend,
            keyring: self.keyring.clone(),
        }
    }

    /// Registers a new case. The keys of [`Keys::Hold`] must be free, or held by the case of `also`,
    /// which passes them on; what that adds to its case is written in the same transaction. A request
    /// that was registered before under the same idempotency key changes nothing.
    pub async fn register(
        &self,
        commit: &Commit,
        idempotency: Option<&Idempotency>,
        also: Option<&Commit>,
    ) -> Result<Registered, CommitError> {
        commit.check_numbering()?;
        let closed = Closed::of(commit, DataKey::generate()?)?;
        let also = match also {
            Some(also) => Some(self.to_append(also).await?),
            None => None,
        };
        let data = (self.hand(), closed, idempotency.cloned(), also);
        self.write(
            "register a case",
            data,
            |(hand, closed, request, also), connection| {
                let (request, also) = (request.as_ref(), also.as_ref());
                Box::pin(register(hand, connection, closed, request, also))
            },
        )
        .await
    }

    /// Adds to a case that is there. The writer who has seen its last event succeeds.
    pub async fn append(&self, commit: &Commit) -> Result<(), CommitError> {
        let data = (self.hand(), self.to_append(commit).await?);
        self.write("append to a case", data, |(hand, closed), connection| {
            Box::pin(append(hand, connection, closed))
        })
        .await
    }

    async fn to_append(&self, commit: &Commit) -> Result<Closed, CommitError> {
        commit.check_numbering()?;
        let key = self.key_to_write(&commit.case.id).await?;
        Ok(Closed::of(commit, key)?)
    }
}

async fn register(
    hand: &Hand,
    connection: &mut Connection,
    closed: &Closed,
    idempotency: Option<&Idempotency>,
    also: Option<&Closed>,
) -> Result<Registered, CommitError> {
    let case_id = closed.commit.case.id.as_str();
    if let Some(request) = idempotency
        && !once::take_key(&hand.keyring, connection, request, case_id).await?
        && let Some(case_id) = once::earlier(&hand.keyring, connection, request).await?
    {
        return Ok(Registered::Earlier { case_id });
    }
    let chain = closed.chain(NO_HASH);
    if closed.commit.seen() != 0 || !insert_case(hand, connection, closed, &chain).await? {
        let current = lock_case(hand.backend, connection, case_id).await?;
        return Err(CommitError::Conflict {
            case_id: case_id.to_owned(),
            current_version: current.version,
        });
    }
    let scope = keyring::of_case(case_id);
    hand.keyring.add(connection, &scope, &closed.key).await?;
    if let Some(also) = also {
        append(hand, connection, also).await?;
        if let Keys::Hold(keys) = &closed.commit.keys {
            once::pass_on(&hand.keyring, connection, &also.commit.case.id, keys).await?;
        }
    }
    write(hand, connection, closed, &chain).await?;
    Ok(Registered::New)
}

async fn append(
    hand: &Hand,
    connection: &mut Connection,
    closed: &Closed,
) -> Result<(), CommitError> {
    let commit = &closed.commit;
    let current = lock_case(hand.backend, connection, &commit.case.id).await?;
    if current.version != commit.seen() || current.version == 0 {
        return Err(CommitError::Conflict {
            case_id: commit.case.id.clone(),
            current_version: current.version,
        });
    }
    let chain = closed.chain(current.head);
    let head = chain.last().copied().unwrap_or(current.head);
    update_case(&hand.keyring, connection, commit, &head).await?;
    write(hand, connection, closed, &chain).await
}

/// Where a case stands while its row is locked.
pub(crate) struct Current {
    /// Its last event; 0 where there is no such case.
    pub version: u64,
    /// The hash of that event.
    pub head: Hash,
}

/// Where a case stands; nobody else moves it until the transaction ends.
pub(crate) async fn lock_case(
    backend: Backend,
    connection: &mut Connection,
    case_id: &str,
) -> Result<Current, Error> {
    let lock = backend.for_update();
    let sql = joined(format!(
        "SELECT version, head, erased_at FROM cases WHERE id = $1{lock}"
    ));
    let found: Option<(i64, Vec<u8>, Option<String>)> = sqlx::query_as(sql)
        .bind(case_id)
        .fetch_optional(connection)
        .await
        .map_err(failed("read the version of a case"))?;
    match found {
        None => Ok(Current {
            version: 0,
            head: NO_HASH,
        }),
        Some((_, _, Some(_))) => Err(Error::Erased {
            what: format!("case {case_id}"),
        }),
        Some((version, head, None)) => Ok(Current {
            version: unsigned(version, "the version of a case")?,
            head: hash(&head, case_id)?,
        }),
    }
}

/// A hash as it lies in the database.
pub(crate) fn hash(bytes: &[u8], case_id: &str) -> Result<Hash, Error> {
    Hash::try_from(bytes).map_err(|_| Error::Damaged {
        what: format!("a hash of case {case_id}"),
    })
}

/// False where there is a case of this id.
async fn insert_case(
    hand: &Hand,
    connection: &mut Connection,
    closed: &Closed,
    chain: &[Hash],
) -> Result<bool, Error> {
    let (commit, keyring) = (&closed.commit, &hand.keyring);
    let case = &commit.case;
    let head = chain.last().copied().unwrap_or(NO_HASH);
    let subject = case.subject.as_bytes();
    let inserted = sqlx::query(
        "INSERT INTO cases (id, region, matter, digest, subject, subject_closed, submitted_by, status,
                            round, version, next_reaction, react_due, parked, registered_at, ended_at,
                            head, head_seal)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(&case.id)
    .bind(&case.region)
    .bind(&case.matter)
    .bind(&case.digest)
    .bind(keyring.subject(&case.subject))
    .bind(closed.key.close(&place::subject(&case.id), subject)?)
    .bind(&case.submitted_by)
    .bind(&case.status)
    .bind(i64::from(case.round))
    .bind(signed(case.version))
    .bind(case.next_reaction.map(signed))
    .bind(commit.react_due.map_or(0, milliseconds))
    .bind(i64::from(case.parked))
    .bind(&case.registered_at)
    .bind(&case.ended_at)
    .bind(&head[..])
    .bind(&keyring.head_seal(&case.id, case.version, &head)[..])
    .execute(connection)
    .await
    .map_err(failed("write a case"))?;
    Ok(inserted.rows_affected() == 1)
}

/// What a case is never changes (region, matter, digest, subject, who opened it); how it stands does.
async fn update_case(
    keyring: &Keyring,
    connection: &mut Connection,
    commit: &Commit,
    head: &Hash,
) -> Result<(), Error> {
    let case: &CaseRow = &commit.case;
    sqlx::query(
        "UPDATE cases SET status = $2, round = $3, version = $4, next_reaction = $5, react_due = $6,
                          parked = $7, ended_at = $8, head = $9, head_seal = $10
         WHERE id = $1",
    )
    .bind(&case.id)
    .bind(&case.status)
    .bind(i64::from(case.round))
    .bind(signed(case.version))
    .bind(case.next_reaction.map(signed))
    .bind(commit.react_due.map_or(0, milliseconds))
    .bind(i64::from(case.parked))
    .bind(&case.ended_at)
    .bind(&head[..])
    .bind(&keyring.head_seal(&case.id, case.version, head)[..])
    .execute(connection)
    .await
    .map_err(failed("write a case"))?;
    Ok(())
}

/// Everything of a commit but the case's own row.
async fn write(
    hand: &Hand,
    connection: &mut Connection,
    closed: &Closed,
    chain: &[Hash],
) -> Result<(), CommitError> {
    let commit = &closed.commit;
    let case_id = commit.case.id.as_str();
    write_events(connection, closed, chain).await?;
    write_journal(connection, closed).await?;
    use_materials(hand.backend, connection, case_id, &commit.materials).await?;
    replace_tasks(connection, closed).await?;
    for (effect, intent) in commit.effects.iter().zip(&closed.intents) {
        write_effect(connection, case_id, effect, intent).await?;
    }
    for settled in &commit.settled {
        settle(connection, case_id, settled).await?;
    }
    // A new case has none to replace.
    if commit.seen() > 0 || !commit.timers.is_empty() {
        timers::replace(connection, case_id, &commit.timers).await?;
    }
    ledger::lock(hand.backend, connection, &commit.ledger).await?;
    let at = commit.events.last().map_or("", |event| event.at.as_str());
    for instruction in &commit.ledger {
        ledger::carry_out(connection, instruction, case_id, at).await?;
    }
    replace_groups(connection, commit).await?;
    match &commit.keys {
        Keys::Keep => Ok(()),
        Keys::Release => Ok(once::release_keys(connection, case_id).await?),
        Keys::GiveBack { to } => Ok(once::give_keys_back(connection, case_id, to).await?),
        Keys::Hold(keys) => {
            if commit.seen() > 0 {
                once::release_keys(connection, case_id).await?;
            }
            once::hold_keys(&hand.keyring, connection, case_id, keys).await
        }
    }
}

async fn write_events(
    connection: &mut Connection,
    closed: &Closed,
    chain: &[Hash],
) -> Result<(), Error> {
    let events = closed.commit.events.iter().zip(&closed.events);
    for ((event, body), hash) in events.zip(chain) {
        sqlx::query(
            "INSERT INTO events (case_id, n, at, format, body, hash) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&closed.commit.case.id)
        .bind(signed(event.n))
        .bind(&event.at)
        .bind(i64::from(body::FORMAT))
        .bind(body.as_slice())
        .bind(&hash[..])
        .execute(&mut *connection)
        .await
        .map_err(failed("write an event"))?;
    }
    Ok(())
}

async fn write_journal(connection: &mut Connection, closed: &Closed) -> Result<(), Error> {
    for (entry, body) in closed.commit.journal.iter().zip(&closed.journal) {
        sqlx::query(
            "INSERT INTO journal (case_id, n, event, function, body, usage)
             SELECT $1, coalesce(max(n), 0) + 1, $2, $3, $4, $5 FROM journal WHERE case_id = $1",
        )
        .bind(&closed.commit.case.id)
        .bind(signed(entry.event))
        .bind(&entry.function)
        .bind(body.as_slice())
        .bind(to_json(&entry.usage, "the use of an invocation")?)
        .execute(&mut *connection)
        .await
        .map_err(failed("write a journal entry"))?;
    }
    Ok(())
}

/// So that it is known which materials are no other case's, or none's. One that is being taken away
/// meanwhile is waited for: it is there to stay, or the case is not written.
async fn use_materials(
    backend: Backend,
    connection: &mut Connection,
    case_id: &str,
    materials: &[String],
) -> Result<(), CommitError> {
    let lock = backend.for_key_share();
    // In one order, as whoever takes some away.
    let materials: BTreeSet<&String> = materials.iter().collect();
    for sha256 in materials {
        let sql = joined(format!(
            "SELECT size FROM materials WHERE sha256 = $1{lock}"
        ));
        let kept: Option<i64> = sqlx::query_scalar(sql)
            .bind(sha256)
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed("look for the materials of a case"))?;
        if kept.is_none() {
            return Err(CommitError::MaterialNotStored {
                sha256: sha256.clone(),
            });
        }
        sqlx::query(
            "INSERT INTO material_uses (sha256, case_id) VALUES ($1, $2)
             ON CONFLICT (sha256, case_id) DO NOTHING",
        )
        .bind(sha256)
        .bind(case_id)
        .execute(&mut *connection)
        .await
        .map_err(failed("note the materials of a case"))?;
    }
    Ok(())
}

async fn replace_tasks(connection: &mut Connection, closed: &Closed) -> Result<(), Error> {
    let (case_id, tasks) = (&closed.commit.case.id, &closed.commit.tasks);
    let kept = match closed.commit.seen() {
        0 => Vec::new(),
        _ => read::tasks_of(connection, case_id, &closed.key).await?,
    };
    if same_tasks(tasks, kept) {
        return Ok(());
    }
    sqlx::query("DELETE FROM tasks WHERE case_id = $1")
        .bind(case_id)
        .execute(&mut *connection)
        .await
        .map_err(failed("clear the tasks of a case"))?;
    for task in tasks {
        let published = task.notice.as_ref();
        sqlx::query(
            "INSERT INTO tasks (case_id, step, function, region, role, status, version, round,
                                opened_at, notice, due, objected)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(case_id)
        .bind(&task.step)
        .bind(&task.office.function)
        .bind(&task.office.region)
        .bind(&task.role)
        .bind(&task.status)
        .bind(i64::from(task.version))
        .bind(i64::from(task.round))
        .bind(&task.opened_at)
        .bind(closed.notice(task)?)
        .bind(published.and_then(|row| row.due.as_deref()))
        .bind(i64::from(published.is_some_and(|row| row.objected)))
        .execute(&mut *connection)
        .await
        .map_err(failed("write a task"))?;
    }
    Ok(())
}

/// Most events move no task.
fn same_tasks(tasks: &[TaskRow], mut kept: Vec<TaskRow>) -> bool {
    if tasks.len() != kept.len() {
        return false;
    }
    kept.retain(|task| !tasks.contains(task));
    kept.is_empty()
}

async fn write_effect(
    connection: &mut Connection,
    case_id: &str,
    effect: &NewEffect,
    closed: &[u8],
) -> Result<(), Error> {
    let intent = &effect.intent;
    sqlx::query(
        "INSERT INTO effects (ticket, case_id, event, intent, status) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&intent.ticket)
    .bind(case_id)
    .bind(signed(effect.event))
    .bind(closed)
    .bind(EffectStatus::Pending.as_str())
    .execute(&mut *connection)
    .await
    .map_err(failed("write an effect"))?;
    for prerequisite in &intent.after {
        sqlx::query(
            "INSERT INTO effect_prerequisites (ticket, prerequisite) VALUES ($1, $2)
             ON CONFLICT (ticket, prerequisite) DO NOTHING",
        )
        .bind(&intent.ticket)
        .bind(prerequisite)
        .execute(&mut *connection)
        .await
        .map_err(failed("write what an effect comes after"))?;
    }
    if intent.after.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE effects SET waits_for = (
             SELECT count(*) FROM effect_prerequisites AS p
             JOIN effects AS earlier ON earlier.ticket = p.prerequisite
             WHERE p.ticket = $1 AND earlier.status <> 'done')
         WHERE ticket = $1",
    )
    .bind(&intent.ticket)
    .execute(connection)
    .await
    .map_err(failed("write what an effect comes after"))?;
    Ok(())
}

async fn settle(
    connection: &mut Connection,
    case_id: &str,
    settled: &Settled,
) -> Result<(), CommitError> {
    let operation = "settle an effect";
    let settlement = &settled.settlement;
    let status = match settlement.outcome {
        Ok(_) => EffectStatus::Done,
        Err(_) => EffectStatus::Refused,
    };
    let changed = sqlx::query(
        "UPDATE effects SET status = $3, hand_by = coalesce($5, hand_by),
                            hand_at = coalesce($6, hand_at)
         WHERE ticket = $1 AND case_id = $2 AND status IN ('pending', 'sent', 'dead')
           AND ($4 IS NULL OR claim = $4)",
    )
    .bind(&settlement.ticket)
    .bind(case_id)
    .bind(status.as_str())
    .bind(settled.claim.map(signed))
    .bind(settled.by_hand.as_ref().map(|hand| hand.by.as_str()))
    .bind(settled.by_hand.as_ref().map(|hand| hand.at.as_str()))
    .execute(&mut *connection)
    .await
    .map_err(failed(operation))?;
    if changed.rows_affected() != 1 {
        return Err(not_held(connection, case_id, &settlement.ticket, settled.claim).await?);
    }
    if status == EffectStatus::Done {
        sqlx::query(
            "UPDATE effects SET waits_for = waits_for - 1
             WHERE ticket IN (SELECT ticket FROM effect_prerequisites WHERE prerequisite = $1)",
        )
        .bind(&settlement.ticket)
        .execute(connection)
        .await
        .map_err(failed(operation))?;
    }
    Ok(())
}

/// Why an effect could not be moved on under a claim.
pub(crate) async fn not_held(
    connection: &mut Connection,
    case_id: &str,
    ticket: &str,
    claim: Option<u64>,
) -> Result<CommitError, Error> {
    let current: Option<i64> =
        sqlx::query_scalar("SELECT claim FROM effects WHERE ticket = $1 AND case_id = $2")
            .bind(ticket)
            .bind(case_id)
            .fetch_optional(connection)
            .await
            .map_err(failed("read an effect"))?;
    let ticket = ticket.to_owned();
    Ok(match (current, claim.map(signed)) {
        (Some(current), Some(claim)) if current != claim => CommitError::Fenced { ticket },
        _ => Error::UnknownEffect {
            case_id: case_id.to_owned(),
            ticket,
        }
        .into(),
    })
}

async fn replace_groups(connection: &mut Connection, commit: &Commit) -> Result<(), Error> {
    let operation = "write what a case is counted by";
    let (case_id, groups) = (&commit.case.id, &commit.groups);
    if commit.seen() > 0 && !groups.is_empty() {
        sqlx::query("DELETE FROM case_groups WHERE case_id = $1")
            .bind(case_id)
            .execute(&mut *connection)
            .await
            .map_err(failed(operation))?;
    }
    for (name, value) in groups {
        sqlx::query("INSERT INTO case_groups (case_id, name, value) VALUES ($1, $2, $3)")
            .bind(case_id)
            .bind(name)
            .bind(value)
            .execute(&mut *connection)
            .await
            .map_err(failed(operation))?;
    }
    Ok(())
}
