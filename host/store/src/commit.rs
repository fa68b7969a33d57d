//! Writing to a case: events and everything that follows from them, in one transaction.

use crate::error::{failed, signed, to_json, unsigned};
use crate::{CommitError, Connection, EffectStatus, Error, Instruction, Store, ledger};
use onething_case::Recorded;
use onething_contract::{Intent, Office, PublicNotice, Settlement};
use serde_json::Value;

/// What one transaction adds to a case.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The case as it is after `events`; replaces the row that was there.
    pub case: CaseRow,
    /// Its open and held tasks; replaces those that were there.
    pub tasks: Vec<TaskRow>,
    /// Numbered on from the version that the writer has seen, up to `case.version`.
    pub events: Vec<Recorded>,
    /// The invocations behind the events.
    pub journal: Vec<JournalEntry>,
    /// Effects to carry out from now on.
    pub effects: Vec<NewEffect>,
    /// Effects that came to an end.
    pub settled: Vec<Settlement>,
    /// What becomes of money, in this order.
    pub ledger: Vec<Instruction>,
    /// What the case is counted by, name and value; those that were there stay where there are none.
    pub groups: Vec<(String, String)>,
    /// What becomes of the case's unique keys.
    pub keys: Keys,
}

/// The unique keys of a case: held while it is open and after it is completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// As before.
    Keep,
    /// Exactly these from now on: at registration and at each new round.
    Hold(Vec<String>),
    /// None: the case has ended other than completed.
    Release,
}

/// A case in the read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// See [`Store::next_case_number`].
    pub id: String,
    /// GB/T 2260.
    pub region: String,
    /// The matter's name.
    pub matter: String,
    /// The bundle it is pinned to, SHA-256 in hex.
    pub digest: String,
    /// The subject's identifier.
    pub subject: String,
    /// The caller who opened it.
    pub submitted_by: String,
    /// In the words of the case engine.
    pub status: String,
    /// 0 at first, one more at each correction.
    pub round: u32,
    /// Its last event.
    pub version: u64,
    /// The event that the bundle has still to react to, the first if there are more.
    pub next_reaction: Option<u64>,
    /// A fault of the bundle has stopped its reactions.
    pub parked: bool,
    /// RFC 3339.
    pub registered_at: String,
    /// RFC 3339.
    pub ended_at: Option<String>,
}

/// A task in the read model: an open or held step of an office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// The case.
    pub case_id: String,
    /// The step of its plan.
    pub step: String,
    /// Who is to decide it.
    pub office: Office,
    /// The role that may decide it.
    pub role: String,
    /// In the words of the case engine.
    pub status: String,
    /// One more each time it is opened again.
    pub version: u32,
    /// The case's round.
    pub round: u32,
    /// RFC 3339.
    pub opened_at: String,
    /// Published while the step is open (公示).
    pub notice: Option<NoticeRow>,
}

/// A public notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// What is published.
    pub notice: PublicNotice,
    /// When its period is over, RFC 3339; `None` where a year on the way has no calendar yet.
    pub due: Option<String>,
    /// Somebody has objected: the period ends with the office's decision and not by itself.
    pub objected: bool,
}

/// One invocation of a bundle, for replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// The event at hand.
    pub event: u64,
    /// The export that was called.
    pub function: String,
    /// The journal's exact bytes.
    pub body: Vec<u8>,
    /// Measurements beside it.
    pub usage: Value,
}

/// An effect that a bundle asked for when it heard `event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEffect {
    /// The event that it reacted to: documents are rendered as of it.
    pub event: u64,
    /// What is to be done, under which ticket, after which others.
    pub intent: Intent,
}

/// What a caller gives so that the same request, sent twice, makes one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Who calls; keys of different callers never meet.
    pub caller: String,
    /// As the caller gave it.
    pub key: String,
    /// Hex, of the request.
    pub request_sha256: String,
}

/// How a registration came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// The case is there.
    New,
    /// The same request came before and made this case; nothing was written now.
    Earlier {
        /// Its id.
        case_id: String,
    },
}

impl Commit {
    /// The last event that its writer has seen; 0 before a case is there.
    fn seen(&self) -> u64 {
        match self.events.first() {
            Some(first) => first.n.saturating_sub(1),
            None => self.case.version,
        }
    }

    fn check_numbering(&self) -> Result<(), Error> {
        let mut expected = self.seen();
        for event in &self.events {
            expected += 1;
            self.check_number(event.n, expected)?;
        }
        self.check_number(self.case.version, expected)
    }

    fn check_number(&self, n: u64, expected: u64) -> Result<(), Error> {
        if n == expected {
            return Ok(());
        }
        Err(Error::Numbering {
            case_id: self.case.id.clone(),
            n,
            expected,
        })
    }
}

