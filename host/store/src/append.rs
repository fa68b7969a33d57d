//! Writing to a case.

use crate::backend::{Backend, joined};
use crate::error::{failed, signed, to_json, unsigned};
use crate::{
    CaseRow, Commit, CommitError, Connection, EffectStatus, Error, Idempotency, JournalEntry, Keys,
    NewEffect, Registered, Settled, Store, TaskRow, body, ledger, milliseconds, read, timers,
};
use onething_case::Recorded;

impl Store {
    /// Registers a new case. The keys of [`Keys::Hold`] must be free; a request that was
    /// registered before under the same idempotency key changes nothing.
    pub async fn register(
        &self,
        commit: &Commit,
        idempotency: Option<&Idempotency>,
    ) -> Result<Registered, CommitError> {
        commit.check_numbering()?;
        let data = (self.backend, commit.clone(), idempotency.cloned());
        self.write("register a case", data, |(backend, commit, request), connection| {
            Box::pin(register(*backend, connection, commit, request.as_ref()))
        })
        .await
    }

    /// Adds to a case that is there. The writer who has seen its last event succeeds.
    pub async fn append(&self, commit: &Commit) -> Result<(), CommitError> {
        commit.check_numbering()?;
        let data = (self.backend, commit.clone());
        self.write("append to a case", data, |(backend, commit), connection| {
            Box::pin(append(*backend, connection, commit))
        })
        .await
    }

    /// The case that an earlier, identical request made, before anything is computed for this one.
    pub async fn find_idempotent(
        &self,
        request: &Idempotency,
    ) -> Result<Option<String>, CommitError> {
        let mut connection = self
            .readers
            .acquire()
            .await
            .map_err(failed("look for an earlier request"))?;
        earlier(&mut connection, request).await
    }
}

async fn register(
    backend: Backend,
    connection: &mut Connection,
    commit: &Commit,
    idempotency: Option<&Idempotency>,
) -> Result<Registered, CommitError> {
    let case_id = commit.case.id.as_str();
    if let Some(request) = idempotency
        && !take_key(connection, request, case_id).await?
        && let Some(case_id) = earlier(connection, request).await?
    {
        return Ok(Registered::Earlier { case_id });
    }
    if commit.seen() != 0 || !insert_case(connection, commit).await? {
        return Err(CommitError::Conflict {
            case_id: case_id.to_owned(),
            current_version: lock_case(backend, connection, case_id).await?,
        });
    }
    write(backend, connection, commit).await?;
    Ok(Registered::New)
}

async fn append(
    backend: Backend,
    connection: &mut Connection,
    commit: &Commit,
) -> Result<(), CommitError> {
    let current_version = lock_case(backend, connection, &commit.case.id).await?;
    if current_version != commit.seen() || current_version == 0 {
        return Err(CommitError::Conflict {
            case_id: commit.case.id.clone(),
            current_version,
        });
    }
    update_case(connection, commit).await?;
    write(backend, connection, commit).await
}

/// False where the caller has used this idempotency key before. A second node with the same request
/// waits here until the first has committed.
async fn take_key(
    connection: &mut Connection,
    request: &Idempotency,
    case_id: &str,
) -> Result<bool, Error> {
    let taken = sqlx::query(
        "INSERT INTO idempotency (caller, key, request_sha256, case_id)
         VALUES ($1, $2, $3, $4) ON CONFLICT (caller, key) DO NOTHING",
    )
    .bind(&request.caller)
    .bind(&request.key)
    .bind(&request.request_sha256)
    .bind(case_id)
    .execute(connection)
    .await
    .map_err(failed("keep an idempotency key"))?;
    Ok(taken.rows_affected() == 1)
}

