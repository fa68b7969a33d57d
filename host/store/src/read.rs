//! Reading cases back: the log as it is, and the lists of the read model.

use crate::backend::joined;
use crate::closed::place;
use crate::error::{failed, from_json, malformed, unsigned};
use crate::filter::Filter;
use crate::keyring::{self, Keyring};
use crate::vault::DataKey;
use crate::{CaseRow, Connection, Error, JournalEntry, NoticeRow, ROWS_MAX, Store, TaskRow, body};
use onething_case::Recorded;
use onething_contract::Office;
use sqlx::AssertSqlSafe;

/// Which cases to list; what is not given is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// The id itself.
    pub id: Option<String>,
    /// GB/T 2260, exactly.
    pub region: Option<String>,
    /// The matter's name.
    pub matter: Option<String>,
    /// In the words of the case engine.
    pub status: Option<String>,
    /// The subject's identifier.
    pub subject: Option<String>,
    /// The caller who opened it.
    pub submitted_by: Option<String>,
    /// Stopped by a fault, or not.
    pub parked: Option<bool>,
    /// Those after this id: the last of the page before.
    pub after: Option<String>,
}

/// Where a list of tasks goes on: the last one of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskKey {
    /// The case.
    pub case_id: String,
    /// Its step.
    pub step: String,
}

