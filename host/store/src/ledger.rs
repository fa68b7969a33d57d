//! Budgets: double entry in whole fen. A posting moves money from one account of a budget to
//! another, so that the accounts of a budget always add up to zero; none but `funded` goes below
//! zero. What a case holds stands in its reservation, so that no case spends another's money.

use crate::append::{lock_case, not_held};
use crate::backend::{Backend, joined};
use crate::error::{failed, signed, unsigned};
use crate::{CommitError, Connection, Error, ROWS_MAX, Store};
use std::collections::BTreeSet;

/// A budget as it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBudget {
    /// `payroll/331102-2025`, as bundles name it.
    pub name: String,
    /// For people.
    pub title: String,
    /// Whose account the bank pays from.
    pub holder: String,
    /// The account.
    pub account: String,
    /// The account's bank, a CNAPS code.
    pub bank: Option<String>,
}

/// A budget with its balances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetRow {
    /// As it was opened.
    pub budget: NewBudget,
    /// RFC 3339.
    pub created_at: String,
    /// What is where now.
    pub balances: Balances,
}

/// Fen by account. `funded` is all that was ever given, and the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balances {
    /// Given by operators.
    pub funded: u64,
    /// Free for new reservations.
    pub available: u64,
    /// Held by cases.
    pub reserved: u64,
    /// At the bank.
    pub in_transit: u64,
    /// Paid out.
    pub paid: u64,
}

/// What a commit does with money of its case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// The case holds nothing and waits in line for so much. Whoever was in line before has kept the
    /// place.
    Queue {
        /// The budget.
        budget: String,
        /// Altogether, with what is at the bank and what is paid.
        fen: u64,
    },
    /// The case has exactly so much from now on and does not wait; what it holds above that goes
    /// back. More is only for those in front of whom nobody waits.
    Hold {
        /// The budget.
        budget: String,
        /// Altogether, with what is at the bank and what is paid.
        fen: u64,
    },
    /// The bank has answered a payment.
    Settle {
        /// The budget.
        budget: String,
        /// The payment's.
        ticket: String,
        /// Has reached the payees.
        paid: u64,
        /// Has come back and is reserved again.
        returned: u64,
    },
}

impl Instruction {
    fn budget(&self) -> &str {
        match self {
            Instruction::Queue { budget, .. }
            | Instruction::Hold { budget, .. }
            | Instruction::Settle { budget, .. } => budget,
        }
    }
}

/// What a case has of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationRow {
    /// The case.
    pub case_id: String,
    /// The budget.
    pub budget: String,
    /// What it is to have altogether, in fen.
    pub wanted: u64,
    /// What it holds now, in fen.
    pub reserved: u64,
    /// What of it is at the bank or paid, in fen.
    pub spent: u64,
    /// It waits in line.
    pub waits: bool,
    /// Its place in line; lower is earlier.
    pub line: u64,
}

/// A payment that was handed to the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPayment {
    /// The case.
    pub case_id: String,
    /// The effect's ticket.
    pub ticket: String,
    /// The claim under which it was handed over.
    pub claim: u64,
    /// What it is paid out of.
    pub budget: String,
    /// How much.
    pub fen: u64,
    /// When, RFC 3339.
    pub at: String,
}

/// Every way that money goes.
#[derive(Debug, Clone, Copy)]
enum Movement {
    Fund,
    Reserve,
    Send,
    Pay,
    Return,
    Release,
}

impl Movement {
    /// Its word and the accounts it goes from and to.
    fn accounts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Movement::Fund => ("fund", "funded", "available"),
            Movement::Reserve => ("reserve", "available", "reserved"),
            Movement::Send => ("send", "reserved", "in-transit"),
            Movement::Pay => ("pay", "in-transit", "paid"),
            Movement::Return => ("return", "in-transit", "reserved"),
            Movement::Release => ("release", "reserved", "available"),
        }
    }
}