async fn earlier(
    connection: &mut Connection,
    request: &Idempotency,
) -> Result<Option<String>, CommitError> {
    let found: Option<(String, String)> = sqlx::query_as(
        "SELECT request_sha256, case_id FROM idempotency WHERE caller = $1 AND key = $2",
    )
    .bind(&request.caller)
    .bind(&request.key)
    .fetch_optional(connection)
    .await
    .map_err(failed("look for an earlier request"))?;
    match found {
        None => Ok(None),
        Some((sha256, case_id)) if sha256 == request.request_sha256 => Ok(Some(case_id)),
        Some(_) => Err(CommitError::IdempotencyMismatch {
            key: request.key.clone(),
        }),
    }
}

/// The last event of a case, 0 where there is none; nobody else moves it until the transaction ends.
pub(crate) async fn lock_case(
    backend: Backend,
    connection: &mut Connection,
    case_id: &str,
) -> Result<u64, Error> {
    let lock = backend.for_update();
    let sql = joined(format!("SELECT version FROM cases WHERE id = $1{lock}"));
    let version: Option<i64> = sqlx::query_scalar(sql)
        .bind(case_id)
        .fetch_optional(connection)
        .await
        .map_err(failed("read the version of a case"))?;
    unsigned(version.unwrap_or(0), "the version of a case")
}

