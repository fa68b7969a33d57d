//! Budgets as they stand, read and never moved.

use crate::error::{failed, unsigned};
use crate::ledger::{ReservationColumns, reservation};
use crate::{Balances, BudgetRow, Error, NewBudget, ROWS_MAX, ReservationRow, Store};

impl Store {
    /// A budget.
    pub async fn budget(&self, name: &str) -> Result<Option<BudgetRow>, Error> {
        Ok(self.list_budgets(Some(name)).await?.pop())
    }

    /// Every budget, by name.
    pub async fn budgets(&self) -> Result<Vec<BudgetRow>, Error> {
        self.list_budgets(None).await
    }

    async fn list_budgets(&self, name: Option<&str>) -> Result<Vec<BudgetRow>, Error> {
        let rows: Vec<BudgetColumns> = sqlx::query_as(
            "SELECT name, title, holder, account, bank, created_at,
                    (SELECT -fen FROM balances WHERE budget = name AND account = 'funded'),
                    (SELECT fen FROM balances WHERE budget = name AND account = 'available'),
                    (SELECT fen FROM balances WHERE budget = name AND account = 'reserved'),
                    (SELECT fen FROM balances WHERE budget = name AND account = 'in-transit'),
                    (SELECT fen FROM balances WHERE budget = name AND account = 'paid')
             FROM budgets WHERE $1 IS NULL OR name = $1 ORDER BY name",
        )
        .bind(name)
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list budgets"))?;
        rows.into_iter().map(budget_row).collect()
    }

    /// Who waits for a budget, in line, at most [`ROWS_MAX`].
    pub async fn waiting(&self, budget: &str) -> Result<Vec<ReservationRow>, Error> {
        let rows: Vec<ReservationColumns> = sqlx::query_as(
            "SELECT case_id, budget, wanted, reserved, spent, waits, line FROM reservations
             WHERE budget = $1 AND waits = 1 ORDER BY line LIMIT $2",
        )
        .bind(budget)
        .bind(i64::from(ROWS_MAX))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list who waits for a budget"))?;
        rows.into_iter().map(reservation).collect()
    }

    /// What a case has of each budget, by budget.
    pub async fn reservations(&self, case_id: &str) -> Result<Vec<ReservationRow>, Error> {
        let rows: Vec<ReservationColumns> = sqlx::query_as(
            "SELECT case_id, budget, wanted, reserved, spent, waits, line FROM reservations
             WHERE case_id = $1 ORDER BY budget",
        )
        .bind(case_id)
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list the reservations of a case"))?;
        rows.into_iter().map(reservation).collect()
    }

    /// Those who wait first for their budget, where it has the money for them.
    pub async fn in_turn(&self) -> Result<Vec<ReservationRow>, Error> {
        let rows: Vec<ReservationColumns> = sqlx::query_as(
            "SELECT r.case_id, r.budget, r.wanted, r.reserved, r.spent, r.waits, r.line
             FROM reservations AS r
             JOIN balances AS b ON b.budget = r.budget AND b.account = 'available'
             WHERE r.waits = 1 AND r.wanted - r.spent <= b.fen
               AND r.line = (SELECT min(line) FROM reservations
                             WHERE budget = r.budget AND waits = 1)
             ORDER BY r.budget LIMIT $1",
        )
        .bind(i64::from(ROWS_MAX))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list whose turn it is"))?;
        rows.into_iter().map(reservation).collect()
    }
}

type BudgetColumns = (
    String,
    String,
    String,
    String,
    Option<String>,
    String,
    i64,
    i64,
    i64,
    i64,
    i64,
);

fn budget_row(columns: BudgetColumns) -> Result<BudgetRow, Error> {
    let (name, title, holder, account, bank, created_at, funded, available, reserved, sent, paid) =
        columns;
    let fen = |fen| unsigned(fen, "a balance");
    Ok(BudgetRow {
        budget: NewBudget {
            name,
            title,
            holder,
            account,
            bank,
        },
        created_at,
        balances: Balances {
            funded: fen(funded)?,
            available: fen(available)?,
            reserved: fen(reserved)?,
            in_transit: fen(sent)?,
            paid: fen(paid)?,
        },
    })
}