/// Who moves money, for what, and when.
#[derive(Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub case_id: Option<&'a str>,
    pub ticket: Option<&'a str>,
    pub by: Option<&'a str>,
    pub at: &'a str,
}

impl Store {
    /// Opens a budget without money; false where there is one of this name.
    pub async fn open_budget(&self, budget: &NewBudget, at: &str) -> Result<bool, Error> {
        let data = (budget.clone(), at.to_owned());
        self.write("open a budget", data, |(budget, at), connection| {
            Box::pin(open_budget(connection, budget, at))
        })
        .await
    }

    /// Gives a budget money.
    pub async fn fund(
        &self,
        budget: &str,
        fen: u64,
        by: &str,
        at: &str,
    ) -> Result<(), CommitError> {
        let data = (
            self.backend,
            budget.to_owned(),
            fen,
            by.to_owned(),
            at.to_owned(),
        );
        self.write("fund a budget", data, |data, connection| {
            let (backend, budget, fen, by, at) = data;
            Box::pin(async move {
                lock_budget(*backend, connection, budget).await?;
                available(connection, budget).await?;
                let cause = Cause {
                    case_id: None,
                    ticket: None,
                    by: Some(by),
                    at,
                };
                post(connection, budget, Movement::Fund, *fen, cause).await
            })
        })
        .await
    }