impl Store {
    /// Every event of a case, in order; none where there is no such case.
    ///
    /// # Errors
    /// [`Error::Erased`] where the case was erased; what is damaged is named.
    pub async fn load(&self, case_id: &str) -> Result<Vec<Recorded>, Error> {
        let rows: Vec<EventColumns> = sqlx::query_as(
            "SELECT n, at, format, body, master, wrapped
             FROM events LEFT JOIN data_keys ON scope = $2 WHERE case_id = $1 ORDER BY n",
        )
        .bind(case_id)
        .bind(keyring::of_case(case_id))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("load the events of a case"))?;
        let key_of = |(_, _, _, _, master, wrapped): &EventColumns| {
            let columns = (master.clone(), wrapped.clone());
            self.keyring.case_key(case_id, columns)
        };
        let Some(key) = rows.first().map(key_of).transpose()? else {
            return Ok(Vec::new());
        };
        let event = |(n, at, format, body, _, _): EventColumns| {
            let n = unsigned(n, "the number of an event")?;
            let format = unsigned(format, "the format of an event")?;
            let open = key.open(&place::event(case_id, n), &body)?;
            Ok(Recorded {
                n,
                at,
                event: body::decode(case_id, n, format, &open)?,
            })
        };
        rows.into_iter().map(event).collect()
    }

    /// Every invocation of a case, in order.
    pub async fn journal(&self, case_id: &str) -> Result<Vec<JournalEntry>, Error> {
        let rows: Vec<JournalColumns> = sqlx::query_as(
            "SELECT event, function, body, usage, master, wrapped
             FROM journal LEFT JOIN data_keys ON scope = $2 WHERE case_id = $1 ORDER BY n",
        )
        .bind(case_id)
        .bind(keyring::of_case(case_id))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("load the journal of a case"))?;
        let entry = |(event, function, body, usage, master, wrapped): JournalColumns| {
            let key = self.keyring.case_key(case_id, (master, wrapped))?;
            let event = unsigned(event, "the event of a journal entry")?;
            Ok(JournalEntry {
                body: key.open(&place::journal(case_id, event, &function), &body)?,
                event,
                function,
                usage: from_json(&usage, "the use of an invocation")?,
            })
        };
        rows.into_iter().map(entry).collect()
    }

    /// Cases by id, at most [`ROWS_MAX`]. Those that were erased are there, without their subject.
    pub async fn cases(&self, filter: &CaseFilter, limit: u32) -> Result<Vec<CaseRow>, Error> {
        let subject = filter.subject.as_deref();
        let query = Filter::new(SELECT_CASES)
            .and("id =", filter.id.as_deref())?
            .and("region =", filter.region.as_deref())?
            .and("matter =", filter.matter.as_deref())?
            .and("status =", filter.status.as_deref())?
            .and(
                "subject =",
                subject.map(|subject| self.keyring.subject(subject)),
            )?
            .and("submitted_by =", filter.submitted_by.as_deref())?
            .and("parked =", filter.parked.map(i64::from))?
            .and("id >", filter.after.as_deref())?
            .order("id", limit.min(ROWS_MAX))?;
        let rows: Vec<CaseColumns> = sqlx::query_as_with(AssertSqlSafe(query.sql), query.arguments)
            .fetch_all(&self.readers)
            .await
            .map_err(failed("list cases"))?;
        let case = |columns| case(&self.keyring, columns);
        rows.into_iter().map(case).collect()
    }

    /// The ids of all cases, those after one, at most [`ROWS_MAX`].
    pub async fn case_ids(&self, after: &str) -> Result<Vec<String>, Error> {
        sqlx::query_scalar("SELECT id FROM cases WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after)
            .bind(i64::from(ROWS_MAX))
            .fetch_all(&self.readers)
            .await
            .map_err(failed("list cases"))
    }

    /// The tasks of an office by case and step, at most [`ROWS_MAX`].
    pub async fn tasks(
        &self,
        office: &Office,
        after: Option<&TaskKey>,
        limit: u32,
    ) -> Result<Vec<TaskRow>, Error> {
        let (case_id, step) = match after {
            Some(key) => (key.case_id.as_str(), key.step.as_str()),
            None => ("", ""),
        };
        let sql = joined(format!(
            "{SELECT_TASKS}
             WHERE function = $1 AND region = $2 AND (case_id, step) > ($3, $4)
             ORDER BY case_id, step LIMIT $5"
        ));
        let rows: Vec<TaskColumns> = sqlx::query_as(sql)
            .bind(&office.function)
            .bind(&office.region)
            .bind(case_id)
            .bind(step)
            .bind(i64::from(limit.min(ROWS_MAX)))
            .fetch_all(&self.readers)
            .await
            .map_err(failed("list the tasks of an office"))?;
        let task = |columns| task(&self.keyring, columns);
        rows.into_iter().map(task).collect()
    }

    /// The tasks that publish a notice, by case and step, at most [`ROWS_MAX`].
    pub async fn published(
        &self,
        after: Option<&TaskKey>,
        limit: u32,
    ) -> Result<Vec<TaskRow>, Error> {
        let (case_id, step) = match after {
            Some(key) => (key.case_id.as_str(), key.step.as_str()),
            None => ("", ""),
        };
        let sql = joined(format!(
            "{SELECT_TASKS}
             WHERE notice IS NOT NULL AND (case_id, step) > ($1, $2)
             ORDER BY case_id, step LIMIT $3"
        ));
        let rows: Vec<TaskColumns> = sqlx::query_as(sql)
            .bind(case_id)
            .bind(step)
            .bind(i64::from(limit.min(ROWS_MAX)))
            .fetch_all(&self.readers)
            .await
            .map_err(failed("list public notices"))?;
        let task = |columns| task(&self.keyring, columns);
        rows.into_iter().map(task).collect()
    }
}

/// The tasks of a case, for who is about to replace them.
pub(crate) async fn tasks_of(
    connection: &mut Connection,
    case_id: &str,
    key: &DataKey,
) -> Result<Vec<TaskRow>, Error> {
    let rows: Vec<TaskColumns> = sqlx::query_as(
        "SELECT case_id, step, function, region, role, status, version, round, opened_at,
                notice, due, objected, NULL, NULL
         FROM tasks WHERE case_id = $1",
    )
    .bind(case_id)
    .fetch_all(connection)
    .await
    .map_err(failed("read the tasks of a case"))?;
    let task = |columns| opened_task(columns, || Ok(key.clone()));
    rows.into_iter().map(task).collect()
}

