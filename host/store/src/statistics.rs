//! What was offered, applied for and paid, by a value that cases are counted by and by month.

use crate::error::{failed, unsigned};
use crate::{Error, Store};
use std::collections::BTreeMap;

/// One value in one month. Money is in fen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatisticsRow {
    /// Of the element that is counted by.
    pub value: String,
    /// `2026-03`: when it was offered, applied for, decided or paid.
    pub month: String,
    /// Offers.
    pub offered: u64,
    /// What they come to, where they say it.
    pub offered_fen: u64,
    /// Cases registered.
    pub applied: u64,
    /// Cases completed.
    pub completed: u64,
    /// Cases that something was paid for.
    pub paid_cases: u64,
    /// Reserved by cases; what went back is not taken off.
    pub reserved_fen: u64,
    /// Paid out.
    pub paid_fen: u64,
}

type Counted = (String, String, i64, i64);

impl Store {
    /// The rows of a matter by an element, from one month to another, both included, ordered by
    /// value and month.
    pub async fn statistics(
        &self,
        matter: &str,
        group_by: &str,
        from: &str,
        to: &str,
    ) -> Result<Vec<StatisticsRow>, Error> {
        let mut rows: BTreeMap<(String, String), StatisticsRow> = BTreeMap::new();
        for (query, note) in QUERIES {
            let counted: Vec<Counted> = sqlx::query_as(query)
                .bind(matter)
                .bind(group_by)
                .bind(from)
                .bind(to)
                .fetch_all(&self.readers)
                .await
                .map_err(failed("count cases"))?;
            for (value, month, count, fen) in counted {
                let row = rows.entry((value, month)).or_default();
                note(
                    row,
                    unsigned(count, "a count")?,
                    unsigned(fen, "a sum of money")?,
                );
            }
        }
        let named = |((value, month), row)| StatisticsRow {
            value,
            month,
            ..row
        };
        Ok(rows.into_iter().map(named).collect())
    }
}

/// Where a count goes.
type Note = fn(&mut StatisticsRow, u64, u64);

/// $1 matter, $2 element, $3 and $4 months.
const QUERIES: [(&str, Note); 5] = [
    (
        "SELECT value, substr(at, 1, 7), count(*), CAST(coalesce(sum(fen), 0) AS BIGINT)
         FROM offer_groups JOIN offers ON n = offer
         WHERE matter = $1 AND name = $2 AND substr(at, 1, 7) BETWEEN $3 AND $4 GROUP BY 1, 2",
        |row, count, fen| (row.offered, row.offered_fen) = (count, fen),
    ),
    (
        "SELECT value, substr(registered_at, 1, 7), count(*), 0
         FROM case_groups JOIN cases ON cases.id = case_id
         WHERE matter = $1 AND name = $2 AND substr(registered_at, 1, 7) BETWEEN $3 AND $4 GROUP BY 1, 2",
        |row, count, _| row.applied = count,
    ),
    (
        "SELECT value, substr(ended_at, 1, 7), count(*), 0
         FROM case_groups JOIN cases ON cases.id = case_id
         WHERE matter = $1 AND name = $2 AND status = 'completed' AND substr(ended_at, 1, 7) BETWEEN $3 AND $4
         GROUP BY 1, 2",
        |row, count, _| row.completed = count,
    ),
    (
        "SELECT value, substr(p.at, 1, 7), 0, CAST(sum(p.fen) AS BIGINT)
         FROM case_groups AS g JOIN cases ON cases.id = g.case_id
         JOIN postings AS p ON p.case_id = g.case_id AND p.movement = 'reserve'
         WHERE matter = $1 AND name = $2 AND substr(p.at, 1, 7) BETWEEN $3 AND $4 GROUP BY 1, 2",
        |row, _, fen| row.reserved_fen = fen,
    ),
    (
        "SELECT value, substr(p.at, 1, 7), count(DISTINCT p.case_id), CAST(sum(p.fen) AS BIGINT)
         FROM case_groups AS g JOIN cases ON cases.id = g.case_id
         JOIN postings AS p ON p.case_id = g.case_id AND p.movement = 'pay'
         WHERE matter = $1 AND name = $2 AND substr(p.at, 1, 7) BETWEEN $3 AND $4 GROUP BY 1, 2",
        |row, count, fen| (row.paid_cases, row.paid_fen) = (count, fen),
    ),
];