/// False where there is a case of this id.
async fn insert_case(connection: &mut Connection, commit: &Commit) -> Result<bool, Error> {
    let case = &commit.case;
    let inserted = sqlx::query(
        "INSERT INTO cases (id, region, matter, digest, subject, submitted_by, status, round, version,
                            next_reaction, react_due, parked, registered_at, ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(&case.id)
    .bind(&case.region)
    .bind(&case.matter)
    .bind(&case.digest)
    .bind(&case.subject)
    .bind(&case.submitted_by)
    .bind(&case.status)
    .bind(i64::from(case.round))
    .bind(signed(case.version))
    .bind(case.next_reaction.map(signed))
    .bind(commit.react_due.map_or(0, milliseconds))
    .bind(i64::from(case.parked))
    .bind(&case.registered_at)
    .bind(&case.ended_at)
    .execute(connection)
    .await
    .map_err(failed("write a case"))?;
    Ok(inserted.rows_affected() == 1)
}

/// What a case is never changes (region, matter, digest, subject, who opened it); how it stands does.
async fn update_case(connection: &mut Connection, commit: &Commit) -> Result<(), Error> {
    let case: &CaseRow = &commit.case;
    sqlx::query(
        "UPDATE cases SET status = $2, round = $3, version = $4, next_reaction = $5, react_due = $6,
                          parked = $7, ended_at = $8
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
    .execute(connection)
    .await
    .map_err(failed("write a case"))?;
    Ok(())
}

/// Everything of a commit but the case's own row.
async fn write(
    backend: Backend,
    connection: &mut Connection,
    commit: &Commit,
) -> Result<(), CommitError> {
    let case_id = commit.case.id.as_str();
    for event in &commit.events {
        write_event(connection, case_id, event).await?;
    }
    for entry in &commit.journal {
        write_journal(connection, case_id, entry).await?;
    }
    replace_tasks(connection, case_id, &commit.tasks).await?;
    for effect in &commit.effects {
        write_effect(connection, case_id, effect).await?;
    }
    for settled in &commit.settled {
        settle(connection, case_id, settled).await?;
    }
    timers::replace(connection, case_id, &commit.timers).await?;
    ledger::lock(backend, connection, &commit.ledger).await?;
    let at = commit.events.last().map_or("", |event| event.at.as_str());
    for instruction in &commit.ledger {
        ledger::carry_out(connection, instruction, case_id, at).await?;
    }
    replace_groups(connection, case_id, &commit.groups).await?;
    match &commit.keys {
        Keys::Keep => Ok(()),
        Keys::Release => Ok(release_keys(connection, case_id).await?),
        Keys::Hold(keys) => {
            release_keys(connection, case_id).await?;
            hold_keys(connection, case_id, keys).await
        }
    }
}

async fn write_event(
    connection: &mut Connection,
    case_id: &str,
    event: &Recorded,
) -> Result<(), Error> {
    sqlx::query("INSERT INTO events (case_id, n, at, body) VALUES ($1, $2, $3, $4)")
        .bind(case_id)
        .bind(signed(event.n))
        .bind(&event.at)
        .bind(body::encode(&event.event)?)
        .execute(connection)
        .await
        .map_err(failed("write an event"))?;
    Ok(())
}

async fn write_journal(
    connection: &mut Connection,
    case_id: &str,
    entry: &JournalEntry,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO journal (case_id, n, event, function, body, usage)
         SELECT $1, coalesce(max(n), 0) + 1, $2, $3, $4, $5 FROM journal WHERE case_id = $1",
    )
    .bind(case_id)
    .bind(signed(entry.event))
    .bind(&entry.function)
    .bind(&entry.body)
    .bind(to_json(&entry.usage, "the use of an invocation")?)
    .execute(connection)
    .await
    .map_err(failed("write a journal entry"))?;
    Ok(())
}

async fn replace_tasks(
    connection: &mut Connection,
    case_id: &str,
    tasks: &[TaskRow],
) -> Result<(), Error> {
    if same_tasks(tasks, read::tasks_of(connection, case_id).await?) {
        return Ok(());
    }
    sqlx::query("DELETE FROM tasks WHERE case_id = $1")
        .bind(case_id)
        .execute(&mut *connection)
        .await
        .map_err(failed("clear the tasks of a case"))?;
    for task in tasks {
        let published = task.notice.as_ref();
        let notice = published
            .map(|row| to_json(&row.notice, "a public notice"))
            .transpose()?;
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
        .bind(notice)
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
) -> Result<(), Error> {
    let intent = &effect.intent;
    sqlx::query(
        "INSERT INTO effects (ticket, case_id, event, intent, status) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&intent.ticket)
    .bind(case_id)
    .bind(signed(effect.event))
    .bind(to_json(intent, "an effect")?)
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
        "UPDATE effects SET status = $3
         WHERE ticket = $1 AND case_id = $2 AND status IN ('pending', 'sent', 'dead')
           AND ($4 IS NULL OR claim = $4)",
    )
    .bind(&settlement.ticket)
    .bind(case_id)
    .bind(status.as_str())
    .bind(settled.claim.map(signed))
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

async fn replace_groups(
    connection: &mut Connection,
    case_id: &str,
    groups: &[(String, String)],
) -> Result<(), Error> {
    let operation = "write what a case is counted by";
    if !groups.is_empty() {
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

async fn release_keys(connection: &mut Connection, case_id: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM unique_keys WHERE case_id = $1")
        .bind(case_id)
        .execute(connection)
        .await
        .map_err(failed("release the unique keys of a case"))?;
    Ok(())
}

/// In one order for all, so that two cases do not wait for each other.
async fn hold_keys(
    connection: &mut Connection,
    case_id: &str,
    keys: &[String],
) -> Result<(), CommitError> {
    let mut keys: Vec<&String> = keys.iter().collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        if let Some(holder) = hold_key(connection, case_id, key).await? {
            return Err(CommitError::KeyTaken {
                key: key.clone(),
                case_id: holder,
            });
        }
    }
    Ok(())
}

/// Who holds the key already.
async fn hold_key(
    connection: &mut Connection,
    case_id: &str,
    key: &str,
) -> Result<Option<String>, Error> {
    let operation = "hold a unique key";
    loop {
        let held = sqlx::query(
            "INSERT INTO unique_keys (key, case_id) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
        )
        .bind(key)
        .bind(case_id)
        .execute(&mut *connection)
        .await
        .map_err(failed(operation))?;
        if held.rows_affected() == 1 {
            return Ok(None);
        }
        let holder: Option<String> =
            sqlx::query_scalar("SELECT case_id FROM unique_keys WHERE key = $1")
                .bind(key)
                .fetch_optional(&mut *connection)
                .await
                .map_err(failed(operation))?;
        // None: whoever held it has let go meanwhile.
        if holder.is_some() {
            return Ok(holder);
        }
    }
}