impl Store {
    /// Registers a new case. The keys of [`Keys::Hold`] must be free; a request that was
    /// registered before under the same idempotency key changes nothing.
    pub async fn register(
        &self,
        commit: &Commit,
        idempotency: Option<&Idempotency>,
    ) -> Result<Registered, CommitError> {
        let operation = "register a case";
        commit.check_numbering()?;
        let mut transaction = self.begin(operation).await?;
        if let Some(request) = idempotency
            && let Some(case_id) = earlier(&mut transaction, request).await?
        {
            return Ok(Registered::Earlier { case_id });
        }
        let current_version = version(&mut transaction, &commit.case.id).await?;
        if current_version != 0 || commit.seen() != 0 {
            return Err(CommitError::Conflict {
                case_id: commit.case.id.clone(),
                current_version,
            });
        }
        insert_case(&mut transaction, &commit.case).await?;
        write(&mut transaction, commit).await?;
        if let Some(request) = idempotency {
            sqlx::query(
                "INSERT INTO idempotency (caller, key, request_sha256, case_id)
                 VALUES ($1, $2, $3, $4)",
            )
            .bind(&request.caller)
            .bind(&request.key)
            .bind(&request.request_sha256)
            .bind(&commit.case.id)
            .execute(&mut *transaction)
            .await
            .map_err(failed("keep an idempotency key"))?;
        }
        self.commit(transaction, operation).await?;
        Ok(Registered::New)
    }

    /// Adds to a case that is there. The writer who has seen its last event succeeds.
    pub async fn append(&self, commit: &Commit) -> Result<(), CommitError> {
        let operation = "append to a case";
        commit.check_numbering()?;
        let mut transaction = self.begin(operation).await?;
        let current_version = version(&mut transaction, &commit.case.id).await?;
        if current_version != commit.seen() || current_version == 0 {
            return Err(CommitError::Conflict {
                case_id: commit.case.id.clone(),
                current_version,
            });
        }
        update_case(&mut transaction, &commit.case).await?;
        write(&mut transaction, commit).await?;
        self.commit(transaction, operation).await?;
        Ok(())
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

async fn version(connection: &mut Connection, case_id: &str) -> Result<u64, Error> {
    let version: Option<i64> = sqlx::query_scalar("SELECT version FROM cases WHERE id = $1")
        .bind(case_id)
        .fetch_optional(connection)
        .await
        .map_err(failed("read the version of a case"))?;
    unsigned(version.unwrap_or(0), "the version of a case")
}

async fn insert_case(connection: &mut Connection, case: &CaseRow) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO cases (id, region, matter, digest, subject, submitted_by, status, round, version,
                            next_reaction, parked, registered_at, ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
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
    .bind(case.parked)
    .bind(&case.registered_at)
    .bind(&case.ended_at)
    .execute(connection)
    .await
    .map_err(failed("write a case"))?;
    Ok(())
}

/// What a case is never changes (region, matter, digest, subject, who opened it); how it stands does.
async fn update_case(connection: &mut Connection, case: &CaseRow) -> Result<(), Error> {
    sqlx::query(
        "UPDATE cases SET status = $2, round = $3, version = $4, next_reaction = $5, parked = $6,
                          ended_at = $7
         WHERE id = $1",
    )
    .bind(&case.id)
    .bind(&case.status)
    .bind(i64::from(case.round))
    .bind(signed(case.version))
    .bind(case.next_reaction.map(signed))
    .bind(case.parked)
    .bind(&case.ended_at)
    .execute(connection)
    .await
    .map_err(failed("write a case"))?;
    Ok(())
}

/// Everything of a commit but the case's own row.
async fn write(connection: &mut Connection, commit: &Commit) -> Result<(), CommitError> {
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
    for settlement in &commit.settled {
        settle(connection, case_id, settlement).await?;
    }
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
        .bind(to_json(&event.event, "an event")?)
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
        .bind(published.is_some_and(|row| row.objected))
        .execute(&mut *connection)
        .await
        .map_err(failed("write a task"))?;
    }
    Ok(())
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
    Ok(())
}

async fn settle(
    connection: &mut Connection,
    case_id: &str,
    settlement: &Settlement,
) -> Result<(), Error> {
    let status = match settlement.outcome {
        Ok(_) => EffectStatus::Done,
        Err(_) => EffectStatus::Refused,
    };
    let settled = sqlx::query(
        "UPDATE effects SET status = $3 WHERE ticket = $1 AND case_id = $2 AND status IN ('pending', 'sent')",
    )
    .bind(&settlement.ticket)
    .bind(case_id)
    .bind(status.as_str())
    .execute(connection)
    .await
    .map_err(failed("settle an effect"))?;
    if settled.rows_affected() == 1 {
        return Ok(());
    }
    Err(Error::UnknownEffect {
        case_id: case_id.to_owned(),
        ticket: settlement.ticket.clone(),
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

async fn hold_keys(
    connection: &mut Connection,
    case_id: &str,
    keys: &[String],
) -> Result<(), CommitError> {
    for key in keys {
        sqlx::query(
            "INSERT INTO unique_keys (key, case_id) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
        )
        .bind(key)
        .bind(case_id)
        .execute(&mut *connection)
        .await
        .map_err(failed("hold a unique key"))?;
        let holder: String = sqlx::query_scalar("SELECT case_id FROM unique_keys WHERE key = $1")
            .bind(key)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed("hold a unique key"))?;
        if holder != case_id {
            return Err(CommitError::KeyTaken {
                key: key.clone(),
                case_id: holder,
            });
        }
    }
    Ok(())
}