    /// A payment has been handed to the bank under a claim (see [`crate::EffectRow::claim`]): it rests
    /// until the bank answers, and what it pays is on its way. Refused where the case does not hold so
    /// much, or the effect was handed out again.
    pub async fn send_payment(&self, payment: &SentPayment) -> Result<(), CommitError> {
        let data = (self.backend, payment.clone());
        self.write("send a payment", data, |(backend, payment), connection| {
            Box::pin(send_payment(*backend, connection, payment))
        })
        .await
    }

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

async fn open_budget(
    connection: &mut Connection,
    budget: &NewBudget,
    at: &str,
) -> Result<bool, Error> {
    let operation = "open a budget";
    let opened = sqlx::query(
        "INSERT INTO budgets (name, title, holder, account, bank, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING",
    )
    .bind(&budget.name)
    .bind(&budget.title)
    .bind(&budget.holder)
    .bind(&budget.account)
    .bind(&budget.bank)
    .bind(at)
    .execute(&mut *connection)
    .await
    .map_err(failed(operation))?;
    for account in ["funded", "available", "reserved", "in-transit", "paid"] {
        sqlx::query(
            "INSERT INTO balances (budget, account, fen) VALUES ($1, $2, 0)
             ON CONFLICT (budget, account) DO NOTHING",
        )
        .bind(&budget.name)
        .bind(account)
        .execute(&mut *connection)
        .await
        .map_err(failed(operation))?;
    }
    Ok(opened.rows_affected() == 1)
}

/// Locks as a commit does: the case, its effect, its budget.
async fn send_payment(
    backend: Backend,
    connection: &mut Connection,
    payment: &SentPayment,
) -> Result<(), CommitError> {
    let (case_id, ticket, budget) = (&payment.case_id, &payment.ticket, &payment.budget);
    lock_case(backend, connection, case_id).await?;
    let sent = sqlx::query(
        "UPDATE effects SET status = 'sent'
         WHERE ticket = $1 AND case_id = $2 AND status = 'pending' AND claim = $3",
    )
    .bind(ticket)
    .bind(case_id)
    .bind(signed(payment.claim))
    .execute(&mut *connection)
    .await
    .map_err(failed("send a payment"))?;
    if sent.rows_affected() != 1 {
        return Err(not_held(connection, case_id, ticket, Some(payment.claim)).await?);
    }
    lock_budget(backend, connection, budget).await?;
    let reserved = of_case(connection, case_id, budget)
        .await?
        .map_or(0, |case| case.reserved);
    if reserved < payment.fen {
        return Err(CommitError::NotReserved {
            budget: budget.clone(),
            reserved,
            wanted: payment.fen,
        });
    }
    let cause = Cause {
        case_id: Some(case_id),
        ticket: Some(ticket),
        by: None,
        at: &payment.at,
    };
    post(connection, budget, Movement::Send, payment.fen, cause).await
}

/// Holds the budgets of a commit, in the order of their names, so that two commits do not wait for
/// each other; whatever is read of a budget is read after this.
pub(crate) async fn lock(
    backend: Backend,
    connection: &mut Connection,
    instructions: &[Instruction],
) -> Result<(), CommitError> {
    let budgets: BTreeSet<&str> = instructions.iter().map(Instruction::budget).collect();
    for budget in budgets {
        lock_budget(backend, connection, budget).await?;
    }
    Ok(())
}

async fn lock_budget(
    backend: Backend,
    connection: &mut Connection,
    budget: &str,
) -> Result<(), CommitError> {
    let lock = backend.for_update();
    let sql = joined(format!("SELECT name FROM budgets WHERE name = $1{lock}"));
    let found: Option<String> = sqlx::query_scalar(sql)
        .bind(budget)
        .fetch_optional(connection)
        .await
        .map_err(failed("hold a budget"))?;
    match found {
        Some(_) => Ok(()),
        None => Err(CommitError::UnknownBudget {
            budget: budget.to_owned(),
        }),
    }
}

/// Carries out what a commit says of money, with its budgets held.
pub(crate) async fn carry_out(
    connection: &mut Connection,
    instruction: &Instruction,
    case_id: &str,
    at: &str,
) -> Result<(), CommitError> {
    let cause = |ticket| Cause {
        case_id: Some(case_id),
        ticket,
        by: None,
        at,
    };
    match instruction {
        Instruction::Queue { budget, fen } => {
            available(connection, budget).await?;
            let case = want(connection, case_id, budget, *fen, true).await?;
            let held = case.reserved;
            post(connection, budget, Movement::Release, held, cause(None)).await
        }
        Instruction::Hold { budget, fen } => {
            let available = available(connection, budget).await?;
            let case = want(connection, case_id, budget, *fen, false).await?;
            let target = fen.saturating_sub(case.spent);
            if target <= case.reserved {
                let surplus = case.reserved - target;
                return post(connection, budget, Movement::Release, surplus, cause(None)).await;
            }
            let wanted = target - case.reserved;
            let ahead = ahead(connection, budget, case.line).await?;
            if wanted > available || ahead > 0 {
                return Err(CommitError::BudgetShort {
                    budget: budget.clone(),
                    available,
                    wanted,
                    ahead,
                });
            }
            post(connection, budget, Movement::Reserve, wanted, cause(None)).await
        }
        Instruction::Settle {
            budget,
            ticket,
            paid,
            returned,
        } => {
            let cause = cause(Some(ticket));
            post(connection, budget, Movement::Pay, *paid, cause).await?;
            post(connection, budget, Movement::Return, *returned, cause).await
        }
    }
}

/// One posting, with both balances and the case's part of what is reserved. Nothing for 0 fen.
async fn post(
    connection: &mut Connection,
    budget: &str,
    movement: Movement,
    fen: u64,
    cause: Cause<'_>,
) -> Result<(), CommitError> {
    if fen == 0 {
        return Ok(());
    }
    let operation = "move money";
    let (word, from, to) = movement.accounts();
    sqlx::query(
        "INSERT INTO postings (budget, movement, from_account, to_account, fen, case_id, ticket, by, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(budget)
    .bind(word)
    .bind(from)
    .bind(to)
    .bind(signed(fen))
    .bind(cause.case_id)
    .bind(cause.ticket)
    .bind(cause.by)
    .bind(cause.at)
    .execute(&mut *connection)
    .await
    .map_err(failed(operation))?;
    for (account, change) in [(from, -signed(fen)), (to, signed(fen))] {
        sqlx::query("UPDATE balances SET fen = fen + $3 WHERE budget = $1 AND account = $2")
            .bind(budget)
            .bind(account)
            .bind(change)
            .execute(&mut *connection)
            .await
            .map_err(failed(operation))?;
    }
    let fen = signed(fen);
    let (reserved, spent) = match movement {
        Movement::Reserve => (fen, 0),
        Movement::Release => (-fen, 0),
        Movement::Send => (-fen, fen),
        Movement::Return => (fen, -fen),
        Movement::Fund | Movement::Pay => return Ok(()),
    };
    sqlx::query(
        "UPDATE reservations SET reserved = reserved + $3, spent = spent + $4
         WHERE case_id = $1 AND budget = $2",
    )
    .bind(cause.case_id)
    .bind(budget)
    .bind(reserved)
    .bind(spent)
    .execute(connection)
    .await
    .map_err(failed(operation))?;
    Ok(())
}

/// Notes what the case is to have of the budget: at the end of its line, or in the place it has had.
async fn want(
    connection: &mut Connection,
    case_id: &str,
    budget: &str,
    fen: u64,
    waits: bool,
) -> Result<ReservationRow, Error> {
    let columns: ReservationColumns = sqlx::query_as(
        "INSERT INTO reservations (case_id, budget, wanted, waits, line)
         SELECT $1, $2, $3, $4, coalesce(max(line), 0) + 1 FROM reservations WHERE budget = $2
         ON CONFLICT (case_id, budget) DO UPDATE SET wanted = $3, waits = $4
         RETURNING case_id, budget, wanted, reserved, spent, waits, line",
    )
    .bind(case_id)
    .bind(budget)
    .bind(signed(fen))
    .bind(i64::from(waits))
    .fetch_one(connection)
    .await
    .map_err(failed("reserve money"))?;
    reservation(columns)
}

async fn of_case(
    connection: &mut Connection,
    case_id: &str,
    budget: &str,
) -> Result<Option<ReservationRow>, Error> {
    let columns: Option<ReservationColumns> = sqlx::query_as(
        "SELECT case_id, budget, wanted, reserved, spent, waits, line FROM reservations
         WHERE case_id = $1 AND budget = $2",
    )
    .bind(case_id)
    .bind(budget)
    .fetch_optional(connection)
    .await
    .map_err(failed("read a reservation"))?;
    columns.map(reservation).transpose()
}

/// What the budget has for new reservations; refused where there is no such budget.
async fn available(connection: &mut Connection, budget: &str) -> Result<u64, CommitError> {
    let fen: Option<i64> =
        sqlx::query_scalar("SELECT fen FROM balances WHERE budget = $1 AND account = 'available'")
            .bind(budget)
            .fetch_optional(connection)
            .await
            .map_err(failed("read a balance"))?;
    let fen = fen.ok_or_else(|| CommitError::UnknownBudget {
        budget: budget.to_owned(),
    })?;
    Ok(unsigned(fen, "a balance")?)
}

/// How many wait for the budget in front of a place in its line.
async fn ahead(connection: &mut Connection, budget: &str, line: u64) -> Result<u64, Error> {
    let ahead: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM reservations WHERE budget = $1 AND waits = 1 AND line < $2",
    )
    .bind(budget)
    .bind(signed(line))
    .fetch_one(connection)
    .await
    .map_err(failed("read the line of a budget"))?;
    unsigned(ahead, "a line")
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

type ReservationColumns = (String, String, i64, i64, i64, i64, i64);

fn reservation(columns: ReservationColumns) -> Result<ReservationRow, Error> {
    let (case_id, budget, wanted, reserved, spent, waits, line) = columns;
    Ok(ReservationRow {
        case_id,
        budget,
        wanted: unsigned(wanted, "a reservation")?,
        reserved: unsigned(reserved, "a reservation")?,
        spent: unsigned(spent, "a reservation")?,
        waits: waits != 0,
        line: unsigned(line, "a place in line")?,
    })
}
