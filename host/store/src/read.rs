//! Reading cases back: the log as it is, and the lists of the read model.

use crate::error::{failed, from_json, unsigned};
use crate::filter::Filter;
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
    pub async fn load(&self, case_id: &str) -> Result<Vec<Recorded>, Error> {
        let rows: Vec<(i64, String, Vec<u8>)> =
            sqlx::query_as("SELECT n, at, body FROM events WHERE case_id = $1 ORDER BY n")
                .bind(case_id)
                .fetch_all(&self.readers)
                .await
                .map_err(failed("load the events of a case"))?;
        rows.into_iter()
            .map(|(n, at, body)| {
                Ok(Recorded {
                    n: unsigned(n, "the number of an event")?,
                    at,
                    event: body::decode(case_id, n, &body)?,
                })
            })
            .collect()
    }

    /// Every invocation of a case, in order.
    pub async fn journal(&self, case_id: &str) -> Result<Vec<JournalEntry>, Error> {
        let rows: Vec<(i64, String, Vec<u8>, String)> = sqlx::query_as(
            "SELECT event, function, body, usage FROM journal WHERE case_id = $1 ORDER BY n",
        )
        .bind(case_id)
        .fetch_all(&self.readers)
        .await
        .map_err(failed("load the journal of a case"))?;
        rows.into_iter()
            .map(|(event, function, body, usage)| {
                Ok(JournalEntry {
                    event: unsigned(event, "the event of a journal entry")?,
                    function,
                    body,
                    usage: from_json(&usage, "the use of an invocation")?,
                })
            })
            .collect()
    }

    /// Cases by id, at most [`ROWS_MAX`].
    pub async fn cases(&self, filter: &CaseFilter, limit: u32) -> Result<Vec<CaseRow>, Error> {
        let select = "SELECT id, region, matter, digest, subject, submitted_by, status, round, version,
                             next_reaction, parked, registered_at, ended_at
                      FROM cases";
        let query = Filter::new(select)
            .and("id =", filter.id.as_deref())?
            .and("region =", filter.region.as_deref())?
            .and("matter =", filter.matter.as_deref())?
            .and("status =", filter.status.as_deref())?
            .and("subject =", filter.subject.as_deref())?
            .and("submitted_by =", filter.submitted_by.as_deref())?
            .and("parked =", filter.parked.map(i64::from))?
            .and("id >", filter.after.as_deref())?
            .order("id", limit.min(ROWS_MAX))?;
        let rows: Vec<CaseColumns> = sqlx::query_as_with(AssertSqlSafe(query.sql), query.arguments)
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list cases"))?;
        rows.into_iter().map(case).collect()
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
        let rows: Vec<TaskColumns> = sqlx::query_as(
            "SELECT case_id, step, function, region, role, status, version, round, opened_at,
                    notice, due, objected
             FROM tasks
             WHERE function = $1 AND region = $2 AND (case_id, step) > ($3, $4)
             ORDER BY case_id, step LIMIT $5",
        )
        .bind(&office.function)
        .bind(&office.region)
        .bind(case_id)
        .bind(step)
        .bind(i64::from(limit.min(ROWS_MAX)))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list the tasks of an office"))?;
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
        let rows: Vec<TaskColumns> = sqlx::query_as(
            "SELECT case_id, step, function, region, role, status, version, round, opened_at,
                    notice, due, objected
             FROM tasks
             WHERE notice IS NOT NULL AND (case_id, step) > ($1, $2)
             ORDER BY case_id, step LIMIT $3",
        )
        .bind(case_id)
        .bind(step)
        .bind(i64::from(limit.min(ROWS_MAX)))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list public notices"))?;
        rows.into_iter().map(task).collect()
    }

    /// Tasks whose notice's period is over and to which nobody has objected, the longest over first;
    /// behind them those whose end was not known when the case last moved.
    pub async fn notices_over(&self, now: &str, limit: u32) -> Result<Vec<TaskRow>, Error> {
        let rows: Vec<TaskColumns> = sqlx::query_as(
            "SELECT case_id, step, function, region, role, status, version, round, opened_at,
                    notice, due, objected
             FROM tasks
             WHERE notice IS NOT NULL AND objected = 0 AND (due IS NULL OR due <= $1)
             ORDER BY due IS NULL, due, case_id, step LIMIT $2",
        )
        .bind(now)
        .bind(i64::from(limit.min(ROWS_MAX)))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list notices that are over"))?;
        rows.into_iter().map(task).collect()
    }
}

/// The tasks of a case, for who is about to replace them.
pub(crate) async fn tasks_of(
    connection: &mut Connection,
    case_id: &str,
) -> Result<Vec<TaskRow>, Error> {
    let rows: Vec<TaskColumns> = sqlx::query_as(
        "SELECT case_id, step, function, region, role, status, version, round, opened_at,
                notice, due, objected
         FROM tasks WHERE case_id = $1",
    )
    .bind(case_id)
    .fetch_all(connection)
    .await
    .map_err(failed("read the tasks of a case"))?;
    rows.into_iter().map(task).collect()
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
    Option<String>,
    Option<String>,
    i64,
);

fn task(columns: TaskColumns) -> Result<TaskRow, Error> {
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
    ) = columns;
    let notice = match notice {
        None => None,
        Some(notice) => Some(NoticeRow {
            notice: from_json(&notice, "a public notice")?,
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

type CaseColumns = (
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    i64,
    i64,
    Option<i64>,
    i64,
    String,
    Option<String>,
);

fn case(columns: CaseColumns) -> Result<CaseRow, Error> {
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
    ) = columns;
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