/// The key's columns come last; only a notice needs them, and only for one are they looked up.
const SELECT_TASKS: &str = "SELECT case_id, step, function, region, role, status, version, round,
        opened_at, notice, due, objected,
        CASE WHEN notice IS NOT NULL
             THEN (SELECT master FROM data_keys WHERE scope = 'case/' || case_id) END,
        CASE WHEN notice IS NOT NULL
             THEN (SELECT wrapped FROM data_keys WHERE scope = 'case/' || case_id) END
 FROM tasks";

/// Of one table, so that a filter's columns are the case's.
pub(crate) const SELECT_CASES: &str =
    "SELECT id, region, matter, digest, subject_closed, submitted_by,
        status, round, version, next_reaction, parked, registered_at, ended_at,
        (SELECT master FROM data_keys WHERE scope = 'case/' || id),
        (SELECT wrapped FROM data_keys WHERE scope = 'case/' || id)
 FROM cases WHERE TRUE";

type EventColumns = (i64, String, i64, Vec<u8>, Option<String>, Option<Vec<u8>>);

type JournalColumns = (
    i64,
    String,
    Vec<u8>,
    String,
    Option<String>,
    Option<Vec<u8>>,
);

pub(crate) fn text(bytes: Vec<u8>, what: &str) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|_| Error::Damaged {
        what: format!("a text of {what}"),
    })
}

type TaskColumns = (
    String,
    String,
    String,
    String,
    String,
    String,
    i64,
    i64,
    String,
    Option<Vec<u8>>,
    Option<String>,
    i64,
    Option<String>,
    Option<Vec<u8>>,
);

fn task(keyring: &Keyring, columns: TaskColumns) -> Result<TaskRow, Error> {
    let case_id = columns.0.clone();
    let wrapped = (columns.12.clone(), columns.13.clone());
    opened_task(columns, || keyring.case_key(&case_id, wrapped))
}

fn opened_task(
    columns: TaskColumns,
    key: impl FnOnce() -> Result<DataKey, Error>,
) -> Result<TaskRow, Error> {
    let (
        case_id,
        step,
        function,
        region,
        role,
        status,
        version,
        round,
        opened_at,
        notice,
        due,
        objected,
        _,
        _,
    ) = columns;
    let notice = match notice {
        None => None,
        Some(notice) => Some(NoticeRow {
            notice: opened(&key()?, &place::notice(&case_id, &step), &notice)?,
            due,
            objected: objected != 0,
        }),
    };
    Ok(TaskRow {
        case_id,
        step,
        office: Office { function, region },
        role,
        status,
        version: unsigned(version, "the version of a task")?,
        round: unsigned(round, "the round of a task")?,
        opened_at,
        notice,
    })
}

/// What was closed as JSON.
pub(crate) fn opened<T: serde::de::DeserializeOwned>(
    key: &DataKey,
    place: &str,
    closed: &[u8],
) -> Result<T, Error> {
    let open = key.open(place, closed)?;
    serde_json::from_slice(&open).map_err(|source| malformed(place, source))
}

pub(crate) type CaseColumns = (
    String,
    String,
    String,
    String,
    Vec<u8>,
    String,
    String,
    i64,
    i64,
    Option<i64>,
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<Vec<u8>>,
);

pub(crate) fn case(keyring: &Keyring, columns: CaseColumns) -> Result<CaseRow, Error> {
    let (
        id,
        region,
        matter,
        digest,
        subject,
        submitted_by,
        status,
        round,
        version,
        next_reaction,
        parked,
        registered_at,
        ended_at,
        master,
        wrapped,
    ) = columns;
    let subject = match keyring.unwrap(&keyring::of_case(&id), (master, wrapped))? {
        Some(key) => text(key.open(&place::subject(&id), &subject)?, &id)?,
        None => String::new(),
    };
    Ok(CaseRow {
        id,
        region,
        matter,
        digest,
        subject,
        submitted_by,
        status,
        round: unsigned(round, "the round of a case")?,
        version: unsigned(version, "the version of a case")?,
        next_reaction: next_reaction
            .map(|n| unsigned(n, "the next reaction of a case"))
            .transpose()?,
        parked: parked != 0,
        registered_at,
        ended_at,
    })
}
